//! From a data directory to a running log: nothing to do after a clean shutdown, redo after a crash.

use crate::checkpoint::Checkpointer;
use crate::control::{Checkpoint, ClusterState, ControlFile};
use crate::durability::{self, Pending};
use crate::store::ControlStore;
use crate::transactions::TransactionState;
use crate::unlogged;
use crate::xlog::{CHECKPOINT_ONLINE, CHECKPOINT_REDO, CHECKPOINT_SHUTDOWN};
use base::{Error, Lsn, Result, Severity, SqlState, Xid};
use buffer::{BufferPool, MissingPages, RedoContext, ResourceManager, check_consistency};
use std::sync::Arc;
use sys::System;
use sys::disk::file_error;
use wal::{Reader, Record, RecordBuilder, RmgrId, Wal, WalStart};

/// What recovery works with.
pub struct Recovery<'a> {
    pub system: &'a System,
    pub pool: &'a Arc<BufferPool>,
    pub control: &'a Arc<ControlStore>,
    pub transactions: &'a Arc<dyn TransactionState>,
    /// Every resource manager whose records may occur.
    pub managers: &'a [Arc<dyn ResourceManager>],
    /// Takes the lines for the server's log (severity LOG).
    pub log: &'a dyn Fn(&str),
}

/// How recovery went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// False after a clean shutdown.
    pub redone: bool,
    pub records: u64,
    /// Where the log went on.
    pub end: Lsn,
}

