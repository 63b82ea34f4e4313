//! Functions over double precision, with PostgreSQL's domain errors and range checks.

use super::{overflow, underflow};
use base::{Error, Result, bail, err};

const RADIANS_PER_DEGREE: f64 = 0.017_453_292_519_943_295;

#[track_caller]
fn outside_domain() -> Error {
    err!(NUMERIC_VALUE_OUT_OF_RANGE, "input is out of range")
}

/// Refuses an infinity that was not among the arguments.
fn finite(result: f64, from_infinity: bool) -> Result<f64> {
    if result.is_infinite() && !from_infinity { Err(overflow()) } else { Ok(result) }
}

/// `dsqrt`. Errors: `2201F`.
pub fn sqrt(x: f64) -> Result<f64> {
    if x < 0.0 {
        bail!(INVALID_ARGUMENT_FOR_POWER_FUNCTION, "cannot take square root of a negative number");
    }
    Ok(x.sqrt())
}

/// `dcbrt`
pub fn cbrt(x: f64) -> f64 {
    x.cbrt()
}

/// `dpow`. Errors: `2201F`, `22003`.
pub fn power(x: f64, y: f64) -> Result<f64> {
    if x.is_nan() {
        return Ok(if y == 0.0 { 1.0 } else { x });
    }
    if y.is_nan() {
        return Ok(if x == 1.0 { 1.0 } else { y });
    }
    if x == 0.0 && y < 0.0 {
        bail!(INVALID_ARGUMENT_FOR_POWER_FUNCTION, "zero raised to a negative power is undefined");
    }
    if x < 0.0 && y.floor() != y {
        bail!(
            INVALID_ARGUMENT_FOR_POWER_FUNCTION,
            "a negative number raised to a non-integer power yields a complex result"
        );
    }
    let result = x.powf(y);
    if x.is_infinite() || y.is_infinite() {
        return Ok(result);
    }
    if result == 0.0 && x != 0.0 {
        return Err(underflow());
    }
    finite(result, false)
}

/// `dexp`. Errors: `22003`.
pub fn exp(x: f64) -> Result<f64> {
    let result = x.exp();
    if result == 0.0 && x.is_finite() {
        return Err(underflow());
    }
    finite(result, x.is_infinite())
}

/// `dgamma`. Errors: `22003`.
pub fn gamma(x: f64) -> Result<f64> {
    if x.is_nan() || x == f64::INFINITY {
        return Ok(x);
    }
    let result = libm::tgamma(x);
    if result == 0.0 {
        return Err(underflow());
    }
    // Its poles are NaN.
    if result.is_nan() { Err(overflow()) } else { finite(result, false) }
}

/// `dlgamma`. Errors: `22003`.
pub fn log_gamma(x: f64) -> Result<f64> {
    finite(libm::lgamma(x), x.is_infinite())
}

