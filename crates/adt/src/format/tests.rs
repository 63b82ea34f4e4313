use super::*;
use crate::datetime::{
    DateOrder, DateStyle, DateTimeContext, IntervalStyle, TimeZone, ZoneCache, interval_in, timestamptz_in,
    timestamptz_out,
};
use crate::numeric::Numeric;
use base::Result;

#[path = "cases.rs"]
mod cases;

fn check(cases: &[(&str, &str, &str)], answer: impl Fn(&str, &str) -> Result<Option<String>>) {
    let mut wrong = Vec::new();
    for &(value, template, expected) in cases {
        let found = match answer(value, template) {
            Ok(text) => text.unwrap_or("NULL".into()),
            Err(error) => format!("{} {}", error.state(), error.message()),
        };
        if found != expected {
            wrong.push(format!("{value:?} by {template:?}: {found:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn timestamps() {
    with_context(|context| {
        check(cases::TIMESTAMPS, |value, template| {
            timestamptz_to_char(timestamptz_in(value, -1, context)?, context.zone, template)
        });
    });
}

#[test]
fn timestamps_from_text() {
    with_context(|context| {
        check(cases::TO_TIMESTAMP, |value, template| {
            let timestamp = to_timestamp(value, template, context)?;
            timestamptz_out(timestamp, context.zone, context.date_style, context.date_order).map(Some)
        });
    });
}

fn with_context(test: impl FnOnce(&DateTimeContext)) {
    let zone = TimeZone::lookup("America/New_York").unwrap();
    test(&DateTimeContext {
        date_style: DateStyle::Iso,
        date_order: DateOrder::Mdy,
        interval_style: IntervalStyle::Postgres,
        zone: &zone,
        zones: &ZoneCache::default(),
        now: 0,
    });
}

#[test]
fn intervals() {
    check(cases::INTERVALS, |value, template| {
        interval_to_char(&interval_in(value, -1, IntervalStyle::Postgres)?, template)
    });
}

#[test]
fn numbers() {
    check(cases::NUMBERS, |value, template| numeric_to_char(&Numeric::parse(value)?, template).map(Some));
}

#[test]
fn numbers_from_text() {
    check(cases::TO_NUMBER, |value, template| {
        let mut text = String::new();
        to_number(value, template)?.push_text(&mut text);
        Ok(Some(text))
    });
}
