//! SQL functions: plain Rust functions, tied to their pg_proc rows by source name. See README.md.
#![forbid(unsafe_code)]

mod acl;
pub mod aggregate;
mod aggregates;
pub mod array;
mod boolean;
mod bytea;
pub mod call;
mod character;
mod datetime;
mod domain;
mod enumeration;
#[cfg(test)]
mod facts_test;
mod float;
pub mod formats;
pub mod hooks;
mod identifier;
mod input_check;
mod integer;
mod json;
pub mod kernel;
mod multivariate;
pub mod names;
mod numeric;
pub mod order;
mod pseudo;
mod random;
pub mod record;
mod reg;
mod registry;
mod series;
pub mod set;
mod sql_bodies;
mod system;
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
