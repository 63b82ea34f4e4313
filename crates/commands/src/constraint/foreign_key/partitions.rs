//! Foreign keys of and to partitioned tables.
//!
//! One foreign key is several rows of pg_constraint then. Each partition of the referencing table has a copy of its own,
//! which its rows are checked by. For each partition of the referenced table there is a copy, too, that only tells what
//! to do when rows of that partition go. A copy names the constraint one level up as its parent (conparentid); the two
//! kinds are told apart by their tables: a copy for the referenced side is a constraint of the same table as its parent.

use super::super::trigger::{self, Triggers};
use super::super::{clear_parent, constraints, set_parent};
use super::record;
use crate::inherit;
use crate::name::{self, choose_constraint_name};
use base::{Error, Oid, Result, bail};
use catalog::{DependencyKind, ObjectAddress, PgConstraint, RelationEntry, Session, index as catalog_index};
use lock::LockMode;
use std::sync::Arc;

/// The constraints one level down.
///
/// # Errors
/// What reading the catalogs fails with.
pub(crate) fn copies(session: &Session, constraint: Oid) -> Result<Vec<PgConstraint>> {
    let found =
        session.find::<PgConstraint>(catalog_index::PG_CONSTRAINT_CONPARENTID, &[constraint.into()])?;
    Ok(found.into_iter().map(|(_, row)| row).collect())
}

/// Makes a foreign key of a partition: `row` with other tables and columns.
fn store_copy(
    session: &Session,
    mut row: PgConstraint,
    table: &RelationEntry,
    parent: &PgConstraint,
) -> Result<PgConstraint> {
    let taken = constraints(session, table.oid())?.iter().any(|c| c.conname == parent.conname);
    if taken {
        let namespace = table.class.relnamespace;
        row.conname = choose_constraint_name(session, &parent.conname, None, "", namespace, &[])?;
    }
    row.oid = session.new_oid::<PgConstraint>(catalog_index::PG_CONSTRAINT_OID)?;
    row.connamespace = table.class.relnamespace;
    row.conislocal = false;
    row.coninhcount = 1;
    row.connoinherit = false;
    row.conparentid = parent.oid;
    session.insert(&row)?;
    record(session, &row)?;
    let object = ObjectAddress::new::<PgConstraint>(row.oid);
    let of = ObjectAddress::new::<PgConstraint>(parent.oid);
    if row.conrelid == parent.conrelid {
        session.record_dependencies(object, [of], DependencyKind::Internal)?;
    } else {
        let table = ObjectAddress::new::<catalog::PgClass>(row.conrelid);
        session.record_dependencies(object, [of], DependencyKind::PartitionPrimary)?;
        session.record_dependencies(object, [table], DependencyKind::PartitionSecondary)?;
    }
    session.invalidate_relation(row.conrelid);
    session.command_counter_increment()?;
    Ok(row)
}

fn mapped(columns: &Option<Vec<i16>>, map: &[i16]) -> Option<Vec<i16>> {
    columns.as_ref().map(|columns| columns.iter().map(|n| map[*n as usize - 1]).collect())
}

/// The referenced side: triggers that act when rows go, and copies for the partitions of the referenced table.
///
/// # Errors
/// What locking and writing fail with.
pub(crate) fn add_referenced(session: &Session, row: &PgConstraint, parents: Triggers) -> Result<()> {
    let triggers = match row.conenforced {
        true => trigger::insert_action(session, row, parents)?,
        false => trigger::NONE,
    };
    let referenced = session.require_relation(row.confrelid)?;
    if referenced.kind() != b'p' {
        return Ok(());
    }
    for partition in inherit::children(session, row.confrelid, LockMode::ShareRowExclusive)? {
        add_for_referenced(session, row, &referenced, &partition, triggers)?;
    }
    Ok(())
}

/// The partition's index that belongs to one of its parent.
fn index_of(session: &Session, partition: &RelationEntry, of: Oid) -> Result<Oid> {
    for index in &partition.indexes {
        if session.parents(index.oid)?.contains(&of) {
            return Ok(index.oid);
        }
    }
    Err(Error::internal(format!("index for {of} not found in partition {}", partition.name())))
}

/// The copy for one partition of the referenced table.
fn add_for_referenced(
    session: &Session,
    row: &PgConstraint,
    referenced: &RelationEntry,
    partition: &RelationEntry,
    triggers: Triggers,
) -> Result<()> {
    let map = inherit::attribute_map(session, referenced, partition)?;
    let mut copy = row.clone();
    copy.confrelid = partition.oid();
    copy.confkey = mapped(&row.confkey, &map);
    copy.conindid = index_of(session, partition, row.conindid)?;
    let table = session.require_relation(row.conrelid)?;
    let copy = store_copy(session, copy, &table, row)?;
    add_referenced(session, &copy, triggers)
}

