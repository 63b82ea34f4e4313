//! SQL statements, EXECUTE, loops over rows, RETURN NEXT and RETURN QUERY.

use crate::ast::*;
use crate::expression::{Expression, Kind, Mode};
use crate::frame::{Frame, Started};
use crate::run::{Flow, LoopStep, loop_step};
use crate::value::{RECORD, Record, Value, cast, constant};
use base::{Error, Oid, Result, err};
use commands::nested::{self, NoNames};
use commands::pipeline::Purpose;
use datum::{Batch, Datum, MAX_BATCH_ROWS, OwnedDatum, TupleDesc};
use executor::ParamValue;
use ir::CommandType;
use std::sync::Arc;

/// How many rows a loop asks for at a time.
const LOOP_ROWS: usize = 50;

impl Frame<'_> {
    pub fn sql(&mut self, query: &Expression, into: Option<&Into>) -> Result<()> {
        let ready = self.ready(query)?;
        if let Kind::Utility(statement) = &ready.kind {
            if into.is_some() {
                return Err(err!(SYNTAX_ERROR, "INTO used with a command that cannot return data"));
            }
            return self.utility(query, statement);
        }
        let mut started = self.start(query, &ready)?;
        let returns = !started.columns.is_empty() || started.plan.plan.command == CommandType::Select;
        if into.is_some() && !returns {
            return Err(err!(SYNTAX_ERROR, "INTO used with a command that cannot return data"));
        }
        if into.is_none() && returns && started.plan.plan.command == CommandType::Select {
            return Err(err!(SYNTAX_ERROR, "query has no destination for result data")
                .hint("If you want to discard the results of a SELECT, use PERFORM instead."));
        }
        if into.is_none() && returns && started.plan.plan.has_returning {
            return Err(err!(SYNTAX_ERROR, "query has no destination for result data"));
        }
        let params = self.shown_params(query, into)?;
        self.finish_into(&mut started, into, query, params.as_deref())
    }

    /// What print_strict_params adds to an error.
    fn shown_params(&mut self, query: &Expression, into: Option<&Into>) -> Result<Option<String>> {
        if !self.function.print_strict || !into.is_some_and(|i| i.strict) {
            return Ok(None);
        }
        let ready = self.ready(query)?;
        let params = self.params(&ready)?;
        let mut parts = Vec::new();
        for ((source, of), param) in ready.sources.iter().zip(params.iter()) {
            let name = match source {
                crate::expression::Source::Variable(slot) => self.function.variables[*slot].name.clone(),
                crate::expression::Source::Field(_, name) => name.clone(),
            };
            let text = match &param.value {
                None => "NULL".to_owned(),
                Some(value) => {
                    let text = functions::typeio::output(&self.session, of.oid, value.as_datum())?;
                    format!("'{}'", text.replace('\'', "''"))
                }
            };
            parts.push(format!("{name} = {text}"));
        }
        Ok((!parts.is_empty()).then(|| format!("parameters: {}", parts.join(", "))))
    }

    /// Runs a statement to its end; its row, or NULLs, goes where INTO says.
    fn finish_into(
        &mut self,
        started: &mut Started,
        into: Option<&Into>,
        query: &Expression,
        params: Option<&str>,
    ) -> Result<()> {
        let located = |e: Error| query.located(e);
        let changes = started.plan.plan.command != CommandType::Select;
        let strict = into.is_some_and(|i| i.strict);
        let wanted = if into.is_none() || changes { MAX_BATCH_ROWS } else { 1 + usize::from(strict) };
        let mut first: Option<Record> = None;
        let mut rows = 0;
        while let Some(batch) = started.running.next(wanted).map_err(located)? {
            if first.is_none() {
                first = Some(Frame::record_at(&started.columns, &batch, 0));
            }
            rows += batch.rows() as u64;
            if into.is_some() && !changes && rows >= wanted as u64 {
                break;
            }
        }
        let session = self.session.clone();
        let processed = nested::finish(&session, &started.plan, &mut started.running).map_err(located)?;
        self.rows_processed = if changes { processed } else { rows };
        self.set_found(self.rows_processed > 0);
        let Some(into) = into else { return Ok(()) };
        let with_params = |error: Error| match params {
            Some(params) => error.detail(params),
            None => error,
        };
        if rows == 0 && strict {
            return Err(with_params(err!(NO_DATA_FOUND, "query returned no rows")));
        }
        let dynamic = query.top().is_none();
        if rows > 1 && (strict || changes && !dynamic) {
            let error = err!(TOO_MANY_ROWS, "query returned more than one row");
            return Err(with_params(match strict {
                true => error,
                false => error.hint("Make sure the query returns a single row, or use LIMIT 1."),
            }));
        }
        if !changes {
            self.rows_processed = rows.min(1);
            self.set_found(rows > 0);
        }
        let record = first.unwrap_or_else(|| Record::empty(started.columns.clone()));
        self.assign_record(&into.target, Some(record))
    }

    fn utility(&mut self, query: &Expression, statement: &syntax::Statement) -> Result<()> {
        if self.fixed.is_some() {
            let tag = statement.tag();
            return Err(err!(FEATURE_NOT_SUPPORTED, "{tag} is not allowed in a non-volatile function"));
        }
        if let syntax::Statement::Transaction(_) = statement {
            return Err(err!(FEATURE_NOT_SUPPORTED, "unsupported transaction command in PL/pgSQL"));
        }
        self.session.command_counter_increment()?;
        let empty: Arc<[ParamValue]> = Arc::new([]);
        let session = self.session.clone();
        let resolver = query.resolver(&session, self.function, &self.values);
        let done = nested::run_utility(&session, statement, &query.text, &empty, &resolver);
        done.map_err(|e| query.located(e))?;
        self.session.command_counter_increment()
    }

    pub fn perform(&mut self, query: &Expression) -> Result<()> {
        let ready = self.ready(query)?;
        let mut started = self.start(query, &ready)?;
        let session = self.session.clone();
        let rows = nested::run_to_end(&session, &started.plan, &mut started.running)
            .map_err(|e| query.located(e))?;
        self.rows_processed = rows;
        self.set_found(rows > 0);
        Ok(())
    }

    /// CALL, whose results go back into the variables that stand as arguments; DO.
    pub fn call(&mut self, query: &Expression) -> Result<()> {
        let ready = self.ready(query)?;
        let Kind::Utility(statement) = &ready.kind else {
            return Err(Error::internal("a CALL that is a query"));
        };
        let session = self.session.clone();
        let statement = statement.clone();
        self.session.command_counter_increment()?;
        // Analysed once to learn which variables are read, in the order in which they will be asked for again.
        let resolver = query.resolver(&session, self.function, &self.values);
        let targets = match &*statement {
            syntax::Statement::Call(call) => commands::call_outputs(&session, call, &query.text, &resolver),
            _ => Ok(Vec::new()),
        };
        let targets = targets.map_err(|e| query.located(e))?;
        let params = self.params_of(&resolver.into_sources())?;
        let resolver = query.resolver(&session, self.function, &self.values);
        let before = nested::allow_transaction_end(&session, self.may_end_transaction);
        let done = nested::run_utility(&session, &statement, &query.text, &params, &resolver);
        nested::allow_transaction_end(&session, before);
        let outcome = done.map_err(|e| query.located(e))?;
        self.execution.context = session.context()?;
        self.session.command_counter_increment()?;
        let commands::Outcome::Rows { desc, rows, .. } = outcome else { return Ok(()) };
        let record = Record::new(Arc::new(desc), rows.into_iter().next().unwrap_or_default());
        for (at, name) in targets.iter().enumerate() {
            let target = name.as_ref().and_then(|parts| query.target(self.function, parts));
            let Some(target) = target else {
                let parameter = &record.desc.attributes()[at].name;
                return Err(err!(
                    SYNTAX_ERROR,
                    "procedure parameter \"{parameter}\" is an output parameter but corresponding argument is not writable"
                ));
            };
            let attribute = &record.desc.attributes()[at];
            let of = Type { oid: attribute.type_oid, typmod: -1, collation: attribute.collation };
            let value = constant(attribute.layout.repr, record.values[at].as_ref().map(OwnedDatum::as_datum));
            self.assign(&target, value, of)?;
        }
        Ok(())
    }

    /// The text of EXECUTE and the values of USING.
    fn dynamic(&mut self, query: &Expression, using: &[Expression]) -> Result<(Expression, Vec<ParamValue>)> {
        let Some(text) = self.text(query)? else {
            return Err(err!(NULL_VALUE_NOT_ALLOWED, "query string argument of EXECUTE is null"));
        };
        let mut params = Vec::with_capacity(using.len());
        for value in using {
            let (value, of) = self.evaluate(value)?;
            params.push(ParamValue {
                type_oid: of.oid,
                layout: self.session.type_layout(of.oid)?,
                value: value.get(0).map(Datum::to_owned),
            });
        }
        Ok((Expression::new(text, None, Mode::Statement), params))
    }

    /// Starts a dynamic query; `None` for a command without rows, which is carried out.
    fn start_dynamic(
        &mut self,
        query: &Expression,
        params: &[ParamValue],
        statement: &syntax::Statement,
        purpose: Purpose,
    ) -> Result<Option<Started>> {
        use syntax::Statement as S;
        let is_query = match statement {
            S::Select(select) => {
                if let syntax::SelectBody::Select(simple) = &select.body
                    && simple.into.is_some()
                {
                    return Err(err!(FEATURE_NOT_SUPPORTED, "EXECUTE of SELECT ... INTO is not implemented")
                        .hint(
                            "You might want to use EXECUTE ... INTO or EXECUTE CREATE TABLE ... AS instead.",
                        ));
                }
                true
            }
            S::Insert(_) | S::Update(_) | S::Delete(_) | S::Merge(_) => true,
            S::Transaction(_) => {
                return Err(err!(
                    FEATURE_NOT_SUPPORTED,
                    "EXECUTE of transaction commands is not implemented"
                ));
            }
            _ => false,
        };
        if !is_query {
            let session = self.session.clone();
            if self.fixed.is_some() {
                let tag = statement.tag();
                return Err(err!(FEATURE_NOT_SUPPORTED, "{tag} is not allowed in a non-volatile function"));
            }
            self.session.command_counter_increment()?;
            let params: Arc<[ParamValue]> = params.into();
            let done = nested::run_utility(&session, statement, &query.text, &params, &NoNames);
            let outcome = done.map_err(|e| query.located(e))?;
            self.session.command_counter_increment()?;
            return self.rows_of(outcome);
        }
        let session = self.session.clone();
        let plans = commands::pipeline::analyze_and_plan(&session, statement, &query.text, params, purpose)
            .map_err(|e| query.located(e))?;
        for plan in &plans {
            self.check_read_only(plan.plan.command)?;
            nested::lock_relations(&session, &plan.plan)?;
        }
        self.start_plans(&plans, params).map(Some).map_err(|e| query.located(e))
    }

    pub fn execute(&mut self, query: &Expression, into: Option<&Into>, using: &[Expression]) -> Result<()> {
        let (query, params) = self.dynamic(query, using)?;
        let mut statements = syntax::parse(&query.text).map_err(|e| query.located(e))?;
        if into.is_some() && statements.len() > 1 {
            return Err(err!(SYNTAX_ERROR, "cannot open multi-query plan as cursor"));
        }
        let last = statements.pop();
        for statement in statements {
            if let Some(mut started) =
                self.start_dynamic(&query, &params, &statement.statement, Purpose::Pieces)?
            {
                let session = self.session.clone();
                nested::run_to_end(&session, &started.plan, &mut started.running)
                    .map_err(|e| query.located(e))?;
            }
        }
        let Some(last) = last else { return Ok(()) };
        let found = self.values[self.function.found].clone();
        let Some(mut started) = self.start_dynamic(&query, &params, &last.statement, Purpose::Pieces)? else {
            if into.is_some() {
                return Err(err!(SYNTAX_ERROR, "INTO used with a command that cannot return data"));
            }
            self.rows_processed = 0;
            return Ok(());
        };
        if into.is_some() && started.columns.is_empty() && started.plan.plan.command != CommandType::Select {
            return Err(err!(SYNTAX_ERROR, "INTO used with a command that cannot return data"));
        }
        let params = match (self.function.print_strict, into) {
            (true, Some(into)) if into.strict && !params.is_empty() => {
                let mut parts = Vec::new();
                for (at, param) in params.iter().enumerate() {
                    let text = match &param.value {
                        None => "NULL".to_owned(),
                        Some(value) => {
                            let text =
                                functions::typeio::output(&self.session, param.type_oid, value.as_datum())?;
                            format!("'{}'", text.replace('\'', "''"))
                        }
                    };
                    parts.push(format!("${} = {text}", at + 1));
                }
                Some(format!("parameters: {}", parts.join(", ")))
            }
            _ => None,
        };
        let done = self.finish_into(&mut started, into, &query, params.as_deref());
        // EXECUTE leaves FOUND as it is.
        self.values[self.function.found] = found;
        done
    }

    pub fn for_query(
        &mut self,
        label: Option<&String>,
        target: &Target,
        query: &LoopQuery,
        body: &[Statement],
    ) -> Result<Flow> {
        let (mut started, text) = match query {
            LoopQuery::Static(query) => {
                let ready = self.ready(query)?;
                (self.start(query, &ready)?, None)
            }
            LoopQuery::Dynamic { query, using } => {
                let (query, params) = self.dynamic(query, using)?;
                (self.open_dynamic(&query, &params)?, Some(query))
            }
            LoopQuery::Cursor { variable, arguments } => {
                return self.for_cursor(label, target, (*variable, arguments.as_ref()), body);
            }
        };
        let located = |e: Error| match (&text, query) {
            (Some(text), _) | (None, LoopQuery::Static(text)) => text.located(e),
            _ => e,
        };
        let mut found = false;
        let mut leave = Flow::Next;
        let mut want = 10;
        'rows: while let Some(batch) = started.running.next(want).map_err(located)? {
            want = LOOP_ROWS;
            for at in 0..batch.rows() {
                found = true;
                self.assign_record(target, Some(Frame::record_at(&started.columns, &batch, at)))?;
                let flow = self.statements(body)?;
                if let LoopStep::Leave(flow) = loop_step(flow, label) {
                    leave = flow;
                    break 'rows;
                }
            }
        }
        if !found {
            self.assign_record(target, Some(Record::empty(started.columns.clone())))?;
        }
        let session = self.session.clone();
        nested::finish(&session, &started.plan, &mut started.running).map_err(located)?;
        self.set_found(found);
        Ok(leave)
    }

    /// Starts a dynamic query whose rows are wanted.
    pub fn open_dynamic(&mut self, query: &Expression, params: &[ParamValue]) -> Result<Started> {
        let mut statements = syntax::parse(&query.text).map_err(|e| query.located(e))?;
        let (Some(statement), true) = (statements.pop(), statements.is_empty()) else {
            return Err(err!(INVALID_CURSOR_DEFINITION, "cannot open multi-query plan as cursor"));
        };
        match self.start_dynamic(query, params, &statement.statement, Purpose::FunctionCursor)? {
            Some(started) => Ok(started),
            None => Err(err!(
                INVALID_CURSOR_DEFINITION,
                "cannot open {} query as cursor",
                statement.statement.tag()
            )),
        }
    }

    /// As [`Frame::dynamic`], for OPEN.
    pub fn dynamic_query(
        &mut self,
        query: &Expression,
        using: &[Expression],
    ) -> Result<(Expression, Vec<ParamValue>)> {
        self.dynamic(query, using)
    }

    pub fn return_next(&mut self, value: Option<&Expression>) -> Result<()> {
        let record = match value {
            None => {
                self.result_from_parameters()?;
                match self.result.take() {
                    Some((Value::Record(Some(record)), _)) => record,
                    Some((Value::Scalar(column), of)) => return self.add_value(column, of),
                    _ => return Ok(()),
                }
            }
            Some(value) => {
                let (value, of) = self.evaluate(value)?;
                if !self.set_of_rows()? {
                    return self.add_value(value, of);
                }
                match value.get(0) {
                    Some(datum) if self.is_row(of.oid)? => Record::from_datum(&self.session, datum)?,
                    None => {
                        let columns = self.set_columns()?;
                        Record::empty(columns)
                    }
                    Some(_) => {
                        return Err(err!(
                            DATATYPE_MISMATCH,
                            "cannot return non-composite value from function returning composite type"
                        ));
                    }
                }
            }
        };
        let columns = self.set_columns()?;
        let values = self.convert(&record, &columns, "wrong record type supplied in RETURN NEXT")?;
        self.add_row(&values)
    }

    fn is_row(&self, oid: Oid) -> Result<bool> {
        let base = self.session.base_type(oid)?.0;
        Ok(base == RECORD || self.session.row_type(base)?.is_some())
    }

    fn set_of_rows(&self) -> Result<bool> {
        self.is_row(self.function.result_type.oid)
    }

    fn set_columns(&mut self) -> Result<Arc<TupleDesc>> {
        match &self.set {
            Some(set) => Ok(set.columns.clone()),
            None => Err(err!(
                FEATURE_NOT_SUPPORTED,
                "set-valued function called in context that cannot accept a set"
            )),
        }
    }

    fn add_value(&mut self, value: Arc<datum::Column>, of: Type) -> Result<()> {
        let to = self.function.result_type;
        let value = cast(&mut self.execution, value, of, to)?;
        let owned = value.get(0).map(Datum::to_owned);
        self.add_row(&[owned])
    }

    fn add_row(&mut self, values: &[Option<OwnedDatum>]) -> Result<()> {
        let Some(set) = &mut self.set else {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "set-valued function called in context that cannot accept a set"
            ));
        };
        for (builder, value) in set.builders.iter_mut().zip(values) {
            builder.push(value.as_ref().map(OwnedDatum::as_datum));
        }
        set.rows += 1;
        if set.rows >= MAX_BATCH_ROWS { set.flush() } else { Ok(()) }
    }

    /// A record's values as columns of another row, cast where types differ.
    pub fn convert(
        &mut self,
        record: &Record,
        columns: &Arc<TupleDesc>,
        message: &str,
    ) -> Result<Vec<Option<OwnedDatum>>> {
        let live: Vec<usize> =
            (0..record.desc.len()).filter(|i| !record.desc.attributes()[*i].dropped).collect();
        let wanted = columns.attributes().iter().filter(|a| !a.dropped).count();
        let mut given = live.iter();
        let mut values = Vec::with_capacity(columns.len());
        for attribute in columns.attributes() {
            if attribute.dropped {
                values.push(None);
                continue;
            }
            let Some(at) = given.next() else { return Err(wrong_count(message, live.len(), wanted)) };
            let from = &record.desc.attributes()[*at];
            let same = from.type_oid == attribute.type_oid
                && (from.typmod == attribute.typmod || attribute.typmod < 0);
            if !same {
                let actual = self.session.format_type(from.type_oid, None)?;
                let expected = self.session.format_type(attribute.type_oid, None)?;
                let (name, place) = (&attribute.name, values.len() + 1);
                return Err(err!(DATATYPE_MISMATCH, "{message}").detail(format!(
                    "Returned type {actual} does not match expected type {expected} in column \"{name}\" (position {place})."
                )));
            }
            values.push(record.values[*at].clone());
        }
        if given.next().is_some() {
            return Err(wrong_count(message, live.len(), wanted));
        }
        Ok(values)
    }

    pub fn return_query(&mut self, query: &Expression) -> Result<()> {
        let ready = self.ready(query)?;
        let started = self.start(query, &ready)?;
        self.return_rows(started, query)
    }

    pub fn return_execute(&mut self, query: &Expression, using: &[Expression]) -> Result<()> {
        let (query, params) = self.dynamic(query, using)?;
        let started = self.open_dynamic(&query, &params)?;
        self.return_rows(started, &query)
    }

    fn return_rows(&mut self, mut started: Started, query: &Expression) -> Result<()> {
        const MESSAGE: &str = "structure of query does not match function result type";
        let columns = self.set_columns()?;
        // The types are compared once, by a row of NULLs.
        let empty = Record::empty(started.columns.clone());
        self.convert(&empty, &columns, MESSAGE)?;
        let mut rows = 0;
        while let Some(batch) = started.running.next(MAX_BATCH_ROWS).map_err(|e| query.located(e))? {
            rows += batch.rows() as u64;
            if columns.attributes().iter().all(|a| !a.dropped) {
                let Some(set) = &mut self.set else { continue };
                set.flush()?;
                let kept = batch.columns()[..columns.len()].to_vec();
                set.kept.add(Batch::new(kept, batch.rows()))?;
                continue;
            }
            for at in 0..batch.rows() {
                let record = Frame::record_at(&started.columns, &batch, at);
                let values = self.convert(&record, &columns, MESSAGE)?;
                self.add_row(&values)?;
            }
        }
        let session = self.session.clone();
        nested::finish(&session, &started.plan, &mut started.running).map_err(|e| query.located(e))?;
        self.rows_processed = rows;
        self.set_found(rows > 0);
        Ok(())
    }

    pub fn end_transaction(&mut self, rollback: bool, chain: bool) -> Result<()> {
        if !self.may_end_transaction {
            return Err(err!(INVALID_TRANSACTION_TERMINATION, "invalid transaction termination"));
        }
        nested::end_transaction(&self.session, !rollback, chain)?;
        self.execution.context = self.session.context()?;
        self.execution.snapshot = self.session.transaction()?.snapshot()?;
        Ok(())
    }
}

fn wrong_count(message: &str, given: usize, wanted: usize) -> Error {
    err!(DATATYPE_MISMATCH, "{message}").detail(format!(
        "Number of returned columns ({given}) does not match expected column count ({wanted})."
    ))
}

impl crate::frame::Set {
    /// Moves the rows put together so far to those that are kept.
    pub fn flush(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let fresh =
            self.columns.attributes().iter().map(|a| datum::ColumnBuilder::new(a.layout.repr, 1)).collect();
        let builders = std::mem::replace(&mut self.builders, fresh);
        let rows = std::mem::take(&mut self.rows);
        let columns = builders.into_iter().map(|b| Arc::new(b.finish())).collect();
        self.kept.add(Batch::new(columns, rows))
    }
}
