//! Byte strings: text forms, transport encodings, access to bits and bytes, digests.

use crate::integer::out_of_range;
use crate::text::substring_range;
use base::{Error, Result, bail, err};
use md5::Digest;

#[track_caller]
fn invalid_syntax() -> Error {
    err!(INVALID_TEXT_REPRESENTATION, "invalid input syntax for type bytea")
}

/// `byteain`: `\x` and hexadecimal digits, or the escape form. Errors: `22P02`, `22023`.
pub fn parse(text: &str) -> Result<Vec<u8>> {
    match text.strip_prefix("\\x") {
        Some(digits) => decode_hex(digits),
        None => decode_escape(text),
    }
}

/// `byteaout` with `bytea_output = hex`.
pub fn format_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("\\x");
    push_hex(&mut text, bytes);
    text
}

/// `byteaout` with `bytea_output = escape`: what is not printable ASCII becomes octal.
pub fn format_escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\\' => text.push_str("\\\\"),
            0x20..=0x7e => text.push(char::from(byte)),
            _ => push_octal(&mut text, byte),
        }
    }
    text
}

fn push_octal(text: &mut String, byte: u8) {
    text.push('\\');
    for shift in [6, 3, 0] {
        text.push(char::from(b'0' + ((byte >> shift) & 7)));
    }
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
}

/// A transport encoding of `encode` and `decode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Hex,
    Base64,
    Escape,
}

impl Transport {
    /// By name, in any case. Errors: `22023`.
    pub fn by_name(name: &str) -> Result<Transport> {
        match name.to_ascii_lowercase().as_str() {
            "hex" => Ok(Transport::Hex),
            "base64" => Ok(Transport::Base64),
            "escape" => Ok(Transport::Escape),
            _ => Err(err!(INVALID_PARAMETER_VALUE, "unrecognized encoding: \"{name}\"")),
        }
    }

    pub fn encode(self, bytes: &[u8]) -> String {
        match self {
            Transport::Hex => {
                let mut text = String::with_capacity(2 * bytes.len());
                push_hex(&mut text, bytes);
                text
            }
            Transport::Base64 => encode_base64(bytes),
            Transport::Escape => {
                let mut text = String::with_capacity(bytes.len());
                for &byte in bytes {
                    match byte {
                        0 | 0x80.. => push_octal(&mut text, byte),
                        b'\\' => text.push_str("\\\\"),
                        _ => text.push(char::from(byte)),
                    }
                }
                text
            }
        }
    }

    /// Errors: `22023`, `22P02`.
    pub fn decode(self, text: &str) -> Result<Vec<u8>> {
        match self {
            Transport::Hex => decode_hex(text),
            Transport::Base64 => decode_base64(text),
            Transport::Escape => decode_escape(text),
        }
    }
}

fn decode_hex(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let digit = |c: char| {
        c.to_digit(16).ok_or_else(|| err!(INVALID_PARAMETER_VALUE, "invalid hexadecimal digit: \"{c}\""))
    };
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if matches!(c, ' ' | '\n' | '\t' | '\r') {
            continue;
        }
        let high = digit(c)?;
        let low = chars
            .next()
            .ok_or_else(|| err!(INVALID_PARAMETER_VALUE, "invalid hexadecimal data: odd number of digits"))?;
        bytes.push((high * 16 + digit(low)?) as u8);
    }
    Ok(bytes)
}

fn decode_escape(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match (byte, tail) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..]) => {
                bytes.push(((a - b'0') << 6) | ((b - b'0') << 3) | (c - b'0'));
                tail
            }
            (b'\\', [b'\\', tail @ ..]) => {
                bytes.push(b'\\');
                tail
            }
            (b'\\', _) => return Err(invalid_syntax()),
            _ => {
                bytes.push(byte);
                tail
            }
        };
    }
    Ok(bytes)
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Lines of 76 characters, as MIME has them.
fn encode_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + bytes.len() / 57 + 4);
    for (i, group) in bytes.chunks(3).enumerate() {
        if i > 0 && i % 19 == 0 {
            text.push('\n');
        }
        let word =
            group.iter().fold(0_u32, |word, &byte| (word << 8) | u32::from(byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            if place <= group.len() {
                text.push(char::from(BASE64[(word >> (18 - 6 * place)) as usize & 63]));
            } else {
                text.push('=');
            }
        }
    }
    // PostgreSQL breaks a line as soon as it is full, even when nothing follows.
    if !bytes.is_empty() && bytes.len().is_multiple_of(57) {
        text.push('\n');
    }
    text
}

