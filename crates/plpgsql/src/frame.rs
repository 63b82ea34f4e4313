//! One call of a function: its variables, what it returns, evaluation and assignment.

use crate::ast::*;
use crate::expression::{Expression, Kind, Mode, Ready, Source};
use crate::value::{RECORD, Record, Value, cast, constant, descriptor, settled, unassigned};
use base::{Error, Oid, Result, err};
use catalog::Session;
use commands::KeptRows;
use commands::nested;
use commands::pipeline::Purpose;
use datum::{Batch, Column, Datum, OwnedDatum, Repr, TupleDesc};
use executor::{Execution, ParamValue, Prepared, Running, evaluate_once};
use ir::{CommandType, TargetEntry, expr_collation, expr_type, expr_typmod};
use std::sync::Arc;
use txn::Snapshot;

/// The set that a function returns.
pub struct Set {
    pub kept: KeptRows,
    /// The columns of its rows; one for values that are no rows.
    pub columns: Arc<TupleDesc>,
    pub builders: Vec<datum::ColumnBuilder>,
    pub rows: usize,
}

pub struct Frame<'f> {
    pub function: &'f Function,
    pub session: Arc<Session>,
    pub values: Vec<Value>,
    /// What expressions are evaluated in.
    pub execution: Execution,
    /// What a function that is not volatile sees.
    pub fixed: Option<Snapshot>,
    pub result: Option<(Value, Type)>,
    pub set: Option<Set>,
    pub rows_processed: u64,
    /// Errors being handled, innermost last.
    pub handled: Vec<Error>,
    /// Whether the error on its way has been given its place in this function.
    pub located: bool,
    /// Transactions may be ended.
    pub may_end_transaction: bool,
    /// Where the function is, for PG_CONTEXT.
    pub line: (u32, &'static str),
}

/// A query that has been started.
pub struct Started {
    pub plan: Arc<Prepared>,
    pub running: Running,
    pub columns: Arc<TupleDesc>,
}

