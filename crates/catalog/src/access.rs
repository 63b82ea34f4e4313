//! How the catalogs themselves are read and written: through the heap and their own indexes, like any table. Their
//! descriptors come from facts/, because it takes them to read the catalogs.

use crate::cache::Epoch;
use crate::facts::{self, Table};
use crate::order;
use crate::rows::{CatalogRow, PgClass};
use crate::session::{Instance, Session};
use crate::{index, relmap};
use access_api::{
    Direction, IndexKey, IndexRelation, Persistence, Relation, ScanKey, Strategy, ToastRelation,
};
use base::{Error, Oid, RelFileLocator, Result, Tid};
use datum::{Attribute, Datum, OwnedDatum, Row, TupleDesc, TypeLayout};
use hashbrown::HashSet;
use heap::{Fetcher, Rows, Visibility};
use lock::{LockMode, LockTag};
use std::sync::Arc;

pub const GLOBAL_TABLESPACE: Oid = Oid(1664);
pub const DEFAULT_TABLESPACE: Oid = Oid(1663);

/// A catalog's heap and indexes as one database sees them.
pub(crate) struct CatalogAccess {
    pub relation: Relation,
    pub indexes: Vec<CatalogIndex>,
}

pub(crate) struct CatalogIndex {
    pub access: IndexRelation,
    /// Attributes of the table, from 0.
    pub columns: Vec<usize>,
}

impl CatalogAccess {
    /// Whether it rests on one of the relations.
    pub fn mentions(&self, relations: &HashSet<Oid>) -> bool {
        relations.contains(&self.relation.oid)
            || self.indexes.iter().any(|i| relations.contains(&i.access.relation.oid))
    }
}

/// Catalogs whose file numbers stand in the relation map and not in pg_class.
pub fn is_mapped(table: &Table) -> bool {
    table.shared || matches!(table.oid.0, 1247 | 1249 | 1255 | 1259)
}

/// The row descriptor of a catalog.
pub fn describe(table: &Table) -> TupleDesc {
    let attributes = table
        .columns
        .iter()
        .map(|c| {
            let layout = TypeLayout::new(c.type_oid, c.len, c.by_value, c.align);
            let mut attribute = Attribute::result(c.name, c.type_oid, -1, layout, c.collation);
            attribute.not_null = c.not_null;
            attribute.storage = c.storage;
            attribute.ndims = c.ndims;
            attribute
        })
        .collect();
    TupleDesc::of_type(attributes, table.row_type)
}

/// The comparison functions of the operator classes that catalog indexes use, by operator class.
fn order_of(opclass: Oid) -> &'static str {
    match opclass.0 {
        1979 => "btint2cmp",
        1978 => "btint4cmp",
        1981 => "btoidcmp",
        3126 => "bttextcmp",
        10003 => "btboolcmp",
        10007 => "btcharcmp",
        10012 => "btfloat4cmp",
        10028 => "btnamecmp",
        10032 => "btoidvectorcmp",
        other => panic!("catalog indexes do not use operator class {other}"),
    }
}

fn heap_relation(oid: Oid, name: &str, locator: RelFileLocator, desc: TupleDesc) -> Relation {
    Relation {
        oid,
        database: locator.database,
        name: name.into(),
        locator,
        persistence: Persistence::Permanent,
        is_catalog: true,
        desc: Arc::new(desc),
        fillfactor: 100,
        toast: None,
    }
}

/// The descriptor of a catalog's index.
pub fn describe_index(table: &Table, index: &facts::Index, locator: RelFileLocator) -> IndexRelation {
    let desc = describe(table);
    let attributes: Vec<Attribute> =
        index.columns.iter().map(|c| desc.attributes()[*c as usize - 1].clone()).collect();
    let keys = index
        .opclasses
        .iter()
        .zip(&index.collations)
        .map(|(opclass, collation)| IndexKey {
            order: order::by_source(order_of(*opclass), *collation).expect("order_of names known orders"),
            collation: *collation,
            descending: false,
            nulls_first: false,
        })
        .collect();
    let mut relation = heap_relation(index.oid, index.name, locator, TupleDesc::new(attributes));
    relation.fillfactor = 90;
    IndexRelation {
        relation,
        keys,
        unique: index.unique,
        nulls_not_distinct: false,
        immediate: true,
        // Catalog indexes on fixed-length keys deduplicate like others; PostgreSQL leaves system catalogs out.
        deduplicate: false,
    }
}

