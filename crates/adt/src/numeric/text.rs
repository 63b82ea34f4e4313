//! Text and wire forms, and the type modifier.

use super::{BASE, DIGIT_WIDTH, Digits, MAX_SCALE, MAX_WEIGHT, Numeric, NumericView, Sign, format_overflow};
use crate::integer::{invalid_input, is_space, pair};
use base::{Error, Result, bail, err};
use std::fmt;

/// `numeric(precision, scale)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Typmod {
    pub precision: i32,
    /// May be negative: rounding before the point.
    pub scale: i32,
}

impl Typmod {
    /// From the stored atttypmod; `None` when there is no restriction.
    pub fn from_stored(typmod: i32) -> Option<Typmod> {
        let packed = typmod.checked_sub(4).filter(|packed| *packed >= 0)?;
        Some(Typmod { precision: (packed >> 16) & 0xffff, scale: ((packed & 0x7ff) ^ 1024) - 1024 })
    }

    /// The stored atttypmod.
    pub fn to_stored(self) -> i32 {
        ((self.precision << 16) | (self.scale & 0x7ff)) + 4
    }

    /// `numerictypmodin`: one or two modifiers.
    ///
    /// # Errors
    /// `22023`
    pub fn parse(modifiers: &[i32]) -> Result<Typmod> {
        let (precision, scale) = match *modifiers {
            [precision] => (precision, 0),
            [precision, scale] => (precision, scale),
            _ => bail!(INVALID_PARAMETER_VALUE, "invalid NUMERIC type modifier"),
        };
        if !(1..=1000).contains(&precision) {
            bail!(INVALID_PARAMETER_VALUE, "NUMERIC precision {precision} must be between 1 and 1000");
        }
        if !(-1000..=1000).contains(&scale) {
            bail!(INVALID_PARAMETER_VALUE, "NUMERIC scale {scale} must be between -1000 and 1000");
        }
        Ok(Typmod { precision, scale })
    }
}

impl Numeric {
    /// `numeric_in` without a type modifier: decimal with exponent, `0x`, `0o`, `0b`, underscores between digits,
    /// `NaN`, `Infinity`.
    ///
    /// # Errors
    /// `22P02`, `22003`
    pub fn parse(text: &str) -> Result<Numeric> {
        let bytes = text.as_bytes();
        let start = bytes.iter().take_while(|&&c| is_space(c)).count();
        let body = &bytes[start..];
        let (negative, unsigned) = match body.first() {
            Some(b'-') => (true, &body[1..]),
            Some(b'+') => (false, &body[1..]),
            _ => (false, body),
        };
        let parsed = match unsigned {
            [b'0'..=b'9' | b'.', ..] => match unsigned {
                [b'0', b'x' | b'X', digits @ ..] => parse_radix(digits, 16)?,
                [b'0', b'o' | b'O', digits @ ..] => parse_radix(digits, 8)?,
                [b'0', b'b' | b'B', digits @ ..] => parse_radix(digits, 2)?,
                _ => parse_decimal(unsigned)?,
            },
            _ => parse_special(body, unsigned, negative),
        };
        let (mut number, rest) = parsed.ok_or_else(|| invalid_input("numeric", text))?;
        if !rest.iter().all(|&c| is_space(c)) {
            return Err(invalid_input("numeric", text));
        }
        if negative && number.is_finite() && !number.is_zero() {
            number.sign = Sign::Negative;
        }
        number.checked()
    }

