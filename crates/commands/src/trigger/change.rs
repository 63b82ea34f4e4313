//! DROP TRIGGER, ALTER TRIGGER ... RENAME, ALTER TABLE ... ENABLE and DISABLE TRIGGER.

use crate::{name, privilege};
use base::{Oid, Result, bail};
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
    if find(session, entry.oid(), to)?.is_some() {
        bail!(DUPLICATE_OBJECT, "trigger \"{to}\" for relation \"{}\" already exists", entry.name());
    }
    let Some((tid, mut row)) = find(session, entry.oid(), name)? else {
        bail!(UNDEFINED_OBJECT, "trigger \"{name}\" for table \"{}\" does not exist", entry.name());
    };
    row.tgname = to.to_owned();
    session.update(tid, &row)?;
    session.invalidate_relation(entry.oid());
    Ok(())
}

/// # Errors
/// `42704`, and `42501` for the system's own triggers.
pub(crate) fn switch(
    session: &Arc<Session>,
    entry: &RelationEntry,
    target: &TriggerTarget,
    firing: TriggerFiring,
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
    }
    if let (TriggerTarget::Name(name), false) = (target, found) {
        bail!(UNDEFINED_OBJECT, "trigger \"{name}\" for table \"{}\" does not exist", entry.name());
    }
    session.invalidate_relation(entry.oid());
    Ok(())
}
