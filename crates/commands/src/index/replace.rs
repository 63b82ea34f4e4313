//! REINDEX CONCURRENTLY: a new index is made beside the old one as by CREATE INDEX CONCURRENTLY, takes its name and its
//! place in the catalogs, and the old one is dropped as by DROP INDEX CONCURRENTLY.

use super::concurrent::{SessionLock, change_row, complete, fill, wait_for_lockers};
use crate::drop;
use crate::name::{choose_relation_name, lock_relation};
use crate::relation;
use crate::vacuum::next_transaction;
use base::{Oid, Result};
use catalog::{
    CatalogRow, DependencyKind, ObjectAddress, PgClass, PgConstraint, PgDepend, PgDescription, PgIndex,
    PgStatistic, PgTrigger, Session, index as catalog_index,
};
use datum::Datum;
use lock::LockMode;
use std::sync::Arc;

/// An index and the one that replaces it.
struct Pair {
    table: Oid,
    old: Oid,
    new: Oid,
}

/// Replaces indexes of tables that are locked ShareUpdateExclusive, as they are themselves: (table, index).
///
/// # Errors
/// As CREATE INDEX CONCURRENTLY; what has been made by then is left behind.
pub(super) fn replace(session: &Arc<Session>, indexes: &[(Oid, Oid)]) -> Result<()> {
    let mut pairs = Vec::new();
    let mut held = Vec::new();
    for (table, old) in indexes {
        let pair = Pair { table: *table, old: *old, new: copy(session, *table, *old)? };
        for relation in [pair.table, pair.old, pair.new] {
            held.push(SessionLock::take(session, relation, LockMode::ShareUpdateExclusive)?);
        }
        pairs.push(pair);
    }
    let wait = |mode: LockMode| -> Result<()> {
        next_transaction(session)?;
        let mut tables: Vec<Oid> = pairs.iter().map(|pair| pair.table).collect();
        tables.dedup();
        tables
            .into_iter()
            .try_for_each(|table| wait_for_lockers(session, &session.relation_lock_tag(table)?, mode))
    };
    wait(LockMode::Share)?;
    for pair in &pairs {
        fill(session, pair.table, pair.new)?;
        next_transaction(session)?;
    }
    wait(LockMode::Share)?;
    for pair in &pairs {
        let limit = complete(session, pair.table, pair.new)?;
        next_transaction(session)?;
        session.transaction()?.wait_for_older_snapshots(limit, &session.wait_policy())?;
    }
    for pair in &pairs {
        swap(session, pair)?;
        next_transaction(session)?;
    }
    wait(LockMode::AccessExclusive)?;
    for pair in &pairs {
        change_row(session, pair.table, pair.old, |row| (row.indisready, row.indislive) = (false, false))?;
    }
    wait(LockMode::AccessExclusive)?;
    let targets: Vec<_> = pairs.iter().map(|pair| ObjectAddress::new::<PgClass>(pair.old)).collect();
    drop::remove_all(session, &targets, false)
}

/// Makes an empty index like another one.
fn copy(session: &Arc<Session>, table: Oid, old: Oid) -> Result<Oid> {
    let entry = session.require_relation(old)?;
    let name = choose_relation_name(session, entry.name(), None, "ccnew", entry.class.relnamespace, false)?;
    let oid = relation::relation_number(session, entry.class.reltablespace)?;
    let mut class = PgClass::clone(&entry.class);
    (class.oid, class.relfilenode) = (oid, oid);
    class.relname = name.as_str().into();
    (class.relpages, class.reltuples, class.relallvisible, class.relallfrozen) = (0, 0.0, 0, 0);
    relation::create_storage(session, &class)?;
    lock_relation(session, oid, LockMode::ShareUpdateExclusive)?;
    session.insert(&class)?;
    relation::insert_attributes(session, oid, b'i', entry.desc().attributes())?;
    let mut on = Vec::new();
    for (_, mut row) in session.find::<PgIndex>(catalog_index::PG_INDEX_INDEXRELID, &[old.into()])? {
        row.indexrelid = oid;
        (row.indisready, row.indisvalid, row.indislive, row.indimmediate) = (false, false, true, true);
        (row.indisprimary, row.indisexclusion, row.indisclustered, row.indisreplident) =
            (false, false, false, false);
        session.insert(&row)?;
        let columns = row.indkey.iter().filter(|number| **number > 0);
        on.extend(columns.map(|number| ObjectAddress::column(table, *number)));
    }
    if on.is_empty() {
        on.push(ObjectAddress::new::<PgClass>(table));
    }
    session.record_dependencies(ObjectAddress::new::<PgClass>(oid), on, DependencyKind::Auto)?;
    session.invalidate_relation(table);
    session.command_counter_increment()?;
    Ok(oid)
}

