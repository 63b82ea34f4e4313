//! The end of a transaction, and of a subtransaction that failed.

use crate::clog::Status;
use crate::record::{ABORT, COMMIT, Completion, CompletionContents};
use crate::transaction::{Gathering, PendingFile, Phase, State};
use crate::{SynchronousCommit, Transaction};
use base::{Error, Lsn, RelFileLocator, Result, Severity, Xid, bail};
use std::sync::atomic::Ordering;
use wal::{RecordBuilder, RmgrId};

/// How often to give way: the second time lets in those who ran on to their commit in the first.
const GIVE_WAY: usize = 2;

/// A committed transaction's xids.
struct Tree {
    top: Xid,
    /// Ascending.
    children: Vec<Xid>,
}

impl Transaction {
    /// Commits. On return the commit is visible, all its locks are gone, and it is durable unless synchronous_commit is off.
    ///
    /// # Errors
    /// What a participant's `pre_commit` says, or the WAL before the commit record had its place: the caller then aborts.
    /// PANIC after that.
    pub fn commit(&self) -> Result<()> {
        if self.is_failed() {
            bail!(
                IN_FAILED_SQL_TRANSACTION,
                "current transaction is aborted, commands ignored until end of transaction block"
            );
        }
        while self.nesting() > 1 {
            self.commit_sub()?;
        }
        self.prepare_participants()?;
        let mut contents = CompletionContents::default();
        for participant in self.participants() {
            participant.contribute(self, &mut contents);
        }
        contents.locators = self.files(true);
        let asynchronous = {
            let state = self.state.lock();
            contents.exclusive_locks |= state.exclusive_locks;
            contents.force_sync |= state.force_sync;
            self.options().synchronous_commit == SynchronousCommit::Off
                && !contents.force_sync
                && contents.locators.is_empty()
        };
        let needs_record =
            !contents.locators.is_empty() || !contents.invalidations.is_empty() || self.own.top().is_some();
        if needs_record {
            self.top_xid()?;
            self.record_commit(contents, asynchronous)?;
        }
        for participant in self.participants() {
            participant.at_commit(self);
        }
        let deleted = self.files(true);
        self.end(Phase::Ended);
        self.unlink(&deleted);
        Ok(())
    }

    /// Lets every participant object once; those that join meanwhile too.
    fn prepare_participants(&self) -> Result<()> {
        let mut asked = 0;
        loop {
            let participants = self.participants();
            if asked == participants.len() {
                return Ok(());
            }
            for participant in &participants[asked..] {
                participant.pre_commit(self)?;
            }
            asked = participants.len();
        }
    }

    fn record_commit(&self, contents: CompletionContents, asynchronous: bool) -> Result<()> {
        let transactions = self.transactions();
        let tree = self.tree(&mut self.state.lock());
        let must_be_visible = !contents.invalidations.is_empty();
        let completion = Completion {
            time: transactions.system().clock.timestamp(),
            subxids: tree.children.iter().map(|xid| xid.low()).collect(),
            contents,
            ..Completion::default()
        };
        let (info, main) = completion.encode(COMMIT);
        let record = RecordBuilder::new(RmgrId::TRANSACTION, info, tree.top).main(&main);
        let lsn = transactions.place(&record, tree.top, &tree.children, !asynchronous)?;
        self.session.remember_own_commit(lsn);
        self.session.locks().release_early();
        if asynchronous {
            transactions.wal().request_flush(lsn);
            transactions.publish()?;
            if must_be_visible {
                transactions.ensure_published(lsn)?;
            }
            return Ok(());
        }
        let gather = || self.gather();
        let flushed = transactions.wal().flush_gathering(lsn, gather);
        flushed.map_err(|error| transactions.wal().panic(error))?;
        transactions.publish()
    }

    /// Lets others commit before a sync, so that it serves them as well: by commit_delay, else by giving way to threads
    /// that are ready to run. Where processors are idle, giving way costs nothing; where they are not, fewer syncs
    /// leave more of them for the transactions.
    fn gather(&self) {
        let siblings = self.transactions().siblings();
        let Gathering { delay, least_siblings } = self.options().gathering;
        if !delay.is_zero() && siblings >= least_siblings {
            std::thread::sleep(delay);
        } else if siblings > 0 {
            (0..GIVE_WAY).for_each(|_| std::thread::yield_now());
        }
    }

    /// Undoes everything. The transaction is over afterwards, whatever is returned.
    ///
    /// # Errors
    /// PANIC when the log or the commit log cannot be written.
    pub fn abort(&self) -> Result<()> {
        let result = self.undo();
        self.state.lock().phase = Phase::Ended;
        result
    }

