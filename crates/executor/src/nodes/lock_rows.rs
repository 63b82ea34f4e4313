//! LockRows: SELECT ... FOR UPDATE and the like. A row that was changed meanwhile is looked at again in its newest
//! version, which is then the one locked and returned.

use crate::context::Execution;
use crate::node::{self, Node};
use crate::recheck::{self, Marked, MarkedRow, Substitutes, moved_error, serialization_error};
use crate::rows::{Leftover, RowBuffer};
use base::{Error, Result};
use datum::{Batch, Repr};
use heap::{LockWait, Outcome, RowLock, Tuple};
use ir::{LockStrength, Plan, PlanRowMark};
use std::sync::Arc;

struct Mark {
    marked: Marked,
    strength: Option<RowLock>,
    wait: LockWait,
}

struct Spec {
    marks: Vec<Mark>,
    reprs: Arc<[Repr]>,
}

pub fn build(execution: &mut Execution, plan: &Plan, marks: &[PlanRowMark]) -> Result<Box<dyn Node>> {
    let child = node::build_child(execution, plan.left.as_deref())?;
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let mut all = Vec::new();
        for mark in marks {
            let Some(marked) = Marked::new(execution, mark)? else { continue };
            let wait = match mark.wait {
                ir::LockWait::Block => LockWait::Block,
                ir::LockWait::Skip => LockWait::Skip,
                ir::LockWait::Error => LockWait::Error,
            };
            let strength = mark.strength.map(|s| match s {
                LockStrength::ForKeyShare => RowLock::ForKeyShare,
                LockStrength::ForShare => RowLock::ForShare,
                LockStrength::ForNoKeyUpdate => RowLock::ForNoKeyUpdate,
                LockStrength::ForUpdate => RowLock::ForUpdate,
            });
            all.push(Mark { marked, strength, wait });
        }
        Ok(Spec { marks: all, reprs: node::output_reprs(&execution.session, plan)? })
    })?;
    Ok(Box::new(LockRows {
        output: RowBuffer::new(spec.reprs.clone()),
        spec,
        child,
        id: plan.id,
        leftover: Leftover::default(),
    }))
}

struct LockRows {
    spec: Arc<Spec>,
    child: Box<dyn Node>,
    output: RowBuffer,
    id: usize,
    leftover: Leftover,
}

/// What became of one row's lock.
enum Locked {
    As(Tuple),
    Newer(Tuple),
    Gone,
}

fn lock(execution: &Execution, mark: &Mark, mode: RowLock, row: MarkedRow) -> Result<Locked> {
    let context = &execution.context;
    let (relation, tid) = (&mark.marked.relation(row.member).relation, row.tid);
    let command = execution.snapshot.command;
    let (outcome, tuple) = heap::lock_tuple(context, relation, tid, command, mode, mark.wait, true)?;
    let keeps_snapshot = context.transaction.isolation().keeps_snapshot();
    match (outcome, tuple) {
        (Outcome::Done, Some(tuple)) => Ok(Locked::As(tuple)),
        (Outcome::Updated(_), _) if keeps_snapshot => Err(serialization_error(false)),
        (Outcome::Deleted(_), _) if keeps_snapshot => Err(serialization_error(true)),
        (Outcome::Updated(conflict), _) if conflict.moved_partition => Err(moved_error()),
        (Outcome::Updated(conflict), _) if conflict.ctid != tid => {
            match recheck::lock_newest(execution, relation, conflict.ctid, mode, mark.wait)? {
                Some(tuple) => Ok(Locked::Newer(tuple)),
                None => Ok(Locked::Gone),
            }
        }
        (Outcome::Invisible, _) => Err(Error::internal("attempted to lock an invisible tuple")),
        _ => Ok(Locked::Gone),
    }
}

impl LockRows {
    /// Locks what the row is made of, and appends it (as it is now) to the output.
    fn take(&mut self, execution: &mut Execution, batch: &Batch, row: usize) -> Result<()> {
        let spec = self.spec.clone();
        let mut substitutes = Substitutes::default();
        let mut changed = false;
        for mark in &spec.marks {
            let place = mark.marked.row(batch, row)?;
            let tuple = match (place, mark.strength) {
                (None, _) => None,
                (Some(place), None) => {
                    let relation = &mark.marked.relation(place.member).relation;
                    heap::fetch_any(&execution.context, relation, place.tid)?
                }
                (Some(place), Some(mode)) => match lock(execution, mark, mode, place)? {
                    Locked::Gone => return Ok(()),
                    Locked::As(tuple) => Some(tuple),
                    Locked::Newer(tuple) => {
                        changed = true;
                        Some(tuple)
                    }
                },
            };
            mark.marked.substitute(&mut substitutes, place.map(|p| p.member).zip(tuple));
        }
        if !changed {
            self.output.append(batch, row, 1);
            return Ok(());
        }
        let prepared = execution.prepared.clone();
        let stmt = &prepared.plan;
        let mut roots = std::iter::once(&stmt.plan).chain(&stmt.subplans);
        let plan = roots.find_map(|root| recheck::find_plan(root, self.id));
        let Some(child) = plan.and_then(|p| p.left.as_deref()) else {
            return Err(Error::internal("row locks without their plan"));
        };
        if let Some(batch) = recheck::run(execution, child, substitutes)? {
            self.output.append(&batch, 0, 1);
        }
        Ok(())
    }
}

impl Node for LockRows {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if let Some(batch) = self.leftover.next(want) {
            return Ok(Some(batch));
        }
        // In EvalPlanQual the rows are those that have been locked.
        let locking = execution.recheck.is_none();
        while let Some(batch) = self.child.next(execution, want)? {
            execution.check()?;
            if !locking {
                return Ok(Some(batch));
            }
            for row in 0..batch.rows() {
                self.take(execution, &batch, row)?;
            }
            if self.output.rows() > 0 {
                let batch = self.output.take();
                return Ok(Some(self.leftover.put(batch, want)));
            }
        }
        Ok(None)
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.leftover.clear();
        self.child.rescan(execution)
    }
}
