//! REINDEX.

use super::rebuild;
use super::replace::replace;
use crate::invocation::{Invocation, Outcome};
use crate::name::{self, lock_relation};
use crate::notice::notice;
use crate::vacuum::next_transaction;
use crate::{options, privilege};
use access_api::Persistence;
use base::{Error, Oid, Result, SqlState, bail, err};
use catalog::acl::privilege as bits;
use catalog::{PgIndex, RelationEntry, Session, index as catalog_index};
use lock::LockMode;
use std::sync::Arc;
use syntax::{Reindex, ReindexTarget, RelationName};

/// REINDEX INDEX and TABLE; the forms that commit table by table are not built.
///
/// # Errors
/// PostgreSQL's.
pub(crate) fn reindex(invocation: &mut Invocation<'_>, statement: &Reindex) -> Result<Outcome> {
    let (mut verbose, mut concurrently) = (false, false);
    for item in &statement.options {
        match item.name.as_str() {
            "verbose" => verbose = options::boolean(item)?,
            "concurrently" => concurrently = options::boolean(item)?,
            "tablespace" => return Err(Error::unsupported("REINDEX with TABLESPACE")),
            other => {
                return Err(err!(SYNTAX_ERROR, "unrecognized REINDEX option \"{other}\"").at(item.location));
            }
        }
    }
    if concurrently {
        invocation.prevent_in_block("REINDEX CONCURRENTLY")?;
        reindex_concurrently(invocation.session, &statement.target, verbose)?;
        return Ok(Outcome::Tag("REINDEX".to_owned()));
    }
    match &statement.target {
        ReindexTarget::Index(name) => reindex_index(invocation.session, name, verbose)?,
        ReindexTarget::Table(name) => {
            let table = name::open_relation(invocation.session, name, LockMode::Share)?;
            if !matches!(table.kind(), b'r' | b'm' | b't') {
                bail!(WRONG_OBJECT_TYPE, "\"{}\" is not a table or materialized view", table.name());
            }
            require_maintain(invocation.session, table.oid())?;
            if !reindex_table(invocation.session, table.oid(), verbose)? {
                let text = format!("table \"{}\" has no indexes to reindex", table.name());
                invocation.session.notice(notice(text));
            }
        }
        ReindexTarget::Schema(_) => return Err(Error::unsupported("REINDEX SCHEMA")),
        ReindexTarget::System(_) => return Err(Error::unsupported("REINDEX SYSTEM")),
        ReindexTarget::Database(_) => return Err(Error::unsupported("REINDEX DATABASE")),
    }
    Ok(Outcome::Tag("REINDEX".to_owned()))
}

/// The table and the index of a name, both locked; the entry of the index.
fn find_index(
    session: &Arc<Session>,
    name: &RelationName,
    table_mode: LockMode,
    index_mode: LockMode,
) -> Result<(Oid, Arc<RelationEntry>)> {
    let Some(oid) = session.relation_by_name(name.schema.as_deref(), &name.name)? else {
        bail!(UNDEFINED_TABLE, "relation \"{}\" does not exist", name::display(name));
    };
    let class = session.require_relation(oid)?;
    if class.kind() != b'i' {
        bail!(WRONG_OBJECT_TYPE, "\"{}\" is not an index", class.name());
    }
    let row = session
        .row::<PgIndex>(catalog_index::PG_INDEX_INDEXRELID, &[oid.into()])?
        .ok_or_else(|| Error::internal(format!("cache lookup failed for index {oid}")))?;
    // The table before its index, as everybody does.
    lock_relation(session, row.indrelid, table_mode)?;
    lock_relation(session, oid, index_mode)?;
    require_maintain(session, row.indrelid)?;
    Ok((row.indrelid, class))
}

