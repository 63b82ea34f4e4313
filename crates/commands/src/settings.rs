//! SET, RESET and SHOW, SET ROLE and SET SESSION AUTHORIZATION.

use crate::invocation::{Invocation, Outcome};
use adt::datetime::TimeZone;
use base::{Error, Oid, Result, SqlState, bail, err};
use catalog::{Session, Users};
use datum::{Attribute, OwnedDatum, TupleDesc, TypeLayout};
use settings::{Assigner, Checks, Definition, Flags, Scope, Source, Value};
use std::sync::{Arc, Weak};
use syntax::{Expr, IsolationLevel, Literal, SetAction, SetStatement, ShowStatement, TransactionMode};
use txn::{Transaction, TransactionParticipant};

const TEXT: Oid = Oid(25);
const PG_READ_ALL_SETTINGS: Oid = Oid(3374);

/// Checks of parameters that need more than the parameter table knows.
pub struct SettingChecks;

impl Checks for SettingChecks {
    fn check(&self, definition: &Definition, value: Value) -> Result<Value> {
        let Value::String(text) = &value else { return Ok(value) };
        let known = match &*definition.name {
            "TimeZone" | "log_timezone" => {
                if let Some(zone) = zone_of_hours(text) {
                    return Ok(Value::String(zone.name().into()));
                }
                TimeZone::lookup(text).is_some()
            }
            "client_encoding" => match adt::encoding::by_name(text) {
                None => false,
                Some(_) => {
                    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
                    if !matches!(plain.to_ascii_lowercase().as_str(), "utf8" | "unicode" | "sqlascii") {
                        return Err(Error::unsupported(format!("the client encoding {text}")));
                    }
                    true
                }
            },
            _ => true,
        };
        if !known {
            bail!(INVALID_PARAMETER_VALUE, "invalid value for parameter \"{}\": \"{text}\"", definition.name);
        }
        Ok(value)
    }
}

/// The zone that many hours east of Greenwich, if the text is a number of them.
fn zone_of_hours(text: &str) -> Option<TimeZone> {
    const SECONDS: f64 = 3600.0;
    let plain =
        text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'+' | b'-' | b'e' | b'E' | b' '));
    let hours: f64 = if plain { text.trim().parse().ok()? } else { return None };
    let zone = TimeZone::fixed((hours * SECONDS) as i32);
    TimeZone::lookup(zone.name())
}

fn assigner<'a>(superuser: bool, granted: &'a dyn Fn(&str) -> bool) -> Assigner<'a> {
    Assigner { source: Source::Session, superuser, granted, checks: &SettingChecks, restricted: false }
}

/// A parameter that was looked up and a value that it takes.
pub(crate) struct Checked {
    /// As the parameter table spells it.
    pub name: String,
}

impl Checked {
    /// # Errors
    /// `42704`, `22023`, `55P02`.
    pub(crate) fn new(session: &Session, name: &str, value: Option<&str>) -> Result<Checked> {
        let settings = session.settings();
        let id = match settings.find(name) {
            Ok(id) => id,
            // Placeholders of extensions are taken as they are.
            Err(_) if name.contains('.') => return Ok(Checked { name: name.to_owned() }),
            Err(error) => return Err(error),
        };
        let definition = settings.definition(id);
        use settings::Context;
        if matches!(definition.context, Context::Internal | Context::Postmaster | Context::Sighup) {
            let name = &definition.name;
            match definition.context {
                Context::Internal => {
                    bail!(CANT_CHANGE_RUNTIME_PARAM, "parameter \"{name}\" cannot be changed")
                }
                Context::Postmaster => bail!(
                    CANT_CHANGE_RUNTIME_PARAM,
                    "parameter \"{name}\" cannot be changed without restarting the server"
                ),
                _ => bail!(CANT_CHANGE_RUNTIME_PARAM, "parameter \"{name}\" cannot be changed now"),
            }
        }
        if let Some(value) = value {
            SettingChecks.check(definition, definition.parse(value)?)?;
        }
        Ok(Checked { name: definition.name.to_string() })
    }
}

