//! Rings: a large scan goes round in a few frames of its own instead of driving out everybody else's pages.

use crate::pool::BufferPool;
use parking_lot::Mutex;

/// How a page is to be cached.
#[derive(Clone, Copy)]
pub enum Strategy<'a> {
    Normal,
    Ring(&'a Ring),
}

/// What a ring is for, which decides its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingKind {
    /// 256 kB: a sequential scan of a table larger than a quarter of the pool.
    BulkRead,
    /// 16 MB: COPY and table rewrites.
    BulkWrite,
    /// 2 MB: VACUUM.
    Vacuum,
}

pub(crate) const NO_FRAME: u32 = u32::MAX;

pub(crate) struct Slots {
    pub frames: Vec<u32>,
    pub current: usize,
}

/// The frames that one scan goes round in.
pub struct Ring {
    kind: RingKind,
    pub(crate) slots: Mutex<Slots>,
}

impl Ring {
    pub fn new(kind: RingKind, pool: &BufferPool) -> Ring {
        let frames = match kind {
            RingKind::BulkRead => 32,
            RingKind::BulkWrite => 2048,
            RingKind::Vacuum => 256,
        };
        Ring::with_frames(kind, pool, frames)
    }

    /// A ring of at most `frames`, and at most an eighth of the pool (vacuum_buffer_usage_limit).
    pub fn with_frames(kind: RingKind, pool: &BufferPool, frames: usize) -> Ring {
        let frames = frames.min(pool.frames() / 8).max(1);
        Ring { kind, slots: Mutex::new(Slots { frames: vec![NO_FRAME; frames], current: 0 }) }
    }

    /// How many frames it may have.
    pub fn frames(&self) -> usize {
        self.slots.lock().frames.len()
    }

    pub fn kind(&self) -> RingKind {
        self.kind
    }
}
