//! From a function's text to its statements: recursive descent over the tokens. Names of variables are known while
//! parsing, because they decide what a statement is; SQL is taken out as text up to the word that ends it.

mod declare;
mod loops;
mod raise;
mod sql;
mod statement;

use crate::ast::*;
use crate::expression::{Expression, Mode};
use crate::scanner::{Kind, Token, line_of, scan};
use base::{Error, Oid, Result, err};
use catalog::Session;
use std::sync::Arc;

/// Words that cannot be names of variables without quotes.
const RESERVED: [&str; 24] = [
    "all", "begin", "by", "case", "declare", "else", "end", "execute", "for", "foreach", "from", "if", "in",
    "into", "loop", "not", "null", "or", "strict", "then", "to", "using", "when", "while",
];

/// What is known of the function whose body is parsed.
pub struct Signature {
    pub is_procedure: bool,
    pub returns_set: bool,
    pub result_type: Oid,
    pub has_result_variable: bool,
}

pub struct Parser<'a> {
    pub session: &'a Arc<Session>,
    source: &'a str,
    tokens: Vec<Token>,
    at: usize,
    pub variables: Vec<Variable>,
    pub names: Vec<Name>,
    /// The innermost name; what is declared next goes on top.
    pub top: Option<usize>,
    pub cursors: Vec<(Slot, Arc<Cursor>)>,
    pub signature: Signature,
    pub conflict: Conflict,
    pub print_strict: bool,
    /// SQL is parsed, too, to find errors early.
    pub check_sql: bool,
    depth: usize,
}

/// How deep blocks and loops may nest.
const MAX_DEPTH: usize = 200;

