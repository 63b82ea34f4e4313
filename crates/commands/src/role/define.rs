//! CREATE ROLE and ALTER ROLE.

use super::member::{self, Membership};
use super::{BOOTSTRAP_SUPERUSER, check_name, current, is_admin};
use crate::input::ValueInput;
use crate::invocation::{Invocation, Outcome};
use crate::notice::notice;
use crate::options;
use crate::privilege;
use base::{Error, Oid, Result, bail, err};
use catalog::{PgAuthid, Session, index};
use datum::OwnedDatum;
use std::sync::Arc;
use syntax::{AlterRole, CreateRole, OptionItem, OptionValue, Role, RoleStatementKind};

/// The options of a statement, each at most once.
struct Options<'a> {
    items: &'a [OptionItem],
}

impl<'a> Options<'a> {
    fn new(items: &'a [OptionItem]) -> Result<Options<'a>> {
        for (position, item) in items.iter().enumerate() {
            if items[..position].iter().any(|other| other.name == item.name) {
                return Err(options::conflicting(item));
            }
        }
        Ok(Options { items })
    }

    fn get(&self, name: &str) -> Option<&'a OptionItem> {
        self.items.iter().find(|item| item.name == name)
    }

    fn flag(&self, name: &str) -> Result<Option<bool>> {
        self.get(name).map(options::boolean).transpose()
    }

    fn roles(&self, name: &str) -> &'a [Role] {
        match self.get(name).and_then(|item| item.value.as_ref()) {
            Some(OptionValue::Roles(roles)) => roles,
            _ => &[],
        }
    }
}

/// Applies the options that CREATE and ALTER share.
fn apply(session: &Session, row: &mut PgAuthid, given: &Options<'_>) -> Result<()> {
    let flags: [(&str, fn(&mut PgAuthid) -> &mut bool); 7] = [
        ("superuser", |r| &mut r.rolsuper),
        ("inherit", |r| &mut r.rolinherit),
        ("createrole", |r| &mut r.rolcreaterole),
        ("createdb", |r| &mut r.rolcreatedb),
        ("canlogin", |r| &mut r.rolcanlogin),
        ("isreplication", |r| &mut r.rolreplication),
        ("bypassrls", |r| &mut r.rolbypassrls),
    ];
    for (name, field) in flags {
        if let Some(value) = given.flag(name)? {
            *field(row) = value;
        }
    }
    if let Some(item) = given.get("connectionlimit") {
        let limit = options::int64(item)?;
        if limit < -1 {
            bail!(INVALID_PARAMETER_VALUE, "invalid connection limit: {limit}");
        }
        row.rolconnlimit = limit as i32;
    }
    if let Some(item) = given.get("password") {
        row.rolpassword = match &item.value {
            Some(OptionValue::String(text)) if text.is_empty() => {
                session.notice(notice("empty string is not a valid password, clearing password"));
                None
            }
            Some(OptionValue::String(text)) => Some(password_to_store(session, text)?),
            _ => None,
        };
    }
    if let Some(item) = given.get("validUntil") {
        const TIMESTAMPTZ: Oid = Oid(1184);
        let text = options::text(item)?;
        let value = ValueInput::text(session, TIMESTAMPTZ, -1)?.read(session, text.as_bytes())?;
        row.rolvaliduntil = match value {
            Some(OwnedDatum::Int8(time)) => Some(time),
            _ => None,
        };
    }
    Ok(())
}

fn password_to_store(session: &Session, password: &str) -> Result<String> {
    let (method, iterations) = {
        let settings = session.settings();
        (settings.show("password_encryption")?, settings.get(settings::SCRAM_ITERATIONS))
    };
    let is_secret = adt::scram::is_md5(password) || adt::scram::Secret::parse(password).is_some();
    if method == "md5" && !is_secret {
        return Err(Error::unsupported("md5 password encryption"));
    }
    let mut salt = [0; 16];
    session.instance().system.random.fill(&mut salt);
    Ok(adt::scram::stored_password(password, &salt, iterations.max(1) as u32))
}

/// Only those who have an attribute may give it.
fn check_attributes(session: &Session, given: &Options<'_>, words: (&str, &str)) -> Result<()> {
    let me = current(session)?;
    if me.rolsuper {
        return Ok(());
    }
    let rules = [
        ("superuser", false, "SUPERUSER"),
        ("createdb", me.rolcreatedb, "CREATEDB"),
        ("isreplication", me.rolreplication, "REPLICATION"),
        ("bypassrls", me.rolbypassrls, "BYPASSRLS"),
    ];
    for (option, have, attribute) in rules {
        let asked = match words.0 {
            "create" => given.flag(option)? == Some(true),
            _ => given.get(option).is_some(),
        };
        if asked && !have {
            let detail = match words.0 {
                "create" => format!(
                    "Only roles with the {attribute} attribute may create roles with the {attribute} attribute."
                ),
                _ => {
                    format!("Only roles with the {attribute} attribute may change the {attribute} attribute.")
                }
            };
            return Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied to {} role", words.1).detail(detail));
        }
    }
    Ok(())
}

