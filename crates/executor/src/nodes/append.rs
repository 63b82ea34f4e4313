//! Append: the rows of one child after another.

use crate::context::Execution;
use crate::node::{self, Node};
use base::Result;
use datum::Batch;
use ir::Plan;

pub fn build(execution: &mut Execution, _: &Plan, children: &[Plan]) -> Result<Box<dyn Node>> {
    let children = children.iter().map(|c| node::build(execution, c)).collect::<Result<Vec<_>>>()?;
    Ok(Box::new(Append { children, at: 0 }))
}

struct Append {
    children: Vec<Box<dyn Node>>,
    at: usize,
}

impl Node for Append {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        while let Some(child) = self.children.get_mut(self.at) {
            if let Some(batch) = child.next(execution, want)? {
                return Ok(Some(batch));
            }
            self.at += 1;
        }
        Ok(None)
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.at = 0;
        self.children.iter_mut().try_for_each(|c| c.rescan(execution))
    }

    fn set_bound(&mut self, rows: u64) {
        self.children.iter_mut().for_each(|c| c.set_bound(rows));
    }
}
