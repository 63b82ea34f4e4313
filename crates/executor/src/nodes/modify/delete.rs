//! DELETE of one row.

use super::target::{ReturnedRows, Target, image, read_row};
use super::update::{Attempt, refused, tid_of};
use super::{Spec, recheck_row};
use crate::context::Execution;
use crate::foreign_key;
use crate::hooks::{RowEvent, RowImage};
use base::Result;
use datum::Batch;
use heap::{DeleteOptions, Outcome};

/// Deletes the row that the child's row `row` is about; whether there was one to delete in the end.
pub fn run(
    execution: &mut Execution,
    spec: &Spec,
    target: &Target,
    batch: &Batch,
    row: usize,
    returned: &mut ReturnedRows,
) -> Result<bool> {
    let mut tid = tid_of(spec, batch, row)?;
    let mut source_row = row;
    loop {
        let old = match needs_old(target) {
            true => match heap::fetch_any(&execution.context, &target.entry.relation, tid)? {
                Some(tuple) => Some(image(tid, read_row(execution, &target.entry, &tuple)?)),
                None => return Ok(false),
            },
            false => None,
        };
        match delete_row(execution, target, tid, old.as_ref())? {
            Attempt::Done(_) => {
                after(execution, target, old, source_row, returned, false)?;
                return Ok(true);
            }
            Attempt::Skipped | Attempt::Leaves(_) => return Ok(false),
            Attempt::Again(newest) => {
                let Some((next, recomputed)) = recheck_row(execution, spec, target, batch, row, newest)?
                else {
                    return Ok(false);
                };
                tid = next;
                source_row = 0;
                returned.source = Some(recomputed);
            }
        }
    }
}

fn needs_old(target: &Target) -> bool {
    target.returning.is_some()
        || target.is_referenced
        || target.before_row(RowEvent::Delete)
        || target.after_row(RowEvent::Delete)
}

/// Deletes a version, once.
pub fn delete_row(
    execution: &mut Execution,
    target: &Target,
    tid: base::Tid,
    old: Option<&RowImage>,
) -> Result<Attempt> {
    delete_row_with(execution, target, tid, old, &DeleteOptions::default())
}

/// As [`delete_row`], with options.
pub fn delete_row_with(
    execution: &mut Execution,
    target: &Target,
    tid: base::Tid,
    old: Option<&RowImage>,
    options: &DeleteOptions<'_>,
) -> Result<Attempt> {
    if target.before_row(RowEvent::Delete) {
        let hooks = execution.hooks.rows.clone();
        let session = execution.session.clone();
        if hooks.before_row(&session, &target.entry, RowEvent::Delete, old, None, &[])?.is_none() {
            return Ok(Attempt::Skipped);
        }
    }
    let relation = &target.entry.relation;
    let outcome = heap::delete(&execution.context, relation, tid, options)?;
    match outcome {
        Outcome::Done => Ok(Attempt::Done(image(tid, Vec::new()))),
        other => refused(execution, tid, other, "deleted"),
    }
}

/// What follows: foreign keys, triggers, RETURNING. `moved`: the row goes to another partition.
pub fn after(
    execution: &mut Execution,
    target: &Target,
    old: Option<RowImage>,
    row: usize,
    returned: &mut ReturnedRows,
    moved: bool,
) -> Result<()> {
    let Some(old) = old else { return Ok(()) };
    if target.is_referenced {
        foreign_key::queue_delete(execution, &target.entry, &old, moved);
    }
    if target.after_row(RowEvent::Delete) {
        let hooks = execution.hooks.rows.clone();
        hooks.after_row(&execution.session, &target.entry, RowEvent::Delete, Some(&old), None, &[])?;
        execution.has_queued = true;
    }
    if target.returning.is_some() {
        returned.push(Some(old), None, row);
    }
    Ok(())
}
