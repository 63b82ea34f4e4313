//! ATTACH PARTITION and DETACH PARTITION.

use super::{bound, check_default, index, require_all, set_default, store_bound};
use crate::constraint::foreign_key_partitions as keys;
use crate::{inherit, name, privilege, relation};
use base::{Result, bail, err};
use catalog::{RelationEntry, Session};
use ir::{Expr, PartitionBound};
use lock::LockMode;
use std::sync::Arc;
use syntax::RelationName;

/// ATTACH PARTITION to a table.
///
/// # Errors
/// `42809`, `42804`, `42P17`, `23514` when rows are none of the partition's.
pub(crate) fn attach(
    session: &Arc<Session>,
    parent: &Arc<RelationEntry>,
    partition_name: &RelationName,
    written: Option<&syntax::PartitionBound>,
) -> Result<()> {
    let Some(written) = written else {
        return Err(base::Error::internal("a partition without a bound"));
    };
    let Some(partitions) = partition::partitions_of(session, parent)? else {
        return Err(err!(
            WRONG_OBJECT_TYPE,
            "ALTER action ATTACH PARTITION cannot be performed on relation \"{}\"",
            parent.name()
        )
        .detail("This operation is not supported for tables."));
    };
    let table = name::open_relation(session, partition_name, LockMode::AccessExclusive)?;
    check_table(session, parent, &table)?;
    let bound = bound::transform(session, parent, &partitions.key, written)?;
    bound::check(session, table.name(), &partitions, &bound, written)?;
    for attribute in table.desc().attributes().iter().filter(|a| !a.dropped) {
        if attribute.identity != 0 {
            return Err(err!(
                OBJECT_NOT_IN_PREREQUISITE_STATE,
                "table \"{}\" being attached contains an identity column \"{}\"",
                table.name(),
                attribute.name
            )
            .detail("The new partition may not contain an identity column."));
        }
        if parent.desc().position(&attribute.name).is_none() {
            return Err(err!(
                DATATYPE_MISMATCH,
                "table \"{}\" contains column \"{}\" not found in parent \"{}\"",
                table.name(),
                attribute.name,
                parent.name()
            )
            .detail("The new partition may contain only the columns present in parent."));
        }
    }
    inherit::attach(session, &table, parent, true)?;
    let table = session.require_relation(table.oid())?;
    index::attach_all(session, parent, &table)?;
    crate::trigger::clone_to_partition(session, parent.oid(), table.oid())?;
    let mut unchecked = Vec::new();
    keys::clone_to_partition(session, parent.oid(), table.oid(), &mut unchecked)?;
    let table = session.require_relation(table.oid())?;
    validate(session, parent, &partitions.key, &table, &bound, &partitions.own)?;
    check_default(session, parent, &partitions, &bound)?;
    store_bound(session, &*session.require_relation(table.oid())?, parent, &bound)?;
    crate::constraint::check_foreign_keys(session, &unchecked)
}

fn check_table(session: &Session, parent: &RelationEntry, table: &RelationEntry) -> Result<()> {
    privilege::require_relation_owner(session, table)?;
    let name = table.name();
    if table.class.relispartition {
        bail!(WRONG_OBJECT_TYPE, "\"{name}\" is already a partition");
    }
    if table.class.reloftype.is_valid() {
        bail!(WRONG_OBJECT_TYPE, "cannot attach a typed table as partition");
    }
    if !matches!(table.kind(), b'r' | b'p' | b'f') {
        bail!(WRONG_OBJECT_TYPE, "\"{name}\" is not a table or foreign table");
    }
    if !session.parents(table.oid())?.is_empty() {
        bail!(WRONG_OBJECT_TYPE, "cannot attach inheritance child as partition");
    }
    if table.kind() == b'r' && !session.children(table.oid())?.is_empty() {
        bail!(WRONG_OBJECT_TYPE, "cannot attach inheritance parent as partition");
    }
    if session.descends_from(parent.oid(), table.oid())? {
        return Err(err!(DUPLICATE_TABLE, "circular inheritance not allowed")
            .detail(format!("\"{}\" is already a child of \"{name}\".", parent.name())));
    }
    let temporary = |entry: &RelationEntry| entry.class.relpersistence as u8 == b't';
    match (temporary(parent), temporary(table)) {
        (true, false) => bail!(
            WRONG_OBJECT_TYPE,
            "cannot attach a permanent relation as partition of temporary relation \"{}\"",
            parent.name()
        ),
        (false, true) => bail!(
            WRONG_OBJECT_TYPE,
            "cannot attach a temporary relation as partition of permanent relation \"{}\"",
            parent.name()
        ),
        _ => Ok(()),
    }
}

