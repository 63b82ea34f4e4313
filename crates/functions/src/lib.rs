//! SQL functions: plain Rust functions, tied to their pg_proc rows by source name. See README.md.
#![forbid(unsafe_code)]

pub mod aggregate;
pub mod call;
pub mod kernel;
mod registry;
pub mod set;

pub use aggregate::{Accumulator, AggregateFunction};
pub use call::{Call, Function, Kernel};
pub use registry::{Registry, invoke};
pub use set::{ReadyRows, SetFunction, SetRows};
