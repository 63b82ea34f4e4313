//! Partitioned tables: keys, bounds, which partition takes a row, and what a partition's rows fulfil. See README.md.
#![forbid(unsafe_code)]

mod bounds;
mod condition;
mod key;
mod prune;

pub use bounds::{Bounds, Partitions, compare_lower, compare_range};
pub use condition::{bound_conditions, map_columns, own_conditions};
pub use key::{KeyColumn, PartitionKey, Strategy};
pub use prune::{HashOf, ValueOf};

use base::{Oid, Result};
use catalog::{PgClass, RelationEntry, Session, index};
use ir::PartitionBound;
use std::sync::Arc;

/// The bound of a partition; `None` for other relations.
///
/// # Errors
/// What reading the catalogs fails with.
pub fn bound_of(session: &Session, class: &PgClass) -> Result<Option<PartitionBound>> {
    if !class.relispartition {
        return Ok(None);
    }
    let Some(text) = &class.relpartbound else { return Ok(None) };
    ir::text::read_bound(text, &|oid| session.type_layout(oid)).map(Some)
}

/// The partitions of a partitioned table, worked out once for as long as its entry is true; `None` for other relations.
///
/// # Errors
/// What reading the catalogs fails with.
pub fn partitions_of(session: &Session, entry: &RelationEntry) -> Result<Option<Arc<Partitions>>> {
    if entry.kind() != b'p' {
        return Ok(None);
    }
    if let Some(known) = entry.derived.get()
        && let Ok(known) = known.clone().downcast::<Partitions>()
    {
        return Ok(Some(known));
    }
    let Some(key) = PartitionKey::load(session, entry)? else { return Ok(None) };
    let mut found: Vec<(Oid, bool, PartitionBound)> = Vec::new();
    for child in session.children(entry.oid())? {
        let Some(class) = session.row::<PgClass>(index::PG_CLASS_OID, &[child.into()])? else { continue };
        if let Some(bound) = bound_of(session, &class)? {
            found.push((child, class.relkind as u8 != b'p', bound));
        }
    }
    let made = Arc::new(Partitions::new(key, found));
    // Another session may have been faster; its answer is the same.
    let _ = entry.derived.set(made.clone());
    Ok(Some(made))
}

/// The parent of a partition.
///
/// # Errors
/// What reading the catalogs fails with.
pub fn parent_of(session: &Session, partition: Oid) -> Result<Option<Oid>> {
    Ok(session.parents(partition)?.first().copied())
}
