//! Holding the rows that are there against new constraints.

use crate::expression::RowEvaluator;
use base::{Error, Result, bail, err};
use catalog::{RelationEntry, Session};
use datum::{Batch, ColumnBuilder, Datum};
use heap::{Blocks, Rows, Visibility};
use ir::Expr;
use std::sync::Arc;

/// Calls `visit` with all live rows, of which only the attributes in `needed` (from 0) are read.
///
/// # Errors
/// What reading and `visit` fail with.
pub(crate) fn scan(
    session: &Session,
    entry: &RelationEntry,
    needed: &[usize],
    visit: &mut dyn FnMut(&Batch) -> Result<()>,
) -> Result<()> {
    let context = session.context()?;
    let snapshot = context.transaction.latest_snapshot()?;
    let mut scan =
        heap::Scan::new(&context, &entry.relation, Visibility::Mvcc(snapshot), Blocks::All, needed)?;
    let mut rows = Rows::new(entry.desc(), needed, false);
    while scan.next_page(datum::MAX_BATCH_ROWS, &mut rows)? > 0 {
        session.interrupt_check()?;
        let fresh = Rows::new(entry.desc(), needed, false);
        let Rows { columns, tids, .. } = std::mem::replace(&mut rows, fresh);
        let columns = columns.into_iter().map(|c| Arc::new(ColumnBuilder::finish(c))).collect();
        visit(&Batch::new(columns, tids.len()))?;
    }
    Ok(())
}

/// No row has NULL in the column.
///
/// # Errors
/// `23502`.
pub(super) fn not_null(session: &Session, entry: &RelationEntry, column: i16) -> Result<()> {
    if entry.kind() == b'p' {
        return Ok(());
    }
    let position = column as usize - 1;
    scan(session, entry, &[position], &mut |batch| {
        if (0..batch.rows()).all(|row| batch.value(0, row).is_some()) {
            return Ok(());
        }
        let name = &entry.desc().attributes()[position].name;
        Err(err!(
            NOT_NULL_VIOLATION,
            "column \"{name}\" of relation \"{}\" contains null values",
            entry.name()
        )
        .table(session.namespace_name(entry.class.relnamespace)?, entry.name())
        .column(name.as_str()))
    })
}

/// No row makes the condition false.
///
/// # Errors
/// `23514`.
pub(super) fn check(
    session: &Arc<Session>,
    entry: &RelationEntry,
    name: &str,
    condition: &Expr,
) -> Result<()> {
    let schema = session.namespace_name(entry.class.relnamespace)?;
    check_rows(session, entry, condition, &|| {
        err!(
            CHECK_VIOLATION,
            "check constraint \"{name}\" of relation \"{}\" is violated by some row",
            entry.name()
        )
        .table(schema.as_str(), entry.name())
        .constraint(name)
    })
}

/// No row makes the condition false.
///
/// # Errors
/// What `failed` makes.
pub(crate) fn check_rows(
    session: &Arc<Session>,
    entry: &RelationEntry,
    condition: &Expr,
    failed: &dyn Fn() -> Error,
) -> Result<()> {
    if entry.kind() != b'r' && entry.kind() != b'm' {
        return Ok(());
    }
    let columns = crate::dependency::columns_of(condition);
    if columns.iter().any(|c| *c < 0) {
        bail!(FEATURE_NOT_SUPPORTED, "checks over system columns are not supported yet");
    }
    let needed: Vec<usize> = match columns.contains(&0) {
        true => (0..entry.desc().len()).collect(),
        false => columns.iter().map(|c| *c as usize - 1).collect(),
    };
    let numbers: Vec<i16> = needed.iter().map(|n| *n as i16 + 1).collect();
    let mut evaluator = RowEvaluator::new(session, std::slice::from_ref(condition), &[], &numbers)?;
    scan(session, entry, &needed, &mut |batch| {
        let outputs = evaluator.evaluate(batch)?;
        if !(0..batch.rows()).any(|row| matches!(outputs.columns[0].get(row), Some(Datum::Bool(false)))) {
            return Ok(());
        }
        Err(failed())
    })
}
