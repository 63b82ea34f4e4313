//! smallint, integer, bigint, oid, and the conversions between them and from float.

use crate::call::Function;
use crate::table::{comparisons, functions};
use crate::wire;
use adt::integer::*;
use adt::{bytea, float, hash};
use base::{Oid, Result, bail};

/// Arithmetic of two operands of which one may be narrower than the result.
macro_rules! arithmetic {
    ($prefix:literal, $left:ty, $right:ty, $wide:ty, $add:ident $sub:ident $mul:ident $div:ident) => {
        functions! {
            (concat!($prefix, "pl")) (a: $left, b: $right) -> $wide = $add(a.into(), b.into());
            (concat!($prefix, "mi")) (a: $left, b: $right) -> $wide = $sub(a.into(), b.into());
            (concat!($prefix, "mul")) (a: $left, b: $right) -> $wide = $mul(a.into(), b.into());
            (concat!($prefix, "div")) (a: $left, b: $right) -> $wide = $div(a.into(), b.into());
        }
    };
}

/// What each of the three types has.
macro_rules! width {
    ($name:literal, $type:ty, $parse:ident, $recv:ident, $mod:ident $neg:ident $abs:ident,
     $hash:ident $hash_extended:ident) => {
        functions! {
            (concat!($name, "in")) (text: str) -> $type = $parse(text);
            (concat!($name, "out")) (value: $type) -> String = Ok(format_int(value.into()));
            (concat!($name, "recv")) (bytes: [u8]) -> $type = wire::$recv(bytes);
            (concat!($name, "send")) (value: $type) -> Vec<u8> = Ok(value.to_be_bytes().to_vec());
            (concat!($name, "_bytea")) (value: $type) -> Vec<u8> = Ok(value.to_be_bytes().to_vec());
            (concat!($name, "mod")) (a: $type, b: $type) -> $type = $mod(a, b);
            (concat!($name, "um")) (a: $type) -> $type = $neg(a);
            (concat!($name, "up")) (a: $type) -> $type = Ok(a);
            (concat!($name, "abs")) (a: $type) -> $type = $abs(a);
            (concat!($name, "and")) (a: $type, b: $type) -> $type = Ok(a & b);
            (concat!($name, "or")) (a: $type, b: $type) -> $type = Ok(a | b);
            (concat!($name, "xor")) (a: $type, b: $type) -> $type = Ok(a ^ b);
            (concat!($name, "not")) (a: $type) -> $type = Ok(!a);
            (concat!($name, "larger")) (a: $type, b: $type) -> $type = Ok(a.max(b));
            (concat!($name, "smaller")) (a: $type, b: $type) -> $type = Ok(a.min(b));
            (concat!("hash", $name)) (value: $type) -> i32 = Ok(hash::$hash(value) as i32);
            (concat!("hash", $name, "extended")) (value: $type, seed: i64) -> i64 =
                Ok(hash::$hash_extended(value, seed as u64) as i64);
        }
    };
}

/// The smaller types shift within 32 bits, as C does, and are cut.
const SHIFTS: &[Function] = functions! {
    "int2shl" (a: i16, n: i32) -> i16 = Ok(i32::from(a).wrapping_shl(n as u32) as i16);
    "int2shr" (a: i16, n: i32) -> i16 = Ok(i32::from(a).wrapping_shr(n as u32) as i16);
    "int4shl" (a: i32, n: i32) -> i32 = Ok(a.wrapping_shl(n as u32));
    "int4shr" (a: i32, n: i32) -> i32 = Ok(a.wrapping_shr(n as u32));
    "int8shl" (a: i64, n: i32) -> i64 = Ok(a.wrapping_shl(n as u32));
    "int8shr" (a: i64, n: i32) -> i64 = Ok(a.wrapping_shr(n as u32));
};

