//! RAISE.

use super::Parser;
use crate::ast::*;
use crate::scanner::Kind;
use base::{Result, SqlState, err};

impl Parser<'_> {
    pub(super) fn raise_statement(&mut self) -> Result<StatementKind> {
        self.next();
        let mut raise = Raise {
            level: Level::Exception,
            condition: None,
            message: None,
            arguments: Vec::new(),
            options: Vec::new(),
        };
        if self.eat_symbol(";") {
            raise.level = Level::Again;
            return Ok(StatementKind::Raise(Box::new(raise)));
        }
        let word = if self.kind() == Kind::Word { self.token().text.clone() } else { String::new() };
        let level = match word.as_str() {
            "exception" => Some(Level::Exception),
            "warning" => Some(Level::Warning),
            "notice" => Some(Level::Notice),
            "info" => Some(Level::Info),
            "log" => Some(Level::Log),
            "debug" => Some(Level::Debug),
            _ => None,
        };
        if let Some(level) = level {
            self.next();
            raise.level = level;
        }
        self.raise_what(&mut raise)?;
        Ok(StatementKind::Raise(Box::new(raise)))
    }

    fn raise_what(&mut self, raise: &mut Raise) -> Result<()> {
        if self.eat_symbol(";") {
            return Err({
                self.at -= 1;
                self.unexpected()
            });
        }
        if self.kind() == Kind::String {
            raise.message = Some(self.next().text);
            while self.eat_symbol(",") {
                let piece = self.sql_until(&[",", ";", "using"])?;
                raise.arguments.push(piece.expression);
                self.at -= 1;
            }
            return self.raise_rest(raise);
        }
        if !self.is_word("using") {
            let at = self.token().start;
            if self.is_word("sqlstate") {
                self.next();
                let token = self.next();
                let state = (token.kind == Kind::String).then(|| SqlState::from_code(&token.text)).flatten();
                let state =
                    state.ok_or_else(|| err!(SYNTAX_ERROR, "invalid SQLSTATE code").at(token.start))?;
                raise.condition = Some((token.text, state));
            } else {
                let name = self.identifier()?;
                let state = crate::conditions::named(&name)
                    .first()
                    .copied()
                    .ok_or_else(|| err!(UNDEFINED_OBJECT, "unrecognized exception condition \"{name}\""));
                raise.condition = Some((name, state.map_err(|e| e.or_at(Some(at)))?));
            }
        }
        self.raise_rest(raise)
    }

    fn raise_rest(&mut self, raise: &mut Raise) -> Result<()> {
        if self.eat("using") {
            loop {
                let at = self.token().start;
                let word = self.next().text;
                use RaiseOption as R;
                let option = match word.as_str() {
                    "errcode" => R::Errcode,
                    "message" => R::Message,
                    "detail" => R::Detail,
                    "hint" => R::Hint,
                    "column" => R::Column,
                    "constraint" => R::Constraint,
                    "datatype" => R::Datatype,
                    "table" => R::Table,
                    "schema" => R::Schema,
                    _ => return Err(err!(SYNTAX_ERROR, "unrecognized RAISE statement option").at(at)),
                };
                if !self.eat_symbol(":=") {
                    self.expect_symbol("=")?;
                }
                let piece = self.sql_until(&[",", ";"])?;
                raise.options.push((option, piece.expression));
                if piece.ended_by == ";" {
                    break;
                }
            }
        } else {
            self.expect_symbol(";")?;
        }
        self.check_placeholders(raise)
    }

    /// Every `%` of the message has its argument.
    fn check_placeholders(&self, raise: &Raise) -> Result<()> {
        let Some(message) = &raise.message else { return Ok(()) };
        let wanted = message.replace("%%", "").matches('%').count();
        if wanted > raise.arguments.len() {
            return Err(err!(SYNTAX_ERROR, "too few parameters specified for RAISE"));
        }
        if wanted < raise.arguments.len() {
            return Err(err!(SYNTAX_ERROR, "too many parameters specified for RAISE"));
        }
        Ok(())
    }
}
