//! Giving back the room of items that are gone.

use crate::page::{HAS_FREE_LINES, ItemId, PAGE_HEADER, Page};
use base::bytes::max_align;
use base::{OffsetNumber, PAGE_SIZE};

const LINE_POINTER: usize = 4;

impl Page {
    /// Moves the items named by `keep` (line pointer and where it shall stand) to the page's end, in that order from the top.
    fn compact(&mut self, keep: &[(OffsetNumber, ItemId)]) {
        let old = *self.bytes();
        let mut upper = self.special_offset();
        for (offset, id) in keep {
            let length = max_align(id.length());
            upper -= length;
            self.bytes_mut()[upper..upper + length].copy_from_slice(&old[id.offset()..id.offset() + length]);
            self.set_item_id(*offset, id.at(upper));
        }
        self.set_upper(upper);
    }

    /// True when an item can be moved: aligned, inside the item room, and all of them together fit.
    fn items_sane(&self, items: &[(OffsetNumber, ItemId)]) -> bool {
        let (upper, special) = (self.upper(), self.special_offset());
        let total: usize = items.iter().map(|(_, id)| max_align(id.length())).sum();
        total <= special.saturating_sub(self.lower())
            && items.iter().all(|(_, id)| {
                id.offset() >= upper && id.offset() + max_align(id.length()) <= special.max(upper)
            })
    }

    /// Closes the gaps between a heap page's items, turns line pointers without storage that are unused into zeros, and cuts off
    /// unused ones at the end of the array. Needs a cleanup latch: items move.
    ///
    /// # Panics
    /// On a page whose pointers are corrupted.
    pub fn repair_fragmentation(&mut self) {
        assert!(self.pointers_sane() && self.special_offset().is_multiple_of(8), "corrupted page pointers");
        let mut stored = Vec::new();
        let (mut unused, mut last_used) = (0_usize, 0_u16);
        for offset in self.offsets() {
            let id = self.item_id(offset);
            if id.is_used() {
                if id.has_storage() {
                    stored.push((offset, id));
                }
                last_used = offset.0;
            } else {
                self.set_item_id(offset, ItemId::unused());
                unused += 1;
            }
        }
        assert!(self.items_sane(&stored), "corrupted line pointer");
        self.compact(&stored);
        let trailing = usize::from(self.max_offset().0 - last_used);
        if trailing > 0 {
            unused -= trailing;
            self.set_lower(self.lower() - trailing * LINE_POINTER);
        }
        self.set_flag(HAS_FREE_LINES, unused > 0);
    }

    /// Cuts unused line pointers off the end of the array, but for the first one of the page.
    pub fn truncate_line_pointers(&mut self) {
        let trailing =
            self.offsets().skip(1).rev().take_while(|offset| !self.item_id(*offset).is_used()).count();
        if trailing > 0 {
            self.set_lower(self.lower() - trailing * LINE_POINTER);
        }
        let unused = self.offsets().any(|offset| !self.item_id(offset).is_used());
        self.set_flag(HAS_FREE_LINES, unused);
    }

    /// Removes an index tuple: later line pointers move down, and items below it move up.
    ///
    /// # Panics
    /// When there is no such item, or the page is corrupted.
    pub fn index_tuple_delete(&mut self, offset: OffsetNumber) {
        let count = self.max_offset().0;
        assert!(offset.0 > 0 && offset.0 <= count, "invalid index offnum: {offset}");
        let id = self.item_id(offset);
        let start = PAGE_HEADER + (usize::from(offset.0) - 1) * LINE_POINTER;
        let lower = self.lower();
        self.bytes_mut().copy_within(start + LINE_POINTER..lower, start);
        self.set_lower(lower - LINE_POINTER);
        self.close_gap(id, 0);
    }

    /// Removes `id`'s bytes but for `keep` of them (aligned; may be more than it had): everything below moves.
    fn close_gap(&mut self, id: ItemId, keep: usize) {
        let (upper, at, size) = (self.upper(), id.offset(), max_align(id.length()));
        assert!(
            at >= upper && at + size <= self.special_offset() && at % 8 == 0,
            "corrupted line pointer: offset = {at}, size = {size}"
        );
        let new_upper = upper + size - keep;
        self.bytes_mut().copy_within(upper..at, new_upper);
        self.set_upper(new_upper);
        for offset in self.offsets() {
            let other = self.item_id(offset);
            if other.has_storage() && other.offset() <= at {
                self.set_item_id(offset, other.at(other.offset() + size - keep));
            }
        }
    }

    /// Removes several index tuples, given in ascending order.
    pub fn index_multi_delete(&mut self, offsets: &[OffsetNumber]) {
        if offsets.len() <= 2 {
            for offset in offsets.iter().rev() {
                self.index_tuple_delete(*offset);
            }
            return;
        }
        assert!(self.pointers_sane() && self.special_offset().is_multiple_of(8), "corrupted page pointers");
        let mut gone = offsets.iter().copied().peekable();
        let mut kept = Vec::with_capacity(usize::from(self.max_offset().0));
        for offset in self.offsets() {
            if gone.peek() == Some(&offset) {
                gone.next();
            } else {
                kept.push((OffsetNumber(kept.len() as u16 + 1), self.item_id(offset)));
            }
        }
        assert!(gone.peek().is_none(), "incorrect index offsets supplied");
        assert!(self.items_sane(&kept), "corrupted line pointer");
        self.set_lower(PAGE_HEADER + kept.len() * LINE_POINTER);
        self.compact(&kept);
    }

