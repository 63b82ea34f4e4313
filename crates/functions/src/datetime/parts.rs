//! extract, date_part, date_trunc, date_bin.

use crate::call::Function;
use crate::table::functions;
use adt::datetime::*;
use adt::numeric::Numeric;
use base::Result;

fn part(value: Extracted) -> Result<Option<f64>> {
    Ok(value.to_f64())
}

fn field(value: Extracted) -> Result<Option<Numeric>> {
    Ok(match value {
        Extracted::Null => None,
        Extracted::Infinity => Some(Numeric::INFINITY),
        Extracted::NegativeInfinity => Some(Numeric::NEGATIVE_INFINITY),
        Extracted::Number { unscaled, scale } => Some(Numeric::from_scaled(unscaled, scale as i32)),
    })
}

pub const FUNCTIONS: &[Function] = functions! {
    "timestamp_part" (name: str, a: i64) -> Option<f64> = part(extract_timestamp(name, a)?);
    "timestamptz_part" [call] (name: str, a: i64) -> Option<f64> = part(extract_timestamptz(name, a, &call.zone())?);
    "time_part" (name: str, a: i64) -> Option<f64> = part(extract_time(name, a)?);
    "timetz_part" (name: str, a: TimeTz) -> Option<f64> = part(extract_timetz(name, a)?);
    "interval_part" (name: str, a: Interval) -> Option<f64> = part(extract_interval(name, &a)?);
    "extract_date" (name: str, a: i32) -> Option<Numeric> = field(extract_date(name, a)?);
    "extract_timestamp" (name: str, a: i64) -> Option<Numeric> = field(extract_timestamp(name, a)?);
    "extract_timestamptz" [call] (name: str, a: i64) -> Option<Numeric> =
        field(extract_timestamptz(name, a, &call.zone())?);
    "extract_time" (name: str, a: i64) -> Option<Numeric> = field(extract_time(name, a)?);
    "extract_timetz" (name: str, a: TimeTz) -> Option<Numeric> = field(extract_timetz(name, a)?);
    "extract_interval" (name: str, a: Interval) -> Option<Numeric> = field(extract_interval(name, &a)?);
    "timestamp_trunc" (unit: str, a: i64) -> i64 = timestamp_trunc(unit, a);
    "timestamptz_trunc" [call] (unit: str, a: i64) -> i64 =
        timestamptz_trunc(unit, a, &ZoneSpec::Zone(call.zone()));
    "timestamptz_trunc_zone" [call] (unit: str, a: i64, zone: str) -> i64 =
        timestamptz_trunc(unit, a, &call.zone_named(zone)?);
    "interval_trunc" (unit: str, a: Interval) -> Interval = interval_trunc(unit, &a);
    "timestamp_bin" (stride: Interval, a: i64, origin: i64) -> i64 = date_bin(&stride, a, origin);
    "timestamptz_bin" (stride: Interval, a: i64, origin: i64) -> i64 = date_bin(&stride, a, origin);
};
