//! LIMIT and OFFSET, WITH TIES.

use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, evaluate_once};
use crate::keys::{Encoder, GroupWatch};
use crate::node::{self, Node};
use base::{Error, Result, bail};
use datum::{Batch, Column};
use ir::{Plan, PlanNode};
use std::sync::Arc;

struct Spec {
    offset: Option<Eval>,
    count: Option<Eval>,
    /// Columns that tied rows share.
    ties: Option<(Arc<Encoder>, Vec<usize>)>,
}

pub fn build(execution: &mut Execution, plan: &Plan) -> Result<Box<dyn Node>> {
    let PlanNode::Limit { offset, count, with_ties, tie_columns } = &plan.node else {
        return Err(Error::internal("not a limit"));
    };
    let child = node::build_child(execution, plan.left.as_deref())?;
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let session = execution.session.clone();
        let mut compiler = Compiler::new(&session, Inputs::None);
        let ties = match with_ties {
            true => Some(super::group::group_encoder(&session, plan, tie_columns)?),
            false => None,
        };
        Ok(Spec {
            offset: offset.as_ref().map(|e| compiler.compile(e)).transpose()?,
            count: count.as_ref().map(|e| compiler.compile(e)).transpose()?,
            ties,
        })
    })?;
    let watch = spec.ties.as_ref().map(|(encoder, _)| GroupWatch::new(encoder.clone()));
    Ok(Box::new(Limit { spec, child, skip: 0, left: None, started: false, watch, done: false }))
}

struct Limit {
    spec: Arc<Spec>,
    child: Box<dyn Node>,
    /// Rows still to be skipped.
    skip: u64,
    /// Rows still to be returned; `None` without a count.
    left: Option<u64>,
    started: bool,
    watch: Option<GroupWatch>,
    done: bool,
}

impl Limit {
    fn start(&mut self, execution: &mut Execution) -> Result<()> {
        let number = |execution: &mut Execution, eval: &Option<Eval>| -> Result<Option<i64>> {
            match eval {
                Some(eval) => Ok(evaluate_once(execution, eval)?.get(0).map(|v| v.int8())),
                None => Ok(None),
            }
        };
        let offset = number(execution, &self.spec.offset)?.unwrap_or(0);
        if offset < 0 {
            bail!(INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE, "OFFSET must not be negative");
        }
        let count = number(execution, &self.spec.count)?;
        if count.is_some_and(|c| c < 0) {
            bail!(INVALID_ROW_COUNT_IN_LIMIT_CLAUSE, "LIMIT must not be negative");
        }
        if count.is_none() && self.spec.ties.is_some() {
            bail!(
                INVALID_ROW_COUNT_IN_LIMIT_CLAUSE,
                "row count cannot be null in FETCH FIRST ... WITH TIES clause"
            );
        }
        self.skip = offset as u64;
        self.left = count.map(|c| c as u64);
        if let Some(left) = self.left
            && self.spec.ties.is_none()
        {
            self.child.set_bound(left.saturating_add(self.skip));
        }
        self.started = true;
        self.done = self.left == Some(0);
        Ok(())
    }

    /// How many rows of the batch still belong to the last group.
    fn tied(&mut self, batch: &Batch) -> Result<usize> {
        let (Some((_, columns)), Some(watch)) = (&self.spec.ties, &mut self.watch) else { return Ok(0) };
        let columns: Vec<&Column> = columns.iter().map(|c| &**batch.column(*c)).collect();
        for row in 0..batch.rows() {
            if watch.is_new(&columns, row)? {
                return Ok(row);
            }
        }
        Ok(batch.rows())
    }
}

impl Node for Limit {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if !self.started {
            self.start(execution)?;
        }
        while !self.done {
            let in_ties = self.left == Some(0);
            let mut ask = want as u64;
            if let Some(left) = self.left
                && !in_ties
            {
                ask = ask.min(left.saturating_add(self.skip));
            }
            if self.skip > 0 {
                ask = ask.max(self.skip.min(datum::MAX_BATCH_ROWS as u64));
            }
            let ask = if in_ties { 1 } else { (ask as usize).clamp(1, datum::MAX_BATCH_ROWS) };
            let ask = if self.skip >= ask as u64 { ask } else { ask.min(want + self.skip as usize) };
            let Some(batch) = self.child.next(execution, ask)? else {
                self.done = true;
                break;
            };
            let skipped = self.skip.min(batch.rows() as u64) as usize;
            self.skip -= skipped as u64;
            let mut batch = batch.slice(skipped, batch.rows() - skipped);
            if batch.is_empty() {
                execution.check()?;
                continue;
            }
            if in_ties {
                if self.tied(&batch)? == 0 {
                    self.done = true;
                    break;
                }
                return Ok(Some(batch));
            }
            if let Some(left) = &mut self.left {
                let taken = (*left).min(batch.rows() as u64) as usize;
                *left -= taken as u64;
                if taken < batch.rows() {
                    batch = batch.slice(0, taken);
                }
                if *left == 0 {
                    match (&self.spec.ties, &mut self.watch) {
                        (Some((_, columns)), Some(watch)) => {
                            let columns: Vec<&Column> = columns.iter().map(|c| &**batch.column(*c)).collect();
                            watch.reset();
                            watch.is_new(&columns, batch.rows() - 1)?;
                        }
                        _ => self.done = true,
                    }
                }
            }
            return Ok(Some(batch));
        }
        Ok(None)
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        // The child is told first how many rows are wanted now, so that a sort does not keep too few of them.
        self.start(execution)?;
        self.child.rescan(execution)
    }
}
