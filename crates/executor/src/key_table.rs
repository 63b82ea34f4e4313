//! Distinct keys, numbered: the table under hash aggregation, hash joins, set operations and hashed subplans.
//!
//! A key of columns whose values fit into a word or two (numbers, short strings) is kept as words; at the first one that
//! does not, the table goes over to encoded bytes. Either way a slot holds 32 bits of the key's hash and its number:
//!
//! ```text
//! slots  [ tag number | 0 | tag number | ... ]     the place is the tag's low bits, then the next free one
//! words  [ key 0 | key 1 | ... ]                   or: data [ bytes of key 0 | bytes of key 1 ], ends
//! ```
//!
//! A batch is looked up in steps, hashes first, so that the processor has many slots on their way at once.

use crate::keys::{Encoder, WordKind};
use base::Result;
use datum::{Column, Selection, Values};
use hashbrown::DefaultHashBuilder;
use std::hash::BuildHasher;
use std::sync::Arc;

/// No key.
pub const NONE: u32 = u32::MAX;

/// What a row of a batch is to a table of words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Words,
    /// It has a NULL, and NULLs are no keys.
    Null,
    /// Its key does not fit.
    TooLong,
}

/// Keys of a batch's rows, on their way into a table or to be looked up in one.
#[derive(Default)]
pub struct Scratch {
    words: Vec<u64>,
    fits: Vec<Fit>,
    tags: Vec<u32>,
    buffer: Vec<u8>,
}

/// One multiplication that every bit of the input goes through.
#[inline]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline]
fn hash_words(words: &[u64], seed: u64) -> u64 {
    words.iter().fold(seed, |hash, word| mix(hash ^ *word, FACTOR))
}

impl Scratch {
    /// Brings the selected rows' keys into words.
    fn fill(&mut self, encoder: &Encoder, columns: &[&Column], rows: &Selection, null_is_key: bool) {
        let bound = rows.bound();
        let width = encoder.words();
        self.words.clear();
        self.words.resize(bound * width, 0);
        self.fits.clear();
        self.fits.resize(bound, Fit::Words);
        let mut at = 0;
        for (kind, column) in encoder.word_kinds().iter().zip(columns) {
            self.fill_column(*kind, column, at, width, rows);
            if column.has_nulls() {
                rows.for_each(|row| {
                    if !column.is_null(row) {
                        return;
                    }
                    match null_is_key {
                        true => kind.put_null(&mut self.words[row * width + at..]),
                        false => self.fits[row] = Fit::Null,
                    }
                });
            }
            at += kind.words();
        }
    }

    fn fill_column(&mut self, kind: WordKind, column: &Column, at: usize, width: usize, rows: &Selection) {
        let (words, fits) = (&mut self.words, &mut self.fits);
        let mut too_long = |row: usize| {
            if fits[row] == Fit::Words && !column.is_null(row) {
                fits[row] = Fit::TooLong;
            }
        };
        macro_rules! numbers {
            ($values:expr) => {
                match rows {
                    Selection::All(count) if !column.is_constant() => {
                        let places = words.iter_mut().skip(at).step_by(width);
                        places.zip(&$values[..*count]).for_each(|(word, v)| *word = i64::from(*v) as u64);
                    }
                    _ => rows.for_each(|row| {
                        words[row * width + at] = i64::from($values[column.slot(row)]) as u64;
                    }),
                }
            };
        }
        match (kind, column.values()) {
            (WordKind::Integer, Values::Int4(v)) => numbers!(v),
            (WordKind::Integer, Values::Int2(v)) => numbers!(v),
            (WordKind::Integer, Values::Int8(v)) => {
                numbers!(v);
                if v.contains(&WordKind::NULL_INTEGER) {
                    rows.for_each(|row| {
                        if v[column.slot(row)] == WordKind::NULL_INTEGER {
                            too_long(row);
                        }
                    });
                }
            }
            _ => rows.for_each(|row| {
                if let Some(value) = column.get(row)
                    && !kind.put(value, &mut words[row * width + at..])
                {
                    too_long(row);
                }
            }),
        }
    }

    /// The tags of the rows whose keys are words.
    fn tag(&mut self, width: usize, seed: u64) {
        self.tags.clear();
        match width {
            1 => self.tags.extend(self.words.iter().map(|word| tag_of(mix(seed ^ *word, FACTOR)))),
            _ => self.tags.extend(self.words.chunks_exact(width).map(|key| tag_of(hash_words(key, seed)))),
        }
    }
}

