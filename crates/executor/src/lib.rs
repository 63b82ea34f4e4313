//! Runs plans. See README.md.
#![forbid(unsafe_code)]

mod bulk;
mod constraint;
mod context;
mod driver;
mod expr;
mod foreign_key;
mod hooks;
mod index_entries;
mod instrument;
mod key_table;
mod keys;
mod memory;
mod merging;
mod node;
mod nodes;
mod order;
mod parallel;
mod permission;
mod place;
mod prepare;
mod recheck;
mod routing;
mod rows;
mod spill;
mod stored;

pub use bulk::{Bulk, queue_foreign_keys};
pub use catalog::composite::{form_composite, view_composite};
use catalog::{composite, element};
pub use constraint::{RowConstraints, describe_row, text_of};
pub use context::{Execution, ParamValue};
pub use driver::{Options, Running, bare, of_rows, start};
pub use expr::{Compiler, Eval, Inputs, evaluate_once, filter};
pub use foreign_key::{
    check_partition_removal, fire_deferred_constraints, has_pending_events, queue_trigger, set_constraints,
    validate as validate_foreign_key,
};
pub use hooks::{Calls, Hooks, NoHooks, QueuedTrigger, RowEvent, RowHooks, RowImage};
pub use index_entries::{IndexWriter, RowError, Uniqueness, duplicate_key_error};
pub use instrument::{Counters, Instruments};
pub use memory::{Budget, Memory};
pub use node::Node;
pub use nodes::Store;
pub use order::{Ordering as SortOrdering, SortKey};
pub use permission::check_permissions;
pub use place::CursorPlace;
pub use prepare::Prepared;
pub use routing::{Leaf, Router, combine as combine_hashes, converted};
pub use stored::{
    expression as stored_expression, list as stored_expressions, over_rows_of,
    over_table as stored_over_table,
};
