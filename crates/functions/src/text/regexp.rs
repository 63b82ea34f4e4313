//! The regexp_* functions.

use crate::array::text_array;
use crate::call::{Call, Function};
use crate::set::{ReadyRows, SetFunction, SetRows};
use crate::table::functions;
use adt::regex::{Captures, Flags, Regex, Replacement};
use base::{Result, bail, err};
use datum::{Datum, OwnedDatum};
use std::sync::Arc;

fn global_refused(function: &str) -> base::Error {
    err!(INVALID_PARAMETER_VALUE, "{function}() does not support the \"global\" option")
}

/// The expression with the given options, of which `g` is refused in the name of `function`.
fn single(call: &Call<'_>, pattern: &str, options: &str, function: &str) -> Result<Arc<Regex>> {
    let (flags, global) = Flags::parse(options)?;
    if global {
        return Err(global_refused(function));
    }
    call.regex(pattern, flags)
}

/// A parameter counted from 1.
fn positive(name: &str, value: i32) -> Result<usize> {
    if value <= 0 {
        bail!(INVALID_PARAMETER_VALUE, "invalid value for parameter \"{name}\": {value}");
    }
    Ok(value as usize)
}

/// A parameter counted from 0.
fn natural(name: &str, value: i32) -> Result<usize> {
    if value < 0 {
        bail!(INVALID_PARAMETER_VALUE, "invalid value for parameter \"{name}\": {value}");
    }
    Ok(value as usize)
}

/// The byte offset of the character with this number (from 1); `None` behind the end.
fn offset_of(text: &str, start: usize) -> Option<usize> {
    if start == 1 {
        return Some(0);
    }
    match text.char_indices().nth(start - 1) {
        Some((offset, _)) => Some(offset),
        None => (text.chars().count() + 1 == start).then_some(text.len()),
    }
}

/// All matches from a byte offset on, or the first. `splitting` leaves out empty matches at the end and right behind
/// the match before.
fn find_all(
    call: &Call<'_>,
    regex: &Regex,
    text: &str,
    start: usize,
    global: bool,
    splitting: bool,
) -> Result<Vec<Captures>> {
    let mut found = Vec::new();
    let mut at = start;
    let mut last_end = 0;
    while let Some(captures) = regex.find_interruptible(text, at, &|| call.session.interrupt_check())? {
        let (from, to) = captures.range();
        if !splitting || (from < text.len() && to > last_end) {
            found.push(captures);
        }
        if !global {
            break;
        }
        last_end = to;
        at = if from == to { to + text[to..].chars().next().map_or(1, char::len_utf8) } else { to };
        if at > text.len() {
            break;
        }
    }
    Ok(found)
}

/// The groups of a match as text[]; the whole match if there are no groups.
fn groups(captures: &Captures, regex: &Regex, text: &str) -> Result<Vec<u8>> {
    match regex.groups() {
        0 => text_array([captures.text(text, 0)]),
        count => text_array((1..=count).map(|group| captures.text(text, group))),
    }
}

fn regexp_match(call: &Call<'_>, text: &str, pattern: &str, options: &str) -> Result<Option<Vec<u8>>> {
    let (flags, global) = Flags::parse(options)?;
    if global {
        return Err(global_refused("regexp_match").hint("Use the regexp_matches function instead."));
    }
    let regex = call.regex(pattern, flags)?;
    let found = find_all(call, &regex, text, 0, false, false)?;
    found.first().map(|captures| groups(captures, &regex, text)).transpose()
}

fn regexp_matches(call: &Call<'_>, text: &str, pattern: &str, options: &str) -> Result<Box<dyn SetRows>> {
    let (flags, global) = Flags::parse(options)?;
    let regex = call.regex(pattern, flags)?;
    let mut rows = Vec::new();
    for captures in find_all(call, &regex, text, 0, global, false)? {
        rows.push(vec![Some(OwnedDatum::Bytes(groups(&captures, &regex, text)?.into()))]);
    }
    Ok(ReadyRows::new(rows))
}

fn split<'t>(
    call: &Call<'_>,
    text: &'t str,
    pattern: &str,
    options: &str,
    function: &str,
) -> Result<Vec<&'t str>> {
    let regex = single(call, pattern, options, function)?;
    let mut pieces = Vec::new();
    let mut last = 0;
    for captures in find_all(call, &regex, text, 0, true, true)? {
        let (from, to) = captures.range();
        pieces.push(&text[last..from]);
        last = to;
    }
    pieces.push(&text[last..]);
    Ok(pieces)
}

