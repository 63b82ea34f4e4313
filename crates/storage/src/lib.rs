//! Pages and relation files, with no cache and no log. See README.md.
#![forbid(unsafe_code)]

mod checksum;
mod compaction;
mod files;
pub mod fsm;
mod page;
mod path;
pub mod vm;

pub use files::{Persistence, RelationFiles};
pub use page::{
    HAS_FREE_LINES, ItemId, LinePointer, MAX_HEAP_TUPLES_PER_PAGE, PAGE_ALL_VISIBLE, PAGE_FULL, PAGE_HEADER,
    Page, PageFault,
};
pub use path::{
    BLOCKS_PER_SEGMENT, DEFAULT_TABLESPACE, GLOBAL_TABLESPACE, TABLESPACE_VERSION_DIRECTORY,
    database_directory, relation_path, segment_path,
};
