//! Transaction blocks: what BEGIN, COMMIT and errors do to a session.
//!
//! ```text
//!            statement                 BEGIN
//!   Idle ───────────────▶ Implicit ───────────▶ Block ──error──▶ Failed
//!    ▲   end of message      │   ◀── COMMIT, ROLLBACK ──┘             │
//!    └───────────────────────┴───────────────── ROLLBACK, COMMIT ────┘
//! ```
//! In `Failed` after an error the transaction is still there, its current subtransaction aborted: ROLLBACK TO revives it.

use super::ClientSession;
use base::{Error, Result, Severity, SqlState, bail};
use settings::SynchronousCommit as Setting;
use std::time::Duration;
use syntax::{IsolationLevel, TransactionMode, TransactionStatement};
use txn::{Gathering, Isolation, Options, SynchronousCommit};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// No transaction.
    Idle,
    /// One that a statement opened; it ends with the message or the pipeline.
    Implicit,
    /// Opened by BEGIN.
    Explicit,
    /// After an error in an explicit one.
    Failed,
}

/// A warning as PostgreSQL gives for transaction commands out of place.
fn warning(state: SqlState, text: &str) -> Error {
    Error::with_severity(Severity::Warning, state, text)
}

impl ClientSession {
    /// Makes sure that a transaction runs.
    ///
    /// # Errors
    /// Those of starting one.
    pub fn ensure_transaction(&mut self) -> Result<()> {
        let timeout_ms = self.session.settings().get(settings::TRANSACTION_TIMEOUT);
        self.deadlines.follow(timeout_ms);
        if self.block != Block::Idle {
            return Ok(());
        }
        let options = self.default_options();
        let transaction = self.session.transaction_session().begin(options)?;
        self.session.settings().begin_level();
        self.session.set_transaction(Some(transaction));
        self.block = Block::Implicit;
        Ok(())
    }

    fn default_options(&self) -> Options {
        let settings = self.session.settings();
        let isolation = match settings.get(settings::DEFAULT_TRANSACTION_ISOLATION) {
            settings::IsolationLevel::Serializable => Isolation::Serializable,
            settings::IsolationLevel::RepeatableRead => Isolation::RepeatableRead,
            settings::IsolationLevel::ReadCommitted => Isolation::ReadCommitted,
            settings::IsolationLevel::ReadUncommitted => Isolation::ReadUncommitted,
        };
        Options {
            isolation,
            read_only: settings.get(settings::DEFAULT_TRANSACTION_READ_ONLY),
            deferrable: settings.get(settings::DEFAULT_TRANSACTION_DEFERRABLE),
            statement_time: self.session.instance().system.clock.timestamp(),
            // These are read when it commits.
            synchronous_commit: SynchronousCommit::On,
            gathering: Gathering::default(),
        }
    }

    /// Ends an implicit transaction; leaves an explicit one alone.
    ///
    /// # Errors
    /// Those of the commit; the transaction is rolled back then.
    pub fn end_implicit(&mut self) -> Result<()> {
        if self.block == Block::Implicit { self.commit() } else { Ok(()) }
    }

    /// # Errors
    /// Deferred constraints, serialization; the transaction is rolled back then.
    pub fn commit(&mut self) -> Result<()> {
        let Some(transaction) = self.session.current_transaction() else {
            self.block = Block::Idle;
            return Ok(());
        };
        let committed = self.before_commit().and_then(|()| {
            let settings = self.session.settings();
            let synchronous_commit = match settings.get(settings::SYNCHRONOUS_COMMIT) {
                Setting::Off => SynchronousCommit::Off,
                Setting::Local => SynchronousCommit::Local,
                _ => SynchronousCommit::On,
            };
            let delay = u64::try_from(settings.get(settings::COMMIT_DELAY)).unwrap_or(0);
            let gathering = Gathering {
                delay: Duration::from_micros(delay),
                least_siblings: usize::try_from(settings.get(settings::COMMIT_SIBLINGS)).unwrap_or(0),
            };
            drop(settings);
            transaction.set_options(|options| {
                options.synchronous_commit = synchronous_commit;
                options.gathering = gathering;
            });
            transaction.commit()
        });
        if let Err(error) = committed {
            self.rollback();
            return Err(error);
        }
        self.session.set_transaction(None);
        self.deadlines.end_transaction();
        self.session.settings().end_level(1, true);
        self.block = Block::Idle;
        Ok(())
    }

