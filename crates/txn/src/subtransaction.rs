//! Subtransactions: savepoints, and the blocks of procedural languages.

use crate::Transaction;
use crate::transaction::{Phase, State};
use base::{Result, Xid, bail};
use lock::Mark;

/// One open (sub)transaction.
pub(crate) struct Level {
    pub sub_id: u32,
    /// A savepoint's name.
    name: Option<String>,
    pub xid: Option<Xid>,
    /// Subtransactions that were committed into this one, ascending.
    pub children: Vec<Xid>,
    /// Where its locks begin; none for the transaction itself.
    mark: Option<Mark>,
    depth: u32,
    /// A statement failed in it: it is undone already, and waits to be rolled back to.
    failed: bool,
}

impl Level {
    pub fn top() -> Level {
        Level { sub_id: 1, name: None, xid: None, children: Vec::new(), mark: None, depth: 0, failed: false }
    }

    /// The nesting of its locks.
    pub fn nesting(&self) -> u32 {
        self.depth
    }
}

impl Transaction {
    /// Number of open subtransactions plus one.
    pub fn nesting(&self) -> u32 {
        self.state.lock().levels.len() as u32
    }

    /// The current subtransaction's number, unique within the transaction; 1 is the transaction itself.
    pub fn sub_id(&self) -> u32 {
        self.state.lock().levels.last().map_or(1, |level| level.sub_id)
    }

    /// Whether a statement failed, so that only ROLLBACK [TO] is left to do.
    pub fn is_failed(&self) -> bool {
        let state = self.state.lock();
        state.phase == Phase::Failed || state.levels.last().is_some_and(|level| level.failed)
    }

    /// SAVEPOINT.
    ///
    /// # Errors
    /// `25P01` or `25P02` when the transaction has ended or failed.
    pub fn savepoint(&self, name: &str) -> Result<()> {
        self.push(Some(name.to_owned()))
    }

    /// A subtransaction without a name, for an exception block.
    ///
    /// # Errors
    /// As [`Transaction::savepoint`].
    pub fn begin_sub(&self) -> Result<()> {
        self.push(None)
    }

    fn push(&self, name: Option<String>) -> Result<()> {
        if self.is_failed() {
            bail!(
                IN_FAILED_SQL_TRANSACTION,
                "current transaction is aborted, commands ignored until end of transaction block"
            );
        }
        let mut state = self.state.lock();
        if state.phase != Phase::Running {
            bail!(NO_ACTIVE_SQL_TRANSACTION, "there is no transaction in progress");
        }
        let Some(sub_id) = state.last_sub_id.checked_add(1) else {
            bail!(PROGRAM_LIMIT_EXCEEDED, "cannot have more than 2^32-1 subtransactions in a transaction");
        };
        state.last_sub_id = sub_id;
        let depth = state.levels.len() as u32;
        state.levels.push(Level {
            sub_id,
            name,
            mark: Some(self.session.locks().mark()),
            depth,
            ..Level::top()
        });
        Ok(())
    }

    /// RELEASE SAVEPOINT: the savepoint and all after it become part of what is around them.
    ///
    /// # Errors
    /// `3B001` when there is none of that name.
    pub fn release_savepoint(&self, name: &str) -> Result<()> {
        let target = self.find(name)?;
        if self.is_failed() {
            bail!(
                IN_FAILED_SQL_TRANSACTION,
                "current transaction is aborted, commands ignored until end of transaction block"
            );
        }
        while self.nesting() as usize > target {
            self.commit_sub()?;
        }
        Ok(())
    }

    /// ROLLBACK TO SAVEPOINT: undoes everything since, and leaves the savepoint open anew.
    ///
    /// # Errors
    /// `3B001` when there is none of that name.
    pub fn rollback_to_savepoint(&self, name: &str) -> Result<()> {
        let target = self.find(name)?;
        while self.nesting() as usize > target {
            self.rollback_sub()?;
        }
        self.push(Some(name.to_owned()))
    }

