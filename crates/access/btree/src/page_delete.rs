//! Taking empty leaves out of the tree.
//!
//! ```text
//!   1. half-dead:  the parent's downlink to P leads to P's right sibling, whose own downlink goes; P's range is now
//!                  the right sibling's
//!   2. unlink:     the siblings' links pass P by; P is kept, as someone may be on the way to it, until its safe xid
//!                  is out of everyone's sight
//! ```
//! A page that is its parent's last child, or the last of its level, stays.

use crate::insert::{find_downlink, logging, parent_of};
use crate::page::{self, HALF_DEAD, INCOMPLETE_SPLIT, LEAF, NONE, Opaque, ROOT};
use crate::records::{MARK_PAGE_HALF_DEAD, UNLINK_PAGE, UNLINK_PAGE_META, add_item, missing};
use crate::search::Tree;
use crate::tuple::{IndexTuple, minus_infinity, set_downlink};
use base::{BlockNumber, Error, OffsetNumber, Result};
use buffer::Registered;
use storage::Page;
use wal::{Change, Record, RecordWriter, RmgrId};

/// Block 0: the leaf, 1: its parent.
pub struct MarkHalfDead {
    pub parent_offset: OffsetNumber,
    pub leaf: BlockNumber,
    pub left: BlockNumber,
    pub right: BlockNumber,
    pub top_parent: BlockNumber,
}

impl Change<'_> for MarkHalfDead {
    const RMGR: RmgrId = RmgrId::BTREE;

    fn info(&self) -> u8 {
        MARK_PAGE_HALF_DEAD
    }

    fn encode(&self, out: &mut RecordWriter) {
        out.main(&self.parent_offset.0.to_le_bytes());
        out.main(&[0, 0]);
        for block in [self.leaf, self.left, self.right, self.top_parent] {
            out.main(&block.0.to_le_bytes());
        }
    }

    fn decode(record: &Record<'_>) -> Result<MarkHalfDead> {
        let mut main = record.reader();
        let parent_offset = OffsetNumber(main.u16()?);
        main.u16()?;
        let mut block = || -> Result<BlockNumber> { Ok(BlockNumber(main.u32()?)) };
        Ok(MarkHalfDead {
            parent_offset,
            leaf: block()?,
            left: block()?,
            right: block()?,
            top_parent: block()?,
        })
    }

    fn apply(&self, block: u8, page: &mut Page) {
        if block == 0 {
            let opaque =
                Opaque { previous: self.left, next: self.right, level: 0, flags: HALF_DEAD | LEAF, cycle: 0 };
            page::init(page, opaque);
            add_item(page, &minus_infinity(self.top_parent), page::HIGH_KEY);
            return;
        }
        let next = OffsetNumber(self.parent_offset.0 + 1);
        let right = IndexTuple(page.item(next)).downlink();
        set_downlink(page.item_mut(self.parent_offset), right);
        page.index_tuple_delete(next);
    }
}

/// Block 0: the page, 1: its left sibling, 2: its right one; 3: the half-dead leaf below, when the page is an inner
/// one; 4: the metapage.
pub struct Unlink {
    pub left: BlockNumber,
    pub right: BlockNumber,
    pub level: u32,
    pub safe_xid: u64,
    pub leaf_left: BlockNumber,
    pub leaf_right: BlockNumber,
    pub leaf_top_parent: BlockNumber,
    pub meta: Option<crate::page::Meta>,
}

impl Change<'_> for Unlink {
    const RMGR: RmgrId = RmgrId::BTREE;

    fn info(&self) -> u8 {
        if self.meta.is_some() { UNLINK_PAGE_META } else { UNLINK_PAGE }
    }

    fn encode(&self, out: &mut RecordWriter) {
        for number in [self.left.0, self.right.0, self.level, 0] {
            out.main(&number.to_le_bytes());
        }
        out.main(&self.safe_xid.to_le_bytes());
        for block in [self.leaf_left, self.leaf_right, self.leaf_top_parent] {
            out.main(&block.0.to_le_bytes());
        }
        if let Some(meta) = &self.meta {
            out.block(4, &meta.logged());
        }
    }

    fn decode(record: &Record<'_>) -> Result<Unlink> {
        let mut main = record.reader();
        let (left, right, level) = (BlockNumber(main.u32()?), BlockNumber(main.u32()?), main.u32()?);
        main.u32()?;
        let safe_xid = main.u64()?;
        let mut block = || -> Result<BlockNumber> { Ok(BlockNumber(main.u32()?)) };
        let (leaf_left, leaf_right, leaf_top_parent) = (block()?, block()?, block()?);
        let meta = match record.op() {
            UNLINK_PAGE_META => Some(crate::page::Meta::from_logged(record.data(4))?),
            _ => None,
        };
        record.block(0).ok_or_else(|| missing("unlink"))?;
        Ok(Unlink { left, right, level, safe_xid, leaf_left, leaf_right, leaf_top_parent, meta })
    }

    fn apply(&self, block: u8, page: &mut Page) {
        let mut opaque = match block {
            1 | 2 => Opaque::read(page),
            _ => Opaque { previous: NONE, next: NONE, level: 0, flags: 0, cycle: 0 },
        };
        match block {
            0 => {
                let flags = if self.level == 0 { LEAF } else { 0 };
                opaque = Opaque { previous: self.left, next: self.right, level: self.level, flags, cycle: 0 };
                page::init(page, opaque);
                page::set_deleted(page, self.safe_xid);
            }
            1 => {
                opaque.next = self.right;
                opaque.write(page);
            }
            2 => {
                opaque.previous = self.left;
                opaque.write(page);
            }
            3 => {
                opaque = Opaque {
                    previous: self.leaf_left,
                    next: self.leaf_right,
                    level: 0,
                    flags: HALF_DEAD | LEAF,
                    cycle: 0,
                };
                page::init(page, opaque);
                add_item(page, &minus_infinity(self.leaf_top_parent), page::HIGH_KEY);
            }
            _ => {
                if let Some(meta) = &self.meta {
                    meta.write(page);
                }
            }
        }
    }
}

