//! The last part of a build: stretches of leaves are joined, the levels above and the metapage are written.

use crate::fill::{Batch, Fill, Target};
use crate::insert::equal_image;
use crate::key::truncate;
use crate::leaves::{Duplicate, Stretch, Tail, duplicates};
use crate::page::{LEAF, META_BLOCK, Meta, NONE, Opaque, ROOT};
use crate::tuple::{self, IndexTuple, set_downlink};
use base::bytes::max_align;
use base::{BlockNumber, OffsetNumber, PAGE_SIZE, Result};
use storage::{PAGE_HEADER, Page};

/// Percent of an inner page that is filled.
const INNER_FILLFACTOR: usize = 70;

/// A level under construction: its rightmost page.
struct Level {
    page: Box<Page>,
    fill: Fill,
    block: BlockNumber,
    previous: BlockNumber,
    /// The low key of the page, for its downlink.
    low_key: Vec<u8>,
}

struct Levels<'t, 'a> {
    target: &'t Target<'a>,
    batch: Batch<'t, 'a>,
    /// From the first one above the leaves.
    levels: Vec<Level>,
}

/// Completes the index; the stretches come in order. Gives the rows that violate a unique index, if there are any.
///
/// # Errors
/// What writing fails with.
pub fn join(target: &Target<'_>, stretches: Vec<Stretch>) -> Result<Option<Duplicate>> {
    let mut levels = Levels { target, batch: Batch::new(target), levels: Vec::new() };
    let only_leaf = matches!(&stretches[..], [only] if only.head.is_none());
    let mut leaf_root = NONE;
    let mut duplicate = None;
    let mut left_block = NONE;
    let mut low_key = Vec::new();
    let mut stretches = stretches.into_iter().peekable();
    while let Some(Stretch { first_block, head, mut tail, downlinks }) = stretches.next() {
        if let Some(mut page) = head {
            let opaque = Opaque { previous: left_block, ..Opaque::read(&page) };
            opaque.write(&mut page);
            levels.batch.add(first_block, &page)?;
            levels.downlink(first_block, std::mem::take(&mut low_key))?;
        } else {
            tail.low_key = std::mem::take(&mut low_key);
            tail.previous = left_block;
        }
        downlinks.each(target.temp, &mut |downlink| levels.add(0, downlink))?;
        if let Some(next) = stretches.peek() {
            let right = first_item(next);
            let found = duplicates(target, tail.fill.last(&tail.page), right)?;
            duplicate = duplicate.or(found);
            (left_block, low_key) = levels.close_tail(tail, right, next.first_block)?;
        } else {
            let flags = if only_leaf { LEAF | ROOT } else { LEAF };
            let opaque = Opaque { previous: tail.previous, next: NONE, level: 0, flags, cycle: 0 };
            let Tail { mut page, fill, block, low_key, .. } = tail;
            fill.close(&mut page, None, opaque);
            levels.batch.add(block, &page)?;
            if only_leaf {
                leaf_root = block;
            } else {
                levels.downlink(block, low_key)?;
            }
        }
    }
    let (root, level) = levels.close(leaf_root)?;
    let meta = Meta {
        root,
        level,
        fast_root: root,
        fast_level: level,
        ..Meta::empty(equal_image(target.tree.index))
    };
    meta.write(levels.batch.open());
    levels.batch.finished(META_BLOCK)?;
    levels.batch.flush()?;
    Ok(duplicate)
}

/// The first entry of a stretch.
fn first_item(stretch: &Stretch) -> &[u8] {
    match &stretch.head {
        // A closed page: its high key comes first.
        Some(page) => page.item(OffsetNumber(2)),
        None => stretch.tail.fill.first(&stretch.tail.page),
    }
}

impl Levels<'_, '_> {
    fn downlink(&mut self, block: BlockNumber, low_key: Vec<u8>) -> Result<()> {
        let mut downlink = if low_key.is_empty() { tuple::minus_infinity(block) } else { low_key };
        set_downlink(&mut downlink, block);
        self.add(0, &downlink)
    }

