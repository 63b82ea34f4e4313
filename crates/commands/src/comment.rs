//! COMMENT: pg_description and pg_shdescription.

use crate::drop::find_type;
use crate::expression;
use crate::invocation::{Invocation, Outcome};
use crate::name;
use crate::privilege;
use base::{Error, Result, bail, err};
use catalog::*;
use datum::Datum;
use lock::LockMode;
use std::sync::Arc;
use syntax::{Comment, ObjectName, ObjectRef, ObjectType};

fn is_shared(object: ObjectAddress) -> bool {
    matches!(object.class, PgAuthid::OID | PgDatabase::OID | PgTablespace::OID)
}

/// Sets an object's comment; an empty or absent one removes it.
///
/// # Errors
/// What writing fails with.
pub(crate) fn set(session: &Session, object: ObjectAddress, text: Option<&str>) -> Result<()> {
    let text = text.filter(|t| !t.is_empty());
    forget(session, object)?;
    let Some(text) = text else { return Ok(()) };
    let (objoid, classoid, description) = (object.object, object.class, text.to_owned());
    if is_shared(object) {
        session.insert(&PgShdescription { objoid, classoid, description })?;
    } else {
        session.insert(&PgDescription { objoid, classoid, objsubid: object.sub, description })?;
    }
    Ok(())
}

/// An object goes, with (for sub 0 of a relation) its columns, or gets another comment.
///
/// # Errors
/// What writing fails with.
pub(crate) fn forget(session: &Session, object: ObjectAddress) -> Result<()> {
    let keys = [object.object.into(), object.class.into(), Datum::Int4(object.sub)];
    if is_shared(object) {
        for (tid, _) in session.find::<PgShdescription>(index::PG_SHDESCRIPTION_O_C, &keys[..2])? {
            session.delete::<PgShdescription>(tid)?;
        }
        return Ok(());
    }
    for (tid, _) in session.find::<PgDescription>(index::PG_DESCRIPTION_O_C_O, &keys)? {
        session.delete::<PgDescription>(tid)?;
    }
    Ok(())
}

/// An object's comment.
///
/// # Errors
/// What reading fails with.
pub(crate) fn of(session: &Session, object: ObjectAddress) -> Result<Option<String>> {
    let keys = [object.object.into(), object.class.into(), Datum::Int4(object.sub)];
    let rows = session.find::<PgDescription>(index::PG_DESCRIPTION_O_C_O, &keys)?;
    Ok(rows.into_iter().next().map(|(_, row)| row.description))
}

/// The comments on a relation's columns.
///
/// # Errors
/// What reading fails with.
pub(crate) fn of_columns(session: &Session, relation: ObjectAddress) -> Result<Vec<(i16, String)>> {
    let keys = [relation.object.into(), relation.class.into()];
    let rows = session.find::<PgDescription>(index::PG_DESCRIPTION_O_C_O, &keys)?;
    Ok(rows
        .into_iter()
        .filter(|(_, r)| r.objsubid > 0)
        .map(|(_, r)| (r.objsubid as i16, r.description))
        .collect())
}

/// COMMENT ON.
///
/// # Errors
/// PostgreSQL's; `0A000` for kinds of objects that cannot be made.
pub(crate) fn comment(invocation: &mut Invocation<'_>, statement: &Comment) -> Result<Outcome> {
    let session = invocation.session;
    let object = target(session, statement.object_type, &statement.object)?;
    set(session, object, statement.text.as_deref())?;
    session.command_counter_increment()?;
    Ok(Outcome::Tag("COMMENT".to_owned()))
}

