//! The text form: `[1:2]={a,"b c",NULL}`.

use super::{MAX_DIMENSIONS, Shape, too_many_dimensions, too_many_elements};
use crate::integer::{is_space, push_int8};
use base::{Error, Result, bail, err};

/// An array literal taken apart: elements in storage order, still in text form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextArray {
    pub shape: Shape,
    pub elements: Vec<Option<String>>,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    delimiter: char,
}

enum Token {
    Open,
    Close,
    Delimiter,
    Element(Option<String>),
}

/// Parses an array literal; `delimiter` is the element type's (a comma but for box).
///
/// # Errors
/// `22P02`, `2202E`, `54000`
pub fn parse(text: &str, delimiter: char) -> Result<TextArray> {
    let mut parser = Parser { text, at: 0, delimiter };
    let specified = parser.dimensions()?;
    if parser.peek() != Some('{') {
        return Err(parser.malformed(if specified.is_some() {
            "Array contents must start with \"{\"."
        } else {
            "Array value must start with \"{\" or dimension information."
        }));
    }
    let array = parser.contents(specified)?;
    parser.skip_spaces();
    if parser.at < text.len() {
        return Err(parser.malformed("Junk after closing right brace."));
    }
    Ok(array)
}

impl Parser<'_> {
    #[track_caller]
    fn malformed(&self, detail: impl Into<String>) -> Error {
        err!(INVALID_TEXT_REPRESENTATION, "malformed array literal: \"{}\"", self.text).detail(detail)
    }

    #[track_caller]
    fn unexpected(&self, c: char) -> Error {
        self.malformed(format!("Unexpected \"{c}\" character."))
    }

    #[track_caller]
    fn mismatch(&self, specified: bool) -> Error {
        self.malformed(if specified {
            "Specified array dimensions do not match array contents."
        } else {
            "Multidimensional arrays must have sub-arrays with matching dimensions."
        })
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn skip_spaces(&mut self) {
        self.at += self.text.as_bytes()[self.at..].iter().take_while(|&&c| is_space(c)).count();
    }

    fn bound(&mut self) -> Result<Option<i32>> {
        let rest = &self.text[self.at..];
        let sign = usize::from(rest.starts_with(['-', '+']));
        let digits = rest.bytes().skip(sign).take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Ok(None);
        }
        let value = rest[..sign + digits]
            .parse()
            .map_err(|_| err!(PROGRAM_LIMIT_EXCEEDED, "array bound is out of integer range"))?;
        self.at += sign + digits;
        Ok(Some(value))
    }

    /// `[lower:upper]...=`, when there.
    fn dimensions(&mut self) -> Result<Option<Shape>> {
        let mut shape = Shape::default();
        loop {
            self.skip_spaces();
            if self.peek() != Some('[') {
                break;
            }
            self.at += 1;
            if shape.lengths.len() >= MAX_DIMENSIONS {
                return Err(too_many_dimensions());
            }
            let first = self.bound()?.ok_or_else(|| {
                self.malformed("\"[\" must introduce explicitly-specified array dimensions.")
            })?;
            let (lower, upper) = if self.peek() == Some(':') {
                self.at += 1;
                (first, self.bound()?.ok_or_else(|| self.malformed("Missing array dimension value."))?)
            } else {
                (1, first)
            };
            if self.peek() != Some(']') {
                return Err(self.malformed("Missing \"]\" after array dimensions."));
            }
            self.at += 1;
            if upper < lower {
                bail!(ARRAY_SUBSCRIPT_ERROR, "upper bound cannot be less than lower bound");
            }
            if upper == i32::MAX {
                bail!(PROGRAM_LIMIT_EXCEEDED, "array upper bound is too large: {upper}");
            }
            let length = upper.checked_sub(lower).and_then(|n| n.checked_add(1));
            shape.lengths.push(length.ok_or_else(too_many_elements)?);
            shape.lower_bounds.push(lower);
        }
        if shape.lengths.is_empty() {
            return Ok(None);
        }
        if self.peek() != Some('=') {
            return Err(self.malformed("Missing \"=\" after array dimensions."));
        }
        self.at += 1;
        self.skip_spaces();
        Ok(Some(shape))
    }

    fn token(&mut self) -> Result<Token> {
        self.skip_spaces();
        let end = || self.malformed("Unexpected end of input.");
        let c = self.peek().ok_or_else(end)?;
        let token = match c {
            '{' => Token::Open,
            '}' => Token::Close,
            '"' => return self.quoted(),
            c if c == self.delimiter => Token::Delimiter,
            _ => return self.unquoted(),
        };
        self.at += c.len_utf8();
        Ok(token)
    }

    fn quoted(&mut self) -> Result<Token> {
        self.at += 1;
        let mut element = String::new();
        let mut chars = self.text[self.at..].char_indices();
        loop {
            match chars.next() {
                None => return Err(self.malformed("Unexpected end of input.")),
                Some((_, '\\')) => match chars.next() {
                    None => return Err(self.malformed("Unexpected end of input.")),
                    Some((_, c)) => element.push(c),
                },
                Some((offset, '"')) => {
                    self.at += offset + 1;
                    break;
                }
                Some((_, c)) => element.push(c),
            }
        }
        self.skip_spaces();
        match self.peek() {
            None => Err(self.malformed("Unexpected end of input.")),
            Some(c) if c == '}' || c == self.delimiter => Ok(Token::Element(Some(element))),
            Some(_) => Err(self.malformed("Incorrectly quoted array element.")),
        }
    }

    fn unquoted(&mut self) -> Result<Token> {
        let mut element = String::new();
        let mut escapes = false;
        // Length up to the last character that is not a trailing space.
        let mut solid = 0;
        let mut chars = self.text[self.at..].char_indices();
        let offset = loop {
            match chars.next() {
                None => return Err(self.malformed("Unexpected end of input.")),
                Some((_, '{')) => return Err(self.unexpected('{')),
                Some((_, '"')) => return Err(self.malformed("Incorrectly quoted array element.")),
                Some((_, '\\')) => match chars.next() {
                    None => return Err(self.malformed("Unexpected end of input.")),
                    Some((_, c)) => {
                        escapes = true;
                        element.push(c);
                        solid = element.len();
                    }
                },
                Some((offset, c)) if c == '}' || c == self.delimiter => break offset,
                Some((_, c)) => {
                    element.push(c);
                    if !(c.is_ascii() && is_space(c as u8)) {
                        solid = element.len();
                    }
                }
            }
        };
        self.at += offset;
        element.truncate(solid);
        let null = !escapes && element.eq_ignore_ascii_case("null");
        Ok(Token::Element((!null).then_some(element)))
    }

    fn contents(&mut self, specified: Option<Shape>) -> Result<TextArray> {
        let is_specified = specified.is_some();
        let mut dimensions = specified.as_ref().map_or(0, |shape| shape.lengths.len());
        let mut fixed = is_specified;
        let mut lengths: Vec<Option<i32>> = match &specified {
            Some(shape) => shape.lengths.iter().copied().map(Some).collect(),
            None => Vec::new(),
        };
        lengths.resize(MAX_DIMENSIONS, None);
        // Elements seen so far at each open level.
        let mut counts: Vec<i32> = Vec::new();
        let mut elements = Vec::new();
        let mut expect_delimiter = false;
        loop {
            match self.token()? {
                Token::Open => {
                    if expect_delimiter {
                        return Err(self.unexpected('{'));
                    }
                    if counts.len() >= MAX_DIMENSIONS {
                        return Err(too_many_dimensions());
                    }
                    counts.push(0);
                    if counts.len() > dimensions {
                        if fixed {
                            return Err(self.mismatch(is_specified));
                        }
                        dimensions = counts.len();
                    }
                }
                Token::Close => {
                    let count = counts.pop().unwrap_or(0);
                    if count > 0 && !expect_delimiter {
                        return Err(self.unexpected('}'));
                    }
                    if let Some(outer) = counts.last_mut() {
                        *outer += 1;
                    }
                    match &mut lengths[counts.len()] {
                        Some(length) if *length != count => return Err(self.mismatch(is_specified)),
                        length => *length = Some(count),
                    }
                    expect_delimiter = true;
                }
                Token::Delimiter => {
                    if !expect_delimiter {
                        return Err(self.unexpected(self.delimiter));
                    }
                    expect_delimiter = false;
                }
                Token::Element(element) => {
                    fixed = true;
                    if counts.len() != dimensions {
                        return Err(self.mismatch(is_specified));
                    }
                    if expect_delimiter {
                        return Err(self.malformed("Unexpected array element."));
                    }
                    if let Some(count) = counts.last_mut() {
                        *count += 1;
                    }
                    elements.push(element);
                    expect_delimiter = true;
                }
            }
            if counts.is_empty() {
                break;
            }
        }
        if elements.is_empty() {
            if specified.is_some() {
                return Err(self.mismatch(true));
            }
            return Ok(TextArray::default());
        }
        let lengths: Vec<i32> = lengths.into_iter().take(dimensions).map(|n| n.unwrap_or(0)).collect();
        let lower_bounds = specified.map_or_else(|| vec![1; dimensions], |shape| shape.lower_bounds);
        let shape = Shape { lengths, lower_bounds };
        shape.count()?;
        shape.check_bounds()?;
        Ok(TextArray { shape, elements })
    }
}

