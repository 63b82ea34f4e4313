//! Verifying an index, as amcheck does: order within and between pages, links, bounds, and that entries lead to rows.

use crate::key::{SearchKey, compare_keys};
use crate::page::{self, HIGH_KEY, NONE, Opaque};
use crate::search::Tree;
use crate::tuple::IndexTuple;
use access_api::{Context, IndexRelation};
use base::{BlockNumber, OffsetNumber, Result, Tid};
use std::cmp::Ordering;

/// What was found wrong, nothing for a sound index. The index must be at rest. `each` is called with every row that
/// a live entry leads to.
///
/// # Errors
/// `XX002` when a page is no B-tree page at all.
pub fn check(context: &Context, index: &IndexRelation, each: &mut dyn FnMut(Tid)) -> Result<Vec<String>> {
    let tree = Tree::new(context, index);
    let meta = tree.meta()?;
    let mut problems = Vec::new();
    let mut leftmost = meta.root;
    let mut level = meta.level;
    while leftmost != NONE {
        leftmost = check_level(tree, leftmost, level, &mut problems, each)?;
        level = level.saturating_sub(1);
    }
    Ok(problems)
}

/// Walks one level; returns the leftmost page of the next.
fn check_level(
    tree: Tree<'_>,
    leftmost: BlockNumber,
    level: u32,
    problems: &mut Vec<String>,
    each: &mut dyn FnMut(Tid),
) -> Result<BlockNumber> {
    let mut below = NONE;
    let (mut block, mut previous) = (leftmost, NONE);
    let mut last_high_key: Option<Vec<u8>> = None;
    let mut visited = 0;
    while block != NONE {
        let pin = tree.pin(block)?;
        let page = pin.read();
        let opaque = tree.opaque(&page, block)?;
        visited += 1;
        if visited > tree.block_count()? {
            problems.push(format!("level {level} has a circle of right links"));
            break;
        }
        if opaque.level != level {
            problems.push(format!("block {block} is on level {}, not {level}", opaque.level));
        }
        if opaque.previous != previous {
            problems.push(format!("left link of block {block} is {}, not {previous}", opaque.previous));
        }
        previous = block;
        if !opaque.is(page::HALF_DEAD) {
            check_page(tree, &page, block, opaque, last_high_key.as_deref(), problems, each)?;
            if below == NONE && !opaque.is_leaf() {
                below = IndexTuple(page.item(opaque.first_item())).downlink();
            }
            last_high_key = if opaque.is_rightmost() { None } else { Some(page.item(HIGH_KEY).to_vec()) };
        }
        block = opaque.next;
    }
    Ok(below)
}

fn check_page(
    tree: Tree<'_>,
    page: &storage::Page,
    block: BlockNumber,
    opaque: Opaque,
    low_key: Option<&[u8]>,
    problems: &mut Vec<String>,
    each: &mut dyn FnMut(Tid),
) -> Result<()> {
    let index = tree.index;
    let first = opaque.first_item().0;
    for number in first..=page.max_offset().0 {
        let offset = OffsetNumber(number);
        let tuple = IndexTuple(page.item(offset));
        if !opaque.is_leaf() {
            if number > first {
                check_bound(tree, tuple, low_key, block, number, problems, Ordering::is_ge)?;
            }
            continue;
        }
        if !page.item_id(offset).is_dead() {
            tuple.tids().for_each(&mut *each);
        }
        let tids: Vec<Tid> = tuple.tids().collect();
        if !tids.is_sorted_by(|a, b| a < b) {
            problems.push(format!("tids out of order at ({block},{number})"));
        }
        if number > first {
            let before = IndexTuple(page.item(OffsetNumber(number - 1)));
            let order = compare_keys(index, before, tuple)?.0.then(before.max_tid().cmp(&tuple.tid(0)));
            if order != Ordering::Less {
                problems.push(format!("item order invariant violated at ({block},{number})"));
            }
        }
        if !opaque.is_rightmost() {
            // Equal when only the tid tells it from the next page's first item: the high key has it then.
            let high = page.item(HIGH_KEY);
            check_bound(tree, tuple, Some(high), block, number, problems, Ordering::is_le)?;
        }
        check_bound(tree, tuple, low_key, block, number, problems, Ordering::is_ge)?;
    }
    Ok(())
}

/// Compares an item with a pivot, as a search for the item would.
fn check_bound(
    tree: Tree<'_>,
    tuple: IndexTuple<'_>,
    pivot: Option<&[u8]>,
    block: BlockNumber,
    number: u16,
    problems: &mut Vec<String>,
    wanted: fn(Ordering) -> bool,
) -> Result<()> {
    let Some(pivot) = pivot else { return Ok(()) };
    let index = tree.index;
    let count = tuple.attribute_count(index.keys.len()).min(index.keys.len());
    let mut walk = tuple.walk();
    let values: Vec<_> =
        index.attributes()[..count].iter().map(|attribute| walk.value(attribute)).collect::<Result<_>>()?;
    let values: Vec<_> = values.iter().map(|value| value.get()).collect();
    let key = SearchKey { backward: true, ..SearchKey::of_values(index, &values, tuple.heap_tid()) };
    if !wanted(key.compare_tuple(index, IndexTuple(pivot))?) {
        problems.push(format!("item at ({block},{number}) is out of its page's bounds"));
    }
    Ok(())
}
