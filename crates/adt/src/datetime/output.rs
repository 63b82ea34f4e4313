//! The output functions of date, time, timetz, timestamp and timestamptz.

use super::calendar::day_of_week;
use super::*;
use crate::integer::pair;
use base::Result;
use std::fmt::Write;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// Longest zone abbreviation that is written.
const MAX_ABBREVIATION_BYTES: usize = 10;

/// Writing to a `String` cannot fail, so the result of `write!` carries nothing.
macro_rules! put {
    ($out:expr, $($arguments:tt)*) => {
        let _ = write!($out, $($arguments)*);
    };
}
pub(super) use put;

/// The year as people count it (1 BC for 0).
fn shown_year(year: i32) -> i32 {
    if year > 0 { year } else { 1 - year }
}

/// A fraction of a second without trailing zeros, with its point; nothing for 0.
pub(super) fn put_fraction(out: &mut String, micros: i32) {
    if micros != 0 {
        let micros = micros.unsigned_abs();
        out.push('.');
        [micros / 10_000, micros / 100, micros].iter().for_each(|digits| out.push_str(pair(*digits)));
        out.truncate(out.trim_end_matches('0').len());
    }
}

/// A displacement such as `+02` or `-03:30`.
pub(super) fn put_displacement(out: &mut String, east: i32, style: DateStyle) {
    let size = east.unsigned_abs();
    let (hour, minute, second) = (size / 3600, size / 60 % 60, size % 60);
    out.push(if east < 0 { '-' } else { '+' });
    out.push_str(pair(hour));
    if second != 0 {
        put_pairs(out, ":", [minute, second]);
    } else if minute != 0 || style == DateStyle::Xsd {
        put_pairs(out, ":", [minute]);
    }
}

/// Two digits each, with a mark before each.
fn put_pairs<const N: usize>(out: &mut String, mark: &str, values: [u32; N]) {
    for value in values {
        out.push_str(mark);
        out.push_str(pair(value));
    }
}

fn put_clock(out: &mut String, civil: &Civil) {
    out.push_str(pair(civil.hour as u32));
    put_pairs(out, ":", [civil.minute as u32, civil.second as u32]);
    put_fraction(out, civil.micros);
}

fn put_year(out: &mut String, year: i32) {
    if (0..10_000).contains(&year) {
        out.push_str(pair(year as u32 / 100));
        out.push_str(pair(year as u32));
    } else {
        put!(out, "{year:04}");
    }
}

/// The day and month in the order of the session, with a separator.
fn put_day_month(out: &mut String, civil: &Civil, separator: char, order: DateOrder) {
    let (first, second) =
        if order == DateOrder::Dmy { (civil.day, civil.month) } else { (civil.month, civil.day) };
    put!(out, "{first:02}{separator}{second:02}{separator}");
}

fn put_date(out: &mut String, civil: &Civil, style: DateStyle, order: DateOrder) {
    let year = shown_year(civil.year);
    match style {
        DateStyle::Iso | DateStyle::Xsd => {
            put_year(out, year);
            put_pairs(out, "-", [civil.month as u32, civil.day as u32]);
            return;
        }
        DateStyle::Sql => put_day_month(out, civil, '/', order),
        DateStyle::German => {
            put!(out, "{:02}.{:02}.", civil.day, civil.month);
        }
        DateStyle::Postgres => put_day_month(out, civil, '-', order),
    }
    put_year(out, year);
}

/// Writes a date.
pub fn date_out(date: Date, style: DateStyle, order: DateOrder) -> String {
    let mut out = String::with_capacity(13);
    push_date(&mut out, date, style, order);
    out
}

/// As [`date_out`], to the end of `out`.
pub fn push_date(out: &mut String, date: Date, style: DateStyle, order: DateOrder) {
    match date {
        DATE_NOBEGIN => out.push_str("-infinity"),
        DATE_NOEND => out.push_str("infinity"),
        _ => {
            let civil = civil_from_date(date);
            put_date(out, &civil, style, order);
            put_era(out, &civil);
        }
    }
}

fn put_era(out: &mut String, civil: &Civil) {
    if civil.year <= 0 {
        out.push_str(" BC");
    }
}

