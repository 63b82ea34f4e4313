//! DROP DATABASE.

use super::create::{others_in, sessions_detail};
use super::record;
use crate::invocation::{Invocation, Outcome};
use crate::notice::notice;
use crate::{comment, options, privilege, shared_dependency as shared};
use base::{Error, Result, bail, err};
use catalog::*;
use lock::LockMode;
use std::sync::Arc;
use storage::database_directory;
use syntax::DropDatabase;

/// DROP DATABASE.
///
/// # Errors
/// `3D000`, `42501`, `55006`, `42809` for templates, `25001`.
pub(crate) fn drop(invocation: &mut Invocation<'_>, statement: &DropDatabase) -> Result<Outcome> {
    invocation.prevent_in_block("DROP DATABASE")?;
    let session: &Arc<Session> = invocation.session;
    let tag = || Outcome::Tag("DROP DATABASE".to_owned());
    for item in &statement.options {
        match item.name.as_str() {
            "force" if options::boolean(item)? => {
                return Err(Error::unsupported("DROP DATABASE ... WITH (FORCE)"));
            }
            "force" => {}
            name => {
                return Err(
                    err!(SYNTAX_ERROR, "unrecognized DROP DATABASE option \"{name}\"").at(item.location)
                );
            }
        }
    }
    let found = session.find::<PgDatabase>(index::PG_DATABASE_DATNAME, &[statement.name.as_str().into()])?;
    let Some((_, row)) = found.into_iter().next() else {
        if statement.if_exists {
            session.notice(notice(format!("database \"{}\" does not exist, skipping", statement.name)));
            return Ok(tag());
        }
        bail!(UNDEFINED_DATABASE, "database \"{}\" does not exist", statement.name);
    };
    privilege::require_owner(session, row.datdba, "database", &statement.name)?;
    if row.datistemplate {
        bail!(WRONG_OBJECT_TYPE, "cannot drop a template database");
    }
    if row.oid == session.database() {
        bail!(OBJECT_IN_USE, "cannot drop the currently open database");
    }
    let object = ObjectAddress::new::<PgDatabase>(row.oid);
    privilege::lock_object(session, object, true, LockMode::AccessExclusive)?;
    let others = others_in(session, row.oid);
    if others > 0 {
        return Err(err!(OBJECT_IN_USE, "database \"{}\" is being accessed by other users", statement.name)
            .detail(sessions_detail(others)));
    }
    remove_rows(session, &row)?;
    let pool = &session.instance().pool;
    let transaction = session.transaction()?;
    let xid = transaction.xid()?;
    // From here on there is no way back: the files go before the commit, as in PostgreSQL.
    pool.drop_database(row.oid)?;
    record::log_drop(pool, row.oid, row.dattablespace, xid)?;
    record::remove_directory(
        &*session.instance().system.disk,
        &database_directory(row.dattablespace, row.oid),
    )?;
    session.instance().maps.forget(row.oid);
    transaction.force_sync_commit();
    Ok(tag())
}

fn remove_rows(session: &Session, row: &PgDatabase) -> Result<()> {
    let object = ObjectAddress::new::<PgDatabase>(row.oid);
    for (tid, _) in session.find::<PgDatabase>(index::PG_DATABASE_OID, &[row.oid.into()])? {
        session.delete::<PgDatabase>(tid)?;
    }
    comment::set(session, object, None)?;
    shared::forget(session, object)?;
    for (tid, _) in
        session.find::<PgDbRoleSetting>(index::PG_DB_ROLE_SETTING_DATABASEID_ROL, &[row.oid.into()])?
    {
        session.delete::<PgDbRoleSetting>(tid)?;
    }
    for (tid, _) in session.find::<PgShdepend>(index::PG_SHDEPEND_DEPENDER, &[row.oid.into()])? {
        session.delete::<PgShdepend>(tid)?;
    }
    session.command_counter_increment()
}
