//! CREATE DATABASE and ALTER DATABASE.
//!
//! The template is copied relation by relation through the buffer pool, each page logged (PostgreSQL's WAL_LOG
//! strategy): no checkpoint is needed.

use super::record;
use crate::invocation::{Invocation, Outcome};
use crate::options;
use crate::privilege;
use crate::role;
use crate::shared_dependency as shared;
use base::{Error, Fork, Oid, RelFileLocator, Result, bail, err};
use catalog::{ObjectAddress, PgDatabase, Session, index};
use lock::LockMode;
use std::sync::Arc;
use storage::database_directory;
use syntax::{AlterDatabase, AlterDatabaseChange, CreateDatabase, OptionItem, OptionValue, RoleKind};
use txn::{Transaction, TransactionParticipant};

/// What CREATE DATABASE was asked for.
struct Wanted {
    template: String,
    owner: Oid,
    row: Box<dyn Fn(&PgDatabase) -> PgDatabase>,
}

fn text_option(items: &[OptionItem], name: &str) -> Result<Option<String>> {
    match items.iter().find(|item| item.name == name) {
        Some(item) if item.value.is_some() => options::text(item).map(Some),
        _ => Ok(None),
    }
}

fn check_options(items: &[OptionItem]) -> Result<()> {
    const KNOWN: [&str; 16] = [
        "tablespace",
        "owner",
        "template",
        "encoding",
        "locale",
        "builtin_locale",
        "lc_collate",
        "lc_ctype",
        "icu_locale",
        "icu_rules",
        "locale_provider",
        "is_template",
        "allow_connections",
        "connection_limit",
        "collation_version",
        "strategy",
    ];
    for (position, item) in items.iter().enumerate() {
        if items[..position].iter().any(|other| other.name == item.name) {
            return Err(options::conflicting(item));
        }
        match item.name.as_str() {
            "location" | "oid" => {
                return Err(Error::unsupported(format!("CREATE DATABASE ... {}", item.name)));
            }
            name if KNOWN.contains(&name) => {}
            name => return Err(err!(SYNTAX_ERROR, "option \"{name}\" not recognized").at(item.location)),
        }
    }
    Ok(())
}

fn wanted(session: &Session, statement: &CreateDatabase, oid: Oid) -> Result<Wanted> {
    let items = &statement.options;
    check_options(items)?;
    let owner = match items.iter().find(|i| i.name == "owner").and_then(|i| i.value.as_ref()) {
        Some(OptionValue::Roles(roles)) => match roles.first() {
            Some(syntax::Role { kind: RoleKind::Public, .. }) | None => session.user(),
            Some(role) => privilege::required_role(session, role)?,
        },
        Some(OptionValue::String(name)) => session.require_role(name)?.oid,
        Some(value) => match value {
            OptionValue::Type(name) => session.require_role(&options::type_word(name))?.oid,
            OptionValue::Name(name) => session.require_role(name.name())?.oid,
            _ => session.user(),
        },
        None => session.user(),
    };
    if let Some(name) = text_option(items, "tablespace")?
        && privilege::require_tablespace(session, &name)? != catalog::DEFAULT_TABLESPACE
    {
        return Err(Error::unsupported("databases outside of tablespace pg_default"));
    }
    if let Some(encoding) = text_option(items, "encoding")? {
        match adt::encoding::by_name(&encoding) {
            Some(6) => {}
            Some(_) => return Err(Error::unsupported(format!("databases with encoding {encoding}"))),
            None => bail!(UNDEFINED_OBJECT, "{encoding} is not a valid encoding name"),
        }
    }
    for name in ["locale", "builtin_locale", "lc_collate", "lc_ctype"] {
        if let Some(locale) = text_option(items, name)?
            && !matches!(locale.as_str(), "C" | "POSIX" | "C.UTF-8" | "C.UTF8")
        {
            return Err(Error::unsupported(format!("the locale {locale}")));
        }
    }
    if let Some(provider) = text_option(items, "locale_provider")?
        && !matches!(provider.as_str(), "builtin" | "libc")
    {
        return Err(Error::unsupported(format!("the locale provider {provider}")));
    }
    if let Some(strategy) = text_option(items, "strategy")? {
        match strategy.to_ascii_lowercase().as_str() {
            "wal_log" => {}
            "file_copy" => return Err(Error::unsupported("the strategy FILE_COPY")),
            _ => {
                return Err(err!(INVALID_PARAMETER_VALUE, "invalid create database strategy \"{strategy}\"")
                    .hint("Valid strategies are \"wal_log\" and \"file_copy\"."));
            }
        }
    }
    let flag = |name: &str| -> Result<Option<bool>> {
        items.iter().find(|i| i.name == name && i.value.is_some()).map(options::boolean).transpose()
    };
    let (is_template, allow) = (flag("is_template")?, flag("allow_connections")?);
    let limit = connection_limit(items)?;
    let name = statement.name.clone();
    let row = move |template: &PgDatabase| PgDatabase {
        oid,
        datname: name.clone(),
        datdba: owner,
        datistemplate: is_template.unwrap_or(false),
        datallowconn: allow.unwrap_or(true),
        datconnlimit: limit.unwrap_or(-1),
        datacl: None,
        ..template.clone()
    };
    let template = text_option(items, "template")?.unwrap_or_else(|| "template1".to_owned());
    Ok(Wanted { template, owner, row: Box::new(row) })
}