/// The rows that are there must be the partition's.
fn validate(
    session: &Arc<Session>,
    parent: &RelationEntry,
    key: &partition::PartitionKey,
    table: &RelationEntry,
    bound: &PartitionBound,
    others: &[PartitionBound],
) -> Result<()> {
    let mut conditions = partition::own_conditions(session, parent)?;
    conditions.extend(partition::bound_conditions(session, parent, key, bound, others)?);
    if conditions.is_empty() {
        return Ok(());
    }
    let whole = Expr::Bool { op: ir::BoolOp::And, args: conditions, location: None };
    for leaf in inherit::descendants(session, table.oid(), LockMode::AccessExclusive)? {
        let leaf = session.require_relation(leaf)?;
        if leaf.kind() != b'r' {
            continue;
        }
        let mut own = whole.clone();
        partition::map_columns(&mut own, &inherit::attribute_map(session, parent, &leaf)?)?;
        let failed = |name: &str| match bound {
            PartitionBound::Default(_) => err!(
                CHECK_VIOLATION,
                "updated partition constraint for default partition \"{name}\" would be violated by some row"
            ),
            _ => err!(CHECK_VIOLATION, "partition constraint of relation \"{name}\" is violated by some row"),
        };
        let failed = |name: &str| match bound {
            PartitionBound::Default(_) => {
                err!(CHECK_VIOLATION, "partition constraint of relation \"{name}\" is violated by some row")
            }
            _ => failed(name),
        };
        require_all(session, &leaf, &own, &failed)?;
    }
    Ok(())
}

/// DETACH PARTITION from a table.
///
/// # Errors
/// `42P01`, `42809`, `0A000` for CONCURRENTLY.
pub(crate) fn detach(
    session: &Arc<Session>,
    parent: &Arc<RelationEntry>,
    partition_name: &RelationName,
    concurrently: bool,
    finalize: bool,
) -> Result<()> {
    if parent.kind() != b'p' {
        return Err(err!(
            WRONG_OBJECT_TYPE,
            "ALTER action DETACH PARTITION cannot be performed on relation \"{}\"",
            parent.name()
        )
        .detail("This operation is not supported for tables."));
    }
    if concurrently || finalize {
        return Err(base::Error::unsupported("DETACH PARTITION CONCURRENTLY"));
    }
    let table = name::open_relation(session, partition_name, LockMode::AccessExclusive)?;
    keys::check_removal(session, &table)?;
    let partitions = partition::partitions_of(session, parent)?;
    let default = partitions.as_ref().and_then(|p| p.default.map(|at| p.oids[at]));
    if let Some(default) = default {
        name::lock_relation(session, default, LockMode::AccessExclusive)?;
        session.invalidate_relation(default);
    }
    inherit::detach(session, table.oid(), parent)?;
    relation::update_class(session, table.oid(), |class| {
        class.relispartition = false;
        class.relpartbound = None;
    })?;
    if default == Some(table.oid()) {
        set_default(session, parent.oid(), base::Oid(0))?;
    }
    for attribute in 1..=table.desc().len() as i16 {
        if table.desc().attributes()[attribute as usize - 1].identity != 0 {
            relation::update_attribute(session, table.oid(), attribute, |row| row.attidentity = 0)?;
        }
    }
    index::detach_all(session, &table)?;
    crate::trigger::detach(session, table.oid())?;
    keys::detach(session, table.oid())?;
    session.invalidate_relation(parent.oid());
    session.invalidate_relation(table.oid());
    session.command_counter_increment()
}
