use super::*;
use base::Result;

#[path = "cases.rs"]
mod cases;

fn with_context<T>(test: impl FnOnce(&DateTimeContext) -> T) -> T {
    let zone = TimeZone::lookup("america/new_york").unwrap();
    test(&DateTimeContext {
        date_style: DateStyle::Iso,
        date_order: DateOrder::Mdy,
        interval_style: IntervalStyle::Postgres,
        zone: &zone,
        zones: &ZoneCache::default(),
        // 2024-06-15 12:34:56 UTC
        now: 771_770_096 * USECS_PER_SEC,
    })
}

fn shown(result: Result<String>) -> String {
    result.unwrap_or_else(|error| format!("{} {}", error.state(), error.message()))
}

fn answer(type_name: &str, text: &str, context: &DateTimeContext) -> Result<String> {
    let (style, order) = (context.date_style, context.date_order);
    match type_name {
        "timestamptz" => timestamptz_out(timestamptz_in(text, -1, context)?, context.zone, style, order),
        "timestamp" => timestamp_out(timestamp_in(text, -1, context)?, style, order),
        "date" => Ok(date_out(date_in(text, context)?, style, order)),
        "time" => Ok(time_out(time_in(text, -1, context)?)),
        "timetz" => Ok(timetz_out(timetz_in(text, -1, context)?, style)),
        "interval" => {
            Ok(interval_out(&interval_in(text, -1, context.interval_style)?, context.interval_style))
        }
        _ => panic!("no such type: {type_name}"),
    }
}

