//! The stored form: what follows the varlena header.
//!
//! ```text
//! short   u16  10 s dddddd w wwwwww      s sign, d display scale (6 bits), w weight (7 bits, signed)
//! long    u16  0s dddddddddddddd         d display scale (14 bits), then i16 weight
//! special u16  11 tt ............        tt 00 NaN, 01 Infinity, 11 -Infinity
//! ```
//! Digits follow as little-endian u16.

use super::{BASE, Digits, Numeric, Sign, compare_magnitudes};
use base::{Error, Result};
use std::cmp::Ordering;

const LONG_NEGATIVE: u16 = 0x4000;
const LONG_SCALE: u16 = 0x3fff;
const SHORT: u16 = 0x8000;
const SHORT_NEGATIVE: u16 = 0x2000;
const SHORT_SCALE_SHIFT: u32 = 7;
const SHORT_SCALE_MAX: i32 = 63;
const SHORT_WEIGHT: u16 = 0x7f;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEGATIVE_INFINITY: u16 = 0xf000;

/// Whether it is negative, the display scale and the weight of a payload that has the short form.
#[inline]
pub(super) fn short_header(payload: &[u8]) -> Option<(bool, i32, i32)> {
    let header = u16::from_le_bytes(*payload.first_chunk::<2>()?);
    if header >> 14 != 0b10 || !payload.len().is_multiple_of(2) {
        return None;
    }
    // Seven bits, sign-extended.
    let weight = i32::from((((header & SHORT_WEIGHT) << 9) as i16) >> 9);
    Some((header & SHORT_NEGATIVE != 0, i32::from((header >> SHORT_SCALE_SHIFT) & 0x3f), weight))
}

/// Powers of 10000 up to 10000^4.
const UNITS: [i64; 5] = [1, 10_000, 100_000_000, 1_000_000_000_000, 10_000_000_000_000_000];

/// The display scale of a payload in the short form.
#[inline]
pub fn short_scale(payload: &[u8]) -> Option<i32> {
    short_header(payload).map(|(_, scale, _)| scale)
}

/// The value in units of 10000^-`groups` of a payload in the short form with this display scale; `None` for others, and
/// for values of more than 16 decimal digits.
#[inline]
pub fn short_units(payload: &[u8], groups: i32, scale: i32) -> Option<i64> {
    let header = u16::from_le_bytes(*payload.first_chunk::<2>()?);
    if header & !(SHORT_NEGATIVE | SHORT_WEIGHT) != SHORT | (scale as u16) << SHORT_SCALE_SHIFT {
        return None;
    }
    // Seven bits, sign-extended.
    let weight = i32::from((((header & SHORT_WEIGHT) << 9) as i16) >> 9);
    let digit = |at: usize| Some(i64::from(u16::from_le_bytes(*payload.get(at..)?.first_chunk::<2>()?)));
    let magnitude = match payload.len() {
        2 => return Some(0),
        4 => digit(2)?,
        6 => digit(2)? * UNITS[1] + digit(4)?,
        8 => digit(2)? * UNITS[2] + digit(4)? * UNITS[1] + digit(6)?,
        10 => digit(2)? * UNITS[3] + digit(4)? * UNITS[2] + digit(6)? * UNITS[1] + digit(8)?,
        _ => return None,
    };
    let count = (payload.len() as i32 - 2) / 2;
    let shift = weight + 1 - count + groups;
    if weight + 1 + groups > 4 || shift < 0 {
        return None;
    }
    let units = magnitude * UNITS[shift as usize];
    Some(if header & SHORT_NEGATIVE != 0 { -units } else { units })
}

/// Appends the payload of `units` * 10000^-`groups` with this display scale, which must be at most 63; `groups` at most 15.
pub fn push_units(units: i64, groups: i32, scale: i32, out: &mut Vec<u8>) {
    debug_assert!((0..=SHORT_SCALE_MAX).contains(&scale) && (0..16).contains(&groups));
    let mut digits = [0_u16; 5];
    let mut first = digits.len();
    let mut rest = units.unsigned_abs();
    while rest > 0 {
        first -= 1;
        digits[first] = (rest % u64::from(BASE)) as u16;
        rest /= u64::from(BASE);
    }
    let mut end = digits.len();
    while end > first && digits[end - 1] == 0 {
        end -= 1;
    }
    let is_zero = first == end;
    let weight = if is_zero { 0 } else { digits.len() as i32 - 1 - first as i32 - groups };
    let header = SHORT
        | if units < 0 { SHORT_NEGATIVE } else { 0 }
        | ((scale as u16) << SHORT_SCALE_SHIFT)
        | (weight as u16 & SHORT_WEIGHT);
    out.extend_from_slice(&header.to_le_bytes());
    for digit in &digits[first..end] {
        out.extend_from_slice(&digit.to_le_bytes());
    }
}

/// A stored number, read in place.
#[derive(Clone, Copy, Debug)]
pub struct NumericView<'a> {
    pub sign: Sign,
    pub weight: i32,
    /// Display scale.
    pub scale: i32,
    /// Little-endian pairs of bytes.
    digits: &'a [u8],
}

