//! Where records get their place, and the ring of pages they wait in until they are written.
//!
//! The ring is made of atomic words, so that several threads copy their records into it at once without locks: records start at multiples
//! of eight bytes and each word belongs to one record, or to a page header. Relaxed stores suffice: whoever reads the words (the writer)
//! has first seen the insertion's end through its slot, which is stored with release order.

use crate::layout::{FIRST_IS_CONTRECORD, Layout, PageHeader, WAL_PAGE};
use base::TimelineId;
use crossbeam_utils::{Backoff, CachePadded};
use parking_lot::{Mutex, MutexGuard};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

const SLOTS: usize = 16;
const IDLE: u64 = u64::MAX;
const WORDS_IN_PAGE: u64 = WAL_PAGE / 8;

/// The place of the next record.
pub(crate) struct Position {
    /// Byte position where the next record starts.
    pub next: u64,
    /// LSN where the last record started; 0 before the first.
    pub previous: u64,
}

struct Slot {
    lock: Mutex<()>,
    /// Everything below this LSN that the slot's owner has reserved is copied.
    copied_upto: AtomicU64,
}

/// Insertions under way. A thread holds one slot while it inserts; whoever holds all of them keeps everybody from inserting.
pub(crate) struct Slots {
    slots: Vec<CachePadded<Slot>>,
    next: AtomicUsize,
}

pub(crate) struct SlotGuard<'a> {
    slot: &'a Slot,
    _lock: MutexGuard<'a, ()>,
}

impl Slots {
    pub fn new() -> Slots {
        let slot = || CachePadded::new(Slot { lock: Mutex::new(()), copied_upto: AtomicU64::new(IDLE) });
        Slots { slots: (0..SLOTS).map(|_| slot()).collect(), next: AtomicUsize::new(0) }
    }

    pub fn acquire(&self) -> SlotGuard<'_> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        for offset in 0..SLOTS {
            let slot = &*self.slots[(start + offset) % SLOTS];
            if let Some(lock) = slot.lock.try_lock() {
                return SlotGuard { slot, _lock: lock };
            }
        }
        let slot = &*self.slots[start % SLOTS];
        SlotGuard { slot, _lock: slot.lock.lock() }
    }

    pub fn acquire_all(&self) -> Vec<SlotGuard<'_>> {
        self.slots.iter().map(|slot| SlotGuard { slot, _lock: slot.lock.lock() }).collect()
    }

    /// The LSN below which no insertion is under way, at most `reserved`.
    pub fn complete_upto(&self, reserved: u64) -> u64 {
        self.slots.iter().map(|slot| slot.copied_upto.load(Ordering::Acquire)).fold(reserved, u64::min)
    }

    /// Waits until no insertion below `upto` is under way. `upto` must have been reserved.
    pub fn wait(&self, upto: u64) {
        for slot in &self.slots {
            let backoff = Backoff::new();
            while slot.copied_upto.load(Ordering::Acquire) < upto {
                backoff.snooze();
            }
        }
    }
}

impl SlotGuard<'_> {
    /// Called with the position's mutex held, so that whoever looks at the slots after having seen the reservation sees this too.
    pub fn begin(&self, start: u64) {
        self.slot.copied_upto.store(start, Ordering::Release);
    }

    pub fn progress(&self, upto: u64) {
        self.slot.copied_upto.store(upto, Ordering::Release);
    }
}

impl Drop for SlotGuard<'_> {
    fn drop(&mut self) {
        self.slot.copied_upto.store(IDLE, Ordering::Release);
    }
}

/// The ring of WAL pages in memory.
pub(crate) struct Ring {
    words: Box<[AtomicU64]>,
    /// For each page of the ring, the LSN at which the page that it holds ends.
    ends: Box<[AtomicU64]>,
    pages: u64,
    layout: Layout,
    /// The end of the newest page made ready.
    ready: Mutex<u64>,
}

/// What a thread must do before a page can be made ready: the page that the ring still holds in its place must be written.
pub(crate) struct NeedWritten(pub u64);

impl Ring {
    pub fn new(bytes: usize, layout: Layout) -> Ring {
        let pages = (bytes as u64 / WAL_PAGE).max(16);
        Ring {
            words: (0..pages * WORDS_IN_PAGE).map(|_| AtomicU64::new(0)).collect(),
            ends: (0..pages).map(|_| AtomicU64::new(0)).collect(),
            pages,
            layout,
            ready: Mutex::new(0),
        }
    }