/// The rows of a TOAST table: chunk_id oid, chunk_seq int4, chunk_data bytea.
pub fn toast_desc() -> TupleDesc {
    let attribute = |name: &str, oid: u32, len: i16, by_value: bool| {
        let mut attribute =
            Attribute::result(name, Oid(oid), -1, TypeLayout::new(Oid(oid), len, by_value, b'i'), Oid(0));
        attribute.storage = b'p';
        attribute
    };
    TupleDesc::new(vec![
        attribute("chunk_id", 26, 4, true),
        attribute("chunk_seq", 23, 4, true),
        attribute("chunk_data", 17, -1, false),
    ])
}

/// The descriptor of a TOAST table and its index.
pub fn toast_relation(
    owner: &str,
    heap: (Oid, RelFileLocator),
    index: (Oid, RelFileLocator),
    persistence: Persistence,
    is_catalog: bool,
) -> ToastRelation {
    let desc = toast_desc();
    let name = format!("pg_toast_{owner}");
    let mut relation = heap_relation(heap.0, &name, heap.1, desc.clone());
    relation.persistence = persistence;
    relation.is_catalog = is_catalog;
    let attributes = desc.attributes()[..2].to_vec();
    let mut index_relation =
        heap_relation(index.0, &format!("{name}_index"), index.1, TupleDesc::new(attributes));
    index_relation.persistence = persistence;
    index_relation.is_catalog = is_catalog;
    index_relation.fillfactor = 90;
    let key = |source: &str| IndexKey {
        order: order::by_source(source, Oid(0)).expect("an order of the core types"),
        collation: Oid(0),
        descending: false,
        nulls_first: false,
    };
    ToastRelation {
        heap: relation,
        index: IndexRelation {
            relation: index_relation,
            keys: Arc::new([key("btoidcmp"), key("btint4cmp")]),
            unique: true,
            nulls_not_distinct: false,
            immediate: true,
            deduplicate: false,
        },
    }
}

/// Puts a catalog's descriptors together, given where each relation's file is.
pub(crate) fn assemble(
    table: Arc<Table>,
    locate: &mut dyn FnMut(Oid) -> Result<RelFileLocator>,
) -> Result<CatalogAccess> {
    let mut relation = heap_relation(table.oid, table.name, locate(table.oid)?, describe(&table));
    if let Some((toast, toast_index)) = table.toast {
        let heap = (toast, locate(toast)?);
        let index = (toast_index, locate(toast_index)?);
        let owner = table.oid.to_string();
        relation.toast = Some(Arc::new(toast_relation(&owner, heap, index, Persistence::Permanent, true)));
    }
    let mut indexes = Vec::new();
    for index in &table.indexes {
        indexes.push(CatalogIndex {
            access: describe_index(&table, index, locate(index.oid)?),
            columns: index.columns.iter().map(|c| *c as usize - 1).collect(),
        });
    }
    Ok(CatalogAccess { relation, indexes })
}

impl Instance {
    pub(crate) fn catalog_tables(&self) -> Arc<[Arc<Table>]> {
        let tables = self.tables.get_or_init(|| facts::tables().into_iter().map(Arc::new).collect());
        tables.clone()
    }
}

impl Session {
    pub(crate) fn access(&self, catalog: Oid) -> Result<Arc<CatalogAccess>> {
        let instance = self.instance();
        let table = instance
            .catalog_tables()
            .iter()
            .find(|t| t.oid == catalog)
            .cloned()
            .ok_or_else(|| Error::internal(format!("{catalog} is no catalog")))?;
        let database = if table.shared { Oid::INVALID } else { self.database() };
        if let Some(access) = instance.access.read().get(&(database, catalog)) {
            return Ok(access.clone());
        }
        let tablespace = if table.shared { GLOBAL_TABLESPACE } else { self.database_tablespace() };
        let access = if is_mapped(&table) {
            let map: Arc<relmap::RelationMap> = instance.maps.get(database)?;
            assemble(table, &mut |oid| {
                let number = map.get(&oid).copied().ok_or_else(|| {
                    Error::corrupted(format!("relation {oid} is missing in the relation map"))
                })?;
                Ok(RelFileLocator { tablespace, database, number })
            })?
        } else {
            assemble(table, &mut |oid| {
                let class = self
                    .row::<PgClass>(index::PG_CLASS_OID, &[oid.into()])?
                    .ok_or_else(|| Error::corrupted(format!("catalog {oid} is missing in pg_class")))?;
                let tablespace = class.reltablespace.some().unwrap_or(tablespace);
                Ok(RelFileLocator { tablespace, database, number: class.relfilenode })
            })?
        };
        let access = Arc::new(access);
        if !self.has_catalog_changes() {
            instance.access.write().insert((database, catalog), access.clone());
        }
        Ok(access)
    }

