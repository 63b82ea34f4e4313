//! Access to the parts of JSON text, and writing JSON strings.

use super::parse::{Event, Parser};
use base::Result;
use std::fmt::Write;

/// The kind of the outermost value, as `json_typeof` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Object => "object",
            Kind::Array => "array",
            Kind::String => "string",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
            Kind::Null => "null",
        }
    }

    fn of(event: &Event) -> Kind {
        match event {
            Event::ObjectStart => Kind::Object,
            Event::ArrayStart => Kind::Array,
            Event::Number(_) => Kind::Number,
            Event::Bool(_) => Kind::Boolean,
            Event::Null => Kind::Null,
            _ => Kind::String,
        }
    }
}

/// A value inside JSON text.
#[derive(Clone, Debug, PartialEq)]
pub struct Child<'a> {
    /// The key, where the parent is an object.
    pub key: Option<String>,
    pub kind: Kind,
    /// The text of the value, as written.
    pub text: &'a str,
}

impl Child<'_> {
    /// What `->>` gives: the content of a string, nothing for null, the text of everything else.
    ///
    /// # Errors
    /// As [`Parser::next_event`].
    pub fn as_text(&self) -> Result<Option<String>> {
        match self.kind {
            Kind::Null => Ok(None),
            Kind::String => match Parser::new(self.text, true).next_event()? {
                Some(Event::String(content)) => Ok(Some(content.into_owned())),
                _ => Ok(None),
            },
            _ => Ok(Some(self.text.to_string())),
        }
    }
}

/// The outermost value and its direct members or elements, in order and with duplicate keys.
///
/// # Errors
/// As [`Parser::next_event`].
pub fn children(text: &str) -> Result<(Child<'_>, Vec<Child<'_>>)> {
    let mut parser = Parser::new(text, true);
    let mut outer: Option<(Kind, usize)> = None;
    let mut outer_end = text.len();
    let mut found = Vec::new();
    let mut key = None;
    let mut open_at = (Kind::Null, 0);
    while let Some(event) = parser.next_event()? {
        let (start, end) = parser.span();
        if outer.is_none() {
            outer = Some((Kind::of(&event), start));
            outer_end = end;
            continue;
        }
        outer_end = end;
        match (event, parser.depth()) {
            (Event::Key(name), 1) => key = Some(name.into_owned()),
            (event @ (Event::ObjectStart | Event::ArrayStart), 2) => open_at = (Kind::of(&event), start),
            (Event::ObjectEnd | Event::ArrayEnd, 1) => {
                found.push(Child { key: key.take(), kind: open_at.0, text: &text[open_at.1..end] });
            }
            (Event::ObjectEnd | Event::ArrayEnd, _) => {}
            (event, 1) => {
                found.push(Child { key: key.take(), kind: Kind::of(&event), text: &text[start..end] })
            }
            _ => {}
        }
    }
    let (kind, start) = outer.unwrap_or((Kind::Null, 0));
    Ok((Child { key: None, kind, text: &text[start..outer_end] }, found))
}

/// `json_typeof`
///
/// # Errors
/// As [`Parser::next_event`].
pub fn type_of(text: &str) -> Result<Kind> {
    Ok(Parser::new(text, false).next_event()?.map_or(Kind::Null, |event| Kind::of(&event)))
}

/// `json -> key`: of duplicates the last.
///
/// # Errors
/// As [`Parser::next_event`].
pub fn get_key<'a>(text: &'a str, key: &str) -> Result<Option<Child<'a>>> {
    let (outer, members) = children(text)?;
    if outer.kind != Kind::Object {
        return Ok(None);
    }
    Ok(members.into_iter().rev().find(|member| member.key.as_deref() == Some(key)))
}

/// `json -> index`: from the end where negative.
///
/// # Errors
/// As [`Parser::next_event`].
pub fn get_index(text: &str, index: i32) -> Result<Option<Child<'_>>> {
    let (outer, mut elements) = children(text)?;
    if outer.kind != Kind::Array {
        return Ok(None);
    }
    Ok(resolve_index(index, elements.len()).map(|at| elements.swap_remove(at)))
}

/// The position that an index, perhaps from the end, means among `len` elements.
pub(super) fn resolve_index(index: i32, len: usize) -> Option<usize> {
    let at = if index < 0 { i64::from(index) + len as i64 } else { i64::from(index) };
    usize::try_from(at).ok().filter(|at| *at < len)
}

/// `json #> path`
///
/// # Errors
/// As [`Parser::next_event`].
pub fn get_path<'a>(text: &'a str, path: &[&str]) -> Result<Option<Child<'a>>> {
    let mut current = children(text)?.0;
    for step in path {
        let next = match current.kind {
            Kind::Object => get_key(current.text, step)?,
            Kind::Array => match step.trim().parse() {
                Ok(index) => get_index(current.text, index)?,
                Err(_) => None,
            },
            _ => None,
        };
        match next {
            Some(child) => current = child,
            None => return Ok(None),
        }
    }
    Ok(Some(current))
}

/// Appends `value` as a JSON string with its quotes.
pub fn escape_json(out: &mut String, value: &str) {
    out.push('"');
    let mut plain_from = 0;
    for (at, c) in value.bytes().enumerate() {
        let escape = match c {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            8 => "\\b",
            12 => "\\f",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&value[plain_from..at]);
        plain_from = at + 1;
        if escape.is_empty() {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "\\u{c:04x}");
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&value[plain_from..]);
    out.push('"');
}

/// Whether a number's text can stand in JSON as it is (unlike `NaN` and `Infinity`).
pub fn number_is_json(text: &str) -> bool {
    let mut parser = Parser::new(text, false);
    matches!(parser.next_event(), Ok(Some(Event::Number(_)))) && matches!(parser.next_event(), Ok(None))
}
