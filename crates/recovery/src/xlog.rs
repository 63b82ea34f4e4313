//! The XLOG resource manager: checkpoints, the OID counter, images, and other records of the log itself.

use crate::control::Checkpoint;
use crate::store::ControlStore;
use crate::transactions::TransactionState;
use base::bytes::Reader;
use base::{Error, Lsn, Oid, Result, Xid};
use buffer::{RedoContext, ResourceManager, redo_images};
use std::sync::Arc;
use wal::{Record, RecordBuilder, RmgrId, Wal};

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