    /// The rows of a catalog that have these leading key columns in one of its indexes, in index order. Cached.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn rows<T: CatalogRow>(&self, index: Oid, keys: &[Datum<'_>]) -> Result<Arc<[Arc<T>]>> {
        let key = cache_key(keys);
        let (epoch, found): (Epoch, Option<Arc<Vec<Arc<T>>>>) =
            self.with_cache(|cache| (cache.epoch(), cache.rows(self.database(), T::OID, index, &key)));
        if let Some(rows) = found {
            return Ok(rows.as_slice().into());
        }
        let rows: Vec<Arc<T>> =
            self.find::<T>(index, keys)?.into_iter().map(|(_, row)| Arc::new(row)).collect();
        let rows = Arc::new(rows);
        self.with_cache(|cache| cache.put_rows(epoch, self.database(), T::OID, index, &key, rows.clone()));
        Ok(rows.as_slice().into())
    }

    /// The first of [`Session::rows`].
    ///
    /// # Errors
    /// What reading fails with.
    pub fn row<T: CatalogRow>(&self, index: Oid, keys: &[Datum<'_>]) -> Result<Option<Arc<T>>> {
        let key = cache_key(keys);
        if let Some(rows) =
            self.with_cache(|cache| cache.rows::<Vec<Arc<T>>>(self.database(), T::OID, index, &key))
        {
            return Ok(rows.first().cloned());
        }
        Ok(self.rows::<T>(index, keys)?.first().cloned())
    }

    /// The rows with these key columns and where they are, read afresh.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn find<T: CatalogRow>(&self, index: Oid, keys: &[Datum<'_>]) -> Result<Vec<(Tid, T)>> {
        let access = self.access(T::OID)?;
        let context = self.context()?;
        let Some(catalog_index) = access.indexes.iter().find(|i| i.access.relation.oid == index) else {
            return Err(Error::internal(format!("{index} is no index of {}", T::NAME)));
        };
        let scan_keys: Vec<ScanKey> = keys
            .iter()
            .enumerate()
            .map(|(column, value)| ScanKey {
                column,
                strategy: Strategy::Equal,
                values: vec![Some(Datum::to_owned(*value))],
                order: catalog_index.access.keys[column].order.clone(),
            })
            .collect();
        let _held = self.hold_catalog::<T>(&context)?;
        let snapshot = context.transaction.latest_snapshot()?;
        let needed: Vec<usize> = (0..access.relation.desc.len()).collect();
        let mut scan =
            btree::Scan::new(&context, &catalog_index.access, &scan_keys, Direction::Forward, None)?;
        let mut fetcher = Fetcher::new(&context, &access.relation, Visibility::Mvcc(snapshot), &needed);
        let mut matches = btree::Matches::new(&catalog_index.access, None);
        let mut rows = Rows::new(&access.relation.desc, &needed, false);
        let (mut sources, mut dead) = (Vec::new(), Vec::new());
        let mut found = Vec::new();
        while scan.next(256, &mut matches)? > 0 {
            fetcher.fetch_many(&matches.tids, &mut rows, &mut sources, &mut dead)?;
            decode_rows(&mut rows, &access.relation.desc, &needed, &mut found)?;
            matches.clear();
            sources.clear();
            dead.clear();
        }
        Ok(found)
    }

    /// Keeps VACUUM from cutting a catalog short while it is read.
    fn hold_catalog<T: CatalogRow>(&self, context: &access_api::Context) -> Result<HeldCatalog> {
        let tag = self.relation_lock_tag(T::OID)?;
        context.transaction.lock(tag, LockMode::AccessShare, &context.wait)?;
        Ok(HeldCatalog { transaction: context.transaction.clone(), tag })
    }

    /// Every row of a catalog with where it is.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn find_all<T: CatalogRow>(&self) -> Result<Vec<(Tid, T)>> {
        let access = self.access(T::OID)?;
        let context = self.context()?;
        let _held = self.hold_catalog::<T>(&context)?;
        let snapshot = context.transaction.latest_snapshot()?;
        let needed: Vec<usize> = (0..access.relation.desc.len()).collect();
        let mut scan = heap::Scan::new(
            &context,
            &access.relation,
            Visibility::Mvcc(snapshot),
            heap::Blocks::All,
            &needed,
        )?;
        let mut rows = Rows::new(&access.relation.desc, &needed, false);
        let mut found = Vec::new();
        while scan.next_page(datum::MAX_BATCH_ROWS, &mut rows)? > 0 {
            decode_rows(&mut rows, &access.relation.desc, &needed, &mut found)?;
        }
        Ok(found)
    }

    /// Every row of a catalog.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn scan_all<T: CatalogRow>(&self) -> Result<Vec<Arc<T>>> {
        Ok(self.find_all::<T>()?.into_iter().map(|(_, row)| Arc::new(row)).collect())
    }

    /// Adds a row to a catalog and to its indexes.
    ///
    /// # Errors
    /// `23505` when a unique index has its key already.
    pub fn insert<T: CatalogRow>(&self, row: &T) -> Result<Tid> {
        let access = self.access(T::OID)?;
        let context = self.context()?;
        let values = row.encode();
        let datums = as_datums(&values);
        let tid = heap::insert(&context, &access.relation, &datums, &heap::InsertOptions::default(), None)?;
        self.insert_index_entries(&context, &access, &values, tid)?;
        self.note_change::<T>(&access, &values);
        Ok(tid)
    }

    /// Replaces a row.
    ///
    /// # Errors
    /// `XX000` when another transaction changed it: callers hold the lock that keeps others away.
    pub fn update<T: CatalogRow>(&self, tid: Tid, row: &T) -> Result<()> {
        let access = self.access(T::OID)?;
        let context = self.context()?;
        let values = row.encode();
        let mut indexed = heap::IndexedAttributes::default();
        for index in &access.indexes {
            indexed.hot_blocking.extend(&index.columns);
        }
        if let Some(old) = heap::fetch_any(&context, &access.relation, tid)? {
            let needed: Vec<usize> = (0..access.relation.desc.len()).collect();
            let old = heap::deform(&context, &access.relation, &old, &needed)?;
            self.note_change::<T>(&access, &old);
        }
        let updated = heap::simple_update(&context, &access.relation, tid, &as_datums(&values), &indexed)?;
        if matches!(updated.indexes, heap::IndexesToUpdate::All) {
            self.insert_index_entries(&context, &access, &values, updated.tid)?;
        }
        self.note_change::<T>(&access, &values);
        Ok(())
    }

    /// Overwrites a row where it stands, outside of transactions: statistics in pg_class, pg_database's freeze limits.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn update_in_place<T: CatalogRow>(&self, tid: Tid, row: &T) -> Result<()> {
        let access = self.access(T::OID)?;
        let values = row.encode();
        heap::update_in_place(&self.context()?, &access.relation, tid, &as_datums(&values))?;
        self.note_change::<T>(&access, &values);
        Ok(())
    }

    /// Removes a row.
    ///
    /// # Errors
    /// `XX000` when another transaction changed it.
    pub fn delete<T: CatalogRow>(&self, tid: Tid) -> Result<()> {
        let access = self.access(T::OID)?;
        let context = self.context()?;
        if let Some(old) = heap::fetch_any(&context, &access.relation, tid)? {
            let needed: Vec<usize> = (0..access.relation.desc.len()).collect();
            let old = heap::deform(&context, &access.relation, &old, &needed)?;
            self.note_change::<T>(&access, &old);
        }
        heap::simple_delete(&context, &access.relation, tid)
    }

    fn insert_index_entries(
        &self,
        context: &access_api::Context,
        access: &CatalogAccess,
        values: &Row,
        tid: Tid,
    ) -> Result<()> {
        for index in &access.indexes {
            let key: Vec<_> =
                index.columns.iter().map(|c| values[*c].as_ref().map(OwnedDatum::as_datum)).collect();
            let check = if index.access.unique { btree::UniqueCheck::Yes } else { btree::UniqueCheck::No };
            let inserted = btree::insert(
                context,
                &index.access,
                &access.relation,
                &heap::HeapOracle,
                &key,
                tid,
                check,
                false,
            )?;
            if let btree::Inserted::Conflict(_) = inserted {
                return Err(Error::new(
                    base::SqlState::UNIQUE_VIOLATION,
                    format!(
                        "duplicate key value violates unique constraint \"{}\"",
                        index.access.relation.name
                    ),
                )
                .table("pg_catalog", access.relation.name.as_ref())
                .constraint(index.access.relation.name.as_ref()));
            }
        }
        Ok(())
    }

    /// Notes which relations a changed row describes.
    fn note_change<T: CatalogRow>(&self, access: &CatalogAccess, values: &Row) {
        let names: &[&str] = match T::NAME {
            "pg_class" => &["oid"],
            "pg_attribute" => &["attrelid"],
            "pg_attrdef" => &["adrelid"],
            "pg_index" => &["indrelid", "indexrelid"],
            "pg_constraint" => &["conrelid", "confrelid"],
            "pg_trigger" => &["tgrelid"],
            "pg_rewrite" => &["ev_class"],
            "pg_policy" => &["polrelid"],
            "pg_inherits" => &["inhrelid", "inhparent"],
            "pg_partitioned_table" => &["partrelid"],
            "pg_statistic_ext" => &["stxrelid"],
            _ => &[],
        };
        let relations = names.iter().filter_map(|name| {
            let column = access.relation.desc.position(name)?;
            values[column].as_ref().map(|v| v.as_datum().oid())
        });
        self.catalog_changed(T::OID, relations.collect::<Vec<_>>());
    }
}