/// The values of SET as one text.
///
/// # Errors
/// `22023` for several values where there is one.
pub(crate) fn value_text(session: &Session, name: &str, values: &[Expr]) -> Result<String> {
    let flags = {
        let settings = session.settings();
        settings.find(name).ok().map(|id| settings.definition(id).flags)
    };
    let has = |flag: Flags| flags.is_some_and(|flags| flags.has(flag));
    if values.len() > 1 && !has(Flags::LIST) {
        bail!(INVALID_PARAMETER_VALUE, "SET {name} takes only one argument");
    }
    let mut parts = Vec::new();
    for value in values {
        parts.push(match value {
            Expr::Const { value: Literal::Integer(number), .. } => number.to_string(),
            Expr::Const { value: Literal::Numeric(text), .. } => text.clone(),
            Expr::Const { value: Literal::Bool(flag), .. } => flag.to_string(),
            Expr::Const { value: Literal::String(text), .. } => match has(Flags::LIST) && has(Flags::QUOTE) {
                true => syntax::quote_identifier(text).into_owned(),
                false => text.clone(),
            },
            Expr::TypeCast(_) => return Err(Error::unsupported("SET TIME ZONE INTERVAL")),
            _ => return Err(Error::internal("unexpected value in SET")),
        });
    }
    Ok(parts.join(", "))
}

/// SET and RESET.
///
/// # Errors
/// `42704`, `22023`, `55P02`, `42501`.
pub(crate) fn set(invocation: &mut Invocation<'_>, statement: &SetStatement) -> Result<Outcome> {
    let session = invocation.session;
    let scope = if statement.local { Scope::Local } else { Scope::Session };
    if statement.local && !invocation.in_block && invocation.top_level {
        let text = "SET LOCAL can only be used in transaction blocks";
        session.notice(crate::notice::warning(SqlState::NO_ACTIVE_SQL_TRANSACTION, text));
    }
    let mut tag = "SET";
    match &statement.action {
        SetAction::Value { name, values } => {
            let text = value_text(session, name, values)?;
            assign(session, name, Some(&text), scope)?;
        }
        SetAction::Default { name } => assign(session, name, None, scope)?,
        SetAction::FromCurrent { .. } => {
            return Err(Error::internal("SET ... FROM CURRENT outside of a function"));
        }
        SetAction::Reset { name } => {
            tag = "RESET";
            assign(session, name, None, Scope::Session)?;
        }
        SetAction::ResetAll => {
            tag = "RESET";
            session.settings().reset_all();
        }
        SetAction::SessionCharacteristics(modes) => characteristics(session, modes)?,
        SetAction::Transaction(modes) => transaction_modes(session, modes)?,
        SetAction::TransactionSnapshot(id) => session.transaction()?.import_snapshot(id)?,
    }
    Ok(Outcome::Tag(tag.to_owned()))
}

/// SET of a parameter, role and session authorization included.
///
/// # Errors
/// `42704`, `22023`, `55P02`, `42501`.
pub(crate) fn assign(session: &Arc<Session>, name: &str, value: Option<&str>, scope: Scope) -> Result<()> {
    match name.to_ascii_lowercase().as_str() {
        "role" => return set_role(session, value, scope),
        "session_authorization" => return set_session_authorization(session, value, scope),
        _ => {}
    }
    let superuser = session.is_superuser(session.user())?;
    session.settings().set(name, value, scope, &assigner(superuser, &|_| false))
}

/// Sets a parameter whoever the user is.
///
/// # Errors
/// `22023`.
pub(crate) fn store(session: &Session, name: &str, value: Option<&str>, scope: Scope) -> Result<()> {
    let who = Assigner { source: Source::Session, ..assigner(true, &|_| true) };
    session.settings().set(name, value, scope, &who)
}

/// Gives the users back when the transaction that changed them ends so that the change does.
struct RestoreUsers {
    session: Weak<Session>,
    users: Users,
    at_commit: bool,
}

impl RestoreUsers {
    fn restore(&self) {
        if let Some(session) = self.session.upgrade() {
            session.set_users(self.users);
        }
    }
}

