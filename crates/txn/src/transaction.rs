//! A transaction, as its session and everything that runs for it see it.

use crate::combo::ComboCommands;
use crate::snapshot::OwnXids;
use crate::subtransaction::Level;
use crate::{Member, MemberStatus, Outcome, Session, Snapshot, TransactionParticipant, Transactions};
use base::{CommandId, Error, Lsn, MultiXactId, RelFileLocator, Result, Xid, bail};
use lock::{Acquired, LockMode, LockTag, WaitPolicy};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Runs as read committed.
    ReadUncommitted,
    ReadCommitted,
    RepeatableRead,
    /// Runs as repeatable read here; the SQL layer decides whether to offer it.
    Serializable,
}

impl Isolation {
    /// One snapshot for the whole transaction.
    pub fn keeps_snapshot(self) -> bool {
        matches!(self, Isolation::RepeatableRead | Isolation::Serializable)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SynchronousCommit {
    /// The answer does not wait for the commit's flush.
    Off,
    Local,
    On,
}

/// commit_delay and commit_siblings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gathering {
    pub delay: Duration,
    /// Without so many other transactions that write there is no delay.
    pub least_siblings: usize,
}

#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub isolation: Isolation,
    pub read_only: bool,
    pub deferrable: bool,
    pub synchronous_commit: SynchronousCommit,
    pub gathering: Gathering,
    /// When the statement that starts it arrived, in microseconds since 2000-01-01: also the transaction's own time.
    pub statement_time: i64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            isolation: Isolation::ReadCommitted,
            read_only: false,
            deferrable: false,
            synchronous_commit: SynchronousCommit::On,
            gathering: Gathering::default(),
            statement_time: 0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Running,
    /// A statement failed outside any subtransaction: all is undone, and only ROLLBACK is left to do.
    Failed,
    Ended,
}

/// A relation file that appears or disappears with the end of the (sub)transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingFile {
    pub locator: RelFileLocator,
    pub at_commit: bool,
    pub nesting: usize,
}

pub(crate) struct State {
    pub phase: Phase,
    /// The transaction itself and its open subtransactions, outermost first.
    pub levels: Vec<Level>,
    pub last_sub_id: u32,
    pub combo: ComboCommands,
    pub files: Vec<PendingFile>,
    pub participants: Vec<Arc<dyn TransactionParticipant>>,
    pub kept_snapshot: Option<Snapshot>,
    pub exclusive_locks: bool,
    pub force_sync: bool,
    pub warnings: Vec<Error>,
    /// Identifiers of exported snapshots.
    pub exported: Vec<String>,
}

/// One transaction. All methods take shared references, so that every part of a running statement can hold it.
pub struct Transaction {
    pub(crate) session: Arc<Session>,
    pub(crate) own: Arc<OwnXids>,
    pub(crate) state: Mutex<State>,
    options: Mutex<Options>,
    started_at: i64,
    statement_at: AtomicI64,
    command: AtomicU32,
    command_used: AtomicBool,
}

impl Transaction {
    pub(crate) fn begin(session: &Arc<Session>, options: Options) -> Arc<Transaction> {
        session.locks().begin_virtual();
        Arc::new(Transaction {
            session: session.clone(),
            own: Arc::default(),
            state: Mutex::new(State {
                phase: Phase::Running,
                levels: vec![Level::top()],
                last_sub_id: 1,
                combo: ComboCommands::default(),
                files: Vec::new(),
                participants: session.participants(),
                kept_snapshot: None,
                exclusive_locks: false,
                force_sync: false,
                warnings: Vec::new(),
                exported: Vec::new(),
            }),
            options: Mutex::new(options),
            started_at: options.statement_time,
            statement_at: AtomicI64::new(options.statement_time),
            command: AtomicU32::new(0),
            command_used: AtomicBool::new(false),
        })
    }

    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    pub fn transactions(&self) -> &Arc<Transactions> {
        self.session.transactions()
    }

