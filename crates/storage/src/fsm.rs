//! The free space map's pages: a binary tree whose leaves are categories of free space (32 bytes each) and whose inner nodes are
//! the greater of their children, so that the root tells the most there is. Node `n` has the children `2n+1` and `2n+2`; the
//! leaves are 4,069 and not a power of two, so some inner nodes at the right have fewer children. Before the tree: where the next search starts.

use crate::page::{PAGE_HEADER, Page};
use base::PAGE_SIZE;
use base::bytes::{get_i32, put_i32};

const NODES_AT: usize = PAGE_HEADER + 4;
const NODES: usize = PAGE_SIZE - NODES_AT;
const INNER_NODES: usize = PAGE_SIZE / 2 - 1;
/// Leaves of one page.
pub const SLOTS: usize = NODES - INNER_NODES;
/// Bytes of free space that one category spans.
pub const CATEGORY_STEP: usize = PAGE_SIZE / 256;
/// The largest request, which category 255 stands for: the largest heap tuple.
pub const MAX_REQUEST: usize = 8160;

/// The category of a page that has `free` bytes: rounded down.
pub fn category(free: usize) -> u8 {
    if free >= MAX_REQUEST { 255 } else { (free / CATEGORY_STEP).min(254) as u8 }
}

/// The least category whose pages surely have room for `need` bytes.
pub fn needed_category(need: usize) -> u8 {
    match need {
        0 => 1,
        need => need.div_ceil(CATEGORY_STEP).min(255) as u8,
    }
}

/// The free space that a category promises.
pub fn category_bytes(category: u8) -> usize {
    if category == 255 { MAX_REQUEST } else { usize::from(category) * CATEGORY_STEP }
}

fn nodes(page: &Page) -> &[u8] {
    &page.bytes()[NODES_AT..]
}

fn node_mut(page: &mut Page, node: usize) -> &mut u8 {
    &mut page.bytes_mut()[NODES_AT + node]
}

fn greatest_child(nodes: &[u8], node: usize) -> u8 {
    let child = |n: usize| nodes.get(n).copied().unwrap_or(0);
    child(2 * node + 1).max(child(2 * node + 2))
}

/// What a leaf says.
pub fn get(page: &Page, slot: usize) -> u8 {
    nodes(page)[INNER_NODES + slot]
}

/// The greatest of all leaves.
pub fn max(page: &Page) -> u8 {
    nodes(page)[0]
}

/// Sets a leaf and what follows above it. True when something changed.
pub fn set(page: &mut Page, slot: usize, value: u8) -> bool {
    let mut node = INNER_NODES + slot;
    if nodes(page)[node] == value && value <= max(page) {
        return false;
    }
    *node_mut(page, node) = value;
    while node > 0 {
        node = (node - 1) / 2;
        let greatest = greatest_child(nodes(page), node);
        if nodes(page)[node] == greatest {
            break;
        }
        *node_mut(page, node) = greatest;
    }
    if value > max(page) {
        rebuild(page);
    }
    true
}

/// What a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    Slot(usize),
    Nothing,
    /// A torn page: an inner node promised what no leaf has. [`rebuild`] and search again.
    Broken,
}

/// Looks for a leaf of at least `category`, from where the last search ended, so that concurrent inserters spread over the relation.
pub fn search(page: &Page, category: u8) -> Search {
    let nodes = nodes(page);
    if nodes[0] < category {
        return Search::Nothing;
    }
    let start = usize::try_from(next_slot(page)).ok().filter(|slot| *slot < SLOTS).unwrap_or(0);
    let mut node = INNER_NODES + start;
    // Move right (around the edge of the level), then up: the subtree searched doubles with each step and never looks left of the start.
    while node > 0 && nodes[node] < category {
        node += 1;
        if (node + 1) & node == 0 {
            node = (node - 1) / 2;
        }
        node = (node - 1) / 2;
    }
    while node < INNER_NODES {
        let fits = |n: usize| nodes.get(n).is_some_and(|value| *value >= category);
        node = match 2 * node + 1 {
            left if fits(left) => left,
            left if fits(left + 1) => left + 1,
            _ => return Search::Broken,
        };
    }
    Search::Slot(node - INNER_NODES)
}

fn next_slot(page: &Page) -> i32 {
    get_i32(page.bytes(), PAGE_HEADER)
}

/// Sets where the next search starts.
pub fn set_next_slot(page: &mut Page, slot: usize) {
    put_i32(page.bytes_mut(), PAGE_HEADER, slot as i32);
}

/// Computes all inner nodes from the leaves. True when something changed.
pub fn rebuild(page: &mut Page) -> bool {
    let mut changed = false;
    for node in (0..INNER_NODES).rev() {
        let greatest = greatest_child(nodes(page), node);
        if nodes(page)[node] != greatest {
            *node_mut(page, node) = greatest;
            changed = true;
        }
    }
    changed
}

/// Clears the leaves from `slot` on. True when something changed.
pub fn truncate(page: &mut Page, slot: usize) -> bool {
    let leaves = &mut page.bytes_mut()[NODES_AT + INNER_NODES + slot..];
    let changed = leaves.iter().any(|leaf| *leaf != 0);
    leaves.fill(0);
    if changed {
        rebuild(page);
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_finds_what_was_set() {
        let mut page = Page::zeroed();
        page.init(0);
        assert_eq!(search(&page, 1), Search::Nothing);
        for slot in [0, 1, 100, SLOTS - 1] {
            assert!(set(&mut page, slot, 200));
            assert_eq!(search(&page, 150), Search::Slot(slot));
            assert!(set(&mut page, slot, 3));
            assert_eq!(search(&page, 150), Search::Nothing);
        }
        set(&mut page, 7, 50);
        set(&mut page, 9, 50);
        set_next_slot(&mut page, 8);
        assert_eq!(search(&page, 50), Search::Slot(9));
        set_next_slot(&mut page, 10);
        assert_eq!(search(&page, 50), Search::Slot(7));
        assert!(truncate(&mut page, 8));
        assert_eq!(get(&page, 9), 0);
        assert_eq!(max(&page), 50);
    }
}
