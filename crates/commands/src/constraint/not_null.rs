//! NOT NULL constraints: a pg_constraint row each, and the attribute's flag.

use crate::dependency;
use crate::name::choose_constraint_name;
use crate::relation;
use base::{Oid, Result, bail};
use catalog::{PgConstraint, RelationEntry, Session, index as catalog_index};

/// What is to be not null.
#[derive(Clone, Debug)]
pub(crate) struct NotNull {
    pub column: i16,
    pub name: Option<String>,
    pub no_inherit: bool,
    pub validated: bool,
}

/// Adds a NOT NULL constraint unless the column has one; gives its OID. The rows are not looked at.
///
/// # Errors
/// `42710` when the name is taken.
pub(crate) fn add(
    session: &Session,
    table: &RelationEntry,
    wanted: &NotNull,
    taken: &mut Vec<String>,
) -> Result<Option<Oid>> {
    let has_one = super::constraints(session, table.oid())?
        .iter()
        .any(|c| c.contype as u8 == b'n' && c.conkey.as_deref() == Some(&[wanted.column]));
    if has_one {
        return Ok(None);
    }
    let column = &table.desc().attributes()[wanted.column as usize - 1].name;
    let name = match &wanted.name {
        Some(name) => {
            if taken.contains(name) {
                bail!(
                    DUPLICATE_OBJECT,
                    "constraint \"{name}\" for relation \"{}\" already exists",
                    table.name()
                );
            }
            super::require_free(session, table, name)?;
            name.clone()
        }
        None => choose_constraint_name(
            session,
            table.name(),
            Some(column),
            "not_null",
            table.class.relnamespace,
            taken,
        )?,
    };
    taken.push(name.clone());
    let oid = session.new_oid::<PgConstraint>(catalog_index::PG_CONSTRAINT_OID)?;
    let mut row = PgConstraint::new(oid, &name, table.class.relnamespace, b'n');
    row.conrelid = table.oid();
    row.conkey = Some(vec![wanted.column]);
    row.connoinherit = wanted.no_inherit;
    row.convalidated = wanted.validated;
    session.insert(&row)?;
    dependency::record_constraint_columns(session, &row)?;
    if !table.desc().attributes()[wanted.column as usize - 1].not_null {
        relation::update_attribute(session, table.oid(), wanted.column, |row| row.attnotnull = true)?;
    }
    session.command_counter_increment()?;
    Ok(Some(oid))
}
