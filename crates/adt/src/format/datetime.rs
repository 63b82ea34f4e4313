//! `to_char` of timestamps and intervals.

use super::template::{Field, LetterCase, Node, Pattern, parse};
use super::{MONTHS, ROMAN_MONTHS, WEEKDAYS, ordinal};
use crate::datetime::{
    Civil, Interval, LocalOffset, MONTHS_PER_YEAR, SECS_PER_DAY, TimeZone, Timestamp, TimestampTz,
    USECS_PER_HOUR, civil_from_timestamp, civil_in_zone, day_of_week, iso_week, iso_week_monday, iso_year,
    timestamp_is_finite,
};
use base::{Error, Result, err};

/// The fields to be shown.
struct Moment<'a> {
    civil: Civil,
    /// Wider than that of a day in intervals.
    hour: i64,
    day_of_year: i64,
    is_interval: bool,
    zone: Option<LocalOffset<'a>>,
}

fn not_for_intervals() -> Error {
    err!(INVALID_DATETIME_FORMAT, "invalid format specification for an interval value")
        .hint("Intervals are not tied to specific calendar dates.")
}

fn out_of_range() -> Error {
    err!(DATETIME_VALUE_OUT_OF_RANGE, "timestamp out of range")
}

/// `to_char(timestamp, template)`; `None` (NULL) for infinities.
///
/// # Errors
/// `22008`
pub fn timestamp_to_char(timestamp: Timestamp, template: &str) -> Result<Option<String>> {
    if !timestamp_is_finite(timestamp) || template.is_empty() {
        return Ok(None);
    }
    let civil = civil_from_timestamp(timestamp).ok_or_else(out_of_range)?;
    render(&Moment::of(civil, None), template).map(Some)
}

/// `to_char(timestamptz, template)` in `zone`; `None` (NULL) for infinities.
///
/// # Errors
/// `22008`
pub fn timestamptz_to_char(
    timestamp: TimestampTz,
    zone: &TimeZone,
    template: &str,
) -> Result<Option<String>> {
    if !timestamp_is_finite(timestamp) || template.is_empty() {
        return Ok(None);
    }
    let (civil, _) = civil_in_zone(timestamp, zone)?;
    render(&Moment::of(civil, Some(zone.at(timestamp))), template).map(Some)
}

/// `to_char(interval, template)`; `None` (NULL) for infinities.
///
/// # Errors
/// `22007` for patterns that need a date.
pub fn interval_to_char(interval: &Interval, template: &str) -> Result<Option<String>> {
    if !interval.is_finite() || template.is_empty() {
        return Ok(None);
    }
    let mut civil = Civil {
        year: interval.months / MONTHS_PER_YEAR,
        month: interval.months % MONTHS_PER_YEAR,
        day: interval.days,
        ..Civil::default()
    };
    civil.set_time_of_day(interval.micros % USECS_PER_HOUR);
    let moment = Moment {
        civil,
        hour: interval.micros / USECS_PER_HOUR,
        day_of_year: i64::from(interval.months) * 30 + i64::from(interval.days),
        is_interval: true,
        zone: None,
    };
    render(&moment, template).map(Some)
}

