//! The engine behind the sessions.

use crate::session::engine_api::{Engine, EngineStart, InitOptions, Installation};
use base::{Error, Result, Severity};
use std::sync::Arc;

/// What the binary is made with.
pub struct Ferrodon;

impl Installation for Ferrodon {
    fn initialize(&self, _: &InitOptions) -> Result<()> {
        Err(Error::unsupported("initdb").severity(Severity::Fatal))
    }

    fn start(&self, _: EngineStart) -> Result<Arc<dyn Engine>> {
        Err(Error::unsupported("the storage engine").severity(Severity::Fatal))
    }
}
