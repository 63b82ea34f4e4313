//! Sorting one partition of the entries in memory.
//!
//! What decides most comparisons, eight bytes that sort like the first column, lies beside the entry's place. These
//! bytes are sorted by radix, least significant byte first, leaving out bytes that all entries share; only entries that
//! agree in all eight are compared in full.

use crate::key::compare_keys;
use crate::tuple::{IndexTuple, Value, size_at};
use access_api::{IndexRelation, IntegerOrder};
use base::{Result, Tid};
use datum::Datum;
use std::cmp::Ordering;

/// Below this many entries, comparing is faster than counting bytes.
const RADIX_FROM: usize = 200;

/// Sorts by `key`, keeping the order of entries with equal keys.
fn radix_sort<E: Copy + Default>(entries: &mut Vec<E>, scratch: &mut Vec<E>, key: impl Fn(&E) -> u64) {
    if entries.len() < RADIX_FROM {
        entries.sort_by_key(&key);
        return;
    }
    let first = key(&entries[0]);
    let differing = entries.iter().fold(0, |bits, entry| bits | (key(entry) ^ first));
    if entries.is_sorted_by_key(&key) {
        return;
    }
    scratch.clear();
    scratch.resize(entries.len(), E::default());
    for byte in 0..8 {
        let shift = byte * 8;
        if differing >> shift & 0xff == 0 {
            continue;
        }
        let mut places = [0_usize; 256];
        for entry in entries.iter() {
            places[(key(entry) >> shift & 0xff) as usize] += 1;
        }
        let mut next = 0;
        for place in &mut places {
            next += std::mem::replace(place, next);
        }
        for entry in entries.iter() {
            let place = &mut places[(key(entry) >> shift & 0xff) as usize];
            scratch[*place] = *entry;
            *place += 1;
        }
        std::mem::swap(entries, scratch);
    }
}

/// Calls `work` with each stretch of more than one entry with equal keys.
fn each_group<E>(entries: &mut [E], key: impl Fn(&E) -> u64, mut work: impl FnMut(&mut [E])) {
    let mut start = 0;
    while start < entries.len() {
        let value = key(&entries[start]);
        let mut end = start + 1;
        while end < entries.len() && key(&entries[end]) == value {
            end += 1;
        }
        if end - start > 1 {
            work(&mut entries[start..end]);
        }
        start = end;
    }
}

/// An index on one column of integers: an entry is the key, made to sort as an unsigned number, above the row's tid. The
/// index tuple is made of it when it is written.
#[derive(Clone, Copy, Debug)]
pub struct IntegerKey {
    order: IntegerOrder,
    descending: bool,
    /// Bytes of the value.
    pub size: usize,
}

const SIGN: u64 = 1 << 63;
const TID_BITS: u32 = 48;
pub const ENTRY_SIZE: usize = 16;

impl IntegerKey {
    /// `None` when the index is not on one such column alone.
    pub fn of(index: &IndexRelation) -> Option<IntegerKey> {
        let ([key], [attribute]) = (&*index.keys, index.attributes()) else { return None };
        let size = usize::try_from(attribute.layout.len).ok().filter(|size| matches!(size, 1 | 2 | 4 | 8))?;
        Some(IntegerKey { order: key.order.integer()?, descending: key.descending, size })
    }

    /// `raw`: the value's bytes, little-endian, zeros above.
    #[inline]
    pub fn entry(&self, raw: u64, tid: Tid) -> u128 {
        let key = match self.order {
            IntegerOrder::Unsigned => raw,
            IntegerOrder::Signed => {
                let unused = 64 - 8 * self.size as u32;
                ((raw << unused) as i64 >> unused) as u64 ^ SIGN
            }
        };
        let key = if self.descending { !key } else { key };
        u128::from(key) << 64 | u128::from(tid_bits(tid))
    }

    /// The value's bytes.
    #[inline]
    pub fn raw(&self, entry: u128) -> u64 {
        let key = (entry >> 64) as u64;
        let key = if self.descending { !key } else { key };
        match self.order {
            IntegerOrder::Unsigned => key,
            IntegerOrder::Signed => (key ^ SIGN) & (u64::MAX >> (64 - 8 * self.size as u32)),
        }
    }
}

#[inline]
pub fn tid_bits(tid: Tid) -> u64 {
    u64::from(tid.block.0) << 16 | u64::from(tid.offset.0)
}

#[inline]
pub fn tid_of(entry: u128) -> Tid {
    let bits = entry as u64 & ((1 << TID_BITS) - 1);
    Tid::new((bits >> 16) as u32, bits as u16)
}

pub fn integer_of(value: Datum<'_>) -> u64 {
    match value {
        Datum::Bool(value) => u64::from(value),
        Datum::Char(value) => u64::from(value as u8),
        Datum::Int2(value) => u64::from(value as u16),
        Datum::Int4(value) => u64::from(value as u32),
        Datum::Int8(value) => value as u64,
        other => unreachable!("{other:?} is no integer"),
    }
}

