//! SQL functions: plain Rust functions, tied to their pg_proc rows by source name. See README.md.
#![forbid(unsafe_code)]

pub mod aggregate;
mod aggregates;
pub mod array;
mod boolean;
mod bytea;
pub mod call;
mod character;
mod datetime;
#[cfg(test)]
mod facts_test;
mod float;
pub mod formats;
mod identifier;
mod integer;
mod json;
pub mod kernel;
mod numeric;
pub mod order;
mod pseudo;
mod random;
pub mod record;
mod registry;
mod series;
pub mod set;
mod table;
mod text;
pub mod typeio;
mod uuid;
mod variadic;
mod wire;

pub use aggregate::{Accumulator, AggregateFunction};
pub use call::{Call, Function, Kernel};
pub use registry::{Registry, invoke};
pub use set::{ReadyRows, SetFunction, SetRows};
