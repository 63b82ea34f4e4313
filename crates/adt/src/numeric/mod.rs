//! Exact decimal numbers of up to 131072 digits before the decimal point and 16383 behind it.
//!
//! A number is a sequence of digits in base 10000, the `weight` of the first (its power of 10000), a sign, and a
//! `display scale`: how many decimal digits behind the point are shown, trailing zeros included. 12345.6780 with a
//! display scale of 4:
//!
//! ```text
//! digits  [1, 2345, 6780]   weight 1   scale 4
//!          |  |     `- 10000^-1
//!          |  `------- 10000^0
//!          `---------- 10000^1
//! ```
//!
//! Digits carry no zeros at either end; zero has no digits and weight 0. What lies on disk is [`NumericView`];
//! arithmetic happens on [`Numeric`], on 64-bit integers while both operands fit.

mod aggregate;
mod arithmetic;
mod convert;
mod functions;
mod payload;
mod text;
mod transcendental;

pub use aggregate::{Int128Sum, NumericSum};
pub use payload::{NumericView, push_decimal, push_units, short_scale, short_units};
pub use text::Typmod;

use base::{Error, Result, err};
use smallvec::SmallVec;
use std::cmp::Ordering;

/// Digits are in base 10000.
const BASE: u32 = 10_000;
/// Decimal digits in one digit.
const DIGIT_WIDTH: i32 = 4;
/// Results of division and the like have at least this many significant decimal digits.
const MIN_SIGNIFICANT: i32 = 16;
/// The largest display scale that functions choose by themselves.
const MAX_DISPLAY_SCALE: i32 = 1000;
/// Beyond this many decimal digits exp() and power() overflow or vanish.
const MAX_RESULT_SCALE: i32 = 2000;
/// The largest display scale that can be stored.
const MAX_SCALE: i32 = 0x3fff;
/// The largest weight that can be stored.
const MAX_WEIGHT: i32 = i16::MAX as i32;

type Digits = SmallVec<[u16; 8]>;

/// Sign of a finite number, or which special value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Positive,
    Negative,
    NaN,
    Infinity,
    NegativeInfinity,
}

impl Sign {
    fn negated(self) -> Sign {
        match self {
            Sign::Positive => Sign::Negative,
            Sign::Negative => Sign::Positive,
            Sign::NaN => Sign::NaN,
            Sign::Infinity => Sign::NegativeInfinity,
            Sign::NegativeInfinity => Sign::Infinity,
        }
    }

    fn is_special(self) -> bool {
        !matches!(self, Sign::Positive | Sign::Negative)
    }
}

/// A number in memory. Equality and order are by value: the display scale does not count, NaN equals NaN and is above
/// everything else.
#[derive(Clone, Debug)]
pub struct Numeric {
    sign: Sign,
    weight: i32,
    scale: i32,
    digits: Digits,
}

