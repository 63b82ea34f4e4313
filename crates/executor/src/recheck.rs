//! EvalPlanQual: under READ COMMITTED, a row that another transaction has changed meanwhile is looked at again. The
//! plan below is run anew with the newest version of that row, and the very rows it was joined with, in the place of
//! the relations they are from.

use crate::context::Execution;
use crate::node;
use crate::nodes::scan::relation_of;
use base::{Error, Result, Tid};
use catalog::RelationEntry;
use datum::Batch;
use heap::{LockWait, Outcome, RowLock, Tuple};
use ir::{Plan, PlanRowMark};
use std::sync::Arc;

/// Per range table index: the row that stands for the relation (or that there is none); the outer `None`: scan it.
#[derive(Default)]
pub struct Substitutes(Vec<Option<Option<Tuple>>>);

impl Substitutes {
    pub fn set(&mut self, relation: usize, tuple: Option<Tuple>) {
        if self.0.len() <= relation {
            self.0.resize_with(relation + 1, || None);
        }
        self.0[relation] = Some(tuple);
    }

    pub fn get(&self, relation: usize) -> Option<Option<&Tuple>> {
        self.0.get(relation)?.as_ref().map(Option::as_ref)
    }
}

/// What a row mark stands for: one relation, or the members of an append relation.
pub struct Marked {
    /// By range table index.
    relations: Vec<(usize, Arc<RelationEntry>)>,
    /// Columns of the child's output, from 0.
    tid_column: usize,
    tableoid_column: Option<usize>,
}

/// The row of one of a mark's relations: which, counted from 0, and where.
#[derive(Clone, Copy)]
pub struct MarkedRow {
    pub member: usize,
    pub tid: Tid,
}

impl Marked {
    /// `None` for rows that are not of tables: they have no tid, and are read anew when something is looked at again.
    ///
    /// # Errors
    /// What opening the relations fails with.
    pub fn new(execution: &Execution, mark: &PlanRowMark) -> Result<Option<Marked>> {
        let place = |column: Option<i16>| column.and_then(|c| usize::try_from(c - 1).ok());
        let Some(tid_column) = place(mark.tid_column) else { return Ok(None) };
        let tableoid_column = place(mark.tableoid_column);
        let indexes = match tableoid_column {
            Some(_) => &mark.members[..],
            None => std::slice::from_ref(&mark.relation),
        };
        let open = |index: &usize| Ok((*index, relation_of(execution, *index)?));
        let relations = indexes.iter().map(open).collect::<Result<_>>()?;
        Ok(Some(Marked { relations, tid_column, tableoid_column }))
    }

    pub fn relation(&self, member: usize) -> &RelationEntry {
        &self.relations[member].1
    }

    /// The row that a row of the child came from; `None` on the side of an outer join that is not there.
    ///
    /// # Errors
    /// `XX000` for a row of a relation that is none of the mark's.
    pub fn row(&self, batch: &Batch, row: usize) -> Result<Option<MarkedRow>> {
        let Some(tid) = batch.value(self.tid_column, row).map(|v| v.tid()) else { return Ok(None) };
        let Some(column) = self.tableoid_column else { return Ok(Some(MarkedRow { member: 0, tid })) };
        let oid = batch.value(column, row).map(|v| v.oid());
        let member = self.relations.iter().position(|(_, entry)| Some(entry.class.oid) == oid);
        match member {
            Some(member) => Ok(Some(MarkedRow { member, tid })),
            None => Err(Error::internal("a row of a relation that is not marked")),
        }
    }

    /// Lets the row stand for its relation, and none for the others.
    pub fn substitute(&self, substitutes: &mut Substitutes, row: Option<(usize, Tuple)>) {
        for (index, _) in &self.relations {
            substitutes.set(*index, None);
        }
        if let Some((member, tuple)) = row {
            substitutes.set(self.relations[member].0, Some(tuple));
        }
    }
}

/// The first row that the plan yields with these substitutes.
///
/// # Errors
/// What running the plan fails with.
pub fn run(execution: &mut Execution, plan: &Plan, substitutes: Substitutes) -> Result<Option<Batch>> {
    let before = execution.recheck.replace(Arc::new(substitutes));
    let instruments = execution.instruments.take();
    let result = node::build(execution, plan).and_then(|mut node| node.next(execution, 1));
    execution.instruments = instruments;
    execution.recheck = before;
    result
}

/// The node with this number.
pub fn find_plan(plan: &Plan, id: usize) -> Option<&Plan> {
    if plan.id == id {
        return Some(plan);
    }
    crate::prepare::children(plan).into_iter().find_map(|child| find_plan(child, id))
}

/// Locks the newest version of a row that was updated from `tid` on; `None` when it has been deleted.
///
/// # Errors
/// `40001` where snapshots are kept, `55P03` for NOWAIT, and what waiting fails with.
pub fn lock_newest(
    execution: &Execution,
    relation: &access_api::Relation,
    mut tid: base::Tid,
    mode: RowLock,
    wait: LockWait,
) -> Result<Option<Tuple>> {
    let context = &execution.context;
    loop {
        execution.check()?;
        let command = context.transaction.command();
        let (outcome, tuple) = heap::lock_tuple(context, relation, tid, command, mode, wait, false)?;
        match outcome {
            Outcome::Done => return Ok(tuple),
            Outcome::Updated(conflict) if conflict.moved_partition => return Err(moved_error()),
            Outcome::Updated(conflict) if conflict.ctid != tid => tid = conflict.ctid,
            Outcome::SelfModified(_)
            | Outcome::Updated(_)
            | Outcome::Deleted(_)
            | Outcome::Invisible
            | Outcome::BeingModified(_)
            | Outcome::WouldBlock => return Ok(None),
        }
    }
}

/// A row that has gone to another partition cannot be followed.
pub fn moved_error() -> base::Error {
    base::err!(
        T_R_SERIALIZATION_FAILURE,
        "tuple to be locked was already moved to another partition due to concurrent update"
    )
}

/// What stands in the way of a transaction that keeps its snapshot.
pub fn serialization_error(deleted: bool) -> base::Error {
    let what = if deleted { "delete" } else { "update" };
    base::err!(T_R_SERIALIZATION_FAILURE, "could not serialize access due to concurrent {what}")
}
