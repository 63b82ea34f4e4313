//! PL/pgSQL. See README.md.
#![forbid(unsafe_code)]

mod arrays;
mod ast;
mod compile;
mod conditions;
mod cursor;
mod expression;
mod frame;
mod names;
mod parser;
mod queries;
mod raise;
mod run;
mod scanner;
mod trigger;
mod value;

use ast::{Function, Target, Type, VariableKind};
use base::{Error, Oid, Result, err};
use catalog::{PgProc, Session};
use commands::{Invocation, KeptRows, Language, nested};
use compile::Use;
use datum::{Column, ColumnBuilder, Datum, OwnedDatum, TupleDesc};
use executor::Execution;
use frame::{Frame, Set};
use functions::{Call, SetRows};
use run::Flow;
use std::sync::Arc;
use value::{RECORD, Record, Value, cast, constant};

/// The name of the language in pg_language.
pub const NAME: &str = "plpgsql";

const VOID: Oid = Oid(2278);

/// The language, as functions are called in it.
pub struct PlPgSql;

impl Language for PlPgSql {
    fn validate(&self, session: &Arc<Session>, row: &Arc<PgProc>) -> Result<()> {
        compile::validate(session, row)
    }

    fn call(
        &self,
        execution: &Execution,
        call: &Call<'_>,
        row: &Arc<PgProc>,
        args: &[Option<Datum<'_>>],
    ) -> Result<Option<OwnedDatum>> {
        let function = compiled(&execution.session, call, row)?;
        let mut frame = enter(execution, &function, row)?;
        run(&mut frame, args)?;
        let returned = result_value(&mut frame, call);
        returned.map_err(|e| {
            let what = "while casting return value to function's return type";
            if frame.located {
                e
            } else {
                e.context(format!("PL/pgSQL function {} {what}", function.signature))
            }
        })
    }

    fn call_set(
        &self,
        execution: &Execution,
        call: &Call<'_>,
        row: &Arc<PgProc>,
        args: &[Option<Datum<'_>>],
    ) -> Result<Box<dyn SetRows>> {
        let session = &execution.session;
        let function = compiled(session, call, row)?;
        let mut frame = enter(execution, &function, row)?;
        let columns = Arc::new(set_columns(session, call, row)?);
        frame.set = Some(Set {
            kept: KeptRows::new(session)?,
            builders: columns.attributes().iter().map(|a| ColumnBuilder::new(a.layout.repr, 1)).collect(),
            columns,
            rows: 0,
        });
        run(&mut frame, args)?;
        let Some(mut set) = frame.set.take() else { return Err(Error::internal("a set that is gone")) };
        set.flush()?;
        set.kept.into_rows()
    }

    fn call_trigger(
        &self,
        session: &Arc<Session>,
        row: &Arc<PgProc>,
        call: &commands::TriggerCall<'_>,
    ) -> Result<Option<datum::Row>> {
        trigger::call(session, row, call)
    }

    fn run_block(&self, invocation: &mut Invocation<'_>, source: &str) -> Result<()> {
        let session = invocation.session;
        let function = compile::block(session, source)?;
        let execution = nested::bare_execution(session)?;
        let mut frame = make_frame(&execution, &function, None)?;
        frame.may_end_transaction =
            invocation.top_level && !invocation.in_block || nested::may_end_transaction(session);
        run(&mut frame, &[])
    }
}

fn compiled(session: &Arc<Session>, call: &Call<'_>, row: &Arc<PgProc>) -> Result<Arc<Function>> {
    let usage = Use { arguments: call.argument_types, result: call.result_type, collation: call.collation };
    compile::function(session, row, &usage)
}

fn enter<'f>(execution: &Execution, function: &'f Function, row: &PgProc) -> Result<Frame<'f>> {
    let fixed = (row.provolatile as u8 != b'v').then(|| execution.snapshot.clone());
    let mut frame = make_frame(execution, function, fixed)?;
    if function.is_procedure && row.proconfig.is_none() && !row.prosecdef {
        frame.may_end_transaction = nested::allow_transaction_end(&execution.session, false);
    }
    Ok(frame)
}

fn make_frame<'f>(
    execution: &Execution,
    function: &'f Function,
    fixed: Option<txn::Snapshot>,
) -> Result<Frame<'f>> {
    let session = execution.session.clone();
    let mut own = nested::bare_execution(&session)?;
    if let Some(fixed) = &fixed {
        own.snapshot = fixed.clone();
    }
    let mut values = Vec::with_capacity(function.variables.len());
    for variable in &function.variables {
        values.push(match &variable.kind {
            VariableKind::Scalar(of) => Value::Scalar(constant(session.type_layout(of.oid)?.repr, None)),
            _ => Value::Record(None),
        });
    }
    Ok(Frame {
        function,
        session,
        values,
        execution: own,
        fixed,
        result: None,
        set: None,
        rows_processed: 0,
        handled: Vec::new(),
        located: false,
        may_end_transaction: false,
        line: (0, ""),
    })
}