impl<'a> Moment<'a> {
    fn of(civil: Civil, zone: Option<LocalOffset<'a>>) -> Moment<'a> {
        let day_of_year = i64::from(civil.day_of_year());
        Moment { civil, hour: i64::from(civil.hour), day_of_year, is_interval: false, zone }
    }

    fn date_only(&self) -> Result<&Civil> {
        if self.is_interval { Err(not_for_intervals()) } else { Ok(&self.civil) }
    }

    fn shown_year(&self, year: i32) -> i64 {
        i64::from(if self.is_interval || year > 0 { year } else { 1 - year })
    }
}

/// Digits with leading zeros to `width`, where a minus comes on top, or none in fill mode.
fn number(value: i64, width: usize, fill: bool) -> String {
    let width = if fill { 0 } else { width + usize::from(value < 0) };
    format!("{value:0width$}")
}

fn cased(text: &str, case: LetterCase) -> String {
    match case {
        LetterCase::Upper => text.to_ascii_uppercase(),
        LetterCase::Lower => text.to_ascii_lowercase(),
        LetterCase::Capitalized => text.to_string(),
    }
}

/// A name padded on the right.
fn name(text: &str, field: &Field, width: usize) -> String {
    let width = if field.fill || field.translate { 0 } else { width };
    format!("{:width$}", cased(text, field.case))
}

fn render(moment: &Moment, template: &str) -> Result<String> {
    let mut out = String::new();
    for node in parse(template) {
        match node {
            Node::Literal(c) | Node::Separator(c) | Node::Space(c) => out.push(c),
            Node::Field(field) => {
                let numeric = number_field(moment, &field)?;
                let is_number = numeric.is_some();
                let text = match numeric {
                    Some(text) => text,
                    None => text_field(moment, &field)?,
                };
                out.push_str(&text);
                if let (true, Some(case)) = (is_number, field.ordinal) {
                    out.push_str(&cased(ordinal(&text), case));
                }
            }
        }
    }
    Ok(out)
}

/// The fields that are numbers, and so may be ordinals.
fn number_field(moment: &Moment, field: &Field) -> Result<Option<String>> {
    let civil = &moment.civil;
    let micros = i64::from(civil.micros);
    let secs = i64::from(civil.minute) * 60 + i64::from(civil.second);
    let iso = |civil: &Civil| iso_year(civil.year, civil.month, civil.day);
    let (value, width) = match field.pattern {
        Pattern::Hour12 => (if moment.hour % 12 == 0 { 12 } else { moment.hour % 12 }, 2),
        Pattern::Hour24 => (moment.hour, 2),
        Pattern::Minute => (i64::from(civil.minute), 2),
        Pattern::Second => (i64::from(civil.second), 2),
        Pattern::Fraction(digits) => {
            return Ok(Some(number(micros / 10_i64.pow(6 - digits), digits as usize, false)));
        }
        Pattern::Millisecond => return Ok(Some(number(micros / 1000, 3, false))),
        Pattern::Microsecond => return Ok(Some(number(micros, 6, false))),
        Pattern::SecondOfDay => (moment.hour * (SECS_PER_DAY / 24) + secs, 1),
        Pattern::Month => (i64::from(civil.month), 2),
        Pattern::DayOfYear => (moment.day_of_year, 3),
        Pattern::IsoDayOfYear => {
            let civil = moment.date_only()?;
            (i64::from(civil.julian_day() - iso_week_monday(iso(civil), 1) + 1), 3)
        }
        Pattern::DayOfMonth => (i64::from(civil.day), 2),
        Pattern::DayOfWeek => (i64::from(day_of_week(moment.date_only()?.julian_day()) + 1), 1),
        Pattern::IsoDayOfWeek => (i64::from((day_of_week(moment.date_only()?.julian_day()) + 6) % 7 + 1), 1),
        Pattern::WeekOfYear => ((moment.day_of_year - 1) / 7 + 1, 2),
        Pattern::IsoWeek => {
            let civil = moment.date_only()?;
            (i64::from(iso_week(civil.year, civil.month, civil.day)), 2)
        }
        Pattern::Quarter if civil.month == 0 => return Ok(Some(String::new())),
        Pattern::Quarter => (i64::from((civil.month - 1) / 3 + 1), 1),
        Pattern::Century => {
            let year = i64::from(civil.year);
            let century = match year {
                _ if moment.is_interval => year / 100,
                1.. => (year - 1) / 100 + 1,
                _ => year / 100 - 1,
            };
            (century, if century.abs() <= 99 { 2 } else { 1 })
        }
        Pattern::YearWithComma => {
            let year = moment.shown_year(civil.year);
            return Ok(Some(format!("{},{:03}", year / 1000, year - year / 1000 * 1000)));
        }
        Pattern::Year(digits) => year_digits(moment.shown_year(civil.year), digits),
        Pattern::IsoYear(digits) => year_digits(moment.shown_year(iso(moment.date_only()?)), digits),
        Pattern::WeekOfMonth => (i64::from((civil.day - 1) / 7 + 1), 1),
        Pattern::Julian => (i64::from(moment.date_only()?.julian_day()), 1),
        _ => return Ok(None),
    };
    Ok(Some(number(value, width, field.fill)))
}

fn year_digits(year: i64, digits: u32) -> (i64, usize) {
    (if digits == 4 { year } else { year % 10_i64.pow(digits) }, digits as usize)
}

fn text_field(moment: &Moment, field: &Field) -> Result<String> {
    let civil = &moment.civil;
    let pointed = |plain: &str, points: bool| {
        let text = if points { plain.chars().flat_map(|c| [c, '.']).collect() } else { plain.to_string() };
        cased(&text, field.case)
    };
    let month = (1..=12).contains(&civil.month).then(|| (civil.month - 1) as usize);
    let zone = || moment.zone.ok_or_else(not_for_intervals);
    // A timestamp without zone shows no zone's name and an offset of nothing.
    let east = moment.zone.map_or(0, |zone| zone.offset);
    let sign = if east < 0 { '-' } else { '+' };
    let (zone_hour, zone_minute) = (east.unsigned_abs() / 3600, east.unsigned_abs() % 3600 / 60);
    let is_zone = matches!(
        field.pattern,
        Pattern::ZoneName | Pattern::ZoneHour | Pattern::ZoneMinute | Pattern::Offset
    );
    if is_zone && moment.is_interval {
        return Err(not_for_intervals());
    }
    Ok(match field.pattern {
        Pattern::Meridian { points } => {
            pointed(if moment.hour.rem_euclid(24) >= 12 { "PM" } else { "AM" }, points)
        }
        Pattern::Era { points } => pointed(if moment.date_only()?.year <= 0 { "BC" } else { "AD" }, points),
        Pattern::MonthName => {
            moment.date_only()?;
            month.map_or(String::new(), |month| name(MONTHS[month], field, 9))
        }
        Pattern::MonthAbbreviation => {
            moment.date_only()?;
            month.map_or(String::new(), |month| cased(&MONTHS[month][..3], field.case))
        }
        Pattern::DayName => name(WEEKDAYS[day_of_week(moment.date_only()?.julian_day()) as usize], field, 9),
        Pattern::DayAbbreviation => {
            cased(&WEEKDAYS[day_of_week(moment.date_only()?.julian_day()) as usize][..3], field.case)
        }
        Pattern::RomanMonth => roman_month(civil, field),
        Pattern::ZoneName => zone().map_or(String::new(), |zone| {
            // The name is in capitals as the zone has it, or in small letters.
            match field.case {
                LetterCase::Lower => zone.abbreviation.to_ascii_lowercase(),
                _ => zone.abbreviation.to_string(),
            }
        }),
        Pattern::ZoneHour => format!("{sign}{zone_hour:02}"),
        Pattern::ZoneMinute => format!("{zone_minute:02}"),
        Pattern::Offset => {
            let hour = number(i64::from(zone_hour), 2, field.fill);
            let minute = if zone_minute == 0 { String::new() } else { format!(":{zone_minute:02}") };
            format!("{sign}{hour}{minute}")
        }
        _ => String::new(),
    })
}

/// The month in Roman numerals; in intervals whole years count as December, or January for negative ones.
fn roman_month(civil: &Civil, field: &Field) -> String {
    let at = match civil.month {
        0 if civil.year == 0 => return String::new(),
        0 if civil.year > 0 => 11,
        0 => 0,
        month if month < 0 => 12 + month,
        month => month - 1,
    };
    let width = if field.fill { 0 } else { 4 };
    format!("{:width$}", cased(ROMAN_MONTHS[at as usize], field.case))
}