/// Takes the leaf out of the tree if it is empty and may go. True when it is deleted now.
pub fn delete_leaf(tree: Tree<'_>, block: BlockNumber) -> Result<bool> {
    let pin = tree.pin(block)?;
    let opaque = tree.opaque(&pin.read(), block)?;
    if opaque.is(page::DELETED) {
        return Ok(false);
    }
    if !opaque.is(HALF_DEAD) && !mark_half_dead(tree, block)? {
        return Ok(false);
    }
    unlink(tree, block)
}

fn mark_half_dead(tree: Tree<'_>, block: BlockNumber) -> Result<bool> {
    let pin = tree.pin(block)?;
    let high_key = {
        let page = pin.read();
        let opaque = tree.opaque(&page, block)?;
        if !may_go(&page, opaque) {
            return Ok(false);
        }
        page.item(page::HIGH_KEY).to_vec()
    };
    if has_interrupted_split(tree, block)? {
        return Ok(false);
    }
    let parent_pin = parent_of(tree, &high_key, 1)?;
    let mut leaf = pin.write();
    let opaque = tree.opaque(&leaf, block)?;
    if !may_go(&leaf, opaque) {
        return Ok(false);
    }
    let mut parent = parent_pin.write();
    let parent_opaque = tree.opaque(&parent, parent_pin.block())?;
    if parent_opaque.is_ignored() || parent_opaque.is(INCOMPLETE_SPLIT) {
        return Ok(false);
    }
    let Some(at) = find_downlink(&parent, parent_opaque, block) else { return Ok(false) };
    let next = OffsetNumber(at.0 + 1);
    if next > parent.max_offset() || IndexTuple(parent.item(next)).downlink() != opaque.next {
        return Ok(false);
    }
    let change = MarkHalfDead {
        parent_offset: at,
        leaf: block,
        left: opaque.previous,
        right: opaque.next,
        top_parent: BlockNumber::INVALID,
    };
    let pages =
        &mut [Registered::new(&mut leaf).will_init().standard(), Registered::new(&mut parent).standard()];
    tree.context.pool.change(&change, logging(tree.context, tree.index)?, pages)?;
    Ok(true)
}

fn may_go(page: &Page, opaque: Opaque) -> bool {
    opaque.is_leaf()
        && !opaque.is(ROOT | INCOMPLETE_SPLIT)
        && !opaque.is_ignored()
        && !opaque.is_rightmost()
        && page.max_offset() < opaque.first_item()
}

/// The page may be the right half of a split that its parent does not know of yet.
fn has_interrupted_split(tree: Tree<'_>, block: BlockNumber) -> Result<bool> {
    let left = tree.opaque(&tree.pin(block)?.read(), block)?.previous;
    if left == NONE {
        return Ok(false);
    }
    let pin = tree.pin(left)?;
    let opaque = tree.opaque(&pin.read(), left)?;
    Ok(opaque.next == block && opaque.is(INCOMPLETE_SPLIT))
}

fn unlink(tree: Tree<'_>, block: BlockNumber) -> Result<bool> {
    let target_pin = tree.pin(block)?;
    let mut left_block = Opaque::read(&target_pin.read()).previous;
    // The left sibling may have been split: latches go from left to right, so it is found before the page itself.
    let left_pin = loop {
        if left_block == NONE {
            break None;
        }
        let pin = tree.pin(left_block)?;
        let opaque = tree.opaque(&pin.read(), left_block)?;
        if opaque.next == block && !opaque.is(page::DELETED) {
            break Some(pin);
        }
        if opaque.is_rightmost() || opaque.is(page::DELETED) {
            return Ok(false);
        }
        left_block = opaque.next;
    };
    let right_block = Opaque::read(&target_pin.read()).next;
    let right_pin = tree.pin(right_block)?;
    let mut left = left_pin.as_ref().map(buffer::Pin::write);
    let mut target = target_pin.write();
    let opaque = Opaque::read(&target);
    let left_fits = left.as_ref().is_none_or(|left| Opaque::read(left).next == block);
    if !opaque.is(HALF_DEAD) || !left_fits {
        return Ok(false);
    }
    if IndexTuple(target.item(page::HIGH_KEY)).downlink() != BlockNumber::INVALID {
        return Err(Error::unsupported("deletion of a subtree of index pages"));
    }
    let mut right = right_pin.write();
    if opaque.next != right_block || Opaque::read(&right).previous != block {
        return Err(tree.damaged(format!("right sibling {} of {block} has another left link", opaque.next)));
    }
    let change = Unlink {
        left: left_block,
        right: opaque.next,
        level: 0,
        safe_xid: tree.context.transaction.transactions().next_xid().0,
        leaf_left: left_block,
        leaf_right: opaque.next,
        leaf_top_parent: BlockNumber::INVALID,
        meta: None,
    };
    let mut pages = vec![Registered::new(&mut target).will_init().standard()];
    if let Some(left) = &mut left {
        pages.push(Registered::new(left).id(1).standard());
    }
    pages.push(Registered::new(&mut right).id(2).standard());
    tree.context.pool.change(&change, logging(tree.context, tree.index)?, &mut pages)?;
    Ok(true)
}