fn split_rows(call: &Call<'_>, args: &[Option<Datum<'_>>]) -> Result<Box<dyn SetRows>> {
    let [text, pattern, options] = texts(args);
    let pieces = split(call, text, pattern, options, "regexp_split_to_table")?;
    Ok(ReadyRows::new(pieces.into_iter().map(|piece| vec![Some(OwnedDatum::from(piece))]).collect()))
}

fn texts<'a>(args: &[Option<Datum<'a>>]) -> [&'a str; 3] {
    [0, 1, 2].map(|i| args.get(i).copied().flatten().map_or("", Datum::text))
}

pub const MATCHES: SetFunction = SetFunction {
    source: "regexp_matches",
    start: |call, args| {
        let [text, pattern, options] = texts(args);
        regexp_matches(call, text, pattern, options)
    },
};
pub const MATCHES_NO_FLAGS: SetFunction = SetFunction { source: "regexp_matches_no_flags", ..MATCHES };
pub const SPLIT_TO_TABLE: SetFunction = SetFunction { source: "regexp_split_to_table", start: split_rows };
pub const SPLIT_TO_TABLE_NO_FLAGS: SetFunction =
    SetFunction { source: "regexp_split_to_table_no_flags", start: split_rows };

fn replace(
    call: &Call<'_>,
    text: &str,
    pattern: &str,
    replacement: &str,
    start: i32,
    nth: Option<i32>,
    options: &str,
) -> Result<String> {
    let start = positive("start", start)?;
    let nth = nth.map(|n| natural("n", n)).transpose()?;
    let (flags, global) = Flags::parse(options)?;
    let regex = call.regex(pattern, flags)?;
    let Some(offset) = offset_of(text, start) else { return Ok(text.to_owned()) };
    let nth = nth.unwrap_or(usize::from(!global));
    let interrupt = || call.session.interrupt_check();
    regex.replace(text, &Replacement::new(replacement), offset, nth, &interrupt)
}

fn replace_with_options(
    call: &Call<'_>,
    text: &str,
    pattern: &str,
    with: &str,
    options: &str,
) -> Result<String> {
    if let Some(first) = options.chars().next()
        && first.is_ascii_digit()
    {
        return Err(err!(INVALID_PARAMETER_VALUE, "invalid regular expression option: \"{first}\"").hint(
            "If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.",
        ));
    }
    replace(call, text, pattern, with, 1, None, options)
}

fn count(call: &Call<'_>, text: &str, pattern: &str, start: i32, options: &str) -> Result<i32> {
    let start = positive("start", start)?;
    let regex = single(call, pattern, options, "regexp_count")?;
    let Some(offset) = offset_of(text, start) else { return Ok(0) };
    Ok(find_all(call, &regex, text, offset, true, false)?.len() as i32)
}

/// Which match and which of its groups is asked for.
struct Wanted<'a> {
    start: i32,
    nth: i32,
    group: i32,
    options: &'a str,
}

impl Default for Wanted<'_> {
    fn default() -> Self {
        Wanted { start: 1, nth: 1, group: 0, options: "" }
    }
}

/// The byte range that is asked for.
fn locate(
    call: &Call<'_>,
    text: &str,
    pattern: &str,
    wanted: &Wanted<'_>,
    function: &str,
) -> Result<Option<(usize, usize)>> {
    let start = positive("start", wanted.start)?;
    let nth = positive("n", wanted.nth)?;
    let group = natural("subexpr", wanted.group)?;
    let regex = single(call, pattern, wanted.options, function)?;
    let Some(offset) = offset_of(text, start) else { return Ok(None) };
    if group > regex.groups() {
        return Ok(None);
    }
    let found = find_all(call, &regex, text, offset, nth > 1, false)?;
    Ok(found.get(nth - 1).and_then(|captures| captures.get(group)))
}

fn instr(call: &Call<'_>, text: &str, pattern: &str, end: i32, wanted: &Wanted<'_>) -> Result<i32> {
    positive("start", wanted.start)?;
    positive("n", wanted.nth)?;
    if !matches!(end, 0 | 1) {
        bail!(INVALID_PARAMETER_VALUE, "invalid value for parameter \"endoption\": {end}");
    }
    let range = locate(call, text, pattern, wanted, "regexp_instr")?;
    Ok(range.map_or(0, |(from, to)| {
        let at = if end == 1 { to } else { from };
        text[..at].chars().count() as i32 + 1
    }))
}

