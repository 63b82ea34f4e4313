//! Escapes in string literals: backslashes of `E''`, code points of `U&''` and `U&""`.

use crate::lexer::{error_near, is_space};
use base::{Error, Result, err};

/// Appends the value of `sql[from..to]`, the inside of an `E''` string.
pub(crate) fn unescape(sql: &str, from: usize, to: usize, value: &mut String) -> Result<()> {
    let text = &sql.as_bytes()[from..to];
    let mut bytes: Vec<u8> = Vec::with_capacity(text.len());
    let mut high: Option<u32> = None;
    let mut at = 0;
    while at < text.len() {
        let (length, unit) = match &text[at..] {
            [b'\'', b'\'', ..] => (2, Unit::Byte(b'\'')),
            [b'\\', rest @ ..] => escape(from + at, rest)?,
            [byte, ..] => (1, Unit::Byte(*byte)),
            [] => break,
        };
        // PostgreSQL's lexer stops at the first character that is no escape of a code point.
        let shown = if matches!(unit, Unit::Code(_)) { length } else { 1 };
        let unpaired = || error_near("invalid Unicode surrogate pair", sql, from + at, from + at + shown);
        match (unit, high.take()) {
            (Unit::Byte(byte), None) => bytes.push(byte),
            (Unit::Code(code @ 0xd800..=0xdbff), None) => high = Some(code),
            (Unit::Code(code @ 0xdc00..=0xdfff), Some(first)) => {
                push_code(&mut bytes, 0x10000 + ((first - 0xd800) << 10) + (code - 0xdc00));
            }
            (Unit::Code(0xd800..=0xdfff), _) | (_, Some(_)) => return Err(unpaired()),
            (Unit::Code(code), None) if code != 0 && char::from_u32(code).is_some() => {
                push_code(&mut bytes, code)
            }
            (Unit::Code(_), None) => {
                return Err(error_near("invalid Unicode escape value", sql, from + at, from + at + length));
            }
        }
        at += length;
    }
    if high.is_some() {
        return Err(error_near("invalid Unicode surrogate pair", sql, to, (to + 1).min(sql.len())));
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => value.push_str(&text),
        Ok(_) => return Err(invalid_encoding(&[0])),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let length = error.utf8_error().error_len().unwrap_or(1).max(1);
            let bytes = error.as_bytes();
            return Err(invalid_encoding(&bytes[at..(at + length).min(bytes.len())]));
        }
    }
    Ok(())
}

fn invalid_encoding(bytes: &[u8]) -> Error {
    let hex: Vec<String> = bytes.iter().map(|byte| format!("0x{byte:02x}")).collect();
    err!(CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\": {}", hex.join(" "))
}

enum Unit {
    Byte(u8),
    Code(u32),
}

/// The escape whose backslash is at `place`, `rest` following it: its length, backslash included, and value.
fn escape(place: usize, rest: &[u8]) -> Result<(usize, Unit)> {
    let Some(&first) = rest.first() else { return Ok((1, Unit::Byte(b'\\'))) };
    let simple = |byte| Ok((2, Unit::Byte(byte)));
    match first {
        b'b' => simple(8),
        b'f' => simple(12),
        b'n' => simple(b'\n'),
        b'r' => simple(b'\r'),
        b't' => simple(b'\t'),
        b'v' => simple(11),
        b'0'..=b'7' => {
            let digits = rest.iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
            let code = rest[..digits].iter().fold(0_u32, |code, byte| code * 8 + u32::from(byte - b'0'));
            Ok((1 + digits, Unit::Byte(code as u8)))
        }
        b'x' => match hex(&rest[1..], 2) {
            (0, _) => simple(b'x'),
            (digits, code) => Ok((2 + digits, Unit::Byte(code as u8))),
        },
        b'u' | b'U' => {
            let wanted = if first == b'u' { 4 } else { 8 };
            match hex(&rest[1..], wanted) {
                (digits, code) if digits == wanted => Ok((2 + digits, Unit::Code(code))),
                _ => Err(err!(INVALID_ESCAPE_SEQUENCE, "invalid Unicode escape")
                    .hint("Unicode escapes must be \\uXXXX or \\UXXXXXXXX.")
                    .at(place)),
            }
        }
        // The further bytes of a longer character follow as they are.
        _ => simple(first),
    }
}

/// Up to `wanted` hexadecimal digits: how many, and their value.
fn hex(text: &[u8], wanted: usize) -> (usize, u32) {
    let digits = text.iter().take(wanted).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let value = text[..digits]
        .iter()
        .fold(0_u32, |value, byte| (value << 4) | char::from(*byte).to_digit(16).unwrap_or(0));
    (digits, value)
}

fn push_code(bytes: &mut Vec<u8>, code: u32) {
    if let Some(character) = char::from_u32(code) {
        bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// Whether UESCAPE may name this character.
pub(crate) fn is_escape_character(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_hexdigit() && !matches!(byte, b'+' | b'\'' | b'"') && !is_space(byte)
}

/// The value of a `U&` literal. `place` is the offset of its contents in the statement.
pub(crate) fn unescape_unicode(raw: &str, escape: u8, place: usize) -> Result<String> {
    let text = raw.as_bytes();
    let mut bytes: Vec<u8> = Vec::with_capacity(text.len());
    let mut high: Option<u32> = None;
    let mut at = 0;
    let surrogate =
        |at: usize| err!(SYNTAX_ERROR, "invalid Unicode surrogate pair").at(place + at.min(raw.len()));
    while at < text.len() {
        if text[at] != escape || text.get(at + 1) == Some(&escape) {
            if high.is_some() {
                return Err(surrogate(at));
            }
            bytes.push(text[at]);
            at += if text[at] == escape { 2 } else { 1 };
            continue;
        }
        let (prefix, wanted) = if text.get(at + 1) == Some(&b'+') { (2, 6) } else { (1, 4) };
        let (digits, code) = hex(&text[(at + prefix).min(text.len())..], wanted);
        if digits != wanted {
            return Err(err!(SYNTAX_ERROR, "invalid Unicode escape")
                .hint("Unicode escapes must be \\XXXX or \\+XXXXXX.")
                .at(place + at));
        }
        match (code, high.take()) {
            (0xd800..=0xdbff, None) => high = Some(code),
            (0xdc00..=0xdfff, Some(first)) => {
                push_code(&mut bytes, 0x10000 + ((first - 0xd800) << 10) + (code - 0xdc00));
            }
            (0xd800..=0xdfff, _) | (_, Some(_)) => return Err(surrogate(at)),
            (0 | 0x11_0000.., None) => {
                return Err(err!(SYNTAX_ERROR, "invalid Unicode escape value").at(place + at));
            }
            (_, None) => push_code(&mut bytes, code),
        }
        at += prefix + wanted;
    }
    if high.is_some() {
        return Err(surrogate(text.len()));
    }
    String::from_utf8(bytes).map_err(|_| err!(SYNTAX_ERROR, "invalid Unicode escape value").at(place))
}
