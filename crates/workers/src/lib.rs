//! The server's own work: checkpoints, WAL and page writing in the background, autovacuum. Each is a loop that the
//! server runs on a thread of its own until it is told to stop. See README.md.
#![forbid(unsafe_code)]

pub mod autovacuum;
mod checkpointer;
mod stop;
mod threshold;
mod writer;

pub use checkpointer::{CheckpointCounts, CheckpointRequests, Checkpoints, checkpointer};
pub use stop::Stop;
pub use writer::{background_writer, wal_writer};

use base::Error;
use settings::ServerSettings;
use std::sync::Arc;

/// What all loops are given: the settings as they are now, and where messages go.
pub struct Surroundings<'a> {
    pub settings: &'a (dyn Fn() -> Arc<ServerSettings> + Sync),
    pub log: &'a (dyn Fn(&Error) + Sync),
}
