//! Relation descriptors: everything the upper layers ask of a table, index, view or sequence, read from pg_class and
//! the catalogs around it, once.

use crate::access::{self, GLOBAL_TABLESPACE};
use crate::index;
use crate::order;
use crate::rows::*;
use crate::session::Session;
use access_api::{IndexKey, IndexRelation, KeyOrder, Persistence, Relation};
use base::{Error, Oid, RelFileLocator, Result, bail};
use datum::{Attribute, Datum, TupleDesc};
use lock::{LockMode, LockTag};
use std::any::Any;
use std::sync::{Arc, OnceLock};

/// B-tree families that serve many types.
const ARRAY_OPS: Oid = Oid(397);
const RECORD_OPS: Oid = Oid(2994);

/// A relation with everything the upper layers ask of it. Immutable; true while the lock it was taken under is held.
pub struct RelationEntry {
    pub class: PgClass,
    /// For views and others without storage, the file number is 0.
    pub relation: Relation,
    /// pg_attrdef.adbin by attribute (from 0): defaults and generation expressions.
    pub defaults: Vec<Option<String>>,
    pub checks: Vec<PgConstraint>,
    /// NOT NULL constraints.
    pub not_nulls: Vec<PgConstraint>,
    /// Foreign keys of this table.
    pub foreign_keys: Vec<PgConstraint>,
    /// Foreign keys that point to this table.
    pub referenced_by: Vec<PgConstraint>,
    pub indexes: Vec<Arc<IndexEntry>>,
    pub triggers: Vec<PgTrigger>,
    pub rules: Vec<PgRewrite>,
    pub policies: Vec<PgPolicy>,
    /// What upper layers have worked out from the relation: its partitions.
    pub derived: OnceLock<Arc<dyn Any + Send + Sync>>,
}

/// An index with what its access method and the planner ask of it.
pub struct IndexEntry {
    pub oid: Oid,
    pub index: PgIndex,
    pub class: PgClass,
    /// Of B-trees; others have no method yet.
    pub access: Option<IndexRelation>,
    /// Per key column.
    pub families: Vec<Oid>,
    pub input_types: Vec<Oid>,
    /// The constraint it enforces.
    pub constraint: Option<PgConstraint>,
}

impl RelationEntry {
    pub fn oid(&self) -> Oid {
        self.class.oid
    }

    pub fn name(&self) -> &str {
        &self.class.relname
    }

    pub fn desc(&self) -> &Arc<TupleDesc> {
        &self.relation.desc
    }

    pub fn kind(&self) -> u8 {
        self.class.relkind as u8
    }

    /// The OIDs whose change makes this entry stale.
    pub(crate) fn depends_on(&self) -> impl Iterator<Item = Oid> + '_ {
        let toast = self.relation.toast.iter().flat_map(|t| [t.heap.oid, t.index.relation.oid]);
        std::iter::once(self.class.oid).chain(self.indexes.iter().map(|i| i.oid)).chain(toast)
    }
}

/// The value of `name=value` in reloptions.
pub fn option<'a>(class: &'a PgClass, name: &str) -> Option<&'a str> {
    class
        .reloptions
        .as_ref()?
        .iter()
        .find_map(|o| o.split_once('=').filter(|(n, _)| *n == name))
        .map(|(_, v)| v)
}

fn persistence(class: &PgClass) -> Persistence {
    match class.relpersistence as u8 {
        b't' => Persistence::Temporary,
        b'u' => Persistence::Unlogged,
        _ => Persistence::Permanent,
    }
}

