//! numeric.

use crate::array::modifiers;
use crate::call::Function;
use crate::table::{comparisons, functions};
use adt::integer::format_int;
use adt::numeric::{Numeric, NumericView, Typmod};
use base::{Oid, Result, bail};

/// The value under a stored type modifier (-1: none).
fn fit(value: Numeric, typmod: i32) -> Result<Numeric> {
    match Typmod::from_stored(typmod) {
        Some(typmod) => value.apply_typmod(typmod),
        None => Ok(value),
    }
}

const TYPE: &[Function] = functions! {
    "numeric_in" (text: str, _element: Oid, typmod: i32) -> Numeric = fit(Numeric::parse(text)?, typmod);
    "numeric_out" (value: Numeric) -> String = Ok(value.to_string());
    "numeric_recv" (bytes: [u8], _element: Oid, typmod: i32) -> Numeric = fit(Numeric::receive(bytes)?, typmod);
    "numeric_send" (value: Numeric) -> Vec<u8> = {
        let mut out = Vec::new();
        value.send(&mut out);
        Ok(out)
    };
    "numeric" (value: Numeric, typmod: i32) -> Numeric = fit(value, typmod);
    "numerictypmodin" (list: [u8]) -> i32 = Ok(Typmod::parse(&modifiers(list)?)?.to_stored());
    "numerictypmodout" (typmod: i32) -> String = Ok(typmod_text(typmod));
};

fn typmod_text(typmod: i32) -> String {
    match typmod {
        ..0 => String::new(),
        // The scale has eleven bits with sign.
        _ => format!("({},{})", ((typmod - 4) >> 16) & 0xffff, (((typmod - 4) & 0x7ff) ^ 1024) - 1024),
    }
}

const ARITHMETIC: &[Function] = functions! {
    "numeric_cmp" (a: NumericView<'static>, b: NumericView<'static>) -> i32 = Ok(a.compare(&b) as i32);
    "numeric_larger" (a: Numeric, b: Numeric) -> Numeric = Ok(if a > b { a } else { b });
    "numeric_smaller" (a: Numeric, b: Numeric) -> Numeric = Ok(if a < b { a } else { b });
    "hash_numeric" (a: Numeric) -> i32 = Ok(a.hash() as i32);
    "hash_numeric_extended" (a: Numeric, seed: i64) -> i64 = Ok(a.hash_extended(seed as u64) as i64);
    "numeric_add" (a: Numeric, b: Numeric) -> Numeric = a.add(&b);
    "numeric_sub" (a: Numeric, b: Numeric) -> Numeric = a.sub(&b);
    "numeric_mul" (a: Numeric, b: Numeric) -> Numeric = a.mul(&b);
    "numeric_div" (a: Numeric, b: Numeric) -> Numeric = a.div(&b);
    "numeric_div_trunc" (a: Numeric, b: Numeric) -> Numeric = a.div_trunc(&b);
    "numeric_mod" (a: Numeric, b: Numeric) -> Numeric = a.modulo(&b);
    "numeric_uminus" (a: Numeric) -> Numeric = Ok(a.negate());
    "numeric_uplus" (a: Numeric) -> Numeric = Ok(a);
    "numeric_abs" (a: Numeric) -> Numeric = Ok(a.abs());
    "numeric_inc" (a: Numeric) -> Numeric = a.increment();
    "numeric_sign" (a: Numeric) -> Numeric = Ok(a.sign_of());
    "numeric_round" (a: Numeric, scale: i32) -> Numeric = a.round(scale);
    "numeric_trunc" (a: Numeric, scale: i32) -> Numeric = a.trunc(scale);
    "numeric_ceil" (a: Numeric) -> Numeric = a.ceil();
    "numeric_floor" (a: Numeric) -> Numeric = a.floor();
    "numeric_sqrt" (a: Numeric) -> Numeric = a.sqrt();
    "numeric_exp" (a: Numeric) -> Numeric = a.exp();
    "numeric_ln" (a: Numeric) -> Numeric = a.ln();
    "numeric_log" (base: Numeric, a: Numeric) -> Numeric = a.log(&base);
    "numeric_power" (a: Numeric, exponent: Numeric) -> Numeric = a.power(&exponent);
    "numeric_gcd" (a: Numeric, b: Numeric) -> Numeric = a.gcd(&b);
    "numeric_lcm" (a: Numeric, b: Numeric) -> Numeric = a.lcm(&b);
    "numeric_fac" (n: i64) -> Numeric = Numeric::factorial(n);
    "numeric_scale" (a: Numeric) -> Option<i32> = Ok(a.display_scale());
    "numeric_min_scale" (a: Numeric) -> Option<i32> = Ok(a.min_scale());
    "numeric_trim_scale" (a: Numeric) -> Numeric = Ok(a.trim_scale());
    "width_bucket_numeric" (a: Numeric, low: Numeric, high: Numeric, count: i32) -> i32 =
        a.width_bucket(&low, &high, count);
    "in_range_numeric_numeric" (v: Numeric, base: Numeric, offset: Numeric, sub: bool, less: bool) -> bool =
        in_range(&v, &base, &offset, sub, less);
};

