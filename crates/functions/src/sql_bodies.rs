//! Functions whose rows say LANGUAGE sql: native bodies, found by name and argument types, `round(1700)`.
//!
//! Like the SQL that PostgreSQL has for them they are put together from other functions.

use crate::call::{Call, Function};
use crate::system::{description, relation_size, sleep};
use crate::table::functions;
use crate::typeio::OutputFunction;
use adt::datetime::*;
use adt::numeric::Numeric;
use adt::text::escape;
use base::{Oid, Result, bail};
use catalog::{CatalogRow, PgAuthid, PgClass, PgDatabase, PgShdescription, PgTablespace, Session, index};
use datum::Datum;

/// The key of a function's body.
pub fn key(row: &catalog::PgProc) -> String {
    let types: Vec<String> = row.proargtypes.iter().map(Oid::to_string).collect();
    format!("{}({})", row.proname, types.join(","))
}

/// The OID of the catalog of this name in pg_catalog.
fn catalog_named(session: &Session, name: &str) -> Result<Option<Oid>> {
    session.relation_in(catalog::PG_CATALOG, name)
}

fn object_comment(call: &Call<'_>, object: Oid, catalog: &str) -> Result<Option<String>> {
    match catalog_named(call.session, catalog)? {
        Some(class) => description(call.session, class, object, 0),
        None => Ok(None),
    }
}

/// The comment of an object in whatever catalog.
fn any_comment(call: &Call<'_>, object: Oid) -> Result<Option<String>> {
    let rows = call.session.rows::<catalog::PgDescription>(index::PG_DESCRIPTION_O_C_O, &[object.into()])?;
    Ok(rows.iter().find(|row| row.objsubid == 0).map(|row| row.description.clone()))
}

fn shared_comment(call: &Call<'_>, object: Oid, catalog: &str) -> Result<Option<String>> {
    let class = match catalog {
        "pg_database" => PgDatabase::OID,
        "pg_authid" => PgAuthid::OID,
        "pg_tablespace" => PgTablespace::OID,
        _ => match catalog_named(call.session, catalog)? {
            Some(class) => class,
            None => return Ok(None),
        },
    };
    let keys = [object.into(), class.into()];
    let row = call.session.row::<PgShdescription>(index::PG_SHDESCRIPTION_O_C, &keys)?;
    Ok(row.map(|row| row.description.clone()))
}

/// What a cast to text gives: the output but for the types whose own cast differs from it.
fn text_of(call: &Call<'_>, argument: usize, value: Datum<'_>) -> Result<String> {
    let of = call.argument_type(argument);
    let text = OutputFunction::of(call.session, of)?.call(call.session, value)?;
    const BOOL: Oid = Oid(16);
    const BPCHAR: Oid = Oid(1042);
    Ok(match of {
        BOOL => if text == "t" { "true" } else { "false" }.to_owned(),
        BPCHAR => text.trim_end_matches(' ').to_owned(),
        _ => text,
    })
}

/// OVERLAPS where the second bound of a period may be its length.
fn overlaps_with(
    call: &Call<'_>,
    starts: [Option<i64>; 2],
    ends: [End; 2],
    zoned: bool,
) -> Result<Option<bool>> {
    let zone = zoned.then(|| call.zone());
    let mut bounds = [None; 2];
    for ((bound, start), end) in bounds.iter_mut().zip(starts).zip(ends) {
        *bound = match (start, end) {
            (_, End::At(moment)) => moment,
            (Some(start), End::After(Some(span))) => Some(match &zone {
                Some(zone) => timestamptz_add(start, &span, zone)?,
                None => timestamp_add(start, &span)?,
            }),
            _ => None,
        };
    }
    Ok(overlaps((starts[0], bounds[0]), (starts[1], bounds[1])))
}

#[derive(Clone, Copy)]
enum End {
    At(Option<i64>),
    After(Option<Interval>),
}

fn time_overlaps(starts: [Option<i64>; 2], ends: [End; 2]) -> Result<Option<bool>> {
    let mut bounds = [None; 2];
    for ((bound, start), end) in bounds.iter_mut().zip(starts).zip(ends) {
        *bound = match (start, end) {
            (_, End::At(moment)) => moment,
            (Some(start), End::After(Some(span))) => Some(time_add(start, &span)?),
            _ => None,
        };
    }
    Ok(overlaps((starts[0], bounds[0]), (starts[1], bounds[1])))
}

