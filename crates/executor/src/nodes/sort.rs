//! Sort.

use super::sorter::Sorter;
use crate::context::Execution;
use crate::instrument::Counters;
use crate::node::{self, Node};
use crate::order::Ordering;
use base::Result;
use datum::{Batch, MAX_BATCH_ROWS, Repr};
use ir::{Plan, SortColumn};
use std::sync::Arc;

pub fn build(execution: &mut Execution, plan: &Plan, keys: &[SortColumn]) -> Result<Box<dyn Node>> {
    let child = node::build_child(execution, plan.left.as_deref())?;
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || -> Result<(Ordering, Arc<[Repr]>)> {
        Ok((
            Ordering::new(&execution.session, keys, &plan.target_list)?,
            node::output_reprs(&execution.session, plan)?,
        ))
    })?;
    Ok(Box::new(Sort {
        sorter: Sorter::new(spec.0.clone(), spec.1.clone()),
        child,
        params: prepared.params_of(plan).to_vec(),
        sorted_at: None,
        bound: None,
        sorted_bound: None,
    }))
}

struct Sort {
    sorter: Sorter,
    child: Box<dyn Node>,
    /// Exec params below, whose change makes the sorted rows worthless.
    params: Vec<usize>,
    /// The version of those when the rows were sorted.
    sorted_at: Option<u64>,
    bound: Option<u64>,
    sorted_bound: Option<u64>,
}

impl Node for Sort {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if self.sorted_at.is_none() {
            self.sorter.set_bound(self.bound);
            self.sorted_bound = self.bound;
            while let Some(batch) = self.child.next(execution, MAX_BATCH_ROWS)? {
                execution.check()?;
                self.sorter.add(execution, batch)?;
            }
            self.sorter.finish(execution)?;
            self.sorted_at = Some(execution.params_version(&self.params));
        }
        self.sorter.next(want)
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        if self.sorted_at == Some(execution.params_version(&self.params)) && self.sorted_bound == self.bound {
            return self.sorter.rewind(execution);
        }
        self.sorted_at = None;
        self.sorter.clear(execution);
        self.child.rescan(execution)
    }

    fn set_bound(&mut self, rows: u64) {
        self.bound = Some(rows);
    }

    fn report(&self, counters: &mut Counters) {
        counters.sort_method = Some(self.sorter.method);
        counters.sort_space = self.sorter.space;
    }
}
