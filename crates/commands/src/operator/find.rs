//! Operators and functions by their names and exact argument types.

use crate::{expression, name, privilege};
use base::{Error, Oid, Result, bail, err};
use catalog::{ObjectAddress, PgNamespace, PgOperator, PgProc, Session, index};
use lock::LockMode;
use std::sync::Arc;
use syntax::{ObjectName, OperatorName, OperatorSignature};

/// The schemas that a name is looked up in.
fn places(session: &Session, schema: Option<&str>) -> Result<Vec<Oid>> {
    match schema {
        Some(schema) => Ok(vec![session.require_namespace(schema)?]),
        None => Ok(session.search_path()?.to_vec()),
    }
}

/// The function of this name that takes exactly these arguments.
///
/// # Errors
/// `42883` if there is none, `3F000`.
pub(crate) fn function(session: &Session, named: &ObjectName, args: &[Oid]) -> Result<Arc<PgProc>> {
    if let Some(found) = function_if_any(session, named, args)? {
        return Ok(found);
    }
    let words: Result<Vec<String>> = args.iter().map(|t| session.format_type(*t, None)).collect();
    bail!(UNDEFINED_FUNCTION, "function {}({}) does not exist", named.parts.join("."), words?.join(", "))
}

pub(super) fn function_if_any(
    session: &Session,
    named: &ObjectName,
    args: &[Oid],
) -> Result<Option<Arc<PgProc>>> {
    let (schema, last) = name::split(session, named)?;
    let functions = session.functions_by_name(last)?;
    for place in places(session, schema)? {
        if let Some(row) = functions.iter().find(|f| f.pronamespace == place && f.proargtypes == args) {
            return Ok(Some(row.clone()));
        }
    }
    Ok(None)
}

/// An operator's name as the name of an object.
pub(super) fn as_object(operator: &OperatorName) -> ObjectName {
    let mut parts = operator.schema.clone();
    parts.push(operator.name.clone());
    ObjectName { parts, location: 0 }
}

/// The operator with exactly these operands, shells included.
pub(super) fn operator(
    session: &Session,
    named: &ObjectName,
    left: Oid,
    right: Oid,
) -> Result<Option<Arc<PgOperator>>> {
    let (schema, last) = name::split(session, named)?;
    let operators = session.operators_by_name(last)?;
    let fits =
        |o: &PgOperator, place: Oid| o.oprnamespace == place && o.oprleft == left && o.oprright == right;
    for place in places(session, schema)? {
        if let Some(row) = operators.iter().find(|o| fits(o, place)) {
            return Ok(Some(row.clone()));
        }
    }
    Ok(None)
}

/// `left operator right`, as messages have it.
pub(super) fn shown(session: &Session, name: &str, left: Oid, right: Oid) -> Result<String> {
    let right = session.format_type(right, None)?;
    Ok(match left.is_valid() {
        true => format!("{} {name} {right}", session.format_type(left, None)?),
        false => format!("{name} {right}"),
    })
}

/// Types of a signature's operands.
fn operands(session: &Session, signature: &OperatorSignature) -> Result<(Oid, Oid)> {
    let left = signature.left.as_ref().map(|t| expression::resolve_type(session, t)).transpose()?;
    let Some(right) = &signature.right else {
        bail!(SYNTAX_ERROR, "postfix operators are not supported");
    };
    Ok((left.map(|l| l.0).unwrap_or_default(), expression::resolve_type(session, right)?.0))
}

/// The operator that a signature names.
///
/// # Errors
/// `42883` if there is none.
pub(super) fn by_signature(session: &Session, signature: &OperatorSignature) -> Result<Arc<PgOperator>> {
    let (left, right) = operands(session, signature)?;
    let named = as_object(&signature.name);
    match operator(session, &named, left, right)? {
        Some(row) => Ok(row),
        None => {
            let text = shown(session, &named.parts.join("."), left, right)?;
            bail!(UNDEFINED_FUNCTION, "operator does not exist: {text}")
        }
    }
}

/// The operator that a DROP names, locked; the message to give instead if it is not there and need not be.
///
/// # Errors
/// `42883`, `42501`.
pub(crate) fn drop_target(
    session: &Arc<Session>,
    signature: &OperatorSignature,
    missing_ok: bool,
) -> Result<std::result::Result<ObjectAddress, Error>> {
    use base::SqlState as S;
    let row = match by_signature(session, signature) {
        Ok(row) => row,
        Err(error) if missing_ok => {
            return match error.state() {
                S::UNDEFINED_FUNCTION => {
                    let name = as_object(&signature.name).parts.join(".");
                    Ok(Err(err!(UNDEFINED_FUNCTION, "operator {name} does not exist")))
                }
                S::UNDEFINED_OBJECT | S::INVALID_SCHEMA_NAME => Ok(Err(error)),
                _ => Err(error),
            };
        }
        Err(error) => return Err(error),
    };
    let schema = session.row::<PgNamespace>(index::PG_NAMESPACE_OID, &[row.oprnamespace.into()])?;
    if !privilege::is_owner(session, schema.map(|s| s.nspowner).unwrap_or_default())? {
        let name = as_object(&signature.name).parts.join(".");
        privilege::require_owner(session, row.oprowner, "operator", &name)?;
    }
    let object = ObjectAddress::new::<PgOperator>(row.oid);
    privilege::lock_object(session, object, false, LockMode::AccessExclusive)?;
    Ok(Ok(object))
}
