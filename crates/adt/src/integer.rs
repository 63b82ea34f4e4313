//! smallint, integer and bigint: text forms and checked arithmetic.

use base::{Error, Result, bail, err};

/// What isspace() calls space in the C locale.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// `invalid input syntax for type T: "text"`
#[track_caller]
pub(crate) fn invalid_input(type_name: &str, text: &str) -> Error {
    err!(INVALID_TEXT_REPRESENTATION, "invalid input syntax for type {type_name}: \"{text}\"")
}

/// A type of integer, as parsing and arithmetic see it.
trait Limits {
    const NAME: &'static str;
    /// The largest magnitude, that of the smallest number.
    const MAGNITUDE: u64;
}

impl Limits for i16 {
    const NAME: &'static str = "smallint";
    const MAGNITUDE: u64 = 1 << 15;
}

impl Limits for i32 {
    const NAME: &'static str = "integer";
    const MAGNITUDE: u64 = 1 << 31;
}

impl Limits for i64 {
    const NAME: &'static str = "bigint";
    const MAGNITUDE: u64 = 1 << 63;
}

/// Sign and magnitude of an integer literal: decimal, `0x`, `0o` or `0b`, with underscores between digits.
/// A number is out of range as soon as its digits overflow, whatever follows them.
fn parse_magnitude<T: Limits>(text: &str) -> Result<(bool, u64)> {
    let bytes = text.as_bytes();
    let at = |i: usize| bytes.get(i).copied().unwrap_or(0);
    let mut i = 0;
    while is_space(at(i)) {
        i += 1;
    }
    let negative = at(i) == b'-';
    if matches!(at(i), b'-' | b'+') {
        i += 1;
    }
    let radix: u32 = match (at(i), at(i + 1)) {
        (b'0', b'x' | b'X') => 16,
        (b'0', b'o' | b'O') => 8,
        (b'0', b'b' | b'B') => 2,
        _ => 10,
    };
    if radix != 10 {
        i += 2;
    }
    let first = i;
    let is_digit = |c: u8| char::from(c).is_digit(radix);
    let mut value = 0_u64;
    let out_of_range =
        || err!(NUMERIC_VALUE_OUT_OF_RANGE, "value \"{text}\" is out of range for type {}", T::NAME);
    loop {
        let c = at(i);
        if let Some(digit) = char::from(c).to_digit(radix) {
            if value > T::MAGNITUDE / u64::from(radix) {
                return Err(out_of_range());
            }
            value = value * u64::from(radix) + u64::from(digit);
            i += 1;
        } else if c == b'_' {
            if (radix == 10 && i == first) || !is_digit(at(i + 1)) {
                return Err(invalid_input(T::NAME, text));
            }
            i += 1;
        } else {
            break;
        }
    }
    if i == first || !bytes[i..].iter().all(|&c| is_space(c)) {
        return Err(invalid_input(T::NAME, text));
    }
    if value > T::MAGNITUDE - u64::from(!negative) {
        return Err(out_of_range());
    }
    Ok((negative, value))
}

fn parse<T: Limits>(text: &str) -> Result<i64> {
    let (negative, value) = parse_magnitude::<T>(text)?;
    Ok(if negative { (value as i64).wrapping_neg() } else { value as i64 })
}

/// Parses a smallint. Errors: `22P02`, `22003`.
pub fn parse_int2(text: &str) -> Result<i16> {
    parse::<i16>(text).map(|v| v as i16)
}

/// Parses an integer. Errors: `22P02`, `22003`.
pub fn parse_int4(text: &str) -> Result<i32> {
    parse::<i32>(text).map(|v| v as i32)
}

/// Parses a bigint. Errors: `22P02`, `22003`.
pub fn parse_int8(text: &str) -> Result<i64> {
    parse::<i64>(text)
}

/// Parses an oid (also xid, cid), as strtoul() does: decimal, `0x` or octal after `0`, a sign wraps.
/// Errors: `22P02`, `22003`.
pub fn parse_oid(text: &str, type_name: &str) -> Result<u32> {
    let trimmed = text.trim_matches(|c: char| c.is_ascii() && is_space(c as u8));
    let (negative, digits) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, &trimmed[1..]),
        Some(b'+') => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (16, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(invalid_input(type_name, text));
    }
    let out_of_range =
        || err!(NUMERIC_VALUE_OUT_OF_RANGE, "value \"{text}\" is out of range for type {type_name}");
    let value = u64::from_str_radix(digits, radix).map_err(|_| out_of_range())?;
    let value = if negative { value.wrapping_neg() } else { value };
    // A 64-bit result is right when it is an unsigned or a sign-extended 32-bit number.
    if value != u64::from(value as u32) && value != i64::from(value as i32) as u64 {
        return Err(out_of_range());
    }
    Ok(value as u32)
}

