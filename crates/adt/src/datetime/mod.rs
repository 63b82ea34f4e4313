//! Dates, times, timestamps, intervals and time zones: values, text and binary forms, arithmetic.
//!
//! Representations are PostgreSQL's: a date is days since 2000-01-01, a timestamp microseconds since
//! 2000-01-01 00:00 (UTC for timestamptz), a time of day microseconds since midnight. The extreme values of the
//! integer types stand for minus and plus infinity. Calendar arithmetic goes through Julian day numbers over the
//! proleptic Gregorian calendar; year 0 is 1 BC inside, and never appears outside.
//!
//! Offsets of zones are seconds *east* of Greenwich everywhere except in [`TimeTz::zone`], which is stored west
//! as on disk.

mod abbreviations;
mod age;
mod arithmetic;
mod binary;
mod calendar;
mod decode;
mod decode_date;
mod decode_time;
mod extract;
mod input;
mod interval;
mod interval_in;
mod interval_out;
mod make;
mod output;
mod series;
mod split;
mod tokens;
mod trunc;
mod tzif;
mod zone;
mod zone_name;

#[cfg(test)]
mod tests;

pub use abbreviations::{AbbreviationMeaning, default_abbreviations};
pub use age::{age, justify_days, justify_hours, justify_interval};
pub use arithmetic::*;
pub use binary::*;
pub use calendar::{
    Civil, civil_from_date, civil_from_timestamp, day_of_week, days_in_month, iso_week, iso_week_monday,
    iso_year, julian_day, julian_to_ymd, timestamp_from_civil,
};
pub use extract::*;
pub use input::*;
pub use interval::Interval;
pub use interval_in::{adjust_interval, interval_in, interval_typmod_text};
pub use interval_out::interval_out;
pub use make::*;
pub use output::*;
pub use series::TimestampSeries;
pub use trunc::*;
pub use zone::{LocalOffset, TimeZone, ZoneCache};
pub use zone_name::ZoneSpec;

use base::{Error, err};

/// Days since 2000-01-01; see [`DATE_NOBEGIN`] and [`DATE_NOEND`].
pub type Date = i32;
/// Microseconds since midnight, 0 to 24:00:00 inclusive.
pub type Time = i64;
/// Microseconds since 2000-01-01 00:00 of an unnamed local time.
pub type Timestamp = i64;
/// Microseconds since 2000-01-01 00:00 UTC.
pub type TimestampTz = i64;

/// A time of day with its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeTz {
    /// Microseconds since local midnight.
    pub time: Time,
    /// Seconds west of Greenwich, as on disk.
    pub zone: i32,
}

/// `DateStyle`'s format part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateStyle {
    Iso,
    Sql,
    Postgres,
    German,
    /// ISO 8601 with a `T` between date and time and whole zone offsets: what JSON and XML get.
    Xsd,
}

/// `DateStyle`'s order part: how an ambiguous all-digit date is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    Ymd,
    Dmy,
    Mdy,
}

/// The four values of `IntervalStyle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalStyle {
    Postgres,
    PostgresVerbose,
    SqlStandard,
    Iso8601,
}

/// What the meaning of date and time texts depends on besides the text.
#[derive(Clone, Copy)]
pub struct DateTimeContext<'a> {
    pub date_style: DateStyle,
    pub date_order: DateOrder,
    pub interval_style: IntervalStyle,
    /// The session's zone.
    pub zone: &'a TimeZone,
    /// Zones that were looked up by name before.
    pub zones: &'a ZoneCache,
    /// Start of the transaction.
    pub now: TimestampTz,
}

pub const USECS_PER_SEC: i64 = 1_000_000;
pub const USECS_PER_MINUTE: i64 = 60 * USECS_PER_SEC;
pub const USECS_PER_HOUR: i64 = 60 * USECS_PER_MINUTE;
pub const USECS_PER_DAY: i64 = 24 * USECS_PER_HOUR;
pub const SECS_PER_DAY: i64 = 86_400;
/// Days that a month counts for where months and days must be compared.
pub const DAYS_PER_MONTH: i32 = 30;
pub const MONTHS_PER_YEAR: i32 = 12;

