//! The four operations, remainders and rounding.

use super::{
    BASE, DIGIT_WIDTH, Digits, MAX_DISPLAY_SCALE, MAX_SCALE, MAX_WEIGHT, MIN_SIGNIFICANT, Numeric, Sign,
};
use crate::integer::division_by_zero;
use base::Result;
use smallvec::smallvec;
use std::cmp::Ordering;

impl Numeric {
    pub fn negate(&self) -> Numeric {
        let sign = if self.is_zero() { Sign::Positive } else { self.sign.negated() };
        Numeric { sign, ..self.clone() }
    }

    pub fn abs(&self) -> Numeric {
        if self.is_negative() { self.negate() } else { self.clone() }
    }

    /// Sum. Errors: `22003`.
    pub fn add(&self, other: &Numeric) -> Result<Numeric> {
        if self.sign.is_special() || other.sign.is_special() {
            return Ok(match (self.sign, other.sign) {
                (Sign::NaN, _) | (_, Sign::NaN) => Numeric::NAN,
                (Sign::Infinity, Sign::NegativeInfinity) | (Sign::NegativeInfinity, Sign::Infinity) => {
                    Numeric::NAN
                }
                (sign, _) if sign.is_special() => Numeric::special(sign),
                (_, sign) => Numeric::special(sign),
            });
        }
        self.add_finite(other).checked()
    }

    /// Difference. Errors: `22003`.
    pub fn sub(&self, other: &Numeric) -> Result<Numeric> {
        self.add(&other.negate())
    }

    /// Product, exact up to the largest scale. Errors: `22003`.
    pub fn mul(&self, other: &Numeric) -> Result<Numeric> {
        if self.sign.is_special() || other.sign.is_special() {
            return Ok(if self.is_nan() || other.is_nan() || self.is_zero() || other.is_zero() {
                Numeric::NAN
            } else if self.is_negative() == other.is_negative() {
                Numeric::INFINITY
            } else {
                Numeric::NEGATIVE_INFINITY
            });
        }
        let mut product = self.mul_finite(other);
        if product.scale > MAX_SCALE {
            product.round_to(MAX_SCALE);
        }
        product.checked()
    }

    /// What the quotient is when an operand is special or the divisor zero.
    fn divide_special(&self, other: &Numeric) -> Result<Option<Numeric>> {
        if self.is_nan() || other.is_nan() {
            return Ok(Some(Numeric::NAN));
        }
        if other.is_zero() {
            return Err(division_by_zero());
        }
        Ok(match (self.is_infinite(), other.is_infinite()) {
            (true, true) => Some(Numeric::NAN),
            (true, false) if self.is_negative() == other.is_negative() => Some(Numeric::INFINITY),
            (true, false) => Some(Numeric::NEGATIVE_INFINITY),
            (false, true) => Some(Numeric::ZERO),
            (false, false) => None,
        })
    }

    /// Quotient with at least 16 significant digits. Errors: `22012`, `22003`.
    pub fn div(&self, other: &Numeric) -> Result<Numeric> {
        if let Some(special) = self.divide_special(other)? {
            return Ok(special);
        }
        self.div_finite(other, self.division_scale(other), true).checked()
    }

    /// Quotient truncated to an integer (`div`). Errors: `22012`, `22003`.
    pub fn div_trunc(&self, other: &Numeric) -> Result<Numeric> {
        if let Some(special) = self.divide_special(other)? {
            return Ok(special);
        }
        self.div_finite(other, 0, false).checked()
    }

    /// Remainder with the sign of the dividend. Errors: `22012`, `22003`.
    pub fn modulo(&self, other: &Numeric) -> Result<Numeric> {
        if self.is_nan() || other.is_nan() {
            return Ok(Numeric::NAN);
        }
        if other.is_zero() {
            return Err(division_by_zero());
        }
        if self.is_infinite() {
            return Ok(Numeric::NAN);
        }
        if other.is_infinite() {
            return Ok(self.clone());
        }
        self.modulo_finite(other).checked()
    }

    pub(super) fn modulo_finite(&self, other: &Numeric) -> Numeric {
        let quotient = self.div_finite(other, 0, false);
        let mut remainder = self.sub_finite(&quotient.mul_finite(other));
        remainder.scale = self.scale.max(other.scale);
        remainder
    }

