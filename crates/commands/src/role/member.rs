//! Membership: GRANT role TO role.

use super::{BOOTSTRAP_SUPERUSER, is_admin};
use crate::invocation::{Invocation, Outcome};
use crate::notice::{notice, warning};
use crate::{options, privilege};
use base::{Error, Oid, Result, SqlState, bail, err};
use catalog::{PgAuthMembers, Session, index};
use std::sync::Arc;
use syntax::{DropBehavior, GrantRole};

/// What a membership allows; `None` where the statement is silent.
#[derive(Clone, Default)]
pub(crate) struct Membership {
    pub admin: Option<bool>,
    pub inherit: Option<bool>,
    pub set: Option<bool>,
}

/// GRANT and REVOKE of roles.
///
/// # Errors
/// `42704`, `42501`, `0LP01`, `2BP01`.
pub(crate) fn grant(invocation: &mut Invocation<'_>, statement: &GrantRole) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let mut membership = Membership::default();
    for item in &statement.options {
        let value = Some(options::boolean(item)?);
        match item.name.as_str() {
            "admin" => membership.admin = value,
            "inherit" => membership.inherit = value,
            "set" => membership.set = value,
            other => {
                return Err(err!(SYNTAX_ERROR, "unrecognized role option \"{other}\"").at(item.location));
            }
        }
    }
    let grantor = match &statement.grantor {
        Some(role) => Some(privilege::required_role(session, role)?),
        None => None,
    };
    for privilege in &statement.roles {
        let Some(name) = privilege.name.as_ref().filter(|_| privilege.columns.is_empty()) else {
            bail!(INVALID_GRANT_OPERATION, "column names cannot be included in GRANT/REVOKE ROLE");
        };
        let role = session.require_role(name)?.oid;
        for grantee in &statement.grantees {
            let member = privilege::required_role(session, grantee)?;
            if statement.revoke {
                let cascade = statement.behavior == DropBehavior::Cascade;
                remove(session, role, member, grantor, &membership, cascade)?;
            } else {
                add(session, role, member, grantor, &membership)?;
            }
        }
    }
    Ok(Outcome::Tag(if statement.revoke { "REVOKE ROLE" } else { "GRANT ROLE" }.to_owned()))
}

fn check(session: &Session, role: Oid, verb: &str) -> Result<()> {
    let name = session.user_name(role)?;
    if session.is_superuser(role)? && !session.is_superuser(session.user())? {
        return Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied to {verb} role \"{name}\"").detail(
            format!("Only roles with the SUPERUSER attribute may {verb} roles with the SUPERUSER attribute."),
        ));
    }
    if !is_admin(session, role)? {
        return Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied to {verb} role \"{name}\"")
            .detail(format!("Only roles with the ADMIN option on role \"{name}\" may {verb} this role.")));
    }
    Ok(())
}

fn grantor_of(session: &Session, role: Oid, given: Option<Oid>) -> Result<Oid> {
    if let Some(grantor) = given {
        if !session.has_role(session.user(), grantor)? {
            return Err(err!(
                INSUFFICIENT_PRIVILEGE,
                "permission denied to grant privileges as role \"{}\"",
                session.user_name(grantor)?
            )
            .detail(format!(
                "Only roles with privileges of role \"{}\" may grant privileges as this role.",
                session.user_name(grantor)?
            )));
        }
        return Ok(grantor);
    }
    if session.is_superuser(session.user())? {
        return Ok(BOOTSTRAP_SUPERUSER);
    }
    // Whoever holds ADMIN OPTION: the user, else a role that the user has.
    let rows = session.rows::<PgAuthMembers>(index::PG_AUTH_MEMBERS_ROLE_MEMBER, &[role.into()])?;
    let mut best = session.user();
    if !rows.iter().any(|row| row.admin_option && row.member == best) {
        for row in rows.iter().filter(|row| row.admin_option) {
            if session.has_role(session.user(), row.member)? {
                best = row.member;
                break;
            }
        }
    }
    Ok(best)
}

