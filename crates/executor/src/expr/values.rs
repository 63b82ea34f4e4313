//! Parameters, SQL's value functions, conversions through text, domains, sequences, calls into other languages.

use super::{CallInfo, Compiler, Eval, Frames, boolean, conditional};
use crate::context::Execution;
use crate::stored;
use adt::datetime::{TimeZone, date_from_timestamptz, time_from_timestamp, timestamp_from_timestamptz};
use adt::datetime::{round_time, round_timestamp, timetz_from_timestamptz};
use base::{Error, Oid, Result, bail, err};
use catalog::{PgConstraint, index};
use datum::{Batch, Column, ColumnBuilder, Datum, Repr, Selection, Values};
use functions::{Function, Registry};
use ir::{Expr, SqlValueFunction, expr_type};
use std::sync::Arc;

/// The rows for which all conditions hold.
///
/// # Errors
/// What functions fail with.
pub fn filter(
    quals: &[Eval],
    execution: &mut Execution,
    input: &Batch,
    mut rows: Selection,
) -> Result<Selection> {
    for qual in quals {
        if rows.is_empty() {
            break;
        }
        let holds = qual.evaluate(execution, input, &rows)?;
        if holds.is_constant() {
            if boolean::truth(&holds, 0) != Some(true) {
                return Ok(Selection::Rows(Vec::new()));
            }
            continue;
        }
        rows = match holds.values() {
            Values::Bool(values) if !holds.has_nulls() => rows.filter(|row| values[row]),
            _ => rows.filter(|row| boolean::truth(&holds, row) == Some(true)),
        };
    }
    Ok(rows)
}

/// The value of an expression that reads no row.
///
/// # Errors
/// What functions fail with.
pub fn evaluate_once(execution: &mut Execution, eval: &Eval) -> Result<Arc<Column>> {
    eval.evaluate(execution, &Batch::new(Vec::new(), 1), &Selection::All(1))
}

pub fn external_param(execution: &Execution, id: usize) -> Result<Arc<Column>> {
    match execution.params.get(id) {
        Some(column) => Ok(column.clone()),
        None => bail!(UNDEFINED_OBJECT, "no value found for parameter {}", id + 1),
    }
}

/// CURRENT_DATE, CURRENT_USER and their like.
pub struct SqlValue {
    pub function: SqlValueFunction,
    pub typmod: i32,
}

impl SqlValue {
    pub fn evaluate(&self, execution: &Execution) -> Result<Arc<Column>> {
        use SqlValueFunction as F;
        let session = &execution.session;
        let now = || session.transaction().map(|t| t.started_at());
        let zone = || -> Result<TimeZone> {
            let settings = session.settings();
            Ok(TimeZone::lookup(settings.get(settings::TIMEZONE)).unwrap_or_else(TimeZone::utc))
        };
        let name = |text: &str| Column::constant(Repr::Name, Some(Datum::from(text)));
        Ok(Arc::new(match self.function {
            F::CurrentDate => {
                let date = date_from_timestamptz(now()?, &zone()?)?;
                Column::constant(Repr::Int4, Some(Datum::Int4(date)))
            }
            F::CurrentTimestamp => {
                let value = round_timestamp(now()?, self.typmod)?;
                Column::constant(Repr::Int8, Some(Datum::Int8(value)))
            }
            F::LocalTimestamp => {
                let local = timestamp_from_timestamptz(now()?, &zone()?)?;
                let value = round_timestamp(local, self.typmod)?;
                Column::constant(Repr::Int8, Some(Datum::Int8(value)))
            }
            F::LocalTime => {
                let local = timestamp_from_timestamptz(now()?, &zone()?)?;
                let time = time_from_timestamp(local).map(|t| Datum::Int8(round_time(t, self.typmod)));
                Column::constant(Repr::Int8, time)
            }
            F::CurrentTime => {
                let value = timetz_from_timestamptz(now()?, &zone()?).map(|mut value| {
                    value.time = round_time(value.time, self.typmod);
                    let mut bytes = value.time.to_le_bytes().to_vec();
                    bytes.extend_from_slice(&value.zone.to_le_bytes());
                    bytes
                });
                Column::constant(Repr::Bytes, value.as_ref().map(|v| Datum::Bytes(v)))
            }
            F::CurrentRole | F::CurrentUser | F::User => name(&session.user_name(session.user())?),
            F::SessionUser => name(&session.user_name(session.session_user())?),
            F::CurrentCatalog => name(session.database_name()),
            F::CurrentSchema => match session.current_schemas(false)?.first() {
                Some(schema) => name(schema),
                None => Column::constant(Repr::Name, None),
            },
        }))
    }
}

