//! WITH RECURSIVE: the first side once, then the second side over what the step before found, until it finds nothing.

use super::group::group_encoder;
use crate::context::Execution;
use crate::key_table::{KeyTable, Scratch};
use crate::keys::Encoder;
use crate::node::{self, Node};
use crate::rows::batch_bytes;
use base::{Error, Result};
use datum::{Batch, Column, MAX_BATCH_ROWS, Selection};
use ir::{GroupColumn, Plan};
use std::sync::Arc;

pub fn build(
    execution: &mut Execution,
    plan: &Plan,
    param: usize,
    groups: &[GroupColumn],
) -> Result<Box<dyn Node>> {
    let (Some(left), Some(right)) = (plan.left.as_deref(), plan.right.as_deref()) else {
        return Err(Error::internal("a recursive union without its children"));
    };
    execution.reserve_param(param);
    let first = node::build(execution, left)?;
    let step = node::build(execution, right)?;
    let prepared = execution.prepared.clone();
    let distinct = match groups.is_empty() {
        true => None,
        false => {
            let spec = prepared.spec(plan, || group_encoder(&execution.session, plan, groups))?;
            let seen = KeyTable::new(spec.0.clone());
            Some(Distinct { spec, seen, charged: 0 })
        }
    };
    Ok(Box::new(RecursiveUnion {
        first,
        step,
        param,
        distinct,
        recursing: false,
        found: Vec::new(),
        found_bytes: 0,
        working_bytes: 0,
    }))
}

/// UNION without ALL: rows that have been seen.
struct Distinct {
    spec: Arc<(Arc<Encoder>, Vec<usize>)>,
    seen: KeyTable,
    charged: usize,
}

impl Distinct {
    fn new_rows(&mut self, execution: &mut Execution, batch: &Batch) -> Result<Selection> {
        let columns: Vec<&Column> = self.spec.1.iter().map(|c| &**batch.column(*c)).collect();
        let mut known = self.seen.len() as u32;
        let (mut numbers, mut scratch) = (Vec::new(), Scratch::default());
        self.seen.insert(&columns, &Selection::All(batch.rows()), true, &mut scratch, &mut numbers)?;
        let bytes = self.seen.memory_bytes();
        execution.memory.charge(bytes.saturating_sub(self.charged))?;
        self.charged = self.charged.max(bytes);
        let fresh = Selection::All(batch.rows()).filter(|row| {
            let is_new = numbers[row] >= known;
            known = known.max(numbers[row] + 1);
            is_new
        });
        Ok(fresh)
    }
}

struct RecursiveUnion {
    first: Box<dyn Node>,
    step: Box<dyn Node>,
    param: usize,
    distinct: Option<Distinct>,
    recursing: bool,
    /// What this step has found: the next step's work table.
    found: Vec<Batch>,
    found_bytes: usize,
    working_bytes: usize,
}

impl RecursiveUnion {
    fn keep(&mut self, execution: &mut Execution, batch: Batch) -> Result<Option<Batch>> {
        let batch = match &mut self.distinct {
            Some(distinct) => batch.select(&distinct.new_rows(execution, &batch)?),
            None => batch,
        };
        if batch.is_empty() {
            return Ok(None);
        }
        let bytes = batch_bytes(&batch);
        execution.memory.charge(bytes)?;
        self.found_bytes += bytes;
        self.found.push(batch.clone());
        Ok(Some(batch))
    }
}

impl Node for RecursiveUnion {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        let want = want.min(MAX_BATCH_ROWS);
        loop {
            execution.check()?;
            let batch = if self.recursing {
                self.step.next(execution, want)?
            } else {
                self.first.next(execution, want)?
            };
            if let Some(batch) = batch {
                match self.keep(execution, batch)? {
                    Some(batch) => return Ok(Some(batch)),
                    None => continue,
                }
            }
            if self.found.is_empty() {
                return Ok(None);
            }
            execution.memory.release(std::mem::replace(&mut self.working_bytes, self.found_bytes));
            self.found_bytes = 0;
            execution.work_tables[self.param] = Some(Arc::new(std::mem::take(&mut self.found)));
            // Nodes that keep what they read from the work table see that it has changed.
            execution.exec_param_versions[self.param] += 1;
            self.recursing = true;
            self.step.rescan(execution)?;
        }
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.recursing = false;
        self.found.clear();
        execution
            .memory
            .release(std::mem::take(&mut self.found_bytes) + std::mem::take(&mut self.working_bytes));
        execution.work_tables[self.param] = None;
        if let Some(distinct) = &mut self.distinct {
            distinct.seen.clear();
            execution.memory.release(std::mem::take(&mut distinct.charged));
        }
        self.first.rescan(execution)
    }
}