fn check_logarithm(x: f64) -> Result<()> {
    if x == 0.0 {
        bail!(INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of zero");
    }
    if x < 0.0 {
        bail!(INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of a negative number");
    }
    Ok(())
}

/// `dlog1`. Errors: `2201E`.
pub fn ln(x: f64) -> Result<f64> {
    check_logarithm(x)?;
    Ok(x.ln())
}

/// `dlog10`. Errors: `2201E`.
pub fn log10(x: f64) -> Result<f64> {
    check_logarithm(x)?;
    Ok(x.log10())
}

/// `dround`: half to even.
pub fn round(x: f64) -> f64 {
    x.round_ties_even()
}

/// `dsign`
pub fn sign(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        // Of NaN, too.
        0.0
    }
}

macro_rules! bounded_domain {
    ($($(#[$doc:meta])* $name:ident($x:ident) if $domain:expr => $result:expr;)*) => { $(
        $(#[$doc])*
        #[doc = " Errors: `22003` outside of its domain. NaN gives NaN."]
        pub fn $name($x: f64) -> Result<f64> {
            if $x.is_nan() {
                return Ok($x);
            }
            if $domain { Ok($result) } else { Err(outside_domain()) }
        }
    )* };
}

bounded_domain! {
    /// Arc cosine in radians.
    acos(x) if (-1.0..=1.0).contains(&x) => x.acos();
    /// Arc sine in radians.
    asin(x) if (-1.0..=1.0).contains(&x) => x.asin();
    /// Cosine of radians.
    cos(x) if !x.is_infinite() => x.cos();
    /// Sine of radians.
    sin(x) if !x.is_infinite() => x.sin();
    /// Tangent of radians.
    tan(x) if !x.is_infinite() => x.tan();
    /// Cotangent of radians.
    cot(x) if !x.is_infinite() => 1.0 / x.tan();
    /// Inverse hyperbolic cosine.
    acosh(x) if x >= 1.0 =>
        if x > 2.7e8 {
            x.ln() + std::f64::consts::LN_2
        } else if x > 2.0 {
            (2.0 * x - 1.0 / (x + (x * x - 1.0).sqrt())).ln()
        } else {
            let above = x - 1.0;
            (above + (2.0 * above + above * above).sqrt()).ln_1p()
        };
    /// Inverse hyperbolic tangent.
    atanh(x) if (-1.0..=1.0).contains(&x) => x.atanh();
    /// Arc cosine in degrees.
    acosd(x) if (-1.0..=1.0).contains(&x) =>
        if x >= 0.0 { acosd_first_quadrant(x) } else { 90.0 + asind_first_quadrant(-x) };
    /// Arc sine in degrees.
    asind(x) if (-1.0..=1.0).contains(&x) =>
        if x >= 0.0 { asind_first_quadrant(x) } else { -asind_first_quadrant(-x) };
    /// Cosine of degrees.
    cosd(x) if !x.is_infinite() => {
        let (angle, _, second) = first_quadrant(x);
        if second { -cosd_first_quadrant(angle) } else { cosd_first_quadrant(angle) }
    };
    /// Sine of degrees.
    sind(x) if !x.is_infinite() => {
        let (angle, lower, _) = first_quadrant(x);
        if lower { -sind_first_quadrant(angle) } else { sind_first_quadrant(angle) }
    };
    /// Tangent of degrees.
    tand(x) if !x.is_infinite() => {
        let (angle, lower, second) = first_quadrant(x);
        let tangent = |angle| sind_first_quadrant(angle) / cosd_first_quadrant(angle);
        without_negative_zero(if lower != second { -1.0 } else { 1.0 } * (tangent(angle) / tangent(45.0)))
    };
    /// Cotangent of degrees.
    cotd(x) if !x.is_infinite() => {
        let (angle, lower, second) = first_quadrant(x);
        let cotangent = |angle| cosd_first_quadrant(angle) / sind_first_quadrant(angle);
        without_negative_zero(if lower != second { -1.0 } else { 1.0 } * (cotangent(angle) / cotangent(45.0)))
    };
}

fn without_negative_zero(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x }
}

/// Arc tangent in radians.
pub fn atan(x: f64) -> f64 {
    x.atan()
}

/// Angle of (x, y) in radians.
pub fn atan2(y: f64, x: f64) -> f64 {
    y.atan2(x)
}

/// Arc tangent in degrees.
pub fn atand(x: f64) -> f64 {
    (x.atan() / 1.0_f64.atan()) * 45.0
}

/// Angle of (x, y) in degrees.
pub fn atan2d(y: f64, x: f64) -> f64 {
    (y.atan2(x) / 1.0_f64.atan()) * 45.0
}

/// `dsinh`: overflows to an infinity.
pub fn sinh(x: f64) -> f64 {
    x.sinh()
}

/// `dcosh`: overflows to an infinity.
pub fn cosh(x: f64) -> f64 {
    x.cosh()
}

/// `dtanh`
pub fn tanh(x: f64) -> f64 {
    x.tanh()
}

/// `dasinh`
pub fn asinh(x: f64) -> f64 {
    let magnitude = x.abs();
    if !x.is_finite() || magnitude < 3.7e-9 {
        return x;
    }
    let square = x * x;
    let result = if magnitude > 2.7e8 {
        magnitude.ln() + std::f64::consts::LN_2
    } else if magnitude > 2.0 {
        (2.0 * magnitude + 1.0 / ((square + 1.0).sqrt() + magnitude)).ln()
    } else {
        (magnitude + square / (1.0 + (1.0 + square).sqrt())).ln_1p()
    };
    result.copysign(x)
}

/// Radians to degrees. Errors: `22003`.
pub fn degrees(x: f64) -> Result<f64> {
    super::float8_div(x, RADIANS_PER_DEGREE)
}

/// Degrees to radians. Errors: `22003`.
pub fn radians(x: f64) -> Result<f64> {
    super::float8_mul(x, RADIANS_PER_DEGREE)
}

// The degree functions are exact at multiples of 30 and 45 degrees: each scales by its own value at such a point.

/// The mirror image of an angle in 0..=90, whether it was in the lower half turn, and whether it was nearer to the
/// negative x axis.
fn first_quadrant(x: f64) -> (f64, bool, bool) {
    let mut angle = x % 360.0;
    let mut lower = false;
    if angle < 0.0 {
        angle = -angle;
        lower = true;
    }
    if angle > 180.0 {
        angle = 360.0 - angle;
        lower = !lower;
    }
    if angle > 90.0 { (180.0 - angle, lower, true) } else { (angle, lower, false) }
}

fn sind_to_30(x: f64) -> f64 {
    ((x * RADIANS_PER_DEGREE).sin() / (30.0 * RADIANS_PER_DEGREE).sin()) / 2.0
}

fn cosd_to_60(x: f64) -> f64 {
    let scale = 1.0 - (60.0 * RADIANS_PER_DEGREE).cos();
    1.0 - ((1.0 - (x * RADIANS_PER_DEGREE).cos()) / scale) / 2.0
}

fn sind_first_quadrant(x: f64) -> f64 {
    if x <= 30.0 { sind_to_30(x) } else { cosd_to_60(90.0 - x) }
}

fn cosd_first_quadrant(x: f64) -> f64 {
    if x <= 60.0 { cosd_to_60(x) } else { sind_to_30(90.0 - x) }
}

fn asind_first_quadrant(x: f64) -> f64 {
    if x <= 0.5 { (x.asin() / 0.5_f64.asin()) * 30.0 } else { 90.0 - (x.acos() / 0.5_f64.acos()) * 60.0 }
}

fn acosd_first_quadrant(x: f64) -> f64 {
    if x <= 0.5 { 90.0 - (x.asin() / 0.5_f64.asin()) * 30.0 } else { (x.acos() / 0.5_f64.acos()) * 60.0 }
}

/// `width_bucket` over double precision. Errors: `2201G`, `22003`.
pub fn width_bucket(operand: f64, low: f64, high: f64, count: i32) -> Result<i32> {
    if count <= 0 {
        bail!(INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION, "count must be greater than zero");
    }
    if operand.is_nan() || low.is_nan() || high.is_nan() {
        bail!(
            INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION,
            "operand, lower bound, and upper bound cannot be NaN"
        );
    }
    if low.is_infinite() || high.is_infinite() {
        bail!(INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION, "lower and upper bounds must be finite");
    }
    if low == high {
        bail!(INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION, "lower bound cannot equal upper bound");
    }
    let (before, past) =
        if low < high { (operand < low, operand >= high) } else { (operand > low, operand <= high) };
    if before {
        return Ok(0);
    }
    if past {
        return count.checked_add(1).ok_or_else(|| crate::integer::out_of_range("integer"));
    }
    // Halved where the range itself would overflow.
    let fraction = if (high - low).is_finite() {
        (operand - low) / (high - low)
    } else {
        (operand / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0)
    };
    Ok(((f64::from(count) * fraction) as i32).min(count - 1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_exact() {
        assert_eq!(sind(30.0).unwrap(), 0.5);
        assert_eq!(cosd(120.0).unwrap(), -0.5);
        assert_eq!(tand(225.0).unwrap(), 1.0);
        assert_eq!(cotd(-45.0).unwrap(), -1.0);
        assert_eq!(asind(-0.5).unwrap(), -30.0);
        assert_eq!(acosd(-1.0).unwrap(), 180.0);
        assert_eq!(atand(1.0), 45.0);
    }

    #[test]
    fn domains() {
        assert_eq!(power(0.0, -1.0).unwrap_err().message(), "zero raised to a negative power is undefined");
        assert_eq!(exp(1000.0).unwrap_err().message(), "value out of range: overflow");
        assert_eq!(exp(-1000.0).unwrap_err().message(), "value out of range: underflow");
        assert_eq!(ln(0.0).unwrap_err().message(), "cannot take logarithm of zero");
        assert_eq!(sin(f64::INFINITY).unwrap_err().message(), "input is out of range");
        assert_eq!(width_bucket(5.35, 0.024, 10.06, 5).unwrap(), 3);
    }
}
