//! Foreign keys, and other checks that come after a statement or at the end of the transaction.
//!
//! Changes queue events. At the end of a statement those that are not deferred are worked off in order: a new
//! referencing row must find its referenced one, and locks it (FOR KEY SHARE) so that it stays; a referenced row that
//! has gone or changed its key must not be referenced any more, or takes the referencing rows along. What that changes
//! queues further events. Deferred events wait for SET CONSTRAINTS or the commit.

mod child;
mod convert;
mod parent;
mod queue;
mod search;

pub use parent::check_partition_removal;
pub use queue::{
    enter, fire_deferred_constraints, has_pending_events, leave, queue_trigger, set_constraints,
};

use crate::context::Execution;
use crate::hooks::RowImage;
use crate::index_entries::{as_datums, duplicate_key_error, live_conflict};
use base::{Oid, Result, Tid, err};
use catalog::{IndexEntry, PgConstraint, RelationEntry};
use datum::{Datum, OwnedDatum, Row};
use queue::{Event, EventKind};
use std::sync::Arc;

/// confupdtype and confdeltype.
const NO_ACTION: u8 = b'a';
const RESTRICT: u8 = b'r';
const CASCADE: u8 = b'c';
const SET_NULL: u8 = b'n';

/// The values of some attributes (numbers from 1).
fn pick(row: &[Option<OwnedDatum>], attributes: &[i16]) -> Row {
    let value = |number: &i16| row.get(usize::try_from(*number - 1).ok()?)?.clone();
    attributes.iter().map(value).collect()
}

fn columns(list: &Option<Vec<i16>>) -> &[i16] {
    list.as_deref().unwrap_or_default()
}

/// A row was inserted into a table with foreign keys.
pub fn queue_insert(
    execution: &mut Execution,
    entry: &Arc<RelationEntry>,
    values: &[Option<Datum<'_>>],
    tid: Tid,
) {
    for constraint in entry.foreign_keys.iter().filter(|c| c.conenforced) {
        let key: Row = columns(&constraint.conkey)
            .iter()
            .map(|n| values.get(usize::try_from(*n - 1).ok()?).copied().flatten().map(Datum::to_owned))
            .collect();
        queue_child(execution, entry, constraint, key, tid);
    }
}

fn queue_child(
    execution: &mut Execution,
    entry: &Arc<RelationEntry>,
    constraint: &PgConstraint,
    key: Row,
    tid: Tid,
) {
    let full = constraint.confmatchtype as u8 == b'f';
    let nulls = key.iter().filter(|v| v.is_none()).count();
    if nulls == key.len() || (nulls > 0 && !full) {
        return;
    }
    let kind = EventKind::Referencing { key, tid };
    queue::push(execution, Event::new(entry, constraint, kind, true));
}

/// A row of a table with foreign keys, or of one that is referenced, was updated.
pub fn queue_update(execution: &mut Execution, entry: &Arc<RelationEntry>, old: &RowImage, new: &RowImage) {
    for constraint in entry.foreign_keys.iter().filter(|c| c.conenforced) {
        let attributes = columns(&constraint.conkey);
        let key = pick(&new.values, attributes);
        // A key that is as it was has been checked, unless that check is itself still waiting for this row.
        if key != pick(&old.values, attributes) || queue::is_waiting(execution, constraint.oid, old.tid) {
            queue_child(execution, entry, constraint, key, new.tid);
        }
    }
    queue_changed_keys(execution, entry, &old.values, &new.values);
}

/// A row of a referenced table has new values.
fn queue_changed_keys(execution: &mut Execution, entry: &Arc<RelationEntry>, old: &Row, new: &Row) {
    for constraint in entry.referenced_by.iter().filter(|c| c.conenforced) {
        let attributes = columns(&constraint.confkey);
        let (before, after) = (pick(old, attributes), pick(new, attributes));
        if before == after || before.iter().any(Option::is_none) {
            continue;
        }
        let deferrable = constraint.confupdtype as u8 == NO_ACTION;
        let kind = EventKind::Referenced { key: before, new_key: Some(after) };
        queue::push(execution, Event::new(entry, constraint, kind, deferrable));
    }
}

/// A row of a referenced table was deleted. `moved`: to another partition, so that only those who refer to this very
/// partition have lost it.
pub fn queue_delete(execution: &mut Execution, entry: &Arc<RelationEntry>, old: &RowImage, moved: bool) {
    let own = |c: &&PgConstraint| c.conenforced && !(moved && c.conparentid.is_valid());
    for constraint in entry.referenced_by.iter().filter(own) {
        let key = pick(&old.values, columns(&constraint.confkey));
        if key.iter().any(Option::is_none) {
            continue;
        }
        let deferrable = constraint.confdeltype as u8 == NO_ACTION;
        let kind = EventKind::Referenced { key, new_key: None };
        queue::push(execution, Event::new(entry, constraint, kind, deferrable));
    }
}

/// A row of `leaf` has gone to another partition of `root`, with the values `new` as of a row of `leaf`: for those who
/// refer to the root it was updated.
///
/// # Errors
/// `0A000` if a table between the two is referenced by itself.
pub fn queue_moved(
    execution: &mut Execution,
    root: &Arc<RelationEntry>,
    leaf: &RelationEntry,
    old: &Row,
    new: &Row,
) -> Result<()> {
    if leaf.referenced_by.is_empty() {
        return Ok(());
    }
    let session = execution.session.clone();
    let mut above = partition::parent_of(&session, leaf.oid())?;
    while let Some(oid) = above.filter(|oid| *oid != root.oid()) {
        let ancestor = session.require_relation(oid)?;
        if ancestor.referenced_by.iter().any(|c| !c.conparentid.is_valid()) {
            let (name, root) = (ancestor.name(), root.name());
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "cannot move tuple across partitions when a non-root ancestor of the source partition is directly \
                 referenced in a foreign key"
            )
            .detail(format!(
                "A foreign key points to ancestor \"{name}\" but not the root ancestor \"{root}\"."
            ))
            .hint(format!("Consider defining the foreign key on table \"{root}\".")));
        }
        above = partition::parent_of(&session, oid)?;
    }
    let columns = crate::routing::columns_by_name(leaf, root);
    let of_root = |row: &Row| -> Row { columns.iter().map(|at| row[(*at)?].clone()).collect() };
    queue_changed_keys(execution, root, &of_root(old), &of_root(new));
    Ok(())
}

