//! Keeping the indexes of a table up to date with its rows.

use crate::constraint::{STORED_RELATION, all_attributes, describe_key, row_batch};
use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, filter};
use crate::foreign_key;
use crate::stored;
use access_api::{DirtyView, IndexKey, IndexRelation};
use base::{Error, Oid, Result, SqlState, Tid};
use btree::{Inserted, UniqueCheck};
use catalog::{IndexEntry, RelationEntry, Session};
use datum::{Batch, Column, Datum, OwnedDatum, Selection};
use heap::{HeapOracle, IndexedAttributes};
use ir::{Expr, VarSource};
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

enum Source {
    Attribute(usize),
    Expression(Eval),
}

/// One index with what its entries are made of.
pub struct WriterIndex {
    pub entry: Arc<IndexEntry>,
    sources: Vec<Source>,
    predicate: Option<Vec<Eval>>,
    /// Attributes (from 0) that its entries depend on.
    attributes: Vec<usize>,
}

/// All indexes of a table that take entries.
pub struct IndexWriter {
    pub entry: Arc<RelationEntry>,
    pub indexes: Vec<WriterIndex>,
    pub attributes: IndexedAttributes,
}

/// An error with the number of the row, within its batch, that it is about.
pub type RowError = (usize, Error);

/// What became of a row's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    Done,
    /// An arbiter index has, or may soon have, an equal row.
    Conflict,
}

/// How unique indexes are to react.
#[derive(Clone, Copy)]
pub enum Uniqueness<'a> {
    /// Raise `23505`.
    Enforce,
    /// A conflict in one of these is reported, not raised.
    Arbiters(&'a [Oid]),
}

impl IndexWriter {
    /// # Errors
    /// `0A000` for indexes whose access method is not built yet.
    pub fn new(session: &Session, entry: &Arc<RelationEntry>) -> Result<IndexWriter> {
        IndexWriter::of(session, entry, |index| index.index.indisready)
    }

    /// Only for the indexes that are `wanted`.
    ///
    /// # Errors
    /// As [`IndexWriter::new`].
    pub fn of(
        session: &Session,
        entry: &Arc<RelationEntry>,
        wanted: impl Fn(&IndexEntry) -> bool,
    ) -> Result<IndexWriter> {
        let mut indexes = Vec::new();
        let (mut blocking, mut key) = (BTreeSet::new(), BTreeSet::new());
        // A partitioned table has no rows, and its indexes no entries.
        let own = if entry.kind() == b'p' { &[][..] } else { &entry.indexes };
        for index in own {
            // An index that is being built gets no entries yet, but no chain may begin that it would break.
            let is_wanted = wanted(index);
            let index = writer_index(session, entry, index)?;
            blocking.extend(index.attributes.iter().copied());
            if !is_wanted {
                continue;
            }
            let plain =
                index.predicate.is_none() && index.sources.iter().all(|s| matches!(s, Source::Attribute(_)));
            if index.entry.index.indisunique && index.entry.index.indimmediate && plain {
                let count = index.entry.index.indnkeyatts as usize;
                key.extend(index.sources.iter().take(count).filter_map(|s| match s {
                    Source::Attribute(attribute) => Some(*attribute),
                    Source::Expression(_) => None,
                }));
            }
            indexes.push(index);
        }
        let attributes = IndexedAttributes {
            hot_blocking: blocking.into_iter().collect(),
            summarized: Vec::new(),
            key: key.into_iter().collect(),
        };
        Ok(IndexWriter { entry: entry.clone(), indexes, attributes })
    }

