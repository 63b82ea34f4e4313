//! LOCK TABLE.

use crate::invocation::{Invocation, Outcome};
use crate::name;
use crate::privilege;
use base::{Error, Result, bail, err};
use catalog::acl::privilege as bits;
use catalog::{RelationEntry, Session};
use lock::{LockMode, WaitPolicy};
use syntax::LockTable;

fn mode_of(mode: syntax::LockMode) -> LockMode {
    LockMode::ALL[mode as usize - 1]
}

/// The privileges of which one allows a lock.
fn sufficient(mode: LockMode) -> u64 {
    let writes = bits::UPDATE | bits::DELETE | bits::TRUNCATE | bits::MAINTAIN;
    match mode {
        LockMode::AccessShare => writes | bits::INSERT | bits::SELECT,
        LockMode::RowShare | LockMode::RowExclusive => writes | bits::INSERT,
        _ => writes,
    }
}

/// LOCK TABLE.
///
/// # Errors
/// `25P01` outside of a block, `42P01`, `42809`, `42501`, `55P03`.
pub(crate) fn lock_table(invocation: &mut Invocation<'_>, statement: &LockTable) -> Result<Outcome> {
    if !invocation.in_block && invocation.top_level {
        bail!(NO_ACTIVE_SQL_TRANSACTION, "LOCK TABLE can only be used in transaction blocks");
    }
    let session = invocation.session;
    let mode = mode_of(statement.mode);
    if mode > LockMode::RowExclusive {
        session.require_writable("LOCK TABLE")?;
    }
    for relation in &statement.relations {
        let Some(oid) = session.relation_by_name(relation.schema.as_deref(), &relation.name)? else {
            bail!(UNDEFINED_TABLE, "relation \"{}\" does not exist", name::display(relation));
        };
        let entry = session.require_relation(oid)?;
        check(session, &entry, mode)?;
        lock(session, &entry, mode, statement.nowait)?;
        if relation.inherit {
            for (child, _) in session.descendants(oid)?.into_iter().skip(1) {
                if let Some(child) = session.relation(child)? {
                    lock(session, &child, mode, statement.nowait)?;
                }
            }
        }
    }
    Ok(Outcome::Tag("LOCK TABLE".to_owned()))
}

fn lock(session: &Session, entry: &RelationEntry, mode: LockMode, nowait: bool) -> Result<()> {
    let tag = session.relation_lock_tag(entry.oid())?;
    let policy = if nowait { WaitPolicy::no_wait() } else { session.wait_policy() };
    let got = session.transaction()?.lock(tag, mode, &policy)?;
    if matches!(got, lock::Acquired::NotAvailable) {
        return Err(err!(LOCK_NOT_AVAILABLE, "could not obtain lock on relation \"{}\"", entry.name()));
    }
    Ok(())
}

fn check(session: &Session, entry: &RelationEntry, mode: LockMode) -> Result<()> {
    match entry.kind() {
        b'r' | b'p' => {}
        b'v' => return Err(Error::unsupported("LOCK TABLE of views")),
        _ => {
            return Err(err!(WRONG_OBJECT_TYPE, "cannot lock relation \"{}\"", entry.name())
                .detail("This operation is not supported for this kind of relation."));
        }
    }
    privilege::require_on_relation(session, entry, sufficient(mode))
}
