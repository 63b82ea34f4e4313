//! B-tree indexes in PostgreSQL 18's format. See README.md.
#![forbid(unsafe_code)]

mod bounds;
mod build;
mod check;
mod dedup;
mod delete;
mod insert;
mod key;
mod page;
mod page_delete;
mod records;
mod redo;
mod runs;
mod scan;
mod search;
mod split;
mod split_point;
mod toast;
mod tuple;
mod vacuum;

pub use build::{BuildOptions, Builder, Built, create_empty, write_init_meta};
pub use check::check;
pub use insert::{Inserted, Series, UniqueCheck, find_conflict, insert};
pub use redo::resource_manager;
pub use runs::TempFiles;
pub use scan::{Matches, Scan, SharedScan, lookup};
pub use toast::ToastBtree;
pub use vacuum::{IndexStats, bulk_delete, vacuum_cleanup};

#[cfg(test)]
mod tests;