fn check(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn inputs_read_as_postgresql_reads_them() {
    with_context(|context| {
        let mut wrong = Vec::new();
        for &(type_name, text, expected) in cases::INPUTS {
            // A displacement without date depends on the day.
            if type_name == "timetz" && expected.ends_with("-05") {
                continue;
            }
            let found = shown(answer(type_name, text, context));
            if found != expected {
                wrong.push(format!("{type_name} {text:?}: {found} instead of {expected}"));
            }
        }
        check(wrong);
    });
}

#[test]
fn styles() {
    let mut wrong = Vec::new();
    with_context(|context| {
        for &(setting, text, expected) in cases::STYLES {
            let (style, order) = setting.split_once(',').unwrap();
            let style = match style {
                "ISO" => DateStyle::Iso,
                "SQL" => DateStyle::Sql,
                "German" => DateStyle::German,
                _ => DateStyle::Postgres,
            };
            let order = if order == "DMY" { DateOrder::Dmy } else { DateOrder::Mdy };
            let zoned =
                timestamptz_out(timestamptz_in(text, -1, context).unwrap(), context.zone, style, order);
            let local = timestamp_out(timestamp_in(text, -1, context).unwrap(), style, order);
            let date = date_out(date_in(text, context).unwrap(), style, order);
            let found = format!("{}|{}|{date}", zoned.unwrap(), local.unwrap());
            if found != expected {
                wrong.push(format!("{setting} {text:?}: {found} instead of {expected}"));
            }
        }
    });
    for &(style, text, expected) in cases::INTERVAL_STYLES {
        let style = match style {
            "postgres" => IntervalStyle::Postgres,
            "postgres_verbose" => IntervalStyle::PostgresVerbose,
            "sql_standard" => IntervalStyle::SqlStandard,
            _ => IntervalStyle::Iso8601,
        };
        let found = interval_out(&interval_in(text, -1, IntervalStyle::Postgres).unwrap(), style);
        if found != expected {
            wrong.push(format!("{style:?} {text:?}: {found} instead of {expected}"));
        }
    }
    check(wrong);
}

#[test]
fn calendar_round_trips() {
    for julian in (0..DATE_END_JULIAN - 1).step_by(997_331).chain([0, DATE_END_JULIAN - 1]) {
        let (year, month, day) = julian_to_ymd(julian);
        assert_eq!(julian_day(year, month, day), julian);
    }
    assert_eq!(julian_to_ymd(EPOCH_JULIAN), (2000, 1, 1));
    assert_eq!(julian_to_ymd(0), (-4713, 11, 24));
}

/// What PostgreSQL 18 answers with `TimeZone` America/New_York: function, arguments, answer, separated by tabs.
const FUNCTION_CASES: &str = include_str!("function_cases.tsv");

fn extracted(value: Extracted) -> Result<String> {
    Ok(match value {
        Extracted::Null => "NULL".to_string(),
        Extracted::Infinity => "Infinity".to_string(),
        Extracted::NegativeInfinity => "-Infinity".to_string(),
        Extracted::Number { unscaled, scale: 0 } => unscaled.to_string(),
        Extracted::Number { unscaled, scale } => {
            let unit = 10_u128.pow(scale);
            let size = unscaled.unsigned_abs();
            let sign = if unscaled < 0 { "-" } else { "" };
            format!("{sign}{}.{:0width$}", size / unit, size % unit, width = scale as usize)
        }
    })
}

fn function(name: &str, arguments: &[&str], context: &DateTimeContext) -> Result<String> {
    let (style, order) = (context.date_style, context.date_order);
    let zone = context.zone;
    let ts = |at: usize| timestamp_in(arguments[at], -1, context);
    let tstz = |at: usize| timestamptz_in(arguments[at], -1, context);
    let iv = |at: usize| interval_in(arguments[at], -1, context.interval_style);
    let int = |at: usize| arguments[at].parse::<i32>().unwrap();
    let float = |at: usize| arguments[at].parse::<f64>().unwrap();
    let show_ts = |value| timestamp_out(value, style, order);
    let show_tstz = |value| timestamptz_out(value, zone, style, order);
    let show_iv = |value: Interval| Ok(interval_out(&value, context.interval_style));
    match name {
        "tstz+" => show_tstz(timestamptz_add(tstz(0)?, &iv(1)?, zone)?),
        "ts-" => show_ts(timestamp_subtract(ts(0)?, &iv(1)?)?),
        "extract_ts" => extracted(extract_timestamp(arguments[0], ts(1)?)?),
        "extract_tstz" => extracted(extract_timestamptz(arguments[0], tstz(1)?, zone)?),
        "extract_date" => extracted(extract_date(arguments[0], date_in(arguments[1], context)?)?),
        "extract_iv" => extracted(extract_interval(arguments[0], &iv(1)?)?),
        "trunc_tstz" => show_tstz(timestamptz_trunc(arguments[0], tstz(1)?, &ZoneSpec::Zone(zone.clone()))?),
        "trunc_iv" => show_iv(interval_trunc(arguments[0], &iv(1)?)?),
        "age" => show_iv(age(ts(0)?, ts(1)?)?),
        "diff" => show_iv(timestamp_difference(ts(0)?, ts(1)?)?),
        "bin" => show_ts(date_bin(&iv(0)?, ts(1)?, ts(2)?)?),
        "justify_hours" => show_iv(justify_hours(&iv(0)?)?),
        "justify_days" => show_iv(justify_days(&iv(0)?)?),
        "justify_interval" => show_iv(justify_interval(&iv(0)?)?),
        "iv*" => show_iv(iv(0)?.multiply(float(1))?),
        "iv/" => show_iv(iv(0)?.divide(float(1))?),
        "make_date" => Ok(date_out(make_date(int(0), int(1), int(2))?, style, order)),
        "make_time" => Ok(time_out(make_time(int(0), int(1), float(2))?)),
        "unix" => show_tstz(timestamptz_from_unix(float(0))?),
        _ => panic!("no such function: {name}"),
    }
}

#[test]
fn functions_answer_as_postgresql_does() {
    with_context(|context| {
        let mut wrong = Vec::new();
        for line in FUNCTION_CASES.lines() {
            let [name, arguments, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("not a case: {line}");
            };
            let arguments: Vec<&str> = arguments.split('|').collect();
            let found = shown(function(name, &arguments, context));
            if found != expected {
                wrong.push(format!("{name} {arguments:?}: {found:?} instead of {expected:?}"));
            }
        }
        check(wrong);
    });
}
