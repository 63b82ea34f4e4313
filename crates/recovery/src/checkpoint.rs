//! Checkpoints.
//!
//! ```text
//! redo point ─ pages and commit log written ─ files synced ─ checkpoint record flushed ─ pg_control ─ old segments and dropped files removed
//! ```
//! Everything logged before the redo point is in the files when the record is flushed. What is changed after the redo point gets an image
//! at its first change, so that a torn write of its page does not matter.

use crate::control::{Checkpoint, ClusterState};
use crate::durability::Pending;
use crate::store::ControlStore;
use crate::transactions::TransactionState;
use crate::xlog::{CHECKPOINT_ONLINE, CHECKPOINT_SHUTDOWN};
use base::{Error, Lsn, Result, Xid};
use buffer::{BufferPool, Progress};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use sys::{Clock, System};
use wal::{RecordBuilder, RmgrId, Wal, WalLevel};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointKind {
    /// Nothing is inserted any more; the log is closed afterwards.
    Shutdown,
    /// While the server runs. Without `force` nothing is done when nothing important was logged since the last one.
    Online { force: bool },
}

/// Which WAL segments are kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// min_wal_size: segments up to that many bytes ahead are kept for reuse.
    pub min_wal_bytes: u64,
    /// max_wal_size.
    pub max_wal_bytes: u64,
    /// wal_keep_size.
    pub keep_bytes: u64,
    /// The oldest LSN that a replication slot or the archiver still needs.
    pub needed_from: Option<Lsn>,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention { min_wal_bytes: 80 << 20, max_wal_bytes: 1 << 30, keep_bytes: 0, needed_from: None }
    }
}

/// What a checkpoint did, for the log and pg_stat_checkpointer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckpointReport {
    pub redo: Lsn,
    pub record: Lsn,
    pub buffers_written: usize,
    pub files_synced: usize,
    pub segments_removed: usize,
    pub segments_recycled: usize,
    pub write_time: Duration,
    pub sync_time: Duration,
    pub total_time: Duration,
}

/// Makes checkpoints, one at a time.
pub struct Checkpointer {
    system: System,
    pool: Arc<BufferPool>,
    wal: Arc<Wal>,
    control: Arc<ControlStore>,
    transactions: Arc<dyn TransactionState>,
    /// The bytes of log between the last two redo points, smoothed: how many segments to keep for reuse.
    running: Mutex<f64>,
    /// What was written before recovery and may not be on disk yet.
    unsynced: Pending,
}

impl Checkpointer {
    pub fn new(
        system: &System,
        pool: Arc<BufferPool>,
        control: Arc<ControlStore>,
        transactions: Arc<dyn TransactionState>,
    ) -> Checkpointer {
        Checkpointer::after_recovery(system, pool, control, transactions, Pending::default())
    }

    pub(crate) fn after_recovery(
        system: &System,
        pool: Arc<BufferPool>,
        control: Arc<ControlStore>,
        transactions: Arc<dyn TransactionState>,
        unsynced: Pending,
    ) -> Checkpointer {
        let (system, wal) = (system.clone(), pool.wal().clone());
        Checkpointer { system, pool, wal, control, transactions, running: Mutex::new(0.0), unsynced }
    }

    /// Bytes logged since the last checkpoint's redo point, for max_wal_size.
    pub fn bytes_since_redo(&self) -> u64 {
        self.wal.inserted().0.saturating_sub(self.wal.redo_lsn().0)
    }

