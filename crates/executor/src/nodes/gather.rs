//! Gather and Gather Merge: their place in the plan. The child runs in the session's own thread; as there is one
//! stream of rows only, nothing has to be merged.

use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, filter};
use crate::node::{self, Node};
use crate::rows::Projection;
use base::Result;
use datum::{Batch, Selection};
use ir::Plan;
use std::sync::Arc;

pub fn build(execution: &mut Execution, plan: &Plan) -> Result<Box<dyn Node>> {
    let child = node::build_child(execution, plan.left.as_deref())?;
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let mut compiler = Compiler::new(&execution.session, Inputs::Outer);
        let targets = compiler.compile_all(plan.target_list.iter().map(|t| &t.expr))?;
        Ok(Spec { quals: compiler.compile_all(&plan.qual)?, projection: Projection::new(targets) })
    })?;
    Ok(Box::new(Gather { spec, child }))
}

struct Spec {
    quals: Vec<Eval>,
    projection: Projection,
}

struct Gather {
    spec: Arc<Spec>,
    child: Box<dyn Node>,
}

impl Node for Gather {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        while let Some(batch) = self.child.next(execution, want)? {
            let rows = filter(&self.spec.quals, execution, &batch, Selection::All(batch.rows()))?;
            if !rows.is_empty() {
                return self.spec.projection.apply(execution, &batch.select(&rows)).map(Some);
            }
        }
        Ok(None)
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.child.rescan(execution)
    }

    fn set_bound(&mut self, rows: u64) {
        if self.spec.quals.is_empty() {
            self.child.set_bound(rows);
        }
    }
}