/// Julian day of 2000-01-01.
pub const EPOCH_JULIAN: i32 = 2_451_545;
/// Julian day of 1970-01-01.
pub const UNIX_EPOCH_JULIAN: i32 = 2_440_588;
/// Seconds from 1970-01-01 to 2000-01-01.
pub const UNIX_EPOCH_SECS: i64 = (EPOCH_JULIAN - UNIX_EPOCH_JULIAN) as i64 * SECS_PER_DAY;
/// First Julian day after the last date (5874897-12-31).
const DATE_END_JULIAN: i32 = 2_147_483_494;

pub const DATE_NOBEGIN: Date = i32::MIN;
pub const DATE_NOEND: Date = i32::MAX;
pub const TIMESTAMP_NOBEGIN: Timestamp = i64::MIN;
pub const TIMESTAMP_NOEND: Timestamp = i64::MAX;
/// 4714-11-24 BC 00:00.
pub const TIMESTAMP_MIN: Timestamp = -(EPOCH_JULIAN as i64) * USECS_PER_DAY;
/// First microsecond after the last timestamp (294277-01-01 00:00).
pub const TIMESTAMP_END: Timestamp = 9_223_371_331_200_000_000;

/// Whether `date` is finite and within the calendar.
pub fn is_valid_date(date: Date) -> bool {
    (-EPOCH_JULIAN..DATE_END_JULIAN - EPOCH_JULIAN).contains(&date)
}

/// Whether `timestamp` is finite and within the calendar.
pub fn is_valid_timestamp(timestamp: Timestamp) -> bool {
    (TIMESTAMP_MIN..TIMESTAMP_END).contains(&timestamp)
}

pub fn date_is_finite(date: Date) -> bool {
    date != DATE_NOBEGIN && date != DATE_NOEND
}

pub fn timestamp_is_finite(timestamp: Timestamp) -> bool {
    timestamp != TIMESTAMP_NOBEGIN && timestamp != TIMESTAMP_NOEND
}

pub(crate) fn timestamp_out_of_range() -> Error {
    err!(DATETIME_VALUE_OUT_OF_RANGE, "timestamp out of range")
}

pub(crate) fn date_out_of_range() -> Error {
    err!(DATETIME_VALUE_OUT_OF_RANGE, "date out of range")
}

pub(crate) fn interval_out_of_range() -> Error {
    err!(DATETIME_VALUE_OUT_OF_RANGE, "interval out of range")
}

/// Why a date/time text was refused; becomes an [`Error`] once the text and its type are known.
#[derive(Debug)]
pub(crate) enum Refusal {
    BadFormat,
    FieldOverflow,
    /// Month or day out of range: possibly a matter of the field order.
    MonthDayOverflow,
    ZoneOverflow,
    UnknownZone(String),
    /// An error that needs no further facts.
    Other(Error),
}

impl Refusal {
    pub(crate) fn into_error(self, text: &str, type_name: &str) -> Error {
        match self {
            Refusal::BadFormat => {
                err!(INVALID_DATETIME_FORMAT, "invalid input syntax for type {type_name}: \"{text}\"")
            }
            Refusal::FieldOverflow if type_name == "interval" => {
                err!(INTERVAL_FIELD_OVERFLOW, "interval field value out of range: \"{text}\"")
            }
            Refusal::FieldOverflow => {
                err!(DATETIME_FIELD_OVERFLOW, "date/time field value out of range: \"{text}\"")
            }
            Refusal::MonthDayOverflow => {
                err!(DATETIME_FIELD_OVERFLOW, "date/time field value out of range: \"{text}\"")
                    .hint("Perhaps you need a different \"DateStyle\" setting.")
            }
            Refusal::ZoneOverflow => {
                err!(INVALID_TIME_ZONE_DISPLACEMENT_VALUE, "time zone displacement out of range: \"{text}\"")
            }
            Refusal::UnknownZone(name) => {
                err!(INVALID_PARAMETER_VALUE, "time zone \"{name}\" not recognized")
            }
            Refusal::Other(error) => error,
        }
    }
}