impl Session {
    /// The descriptor of a relation, or `None` if there is none with this OID.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn relation(&self, oid: Oid) -> Result<Option<Arc<RelationEntry>>> {
        let (epoch, found) = self.with_cache(|cache| (cache.epoch(), cache.relation(self.database(), oid)));
        if found.is_some() {
            return Ok(found);
        }
        let Some(class) = self.row::<PgClass>(index::PG_CLASS_OID, &[oid.into()])? else { return Ok(None) };
        let entry = Arc::new(self.load_entry((*class).clone())?);
        self.with_cache(|cache| cache.put_relation(epoch, self.database(), entry.clone()));
        Ok(Some(entry))
    }

    /// The descriptor of a relation that must be there.
    ///
    /// # Errors
    /// `XX000` if it is not.
    pub fn require_relation(&self, oid: Oid) -> Result<Arc<RelationEntry>> {
        self.relation(oid)?.ok_or_else(|| Error::internal(format!("could not open relation with OID {oid}")))
    }

    /// Locks a relation until the transaction ends.
    ///
    /// # Errors
    /// `40P01`, `55P03`, `57014` as waiting ends.
    pub fn lock_relation(&self, oid: Oid, mode: LockMode) -> Result<()> {
        let tag = self.relation_lock_tag(oid)?;
        self.transaction()?.lock(tag, mode, &self.wait_policy())?;
        Ok(())
    }

    /// The lock tag of a relation: shared ones belong to no database.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn relation_lock_tag(&self, oid: Oid) -> Result<LockTag> {
        let shared = oid.0 < 16384
            && self.instance().catalog_tables().iter().any(|t| {
                t.shared
                    && (t.oid == oid
                        || t.indexes.iter().any(|i| i.oid == oid)
                        || t.toast.is_some_and(|x| x.0 == oid || x.1 == oid))
            });
        Ok(LockTag::Relation { database: if shared { Oid::INVALID } else { self.database() }, relation: oid })
    }

    /// Locks a relation, then takes its descriptor, as it is with the lock held.
    ///
    /// # Errors
    /// `42P01` if it has gone meanwhile.
    pub fn open_relation(&self, oid: Oid, mode: LockMode) -> Result<Arc<RelationEntry>> {
        self.lock_relation(oid, mode)?;
        match self.relation(oid)? {
            Some(entry) => Ok(entry),
            None => bail!(UNDEFINED_TABLE, "relation with OID {oid} does not exist"),
        }
    }

    /// Where a relation's file is.
    ///
    /// # Errors
    /// `XX001` for a mapped relation that the map lacks.
    pub fn locate(&self, class: &PgClass) -> Result<RelFileLocator> {
        let shared = class.relisshared;
        let database = if shared { Oid::INVALID } else { self.database() };
        let default = if shared { GLOBAL_TABLESPACE } else { self.database_tablespace() };
        let tablespace = class.reltablespace.some().unwrap_or(default);
        let number = match class.relfilenode.some() {
            Some(number) => number,
            None if matches!(class.relkind as u8, b'r' | b'i' | b't') => {
                let map = self.instance().maps.get(database)?;
                map.get(&class.oid).copied().ok_or_else(|| {
                    Error::corrupted(format!("relation {} is missing in the relation map", class.oid))
                })?
            }
            None => Oid::INVALID,
        };
        let locator = RelFileLocator { tablespace, database, number };
        if number.is_valid() && class.relpersistence as u8 != b'p' {
            let persistence = match class.relpersistence as u8 {
                b't' => storage::Persistence::Temporary { backend: self.temporary_owner(class)? },
                _ => storage::Persistence::Unlogged,
            };
            self.instance().pool.files().declare(locator, persistence);
        }
        Ok(locator)
    }

    /// The session number in the name of a temporary relation's schema.
    fn temporary_owner(&self, class: &PgClass) -> Result<u32> {
        let namespace = self.row::<PgNamespace>(index::PG_NAMESPACE_OID, &[class.relnamespace.into()])?;
        let number = namespace.as_ref().and_then(|n| {
            n.nspname
                .strip_prefix("pg_temp_")
                .or_else(|| n.nspname.strip_prefix("pg_toast_temp_"))?
                .parse()
                .ok()
        });
        Ok(number.unwrap_or(self.number))
    }

    fn load_entry(&self, class: PgClass) -> Result<RelationEntry> {
        let oid = class.oid;
        let relation = self.load_relation(&class)?;
        let mut defaults = vec![None; relation.desc.len()];
        let mut entry = RelationEntry {
            relation,
            defaults: Vec::new(),
            checks: Vec::new(),
            not_nulls: Vec::new(),
            foreign_keys: Vec::new(),
            referenced_by: Vec::new(),
            indexes: Vec::new(),
            triggers: Vec::new(),
            rules: Vec::new(),
            policies: Vec::new(),
            derived: OnceLock::new(),
            class,
        };
        if !matches!(entry.class.relkind as u8, b'r' | b'p' | b'v' | b'm' | b'f' | b't') {
            entry.defaults = defaults;
            return Ok(entry);
        }
        for row in self.rows::<PgAttrdef>(index::PG_ATTRDEF_ADRELID_ADNUM, &[oid.into()])?.iter() {
            if let Some(slot) = defaults.get_mut(row.adnum as usize - 1) {
                *slot = Some(row.adbin.clone());
            }
        }
        entry.defaults = defaults;
        self.load_constraints(&mut entry)?;
        if entry.class.relhasindex {
            // One that is not live is being dropped, and nobody's business any more.
            let rows = self.rows::<PgIndex>(index::PG_INDEX_INDRELID, &[oid.into()])?;
            for row in rows.iter().filter(|row| row.indislive) {
                entry.indexes.push(Arc::new(self.load_index(row, &entry)?));
            }
            entry.indexes.sort_by_key(|i| i.oid);
        }
        if entry.class.relhastriggers {
            let rows = self.rows::<PgTrigger>(index::PG_TRIGGER_TGRELID_TGNAME, &[oid.into()])?;
            entry.triggers = rows.iter().map(|r| (**r).clone()).collect();
        }
        if entry.class.relhasrules {
            let rows = self.rows::<PgRewrite>(index::PG_REWRITE_REL_RULENAME, &[oid.into()])?;
            entry.rules = rows.iter().map(|r| (**r).clone()).collect();
        }
        if entry.class.relrowsecurity {
            let rows = self.rows::<PgPolicy>(index::PG_POLICY_POLRELID_POLNAME, &[oid.into()])?;
            entry.policies = rows.iter().map(|r| (**r).clone()).collect();
        }
        Ok(entry)
    }

    fn load_constraints(&self, entry: &mut RelationEntry) -> Result<()> {
        let oid = entry.class.oid;
        if oid.0 < 16384 && entry.class.relnamespace == Oid(11) {
            return Ok(()); // catalogs have keys but no checks
        }
        for row in
            self.rows::<PgConstraint>(index::PG_CONSTRAINT_CONRELID_CONTYPID_CONNAME, &[oid.into()])?.iter()
        {
            match row.contype as u8 {
                b'c' => entry.checks.push((**row).clone()),
                b'n' => entry.not_nulls.push((**row).clone()),
                b'f' => entry.foreign_keys.push((**row).clone()),
                _ => {}
            }
        }
        // Copies of a foreign key for the partitions of the table it refers to do not check this table's rows.
        let keys: Vec<Oid> = entry.foreign_keys.iter().map(|key| key.oid).collect();
        entry.foreign_keys.retain(|key| !keys.contains(&key.conparentid));
        entry.checks.sort_by(|a, b| a.conname.cmp(&b.conname));
        if entry.class.relhastriggers {
            // pg_constraint has no index on confrelid: the triggers on this table name their constraints.
            for trigger in self.rows::<PgTrigger>(index::PG_TRIGGER_TGRELID_TGNAME, &[oid.into()])?.iter() {
                if !trigger.tgconstraint.is_valid() || !trigger.tgconstrrelid.is_valid() {
                    continue;
                }
                let Some(row) =
                    self.row::<PgConstraint>(index::PG_CONSTRAINT_OID, &[trigger.tgconstraint.into()])?
                else {
                    continue;
                };
                let known = entry.referenced_by.iter().any(|c| c.oid == row.oid);
                if row.contype as u8 == b'f' && row.confrelid == oid && !known {
                    entry.referenced_by.push((*row).clone());
                }
            }
        }
        Ok(())
    }

    fn load_relation(&self, class: &PgClass) -> Result<Relation> {
        let locator = self.locate(class)?;
        let desc = self.load_desc(class.oid, class.reltype)?;
        let fillfactor = option(class, "fillfactor").and_then(|v| v.parse().ok());
        let default_fillfactor = if class.relkind as u8 == b'i' { 90 } else { 100 };
        let is_catalog = class.oid.0 < 16384;
        let toast = match class.reltoastrelid.some() {
            None => None,
            Some(toast) => self.load_toast(class, toast, is_catalog)?,
        };
        Ok(Relation {
            oid: class.oid,
            database: locator.database,
            name: class.relname.as_str().into(),
            locator,
            persistence: persistence(class),
            is_catalog,
            desc: Arc::new(desc),
            fillfactor: fillfactor.unwrap_or(default_fillfactor),
            toast,
        })
    }

    fn load_toast(
        &self,
        owner: &PgClass,
        toast: Oid,
        is_catalog: bool,
    ) -> Result<Option<Arc<access_api::ToastRelation>>> {
        let Some(class) = self.row::<PgClass>(index::PG_CLASS_OID, &[toast.into()])? else { return Ok(None) };
        let Some(index_row) = self.row::<PgIndex>(index::PG_INDEX_INDRELID, &[toast.into()])? else {
            return Ok(None);
        };
        let index_class =
            self.row::<PgClass>(index::PG_CLASS_OID, &[index_row.indexrelid.into()])?.ok_or_else(|| {
                Error::corrupted(format!("index {} is missing in pg_class", index_row.indexrelid))
            })?;
        Ok(Some(Arc::new(access::toast_relation(
            &owner.oid.to_string(),
            (toast, self.locate(&class)?),
            (index_row.indexrelid, self.locate(&index_class)?),
            persistence(owner),
            is_catalog,
        ))))
    }

    fn load_desc(&self, relation: Oid, row_type: Oid) -> Result<TupleDesc> {
        let rows = self.rows::<PgAttribute>(index::PG_ATTRIBUTE_RELID_ATTNUM, &[relation.into()])?;
        let mut attributes = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|r| r.attnum > 0) {
            attributes.push(self.attribute(row)?);
        }
        Ok(TupleDesc::of_type(attributes, row_type.some().unwrap_or(TupleDesc::RECORD_TYPE)))
    }

    fn attribute(&self, row: &PgAttribute) -> Result<Attribute> {
        let base = if row.attisdropped { row.atttypid } else { self.repr_type(row)? };
        let layout = datum::TypeLayout::new(base, row.attlen, row.attbyval, row.attalign as u8);
        let missing = match (&row.attmissingval, row.atthasmissing) {
            (Some(array), true) => crate::missing::first_element(&array.0, layout)?,
            _ => None,
        };
        Ok(Attribute {
            name: row.attname.clone(),
            type_oid: row.atttypid,
            typmod: row.atttypmod,
            layout,
            collation: row.attcollation,
            ndims: row.attndims,
            storage: row.attstorage as u8,
            compression: row.attcompression as u8,
            not_null: row.attnotnull,
            has_default: row.atthasdef,
            dropped: row.attisdropped,
            identity: row.attidentity as u8,
            generated: row.attgenerated as u8,
            missing,
        })
    }

    /// The type that decides how a column's values are held: the base type of a domain over bool, float or name.
    fn repr_type(&self, row: &PgAttribute) -> Result<Oid> {
        // Only these lengths leave the representation open; the catalogs' own columns are never domains.
        let open = matches!((row.attbyval, row.attlen), (true, 1 | 4 | 8) | (false, 64));
        if !open || row.atttypid.0 < 12000 {
            return Ok(row.atttypid);
        }
        Ok(self.base_type(row.atttypid)?.0)
    }

    fn load_index(&self, row: &PgIndex, table: &RelationEntry) -> Result<IndexEntry> {
        let class = self
            .row::<PgClass>(index::PG_CLASS_OID, &[row.indexrelid.into()])?
            .ok_or_else(|| Error::corrupted(format!("index {} is missing in pg_class", row.indexrelid)))?;
        let mut families = Vec::new();
        let mut input_types = Vec::new();
        let mut keys = Vec::new();
        for (column, opclass) in row.indclass.iter().enumerate() {
            let opclass = self
                .row::<PgOpclass>(index::PG_OPCLASS_OID, &[(*opclass).into()])?
                .ok_or_else(|| Error::internal(format!("cache lookup failed for opclass {opclass}")))?;
            families.push(opclass.opcfamily);
            input_types.push(opclass.opcintype);
            let collation = row.indcollation.get(column).copied().unwrap_or_default();
            let plain =
                self.family_order(opclass.opcfamily, opclass.opcintype, opclass.opcintype, collation)?;
            // Arrays and rows have the order of what they are made of.
            let order = match plain {
                None if matches!(opclass.opcfamily, ARRAY_OPS | RECORD_OPS) => {
                    let keys = [row.indexrelid.into(), Datum::Int2(column as i16 + 1)];
                    match self.row::<PgAttribute>(index::PG_ATTRIBUTE_RELID_ATTNUM, &keys)? {
                        Some(attribute) => self.structured_order(attribute.atttypid, collation).ok(),
                        None => None,
                    }
                }
                plain => plain,
            };
            let options = row.indoption.get(column).copied().unwrap_or(0);
            if let Some(order) = order {
                keys.push(IndexKey {
                    order,
                    collation,
                    descending: options & 1 != 0,
                    nulls_first: options & 2 != 0,
                });
            }
        }
        let access =
            if class.relam == Oid(403) && class.relkind as u8 == b'i' && keys.len() == row.indclass.len() {
                let mut relation = self.load_relation(&class)?;
                relation.is_catalog = table.relation.is_catalog;
                let deduplicate =
                    option(&class, "deduplicate_items").is_none_or(|v| v == "on" || v == "true");
                Some(IndexRelation {
                    relation,
                    keys: keys.into(),
                    unique: row.indisunique,
                    nulls_not_distinct: row.indnullsnotdistinct,
                    immediate: row.indimmediate,
                    deduplicate: deduplicate && !table.relation.is_catalog,
                })
            } else {
                None
            };
        let constraints =
            self.rows::<PgConstraint>(index::PG_CONSTRAINT_CONRELID_CONTYPID_CONNAME, &[table.oid().into()])?;
        let constraint = constraints
            .iter()
            .find(|c| c.conindid == row.indexrelid && matches!(c.contype as u8, b'p' | b'u' | b'x'))
            .map(|c| (**c).clone());
        Ok(IndexEntry {
            oid: row.indexrelid,
            index: row.clone(),
            class: (*class).clone(),
            access,
            families,
            input_types,
            constraint,
        })
    }

    /// The order that a B-tree operator family defines between two types; `None` if its function has no body.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn family_order(
        &self,
        family: Oid,
        left: Oid,
        right: Oid,
        collation: Oid,
    ) -> Result<Option<Arc<dyn KeyOrder>>> {
        let Some(function) = self.family_function(family, left, right, 1)? else { return Ok(None) };
        let function = self.function(function)?;
        if function.prosrc == "enum_cmp" {
            return Ok(Some(self.enum_order()?));
        }
        Ok(order::by_source(&function.prosrc, collation))
    }
}
