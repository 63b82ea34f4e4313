//! Merge append: sorted children read as one sorted stream; and the merging itself, which Gather Merge uses too.

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
    let mut streams = Streams::new(spec.0.clone(), spec.1.clone());
    streams.restart(children.len());
    Ok(Box::new(MergeAppend { children, streams }))
}

#[derive(Default)]
struct Stream {
    batch: Option<Batch>,
    row: usize,
    done: bool,
}

/// Sorted streams, and the rows merged from them.
pub struct Streams {
    ordering: Ordering,
    streams: Vec<Stream>,
    buffer: RowBuffer,
}

impl Streams {
    pub fn new(ordering: Ordering, reprs: Arc<[Repr]>) -> Streams {
        Streams { ordering, streams: Vec::new(), buffer: RowBuffer::new(reprs) }
    }

    /// Forgets all rows; from now on there are `count` streams.
    pub fn restart(&mut self, count: usize) {
        self.buffer.take();
        self.streams.clear();
        self.streams.resize_with(count, Stream::default);
    }

    /// Up to `want` rows in order; `read` fetches more of a stream.
    pub fn next(
        &mut self,
        want: usize,
        mut read: impl FnMut(usize) -> Result<Option<Batch>>,
    ) -> Result<Option<Batch>> {
        while self.buffer.rows() < want {
            for (index, stream) in self.streams.iter_mut().enumerate() {
                if stream.batch.is_none() && !stream.done {
                    stream.batch = read(index)?;
                    stream.row = 0;
                    stream.done = stream.batch.is_none();
                }
            }
            let ordering = &self.ordering;
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
}

struct MergeAppend {
    children: Vec<Box<dyn Node>>,
    streams: Streams,
}

impl Node for MergeAppend {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        let children = &mut self.children;
        self.streams.next(want, |stream| children[stream].next(execution, want))
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.streams.restart(self.children.len());
        self.children.iter_mut().try_for_each(|child| child.rescan(execution))
    }

    fn set_bound(&mut self, rows: u64) {
        self.children.iter_mut().for_each(|child| child.set_bound(rows));
    }
}