/// CREATE ROLE, USER, GROUP.
///
/// # Errors
/// `42710`, `42939`, `42501`, `22023`, `42601`.
pub(crate) fn create(invocation: &mut Invocation<'_>, statement: &CreateRole) -> Result<Outcome> {
    let session = invocation.session;
    let given = Options::new(&statement.options)?;
    let me = current(session)?;
    if !me.rolsuper && !me.rolcreaterole {
        return Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied to create role")
            .detail("Only roles with the CREATEROLE attribute may create roles."));
    }
    check_attributes(session, &given, ("create", "create"))?;
    check_name(&statement.name)?;
    if session.role_by_name(&statement.name)?.is_some() {
        bail!(DUPLICATE_OBJECT, "role \"{}\" already exists", statement.name);
    }
    let oid = session.new_oid::<PgAuthid>(index::PG_AUTHID_OID)?;
    let mut row = PgAuthid {
        oid,
        rolname: statement.name.clone(),
        rolsuper: false,
        rolinherit: true,
        rolcreaterole: false,
        rolcreatedb: false,
        rolcanlogin: statement.kind == RoleStatementKind::User,
        rolreplication: false,
        rolbypassrls: false,
        rolconnlimit: -1,
        rolpassword: None,
        rolvaliduntil: None,
    };
    apply(session, &mut row, &given)?;
    if given.get("sysid").is_some() {
        session.notice(notice("SYSID can no longer be specified"));
    }
    session.insert(&row)?;
    session.command_counter_increment()?;
    if !me.rolsuper {
        // Whoever makes a role may administer it.
        let own = Membership { admin: Some(true), inherit: Some(false), set: Some(false) };
        member::insert(session, oid, session.user(), BOOTSTRAP_SUPERUSER, &own)?;
    }
    let plain = Membership::default();
    let admin = Membership { admin: Some(true), ..Membership::default() };
    for role in given.roles("addroleto") {
        let group = privilege::required_role(session, role)?;
        member::add(session, group, oid, None, &plain)?;
    }
    for (option, membership) in [("adminmembers", &admin), ("rolemembers", &plain)] {
        for role in given.roles(option) {
            member::add(session, oid, privilege::required_role(session, role)?, None, membership)?;
        }
    }
    Ok(Outcome::Tag("CREATE ROLE".to_owned()))
}

fn denied(detail: String) -> Error {
    err!(INSUFFICIENT_PRIVILEGE, "permission denied to alter role").detail(detail)
}

/// ALTER ROLE with options, ALTER GROUP.
///
/// # Errors
/// `42704`, `42501`, `22023`, `42601`.
pub(crate) fn alter(invocation: &mut Invocation<'_>, statement: &AlterRole) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let given = Options::new(&statement.options)?;
    let oid = privilege::required_role(session, &statement.role)?;
    let tag = || Outcome::Tag("ALTER ROLE".to_owned());
    if let Some((add, members)) = &statement.members {
        for role in members {
            let member = privilege::required_role(session, role)?;
            if *add {
                member::add(session, oid, member, None, &Membership::default())?;
            } else {
                member::remove(session, oid, member, None, &Membership::default(), false)?;
            }
        }
        return Ok(tag());
    }
    let rows = session.find::<PgAuthid>(index::PG_AUTHID_OID, &[oid.into()])?;
    let Some((tid, mut row)) = rows.into_iter().next() else {
        bail!(UNDEFINED_OBJECT, "role with OID {oid} does not exist");
    };
    let me = current(session)?;
    if row.rolsuper && !me.rolsuper {
        return Err(denied(
            "Only roles with the SUPERUSER attribute may alter roles with the SUPERUSER attribute."
                .to_owned(),
        ));
    }
    let only_password = given.items.iter().all(|item| item.name == "password");
    let own = oid == session.user() && only_password;
    let may_alter = own || me.rolsuper || me.rolcreaterole && is_admin(session, oid)?;
    if !may_alter {
        return Err(denied(format!(
            "Only roles with the CREATEROLE attribute and the ADMIN option on role \"{}\" may alter this role.",
            row.rolname
        )));
    }
    check_attributes(session, &given, ("alter", "alter"))?;
    if oid == BOOTSTRAP_SUPERUSER && given.flag("superuser")? == Some(false) {
        return Err(err!(FEATURE_NOT_SUPPORTED, "permission denied to alter role")
            .detail("The bootstrap superuser must have the SUPERUSER attribute."));
    }
    apply(session, &mut row, &given)?;
    session.update(tid, &row)?;
    session.command_counter_increment()?;
    for role in given.roles("rolemembers") {
        member::add(session, oid, privilege::required_role(session, role)?, None, &Membership::default())?;
    }
    Ok(tag())
}
