//! Names: where new objects go, what unnamed ones are called, and which relation a statement means.

use crate::privilege;
use crate::temporary;
use base::{Oid, Result, bail, err};
use catalog::{PgConstraint, RelationEntry, Session, index};
use datum::Datum;
use lock::LockMode;
use std::sync::Arc;
use syntax::{ObjectName, Persistence, RelationName};

/// The longest identifier, in bytes.
pub(crate) const NAME_LIMIT: usize = 63;

/// The longest prefix of `text` that has at most `limit` bytes and ends at a character.
pub(crate) fn clip(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// `first_second_label`, the longer of the first two shortened until the whole fits an identifier.
pub(crate) fn object_name(first: &str, second: Option<&str>, label: &str) -> String {
    let mut room = NAME_LIMIT - if label.is_empty() { 0 } else { label.len() + 1 };
    if second.is_some() {
        room -= 1;
    }
    let (mut one, mut two) = (first.len(), second.map_or(0, str::len));
    while one + two > room {
        if one > two { one -= 1 } else { two -= 1 }
    }
    let mut name = clip(first, one).to_owned();
    if let Some(second) = second {
        name.push('_');
        name.push_str(clip(second, two));
    }
    if !label.is_empty() {
        name.push('_');
        name.push_str(label);
    }
    name
}

/// Tries labels `label`, `label1`, `label2`, ... until `taken` says no.
pub(crate) fn first_free(
    first: &str,
    second: Option<&str>,
    label: &str,
    mut taken: impl FnMut(&str) -> Result<bool>,
) -> Result<String> {
    let mut name = object_name(first, second, label);
    let mut pass = 0u32;
    while taken(&name)? {
        pass += 1;
        name = object_name(first, second, &format!("{label}{pass}"));
    }
    Ok(name)
}

/// A free name for an index, a sequence or another relation; with `constraint`, no constraint of the schema has it.
pub(crate) fn choose_relation_name(
    session: &Session,
    first: &str,
    second: Option<&str>,
    label: &str,
    namespace: Oid,
    constraint: bool,
) -> Result<String> {
    first_free(first, second, label, |name| {
        Ok(session.relation_in(namespace, name)?.is_some()
            || constraint && constraint_in_namespace(session, namespace, name)?)
    })
}

/// A name for a constraint that no other in the schema has, nor those in `taken`.
pub(crate) fn choose_constraint_name(
    session: &Session,
    first: &str,
    second: Option<&str>,
    label: &str,
    namespace: Oid,
    taken: &[String],
) -> Result<String> {
    first_free(first, second, label, |name| {
        Ok(taken.iter().any(|t| t == name) || constraint_in_namespace(session, namespace, name)?)
    })
}

pub(crate) fn constraint_in_namespace(session: &Session, namespace: Oid, name: &str) -> Result<bool> {
    let keys = [Datum::from(name), namespace.into()];
    Ok(!session.rows::<PgConstraint>(index::PG_CONSTRAINT_CONNAME_NSP, &keys)?.is_empty())
}

/// The constraint of a table with this name.
pub(crate) fn table_constraint(
    session: &Session,
    table: Oid,
    name: &str,
) -> Result<Option<Arc<PgConstraint>>> {
    let keys = [table.into(), Oid::INVALID.into(), Datum::from(name)];
    session.row(index::PG_CONSTRAINT_CONRELID_CONTYPID_CONNAME, &keys)
}

/// Column names joined by underscores, as far as they matter for a name.
pub(crate) fn joined_columns<'a>(columns: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for column in columns {
        if !text.is_empty() {
            text.push('_');
        }
        text.push_str(column);
        if text.len() > NAME_LIMIT {
            break;
        }
    }
    text
}

/// Where a relation is made.
pub(crate) struct Place {
    pub namespace: Oid,
    pub persistence: Persistence,
}

/// The schema for a new relation, with the right to create in it checked.
///
/// # Errors
/// `3F000`, `42501`, `42P16` for temporary relations elsewhere, `0A000` for other databases.
pub(crate) fn creation_place(
    session: &Arc<Session>,
    name: &RelationName,
    persistence: Persistence,
) -> Result<Place> {
    check_database(session, name)?;
    let place = match (&name.schema, persistence) {
        (Some(schema), _) if schema == "pg_temp" => {
            Place { namespace: temporary::namespace(session)?, persistence: Persistence::Temporary }
        }
        (Some(schema), persistence) => {
            let namespace = session.require_namespace(schema).map_err(|e| e.or_at(Some(name.location)))?;
            Place { namespace, persistence }
        }
        (None, Persistence::Temporary) => Place { namespace: temporary::namespace(session)?, persistence },
        (None, persistence) => Place { namespace: session.creation_namespace()?, persistence },
    };
    privilege::require_create_in(session, place.namespace)?;
    let own = Some(place.namespace) == session.temporary_namespace();
    if own {
        return match persistence {
            Persistence::Unlogged => {
                bail!(
                    INVALID_TABLE_DEFINITION,
                    "only temporary relations may be created in temporary schemas"
                )
            }
            _ => Ok(Place { persistence: Persistence::Temporary, ..place }),
        };
    }
    if place.persistence == Persistence::Temporary {
        bail!(INVALID_TABLE_DEFINITION, "cannot create temporary relation in non-temporary schema");
    }
    let schema = session.namespace_name(place.namespace)?;
    if schema.starts_with("pg_temp_") || schema.starts_with("pg_toast_temp_") {
        bail!(INVALID_TABLE_DEFINITION, "cannot create relations in temporary schemas of other sessions");
    }
    Ok(place)
}

