//! Sums, differences and conversions of dates, times and timestamps.

use super::calendar::days_in_month;
use super::*;
use base::{Result, bail};
use std::cmp::Ordering;

/// Orders times with zone by the moment, then by the zone.
pub fn timetz_compare(a: &TimeTz, b: &TimeTz) -> Ordering {
    let moment = |value: &TimeTz| value.time + i64::from(value.zone) * USECS_PER_SEC;
    moment(a).cmp(&moment(b)).then(a.zone.cmp(&b.zone))
}

/// # Errors
/// `22008`
pub fn date_add_days(date: Date, days: i32) -> Result<Date> {
    if !date_is_finite(date) {
        return Ok(date);
    }
    date.checked_add(days).filter(|sum| is_valid_date(*sum)).ok_or_else(date_out_of_range)
}

/// # Errors
/// `22008`
pub fn date_subtract_days(date: Date, days: i32) -> Result<Date> {
    if !date_is_finite(date) {
        return Ok(date);
    }
    date.checked_sub(days).filter(|sum| is_valid_date(*sum)).ok_or_else(date_out_of_range)
}

/// Days from `b` to `a`.
///
/// # Errors
/// `22008` for infinite dates.
pub fn date_difference(a: Date, b: Date) -> Result<i32> {
    if !date_is_finite(a) || !date_is_finite(b) {
        bail!(DATETIME_VALUE_OUT_OF_RANGE, "cannot subtract infinite dates");
    }
    Ok(a - b)
}

/// Midnight of a date.
///
/// # Errors
/// `22008` for a date after the last timestamp.
pub fn timestamp_from_date(date: Date) -> Result<Timestamp> {
    match date {
        DATE_NOBEGIN => Ok(TIMESTAMP_NOBEGIN),
        DATE_NOEND => Ok(TIMESTAMP_NOEND),
        _ => Some(i64::from(date))
            .and_then(|days| days.checked_mul(USECS_PER_DAY))
            .filter(|timestamp| *timestamp < TIMESTAMP_END)
            .ok_or_else(|| err!(DATETIME_VALUE_OUT_OF_RANGE, "date out of range for timestamp")),
    }
}

/// Midnight of a date in a zone.
///
/// # Errors
/// `22008`
pub fn timestamptz_from_date(date: Date, zone: &TimeZone) -> Result<TimestampTz> {
    let local = timestamp_from_date(date)?;
    if !timestamp_is_finite(local) {
        return Ok(local);
    }
    let out_of_range = || err!(DATETIME_VALUE_OUT_OF_RANGE, "date out of range for timestamp");
    timestamp_from_civil(&civil_from_date(date), zone.offset_of_local(&civil_from_date(date)))
        .ok_or_else(out_of_range)
}

/// The day that a timestamp without zone is in.
///
/// # Errors
/// `22008`
pub fn date_from_timestamp(timestamp: Timestamp) -> Result<Date> {
    match timestamp {
        TIMESTAMP_NOBEGIN => Ok(DATE_NOBEGIN),
        TIMESTAMP_NOEND => Ok(DATE_NOEND),
        _ if !is_valid_timestamp(timestamp) => Err(timestamp_out_of_range()),
        _ => Ok(timestamp.div_euclid(USECS_PER_DAY) as Date),
    }
}

/// The day that a timestamp with zone is in.
///
/// # Errors
/// `22008`
pub fn date_from_timestamptz(timestamp: TimestampTz, zone: &TimeZone) -> Result<Date> {
    match timestamp {
        TIMESTAMP_NOBEGIN => Ok(DATE_NOBEGIN),
        TIMESTAMP_NOEND => Ok(DATE_NOEND),
        _ => Ok(civil_in_zone(timestamp, zone)?.0.julian_day() - EPOCH_JULIAN),
    }
}

/// The local time of a timestamp with zone as a timestamp without.
///
/// # Errors
/// `22008`
pub fn timestamp_from_timestamptz(timestamp: TimestampTz, zone: &TimeZone) -> Result<Timestamp> {
    if !timestamp_is_finite(timestamp) {
        return Ok(timestamp);
    }
    local_at_offset(timestamp, zone.at(timestamp).offset)
}

