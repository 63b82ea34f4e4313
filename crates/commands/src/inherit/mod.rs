//! Inheritance: tables that have the columns and constraints of others (pg_inherits), be it as children or as
//! partitions. `columns` merges what CREATE TABLE inherits with what it says itself, `constraint` does so for
//! constraints, `alter` is ALTER TABLE ... INHERIT and NO INHERIT.

mod alter;
mod columns;
mod constraint;

pub(crate) use alter::{add_parent, attach, detach, drop_parent};
pub(crate) use columns::{Merged, merge};
pub(crate) use constraint::{
    CheckTwin, InheritedNotNull, add_checks, add_not_nulls, change, merge_check, not_null_of, set_inherited,
};

use crate::{name, privilege, relation};
use base::{Oid, Result, bail, err};
use catalog::{
    DependencyKind, ObjectAddress, PgClass, PgInherits, RelationEntry, Session, index as catalog_index,
};
use lock::LockMode;
use std::sync::Arc;
use syntax::RelationName;

/// Opens the tables that a new one is to inherit from.
///
/// # Errors
/// `42809`, `42P07`, `42501`, `42P01`.
pub(crate) fn open_parents(
    session: &Arc<Session>,
    names: &[RelationName],
    partition: bool,
    persistence: syntax::Persistence,
) -> Result<Vec<Arc<RelationEntry>>> {
    let mut parents: Vec<Arc<RelationEntry>> = Vec::new();
    let mode = if partition { LockMode::AccessExclusive } else { LockMode::ShareUpdateExclusive };
    for name in names {
        let parent = name::open_relation(session, name, mode)?;
        if parents.iter().any(|p| p.oid() == parent.oid()) {
            bail!(DUPLICATE_TABLE, "relation \"{}\" would be inherited from more than once", parent.name());
        }
        if partition {
            if parent.kind() != b'p' {
                bail!(WRONG_OBJECT_TYPE, "\"{}\" is not partitioned", parent.name());
            }
        } else {
            check_parent(&parent)?;
        }
        let temporary = parent.class.relpersistence as u8 == b't';
        let child_temporary = persistence == syntax::Persistence::Temporary;
        if temporary != child_temporary && (temporary || partition) {
            let (own, of) = if temporary { ("permanent", "temporary") } else { ("temporary", "permanent") };
            if partition {
                bail!(
                    WRONG_OBJECT_TYPE,
                    "cannot create a {own} relation as partition of {of} relation \"{}\"",
                    parent.name()
                );
            }
            bail!(WRONG_OBJECT_TYPE, "cannot inherit from temporary relation \"{}\"", parent.name());
        }
        if temporary && Some(parent.class.relnamespace) != session.temporary_namespace() {
            if partition {
                bail!(
                    WRONG_OBJECT_TYPE,
                    "cannot create as partition of temporary relation of another session"
                );
            }
            bail!(WRONG_OBJECT_TYPE, "cannot inherit from temporary relation of another session");
        }
        privilege::require_relation_owner(session, &parent)?;
        parents.push(parent);
    }
    Ok(parents)
}

fn check_parent(parent: &RelationEntry) -> Result<()> {
    let name = parent.name();
    if parent.class.relispartition {
        bail!(WRONG_OBJECT_TYPE, "cannot inherit from partition \"{name}\"");
    }
    match parent.kind() {
        b'r' | b'f' => Ok(()),
        b'p' => bail!(WRONG_OBJECT_TYPE, "cannot inherit from partitioned table \"{name}\""),
        _ => bail!(WRONG_OBJECT_TYPE, "inherited relation \"{name}\" is not a table or foreign table"),
    }
}

/// Records that `child` inherits from `parent`, as its `seqno`-th parent.
///
/// # Errors
/// What writing the catalogs fails with.
pub(crate) fn store(session: &Session, child: Oid, parent: Oid, seqno: i32, partition: bool) -> Result<()> {
    session.insert(&PgInherits {
        inhrelid: child,
        inhparent: parent,
        inhseqno: seqno,
        inhdetachpending: false,
    })?;
    let kind = if partition { DependencyKind::Auto } else { DependencyKind::Normal };
    let object = ObjectAddress::new::<PgClass>(child);
    session.record_dependencies(object, [ObjectAddress::new::<PgClass>(parent)], kind)?;
    relation::update_class(session, parent, |class| class.relhassubclass = true)?;
    session.invalidate_relation(parent);
    session.command_counter_increment()
}

/// Takes back what [`store`] has recorded.
///
/// # Errors
/// What writing the catalogs fails with.
pub(crate) fn forget(session: &Session, child: Oid, parent: Oid) -> Result<bool> {
    let mut found = false;
    for (tid, row) in session.find::<PgInherits>(catalog_index::PG_INHERITS_RELID_SEQNO, &[child.into()])? {
        if row.inhparent == parent {
            session.delete::<PgInherits>(tid)?;
            found = true;
        }
    }
    let object = ObjectAddress::new::<PgClass>(child);
    for (tid, row) in session.dependencies_of(object)? {
        if row.objsubid == 0 && row.refobjid == parent && row.refobjsubid == 0 {
            session.delete::<catalog::PgDepend>(tid)?;
        }
    }
    session.invalidate_relation(parent);
    session.invalidate_relation(child);
    session.command_counter_increment()?;
    Ok(found)
}

/// The children of a table, locked.
///
/// # Errors
/// What waiting fails with.
pub(crate) fn children(session: &Session, table: Oid, mode: LockMode) -> Result<Vec<Arc<RelationEntry>>> {
    let mut found = Vec::new();
    for child in session.children(table)? {
        name::lock_relation(session, child, mode)?;
        if let Some(entry) = session.relation(child)? {
            found.push(entry);
        }
    }
    Ok(found)
}

/// A table with all that descend from it, locked.
///
/// # Errors
/// What waiting fails with.
pub(crate) fn descendants(session: &Session, table: Oid, mode: LockMode) -> Result<Vec<Oid>> {
    let mut found = Vec::new();
    for (oid, _) in session.descendants(table)? {
        name::lock_relation(session, oid, mode)?;
        if session.relation(oid)?.is_some() {
            found.push(oid);
        }
    }
    Ok(found)
}

/// The attributes of `to` (0 for none) that stand for those of `from`, by name.
///
/// # Errors
/// `42804` where types differ, `XX000` where a column is missing.
pub(crate) fn attribute_map(session: &Session, from: &RelationEntry, to: &RelationEntry) -> Result<Vec<i16>> {
    let mut map = Vec::with_capacity(from.desc().len());
    for attribute in from.desc().attributes() {
        if attribute.dropped {
            map.push(0);
            continue;
        }
        let Some(at) = to.desc().position(&attribute.name) else {
            return Err(err!(DATATYPE_MISMATCH, "could not convert row type").detail(format!(
                "Attribute \"{}\" of type {} does not exist in type {}.",
                attribute.name,
                session.format_type(from.class.reltype, None)?,
                session.format_type(to.class.reltype, None)?
            )));
        };
        map.push(at as i16 + 1);
    }
    Ok(map)
}
