//! Writing intervals in the four styles.

use super::output::{put, put_fraction};
use super::*;
use std::fmt::Write;

/// An interval in the fields that are shown; all have the sign of the part that they come from.
struct Parts {
    year: i32,
    month: i32,
    day: i32,
    hour: i64,
    minute: i32,
    second: i32,
    micros: i32,
}

impl Parts {
    fn new(interval: &Interval) -> Parts {
        Parts {
            year: interval.months / MONTHS_PER_YEAR,
            month: interval.months % MONTHS_PER_YEAR,
            day: interval.days,
            hour: interval.micros / USECS_PER_HOUR,
            minute: (interval.micros / USECS_PER_MINUTE % 60) as i32,
            second: (interval.micros / USECS_PER_SEC % 60) as i32,
            micros: (interval.micros % USECS_PER_SEC) as i32,
        }
    }

    /// `h:mm:ss.f` without sign.
    fn put_clock(&self, out: &mut String, hour_width: usize) {
        let hour = self.hour.unsigned_abs();
        put!(out, "{hour:0hour_width$}:{:02}:{:02}", self.minute.abs(), self.second.abs());
        put_fraction(out, self.micros);
    }

    fn put_seconds(&self, out: &mut String) {
        put!(out, "{}", self.second.abs());
        put_fraction(out, self.micros);
    }
}

/// Writes an interval.
pub fn interval_out(interval: &Interval, style: IntervalStyle) -> String {
    match *interval {
        Interval::NOBEGIN => return "-infinity".to_string(),
        Interval::NOEND => return "infinity".to_string(),
        _ => {}
    }
    let parts = Parts::new(interval);
    let mut out = String::new();
    match style {
        IntervalStyle::Postgres => postgres(&mut out, &parts, interval.micros),
        IntervalStyle::PostgresVerbose => verbose(&mut out, &parts),
        IntervalStyle::SqlStandard => sql_standard(&mut out, &parts, interval),
        IntervalStyle::Iso8601 => iso(&mut out, &parts, interval),
    }
    out
}

fn postgres(out: &mut String, parts: &Parts, micros: i64) {
    // A positive field after a negative one shows its sign.
    let mut negative_before = false;
    for (value, unit) in [(parts.year, "year"), (parts.month, "mon"), (parts.day, "day")] {
        if value == 0 {
            continue;
        }
        let space = if out.is_empty() { "" } else { " " };
        let sign = if negative_before && value > 0 { "+" } else { "" };
        put!(out, "{space}{sign}{value} {unit}{}", if value == 1 { "" } else { "s" });
        negative_before = value < 0;
    }
    if out.is_empty() || micros != 0 {
        if !out.is_empty() {
            out.push(' ');
        }
        if micros < 0 {
            out.push('-');
        } else if negative_before {
            out.push('+');
        }
        parts.put_clock(out, 2);
    }
}

fn verbose(out: &mut String, parts: &Parts) {
    out.push('@');
    // The first field decides whether all are shown with the opposite sign and `ago`.
    let mut ago = None;
    let fields = [
        (i64::from(parts.year), "year"),
        (i64::from(parts.month), "mon"),
        (i64::from(parts.day), "day"),
        (parts.hour, "hour"),
        (i64::from(parts.minute), "min"),
    ];
    for (value, unit) in fields {
        if value == 0 {
            continue;
        }
        let shown = if *ago.get_or_insert(value < 0) { value.wrapping_neg() } else { value };
        put!(out, " {shown} {unit}{}", if shown == 1 { "" } else { "s" });
    }
    if parts.second != 0 || parts.micros != 0 {
        let negative = parts.second < 0 || parts.micros < 0;
        out.push(' ');
        if negative != *ago.get_or_insert(negative) {
            out.push('-');
        }
        parts.put_seconds(out);
        let one = parts.second.abs() == 1 && parts.micros == 0;
        out.push_str(if one { " sec" } else { " secs" });
    }
    match ago {
        None => out.push_str(" 0"),
        Some(true) => out.push_str(" ago"),
        Some(false) => {}
    }
}

fn sql_standard(out: &mut String, parts: &Parts, interval: &Interval) {
    let Interval { micros, days, months } = *interval;
    let negative = months < 0 || days < 0 || micros < 0;
    let positive = months > 0 || days > 0 || micros > 0;
    if !negative && !positive {
        out.push('0');
        return;
    }
    let has_day_time = days != 0 || micros != 0;
    if (negative && positive) || (months != 0 && has_day_time) {
        let sign = |negative: bool| if negative { '-' } else { '+' };
        put!(out, "{}{}-{} ", sign(months < 0), parts.year.abs(), parts.month.abs());
        put!(out, "{}{} {}", sign(days < 0), days.unsigned_abs(), sign(micros < 0));
        parts.put_clock(out, 1);
        return;
    }
    if negative {
        out.push('-');
    }
    if months != 0 {
        put!(out, "{}-{}", parts.year.abs(), parts.month.abs());
        return;
    }
    if days != 0 {
        put!(out, "{} ", days.unsigned_abs());
    }
    parts.put_clock(out, 1);
}

fn iso(out: &mut String, parts: &Parts, interval: &Interval) {
    if *interval == Interval::default() {
        out.push_str("PT0S");
        return;
    }
    out.push('P');
    for (value, unit) in [(parts.year, 'Y'), (parts.month, 'M'), (parts.day, 'D')] {
        if value != 0 {
            put!(out, "{value}{unit}");
        }
    }
    if interval.micros == 0 {
        return;
    }
    out.push('T');
    for (value, unit) in [(parts.hour, 'H'), (i64::from(parts.minute), 'M')] {
        if value != 0 {
            put!(out, "{value}{unit}");
        }
    }
    if parts.second != 0 || parts.micros != 0 {
        if interval.micros < 0 {
            out.push('-');
        }
        parts.put_seconds(out);
        out.push('S');
    }
}
