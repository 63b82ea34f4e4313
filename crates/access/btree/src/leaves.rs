//! Leaf pages for one stretch of the key space, written from left to right while other threads write other stretches.
//!
//! What depends on the neighbouring stretches is left open: the first page's left link, and the last page with its high
//! key and right link. [`crate::levels`] joins stretches and builds what is above.

use crate::dedup::MAX_POSTING_SIZE;
use crate::fill::{BATCH, Batch, Fill, Target};
use crate::insert::{deduplicates, equal_image};
use crate::key::{compare_keys, truncate};
use crate::page::{LEAF, NONE, Opaque};
use crate::runs::Tuples;
use crate::tuple::{IndexTuple, TID_SIZE, close_posting, set_downlink};
use base::bytes::max_align;
use base::{BlockNumber, PAGE_SIZE, Result, Tid};
use datum::{Datum, Row};
use std::cmp::Ordering;
use std::ops::Range;
use storage::Page;

/// Bytes of downlinks that are kept in memory for each stretch.
const DOWNLINK_MEMORY: usize = 1 << 20;

/// The leaves of a stretch, as far as they can be made alone.
pub struct Stretch {
    pub first_block: BlockNumber,
    /// The first page but for its left link, unless it is the last one, too.
    pub head: Option<Box<Page>>,
    pub tail: Tail,
    /// For the pages behind the first.
    pub downlinks: Tuples,
}

/// The last page of a stretch, not closed.
pub struct Tail {
    pub page: Box<Page>,
    pub fill: Fill,
    pub block: BlockNumber,
    pub previous: BlockNumber,
    /// Its low key; none for the stretch's first page.
    pub low_key: Vec<u8>,
}

pub struct Leaves<'t, 'a> {
    target: &'t Target<'a>,
    batch: Batch<'t, 'a>,
    fill: Fill,
    block: BlockNumber,
    first_block: BlockNumber,
    previous: BlockNumber,
    low_key: Vec<u8>,
    head: Option<Box<Page>>,
    downlinks: Tuples,
    /// Blocks for the next pages.
    blocks: Range<u32>,
    /// Bytes of entries that are still to come, as far as is known.
    pub expected_bytes: u64,
    wanted_free: usize,
    deduplicate: bool,
    /// Equal bytes are necessary for equal keys.
    images_decide: bool,
    /// The entry that may become a posting list, and the tids of its equals.
    pending: Vec<u8>,
    pending_tids: Vec<u8>,
    /// The entry before, where equal keys are looked for.
    last: Vec<u8>,
    pub duplicate: Option<Duplicate>,
}

/// Two rows that a unique index must not both have.
#[derive(Clone, Debug, PartialEq)]
pub struct Duplicate {
    pub rows: (Tid, Tid),
    /// The key columns of one of them.
    pub key: Row,
}

/// Posting lists are made no longer than this, so that a few deletions and insertions do not split pages at once.
const BUILT_POSTING_SIZE: usize = MAX_POSTING_SIZE * 3 / 5;

impl<'t, 'a> Leaves<'t, 'a> {
    /// `first_block` is known beforehand, for the stretch to the left.
    pub fn new(target: &'t Target<'a>, first_block: BlockNumber) -> Leaves<'t, 'a> {
        let index = target.tree.index;
        let mut batch = Batch::new(target);
        let fill = Fill::start(batch.open());
        let fillfactor = usize::from(index.relation.fillfactor.clamp(10, 100));
        Leaves {
            target,
            batch,
            fill,
            block: first_block,
            first_block,
            previous: NONE,
            low_key: Vec::new(),
            head: None,
            downlinks: Tuples::default(),
            blocks: 0..0,
            expected_bytes: 0,
            wanted_free: PAGE_SIZE * (100 - fillfactor) / 100,
            deduplicate: deduplicates(index) && !index.unique,
            images_decide: equal_image(index),
            pending: Vec::new(),
            pending_tids: Vec::new(),
            last: Vec::new(),
            duplicate: None,
        }
    }

    /// The next entry in order: a plain leaf tuple.
    #[inline]
    pub fn add(&mut self, item: &[u8]) -> Result<()> {
        if self.deduplicate {
            if same_but_tid(&self.pending, item) {
                let size = self.pending.len() + self.pending_tids.len() + TID_SIZE;
                if max_align(size) <= BUILT_POSTING_SIZE {
                    self.pending_tids.extend_from_slice(&item[..TID_SIZE]);
                    return Ok(());
                }
            }
            self.flush_pending()?;
            self.pending.extend_from_slice(item);
            self.pending_tids.extend_from_slice(&item[..TID_SIZE]);
            return Ok(());
        }
        if self.target.tree.index.unique {
            self.check_unique(item)?;
        }
        self.add_item(item, 0)
    }

