//! What every other crate names: identifiers, errors, byte readers, checksums and hashes.
//! See README.md.
#![forbid(unsafe_code)]

pub mod bytes;
mod error;
mod ids;
pub mod quicksort;
mod sqlstate;

pub use error::{Error, ErrorData, Result, Severity};
pub use ids::*;
pub use sqlstate::{SQLSTATES, SqlState};