impl Frame<'_> {
    /// What the next statement sees.
    ///
    /// # Errors
    /// Those of taking a snapshot.
    pub fn snapshot(&self) -> Result<Snapshot> {
        if let Some(fixed) = &self.fixed {
            return Ok(fixed.clone());
        }
        self.session.command_counter_increment()?;
        self.session.transaction()?.snapshot()
    }

    /// The variable's value as a column.
    fn column_of(&self, source: &Source, of: Type) -> Result<Arc<Column>> {
        let repr = || -> Result<Repr> { Ok(self.session.type_layout(of.oid)?.repr) };
        match source {
            Source::Variable(slot) => match &self.values[*slot] {
                Value::Scalar(column) | Value::Typed(column, _) => Ok(column.clone()),
                Value::Record(None) if self.is_untyped(*slot) => {
                    Err(unassigned(&self.function.variables[*slot].name))
                }
                Value::Record(None) => Ok(constant(repr()?, None)),
                Value::Record(Some(record)) if record.is_null => Ok(constant(repr()?, None)),
                Value::Record(Some(record)) => {
                    let value = record.to_datum(&self.session)?;
                    Ok(constant(repr()?, Some(value.as_datum())))
                }
            },
            Source::Field(slot, name) => {
                let value = match &self.values[*slot] {
                    Value::Record(Some(record)) => {
                        let at = record.desc.position(name);
                        at.and_then(|at| record.values[at].clone())
                    }
                    _ => None,
                };
                Ok(constant(repr()?, value.as_ref().map(OwnedDatum::as_datum)))
            }
        }
    }

    fn is_untyped(&self, slot: Slot) -> bool {
        matches!(self.function.variables[slot].kind, VariableKind::Record(None))
    }

    /// The values of what a piece of SQL reads.
    ///
    /// # Errors
    /// `55000` for records that nothing was assigned to.
    pub fn params(&self, ready: &Ready) -> Result<Arc<[ParamValue]>> {
        self.params_of(&ready.sources)
    }

    /// # Errors
    /// As [`Frame::params`].
    pub fn params_of(&self, sources: &[(Source, Type)]) -> Result<Arc<[ParamValue]>> {
        let values = sources.iter().map(|(source, of)| {
            let column = self.column_of(source, *of)?;
            Ok(ParamValue {
                type_oid: of.oid,
                layout: self.session.type_layout(of.oid)?,
                value: column.get(0).map(Datum::to_owned),
            })
        });
        values.collect()
    }

    /// # Errors
    /// Those of analysis, told as of this piece of SQL.
    pub fn ready(&self, expression: &Expression) -> Result<Arc<Ready>> {
        expression
            .ready(&self.session, self.function, &self.values)
            .map_err(|error| expression.located(error))
    }

    /// The value of an expression, with its type.
    ///
    /// # Errors
    /// What it fails with; `21000` for a query with several rows.
    pub fn evaluate(&mut self, expression: &Expression) -> Result<(Arc<Column>, Type)> {
        let ready = self.ready(expression)?;
        if let Some(simple) = &ready.simple {
            let columns = ready.sources.iter().map(|(source, of)| self.column_of(source, *of));
            self.execution.params = columns.collect::<Result<_>>()?;
            if simple.looks {
                self.execution.snapshot = self.snapshot()?;
            }
            let value = evaluate_once(&mut self.execution, &simple.eval)?;
            return Ok((settled(value), simple.of));
        }
        let record = self.first_row(expression, &ready)?;
        let (mut types, value) = match record {
            (columns, Some(record)) => (columns, record.values.into_iter().next().flatten()),
            (columns, None) => (columns, None),
        };
        let Some(of) = types.pop().filter(|_| types.is_empty()) else {
            let count = types.len() + 1;
            let what = if expression.mode == Mode::Assignment { "assignment source" } else { "query" };
            return Err(err!(SYNTAX_ERROR, "{what} returned {count} columns")
                .context(format!("query: {}", expression.text)));
        };
        let repr = self.session.type_layout(of.oid)?.repr;
        Ok((constant(repr, value.as_ref().map(OwnedDatum::as_datum)), of))
    }

    /// The types of a query's columns and its only row.
    fn first_row(
        &mut self,
        expression: &Expression,
        ready: &Arc<Ready>,
    ) -> Result<(Vec<Type>, Option<Record>)> {
        let mut started = self.start(expression, ready)?;
        let types = types_of(&started.columns);
        let located = |e| expression.located(e);
        let first = started.running.next(2).map_err(located)?;
        let record = match &first {
            None => None,
            Some(batch) if batch.rows() > 1 => {
                return Err(err!(CARDINALITY_VIOLATION, "query returned more than one row")
                    .context(format!("query: {}", expression.text)));
            }
            Some(batch) => Some(Record::new(started.columns.clone(), batch.row(0))),
        };
        nested::finish(&self.session, &started.plan, &mut started.running).map_err(located)?;
        Ok((types, record))
    }

    /// Starts the query of a piece of SQL.
    ///
    /// # Errors
    /// Those of planning; `0A000` for a command that is no query.
    pub fn start(&mut self, expression: &Expression, ready: &Arc<Ready>) -> Result<Started> {
        self.start_for(expression, ready, Purpose::Pieces)
    }

    /// The same, for a cursor.
    ///
    /// # Errors
    /// As [`Frame::start`].
    pub fn start_cursor(&mut self, expression: &Expression, ready: &Arc<Ready>) -> Result<Started> {
        self.start_for(expression, ready, Purpose::FunctionCursor)
    }

    fn start_for(
        &mut self,
        expression: &Expression,
        ready: &Arc<Ready>,
        purpose: Purpose,
    ) -> Result<Started> {
        let started = self.start_inner(expression, ready, purpose);
        started.map_err(|error| expression.located(error))
    }

    fn start_inner(
        &mut self,
        expression: &Expression,
        first: &Arc<Ready>,
        purpose: Purpose,
    ) -> Result<Started> {
        let mut ready = first.clone();
        for _ in 0..100 {
            let query = match &ready.kind {
                Kind::Query(query) => query,
                Kind::Utility(statement) => return self.start_utility(expression, statement),
            };
            self.check_read_only(query.query.command)?;
            let params = self.params(&ready)?;
            let Some(plans) = query.locked_plans(&self.session, &params, purpose)? else {
                ready = expression.ready(&self.session, self.function, &self.values)?;
                continue;
            };
            return self.start_plans(&plans, &params);
        }
        Err(err!(
            LOCK_NOT_AVAILABLE,
            "the catalogs changed again and again while the statement was being planned"
        ))
    }

    /// The rows that a command answers, as a query's.
    fn start_utility(
        &mut self,
        expression: &Expression,
        statement: &Arc<syntax::Statement>,
    ) -> Result<Started> {
        let answers = matches!(**statement, syntax::Statement::Explain(_) | syntax::Statement::Show(_));
        if !answers {
            return Err(err!(INVALID_CURSOR_DEFINITION, "cannot open {} query as cursor", statement.tag()));
        }
        let session = self.session.clone();
        self.session.command_counter_increment()?;
        let resolver = expression.resolver(&session, self.function, &self.values);
        let none: Arc<[ParamValue]> = Arc::new([]);
        let outcome = nested::run_utility(&session, statement, &expression.text, &none, &resolver)?;
        self.session.command_counter_increment()?;
        self.rows_of(outcome)?.ok_or_else(|| Error::internal("a command without the rows it answers"))
    }

    /// What a command answers, as the rows of a query.
    ///
    /// # Errors
    /// Those of starting a plan.
    pub fn rows_of(&mut self, outcome: commands::Outcome) -> Result<Option<Started>> {
        let commands::Outcome::Rows { desc, rows, .. } = outcome else { return Ok(None) };
        self.start_plans(&[executor::of_rows(&desc, rows)], &[]).map(Some)
    }

    /// # Errors
    /// `0A000` for changes in a function that is not volatile.
    pub fn check_read_only(&self, command: CommandType) -> Result<()> {
        let word = match command {
            CommandType::Insert => "INSERT",
            CommandType::Update => "UPDATE",
            CommandType::Delete => "DELETE",
            CommandType::Merge => "MERGE",
            _ => return Ok(()),
        };
        if self.fixed.is_none() {
            return Ok(());
        }
        Err(err!(FEATURE_NOT_SUPPORTED, "{word} is not allowed in a non-volatile function"))
    }

    /// Starts the plan whose rows count, after running the others.
    ///
    /// # Errors
    /// What starting fails with.
    pub fn start_plans(&mut self, plans: &[Arc<Prepared>], params: &[ParamValue]) -> Result<Started> {
        let mut main = None;
        for plan in plans {
            let mut running = nested::start(&self.session, plan, params, self.snapshot()?)?;
            if plan.plan.can_set_tag {
                main = Some((plan.clone(), running));
            } else {
                nested::run_to_end(&self.session, plan, &mut running)?;
            }
        }
        let (plan, running) = main.ok_or_else(|| Error::internal("a query without a plan"))?;
        let columns = Arc::new(columns_of(&self.session, &plan)?);
        Ok(Started { plan, running, columns })
    }

    /// Whether a condition holds; NULL does not.
    ///
    /// # Errors
    /// What evaluating fails with.
    pub fn condition(&mut self, expression: &Expression) -> Result<bool> {
        const BOOL: Type = Type { oid: Oid(16), typmod: -1, collation: Oid(0) };
        let (value, of) = self.evaluate(expression)?;
        let value = cast(&mut self.execution, value, of, BOOL)?;
        Ok(matches!(value.get(0), Some(Datum::Bool(true))))
    }

    /// The value of an expression as text.
    ///
    /// # Errors
    /// What evaluating fails with.
    pub fn text(&mut self, expression: &Expression) -> Result<Option<String>> {
        let (value, of) = self.evaluate(expression)?;
        self.as_text(&value, of)
    }

    /// # Errors
    /// What the type's output function fails with.
    pub fn as_text(&self, value: &Column, of: Type) -> Result<Option<String>> {
        match value.get(0) {
            None => Ok(None),
            Some(value) => functions::typeio::output(&self.session, of.oid, value).map(Some),
        }
    }

    /// # Errors
    /// What evaluating fails with.
    pub fn integer(&mut self, expression: &Expression) -> Result<Option<i32>> {
        const INT4: Type = Type { oid: Oid(23), typmod: -1, collation: Oid(0) };
        let (value, of) = self.evaluate(expression)?;
        let value = cast(&mut self.execution, value, of, INT4)?;
        Ok(value.get(0).map(Datum::int4))
    }

    /// Stores a value in a variable or field.
    ///
    /// # Errors
    /// `22004` for NULL where it is not allowed, and what the cast fails with.
    pub fn assign(&mut self, target: &Target, value: Arc<Column>, of: Type) -> Result<()> {
        match target {
            Target::Variable(slot) => {
                let variable = &self.function.variables[*slot];
                match &variable.kind {
                    VariableKind::Scalar(to) => {
                        let value = cast(&mut self.execution, value, of, *to)?;
                        if variable.not_null && value.is_null(0) {
                            return Err(err!(
                                NULL_VALUE_NOT_ALLOWED,
                                "null value cannot be assigned to variable \"{}\" declared NOT NULL",
                                variable.name
                            ));
                        }
                        self.values[*slot] = Value::Scalar(value);
                        Ok(())
                    }
                    _ => self.assign_row_value(*slot, &value, of),
                }
            }
            Target::Field(slot, name) => {
                let desc = self.record_desc(*slot)?;
                let Some(at) = desc.position(name) else {
                    let record = &self.function.variables[*slot].name;
                    return Err(err!(UNDEFINED_COLUMN, "record \"{record}\" has no field \"{name}\""));
                };
                let attribute = &desc.attributes()[at];
                let to = Type {
                    oid: attribute.type_oid,
                    typmod: attribute.typmod,
                    collation: attribute.collation,
                };
                let row = if of.oid == RECORD { self.session.row_type(to.oid)? } else { None };
                let value = match (row, value.get(0)) {
                    (Some(row), Some(datum)) => {
                        let inner = Record::from_datum(&self.session, datum)?;
                        let fitted = self.fit(inner, row)?.to_datum(&self.session)?;
                        constant(Repr::Bytes, Some(fitted.as_datum()))
                    }
                    _ => cast(&mut self.execution, value, of, to)?,
                };
                if !matches!(&self.values[*slot], Value::Record(Some(_))) {
                    self.values[*slot] = Value::Record(Some(Record::empty(desc.clone())));
                }
                if let Value::Record(Some(record)) = &mut self.values[*slot] {
                    record.values[at] = value.get(0).map(Datum::to_owned);
                    record.is_null = false;
                }
                Ok(())
            }
        }
    }

    fn record_desc(&self, slot: Slot) -> Result<Arc<TupleDesc>> {
        let found = descriptor(&self.session, self.function, slot, &self.values)?;
        found.ok_or_else(|| Error::internal("a record without columns"))
    }

    /// A single value goes into a record: it must be a row, or NULL.
    fn assign_row_value(&mut self, slot: Slot, value: &Column, of: Type) -> Result<()> {
        let Some(datum) = value.get(0) else {
            return self.assign_record(&Target::Variable(slot), None);
        };
        let base = self.session.base_type(of.oid)?.0;
        if base != RECORD && self.session.row_type(base)?.is_none() {
            return Err(err!(DATATYPE_MISMATCH, "cannot assign non-composite value to a record variable"));
        }
        let record = Record::from_datum(&self.session, datum)?;
        self.assign_record(&Target::Variable(slot), Some(record))
    }

    /// Stores a row, or NULLs for none, in a record or in the variables of a list.
    ///
    /// # Errors
    /// `42804` where columns and fields do not fit, and what casts fail with.
    pub fn assign_record(&mut self, target: &Target, record: Option<Record>) -> Result<()> {
        let Target::Variable(slot) = target else {
            return Err(Error::internal("a row assigned to a field"));
        };
        let variable = &self.function.variables[*slot];
        match &variable.kind {
            VariableKind::Record(None) => {
                self.values[*slot] = Value::Record(record);
                Ok(())
            }
            VariableKind::Record(Some(oid)) => {
                let not_null = variable.not_null;
                if not_null && record.is_none() {
                    return Err(err!(
                        NULL_VALUE_NOT_ALLOWED,
                        "null value cannot be assigned to variable \"{}\" declared NOT NULL",
                        variable.name
                    ));
                }
                let base = self.session.base_type(*oid)?.0;
                let Some(desc) = self.session.row_type(base)? else {
                    return Err(Error::internal("a composite type without columns"));
                };
                let fitted = match record {
                    None => None,
                    Some(record) if Arc::ptr_eq(&record.desc, &desc) => Some(record),
                    Some(record) => Some(self.fit(record, desc)?),
                };
                self.values[*slot] = Value::Record(fitted);
                Ok(())
            }
            VariableKind::Row(targets) => {
                let mut columns = record
                    .iter()
                    .flat_map(|r| r.desc.attributes().iter().zip(&r.values).filter(|(a, _)| !a.dropped));
                for target in targets {
                    let (value, of) = match columns.next() {
                        Some((attribute, value)) => (
                            constant(attribute.layout.repr, value.as_ref().map(OwnedDatum::as_datum)),
                            Type {
                                oid: attribute.type_oid,
                                typmod: attribute.typmod,
                                collation: attribute.collation,
                            },
                        ),
                        None => {
                            let of = self.target_type(target)?;
                            (constant(self.session.type_layout(of.oid)?.repr, None), of)
                        }
                    };
                    self.assign(target, value, of)?;
                }
                Ok(())
            }
            VariableKind::Scalar(_) => Err(Error::internal("a row assigned to a scalar")),
        }
    }

    fn target_type(&self, target: &Target) -> Result<Type> {
        Ok(match target {
            Target::Variable(slot) => match &self.function.variables[*slot].kind {
                VariableKind::Scalar(of) => *of,
                _ => Type { oid: RECORD, typmod: -1, collation: Oid(0) },
            },
            Target::Field(slot, name) => {
                let desc = self.record_desc(*slot)?;
                let at = desc.position(name).ok_or_else(|| {
                    let record = &self.function.variables[*slot].name;
                    err!(UNDEFINED_COLUMN, "record \"{record}\" has no field \"{name}\"")
                })?;
                let attribute = &desc.attributes()[at];
                Type { oid: attribute.type_oid, typmod: attribute.typmod, collation: attribute.collation }
            }
        })
    }

    /// The record's columns, in order, cast to those of another row type; what is missing is NULL.
    fn fit(&mut self, record: Record, desc: Arc<TupleDesc>) -> Result<Record> {
        let mut source = record.desc.attributes().iter().zip(record.values).filter(|(a, _)| !a.dropped);
        let mut values = Vec::with_capacity(desc.len());
        for attribute in desc.attributes() {
            if attribute.dropped {
                values.push(None);
                continue;
            }
            let Some((from, value)) = source.next() else {
                values.push(None);
                continue;
            };
            let of = Type { oid: from.type_oid, typmod: from.typmod, collation: from.collation };
            let to =
                Type { oid: attribute.type_oid, typmod: attribute.typmod, collation: attribute.collation };
            if let (true, Some(row)) = (of.oid == RECORD, self.session.row_type(to.oid)?) {
                // A row without a type of its own takes the field's, column by column.
                let fitted = match &value {
                    Some(value) => {
                        let inner = Record::from_datum(&self.session, value.as_datum())?;
                        Some(self.fit(inner, row)?.to_datum(&self.session)?)
                    }
                    None => None,
                };
                values.push(fitted);
                continue;
            }
            let column = constant(from.layout.repr, value.as_ref().map(OwnedDatum::as_datum));
            let column = cast(&mut self.execution, column, of, to)?;
            values.push(column.get(0).map(Datum::to_owned));
        }
        Ok(Record::new(desc, values))
    }

    pub fn set_found(&mut self, found: bool) {
        self.values[self.function.found] = Value::Scalar(constant(Repr::Bool, Some(Datum::Bool(found))));
    }

    /// Sets a text variable.
    pub fn set_text(&mut self, slot: Slot, text: &str) {
        self.values[slot] = Value::Scalar(constant(Repr::Bytes, Some(Datum::from(text))));
    }

    /// Row `at` of a batch.
    pub fn record_at(columns: &Arc<TupleDesc>, batch: &Batch, at: usize) -> Record {
        Record::new(columns.clone(), batch.row(at))
    }
}

fn types_of(columns: &TupleDesc) -> Vec<Type> {
    columns
        .attributes()
        .iter()
        .map(|a| Type { oid: a.type_oid, typmod: a.typmod, collation: a.collation })
        .collect()
}

/// The columns that a plan's rows have.
pub fn columns_of(session: &Session, prepared: &Prepared) -> Result<TupleDesc> {
    let plan = &prepared.plan;
    let list: &[TargetEntry] = match &plan.plan.node {
        ir::PlanNode::ModifyTable(modify) => modify.returning.first().map_or(&[], |list| list),
        _ => &plan.plan.target_list,
    };
    let live = list.iter().filter(|t| !t.junk).map(|target| {
        let type_oid = expr_type(&target.expr);
        let layout = session.type_layout(type_oid)?;
        let name = target.name.clone().unwrap_or_else(|| "?column?".to_owned());
        let (typmod, collation) = (expr_typmod(&target.expr), expr_collation(&target.expr));
        Ok(datum::Attribute::result(name, type_oid, typmod, layout, collation))
    });
    Ok(TupleDesc::new(live.collect::<Result<_>>()?))
}