const CONVERSIONS: &[Function] = functions! {
    "i2toi4" (a: i16) -> i32 = Ok(a.into());
    "int28" (a: i16) -> i64 = Ok(a.into());
    "int48" (a: i32) -> i64 = Ok(a.into());
    "i4toi2" (a: i32) -> i16 = to_int2(a.into());
    "int82" (a: i64) -> i16 = to_int2(a);
    "int84" (a: i64) -> i32 = to_int4(a);
    "i2tod" (a: i16) -> f64 = Ok(a.into());
    "i2tof" (a: i16) -> f32 = Ok(a.into());
    "i4tod" (a: i32) -> f64 = Ok(a.into());
    "i4tof" (a: i32) -> f32 = Ok(a as f32);
    "i8tod" (a: i64) -> f64 = Ok(a as f64);
    "i8tof" (a: i64) -> f32 = Ok(a as f32);
    "dtoi2" (a: f64) -> i16 = float::to_int2(a);
    "dtoi4" (a: f64) -> i32 = float::to_int4(a);
    "dtoi8" (a: f64) -> i64 = float::to_int8(a);
    "ftoi2" (a: f32) -> i16 = float::to_int2(a.into());
    "ftoi4" (a: f32) -> i32 = float::to_int4(a.into());
    "ftoi8" (a: f32) -> i64 = float::to_int8(a.into());
    "bytea_int2" (a: [u8]) -> i16 = Ok(bytea::to_integer(a, 2, "smallint")? as i16);
    "bytea_int4" (a: [u8]) -> i32 = Ok(bytea::to_integer(a, 4, "integer")? as i32);
    "bytea_int8" (a: [u8]) -> i64 = bytea::to_integer(a, 8, "bigint");
    "oidtoi8" (a: Oid) -> i64 = Ok(a.0.into());
    "i8tooid" (a: i64) -> Oid = oid_from_int8(a);
    "to_hex32" (a: i32) -> String = Ok(adt::text::to_hex((a as u32).into()));
    "to_hex64" (a: i64) -> String = Ok(adt::text::to_hex(a as u64));
    "to_oct32" (a: i32) -> String = Ok(adt::text::to_oct((a as u32).into()));
    "to_oct64" (a: i64) -> String = Ok(adt::text::to_oct(a as u64));
    "to_bin32" (a: i32) -> String = Ok(adt::text::to_bin((a as u32).into()));
    "to_bin64" (a: i64) -> String = Ok(adt::text::to_bin(a as u64));
};

fn oid_from_int8(value: i64) -> Result<Oid> {
    match u32::try_from(value) {
        Ok(oid) => Ok(Oid(oid)),
        Err(_) => bail!(NUMERIC_VALUE_OUT_OF_RANGE, "OID out of range"),
    }
}

/// Steps and comparisons between types of different width; counting.
const OTHERS: &[Function] = functions! {
    "int4inc" (a: i32) -> i32 = int4_add(a, 1);
    "int8inc" (a: i64) -> i64 = int8_add(a, 1);
    "int8dec" (a: i64) -> i64 = int8_sub(a, 1);
    "int4gcd" (a: i32, b: i32) -> i32 = int4_gcd(a, b);
    "int8gcd" (a: i64, b: i64) -> i64 = int8_gcd(a, b);
    "int4lcm" (a: i32, b: i32) -> i32 = int4_lcm(a, b);
    "int8lcm" (a: i64, b: i64) -> i64 = int8_lcm(a, b);
    "btint2cmp" (a: i16, b: i16) -> i32 = Ok(i32::from(a) - i32::from(b));
    "btint4cmp" (a: i32, b: i32) -> i32 = Ok(a.cmp(&b) as i32);
    "btint8cmp" (a: i64, b: i64) -> i32 = Ok(a.cmp(&b) as i32);
    "btint24cmp" (a: i16, b: i32) -> i32 = Ok(i32::from(a).cmp(&b) as i32);
    "btint42cmp" (a: i32, b: i16) -> i32 = Ok(a.cmp(&i32::from(b)) as i32);
    "btint28cmp" (a: i16, b: i64) -> i32 = Ok(i64::from(a).cmp(&b) as i32);
    "btint82cmp" (a: i64, b: i16) -> i32 = Ok(a.cmp(&i64::from(b)) as i32);
    "btint48cmp" (a: i32, b: i64) -> i32 = Ok(i64::from(a).cmp(&b) as i32);
    "btint84cmp" (a: i64, b: i32) -> i32 = Ok(a.cmp(&i64::from(b)) as i32);
    "btoidcmp" (a: Oid, b: Oid) -> i32 = Ok(a.cmp(&b) as i32);
    "in_range_int2_int2" (v: i16, base: i16, offset: i16, sub: bool, less: bool) -> bool =
        in_range(v.into(), base.into(), offset.into(), sub, less);
    "in_range_int2_int4" (v: i16, base: i16, offset: i32, sub: bool, less: bool) -> bool =
        in_range(v.into(), base.into(), offset.into(), sub, less);
    "in_range_int2_int8" (v: i16, base: i16, offset: i64, sub: bool, less: bool) -> bool =
        in_range(v.into(), base.into(), offset, sub, less);
    "in_range_int4_int2" (v: i32, base: i32, offset: i16, sub: bool, less: bool) -> bool =
        in_range(v.into(), base.into(), offset.into(), sub, less);
    "in_range_int4_int4" (v: i32, base: i32, offset: i32, sub: bool, less: bool) -> bool =
        in_range(v.into(), base.into(), offset.into(), sub, less);
    "in_range_int4_int8" (v: i32, base: i32, offset: i64, sub: bool, less: bool) -> bool =
        in_range(v.into(), base.into(), offset, sub, less);
    "in_range_int8_int8" (v: i64, base: i64, offset: i64, sub: bool, less: bool) -> bool =
        in_range(v, base, offset, sub, less);
};