/// Stores the arguments and runs the body.
fn run(frame: &mut Frame<'_>, args: &[Option<Datum<'_>>]) -> Result<()> {
    let function = frame.function;
    let named = |e: Error, what: &str| e.context(format!("PL/pgSQL function {} {what}", function.signature));
    for (slot, value) in function.arguments.iter().zip(args) {
        let stored = match (&function.variables[*slot].kind, value) {
            (VariableKind::Scalar(of), value) => {
                let repr = frame.session.type_layout(of.oid)?.repr;
                Ok(Value::Scalar(constant(repr, *value)))
            }
            (_, None) => Ok(Value::Record(None)),
            (_, Some(value)) => Record::from_datum(&frame.session, *value).map(|r| Value::Record(Some(r))),
        };
        frame.values[*slot] =
            stored.map_err(|e| named(e, "while storing call arguments into local variables"))?;
    }
    frame.set_found(false);
    match frame.block(&function.body, 1) {
        Ok(Flow::Return) => Ok(()),
        Ok(Flow::Next) => {
            // Falling off the end is a RETURN where nothing need be returned.
            let quiet = function.returns_set
                || function.result.is_some()
                || function.result_type.oid == VOID
                || function.is_procedure;
            if quiet {
                if !function.returns_set {
                    frame.result_from_parameters()?;
                }
                return Ok(());
            }
            let error = err!(
                S_R_E_FUNCTION_EXECUTED_NO_RETURN_STATEMENT,
                "control reached end of function without RETURN"
            );
            Err(error.context(format!("PL/pgSQL function {}", function.signature)))
        }
        Ok(Flow::Exit(_) | Flow::Continue(_)) => Err(Error::internal("control left the function's block")),
        Err(error) => Err(error),
    }
}

/// What the function returned, as a value of the call's result type.
fn result_value(frame: &mut Frame<'_>, call: &Call<'_>) -> Result<Option<OwnedDatum>> {
    let Some((value, of)) = frame.result.take() else { return Ok(None) };
    let session = frame.session.clone();
    let wanted = call.result_type;
    if wanted == VOID {
        return Ok(None);
    }
    let base = session.base_type(wanted)?.0;
    let desc = if base == RECORD { None } else { session.row_type(base)? };
    if base != RECORD && desc.is_none() {
        let Value::Scalar(column) = value else {
            return match value {
                Value::Record(None) => Ok(None),
                _ => Err(err!(DATATYPE_MISMATCH, "cannot cast a row to a scalar result")),
            };
        };
        let to = frame.function.result_type;
        let column = cast(&mut frame.execution, column, of, to)?;
        return Ok(column.get(0).map(Datum::to_owned));
    }
    let record = match value {
        Value::Record(record) => record,
        Value::Scalar(column) | Value::Typed(column, _) => record_of(&session, &column, of)?,
    };
    let Some(record) = record else { return Ok(None) };
    let row = session.function(call.function)?;
    let expected = match (desc, call.columns) {
        (Some(desc), _) => Some(desc),
        (None, _) if frame.function.result.is_some() => {
            session.result_columns(&row, call.argument_types)?.map(Arc::new)
        }
        (None, listed) => listed.cloned(),
    };
    let record = match expected {
        None => record,
        Some(desc) => {
            let message = "returned record type does not match expected record type";
            let values = frame.convert(&record, &desc, message)?;
            Record::new(desc, values)
        }
    };
    let value = record.to_datum(&session)?;
    if base == wanted {
        return Ok(Some(value));
    }
    // A domain over the row type checks it.
    let repr = session.type_layout(base)?.repr;
    let from = Type { oid: base, typmod: -1, collation: Oid(0) };
    let to = Type { oid: wanted, ..from };
    let column = cast(&mut frame.execution, constant(repr, Some(value.as_datum())), from, to)?;
    Ok(column.get(0).map(Datum::to_owned))
}

fn record_of(session: &Session, column: &Column, of: Type) -> Result<Option<Record>> {
    let Some(value) = column.get(0) else { return Ok(None) };
    let base = session.base_type(of.oid)?.0;
    if base != RECORD && session.row_type(base)?.is_none() {
        return Err(err!(
            DATATYPE_MISMATCH,
            "cannot return non-composite value from function returning composite type"
        ));
    }
    Record::from_datum(session, value).map(Some)
}

/// The columns of the set that a call returns.
fn set_columns(session: &Session, call: &Call<'_>, row: &PgProc) -> Result<TupleDesc> {
    let base = session.base_type(call.result_type)?.0;
    if base == RECORD {
        if let Some(columns) = session.result_columns(row, call.argument_types)? {
            return Ok(columns);
        }
        return match call.columns {
            Some(columns) => Ok((**columns).clone()),
            None => Err(err!(
                FEATURE_NOT_SUPPORTED,
                "function returning record called in context that cannot accept type record"
            )),
        };
    }
    if let Some(desc) = session.row_type(base)? {
        return Ok((*desc).clone());
    }
    let layout = session.type_layout(call.result_type)?;
    let collation = session.type_collation(call.result_type)?;
    let attribute = datum::Attribute::result("column", call.result_type, -1, layout, collation);
    Ok(TupleDesc::new(vec![attribute]))
}

impl expression::Expression {
    /// The variable or field that a dotted name in this piece of SQL means.
    pub(crate) fn target(&self, function: &Function, parts: &[String]) -> Option<Target> {
        let (meaning, used) = names::find(&function.names, self.top(), parts)?;
        match (meaning, parts.len() - used) {
            (ast::Meaning::Scalar(slot) | ast::Meaning::Record(slot), 0) => Some(Target::Variable(slot)),
            (ast::Meaning::Record(slot), 1) => Some(Target::Field(slot, parts[used].clone())),
            _ => None,
        }
    }
}