    fn before_commit(&mut self) -> Result<()> {
        self.check_deferred()?;
        self.end_portals_at_commit()?;
        commands::on_commit_actions(&self.session)
    }

    /// Foreign keys and unique constraints that were deferred to the transaction's end.
    fn check_deferred(&self) -> Result<()> {
        executor::fire_deferred_constraints(&self.session)
    }

    /// Rolls the whole transaction back. Failing at this leaves nothing behind that could be seen.
    pub fn rollback(&mut self) {
        self.end_portals_of(1);
        self.deadlines.end_transaction();
        if let Some(transaction) = self.session.current_transaction() {
            if let Err(error) = transaction.abort() {
                self.session.notice(error.severity(Severity::Warning));
            }
            self.session.set_transaction(None);
            self.session.settings().end_level(1, false);
        }
        self.block = Block::Idle;
    }

    /// A statement has failed.
    pub fn fail(&mut self) {
        match self.block {
            Block::Idle => {}
            Block::Implicit => self.rollback(),
            Block::Explicit | Block::Failed => {
                let transaction = self.session.current_transaction();
                self.end_portals_of(transaction.as_ref().map_or(1, |t| t.nesting()));
                let undone = transaction.map_or(Ok(()), |t| t.fail());
                if let Err(error) = undone {
                    self.session.notice(error.severity(Severity::Warning));
                }
                self.block = Block::Failed;
            }
        }
    }

    /// The depth of the current subtransaction.
    pub fn nesting(&self) -> u32 {
        match self.block {
            Block::Explicit => self.session.current_transaction().map_or(1, |t| t.nesting()),
            _ => 1,
        }
    }

    /// Ends the portals that were made at this depth of subtransactions or deeper.
    fn end_portals_of(&mut self, nesting: u32) {
        self.portals.retain(|_, portal| portal.nesting < nesting);
    }

    /// In a failed transaction only its end may be asked for.
    ///
    /// # Errors
    /// `25P02`.
    pub fn require_sound(&self) -> Result<()> {
        if self.block == Block::Failed {
            bail!(
                IN_FAILED_SQL_TRANSACTION,
                "current transaction is aborted, commands ignored until end of transaction block"
            );
        }
        Ok(())
    }

