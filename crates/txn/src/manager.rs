//! The transaction system of a server.

use crate::clog::{self, CommitLog, Status};
use crate::commit_order::CommitOrder;
use crate::export::ExportedSnapshots;
use crate::horizon::HorizonCache;
use crate::running::{Running, RunningSet};
use crate::session::Slot;
use crate::slru::Slru;
use crate::subtrans::Subtransactions;
use crate::{Counters, MultiXacts};
use arc_swap::ArcSwap;
use base::{Lsn, MultiXactId, Oid, Result, Xid, bail, err};
use buffer::BufferPool;
use lock::LockManager;
use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use sys::System;
use wal::{RecordBuilder, RmgrId, Wal};

/// What the transaction system rests on.
pub struct Config {
    pub system: System,
    pub wal: Arc<Wal>,
    pub pool: Arc<BufferPool>,
    pub locks: Arc<LockManager>,
    /// From pg_control's checkpoint.
    pub counters: Counters,
    /// The fsync parameter.
    pub sync: bool,
}

/// How a transaction ended, if it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    InProgress,
    Committed {
        /// The commit record is durable, so pages may say that the transaction committed.
        hint_ok: bool,
        /// Valid when the commit has its place in the log but is not visible to new snapshots yet: who acts on it depends on
        /// that place's flush ([`crate::Transaction::require_flush`]).
        pending: Lsn,
    },
    Aborted,
}

impl Outcome {
    pub const DURABLE: Outcome = Outcome::Committed { hint_ok: true, pending: Lsn::INVALID };

    pub fn is_committed(self) -> bool {
        matches!(self, Outcome::Committed { .. })
    }
}

/// So many xids before wraparound the server stops assigning them.
const WRAPAROUND_RESERVE: u64 = 3_000_000;
/// OIDs reserved by one XLOG_NEXTOID record.
const OID_PREFETCH: u32 = 8192;
const XLOG_NEXT_OID: u8 = 0x30;
const FIRST_GENBKI_OID: u32 = 10_000;
const FIRST_NORMAL_OID: u32 = 16_384;

struct Oids {
    next: u32,
    /// How many of them the last NEXTOID record covers.
    logged: u32,
}

struct Oldest {
    xid: Xid,
    xid_database: Oid,
}

/// The transaction system of a server.
pub struct Transactions {
    system: System,
    wal: Arc<Wal>,
    pool: Arc<BufferPool>,
    locks: Arc<LockManager>,
    pub(crate) clog: CommitLog,
    pub(crate) subtrans: Subtransactions,
    multixacts: MultiXacts,
    pub(crate) order: CommitOrder,
    pub(crate) horizons: HorizonCache,
    running: Mutex<Running>,
    /// `running.version`, readable without its latch.
    version: AtomicU64,
    latest_set: ArcSwap<RunningSet>,
    next_xid: Arc<AtomicU64>,
    /// The next xid when recovery ended: older ones without an outcome died in a crash.
    first_of_this_life: AtomicU64,
    recovered: AtomicBool,
    oids: Mutex<Oids>,
    oldest: Mutex<Oldest>,
    slots: RwLock<Vec<Option<Arc<Slot>>>>,
    pub(crate) exported: ExportedSnapshots,
}

impl Transactions {
    /// Writes the first pages of pg_xact, pg_subtrans and pg_multixact of a new data directory.
    ///
    /// # Errors
    /// The disk's.
    pub fn bootstrap(config: Config) -> Result<()> {
        let make_dir = |dir| {
            config
                .system
                .disk
                .create_dir_all(dir)
                .map_err(|error| err!(IO_ERROR, "could not create directory \"{dir}\": {error}"))
        };
        for dir in ["pg_xact", "pg_subtrans", "pg_multixact/offsets", "pg_multixact/members"] {
            make_dir(dir)?;
        }
        let transactions = Transactions::open(config)?;
        transactions.clog.0.zero(0)?;
        transactions.subtrans.0.zero(0)?;
        transactions.multixacts.bootstrap()?;
        transactions.flush_logs()
    }