    /// Enters a row into all indexes. `assigned`: for updates, the attributes that were set.
    ///
    /// # Errors
    /// `23505`, and what waiting for other transactions fails with.
    pub fn insert(
        &self,
        execution: &mut Execution,
        values: &[Option<Datum<'_>>],
        tid: Tid,
        assigned: Option<&[usize]>,
        uniqueness: Uniqueness<'_>,
    ) -> Result<Entered> {
        let mut row = None;
        let mut entered = Entered::Done;
        for index in &self.indexes {
            let Some(key) = index.key(execution, &self.entry, values, &mut row)? else { continue };
            let key = key.values(values);
            let access = btree_of(&index.entry)?;
            let unchanged = assigned.is_some_and(|a| !index.attributes.iter().any(|x| a.contains(x)));
            let arbiter = match uniqueness {
                Uniqueness::Arbiters(list) => list.is_empty() || list.contains(&index.entry.oid),
                Uniqueness::Enforce => false,
            };
            let check = match (access.unique, arbiter, access.immediate) {
                (false, ..) => UniqueCheck::No,
                (true, true, _) | (true, false, false) => UniqueCheck::Partial,
                (true, false, true) => UniqueCheck::Yes,
            };
            let heap = &self.entry.relation;
            match btree::insert(&execution.context, access, heap, &HeapOracle, &key, tid, check, unchanged)? {
                Inserted::Done => {}
                Inserted::Conflict(_) => {
                    return Err(duplicate_key_error(&execution.session, &index.entry, &key));
                }
                Inserted::MaybeConflict if arbiter => entered = Entered::Conflict,
                Inserted::MaybeConflict => {
                    let key = key.iter().map(|v| v.map(Datum::to_owned)).collect();
                    foreign_key::queue_unique(execution, &self.entry, &index.entry, key, tid);
                }
            }
        }
        Ok(entered)
    }

    /// Enters the rows of a batch, each index in the order of its keys: neighbours go to the same page.
    ///
    /// # Errors
    /// As [`IndexWriter::insert`] when that is called row by row.
    pub fn insert_batch(
        &self,
        execution: &mut Execution,
        batch: &Batch,
        tids: &[Tid],
    ) -> Result<(), RowError> {
        let mut failure: Option<RowError> = None;
        for index in &self.indexes {
            let (columns, rows) = index.entries(execution, batch).map_err(|error| (0, error))?;
            index.insert_sorted(execution, &self.entry, (&columns, rows), tids, &mut failure)?;
        }
        failure.map_or(Ok(()), Err)
    }

    /// The first row in the way of an insertion, as seen by the arbiters (all unique indexes if empty).
    ///
    /// # Errors
    /// What waiting for other transactions fails with.
    pub fn find_conflict(
        &self,
        execution: &mut Execution,
        values: &[Option<Datum<'_>>],
        arbiters: &[Oid],
    ) -> Result<Option<Tid>> {
        let mut row = None;
        for index in &self.indexes {
            let chosen = arbiters.is_empty() || arbiters.contains(&index.entry.oid);
            if !chosen || !index.entry.index.indisunique {
                continue;
            }
            let Some(key) = index.key(execution, &self.entry, values, &mut row)? else { continue };
            let key = key.values(values);
            if let Some(tid) = live_conflict(execution, &self.entry, &index.entry, &key, None)? {
                return Ok(Some(tid));
            }
        }
        Ok(None)
    }
}

/// The live row other than `except` that has this key; waits for rows in doubt.
pub fn live_conflict(
    execution: &Execution,
    entry: &RelationEntry,
    index: &IndexEntry,
    key: &[Option<Datum<'_>>],
    except: Option<Tid>,
) -> Result<Option<Tid>> {
    let access = btree_of(index)?;
    let context = &execution.context;
    loop {
        match btree::find_conflict(context, access, &entry.relation, &HeapOracle, key, except)? {
            DirtyView::Dead { .. } => return Ok(None),
            DirtyView::Live { tid } => return Ok(Some(tid)),
            DirtyView::InDoubt { xid, speculative_token: Some(token), .. } => {
                let tag = lock::LockTag::SpeculativeToken { xid, token };
                context.transaction.lock(tag, lock::LockMode::Share, &context.wait)?;
                context.transaction.unlock(&tag, lock::LockMode::Share);
            }
            DirtyView::InDoubt { xid, .. } => {
                context.transaction.wait_for_xid(xid, &context.wait)?;
            }
        }
        execution.check()?;
    }
}

fn btree_of(index: &IndexEntry) -> Result<&IndexRelation> {
    index.access.as_ref().ok_or_else(|| {
        Error::unsupported(format!(
            "changing a table with index \"{}\" of its access method",
            index.class.relname
        ))
    })
}

fn writer_index(
    session: &Session,
    entry: &Arc<RelationEntry>,
    index: &Arc<IndexEntry>,
) -> Result<WriterIndex> {
    btree_of(index)?;
    let numbers = all_attributes(entry);
    let inputs = Inputs::Scan { relation: STORED_RELATION, attributes: &numbers };
    let mut compiler = Compiler::new(session, inputs);
    let mut found = BTreeSet::new();
    let expressions = match &index.index.indexprs {
        Some(text) => stored::list(session, text)?,
        None => Vec::new(),
    };
    let mut expressions = expressions.into_iter();
    let mut sources = Vec::new();
    for attribute in &index.index.indkey {
        sources.push(match usize::try_from(*attribute - 1) {
            Ok(attribute) => {
                found.insert(attribute);
                Source::Attribute(attribute)
            }
            Err(_) => {
                let expression = expressions.next();
                let expression =
                    expression.ok_or_else(|| Error::corrupted("an index lacks an expression"))?;
                collect(&expression, &mut found);
                Source::Expression(compiler.compile(&expression)?)
            }
        });
    }
    let predicate = match &index.index.indpred {
        Some(text) => {
            let conditions = stored::list(session, text)
                .or_else(|_| Ok::<_, Error>(vec![stored::expression(session, text)?]))?;
            conditions.iter().for_each(|c| collect(c, &mut found));
            Some(compiler.compile_all(&conditions)?)
        }
        None => None,
    };
    Ok(WriterIndex { entry: index.clone(), sources, predicate, attributes: found.into_iter().collect() })
}

fn collect(expr: &Expr, found: &mut BTreeSet<usize>) {
    ir::any(expr, &mut |e| {
        if let Expr::Var(var) = e
            && matches!(var.source, VarSource::Relation(_))
        {
            found.extend(usize::try_from(var.attribute - 1));
        }
        false
    });
}

/// An index key of one row: attributes by number, expressions by value.
pub struct RowKey<'a> {
    sources: &'a [Source],
    computed: Vec<Arc<Column>>,
}

impl RowKey<'_> {
    pub fn values<'v>(&'v self, row: &[Option<Datum<'v>>]) -> SmallVec<[Option<Datum<'v>>; 8]> {
        let mut computed = self.computed.iter();
        let value = |source: &Source| match source {
            Source::Attribute(attribute) => row[*attribute],
            Source::Expression(_) => computed.next().and_then(|c| c.get(0)),
        };
        self.sources.iter().map(value).collect()
    }
}

impl WriterIndex {
    /// The index's columns for a batch, and the rows that its predicate lets in.
    fn entries(&self, execution: &mut Execution, batch: &Batch) -> Result<(Vec<Arc<Column>>, Selection)> {
        let mut rows = Selection::All(batch.rows());
        if let Some(predicate) = &self.predicate {
            rows = filter(predicate, execution, batch, rows)?;
        }
        let mut columns = Vec::with_capacity(self.sources.len());
        for source in &self.sources {
            columns.push(match source {
                Source::Attribute(attribute) => batch.column(*attribute).clone(),
                Source::Expression(eval) => eval.evaluate(execution, batch, &rows)?,
            });
        }
        Ok((columns, rows))
    }

