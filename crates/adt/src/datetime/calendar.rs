//! The proleptic Gregorian calendar over Julian day numbers.

use super::*;

/// A moment broken down into calendar fields. Year 0 is 1 BC, -1 is 2 BC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Civil {
    pub year: i32,
    /// 1 to 12
    pub month: i32,
    /// 1 to 31
    pub day: i32,
    pub hour: i32,
    pub minute: i32,
    pub second: i32,
    pub micros: i32,
}

impl Civil {
    /// Microseconds since midnight.
    pub fn time_of_day(&self) -> Time {
        (i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second)) * USECS_PER_SEC
            + i64::from(self.micros)
    }

    pub fn set_time_of_day(&mut self, time: Time) {
        self.hour = (time / USECS_PER_HOUR) as i32;
        self.minute = (time / USECS_PER_MINUTE % 60) as i32;
        self.second = (time / USECS_PER_SEC % 60) as i32;
        self.micros = (time % USECS_PER_SEC) as i32;
    }

    pub fn julian_day(&self) -> i32 {
        julian_day(self.year, self.month, self.day)
    }

    pub fn set_julian_day(&mut self, day: i32) {
        (self.year, self.month, self.day) = julian_to_ymd(day);
    }

    /// Whether the date has a Julian day number that is not negative and fits (roughly: year and month only).
    pub(crate) fn is_valid_julian(&self) -> bool {
        let Civil { year, month, .. } = *self;
        (year > -4713 || (year == -4713 && month >= 11))
            && (year < 5_874_898 || (year == 5_874_898 && month < 6))
    }

    /// 1 to 366
    pub fn day_of_year(&self) -> i32 {
        self.julian_day() - julian_day(self.year, 1, 1) + 1
    }

    /// Seconds from 1970-01-01 00:00 as if the fields were UTC.
    pub(crate) fn unix_secs(&self) -> i64 {
        i64::from(self.julian_day() - UNIX_EPOCH_JULIAN) * SECS_PER_DAY
            + i64::from(self.hour) * 3600
            + i64::from(self.minute) * 60
            + i64::from(self.second)
    }
}

/// The Julian day number of a date. Fields out of range by little carry over as expected.
pub fn julian_day(year: i32, month: i32, day: i32) -> i32 {
    // Days are counted in years that start in March, so that the leap day is the last of its year.
    let (y, m) = if month > 2 { (i64::from(year), month - 3) } else { (i64::from(year) - 1, month + 9) };
    let days = 365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400);
    // 153 days in every five months from March on.
    (days + i64::from((153 * m + 2) / 5 + day - 1) + 1_721_120) as i32
}

/// Year, month and day of a Julian day number, the inverse of [`julian_day`].
pub fn julian_to_ymd(julian: i32) -> (i32, i32, i32) {
    let days = i64::from(julian) - 1_721_120;
    let era = days.div_euclid(146_097);
    let in_era = days.rem_euclid(146_097);
    let year_of_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let day_of_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let m = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * m + 2) / 5 + 1;
    let month = if m < 10 { m + 3 } else { m - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month as i32, day as i32)
}

/// 0 (Sunday) to 6 of a Julian day number.
pub fn day_of_week(julian: i32) -> i32 {
    ((i64::from(julian) + 1).rem_euclid(7)) as i32
}

pub(crate) fn is_leap_year(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of `month` (1 to 12) in `year`.
pub fn days_in_month(year: i32, month: i32) -> i32 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Julian day of the Monday that starts ISO week 1 of an ISO year.
fn iso_year_start(year: i32) -> i32 {
    // 4 January is always in week 1.
    let fourth = julian_day(year, 1, 4);
    fourth - (day_of_week(fourth) + 6) % 7
}

/// The ISO year that a date belongs to.
pub fn iso_year(year: i32, month: i32, day: i32) -> i32 {
    let julian = julian_day(year, month, day);
    if julian < iso_year_start(year) {
        year - 1
    } else if julian >= iso_year_start(year + 1) {
        year + 1
    } else {
        year
    }
}

/// The ISO week (1 to 53) that a date belongs to.
pub fn iso_week(year: i32, month: i32, day: i32) -> i32 {
    (julian_day(year, month, day) - iso_year_start(iso_year(year, month, day))) / 7 + 1
}

/// Julian day of the Monday of an ISO week.
pub fn iso_week_monday(iso_year: i32, week: i32) -> i32 {
    iso_year_start(iso_year).wrapping_add(week.wrapping_sub(1).wrapping_mul(7))
}

/// The calendar fields of a finite date.
pub fn civil_from_date(date: Date) -> Civil {
    let mut civil = Civil::default();
    civil.set_julian_day(date + EPOCH_JULIAN);
    civil
}

/// The calendar fields of a finite timestamp without zone; `None` outside the calendar.
pub fn civil_from_timestamp(timestamp: Timestamp) -> Option<Civil> {
    let day = timestamp.div_euclid(USECS_PER_DAY) + i64::from(EPOCH_JULIAN);
    // Local time may be a day earlier than the first timestamp.
    if !(-1..=i64::from(i32::MAX)).contains(&day) {
        return None;
    }
    let mut civil = Civil::default();
    civil.set_julian_day(day as i32);
    civil.set_time_of_day(timestamp.rem_euclid(USECS_PER_DAY));
    Some(civil)
}

/// The timestamp of local fields at an offset of `east` seconds; `None` out of range.
pub fn timestamp_from_civil(civil: &Civil, east: i32) -> Option<Timestamp> {
    if !civil.is_valid_julian() {
        return None;
    }
    let day = i64::from(civil.julian_day() - EPOCH_JULIAN);
    let local = day.checked_mul(USECS_PER_DAY)?.checked_add(civil.time_of_day())?;
    let timestamp = local.checked_sub(i64::from(east) * USECS_PER_SEC)?;
    is_valid_timestamp(timestamp).then_some(timestamp)
}