    /// Opens an existing directory, ready for redo; [`Transactions::finish_recovery`] makes it ready for transactions.
    ///
    /// # Errors
    /// None today.
    pub fn open(config: Config) -> Result<Arc<Transactions>> {
        let Config { system, wal, pool, locks, counters, sync } = config;
        let slru = |dir| Slru::new(system.disk.clone(), wal.clone(), dir, sync);
        let running = Running::new(counters.next_xid);
        let next_xid = Arc::new(AtomicU64::new(counters.next_xid.0));
        Ok(Arc::new(Transactions {
            clog: CommitLog(slru("pg_xact")),
            subtrans: Subtransactions(slru("pg_subtrans")),
            multixacts: MultiXacts::new(
                slru("pg_multixact/offsets"),
                slru("pg_multixact/members"),
                wal.clone(),
                next_xid.clone(),
                &counters,
            ),
            order: CommitOrder::default(),
            horizons: HorizonCache::default(),
            version: AtomicU64::new(running.version),
            latest_set: ArcSwap::new(running.set()),
            running: Mutex::new(running),
            next_xid,
            first_of_this_life: AtomicU64::new(counters.next_xid.0),
            recovered: AtomicBool::new(false),
            oids: Mutex::new(Oids { next: counters.next_oid.0, logged: 0 }),
            oldest: Mutex::new(Oldest {
                xid: counters.oldest_xid,
                xid_database: counters.oldest_xid_database,
            }),
            slots: RwLock::default(),
            exported: ExportedSnapshots::default(),
            system,
            wal,
            pool,
            locks,
        }))
    }

    /// Ends redo: whoever was running then has failed; the tails of the logs are cleaned.
    ///
    /// # Errors
    /// The disk's.
    pub fn finish_recovery(&self) -> Result<()> {
        let next = self.next_xid();
        self.first_of_this_life.store(next.0, Ordering::Release);
        {
            let mut running = self.running.lock();
            running.restart(next);
            self.version.store(running.version, Ordering::SeqCst);
            self.latest_set.store(running.set());
        }
        self.clog.trim(next)?;
        self.subtrans.startup(next, next)?;
        self.multixacts.trim()?;
        self.clog.0.end_recovery();
        self.subtrans.0.end_recovery();
        self.multixacts.end_recovery();
        self.recovered.store(true, Ordering::Release);
        Ok(())
    }

    pub fn system(&self) -> &System {
        &self.system
    }

    pub fn wal(&self) -> &Arc<Wal> {
        &self.wal
    }

    pub fn pool(&self) -> &Arc<BufferPool> {
        &self.pool
    }

    pub fn locks(&self) -> &Arc<LockManager> {
        &self.locks
    }

    pub fn multixacts(&self) -> &MultiXacts {
        &self.multixacts
    }

    /// The xid that is handed out next.
    pub fn next_xid(&self) -> Xid {
        Xid(self.next_xid.load(Ordering::Acquire))
    }

    /// The 64-bit xid for the 32 bits that a page stores.
    pub fn widen(&self, low: u32) -> Xid {
        Xid::widen(low, self.next_xid())
    }

    /// How many transactions have an xid and have not come to their commit.
    pub(crate) fn siblings(&self) -> usize {
        // One latch after the other: whoever publishes takes them in the other order.
        let placed = self.order.placed();
        self.running.lock().count().saturating_sub(placed)
    }

    /// The oldest xid that has not finished; the next one if none is running.
    pub fn oldest_running(&self) -> Xid {
        self.running.lock().oldest()
    }

    pub(crate) fn oldest_running_in(&self, database: Option<Oid>) -> Xid {
        let running = self.running.lock();
        database.map_or_else(|| running.oldest(), |database| running.oldest_in(database))
    }

    pub fn latest_completed(&self) -> Xid {
        self.running.lock().latest_completed()
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    pub(crate) fn slots(&self) -> RwLockReadGuard<'_, Vec<Option<Arc<Slot>>>> {
        self.slots.read()
    }

    /// How many sessions there are in a database.
    pub fn sessions_in(&self, database: Oid) -> usize {
        let slots = self.slots.read();
        slots.iter().flatten().filter(|slot| slot.database.load(Ordering::Relaxed) == database.0).count()
    }

