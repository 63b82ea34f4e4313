//! What CREATE TABLE says of partitions.

use base::{Oid, Result, bail};
use catalog::{RelationEntry, Session};
use datum::Attribute;
use std::sync::Arc;
use syntax::{ColumnDefinition, CreateTable};

/// The column of the parent that a partition's column options are about.
///
/// # Errors
/// `42703`.
pub(super) fn column_of<'p>(
    parent: &'p RelationEntry,
    definition: &ColumnDefinition,
) -> Result<&'p Attribute> {
    match parent.desc().position(&definition.name) {
        Some(at) => Ok(&parent.desc().attributes()[at]),
        None => bail!(UNDEFINED_COLUMN, "column \"{}\" does not exist", definition.name),
    }
}

/// # Errors
/// `42809` for storage parameters, which a table without storage has none of.
pub(super) fn check_options(statement: &CreateTable) -> Result<()> {
    if statement.partition_by.is_some() && !statement.options.is_empty() {
        return Err(base::err!(
            WRONG_OBJECT_TYPE,
            "cannot specify storage parameters for a partitioned table"
        )
        .hint("Specify storage parameters for its leaf partitions instead."));
    }
    Ok(())
}

/// Stores the bound and the key of a new table.
///
/// # Errors
/// Those of bounds and keys.
pub(super) fn complete(
    session: &Arc<Session>,
    oid: Oid,
    statement: &CreateTable,
    parent: Option<&Arc<RelationEntry>>,
) -> Result<()> {
    if let (Some(parent), Some((_, bound))) = (parent, &statement.partition_of) {
        crate::partition::create(session, oid, parent, bound)?;
    }
    if let Some(by) = &statement.partition_by {
        crate::partition::store_key(session, &session.require_relation(oid)?, by)?;
    }
    Ok(())
}
