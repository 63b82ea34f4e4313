//! Names in text: dotted names, and type names with their modifiers.

use crate::array::ElementType;
use crate::call::Call;
use crate::registry::{Registry, invoke};
use adt::text::case::fold_identifier;
use base::{Oid, Result, bail, err};
use catalog::Session;
use datum::{Datum, Repr, TypeLayout};
use syntax::{Expr, IntervalFields, Literal, TypeName};

/// The parts of `a.b."C"`, folded and cut to a name's length.
///
/// # Errors
/// `42602` for what is no name.
pub fn split(text: &str) -> Result<Vec<String>> {
    let invalid = || err!(INVALID_NAME, "invalid name syntax");
    let space = |c: char| c.is_ascii_whitespace();
    let mut parts = Vec::new();
    let mut rest = text.trim_start_matches(space);
    loop {
        let part = if let Some(quoted) = rest.strip_prefix('"') {
            let mut part = String::new();
            let mut tail = quoted;
            loop {
                let end = tail.find('"').ok_or_else(invalid)?;
                part.push_str(&tail[..end]);
                tail = &tail[end + 1..];
                match tail.strip_prefix('"') {
                    Some(next) => {
                        part.push('"');
                        tail = next;
                    }
                    None => break,
                }
            }
            rest = tail;
            part
        } else {
            let end = rest.find(|c: char| c == '.' || space(c)).unwrap_or(rest.len());
            let part = fold_identifier(&rest[..end]).into_owned();
            rest = &rest[end..];
            part
        };
        if part.is_empty() {
            return Err(invalid());
        }
        parts.push(adt::name::truncate(&part).to_owned());
        rest = rest.trim_start_matches(space);
        match rest.strip_prefix('.') {
            Some(next) => rest = next.trim_start_matches(space),
            None if rest.is_empty() => return Ok(parts),
            None => return Err(invalid()),
        }
    }
}

/// Schema and name of a name that may begin with the database's.
///
/// # Errors
/// `0A000` for another database, `42601` for too many parts.
pub fn schema_and_name<'a>(session: &Session, parts: &'a [String]) -> Result<(Option<&'a str>, &'a str)> {
    match parts {
        [name] => Ok((None, name)),
        [schema, name] => Ok((Some(schema), name)),
        [database, schema, name] if database == session.database_name() => Ok((Some(schema), name)),
        [_, _, _] => {
            bail!(FEATURE_NOT_SUPPORTED, "cross-database references are not implemented: {}", parts.join("."))
        }
        _ => bail!(SYNTAX_ERROR, "improper qualified name (too many dotted names): {}", parts.join(".")),
    }
}

/// A type written as in SQL, with its type modifier (-1 for none).
///
/// # Errors
/// `42601`, `42704`
pub fn parse_type(session: &Session, text: &str) -> Result<(Oid, i32)> {
    let name = syntax::parse_type_name(text).map_err(|error| {
        match error.state() == base::SqlState::SYNTAX_ERROR {
            true => err!(SYNTAX_ERROR, "invalid type name \"{text}\""),
            false => error,
        }
    })?;
    if name.setof || name.percent_type {
        bail!(SYNTAX_ERROR, "invalid type name \"{text}\"");
    }
    resolve_type(session, &name)
}

/// # Errors
/// `42704` for a type that does not exist.
pub fn resolve_type(session: &Session, name: &TypeName) -> Result<(Oid, i32)> {
    let (schema, simple) = schema_and_name(session, &name.names)?;
    let missing = || err!(UNDEFINED_OBJECT, "type \"{}\" does not exist", name.names.join("."));
    if let Some(schema) = schema
        && session.namespace_by_name(schema)?.is_none()
    {
        bail!(INVALID_SCHEMA_NAME, "schema \"{schema}\" does not exist");
    }
    let oid = session.type_by_name(schema, simple)?.ok_or_else(missing)?;
    let typmod = modifier(session, oid, name)?;
    if name.array_bounds.is_empty() {
        return Ok((oid, typmod));
    }
    Ok((session.array_type(oid)?.ok_or_else(missing)?, typmod))
}

