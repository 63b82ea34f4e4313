//! Statistics of several columns together and of expressions: CREATE, ALTER and DROP STATISTICS, and what ANALYZE
//! computes for them.

mod build;
mod create;

pub(crate) use build::{Needed, Object, Sample, objects_of};
pub(crate) use create::{Spec, create, insert};

use crate::invocation::{Invocation, Outcome};
use crate::name;
use crate::notice::{notice, warning};
use crate::privilege;
use base::{Oid, Result, SqlState, bail, err};
use catalog::{CatalogRow, ObjectAddress, PgStatisticExt, PgStatisticExtData, RelationEntry, Session, index};
use create::Rights;
use datum::Datum;
use std::sync::Arc;
use syntax::{AlterStatistics, ObjectName, Statement};

pub(crate) const DISTINCT: i8 = b'd' as i8;
pub(crate) const DEPENDENCIES: i8 = b'f' as i8;
pub(crate) const MOST_COMMON: i8 = b'm' as i8;
pub(crate) const EXPRESSIONS: i8 = b'e' as i8;

const MAX_TARGET: i32 = 10_000;

/// The object of this name in a schema.
fn by_name_in(session: &Session, namespace: Oid, name: &str) -> Result<Option<Arc<PgStatisticExt>>> {
    session.row::<PgStatisticExt>(index::PG_STATISTIC_EXT_NAME, &[name.into(), namespace.into()])
}

