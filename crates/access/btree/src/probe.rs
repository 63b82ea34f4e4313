//! Looking up many keys: what a nested loop asks of its inner side's index.
//!
//! Inner pages are copied when they are first met, and keys are led down through the copies, without pins and latches
//! that all who use the index would have to take turns at. A copy may grow old. That does no harm: whatever was moved
//! is found along right links, as after any split, and a leaf that was deleted is not used again while the statement's
//! snapshot is in use. Leaves are read as they are. Those of several keys are pinned before the first is read, so that their
//! memory is on its way together.

use crate::insert::equal_on_page;
use crate::key::SearchKey;
use crate::page::{META_BLOCK, Meta, NONE, Opaque};
use crate::search::Tree;
use crate::tuple::IndexTuple;
use access_api::{Context, IndexRelation, IntegerOrder};
use base::{BlockNumber, OffsetNumber, Result, Tid};
use buffer::Pin;
use datum::{Column, Datum, Repr};
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::ops::Range;
use storage::Page;

/// Copies of inner pages that are kept, each at its block's remainder.
const COPIES: usize = 256;
/// Keys whose leaves are pinned together.
const TOGETHER: usize = 16;
/// A pool of fewer frames has none to spare for pages that are pinned ahead.
const LEAST_FRAMES: usize = 4096;
/// What of a leaf's line pointers a binary search asks for first, roughly.
const FIRST_LINES: [Range<usize>; 4] = [0..64, 320..384, 640..704, 960..1024];

type Values<'a> = SmallVec<[Option<Datum<'a>>; 4]>;

/// Looks up keys in one index for one statement.
pub struct Prober {
    context: Context,
    index: IndexRelation,
    /// Where searches begin, and on which level; known from the first search on.
    root: Option<(BlockNumber, u32)>,
    copies: Vec<Option<(BlockNumber, Box<Page>)>>,
    /// How the first column's values compare as integers, if they do.
    first: Option<Repr>,
}

impl Prober {
    pub fn new(context: &Context, index: &IndexRelation) -> Prober {
        let repr = index.attributes()[0].layout.repr;
        let key = &index.keys[0];
        let plain = key.order.integer() == Some(IntegerOrder::Signed)
            && !key.descending
            && matches!(repr, Repr::Int4 | Repr::Int8);
        Prober {
            context: context.clone(),
            index: index.clone(),
            root: None,
            copies: Vec::new(),
            first: plain.then_some(repr),
        }
    }

    /// Appends, for row after row, the rows that entries lead to whose leading columns equal the row's in `keys`, and as
    /// many times the row's number to `sources`. Ends after the row with which `most` are reached, or before one that
    /// alone has more. Returns the first row that was not looked up.
    ///
    /// # Errors
    /// `XX002` for a damaged index.
    pub fn probe(
        &mut self,
        keys: &[&Column],
        rows: Range<usize>,
        most: usize,
        tids: &mut Vec<Tid>,
        sources: &mut Vec<u32>,
    ) -> Result<usize> {
        let mut row = rows.start;
        let together = if self.context.pool.frames() < LEAST_FRAMES { 1 } else { TOGETHER };
        let (mut pins, mut places) = (Vec::with_capacity(TOGETHER), Vec::with_capacity(TOGETHER));
        while row < rows.end {
            let end = rows.end.min(row + together);
            pins.clear();
            places.clear();
            for row in row..end {
                places.push(self.approach(keys, row, &mut pins)?);
            }
            for (row, place) in (row..end).zip(&places) {
                let Some(pin) = place.and_then(|place: usize| pins.get(place)) else { continue };
                let before = tids.len();
                if !self.collect(keys, row, pin.clone(), before + most, tids)? {
                    tids.truncate(before);
                    return Ok(row);
                }
                sources.resize(tids.len(), row as u32);
                if tids.len() >= most {
                    return Ok(row + 1);
                }
            }
            self.context.transaction.session().locks().check_interrupts()?;
            row = end;
        }
        Ok(row)
    }

    /// Pins the leaf where a row's key belongs and asks for its memory. `None`: nothing equals the key.
    fn approach(&mut self, keys: &[&Column], row: usize, pins: &mut Vec<Pin>) -> Result<Option<usize>> {
        let values: Values<'_> = keys.iter().map(|column| column.get(row)).collect();
        if values.iter().any(Option::is_none) {
            return Ok(None);
        }
        let Some(block) = self.leaf_of(&values)? else { return Ok(None) };
        if pins.last().is_none_or(|pin| pin.block() != block) {
            let pin = Tree::new(&self.context, &self.index).pin(block)?;
            FIRST_LINES.into_iter().for_each(|lines| pin.fetch_memory(lines));
            pins.push(pin);
        }
        Ok(pins.len().checked_sub(1))
    }

