//! What checkpoints and redo need of the transaction system.

use crate::control::Checkpoint;
use base::{Lsn, Oid, Result, Xid};
use txn::{Counters, Transactions};

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

impl TransactionState for Transactions {
    fn fill_checkpoint(&self, checkpoint: &mut Checkpoint, online: bool) {
        let counters = self.counters();
        checkpoint.next_xid = counters.next_xid;
        checkpoint.next_oid = counters.next_oid;
        checkpoint.next_multi = counters.next_multi;
        checkpoint.next_multi_offset = counters.next_multi_offset;
        checkpoint.oldest_xid = counters.oldest_xid.low();
        checkpoint.oldest_xid_database = counters.oldest_xid_database;
        checkpoint.oldest_multi = counters.oldest_multi;
        checkpoint.oldest_multi_database = counters.oldest_multi_database;
        checkpoint.oldest_active_xid = if online { self.oldest_running().low() } else { 0 };
    }

    fn flush(&self, redo: Lsn) -> Result<()> {
        self.checkpoint(redo)
    }

    /// Only hot standbys read such records, and none can follow us yet.
    fn log_running(&self) -> Result<()> {
        Ok(())
    }

    fn redo_xid_seen(&self, xid: u32) {
        self.note_xid(xid);
    }

    fn redo_next_oid(&self, next: Oid) {
        Transactions::redo_next_oid(self, next);
    }

    fn redo_checkpoint(&self, checkpoint: &Checkpoint, _shutdown: bool) {
        Transactions::redo_checkpoint(self, &counters(checkpoint));
    }

    fn finish_recovery(&self) -> Result<()> {
        Transactions::finish_recovery(self)
    }
}

/// The counters of a checkpoint, to open the transaction system with.
pub fn counters(checkpoint: &Checkpoint) -> Counters {
    Counters {
        next_xid: checkpoint.next_xid,
        next_oid: checkpoint.next_oid,
        next_multi: checkpoint.next_multi,
        next_multi_offset: checkpoint.next_multi_offset,
        oldest_xid: Xid::widen(checkpoint.oldest_xid, checkpoint.next_xid),
        oldest_xid_database: checkpoint.oldest_xid_database,
        oldest_multi: checkpoint.oldest_multi,
        oldest_multi_database: checkpoint.oldest_multi_database,
    }
}
