//! Which frame holds which block: a hash table in partitions, each under its own lock.

use crate::frame::Tag;
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

#[derive(Default)]
pub(crate) struct Partition {
    pub entries: RwLock<HashTable<Entry>>,
    /// Pins that found their block here.
    pub hits: AtomicU64,
}

pub(crate) struct Table {
    partitions: Vec<CachePadded<Partition>>,
}

impl Table {
    pub fn new(frames: usize) -> Table {
        let partition = || {
            CachePadded::new(Partition {
                entries: RwLock::new(HashTable::with_capacity(frames / PARTITIONS * 5 / 4 + 4)),
                hits: AtomicU64::new(0),
            })
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

pub(crate) fn find(entries: &HashTable<Entry>, hash: u64, tag: &Tag) -> Option<u32> {
    entries.find(hash, |entry| entry.tag == *tag).map(|entry| entry.frame)
}

pub(crate) fn insert(entries: &mut HashTable<Entry>, hash: u64, entry: Entry) {
    entries.insert_unique(hash, entry, |entry| entry.tag.hash());
}

pub(crate) fn remove(entries: &mut HashTable<Entry>, hash: u64, tag: &Tag) {
    if let Ok(entry) = entries.find_entry(hash, |entry| entry.tag == *tag) {
        entry.remove();
    }
}
