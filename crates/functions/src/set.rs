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
}

impl ReadyRows {
    /// Boxed, as `SetFunction::start` gives it.
    #[allow(clippy::new_ret_no_self)]
    pub fn new(rows: Vec<datum::Row>) -> Box<dyn SetRows> {
        Box::new(ReadyRows { rows: rows.into_iter() })
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
}
