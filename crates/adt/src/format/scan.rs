//! `to_date` and `to_timestamp` of texts by template.

use super::template::{Field, Node, Pattern, is_separator, parse};
use super::{MONTHS, ROMAN_MONTHS, WEEKDAYS};
use crate::datetime::{
    Civil, Date, DateTimeContext, EPOCH_JULIAN, TimestampTz, ZoneSpec, days_in_month, is_valid_date,
    iso_week_monday, julian_day, julian_to_ymd, timestamp_from_civil,
};
use base::{Error, Result, bail, err};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Convention {
    Gregorian,
    IsoWeek,
}

/// What the fields said; 0 stands for nothing.
#[derive(Default)]
struct Found {
    hour: i32,
    minute: i32,
    second: i32,
    second_of_day: i32,
    /// 1 is Sunday.
    weekday: i32,
    day: i32,
    day_of_year: i32,
    month: i32,
    year: i32,
    year_digits: u32,
    century: i32,
    julian: i32,
    week: i32,
    week_of_month: i32,
    millis: i32,
    micros: i32,
    bc: i32,
    pm: i32,
    twelve_hours: bool,
    zone_sign: i32,
    zone_hour: i32,
    zone_minute: i32,
    zone: Option<ZoneSpec>,
    convention: Option<Convention>,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    fixed: bool,
    extra_skip: i32,
    found: Found,
}

fn invalid(message: String) -> Error {
    err!(INVALID_DATETIME_FORMAT, "{message}")
}

fn set(slot: &mut i32, value: i32, name: &str) -> Result<()> {
    if *slot != 0 && *slot != value {
        return Err(invalid(format!("conflicting values for \"{name}\" field in formatting string"))
            .detail("This value contradicts a previous setting for the same field type."));
    }
    *slot = value;
    Ok(())
}

fn convention_of(pattern: Pattern) -> Option<Convention> {
    use Pattern::*;
    match pattern {
        IsoDayOfYear | IsoDayOfWeek | IsoWeek | IsoYear(_) => Some(Convention::IsoWeek),
        DayOfYear | DayOfMonth | DayOfWeek | Month | MonthName | MonthAbbreviation | RomanMonth
        | WeekOfYear | WeekOfMonth | YearWithComma | Year(_) => Some(Convention::Gregorian),
        _ => None,
    }
}

/// Whether what follows in the template cannot begin with a digit.
fn digits_end_here(field: &Field, next: Option<&Node>) -> bool {
    use Pattern::*;
    if field.fill || field.ordinal.is_some() {
        return true;
    }
    match next {
        None => true,
        Some(Node::Literal(c) | Node::Separator(c) | Node::Space(c)) => !c.is_ascii_digit(),
        Some(Node::Field(next)) => matches!(
            next.pattern,
            Era { .. }
                | Meridian { .. }
                | DayName
                | DayAbbreviation
                | FixedFormat
                | MonthName
                | MonthAbbreviation
                | Offset
                | RomanMonth
                | ZoneHour
                | ZoneName
        ),
    }
}