fn connection_limit(items: &[OptionItem]) -> Result<Option<i32>> {
    let Some(item) = items.iter().find(|i| i.name == "connection_limit" && i.value.is_some()) else {
        return Ok(None);
    };
    let limit = options::int64(item)?;
    if limit < -1 {
        bail!(INVALID_PARAMETER_VALUE, "invalid connection limit: {limit}");
    }
    Ok(Some(limit as i32))
}

/// Removes the new database's directory if its transaction fails.
struct Undo {
    pool: Arc<buffer::BufferPool>,
    database: Oid,
    directory: String,
}

impl TransactionParticipant for Undo {
    fn at_abort(&self, _: &Transaction) {
        // What cannot be removed is only space lost.
        let _ = self.pool.drop_database(self.database);
        let _ = record::remove_directory(&**self.pool.files().disk(), &self.directory);
    }
}

/// CREATE DATABASE.
///
/// # Errors
/// `42P04`, `3D000`, `42501`, `55006`, `25001`.
pub(crate) fn create(invocation: &mut Invocation<'_>, statement: &CreateDatabase) -> Result<Outcome> {
    invocation.prevent_in_block("CREATE DATABASE")?;
    let session: &Arc<Session> = invocation.session;
    let oid = session.new_oid::<PgDatabase>(index::PG_DATABASE_OID)?;
    let wanted = wanted(session, statement, oid)?;
    let me = role::current(session)?;
    if !me.rolcreatedb && !me.rolsuper {
        bail!(INSUFFICIENT_PRIVILEGE, "permission denied to create database");
    }
    privilege::require_can_set_role(session, wanted.owner)?;
    let found = session.find::<PgDatabase>(index::PG_DATABASE_DATNAME, &[wanted.template.as_str().into()])?;
    let Some((_, template)) = found.into_iter().next() else {
        bail!(UNDEFINED_DATABASE, "template database \"{}\" does not exist", wanted.template);
    };
    if !template.datistemplate && !privilege::is_owner(session, template.datdba)? {
        bail!(INSUFFICIENT_PRIVILEGE, "permission denied to copy database \"{}\"", wanted.template);
    }
    if !session.rows::<PgDatabase>(index::PG_DATABASE_DATNAME, &[statement.name.as_str().into()])?.is_empty()
    {
        bail!(DUPLICATE_DATABASE, "database \"{}\" already exists", statement.name);
    }
    // Nobody may change the template meanwhile.
    let object = ObjectAddress::new::<PgDatabase>(template.oid);
    privilege::lock_object(session, object, true, LockMode::Share)?;
    let others = others_in(session, template.oid);
    if others > 0 {
        return Err(err!(
            OBJECT_IN_USE,
            "source database \"{}\" is being accessed by other users",
            wanted.template
        )
        .detail(sessions_detail(others)));
    }
    let row = (wanted.row)(&template);
    session.insert(&row)?;
    let new = ObjectAddress::new::<PgDatabase>(oid);
    privilege::lock_object(session, new, true, LockMode::AccessExclusive)?;
    shared::record_owner(session, new, wanted.owner)?;
    copy(session, &template, &row)?;
    session.transaction()?.force_sync_commit();
    Ok(Outcome::Tag("CREATE DATABASE".to_owned()))
}

