//! The XLOG resource manager: checkpoints, the OID counter, images, and other records of the log itself.

use crate::control::Checkpoint;
use crate::store::ControlStore;
use crate::transactions::TransactionState;
use base::bytes::{Reader, put_i32};
use base::{Error, Lsn, Oid, Result, Xid, bail};
use buffer::{RedoContext, ResourceManager, redo_images};
use std::sync::Arc;
use wal::{Record, RecordBuilder, RmgrId, Wal, WalLevel};

pub(crate) const CHECKPOINT_SHUTDOWN: u8 = 0x00;
pub(crate) const CHECKPOINT_ONLINE: u8 = 0x10;
const NOOP: u8 = 0x20;
const NEXTOID: u8 = 0x30;
const SWITCH: u8 = 0x40;
const BACKUP_END: u8 = 0x50;
const PARAMETER_CHANGE: u8 = 0x60;
const RESTORE_POINT: u8 = 0x70;
const FPW_CHANGE: u8 = 0x80;
const END_OF_RECOVERY: u8 = 0x90;
const FPI_FOR_HINT: u8 = 0xa0;
const FPI: u8 = 0xb0;
const OVERWRITE_CONTRECORD: u8 = 0xd0;
pub(crate) const CHECKPOINT_REDO: u8 = 0xe0;

/// Logs that OIDs up to `next` may be handed out. Flushed with the commit that first uses one of them.
///
/// # Errors
/// PANIC when the log cannot be written.
pub fn log_next_oid(wal: &Wal, next: Oid) -> Result<Lsn> {
    wal.insert(&RecordBuilder::new(RmgrId::XLOG, NEXTOID, Xid::INVALID).main(&next.0.to_le_bytes()))
}

/// Settings that standbys must know of: kept in pg_control, changes are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    pub max_connections: i32,
    pub max_worker_processes: i32,
    pub max_wal_senders: i32,
    pub max_prepared_transactions: i32,
    pub max_locks_per_transaction: i32,
    pub wal_level: WalLevel,
    pub wal_log_hints: bool,
    pub track_commit_timestamp: bool,
}

/// Logs the settings and notes them in pg_control when they differ from those there; at the start of the server.
///
/// # Errors
/// PANIC when the log or pg_control cannot be written.
pub fn report_parameters(wal: &Wal, store: &ControlStore, now: &Parameters) -> Result<()> {
    let control = store.get();
    let before = (
        [control.max_connections, control.max_worker_processes, control.max_wal_senders],
        [control.max_prepared_transactions, control.max_locks_per_transaction, control.wal_level],
        [control.wal_log_hints, control.track_commit_timestamp],
    );
    let after = (
        [now.max_connections, now.max_worker_processes, now.max_wal_senders],
        [now.max_prepared_transactions, now.max_locks_per_transaction, now.wal_level as i32],
        [now.wal_log_hints, now.track_commit_timestamp],
    );
    if before == after {
        return Ok(());
    }
    if before.1[2] != after.1[2] || now.wal_level > WalLevel::Minimal {
        let mut body = [0; 28];
        for (at, value) in after.0.into_iter().chain(after.1).enumerate() {
            put_i32(&mut body, at * 4, value);
        }
        body[24] = u8::from(now.wal_log_hints);
        body[25] = u8::from(now.track_commit_timestamp);
        let record = RecordBuilder::new(RmgrId::XLOG, PARAMETER_CHANGE, Xid::INVALID).main(&body);
        let end = wal.insert(&record)?;
        wal.flush(end)?;
    }
    store.update(|control| {
        control.max_connections = now.max_connections;
        control.max_worker_processes = now.max_worker_processes;
        control.max_wal_senders = now.max_wal_senders;
        control.max_prepared_transactions = now.max_prepared_transactions;
        control.max_locks_per_transaction = now.max_locks_per_transaction;
        control.wal_level = now.wal_level as i32;
        control.wal_log_hints = now.wal_log_hints;
        control.track_commit_timestamp = now.track_commit_timestamp;
    })
}

