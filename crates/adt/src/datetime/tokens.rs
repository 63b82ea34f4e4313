//! The words that date, time and interval texts may contain.

/// Words that stand for a moment or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reserved {
    Late,
    Early,
    Zulu,
    Epoch,
    Now,
    Today,
    Tomorrow,
    Yesterday,
}

/// A unit of time, or a field of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    Julian,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    IsoYear,
    Epoch,
    Timezone,
    TimezoneHour,
    TimezoneMinute,
}

/// The meaning of a word in a date or timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Reserved(Reserved),
    /// Whether BC.
    Era(bool),
    /// Whether PM.
    Meridian(bool),
    Month(i32),
    /// 0 is Sunday.
    Weekday(i32),
    /// A letter that labels the next number; only Julian is of use.
    Unit(Unit),
    /// `t` before an ISO time.
    IsoTime,
    /// `dst`: the zone before is shifted by an hour.
    DaylightModifier,
    /// `at`, `on`
    Ignored,
}

/// How many bytes of a word count.
pub(crate) const TOKEN_BYTES: usize = 10;

fn significant(word: &str) -> &str {
    match word.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|&end| end <= TOKEN_BYTES).last() {
        Some(end) => &word[..end],
        None => word,
    }
}

/// The meaning of a lower-case word in a date or timestamp.
pub(crate) fn find_word(word: &str) -> Option<Word> {
    use self::Reserved as Name;
    use Word::*;
    Some(match significant(word) {
        "+infinity" | "infinity" => Reserved(Name::Late),
        "-infinity" => Reserved(Name::Early),
        "allballs" => Reserved(Name::Zulu),
        "epoch" => Reserved(Name::Epoch),
        "now" => Reserved(Name::Now),
        "today" => Reserved(Name::Today),
        "tomorrow" => Reserved(Name::Tomorrow),
        "yesterday" => Reserved(Name::Yesterday),
        "ad" => Era(false),
        "bc" => Era(true),
        "am" => Meridian(false),
        "pm" => Meridian(true),
        "at" | "on" => Ignored,
        "jan" | "january" => Month(1),
        "feb" | "february" => Month(2),
        "mar" | "march" => Month(3),
        "apr" | "april" => Month(4),
        "may" => Month(5),
        "jun" | "june" => Month(6),
        "jul" | "july" => Month(7),
        "aug" | "august" => Month(8),
        "sep" | "sept" | "september" => Month(9),
        "oct" | "october" => Month(10),
        "nov" | "november" => Month(11),
        "dec" | "december" => Month(12),
        "sun" | "sunday" => Weekday(0),
        "mon" | "monday" => Weekday(1),
        "tue" | "tues" | "tuesday" => Weekday(2),
        "wed" | "weds" | "wednesday" => Weekday(3),
        "thu" | "thur" | "thurs" | "thursday" => Weekday(4),
        "fri" | "friday" => Weekday(5),
        "sat" | "saturday" => Weekday(6),
        "d" => Unit(self::Unit::Day),
        "dow" => Unit(self::Unit::DayOfWeek),
        "doy" => Unit(self::Unit::DayOfYear),
        "h" => Unit(self::Unit::Hour),
        "isodow" => Unit(self::Unit::IsoDayOfWeek),
        "isoyear" => Unit(self::Unit::IsoYear),
        "j" | "jd" | "julian" => Unit(self::Unit::Julian),
        "m" => Unit(self::Unit::Month),
        "mm" => Unit(self::Unit::Minute),
        "s" => Unit(self::Unit::Second),
        "y" => Unit(self::Unit::Year),
        "t" => IsoTime,
        "dst" => DaylightModifier,
        _ => return None,
    })
}

/// The unit that a lower-case word names in an interval or as a field of `extract`.
pub(crate) fn find_unit(word: &str) -> Option<Unit> {
    Some(match significant(word) {
        "c" | "cent" | "centuries" | "century" => Unit::Century,
        "d" | "day" | "days" => Unit::Day,
        "dec" | "decade" | "decades" | "decs" => Unit::Decade,
        "h" | "hour" | "hours" | "hr" | "hrs" => Unit::Hour,
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minute,
        "microsecon" | "us" | "usec" | "usecond" | "useconds" | "usecs" => Unit::Microsecond,
        "mil" | "millennia" | "millennium" | "mils" => Unit::Millennium,
        "millisecon" | "ms" | "msec" | "msecond" | "mseconds" | "msecs" => Unit::Millisecond,
        "mon" | "mons" | "month" | "months" => Unit::Month,
        "qtr" | "quarter" => Unit::Quarter,
        "s" | "sec" | "second" | "seconds" | "secs" => Unit::Second,
        "timezone" => Unit::Timezone,
        "timezone_h" => Unit::TimezoneHour,
        "timezone_m" => Unit::TimezoneMinute,
        "w" | "week" | "weeks" => Unit::Week,
        "y" | "year" | "years" | "yr" | "yrs" => Unit::Year,
        _ => return None,
    })
}

/// The field that `extract`, `date_trunc` and their kin name.
pub(crate) fn find_field(name: &str) -> Option<Unit> {
    find_unit(name).or_else(|| match find_word(name)? {
        Word::Unit(unit) => Some(unit),
        Word::Reserved(Reserved::Epoch) => Some(Unit::Epoch),
        _ => None,
    })
}