impl<'a> NumericView<'a> {
    /// Reads the header of a varlena payload.
    ///
    /// # Errors
    /// `XX001` when the bytes cannot be a number.
    pub fn new(payload: &'a [u8]) -> Result<NumericView<'a>> {
        let damaged = || Error::corrupted("invalid stored numeric value");
        let (header, rest) = payload.split_first_chunk::<2>().ok_or_else(damaged)?;
        let header = u16::from_le_bytes(*header);
        if rest.len() % 2 != 0 {
            return Err(damaged());
        }
        let view = match header >> 14 {
            0b11 => {
                let sign = match header & 0xf000 {
                    NAN => Sign::NaN,
                    INFINITY => Sign::Infinity,
                    NEGATIVE_INFINITY => Sign::NegativeInfinity,
                    _ => return Err(damaged()),
                };
                NumericView { sign, weight: 0, scale: 0, digits: &[] }
            }
            0b10 => {
                let (negative, scale, weight) = short_header(payload).ok_or_else(damaged)?;
                let sign = if negative { Sign::Negative } else { Sign::Positive };
                NumericView { sign, weight, scale, digits: rest }
            }
            _ => {
                let (weight, digits) = rest.split_first_chunk::<2>().ok_or_else(damaged)?;
                NumericView {
                    sign: if header & LONG_NEGATIVE != 0 { Sign::Negative } else { Sign::Positive },
                    weight: i32::from(i16::from_le_bytes(*weight)),
                    scale: i32::from(header & LONG_SCALE),
                    digits,
                }
            }
        };
        Ok(view)
    }

    pub fn digit_count(&self) -> usize {
        self.digits.len() / 2
    }

    /// Digits in base 10000, the most significant first.
    pub fn digits(&self) -> impl ExactSizeIterator<Item = u16> + use<'a> {
        self.digits.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
    }

    /// The number in its in-memory form.
    ///
    /// # Errors
    /// `XX001` when a digit is out of range.
    pub fn to_numeric(&self) -> Result<Numeric> {
        let digits: Digits = self.digits().collect();
        if digits.iter().any(|&digit| u32::from(digit) >= BASE) {
            return Err(Error::corrupted("invalid stored numeric value"));
        }
        if self.sign.is_special() {
            return Ok(Numeric::special(self.sign));
        }
        Ok(Numeric::new(self.sign, self.weight, self.scale, digits))
    }

    /// Eight bytes that sort as the values do; different values may have the same.
    pub fn prefix(&self) -> u64 {
        const CLASS: u32 = 62;
        const WEIGHT: u32 = 46;
        let magnitude = || {
            // Sixteen bits of weight, then three digits of fourteen bits, and what of the fourth has room.
            let weight = ((self.weight + (1 << 15)) as u64) << WEIGHT;
            let mut digits = self.digits().map(u64::from);
            let mut bits = 0;
            for shift in [32, 18, 4] {
                bits |= digits.next().unwrap_or(0) << shift;
            }
            weight | bits | digits.next().unwrap_or(0) >> 10
        };
        match self.sign {
            Sign::NegativeInfinity => 0,
            Sign::Infinity => 3 << CLASS,
            Sign::NaN => u64::MAX,
            _ if self.digits.is_empty() => 1 << CLASS,
            Sign::Positive => 2 << CLASS | magnitude(),
            Sign::Negative => ((1 << CLASS) - 1) & !magnitude(),
        }
    }

    /// Order by value, as [`Numeric`] has it.
    pub fn compare(&self, other: &NumericView<'_>) -> Ordering {
        let class = |view: &NumericView<'_>| match view.sign {
            Sign::NegativeInfinity => -2,
            Sign::Infinity => 2,
            Sign::NaN => 3,
            _ if view.digits.is_empty() => 0,
            Sign::Negative => -1,
            Sign::Positive => 1,
        };
        let (a, b) = (class(self), class(other));
        a.cmp(&b).then_with(|| {
            let magnitudes = |a: &NumericView<'_>, b: &NumericView<'_>| {
                a.weight.cmp(&b.weight).then_with(|| a.digits().cmp(b.digits()))
            };
            match a {
                1 => magnitudes(self, other),
                -1 => magnitudes(other, self),
                _ => Ordering::Equal,
            }
        })
    }
}