/// Turns full_page_writes on or off and logs that.
///
/// # Errors
/// PANIC when the log cannot be written.
pub fn change_full_page_writes(wal: &Wal, on: bool) -> Result<()> {
    // Images are taken at least while the log says so.
    if on {
        wal.set_full_page_writes(true);
    }
    wal.insert(&RecordBuilder::new(RmgrId::XLOG, FPW_CHANGE, Xid::INVALID).main(&[u8::from(on)]))?;
    if !on {
        wal.set_full_page_writes(false);
    }
    Ok(())
}

/// Logs a named point to recover to. `time`: microseconds since 2000.
///
/// # Errors
/// `22023` for a name of 64 bytes or more, PANIC when the log cannot be written.
pub fn log_restore_point(wal: &Wal, name: &str, time: i64) -> Result<Lsn> {
    const NAME_BYTES: usize = 64;
    if name.len() >= NAME_BYTES {
        bail!(
            INVALID_PARAMETER_VALUE,
            "value too long for restore point (maximum {} characters)",
            NAME_BYTES - 1
        );
    }
    let mut padded = [0; NAME_BYTES];
    padded[..name.len()].copy_from_slice(name.as_bytes());
    let record =
        RecordBuilder::new(RmgrId::XLOG, RESTORE_POINT, Xid::INVALID).main(&time.to_le_bytes()).main(&padded);
    wal.insert(&record)
}

/// Replays records of the log itself.
pub struct XlogManager {
    transactions: Arc<dyn TransactionState>,
    control: Arc<ControlStore>,
}

impl XlogManager {
    pub fn new(transactions: Arc<dyn TransactionState>, control: Arc<ControlStore>) -> XlogManager {
        XlogManager { transactions, control }
    }

    fn redo_parameters(&self, mut reader: Reader<'_>) -> Result<()> {
        let mut values = [0_i32; 6];
        for value in &mut values {
            *value = reader.i32()?;
        }
        let (log_hints, track) = (reader.u8()? != 0, reader.u8()? != 0);
        let [connections, workers, senders, prepared, locks, level] = values;
        self.control.update(|control| {
            control.max_connections = connections;
            control.max_worker_processes = workers;
            control.max_wal_senders = senders;
            control.max_prepared_transactions = prepared;
            control.max_locks_per_transaction = locks;
            control.wal_level = level;
            control.wal_log_hints = log_hints;
            control.track_commit_timestamp = track;
        })
    }
}

impl ResourceManager for XlogManager {
    fn id(&self) -> RmgrId {
        RmgrId::XLOG
    }

    fn name(&self) -> &'static str {
        "XLOG"
    }

    fn redo(&self, context: &RedoContext<'_>, record: &Record<'_>) -> Result<()> {
        match record.op() {
            CHECKPOINT_SHUTDOWN | CHECKPOINT_ONLINE => {
                let checkpoint = Checkpoint::decode(record.main)?;
                self.transactions.redo_checkpoint(&checkpoint, record.op() == CHECKPOINT_SHUTDOWN);
                Ok(())
            }
            NEXTOID => {
                self.transactions.redo_next_oid(Oid(record.reader().u32()?));
                Ok(())
            }
            FPI => redo_images(context, record),
            // With checksums on, an image of a hint may be logged without one being due.
            FPI_FOR_HINT if record.blocks.iter().any(|block| !record.has_image(block.id)) => Ok(()),
            FPI_FOR_HINT => redo_images(context, record),
            PARAMETER_CHANGE => self.redo_parameters(record.reader()),
            // An END_OF_RECOVERY record tells of the switch to a new timeline, which only archive recovery makes.
            NOOP | SWITCH | BACKUP_END | RESTORE_POINT | FPW_CHANGE | END_OF_RECOVERY
            | OVERWRITE_CONTRECORD | CHECKPOINT_REDO => Ok(()),
            op => Err(Error::corrupted(format!("xlog_redo: unknown op code {op}"))),
        }
    }
}