    pub(crate) fn add_slot(&self, slot: Arc<Slot>) -> usize {
        let mut slots = self.slots.write();
        match slots.iter().position(Option::is_none) {
            Some(place) => {
                slots[place] = Some(slot);
                place
            }
            None => {
                slots.push(Some(slot));
                slots.len() - 1
            }
        }
    }

    pub(crate) fn remove_slot(&self, place: usize) {
        if let Some(slot) = self.slots.write().get_mut(place) {
            *slot = None;
        }
    }

    /// The running set now. `advertise` is called with its xmin before the set is known to be current, `retract` if it was not.
    pub(crate) fn running_set(&self, advertise: impl Fn(Xid), retract: impl Fn(Xid)) -> Arc<RunningSet> {
        loop {
            let mut set = self.latest_set.load_full();
            if set.version != self.version() {
                let running = self.running.lock();
                set = self.latest_set.load_full();
                if set.version != running.version {
                    set = running.set();
                    self.latest_set.store(set.clone());
                }
            }
            advertise(set.xmin);
            if set.version == self.version() {
                return set;
            }
            retract(set.xmin);
        }
    }

    /// How `xid` ended. A transaction that a snapshot takes for finished has an answer other than `InProgress`.
    ///
    /// # Errors
    /// `XX001` or the disk's, when its part of the commit log is gone or unreadable.
    pub fn outcome(&self, xid: Xid) -> Result<Outcome> {
        if !xid.is_normal() {
            return Ok(if xid.is_valid() { Outcome::DURABLE } else { Outcome::Aborted });
        }
        if xid >= self.next_xid() {
            bail!(DATA_CORRUPTED, "transaction {xid} has not been started yet");
        }
        // The commit log is written a moment before the running set, and what has been placed stays in the map until both
        // are: as long as it is there, new snapshots may take it for running. So the map is looked at after the log.
        let mut logged = self.logged_outcome(xid)?;
        loop {
            if logged == Some(Outcome::Aborted) {
                return Ok(Outcome::Aborted);
            }
            if let Some(lsn) = self.order.placed_at(xid) {
                return Ok(Outcome::Committed { hint_ok: false, pending: lsn });
            }
            if let Some(outcome) = logged {
                return Ok(outcome);
            }
            // It may have been placed and logged between the two looks.
            logged = self.logged_outcome(xid)?;
            if logged.is_none() {
                break;
            }
        }
        let crashed = xid.0 < self.first_of_this_life.load(Ordering::Acquire);
        Ok(if crashed { Outcome::Aborted } else { Outcome::InProgress })
    }

    fn logged_outcome(&self, xid: Xid) -> Result<Option<Outcome>> {
        let (status, lsn) = self.clog.get(xid)?;
        Ok(match status {
            Status::Committed => {
                let hint_ok = !lsn.is_valid() || lsn <= self.wal.flushed();
                Some(Outcome::Committed { hint_ok, pending: Lsn::INVALID })
            }
            Status::Aborted => Some(Outcome::Aborted),
            Status::InProgress | Status::SubCommitted => None,
        })
    }

    /// The top-level transaction of a subtransaction; `xid` itself when it is none.
    ///
    /// # Errors
    /// I/O on pg_subtrans.
    pub fn top_parent(&self, xid: Xid) -> Result<Xid> {
        let mut at = xid;
        while let Some(parent) = self.subtrans.parent(at)? {
            if parent >= at {
                bail!(DATA_CORRUPTED, "pg_subtrans says that {parent} is the parent of {at}");
            }
            at = parent;
        }
        Ok(at)
    }

