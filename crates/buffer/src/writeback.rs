//! Writing pages back: log first, checksum on a copy.

use crate::frame::{CHECKPOINT, DIRTY, PERMANENT, Tag, VALID};
use crate::pool::BufferPool;
use base::{BlockNumber, Fork, Oid, RelFileLocator, Result};
use parking_lot::lock_api::RawRwLock as _;
use std::sync::atomic::Ordering;
use storage::BLOCKS_PER_SEGMENT;

/// How far a checkpoint has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub done: usize,
    pub total: usize,
}

/// Pages after which the operating system is asked to start writing: 256 kB (checkpoint_flush_after).
const FLUSH_AFTER: u32 = 32;

impl BufferPool {
    /// Writes a frame that the caller has pinned and latched, at least for reading. The log is flushed up to the page's LSN first.
    pub(crate) fn write_frame(&self, number: u32) -> Result<()> {
        let frame = self.frame(number);
        let state = frame.state();
        if !state.has(DIRTY) {
            return Ok(());
        }
        self.wal().check()?;
        let tag = frame.tag();
        // SAFETY: the caller's latch keeps writers out.
        let mut copy = unsafe { (*self.page(number)).clone() };
        if state.has(PERMANENT) {
            self.wal().flush(copy.lsn())?;
        }
        if self.options.checksums && !copy.is_new() {
            let checksum = copy.compute_checksum(tag.block);
            copy.set_checksum(checksum);
        }
        self.files().write(tag.locator, tag.fork, tag.block, &copy)?;
        // Nobody has changed the page meanwhile, as that takes the latch.
        frame.clear(DIRTY | CHECKPOINT);
        self.tallies.writes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Writes a block if it is in the pool and has any of `flags`. True when it was written.
    fn write_tagged(&self, tag: Tag, flags: u64) -> Result<bool> {
        let Some((number, _)) = self.look_up(tag, false) else { return Ok(false) };
        let frame = self.frame(number);
        frame.latch.lock_shared();
        let state = frame.state();
        let due = state.has(VALID) && state.has(DIRTY) && state.has(flags);
        let result = if due { self.write_frame(number) } else { Ok(()) };
        // SAFETY: locked above.
        unsafe { frame.latch.unlock_shared() };
        let state = frame.unpin();
        if state.has(crate::frame::WAITER) {
            self.unpinned(number);
        }
        result.map(|()| due)
    }

    /// The tags of dirty pages that `wanted` accepts, in the order of their files; sets `mark` on them.
    fn collect_dirty(&self, mark: u64, wanted: impl Fn(&Tag, bool) -> bool) -> Vec<Tag> {
        let mut tags = Vec::new();
        for partition in self.table.partitions() {
            for entry in partition.entries.read().iter() {
                let frame = self.frame(entry.frame);
                let state = frame.state();
                if state.has(DIRTY) && wanted(&entry.tag, state.has(PERMANENT)) {
                    if mark != 0 {
                        frame.set(mark);
                    }
                    tags.push(entry.tag);
                }
            }
        }
        tags.sort_unstable();
        tags
    }

    fn write_all(&self, tags: &[Tag], flags: u64) -> Result<()> {
        for tag in tags {
            self.write_tagged(*tag, flags)?;
        }
        Ok(())
    }

    /// Writes everything that was dirty at the start, `pace` being called after each page to sleep as the checkpoint has time.
    /// Pages of relations that are not logged are written when `all` (at shutdown and at the end of recovery). Returns how many were written.
    ///
    /// # Errors
    /// The disk's, and PANIC when the log cannot be written.
    pub fn checkpoint(&self, all: bool, pace: &mut dyn FnMut(Progress)) -> Result<usize> {
        let tags = self.collect_dirty(CHECKPOINT, |_, permanent| permanent || all);
        let mut written = 0;
        let mut run: Option<(Tag, u32)> = None;
        for (done, tag) in tags.iter().enumerate() {
            // Somebody else may have written it for us.
            if self.write_tagged(*tag, CHECKPOINT)? {
                written += 1;
                run = Some(self.lengthen(run, *tag));
            }
            pace(Progress { done: done + 1, total: tags.len() });
        }
        if let Some((first, count)) = run {
            self.files().start_write_back(first.locator, first.fork, first.block, count);
        }
        Ok(written)
    }

    /// Adds a page to a run of neighbours; starts the write-back of a run that is long enough or over.
    fn lengthen(&self, run: Option<(Tag, u32)>, tag: Tag) -> (Tag, u32) {
        if let Some((first, count)) = run {
            let next = first.block.0 + count;
            let joins = first.locator == tag.locator
                && first.fork == tag.fork
                && next == tag.block.0
                && !next.is_multiple_of(BLOCKS_PER_SEGMENT);
            if joins && count < FLUSH_AFTER {
                return (first, count + 1);
            }
            self.files().start_write_back(first.locator, first.fork, first.block, count);
        }
        (tag, 1)
    }

    /// One round of the background writer: writes up to `limit` dirty pages that nobody has used lately, so that those who need frames find
    /// clean ones. Returns how many were written.
    ///
    /// # Errors
    /// As [`BufferPool::checkpoint`].
    pub fn background_write(&self, limit: usize) -> Result<usize> {
        let mut tags = Vec::new();
        for partition in self.table.partitions() {
            for entry in partition.entries.read().iter() {
                let state = self.frame(entry.frame).state();
                if state.has(DIRTY) && state.pins() == 0 && state.usage() == 0 {
                    tags.push(entry.tag);
                }
            }
            if tags.len() >= limit {
                break;
            }
        }
        tags.truncate(limit);
        tags.sort_unstable();
        self.write_all(&tags, DIRTY)?;
        Ok(tags.len())
    }

    /// Writes all dirty pages of a relation.
    ///
    /// # Errors
    /// As [`BufferPool::checkpoint`].
    pub fn flush_relation(&self, rel: RelFileLocator) -> Result<()> {
        let tags = self.collect_dirty(0, |tag, _| tag.locator == rel);
        self.write_all(&tags, DIRTY)
    }

    /// Writes all dirty pages of a relation and syncs its files: what was built without being logged is durable then.
    ///
    /// # Errors
    /// As [`BufferPool::checkpoint`].
    pub fn flush_and_sync_relation(&self, rel: RelFileLocator) -> Result<()> {
        self.flush_relation(rel)?;
        for fork in Fork::ALL {
            if self.files().exists(rel, fork)? {
                self.files().sync_relation(rel, fork)?;
            }
        }
        Ok(())
    }

    /// Writes all dirty pages of a database.
    ///
    /// # Errors
    /// As [`BufferPool::checkpoint`].
    pub fn flush_database(&self, database: Oid) -> Result<()> {
        let tags = self.collect_dirty(0, |tag, _| tag.locator.database == database);
        self.write_all(&tags, DIRTY)
    }

    /// How many pages are dirty, for views and the background writer.
    pub fn dirty_pages(&self) -> usize {
        self.collect_dirty(0, |_, _| true).len()
    }

    /// Writes one block now if it is dirty, for tests and `pg_buffercache_evict`.
    ///
    /// # Errors
    /// As [`BufferPool::checkpoint`].
    pub fn flush_block(&self, rel: RelFileLocator, fork: Fork, block: BlockNumber) -> Result<()> {
        self.write_tagged(Tag { locator: rel, fork, block }, DIRTY).map(|_| ())
    }
}