/// The referencing side: triggers that check new rows, and copies for the partitions of the table, or constraints that
/// they have already. Adds those to `unchecked` whose rows are still to be looked at.
///
/// # Errors
/// `42P17` for a partition whose own constraint is enforced differently; what locking and writing fail with.
pub(crate) fn add_referencing(
    session: &Session,
    row: &PgConstraint,
    parents: Triggers,
    unchecked: &mut Vec<PgConstraint>,
) -> Result<()> {
    let triggers = match row.conenforced {
        true => trigger::insert_check(session, row, parents)?,
        false => trigger::NONE,
    };
    let table = session.require_relation(row.conrelid)?;
    if table.kind() != b'p' {
        if row.conenforced && row.convalidated {
            unchecked.push(row.clone());
        }
        return Ok(());
    }
    for partition in inherit::children(session, row.conrelid, LockMode::ShareRowExclusive)? {
        add_to_partition(session, row, &table, &partition, triggers, unchecked)?;
    }
    Ok(())
}

/// The copy for one partition of the referencing table.
fn add_to_partition(
    session: &Session,
    row: &PgConstraint,
    table: &RelationEntry,
    partition: &RelationEntry,
    triggers: Triggers,
    unchecked: &mut Vec<PgConstraint>,
) -> Result<()> {
    if partition.kind() == b'f' {
        bail!(WRONG_OBJECT_TYPE, "foreign key constraints are not supported on foreign tables");
    }
    let map = inherit::attribute_map(session, table, partition)?;
    let mut copy = row.clone();
    copy.conrelid = partition.oid();
    copy.conkey = mapped(&row.conkey, &map);
    copy.confdelsetcols = mapped(&row.confdelsetcols, &map);
    for own in constraints(session, partition.oid())?.iter() {
        if matches(row, &copy, own, partition)? {
            return adopt(session, row, own, triggers, unchecked);
        }
    }
    let copy = store_copy(session, copy, partition, row)?;
    add_referencing(session, &copy, triggers, unchecked)
}

/// Whether a partition has the constraint `wanted` as its own.
fn matches(
    parent: &PgConstraint,
    wanted: &PgConstraint,
    own: &PgConstraint,
    partition: &RelationEntry,
) -> Result<bool> {
    let keys = |c: &PgConstraint| (c.confrelid, c.conkey.clone(), c.confkey.clone(), c.conpfeqop.clone());
    if own.contype as u8 != b'f' || keys(own) != keys(wanted) {
        return Ok(false);
    }
    if own.conenforced != wanted.conenforced {
        bail!(
            INVALID_OBJECT_DEFINITION,
            "constraint \"{}\" enforceability conflicts with constraint \"{}\" on relation \"{}\"",
            parent.conname,
            own.conname,
            partition.name()
        );
    }
    let ways =
        |c: &PgConstraint| (c.condeferrable, c.condeferred, c.confupdtype, c.confdeltype, c.confmatchtype);
    Ok(!own.conparentid.is_valid() && ways(own) == ways(wanted))
}

/// Makes a constraint that a partition has part of its parent's: the triggers for the referenced side are the parent's.
fn adopt(
    session: &Session,
    parent: &PgConstraint,
    own: &PgConstraint,
    triggers: Triggers,
    unchecked: &mut Vec<PgConstraint>,
) -> Result<()> {
    remove_referenced_copies(session, own)?;
    trigger::remove(session, own.oid, &|t| t.tgrelid == own.confrelid && !trigger::is_check(t))?;
    set_parent(session, own.oid, parent.oid, own.conrelid)?;
    if parent.conenforced {
        trigger::set_parents(session, own, triggers)?;
    }
    if parent.convalidated && !own.convalidated {
        let own = session.row::<PgConstraint>(catalog_index::PG_CONSTRAINT_OID, &[own.oid.into()])?;
        unchecked.extend(own.map(|own| (*own).clone()));
    }
    Ok(())
}

/// Removes the copies that a foreign key to a partitioned table has for the partitions of that.
fn remove_referenced_copies(session: &Session, constraint: &PgConstraint) -> Result<()> {
    for copy in copies(session, constraint.oid)? {
        if copy.conrelid != constraint.conrelid {
            continue;
        }
        remove_copy(session, &copy)?;
    }
    Ok(())
}

/// Removes one of them, and those below it.
fn remove_copy(session: &Session, copy: &PgConstraint) -> Result<()> {
    remove_referenced_copies(session, copy)?;
    trigger::remove(session, copy.oid, &|_| true)?;
    session.forget_dependencies(ObjectAddress::new::<PgConstraint>(copy.oid), None)?;
    for (tid, _) in session.find::<PgConstraint>(catalog_index::PG_CONSTRAINT_OID, &[copy.oid.into()])? {
        session.delete::<PgConstraint>(tid)?;
    }
    session.invalidate_relation(copy.conrelid);
    session.invalidate_relation(copy.confrelid);
    session.command_counter_increment()
}

