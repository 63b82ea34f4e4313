//! Functions over numeric that need no more than the four operations.

use super::{DIGIT_WIDTH, Numeric, format_overflow};
use crate::integer::out_of_range;
use base::{Result, bail};
use std::cmp::Ordering;

impl Numeric {
    /// `sign`: -1, 0, 1 or NaN.
    pub fn sign_of(&self) -> Numeric {
        if self.is_nan() { Numeric::NAN } else { Numeric::from(i64::from(self.signum())) }
    }

    /// The smallest scale that shows every digit; `None` for special values.
    pub fn min_scale(&self) -> Option<i32> {
        if !self.is_finite() {
            return None;
        }
        let Some(&last) = self.digits.last() else { return Some(0) };
        let places = -self.low_exponent() * DIGIT_WIDTH;
        let zeros = (0..DIGIT_WIDTH).take_while(|&n| last % 10_u16.pow(n as u32 + 1) == 0).count() as i32;
        Some((places - zeros).max(0))
    }

    /// Without trailing zeros behind the point.
    pub fn trim_scale(&self) -> Numeric {
        match self.min_scale() {
            Some(scale) => Numeric { scale, ..self.clone() },
            None => self.clone(),
        }
    }

    /// Greatest common divisor. Errors: `22003`.
    pub fn gcd(&self, other: &Numeric) -> Result<Numeric> {
        if !self.is_finite() || !other.is_finite() {
            return Ok(Numeric::NAN);
        }
        let scale = self.scale.max(other.scale);
        let (mut a, mut b) = (self.abs(), other.abs());
        while !b.is_zero() {
            let remainder = a.modulo_finite(&b);
            (a, b) = (b, remainder);
        }
        a.scale = scale;
        a.checked()
    }

    /// Least common multiple. Errors: `22003`.
    pub fn lcm(&self, other: &Numeric) -> Result<Numeric> {
        if !self.is_finite() || !other.is_finite() {
            return Ok(Numeric::NAN);
        }
        let scale = self.scale.max(other.scale);
        if self.is_zero() || other.is_zero() {
            return Ok(Numeric::zero(scale));
        }
        let mut lcm = self.div_finite(&self.gcd(other)?, 0, false).mul_finite(other).abs();
        lcm.scale = scale;
        lcm.checked()
    }

    /// `factorial`. Errors: `22003`.
    pub fn factorial(n: i64) -> Result<Numeric> {
        if n < 0 {
            bail!(NUMERIC_VALUE_OUT_OF_RANGE, "factorial of a negative number is undefined");
        }
        if n > 32_177 {
            return Err(format_overflow());
        }
        Ok((2..=n).fold(Numeric::one(), |product, factor| product.mul_finite(&Numeric::from(factor))))
    }

    /// `width_bucket`. Errors: `2201G`, `22003`.
    pub fn width_bucket(&self, low: &Numeric, high: &Numeric, count: i32) -> Result<i32> {
        if count <= 0 {
            bail!(INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION, "count must be greater than zero");
        }
        if self.is_nan() || low.is_nan() || high.is_nan() {
            bail!(
                INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION,
                "operand, lower bound, and upper bound cannot be NaN"
            );
        }
        if low.is_infinite() || high.is_infinite() {
            bail!(INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION, "lower and upper bounds must be finite");
        }
        let direction = low.cmp(high);
        if direction == Ordering::Equal {
            bail!(INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION, "lower bound cannot equal upper bound");
        }
        if self.cmp(low) == direction {
            return Ok(0);
        }
        if self.cmp(high) != direction {
            return count.checked_add(1).ok_or_else(|| out_of_range("integer"));
        }
        let offset = self.sub_finite(low).mul_finite(&Numeric::from(count));
        let bucket = offset.div_finite(&high.sub_finite(low), 0, false).add_finite(&Numeric::one());
        bucket.to_int4()
    }

    /// Checks the arguments of generate_series.
    ///
    /// # Errors
    /// `22023`
    pub fn check_series(start: &Numeric, stop: &Numeric, step: &Numeric) -> Result<()> {
        for (name, value) in [("start value", start), ("stop value", stop), ("step size", step)] {
            if value.is_nan() {
                bail!(INVALID_PARAMETER_VALUE, "{name} cannot be NaN");
            }
            if value.is_infinite() {
                bail!(INVALID_PARAMETER_VALUE, "{name} cannot be infinity");
            }
        }
        if step.is_zero() {
            bail!(INVALID_PARAMETER_VALUE, "step size cannot equal zero");
        }
        Ok(())
    }

    /// Whether a series with this step still includes the value.
    pub fn series_includes(&self, stop: &Numeric, step: &Numeric) -> bool {
        if step.is_negative() { self >= stop } else { self <= stop }
    }

    /// One more (`numeric_inc`). Errors: `22003`.
    pub fn increment(&self) -> Result<Numeric> {
        if self.is_finite() { self.add(&Numeric::one()) } else { Ok(self.clone()) }
    }
}
