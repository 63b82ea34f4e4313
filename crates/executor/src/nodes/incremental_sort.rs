//! Incremental sort: the input comes sorted by a prefix of the keys, so that each group of equal prefixes is sorted alone.

use super::sorter::Sorter;
use crate::context::Execution;
use crate::instrument::Counters;
use crate::node::{self, Node};
use crate::order::Ordering;
use base::Result;
use datum::{Batch, MAX_BATCH_ROWS, Repr};
use ir::{Plan, SortColumn};
use std::cmp;
use std::sync::Arc;

struct Spec {
    ordering: Ordering,
    prefix: Ordering,
    reprs: Arc<[Repr]>,
}

pub fn build(
    execution: &mut Execution,
    plan: &Plan,
    keys: &[SortColumn],
    presorted: usize,
) -> Result<Box<dyn Node>> {
    let child = node::build_child(execution, plan.left.as_deref())?;
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let session = &execution.session;
        let prefix = &keys[..presorted.min(keys.len())];
        Ok(Spec {
            ordering: Ordering::new(session, keys, &plan.target_list)?,
            prefix: Ordering::new(session, prefix, &plan.target_list)?,
            reprs: node::output_reprs(session, plan)?,
        })
    })?;
    let sorter = Sorter::new(spec.ordering.clone(), spec.reprs.clone());
    Ok(Box::new(IncrementalSort {
        spec,
        sorter,
        child,
        pending: None,
        at: 0,
        sorted: false,
        end: false,
        groups: 0,
    }))
}

struct IncrementalSort {
    spec: Arc<Spec>,
    sorter: Sorter,
    child: Box<dyn Node>,
    /// Input of which rows from `at` on have not been sorted.
    pending: Option<Batch>,
    at: usize,
    sorted: bool,
    end: bool,
    groups: u64,
}

impl IncrementalSort {
    /// Sorts the next group; `false` when there is none.
    fn sort_group(&mut self, execution: &mut Execution) -> Result<bool> {
        self.sorter.clear(execution);
        let mut first: Option<(Batch, usize)> = None;
        loop {
            if self.pending.is_none() && !self.end {
                self.pending = self.child.next(execution, MAX_BATCH_ROWS)?;
                self.at = 0;
                self.end = self.pending.is_none();
                execution.check()?;
            }
            let Some(batch) = self.pending.clone() else { break };
            let (leader, leader_row) = first.get_or_insert_with(|| (batch.clone(), self.at)).clone();
            let same = |row: usize| {
                self.spec.prefix.compare(&leader, leader_row, &batch, row) == cmp::Ordering::Equal
            };
            let mut end = self.at;
            while end < batch.rows() && same(end) {
                end += 1;
            }
            if end > self.at {
                let part = batch.slice(self.at, end - self.at);
                self.sorter.add(execution, part)?;
            }
            if end < batch.rows() {
                self.at = end;
                break;
            }
            self.pending = None;
        }
        if first.is_none() {
            return Ok(false);
        }
        self.groups += 1;
        self.sorter.finish(execution)?;
        Ok(true)
    }
}

impl Node for IncrementalSort {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        loop {
            if self.sorted
                && let Some(batch) = self.sorter.next(want)?
            {
                return Ok(Some(batch));
            }
            self.sorted = self.sort_group(execution)?;
            if !self.sorted {
                return Ok(None);
            }
        }
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.sorter.clear(execution);
        self.pending = None;
        self.sorted = false;
        self.end = false;
        self.child.rescan(execution)
    }

    fn report(&self, counters: &mut Counters) {
        counters.full_groups = self.groups;
        counters.sort_method = Some(self.sorter.method);
        counters.sort_space = counters.sort_space.max(self.sorter.space);
    }
}
