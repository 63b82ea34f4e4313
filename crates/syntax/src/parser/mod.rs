//! The recursive-descent parser. This file has its state, the token primitives and the entries; the grammar is in the
//! other files, one per area.

mod alter;
mod alter_table;
mod constraint;
mod copy;
mod create;
mod create_table;
mod define;
mod dml;
mod drop;
mod expr;
mod foreign;
mod from;
mod function;
mod grant;
mod json;
mod maintenance;
mod name;
mod primary;
mod replication;
mod role;
mod select;
mod session;
mod special;
mod statement;
mod trigger;
mod types;
mod xml;

use crate::ast::*;
use crate::keyword::Keyword as K;
use crate::lexer::{Kind, Token, Tokens, error_near, tokenize};
use base::{Error, Result, err};

/// Bytes of stack that one call of the parser may use. Threads have at least twice as much.
const STACK_BUDGET: usize = 1 << 20;

/// The greatest height of an expression, join or set-operation tree, left-deep chains of operators included: what
/// recursive functions over the tree, its destructor among them, can rely on.
const MAX_HEIGHT: u32 = 2000;

pub(crate) struct Parser<'a> {
    sql: &'a str,
    tokens: Tokens,
    position: usize,
    /// Upper bound of the height of the trees parsed so far at this level.
    height: u32,
    /// Address of a local variable of the outermost call.
    stack_base: usize,
    pub notices: Vec<Error>,
}

/// Where the stack is now: only compared with other such places.
fn stack_address() -> usize {
    let marker = 0_u8;
    std::hint::black_box(&marker) as *const u8 as usize
}

fn stack_depth_exceeded() -> Error {
    err!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded")
        .hint("Simplify the statement: it is nested too deeply for the server's stack.")
}

impl<'a> Parser<'a> {
    pub fn new(sql: &'a str) -> Result<Parser<'a>> {
        if u32::try_from(sql.len()).is_err() {
            return Err(err!(PROGRAM_LIMIT_EXCEEDED, "query string is too long"));
        }
        let tokens = tokenize(sql);
        Ok(Parser { sql, tokens, position: 0, height: 0, stack_base: stack_address(), notices: Vec::new() })
    }

    /// All statements up to the end of the text.
    pub fn statements(&mut self) -> Result<Vec<RawStatement>> {
        let mut statements = Vec::new();
        loop {
            if self.at_char(b';') {
                self.advance();
                continue;
            }
            if self.kind() == Kind::End {
                return Ok(statements);
            }
            let location = self.location();
            let statement = self.toplevel_statement()?;
            let length = self.location() - location;
            if !self.at_char(b';') && self.kind() != Kind::End {
                return Err(self.unexpected());
            }
            statements.push(RawStatement { statement, location, length });
        }
    }

    /// Only the end of the text may follow.
    pub fn end(&self) -> Result<()> {
        if self.kind() == Kind::End { Ok(()) } else { Err(self.unexpected()) }
    }

    fn token(&self) -> Token {
        self.token_at(0)
    }

    fn token_at(&self, ahead: usize) -> Token {
        let list = &self.tokens.list;
        list[(self.position + ahead).min(list.len() - 1)]
    }

    fn kind(&self) -> Kind {
        self.token().kind
    }

    fn kind_at(&self, ahead: usize) -> Kind {
        self.token_at(ahead).kind
    }

    fn location(&self) -> usize {
        self.token().start as usize
    }

    fn text(&self) -> &'a str {
        let token = self.token();
        &self.sql[token.start as usize..token.end as usize]
    }

    fn advance(&mut self) {
        if self.position + 1 < self.tokens.list.len() {
            self.position += 1;
        }
    }

    /// The syntax error at the current token, or the lexer's own error if it stopped here.
    fn unexpected(&self) -> Error {
        let token = self.token();
        match (&self.tokens.error, token.kind) {
            (Some(error), Kind::Error) => error.clone(),
            _ => error_near("syntax error", self.sql, token.start as usize, token.end as usize),
        }
    }

