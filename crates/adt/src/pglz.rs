//! PostgreSQL's LZ compression of stored values.
//!
//! A control byte announces eight items, the lowest bit first: 0 a literal byte, 1 a copy of earlier output.
//! A copy is `oooo llll oooo oooo` with an offset of 12 bits and a length of 3 to 17; a length field of 15 is followed
//! by a byte that is added to 18.
//!
//! Which copies are found decides the compressed size, which users see, so the search is PostgreSQL's: chains of the
//! last 4096 positions with the same hash of four bytes, and a demand on the match that falls along the chain.

use base::{Error, Result};

const HISTORY: usize = 4096;
const MAX_OFFSET: usize = 0x0fff;
const MAX_MATCH: usize = 273;
/// Input below this is left alone.
const MIN_INPUT: usize = 32;
/// Wanted saving in percent.
const MIN_SAVING: usize = 25;
/// Give up when nothing was found within this much output.
const FIRST_SUCCESS: usize = 1024;
/// A match of this length ends the search.
const GOOD_MATCH: usize = 128;
/// The length that ends the search falls by this many percent at each step.
const GOOD_DROP: usize = 10;

/// One remembered position; 0 ends chains, so entry 0 is never used.
#[derive(Clone, Copy, Default)]
struct Entry {
    next: u16,
    previous: u16,
    hash: u16,
    position: u32,
}

struct History {
    heads: Vec<u16>,
    entries: Vec<Entry>,
    next: usize,
    recycling: bool,
}

impl History {
    fn new(length: usize) -> History {
        let size = match length {
            ..128 => 512,
            128..256 => 1024,
            256..512 => 2048,
            512..1024 => 4096,
            _ => 8192,
        };
        History {
            heads: vec![0; size],
            entries: vec![Entry::default(); HISTORY + 1],
            next: 1,
            recycling: false,
        }
    }

    /// Bytes count as signed, as they do where the format comes from.
    fn hash(&self, input: &[u8], at: usize) -> usize {
        let byte = |i: usize| i32::from(input[at + i] as i8);
        let hash = if input.len() - at < 4 {
            byte(0)
        } else {
            (byte(0) << 6) ^ (byte(1) << 4) ^ (byte(2) << 2) ^ byte(3)
        };
        hash as usize & (self.heads.len() - 1)
    }

    fn add(&mut self, input: &[u8], at: usize) {
        let hash = self.hash(input, at);
        let index = self.next;
        if self.recycling {
            let old = self.entries[index];
            if old.previous == 0 {
                self.heads[usize::from(old.hash)] = old.next;
            } else {
                self.entries[usize::from(old.previous)].next = old.next;
            }
            if old.next != 0 {
                self.entries[usize::from(old.next)].previous = old.previous;
            }
        }
        let head = self.heads[hash];
        self.entries[index] = Entry { next: head, previous: 0, hash: hash as u16, position: at as u32 };
        if head != 0 {
            self.entries[usize::from(head)].previous = index as u16;
        }
        self.heads[hash] = index as u16;
        self.next += 1;
        if self.next > HISTORY {
            self.next = 1;
            self.recycling = true;
        }
    }

    /// Length and offset of the match to use at this position.
    fn find(&self, input: &[u8], at: usize) -> Option<(usize, usize)> {
        let mut index = usize::from(self.heads[self.hash(input, at)]);
        let (mut length, mut offset) = (0, 0);
        let mut good = GOOD_MATCH;
        let limit = MAX_MATCH.min(input.len() - at);
        while index != 0 {
            let entry = self.entries[index];
            let position = entry.position as usize;
            let distance = at - position;
            if distance >= MAX_OFFSET {
                break;
            }
            let candidate = (0..limit).take_while(|&i| input[position + i] == input[at + i]).count();
            if candidate > length {
                (length, offset) = (candidate, distance);
            }
            index = usize::from(entry.next);
            if index != 0 {
                if length >= good {
                    break;
                }
                good -= good * GOOD_DROP / 100;
            }
        }
        (length > 2).then_some((length, offset))
    }
}

