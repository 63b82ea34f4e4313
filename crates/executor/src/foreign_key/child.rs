//! A referencing row must have its referenced row.

use super::columns;
use super::queue::Event;
use super::search::{Search, places, types_of};
use crate::constraint::describe_key;
use crate::context::Execution;
use crate::index_entries::as_datums;
use crate::recheck;
use base::{Error, Result, Tid, err};
use catalog::RelationEntry;
use datum::Row;
use heap::{LockWait, Outcome, RowLock, Visibility};

/// # Errors
/// `23503` if there is none.
pub fn check(execution: &mut Execution, event: &Event, key: &Row, tid: Option<Tid>) -> Result<()> {
    let session = execution.session.clone();
    let child = session.require_relation(event.relation)?;
    if let Some(tid) = tid
        && heap::fetch(&execution.context, &child.relation, tid, &Visibility::Own)?.is_none()
    {
        // Deleted or updated again meanwhile: whatever came of it is checked on its own.
        return Ok(());
    }
    let constraint = &event.constraint;
    if key.iter().any(Option::is_none) {
        return Err(violation(&child, &constraint.conname)
            .detail("MATCH FULL does not allow mixing of null and nonnull key values.")
            .table(schema_of(execution, &child), child.name())
            .constraint(constraint.conname.as_str()));
    }
    let parent = session.require_relation(constraint.confrelid)?;
    let child_attributes = places(columns(&constraint.conkey));
    let search = Search {
        entry: parent.clone(),
        attributes: places(columns(&constraint.confkey)),
        types: types_of(&child, &child_attributes),
        values: key,
    };
    while let Some((table, found)) = search.one(execution)? {
        match hold(execution, &table, found)? {
            Held::Yes => return Ok(()),
            Held::Changed => execution.check()?,
        }
    }
    let types = types_of(&child, &child_attributes);
    let attributes = child.desc().attributes();
    let names: Vec<&str> = child_attributes.iter().map(|a| attributes[*a].name.as_str()).collect();
    let described = describe_key(&session, &names, &types, &as_datums(key))?;
    Err(violation(&child, &constraint.conname)
        .detail(format!("{described} is not present in table \"{}\".", parent.name()))
        .table(schema_of(execution, &child), child.name())
        .constraint(constraint.conname.as_str()))
}

fn violation(child: &RelationEntry, constraint: &str) -> Error {
    let name = child.name();
    err!(
        FOREIGN_KEY_VIOLATION,
        "insert or update on table \"{name}\" violates foreign key constraint \"{constraint}\""
    )
}

pub fn schema_of(execution: &Execution, entry: &RelationEntry) -> String {
    execution.session.namespace_name(entry.class.relnamespace).unwrap_or_default()
}

enum Held {
    Yes,
    /// Updated or deleted meanwhile: to be searched for again.
    Changed,
}

/// Keeps the referenced row from going away, or changing its key, until the transaction ends.
fn hold(execution: &Execution, parent: &RelationEntry, tid: Tid) -> Result<Held> {
    let context = &execution.context;
    let command = context.transaction.command();
    let (outcome, _) = heap::lock_tuple(
        context,
        &parent.relation,
        tid,
        command,
        RowLock::ForKeyShare,
        LockWait::Block,
        true,
    )?;
    match outcome {
        Outcome::Done => Ok(Held::Yes),
        // Its own transaction changed it after the search's snapshot: it is searched for again.
        Outcome::Updated(_) if context.transaction.isolation().keeps_snapshot() => {
            Err(recheck::serialization_error(false))
        }
        Outcome::Deleted(_) if context.transaction.isolation().keeps_snapshot() => {
            Err(recheck::serialization_error(true))
        }
        Outcome::Updated(conflict) if conflict.moved_partition => Err(recheck::moved_error()),
        _ => Ok(Held::Changed),
    }
}
