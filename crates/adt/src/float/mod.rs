//! real and double precision: text forms, checked arithmetic, order, casts. Functions of chapter 9 are in [`math`].

pub mod erf;
pub mod math;

use crate::integer::{invalid_input, is_space, out_of_range, push_int8};
use base::{Error, Result, err};
use std::cmp::Ordering;

/// Where the number that strtod() would consume ends, and whether its mantissa is zero.
fn number_end(bytes: &[u8]) -> Option<(usize, bool)> {
    let at = |i: usize| bytes.get(i).copied().unwrap_or(0);
    let mut i = usize::from(matches!(at(0), b'+' | b'-'));
    let mut digits = 0;
    let mut zero = true;
    let mut point = false;
    loop {
        match at(i) {
            c @ b'0'..=b'9' => {
                digits += 1;
                zero &= c == b'0';
            }
            b'.' if !point => point = true,
            _ => break,
        }
        i += 1;
    }
    if digits == 0 {
        return None;
    }
    if matches!(at(i), b'e' | b'E') {
        let digits_at = i + 1 + usize::from(matches!(at(i + 1), b'+' | b'-'));
        if at(digits_at).is_ascii_digit() {
            i = digits_at;
            while at(i).is_ascii_digit() {
                i += 1;
            }
        }
    }
    Some((i, zero))
}

/// `NaN`, `inf`, `infinity` with a sign, and how many bytes they take.
fn parse_special(text: &str) -> Option<(f64, usize)> {
    let (sign, word) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    for (name, value) in [("nan", f64::NAN), ("infinity", f64::INFINITY), ("inf", f64::INFINITY)] {
        if word.get(..name.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(name)) {
            return Some((value * sign, text.len() - word.len() + name.len()));
        }
    }
    None
}

/// What the two widths share in parsing: the number, the length it took, and whether its mantissa is zero.
fn parse_with<T: std::str::FromStr>(
    text: &str,
    type_name: &str,
    special: impl Fn(f64) -> T,
    lost: impl Fn(&T, bool) -> bool,
) -> Result<T> {
    let start = text.bytes().take_while(|&c| is_space(c)).count();
    let body = &text[start..];
    let (value, end) = match number_end(body.as_bytes()) {
        Some((end, zero)) => {
            let value = body[..end].parse::<T>().map_err(|_| invalid_input(type_name, text))?;
            if lost(&value, zero) {
                let number = &body[..end];
                return Err(err!(
                    NUMERIC_VALUE_OUT_OF_RANGE,
                    "\"{number}\" is out of range for type {type_name}"
                ));
            }
            (value, end)
        }
        None => {
            let (value, end) = parse_special(body).ok_or_else(|| invalid_input(type_name, text))?;
            (special(value), end)
        }
    };
    if !body.bytes().skip(end).all(is_space) {
        return Err(invalid_input(type_name, text));
    }
    Ok(value)
}

/// `float8in`. Errors: `22P02`, `22003`.
pub fn parse_float8(text: &str) -> Result<f64> {
    parse_with(text, "double precision", |v| v, |v: &f64, zero| v.is_infinite() || (*v == 0.0 && !zero))
}

/// `float4in`. Errors: `22P02`, `22003`.
pub fn parse_float4(text: &str) -> Result<f32> {
    parse_with(text, "real", |v| v as f32, |v: &f32, zero| v.is_infinite() || (*v == 0.0 && !zero))
}

/// The setting `extra_float_digits` at its default.
pub const DEFAULT_EXTRA_FLOAT_DIGITS: i32 = 1;

/// Decimal digits without trailing zeros and the power of ten of the first.
fn split_exponent(scientific: &str) -> (String, i32) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let mut digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.truncate(digits.trim_end_matches('0').len().max(1));
    (digits, exponent.parse().unwrap_or(0))
}

