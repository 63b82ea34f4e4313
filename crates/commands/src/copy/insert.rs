//! Where COPY FROM's rows go: constraints, the table a page at a time, its indexes.

use super::expressions;
use access_api::IndexRelation;
use base::{Error, Result, SqlState, Tid, bail};
use btree::{Inserted, UniqueCheck};
use catalog::{IndexEntry, RelationEntry, Session};
use datum::{Batch, Column, Datum, Selection};
use executor::{Eval, Execution, RowConstraints, RowEvent, RowImage};
use heap::{BulkInsert, HeapOracle, InsertOptions};
use std::cmp::Ordering;
use std::sync::Arc;

/// An error with the number of the row, within its batch, that it is about.
pub type RowError = (usize, Error);

enum Key {
    Attribute(usize),
    Expression(Eval),
}

struct Index {
    entry: Arc<IndexEntry>,
    access: IndexRelation,
    keys: Vec<Key>,
    predicate: Option<Eval>,
}

/// A table that takes rows.
pub struct Target {
    session: Arc<Session>,
    entry: Arc<RelationEntry>,
    constraints: RowConstraints,
    unique: Vec<Index>,
    other: Vec<Index>,
    options: InsertOptions,
    bulk: BulkInsert,
    tids: Vec<Tid>,
    row_triggers: bool,
    foreign_keys: bool,
}

impl Target {
    /// # Errors
    /// `0A000` for what is not built yet: other index methods.
    pub fn new(
        session: &Arc<Session>,
        entry: &Arc<RelationEntry>,
        frozen: bool,
        has_triggers: bool,
    ) -> Result<Target> {
        let (mut unique, mut other) = (Vec::new(), Vec::new());
        for index in entry.indexes.iter().filter(|index| index.index.indisready) {
            let Some(access) = index.access.clone() else {
                return Err(Error::unsupported(format!(
                    "COPY FROM into a table with index \"{}\"",
                    index.class.relname
                )));
            };
            let keys = expressions::index_keys(session, entry, index)?;
            let keys = keys
                .into_iter()
                .map(|key| match key {
                    Ok(attribute) => Key::Attribute(attribute),
                    Err(expression) => Key::Expression(expression),
                })
                .collect();
            let predicate = index
                .index
                .indpred
                .as_ref()
                .map(|text| expressions::stored(session, entry, text))
                .transpose()?;
            let is_unique = access.unique;
            let index = Index { entry: index.clone(), access, keys, predicate };
            if is_unique { unique.push(index) } else { other.push(index) }
        }
        Ok(Target {
            session: session.clone(),
            entry: entry.clone(),
            constraints: RowConstraints::new(session, entry)?,
            unique,
            other,
            options: InsertOptions { frozen, skip_fsm: frozen, ..InsertOptions::default() },
            bulk: BulkInsert::default(),
            tids: Vec::new(),
            row_triggers: has_triggers,
            foreign_keys: entry.foreign_keys.iter().any(|key| key.conenforced),
        })
    }

    /// Computes stored generated columns.
    ///
    /// # Errors
    /// What their expressions fail with.
    pub fn generate(&self, execution: &mut Execution, batch: Batch) -> Result<Batch> {
        self.constraints.generate(execution, batch)
    }

    /// NOT NULL and CHECK.
    ///
    /// # Errors
    /// `23502`, `23514` for the first row that violates one.
    pub fn check(&self, execution: &mut Execution, batch: &Batch) -> Result<(), RowError> {
        match self.constraints.first_violation(execution, batch) {
            Ok(None) => Ok(()),
            Ok(Some(violation)) => Err(violation),
            Err(error) => Err((0, error)),
        }
    }

    /// Stores the rows and their index entries.
    ///
    /// # Errors
    /// `23505` with the row that has a key already there; what triggers fail with.
    pub fn insert(&mut self, execution: &mut Execution, batch: &Batch) -> Result<(), RowError> {
        let context = execution.context.clone();
        self.tids.clear();
        heap::multi_insert(
            &context,
            &self.entry.relation,
            batch,
            &self.options,
            &mut self.bulk,
            &mut self.tids,
        )
        .map_err(|error| (batch.rows().saturating_sub(1), error))?;
        self.insert_unique(execution, batch)?;
        for index in &self.other {
            insert_sorted(execution, &self.entry, index, batch, &self.tids).map_err(|error| (0, error))?;
        }
        if self.foreign_keys {
            let mut values = Vec::new();
            for row in 0..batch.rows() {
                values.clear();
                values.extend(batch.columns().iter().map(|column| column.get(row)));
                executor::queue_foreign_keys(execution, &self.entry, &values, self.tids[row]);
            }
        }
        if self.row_triggers {
            for row in 0..batch.rows() {
                let image = RowImage { tid: self.tids[row], values: batch.row(row) };
                let hooks = execution.hooks.rows.clone();
                hooks
                    .after_row(&self.session, &self.entry, RowEvent::Insert, None, Some(&image), &[])
                    .map_err(|error| (row, error))?;
            }
        }
        Ok(())
    }

