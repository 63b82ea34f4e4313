//! Conversions between the types, between zones, and to and from formatted text.

use crate::call::{Call, Function};
use crate::table::functions;
use adt::datetime::*;
use adt::format;
use base::Result;

/// An interval as a zone: so many seconds east.
fn interval_zone(zone: &Interval) -> Result<ZoneSpec> {
    Ok(ZoneSpec::Fixed { east: interval_zone_offset(zone)?, is_dst: false })
}

fn own_zone(call: &Call<'_>) -> ZoneSpec {
    ZoneSpec::Zone(call.zone())
}

pub const FUNCTIONS: &[Function] = functions! {
    "date_timestamp" (a: i32) -> i64 = timestamp_from_date(a);
    "date_timestamptz" [call] (a: i32) -> i64 = timestamptz_from_date(a, &call.zone());
    "timestamp_date" (a: i64) -> i32 = date_from_timestamp(a);
    "timestamptz_date" [call] (a: i64) -> i32 = date_from_timestamptz(a, &call.zone());
    "timestamptz_timestamp" [call] (a: i64) -> i64 = timestamp_from_timestamptz(a, &call.zone());
    "timestamp_timestamptz" [call] (a: i64) -> i64 = timestamptz_from_timestamp(a, &call.zone());
    "datetime_timestamp" (date: i32, time: i64) -> i64 = timestamp_from_date_time(date, time);
    "datetimetz_timestamptz" (date: i32, time: TimeTz) -> i64 = timestamptz_from_date_timetz(date, time);
    "timestamp_time" (a: i64) -> Option<i64> = Ok(time_from_timestamp(a));
    "timestamptz_time" [call] (a: i64) -> Option<i64> = {
        if !timestamp_is_finite(a) {
            return Ok(None);
        }
        Ok(time_from_timestamp(timestamp_from_timestamptz(a, &call.zone())?))
    };
    "timestamptz_timetz" [call] (a: i64) -> Option<TimeTz> = Ok(timetz_from_timestamptz(a, &call.zone()));
    "time_timetz" [call] (a: i64) -> TimeTz = call.with_context(|context| timetz_from_time(a, context));
    "timetz_time" (a: TimeTz) -> i64 = Ok(a.time);
    "time_interval" (a: i64) -> Interval = Ok(Interval::new(0, 0, a));
    "interval_time" (a: Interval) -> i64 = time_from_interval(&a);
    "timestamp_zone" [call] (zone: str, a: i64) -> i64 = timestamp_at_zone(a, &call.zone_named(zone)?);
    "timestamptz_zone" [call] (zone: str, a: i64) -> i64 = timestamptz_at_zone(a, &call.zone_named(zone)?);
    "timetz_zone" [call] (zone: str, a: TimeTz) -> TimeTz = Ok(timetz_at_zone(a, &call.zone_named(zone)?, call.now()));
    "timestamp_izone" (zone: Interval, a: i64) -> i64 = timestamp_at_zone(a, &interval_zone(&zone)?);
    "timestamptz_izone" (zone: Interval, a: i64) -> i64 = timestamptz_at_zone(a, &interval_zone(&zone)?);
    "timetz_izone" (zone: Interval, a: TimeTz) -> TimeTz = Ok(timetz_at_offset(a, interval_zone_offset(&zone)?));
    "timestamp_at_local" [call] (a: i64) -> i64 = timestamp_at_zone(a, &own_zone(call));
    "timestamptz_at_local" [call] (a: i64) -> i64 = timestamptz_at_zone(a, &own_zone(call));
    "timetz_at_local" [call] (a: TimeTz) -> TimeTz = Ok(timetz_at_zone(a, &own_zone(call), call.now()));
    "timestamp_to_char" (a: i64, template: str) -> Option<String> = format::timestamp_to_char(a, template);
    "timestamptz_to_char" [call] (a: i64, template: str) -> Option<String> =
        format::timestamptz_to_char(a, &call.zone(), template);
    "interval_to_char" (a: Interval, template: str) -> Option<String> = format::interval_to_char(&a, template);
    "to_timestamp" [call] (text: str, template: str) -> i64 =
        call.with_context(|context| format::to_timestamp(text, template, context));
    "to_date" [call] (text: str, template: str) -> i32 =
        call.with_context(|context| format::to_date(text, template, context));
};
