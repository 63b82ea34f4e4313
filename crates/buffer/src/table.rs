//! Which frame holds which block: a hash table in partitions, each under its own lock. Neighbouring blocks share an
//! entry of a cache line, so that whoever reads one after the other finds it at hand.
//!
//! ```text
//! (relation, fork, block / 8)  ->  [ frame of block 0 | frame of block 1 | none | ... ]
//! ```

use crate::frame::Tag;
use base::BlockNumber;
use crossbeam_utils::CachePadded;
use hashbrown::HashTable;
use parking_lot::RwLock;
use std::sync::atomic::AtomicU64;

const PARTITIONS: usize = 128;

#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub tag: Tag,
    pub frame: u32,
}

/// Blocks that share an entry. `Tag::hash` is the same for all of them.
pub(crate) const NEIGHBOURS: u32 = 8;
const NO_FRAME: u32 = u32::MAX;

/// The frames of neighbouring blocks.
struct Group {
    /// The first block's.
    tag: Tag,
    frames: [u32; NEIGHBOURS as usize],
}

/// A partition's blocks.
#[derive(Default)]
pub(crate) struct Entries {
    groups: HashTable<Group>,
}

fn first_of(tag: &Tag) -> Tag {
    Tag { block: BlockNumber(tag.block.0 & !(NEIGHBOURS - 1)), ..*tag }
}

fn place_of(tag: &Tag) -> usize {
    (tag.block.0 % NEIGHBOURS) as usize
}

impl Entries {
    #[inline]
    pub fn find(&self, hash: u64, tag: &Tag) -> Option<u32> {
        let first = first_of(tag);
        let group = self.groups.find(hash, |group| group.tag == first)?;
        Some(group.frames[place_of(tag)]).filter(|frame| *frame != NO_FRAME)
    }

    pub fn insert(&mut self, hash: u64, entry: Entry) {
        let first = first_of(&entry.tag);
        let place = place_of(&entry.tag);
        match self.groups.find_mut(hash, |group| group.tag == first) {
            Some(group) => group.frames[place] = entry.frame,
            None => {
                let mut group = Group { tag: first, frames: [NO_FRAME; NEIGHBOURS as usize] };
                group.frames[place] = entry.frame;
                self.groups.insert_unique(hash, group, |group| group.tag.hash());
            }
        }
    }

    pub fn remove(&mut self, hash: u64, tag: &Tag) {
        let first = first_of(tag);
        if let Ok(mut found) = self.groups.find_entry(hash, |group| group.tag == first) {
            let group = found.get_mut();
            group.frames[place_of(tag)] = NO_FRAME;
            if group.frames.iter().all(|frame| *frame == NO_FRAME) {
                found.remove();
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = Entry> {
        self.groups.iter().flat_map(|group| {
            let blocks = (group.tag.block.0..).zip(group.frames);
            let held = blocks.filter(|(_, frame)| *frame != NO_FRAME);
            held.map(|(block, frame)| Entry { tag: Tag { block: BlockNumber(block), ..group.tag }, frame })
        })
    }
}

#[derive(Default)]
pub(crate) struct Partition {
    pub entries: RwLock<Entries>,
    /// Pins that found their block here.
    pub hits: AtomicU64,
}

pub(crate) struct Table {
    partitions: Vec<CachePadded<Partition>>,
}

impl Table {
    pub fn new(frames: usize) -> Table {
        let partition = || {
            let groups = HashTable::with_capacity(frames / PARTITIONS / 2 + 4);
            CachePadded::new(Partition { entries: RwLock::new(Entries { groups }), hits: AtomicU64::new(0) })
        };
        Table { partitions: (0..PARTITIONS).map(|_| partition()).collect() }
    }

    /// The partition that a hash belongs to; the table inside uses the other bits.
    pub fn partition(&self, hash: u64) -> &Partition {
        &self.partitions[(hash >> 40) as usize % PARTITIONS]
    }

    pub fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.partitions.iter().map(|partition| &**partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Fork, Oid, RelFileLocator};

    #[test]
    fn neighbours_come_and_go_alone() {
        let locator = RelFileLocator { tablespace: Oid(1663), database: Oid(5), number: Oid(16384) };
        let tag = |block| Tag { locator, fork: Fork::Main, block: BlockNumber(block) };
        let mut entries = Entries::default();
        for block in [3, 8, 4, 1000, 15] {
            entries.insert(tag(block).hash(), Entry { tag: tag(block), frame: block * 2 });
        }
        let find = |entries: &Entries, block| entries.find(tag(block).hash(), &tag(block));
        assert_eq!(
            [3, 8, 4, 1000, 15, 5, 9].map(|b| find(&entries, b)),
            [Some(6), Some(16), Some(8), Some(2000), Some(30), None, None]
        );
        for block in [3, 1000, 7] {
            entries.remove(tag(block).hash(), &tag(block));
        }
        let mut left: Vec<(u32, u32)> = entries.iter().map(|e| (e.tag.block.0, e.frame)).collect();
        left.sort_unstable();
        assert_eq!(left, [(4, 8), (8, 16), (15, 30)]);
    }
}