fn decode_base64(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut word, mut count, mut padding) = (0_u32, 0, 0);
    for c in text.chars() {
        let value = match c {
            ' ' | '\t' | '\n' | '\r' => continue,
            'A'..='Z' => c as u32 - 'A' as u32,
            'a'..='z' => c as u32 - 'a' as u32 + 26,
            '0'..='9' => c as u32 - '0' as u32 + 52,
            '+' => 62,
            '/' => 63,
            '=' => {
                if padding == 0 {
                    padding = match count {
                        2 => 1,
                        3 => 2,
                        _ => {
                            bail!(INVALID_PARAMETER_VALUE, "unexpected \"=\" while decoding base64 sequence")
                        }
                    };
                }
                0
            }
            _ => {
                bail!(INVALID_PARAMETER_VALUE, "invalid symbol \"{c}\" found while decoding base64 sequence")
            }
        };
        word = (word << 6) | value;
        count += 1;
        if count == 4 {
            bytes.push((word >> 16) as u8);
            if padding != 1 {
                bytes.push((word >> 8) as u8);
            }
            if padding == 0 {
                bytes.push(word as u8);
            }
            (word, count) = (0, 0);
        }
    }
    if count != 0 {
        return Err(err!(INVALID_PARAMETER_VALUE, "invalid base64 end sequence")
            .hint("Input data is missing padding, is truncated, or is otherwise corrupted."));
    }
    Ok(bytes)
}

/// `substring` over bytes. Errors: `22011`.
pub fn substring(bytes: &[u8], start: i32, length: Option<i32>) -> Result<&[u8]> {
    let Some((first, end)) = substring_range(start, length)? else { return Ok(&[]) };
    let first = first.min(bytes.len());
    let end = end.unwrap_or(bytes.len()).clamp(first, bytes.len());
    Ok(&bytes[first..end])
}

/// `overlay` over bytes. Errors: `22011`, `22003`.
pub fn overlay(bytes: &[u8], with: &[u8], start: i32, length: i32) -> Result<Vec<u8>> {
    if start <= 0 {
        bail!(SUBSTRING_ERROR, "negative substring length not allowed");
    }
    let resume = start.checked_add(length).ok_or_else(|| out_of_range("integer"))?;
    Ok([substring(bytes, 1, Some(start - 1))?, with, substring(bytes, resume, None)?].concat())
}

/// `position` over bytes: 0 when absent.
pub fn position(bytes: &[u8], needle: &[u8]) -> i32 {
    memchr::memmem::find(bytes, needle).map_or(0, |offset| offset as i32 + 1)
}

/// `btrim` over bytes.
pub fn btrim<'a>(bytes: &'a [u8], set: &[u8]) -> &'a [u8] {
    ltrim(rtrim(bytes, set), set)
}

/// `ltrim` over bytes.
pub fn ltrim<'a>(bytes: &'a [u8], set: &[u8]) -> &'a [u8] {
    let start = bytes.iter().position(|byte| !set.contains(byte)).unwrap_or(bytes.len());
    &bytes[start..]
}

/// `rtrim` over bytes.
pub fn rtrim<'a>(bytes: &'a [u8], set: &[u8]) -> &'a [u8] {
    let end = bytes.iter().rposition(|byte| !set.contains(byte)).map_or(0, |last| last + 1);
    &bytes[..end]
}

fn check_index(index: i64, count: i64) -> Result<usize> {
    if index < 0 || index >= count {
        bail!(ARRAY_SUBSCRIPT_ERROR, "index {index} out of valid range, 0..{}", count - 1);
    }
    Ok(index as usize)
}

/// `get_byte`. Errors: `2202E`.
pub fn get_byte(bytes: &[u8], index: i32) -> Result<i32> {
    Ok(i32::from(bytes[check_index(i64::from(index), bytes.len() as i64)?]))
}

