//! A frame: room for one page, with its state word, tag and latch.
//!
//! The state word holds the number of pins (low 32 bits), the usage count of the clock sweep (4 bits) and flags, so that a pin is taken
//! with one atomic operation.

use crate::table::NEIGHBOURS;
use base::{BlockNumber, Fork, Oid, RelFileLocator};
use parking_lot::RawRwLock;
use parking_lot::lock_api::RawRwLock as _;
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which block a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    pub locator: RelFileLocator,
    pub fork: Fork,
    pub block: BlockNumber,
}

impl Tag {
    const NONE: Tag = Tag {
        locator: RelFileLocator { tablespace: Oid(0), database: Oid(0), number: Oid(0) },
        fork: Fork::Main,
        block: BlockNumber::INVALID,
    };

    /// Spreads well in high and low bits. Neighbouring blocks have the same.
    pub(crate) fn hash(&self) -> u64 {
        const K: u64 = 0x9e37_79b9_7f4a_7c15;
        let relation = (u64::from(self.locator.number.0) << 32) | u64::from(self.locator.database.0);
        let rest = (u64::from(self.block.0 / NEIGHBOURS) << 8)
            ^ (self.fork as u64)
            ^ (u64::from(self.locator.tablespace.0) << 40);
        let mixed = (relation ^ rest.wrapping_mul(K)).wrapping_mul(K);
        mixed ^ (mixed >> 29)
    }
}

const ONE_PIN: u64 = 1;
const PINS: u64 = 0xffff_ffff;
const USAGE_SHIFT: u32 = 32;
const ONE_USE: u64 = 1 << USAGE_SHIFT;
const USAGE: u64 = 0xf << USAGE_SHIFT;
const MAX_USAGE: u64 = 5 << USAGE_SHIFT;
/// The content is the block's.
pub(crate) const VALID: u64 = 1 << 40;
/// The content differs from the file's.
pub(crate) const DIRTY: u64 = 1 << 41;
/// Was dirty when the running checkpoint began, and is not written since.
pub(crate) const CHECKPOINT: u64 = 1 << 42;
/// The relation is WAL-logged.
pub(crate) const PERMANENT: u64 = 1 << 43;
/// The frame has a tag and stands in the table.
pub(crate) const TAGGED: u64 = 1 << 44;
/// Somebody waits to be the only one with a pin.
pub(crate) const WAITER: u64 = 1 << 45;
const FLAGS: u64 = !(PINS | USAGE);

/// On a cache line of its own, as pins of neighbours come from different threads.
#[repr(align(64))]
pub(crate) struct Frame {
    state: AtomicU64,
    pub latch: RawRwLock,
    tag: UnsafeCell<Tag>,
}

// SAFETY: `tag` is written only by the thread that holds the sole pin on an untagged frame (see `set_tag`), and read only while the frame
// is pinned or its table partition is locked, either of which keeps it from being retagged.
unsafe impl Sync for Frame {}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct State(pub u64);

impl State {
    pub fn pins(self) -> u64 {
        self.0 & PINS
    }

    pub fn usage(self) -> u64 {
        (self.0 & USAGE) >> USAGE_SHIFT
    }

    pub fn has(self, flag: u64) -> bool {
        self.0 & flag != 0
    }
}

impl Frame {
    pub fn new() -> Frame {
        Frame { state: AtomicU64::new(0), latch: RawRwLock::INIT, tag: UnsafeCell::new(Tag::NONE) }
    }

    pub fn state(&self) -> State {
        State(self.state.load(Ordering::Acquire))
    }

    /// Takes a pin. The caller sees to it that the frame keeps its tag meanwhile: it holds the table partition or another pin.
    pub fn pin(&self, count_use: bool) -> State {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let used = state & USAGE;
            // A ring's pages are used once; they stay the first to go.
            let more_use = if count_use { used < MAX_USAGE } else { used == 0 };
            let next = state + ONE_PIN + if more_use { ONE_USE } else { 0 };
            match self.state.compare_exchange_weak(state, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return State(next),
                Err(current) => state = current,
            }
        }
    }

    /// Takes a pin without counting a use, when the state is still the one seen.
    pub fn try_claim(&self, seen: State) -> bool {
        self.state.compare_exchange(seen.0, seen.0 + ONE_PIN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// One use less, for the clock sweep.
    pub fn age(&self, seen: State) {
        let _ = self.state.compare_exchange(seen.0, seen.0 - ONE_USE, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Gives a pin back; returns the state after that.
    pub fn unpin(&self) -> State {
        let before = self.state.fetch_sub(ONE_PIN, Ordering::Release);
        debug_assert!(before & PINS > 0, "unpinned once too often");
        State(before - ONE_PIN)
    }

    pub fn set(&self, flags: u64) -> State {
        State(self.state.fetch_or(flags, Ordering::AcqRel))
    }

    pub fn clear(&self, flags: u64) -> State {
        State(self.state.fetch_and(!flags, Ordering::AcqRel))
    }

    /// Takes tag and flags away when the only pin is the caller's and nothing is dirty. The caller holds the partition for writing.
    pub fn try_untag(&self) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if state & PINS != ONE_PIN || state & DIRTY != 0 {
                return false;
            }
            match self.state.compare_exchange_weak(state, ONE_PIN, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(current) => state = current,
            }
        }
    }

    /// Takes tag and flags away, dirty or not, when nobody has a pin. The caller holds the partition for writing.
    pub fn try_discard(&self) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if state & PINS != 0 {
                return false;
            }
            match self.state.compare_exchange_weak(state, 0, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(current) => state = current,
            }
        }
    }

    /// Gives an untagged frame, of which the caller has the only pin, its tag and a first use.
    pub fn set_tag(&self, tag: Tag, flags: u64) {
        debug_assert!(self.state().pins() == 1 && !self.state().has(TAGGED));
        // SAFETY: the frame is untagged and not in the table, so no other thread can get at it.
        unsafe { *self.tag.get() = tag };
        self.state.fetch_add(ONE_USE | ((TAGGED | flags) & FLAGS), Ordering::Release);
    }

    /// The tag of a frame that the caller has pinned, or whose table partition it has locked.
    pub fn tag(&self) -> Tag {
        // SAFETY: a pin or the partition's lock keeps the tag from being written, by the rule at `unsafe impl Sync`.
        unsafe { *self.tag.get() }
    }
}