/// How many other sessions are in a database.
pub(super) fn others_in(session: &Session, database: Oid) -> usize {
    let all = session.instance().transactions.sessions_in(database);
    all.saturating_sub(usize::from(database == session.database()))
}

pub(super) fn sessions_detail(count: usize) -> String {
    match count {
        1 => "There is 1 other session using the database.".to_owned(),
        n => format!("There are {n} other sessions using the database."),
    }
}

fn copy(session: &Arc<Session>, from: &PgDatabase, to: &PgDatabase) -> Result<()> {
    let pool = &session.instance().pool;
    let disk = &session.instance().system.disk;
    let transaction = session.transaction()?;
    let xid = transaction.xid()?;
    let (tablespace, target) = (to.dattablespace, to.oid);
    let directory = database_directory(tablespace, target);
    transaction.register(Arc::new(Undo {
        pool: pool.clone(),
        database: target,
        directory: directory.clone(),
    }));
    record::log_create(pool, target, tablespace, xid)?;
    record::make_directory(&**disk, &directory, false)?;
    let map = session.instance().maps.get(from.oid)?;
    record::log_map(pool, target, tablespace, &catalog::relmap::encode(&map), xid)?;
    session.instance().maps.create(target, &map)?;
    let source_directory = database_directory(from.dattablespace, from.oid);
    let names = disk
        .list(&source_directory)
        .map_err(|e| sys::disk::file_error(&e, format!("could not open directory \"{source_directory}\"")))?;
    for name in names {
        session.interrupt_check()?;
        // Main forks' first segments name the relations; what begins with t is temporary.
        let Ok(number) = name.parse::<u32>() else { continue };
        let source =
            RelFileLocator { tablespace: from.dattablespace, database: from.oid, number: Oid(number) };
        let copied = RelFileLocator { tablespace, database: target, number: Oid(number) };
        if pool.files().exists(source, Fork::Init)? {
            return Err(Error::unsupported("template databases with unlogged relations"));
        }
        buffer::relation::copy(pool, source, copied, xid)?;
    }
    Ok(())
}

/// ALTER DATABASE with options; SET is kept elsewhere.
///
/// # Errors
/// `3D000`, `42501`, `22023`.
pub(crate) fn alter(invocation: &mut Invocation<'_>, statement: &AlterDatabase) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    match &statement.change {
        AlterDatabaseChange::Set(setting) => role::alter_database_setting(session, &statement.name, setting)?,
        AlterDatabaseChange::RefreshCollationVersion => {
            return Err(Error::unsupported("ALTER DATABASE ... REFRESH COLLATION VERSION"));
        }
        AlterDatabaseChange::Options(items) => {
            let (tid, mut row) = super::find(session, &statement.name)?;
            privilege::require_owner(session, row.datdba, "database", &statement.name)?;
            for item in items {
                match item.name.as_str() {
                    "is_template" => row.datistemplate = options::boolean(item)?,
                    "allow_connections" => {
                        let allow = options::boolean(item)?;
                        if !allow && row.oid == session.database() {
                            bail!(
                                INVALID_PARAMETER_VALUE,
                                "cannot disallow connections for current database"
                            );
                        }
                        row.datallowconn = allow;
                    }
                    "connection_limit" => {
                        row.datconnlimit = connection_limit(items)?.unwrap_or(row.datconnlimit);
                    }
                    "tablespace" => return Err(Error::unsupported("ALTER DATABASE ... SET TABLESPACE")),
                    name => {
                        return Err(err!(SYNTAX_ERROR, "option \"{name}\" not recognized").at(item.location));
                    }
                }
            }
            session.update(tid, &row)?;
        }
    }
    Ok(Outcome::Tag("ALTER DATABASE".to_owned()))
}
