//! Partitions: keys, bounds, attaching and detaching.

use base::{Error, Result};
use catalog::{RelationEntry, Session};
use std::sync::Arc;
use syntax::{PartitionBound, RelationName};

/// # Errors
/// `42P16` for a column that is part of the partition key.
pub(crate) fn refuse_key_column(
    _session: &Session,
    _table: &RelationEntry,
    _column: i16,
    _name: &str,
    _verb: &str,
) -> Result<()> {
    Ok(())
}

/// ATTACH PARTITION.
///
/// # Errors
/// `0A000`.
pub(crate) fn attach(
    _session: &Arc<Session>,
    _parent: &Arc<RelationEntry>,
    _partition: &RelationName,
    _bound: Option<&PartitionBound>,
) -> Result<()> {
    Err(Error::unsupported("partitions"))
}

/// DETACH PARTITION.
///
/// # Errors
/// `0A000`.
pub(crate) fn detach(
    _session: &Arc<Session>,
    _parent: &Arc<RelationEntry>,
    _partition: &RelationName,
    _concurrently: bool,
    _finalize: bool,
) -> Result<()> {
    Err(Error::unsupported("partitions"))
}
