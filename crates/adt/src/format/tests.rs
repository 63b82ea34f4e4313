use super::*;
use crate::datetime::{
    DateOrder, DateStyle, DateTimeContext, IntervalStyle, TimeZone, ZoneCache, interval_in, timestamptz_in,
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
    let zone = TimeZone::lookup("America/New_York").unwrap();
    let context = DateTimeContext {
        date_style: DateStyle::Iso,
        date_order: DateOrder::Mdy,
        interval_style: IntervalStyle::Postgres,
        zone: &zone,
        zones: &ZoneCache::default(),
        now: 0,
    };
    check(cases::TIMESTAMPS, |value, template| {
        timestamptz_to_char(timestamptz_in(value, -1, &context)?, &zone, template)
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
