//! Merge append: sorted children read as one sorted stream.

use crate::context::Execution;
use crate::node::{self, Node};
use crate::order::Ordering;
use crate::rows::RowBuffer;
use base::Result;
use datum::{Batch, Repr};
use ir::{Plan, SortColumn};
use std::cmp;
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
    let streams =
        children.into_iter().map(|node| Stream { node, batch: None, row: 0, done: false }).collect();
    Ok(Box::new(MergeAppend { buffer: RowBuffer::new(spec.1.clone()), spec, streams }))
}

struct Stream {
    node: Box<dyn Node>,
    batch: Option<Batch>,
    row: usize,
    done: bool,
}

struct MergeAppend {
    spec: Arc<(Ordering, Arc<[Repr]>)>,
    streams: Vec<Stream>,
    buffer: RowBuffer,
}

impl Node for MergeAppend {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        while self.buffer.rows() < want {
            for stream in &mut self.streams {
                if stream.batch.is_none() && !stream.done {
                    stream.batch = stream.node.next(execution, want)?;
                    stream.row = 0;
                    stream.done = stream.batch.is_none();
                }
            }
            let ordering = &self.spec.0;
            let live = (0..self.streams.len()).filter(|s| self.streams[*s].batch.is_some());
            let least = live.reduce(|best, other| {
                let (a, b) = (&self.streams[best], &self.streams[other]);
                match (&a.batch, &b.batch) {
                    (Some(x), Some(y)) if ordering.compare(y, b.row, x, a.row) == cmp::Ordering::Less => {
                        other
                    }
                    _ => best,
                }
            });
            let Some(least) = least else { break };
            let stream = &mut self.streams[least];
            if let Some(batch) = &stream.batch {
                self.buffer.append(batch, stream.row, 1);
                stream.row += 1;
                if stream.row >= batch.rows() {
                    stream.batch = None;
                }
            }
        }
        Ok((self.buffer.rows() > 0).then(|| self.buffer.take()))
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.buffer.take();
        for stream in &mut self.streams {
            stream.batch = None;
            stream.done = false;
            stream.node.rescan(execution)?;
        }
        Ok(())
    }

    fn set_bound(&mut self, rows: u64) {
        self.streams.iter_mut().for_each(|s| s.node.set_bound(rows));
    }
}