const CONVERSIONS: &[Function] = functions! {
    "int2_numeric" (a: i16) -> Numeric = Ok(a.into());
    "int4_numeric" (a: i32) -> Numeric = Ok(a.into());
    "int8_numeric" (a: i64) -> Numeric = Ok(a.into());
    "float4_numeric" (a: f32) -> Numeric = Ok(Numeric::from_float4(a));
    "float8_numeric" (a: f64) -> Numeric = Ok(Numeric::from_float8(a));
    "numeric_int2" (a: Numeric) -> i16 = a.to_int2();
    "numeric_int4" (a: Numeric) -> i32 = a.to_int4();
    "numeric_int8" (a: Numeric) -> i64 = a.to_int8();
    "numeric_float4" (a: Numeric) -> f32 = a.to_float4();
    "numeric_float8" (a: Numeric) -> f64 = a.to_float8();
    "numeric_to_char" (a: Numeric, template: str) -> String = adt::format::numeric_to_char(&a, template);
    "int4_to_char" (a: i32, template: str) -> String = adt::format::int_to_char(a.into(), template);
    "int8_to_char" (a: i64, template: str) -> String = adt::format::int_to_char(a, template);
    "float4_to_char" (a: f32, template: str) -> String = adt::format::float_to_char(a.into(), 6, template);
    "float8_to_char" (a: f64, template: str) -> String = adt::format::float_to_char(a, 15, template);
    "numeric_to_number" (text: str, template: str) -> Option<Numeric> = adt::format::to_number(text, template).map(Some);
    "pg_size_pretty" (size: i64) -> String = Ok(size_pretty(size));
    "pg_size_pretty_numeric" (size: Numeric) -> String = size_pretty_numeric(&size);
    "pg_size_bytes" (text: str) -> i64 = size_bytes(text);
};

/// Whether `value` is within `offset` of `base`: the bound of a RANGE window frame. NaN is only near itself.
fn in_range(value: &Numeric, base: &Numeric, offset: &Numeric, subtract: bool, less: bool) -> Result<bool> {
    if offset.is_nan() || offset.is_negative() {
        bail!(INVALID_PRECEDING_OR_FOLLOWING_SIZE, "invalid preceding or following size in window function");
    }
    if value.is_nan() || base.is_nan() {
        return Ok(match (value.is_nan(), base.is_nan()) {
            (true, true) => true,
            (true, false) => !less,
            _ => less,
        });
    }
    if offset.is_infinite() && base.is_infinite() && base.is_negative() != subtract {
        return Ok(true);
    }
    let bound = if subtract { base.sub(offset)? } else { base.add(offset)? };
    Ok(if less { *value <= bound } else { *value >= bound })
}

