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
pub(crate) use foreign_key::{
    add as add_foreign_key, alter as alter_foreign_key, check as check_foreign_keys,
    copies as foreign_key_copies, partitions as foreign_key_partitions,
};
pub(crate) use key::{KeyConstraint, add as add_key};
pub(crate) use not_null::{NotNull, add as add_not_null};
pub(crate) use trigger::{forget_partition_dependencies, insert_unique_trigger};

use crate::inherit;
use base::{Oid, Result, bail};
use catalog::{DependencyKind, ObjectAddress, PgClass, PgConstraint, RelationEntry, Session};
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

/// Makes a constraint of a partition part of its parent's.
///
/// # Errors
/// What writing the catalogs fails with.
pub(crate) fn set_parent(session: &Session, constraint: Oid, parent: Oid, table: Oid) -> Result<()> {
    inherit::change(session, constraint, |row| {
        row.conislocal = false;
        row.coninhcount += 1;
        row.conparentid = parent;
    })?;
    let own = ObjectAddress::new::<PgConstraint>(constraint);
    let on = ObjectAddress::new::<PgConstraint>(parent);
    session.record_dependencies(own, [on], DependencyKind::PartitionPrimary)?;
    session.record_dependencies(
        own,
        [ObjectAddress::new::<PgClass>(table)],
        DependencyKind::PartitionSecondary,
    )
}

/// Makes it the table's own.
///
/// # Errors
/// What writing the catalogs fails with.
pub(crate) fn clear_parent(session: &Session, constraint: Oid) -> Result<()> {
    forget_partition_dependencies(session, ObjectAddress::new::<PgConstraint>(constraint))?;
    inherit::change(session, constraint, |row| {
        row.conislocal = true;
        row.coninhcount = 0;
        row.conparentid = Oid(0);
    })
}
