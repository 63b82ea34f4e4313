//! Finding a page with room for a tuple: the page used last, what the free space map knows, the last page, and
//! then new pages at the end.

use crate::header::{MAX_TUPLE_SIZE, MAX_TUPLES_PER_PAGE};
use crate::page;
use access_api::{Context, Relation};
use base::bytes::max_align;
use base::{BlockNumber, Fork, Result, bail};
use buffer::{Pin, Ring, RingKind, Strategy, fsm};
use std::ops::Range;
use storage::Page;

/// What a series of insertions into one table keeps in between: the page that it fills, and a small set of buffers
/// that it goes through, so that a bulk load does not empty the pool.
#[derive(Default)]
pub struct BulkInsert {
    target: Option<BlockNumber>,
    /// Pages that were added to the relation and are empty as yet.
    spare: Range<u32>,
    ring: Option<Ring>,
    written: u32,
}

/// Pages after which an insertion counts as a bulk load.
const RING_THRESHOLD: u32 = 256;

/// The search for a page, from one rejected candidate to the next.
pub(crate) struct Search<'a> {
    context: &'a Context,
    relation: &'a Relation,
    need: usize,
    target: usize,
    stage: Stage,
    /// Asks for this many pages when the relation must grow.
    extend_by: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Remembered,
    Map,
    Last,
    Extend,
}

impl<'a> Search<'a> {
    /// `need`: the tuple's length. `extend_by`: pages to add when the relation must grow; more than one only with a
    /// [`BulkInsert`] that remembers them.
    ///
    /// # Errors
    /// `54000` when no page can hold the tuple.
    pub fn new(
        context: &'a Context,
        relation: &'a Relation,
        need: usize,
        skip_map: bool,
        extend_by: u32,
    ) -> Result<Search<'a>> {
        let need = max_align(need);
        if need > MAX_TUPLE_SIZE {
            bail!(PROGRAM_LIMIT_EXCEEDED, "row is too big: size {need}, maximum size {MAX_TUPLE_SIZE}");
        }
        let reserve = storage_reserve(relation);
        // A page that is all but empty takes any tuple, even where the fillfactor would not allow it.
        let nearly_empty = MAX_TUPLE_SIZE - MAX_TUPLES_PER_PAGE / 8 * 4;
        let target = if need + reserve > nearly_empty { need.max(nearly_empty) } else { need + reserve };
        let stage = if skip_map { Stage::Last } else { Stage::Remembered };
        Ok(Search { context, relation, need, target, stage, extend_by })
    }

    /// Whether the page takes the tuple and leaves the fillfactor's reserve.
    pub fn fits(&self, page: &Page) -> bool {
        page.is_new() || page.heap_free_space() >= self.target
    }

    /// Whether the page takes the tuple, if need be from the reserve: for the page that an old version is on.
    pub fn fits_tightly(&self, page: &Page) -> bool {
        page.is_new() || page.heap_free_space() >= self.need
    }

    /// A page that may have room; the caller latches it and asks [`Search::fits`].
    pub fn candidate(&mut self, bulk: Option<&mut BulkInsert>) -> Result<Pin> {
        let locator = self.relation.locator;
        let pool = &self.context.pool;
        let mut empty = BulkInsert::default();
        let bulk = bulk.unwrap_or(&mut empty);
        if bulk.written > RING_THRESHOLD && bulk.ring.is_none() {
            bulk.ring = Some(Ring::new(RingKind::BulkWrite, pool));
        }
        let strategy = bulk.ring.as_ref().map_or(Strategy::Normal, Strategy::Ring);
        if self.stage == Stage::Remembered {
            self.stage = Stage::Map;
            if let Some(block) = bulk.target {
                return pool.pin(locator, Fork::Main, block, strategy);
            }
        }
        if let Some(block) = bulk.spare.next() {
            bulk.target = Some(BlockNumber(block));
            return pool.pin(locator, Fork::Main, BlockNumber(block), strategy);
        }
        if self.stage == Stage::Map {
            match fsm::page_with_free_space(pool, locator, self.target)? {
                Some(block) if block.0 < page::block_count(self.context, self.relation)? => {
                    bulk.target = Some(block);
                    return pool.pin(locator, Fork::Main, block, strategy);
                }
                // The map is ahead of the relation, which was cut short: it is put right there.
                Some(block) => fsm::record(pool, locator, block, 0)?,
                None => {}
            }
            self.stage = Stage::Last;
        }
        if self.stage == Stage::Last {
            self.stage = Stage::Extend;
            let count = page::block_count(self.context, self.relation)?;
            if count > 0 {
                let block = BlockNumber(count - 1);
                bulk.target = Some(block);
                return pool.pin(locator, Fork::Main, block, strategy);
            }
        }
        let mut pins = pool.extend_by(locator, Fork::Main, self.extend_by.max(1), strategy)?;
        let pin = pins.swap_remove(0);
        let first = pin.block().0;
        // The pool may add fewer pages than were asked for.
        let added = pins.len() as u32 + 1;
        bulk.written += added;
        bulk.spare = first + 1..first + added;
        bulk.target = Some(pin.block());
        Ok(pin)
    }

    /// The candidate had no room: the map learns of it, and the page is forgotten as a target.
    pub fn reject(&mut self, block: BlockNumber, free: usize, bulk: Option<&mut BulkInsert>) -> Result<()> {
        if let Some(bulk) = bulk {
            bulk.target = None;
        }
        if self.stage == Stage::Map {
            fsm::record(&self.context.pool, self.relation.locator, block, free)?;
        }
        Ok(())
    }
}

/// Bytes of a page that insertions leave free.
pub(crate) fn storage_reserve(relation: &Relation) -> usize {
    base::PAGE_SIZE * usize::from(100u8.saturating_sub(relation.fillfactor.max(10))) / 100
}
