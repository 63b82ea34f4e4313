//! Changing the rows that describe a relation.

use base::{Error, Oid, Result};
use catalog::{PgAttribute, PgClass, Session, index};
use datum::Datum;

/// A relation's pg_class row, read afresh.
///
/// # Errors
/// `XX000` if there is none.
pub(crate) fn class_row(session: &Session, oid: Oid) -> Result<(base::Tid, PgClass)> {
    let rows = session.find::<PgClass>(index::PG_CLASS_OID, &[oid.into()])?;
    rows.into_iter().next().ok_or_else(|| Error::internal(format!("cache lookup failed for relation {oid}")))
}

/// Changes a relation's pg_class row; without a difference nothing is written.
///
/// # Errors
/// What writing fails with.
pub(crate) fn update_class(session: &Session, oid: Oid, change: impl FnOnce(&mut PgClass)) -> Result<()> {
    let (tid, before) = class_row(session, oid)?;
    let mut row = before.clone();
    change(&mut row);
    if row != before {
        session.update(tid, &row)?;
    }
    Ok(())
}

/// Changes one pg_attribute row.
///
/// # Errors
/// What writing fails with.
pub(crate) fn update_attribute(
    session: &Session,
    relation: Oid,
    number: i16,
    change: impl FnOnce(&mut PgAttribute),
) -> Result<()> {
    let keys = [relation.into(), Datum::Int2(number)];
    let rows = session.find::<PgAttribute>(index::PG_ATTRIBUTE_RELID_ATTNUM, &keys)?;
    let (tid, mut row) = rows.into_iter().next().ok_or_else(|| {
        Error::internal(format!("cache lookup failed for attribute {number} of relation {relation}"))
    })?;
    change(&mut row);
    session.update(tid, &row)
}

/// Removes a relation's pg_attribute rows.
///
/// # Errors
/// What writing fails with.
pub(crate) fn delete_attributes(session: &Session, relation: Oid) -> Result<()> {
    for (tid, _) in session.find::<PgAttribute>(index::PG_ATTRIBUTE_RELID_ATTNUM, &[relation.into()])? {
        session.delete::<PgAttribute>(tid)?;
    }
    Ok(())
}