/// Midnight of today.
fn today(call: &Call<'_>, zoned: bool) -> Result<i64> {
    let zone = call.zone();
    let date = date_from_timestamptz(call.now(), &zone)?;
    if zoned { timestamptz_from_date(date, &zone) } else { timestamp_from_date(date) }
}

fn timestamptz_from_parts(call: &Call<'_>, date: i32, time: i64) -> Result<i64> {
    timestamptz_from_timestamp(timestamp_from_date_time(date, time)?, &call.zone())
}

/// `substring(text similar pattern escape escape)`.
fn substring_similar(call: &Call<'_>, text: &str, pattern: &str, escape: &str) -> Result<Option<String>> {
    let pattern = adt::like::similar_to_regex(pattern, Some(escape))?;
    let regex = call.regex(&pattern, adt::regex::Flags::default())?;
    let found = regex.find_interruptible(text, 0, &|| call.session.interrupt_check())?;
    let group = usize::from(regex.groups() > 0);
    Ok(found.and_then(|found| found.text(text, group).map(str::to_owned)))
}

/// Seconds until a moment, as extract(epoch) of the difference to the clock.
fn sleep_until(call: &Call<'_>, moment: i64) -> Result<()> {
    let now = call.session.instance().system.clock.timestamp();
    sleep(call, (moment - now) as f64 / USECS_PER_SEC as f64)
}

fn lsn_plus(bytes: &Numeric, lsn: u64) -> Result<u64> {
    if bytes.is_nan() {
        bail!(INVALID_PARAMETER_VALUE, "cannot add NaN to pg_lsn");
    }
    crate::identifier::lsn_from_numeric(&Numeric::from(i128::from(lsn)).add(bytes)?)
}

