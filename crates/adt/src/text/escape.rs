//! Quoting and Unicode escapes.

use base::{Error, Result, bail, err};

/// `quote_literal`: an escape string when a backslash is inside.
pub fn quote_literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 3);
    if text.contains('\\') {
        quoted.push('E');
    }
    quoted.push('\'');
    for c in text.chars() {
        if matches!(c, '\'' | '\\') {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

#[track_caller]
fn invalid_escape() -> Error {
    err!(SYNTAX_ERROR, "invalid Unicode escape")
        .hint("Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.")
}

#[track_caller]
fn invalid_pair() -> Error {
    err!(SYNTAX_ERROR, "invalid Unicode surrogate pair")
}

/// The number in the first `count` hexadecimal digits.
fn hex_digits(text: &str, count: usize) -> Option<u32> {
    let digits = text.get(..count)?;
    if !digits.bytes().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}

/// Value and length of an escape, behind its backslash.
fn escape_value(rest: &str) -> Option<(u32, usize)> {
    let counted = |prefix: usize, count: usize| {
        rest.get(prefix..).and_then(|digits| hex_digits(digits, count)).map(|value| (value, prefix + count))
    };
    match rest.as_bytes().first()? {
        b'u' => counted(1, 4),
        b'U' => counted(1, 8),
        b'+' => counted(1, 6),
        _ => counted(0, 4),
    }
}

/// `unistr`. Errors: `42601`, `22023`.
pub fn unistr(text: &str) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut high: Option<u32> = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '\\' || rest.starts_with('\\') {
            if high.is_some() {
                return Err(invalid_pair());
            }
            out.push(c);
            if c == '\\' {
                rest = &rest[1..];
            }
            continue;
        }
        let (value, length) = escape_value(rest).ok_or_else(invalid_escape)?;
        rest = &rest[length..];
        if value == 0 || value > 0x10_ffff {
            bail!(INVALID_PARAMETER_VALUE, "invalid Unicode code point: {value:04X}");
        }
        let is_low = (0xdc00..0xe000).contains(&value);
        let code = match high.take() {
            Some(high) if is_low => 0x10000 + ((high & 0x3ff) << 10) + (value & 0x3ff),
            Some(_) => return Err(invalid_pair()),
            None if is_low => return Err(invalid_pair()),
            None if (0xd800..0xdc00).contains(&value) => {
                high = Some(value);
                continue;
            }
            None => value,
        };
        out.push(char::from_u32(code).ok_or_else(invalid_pair)?);
    }
    if high.is_some() {
        return Err(invalid_pair());
    }
    Ok(out)
}
