//! Padding, trimming, repeating.

use super::{MAX_SIZE, length, offset_of, too_large};
use base::Result;

/// Where the fill goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

fn pad(text: &str, width: i32, fill: &str, side: Side) -> Result<String> {
    let width = width.max(0) as usize;
    if width * 4 + 4 > MAX_SIZE {
        return Err(too_large());
    }
    let present = length(text);
    if present >= width {
        return Ok(text[..offset_of(text, width)].to_owned());
    }
    let fill_text: String =
        if fill.is_empty() { String::new() } else { fill.chars().cycle().take(width - present).collect() };
    Ok(match side {
        Side::Left => fill_text + text,
        Side::Right => [text, &fill_text].concat(),
    })
}

/// `lpad`. Errors: `54000`.
pub fn lpad(text: &str, width: i32, fill: &str) -> Result<String> {
    pad(text, width, fill, Side::Left)
}

/// `rpad`. Errors: `54000`.
pub fn rpad(text: &str, width: i32, fill: &str) -> Result<String> {
    pad(text, width, fill, Side::Right)
}

/// `ltrim`: removes leading characters that are in `set`.
pub fn ltrim<'a>(text: &'a str, set: &str) -> &'a str {
    text.trim_start_matches(|c| set.contains(c))
}

/// `rtrim`
pub fn rtrim<'a>(text: &'a str, set: &str) -> &'a str {
    text.trim_end_matches(|c| set.contains(c))
}

/// `btrim`
pub fn btrim<'a>(text: &'a str, set: &str) -> &'a str {
    ltrim(rtrim(text, set), set)
}

/// `repeat`. Errors: `54000`.
pub fn repeat(text: &str, count: i32) -> Result<String> {
    let count = count.max(0) as usize;
    match text.len().checked_mul(count) {
        Some(size) if size + 4 <= MAX_SIZE => Ok(text.repeat(count)),
        _ => Err(too_large()),
    }
}