impl<'a> Parser<'a> {
    /// # Errors
    /// `42601` for text that has no tokens.
    pub fn new(session: &'a Arc<Session>, source: &'a str, signature: Signature) -> Result<Parser<'a>> {
        let conflict = match session.settings().show("plpgsql.variable_conflict").as_deref() {
            Ok("use_variable") => Conflict::Variable,
            Ok("use_column") => Conflict::Column,
            _ => Conflict::Error,
        };
        let print_strict = session
            .settings()
            .show("plpgsql.print_strict_params")
            .is_ok_and(|v| matches!(v.as_str(), "on" | "true"));
        Ok(Parser {
            session,
            source,
            tokens: scan(source)?,
            at: 0,
            variables: Vec::new(),
            names: Vec::new(),
            top: None,
            cursors: Vec::new(),
            signature,
            conflict,
            print_strict,
            check_sql: false,
            depth: 0,
        })
    }

    /// The whole body: options, one block, nothing after it.
    ///
    /// # Errors
    /// `42601` and those of declarations.
    pub fn function(&mut self) -> Result<Block> {
        while self.is_symbol("#") {
            self.option()?;
        }
        let label = self.label()?;
        let block = self.block(label)?;
        self.eat_symbol(";");
        match self.kind() {
            Kind::End => Ok(block),
            _ => Err(self.unexpected()),
        }
    }

    fn option(&mut self) -> Result<()> {
        self.next();
        let option = self.next().text;
        let value = self.next().text;
        match (option.as_str(), value.as_str()) {
            ("option", "dump") => {}
            ("variable_conflict", "error") => self.conflict = Conflict::Error,
            ("variable_conflict", "use_variable") => self.conflict = Conflict::Variable,
            ("variable_conflict", "use_column") => self.conflict = Conflict::Column,
            ("print_strict_params", "on") => self.print_strict = true,
            ("print_strict_params", "off") => self.print_strict = false,
            ("print_strict_params", _) => {
                return Err(err!(SYNTAX_ERROR, "unrecognized print_strict_params option {value}"));
            }
            _ => {
                self.at -= 1;
                return Err(self.unexpected());
            }
        }
        Ok(())
    }

    fn token(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn kind(&self) -> Kind {
        self.token().kind
    }

    fn peek(&self, ahead: usize) -> &Token {
        &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Token {
        let token = self.token().clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        token
    }

    fn is_word(&self, word: &str) -> bool {
        self.kind() == Kind::Word && self.token().text == word
    }

    fn is_word_at(&self, ahead: usize, word: &str) -> bool {
        let token = self.peek(ahead);
        token.kind == Kind::Word && token.text == word
    }

    fn eat(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.next();
        }
        found
    }

    fn expect(&mut self, word: &str) -> Result<()> {
        if self.eat(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        self.kind() == Kind::Symbol && self.token().text == symbol
    }

    fn is_symbol_at(&self, ahead: usize, symbol: &str) -> bool {
        let token = self.peek(ahead);
        token.kind == Kind::Symbol && token.text == symbol
    }

    fn eat_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.next();
        }
        found
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<()> {
        if self.eat_symbol(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// The line of the last token that was taken.
    pub fn last_line(&self) -> u32 {
        line_of(self.source, self.tokens[self.at.saturating_sub(1)].start)
    }

    fn line(&self) -> u32 {
        line_of(self.source, self.token().start)
    }

    /// `syntax error at or near "x"`.
    fn unexpected(&self) -> Error {
        let token = self.token();
        match token.kind {
            Kind::End => err!(SYNTAX_ERROR, "syntax error at end of input").at(token.start),
            _ => {
                let text = &self.source[token.start..token.end];
                err!(SYNTAX_ERROR, "syntax error at or near \"{text}\"").at(token.start)
            }
        }
    }

    fn fail(&self, message: impl std::convert::Into<String>) -> Error {
        Error::new(base::SqlState::SYNTAX_ERROR, message).at(self.token().start)
    }

    /// A name that is to be declared or is declared: any word that is not reserved.
    fn identifier(&mut self) -> Result<String> {
        let token = self.token();
        let usable = match token.kind {
            Kind::Quoted => true,
            Kind::Word => !RESERVED.contains(&token.text.as_str()),
            _ => false,
        };
        if usable { Ok(self.next().text) } else { Err(self.unexpected()) }
    }

    /// `<<name>>`
    fn label(&mut self) -> Result<Option<String>> {
        if !self.eat_symbol("<<") {
            return Ok(None);
        }
        let name = self.identifier()?;
        self.expect_symbol(">>")?;
        Ok(Some(name))
    }

    /// The label that may follow END, which must be the block's.
    fn end_label(&mut self, label: Option<&str>) -> Result<()> {
        if !matches!(self.kind(), Kind::Word | Kind::Quoted) {
            return Ok(());
        }
        let at = self.token().start;
        let name = self.identifier()?;
        match label {
            None => Err(err!(SYNTAX_ERROR, "end label \"{name}\" specified for unlabeled block").at(at)),
            Some(label) if label != name => {
                Err(err!(SYNTAX_ERROR, "end label \"{name}\" differs from block's label \"{label}\"").at(at))
            }
            Some(_) => Ok(()),
        }
    }

    /// Everything between two of these has names of its own.
    pub fn push_label(&mut self, label: Option<&str>, is_loop: bool) {
        self.push_name(label.unwrap_or_default().to_owned(), Meaning::Label { is_loop });
    }

    fn push_name(&mut self, text: String, meaning: Meaning) {
        self.names.push(Name { text, meaning, parent: self.top });
        self.top = Some(self.names.len() - 1);
    }

    /// Runs `f` one level deeper, and forgets the names declared in it.
    fn nested<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return Err(err!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"));
        }
        self.depth += 1;
        let top = self.top;
        let result = f(self);
        self.top = top;
        self.depth -= 1;
        result
    }

    /// Declares a variable under its name.
    pub fn add_variable(&mut self, name: &str, kind: VariableKind, line: u32) -> Slot {
        let slot = self.variables.len();
        let meaning = match kind {
            VariableKind::Scalar(_) => Meaning::Scalar(slot),
            _ => Meaning::Record(slot),
        };
        self.add_hidden(name, kind, line);
        self.push_name(name.to_owned(), meaning);
        slot
    }

    /// Adds a variable that no name leads to.
    pub fn add_hidden(&mut self, name: &str, kind: VariableKind, line: u32) -> Slot {
        self.variables.push(Variable {
            name: name.to_owned(),
            kind,
            constant: false,
            not_null: false,
            default: None,
            line,
        });
        self.variables.len() - 1
    }

    /// The statements up to a word that ends them.
    fn body(&mut self, ends: &[&str]) -> Result<Body> {
        let mut body = Vec::new();
        while !(self.kind() == Kind::Word && ends.contains(&self.token().text.as_str())) {
            if self.kind() == Kind::End {
                return Err(self.unexpected());
            }
            if let Some(statement) = self.statement()? {
                body.push(statement);
            }
        }
        Ok(body)
    }

    /// `[DECLARE ...] BEGIN ... [EXCEPTION ...] END [label]`, without the semicolon.
    fn block(&mut self, label: Option<String>) -> Result<Block> {
        self.nested(|p| {
            p.push_label(label.as_deref(), false);
            let first = p.variables.len();
            let mut declared = Vec::new();
            while p.eat("declare") {
                declared.append(&mut p.declarations()?);
            }
            debug_assert!(declared.iter().all(|slot| *slot >= first));
            p.expect("begin")?;
            let body = p.body(&["end", "exception"])?;
            let handlers = if p.is_word("exception") { Some(Box::new(p.handlers()?)) } else { None };
            p.expect("end")?;
            p.end_label(label.as_deref())?;
            Ok(Block { label: label.clone(), variables: declared, body, handlers })
        })
    }

    fn handlers(&mut self) -> Result<Handlers> {
        let line = self.line();
        self.expect("exception")?;
        let text = self.type_of(Oid(25))?;
        let sqlstate = self.add_variable("sqlstate", VariableKind::Scalar(text), line);
        self.variables[sqlstate].constant = true;
        let sqlerrm = self.add_variable("sqlerrm", VariableKind::Scalar(text), line);
        self.variables[sqlerrm].constant = true;
        let mut list = Vec::new();
        while self.eat("when") {
            let mut conditions = self.condition()?;
            while self.eat("or") {
                conditions.append(&mut self.condition()?);
            }
            self.expect("then")?;
            let body = self.body(&["when", "end"])?;
            list.push(Handler { conditions, body });
        }
        Ok(Handlers { sqlstate, sqlerrm, list })
    }

    fn condition(&mut self) -> Result<Vec<Condition>> {
        let at = self.token().start;
        if self.is_word("sqlstate") && self.peek(1).kind == Kind::String {
            self.next();
            let code = self.next().text;
            let state = base::SqlState::from_code(&code)
                .ok_or_else(|| err!(SYNTAX_ERROR, "invalid SQLSTATE code").at(at))?;
            return Ok(vec![Condition::State(state)]);
        }
        let name = self.identifier()?;
        if name == "others" {
            return Ok(vec![Condition::Any]);
        }
        let states = crate::conditions::named(&name);
        if states.is_empty() {
            return Err(err!(UNDEFINED_OBJECT, "unrecognized exception condition \"{name}\""));
        }
        Ok(states.into_iter().map(Condition::State).collect())
    }

    /// An expression made of text that stands at `start`.
    fn expression(&self, text: &str, start: usize, mode: Mode) -> Result<Expression> {
        let expression = Expression::new(text.to_owned(), self.top, mode);
        if self.check_sql {
            expression.check().map_err(|mut error| {
                let data = error.data_mut();
                data.position = data.position.map(|p| start + p);
                error
            })?;
        }
        Ok(expression)
    }
}
