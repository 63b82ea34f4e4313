//! CREATE SCHEMA.

use crate::invocation::{Invocation, Outcome};
use crate::notice::notice_of;
use crate::privilege;
use crate::settings;
use crate::shared_dependency as shared;
use ::settings::Scope;
use base::{Oid, Result, SqlState, bail, err};
use catalog::acl::privilege as bits;
use catalog::{ObjectAddress, PgNamespace, Session, index};
use syntax::{CreateSchema, RelationName, Statement};

/// Inserts a schema's row.
///
/// # Errors
/// `42P06` when the name is taken.
pub(crate) fn insert(session: &Session, name: &str, owner: Oid, record: bool) -> Result<Oid> {
    if !session.rows::<PgNamespace>(index::PG_NAMESPACE_NSPNAME, &[name.into()])?.is_empty() {
        bail!(DUPLICATE_SCHEMA, "schema \"{name}\" already exists");
    }
    let oid = session.new_oid::<PgNamespace>(index::PG_NAMESPACE_OID)?;
    session.insert(&PgNamespace { oid, nspname: name.to_owned(), nspowner: owner, nspacl: None })?;
    if record {
        shared::record_owner(session, ObjectAddress::new::<PgNamespace>(oid), owner)?;
    }
    session.command_counter_increment()?;
    Ok(oid)
}

/// CREATE SCHEMA, with what is made inside.
///
/// # Errors
/// `42P06`, `42939`, `42501`, `42P17` for elements of other schemas.
pub(crate) fn create(invocation: &mut Invocation<'_>, statement: &CreateSchema) -> Result<Outcome> {
    let session = invocation.session;
    let tag = || Outcome::Tag("CREATE SCHEMA".to_owned());
    let owner = match &statement.authorization {
        Some(role) => privilege::required_role(session, role)?,
        None => session.user(),
    };
    let name = match &statement.name {
        Some(name) => name.clone(),
        None => session.user_name(owner)?,
    };
    if !privilege::database_allows(session, bits::CREATE)? {
        bail!(INSUFFICIENT_PRIVILEGE, "permission denied for database {}", session.database_name());
    }
    privilege::require_can_set_role(session, owner)?;
    if name.starts_with("pg_") {
        return Err(err!(RESERVED_NAME, "unacceptable schema name \"{name}\"")
            .detail("The prefix \"pg_\" is reserved for system schemas."));
    }
    if statement.if_not_exists
        && !session.rows::<PgNamespace>(index::PG_NAMESPACE_NSPNAME, &[name.as_str().into()])?.is_empty()
    {
        let text = format!("schema \"{name}\" already exists, skipping");
        session.notice(notice_of(SqlState::DUPLICATE_SCHEMA, text));
        return Ok(tag());
    }
    insert(session, &name, owner, true)?;
    run_elements(invocation, statement, &name, owner)?;
    Ok(tag())
}

/// Tables, views and so on in the new schema, in an order in which they may refer to each other.
fn run_elements(
    invocation: &mut Invocation<'_>,
    statement: &CreateSchema,
    schema: &str,
    owner: Oid,
) -> Result<()> {
    let rank = |s: &Statement| match s {
        Statement::CreateSequence(_) => 0,
        Statement::CreateTable(_) => 1,
        Statement::CreateView(_) => 2,
        Statement::CreateIndex(_) => 3,
        Statement::CreateTrigger(_) => 4,
        _ => 5,
    };
    let mut elements: Vec<Statement> = statement.elements.iter().map(|e| e.statement.clone()).collect();
    elements.sort_by_key(rank);
    let session = invocation.session.clone();
    let users = session.users();
    session.set_users(catalog::Users { current: owner, ..users });
    // What is made inside is looked for in the new schema first.
    let path = session.settings().show("search_path")?;
    let own = syntax::quote_identifier(schema).into_owned();
    let inside = if path.is_empty() { own } else { format!("{own}, {path}") };
    settings::store(&session, "search_path", Some(&inside), Scope::Local)?;
    let result = elements.iter_mut().try_for_each(|element| {
        if let Some(name) = made(element) {
            place(name, schema)?;
        }
        crate::execute(invocation, element)?;
        session.command_counter_increment()
    });
    session.set_users(users);
    result?;
    settings::store(&session, "search_path", Some(&path), Scope::Local)
}

fn made(statement: &mut Statement) -> Option<&mut RelationName> {
    match statement {
        Statement::CreateSequence(create) => Some(&mut create.relation),
        Statement::CreateTable(create) => Some(&mut create.relation),
        Statement::CreateView(create) => Some(&mut create.relation),
        Statement::CreateIndex(create) => Some(&mut create.relation),
        _ => None,
    }
}

fn place(name: &mut RelationName, schema: &str) -> Result<()> {
    match &name.schema {
        None => name.schema = Some(schema.to_owned()),
        Some(other) if other != schema => bail!(
            INVALID_SCHEMA_DEFINITION,
            "CREATE specifies a schema ({other}) different from the one being created ({schema})"
        ),
        Some(_) => {}
    }
    Ok(())
}
