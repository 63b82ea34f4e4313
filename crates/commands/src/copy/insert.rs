//! Where COPY FROM's rows go: constraints, the table a page at a time, its indexes.

use crate::trigger::bits;
use base::{Error, Result, SqlState, Tid, bail};
use catalog::{RelationEntry, Session};
use datum::{Batch, ColumnBuilder};
use executor::{Execution, IndexWriter, Router, RowConstraints, RowError, RowEvent, RowImage};
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
    before_triggers: bool,
    row_triggers: bool,
    foreign_keys: bool,
    /// Of a partitioned table: the way to its leaves, and those that rows have gone to.
    routes: Option<(Router, Vec<Target>)>,
}

impl Target {
    /// # Errors
    /// `0A000` for what is not built yet: other index methods.
    pub fn new(session: &Arc<Session>, entry: &Arc<RelationEntry>, frozen: bool) -> Result<Target> {
        let is_routed = entry.kind() == b'p';
        Ok(Target {
            session: session.clone(),
            entry: entry.clone(),
            constraints: RowConstraints::new(session, entry)?,
            indexes: IndexWriter::new(session, entry)?,
            options: InsertOptions { frozen, skip_fsm: frozen, ..InsertOptions::default() },
            bulk: BulkInsert::default(),
            tids: Vec::new(),
            before_triggers: !is_routed && has_row_trigger(entry, bits::BEFORE),
            row_triggers: !is_routed && has_row_trigger(entry, 0),
            foreign_keys: entry.foreign_keys.iter().any(|key| key.conenforced),
            routes: match is_routed {
                true => Some((Router::new(session, entry.clone())?, Vec::new())),
                false => None,
            },
        })
    }

    /// Whether triggers may change rows, or leave them out, before they are stored.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn has_before_triggers(&self) -> Result<bool> {
        let mut open = vec![self.entry.clone()];
        while let Some(entry) = open.pop() {
            if entry.kind() != b'p' && has_row_trigger(&entry, bits::BEFORE) {
                return Ok(true);
            }
            for partition in
                if entry.kind() == b'p' { self.session.children(entry.oid())? } else { Vec::new() }
            {
                open.push(self.session.require_relation(partition)?);
            }
        }
        Ok(false)
    }

    /// Fires BEFORE ROW triggers, which may change rows and leave them out. `sources`: what each row came from.
    ///
    /// # Errors
    /// What the triggers fail with.
    pub fn fire_before_row(
        &self,
        execution: &mut Execution,
        batch: Batch,
        sources: Vec<u32>,
    ) -> Result<(Batch, Vec<u32>)> {
        if !self.before_triggers {
            return Ok((batch, sources));
        }
        let hooks = execution.hooks.rows.clone();
        let attributes = self.entry.desc().attributes();
        let mut builders: Vec<_> =
            attributes.iter().map(|a| ColumnBuilder::new(a.layout.repr, batch.rows())).collect();
        let mut kept = Vec::with_capacity(batch.rows());
        for (row, source) in sources.iter().enumerate() {
            let new = Some(batch.row(row));
            let Some(new) = hooks.before_row(&self.session, &self.entry, RowEvent::Insert, None, new, &[])?
            else {
                continue;
            };
            for (builder, value) in builders.iter_mut().zip(&new) {
                builder.push(value.as_ref().map(datum::OwnedDatum::as_datum));
            }
            kept.push(*source);
        }
        let columns = builders.into_iter().map(|b| Arc::new(b.finish())).collect();
        Ok((Batch::new(columns, kept.len()), kept))
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

    pub fn is_routed(&self) -> bool {
        self.routes.is_some()
    }

    /// Stores each row in the leaf that takes it.
    fn insert_routed(&mut self, execution: &mut Execution, batch: &Batch) -> Result<u64, RowError> {
        let Some((router, leaves)) = &mut self.routes else { return Ok(0) };
        let (found, error) = router.route(execution, batch).map_err(|e| (0, e))?;
        let mut groups: Vec<(usize, Vec<u32>)> = Vec::new();
        for (row, leaf) in found.iter().enumerate() {
            match groups.iter_mut().find(|group| group.0 == *leaf) {
                Some(group) => group.1.push(row as u32),
                None => groups.push((*leaf, vec![row as u32])),
            }
        }
        while leaves.len() < router.leaves.len() {
            let entry = &router.leaves[leaves.len()].entry;
            let mut target = Target::new(&self.session, entry, false).map_err(|e| (0, e))?;
            if !target.before_triggers {
                target.constraints.trust_routing();
            }
            leaves.push(target);
        }
        let mut stored = 0;
        for (at, rows) in groups {
            let way = &router.leaves[at];
            let taken = batch.columns().iter().map(|c| Arc::new(c.take(&rows))).collect();
            let part = executor::converted(&Batch::new(taken, rows.len()), &way.entry, &way.columns);
            let first = rows.first().map_or(0, |row| *row as usize);
            let target = &mut leaves[at];
            let (part, rows) = target.fire_before_row(execution, part, rows).map_err(|e| (first, e))?;
            if rows.is_empty() {
                continue;
            }
            let whole = |(row, error): RowError| (rows.get(row).map_or(0, |r| *r as usize), error);
            let part = target.generate(execution, part).map_err(|e| whole((0, e)))?;
            target.check(execution, &part).map_err(whole)?;
            stored += target.insert(execution, &part).map_err(whole)?;
        }
        match error {
            Some(error) => Err((found.len(), error)),
            None => Ok(stored),
        }
    }

    /// Stores the rows and their index entries; tells how many there were in the end.
    ///
    /// # Errors
    /// `23505` with the row that has a key already there; what triggers fail with.
    pub fn insert(&mut self, execution: &mut Execution, batch: &Batch) -> Result<u64, RowError> {
        if self.routes.is_some() {
            return self.insert_routed(execution, batch);
        }
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
            execution.expect_triggers();
            for row in 0..batch.rows() {
                let image = RowImage { tid: self.tids[row], values: batch.row(row) };
                let hooks = execution.hooks.rows.clone();
                hooks
                    .after_row(&self.session, &self.entry, RowEvent::Insert, None, Some(&image), &[])
                    .map_err(|error| (row, error))?;
            }
        }
        Ok(batch.rows() as u64)
    }
}

/// Whether triggers fire for each new row. `time`: BEFORE, or 0 for AFTER.
fn has_row_trigger(entry: &RelationEntry, time: i16) -> bool {
    let mask = bits::ROW | bits::BEFORE | bits::INSERT;
    let wanted = bits::ROW | bits::INSERT | time;
    entry.triggers.iter().any(|t| !t.tgisinternal && t.tgenabled as u8 != b'D' && t.tgtype & mask == wanted)
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
