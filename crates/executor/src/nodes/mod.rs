//! The plan nodes, a file each.

pub mod aggregate;
pub mod append;
pub mod cte_scan;
pub mod function_scan;
pub mod gather;
pub mod group;
pub mod hash_join;
pub mod incremental_sort;
mod index_keys;
pub mod index_scan;
mod join;
mod join_table;
pub mod limit;
pub mod material;
pub mod merge_append;
pub mod modify;
pub mod nest_loop;
pub mod project_set;
pub mod recursive_union;
pub mod result;
mod scan;
pub mod seq_scan;
pub mod sort;
mod sorter;
mod store;
pub mod subquery_scan;
pub mod values_scan;
pub mod work_table_scan;

pub use cte_scan::CteStore;
pub use work_table_scan::WorkTable;
