//! Calling the input, output, receive and send functions of whatever type.

use crate::call::{Call, Function};
use crate::registry::{Registry, invoke};
use base::{Error, Oid, Result, bail};
use catalog::Session;
use datum::{Column, ColumnBuilder, Datum, OwnedDatum, Repr, Selection};

/// The element type for arrays, otherwise the type itself: what input functions get as their second argument.
fn parameter_type(session: &Session, type_oid: Oid) -> Result<Oid> {
    Ok(session.type_row(type_oid)?.typelem.some().unwrap_or(type_oid))
}

fn body(session: &Session, type_oid: Oid, function: Oid, direction: &str) -> Result<Function> {
    if !function.is_valid() {
        let name = session.format_type(type_oid, None)?;
        bail!(UNDEFINED_FUNCTION, "no {direction} function available for type {name}");
    }
    Registry::get().function(&*session.function(function)?)
}

/// typinput or typreceive of a type, found once for many values.
#[derive(Clone, Copy)]
pub struct InputFunction {
    type_oid: Oid,
    parameter: Oid,
    oid: Oid,
    body: Function,
    repr: Repr,
}

impl InputFunction {
    /// The function for values as text.
    ///
    /// # Errors
    /// `42883` when the type has none; `0A000` when it has no body yet.
    pub fn of(session: &Session, type_oid: Oid) -> Result<InputFunction> {
        let row = session.type_row(type_oid)?;
        if !row.typisdefined {
            bail!(UNDEFINED_OBJECT, "type {} is only a shell", session.format_type(type_oid, None)?);
        }
        InputFunction::new(session, type_oid, row.typinput, "input")
    }

    /// The function for values in binary form.
    ///
    /// # Errors
    /// As [`InputFunction::of`].
    pub fn binary(session: &Session, type_oid: Oid) -> Result<InputFunction> {
        let row = session.type_row(type_oid)?;
        if !row.typisdefined {
            bail!(UNDEFINED_OBJECT, "type {} is only a shell", session.format_type(type_oid, None)?);
        }
        InputFunction::new(session, type_oid, row.typreceive, "binary input")
    }

    fn new(session: &Session, type_oid: Oid, oid: Oid, direction: &str) -> Result<InputFunction> {
        Ok(InputFunction {
            type_oid,
            parameter: parameter_type(session, type_oid)?,
            oid,
            body: body(session, type_oid, oid, direction)?,
            repr: session.type_layout(type_oid)?.repr,
        })
    }

    /// The value of one text or message; `None` is NULL, which only domains look at.
    ///
    /// # Errors
    /// What the type says of bad input.
    pub fn call(&self, session: &Session, input: Option<&[u8]>, typmod: i32) -> Result<Option<OwnedDatum>> {
        if input.is_none() && self.body.strict {
            return Ok(None);
        }
        let call = Call {
            session,
            function: self.oid,
            collation: Oid::INVALID,
            argument_types: &[],
            result_type: self.type_oid,
            variadic: false,
            columns: None,
        };
        let args = [input.map(Datum::Bytes), Some(self.parameter.into()), Some(Datum::Int4(typmod))];
        let reprs = [Repr::Bytes, Repr::Int4, Repr::Int4];
        let arity = self.body.arity.min(3);
        invoke(&call, &self.body, &args[..arity], &reprs[..arity], self.repr)
    }
}

/// typoutput or typsend of a type, found once for many values.
#[derive(Clone, Copy)]
pub struct OutputFunction {
    type_oid: Oid,
    oid: Oid,
    body: Function,
    repr: Repr,
}

impl OutputFunction {
    /// The function for values as text.
    ///
    /// # Errors
    /// `42883` when the type has none; `0A000` when it has no body yet.
    pub fn of(session: &Session, type_oid: Oid) -> Result<OutputFunction> {
        let row = session.type_row(type_oid)?;
        OutputFunction::new(session, type_oid, row.typoutput, "output")
    }

    /// The function for values in binary form.
    ///
    /// # Errors
    /// As [`OutputFunction::of`].
    pub fn binary(session: &Session, type_oid: Oid) -> Result<OutputFunction> {
        let row = session.type_row(type_oid)?;
        OutputFunction::new(session, type_oid, row.typsend, "binary output")
    }

    fn new(session: &Session, type_oid: Oid, oid: Oid, direction: &str) -> Result<OutputFunction> {
        let body = body(session, type_oid, oid, direction)?;
        Ok(OutputFunction { type_oid, oid, body, repr: session.type_layout(type_oid)?.repr })
    }

    /// The texts or messages of a column's selected values.
    ///
    /// # Errors
    /// What the function fails with.
    pub fn column(&self, session: &Session, values: &Column, rows: &Selection) -> Result<Column> {
        let mut out = ColumnBuilder::new(Repr::Bytes, rows.bound());
        let types = [self.type_oid];
        let call = Call {
            session,
            function: self.oid,
            collation: Oid::INVALID,
            argument_types: &types,
            result_type: Oid(2275),
            variadic: false,
            columns: None,
        };
        (self.body.kernel)(&call, &[values], rows, &mut out)?;
        Ok(out.finish())
    }

    /// The text or message of one value.
    ///
    /// # Errors
    /// What the function fails with.
    pub fn bytes(&self, session: &Session, value: Datum<'_>) -> Result<Box<[u8]>> {
        let column = Column::constant(self.repr, Some(value));
        let out = self.column(session, &column, &Selection::All(1))?;
        match out.get(0) {
            Some(datum) => Ok(datum.bytes().into()),
            None => Err(Error::internal(format!("function {} returned NULL", self.oid))),
        }
    }

    /// The text of one value.
    ///
    /// # Errors
    /// What the function fails with.
    pub fn call(&self, session: &Session, value: Datum<'_>) -> Result<String> {
        let bytes = self.bytes(session, value)?;
        String::from_utf8(bytes.into()).map_err(|_| Error::corrupted("output is not valid text"))
    }
}

/// The value that a text stands for.
///
/// # Errors
/// What the type says of bad input.
pub fn input(session: &Session, type_oid: Oid, typmod: i32, text: &str) -> Result<Option<OwnedDatum>> {
    InputFunction::of(session, type_oid)?.call(session, Some(text.as_bytes()), typmod)
}

/// The text of a value.
///
/// # Errors
/// `0A000` when the type's output function has no body yet.
pub fn output(session: &Session, type_oid: Oid, value: Datum<'_>) -> Result<String> {
    OutputFunction::of(session, type_oid)?.call(session, value)
}