/// A year of few digits is the one next to 2020.
fn near_2020(year: i32) -> i32 {
    match year {
        ..70 => year + 2000,
        70..100 => year + 1900,
        100..520 => year + 2000,
        520..1000 => year + 1000,
        _ => year,
    }
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_char(&mut self) {
        self.at += self.rest().chars().next().map_or(0, char::len_utf8);
    }

    fn skip_spaces(&mut self) -> i32 {
        let spaces = self.rest().bytes().take_while(|c| c.is_ascii_whitespace() || *c == 11).count();
        self.at += spaces;
        spaces as i32
    }

    fn scan(&mut self, nodes: &[Node], context: &DateTimeContext) -> Result<()> {
        for (index, node) in nodes.iter().enumerate() {
            if self.rest().is_empty() {
                break;
            }
            let is_field = matches!(node, Node::Field(_));
            let is_fixed = matches!(node, Node::Field(field) if field.pattern == Pattern::FixedFormat);
            if !self.fixed && !is_fixed && (is_field || index == 0) {
                self.extra_skip += self.skip_spaces();
            }
            match node {
                Node::Space(_) | Node::Separator(_) if self.fixed => self.skip_char(),
                Node::Space(_) | Node::Separator(_) => {
                    self.extra_skip -= 1;
                    if self.rest().starts_with(|c: char| c.is_ascii_whitespace() || is_separator(c)) {
                        self.skip_char();
                        self.extra_skip += 1;
                    }
                }
                Node::Literal(_) if !self.fixed && self.extra_skip > 0 => self.extra_skip -= 1,
                Node::Literal(_) => self.skip_char(),
                Node::Field(field) => {
                    self.set_convention(field.pattern)?;
                    self.field(field, nodes.get(index + 1), context)?;
                    if field.ordinal.is_some() {
                        self.skip_char();
                        self.skip_char();
                    }
                    if !self.fixed {
                        self.extra_skip = self.skip_spaces();
                    }
                }
            }
        }
        Ok(())
    }

    fn set_convention(&mut self, pattern: Pattern) -> Result<()> {
        let Some(convention) = convention_of(pattern) else {
            return Ok(());
        };
        if *self.found.convention.get_or_insert(convention) != convention {
            return Err(invalid("invalid combination of date conventions".to_string())
                .hint("Do not mix Gregorian and ISO week date conventions in a formatting template."));
        }
        Ok(())
    }

    /// Reads an integer of `len` characters, or of any length where the template lets it end; gives its length too.
    fn int(&mut self, len: usize, field: &Field, next: Option<&Node>) -> Result<(i32, usize)> {
        self.skip_spaces();
        let name = field.name;
        let open_ended = digits_end_here(field, next);
        let rest = self.rest();
        let window_end = rest.char_indices().nth(len).map_or(rest.len(), |(at, _)| at);
        let window = if open_ended { rest } else { &rest[..window_end] };
        const HINT: &str = "If your source string is not fixed-width, try using the \"FM\" modifier.";
        if !open_ended && window.len() < len {
            return Err(invalid(format!("source string too short for \"{name}\" formatting field"))
                .detail(format!("Field requires {len} characters, but only {} remain.", window.len()))
                .hint(HINT));
        }
        let sign = usize::from(window.starts_with(['-', '+']));
        let digits = window[sign..].bytes().take_while(u8::is_ascii_digit).count();
        let used = if digits == 0 { 0 } else { sign + digits };
        let shown = &rest[..window_end];
        if used == 0 {
            return Err(invalid(format!("invalid value \"{shown}\" for \"{name}\""))
                .detail("Value must be an integer."));
        }
        if !open_ended && used < len {
            return Err(invalid(format!("invalid value \"{shown}\" for \"{name}\""))
                .detail(format!("Field requires {len} characters, but only {used} could be parsed."))
                .hint(HINT));
        }
        let value = window[..used].parse().map_err(|_| {
            err!(DATETIME_FIELD_OVERFLOW, "value for \"{name}\" in source string is out of range")
                .detail(format!("Value must be in the range {} to {}.", i32::MIN, i32::MAX))
        })?;
        self.at += used;
        Ok((value, used))
    }

    /// The index of the first of `names` that the text starts with, in any case.
    fn word(&mut self, names: &[&str], field: &Field) -> Result<i32> {
        let rest = self.rest();
        let found = names
            .iter()
            .position(|name| rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)));
        match found {
            Some(index) => {
                self.at += names[index].len();
                Ok(index as i32)
            }
            None => {
                let end = rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
                Err(invalid(format!("invalid value \"{}\" for \"{}\"", &rest[..end], field.name))
                    .detail("The given value did not match any of the allowed values for this field."))
            }
        }
    }

    fn field(&mut self, field: &Field, next: Option<&Node>, context: &DateTimeContext) -> Result<()> {
        use Pattern::*;
        let name = field.name;
        match field.pattern {
            FixedFormat => self.fixed = true,
            Meridian { points } => {
                let names: &[&str] = if points { &["a.m.", "p.m."] } else { &["am", "pm"] };
                let pm = self.word(names, field)?;
                set(&mut self.found.pm, pm, name)?;
                self.found.twelve_hours = true;
            }
            Era { points } => {
                let names: &[&str] = if points { &["a.d.", "b.c."] } else { &["ad", "bc"] };
                let bc = self.word(names, field)?;
                set(&mut self.found.bc, bc, name)?;
            }
            MonthName => {
                let month = self.word(&MONTHS, field)? + 1;
                set(&mut self.found.month, month, name)?;
            }
            MonthAbbreviation => {
                let month = self.word(&MONTHS.map(|month| &month[..3]), field)? + 1;
                set(&mut self.found.month, month, name)?;
            }
            RomanMonth => {
                // Longer numerals first, as shorter ones begin them.
                let mut names = ROMAN_MONTHS;
                names.reverse();
                let month = 12 - self.word(&names, field)?;
                set(&mut self.found.month, month, name)?;
            }
            DayName => self.found.weekday = self.word(&WEEKDAYS, field)? + 1,
            DayAbbreviation => {
                self.found.weekday = self.word(&WEEKDAYS.map(|day| &day[..3]), field)? + 1;
            }
            ZoneName | Offset | ZoneHour | ZoneMinute => self.zone_field(field, next, context)?,
            YearWithComma => self.year_with_comma(name)?,
            Year(digits) | IsoYear(digits) => {
                let (mut year, used) = self.int(digits as usize, field, next)?;
                if digits < 4 && used < 4 {
                    year = near_2020(year);
                }
                set(&mut self.found.year, year, name)?;
                self.found.year_digits = digits;
            }
            _ => self.number_field(field, next)?,
        }
        Ok(())
    }

    fn number_field(&mut self, field: &Field, next: Option<&Node>) -> Result<()> {
        use Pattern::*;
        let len = match field.pattern {
            Hour12 | Hour24 => 2,
            Millisecond | IsoDayOfYear => 3,
            Microsecond => 6,
            Fraction(digits) => digits as usize,
            IsoDayOfWeek => 1,
            _ => field.name.len(),
        };
        let (mut value, used) = self.int(len, field, next)?;
        let found = &mut self.found;
        let scaled =
            |digits: usize, value: i32| value.saturating_mul(10_i32.pow(digits.saturating_sub(used) as u32));
        let slot = match field.pattern {
            Hour12 => {
                found.twelve_hours = true;
                &mut found.hour
            }
            Hour24 => &mut found.hour,
            Minute => &mut found.minute,
            Second => &mut found.second,
            Millisecond => {
                value = scaled(3, value);
                &mut found.millis
            }
            Microsecond | Fraction(_) => {
                value = scaled(6, value);
                &mut found.micros
            }
            SecondOfDay => &mut found.second_of_day,
            Month => &mut found.month,
            DayOfYear | IsoDayOfYear => &mut found.day_of_year,
            DayOfMonth => &mut found.day,
            DayOfWeek => &mut found.weekday,
            IsoDayOfWeek => {
                value = if value >= 7 { 1 } else { value + 1 };
                &mut found.weekday
            }
            WeekOfYear | IsoWeek => &mut found.week,
            Century => &mut found.century,
            WeekOfMonth => &mut found.week_of_month,
            Julian => &mut found.julian,
            // The quarter does not determine a date, so it is read and dropped.
            _ => return Ok(()),
        };
        set(slot, value, field.name)
    }

    fn year_with_comma(&mut self, name: &str) -> Result<()> {
        let bad = || invalid(format!("invalid value \"{}\" for \"{name}\"", self.rest()));
        let (thousands, rest) = self.rest().split_once(',').ok_or_else(bad)?;
        let digits = rest.bytes().take(3).take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Err(bad());
        }
        let years: i32 = rest[..digits].parse().map_err(|_| bad())?;
        let read: i32 = thousands.trim_start().parse().map_err(|_| bad())?;
        let year =
            read.checked_mul(1000).and_then(|thousands| thousands.checked_add(years)).ok_or_else(|| {
                err!(DATETIME_FIELD_OVERFLOW, "value for \"{name}\" in source string is out of range")
            })?;
        self.at += thousands.len() + 1 + digits;
        set(&mut self.found.year, year, name)?;
        self.found.year_digits = 4;
        Ok(())
    }

    fn zone_field(&mut self, field: &Field, next: Option<&Node>, context: &DateTimeContext) -> Result<()> {
        if field.pattern == Pattern::ZoneName && self.rest().starts_with(|c: char| c.is_ascii_alphabetic()) {
            let end = self.rest().find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(self.rest().len());
            // The longest known abbreviation counts, so that others may follow without a space.
            for end in (1..=end).rev() {
                let name = self.rest()[..end].to_ascii_lowercase();
                let known = ZoneSpec::abbreviation(&name, context)
                    .map_err(|refusal| refusal.into_error(&name, ""))?;
                if known.is_some() {
                    self.found.zone = known;
                    self.at += end;
                    return Ok(());
                }
            }
            return Err(invalid(format!("invalid value \"{}\" for \"{}\"", self.rest(), field.name))
                .detail("Time zone abbreviation is not recognized."));
        }
        if field.pattern == Pattern::ZoneMinute {
            if self.found.zone_sign == 0 {
                self.found.zone_sign = 1;
            }
            let (minute, _) = self.int(2, field, next)?;
            return set(&mut self.found.zone_minute, minute, field.name);
        }
        match self.rest().as_bytes().first() {
            Some(sign @ (b'+' | b'-' | b' ')) => {
                self.found.zone_sign = if *sign == b'-' { -1 } else { 1 };
                self.at += 1;
            }
            _ => {
                // A minus may have been taken for a separator.
                let minus = self.extra_skip > 0 && self.text[..self.at].ends_with('-');
                self.found.zone_sign = if minus { -1 } else { 1 };
            }
        }
        let (hour, _) = self.int(2, field, next)?;
        set(&mut self.found.zone_hour, hour, field.name)?;
        if field.pattern != Pattern::ZoneHour && self.rest().starts_with(':') {
            self.at += 1;
            let (minute, _) = self.int(2, field, next)?;
            set(&mut self.found.zone_minute, minute, field.name)?;
        }
        Ok(())
    }
}