/// The bits by which an interval's type modifier names fields.
fn interval_range(fields: IntervalFields) -> i32 {
    const YEAR: i32 = 1 << 2;
    const MONTH: i32 = 1 << 1;
    const DAY: i32 = 1 << 3;
    const HOUR: i32 = 1 << 10;
    const MINUTE: i32 = 1 << 11;
    const SECOND: i32 = 1 << 12;
    match fields {
        IntervalFields::Full => 0x7fff,
        IntervalFields::Year => YEAR,
        IntervalFields::Month => MONTH,
        IntervalFields::Day => DAY,
        IntervalFields::Hour => HOUR,
        IntervalFields::Minute => MINUTE,
        IntervalFields::Second => SECOND,
        IntervalFields::YearToMonth => YEAR | MONTH,
        IntervalFields::DayToHour => DAY | HOUR,
        IntervalFields::DayToMinute => DAY | HOUR | MINUTE,
        IntervalFields::DayToSecond => DAY | HOUR | MINUTE | SECOND,
        IntervalFields::HourToMinute => HOUR | MINUTE,
        IntervalFields::HourToSecond => HOUR | MINUTE | SECOND,
        IntervalFields::MinuteToSecond => MINUTE | SECOND,
    }
}

fn modifier(session: &Session, type_oid: Oid, name: &TypeName) -> Result<i32> {
    let mut words: Vec<String> = name.interval.map(|f| interval_range(f).to_string()).into_iter().collect();
    for expression in &name.modifiers {
        words.push(match expression {
            Expr::Const { value: Literal::Integer(number), .. } => number.to_string(),
            Expr::Const { value: Literal::Numeric(text) | Literal::String(text), .. } => text.clone(),
            Expr::Column(column) if column.names.len() == 1 && !column.star => column.names[0].clone(),
            _ => bail!(SYNTAX_ERROR, "type modifiers must be simple constants or identifiers"),
        });
    }
    type_modifier(session, type_oid, &words)
}

/// The stored form of type modifiers given as words; -1 for none.
///
/// # Errors
/// `42601` when the type takes none, what its typmodin function says.
pub fn type_modifier(session: &Session, type_oid: Oid, words: &[String]) -> Result<i32> {
    if words.is_empty() {
        return Ok(-1);
    }
    let row = session.type_row(type_oid)?;
    if !row.typmodin.is_valid() {
        bail!(SYNTAX_ERROR, "type modifier is not allowed for type \"{}\"", row.typname);
    }
    let cstring = ElementType {
        oid: Oid(2275),
        layout: TypeLayout { len: -2, by_value: false, align: 1, repr: Repr::Bytes },
        delimiter: ',',
    };
    let list = cstring.array(words.iter().map(|word| Some(Datum::from(word.as_str()))))?;
    let body = Registry::get().function(&*session.function(row.typmodin)?)?;
    let call = Call {
        session,
        function: row.typmodin,
        collation: Oid::INVALID,
        argument_types: &[Oid(1263)],
        result_type: Oid(23),
        variadic: false,
        columns: None,
    };
    let result = invoke(&call, &body, &[Some(Datum::Bytes(&list))], &[Repr::Bytes], Repr::Int4)?;
    Ok(result.map_or(-1, |value| value.as_datum().int4()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn dotted_names() {
        for (text, parts) in
            [("a", vec!["a"]), (" A.b ", vec!["a", "b"]), ("\"A\"\"x\" . c", vec!["A\"x", "c"])]
        {
            assert_eq!(super::split(text).unwrap(), parts, "{text}");
        }
        for bad in ["", ".", "a.", "a b", "\"a", "\"\""] {
            assert!(super::split(bad).is_err(), "{bad}");
        }
    }
}
