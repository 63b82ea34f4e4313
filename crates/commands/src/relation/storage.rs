//! A relation's files: made in the transaction, gone when it aborts; removed when one that drops them commits.

use base::{Fork, Oid, RelFileLocator, Result};
use catalog::{PgClass, Session, index};

/// An OID for a relation that is free in pg_class and as a file number.
///
/// # Errors
/// What reading the catalogs fails with.
pub(crate) fn relation_number(session: &Session, tablespace: Oid) -> Result<Oid> {
    let tablespace = tablespace.some().unwrap_or(session.database_tablespace());
    loop {
        let number = session.new_file_number(tablespace)?;
        if session.find::<PgClass>(index::PG_CLASS_OID, &[number.into()])?.is_empty() {
            return Ok(number);
        }
    }
}

/// Makes the main fork of a relation whose pg_class row this is, and for unlogged tables the init fork.
///
/// # Errors
/// The disk's.
pub(crate) fn create_storage(session: &Session, class: &PgClass) -> Result<RelFileLocator> {
    let locator = session.locate(class)?;
    let transaction = session.transaction()?;
    let xid = transaction.xid()?;
    buffer::relation::create_file(&session.instance().pool, locator, Fork::Main, xid)?;
    transaction.file_created(locator);
    if class.relpersistence as u8 == b'u' && matches!(class.relkind as u8, b'r' | b'm' | b't') {
        create_init_fork(session, locator)?;
    }
    Ok(locator)
}

/// Makes the fork that an unlogged relation is reset to after a crash.
///
/// # Errors
/// The disk's.
pub(crate) fn create_init_fork(session: &Session, locator: RelFileLocator) -> Result<()> {
    let xid = session.transaction()?.xid()?;
    let pool = &session.instance().pool;
    buffer::relation::create_file(pool, locator, Fork::Init, xid)?;
    pool.files().sync_relation(locator, Fork::Init)
}

/// The relation's files go when the transaction commits.
pub(crate) fn delete_storage(session: &Session, locator: RelFileLocator) -> Result<()> {
    if locator.number.is_valid() {
        session.transaction()?.delete_at_commit(locator);
    }
    Ok(())
}

/// A new, empty file for a relation that has one; the old one goes at commit. Gives the new file number.
///
/// # Errors
/// The disk's.
pub(crate) fn new_storage(session: &Session, class: &PgClass) -> Result<PgClass> {
    let old = session.locate(class)?;
    let mut class = class.clone();
    class.relfilenode = session.new_file_number(old.tablespace)?;
    class.relpages = 0;
    class.reltuples = -1.0;
    class.relallvisible = 0;
    class.relallfrozen = 0;
    create_storage(session, &class)?;
    delete_storage(session, old)?;
    Ok(class)
}
