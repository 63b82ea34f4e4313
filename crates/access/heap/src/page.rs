//! What all operations do with heap pages.

use crate::header::{Header, HeaderMut, XMAX_IS_MULTI};
use access_api::{Context, Persistence, Relation};
use base::{BlockNumber, Error, Fork, OffsetNumber, Result, Xid};
use buffer::{Logging, PageWrite, Pin, Strategy};
use std::cell::OnceCell;
use storage::{LinePointer, Page};

/// Hint bits found under a shared latch, to be set once it is gone.
#[derive(Default)]
pub struct Hints(Vec<Hint>);

struct Hint {
    offset: OffsetNumber,
    bits: u16,
    /// The header that the bits were derived from: if it has changed, they are void.
    xmin: u32,
    xmax: u32,
    multi: bool,
}

impl Hints {
    #[inline]
    pub fn add(&mut self, offset: OffsetNumber, header: &Header, bits: u16) {
        if bits != 0 {
            self.0.push(Hint {
                offset,
                bits,
                xmin: header.xmin,
                xmax: header.xmax,
                multi: header.mask.is_multi(),
            });
        }
    }

    /// Sets the bits unless the page is busy; they are only hints.
    pub fn apply(&mut self, pin: &Pin) {
        if self.0.is_empty() {
            return;
        }
        if let Some(mut page) = pin.try_write() {
            page.hint(|page| self.set(page));
        }
        self.0.clear();
    }

    fn set(&self, page: &mut Page) {
        for hint in &self.0 {
            if hint.offset > page.max_offset() || page.item_id(hint.offset).state() != LinePointer::Normal {
                continue;
            }
            let tuple = page.item_mut(hint.offset);
            let header = Header::read(tuple);
            let same = header.xmin == hint.xmin
                && header.xmax == hint.xmax
                && header.mask.has(XMAX_IS_MULTI) == hint.multi;
            if same {
                HeaderMut(tuple).set_mask(header.mask.0 | hint.bits);
            }
        }
    }
}

/// Whether `offset` holds a tuple.
#[inline]
pub fn is_normal(page: &Page, offset: OffsetNumber) -> bool {
    offset.0 >= 1 && offset <= page.max_offset() && page.item_id(offset).state() == LinePointer::Normal
}

/// All offsets of a page.
pub fn offsets(page: &Page) -> impl Iterator<Item = OffsetNumber> + use<> {
    (1..=page.max_offset().0).map(OffsetNumber)
}

pub fn pin(context: &Context, relation: &Relation, block: BlockNumber) -> Result<Pin> {
    context.pool.pin(relation.locator, Fork::Main, block, Strategy::Normal)
}

pub fn block_count(context: &Context, relation: &Relation) -> Result<u32> {
    Ok(context.pool.block_count(relation.locator, Fork::Main)?.0)
}

pub fn logging(relation: &Relation, xid: Xid) -> Logging {
    match relation.persistence {
        Persistence::Permanent => Logging::Logged { xid },
        Persistence::Unlogged | Persistence::Temporary => Logging::Unlogged,
    }
}

/// The oldest transaction that may still look at rows of this relation. Versions deleted before it are dead.
pub fn scope(context: &Context, relation: &Relation) -> txn::Scope {
    match relation.persistence {
        Persistence::Temporary => txn::Scope::Temporary(context.transaction.top_xid_if_assigned()),
        _ if !relation.database.is_valid() => txn::Scope::Shared,
        _ if relation.is_catalog => txn::Scope::Catalog(relation.database),
        _ => txn::Scope::Data(relation.database),
    }
}

pub fn prune_horizon(context: &Context, relation: &Relation) -> Xid {
    context.transaction.transactions().prune_horizon(scope(context, relation))
}

pub fn no_block(relation: &Relation, block: BlockNumber) -> Error {
    Error::corrupted(format!(
        "block {block} of relation \"{}\" does not hold what points to it",
        relation.name
    ))
}

/// A page's private copy.
pub fn copy_page(page: &Page) -> Box<Page> {
    let mut copy = Page::zeroed();
    copy.bytes_mut().copy_from_slice(page.bytes());
    copy
}

/// Where the pin of a visibility map page is kept while a heap page is latched. It comes into being before the heap
/// page's guard, so that both can take part in one change.
#[derive(Default)]
pub struct MapPin(OnceCell<Pin>);

impl MapPin {
    /// With the pin of a page that is known to be the right one.
    pub fn holding(pin: Option<Pin>) -> MapPin {
        MapPin(pin.map_or_else(OnceCell::new, OnceCell::from))
    }

    /// The map's page for a heap block.
    pub fn get(&self, context: &Context, relation: &Relation, block: BlockNumber) -> Result<&Pin> {
        if let Some(pin) = self.0.get() {
            return Ok(pin);
        }
        let pin = buffer::vm::pin(&context.pool, relation.locator, block)?;
        Ok(self.0.get_or_init(|| pin))
    }

    /// The map's page, latched, when the heap block has one of `bits` there.
    pub fn latch_if_set(
        &self,
        context: &Context,
        relation: &Relation,
        block: BlockNumber,
        bits: u8,
    ) -> Result<Option<PageWrite<'_>>> {
        let map = self.get(context, relation, block)?.write();
        Ok(Some(map).filter(|map| buffer::vm::bits(map, block) & bits != 0))
    }
}
