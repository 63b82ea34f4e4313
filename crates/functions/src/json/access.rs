//! -> and ->>, #> and #>>, @>, ? and their functions.

use crate::array::texts;
use crate::call::Function;
use crate::table::functions;
use adt::json::text::{Child, get_index, get_key};
use adt::json::{self, Container, Item};
use adt::numeric::Numeric;
use base::{Result, bail};
use datum::{Column, ColumnBuilder, Datum, Selection};

/// The steps of a path; `None` if one is NULL, which finds nothing.
fn path(array: &[u8]) -> Result<Option<Vec<&str>>> {
    Ok(texts(array)?.into_iter().collect())
}

fn child_text(child: Option<Child<'_>>) -> Result<Option<String>> {
    Ok(child.map(|child| child.text.to_owned()))
}

fn child_content(child: Option<Child<'_>>) -> Result<Option<String>> {
    match child {
        Some(child) => child.as_text(),
        None => Ok(None),
    }
}

fn item_jsonb(item: Option<Item<'_>>) -> Result<Option<Vec<u8>>> {
    item.map(|item| item.to_jsonb()).transpose()
}

fn item_content(item: Option<Item<'_>>) -> Result<Option<String>> {
    match item {
        Some(item) => item.as_text(),
        None => Ok(None),
    }
}

fn text_path<'a>(value: &'a str, steps: &[u8]) -> Result<Option<Child<'a>>> {
    match path(steps)? {
        // get_path's result lives as long as the text, the steps need not.
        Some(steps) => json::get_path(value, &steps),
        None => Ok(None),
    }
}

fn binary_path<'a>(value: &'a [u8], steps: &[u8]) -> Result<Option<Item<'a>>> {
    match path(steps)? {
        Some(steps) => Container::new(value)?.get_path(&steps),
        None => Ok(None),
    }
}

/// Whether all (`all`) or any of the keys exist; NULLs are left out.
fn exists(value: &[u8], keys: &[u8], all: bool) -> Result<bool> {
    let container = Container::new(value)?;
    for key in texts(keys)?.into_iter().flatten() {
        if container.exists(key)? != all {
            return Ok(!all);
        }
    }
    Ok(all)
}

fn array_length(value: &[u8]) -> Result<i32> {
    let container = Container::new(value)?;
    if container.is_scalar() {
        bail!(INVALID_PARAMETER_VALUE, "cannot get array length of a scalar");
    }
    if container.is_object() {
        bail!(INVALID_PARAMETER_VALUE, "cannot get array length of a non-array");
    }
    Ok(container.len() as i32)
}

fn text_array_length(value: &str) -> Result<i32> {
    let (outer, children) = json::children(value)?;
    match outer.kind.name() {
        "array" => Ok(children.len() as i32),
        "object" => bail!(INVALID_PARAMETER_VALUE, "cannot get array length of a non-array"),
        _ => bail!(INVALID_PARAMETER_VALUE, "cannot get array length of a scalar"),
    }
}

/// Members of objects by key, as text or as jsonb, written to the column as they are read. Nothing is in a scalar, nor in
/// an array by key or an object by index.
fn field_kernel(args: &[&Column], rows: &Selection, out: &mut ColumnBuilder, as_text: bool) -> Result<()> {
    let constant = args[1].get(0).filter(|_| args[1].is_constant()).map(Datum::text);
    let mut text = String::new();
    rows.try_for_each(|row| {
        out.pad_to(row);
        let (Some(value), Some(key)) =
            (args[0].get(row), constant.or_else(|| Some(args[1].get(row)?.text())))
        else {
            out.push_null();
            return Ok(());
        };
        match (Container::new(value.bytes())?.get(key)?, as_text) {
            (None, _) | (Some(Item::Null), true) => out.push_null(),
            (Some(Item::String(content)), true) => out.push(Some(Datum::Bytes(content.as_bytes()))),
            (Some(Item::Container(content)), false) => out.push(Some(Datum::Bytes(content.bytes()))),
            (Some(Item::Numeric(payload)), true) => {
                text.clear();
                Numeric::from_payload(payload)?.push_text(&mut text);
                out.push(Some(Datum::Bytes(text.as_bytes())));
            }
            (Some(item), true) => match item.as_text()? {
                Some(content) => out.push(Some(Datum::Bytes(content.as_bytes()))),
                None => out.push_null(),
            },
            (Some(item), false) => out.push(Some(Datum::Bytes(&item.to_jsonb()?))),
        }
        Ok(())
    })
}

pub const FIELDS: &[Function] = &[
    Function {
        source: "jsonb_object_field",
        arity: 2,
        strict: true,
        kernel: |_, args, rows, out| field_kernel(args, rows, out, false),
    },
    Function {
        source: "jsonb_object_field_text",
        arity: 2,
        strict: true,
        kernel: |_, args, rows, out| field_kernel(args, rows, out, true),
    },
];

fn element(value: &[u8], index: i32) -> Result<Option<Vec<u8>>> {
    let container = Container::new(value)?;
    // A scalar is stored as an array of one.
    if container.is_object() { Ok(None) } else { item_jsonb(container.get_index(index)?) }
}

fn element_text(value: &[u8], index: i32) -> Result<Option<String>> {
    let container = Container::new(value)?;
    if container.is_object() { Ok(None) } else { item_content(container.get_index(index)?) }
}

fn contains(a: &[u8], b: &[u8]) -> Result<bool> {
    Container::new(a)?.contains(&Container::new(b)?)
}

pub const FUNCTIONS: &[Function] = functions! {
    "json_object_field" (value: str, key: str) -> Option<String> = child_text(get_key(value, key)?);
    "json_object_field_text" (value: str, key: str) -> Option<String> = child_content(get_key(value, key)?);
    "json_array_element" (value: str, index: i32) -> Option<String> = child_text(get_index(value, index)?);
    "json_array_element_text" (value: str, index: i32) -> Option<String> = child_content(get_index(value, index)?);
    "json_extract_path" (value: str, steps: [u8]) -> Option<String> = child_text(text_path(value, steps)?);
    "json_extract_path_text" (value: str, steps: [u8]) -> Option<String> = child_content(text_path(value, steps)?);
    "json_typeof" (value: str) -> String = Ok(json::type_of(value)?.name().to_owned());
    "json_array_length" (value: str) -> i32 = text_array_length(value);
    "jsonb_array_element" (value: [u8], index: i32) -> Option<Vec<u8>> = element(value, index);
    "jsonb_array_element_text" (value: [u8], index: i32) -> Option<String> = element_text(value, index);
    "jsonb_extract_path" (value: [u8], steps: [u8]) -> Option<Vec<u8>> = item_jsonb(binary_path(value, steps)?);
    "jsonb_extract_path_text" (value: [u8], steps: [u8]) -> Option<String> = item_content(binary_path(value, steps)?);
    "jsonb_typeof" (value: [u8]) -> String = Ok(Container::new(value)?.item()?.type_name().to_owned());
    "jsonb_array_length" (value: [u8]) -> i32 = array_length(value);
    "jsonb_contains" (a: [u8], b: [u8]) -> bool = contains(a, b);
    "jsonb_contained" (a: [u8], b: [u8]) -> bool = contains(b, a);
    "jsonb_exists" (value: [u8], key: str) -> bool = Container::new(value)?.exists(key);
    "jsonb_exists_any" (value: [u8], keys: [u8]) -> bool = exists(value, keys, false);
    "jsonb_exists_all" (value: [u8], keys: [u8]) -> bool = exists(value, keys, true);
};
