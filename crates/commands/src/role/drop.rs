//! DROP ROLE.

use super::{current, is_admin};
use crate::invocation::{Invocation, Outcome};
use crate::notice::notice;
use crate::{comment, privilege, shared_dependency as shared};
use base::{Oid, Result, bail, err};
use catalog::*;
use lock::LockMode;
use std::collections::BTreeMap;
use syntax::{DropRole, RoleKind};

/// DROP ROLE, USER, GROUP.
///
/// # Errors
/// `42704`, `42501`, `55006`, `2BP01` with what depends on the role.
pub(crate) fn drop(invocation: &mut Invocation<'_>, statement: &DropRole) -> Result<Outcome> {
    let session = invocation.session;
    let me = current(session)?;
    if !me.rolsuper && !me.rolcreaterole {
        return Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied to drop role").detail(
            "Only roles with the CREATEROLE attribute and the ADMIN option on the target roles may drop roles.",
        ));
    }
    for role in &statement.roles {
        let RoleKind::Name(name) = &role.kind else {
            bail!(INVALID_PARAMETER_VALUE, "cannot use special role specifier in DROP ROLE");
        };
        let Some(row) = session.role_by_name(name)? else {
            if !statement.if_exists {
                bail!(UNDEFINED_OBJECT, "role \"{name}\" does not exist");
            }
            session.notice(notice(format!("role \"{name}\" does not exist, skipping")));
            continue;
        };
        drop_one(session, &row, me.rolsuper)?;
    }
    Ok(Outcome::Tag("DROP ROLE".to_owned()))
}

fn drop_one(session: &Session, row: &PgAuthid, superuser: bool) -> Result<()> {
    let users = session.users();
    if row.oid == users.current {
        bail!(OBJECT_IN_USE, "current user cannot be dropped");
    }
    if row.oid == users.authenticated || row.oid == users.session {
        bail!(OBJECT_IN_USE, "session user cannot be dropped");
    }
    if row.rolsuper && !superuser {
        return Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied to drop role")
            .detail("Only roles with the SUPERUSER attribute may drop roles with the SUPERUSER attribute."));
    }
    if !is_admin(session, row.oid)? {
        return Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied to drop role").detail(format!(
            "Only roles with the CREATEROLE attribute and the ADMIN option on role \"{}\" may drop this role.",
            row.rolname
        )));
    }
    if row.oid.0 < 12000 {
        bail!(
            DEPENDENT_OBJECTS_STILL_EXIST,
            "cannot drop role {} because it is required by the database system",
            row.rolname
        );
    }
    let object = ObjectAddress::new::<PgAuthid>(row.oid);
    privilege::lock_object(session, object, true, LockMode::AccessExclusive)?;
    if let Some(detail) = dependents(session, row.oid)? {
        return Err(err!(
            DEPENDENT_OBJECTS_STILL_EXIST,
            "role \"{}\" cannot be dropped because some objects depend on it",
            row.rolname
        )
        .detail(detail));
    }
    for index in [index::PG_AUTH_MEMBERS_ROLE_MEMBER, index::PG_AUTH_MEMBERS_MEMBER_ROLE] {
        for (tid, _) in session.find::<PgAuthMembers>(index, &[row.oid.into()])? {
            session.delete::<PgAuthMembers>(tid)?;
        }
        session.command_counter_increment()?;
    }
    let granted = session.find::<PgAuthMembers>(index::PG_AUTH_MEMBERS_GRANTOR, &[row.oid.into()])?;
    if let Some((_, grant)) = granted.first() {
        let detail = format!(
            "privileges for membership of role {} in role {}",
            session.user_name(grant.member)?,
            session.user_name(grant.roleid)?
        );
        return Err(err!(
            DEPENDENT_OBJECTS_STILL_EXIST,
            "role \"{}\" cannot be dropped because some objects depend on it",
            row.rolname
        )
        .detail(detail));
    }
    for (tid, setting) in session.find_all::<PgDbRoleSetting>()? {
        if setting.setrole == row.oid {
            session.delete::<PgDbRoleSetting>(tid)?;
        }
    }
    for (tid, _) in session.find::<PgAuthid>(index::PG_AUTHID_OID, &[row.oid.into()])? {
        session.delete::<PgAuthid>(tid)?;
    }
    comment::set(session, object, None)?;
    session.command_counter_increment()
}

/// In words, what hangs on a role.
fn dependents(session: &Session, role: Oid) -> Result<Option<String>> {
    const SHOWN: usize = 100;
    let mut lines = Vec::new();
    let mut elsewhere: BTreeMap<Oid, usize> = BTreeMap::new();
    for row in shared::on_role(session, role)? {
        if row.dbid.is_valid() && row.dbid != session.database() {
            *elsewhere.entry(row.dbid).or_default() += 1;
            continue;
        }
        let object = ObjectAddress { class: row.classid, object: row.objid, sub: row.objsubid };
        let words = session.describe_object(object)?;
        lines.push(match row.deptype as u8 {
            b'o' => format!("owner of {words}"),
            b'r' => format!("target of {words}"),
            _ => format!("privileges for {words}"),
        });
    }
    for (database, count) in elsewhere {
        let row = session.row::<PgDatabase>(index::PG_DATABASE_OID, &[database.into()])?;
        let name = row.map(|r| r.datname.clone()).unwrap_or_default();
        lines.push(format!("{count} {} in database {name}", if count == 1 { "object" } else { "objects" }));
    }
    if lines.is_empty() {
        return Ok(None);
    }
    let more = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    if more > 0 {
        let noun = if more == 1 { "object" } else { "objects" };
        lines.push(format!("and {more} other {noun} (see server log for list)"));
    }
    Ok(Some(lines.join("\n")))
}