impl TransactionParticipant for RestoreUsers {
    fn at_commit(&self, _: &Transaction) {
        if self.at_commit {
            self.restore();
        }
    }

    fn at_abort(&self, _: &Transaction) {
        self.restore();
    }
}

fn change_users(session: &Arc<Session>, users: Users, scope: Scope) -> Result<()> {
    let restore = RestoreUsers {
        session: Arc::downgrade(session),
        users: session.users(),
        at_commit: scope == Scope::Local,
    };
    session.transaction()?.register(Arc::new(restore));
    session.set_users(users);
    let superuser = if session.is_superuser(users.current)? { "on" } else { "off" };
    let who = Assigner { source: Source::Override, ..assigner(true, &|_| true) };
    session.settings().set("is_superuser", Some(superuser), scope, &who)
}

fn set_role(session: &Arc<Session>, value: Option<&str>, scope: Scope) -> Result<()> {
    let users = session.users();
    let name = value.unwrap_or("none");
    let current = if name == "none" {
        users.session
    } else {
        let Some(row) = session.role_by_name(name)? else {
            bail!(INVALID_PARAMETER_VALUE, "role \"{name}\" does not exist");
        };
        if !session.can_set_role(users.session, row.oid)? {
            bail!(INSUFFICIENT_PRIVILEGE, "permission denied to set role \"{name}\"");
        }
        row.oid
    };
    store(session, "role", Some(name), scope)?;
    change_users(session, Users { current, ..users }, scope)
}

fn set_session_authorization(session: &Arc<Session>, value: Option<&str>, scope: Scope) -> Result<()> {
    let users = session.users();
    let target = match value {
        None => users.authenticated,
        Some(name) => match session.role_by_name(name)? {
            Some(row) => row.oid,
            None => bail!(INVALID_PARAMETER_VALUE, "role \"{name}\" does not exist"),
        },
    };
    if target != users.authenticated && !session.is_superuser(users.authenticated)? {
        let name = session.user_name(target)?;
        bail!(INSUFFICIENT_PRIVILEGE, "permission denied to set session authorization \"{name}\"");
    }
    let name = session.user_name(target)?;
    store(session, "session_authorization", Some(&name), scope)?;
    store(session, "role", Some("none"), scope)?;
    change_users(session, Users { session: target, current: target, ..users }, scope)
}

fn isolation_word(level: IsolationLevel) -> &'static str {
    match level {
        IsolationLevel::ReadUncommitted => "read uncommitted",
        IsolationLevel::ReadCommitted => "read committed",
        IsolationLevel::RepeatableRead => "repeatable read",
        IsolationLevel::Serializable => "serializable",
    }
}

fn characteristics(session: &Arc<Session>, modes: &[TransactionMode]) -> Result<()> {
    let word = |flag: bool| if flag { "on" } else { "off" };
    for mode in modes {
        let (name, value) = match mode {
            TransactionMode::Isolation { level, .. } => {
                ("default_transaction_isolation", isolation_word(*level))
            }
            TransactionMode::ReadOnly { read_only, .. } => {
                ("default_transaction_read_only", word(*read_only))
            }
            TransactionMode::Deferrable { deferrable, .. } => {
                ("default_transaction_deferrable", word(*deferrable))
            }
        };
        assign(session, name, Some(value), Scope::Session)?;
    }
    Ok(())
}

fn transaction_modes(session: &Session, modes: &[TransactionMode]) -> Result<()> {
    let transaction = session.transaction()?;
    for mode in modes {
        match mode {
            TransactionMode::Isolation { level, .. } => {
                let wanted = match level {
                    IsolationLevel::ReadUncommitted => txn::Isolation::ReadUncommitted,
                    IsolationLevel::ReadCommitted => txn::Isolation::ReadCommitted,
                    IsolationLevel::RepeatableRead => txn::Isolation::RepeatableRead,
                    IsolationLevel::Serializable => txn::Isolation::Serializable,
                };
                if transaction.has_snapshot() && wanted != transaction.isolation() {
                    bail!(
                        ACTIVE_SQL_TRANSACTION,
                        "SET TRANSACTION ISOLATION LEVEL must be called before any query"
                    );
                }
                transaction.set_options(|options| options.isolation = wanted);
            }
            TransactionMode::ReadOnly { read_only, .. } => {
                if !read_only && transaction.is_read_only() && transaction.has_snapshot() {
                    bail!(ACTIVE_SQL_TRANSACTION, "transaction read-write mode must be set before any query");
                }
                transaction.set_options(|options| options.read_only = *read_only);
            }
            TransactionMode::Deferrable { deferrable, .. } => {
                transaction.set_options(|options| options.deferrable = *deferrable);
            }
        }
    }
    Ok(())
}

