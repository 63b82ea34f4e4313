//! The functions that make rows of JSON: each, array_elements, object_keys.

use crate::set::{ReadyRows, SetFunction, SetRows};
use adt::json::{self, Container};
use base::{Result, bail};
use datum::{Datum, OwnedDatum};

type Args<'a, 'b> = &'a [Option<Datum<'b>>];

fn nothing() -> Box<dyn SetRows> {
    ReadyRows::new(Vec::new())
}

/// Members of an object in JSON text.
fn text_members(text: &str) -> Result<Vec<(String, Option<String>, Option<String>)>> {
    let (outer, children) = json::children(text)?;
    match outer.kind.name() {
        "object" => children
            .iter()
            .map(|child| {
                Ok((child.key.clone().unwrap_or_default(), Some(child.text.to_owned()), child.as_text()?))
            })
            .collect(),
        "array" => bail!(INVALID_PARAMETER_VALUE, "cannot deconstruct an array as an object"),
        _ => bail!(INVALID_PARAMETER_VALUE, "cannot deconstruct a scalar"),
    }
}

fn text_each(args: Args<'_, '_>, content: bool) -> Result<Box<dyn SetRows>> {
    let Some(Some(value)) = args.first() else { return Ok(nothing()) };
    let members = text_members(value.text())?;
    let row = |(key, text, inner): (String, Option<String>, Option<String>)| {
        vec![Some(OwnedDatum::from(key)), if content { inner } else { text }.map(OwnedDatum::from)]
    };
    Ok(ReadyRows::new(members.into_iter().map(row).collect()))
}

fn text_elements(args: Args<'_, '_>, content: bool) -> Result<Box<dyn SetRows>> {
    let Some(Some(value)) = args.first() else { return Ok(nothing()) };
    let (outer, children) = json::children(value.text())?;
    let function = if content { "json_array_elements_text" } else { "json_array_elements" };
    match outer.kind.name() {
        "array" => {}
        "object" => bail!(INVALID_PARAMETER_VALUE, "cannot call {function} on a non-array"),
        _ => bail!(INVALID_PARAMETER_VALUE, "cannot call {function} on a scalar"),
    }
    let rows: Result<Vec<_>> = children
        .iter()
        .map(|child| {
            let text = if content { child.as_text()? } else { Some(child.text.to_owned()) };
            Ok(vec![text.map(OwnedDatum::from)])
        })
        .collect();
    Ok(ReadyRows::new(rows?))
}

fn text_keys(args: Args<'_, '_>) -> Result<Box<dyn SetRows>> {
    let Some(Some(value)) = args.first() else { return Ok(nothing()) };
    let (outer, children) = json::children(value.text())?;
    match outer.kind.name() {
        "object" => {}
        "array" => bail!(INVALID_PARAMETER_VALUE, "cannot call json_object_keys on an array"),
        _ => bail!(INVALID_PARAMETER_VALUE, "cannot call json_object_keys on a scalar"),
    }
    let row = |child: &json::text::Child<'_>| vec![child.key.clone().map(OwnedDatum::from)];
    Ok(ReadyRows::new(children.iter().map(row).collect()))
}

fn binary_each(args: Args<'_, '_>, content: bool) -> Result<Box<dyn SetRows>> {
    let Some(Some(value)) = args.first() else { return Ok(nothing()) };
    let container = Container::new(value.bytes())?;
    let function = if content { "jsonb_each_text" } else { "jsonb_each" };
    if !container.is_object() {
        bail!(INVALID_PARAMETER_VALUE, "cannot call {function} on a non-object");
    }
    let mut rows = Vec::with_capacity(container.len());
    for member in container.iter() {
        let (key, item) = member?;
        let value = match content {
            true => item.as_text()?.map(OwnedDatum::from),
            false => Some(OwnedDatum::Bytes(item.to_jsonb()?.into())),
        };
        rows.push(vec![Some(OwnedDatum::from(key)), value]);
    }
    Ok(ReadyRows::new(rows))
}

fn binary_elements(args: Args<'_, '_>, content: bool) -> Result<Box<dyn SetRows>> {
    let Some(Some(value)) = args.first() else { return Ok(nothing()) };
    let container = Container::new(value.bytes())?;
    if container.is_scalar() {
        bail!(INVALID_PARAMETER_VALUE, "cannot extract elements from a scalar");
    }
    if container.is_object() {
        bail!(INVALID_PARAMETER_VALUE, "cannot extract elements from an object");
    }
    let mut rows = Vec::with_capacity(container.len());
    for member in container.iter() {
        let (_, item) = member?;
        rows.push(vec![match content {
            true => item.as_text()?.map(OwnedDatum::from),
            false => Some(OwnedDatum::Bytes(item.to_jsonb()?.into())),
        }]);
    }
    Ok(ReadyRows::new(rows))
}

fn binary_keys(args: Args<'_, '_>) -> Result<Box<dyn SetRows>> {
    let Some(Some(value)) = args.first() else { return Ok(nothing()) };
    let container = Container::new(value.bytes())?;
    if container.is_scalar() {
        bail!(INVALID_PARAMETER_VALUE, "cannot call jsonb_object_keys on a scalar");
    }
    if !container.is_object() {
        bail!(INVALID_PARAMETER_VALUE, "cannot call jsonb_object_keys on an array");
    }
    let mut rows = Vec::with_capacity(container.len());
    for at in 0..container.len() {
        rows.push(vec![Some(OwnedDatum::from(container.key(at)?))]);
    }
    Ok(ReadyRows::new(rows))
}

pub const SETS: &[SetFunction] = &[
    SetFunction { source: "json_each", start: |_, args| text_each(args, false) },
    SetFunction { source: "json_each_text", start: |_, args| text_each(args, true) },
    SetFunction { source: "json_array_elements", start: |_, args| text_elements(args, false) },
    SetFunction { source: "json_array_elements_text", start: |_, args| text_elements(args, true) },
    SetFunction { source: "json_object_keys", start: |_, args| text_keys(args) },
    SetFunction { source: "jsonb_each", start: |_, args| binary_each(args, false) },
    SetFunction { source: "jsonb_each_text", start: |_, args| binary_each(args, true) },
    SetFunction { source: "jsonb_array_elements", start: |_, args| binary_elements(args, false) },
    SetFunction { source: "jsonb_array_elements_text", start: |_, args| binary_elements(args, true) },
    SetFunction { source: "jsonb_object_keys", start: |_, args| binary_keys(args) },
];
