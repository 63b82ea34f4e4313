//! Reading the two sources of zone rules: compiled TZif files (RFC 9636) and POSIX `TZ` strings.

use super::calendar::{day_of_week, is_leap_year, julian_day};
use super::{SECS_PER_DAY, UNIX_EPOCH_JULIAN};

/// One kind of local time that a zone has had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocalType {
    /// Seconds east of Greenwich.
    pub offset: i32,
    pub is_dst: bool,
    pub abbreviation: Box<str>,
}

/// The content of a TZif file.
#[derive(Debug, Default)]
pub(super) struct TzFile {
    /// Unix seconds at which local time changed, ascending, with the index of the new type.
    pub transitions: Vec<(i64, u8)>,
    /// Never empty; the first holds before all transitions.
    pub types: Vec<LocalType>,
    /// What holds after the last transition.
    pub rule: Option<PosixRule>,
}

fn be_u32(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize)
}

struct Header {
    counts: [usize; 6],
}

impl Header {
    const SIZE: usize = 44;

    fn read(bytes: &[u8]) -> Option<Header> {
        if !bytes.starts_with(b"TZif") {
            return None;
        }
        let mut counts = [0; 6];
        for (i, count) in counts.iter_mut().enumerate() {
            *count = be_u32(bytes, 20 + 4 * i)?;
        }
        Some(Header { counts })
    }

    fn body_size(&self, time_size: usize) -> usize {
        let [isutc, isstd, leap, times, types, chars] = self.counts;
        times * (time_size + 1) + types * 6 + chars + leap * (time_size + 4) + isstd + isutc
    }
}

/// Parses the 64-bit part of a TZif file; `None` when it is not one.
pub(super) fn parse_tzif(bytes: &[u8]) -> Option<TzFile> {
    let skip = Header::SIZE + Header::read(bytes)?.body_size(4);
    let bytes = bytes.get(skip..)?;
    let header = Header::read(bytes)?;
    let [_, _, _, times, types, chars] = header.counts;
    let body = &bytes[Header::SIZE..];
    let indexes_at = times * 8;
    let types_at = indexes_at + times;
    let chars_at = types_at + types * 6;
    let names = body.get(chars_at..chars_at + chars)?;
    let mut file = TzFile::default();
    for i in 0..types {
        let row = body.get(types_at + 6 * i..types_at + 6 * i + 6)?;
        let name = names.get(row[5] as usize..)?;
        let end = name.iter().position(|&b| b == 0)?;
        file.types.push(LocalType {
            offset: i32::from_be_bytes(row[..4].try_into().ok()?),
            is_dst: row[4] != 0,
            abbreviation: std::str::from_utf8(&name[..end]).ok()?.into(),
        });
    }
    for i in 0..times {
        let at = i64::from_be_bytes(body.get(8 * i..8 * i + 8)?.try_into().ok()?);
        let kind = *body.get(indexes_at + i)?;
        if kind as usize >= types {
            return None;
        }
        file.transitions.push((at, kind));
    }
    if file.types.is_empty() {
        return None;
    }
    let footer = body.get(header.body_size(8)..)?;
    let footer = std::str::from_utf8(footer).ok()?.trim_matches('\n');
    file.rule = PosixRule::parse(footer);
    Some(file)
}

/// A day of the year in a POSIX rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RuleDay {
    /// `Jn`: 1 to 365, 29 February not counted.
    Julian(i32),
    /// `n`: 0 to 365, 29 February counted.
    DayOfYear(i32),
    /// `Mm.w.d`: weekday `d` of week `w` (5 for the last) of month `m`.
    MonthWeekDay(i32, i32, i32),
}

/// A POSIX rule: standard time, and where there is daylight time, when it starts and ends each year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PosixRule {
    pub standard: LocalType,
    pub daylight: Option<Daylight>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Daylight {
    pub local: LocalType,
    /// Day and seconds after local midnight, in standard time.
    start: (RuleDay, i32),
    /// Day and seconds after local midnight, in daylight time.
    end: (RuleDay, i32),
}

struct RuleText<'a>(&'a str);

