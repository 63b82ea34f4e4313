//! boolean.

use crate::call::Function;
use crate::table::{comparisons, functions};
use crate::wire;
use adt::{boolean, hash};

pub const FUNCTIONS: &[&[Function]] = &[
    comparisons!("bool", "", bool, bool, |_, a, b| a.cmp(&b)),
    functions! {
        "boolin" (text: str) -> bool = boolean::parse(text);
        "boolout" (value: bool) -> str = Ok(boolean::format(value));
        "boolrecv" (bytes: [u8]) -> bool = Ok(wire::u8(bytes)? != 0);
        "boolsend" (value: bool) -> Vec<u8> = Ok(vec![u8::from(value)]);
        "booltext" (value: bool) -> str = Ok(boolean::to_text(value));
        "bool_int4" (value: bool) -> i32 = Ok(i32::from(value));
        "int4_bool" (value: i32) -> bool = Ok(value != 0);
        "btboolcmp" (a: bool, b: bool) -> i32 = Ok(a.cmp(&b) as i32);
        "hashbool" (value: bool) -> i32 = Ok(hash::hash_bool(value) as i32);
        "hashboolextended" (value: bool, seed: i64) -> i64 =
            Ok(hash::hash_uint32_extended(u32::from(value), seed as u64) as i64);
        "booland_statefunc" (a: bool, b: bool) -> bool = Ok(a && b);
        "boolor_statefunc" (a: bool, b: bool) -> bool = Ok(a || b);
    },
];
