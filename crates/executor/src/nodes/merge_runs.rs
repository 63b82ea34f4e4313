//! Inner merge joins by one key whose values are told apart by eight bytes: runs of equal keys are found in the batches
//! of both sides, and pairs of rows are noted down and copied together.

use super::merge_join::Spec;
use crate::context::Execution;
use crate::expr::Eval;
use crate::node::Node;
use crate::rows::{Leftover, RowBuffer};
use base::Result;
use datum::{Batch, MAX_BATCH_ROWS, Selection};
use std::cmp::Ordering;
use std::sync::Arc;

pub(super) fn build(id: usize, spec: Arc<Spec>, outer: Box<dyn Node>, inner: Box<dyn Node>) -> Box<dyn Node> {
    Box::new(MergeRuns {
        buffer: RowBuffer::new(spec.join.inner.clone()),
        spec,
        id,
        outer: Side::new(outer),
        inner: Side::new(inner),
        group: None,
        pending: None,
        leftover: Leftover::default(),
        done: false,
    })
}

/// One input, with its keys as numbers.
struct Side {
    node: Box<dyn Node>,
    batch: Option<Batch>,
    /// `None` for NULL.
    keys: Vec<Option<u64>>,
    row: usize,
    /// Counts batches.
    number: u64,
    end: bool,
}

impl Side {
    fn new(node: Box<dyn Node>) -> Side {
        Side { node, batch: None, keys: Vec::new(), row: 0, number: 0, end: false }
    }

    /// Moves to the next row with a key, of this batch or another; its key.
    fn key(&mut self, execution: &mut Execution, key: &Eval, spec: &Spec) -> Result<Option<u64>> {
        loop {
            while let Some(key) = self.keys.get(self.row) {
                if key.is_some() {
                    return Ok(*key);
                }
                self.row += 1;
            }
            if self.end {
                return Ok(None);
            }
            execution.check()?;
            self.keys.clear();
            self.row = 0;
            self.number += 1;
            self.batch = self.node.next(execution, MAX_BATCH_ROWS)?;
            let Some(batch) = &self.batch else {
                self.end = true;
                continue;
            };
            let column = key.evaluate(execution, batch, &Selection::All(batch.rows()))?;
            let clause = &spec.clauses[0];
            let number = |row| {
                let prefix = clause.order.prefix(column.get(row)?);
                Some(if clause.reversed { !prefix } else { prefix })
            };
            self.keys.extend((0..batch.rows()).map(number));
        }
    }

    /// Where the run of the current row's key ends in this batch.
    fn run_end(&self) -> usize {
        let key = self.keys[self.row];
        let same = self.keys[self.row..].iter().take_while(|other| **other == key);
        self.row + same.count()
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.batch = None;
        self.keys.clear();
        self.row = 0;
        self.end = false;
        self.node.rescan(execution)
    }
}

/// The inner rows of one key: `start..end` of a batch.
struct Group {
    key: u64,
    batch: Batch,
    /// Which batch that is.
    number: u64,
    start: usize,
    end: usize,
}

/// Pairs of rows of two batches.
struct Pending {
    outer: Batch,
    inner: Batch,
    numbers: (u64, u64),
    outer_rows: Vec<u32>,
    inner_rows: Vec<u32>,
}

struct MergeRuns {
    spec: Arc<Spec>,
    id: usize,
    outer: Side,
    inner: Side,
    group: Option<Group>,
    /// Where a run that goes on in the next batch is put together.
    buffer: RowBuffer,
    pending: Option<Pending>,
    leftover: Leftover,
    done: bool,
}

impl MergeRuns {
    /// Makes the inner rows of the first key that is not less than `key` the group; `false` when there is none.
    fn next_group(&mut self, execution: &mut Execution, key: u64) -> Result<bool> {
        let spec = self.spec.clone();
        let found = loop {
            match self.inner.key(execution, &spec.clauses[0].inner, &spec)? {
                None => return Ok(false),
                Some(found) if found < key => self.inner.row += 1,
                Some(found) => break found,
            }
        };
        let Some(batch) = self.inner.batch.clone() else { return Ok(false) };
        let (start, end) = (self.inner.row, self.inner.run_end());
        self.inner.row = end;
        let mut group = Group { key: found, batch, number: self.inner.number, start, end };
        if end == group.batch.rows() {
            self.buffer.append(&group.batch, start, end - start);
            while self.inner.key(execution, &spec.clauses[0].inner, &spec)? == Some(found) {
                let Some(batch) = self.inner.batch.clone() else { break };
                let (start, end) = (self.inner.row, self.inner.run_end());
                self.buffer.append(&batch, start, end - start);
                self.inner.row = end;
            }
            group.batch = self.buffer.take();
            (group.start, group.end) = (0, group.batch.rows());
            // A batch of its own: no other has this number.
            self.inner.number += 1;
            group.number = self.inner.number;
            self.inner.number += 1;
        }
        self.group = Some(group);
        Ok(true)
    }

    /// The pairs noted down, as result rows.
    fn flush(&mut self, execution: &mut Execution) -> Result<Option<Batch>> {
        let Some(pending) = self.pending.take() else { return Ok(None) };
        let join = &self.spec.join;
        let pairs =
            join.pair_matched(&pending.outer, &pending.outer_rows, &pending.inner, &pending.inner_rows);
        join.output(execution, &pairs, self.id)
    }

    /// Notes down pairs until there are some to return; `None` at the end.
    fn step(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        let spec = self.spec.clone();
        while !self.done {
            let Some(key) = self.outer.key(execution, &spec.clauses[0].outer, &spec)? else {
                self.done = true;
                break;
            };
            if self.group.as_ref().is_none_or(|group| group.key < key) {
                self.group = None;
                if !self.next_group(execution, key)? {
                    self.done = true;
                    break;
                }
            }
            let (Some(group), Some(outer)) = (&self.group, &self.outer.batch) else { continue };
            if key.cmp(&group.key) == Ordering::Less {
                self.outer.row += 1;
                continue;
            }
            let numbers = (self.outer.number, group.number);
            let stale = |p: &Pending| p.numbers != numbers || p.outer_rows.len() >= want;
            if self.pending.as_ref().is_some_and(stale) {
                if let Some(batch) = self.flush(execution)? {
                    return Ok(Some(batch));
                }
                continue;
            }
            let pending = self.pending.get_or_insert_with(|| Pending {
                outer: outer.clone(),
                inner: group.batch.clone(),
                numbers,
                outer_rows: Vec::new(),
                inner_rows: Vec::new(),
            });
            pending.inner_rows.extend(group.start as u32..group.end as u32);
            pending.outer_rows.resize(pending.inner_rows.len(), self.outer.row as u32);
            self.outer.row += 1;
        }
        self.flush(execution)
    }
}

impl Node for MergeRuns {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if let Some(batch) = self.leftover.next(want) {
            return Ok(Some(batch));
        }
        let batch = self.step(execution, want)?;
        Ok(batch.map(|batch| self.leftover.put(batch, want)))
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.group = None;
        self.pending = None;
        self.buffer.take();
        self.leftover.clear();
        self.done = false;
        self.outer.rescan(execution)?;
        self.inner.rescan(execution)
    }
}