    /// Removes several index tuples and puts others at the place of some, both given in ascending order, moving every item
    /// only once. What is put there may be no longer than what it replaces.
    ///
    /// # Panics
    /// When there are no such items, or the page is corrupted.
    pub fn index_multi_change(&mut self, deleted: &[OffsetNumber], changed: &[(OffsetNumber, &[u8])]) {
        assert!(self.pointers_sane() && self.special_offset().is_multiple_of(8), "corrupted page pointers");
        let old = self.clone();
        let (mut deleted, mut changed) = (deleted.iter().peekable(), changed.iter().peekable());
        let (mut kept, mut upper) = (0_u16, self.special_offset());
        for offset in old.offsets() {
            if deleted.next_if_eq(&&offset).is_some() {
                continue;
            }
            let item = match changed.next_if(|(at, _)| *at == offset) {
                Some((_, item)) => item,
                None => old.item(offset),
            };
            kept += 1;
            upper = upper.saturating_sub(max_align(item.len()));
            assert!(upper >= self.lower(), "index tuples that do not fit");
            self.bytes_mut()[upper..upper + item.len()].copy_from_slice(item);
            self.set_item_id(OffsetNumber(kept), old.item_id(offset).moved(upper, item.len()));
        }
        assert!(deleted.next().is_none() && changed.next().is_none(), "incorrect index offsets supplied");
        self.set_lower(PAGE_HEADER + usize::from(kept) * LINE_POINTER);
        self.set_upper(upper);
    }

    /// Removes an index tuple without renumbering the others: its line pointer becomes unused, or is cut off when it is the last.
    pub fn index_tuple_delete_no_compact(&mut self, offset: OffsetNumber) {
        let id = self.item_id(offset);
        if offset < self.max_offset() {
            self.set_item_id(offset, ItemId::unused());
        } else {
            self.set_lower(self.lower() - LINE_POINTER);
        }
        self.close_gap(id, 0);
    }

    /// Puts another tuple at an index tuple's place. False when there is no room.
    pub fn index_tuple_overwrite(&mut self, offset: OffsetNumber, item: &[u8]) -> bool {
        let id = self.item_id(offset);
        let (old_size, new_size) = (max_align(id.length()), max_align(item.len()));
        if new_size > old_size + self.exact_free_space() {
            return false;
        }
        if old_size != new_size {
            self.close_gap(id, new_size);
        }
        // The line pointer's own offset has moved with the others.
        let at = self.item_id(offset).offset();
        self.set_item_id(offset, ItemId((self.item_id(offset).0 & 0x1_ffff) | ((item.len() as u32) << 17)));
        self.bytes_mut()[at..at + item.len()].copy_from_slice(item);
        debug_assert!(at + item.len() <= PAGE_SIZE);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(items: &[&[u8]]) -> Box<Page> {
        let mut page = Page::zeroed();
        page.init(16);
        for item in items {
            page.add_item(item, None, false, false).expect("room");
        }
        page
    }

    fn items(page: &Page) -> Vec<&[u8]> {
        page.offsets().map(|offset| page.item(offset)).collect()
    }

    #[test]
    fn deleting_keeps_the_others() {
        let all: [&[u8]; 5] = [b"one", b"two has more", b"three", b"four", b"fifth and longest item"];
        for gone in [&[1_u16][..], &[3], &[5], &[1, 5], &[1, 2, 4], &[1, 2, 3, 4, 5]] {
            let mut changed = page(&all);
            changed.index_multi_delete(&gone.iter().map(|offset| OffsetNumber(*offset)).collect::<Vec<_>>());
            let expected: Vec<&[u8]> =
                (1..=5).filter(|n| !gone.contains(n)).map(|n| all[usize::from(n) - 1]).collect();
            assert_eq!(items(&changed), expected);
            let used: usize = expected.iter().map(|item| max_align(item.len())).sum();
            assert_eq!(changed.upper(), PAGE_SIZE - 16 - used);
        }
    }

    #[test]
    fn many_change_at_once() {
        let mut changed = page(&[b"one of many", b"two", b"three is longer", b"four", b"five"]);
        let to = [(OffsetNumber(1), &b"one"[..]), (OffsetNumber(5), b"5")];
        changed.index_multi_change(&[OffsetNumber(2), OffsetNumber(3)], &to);
        assert_eq!(items(&changed), [&b"one"[..], b"four", b"5"]);
        assert_eq!(changed.upper(), PAGE_SIZE - 16 - 3 * 8);
    }

    #[test]
    fn overwriting_grows_and_shrinks() {
        let mut changed = page(&[b"one", b"two", b"three"]);
        assert!(changed.index_tuple_overwrite(OffsetNumber(2), &[7; 100]));
        assert_eq!(items(&changed), [&b"one"[..], &[7; 100], b"three"]);
        assert!(changed.index_tuple_overwrite(OffsetNumber(2), b"x"));
        assert_eq!(items(&changed), [&b"one"[..], b"x", b"three"]);
        assert!(!changed.index_tuple_overwrite(OffsetNumber(2), &[7; 8192]));
    }

    #[test]
    fn repair_reuses_line_pointers() {
        let mut changed = page(&[b"one", b"two", b"three", b"four"]);
        changed.set_item_id(OffsetNumber(2), ItemId::unused());
        changed.set_item_id(OffsetNumber(4), ItemId::unused());
        changed.repair_fragmentation();
        assert_eq!(changed.max_offset(), OffsetNumber(3));
        assert!(changed.has_flag(HAS_FREE_LINES));
        assert_eq!(changed.add_item(b"new", None, false, true), Some(OffsetNumber(2)));
        assert_eq!(items(&changed), [&b"one"[..], b"new", b"three"]);
    }
}