    /// Hands out an xid. For a subtransaction `parents` is (top-level xid, xid of the parent).
    pub(crate) fn new_xid(&self, database: Oid, parents: Option<(Xid, Xid)>) -> Result<Xid> {
        if !self.recovered.load(Ordering::Acquire) {
            bail!(OBJECT_NOT_IN_PREREQUISITE_STATE, "cannot assign TransactionIds during recovery");
        }
        let mut running = self.running.lock();
        let xid = self.next_xid();
        self.check_wraparound(xid)?;
        if clog::opens_page(xid) {
            let page = clog::page_of(xid);
            self.clog.0.zero(page)?;
            let number = (page as i64).to_le_bytes();
            self.wal.insert(
                &RecordBuilder::new(RmgrId::CLOG, crate::redo::CLOG_ZERO_PAGE, Xid::INVALID).main(&number),
            )?;
        }
        self.subtrans.extend(xid)?;
        match parents {
            Some((top, parent)) => {
                self.subtrans.set_parent(xid, parent)?;
                running.start_sub(top, xid);
            }
            None => running.start(xid, database),
        }
        self.next_xid.store(xid.next().0, Ordering::Release);
        Ok(xid)
    }

    fn check_wraparound(&self, xid: Xid) -> Result<()> {
        let oldest = self.oldest.lock();
        if xid.0.saturating_sub(oldest.xid.0) < (1 << 31) - WRAPAROUND_RESERVE {
            return Ok(());
        }
        let database = oldest.xid_database;
        Err(err!(
            PROGRAM_LIMIT_EXCEEDED,
            "database is not accepting commands that assign new transaction IDs to avoid wraparound data loss in database with OID {database}"
        )
        .hint("Execute a database-wide VACUUM in that database.\nYou might also need to commit or roll back old prepared transactions, or drop stale replication slots."))
    }

    /// Takes finished transactions, given as (top-level xid, highest xid of the tree), out of the running set.
    pub(crate) fn finish_running(&self, finished: impl Iterator<Item = (Xid, Xid)>) {
        let mut running = self.running.lock();
        for (top, latest) in finished {
            running.finish(top, latest);
        }
        self.version.store(running.version, Ordering::SeqCst);
    }

    /// Records the end of subtransactions that failed; ascending.
    pub(crate) fn abort_subs(&self, top: Xid, xids: &[Xid]) -> Result<()> {
        if let Some((last, others)) = xids.split_last() {
            self.clog.set_tree(*last, others, Status::Aborted, Lsn::INVALID)?;
            let mut running = self.running.lock();
            running.finish_subs(top, xids);
            self.version.store(running.version, Ordering::SeqCst);
        }
        Ok(())
    }

    /// The next value of the OID counter. Whether it is free is for the caller to find out.
    ///
    /// # Errors
    /// The WAL's.
    pub fn new_oid(&self) -> Result<Oid> {
        let mut oids = self.oids.lock();
        // 10000 to 16383 are for initdb; after a wraparound they are not used again.
        if oids.next < FIRST_GENBKI_OID {
            *oids = Oids { next: FIRST_NORMAL_OID, logged: 0 };
        }
        if oids.logged == 0 {
            let limit = oids.next.wrapping_add(OID_PREFETCH).to_le_bytes();
            self.wal.insert(&RecordBuilder::new(RmgrId::XLOG, XLOG_NEXT_OID, Xid::INVALID).main(&limit))?;
            oids.logged = OID_PREFETCH;
        }
        let oid = Oid(oids.next);
        oids.next = oids.next.wrapping_add(1);
        oids.logged -= 1;
        Ok(oid)
    }

    /// At the end of initdb: user objects start at 16384.
    pub fn end_of_bootstrap_oids(&self) {
        let mut oids = self.oids.lock();
        oids.next = oids.next.max(FIRST_NORMAL_OID);
        oids.logged = 0;
    }

    /// Redo of XLOG_NEXTOID.
    pub fn redo_next_oid(&self, next: Oid) {
        *self.oids.lock() = Oids { next: next.0, logged: 0 };
    }

    /// Redo: `xid` has been used.
    pub fn note_xid(&self, low: u32) -> Xid {
        let xid = self.widen(low);
        if xid.is_normal() {
            self.next_xid.fetch_max(xid.next().0, Ordering::AcqRel);
        }
        xid
    }

