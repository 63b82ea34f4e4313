//! Splitting a page in two.
//!
//! ```text
//!   L ⇄ R            L (incomplete) ⇄ N ⇄ R          parent: ..., L, ...   →   ..., L, N, ...
//! ```
//! Between the two steps the parent does not know of N; searches get there by L's right link, and whoever comes to
//! insert completes the split first.

use crate::page::{self, HAS_GARBAGE, INCOMPLETE_SPLIT, LEAF, NONE, Opaque, ROOT, SPLIT_END};
use crate::records::{SPLIT_L, SPLIT_R, add_item, clear_incomplete_split, missing, restore_items};
use crate::tuple::{IndexTuple, size_at, swap_posting};
use base::bytes::Reader;
use base::{BlockNumber, OffsetNumber, Result};
use std::borrow::Cow;
use storage::Page;
use wal::{Change, Record, RecordWriter, RmgrId};

/// Block 0: the page that is split, 1: the new one, 2: what was its right sibling, 3: the child whose split made
/// the new item necessary.
pub struct Split<'r> {
    pub level: u32,
    pub left: BlockNumber,
    pub right: BlockNumber,
    pub old_right: BlockNumber,
    /// The first old item that goes right.
    pub first_right: OffsetNumber,
    pub new_offset: OffsetNumber,
    pub new_on_left: bool,
    /// As for [`crate::records::Insert`].
    pub posting_split: u16,
    /// The new item; absent when it goes right and splits no posting list.
    pub item: Cow<'r, [u8]>,
    pub left_high_key: Cow<'r, [u8]>,
    /// The right page's items, end to end.
    pub right_items: Cow<'r, [u8]>,
}

impl Split<'_> {
    /// The left half of `page`.
    fn left_page(&self, page: &Page) -> Box<Page> {
        let old = Opaque::read(page);
        let mut new = Page::zeroed();
        let mut flags = old.flags & !(ROOT | SPLIT_END | HAS_GARBAGE) | INCOMPLETE_SPLIT;
        if self.level == 0 {
            flags |= LEAF;
        }
        page::init(&mut new, Opaque { next: self.right, flags, cycle: 0, ..old });
        new.set_lsn(page.lsn());
        add_item(&mut new, &self.left_high_key, page::HIGH_KEY);
        let split_list = (self.posting_split > 0).then(|| self.new_offset.0 - 1).map(|at| {
            (at, swap_posting(&self.item, page.item(OffsetNumber(at)), usize::from(self.posting_split)))
        });
        let new_item: &[u8] = split_list.as_ref().map_or(&self.item, |(_, (_, item))| item);
        let mut next = 2;
        let mut add = |item: &[u8]| {
            add_item(&mut new, item, OffsetNumber(next));
            next += 1;
        };
        for number in old.first_item().0..self.first_right.0 {
            if self.new_on_left && number == self.new_offset.0 {
                add(new_item);
            }
            match &split_list {
                Some((at, (list, _))) if *at == number => add(list),
                _ => add(page.item(OffsetNumber(number))),
            }
        }
        if self.new_on_left && self.new_offset == self.first_right {
            add(new_item);
        }
        new
    }
}

impl<'r> Change<'r> for Split<'r> {
    const RMGR: RmgrId = RmgrId::BTREE;

    fn info(&self) -> u8 {
        if self.new_on_left { SPLIT_L } else { SPLIT_R }
    }

    fn encode(&self, out: &mut RecordWriter) {
        out.main(&self.level.to_le_bytes());
        for number in [self.first_right.0, self.new_offset.0, self.posting_split] {
            out.main(&number.to_le_bytes());
        }
        if self.new_on_left || self.posting_split > 0 {
            out.block(0, &self.item);
        }
        out.block(0, &self.left_high_key);
        out.block(1, &self.right_items);
    }

    fn decode(record: &Record<'r>) -> Result<Split<'r>> {
        let mut main = record.reader();
        let level = main.u32()?;
        let (first_right, new_offset) = (OffsetNumber(main.u16()?), OffsetNumber(main.u16()?));
        let posting_split = main.u16()?;
        let new_on_left = record.op() == SPLIT_L;
        let left = record.block(0).ok_or_else(|| missing("split"))?;
        let right = record.block(1).ok_or_else(|| missing("split"))?;
        let mut data = Reader::new(record.data(0));
        let mut item = || -> Result<&'r [u8]> {
            let size = size_at(data.rest()).unwrap_or(8);
            data.take(size)
        };
        let (mut new_item, mut high_key): (&[u8], &[u8]) = (&[], &[]);
        if left.has_data {
            if new_on_left || posting_split > 0 {
                new_item = item()?;
            }
            high_key = item()?;
        }
        Ok(Split {
            level,
            left: left.block,
            right: right.block,
            old_right: record.block(2).map_or(NONE, |block| block.block),
            first_right,
            new_offset,
            new_on_left,
            posting_split,
            item: Cow::Borrowed(new_item),
            left_high_key: Cow::Borrowed(high_key),
            right_items: Cow::Borrowed(record.data(1)),
        })
    }

    fn apply(&self, block: u8, page: &mut Page) {
        match block {
            0 => {
                let new = self.left_page(page);
                page.bytes_mut().copy_from_slice(new.bytes());
            }
            1 => {
                let flags = if self.level == 0 { LEAF } else { 0 };
                let opaque =
                    Opaque { previous: self.left, next: self.old_right, level: self.level, flags, cycle: 0 };
                page::init(page, opaque);
                restore_items(page, &self.right_items);
            }
            2 => {
                let mut opaque = Opaque::read(page);
                opaque.previous = self.right;
                opaque.write(page);
            }
            _ => clear_incomplete_split(page),
        }
    }
}

/// What the right page will hold, end to end with the last item first, and the first item on the right, which the
/// left high key is made of, with the last one on the left.
pub struct Halves {
    pub right_items: Vec<u8>,
    pub last_left: Vec<u8>,
    pub first_right: Vec<u8>,
}

/// Works out the halves. `list` replaces the item before `new_offset` where a posting list is split.
pub fn halves(
    page: &Page,
    first_right: OffsetNumber,
    new_offset: OffsetNumber,
    new_on_left: bool,
    item: &[u8],
    list: Option<&[u8]>,
) -> Halves {
    let opaque = Opaque::read(page);
    let old = |number: u16| -> &[u8] {
        match list {
            Some(list) if number + 1 == new_offset.0 => list,
            _ => page.item(OffsetNumber(number)),
        }
    };
    let mut left: Vec<&[u8]> = (opaque.first_item().0..first_right.0).map(old).collect();
    let mut right: Vec<&[u8]> = (first_right.0..=page.max_offset().0).map(old).collect();
    if new_on_left {
        left.insert(usize::from(new_offset.0 - opaque.first_item().0), item);
    } else {
        right.insert(usize::from(new_offset.0 - first_right.0), item);
    }
    let first = right[0].to_vec();
    let last = left[left.len() - 1].to_vec();
    let mut page_items: Vec<Cow<'_, [u8]>> = right.into_iter().map(Cow::Borrowed).collect();
    if !opaque.is_leaf() {
        page_items[0] = Cow::Owned(crate::tuple::minus_infinity(IndexTuple(&first).downlink()));
    }
    if !opaque.is_rightmost() {
        page_items.insert(0, Cow::Borrowed(page.item(page::HIGH_KEY)));
    }
    let mut raw = Vec::new();
    for item in page_items.iter().rev() {
        raw.extend_from_slice(item);
        raw.resize(base::bytes::max_align(raw.len()), 0);
    }
    Halves { right_items: raw, last_left: last, first_right: first }
}