/// Compresses a value; `None` when it is too short or would not shrink by a quarter.
pub fn compress(input: &[u8]) -> Option<Vec<u8>> {
    if input.len() < MIN_INPUT || input.len() > i32::MAX as usize {
        return None;
    }
    let limit = if input.len() > i32::MAX as usize / 100 {
        input.len() / 100 * (100 - MIN_SAVING)
    } else {
        input.len() * (100 - MIN_SAVING) / 100
    };
    let mut history = History::new(input.len());
    let mut out: Vec<u8> = Vec::with_capacity(limit + 8);
    let mut control_at = 0;
    let mut bit = 8;
    let mut found = false;
    let mut at = 0;
    while at < input.len() {
        if out.len() >= limit || (!found && out.len() >= FIRST_SUCCESS) {
            return None;
        }
        if bit == 8 {
            control_at = out.len();
            out.push(0);
            bit = 0;
        }
        let step = match history.find(input, at) {
            Some((length, offset)) => {
                out[control_at] |= 1 << bit;
                let high = ((offset & 0xf00) >> 4) as u8;
                if length > 17 {
                    out.extend([high | 0x0f, offset as u8, (length - 18) as u8]);
                } else {
                    out.extend([high | (length - 3) as u8, offset as u8]);
                }
                found = true;
                length
            }
            None => {
                out.push(input[at]);
                1
            }
        };
        bit += 1;
        for _ in 0..step {
            history.add(input, at);
            at += 1;
        }
    }
    (out.len() < limit).then_some(out)
}

/// Restores a value whose original length is known.
///
/// # Errors
/// `XX001`
pub fn decompress(input: &[u8], raw_length: usize) -> Result<Vec<u8>> {
    let out = decompress_prefix(input, raw_length)?;
    if out.len() != raw_length {
        return Err(corrupt());
    }
    Ok(out)
}

#[track_caller]
fn corrupt() -> Error {
    Error::corrupted("compressed pglz data is corrupt")
}

/// Restores at most the first `length` bytes of a value.
///
/// # Errors
/// `XX001`
pub fn decompress_prefix(input: &[u8], length: usize) -> Result<Vec<u8>> {
    // A byte of input makes at most 273/3 bytes of output, so a false length cannot ask for much memory.
    let mut out = Vec::with_capacity(length.min(input.len().saturating_mul(MAX_MATCH)));
    let mut rest = input.iter().copied();
    while out.len() < length {
        let Some(mut control) = rest.next() else { break };
        for _ in 0..8 {
            if out.len() >= length {
                break;
            }
            let Some(first) = rest.next() else { return Ok(out) };
            if control & 1 == 0 {
                out.push(first);
            } else {
                let second = rest.next().ok_or_else(corrupt)?;
                let mut count = usize::from(first & 0x0f) + 3;
                let offset = (usize::from(first & 0xf0) << 4) | usize::from(second);
                if count == 18 {
                    count += usize::from(rest.next().ok_or_else(corrupt)?);
                }
                if offset == 0 || offset > out.len() {
                    return Err(corrupt());
                }
                for _ in 0..count.min(length - out.len()) {
                    out.push(out[out.len() - offset]);
                }
            }
            control >>= 1;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let numbers: String = (0..2000).map(|i| format!("row {i} of many, ")).collect();
        for text in ["a".repeat(100), "abcd".repeat(5000), numbers] {
            let compressed = compress(text.as_bytes()).unwrap();
            assert_eq!(decompress(&compressed, text.len()).unwrap(), text.as_bytes());
            assert_eq!(decompress_prefix(&compressed, 10).unwrap(), &text.as_bytes()[..10]);
        }
    }

    /// Sizes are those of PostgreSQL, as pg_column_size() shows them, less eight bytes of header.
    #[test]
    fn same_size_as_postgresql() {
        let rows: String = (0..2000).map(|i| format!("row {i} of many, ")).collect();
        assert_eq!(compress("abcd".repeat(5000).as_bytes()).unwrap().len(), 236);
        assert_eq!(compress(rows.as_bytes()).unwrap().len(), 6596);
    }

    #[test]
    fn refuses() {
        assert!(compress(b"aaaaaaaaaa").is_none());
        let noise: Vec<u8> = (0..2000_u32).map(|i| crate::hash::murmurhash32(i) as u8).collect();
        assert!(compress(&noise).is_none());
        assert!(decompress(&[1, 0, 5], 10).is_err());
    }
}
