//! How a session sleeps, and how it is woken or interrupted.

use base::Result;
use parking_lot::{Condvar, Mutex};
use std::time::Duration;

/// A reason to stop waiting, asked at every wake-up.
pub trait Interrupt: Send + Sync {
    /// # Errors
    /// What the waiting statement fails with, for instance `57014` after a cancel request.
    fn check(&self) -> Result<()>;
}

/// Nothing ever interrupts.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoInterrupt;

impl Interrupt for NoInterrupt {
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// A parking place for one session with room for one token: a `wake` before the `wait` is not lost.
/// Returns from `wait` may be spurious.
pub trait Waiter: Send + Sync {
    /// Returns when a token is there (and takes it) or after `timeout`.
    fn wait(&self, timeout: Option<Duration>);
    /// Leaves a token.
    fn wake(&self);
}

/// The ordinary waiter: blocks its thread.
#[derive(Default)]
pub struct ThreadWaiter {
    token: Mutex<bool>,
    arrived: Condvar,
}

impl ThreadWaiter {
    pub fn new() -> ThreadWaiter {
        ThreadWaiter::default()
    }
}

impl Waiter for ThreadWaiter {
    fn wait(&self, timeout: Option<Duration>) {
        let mut token = self.token.lock();
        if !*token {
            match timeout {
                Some(timeout) => {
                    self.arrived.wait_for(&mut token, timeout);
                }
                None => self.arrived.wait(&mut token),
            }
        }
        *token = false;
    }

    fn wake(&self) {
        *self.token.lock() = true;
        self.arrived.notify_one();
    }
}
