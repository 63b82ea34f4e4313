//! real and double precision.

use crate::call::Function;
use crate::table::{comparisons, functions};
use crate::wire;
use adt::float::math;
use adt::float::*;
use adt::hash;
use base::{Result, bail};

macro_rules! arithmetic {
    ($prefix:literal, $left:ty, $right:ty, $result:ty, $add:ident $sub:ident $mul:ident $div:ident) => {
        functions! {
            (concat!($prefix, "pl")) (a: $left, b: $right) -> $result = $add(a.into(), b.into());
            (concat!($prefix, "mi")) (a: $left, b: $right) -> $result = $sub(a.into(), b.into());
            (concat!($prefix, "mul")) (a: $left, b: $right) -> $result = $mul(a.into(), b.into());
            (concat!($prefix, "div")) (a: $left, b: $right) -> $result = $div(a.into(), b.into());
        }
    };
}

macro_rules! width {
    ($name:literal, $type:ty, $parse:ident $format:ident $recv:ident $compare:ident, $hash:ident $hash_extended:ident) => {
        functions! {
            (concat!($name, "in")) (text: str) -> $type = $parse(text);
            (concat!($name, "out")) [call] (value: $type) -> String =
                Ok($format(value, call.formats().extra_float_digits));
            (concat!($name, "recv")) (bytes: [u8]) -> $type = wire::$recv(bytes);
            (concat!($name, "send")) (value: $type) -> Vec<u8> = Ok(value.to_be_bytes().to_vec());
            (concat!($name, "um")) (a: $type) -> $type = Ok(-a);
            (concat!($name, "up")) (a: $type) -> $type = Ok(a);
            (concat!($name, "abs")) (a: $type) -> $type = Ok(a.abs());
            (concat!($name, "larger")) (a: $type, b: $type) -> $type = Ok(if $compare(a, b).is_gt() { a } else { b });
            (concat!($name, "smaller")) (a: $type, b: $type) -> $type = Ok(if $compare(a, b).is_lt() { a } else { b });
            (concat!("bt", $name, "cmp")) (a: $type, b: $type) -> i32 = Ok($compare(a, b) as i32);
            (concat!("hash", $name)) (value: $type) -> i32 = Ok(hash::$hash(value) as i32);
            (concat!("hash", $name, "extended")) (value: $type, seed: i64) -> i64 =
                Ok(hash::$hash_extended(value, seed as u64) as i64);
        }
    };
}

