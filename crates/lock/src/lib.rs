//! Heavyweight locks: tags, modes, queues, deadlock detection. See README.md.
#![forbid(unsafe_code)]

mod deadlock;
mod hash;
mod hold;
mod listing;
mod manager;
mod mode;
mod session;
mod table;
mod tag;
mod waiter;

#[cfg(test)]
mod tests;

pub use hold::Mark;
pub use listing::LockRow;
pub use manager::LockManager;
pub use mode::LockMode;
pub use session::{Acquired, Level, LockSession, WaitPolicy};
pub use tag::{LockTag, VirtualXid};
pub use waiter::{Interrupt, NoInterrupt, ThreadWaiter, Waiter};
