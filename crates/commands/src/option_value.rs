//! Values of `name [= value]` options as commands read them.

use base::{Result, bail};
use syntax::{OptionItem, OptionValue};

/// The value as text, the way PostgreSQL prints a definition element.
///
/// # Errors
/// `42601` when there is none.
pub fn string(item: &OptionItem) -> Result<String> {
    match &item.value {
        None => bail!(SYNTAX_ERROR, "{} requires a parameter", item.name),
        Some(value) => Ok(text(value)),
    }
}

fn text(value: &OptionValue) -> String {
    match value {
        OptionValue::Integer(number) => number.to_string(),
        OptionValue::Numeric(text) | OptionValue::String(text) => text.clone(),
        OptionValue::Bool(true) => "true".to_owned(),
        OptionValue::Bool(false) => "false".to_owned(),
        OptionValue::Type(name) => name.names.join("."),
        OptionValue::Operator(name) => name.name.clone(),
        OptionValue::Name(name) => name.parts.join("."),
        OptionValue::Star => "*".to_owned(),
        OptionValue::List(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        OptionValue::Roles(_) => String::new(),
    }
}

/// A switch: no value at all means on.
///
/// # Errors
/// `42601` for what is no Boolean.
pub fn boolean(item: &OptionItem) -> Result<bool> {
    match &item.value {
        None => return Ok(true),
        Some(OptionValue::Bool(value)) => return Ok(*value),
        Some(OptionValue::Integer(0)) => return Ok(false),
        Some(OptionValue::Integer(1)) => return Ok(true),
        Some(OptionValue::Integer(_)) => {}
        Some(_) => match string(item)?.to_ascii_lowercase().as_str() {
            "true" | "on" => return Ok(true),
            "false" | "off" => return Ok(false),
            _ => {}
        },
    }
    bail!(SYNTAX_ERROR, "{} requires a Boolean value", item.name)
}

/// A whole number of 64 bits.
///
/// # Errors
/// `42601` when there is no value, `22P02` and `22003` for one that is no number.
pub fn int8(item: &OptionItem) -> Result<i64> {
    match &item.value {
        None => bail!(SYNTAX_ERROR, "{} requires a numeric value", item.name),
        Some(OptionValue::Integer(number)) => Ok(i64::from(*number)),
        Some(value) => {
            let text = text(value);
            let trimmed = text.trim();
            if let Ok(number) = trimmed.parse() {
                return Ok(number);
            }
            let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
            if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
                bail!(NUMERIC_VALUE_OUT_OF_RANGE, "value \"{text}\" is out of range for type bigint");
            }
            bail!(INVALID_TEXT_REPRESENTATION, "invalid input syntax for type bigint: \"{text}\"")
        }
    }
}