/// The new index becomes what the old one was.
fn swap(session: &Arc<Session>, pair: &Pair) -> Result<()> {
    let Pair { table, old, new } = *pair;
    lock_relation(session, table, LockMode::ShareUpdateExclusive)?;
    let (old_tid, mut old_class) = relation::class_row(session, old)?;
    let (new_tid, mut new_class) = relation::class_row(session, new)?;
    let namespace = old_class.relnamespace;
    let aside = choose_relation_name(session, &old_class.relname, None, "ccold", namespace, false)?;
    new_class.relname = std::mem::replace(&mut old_class.relname, aside.as_str().into());
    session.update(old_tid, &old_class)?;
    session.command_counter_increment()?;
    session.update(new_tid, &new_class)?;
    let rows = |oid: Oid| session.find::<PgIndex>(catalog_index::PG_INDEX_INDEXRELID, &[oid.into()]);
    for ((old_tid, mut old_row), (new_tid, mut new_row)) in rows(old)?.into_iter().zip(rows(new)?) {
        new_row.indisprimary = std::mem::take(&mut old_row.indisprimary);
        new_row.indisexclusion = std::mem::take(&mut old_row.indisexclusion);
        new_row.indisclustered = std::mem::take(&mut old_row.indisclustered);
        new_row.indisreplident = std::mem::take(&mut old_row.indisreplident);
        new_row.indimmediate = std::mem::replace(&mut old_row.indimmediate, true);
        (new_row.indisvalid, old_row.indisvalid) = (true, false);
        session.update(old_tid, &old_row)?;
        session.update(new_tid, &new_row)?;
    }
    for (tid, mut row) in session.find_all::<PgConstraint>()? {
        if row.conindid == old {
            row.conindid = new;
            session.update(tid, &row)?;
            session.invalidate_relation(row.conrelid);
        }
    }
    for (tid, mut row) in session.find_all::<PgTrigger>()? {
        if row.tgconstrindid == old {
            row.tgconstrindid = new;
            session.update(tid, &row)?;
            session.invalidate_relation(row.tgrelid);
        }
    }
    let class = Datum::from(PgClass::OID);
    for (tid, mut row) in
        session.find::<PgDescription>(catalog_index::PG_DESCRIPTION_O_C_O, &[old.into(), class])?
    {
        row.objoid = new;
        session.update(tid, &row)?;
    }
    for (tid, mut row) in
        session.find::<PgStatistic>(catalog_index::PG_STATISTIC_RELID_ATT_INH, &[old.into()])?
    {
        row.starelid = new;
        session.update(tid, &row)?;
    }
    swap_dependencies(session, old, new)?;
    for relation in [table, old, new] {
        session.invalidate_relation(relation);
    }
    session.command_counter_increment()
}

/// What one depends on the other does afterwards, and what depends on the old one depends on the new one.
fn swap_dependencies(session: &Session, old: Oid, new: Oid) -> Result<()> {
    let of = |oid: Oid| session.dependencies_of(ObjectAddress::new::<PgClass>(oid));
    let to = |oid: Oid| session.dependents_of(ObjectAddress::new::<PgClass>(oid));
    let change = |rows: Vec<(base::Tid, PgDepend)>, change: &dyn Fn(&mut PgDepend)| -> Result<()> {
        rows.into_iter().try_for_each(|(tid, mut row)| {
            change(&mut row);
            session.update(tid, &row)
        })
    };
    let (of_old, of_new, to_old) = (of(old)?, of(new)?, to(old)?);
    change(of_old, &|row| row.objid = new)?;
    change(of_new, &|row| row.objid = old)?;
    change(to_old, &|row| row.refobjid = new)
}