/// Writes digits as `%g` does, in scientific form outside of 10^-4 .. 10^`limit`.
fn push_decimal(out: &mut String, digits: &str, exponent: i32, limit: i32) {
    if exponent < -4 || exponent >= limit {
        out.push_str(&digits[..1]);
        if digits.len() > 1 {
            out.push('.');
            out.push_str(&digits[1..]);
        }
        out.push('e');
        out.push(if exponent < 0 { '-' } else { '+' });
        if exponent.abs() < 10 {
            out.push('0');
        }
        push_int8(out, i64::from(exponent.abs()));
    } else if exponent < 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', (-exponent - 1) as usize));
        out.push_str(digits);
    } else {
        let whole = exponent as usize + 1;
        if digits.len() <= whole {
            out.push_str(digits);
            out.extend(std::iter::repeat_n('0', whole - digits.len()));
        } else {
            out.push_str(&digits[..whole]);
            out.push('.');
            out.push_str(&digits[whole..]);
        }
    }
}

/// Whether digits * 10^power lies exactly half way between `mantissa` * 2^`exponent` and a neighbour.
/// PostgreSQL's shortest output never uses such a number, although it would read back as an even mantissa.
fn is_halfway(digits: &str, power: i32, mantissa: u64, exponent: i32) -> bool {
    let Ok(digits) = digits.parse::<u128>() else { return false };
    // Midpoints are odd multiples of 2^(exponent - 1), but in the narrow gap below a power of two.
    let narrow = mantissa.is_power_of_two();
    let below = if narrow {
        (4 * u128::from(mantissa) - 1, exponent - 2)
    } else {
        (2 * u128::from(mantissa) - 1, exponent - 1)
    };
    let candidates = [(2 * u128::from(mantissa) + 1, exponent - 1), below];
    candidates.iter().any(|&(odd, exponent)| {
        let (mut left, mut right) = (digits, odd);
        if power.abs() > 24 {
            return false;
        }
        let fives = 5_u128.pow(power.unsigned_abs());
        if power >= 0 {
            left *= fives;
        } else {
            right *= fives;
        }
        let twos = left.trailing_zeros() as i32;
        left >> twos == right && twos + power == exponent
    })
}

fn push_special(out: &mut String, value: f64) -> bool {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value < 0.0 { "-Infinity" } else { "Infinity" });
    } else {
        return false;
    }
    true
}

/// `%.*g` with the given number of significant digits.
fn push_rounded(out: &mut String, value: f64, precision: usize) {
    if value.is_sign_negative() {
        out.push('-');
    }
    let scientific = format!("{:.*e}", precision - 1, value.abs());
    let (digits, exponent) = split_exponent(&scientific);
    push_decimal(out, &digits, if value == 0.0 { 0 } else { exponent }, precision as i32);
}

/// Shortest digits strictly inside of the rounding interval, given how to print `n` digits and to test them.
/// Where two of the same length are equally near, the even one counts.
fn shortest(
    scientific: String,
    mantissa: u64,
    exponent: i32,
    most: usize,
    print: impl Fn(usize) -> String,
    reads_back: impl Fn(&str) -> bool,
) -> (String, i32) {
    let (digits, power) = split_exponent(&scientific);
    let on_border =
        |digits: &str, power: i32| is_halfway(digits, power + 1 - digits.len() as i32, mantissa, exponent);
    let rejected = mantissa.is_multiple_of(2) && on_border(&digits, power);
    // A tie needs a value with few binary digits behind the point.
    let may_tie = mantissa != 0 && exponent + mantissa.trailing_zeros() as i32 >= -45 && exponent <= 80;
    if !rejected && !may_tie {
        return (digits, power);
    }
    let first = if rejected { digits.len() } else { digits.len() - 1 };
    for n in first..most {
        let scientific = print(n);
        let (even, even_power) = split_exponent(&scientific);
        if reads_back(&scientific) && !(mantissa.is_multiple_of(2) && on_border(&even, even_power)) {
            return (even, even_power);
        }
        if !rejected {
            break;
        }
    }
    (digits, power)
}

