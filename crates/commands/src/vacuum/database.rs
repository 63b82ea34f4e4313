//! After VACUUM: how old the oldest ids in the database are, and with that what of the commit logs can go.

use base::{MultiXactId, Oid, Result, Xid};
use catalog::{PgClass, PgDatabase, Session, index};

/// Brings pg_database's datfrozenxid and datminmxid forward to the oldest of the database's tables, and truncates
/// pg_xact and pg_multixact when that is the oldest of all databases.
///
/// # Errors
/// What reading the catalogs and writing the log fail with.
pub fn update_frozen_ids(session: &Session) -> Result<()> {
    let transactions = &session.instance().transactions;
    let next_xid = transactions.next_xid();
    let mut oldest_xid = transactions.oldest_running();
    let mut oldest_multi = transactions.oldest_multi_needed();
    for class in session.scan_all::<PgClass>()? {
        if !matches!(class.relkind as u8, b'r' | b'm' | b't') {
            continue;
        }
        let xid = Xid::widen(class.relfrozenxid, next_xid);
        if xid.is_normal() {
            oldest_xid = oldest_xid.min(xid);
        }
        let multi = MultiXactId(class.relminmxid);
        if multi != MultiXactId::INVALID && multi.precedes(oldest_multi) {
            oldest_multi = multi;
        }
    }
    let rows = session.find::<PgDatabase>(index::PG_DATABASE_OID, &[session.database().into()])?;
    let Some((tid, mut row)) = rows.into_iter().next() else { return Ok(()) };
    let before = row.clone();
    if Xid::widen(row.datfrozenxid, next_xid) < oldest_xid {
        row.datfrozenxid = oldest_xid.low();
    }
    if MultiXactId(row.datminmxid).precedes(oldest_multi) {
        row.datminmxid = oldest_multi.0;
    }
    if row != before {
        session.update_in_place(tid, &row)?;
        truncate_logs(session)?;
    }
    Ok(())
}

fn truncate_logs(session: &Session) -> Result<()> {
    let transactions = &session.instance().transactions;
    let next_xid = transactions.next_xid();
    let mut oldest_xid: Option<(Xid, Oid)> = None;
    let mut oldest_multi: Option<(MultiXactId, Oid)> = None;
    for (_, database) in session.find_all::<PgDatabase>()? {
        let xid = Xid::widen(database.datfrozenxid, next_xid);
        // A value from the future is a damaged one: nothing may be removed by it.
        if !xid.is_normal() || xid > next_xid {
            return Ok(());
        }
        if oldest_xid.is_none_or(|(oldest, _)| xid < oldest) {
            oldest_xid = Some((xid, database.oid));
        }
        let multi = MultiXactId(database.datminmxid);
        if multi != MultiXactId::INVALID && oldest_multi.is_none_or(|(oldest, _)| multi.precedes(oldest)) {
            oldest_multi = Some((multi, database.oid));
        }
    }
    if let Some((xid, database)) = oldest_xid
        && transactions.oldest_xid().0 < xid
    {
        transactions.truncate_clog(xid, database)?;
    }
    if let Some((multi, database)) = oldest_multi {
        transactions.multixacts().truncate(multi, database)?;
    }
    Ok(())
}
