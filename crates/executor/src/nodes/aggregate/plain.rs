//! One group of everything, which is there even without input.

use super::{Spec, States};
use crate::context::Execution;
use crate::node::Node;
use crate::rows::null_column;
use base::Result;
use datum::{Batch, MAX_BATCH_ROWS, Selection};
use std::sync::Arc;

pub fn build(execution: &Execution, spec: Arc<Spec>, child: Box<dyn Node>) -> Result<Box<dyn Node>> {
    let states = States::new(execution, &spec)?;
    Ok(Box::new(PlainAggregate { spec, states, child, done: false }))
}

struct PlainAggregate {
    spec: Arc<Spec>,
    states: States,
    child: Box<dyn Node>,
    done: bool,
}

impl Node for PlainAggregate {
    fn next(&mut self, execution: &mut Execution, _: usize) -> Result<Option<Batch>> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(None);
        }
        let spec = self.spec.clone();
        self.states.resize(1);
        let groups = [0; MAX_BATCH_ROWS];
        while let Some(batch) = self.child.next(execution, MAX_BATCH_ROWS)? {
            execution.check()?;
            if self.states.kept.rows() == 0 {
                self.states.kept.append(&spec.kept_columns(&batch), 0, 1);
            }
            let rows = Selection::All(batch.rows());
            self.states.update(execution, &spec, &batch, &groups[..batch.rows()], &rows)?;
        }
        self.states.complete(execution, &spec)?;
        let mut kept = self.states.kept.take();
        if kept.is_empty() {
            kept = Batch::new(spec.kept_reprs.iter().map(|r| null_column(*r)).collect(), 1);
        }
        let groupings = spec.grouping_values(&[]);
        spec.output(execution, &mut self.states, kept, 0, 1, &groupings)
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.done = false;
        self.states.reset(execution);
        self.child.rescan(execution)
    }
}
