//! Functions that make strings of strings.

use crate::array::{Array, text_array};
use crate::call::{Call, Function};
use crate::kernel::{MaybeBytes, MaybeText};
use crate::set::{ReadyRows, SetFunction};
use crate::table::functions;
use crate::typeio::OutputFunction;
use adt::text::{self, case, escape, pad};
use adt::{bytea, encoding};
use base::{Error, Result, bail};
use datum::OwnedDatum;

pub const FUNCTIONS: &[Function] = functions! {
    "textcat" (a: str, b: str) -> String = concatenate(a, b);
    "text_substr" (s: str, start: i32, length: i32) -> str = text::substring(s, start, Some(length));
    "text_substr_no_len" (s: str, start: i32) -> str = text::substring(s, start, None);
    "textoverlay" (s: str, with: str, start: i32, length: i32) -> String = text::overlay(s, with, start, length);
    "textoverlay_no_len" (s: str, with: str, start: i32) -> String =
        text::overlay(s, with, start, text::length(with) as i32);
    "textpos" (s: str, needle: str) -> i32 = Ok(text::position(s, needle));
    "replace_text" (s: str, from: str, to: str) -> String = Ok(text::replace(s, from, to));
    "translate" (s: str, from: str, to: str) -> String = Ok(text::translate(s, from, to));
    "text_left" (s: str, count: i32) -> str = Ok(text::left(s, count));
    "text_right" (s: str, count: i32) -> str = Ok(text::right(s, count));
    "text_reverse" (s: str) -> String = Ok(text::reverse(s));
    "text_starts_with" (s: str, prefix: str) -> bool = Ok(s.starts_with(prefix));
    "split_part" (s: str, separator: str, field: i32) -> str = text::split_part(s, separator, field);
    "ascii" (s: str) -> i32 = Ok(text::ascii(s));
    "chr" (code: i32) -> String = Ok(text::chr(code)?.to_string());
    "upper" (s: str) -> String = Ok(case::upper(s));
    "lower" (s: str) -> String = Ok(case::lower(s));
    "initcap" (s: str) -> String = Ok(case::initcap(s));
    "casefold" (s: str) -> String = Ok(case::lower(s));
    "lpad" (s: str, width: i32, fill: str) -> String = pad::lpad(s, width, fill);
    "rpad" (s: str, width: i32, fill: str) -> String = pad::rpad(s, width, fill);
    "btrim" (s: str, set: str) -> str = Ok(pad::btrim(s, set));
    "btrim1" (s: str) -> str = Ok(pad::btrim(s, " "));
    "ltrim" (s: str, set: str) -> str = Ok(pad::ltrim(s, set));
    "ltrim1" (s: str) -> str = Ok(pad::ltrim(s, " "));
    "rtrim" (s: str, set: str) -> str = Ok(pad::rtrim(s, set));
    "rtrim1" (s: str) -> str = Ok(pad::rtrim(s, " "));
    "repeat" (s: str, count: i32) -> String = pad::repeat(s, count);
    "quote_ident" (s: str) -> String = Ok(syntax::quote_identifier(s).into_owned());
    "quote_literal" (s: str) -> String = Ok(escape::quote_literal(s));
    "quote_nullable" (s: MaybeText) -> String = Ok(s.map_or_else(|| "NULL".to_owned(), escape::quote_literal));
    "unistr" (s: str) -> String = escape::unistr(s);
    "md5_text" (s: [u8]) -> String = Ok(bytea::md5(s));
    "parse_ident" (s: str, strict: bool) -> Vec<u8> = text_array(identifiers(s, strict)?.iter().map(|i| Some(i.as_str())));
    "text_to_array" (s: MaybeText, separator: MaybeText) -> Option<Vec<u8>> = string_to_array(s, separator, None);
    "text_to_array_null" (s: MaybeText, separator: MaybeText, null: MaybeText) -> Option<Vec<u8>> =
        string_to_array(s, separator, null);
    "array_to_text" [call] (array: [u8], separator: str) -> String = array_to_string(call, array, separator, None);
    "array_to_text_null" [call] (array: MaybeBytes, separator: MaybeText, null: MaybeText) -> Option<String> =
        match (array, separator) {
            (Some(array), Some(separator)) => array_to_string(call, array, separator, null).map(Some),
            _ => Ok(None),
        };
    "pg_convert_from" (bytes: [u8], from: str) -> String = convert_from(bytes, from);
    "pg_convert_to" (s: str, to: str) -> Vec<u8> = convert_to(s, to);
    "pg_convert" (bytes: [u8], from: str, to: str) -> Vec<u8> = convert_to(&convert_from(bytes, from)?, to);
    "PG_char_to_encoding" (name: str) -> i32 = Ok(encoding::by_name(name).unwrap_or(-1));
    "PG_encoding_to_char" (number: i32) -> str = Ok(encoding::name(number).unwrap_or(""));
    "pg_encoding_max_length_sql" (number: i32) -> Option<i32> =
        Ok(encoding::name(number).map(|_| encoding::max_length(number)));
    "unicode_assigned" (s: str) -> bool = Ok(!s.chars().any(|c| matches!(c, '\u{fdd0}'..='\u{fdef}') || (c as u32) & 0xfffe == 0xfffe));
};

