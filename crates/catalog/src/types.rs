//! Types, functions, operators and what relates them: lookups over the caches.

use crate::index;
use crate::rows::*;
use crate::session::Session;
use base::{Error, Oid, Result};
use datum::{Datum, TupleDesc, TypeLayout};
use std::sync::Arc;

fn missing(kind: &str, oid: Oid) -> Error {
    Error::internal(format!("cache lookup failed for {kind} {oid}"))
}

impl Session {
    /// # Errors
    /// `XX000` if there is no such type.
    pub fn type_row(&self, oid: Oid) -> Result<Arc<PgType>> {
        self.row::<PgType>(index::PG_TYPE_OID, &[oid.into()])?.ok_or_else(|| missing("type", oid))
    }

    /// # Errors
    /// `XX000` if there is no such function.
    pub fn function(&self, oid: Oid) -> Result<Arc<PgProc>> {
        self.row::<PgProc>(index::PG_PROC_OID, &[oid.into()])?.ok_or_else(|| missing("function", oid))
    }

    /// # Errors
    /// `XX000` if there is no such operator.
    pub fn operator(&self, oid: Oid) -> Result<Arc<PgOperator>> {
        self.row::<PgOperator>(index::PG_OPERATOR_OID, &[oid.into()])?.ok_or_else(|| missing("operator", oid))
    }

