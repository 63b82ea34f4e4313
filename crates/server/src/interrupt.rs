//! What stops a statement or a session from outside: cancel requests, timeouts, shutdown.

use base::{Error, Result, Severity, SqlState};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Why a session is to stop what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Reason {
    /// A client's cancel request, or pg_cancel_backend.
    Cancel = 1,
    StatementTimeout = 2,
    LockTimeout = 4,
    /// pg_terminate_backend or a fast shutdown.
    Terminate = 8,
    /// An immediate shutdown.
    Quit = 16,
    TransactionTimeout = 32,
    /// The client's socket is gone.
    ConnectionLost = 64,
}

/// Reasons that end the session rather than the statement.
const ENDING: u32 = Reason::Terminate as u32
    | Reason::Quit as u32
    | Reason::TransactionTimeout as u32
    | Reason::ConnectionLost as u32;

type Hook = Arc<dyn Fn() + Send + Sync>;

/// The reasons raised against one session. Looking is one relaxed load.
#[derive(Default)]
pub struct Interrupt {
    raised: AtomicU32,
    hook: Mutex<Option<Hook>>,
}

impl Interrupt {
    /// Raises a reason and wakes the session out of a wait that it has announced with [`Interrupt::on_raise`].
    pub fn raise(&self, reason: Reason) {
        self.raised.fetch_or(reason as u32, Ordering::SeqCst);
        let hook = self.hook.lock().clone();
        if let Some(hook) = hook {
            hook();
        }
    }

    /// What wakes the session from its waits (locks, sleeps); called from other threads.
    pub fn on_raise(&self, hook: Option<Hook>) {
        *self.hook.lock() = hook;
    }

    /// Whether [`Interrupt::check`] has something to say.
    #[inline]
    pub fn pending(&self) -> bool {
        self.raised.load(Ordering::Relaxed) != 0
    }

    /// Whether the session is to end.
    pub fn ending(&self) -> bool {
        self.raised.load(Ordering::SeqCst) & ENDING != 0
    }

    /// Forgets what concerns only the statement that has ended.
    pub fn clear_statement(&self) {
        if self.pending() {
            self.raised.fetch_and(ENDING, Ordering::SeqCst);
        }
    }

    /// To be called wherever a statement may run long.
    ///
    /// # Errors
    /// `57014` for a cancel request or timeout, `55P03` for a lock timeout; FATAL `57P01`, `57P02`, `25P04`, `08006`.
    #[inline]
    pub fn check(&self) -> Result<()> {
        if self.pending() { self.report() } else { Ok(()) }
    }

    #[cold]
    fn report(&self) -> Result<()> {
        let raised = self.raised.load(Ordering::SeqCst);
        let has = |reason: Reason| raised & reason as u32 != 0;
        let fatal = |state, message: &str| Err(Error::with_severity(Severity::Fatal, state, message));
        if has(Reason::Quit) {
            return fatal(
                SqlState::CRASH_SHUTDOWN,
                "terminating connection due to immediate shutdown command",
            );
        }
        if has(Reason::Terminate) {
            return fatal(SqlState::ADMIN_SHUTDOWN, "terminating connection due to administrator command");
        }
        if has(Reason::ConnectionLost) {
            return fatal(SqlState::CONNECTION_FAILURE, "connection to client lost");
        }
        if has(Reason::TransactionTimeout) {
            return fatal(SqlState::TRANSACTION_TIMEOUT, "terminating connection due to transaction timeout");
        }
        self.clear_statement();
        let error = |state, message: &str| Err(Error::new(state, message));
        if has(Reason::LockTimeout) {
            return error(SqlState::LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout");
        }
        if has(Reason::StatementTimeout) {
            return error(SqlState::QUERY_CANCELED, "canceling statement due to statement timeout");
        }
        if has(Reason::Cancel) {
            return error(SqlState::QUERY_CANCELED, "canceling statement due to user request");
        }
        Ok(())
    }
}