fn concatenate(a: &str, b: &str) -> Result<String> {
    if a.len() + b.len() > text::MAX_SIZE {
        return Err(base::err!(
            PROGRAM_LIMIT_EXCEEDED,
            "string buffer exceeds maximum allowed length ({} bytes)",
            text::MAX_SIZE
        ));
    }
    Ok([a, b].concat())
}

/// The parts of a dotted name, unquoted.
fn identifiers(input: &str, strict: bool) -> Result<Vec<String>> {
    let refuse = |detail: Option<String>| {
        let error = base::err!(INVALID_PARAMETER_VALUE, "string is not a valid identifier: \"{input}\"");
        Err(match detail {
            Some(detail) => error.detail(detail),
            None => error,
        })
    };
    let space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c' | '\x0b');
    let mut parts = Vec::new();
    let mut rest = input.trim_start_matches(space);
    let mut after_dot = false;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut name = String::new();
            let mut tail = quoted;
            loop {
                let Some(end) = tail.find('"') else {
                    return refuse(Some("String has unclosed double quotes.".to_owned()));
                };
                name.push_str(&tail[..end]);
                tail = &tail[end + 1..];
                match tail.strip_prefix('"') {
                    Some(next) => {
                        name.push('"');
                        tail = next;
                    }
                    None => break,
                }
            }
            if name.is_empty() {
                return refuse(Some("Quoted identifier must not be empty.".to_owned()));
            }
            parts.push(name);
            rest = tail;
        } else {
            let starts = |c: char| c == '_' || c.is_ascii_alphabetic() || !c.is_ascii();
            let continues = |c: char| starts(c) || c.is_ascii_digit() || c == '$';
            if !rest.starts_with(starts) {
                let missing = match (after_dot, rest.starts_with('.')) {
                    (_, true) => Some("No valid identifier before \".\".".to_owned()),
                    (true, _) => Some("No valid identifier after \".\".".to_owned()),
                    _ => None,
                };
                return refuse(missing);
            }
            let end = rest.find(|c| !continues(c)).unwrap_or(rest.len());
            parts.push(case::fold_identifier(&rest[..end]).into_owned());
            rest = &rest[end..];
        }
        rest = rest.trim_start_matches(space);
        match rest.strip_prefix('.') {
            Some(next) => {
                after_dot = true;
                rest = next.trim_start_matches(space);
            }
            None if rest.is_empty() || !strict => return Ok(parts),
            None => return refuse(None),
        }
    }
}

/// The pieces between separators, `null` among them standing for NULL.
fn pieces<'a>(s: &'a str, separator: Option<&str>, null: Option<&str>) -> Vec<Option<&'a str>> {
    text::split(s, separator).into_iter().map(|piece| (Some(piece) != null).then_some(piece)).collect()
}

fn string_to_array(s: Option<&str>, separator: Option<&str>, null: Option<&str>) -> Result<Option<Vec<u8>>> {
    match s {
        Some(s) => text_array(pieces(s, separator, null)).map(Some),
        None => Ok(None),
    }
}

fn string_to_rows(args: &[Option<datum::Datum<'_>>]) -> Box<dyn crate::set::SetRows> {
    let argument = |i: usize| args.get(i).copied().flatten().map(datum::Datum::text);
    let rows = match argument(0) {
        Some(s) => pieces(s, argument(1), argument(2)),
        None => Vec::new(),
    };
    ReadyRows::new(rows.into_iter().map(|piece| vec![piece.map(OwnedDatum::from)]).collect())
}

pub const STRING_TO_TABLE: SetFunction =
    SetFunction { source: "text_to_table", start: |_, args| Ok(string_to_rows(args)) };
pub const STRING_TO_TABLE_NULL: SetFunction =
    SetFunction { source: "text_to_table_null", start: |_, args| Ok(string_to_rows(args)) };

fn array_to_string(call: &Call<'_>, array: &[u8], separator: &str, null: Option<&str>) -> Result<String> {
    let array = Array::read(call.session, array)?;
    let output = OutputFunction::of(call.session, array.element.oid)?;
    let mut out = String::new();
    let mut first = true;
    for element in array.iter() {
        let element = match element? {
            Some(datum) => output.call(call.session, datum)?,
            None => match null {
                Some(null) => null.to_owned(),
                None => continue,
            },
        };
        if !std::mem::take(&mut first) {
            out.push_str(separator);
        }
        out.push_str(&element);
    }
    Ok(out)
}

fn convert_from(bytes: &[u8], from: &str) -> Result<String> {
    match encoding::by_name(from) {
        None => bail!(INVALID_PARAMETER_VALUE, "invalid source encoding name \"{from}\""),
        Some(encoding::UTF8 | encoding::SQL_ASCII) => Ok(encoding::validate_utf8(bytes)?.to_owned()),
        Some(encoding::LATIN1) => encoding::latin1_to_utf8(bytes),
        Some(_) => Err(Error::unsupported(format!("encoding {from}"))),
    }
}

fn convert_to(s: &str, to: &str) -> Result<Vec<u8>> {
    match encoding::by_name(to) {
        None => bail!(INVALID_PARAMETER_VALUE, "invalid destination encoding name \"{to}\""),
        Some(encoding::UTF8 | encoding::SQL_ASCII) => Ok(s.as_bytes().to_vec()),
        Some(encoding::LATIN1) => encoding::utf8_to_latin1(s),
        Some(_) => Err(Error::unsupported(format!("encoding {to}"))),
    }
}
