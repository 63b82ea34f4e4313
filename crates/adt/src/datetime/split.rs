//! Cutting a date, time or interval text into fields.

use super::Refusal;
use super::tokens::find_word;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldKind {
    /// Digits, perhaps with a fraction.
    Number,
    /// Digits with colons.
    Time,
    /// Digits or words joined by `-`, `/` or `.`: a date, or a zone name.
    Date,
    /// A sign and digits: a displacement, or a signed number.
    Signed,
    /// A word.
    Word,
    /// A sign and a word.
    SignedWord,
}

/// One field, in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub kind: FieldKind,
    pub text: String,
}

/// Most fields of one text.
const MAX_FIELDS: usize = 25;

struct Cutter<'a> {
    bytes: &'a [u8],
    at: usize,
    text: String,
}

impl Cutter<'_> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn push(&mut self) {
        self.text.push(self.peek().to_ascii_lowercase() as char);
        self.at += 1;
    }

    fn push_while(&mut self, accept: impl Fn(u8) -> bool) {
        while self.peek() != 0 && accept(self.peek()) {
            self.push();
        }
    }

    fn digits(&mut self) {
        self.push_while(|c| c.is_ascii_digit());
    }

    /// A field that starts with a digit.
    fn after_digit(&mut self) -> FieldKind {
        self.digits();
        match self.peek() {
            b':' => {
                self.push_while(|c| c.is_ascii_digit() || c == b':' || c == b'.');
                FieldKind::Time
            }
            delimiter @ (b'-' | b'/' | b'.') => {
                self.push();
                if !self.peek().is_ascii_digit() {
                    // A month as a word, or nothing.
                    self.push_while(|c| c.is_ascii_alphanumeric() || c == delimiter);
                    return FieldKind::Date;
                }
                self.digits();
                if self.peek() == delimiter {
                    self.push_while(|c| c.is_ascii_digit() || c == delimiter);
                    FieldKind::Date
                } else if delimiter == b'.' {
                    FieldKind::Number
                } else {
                    FieldKind::Date
                }
            }
            _ => FieldKind::Number,
        }
    }

    /// A field that starts with a letter.
    fn after_letter(&mut self) -> FieldKind {
        self.push_while(|c| c.is_ascii_alphabetic());
        let joined = match self.peek() {
            b'-' | b'/' | b'.' => true,
            // A digit or plus continues a zone name, but not a word that means something else.
            c if c == b'+' || c.is_ascii_digit() => find_word(&self.text).is_none(),
            _ => false,
        };
        if !joined {
            return FieldKind::Word;
        }
        self.push_while(|c| c.is_ascii_alphanumeric() || b"+-/_.:".contains(&c));
        FieldKind::Date
    }

    /// A field that starts with a sign.
    fn after_sign(&mut self) -> Result<FieldKind, Refusal> {
        self.push();
        while is_space(self.peek()) {
            self.at += 1;
        }
        match self.peek() {
            c if c.is_ascii_digit() => {
                self.push_while(|c| c.is_ascii_digit() || b":.-".contains(&c));
                Ok(FieldKind::Signed)
            }
            c if c.is_ascii_alphabetic() => {
                self.push_while(|c| c.is_ascii_alphabetic());
                Ok(FieldKind::SignedWord)
            }
            _ => Err(Refusal::BadFormat),
        }
    }
}

fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\n' | b'\x0b' | b'\x0c' | b'\r')
}

/// The fields of `text`; `max_bytes` bounds their lengths together.
pub(crate) fn split(text: &str, max_bytes: usize) -> Result<Vec<Field>, Refusal> {
    let mut cutter = Cutter { bytes: text.as_bytes(), at: 0, text: String::new() };
    let mut fields = Vec::new();
    let mut bytes = 0;
    while cutter.at < text.len() {
        let c = cutter.peek();
        if is_space(c) {
            cutter.at += 1;
            continue;
        }
        if fields.len() >= MAX_FIELDS {
            return Err(Refusal::BadFormat);
        }
        let kind = match c {
            b'0'..=b'9' => cutter.after_digit(),
            b'.' => {
                cutter.push();
                cutter.digits();
                FieldKind::Number
            }
            b'a'..=b'z' | b'A'..=b'Z' => cutter.after_letter(),
            b'+' | b'-' => cutter.after_sign()?,
            _ if c.is_ascii_punctuation() => {
                cutter.at += 1;
                continue;
            }
            _ => return Err(Refusal::BadFormat),
        };
        let text = std::mem::take(&mut cutter.text);
        bytes += text.len() + 1;
        if bytes > max_bytes {
            return Err(Refusal::BadFormat);
        }
        fields.push(Field { kind, text });
    }
    Ok(fields)
}

/// Longest date, time or timestamp text, in bytes of fields.
pub(crate) const DATE_TEXT_BYTES: usize = 153;
/// Longest interval text.
pub(crate) const INTERVAL_TEXT_BYTES: usize = 256;
