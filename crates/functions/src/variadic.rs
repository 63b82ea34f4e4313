//! Functions declared VARIADIC "any": as many arguments as the call has, or one array that stands for them.

use crate::array::Array;
use crate::call::{Call, Function};
use crate::typeio::OutputFunction;
use base::{Oid, Result};
use datum::{Column, ColumnBuilder, Datum, OwnedDatum, Selection};

/// One argument: its type and value.
pub type Argument<'a> = (Oid, Option<Datum<'a>>);

/// What a function's body sees of a call: all arguments, those from `fixed` on taken out of the array where the call
/// was written with VARIADIC; `None` if that array is NULL.
pub type Body = fn(&Call<'_>, Option<&[Argument<'_>]>) -> Result<Option<OwnedDatum>>;

/// Evaluates `body` for each row.
pub fn evaluate(
    call: &Call<'_>,
    args: &[&Column],
    rows: &Selection,
    out: &mut ColumnBuilder,
    body: Body,
) -> Result<()> {
    rows.try_for_each(|row| {
        out.pad_to(row);
        let mut given: Vec<Argument<'_>> =
            args.iter().enumerate().map(|(i, column)| (call.argument_type(i), column.get(row))).collect();
        let result = if call.variadic {
            match given.pop() {
                Some((_, Some(array))) => {
                    let array = Array::read(call.session, array.bytes())?;
                    for element in array.iter() {
                        given.push((array.element.oid, element?));
                    }
                    body(call, Some(&given))?
                }
                _ => body(call, None)?,
            }
        } else {
            body(call, Some(&given))?
        };
        out.push(result.as_ref().map(OwnedDatum::as_datum));
        Ok(())
    })
}

/// A table of such functions: source name, declared arguments, body.
macro_rules! variadic {
    ($($source:literal $arity:literal $body:expr;)*) => {
        &[$(crate::call::Function {
            source: $source,
            arity: $arity,
            strict: false,
            kernel: |call, args, rows, out| crate::variadic::evaluate(call, args, rows, out, $body),
        }),*]
    };
}
pub(crate) use variadic;

/// The text of an argument.
fn text(call: &Call<'_>, (type_oid, value): Argument<'_>) -> Result<Option<String>> {
    match (type_oid.0, value) {
        (_, None) => Ok(None),
        (25 | 1042 | 1043 | 705 | 19, Some(value)) => Ok(Some(value.text().to_owned())),
        (_, Some(value)) => OutputFunction::of(call.session, type_oid)?.call(call.session, value).map(Some),
    }
}

fn joined(call: &Call<'_>, arguments: &[Argument<'_>], separator: &str) -> Result<String> {
    let mut out = String::new();
    let mut first = true;
    for argument in arguments {
        if let Some(text) = text(call, *argument)? {
            if !std::mem::take(&mut first) {
                out.push_str(separator);
            }
            out.push_str(&text);
        }
    }
    Ok(out)
}

fn concat(call: &Call<'_>, arguments: Option<&[Argument<'_>]>) -> Result<Option<OwnedDatum>> {
    match arguments {
        Some(arguments) => Ok(Some(joined(call, arguments, "")?.into())),
        None => Ok(None),
    }
}

fn concat_with_separator(call: &Call<'_>, arguments: Option<&[Argument<'_>]>) -> Result<Option<OwnedDatum>> {
    match arguments {
        Some([(_, Some(separator)), rest @ ..]) => Ok(Some(joined(call, rest, separator.text())?.into())),
        _ => Ok(None),
    }
}

/// An array that is NULL counts as no arguments.
fn format(call: &Call<'_>, arguments: Option<&[Argument<'_>]>) -> Result<Option<OwnedDatum>> {
    let Some([(_, Some(pattern)), rest @ ..]) = arguments else { return Ok(None) };
    let texts: Vec<Option<String>> =
        rest.iter().map(|argument| text(call, *argument)).collect::<Result<_>>()?;
    let texts: Vec<Option<&str>> = texts.iter().map(Option::as_deref).collect();
    let quote = |name: &str| syntax::quote_identifier(name).into_owned();
    Ok(Some(adt::text::directive::format(pattern.text(), &texts, &quote)?.into()))
}

fn count_nulls(arguments: Option<&[Argument<'_>]>, nulls: bool) -> Result<Option<OwnedDatum>> {
    let Some(arguments) = arguments else { return Ok(None) };
    let count = arguments.iter().filter(|(_, value)| value.is_none() == nulls).count();
    Ok(Some(OwnedDatum::Int4(count as i32)))
}

pub const FUNCTIONS: &[Function] = variadic! {
    "text_concat" 1 concat;
    "text_concat_ws" 2 concat_with_separator;
    "text_format" 2 format;
    "text_format_nv" 1 format;
    "pg_num_nulls" 1 |_, arguments| count_nulls(arguments, true);
    "satisfies_hash_partition" 4 crate::system::satisfies_hash;
    "pg_num_nonnulls" 1 |_, arguments| count_nulls(arguments, false);
};
