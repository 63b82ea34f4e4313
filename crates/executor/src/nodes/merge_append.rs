//! Merge append: sorted children read as one sorted stream.

use crate::context::Execution;
use crate::merging::Merger;
use crate::node::{self, Node};
use crate::order::Ordering;
use base::Result;
use datum::{Batch, Repr};
use ir::{Plan, SortColumn};
use std::sync::Arc;

pub fn build(
    execution: &mut Execution,
    plan: &Plan,
    children: &[Plan],
    keys: &[SortColumn],
) -> Result<Box<dyn Node>> {
    let children = children.iter().map(|c| node::build(execution, c)).collect::<Result<Vec<_>>>()?;
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || -> Result<(Ordering, Arc<[Repr]>)> {
        Ok((
            Ordering::new(&execution.session, keys, &plan.target_list)?,
            node::output_reprs(&execution.session, plan)?,
        ))
    })?;
    let merger = Merger::new(spec.0.clone(), spec.1.clone(), children.len());
    Ok(Box::new(MergeAppend { children, merger }))
}

struct MergeAppend {
    children: Vec<Box<dyn Node>>,
    merger: Merger,
}

impl Node for MergeAppend {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        let children = &mut self.children;
        self.merger.next(want, |stream| children[stream].next(execution, want))
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.merger.restart(self.children.len());
        self.children.iter_mut().try_for_each(|child| child.rescan(execution))
    }

    fn set_bound(&mut self, rows: u64) {
        self.children.iter_mut().for_each(|child| child.set_bound(rows));
    }
}
