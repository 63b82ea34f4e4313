//! Casts between numeric and the other number types.

use super::{DIGIT_WIDTH, Numeric, Sign};
use crate::float;
use crate::integer::out_of_range;
use base::{Error, Result, bail};

impl From<i64> for Numeric {
    fn from(value: i64) -> Numeric {
        Numeric::from_units(i128::from(value), 0, 0)
    }
}

impl From<i128> for Numeric {
    fn from(value: i128) -> Numeric {
        Numeric::from_units(value, 0, 0)
    }
}

impl From<i32> for Numeric {
    fn from(value: i32) -> Numeric {
        Numeric::from(i64::from(value))
    }
}

impl From<i16> for Numeric {
    fn from(value: i16) -> Numeric {
        Numeric::from(i64::from(value))
    }
}

impl Numeric {
    /// `value` / 10^`scale`, shown with that scale (`int64_div_fast_to_numeric`).
    pub fn from_scaled(value: impl Into<i128>, scale: i32) -> Numeric {
        let scale = scale.max(0);
        let low = -((scale + DIGIT_WIDTH - 1) / DIGIT_WIDTH);
        let padding = (-low * DIGIT_WIDTH - scale) as u32;
        Numeric::from_units(value.into() * 10_i128.pow(padding), low, scale)
    }

    /// `float8_numeric`: 15 significant digits.
    pub fn from_float8(value: f64) -> Numeric {
        Numeric::from_float_text(&float::format_float8(value, 0))
    }

    /// `float4_numeric`: 6 significant digits.
    pub fn from_float4(value: f32) -> Numeric {
        Numeric::from_float_text(&float::format_float4(value, 0))
    }

    fn from_float_text(text: &str) -> Numeric {
        Numeric::parse(text).expect("a printed float is a number within numeric's range")
    }

    /// `numeric_float8`. Errors: `22003`.
    pub fn to_float8(&self) -> Result<f64> {
        match self.sign {
            Sign::NaN => return Ok(f64::NAN),
            Sign::Infinity => return Ok(f64::INFINITY),
            Sign::NegativeInfinity => return Ok(f64::NEG_INFINITY),
            _ => {}
        }
        if let Some(value) = self.exact_float8() {
            return Ok(value);
        }
        float::parse_float8(&self.to_string())
    }

    /// A correctly rounded quotient of two integers that are both exact in binary.
    fn exact_float8(&self) -> Option<f64> {
        if self.digits.len() > 3 || self.weight > 2 || self.low_exponent() < -5 {
            return None;
        }
        let units = self.digits.iter().fold(0_i64, |value, &d| value * 10_000 + i64::from(d));
        let low = self.low_exponent();
        let power = 10_000_f64.powi(low.abs());
        let magnitude = if low < 0 { units as f64 / power } else { units as f64 * power };
        Some(if self.sign == Sign::Negative { -magnitude } else { magnitude })
    }

    /// `numeric_float4`. Errors: `22003`.
    pub fn to_float4(&self) -> Result<f32> {
        if !self.is_finite() {
            return Ok(self.to_float8()? as f32);
        }
        float::parse_float4(&self.to_string())
    }

    /// A double near the value, infinite where it is too large: for estimates.
    pub(super) fn to_float8_lossy(&self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// Rounded to an integer, when it fits.
    pub fn to_i128(&self) -> Option<i128> {
        if !self.is_finite() {
            return None;
        }
        let mut whole = self.clone();
        whole.round_to(0);
        if whole.weight > 9 {
            return None;
        }
        let mut value = 0_i128;
        for power in (0..=whole.weight).rev() {
            let digit = whole.digits.get((whole.weight - power) as usize).copied().unwrap_or(0);
            value = value.checked_mul(10_000)?.checked_sub(i128::from(digit))?;
        }
        if whole.sign == Sign::Negative { Some(value) } else { value.checked_neg() }
    }

    fn to_integer<T: TryFrom<i128>>(&self, type_name: &str) -> Result<T> {
        if self.is_nan() {
            bail!(FEATURE_NOT_SUPPORTED, "cannot convert NaN to {type_name}");
        }
        if self.is_infinite() {
            bail!(FEATURE_NOT_SUPPORTED, "cannot convert infinity to {type_name}");
        }
        let value = self.to_i128().ok_or_else(|| out_of_range(type_name))?;
        T::try_from(value).map_err(|_| -> Error { out_of_range(type_name) })
    }

    /// Rounds half away from zero. Errors: `22003`, `0A000` for special values.
    pub fn to_int2(&self) -> Result<i16> {
        self.to_integer("smallint")
    }

    /// Rounds half away from zero. Errors: `22003`, `0A000` for special values.
    pub fn to_int4(&self) -> Result<i32> {
        self.to_integer("integer")
    }

    /// Rounds half away from zero. Errors: `22003`, `0A000` for special values.
    pub fn to_int8(&self) -> Result<i64> {
        self.to_integer("bigint")
    }
}