/// Units of pg_size_pretty: name, the size up to which it is used (in itself), whether it is rounded half up.
const UNITS: [(&str, i64, bool); 6] = [
    ("bytes", 10 * 1024, false),
    ("kB", 20 * 1024 - 1, true),
    ("MB", 20 * 1024 - 1, true),
    ("GB", 20 * 1024 - 1, true),
    ("TB", 20 * 1024 - 1, true),
    ("PB", 20 * 1024 - 1, true),
];

/// A size in the unit that keeps it below some ten thousand. Units after the first count half units, so that the last
/// halving rounds.
fn size_pretty(mut size: i64) -> String {
    for (i, (name, limit, round)) in UNITS.iter().enumerate() {
        let last = i + 1 == UNITS.len();
        if last || size.unsigned_abs() < *limit as u64 {
            if *round {
                size = (size + if size < 0 { -1 } else { 1 }) / 2;
            }
            return format!("{} {name}", format_int(size));
        }
        // To half units of the next: 2^9 from bytes, 2^10 from half units of one to half units of the next.
        size /= if i == 0 { 512 } else { 1024 };
    }
    String::new()
}

fn size_pretty_numeric(size: &Numeric) -> Result<String> {
    let mut size = size.clone();
    for (i, (name, limit, round)) in UNITS.iter().enumerate() {
        let last = i + 1 == UNITS.len();
        if last || size.abs() < Numeric::from(*limit) {
            if *round {
                let one = Numeric::from(if size.is_negative() { -1 } else { 1 });
                size = size.add(&one)?.div_trunc(&Numeric::from(2))?;
            }
            return Ok(format!("{size} {name}"));
        }
        size = size.div_trunc(&Numeric::from(if i == 0 { 512 } else { 1024 }))?;
    }
    Ok(String::new())
}

fn size_bytes(text: &str) -> Result<i64> {
    let refuse = || base::err!(INVALID_PARAMETER_VALUE, "invalid size: \"{text}\"");
    let trimmed = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let bytes = trimmed.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let start = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let mut end = digits(start);
    let mut any = end > start;
    if bytes.get(end) == Some(&b'.') {
        let fraction = digits(end + 1);
        any |= fraction > end + 1;
        end = fraction;
    }
    if !any {
        return Err(refuse());
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    let number = Numeric::parse(&trimmed[..end])?;
    let unit = trimmed[end..].trim_matches(|c: char| c.is_ascii_whitespace());
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" | "bytes" => 0,
        "kb" => 10,
        "mb" => 20,
        "gb" => 30,
        "tb" => 40,
        "pb" => 50,
        _ => {
            return Err(refuse()
                .detail(format!("Invalid size unit: \"{unit}\"."))
                .hint("Valid units are \"bytes\", \"B\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\"."));
        }
    };
    number.mul(&Numeric::from(1_i64 << shift))?.to_int8()
}

pub const FUNCTIONS: &[&[Function]] = &[
    comparisons!("numeric_", "", NumericView<'static>, NumericView<'static>, |_, a, b| a.compare(&b)),
    TYPE,
    ARITHMETIC,
    CONVERSIONS,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (size, text) in [
            (0, "0 bytes"),
            (10239, "10239 bytes"),
            (10240, "10 kB"),
            (-10240, "-10 kB"),
            (10485247, "10239 kB"),
            (10485248, "10 MB"),
            (1_000_000_000, "954 MB"),
            (i64::MAX, "8192 PB"),
        ] {
            assert_eq!(size_pretty(size), text);
            assert_eq!(size_pretty_numeric(&Numeric::from(size)).unwrap(), text);
        }
        for (text, size) in
            [("1", 1), ("1.5 kB", 1536), (" -1 MB ", -1 << 20), ("1e3", 1000), (".5tb", 1 << 39)]
        {
            assert_eq!(size_bytes(text).unwrap(), size, "{text}");
        }
        assert_eq!(size_bytes("1 AB").unwrap_err().message(), "invalid size: \"1 AB\"");
    }
}
