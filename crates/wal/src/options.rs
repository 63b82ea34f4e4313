//! What configures the log.

use base::Error;
use std::sync::Arc;

/// How a flush reaches the platter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncMethod {
    Fdatasync,
    Fsync,
}

/// wal_level, numbered as in pg_control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum WalLevel {
    Minimal = 0,
    Replica = 1,
    Logical = 2,
}

/// wal_compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Off,
    Pglz,
    Lz4,
    Zstd,
}

#[derive(Clone)]
pub struct WalOptions {
    /// Bytes of a segment file: a power of two from 1 MB to 1 GB.
    pub segment_size: u32,
    /// Bytes of the ring that records wait in until they are written; at least 16 pages are used.
    pub buffers: usize,
    pub full_page_writes: bool,
    /// False leaves durability to the operating system.
    pub fsync: bool,
    pub sync_method: SyncMethod,
    pub level: WalLevel,
    pub compression: Compression,
    /// One bit for each resource manager whose records carry images to check redo with.
    pub consistency_checking: u32,
    /// Page checksums are on (or wal_log_hints): the first hint on a page after a checkpoint logs an image.
    pub log_hints: bool,
    /// Fills new segments with zeros, so that later writes change no metadata.
    pub init_zero: bool,
    /// Renames segments that are no longer needed for later use.
    pub recycle: bool,
    /// Called once when writing the log has failed. The server ends the process here; in a simulation it does nothing, and
    /// every later call fails.
    pub on_panic: Arc<dyn Fn(&Error) + Send + Sync>,
}

impl Default for WalOptions {
    fn default() -> WalOptions {
        WalOptions {
            segment_size: 16 << 20,
            buffers: 16 << 20,
            full_page_writes: true,
            fsync: true,
            sync_method: SyncMethod::Fdatasync,
            level: WalLevel::Replica,
            compression: Compression::Off,
            consistency_checking: 0,
            log_hints: true,
            init_zero: true,
            recycle: true,
            on_panic: Arc::new(|_| ()),
        }
    }
}