    /// Closes the last page of a stretch that another one follows. Gives its block, and its high key.
    fn close_tail(&mut self, tail: Tail, right: &[u8], next: BlockNumber) -> Result<(BlockNumber, Vec<u8>)> {
        let index = self.target.tree.index;
        let Tail { mut page, mut fill, mut block, mut previous, mut low_key } = tail;
        let mut high_key = truncate(index, IndexTuple(fill.last(&page)), IndexTuple(right))?;
        if fill.room() < high_key.len() {
            // The bound to a longer key may not fit: the last item gets a page of its own.
            let extra = fill.last_extra();
            let moved = fill.pop(&mut page);
            let between = truncate(index, IndexTuple(fill.last(&page)), IndexTuple(&moved))?;
            let added = self.target.take_one();
            let opaque = Opaque { previous, next: added, level: 0, flags: LEAF, cycle: 0 };
            fill.close(&mut page, Some(&between), opaque);
            self.batch.add(block, &page)?;
            self.downlink(block, low_key)?;
            (previous, block, low_key) = (block, added, between);
            fill = Fill::start(&mut page);
            fill.push(&mut page, &moved, extra);
            high_key = truncate(index, IndexTuple(&moved), IndexTuple(right))?;
        }
        let opaque = Opaque { previous, next, level: 0, flags: LEAF, cycle: 0 };
        fill.close(&mut page, Some(&high_key), opaque);
        self.batch.add(block, &page)?;
        self.downlink(block, low_key)?;
        Ok((block, high_key))
    }

    /// The next downlink of a level.
    fn add(&mut self, number: usize, item: &[u8]) -> Result<()> {
        if number == self.levels.len() {
            let mut page = Page::zeroed();
            let fill = Fill::start(&mut page);
            let block = self.target.take_one();
            self.levels.push(Level { page, fill, block, previous: NONE, low_key: Vec::new() });
        }
        let wanted_free = PAGE_SIZE * (100 - INNER_FILLFACTOR) / 100;
        if self.levels[number].fill.is_full(item.len(), 0, wanted_free) {
            self.finish_page(number)?;
        }
        let Level { page, fill, .. } = &mut self.levels[number];
        if fill.items() == 0 {
            fill.push(page, &tuple::minus_infinity(IndexTuple(item).downlink()), 0);
        } else {
            fill.push(page, item, 0);
        }
        Ok(())
    }

    /// The last downlink becomes the page's high key, and, without its key, the first of the next page.
    fn finish_page(&mut self, number: usize) -> Result<()> {
        let next = self.target.take_one();
        let level = &mut self.levels[number];
        let moved = level.fill.pop(&mut level.page);
        let fill = std::mem::replace(&mut level.fill, Fill::empty());
        let opaque = Opaque { previous: level.previous, next, level: number as u32 + 1, flags: 0, cycle: 0 };
        fill.close(&mut level.page, Some(&moved), opaque);
        self.batch.add(level.block, &level.page)?;
        let block = std::mem::replace(&mut level.block, next);
        level.previous = block;
        level.fill = Fill::start(&mut level.page);
        level.fill.push(&mut level.page, &tuple::minus_infinity(IndexTuple(&moved).downlink()), 0);
        let low_key = std::mem::replace(&mut level.low_key, moved);
        self.downlink_above(number, block, low_key)
    }

    fn downlink_above(&mut self, number: usize, block: BlockNumber, low_key: Vec<u8>) -> Result<()> {
        let mut downlink = if low_key.is_empty() { tuple::minus_infinity(block) } else { low_key };
        set_downlink(&mut downlink, block);
        self.add(number + 1, &downlink)
    }

    /// Closes all levels. Gives the root and its level; that of an empty index, or the only leaf, is `leaf_root`.
    fn close(&mut self, leaf_root: BlockNumber) -> Result<(BlockNumber, u32)> {
        let mut root = (leaf_root, 0);
        let mut number = 0;
        while number < self.levels.len() {
            let top = number + 1 == self.levels.len();
            let level = &mut self.levels[number];
            let flags = if top { ROOT } else { 0 };
            let height = number as u32 + 1;
            let opaque = Opaque { previous: level.previous, next: NONE, level: height, flags, cycle: 0 };
            std::mem::replace(&mut level.fill, Fill::empty()).close(&mut level.page, None, opaque);
            self.batch.add(level.block, &level.page)?;
            root = (level.block, height);
            if !top {
                let (block, low_key) = (level.block, std::mem::take(&mut level.low_key));
                self.downlink_above(number, block, low_key)?;
            }
            number += 1;
        }
        Ok(root)
    }
}

/// The most a high key can take of an empty page beside one item.
const _: () = assert!(
    crate::page::MAX_ITEM_SIZE * 2 + max_align(crate::tuple::TID_SIZE)
        < PAGE_SIZE - PAGE_HEADER - crate::page::SPECIAL_SIZE - 8
);
