//! AND, OR, NOT, IS NULL, IS TRUE: three-valued logic, lazily.

use super::{Eval, Frames};
use crate::context::Execution;
use base::Result;
use datum::{Batch, Column, ColumnBuilder, Datum, Repr, Selection};
use ir::BooleanTest;
use std::sync::Arc;

/// Three-valued: `None` is unknown.
#[inline]
pub fn truth(column: &Column, row: usize) -> Option<bool> {
    column.get(row).map(Datum::bool)
}

/// AND (`and` true) or OR. A row whose result is settled (false for AND, true for OR) takes no part in what follows.
pub fn connective(
    args: &[Eval],
    and: bool,
    execution: &mut Execution,
    input: &Batch,
    rows: &Selection,
    frames: &mut Frames,
) -> Result<Arc<Column>> {
    let mut results = vec![Some(and); rows.bound()];
    let mut open = rows.clone();
    for arg in args {
        if open.is_empty() {
            break;
        }
        let column = arg.evaluate_in(execution, input, &open, frames)?;
        open = open.filter(|row| {
            match truth(&column, row) {
                Some(value) if value != and => results[row] = Some(!and),
                Some(_) => return true,
                None => {
                    results[row] = None;
                    return true;
                }
            }
            false
        });
    }
    Ok(Arc::new(bool_column(&results)))
}

fn bool_column(results: &[Option<bool>]) -> Column {
    let mut out = ColumnBuilder::new(Repr::Bool, results.len());
    results.iter().for_each(|r| out.push(r.map(Datum::Bool)));
    out.finish()
}

pub fn not(
    arg: &Eval,
    execution: &mut Execution,
    input: &Batch,
    rows: &Selection,
    frames: &mut Frames,
) -> Result<Arc<Column>> {
    let column = arg.evaluate_in(execution, input, rows, frames)?;
    Ok(Arc::new(map(rows, |row| truth(&column, row).map(|v| !v))))
}

pub fn null_test(
    arg: &Eval,
    is_null: bool,
    execution: &mut Execution,
    input: &Batch,
    rows: &Selection,
    frames: &mut Frames,
) -> Result<Arc<Column>> {
    let column = arg.evaluate_in(execution, input, rows, frames)?;
    Ok(Arc::new(map(rows, |row| Some(column.is_null(row) == is_null))))
}

pub fn boolean_test(
    arg: &Eval,
    test: BooleanTest,
    execution: &mut Execution,
    input: &Batch,
    rows: &Selection,
    frames: &mut Frames,
) -> Result<Arc<Column>> {
    let column = arg.evaluate_in(execution, input, rows, frames)?;
    let (wanted, expected) = match test {
        BooleanTest::True => (Some(true), true),
        BooleanTest::NotTrue => (Some(true), false),
        BooleanTest::False => (Some(false), true),
        BooleanTest::NotFalse => (Some(false), false),
        BooleanTest::Unknown => (None, true),
        BooleanTest::NotUnknown => (None, false),
    };
    Ok(Arc::new(map(rows, |row| Some((truth(&column, row) == wanted) == expected))))
}

/// A boolean column with `f`'s value at each selected row.
pub fn map(rows: &Selection, mut f: impl FnMut(usize) -> Option<bool>) -> Column {
    let mut out = ColumnBuilder::new(Repr::Bool, rows.bound());
    rows.for_each(|row| {
        out.pad_to(row);
        out.push(f(row).map(Datum::Bool));
    });
    out.finish()
}
