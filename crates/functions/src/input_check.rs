//! Whether a text is valid input of a type, and what is wrong with it.

use crate::call::{Call, Function};
use crate::names::parse_type;
use crate::record;
use crate::table::functions;
use crate::typeio::input;
use base::{Error, Oid, Result};
use datum::{Attribute, Datum, TupleDesc};

/// The complaint about bad input, if there is one. Errors that are not about the value stay errors.
fn complaint(call: &Call<'_>, text: &str, type_name: &str) -> Result<Option<Error>> {
    let (type_oid, typmod) = parse_type(call.session, type_name)?;
    match input(call.session, type_oid, typmod, text) {
        Ok(_) => Ok(None),
        // Data exceptions, violated constraints, and objects and names that are not there.
        Err(error) if ["22", "23", "3F", "42", "54"].contains(&error.state().class()) => Ok(Some(error)),
        Err(error) => Err(error),
    }
}

/// A row of message, detail, hint and SQLSTATE, all NULL for valid input.
fn error_info(call: &Call<'_>, text: &str, type_name: &str) -> Result<Vec<u8>> {
    const TEXT: Oid = Oid(25);
    let layout = call.session.type_layout(TEXT)?;
    let collation = call.session.type_collation(TEXT)?;
    let attributes = ["message", "detail", "hint", "sql_error_code"]
        .map(|name| Attribute::result(name, TEXT, -1, layout, collation))
        .to_vec();
    let desc = TupleDesc::new(attributes);
    let error = complaint(call, text, type_name)?;
    let state = error.as_ref().map(Error::state);
    let values = match &error {
        None => [None; 4],
        Some(error) => {
            let data = error.data();
            let (detail, hint) = (data.detail.as_deref(), data.hint.as_deref());
            [Some(error.message()), detail, hint, state.as_ref().map(|s| s.code())]
                .map(|text| text.map(Datum::from))
        }
    };
    record::form(call.session, &desc, &values)
}

pub const FUNCTIONS: &[Function] = functions! {
    "pg_input_is_valid" [call] (text: str, type_name: str) -> bool = Ok(complaint(call, text, type_name)?.is_none());
    "pg_input_error_info" [call] (text: str, type_name: str) -> Vec<u8> = error_info(call, text, type_name);
};