    pub fn options(&self) -> Options {
        *self.options.lock()
    }

    pub fn isolation(&self) -> Isolation {
        self.options.lock().isolation
    }

    pub fn is_read_only(&self) -> bool {
        self.options.lock().read_only
    }

    /// SET TRANSACTION; whether it is still allowed is for the caller to check ([`Transaction::has_snapshot`]).
    pub fn set_options(&self, change: impl FnOnce(&mut Options)) {
        change(&mut self.options.lock());
    }

    /// Whether the transaction's snapshot, which its isolation level keeps, has been taken.
    pub fn has_snapshot(&self) -> bool {
        self.state.lock().kept_snapshot.is_some()
    }

    /// `now()`: microseconds since 2000-01-01.
    pub fn started_at(&self) -> i64 {
        self.started_at
    }

    /// `statement_timestamp()`.
    pub fn statement_at(&self) -> i64 {
        self.statement_at.load(Ordering::Relaxed)
    }

    pub fn set_statement_at(&self, time: i64) {
        self.statement_at.store(time, Ordering::Relaxed);
    }

    /// The xid of the current (sub)transaction, assigned now if it has none; parents get theirs first.
    ///
    /// # Errors
    /// `54000` before xid wraparound; the WAL's.
    pub fn xid(&self) -> Result<Xid> {
        let mut state = self.state.lock();
        if let Some(xid) = state.levels.last().and_then(|level| level.xid) {
            return Ok(xid);
        }
        let deepest = state.levels.len();
        self.assign(&mut state, deepest)
    }

    /// The xid of the current (sub)transaction if it has one.
    pub fn xid_if_assigned(&self) -> Option<Xid> {
        self.state.lock().levels.last().and_then(|level| level.xid)
    }

    /// The xid of the whole transaction, assigned now if it has none.
    ///
    /// # Errors
    /// As [`Transaction::xid`].
    pub fn top_xid(&self) -> Result<Xid> {
        match self.own.top() {
            Some(xid) => Ok(xid),
            None => self.assign(&mut self.state.lock(), 1),
        }
    }

    pub fn top_xid_if_assigned(&self) -> Option<Xid> {
        self.own.top()
    }

    /// Assigns xids to the `depth` outermost levels where they are missing.
    fn assign(&self, state: &mut State, depth: usize) -> Result<Xid> {
        if state.phase != Phase::Running {
            bail!(INVALID_TRANSACTION_STATE, "transaction has ended and cannot be given a transaction ID");
        }
        let transactions = self.transactions();
        let mut parent = None;
        for level in state.levels.iter_mut().take(depth) {
            let xid = match (level.xid, parent) {
                (Some(xid), _) => xid,
                (None, None) => {
                    let xid = transactions.new_xid(self.session.database(), None)?;
                    self.own.set_top(xid);
                    xid
                }
                (None, Some((top, above))) => {
                    let xid = transactions.new_xid(self.session.database(), Some((top, above)))?;
                    self.own.add_sub(xid);
                    xid
                }
            };
            if level.xid.is_none() {
                level.xid = Some(xid);
                self.session.locks().lock_at(
                    LockTag::Transaction(xid),
                    LockMode::Exclusive,
                    level.nesting(),
                )?;
            }
            parent = Some((parent.map_or(xid, |(top, _)| top), xid));
        }
        Ok(parent.map_or(Xid::INVALID, |(_, xid)| xid))
    }

    /// Whether `xid` is this transaction or one of its live or subcommitted subtransactions.
    #[inline]
    pub fn is_current(&self, xid: Xid) -> bool {
        self.own.contains(xid)
    }

    /// The number of the current command.
    pub fn command(&self) -> CommandId {
        CommandId(self.command.load(Ordering::Relaxed))
    }

    /// The same, for putting it on a tuple: the next increment will count.
    pub fn command_for_write(&self) -> CommandId {
        if !self.command_used.load(Ordering::Relaxed) {
            self.command_used.store(true, Ordering::Relaxed);
        }
        self.command()
    }