/// `value overflows numeric format`
#[track_caller]
fn format_overflow() -> Error {
    err!(NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format")
}

impl Numeric {
    pub const NAN: Numeric = Numeric::special(Sign::NaN);
    pub const INFINITY: Numeric = Numeric::special(Sign::Infinity);
    pub const NEGATIVE_INFINITY: Numeric = Numeric::special(Sign::NegativeInfinity);
    pub const ZERO: Numeric = Numeric::special(Sign::Positive);

    const fn special(sign: Sign) -> Numeric {
        Numeric { sign, weight: 0, scale: 0, digits: SmallVec::new_const() }
    }

    /// Zero shown with `scale` digits behind the point.
    fn zero(scale: i32) -> Numeric {
        Numeric { scale, ..Numeric::ZERO }
    }

    fn one() -> Numeric {
        Numeric::from(1_i64)
    }

    /// A finite number from digits that may have zeros at the ends.
    fn new(sign: Sign, weight: i32, scale: i32, digits: Digits) -> Numeric {
        let mut number = Numeric { sign, weight, scale, digits };
        number.strip();
        number
    }

    /// Removes zeros at both ends.
    fn strip(&mut self) {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        let leading = self.digits.iter().take_while(|&&digit| digit == 0).count();
        if leading > 0 {
            self.digits.drain(..leading);
            self.weight -= leading as i32;
        }
        if self.digits.is_empty() {
            self.weight = 0;
            self.sign = Sign::Positive;
        }
    }

    /// Refuses what cannot be stored.
    ///
    /// # Errors
    /// `22003`
    fn checked(self) -> Result<Numeric> {
        if self.weight > MAX_WEIGHT || self.weight < i32::from(i16::MIN) || self.scale > MAX_SCALE {
            return Err(format_overflow());
        }
        Ok(self)
    }

    pub fn sign(&self) -> Sign {
        self.sign
    }

    pub fn is_nan(&self) -> bool {
        self.sign == Sign::NaN
    }

    pub fn is_infinite(&self) -> bool {
        matches!(self.sign, Sign::Infinity | Sign::NegativeInfinity)
    }

    /// Neither NaN nor infinite.
    pub fn is_finite(&self) -> bool {
        !self.sign.is_special()
    }

    pub fn is_zero(&self) -> bool {
        self.is_finite() && self.digits.is_empty()
    }

    pub fn is_negative(&self) -> bool {
        matches!(self.sign, Sign::Negative | Sign::NegativeInfinity)
    }

    /// -1, 0 or 1; 1 for NaN.
    fn signum(&self) -> i32 {
        match self.sign {
            _ if self.is_zero() => 0,
            Sign::Negative | Sign::NegativeInfinity => -1,
            _ => 1,
        }
    }

    /// A finite number without fraction.
    pub fn is_integral(&self) -> bool {
        self.is_finite() && self.digits.len() as i32 <= self.weight + 1
    }

    /// Decimal digits shown behind the point; `None` for special values (`scale`).
    pub fn display_scale(&self) -> Option<i32> {
        self.is_finite().then_some(self.scale)
    }

    /// Power of 10000 of the last digit, plus one digit of slack for none.
    fn low_exponent(&self) -> i32 {
        self.weight + 1 - self.digits.len() as i32
    }

    /// `hash_numeric`: trailing zeros do not count.
    pub fn hash(&self) -> u32 {
        if !self.is_finite() {
            return 0;
        }
        if self.digits.is_empty() {
            return u32::MAX;
        }
        crate::hash::hash_bytes(&self.digit_bytes()) ^ self.weight as u32
    }

    /// `hash_numeric_extended`
    pub fn hash_extended(&self, seed: u64) -> u64 {
        if !self.is_finite() {
            return seed;
        }
        if self.digits.is_empty() {
            return seed.wrapping_sub(1);
        }
        crate::hash::hash_bytes_extended(&self.digit_bytes(), seed) ^ i64::from(self.weight) as u64
    }

    fn digit_bytes(&self) -> SmallVec<[u8; 32]> {
        self.digits.iter().flat_map(|digit| digit.to_le_bytes()).collect()
    }
}

/// Order of magnitudes: digits and weight only, both without zeros at the ends.
fn compare_magnitudes(a: (i32, &[u16]), b: (i32, &[u16])) -> Ordering {
    match (a.1.is_empty(), b.1.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.0.cmp(&b.0).then_with(|| a.1.cmp(b.1)),
    }
}

impl Ord for Numeric {
    fn cmp(&self, other: &Numeric) -> Ordering {
        let class = |number: &Numeric| match number.sign {
            Sign::NegativeInfinity => -2,
            Sign::Negative => -1,
            Sign::Positive if number.digits.is_empty() => 0,
            Sign::Positive => 1,
            Sign::Infinity => 2,
            Sign::NaN => 3,
        };
        let (a, b) = (class(self), class(other));
        a.cmp(&b).then_with(|| match a {
            1 => compare_magnitudes((self.weight, &self.digits), (other.weight, &other.digits)),
            -1 => compare_magnitudes((other.weight, &other.digits), (self.weight, &self.digits)),
            _ => Ordering::Equal,
        })
    }
}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Numeric) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Numeric {
    fn eq(&self, other: &Numeric) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Numeric {}

#[cfg(test)]
mod tests;