    /// In all schemas.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn functions_by_name(&self, name: &str) -> Result<Arc<[Arc<PgProc>]>> {
        self.rows(index::PG_PROC_PRONAME_ARGS_NSP, &[Datum::from(name)])
    }

    /// In all schemas.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn operators_by_name(&self, name: &str) -> Result<Arc<[Arc<PgOperator>]>> {
        self.rows(index::PG_OPERATOR_OPRNAME_L_R_N, &[Datum::from(name)])
    }

    pub fn aggregate(&self, function: Oid) -> Result<Arc<PgAggregate>> {
        self.row::<PgAggregate>(index::PG_AGGREGATE_FNOID, &[function.into()])?
            .ok_or_else(|| missing("aggregate", function))
    }

    pub fn cast(&self, source: Oid, target: Oid) -> Result<Option<Arc<PgCast>>> {
        self.row(index::PG_CAST_SOURCE_TARGET, &[source.into(), target.into()])
    }

    /// The type under any domains, and the typmod that they fix.
    ///
    /// # Errors
    /// `XX000` if there is no such type.
    pub fn base_type(&self, oid: Oid) -> Result<(Oid, i32)> {
        let mut current = oid;
        let mut typmod = -1;
        loop {
            let row = self.type_row(current)?;
            if row.typtype as u8 != b'd' {
                return Ok((current, typmod));
            }
            if typmod < 0 {
                typmod = row.typtypmod;
            }
            current = row.typbasetype;
        }
    }

    /// # Errors
    /// `XX000` if there is no such type.
    pub fn type_layout(&self, oid: Oid) -> Result<TypeLayout> {
        let row = self.type_row(oid)?;
        let base = if row.typtype as u8 == b'd' { self.base_type(oid)?.0 } else { oid };
        Ok(TypeLayout::new(base, row.typlen, row.typbyval, row.typalign as u8))
    }

    pub fn type_collation(&self, oid: Oid) -> Result<Oid> {
        Ok(self.type_row(oid)?.typcollation)
    }

    pub fn array_type(&self, element: Oid) -> Result<Option<Oid>> {
        Ok(self.row::<PgType>(index::PG_TYPE_OID, &[element.into()])?.and_then(|t| t.typarray.some()))
    }

    /// The element type of a true array type (a varlena whose subscripts are array_subscript_handler's).
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn element_type(&self, array: Oid) -> Result<Option<Oid>> {
        const ARRAY_SUBSCRIPT_HANDLER: Oid = Oid(6179);
        let Some(row) = self.row::<PgType>(index::PG_TYPE_OID, &[array.into()])? else { return Ok(None) };
        Ok(if row.typsubscript == ARRAY_SUBSCRIPT_HANDLER { row.typelem.some() } else { None })
    }

    /// The descriptor of a composite type (of the base type of a domain over one).
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn row_type(&self, type_oid: Oid) -> Result<Option<Arc<TupleDesc>>> {
        if type_oid == TupleDesc::RECORD_TYPE {
            return Ok(None);
        }
        let row = self.type_row(self.base_type(type_oid)?.0)?;
        match row.typrelid.some() {
            Some(relation) => Ok(Some(self.require_relation(relation)?.desc().clone())),
            None => Ok(None),
        }
    }

    /// The operator class of an access method under this name, in a schema or else on the search path.
    ///
    /// # Errors
    /// `3F000` for a schema that is not there.
    pub fn named_opclass(
        &self,
        schema: Option<&str>,
        name: &str,
        method: Oid,
    ) -> Result<Option<Arc<PgOpclass>>> {
        let namespaces: Arc<[Oid]> = match schema {
            Some(schema) => Arc::new([self.require_namespace(schema)?]),
            None => self.search_path()?,
        };
        for namespace in namespaces.iter() {
            let keys = [method.into(), name.into(), (*namespace).into()];
            if let Some(class) = self.row::<PgOpclass>(index::PG_OPCLASS_AM_NAME_NSP, &keys)? {
                return Ok(Some(class));
            }
        }
        Ok(None)
    }

    /// The default operator class of an access method for a type, by PostgreSQL's rules: of the type itself, else of a
    /// binary-coercible type, a preferred one first.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn default_opclass(&self, type_oid: Oid, method: Oid) -> Result<Option<Arc<PgOpclass>>> {
        let type_oid = self.base_type(type_oid)?.0;
        let category = self.type_row(type_oid)?.typcategory;
        let classes = self.rows::<PgOpclass>(index::PG_OPCLASS_AM_NAME_NSP, &[method.into()])?;
        let mut compatible: Vec<(bool, Arc<PgOpclass>)> = Vec::new();
        for class in classes.iter().filter(|c| c.opcdefault) {
            if class.opcintype == type_oid {
                return Ok(Some(class.clone()));
            }
            if self.binary_coercible(type_oid, class.opcintype)? {
                let target = self.type_row(class.opcintype)?;
                compatible.push((target.typispreferred && target.typcategory == category, class.clone()));
            }
        }
        let preferred: Vec<_> = compatible.iter().filter(|(preferred, _)| *preferred).collect();
        Ok(match (preferred[..].len(), compatible.len()) {
            (1, _) => Some(preferred[0].1.clone()),
            (0, 1) => Some(compatible[0].1.clone()),
            _ => None,
        })
    }

    /// Whether values of `source` are values of `target` as they stand.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn binary_coercible(&self, source: Oid, target: Oid) -> Result<bool> {
        const ANY: u32 = 2276;
        const ANYELEMENT: u32 = 2283;
        const ANYARRAY: u32 = 2277;
        const ANYENUM: u32 = 3500;
        const ANYNONARRAY: u32 = 2776;
        const ANYRANGE: u32 = 3831;
        const RECORD: u32 = 2249;
        if source == target || matches!(target.0, ANY | ANYELEMENT | 5077) {
            return Ok(true);
        }
        let source = self.base_type(source)?.0;
        if source == target {
            return Ok(true);
        }
        let row = self.type_row(source)?;
        match target.0 {
            ANYARRAY | 5078 => return Ok(self.element_type(source)?.is_some()),
            ANYNONARRAY | 5079 => return Ok(self.element_type(source)?.is_none()),
            ANYENUM => return Ok(row.typtype as u8 == b'e'),
            ANYRANGE | 5080 => return Ok(row.typtype as u8 == b'r'),
            RECORD => return Ok(row.typtype as u8 == b'c'),
            _ => {}
        }
        match self.cast(source, target)? {
            Some(cast) => Ok(cast.castmethod as u8 == b'b' && cast.castcontext as u8 == b'i'),
            None => Ok(false),
        }
    }

    pub fn family_operator(&self, family: Oid, left: Oid, right: Oid, strategy: i16) -> Result<Option<Oid>> {
        let keys = [family.into(), left.into(), right.into(), Datum::Int2(strategy)];
        Ok(self.row::<PgAmop>(index::PG_AMOP_FAM_STRAT, &keys)?.map(|r| r.amopopr))
    }

    pub fn family_function(&self, family: Oid, left: Oid, right: Oid, number: i16) -> Result<Option<Oid>> {
        let keys = [family.into(), left.into(), right.into(), Datum::Int2(number)];
        Ok(self.row::<PgAmproc>(index::PG_AMPROC_FAM_PROC, &keys)?.map(|r| r.amproc))
    }

    /// pg_amop's entries for an operator.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn operator_families(&self, operator: Oid) -> Result<Arc<[Arc<PgAmop>]>> {
        self.rows(index::PG_AMOP_OPR_FAM, &[operator.into()])
    }
}
