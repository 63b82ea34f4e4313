//! Order and hash.

use crate::call::{Call, Function};
use crate::table::{comparisons, functions};
use adt::datetime::*;
use adt::hash;
use base::{Result, bail};
use std::cmp::Ordering;

/// Order of a timestamp without zone and one with, by the session's zone.
fn local_order(call: &Call<'_>, local: Timestamp, moment: TimestampTz) -> Ordering {
    match timestamptz_from_timestamp(local, &call.zone()) {
        Ok(converted) => converted.cmp(&moment),
        // What has no moment lies outside of all moments on the side of its sign.
        Err(_) if local < 0 => Ordering::Less,
        Err(_) => Ordering::Greater,
    }
}

fn date_zone(call: &Call<'_>, date: Date, moment: TimestampTz) -> Ordering {
    date_compare_timestamptz(date, moment, &call.zone())
}

/// Equal intervals hash alike: as their span in microseconds, cut to 64 bits.
fn interval_key(interval: &Interval) -> i64 {
    interval.span() as i64
}

fn timetz_hash(value: &TimeTz) -> u32 {
    hash::hash_int8(value.time) ^ hash::hash_uint32(value.zone as u32)
}

fn timetz_hash_extended(value: &TimeTz, seed: i64) -> u64 {
    hash::hash_int8_extended(value.time, seed as u64)
        ^ hash::hash_uint32_extended(value.zone as u32, seed as u64)
}

pub const ORDERS: [&[Function]; 11] = [
    comparisons!("date_", "", i32, i32, |_, a, b| a.cmp(&b)),
    comparisons!("time_", "", i64, i64, |_, a, b| a.cmp(&b)),
    comparisons!("timetz_", "", TimeTz, TimeTz, |_, a, b| timetz_compare(&a, &b)),
    comparisons!("timestamp_", "", i64, i64, |_, a, b| a.cmp(&b)),
    comparisons!("interval_", "", Interval, Interval, |_, a, b| a.compare(&b)),
    comparisons!("date_", "_timestamp", i32, i64, |_, a, b| date_compare_timestamp(a, b)),
    comparisons!("timestamp_", "_date", i64, i32, |_, a, b| date_compare_timestamp(b, a).reverse()),
    comparisons!("date_", "_timestamptz", i32, i64, |call, a, b| date_zone(call, a, b)),
    comparisons!("timestamptz_", "_date", i64, i32, |call, a, b| date_zone(call, b, a).reverse()),
    comparisons!("timestamp_", "_timestamptz", i64, i64, |call, a, b| local_order(call, a, b)),
    comparisons!("timestamptz_", "_timestamp", i64, i64, |call, a, b| local_order(call, b, a).reverse()),
];

fn check_offset(offset: &Interval) -> Result<()> {
    if offset.compare(&Interval::default()).is_lt() {
        bail!(INVALID_PRECEDING_OR_FOLLOWING_SIZE, "invalid preceding or following size in window function");
    }
    Ok(())
}

/// Whether an infinite offset from the infinity on its own side reaches everything.
fn reaches_all(base_is_low: bool, base_is_high: bool, offset: &Interval, subtract: bool) -> bool {
    *offset == Interval::NOEND && if subtract { base_is_high } else { base_is_low }
}

fn in_range<T: Ord>(value: T, bound: T, less: bool) -> bool {
    if less { value <= bound } else { value >= bound }
}

fn in_range_timestamp(
    v: i64,
    base: i64,
    offset: &Interval,
    sub: bool,
    less: bool,
    zone: Option<&TimeZone>,
) -> Result<bool> {
    check_offset(offset)?;
    if reaches_all(base == TIMESTAMP_NOBEGIN, base == TIMESTAMP_NOEND, offset, sub) {
        return Ok(true);
    }
    let bound = match (sub, zone) {
        (true, None) => timestamp_subtract(base, offset)?,
        (false, None) => timestamp_add(base, offset)?,
        (true, Some(zone)) => timestamptz_subtract(base, offset, zone)?,
        (false, Some(zone)) => timestamptz_add(base, offset, zone)?,
    };
    Ok(in_range(v, bound, less))
}

