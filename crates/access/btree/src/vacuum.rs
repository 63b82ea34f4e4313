//! VACUUM of an index: entries of dead rows go, empty pages leave the tree, deleted ones are used again.
//!
//! Leaves are visited along their right links: a split moves entries to the right only, so none is missed, as one
//! could be when pages are visited in the order of the file. Several threads each take a stretch of leaves: from one
//! that the levels above lead to up to where the next stretch starts.

use crate::delete::changes;
use crate::insert::logging;
use crate::page::{self, META_BLOCK, Meta, NONE, Opaque};
use crate::page_delete::delete_leaf;
use crate::records::{MetaCleanup, Vacuum};
use crate::search::Tree;
use crate::tuple::IndexTuple;
use access_api::{Context, IndexRelation};
use base::{BlockNumber, Fork, OffsetNumber, Result, Tid};
use buffer::{PageWrite, Pin, Registered, Strategy, fsm};
use parking_lot::Mutex;

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
    /// Leaves that are in the tree.
    leaves: u32,
}

/// How VACUUM goes about it.
pub struct Manner<'a> {
    /// Where pages go that are not in the pool.
    pub strategy: Strategy<'a>,
    /// Called before each page: cost-based delay, interrupts.
    pub delay: &'a (dyn Fn() -> Result<()> + Sync),
}

/// The removal of dead entries from one index, in parts that several threads may do.
pub struct BulkDelete<'a> {
    tree: Tree<'a>,
    /// The leaves where parts start.
    starts: Vec<BlockNumber>,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    removed: usize,
    left: usize,
    leaves: u32,
    /// Leaves without entries.
    empty: Vec<BlockNumber>,
}

/// Pages read at once where leaves lie side by side.
const READ_AHEAD: u32 = 32;
/// Pages of an upper level, for each part, that make parts about equal.
const PAGES_FOR_EACH: usize = 4;

impl<'a> BulkDelete<'a> {
    /// # Errors
    /// `XX002` for a damaged index.
    pub fn new(context: &'a Context, index: &'a IndexRelation, parts: usize) -> Result<BulkDelete<'a>> {
        let tree = Tree::new(context, index);
        let mut starts = Vec::new();
        let root = tree.meta()?.root;
        if root != NONE {
            let mut pages = vec![root];
            while pages.len() < PAGES_FOR_EACH * parts && parts > 1 {
                let below = children(tree, &pages)?;
                if below.is_empty() {
                    break;
                }
                pages = below;
            }
            for part in 0..parts {
                let leaf = leftmost_below(tree, pages[part * pages.len() / parts])?;
                if leaf != NONE && !starts.contains(&leaf) {
                    starts.push(leaf);
                }
            }
        }
        Ok(BulkDelete { tree, starts, found: Mutex::default() })
    }

    pub fn parts(&self) -> usize {
        self.starts.len()
    }

    /// Does one part.
    ///
    /// # Errors
    /// `XX002` for a damaged index, and what `manner.delay` fails with.
    pub fn run(&self, part: usize, dead: &dyn Fn(Tid) -> bool, manner: &Manner<'_>) -> Result<()> {
        let tree = self.tree;
        let (pool, locator) = (&tree.context.pool, tree.index.relation.locator);
        let end = self.starts.get(part + 1).copied().unwrap_or(NONE);
        let mut next = self.starts[part];
        let mut read_ahead = 0;
        let mut found = Found::default();
        let mut gone = Vec::new();
        while next != NONE && next != end {
            (manner.delay)()?;
            let block = next;
            if block.0 >= read_ahead || block.0 + READ_AHEAD < read_ahead {
                pool.prefetch(locator, Fork::Main, block.0..block.0 + READ_AHEAD, manner.strategy)?;
                read_ahead = block.0 + READ_AHEAD;
            }
            let pin = pool.pin(locator, Fork::Main, block, manner.strategy)?;
            // Nobody may be between an entry here and its row: the row's line pointer is used again soon.
            let mut latch = pin.cleanup();
            next = tree.opaque(&latch, block)?.next;
            self.one_page(&mut latch, &pin, dead, &mut gone, &mut found)?;
        }
        let mut all = self.found.lock();
        all.removed += found.removed;
        all.left += found.left;
        all.leaves += found.leaves;
        all.empty.append(&mut found.empty);
        Ok(())
    }

    fn one_page(
        &self,
        latch: &mut PageWrite<'_>,
        pin: &Pin,
        dead: &dyn Fn(Tid) -> bool,
        gone: &mut Vec<(OffsetNumber, u16)>,
        found: &mut Found,
    ) -> Result<()> {
        let opaque = Opaque::read(latch);
        if opaque.is(page::DELETED) {
            return Ok(());
        }
        found.leaves += 1;
        if opaque.is(page::HALF_DEAD) {
            found.empty.push(pin.block());
            return Ok(());
        }
        latch.touch();
        gone.clear();
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
            let change = Vacuum { changes: changes(latch, gone) };
            let logging = logging(self.tree.context, self.tree.index)?;
            let pages = &mut [Registered::new(latch).standard()];
            self.tree.context.pool.change(&change, logging, pages)?;
        }
        found.removed += gone.len();
        found.left += total - gone.len();
        if total == gone.len() {
            found.empty.push(pin.block());
        }
        Ok(())
    }

    /// After all parts: empty leaves leave the tree.
    ///
    /// # Errors
    /// `XX002` for a damaged index.
    pub fn finish(self, stats: &mut IndexStats) -> Result<()> {
        let found = self.found.into_inner();
        stats.removed += found.removed as f64;
        stats.tuples = found.left as f64;
        stats.leaves = found.leaves;
        for block in found.empty {
            self.tree.context.transaction.session().locks().check_interrupts()?;
            stats.newly_deleted_pages += u32::from(delete_leaf(self.tree, block)?);
        }
        stats.counted = true;
        Ok(())
    }
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
    let locks = context.transaction.session().locks();
    let manner = Manner { strategy: Strategy::Normal, delay: &|| locks.check_interrupts() };
    let work = BulkDelete::new(context, index, 1)?;
    for part in 0..work.parts() {
        work.run(part, dead, &manner)?;
    }
    work.finish(stats)
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
    // Where every page is accounted for, none is deleted.
    let in_tree = stats.counted && stats.newly_deleted_pages == 0;
    if !in_tree || 1 + stats.leaves + inner_pages(tree)? < stats.pages {
        find_deleted(tree, stats)?;
    }
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

