//! SQL inside PL/pgSQL: taken out as text up to what ends it.

use super::Parser;
use crate::expression::{Expression, Mode};
use crate::scanner::Kind;
use base::Result;

/// A piece of SQL and the word or symbol that ended it, which is consumed.
pub struct Piece {
    pub expression: Expression,
    pub ended_by: String,
}

impl Parser<'_> {
    /// Text up to one of `ends` outside of parentheses.
    pub(super) fn text_until(&mut self, ends: &[&str], what: &str) -> Result<(String, usize, String)> {
        let first = self.token().start;
        let mut last = first;
        let mut depth = 0usize;
        loop {
            let token = self.token().clone();
            let plain = matches!(token.kind, Kind::Word | Kind::Symbol);
            if depth == 0 && plain && ends.contains(&token.text.as_str()) {
                if last == first {
                    return Err(self.fail(format!("missing {}", missing(what))));
                }
                self.next();
                return Ok((self.source[first..last].to_owned(), first, token.text));
            }
            if token.kind == Kind::End || (token.kind == Kind::Symbol && token.text == ";") {
                if depth > 0 {
                    return Err(self.fail("mismatched parentheses"));
                }
                if last == first {
                    return Err(self.fail(format!("missing {}", missing(what))));
                }
                let end = ends.first().copied().unwrap_or(";").to_uppercase();
                return Err(self.fail(format!("missing \"{end}\" at end of SQL {what}")));
            }
            if token.kind == Kind::Symbol {
                match token.text.as_str() {
                    "(" | "[" => depth += 1,
                    ")" | "]" => match depth.checked_sub(1) {
                        Some(less) => depth = less,
                        None => return Err(self.fail("mismatched parentheses")),
                    },
                    _ => {}
                }
            }
            last = token.end;
            self.next();
        }
    }

    pub(super) fn sql_until(&mut self, ends: &[&str]) -> Result<Piece> {
        let (text, start, ended_by) = self.text_until(ends, "expression")?;
        Ok(Piece { expression: self.expression(&text, start, Mode::Expression)?, ended_by })
    }

    /// A scalar expression that `end` follows.
    pub(super) fn expression_until(&mut self, end: &str) -> Result<Expression> {
        Ok(self.sql_until(&[end])?.expression)
    }

    /// A whole statement up to `end`.
    pub(super) fn statement_until(&mut self, end: &str) -> Result<Expression> {
        let (text, start, _) = self.text_until(&[end], "statement")?;
        self.expression(&text, start, Mode::Statement)
    }

    /// `USING expression, ...` up to one of `ends`; the last of them is returned.
    pub(super) fn using_list(&mut self, ends: &[&str]) -> Result<(Vec<Expression>, String)> {
        let mut list = Vec::new();
        let mut all = vec![","];
        all.extend(ends);
        loop {
            let piece = self.sql_until(&all)?;
            list.push(piece.expression);
            if piece.ended_by != "," {
                return Ok((list, piece.ended_by));
            }
        }
    }
}

fn missing(what: &str) -> &str {
    if what == "expression" { "expression" } else { "SQL statement" }
}