fn overflow(text: &str) -> Error {
    err!(DATETIME_FIELD_OVERFLOW, "date/time field value out of range: \"{text}\"")
}

impl Found {
    /// The year, with 0 for 1 BC; `None` where none was given.
    fn resolve_year(&self) -> Option<Option<i32>> {
        let century = if self.bc != 0 { self.century.checked_neg()? } else { self.century };
        if self.year != 0 && self.century != 0 && self.year_digits <= 2 {
            let in_century = self.year % 100;
            let year = match in_century {
                0 => century.checked_mul(100)?.checked_add(i32::from(century < 0))?,
                _ if century >= 0 => century.checked_sub(1)?.checked_mul(100)?.checked_add(in_century)?,
                _ => century.checked_add(1)?.checked_mul(100)?.checked_sub(in_century)?.checked_add(1)?,
            };
            return Some(Some(year));
        }
        if self.year != 0 {
            let year = if self.bc != 0 { self.year.checked_neg()? } else { self.year };
            return Some(Some(if year < 0 { year + 1 } else { year }));
        }
        if self.century == 0 {
            return Some(None);
        }
        let before = if century >= 0 { century - 1 } else { century };
        Some(Some(before.checked_mul(100)?.checked_add(1)?))
    }

    fn resolve_time(&self, civil: &mut Civil) -> Result<()> {
        let secs = self.second_of_day;
        (civil.hour, civil.minute, civil.second) = (secs / 3600, secs / 60 % 60, secs % 60);
        for (slot, value) in
            [(&mut civil.hour, self.hour), (&mut civil.minute, self.minute), (&mut civil.second, self.second)]
        {
            if value != 0 {
                *slot = value;
            }
        }
        if self.twelve_hours {
            if !(1..=12).contains(&civil.hour) {
                let message = format!("hour \"{}\" is invalid for the 12-hour clock", civil.hour);
                return Err(invalid(message).hint("Use the 24-hour clock, or give an hour between 1 and 12."));
            }
            civil.hour = civil.hour % 12 + if self.pm != 0 { 12 } else { 0 };
        }
        Ok(())
    }

