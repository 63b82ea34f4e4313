//! What a plan node is at run time.

use crate::context::Execution;
use base::Result;
use datum::Batch;

/// A running plan node: a pull-based iterator over batches.
pub trait Node: Send {
    /// The next rows, at least one and at most `want` (1 to [`datum::MAX_BATCH_ROWS`]); `None` at the end, and from then on.
    ///
    /// # Errors
    /// What evaluating, reading or writing fails with.
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>>;

    /// Starts over, with the exec params as they are now.
    ///
    /// # Errors
    /// What re-opening fails with.
    fn rescan(&mut self, execution: &mut Execution) -> Result<()>;

    /// The previous rows instead, for cursors: only nodes that `supports_backward` answer.
    ///
    /// # Errors
    /// `0A000` unless supported.
    fn previous(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        let _ = (execution, want);
        Err(base::Error::unsupported("scanning this plan backward"))
    }

    /// Remembers the place of the row returned last; for the inner side of a merge join.
    fn mark(&mut self) {}

    /// Returns to the marked place.
    ///
    /// # Errors
    /// What re-reading fails with.
    fn restore(&mut self, execution: &mut Execution) -> Result<()> {
        let _ = execution;
        Err(base::Error::internal("this plan node cannot return to a mark"))
    }
}