fn in_range_interval(
    v: &Interval,
    base: &Interval,
    offset: &Interval,
    sub: bool,
    less: bool,
) -> Result<bool> {
    check_offset(offset)?;
    if reaches_all(*base == Interval::NOBEGIN, *base == Interval::NOEND, offset, sub) {
        return Ok(true);
    }
    let bound = if sub { base.subtract(offset)? } else { base.add(offset)? };
    Ok(in_range(v.span(), bound.span(), less))
}

/// Times do not wrap here: the bound may lie outside of the day.
fn in_range_time(v: i64, base: i64, offset: &Interval, sub: bool, less: bool) -> Result<bool> {
    if offset.micros < 0 || *offset == Interval::NOBEGIN {
        bail!(INVALID_PRECEDING_OR_FOLLOWING_SIZE, "invalid preceding or following size in window function");
    }
    let bound = if sub { base - offset.micros } else { base.saturating_add(offset.micros) };
    Ok(in_range(v, bound, less))
}

pub const FUNCTIONS: &[Function] = functions! {
    "date_cmp" (a: i32, b: i32) -> i32 = Ok(a.cmp(&b) as i32);
    "time_cmp" (a: i64, b: i64) -> i32 = Ok(a.cmp(&b) as i32);
    "timetz_cmp" (a: TimeTz, b: TimeTz) -> i32 = Ok(timetz_compare(&a, &b) as i32);
    "timestamp_cmp" (a: i64, b: i64) -> i32 = Ok(a.cmp(&b) as i32);
    "interval_cmp" (a: Interval, b: Interval) -> i32 = Ok(a.compare(&b) as i32);
    "date_cmp_timestamp" (a: i32, b: i64) -> i32 = Ok(date_compare_timestamp(a, b) as i32);
    "timestamp_cmp_date" (a: i64, b: i32) -> i32 = Ok(date_compare_timestamp(b, a).reverse() as i32);
    "date_cmp_timestamptz" [call] (a: i32, b: i64) -> i32 = Ok(date_zone(call, a, b) as i32);
    "timestamptz_cmp_date" [call] (a: i64, b: i32) -> i32 = Ok(date_zone(call, b, a).reverse() as i32);
    "timestamp_cmp_timestamptz" [call] (a: i64, b: i64) -> i32 = Ok(local_order(call, a, b) as i32);
    "timestamptz_cmp_timestamp" [call] (a: i64, b: i64) -> i32 = Ok(local_order(call, b, a).reverse() as i32);
    "date_larger" (a: i32, b: i32) -> i32 = Ok(a.max(b));
    "date_smaller" (a: i32, b: i32) -> i32 = Ok(a.min(b));
    "time_larger" (a: i64, b: i64) -> i64 = Ok(a.max(b));
    "time_smaller" (a: i64, b: i64) -> i64 = Ok(a.min(b));
    "timestamp_larger" (a: i64, b: i64) -> i64 = Ok(a.max(b));
    "timestamp_smaller" (a: i64, b: i64) -> i64 = Ok(a.min(b));
    "timetz_larger" (a: TimeTz, b: TimeTz) -> TimeTz = Ok(if timetz_compare(&a, &b).is_gt() { a } else { b });
    "timetz_smaller" (a: TimeTz, b: TimeTz) -> TimeTz = Ok(if timetz_compare(&a, &b).is_lt() { a } else { b });
    "interval_larger" (a: Interval, b: Interval) -> Interval = Ok(if a.compare(&b).is_gt() { a } else { b });
    "interval_smaller" (a: Interval, b: Interval) -> Interval = Ok(if a.compare(&b).is_lt() { a } else { b });
    "date_finite" (a: i32) -> bool = Ok(date_is_finite(a));
    "timestamp_finite" (a: i64) -> bool = Ok(timestamp_is_finite(a));
    "interval_finite" (a: Interval) -> bool = Ok(a.is_finite());
    "hashdate" (a: i32) -> i32 = Ok(hash::hash_int4(a) as i32);
    "hashdateextended" (a: i32, seed: i64) -> i64 = Ok(hash::hash_int4_extended(a, seed as u64) as i64);
    "time_hash" (a: i64) -> i32 = Ok(hash::hash_int8(a) as i32);
    "time_hash_extended" (a: i64, seed: i64) -> i64 = Ok(hash::hash_int8_extended(a, seed as u64) as i64);
    "timestamp_hash" (a: i64) -> i32 = Ok(hash::hash_int8(a) as i32);
    "timestamp_hash_extended" (a: i64, seed: i64) -> i64 = Ok(hash::hash_int8_extended(a, seed as u64) as i64);
    "timestamptz_hash" (a: i64) -> i32 = Ok(hash::hash_int8(a) as i32);
    "timestamptz_hash_extended" (a: i64, seed: i64) -> i64 = Ok(hash::hash_int8_extended(a, seed as u64) as i64);
    "timetz_hash" (a: TimeTz) -> i32 = Ok(timetz_hash(&a) as i32);
    "timetz_hash_extended" (a: TimeTz, seed: i64) -> i64 = Ok(timetz_hash_extended(&a, seed) as i64);
    "interval_hash" (a: Interval) -> i32 = Ok(hash::hash_int8(interval_key(&a)) as i32);
    "interval_hash_extended" (a: Interval, seed: i64) -> i64 =
        Ok(hash::hash_int8_extended(interval_key(&a), seed as u64) as i64);
    "in_range_timestamp_interval" (v: i64, base: i64, offset: Interval, sub: bool, less: bool) -> bool =
        in_range_timestamp(v, base, &offset, sub, less, None);
    "in_range_timestamptz_interval" [call] (v: i64, base: i64, offset: Interval, sub: bool, less: bool) -> bool =
        in_range_timestamp(v, base, &offset, sub, less, Some(&call.zone()));
    "in_range_date_interval" (v: i32, base: i32, offset: Interval, sub: bool, less: bool) -> bool =
        in_range_timestamp(timestamp_from_date(v)?, timestamp_from_date(base)?, &offset, sub, less, None);
    "in_range_interval_interval" (v: Interval, base: Interval, offset: Interval, sub: bool, less: bool) -> bool =
        in_range_interval(&v, &base, &offset, sub, less);
    "in_range_time_interval" (v: i64, base: i64, offset: Interval, sub: bool, less: bool) -> bool =
        in_range_time(v, base, &offset, sub, less);
    "in_range_timetz_interval" (v: TimeTz, base: TimeTz, offset: Interval, sub: bool, less: bool) -> bool = {
        let utc = |t: &TimeTz| t.time + i64::from(t.zone) * USECS_PER_SEC;
        in_range_time(utc(&v), utc(&base), &offset, sub, less)
    };
    "overlaps_timestamp" (a: Option<i64>, b: Option<i64>, c: Option<i64>, d: Option<i64>) -> Option<bool> =
        Ok(overlaps((a, b), (c, d)));
    "overlaps_time" (a: Option<i64>, b: Option<i64>, c: Option<i64>, d: Option<i64>) -> Option<bool> =
        Ok(overlaps((a, b), (c, d)));
    "overlaps_timetz" (a: Option<TimeTz>, b: Option<TimeTz>, c: Option<TimeTz>, d: Option<TimeTz>) -> Option<bool> = {
        let key = |t: Option<TimeTz>| t.map(|t| (t.time + i64::from(t.zone) * USECS_PER_SEC, t.zone));
        Ok(overlaps((key(a), key(b)), (key(c), key(d))))
    };
};