    fn index(&self, lsn: u64) -> usize {
        ((lsn / WAL_PAGE) % self.pages) as usize
    }

    /// The words of the page that holds `lsn`, and the index of its word.
    fn page_words(&self, lsn: u64) -> (&[AtomicU64], usize) {
        let first = self.index(lsn) * WORDS_IN_PAGE as usize;
        (&self.words[first..first + WORDS_IN_PAGE as usize], (lsn % WAL_PAGE / 8) as usize)
    }

    fn word(&self, lsn: u64) -> &AtomicU64 {
        let (words, at) = self.page_words(lsn);
        &words[at]
    }

    /// True when the page that holds `lsn` can be written into.
    pub fn is_ready(&self, lsn: u64) -> bool {
        let end = lsn / WAL_PAGE * WAL_PAGE + WAL_PAGE;
        self.ends[self.index(lsn)].load(Ordering::Acquire) == end
    }

    /// Makes pages ready up to the one that holds `lsn`, as far as the pages they replace are written.
    pub fn make_ready(
        &self,
        lsn: u64,
        written: u64,
        timeline: TimelineId,
        system: u64,
    ) -> Result<(), NeedWritten> {
        let wanted = lsn / WAL_PAGE * WAL_PAGE + WAL_PAGE;
        let mut ready = self.ready.lock();
        while *ready < wanted {
            let page = *ready;
            let replaced_end = (page + WAL_PAGE).saturating_sub(self.pages * WAL_PAGE);
            if replaced_end > written {
                return Err(NeedWritten(replaced_end));
            }
            self.clear(page);
            let (header, length) = PageHeader::new(self.layout, page, timeline, system).encode();
            self.store(page, &header[..length]);
            self.ends[self.index(page)].store(page + WAL_PAGE, Ordering::Release);
            *ready = page + WAL_PAGE;
        }
        Ok(())
    }

    /// Starts the ring at `end` of the log, with what its last page holds already.
    pub fn start(&self, end: u64, last_page: &[u8]) {
        let page = end / WAL_PAGE * WAL_PAGE;
        let mut ready = self.ready.lock();
        *ready = page;
        if end > page {
            self.clear(page);
            self.store(page, &last_page[..(end - page) as usize]);
            self.ends[self.index(page)].store(page + WAL_PAGE, Ordering::Release);
            *ready = page + WAL_PAGE;
        }
    }

    /// Copies bytes to `lsn`, a multiple of eight, within one page. The last word is filled with zeros.
    pub fn store(&self, lsn: u64, bytes: &[u8]) {
        let (page, first) = self.page_words(lsn);
        let (words, rest) = bytes.as_chunks::<8>();
        for (to, word) in page[first..].iter().zip(words) {
            to.store(u64::from_le_bytes(*word), Ordering::Relaxed);
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            page[first + words.len()].store(u64::from_le_bytes(word), Ordering::Relaxed);
        }
    }

    /// Notes in the header of the page at `page` that it begins with the last `remaining` bytes of a record.
    pub fn mark_continued(&self, page: u64, remaining: u32) {
        let word = self.word(page);
        let first = word.load(Ordering::Relaxed) | (u64::from(FIRST_IS_CONTRECORD) << 16);
        word.store(first, Ordering::Relaxed);
        self.word(page + 16).store(u64::from(remaining), Ordering::Relaxed);
    }

    /// Makes the whole page zero, its header included: what is left of a segment after a switch.
    pub fn clear(&self, page: u64) {
        self.page_words(page).0.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// Copies the pages from `from` to `upto`, both at page boundaries, to the end of `out`.
    pub fn load(&self, from: u64, upto: u64, out: &mut Vec<u8>) {
        out.reserve((upto - from) as usize);
        for page in (from..upto).step_by(WAL_PAGE as usize) {
            let start = out.len();
            out.resize(start + WAL_PAGE as usize, 0);
            let (words, _) = out[start..].as_chunks_mut::<8>();
            for (to, word) in words.iter_mut().zip(self.page_words(page).0) {
                *to = word.load(Ordering::Relaxed).to_le_bytes();
            }
        }
    }
}