/// Without those whose parents are among them.
fn topmost(mut constraints: Vec<PgConstraint>) -> Vec<PgConstraint> {
    let all: Vec<Oid> = constraints.iter().map(|c| c.oid).collect();
    constraints.retain(|c| !all.contains(&c.conparentid));
    constraints
}

/// A table's foreign keys, without the copies for the referenced side.
fn own_foreign_keys(session: &Session, table: Oid) -> Result<Vec<PgConstraint>> {
    let all = constraints(session, table)?;
    Ok(topmost(all.iter().filter(|c| c.contype as u8 == b'f').map(|c| (**c).clone()).collect()))
}

/// All foreign keys. pg_constraint has no index by the table referred to.
///
/// # Errors
/// What reading the catalogs fails with.
pub(crate) fn foreign_keys(session: &Session) -> Result<Vec<PgConstraint>> {
    let all = session.find::<PgConstraint>(catalog_index::PG_CONSTRAINT_OID, &[])?;
    Ok(all.into_iter().map(|(_, row)| row).filter(|c| c.contype as u8 == b'f').collect())
}

fn foreign_keys_to(session: &Session, table: Oid) -> Result<Vec<PgConstraint>> {
    Ok(foreign_keys(session)?.into_iter().filter(|c| c.confrelid == table).collect())
}

/// Gives a new partition the foreign keys of and to its parent. Those in `unchecked` are still to be held against the
/// partition's rows.
///
/// # Errors
/// `42809` if the parent refers to the partition; those of adding foreign keys.
pub(crate) fn clone_to_partition(
    session: &Session,
    parent: Oid,
    partition: Oid,
    unchecked: &mut Vec<PgConstraint>,
) -> Result<()> {
    let parent = session.require_relation(parent)?;
    let partition = session.require_relation(partition)?;
    let own = own_foreign_keys(session, parent.oid())?;
    for key in &own {
        if key.confrelid == partition.oid() {
            bail!(
                WRONG_OBJECT_TYPE,
                "cannot attach table \"{}\" as a partition because it is referenced by foreign key \"{}\"",
                partition.name(),
                key.conname
            );
        }
    }
    for key in &own {
        name::lock_relation(session, key.confrelid, LockMode::ShareRowExclusive)?;
        let triggers = trigger::of_check(session, key)?;
        add_to_partition(session, key, &parent, &partition, triggers, unchecked)?;
    }
    for key in topmost(foreign_keys_to(session, parent.oid())?) {
        name::lock_relation(session, key.conrelid, LockMode::ShareRowExclusive)?;
        let triggers = trigger::of_action(session, &key)?;
        add_for_referenced(session, &key, &parent, &partition, triggers)?;
    }
    Ok(())
}

/// Checks that the rows of a partition that goes away are referenced by nobody through its parent.
///
/// # Errors
/// `23503`.
pub(crate) fn check_removal(session: &Arc<Session>, partition: &Arc<RelationEntry>) -> Result<()> {
    for key in foreign_keys_to(session, partition.oid())?.iter().filter(|c| c.conparentid.is_valid()) {
        name::lock_relation(session, key.conrelid, LockMode::Share)?;
        executor::check_partition_removal(&mut crate::expression::execution(session)?, partition, key)?;
    }
    Ok(())
}

/// A table that is a partition no more keeps its foreign keys as its own; those to its former parent are no longer to
/// it.
///
/// # Errors
/// What writing fails with.
pub(crate) fn detach(session: &Arc<Session>, table: Oid) -> Result<()> {
    for key in own_foreign_keys(session, table)?.iter().filter(|c| c.conparentid.is_valid()) {
        clear_parent(session, key.oid)?;
        if key.conenforced {
            trigger::set_parents(session, key, trigger::NONE)?;
        }
        name::lock_relation(session, key.confrelid, LockMode::ShareRowExclusive)?;
        let key = PgConstraint { conparentid: Oid(0), ..key.clone() };
        add_referenced(session, &key, trigger::NONE)?;
    }
    for key in foreign_keys_to(session, table)? {
        let parent = match key.conparentid.some() {
            Some(parent) => {
                session.row::<PgConstraint>(catalog_index::PG_CONSTRAINT_OID, &[parent.into()])?
            }
            None => None,
        };
        if parent.is_some_and(|p| p.conrelid == key.conrelid && p.confrelid != key.confrelid) {
            remove_copy(session, &key)?;
        }
    }
    Ok(())
}
