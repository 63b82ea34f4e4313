//! A session's handle on the lock manager.

use crate::deadlock;
use crate::hold::{Key, Let, Mark};
use crate::manager::{LockManager, SessionShared};
use crate::table::Request;
use crate::{LockMode, LockTag, VirtualXid, Waiter};
use base::{Error, Result, bail, err};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long a lock is kept unless it is released explicitly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Transaction,
    Session,
}

/// What to do when the lock is not to be had at once.
#[derive(Clone, Copy, Debug)]
pub struct WaitPolicy {
    /// Answer [`Acquired::NotAvailable`] instead of waiting.
    pub no_wait: bool,
    /// Fail with `55P03` after this time.
    pub lock_timeout: Option<Duration>,
    /// Look for a deadlock after this time.
    pub deadlock_timeout: Duration,
}

impl Default for WaitPolicy {
    fn default() -> WaitPolicy {
        WaitPolicy { no_wait: false, lock_timeout: None, deadlock_timeout: Duration::from_secs(1) }
    }
}

impl WaitPolicy {
    pub fn no_wait() -> WaitPolicy {
        WaitPolicy { no_wait: true, ..WaitPolicy::default() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquired {
    Granted,
    /// The session held it in this mode before; one more release is due.
    AlreadyHeld,
    /// Only under `no_wait`.
    NotAvailable,
}

/// One session's locks. Shared references suffice, so that all parts of a running statement can use it.
pub struct LockSession {
    manager: Arc<LockManager>,
    shared: Arc<SessionShared>,
    /// A session waits for one lock at a time, even if several of its threads ask.
    turn: Mutex<()>,
}

impl LockSession {
    pub(crate) fn new(manager: Arc<LockManager>, shared: Arc<SessionShared>) -> LockSession {
        LockSession { manager, shared, turn: Mutex::new(()) }
    }

    pub fn manager(&self) -> &Arc<LockManager> {
        &self.manager
    }

    pub fn pid(&self) -> i32 {
        self.shared.pid
    }

    /// Whoever wants to interrupt a wait makes [`crate::Interrupt::check`] fail and then wakes this.
    pub fn waker(&self) -> Arc<dyn Waiter> {
        self.shared.waiter.clone()
    }

    /// # Errors
    /// What the session's interrupt says.
    pub fn check_interrupts(&self) -> Result<()> {
        self.shared.interrupt.check()
    }

    /// Acquires a lock, waiting as `policy` says.
    ///
    /// # Errors
    /// `40P01` when the wait is part of a deadlock, `53200` when too much is locked, `55P03` after `lock_timeout`, or the interrupt's error.
    pub fn lock(&self, tag: LockTag, mode: LockMode, level: Level, policy: &WaitPolicy) -> Result<Acquired> {
        let key = (tag, mode);
        let is_relation = matches!(tag, LockTag::Relation { .. });
        {
            let mut state = self.shared.state.lock();
            if state.holds.again(&key, level) {
                return Ok(Acquired::AlreadyHeld);
            }
            if is_relation && mode.is_weak() && self.manager.fast_path_open(&tag) {
                state.holds.insert(key, level, true);
                return Ok(Acquired::Granted);
            }
        }
        let _turn = self.turn.lock();
        let strong = is_relation && mode.is_strong();
        if strong {
            self.manager.close_fast_path(tag);
        }
        let result = self.lock_shared(tag, mode, policy);
        match result {
            Ok(true) => {
                self.shared.state.lock().holds.insert(key, level, false);
                return Ok(Acquired::Granted);
            }
            _ if strong => self.manager.reopen_fast_path(&tag),
            _ => {}
        }
        result.map(|_| Acquired::NotAvailable)
    }

    /// Acquires a new lock of a transaction on its own xid, as of an outer nesting (0: the whole transaction).
    ///
    /// # Errors
    /// As [`LockSession::lock`]: somebody may have been quick enough to wait for an xid that is not locked yet.
    pub fn lock_at(&self, tag: LockTag, mode: LockMode, nesting: u32) -> Result<()> {
        let _turn = self.turn.lock();
        self.lock_shared(tag, mode, &WaitPolicy::default())?;
        self.shared.state.lock().holds.insert_at((tag, mode), nesting);
        Ok(())
    }

    /// Acquires the lock only if that needs no waiting.
    ///
    /// # Errors
    /// `53200`, as [`LockSession::lock`].
    pub fn try_lock(&self, tag: LockTag, mode: LockMode, level: Level) -> Result<bool> {
        Ok(self.lock(tag, mode, level, &WaitPolicy::no_wait())? != Acquired::NotAvailable)
    }

    /// In the shared table; false when not available.
    fn lock_shared(&self, tag: LockTag, mode: LockMode, policy: &WaitPolicy) -> Result<bool> {
        let join = (!policy.no_wait).then(|| self.manager.clock.timestamp());
        match self.manager.table.request(tag, &self.shared, mode, join) {
            Request::Granted => Ok(true),
            Request::Full => Err(err!(OUT_OF_MEMORY, "out of shared memory")
                .hint("You might need to increase \"max_locks_per_transaction\".")),
            Request::Conflict | Request::Deadlock { .. } if policy.no_wait => Ok(false),
            Request::Conflict => self.wait(tag, policy).map(|()| true),
            Request::Deadlock { other, other_mode } => Err(deadlock::report(&[
                deadlock::Party { pid: self.shared.pid, tag, mode },
                deadlock::Party { pid: other.pid, tag, mode: other_mode },
            ])),
        }
    }

    /// Waits in the queue until the lock is granted; on failure the session is out of the queue.
    fn wait(&self, tag: LockTag, policy: &WaitPolicy) -> Result<()> {
        let start = self.manager.clock.monotonic();
        let mut check_at = Some(start + policy.deadlock_timeout);
        let give_up_at = policy.lock_timeout.map(|timeout| start + timeout);
        loop {
            if self.shared.granted.load(Ordering::Acquire) {
                return Ok(());
            }
            if let Err(error) = self.shared.interrupt.check() {
                return self.leave(&tag, error);
            }
            let now = self.manager.clock.monotonic();
            if give_up_at.is_some_and(|at| at <= now) {
                let error = err!(LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout");
                return self.leave(&tag, error);
            }
            if check_at.is_some_and(|at| at <= now) {
                check_at = None;
                if let Err(error) = deadlock::check(&self.manager, &self.shared) {
                    return self.leave(&tag, error);
                }
                continue;
            }
            let next = [check_at, give_up_at].into_iter().flatten().min();
            self.shared.waiter.wait(next.map(|at| at.saturating_sub(now)));
        }
    }

    /// A grant that came first wins over the reason to give up.
    fn leave(&self, tag: &LockTag, error: Error) -> Result<()> {
        if self.manager.table.leave(tag, &self.shared) { Err(error) } else { Ok(()) }
    }

    /// Undoes one acquisition; false when there is none at that level.
    pub fn unlock(&self, tag: &LockTag, mode: LockMode, level: Level) -> bool {
        let mut state = self.shared.state.lock();
        match state.holds.release(&(*tag, mode), level) {
            Let::Unheld => false,
            Let::Still => true,
            Let::Gone { fast } => {
                self.manager.give_back(&self.shared, tag, mode, fast);
                true
            }
        }
    }

    /// Whether the session holds the lock in exactly this mode.
    pub fn holds(&self, tag: &LockTag, mode: LockMode) -> bool {
        self.shared.state.lock().holds.contains(&(*tag, mode))
    }

    /// Whether the session holds the lock in this mode or one with a higher number.
    pub fn holds_at_least(&self, tag: &LockTag, mode: LockMode) -> bool {
        let state = self.shared.state.lock();
        LockMode::ALL
            .iter()
            .filter(|other| **other >= mode)
            .any(|other| state.holds.contains(&(*tag, *other)))
    }

    /// Begins a nesting: a subtransaction.
    pub fn mark(&self) -> Mark {
        self.shared.state.lock().holds.mark()
    }

    /// Releases what was acquired at transaction level since `mark`, and ends that nesting.
    pub fn release_to(&self, mark: Mark) {
        let give_back = |key: &Key, fast| self.manager.give_back(&self.shared, &key.0, key.1, fast);
        self.shared.state.lock().holds.release_to(mark, give_back);
    }

    /// Ends the nesting, and its locks pass to the one around it.
    pub fn keep(&self, mark: Mark) {
        self.shared.state.lock().holds.keep(mark);
    }

    /// The locks that a committing transaction gives up once its commit record has its place in the log:
    /// its xids, tuples, speculative tokens and weak relation locks.
    pub fn release_early(&self) {
        self.release_transaction(|(tag, mode)| match tag {
            LockTag::Transaction(_) | LockTag::Tuple { .. } | LockTag::SpeculativeToken { .. } => true,
            LockTag::Relation { .. } => mode.is_weak(),
            _ => false,
        });
    }

    pub fn release_all_transaction(&self) {
        self.release_transaction(|_| true);
    }

    fn release_transaction(&self, which: impl Fn(&Key) -> bool) {
        let give_back = |key: &Key, fast| self.manager.give_back(&self.shared, &key.0, key.1, fast);
        self.shared.state.lock().holds.release_transaction(which, give_back);
    }

    fn release_session(&self, which: impl Fn(&Key) -> bool) {
        let give_back = |key: &Key, fast| self.manager.give_back(&self.shared, &key.0, key.1, fast);
        self.shared.state.lock().holds.release_session(which, give_back);
    }

    /// `pg_advisory_unlock_all`.
    pub fn release_session_advisory(&self) {
        self.release_session(|(tag, _)| matches!(tag, LockTag::Advisory { .. }));
    }

    pub fn release_all(&self) {
        self.release_all_transaction();
        self.release_session(|_| true);
        self.end_virtual();
    }

    /// Begins a virtual transaction, whose lock the session then holds.
    pub fn begin_virtual(&self) -> VirtualXid {
        let mut state = self.shared.state.lock();
        state.last_local = state.last_local.checked_add(1).unwrap_or(1);
        state.virtual_xid = Some(state.last_local);
        state.virtual_shared = false;
        VirtualXid { backend: self.shared.backend, local: state.last_local }
    }

    pub fn end_virtual(&self) {
        let mut state = self.shared.state.lock();
        let Some(local) = state.virtual_xid.take() else { return };
        if std::mem::take(&mut state.virtual_shared) {
            let tag = LockTag::VirtualTransaction(VirtualXid { backend: self.shared.backend, local });
            self.manager.table.release(&tag, &self.shared, LockMode::Exclusive);
        }
    }

    pub fn virtual_xid(&self) -> VirtualXid {
        self.shared.virtual_xid()
    }

    /// Waits until the virtual transaction is over.
    ///
    /// # Errors
    /// As [`LockSession::lock`].
    pub fn wait_for_virtual(&self, vxid: VirtualXid, policy: &WaitPolicy) -> Result<Acquired> {
        if vxid == self.virtual_xid() {
            bail!(INTERNAL_ERROR, "session cannot wait for its own virtual transaction {vxid}");
        }
        if !self.manager.share_virtual(vxid) {
            return Ok(Acquired::Granted);
        }
        let tag = LockTag::VirtualTransaction(vxid);
        let acquired = self.lock(tag, LockMode::Share, Level::Transaction, policy)?;
        if acquired != Acquired::NotAvailable {
            self.unlock(&tag, LockMode::Share, Level::Transaction);
        }
        Ok(acquired)
    }
}

impl Drop for LockSession {
    fn drop(&mut self) {
        self.release_all();
        self.manager.unregister(&self.shared);
    }
}
