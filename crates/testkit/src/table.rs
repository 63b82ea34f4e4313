//! A table `(a int4, b int4, c text)` with a unique index on a, another one on b, and a TOAST table; descriptors made by hand.

use crate::cluster::{Cluster, DATABASE};
use access_api::{Context, IndexKey, IndexRelation, KeyOrder, Persistence, Relation, ToastRelation};
use base::{Fork, Oid, RelFileLocator, Result, Tid, Xid};
use btree::{IndexStats, Inserted, UniqueCheck};
use datum::{Attribute, Datum, TupleDesc, TypeLayout};
use heap::{HeapOracle, IndexedAttributes, IndexesToUpdate, InsertOptions, Outcome, UpdateOptions};
use std::cmp::Ordering;
use std::sync::Arc;
use storage::DEFAULT_TABLESPACE;

/// The order of int4.
pub struct Int4Order;

impl KeyOrder for Int4Order {
    fn compare(&self, a: Datum<'_>, b: Datum<'_>) -> Ordering {
        a.int4().cmp(&b.int4())
    }

    fn equal_image(&self) -> bool {
        true
    }
}

/// A row without its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    pub b: i32,
    pub c: Arc<[u8]>,
}

pub struct Table {
    pub heap: Relation,
    /// On a.
    pub unique: IndexRelation,
    /// On b; on (b descending, a) for tables of odd numbers.
    pub second: IndexRelation,
    indexed: IndexedAttributes,
}

fn locator(number: u32) -> RelFileLocator {
    RelFileLocator { tablespace: DEFAULT_TABLESPACE, database: DATABASE, number: Oid(number) }
}

fn int4(name: &str) -> Attribute {
    attribute(name, 23, 4, true, b'p')
}

fn attribute(name: &str, oid: u32, len: i16, by_value: bool, storage: u8) -> Attribute {
    let layout = TypeLayout::new(Oid(oid), len, by_value, b'i');
    Attribute { storage, ..Attribute::result(name, Oid(oid), -1, layout, Oid(0)) }
}

fn relation(number: u32, attributes: Vec<Attribute>, fillfactor: u8) -> Relation {
    Relation {
        oid: Oid(number),
        database: DATABASE,
        name: format!("r{number}").into(),
        locator: locator(number),
        persistence: Persistence::Permanent,
        is_catalog: false,
        desc: Arc::new(TupleDesc::new(attributes)),
        fillfactor,
        toast: None,
    }
}

fn index(number: u32, columns: &[(&str, bool)], unique: bool) -> IndexRelation {
    let key = |descending| IndexKey {
        order: Arc::new(Int4Order),
        collation: Oid(0),
        descending,
        nulls_first: descending,
    };
    IndexRelation {
        relation: relation(number, columns.iter().map(|(name, _)| int4(name)).collect(), 90),
        keys: columns.iter().map(|(_, descending)| key(*descending)).collect(),
        unique,
        nulls_not_distinct: false,
        immediate: true,
        deduplicate: true,
    }
}

impl Table {
    /// The descriptor of table `number` (from 0); nothing is read.
    pub fn describe(number: u8, fillfactor: u8) -> Table {
        let first = 20_000 + u32::from(number) * 10;
        let chunks = [attribute("chunk_id", 26, 4, true, b'p'), int4("chunk_seq")];
        let mut chunk_row = chunks.to_vec();
        chunk_row.push(attribute("chunk_data", 17, -1, false, b'p'));
        let toast_index = index(first + 4, &[("chunk_id", false), ("chunk_seq", false)], true);
        let toast_index = IndexRelation { relation: relation(first + 4, chunks.to_vec(), 90), ..toast_index };
        let toast = ToastRelation { heap: relation(first + 3, chunk_row, 100), index: toast_index };
        let columns = vec![int4("a"), int4("b"), attribute("c", 25, -1, false, b'x')];
        let second: &[(&str, bool)] =
            if number.is_multiple_of(2) { &[("b", false)] } else { &[("b", true), ("a", false)] };
        Table {
            heap: Relation { toast: Some(Arc::new(toast)), ..relation(first, columns, fillfactor) },
            unique: index(first + 1, &[("a", false)], true),
            second: index(first + 2, second, false),
            indexed: IndexedAttributes { hot_blocking: vec![0, 1], summarized: Vec::new(), key: vec![0] },
        }
    }

    pub fn toast(&self) -> &ToastRelation {
        self.heap.toast.as_ref().expect("described with one")
    }

    /// Makes the files and empty indexes.
    ///
    /// # Errors
    /// The disk's.
    pub fn create(&self, cluster: &Cluster, context: &Context) -> Result<()> {
        let indexes = [&self.unique, &self.second, &self.toast().index];
        let heaps = [&self.heap, &self.toast().heap];
        let all = heaps.into_iter().chain(indexes.iter().map(|index| &index.relation));
        for relation in all {
            buffer::relation::create_file(&cluster.pool, relation.locator, Fork::Main, Xid::INVALID)?;
        }
        indexes.iter().try_for_each(|index| btree::create_empty(context, index))
    }