/// Sorts integer entries by key and tid.
pub fn sort_integers(entries: &mut Vec<u128>, scratch: &mut Vec<u128>) {
    radix_sort(entries, scratch, |entry| (entry >> 64) as u64);
    // Threads have read blocks in turns: equal keys are a few ascending stretches.
    each_group(entries, |entry| (entry >> 64) as u64, <[u128]>::sort);
}

/// Where an index tuple starts, beside the bytes it is sorted by.
#[derive(Clone, Copy, Default)]
pub struct Place {
    prefix: u64,
    pub at: u32,
}

/// Index tuples end to end, and their order.
#[derive(Default)]
pub struct TupleSorter {
    pub bytes: Vec<u8>,
    pub places: Vec<Place>,
    scratch: Vec<Place>,
    /// Room for integers, kept from one partition to the next.
    pub integers: Vec<u128>,
    pub integer_scratch: Vec<u128>,
}

/// Tuples are addressed in units of eight bytes, as all are aligned: up to 32 GB.
const UNIT: usize = 8;

impl TupleSorter {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
    }

    pub fn tuple(&self, place: Place) -> &[u8] {
        let tuple = &self.bytes[place.at as usize * UNIT..];
        &tuple[..IndexTuple(tuple).size()]
    }

    /// How many tuples `bytes` holds.
    pub fn count(&self) -> usize {
        let (mut at, mut count) = (0, 0);
        while let Some(size) = size_at(&self.bytes[at..]).filter(|size| *size > 0) {
            at += size;
            count += 1;
        }
        count
    }

    /// Sorts what is in `bytes`. `nulls`: the first column is null in all of them.
    ///
    /// # Errors
    /// `XX002` for damaged tuples.
    pub fn sort(&mut self, index: &IndexRelation, nulls: bool) -> Result<()> {
        self.places.clear();
        let mut at = 0;
        while let Some(size) = size_at(&self.bytes[at..]).filter(|size| *size > 0) {
            self.places.push(Place { prefix: 0, at: (at / UNIT) as u32 });
            at += size;
        }
        if !nulls {
            self.make_prefixes(index)?;
        }
        let TupleSorter { bytes, places, scratch, .. } = self;
        radix_sort(places, scratch, |place| place.prefix);
        let key = &index.keys[0];
        let tuple = |place: &Place| IndexTuple(&bytes[place.at as usize * UNIT..]);
        let by_tid = |a: &Place, b: &Place| tuple(a).tid(0).cmp(&tuple(b).tid(0));
        let decided = index.keys.len() == 1 && (nulls || key.order.prefix_decides());
        let varlena = index.keys.len() == 1 && index.attributes()[0].layout.len == -1;
        let mut failed = None;
        each_group(
            places,
            |place| place.prefix,
            |group| {
                if decided {
                    group.sort_unstable_by(by_tid);
                    return;
                }
                group.sort_unstable_by(|a, b| {
                    if varlena
                        && let (Some(left), Some(right)) = (tuple(a).short_first(), tuple(b).short_first())
                    {
                        let order = key.order.compare(Datum::Bytes(left), Datum::Bytes(right));
                        let order = if key.descending { order.reverse() } else { order };
                        return order.then_with(|| by_tid(a, b));
                    }
                    match compare_keys(index, tuple(a), tuple(b)) {
                        Ok((order, _)) => order.then_with(|| by_tid(a, b)),
                        Err(error) => {
                            failed = Some(error);
                            Ordering::Equal
                        }
                    }
                });
            },
        );
        failed.map_or(Ok(()), Err)
    }

    /// Makes prefixes of what follows the bytes that all values begin with: else keys like `user-000123` would all tie.
    fn make_prefixes(&mut self, index: &IndexRelation) -> Result<()> {
        let TupleSorter { bytes, places, .. } = self;
        let (key, desc) = (&index.keys[0], &index.relation.desc);
        let varlena = index.attributes()[0].layout.len == -1;
        let value = |place: &Place| {
            let tuple = IndexTuple(&bytes[place.at as usize * UNIT..]);
            match tuple.short_first().filter(|_| varlena) {
                Some(value) => Ok(Value::Datum(Datum::Bytes(value))),
                None => tuple.attribute(desc, 0),
            }
        };
        let mut skip = 0;
        if key.order.bytewise()
            && let Some(first) = places.first()
        {
            let first = value(first)?;
            let Some(Datum::Bytes(mut common)) = first.get() else { return Ok(()) };
            for place in places.iter() {
                if let Some(Datum::Bytes(bytes)) = value(place)?.get() {
                    common = &common[..common_len(common, bytes)];
                }
            }
            skip = common.len();
        }
        for place in places.iter_mut() {
            let value = value(place)?;
            let prefix = match value.get() {
                Some(Datum::Bytes(bytes)) if skip > 0 => key.order.prefix(Datum::Bytes(&bytes[skip..])),
                Some(value) => key.order.prefix(value),
                None => 0,
            };
            place.prefix = if key.descending { !prefix } else { prefix };
        }
        Ok(())
    }
}

/// How many bytes two values have in common at their start.
pub fn common_len(a: &[u8], b: &[u8]) -> usize {
    if b.starts_with(a) {
        return a.len();
    }
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