    /// Redo of a checkpoint record: counters only move forward. An online checkpoint's are from its beginning, and records since then
    /// may have been replayed.
    pub fn redo_checkpoint(&self, counters: &Counters) {
        self.next_xid.fetch_max(counters.next_xid.0, Ordering::AcqRel);
        let mut oids = self.oids.lock();
        if (counters.next_oid.0.wrapping_sub(oids.next) as i32) > 0 {
            *oids = Oids { next: counters.next_oid.0, logged: 0 };
        }
        drop(oids);
        self.multixacts.advance(counters.next_multi, counters.next_multi_offset);
        self.set_oldest_xid(counters.oldest_xid, counters.oldest_xid_database);
        self.multixacts.set_oldest(counters.oldest_multi, counters.oldest_multi_database);
    }

    /// The counters for a checkpoint record. The OID counter is given so that a crash after it cannot hand out one twice.
    pub fn counters(&self) -> Counters {
        let next_oid = {
            let oids = self.oids.lock();
            Oid(oids.next.wrapping_add(oids.logged))
        };
        let (next_multi, next_multi_offset) = self.multixacts.next_pair();
        let (oldest_multi, oldest_multi_database) = self.multixacts.oldest_pair();
        let oldest = self.oldest.lock();
        Counters {
            next_xid: self.next_xid(),
            next_oid,
            next_multi,
            next_multi_offset,
            oldest_xid: oldest.xid,
            oldest_xid_database: oldest.xid_database,
            oldest_multi,
            oldest_multi_database,
        }
    }

    /// The part of a checkpoint that concerns transactions; call it after `redo` is determined. All commits recorded before
    /// `redo` are in the commit log afterwards, and all logs are durable.
    ///
    /// # Errors
    /// The disk's.
    pub fn checkpoint(&self, redo: Lsn) -> Result<()> {
        self.publish_placed_before(redo)?;
        self.multixacts.settle();
        self.flush_logs()
    }

    pub(crate) fn flush_logs(&self) -> Result<()> {
        self.clog.0.flush()?;
        self.subtrans.0.flush()?;
        self.multixacts.flush()
    }

    /// The oldest xid that any relation may still carry has moved on (never back).
    pub fn set_oldest_xid(&self, xid: Xid, database: Oid) {
        let mut oldest = self.oldest.lock();
        if xid >= oldest.xid {
            *oldest = Oldest { xid, xid_database: database };
        }
    }

    pub fn oldest_xid(&self) -> (Xid, Oid) {
        let oldest = self.oldest.lock();
        (oldest.xid, oldest.xid_database)
    }

    /// Removes the segments of the commit log that only hold xids before `oldest`, after a vacuum has frozen them all.
    ///
    /// # Errors
    /// The WAL's and the disk's.
    pub fn truncate_clog(&self, oldest: Xid, database: Oid) -> Result<()> {
        self.set_oldest_xid(oldest, database);
        let cutoff = clog::page_of(oldest);
        let mut main = Vec::with_capacity(16);
        main.extend((cutoff as i64).to_le_bytes());
        main.extend(oldest.low().to_le_bytes());
        main.extend(database.0.to_le_bytes());
        let record = RecordBuilder::new(RmgrId::CLOG, crate::redo::CLOG_TRUNCATE, Xid::INVALID).main(&main);
        let lsn = self.wal.insert(&record)?;
        self.wal.flush(lsn)?;
        self.clog.0.remove(|page| clog::precedes(page, cutoff))
    }

    /// Removes what of pg_subtrans no snapshot can ask for; after each checkpoint.
    ///
    /// # Errors
    /// The disk's.
    pub fn truncate_subtrans(&self) -> Result<()> {
        self.subtrans.truncate(self.oldest_considered_running())
    }

    /// The oldest multixact that any session may still look at.
    pub fn oldest_multi_needed(&self) -> MultiXactId {
        let next = self.multixacts.next();
        let ages = self.slots().iter().flatten().flat_map(|slot| slot.multis()).collect::<Vec<_>>();
        ages.into_iter()
            .filter(|multi| *multi != MultiXactId::INVALID)
            .fold(next, |oldest, multi| if multi.precedes(oldest) { multi } else { oldest })
    }
}