    /// Makes what was done so far visible to what follows.
    ///
    /// # Errors
    /// `54000` after 2^32 − 2 commands.
    pub fn command_counter_increment(&self) -> Result<()> {
        if !self.command_used.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let command = self.command.load(Ordering::Relaxed);
        if command >= u32::MAX - 1 {
            self.command_used.store(true, Ordering::Relaxed);
            bail!(PROGRAM_LIMIT_EXCEEDED, "cannot have more than 2^32-2 commands in a transaction");
        }
        self.command.store(command + 1, Ordering::Relaxed);
        Ok(())
    }

    /// The number that stands for "inserted by `cmin`, deleted by `cmax`" on a tuple of this transaction.
    ///
    /// # Errors
    /// `54000`.
    pub fn combo_command(&self, cmin: CommandId, cmax: CommandId) -> Result<CommandId> {
        self.state.lock().combo.number(cmin, cmax)
    }

    /// (cmin, cmax) of a combo command id.
    ///
    /// # Errors
    /// `XX001` when it was not made by this transaction.
    pub fn combo(&self, combo: CommandId) -> Result<(CommandId, CommandId)> {
        self.state.lock().combo.pair(combo)
    }

    /// The snapshot for the next statement: a new one under read committed, else the transaction's one with the current command.
    ///
    /// # Errors
    /// PANIC when the WAL cannot be flushed.
    pub fn snapshot(&self) -> Result<Snapshot> {
        if !self.isolation().keeps_snapshot() {
            return self.latest_snapshot();
        }
        if let Some(kept) = &self.state.lock().kept_snapshot {
            return Ok(kept.with_command(self.command()));
        }
        let first = self.latest_snapshot()?;
        self.state.lock().kept_snapshot = Some(first.clone());
        Ok(first)
    }

    /// A new snapshot, whatever the isolation level.
    ///
    /// # Errors
    /// As [`Transaction::snapshot`].
    pub fn latest_snapshot(&self) -> Result<Snapshot> {
        self.session.snapshot_barrier()?;
        Ok(Snapshot::new(&self.session, &self.own, self.command()))
    }

    /// How `xid` ended, as a writer that meets it on a tuple sees it; own xids are in progress. A commit without a flush yet becomes
    /// a dependency of this session.
    ///
    /// # Errors
    /// As [`Transactions::outcome`].
    pub fn outcome(&self, xid: Xid) -> Result<Outcome> {
        if self.is_current(xid) {
            return Ok(Outcome::InProgress);
        }
        let outcome = self.transactions().outcome(xid)?;
        if let Outcome::Committed { pending, .. } = outcome
            && pending.is_valid()
        {
            self.require_flush(pending);
        }
        Ok(outcome)
    }

    /// This session went on because of a commit placed at `lsn`: no answer before that is durable, no new snapshot without it.
    pub fn require_flush(&self, lsn: Lsn) {
        self.session.require(lsn);
    }

    /// Acquires a lock until the end of the (sub)transaction. With a strong lock on a relation comes the certainty
    /// that every transaction which gave its lock up early is visible to the next snapshot.
    ///
    /// # Errors
    /// As [`lock::LockSession::lock`].
    pub fn lock(&self, tag: LockTag, mode: LockMode, policy: &WaitPolicy) -> Result<Acquired> {
        let acquired = self.session.locks().lock(tag, mode, lock::Level::Transaction, policy)?;
        if acquired == Acquired::Granted && mode.is_strong() && matches!(tag, LockTag::Relation { .. }) {
            if mode == LockMode::AccessExclusive {
                self.state.lock().exclusive_locks = true;
            }
            self.transactions().publish_all_placed()?;
        }
        Ok(acquired)
    }

    pub fn unlock(&self, tag: &LockTag, mode: LockMode) -> bool {
        self.session.locks().unlock(tag, mode, lock::Level::Transaction)
    }