    /// The scale PostgreSQL gives a quotient: 16 significant digits and at least the operands' scales.
    pub(super) fn division_scale(&self, other: &Numeric) -> i32 {
        let first = |number: &Numeric| number.digits.first().copied().unwrap_or(0);
        let mut quotient_weight = self.weight - other.weight;
        if first(self) <= first(other) {
            quotient_weight -= 1;
        }
        (MIN_SIGNIFICANT - quotient_weight * DIGIT_WIDTH)
            .max(self.scale)
            .max(other.scale)
            .clamp(0, MAX_DISPLAY_SCALE)
    }

    /// Rounds half away from zero (`round`); a negative scale rounds before the point. Errors: `22003`.
    pub fn round(&self, scale: i32) -> Result<Numeric> {
        self.rescaled(scale, Numeric::round_to)
    }

    /// Cuts digits off (`trunc`). Errors: `22003`.
    pub fn trunc(&self, scale: i32) -> Result<Numeric> {
        self.rescaled(scale, Numeric::trunc_to)
    }

    fn rescaled(&self, scale: i32, cut: impl Fn(&mut Numeric, i32)) -> Result<Numeric> {
        let mut number = self.clone();
        if number.is_finite() {
            cut(&mut number, scale.clamp(-(MAX_WEIGHT + 1) * DIGIT_WIDTH - 1, MAX_SCALE));
            number.scale = number.scale.max(0);
        }
        number.checked()
    }

    /// The smallest integer not below. Errors: `22003`.
    pub fn ceil(&self) -> Result<Numeric> {
        let whole = self.trunc(0)?;
        if self.is_finite() && *self > whole { whole.add(&Numeric::one()) } else { Ok(whole) }
    }

    /// The largest integer not above. Errors: `22003`.
    pub fn floor(&self) -> Result<Numeric> {
        let whole = self.trunc(0)?;
        if self.is_finite() && *self < whole { whole.sub(&Numeric::one()) } else { Ok(whole) }
    }

    /// Keeps `scale` decimal digits behind the point; reports whether the cut part was half or more of a last digit.
    fn cut_at(&mut self, scale: i32) -> bool {
        self.scale = scale;
        let kept = (self.weight + 1) * DIGIT_WIDTH + scale;
        if kept < 0 {
            *self = Numeric { scale, ..Numeric::ZERO };
            return false;
        }
        let whole = (kept / DIGIT_WIDTH) as usize;
        let partial = kept % DIGIT_WIDTH;
        if whole >= self.digits.len() {
            return false;
        }
        let next = self.digits[whole];

        if partial == 0 {
            self.digits.truncate(whole);
            u32::from(next) >= BASE / 2
        } else {
            let unit = 10_u16.pow((DIGIT_WIDTH - partial) as u32);
            self.digits.truncate(whole + 1);
            self.digits[whole] = next - next % unit;
            next % unit >= unit / 2
        }
    }

    pub(super) fn trunc_to(&mut self, scale: i32) {
        self.cut_at(scale);
        self.strip();
    }

    /// Half away from zero.
    pub(super) fn round_to(&mut self, scale: i32) {
        let sign = self.sign;
        let weight = self.weight;
        if self.cut_at(scale) {
            let kept = (weight + 1) * DIGIT_WIDTH + scale;
            let partial = kept % DIGIT_WIDTH;
            let mut unit = if partial == 0 { 1 } else { 10_u16.pow((DIGIT_WIDTH - partial) as u32) };
            self.sign = sign;
            self.weight = weight;
            let mut i = self.digits.len();
            while unit > 0 {
                if i == 0 {
                    self.digits.insert(0, 1);
                    self.weight += 1;
                    break;
                }
                i -= 1;
                let sum = self.digits[i] + unit;
                let carried = u32::from(sum) >= BASE;
                self.digits[i] = if carried { sum - BASE as u16 } else { sum };
                unit = u16::from(carried);
            }
        }
        self.strip();
    }

    /// Both numbers as integers in units of 10000^`low`, when their digits span at most 16 decimal places.
    fn aligned_small(&self, other: &Numeric) -> Option<(i64, i64, i32)> {
        let low = self.low_exponent().min(other.low_exponent());
        if self.weight.max(other.weight) - low >= 4 {
            return None;
        }
        let value = |number: &Numeric| {
            let magnitude = number.digits.iter().fold(0_i64, |value, &d| value * 10_000 + i64::from(d));
            let shifted = magnitude * 10_000_i64.pow((number.low_exponent() - low) as u32);
            if number.sign == Sign::Negative { -shifted } else { shifted }
        };
        Some((value(self), value(other), low))
    }

