//! jsonb made from jsonb; strip_nulls.

use crate::array::texts;
use crate::call::Function;
use crate::kernel::{MaybeBytes, MaybeText};
use crate::table::functions;
use adt::array::ArrayView;
use adt::json::{self, Event, Parser, escape_json};
use base::{Result, bail, err};

fn one_dimension(array: &[u8]) -> Result<()> {
    if ArrayView::new(array)?.dimensions() > 1 {
        bail!(ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts");
    }
    Ok(())
}

/// The steps of a path, none of them NULL.
fn path(array: &[u8]) -> Result<Vec<&str>> {
    one_dimension(array)?;
    let steps = texts(array)?;
    let mut path = Vec::with_capacity(steps.len());
    for (i, step) in steps.into_iter().enumerate() {
        match step {
            Some(step) => path.push(step),
            None => bail!(NULL_VALUE_NOT_ALLOWED, "path element at position {} is null", i + 1),
        }
    }
    Ok(path)
}

fn delete_keys(value: &[u8], keys: &[u8]) -> Result<Vec<u8>> {
    one_dimension(keys)?;
    let keys: Vec<&str> = texts(keys)?.into_iter().flatten().collect();
    json::delete_keys(value, &keys)
}

/// jsonb_set_lax: what a NULL as new value means.
fn set_lax(
    value: Option<&[u8]>,
    steps: Option<&[u8]>,
    new: Option<&[u8]>,
    create: Option<bool>,
    treatment: Option<&str>,
) -> Result<Option<Vec<u8>>> {
    let (Some(value), Some(steps), Some(create)) = (value, steps, create) else { return Ok(None) };
    let Some(treatment) = treatment else {
        bail!(
            INVALID_PARAMETER_VALUE,
            "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\""
        );
    };
    if let Some(new) = new {
        return json::set(value, &path(steps)?, new, create).map(Some);
    }
    match treatment {
        "raise_exception" => Err(err!(NULL_VALUE_NOT_ALLOWED, "JSON value must not be null")
            .detail("Exception was raised because null_value_treatment is \"raise_exception\".")
            .hint("To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.")),
        "use_json_null" => {
            let null = json::Node::null().into_jsonb()?;
            json::set(value, &path(steps)?, &null, create).map(Some)
        }
        "delete_key" => json::delete_path(value, &path(steps)?).map(Some),
        "return_target" => Ok(Some(value.to_vec())),
        _ => bail!(
            INVALID_PARAMETER_VALUE,
            "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\""
        ),
    }
}

/// JSON text without the members (and with `in_arrays` the elements) that are null, and without spaces.
fn strip_text(text: &str, in_arrays: bool) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut parser = Parser::new(text, true);
    let mut key: Option<String> = None;
    while let Some(event) = parser.next_event()? {
        let (start, end) = parser.span();
        if let Event::Key(name) = event {
            key = Some(name.into_owned());
            continue;
        }
        let inside_array =
            key.is_none() && parser.depth() > 0 && !matches!(event, Event::ObjectEnd | Event::ArrayEnd);
        if let Event::Null = event
            && (key.take().is_some() || (inside_array && in_arrays))
        {
            continue;
        }
        match event {
            Event::ObjectEnd => {
                out.push('}');
                continue;
            }
            Event::ArrayEnd => {
                out.push(']');
                continue;
            }
            _ => {}
        }
        if out.ends_with(|c| !matches!(c, '{' | '[')) && !out.is_empty() {
            out.push(',');
        }
        if let Some(key) = key.take() {
            escape_json(&mut out, &key);
            out.push(':');
        }
        match event {
            Event::ObjectStart => out.push('{'),
            Event::ArrayStart => out.push('['),
            Event::String(content) => escape_json(&mut out, &content),
            _ => out.push_str(&text[start..end]),
        }
    }
    Ok(out)
}

pub const FUNCTIONS: &[Function] = functions! {
    "jsonb_concat" (a: [u8], b: [u8]) -> Vec<u8> = json::concat(a, b);
    "jsonb_delete" (value: [u8], key: str) -> Vec<u8> = json::delete_keys(value, &[key]);
    "jsonb_delete_array" (value: [u8], keys: [u8]) -> Vec<u8> = delete_keys(value, keys);
    "jsonb_delete_idx" (value: [u8], index: i32) -> Vec<u8> = json::delete_at(value, index);
    "jsonb_delete_path" (value: [u8], steps: [u8]) -> Vec<u8> = json::delete_path(value, &path(steps)?);
    "jsonb_set" (value: [u8], steps: [u8], new: [u8], create: bool) -> Vec<u8> =
        json::set(value, &path(steps)?, new, create);
    "jsonb_set_lax"
        (value: MaybeBytes, steps: MaybeBytes, new: MaybeBytes, create: Option<bool>, treatment: MaybeText)
        -> Option<Vec<u8>> = set_lax(value, steps, new, create, treatment);
    "jsonb_insert" (value: [u8], steps: [u8], new: [u8], after: bool) -> Vec<u8> =
        json::insert(value, &path(steps)?, new, after);
    "jsonb_strip_nulls" (value: [u8], in_arrays: bool) -> Vec<u8> = json::strip_nulls(value, in_arrays);
    "json_strip_nulls" (value: str, in_arrays: bool) -> String = strip_text(value, in_arrays);
    "jsonb_pretty" (value: [u8]) -> String = json::pretty(value);
};

#[cfg(test)]
mod tests {
    use super::strip_text;

    #[test]
    fn nulls_leave() {
        for (text, in_arrays, expected) in [
            (r#"{"a": 1, "b": null, "c": [1, null, {"d": null}]}"#, false, r#"{"a":1,"c":[1,null,{}]}"#),
            (r#"[null, 1, {"a": [null]}]"#, true, r#"[1,{"a":[]}]"#),
            ("null", true, "null"),
            (r#"{"a" : {"b" : "x"}, "c" : 2}"#, false, r#"{"a":{"b":"x"},"c":2}"#),
        ] {
            assert_eq!(strip_text(text, in_arrays).unwrap(), expected, "{text}");
        }
    }
}
