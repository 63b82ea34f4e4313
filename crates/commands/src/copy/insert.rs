//! Where COPY FROM's rows go: constraints, the table a page at a time, its indexes.

use super::expressions;
use crate::output;
use access_api::IndexRelation;
use base::{Error, Result, SqlState, Tid, bail, err};
use btree::{Inserted, UniqueCheck};
use catalog::{IndexEntry, RelationEntry, Session};
use datum::{Batch, Column, Datum, Selection};
use executor::{Eval, Execution, RowEvent, RowImage};
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
    checks: Vec<(String, Eval)>,
    unique: Vec<Index>,
    other: Vec<Index>,
    options: InsertOptions,
    bulk: BulkInsert,
    tids: Vec<Tid>,
    row_triggers: bool,
}

/// Values are shown up to this many bytes in "Failing row contains".
const MAX_SHOWN: usize = 64;

impl Target {
    /// # Errors
    /// `0A000` for what is not built yet: other index methods, foreign keys.
    pub fn new(session: &Arc<Session>, entry: &Arc<RelationEntry>, frozen: bool, has_triggers: bool) -> Result<Target> {
        if entry.foreign_keys.iter().any(|key| key.conenforced) {
            return Err(Error::unsupported("COPY FROM into a table with foreign keys"));
        }
        let mut checks = Vec::new();
        for check in entry.checks.iter().filter(|check| check.conenforced) {
            if let Some(text) = &check.conbin {
                checks.push((check.conname.clone(), expressions::stored(session, entry, text)?));
            }
        }
        let (mut unique, mut other) = (Vec::new(), Vec::new());
        for index in entry.indexes.iter().filter(|index| index.index.indisready) {
            let Some(access) = index.access.clone() else {
                return Err(Error::unsupported(format!("COPY FROM into a table with index \"{}\"", index.class.relname)));
            };
            let keys = expressions::index_keys(session, entry, index)?;
            let keys = keys
                .into_iter()
                .map(|key| match key {
                    Ok(attribute) => Key::Attribute(attribute),
                    Err(expression) => Key::Expression(expression),
                })
                .collect();
            let predicate =
                index.index.indpred.as_ref().map(|text| expressions::stored(session, entry, text)).transpose()?;
            let is_unique = access.unique;
            if is_unique && !access.immediate {
                return Err(Error::unsupported("COPY FROM into a table with a deferrable unique constraint"));
            }
            let index = Index { entry: index.clone(), access, keys, predicate };
            if is_unique { unique.push(index) } else { other.push(index) }
        }
        Ok(Target {
            session: session.clone(),
            entry: entry.clone(),
            checks,
            unique,
            other,
            options: InsertOptions { frozen, skip_fsm: frozen, ..InsertOptions::default() },
            bulk: BulkInsert::default(),
            tids: Vec::new(),
            row_triggers: has_triggers,
        })
    }

    /// NOT NULL and CHECK.
    ///
    /// # Errors
    /// `23502`, `23514` for the first row that violates one.
    pub fn check(&self, execution: &mut Execution, batch: &Batch) -> Result<(), RowError> {
        let mut first: Option<RowError> = None;
        let mut note = |row: usize, make: &mut dyn FnMut() -> Error| {
            if first.as_ref().is_none_or(|(known, _)| row < *known) {
                first = Some((row, make()));
            }
        };
        for (number, attribute) in self.entry.desc().attributes().iter().enumerate() {
            let column = batch.column(number);
            if !attribute.not_null || attribute.dropped || !column.has_nulls() {
                continue;
            }
            if let Some(row) = (0..batch.rows()).find(|row| column.is_null(*row)) {
                note(row, &mut || self.null_error(batch, row, &attribute.name));
            }
        }
        for (name, check) in &self.checks {
            let holds = check.evaluate(execution, batch, &Selection::All(batch.rows())).map_err(|e| (0, e))?;
            let violated = |row: &usize| holds.get(*row).is_some_and(|value| !value.bool());
            if let Some(row) = (0..batch.rows()).find(violated) {
                note(row, &mut || self.check_error(batch, row, name));
            }
        }
        first.map_or(Ok(()), Err)
    }

    fn null_error(&self, batch: &Batch, row: usize, column: &str) -> Error {
        let name = self.entry.name();
        self.located(err!(
            NOT_NULL_VIOLATION,
            "null value in column \"{column}\" of relation \"{name}\" violates not-null constraint"
        ))
        .column(column)
        .detail(self.describe(batch, row))
    }

    fn check_error(&self, batch: &Batch, row: usize, constraint: &str) -> Error {
        let name = self.entry.name();
        self.located(err!(
            CHECK_VIOLATION,
            "new row for relation \"{name}\" violates check constraint \"{constraint}\""
        ))
        .constraint(constraint)
        .detail(self.describe(batch, row))
    }

    fn located(&self, error: Error) -> Error {
        let schema = self.session.namespace_name(self.entry.class.relnamespace).unwrap_or_default();
        error.table(schema, self.entry.name())
    }

    fn describe(&self, batch: &Batch, row: usize) -> String {
        let mut values = Vec::new();
        for (number, attribute) in self.entry.desc().attributes().iter().enumerate() {
            if attribute.dropped {
                continue;
            }
            values.push(match batch.value(number, row) {
                None => "null".to_owned(),
                Some(value) => clipped(output::to_text(&self.session, attribute.type_oid, value).unwrap_or_default()),
            });
        }
        format!("Failing row contains ({}).", values.join(", "))
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
                    UniqueCheck::Yes,
                    false,
                )
                .map_err(|error| (row, error))?;
                if let Inserted::Conflict(_) = inserted {
                    return Err((row, self.duplicate(index, &values)));
                }
            }
        }
        Ok(())
    }

    fn duplicate(&self, index: &Index, values: &[Option<Datum<'_>>]) -> Error {
        let name = &index.entry.class.relname;
        let error = self
            .located(err!(UNIQUE_VIOLATION, "duplicate key value violates unique constraint \"{name}\""))
            .constraint(name.as_str());
        let mut names = Vec::new();
        let mut shown = Vec::new();
        let key_count = index.entry.index.indnkeyatts.max(0) as usize;
        for (key, value) in index.keys.iter().zip(values).take(key_count) {
            // An expression's text would take a deparser; without it the detail stays away.
            let Key::Attribute(attribute) = key else { return error };
            let attribute = &self.entry.desc().attributes()[*attribute];
            names.push(syntax::quote_identifier(&attribute.name));
            shown.push(match value {
                None => "null".to_owned(),
                Some(value) => output::to_text(&self.session, attribute.type_oid, *value).unwrap_or_default(),
            });
        }
        error.detail(format!("Key ({})=({}) already exists.", names.join(", "), shown.join(", ")))
    }
}

fn clipped(mut text: String) -> String {
    if text.len() > MAX_SHOWN {
        let mut end = MAX_SHOWN;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str("...");
    }
    text
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
