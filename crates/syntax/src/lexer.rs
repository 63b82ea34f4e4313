//! Splits a query string into tokens, all at once.
//!
//! A token is a range of the text. Names and simple strings are decoded when the parser takes them; only strings with
//! escapes, Unicode escapes or continuation lines are decoded here, into a side table. A lexical error becomes a last
//! token of kind [`Kind::Error`], so that it is reported only if the parser gets that far, as in PostgreSQL.

use crate::keyword::{Keyword, lookup};
use crate::string_literal;
use base::{Error, Result, err};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    End,
    Error,
    Identifier,
    /// A name in double quotes, or a `U&"..."` one (then with a value).
    QuotedIdentifier,
    String,
    BitString,
    HexString,
    Integer,
    Numeric,
    Param,
    /// An operator of the general kind; the special ones follow.
    Operator,
    TypeCast,
    DotDot,
    ColonEquals,
    EqualsGreater,
    LessEquals,
    GreaterEquals,
    NotEquals,
    Char(u8),
    Keyword(Keyword),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub kind: Kind,
    pub start: u32,
    pub end: u32,
    /// Index into [`Tokens::values`] plus one, or 0 if the text is the value.
    pub value: u32,
}

pub(crate) struct Tokens {
    pub list: Vec<Token>,
    pub values: Vec<String>,
    pub error: Option<Error>,
}

/// The error `MESSAGE at or near "TEXT"`, TEXT being all from `start` to `end`.
pub(crate) fn error_near(message: &str, sql: &str, start: usize, end: usize) -> Error {
    if start >= sql.len() {
        return err!(SYNTAX_ERROR, "{message} at end of input").at(start);
    }
    err!(SYNTAX_ERROR, "{message} at or near \"{}\"", &sql[start..sql.ceil_char_boundary(end)]).at(start)
}

/// Tokens of the whole of `sql`, which is shorter than 4 GiB.
pub(crate) fn tokenize(sql: &str) -> Tokens {
    let mut lexer = Lexer {
        sql,
        bytes: sql.as_bytes(),
        position: 0,
        tokens: Tokens { list: Vec::with_capacity(sql.len() / 5 + 4), values: Vec::new(), error: None },
    };
    match lexer.run() {
        Ok(()) => lexer.push(Kind::End, sql.len()),
        Err(error) => {
            lexer.tokens.error = Some(error);
            lexer.push(Kind::Error, lexer.position);
        }
    }
    lexer.tokens
}

/// White space of the lexer.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c | 0x0b)
}

fn is_identifier_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_identifier_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

fn is_operator(byte: u8) -> bool {
    b"~!@#^&|`?+-*/%<>=".contains(&byte)
}

struct Lexer<'a> {
    sql: &'a str,
    bytes: &'a [u8],
    position: usize,
    tokens: Tokens,
}

