//! Character strings. Positions and lengths count characters and start at 1, as SQL has them.

pub mod case;
pub mod directive;
pub mod escape;
pub mod pad;

use crate::integer::out_of_range;
use base::{Error, Result, bail, err};
use std::cmp::Ordering;
use std::collections::HashMap;

/// The largest allocation PostgreSQL allows for one value.
pub const MAX_SIZE: usize = 0x3fff_ffff;

#[track_caller]
fn too_large() -> Error {
    err!(PROGRAM_LIMIT_EXCEEDED, "requested length too large")
}

/// Characters in a string.
#[inline]
pub fn length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

/// The byte offset of the character with this index (from 0), or the end.
fn offset_of(text: &str, index: usize) -> usize {
    if index >= text.len() {
        return text.len();
    }
    // The first bytes decide for all when they are ASCII.
    if text.as_bytes()[..index].is_ascii() {
        return index;
    }
    text.char_indices().nth(index).map_or(text.len(), |(offset, _)| offset)
}

/// First and last-plus-one index (from 0) of SQL's `substring(from start for length)`; `None` for nothing.
///
/// # Errors
/// `22011` for a negative length.
pub(crate) fn substring_range(start: i32, length: Option<i32>) -> Result<Option<(usize, Option<usize>)>> {
    let first = (start.max(1) - 1) as usize;
    let Some(length) = length else { return Ok(Some((first, None))) };
    if length < 0 {
        bail!(SUBSTRING_ERROR, "negative substring length not allowed");
    }
    match start.checked_add(length) {
        None => Ok(Some((first, None))),
        Some(end) if end <= 1 => Ok(None),
        Some(end) => Ok(Some((first, Some((end - 1) as usize)))),
    }
}

/// `substring(text from start for length)`; what lies before the first character counts as nothing. Errors: `22011`.
pub fn substring(text: &str, start: i32, length: Option<i32>) -> Result<&str> {
    let Some((first, end)) = substring_range(start, length)? else { return Ok("") };
    let rest = &text[offset_of(text, first)..];
    Ok(match end {
        Some(end) => &rest[..offset_of(rest, end.saturating_sub(first))],
        None => rest,
    })
}

/// `overlay(text placing with from start for length)`. Errors: `22011`, `22003`.
pub fn overlay(text: &str, with: &str, start: i32, length: i32) -> Result<String> {
    if start <= 0 {
        bail!(SUBSTRING_ERROR, "negative substring length not allowed");
    }
    let resume = start.checked_add(length).ok_or_else(|| out_of_range("integer"))?;
    Ok([substring(text, 1, Some(start - 1))?, with, substring(text, resume, None)?].concat())
}

/// `position(needle in text)`: 0 when absent.
pub fn position(text: &str, needle: &str) -> i32 {
    match memchr::memmem::find(text.as_bytes(), needle.as_bytes()) {
        Some(offset) => length(&text[..offset]) as i32 + 1,
        None => 0,
    }
}

/// Replaces every occurrence; an empty `from` replaces nothing.
pub fn replace(text: &str, from: &str, to: &str) -> String {
    if from.is_empty() { text.to_owned() } else { text.replace(from, to) }
}

/// Replaces each character of `from` by the one at its place in `to`, or by nothing.
pub fn translate(text: &str, from: &str, to: &str) -> String {
    let mut targets = to.chars();
    let mut table: HashMap<char, Option<char>> = HashMap::new();
    for source in from.chars() {
        let target = targets.next();
        table.entry(source).or_insert(target);
    }
    text.chars().filter_map(|c| table.get(&c).copied().unwrap_or(Some(c))).collect()
}

/// `left`: a negative count leaves that many characters off the end.
pub fn left(text: &str, count: i32) -> &str {
    if count >= 0 {
        &text[..offset_of(text, count as usize)]
    } else {
        let kept = length(text).saturating_sub(count.unsigned_abs() as usize);
        &text[..offset_of(text, kept)]
    }
}

/// `right`: a negative count leaves that many characters off the start.
pub fn right(text: &str, count: i32) -> &str {
    let skipped =
        if count < 0 { count.unsigned_abs() as usize } else { length(text).saturating_sub(count as usize) };
    &text[offset_of(text, skipped)..]
}

/// `reverse`
pub fn reverse(text: &str) -> String {
    text.chars().rev().collect()
}

/// `split_part`: fields count from 1, or from the end when negative. Errors: `22023` for field 0.
pub fn split_part<'a>(text: &'a str, separator: &str, field: i32) -> Result<&'a str> {
    if field == 0 {
        bail!(INVALID_PARAMETER_VALUE, "field position must not be zero");
    }
    if separator.is_empty() {
        return Ok(if field == 1 || field == -1 { text } else { "" });
    }
    let index = field.unsigned_abs() as usize - 1;
    let part = if field > 0 {
        text.split(separator).nth(index)
    } else {
        let count = text.matches(separator).count() + 1;
        count.checked_sub(index + 1).and_then(|index| text.split(separator).nth(index))
    };
    Ok(part.unwrap_or(""))
}