    /// Enters rows in the order of their keys. `failure` is that of the first row, in the batch's order, that has any: the rows behind
    /// it are left out, as they would not have been reached.
    fn insert_sorted(
        &self,
        execution: &mut Execution,
        entry: &Arc<RelationEntry>,
        (columns, rows): (&[Arc<Column>], Selection),
        tids: &[Tid],
        failure: &mut Option<RowError>,
    ) -> Result<(), RowError> {
        let access = btree_of(&self.entry).map_err(|error| (0, error))?;
        let check = match (access.unique, access.immediate) {
            (false, _) => UniqueCheck::No,
            (true, false) => UniqueCheck::Partial,
            (true, true) => UniqueCheck::Yes,
        };
        let order =
            sorted(access, columns, &rows, |row| if access.unique { Tid::default() } else { tids[row] });
        let context = execution.context.clone();
        let mut series = btree::Series::new(&context, access, &entry.relation, &HeapOracle);
        let mut doubtful = Vec::new();
        let mut values: SmallVec<[Option<Datum<'_>>; 8]> = SmallVec::new();
        for row in order {
            if failure.as_ref().is_some_and(|(failed, _)| row >= *failed) {
                continue;
            }
            values.clear();
            values.extend(columns.iter().map(|column| column.get(row)));
            match series.insert(&values, tids[row], check) {
                Ok(Inserted::Done) => {}
                Ok(Inserted::Conflict(_)) => {
                    *failure = Some((row, duplicate_key_error(&execution.session, &self.entry, &values)));
                }
                Ok(Inserted::MaybeConflict) => doubtful.push(row),
                Err(error) if error.state() == SqlState::PROGRAM_LIMIT_EXCEEDED => {
                    *failure = Some((row, error));
                }
                // Such as the end of a wait: whatever comes next would only wait again.
                Err(error) => return Err((row, error)),
            }
        }
        doubtful.sort_unstable();
        for row in doubtful {
            let key = columns.iter().map(|column| column.get(row).map(Datum::to_owned)).collect();
            foreign_key::queue_unique(execution, entry, &self.entry, key, tids[row]);
        }
        Ok(())
    }

    /// The key of a row; `None` when the index leaves the row out. `batch` keeps the row as a batch between indexes.
    pub fn key(
        &self,
        execution: &mut Execution,
        entry: &RelationEntry,
        values: &[Option<Datum<'_>>],
        batch: &mut Option<Batch>,
    ) -> Result<Option<RowKey<'_>>> {
        let has_expressions = self.sources.iter().any(|s| matches!(s, Source::Expression(_)));
        if self.predicate.is_none() && !has_expressions {
            return Ok(Some(RowKey { sources: &self.sources, computed: Vec::new() }));
        }
        let row = batch.get_or_insert_with(|| row_batch(entry, values)).clone();
        if let Some(predicate) = &self.predicate
            && filter(predicate, execution, &row, Selection::All(1))?.is_empty()
        {
            return Ok(None);
        }
        let mut computed = Vec::new();
        for source in &self.sources {
            if let Source::Expression(eval) = source {
                computed.push(eval.evaluate(execution, &row, &Selection::All(1))?);
            }
        }
        Ok(Some(RowKey { sources: &self.sources, computed }))
    }
}

/// Rows by their keys in the index's order; `then` decides between equal ones, or else their numbers.
fn sorted(
    access: &IndexRelation,
    columns: &[Arc<Column>],
    rows: &Selection,
    then: impl Fn(usize) -> Tid,
) -> Vec<usize> {
    let [first, ..] = &access.keys[..] else { return Vec::new() };
    // What decides most often is compared first: null or not, and eight bytes of the first key.
    let prefix = |row: usize| match columns[0].get(row) {
        None => (!first.nulls_first, 0),
        Some(value) if first.descending => (first.nulls_first, !first.order.prefix(value)),
        Some(value) => (first.nulls_first, first.order.prefix(value)),
    };
    let decided = usize::from(first.order.prefix_decides());
    let mut order = Vec::with_capacity(rows.len());
    rows.for_each(|row| order.push((prefix(row), row)));
    order.sort_by(|(left, a), (right, b)| {
        let rest = || {
            let keys = access.keys.iter().zip(columns).skip(decided);
            keys.map(|(key, column)| in_index_order(key, column.get(*a), column.get(*b)))
                .find(|order| *order != Ordering::Equal)
        };
        left.cmp(right).then_with(|| rest().unwrap_or_else(|| then(*a).cmp(&then(*b))))
    });
    order.into_iter().map(|(_, row)| row).collect()
}

fn in_index_order(key: &IndexKey, left: Option<Datum<'_>>, right: Option<Datum<'_>>) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) if key.descending => key.order.compare(right, left),
        (Some(left), Some(right)) => key.order.compare(left, right),
        (None, None) => Ordering::Equal,
        (None, Some(_)) if key.nulls_first => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) if key.nulls_first => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
    }
}

