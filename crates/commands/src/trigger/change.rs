//! DROP TRIGGER, ALTER TRIGGER ... RENAME, ALTER TABLE ... ENABLE and DISABLE TRIGGER.

use super::{bits, partitions};
use crate::notice::notice;
use crate::{inherit, name, privilege};
use base::{Oid, Result, bail, err};
use catalog::{ObjectAddress, PgTrigger, RelationEntry, Session, index};
use datum::Datum;
use lock::LockMode;
use std::sync::Arc;
use syntax::{ObjectName, RelationName, TriggerFiring, TriggerTarget};

fn find(session: &Session, table: Oid, name: &str) -> Result<Option<(base::Tid, PgTrigger)>> {
    let keys = [table.into(), Datum::from(name)];
    Ok(session.find::<PgTrigger>(index::PG_TRIGGER_TGRELID_TGNAME, &keys)?.into_iter().next())
}

/// The trigger that DROP and COMMENT name; `None` if it is not there.
///
/// # Errors
/// `42P01`, `42501`.
pub(crate) fn drop_target(
    session: &Arc<Session>,
    name: &str,
    parent: &ObjectName,
    mode: LockMode,
) -> Result<Option<ObjectAddress>> {
    let entry = name::open_relation(session, &name::as_relation_name(parent)?, mode)?;
    privilege::require_class_owner(session, &entry.class)?;
    Ok(find(session, entry.oid(), name)?.map(|(_, row)| ObjectAddress::new::<PgTrigger>(row.oid)))
}

/// # Errors
/// `42P01`, `42704`, `42710`, `42501`.
pub(crate) fn rename(session: &Arc<Session>, name: &str, parent: &RelationName, to: &str) -> Result<()> {
    let entry = name::open_relation(session, parent, LockMode::AccessExclusive)?;
    privilege::require_relation_owner(session, &entry)?;
    if entry.kind() == b'p' {
        inherit::descendants(session, entry.oid(), LockMode::AccessExclusive)?;
    }
    let Some(found) = find(session, entry.oid(), name)? else {
        bail!(UNDEFINED_OBJECT, "trigger \"{name}\" for table \"{}\" does not exist", entry.name());
    };
    if found.1.tgparentid.is_valid() {
        let error =
            err!(FEATURE_NOT_SUPPORTED, "cannot rename trigger \"{name}\" on table \"{}\"", entry.name());
        return Err(match partition::parent_of(session, entry.oid())? {
            Some(parent) => error.hint(format!(
                "Rename the trigger on the partitioned table \"{}\" instead.",
                session.require_relation(parent)?.name()
            )),
            None => error,
        });
    }
    rename_with_copies(session, &entry, found, name, to)
}

fn rename_with_copies(
    session: &Session,
    entry: &RelationEntry,
    (tid, mut row): (base::Tid, PgTrigger),
    name: &str,
    to: &str,
) -> Result<()> {
    if row.tgname == to {
        return Ok(());
    }
    if find(session, entry.oid(), to)?.is_some() {
        bail!(DUPLICATE_OBJECT, "trigger \"{to}\" for relation \"{}\" already exists", entry.name());
    }
    if row.tgname != name {
        let text = format!("renamed trigger \"{}\" on relation \"{}\"", row.tgname, entry.name());
        session.notice(notice(text));
    }
    row.tgname = to.to_owned();
    session.update(tid, &row)?;
    session.invalidate_relation(entry.oid());
    if entry.kind() != b'p' {
        return Ok(());
    }
    for partition in session.children(entry.oid())? {
        let partition = session.require_relation(partition)?;
        for copy in partitions::copies(session, partition.oid(), Some(row.oid))? {
            rename_with_copies(session, &partition, copy, name, to)?;
        }
    }
    Ok(())
}

/// # Errors
/// `42704`, and `42501` for the system's own triggers.
pub(crate) fn switch(
    session: &Arc<Session>,
    entry: &RelationEntry,
    target: &TriggerTarget,
    firing: TriggerFiring,
    recurse: bool,
) -> Result<()> {
    let letter = match firing {
        TriggerFiring::Enable => b'O',
        TriggerFiring::EnableAlways => b'A',
        TriggerFiring::EnableReplica => b'R',
        TriggerFiring::Disable => b'D',
    };
    let mut found = false;
    for (tid, mut row) in
        session.find::<PgTrigger>(index::PG_TRIGGER_TGRELID_TGNAME, &[entry.oid().into()])?
    {
        match target {
            TriggerTarget::Name(name) if row.tgname != *name => continue,
            TriggerTarget::User if row.tgisinternal => continue,
            _ => {}
        }
        if row.tgisinternal && !session.is_superuser(session.user())? {
            bail!(INSUFFICIENT_PRIVILEGE, "permission denied: \"{}\" is a system trigger", row.tgname);
        }
        found = true;
        if row.tgenabled as u8 != letter {
            row.tgenabled = letter as i8;
            session.update(tid, &row)?;
        }
        if recurse && entry.kind() == b'p' && row.tgtype & bits::ROW != 0 {
            switch_copies(session, entry.oid(), row.oid, letter)?;
        }
    }
    if let (TriggerTarget::Name(name), false) = (target, found) {
        bail!(UNDEFINED_OBJECT, "trigger \"{name}\" for table \"{}\" does not exist", entry.name());
    }
    session.invalidate_relation(entry.oid());
    Ok(())
}

fn switch_copies(session: &Arc<Session>, table: Oid, parent: Oid, letter: u8) -> Result<()> {
    for partition in inherit::children(session, table, LockMode::ShareRowExclusive)? {
        for (tid, mut row) in partitions::copies(session, partition.oid(), Some(parent))? {
            let oid = row.oid;
            if row.tgenabled as u8 != letter {
                row.tgenabled = letter as i8;
                session.update(tid, &row)?;
            }
            switch_copies(session, partition.oid(), oid, letter)?;
        }
        session.invalidate_relation(partition.oid());
    }
    Ok(())
}
