//! A pull parser: the events of a JSON text, one by one, with its own stack.

use super::lex::{Lexer, Token};
use super::{MAX_DEPTH, too_deep};
use base::{Error, Result};
use std::borrow::Cow;

#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Key(Cow<'a, str>),
    String(Cow<'a, str>),
    Number(&'a str),
    Bool(bool),
    Null,
}

#[derive(Clone, Copy, PartialEq)]
enum Expect {
    Value,
    FirstElement,
    FirstKey,
    Key,
    /// A comma, or the end of the container.
    Next,
    End,
    Finished,
}

pub struct Parser<'a> {
    lexer: Lexer<'a>,
    /// Whether each open container is an object.
    open: Vec<bool>,
    expect: Expect,
}

impl<'a> Parser<'a> {
    /// `unescape`: whether the escapes in strings are resolved, and refused where they have no meaning in UTF-8.
    pub fn new(text: &'a str, unescape: bool) -> Parser<'a> {
        Parser { lexer: Lexer::new(text, unescape), open: Vec::new(), expect: Expect::Value }
    }

    /// How many containers are open.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// The byte range of the token behind the latest event.
    pub fn span(&self) -> (usize, usize) {
        (self.lexer.start, self.lexer.end)
    }

    fn unexpected(&self, token: &Token, expected: &str) -> Error {
        match token {
            Token::End => self.lexer.error("The input string ended unexpectedly."),
            _ => self.lexer.error(format!("Expected {expected}, but found \"{}\".", self.lexer.token_text())),
        }
    }

    fn after_value(&mut self) {
        self.expect = if self.open.is_empty() { Expect::End } else { Expect::Next };
    }

    fn push(&mut self, is_object: bool) -> Result<()> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep());
        }
        self.open.push(is_object);
        self.expect = if is_object { Expect::FirstKey } else { Expect::FirstElement };
        Ok(())
    }

    fn close(&mut self) -> Event<'a> {
        let was_object = self.open.pop() == Some(true);
        self.after_value();
        if was_object { Event::ObjectEnd } else { Event::ArrayEnd }
    }

    fn value(&mut self, token: Token<'a>) -> Result<Event<'a>> {
        let event = match token {
            Token::ObjectStart => {
                self.push(true)?;
                return Ok(Event::ObjectStart);
            }
            Token::ArrayStart => {
                self.push(false)?;
                return Ok(Event::ArrayStart);
            }
            Token::String(text) => Event::String(text),
            Token::Number(text) => Event::Number(text),
            Token::True => Event::Bool(true),
            Token::False => Event::Bool(false),
            Token::Null => Event::Null,
            other => return Err(self.unexpected(&other, "JSON value")),
        };
        self.after_value();
        Ok(event)
    }

    fn key(&mut self, token: Token<'a>, expected: &str) -> Result<Event<'a>> {
        let Token::String(key) = token else {
            return Err(self.unexpected(&token, expected));
        };
        match self.lexer.next()? {
            Token::Colon => {}
            other => return Err(self.unexpected(&other, "\":\"")),
        }
        self.expect = Expect::Value;
        Ok(Event::Key(key))
    }

    /// The next event; `None` after the end.
    ///
    /// # Errors
    /// `22P02`, `22P05`, `54001`
    pub fn next_event(&mut self) -> Result<Option<Event<'a>>> {
        if self.expect == Expect::Finished {
            return Ok(None);
        }
        let token = self.lexer.next()?;
        let event = match (self.expect, token) {
            (Expect::Value, token) => self.value(token)?,
            (Expect::FirstElement, Token::ArrayEnd) | (Expect::FirstKey, Token::ObjectEnd) => self.close(),
            (Expect::FirstElement, token) => self.value(token)?,
            (Expect::FirstKey, token) => self.key(token, "string or \"}\"")?,
            (Expect::Key, token) => self.key(token, "string")?,
            (Expect::Next, token) => {
                let in_object = self.open.last() == Some(&true);
                match (token, in_object) {
                    (Token::Comma, true) => {
                        self.expect = Expect::Key;
                        return self.next_event();
                    }
                    (Token::Comma, false) => {
                        self.expect = Expect::Value;
                        return self.next_event();
                    }
                    (Token::ObjectEnd, true) | (Token::ArrayEnd, false) => self.close(),
                    (other, true) => return Err(self.unexpected(&other, "\",\" or \"}\"")),
                    (other, false) => return Err(self.unexpected(&other, "\",\" or \"]\"")),
                }
            }
            (Expect::End | Expect::Finished, Token::End) => {
                self.expect = Expect::Finished;
                return Ok(None);
            }
            (Expect::End | Expect::Finished, token) => return Err(self.unexpected(&token, "end of input")),
        };
        Ok(Some(event))
    }
}

/// Checks that `text` is JSON.
///
/// # Errors
/// `22P02`, `54001`
pub fn validate(text: &str) -> Result<()> {
    let mut parser = Parser::new(text, false);
    while parser.next_event()?.is_some() {}
    Ok(())
}
