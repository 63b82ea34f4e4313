//! Tokens of PL/pgSQL: SQL's, with the places where they stand, since SQL within is taken out as text.

use base::{Error, Result, err};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A word as written, in lower case: a key word or an identifier.
    Word,
    /// An identifier in double quotes.
    Quoted,
    /// A string literal, its value.
    String,
    Number,
    /// `$1`.
    Param,
    /// Punctuation and operators.
    Symbol,
    End,
}

#[derive(Clone, Debug)]
pub struct Token {
    pub kind: Kind,
    pub text: String,
    /// Bytes of the source.
    pub start: usize,
    pub end: usize,
}

struct Scanner<'s> {
    source: &'s str,
    at: usize,
}

/// All tokens of a source, an End last.
///
/// # Errors
/// `42601` for literals and comments without end.
pub fn scan(source: &str) -> Result<Vec<Token>> {
    let mut scanner = Scanner { source, at: 0 };
    let mut tokens = Vec::new();
    loop {
        scanner.skip_space()?;
        let token = scanner.token()?;
        let end = token.kind == Kind::End;
        tokens.push(token);
        if end {
            return Ok(tokens);
        }
    }
}

/// The line of a place in the source, from 1.
pub fn line_of(source: &str, at: usize) -> u32 {
    let text = source.get(..at).unwrap_or_default();
    1 + text.bytes().filter(|b| *b == b'\n').count() as u32
}

fn unterminated(what: &str, at: usize) -> Error {
    err!(SYNTAX_ERROR, "unterminated {what}").at(at)
}