fn column(name: impl Into<String>) -> Attribute {
    Attribute::result(name, TEXT, -1, TypeLayout::new(TEXT, -1, false, b'i'), Oid(100))
}

/// Where the value of a parameter belongs to the transaction rather than the session.
fn of_transaction(session: &Session, name: &str) -> Result<Option<String>> {
    let transaction = session.transaction()?;
    let word = |flag: bool| if flag { "on" } else { "off" }.to_owned();
    Ok(Some(match name {
        "transaction_isolation" => match transaction.isolation() {
            txn::Isolation::ReadUncommitted => "read uncommitted",
            txn::Isolation::ReadCommitted => "read committed",
            txn::Isolation::RepeatableRead => "repeatable read",
            txn::Isolation::Serializable => "serializable",
        }
        .to_owned(),
        "transaction_read_only" => word(transaction.is_read_only()),
        "transaction_deferrable" => word(transaction.options().deferrable),
        "session_authorization" => session.user_name(session.session_user())?,
        _ => return Ok(None),
    }))
}

/// SHOW.
///
/// # Errors
/// `42704`, `42501`.
pub(crate) fn show(invocation: &mut Invocation<'_>, statement: &ShowStatement) -> Result<Outcome> {
    let session = invocation.session;
    let reads_all = session.has_role(session.user(), PG_READ_ALL_SETTINGS)?;
    let tag = "SHOW".to_owned();
    if let ShowStatement::Name(name) = statement {
        let (spelled, secret, value) = {
            let settings = session.settings();
            let id = settings.find(name)?;
            let definition = settings.definition(id);
            (definition.name.to_string(), definition.flags.has(Flags::SUPERUSER_ONLY), settings.show_id(id))
        };
        if secret && !reads_all {
            return Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied to examine \"{spelled}\"").detail(
                "Only roles with privileges of the \"pg_read_all_settings\" role may examine this parameter.",
            ));
        }
        let value = of_transaction(session, &spelled)?.unwrap_or(value);
        let desc = TupleDesc::new(vec![column(spelled)]);
        return Ok(Outcome::Rows { desc, rows: vec![vec![Some(value.into())]], tag });
    }
    let mut rows: Vec<Vec<Option<OwnedDatum>>> = Vec::new();
    {
        let settings = session.settings();
        let mut ids: Vec<u16> = settings.ids().collect();
        ids.sort_by_key(|id| settings.definition(*id).name.to_ascii_lowercase());
        for id in ids {
            let definition = settings.definition(id);
            if definition.flags.has(Flags::NO_SHOW_ALL)
                || definition.flags.has(Flags::SUPERUSER_ONLY) && !reads_all
            {
                continue;
            }
            let name = definition.name.to_string();
            rows.push(vec![Some(name.into()), Some(settings.show_id(id).into()), Some(String::new().into())]);
        }
    }
    let desc = TupleDesc::new(vec![column("name"), column("setting"), column("description")]);
    Ok(Outcome::Rows { desc, rows, tag })
}

/// The columns of SHOW, by name and type.
pub(crate) fn show_columns(session: &Session, statement: &ShowStatement) -> Result<Vec<(String, Oid)>> {
    Ok(match statement {
        ShowStatement::Name(name) => {
            let settings = session.settings();
            let id = settings.find(name)?;
            vec![(settings.definition(id).name.to_string(), TEXT)]
        }
        ShowStatement::All => {
            ["name", "setting", "description"].into_iter().map(|name| (name.to_owned(), TEXT)).collect()
        }
    })
}