impl Lexer<'_> {
    fn byte(&self, offset: usize) -> u8 {
        self.bytes.get(self.position + offset).copied().unwrap_or(0)
    }

    /// Adds the token from `position` to `end` and moves there.
    fn push(&mut self, kind: Kind, end: usize) {
        self.tokens.list.push(Token { kind, start: self.position as u32, end: end as u32, value: 0 });
        self.position = end;
    }

    fn push_value(&mut self, kind: Kind, end: usize, value: String) {
        self.tokens.values.push(value);
        let value = self.tokens.values.len() as u32;
        self.tokens.list.push(Token { kind, start: self.position as u32, end: end as u32, value });
        self.position = end;
    }

    fn run(&mut self) -> Result<()> {
        while let Some(&byte) = self.bytes.get(self.position) {
            match byte {
                _ if is_space(byte) => self.position += 1,
                b'-' if self.byte(1) == b'-' => self.position = self.line_end(self.position),
                b'/' if self.byte(1) == b'*' => self.block_comment()?,
                b'\'' => self.string(0)?,
                b'"' => self.quoted_identifier()?,
                b'$' => self.dollar()?,
                b'0'..=b'9' => self.number()?,
                b'.' if self.byte(1).is_ascii_digit() => self.number()?,
                b'.' if self.byte(1) == b'.' => self.push(Kind::DotDot, self.position + 2),
                b':' if self.byte(1) == b':' => self.push(Kind::TypeCast, self.position + 2),
                b':' if self.byte(1) == b'=' => self.push(Kind::ColonEquals, self.position + 2),
                b',' | b'(' | b')' | b'[' | b']' | b'.' | b';' | b':' => {
                    self.push(Kind::Char(byte), self.position + 1);
                }
                _ if is_operator(byte) => self.operator()?,
                _ if is_identifier_start(byte) => self.word(byte)?,
                _ => {
                    self.push(Kind::Char(byte), self.position + 1);
                }
            }
        }
        Ok(())
    }

    fn line_end(&self, from: usize) -> usize {
        memchr::memchr2(b'\n', b'\r', &self.bytes[from..]).map_or(self.bytes.len(), |offset| from + offset)
    }

    fn block_comment(&mut self) -> Result<()> {
        let start = self.position;
        let mut depth = 0_usize;
        let mut at = start;
        while at < self.bytes.len() {
            if self.bytes[at..].starts_with(b"/*") {
                depth += 1;
                at += 2;
            } else if self.bytes[at..].starts_with(b"*/") {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    self.position = at;
                    return Ok(());
                }
            } else {
                at += 1;
            }
        }
        Err(self.unterminated("unterminated /* comment"))
    }

    fn unterminated(&self, message: &str) -> Error {
        error_near(message, self.sql, self.position, self.sql.len())
    }

    /// A string whose opening quote stands `prefix` bytes after the token's start.
    fn string(&mut self, prefix: usize) -> Result<()> {
        let start = self.position;
        let (kind, message) = match self.bytes[start] {
            b'b' | b'B' => (Kind::BitString, "unterminated bit string literal"),
            b'x' | b'X' => (Kind::HexString, "unterminated hexadecimal string literal"),
            _ => (Kind::String, "unterminated quoted string"),
        };
        let escapes = matches!(self.bytes[start], b'e' | b'E');
        let unicode = matches!(self.bytes[start], b'u' | b'U');
        let mut pieces: Vec<(usize, usize)> = Vec::new();
        let mut at = start + prefix + 1;
        let end = loop {
            let piece = at;
            at = self.closing_quote(at, escapes).ok_or_else(|| self.unterminated(message))?;
            pieces.push((piece, at));
            match self.continuation(at + 1) {
                Some(next) => at = next,
                None => break at + 1,
            }
        };
        if kind == Kind::String && !escapes && !unicode && pieces.len() == 1 {
            self.push(kind, end);
            return Ok(());
        }
        let mut value = String::new();
        for (from, to) in pieces {
            match escapes {
                true => string_literal::unescape(self.sql, from, to, &mut value)?,
                false if kind == Kind::String => value.push_str(&self.sql[from..to].replace("''", "'")),
                false => value.push_str(&self.sql[from..to]),
            }
        }
        if unicode {
            return self.unicode(Kind::String, end, start + prefix + 1, value);
        }
        self.push_value(kind, end, value);
        Ok(())
    }

    /// The place of the quote that ends the string whose contents begin at `at`.
    fn closing_quote(&self, mut at: usize, escapes: bool) -> Option<usize> {
        loop {
            at += match escapes {
                true => memchr::memchr2(b'\'', b'\\', self.bytes.get(at..)?)?,
                false => memchr::memchr(b'\'', self.bytes.get(at..)?)?,
            };
            if self.bytes[at] == b'\\' || self.bytes.get(at + 1) == Some(&b'\'') {
                at += 2;
            } else {
                return Some(at);
            }
        }
    }

    /// If white space with a newline, then a quote follow: the place after that quote.
    fn continuation(&self, mut at: usize) -> Option<usize> {
        let mut newline = false;
        loop {
            match *self.bytes.get(at)? {
                byte if is_space(byte) => {
                    newline |= matches!(byte, b'\n' | b'\r');
                    at += 1;
                }
                b'-' if self.bytes.get(at + 1) == Some(&b'-') => at = self.line_end(at),
                b'\'' if newline => return Some(at + 1),
                _ => return None,
            }
        }
    }

    fn quoted_identifier(&mut self) -> Result<()> {
        let unicode = self.bytes[self.position] != b'"';
        let open = self.position + if unicode { 2 } else { 0 };
        let mut at = open + 1;
        let close = loop {
            match memchr::memchr(b'"', &self.bytes[at..]) {
                None => return Err(self.unterminated("unterminated quoted identifier")),
                Some(offset) if self.bytes.get(at + offset + 1) == Some(&b'"') => at += offset + 2,
                Some(offset) => break at + offset,
            }
        };
        if close == open + 1 {
            return Err(error_near("zero-length delimited identifier", self.sql, self.position, close + 1));
        }
        let text = &self.sql[open + 1..close];
        if unicode {
            return self.unicode(Kind::QuotedIdentifier, close + 1, open + 1, text.replace("\"\"", "\""));
        }
        match text.contains('"') {
            true => self.push_value(Kind::QuotedIdentifier, close + 1, text.replace("\"\"", "\"")),
            false => self.push(Kind::QuotedIdentifier, close + 1),
        }
        Ok(())
    }

    /// Finishes a `U&` token: looks for UESCAPE and decodes. `contents` is the offset of its first character.
    fn unicode(&mut self, kind: Kind, end: usize, contents: usize, raw: String) -> Result<()> {
        let start = self.position;
        self.position = end;
        let mut escape = b'\\';
        let mut final_end = end;
        self.skip_blank()?;
        let word_end = self.word_end(self.position);
        if self.sql[self.position..word_end].eq_ignore_ascii_case("uescape") {
            self.position = word_end;
            self.skip_blank()?;
            let at = self.position;
            if self.byte(0) != b'\'' {
                let end = self.next_token_end();
                let message = "UESCAPE must be followed by a simple string literal";
                return Err(error_near(message, self.sql, at, end));
            }
            let close = self
                .closing_quote(at + 1, false)
                .ok_or_else(|| self.unterminated("unterminated quoted string"))?;
            let text = self.sql[at + 1..close].replace("''", "'");
            match text.as_bytes() {
                [one] if string_literal::is_escape_character(*one) => escape = *one,
                _ => return Err(error_near("invalid Unicode escape character", self.sql, at, close + 1)),
            }
            final_end = close + 1;
        }
        let value = string_literal::unescape_unicode(&raw, escape, contents)?;
        self.position = start;
        self.push_value(kind, final_end, value);
        Ok(())
    }

    fn skip_blank(&mut self) -> Result<()> {
        loop {
            match self.byte(0) {
                byte if is_space(byte) => self.position += 1,
                b'-' if self.byte(1) == b'-' => self.position = self.line_end(self.position),
                b'/' if self.byte(1) == b'*' => self.block_comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn word_end(&self, from: usize) -> usize {
        let length = self.bytes[from..].iter().take_while(|&&byte| is_identifier_part(byte)).count();
        from + length
    }

    /// For an error message: where the token at `position` ends, roughly.
    fn next_token_end(&self) -> usize {
        let end = self.word_end(self.position);
        match self.sql[self.position..].chars().next() {
            Some(first) if end == self.position => end + first.len_utf8(),
            _ => end,
        }
    }

    fn dollar(&mut self) -> Result<()> {
        let start = self.position;
        if self.byte(1).is_ascii_digit() {
            let digits = self.bytes[start + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let end = start + 1 + digits;
            if self.bytes.get(end).is_some_and(|&byte| is_identifier_start(byte)) {
                let end = self.word_end(end);
                return Err(error_near("trailing junk after parameter", self.sql, start, end));
            }
            if self.sql[start + 1..end].parse::<i32>().is_err() {
                return Err(error_near("parameter number too large", self.sql, start, end));
            }
            self.push(Kind::Param, end);
            return Ok(());
        }
        let mut end = start + 1;
        while self.bytes.get(end).is_some_and(|&byte| is_identifier_part(byte) && byte != b'$') {
            end += 1;
        }
        if self.bytes.get(end) != Some(&b'$') {
            self.push(Kind::Char(b'$'), start + 1);
            return Ok(());
        }
        let tag = &self.bytes[start..=end];
        let contents = end + 1;
        match memchr::memmem::find(&self.bytes[contents..], tag) {
            None => Err(self.unterminated("unterminated dollar-quoted string")),
            Some(length) => {
                let value = self.sql[contents..contents + length].to_owned();
                self.push_value(Kind::String, contents + length + (contents - start), value);
                Ok(())
            }
        }
    }

    fn operator(&mut self) -> Result<()> {
        let start = self.position;
        let mut end = start;
        while self.bytes.get(end).is_some_and(|&byte| is_operator(byte)) {
            if matches!(&self.bytes[end..], [b'-', b'-', ..] | [b'/', b'*', ..]) {
                break;
            }
            end += 1;
        }
        // For SQL compatibility an operator of several characters ends in + or - only if it has a character
        // that no operator of the standard has.
        let special = |text: &[u8]| text.iter().any(|byte| b"~!@#^&|`?%".contains(byte));
        while end - start > 1
            && matches!(self.bytes[end - 1], b'+' | b'-')
            && !special(&self.bytes[start..end - 1])
        {
            end -= 1;
        }
        let kind = match &self.bytes[start..end] {
            [one] if b"+-*/%^<>=".contains(one) => Kind::Char(*one),
            b"=>" => Kind::EqualsGreater,
            b">=" => Kind::GreaterEquals,
            b"<=" => Kind::LessEquals,
            b"<>" | b"!=" => Kind::NotEquals,
            text if text.len() >= 64 => {
                return Err(error_near("operator too long", self.sql, start, end));
            }
            _ => Kind::Operator,
        };
        self.push(kind, end);
        Ok(())
    }

    fn word(&mut self, first: u8) -> Result<()> {
        match (first, self.byte(1), self.byte(2)) {
            (b'e' | b'E' | b'b' | b'B' | b'x' | b'X', b'\'', _) => return self.string(1),
            (b'n' | b'N', b'\'', _) => {
                self.push(Kind::Keyword(Keyword::Nchar), self.position + 1);
                return Ok(());
            }
            (b'u' | b'U', b'&', b'\'') => return self.string(2),
            (b'u' | b'U', b'&', b'"') => return self.quoted_identifier(),
            _ => {}
        }
        let end = self.word_end(self.position);
        let kind = lookup(&self.sql[self.position..end]).map_or(Kind::Identifier, Kind::Keyword);
        self.push(kind, end);
        Ok(())
    }

    /// Length of digits with single underscores between them, from `at`; a leading underscore only if allowed.
    fn digits(&self, at: usize, leading_underscore: bool, is_digit: fn(&u8) -> bool) -> usize {
        let mut end = at;
        loop {
            let underscore = self.bytes.get(end) == Some(&b'_') && (end > at || leading_underscore);
            match self.bytes.get(end + usize::from(underscore)) {
                Some(byte) if is_digit(byte) => end += 1 + usize::from(underscore),
                _ => return end - at,
            }
        }
    }

    fn number(&mut self) -> Result<()> {
        let start = self.position;
        let radix: Option<(fn(&u8) -> bool, &str)> = match (self.byte(0), self.byte(1)) {
            (b'0', b'x' | b'X') => Some((u8::is_ascii_hexdigit, "invalid hexadecimal integer")),
            (b'0', b'o' | b'O') => Some((|byte| (b'0'..=b'7').contains(byte), "invalid octal integer")),
            (b'0', b'b' | b'B') => Some((|byte| matches!(byte, b'0' | b'1'), "invalid binary integer")),
            _ => None,
        };
        if let Some((is_digit, message)) = radix {
            let length = self.digits(start + 2, true, is_digit);
            let mut end = start + 2 + length;
            if length == 0 {
                let junk = self.word_end(start);
                if junk > start + 2 + usize::from(self.byte(2) == b'_') {
                    return Err(error_near("trailing junk after numeric literal", self.sql, start, junk));
                }
                end += usize::from(self.bytes.get(end) == Some(&b'_'));
                return Err(error_near(message, self.sql, start, end));
            }
            return self.finish_number(end, Kind::Integer);
        }
        let mut kind = Kind::Integer;
        let mut end = start + self.digits(start, false, u8::is_ascii_digit);
        if self.bytes.get(end) == Some(&b'.') && self.bytes.get(end + 1) != Some(&b'.') {
            kind = Kind::Numeric;
            end += 1 + self.digits(end + 1, false, u8::is_ascii_digit);
        }
        if matches!(self.bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.bytes.get(end + 1), Some(b'+' | b'-')));
            let length = self.digits(end + 1 + sign, false, u8::is_ascii_digit);
            if length > 0 {
                kind = Kind::Numeric;
                end += 1 + sign + length;
            } else if sign > 0 {
                return Err(error_near("trailing junk after numeric literal", self.sql, start, end + 2));
            }
        }
        self.finish_number(end, kind)
    }

    fn finish_number(&mut self, end: usize, kind: Kind) -> Result<()> {
        if self.bytes.get(end).is_some_and(|&byte| is_identifier_start(byte)) {
            let end = self.word_end(end);
            return Err(error_near("trailing junk after numeric literal", self.sql, self.position, end));
        }
        self.push(kind, end);
        Ok(())
    }
}
