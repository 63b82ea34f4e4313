//! See README.md.

pub mod control;
