//! Copying rows between batches.

use crate::context::Execution;
use crate::expr::Eval;
use base::Result;
use datum::{Batch, Column, ColumnBuilder, Repr, Selection, Values};
use std::sync::Arc;

/// Stands for a row of NULLs in [`gather`].
pub const NO_ROW: u32 = u32::MAX;

/// Appends rows `start..start + len` of a column.
pub fn append(builder: &mut ColumnBuilder, column: &Column, start: usize, len: usize) {
    if column.is_constant() || column.has_nulls() {
        (start..start + len).for_each(|row| builder.push(column.get(row)));
        return;
    }
    macro_rules! copy {
        ($to:ident, $from:ident) => {
            $to.extend_from_slice(&$from[start..start + len])
        };
    }
    match (builder.parts().0, column.values()) {
        (Values::Bool(to), Values::Bool(from)) => copy!(to, from),
        (Values::Char(to), Values::Char(from)) => copy!(to, from),
        (Values::Int2(to), Values::Int2(from)) => copy!(to, from),
        (Values::Int4(to), Values::Int4(from)) => copy!(to, from),
        (Values::Int8(to), Values::Int8(from)) => copy!(to, from),
        (Values::Float4(to), Values::Float4(from)) => copy!(to, from),
        (Values::Float8(to), Values::Float8(from)) => copy!(to, from),
        _ => (start..start + len).for_each(|row| builder.push(column.get(row))),
    }
}

/// The given rows of a column; [`NO_ROW`] yields NULL.
pub fn gather(column: &Column, rows: &[u32], repr: Repr) -> Column {
    if !rows.contains(&NO_ROW) {
        return column.take(rows);
    }
    let mut out = ColumnBuilder::new(repr, rows.len());
    rows.iter()
        .for_each(|row| if *row == NO_ROW { out.push_null() } else { out.push(column.get(*row as usize)) });
    out.finish()
}

/// All columns of `batch` at `rows`, where [`NO_ROW`] yields NULLs.
pub fn gather_all(batch: &Batch, rows: &[u32], reprs: &[Repr], out: &mut Vec<Arc<Column>>) {
    for (index, repr) in reprs.iter().enumerate() {
        out.push(match batch.columns().get(index) {
            Some(column) => Arc::new(gather(column, rows, *repr)),
            None => null_column(*repr),
        });
    }
}

/// NULL for however many rows.
pub fn null_column(repr: Repr) -> Arc<Column> {
    Arc::new(Column::constant(repr, None))
}

/// One row of the batch as constant columns; columns not in `wanted` are NULL.
pub fn broadcast(batch: &Batch, row: usize, wanted: &[bool], rows: usize) -> Batch {
    let columns = batch.columns().iter().enumerate().map(|(index, column)| {
        if column.is_constant() {
            return column.clone();
        }
        let value = if wanted.get(index).copied().unwrap_or(false) { column.get(row) } else { None };
        Arc::new(Column::constant(column.repr(), value))
    });
    Batch::new(columns.collect(), rows)
}

/// Rows put together from several batches.
pub struct RowBuffer {
    reprs: Arc<[Repr]>,
    columns: Vec<ColumnBuilder>,
    rows: usize,
}

