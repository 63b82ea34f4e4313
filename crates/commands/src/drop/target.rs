//! The objects that a DROP names.

use crate::extended_statistics;
use crate::name::{self, lock_relation};
use crate::notice::notice;
use crate::privilege;
use crate::routine;
use base::{Error, Oid, Result, bail, err};
use catalog::{
    ObjectAddress, PgClass, PgExtension, PgIndex, PgNamespace, PgProc, PgStatisticExt, PgType, Session, index,
};
use lock::LockMode;
use std::sync::Arc;
use syntax::{Drop, ObjectName, ObjectRef, ObjectType, RoutineSignature, TypeName};

/// One object of a DROP, locked; `None` after a notice that it is not there.
///
/// # Errors
/// `42P01`, `42704`, `3F000`, `42809`, `42501`; `0A000` for kinds that cannot be made either.
pub(super) fn find(
    session: &Arc<Session>,
    statement: &Drop,
    object: &ObjectRef,
) -> Result<Option<ObjectAddress>> {
    use ObjectType as O;
    match (statement.object_type, object) {
        (O::Table | O::Index | O::Sequence | O::View | O::MaterializedView, ObjectRef::Name(name)) => {
            relation(session, statement, name)
        }
        (O::Schema, ObjectRef::Name(name)) => schema(session, statement, name.name()),
        (O::Type | O::Domain, ObjectRef::Type(name)) => type_target(session, statement, name),
        (O::Extension, ObjectRef::Name(name)) => extension(session, statement, name.name()),
        (O::Function | O::Procedure | O::Routine | O::Aggregate, ObjectRef::Routine(signature)) => {
            routine(session, statement, signature)
        }
        (O::Operator, ObjectRef::Operator(signature)) => {
            let found = crate::operator::drop_target(session, signature, statement.if_exists)?;
            found.map_or_else(|missing| skip(session, statement, missing), |object| Ok(Some(object)))
        }
        (O::Cast, ObjectRef::Cast { source, target }) => {
            let found = crate::operator::cast_target(session, source, target, statement.if_exists)?;
            found.map_or_else(|missing| skip(session, statement, missing), |object| Ok(Some(object)))
        }
        (O::Statistics, ObjectRef::Name(name)) => statistics(session, statement, name),
        (O::Trigger, ObjectRef::Child { name, parent }) => {
            match crate::trigger::drop_target(session, name, parent, LockMode::AccessExclusive) {
                Ok(Some(found)) => Ok(Some(found)),
                Ok(None) => {
                    let table = parent.name();
                    let text = format!("trigger \"{name}\" for table \"{table}\" does not exist");
                    if !statement.if_exists {
                        return Err(err!(UNDEFINED_OBJECT, "{text}"));
                    }
                    let shown = parent.parts.join(".");
                    let text = format!("trigger \"{name}\" for relation \"{shown}\" does not exist");
                    skip(session, statement, err!(UNDEFINED_OBJECT, "{text}"))
                }
                Err(error)
                    if matches!(
                        error.state(),
                        base::SqlState::UNDEFINED_TABLE | base::SqlState::INVALID_SCHEMA_NAME
                    ) =>
                {
                    skip(session, statement, error)
                }
                Err(error) => Err(error),
            }
        }
        (kind, _) => {
            let tag =
                syntax::Statement::Drop(Box::new(Drop { object_type: kind, ..statement.clone() })).tag();
            Err(Error::unsupported(tag))
        }
    }
}

fn statistics(session: &Arc<Session>, statement: &Drop, named: &ObjectName) -> Result<Option<ObjectAddress>> {
    let shown = named.parts.join(".");
    let row = match extended_statistics::find(session, named) {
        Ok(Some(row)) => row,
        Ok(None) => {
            let missing = err!(UNDEFINED_OBJECT, "statistics object \"{shown}\" does not exist");
            return skip(session, statement, missing);
        }
        Err(error) if error.state() == base::SqlState::INVALID_SCHEMA_NAME => {
            return skip(session, statement, error);
        }
        Err(error) => return Err(error),
    };
    let schema = session.row::<PgNamespace>(index::PG_NAMESPACE_OID, &[row.stxnamespace.into()])?;
    if !privilege::is_owner(session, schema.map(|s| s.nspowner).unwrap_or_default())? {
        privilege::require_owner(session, row.stxowner, "statistics object", &shown)?;
    }
    name::lock_relation(session, row.stxrelid, LockMode::ShareUpdateExclusive)?;
    Ok(Some(ObjectAddress::new::<PgStatisticExt>(row.oid)))
}

fn skip(session: &Session, statement: &Drop, error: Error) -> Result<Option<ObjectAddress>> {
    if !statement.if_exists {
        return Err(error);
    }
    session.notice(notice(format!("{}, skipping", error.message())));
    Ok(None)
}

