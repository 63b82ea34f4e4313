//! Where COPY FROM's rows go: constraints, the table a page at a time, its indexes.

use base::{Error, Result, SqlState, Tid, bail};
use catalog::{RelationEntry, Session};
use datum::Batch;
use executor::{Execution, IndexWriter, RowConstraints, RowError, RowEvent, RowImage};
use heap::{BulkInsert, InsertOptions};
use std::sync::Arc;

/// A table that takes rows.
pub struct Target {
    session: Arc<Session>,
    entry: Arc<RelationEntry>,
    constraints: RowConstraints,
    indexes: IndexWriter,
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
        Ok(Target {
            session: session.clone(),
            entry: entry.clone(),
            constraints: RowConstraints::new(session, entry)?,
            indexes: IndexWriter::new(session, entry)?,
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
        self.indexes.insert_batch(execution, batch, &self.tids)?;
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
