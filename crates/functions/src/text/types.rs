//! Input, output and order of the text types.

use crate::call::Function;
use crate::table::{comparisons, functions};
use crate::wire;
use adt::{hash, name, text};
use base::Oid;

const IO: &[Function] = functions! {
    "textin" (text: str) -> str = Ok(text);
    "textout" (text: str) -> str = Ok(text);
    "textrecv" (bytes: [u8]) -> str = wire::text(bytes);
    "textsend" (text: [u8]) -> [u8] = Ok(text);
    "varcharout" (text: str) -> str = Ok(text);
    "varcharsend" (text: [u8]) -> [u8] = Ok(text);
    "bpcharout" (text: str) -> str = Ok(text);
    "bpcharsend" (text: [u8]) -> [u8] = Ok(text);
    "unknownin" (text: str) -> str = Ok(text);
    "unknownout" (text: str) -> str = Ok(text);
    "unknownrecv" (bytes: [u8]) -> str = wire::text(bytes);
    "unknownsend" (text: [u8]) -> [u8] = Ok(text);
    "cstring_in" (text: str) -> str = Ok(text);
    "cstring_out" (text: str) -> str = Ok(text);
    "cstring_recv" (bytes: [u8]) -> str = wire::text(bytes);
    "cstring_send" (text: [u8]) -> [u8] = Ok(text);
    "namein" (text: str) -> str = Ok(name::truncate(text));
    "nameout" (text: str) -> str = Ok(text);
    "namerecv" (bytes: [u8]) -> str = name::receive(wire::text(bytes)?);
    "namesend" (text: [u8]) -> [u8] = Ok(text);
    "text_name" (text: str) -> str = Ok(name::truncate(text));
    "bpchar_name" (text: str) -> str = Ok(name::truncate(text::bpchar_trim(text)));
    "name_text" (text: str) -> str = Ok(text);
    "name_bpchar" (text: str) -> str = Ok(text);
    "nameconcatoid" (text: str, oid: Oid) -> String = {
        let suffix = format!("_{oid}");
        let kept = text.floor_char_boundary(name::LENGTH - 1 - suffix.len());
        Ok(format!("{}{suffix}", &text[..kept.min(text.len())]))
    };
};

const ORDER: &[Function] = functions! {
    "bttextcmp" (a: str, b: str) -> i32 = Ok(text::compare(a, b) as i32);
    "btnamecmp" (a: str, b: str) -> i32 = Ok(text::compare(a, b) as i32);
    "btnametextcmp" (a: str, b: str) -> i32 = Ok(text::compare(a, b) as i32);
    "bttextnamecmp" (a: str, b: str) -> i32 = Ok(text::compare(a, b) as i32);
    "bttext_pattern_cmp" (a: [u8], b: [u8]) -> i32 = Ok(a.cmp(b) as i32);
    "bpcharcmp" (a: str, b: str) -> i32 = Ok(text::bpchar_compare(a, b) as i32);
    "btbpchar_pattern_cmp" (a: str, b: str) -> i32 = Ok(text::bpchar_compare(a, b) as i32);
    "text_larger" (a: str, b: str) -> str = Ok(if text::compare(a, b).is_gt() { a } else { b });
    "text_smaller" (a: str, b: str) -> str = Ok(if text::compare(a, b).is_lt() { a } else { b });
    "bpchar_larger" (a: str, b: str) -> str = Ok(if text::bpchar_compare(a, b).is_ge() { a } else { b });
    "bpchar_smaller" (a: str, b: str) -> str = Ok(if text::bpchar_compare(a, b).is_le() { a } else { b });
    "hashtext" (a: str) -> i32 = Ok(hash::hash_text(a) as i32);
    "hashtextextended" (a: str, seed: i64) -> i64 = Ok(hash::hash_text_extended(a, seed as u64) as i64);
    "hashname" (a: str) -> i32 = Ok(hash::hash_text(a) as i32);
    "hashnameextended" (a: str, seed: i64) -> i64 = Ok(hash::hash_text_extended(a, seed as u64) as i64);
    "hashbpchar" (a: str) -> i32 = Ok(hash::hash_bpchar(a) as i32);
    "hashbpcharextended" (a: str, seed: i64) -> i64 = Ok(hash::hash_bpchar_extended(a, seed as u64) as i64);
    "texteq" (a: [u8], b: [u8]) -> bool = Ok(a == b);
    "textne" (a: [u8], b: [u8]) -> bool = Ok(a != b);
};

pub const TYPES: [&[Function]; 9] = [
    IO,
    ORDER,
    comparisons!([lt is_lt le is_le gt is_gt ge is_ge] "text_", "", str, str, |_, a, b| text::compare(a, b)),
    comparisons!([lt is_lt le is_le gt is_gt ge is_ge] "text_pattern_", "", [u8], [u8], |_, a, b| a.cmp(b)),
    comparisons!("bpchar", "", str, str, |_, a, b| text::bpchar_compare(a, b)),
    comparisons!([lt is_lt le is_le gt is_gt ge is_ge] "bpchar_pattern_", "", str, str, |_, a, b| text::bpchar_compare(a, b)),
    comparisons!("name", "", str, str, |_, a, b| text::compare(a, b)),
    comparisons!("name", "text", str, str, |_, a, b| text::compare(a, b)),
    comparisons!("text", "name", str, str, |_, a, b| text::compare(a, b)),
];