fn words(kind: ObjectType) -> (&'static str, &'static str) {
    match kind {
        ObjectType::Index => ("index", "an index"),
        ObjectType::Sequence => ("sequence", "a sequence"),
        ObjectType::View => ("view", "a view"),
        ObjectType::MaterializedView => ("materialized view", "a materialized view"),
        _ => ("table", "a table"),
    }
}

/// Which DROP removes a relation of this kind.
fn proper_command(kind: u8) -> &'static str {
    match kind {
        b'S' => "Use DROP SEQUENCE to remove a sequence.",
        b'v' => "Use DROP VIEW to remove a view.",
        b'm' => "Use DROP MATERIALIZED VIEW to remove a materialized view.",
        b'i' | b'I' => "Use DROP INDEX to remove an index.",
        b'c' => "Use DROP TYPE to remove a type.",
        b'f' => "Use DROP FOREIGN TABLE to remove a foreign table.",
        _ => "Use DROP TABLE to remove a table.",
    }
}

fn fits(kind: ObjectType, relkind: u8) -> bool {
    match kind {
        ObjectType::Index => matches!(relkind, b'i' | b'I'),
        ObjectType::Sequence => relkind == b'S',
        ObjectType::View => relkind == b'v',
        ObjectType::MaterializedView => relkind == b'm',
        _ => matches!(relkind, b'r' | b'p'),
    }
}

fn relation(session: &Arc<Session>, statement: &Drop, name: &ObjectName) -> Result<Option<ObjectAddress>> {
    let relation_name = name::as_relation_name(name)?;
    let (word, a_word) = words(statement.object_type);
    if let Some(schema) = &relation_name.schema
        && schema != "pg_temp"
        && session.namespace_by_name(schema)?.is_none()
    {
        return skip(session, statement, err!(INVALID_SCHEMA_NAME, "schema \"{schema}\" does not exist"));
    }
    let mode =
        if statement.concurrently { LockMode::ShareUpdateExclusive } else { LockMode::AccessExclusive };
    // The table is locked before its index, as everybody does.
    if statement.object_type == ObjectType::Index
        && let Some(oid) = session.relation_by_name(relation_name.schema.as_deref(), &relation_name.name)?
        && let Some(row) = session.row::<PgIndex>(index::PG_INDEX_INDEXRELID, &[oid.into()])?
    {
        lock_relation(session, row.indrelid, mode)?;
    }
    let Some(entry) = name::find_relation(session, &relation_name, mode)? else {
        let text = format!("{word} \"{}\" does not exist", relation_name.name);
        let error = match statement.object_type {
            ObjectType::Index => err!(UNDEFINED_OBJECT, "{text}"),
            _ => err!(UNDEFINED_TABLE, "{text}"),
        };
        return skip(session, statement, error);
    };
    if !fits(statement.object_type, entry.kind()) {
        return Err(err!(WRONG_OBJECT_TYPE, "\"{}\" is not {a_word}", entry.name())
            .hint(proper_command(entry.kind())));
    }
    let namespace =
        session.row::<PgNamespace>(index::PG_NAMESPACE_OID, &[entry.class.relnamespace.into()])?;
    let owns_schema = match &namespace {
        Some(row) => privilege::is_owner(session, row.nspowner)?,
        None => false,
    };
    if !owns_schema {
        privilege::require_class_owner(session, &entry.class)?;
    }
    privilege::refuse_catalog(&entry.class)?;
    Ok(Some(ObjectAddress::new::<PgClass>(entry.oid())))
}

fn schema(session: &Arc<Session>, statement: &Drop, name: &str) -> Result<Option<ObjectAddress>> {
    let rows = session.rows::<PgNamespace>(index::PG_NAMESPACE_NSPNAME, &[name.into()])?;
    let Some(row) = rows.first() else {
        return skip(session, statement, err!(INVALID_SCHEMA_NAME, "schema \"{name}\" does not exist"));
    };
    let object = ObjectAddress::new::<PgNamespace>(row.oid);
    privilege::require_owner(session, row.nspowner, "schema", name)?;
    privilege::lock_object(session, object, false, LockMode::AccessExclusive)?;
    Ok(Some(object))
}

fn extension(session: &Arc<Session>, statement: &Drop, name: &str) -> Result<Option<ObjectAddress>> {
    let rows = session.rows::<PgExtension>(index::PG_EXTENSION_NAME, &[name.into()])?;
    let Some(row) = rows.first() else {
        return skip(session, statement, err!(UNDEFINED_OBJECT, "extension \"{name}\" does not exist"));
    };
    privilege::require_owner(session, row.extowner, "extension", name)?;
    Ok(Some(ObjectAddress::new::<PgExtension>(row.oid)))
}