    fn resolve(&self, text: &str) -> Result<Civil> {
        let mut civil = Civil { month: 1, day: 1, ..Civil::default() };
        self.resolve_time(&mut civil)?;
        let iso = self.convention == Some(Convention::IsoWeek);
        if let Some(year) = self.resolve_year().ok_or_else(|| overflow(text))? {
            civil.year = year;
        }
        if self.julian != 0 {
            (civil.year, civil.month, civil.day) = julian_to_ymd(self.julian);
        }
        let days_of_weeks = |weeks: i32| weeks.checked_sub(1)?.checked_mul(7)?.checked_add(1);
        let mut day_of_year = self.day_of_year;
        if self.week != 0 && iso {
            // Sunday, which is 1 here, ends the week.
            let shift = match self.weekday {
                0 => 0,
                1 => 6,
                day => day - 2,
            };
            let julian = iso_week_monday(civil.year, self.week).wrapping_add(shift);
            (civil.year, civil.month, civil.day) = julian_to_ymd(julian);
        } else if self.week != 0 {
            day_of_year = days_of_weeks(self.week).ok_or_else(|| overflow(text))?;
        }
        let mut day = self.day;
        if self.week_of_month != 0 {
            day = days_of_weeks(self.week_of_month).ok_or_else(|| overflow(text))?;
        }
        if day != 0 {
            civil.day = day;
        }
        if self.month != 0 {
            civil.month = self.month;
        }
        if day_of_year != 0 && (civil.month <= 1 || civil.day <= 1) {
            if civil.year == 0 && self.bc == 0 {
                return Err(invalid("cannot calculate day of year without year information".to_string()));
            }
            let start = if iso { iso_week_monday(civil.year, 1) } else { julian_day(civil.year, 1, 1) };
            let (year, month, day) = julian_to_ymd(start.wrapping_add(day_of_year).wrapping_sub(1));
            if !iso && year != civil.year {
                return Err(overflow(text));
            }
            (civil.year, civil.month, civil.day) = (year, month, day);
        }
        civil.micros = self.millis.checked_mul(1000).and_then(|us| us.checked_add(self.micros)).unwrap_or(-1);
        let valid = (1..=12).contains(&civil.month)
            && civil.day >= 1
            && civil.day <= days_in_month(civil.year, civil.month)
            && (0..24).contains(&civil.hour)
            && (0..60).contains(&civil.minute)
            && (0..60).contains(&civil.second)
            && (0..1_000_000).contains(&civil.micros);
        if valid { Ok(civil) } else { Err(overflow(text)) }
    }

