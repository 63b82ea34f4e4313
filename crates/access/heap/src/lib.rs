//! Tables as heaps of row versions, in PostgreSQL 18's format. See README.md.
#![forbid(unsafe_code)]

mod build_scan;
mod dead_tids;
mod delete;
mod fetch;
mod freeze;
mod header;
mod insert;
mod lock;
mod page;
mod place;
mod prune;
mod records;
mod redo;
mod rewrite;
mod rows;
mod sample;
mod scan;
mod toast;
mod update;
mod vacuum;
mod vacuum_page;
mod visibility;
mod xmax;

pub use build_scan::{BuildCounts, BuildScan, BuildView};
pub use dead_tids::DeadTids;
pub use delete::{Conflict, DeleteOptions, Outcome, delete, simple_delete};
pub use fetch::{Fetcher, Found, HeapOracle, fetch, fetch_any, latest_version};
pub use freeze::{Cutoffs, Oldest};
pub use insert::{InsertOptions, abort_speculative, confirm_speculative, insert, multi_insert};
pub use lock::{LockWait, lock_latest, lock_tuple};
pub use page::block_count;
pub use place::BulkInsert;
pub use redo::resource_managers;
pub use rewrite::Rewriter;
pub use rows::{Rows, SystemColumns, Tuple, deform};
pub use sample::{Sample, sample_rows};
pub use scan::{BlockAllocator, Blocks, Scan};
pub use toast::{MAX_CHUNK_SIZE, detoast, detoast_slice};
pub use update::{
    IndexedAttributes, IndexesToUpdate, UpdateOptions, Updated, simple_update, update, update_in_place,
};
pub use vacuum::{IndexVacuum, KnownSize, VacuumOptions, VacuumStats, truncate_relation, vacuum};
pub use vacuum_page::vacuum_ring;
pub use visibility::Visibility;
pub use xmax::RowLock;
