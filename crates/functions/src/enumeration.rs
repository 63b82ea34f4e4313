//! Enum types: a value is the OID of its pg_enum row.

use crate::array::ElementType;
use crate::call::{Call, Function};
use crate::table::{comparisons, functions};
use crate::wire;
use adt::hash;
use base::{Oid, Result, bail, err};
use catalog::{PgEnum, Session, index};
use datum::Datum;
use std::cmp::Ordering;

fn by_label(session: &Session, type_oid: Oid, label: &str) -> Result<Oid> {
    let found = match label.len() < adt::name::LENGTH {
        true => session.row::<PgEnum>(index::PG_ENUM_TYPID_LABEL, &[type_oid.into(), label.into()])?,
        false => None,
    };
    match found {
        Some(row) => checked(session, row.oid),
        None => bail!(
            INVALID_TEXT_REPRESENTATION,
            "invalid input value for enum {}: \"{label}\"",
            session.format_type(type_oid, None)?
        ),
    }
}

/// A value that the transaction has not added itself.
fn checked(session: &Session, value: Oid) -> Result<Oid> {
    if !session.is_unsafe_enum_value(value) {
        return Ok(value);
    }
    let row = row(session, value)?;
    Err(err!(
        UNSAFE_NEW_ENUM_VALUE_USAGE,
        "unsafe use of new value \"{}\" of enum type {}",
        row.enumlabel,
        session.format_type(row.enumtypid, None)?
    )
    .hint("New enum values must be committed before they can be used."))
}

fn row(session: &Session, value: Oid) -> Result<std::sync::Arc<PgEnum>> {
    session
        .row::<PgEnum>(index::PG_ENUM_OID, &[value.into()])?
        .ok_or_else(|| err!(INVALID_BINARY_REPRESENTATION, "invalid internal value for enum: {value}"))
}

/// Even OIDs are in order by themselves; others need the sort order.
fn compare(session: &Session, a: Oid, b: Oid) -> Result<Ordering> {
    if a == b || (a.0.is_multiple_of(2) && b.0.is_multiple_of(2)) {
        return Ok(a.cmp(&b));
    }
    Ok(row(session, a)?.enumsortorder.total_cmp(&row(session, b)?.enumsortorder))
}

/// For operators, which have no way to fail here but by a value that is none.
fn order(call: &Call<'_>, a: Oid, b: Oid) -> Ordering {
    compare(call.session, a, b).unwrap_or_else(|_| a.cmp(&b))
}

/// The type's values in order, from `low` to `high`.
fn range(call: &Call<'_>, type_oid: Oid, low: Option<Oid>, high: Option<Oid>) -> Result<Vec<u8>> {
    let members = members(call, type_oid)?;
    let start = low.map_or(0, |low| members.iter().position(|m| *m == low).unwrap_or(members.len()));
    let end =
        high.map_or(members.len(), |high| members.iter().position(|m| *m == high).map_or(0, |at| at + 1));
    let element = ElementType::of(call.session, type_oid)?;
    let chosen = members.get(start..end).unwrap_or_default();
    chosen.iter().try_for_each(|member| checked(call.session, *member).map(drop))?;
    element.array(chosen.iter().map(|m| Some(Datum::from(*m))))
}

fn members(call: &Call<'_>, type_oid: Oid) -> Result<Vec<Oid>> {
    let rows = call.session.rows::<PgEnum>(index::PG_ENUM_TYPID_SORTORDER, &[type_oid.into()])?;
    let mut rows = rows.to_vec();
    rows.sort_by(|a, b| a.enumsortorder.total_cmp(&b.enumsortorder));
    Ok(rows.iter().map(|row| row.oid).collect())
}

fn end(call: &Call<'_>, last: bool) -> Result<Option<Oid>> {
    let type_oid = call.argument_type(0);
    let members = members(call, type_oid)?;
    match if last { members.last() } else { members.first() } {
        Some(oid) => checked(call.session, *oid).map(Some),
        None => bail!(
            OBJECT_NOT_IN_PREREQUISITE_STATE,
            "enum {} contains no values",
            call.session.format_type(type_oid, None)?
        ),
    }
}

pub const FUNCTIONS: &[&[Function]] = &[
    comparisons!("enum_", "", Oid, Oid, |call, a, b| order(call, a, b)),
    functions! {
        "enum_in" [call] (text: str, type_oid: Oid) -> Oid = by_label(call.session, type_oid, text);
        "enum_recv" [call] (bytes: [u8], type_oid: Oid) -> Oid =
            by_label(call.session, type_oid, wire::text(bytes)?);
        "enum_out" [call] (value: Oid) -> String = Ok(row(call.session, value)?.enumlabel.clone());
        "enum_send" [call] (value: Oid) -> String = Ok(row(call.session, value)?.enumlabel.clone());
        "enum_cmp" [call] (a: Oid, b: Oid) -> i32 = Ok(compare(call.session, a, b)? as i32);
        "enum_larger" [call] (a: Oid, b: Oid) -> Oid =
            Ok(if compare(call.session, a, b)?.is_gt() { a } else { b });
        "enum_smaller" [call] (a: Oid, b: Oid) -> Oid =
            Ok(if compare(call.session, a, b)?.is_lt() { a } else { b });
        "hashenum" (value: Oid) -> i32 = Ok(hash::hash_oid(value.0) as i32);
        "hashenumextended" (value: Oid, seed: i64) -> i64 =
            Ok(hash::hash_uint32_extended(value.0, seed as u64) as i64);
        "enum_first" [call] (_value: Option<Oid>) -> Option<Oid> = end(call, false);
        "enum_last" [call] (_value: Option<Oid>) -> Option<Oid> = end(call, true);
        "enum_range_all" [call] (_value: Option<Oid>) -> Vec<u8> = range(call, call.argument_type(0), None, None);
        "enum_range_bounds" [call] (low: Option<Oid>, high: Option<Oid>) -> Vec<u8> =
            range(call, call.argument_type(0), low, high);
    },
];
