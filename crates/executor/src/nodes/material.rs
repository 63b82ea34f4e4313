//! Material: the child's rows, kept for being read again.

use super::store::Store;
use crate::context::Execution;
use crate::node::{self, Node};
use crate::rows::Leftover;
use base::Result;
use datum::Batch;
use ir::Plan;

pub fn build(execution: &mut Execution, plan: &Plan) -> Result<Box<dyn Node>> {
    let child = node::build_child(execution, plan.left.as_deref())?;
    let params = execution.prepared.params_of(plan).to_vec();
    Ok(Box::new(Material {
        child,
        params,
        store: Store::default(),
        state: State::Filling,
        version: None,
        leftover: Leftover::default(),
    }))
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// The first pass: rows are kept as they are handed on.
    Filling,
    /// Reading the kept rows; at this batch of those in memory.
    Memory(usize),
    File,
}

struct Material {
    child: Box<dyn Node>,
    params: Vec<usize>,
    store: Store,
    state: State,
    /// The version of the params that all rows in the store are of; `None` while it is not complete.
    version: Option<u64>,
    leftover: Leftover,
}

impl Node for Material {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if let Some(batch) = self.leftover.next(want) {
            return Ok(Some(batch));
        }
        loop {
            match self.state {
                State::Filling => {
                    let Some(batch) = self.child.next(execution, want)? else {
                        if self.version.is_none() {
                            self.version = Some(execution.params_version(&self.params));
                            self.state = State::File;
                            // At the end of the file as well.
                            self.store.rewind_file()?;
                            while self.store.next_from_file()?.is_some() {}
                        }
                        return Ok(None);
                    };
                    self.store.add(execution, batch.clone())?;
                    return Ok(Some(batch));
                }
                State::Memory(at) => match self.store.in_memory().get(at) {
                    Some(batch) => {
                        let batch = batch.clone();
                        self.state = State::Memory(at + 1);
                        return Ok(Some(self.leftover.put(batch, want)));
                    }
                    None => {
                        self.store.rewind_file()?;
                        self.state = State::File;
                    }
                },
                State::File => {
                    return Ok(self.store.next_from_file()?.map(|batch| self.leftover.put(batch, want)));
                }
            }
        }
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.leftover.clear();
        if self.version == Some(execution.params_version(&self.params)) {
            self.state = State::Memory(0);
            return Ok(());
        }
        self.store.clear(execution);
        self.version = None;
        self.state = State::Filling;
        self.child.rescan(execution)
    }
}