/// The schema for a new object that is no relation, by its qualified name.
///
/// # Errors
/// `3F000`, `42501`, `42601` for too many parts.
pub(crate) fn creation_namespace<'n>(session: &Arc<Session>, name: &'n ObjectName) -> Result<(Oid, &'n str)> {
    let (schema, last) = split(session, name)?;
    let namespace = match schema {
        Some("pg_temp") => temporary::namespace(session)?,
        Some(schema) => session.require_namespace(schema)?,
        None => session.creation_namespace()?,
    };
    privilege::require_create_in(session, namespace)?;
    Ok((namespace, last))
}

/// Schema and last part of a qualified name.
///
/// # Errors
/// `0A000` for another database, `42601` for too many parts.
pub(crate) fn split<'n>(session: &Session, name: &'n ObjectName) -> Result<(Option<&'n str>, &'n str)> {
    match &name.parts[..] {
        [last] => Ok((None, last)),
        [schema, last] => Ok((Some(schema), last)),
        [database, schema, last] if database == session.database_name() => Ok((Some(schema), last)),
        [_, _, _] => bail!(
            FEATURE_NOT_SUPPORTED,
            "cross-database references are not implemented: {}",
            name.parts.join(".")
        ),
        _ => bail!(SYNTAX_ERROR, "improper qualified name (too many dotted names): {}", name.parts.join(".")),
    }
}

fn check_database(session: &Session, name: &RelationName) -> Result<()> {
    match &name.catalog {
        Some(database) if database != session.database_name() => Err(err!(
            FEATURE_NOT_SUPPORTED,
            "cross-database references are not implemented: \"{database}.{}.{}\"",
            name.schema.as_deref().unwrap_or_default(),
            name.name
        )
        .or_at(Some(name.location))),
        _ => Ok(()),
    }
}

/// An any-name as a relation's name.
///
/// # Errors
/// `42601` for too many parts.
pub(crate) fn as_relation_name(name: &ObjectName) -> Result<RelationName> {
    let (catalog, schema, last) = match &name.parts[..] {
        [last] => (None, None, last),
        [schema, last] => (None, Some(schema), last),
        [catalog, schema, last] => (Some(catalog), Some(schema), last),
        _ => bail!(SYNTAX_ERROR, "improper relation name (too many dotted names): {}", name.parts.join(".")),
    };
    Ok(RelationName {
        catalog: catalog.cloned(),
        schema: schema.cloned(),
        name: last.clone(),
        inherit: true,
        location: name.location,
    })
}

pub(crate) fn display(name: &RelationName) -> String {
    match &name.schema {
        Some(schema) => format!("{schema}.{}", name.name),
        None => name.name.clone(),
    }
}

/// Locks a relation until the transaction ends; with a strong lock, what its last holder committed is visible.
///
/// # Errors
/// `40P01`, `55P03`, `57014` as waiting ends.
pub(crate) fn lock_relation(session: &Session, oid: Oid, mode: LockMode) -> Result<()> {
    let tag = session.relation_lock_tag(oid)?;
    session.transaction()?.lock(tag, mode, &session.wait_policy())?;
    Ok(())
}

/// The relation of this name, locked, unless there is none (or no such schema).
///
/// # Errors
/// What waiting for the lock and reading the catalogs fail with; `0A000` for another database.
pub(crate) fn find_relation(
    session: &Session,
    name: &RelationName,
    mode: LockMode,
) -> Result<Option<Arc<RelationEntry>>> {
    check_database(session, name)?;
    loop {
        if let Some(schema) = &name.schema
            && session.namespace_by_name(schema)?.is_none()
        {
            return Ok(None);
        }
        let Some(oid) = session.relation_by_name(name.schema.as_deref(), &name.name)? else {
            return Ok(None);
        };
        lock_relation(session, oid, mode)?;
        // Whoever held the lock may have dropped or renamed it.
        if session.relation_by_name(name.schema.as_deref(), &name.name)? == Some(oid)
            && let Some(entry) = session.relation(oid)?
        {
            return Ok(Some(entry));
        }
        session.transaction()?.unlock(&session.relation_lock_tag(oid)?, mode);
    }
}

/// As [`find_relation`], but the relation must be there.
///
/// # Errors
/// `42P01` `relation "x" does not exist`; `3F000` for a schema that is not there.
pub(crate) fn open_relation(
    session: &Session,
    name: &RelationName,
    mode: LockMode,
) -> Result<Arc<RelationEntry>> {
    if let Some(entry) = find_relation(session, name, mode)? {
        return Ok(entry);
    }
    if let Some(schema) = &name.schema
        && schema != "pg_temp"
        && session.namespace_by_name(schema)?.is_none()
    {
        bail!(INVALID_SCHEMA_NAME, "schema \"{schema}\" does not exist");
    }
    Err(err!(UNDEFINED_TABLE, "relation \"{}\" does not exist", display(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_an_identifier() {
        assert_eq!(object_name("products", None, "pkey"), "products_pkey");
        assert_eq!(object_name("orders", Some("product_id"), "fkey"), "orders_product_id_fkey");
        let long = "a".repeat(60);
        let name = object_name(&long, Some("b"), "key");
        assert_eq!(name.len(), NAME_LIMIT);
        assert!(name.ends_with("_b_key"));
        assert!(object_name(&"é".repeat(40), Some(&long), "idx").len() <= NAME_LIMIT);
    }
}
