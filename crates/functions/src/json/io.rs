//! Text and binary forms, order, hash, casts to scalars.

use crate::call::Function;
use crate::table::{comparisons, functions};
use crate::wire::{self, Message};
use adt::json::{self, Container, Item, jsonb};
use adt::numeric::Numeric;
use base::{Result, bail, err};
use std::cmp::Ordering;

/// The only version of the binary form: a byte before the text.
const VERSION: u8 = 1;

fn compare(a: &[u8], b: &[u8]) -> Ordering {
    match (Container::new(a), Container::new(b)) {
        (Ok(a), Ok(b)) => a.compare(b).unwrap_or(Ordering::Equal),
        (a, b) => a.is_ok().cmp(&b.is_ok()),
    }
}

pub const COMPARISONS: &[Function] = comparisons!("jsonb_", "", [u8], [u8], |_, a, b| compare(a, b));

fn receive(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut message = Message::new(bytes);
    let version = message.u8()?;
    if version != VERSION {
        return Err(err!(INTERNAL_ERROR, "unsupported jsonb version number {version}"));
    }
    jsonb::parse(wire::text(&bytes[1..])?)
}

/// The scalar that a jsonb is; an error naming the type asked for if it is another, `None` for null.
fn scalar<'a, T>(
    payload: &'a [u8],
    type_name: &str,
    take: impl Fn(Item<'a>) -> Option<T>,
) -> Result<Option<T>> {
    let container = Container::new(payload)?;
    let item = container.item()?;
    if let Item::Null = item {
        return Ok(None);
    }
    let name = match item {
        Item::Container(inner) if inner.is_object() => "object",
        Item::Container(_) => "array",
        Item::Bool(_) => "boolean",
        Item::Numeric(_) => "numeric",
        _ => "string",
    };
    match take(item) {
        Some(value) => Ok(Some(value)),
        None => bail!(INVALID_PARAMETER_VALUE, "cannot cast jsonb {name} to type {type_name}"),
    }
}

fn number(payload: &[u8], type_name: &str) -> Result<Option<Numeric>> {
    let found = scalar(payload, type_name, |item| match item {
        Item::Numeric(bytes) => Some(bytes),
        _ => None,
    })?;
    found.map(Numeric::from_payload).transpose()
}

pub const FUNCTIONS: &[Function] = functions! {
    "json_in" (text: str) -> str = {
        json::validate(text)?;
        Ok(text)
    };
    "json_out" (value: str) -> str = Ok(value);
    "json_recv" (bytes: [u8]) -> str = {
        let text = wire::text(bytes)?;
        json::validate(text)?;
        Ok(text)
    };
    "json_send" (value: str) -> str = Ok(value);
    "jsonb_in" (text: str) -> Vec<u8> = jsonb::parse(text);
    "jsonb_out" (value: [u8]) -> String = json::to_text(value);
    "jsonb_recv" (bytes: [u8]) -> Vec<u8> = receive(bytes);
    "jsonb_send" (value: [u8]) -> Vec<u8> = {
        let mut out = vec![VERSION];
        out.extend_from_slice(json::to_text(value)?.as_bytes());
        Ok(out)
    };
    "jsonb_cmp" (a: [u8], b: [u8]) -> i32 = Ok(compare(a, b) as i32);
    "jsonb_hash" (value: [u8]) -> i32 = Ok(Container::new(value)?.hash()? as i32);
    "jsonb_hash_extended" (value: [u8], seed: i64) -> i64 =
        Ok(Container::new(value)?.hash_extended(seed as u64)? as i64);
    "jsonb_bool" (value: [u8]) -> Option<bool> = scalar(value, "boolean", |item| match item {
        Item::Bool(value) => Some(value),
        _ => None,
    });
    "jsonb_numeric" (value: [u8]) -> Option<Numeric> = number(value, "numeric");
    "jsonb_int2" (value: [u8]) -> Option<i16> = number(value, "smallint")?.map(|n| n.to_int2()).transpose();
    "jsonb_int4" (value: [u8]) -> Option<i32> = number(value, "integer")?.map(|n| n.to_int4()).transpose();
    "jsonb_int8" (value: [u8]) -> Option<i64> = number(value, "bigint")?.map(|n| n.to_int8()).transpose();
    "jsonb_float4" (value: [u8]) -> Option<f32> = number(value, "real")?.map(|n| n.to_float4()).transpose();
    "jsonb_float8" (value: [u8]) -> Option<f64> =
        number(value, "double precision")?.map(|n| n.to_float8()).transpose();
};
