//! Values made of their parts: `make_date` and its kin, and `to_timestamp`.

use super::calendar::days_in_month;
use super::decode_time::{displacement, time_overflows};
use super::*;
use base::{Result, bail};

/// A double as C's `%g` shows it, with at least `width` characters, zero-padded.
fn general(value: f64, width: usize) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "nan".into() } else { if value > 0.0 { "inf" } else { "-inf" }.into() };
    }
    let scientific = format!("{value:.5e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text.to_string(),
    };
    let text = if (-4..6).contains(&exponent) {
        trim(&format!("{value:.*}", (5 - exponent) as usize))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trim(mantissa), exponent.abs())
    };
    format!("{text:0>width$}")
}

/// Fields of a date; a negative year is BC.
fn check_date(year: i32, month: i32, day: i32) -> Result<Civil> {
    let mut civil = Civil { year, month, day, ..Civil::default() };
    if year < 0 {
        civil.year = year.wrapping_neg().wrapping_sub(1).wrapping_neg();
    }
    let valid = year != 0
        && year != i32::MIN
        && (1..=12).contains(&month)
        && day >= 1
        && day <= days_in_month(civil.year, month);
    if !valid {
        bail!(DATETIME_FIELD_OVERFLOW, "date field value out of range: {year}-{month:02}-{day:02}");
    }
    if !civil.is_valid_julian() {
        bail!(DATETIME_VALUE_OUT_OF_RANGE, "date out of range: {year}-{month:02}-{day:02}");
    }
    Ok(civil)
}

/// # Errors
/// `22008`
pub fn make_date(year: i32, month: i32, day: i32) -> Result<Date> {
    let date = check_date(year, month, day)?.julian_day().wrapping_sub(EPOCH_JULIAN);
    if !is_valid_date(date) {
        bail!(DATETIME_VALUE_OUT_OF_RANGE, "date out of range: {year}-{month:02}-{day:02}");
    }
    Ok(date)
}

/// # Errors
/// `22008`
pub fn make_time(hour: i32, minute: i32, second: f64) -> Result<Time> {
    let micros = (second * USECS_PER_SEC as f64).round_ties_even();
    let whole = (micros / USECS_PER_SEC as f64).trunc();
    let in_range = micros.is_finite() && (0.0..=60.0).contains(&whole) && micros >= 0.0;
    let fraction = if in_range { (micros as i64 % USECS_PER_SEC) as i32 } else { 0 };
    if !in_range || time_overflows(hour, minute, whole as i32, fraction) {
        let second = general(second, 2);
        bail!(DATETIME_FIELD_OVERFLOW, "time field value out of range: {hour}:{minute:02}:{second}");
    }
    Ok(i64::from(hour) * USECS_PER_HOUR + i64::from(minute) * USECS_PER_MINUTE + micros as i64)
}

/// # Errors
/// `22008`
pub fn make_timestamp(
    year: i32,
    month: i32,
    day: i32,
    hour: i32,
    minute: i32,
    second: f64,
) -> Result<Timestamp> {
    let civil = check_date(year, month, day)?;
    let time = make_time(hour, minute, second)?;
    i64::from(civil.julian_day().wrapping_sub(EPOCH_JULIAN))
        .checked_mul(USECS_PER_DAY)
        .and_then(|midnight| midnight.checked_add(time))
        .filter(|timestamp| is_valid_timestamp(*timestamp))
        .ok_or_else(|| {
            let second = general(second, 2);
            err!(
                DATETIME_VALUE_OUT_OF_RANGE,
                "timestamp out of range: {year}-{month:02}-{day:02} {hour}:{minute:02}:{second}"
            )
        })
}

/// The moment at which local clocks show `local`; the zone is the session's unless `zone` names one.
///
/// # Errors
/// `22008`, `22023`
pub fn make_timestamptz(
    local: Timestamp,
    zone: Option<&str>,
    context: &DateTimeContext,
) -> Result<TimestampTz> {
    let Some(name) = zone else {
        return timestamptz_from_timestamp(local, context.zone);
    };
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(err!(
            INVALID_PARAMETER_VALUE,
            "invalid input syntax for type numeric time zone: \"{name}\""
        )
        .hint("Numeric time zones must have \"-\" or \"+\" as first character."));
    }
    let spec = match displacement(name) {
        Ok(east) => ZoneSpec::Fixed { east, is_dst: false },
        Err(Refusal::ZoneOverflow) => {
            bail!(INVALID_PARAMETER_VALUE, "numeric time zone \"{name}\" out of range")
        }
        Err(_) => ZoneSpec::parse(name, context)?,
    };
    timestamp_at_zone(local, &spec)
}

/// # Errors
/// `22008`
pub fn make_interval(
    years: i32,
    months: i32,
    weeks: i32,
    days: i32,
    hours: i32,
    minutes: i32,
    seconds: f64,
) -> Result<Interval> {
    let months = years.checked_mul(MONTHS_PER_YEAR).and_then(|years| years.checked_add(months));
    let days = weeks.checked_mul(7).and_then(|weeks| weeks.checked_add(days));
    let fraction = (seconds * USECS_PER_SEC as f64).round_ties_even();
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&fraction);
    let micros = (i64::from(hours) * USECS_PER_HOUR + i64::from(minutes) * USECS_PER_MINUTE)
        .checked_add(if fits { fraction as i64 } else { 0 })
        .filter(|_| fits);
    match (months, days, micros) {
        (Some(months), Some(days), Some(micros)) => Interval::new(months, days, micros).finite(),
        _ => Err(interval_out_of_range()),
    }
}

/// `to_timestamp(double)`: seconds since 1970.
///
/// # Errors
/// `22008`
pub fn timestamptz_from_unix(seconds: f64) -> Result<TimestampTz> {
    if seconds.is_nan() {
        bail!(DATETIME_VALUE_OUT_OF_RANGE, "timestamp cannot be NaN");
    }
    if seconds.is_infinite() {
        return Ok(if seconds < 0.0 { TIMESTAMP_NOBEGIN } else { TIMESTAMP_NOEND });
    }
    let out_of_range =
        || err!(DATETIME_VALUE_OUT_OF_RANGE, "timestamp out of range: \"{}\"", general(seconds, 0));
    let first = -(SECS_PER_DAY as f64) * f64::from(UNIX_EPOCH_JULIAN);
    let end = (TIMESTAMP_END / USECS_PER_SEC + UNIX_EPOCH_SECS) as f64;
    if !(first..end).contains(&seconds) {
        return Err(out_of_range());
    }
    let micros = ((seconds - UNIX_EPOCH_SECS as f64) * USECS_PER_SEC as f64).round_ties_even() as i64;
    if is_valid_timestamp(micros) { Ok(micros) } else { Err(out_of_range()) }
}
