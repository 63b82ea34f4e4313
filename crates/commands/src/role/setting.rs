//! ALTER ROLE ... SET and ALTER DATABASE ... SET: pg_db_role_setting.

use super::{current, is_admin};
use crate::invocation::{Invocation, Outcome};
use crate::privilege;
use crate::settings::{Checked, value_text};
use base::{Error, Oid, Result, bail, err};
use catalog::{PgDatabase, PgDbRoleSetting, Session, index};
use std::sync::Arc;
use syntax::{AlterRoleSet, SetAction, SetStatement};

/// ALTER ROLE ... [IN DATABASE ...] SET.
///
/// # Errors
/// `42704`, `3D000`, `42501`, `22023`.
pub(crate) fn alter_role_setting(
    invocation: &mut Invocation<'_>,
    statement: &AlterRoleSet,
) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let role = match &statement.role {
        Some(role) => privilege::required_role(session, role)?,
        None => Oid::INVALID,
    };
    let database = match &statement.database {
        Some(name) => database(session, name)?.oid,
        None => Oid::INVALID,
    };
    let me = current(session)?;
    if role.is_valid() {
        let name = session.user_name(role)?;
        if session.is_superuser(role)? && !me.rolsuper {
            return Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied to alter role").detail(
                "Only roles with the SUPERUSER attribute may alter roles with the SUPERUSER attribute.",
            ));
        }
        if role != session.user() && !me.rolsuper && !(me.rolcreaterole && is_admin(session, role)?) {
            return Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied to alter role").detail(format!(
                "Only roles with the CREATEROLE attribute and the ADMIN option on role \"{name}\" may alter this role."
            )));
        }
    } else if database.is_valid() {
        let row = session.row::<PgDatabase>(index::PG_DATABASE_OID, &[database.into()])?;
        let owner = row.as_ref().map(|r| r.datdba).unwrap_or_default();
        let name = row.as_ref().map(|r| r.datname.clone()).unwrap_or_default();
        privilege::require_owner(session, owner, "database", &name)?;
    } else if !me.rolsuper {
        return Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied to alter setting")
            .detail("Only roles with the SUPERUSER attribute may alter settings globally."));
    }
    change(session, database, role, &statement.setting)?;
    Ok(Outcome::Tag("ALTER ROLE".to_owned()))
}

fn database(session: &Session, name: &str) -> Result<Arc<PgDatabase>> {
    let rows = session.rows::<PgDatabase>(index::PG_DATABASE_DATNAME, &[name.into()])?;
    match rows.first() {
        Some(row) => Ok(row.clone()),
        None => bail!(UNDEFINED_DATABASE, "database \"{name}\" does not exist"),
    }
}

/// ALTER DATABASE ... SET.
///
/// # Errors
/// As [`alter_role_setting`].
pub(crate) fn alter_database_setting(
    session: &Arc<Session>,
    name: &str,
    setting: &SetStatement,
) -> Result<()> {
    let row = database(session, name)?;
    privilege::require_owner(session, row.datdba, "database", name)?;
    change(session, row.oid, Oid::INVALID, setting)
}

fn change(session: &Arc<Session>, database: Oid, role: Oid, setting: &SetStatement) -> Result<()> {
    let keys = [database.into(), role.into()];
    let existing =
        session.find::<PgDbRoleSetting>(index::PG_DB_ROLE_SETTING_DATABASEID_ROL, &keys)?.into_iter().next();
    let mut settings: Vec<String> =
        existing.as_ref().and_then(|(_, row)| row.setconfig.clone()).unwrap_or_default();
    let forget = |settings: &mut Vec<String>, name: &str| {
        settings.retain(|s| s.split_once('=').is_none_or(|(n, _)| !n.eq_ignore_ascii_case(name)));
    };
    match &setting.action {
        SetAction::ResetAll => settings.clear(),
        SetAction::Reset { name } | SetAction::Default { name } => {
            Checked::new(session, name, None)?;
            forget(&mut settings, name);
        }
        SetAction::Value { name, values } => {
            let value = value_text(session, name, values)?;
            let checked = Checked::new(session, name, Some(&value))?;
            forget(&mut settings, &checked.name);
            settings.push(format!("{}={value}", checked.name));
        }
        SetAction::FromCurrent { name } => {
            let value = session.settings().show(name)?;
            let checked = Checked::new(session, name, Some(&value))?;
            forget(&mut settings, &checked.name);
            settings.push(format!("{}={value}", checked.name));
        }
        _ => return Err(Error::unsupported("ALTER ... SET TRANSACTION")),
    }
    match (existing, settings.is_empty()) {
        (Some((tid, _)), true) => session.delete::<PgDbRoleSetting>(tid)?,
        (Some((tid, mut row)), false) => {
            row.setconfig = Some(settings);
            session.update(tid, &row)?;
        }
        (None, true) => {}
        (None, false) => {
            let row = PgDbRoleSetting { setdatabase: database, setrole: role, setconfig: Some(settings) };
            session.insert(&row)?;
        }
    }
    session.command_counter_increment()
}
