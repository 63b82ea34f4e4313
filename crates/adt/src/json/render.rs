//! jsonb as text.

use super::jsonb::{Container, Item};
use super::text::escape_json;
use crate::numeric::Numeric;
use base::Result;

/// The text of a jsonb payload on one line.
///
/// # Errors
/// `XX001`
pub fn to_text(jsonb: &[u8]) -> Result<String> {
    item_text(Container::new(jsonb)?.item()?, false)
}

/// The text of a jsonb payload with one member or element a line.
///
/// # Errors
/// `XX001`
pub fn pretty(jsonb: &[u8]) -> Result<String> {
    item_text(Container::new(jsonb)?.item()?, true)
}

impl Item<'_> {
    /// The value as JSON text.
    ///
    /// # Errors
    /// `XX001`
    pub fn to_json_text(self) -> Result<String> {
        item_text(self, false)
    }

    /// What `->>` gives: the content of a string, nothing for null, JSON text for everything else.
    ///
    /// # Errors
    /// `XX001`
    pub fn as_text(self) -> Result<Option<String>> {
        match self {
            Item::Null => Ok(None),
            Item::String(text) => Ok(Some(text.to_string())),
            other => item_text(other, false).map(Some),
        }
    }
}

fn put_scalar(out: &mut String, item: Item) -> Result<()> {
    match item {
        Item::Null => out.push_str("null"),
        Item::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Item::Numeric(payload) => Numeric::from_payload(payload)?.push_text(out),
        Item::String(text) => escape_json(out, text),
        Item::Container(_) => {}
    }
    Ok(())
}

fn put_line(out: &mut String, level: usize, lines: bool) {
    if lines {
        out.push('\n');
        out.extend(std::iter::repeat_n("    ", level));
    }
}

fn item_text(item: Item, lines: bool) -> Result<String> {
    let mut out = String::new();
    let Item::Container(top) = item else {
        put_scalar(&mut out, item)?;
        return Ok(out);
    };
    out.push(if top.is_object() { '{' } else { '[' });
    let mut open = vec![(top, 0)];
    while let Some((container, at)) = open.last_mut() {
        let (container, index) = (*container, *at);
        *at += 1;
        if index == container.len() {
            open.pop();
            put_line(&mut out, open.len(), lines);
            out.push(if container.is_object() { '}' } else { ']' });
            continue;
        }
        if index > 0 {
            out.push_str(if lines { "," } else { ", " });
        }
        put_line(&mut out, open.len(), lines);
        if container.is_object() {
            escape_json(&mut out, container.key(index)?);
            out.push_str(": ");
        }
        match container.value(index)? {
            Item::Container(inner) => {
                out.push(if inner.is_object() { '{' } else { '[' });
                open.push((inner, 0));
            }
            scalar => put_scalar(&mut out, scalar)?,
        }
    }
    Ok(out)
}
