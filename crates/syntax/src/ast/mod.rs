//! The syntax tree: one struct per kind of statement, grouped in files by what the statements work on.

mod cluster;
mod definition;
mod expr;
mod json;
mod name;
mod object;
mod query;
mod statement;
mod table;
mod utility;

pub use cluster::*;
pub use definition::*;
pub use expr::*;
pub use json::*;
pub use name::*;
pub use object::*;
pub use query::*;
pub use statement::*;
pub use table::*;
pub use utility::*;