impl<'a> RuleText<'a> {
    fn eat(&mut self, c: char) -> bool {
        match self.0.strip_prefix(c) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !accept(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn abbreviation(&mut self) -> Option<&'a str> {
        let name = if self.eat('<') {
            let name = self.take_while(|c| c != '>');
            self.eat('>').then_some(name)?
        } else {
            self.take_while(|c| !c.is_ascii_digit() && !matches!(c, ',' | '-' | '+'))
        };
        Some(name)
    }

    fn number(&mut self, min: i32, max: i32) -> Option<i32> {
        let value: i32 = self.take_while(|c| c.is_ascii_digit()).parse().ok()?;
        (min..=max).contains(&value).then_some(value)
    }

    /// `[+-]hh[:mm[:ss]]` in seconds; up to a week.
    fn time(&mut self) -> Option<i32> {
        let negative = self.eat('-');
        if !negative {
            self.eat('+');
        }
        let mut secs = self.number(0, 167)? * 3600;
        if self.eat(':') {
            secs += self.number(0, 59)? * 60;
            if self.eat(':') {
                secs += self.number(0, 60)?;
            }
        }
        Some(if negative { -secs } else { secs })
    }

    fn day(&mut self) -> Option<(RuleDay, i32)> {
        let day = if self.eat('J') {
            RuleDay::Julian(self.number(1, 365)?)
        } else if self.eat('M') {
            let month = self.number(1, 12)?;
            self.eat('.').then_some(())?;
            let week = self.number(1, 5)?;
            self.eat('.').then_some(())?;
            RuleDay::MonthWeekDay(month, week, self.number(0, 6)?)
        } else {
            RuleDay::DayOfYear(self.number(0, 365)?)
        };
        let time = if self.eat('/') { self.time()? } else { 7200 };
        Some((day, time))
    }
}

impl PosixRule {
    /// Parses `std offset[dst[offset][,start[/time],end[/time]]]`.
    pub fn parse(text: &str) -> Option<PosixRule> {
        let mut text = RuleText(text);
        let local = |name: &str, offset, is_dst| LocalType { offset, is_dst, abbreviation: name.into() };
        // PostgreSQL takes an offset without a name, too.
        let name = text.abbreviation()?;
        // POSIX counts west of Greenwich.
        let offset = -text.time()?;
        let standard = local(name, offset, false);
        if text.0.is_empty() {
            return Some(PosixRule { standard, daylight: None });
        }
        let name = text.abbreviation().filter(|name| !name.is_empty())?;
        let offset =
            if text.0.is_empty() || text.0.starts_with(',') { offset + 3600 } else { -text.time()? };
        let (start, end) = if text.0.is_empty() {
            // The rules of the United States since 2007, as everywhere where none are given.
            ((RuleDay::MonthWeekDay(3, 2, 0), 7200), (RuleDay::MonthWeekDay(11, 1, 0), 7200))
        } else {
            text.eat(',').then_some(())?;
            let start = text.day()?;
            text.eat(',').then_some(())?;
            (start, text.day()?)
        };
        text.0.is_empty().then_some(())?;
        let daylight = Daylight { local: local(name, offset, true), start, end };
        Some(PosixRule { standard, daylight: Some(daylight) })
    }

    /// Unix seconds of the two changes in `year` with what holds afterwards, in order of time.
    fn changes(&self, year: i32) -> Option<[(i64, &LocalType); 2]> {
        let daylight = self.daylight.as_ref()?;
        let start = rule_secs(daylight.start, year) - i64::from(self.standard.offset);
        let end = rule_secs(daylight.end, year) - i64::from(daylight.local.offset);
        let (start, end) = ((start, &daylight.local), (end, &self.standard));
        Some(if start.0 <= end.0 { [start, end] } else { [end, start] })
    }

    /// What holds at `at`.
    pub fn at(&self, at: i64) -> &LocalType {
        let year = year_of(at);
        let all = (year - 1..=year + 1).filter_map(|y| self.changes(y)).flatten();
        all.take_while(|change| change.0 <= at).last().map_or(&self.standard, |change| change.1)
    }

    /// The first change after `after`.
    pub fn next_change(&self, after: i64) -> Option<(i64, &LocalType)> {
        let year = year_of(after);
        (year - 1..=year + 2).filter_map(|y| self.changes(y)).flatten().find(|change| change.0 > after)
    }
}

fn year_of(unix_secs: i64) -> i32 {
    let day = unix_secs.div_euclid(SECS_PER_DAY).clamp(-3_000_000, 2_100_000_000) as i32;
    super::calendar::julian_to_ymd(day.saturating_add(UNIX_EPOCH_JULIAN)).0
}

/// Seconds from 1970 to the moment of a rule in local time.
fn rule_secs((day, time): (RuleDay, i32), year: i32) -> i64 {
    let new_year = julian_day(year, 1, 1);
    let julian = match day {
        RuleDay::Julian(n) => new_year + n - 1 + i32::from(is_leap_year(year) && n >= 60),
        RuleDay::DayOfYear(n) => new_year + n,
        RuleDay::MonthWeekDay(month, week, weekday) => {
            let first = julian_day(year, month, 1);
            let mut day = first + (weekday - day_of_week(first)).rem_euclid(7) + 7 * (week - 1);
            while day >= first + super::calendar::days_in_month(year, month) {
                day -= 7;
            }
            day
        }
    };
    i64::from(julian - UNIX_EPOCH_JULIAN) * SECS_PER_DAY + i64::from(time)
}