/// REINDEX CONCURRENTLY. The index of a TOAST table is rebuilt at once, as it is the only one of its table.
fn reindex_concurrently(session: &Arc<Session>, target: &ReindexTarget, verbose: bool) -> Result<()> {
    const MODE: LockMode = LockMode::ShareUpdateExclusive;
    let (table, indexes) = match target {
        ReindexTarget::Index(name) => {
            let (table, class) = find_index(session, name, MODE, MODE)?;
            (session.require_relation(table)?, vec![class.oid()])
        }
        ReindexTarget::Table(name) => {
            let table = name::open_relation(session, name, MODE)?;
            if !matches!(table.kind(), b'r' | b'm' | b't') {
                bail!(WRONG_OBJECT_TYPE, "\"{}\" is not a table or materialized view", table.name());
            }
            if table.relation.is_catalog {
                return Err(of_catalog());
            }
            require_maintain(session, table.oid())?;
            let indexes = valid_indexes(session, &table)?;
            (table, indexes)
        }
        ReindexTarget::Schema(_) => return Err(Error::unsupported("REINDEX SCHEMA")),
        ReindexTarget::System(_) => return Err(of_catalog()),
        ReindexTarget::Database(_) => return Err(Error::unsupported("REINDEX DATABASE")),
    };
    if table.relation.is_catalog {
        return Err(of_catalog());
    }
    let is_table = matches!(target, ReindexTarget::Table(_));
    if table.relation.persistence == Persistence::Temporary || table.kind() == b't' {
        lock_relation(session, table.oid(), LockMode::Share)?;
        for index in &indexes {
            lock_relation(session, *index, LockMode::AccessExclusive)?;
            rebuild(session, table.oid(), *index)?;
        }
    } else if !indexes.is_empty() {
        let pairs: Vec<_> = indexes.iter().map(|index| (table.oid(), *index)).collect();
        replace(session, &pairs)?;
    }
    let toast = table.class.reltoastrelid.some().filter(|_| is_table);
    if let Some(toast) = toast {
        next_transaction(session)?;
        lock_relation(session, toast, LockMode::Share)?;
        reindex_table(session, toast, false)?;
    } else if indexes.is_empty() && is_table {
        let text = format!("table \"{}\" has no indexes that can be reindexed concurrently", table.name());
        session.notice(notice(text));
    }
    let namespace = session.namespace_name(table.class.relnamespace)?;
    for entry in table.indexes.iter().filter(|entry| indexes.contains(&entry.oid)) {
        report(session, verbose, &format!("{namespace}.{}", entry.class.relname));
    }
    if verbose && is_table {
        let text = format!("table \"{namespace}.{}\" was reindexed", table.name());
        session.notice(notice(text).severity(base::Severity::Info));
    }
    Ok(())
}

fn of_catalog() -> Error {
    err!(FEATURE_NOT_SUPPORTED, "cannot reindex system catalogs concurrently")
}

/// A table's indexes that can be replaced: invalid ones are left over from what failed.
fn valid_indexes(session: &Session, table: &RelationEntry) -> Result<Vec<Oid>> {
    let namespace = session.namespace_name(table.class.relnamespace)?;
    let mut valid = Vec::new();
    for entry in &table.indexes {
        if entry.index.indisvalid {
            valid.push(entry.oid);
            continue;
        }
        let text = format!("skipping reindex of invalid index \"{namespace}.{}\"", entry.class.relname);
        session.notice(
            Error::new(SqlState::INDEX_CORRUPTED, text)
                .severity(base::Severity::Warning)
                .hint("Use DROP INDEX or REINDEX INDEX."),
        );
    }
    Ok(valid)
}

fn require_maintain(session: &Session, table: Oid) -> Result<()> {
    let entry = session.require_relation(table)?;
    if entry.class.oid.0 < 16384 && entry.class.relfilenode == Oid(0) {
        return Err(Error::unsupported("REINDEX of mapped catalogs"));
    }
    if privilege::is_owner(session, entry.class.relowner)? {
        return Ok(());
    }
    privilege::require_on_relation(session, &entry, bits::MAINTAIN)
}

fn reindex_index(session: &Arc<Session>, name: &RelationName, verbose: bool) -> Result<()> {
    let (table, class) = find_index(session, name, LockMode::Share, LockMode::AccessExclusive)?;
    rebuild(session, table, class.oid())?;
    report(session, verbose, class.name());
    Ok(())
}

fn report(session: &Session, verbose: bool, index: &str) {
    if verbose {
        let text = format!("index \"{index}\" was reindexed");
        session.notice(notice(text).severity(base::Severity::Info));
    }
}

/// Rebuilds all indexes of a table and of its TOAST table. False if there are none.
///
/// # Errors
/// As [`rebuild`].
pub(crate) fn reindex_table(session: &Arc<Session>, table: Oid, verbose: bool) -> Result<bool> {
    let entry = session.require_relation(table)?;
    let mut indexes: Vec<Oid> = entry.indexes.iter().map(|i| i.oid).collect();
    // The primary key first: other sessions find rows again soonest.
    indexes.sort_by_key(|oid| {
        let primary = entry.indexes.iter().any(|i| i.oid == *oid && i.index.indisprimary);
        (!primary, *oid)
    });
    for index in &indexes {
        lock_relation(session, *index, LockMode::AccessExclusive)?;
        rebuild(session, table, *index)?;
        let name = entry.indexes.iter().find(|i| i.oid == *index).map_or("", |i| i.class.relname.as_str());
        report(session, verbose, name);
    }
    let mut any = !indexes.is_empty();
    if let Some(toast) = entry.class.reltoastrelid.some() {
        any |= reindex_table(session, toast, verbose)?;
    }
    Ok(any)
}
