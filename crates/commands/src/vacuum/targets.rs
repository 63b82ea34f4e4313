//! Which tables VACUUM and ANALYZE are about.

use super::options::VacuumParams;
use base::{Error, Oid, Result, Severity, SqlState, bail};
use catalog::acl::privilege;
use catalog::{PgClass, PgDatabase, PgInherits, Session, index};
use lock::{LockMode, LockTag, WaitPolicy};
use syntax::{RelationName, VacuumRelation};

/// One table, with the columns that ANALYZE is limited to.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub relation: Oid,
    /// As messages call it.
    pub name: String,
    pub columns: Vec<String>,
}

/// The tables that the statement names, with their children; or all of the database.
///
/// # Errors
/// `42P01` for names of no table.
pub fn expand(
    session: &Session,
    named: &[VacuumRelation],
    params: &VacuumParams,
    notices: &mut Vec<Error>,
) -> Result<Vec<Target>> {
    if named.is_empty() {
        return whole_database(session, params, notices);
    }
    let mut targets = Vec::new();
    for item in named {
        let Some(oid) = find(session, &item.relation, params, notices)? else { continue };
        let Some(class) = session.row::<PgClass>(index::PG_CLASS_OID, &[oid.into()])? else { continue };
        // A table that may not be processed is reported once, here; its partitions stand for themselves.
        if may_process(session, &class, params, notices)? {
            targets.push(Target {
                relation: oid,
                name: class.relname.clone(),
                columns: item.columns.clone(),
            });
        }
        if item.relation.inherit && (class.relkind as u8 == b'p' || class.relhassubclass) {
            for child in descendants(session, oid)? {
                let Some(class) = session.row::<PgClass>(index::PG_CLASS_OID, &[child.into()])? else {
                    continue;
                };
                targets.push(Target {
                    relation: child,
                    name: class.relname.clone(),
                    columns: item.columns.clone(),
                });
            }
        } else if class.relkind as u8 == b'p' && params.vacuum {
            notices.push(warning(
                SqlState::WARNING,
                format!("VACUUM ONLY of partitioned table \"{}\" has no effect", class.relname),
            ));
        }
    }
    Ok(targets)
}

/// Resolves a name, waiting for who might be dropping the table unless SKIP_LOCKED says not to.
fn find(
    session: &Session,
    name: &RelationName,
    params: &VacuumParams,
    notices: &mut Vec<Error>,
) -> Result<Option<Oid>> {
    if name.catalog.as_deref().is_some_and(|catalog| catalog != session.database_name()) {
        bail!(
            FEATURE_NOT_SUPPORTED,
            "cross-database references are not implemented: \"{}.{}.{}\"",
            name.catalog.as_deref().unwrap_or_default(),
            name.schema.as_deref().unwrap_or_default(),
            name.name
        );
    }
    let Some(oid) = session.relation_by_name(name.schema.as_deref(), &name.name)? else {
        let shown = match &name.schema {
            Some(schema) => format!("{schema}.{}", name.name),
            None => name.name.clone(),
        };
        bail!(UNDEFINED_TABLE, "relation \"{shown}\" does not exist");
    };
    if lock(session, oid, LockMode::AccessShare, params.skip_locked)? {
        let tag = session.relation_lock_tag(oid)?;
        session.transaction()?.unlock(&tag, LockMode::AccessShare);
        return Ok(Some(oid));
    }
    notices.push(not_available(&name.name, params));
    Ok(None)
}

/// The warning for a table whose lock another session holds.
fn not_available(name: &str, params: &VacuumParams) -> Error {
    let what = if params.vacuum { "vacuum" } else { "analyze" };
    warning(SqlState::LOCK_NOT_AVAILABLE, format!("skipping {what} of \"{name}\" --- lock not available"))
}

pub fn warning(state: SqlState, message: String) -> Error {
    Error::with_severity(Severity::Warning, state, message)
}

/// Locks a relation until the transaction's end; false if it must not wait and would have to.
///
/// # Errors
/// `40P01`, `55P03`, `57014` as waiting ends.
fn lock(session: &Session, relation: Oid, mode: LockMode, no_wait: bool) -> Result<bool> {
    let tag: LockTag = session.relation_lock_tag(relation)?;
    let policy = if no_wait { WaitPolicy::no_wait() } else { session.wait_policy() };
    match session.transaction()?.lock(tag, mode, &policy)? {
        lock::Acquired::NotAvailable => Ok(false),
        _ => Ok(true),
    }
}

/// As [`lock`]; says so when the table is left out.
///
/// # Errors
/// As [`lock`].
pub fn lock_or_skip(
    session: &Session,
    target: &Target,
    mode: LockMode,
    params: &VacuumParams,
    say: &mut dyn FnMut(Error),
) -> Result<bool> {
    let locked = lock(session, target.relation, mode, params.skip_locked)?;
    if !locked {
        say(not_available(&target.name, params));
    }
    Ok(locked)
}

fn descendants(session: &Session, parent: Oid) -> Result<Vec<Oid>> {
    let mut found: Vec<Oid> = Vec::new();
    let mut pending = vec![parent];
    while let Some(parent) = pending.pop() {
        for row in session.rows::<PgInherits>(index::PG_INHERITS_PARENT, &[parent.into()])?.iter() {
            if !found.contains(&row.inhrelid) {
                found.push(row.inhrelid);
                pending.push(row.inhrelid);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn whole_database(session: &Session, params: &VacuumParams, notices: &mut Vec<Error>) -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for class in session.scan_all::<PgClass>()? {
        if !matches!(class.relkind as u8, b'r' | b'm' | b'p') || is_other_temporary(session, &class)? {
            continue;
        }
        if may_process(session, &class, params, notices)? {
            targets.push(Target { relation: class.oid, name: class.relname.clone(), columns: Vec::new() });
        }
    }
    Ok(targets)
}

/// Whether a temporary table belongs to another session.
///
/// # Errors
/// What reading the catalogs fails with.
pub fn is_other_temporary(session: &Session, class: &PgClass) -> Result<bool> {
    Ok(class.relpersistence as u8 == b't' && session.temporary_namespace() != Some(class.relnamespace))
}

/// Owners, the database's owner and holders of MAINTAIN may; others get a warning.
///
/// # Errors
/// What reading the catalogs fails with.
pub fn may_process(
    session: &Session,
    class: &PgClass,
    params: &VacuumParams,
    notices: &mut Vec<Error>,
) -> Result<bool> {
    const PG_MAINTAIN: Oid = Oid(6337);
    let user = session.user();
    if session.is_superuser(user)? {
        return Ok(true);
    }
    let database = session.row::<PgDatabase>(index::PG_DATABASE_OID, &[session.database().into()])?;
    if database.is_some_and(|d| d.datdba == user) && !class.relisshared {
        return Ok(true);
    }
    let held = crate::privilege::held(
        session,
        user,
        class.relacl.as_ref(),
        class.relowner,
        crate::privilege::TABLE,
    )?;
    if held & privilege::MAINTAIN != 0 || session.has_role(user, PG_MAINTAIN)? {
        return Ok(true);
    }
    let what = if params.vacuum { "vacuum" } else { "analyze" };
    notices.push(warning(
        SqlState::WARNING,
        format!("permission denied to {what} \"{}\", skipping it", class.relname),
    ));
    Ok(false)
}
