//! uuid: text forms, generation from given randomness, and what can be read back out of one.

use crate::integer::invalid_input;
use base::Result;

/// The sixteen bytes of a uuid, most significant first; they order as bytes do.
pub type Uuid = [u8; 16];

/// Microseconds from the Unix epoch to 2000-01-01, PostgreSQL's epoch.
const POSTGRES_EPOCH_US: i64 = 946_684_800_000_000;
/// Microseconds from 1582-10-15 (the epoch of version 1) to 2000-01-01.
const GREGORIAN_TO_POSTGRES_US: i64 = 13_165_977_600_000_000;

/// Parses 32 hexadecimal digits, with optional braces around and a hyphen after any group of four. Errors: `22P02`.
pub fn parse(text: &str) -> Result<Uuid> {
    parse_bytes(text.as_bytes()).ok_or_else(|| invalid_input("uuid", text))
}

fn parse_bytes(text: &[u8]) -> Option<Uuid> {
    let mut rest = match text.strip_prefix(b"{") {
        Some(inner) => inner.strip_suffix(b"}")?,
        None => text,
    };
    let mut uuid = [0; 16];
    for (i, byte) in uuid.iter_mut().enumerate() {
        let high = char::from(*rest.first()?).to_digit(16)?;
        let low = char::from(*rest.get(1)?).to_digit(16)?;
        *byte = (high * 16 + low) as u8;
        rest = &rest[2..];
        if i % 2 == 1 && i < 15 {
            rest = rest.strip_prefix(b"-").unwrap_or(rest);
        }
    }
    rest.is_empty().then_some(uuid)
}

/// The 36-character form.
pub fn format(uuid: &Uuid) -> String {
    let mut text = String::with_capacity(36);
    for (i, &byte) in uuid.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    text
}

fn stamp(mut uuid: Uuid, version: u8) -> Uuid {
    uuid[6] = (uuid[6] & 0x0f) | (version << 4);
    uuid[8] = (uuid[8] & 0x3f) | 0x80;
    uuid
}

/// A version 4 uuid from random bytes.
pub fn v4(random: [u8; 16]) -> Uuid {
    stamp(random, 4)
}

/// A version 7 uuid for a time in milliseconds since the Unix epoch (48 bits) and nanoseconds of the millisecond, of
/// which twelve bits are kept.
pub fn v7(ms: u64, nanos: u32, random: [u8; 8]) -> Uuid {
    let fraction = (u64::from(nanos) << 12) / 1_000_000;
    let mut uuid = [0; 16];
    uuid[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
    uuid[6..8].copy_from_slice(&(fraction as u16).to_be_bytes());
    uuid[8..].copy_from_slice(&random);
    stamp(uuid, 7)
}

/// `uuid_extract_version`; `None` for uuids outside of RFC 9562's variant.
pub fn version(uuid: &Uuid) -> Option<i16> {
    (uuid[8] & 0xc0 == 0x80).then(|| i16::from(uuid[6] >> 4))
}

/// `uuid_extract_timestamp`: microseconds since 2000-01-01 UTC, for versions 1 and 7.
pub fn timestamp(uuid: &Uuid) -> Option<i64> {
    match version(uuid)? {
        1 => {
            let low = u64::from(u32::from_be_bytes([uuid[0], uuid[1], uuid[2], uuid[3]]));
            let middle = u64::from(u16::from_be_bytes([uuid[4], uuid[5]]));
            let high = u64::from(u16::from_be_bytes([uuid[6], uuid[7]]) & 0x0fff);
            let ticks = (high << 48) | (middle << 32) | low;
            Some((ticks / 10) as i64 - GREGORIAN_TO_POSTGRES_US)
        }
        7 => {
            let ms = uuid[..6].iter().fold(0_i64, |ms, &byte| (ms << 8) | i64::from(byte));
            Some(ms * 1000 - POSTGRES_EPOCH_US)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let canonical = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
        for text in [
            canonical,
            "A0EEBC999C0B4EF8BB6D6BB9BD380A11",
            "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}",
            "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
        ] {
            assert_eq!(format(&parse(text).unwrap()), canonical, "{text}");
        }
        for text in
            ["", "{a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0-eebc999c0b4ef8bb6d6bb9bd380a11", "a0eebc99-"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn generated() {
        let uuid = v7(1_700_000_000_123, 0, [0xff; 8]);
        assert_eq!(version(&uuid), Some(7));
        assert_eq!(timestamp(&uuid), Some(1_700_000_000_123_000 - POSTGRES_EPOCH_US));
        assert_eq!(version(&v4([0; 16])), Some(4));
    }
}
