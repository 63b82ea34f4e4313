//! CREATE INDEX.

use super::concurrent;
use super::create::{IndexSpec, create};
use super::element;
use crate::expression::{self, Kind};
use crate::invocation::{Invocation, Outcome};
use crate::name::{self, choose_relation_name, joined_columns};
use crate::notice::notice_of;
use crate::options::{self, Target};
use crate::privilege;
use access_api::Persistence;
use base::{Error, Oid, Result, SqlState, bail, err};
use catalog::{PgAm, RelationEntry, Session, index as catalog_index};
use lock::LockMode;
use std::sync::Arc;
use syntax::{CreateIndex, Statement};

/// # Errors
/// The access method is not there, or not built.
fn check_method(session: &Session, method: &str) -> Result<()> {
    let rows = session.rows::<PgAm>(catalog_index::PG_AM_NAME, &[method.into()])?;
    match rows.first() {
        None => bail!(UNDEFINED_OBJECT, "access method \"{method}\" does not exist"),
        Some(row) if row.amtype as u8 != b'i' => {
            bail!(WRONG_OBJECT_TYPE, "access method \"{method}\" is not of type INDEX")
        }
        Some(_) if method != "btree" => Err(Error::unsupported(format!("access method {method}"))),
        Some(_) => Ok(()),
    }
}

/// # Errors
/// `42809` for relations without rows of their own.
fn check_table_kind(table: &RelationEntry) -> Result<()> {
    let plural = match table.kind() {
        b'r' | b'm' | b'p' => return Ok(()),
        b'v' => "views",
        b'S' => "sequences",
        b'i' | b'I' => "indexes",
        b't' => "TOAST tables",
        b'c' => "composite types",
        _ => "foreign tables",
    };
    Err(err!(WRONG_OBJECT_TYPE, "cannot create index on relation \"{}\"", table.name())
        .detail(format!("This operation is not supported for {plural}.")))
}

/// CREATE INDEX.
///
/// # Errors
/// PostgreSQL's.
pub(crate) fn define(invocation: &mut Invocation<'_>, statement: &CreateIndex) -> Result<Outcome> {
    let tag = Statement::CreateIndex(Box::new(statement.clone())).tag().to_owned();
    let mode = if statement.concurrently {
        invocation.prevent_in_block("CREATE INDEX CONCURRENTLY")?;
        LockMode::ShareUpdateExclusive
    } else {
        LockMode::Share
    };
    let session = invocation.session;
    let method = statement.access_method.as_deref().unwrap_or("btree");
    let table = name::open_relation(session, &statement.relation, mode)?;
    check_table_kind(&table)?;
    privilege::require_relation_owner(session, &table)?;
    check_method(session, method)?;
    let namespace = table.class.relnamespace;
    privilege::require_create_in(session, namespace)?;
    element::check_count(statement.elements.len() + statement.include.len())?;
    let column_names = element::column_names(statement.elements.iter().chain(&statement.include));
    let name = match &statement.name {
        Some(name) => name.clone(),
        None => {
            let keys = column_names.iter().map(String::as_str);
            choose_relation_name(session, table.name(), Some(&joined_columns(keys)), "idx", namespace, false)?
        }
    };
    if session.relation_in(namespace, &name)?.is_some() {
        if statement.if_not_exists {
            let text = format!("relation \"{name}\" already exists, skipping");
            session.notice(notice_of(SqlState::DUPLICATE_TABLE, text));
            return Ok(Outcome::Tag(tag));
        }
        bail!(DUPLICATE_TABLE, "relation \"{name}\" already exists");
    }
    if statement.concurrently && table.kind() == b'p' {
        bail!(
            FEATURE_NOT_SUPPORTED,
            "cannot create index on partitioned table \"{}\" concurrently",
            table.name()
        );
    }
    let spec = specify(invocation, statement, &table, name, column_names)?;
    // Nobody else uses a temporary table.
    if statement.concurrently && table.relation.persistence != Persistence::Temporary {
        concurrent::create(session, &table, &spec)?;
    } else {
        create(session, &table, &spec)?;
    }
    Ok(Outcome::Tag(tag))
}

fn specify(
    invocation: &Invocation<'_>,
    statement: &CreateIndex,
    table: &Arc<RelationEntry>,
    name: String,
    column_names: Vec<String>,
) -> Result<IndexSpec> {
    let session = invocation.session;
    let predicate = match &statement.where_clause {
        None => None,
        Some(clause) => {
            let expr = expression::analyze(session, clause, Kind::IndexPredicate, Some(table))?;
            if expression::is_mutable(session, &expr)? {
                bail!(INVALID_OBJECT_DEFINITION, "functions in index predicate must be marked IMMUTABLE");
            }
            element::check_columns_read(table, &expr)?;
            Some(expr)
        }
    };
    let mut keys = Vec::new();
    for element in &statement.elements {
        keys.push(element::key_column(session, table, element)?);
    }
    let include: Result<Vec<i16>> =
        statement.include.iter().map(|element| element::included_column(table, element)).collect();
    Ok(IndexSpec {
        name,
        keys,
        include: include?,
        column_names,
        unique: statement.unique,
        primary: false,
        nulls_not_distinct: statement.nulls_not_distinct,
        constraint: None,
        only: !statement.relation.inherit,
        predicate,
        options: options::relation_options(None, &statement.options, None, Target::Btree, false)?,
        tablespace: tablespace(session, statement.tablespace.as_deref())?,
    })
}

/// The tablespace to store in pg_class: 0 for the database's own.
///
/// # Errors
/// `42704`, `42501`; `22023` for pg_global.
pub(crate) fn tablespace(session: &Session, name: Option<&str>) -> Result<Oid> {
    let Some(name) = name else { return Ok(Oid::INVALID) };
    let oid = privilege::require_tablespace(session, name)?;
    if oid == catalog::GLOBAL_TABLESPACE {
        bail!(INVALID_PARAMETER_VALUE, "only shared relations can be placed in pg_global tablespace");
    }
    Ok(if oid == session.database_tablespace() { Oid::INVALID } else { oid })
}