/// Parses a 64-bit unsigned number (xid8). Errors: `22P02`, `22003`.
pub fn parse_uint8(text: &str, type_name: &str) -> Result<u64> {
    let trimmed = text.trim_matches(|c: char| c.is_ascii() && is_space(c as u8));
    let digits = trimmed.strip_prefix('+').unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return Err(invalid_input(type_name, text));
    }
    digits.parse().map_err(|_| {
        err!(NUMERIC_VALUE_OUT_OF_RANGE, "value \"{text}\" is out of range for type {type_name}")
    })
}

/// Appends a decimal number.
pub fn push_int8(out: &mut String, value: i64) {
    if value < 0 {
        out.push('-');
    }
    push_uint8(out, value.unsigned_abs());
}

/// Appends an unsigned decimal number.
pub fn push_uint8(out: &mut String, value: u64) {
    let mut buffer = [0; 20];
    // Digits are ASCII.
    out.push_str(std::str::from_utf8(digits(value, &mut buffer)).unwrap_or_default());
}

/// As [`push_int8`], to bytes.
pub fn push_int8_bytes(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    let mut buffer = [0; 20];
    out.extend_from_slice(digits(value.unsigned_abs(), &mut buffer));
}

/// 00 to 99.
const PAIRS: &str = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/// The two digits of a number below 100; of a larger one the last two.
#[inline]
pub(crate) fn pair(value: u32) -> &'static str {
    let at = 2 * (value % 100) as usize;
    &PAIRS[at..at + 2]
}

/// The decimal digits of a number, written to the end of the buffer.
fn digits(mut value: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut start = buffer.len();
    while value >= 10 {
        start -= 2;
        buffer[start..start + 2].copy_from_slice(pair((value % 100) as u32).as_bytes());
        value /= 100;
    }
    if value > 0 || start == buffer.len() {
        start -= 1;
        buffer[start] = b'0' + value as u8;
    }
    &buffer[start..]
}

/// The text of an integer of any width.
pub fn format_int(value: i64) -> String {
    let mut text = String::with_capacity(20);
    push_int8(&mut text, value);
    text
}

/// `T out of range`, with the name PostgreSQL uses for the type.
#[track_caller]
pub fn out_of_range(type_name: &str) -> Error {
    err!(NUMERIC_VALUE_OUT_OF_RANGE, "{type_name} out of range")
}

/// `division by zero`
#[track_caller]
pub fn division_by_zero() -> Error {
    err!(DIVISION_BY_ZERO, "division by zero")
}

macro_rules! checked_arithmetic {
    ($($type:ident $name:literal: $add:ident $sub:ident $mul:ident $div:ident $modulo:ident $neg:ident $abs:ident $gcd:ident $lcm:ident;)*) => { $(
        #[doc = concat!("Sum of two ", $name, "s. Errors: `22003`.")]
        #[inline]
        pub fn $add(a: $type, b: $type) -> Result<$type> {
            a.checked_add(b).ok_or_else(|| out_of_range($name))
        }

        #[doc = concat!("Difference of two ", $name, "s. Errors: `22003`.")]
        #[inline]
        pub fn $sub(a: $type, b: $type) -> Result<$type> {
            a.checked_sub(b).ok_or_else(|| out_of_range($name))
        }

        #[doc = concat!("Product of two ", $name, "s. Errors: `22003`.")]
        #[inline]
        pub fn $mul(a: $type, b: $type) -> Result<$type> {
            a.checked_mul(b).ok_or_else(|| out_of_range($name))
        }

        #[doc = concat!("Quotient of two ", $name, "s, truncated. Errors: `22003`, `22012`.")]
        #[inline]
        pub fn $div(a: $type, b: $type) -> Result<$type> {
            if b == 0 {
                return Err(division_by_zero());
            }
            a.checked_div(b).ok_or_else(|| out_of_range($name))
        }

        #[doc = concat!("Remainder of two ", $name, "s, with the sign of the dividend. Errors: `22012`.")]
        #[inline]
        pub fn $modulo(a: $type, b: $type) -> Result<$type> {
            if b == 0 {
                return Err(division_by_zero());
            }
            Ok(a.wrapping_rem(b))
        }

        #[doc = concat!("Negation of a ", $name, ". Errors: `22003`.")]
        #[inline]
        pub fn $neg(a: $type) -> Result<$type> {
            a.checked_neg().ok_or_else(|| out_of_range($name))
        }

        #[doc = concat!("Absolute value of a ", $name, ". Errors: `22003`.")]
        #[inline]
        pub fn $abs(a: $type) -> Result<$type> {
            a.checked_abs().ok_or_else(|| out_of_range($name))
        }

        #[doc = concat!("Greatest common divisor of two ", $name, "s. Errors: `22003`.")]
        pub fn $gcd(a: $type, b: $type) -> Result<$type> {
            let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
            while b != 0 {
                (a, b) = (b, a % b);
            }
            $type::try_from(a).map_err(|_| out_of_range($name))
        }

        #[doc = concat!("Least common multiple of two ", $name, "s. Errors: `22003`.")]
        pub fn $lcm(a: $type, b: $type) -> Result<$type> {
            if a == 0 || b == 0 {
                return Ok(0);
            }
            $mul(a / $gcd(a, b)?, b).and_then($abs)
        }
    )* };
}

