//! Commands that are not planned: DDL, COPY, VACUUM, ANALYZE, EXPLAIN, settings. See README.md.
#![forbid(unsafe_code)]

mod comment;
mod constraint;
mod create_table;
mod dependency;
mod dispatch;
mod drop;
mod expression;
mod index;
mod invocation;
mod name;
mod notice;
mod options;
pub mod pipeline;
mod privilege;
mod query_dependency;
mod relation;
mod schema;
pub mod sequence;
mod shared_dependency;
mod temporary;
mod type_function;
mod view;

pub use dispatch::execute;
pub use invocation::{Client, Invocation, Outcome};
pub use temporary::drop_temporary_relations;
pub use type_function::TypeFunctions;