#[inline]
fn tag_of(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// Hashes of rows, for dividing them among spill files; equal keys have equal hashes. NULLs hash too.
///
/// # Errors
/// What encoding fails with.
pub fn row_hashes(
    encoder: &Encoder,
    hasher: &DefaultHashBuilder,
    columns: &[&Column],
    rows: usize,
    scratch: &mut Scratch,
    out: &mut Vec<u64>,
) -> Result<()> {
    out.clear();
    let width = encoder.words();
    let by_words = width > 0;
    if by_words {
        scratch.fill(encoder, columns, &Selection::All(rows), true);
    }
    let seed = hasher.hash_one(1_u64);
    for row in 0..rows {
        if by_words && scratch.fits[row] == Fit::Words {
            // The table uses the same words with another seed: what falls into one part is spread there anew.
            out.push(mix(hash_words(&scratch.words[row * width..][..width], seed), seed | 1));
            continue;
        }
        scratch.buffer.clear();
        encoder.encode_row(columns, row, &mut scratch.buffer)?;
        out.push(hasher.hash_one(scratch.buffer.as_slice()));
    }
    Ok(())
}

/// Whether the key of this number is this one. A width of its own for the commonest keys, as comparing slices is a call.
#[inline]
fn is_key(words: &[u64], number: u32, key: &[u64]) -> bool {
    match *key {
        [word] => words[number as usize] == word,
        [first, second] => {
            let at = 2 * number as usize;
            words[at] == first && words[at + 1] == second
        }
        _ => words[number as usize * key.len()..][..key.len()] == *key,
    }
}

/// Slots beyond which a table may not be at hand, so that memory is asked for before it is needed.
const LARGE: usize = 1 << 12;

/// Where keys are found by their tags.
#[derive(Default)]
struct Slots {
    /// The tag, and the number plus one; 0 for a free slot.
    slots: Vec<u64>,
    used: usize,
}

impl Slots {
    #[inline]
    fn find(&self, tag: u32, mut same: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().wrapping_sub(1);
        if self.slots.is_empty() {
            return None;
        }
        let mut at = tag as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            let number = slot as u32 - 1;
            if (slot >> 32) as u32 == tag && same(number) {
                return Some(number);
            }
            at = (at + 1) & mask;
        }
    }

    /// Asks for the memory of the places where these tags are looked for.
    fn fetch_memory(&self, tags: &[u32]) {
        let mask = self.slots.len().wrapping_sub(1);
        if self.slots.len() >= LARGE {
            tags.iter()
                .for_each(|tag| sys::memory::fetch((&raw const self.slots[*tag as usize & mask]).cast()));
        }
    }

    /// A key that is not there yet.
    #[inline]
    fn insert(&mut self, tag: u32, number: u32) {
        if self.used * 2 >= self.slots.len() {
            self.grow();
        }
        self.used += 1;
        Self::place(&mut self.slots, u64::from(tag) << 32 | (u64::from(number) + 1));
    }

    #[inline]
    fn place(slots: &mut [u64], slot: u64) {
        let mask = slots.len() - 1;
        let mut at = (slot >> 32) as usize & mask;
        while slots[at] != 0 {
            at = (at + 1) & mask;
        }
        slots[at] = slot;
    }

    fn grow(&mut self) {
        let factor = if self.slots.len() < 1 << 16 { 4 } else { 2 };
        let mut larger = vec![0; (self.slots.len() * factor).max(16)];
        self.slots.iter().filter(|slot| **slot != 0).for_each(|slot| Self::place(&mut larger, *slot));
        self.slots = larger;
    }
}

enum Keys {
    Words(Vec<u64>),
    Bytes { data: Vec<u8>, ends: Vec<usize> },
}

/// Distinct keys, numbered in the order of their first appearance.
pub struct KeyTable {
    encoder: Arc<Encoder>,
    hasher: DefaultHashBuilder,
    /// Mixed into the words' hashes.
    seed: u64,
    slots: Slots,
    keys: Keys,
    len: usize,
}

impl KeyTable {
    pub fn new(encoder: Arc<Encoder>) -> KeyTable {
        let hasher = DefaultHashBuilder::default();
        let (seed, keys) = (hasher.hash_one(0_u64), Self::empty(&encoder));
        KeyTable { encoder, hasher, seed, slots: Slots::default(), keys, len: 0 }
    }

