//! Symbolic differences, and the levelling of an interval's fields.

use super::arithmetic::infinite_difference;
use super::calendar::days_in_month;
use super::*;
use base::Result;

/// `a - b` in years, months, days and time. For timestamptz pass the local times.
///
/// # Errors
/// `22008`
pub fn age(a: Timestamp, b: Timestamp) -> Result<Interval> {
    if let Some(infinite) = infinite_difference(a, b)? {
        return Ok(infinite);
    }
    let (later, earlier) = if a < b { (b, a) } else { (a, b) };
    let to = civil_from_timestamp(later).ok_or_else(timestamp_out_of_range)?;
    let from = civil_from_timestamp(earlier).ok_or_else(timestamp_out_of_range)?;
    let mut micros = to.time_of_day() - from.time_of_day();
    let mut days = to.day - from.day;
    let mut months = (to.year - from.year) * MONTHS_PER_YEAR + to.month - from.month;
    if micros < 0 {
        micros += USECS_PER_DAY;
        days -= 1;
    }
    while days < 0 {
        // A month is borrowed that is as long as that of the earlier moment.
        days += days_in_month(from.year, from.month);
        months -= 1;
    }
    let interval = Interval { micros, days, months };
    if a < b { interval.negate() } else { Ok(interval) }
}

/// Makes days of every 24 hours.
///
/// # Errors
/// `22008`
pub fn justify_hours(interval: &Interval) -> Result<Interval> {
    if !interval.is_finite() {
        return Ok(*interval);
    }
    let mut result = *interval;
    let days = (result.micros / USECS_PER_DAY) as i32;
    result.micros %= USECS_PER_DAY;
    result.days = result.days.checked_add(days).ok_or_else(interval_out_of_range)?;
    level_time(&mut result);
    Ok(result)
}

/// Makes months of every 30 days.
///
/// # Errors
/// `22008`
pub fn justify_days(interval: &Interval) -> Result<Interval> {
    if !interval.is_finite() {
        return Ok(*interval);
    }
    let mut result = *interval;
    carry_days(&mut result)?;
    if result.months > 0 && result.days < 0 {
        result.days += DAYS_PER_MONTH;
        result.months -= 1;
    } else if result.months < 0 && result.days > 0 {
        result.days -= DAYS_PER_MONTH;
        result.months += 1;
    }
    Ok(result)
}

/// Makes days of hours and months of days, and gives all fields one sign.
///
/// # Errors
/// `22008`
pub fn justify_interval(interval: &Interval) -> Result<Interval> {
    if !interval.is_finite() {
        return Ok(*interval);
    }
    let mut result = *interval;
    // Where days and time point the same way, months are made first, so that the days do not overflow.
    if (result.days > 0 && result.micros > 0) || (result.days < 0 && result.micros < 0) {
        carry_days(&mut result)?;
    }
    let days = (result.micros / USECS_PER_DAY) as i32;
    result.micros %= USECS_PER_DAY;
    result.days = result.days.checked_add(days).ok_or_else(interval_out_of_range)?;
    carry_days(&mut result)?;
    let rest = |result: &Interval| if result.days != 0 { i64::from(result.days) } else { result.micros };
    if result.months > 0 && rest(&result) < 0 {
        result.days += DAYS_PER_MONTH;
        result.months -= 1;
    } else if result.months < 0 && rest(&result) > 0 {
        result.days -= DAYS_PER_MONTH;
        result.months += 1;
    }
    level_time(&mut result);
    Ok(result)
}

fn carry_days(interval: &mut Interval) -> Result<()> {
    let months = interval.days / DAYS_PER_MONTH;
    interval.days %= DAYS_PER_MONTH;
    interval.months = interval.months.checked_add(months).ok_or_else(interval_out_of_range)?;
    Ok(())
}

/// Gives the time, which is less than a day, the sign of the days.
fn level_time(interval: &mut Interval) {
    if interval.days > 0 && interval.micros < 0 {
        interval.micros += USECS_PER_DAY;
        interval.days -= 1;
    } else if interval.days < 0 && interval.micros > 0 {
        interval.micros -= USECS_PER_DAY;
        interval.days += 1;
    }
}
