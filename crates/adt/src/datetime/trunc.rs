//! `date_trunc` and `date_bin`.

use super::calendar::day_of_week;
use super::tokens::{Unit, find_unit};
use super::*;
use base::{Result, bail};

pub(super) fn unit_not_supported(name: &str, type_name: &str) -> Error {
    err!(FEATURE_NOT_SUPPORTED, "unit \"{name}\" not supported for type {type_name}")
}

pub(super) fn unit_not_recognized(name: &str, type_name: &str) -> Error {
    err!(INVALID_PARAMETER_VALUE, "unit \"{name}\" not recognized for type {type_name}")
}

/// The first year of the period of `size` years that starts with its first year (centuries, millennia).
fn first_of_period(year: i32, size: i32) -> i32 {
    (year - 1).div_euclid(size) * size + 1
}

/// Sets all fields below `unit` to their least. Whether the date changed, so that the offset may differ.
fn truncate(civil: &mut Civil, unit: Unit) -> Option<bool> {
    let original = *civil;
    let mut truncated = Civil { month: 1, day: 1, ..Civil::default() };
    truncated.year = original.year;
    match unit {
        Unit::Millennium => truncated.year = first_of_period(original.year, 1000),
        Unit::Century => truncated.year = first_of_period(original.year, 100),
        Unit::Decade => truncated.year = original.year.div_euclid(10) * 10,
        Unit::Year => {}
        Unit::Quarter => truncated.month = (original.month - 1) / 3 * 3 + 1,
        Unit::Month => truncated.month = original.month,
        Unit::Week => {
            let julian = original.julian_day();
            truncated.set_julian_day(julian - (day_of_week(julian) + 6) % 7);
        }
        Unit::Day => truncated.set_julian_day(original.julian_day()),
        _ => {
            let step = match unit {
                Unit::Hour => USECS_PER_HOUR,
                Unit::Minute => USECS_PER_MINUTE,
                Unit::Second => USECS_PER_SEC,
                Unit::Millisecond => 1000,
                Unit::Microsecond => 1,
                _ => return None,
            };
            let time = original.time_of_day();
            civil.set_time_of_day(time - time % step);
            return Some(false);
        }
    }
    *civil = truncated;
    Some(true)
}

fn find_trunc_unit(unit: &str, type_name: &str) -> Result<(Unit, String)> {
    let lower = unit.to_ascii_lowercase();
    match find_unit(&lower) {
        Some(unit) => Ok((unit, lower)),
        None => Err(unit_not_recognized(&lower, type_name)),
    }
}

/// `date_trunc` of a timestamp without zone.
///
/// # Errors
/// `22023`, `0A000`, `22008`
pub fn timestamp_trunc(unit: &str, timestamp: Timestamp) -> Result<Timestamp> {
    const TYPE: &str = "timestamp without time zone";
    let (unit, name) = find_trunc_unit(unit, TYPE)?;
    if !timestamp_is_finite(timestamp) {
        return match truncate(&mut Civil { month: 1, day: 1, ..Civil::default() }, unit) {
            Some(_) => Ok(timestamp),
            None => Err(unit_not_supported(&name, TYPE)),
        };
    }
    let mut civil = civil_from_timestamp(timestamp).ok_or_else(timestamp_out_of_range)?;
    truncate(&mut civil, unit).ok_or_else(|| unit_not_supported(&name, TYPE))?;
    timestamp_from_civil(&civil, 0).ok_or_else(timestamp_out_of_range)
}

/// `date_trunc` of a timestamp with zone, on the calendar of `zone`.
///
/// # Errors
/// `22023`, `0A000`, `22008`
pub fn timestamptz_trunc(unit: &str, timestamp: TimestampTz, zone: &ZoneSpec) -> Result<TimestampTz> {
    const TYPE: &str = "timestamp with time zone";
    let (unit, name) = find_trunc_unit(unit, TYPE)?;
    if !timestamp_is_finite(timestamp) {
        return match truncate(&mut Civil { month: 1, day: 1, ..Civil::default() }, unit) {
            Some(_) => Ok(timestamp),
            None => Err(unit_not_supported(&name, TYPE)),
        };
    }
    let mut east = zone.offset_at(timestamp);
    let local = timestamp.checked_add(i64::from(east) * USECS_PER_SEC).ok_or_else(timestamp_out_of_range)?;
    let mut civil = civil_from_timestamp(local).ok_or_else(timestamp_out_of_range)?;
    if truncate(&mut civil, unit).ok_or_else(|| unit_not_supported(&name, TYPE))? {
        east = zone.offset_of_local(&civil);
    }
    timestamp_from_civil(&civil, east).ok_or_else(timestamp_out_of_range)
}

/// `date_trunc` of an interval.
///
/// # Errors
/// `22023`, `0A000`
pub fn interval_trunc(unit: &str, interval: &Interval) -> Result<Interval> {
    let (unit, name) = find_trunc_unit(unit, "interval")?;
    let months = |size: i32| Some(Interval::new(interval.months / size * size, 0, 0));
    let micros = |size: i64| Some(Interval { micros: interval.micros / size * size, ..*interval });
    let truncated = match unit {
        Unit::Millennium => months(12_000),
        Unit::Century => months(1200),
        Unit::Decade => months(120),
        Unit::Year => months(12),
        Unit::Quarter => months(3),
        Unit::Month => months(1),
        Unit::Day => Some(Interval { micros: 0, ..*interval }),
        Unit::Hour => micros(USECS_PER_HOUR),
        Unit::Minute => micros(USECS_PER_MINUTE),
        Unit::Second => micros(USECS_PER_SEC),
        Unit::Millisecond => micros(1000),
        Unit::Microsecond => Some(*interval),
        _ => None,
    };
    match truncated {
        Some(_) if !interval.is_finite() => Ok(*interval),
        Some(truncated) => Ok(truncated),
        None if unit == Unit::Week => {
            Err(unit_not_supported(&name, "interval").detail("Months usually have fractional weeks."))
        }
        None => Err(unit_not_supported(&name, "interval")),
    }
}

/// `date_bin`: the start of the bin of width `stride`, counted from `origin`, that `timestamp` is in.
///
/// # Errors
/// `22008`, `0A000`
pub fn date_bin(stride: &Interval, timestamp: Timestamp, origin: Timestamp) -> Result<Timestamp> {
    if !timestamp_is_finite(timestamp) {
        return Ok(timestamp);
    }
    if !timestamp_is_finite(origin) {
        bail!(DATETIME_VALUE_OUT_OF_RANGE, "origin out of range");
    }
    if !stride.is_finite() {
        bail!(DATETIME_VALUE_OUT_OF_RANGE, "timestamps cannot be binned into infinite intervals");
    }
    if stride.months != 0 {
        bail!(FEATURE_NOT_SUPPORTED, "timestamps cannot be binned into intervals containing months or years");
    }
    let width =
        i64::from(stride.days).checked_mul(USECS_PER_DAY).and_then(|days| days.checked_add(stride.micros));
    let width = width.ok_or_else(interval_out_of_range)?;
    if width <= 0 {
        bail!(DATETIME_VALUE_OUT_OF_RANGE, "stride must be greater than zero");
    }
    let distance = timestamp.checked_sub(origin).ok_or_else(interval_out_of_range)?;
    let bin = timestamp.checked_sub(distance.rem_euclid(width));
    bin.filter(|bin| is_valid_timestamp(*bin)).ok_or_else(timestamp_out_of_range)
}
