//! CASE, COALESCE, GREATEST, NULLIF, IS DISTINCT FROM: expressions that choose among their arguments.

use super::{Eval, Frames, boolean};
use crate::context::Execution;
use access_api::KeyOrder;
use base::Result;
use datum::{Batch, Column, ColumnBuilder, Repr, Selection};
use std::cmp::Ordering;
use std::sync::Arc;

/// Which source each row takes its value from, while they are found one after another.
struct Choice {
    chosen: Vec<Option<u32>>,
    sources: Vec<Arc<Column>>,
}

impl Choice {
    fn new(rows: &Selection) -> Choice {
        Choice { chosen: vec![None; rows.bound()], sources: Vec::new() }
    }

    fn take(&mut self, rows: &Selection, column: Arc<Column>) {
        let source = self.sources.len() as u32;
        self.sources.push(column);
        rows.for_each(|row| self.chosen[row] = Some(source));
    }

    /// NULL where nothing was chosen.
    fn finish(self, repr: Repr) -> Arc<Column> {
        if let [only] = &self.sources[..]
            && self.chosen.iter().all(Option::is_some)
        {
            return only.clone();
        }
        let mut out = ColumnBuilder::new(repr, self.chosen.len());
        for (row, source) in self.chosen.iter().enumerate() {
            out.push(source.and_then(|s| self.sources[s as usize].get(row)));
        }
        Arc::new(out.finish())
    }
}

pub fn case(
    arms: &[(Eval, Eval)],
    default: Option<&Eval>,
    repr: Repr,
    execution: &mut Execution,
    input: &Batch,
    rows: &Selection,
    frames: &mut Frames,
) -> Result<Arc<Column>> {
    let mut choice = Choice::new(rows);
    let mut open = rows.clone();
    for (condition, result) in arms {
        if open.is_empty() {
            break;
        }
        let holds = condition.evaluate_in(execution, input, &open, frames)?;
        let taken = open.filter(|row| boolean::truth(&holds, row) == Some(true));
        if taken.is_empty() {
            continue;
        }
        open = open.filter(|row| boolean::truth(&holds, row) != Some(true));
        let column = result.evaluate_in(execution, input, &taken, frames)?;
        choice.take(&taken, column);
    }
    if let Some(default) = default
        && !open.is_empty()
    {
        let column = default.evaluate_in(execution, input, &open, frames)?;
        choice.take(&open, column);
    }
    Ok(choice.finish(repr))
}

pub fn coalesce(
    args: &[Eval],
    repr: Repr,
    execution: &mut Execution,
    input: &Batch,
    rows: &Selection,
    frames: &mut Frames,
) -> Result<Arc<Column>> {
    let mut choice = Choice::new(rows);
    let mut open = rows.clone();
    for arg in args {
        if open.is_empty() {
            break;
        }
        let column = arg.evaluate_in(execution, input, &open, frames)?;
        let taken = open.filter(|row| !column.is_null(row));
        open = open.filter(|row| column.is_null(row));
        choice.take(&taken, column);
    }
    Ok(choice.finish(repr))
}

pub fn min_max(
    args: &[Eval],
    greatest: bool,
    order: &dyn KeyOrder,
    repr: Repr,
    execution: &mut Execution,
    input: &Batch,
    rows: &Selection,
    frames: &mut Frames,
) -> Result<Arc<Column>> {
    let mut columns = Vec::with_capacity(args.len());
    for arg in args {
        columns.push(arg.evaluate_in(execution, input, rows, frames)?);
    }
    let wanted = if greatest { Ordering::Greater } else { Ordering::Less };
    let mut out = ColumnBuilder::new(repr, rows.bound());
    rows.for_each(|row| {
        out.pad_to(row);
        let best = columns
            .iter()
            .filter_map(|c| c.get(row))
            .reduce(|best, value| if order.compare(value, best) == wanted { value } else { best });
        out.push(best);
    });
    Ok(Arc::new(out.finish()))
}

/// `equal` compares the frames `scratch` and `scratch + 1`, so that each side is evaluated once.
pub fn distinct(
    equal: &Eval,
    left: &Eval,
    right: &Eval,
    scratch: usize,
    execution: &mut Execution,
    input: &Batch,
    rows: &Selection,
    frames: &mut Frames,
) -> Result<Arc<Column>> {
    let left = left.evaluate_in(execution, input, rows, frames)?;
    let right = right.evaluate_in(execution, input, rows, frames)?;
    let both = rows.filter(|row| !left.is_null(row) && !right.is_null(row));
    set_frame(frames, scratch, left.clone());
    set_frame(frames, scratch + 1, right.clone());
    let equals = equal.evaluate_in(execution, input, &both, frames)?;
    Ok(Arc::new(boolean::map(rows, |row| match (left.is_null(row), right.is_null(row)) {
        (false, false) => Some(boolean::truth(&equals, row) != Some(true)),
        (left, right) => Some(left != right),
    })))
}

pub fn set_frame(frames: &mut Frames, slot: usize, column: Arc<Column>) {
    if frames.len() <= slot {
        frames.resize(slot + 1, None);
    }
    frames[slot] = Some(column);
}

/// `equal` is `left = right`.
pub fn null_if(
    equal: &Eval,
    left: &Eval,
    repr: Repr,
    execution: &mut Execution,
    input: &Batch,
    rows: &Selection,
    frames: &mut Frames,
) -> Result<Arc<Column>> {
    let equals = equal.evaluate_in(execution, input, rows, frames)?;
    let left = left.evaluate_in(execution, input, rows, frames)?;
    let mut out = ColumnBuilder::new(repr, rows.bound());
    rows.for_each(|row| {
        out.pad_to(row);
        let value = if boolean::truth(&equals, row) == Some(true) { None } else { left.get(row) };
        out.push(value);
    });
    Ok(Arc::new(out.finish()))
}
