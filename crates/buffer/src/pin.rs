//! Pins and latches on pages.

use crate::change::{ImageKind, log_image};
use crate::frame::{DIRTY, PERMANENT, Tag, WAITER};
use crate::pool::BufferPool;
use base::{BlockNumber, Fork, RelFileLocator};
use parking_lot::lock_api::RawRwLock as _;
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::time::Duration;
use storage::Page;

/// Keeps a block in its frame. Cloning takes another pin.
///
/// A thread must not latch a page that it has latched already.
pub struct Pin {
    pool: Arc<BufferPool>,
    frame: u32,
}

impl Pin {
    /// Wraps a pin that was taken on the frame.
    pub(crate) fn from_taken(pool: Arc<BufferPool>, frame: u32) -> Pin {
        Pin { pool, frame }
    }

    pub fn pool(&self) -> &Arc<BufferPool> {
        &self.pool
    }

    pub fn tag(&self) -> Tag {
        self.pool.frame(self.frame).tag()
    }

    pub fn block(&self) -> BlockNumber {
        self.tag().block
    }

    pub fn locator(&self) -> RelFileLocator {
        self.tag().locator
    }

    pub fn fork(&self) -> Fork {
        self.tag().fork
    }

    /// True when both pin the same frame, and so the same block.
    pub fn same_page(&self, other: &Pin) -> bool {
        self.frame == other.frame
    }

    /// Asks the processor for some of the page's memory, for instance where its header and line pointers are.
    #[inline]
    pub fn fetch_memory(&self, bytes: Range<usize>) {
        const LINE: usize = 64;
        let page = self.pool.page(self.frame).cast::<u8>();
        for offset in (bytes.start..bytes.end.min(base::PAGE_SIZE)).step_by(LINE) {
            sys::memory::fetch(page.wrapping_add(offset));
        }
    }

    /// Latches the page for reading.
    pub fn read(&self) -> PageRead<'_> {
        self.pool.frame(self.frame).latch.lock_shared();
        PageRead { pin: self }
    }

    pub fn try_read(&self) -> Option<PageRead<'_>> {
        self.pool.frame(self.frame).latch.try_lock_shared().then(|| PageRead { pin: self })
    }

    /// Latches the page for changing it.
    pub fn write(&self) -> PageWrite<'_> {
        self.pool.frame(self.frame).latch.lock_exclusive();
        PageWrite { pin: self }
    }

    pub fn try_write(&self) -> Option<PageWrite<'_>> {
        self.pool.frame(self.frame).latch.try_lock_exclusive().then(|| PageWrite { pin: self })
    }

    /// True when this is the only pin on the page; certain only while the page is latched for changing.
    pub fn is_sole(&self) -> bool {
        self.pool.frame(self.frame).state().pins() == 1
    }

    /// Waits until this is the only pin, with the page latched for changing: nobody else can hold references into it.
    pub fn cleanup(&self) -> PageWrite<'_> {
        loop {
            let page = self.write();
            if self.is_sole() {
                return page;
            }
            self.pool.frame(self.frame).set(WAITER);
            drop(page);
            self.pool.wait_for_unpin(self.frame, Duration::from_millis(10));
        }
    }

    pub fn try_cleanup(&self) -> Option<PageWrite<'_>> {
        let page = self.try_write()?;
        self.is_sole().then_some(page)
    }
}

impl Clone for Pin {
    fn clone(&self) -> Pin {
        self.pool.frame(self.frame).pin(false);
        Pin { pool: self.pool.clone(), frame: self.frame }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let state = self.pool.frame(self.frame).unpin();
        if state.has(WAITER) {
            self.pool.unpinned(self.frame);
        }
    }
}

/// A page latched for reading.
pub struct PageRead<'a> {
    pin: &'a Pin,
}

impl<'a> PageRead<'a> {
    pub fn pin(&self) -> &'a Pin {
        self.pin
    }
}

impl Deref for PageRead<'_> {
    type Target = Page;

    fn deref(&self) -> &Page {
        // SAFETY: the shared latch, held until drop, keeps every writer out, and the pin keeps the frame with this block.
        unsafe { &*self.pin.pool.page(self.pin.frame) }
    }
}

impl Drop for PageRead<'_> {
    fn drop(&mut self) {
        // SAFETY: this guard exists only where `lock_shared` has succeeded, and unlocks once.
        unsafe { self.pin.pool.frame(self.pin.frame).latch.unlock_shared() };
    }
}

/// A page latched for changing: through [`BufferPool::change`], or for hints through [`PageWrite::hint`].
pub struct PageWrite<'a> {
    pin: &'a Pin,
}

impl<'a> PageWrite<'a> {
    pub fn pin(&self) -> &'a Pin {
        self.pin
    }

    /// Changes what is only a hint, and may be lost. With checksums on, the first such change after a checkpoint logs an image, as a torn
    /// write of the page would otherwise be taken for corruption. During recovery the page is not marked dirty.
    pub fn hint(&mut self, change: impl FnOnce(&mut Page)) {
        self.change_hint(change, true);
    }

    /// As [`PageWrite::hint`], for pages without the standard layout.
    pub fn hint_whole_page(&mut self, change: impl FnOnce(&mut Page)) {
        self.change_hint(change, false);
    }

    fn change_hint(&mut self, change: impl FnOnce(&mut Page), standard: bool) {
        change(self.page_mut());
        let pool = &self.pin.pool;
        let frame = pool.frame(self.pin.frame);
        if !frame.state().has(PERMANENT) {
            frame.set(DIRTY);
            return;
        }
        let wal = pool.wal();
        if !wal.is_accepting() {
            return;
        }
        // Before the image is logged, so that a checkpoint that begins after it finds the page.
        frame.set(DIRTY);
        if wal.options().log_hints && wal.full_page_writes() && self.lsn() <= wal.redo_lsn() && !self.is_new()
        {
            // A failure has stopped the log: nothing will reach the disk any more, this page included.
            let _ = log_image(self, ImageKind::ForHint, standard);
        }
    }

    /// Changes the page and marks it dirty with no regard to the log: for what is rebuilt or checked when it is read (the free space map).
    pub fn change_unlogged(&mut self, change: impl FnOnce(&mut Page)) {
        change(self.page_mut());
        self.mark_dirty();
    }

    pub(crate) fn page_mut(&mut self) -> &mut Page {
        // SAFETY: the exclusive latch, held until drop, keeps everybody else out, and `self` is borrowed mutably.
        unsafe { &mut *self.pin.pool.page(self.pin.frame) }
    }

    pub(crate) fn mark_dirty(&self) {
        self.pin.pool.frame(self.pin.frame).set(DIRTY);
    }

    /// Lets readers in: the page stays latched for reading.
    pub fn downgrade(self) -> PageRead<'a> {
        let pin = self.pin;
        std::mem::forget(self);
        use parking_lot::lock_api::RawRwLockDowngrade as _;
        // SAFETY: the exclusive latch is held by the guard just forgotten.
        unsafe { pin.pool.frame(pin.frame).latch.downgrade() };
        PageRead { pin }
    }
}

impl Deref for PageWrite<'_> {
    type Target = Page;

    fn deref(&self) -> &Page {
        // SAFETY: the exclusive latch is held until drop.
        unsafe { &*self.pin.pool.page(self.pin.frame) }
    }
}

impl Drop for PageWrite<'_> {
    fn drop(&mut self) {
        // SAFETY: this guard exists only where `lock_exclusive` has succeeded, and unlocks once.
        unsafe { self.pin.pool.frame(self.pin.frame).latch.unlock_exclusive() };
    }
}