fn target(session: &Arc<Session>, kind: ObjectType, object: &ObjectRef) -> Result<ObjectAddress> {
    use ObjectType as O;
    match (kind, object) {
        (O::Table | O::Index | O::Sequence | O::View | O::MaterializedView, ObjectRef::Name(name)) => {
            relation(session, kind, name)
        }
        (O::Column, ObjectRef::Name(name)) => column(session, name),
        (O::Schema, ObjectRef::Name(name)) => {
            let oid = session.require_namespace(name.name())?;
            let row = session.row::<PgNamespace>(index::PG_NAMESPACE_OID, &[oid.into()])?;
            let owner = row.map(|r| r.nspowner).unwrap_or_default();
            privilege::require_owner(session, owner, "schema", name.name())?;
            Ok(ObjectAddress::new::<PgNamespace>(oid))
        }
        (O::Database, ObjectRef::Name(name)) => {
            let rows = session.rows::<PgDatabase>(index::PG_DATABASE_DATNAME, &[name.name().into()])?;
            let Some(row) = rows.first() else {
                bail!(UNDEFINED_DATABASE, "database \"{}\" does not exist", name.name());
            };
            privilege::require_owner(session, row.datdba, "database", name.name())?;
            Ok(ObjectAddress::new::<PgDatabase>(row.oid))
        }
        (O::Role, ObjectRef::Name(name)) => role(session, name.name()),
        (O::Role, ObjectRef::Role(role)) => {
            Ok(ObjectAddress::new::<PgAuthid>(privilege::required_role(session, role)?))
        }
        (O::Type | O::Domain, ObjectRef::Type(name)) => {
            let Some(oid) = find_type(session, name)? else {
                expression::resolve_type(session, name)?;
                return Err(Error::internal("a type that is and is not"));
            };
            privilege::require_type_owner(session, &*session.type_row(oid)?)?;
            Ok(ObjectAddress::new::<PgType>(oid))
        }
        (O::Statistics, ObjectRef::Name(name)) => {
            let row = crate::extended_statistics::require_owned(session, name)?;
            Ok(ObjectAddress::new::<PgStatisticExt>(row.oid))
        }
        (O::Trigger, ObjectRef::Child { name, parent }) => {
            let found = crate::trigger::drop_target(session, name, parent, LockMode::AccessShare)?;
            let Some(found) = found else {
                let table = parent.name();
                bail!(UNDEFINED_OBJECT, "trigger \"{name}\" for table \"{table}\" does not exist");
            };
            Ok(found)
        }
        (O::TableConstraint, ObjectRef::Child { name, parent }) => {
            let table =
                name::open_relation(session, &name::as_relation_name(parent)?, LockMode::AccessShare)?;
            privilege::require_class_owner(session, &table.class)?;
            let Some(row) = name::table_constraint(session, table.oid(), name)? else {
                bail!(
                    UNDEFINED_OBJECT,
                    "constraint \"{name}\" for table \"{}\" does not exist",
                    table.name()
                );
            };
            Ok(ObjectAddress::new::<PgConstraint>(row.oid))
        }
        (O::Function | O::Procedure | O::Routine | O::Aggregate, ObjectRef::Routine(signature)) => {
            let oid = crate::routine::find(session, kind, signature)?;
            let row = session.function(oid)?;
            let shown = signature.name.parts.join(".");
            privilege::require_owner(session, row.proowner, crate::routine::word_of(&row), &shown)?;
            Ok(ObjectAddress::new::<PgProc>(oid))
        }
        (O::Extension, ObjectRef::Name(name)) => {
            let rows = session.rows::<PgExtension>(index::PG_EXTENSION_NAME, &[name.name().into()])?;
            let Some(row) = rows.first() else {
                bail!(UNDEFINED_OBJECT, "extension \"{}\" does not exist", name.name());
            };
            privilege::require_owner(session, row.extowner, "extension", name.name())?;
            Ok(ObjectAddress::new::<PgExtension>(row.oid))
        }
        _ => Err(Error::unsupported("COMMENT on objects of this kind")),
    }
}

fn role(session: &Session, name: &str) -> Result<ObjectAddress> {
    let row = session.require_role(name)?;
    if !privilege::has_create_role(session)? {
        return Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied").detail(format!(
            "The current user must have the CREATEROLE attribute to comment on role \"{name}\"."
        )));
    }
    Ok(ObjectAddress::new::<PgAuthid>(row.oid))
}

fn relation(session: &Session, kind: ObjectType, named: &ObjectName) -> Result<ObjectAddress> {
    let entry =
        name::open_relation(session, &name::as_relation_name(named)?, LockMode::ShareUpdateExclusive)?;
    let (fits, word) = match kind {
        ObjectType::Index => (matches!(entry.kind(), b'i' | b'I'), "an index"),
        ObjectType::Sequence => (entry.kind() == b'S', "a sequence"),
        ObjectType::View => (entry.kind() == b'v', "a view"),
        ObjectType::MaterializedView => (entry.kind() == b'm', "a materialized view"),
        _ => (matches!(entry.kind(), b'r' | b'p'), "a table"),
    };
    if !fits {
        bail!(WRONG_OBJECT_TYPE, "\"{}\" is not {word}", entry.name());
    }
    privilege::require_class_owner(session, &entry.class)?;
    Ok(ObjectAddress::new::<PgClass>(entry.oid()))
}

fn column(session: &Session, named: &ObjectName) -> Result<ObjectAddress> {
    let [qualifiers @ .., column] = &named.parts[..] else {
        bail!(SYNTAX_ERROR, "column name must be qualified");
    };
    if qualifiers.is_empty() {
        return Err(err!(SYNTAX_ERROR, "column name must be qualified").at(named.location));
    }
    let table = ObjectName { parts: qualifiers.to_vec(), location: named.location };
    let entry =
        name::open_relation(session, &name::as_relation_name(&table)?, LockMode::ShareUpdateExclusive)?;
    if !matches!(entry.kind(), b'r' | b'v' | b'm' | b'c' | b'f' | b'p') {
        return Err(err!(WRONG_OBJECT_TYPE, "cannot set comment on relation \"{}\"", entry.name())
            .detail(format!("This operation is not supported for {}.", plural(entry.kind()))));
    }
    privilege::require_class_owner(session, &entry.class)?;
    let Some(position) = entry.desc().position(column) else {
        bail!(UNDEFINED_COLUMN, "column \"{column}\" of relation \"{}\" does not exist", entry.name());
    };
    Ok(ObjectAddress::column(entry.oid(), position as i16 + 1))
}

fn plural(kind: u8) -> &'static str {
    match kind {
        b'S' => "sequences",
        b'i' | b'I' => "indexes",
        _ => "TOAST tables",
    }
}
