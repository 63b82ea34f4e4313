//! INSERT: rows in batches where nothing has to be asked in between.

use super::conflict::{self, ConflictSpec};
use super::target::{ReturnedRows, Target, datums, image, owned};
use crate::context::Execution;
use crate::foreign_key;
use crate::hooks::RowEvent;
use crate::index_entries::Uniqueness;
use crate::rows::null_column;
use base::{Result, Tid};
use datum::{Batch, Datum, Row};
use heap::{BulkInsert, InsertOptions};

/// The rows as the table has them: the child's columns by attribute.
pub fn whole_rows(target: &Target, batch: &Batch) -> Batch {
    let attributes = target.entry.desc().attributes();
    let columns = attributes.iter().enumerate().map(|(index, attribute)| match batch.columns().get(index) {
        Some(column) if !attribute.dropped => column.clone(),
        _ => null_column(attribute.layout.repr),
    });
    Batch::new(columns.collect(), batch.rows())
}

/// Inserts a batch; returns how many rows there were in the end.
pub fn run(
    execution: &mut Execution,
    conflict: Option<&ConflictSpec>,
    target: &Target,
    batch: &Batch,
    bulk: &mut BulkInsert,
    returned: &mut ReturnedRows,
) -> Result<u64> {
    let rows = whole_rows(target, batch);
    if target.before_row(RowEvent::Insert) || conflict.is_some() {
        let mut inserted = 0;
        for row in 0..rows.rows() {
            inserted += u64::from(one_by_one(execution, conflict, target, &rows, row, returned)?);
        }
        return Ok(inserted);
    }
    let rows = target.constraints.generate(execution, rows)?;
    let violation = target.constraints.first_violation(execution, &rows)?;
    // What comes before the first bad row is inserted, because its own errors come first.
    let good = violation.as_ref().map_or(rows.rows(), |(row, _)| *row);
    let mut tids = Vec::with_capacity(good);
    let relation = &target.entry.relation;
    if good == 1 {
        let values: Vec<Option<Datum<'_>>> = rows.columns().iter().map(|c| c.get(0)).collect();
        tids.push(heap::insert(&execution.context, relation, &values, &InsertOptions::default(), None)?);
    } else if good > 1 {
        let options = InsertOptions::default();
        heap::multi_insert(&execution.context, relation, &rows.slice(0, good), &options, bulk, &mut tids)?;
    }
    if good > 1 {
        let stored = rows.slice(0, good);
        target.indexes.insert_batch(execution, &stored, &tids).map_err(|(_, error)| error)?;
    }
    let mut values = Vec::with_capacity(rows.columns().len());
    for (row, tid) in tids.iter().enumerate() {
        values.clear();
        values.extend(rows.columns().iter().map(|c| c.get(row)));
        if good == 1 {
            target.indexes.insert(execution, &values, *tid, None, Uniqueness::Enforce)?;
        }
        after(execution, target, *tid, &values, row, returned)?;
    }
    match violation {
        Some((_, error)) => Err(error),
        None => Ok(good as u64),
    }
}

/// What follows an inserted row: foreign keys, triggers, RETURNING.
fn after(
    execution: &mut Execution,
    target: &Target,
    tid: Tid,
    values: &[Option<Datum<'_>>],
    row: usize,
    returned: &mut ReturnedRows,
) -> Result<()> {
    if target.has_foreign_keys {
        foreign_key::queue_insert(execution, &target.entry, values, tid);
    }
    target.check_views(execution, values)?;
    if !target.returns() && !target.after_row(RowEvent::Insert) {
        return Ok(());
    }
    let new = image(tid, owned(values));
    if target.after_row(RowEvent::Insert) {
        let hooks = execution.hooks.rows.clone();
        hooks.after_row(&execution.session, &target.entry, RowEvent::Insert, None, Some(&new), &[])?;
        execution.has_queued = true;
    }
    if target.returns() {
        returned.push(None, Some(new), row);
    }
    Ok(())
}

fn one_by_one(
    execution: &mut Execution,
    conflict: Option<&ConflictSpec>,
    target: &Target,
    rows: &Batch,
    row: usize,
    returned: &mut ReturnedRows,
) -> Result<bool> {
    let values: Row = rows.row(row);
    insert_row(execution, conflict, target, values, row, returned)
}

/// Inserts one row with its triggers and ON CONFLICT; whether a row was inserted or updated.
pub fn insert_row(
    execution: &mut Execution,
    conflict: Option<&ConflictSpec>,
    target: &Target,
    mut values: Row,
    row: usize,
    returned: &mut ReturnedRows,
) -> Result<bool> {
    if target.before_row(RowEvent::Insert) {
        let hooks = execution.hooks.rows.clone();
        let (session, entry) = (execution.session.clone(), &target.entry);
        match hooks.before_row(&session, entry, RowEvent::Insert, None, Some(values), &[])? {
            Some(changed) => values = changed,
            None => return Ok(false),
        }
    }
    values = generated(execution, target, values)?;
    let borrowed = datums(&values);
    target.constraints.check_row(execution, &borrowed)?;
    if let Some(conflict) = conflict {
        return conflict::insert(execution, target, conflict, &borrowed, row, returned, after);
    }
    let relation = &target.entry.relation;
    let tid = heap::insert(&execution.context, relation, &borrowed, &InsertOptions::default(), None)?;
    target.indexes.insert(execution, &borrowed, tid, None, Uniqueness::Enforce)?;
    after(execution, target, tid, &borrowed, row, returned)?;
    Ok(true)
}

/// The row with its generated columns.
pub fn generated(execution: &mut Execution, target: &Target, values: Row) -> Result<Row> {
    if target.constraints.generated.is_empty() {
        return Ok(values);
    }
    let batch = crate::constraint::row_batch(&target.entry, &datums(&values));
    Ok(target.constraints.generate(execution, batch)?.row(0))
}
