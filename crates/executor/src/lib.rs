//! Runs plans. See README.md.
#![forbid(unsafe_code)]

mod context;
mod expr;
mod memory;
mod node;

pub use context::{Execution, ParamValue};
pub use expr::{Compiler, Eval, Inputs};
pub use memory::{Budget, Memory};
pub use node::Node;