    /// `value` * 10000^`low`.
    pub(super) fn from_units(value: i128, low: i32, scale: i32) -> Numeric {
        let mut magnitude = value.unsigned_abs();
        let mut reversed: Digits = Digits::new();
        while magnitude > u128::from(u64::MAX) {
            reversed.push((magnitude % u128::from(BASE)) as u16);
            magnitude /= u128::from(BASE);
        }
        let mut magnitude = magnitude as u64;
        while magnitude > 0 {
            reversed.push((magnitude % u64::from(BASE)) as u16);
            magnitude /= u64::from(BASE);
        }
        reversed.reverse();
        let sign = if value < 0 { Sign::Negative } else { Sign::Positive };
        let weight = low + reversed.len() as i32 - 1;
        Numeric::new(sign, weight, scale, reversed)
    }

    pub(super) fn add_finite(&self, other: &Numeric) -> Numeric {
        let scale = self.scale.max(other.scale);
        if let Some((a, b, low)) = self.aligned_small(other) {
            return Numeric::from_units(i128::from(a + b), low, scale);
        }
        if self.sign == other.sign {
            return Numeric { sign: self.sign, ..add_magnitudes(self, other, scale) };
        }
        match self.compare_abs(other) {
            Ordering::Equal => Numeric::zero(scale),
            Ordering::Greater => Numeric { sign: self.sign, ..sub_magnitudes(self, other, scale) },
            Ordering::Less => Numeric { sign: other.sign, ..sub_magnitudes(other, self, scale) },
        }
    }

    pub(super) fn sub_finite(&self, other: &Numeric) -> Numeric {
        self.add_finite(&other.negate())
    }

    /// The exact product.
    pub(super) fn mul_finite(&self, other: &Numeric) -> Numeric {
        let scale = self.scale + other.scale;
        let (short, long) =
            if self.digits.len() <= other.digits.len() { (self, other) } else { (other, self) };
        if short.digits.is_empty() {
            return Numeric::zero(scale);
        }
        let sign = if self.sign == other.sign { Sign::Positive } else { Sign::Negative };
        // Each cell sums at most 2^17 products below 10^8: no carry is needed before the end.
        let mut cells: smallvec::SmallVec<[u64; 16]> = smallvec![0; short.digits.len() + long.digits.len()];
        for (i, &a) in short.digits.iter().enumerate() {
            for (cell, &b) in cells[i + 1..].iter_mut().zip(&long.digits) {
                *cell += u64::from(a) * u64::from(b);
            }
        }
        let mut carry = 0;
        let mut digits: Digits = smallvec![0; cells.len()];
        for (digit, cell) in digits.iter_mut().zip(&cells).rev() {
            let value = cell + carry;
            *digit = (value % u64::from(BASE)) as u16;
            carry = value / u64::from(BASE);
        }
        Numeric::new(sign, self.weight + other.weight + 1, scale, digits)
    }

    /// Product rounded to a scale.
    pub(super) fn mul_rounded(&self, other: &Numeric, scale: i32) -> Numeric {
        let mut product = self.mul_finite(other);
        product.round_to(scale);
        product
    }

    /// Quotient with the given scale, rounded or truncated; the divisor is not zero.
    pub(super) fn div_finite(&self, other: &Numeric, scale: i32, round: bool) -> Numeric {
        if self.digits.is_empty() {
            return Numeric::zero(scale);
        }
        let sign = if self.sign == other.sign { Sign::Positive } else { Sign::Negative };
        let weight = self.weight - other.weight;
        // One digit more than the scale needs, so that rounding sees what follows.
        let fraction = (scale + DIGIT_WIDTH - 1).div_euclid(DIGIT_WIDTH) + 1;
        let count = weight + 1 + fraction;
        if count <= 0 {
            return Numeric::zero(scale);
        }
        let count = count as usize;
        let digits = divide_magnitudes(&self.digits, &other.digits, count);
        let mut quotient = Numeric::new(sign, weight, scale, digits);
        if round {
            quotient.round_to(scale);
        } else {
            quotient.trunc_to(scale);
        }
        quotient
    }

    /// Multiplies by a power of 10000.
    pub(super) fn shifted(mut self, digits: i32) -> Numeric {
        if !self.digits.is_empty() {
            self.weight += digits;
        }
        self
    }
}

