//! Roles: CREATE, ALTER, DROP ROLE, and membership.

mod define;
mod drop;
mod member;
mod setting;

pub(crate) use define::{alter, create};
pub(crate) use drop::drop;
pub(crate) use member::grant;
pub(crate) use setting::{alter_database_setting, alter_role_setting};

use base::{Oid, Result, err};
use catalog::{PgAuthid, Session};

/// The role that owns what initdb makes.
pub(crate) const BOOTSTRAP_SUPERUSER: Oid = Oid(10);

/// # Errors
/// `42939` for names that cannot be a role's.
pub(crate) fn check_name(name: &str) -> Result<()> {
    if name.starts_with("pg_") {
        return Err(err!(RESERVED_NAME, "role name \"{name}\" is reserved")
            .detail("Role names starting with \"pg_\" are reserved."));
    }
    if matches!(name, "public" | "none") {
        return Err(err!(RESERVED_NAME, "role name \"{name}\" is reserved"));
    }
    Ok(())
}

/// The current user's row.
///
/// # Errors
/// What reading the catalogs fails with.
pub(crate) fn current(session: &Session) -> Result<PgAuthid> {
    match session.role(session.user())? {
        Some(row) => Ok((*row).clone()),
        None => Err(err!(UNDEFINED_OBJECT, "role with OID {} does not exist", session.user())),
    }
}

/// Whether the current user may administer the role: a superuser, or one with ADMIN OPTION on it.
///
/// # Errors
/// What reading the catalogs fails with.
pub(crate) fn is_admin(session: &Session, role: Oid) -> Result<bool> {
    if session.is_superuser(session.user())? {
        return Ok(true);
    }
    let rows = session
        .rows::<catalog::PgAuthMembers>(catalog::index::PG_AUTH_MEMBERS_ROLE_MEMBER, &[role.into()])?;
    for row in rows.iter().filter(|row| row.admin_option) {
        if session.has_role(session.user(), row.member)? {
            return Ok(true);
        }
    }
    Ok(false)
}