    /// BEGIN, COMMIT, SAVEPOINT and so on. Returns the command tag.
    ///
    /// # Errors
    /// `25P01`, `3B001` and those of the commit.
    pub fn transaction_statement(&mut self, statement: &TransactionStatement) -> Result<&'static str> {
        match statement {
            TransactionStatement::Begin(modes) => self.begin(modes).map(|()| "BEGIN"),
            TransactionStatement::Start(modes) => self.begin(modes).map(|()| "START TRANSACTION"),
            TransactionStatement::Commit { chain } => self.commit_statement(*chain),
            TransactionStatement::Rollback { chain } => self.rollback_statement(*chain).map(|()| "ROLLBACK"),
            TransactionStatement::Savepoint { name, .. } => {
                self.require_sound()?;
                self.require_block("SAVEPOINT")?;
                self.session.transaction()?.savepoint(name)?;
                self.session.settings().begin_level();
                Ok("SAVEPOINT")
            }
            TransactionStatement::Release { name, .. } => {
                self.require_sound()?;
                self.require_block("RELEASE SAVEPOINT")?;
                let transaction = self.session.transaction()?;
                transaction.release_savepoint(name)?;
                let nesting = transaction.nesting();
                self.portals.values_mut().for_each(|portal| portal.nesting = portal.nesting.min(nesting));
                self.session.settings().end_level(transaction.nesting() + 1, true);
                Ok("RELEASE")
            }
            TransactionStatement::RollbackTo { name, .. } => {
                self.require_block("ROLLBACK TO SAVEPOINT")?;
                let transaction = self.session.transaction()?;
                self.end_portals_of(transaction.savepoint_nesting(name)?);
                transaction.rollback_to_savepoint(name)?;
                let mut settings = self.session.settings();
                settings.end_level(transaction.nesting(), false);
                settings.begin_level();
                drop(settings);
                self.block = Block::Explicit;
                Ok("ROLLBACK")
            }
            TransactionStatement::Prepare { .. }
            | TransactionStatement::CommitPrepared { .. }
            | TransactionStatement::RollbackPrepared { .. } => Err(Error::unsupported("two-phase commit")),
        }
    }

    fn require_block(&self, command: &str) -> Result<()> {
        if matches!(self.block, Block::Explicit | Block::Failed) {
            return Ok(());
        }
        bail!(NO_ACTIVE_SQL_TRANSACTION, "{command} can only be used in transaction blocks")
    }

    fn begin(&mut self, modes: &[TransactionMode]) -> Result<()> {
        match self.block {
            Block::Failed => return self.require_sound(),
            Block::Explicit => {
                let text = "there is already a transaction in progress";
                self.session.notice(warning(SqlState::ACTIVE_SQL_TRANSACTION, text));
            }
            Block::Idle | Block::Implicit => {
                self.ensure_transaction()?;
                self.block = Block::Explicit;
            }
        }
        self.set_modes(modes)
    }

    /// The modes of BEGIN and SET TRANSACTION.
    ///
    /// # Errors
    /// `25001` when it is too late for them.
    pub fn set_modes(&mut self, modes: &[TransactionMode]) -> Result<()> {
        let transaction = self.session.transaction()?;
        for mode in modes {
            match mode {
                TransactionMode::Isolation { level, .. } => {
                    let isolation = match level {
                        IsolationLevel::ReadUncommitted => Isolation::ReadUncommitted,
                        IsolationLevel::ReadCommitted => Isolation::ReadCommitted,
                        IsolationLevel::RepeatableRead => Isolation::RepeatableRead,
                        IsolationLevel::Serializable => {
                            return Err(Error::unsupported("the isolation level SERIALIZABLE"));
                        }
                    };
                    if isolation != transaction.isolation() && transaction.has_snapshot() {
                        bail!(
                            ACTIVE_SQL_TRANSACTION,
                            "SET TRANSACTION ISOLATION LEVEL must be called before any query"
                        );
                    }
                    transaction.set_options(|options| options.isolation = isolation);
                }
                TransactionMode::ReadOnly { read_only, .. } => {
                    if !read_only && transaction.is_read_only() && transaction.has_snapshot() {
                        bail!(
                            ACTIVE_SQL_TRANSACTION,
                            "transaction read-write mode must be set before any query"
                        );
                    }
                    transaction.set_options(|options| options.read_only = *read_only);
                }
                TransactionMode::Deferrable { deferrable, .. } => {
                    transaction.set_options(|options| options.deferrable = *deferrable);
                }
            }
        }
        Ok(())
    }

    fn commit_statement(&mut self, chain: bool) -> Result<&'static str> {
        let options = self.session.current_transaction().map(|t| t.options());
        let tag = match self.block {
            Block::Failed => {
                self.rollback();
                "ROLLBACK"
            }
            Block::Explicit => {
                self.commit()?;
                "COMMIT"
            }
            Block::Idle | Block::Implicit => {
                self.out_of_block("COMMIT", chain)?;
                self.commit()?;
                return Ok("COMMIT");
            }
        };
        self.chain(chain, options)?;
        Ok(tag)
    }

    fn rollback_statement(&mut self, chain: bool) -> Result<()> {
        let options = self.session.current_transaction().map(|t| t.options());
        if !matches!(self.block, Block::Explicit | Block::Failed) {
            self.out_of_block("ROLLBACK", chain)?;
            self.rollback();
            return Ok(());
        }
        self.rollback();
        self.chain(chain, options)
    }

    fn out_of_block(&self, command: &str, chain: bool) -> Result<()> {
        if chain {
            bail!(NO_ACTIVE_SQL_TRANSACTION, "{command} AND CHAIN can only be used in transaction blocks");
        }
        let text = "there is no transaction in progress";
        self.session.notice(warning(SqlState::NO_ACTIVE_SQL_TRANSACTION, text));
        Ok(())
    }

    fn chain(&mut self, chain: bool, options: Option<Options>) -> Result<()> {
        if !chain {
            return Ok(());
        }
        self.ensure_transaction()?;
        self.block = Block::Explicit;
        if let Some(before) = options {
            self.session.transaction()?.set_options(|options| {
                options.isolation = before.isolation;
                options.read_only = before.read_only;
                options.deferrable = before.deferrable;
            });
        }
        Ok(())
    }
}