    /// The effects of an abort; the transaction stays as failed.
    pub(crate) fn undo(&self) -> Result<()> {
        if self.state.lock().phase != Phase::Running {
            return Ok(());
        }
        let mut result = Ok(());
        while self.nesting() > 1 {
            result = result.and(self.rollback_sub());
        }
        let recorded = self.record_abort();
        for participant in self.participants() {
            participant.at_abort(self);
        }
        let created = self.files(false);
        self.end(Phase::Failed);
        self.unlink(&created);
        result.and(recorded.map_err(|error| self.transactions().wal().panic(error)))
    }

    fn record_abort(&self) -> Result<()> {
        let transactions = self.transactions();
        let tree = self.tree(&mut self.state.lock());
        if !tree.top.is_valid() {
            return Ok(());
        }
        let logged = self.log_abort(&tree, self.files(false));
        let marked = transactions.clog.set_tree(tree.top, &tree.children, Status::Aborted, Lsn::INVALID);
        let latest = tree.children.last().copied().unwrap_or(tree.top).max(tree.top);
        transactions.finish_running([(tree.top, latest)].into_iter());
        logged.and(marked)
    }

    /// The record of a failed tree; nobody waits for its flush, since a missing outcome counts as an abort after a crash.
    fn log_abort(&self, tree: &Tree, locators: Vec<RelFileLocator>) -> Result<()> {
        let transactions = self.transactions();
        let completion = Completion {
            time: transactions.system().clock.timestamp(),
            subxids: tree.children.iter().map(|xid| xid.low()).collect(),
            contents: CompletionContents { locators, ..CompletionContents::default() },
            ..Completion::default()
        };
        let (info, main) = completion.encode(ABORT);
        let record = RecordBuilder::new(RmgrId::TRANSACTION, info, tree.top).main(&main);
        let lsn = transactions.wal().insert(&record)?;
        transactions.wal().request_flush(lsn);
        Ok(())
    }

    /// The failed subtransaction's xids (ascending) in log, commit log and running set.
    pub(crate) fn record_sub_abort(&self, xids: &[Xid]) -> Result<()> {
        let (Some((first, others)), Some(top)) = (xids.split_first(), self.own.top()) else { return Ok(()) };
        let depth = self.nesting() as usize;
        let locators = self
            .state
            .lock()
            .files
            .iter()
            .filter(|file| file.nesting >= depth && !file.at_commit)
            .map(|file| file.locator)
            .collect();
        let logged = self.log_abort(&Tree { top: *first, children: others.to_vec() }, locators);
        let marked = self.transactions().abort_subs(top, xids);
        logged.and(marked)
    }

    /// Removes the files that the failed subtransaction created; forgets its deletions.
    pub(crate) fn remove_created_files(&self) {
        let undone: Vec<PendingFile> = {
            let mut state = self.state.lock();
            let depth = state.levels.len();
            let (undone, kept) = state.files.iter().partition(|file| file.nesting >= depth);
            state.files = kept;
            undone
        };
        let created: Vec<RelFileLocator> =
            undone.iter().filter(|file| !file.at_commit).map(|file| file.locator).collect();
        self.unlink(&created);
    }

    fn tree(&self, state: &mut State) -> Tree {
        let top = self.own.top().unwrap_or(Xid::INVALID);
        let mut children = state.levels.first().map(|level| level.children.clone()).unwrap_or_default();
        children.sort_unstable();
        Tree { top, children }
    }

    fn files(&self, at_commit: bool) -> Vec<RelFileLocator> {
        let state = self.state.lock();
        let mut locators: Vec<RelFileLocator> =
            state.files.iter().filter(|file| file.at_commit == at_commit).map(|file| file.locator).collect();
        locators.sort_unstable();
        locators.dedup();
        locators
    }

    /// The transaction's end stands whether or not the files can be removed: what is left behind is worth a warning.
    fn unlink(&self, locators: &[RelFileLocator]) {
        if let Err(error) = self.transactions().drop_files(locators, false) {
            self.state.lock().warnings.push(error.severity(Severity::Warning));
        }
    }

    /// What went wrong without harm to the transaction's end; the session reports it.
    pub fn take_warnings(&self) -> Vec<Error> {
        std::mem::take(&mut self.state.lock().warnings)
    }

    /// Gives up what the transaction still holds.
    fn end(&self, phase: Phase) {
        let (kept, exported) = {
            let mut state = self.state.lock();
            state.phase = phase;
            state.files.clear();
            state.participants.clear();
            (state.kept_snapshot.take(), std::mem::take(&mut state.exported))
        };
        drop(kept);
        if !exported.is_empty() {
            self.transactions().exported.forget(&exported);
        }
        let slot = self.session.slot();
        slot.oldest_member.store(0, Ordering::SeqCst);
        slot.oldest_visible.store(0, Ordering::SeqCst);
        self.session.locks().release_all_transaction();
        self.session.locks().end_virtual();
    }
}

impl Drop for Transaction {
    /// A transaction that nobody ended is undone.
    fn drop(&mut self) {
        // Nobody is left to tell; what cannot be undone now, recovery undoes.
        let _ = self.abort();
    }
}
