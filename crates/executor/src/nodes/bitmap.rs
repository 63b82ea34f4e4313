//! Sets of tids: exact while they fit, whole pages where they do not.

use base::{BlockNumber, OffsetNumber, Tid};
use std::collections::BTreeMap;

/// Offsets on a page; no heap page has more than 291 tuples.
const WORDS: usize = 5;
/// Memory that one exact page takes, about.
const PAGE_BYTES: usize = 80;
/// Pages that one entry of lossy pages covers.
const CHUNK: u32 = 256;

/// A bitmap of rows.
pub struct Bitmap {
    exact: BTreeMap<u32, [u64; WORDS]>,
    /// Pages of which any row may be meant, a bit each, by chunk.
    lossy: BTreeMap<u32, [u64; CHUNK as usize / 64]>,
    max_pages: usize,
}

/// One page of a bitmap.
pub enum BitmapPage {
    Exact(Vec<Tid>),
    Lossy(BlockNumber),
}

impl Bitmap {
    pub fn new(memory_bytes: usize) -> Bitmap {
        let max_pages = (memory_bytes / PAGE_BYTES).max(16);
        Bitmap { exact: BTreeMap::new(), lossy: BTreeMap::new(), max_pages }
    }

    fn is_lossy(&self, block: u32) -> bool {
        let (chunk, bit) = (block / CHUNK, block % CHUNK);
        self.lossy.get(&chunk).is_some_and(|bits| bits[bit as usize / 64] & (1 << (bit % 64)) != 0)
    }

    fn mark_lossy(&mut self, block: u32) {
        let bit = block % CHUNK;
        self.lossy.entry(block / CHUNK).or_default()[bit as usize / 64] |= 1 << (bit % 64);
        self.exact.remove(&block);
    }

    pub fn insert(&mut self, tid: Tid) {
        let block = tid.block.0;
        if !self.lossy.is_empty() && self.is_lossy(block) {
            return;
        }
        let offset = usize::from(tid.offset.0);
        if offset >= 64 * WORDS {
            return self.mark_lossy(block);
        }
        self.exact.entry(block).or_default()[offset / 64] |= 1 << (offset % 64);
        if self.exact.len() > self.max_pages {
            self.lossify();
        }
    }

    /// Makes room: half of the exact pages lose their offsets.
    fn lossify(&mut self) {
        let count = self.exact.len() / 2;
        let blocks: Vec<u32> = self.exact.keys().copied().take(count).collect();
        blocks.into_iter().for_each(|block| self.mark_lossy(block));
    }

    pub fn union(&mut self, other: Bitmap) {
        for (chunk, bits) in other.lossy {
            for bit in (0..CHUNK).filter(|b| bits[*b as usize / 64] & (1 << (b % 64)) != 0) {
                self.mark_lossy(chunk * CHUNK + bit);
            }
        }
        for (block, words) in other.exact {
            if !self.is_lossy(block) {
                let own = self.exact.entry(block).or_default();
                own.iter_mut().zip(words).for_each(|(a, b)| *a |= b);
            }
        }
        while self.exact.len() > self.max_pages {
            self.lossify();
        }
    }

    pub fn intersect(&mut self, other: &Bitmap) {
        let mut exact = BTreeMap::new();
        for (block, words) in &self.exact {
            let kept = match other.exact.get(block) {
                Some(others) => std::array::from_fn(|i| words[i] & others[i]),
                None if other.is_lossy(*block) => *words,
                None => continue,
            };
            if kept != [0; WORDS] {
                exact.insert(*block, kept);
            }
        }
        // What is exact on the other side alone stays so: a lossy page says nothing against its rows.
        for (block, words) in &other.exact {
            if self.is_lossy(*block) {
                exact.insert(*block, *words);
            }
        }
        let mut lossy = BTreeMap::new();
        for (chunk, bits) in &self.lossy {
            if let Some(others) = other.lossy.get(chunk) {
                let both: [u64; CHUNK as usize / 64] = std::array::from_fn(|i| bits[i] & others[i]);
                if both != [0; CHUNK as usize / 64] {
                    lossy.insert(*chunk, both);
                }
            }
        }
        self.exact = exact;
        self.lossy = lossy;
    }

    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.lossy.is_empty()
    }

    /// All pages, ascending.
    pub fn pages(self) -> Vec<BitmapPage> {
        let mut pages: Vec<(u32, BitmapPage)> = Vec::new();
        for (block, words) in self.exact {
            let offsets = (0..64 * WORDS).filter(|o| words[o / 64] & (1 << (o % 64)) != 0);
            let tids = offsets.map(|o| Tid { block: BlockNumber(block), offset: OffsetNumber(o as u16) });
            pages.push((block, BitmapPage::Exact(tids.collect())));
        }
        for (chunk, bits) in self.lossy {
            for bit in (0..CHUNK).filter(|b| bits[*b as usize / 64] & (1 << (b % 64)) != 0) {
                let block = chunk * CHUNK + bit;
                pages.push((block, BitmapPage::Lossy(BlockNumber(block))));
            }
        }
        pages.sort_by_key(|(block, _)| *block);
        pages.into_iter().map(|(_, page)| page).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bitmap(tids: &[(u32, u16)], memory: usize) -> Bitmap {
        let mut bitmap = Bitmap::new(memory);
        tids.iter().for_each(|(block, offset)| bitmap.insert(Tid::new(*block, *offset)));
        bitmap
    }

    fn show(bitmap: Bitmap) -> Vec<String> {
        let page = |page| match page {
            BitmapPage::Exact(tids) => {
                tids.iter().map(|t: &Tid| format!("{},{}", t.block.0, t.offset.0)).collect()
            }
            BitmapPage::Lossy(block) => vec![format!("{}", block.0)],
        };
        bitmap.pages().into_iter().flat_map(page).collect()
    }

    #[test]
    fn union_and_intersection() {
        let (a, b) = ([(1, 1), (1, 70), (2, 3)], [(1, 70), (3, 1)]);
        let mut union = bitmap(&a, 10_000);
        union.union(bitmap(&b, 10_000));
        assert_eq!(show(union), ["1,1", "1,70", "2,3", "3,1"]);
        let mut both = bitmap(&a, 10_000);
        both.intersect(&bitmap(&b, 10_000));
        assert_eq!(show(both), ["1,70"]);
    }

    #[test]
    fn pages_become_lossy_when_memory_is_full() {
        let tids: Vec<(u32, u16)> = (0..40).map(|block| (block, 1)).collect();
        let mut lossy = bitmap(&tids, 16 * PAGE_BYTES);
        assert!(lossy.exact.len() <= 16 && lossy.exact.len() + 16 < 40);
        lossy.intersect(&bitmap(&[(0, 1), (0, 2), (39, 1), (39, 2)], 10_000));
        assert_eq!(show(lossy), ["0,1", "0,2", "39,1"]);
    }
}