    /// Waits until `xid`, and if it is a subtransaction that lives on in its parent the whole transaction, has ended.
    /// `false` when it still runs and the policy says not to wait.
    ///
    /// # Errors
    /// As [`Transaction::lock`], and as [`Transactions::outcome`].
    pub fn wait_for_xid(&self, xid: Xid, policy: &WaitPolicy) -> Result<bool> {
        let mut awaited = xid;
        while xid.is_normal() && self.outcome(xid)? == Outcome::InProgress {
            if self.is_current(awaited) {
                bail!(INTERNAL_ERROR, "transaction cannot wait for itself");
            }
            let tag = LockTag::Transaction(awaited);
            if self.lock(tag, LockMode::Share, policy)? == Acquired::NotAvailable {
                return Ok(false);
            }
            self.unlock(&tag, LockMode::Share);
            if self.outcome(xid)? != Outcome::InProgress {
                break;
            }
            // Either a subtransaction whose lock is its parent's affair, or an owner that has its xid but not its lock yet.
            let top = self.transactions().top_parent(xid)?;
            if top == awaited {
                self.session.locks().check_interrupts()?;
                std::thread::yield_now();
            }
            awaited = top;
        }
        Ok(true)
    }

    /// The members of a multixact found on a tuple; they stay readable until the transaction ends.
    ///
    /// # Errors
    /// As [`crate::MultiXacts::members`].
    pub fn multi_members(&self, multi: MultiXactId) -> Result<Arc<[Member]>> {
        let visible = &self.session.slot().oldest_visible;
        if visible.load(Ordering::SeqCst) == 0 {
            visible.store(self.transactions().oldest_multi_needed().0, Ordering::SeqCst);
        }
        self.transactions().multixacts().members(multi)
    }

    /// Waits for those members of a multixact whose hold on the tuple excludes `status`.
    ///
    /// # Errors
    /// As [`Transaction::wait_for_xid`].
    pub fn wait_for_multi(
        &self,
        multi: MultiXactId,
        status: MemberStatus,
        policy: &WaitPolicy,
    ) -> Result<bool> {
        for member in self.multi_members(multi)?.iter() {
            if self.is_current(member.xid) || !member.status.lock_mode().conflicts_with(status.lock_mode()) {
                continue;
            }
            if !self.wait_for_xid(member.xid, policy)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The current (sub)transaction created a file: it is removed if that is undone.
    pub fn file_created(&self, locator: RelFileLocator) {
        let mut state = self.state.lock();
        let nesting = state.levels.len();
        state.files.push(PendingFile { locator, at_commit: false, nesting });
    }

    /// Whether the current (sub)transaction created this file, so that nobody else can see what is in it.
    pub fn is_new_file(&self, locator: RelFileLocator) -> bool {
        let state = self.state.lock();
        let nesting = state.levels.len();
        state.files.iter().any(|file| file.locator == locator && !file.at_commit && file.nesting == nesting)
    }

    /// The file is removed once the transaction has committed.
    pub fn delete_at_commit(&self, locator: RelFileLocator) {
        let mut state = self.state.lock();
        let nesting = state.levels.len();
        state.files.push(PendingFile { locator, at_commit: true, nesting });
    }

    /// The file's fate is another's affair now: its pending creation or deletion is forgotten.
    pub fn preserve_file(&self, locator: RelFileLocator, at_commit: bool) {
        self.state.lock().files.retain(|file| file.locator != locator || file.at_commit != at_commit);
    }

    /// The commit is flushed before it is answered, whatever synchronous_commit says.
    pub fn force_sync_commit(&self) {
        self.state.lock().force_sync = true;
    }

    /// Takes part in the end of this transaction, after the session's own participants.
    pub fn register(&self, participant: Arc<dyn TransactionParticipant>) {
        self.state.lock().participants.push(participant);
    }

    pub(crate) fn participants(&self) -> Vec<Arc<dyn TransactionParticipant>> {
        self.state.lock().participants.clone()
    }
}