/// A row was entered into a deferrable unique index although an equal one may be there.
pub fn queue_unique(
    execution: &mut Execution,
    entry: &Arc<RelationEntry>,
    index: &IndexEntry,
    key: Row,
    tid: Tid,
) {
    let Some(constraint) = &index.constraint else { return };
    let kind = EventKind::Unique { index: index.oid, key, tid };
    queue::push(execution, Event::new(entry, constraint, kind, true));
}

/// Works off this statement's events that are not deferred.
///
/// # Errors
/// `23503`, `23001`, `23505`, and whatever referential actions fail with.
pub fn check_immediate(execution: &mut Execution) -> Result<()> {
    if !std::mem::take(&mut execution.has_queued) {
        return Ok(());
    }
    while let Some(event) = queue::next(execution, false) {
        execution.check()?;
        process(execution, &event)?;
    }
    Ok(())
}

/// A statement has failed: its events are dropped.
pub fn forget_immediate(execution: &mut Execution) {
    if std::mem::take(&mut execution.has_queued) {
        queue::forget(execution);
    }
}

fn process(execution: &mut Execution, event: &Event) -> Result<()> {
    match &event.kind {
        EventKind::Referencing { key, tid } => child::check(execution, event, key, Some(*tid)),
        EventKind::Referenced { key, new_key } => parent::check(execution, event, key, new_key.as_deref()),
        EventKind::Unique { index, key, tid } => recheck_unique(execution, event.relation, *index, key, *tid),
        EventKind::Trigger(trigger) => {
            let (hooks, session) = (execution.hooks.rows.clone(), execution.session.clone());
            hooks.fire(&session, event.relation, trigger)
        }
    }
}

fn recheck_unique(
    execution: &mut Execution,
    relation: Oid,
    index: Oid,
    key: &[Option<OwnedDatum>],
    tid: Tid,
) -> Result<()> {
    let entry = execution.session.require_relation(relation)?;
    let Some(index) = entry.indexes.iter().find(|i| i.oid == index) else { return Ok(()) };
    if heap::fetch(&execution.context, &entry.relation, tid, &heap::Visibility::Own)?.is_none() {
        return Ok(());
    }
    let key = as_datums(key);
    match live_conflict(execution, &entry, index, &key, Some(tid))? {
        Some(_) => Err(duplicate_key_error(&execution.session, index, &key)),
        None => Ok(()),
    }
}

/// Checks every row of a table against one of its foreign keys, as ALTER TABLE does.
///
/// # Errors
/// `23503` for the first row that has no referenced one.
pub fn validate(
    execution: &mut Execution,
    entry: &Arc<RelationEntry>,
    constraint: &PgConstraint,
) -> Result<()> {
    let event_entry = entry.clone();
    search::for_each_row(execution, entry, columns(&constraint.conkey), &mut |execution, key| {
        let nulls = key.iter().filter(|v| v.is_none()).count();
        let full = constraint.confmatchtype as u8 == b'f';
        if nulls == key.len() || (nulls > 0 && !full) {
            return Ok(());
        }
        let kind = EventKind::Referencing { key: key.clone(), tid: Tid::INVALID };
        let event = Event::new(&event_entry, constraint, kind, false);
        child::check(execution, &event, &key, None)
    })
}