/// `float8out`: the shortest text that reads back as the same value when `extra_float_digits` is positive, else
/// 15 digits less as many as the setting says.
pub fn push_float8(out: &mut String, value: f64, extra_float_digits: i32) {
    if push_special(out, value) {
        return;
    }
    if extra_float_digits <= 0 {
        return push_rounded(out, value, (15 + extra_float_digits).max(1) as usize);
    }
    if value.is_sign_negative() {
        out.push('-');
    }
    let value = value.abs();
    if value < 1e15 && value.trunc() == value {
        return push_int8(out, value as i64);
    }
    let bits = value.to_bits();
    let (mantissa, exponent) = match bits >> 52 {
        0 => (bits, -1074),
        biased => ((bits & ((1 << 52) - 1)) | (1 << 52), biased as i32 - 1075),
    };
    let (digits, exponent) = shortest(
        format!("{value:e}"),
        mantissa,
        exponent,
        17,
        |n| format!("{value:.n$e}"),
        |text| text.parse() == Ok(value),
    );
    push_decimal(out, &digits, exponent, 15);
}

/// `float4out`, see [`push_float8`]; the base is 6 digits.
pub fn push_float4(out: &mut String, value: f32, extra_float_digits: i32) {
    if push_special(out, f64::from(value)) {
        return;
    }
    if extra_float_digits <= 0 {
        return push_rounded(out, f64::from(value), (6 + extra_float_digits).max(1) as usize);
    }
    if value.is_sign_negative() {
        out.push('-');
    }
    let value = value.abs();
    if value < 1e6 && value.trunc() == value {
        return push_int8(out, value as i64);
    }
    let bits = value.to_bits();
    let (mantissa, exponent) = match bits >> 23 {
        0 => (bits, -149),
        biased => ((bits & ((1 << 23) - 1)) | (1 << 23), biased as i32 - 150),
    };
    let (digits, exponent) = shortest(
        format!("{value:e}"),
        u64::from(mantissa),
        exponent,
        9,
        |n| format!("{value:.n$e}"),
        |text| text.parse() == Ok(value),
    );
    push_decimal(out, &digits, exponent, 6);
}

/// [`push_float8`] into a new string.
pub fn format_float8(value: f64, extra_float_digits: i32) -> String {
    let mut text = String::with_capacity(24);
    push_float8(&mut text, value, extra_float_digits);
    text
}

/// [`push_float4`] into a new string.
pub fn format_float4(value: f32, extra_float_digits: i32) -> String {
    let mut text = String::with_capacity(16);
    push_float4(&mut text, value, extra_float_digits);
    text
}

