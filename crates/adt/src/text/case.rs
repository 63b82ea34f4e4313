//! Upper and lower case, with one character for one: no context, no `ß` to `SS`.

use std::borrow::Cow;

/// The letters with iota subscript, whose capital is a single character although their full mapping is two.
fn iota_capital(c: char) -> Option<char> {
    let code = c as u32;
    let capital = match code {
        0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7 => code + 8,
        0x1fb3 | 0x1fc3 | 0x1ff3 => code + 9,
        _ => return None,
    };
    char::from_u32(capital)
}

/// The simple upper case mapping.
pub fn upper_char(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(upper), None) => upper,
        _ => iota_capital(c).unwrap_or(c),
    }
}

/// The simple lower case mapping.
pub fn lower_char(c: char) -> char {
    let mut mapped = c.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(lower), None) => lower,
        // The dotted capital I is the only letter with a longer mapping.
        _ => 'i',
    }
}

/// A letter of any script or an ASCII digit: what C.UTF-8 calls alphanumeric.
pub fn is_alphanumeric(c: char) -> bool {
    c.is_alphabetic() || c.is_ascii_digit()
}

/// `upper`
pub fn upper(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_uppercase() } else { text.chars().map(upper_char).collect() }
}

/// `lower`
pub fn lower(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.chars().map(lower_char).collect() }
}

/// `initcap`: words are runs of letters and digits.
pub fn initcap(text: &str) -> String {
    let mut inside = false;
    text.chars()
        .map(|c| {
            let mapped = if inside { lower_char(c) } else { upper_char(c) };
            inside = is_alphanumeric(c);
            mapped
        })
        .collect()
}

/// Lower case for identifiers and other names: ASCII only.
pub fn fold_identifier(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|c| c.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}