    /// The leaf where a key belongs, as the copies tell; `None` when the index is empty.
    fn leaf_of(&mut self, values: &[Option<Datum<'_>>]) -> Result<Option<BlockNumber>> {
        let (mut block, mut level) = match self.root {
            Some(root) => root,
            None => {
                let meta: Meta = Tree::new(&self.context, &self.index).meta()?;
                if meta.root == NONE {
                    return Ok(None);
                }
                *self.root.insert((meta.fast_root, meta.fast_level))
            }
        };
        while level > 0 {
            let slot = self.copy(block)?;
            let Some((_, page)) = &self.copies[slot] else { break };
            let tree = Tree::new(&self.context, &self.index);
            let opaque = Opaque::read(page);
            let key = SearchKey::of_values(&self.index, values, None);
            if key.is_beyond(&self.index, page, opaque)? {
                block = opaque.next;
            } else if opaque.is_ignored() {
                return Err(tree.damaged("fell off the end of a level"));
            } else {
                let offset = self.search(&key, page, opaque)?;
                block = IndexTuple(page.item(offset)).downlink();
                level = opaque.level.saturating_sub(1);
            }
        }
        Ok((block != META_BLOCK).then_some(block))
    }

    /// Where the copy of an inner page is, made if there is none.
    fn copy(&mut self, block: BlockNumber) -> Result<usize> {
        if self.copies.is_empty() {
            self.copies.resize_with(COPIES, || None);
        }
        let slot = block.0 as usize % COPIES;
        if self.copies[slot].as_ref().is_none_or(|(known, _)| *known != block) {
            let tree = Tree::new(&self.context, &self.index);
            let pin = tree.pin(block)?;
            let page = pin.read();
            tree.opaque(&page, block)?;
            let mut copy = Page::zeroed();
            copy.bytes_mut().copy_from_slice(page.bytes());
            self.copies[slot] = Some((block, copy));
        }
        Ok(slot)
    }

    /// As [`SearchKey::binary_search`], comparing integers directly.
    fn search(&self, key: &SearchKey<'_>, page: &Page, opaque: Opaque) -> Result<OffsetNumber> {
        let wanted = match (self.first, key.parts.first().and_then(|part| part.value)) {
            (Some(Repr::Int4), Some(Datum::Int4(value))) => i64::from(value),
            (Some(Repr::Int8), Some(Datum::Int8(value))) => value,
            _ => return key.binary_search(&self.index, page, opaque),
        };
        let is_long = self.first == Some(Repr::Int8);
        let first = opaque.first_item().0;
        let (mut low, mut high) = (first, page.max_offset().0 + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let stored = match !opaque.is_leaf() && middle == first {
                true => None,
                false => IndexTuple(page.item(OffsetNumber(middle))).first_integer(is_long),
            };
            let order = match stored.map(|stored| wanted.cmp(&stored)) {
                Some(order @ (Ordering::Less | Ordering::Greater)) => order,
                _ => key.compare(&self.index, page, opaque, OffsetNumber(middle))?,
            };
            if order == Ordering::Greater {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(OffsetNumber(if opaque.is_leaf() { low } else { low.saturating_sub(1).max(first) }))
    }

    /// Appends what the entries equal to a row's key lead to; false when there are more than `most` in all.
    fn collect(
        &self,
        keys: &[&Column],
        row: usize,
        mut pin: Pin,
        most: usize,
        tids: &mut Vec<Tid>,
    ) -> Result<bool> {
        let tree = Tree::new(&self.context, &self.index);
        let values: Values<'_> = keys.iter().map(|column| column.get(row)).collect();
        let key = SearchKey::of_values(&self.index, &values, None);
        let mut found = false;
        loop {
            let next = {
                let page = pin.read();
                let opaque = tree.opaque(&page, pin.block())?;
                if opaque.is_ignored() || !found && key.is_beyond(&self.index, &page, opaque)? {
                    opaque.next
                } else {
                    let start = if found { opaque.first_item() } else { self.search(&key, &page, opaque)? };
                    found = true;
                    if equal_on_page(&self.index, &page, opaque, start, &key, tids)? {
                        return Ok(true);
                    }
                    opaque.next
                }
            };
            if next == NONE {
                return Ok(true);
            }
            if tids.len() > most {
                return Ok(false);
            }
            pin = tree.pin(next)?;
        }
    }
}
