//! EvalPlanQual: under READ COMMITTED, a row that another transaction has changed meanwhile is looked at again. The
//! plan below is run anew with the newest version of that row, and the very rows it was joined with, in the place of
//! the relations they are from.

use crate::context::Execution;
use crate::node;
use base::Result;
use datum::Batch;
use heap::{LockWait, Outcome, RowLock, Tuple};
use ir::Plan;
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

/// What stands in the way of a transaction that keeps its snapshot.
pub fn serialization_error(deleted: bool) -> base::Error {
    let what = if deleted { "delete" } else { "update" };
    base::err!(T_R_SERIALIZATION_FAILURE, "could not serialize access due to concurrent {what}")
}