    /// Rounds to a type modifier and refuses what does not fit.
    ///
    /// # Errors
    /// `22003`
    pub fn apply_typmod(mut self, typmod: Typmod) -> Result<Numeric> {
        let Typmod { precision, scale } = typmod;
        match self.sign {
            Sign::NaN => return Ok(self),
            Sign::Infinity | Sign::NegativeInfinity => {
                return Err(err!(NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow").detail(format!(
                    "A field with precision {precision}, scale {scale} cannot hold an infinite value."
                )));
            }
            _ => {}
        }
        self.round_to(scale);
        self.scale = self.scale.max(0);
        let allowed = precision - scale;
        if !self.digits.is_empty() && self.integer_digits() > allowed {
            let (power, limit) = if allowed != 0 { ("10^", allowed) } else { ("", 1) };
            return Err(err!(NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow").detail(format!(
                "A field with precision {precision}, scale {scale} must round to an absolute value less than {power}{limit}."
            )));
        }
        Ok(self)
    }

    /// Decimal digits before the point (negative for zeros behind it) of a number that is not zero.
    pub(super) fn integer_digits(&self) -> i32 {
        let first = self.digits.first().map_or(0, |digit| digit.checked_ilog10().unwrap_or(0) as i32 + 1);
        self.weight * DIGIT_WIDTH + first
    }

    /// Appends `numeric_out`'s text.
    pub fn push_text(&self, out: &mut String) {
        push_number(out, self.sign, self.weight, self.scale, |index| {
            self.digits.get(index).copied().unwrap_or(0)
        });
    }

    /// `numeric_send`
    pub fn send(&self, out: &mut Vec<u8>) {
        let sign: u16 = match self.sign {
            Sign::Positive => 0,
            Sign::Negative => 0x4000,
            Sign::NaN => 0xc000,
            Sign::Infinity => 0xd000,
            Sign::NegativeInfinity => 0xf000,
        };
        let header = [self.digits.len() as u16, self.weight as u16, sign, self.scale as u16];
        for word in header.iter().chain(&self.digits) {
            out.extend(word.to_be_bytes());
        }
    }

    /// `numeric_recv` without a type modifier.
    ///
    /// # Errors
    /// `22P03`, `08P01`
    pub fn receive(bytes: &[u8]) -> Result<Numeric> {
        let short = || err!(PROTOCOL_VIOLATION, "insufficient data left in message");
        let mut words = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        let mut word = || words.next().ok_or_else(short);
        let count = word()?;
        let weight = i32::from(word()? as i16);
        let sign = match word()? {
            0 => Sign::Positive,
            0x4000 => Sign::Negative,
            0xc000 => Sign::NaN,
            0xd000 => Sign::Infinity,
            0xf000 => Sign::NegativeInfinity,
            _ => bail!(INVALID_BINARY_REPRESENTATION, "invalid sign in external \"numeric\" value"),
        };
        let scale = i32::from(word()?);
        if scale > MAX_SCALE {
            bail!(INVALID_BINARY_REPRESENTATION, "invalid scale in external \"numeric\" value");
        }
        let mut digits = Digits::new();
        for _ in 0..count {
            let digit = word()?;
            if u32::from(digit) >= BASE {
                bail!(INVALID_BINARY_REPRESENTATION, "invalid digit in external \"numeric\" value");
            }
            digits.push(digit);
        }
        if sign.is_special() {
            return Ok(Numeric::special(sign));
        }
        let mut number = Numeric::new(sign, weight, scale, digits);
        number.trunc_to(scale);
        number.checked()
    }
}

impl NumericView<'_> {
    /// As [`Numeric::push_text`].
    ///
    /// # Errors
    /// `XX001` when a digit is out of range.
    pub fn push_text(&self, out: &mut String) -> Result<()> {
        if self.digits().any(|digit| u32::from(digit) >= BASE) {
            return Err(Error::corrupted("invalid stored numeric value"));
        }
        let digit = |index| self.digits().nth(index).unwrap_or(0);
        push_number(out, self.sign, self.weight, self.scale, digit);
        Ok(())
    }
}

/// The text of a number whose digits in base 10000, from the most significant on, `digit` gives: 0 beyond the last.
fn push_number(out: &mut String, sign: Sign, weight: i32, scale: i32, digit: impl Fn(usize) -> u16) {
    match sign {
        Sign::NaN => return out.push_str("NaN"),
        Sign::Infinity => return out.push_str("Infinity"),
        Sign::NegativeInfinity => return out.push_str("-Infinity"),
        Sign::Negative => out.push('-'),
        Sign::Positive => {}
    }
    let digit_at = |power: i32| usize::try_from(weight - power).map_or(0, |index| u32::from(digit(index)));
    if weight < 0 {
        out.push('0');
    } else {
        crate::integer::push_uint8(out, u64::from(digit_at(weight)));
        for power in (0..weight).rev() {
            let digit = digit_at(power);
            out.push_str(pair(digit / 100));
            out.push_str(pair(digit));
        }
    }
    if scale > 0 {
        out.push('.');
        let end = out.len() + scale as usize;
        let mut power = -1;
        while out.len() < end {
            let digit = digit_at(power);
            out.push_str(pair(digit / 100));
            out.push_str(pair(digit));
            power -= 1;
        }
        out.truncate(end);
    }
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.push_text(&mut text);
        f.write_str(&text)
    }
}

impl std::str::FromStr for Numeric {
    type Err = Error;

    fn from_str(text: &str) -> Result<Numeric> {
        Numeric::parse(text)
    }
}

type Parsed<'a> = Option<(Numeric, &'a [u8])>;

fn parse_special<'a>(body: &'a [u8], unsigned: &'a [u8], negative: bool) -> Parsed<'a> {
    let strip = |text: &'a [u8], word: &str| {
        let (prefix, rest) = text.split_at_checked(word.len())?;
        prefix.eq_ignore_ascii_case(word.as_bytes()).then_some(rest)
    };
    if let Some(rest) = strip(body, "nan") {
        return Some((Numeric::NAN, rest));
    }
    let infinity = if negative { Numeric::NEGATIVE_INFINITY } else { Numeric::INFINITY };
    strip(unsigned, "infinity").or_else(|| strip(unsigned, "inf")).map(|rest| (infinity, rest))
}

/// Digits and point before the exponent, with the number of digits before the point.
struct Mantissa {
    decimals: Vec<u8>,
    whole: usize,
    point: bool,
}

