//! ALTER CONSTRAINT of foreign keys: when they are checked, and whether at all.

use super::super::trigger::{self, Triggers};
use super::partitions::copies;
use crate::inherit;
use base::{Oid, Result};
use catalog::{PgConstraint, Session};
use lock::LockMode;
use syntax::AlterConstraint;

/// The topmost constraint's tables: copies have one of the two in common with it.
struct Top {
    table: Oid,
    referenced: Oid,
}

/// Changes a foreign key that is no copy. Gives the constraints that rows are to be held against.
///
/// # Errors
/// What locking and writing fail with.
pub(crate) fn alter(
    session: &Session,
    row: &PgConstraint,
    wanted: &AlterConstraint,
) -> Result<Vec<PgConstraint>> {
    let mut unchecked = Vec::new();
    let top = Top { table: row.conrelid, referenced: row.confrelid };
    match wanted.enforced {
        Some(false) => relax(session, row, wanted)?,
        Some(true) if !row.conenforced => {
            enforce(session, row, wanted, &top, [trigger::NONE; 2], &mut unchecked)?;
        }
        _ => {
            if let Some((deferrable, deferred)) = wanted.deferrability {
                defer(session, row, deferrable, deferred)?;
            }
        }
    }
    Ok(unchecked)
}

fn change(session: &Session, row: &PgConstraint, wanted: &AlterConstraint) -> Result<PgConstraint> {
    let change = |row: &mut PgConstraint| {
        if let Some(enforced) = wanted.enforced {
            row.conenforced = enforced;
            row.convalidated = enforced;
        }
        if let Some((deferrable, deferred)) = wanted.deferrability {
            (row.condeferrable, row.condeferred) = (deferrable, deferred);
        }
    };
    inherit::change(session, row.oid, change)?;
    session.invalidate_relation(row.confrelid);
    let mut changed = row.clone();
    change(&mut changed);
    Ok(changed)
}

/// NOT ENFORCED: it has no triggers any more.
fn relax(session: &Session, row: &PgConstraint, wanted: &AlterConstraint) -> Result<()> {
    crate::name::lock_relation(session, row.conrelid, LockMode::AccessExclusive)?;
    if row.conenforced {
        change(session, row, wanted)?;
    }
    for copy in copies(session, row.oid)? {
        relax(session, &copy, wanted)?;
    }
    trigger::remove(session, row.oid, &|_| true)
}

/// ENFORCED: `parents` are the triggers of the constraint one level up.
fn enforce(
    session: &Session,
    row: &PgConstraint,
    wanted: &AlterConstraint,
    top: &Top,
    parents: [Triggers; 2],
    unchecked: &mut Vec<PgConstraint>,
) -> Result<()> {
    crate::name::lock_relation(session, row.conrelid, LockMode::AccessExclusive)?;
    if row.conenforced {
        return Ok(());
    }
    let row = change(session, row, wanted)?;
    let mut made = [trigger::NONE; 2];
    if row.conrelid == top.table {
        made[0] = trigger::insert_action(session, &row, parents[0])?;
    }
    if row.confrelid == top.referenced {
        made[1] = trigger::insert_check(session, &row, parents[1])?;
        if session.require_relation(row.conrelid)?.kind() == b'r' {
            unchecked.push(row.clone());
        }
    }
    for copy in copies(session, row.oid)? {
        enforce(session, &copy, wanted, top, made, unchecked)?;
    }
    Ok(())
}

fn defer(session: &Session, row: &PgConstraint, deferrable: bool, deferred: bool) -> Result<()> {
    if (row.condeferrable, row.condeferred) == (deferrable, deferred) {
        return Ok(());
    }
    inherit::change(session, row.oid, |row| (row.condeferrable, row.condeferred) = (deferrable, deferred))?;
    session.invalidate_relation(row.confrelid);
    trigger::change(session, row.oid, &|trigger| {
        if trigger::may_wait(trigger) {
            (trigger.tgdeferrable, trigger.tginitdeferred) = (deferrable, deferred);
        }
    })?;
    copies(session, row.oid)?.iter().try_for_each(|copy| defer(session, copy, deferrable, deferred))
}
