//! A page that is filled in order, and where finished pages go.

use crate::page::{HIGH_KEY, Opaque, SPECIAL_SIZE};
use crate::runs::TempFile;
use crate::search::Tree;
use base::{BlockNumber, OffsetNumber, PAGE_SIZE, Result};
use buffer::BulkWrite;
use parking_lot::Mutex;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use storage::{ItemId, PAGE_HEADER, Page};

const LINE_POINTER: usize = 4;
/// Pages written and logged at once.
pub const BATCH: usize = 32;

/// How far a page is filled. The first line pointer is kept for the high key.
pub struct Fill {
    /// The offset of the last item.
    last: u16,
    upper: usize,
    /// Bytes of the last item that a pivot made of it would lack.
    last_extra: usize,
}

impl Fill {
    pub fn start(page: &mut Page) -> Fill {
        page.init(SPECIAL_SIZE);
        Fill::empty()
    }

    /// In place of one that was closed.
    pub fn empty() -> Fill {
        Fill { last: HIGH_KEY.0, upper: PAGE_SIZE - SPECIAL_SIZE, last_extra: 0 }
    }

    fn lower(&self) -> usize {
        PAGE_HEADER + usize::from(self.last) * LINE_POINTER
    }

    /// How many items there are, the high key not counted.
    pub fn items(&self) -> usize {
        usize::from(self.last - 1)
    }

    /// Bytes for the high key, whose line pointer is there.
    pub fn room(&self) -> usize {
        self.upper - self.lower()
    }

    /// Bytes of the last item behind its key: a posting list.
    pub fn last_extra(&self) -> usize {
        self.last_extra
    }

    /// Bytes for one more item, its line pointer put aside.
    fn free(&self) -> usize {
        self.room().saturating_sub(LINE_POINTER)
    }

    /// Whether the page must or should not take an item of this size. `reserve`: room that its high key may need more;
    /// `wanted_free`: free bytes at which the page counts as full.
    #[inline]
    pub fn is_full(&self, size: usize, reserve: usize, wanted_free: usize) -> bool {
        let free = self.free();
        self.items() > 1 && (free < size + reserve || free + self.last_extra < wanted_free)
    }

    /// Adds an item, whose size is aligned, where it is known to fit.
    #[inline]
    pub fn push(&mut self, page: &mut Page, item: &[u8], extra: usize) {
        self.last += 1;
        self.upper -= item.len();
        self.last_extra = extra;
        page.bytes_mut()[self.upper..self.upper + item.len()].copy_from_slice(item);
        page.set_item_id(OffsetNumber(self.last), ItemId::normal(self.upper, item.len()));
    }

    pub fn last<'p>(&self, page: &'p Page) -> &'p [u8] {
        page.item(OffsetNumber(self.last))
    }

    pub fn first<'p>(&self, page: &'p Page) -> &'p [u8] {
        page.item(OffsetNumber(HIGH_KEY.0 + 1))
    }

    /// Takes the last item away.
    pub fn pop(&mut self, page: &mut Page) -> Vec<u8> {
        let item = self.last(page).to_vec();
        page.bytes_mut()[self.upper..self.upper + item.len()].fill(0);
        page.set_item_id(OffsetNumber(self.last), ItemId::unused());
        self.upper += item.len();
        self.last -= 1;
        item
    }

    /// Completes the page; without a high key it is the last of its level.
    pub fn close(mut self, page: &mut Page, high_key: Option<&[u8]>, opaque: Opaque) {
        match high_key {
            Some(high_key) => {
                self.upper -= high_key.len();
                page.bytes_mut()[self.upper..self.upper + high_key.len()].copy_from_slice(high_key);
                page.set_item_id(HIGH_KEY, ItemId::normal(self.upper, high_key.len()));
            }
            None => {
                let end = self.lower();
                let bytes = page.bytes_mut();
                bytes.copy_within(PAGE_HEADER + LINE_POINTER..end, PAGE_HEADER);
                bytes[end - LINE_POINTER..end].fill(0);
                self.last -= 1;
            }
        }
        page.set_lower(self.lower());
        page.set_upper(self.upper);
        opaque.write(page);
    }
}

/// An index file that is being written, by several threads at once.
pub struct Target<'a> {
    pub tree: Tree<'a>,
    pub temp: Option<&'a TempFile>,
    bulk: BulkWrite<'a>,
    next_block: AtomicU32,
    /// Blocks that were taken and not used.
    spare: Mutex<Vec<Range<u32>>>,
}

impl<'a> Target<'a> {
    pub fn new(tree: Tree<'a>, bulk: BulkWrite<'a>, temp: Option<&'a TempFile>) -> Target<'a> {
        // Block 0 is the metapage.
        Target { tree, temp, bulk, next_block: AtomicU32::new(1), spare: Mutex::default() }
    }

    /// New blocks, side by side.
    pub fn take(&self, count: u32) -> Range<u32> {
        let start = self.next_block.fetch_add(count, Ordering::Relaxed);
        start..start + count
    }

    pub fn give_back(&self, blocks: Range<u32>) {
        if !blocks.is_empty() {
            self.spare.lock().push(blocks);
        }
    }

    /// One block, spare ones first.
    pub fn take_one(&self) -> BlockNumber {
        let mut spare = self.spare.lock();
        spare.retain(|blocks| !blocks.is_empty());
        let least = spare.iter_mut().min_by_key(|blocks| blocks.start);
        BlockNumber(least.and_then(Iterator::next).unwrap_or_else(|| self.take(1).start))
    }

    /// # Errors
    /// What writing fails with.
    pub fn write(&self, blocks: &[BlockNumber], pages: &mut [Page]) -> Result<()> {
        self.bulk.write(blocks, pages)
    }

    /// Ends the file; its length in blocks. Blocks that nobody used stay as pages of zeros, which VACUUM finds.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn finish(self) -> Result<u32> {
        let end = self.next_block.into_inner();
        for block in self.spare.into_inner().into_iter().flatten() {
            let mut page = Page::zeroed();
            self.bulk.write(&[BlockNumber(block)], std::slice::from_mut(&mut *page))?;
        }
        self.bulk.finish()?;
        Ok(end)
    }
}

/// Finished pages on their way to the file.
pub struct Batch<'t, 'a> {
    target: &'t Target<'a>,
    blocks: Vec<BlockNumber>,
    pages: Vec<Page>,
}

impl<'t, 'a> Batch<'t, 'a> {
    pub fn new(target: &'t Target<'a>) -> Batch<'t, 'a> {
        Batch { target, blocks: Vec::new(), pages: Vec::new() }
    }

    /// The page that is filled now, behind those that are finished.
    pub fn open(&mut self) -> &mut Page {
        if self.pages.len() == self.blocks.len() {
            self.pages.push((*Page::zeroed()).clone());
        }
        &mut self.pages[self.blocks.len()]
    }

    pub fn page(&self) -> &Page {
        &self.pages[self.blocks.len()]
    }

    /// The open page is finished.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn finished(&mut self, block: BlockNumber) -> Result<()> {
        self.blocks.push(block);
        if self.blocks.len() == BATCH { self.flush() } else { Ok(()) }
    }

    /// # Errors
    /// What writing fails with.
    pub fn add(&mut self, block: BlockNumber, page: &Page) -> Result<()> {
        self.open().clone_from(page);
        self.finished(block)
    }

    /// # Errors
    /// What writing fails with.
    pub fn flush(&mut self) -> Result<()> {
        let count = self.blocks.len();
        if count > 0 {
            self.target.write(&self.blocks, &mut self.pages[..count])?;
            self.blocks.clear();
        }
        Ok(())
    }
}