/// `value out of range: overflow`
#[track_caller]
pub fn overflow() -> Error {
    err!(NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow")
}

/// `value out of range: underflow`
#[track_caller]
pub fn underflow() -> Error {
    err!(NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: underflow")
}

macro_rules! float_arithmetic {
    ($($type:ident $add:ident $sub:ident $mul:ident $div:ident $compare:ident;)*) => { $(
        /// Sum. Errors: `22003`.
        #[inline]
        pub fn $add(a: $type, b: $type) -> Result<$type> {
            let sum = a + b;
            if sum.is_infinite() && !a.is_infinite() && !b.is_infinite() {
                return Err(overflow());
            }
            Ok(sum)
        }

        /// Difference. Errors: `22003`.
        #[inline]
        pub fn $sub(a: $type, b: $type) -> Result<$type> {
            let difference = a - b;
            if difference.is_infinite() && !a.is_infinite() && !b.is_infinite() {
                return Err(overflow());
            }
            Ok(difference)
        }

        /// Product. Errors: `22003`.
        #[inline]
        pub fn $mul(a: $type, b: $type) -> Result<$type> {
            let product = a * b;
            if product.is_infinite() && !a.is_infinite() && !b.is_infinite() {
                return Err(overflow());
            }
            if product == 0.0 && a != 0.0 && b != 0.0 {
                return Err(underflow());
            }
            Ok(product)
        }

        /// Quotient. Errors: `22003`, `22012`.
        #[inline]
        pub fn $div(a: $type, b: $type) -> Result<$type> {
            if b == 0.0 && !a.is_nan() {
                return Err(crate::integer::division_by_zero());
            }
            let quotient = a / b;
            if quotient.is_infinite() && !a.is_infinite() {
                return Err(overflow());
            }
            if quotient == 0.0 && a != 0.0 && !b.is_infinite() {
                return Err(underflow());
            }
            Ok(quotient)
        }

        /// PostgreSQL's total order: NaN equals itself and is above everything; both zeros are equal.
        #[inline]
        pub fn $compare(a: $type, b: $type) -> Ordering {
            a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
        }
    )* };
}

float_arithmetic! {
    f32 float4_add float4_sub float4_mul float4_div float4_compare;
    f64 float8_add float8_sub float8_mul float8_div float8_compare;
}

/// double precision to real. Errors: `22003`.
pub fn to_float4(value: f64) -> Result<f32> {
    let narrow = value as f32;
    if narrow.is_infinite() && !value.is_infinite() {
        return Err(overflow());
    }
    if narrow == 0.0 && value != 0.0 {
        return Err(underflow());
    }
    Ok(narrow)
}

/// Rounds half to even, then casts. Errors: `22003`.
pub fn to_int2(value: f64) -> Result<i16> {
    let rounded = value.round_ties_even();
    if (-32768.0..32768.0).contains(&rounded) { Ok(rounded as i16) } else { Err(out_of_range("smallint")) }
}

/// Rounds half to even, then casts. Errors: `22003`.
pub fn to_int4(value: f64) -> Result<i32> {
    let rounded = value.round_ties_even();
    if (-2147483648.0..2147483648.0).contains(&rounded) {
        Ok(rounded as i32)
    } else {
        Err(out_of_range("integer"))
    }
}

/// Rounds half to even, then casts. Errors: `22003`.
pub fn to_int8(value: f64) -> Result<i64> {
    let rounded = value.round_ties_even();
    if (-9223372036854775808.0..9223372036854775808.0).contains(&rounded) {
        Ok(rounded as i64)
    } else {
        Err(out_of_range("bigint"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output() {
        for (value, text) in [
            (0.1, "0.1"),
            (1e15, "1e+15"),
            (123456789012345.0, "123456789012345"),
            (1234567890123456.0, "1.234567890123456e+15"),
            (1e23, "9.999999999999999e+22"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-0.0, "-0"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NEG_INFINITY, "-Infinity"),
            (12.5, "12.5"),
        ] {
            assert_eq!(format_float8(value, 1), text);
        }
        assert_eq!(format_float8(1.0 / 3.0, 0), "0.333333333333333");
        assert_eq!(format_float8(1e15, 0), "1e+15");
        assert_eq!(format_float8(100000.0, -12), "1e+05");
        assert_eq!(format_float4(1.1, 1), "1.1");
        assert_eq!(format_float4(1234567.0, 1), "1.234567e+06");
    }

    #[test]
    fn input() {
        assert_eq!(parse_float8(" 1.5e3 ").unwrap(), 1500.0);
        assert_eq!(parse_float8("-inf").unwrap(), f64::NEG_INFINITY);
        assert!(parse_float8("nan").unwrap().is_nan());
        assert_eq!(parse_float4(".5").unwrap(), 0.5);
        for (text, message) in [
            ("", "invalid input syntax for type double precision: \"\""),
            ("1e", "invalid input syntax for type double precision: \"1e\""),
            (" 1e400", "\"1e400\" is out of range for type double precision"),
            ("1e-400", "\"1e-400\" is out of range for type double precision"),
        ] {
            assert_eq!(parse_float8(text).unwrap_err().message(), message);
        }
    }
}
