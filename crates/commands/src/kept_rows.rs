//! Rows that a function has returned.

use base::Result;
use catalog::Session;
use datum::{Batch, ColumnBuilder};
use executor::{Execution, Store};
use functions::{Call, SetRows};
use std::sync::Arc;

/// Rows of a set, in memory up to work_mem and charged to the server's budget, in a file beyond.
pub struct KeptRows {
    store: Store,
    execution: Execution,
    next: usize,
}

impl KeptRows {
    /// # Errors
    /// `XX000` outside of a transaction.
    pub fn new(session: &Arc<Session>) -> Result<KeptRows> {
        Ok(KeptRows { store: Store::default(), execution: crate::execution::bare(session)?, next: 0 })
    }

    /// # Errors
    /// `53200`, and what writing fails with.
    pub fn add(&mut self, batch: Batch) -> Result<()> {
        self.store.add(&mut self.execution, batch)
    }

    /// # Errors
    /// What writing the rest fails with.
    pub fn rewind(&mut self) -> Result<()> {
        self.next = 0;
        self.store.rewind_file()
    }

    /// # Errors
    /// What reading fails with.
    pub fn next_batch(&mut self) -> Result<Option<Batch>> {
        if let Some(batch) = self.store.in_memory().get(self.next) {
            self.next += 1;
            return Ok(Some(batch.clone()));
        }
        self.store.next_from_file()
    }

    /// The rows as a function's set, column by column.
    ///
    /// # Errors
    /// What writing the rest fails with.
    pub fn into_rows(mut self) -> Result<Box<dyn SetRows>> {
        self.rewind()?;
        Ok(Box::new(PlainRows { kept: self, batch: None, at: 0 }))
    }
}

struct PlainRows {
    kept: KeptRows,
    batch: Option<Batch>,
    at: usize,
}

impl SetRows for PlainRows {
    fn next(&mut self, _: &Call<'_>, limit: usize, out: &mut [ColumnBuilder]) -> Result<usize> {
        let mut produced = 0;
        while produced < limit {
            match &self.batch {
                Some(batch) if self.at < batch.rows() => {
                    for (column, builder) in out.iter_mut().enumerate() {
                        builder.push(batch.value(column, self.at));
                    }
                    self.at += 1;
                    produced += 1;
                }
                _ => {
                    self.batch = self.kept.next_batch()?;
                    self.at = 0;
                    if self.batch.is_none() {
                        break;
                    }
                }
            }
        }
        Ok(produced)
    }

    fn rewind(&mut self) -> Result<bool> {
        self.batch = None;
        self.kept.rewind()?;
        Ok(true)
    }
}
