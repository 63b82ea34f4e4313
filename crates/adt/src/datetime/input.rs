//! The input functions of date, time, timetz, timestamp and timestamptz.

use super::decode::{Moment, decode_datetime, decode_time};
use super::split::{DATE_TEXT_BYTES, split};
use super::*;
use base::{Result, SqlState};

/// The start of the transaction in the session's zone: its fields, and the offset in seconds east.
///
/// # Errors
/// `22008` when the local time is outside the calendar.
pub fn local_now(context: &DateTimeContext) -> Result<(Civil, i32)> {
    civil_in_zone(context.now, context.zone)
}

/// The local fields of a finite timestamptz in a zone, and the offset in seconds east.
///
/// # Errors
/// `22008` when the local time is outside the calendar.
pub fn civil_in_zone(timestamp: TimestampTz, zone: &TimeZone) -> Result<(Civil, i32)> {
    let east = zone.at(timestamp).offset;
    let local = timestamp.checked_add(i64::from(east) * USECS_PER_SEC).ok_or_else(timestamp_out_of_range)?;
    Ok((civil_from_timestamp(local).ok_or_else(timestamp_out_of_range)?, east))
}

fn moment(text: &str, type_name: &str, context: &DateTimeContext) -> Result<Moment> {
    split(text, DATE_TEXT_BYTES)
        .and_then(|fields| decode_datetime(&fields, context))
        .map_err(|refusal| refusal.into_error(text, type_name))
}

/// Reads a date.
///
/// # Errors
/// `22007`, `22008`, `22009`, `22023`
pub fn date_in(text: &str, context: &DateTimeContext) -> Result<Date> {
    let civil = match moment(text, "date", context)? {
        Moment::Epoch => return Ok(UNIX_EPOCH_JULIAN - EPOCH_JULIAN),
        Moment::Late => return Ok(DATE_NOEND),
        Moment::Early => return Ok(DATE_NOBEGIN),
        Moment::Civil(civil, _) => civil,
    };
    let out_of_range =
        || Error::new(SqlState::DATETIME_VALUE_OUT_OF_RANGE, format!("date out of range: \"{text}\""));
    if !civil.is_valid_julian() {
        return Err(out_of_range());
    }
    let date = civil.julian_day().wrapping_sub(EPOCH_JULIAN);
    if is_valid_date(date) { Ok(date) } else { Err(out_of_range()) }
}

fn timestamp_of_moment(moment: Moment, zoned: bool) -> Option<Timestamp> {
    match moment {
        Moment::Epoch => Some(-UNIX_EPOCH_SECS * USECS_PER_SEC),
        Moment::Late => Some(TIMESTAMP_NOEND),
        Moment::Early => Some(TIMESTAMP_NOBEGIN),
        Moment::Civil(civil, east) => timestamp_from_civil(&civil, if zoned { east } else { 0 }),
    }
}

/// Reads a timestamp without zone; `typmod` is its precision, or -1.
///
/// # Errors
/// `22007`, `22008`, `22009`, `22023`
pub fn timestamp_in(text: &str, typmod: i32, context: &DateTimeContext) -> Result<Timestamp> {
    let moment = moment(text, "timestamp", context)?;
    let timestamp = timestamp_of_moment(moment, false)
        .ok_or_else(|| err!(DATETIME_VALUE_OUT_OF_RANGE, "timestamp out of range: \"{text}\""))?;
    round_timestamp(timestamp, typmod)
}

/// Reads a timestamp with time zone; `typmod` is its precision, or -1.
///
/// # Errors
/// `22007`, `22008`, `22009`, `22023`
pub fn timestamptz_in(text: &str, typmod: i32, context: &DateTimeContext) -> Result<TimestampTz> {
    let moment = moment(text, "timestamp with time zone", context)?;
    let timestamp = timestamp_of_moment(moment, true)
        .ok_or_else(|| err!(DATETIME_VALUE_OUT_OF_RANGE, "timestamp out of range: \"{text}\""))?;
    round_timestamp(timestamp, typmod)
}

fn clock_in(text: &str, type_name: &str, context: &DateTimeContext) -> Result<(Time, i32)> {
    let (civil, east) = split(text, DATE_TEXT_BYTES)
        .and_then(|fields| decode_time(&fields, context))
        .map_err(|refusal| refusal.into_error(text, type_name))?;
    Ok((civil.time_of_day(), east))
}

/// Reads a time without zone; `typmod` is its precision, or -1.
///
/// # Errors
/// `22007`, `22008`, `22009`, `22023`
pub fn time_in(text: &str, typmod: i32, context: &DateTimeContext) -> Result<Time> {
    Ok(round_time(clock_in(text, "time", context)?.0, typmod))
}

/// Reads a time with time zone; `typmod` is its precision, or -1.
///
/// # Errors
/// `22007`, `22008`, `22009`, `22023`
pub fn timetz_in(text: &str, typmod: i32, context: &DateTimeContext) -> Result<TimeTz> {
    let (time, east) = clock_in(text, "time with time zone", context)?;
    Ok(TimeTz { time: round_time(time, typmod), zone: -east })
}

/// Rounds microseconds, away from zero at the half, to `digits` decimals of a second.
pub(super) fn round_micros(value: i64, digits: i32) -> Option<i64> {
    let unit = 10_i64.pow((6 - digits.clamp(0, 6)) as u32);
    if unit == 1 {
        return Some(value);
    }
    let half = unit / 2;
    if value >= 0 {
        Some(value.checked_add(half)? / unit * unit)
    } else {
        Some(-((half.checked_sub(value)?) / unit * unit))
    }
}

/// A time rounded to the precision `typmod` (-1 for none).
pub fn round_time(time: Time, typmod: i32) -> Time {
    if typmod < 0 { time } else { round_micros(time, typmod).unwrap_or(time) }
}

/// A timestamp of either kind rounded to the precision `typmod` (-1 for none).
///
/// # Errors
/// `22023` when the precision is not 0 to 6.
pub fn round_timestamp(timestamp: Timestamp, typmod: i32) -> Result<Timestamp> {
    if typmod == -1 || typmod == 6 || !timestamp_is_finite(timestamp) {
        return Ok(timestamp);
    }
    if !(0..=6).contains(&typmod) {
        return Err(err!(INVALID_PARAMETER_VALUE, "timestamp({typmod}) precision must be between 0 and 6"));
    }
    round_micros(timestamp, typmod).ok_or_else(timestamp_out_of_range)
}
