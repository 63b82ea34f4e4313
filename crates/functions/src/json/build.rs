//! to_json, row_to_json, json_build_object and the like.

use super::encode::{key_text, node, push_json};
use crate::array::texts;
use crate::call::{Call, Function};
use crate::table::functions;
use crate::variadic::{Argument, variadic};
use adt::array::ArrayView;
use adt::json::{Node, escape_json};
use base::{Error, Result, bail, err};
use datum::{Datum, OwnedDatum};

fn to_text(call: &Call<'_>, value: Datum<'_>, lines: bool) -> Result<String> {
    let mut out = String::new();
    push_json(call, &mut out, call.argument_type(0), Some(value), lines)?;
    Ok(out)
}

fn uneven(function: &str) -> Error {
    err!(INVALID_PARAMETER_VALUE, "argument list must have even number of elements")
        .hint(format!("The arguments of {function} must consist of alternating keys and values."))
}

fn json_object(call: &Call<'_>, arguments: Option<&[Argument<'_>]>) -> Result<Option<OwnedDatum>> {
    let Some(arguments) = arguments else { return Ok(None) };
    if arguments.len() % 2 != 0 {
        return Err(uneven("json_build_object()"));
    }
    let mut out = String::from("{");
    for (i, pair) in arguments.chunks_exact(2).enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        let (type_oid, Some(key)) = pair[0] else {
            bail!(NULL_VALUE_NOT_ALLOWED, "null value not allowed for object key");
        };
        escape_json(&mut out, &key_text(call.session, type_oid, key)?);
        out.push_str(" : ");
        push_json(call, &mut out, pair[1].0, pair[1].1, false)?;
    }
    out.push('}');
    Ok(Some(out.into()))
}

fn json_array(call: &Call<'_>, arguments: Option<&[Argument<'_>]>) -> Result<Option<OwnedDatum>> {
    let Some(arguments) = arguments else { return Ok(None) };
    let mut out = String::from("[");
    for (i, (type_oid, value)) in arguments.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        push_json(call, &mut out, *type_oid, *value, false)?;
    }
    out.push(']');
    Ok(Some(out.into()))
}

fn jsonb_object(call: &Call<'_>, arguments: Option<&[Argument<'_>]>) -> Result<Option<OwnedDatum>> {
    let Some(arguments) = arguments else { return Ok(None) };
    if arguments.len() % 2 != 0 {
        return Err(uneven("jsonb_build_object()"));
    }
    let mut members = Vec::with_capacity(arguments.len() / 2);
    for (i, pair) in arguments.chunks_exact(2).enumerate() {
        let (type_oid, Some(key)) = pair[0] else {
            bail!(INVALID_PARAMETER_VALUE, "argument {}: key must not be null", 2 * i + 1);
        };
        let key = key_text(call.session, type_oid, key)?;
        members.push((key, node(call, pair[1].0, pair[1].1)?));
    }
    Ok(Some(OwnedDatum::Bytes(Node::object(members)?.into_jsonb()?.into())))
}

fn jsonb_array(call: &Call<'_>, arguments: Option<&[Argument<'_>]>) -> Result<Option<OwnedDatum>> {
    let Some(arguments) = arguments else { return Ok(None) };
    let nodes: Result<Vec<Node>> = arguments.iter().map(|(t, v)| node(call, *t, *v)).collect();
    Ok(Some(OwnedDatum::Bytes(Node::array(&nodes?)?.into_jsonb()?.into())))
}

pub const VARIADIC: &[Function] = variadic! {
    "json_build_object" 1 json_object;
    "json_build_object_noargs" 0 json_object;
    "json_build_array" 1 json_array;
    "json_build_array_noargs" 0 json_array;
    "jsonb_build_object" 1 jsonb_object;
    "jsonb_build_object_noargs" 0 jsonb_object;
    "jsonb_build_array" 1 jsonb_array;
    "jsonb_build_array_noargs" 0 jsonb_array;
};

/// Keys and values out of one text array: alternating, or in pairs of the second dimension.
fn pairs(array: &[u8]) -> Result<Vec<(String, Option<String>)>> {
    let view = ArrayView::new(array)?;
    match view.dimensions() {
        0 => return Ok(Vec::new()),
        1 if view.length(0) % 2 != 0 => {
            bail!(ARRAY_SUBSCRIPT_ERROR, "array must have even number of elements")
        }
        1 => {}
        2 if view.length(1) != 2 => bail!(ARRAY_SUBSCRIPT_ERROR, "array must have two columns"),
        2 => {}
        _ => bail!(ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts"),
    }
    texts(array)?.chunks_exact(2).map(|pair| keyed(pair[0], pair[1])).collect()
}

fn keyed(key: Option<&str>, value: Option<&str>) -> Result<(String, Option<String>)> {
    match key {
        Some(key) => Ok((key.to_owned(), value.map(str::to_owned))),
        None => bail!(NULL_VALUE_NOT_ALLOWED, "null value not allowed for object key"),
    }
}

fn zipped(keys: &[u8], values: &[u8]) -> Result<Vec<(String, Option<String>)>> {
    for array in [keys, values] {
        if ArrayView::new(array)?.dimensions() > 1 {
            bail!(ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts");
        }
    }
    let (keys, values) = (texts(keys)?, texts(values)?);
    if keys.len() != values.len() {
        bail!(ARRAY_SUBSCRIPT_ERROR, "mismatched array dimensions");
    }
    keys.into_iter().zip(values).map(|(key, value)| keyed(key, value)).collect()
}

fn text_object(pairs: Vec<(String, Option<String>)>) -> Result<String> {
    let mut out = String::from("{");
    for (i, (key, value)) in pairs.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        escape_json(&mut out, key);
        out.push_str(" : ");
        match value {
            Some(value) => escape_json(&mut out, value),
            None => out.push_str("null"),
        }
    }
    out.push('}');
    Ok(out)
}

fn binary_object(pairs: Vec<(String, Option<String>)>) -> Result<Vec<u8>> {
    let members = pairs.into_iter().map(|(key, value)| {
        let value = value.map_or_else(|| Ok(Node::null()), |value| Node::string(&value))?;
        Ok((key, value))
    });
    Node::object(members.collect::<Result<_>>()?)?.into_jsonb()
}

pub const FUNCTIONS: &[Function] = functions! {
    "to_json" [call] (value: Datum<'static>) -> String = to_text(call, value, false);
    "to_jsonb" [call] (value: Datum<'static>) -> Vec<u8> =
        node(call, call.argument_type(0), Some(value))?.into_jsonb();
    "row_to_json" [call] (value: Datum<'static>) -> String = to_text(call, value, false);
    "row_to_json_pretty" [call] (value: Datum<'static>, pretty: bool) -> String = to_text(call, value, pretty);
    "array_to_json" [call] (value: Datum<'static>) -> String = to_text(call, value, false);
    "array_to_json_pretty" [call] (value: Datum<'static>, pretty: bool) -> String = to_text(call, value, pretty);
    "json_object" (array: [u8]) -> String = text_object(pairs(array)?);
    "json_object_two_arg" (keys: [u8], values: [u8]) -> String = text_object(zipped(keys, values)?);
    "jsonb_object" (array: [u8]) -> Vec<u8> = binary_object(pairs(array)?);
    "jsonb_object_two_arg" (keys: [u8], values: [u8]) -> Vec<u8> = binary_object(zipped(keys, values)?);
};
