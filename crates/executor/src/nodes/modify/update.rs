//! UPDATE of one row: the old version is read, the new one made from it and the child's values; if someone else has
//! changed the row meanwhile, it is looked at again.

use super::insert::generated;
use super::target::{ReturnedRows, Target, datums, image, read_row};
use super::{Routing, Spec, recheck_row};
use crate::context::Execution;
use crate::foreign_key;
use crate::hooks::{RowEvent, RowImage};
use crate::index_entries::Uniqueness;
use crate::recheck::{moved_error, serialization_error};
use base::{Error, Result, Tid};
use datum::{Batch, Datum, Row};
use heap::{IndexesToUpdate, Outcome, UpdateOptions};

/// Updates the row that the child's row `row` is about; whether there was one to update in the end.
pub fn run(
    execution: &mut Execution,
    spec: &Spec,
    target: &Target,
    batch: &Batch,
    row: usize,
    returned: &mut ReturnedRows,
    mut routing: Routing<'_>,
) -> Result<bool> {
    let mut tid = tid_of(spec, batch, row)?;
    let mut source = batch.clone();
    let mut source_row = row;
    loop {
        let Some(old) = heap::fetch_any(&execution.context, &target.entry.relation, tid)? else {
            return Ok(false);
        };
        let old = image(tid, read_row(execution, &target.entry, &old)?);
        let mut values = old.values.clone();
        for (column, attribute) in target.assigned.iter().enumerate() {
            values[*attribute] = source.value(column, source_row).map(Datum::to_owned);
        }
        match update_row(execution, target, &old, values, routing.is_open())? {
            Attempt::Leaves(values) => {
                let moved = move_row(execution, target, &old, &values, &mut routing)?;
                match moved {
                    Moved::Done(new, table) => {
                        if target.returns() {
                            returned.table = Some(table);
                            returned.push(Some(old), Some(new), source_row);
                        }
                        return Ok(true);
                    }
                    Moved::Skipped => return Ok(false),
                    Moved::Again(newest) => {
                        let again = recheck_row(execution, spec, target, batch, row, newest)?;
                        let Some((next, recomputed)) = again else { return Ok(false) };
                        tid = next;
                        source = recomputed;
                        source_row = 0;
                        returned.source = Some(source.clone());
                    }
                }
            }
            Attempt::Done(new) => {
                let update = Update { target, old, new };
                update.after(execution, source_row, returned)?;
                return Ok(true);
            }
            Attempt::Skipped => return Ok(false),
            Attempt::Again(newest) => {
                let Some((next, recomputed)) = recheck_row(execution, spec, target, batch, row, newest)?
                else {
                    return Ok(false);
                };
                tid = next;
                source = recomputed;
                source_row = 0;
                returned.source = Some(source.clone());
            }
        }
    }
}

/// The tid in a row of the child.
pub fn tid_of(spec: &Spec, batch: &Batch, row: usize) -> Result<Tid> {
    let column = spec.tid_column.ok_or_else(|| Error::internal("a change without the row's tid"))?;
    match batch.value(column, row) {
        Some(tid) => Ok(tid.tid()),
        None => Err(Error::internal("ctid is NULL")),
    }
}

/// What became of a row that leaves its partition.
pub enum Moved {
    /// Its new version as a row of the old partition, and the table that it is in now.
    Done(RowImage, base::Oid),
    Skipped,
    Again(Tid),
}

/// Deletes a row here and inserts its new version where that belongs.
pub fn move_row(
    execution: &mut Execution,
    target: &Target,
    old: &RowImage,
    values: &Row,
    routing: &mut Routing<'_>,
) -> Result<Moved> {
    let options = heap::DeleteOptions { moving_partition: true, ..heap::DeleteOptions::default() };
    match super::delete::delete_row_with(execution, target, old.tid, Some(old), &options)? {
        Attempt::Done(_) => {}
        Attempt::Again(newest) => return Ok(Moved::Again(newest)),
        _ => return Ok(Moved::Skipped),
    }
    super::delete::after(execution, target, Some(old.clone()), 0, &mut ReturnedRows::default(), true)?;
    let Some((new, table)) = routing.insert(execution, &target.entry, values)? else {
        return Ok(Moved::Skipped);
    };
    if let Some(root) = routing.root {
        foreign_key::queue_moved(execution, root, &target.entry, &old.values, &new.values)?;
    }
    Ok(Moved::Done(new, table))
}

/// How one attempt ends.
pub enum Attempt {
    Done(RowImage),
    /// The new version belongs to another partition; nothing has been done yet.
    Leaves(Row),
    /// Nothing to do any more: deleted, changed by this very command, or left out by a trigger.
    Skipped,
    /// Someone else has updated it; its next version is there.
    Again(Tid),
}

