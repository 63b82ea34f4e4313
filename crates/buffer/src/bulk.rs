//! Writing a fork that is built from nothing: its pages are logged as images, many to a record, and go to the file in
//! large writes, past the pool. Nobody else may use the fork yet.

use crate::change::log_images;
use crate::pool::BufferPool;
use base::{BlockNumber, Fork, Lsn, PAGE_SIZE, RelFileLocator, Result};
use storage::{Page, Persistence};

/// A fork under construction. Several threads may write pages of their own at once.
pub struct BulkWrite<'p> {
    pool: &'p BufferPool,
    locator: RelFileLocator,
    fork: Fork,
    logged: bool,
    /// The redo point when the first page was written.
    redo: Lsn,
}

impl<'p> BulkWrite<'p> {
    /// `logged`: whether images go into the log.
    pub fn new(pool: &'p BufferPool, locator: RelFileLocator, fork: Fork, logged: bool) -> BulkWrite<'p> {
        BulkWrite { pool, locator, fork, logged, redo: pool.wal().redo_lsn() }
    }

    /// Writes pages, which have the standard layout, as these blocks. Blocks that were left out below are zeros until they
    /// are written.
    ///
    /// # Errors
    /// `53100` when the disk is full, the disk's; PANIC when the log cannot be written.
    pub fn write(&self, blocks: &[BlockNumber], pages: &mut [Page]) -> Result<()> {
        assert_eq!(blocks.len(), pages.len(), "a block for each page");
        if self.logged {
            log_images(self.pool.wal(), self.locator, self.fork, blocks, pages)?;
        } else {
            self.pool.wal().check()?;
        }
        if self.pool.checksums() {
            for (page, block) in pages.iter_mut().zip(blocks).filter(|(page, _)| !page.is_new()) {
                let checksum = page.compute_checksum(*block);
                page.set_checksum(checksum);
            }
        }
        let mut start = 0;
        while start < blocks.len() {
            let first = blocks[start].0;
            let run =
                blocks[start..].iter().zip(first..).take_while(|(block, next)| block.0 == *next).count();
            let files = self.pool.files();
            files.write_new(self.locator, self.fork, blocks[start], bytes_of(&pages[start..start + run]))?;
            start += run;
        }
        Ok(())
    }

    /// Sees to it that what was written is durable when the log is: the next checkpoint syncs the file, unless one has
    /// set its redo point meanwhile, whose replay would begin behind the images.
    ///
    /// # Errors
    /// The disk's.
    pub fn finish(self) -> Result<()> {
        let files = self.pool.files();
        let temporary = matches!(files.persistence(self.locator), Persistence::Temporary { .. });
        if !temporary && self.pool.wal().redo_lsn() != self.redo {
            files.sync_relation(self.locator, self.fork)?;
        }
        Ok(())
    }
}

/// The pages' bytes, end to end.
fn bytes_of(pages: &[Page]) -> &[u8] {
    const { assert!(size_of::<Page>() == PAGE_SIZE) };
    // SAFETY: a page is an array of that many bytes and nothing else (`repr(C)`, asserted above), so that pages which lie
    // side by side are as many initialised bytes, borrowed for as long as the pages are.
    unsafe { std::slice::from_raw_parts(pages.as_ptr().cast::<u8>(), std::mem::size_of_val(pages)) }
}
