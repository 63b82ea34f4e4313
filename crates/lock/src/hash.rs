//! A quick hash for lock tags. Tags come from our own catalogs and counters, and each table holds few of them,
//! so nothing is gained from a keyed hash.

use std::hash::{BuildHasherDefault, Hash, Hasher};

/// Multiply-and-rotate over words, with a final mix so that the high bits are usable too.
#[derive(Default)]
pub(crate) struct TagHasher(u64);

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for TagHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.write_u64(u64::from(n));
    }

    fn write_u16(&mut self, n: u16) {
        self.write_u64(u64::from(n));
    }

    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(23) ^ n).wrapping_mul(MULTIPLIER);
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }

    fn write_isize(&mut self, n: isize) {
        self.write_u64(n as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}

pub(crate) type TagMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<TagHasher>>;

pub(crate) fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = TagHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}
