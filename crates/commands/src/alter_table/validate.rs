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
pub(super) fn not_null(session: &Arc<Session>, entry: &RelationEntry, column: i16) -> Result<()> {
    if entry.kind() == b'p' {
        return Ok(());
    }
    let position = column as usize - 1;
    let attribute = &entry.desc().attributes()[position];
    let refuse = || -> Result<()> {
        let name = &attribute.name;
        Err(err!(
            NOT_NULL_VIOLATION,
            "column \"{name}\" of relation \"{}\" contains null values",
            entry.name()
        )
        .table(session.namespace_name(entry.class.relnamespace)?, entry.name())
        .column(name.as_str()))
    };
    if let (b'v', Some(text)) = (attribute.generated, &entry.defaults[position]) {
        let expr = executor::stored_over_table(session, entry, executor::stored_expression(session, text)?)?;
        return over_rows(session, entry, &expr, &mut |value| {
            if value.is_none() { refuse() } else { Ok(()) }
        });
    }
    scan(session, entry, &[position], &mut |batch| {
        if (0..batch.rows()).all(|row| batch.value(0, row).is_some()) { Ok(()) } else { refuse() }
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
    let condition = &executor::stored_over_table(session, entry, condition.clone())?;
    over_rows(session, entry, condition, &mut |value| match value {
        Some(Datum::Bool(false)) => Err(failed()),
        _ => Ok(()),
    })
}

/// Calls `visit` with what an expression comes to for each live row.
fn over_rows(
    session: &Arc<Session>,
    entry: &RelationEntry,
    expr: &Expr,
    visit: &mut dyn FnMut(Option<Datum<'_>>) -> Result<()>,
) -> Result<()> {
    let columns = crate::dependency::columns_of(expr);
    if columns.iter().any(|c| *c < 0) {
        bail!(FEATURE_NOT_SUPPORTED, "checks over system columns are not supported yet");
    }
    let needed: Vec<usize> = columns.iter().filter(|c| **c > 0).map(|c| *c as usize - 1).collect();
    let numbers: Vec<i16> = needed.iter().map(|n| *n as i16 + 1).collect();
    let mut evaluator = RowEvaluator::new(session, std::slice::from_ref(expr), &[], &numbers)?;
    scan(session, entry, &needed, &mut |batch| {
        let outputs = evaluator.evaluate(batch)?;
        (0..batch.rows()).try_for_each(|row| visit(outputs.columns[0].get(row)))
    })
}
