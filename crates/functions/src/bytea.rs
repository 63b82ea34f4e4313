//! bytea.

use crate::call::Function;
use crate::table::{comparisons, functions};
use adt::bytea::{self, Transport};
use adt::hash;
use base::Result;

fn concatenate(a: &[u8], b: &[u8]) -> Result<Vec<u8>> {
    if a.len() + b.len() > adt::text::MAX_SIZE {
        return Err(base::err!(
            PROGRAM_LIMIT_EXCEEDED,
            "array size exceeds the maximum allowed ({})",
            adt::text::MAX_SIZE
        ));
    }
    Ok([a, b].concat())
}

/// The CRC with this reflected polynomial.
fn crc(bytes: &[u8], polynomial: u32) -> i64 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ polynomial } else { crc >> 1 };
        }
    }
    i64::from(!crc)
}

pub const FUNCTIONS: &[&[Function]] = &[
    comparisons!("bytea", "", [u8], [u8], |_, a, b| a.cmp(b)),
    functions! {
        "byteain" (text: str) -> Vec<u8> = bytea::parse(text);
        "byteaout" [call] (value: [u8]) -> String = Ok(match call.formats().bytea_hex {
            true => bytea::format_hex(value),
            false => bytea::format_escape(value),
        });
        "bytearecv" (bytes: [u8]) -> [u8] = Ok(bytes);
        "byteasend" (value: [u8]) -> [u8] = Ok(value);
        "byteacmp" (a: [u8], b: [u8]) -> i32 = Ok(a.cmp(b) as i32);
        "bytea_larger" (a: [u8], b: [u8]) -> [u8] = Ok(a.max(b));
        "bytea_smaller" (a: [u8], b: [u8]) -> [u8] = Ok(a.min(b));
        "hashbytea" (value: [u8]) -> i32 = Ok(hash::hash_bytes(value) as i32);
        "hashbyteaextended" (value: [u8], seed: i64) -> i64 = Ok(hash::hash_bytes_extended(value, seed as u64) as i64);
        "byteacat" (a: [u8], b: [u8]) -> Vec<u8> = concatenate(a, b);
        "bytea_substr" (s: [u8], start: i32, length: i32) -> [u8] = bytea::substring(s, start, Some(length));
        "bytea_substr_no_len" (s: [u8], start: i32) -> [u8] = bytea::substring(s, start, None);
        "byteaoverlay" (s: [u8], with: [u8], start: i32, length: i32) -> Vec<u8> = bytea::overlay(s, with, start, length);
        "byteaoverlay_no_len" (s: [u8], with: [u8], start: i32) -> Vec<u8> =
            bytea::overlay(s, with, start, with.len() as i32);
        "byteapos" (s: [u8], needle: [u8]) -> i32 = Ok(bytea::position(s, needle));
        "byteatrim" (s: [u8], set: [u8]) -> [u8] = Ok(bytea::btrim(s, set));
        "bytealtrim" (s: [u8], set: [u8]) -> [u8] = Ok(bytea::ltrim(s, set));
        "byteartrim" (s: [u8], set: [u8]) -> [u8] = Ok(bytea::rtrim(s, set));
        "byteaoctetlen" (s: [u8]) -> i32 = Ok(s.len() as i32);
        "byteaGetByte" (s: [u8], index: i32) -> i32 = bytea::get_byte(s, index);
        "byteaSetByte" (s: [u8], index: i32, value: i32) -> Vec<u8> = bytea::set_byte(s, index, value);
        "byteaGetBit" (s: [u8], index: i64) -> i32 = bytea::get_bit(s, index);
        "byteaSetBit" (s: [u8], index: i64, value: i32) -> Vec<u8> = bytea::set_bit(s, index, value);
        "bytea_bit_count" (s: [u8]) -> i64 = Ok(bytea::bit_count(s));
        "bytea_reverse" (s: [u8]) -> Vec<u8> = Ok(bytea::reverse(s));
        "binary_encode" (s: [u8], format: str) -> String = Ok(Transport::by_name(format)?.encode(s));
        "binary_decode" (s: str, format: str) -> Vec<u8> = Transport::by_name(format)?.decode(s);
        "md5_bytea" (s: [u8]) -> String = Ok(bytea::md5(s));
        "sha224_bytea" (s: [u8]) -> Vec<u8> = Ok(bytea::sha224(s));
        "sha256_bytea" (s: [u8]) -> Vec<u8> = Ok(bytea::sha256(s));
        "sha384_bytea" (s: [u8]) -> Vec<u8> = Ok(bytea::sha384(s));
        "sha512_bytea" (s: [u8]) -> Vec<u8> = Ok(bytea::sha512(s));
        "crc32_bytea" (s: [u8]) -> i64 = Ok(crc(s, 0xedb8_8320));
        "crc32c_bytea" (s: [u8]) -> i64 = Ok(crc(s, 0x82f6_3b78));
        "like_escape_bytea" (pattern: [u8], escape: [u8]) -> Vec<u8> = like_escape(pattern, escape);
    },
];

/// A pattern with its own escape byte becomes one with backslashes.
fn like_escape(pattern: &[u8], escape: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(2 * pattern.len());
    let escape = match escape {
        [] => None,
        [byte] => Some(*byte),
        _ => {
            return Err(base::err!(INVALID_ESCAPE_SEQUENCE, "invalid escape string")
                .hint("Escape string must be empty or one character."));
        }
    };
    let mut after_escape = false;
    for byte in pattern {
        if Some(*byte) == escape && !after_escape {
            out.push(b'\\');
            after_escape = true;
            continue;
        }
        if *byte == b'\\' && escape != Some(b'\\') && !after_escape {
            out.push(b'\\');
        }
        out.push(*byte);
        after_escape = false;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    #[test]
    fn checksums() {
        assert_eq!(super::crc(b"The quick brown fox jumps over the lazy dog.", 0xedb8_8320), 1368401385);
        assert_eq!(super::crc(b"The quick brown fox jumps over the lazy dog.", 0x82f6_3b78), 419469235);
    }
}