/// A catalog locked while it is read; given up when the reading ends, as in PostgreSQL.
struct HeldCatalog {
    transaction: Arc<txn::Transaction>,
    tag: LockTag,
}

impl Drop for HeldCatalog {
    fn drop(&mut self) {
        self.transaction.unlock(&self.tag, LockMode::AccessShare);
    }
}

/// A row's values as an access method takes them.
pub fn as_datums(row: &Row) -> Vec<Option<Datum<'_>>> {
    row.iter().map(|v| v.as_ref().map(OwnedDatum::as_datum)).collect()
}

fn decode_rows<T: CatalogRow>(
    rows: &mut Rows,
    desc: &TupleDesc,
    needed: &[usize],
    found: &mut Vec<(Tid, T)>,
) -> Result<()> {
    let fresh = Rows::new(desc, needed, false);
    let Rows { columns, tids, .. } = std::mem::replace(rows, fresh);
    let columns: Vec<_> = columns.into_iter().map(datum::ColumnBuilder::finish).collect();
    for (i, tid) in tids.into_iter().enumerate() {
        let values: Vec<_> = columns.iter().map(|c| c.get(i)).collect();
        found.push((tid, T::decode(&values)?));
    }
    Ok(())
}

/// Keys as bytes, each with its length where that varies.
fn cache_key(keys: &[Datum<'_>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16);
    for key in keys {
        match key {
            Datum::Bool(v) => bytes.push(u8::from(*v)),
            Datum::Char(v) => bytes.push(*v as u8),
            Datum::Int2(v) => bytes.extend_from_slice(&v.to_le_bytes()),
            Datum::Int4(v) => bytes.extend_from_slice(&v.to_le_bytes()),
            Datum::Int8(v) => bytes.extend_from_slice(&v.to_le_bytes()),
            Datum::Float4(v) => bytes.extend_from_slice(&v.to_le_bytes()),
            Datum::Float8(v) => bytes.extend_from_slice(&v.to_le_bytes()),
            Datum::Bytes(v) => {
                bytes.extend_from_slice(&(v.len() as u32).to_le_bytes());
                bytes.extend_from_slice(v);
            }
        }
    }
    bytes
}
