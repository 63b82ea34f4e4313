//! Roots, exponentials and logarithms.
//!
//! Each result has the scale that PostgreSQL chooses for it; inside, a few more digits are carried than that scale
//! needs, so that the last digit shown is rounded from a value that is right well beyond it.

use super::{
    DIGIT_WIDTH, MAX_DISPLAY_SCALE, MAX_RESULT_SCALE, MAX_WEIGHT, MIN_SIGNIFICANT, Numeric, Sign,
    format_overflow,
};
use crate::integer::division_by_zero;
use base::{Result, bail};

/// Decimal digits carried beyond those asked for.
const GUARD: i32 = 12;

/// log10(e)
const LOG10_E: f64 = std::f64::consts::LOG10_E;

fn choose_scale(wanted: i32, operands: &[&Numeric]) -> i32 {
    operands.iter().fold(wanted, |scale, number| scale.max(number.scale)).clamp(0, MAX_DISPLAY_SCALE)
}

impl Numeric {
    /// Square root. Errors: `2201F`.
    pub fn sqrt(&self) -> Result<Numeric> {
        if self.is_negative() {
            bail!(INVALID_ARGUMENT_FOR_POWER_FUNCTION, "cannot take square root of a negative number");
        }
        if !self.is_finite() {
            return Ok(self.clone());
        }
        let significant = self.weight * DIGIT_WIDTH / 2 + 1;
        self.sqrt_finite(choose_scale(MIN_SIGNIFICANT - significant, &[self])).checked()
    }

    /// Newton's iteration x = (x + a/x) / 2, with a precision that doubles each time.
    pub(super) fn sqrt_finite(&self, scale: i32) -> Numeric {
        if self.digits.is_empty() {
            return Numeric::zero(scale);
        }
        // An even power of 10000 is taken out, so that a double can give the first 15 digits.
        let shift = self.weight.div_euclid(2);
        let mut scaled = self.clone().shifted(-2 * shift);
        scaled.scale += (2 * shift * DIGIT_WIDTH).max(0);
        let wanted = (scale + shift * DIGIT_WIDTH).max(0) + GUARD;
        let mut root = Numeric::from_float8(scaled.to_float8_lossy().sqrt());
        let half = Numeric::from_scaled(5, 1);
        let mut precise = 14;
        loop {
            precise = (precise * 2 - 2).min(wanted);
            let quotient = scaled.div_finite(&root, precise + 4, true);
            root = root.add_finite(&quotient).mul_rounded(&half, precise + 4);
            if precise == wanted {
                break;
            }
        }
        // The double may have been a digit short.
        let quotient = scaled.div_finite(&root, wanted, true);
        root = root.add_finite(&quotient).mul_rounded(&half, wanted).shifted(shift);
        root.round_to(scale);
        root
    }

    /// e to this power. Errors: `22003`.
    pub fn exp(&self) -> Result<Numeric> {
        match self.sign {
            Sign::NegativeInfinity => return Ok(Numeric::ZERO),
            Sign::NaN | Sign::Infinity => return Ok(self.clone()),
            _ => {}
        }
        let limit = f64::from(MAX_RESULT_SCALE);
        let decimals = (self.to_float8_lossy() * LOG10_E).clamp(-limit, limit) as i32;
        self.exp_finite(choose_scale(MIN_SIGNIFICANT - decimals, &[self]))?.checked()
    }

