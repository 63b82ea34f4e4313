//! Commands that are not planned: DDL, COPY, VACUUM, ANALYZE, EXPLAIN, settings. See README.md.
#![forbid(unsafe_code)]

pub mod input;
mod invocation;
pub mod output;
pub mod pipeline;

pub use invocation::{Client, Invocation, Outcome};
