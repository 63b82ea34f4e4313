use crate::keyword::{Category, lookup};
use std::borrow::Cow;

/// The identifier as it must be written in SQL: in double quotes unless it is lower-case letters, digits and
/// underscores and no key word other than an unreserved one.
pub fn quote_identifier(name: &str) -> Cow<'_, str> {
    let first = name.bytes().next();
    let safe = first.is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && lookup(name).is_none_or(|keyword| keyword.category() == Category::Unreserved);
    match safe {
        true => Cow::Borrowed(name),
        false => Cow::Owned(format!("\"{}\"", name.replace('"', "\"\""))),
    }
}
