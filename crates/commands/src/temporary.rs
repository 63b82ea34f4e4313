//! Temporary relations: a session's schemas `pg_temp_N` and `pg_toast_temp_N`, made at first use and emptied when the
//! session ends.

use crate::privilege;
use crate::{drop, schema};
use base::{Oid, Result, bail};
use catalog::acl::privilege as bits;
use catalog::{CatalogRow, ObjectAddress, PgDepend, PgNamespace, Session, index};
use std::sync::{Arc, Weak};
use txn::{Transaction, TransactionParticipant};

const BOOTSTRAP_SUPERUSER: Oid = Oid(10);

/// Forgets the schema again when the (sub)transaction that made it is undone.
struct Forget {
    session: Weak<Session>,
    sub: std::sync::atomic::AtomicU32,
}

impl TransactionParticipant for Forget {
    fn at_abort(&self, _: &Transaction) {
        if let Some(session) = self.session.upgrade() {
            session.set_temporary_namespace(None);
        }
    }

    fn at_subcommit(&self, _: &Transaction, sub: u32, parent: u32) {
        let _ = self.sub.compare_exchange(
            sub,
            parent,
            std::sync::atomic::Ordering::Relaxed,
            std::sync::atomic::Ordering::Relaxed,
        );
    }

    fn at_subabort(&self, _: &Transaction, sub: u32, _: u32) {
        if self.sub.load(std::sync::atomic::Ordering::Relaxed) == sub
            && let Some(session) = self.session.upgrade()
        {
            session.set_temporary_namespace(None);
        }
    }
}

/// The session's schema for temporary relations.
///
/// # Errors
/// `42501` without the right to make any.
pub(crate) fn namespace(session: &Arc<Session>) -> Result<Oid> {
    if let Some(namespace) = session.temporary_namespace() {
        return Ok(namespace);
    }
    if !privilege::database_allows(session, bits::CREATE_TEMP)? {
        bail!(
            INSUFFICIENT_PRIVILEGE,
            "permission denied to create temporary tables in database \"{}\"",
            session.database_name()
        );
    }
    let name = format!("pg_temp_{}", session.number);
    let namespace = match session.namespace_by_name(&name)? {
        Some(left_over) => {
            empty(session, left_over)?;
            left_over
        }
        None => schema::insert(session, &name, BOOTSTRAP_SUPERUSER, false)?,
    };
    let toast = format!("pg_toast_temp_{}", session.number);
    if session.namespace_by_name(&toast)?.is_none() {
        schema::insert(session, &toast, BOOTSTRAP_SUPERUSER, false)?;
    }
    let transaction = session.transaction()?;
    transaction
        .register(Arc::new(Forget { session: Arc::downgrade(session), sub: transaction.sub_id().into() }));
    session.set_temporary_namespace(Some(namespace));
    session.command_counter_increment()?;
    Ok(namespace)
}

/// The schema of temporary relations' TOAST tables.
pub(crate) fn toast_namespace(session: &Session) -> Result<Oid> {
    session.require_namespace(&format!("pg_toast_temp_{}", session.number))
}

/// Drops everything in a temporary schema, and leaves the schema.
fn empty(session: &Arc<Session>, namespace: Oid) -> Result<()> {
    let schema = ObjectAddress::new::<PgNamespace>(namespace);
    let mut targets = Vec::new();
    let keys = [PgNamespace::OID.into(), namespace.into()];
    for (_, row) in session.find::<PgDepend>(index::PG_DEPEND_REFERENCE, &keys)? {
        if row.deptype as u8 == b'n' && row.refobjsubid == schema.sub {
            targets.push(ObjectAddress { class: row.classid, object: row.objid, sub: row.objsubid });
        }
    }
    drop::remove_quietly(session, &targets)
}

/// Drops the session's temporary relations: at its end, and for DISCARD TEMP. Needs a running transaction.
///
/// # Errors
/// What dropping fails with.
pub(crate) fn drop_temporary_relations(session: &Arc<Session>) -> Result<()> {
    match session.temporary_namespace() {
        Some(namespace) => empty(session, namespace),
        None => Ok(()),
    }
}