/// The moment at which the clocks of a zone show `timestamp`.
///
/// # Errors
/// `22008`
pub fn timestamptz_from_timestamp(timestamp: Timestamp, zone: &TimeZone) -> Result<TimestampTz> {
    if !timestamp_is_finite(timestamp) {
        return Ok(timestamp);
    }
    let civil = civil_from_timestamp(timestamp).ok_or_else(timestamp_out_of_range)?;
    timestamp_from_civil(&civil, zone.offset_of_local(&civil)).ok_or_else(timestamp_out_of_range)
}

fn local_at_offset(timestamp: TimestampTz, east: i32) -> Result<Timestamp> {
    let local = timestamp.checked_add(i64::from(east) * USECS_PER_SEC);
    local.filter(|local| is_valid_timestamp(*local)).ok_or_else(timestamp_out_of_range)
}

/// Seconds east that an interval means as a zone.
///
/// # Errors
/// `22023`
pub fn interval_zone_offset(zone: &Interval) -> Result<i32> {
    let shown = || interval_out(zone, IntervalStyle::Postgres);
    if !zone.is_finite() {
        bail!(INVALID_PARAMETER_VALUE, "interval time zone \"{}\" must be finite", shown());
    }
    if zone.months != 0 || zone.days != 0 {
        bail!(INVALID_PARAMETER_VALUE, "interval time zone \"{}\" must not include months or days", shown());
    }
    i32::try_from(zone.micros / USECS_PER_SEC).map_err(|_| interval_out_of_range())
}

/// `timestamp AT TIME ZONE zone`.
///
/// # Errors
/// `22008`
pub fn timestamp_at_zone(timestamp: Timestamp, zone: &ZoneSpec) -> Result<TimestampTz> {
    if !timestamp_is_finite(timestamp) {
        return Ok(timestamp);
    }
    let civil = civil_from_timestamp(timestamp).ok_or_else(timestamp_out_of_range)?;
    let east = zone.offset_of_local(&civil);
    let utc = timestamp.checked_sub(i64::from(east) * USECS_PER_SEC);
    utc.filter(|utc| is_valid_timestamp(*utc)).ok_or_else(timestamp_out_of_range)
}

/// `timestamptz AT TIME ZONE zone`.
///
/// # Errors
/// `22008`
pub fn timestamptz_at_zone(timestamp: TimestampTz, zone: &ZoneSpec) -> Result<Timestamp> {
    if !timestamp_is_finite(timestamp) {
        return Ok(timestamp);
    }
    local_at_offset(timestamp, zone.offset_at(timestamp))
}

/// `timetz AT TIME ZONE zone`; `now` decides between standard and daylight time.
pub fn timetz_at_zone(value: TimeTz, zone: &ZoneSpec, now: TimestampTz) -> TimeTz {
    timetz_at_offset(value, zone.offset_at(now))
}

/// The same moment on clocks `east` seconds of Greenwich.
pub fn timetz_at_offset(value: TimeTz, east: i32) -> TimeTz {
    let time = value.time + i64::from(value.zone + east) * USECS_PER_SEC;
    TimeTz { time: time.rem_euclid(USECS_PER_DAY), zone: -east }
}

/// Adds months to local fields; a day after the month's end becomes its last.
fn add_months(civil: &mut Civil, months: i32) -> Option<()> {
    let total = i64::from(civil.year) * 12 + i64::from(civil.month - 1) + i64::from(months);
    civil.year = i32::try_from(total.div_euclid(12)).ok()?;
    civil.month = total.rem_euclid(12) as i32 + 1;
    civil.day = civil.day.min(days_in_month(civil.year, civil.month));
    civil.is_valid_julian().then_some(())
}