const MATH: &[Function] = functions! {
    "ftod" (a: f32) -> f64 = Ok(a.into());
    "dtof" (a: f64) -> f32 = to_float4(a);
    "btfloat48cmp" (a: f32, b: f64) -> i32 = Ok(float8_compare(a.into(), b) as i32);
    "btfloat84cmp" (a: f64, b: f32) -> i32 = Ok(float8_compare(a, b.into()) as i32);
    "dsqrt" (x: f64) -> f64 = math::sqrt(x);
    "dcbrt" (x: f64) -> f64 = Ok(math::cbrt(x));
    "dpow" (x: f64, y: f64) -> f64 = math::power(x, y);
    "dexp" (x: f64) -> f64 = math::exp(x);
    "dlog1" (x: f64) -> f64 = math::ln(x);
    "dlog10" (x: f64) -> f64 = math::log10(x);
    "dround" (x: f64) -> f64 = Ok(math::round(x));
    "dtrunc" (x: f64) -> f64 = Ok(x.trunc());
    "dceil" (x: f64) -> f64 = Ok(x.ceil());
    "dfloor" (x: f64) -> f64 = Ok(x.floor());
    "dsign" (x: f64) -> f64 = Ok(math::sign(x));
    "dacos" (x: f64) -> f64 = math::acos(x);
    "dasin" (x: f64) -> f64 = math::asin(x);
    "datan" (x: f64) -> f64 = Ok(math::atan(x));
    "datan2" (y: f64, x: f64) -> f64 = Ok(math::atan2(y, x));
    "dcos" (x: f64) -> f64 = math::cos(x);
    "dsin" (x: f64) -> f64 = math::sin(x);
    "dtan" (x: f64) -> f64 = math::tan(x);
    "dcot" (x: f64) -> f64 = math::cot(x);
    "dacosd" (x: f64) -> f64 = math::acosd(x);
    "dasind" (x: f64) -> f64 = math::asind(x);
    "datand" (x: f64) -> f64 = Ok(math::atand(x));
    "datan2d" (y: f64, x: f64) -> f64 = Ok(math::atan2d(y, x));
    "dcosd" (x: f64) -> f64 = math::cosd(x);
    "dsind" (x: f64) -> f64 = math::sind(x);
    "dtand" (x: f64) -> f64 = math::tand(x);
    "dcotd" (x: f64) -> f64 = math::cotd(x);
    "dsinh" (x: f64) -> f64 = Ok(math::sinh(x));
    "dcosh" (x: f64) -> f64 = Ok(math::cosh(x));
    "dtanh" (x: f64) -> f64 = Ok(math::tanh(x));
    "dasinh" (x: f64) -> f64 = Ok(math::asinh(x));
    "dacosh" (x: f64) -> f64 = math::acosh(x);
    "datanh" (x: f64) -> f64 = math::atanh(x);
    "derf" (x: f64) -> f64 = Ok(erf::erf(x));
    "derfc" (x: f64) -> f64 = Ok(erf::erfc(x));
    "dgamma" (x: f64) -> f64 = math::gamma(x);
    "dlgamma" (x: f64) -> f64 = math::log_gamma(x);
    "degrees" (x: f64) -> f64 = math::degrees(x);
    "radians" (x: f64) -> f64 = math::radians(x);
    "dpi" () -> f64 = Ok(std::f64::consts::PI);
    "width_bucket_float8" (operand: f64, low: f64, high: f64, count: i32) -> i32 =
        math::width_bucket(operand, low, high, count);
    "in_range_float8_float8" (v: f64, base: f64, offset: f64, sub: bool, less: bool) -> bool =
        in_range(v, base, offset, sub, less);
    "in_range_float4_float8" (v: f32, base: f32, offset: f64, sub: bool, less: bool) -> bool =
        in_range(v.into(), base.into(), offset, sub, less);
};

/// Whether `value` is within `offset` of `base`: the bound of a RANGE window frame. NaN is only near itself.
fn in_range(value: f64, base: f64, offset: f64, subtract: bool, less: bool) -> Result<bool> {
    if offset.is_nan() || offset < 0.0 {
        bail!(INVALID_PRECEDING_OR_FOLLOWING_SIZE, "invalid preceding or following size in window function");
    }
    if value.is_nan() || base.is_nan() {
        return Ok(match (value.is_nan(), base.is_nan()) {
            (true, true) => true,
            (true, false) => !less,
            _ => less,
        });
    }
    // An infinite offset from the infinity on its own side reaches everything.
    if offset.is_infinite() && base.is_infinite() && (base > 0.0) == subtract {
        return Ok(true);
    }
    let bound = if subtract { base - offset } else { base + offset };
    Ok(if less { value <= bound } else { value >= bound })
}

pub const FUNCTIONS: &[&[Function]] = &[
    width!("float4", f32, parse_float4 format_float4 f32 float4_compare, hash_float4 hash_float4_extended),
    width!("float8", f64, parse_float8 format_float8 f64 float8_compare, hash_float8 hash_float8_extended),
    arithmetic!("float4", f32, f32, f32, float4_add float4_sub float4_mul float4_div),
    arithmetic!("float8", f64, f64, f64, float8_add float8_sub float8_mul float8_div),
    arithmetic!("float48", f32, f64, f64, float8_add float8_sub float8_mul float8_div),
    arithmetic!("float84", f64, f32, f64, float8_add float8_sub float8_mul float8_div),
    comparisons!("float4", "", f32, f32, |_, a, b| float4_compare(a, b)),
    comparisons!("float8", "", f64, f64, |_, a, b| float8_compare(a, b)),
    comparisons!("float48", "", f32, f64, |_, a, b| float8_compare(a.into(), b)),
    comparisons!("float84", "", f64, f32, |_, a, b| float8_compare(a, b.into())),
    MATH,
];
