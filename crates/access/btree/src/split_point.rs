//! Where to split a page.
//!
//! Space comes first: the halves are to be equally full; at the right end of a level, where new keys keep coming, the
//! left half is filled to the fillfactor. Among the splits that are about as good, the one is taken whose new high key
//! can be cut shortest. Pages full of one value are split so that the left one is left full.

use crate::key::attributes_to_tell_apart_fast;
use crate::page::{Opaque, SPECIAL_SIZE};
use crate::tuple::{IndexTuple, TID_SIZE};
use access_api::IndexRelation;
use base::bytes::max_align;
use base::{OffsetNumber, Result};
use storage::{PAGE_HEADER, Page};

/// Between items `left` and `right`, counted with the new one in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitPoint {
    /// The first item of the old page that goes right.
    pub first_right: OffsetNumber,
    pub new_on_left: bool,
}

const NONLEAF_FILLFACTOR: usize = 70;
const SINGLE_VALUE_FILLFACTOR: usize = 96;
/// How many of the best balanced splits are compared for short high keys.
const LEAF_CANDIDATES: usize = 9;
const INNER_CANDIDATES: usize = 18;

struct Candidate {
    /// How many items, the new one included, stay left.
    left_items: usize,
    left_free: i64,
    right_free: i64,
}

/// `item` goes before what is at `at` now.
///
/// # Errors
/// `XX002` when no split leaves both halves in bounds.
pub fn choose(index: &IndexRelation, page: &Page, at: OffsetNumber, item: &[u8]) -> Result<SplitPoint> {
    let opaque = Opaque::read(page);
    let first = opaque.first_item().0;
    // The items as they will be, the new one among them.
    let mut items: Vec<&[u8]> =
        (first..=page.max_offset().0).map(|number| page.item(OffsetNumber(number))).collect();
    let new_position = usize::from(at.0 - first);
    items.insert(new_position, item);
    let candidates = candidates(opaque, page, &items);
    let best = pick(index, opaque, &items, candidates, new_position)?.ok_or_else(|| {
        base::Error::new(
            base::SqlState::INDEX_CORRUPTED,
            format!("could not find a feasible split point for index \"{}\"", index.relation.name),
        )
    })?;
    let new_on_left = best > new_position;
    let old_left = if new_on_left { best - 1 } else { best };
    Ok(SplitPoint { first_right: OffsetNumber(first + old_left as u16), new_on_left })
}

fn item_space(item: &[u8]) -> usize {
    max_align(item.len()) + 4
}

fn candidates(opaque: Opaque, page: &Page, items: &[&[u8]]) -> Vec<Candidate> {
    let usable = (base::PAGE_SIZE - PAGE_HEADER - SPECIAL_SIZE) as i64;
    let old_high_key =
        if opaque.is_rightmost() { 0 } else { item_space(page.item(crate::page::HIGH_KEY)) as i64 };
    let total: i64 = items.iter().map(|item| item_space(item) as i64).sum();
    let mut left = 0;
    let mut found = Vec::new();
    for left_items in 1..items.len() {
        left += item_space(items[left_items - 1]) as i64;
        let first_right = items[left_items];
        // The high key is the first item on the right at worst, with a tid on leaves, and without a posting list.
        let high_key = if opaque.is_leaf() {
            let key = IndexTuple(first_right).key_size();
            (max_align(key) + max_align(TID_SIZE) + 4) as i64
        } else {
            item_space(first_right) as i64
        };
        // The first item on the right of an inner page is cut to a mere downlink.
        let cut = if opaque.is_leaf() { 0 } else { item_space(first_right) as i64 - 12 };
        let left_free = usable - left - high_key;
        let right_free = usable - (total - left - cut) - old_high_key;
        if left_free >= 0 && right_free >= 0 {
            found.push(Candidate { left_items, left_free, right_free });
        }
    }
    found
}

fn pick(
    index: &IndexRelation,
    opaque: Opaque,
    items: &[&[u8]],
    mut candidates: Vec<Candidate>,
    new_position: usize,
) -> Result<Option<usize>> {
    let fillfactor = if !opaque.is_leaf() {
        opaque.is_rightmost().then_some(NONLEAF_FILLFACTOR)
    } else if opaque.is_rightmost() {
        Some(usize::from(index.relation.fillfactor))
    } else {
        None
    };
    balance(&mut candidates, fillfactor);
    let Some(best) = candidates.first() else { return Ok(None) };
    if !opaque.is_leaf() {
        let shortest = candidates
            .iter()
            .take(INNER_CANDIDATES)
            .min_by_key(|candidate| IndexTuple(items[candidate.left_items]).size());
        return Ok(shortest.map(|candidate| candidate.left_items));
    }
    let penalty = |candidate: &Candidate| {
        let (left, right) = (items[candidate.left_items - 1], items[candidate.left_items]);
        attributes_to_tell_apart_fast(index, IndexTuple(left), IndexTuple(right))
    };
    let single = index.keys.len() + 1;
    let mut chosen = (penalty(best)?, best.left_items);
    for candidate in candidates.iter().take(LEAF_CANDIDATES).skip(1) {
        if chosen.0 == 1 {
            break;
        }
        let penalty = penalty(candidate)?;
        if penalty < chosen.0 {
            chosen = (penalty, candidate.left_items);
        }
    }
    if chosen.0 < single {
        return Ok(Some(chosen.1));
    }
    // Many duplicates: any split between two values will do.
    for candidate in &candidates {
        let penalty = penalty(candidate)?;
        if penalty < chosen.0 {
            chosen = (penalty, candidate.left_items);
        }
    }
    if chosen.0 < single || new_position + 1 < items.len() {
        return Ok(Some(chosen.1));
    }
    // One value only, and more of it to come at the end.
    balance(&mut candidates, Some(SINGLE_VALUE_FILLFACTOR));
    Ok(candidates.first().map(|candidate| candidate.left_items))
}

/// The best balanced first.
fn balance(candidates: &mut [Candidate], fillfactor: Option<usize>) {
    candidates.sort_by_key(|candidate| match fillfactor {
        Some(percent) => {
            let percent = percent.clamp(10, 100) as i64;
            (percent * candidate.left_free - (100 - percent) * candidate.right_free).abs()
        }
        None => (candidate.left_free - candidate.right_free).abs(),
    });
}