/// Replaces `old` by `values`, once.
pub fn update_row(
    execution: &mut Execution,
    target: &Target,
    old: &RowImage,
    mut values: Row,
    may_leave: bool,
) -> Result<Attempt> {
    let relation = &target.entry.relation;
    if target.before_row(RowEvent::Update) {
        let hooks = execution.hooks.rows.clone();
        let session = execution.session.clone();
        let numbers = &target.assigned_numbers;
        match hooks.before_row(&session, &target.entry, RowEvent::Update, Some(old), Some(values), numbers)? {
            Some(changed) => values = changed,
            None => return Ok(Attempt::Skipped),
        }
    }
    values = generated(execution, target, values)?;
    let borrowed = datums(&values);
    if may_leave && !target.constraints.is_placed(execution, &borrowed)? {
        drop(borrowed);
        return Ok(Attempt::Leaves(values));
    }
    target.constraints.check_row(execution, &borrowed)?;
    // A trigger may have changed any attribute.
    let unchanged = if target.before_row(RowEvent::Update) { Vec::new() } else { target.unassigned() };
    let options = UpdateOptions {
        indexed: &target.indexes.attributes,
        crosscheck: None,
        no_wait: false,
        unchanged: &unchanged,
    };
    let (outcome, updated) = heap::update(&execution.context, relation, old.tid, &borrowed, &options)?;
    if let (Outcome::Done, Some(updated)) = (outcome, &updated) {
        if updated.indexes != IndexesToUpdate::None {
            let assigned = if unchanged.is_empty() { None } else { Some(&target.assigned[..]) };
            target.indexes.insert(execution, &borrowed, updated.tid, assigned, Uniqueness::Enforce)?;
        }
        drop(borrowed);
        return Ok(Attempt::Done(image(updated.tid, values)));
    }
    refused(execution, old.tid, outcome, "updated")
}

/// What to do about a row that could not be changed. `verb`: updated or deleted.
pub fn refused(execution: &Execution, tid: Tid, outcome: Outcome, verb: &str) -> Result<Attempt> {
    let keeps_snapshot = execution.context.transaction.isolation().keeps_snapshot();
    match outcome {
        Outcome::Updated(_) if keeps_snapshot => Err(serialization_error(false)),
        Outcome::Deleted(_) if keeps_snapshot => Err(serialization_error(true)),
        Outcome::Updated(conflict) if conflict.moved_partition => Err(moved_error()),
        Outcome::Updated(conflict) if conflict.ctid != tid => Ok(Attempt::Again(conflict.ctid)),
        Outcome::Updated(_) | Outcome::Deleted(_) => Ok(Attempt::Skipped),
        Outcome::SelfModified(conflict) => {
            // By this command, as when a join finds the row twice: once is enough. Otherwise by a trigger or function.
            if conflict.cmax.is_none_or(|c| c == execution.snapshot.command) {
                return Ok(Attempt::Skipped);
            }
            Err(triggered_change(verb))
        }
        // What triggers run comes in commands after the statement's: what they changed has gone for a later one.
        Outcome::Invisible if execution.context.transaction.command() > execution.snapshot.command => {
            Err(triggered_change(verb))
        }
        Outcome::Invisible => Err(Error::internal("attempted to change an invisible tuple")),
        other => Err(Error::internal(format!("unexpected outcome of a change: {other:?}"))),
    }
}

fn triggered_change(verb: &str) -> Error {
    let message =
        format!("tuple to be {verb} was already modified by an operation triggered by the current command");
    Error::new(base::SqlState::TRIGGERED_DATA_CHANGE_VIOLATION, message).hint(
        "Consider using an AFTER trigger instead of a BEFORE trigger to propagate changes to other rows.",
    )
}

/// An update that was done.
pub struct Update<'a> {
    pub target: &'a Target,
    pub old: RowImage,
    pub new: RowImage,
}

impl Update<'_> {
    /// What follows: foreign keys, triggers, RETURNING.
    pub fn after(self, execution: &mut Execution, row: usize, returned: &mut ReturnedRows) -> Result<()> {
        let Update { target, old, new } = self;
        if target.has_foreign_keys || target.is_referenced {
            foreign_key::queue_update(execution, &target.entry, &old, &new);
        }
        if target.after_row(RowEvent::Update) {
            let hooks = execution.hooks.rows.clone();
            let session = execution.session.clone();
            let numbers = &target.assigned_numbers;
            hooks.after_row(&session, &target.entry, RowEvent::Update, Some(&old), Some(&new), numbers)?;
            execution.has_queued = true;
        }
        if !target.view_checks.is_empty() {
            target.check_views(execution, &datums(&new.values))?;
        }
        if target.returns() {
            returned.push(Some(old), Some(new), row);
        }
        Ok(())
    }
}