impl Recovery<'_> {
    /// Brings the data directory up to the end of its log and starts the log there. After redo, a checkpoint is due: it
    /// need not be waited for, as until then another recovery would begin where this one did.
    ///
    /// What the last life of the server wrote is synced meanwhile, on a thread of its own where there are threads; the
    /// checkpointer waits for that.
    ///
    /// # Errors
    /// FATAL or PANIC, with PostgreSQL's SQLSTATEs and texts; `0A000` for archive recovery, standbys and backups.
    pub fn run(&self) -> Result<(Recovered, Checkpointer)> {
        let disk = &self.system.disk;
        for (file, feature) in [
            ("backup_label", "starting from a base backup (backup_label)"),
            ("recovery.signal", "archive recovery (recovery.signal)"),
            ("standby.signal", "standby mode (standby.signal)"),
        ] {
            let there = disk
                .exists(file)
                .map_err(|error| file_error(&error, format_args!("could not stat file \"{file}\"")))?;
            if there {
                return Err(Error::unsupported(feature).severity(Severity::Fatal));
            }
        }
        let control = self.control.get();
        let timeline = control.checkpoint_copy.timeline;
        let mut reader =
            Reader::new(disk.clone(), timeline, control.wal_segment_bytes, Some(control.system_identifier));
        let (checkpoint, checkpoint_end) = self.read_checkpoint(&mut reader, &control)?;
        let clean = control.state == ClusterState::ShutDown && checkpoint.redo >= control.checkpoint;
        self.transactions.redo_checkpoint(&checkpoint, true);
        if clean {
            return Ok((
                self.start_clean(&control, &checkpoint, checkpoint_end)?,
                self.checkpointer(Pending::default()),
            ));
        }
        (self.log)("database system was not properly shut down; automatic recovery in progress");
        self.control.update(|control| control.state = ClusterState::InCrashRecovery)?;
        let pending = match self.pool.wal().options().fsync {
            true => durability::sync_data_directory(self.system)?,
            false => Pending::default(),
        };
        unlogged::remove_content(&**disk)?;
        self.pool.files().close_all();
        let (records, last, end) = self.redo(&mut reader, &control, &checkpoint)?;
        self.pool.wal().segments().erase_from(timeline, end.0)?;
        self.start_log(&control, end, last, checkpoint.redo)?;
        unlogged::restore_content(&**disk)?;
        self.pool.files().close_all();
        self.transactions.finish_recovery()?;
        self.control.update(|control| control.state = ClusterState::InProduction)?;
        Ok((Recovered { redone: true, records, end }, self.checkpointer(pending)))
    }

    fn checkpointer(&self, pending: Pending) -> Checkpointer {
        let (pool, control) = (self.pool.clone(), self.control.clone());
        Checkpointer::after_recovery(self.system, pool, control, self.transactions.clone(), pending)
    }

    fn read_checkpoint(&self, reader: &mut Reader, control: &ControlFile) -> Result<(Checkpoint, Lsn)> {
        let lsn = control.checkpoint;
        reader.seek(lsn);
        let failed = |what: String| {
            Error::new(
                SqlState::DATA_CORRUPTED,
                "could not locate a valid checkpoint record at ".to_owned() + &lsn.to_string(),
            )
            .detail(what)
            .severity(Severity::Panic)
        };
        if let Some(record) = reader.read()? {
            let is_checkpoint = record.rmgr == RmgrId::XLOG
                && matches!(record.op(), CHECKPOINT_SHUTDOWN | CHECKPOINT_ONLINE)
                && record.main.len() == Checkpoint::BYTES;
            if !is_checkpoint {
                return Err(failed(format!("There is a record of {:?} instead.", record.rmgr)));
            }
            let checkpoint = Checkpoint::decode(record.main)?;
            if checkpoint.redo > lsn {
                return Err(Error::corrupted("invalid redo in checkpoint record").severity(Severity::Panic));
            }
            return Ok((checkpoint, record.end));
        }
        Err(failed(reader.end().map(|end| end.reason.clone()).unwrap_or_default()))
    }

    fn start_log(&self, control: &ControlFile, end: Lsn, previous: Lsn, redo: Lsn) -> Result<()> {
        self.pool.wal().start(WalStart {
            timeline: control.checkpoint_copy.timeline,
            system_identifier: control.system_identifier,
            end,
            previous,
            redo,
        })
    }

    fn start_clean(&self, control: &ControlFile, checkpoint: &Checkpoint, end: Lsn) -> Result<Recovered> {
        self.start_log(control, end, control.checkpoint, checkpoint.redo)?;
        self.transactions.finish_recovery()?;
        self.control.update(|control| control.state = ClusterState::InProduction)?;
        Ok(Recovered { redone: false, records: 0, end })
    }

    /// Replays everything from the redo point. Returns the number of records, the start of the last one, and where it ends.
    fn redo(
        &self,
        reader: &mut Reader,
        control: &ControlFile,
        checkpoint: &Checkpoint,
    ) -> Result<(u64, Lsn, Lsn)> {
        let missing = MissingPages::new();
        let context = RedoContext { pool: self.pool, missing: &missing };
        reader.seek(checkpoint.redo);
        let mut records = 0;
        while let Some(record) = reader.read()? {
            if records == 0 {
                let expected = checkpoint.redo == control.checkpoint
                    || (record.rmgr == RmgrId::XLOG && record.op() == CHECKPOINT_REDO);
                if !expected {
                    return Err(Error::corrupted(format!(
                        "unexpected record type found at redo point {}",
                        checkpoint.redo
                    ))
                    .severity(Severity::Fatal));
                }
                (self.log)(&format!("redo starts at {}", record.lsn));
            }
            self.redo_record(&context, &record)?;
            records += 1;
        }
        let reason = reader.end().map(|end| end.reason.clone()).unwrap_or_default();
        let Some((last, end)) = reader.last() else {
            return Err(Error::corrupted(format!(
                "could not find redo location {} referenced by checkpoint record at {}",
                checkpoint.redo, control.checkpoint
            ))
            .detail(reason)
            .severity(Severity::Fatal));
        };
        if end <= control.checkpoint {
            return Err(Error::corrupted("WAL ends before the checkpoint record")
                .detail(reason)
                .severity(Severity::Fatal));
        }
        (self.log)(&reason);
        (self.log)(&format!("redo done at {last}"));
        for manager in self.managers {
            manager.finish(&context)?;
        }
        missing.check(self.pool)?;
        Ok((records, last, end))
    }

    fn redo_record(&self, context: &RedoContext<'_>, record: &Record<'_>) -> Result<()> {
        let Some(manager) = self.managers.iter().find(|manager| manager.id() == record.rmgr) else {
            return Err(Error::internal(format!(
                "resource manager with ID {} not registered",
                record.rmgr.0
            ))
            .detail(format!("It is needed to replay the WAL record at {}.", record.lsn))
            .severity(Severity::Fatal));
        };
        if record.xid != 0 {
            self.transactions.redo_xid_seen(record.xid);
        }
        let within = |error: Error| {
            error.context(format!("WAL redo at {} for {}/{:02X}", record.lsn, manager.name(), record.op()))
        };
        manager.redo(context, record).map_err(within)?;
        check_consistency(context, &**manager, record).map_err(within)
    }
}

/// Writes the first checkpoint of a new cluster into its first WAL segment, and pg_control. The log accepts records afterwards, as initdb
/// goes on from here. `checkpoint` has the counters to begin with; its place is filled in. The directories exist.
///
/// # Errors
/// The disk's; PANIC when the log or pg_control cannot be written.
pub fn bootstrap(
    system: &System,
    wal: &Wal,
    mut control: ControlFile,
    mut checkpoint: Checkpoint,
) -> Result<ControlStore> {
    let first = wal.first_lsn_of_segment(1);
    checkpoint.redo = first;
    wal.start(WalStart {
        timeline: checkpoint.timeline,
        system_identifier: control.system_identifier,
        end: first,
        previous: Lsn::INVALID,
        redo: first,
    })?;
    let mut body = [0; Checkpoint::BYTES];
    checkpoint.encode(&mut body);
    let record =
        RecordBuilder::new(RmgrId::XLOG, CHECKPOINT_SHUTDOWN, Xid::INVALID).main(&body).unimportant();
    let placed = wal.insert_at(&record)?;
    wal.flush(placed.end)?;
    control.state = ClusterState::ShutDown;
    control.checkpoint = placed.start;
    control.checkpoint_copy = checkpoint;
    control.wal_segment_bytes = wal.options().segment_size;
    ControlStore::create(system, control)
}