    /// The offset in seconds east, where one was given.
    fn offset(&self, civil: &Civil, text: &str) -> Result<Option<i32>> {
        if self.zone_sign == 0 {
            return Ok(self.zone.as_ref().map(|zone| zone.offset_of_local(civil)));
        }
        if !(0..=15).contains(&self.zone_hour) || !(0..60).contains(&self.zone_minute) {
            bail!(INVALID_TIME_ZONE_DISPLACEMENT_VALUE, "time zone displacement out of range: \"{text}\"");
        }
        Ok(Some(self.zone_sign * (self.zone_hour * 3600 + self.zone_minute * 60)))
    }
}

fn scan(text: &str, template: &str, context: &DateTimeContext) -> Result<Found> {
    let mut scanner = Scanner { text, at: 0, fixed: false, extra_skip: 0, found: Found::default() };
    scanner.scan(&parse(template), context)?;
    Ok(scanner.found)
}

/// `to_timestamp(text, template)`
///
/// # Errors
/// `22007`, `22008`, `22009`
pub fn to_timestamp(text: &str, template: &str, context: &DateTimeContext) -> Result<TimestampTz> {
    let found = scan(text, template, context)?;
    let civil = found.resolve(text)?;
    let east = found.offset(&civil, text)?.unwrap_or_else(|| context.zone.offset_of_local(&civil));
    timestamp_from_civil(&civil, east)
        .ok_or_else(|| err!(DATETIME_VALUE_OUT_OF_RANGE, "timestamp out of range"))
}

/// `to_date(text, template)`
///
/// # Errors
/// `22007`, `22008`
pub fn to_date(text: &str, template: &str, context: &DateTimeContext) -> Result<Date> {
    let civil = scan(text, template, context)?.resolve(text)?;
    let date = civil.julian_day().wrapping_sub(EPOCH_JULIAN);
    // Years far out would wrap around in the count of days.
    if !(-4714..=5_874_898).contains(&civil.year) || !is_valid_date(date) {
        bail!(DATETIME_VALUE_OUT_OF_RANGE, "date out of range: \"{text}\"");
    }
    Ok(date)
}