/// Appends the payload of `whole` and a `fraction` of `scale` decimal digits, at most 16 each, shown with `shown` digits behind the
/// point; `None`, and nothing appended, when that takes more than the short form.
pub fn push_decimal(
    negative: bool,
    whole: u64,
    fraction: u64,
    scale: usize,
    shown: i32,
    out: &mut Vec<u8>,
) -> Option<()> {
    if scale > 16 || !(0..=SHORT_SCALE_MAX).contains(&shown) {
        return None;
    }
    // Digits in base 10000: five for up to 20 decimal ones before the point, four behind it.
    const BEFORE: usize = 5;
    let mut digits = [0_u16; BEFORE + 4];
    let mut first = BEFORE;
    let mut rest = whole;
    while rest > 0 {
        first -= 1;
        digits[first] = (rest % u64::from(BASE)) as u16;
        rest /= u64::from(BASE);
    }
    let groups = scale.div_ceil(4);
    let mut rest = fraction.checked_mul(10_u64.pow((groups * 4 - scale) as u32))?;
    for digit in digits[BEFORE..BEFORE + groups].iter_mut().rev() {
        *digit = (rest % u64::from(BASE)) as u16;
        rest /= u64::from(BASE);
    }
    let mut end = BEFORE + groups;
    while end > first && digits[end - 1] == 0 {
        end -= 1;
    }
    while first < end && digits[first] == 0 {
        first += 1;
    }
    let is_zero = first == end;
    let weight = if is_zero { 0 } else { BEFORE as i32 - 1 - first as i32 };
    let header = SHORT
        | if negative && !is_zero { SHORT_NEGATIVE } else { 0 }
        | ((shown as u16) << SHORT_SCALE_SHIFT)
        | (weight as u16 & SHORT_WEIGHT);
    out.extend_from_slice(&header.to_le_bytes());
    for digit in &digits[first..end] {
        out.extend_from_slice(&digit.to_le_bytes());
    }
    Some(())
}

impl Numeric {
    /// Reads a varlena payload.
    ///
    /// # Errors
    /// `XX001`
    pub fn from_payload(payload: &[u8]) -> Result<Numeric> {
        NumericView::new(payload)?.to_numeric()
    }

    /// The varlena payload, in the short form where it fits.
    pub fn to_payload(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(4 + 2 * self.digits.len());
        self.push_payload(&mut payload);
        payload
    }

    /// Appends the varlena payload.
    pub fn push_payload(&self, payload: &mut Vec<u8>) {
        let negative = match self.sign {
            Sign::NaN => return payload.extend(NAN.to_le_bytes()),
            Sign::Infinity => return payload.extend(INFINITY.to_le_bytes()),
            Sign::NegativeInfinity => return payload.extend(NEGATIVE_INFINITY.to_le_bytes()),
            Sign::Negative => true,
            Sign::Positive => false,
        };
        if self.scale <= SHORT_SCALE_MAX && (-64..64).contains(&self.weight) {
            let header = SHORT
                | if negative { SHORT_NEGATIVE } else { 0 }
                | ((self.scale as u16) << SHORT_SCALE_SHIFT)
                | (self.weight as u16 & SHORT_WEIGHT);
            payload.extend(header.to_le_bytes());
        } else {
            let header = if negative { LONG_NEGATIVE } else { 0 } | self.scale as u16;
            payload.extend(header.to_le_bytes());
            payload.extend((self.weight as i16).to_le_bytes());
        }
        for digit in &self.digits {
            payload.extend(digit.to_le_bytes());
        }
    }

    /// Order of absolute values of finite numbers.
    pub(super) fn compare_abs(&self, other: &Numeric) -> Ordering {
        compare_magnitudes((self.weight, &self.digits), (other.weight, &other.digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_written() {
        for text in ["0.00", "1.50", "-17954.55", "99999999.99", "0.01", "-0.10", "10000.00", "120000000.00"]
        {
            let payload = Numeric::parse(text).unwrap().to_payload();
            let units = short_units(&payload, 1, 2).unwrap();
            let mut written = Vec::new();
            push_units(units, 1, 2, &mut written);
            assert_eq!(written, payload, "{text}");
        }
        let payload = |text| Numeric::parse(text).unwrap().to_payload();
        assert_eq!(short_units(&payload("1.5"), 1, 2), None);
        assert_eq!(short_units(&payload("12345678901234567.00"), 1, 2), None);
        assert_eq!(short_units(&payload("NaN"), 1, 2), None);
        let mut written = Vec::new();
        push_units(-123_456_789_012_345_678, 3, 6, &mut written);
        assert_eq!(Numeric::from_payload(&written).unwrap().to_string(), "-123456.789012");
    }

    #[test]
    fn prefixes_sort_as_values_do() {
        let ascending = [
            "-Infinity",
            "-1e300",
            "-12345.6789",
            "-12345.6788",
            "-1",
            "-0.001",
            "0",
            "0.00",
            "1e-200",
            "0.001",
            "0.01",
            "1",
            "1.0",
            "1.5",
            "9999",
            "10000",
            "10000.0001",
            "123456789012345678",
            "1e300",
            "Infinity",
            "NaN",
        ];
        let payloads: Vec<Vec<u8>> =
            ascending.iter().map(|text| Numeric::parse(text).unwrap().to_payload()).collect();
        for pair in payloads.windows(2) {
            let (a, b) = (NumericView::new(&pair[0]).unwrap(), NumericView::new(&pair[1]).unwrap());
            let by_prefix = a.prefix().cmp(&b.prefix());
            assert!(by_prefix == a.compare(&b) || by_prefix == Ordering::Equal, "{a:?} {b:?}");
            assert_ne!(by_prefix, Ordering::Greater);
        }
    }
}