/// Makes `member` a member of `role`.
///
/// # Errors
/// `42501`, `0LP01` for a circle.
pub(crate) fn add(
    session: &Session,
    role: Oid,
    member: Oid,
    grantor: Option<Oid>,
    wanted: &Membership,
) -> Result<()> {
    check(session, role, "grant")?;
    let grantor = grantor_of(session, role, grantor)?;
    if member == role || reaches(session, role, member)? {
        bail!(
            INVALID_GRANT_OPERATION,
            "role \"{}\" is a member of role \"{}\"",
            session.user_name(role)?,
            session.user_name(member)?
        );
    }
    let keys = [role.into(), member.into(), grantor.into()];
    let existing = session.find::<PgAuthMembers>(index::PG_AUTH_MEMBERS_ROLE_MEMBER, &keys)?;
    let Some((tid, before)) = existing.into_iter().next() else {
        return insert(session, role, member, grantor, wanted);
    };
    let mut row = before.clone();
    row.admin_option = wanted.admin.unwrap_or(row.admin_option);
    row.inherit_option = wanted.inherit.unwrap_or(row.inherit_option);
    row.set_option = wanted.set.unwrap_or(row.set_option);
    if row == before {
        session.notice(notice(format!(
            "role \"{}\" has already been granted membership in role \"{}\" by role \"{}\"",
            session.user_name(member)?,
            session.user_name(role)?,
            session.user_name(grantor)?
        )));
        return Ok(());
    }
    session.update(tid, &row)?;
    session.command_counter_increment()
}

/// Whether `from` is, through others, a member of `to`. Superusers are members of what they were granted only.
fn reaches(session: &Session, from: Oid, to: Oid) -> Result<bool> {
    let mut seen = vec![from];
    let mut at = 0;
    while let Some(role) = seen.get(at).copied() {
        at += 1;
        let rows = session.rows::<PgAuthMembers>(index::PG_AUTH_MEMBERS_MEMBER_ROLE, &[role.into()])?;
        for row in rows.iter() {
            if row.roleid == to {
                return Ok(true);
            }
            if !seen.contains(&row.roleid) {
                seen.push(row.roleid);
            }
        }
    }
    Ok(false)
}

/// # Errors
/// What writing fails with.
pub(crate) fn insert(
    session: &Session,
    role: Oid,
    member: Oid,
    grantor: Oid,
    wanted: &Membership,
) -> Result<()> {
    let inherits = session.role(member)?.is_some_and(|row| row.rolinherit);
    session.insert(&PgAuthMembers {
        oid: session.new_oid::<PgAuthMembers>(index::PG_AUTH_MEMBERS_OID)?,
        roleid: role,
        member,
        grantor,
        admin_option: wanted.admin.unwrap_or(false),
        inherit_option: wanted.inherit.unwrap_or(inherits),
        set_option: wanted.set.unwrap_or(true),
    })?;
    session.command_counter_increment()
}

/// Takes a membership, or one of its options, away.
///
/// # Errors
/// `42501`; `2BP01` when others were granted through it.
pub(crate) fn remove(
    session: &Session,
    role: Oid,
    member: Oid,
    grantor: Option<Oid>,
    what: &Membership,
    cascade: bool,
) -> Result<()> {
    check(session, role, "revoke")?;
    let grantor = grantor_of(session, role, grantor)?;
    let keys = [role.into(), member.into(), grantor.into()];
    let existing = session.find::<PgAuthMembers>(index::PG_AUTH_MEMBERS_ROLE_MEMBER, &keys)?;
    let Some((tid, mut row)) = existing.into_iter().next() else {
        let text = format!(
            "role \"{}\" has not been granted membership in role \"{}\" by role \"{}\"",
            session.user_name(member)?,
            session.user_name(role)?,
            session.user_name(grantor)?
        );
        session.notice(warning(SqlState::WARNING, text));
        return Ok(());
    };
    let whole = what.admin.is_none() && what.inherit.is_none() && what.set.is_none();
    if row.admin_option && (whole || what.admin.is_some()) {
        revoke_dependents(session, role, member, cascade)?;
    }
    if whole {
        session.delete::<PgAuthMembers>(tid)?;
    } else {
        row.admin_option &= what.admin.is_none();
        row.inherit_option &= what.inherit.is_none();
        row.set_option &= what.set.is_none();
        session.update(tid, &row)?;
    }
    session.command_counter_increment()
}

/// What `grantor` has granted of `role` goes when its ADMIN OPTION does.
fn revoke_dependents(session: &Session, role: Oid, grantor: Oid, cascade: bool) -> Result<()> {
    let mut pending = vec![grantor];
    while let Some(grantor) = pending.pop() {
        session.interrupt_check()?;
        for (tid, row) in session.find::<PgAuthMembers>(index::PG_AUTH_MEMBERS_GRANTOR, &[grantor.into()])? {
            if row.roleid != role {
                continue;
            }
            if !cascade {
                return Err(dependent());
            }
            session.delete::<PgAuthMembers>(tid)?;
            if row.admin_option {
                pending.push(row.member);
            }
        }
        session.command_counter_increment()?;
    }
    Ok(())
}

fn dependent() -> Error {
    err!(DEPENDENT_OBJECTS_STILL_EXIST, "dependent privileges exist").hint("Use CASCADE to revoke them too.")
}