fn substr(call: &Call<'_>, text: &str, pattern: &str, wanted: &Wanted<'_>) -> Result<Option<String>> {
    let range = locate(call, text, pattern, wanted, "regexp_substr")?;
    Ok(range.map(|(from, to)| text[from..to].to_owned()))
}

fn like(call: &Call<'_>, text: &str, pattern: &str, options: &str) -> Result<bool> {
    let regex = single(call, pattern, options, "regexp_like")?;
    regex.is_match_interruptible(text, &|| call.session.interrupt_check())
}

pub const FUNCTIONS: &[Function] = functions! {
    "regexp_match" [call] (t: str, p: str, options: str) -> Option<Vec<u8>> = regexp_match(call, t, p, options);
    "regexp_match_no_flags" [call] (t: str, p: str) -> Option<Vec<u8>> = regexp_match(call, t, p, "");
    "regexp_split_to_array" [call] (t: str, p: str, options: str) -> Vec<u8> =
        text_array(split(call, t, p, options, "regexp_split_to_array")?.into_iter().map(Some));
    "regexp_split_to_array_no_flags" [call] (t: str, p: str) -> Vec<u8> =
        text_array(split(call, t, p, "", "regexp_split_to_array")?.into_iter().map(Some));
    "textregexreplace_noopt" [call] (t: str, p: str, with: str) -> String = replace(call, t, p, with, 1, None, "");
    "textregexreplace" [call] (t: str, p: str, with: str, options: str) -> String =
        replace_with_options(call, t, p, with, options);
    "textregexreplace_extended" [call] (t: str, p: str, with: str, start: i32, n: i32, options: str) -> String =
        replace(call, t, p, with, start, Some(n), options);
    "textregexreplace_extended_no_flags" [call] (t: str, p: str, with: str, start: i32, n: i32) -> String =
        replace(call, t, p, with, start, Some(n), "");
    "textregexreplace_extended_no_n" [call] (t: str, p: str, with: str, start: i32) -> String =
        replace(call, t, p, with, start, None, "");
    "regexp_count" [call] (t: str, p: str, start: i32, options: str) -> i32 = count(call, t, p, start, options);
    "regexp_count_no_flags" [call] (t: str, p: str, start: i32) -> i32 = count(call, t, p, start, "");
    "regexp_count_no_start" [call] (t: str, p: str) -> i32 = count(call, t, p, 1, "");
    "regexp_like" [call] (t: str, p: str, options: str) -> bool = like(call, t, p, options);
    "regexp_like_no_flags" [call] (t: str, p: str) -> bool = like(call, t, p, "");
    "regexp_instr" [call] (t: str, p: str, start: i32, nth: i32, end: i32, options: str, group: i32) -> i32 =
        instr(call, t, p, end, &Wanted { start, nth, group, options });
    "regexp_instr_no_subexpr" [call] (t: str, p: str, start: i32, nth: i32, end: i32, options: str) -> i32 =
        instr(call, t, p, end, &Wanted { start, nth, options, ..Wanted::default() });
    "regexp_instr_no_flags" [call] (t: str, p: str, start: i32, nth: i32, end: i32) -> i32 =
        instr(call, t, p, end, &Wanted { start, nth, ..Wanted::default() });
    "regexp_instr_no_endoption" [call] (t: str, p: str, start: i32, nth: i32) -> i32 =
        instr(call, t, p, 0, &Wanted { start, nth, ..Wanted::default() });
    "regexp_instr_no_n" [call] (t: str, p: str, start: i32) -> i32 =
        instr(call, t, p, 0, &Wanted { start, ..Wanted::default() });
    "regexp_instr_no_start" [call] (t: str, p: str) -> i32 = instr(call, t, p, 0, &Wanted::default());
    "regexp_substr" [call] (t: str, p: str, start: i32, nth: i32, options: str, group: i32) -> Option<String> =
        substr(call, t, p, &Wanted { start, nth, group, options });
    "regexp_substr_no_subexpr" [call] (t: str, p: str, start: i32, nth: i32, options: str) -> Option<String> =
        substr(call, t, p, &Wanted { start, nth, options, ..Wanted::default() });
    "regexp_substr_no_flags" [call] (t: str, p: str, start: i32, nth: i32) -> Option<String> =
        substr(call, t, p, &Wanted { start, nth, ..Wanted::default() });
    "regexp_substr_no_n" [call] (t: str, p: str, start: i32) -> Option<String> =
        substr(call, t, p, &Wanted { start, ..Wanted::default() });
    "regexp_substr_no_start" [call] (t: str, p: str) -> Option<String> = substr(call, t, p, &Wanted::default());
};