fn routine(
    session: &Arc<Session>,
    statement: &Drop,
    signature: &RoutineSignature,
) -> Result<Option<ObjectAddress>> {
    let kind = statement.object_type;
    let shown = signature.name.parts.join(".");
    let Some(oid) = routine::find_if_any(session, kind, signature, statement.if_exists)? else {
        return skip(session, statement, missing_routine(session, kind, signature)?);
    };
    let row = session.function(oid)?;
    if kind == ObjectType::Function && row.prokind as u8 == b'a' {
        return Err(err!(WRONG_OBJECT_TYPE, "\"{}\" is an aggregate function", row.proname)
            .hint("Use DROP AGGREGATE to drop aggregate functions."));
    }
    let namespace = session.row::<PgNamespace>(index::PG_NAMESPACE_OID, &[row.pronamespace.into()])?;
    let owns_schema = match &namespace {
        Some(row) => privilege::is_owner(session, row.nspowner)?,
        None => false,
    };
    if !owns_schema {
        privilege::require_owner(session, row.proowner, routine::word_of(&row), &shown)?;
    }
    let object = ObjectAddress::new::<PgProc>(oid);
    privilege::lock_object(session, object, false, LockMode::AccessExclusive)?;
    Ok(Some(object))
}

/// Says what is missing: the schema, a type, or the routine, with its arguments as they were written.
fn missing_routine(session: &Session, kind: ObjectType, signature: &RoutineSignature) -> Result<Error> {
    let missing_schema = |parts: &[String]| -> Result<Option<Error>> {
        match parts {
            [schema, _] if session.namespace_by_name(schema)?.is_none() => {
                Ok(Some(err!(INVALID_SCHEMA_NAME, "schema \"{schema}\" does not exist")))
            }
            _ => Ok(None),
        }
    };
    if let Some(error) = missing_schema(&signature.name.parts)? {
        return Ok(error);
    }
    let args = signature.args.as_deref().unwrap_or_default();
    for arg in args {
        if let Some(error) = missing_schema(&arg.type_name.names)? {
            return Ok(error);
        }
        if find_type(session, &arg.type_name)?.is_none() {
            let name = arg.type_name.names.join(".");
            return Ok(err!(UNDEFINED_OBJECT, "type \"{name}\" does not exist"));
        }
    }
    let word = match kind {
        ObjectType::Procedure => "procedure",
        ObjectType::Aggregate => "aggregate",
        ObjectType::Routine => "routine",
        _ => "function",
    };
    let types: Vec<String> = args
        .iter()
        .map(|a| a.type_name.names.join(".") + if a.type_name.array_bounds.is_empty() { "" } else { "[]" })
        .collect();
    let shown = signature.name.parts.join(".");
    let list =
        if kind == ObjectType::Aggregate && types.is_empty() { "*".to_owned() } else { types.join(",") };
    Ok(err!(UNDEFINED_FUNCTION, "{word} {shown}({list}) does not exist"))
}

/// The type of this name, without modifiers; `None` if it or its schema is not there.
///
/// # Errors
/// What reading the catalogs fails with.
/// The type that ALTER names, by a type's name or an object's.
///
/// # Errors
/// `42704` if there is none.
pub(crate) fn named_type(session: &Session, object: &ObjectRef) -> Result<Oid> {
    let (found, name) = match object {
        ObjectRef::Type(named) => (find_type(session, named)?, named.names.join(".")),
        ObjectRef::Name(named) => {
            let (schema, last) = name::split(session, named)?;
            (session.type_by_name(schema, last)?, named.parts.join("."))
        }
        _ => return Err(Error::internal("a type named by something else")),
    };
    found.ok_or_else(|| err!(UNDEFINED_OBJECT, "type \"{name}\" does not exist"))
}

pub(crate) fn find_type(session: &Session, name: &TypeName) -> Result<Option<Oid>> {
    if let [schema, _] = &name.names[..]
        && session.namespace_by_name(schema)?.is_none()
    {
        return Ok(None);
    }
    match crate::base_type::resolve_or_shell(session, name) {
        Ok(oid) => Ok(Some(oid)),
        Err(error) if error.state() == base::SqlState::UNDEFINED_OBJECT => Ok(None),
        Err(error) => Err(error),
    }
}

fn type_target(session: &Arc<Session>, statement: &Drop, name: &TypeName) -> Result<Option<ObjectAddress>> {
    let Some(oid) = find_type(session, name)? else {
        if let [schema, _] = &name.names[..]
            && session.namespace_by_name(schema)?.is_none()
        {
            return skip(session, statement, err!(INVALID_SCHEMA_NAME, "schema \"{schema}\" does not exist"));
        }
        let text = name.names.join(".");
        return skip(session, statement, err!(UNDEFINED_OBJECT, "type \"{text}\" does not exist"));
    };
    let row = session.type_row(oid)?;
    if statement.object_type == ObjectType::Domain && row.typtype as u8 != b'd' {
        bail!(WRONG_OBJECT_TYPE, "{} is not a domain", session.format_type(oid, None)?);
    }
    privilege::require_type_owner(session, &row)?;
    let object = ObjectAddress::new::<PgType>(oid);
    privilege::lock_object(session, object, false, LockMode::AccessExclusive)?;
    Ok(Some(object))
}