pub const FUNCTIONS: &[Function] = functions! {
    "lpad(25,23)" (s: str, width: i32) -> String = adt::text::pad::lpad(s, width, " ");
    "rpad(25,23)" (s: str, width: i32) -> String = adt::text::pad::rpad(s, width, " ");
    "substring(25,25,25)" [call] (text: str, pattern: str, escape: str) -> Option<String> =
        substring_similar(call, text, pattern, escape);
    "bit_length(17)" (s: [u8]) -> i32 = Ok(s.len() as i32 * 8);
    "bit_length(25)" (s: [u8]) -> i32 = Ok(s.len() as i32 * 8);
    "quote_literal(2283)" [call] (value: Datum<'static>) -> String =
        Ok(escape::quote_literal(&text_of(call, 0, value)?));
    "quote_nullable(2283)" [call] (value: Option<Datum<'static>>) -> String = match value {
        Some(value) => Ok(escape::quote_literal(&text_of(call, 0, value)?)),
        None => Ok("NULL".to_owned()),
    };
    "textanycat(25,2776)" [call] (a: str, b: Datum<'static>) -> String = Ok(a.to_owned() + &text_of(call, 1, b)?);
    "anytextcat(2776,25)" [call] (a: Datum<'static>, b: str) -> String = Ok(text_of(call, 0, a)? + b);
    "log10(1700)" (a: Numeric) -> Numeric = a.log(&Numeric::from(10));
    "log(1700)" (a: Numeric) -> Numeric = a.log(&Numeric::from(10));
    "round(1700)" (a: Numeric) -> Numeric = a.round(0);
    "trunc(1700)" (a: Numeric) -> Numeric = a.trunc(0);
    "numeric_pl_pg_lsn(1700,3220)" (bytes: Numeric, lsn: u64) -> u64 = lsn_plus(&bytes, lsn);
    "obj_description(26,19)" [call] (object: Oid, catalog: str) -> Option<String> =
        object_comment(call, object, catalog);
    "obj_description(26)" [call] (object: Oid) -> Option<String> = any_comment(call, object);
    "col_description(26,23)" [call] (relation: Oid, column: i32) -> Option<String> =
        description(call.session, PgClass::OID, relation, column);
    "shobj_description(26,19)" [call] (object: Oid, catalog: str) -> Option<String> =
        shared_comment(call, object, catalog);
    "pg_relation_size(2205)" [call] (relation: Oid) -> Option<i64> = relation_size(call, relation, "main");
    "pg_sleep_for(1186)" [call] (span: Interval) -> () = {
        let until = timestamptz_add(call.session.instance().system.clock.timestamp(), &span, &call.zone())?;
        sleep_until(call, until)
    };
    "pg_sleep_until(1184)" [call] (moment: i64) -> () = sleep_until(call, moment);
    "timestamptz(1082,1083)" [call] (date: i32, time: i64) -> i64 = timestamptz_from_parts(call, date, time);
    "timedate_pl(1083,1082)" (time: i64, date: i32) -> i64 = timestamp_from_date_time(date, time);
    "timetzdate_pl(1266,1082)" (time: TimeTz, date: i32) -> i64 = timestamptz_from_date_timetz(date, time);
    "integer_pl_date(23,1082)" (days: i32, date: i32) -> i32 = date_add_days(date, days);
    "interval_pl_time(1186,1083)" (span: Interval, time: i64) -> i64 = time_add(time, &span);
    "interval_pl_date(1186,1082)" (span: Interval, date: i32) -> i64 = timestamp_add(timestamp_from_date(date)?, &span);
    "interval_pl_timetz(1186,1266)" (span: Interval, t: TimeTz) -> TimeTz =
        Ok(TimeTz { time: time_add(t.time, &span)?, ..t });
    "interval_pl_timestamp(1186,1114)" (span: Interval, t: i64) -> i64 = timestamp_add(t, &span);
    "interval_pl_timestamptz(1186,1184)" [call] (span: Interval, t: i64) -> i64 =
        timestamptz_add(t, &span, &call.zone());
    "date_part(25,1082)" (name: str, date: i32) -> Option<f64> =
        Ok(extract_timestamp(name, timestamp_from_date(date)?)?.to_f64());
    "age(1114)" [call] (a: i64) -> Interval = age(today(call, false)?, a);
    "age(1184)" [call] (a: i64) -> Interval = crate::datetime::timestamptz_age(call, today(call, true)?, a);
    "overlaps(1184,1186,1184,1186)" [call]
        (a: Option<i64>, b: Option<Interval>, c: Option<i64>, d: Option<Interval>) -> Option<bool> =
        overlaps_with(call, [a, c], [End::After(b), End::After(d)], true);
    "overlaps(1184,1184,1184,1186)" [call]
        (a: Option<i64>, b: Option<i64>, c: Option<i64>, d: Option<Interval>) -> Option<bool> =
        overlaps_with(call, [a, c], [End::At(b), End::After(d)], true);
    "overlaps(1184,1186,1184,1184)" [call]
        (a: Option<i64>, b: Option<Interval>, c: Option<i64>, d: Option<i64>) -> Option<bool> =
        overlaps_with(call, [a, c], [End::After(b), End::At(d)], true);
    "overlaps(1114,1186,1114,1186)" [call]
        (a: Option<i64>, b: Option<Interval>, c: Option<i64>, d: Option<Interval>) -> Option<bool> =
        overlaps_with(call, [a, c], [End::After(b), End::After(d)], false);
    "overlaps(1114,1114,1114,1186)" [call]
        (a: Option<i64>, b: Option<i64>, c: Option<i64>, d: Option<Interval>) -> Option<bool> =
        overlaps_with(call, [a, c], [End::At(b), End::After(d)], false);
    "overlaps(1114,1186,1114,1114)" [call]
        (a: Option<i64>, b: Option<Interval>, c: Option<i64>, d: Option<i64>) -> Option<bool> =
        overlaps_with(call, [a, c], [End::After(b), End::At(d)], false);
    "overlaps(1083,1186,1083,1186)"
        (a: Option<i64>, b: Option<Interval>, c: Option<i64>, d: Option<Interval>) -> Option<bool> =
        time_overlaps([a, c], [End::After(b), End::After(d)]);
    "overlaps(1083,1083,1083,1186)"
        (a: Option<i64>, b: Option<i64>, c: Option<i64>, d: Option<Interval>) -> Option<bool> =
        time_overlaps([a, c], [End::At(b), End::After(d)]);
    "overlaps(1083,1186,1083,1083)"
        (a: Option<i64>, b: Option<Interval>, c: Option<i64>, d: Option<i64>) -> Option<bool> =
        time_overlaps([a, c], [End::After(b), End::At(d)]);
};
