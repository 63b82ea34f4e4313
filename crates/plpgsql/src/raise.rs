//! RAISE and GET DIAGNOSTICS.

use crate::ast::*;
use crate::frame::Frame;
use crate::value::constant;
use base::{Error, Oid, Result, Severity, SqlState, err};
use datum::{Datum, Repr};

impl Frame<'_> {
    pub fn raise(&mut self, raise: &Raise) -> Result<()> {
        if raise.level == Level::Again {
            return match self.handled.last() {
                Some(error) => {
                    // It goes on as it was, with the places it has been through.
                    Err(error.clone())
                }
                None => Err(err!(
                    STACKED_DIAGNOSTICS_ACCESSED_WITHOUT_ACTIVE_HANDLER,
                    "RAISE without parameters cannot be used outside an exception handler"
                )),
            };
        }
        let mut message = match &raise.message {
            Some(format) => Some(self.format(format, &raise.arguments)?),
            None => None,
        };
        let mut state = raise.condition.as_ref().map(|(_, state)| *state);
        let mut condition = raise.condition.as_ref().map(|(name, _)| name.clone());
        let mut values: [Option<String>; 7] = Default::default();
        for (option, expression) in &raise.options {
            let Some(text) = self.text(expression)? else {
                return Err(err!(NULL_VALUE_NOT_ALLOWED, "RAISE statement option cannot be null"));
            };
            use RaiseOption as R;
            let (slot, name) = match option {
                R::Errcode => {
                    if state.is_some() {
                        return Err(specified_twice("ERRCODE"));
                    }
                    let by_code = SqlState::from_code(&text);
                    let by_name = || crate::conditions::named(&text).first().copied();
                    let found = by_code.or_else(by_name);
                    state = Some(found.ok_or_else(|| {
                        err!(UNDEFINED_OBJECT, "unrecognized exception condition \"{text}\"")
                    })?);
                    condition = Some(text);
                    continue;
                }
                R::Message => {
                    if message.replace(text).is_some() {
                        return Err(specified_twice("MESSAGE"));
                    }
                    continue;
                }
                R::Detail => (0, "DETAIL"),
                R::Hint => (1, "HINT"),
                R::Column => (2, "COLUMN"),
                R::Constraint => (3, "CONSTRAINT"),
                R::Datatype => (4, "DATATYPE"),
                R::Table => (5, "TABLE"),
                R::Schema => (6, "SCHEMA"),
            };
            if values[slot].replace(text).is_some() {
                return Err(specified_twice(name));
            }
        }
        let severity = match raise.level {
            Level::Debug => Severity::Debug,
            Level::Log => Severity::Log,
            Level::Info => Severity::Info,
            Level::Notice => Severity::Notice,
            Level::Warning => Severity::Warning,
            Level::Exception | Level::Again => Severity::Error,
        };
        let state = state.unwrap_or(match severity {
            Severity::Error => SqlState::RAISE_EXCEPTION,
            Severity::Warning => SqlState::WARNING,
            _ => SqlState::SUCCESSFUL_COMPLETION,
        });
        let message = message.or(condition).unwrap_or_else(|| state.code().to_owned());
        let mut error = Error::with_severity(severity, state, message);
        let data = error.data_mut();
        let [detail, hint, column, constraint, data_type, table, schema] = values;
        (data.detail, data.hint, data.column, data.constraint) = (detail, hint, column, constraint);
        (data.data_type, data.table, data.schema) = (data_type, table, schema);
        if severity >= Severity::Error {
            return Err(error);
        }
        let place = format!("PL/pgSQL function {} line {} at RAISE", self.function.signature, self.line.0);
        self.session.notice(error.context(place));
        Ok(())
    }

    /// The message with its `%` replaced.
    fn format(&mut self, format: &str, arguments: &[crate::expression::Expression]) -> Result<String> {
        let mut text = String::new();
        let mut arguments = arguments.iter();
        let mut characters = format.chars().peekable();
        while let Some(c) = characters.next() {
            if c != '%' {
                text.push(c);
                continue;
            }
            if characters.peek() == Some(&'%') {
                characters.next();
                text.push('%');
                continue;
            }
            let Some(argument) = arguments.next() else {
                return Err(Error::internal("unexpected RAISE parameter list length"));
            };
            match self.text(argument)? {
                Some(value) => text.push_str(&value),
                None => text.push_str("<NULL>"),
            }
        }
        Ok(text)
    }

    pub fn diagnostics(&mut self, stacked: bool, items: &[(Diagnostic, Target)]) -> Result<()> {
        const TEXT: Type = Type { oid: Oid(25), typmod: -1, collation: Oid(100) };
        const INT8: Type = Type { oid: Oid(20), typmod: -1, collation: Oid(0) };
        const OID: Type = Type { oid: Oid(26), typmod: -1, collation: Oid(0) };
        let error = self.handled.last().cloned();
        if stacked && error.is_none() {
            return Err(err!(
                STACKED_DIAGNOSTICS_ACCESSED_WITHOUT_ACTIVE_HANDLER,
                "GET STACKED DIAGNOSTICS cannot be used outside an exception handler"
            ));
        }
        for (item, target) in items {
            use Diagnostic as D;
            let data = error.as_ref().map(Error::data);
            let text = match item {
                D::RowCount => {
                    let rows = Datum::Int8(self.rows_processed as i64);
                    self.assign(target, constant(Repr::Int8, Some(rows)), INT8)?;
                    continue;
                }
                D::RoutineOid => {
                    let oid = Datum::from(self.function.oid);
                    self.assign(target, constant(Repr::Int4, Some(oid)), OID)?;
                    continue;
                }
                D::Context => Some(format!(
                    "PL/pgSQL function {} line {} at {}",
                    self.function.signature, self.line.0, self.line.1
                )),
                D::ErrorContext => data.map(|d| d.context.join("\n")),
                D::ErrorDetail => data.and_then(|d| d.detail.clone()),
                D::ErrorHint => data.and_then(|d| d.hint.clone()),
                D::ReturnedSqlstate => data.map(|d| d.state.code().to_owned()),
                D::ColumnName => data.and_then(|d| d.column.clone()),
                D::ConstraintName => data.and_then(|d| d.constraint.clone()),
                D::DatatypeName => data.and_then(|d| d.data_type.clone()),
                D::MessageText => data.map(|d| d.message.clone()),
                D::TableName => data.and_then(|d| d.table.clone()),
                D::SchemaName => data.and_then(|d| d.schema.clone()),
            };
            let text = text.unwrap_or_default();
            self.assign(target, constant(Repr::Bytes, Some(Datum::from(text.as_str()))), TEXT)?;
        }
        Ok(())
    }
}

fn specified_twice(option: &str) -> Error {
    err!(SYNTAX_ERROR, "RAISE option already specified: {option}")
}
