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
use access_api::{Context, IndexRelation};
use base::{BlockNumber, Fork, OffsetNumber, PAGE_SIZE, Result, Tid};
use buffer::{PageRead, Pin};
use datum::{Column, Datum};
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::ops::Range;
use storage::{PAGE_HEADER, Page};

/// Copies of inner pages that are kept, each at its block's remainder.
const COPIES: usize = 256;
/// Keys whose leaves are pinned together.
const TOGETHER: usize = 16;
/// A pool of fewer frames has none to spare for pages that are pinned ahead.
const LEAST_FRAMES: usize = 4096;
/// What a binary search of a leaf asks for first, roughly: header, special area and some line pointers.
const FIRST_PLACES: [usize; 5] = [0, 320, 640, 960, PAGE_SIZE - 1];

type Values<'a> = SmallVec<[Option<Datum<'a>>; 4]>;

/// Looks up keys in one index for one statement.
pub struct Prober {
    context: Context,
    index: IndexRelation,
    /// Where searches begin, and on which level; known from the first search on.
    root: Option<(BlockNumber, u32)>,
    copies: Vec<Option<(BlockNumber, Box<Page>)>>,
}

impl Prober {
    pub fn new(context: &Context, index: &IndexRelation) -> Prober {
        Prober { context: context.clone(), index: index.clone(), root: None, copies: Vec::new() }
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
            self.approach(keys, row..end, &mut pins, &mut places)?;
            let mut leaves = Leaves::new(self, keys, row, &pins, &places)?;
            for (row, place) in (row..end).zip(&places) {
                let Some(pin) = place.and_then(|place: usize| pins.get(place)) else { continue };
                let before = tids.len();
                let whole = match leaves.found(row, tids)? {
                    Found::All => true,
                    Found::Until(next) if next == NONE => true,
                    Found::Until(_) if tids.len() > before + most => false,
                    Found::Until(next) => {
                        // Nobody waits for a page while holding another.
                        leaves.let_go();
                        let pin = Tree::new(&self.context, &self.index).pin(next)?;
                        self.collect(keys, row, pin, true, before + most, tids)?
                    }
                    Found::Unknown => {
                        leaves.let_go();
                        self.collect(keys, row, pin.clone(), false, before + most, tids)?
                    }
                };
                if !whole {
                    tids.truncate(before);
                    return Ok(row);
                }
                sources.resize(tids.len(), row as u32);
                if tids.len() >= most {
                    return Ok(row + 1);
                }
            }
            drop(leaves);
            self.context.transaction.session().locks().check_interrupts()?;
            row = end;
        }
        Ok(row)
    }

    /// Pins the leaves where the rows' keys belong, having asked for their memory; `places` tells which is whose. `None`:
    /// nothing equals the key.
    fn approach(
        &mut self,
        keys: &[&Column],
        rows: Range<usize>,
        pins: &mut Vec<Pin>,
        places: &mut Vec<Option<usize>>,
    ) -> Result<()> {
        let mut blocks: SmallVec<[Option<BlockNumber>; TOGETHER]> = SmallVec::new();
        for row in rows {
            let values: Values<'_> = keys.iter().map(|column| column.get(row)).collect();
            let block = match values.iter().any(Option::is_none) {
                true => None,
                false => self.leaf_of(&values)?,
            };
            if let Some(block) = block {
                let locator = self.index.relation.locator;
                self.context.pool.fetch_memory(locator, Fork::Main, block, &FIRST_PLACES);
            }
            blocks.push(block);
        }
        for block in blocks {
            let Some(block) = block else {
                places.push(None);
                continue;
            };
            if pins.last().is_none_or(|pin| pin.block() != block) {
                pins.push(Tree::new(&self.context, &self.index).pin(block)?);
            }
            places.push(pins.len().checked_sub(1));
        }
        Ok(())
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
                let offset = key.binary_search(&self.index, page, opaque)?;
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

    /// Appends what the entries equal to a row's key lead to, from the first of them on or, when some were `found`, on
    /// this page and those to the right; false when there are more than `most` in all.
    fn collect(
        &self,
        keys: &[&Column],
        row: usize,
        mut pin: Pin,
        mut found: bool,
        most: usize,
        tids: &mut Vec<Tid>,
    ) -> Result<bool> {
        let tree = Tree::new(&self.context, &self.index);
        let values: Values<'_> = keys.iter().map(|column| column.get(row)).collect();
        let key = SearchKey::of_values(&self.index, &values, None);
        loop {
            let next = {
                let page = pin.read();
                let opaque = tree.opaque(&page, pin.block())?;
                if opaque.is_ignored() || !found && key.is_beyond(&self.index, &page, opaque)? {
                    opaque.next
                } else {
                    let start = match found {
                        true => opaque.first_item(),
                        false => key.binary_search(&self.index, &page, opaque)?,
                    };
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

/// What is known of a row's entries.
enum Found {
    /// All were appended.
    All,
    /// Those on the leaf were; there may be more on the page to the right.
    Until(BlockNumber),
    Unknown,
}

/// A search for a row's first entry on its leaf.
struct Search<'a> {
    row: usize,
    place: usize,
    key: SearchKey<'a>,
    wanted: (i64, bool),
    opaque: Opaque,
    low: u16,
    high: u16,
}

impl Search<'_> {
    fn middle(&self) -> Option<OffsetNumber> {
        (self.low < self.high).then(|| OffsetNumber(self.low + (self.high - self.low) / 2))
    }
}

/// Leaves that are searched together, step by step, so that the memory that the next step of each needs is on its way
/// at once. All of them are latched meanwhile: whoever holds this must not wait for any page.
struct Leaves<'a> {
    prober: &'a Prober,
    /// `None` for a page that would have had to be waited for.
    pages: SmallVec<[Option<PageRead<'a>>; TOGETHER]>,
    searches: SmallVec<[Search<'a>; TOGETHER]>,
}

impl<'a> Leaves<'a> {
    /// `first_row`: the row of the first of `places`.
    fn new(
        prober: &'a Prober,
        keys: &[&'a Column],
        first_row: usize,
        pins: &'a [Pin],
        places: &[Option<usize>],
    ) -> Result<Leaves<'a>> {
        let mut leaves = Leaves { prober, pages: SmallVec::new(), searches: SmallVec::new() };
        if pins.len() < 2 {
            return Ok(leaves);
        }
        leaves.pages.extend(pins.iter().map(Pin::try_read));
        let tree = Tree::new(&prober.context, &prober.index);
        for (row, place) in (first_row..).zip(places) {
            let Some(place) = *place else { continue };
            let Some(Some(page)) = leaves.pages.get(place) else { continue };
            let opaque = tree.opaque(page, pins[place].block())?;
            let values: Values<'_> = keys.iter().map(|column| column.get(row)).collect();
            let key = SearchKey::of_values(&prober.index, &values, None);
            let Some(wanted) = key.first_integer(&prober.index) else { continue };
            if !opaque.is_ignored() {
                let (low, high) = (opaque.first_item().0, page.max_offset().0 + 1);
                leaves.searches.push(Search { row, place, key, wanted, opaque, low, high });
            }
        }
        while leaves.step()? {}
        Ok(leaves)
    }

    /// One step of all searches that are not at their end; false when there is none.
    fn step(&mut self) -> Result<bool> {
        for search in &self.searches {
            if let (Some(Some(page)), Some(middle)) = (self.pages.get(search.place), search.middle()) {
                let line_pointer = PAGE_HEADER + 4 * (usize::from(middle.0) - 1);
                page.pin().fetch_memory(line_pointer..line_pointer + 1);
            }
        }
        for search in &self.searches {
            if let (Some(Some(page)), Some(middle)) = (self.pages.get(search.place), search.middle()) {
                let item = page.item_id(middle).offset();
                page.pin().fetch_memory(item..item + 1);
            }
        }
        let mut is_open = false;
        for search in &mut self.searches {
            let (Some(Some(page)), Some(middle)) = (self.pages.get(search.place), search.middle()) else {
                continue;
            };
            let wanted = Some(search.wanted);
            match search.key.compare_from(wanted, &self.prober.index, page, search.opaque, middle)? {
                Ordering::Greater => search.low = middle.0 + 1,
                _ => search.high = middle.0,
            }
            is_open |= search.low < search.high;
        }
        Ok(is_open)
    }

    /// Appends what the entries on its leaf lead to that equal a row's key.
    fn found(&self, row: usize, tids: &mut Vec<Tid>) -> Result<Found> {
        let Ok(at) = self.searches.binary_search_by_key(&row, |search| search.row) else {
            return Ok(Found::Unknown);
        };
        let search = &self.searches[at];
        let Some(Some(page)) = self.pages.get(search.place) else { return Ok(Found::Unknown) };
        let index = &self.prober.index;
        // Only a key that comes after all items may belong on a page to the right.
        if search.low > page.max_offset().0 && search.key.is_beyond(index, page, search.opaque)? {
            return Ok(Found::Unknown);
        }
        let start = OffsetNumber(search.low);
        Ok(match equal_on_page(index, page, search.opaque, start, &search.key, tids)? {
            true => Found::All,
            false => Found::Until(search.opaque.next),
        })
    }

    /// Gives up all latches; nothing is known from then on.
    fn let_go(&mut self) {
        self.pages.clear();
    }
}
