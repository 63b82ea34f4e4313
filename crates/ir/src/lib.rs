//! Query, expression and plan trees. See README.md.
#![forbid(unsafe_code)]

mod expr;
mod plan;
mod query;
mod walk;

pub use expr::*;
pub use plan::*;
pub use query::*;
pub use walk::{
    any, expr_collation, expr_location, expr_type, expr_typmod, for_each_child, map_children, try_map,
};
