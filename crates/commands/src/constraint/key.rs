//! PRIMARY KEY and UNIQUE constraints.

use super::{NotNull, add_not_null};
use crate::index::{self, IndexConstraintSpec, IndexSpec, KeyColumn};
use crate::name::{choose_relation_name, constraint_in_namespace, joined_columns};
use crate::options::{self, Target};
use base::{Error, Oid, Result, bail, err};
use catalog::{RelationEntry, Session};
use std::sync::Arc;
use syntax::{Constraint, IndexConstraint};

/// A key constraint as written.
pub(crate) struct KeyConstraint<'a> {
    pub constraint: &'a Constraint,
    pub key: &'a IndexConstraint,
    pub primary: bool,
    /// The column, for a constraint written with it.
    pub column: Option<&'a str>,
    /// Partitions get none.
    pub only: bool,
}

impl KeyConstraint<'_> {
    fn word(&self) -> &'static str {
        if self.primary { "primary key" } else { "unique" }
    }
}

fn attribute(table: &RelationEntry, name: &str, at: usize) -> Result<i16> {
    let Some(position) = table.desc().position(name) else {
        return Err(err!(UNDEFINED_COLUMN, "column \"{name}\" named in key does not exist").at(at));
    };
    Ok(position as i16 + 1)
}

/// Adds the constraint with its index to a locked table. Rows have been checked for nulls by the caller.
///
/// # Errors
/// `42P16` for a second primary key, `42703`, `42701`, `42P07`, `42710`, `23505`.
pub(crate) fn add(
    session: &Arc<Session>,
    table: &Arc<RelationEntry>,
    written: &KeyConstraint<'_>,
) -> Result<Oid> {
    let (constraint, key) = (written.constraint, written.key);
    if key.without_overlaps {
        return Err(Error::unsupported("WITHOUT OVERLAPS constraints"));
    }
    if key.existing_index.is_some() {
        return Err(Error::unsupported("constraints using an existing index"));
    }
    if written.primary && table.indexes.iter().any(|i| i.index.indisprimary) {
        return Err(err!(
            INVALID_TABLE_DEFINITION,
            "multiple primary keys for table \"{}\" are not allowed",
            table.name()
        )
        .at(constraint.location));
    }
    let names: Vec<&str> = match written.column {
        Some(column) => vec![column],
        None => key.columns.iter().map(String::as_str).collect(),
    };
    let mut keys: Vec<KeyColumn> = Vec::new();
    let mut table = table.clone();
    for name in &names {
        let number = attribute(&table, name, constraint.location)?;
        if keys.iter().any(|k| k.attribute == number) {
            return Err(err!(
                DUPLICATE_COLUMN,
                "column \"{name}\" appears twice in {} constraint",
                written.word()
            )
            .at(constraint.location));
        }
        let column = &table.desc().attributes()[number as usize - 1];
        if column.generated == b'v' {
            let what = if written.primary { "primary keys" } else { "unique constraints" };
            bail!(FEATURE_NOT_SUPPORTED, "{what} on virtual generated columns are not supported");
        }
        let class = index::default_class(session, column.type_oid)?;
        keys.push(KeyColumn {
            attribute: number,
            expr: None,
            class,
            collation: column.collation,
            options: 0,
        });
    }
    if written.primary {
        for key in &keys {
            let wanted = NotNull { column: key.attribute, name: None, no_inherit: false, validated: true };
            add_not_null(session, &table, &wanted, &mut Vec::new())?;
        }
        table = session.require_relation(table.oid())?;
    }
    let include: Result<Vec<i16>> =
        key.include.iter().map(|name| attribute(&table, name, constraint.location)).collect();
    let include = include?;
    if keys.len() + include.len() > index::MAX_COLUMNS {
        bail!(TOO_MANY_COLUMNS, "cannot use more than {} columns in an index", index::MAX_COLUMNS);
    }
    let spec = IndexSpec {
        name: constraint_name(session, &table, written, &names)?,
        keys,
        include,
        column_names: names.iter().map(|n| (*n).to_owned()).chain(key.include.iter().cloned()).collect(),
        unique: true,
        primary: written.primary,
        nulls_not_distinct: key.nulls_not_distinct,
        constraint: Some(IndexConstraintSpec {
            deferrable: constraint.deferrable,
            deferred: constraint.initially_deferred,
        }),
        only: written.only,
        predicate: None,
        options: options::relation_options(None, &key.options, None, Target::Btree, false)?,
        tablespace: index::tablespace(session, key.tablespace.as_deref())?,
    };
    Ok(index::create(session, &table, &spec)?.1)
}

fn constraint_name(
    session: &Session,
    table: &RelationEntry,
    written: &KeyConstraint<'_>,
    columns: &[&str],
) -> Result<String> {
    let namespace = table.class.relnamespace;
    if let Some(name) = &written.constraint.name {
        if session.relation_in(namespace, name)?.is_some() {
            bail!(DUPLICATE_TABLE, "relation \"{name}\" already exists");
        }
        if constraint_in_namespace(session, namespace, name)? {
            super::require_free(session, table, name)?;
        }
        return Ok(name.clone());
    }
    if written.primary {
        return choose_relation_name(session, table.name(), None, "pkey", namespace, true);
    }
    let joined = joined_columns(columns.iter().copied());
    choose_relation_name(session, table.name(), Some(&joined), "key", namespace, true)
}