/// `23505` with the key in its detail. `values` may go on with included columns.
pub fn duplicate_key_error(session: &Session, index: &IndexEntry, values: &[Option<Datum<'_>>]) -> Error {
    let name = &index.class.relname;
    let message = format!("duplicate key value violates unique constraint \"{name}\"");
    let mut error = Error::new(SqlState::UNIQUE_VIOLATION, message).constraint(name.as_str());
    if let Ok(Some(table)) = session.relation(index.index.indrelid) {
        let schema = session.namespace_name(table.class.relnamespace).unwrap_or_default();
        error = error.table(schema, table.name());
        let Some(access) = &index.access else { return error };
        let count = index.index.indnkeyatts as usize;
        let attributes = access.attributes();
        // An expression is shown as it was written.
        let written = |column: usize| {
            let deparser = functions::hooks::deparser(session).ok()?;
            deparser.index(session, index.oid, column as i32 + 1, false).ok()?
        };
        let names: Vec<String> = (0..count)
            .map(|column| match usize::try_from(index.index.indkey[column] - 1) {
                Ok(attribute) => table.desc().attributes()[attribute].name.clone(),
                Err(_) => written(column).unwrap_or_else(|| attributes[column].name.clone()),
            })
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let types: Vec<Oid> = attributes[..count].iter().map(|a| a.type_oid).collect();
        if let Ok(key) = describe_key(session, &names, &types, &values[..count]) {
            error = error.detail(format!("{key} already exists."));
        }
    }
    error
}

/// The key as datums again.
pub fn as_datums(key: &[Option<OwnedDatum>]) -> Vec<Option<Datum<'_>>> {
    key.iter().map(|v| v.as_ref().map(OwnedDatum::as_datum)).collect()
}