    /// Halves the argument until its Taylor series converges quickly, then squares the result as often.
    fn exp_finite(&self, scale: i32) -> Result<Numeric> {
        let estimate = self.to_float8_lossy();
        if estimate.abs() >= f64::from(MAX_RESULT_SCALE * 3) {
            if estimate > 0.0 {
                return Err(format_overflow());
            }
            return Ok(Numeric::zero(scale));
        }
        let decimals = (estimate * LOG10_E) as i32;
        let mut halvings = 0;
        let mut size = estimate.abs();
        while size > 0.01 {
            halvings += 1;
            size /= 2.0;
        }
        let significant = (1 + decimals + scale).max(0) + GUARD + halvings / 2;
        let divisor = Numeric::from(1_i64 << halvings);
        let argument = self.div_finite(&divisor, significant + halvings, true);
        let precision = significant + halvings / 3 + 2;
        let mut sum = Numeric::one().add_finite(&argument);
        let mut term = argument.clone();
        let mut n = 2_i64;
        loop {
            term =
                term.mul_rounded(&argument, precision + 4).div_finite(&Numeric::from(n), precision + 4, true);
            if term.is_zero() {
                break;
            }
            sum = sum.add_finite(&term);
            n += 1;
        }
        for _ in 0..halvings {
            let places = (significant - 2 * sum.weight * DIGIT_WIDTH + 8).max(0);
            sum = sum.mul_rounded(&sum, places);
        }
        sum.round_to(scale);
        Ok(sum)
    }

    /// Decimal weight of the natural logarithm's first digit, estimated.
    fn ln_weight(&self) -> i32 {
        if self.sign != Sign::Positive || self.digits.is_empty() {
            return 0;
        }
        let one = Numeric::one();
        if *self >= Numeric::from_scaled(9, 1) && *self <= Numeric::from_scaled(11, 1) {
            let distance = self.sub_finite(&one);
            return match distance.digits.first() {
                Some(&digit) => distance.weight * DIGIT_WIDTH + f64::from(digit).log10() as i32,
                None => 0,
            };
        }
        let mut digits = f64::from(self.digits[0]);
        let mut power = self.weight * DIGIT_WIDTH;
        if let Some(&second) = self.digits.get(1) {
            digits = digits * 10_000.0 + f64::from(second);
            power -= DIGIT_WIDTH;
        }
        let ln = digits.ln() + f64::from(power) * std::f64::consts::LN_10;
        ln.abs().log10() as i32
    }

