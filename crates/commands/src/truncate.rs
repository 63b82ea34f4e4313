//! TRUNCATE: the tables get new, empty files; the old ones go at commit.

use crate::constraint;
use crate::invocation::{Invocation, Outcome};
use crate::name::{self, lock_relation};
use crate::notice::notice;
use crate::relation;
use crate::{index, privilege, sequence};
use base::{Oid, Result, bail, err};
use catalog::acl::privilege as bits;
use catalog::{RelationEntry, Session};
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
    if statement.behavior == DropBehavior::Cascade {
        add_referencing(session, &mut tables)?;
    }
    check_foreign_keys(session, &tables)?;
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
    Ok(())
}

/// CASCADE: tables with foreign keys to the ones named, and so on.
fn add_referencing(session: &Arc<Session>, tables: &mut Vec<Oid>) -> Result<()> {
    let mut at = 0;
    while let Some(table) = tables.get(at).copied() {
        at += 1;
        let entry = session.require_relation(table)?;
        for key in &entry.referenced_by {
            if tables.contains(&key.conrelid) {
                continue;
            }
            lock_relation(session, key.conrelid, LockMode::AccessExclusive)?;
            let other = session.require_relation(key.conrelid)?;
            session.notice(notice(format!("truncate cascades to table \"{}\"", other.name())));
            check(session, &other)?;
            tables.push(key.conrelid);
        }
    }
    Ok(())
}

fn check_foreign_keys(session: &Session, tables: &[Oid]) -> Result<()> {
    for table in tables {
        let entry = session.require_relation(*table)?;
        let Some(key) = entry.referenced_by.iter().find(|key| !tables.contains(&key.conrelid)) else {
            continue;
        };
        let other = session.require_relation(key.conrelid)?;
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
