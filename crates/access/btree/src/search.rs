//! Descending the tree.
//!
//! No latch is held while another page is latched: a page may be split meanwhile, and then what is looked for is
//! found by following right links, as the high key tells (Lehman and Yao).

use crate::key::SearchKey;
use crate::page::{self, META_BLOCK, Meta, NONE, Opaque};
use crate::tuple::IndexTuple;
use access_api::{Context, IndexRelation};
use base::{BlockNumber, Error, Fork, OffsetNumber, Result, SqlState};
use buffer::{PageWrite, Pin, Strategy};
use smallvec::SmallVec;
use std::cell::OnceCell;
use storage::Page;

/// Where a search came down: per level, the page and the item that led further. Hints only, as pages split.
pub type Path = SmallVec<[(BlockNumber, OffsetNumber); 6]>;

/// A page for a new part of the tree: a recycled one, or one at the end.
#[derive(Default)]
pub struct NewPage([OnceCell<Pin>; 4]);

impl NewPage {
    /// Finds and latches it. Others may snatch a recycled page in between, one at the end hardly.
    pub fn latch(&self, tree: Tree<'_>) -> Result<PageWrite<'_>> {
        for slot in &self.0 {
            let pin = tree.allocate()?;
            let latch = slot.get_or_init(|| pin).write();
            if tree.is_recyclable(&latch) {
                return Ok(latch);
            }
        }
        Err(tree.damaged("pages that the free space map calls free are in use"))
    }
}

/// An index with the context of whoever uses it.
#[derive(Clone, Copy)]
pub struct Tree<'a> {
    pub context: &'a Context,
    pub index: &'a IndexRelation,
}

impl<'a> Tree<'a> {
    pub fn new(context: &'a Context, index: &'a IndexRelation) -> Tree<'a> {
        Tree { context, index }
    }

    pub fn name(&self) -> &'a str {
        &self.index.relation.name
    }

    pub fn pin(&self, block: BlockNumber) -> Result<Pin> {
        self.context.pool.pin(self.index.relation.locator, Fork::Main, block, Strategy::Normal)
    }

    pub fn block_count(&self) -> Result<u32> {
        Ok(self.context.pool.block_count(self.index.relation.locator, Fork::Main)?.0)
    }

    pub fn meta(&self) -> Result<Meta> {
        let pin = self.pin(META_BLOCK)?;
        let page = pin.read();
        Meta::read(&page, self.name())
    }

    /// The special area of a page that is known to be one of a B-tree.
    pub fn opaque(&self, page: &Page, block: BlockNumber) -> Result<Opaque> {
        page::check(page, self.name(), block)?;
        Ok(Opaque::read(page))
    }

    pub fn damaged(&self, what: impl std::fmt::Display) -> Error {
        Error::new(SqlState::INDEX_CORRUPTED, format!("index \"{}\": {what}", self.name()))
    }

    /// The leaf where `key` belongs, pinned, with the way there; `None` when the index is empty. By the time the leaf
    /// is latched, its right part may have moved: see [`Tree::move_right`].
    pub fn descend(&self, key: &SearchKey<'_>) -> Result<Option<(Pin, Path)>> {
        self.descend_to(key, 0)
    }

    /// As [`Tree::descend`], down to `level`.
    pub fn descend_to(&self, key: &SearchKey<'_>, level: u32) -> Result<Option<(Pin, Path)>> {
        let meta = self.meta()?;
        if meta.root == NONE {
            return Ok(None);
        }
        let start = if meta.fast_level >= level { meta.fast_root } else { meta.root };
        let mut pin = self.pin(start)?;
        let mut path = Path::new();
        loop {
            let next = {
                let page = pin.read();
                let opaque = self.opaque(&page, pin.block())?;
                if key.is_beyond(self.index, &page, opaque)? {
                    opaque.next
                } else if opaque.is_ignored() {
                    return Err(self.damaged("fell off the end of a level"));
                } else if opaque.level <= level {
                    break;
                } else {
                    let offset = key.binary_search(self.index, &page, opaque)?;
                    path.push((pin.block(), offset));
                    IndexTuple(page.item(offset)).downlink()
                }
            };
            pin = self.pin(next)?;
        }
        Ok(Some((pin, path)))
    }

    /// The page of this level where `key` belongs, from one that is not right of it. With `finish` given, splits
    /// that were interrupted are completed on the way.
    pub fn move_right(&self, mut pin: Pin, key: &SearchKey<'_>) -> Result<Pin> {
        loop {
            let next = {
                let page = pin.read();
                let opaque = self.opaque(&page, pin.block())?;
                if !key.is_beyond(self.index, &page, opaque)? { None } else { Some(opaque.next) }
            };
            match next {
                None => return Ok(pin),
                Some(next) => pin = self.pin(next)?,
            }
        }
    }

    /// A page that may be free: who latches it has to look again.
    fn allocate(&self) -> Result<Pin> {
        let pool = &self.context.pool;
        let locator = self.index.relation.locator;
        while let Some(block) = buffer::fsm::page_with_free_space(pool, locator, 1)? {
            buffer::fsm::record(pool, locator, block, 0)?;
            if block.0 == 0 || block.0 >= self.block_count()? {
                continue;
            }
            let pin = self.pin(block)?;
            let recyclable = pin.try_write().is_some_and(|page| self.is_recyclable(&page));
            if recyclable {
                return Ok(pin);
            }
        }
        pool.extend(locator, Fork::Main, Strategy::Normal)
    }

    /// Nobody can be on the way to this page any more.
    pub fn is_recyclable(&self, page: &PageWrite<'_>) -> bool {
        if page.is_new() {
            return true;
        }
        if page.special().len() != page::SPECIAL_SIZE || !Opaque::read(page).is(page::DELETED) {
            return false;
        }
        let transactions = self.context.transaction.transactions();
        page::safe_xid(page) < transactions.horizon(txn::Scope::Shared).0
    }
}