    fn empty(encoder: &Encoder) -> Keys {
        match encoder.word_kinds().is_empty() {
            true => Keys::Bytes { data: Vec::new(), ends: Vec::new() },
            false => Keys::Words(Vec::new()),
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn clear(&mut self) {
        // Not cleared in place: a table that spilled must not begin its next input as full as it ended.
        self.slots = Slots::default();
        self.keys = Self::empty(&self.encoder);
        self.len = 0;
    }

    pub fn memory_bytes(&self) -> usize {
        let keys = match &self.keys {
            Keys::Words(words) => 8 * words.capacity(),
            Keys::Bytes { data, ends } => data.capacity() + 8 * ends.capacity(),
        };
        keys + 8 * self.slots.slots.capacity()
    }

    /// The number of each selected row's key, in `numbers` by row. Unknown keys are added. With `null_is_key`
    /// false, rows with a NULL among their key columns get [`NONE`].
    ///
    /// # Errors
    /// What encoding fails with.
    pub fn insert(
        &mut self,
        columns: &[&Column],
        rows: &Selection,
        null_is_key: bool,
        scratch: &mut Scratch,
        numbers: &mut Vec<u32>,
    ) -> Result<()> {
        numbers.clear();
        numbers.resize(rows.bound(), NONE);
        let width = self.encoder.words();
        if let Keys::Words(words) = &mut self.keys {
            scratch.fill(&self.encoder, columns, rows, null_is_key);
            let mut all_fit = true;
            rows.for_each(|row| all_fit &= scratch.fits[row] != Fit::TooLong);
            if all_fit {
                scratch.tag(width, self.seed);
                self.slots.fetch_memory(&scratch.tags);
                let (slots, len) = (&mut self.slots, &mut self.len);
                rows.for_each(|row| {
                    if scratch.fits[row] == Fit::Null {
                        return;
                    }
                    let (tag, key) = (scratch.tags[row], &scratch.words[row * width..][..width]);
                    let found = slots.find(tag, |number| is_key(words, number, key));
                    numbers[row] = found.unwrap_or_else(|| {
                        let number = *len as u32;
                        words.extend_from_slice(key);
                        slots.insert(tag, number);
                        *len += 1;
                        number
                    });
                });
                return Ok(());
            }
            self.go_over_to_bytes();
        }
        let Keys::Bytes { data, ends } = &mut self.keys else { return Ok(()) };
        let buffer = &mut scratch.buffer;
        rows.try_for_each(|row| -> Result<()> {
            buffer.clear();
            if self.encoder.encode_row(columns, row, buffer)? && !null_is_key {
                return Ok(());
            }
            let tag = tag_of(self.hasher.hash_one(buffer.as_slice()));
            let found = self.slots.find(tag, |number| key_bytes(data, ends, number) == buffer.as_slice());
            numbers[row] = found.unwrap_or_else(|| {
                let number = self.len as u32;
                data.extend_from_slice(buffer);
                ends.push(data.len());
                self.slots.insert(tag, number);
                self.len += 1;
                number
            });
            Ok(())
        })
    }

    /// The number of each selected row's key, [`NONE`] for unknown ones and, unless `null_is_key`, for NULLs.
    ///
    /// # Errors
    /// What encoding fails with.
    pub fn find(
        &self,
        columns: &[&Column],
        rows: &Selection,
        null_is_key: bool,
        scratch: &mut Scratch,
        numbers: &mut Vec<u32>,
    ) -> Result<()> {
        numbers.clear();
        numbers.resize(rows.bound(), NONE);
        let width = self.encoder.words();
        match &self.keys {
            Keys::Words(words) => {
                scratch.fill(&self.encoder, columns, rows, null_is_key);
                scratch.tag(width, self.seed);
                self.slots.fetch_memory(&scratch.tags);
                let is_large = self.slots.slots.len() >= LARGE;
                if is_large {
                    // First by the tags alone, so that the keys are on their way together.
                    rows.for_each(|row| {
                        if scratch.fits[row] == Fit::Words
                            && let Some(found) = self.slots.find(scratch.tags[row], |_| true)
                        {
                            numbers[row] = found;
                            sys::memory::fetch((&raw const words[found as usize * width]).cast());
                        }
                    });
                }
                rows.for_each(|row| {
                    if scratch.fits[row] != Fit::Words || is_large && numbers[row] == NONE {
                        return;
                    }
                    let (tag, key) = (scratch.tags[row], &scratch.words[row * width..][..width]);
                    if !is_large || !is_key(words, numbers[row], key) {
                        let found = self.slots.find(tag, |number| is_key(words, number, key));
                        numbers[row] = found.unwrap_or(NONE);
                    }
                });
                Ok(())
            }
            Keys::Bytes { data, ends } => rows.try_for_each(|row| -> Result<()> {
                scratch.buffer.clear();
                if self.encoder.encode_row(columns, row, &mut scratch.buffer)? && !null_is_key {
                    return Ok(());
                }
                let key = scratch.buffer.as_slice();
                let same = |number: u32| key_bytes(data, ends, number) == key;
                if let Some(found) = self.slots.find(tag_of(self.hasher.hash_one(key)), same) {
                    numbers[row] = found;
                }
                Ok(())
            }),
        }
    }

    /// Encodes the keys that have been kept as words.
    fn go_over_to_bytes(&mut self) {
        let Keys::Words(words) = &self.keys else { return };
        let kinds = self.encoder.word_kinds();
        let (mut data, mut ends) = (Vec::new(), Vec::with_capacity(self.len));
        self.slots = Slots::default();
        for (number, key) in words.chunks_exact(self.encoder.words()).enumerate() {
            let start = data.len();
            let mut rest = key;
            for kind in kinds {
                kind.encode(rest, &mut data);
                rest = &rest[kind.words()..];
            }
            ends.push(data.len());
            self.slots.insert(tag_of(self.hasher.hash_one(&data[start..])), number as u32);
        }
        self.keys = Keys::Bytes { data, ends };
    }
}

fn key_bytes<'a>(data: &'a [u8], ends: &[usize], number: u32) -> &'a [u8] {
    let number = number as usize;
    let start = if number == 0 { 0 } else { ends[number - 1] };
    &data[start..ends[number]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use datum::{ColumnBuilder, Datum, Repr};

    fn integers(values: &[Option<i32>]) -> Column {
        let mut builder = ColumnBuilder::new(Repr::Int4, values.len());
        values.iter().for_each(|v| builder.push(v.map(Datum::Int4)));
        builder.finish()
    }

    fn texts(values: &[Option<&str>]) -> Column {
        let mut builder = ColumnBuilder::new(Repr::Bytes, values.len());
        values.iter().for_each(|v| builder.push(v.map(Datum::from)));
        builder.finish()
    }

    #[test]
    fn numbers_keys_by_first_appearance() {
        for width in [1, 2] {
            let mut table = KeyTable::new(Arc::new(Encoder::of_kinds(vec![WordKind::Integer; width])));
            let values = integers(&[Some(5), None, Some(0), Some(5), None]);
            let columns = vec![&values; width];
            let (mut numbers, mut scratch) = (Vec::new(), Scratch::default());
            table.insert(&columns, &Selection::All(5), true, &mut scratch, &mut numbers).unwrap();
            assert_eq!(numbers, [0, 1, 2, 0, 1]);
            let probe = integers(&[Some(0), Some(9), None]);
            let columns = vec![&probe; width];
            table.find(&columns, &Selection::All(3), false, &mut scratch, &mut numbers).unwrap();
            assert_eq!(numbers, [2, NONE, NONE]);
            table.find(&columns, &Selection::All(3), true, &mut scratch, &mut numbers).unwrap();
            assert_eq!(numbers, [2, NONE, 1]);
        }
    }

    #[test]
    fn keys_keep_their_numbers_when_a_long_one_comes() {
        let encoder = Arc::new(Encoder::of_kinds(vec![WordKind::Integer, WordKind::Bytes]));
        let mut table = KeyTable::new(encoder.clone());
        let (mut numbers, mut scratch) = (Vec::new(), Scratch::default());
        let count = 3000;
        let ids = integers(&(0..count).map(Some).collect::<Vec<_>>());
        let short = texts(&(0..count).map(|_| Some("short")).collect::<Vec<_>>());
        let all = Selection::All(count as usize);
        table.insert(&[&ids, &short], &all, true, &mut scratch, &mut numbers).unwrap();
        let (ids, mixed) = (
            integers(&[Some(7), Some(8), None]),
            texts(&[Some("short"), Some("too long for two words"), None]),
        );
        let three = Selection::All(3);
        table.find(&[&ids, &mixed], &three, true, &mut scratch, &mut numbers).unwrap();
        assert_eq!(numbers, [7, NONE, NONE]);
        table.insert(&[&ids, &mixed], &three, true, &mut scratch, &mut numbers).unwrap();
        assert_eq!(numbers, [7, 3000, 3001]);
        table.find(&[&ids, &mixed], &three, true, &mut scratch, &mut numbers).unwrap();
        assert_eq!(numbers, [7, 3000, 3001]);
    }

    #[test]
    fn rows_with_equal_keys_have_equal_hashes() {
        let encoder = Encoder::of_kinds(vec![WordKind::Bytes]);
        let hasher = DefaultHashBuilder::default();
        let (mut hashes, mut scratch) = (Vec::new(), Scratch::default());
        let column = texts(&[
            Some("a"),
            Some("too long for two words"),
            Some("a"),
            Some("too long for two words"),
            None,
        ]);
        row_hashes(&encoder, &hasher, &[&column], 5, &mut scratch, &mut hashes).unwrap();
        assert_eq!((hashes[0], hashes[1]), (hashes[2], hashes[3]));
        assert_ne!(hashes[0], hashes[4]);
    }
}
