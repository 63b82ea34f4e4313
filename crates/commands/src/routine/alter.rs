//! ALTER FUNCTION, PROCEDURE and ROUTINE.

use super::options::{self, Options};
use crate::invocation::{Invocation, Outcome};
use crate::privilege;
use base::{Result, bail};
use catalog::{DependencyKind, ObjectAddress, PgProc, Session, index};
use datum::Datum;
use std::sync::Arc;
use syntax::{AlterFunction, Statement};

/// # Errors
/// `42883`, `42809`, `42501`, `22023`.
pub(crate) fn alter(invocation: &mut Invocation<'_>, statement: &AlterFunction) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let oid = super::find(session, statement.object_type, &statement.routine)?;
    let found = session.find::<PgProc>(index::PG_PROC_OID, &[Datum::from(oid)])?;
    let Some((tid, mut row)) = found.into_iter().next() else {
        bail!(INTERNAL_ERROR, "cache lookup failed for function {oid}");
    };
    let procedure = row.prokind as u8 == b'p';
    let word = if procedure { "procedure" } else { "function" };
    privilege::require_owner(session, row.proowner, word, &statement.routine.name.parts.join("."))?;
    if row.prokind as u8 == b'a' {
        bail!(WRONG_OBJECT_TYPE, "\"{}\" is an aggregate function", statement.routine.name.parts.join("."));
    }
    let options = Options::read(&statement.options, procedure)?;
    if options.leakproof == Some(true) && !session.is_superuser(session.user())? {
        bail!(INSUFFICIENT_PRIVILEGE, "only superuser can define a leakproof function");
    }
    if options.rows.is_some() && !row.proretset {
        bail!(INVALID_PARAMETER_VALUE, "ROWS is not applicable when function does not return a set");
    }
    row.proleakproof = options.leakproof.unwrap_or(row.proleakproof);
    row.proisstrict = options.strict.unwrap_or(row.proisstrict);
    row.prosecdef = options.security_definer.unwrap_or(row.prosecdef);
    row.provolatile = options.volatility.map_or(row.provolatile, options::volatility_letter);
    row.proparallel = options.parallel.map_or(row.proparallel, |p| p as i8);
    row.procost = options.cost.unwrap_or(row.procost);
    row.prorows = options.rows.unwrap_or(row.prorows);
    if let Some(support) = options.support_function(session)? {
        let object = ObjectAddress::new::<PgProc>(oid);
        let on = [ObjectAddress::new::<PgProc>(support)];
        session.record_dependencies(object, on, DependencyKind::Normal)?;
        row.prosupport = support;
    }
    row.proconfig = options::configuration(session, row.proconfig.take(), &options.set)?;
    session.update(tid, &row)?;
    Ok(Outcome::Tag(Statement::AlterFunction(Box::new(statement.clone())).tag().to_owned()))
}
