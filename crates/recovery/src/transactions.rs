//! What checkpoints and redo need of the transaction system.

use crate::control::Checkpoint;
use base::{Lsn, Oid, Result};

/// The transaction system, as seen from below.
pub trait TransactionState: Send + Sync {
    /// Fills in the counters: next and oldest xids, OIDs and multixacts, commit timestamps. `online`: also the oldest xid still running.
    fn fill_checkpoint(&self, checkpoint: &mut Checkpoint, online: bool);

    /// Writes and syncs everything that is kept beside relation files (commit log, subtransactions, multixacts, prepared transactions),
    /// as far as it was changed before `redo`.
    ///
    /// # Errors
    /// The disk's.
    fn flush(&self, redo: Lsn) -> Result<()>;

    /// Logs which transactions run (XLOG_RUNNING_XACTS), in an online checkpoint with wal_level replica or logical.
    ///
    /// # Errors
    /// PANIC when the log cannot be written.
    fn log_running(&self) -> Result<()>;

    /// A record of this xid was replayed: it has been handed out.
    fn redo_xid_seen(&self, xid: u32);

    /// XLOG_NEXTOID was replayed.
    fn redo_next_oid(&self, next: Oid);

    /// A checkpoint record was replayed. `shutdown`: its counters are exact, and no transaction was running.
    fn redo_checkpoint(&self, checkpoint: &Checkpoint, shutdown: bool);

    /// All records are replayed; what was running is aborted.
    ///
    /// # Errors
    /// The disk's.
    fn finish_recovery(&self) -> Result<()>;
}