impl Scanner<'_> {
    fn byte(&self, ahead: usize) -> Option<u8> {
        self.source.as_bytes().get(self.at + ahead).copied()
    }

    fn skip_space(&mut self) -> Result<()> {
        loop {
            match (self.byte(0), self.byte(1)) {
                (Some(b), _) if b.is_ascii_whitespace() || b == 0x0b => self.at += 1,
                (Some(b'-'), Some(b'-')) => {
                    while self.byte(0).is_some_and(|b| b != b'\n' && b != b'\r') {
                        self.at += 1;
                    }
                }
                (Some(b'/'), Some(b'*')) => self.comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn comment(&mut self) -> Result<()> {
        let start = self.at;
        let mut depth = 0;
        loop {
            match (self.byte(0), self.byte(1)) {
                (Some(b'/'), Some(b'*')) => {
                    depth += 1;
                    self.at += 2;
                }
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                (Some(_), _) => self.at += 1,
                (None, _) => return Err(unterminated("/* comment", start)),
            }
        }
    }

    fn token(&mut self) -> Result<Token> {
        let start = self.at;
        let Some(first) = self.byte(0) else {
            return Ok(Token { kind: Kind::End, text: String::new(), start, end: start });
        };
        let (kind, text) = match first {
            b'e' | b'E' if self.byte(1) == Some(b'\'') => {
                self.at += 1;
                (Kind::String, self.string(true)?)
            }
            b'\'' => (Kind::String, self.string(false)?),
            b'"' => (Kind::Quoted, self.quoted()?),
            b'$' if self.byte(1).is_some_and(|b| b.is_ascii_digit()) => {
                self.at += 1;
                self.take(|b| b.is_ascii_digit());
                (Kind::Param, self.source[start..self.at].to_owned())
            }
            b'$' => match self.dollar_string()? {
                Some(text) => (Kind::String, text),
                None => (Kind::Symbol, self.symbol()),
            },
            b if is_word_start(b) => {
                self.take(is_word_part);
                (Kind::Word, self.source[start..self.at].to_lowercase())
            }
            b if b.is_ascii_digit() => {
                self.number();
                (Kind::Number, self.source[start..self.at].to_owned())
            }
            b'.' if self.byte(1).is_some_and(|b| b.is_ascii_digit()) => {
                self.number();
                (Kind::Number, self.source[start..self.at].to_owned())
            }
            _ => (Kind::Symbol, self.symbol()),
        };
        Ok(Token { kind, text, start, end: self.at })
    }

    fn take(&mut self, test: impl Fn(u8) -> bool) {
        while self.byte(0).is_some_and(&test) {
            self.at += 1;
        }
    }

    fn number(&mut self) {
        self.take(|b| b.is_ascii_digit() || b == b'_');
        // `1..10` is a range, not the number `1.`.
        if self.byte(0) == Some(b'.') && self.byte(1) != Some(b'.') {
            self.at += 1;
            self.take(|b| b.is_ascii_digit() || b == b'_');
        }
        if matches!(self.byte(0), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.byte(1), Some(b'+' | b'-')));
            if self.byte(1 + sign).is_some_and(|b| b.is_ascii_digit()) {
                self.at += 1 + sign;
                self.take(|b| b.is_ascii_digit());
            }
        }
    }

    fn string(&mut self, escapes: bool) -> Result<String> {
        let start = self.at;
        self.at += 1;
        let mut value: Vec<u8> = Vec::new();
        loop {
            match (self.byte(0), self.byte(1)) {
                (None, _) => return Err(unterminated("quoted string", start)),
                (Some(b'\''), Some(b'\'')) => {
                    value.push(b'\'');
                    self.at += 2;
                }
                (Some(b'\''), _) => {
                    self.at += 1;
                    return Ok(String::from_utf8_lossy(&value).into_owned());
                }
                (Some(b'\\'), Some(next)) if escapes => {
                    value.push(match next {
                        b'n' => b'\n',
                        b't' => b'\t',
                        b'r' => b'\r',
                        b'b' => 8,
                        b'f' => 12,
                        other => other,
                    });
                    self.at += 2;
                }
                (Some(b), _) => {
                    value.push(b);
                    self.at += 1;
                }
            }
        }
    }

    fn quoted(&mut self) -> Result<String> {
        let start = self.at;
        self.at += 1;
        let mut value = String::new();
        let rest = &self.source[self.at..];
        let mut characters = rest.char_indices().peekable();
        while let Some((offset, c)) = characters.next() {
            match c {
                '"' if characters.peek().is_some_and(|(_, next)| *next == '"') => {
                    value.push('"');
                    characters.next();
                }
                '"' => {
                    self.at += offset + 1;
                    return Ok(value);
                }
                c => value.push(c),
            }
        }
        Err(unterminated("quoted identifier", start))
    }

    /// `$tag$ ... $tag$`; `None` if no such thing begins here.
    fn dollar_string(&mut self) -> Result<Option<String>> {
        let rest = &self.source[self.at..];
        let tag_end = rest[1..].bytes().position(|b| !is_word_part(b) || b == b'$').map(|p| p + 1);
        let Some(tag_end) = tag_end.filter(|end| rest.as_bytes()[*end] == b'$') else { return Ok(None) };
        let tag = &rest[..=tag_end];
        let body = &rest[tag.len()..];
        let Some(length) = body.find(tag) else {
            return Err(unterminated("dollar-quoted string", self.at));
        };
        self.at += 2 * tag.len() + length;
        Ok(Some(body[..length].to_owned()))
    }

    fn symbol(&mut self) -> String {
        const LONG: [&str; 9] = [":=", "..", "<<", ">>", "::", "=>", "<=", ">=", "<>"];
        let rest = &self.source[self.at..];
        if let Some(long) = LONG.iter().find(|long| rest.starts_with(**long)) {
            self.at += long.len();
            return (*long).to_owned();
        }
        let c = rest.chars().next().unwrap_or(' ');
        self.at += c.len_utf8();
        c.to_string()
    }
}

fn is_word_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b >= 0x80
}

fn is_word_part(b: u8) -> bool {
    is_word_start(b) || b.is_ascii_digit() || b == b'$'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_keep_their_places() {
        let tokens = scan("x := E'a\\n' || $q$it's$q$; -- end\nfor i in 1..10").unwrap();
        let texts: Vec<&str> = tokens.iter().map(|t| t.text.as_str()).collect();
        assert_eq!(texts, ["x", ":=", "a\n", "|", "|", "it's", ";", "for", "i", "in", "1", "..", "10", ""]);
        assert_eq!((tokens[5].start, tokens[5].end), (15, 25));
        assert_eq!(line_of("\nbegin\n  x", 9), 3);
        assert!(scan("'open").is_err() && scan("/* open").is_err() && scan("$a$ open").is_err());
    }
}
