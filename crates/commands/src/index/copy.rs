//! An index like another, of another table.

use super::{IndexConstraintSpec, IndexSpec, KeyColumn, element};
use crate::create_table::renumber;
use crate::expression;
use crate::name::{choose_relation_name, joined_columns};
use base::{Error, Result};
use catalog::{IndexEntry, PgOpclass, RelationEntry, Session, index as catalog_index};
use std::sync::Arc;

/// What an index is, as one that could be made of a table whose columns stand at `map`.
///
/// # Errors
/// What reading the catalogs fails with.
pub(crate) fn spec_of(
    session: &Arc<Session>,
    entry: &IndexEntry,
    table: &RelationEntry,
    map: &[i16],
) -> Result<IndexSpec> {
    let row = &entry.index;
    let mut exprs = match &row.indexprs {
        Some(text) => expression::load_list(session, text)?,
        None => Vec::new(),
    }
    .into_iter();
    let at = |number: i16| map.get(number as usize - 1).copied().unwrap_or_default();
    let key_count = row.indnkeyatts as usize;
    let mut keys = Vec::with_capacity(key_count);
    for (position, number) in row.indkey[..key_count].iter().enumerate() {
        let class = session
            .row::<PgOpclass>(catalog_index::PG_OPCLASS_OID, &[row.indclass[position].into()])?
            .ok_or_else(|| Error::internal("cache lookup failed for an operator class"))?;
        let expr = match number {
            0 => exprs.next().map(|e| renumber(&e, map)).transpose()?,
            _ => None,
        };
        keys.push(KeyColumn {
            attribute: if *number > 0 { at(*number) } else { 0 },
            expr,
            class,
            collation: row.indcollation[position],
            options: row.indoption[position],
        });
    }
    let predicate = match &row.indpred {
        Some(text) => Some(renumber(&expression::load(session, text)?, map)?),
        None => None,
    };
    let own = session.require_relation(entry.oid)?;
    let wanted = own.desc().attributes().iter().zip(&row.indkey).map(|(a, number)| match *number {
        0 => a.name.as_str(),
        number => table.desc().attributes()[at(number) as usize - 1].name.as_str(),
    });
    let column_names = element::distinct_names(wanted);
    let constraint = entry.constraint.as_ref();
    let joined = joined_columns(column_names.iter().map(String::as_str));
    let (second, label) = match (row.indisprimary, constraint.is_some()) {
        (true, _) => (None, "pkey"),
        (false, true) => (Some(joined.as_str()), "key"),
        (false, false) => (Some(joined.as_str()), "idx"),
    };
    let namespace = table.class.relnamespace;
    Ok(IndexSpec {
        name: choose_relation_name(session, table.name(), second, label, namespace, constraint.is_some())?,
        keys,
        include: row.indkey[key_count..].iter().map(|n| at(*n)).collect(),
        column_names,
        unique: row.indisunique,
        primary: row.indisprimary,
        nulls_not_distinct: row.indnullsnotdistinct,
        constraint: constraint
            .map(|c| IndexConstraintSpec { deferrable: c.condeferrable, deferred: c.condeferred }),
        only: false,
        predicate,
        options: entry.class.reloptions.clone(),
        tablespace: entry.class.reltablespace,
    })
}
