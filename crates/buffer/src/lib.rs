//! The shared page cache, page latches, and the one way to change pages. See README.md.

mod bulk;
mod change;
mod consistency;
mod drop;
mod frame;
pub mod fsm;
mod pin;
mod pool;
mod readahead;
mod redo;
pub mod relation;
mod ring;
mod table;
pub mod vm;
mod writeback;

pub use bulk::BulkWrite;
pub use change::{Logging, Registered};
pub use consistency::check_consistency;
pub use frame::Tag;
pub use pin::{PageRead, PageWrite, Pin};
pub use pool::{BufferOptions, BufferPool, Counters};
pub use readahead::ReadAhead;
pub use redo::{
    MissingPages, RedoContext, RedoLatch, Replayed, ResourceManager, pin_for_redo, redo, redo_block,
    redo_images,
};
pub use relation::StorageManager;
pub use ring::{Ring, RingKind, Strategy};
pub use writeback::Progress;