/// Adds months and days in local time, where `offset` tells the displacement of local fields, then the time.
fn add_interval(
    timestamp: Timestamp,
    interval: &Interval,
    to_local: impl Fn(Timestamp) -> Result<Civil>,
    offset: impl Fn(&Civil) -> i32,
) -> Result<Timestamp> {
    if !interval.is_finite() {
        let end = if *interval == Interval::NOBEGIN { TIMESTAMP_NOBEGIN } else { TIMESTAMP_NOEND };
        let opposed = !timestamp_is_finite(timestamp) && timestamp != end;
        return if opposed { Err(timestamp_out_of_range()) } else { Ok(end) };
    }
    if !timestamp_is_finite(timestamp) {
        return Ok(timestamp);
    }
    let mut result = timestamp;
    if interval.months != 0 {
        let mut civil = to_local(result)?;
        result = add_months(&mut civil, interval.months)
            .and_then(|()| timestamp_from_civil(&civil, offset(&civil)))
            .ok_or_else(timestamp_out_of_range)?;
    }
    if interval.days != 0 {
        let mut civil = to_local(result)?;
        let julian = civil.julian_day().checked_add(interval.days).filter(|julian| *julian >= 0);
        civil.set_julian_day(julian.ok_or_else(timestamp_out_of_range)?);
        result = timestamp_from_civil(&civil, offset(&civil)).ok_or_else(timestamp_out_of_range)?;
    }
    let result = result.checked_add(interval.micros);
    result.filter(|result| is_valid_timestamp(*result)).ok_or_else(timestamp_out_of_range)
}

/// # Errors
/// `22008`
pub fn timestamp_add(timestamp: Timestamp, interval: &Interval) -> Result<Timestamp> {
    let to_local = |timestamp| civil_from_timestamp(timestamp).ok_or_else(timestamp_out_of_range);
    add_interval(timestamp, interval, to_local, |_| 0)
}

/// # Errors
/// `22008`
pub fn timestamp_subtract(timestamp: Timestamp, interval: &Interval) -> Result<Timestamp> {
    timestamp_add(timestamp, &interval.negate()?)
}

/// Adds an interval; months and days are counted on the calendar of `zone`.
///
/// # Errors
/// `22008`
pub fn timestamptz_add(timestamp: TimestampTz, interval: &Interval, zone: &TimeZone) -> Result<TimestampTz> {
    let to_local = |timestamp| Ok(civil_in_zone(timestamp, zone)?.0);
    add_interval(timestamp, interval, to_local, |civil| zone.offset_of_local(civil))
}

/// # Errors
/// `22008`
pub fn timestamptz_subtract(
    timestamp: TimestampTz,
    interval: &Interval,
    zone: &TimeZone,
) -> Result<TimestampTz> {
    timestamptz_add(timestamp, &interval.negate()?, zone)
}

/// `a - b` in days and time.
///
/// # Errors
/// `22008`
pub fn timestamp_difference(a: Timestamp, b: Timestamp) -> Result<Interval> {
    if let Some(infinite) = infinite_difference(a, b)? {
        return Ok(infinite);
    }
    let micros = a.checked_sub(b).ok_or_else(interval_out_of_range)?;
    Ok(Interval { micros: micros % USECS_PER_DAY, days: (micros / USECS_PER_DAY) as i32, months: 0 })
}

/// The difference where one side is infinite.
pub(super) fn infinite_difference(a: Timestamp, b: Timestamp) -> Result<Option<Interval>> {
    if timestamp_is_finite(a) && timestamp_is_finite(b) {
        return Ok(None);
    }
    if a == b {
        return Err(interval_out_of_range());
    }
    let greater = a == TIMESTAMP_NOEND || b == TIMESTAMP_NOBEGIN;
    Ok(Some(if greater { Interval::NOEND } else { Interval::NOBEGIN }))
}

/// `date + time`
///
/// # Errors
/// `22008`
pub fn timestamp_from_date_time(date: Date, time: Time) -> Result<Timestamp> {
    let midnight = timestamp_from_date(date)?;
    if !timestamp_is_finite(midnight) {
        return Ok(midnight);
    }
    let timestamp = midnight + time;
    if is_valid_timestamp(timestamp) { Ok(timestamp) } else { Err(timestamp_out_of_range()) }
}

/// `date + timetz`
///
/// # Errors
/// `22008`
pub fn timestamptz_from_date_timetz(date: Date, time: TimeTz) -> Result<TimestampTz> {
    let midnight = timestamp_from_date(date)?;
    if !timestamp_is_finite(midnight) {
        return Ok(midnight);
    }
    let out_of_range = || err!(DATETIME_VALUE_OUT_OF_RANGE, "date out of range for timestamp");
    let timestamp = midnight + time.time + i64::from(time.zone) * USECS_PER_SEC;
    if is_valid_timestamp(timestamp) { Ok(timestamp) } else { Err(out_of_range()) }
}

