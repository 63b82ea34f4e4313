//! Roles: names, membership, superusers.

use crate::index;
use crate::rows::*;
use crate::session::Session;
use base::{Oid, Result, bail};
use datum::Datum;
use std::collections::HashSet;
use std::sync::Arc;

impl Session {
    pub fn role(&self, oid: Oid) -> Result<Option<Arc<PgAuthid>>> {
        self.row(index::PG_AUTHID_OID, &[oid.into()])
    }

    pub fn role_by_name(&self, name: &str) -> Result<Option<Arc<PgAuthid>>> {
        self.row(index::PG_AUTHID_ROLNAME, &[Datum::from(name)])
    }

    /// # Errors
    /// `42704` if there is no such role.
    pub fn require_role(&self, name: &str) -> Result<Arc<PgAuthid>> {
        match self.role_by_name(name)? {
            Some(role) => Ok(role),
            None => bail!(UNDEFINED_OBJECT, "role \"{name}\" does not exist"),
        }
    }

    /// # Errors
    /// `42704` if there is no such role.
    pub fn user_name(&self, role: Oid) -> Result<String> {
        match self.role(role)? {
            Some(role) => Ok(role.rolname.clone()),
            None => bail!(UNDEFINED_OBJECT, "invalid role OID: {role}"),
        }
    }

    pub fn is_superuser(&self, role: Oid) -> Result<bool> {
        Ok(self.role(role)?.is_some_and(|r| r.rolsuper))
    }

    /// Whether `member` has the privileges of `role`: is it, is a superuser, or inherits from it.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn has_role(&self, member: Oid, role: Oid) -> Result<bool> {
        if member == role || self.is_superuser(member)? {
            return Ok(true);
        }
        self.reaches(member, role, |m| m.inherit_option)
    }

    /// Whether `member` may SET ROLE to `role`.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn can_set_role(&self, member: Oid, role: Oid) -> Result<bool> {
        if member == role || self.is_superuser(member)? {
            return Ok(true);
        }
        self.reaches(member, role, |m| m.set_option)
    }

    /// Whether `member` belongs to `role` in any way.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn is_member(&self, member: Oid, role: Oid) -> Result<bool> {
        if member == role || self.is_superuser(member)? {
            return Ok(true);
        }
        self.reaches(member, role, |_| true)
    }

    fn reaches(&self, member: Oid, role: Oid, follows: impl Fn(&PgAuthMembers) -> bool) -> Result<bool> {
        const PG_DATABASE_OWNER: Oid = Oid(6171);
        let mut seen = HashSet::from([member]);
        let mut pending = vec![member];
        while let Some(current) = pending.pop() {
            if role == PG_DATABASE_OWNER && self.database_owner()? == Some(current) {
                return Ok(true);
            }
            let memberships =
                self.rows::<PgAuthMembers>(index::PG_AUTH_MEMBERS_MEMBER_ROLE, &[current.into()])?;
            for membership in memberships.iter().filter(|m| follows(m)) {
                if membership.roleid == role {
                    return Ok(true);
                }
                if seen.insert(membership.roleid) {
                    pending.push(membership.roleid);
                }
            }
        }
        Ok(false)
    }

    fn database_owner(&self) -> Result<Option<Oid>> {
        let database = self.row::<PgDatabase>(index::PG_DATABASE_OID, &[self.database().into()])?;
        Ok(database.map(|d| d.datdba))
    }
}
