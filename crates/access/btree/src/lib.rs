//! B-tree indexes in PostgreSQL 18's format. See README.md.
#![forbid(unsafe_code)]

mod bounds;
mod build;
mod check;
mod cuts;
mod dedup;
mod delete;
mod fill;
mod insert;
mod key;
mod leaves;
mod levels;
mod page;
mod page_delete;
mod probe;
mod records;
mod redo;
mod runs;
mod scan;
mod search;
mod sort;
mod split;
mod split_point;
mod toast;
mod tuple;
mod vacuum;

pub use build::{Build, BuildOptions, Builder, Built, Input, create_empty, write_init_meta};
pub use check::check;
pub use insert::{Inserted, Series, UniqueCheck, find_conflict, insert};
pub use leaves::Duplicate;
pub use probe::Prober;
pub use redo::resource_manager;
pub use runs::TempFiles;
pub use scan::{Matches, Scan, SharedScan, lookup};
pub use toast::ToastBtree;
pub use vacuum::{BulkDelete, IndexStats, Manner, bulk_delete, vacuum_cleanup};

#[cfg(test)]
mod tests;
