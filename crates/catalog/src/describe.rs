//! Objects in words, as error messages name them.

use crate::index;
use crate::rows::*;
use crate::session::Session;
use base::{Oid, Result};
use datum::Datum;
use syntax::quote_identifier;

/// What pg_depend refers to: a row of a catalog, or a column of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectAddress {
    /// The catalog.
    pub class: Oid,
    pub object: Oid,
    /// Attribute number, or 0.
    pub sub: i32,
}

impl ObjectAddress {
    pub fn new<T: CatalogRow>(object: Oid) -> ObjectAddress {
        ObjectAddress { class: T::OID, object, sub: 0 }
    }

    pub fn column(relation: Oid, number: i16) -> ObjectAddress {
        ObjectAddress { class: PgClass::OID, object: relation, sub: i32::from(number) }
    }
}

/// The word for a pg_class.relkind.
pub fn relation_kind(kind: u8) -> &'static str {
    match kind {
        b'r' | b'p' => "table",
        b'i' | b'I' => "index",
        b'S' => "sequence",
        b't' => "toast table",
        b'v' => "view",
        b'm' => "materialized view",
        b'c' => "composite type",
        b'f' => "foreign table",
        _ => "relation",
    }
}

impl Session {
    /// A name with its schema unless the search path finds it without.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn display_relation(&self, oid: Oid) -> Result<String> {
        let Some(class) = self.row::<PgClass>(index::PG_CLASS_OID, &[oid.into()])? else {
            return Ok(oid.to_string());
        };
        let name = quote_identifier(&class.relname);
        if self.is_visible_relation(oid)? {
            return Ok(name.into_owned());
        }
        Ok(format!("{}.{name}", quote_identifier(&self.namespace_name(class.relnamespace)?)))
    }

    /// `name(argument types)` of a function.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn display_function(&self, oid: Oid) -> Result<String> {
        let Some(row) = self.row::<PgProc>(index::PG_PROC_OID, &[oid.into()])? else {
            return Ok(oid.to_string());
        };
        let mut name = quote_identifier(&row.proname).into_owned();
        if !self.is_visible_function(oid)? {
            name = format!("{}.{name}", quote_identifier(&self.namespace_name(row.pronamespace)?));
        }
        let types: Result<Vec<_>> = row.proargtypes.iter().map(|t| self.format_type(*t, None)).collect();
        Ok(format!("{name}({})", types?.join(",")))
    }

    /// `name(left,right)` of an operator.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn display_operator(&self, oid: Oid) -> Result<String> {
        let Some(row) = self.row::<PgOperator>(index::PG_OPERATOR_OID, &[oid.into()])? else {
            return Ok(oid.to_string());
        };
        let mut name = row.oprname.clone();
        if !self.is_visible_operator(oid)? {
            name = format!("{}.{name}", quote_identifier(&self.namespace_name(row.oprnamespace)?));
        }
        let side = |oid: Oid| match oid.is_valid() {
            true => self.format_type(oid, None),
            false => Ok("NONE".to_owned()),
        };
        Ok(format!("{name}({},{})", side(row.oprleft)?, side(row.oprright)?))
    }

    /// An object in words: `table orders`, `column a of table t`, `constraint c on table t`.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn describe_object(&self, object: ObjectAddress) -> Result<String> {
        let key = [Datum::from(object.object)];
        let words = match object.class {
            PgClass::OID => self.describe_relation(object)?,
            PgType::OID => Some(format!("type {}", self.format_type(object.object, None)?)),
            PgProc::OID => Some(format!("function {}", self.display_function(object.object)?)),
            PgOperator::OID => Some(format!("operator {}", self.display_operator(object.object)?)),
            PgNamespace::OID => Some(format!("schema {}", self.namespace_name(object.object)?)),
            PgConstraint::OID => match self.row::<PgConstraint>(index::PG_CONSTRAINT_OID, &key)? {
                Some(row) if row.conrelid.is_valid() => {
                    let owner = self.describe_relation(ObjectAddress::new::<PgClass>(row.conrelid))?;
                    Some(format!("constraint {} on {}", row.conname, owner.unwrap_or_default()))
                }
                Some(row) => Some(format!("constraint {}", row.conname)),
                None => None,
            },
            PgAttrdef::OID => match self.row::<PgAttrdef>(index::PG_ATTRDEF_OID, &key)? {
                Some(row) => {
                    let column = self.describe_object(ObjectAddress::column(row.adrelid, row.adnum))?;
                    Some(format!("default value for {column}"))
                }
                None => None,
            },
            PgRewrite::OID => match self.row::<PgRewrite>(index::PG_REWRITE_OID, &key)? {
                Some(row) => {
                    let owner = self.describe_relation(ObjectAddress::new::<PgClass>(row.ev_class))?;
                    Some(format!("rule {} on {}", row.rulename, owner.unwrap_or_default()))
                }
                None => None,
            },
            PgTrigger::OID => match self.row::<PgTrigger>(index::PG_TRIGGER_OID, &key)? {
                Some(row) => {
                    let owner = self.describe_relation(ObjectAddress::new::<PgClass>(row.tgrelid))?;
                    Some(format!("trigger {} on {}", row.tgname, owner.unwrap_or_default()))
                }
                None => None,
            },
            PgAuthid::OID => Some(format!("role {}", self.user_name(object.object)?)),
            PgDatabase::OID => {
                let row = self.row::<PgDatabase>(index::PG_DATABASE_OID, &key)?;
                row.map(|row| format!("database {}", row.datname))
            }
            PgTablespace::OID => {
                let row = self.row::<PgTablespace>(index::PG_TABLESPACE_OID, &key)?;
                row.map(|row| format!("tablespace {}", row.spcname))
            }
            PgExtension::OID => {
                let row = self.row::<PgExtension>(index::PG_EXTENSION_OID, &key)?;
                row.map(|row| format!("extension {}", row.extname))
            }
            PgCollation::OID => {
                let row = self.row::<PgCollation>(index::PG_COLLATION_OID, &key)?;
                row.map(|row| format!("collation {}", quote_identifier(&row.collname)))
            }
            PgCast::OID => {
                let row = self.row::<PgCast>(index::PG_CAST_OID, &key)?;
                match row {
                    Some(row) => Some(format!(
                        "cast from {} to {}",
                        self.format_type(row.castsource, None)?,
                        self.format_type(row.casttarget, None)?
                    )),
                    None => None,
                }
            }
            PgStatisticExt::OID => {
                let row = self.row::<PgStatisticExt>(index::PG_STATISTIC_EXT_OID, &key)?;
                row.map(|row| self.describe_statistics(&row)).transpose()?
            }
            _ => None,
        };
        Ok(words.unwrap_or_else(|| format!("object {} of catalog {}", object.object, object.class)))
    }

    fn describe_statistics(&self, row: &PgStatisticExt) -> Result<String> {
        let mut name = quote_identifier(&row.stxname).into_owned();
        if !self.is_visible_statistics(row)? {
            name = format!("{}.{name}", quote_identifier(&self.namespace_name(row.stxnamespace)?));
        }
        Ok(format!("statistics object {name}"))
    }

    /// Whether the search path finds a statistics object by its bare name; temporary schemas are not searched for it.
    fn is_visible_statistics(&self, row: &PgStatisticExt) -> Result<bool> {
        let temporary = self.temporary_namespace();
        for namespace in self.search_path()?.iter().filter(|n| Some(**n) != temporary) {
            let keys = [row.stxname.as_str().into(), (*namespace).into()];
            if let Some(found) = self.row::<PgStatisticExt>(index::PG_STATISTIC_EXT_NAME, &keys)? {
                return Ok(found.oid == row.oid);
            }
        }
        Ok(false)
    }

    fn describe_relation(&self, object: ObjectAddress) -> Result<Option<String>> {
        let Some(class) = self.row::<PgClass>(index::PG_CLASS_OID, &[object.object.into()])? else {
            return Ok(None);
        };
        let relation =
            format!("{} {}", relation_kind(class.relkind as u8), self.display_relation(object.object)?);
        if object.sub == 0 {
            return Ok(Some(relation));
        }
        let keys = [object.object.into(), Datum::Int2(object.sub as i16)];
        let column = self.row::<PgAttribute>(index::PG_ATTRIBUTE_RELID_ATTNUM, &keys)?;
        let name =
            column.map_or_else(|| object.sub.to_string(), |c| quote_identifier(&c.attname).into_owned());
        Ok(Some(format!("column {name} of {relation}")))
    }
}
