//! The dead line pointers that VACUUM remembers: a bitmap for each block that has any, found by way of two tables.
//!
//! ```text
//!   block ── / 256 ──▶ group ── % 256 ──▶ where the block's words start, and how many ──▶ one bit for each offset
//! ```
//! Index entries come in any order, so that looking one up must cost little: three loads that do not wait for a search.

use crate::header::MAX_TUPLES_PER_PAGE;
use base::{BlockNumber, OffsetNumber, Tid};

const GROUP: usize = 256;
/// The low bits of a block's place tell how many words it has.
const COUNT_BITS: u32 = 3;
const MOST_WORDS: usize = (MAX_TUPLES_PER_PAGE + 1).div_ceil(64);
const _: () = assert!(MOST_WORDS < 1 << COUNT_BITS);

/// Dead line pointers by block.
#[derive(Default)]
pub struct DeadTids {
    groups: Vec<Option<Box<[u32; GROUP]>>>,
    words: Vec<u64>,
    /// The blocks, ascending.
    blocks: Vec<u32>,
    count: usize,
    group_bytes: usize,
}

impl DeadTids {
    /// Blocks come in ascending order, each once; offsets ascend.
    pub(crate) fn push(&mut self, block: BlockNumber, offsets: &[OffsetNumber]) {
        let Some(last) = offsets.last() else { return };
        let group = block.0 as usize / GROUP;
        if self.groups.len() <= group {
            self.groups.resize_with(group + 1, || None);
        }
        if self.groups[group].is_none() {
            self.group_bytes += size_of::<[u32; GROUP]>();
        }
        let start = self.words.len();
        let count = usize::from(last.0) / 64 + 1;
        self.words.resize(start + count, 0);
        for offset in offsets {
            self.words[start + usize::from(offset.0) / 64] |= 1 << (offset.0 % 64);
        }
        let places = self.groups[group].get_or_insert_with(|| Box::new([0; GROUP]));
        places[block.0 as usize % GROUP] = (start as u32) << COUNT_BITS | count as u32;
        self.blocks.push(block.0);
        self.count += offsets.len();
    }

    #[inline]
    fn words_of(&self, block: BlockNumber) -> &[u64] {
        let Some(Some(places)) = self.groups.get(block.0 as usize / GROUP) else { return &[] };
        let place = places[block.0 as usize % GROUP];
        let (start, count) = (place >> COUNT_BITS, place & ((1 << COUNT_BITS) - 1));
        &self.words[start as usize..start as usize + count as usize]
    }

    #[inline]
    pub fn contains(&self, tid: Tid) -> bool {
        let words = self.words_of(tid.block);
        words.get(usize::from(tid.offset.0) / 64).is_some_and(|word| word >> (tid.offset.0 % 64) & 1 != 0)
    }

    /// The blocks that have dead line pointers, ascending.
    pub(crate) fn blocks(&self) -> &[u32] {
        &self.blocks
    }

    /// The offsets of a block, ascending.
    pub(crate) fn of(&self, block: BlockNumber, offsets: &mut Vec<OffsetNumber>) {
        offsets.clear();
        for (number, word) in self.words_of(block).iter().enumerate() {
            let mut word = *word;
            while word != 0 {
                offsets.push(OffsetNumber((number * 64) as u16 + word.trailing_zeros() as u16));
                word &= word - 1;
            }
        }
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many more blocks can be remembered within so many bytes, whatever they hold.
    pub(crate) fn room(&self, memory_bytes: usize) -> u32 {
        let tables = self.groups.len() * size_of::<Option<Box<[u32; GROUP]>>>() + self.group_bytes;
        let used = tables + self.words.len() * 8 + self.blocks.len() * 4;
        let words_left = ((u32::MAX >> COUNT_BITS) as usize).saturating_sub(self.words.len());
        let bytes = memory_bytes.saturating_sub(used) / (MOST_WORDS * 8 + 4 + 4);
        bytes.min(words_left / MOST_WORDS) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_put_in() {
        let mut dead = DeadTids::default();
        let offsets = |numbers: &[u16]| numbers.iter().map(|n| OffsetNumber(*n)).collect::<Vec<_>>();
        for (block, numbers) in [(0, &[1_u16, 63, 64][..]), (3, &[291]), (700, &[2]), (u32::MAX / 4, &[5])] {
            dead.push(BlockNumber(block), &offsets(numbers));
        }
        let mut found = Vec::new();
        dead.of(BlockNumber(0), &mut found);
        assert_eq!(found, offsets(&[1, 63, 64]));
        for (block, offset, expected) in
            [(0, 64, true), (0, 65, false), (0, 2000, false), (1, 1, false), (3, 291, true), (699, 2, false)]
        {
            assert_eq!(dead.contains(Tid::new(block, offset)), expected, "({block},{offset})");
        }
        assert_eq!((dead.len(), dead.blocks()), (6, &[0, 3, 700, u32::MAX / 4][..]));
        assert!(dead.room(1 << 16) == 0 && dead.room(1 << 30) > 1_000_000);
    }
}