/// The object that a statement names, if there is one.
///
/// # Errors
/// `3F000` for a schema that is not there, `42601` for too many parts.
pub(crate) fn find(session: &Arc<Session>, named: &ObjectName) -> Result<Option<Arc<PgStatisticExt>>> {
    let (schema, last) = name::split(session, named)?;
    if let Some(schema) = schema {
        let namespace = match (schema, session.temporary_namespace()) {
            ("pg_temp", Some(own)) => own,
            _ => session.require_namespace(schema)?,
        };
        return by_name_in(session, namespace, last);
    }
    let temporary = session.temporary_namespace();
    for namespace in session.search_path()?.iter() {
        // Temporary objects are found by their schema alone, unless they are relations or types.
        if Some(*namespace) == temporary {
            continue;
        }
        if let Some(row) = by_name_in(session, *namespace, last)? {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// # Errors
/// `42704`.
pub(crate) fn require(session: &Arc<Session>, named: &ObjectName) -> Result<Arc<PgStatisticExt>> {
    find(session, named)?.ok_or_else(|| {
        err!(UNDEFINED_OBJECT, "statistics object \"{}\" does not exist", named.parts.join("."))
    })
}

/// As [`require`], and the current user owns it.
///
/// # Errors
/// `42704`, `42501`.
pub(crate) fn require_owned(session: &Arc<Session>, named: &ObjectName) -> Result<Arc<PgStatisticExt>> {
    let row = require(session, named)?;
    privilege::require_owner(session, row.stxowner, "statistics object", &named.parts.join("."))?;
    Ok(row)
}

fn change(session: &Session, row: &PgStatisticExt, change: impl Fn(&mut PgStatisticExt)) -> Result<()> {
    for (tid, mut found) in session.find::<PgStatisticExt>(index::PG_STATISTIC_EXT_OID, &[row.oid.into()])? {
        change(&mut found);
        session.update(tid, &found)?;
    }
    session.invalidate_relation(row.stxrelid);
    session.command_counter_increment()
}

/// ALTER STATISTICS ... SET STATISTICS.
///
/// # Errors
/// `42704`, `42501`, `22023`.
pub(crate) fn alter(invocation: &mut Invocation<'_>, statement: &AlterStatistics) -> Result<Outcome> {
    let session = invocation.session;
    let tag = || Ok(Outcome::Tag("ALTER STATISTICS".to_owned()));
    let target = match statement.target {
        None | Some(-1) => None,
        Some(target) if target < 0 => {
            bail!(INVALID_PARAMETER_VALUE, "statistics target {target} is too low")
        }
        Some(target) if target > MAX_TARGET => {
            let text = format!("lowering statistics target to {MAX_TARGET}");
            session.notice(warning(SqlState::INVALID_PARAMETER_VALUE, text));
            Some(MAX_TARGET as i16)
        }
        Some(target) => Some(target as i16),
    };
    let found = match find(session, &statement.name) {
        Err(error) if statement.if_exists && error.state() == SqlState::INVALID_SCHEMA_NAME => None,
        found => found?,
    };
    if found.is_none() && statement.if_exists {
        let shown = statement.name.parts.join(".");
        session.notice(notice(format!("statistics object \"{shown}\" does not exist, skipping")));
        return tag();
    }
    let row = require_owned(session, &statement.name)?;
    change(session, &row, |row| row.stxstattarget = target)?;
    tag()
}

/// ALTER STATISTICS ... RENAME TO.
///
/// # Errors
/// `42704`, `42710`, `42501`.
pub(crate) fn rename(session: &Arc<Session>, named: &ObjectName, to: &str) -> Result<()> {
    let row = require(session, named)?;
    privilege::require_owner(session, row.stxowner, "statistics object", &row.stxname)?;
    privilege::require_create_in(session, row.stxnamespace)?;
    refuse_taken(session, row.stxnamespace, to)?;
    change(session, &row, |row| row.stxname = to.to_owned())
}

fn refuse_taken(session: &Session, namespace: Oid, name: &str) -> Result<()> {
    if by_name_in(session, namespace, name)?.is_some() {
        bail!(
            DUPLICATE_OBJECT,
            "statistics object \"{name}\" already exists in schema \"{}\"",
            session.namespace_name(namespace)?
        );
    }
    Ok(())
}

/// ALTER STATISTICS ... SET SCHEMA. Gives the object and the schema it was in, unless it stays.
///
/// # Errors
/// `42704`, `42710`, `42501`.
pub(crate) fn set_schema(
    session: &Arc<Session>,
    named: &ObjectName,
    to: Oid,
) -> Result<Option<(ObjectAddress, Oid)>> {
    let row = require(session, named)?;
    let from = row.stxnamespace;
    privilege::require_owner(session, row.stxowner, "statistics object", &row.stxname)?;
    privilege::require_create_in(session, to)?;
    if from == to {
        return Ok(None);
    }
    refuse_taken(session, to, &row.stxname)?;
    change(session, &row, |row| row.stxnamespace = to)?;
    Ok(Some((ObjectAddress::new::<PgStatisticExt>(row.oid), from)))
}

/// Takes an object out of the catalogs.
///
/// # Errors
/// What writing them fails with.
pub(crate) fn remove(session: &Session, oid: Oid) -> Result<()> {
    for (tid, _) in
        session.find::<PgStatisticExtData>(index::PG_STATISTIC_EXT_DATA_STXOID_INH, &[oid.into()])?
    {
        session.delete::<PgStatisticExtData>(tid)?;
    }
    for (tid, row) in session.find::<PgStatisticExt>(index::PG_STATISTIC_EXT_OID, &[oid.into()])? {
        session.delete::<PgStatisticExt>(tid)?;
        session.invalidate_relation(row.stxrelid);
    }
    Ok(())
}

/// An object that is taken away while one of its columns changes, and made again.
pub(crate) struct Kept {
    definition: String,
    owner: Oid,
    comment: Option<String>,
}

/// Removes the objects that are about a column, to be made again when its type has changed.
///
/// # Errors
/// What reading and writing the catalogs fail with.
pub(crate) fn take_away(session: &Arc<Session>, table: &RelationEntry, column: i16) -> Result<Vec<Kept>> {
    let mut kept = Vec::new();
    let mut targets = Vec::new();
    let mut rows = session.dependents_of(ObjectAddress::column(table.oid(), column))?;
    rows.retain(|(_, row)| row.classid == PgStatisticExt::OID);
    rows.sort_by_key(|(_, row)| row.objid);
    rows.dedup_by_key(|(_, row)| row.objid);
    for (_, depend) in rows {
        let key = [Datum::from(depend.objid)];
        let Some(row) = session.row::<PgStatisticExt>(index::PG_STATISTIC_EXT_OID, &key)? else { continue };
        let Some(definition) = crate::definition::definitions(session).statistics(row.oid)? else {
            continue;
        };
        let object = ObjectAddress::new::<PgStatisticExt>(row.oid);
        let comment = crate::comment::of(session, object)?;
        kept.push(Kept { definition, owner: row.stxowner, comment });
        targets.push(object);
    }
    crate::drop::remove_all(session, &targets, false)?;
    Ok(kept)
}

/// Makes the objects again, over the table's columns as they are now.
///
/// # Errors
/// What the expressions fail with over the new type.
pub(crate) fn put_back(session: &Arc<Session>, kept: Vec<Kept>) -> Result<()> {
    for object in kept {
        for raw in syntax::parse(&object.definition)? {
            if let Statement::CreateStatistics(statement) = &raw.statement {
                create::define(session, statement, Rights::Given(object.owner), object.comment.clone())?;
            }
        }
    }
    Ok(())
}
