//! pg_control, checkpoints, and what happens between the end of one life of the server and the next. See README.md.
#![forbid(unsafe_code)]

mod checkpoint;
pub mod control;
mod durability;
mod startup;
mod store;
mod transactions;
mod unlogged;
mod xlog;

pub use checkpoint::{CheckpointKind, CheckpointReport, Checkpointer, Retention, spread};
pub use control::{Checkpoint, ClusterState, ControlFile};
pub use startup::{Recovered, Recovery, bootstrap};
pub use store::ControlStore;
pub use transactions::{TransactionState, counters};
pub use xlog::{
    Parameters, XlogManager, change_full_page_writes, log_next_oid, log_restore_point, report_parameters,
};
