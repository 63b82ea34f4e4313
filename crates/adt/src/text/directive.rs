//! The SQL function `format`: `%[position$][-][width]type` with types `s`, `I` and `L`.

use super::escape::quote_literal;
use super::{MAX_SIZE, length, too_large};
use crate::integer::parse_int4;
use base::{Error, Result, bail, err};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    Fixed(i32),
    /// From the next argument.
    Next,
    /// From the argument with this number.
    Argument(usize),
}

#[derive(Clone, Copy, Debug)]
struct Directive {
    position: Option<usize>,
    left: bool,
    width: Width,
    kind: u8,
}

#[track_caller]
fn with_percent_hint(error: Error) -> Error {
    error.hint("For a single \"%\" use \"%%\".")
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn current(&self) -> u8 {
        self.bytes[self.at]
    }

    fn advance(&mut self) -> Result<()> {
        self.at += 1;
        if self.at >= self.bytes.len() {
            return Err(with_percent_hint(err!(
                INVALID_PARAMETER_VALUE,
                "unterminated format() type specifier"
            )));
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<Option<i32>> {
        let mut value = None;
        while self.current().is_ascii_digit() {
            let digit = i32::from(self.current() - b'0');
            let next = value.unwrap_or(0_i32).checked_mul(10).and_then(|v| v.checked_add(digit));
            value = Some(next.ok_or_else(|| err!(NUMERIC_VALUE_OUT_OF_RANGE, "number is out of range"))?);
            self.advance()?;
        }
        Ok(value)
    }

    fn argument_number(n: i32) -> Result<usize> {
        if n == 0 {
            bail!(INVALID_PARAMETER_VALUE, "format specifies argument 0, but arguments are numbered from 1");
        }
        Ok(n as usize)
    }

    /// Reads a directive from behind its percent sign up to its type character.
    fn directive(&mut self) -> Result<Directive> {
        let mut directive = Directive { position: None, left: false, width: Width::Fixed(0), kind: b's' };
        if let Some(n) = self.digits()? {
            if self.current() != b'$' {
                return Ok(Directive { width: Width::Fixed(n), kind: self.current(), ..directive });
            }
            directive.position = Some(Scanner::argument_number(n)?);
            self.advance()?;
        }
        while self.current() == b'-' {
            directive.left = true;
            self.advance()?;
        }
        if self.current() == b'*' {
            self.advance()?;
            directive.width = match self.digits()? {
                None => Width::Next,
                Some(n) => {
                    if self.current() != b'$' {
                        bail!(INVALID_PARAMETER_VALUE, "width argument position must be ended by \"$\"");
                    }
                    let argument = Width::Argument(Scanner::argument_number(n)?);
                    self.advance()?;
                    argument
                }
            };
        } else if let Some(n) = self.digits()? {
            directive.width = Width::Fixed(n);
        }
        Ok(Directive { kind: self.current(), ..directive })
    }
}

/// `format(pattern, arguments...)`, arguments in text form; `quote_identifier` knows the keywords.
///
/// # Errors
/// `22023`, `22003`, `22004`, `22P02` for a width that is no integer
pub fn format(
    pattern: &str,
    arguments: &[Option<&str>],
    quote_identifier: &dyn Fn(&str) -> String,
) -> Result<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut scanner = Scanner { bytes: pattern.as_bytes(), at: 0 };
    // Number of the argument that comes next, from 1.
    let mut next = 1;
    while let Some(offset) = memchr::memchr(b'%', &scanner.bytes[scanner.at..]) {
        out.push_str(&pattern[scanner.at..scanner.at + offset]);
        scanner.at += offset;
        scanner.advance()?;
        if scanner.current() == b'%' {
            out.push('%');
            scanner.at += 1;
            continue;
        }
        let directive = scanner.directive()?;
        if !matches!(directive.kind, b's' | b'I' | b'L') {
            let kind = pattern[scanner.at..].chars().next().unwrap_or(' ');
            return Err(with_percent_hint(err!(
                INVALID_PARAMETER_VALUE,
                "unrecognized format() type specifier \"{kind}\""
            )));
        }
        let mut take = |position: Option<usize>| {
            let number = position.unwrap_or(next);
            next = number + 1;
            arguments
                .get(number - 1)
                .copied()
                .ok_or_else(|| err!(INVALID_PARAMETER_VALUE, "too few arguments for format()"))
        };
        let width = match directive.width {
            Width::Fixed(width) => width,
            Width::Next => take(None)?.map_or(Ok(0), parse_int4)?,
            Width::Argument(number) => take(Some(number))?.map_or(Ok(0), parse_int4)?,
        };
        let text = take(directive.position)?;
        let converted = match (directive.kind, text) {
            (b's', text) => text.unwrap_or("").to_owned(),
            (b'I', None) => {
                bail!(NULL_VALUE_NOT_ALLOWED, "null values cannot be formatted as an SQL identifier")
            }
            (b'I', Some(text)) => quote_identifier(text),
            (_, None) => "NULL".to_owned(),
            (_, Some(text)) => quote_literal(text),
        };
        push_aligned(&mut out, &converted, width, directive.left)?;
        scanner.at += 1;
    }
    out.push_str(&pattern[scanner.at..]);
    Ok(out)
}

fn push_aligned(out: &mut String, text: &str, width: i32, left: bool) -> Result<()> {
    let left = left || width < 0;
    let width = width
        .checked_abs()
        .ok_or_else(|| err!(NUMERIC_VALUE_OUT_OF_RANGE, "number is out of range"))? as usize;
    let padding = if width == 0 { 0 } else { width.saturating_sub(length(text)) };
    if out.len() + padding > MAX_SIZE {
        return Err(too_large());
    }
    if !left {
        out.extend(std::iter::repeat_n(' ', padding));
    }
    out.push_str(text);
    if left {
        out.extend(std::iter::repeat_n(' ', padding));
    }
    Ok(())
}
