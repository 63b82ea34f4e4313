//! Tokens of JSON text.

use base::{Error, err};
use std::borrow::Cow;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Comma,
    Colon,
    String(Cow<'a, str>),
    Number(&'a str),
    True,
    False,
    Null,
    End,
}

pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Where the current token starts and ends.
    pub start: usize,
    pub end: usize,
    line: usize,
    line_start: usize,
    /// Whether escapes in strings are resolved (and must be resolvable).
    unescape: bool,
}

/// What is wrong with a token, with its extent where that is not the whole token.
enum Flaw {
    Invalid,
    Escape(usize),
    ControlCharacter(u8),
    UnicodeFormat,
    UnicodeZero,
    HighAfterHigh,
    LoneLow,
}

fn is_word_byte(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_' || c >= 0x80
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str, unescape: bool) -> Lexer<'a> {
        Lexer { text, at: 0, start: 0, end: 0, line: 1, line_start: 0, unescape }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// The text of the current token.
    pub fn token_text(&self) -> &'a str {
        self.text.get(self.start..self.end).unwrap_or("")
    }

    pub fn next(&mut self) -> Result<Token<'a>, Error> {
        while let Some(c @ (b' ' | b'\t' | b'\n' | b'\r')) = self.byte(self.at) {
            self.at += 1;
            if c == b'\n' {
                self.line += 1;
                self.line_start = self.at;
            }
        }
        self.start = self.at;
        self.end = self.at;
        let Some(c) = self.byte(self.at) else {
            return Ok(Token::End);
        };
        let token = match c {
            b'{' => self.single(Token::ObjectStart),
            b'}' => self.single(Token::ObjectEnd),
            b'[' => self.single(Token::ArrayStart),
            b']' => self.single(Token::ArrayEnd),
            b',' => self.single(Token::Comma),
            b':' => self.single(Token::Colon),
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.word(),
        };
        self.at = self.end;
        token.map_err(|flaw| self.flaw_error(flaw))
    }

    fn single(&mut self, token: Token<'a>) -> Result<Token<'a>, Flaw> {
        self.end = self.at + 1;
        Ok(token)
    }

    fn word(&mut self) -> Result<Token<'a>, Flaw> {
        let rest = &self.text.as_bytes()[self.at..];
        let len = rest.iter().take_while(|c| is_word_byte(**c)).count();
        self.end = self.at + len.max(1);
        match self.token_text() {
            "true" => Ok(Token::True),
            "false" => Ok(Token::False),
            "null" => Ok(Token::Null),
            _ => Err(Flaw::Invalid),
        }
    }

    fn number(&mut self) -> Result<Token<'a>, Flaw> {
        let digits = |from: usize| {
            from + self.text.as_bytes()[from.min(self.text.len())..]
                .iter()
                .take_while(|c| c.is_ascii_digit())
                .count()
        };
        let mut at = self.at + usize::from(self.byte(self.at) == Some(b'-'));
        let mut wrong = false;
        match self.byte(at) {
            Some(b'0') => at += 1,
            Some(b'1'..=b'9') => at = digits(at),
            _ => wrong = true,
        }
        if self.byte(at) == Some(b'.') {
            let end = digits(at + 1);
            wrong |= end == at + 1;
            at = end;
        }
        if matches!(self.byte(at), Some(b'e' | b'E')) {
            at += 1;
            at += usize::from(matches!(self.byte(at), Some(b'+' | b'-')));
            let end = digits(at);
            wrong |= end == at;
            at = end;
        }
        while self.byte(at).is_some_and(is_word_byte) {
            wrong = true;
            at += 1;
        }
        self.end = at;
        if wrong { Err(Flaw::Invalid) } else { Ok(Token::Number(self.token_text())) }
    }

    /// Ends the token after the character at `at`.
    fn flaw_after(&mut self, at: usize, flaw: Flaw) -> Flaw {
        self.end = at + self.text[at..].chars().next().map_or(0, char::len_utf8);
        flaw
    }

    fn string(&mut self) -> Result<Token<'a>, Flaw> {
        let mut at = self.at + 1;
        let mut plain_from = at;
        let mut owned: Option<String> = None;
        let mut high: Option<u32> = None;
        loop {
            let Some(c) = self.byte(at) else {
                self.end = at;
                return Err(Flaw::Invalid);
            };
            if c == b'\\' {
                if self.unescape {
                    owned.get_or_insert_default().push_str(&self.text[plain_from..at]);
                }
                at = self.escape(at + 1, &mut owned, &mut high)?;
                plain_from = at;
                continue;
            }
            if high.is_some() && c != b'"' {
                return Err(self.flaw_after(at, Flaw::LoneLow));
            }
            match c {
                b'"' => break,
                0..0x20 => {
                    self.end = at;
                    return Err(Flaw::ControlCharacter(c));
                }
                _ => at += 1,
            }
        }
        if high.is_some() {
            self.end = at + 1;
            return Err(Flaw::LoneLow);
        }
        self.end = at + 1;
        let last = &self.text[plain_from..at];
        Ok(Token::String(match owned {
            Some(mut owned) => {
                owned.push_str(last);
                Cow::Owned(owned)
            }
            // Without resolving, the content is the text between the quotes.
            None => Cow::Borrowed(&self.text[self.start + 1..at]),
        }))
    }

    /// Reads what follows a backslash; returns where the string goes on.
    fn escape(&mut self, at: usize, out: &mut Option<String>, high: &mut Option<u32>) -> Result<usize, Flaw> {
        let Some(c) = self.byte(at) else {
            self.end = at;
            return Err(Flaw::Invalid);
        };
        if c == b'u' {
            return self.unicode_escape(at, out, high);
        }
        if self.unescape && high.is_some() {
            return Err(self.flaw_after(at, Flaw::LoneLow));
        }
        let resolved = match c {
            b'"' | b'\\' | b'/' => c as char,
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            _ => return Err(self.flaw_after(at, Flaw::Escape(at))),
        };
        if self.unescape {
            out.get_or_insert_default().push(resolved);
        }
        Ok(at + 1)
    }

    fn unicode_escape(
        &mut self,
        at: usize,
        out: &mut Option<String>,
        high: &mut Option<u32>,
    ) -> Result<usize, Flaw> {
        let mut code = 0;
        for at in at + 1..at + 5 {
            let Some(c) = self.byte(at) else {
                self.end = at;
                return Err(Flaw::Invalid);
            };
            let Some(digit) = (c as char).to_digit(16) else {
                return Err(self.flaw_after(at, Flaw::UnicodeFormat));
            };
            code = code * 16 + digit;
        }
        let last = at + 4;
        if !self.unescape {
            return Ok(last + 1);
        }
        match (code, high.take()) {
            (0xD800..=0xDBFF, Some(_)) => return Err(self.flaw_after(last, Flaw::HighAfterHigh)),
            (0xD800..=0xDBFF, None) => {
                *high = Some(code);
                return Ok(last + 1);
            }
            (0xDC00..=0xDFFF, Some(first)) => code = 0x10000 + ((first & 0x3FF) << 10) + (code & 0x3FF),
            (_, Some(_)) | (0xDC00..=0xDFFF, None) => return Err(self.flaw_after(last, Flaw::LoneLow)),
            (0, None) => return Err(self.flaw_after(last, Flaw::UnicodeZero)),
            _ => {}
        }
        // Surrogates are gone, so every code is a character.
        out.get_or_insert_default().extend(char::from_u32(code));
        Ok(last + 1)
    }

    fn flaw_error(&mut self, flaw: Flaw) -> Error {
        let unicode = |detail: &str| {
            err!(UNTRANSLATABLE_CHARACTER, "unsupported Unicode escape sequence").detail(detail)
        };
        let error = match flaw {
            Flaw::Invalid => return self.error(format!("Token \"{}\" is invalid.", self.token_text())),
            Flaw::Escape(at) => {
                self.start = at;
                return self.error(format!("Escape sequence \"\\{}\" is invalid.", self.token_text()));
            }
            Flaw::ControlCharacter(c) => {
                return self.error(format!("Character with value 0x{c:02x} must be escaped."));
            }
            Flaw::UnicodeFormat => {
                return self.error("\"\\u\" must be followed by four hexadecimal digits.");
            }
            Flaw::HighAfterHigh => {
                return self.error("Unicode high surrogate must not follow a high surrogate.");
            }
            Flaw::LoneLow => return self.error("Unicode low surrogate must follow a high surrogate."),
            Flaw::UnicodeZero => unicode("\\u0000 cannot be converted to text."),
        };
        error.context(self.context(false))
    }

    /// `22P02` at the current token.
    pub fn error(&self, detail: impl Into<String>) -> Error {
        err!(INVALID_TEXT_REPRESENTATION, "invalid input syntax for type json")
            .detail(detail)
            .context(self.context(self.start == self.text.len()))
    }

    /// The line up to the current token, at most 50 bytes of it.
    fn context(&self, at_end: bool) -> String {
        let mut from = self.line_start.min(self.end);
        while self.end - from >= 50 {
            from += self.text[from..].chars().next().map_or(1, char::len_utf8);
        }
        if from - self.line_start.min(from) <= 3 {
            from = self.line_start.min(self.end);
        }
        let before = if from > self.line_start { "..." } else { "" };
        let goes_on = self.byte(self.end).is_some_and(|c| c != b'\n' && c != b'\r');
        let after = if !at_end && goes_on { "..." } else { "" };
        let excerpt = self.text.get(from..self.end).unwrap_or("");
        format!("JSON data, line {}: {before}{excerpt}{after}", self.line)
    }
}