    fn check_logarithm(&self) -> Result<()> {
        if self.is_negative() {
            bail!(INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of a negative number");
        }
        if self.is_zero() {
            bail!(INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of zero");
        }
        Ok(())
    }

    /// Natural logarithm. Errors: `2201E`.
    pub fn ln(&self) -> Result<Numeric> {
        if self.is_nan() {
            return Ok(Numeric::NAN);
        }
        self.check_logarithm()?;
        if !self.is_finite() {
            return Ok(self.clone());
        }
        self.ln_finite(choose_scale(MIN_SIGNIFICANT - self.ln_weight(), &[self])).checked()
    }

    /// Takes square roots until the number is near one, then sums ln(x) = 2 artanh((x - 1) / (x + 1)).
    fn ln_finite(&self, scale: i32) -> Numeric {
        let scale = scale.max(0);
        let one = Numeric::one();
        let (low, high) = (Numeric::from_scaled(9, 1), Numeric::from_scaled(11, 1));
        // A number of n digits needs about log2(2.3 n / 0.1) roots, each of which doubles the error that follows.
        let precision = scale + GUARD + 8;
        let mut x = self.clone();
        let mut factor = Numeric::from(2_i64);
        let two = Numeric::from(2_i64);
        while x <= low || x >= high {
            let places = precision - x.weight * DIGIT_WIDTH / 2;
            x = x.sqrt_finite(places.max(precision));
            factor = factor.mul_finite(&two);
        }
        let ratio = x.sub_finite(&one).div_finite(&x.add_finite(&one), precision, true);
        let square = ratio.mul_rounded(&ratio, precision);
        let mut sum = ratio.clone();
        let mut power = ratio;
        let mut n = 3_i64;
        loop {
            power = power.mul_rounded(&square, precision);
            let term = power.div_finite(&Numeric::from(n), precision, true);
            if term.is_zero() {
                break;
            }
            sum = sum.add_finite(&term);
            n += 2;
        }
        sum.mul_rounded(&factor, scale)
    }

    /// Logarithm of `self` to the given base. Errors: `2201E`, `22012`.
    pub fn log(&self, base: &Numeric) -> Result<Numeric> {
        if self.is_nan() || base.is_nan() {
            return Ok(Numeric::NAN);
        }
        if base.is_negative() || self.is_negative() {
            bail!(INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of a negative number");
        }
        base.check_logarithm()?;
        self.check_logarithm()?;
        match (base.is_infinite(), self.is_infinite()) {
            (true, true) => return Ok(Numeric::NAN),
            (true, false) => return Ok(Numeric::ZERO),
            (false, true) => return Ok(Numeric::INFINITY),
            (false, false) => {}
        }
        let (base_weight, number_weight) = (base.ln_weight(), self.ln_weight());
        let weight = number_weight - base_weight;
        let scale = choose_scale(MIN_SIGNIFICANT - weight, &[base, self]);
        let divisor = base.ln_finite((scale + weight - base_weight).max(0) + GUARD);
        let dividend = self.ln_finite((scale + weight - number_weight).max(0) + GUARD);
        if divisor.is_zero() {
            return Err(division_by_zero());
        }
        dividend.div_finite(&divisor, scale, true).checked()
    }

    /// `self` to a power. Errors: `2201F`, `22003`, `22012`.
    pub fn power(&self, exponent: &Numeric) -> Result<Numeric> {
        if !self.is_finite() || !exponent.is_finite() {
            return self.power_special(exponent);
        }
        if self.is_zero() && exponent.is_negative() {
            bail!(INVALID_ARGUMENT_FOR_POWER_FUNCTION, "zero raised to a negative power is undefined");
        }
        self.power_finite(exponent)?.checked()
    }

    fn power_special(&self, exponent: &Numeric) -> Result<Numeric> {
        let one = Numeric::one();
        if self.is_nan() || exponent.is_nan() {
            return Ok(if exponent.is_zero() || *self == one { one } else { Numeric::NAN });
        }
        if self.is_zero() && exponent.is_negative() {
            bail!(INVALID_ARGUMENT_FOR_POWER_FUNCTION, "zero raised to a negative power is undefined");
        }
        if self.is_negative() && exponent.is_finite() && !exponent.is_integral() {
            bail!(
                INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                "a negative number raised to a non-integer power yields a complex result"
            );
        }
        if *self == one || exponent.is_zero() {
            return Ok(one);
        }
        if self.is_zero() {
            return Ok(Numeric::ZERO);
        }
        if exponent.is_infinite() {
            let magnitude = self.abs();
            if magnitude == one {
                return Ok(one);
            }
            let grows = (magnitude > one) != exponent.is_negative();
            return Ok(if grows { Numeric::INFINITY } else { Numeric::ZERO });
        }
        if exponent.is_negative() {
            return Ok(Numeric::ZERO);
        }
        Ok(if self.is_negative() && exponent.is_odd() {
            Numeric::NEGATIVE_INFINITY
        } else {
            Numeric::INFINITY
        })
    }

    /// An integer whose last digit is odd.
    fn is_odd(&self) -> bool {
        self.digits.len() as i32 == self.weight + 1 && self.digits.last().is_some_and(|digit| digit % 2 == 1)
    }

    fn power_finite(&self, exponent: &Numeric) -> Result<Numeric> {
        if exponent.is_integral()
            && let Ok(n) = exponent.to_int4()
        {
            return self.power_integer(n, exponent.scale);
        }
        if self.is_zero() {
            return Ok(Numeric::zero(MIN_SIGNIFICANT));
        }
        if self.is_negative() && !exponent.is_integral() {
            bail!(
                INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                "a negative number raised to a non-integer power yields a complex result"
            );
        }
        let negative = self.is_negative() && exponent.is_odd();
        let magnitude = self.abs();
        let weight = magnitude.ln_weight();
        let rough = magnitude.ln_finite((8 - weight).max(0));
        let estimate = rough.to_float8_lossy() * exponent.to_float8_lossy();
        if estimate.abs() > f64::from(MAX_RESULT_SCALE) * 3.01 {
            if estimate > 0.0 {
                return Err(format_overflow());
            }
            return Ok(Numeric::zero(MAX_DISPLAY_SCALE));
        }
        let decimals = (estimate * LOG10_E) as i32;
        let scale = choose_scale(MIN_SIGNIFICANT - decimals, &[&magnitude, exponent]);
        let significant = (scale + decimals).max(0);
        let places = (significant - weight).max(0) + GUARD + exponent.integer_digits().max(0);
        let logarithm = magnitude.ln_finite(places).mul_rounded(exponent, places);
        let mut result = logarithm.exp_finite(scale)?;
        if negative && !result.is_zero() {
            result.sign = Sign::Negative;
        }
        Ok(result)
    }

    /// Decimal exponent of a power, estimated.
    fn power_decimals(&self, exponent: i32) -> f64 {
        let Some(&first) = self.digits.first() else { return 0.0 };
        let mut digits = f64::from(first);
        let mut power = self.weight * DIGIT_WIDTH;
        for &digit in self.digits.iter().skip(1).take(3) {
            digits = digits * 10_000.0 + f64::from(digit);
            power -= DIGIT_WIDTH;
        }
        f64::from(exponent) * (digits.log10() + f64::from(power))
    }

    /// Repeated squaring, with as many digits as the result shows.
    fn power_integer(&self, exponent: i32, exponent_scale: i32) -> Result<Numeric> {
        let decimals = self.power_decimals(exponent);
        if decimals > f64::from((MAX_WEIGHT + 1) * DIGIT_WIDTH) {
            return Err(format_overflow());
        }
        if decimals + 1.0 < -f64::from(MAX_DISPLAY_SCALE) {
            return Ok(Numeric::zero(MAX_DISPLAY_SCALE));
        }
        let scale = choose_scale((MIN_SIGNIFICANT - decimals as i32).max(exponent_scale), &[self]);
        match exponent {
            0 => return Ok(Numeric { scale, ..Numeric::one() }),
            1 => {
                let mut result = self.clone();
                result.round_to(scale);
                return Ok(result);
            }
            -1 => return Ok(Numeric::one().div_finite(self, scale, true)),
            2 => return Ok(self.mul_rounded(self, scale)),
            _ => {}
        }
        if self.digits.is_empty() {
            return if exponent < 0 { Err(division_by_zero()) } else { Ok(Numeric::zero(scale)) };
        }
        let significant =
            1 + scale + decimals as i32 + f64::from(exponent).abs().ln() as i32 + 8 + DIGIT_WIDTH;
        let product = |a: &Numeric, b: &Numeric| {
            let places = (significant - (a.weight + b.weight) * DIGIT_WIDTH).min(a.scale + b.scale).max(0);
            a.mul_rounded(b, places)
        };
        let mut mask = exponent.unsigned_abs();
        let mut square = self.clone();
        let mut result = if mask & 1 == 1 { self.clone() } else { Numeric::one() };
        mask >>= 1;
        while mask > 0 {
            square = product(&square, &square);
            if mask & 1 == 1 {
                result = product(&square, &result);
            }
            if square.weight > MAX_WEIGHT || result.weight > MAX_WEIGHT {
                return if exponent < 0 { Ok(Numeric::zero(scale)) } else { Err(format_overflow()) };
            }
            mask >>= 1;
        }
        if exponent < 0 {
            if result.is_zero() {
                return Err(format_overflow());
            }
            return Ok(Numeric::one().div_finite(&result, scale, true));
        }
        result.round_to(scale);
        Ok(result)
    }
}