/// `set_byte`. Errors: `2202E`.
pub fn set_byte(bytes: &[u8], index: i32, value: i32) -> Result<Vec<u8>> {
    let index = check_index(i64::from(index), bytes.len() as i64)?;
    let mut changed = bytes.to_vec();
    changed[index] = value as u8;
    Ok(changed)
}

/// `get_bit`: bits count from the least significant of the first byte. Errors: `2202E`.
pub fn get_bit(bytes: &[u8], index: i64) -> Result<i32> {
    let index = check_index(index, bytes.len() as i64 * 8)?;
    Ok(i32::from((bytes[index / 8] >> (index % 8)) & 1))
}

/// `set_bit`. Errors: `2202E`, `22023`.
pub fn set_bit(bytes: &[u8], index: i64, value: i32) -> Result<Vec<u8>> {
    let index = check_index(index, bytes.len() as i64 * 8)?;
    if value != 0 && value != 1 {
        bail!(INVALID_PARAMETER_VALUE, "new bit must be 0 or 1");
    }
    let mut changed = bytes.to_vec();
    let mask = 1 << (index % 8);
    changed[index / 8] = if value == 1 { changed[index / 8] | mask } else { changed[index / 8] & !mask };
    Ok(changed)
}

/// `bit_count`
pub fn bit_count(bytes: &[u8]) -> i64 {
    bytes.iter().map(|byte| i64::from(byte.count_ones())).sum()
}

/// `reverse`
pub fn reverse(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().rev().copied().collect()
}

/// `md5` as 32 hexadecimal digits.
pub fn md5(bytes: &[u8]) -> String {
    Transport::Hex.encode(&md5::Md5::digest(bytes))
}

/// `sha224`
pub fn sha224(bytes: &[u8]) -> Vec<u8> {
    sha2::Sha224::digest(bytes).to_vec()
}

/// `sha256`
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    sha2::Sha256::digest(bytes).to_vec()
}

/// `sha384`
pub fn sha384(bytes: &[u8]) -> Vec<u8> {
    sha2::Sha384::digest(bytes).to_vec()
}

/// `sha512`
pub fn sha512(bytes: &[u8]) -> Vec<u8> {
    sha2::Sha512::digest(bytes).to_vec()
}

/// The cast to smallint, integer or bigint: big-endian, two's complement, of at most `size` bytes.
///
/// # Errors
/// `22003`
pub fn to_integer(bytes: &[u8], size: usize, type_name: &str) -> Result<i64> {
    if bytes.len() > size {
        return Err(out_of_range(type_name));
    }
    let value = bytes.iter().fold(0_u64, |value, &byte| (value << 8) | u64::from(byte));
    Ok(match size {
        2 => i64::from(value as i16),
        4 => i64::from(value as i32),
        _ => value as i64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms() {
        assert_eq!(parse("\\x 01fF").unwrap(), [1, 255]);
        assert_eq!(parse("a\\\\\\001").unwrap(), b"a\\\x01");
        assert_eq!(parse("a\\1").unwrap_err().message(), "invalid input syntax for type bytea");
        assert_eq!(parse("\\xz").unwrap_err().message(), "invalid hexadecimal digit: \"z\"");
        assert_eq!(format_escape(b"a\\\x01"), "a\\\\\\001");
        for data in [&b""[..], b"a", b"ab", b"abc", &[0xff; 100]] {
            for transport in [Transport::Hex, Transport::Base64, Transport::Escape] {
                assert_eq!(transport.decode(&transport.encode(data)).unwrap(), data);
            }
        }
        assert_eq!(Transport::Base64.decode("abc").unwrap_err().message(), "invalid base64 end sequence");
    }

    #[test]
    fn bits() {
        assert_eq!(get_bit(b"\x02", 1).unwrap(), 1);
        assert_eq!(set_bit(b"\x02", 0, 1).unwrap(), b"\x03");
        assert_eq!(get_byte(b"ab", 2).unwrap_err().message(), "index 2 out of valid range, 0..1");
        assert_eq!(md5(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
    }
}
