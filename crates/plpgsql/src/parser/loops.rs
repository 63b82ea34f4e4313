//! LOOP, WHILE, FOR and FOREACH.

use super::Parser;
use crate::ast::*;
use crate::expression::Mode;
use crate::scanner::Kind;
use base::{Oid, Result, err};

const INT4: Oid = Oid(23);

impl Parser<'_> {
    pub(super) fn loop_statement(&mut self, label: Option<String>) -> Result<StatementKind> {
        let word = self.next().text;
        match word.as_str() {
            "loop" => {
                self.push_label(label.as_deref(), true);
                let body = self.loop_body(label.as_deref())?;
                Ok(StatementKind::Loop { label, body })
            }
            "while" => {
                self.push_label(label.as_deref(), true);
                let condition = self.expression_until("loop")?;
                let body = self.loop_body(label.as_deref())?;
                Ok(StatementKind::While { label, condition, body })
            }
            "foreach" => self.foreach(label),
            _ => self.for_statement(label),
        }
    }

    fn loop_body(&mut self, label: Option<&str>) -> Result<Body> {
        let body = self.body(&["end"])?;
        self.expect("end")?;
        self.expect("loop")?;
        self.end_label(label)?;
        self.expect_symbol(";")?;
        Ok(body)
    }

    fn foreach(&mut self, label: Option<String>) -> Result<StatementKind> {
        let target = self.target_list()?;
        let slice = if self.eat("slice") {
            let token = self.next();
            token.text.parse().map_err(|_| self.unexpected())?
        } else {
            0
        };
        self.expect("in")?;
        self.expect("array")?;
        self.push_label(label.as_deref(), true);
        let array = self.expression_until("loop")?;
        let body = self.loop_body(label.as_deref())?;
        Ok(StatementKind::ForEach { label, target, slice, array, body })
    }

    fn for_statement(&mut self, label: Option<String>) -> Result<StatementKind> {
        let place = self.at;
        let line = self.line();
        // The words before IN: the loop variable, or what rows go into.
        let name = self.token().clone();
        let target = self.target_here()?;
        if target.is_none() {
            self.identifier()?;
        }
        let many = self.is_symbol(",");
        if many {
            self.at = place;
            let _ = self.target_list()?;
        }
        self.expect("in")?;
        let after_in = self.at;
        if self.is_word("execute") {
            let target = self.loop_target(place)?;
            self.at = after_in + 1;
            self.push_label(label.as_deref(), true);
            let piece = self.sql_until(&["loop", "using"])?;
            let using = match piece.ended_by.as_str() {
                "using" => self.using_list(&["loop"])?.0,
                _ => Vec::new(),
            };
            let body = self.loop_body(label.as_deref())?;
            let query = LoopQuery::Dynamic { query: piece.expression, using };
            return Ok(StatementKind::ForQuery { label, target, query, body });
        }
        if let Some(done) = self.for_cursor(&label, &name.text, line)? {
            return Ok(done);
        }
        self.at = after_in;
        let reverse = self.eat("reverse");
        let (text, start, ended_by) = self.text_until(&["..", "loop"], "statement")?;
        if ended_by == ".." {
            if many {
                return Err(
                    err!(SYNTAX_ERROR, "integer FOR loop must have only one target variable").at(name.start)
                );
            }
            return self.for_integer(label, &name.text, line, reverse, &text, start);
        }
        if reverse {
            return Err(err!(SYNTAX_ERROR, "cannot specify REVERSE in query FOR loop").at(start));
        }
        let query = self.expression(&text, start, Mode::Statement)?;
        let body_at = self.at;
        let target = self.loop_target(place)?;
        self.at = body_at;
        self.push_label(label.as_deref(), true);
        let body = self.loop_body(label.as_deref())?;
        Ok(StatementKind::ForQuery { label, target, query: LoopQuery::Static(query), body })
    }

    fn loop_target(&mut self, place: usize) -> Result<Target> {
        self.at = place;
        let at = self.token().start;
        let known = self.target_here()?.is_some();
        self.at = place;
        if !known {
            return Err(err!(
                SYNTAX_ERROR,
                "loop variable of loop over rows must be a record variable or list of scalar variables"
            )
            .at(at));
        }
        let target = self.target_list()?;
        Ok(self.as_row(target))
    }

    fn for_integer(
        &mut self,
        label: Option<String>,
        name: &str,
        line: u32,
        reverse: bool,
        from: &str,
        start: usize,
    ) -> Result<StatementKind> {
        let from = self.expression(from, start, Mode::Expression)?;
        let piece = self.sql_until(&["by", "loop"])?;
        let step = match piece.ended_by.as_str() {
            "by" => Some(self.expression_until("loop")?),
            _ => None,
        };
        self.push_label(label.as_deref(), true);
        let kind = VariableKind::Scalar(self.type_of(INT4)?);
        let variable = self.add_variable(name, kind, line);
        let body = self.loop_body(label.as_deref())?;
        let to = piece.expression;
        Ok(StatementKind::ForInteger { label, variable, from, to, step, reverse, body })
    }

    /// `FOR row IN cursor [(arguments)] LOOP`; `None` if no cursor variable stands there.
    fn for_cursor(&mut self, label: &Option<String>, name: &str, line: u32) -> Result<Option<StatementKind>> {
        const REFCURSOR: Oid = Oid(1790);
        let at = self.at;
        let place = self.token().start;
        if !matches!(self.kind(), Kind::Word | Kind::Quoted) {
            return Ok(None);
        }
        let variable = match self.target_here()? {
            Some(Target::Variable(slot)) => match self.variables[slot].kind {
                VariableKind::Scalar(of) if of.oid == REFCURSOR => slot,
                _ => {
                    self.at = at;
                    return Ok(None);
                }
            },
            _ => {
                self.at = at;
                return Ok(None);
            }
        };
        if !self.is_word("loop") && !self.is_symbol("(") {
            self.at = at;
            return Ok(None);
        }
        let Some(cursor) = self.bound_cursor(variable) else {
            return Err(err!(SYNTAX_ERROR, "cursor FOR loop must use a bound cursor variable").at(place));
        };
        let shown = self.variables[variable].name.clone();
        let arguments = self.cursor_arguments(&cursor, &shown)?;
        self.expect("loop")?;
        self.push_label(label.as_deref(), true);
        let row = self.add_variable(name, VariableKind::Record(None), line);
        let body = self.loop_body(label.as_deref())?;
        let query = LoopQuery::Cursor { variable, arguments };
        Ok(Some(StatementKind::ForQuery { label: label.clone(), target: Target::Variable(row), query, body }))
    }
}
