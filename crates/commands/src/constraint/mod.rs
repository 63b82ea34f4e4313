//! Constraints, defaults and what else CREATE TABLE and ALTER TABLE add to a table that is there.

mod check;
mod default;
mod foreign_key;
mod key;
mod not_null;
mod trigger;

pub(crate) use check::{CheckSource, add as add_check};
pub(crate) use default::{
    owned_sequences, remove as remove_default, sequence_default, store as store_default,
};
pub(crate) use foreign_key::add as add_foreign_key;
pub(crate) use key::{KeyConstraint, add as add_key};
pub(crate) use not_null::{NotNull, add as add_not_null};
pub(crate) use trigger::{insert_foreign_key_triggers, insert_unique_trigger};

use base::{Oid, Result, bail};
use catalog::{PgConstraint, RelationEntry, Session};
use std::sync::Arc;

/// # Errors
/// `42710` when the table has a constraint of this name.
pub(crate) fn require_free(session: &Session, table: &RelationEntry, name: &str) -> Result<()> {
    if constraints(session, table.oid())?.iter().any(|c| c.conname == name) {
        bail!(DUPLICATE_OBJECT, "constraint \"{name}\" for relation \"{}\" already exists", table.name());
    }
    Ok(())
}

/// The constraints of a table.
///
/// # Errors
/// What reading the catalogs fails with.
pub(crate) fn constraints(session: &Session, table: Oid) -> Result<Arc<[Arc<PgConstraint>]>> {
    session.rows(catalog::index::PG_CONSTRAINT_CONRELID_CONTYPID_CONNAME, &[table.into()])
}
