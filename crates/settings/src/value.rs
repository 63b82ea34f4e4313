//! Typed values: parsing with PostgreSQL's rules and words, and showing.

use crate::registry::{Definition, EnumType};
use base::{Result, bail, err};
use std::sync::Arc;

/// The type of a parameter with its limits.
#[derive(Clone, Debug)]
pub enum Kind {
    Bool,
    Int { min: i64, max: i64 },
    Real { min: f64, max: f64 },
    String,
    Enum(Arc<EnumType>),
}

impl Kind {
    /// The word in `pg_settings.vartype`.
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Bool => "bool",
            Kind::Int { .. } => "integer",
            Kind::Real { .. } => "real",
            Kind::String => "string",
            Kind::Enum(_) => "enum",
        }
    }
}

/// A value of a parameter. Enums are indexes into their table.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Int(i64),
    Real(f64),
    String(Arc<str>),
    Enum(u16),
}

impl Value {
    pub fn string(text: &str) -> Value {
        Value::String(text.into())
    }
}

/// A type that enum parameters read as; made by the build script.
pub trait Choice {
    fn from_index(index: u16) -> Self;
}

/// PostgreSQL's spelling rules of booleans: any unique prefix of true, false, yes, no; on, off, of; 1, 0.
pub fn parse_bool(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let prefix = |word: &str, at_least: usize| lower.len() >= at_least && word.starts_with(&lower);
    if prefix("true", 1) || prefix("yes", 1) || lower == "on" || lower == "1" {
        Some(true)
    } else if prefix("false", 1) || prefix("no", 1) || prefix("off", 2) || lower == "0" {
        Some(false)
    } else {
        None
    }
}

impl Definition {
    /// The value that `text` means for this parameter, within its limits.
    ///
    /// # Errors
    /// `22023` with PostgreSQL's message and hint.
    pub fn parse(&self, text: &str) -> Result<Value> {
        let name = &self.name;
        match &self.kind {
            Kind::Bool => match parse_bool(text) {
                Some(value) => Ok(Value::Bool(value)),
                None => bail!(INVALID_PARAMETER_VALUE, "parameter \"{name}\" requires a Boolean value"),
            },
            Kind::Int { min, max } => {
                let value = self.parse_int(text)?;
                if value < *min || value > *max {
                    let unit = self.unit_suffix();
                    bail!(
                        INVALID_PARAMETER_VALUE,
                        "{value}{unit} is outside the valid range for parameter \"{name}\" ({min}{unit} .. {max}{unit})"
                    );
                }
                Ok(Value::Int(value))
            }
            Kind::Real { min, max } => {
                let value = self.parse_real(text)?;
                if value < *min || value > *max {
                    let unit = self.unit_suffix();
                    let (value, min, max) = (format_g(value), format_g(*min), format_g(*max));
                    bail!(
                        INVALID_PARAMETER_VALUE,
                        "{value}{unit} is outside the valid range for parameter \"{name}\" ({min}{unit} .. {max}{unit})"
                    );
                }
                Ok(Value::Real(value))
            }
            Kind::String => Ok(Value::String(text.into())),
            Kind::Enum(choices) => {
                match choices.spellings.iter().find(|(s, ..)| s.eq_ignore_ascii_case(text)) {
                    Some((_, index, _)) => Ok(Value::Enum(*index)),
                    None => {
                        let offered: Vec<&str> =
                            choices.spellings.iter().filter(|(.., shown)| *shown).map(|(s, ..)| *s).collect();
                        Err(self.invalid(text).hint(format!("Available values: {}.", offered.join(", "))))
                    }
                }
            }
        }
    }

    /// The error for a value that does not parse.
    #[track_caller]
    pub fn invalid(&self, text: &str) -> base::Error {
        err!(INVALID_PARAMETER_VALUE, "invalid value for parameter \"{}\": \"{text}\"", self.name)
    }

    fn unit_suffix(&self) -> String {
        self.unit.map_or(String::new(), |unit| format!(" {}", unit.word()))
    }

    fn parse_int(&self, text: &str) -> Result<i64> {
        let (value, _) = self.parse_number(text)?;
        let value = value.round_ties_even();
        if value > f64::from(i32::MAX) || value < f64::from(i32::MIN) {
            return Err(self.invalid(text).hint("Value exceeds integer range."));
        }
        Ok(value as i64)
    }

    fn parse_real(&self, text: &str) -> Result<f64> {
        let (value, whole) = self.parse_number(text)?;
        // Only whole spellings such as 0x10 differ between the two; a real takes the decimal reading of octal.
        if whole && self.unit.is_none() && text.trim().starts_with('0') {
            return text.trim().parse::<f64>().or(Ok(value));
        }
        Ok(value)
    }