/// Whether `value` is within `offset` of `base`: the bound of a RANGE window frame.
fn in_range(value: i64, base: i64, offset: i64, subtract: bool, less: bool) -> Result<bool> {
    if offset < 0 {
        bail!(INVALID_PRECEDING_OR_FOLLOWING_SIZE, "invalid preceding or following size in window function");
    }
    let bound = i128::from(base) + if subtract { -i128::from(offset) } else { i128::from(offset) };
    Ok(if less { i128::from(value) <= bound } else { i128::from(value) >= bound })
}

const OID: &[Function] = functions! {
    "oidin" (text: str) -> Oid = Ok(Oid(parse_oid(text, "oid")?));
    "oidout" (value: Oid) -> String = Ok(value.to_string());
    "oidrecv" (bytes: [u8]) -> Oid = Ok(Oid(wire::u32(bytes)?));
    "oidsend" (value: Oid) -> Vec<u8> = Ok(value.0.to_be_bytes().to_vec());
    "oidlarger" (a: Oid, b: Oid) -> Oid = Ok(a.max(b));
    "oidsmaller" (a: Oid, b: Oid) -> Oid = Ok(a.min(b));
    "hashoid" (value: Oid) -> i32 = Ok(hash::hash_oid(value.0) as i32);
    "hashoidextended" (value: Oid, seed: i64) -> i64 =
        Ok(hash::hash_uint32_extended(value.0, seed as u64) as i64);
};

pub const FUNCTIONS: &[&[Function]] = &[
    width!("int2", i16, parse_int2, i16, int2_mod int2_neg int2_abs, hash_int2 hash_int2_extended),
    width!("int4", i32, parse_int4, i32, int4_mod int4_neg int4_abs, hash_int4 hash_int4_extended),
    width!("int8", i64, parse_int8, i64, int8_mod int8_neg int8_abs, hash_int8 hash_int8_extended),
    arithmetic!("int2", i16, i16, i16, int2_add int2_sub int2_mul int2_div),
    arithmetic!("int24", i16, i32, i32, int4_add int4_sub int4_mul int4_div),
    arithmetic!("int42", i32, i16, i32, int4_add int4_sub int4_mul int4_div),
    arithmetic!("int28", i16, i64, i64, int8_add int8_sub int8_mul int8_div),
    arithmetic!("int82", i64, i16, i64, int8_add int8_sub int8_mul int8_div),
    arithmetic!("int48", i32, i64, i64, int8_add int8_sub int8_mul int8_div),
    arithmetic!("int84", i64, i32, i64, int8_add int8_sub int8_mul int8_div),
    arithmetic!("int4", i32, i32, i32, int4_add int4_sub int4_mul int4_div),
    arithmetic!("int8", i64, i64, i64, int8_add int8_sub int8_mul int8_div),
    comparisons!("int2", "", i16, i16, |_, a, b| a.cmp(&b)),
    comparisons!("int4", "", i32, i32, |_, a, b| a.cmp(&b)),
    comparisons!("int8", "", i64, i64, |_, a, b| a.cmp(&b)),
    comparisons!("int24", "", i16, i32, |_, a, b| i32::from(a).cmp(&b)),
    comparisons!("int42", "", i32, i16, |_, a, b| a.cmp(&i32::from(b))),
    comparisons!("int28", "", i16, i64, |_, a, b| i64::from(a).cmp(&b)),
    comparisons!("int82", "", i64, i16, |_, a, b| a.cmp(&i64::from(b))),
    comparisons!("int48", "", i32, i64, |_, a, b| i64::from(a).cmp(&b)),
    comparisons!("int84", "", i64, i32, |_, a, b| a.cmp(&i64::from(b))),
    comparisons!("oid", "", Oid, Oid, |_, a, b| a.cmp(&b)),
    SHIFTS,
    CONVERSIONS,
    OTHERS,
    OID,
];