    /// Row by row, so that it is the first row's first violation that is told.
    fn insert_unique(&self, execution: &mut Execution, batch: &Batch) -> Result<(), RowError> {
        let context = execution.context.clone();
        let mut prepared = Vec::with_capacity(self.unique.len());
        for index in &self.unique {
            prepared.push(entries(execution, index, batch).map_err(|error| (0, error))?);
        }
        let mut values = Vec::new();
        for row in 0..batch.rows() {
            for (index, (columns, rows)) in self.unique.iter().zip(&prepared) {
                if !contains(rows, row) {
                    continue;
                }
                values.clear();
                values.extend(columns.iter().map(|column| column.get(row)));
                let inserted = btree::insert(
                    &context,
                    &index.access,
                    &self.entry.relation,
                    &HeapOracle,
                    &values,
                    self.tids[row],
                    if index.access.immediate { UniqueCheck::Yes } else { UniqueCheck::Partial },
                    false,
                )
                .map_err(|error| (row, error))?;
                if let Inserted::MaybeConflict = inserted {
                    let key = values.iter().map(|value| value.map(Datum::to_owned)).collect();
                    executor::queue_unique_check(execution, &self.entry, &index.entry, key, self.tids[row]);
                } else if let Inserted::Conflict(_) = inserted {
                    return Err((row, executor::duplicate_key_error(&self.session, &index.entry, &values)));
                }
            }
        }
        Ok(())
    }
}

fn contains(rows: &Selection, row: usize) -> bool {
    match rows {
        Selection::All(count) => row < *count,
        Selection::Rows(rows) => rows.binary_search(&(row as u32)).is_ok(),
    }
}

/// The index's columns for the batch, and the rows that its predicate lets in.
fn entries(execution: &mut Execution, index: &Index, batch: &Batch) -> Result<(Vec<Arc<Column>>, Selection)> {
    let mut rows = Selection::All(batch.rows());
    if let Some(predicate) = &index.predicate {
        let holds = predicate.evaluate(execution, batch, &rows)?;
        rows = rows.filter(|row| holds.get(row).is_some_and(Datum::bool));
    }
    let mut columns = Vec::with_capacity(index.keys.len());
    for key in &index.keys {
        columns.push(match key {
            Key::Attribute(attribute) => batch.column(*attribute).clone(),
            Key::Expression(eval) => eval.evaluate(execution, batch, &rows)?,
        });
    }
    Ok((columns, rows))
}

/// Entries in the order of their keys: neighbours go to the same page.
fn insert_sorted(
    execution: &mut Execution,
    entry: &RelationEntry,
    index: &Index,
    batch: &Batch,
    tids: &[Tid],
) -> Result<()> {
    let context = execution.context.clone();
    let (columns, rows) = entries(execution, index, batch)?;
    let mut order = Vec::with_capacity(rows.len());
    rows.for_each(|row| order.push(row));
    let compare = |a: &usize, b: &usize| {
        for (key, column) in index.access.keys.iter().zip(&columns) {
            let ordering = match (column.get(*a), column.get(*b)) {
                (Some(a), Some(b)) if key.descending => key.order.compare(b, a),
                (Some(a), Some(b)) => key.order.compare(a, b),
                (None, None) => Ordering::Equal,
                (None, Some(_)) if key.nulls_first => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) if key.nulls_first => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
            };
            if ordering != Ordering::Equal {
                return ordering;
            }
        }
        Ordering::Equal
    };
    order.sort_by(compare);
    let mut values = Vec::new();
    for row in order {
        values.clear();
        values.extend(columns.iter().map(|column| column.get(row)));
        btree::insert(
            &context,
            &index.access,
            &entry.relation,
            &HeapOracle,
            &values,
            tids[row],
            UniqueCheck::No,
            false,
        )?;
    }
    Ok(())
}

/// Whether rows of the transaction's own file may be stored frozen.
///
/// # Errors
/// `55000`, `25000` as PostgreSQL has it.
pub fn check_freeze(session: &Session, entry: &RelationEntry) -> Result<()> {
    if entry.kind() == b'p' {
        bail!(FEATURE_NOT_SUPPORTED, "cannot perform COPY FREEZE on a partitioned table");
    }
    let transaction = session.transaction()?;
    if transaction.has_snapshot() && transaction.isolation().keeps_snapshot() {
        bail!(INVALID_TRANSACTION_STATE, "cannot perform COPY FREEZE because of prior transaction activity");
    }
    if !transaction.is_new_file(entry.relation.locator) {
        return Err(Error::new(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            "cannot perform COPY FREEZE because the table was not created or truncated in the current subtransaction",
        ));
    }
    Ok(())
}