const CSTRING: Oid = Oid(2275);

/// A conversion by the source type's output function and the target type's input function.
pub struct CoerceViaIo {
    arg: Eval,
    output: (Function, CallInfo),
    input: (Function, CallInfo),
    /// pg_type.typelem or the type itself, as the input function's second argument wants it.
    io_param: Arc<Column>,
    typmod: Arc<Column>,
    repr: Repr,
}

impl CoerceViaIo {
    pub fn compile(compiler: &mut Compiler<'_>, arg: &Expr, result_type: Oid) -> Result<CoerceViaIo> {
        let session = compiler.session;
        let source = expr_type(arg);
        let output = session.function(session.type_row(source)?.typoutput)?;
        let target = session.type_row(result_type)?;
        let input = session.function(target.typinput)?;
        let info = |function: Oid, argument_types: &[Oid], result_type| CallInfo {
            function,
            collation: Oid::INVALID,
            argument_types: argument_types.into(),
            result_type,
            variadic: false,
            columns: None,
        };
        let io_param = target.typelem.some().unwrap_or(result_type);
        Ok(CoerceViaIo {
            arg: compiler.compile(arg)?,
            output: (Registry::get().function(&output)?, info(output.oid, &[source], CSTRING)),
            input: (
                Registry::get().function(&input)?,
                info(input.oid, &[CSTRING, Oid(26), Oid(23)], result_type),
            ),
            io_param: Arc::new(Column::constant(Repr::Int4, Some(io_param.into()))),
            typmod: Arc::new(Column::constant(Repr::Int4, Some(Datum::Int4(-1)))),
            repr: compiler.repr(result_type)?,
        })
    }

    pub fn evaluate(
        &self,
        execution: &mut Execution,
        input: &Batch,
        rows: &Selection,
        frames: &mut Frames,
    ) -> Result<Arc<Column>> {
        let value = self.arg.evaluate_in(execution, input, rows, frames)?;
        let session = &execution.session;
        let mut text = ColumnBuilder::new(Repr::Bytes, rows.bound());
        (self.output.0.kernel)(&self.output.1.call(session), &[&value], rows, &mut text)?;
        let text = text.finish();
        let mut out = ColumnBuilder::new(self.repr, rows.bound());
        let all = [&text, &*self.io_param, &*self.typmod];
        let args = &all[..self.input.0.arity.clamp(1, 3)];
        // Input functions that take NULL (domain_in) are not for casts; NULL stays NULL.
        let present = if text.has_nulls() { rows.filter(|row| !text.is_null(row)) } else { rows.clone() };
        (self.input.0.kernel)(&self.input.1.call(session), args, &present, &mut out)?;
        if !text.has_nulls() {
            return Ok(Arc::new(out.finish()));
        }
        let converted = out.finish();
        let mut out = ColumnBuilder::new(self.repr, rows.bound());
        rows.for_each(|row| {
            out.pad_to(row);
            out.push(if text.is_null(row) { None } else { converted.get(row) });
        });
        Ok(Arc::new(out.finish()))
    }
}

enum Constraint {
    NotNull,
    Check { name: String, condition: Eval },
}

/// A value on its way into a domain.
pub struct DomainCheck {
    arg: Eval,
    domain: Oid,
    frame: usize,
    /// NOT NULL first, then the base types' checks before those of the domains over them.
    constraints: Vec<Constraint>,
}

impl DomainCheck {
    pub fn compile(compiler: &mut Compiler<'_>, arg: &Expr, domain: Oid) -> Result<DomainCheck> {
        let session = compiler.session;
        let frame = compiler.new_frame();
        let mut not_null = false;
        let mut levels = Vec::new();
        let mut current = session.type_row(domain)?;
        while current.typtype as u8 == b'd' {
            not_null |= current.typnotnull;
            let rows = session.rows::<PgConstraint>(index::PG_CONSTRAINT_CONTYPID, &[current.oid.into()])?;
            let mut checks: Vec<_> = rows.iter().filter(|c| c.contype as u8 == b'c').cloned().collect();
            checks.sort_by(|a, b| a.conname.cmp(&b.conname));
            levels.push(checks);
            current = session.type_row(current.typbasetype)?;
        }
        let mut constraints = Vec::new();
        if not_null {
            constraints.push(Constraint::NotNull);
        }
        for check in levels.into_iter().rev().flatten() {
            let text = check.conbin.as_deref().unwrap_or_default();
            let condition = stored::expression(session, text)?;
            let condition = compiler.with_domain_frame(frame, &condition)?;
            constraints.push(Constraint::Check { name: check.conname.clone(), condition });
        }
        Ok(DomainCheck { arg: compiler.compile(arg)?, domain, frame, constraints })
    }

