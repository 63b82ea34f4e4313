//! The write-ahead log. See README.md.
#![forbid(unsafe_code)]

mod assembly;
mod builder;
mod change;
mod insertion;
mod layout;
mod log;
mod options;
mod reader;
mod record;
mod rmgr;
mod segments;
mod syncs;

pub use builder::{BlockFlags, RecordBuilder, RecordWriter};
pub use change::Change;
pub use layout::{
    LONG_PAGE_HEADER, MAX_RECORD, RECORD_HEADER, SHORT_PAGE_HEADER, WAL_DIRECTORY, parse_segment_name,
    segment_name,
};
pub use log::{Inserted, Wal, WalStart};
pub use options::{Compression, SyncMethod, WalLevel, WalOptions};
pub use reader::{EndOfLog, Reader};
pub use record::{Block, Image, Record};
pub use rmgr::RmgrId;
pub use segments::SegmentFiles;

/// In a record's info: relation files beyond the registered blocks change (truncation, removal).
pub const SPECIAL_REL_UPDATE: u8 = 0x01;
/// In a record's info: images are there to be compared with what redo makes (wal_consistency_checking).
pub const CHECK_CONSISTENCY: u8 = 0x02;
