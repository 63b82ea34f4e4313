//! Text and binary forms, type modifiers.

use crate::array::modifiers;
use crate::call::{Call, Function};
use crate::table::functions;
use adt::datetime::*;
use base::{Error, Oid, Result, bail, err};

/// Largest number of decimals of seconds.
const MAX_PRECISION: i32 = 6;

/// The precision that a typmodin function gets; a larger one than there can be is cut with a warning.
fn precision(call: &Call<'_>, list: &[u8], type_name: &str, suffix: &str) -> Result<i32> {
    let modifiers = modifiers(list)?;
    let [precision] = modifiers[..] else { bail!(INVALID_PARAMETER_VALUE, "invalid type modifier") };
    limit_precision(call, precision, type_name, suffix)
}

fn limit_precision(call: &Call<'_>, precision: i32, type_name: &str, suffix: &str) -> Result<i32> {
    if precision < 0 {
        bail!(INVALID_PARAMETER_VALUE, "{type_name}({precision}){suffix} precision must not be negative");
    }
    if precision > MAX_PRECISION {
        let text =
            format!("{type_name}({precision}){suffix} precision reduced to maximum allowed, {MAX_PRECISION}");
        call.session.notice(Error::with_severity(
            base::Severity::Warning,
            base::SqlState::INVALID_PARAMETER_VALUE,
            text,
        ));
    }
    Ok(precision.min(MAX_PRECISION))
}

fn precision_text(typmod: i32, suffix: &str) -> String {
    if typmod >= 0 { format!("({typmod}){suffix}") } else { suffix.to_owned() }
}

/// Bits of an interval's fields, and combinations that the grammar knows.
const FULL_RANGE: i32 = 0x7fff;
const FULL_PRECISION: i32 = 0xffff;

fn interval_modifier(call: &Call<'_>, list: &[u8]) -> Result<i32> {
    const YEAR: i32 = 1 << 2;
    const MONTH: i32 = 1 << 1;
    const DAY: i32 = 1 << 3;
    const HOUR: i32 = 1 << 10;
    const MINUTE: i32 = 1 << 11;
    const SECOND: i32 = 1 << 12;
    const RANGES: [i32; 14] = [
        YEAR,
        MONTH,
        DAY,
        HOUR,
        MINUTE,
        SECOND,
        YEAR | MONTH,
        DAY | HOUR,
        DAY | HOUR | MINUTE,
        DAY | HOUR | MINUTE | SECOND,
        HOUR | MINUTE,
        HOUR | MINUTE | SECOND,
        MINUTE | SECOND,
        FULL_RANGE,
    ];
    let modifiers = modifiers(list)?;
    let invalid = || err!(INVALID_PARAMETER_VALUE, "invalid INTERVAL type modifier");
    match modifiers[..] {
        [range, ..] if !RANGES.contains(&range) => Err(invalid()),
        [FULL_RANGE] => Ok(-1),
        [range] => Ok(range << 16 | FULL_PRECISION),
        [range, precision] => {
            if precision < 0 {
                bail!(INVALID_PARAMETER_VALUE, "INTERVAL({precision}) precision must not be negative");
            }
            Ok(range << 16 | limit_precision(call, precision, "INTERVAL", "")?)
        }
        _ => Err(invalid()),
    }
}

/// What kinds of moment are called when a type modifier is refused.
const WITH_ZONE: &str = " WITH TIME ZONE";
const TAIL_WITH: &str = " with time zone";
const TAIL_WITHOUT: &str = " without time zone";

