//! A session's part in the transaction system.

use crate::record::CompletionContents;
use crate::{Options, Transaction, Transactions};
use base::{Lsn, MultiXactId, Oid, Result, Xid};
use lock::{Interrupt, LockSession, Waiter};
use parking_lot::{Mutex, RwLock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// Takes part in the end of transactions. Every method defaults to nothing.
pub trait TransactionParticipant: Send + Sync {
    /// The last moment at which the commit may fail: deferred triggers and the like.
    ///
    /// # Errors
    /// Whatever makes the transaction fail; it is aborted then.
    fn pre_commit(&self, _tx: &Transaction) -> Result<()> {
        Ok(())
    }

    /// Adds invalidations and dropped statistics to the commit record.
    fn contribute(&self, _tx: &Transaction, _contents: &mut CompletionContents) {}

    /// The commit is visible to new snapshots; strong locks are still held. Invalidations are sent here.
    fn at_commit(&self, _tx: &Transaction) {}

    /// The transaction has failed; its locks are still held.
    fn at_abort(&self, _tx: &Transaction) {}

    fn at_subcommit(&self, _tx: &Transaction, _sub: u32, _parent: u32) {}

    fn at_subabort(&self, _tx: &Transaction, _sub: u32, _parent: u32) {}
}

/// What a session tells all others.
pub(crate) struct Slot {
    /// Its number among the sessions with locks.
    pub backend: u32,
    pub database: AtomicU32,
    /// Oldest xmin of its snapshots; 0 without any.
    pub xmin: AtomicU64,
    pub in_vacuum: AtomicBool,
    /// Multixacts from here on may have this session's transaction as a member; 0: none.
    pub oldest_member: AtomicU32,
    /// Multixacts from here on may be looked at by this session's transaction; 0: none.
    pub oldest_visible: AtomicU32,
    /// xmin and number of registered snapshots, ascending.
    registered: Mutex<Vec<(Xid, u32)>>,
}

impl Slot {
    pub fn register(&self, xmin: Xid) {
        let mut registered = self.registered.lock();
        match registered.binary_search_by_key(&xmin, |entry| entry.0) {
            Ok(at) => registered[at].1 += 1,
            Err(at) => registered.insert(at, (xmin, 1)),
        }
        self.xmin.store(registered[0].0.0, Ordering::SeqCst);
    }

    pub fn unregister(&self, xmin: Xid) {
        let mut registered = self.registered.lock();
        if let Ok(at) = registered.binary_search_by_key(&xmin, |entry| entry.0) {
            registered[at].1 -= 1;
            if registered[at].1 == 0 {
                registered.remove(at);
            }
        }
        let oldest = registered.first().map_or(0, |entry| entry.0.0);
        self.xmin.store(oldest, Ordering::SeqCst);
    }

    pub fn multis(&self) -> [MultiXactId; 2] {
        [&self.oldest_member, &self.oldest_visible].map(|at| MultiXactId(at.load(Ordering::SeqCst)))
    }
}

pub struct SessionOptions {
    /// What reports and pg_locks call the session.
    pub pid: i32,
    /// 0 for a session without one.
    pub database: Oid,
    pub waiter: Arc<dyn Waiter>,
    pub interrupt: Arc<dyn Interrupt>,
}

/// A session: its locks, its place among those whose snapshots hold the horizon back, its flush dependency.
pub struct Session {
    transactions: Arc<Transactions>,
    locks: LockSession,
    slot: Arc<Slot>,
    place: usize,
    /// What it has seen of unpublished commits: to be durable before the client hears of it.
    required: AtomicU64,
    /// Its own last commit that did not wait; to be visible to its next snapshot.
    own_commit: AtomicU64,
    participants: RwLock<Vec<Arc<dyn TransactionParticipant>>>,
}

impl Transactions {
    pub fn session(self: &Arc<Self>, options: SessionOptions) -> Arc<Session> {
        let locks = self.locks().session(options.pid, options.waiter, options.interrupt);
        let slot = Arc::new(Slot {
            backend: locks.virtual_xid().backend,
            database: AtomicU32::new(options.database.0),
            xmin: AtomicU64::new(0),
            in_vacuum: AtomicBool::new(false),
            oldest_member: AtomicU32::new(0),
            oldest_visible: AtomicU32::new(0),
            registered: Mutex::default(),
        });
        Arc::new(Session {
            transactions: self.clone(),
            locks,
            place: self.add_slot(slot.clone()),
            slot,
            required: AtomicU64::new(0),
            own_commit: AtomicU64::new(0),
            participants: RwLock::default(),
        })
    }
}

impl Session {
    /// Starts a transaction. The session has one at a time.
    ///
    /// # Errors
    /// None today.
    pub fn begin(self: &Arc<Self>, options: Options) -> Result<Arc<Transaction>> {
        Ok(Transaction::begin(self, options))
    }

    pub fn transactions(&self) -> &Arc<Transactions> {
        &self.transactions
    }

    pub fn locks(&self) -> &LockSession {
        &self.locks
    }

    pub fn database(&self) -> Oid {
        Oid(self.slot.database.load(Ordering::Relaxed))
    }

    /// Once the session knows its database.
    pub fn set_database(&self, database: Oid) {
        self.slot.database.store(database.0, Ordering::SeqCst);
    }

    /// Takes part in all transactions of this session.
    pub fn register(&self, participant: Arc<dyn TransactionParticipant>) {
        self.participants.write().push(participant);
    }

    pub(crate) fn participants(&self) -> Vec<Arc<dyn TransactionParticipant>> {
        self.participants.read().clone()
    }

    /// While a lazy vacuum runs, its snapshots do not hold the horizon back: it computes nothing from user data.
    pub fn set_in_vacuum(&self, in_vacuum: bool) {
        self.slot.in_vacuum.store(in_vacuum, Ordering::SeqCst);
    }

    /// `pg_stat_activity.backend_xmin`: the oldest xmin of the session's snapshots.
    pub fn xmin(&self) -> Option<Xid> {
        Some(Xid(self.slot.xmin.load(Ordering::Relaxed))).filter(|xmin| xmin.is_valid())
    }

    pub(crate) fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    pub(crate) fn require(&self, lsn: Lsn) {
        self.required.fetch_max(lsn.0, Ordering::AcqRel);
    }

    pub(crate) fn remember_own_commit(&self, lsn: Lsn) {
        self.own_commit.fetch_max(lsn.0, Ordering::AcqRel);
    }

    /// To be called before the client is answered: everything that the answer may rest on is durable afterwards.
    ///
    /// # Errors
    /// PANIC when the WAL cannot be flushed.
    pub fn answer_barrier(&self) -> Result<()> {
        self.transactions.ensure_published(Lsn(self.required.load(Ordering::Acquire)))
    }

    /// Before a new snapshot: what the session relied on, and its own commits, must be visible in it.
    pub(crate) fn snapshot_barrier(&self) -> Result<()> {
        let required = self.required.load(Ordering::Acquire);
        let own = self.own_commit.load(Ordering::Acquire);
        self.transactions.ensure_published(Lsn(required.max(own)))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.transactions.remove_slot(self.place);
    }
}