/// Looks at all pages of the file.
fn find_deleted(tree: Tree<'_>, stats: &mut IndexStats) -> Result<()> {
    let (pool, locator) = (&tree.context.pool, tree.index.relation.locator);
    for number in 1..stats.pages {
        if number % READ_AHEAD == 1 {
            tree.context.transaction.session().locks().check_interrupts()?;
            pool.prefetch(locator, Fork::Main, number..number + READ_AHEAD, Strategy::Normal)?;
        }
        let block = BlockNumber(number);
        let pin = tree.pin(block)?;
        let maybe = {
            let page = pin.read();
            page.is_new() || Opaque::read(&page).is(page::DELETED)
        };
        if !maybe {
            continue;
        }
        let page = pin.write();
        if !page.is_new() && !Opaque::read(&page).is(page::DELETED) {
            continue;
        }
        stats.deleted_pages += 1;
        let free = tree.is_recyclable(&page);
        drop(page);
        if free {
            stats.free_pages += 1;
            fsm::record(pool, locator, block, base::PAGE_SIZE - 1)?;
        }
    }
    fsm::vacuum(pool, locator)
}

/// How many pages there are above the leaves.
fn inner_pages(tree: Tree<'_>) -> Result<u32> {
    let mut count = 0;
    let mut first = tree.meta()?.root;
    while first != NONE {
        let mut below = NONE;
        let mut block = first;
        while block != NONE {
            tree.context.transaction.session().locks().check_interrupts()?;
            let pin = tree.pin(block)?;
            let page = pin.read();
            let opaque = tree.opaque(&page, block)?;
            if opaque.is_leaf() {
                return Ok(count);
            }
            if !opaque.is_ignored() {
                count += 1;
                if below == NONE {
                    below = IndexTuple(page.item(opaque.first_item())).downlink();
                }
            }
            block = opaque.next;
        }
        first = below;
    }
    Ok(count)
}

/// The first leaf; `NONE` for an empty index.
pub fn leftmost_leaf(tree: Tree<'_>) -> Result<BlockNumber> {
    leftmost_below(tree, tree.meta()?.root)
}

/// The first leaf below a page; itself if it is a leaf.
fn leftmost_below(tree: Tree<'_>, mut block: BlockNumber) -> Result<BlockNumber> {
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

/// The pages below those of one level; none if they are leaves.
fn children(tree: Tree<'_>, pages: &[BlockNumber]) -> Result<Vec<BlockNumber>> {
    let mut below = Vec::new();
    for block in pages {
        let pin = tree.pin(*block)?;
        let page = pin.read();
        let opaque = tree.opaque(&page, *block)?;
        if opaque.is_leaf() {
            return Ok(Vec::new());
        }
        if !opaque.is_ignored() {
            let items = opaque.first_item().0..=page.max_offset().0;
            below.extend(items.map(|number| IndexTuple(page.item(OffsetNumber(number))).downlink()));
        }
    }
    Ok(below)
}
