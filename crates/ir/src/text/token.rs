//! The text as a generic tree.

use base::{Error, Oid, Result, bail};

/// How deep stored trees may nest.
const MAX_DEPTH: usize = 2000;

#[derive(Debug)]
pub(super) enum Node<'t> {
    /// `<>`
    Null,
    /// As written, escapes included.
    Token(&'t str),
    List(Vec<Node<'t>>),
    Object(Object<'t>),
    /// A datum: its bytes.
    Datum(Vec<u8>),
}

#[derive(Debug)]
pub(super) struct Object<'t> {
    pub name: &'t str,
    fields: Vec<(&'t str, Node<'t>)>,
}

pub(super) fn damaged(what: &str) -> Error {
    Error::corrupted(format!("invalid node tree: {what}"))
}

struct Tokens<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Tokens<'t> {
    fn peek(&self) -> Option<&'t str> {
        let bytes = self.text.as_bytes();
        let mut start = self.at;
        while bytes.get(start).is_some_and(|b| matches!(b, b' ' | b'\n' | b'\t')) {
            start += 1;
        }
        let first = *bytes.get(start)?;
        let mut end = start + 1;
        if !matches!(first, b'(' | b')' | b'{' | b'}') {
            end = start;
            while let Some(b) = bytes.get(end) {
                match b {
                    b' ' | b'\n' | b'\t' | b'(' | b')' | b'{' | b'}' => break,
                    b'\\' if end + 1 < bytes.len() => end += 2,
                    _ => end += 1,
                }
            }
        }
        // Multi-byte characters may follow a backslash only whole.
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        self.text.get(start..end)
    }

    fn next(&mut self) -> Option<&'t str> {
        let token = self.peek()?;
        self.at = token.as_ptr() as usize - self.text.as_ptr() as usize + token.len();
        Some(token)
    }
}

pub(super) fn parse(text: &str) -> Result<Node<'_>> {
    let mut tokens = Tokens { text, at: 0 };
    node(&mut tokens, 0)
}

fn node<'t>(tokens: &mut Tokens<'t>, depth: usize) -> Result<Node<'t>> {
    if depth > MAX_DEPTH {
        bail!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    }
    match tokens.next().ok_or_else(|| damaged("it ends early"))? {
        "<>" => Ok(Node::Null),
        "{" => object(tokens, depth),
        "(" => {
            let mut items = Vec::new();
            loop {
                match tokens.peek() {
                    None => return Err(damaged("it ends early")),
                    Some(")") => {
                        tokens.next();
                        return Ok(Node::List(items));
                    }
                    Some(_) => items.push(node(tokens, depth + 1)?),
                }
            }
        }
        ")" | "}" => Err(damaged("unexpected bracket")),
        token => {
            if tokens.peek() == Some("[") {
                return datum(tokens);
            }
            Ok(Node::Token(token))
        }
    }
}

fn object<'t>(tokens: &mut Tokens<'t>, depth: usize) -> Result<Node<'t>> {
    let name = tokens.next().ok_or_else(|| damaged("it ends early"))?;
    let mut fields = Vec::new();
    loop {
        let token = tokens.next().ok_or_else(|| damaged("it ends early"))?;
        if token == "}" {
            return Ok(Node::Object(Object { name, fields }));
        }
        let field = token.strip_prefix(':').ok_or_else(|| damaged("field name expected"))?;
        fields.push((field, node(tokens, depth + 1)?));
    }
}

fn datum<'t>(tokens: &mut Tokens<'t>) -> Result<Node<'t>> {
    tokens.next();
    let mut bytes = Vec::new();
    loop {
        match tokens.next().ok_or_else(|| damaged("it ends early"))? {
            "]" => return Ok(Node::Datum(bytes)),
            // Bytes are written as signed characters.
            token => bytes.push(token.parse::<i16>().map_err(|_| damaged("byte expected"))? as u8),
        }
    }
}

/// A token without its escapes.
pub(super) fn unescape(token: &str) -> String {
    let mut text = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    text
}

