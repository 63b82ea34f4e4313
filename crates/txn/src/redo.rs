//! Replay of the records of transactions, commit log and multixacts.

use crate::Transactions;
use crate::clog::{self, Status};
use crate::multixact::{self, MemberStatus};
use crate::record::{self, Completion};
use base::{Lsn, MultiXactId, Oid, RelFileLocator, Result, Xid, bail};
use buffer::{RedoContext, ResourceManager};
use std::sync::Arc;
use wal::{Record, RmgrId};

pub(crate) const CLOG_ZERO_PAGE: u8 = 0x00;
pub(crate) const CLOG_TRUNCATE: u8 = 0x10;

/// Commit and abort records.
pub struct TransactionManager(pub Arc<Transactions>);
/// pg_xact.
pub struct ClogManager(pub Arc<Transactions>);
/// pg_multixact.
pub struct MultiXactManager(pub Arc<Transactions>);
/// Locks and running transactions for hot standby: nothing to replay.
pub struct StandbyManager;

impl ResourceManager for TransactionManager {
    fn id(&self) -> RmgrId {
        RmgrId::TRANSACTION
    }

    fn name(&self) -> &'static str {
        "Transaction"
    }

    fn redo(&self, context: &RedoContext<'_>, record: &Record<'_>) -> Result<()> {
        self.0.redo_xact(context, record)
    }
}

impl ResourceManager for ClogManager {
    fn id(&self) -> RmgrId {
        RmgrId::CLOG
    }

    fn name(&self) -> &'static str {
        "CLOG"
    }

    fn redo(&self, _context: &RedoContext<'_>, record: &Record<'_>) -> Result<()> {
        self.0.redo_clog(record)
    }
}

impl ResourceManager for MultiXactManager {
    fn id(&self) -> RmgrId {
        RmgrId::MULTIXACT
    }

    fn name(&self) -> &'static str {
        "MultiXact"
    }

    fn redo(&self, _context: &RedoContext<'_>, record: &Record<'_>) -> Result<()> {
        self.0.redo_multixact(record)
    }
}

impl ResourceManager for StandbyManager {
    fn id(&self) -> RmgrId {
        RmgrId::STANDBY
    }

    fn name(&self) -> &'static str {
        "Standby"
    }

    fn redo(&self, _context: &RedoContext<'_>, _record: &Record<'_>) -> Result<()> {
        Ok(())
    }
}

impl Transactions {
    /// Replays a record of the Transaction resource manager.
    ///
    /// # Errors
    /// `XX001` for what no such record is; the disk's.
    pub fn redo_xact(&self, context: &RedoContext<'_>, record: &Record<'_>) -> Result<()> {
        match record.info & record::OPERATION {
            record::COMMIT => self.redo_completion(context, record, Status::Committed),
            record::ABORT => self.redo_completion(context, record, Status::Aborted),
            record::PREPARE | record::COMMIT_PREPARED | record::ABORT_PREPARED => {
                Err(base::Error::unsupported("replay of prepared transactions"))
            }
            // For hot standby and logical decoding.
            record::ASSIGNMENT | record::INVALIDATIONS => Ok(()),
            operation => bail!(DATA_CORRUPTED, "unknown transaction record {operation:#04x}"),
        }
    }

    fn redo_completion(&self, context: &RedoContext<'_>, record: &Record<'_>, status: Status) -> Result<()> {
        let completion = Completion::decode(record.info, record.main)?;
        let top = self.note_xid(record.xid);
        let mut children: Vec<Xid> = completion.subxids.iter().map(|low| self.note_xid(*low)).collect();
        children.sort_unstable();
        if top.is_normal() {
            self.clog.set_tree(top, &children, status, Lsn::INVALID)?;
        }
        for locator in &completion.contents.locators {
            context.missing.forget_relation(*locator);
        }
        self.drop_files(&completion.contents.locators, true)
    }

    /// Removes relations' pages and files. In redo (`now`) the files go at once: nothing older is replayed any more.
    pub(crate) fn drop_files(&self, locators: &[RelFileLocator], now: bool) -> Result<()> {
        if locators.is_empty() {
            return Ok(());
        }
        let mut result = self.pool().drop_relations(locators);
        for locator in locators {
            result = result.and(self.pool().files().unlink_relation(*locator, now));
        }
        result
    }

    /// Replays a record of the CLOG resource manager.
    ///
    /// # Errors
    /// As [`Transactions::redo_xact`].
    pub fn redo_clog(&self, record: &Record<'_>) -> Result<()> {
        let mut main = record.reader();
        let page = main.i64()? as u64;
        match record.op() {
            CLOG_ZERO_PAGE => self.clog.0.zero(page),
            CLOG_TRUNCATE => {
                let oldest = self.widen(main.u32()?);
                self.set_oldest_xid(oldest, Oid(main.u32()?));
                self.clog.0.remove(|candidate| clog::precedes(candidate, page))
            }
            operation => bail!(DATA_CORRUPTED, "unknown CLOG record {operation:#04x}"),
        }
    }

    /// Replays a record of the MultiXact resource manager.
    ///
    /// # Errors
    /// As [`Transactions::redo_xact`].
    pub fn redo_multixact(&self, record: &Record<'_>) -> Result<()> {
        let mut main = record.reader();
        match record.op() {
            operation @ (multixact::ZERO_OFFSETS_PAGE | multixact::ZERO_MEMBERS_PAGE) => {
                self.multixacts().redo_zero(operation, main.i64()? as u64)
            }
            multixact::CREATE => {
                let (multi, first, count) = (MultiXactId(main.u32()?), main.u32()?, main.u32()?);
                let mut members = Vec::new();
                for _ in 0..count {
                    let (xid, status) = (main.u32()?, main.u32()?);
                    self.note_xid(xid);
                    match MemberStatus::from_number(status) {
                        Some(status) => members.push((xid, status)),
                        None => bail!(DATA_CORRUPTED, "unknown multixact member status {status}"),
                    }
                }
                self.multixacts().redo_create(multi, first, &members)
            }
            multixact::TRUNCATE => {
                let database = Oid(main.u32()?);
                let _start = main.u32()?;
                let oldest = MultiXactId(main.u32()?);
                self.multixacts().apply_truncate(oldest, database, main.u32()?, main.u32()?)
            }
            operation => bail!(DATA_CORRUPTED, "unknown MultiXact record {operation:#04x}"),
        }
    }
}