    /// The number in the parameter's own unit, and whether it was spelled as an integer.
    fn parse_number(&self, text: &str) -> Result<(f64, bool)> {
        let trimmed = text.trim_start();
        let (number, rest, whole) = scan_number(trimmed).ok_or_else(|| self.invalid(text))?;
        if !number.is_finite() {
            return Err(self.invalid(text));
        }
        let unit = rest.trim();
        if unit.is_empty() {
            return Ok((number, whole));
        }
        match self.unit {
            None => Err(self.invalid(text)),
            Some(own) => match own.convert_from(number, unit) {
                Some(value) => Ok((value, whole)),
                None => Err(self.invalid(text).hint(own.hint())),
            },
        }
    }

    /// The text of SHOW, with a unit where that is how PostgreSQL shows it.
    pub fn show(&self, value: &Value) -> String {
        match (value, self.unit) {
            (Value::Int(number), Some(unit)) if *number > 0 => {
                let (number, unit) = unit.show_int(*number);
                format!("{number}{unit}")
            }
            (Value::Real(number), Some(unit)) if *number > 0.0 => {
                let (number, unit) = unit.show_real(*number);
                format!("{}{unit}", format_g(number))
            }
            _ => self.setting(value),
        }
    }

    /// The text of `pg_settings.setting`: the number in its own unit.
    pub fn setting(&self, value: &Value) -> String {
        match (value, &self.kind) {
            (Value::Bool(value), _) => if *value { "on" } else { "off" }.to_string(),
            (Value::Int(mode), _) if self.shows_octal() => format!("{mode:04o}"),
            (Value::Int(value), _) => value.to_string(),
            (Value::Real(value), _) => format_g(*value),
            (Value::String(value), _) => value.to_string(),
            (Value::Enum(index), Kind::Enum(choices)) => choices.values[usize::from(*index)].to_string(),
            (Value::Enum(index), _) => index.to_string(),
        }
    }

    fn shows_octal(&self) -> bool {
        matches!(&*self.name, "data_directory_mode" | "log_file_mode" | "unix_socket_permissions")
    }
}

/// A number at the start of `text` as strtol with base 0, or else strtod, reads it; the rest; whether it was whole.
fn scan_number(text: &str) -> Option<(f64, &str, bool)> {
    let bytes = text.as_bytes();
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let negative = bytes.first() == Some(&b'-');
    let digits = |from: usize, ok: fn(&u8) -> bool| bytes[from..].iter().take_while(|b| ok(b)).count();
    let hex = matches!(bytes.get(sign), Some(b'0')) && matches!(bytes.get(sign + 1), Some(b'x' | b'X'));
    if hex && digits(sign + 2, u8::is_ascii_hexdigit) > 0 {
        let end = sign + 2 + digits(sign + 2, u8::is_ascii_hexdigit);
        let value = bytes[sign + 2..end]
            .iter()
            .fold(0.0, |v, b| v * 16.0 + f64::from((*b as char).to_digit(16).unwrap_or(0)));
        return Some((if negative { -value } else { value }, &text[end..], true));
    }
    let whole = digits(sign, u8::is_ascii_digit);
    let mut end = sign + whole;
    let mut fraction = 0;
    if bytes.get(end) == Some(&b'.') {
        fraction = digits(end + 1, u8::is_ascii_digit);
        end += 1 + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    let mut integer = end == sign + whole;
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign, u8::is_ascii_digit);
        if exponent > 0 {
            end += 1 + sign + exponent;
            integer = false;
        }
    }
    let octal = integer && whole > 1 && bytes[sign] == b'0';
    if octal && bytes[sign..end].iter().all(|b| *b < b'8') {
        let value = bytes[sign..end].iter().fold(0.0, |v, b| v * 8.0 + f64::from(b - b'0'));
        return Some((if negative { -value } else { value }, &text[end..], true));
    }
    Some((text[..end].parse().ok()?, &text[end..], integer))
}

/// C's `%g`: six significant digits, trailing zeros removed.
pub fn format_g(value: f64) -> String {
    if value == 0.0 {
        return "0".to_string();
    }
    if !value.is_finite() {
        return if value.is_nan() {
            "nan"
        } else if value > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_string();
    }
    let scientific = format!("{value:.5e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("{:e} writes an exponent");
    let exponent: i32 = exponent.parse().expect("a decimal exponent");
    let trim = |text: &str| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_string()
        } else {
            text.to_string()
        }
    };
    if (-4..6).contains(&exponent) {
        trim(&format!("{value:.*}", (5 - exponent).max(0) as usize))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trim(mantissa), exponent.abs())
    }
}
