//! Transactions: ids, snapshots, commit log, subtransactions, multixacts, commit order. See README.md.
#![forbid(unsafe_code)]

mod clog;
mod combo;
mod commit_order;
mod completion;
mod counters;
mod export;
mod horizon;
mod manager;
mod multixact;
mod others;
mod record;
mod redo;
mod running;
mod session;
mod slru;
mod snapshot;
mod subtrans;
mod subtransaction;
mod transaction;

#[cfg(test)]
mod tests;

pub use counters::Counters;
pub use horizon::Scope;
pub use manager::{Config, Outcome, Transactions};
pub use multixact::{Member, MemberStatus, MultiXacts};
pub use record::{Completion, CompletionContents, DroppedStats, Invalidation};
pub use redo::{ClogManager, MultiXactManager, StandbyManager, TransactionManager};
pub use session::{Session, SessionOptions, TransactionParticipant};
pub use snapshot::Snapshot;
pub use transaction::{Gathering, Isolation, Options, SynchronousCommit, Transaction};
