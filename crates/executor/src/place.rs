//! Where cursors stand, for WHERE CURRENT OF. A cursor tells by which rows of tables its current row came about:
//! locked ones by their row marks, those of a single table because the planner had them come along.

use crate::prepare;
use base::{Oid, Result, Tid, bail, err};
use catalog::{RelationEntry, Session};
use datum::{OwnedDatum, Row};
use ir::{Plan, PlanNode, PlanRowMark, PlannedStmt, RangeTableKind};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// The place of one cursor, known to its session as long as somebody holds it.
pub struct CursorPlace {
    plan: Arc<PlannedStmt>,
    current: Mutex<Current>,
}

enum Current {
    /// Before the first row or after the last.
    NoRow,
    /// All columns of the plan, junk included.
    Row(Row),
    /// Its transaction has ended.
    Held,
}

#[derive(Default)]
struct Places(Mutex<HashMap<String, Weak<CursorPlace>>>);

impl CursorPlace {
    /// Makes a cursor known, before its first row.
    pub fn register(session: &Session, name: &str, plan: Arc<PlannedStmt>) -> Arc<CursorPlace> {
        let place = Arc::new(CursorPlace { plan, current: Mutex::new(Current::NoRow) });
        let places = session.extension("cursor places", Places::default);
        let mut places = places.0.lock();
        places.retain(|_, known| known.strong_count() > 0);
        places.insert(name.to_owned(), Arc::downgrade(&place));
        place
    }

    /// The cursor has moved to this row of its plan's; `None` if it is before the first or after the last.
    pub fn stand_on(&self, row: Option<Row>) {
        *self.current.lock() = row.map_or(Current::NoRow, Current::Row);
    }

    /// The cursor outlives its transaction.
    pub fn hold(&self) {
        *self.current.lock() = Current::Held;
    }

    /// Whether there is any use in telling where the cursor stands.
    pub fn tells_rows(&self) -> bool {
        !self.plan.row_marks.is_empty()
    }

    fn table_of(&self, relation: usize) -> Option<Oid> {
        match &self.plan.range_table.get(relation.checked_sub(1)?)?.kind {
            RangeTableKind::Relation { oid, .. } => Some(*oid),
            _ => None,
        }
    }

    /// The mark of the rows of `table`, or of those that inherit from the marked one.
    fn mark(&self, name: &str, table: &RelationEntry) -> Result<&PlanRowMark> {
        let is_of = |mark: &&PlanRowMark| {
            std::iter::once(&mark.relation)
                .chain(&mark.members)
                .any(|relation| self.table_of(*relation) == Some(table.oid()))
        };
        let locks = self.plan.row_marks.iter().any(|mark| mark.strength.is_some());
        if locks {
            let locking = self.plan.row_marks.iter().filter(|mark| mark.strength.is_some());
            let found: Vec<&PlanRowMark> = locking.filter(is_of).collect();
            return match found[..] {
                [mark] => Ok(mark),
                [] => Err(err!(
                    INVALID_CURSOR_STATE,
                    "cursor \"{name}\" does not have a FOR UPDATE/SHARE reference to table \"{}\"",
                    table.name()
                )),
                _ => Err(err!(
                    INVALID_CURSOR_STATE,
                    "cursor \"{name}\" has multiple FOR UPDATE/SHARE references to table \"{}\"",
                    table.name()
                )),
            };
        }
        let scans = |relation: usize| self.table_of(relation) == Some(table.oid());
        let mark = self.plan.row_marks.iter().find(is_of).filter(|_| is_scan_of(&self.plan.plan, &scans));
        mark.ok_or_else(|| {
            err!(
                INVALID_CURSOR_STATE,
                "cursor \"{name}\" is not a simply updatable scan of table \"{}\"",
                table.name()
            )
        })
    }

    fn tid(&self, name: &str, table: &RelationEntry) -> Result<Option<Tid>> {
        let current = self.current.lock();
        if matches!(*current, Current::Held) {
            bail!(INVALID_CURSOR_STATE, "cursor \"{name}\" is held from a previous transaction");
        }
        let mark = self.mark(name, table)?;
        let Current::Row(row) = &*current else {
            bail!(INVALID_CURSOR_STATE, "cursor \"{name}\" is not positioned on a row");
        };
        let value = |column: Option<i16>| -> Option<&OwnedDatum> {
            let number = column?;
            let at = self.plan.plan.target_list.iter().position(|t| t.junk && t.number == number)?;
            row.get(at)?.as_ref()
        };
        if mark.tableoid_column.is_some() {
            let of = value(mark.tableoid_column).map(|oid| oid.as_datum().oid());
            if of != Some(table.oid()) {
                return Ok(None);
            }
        }
        Ok(value(mark.tid_column).map(|tid| tid.as_datum().tid()))
    }
}

/// Whether the rows of a plan are those of one scan, one for one.
fn is_scan_of(plan: &Plan, scans: &dyn Fn(usize) -> bool) -> bool {
    match &plan.node {
        PlanNode::SeqScan { relation, .. }
        | PlanNode::IndexScan { relation, .. }
        | PlanNode::IndexOnlyScan { relation, .. }
        | PlanNode::BitmapHeapScan { relation, .. }
        | PlanNode::TidScan { relation, .. }
        | PlanNode::TidRangeScan { relation, .. } => scans(*relation),
        PlanNode::Append { .. }
        | PlanNode::MergeAppend { .. }
        | PlanNode::Limit { .. }
        | PlanNode::Result { .. }
        | PlanNode::SubqueryScan { .. } => {
            prepare::children(plan).into_iter().any(|child| is_scan_of(child, scans))
        }
        _ => false,
    }
}

/// The row of `table` that a cursor stands on; `None` if it stands on one of another table.
///
/// # Errors
/// `34000` for a cursor that is not open, `24000` for one that is on no row of the table's.
pub fn current_row(session: &Session, name: &str, table: &RelationEntry) -> Result<Option<Tid>> {
    let places = session.extension("cursor places", Places::default);
    let place = places.0.lock().get(name).and_then(Weak::upgrade);
    match place {
        Some(place) => place.tid(name, table),
        None => Err(err!(UNDEFINED_CURSOR, "cursor \"{name}\" does not exist")),
    }
}
