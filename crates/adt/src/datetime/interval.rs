//! Intervals: months, days and microseconds that are kept apart, and their arithmetic.

use super::*;
use base::{Result, bail};
use std::cmp::Ordering;

/// A span of time. All fields at their minimum or maximum stand for minus and plus infinity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    pub micros: i64,
    pub days: i32,
    pub months: i32,
}

impl Interval {
    pub const NOBEGIN: Interval = Interval { micros: i64::MIN, days: i32::MIN, months: i32::MIN };
    pub const NOEND: Interval = Interval { micros: i64::MAX, days: i32::MAX, months: i32::MAX };

    pub fn new(months: i32, days: i32, micros: i64) -> Interval {
        Interval { micros, days, months }
    }

    pub fn is_finite(&self) -> bool {
        *self != Interval::NOBEGIN && *self != Interval::NOEND
    }

    /// Itself, unless it has come to be one of the infinities.
    ///
    /// # Errors
    /// `22008`
    pub(super) fn finite(self) -> Result<Interval> {
        if self.is_finite() { Ok(self) } else { Err(interval_out_of_range()) }
    }

    fn checked(months: Option<i32>, days: Option<i32>, micros: Option<i64>) -> Result<Interval> {
        match (months, days, micros) {
            (Some(months), Some(days), Some(micros)) => Interval { micros, days, months }.finite(),
            _ => Err(interval_out_of_range()),
        }
    }

    /// The length in microseconds, with months of 30 days: what intervals are compared and hashed by.
    pub fn span(&self) -> i128 {
        let days = i128::from(self.days) + i128::from(self.months) * i128::from(DAYS_PER_MONTH);
        i128::from(self.micros) + days * i128::from(USECS_PER_DAY)
    }

    /// Orders intervals by [`Interval::span`].
    pub fn compare(&self, other: &Interval) -> Ordering {
        self.span().cmp(&other.span())
    }

    /// # Errors
    /// `22008`
    pub fn negate(&self) -> Result<Interval> {
        match *self {
            Interval::NOBEGIN => Ok(Interval::NOEND),
            Interval::NOEND => Ok(Interval::NOBEGIN),
            Interval { micros, days, months } => {
                Interval::checked(months.checked_neg(), days.checked_neg(), micros.checked_neg())
            }
        }
    }

    /// # Errors
    /// `22008`, also for infinities of opposite sign.
    pub fn add(&self, other: &Interval) -> Result<Interval> {
        match (self.is_finite(), other.is_finite()) {
            (false, false) if self != other => Err(interval_out_of_range()),
            (false, _) => Ok(*self),
            (_, false) => Ok(*other),
            _ => Interval::checked(
                self.months.checked_add(other.months),
                self.days.checked_add(other.days),
                self.micros.checked_add(other.micros),
            ),
        }
    }

    /// # Errors
    /// `22008`, also for equal infinities.
    pub fn subtract(&self, other: &Interval) -> Result<Interval> {
        match (self.is_finite(), other.is_finite()) {
            (false, false) if self == other => Err(interval_out_of_range()),
            (false, _) => Ok(*self),
            (_, false) => other.negate(),
            _ => Interval::checked(
                self.months.checked_sub(other.months),
                self.days.checked_sub(other.days),
                self.micros.checked_sub(other.micros),
            ),
        }
    }

    /// # Errors
    /// `22008`
    pub fn multiply(&self, factor: f64) -> Result<Interval> {
        if factor.is_nan() {
            return Err(interval_out_of_range());
        }
        if !self.is_finite() {
            return match factor {
                0.0 => Err(interval_out_of_range()),
                _ if factor < 0.0 => self.negate(),
                _ => Ok(*self),
            };
        }
        if factor.is_infinite() {
            return match self.span().signum() {
                0 => Err(interval_out_of_range()),
                sign if (sign < 0) != (factor < 0.0) => Ok(Interval::NOBEGIN),
                _ => Ok(Interval::NOEND),
            };
        }
        let months = f64::from(self.months) * factor;
        let days = f64::from(self.days) * factor;
        from_fractions(months, days, self.micros as f64 * factor)
    }

    /// # Errors
    /// `22012`, `22008`
    pub fn divide(&self, divisor: f64) -> Result<Interval> {
        if divisor == 0.0 {
            bail!(DIVISION_BY_ZERO, "division by zero");
        }
        if divisor.is_nan() {
            return Err(interval_out_of_range());
        }
        if !self.is_finite() {
            return match divisor {
                _ if divisor.is_infinite() => Err(interval_out_of_range()),
                _ if divisor < 0.0 => self.negate(),
                _ => Ok(*self),
            };
        }
        let months = f64::from(self.months) / divisor;
        let days = f64::from(self.days) / divisor;
        from_fractions(months, days, self.micros as f64 / divisor)
    }
}

fn to_i32(value: f64) -> Result<i32> {
    if value > -2_147_483_649.0 && value < 2_147_483_648.0 {
        Ok(value as i32)
    } else {
        Err(interval_out_of_range())
    }
}

/// Rounds to microseconds, to hide that most fractions have no exact double.
fn round_to_micros(value: f64) -> f64 {
    (value * 1e6).round_ties_even() / 1e6
}

/// Lets the fraction of a month run over into days, and that of a day into the time.
fn from_fractions(months: f64, days: f64, micros: f64) -> Result<Interval> {
    let whole_months = to_i32(months)?;
    let whole_days = to_i32(days)?;
    let days_of_months = round_to_micros((months - f64::from(whole_months)) * f64::from(DAYS_PER_MONTH));
    let day_fraction = days - f64::from(whole_days) + days_of_months - days_of_months.trunc();
    let mut secs = round_to_micros(day_fraction * SECS_PER_DAY as f64);
    let mut total_days = Some(whole_days);
    if secs.abs() >= SECS_PER_DAY as f64 {
        let carried = (secs / SECS_PER_DAY as f64).trunc();
        total_days = whole_days.checked_add(carried as i32);
        secs -= carried * SECS_PER_DAY as f64;
    }
    let total_days = total_days.and_then(|days| days.checked_add(days_of_months as i32));
    let micros = (micros + secs * USECS_PER_SEC as f64).round_ties_even();
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&micros);
    Interval::checked(Some(whole_months), total_days, fits.then_some(micros as i64))
}
