//! pg_shdepend: which objects keep a role, tablespace or database from being dropped. Roles that initdb made are not
//! recorded: they cannot be dropped.

use base::{Oid, Result};
use catalog::{ObjectAddress, PgAuthid, PgShdepend, Session, index};
use datum::Datum;

const FIRST_UNPINNED: u32 = 12000;

/// How an object hangs on a shared one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Owner,
    Acl,
}

impl Kind {
    fn letter(self) -> i8 {
        (match self {
            Kind::Owner => b'o',
            Kind::Acl => b'a',
        }) as i8
    }
}

/// Shared catalogs' objects belong to no database.
fn database_of(session: &Session, object: ObjectAddress) -> Oid {
    const SHARED: [u32; 5] = [1260, 1261, 1262, 1213, 6243];
    if SHARED.contains(&object.class.0) { Oid::INVALID } else { session.database() }
}

fn insert(session: &Session, object: ObjectAddress, role: Oid, kind: Kind) -> Result<()> {
    if role.0 < FIRST_UNPINNED {
        return Ok(());
    }
    session.insert(&PgShdepend {
        dbid: database_of(session, object),
        classid: object.class,
        objid: object.object,
        objsubid: object.sub,
        refclassid: <PgAuthid as catalog::CatalogRow>::OID,
        refobjid: role,
        deptype: kind.letter(),
    })?;
    Ok(())
}

fn of(session: &Session, object: ObjectAddress) -> Result<Vec<(base::Tid, PgShdepend)>> {
    let keys = [database_of(session, object).into(), object.class.into(), object.object.into()];
    session.find(index::PG_SHDEPEND_DEPENDER, &keys)
}

/// Records who owns a new object.
///
/// # Errors
/// What writing fails with.
pub(crate) fn record_owner(session: &Session, object: ObjectAddress, owner: Oid) -> Result<()> {
    insert(session, object, owner, Kind::Owner)
}

/// An object has a new owner.
///
/// # Errors
/// What writing fails with.
pub(crate) fn change_owner(session: &Session, object: ObjectAddress, owner: Oid) -> Result<()> {
    for (tid, row) in of(session, object)? {
        if row.deptype == Kind::Owner.letter() && row.objsubid == object.sub {
            session.delete::<PgShdepend>(tid)?;
        }
    }
    insert(session, object, owner, Kind::Owner)
}

/// Replaces the roles that an object's grants or policies name.
///
/// # Errors
/// What writing fails with.
pub(crate) fn record_roles(
    session: &Session,
    object: ObjectAddress,
    owner: Oid,
    roles: &[Oid],
    kind: Kind,
) -> Result<()> {
    for (tid, row) in of(session, object)? {
        if row.deptype == kind.letter() && row.objsubid == object.sub {
            session.delete::<PgShdepend>(tid)?;
        }
    }
    let mut roles: Vec<Oid> = roles.iter().copied().filter(|r| r.is_valid() && *r != owner).collect();
    roles.sort_unstable();
    roles.dedup();
    roles.into_iter().try_for_each(|role| insert(session, object, role, kind))
}

/// An object goes, with (for sub 0) all its parts.
///
/// # Errors
/// What writing fails with.
pub(crate) fn forget(session: &Session, object: ObjectAddress) -> Result<()> {
    for (tid, row) in of(session, object)? {
        if object.sub == 0 || row.objsubid == object.sub {
            session.delete::<PgShdepend>(tid)?;
        }
    }
    Ok(())
}

/// Everything that hangs on a role, in all databases.
///
/// # Errors
/// What reading fails with.
pub(crate) fn on_role(session: &Session, role: Oid) -> Result<Vec<PgShdepend>> {
    let keys = [Datum::from(<PgAuthid as catalog::CatalogRow>::OID), role.into()];
    let rows = session.find::<PgShdepend>(index::PG_SHDEPEND_REFERENCE, &keys)?;
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}
