//! Removing entries that lead to nothing, when a page would otherwise be split.
//!
//! Index scans mark entries that they found to be dead to everyone; those go first (simple deletion). Where updates
//! that did not change the key pile up versions of the same row, duplicates are looked up in the heap without such
//! marks (bottom-up deletion).

use crate::insert::logging;
use crate::key::same_image;
use crate::page::Opaque;
use crate::records::{Delete, ItemChanges};
use crate::search::Tree;
use crate::tuple::IndexTuple;
use access_api::{HeapView, Relation};
use base::{OffsetNumber, Result, Tid};
use buffer::{PageWrite, Registered};
use std::collections::BTreeSet;

/// Heap pages that are visited at most for one page's sake.
const MAX_HEAP_PAGES: usize = 8;

/// Removes dead entries from a leaf. True when anything went.
pub fn make_room(
    tree: Tree<'_>,
    page: &mut PageWrite<'_>,
    heap: &Relation,
    view: &dyn HeapView,
    unchanged: bool,
) -> Result<bool> {
    let opaque = Opaque::read(page);
    let offsets = || (opaque.first_item().0..=page.max_offset().0).map(OffsetNumber);
    let marked: Vec<OffsetNumber> = offsets().filter(|offset| page.item_id(*offset).is_dead()).collect();
    let candidates = if !marked.is_empty() {
        marked
    } else if unchanged || tree.index.unique {
        duplicates(tree, page, opaque)?
    } else {
        return Ok(false);
    };
    let mut tids: Vec<(Tid, OffsetNumber, u16)> = Vec::new();
    for offset in candidates {
        let tuple = IndexTuple(page.item(offset));
        tids.extend(tuple.tids().enumerate().map(|(number, tid)| (tid, offset, number as u16)));
    }
    tids.sort_unstable();
    let mut blocks = BTreeSet::new();
    tids.retain(|(tid, ..)| {
        blocks.contains(&tid.block) || blocks.len() < MAX_HEAP_PAGES && blocks.insert(tid.block)
    });
    let roots: Vec<Tid> = tids.iter().map(|(tid, ..)| *tid).collect();
    let (dead, horizon) = view.dead_to_all(tree.context, heap, &roots)?;
    let mut gone: Vec<(OffsetNumber, u16)> = tids
        .iter()
        .zip(&dead)
        .filter(|(_, dead)| **dead)
        .map(|((_, offset, number), _)| (*offset, *number))
        .collect();
    gone.sort_unstable();
    let changes = changes(page, &gone);
    if changes.is_empty() {
        return Ok(false);
    }
    let change = Delete { changes, conflict_horizon: horizon.low(), is_catalog: heap.is_catalog };
    let logging = logging(tree.context, tree.index)?;
    tree.context.pool.change(&change, logging, &mut [Registered::new(page).standard()])?;
    Ok(true)
}

/// Items that have the same key as a neighbour.
fn duplicates(tree: Tree<'_>, page: &PageWrite<'_>, opaque: Opaque) -> Result<Vec<OffsetNumber>> {
    let mut found = Vec::new();
    for number in opaque.first_item().0..page.max_offset().0 {
        let (here, next) = (OffsetNumber(number), OffsetNumber(number + 1));
        if same_image(tree.index, IndexTuple(page.item(here)), IndexTuple(page.item(next)))? {
            if found.last() != Some(&here) {
                found.push(here);
            }
            found.push(next);
        }
    }
    Ok(found)
}

/// `gone`: items with the numbers of tids that go from them, sorted.
pub fn changes(page: &storage::Page, gone: &[(OffsetNumber, u16)]) -> ItemChanges {
    let mut changes = ItemChanges::default();
    for item in gone.chunk_by(|a, b| a.0 == b.0) {
        let offset = item[0].0;
        if item.len() == IndexTuple(page.item(offset)).tid_count() {
            changes.deleted.push(offset);
        } else {
            changes.shorten(offset, item.iter().map(|(_, number)| *number));
        }
    }
    changes
}