impl RowBuffer {
    pub fn new(reprs: Arc<[Repr]>) -> RowBuffer {
        RowBuffer { columns: builders(&reprs), reprs, rows: 0 }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn append(&mut self, batch: &Batch, start: usize, len: usize) {
        self.columns.iter_mut().zip(batch.columns()).for_each(|(b, c)| append(b, c, start, len));
        self.rows += len;
    }

    /// Appends the given rows of a batch.
    pub fn append_rows(&mut self, batch: &Batch, rows: &[u32]) {
        for (builder, column) in self.columns.iter_mut().zip(batch.columns()) {
            match column.is_constant() {
                true => append(builder, column, 0, rows.len()),
                false => append(builder, &column.take(rows), 0, rows.len()),
            }
        }
        self.rows += rows.len();
    }

    /// What was put together; the buffer is empty again.
    pub fn take(&mut self) -> Batch {
        let columns = std::mem::replace(&mut self.columns, builders(&self.reprs));
        let rows = std::mem::take(&mut self.rows);
        Batch::new(columns.into_iter().map(|b| Arc::new(b.finish())).collect(), rows)
    }
}

pub fn builders(reprs: &[Repr]) -> Vec<ColumnBuilder> {
    reprs.iter().map(|repr| ColumnBuilder::new(*repr, 1)).collect()
}

/// One batch of all the rows, of any length.
pub fn concatenate(batches: &[Batch], reprs: &[Repr]) -> Batch {
    if let [only] = batches
        && only.columns().iter().all(|c| !c.is_constant())
    {
        return only.clone();
    }
    let rows = batches.iter().map(Batch::rows).sum();
    let columns = reprs.iter().enumerate().map(|(index, repr)| {
        let mut builder = ColumnBuilder::new(*repr, rows);
        batches.iter().for_each(|b| append(&mut builder, b.column(index), 0, b.rows()));
        Arc::new(builder.finish())
    });
    Batch::new(columns.collect(), rows)
}

/// Bytes of memory that a batch holds.
pub fn batch_bytes(batch: &Batch) -> usize {
    batch.columns().iter().map(|c| c.memory_bytes() + 64).sum::<usize>() + 32
}

/// Rows that were produced beyond what was asked for.
#[derive(Default)]
pub struct Leftover {
    batch: Option<Batch>,
    at: usize,
}

impl Leftover {
    /// Up to `want` rows of what is left.
    pub fn next(&mut self, want: usize) -> Option<Batch> {
        let batch = self.batch.as_ref()?;
        let len = want.max(1).min(batch.rows() - self.at);
        let out = batch.slice(self.at, len);
        self.at += len;
        if self.at >= batch.rows() {
            self.clear();
        }
        Some(out)
    }

    /// Keeps what exceeds `want`.
    pub fn put(&mut self, batch: Batch, want: usize) -> Batch {
        if batch.rows() <= want.max(1) {
            return batch;
        }
        let out = batch.slice(0, want.max(1));
        self.at = out.rows();
        self.batch = Some(batch);
        out
    }

    pub fn clear(&mut self) {
        self.batch = None;
        self.at = 0;
    }
}

/// The output columns of a node.
pub struct Projection {
    evals: Vec<Eval>,
    /// Entries that set exec params for others (multi-column assignment from a subquery) come first.
    first: Vec<usize>,
}

impl Projection {
    pub fn new(evals: Vec<Eval>) -> Projection {
        let first = (0..evals.len()).filter(|i| evals[*i].sets_params()).collect();
        Projection { evals, first }
    }

    pub fn apply(&self, execution: &mut Execution, input: &Batch) -> Result<Batch> {
        let rows = Selection::All(input.rows());
        let mut columns = Vec::with_capacity(self.evals.len());
        for index in &self.first {
            self.evals[*index].evaluate(execution, input, &rows)?;
        }
        for (index, eval) in self.evals.iter().enumerate() {
            columns.push(if self.first.contains(&index) {
                null_column(Repr::Bool)
            } else {
                eval.evaluate(execution, input, &rows)?
            });
        }
        Ok(Batch::new(columns, input.rows()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datum::Datum;

    fn batch(values: &[Option<i32>]) -> Batch {
        let mut builder = ColumnBuilder::new(Repr::Int4, values.len());
        values.iter().for_each(|v| builder.push(v.map(Datum::Int4)));
        Batch::new(vec![Arc::new(builder.finish())], values.len())
    }

    fn values(batch: &Batch) -> Vec<Option<i32>> {
        (0..batch.rows()).map(|row| batch.value(0, row).map(Datum::int4)).collect()
    }

    #[test]
    fn gathers_missing_rows_as_nulls() {
        let rows = batch(&[Some(1), None, Some(3)]);
        let mut out = Vec::new();
        gather_all(&rows, &[2, NO_ROW, 1, 0], &[Repr::Int4], &mut out);
        assert_eq!(values(&Batch::new(out, 4)), [Some(3), None, None, Some(1)]);
    }

    #[test]
    fn leftovers_come_in_order() {
        let mut left = Leftover::default();
        let first = left.put(batch(&[Some(1), Some(2), Some(3), Some(4), Some(5)]), 2);
        assert_eq!(values(&first), [Some(1), Some(2)]);
        assert_eq!(values(&left.next(2).unwrap()), [Some(3), Some(4)]);
        assert_eq!(values(&left.next(2).unwrap()), [Some(5)]);
        assert!(left.next(2).is_none());
    }

    #[test]
    fn concatenates_constants_too() {
        let constant = Batch::new(vec![Arc::new(Column::constant(Repr::Int4, Some(Datum::Int4(7))))], 2);
        let all = concatenate(&[batch(&[Some(1), None]), constant], &[Repr::Int4]);
        assert_eq!(values(&all), [Some(1), None, Some(7), Some(7)]);
    }
}