fn add_magnitudes(a: &Numeric, b: &Numeric, scale: i32) -> Numeric {
    let low = a.low_exponent().min(b.low_exponent());
    let weight = a.weight.max(b.weight) + 1;
    let mut digits: Digits = smallvec![0; (weight - low + 1) as usize];
    let mut add = |number: &Numeric| {
        let mut i = (weight - number.low_exponent()) as usize;
        let mut carry = 0;
        for &digit in number.digits.iter().rev() {
            let sum = digits[i] + digit + carry;
            carry = u16::from(u32::from(sum) >= BASE);
            digits[i] = sum - carry * BASE as u16;
            i -= 1;
        }
        while carry > 0 {
            let sum = digits[i] + carry;
            carry = u16::from(u32::from(sum) >= BASE);
            digits[i] = sum - carry * BASE as u16;
            i = i.wrapping_sub(1);
        }
    };
    if !a.digits.is_empty() {
        add(a);
    }
    if !b.digits.is_empty() {
        add(b);
    }
    Numeric::new(Sign::Positive, weight, scale, digits)
}

/// |a| - |b| for |a| > |b|.
fn sub_magnitudes(a: &Numeric, b: &Numeric, scale: i32) -> Numeric {
    let low = if b.digits.is_empty() { a.low_exponent() } else { a.low_exponent().min(b.low_exponent()) };
    let weight = a.weight;
    let mut digits: Digits = a.digits.clone();
    digits.resize((weight - low + 1) as usize, 0);
    let mut borrow = 0;
    let mut subtract = |i: usize, amount: u16| {
        let wanted = amount + borrow;
        borrow = u16::from(digits[i] < wanted);
        digits[i] = digits[i] + borrow * BASE as u16 - wanted;
        borrow
    };
    if !b.digits.is_empty() {
        let last = (weight - b.low_exponent()) as usize;
        for (i, &digit) in b.digits.iter().rev().enumerate() {
            subtract(last - i, digit);
        }
        let mut i = (weight - b.weight) as usize;
        while i > 0 {
            i -= 1;
            if subtract(i, 0) == 0 {
                break;
            }
        }
    }
    Numeric::new(Sign::Positive, weight, scale, digits)
}

/// The first `count` digits of a / b, both read as fractions that start at the same weight.
fn divide_magnitudes(a: &[u16], b: &[u16], count: usize) -> Digits {
    let base = u64::from(BASE);
    let next = |i: usize| u64::from(a.get(i).copied().unwrap_or(0));
    if b.len() <= 3 {
        // The remainder stays below 10^12, so it fits 64 bits with one more digit.
        let divisor = b.iter().fold(0_u64, |value, &d| value * base + u64::from(d));
        let mut remainder = (0..b.len() - 1).fold(0_u64, |value, i| value * base + next(i));
        return (b.len() - 1..b.len() - 1 + count)
            .map(|i| {
                let dividend = remainder * base + next(i);
                remainder = dividend % divisor;
                (dividend / divisor) as u16
            })
            .collect();
    }
    // Knuth's algorithm D: with a divisor whose first digit is at least half the base, a quotient digit estimated
    // from the first digits is too large by at most two.
    let normalizer = BASE / (u32::from(b[0]) + 1);
    let scaled = |source: &mut dyn DoubleEndedIterator<Item = u16>| {
        let mut carry = 0;
        let mut digits: Vec<i64> = source
            .rev()
            .map(|digit| {
                let value = u32::from(digit) * normalizer + carry;
                carry = value / BASE;
                i64::from(value % BASE)
            })
            .collect();
        digits.push(i64::from(carry));
        digits.reverse();
        digits
    };
    let divisor = scaled(&mut b.iter().copied()).split_off(1);
    let mut dividend = scaled(&mut (0..count + b.len() - 1).map(|i| next(i) as u16));
    let base = i64::from(BASE);
    let mut quotient = Digits::with_capacity(count);
    for i in 0..count {
        let window = &mut dividend[i..=i + divisor.len()];
        let head = (window[0] * base + window[1]) * base + window[2];
        let mut digit = (head / (divisor[0] * base + divisor[1])).min(base - 1);
        let mut borrow = 0;
        if digit > 0 {
            for (place, &d) in window[1..].iter_mut().zip(&divisor).rev() {
                let value = *place - d * digit + borrow;
                borrow = value.div_euclid(base);
                *place = value.rem_euclid(base);
            }
            window[0] += borrow;
            while window[0] < 0 {
                digit -= 1;
                let mut carry = 0;
                for (place, &d) in window[1..].iter_mut().zip(&divisor).rev() {
                    let value = *place + d + carry;
                    carry = value / base;
                    *place = value % base;
                }
                window[0] += carry;
            }
        }
        quotient.push(digit as u16);
    }
    quotient
}