/// Writes a token so that it reads back the same.
pub(super) fn escape(text: &str, out: &mut String) {
    if text.is_empty() {
        out.push_str("\"\"");
        return;
    }
    // What looks like the start of something else is marked as a string.
    let bytes = text.as_bytes();
    let number = |b: Option<&u8>| b.is_some_and(u8::is_ascii_digit);
    let starts_other = matches!(bytes[0], b'<' | b'"')
        || number(bytes.first())
        || (matches!(bytes[0], b'+' | b'-') && (number(bytes.get(1)) || bytes.get(1) == Some(&b'.')));
    if starts_other {
        out.push('\\');
    }
    for c in text.chars() {
        if matches!(c, ' ' | '\n' | '\t' | '(' | ')' | '{' | '}' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
}

impl<'t> Node<'t> {
    pub(super) fn token(&self) -> Result<&'t str> {
        match self {
            Node::Token(token) => Ok(token),
            other => Err(damaged(&format!("token expected, found {}", other.kind()))),
        }
    }

    fn kind(&self) -> &str {
        match self {
            Node::Null => "nothing",
            Node::Token(token) => token,
            Node::List(_) => "a list",
            Node::Object(object) => object.name,
            Node::Datum(_) => "a datum",
        }
    }

    pub(super) fn items(&self) -> Result<&[Node<'t>]> {
        match self {
            Node::Null => Ok(&[]),
            Node::List(items) => Ok(items),
            other => Err(damaged(&format!("list expected, found {}", other.kind()))),
        }
    }

    pub(super) fn object(&self) -> Result<&Object<'t>> {
        match self {
            Node::Object(object) => Ok(object),
            other => Err(damaged(&format!("node expected, found {}", other.kind()))),
        }
    }

    /// The numbers of a list that is marked by a letter.
    pub(super) fn numbers<T: std::str::FromStr>(&self) -> Result<Vec<T>> {
        let items = self.items()?;
        let Some((_, numbers)) = items.split_first() else { return Ok(Vec::new()) };
        numbers.iter().map(|n| n.token()?.parse().map_err(|_| damaged("number expected"))).collect()
    }

    /// A list of strings, each in quotes.
    pub(super) fn strings(&self) -> Result<Vec<String>> {
        self.items()?
            .iter()
            .map(|n| {
                let token = n.token()?;
                let inner = token.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
                Ok(unescape(inner.ok_or_else(|| damaged("string expected"))?))
            })
            .collect()
    }
}

impl<'t> Object<'t> {
    pub(super) fn get(&self, field: &str) -> Result<&Node<'t>> {
        let found = self.fields.iter().find(|(name, _)| *name == field);
        found.map(|(_, node)| node).ok_or_else(|| damaged(&format!("{} without {field}", self.name)))
    }

    pub(super) fn number<T: std::str::FromStr>(&self, field: &str) -> Result<T> {
        self.get(field)?.token()?.parse().map_err(|_| damaged(&format!("number expected in {field}")))
    }

    pub(super) fn oid(&self, field: &str) -> Result<Oid> {
        self.number(field).map(Oid)
    }

    pub(super) fn bool(&self, field: &str) -> Result<bool> {
        Ok(self.get(field)?.token()? == "true")
    }

    pub(super) fn string(&self, field: &str) -> Result<Option<String>> {
        match self.get(field)? {
            Node::Null => Ok(None),
            Node::Token("\"\"") => Ok(Some(String::new())),
            other => Ok(Some(unescape(other.token()?))),
        }
    }

    pub(super) fn char(&self, field: &str) -> Result<u8> {
        Ok(self.string(field)?.and_then(|s| s.bytes().next()).unwrap_or(0))
    }

    pub(super) fn oids(&self, field: &str) -> Result<Vec<Oid>> {
        Ok(self.get(field)?.numbers::<u32>()?.into_iter().map(Oid).collect())
    }

    pub(super) fn numbers<T: std::str::FromStr>(&self, field: &str) -> Result<Vec<T>> {
        self.get(field)?.numbers()
    }
}
