//! DROP OWNED and REASSIGN OWNED: everything in this database that pg_shdepend knows of a role.

use crate::acl_object::Owned;
use crate::invocation::{Invocation, Outcome};
use crate::{drop, owner, privilege, shared_dependency as shared};
use base::{Oid, Result, err};
use catalog::{CatalogRow, ObjectAddress, PgClass, PgDatabase, PgShdepend, PgTablespace, Session};
use lock::LockMode;
use syntax::{DropBehavior, DropOwned, ReassignOwned, Role};

/// The roles, which the current user must have the privileges of.
fn roles(session: &Session, named: &[Role], refused: &str, what: &str) -> Result<Vec<Oid>> {
    let mut found = Vec::new();
    for role in named {
        let oid = privilege::required_role(session, role)?;
        require(session, oid, refused, what)?;
        if oid.0 < 12000 {
            let verb = if refused.ends_with("drop objects") { "drop" } else { "reassign ownership of" };
            return Err(err!(
                DEPENDENT_OBJECTS_STILL_EXIST,
                "cannot {verb} objects owned by role {} because they are required by the database system",
                session.user_name(oid)?
            ));
        }
        found.push(oid);
    }
    Ok(found)
}

fn require(session: &Session, role: Oid, refused: &str, what: &str) -> Result<()> {
    if session.has_role(session.user(), role)? {
        return Ok(());
    }
    let name = session.user_name(role)?;
    Err(err!(INSUFFICIENT_PRIVILEGE, "{refused}")
        .detail(format!("Only roles with privileges of role \"{name}\" may {what}.")))
}

fn address(row: &PgShdepend) -> ObjectAddress {
    ObjectAddress { class: row.classid, object: row.objid, sub: row.objsubid }
}

fn is_shared(row: &PgShdepend) -> bool {
    matches!(row.classid, PgDatabase::OID | PgTablespace::OID)
}

/// DROP OWNED.
///
/// # Errors
/// `42501`; `2BP01` when others depend on the objects and it is not CASCADE; `0A000` for policies and other references
/// that are not built.
pub(crate) fn drop_owned(invocation: &mut Invocation<'_>, statement: &DropOwned) -> Result<Outcome> {
    let session = invocation.session;
    let what = "drop objects owned by it";
    let mut targets = Vec::new();
    for role in roles(session, &statement.roles, "permission denied to drop objects", what)? {
        for row in shared::on_role(session, role)? {
            if row.dbid != session.database() && row.dbid.is_valid() {
                continue;
            }
            match row.deptype as u8 {
                b'o' if is_shared(&row) => {}
                b'o' => targets.push(address(&row)),
                b'a' => remove_from_grants(session, address(&row), role)?,
                _ => return Err(base::Error::unsupported("DROP OWNED of a role that policies name")),
            }
        }
    }
    for target in targets.iter().filter(|t| t.class == PgClass::OID) {
        session.lock_relation(target.object, LockMode::AccessExclusive)?;
    }
    targets.sort_unstable();
    targets.dedup();
    drop::remove_all(session, &targets, statement.behavior == DropBehavior::Cascade)?;
    Ok(Outcome::Tag("DROP OWNED".to_owned()))
}

/// What the role was granted, and what it has granted on.
fn remove_from_grants(session: &Session, object: ObjectAddress, role: Oid) -> Result<()> {
    let mut owned = Owned::read(session, object)?;
    owned.grants.retain(|item| item.grantee != role && item.grantor != role);
    owned.store_grants(session)
}

/// REASSIGN OWNED.
///
/// # Errors
/// `42501`; `0A000` for objects whose owner cannot be changed yet.
pub(crate) fn reassign(invocation: &mut Invocation<'_>, statement: &ReassignOwned) -> Result<Outcome> {
    let session = invocation.session;
    let refused = "permission denied to reassign objects";
    let roles = roles(session, &statement.roles, refused, "reassign objects owned by it")?;
    let new = privilege::required_role(session, &statement.new_owner)?;
    require(session, new, refused, "reassign objects to it")?;
    for role in roles {
        let mut objects: Vec<ObjectAddress> = shared::on_role(session, role)?
            .iter()
            .filter(|row| {
                row.deptype as u8 == b'o' && (row.dbid == session.database() || !row.dbid.is_valid())
            })
            .map(address)
            .collect();
        objects.sort_unstable();
        for object in objects {
            owner::give(session, object, new)?;
            session.command_counter_increment()?;
        }
    }
    Ok(Outcome::Tag("REASSIGN OWNED".to_owned()))
}
