//! Partitions: `key` is PARTITION BY, `bound` FOR VALUES; here is what CREATE TABLE ... PARTITION OF and ALTER TABLE ...
//! ATTACH and DETACH PARTITION make of them. `index` keeps the indexes of partitions with those of their parents.

mod attach;
mod bound;
mod index;
mod key;

pub(crate) use attach::{attach, detach};
pub(crate) use index::{attach_index, cascade as cascade_index, check_unique, clone_to_partition};
pub(crate) use key::store as store_key;

use crate::{inherit, name, relation};
use base::{Oid, Result, bail, err};
use catalog::{PgPartitionedTable, RelationEntry, Session, index as catalog_index};
use ir::{Expr, PartitionBound};
use lock::LockMode;
use partition::Partitions;
use std::sync::Arc;

/// # Errors
/// `42P16` for a column that is part of the partition key.
pub(crate) fn refuse_key_column(
    session: &Session,
    table: &RelationEntry,
    column: i16,
    name: &str,
    verb: &str,
) -> Result<()> {
    if table.kind() != b'p' {
        return Ok(());
    }
    let Some(partitions) = partition::partitions_of(session, table)? else { return Ok(()) };
    for key in &partitions.key.columns {
        if key.attribute == column {
            bail!(
                INVALID_TABLE_DEFINITION,
                "cannot {verb} column \"{name}\" because it is part of the partition key of relation \"{}\"",
                table.name()
            );
        }
        if key.attribute == 0 && crate::dependency::columns_of(&key.expr).contains(&column) {
            bail!(
                INVALID_TABLE_DEFINITION,
                "cannot {verb} column \"{name}\" because it is part of the partition key of relation \"{}\"",
                table.name()
            );
        }
    }
    Ok(())
}

/// Makes a new table the partition of its parent that the statement says.
///
/// # Errors
/// `42P17`, `23514` for rows of the default partition that belong to the new one.
pub(crate) fn create(
    session: &Arc<Session>,
    table: Oid,
    parent: &Arc<RelationEntry>,
    written: &syntax::PartitionBound,
) -> Result<()> {
    let parent = session.require_relation(parent.oid())?;
    let table = session.require_relation(table)?;
    let Some(partitions) = partition::partitions_of(session, &parent)? else {
        bail!(WRONG_OBJECT_TYPE, "\"{}\" is not partitioned", parent.name());
    };
    let bound = bound::transform(session, &parent, &partitions.key, written)?;
    bound::check(session, table.name(), &partitions, &bound, written)?;
    check_default(session, &parent, &partitions, &bound)?;
    store_bound(session, &table, &parent, &bound)
}

/// Stores the bound of a partition.
///
/// # Errors
/// What writing the catalogs fails with.
fn store_bound(
    session: &Session,
    table: &RelationEntry,
    parent: &RelationEntry,
    bound: &PartitionBound,
) -> Result<()> {
    let text = ir::text::write_bound(bound);
    relation::update_class(session, table.oid(), |class| {
        class.relispartition = true;
        class.relpartbound = Some(text);
    })?;
    if matches!(bound, PartitionBound::Default(_)) {
        set_default(session, parent.oid(), table.oid())?;
    }
    // The default partition's rows are what the others leave.
    if let Some(partitions) = partition::partitions_of(session, parent)?
        && let Some(default) = partitions.default
    {
        session.invalidate_relation(partitions.oids[default]);
    }
    session.invalidate_relation(table.oid());
    session.invalidate_relation(parent.oid());
    session.command_counter_increment()
}

/// Notes which partition is the default one; 0 for none.
fn set_default(session: &Session, parent: Oid, default: Oid) -> Result<()> {
    let keys = [parent.into()];
    for (tid, mut row) in
        session.find::<PgPartitionedTable>(catalog_index::PG_PARTITIONED_TABLE_PARTRELID, &keys)?
    {
        row.partdefid = default;
        session.update(tid, &row)?;
    }
    Ok(())
}

/// The default partition must have no rows that belong to a new one.
fn check_default(
    session: &Arc<Session>,
    parent: &RelationEntry,
    partitions: &Partitions,
    bound: &PartitionBound,
) -> Result<()> {
    let Some(default) = partitions.default else { return Ok(()) };
    if matches!(bound, PartitionBound::Default(_)) {
        return Ok(());
    }
    let default = partitions.oids[default];
    name::lock_relation(session, default, LockMode::AccessExclusive)?;
    let conditions = partition::bound_conditions(session, parent, &partitions.key, bound, &[])?;
    let belongs = Expr::Bool { op: ir::BoolOp::And, args: conditions, location: None };
    let stays = Expr::Bool { op: ir::BoolOp::Not, args: vec![belongs], location: None };
    for leaf in inherit::descendants(session, default, LockMode::AccessExclusive)? {
        let leaf = session.require_relation(leaf)?;
        if leaf.kind() != b'r' {
            continue;
        }
        let mut stays = stays.clone();
        partition::map_columns(&mut stays, &inherit::attribute_map(session, parent, &leaf)?)?;
        let failed = |_: &str| {
            err!(
                CHECK_VIOLATION,
                "updated partition constraint for default partition \"{}\" would be violated by some row",
                leaf.name()
            )
        };
        require_all(session, &leaf, &stays, &failed)?;
    }
    Ok(())
}

/// # Errors
/// What `failed` makes, if a row makes the condition false.
fn require_all(
    session: &Arc<Session>,
    table: &RelationEntry,
    condition: &Expr,
    failed: &dyn Fn(&str) -> base::Error,
) -> Result<()> {
    crate::alter_table::check_rows(session, table, condition, &|| failed(table.name()))
}