    pub fn evaluate(
        &self,
        execution: &mut Execution,
        input: &Batch,
        rows: &Selection,
        frames: &mut Frames,
    ) -> Result<Arc<Column>> {
        let value = self.arg.evaluate_in(execution, input, rows, frames)?;
        conditional::set_frame(frames, self.frame, value.clone());
        for constraint in &self.constraints {
            match constraint {
                Constraint::NotNull => rows.try_for_each(|row| match value.is_null(row) {
                    true => Err(self.null_error(execution)),
                    false => Ok(()),
                })?,
                Constraint::Check { name, condition } => {
                    let holds = condition.evaluate_in(execution, input, rows, frames)?;
                    rows.try_for_each(|row| match boolean::truth(&holds, row) {
                        Some(false) => Err(self.check_error(execution, name)),
                        _ => Ok(()),
                    })?;
                }
            }
        }
        Ok(value)
    }

    fn null_error(&self, execution: &Execution) -> Error {
        let name = execution.session.format_type(self.domain, None).unwrap_or_default();
        self.located(execution, err!(NOT_NULL_VIOLATION, "domain {name} does not allow null values"))
    }

    fn check_error(&self, execution: &Execution, constraint: &str) -> Error {
        let name = execution.session.format_type(self.domain, None).unwrap_or_default();
        let message = format!("value for domain {name} violates check constraint \"{constraint}\"");
        self.located(execution, Error::new(base::SqlState::CHECK_VIOLATION, message).constraint(constraint))
    }

    fn located(&self, execution: &Execution, error: Error) -> Error {
        let Ok(row) = execution.session.type_row(self.domain) else { return error };
        let schema = execution.session.namespace_name(row.typnamespace).unwrap_or_default();
        error.data_type(schema, row.typname.as_str())
    }
}

/// A value of an identity column's sequence for each row.
pub fn next_value(
    sequence: Oid,
    repr: Repr,
    execution: &mut Execution,
    rows: &Selection,
) -> Result<Arc<Column>> {
    let calls = execution.hooks.calls.clone();
    let mut out = ColumnBuilder::new(repr, rows.bound());
    rows.try_for_each(|row| -> Result<()> {
        out.pad_to(row);
        let value = calls.next_value(&execution.session, sequence)?;
        out.push(Some(match repr {
            Repr::Int2 => Datum::Int2(value as i16),
            Repr::Int4 => Datum::Int4(value as i32),
            _ => Datum::Int8(value),
        }));
        Ok(())
    })?;
    Ok(Arc::new(out.finish()))
}

/// A call of a function that is not built in.
pub struct ForeignCall {
    pub info: CallInfo,
    pub strict: bool,
    pub args: Vec<Eval>,
    pub repr: Repr,
}

impl ForeignCall {
    pub fn evaluate(
        &self,
        execution: &mut Execution,
        input: &Batch,
        rows: &Selection,
        frames: &mut Frames,
    ) -> Result<Arc<Column>> {
        let mut columns = Vec::with_capacity(self.args.len());
        for arg in &self.args {
            columns.push(arg.evaluate_in(execution, input, rows, frames)?);
        }
        let calls = execution.hooks.calls.clone();
        let session = execution.session.clone();
        let call = self.info.call(&session);
        let mut out = ColumnBuilder::new(self.repr, rows.bound());
        let mut values = Vec::with_capacity(columns.len());
        rows.try_for_each(|row| -> Result<()> {
            out.pad_to(row);
            values.clear();
            values.extend(columns.iter().map(|c| c.get(row)));
            if self.strict && values.iter().any(Option::is_none) {
                out.push_null();
                return Ok(());
            }
            let value = calls.call(execution, &call, &values)?;
            out.push(value.as_ref().map(datum::OwnedDatum::as_datum));
            Ok(())
        })?;
        Ok(Arc::new(out.finish()))
    }
}
