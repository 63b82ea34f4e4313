//! What tests of several crates share. See README.md.
#![forbid(unsafe_code)]

pub mod cluster;
pub mod simulation;
pub mod table;