checked_arithmetic! {
    i16 "smallint": int2_add int2_sub int2_mul int2_div int2_mod int2_neg int2_abs int2_gcd int2_lcm;
    i32 "integer": int4_add int4_sub int4_mul int4_div int4_mod int4_neg int4_abs int4_gcd int4_lcm;
    i64 "bigint": int8_add int8_sub int8_mul int8_div int8_mod int8_neg int8_abs int8_gcd int8_lcm;
}

/// bigint to integer. Errors: `22003`.
#[inline]
pub fn to_int4(value: i64) -> Result<i32> {
    i32::try_from(value).map_err(|_| out_of_range("integer"))
}

/// integer or bigint to smallint. Errors: `22003`.
#[inline]
pub fn to_int2(value: i64) -> Result<i16> {
    i16::try_from(value).map_err(|_| out_of_range("smallint"))
}

/// Stepping for generate_series over integers: the next value, or `None` past the end.
pub fn series_next(current: i64, step: i64, stop: i64) -> Option<i64> {
    let next = current.checked_add(step)?;
    let inside = if step > 0 { next <= stop } else { next >= stop };
    inside.then_some(next)
}

/// Refuses a zero step of generate_series.
///
/// # Errors
/// `22023`
pub fn check_series_step(step: i64) -> Result<()> {
    if step == 0 {
        bail!(INVALID_PARAMETER_VALUE, "step size cannot equal zero");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms() {
        for (text, expected) in [
            (" 12 ", 12),
            ("-0x1F", -31),
            ("1_000", 1000),
            ("0b_11", 3),
            ("+0o17", 15),
            ("-2147483648", i32::MIN),
        ] {
            assert_eq!(parse_int4(text).unwrap(), expected, "{text}");
        }
        for text in ["", "-", "1_", "_1", "1__0", "0x", "1 2", "a", "- 1"] {
            let message = format!("invalid input syntax for type integer: \"{text}\"");
            assert_eq!(parse_int4(text).unwrap_err().message(), message);
        }
        assert_eq!(
            parse_int4("99999999999").unwrap_err().message(),
            "value \"99999999999\" is out of range for type integer"
        );
        assert_eq!(parse_int8("-9223372036854775808").unwrap(), i64::MIN);
        assert_eq!(parse_int2("32768").unwrap_err().state().to_string(), "22003");
        assert_eq!(format_int(i64::MIN), "-9223372036854775808");
        assert_eq!(parse_oid("-1", "oid").unwrap(), u32::MAX);
    }

    #[test]
    fn arithmetic() {
        assert_eq!(int4_add(i32::MAX, 1).unwrap_err().message(), "integer out of range");
        assert_eq!(int8_div(i64::MIN, -1).unwrap_err().message(), "bigint out of range");
        assert_eq!(int2_mod(i16::MIN, -1).unwrap(), 0);
        assert_eq!(int4_lcm(4, 6).unwrap(), 12);
        assert_eq!(int4_gcd(i32::MIN, 0).unwrap_err().message(), "integer out of range");
    }
}