/// The pieces of `string_to_array`: every character for a null separator, the whole for an empty one; nothing at all
/// for an empty string.
pub fn split<'a>(text: &'a str, separator: Option<&str>) -> Vec<&'a str> {
    match separator {
        _ if text.is_empty() => Vec::new(),
        None => text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]).collect(),
        Some("") => vec![text],
        Some(separator) => text.split(separator).collect(),
    }
}

/// `ascii`: the code point of the first character, 0 for none.
pub fn ascii(text: &str) -> i32 {
    text.chars().next().map_or(0, |c| c as i32)
}

/// `chr`. Errors: `22023`, `54000`.
pub fn chr(code: i32) -> Result<char> {
    if code < 0 {
        bail!(INVALID_PARAMETER_VALUE, "character number must be positive");
    }
    if code == 0 {
        bail!(PROGRAM_LIMIT_EXCEEDED, "null character not permitted");
    }
    if code > 0x10_ffff {
        bail!(PROGRAM_LIMIT_EXCEEDED, "requested character too large for encoding: {code}");
    }
    char::from_u32(code as u32)
        .ok_or_else(|| err!(PROGRAM_LIMIT_EXCEEDED, "requested character not valid for encoding: {code}"))
}

fn digits_in(value: u64, bits: u32) -> String {
    if value == 0 {
        return "0".to_owned();
    }
    let count = (64 - value.leading_zeros()).div_ceil(bits);
    (0..count)
        .rev()
        .map(|i| char::from(b"0123456789abcdef"[(value >> (i * bits)) as usize & ((1 << bits) - 1)]))
        .collect()
}

/// `to_hex`: integers pass their 32 bits, bigints their 64.
pub fn to_hex(value: u64) -> String {
    digits_in(value, 4)
}

/// `to_oct`
pub fn to_oct(value: u64) -> String {
    digits_in(value, 3)
}

/// `to_bin`
pub fn to_bin(value: u64) -> String {
    digits_in(value, 1)
}

/// Order under the C collation, which orders UTF-8 by code point.
#[inline]
pub fn compare(a: &str, b: &str) -> Ordering {
    a.as_bytes().cmp(b.as_bytes())
}

/// Order of `character(n)` values: trailing spaces do not count.
pub fn bpchar_compare(a: &str, b: &str) -> Ordering {
    compare(bpchar_trim(a), bpchar_trim(b))
}

/// The value of `character(n)` without its padding.
pub fn bpchar_trim(text: &str) -> &str {
    text.trim_end_matches(' ')
}

/// Cuts a string to `limit` characters; `None` when it fits. What is cut off must be spaces unless the cast is explicit.
fn cut<'a>(text: &'a str, limit: i32, explicit: bool, type_name: &str) -> Result<Option<&'a str>> {
    let limit = limit.max(0) as usize;
    if text.len() <= limit {
        return Ok(None);
    }
    let end = offset_of(text, limit);
    if end == text.len() {
        return Ok(None);
    }
    if !explicit && text.as_bytes()[end..].iter().any(|&c| c != b' ') {
        bail!(STRING_DATA_RIGHT_TRUNCATION, "value too long for type {type_name}({limit})");
    }
    Ok(Some(&text[..end]))
}

/// Applies `character varying(limit)`. Errors: `22001` unless `explicit`.
pub fn varchar(text: &str, limit: i32, explicit: bool) -> Result<&str> {
    Ok(cut(text, limit, explicit, "character varying")?.unwrap_or(text))
}

/// Applies `character(limit)`: cuts or pads. Errors: `22001` unless `explicit`.
pub fn bpchar(text: &str, limit: i32, explicit: bool) -> Result<String> {
    if let Some(cut) = cut(text, limit, explicit, "character")? {
        return Ok(cut.to_owned());
    }
    let missing = (limit.max(0) as usize).saturating_sub(length(text));
    let mut padded = String::with_capacity(text.len() + missing);
    padded.push_str(text);
    padded.extend(std::iter::repeat_n(' ', missing));
    Ok(padded)
}

/// The type modifier of varchar and bpchar from a declared length. Errors: `22023`.
pub fn length_typmod(length: i32, type_name: &str) -> Result<i32> {
    if length < 1 {
        bail!(INVALID_PARAMETER_VALUE, "length for type {type_name} must be at least 1");
    }
    if length > 10 * 1024 * 1024 {
        bail!(INVALID_PARAMETER_VALUE, "length for type {type_name} cannot exceed 10485760");
    }
    Ok(length + 4)
}

#[cfg(test)]
mod tests;
