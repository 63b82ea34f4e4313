//! Snapshots: which transactions' effects a statement sees.

use crate::running::RunningSet;
use crate::{Outcome, Session, Transactions};
use base::{CommandId, Result, Xid};
use parking_lot::RwLock;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The xids of one transaction, shared between it and its snapshots: they follow it as subtransactions begin and abort.
#[derive(Debug, Default)]
pub(crate) struct OwnXids {
    top: AtomicU64,
    has_subs: AtomicBool,
    /// Live and subcommitted subtransactions, ascending.
    subs: RwLock<Vec<Xid>>,
}

impl OwnXids {
    pub fn top(&self) -> Option<Xid> {
        let top = Xid(self.top.load(Ordering::Acquire));
        top.is_valid().then_some(top)
    }

    pub fn set_top(&self, top: Xid) {
        self.top.store(top.0, Ordering::Release);
    }

    pub fn add_sub(&self, xid: Xid) {
        self.subs.write().push(xid);
        self.has_subs.store(true, Ordering::Release);
    }

    pub fn remove_subs(&self, aborted: &[Xid]) {
        self.subs.write().retain(|xid| aborted.binary_search(xid).is_err());
    }

    #[inline]
    pub fn contains(&self, xid: Xid) -> bool {
        xid.0 == self.top.load(Ordering::Acquire) && xid.is_valid()
            || self.has_subs.load(Ordering::Acquire) && self.subs.read().binary_search(&xid).is_ok()
    }
}

/// Keeps the session's xmin back as long as it lives.
struct Registration {
    session: Arc<Session>,
    xmin: Xid,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.session.slot().unregister(self.xmin);
    }
}

/// A view of the database as of one moment and one command. Cheap to clone; while any clone lives, what it sees is not removed.
#[derive(Clone)]
pub struct Snapshot {
    /// The transaction's own changes are visible when made by commands before this one.
    pub command: CommandId,
    set: Arc<RunningSet>,
    own: Arc<OwnXids>,
    transactions: Arc<Transactions>,
    _registration: Arc<Registration>,
}

impl Snapshot {
    pub(crate) fn new(session: &Arc<Session>, own: &Arc<OwnXids>, command: CommandId) -> Snapshot {
        let (transactions, slot) = (session.transactions(), session.slot());
        let set = transactions.running_set(|xmin| slot.register(xmin), |xmin| slot.unregister(xmin));
        let registration = Arc::new(Registration { session: session.clone(), xmin: set.xmin });
        Snapshot {
            command,
            set,
            own: own.clone(),
            transactions: transactions.clone(),
            _registration: registration,
        }
    }

    /// The same view for another transaction.
    pub(crate) fn adopt(&self, session: &Arc<Session>, own: &Arc<OwnXids>, command: CommandId) -> Snapshot {
        // This snapshot keeps the xmin back until the other session does.
        session.slot().register(self.set.xmin);
        let registration = Arc::new(Registration { session: session.clone(), xmin: self.set.xmin });
        Snapshot { command, own: own.clone(), _registration: registration, ..self.clone() }
    }

    /// Every transaction before this one has finished.
    pub fn xmin(&self) -> Xid {
        self.set.xmin
    }

    /// No transaction from this one on had finished.
    pub fn xmax(&self) -> Xid {
        self.set.xmax
    }

    /// The xids between that were running, ascending; may include the transaction's own.
    pub fn running(&self) -> &[Xid] {
        &self.set.running
    }

    /// Whether subxids are missing from [`Snapshot::running`].
    pub fn is_overflowed(&self) -> bool {
        self.set.overflowed
    }

    /// Whether `xid` is the own transaction or one of its live or subcommitted subtransactions. To be asked before
    /// [`Snapshot::is_running`].
    #[inline]
    pub fn is_mine(&self, xid: Xid) -> bool {
        self.own.contains(xid)
    }

    /// Whether `xid`, which is not mine, counts as running: its effects are not visible. Otherwise it has finished, and
    /// [`Snapshot::outcome`] tells how.
    ///
    /// # Errors
    /// I/O on pg_subtrans; only when some transaction has more subtransactions than a snapshot lists.
    #[inline]
    pub fn is_running(&self, xid: Xid) -> Result<bool> {
        if xid < self.set.xmin {
            return Ok(false);
        }
        if xid >= self.set.xmax {
            return Ok(true);
        }
        if self.set.running.binary_search(&xid).is_ok() {
            return Ok(true);
        }
        if !self.set.overflowed {
            return Ok(false);
        }
        let top = self.transactions.top_parent(xid)?;
        Ok(top != xid && self.set.running.binary_search(&top).is_ok())
    }

    /// # Errors
    /// As [`Transactions::outcome`].
    pub fn outcome(&self, xid: Xid) -> Result<Outcome> {
        self.transactions.outcome(xid)
    }

    pub fn transactions(&self) -> &Arc<Transactions> {
        &self.transactions
    }

    /// The same view by another command.
    pub fn with_command(&self, command: CommandId) -> Snapshot {
        Snapshot { command, ..self.clone() }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{:?} command {}", self.set.xmin, self.set.xmax, self.set.running, self.command)
    }
}
