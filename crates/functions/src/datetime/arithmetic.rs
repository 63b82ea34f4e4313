//! Sums, differences, products; the clock.

use crate::call::{Call, Function};
use crate::table::functions;
use adt::datetime::*;
use base::Result;

fn local_text(call: &Call<'_>) -> String {
    let formats = call.formats();
    let now = call.session.instance().system.clock.timestamp();
    let template = "Dy Mon DD HH24:MI:SS.US YYYY TZ";
    adt::format::timestamptz_to_char(now, &formats.zone, template).ok().flatten().unwrap_or_default()
}

/// A moment shifted by an interval on the calendar of a named zone.
fn shift_at(call: &Call<'_>, moment: i64, span: &Interval, zone: &str, subtract: bool) -> Result<i64> {
    let spec = call.zone_named(zone)?;
    let zone = match spec {
        ZoneSpec::Fixed { east, .. } => TimeZone::fixed(east),
        ZoneSpec::Dynamic { zone, .. } | ZoneSpec::Zone(zone) => zone,
    };
    if subtract { timestamptz_subtract(moment, span, &zone) } else { timestamptz_add(moment, span, &zone) }
}

fn timetz_shift(value: TimeTz, span: &Interval, subtract: bool) -> Result<TimeTz> {
    let time = if subtract { time_subtract(value.time, span)? } else { time_add(value.time, span)? };
    Ok(TimeTz { time, ..value })
}

pub const FUNCTIONS: &[Function] = functions! {
    "now" [call] () -> i64 = Ok(call.now());
    "statement_timestamp" [call] () -> i64 = Ok(match call.session.current_transaction() {
        Some(transaction) => transaction.statement_at(),
        None => call.now(),
    });
    "clock_timestamp" [call] () -> i64 = Ok(call.session.instance().system.clock.timestamp());
    "timeofday" [call] () -> String = Ok(local_text(call));
    "date_pli" (date: i32, days: i32) -> i32 = date_add_days(date, days);
    "date_mii" (date: i32, days: i32) -> i32 = date_subtract_days(date, days);
    "date_mi" (a: i32, b: i32) -> i32 = date_difference(a, b);
    "date_pl_interval" (date: i32, span: Interval) -> i64 = timestamp_add(timestamp_from_date(date)?, &span);
    "date_mi_interval" (date: i32, span: Interval) -> i64 = timestamp_subtract(timestamp_from_date(date)?, &span);
    "timestamp_mi" (a: i64, b: i64) -> Interval = timestamp_difference(a, b);
    "timestamp_pl_interval" (t: i64, span: Interval) -> i64 = timestamp_add(t, &span);
    "timestamp_mi_interval" (t: i64, span: Interval) -> i64 = timestamp_subtract(t, &span);
    "timestamptz_pl_interval" [call] (t: i64, span: Interval) -> i64 = timestamptz_add(t, &span, &call.zone());
    "timestamptz_mi_interval" [call] (t: i64, span: Interval) -> i64 = timestamptz_subtract(t, &span, &call.zone());
    "timestamptz_pl_interval_at_zone" [call] (t: i64, span: Interval, zone: str) -> i64 =
        shift_at(call, t, &span, zone, false);
    "timestamptz_mi_interval_at_zone" [call] (t: i64, span: Interval, zone: str) -> i64 =
        shift_at(call, t, &span, zone, true);
    "timestamp_age" (a: i64, b: i64) -> Interval = age(a, b);
    "timestamptz_age" [call] (a: i64, b: i64) -> Interval = timestamptz_age(call, a, b);
    "time_pl_interval" (t: i64, span: Interval) -> i64 = time_add(t, &span);
    "time_mi_interval" (t: i64, span: Interval) -> i64 = time_subtract(t, &span);
    "time_mi_time" (a: i64, b: i64) -> Interval = Ok(Interval::new(0, 0, a - b));
    "timetz_pl_interval" (t: TimeTz, span: Interval) -> TimeTz = timetz_shift(t, &span, false);
    "timetz_mi_interval" (t: TimeTz, span: Interval) -> TimeTz = timetz_shift(t, &span, true);
    "interval_pl" (a: Interval, b: Interval) -> Interval = a.add(&b);
    "interval_mi" (a: Interval, b: Interval) -> Interval = a.subtract(&b);
    "interval_um" (a: Interval) -> Interval = a.negate();
    "interval_mul" (a: Interval, factor: f64) -> Interval = a.multiply(factor);
    "mul_d_interval" (factor: f64, a: Interval) -> Interval = a.multiply(factor);
    "interval_div" (a: Interval, divisor: f64) -> Interval = a.divide(divisor);
    "interval_justify_hours" (a: Interval) -> Interval = justify_hours(&a);
    "interval_justify_days" (a: Interval) -> Interval = justify_days(&a);
    "interval_justify_interval" (a: Interval) -> Interval = justify_interval(&a);
    "make_date" (year: i32, month: i32, day: i32) -> i32 = make_date(year, month, day);
    "make_time" (hour: i32, minute: i32, second: f64) -> i64 = make_time(hour, minute, second);
    "make_timestamp" (year: i32, month: i32, day: i32, hour: i32, minute: i32, second: f64) -> i64 =
        make_timestamp(year, month, day, hour, minute, second);
    "make_timestamptz" [call] (year: i32, month: i32, day: i32, hour: i32, minute: i32, second: f64) -> i64 = {
        let local = make_timestamp(year, month, day, hour, minute, second)?;
        call.with_context(|context| make_timestamptz(local, None, context))
    };
    "make_timestamptz_at_timezone" [call]
        (year: i32, month: i32, day: i32, hour: i32, minute: i32, second: f64, zone: str) -> i64 = {
        let local = make_timestamp(year, month, day, hour, minute, second)?;
        call.with_context(|context| make_timestamptz(local, Some(zone), context))
    };
    "make_interval" (years: i32, months: i32, weeks: i32, days: i32, hours: i32, minutes: i32, seconds: f64)
        -> Interval = make_interval(years, months, weeks, days, hours, minutes, seconds);
    "float8_timestamptz" (seconds: f64) -> i64 = timestamptz_from_unix(seconds);
};

/// Ages count on the calendar of the session's zone.
pub fn timestamptz_age(call: &Call<'_>, a: i64, b: i64) -> Result<Interval> {
    let zone = call.zone();
    let local = |t: i64| {
        if timestamp_is_finite(t) { timestamp_from_timestamptz(t, &zone) } else { Ok(t) }
    };
    age(local(a)?, local(b)?)
}