    /// Makes a checkpoint; `None` when there was nothing to do. `pace` is called after each page (see [`spread`]).
    ///
    /// # Errors
    /// The disk's; PANIC when the log, pg_control or a sync fails. After an error the last checkpoint still counts.
    pub fn run(
        &self,
        kind: CheckpointKind,
        retention: &Retention,
        pace: &mut dyn FnMut(Progress),
    ) -> Result<Option<CheckpointReport>> {
        let mut distance = self.running.lock();
        let start = self.system.clock.monotonic();
        let elapsed = || self.system.clock.monotonic().saturating_sub(start);
        let online = matches!(kind, CheckpointKind::Online { .. });
        let last = self.control.get();
        if kind == (CheckpointKind::Online { force: false }) && self.wal.last_important() <= last.checkpoint {
            return Ok(None);
        }
        if kind == CheckpointKind::Shutdown {
            self.control.update(|control| control.state = ClusterState::ShuttingDown)?;
        }
        let files = self.pool.files();
        let cycle = files.before_checkpoint();
        let mut checkpoint = Checkpoint {
            timeline: self.wal.timeline(),
            previous_timeline: self.wal.timeline(),
            full_page_writes: self.wal.options().full_page_writes,
            wal_level: self.wal.options().level as i32,
            time: self.system.clock.now_micros() / 1_000_000,
            ..Checkpoint::default()
        };
        let redo = self.pool.without_delays(|| {
            let redo = if online {
                self.wal.begin_online_checkpoint()?
            } else {
                self.wal.begin_shutdown_checkpoint()
            };
            self.transactions.fill_checkpoint(&mut checkpoint, online);
            Ok::<_, Error>(redo)
        })?;
        checkpoint.redo = redo;
        self.transactions.flush(redo)?;
        let buffers_written = self.pool.checkpoint(!online, pace)?;
        let write_time = elapsed();
        self.unsynced.wait().map_err(|error| self.wal.panic(error))?;
        let files_synced = files.sync_all().map_err(|error| self.wal.panic(error))?;
        let sync_time = elapsed().saturating_sub(write_time);
        self.pool.without_delays(|| ());
        if online && self.wal.options().level >= WalLevel::Replica {
            self.transactions.log_running()?;
        }
        let record = self.log(&checkpoint, online)?;
        if !online && record != redo {
            return Err(self.wal.panic(Error::internal(
                "concurrent write-ahead log activity while database system is shutting down",
            )));
        }
        self.control
            .update(|control| {
                if kind == CheckpointKind::Shutdown {
                    control.state = ClusterState::ShutDown;
                }
                control.checkpoint = record;
                control.checkpoint_copy = checkpoint;
                control.min_recovery_point = Lsn::INVALID;
                control.min_recovery_timeline = base::TimelineId(0);
            })
            .map_err(|error| self.wal.panic(error))?;
        if kind == CheckpointKind::Shutdown {
            self.wal.stop();
        }
        // What cannot be removed stays for the next time.
        let _left = files.after_checkpoint(cycle);
        *distance = smoothed(*distance, redo.0.saturating_sub(last.checkpoint_copy.redo.0) as f64);
        let (segments_removed, segments_recycled) = self.remove_old_segments(redo, retention, *distance)?;
        Ok(Some(CheckpointReport {
            redo,
            record,
            buffers_written,
            files_synced,
            segments_removed,
            segments_recycled,
            write_time,
            sync_time,
            total_time: elapsed(),
        }))
    }

    fn log(&self, checkpoint: &Checkpoint, online: bool) -> Result<Lsn> {
        let info = if online { CHECKPOINT_ONLINE } else { CHECKPOINT_SHUTDOWN };
        let mut body = [0; Checkpoint::BYTES];
        checkpoint.encode(&mut body);
        let record = RecordBuilder::new(RmgrId::XLOG, info, Xid::INVALID).main(&body).unimportant();
        let placed = self.wal.insert_at(&record)?;
        self.wal.flush(placed.end)?;
        Ok(placed.start)
    }

    fn remove_old_segments(&self, redo: Lsn, retention: &Retention, distance: f64) -> Result<(usize, usize)> {
        let size = u64::from(self.wal.options().segment_size);
        let kept_from = redo
            .0
            .min(self.wal.inserted().0.saturating_sub(retention.keep_bytes))
            .min(retention.needed_from.map_or(u64::MAX, |lsn| lsn.0));
        // Enough for the log until the next checkpoint is complete, within min_wal_size and max_wal_size.
        let ahead = (distance * 1.1) as u64;
        let ahead =
            ahead.clamp(retention.min_wal_bytes, retention.max_wal_bytes.max(retention.min_wal_bytes));
        let recycle_upto = (redo.0 + ahead) / size;
        self.wal.segments().remove_before(self.wal.timeline(), kept_from / size, recycle_upto)
    }
}

/// Rises at once, falls slowly.
fn smoothed(estimate: f64, latest: f64) -> f64 {
    if latest > estimate { latest } else { 0.9 * estimate + 0.1 * latest }
}

/// A pace that spreads a checkpoint's writes over `duration` (checkpoint_timeout times checkpoint_completion_target), until `hurry` says that somebody waits.
pub fn spread<'a>(
    clock: &'a dyn Clock,
    duration: Duration,
    hurry: &'a dyn Fn() -> bool,
) -> impl FnMut(Progress) + 'a {
    let start = clock.monotonic();
    move |progress: Progress| {
        let due = duration.mul_f64(progress.done as f64 / progress.total.max(1) as f64);
        while clock.monotonic().saturating_sub(start) < due && !hurry() {
            let ahead = due.saturating_sub(clock.monotonic().saturating_sub(start));
            clock.sleep(ahead.min(Duration::from_millis(100)));
        }
    }
}