/// `None` when the syntax is wrong; what follows the number is left to the caller.
fn parse_decimal(text: &[u8]) -> Result<Parsed<'_>> {
    let at = |i: usize| text.get(i).copied().unwrap_or(0);
    let mut i = 0;
    let mut mantissa = Mantissa { decimals: Vec::with_capacity(text.len()), whole: 0, point: false };
    if at(i) == b'.' {
        mantissa.point = true;
        i += 1;
    }
    if !at(i).is_ascii_digit() {
        return Ok(None);
    }
    loop {
        match at(i) {
            c @ b'0'..=b'9' => {
                mantissa.decimals.push(c - b'0');
                mantissa.whole += usize::from(!mantissa.point);
            }
            b'.' if !mantissa.point && at(i + 1) != b'_' => mantissa.point = true,
            b'_' if at(i + 1).is_ascii_digit() => {}
            b'.' | b'_' => return Ok(None),
            _ => break,
        }
        i += 1;
    }
    let mut exponent = 0_i64;
    if matches!(at(i), b'e' | b'E') {
        i += 1;
        let negative = at(i) == b'-';
        i += usize::from(matches!(at(i), b'+' | b'-'));
        if !at(i).is_ascii_digit() {
            return Ok(None);
        }
        loop {
            match at(i) {
                c @ b'0'..=b'9' => {
                    exponent = exponent * 10 + i64::from(c - b'0');
                    if exponent > i64::from(i32::MAX / 2) {
                        return Err(format_overflow());
                    }
                }
                b'_' if at(i + 1).is_ascii_digit() => {}
                b'_' => return Ok(None),
                _ => break,
            }
            i += 1;
        }
        if negative {
            exponent = -exponent;
        }
    }
    Ok(Some((mantissa.into_numeric(exponent)?, &text[i..])))
}

impl Mantissa {
    fn into_numeric(self, exponent: i64) -> Result<Numeric> {
        let Mantissa { decimals, whole, .. } = self;
        let scale = ((decimals.len() - whole) as i64 - exponent).max(0);
        let leading = decimals.iter().take_while(|&&d| d == 0).count();
        if leading == decimals.len() {
            return if scale > i64::from(MAX_SCALE) {
                Err(format_overflow())
            } else {
                Ok(Numeric::zero(scale as i32))
            };
        }
        // Decimal exponent of the first digit that counts, aligned to base 10000.
        let first = whole as i64 + exponent - 1 - leading as i64;
        let weight = first.div_euclid(i64::from(DIGIT_WIDTH));
        if weight > i64::from(MAX_WEIGHT) || scale > i64::from(MAX_SCALE) {
            return Err(format_overflow());
        }
        let mut digits = Digits::new();
        let head = first.rem_euclid(i64::from(DIGIT_WIDTH)) as usize + 1;
        let significant = &decimals[leading..];
        let (head, tail) = significant.split_at(head.min(significant.len()));
        let value = |group: &[u8], width: usize| {
            let value = group.iter().fold(0_u16, |value, &d| value * 10 + u16::from(d));
            value * 10_u16.pow((width - group.len()) as u32)
        };
        digits.push(value(head, first.rem_euclid(i64::from(DIGIT_WIDTH)) as usize + 1));
        digits.extend(tail.chunks(4).map(|group| value(group, 4)));
        Ok(Numeric::new(Sign::Positive, weight as i32, scale as i32, digits))
    }
}

fn parse_radix(text: &[u8], radix: u32) -> Result<Parsed<'_>> {
    let digit_at = |i: usize| text.get(i).and_then(|&c| char::from(c).to_digit(radix));
    // Digits in base 10000, the least significant first.
    let mut digits: Vec<u16> = Vec::new();
    let mut fold = |factor: u64, addend: u64| -> Result<()> {
        let mut carry = addend;
        for digit in &mut digits {
            let value = u64::from(*digit) * factor + carry;
            *digit = (value % u64::from(BASE)) as u16;
            carry = value / u64::from(BASE);
        }
        while carry > 0 {
            digits.push((carry % u64::from(BASE)) as u16);
            carry /= u64::from(BASE);
        }
        if digits.len() as i32 > MAX_WEIGHT + 1 { Err(format_overflow()) } else { Ok(()) }
    };
    let (mut factor, mut addend) = (1_u64, 0_u64);
    let mut i = 0;
    loop {
        if let Some(digit) = digit_at(i) {
            factor *= u64::from(radix);
            addend = addend * u64::from(radix) + u64::from(digit);
            // Several digits at once, as long as a product with a digit in base 10000 fits.
            if factor >= 1 << 40 {
                fold(factor, addend)?;
                (factor, addend) = (1, 0);
            }
        } else if text.get(i) == Some(&b'_') {
            if digit_at(i + 1).is_none() {
                return Ok(None);
            }
        } else {
            break;
        }
        i += 1;
    }
    if i == 0 {
        return Ok(None);
    }
    fold(factor, addend)?;
    let weight = digits.len() as i32 - 1;
    let digits: Digits = digits.into_iter().rev().collect();
    Ok(Some((Numeric::new(Sign::Positive, weight.max(0), 0, digits), &text[i..])))
}
