//! Values on their way in: literals, parameters, COPY fields, through the types' input and receive functions.

use base::{Oid, Result};
use catalog::Session;
use datum::{Column, ColumnBuilder, Datum, OwnedDatum, Repr, Selection, TypeLayout};
use functions::{Call, Function, Registry};

/// How values of one type (with one typmod) are read.
pub struct ValueInput {
    function: Function,
    function_oid: Oid,
    /// What the function gets as its second argument: the element type of an array, the type itself otherwise.
    parameter: Oid,
    typmod: i32,
    layout: TypeLayout,
    type_oid: Oid,
}

const CSTRING: Oid = Oid(2275);
const OID: Oid = Oid(26);
const INT4: Oid = Oid(23);

impl ValueInput {
    /// Through the input function, from text.
    ///
    /// # Errors
    /// `0A000` when the function has no body yet.
    pub fn text(session: &Session, type_oid: Oid, typmod: i32) -> Result<ValueInput> {
        let row = session.type_row(type_oid)?;
        Self::through(session, type_oid, typmod, row.typinput)
    }

    /// Through the receive function, from the binary form.
    ///
    /// # Errors
    /// `42883` when the type has none, `0A000` when it has no body yet.
    pub fn binary(session: &Session, type_oid: Oid, typmod: i32) -> Result<ValueInput> {
        let row = session.type_row(type_oid)?;
        if !row.typreceive.is_valid() {
            let name = session.format_type(type_oid, None)?;
            return Err(base::err!(UNDEFINED_FUNCTION, "no binary input function available for type {name}"));
        }
        Self::through(session, type_oid, typmod, row.typreceive)
    }

    fn through(session: &Session, type_oid: Oid, typmod: i32, function: Oid) -> Result<ValueInput> {
        let row = session.type_row(type_oid)?;
        Ok(ValueInput {
            function: Registry::get().function(&*session.function(function)?)?,
            function_oid: function,
            parameter: row.typelem.some().unwrap_or(type_oid),
            typmod,
            layout: session.type_layout(type_oid)?,
            type_oid,
        })
    }

    /// Reads a whole column.
    ///
    /// # Errors
    /// The input function's.
    pub fn read_column(&self, session: &Session, texts: &Column, rows: usize) -> Result<Column> {
        let parameter = Column::constant(Repr::Int4, Some(self.parameter.into()));
        let typmod = Column::constant(Repr::Int4, Some(Datum::Int4(self.typmod)));
        let args: [&Column; 3] = [texts, &parameter, &typmod];
        let call = Call {
            session,
            function: self.function_oid,
            collation: Oid(0),
            argument_types: &[CSTRING, OID, INT4],
            result_type: self.type_oid,
            variadic: false,
            columns: None,
        };
        let mut out = ColumnBuilder::new(self.layout.repr, rows);
        (self.function.kernel)(&call, &args[..self.function.arity], &Selection::All(rows), &mut out)?;
        Ok(out.finish())
    }

    /// Reads one value. A domain's constraints and NULL are the caller's business.
    ///
    /// # Errors
    /// The input function's.
    pub fn read(&self, session: &Session, bytes: &[u8]) -> Result<Option<OwnedDatum>> {
        let text = Column::constant(Repr::Bytes, Some(Datum::Bytes(bytes)));
        Ok(self.read_column(session, &text, 1)?.get(0).map(Datum::to_owned))
    }
}
