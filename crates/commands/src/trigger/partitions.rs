//! Row triggers of partitioned tables: each partition has a copy, whose parent (tgparentid) is the partitioned table's.

use super::bits;
use super::create::{Definition, store};
use crate::{create_table, expression, inherit};
use base::{Oid, Result};
use catalog::{ObjectAddress, PgTrigger, RelationEntry, Session, index};
use lock::LockMode;
use std::sync::Arc;

/// A trigger of `from` as one of its partition.
fn copy_for(
    session: &Session,
    from: &RelationEntry,
    partition: &RelationEntry,
    wanted: &Definition,
    parent: Oid,
) -> Result<Definition> {
    let map = inherit::attribute_map(session, from, partition)?;
    let mut copy = wanted.clone();
    copy.columns = wanted.columns.iter().map(|n| map[*n as usize - 1]).collect();
    copy.condition = match &wanted.condition {
        Some(condition) => Some(create_table::renumber(condition, &map)?),
        None => None,
    };
    copy.parent = parent;
    Ok(copy)
}

/// Makes a partitioned table's trigger on its partitions.
///
/// # Errors
/// `42710`.
pub(super) fn hand_down(
    session: &Arc<Session>,
    table: &RelationEntry,
    wanted: &Definition,
    parent: Oid,
    replace: bool,
) -> Result<()> {
    for partition in inherit::children(session, table.oid(), LockMode::ShareRowExclusive)? {
        let copy = copy_for(session, table, &partition, wanted, parent)?;
        store(session, &partition, &copy, replace)?;
    }
    Ok(())
}

fn definition(session: &Session, row: &PgTrigger) -> Result<Definition> {
    Ok(Definition {
        name: row.tgname.clone(),
        function: row.tgfoid,
        events: row.tgtype,
        columns: row.tgattr.clone(),
        condition: match &row.tgqual {
            Some(text) => Some(expression::load(session, text)?),
            None => None,
        },
        count: row.tgnargs,
        arguments: row.tgargs.0.to_vec(),
        referenced: row.tgconstrrelid,
        is_constraint: row.tgconstraint.is_valid(),
        deferrable: row.tgdeferrable,
        deferred: row.tginitdeferred,
        enabled: row.tgenabled as u8,
        parent: row.tgparentid,
    })
}

/// Gives a new partition its parent's triggers.
///
/// # Errors
/// `42710`.
pub(crate) fn clone_to_partition(session: &Arc<Session>, parent: Oid, partition: Oid) -> Result<()> {
    let parent = session.require_relation(parent)?;
    let partition = session.require_relation(partition)?;
    for row in parent.triggers.iter().filter(|t| !t.tgisinternal && t.tgtype & bits::ROW != 0) {
        let copy = copy_for(session, &parent, &partition, &definition(session, row)?, row.oid)?;
        store(session, &partition, &copy, false)?;
    }
    Ok(())
}

/// The copies that a table has of other tables' triggers, of one if `parent` is given.
///
/// # Errors
/// What reading the catalogs fails with.
pub(super) fn copies(
    session: &Session,
    table: Oid,
    parent: Option<Oid>,
) -> Result<Vec<(base::Tid, PgTrigger)>> {
    let mut found = session.find::<PgTrigger>(index::PG_TRIGGER_TGRELID_TGNAME, &[table.into()])?;
    found.retain(|(_, row)| match parent {
        Some(parent) => row.tgparentid == parent,
        None => row.tgparentid.is_valid() && !row.tgconstrrelid.is_valid(),
    });
    Ok(found)
}

/// A table that is a partition no more loses its parent's triggers.
///
/// # Errors
/// What writing fails with.
pub(crate) fn detach(session: &Arc<Session>, table: Oid) -> Result<()> {
    let mut going = Vec::new();
    for (_, row) in copies(session, table, None)? {
        let object = ObjectAddress::new::<PgTrigger>(row.oid);
        crate::constraint::forget_partition_dependencies(session, object)?;
        going.push(object);
    }
    session.command_counter_increment()?;
    crate::drop::remove_all(session, &going, false)?;
    session.invalidate_relation(table);
    Ok(())
}
