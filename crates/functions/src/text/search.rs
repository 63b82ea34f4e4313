//! LIKE, ILIKE, regular expression matching: patterns that stay the same are compiled once for a batch.

use crate::call::{Call, Function};
use crate::table::functions;
use adt::like::{self, Pattern};
use adt::regex::{Flags, Regex};
use base::Result;
use datum::{Column, ColumnBuilder, Datum, Selection, Values};
use std::sync::{Arc, Mutex, PoisonError};

/// How many compiled expressions a session keeps.
const KEPT: usize = 32;

/// Compiled expressions, the last used first.
#[derive(Default)]
struct Kept(Mutex<Vec<(String, Flags, Arc<Regex>)>>);

impl Call<'_> {
    /// The compiled expression, from the session's cache if it is there.
    ///
    /// # Errors
    /// `2201B` for an invalid expression.
    pub fn regex(&self, pattern: &str, flags: Flags) -> Result<Arc<Regex>> {
        let kept = self.session.extension("functions.regex", Kept::default);
        let mut kept = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept.iter().position(|(text, f, _)| *f == flags && text == pattern) {
            kept[..=at].rotate_right(1);
            return Ok(kept[0].2.clone());
        }
        let regex = Arc::new(Regex::compile(pattern, flags)?);
        kept.truncate(KEPT - 1);
        kept.insert(0, (pattern.to_owned(), flags, regex.clone()));
        Ok(regex)
    }

    /// Whether the text contains a match.
    ///
    /// # Errors
    /// As [`Call::regex`], and when interrupted.
    fn matches(&self, regex: &Regex, text: &str) -> Result<bool> {
        regex.is_match_interruptible(text, &|| self.session.interrupt_check())
    }
}

/// Applies `test` to the texts of the first column and what `compile` makes of the patterns in the second.
fn matching<P>(
    call: &Call<'_>,
    args: &[&Column],
    rows: &Selection,
    out: &mut ColumnBuilder,
    compile: impl Fn(&str) -> Result<P>,
    test: impl Fn(&P, &str) -> Result<bool>,
) -> Result<()> {
    let _ = call;
    let constant = match args[1].get(0) {
        Some(pattern) if args[1].is_constant() => Some(compile(pattern.text())?),
        _ => None,
    };
    rows.try_for_each(|row| {
        out.pad_to(row);
        let (Some(text), Some(pattern)) = (args[0].get(row), args[1].get(row)) else {
            out.push_null();
            return Ok(());
        };
        let matched = match &constant {
            Some(compiled) => test(compiled, text.text())?,
            None => test(&compile(pattern.text())?, text.text())?,
        };
        out.push(Some(Datum::Bool(matched)));
        Ok(())
    })
}

fn like_kernel(
    call: &Call<'_>,
    args: &[&Column],
    rows: &Selection,
    out: &mut ColumnBuilder,
    wanted: bool,
) -> Result<()> {
    // Without rows nothing is compiled: an invalid pattern is no error then.
    if rows.is_empty() {
        return Ok(());
    }
    if let (Values::Bytes(texts), Some(pattern)) = (args[0].values(), args[1].get(0))
        && args[1].is_constant()
        && !args[0].is_constant()
        && !args[0].has_nulls()
    {
        let pattern = Pattern::new(pattern.text());
        return rows.try_for_each(|row| {
            out.pad_to(row);
            out.push(Some(Datum::Bool(pattern.matches(texts.get(row))? == wanted)));
            Ok(())
        });
    }
    let test = |p: &Pattern, text: &str| Ok(p.matches(text.as_bytes())? == wanted);
    matching(call, args, rows, out, |p| Ok(Pattern::new(p)), test)
}

fn ilike_kernel(
    call: &Call<'_>,
    args: &[&Column],
    rows: &Selection,
    out: &mut ColumnBuilder,
    wanted: bool,
) -> Result<()> {
    matching(call, args, rows, out, |p| Ok(p.to_owned()), |p, text| Ok(like::ilike(text, p)? == wanted))
}

fn regex_kernel(
    call: &Call<'_>,
    args: &[&Column],
    rows: &Selection,
    out: &mut ColumnBuilder,
    ignore_case: bool,
    wanted: bool,
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let flags = Flags { ignore_case, ..Flags::default() };
    matching(
        call,
        args,
        rows,
        out,
        |p| call.regex(p, flags),
        |regex, text| Ok(call.matches(regex, text)? == wanted),
    )
}

macro_rules! matchers {
    ($($source:literal => |$call:ident, $args:ident, $rows:ident, $out:ident| $body:expr;)*) => {
        &[$(Function {
            source: $source,
            arity: 2,
            strict: true,
            kernel: |$call, $args, $rows, $out| $body,
        }),*]
    };
}

pub const MATCHERS: &[Function] = matchers! {
    "textlike" => |call, args, rows, out| like_kernel(call, args, rows, out, true);
    "textnlike" => |call, args, rows, out| like_kernel(call, args, rows, out, false);
    "namelike" => |call, args, rows, out| like_kernel(call, args, rows, out, true);
    "namenlike" => |call, args, rows, out| like_kernel(call, args, rows, out, false);
    "texticlike" => |call, args, rows, out| ilike_kernel(call, args, rows, out, true);
    "texticnlike" => |call, args, rows, out| ilike_kernel(call, args, rows, out, false);
    "nameiclike" => |call, args, rows, out| ilike_kernel(call, args, rows, out, true);
    "nameicnlike" => |call, args, rows, out| ilike_kernel(call, args, rows, out, false);
    "textregexeq" => |call, args, rows, out| regex_kernel(call, args, rows, out, false, true);
    "textregexne" => |call, args, rows, out| regex_kernel(call, args, rows, out, false, false);
    "nameregexeq" => |call, args, rows, out| regex_kernel(call, args, rows, out, false, true);
    "nameregexne" => |call, args, rows, out| regex_kernel(call, args, rows, out, false, false);
    "texticregexeq" => |call, args, rows, out| regex_kernel(call, args, rows, out, true, true);
    "texticregexne" => |call, args, rows, out| regex_kernel(call, args, rows, out, true, false);
    "nameicregexeq" => |call, args, rows, out| regex_kernel(call, args, rows, out, true, true);
    "nameicregexne" => |call, args, rows, out| regex_kernel(call, args, rows, out, true, false);
};

pub const FUNCTIONS: &[Function] = functions! {
    "bytealike" (a: [u8], pattern: [u8]) -> bool = like::like_bytes(a, pattern);
    "byteanlike" (a: [u8], pattern: [u8]) -> bool = Ok(!like::like_bytes(a, pattern)?);
    "like_escape" (pattern: str, escape: str) -> String = like::like_escape(pattern, escape);
    "similar_to_escape_1" (pattern: str) -> String = like::similar_to_regex(pattern, None);
    "similar_to_escape_2" (pattern: str, escape: str) -> String = like::similar_to_regex(pattern, Some(escape));
    "similar_escape" (pattern: crate::kernel::MaybeText, escape: crate::kernel::MaybeText) -> Option<String> =
        pattern.map(|pattern| like::similar_to_regex(pattern, escape)).transpose();
    "textregexsubstr" [call] (text: str, pattern: str) -> Option<String> = {
        let regex = call.regex(pattern, Flags::default())?;
        let found = regex.find_interruptible(text, 0, &|| call.session.interrupt_check())?;
        let group = usize::from(regex.groups() > 0);
        Ok(found.and_then(|found| found.text(text, group).map(str::to_owned)))
    };
};
