//! Set-returning functions.

use crate::call::Call;
use base::Result;
use datum::{ColumnBuilder, Datum};

/// The rows of one call of a set-returning function, produced in pieces.
pub trait SetRows: Send {
    /// Appends up to `limit` rows to `out`, one builder for each result column (one in all for a scalar result).
    /// Returns how many; 0 is the end.
    ///
    /// # Errors
    /// What the function fails with.
    fn next(&mut self, call: &Call<'_>, limit: usize, out: &mut [ColumnBuilder]) -> Result<usize>;

    /// Whether composite results come as one value each instead of field by field.
    fn whole_rows(&self) -> bool {
        false
    }

    /// Goes back to the first row. False where rows are not kept and the function has to be called again.
    ///
    /// # Errors
    /// What reading the kept rows fails with.
    fn rewind(&mut self) -> Result<bool> {
        Ok(false)
    }
}

/// The body of a set-returning function.
#[derive(Clone, Copy)]
pub struct SetFunction {
    /// pg_proc.prosrc.
    pub source: &'static str,
    /// Begins a call. Strict functions are not begun with NULL arguments: they return no row.
    pub start: fn(&Call<'_>, &[Option<Datum<'_>>]) -> Result<Box<dyn SetRows>>,
}

/// Rows that stand ready.
pub struct ReadyRows {
    rows: std::vec::IntoIter<datum::Row>,
    whole: bool,
}

impl ReadyRows {
    /// Boxed, as `SetFunction::start` gives it.
    #[allow(clippy::new_ret_no_self)]
    pub fn new(rows: Vec<datum::Row>) -> Box<dyn SetRows> {
        Box::new(ReadyRows { rows: rows.into_iter(), whole: false })
    }

    /// Rows of one value each, which may be composite.
    pub fn of_values(values: Vec<Option<datum::OwnedDatum>>) -> Box<dyn SetRows> {
        let rows: Vec<datum::Row> = values.into_iter().map(|value| vec![value]).collect();
        Box::new(ReadyRows { rows: rows.into_iter(), whole: true })
    }
}

impl SetRows for ReadyRows {
    fn next(&mut self, _: &Call<'_>, limit: usize, out: &mut [ColumnBuilder]) -> Result<usize> {
        let mut produced = 0;
        for row in self.rows.by_ref().take(limit) {
            for (builder, value) in out.iter_mut().zip(&row) {
                builder.push(value.as_ref().map(datum::OwnedDatum::as_datum));
            }
            produced += 1;
        }
        Ok(produced)
    }

    fn whole_rows(&self) -> bool {
        self.whole
    }
}
