//! TRUNCATE: the tables get new, empty files; the old ones go at commit.

use crate::constraint;
use crate::invocation::{Invocation, Outcome};
use crate::name::{self, lock_relation};
use crate::notice::notice;
use crate::relation;
use crate::{index, privilege, sequence};
use base::{Oid, Result, bail, err};
use catalog::acl::privilege as bits;
use catalog::{PgConstraint, RelationEntry, Session};
use lock::LockMode;
use std::sync::Arc;
use syntax::{DropBehavior, Truncate};

/// TRUNCATE.
///
/// # Errors
/// `42P01`, `42809`, `42501`, `0A000` for tables that others refer to.
pub(crate) fn truncate(invocation: &mut Invocation<'_>, statement: &Truncate) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let mut tables: Vec<Oid> = Vec::new();
    for name in &statement.relations {
        let entry = name::open_relation(session, name, LockMode::AccessExclusive)?;
        check(session, &entry)?;
        if !tables.contains(&entry.oid()) {
            tables.push(entry.oid());
        }
        if !name.inherit {
            if entry.kind() == b'p' && !session.children(entry.oid())?.is_empty() {
                return Err(err!(WRONG_OBJECT_TYPE, "cannot truncate only a partitioned table").hint(
                    "Do not specify the ONLY keyword, or use TRUNCATE ONLY on the partitions directly.",
                ));
            }
            continue;
        }
        // Whoever may truncate the parent may truncate its children.
        for child in crate::inherit::descendants(session, entry.oid(), LockMode::AccessExclusive)? {
            if !tables.contains(&child) {
                check_kind(&*session.require_relation(child)?)?;
                tables.push(child);
            }
        }
    }
    let has_triggers = |table: &Oid| Ok(session.require_relation(*table)?.class.relhastriggers);
    // Whoever is referred to has triggers, unless the foreign key is not enforced.
    let may_be_referenced = tables.iter().map(has_triggers).collect::<Result<Vec<bool>>>()?.contains(&true);
    let keys = if may_be_referenced {
        constraint::foreign_key_partitions::foreign_keys(session)?
    } else {
        Vec::new()
    };
    if statement.behavior == DropBehavior::Cascade {
        add_referencing(session, &keys, &mut tables)?;
    }
    check_foreign_keys(session, &keys, &tables)?;
    for table in &tables {
        crate::trigger::truncated(session, &*session.require_relation(*table)?, true)?;
    }
    if statement.restart_identity {
        restart_sequences(session, &tables)?;
    }
    for table in &tables {
        if session.require_relation(*table)?.kind() != b'p' {
            empty(session, *table)?;
        }
    }
    session.command_counter_increment()?;
    for table in &tables {
        crate::trigger::truncated(session, &*session.require_relation(*table)?, false)?;
    }
    Ok(Outcome::Tag("TRUNCATE TABLE".to_owned()))
}

fn check_kind(entry: &RelationEntry) -> Result<()> {
    match entry.kind() {
        b'r' | b'p' => {}
        _ => bail!(WRONG_OBJECT_TYPE, "\"{}\" is not a table", entry.name()),
    }
    Ok(())
}

fn check(session: &Session, entry: &RelationEntry) -> Result<()> {
    check_kind(entry)?;
    privilege::require_on_relation(session, entry, bits::TRUNCATE)?;
    privilege::refuse_catalog(&entry.class)?;
    privilege::require_not_in_use(session, &entry.class, "TRUNCATE")
}

/// The tables with foreign keys to those given, without those themselves, in the order of their making.
fn referencing(keys: &[PgConstraint], tables: &[Oid]) -> Vec<Oid> {
    // Partitions refer to what their parents refer to, not to its partitions.
    let mut referenced = tables.to_vec();
    let mut at = 0;
    while let Some(table) = referenced.get(at).copied() {
        at += 1;
        for key in keys.iter().filter(|key| key.confrelid == table) {
            let parent = keys.iter().find(|above| above.oid == key.conparentid);
            if let Some(parent) = parent.filter(|parent| !referenced.contains(&parent.confrelid)) {
                referenced.push(parent.confrelid);
            }
        }
    }
    let of = keys.iter().filter(|key| referenced.contains(&key.confrelid)).map(|key| key.conrelid);
    let mut found: Vec<Oid> = of.filter(|table| !tables.contains(table)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// CASCADE: tables with foreign keys to the ones named, and so on.
fn add_referencing(session: &Arc<Session>, keys: &[PgConstraint], tables: &mut Vec<Oid>) -> Result<()> {
    loop {
        let more = referencing(keys, tables);
        if more.is_empty() {
            return Ok(());
        }
        for table in more {
            lock_relation(session, table, LockMode::AccessExclusive)?;
            let entry = session.require_relation(table)?;
            session.notice(notice(format!("truncate cascades to table \"{}\"", entry.name())));
            check(session, &entry)?;
            tables.push(table);
        }
    }
}

fn check_foreign_keys(session: &Session, keys: &[PgConstraint], tables: &[Oid]) -> Result<()> {
    for table in tables {
        let found = referencing(keys, &[*table]);
        let Some(other) = found.into_iter().find(|other| !tables.contains(other)) else { continue };
        let (entry, other) = (session.require_relation(*table)?, session.require_relation(other)?);
        return Err(err!(
            FEATURE_NOT_SUPPORTED,
            "cannot truncate a table referenced in a foreign key constraint"
        )
        .detail(format!("Table \"{}\" references \"{}\".", other.name(), entry.name()))
        .hint(format!(
            "Truncate table \"{}\" at the same time, or use TRUNCATE ... CASCADE.",
            other.name()
        )));
    }
    Ok(())
}

fn restart_sequences(session: &Session, tables: &[Oid]) -> Result<()> {
    for table in tables {
        let entry = session.require_relation(*table)?;
        for number in 1..=entry.desc().len() as i16 {
            for kind in [b'a', b'i'] {
                for owned in constraint::owned_sequences(session, *table, number, kind)? {
                    let sequence = session.require_relation(owned)?;
                    privilege::require_class_owner(session, &sequence.class)?;
                    sequence::restart(session, owned)?;
                }
            }
        }
    }
    Ok(())
}

/// Gives a table, its TOAST table and all their indexes new, empty files.
///
/// # Errors
/// The disk's.
pub(crate) fn empty(session: &Arc<Session>, table: Oid) -> Result<()> {
    let entry = session.require_relation(table)?;
    let relations = [Some(table), entry.class.reltoastrelid.some()];
    for oid in relations.into_iter().flatten() {
        let (tid, class) = relation::class_row(session, oid)?;
        let mut class = relation::new_storage(session, &class)?;
        let transaction = session.transaction()?;
        class.relfrozenxid = transaction.latest_snapshot()?.xmin().low();
        class.relminmxid = session.instance().transactions.oldest_multi_needed().0;
        session.update(tid, &class)?;
        session.invalidate_relation(oid);
        session.command_counter_increment()?;
    }
    index::reindex_table(session, table, false)?;
    Ok(())
}
