//! ALTER ... RENAME TO and SET SCHEMA of functions, procedures and aggregates.

use super::find::{find, signature_text, word_of};
use crate::privilege;
use base::{Error, Oid, Result, bail};
use catalog::{ObjectAddress, PgNamespace, PgProc, Session, index};
use datum::Datum;
use std::sync::Arc;
use syntax::{ObjectType, RoutineSignature};

fn owned(session: &Session, kind: ObjectType, signature: &RoutineSignature) -> Result<Arc<PgProc>> {
    let row = session.function(find(session, kind, signature)?)?;
    privilege::require_owner(session, row.proowner, word_of(&row), &signature.name.parts.join("."))?;
    Ok(row)
}

fn check_free(session: &Session, row: &PgProc, name: &str, namespace: Oid) -> Result<()> {
    let functions = session.functions_by_name(name)?;
    if functions.iter().any(|f| f.pronamespace == namespace && f.proargtypes == row.proargtypes) {
        let text = signature_text(session, name, &row.proargtypes)?;
        let schema = session.namespace_name(namespace)?;
        bail!(DUPLICATE_FUNCTION, "function {text} already exists in schema \"{schema}\"");
    }
    Ok(())
}

fn update(session: &Session, oid: Oid, change: impl FnOnce(&mut PgProc)) -> Result<()> {
    let found = session.find::<PgProc>(index::PG_PROC_OID, &[Datum::from(oid)])?;
    let (tid, mut row) = found
        .into_iter()
        .next()
        .ok_or_else(|| Error::internal(format!("cache lookup failed for function {oid}")))?;
    change(&mut row);
    session.update(tid, &row)
}

/// # Errors
/// `42883`, `42501`, `42723`.
pub(crate) fn rename(
    session: &Arc<Session>,
    kind: ObjectType,
    signature: &RoutineSignature,
    to: &str,
) -> Result<()> {
    let row = owned(session, kind, signature)?;
    check_free(session, &row, to, row.pronamespace)?;
    privilege::require_create_in(session, row.pronamespace)?;
    update(session, row.oid, |row| row.proname = to.to_owned())
}

/// # Errors
/// `42883`, `42501`, `42723`, `3F000`.
pub(crate) fn set_schema(
    session: &Arc<Session>,
    kind: ObjectType,
    signature: &RoutineSignature,
    schema: &str,
) -> Result<()> {
    let row = owned(session, kind, signature)?;
    let to = session.require_namespace(schema)?;
    if to == row.pronamespace {
        return Ok(());
    }
    check_free(session, &row, &row.proname, to)?;
    privilege::require_create_in(session, to)?;
    update(session, row.oid, |row| row.pronamespace = to)?;
    let object = ObjectAddress::new::<PgProc>(row.oid);
    session.forget_dependencies(object, Some(<PgNamespace as catalog::CatalogRow>::OID))?;
    let on = [ObjectAddress::new::<PgNamespace>(to)];
    session.record_dependencies(object, on, catalog::DependencyKind::Normal)?;
    session.command_counter_increment()
}
