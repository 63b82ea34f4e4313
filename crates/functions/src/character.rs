//! `"char"`, a single byte.

use crate::call::Function;
use crate::table::{comparisons, functions};
use crate::wire;
use adt::hash;
use base::{Result, bail};

/// The text of a byte: itself, empty for zero, an octal escape for a byte that is not ASCII.
pub fn text(value: i8) -> Vec<u8> {
    match value as u8 {
        0 => Vec::new(),
        byte @ 0x80.. => format!("\\{byte:03o}").into_bytes(),
        byte => vec![byte],
    }
}

fn parse(text: &[u8]) -> i8 {
    let octal = |byte: u8, max: u8| (b'0'..=max).contains(&byte).then(|| byte - b'0');
    if let [b'\\', a, b, c] = *text
        && let (Some(a), Some(b), Some(c)) = (octal(a, b'3'), octal(b, b'7'), octal(c, b'7'))
    {
        return (a << 6 | b << 3 | c) as i8;
    }
    text.first().map_or(0, |byte| *byte as i8)
}

fn from_int4(value: i32) -> Result<i8> {
    match i8::try_from(value) {
        Ok(value) => Ok(value),
        Err(_) => bail!(NUMERIC_VALUE_OUT_OF_RANGE, "\"char\" out of range"),
    }
}

pub const FUNCTIONS: &[&[Function]] = &[
    comparisons!("char", "", i8, i8, |_, a, b| (a as u8).cmp(&(b as u8))),
    functions! {
        "charin" (text: [u8]) -> i8 = Ok(parse(text));
        "charout" (value: i8) -> Vec<u8> = Ok(text(value));
        "charrecv" (bytes: [u8]) -> i8 = Ok(wire::u8(bytes)? as i8);
        "charsend" (value: i8) -> Vec<u8> = Ok(vec![value as u8]);
        "char_text" (value: i8) -> Vec<u8> = Ok(text(value));
        "char_bpchar" (value: i8) -> Vec<u8> = Ok(text(value));
        "text_char" (text: [u8]) -> i8 = Ok(parse(text));
        "chartoi4" (value: i8) -> i32 = Ok(value.into());
        "i4tochar" (value: i32) -> i8 = from_int4(value);
        "btcharcmp" (a: i8, b: i8) -> i32 = Ok(i32::from(a as u8) - i32::from(b as u8));
        "hashchar" (value: i8) -> i32 = Ok(hash::hash_char(value as u8) as i32);
        "hashcharextended" (value: i8, seed: i64) -> i64 =
            Ok(hash::hash_uint32_extended(i32::from(value) as u32, seed as u64) as i64);
    },
];
