//! The functions of types: literals in, values as text out, type modifiers.

use analyzer::ConstantInput;
use base::{Error, Oid, Result};
use catalog::{Field, Session};
use datum::{Datum, OwnedDatum, Repr};
use functions::{Call, Registry, invoke};

const CSTRING: Oid = Oid(2275);
const CSTRING_ARRAY: Oid = Oid(1263);
const OID: Oid = Oid(26);
const INT4: Oid = Oid(23);

/// Calls a function once by OID. Functions that are strict are not called for NULL.
///
/// # Errors
/// `0A000` if it has no body; what it fails with.
pub(crate) fn call(
    session: &Session,
    function: Oid,
    args: &[(Option<Datum<'_>>, Repr, Oid)],
    result: (Oid, Repr),
) -> Result<Option<OwnedDatum>> {
    let row = session.function(function)?;
    let body = Registry::get().function(&row)?;
    let count = row.pronargs.max(0) as usize;
    let args = args.get(..count).ok_or_else(|| Error::internal(format!("function {} wants more arguments", row.proname)))?;
    if body.strict && args.iter().any(|(value, ..)| value.is_none()) {
        return Ok(None);
    }
    let values: Vec<_> = args.iter().map(|a| a.0).collect();
    let reprs: Vec<_> = args.iter().map(|a| a.1).collect();
    let types: Vec<_> = args.iter().map(|a| a.2).collect();
    let call = Call {
        session,
        function,
        collation: Oid(100),
        argument_types: &types,
        result_type: result.0,
        variadic: false,
    };
    invoke(&call, &body, &values, &reprs, result.1)
}

/// Literals and type modifiers through the functions of pg_type.
pub struct TypeFunctions;

impl ConstantInput for TypeFunctions {
    fn input(&self, session: &Session, type_oid: Oid, typmod: i32, text: &str) -> Result<Option<OwnedDatum>> {
        let row = session.type_row(type_oid)?;
        let parameter = row.typelem.some().unwrap_or(type_oid);
        let args = [
            (Some(Datum::from(text)), Repr::Bytes, CSTRING),
            (Some(parameter.into()), Repr::Int4, OID),
            (Some(Datum::Int4(typmod)), Repr::Int4, INT4),
        ];
        call(session, row.typinput, &args, (type_oid, session.type_layout(type_oid)?.repr))
    }

    fn type_modifier(&self, session: &Session, type_oid: Oid, words: &[String]) -> Result<i32> {
        let row = session.type_row(type_oid)?;
        let array = cstring_array(words);
        let args = [(Some(Datum::Bytes(&array)), Repr::Bytes, CSTRING_ARRAY)];
        match call(session, row.typmodin, &args, (INT4, Repr::Int4))? {
            Some(OwnedDatum::Int4(typmod)) => Ok(typmod),
            _ => Err(Error::internal("a typmod input function gave no integer")),
        }
    }
}

/// A one-dimensional cstring[]: elements end with a zero byte and are not aligned.
fn cstring_array(words: &[String]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [1, 0, CSTRING.0, words.len() as u32, 1] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    for word in words {
        out.extend_from_slice(word.as_bytes());
        out.push(0);
    }
    out
}

/// A value as its type's output function shows it.
///
/// # Errors
/// `0A000` if the function has no body; what it fails with.
pub(crate) fn output(session: &Session, type_oid: Oid, value: Datum<'_>) -> Result<String> {
    let row = session.type_row(type_oid)?;
    let repr = session.type_layout(type_oid)?.repr;
    match call(session, row.typoutput, &[(Some(value), repr, type_oid)], (CSTRING, Repr::Bytes))? {
        Some(text) => String::decode(Some(text.as_datum())),
        None => Err(Error::internal("an output function gave NULL")),
    }
}