/// The time of day; `None` for infinities.
pub fn time_from_timestamp(timestamp: Timestamp) -> Option<Time> {
    timestamp_is_finite(timestamp).then(|| timestamp.rem_euclid(USECS_PER_DAY))
}

/// The time of day with the zone's offset; `None` for infinities.
pub fn timetz_from_timestamptz(timestamp: TimestampTz, zone: &TimeZone) -> Option<TimeTz> {
    let east = timestamp_is_finite(timestamp).then(|| zone.at(timestamp).offset)?;
    let local = timestamp + i64::from(east) * USECS_PER_SEC;
    Some(TimeTz { time: local.rem_euclid(USECS_PER_DAY), zone: -east })
}

/// A time in the session's zone as of today.
///
/// # Errors
/// `22008`
pub fn timetz_from_time(time: Time, context: &DateTimeContext) -> Result<TimeTz> {
    let mut local = local_now(context)?.0;
    local.set_time_of_day(time);
    Ok(TimeTz { time, zone: -context.zone.offset_of_local(&local) })
}

/// The time of day that an interval's time field comes to.
///
/// # Errors
/// `22008` for infinities.
pub fn time_from_interval(interval: &Interval) -> Result<Time> {
    if !interval.is_finite() {
        bail!(DATETIME_VALUE_OUT_OF_RANGE, "cannot convert infinite interval to time");
    }
    Ok(interval.micros.rem_euclid(USECS_PER_DAY))
}

/// # Errors
/// `22008` for infinities.
pub fn time_add(time: Time, interval: &Interval) -> Result<Time> {
    if !interval.is_finite() {
        bail!(DATETIME_VALUE_OUT_OF_RANGE, "cannot add infinite interval to time");
    }
    Ok((time + interval.micros % USECS_PER_DAY).rem_euclid(USECS_PER_DAY))
}

/// # Errors
/// `22008` for infinities.
pub fn time_subtract(time: Time, interval: &Interval) -> Result<Time> {
    if !interval.is_finite() {
        bail!(DATETIME_VALUE_OUT_OF_RANGE, "cannot subtract infinite interval from time");
    }
    Ok((time - interval.micros % USECS_PER_DAY).rem_euclid(USECS_PER_DAY))
}

/// SQL's `OVERLAPS` over two periods, each given by its ends in any order; `None` is NULL.
pub fn overlaps<T: Ord + Copy>(a: (Option<T>, Option<T>), b: (Option<T>, Option<T>)) -> Option<bool> {
    // A period with one known end is taken for that moment.
    let period = |(start, end): (Option<T>, Option<T>)| match (start, end) {
        (Some(start), Some(end)) => Some((start.min(end), Some(start.max(end)))),
        (start, end) => start.or(end).map(|known| (known, None)),
    };
    let (a, b) = (period(a)?, period(b)?);
    let ((_, earlier_end), (later_start, later_end)) = match a.0.cmp(&b.0) {
        Ordering::Greater => (b, a),
        Ordering::Less => (a, b),
        // Both start together: true, unless an end is missing and NULL could make it otherwise.
        Ordering::Equal => return (a.1.is_some() && b.1.is_some()).then_some(true),
    };
    match earlier_end {
        None => None,
        Some(end) if later_start < end => Some(true),
        Some(_) => later_end.map(|_| false),
    }
}

/// Orders a date and a timestamp without zone without loss of range.
pub fn date_compare_timestamp(date: Date, timestamp: Timestamp) -> Ordering {
    match timestamp_from_date(date) {
        Ok(midnight) => midnight.cmp(&timestamp),
        // Later than every finite timestamp.
        Err(_) if timestamp == TIMESTAMP_NOEND => Ordering::Less,
        Err(_) => Ordering::Greater,
    }
}

/// Orders a date (midnight in `zone`) and a timestamp with zone without loss of range.
pub fn date_compare_timestamptz(date: Date, timestamp: TimestampTz, zone: &TimeZone) -> Ordering {
    match timestamptz_from_date(date, zone) {
        Ok(midnight) => midnight.cmp(&timestamp),
        Err(_) if date < 0 && timestamp == TIMESTAMP_NOBEGIN => Ordering::Greater,
        Err(_) if date < 0 => Ordering::Less,
        Err(_) if timestamp == TIMESTAMP_NOEND => Ordering::Less,
        Err(_) => Ordering::Greater,
    }
}
