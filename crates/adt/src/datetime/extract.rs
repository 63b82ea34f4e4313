//! `extract` and `date_part`.

use super::calendar::{day_of_week, iso_week, iso_year};
use super::tokens::{Unit, find_field};
use super::trunc::{unit_not_recognized, unit_not_supported};
use super::*;
use base::Result;

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extracted {
    /// The field has no value in an infinite moment.
    Null,
    Infinity,
    NegativeInfinity,
    /// `unscaled` / 10^`scale`, to be shown with `scale` decimals.
    Number {
        unscaled: i128,
        scale: u32,
    },
}

impl Extracted {
    fn int(value: i64) -> Extracted {
        Extracted::Number { unscaled: i128::from(value), scale: 0 }
    }

    fn decimal(unscaled: i128, scale: u32) -> Extracted {
        Extracted::Number { unscaled, scale }
    }

    /// The value for `date_part`; `None` is NULL.
    pub fn to_f64(self) -> Option<f64> {
        match self {
            Extracted::Null => None,
            Extracted::Infinity => Some(f64::INFINITY),
            Extracted::NegativeInfinity => Some(f64::NEG_INFINITY),
            Extracted::Number { unscaled, scale } if scale <= 6 => {
                Some(unscaled as f64 / 10_f64.powi(scale as i32))
            }
            Extracted::Number { unscaled, scale } => {
                // Only Julian days have this many digits: the day and the fraction are exact on their own.
                let unit = 10_i128.pow(scale);
                Some((unscaled / unit) as f64 + (unscaled % unit) as f64 / unit as f64)
            }
        }
    }
}

fn field(name: &str, type_name: &str) -> Result<(Unit, String)> {
    let lower = name.to_ascii_lowercase();
    match find_field(&lower) {
        Some(unit) => Ok((unit, lower)),
        None => Err(unit_not_recognized(&lower, type_name)),
    }
}

/// The fields of a date; `None` for those of a time.
fn date_field(civil: &Civil, unit: Unit) -> Option<i64> {
    let Civil { year, month, day, .. } = *civil;
    let period = |size: i32| {
        if year > 0 { (year + size - 1) / size } else { -((size - year) / size) }
    };
    Some(i64::from(match unit {
        Unit::Day => day,
        Unit::Month => month,
        Unit::Quarter => (month - 1) / 3 + 1,
        Unit::Week => iso_week(year, month, day),
        Unit::Year if year > 0 => year,
        Unit::Year => year - 1,
        Unit::Decade => year.div_euclid(10),
        Unit::Century => period(100),
        Unit::Millennium => period(1000),
        Unit::IsoYear => match iso_year(year, month, day) {
            year if year > 0 => year,
            year => year - 1,
        },
        Unit::DayOfWeek => day_of_week(civil.julian_day()),
        Unit::IsoDayOfWeek => (day_of_week(civil.julian_day()) + 6) % 7 + 1,
        Unit::DayOfYear => civil.day_of_year(),
        _ => return None,
    }))
}

/// The fields of a time of day, or of the time part of an interval.
fn time_field(micros: i64, unit: Unit) -> Option<Extracted> {
    let in_minute = i128::from(micros % USECS_PER_MINUTE);
    Some(match unit {
        Unit::Microsecond => Extracted::decimal(in_minute, 0),
        Unit::Millisecond => Extracted::decimal(in_minute, 3),
        Unit::Second => Extracted::decimal(in_minute, 6),
        Unit::Minute => Extracted::int(micros / USECS_PER_MINUTE % 60),
        Unit::Hour => Extracted::int(micros / USECS_PER_HOUR),
        _ => return None,
    })
}

/// The fields of a displacement.
fn zone_field(east: i32, unit: Unit) -> Option<Extracted> {
    Some(Extracted::int(i64::from(match unit {
        Unit::Timezone => east,
        Unit::TimezoneHour => east / 3600,
        Unit::TimezoneMinute => east / 60 % 60,
        _ => return None,
    })))
}

/// The Julian day with the time as its fraction, in as many digits as dividing numerics gives: 16 significant
/// ones, counted in groups of four.
fn julian_with_fraction(civil: &Civil) -> Extracted {
    let time = i128::from(civil.time_of_day());
    let day = i128::from(USECS_PER_DAY);
    // The weight and first group of four digits of the dividend; those of the divisor are 2 and 864.
    let (mut weight, mut first) = (0, time);
    while first >= 10_000 {
        first /= 10_000;
        weight += 1;
    }
    let quotient_weight = weight - 2 - i32::from(first <= 864);
    let scale = (16 - 4 * quotient_weight) as u32;
    let unit = 10_i128.pow(scale);
    // The time times the unit may exceed 128 bits, so the whole groups are divided step by step.
    let (mut rest, mut fraction) = (time, 0);
    for _ in 0..scale {
        rest *= 10;
        fraction = fraction * 10 + rest / day;
        rest %= day;
    }
    if rest * 2 >= day {
        fraction += 1;
    }
    Extracted::decimal(i128::from(civil.julian_day()) * unit + fraction, scale)
}

/// The fields of an infinite moment.
fn infinite_field(negative: bool, unit: Unit) -> Option<Extracted> {
    Some(match unit {
        Unit::Year
        | Unit::Decade
        | Unit::Century
        | Unit::Millennium
        | Unit::Julian
        | Unit::IsoYear
        | Unit::Epoch => {
            if negative {
                Extracted::NegativeInfinity
            } else {
                Extracted::Infinity
            }
        }
        _ => Extracted::Null,
    })
}

