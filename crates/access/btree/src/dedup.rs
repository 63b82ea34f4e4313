//! Deduplication: items with the same key become one with a list of tids, when a page would otherwise be split.

use crate::key::same_image;
use crate::page::{Opaque, SPECIAL_SIZE};
use crate::records::add_item;
use crate::tuple::{IndexTuple, TID_SIZE, form_posting};
use access_api::IndexRelation;
use base::bytes::max_align;
use base::{OffsetNumber, Result, Tid};
use storage::Page;

/// `items` neighbouring items from `start` on become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    pub start: OffsetNumber,
    pub items: u16,
}

/// A posting list tuple may be no longer: half of what an item may be, 1/6 of a page.
pub const MAX_POSTING_SIZE: usize = 1352;

/// The merges that deduplicating the whole page would make, and the bytes that they would free.
pub fn plan(index: &IndexRelation, page: &Page) -> Result<(Vec<Interval>, usize)> {
    let opaque = Opaque::read(page);
    let mut intervals = Vec::new();
    let mut saved = 0;
    let mut run: Option<Run> = None;
    for number in opaque.first_item().0..=page.max_offset().0 {
        let offset = OffsetNumber(number);
        let tuple = IndexTuple(page.item(offset));
        if let Some(current) = &mut run {
            let fits = max_align(current.key_size + (current.tids + tuple.tid_count()) * TID_SIZE)
                <= MAX_POSTING_SIZE;
            if fits && same_image(index, IndexTuple(page.item(current.start)), tuple)? {
                current.tids += tuple.tid_count();
                current.items += 1;
                current.bytes += tuple.size() + 4;
                continue;
            }
            saved += current.finish(&mut intervals);
        }
        run = Some(Run {
            start: offset,
            key_size: tuple.key_size(),
            tids: tuple.tid_count(),
            items: 1,
            bytes: tuple.size() + 4,
        });
    }
    if let Some(current) = &run {
        saved += current.finish(&mut intervals);
    }
    Ok((intervals, saved))
}

struct Run {
    start: OffsetNumber,
    key_size: usize,
    tids: usize,
    items: u16,
    bytes: usize,
}

impl Run {
    fn finish(&self, intervals: &mut Vec<Interval>) -> usize {
        if self.items < 2 {
            return 0;
        }
        intervals.push(Interval { start: self.start, items: self.items });
        self.bytes.saturating_sub(max_align(self.key_size + self.tids * TID_SIZE) + 4)
    }
}

/// The page with the intervals merged.
pub fn deduplicated(page: &Page, intervals: &[Interval]) -> Box<Page> {
    let opaque = Opaque::read(page);
    let mut new = Page::zeroed();
    new.init(SPECIAL_SIZE);
    new.set_lsn(page.lsn());
    let mut next = 1;
    let mut add = |item: &[u8]| {
        add_item(&mut new, item, OffsetNumber(next));
        next += 1;
    };
    let mut number = 1;
    let mut intervals = intervals.iter().peekable();
    while number <= page.max_offset().0 {
        let merge = intervals.next_if(|interval| interval.start.0 == number);
        let Some(interval) = merge else {
            add(page.item(OffsetNumber(number)));
            number += 1;
            continue;
        };
        let end = (number + interval.items).min(page.max_offset().0 + 1);
        let mut tids: Vec<Tid> = Vec::new();
        for offset in number..end {
            tids.extend(IndexTuple(page.item(OffsetNumber(offset))).tids());
        }
        add(&form_posting(IndexTuple(page.item(OffsetNumber(number))), &tids));
        number = end;
    }
    let flags = opaque.flags & !crate::page::HAS_GARBAGE;
    Opaque { flags, ..opaque }.write(&mut new);
    new
}
