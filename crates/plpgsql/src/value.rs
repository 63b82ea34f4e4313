//! Values of variables, and bringing them from type to type.

use crate::ast::{Function, Slot, Type, VariableKind};
use base::{Error, Oid, Result, err};
use catalog::{CatalogVersion, Session};
use commands::pipeline::Literals;
use datum::{Column, Datum, OwnedDatum, Repr, Row, TupleDesc};
use executor::{Compiler, Eval, Execution, Inputs, evaluate_once, form_composite, view_composite};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

pub const RECORD: Oid = Oid(2249);

#[derive(Clone)]
pub struct Record {
    pub desc: Arc<TupleDesc>,
    pub values: Row,
    /// As a whole it is NULL, until one of its fields is set: OLD in a trigger for INSERT.
    pub is_null: bool,
}

#[derive(Clone)]
pub enum Value {
    /// A constant column, as expressions take parameters.
    Scalar(Arc<Column>),
    /// The value under test in CASE, with the type that it happens to have.
    Typed(Arc<Column>, Type),
    /// `None`: NULL, or never assigned.
    Record(Option<Record>),
}

/// A value as a constant column.
pub fn constant(repr: Repr, value: Option<Datum<'_>>) -> Arc<Column> {
    Arc::new(Column::constant(repr, value))
}

/// The first value of a column, as a constant.
pub fn settled(column: Arc<Column>) -> Arc<Column> {
    if column.is_constant() { column } else { constant(column.repr(), column.get(0)) }
}

/// The columns of a record variable: those of its type, or of what it holds.
///
/// # Errors
/// `55000` for a record that nothing was assigned to.
pub fn descriptor(
    session: &Session,
    function: &Function,
    slot: Slot,
    values: &[Value],
) -> Result<Option<Arc<TupleDesc>>> {
    let variable = &function.variables[slot];
    match (&variable.kind, values.get(slot)) {
        (_, Some(Value::Record(Some(record)))) => Ok(Some(record.desc.clone())),
        (VariableKind::Record(Some(oid)), _) => session.row_type(session.base_type(*oid)?.0),
        (VariableKind::Record(None), _) => Err(unassigned(&variable.name)),
        _ => Ok(None),
    }
}

pub fn unassigned(name: &str) -> Error {
    err!(OBJECT_NOT_IN_PREREQUISITE_STATE, "record \"{name}\" is not assigned yet")
        .detail("The tuple structure of a not-yet-assigned record is indeterminate.")
}

/// Why a record has no such field.
pub fn missing_field(
    session: &Session,
    function: &Function,
    slot: Slot,
    variable: &str,
    field: &str,
    values: &[Value],
) -> Error {
    match descriptor(session, function, slot, values) {
        Err(error) => error,
        Ok(_) => err!(UNDEFINED_COLUMN, "record \"{variable}\" has no field \"{field}\""),
    }
}

impl Record {
    pub fn new(desc: Arc<TupleDesc>, values: Row) -> Record {
        Record { desc, values, is_null: false }
    }

    /// A record of NULLs.
    pub fn empty(desc: Arc<TupleDesc>) -> Record {
        Record::new(desc.clone(), vec![None; desc.len()])
    }

    /// NULL that has columns nevertheless.
    pub fn null(desc: Arc<TupleDesc>) -> Record {
        Record { is_null: true, ..Record::empty(desc) }
    }

    /// Takes a row value apart.
    ///
    /// # Errors
    /// `XX001` for bytes that are none.
    pub fn from_datum(session: &Session, value: Datum<'_>) -> Result<Record> {
        let composite = view_composite(value.bytes())?;
        let desc = composite.desc(session)?;
        let values = composite.fields(&desc)?;
        Ok(Record::new(desc, values))
    }

    /// The row as one value.
    ///
    /// # Errors
    /// `54000` when a field is too long.
    pub fn to_datum(&self, session: &Session) -> Result<OwnedDatum> {
        let anonymous = self.desc.type_oid == RECORD;
        let typmod = if anonymous { session.instance().records.typmod_of(&self.desc) } else { -1 };
        let values: Vec<_> = self.values.iter().map(|v| v.as_ref().map(OwnedDatum::as_datum)).collect();
        let payload = form_composite(&self.desc, typmod, &values)?;
        Ok(Datum::Bytes(&payload).to_owned())
    }
}

type CastKey = (Oid, i32, Oid, i32);

/// Conversions that a session has compiled.
#[derive(Default)]
struct Casts(Mutex<HashMap<CastKey, (CatalogVersion, Arc<Eval>)>>);

/// Brings a value to another type, through the types' text forms where there is no cast.
///
/// # Errors
/// What the conversion fails with.
pub fn cast(execution: &mut Execution, value: Arc<Column>, from: Type, to: Type) -> Result<Arc<Column>> {
    if from.oid == to.oid && (to.typmod == -1 || to.typmod == from.typmod) {
        return Ok(value);
    }
    let session = execution.session.clone();
    let casts = session.extension("plpgsql casts", Casts::default);
    let key = (from.oid, from.typmod, to.oid, to.typmod);
    let version = session.catalog_version();
    let known = casts.0.lock().get(&key).filter(|(v, _)| *v == version).map(|(_, eval)| eval.clone());
    let eval = match known {
        Some(eval) => eval,
        None => {
            let expr =
                analyzer::cast_of_param(&session, &Literals, (from.oid, from.typmod), (to.oid, to.typmod))?;
            let eval = Arc::new(Compiler::new(&session, Inputs::None).compile(&expr)?);
            casts.0.lock().insert(key, (version, eval.clone()));
            eval
        }
    };
    let before = std::mem::replace(&mut execution.params, Arc::new([value]));
    let done = evaluate_once(execution, &eval);
    execution.params = before;
    Ok(settled(done?))
}