    /// How deep the innermost savepoint of that name is: what is of this depth or more goes with it.
    ///
    /// # Errors
    /// `3B001` when there is none of that name.
    pub fn savepoint_nesting(&self, name: &str) -> Result<u32> {
        Ok(self.find(name)? as u32 + 1)
    }

    /// The index of the innermost level of that name.
    fn find(&self, name: &str) -> Result<usize> {
        let state = self.state.lock();
        match state.levels.iter().rposition(|level| level.name.as_deref() == Some(name)) {
            Some(index) => Ok(index),
            None => bail!(S_E_INVALID_SPECIFICATION, "savepoint \"{name}\" does not exist"),
        }
    }

    /// Ends the innermost subtransaction; its effects are its parent's now.
    ///
    /// # Errors
    /// `XX000` without an open one.
    pub fn commit_sub(&self) -> Result<()> {
        let (sub, parent) = {
            let mut state = self.state.lock();
            let (child, parent_id) = pop(&mut state)?;
            let nesting = state.levels.len();
            for file in state.files.iter_mut().filter(|file| file.nesting > nesting) {
                file.nesting = nesting;
            }
            if let (Some(parent), Some(xid)) = (state.levels.last_mut(), child.xid) {
                parent.children.push(xid);
                parent.children.extend(child.children);
            }
            if let Some(mark) = child.mark {
                self.session.locks().keep(mark);
            }
            (child.sub_id, parent_id)
        };
        for participant in self.participants() {
            participant.at_subcommit(self, sub, parent);
        }
        Ok(())
    }

    /// Undoes the innermost subtransaction and closes it.
    ///
    /// # Errors
    /// `XX000` without an open one; PANIC when the log cannot be written.
    pub fn rollback_sub(&self) -> Result<()> {
        if self.nesting() < 2 {
            bail!(INTERNAL_ERROR, "no subtransaction is open");
        }
        let result = self.undo_sub();
        let mut state = self.state.lock();
        pop(&mut state)?;
        result
    }

    /// A statement failed: undoes the innermost (sub)transaction at once, so that its locks are free while the client
    /// makes up its mind. It stays open, failed, until it is rolled back.
    ///
    /// # Errors
    /// PANIC when the log cannot be written.
    pub fn fail(&self) -> Result<()> {
        if self.nesting() > 1 { self.undo_sub() } else { self.undo() }
    }

    /// Undoes the innermost subtransaction unless that is done already.
    fn undo_sub(&self) -> Result<()> {
        let (sub, parent, mark, xids) = {
            let mut state = self.state.lock();
            let depth = state.levels.len();
            let parent = depth.checked_sub(2).map_or(1, |index| state.levels[index].sub_id);
            let Some(level) = state.levels.last_mut() else { return Ok(()) };
            if std::mem::replace(&mut level.failed, true) {
                return Ok(());
            }
            let mut xids = std::mem::take(&mut level.children);
            xids.extend(level.xid.take());
            xids.sort_unstable();
            (level.sub_id, parent, level.mark, xids)
        };
        // PostgreSQL writes an abort record for a subtransaction with an xid; it is not needed before a crash is over,
        // since an xid without an outcome counts as aborted then.
        let aborted = self.record_sub_abort(&xids);
        for participant in self.participants() {
            participant.at_subabort(self, sub, parent);
        }
        if let Some(mark) = mark {
            self.session.locks().release_to(mark);
            // The level stays open: later locks in it are released when it is closed.
            if let Some(level) = self.state.lock().levels.last_mut() {
                level.mark = None;
            }
        }
        self.remove_created_files();
        self.own.remove_subs(&xids);
        aborted.map_err(|error| self.transactions().wal().panic(error))
    }
}

/// Closes the innermost subtransaction; with it comes its parent's number.
fn pop(state: &mut State) -> Result<(Level, u32)> {
    if state.levels.len() < 2 {
        bail!(INTERNAL_ERROR, "no subtransaction is open");
    }
    match state.levels.pop() {
        Some(child) => Ok((child, state.levels.last().map_or(1, |parent| parent.sub_id))),
        None => bail!(INTERNAL_ERROR, "no subtransaction is open"),
    }
}