    fn at(&self, keyword: K) -> bool {
        self.kind() == Kind::Keyword(keyword)
    }

    fn at_next(&self, ahead: usize, keyword: K) -> bool {
        self.kind_at(ahead) == Kind::Keyword(keyword)
    }

    /// Whether these key words stand here.
    fn at_all(&self, keywords: &[K]) -> bool {
        keywords.iter().enumerate().all(|(ahead, &keyword)| self.at_next(ahead, keyword))
    }

    fn at_any(&self, keywords: &[K]) -> bool {
        matches!(self.kind(), Kind::Keyword(keyword) if keywords.contains(&keyword))
    }

    fn keyword(&self) -> Option<K> {
        match self.kind() {
            Kind::Keyword(keyword) => Some(keyword),
            _ => None,
        }
    }

    fn at_char(&self, byte: u8) -> bool {
        self.kind() == Kind::Char(byte)
    }

    fn char_at(&self, ahead: usize, byte: u8) -> bool {
        self.kind_at(ahead) == Kind::Char(byte)
    }

    fn eat_if(&mut self, here: bool) -> bool {
        if here {
            self.advance();
        }
        here
    }

    fn eat(&mut self, keyword: K) -> bool {
        self.eat_if(self.at(keyword))
    }

    fn eat_char(&mut self, byte: u8) -> bool {
        self.eat_if(self.at_char(byte))
    }

    /// All of the key words or none.
    fn eat_all(&mut self, keywords: &[K]) -> bool {
        let here = self.at_all(keywords);
        if here {
            self.position += keywords.len();
        }
        here
    }

    /// One of the key words, if it stands here.
    fn eat_any(&mut self, keywords: &[K]) -> Option<K> {
        let keyword = self.keyword().filter(|keyword| keywords.contains(keyword))?;
        self.advance();
        Some(keyword)
    }

    fn expect(&mut self, keyword: K) -> Result<()> {
        if self.eat(keyword) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn expect_all(&mut self, keywords: &[K]) -> Result<()> {
        keywords.iter().try_for_each(|&keyword| self.expect(keyword))
    }

    fn expect_any(&mut self, keywords: &[K]) -> Result<K> {
        self.eat_any(keywords).ok_or_else(|| self.unexpected())
    }

    fn expect_char(&mut self, byte: u8) -> Result<()> {
        if self.eat_char(byte) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn if_exists(&mut self) -> bool {
        self.eat_all(&[K::If, K::Exists])
    }

    fn if_not_exists(&mut self) -> bool {
        self.eat_all(&[K::If, K::Not, K::Exists])
    }

    /// One or more items with commas between.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat_char(b',') {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `( item, ... )`
    fn paren_list<T>(&mut self, item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.expect_char(b'(')?;
        let items = self.list(item)?;
        self.expect_char(b')')?;
        Ok(items)
    }

    /// A parenthesised list if there is one, else nothing.
    fn optional_paren_list<T>(&mut self, item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        if self.at_char(b'(') { self.paren_list(item) } else { Ok(Vec::new()) }
    }

    /// `( item )`
    fn parens<T>(&mut self, item: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.expect_char(b'(')?;
        let value = item(self)?;
        self.expect_char(b')')?;
        Ok(value)
    }

    /// Runs `parse` one level deeper, if the stack allows it, and counts that level into the tree's height.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.stack_base.abs_diff(stack_address()) > STACK_BUDGET {
            return Err(stack_depth_exceeded());
        }
        let outer = std::mem::replace(&mut self.height, 0);
        let value = parse(self)?;
        self.grow()?;
        self.height = self.height.max(outer);
        Ok(value)
    }

    /// The tree at hand becomes the child of a new node.
    fn grow(&mut self) -> Result<()> {
        self.height += 1;
        if self.height > MAX_HEIGHT { Err(stack_depth_exceeded()) } else { Ok(()) }
    }
}
