//! Carrying out statements: blocks, control flow, assignment, returning.

use crate::ast::*;
use crate::expression::Expression;
use crate::frame::Frame;
use crate::value::{RECORD, Record, Value, cast, constant};
use base::{Error, Oid, Result, Severity, err};
use datum::{Datum, OwnedDatum, Repr};

/// Where control goes after a statement.
pub enum Flow {
    Next,
    Exit(Option<String>),
    Continue(Option<String>),
    Return,
}

/// What a loop does with the flow out of its body.
pub enum LoopStep {
    Again,
    Leave(Flow),
}

/// What the flow out of a loop's body means for the loop with this label.
pub fn loop_step(flow: Flow, label: Option<&String>) -> LoopStep {
    match flow {
        Flow::Next | Flow::Continue(None) => LoopStep::Again,
        Flow::Exit(None) => LoopStep::Leave(Flow::Next),
        Flow::Exit(name) if name.as_ref() == label => LoopStep::Leave(Flow::Next),
        Flow::Continue(name) if name.as_ref() == label => LoopStep::Again,
        other => LoopStep::Leave(other),
    }
}

impl Frame<'_> {
    /// Gives an error its place in this function, once.
    pub fn locate(&mut self, error: Error, line: u32, what: &str) -> Error {
        if std::mem::replace(&mut self.located, true) {
            return error;
        }
        error.context(format!("PL/pgSQL function {} line {line} {what}", self.function.signature))
    }

    pub fn statements(&mut self, body: &[Statement]) -> Result<Flow> {
        for statement in body {
            self.session.interrupt_check()?;
            self.line = (statement.line, statement.kind.name());
            match self.statement(statement) {
                Ok(Flow::Next) => {}
                Ok(flow) => return Ok(flow),
                Err(error) => {
                    let what = format!("at {}", statement.kind.name());
                    return Err(self.locate(error, statement.line, &what));
                }
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&mut self, statement: &Statement) -> Result<Flow> {
        use StatementKind as S;
        match &statement.kind {
            S::Block(block) => return self.block(block, statement.line),
            S::Assign { target, value } | S::AssignPart { target, value } => {
                let (value, of) = self.evaluate(value)?;
                self.assign(target, value, of)?;
            }
            S::If { arms, otherwise } => {
                for (condition, body) in arms {
                    if self.condition(condition)? {
                        return self.statements(body);
                    }
                }
                return self.statements(otherwise);
            }
            S::Case { value, arms, otherwise } => {
                return self.case(value.as_ref(), arms, otherwise.as_deref());
            }
            S::Loop { label, body } => loop {
                self.session.interrupt_check()?;
                let flow = self.statements(body)?;
                if let LoopStep::Leave(flow) = loop_step(flow, label.as_ref()) {
                    return Ok(flow);
                }
            },
            S::While { label, condition, body } => {
                while self.condition(condition)? {
                    let flow = self.statements(body)?;
                    if let LoopStep::Leave(flow) = loop_step(flow, label.as_ref()) {
                        return Ok(flow);
                    }
                }
            }
            S::ForInteger { label, variable, from, to, step, reverse, body } => {
                let bounds = (from, to, step.as_ref(), *reverse);
                return self.for_integer(label.as_ref(), *variable, bounds, body);
            }
            S::ForQuery { label, target, query, body } => {
                return self.for_query(label.as_ref(), target, query, body);
            }
            S::ForEach { label, target, slice, array, body } => {
                return self.for_each(label.as_ref(), target, *slice, array, body);
            }
            S::Exit { is_exit, label, condition } => {
                if let Some(condition) = condition
                    && !self.condition(condition)?
                {
                    return Ok(Flow::Next);
                }
                return Ok(match is_exit {
                    true => Flow::Exit(label.clone()),
                    false => Flow::Continue(label.clone()),
                });
            }
            S::Return(value) => {
                self.return_value(value.as_ref())?;
                return Ok(Flow::Return);
            }
            S::ReturnNext(value) => self.return_next(value.as_ref())?,
            S::ReturnQuery(query) => self.return_query(query)?,
            S::ReturnExecute { query, using } => self.return_execute(query, using)?,
            S::Raise(raise) => self.raise(raise)?,
            S::Assert { condition, message } => self.assert(condition, message.as_ref())?,
            S::Sql { query, into } => self.sql(query, into.as_ref())?,
            S::Execute { query, into, using } => self.execute(query, into.as_ref(), using)?,
            S::Perform(query) => self.perform(query)?,
            S::Call { query, .. } => self.call(query)?,
            S::GetDiagnostics { stacked, items } => self.diagnostics(*stacked, items)?,
            S::Open { variable, how } => self.open(*variable, how)?,
            S::Fetch { variable, into, direction, is_move } => {
                self.fetch(*variable, into.as_ref(), direction, *is_move)?;
            }
            S::Close(variable) => self.close(*variable)?,
            S::Commit { rollback, chain } => self.end_transaction(*rollback, *chain)?,
            S::Null => {}
        }
        Ok(Flow::Next)
    }

    pub fn block(&mut self, block: &Block, line: u32) -> Result<Flow> {
        for slot in &block.variables {
            let declared = self.function.variables[*slot].line;
            if let Err(error) = self.initialize(*slot) {
                let what = "during statement block local variable initialization";
                return Err(self.locate(error, declared.max(line.min(declared)), what));
            }
        }
        let flow = match &block.handlers {
            None => self.statements(&block.body)?,
            Some(handlers) => self.guarded(block, handlers, line)?,
        };
        Ok(match flow {
            Flow::Exit(Some(name)) if block.label.as_ref() == Some(&name) => Flow::Next,
            other => other,
        })
    }

    /// Gives a variable its first value.
    pub fn initialize(&mut self, slot: Slot) -> Result<()> {
        let variable = &self.function.variables[slot];
        let empty = match &variable.kind {
            VariableKind::Scalar(of) => Value::Scalar(constant(self.session.type_layout(of.oid)?.repr, None)),
            _ => Value::Record(None),
        };
        self.values[slot] = empty;
        match (&variable.default, &variable.kind) {
            (Some(default), _) => {
                let (value, of) = self.evaluate(default)?;
                self.assign(&Target::Variable(slot), value, of)
            }
            // A domain may refuse NULL.
            (None, VariableKind::Scalar(of)) if self.session.type_row(of.oid)?.typtype as u8 == b'd' => {
                const UNKNOWN: Oid = Oid(705);
                let from = Type { oid: UNKNOWN, typmod: -1, collation: Oid(0) };
                let base = Type { oid: self.session.base_type(of.oid)?.0, ..from };
                let null = constant(self.session.type_layout(of.oid)?.repr, None);
                let value = cast(&mut self.execution, null, base, *of)?;
                self.values[slot] = Value::Scalar(value);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A block whose errors are handled: it runs in a subtransaction.
    fn guarded(&mut self, block: &Block, handlers: &Handlers, line: u32) -> Result<Flow> {
        let transaction = self.session.transaction()?;
        transaction.begin_sub()?;
        let level = self.session.settings().begin_level();
        let users = self.session.users();
        let may_end = std::mem::replace(&mut self.may_end_transaction, false);
        let outcome = self.statements(&block.body);
        self.may_end_transaction = may_end;
        let error = match outcome {
            Ok(flow) => {
                transaction.commit_sub()?;
                self.session.settings().end_level(level, true);
                return Ok(flow);
            }
            Err(error) => error,
        };
        transaction.rollback_sub()?;
        self.session.settings().end_level(level, false);
        self.session.set_users(users);
        let catchable = error.data().severity <= Severity::Error;
        let found = handlers
            .list
            .iter()
            .find(|handler| catchable && handler.conditions.iter().any(|c| c.covers(error.state())));
        let Some(handler) = found else { return Err(error) };
        self.located = false;
        self.set_text(handlers.sqlstate, error.state().code());
        self.set_text(handlers.sqlerrm, error.message());
        self.handled.push(error);
        let outcome = self.statements(&handler.body);
        self.handled.pop();
        let _ = line;
        outcome
    }

    fn case(
        &mut self,
        value: Option<&(Expression, Slot)>,
        arms: &[(Expression, Body, u32)],
        otherwise: Option<&[Statement]>,
    ) -> Result<Flow> {
        if let Some((expression, slot)) = value {
            let (value, of) = self.evaluate(expression)?;
            self.values[*slot] = Value::Typed(value, of);
        }
        self.case_arms(arms, otherwise)
    }

    fn case_arms(
        &mut self,
        arms: &[(Expression, Body, u32)],
        otherwise: Option<&[Statement]>,
    ) -> Result<Flow> {
        for (condition, body, _) in arms {
            if self.condition(condition)? {
                return self.statements(body);
            }
        }
        match otherwise {
            Some(body) => self.statements(body),
            None => Err(err!(CASE_NOT_FOUND, "case not found").hint("CASE statement is missing ELSE part.")),
        }
    }

    fn for_integer(
        &mut self,
        label: Option<&String>,
        variable: Slot,
        (from, to, step, reverse): (&Expression, &Expression, Option<&Expression>, bool),
        body: &[Statement],
    ) -> Result<Flow> {
        let null = |what: &str| err!(NULL_VALUE_NOT_ALLOWED, "{what} of FOR loop cannot be null");
        let mut at = self.integer(from)?.ok_or_else(|| null("lower bound"))?;
        let to = self.integer(to)?.ok_or_else(|| null("upper bound"))?;
        let step = match step {
            None => 1,
            Some(step) => self.integer(step)?.ok_or_else(|| null("BY value"))?,
        };
        if step <= 0 {
            return Err(err!(INVALID_PARAMETER_VALUE, "BY value of FOR loop must be greater than zero"));
        }
        let mut found = false;
        let mut leave = Flow::Next;
        while if reverse { at >= to } else { at <= to } {
            found = true;
            self.session.interrupt_check()?;
            self.values[variable] = Value::Scalar(constant(Repr::Int4, Some(Datum::Int4(at))));
            let flow = self.statements(body)?;
            if let LoopStep::Leave(flow) = loop_step(flow, label) {
                leave = flow;
                break;
            }
            let next = if reverse { at.checked_sub(step) } else { at.checked_add(step) };
            match next {
                Some(next) => at = next,
                None => break,
            }
        }
        self.set_found(found);
        Ok(leave)
    }

    fn for_each(
        &mut self,
        label: Option<&String>,
        target: &Target,
        slice: usize,
        array: &Expression,
        body: &[Statement],
    ) -> Result<Flow> {
        let (value, of) = self.evaluate(array)?;
        let Some(datum) = value.get(0) else {
            return Err(err!(NULL_VALUE_NOT_ALLOWED, "FOREACH expression must not be null"));
        };
        let base = self.session.base_type(of.oid)?.0;
        let Some(element) = self.session.element_type(base)? else {
            let shown = self.session.format_type(of.oid, None)?;
            return Err(err!(DATATYPE_MISMATCH, "FOREACH expression must yield an array, not type {shown}"));
        };
        let parts = crate::arrays::parts(&self.session, datum.bytes(), element, slice)?;
        let to = if slice > 0 { base } else { element };
        let part_type = Type { oid: to, typmod: of.typmod, collation: of.collation };
        let repr = self.session.type_layout(to)?.repr;
        let mut found = false;
        let mut leave = Flow::Next;
        for part in parts {
            found = true;
            let column = constant(repr, part.as_ref().map(OwnedDatum::as_datum));
            self.assign_any(target, column, part_type)?;
            let flow = self.statements(body)?;
            if let LoopStep::Leave(flow) = loop_step(flow, label) {
                leave = flow;
                break;
            }
        }
        self.set_found(found);
        Ok(leave)
    }

    /// Assigns one value to whatever the target is: a list of variables takes a row apart.
    fn assign_any(&mut self, target: &Target, value: std::sync::Arc<datum::Column>, of: Type) -> Result<()> {
        if let Target::Variable(slot) = target
            && matches!(self.function.variables[*slot].kind, VariableKind::Row(_))
        {
            let record = match value.get(0) {
                Some(datum) => Some(Record::from_datum(&self.session, datum)?),
                None => None,
            };
            return self.assign_record(target, record);
        }
        self.assign(target, value, of)
    }

    fn return_value(&mut self, value: Option<&Expression>) -> Result<()> {
        if self.function.returns_set {
            return Ok(());
        }
        if let Some(value) = value {
            let (value, of) = self.evaluate(value)?;
            self.result = Some((Value::Scalar(value), of));
            return Ok(());
        }
        self.result_from_parameters()
    }

    /// The result as the result parameters stand now.
    pub fn result_from_parameters(&mut self) -> Result<()> {
        let Some(target) = &self.function.result else { return Ok(()) };
        let Target::Variable(slot) = target else { return Ok(()) };
        self.result = Some(match &self.function.variables[*slot].kind {
            VariableKind::Scalar(of) => (self.values[*slot].clone(), *of),
            VariableKind::Record(of) => {
                let of = Type { oid: of.unwrap_or(RECORD), typmod: -1, collation: Oid(0) };
                (self.values[*slot].clone(), of)
            }
            VariableKind::Row(targets) => {
                let record = self.record_of(targets)?;
                (Value::Record(Some(record)), Type { oid: RECORD, typmod: -1, collation: Oid(0) })
            }
        });
        Ok(())
    }

    /// The variables of a list as a row.
    pub fn record_of(&mut self, targets: &[Target]) -> Result<Record> {
        let mut attributes = Vec::new();
        let mut values = Vec::new();
        for target in targets {
            let Target::Variable(slot) = target else {
                return Err(Error::internal("a field among the result parameters"));
            };
            let variable = &self.function.variables[*slot];
            let (of, value) = match (&variable.kind, &self.values[*slot]) {
                (VariableKind::Scalar(of), Value::Scalar(column)) => {
                    (*of, column.get(0).map(Datum::to_owned))
                }
                (VariableKind::Record(of), Value::Record(record)) => {
                    let oid = of.unwrap_or(RECORD);
                    let value = record.as_ref().map(|r| r.to_datum(&self.session)).transpose()?;
                    (Type { oid, typmod: -1, collation: Oid(0) }, value)
                }
                _ => return Err(Error::internal("a result parameter of another kind")),
            };
            let layout = self.session.type_layout(of.oid)?;
            let attribute =
                datum::Attribute::result(variable.name.clone(), of.oid, of.typmod, layout, of.collation);
            attributes.push(attribute);
            values.push(value);
        }
        Ok(Record::new(std::sync::Arc::new(datum::TupleDesc::new(attributes)), values))
    }

    fn assert(&mut self, condition: &Expression, message: Option<&Expression>) -> Result<()> {
        let enabled = self.session.settings().show("plpgsql.check_asserts").unwrap_or_default();
        if matches!(enabled.as_str(), "off" | "false") || self.condition(condition)? {
            return Ok(());
        }
        let text = match message {
            Some(message) => self.text(message)?,
            None => None,
        };
        Err(Error::new(base::SqlState::ASSERT_FAILURE, text.unwrap_or_else(|| "assertion failed".to_owned())))
    }
}