/// Writes local fields, with what the zone shows where there is one.
fn put_timestamp(
    out: &mut String,
    civil: &Civil,
    zone: Option<LocalOffset>,
    style: DateStyle,
    order: DateOrder,
) {
    if style == DateStyle::Postgres {
        let weekday = WEEKDAYS[day_of_week(civil.julian_day()) as usize];
        let month = MONTHS[(civil.month - 1) as usize];
        if order == DateOrder::Dmy {
            put!(out, "{weekday} {:02} {month} ", civil.day);
        } else {
            put!(out, "{weekday} {month} {:02} ", civil.day);
        }
        put_clock(out, civil);
        put!(out, " {:04}", shown_year(civil.year));
    } else {
        put_date(out, civil, style, order);
        out.push(if style == DateStyle::Xsd { 'T' } else { ' ' });
        put_clock(out, civil);
    }
    if let Some(local) = zone {
        match style {
            DateStyle::Iso | DateStyle::Xsd => put_displacement(out, local.offset, style),
            _ => {
                let name = local.abbreviation;
                let end = name.char_indices().nth(MAX_ABBREVIATION_BYTES).map_or(name.len(), |(at, _)| at);
                put!(out, " {}", &name[..end]);
            }
        }
    }
    put_era(out, civil);
}

fn infinity(timestamp: Timestamp) -> Option<&'static str> {
    match timestamp {
        TIMESTAMP_NOBEGIN => Some("-infinity"),
        TIMESTAMP_NOEND => Some("infinity"),
        _ => None,
    }
}

/// Writes a timestamp without zone.
///
/// # Errors
/// `22008` for a value outside the calendar.
pub fn timestamp_out(timestamp: Timestamp, style: DateStyle, order: DateOrder) -> Result<String> {
    let mut out = String::with_capacity(26);
    push_timestamp(&mut out, timestamp, style, order)?;
    Ok(out)
}

/// As [`timestamp_out`], to the end of `out`.
///
/// # Errors
/// `22008` for a value outside the calendar.
pub fn push_timestamp(
    out: &mut String,
    timestamp: Timestamp,
    style: DateStyle,
    order: DateOrder,
) -> Result<()> {
    match infinity(timestamp) {
        Some(text) => out.push_str(text),
        None => {
            let civil = civil_from_timestamp(timestamp).ok_or_else(timestamp_out_of_range)?;
            put_timestamp(out, &civil, None, style, order);
        }
    }
    Ok(())
}

/// Writes a timestamp with time zone as it reads in `zone`.
///
/// # Errors
/// `22008` for a value outside the calendar.
pub fn timestamptz_out(
    timestamp: TimestampTz,
    zone: &TimeZone,
    style: DateStyle,
    order: DateOrder,
) -> Result<String> {
    let mut out = String::with_capacity(29);
    push_timestamptz(&mut out, timestamp, zone, style, order)?;
    Ok(out)
}

/// As [`timestamptz_out`], to the end of `out`.
///
/// # Errors
/// `22008` for a value outside the calendar.
pub fn push_timestamptz(
    out: &mut String,
    timestamp: TimestampTz,
    zone: &TimeZone,
    style: DateStyle,
    order: DateOrder,
) -> Result<()> {
    match infinity(timestamp) {
        Some(text) => out.push_str(text),
        None => {
            let local = zone.at(timestamp);
            let civil = timestamp
                .checked_add(i64::from(local.offset) * USECS_PER_SEC)
                .and_then(civil_from_timestamp)
                .ok_or_else(timestamp_out_of_range)?;
            put_timestamp(out, &civil, Some(local), style, order);
        }
    }
    Ok(())
}

/// Writes a time without zone.
pub fn time_out(time: Time) -> String {
    let mut civil = Civil::default();
    civil.set_time_of_day(time);
    let mut out = String::with_capacity(15);
    put_clock(&mut out, &civil);
    out
}

/// Writes a time with time zone.
pub fn timetz_out(value: TimeTz, style: DateStyle) -> String {
    let mut out = time_out(value.time);
    put_displacement(&mut out, -value.zone, style);
    out
}