    /// The key columns of an index, from those of a row.
    pub fn keys_of(&self, index: &IndexRelation, a: i32, b: i32) -> Vec<i32> {
        match (index.unique, index.keys.len()) {
            (true, _) => vec![a],
            (false, 1) => vec![b],
            (false, _) => vec![b, a],
        }
    }

    fn add_entries(
        &self,
        context: &Context,
        (a, value): (i32, &Value),
        tid: Tid,
        check: UniqueCheck,
        before: Option<(i32, i32)>,
    ) -> Result<Inserted> {
        let mut result = Inserted::Done;
        for index in [&self.unique, &self.second] {
            let keys = self.keys_of(index, a, value.b);
            let unchanged = before.is_some_and(|(a, b)| self.keys_of(index, a, b) == keys);
            let keys: Vec<_> = keys.into_iter().map(|key| Some(Datum::Int4(key))).collect();
            let check = if index.unique { check } else { UniqueCheck::No };
            let done = btree::insert(context, index, &self.heap, &HeapOracle, &keys, tid, check, unchanged)?;
            if done != Inserted::Done {
                result = done;
            }
            if matches!(done, Inserted::Conflict(_)) {
                break;
            }
        }
        Ok(result)
    }

    /// # Errors
    /// The disk's, and what waiting for another inserter of the key fails with.
    pub fn insert(&self, context: &Context, a: i32, value: &Value) -> Result<Inserted> {
        let row = [Some(Datum::Int4(a)), Some(Datum::Int4(value.b)), Some(Datum::Bytes(&value.c))];
        let tid = heap::insert(context, &self.heap, &row, &InsertOptions::default(), None)?;
        self.add_entries(context, (a, value), tid, UniqueCheck::Yes, None)
    }

    /// As ON CONFLICT does: a speculative row, which is confirmed or withdrawn again.
    ///
    /// # Errors
    /// As [`Table::insert`].
    pub fn insert_speculatively(
        &self,
        context: &Context,
        a: i32,
        value: &Value,
        keep: bool,
    ) -> Result<Inserted> {
        let row = [Some(Datum::Int4(a)), Some(Datum::Int4(value.b)), Some(Datum::Bytes(&value.c))];
        let options = InsertOptions { speculative: Some(7), ..InsertOptions::default() };
        let tid = heap::insert(context, &self.heap, &row, &options, None)?;
        let inserted = self.add_entries(context, (a, value), tid, UniqueCheck::Partial, None)?;
        if keep && inserted == Inserted::Done {
            heap::confirm_speculative(context, &self.heap, tid)?;
        } else {
            heap::abort_speculative(context, &self.heap, tid)?;
        }
        Ok(inserted)
    }

    /// Replaces the row `old` at `tid`; its new key is known to be free.
    ///
    /// # Errors
    /// As [`Table::insert`].
    pub fn update(
        &self,
        context: &Context,
        tid: Tid,
        old: (i32, &Value),
        new: (i32, &Value),
        no_wait: bool,
    ) -> Result<Outcome> {
        let (a, value) = new;
        let row = [Some(Datum::Int4(a)), Some(Datum::Int4(value.b)), Some(Datum::Bytes(&value.c))];
        let unchanged: &[usize] = if old.1.c == value.c { &[2] } else { &[] };
        let options = UpdateOptions { indexed: &self.indexed, crosscheck: None, no_wait, unchanged };
        let (outcome, updated) = heap::update(context, &self.heap, tid, &row, &options)?;
        if let Some(updated) = updated
            && updated.indexes == IndexesToUpdate::All
        {
            let before = Some((old.0, old.1.b));
            let inserted = self.add_entries(context, new, updated.tid, UniqueCheck::Yes, before)?;
            assert_eq!(inserted, Inserted::Done, "the new key {a} was free");
        }
        Ok(outcome)
    }
}

/// The indexes of a table as VACUUM sees them. `between` is called before each pass over the indexes.
pub struct VacuumIndexes<'a> {
    pub context: &'a Context,
    pub indexes: &'a [&'a IndexRelation],
    pub stats: Vec<IndexStats>,
    pub between: &'a mut dyn FnMut(),
}

impl heap::IndexVacuum for VacuumIndexes<'_> {
    fn count(&self) -> usize {
        self.indexes.len()
    }

    fn bulk_delete(&mut self, dead: &heap::DeadTids) -> Result<()> {
        for (index, stats) in self.indexes.iter().zip(&mut self.stats) {
            (self.between)();
            btree::bulk_delete(self.context, index, &|tid| dead.contains(tid), stats)?;
        }
        (self.between)();
        Ok(())
    }

    fn cleanup(&mut self, heap_tuples: f64, estimated: bool) -> Result<()> {
        for (index, stats) in self.indexes.iter().zip(&mut self.stats) {
            btree::vacuum_cleanup(self.context, index, stats, heap_tuples, estimated)?;
        }
        (self.between)();
        Ok(())
    }
}