pub const FUNCTIONS: &[Function] = functions! {
    "date_in" [call] (text: str) -> i32 = call.with_context(|c| date_in(text, c));
    "date_out" [call] (value: i32) -> String = {
        let formats = call.formats();
        Ok(date_out(value, formats.date_style, formats.date_order))
    };
    "date_recv" (bytes: [u8]) -> i32 = date_recv(bytes);
    "date_send" (value: i32) -> Vec<u8> = Ok(date_send(value).to_vec());
    "time_in" [call] (text: str, _element: Oid, typmod: i32) -> i64 = call.with_context(|c| time_in(text, typmod, c));
    "time_out" (value: i64) -> String = Ok(time_out(value));
    "time_recv" (bytes: [u8], _element: Oid, typmod: i32) -> i64 = time_recv(bytes, typmod);
    "time_send" (value: i64) -> Vec<u8> = Ok(time_send(value).to_vec());
    "time_scale" (value: i64, typmod: i32) -> i64 = Ok(round_time(value, typmod));
    "timetypmodin" [call] (list: [u8]) -> i32 = precision(call, list, "TIME", "");
    "timetypmodout" (typmod: i32) -> String = Ok(precision_text(typmod, TAIL_WITHOUT));
    "timetz_in" [call] (text: str, _element: Oid, typmod: i32) -> TimeTz =
        call.with_context(|c| timetz_in(text, typmod, c));
    "timetz_out" [call] (value: TimeTz) -> String = Ok(timetz_out(value, call.formats().date_style));
    "timetz_recv" (bytes: [u8], _element: Oid, typmod: i32) -> TimeTz = timetz_recv(bytes, typmod);
    "timetz_send" (value: TimeTz) -> Vec<u8> = Ok(timetz_send(value).to_vec());
    "timetz_scale" (value: TimeTz, typmod: i32) -> TimeTz =
        Ok(TimeTz { time: round_time(value.time, typmod), ..value });
    "timetztypmodin" [call] (list: [u8]) -> i32 = precision(call, list, "TIME", WITH_ZONE);
    "timetztypmodout" (typmod: i32) -> String = Ok(precision_text(typmod, TAIL_WITH));
    "timestamp_in" [call] (text: str, _element: Oid, typmod: i32) -> i64 =
        call.with_context(|c| timestamp_in(text, typmod, c));
    "timestamp_out" [call] (value: i64) -> String = {
        let formats = call.formats();
        timestamp_out(value, formats.date_style, formats.date_order)
    };
    "timestamp_recv" (bytes: [u8], _element: Oid, typmod: i32) -> i64 = timestamp_recv(bytes, typmod);
    "timestamp_send" (value: i64) -> Vec<u8> = Ok(timestamp_send(value).to_vec());
    "timestamp_scale" (value: i64, typmod: i32) -> i64 = round_timestamp(value, typmod);
    "timestamptypmodin" [call] (list: [u8]) -> i32 = precision(call, list, "TIMESTAMP", "");
    "timestamptypmodout" (typmod: i32) -> String = Ok(precision_text(typmod, TAIL_WITHOUT));
    "timestamptz_in" [call] (text: str, _element: Oid, typmod: i32) -> i64 =
        call.with_context(|c| timestamptz_in(text, typmod, c));
    "timestamptz_out" [call] (value: i64) -> String = {
        let formats = call.formats();
        timestamptz_out(value, &formats.zone, formats.date_style, formats.date_order)
    };
    "timestamptz_recv" (bytes: [u8], _element: Oid, typmod: i32) -> i64 = timestamp_recv(bytes, typmod);
    "timestamptz_send" (value: i64) -> Vec<u8> = Ok(timestamp_send(value).to_vec());
    "timestamptz_scale" (value: i64, typmod: i32) -> i64 = round_timestamp(value, typmod);
    "timestamptztypmodin" [call] (list: [u8]) -> i32 = precision(call, list, "TIMESTAMP", WITH_ZONE);
    "timestamptztypmodout" (typmod: i32) -> String = Ok(precision_text(typmod, TAIL_WITH));
    "interval_in" [call] (text: str, _element: Oid, typmod: i32) -> Interval =
        interval_in(text, typmod, call.formats().interval_style);
    "interval_out" [call] (value: Interval) -> String = Ok(interval_out(&value, call.formats().interval_style));
    "interval_recv" (bytes: [u8], _element: Oid, typmod: i32) -> Interval = interval_recv(bytes, typmod);
    "interval_send" (value: Interval) -> Vec<u8> = Ok(interval_send(&value).to_vec());
    "interval_scale" (value: Interval, typmod: i32) -> Interval = adjust_interval(value, typmod);
    "intervaltypmodin" [call] (list: [u8]) -> i32 = interval_modifier(call, list);
    "intervaltypmodout" (typmod: i32) -> String =
        Ok(if typmod < 0 { String::new() } else { interval_typmod_text(typmod) });
};
