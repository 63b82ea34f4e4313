//! Trigger functions: NEW, OLD and the TG_ variables.

use crate::ast::{Slot, VariableKind};
use crate::compile;
use crate::run::Flow;
use crate::value::{Record, Value, constant};
use crate::{make_frame, record_of};
use base::{Oid, Result, err};
use catalog::{PgProc, Session};
use commands::{TriggerCall, nested};
use datum::{Datum, Repr, Row};
use functions::array::ElementType;
use std::sync::Arc;

/// The variables of a trigger function, in the order in which they are declared.
pub const VARIABLES: [(&str, u32); 12] = [
    ("new", 2249),
    ("old", 2249),
    ("tg_name", 19),
    ("tg_when", 25),
    ("tg_level", 25),
    ("tg_op", 25),
    ("tg_relid", 26),
    ("tg_relname", 19),
    ("tg_table_name", 19),
    ("tg_table_schema", 19),
    ("tg_nargs", 23),
    ("tg_argv", 1009),
];

/// Calls a trigger function.
///
/// # Errors
/// What it raises; `42804` for a row of another structure.
pub fn call(session: &Arc<Session>, row: &Arc<PgProc>, call: &TriggerCall<'_>) -> Result<Option<Row>> {
    let function = compile::trigger(session, row, call.relation.oid())?;
    let execution = nested::bare_execution(session)?;
    let mut frame = make_frame(&execution, &function, None)?;
    let desc = call.relation.relation.desc.clone();
    let record = |values: Option<&Row>| {
        Value::Record(Some(match values {
            Some(values) => Record::new(desc.clone(), values.clone()),
            None => Record::null(desc.clone()),
        }))
    };
    let schema = session.namespace_name(call.relation.class.relnamespace)?;
    let name = |text: &str| Value::Scalar(constant(Repr::Name, Some(Datum::from(text))));
    let text = |text: &str| Value::Scalar(constant(Repr::Bytes, Some(Datum::from(text))));
    let arguments = call.arguments();
    let element = ElementType::of(session, Oid(25))?;
    let argv = match arguments.len() {
        0 => None,
        count => {
            // Arguments count from 0.
            let shape = adt::array::Shape { lengths: vec![count as i32], lower_bounds: vec![0] };
            Some(element.shaped(arguments.iter().map(|a| Some(Datum::from(a.as_str()))), &shape)?)
        }
    };
    let values = [
        record(call.new),
        record(call.old),
        name(&call.trigger.tgname),
        text(call.when),
        text(if call.for_each_row { "ROW" } else { "STATEMENT" }),
        text(call.event),
        Value::Scalar(constant(Repr::Int4, Some(Datum::from(call.relation.oid())))),
        name(call.relation.name()),
        name(call.relation.name()),
        name(&schema),
        Value::Scalar(constant(Repr::Int4, Some(Datum::Int4(arguments.len() as i32)))),
        Value::Scalar(constant(Repr::Bytes, argv.as_deref().map(Datum::Bytes))),
    ];
    let first: Slot = function.arguments.first().copied().unwrap_or_default();
    for (offset, value) in values.into_iter().enumerate() {
        frame.values[first + offset] = value;
    }
    debug_assert!(matches!(function.variables[first].kind, VariableKind::Record(None)));
    frame.set_found(false);
    match frame.block(&function.body, 1)? {
        Flow::Return => {}
        _ => {
            return Err(err!(
                S_R_E_FUNCTION_EXECUTED_NO_RETURN_STATEMENT,
                "control reached end of trigger procedure without RETURN"
            )
            .context(format!("PL/pgSQL function {}", function.signature)));
        }
    }
    if !call.for_each_row {
        return Ok(None);
    }
    let Some((value, of)) = frame.result.take() else { return Ok(None) };
    let returned = match value {
        Value::Record(record) => record,
        Value::Scalar(column) | Value::Typed(column, _) => record_of(session, &column, of)?,
    };
    let Some(returned) = returned.filter(|record| !record.is_null) else { return Ok(None) };
    let message = "returned row structure does not match the structure of the triggering table";
    let during =
        |e: base::Error| e.context(format!("PL/pgSQL function {} during function exit", function.signature));
    frame.convert(&returned, &desc, message).map(Some).map_err(during)
}