    fn check_unique(&mut self, item: &[u8]) -> Result<()> {
        let same_image = same_but_tid(&self.last, item);
        if !self.last.is_empty() && (same_image || !self.images_decide) {
            let found = duplicates(self.target, &self.last, item)?;
            self.duplicate = self.duplicate.take().or(found);
        }
        self.last.clear();
        self.last.extend_from_slice(item);
        Ok(())
    }

    fn flush_pending(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut item = std::mem::take(&mut self.pending);
        let mut extra = 0;
        if self.pending_tids.len() > TID_SIZE {
            let key_size = item.len();
            close_posting(&mut item, &self.pending_tids);
            extra = item.len() - key_size;
        }
        self.pending_tids.clear();
        let added = self.add_item(&item, extra);
        item.clear();
        self.pending = item;
        added
    }

    #[inline]
    fn add_item(&mut self, item: &[u8], extra: usize) -> Result<()> {
        // The high key may need a tid beyond what the first item to its right takes.
        if self.fill.is_full(item.len(), max_align(TID_SIZE), self.wanted_free) {
            self.finish_page()?;
        }
        self.fill.push(self.batch.open(), item, extra);
        Ok(())
    }

    fn next_block(&mut self) -> BlockNumber {
        if self.blocks.is_empty() {
            // As many as are surely needed, so that hardly any is left over in the end.
            let expected = self.expected_bytes / (2 * PAGE_SIZE as u64);
            self.blocks = self.target.take(expected.clamp(1, BATCH as u64) as u32);
        }
        BlockNumber(self.blocks.next().unwrap_or_default())
    }

    /// The page is full: its last item moves to the next page, and the bound between the two becomes its high key.
    fn finish_page(&mut self) -> Result<()> {
        let extra = self.fill.last_extra();
        let moved = self.fill.pop(self.batch.open());
        let page = self.batch.page();
        let high_key =
            truncate(self.target.tree.index, IndexTuple(self.fill.last(page)), IndexTuple(&moved))?;
        let next = self.next_block();
        let opaque = Opaque { previous: self.previous, next, level: 0, flags: LEAF, cycle: 0 };
        let page = self.batch.open();
        let empty = Fill::empty();
        std::mem::replace(&mut self.fill, empty).close(page, Some(&high_key), opaque);
        self.previous = self.block;
        if self.block == self.first_block {
            self.head = Some(Box::new(page.clone()));
        } else {
            let mut downlink = std::mem::take(&mut self.low_key);
            set_downlink(&mut downlink, self.block);
            self.downlinks.push(&downlink, self.target.temp, DOWNLINK_MEMORY)?;
            self.batch.finished(self.block)?;
        }
        self.low_key = high_key;
        self.block = next;
        self.fill = Fill::start(self.batch.open());
        self.fill.push(self.batch.open(), &moved, extra);
        Ok(())
    }

    /// The end of the stretch; `None` if it has no entries.
    pub fn finish(mut self) -> Result<Option<Stretch>> {
        self.flush_pending()?;
        self.target.give_back(self.blocks.clone());
        if self.fill.items() == 0 {
            return Ok(None);
        }
        let page = Box::new(self.batch.page().clone());
        self.batch.flush()?;
        let Leaves { fill, block, previous, low_key, .. } = self;
        let tail = Tail { page, fill, block, previous, low_key };
        Ok(Some(Stretch { first_block: self.first_block, head: self.head, tail, downlinks: self.downlinks }))
    }
}

/// Whether two plain tuples have the same header, null bitmap and attributes.
#[inline]
fn same_but_tid(left: &[u8], right: &[u8]) -> bool {
    // Most keys are numbers.
    if let (Ok(left), Ok(right)) = (left.try_into(), right.try_into()) {
        let (left, right) = (u128::from_le_bytes(left), u128::from_le_bytes(right));
        return left >> (8 * TID_SIZE) == right >> (8 * TID_SIZE);
    }
    left.len() == right.len() && left[TID_SIZE..] == right[TID_SIZE..]
}

/// What is wrong with two neighbouring entries in a unique index.
pub fn duplicates(target: &Target<'_>, left: &[u8], right: &[u8]) -> Result<Option<Duplicate>> {
    let index = target.tree.index;
    if !index.unique {
        return Ok(None);
    }
    let (left, right) = (IndexTuple(left), IndexTuple(right));
    let (order, has_null) = compare_keys(index, left, right)?;
    if order != Ordering::Equal || has_null && !index.nulls_not_distinct {
        return Ok(None);
    }
    let mut walk = left.walk();
    let mut key = Row::new();
    for attribute in &index.attributes()[..index.keys.len()] {
        key.push(walk.value(attribute)?.get().map(Datum::to_owned));
    }
    let (a, b) = (left.tid(0), right.tid(0));
    Ok(Some(Duplicate { rows: (a.min(b), a.max(b)), key }))
}
