//! CTE scan: all scans of one CTE read the rows that its subplan yields once, as far as anyone has asked for.

use super::subquery_scan::{RowsSpec, attributes_of};
use crate::context::Execution;
use crate::expr::subplan_node;
use crate::node::Node;
use crate::rows::{Leftover, batch_bytes};
use base::{Error, Result};
use datum::{Batch, MAX_BATCH_ROWS};
use ir::Plan;
use std::sync::Arc;

/// The rows of a CTE so far.
#[derive(Default)]
pub struct CteStore {
    batches: Vec<Batch>,
    bytes: usize,
    done: bool,
    /// The version of the params that the subplan depends on.
    version: u64,
}

pub fn build(
    execution: &mut Execution,
    plan: &Plan,
    relation: usize,
    subplan: usize,
) -> Result<Box<dyn Node>> {
    let prepared = execution.prepared.clone();
    let Some(source) = prepared.plan.subplans.get(subplan) else {
        return Err(Error::internal("a CTE scan without its subplan"));
    };
    let spec = prepared.spec(plan, || {
        let attributes = attributes_of(&execution.session, &source.target_list)?;
        RowsSpec::new(execution, plan, relation, attributes)
    })?;
    let params = prepared.params_of(source).to_vec();
    Ok(Box::new(CteScan { spec, subplan, params, at: 0, leftover: Leftover::default(), id: plan.id }))
}

struct CteScan {
    spec: Arc<RowsSpec>,
    subplan: usize,
    params: Vec<usize>,
    /// The next batch of the store to read.
    at: usize,
    leftover: Leftover,
    id: usize,
}

impl CteScan {
    fn next_batch(&mut self, execution: &mut Execution) -> Result<Option<Batch>> {
        let mut store = execution.ctes[self.subplan].take().unwrap_or_default();
        let version = execution.params_version(&self.params);
        if store.version != version && (store.done || !store.batches.is_empty()) {
            execution.memory.release(store.bytes);
            store = CteStore { version, ..CteStore::default() };
            let mut node = subplan_node(execution, self.subplan)?;
            node.rescan(execution)?;
            execution.subplans[self.subplan] = Some(node);
        }
        store.version = version;
        if self.at >= store.batches.len() && !store.done {
            let mut node = subplan_node(execution, self.subplan)?;
            match node.next(execution, MAX_BATCH_ROWS)? {
                Some(batch) => {
                    let bytes = batch_bytes(&batch);
                    execution.memory.charge(bytes)?;
                    store.bytes += bytes;
                    store.batches.push(batch);
                }
                None => store.done = true,
            }
            execution.subplans[self.subplan] = Some(node);
        }
        let batch = store.batches.get(self.at).cloned();
        self.at += usize::from(batch.is_some());
        execution.ctes[self.subplan] = Some(store);
        Ok(batch)
    }
}

impl Node for CteScan {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        loop {
            let batch = match self.leftover.next(want) {
                Some(batch) => batch,
                None => match self.next_batch(execution)? {
                    Some(batch) => self.leftover.put(batch, want),
                    None => return Ok(None),
                },
            };
            if let Some(batch) = self.spec.output(execution, batch, self.id)? {
                return Ok(Some(batch));
            }
            execution.check()?;
        }
    }

    fn rescan(&mut self, _: &mut Execution) -> Result<()> {
        self.at = 0;
        self.leftover.clear();
        Ok(())
    }
}
