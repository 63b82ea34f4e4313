//! REINDEX.

use super::rebuild;
use crate::invocation::{Invocation, Outcome};
use crate::name::{self, lock_relation};
use crate::notice::notice;
use crate::{options, privilege};
use base::{Error, Oid, Result, bail, err};
use catalog::acl::privilege as bits;
use catalog::{PgIndex, Session, index as catalog_index};
use lock::LockMode;
use std::sync::Arc;
use syntax::{Reindex, ReindexTarget, RelationName};

/// REINDEX INDEX and TABLE; the forms that commit table by table are not built.
///
/// # Errors
/// PostgreSQL's.
pub(crate) fn reindex(invocation: &mut Invocation<'_>, statement: &Reindex) -> Result<Outcome> {
    let mut verbose = false;
    for item in &statement.options {
        match item.name.as_str() {
            "verbose" => verbose = options::boolean(item)?,
            "concurrently" => {
                if options::boolean(item)? {
                    invocation.prevent_in_block("REINDEX CONCURRENTLY")?;
                    return Err(Error::unsupported("REINDEX CONCURRENTLY"));
                }
            }
            "tablespace" => return Err(Error::unsupported("REINDEX with TABLESPACE")),
            other => {
                return Err(err!(SYNTAX_ERROR, "unrecognized REINDEX option \"{other}\"").at(item.location));
            }
        }
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
    lock_relation(session, row.indrelid, LockMode::Share)?;
    lock_relation(session, oid, LockMode::AccessExclusive)?;
    require_maintain(session, row.indrelid)?;
    rebuild(session, row.indrelid, oid)?;
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