fn push_element(out: &mut String, element: Option<&str>, delimiter: char) {
    let Some(text) = element else { return out.push_str("NULL") };
    let special = |c: char| {
        matches!(c, '"' | '\\' | '{' | '}') || c == delimiter || (c.is_ascii() && is_space(c as u8))
    };
    if !text.is_empty() && !text.eq_ignore_ascii_case("null") && !text.contains(special) {
        return out.push_str(text);
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// Appends the text form of an array whose elements, in storage order, are given as text.
pub fn push_text<T: AsRef<str>>(out: &mut String, shape: &Shape, elements: &[Option<T>], delimiter: char) {
    if elements.is_empty() {
        return out.push_str("{}");
    }
    if shape.lower_bounds.iter().any(|&lower| lower != 1) {
        for (dimension, &lower) in shape.lower_bounds.iter().enumerate() {
            out.push('[');
            push_int8(out, i64::from(lower));
            out.push(':');
            push_int8(out, i64::from(lower) + i64::from(shape.lengths[dimension]) - 1);
            out.push(']');
        }
        out.push('=');
    }
    // Elements below one brace of each level, innermost last.
    let sizes: Vec<usize> = (0..shape.lengths.len())
        .map(|d| shape.lengths[d..].iter().map(|&n| n.max(1) as usize).product())
        .collect();
    for (i, element) in elements.iter().enumerate() {
        let opening = sizes.iter().filter(|&&size| i % size == 0).count();
        if i > 0 {
            out.push(delimiter);
        }
        out.extend(std::iter::repeat_n('{', opening));
        push_element(out, element.as_ref().map(AsRef::as_ref), delimiter);
        let closing = sizes.iter().filter(|&&size| (i + 1) % size == 0).count();
        out.extend(std::iter::repeat_n('}', closing));
    }
}