/// # Errors
/// `22023`, `0A000`
pub fn extract_date(name: &str, date: Date) -> Result<Extracted> {
    let (unit, name) = field(name, "date")?;
    let civil = if date_is_finite(date) { civil_from_date(date) } else { civil_from_date(0) };
    let value = match unit {
        Unit::Julian => Some(i64::from(date.saturating_add(EPOCH_JULIAN))),
        Unit::Epoch => Some((i64::from(date) + i64::from(EPOCH_JULIAN - UNIX_EPOCH_JULIAN)) * SECS_PER_DAY),
        _ => date_field(&civil, unit),
    };
    match value {
        None => Err(unit_not_supported(&name, "date")),
        Some(_) if !date_is_finite(date) => {
            Ok(infinite_field(date == DATE_NOBEGIN, unit).unwrap_or(Extracted::Null))
        }
        Some(value) => Ok(Extracted::int(value)),
    }
}

fn extract_moment(unit: Unit, timestamp: Timestamp, civil: &Civil) -> Option<Extracted> {
    match unit {
        Unit::Julian => Some(julian_with_fraction(civil)),
        Unit::Epoch => {
            let micros = i128::from(timestamp) + i128::from(UNIX_EPOCH_SECS) * i128::from(USECS_PER_SEC);
            Some(Extracted::decimal(micros, 6))
        }
        _ => date_field(civil, unit).map(Extracted::int).or_else(|| time_field(civil.time_of_day(), unit)),
    }
}

/// # Errors
/// `22023`, `0A000`, `22008`
pub fn extract_timestamp(name: &str, timestamp: Timestamp) -> Result<Extracted> {
    const TYPE: &str = "timestamp without time zone";
    let (unit, name) = field(name, TYPE)?;
    if !timestamp_is_finite(timestamp) {
        return infinite_field(timestamp == TIMESTAMP_NOBEGIN, unit)
            .ok_or_else(|| unit_not_supported(&name, TYPE));
    }
    let civil = civil_from_timestamp(timestamp).ok_or_else(timestamp_out_of_range)?;
    extract_moment(unit, timestamp, &civil).ok_or_else(|| unit_not_supported(&name, TYPE))
}

/// # Errors
/// `22023`, `0A000`, `22008`
pub fn extract_timestamptz(name: &str, timestamp: TimestampTz, zone: &TimeZone) -> Result<Extracted> {
    const TYPE: &str = "timestamp with time zone";
    let (unit, name) = field(name, TYPE)?;
    if !timestamp_is_finite(timestamp) {
        return infinite_field(timestamp == TIMESTAMP_NOBEGIN, unit)
            .ok_or_else(|| unit_not_supported(&name, TYPE));
    }
    let (civil, east) = civil_in_zone(timestamp, zone)?;
    zone_field(east, unit)
        .or_else(|| extract_moment(unit, timestamp, &civil))
        .ok_or_else(|| unit_not_supported(&name, TYPE))
}

/// # Errors
/// `22023`, `0A000`
pub fn extract_time(name: &str, time: Time) -> Result<Extracted> {
    const TYPE: &str = "time without time zone";
    let (unit, name) = field(name, TYPE)?;
    match unit {
        Unit::Epoch => Ok(Extracted::decimal(i128::from(time), 6)),
        _ => time_field(time, unit).ok_or_else(|| unit_not_supported(&name, TYPE)),
    }
}

/// # Errors
/// `22023`, `0A000`
pub fn extract_timetz(name: &str, value: TimeTz) -> Result<Extracted> {
    const TYPE: &str = "time with time zone";
    let (unit, name) = field(name, TYPE)?;
    match unit {
        Unit::Epoch => {
            Ok(Extracted::decimal(i128::from(value.time + i64::from(value.zone) * USECS_PER_SEC), 6))
        }
        _ => zone_field(-value.zone, unit)
            .or_else(|| time_field(value.time, unit))
            .ok_or_else(|| unit_not_supported(&name, TYPE)),
    }
}

/// # Errors
/// `22023`, `0A000`
pub fn extract_interval(name: &str, interval: &Interval) -> Result<Extracted> {
    let (unit, name) = field(name, "interval")?;
    let years = i64::from(interval.months / MONTHS_PER_YEAR);
    let month = i64::from(interval.months % MONTHS_PER_YEAR);
    let days = i64::from(interval.days);
    let value = match unit {
        Unit::Day => Some(Extracted::int(days)),
        Unit::Week => Some(Extracted::int(days / 7)),
        Unit::Month => Some(Extracted::int(month)),
        // A negative interval has the negative of the quarter of its opposite.
        Unit::Quarter if interval.months >= 0 => Some(Extracted::int(month / 3 + 1)),
        Unit::Quarter => Some(Extracted::int(month / 3 - 1)),
        Unit::Year => Some(Extracted::int(years)),
        Unit::Decade => Some(Extracted::int(years / 10)),
        Unit::Century => Some(Extracted::int(years / 100)),
        Unit::Millennium => Some(Extracted::int(years / 1000)),
        Unit::Epoch => {
            // A year has 365.25 days here, a month 30.
            let quarter_days = 1461 * years + 120 * month + 4 * days;
            let secs = i128::from(quarter_days) * i128::from(SECS_PER_DAY / 4);
            Some(Extracted::decimal(secs * i128::from(USECS_PER_SEC) + i128::from(interval.micros), 6))
        }
        _ => time_field(interval.micros, unit),
    };
    let value = value.ok_or_else(|| unit_not_supported(&name, "interval"))?;
    if interval.is_finite() {
        return Ok(value);
    }
    Ok(match unit {
        Unit::Microsecond
        | Unit::Millisecond
        | Unit::Second
        | Unit::Minute
        | Unit::Week
        | Unit::Month
        | Unit::Quarter => Extracted::Null,
        _ if *interval == Interval::NOBEGIN => Extracted::NegativeInfinity,
        _ => Extracted::Infinity,
    })
}
