//! VACUUM of an index: entries of dead rows go, empty pages leave the tree, deleted ones are used again.
//!
//! Leaves are visited along their right links: a split moves entries to the right only, so none is missed, as one
//! could be when pages are visited in the order of the file.

use crate::delete::changes;
use crate::insert::logging;
use crate::page::{self, META_BLOCK, Meta, NONE, Opaque};
use crate::page_delete::delete_leaf;
use crate::records::{MetaCleanup, Vacuum};
use crate::search::Tree;
use crate::tuple::IndexTuple;
use access_api::{Context, IndexRelation};
use base::{BlockNumber, OffsetNumber, Result, Tid};
use buffer::{Registered, fsm};

/// What VACUUM tells of an index.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct IndexStats {
    pub pages: u32,
    /// Rows that entries lead to.
    pub tuples: f64,
    pub removed: f64,
    /// Deleted by this VACUUM.
    pub newly_deleted_pages: u32,
    /// Deleted altogether, and of those which may be used again.
    pub deleted_pages: u32,
    pub free_pages: u32,
    counted: bool,
}

/// Removes all entries whose row `dead` says is so.
///
/// # Errors
/// `XX002` for a damaged index.
pub fn bulk_delete(
    context: &Context,
    index: &IndexRelation,
    dead: &dyn Fn(Tid) -> bool,
    stats: &mut IndexStats,
) -> Result<()> {
    let tree = Tree::new(context, index);
    stats.tuples = 0.0;
    let mut next = leftmost_leaf(tree)?;
    let mut empty = Vec::new();
    while next != NONE {
        context.transaction.session().locks().check_interrupts()?;
        let pin = tree.pin(next)?;
        let block = next;
        // Nobody may be between an entry here and its row: the row's line pointer is used again soon.
        let mut latch = pin.cleanup();
        let opaque = tree.opaque(&latch, block)?;
        next = opaque.next;
        if opaque.is(page::DELETED) {
            continue;
        }
        if opaque.is(page::HALF_DEAD) {
            empty.push(block);
            continue;
        }
        let mut gone = Vec::new();
        let mut total = 0;
        for number in opaque.first_item().0..=latch.max_offset().0 {
            let offset = OffsetNumber(number);
            for (index, tid) in IndexTuple(latch.item(offset)).tids().enumerate() {
                total += 1;
                if dead(tid) {
                    gone.push((offset, index as u16));
                }
            }
        }
        if !gone.is_empty() {
            let change = Vacuum { changes: changes(&latch, &gone) };
            let pages = &mut [Registered::new(&mut latch).standard()];
            context.pool.change(&change, logging(context, index)?, pages)?;
        }
        stats.removed += gone.len() as f64;
        stats.tuples += (total - gone.len()) as f64;
        if total == gone.len() {
            empty.push(block);
        }
    }
    for block in empty {
        if delete_leaf(tree, block)? {
            stats.newly_deleted_pages += 1;
        }
    }
    stats.counted = true;
    Ok(())
}

/// The end of VACUUM: makes deleted pages known as free, and counts.
///
/// # Errors
/// `XX002` for a damaged index.
pub fn vacuum_cleanup(
    context: &Context,
    index: &IndexRelation,
    stats: &mut IndexStats,
    heap_tuples: f64,
    estimated: bool,
) -> Result<()> {
    let tree = Tree::new(context, index);
    let meta = tree.meta()?;
    stats.pages = tree.block_count()?;
    if !stats.counted && meta.deleted_pages == 0 {
        stats.tuples = heap_tuples;
        return Ok(());
    }
    if !stats.counted {
        stats.tuples = heap_tuples;
    } else if !estimated {
        stats.tuples = stats.tuples.min(heap_tuples);
    }
    (stats.deleted_pages, stats.free_pages) = (0, 0);
    for number in 1..stats.pages {
        let block = BlockNumber(number);
        let pin = tree.pin(block)?;
        let page = pin.write();
        let is_deleted = page.is_new() || Opaque::read(&page).is(page::DELETED);
        if !is_deleted {
            continue;
        }
        stats.deleted_pages += 1;
        let free = tree.is_recyclable(&page);
        drop(page);
        if free {
            stats.free_pages += 1;
            fsm::record(&context.pool, index.relation.locator, block, base::PAGE_SIZE - 1)?;
        }
    }
    fsm::vacuum(&context.pool, index.relation.locator)?;
    let waiting = stats.deleted_pages - stats.free_pages;
    if waiting != meta.deleted_pages {
        let pin = tree.pin(META_BLOCK)?;
        let mut page = pin.write();
        let meta = Meta { deleted_pages: waiting, ..Meta::read(&page, tree.name())? };
        let pages = &mut [Registered::new(&mut page).will_init().standard()];
        context.pool.change(&MetaCleanup { meta }, logging(context, index)?, pages)?;
    }
    Ok(())
}

/// The first leaf; `NONE` for an empty index.
pub fn leftmost_leaf(tree: Tree<'_>) -> Result<BlockNumber> {
    let mut block = tree.meta()?.root;
    while block != NONE {
        let pin = tree.pin(block)?;
        let page = pin.read();
        let opaque = tree.opaque(&page, block)?;
        if opaque.is_ignored() {
            block = opaque.next;
        } else if opaque.is_leaf() {
            break;
        } else {
            block = IndexTuple(page.item(opaque.first_item())).downlink();
        }
    }
    Ok(block)
}
