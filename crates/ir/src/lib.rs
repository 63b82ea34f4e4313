//! Query, expression and plan trees. See README.md.
#![forbid(unsafe_code)]

mod expr;
mod partition;
mod plan;
mod query;
mod query_walk;
pub mod text;
mod walk;

pub use expr::*;
pub use partition::*;
pub use plan::*;
pub use query::*;
pub use query_walk::{
    entry_exprs, entry_exprs_mut, equal, forget_locations, query_exprs, query_exprs_mut, subqueries,
    visible_targets, walk_levels, walk_levels_mut, walk_query_levels, walk_query_levels_mut,
};
pub use walk::{
    any, expr_collation, expr_location, expr_type, expr_typmod, for_each_child, for_each_child_mut,
    map_children, try_map,
};
