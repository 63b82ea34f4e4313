//! INTERSECT and EXCEPT: rows of both sides counted by their values. Distinct rows come out in the order of their
//! first appearance on the left, which is sorted if that side is.

use crate::context::Execution;
use crate::key_table::{KeyTable, NONE, Scratch};
use crate::keys::Encoder;
use crate::node::{self, Node};
use crate::rows::RowBuffer;
use base::{Error, Result};
use datum::{Batch, Column, MAX_BATCH_ROWS, Repr, Selection};
use ir::{Plan, PlanNode, SetOperationKind, expr_type};
use std::sync::Arc;

struct Spec {
    encoder: Arc<Encoder>,
    reprs: Arc<[Repr]>,
    columns: Vec<usize>,
    kind: SetOperationKind,
    all: bool,
}

pub fn build(execution: &mut Execution, plan: &Plan) -> Result<Box<dyn Node>> {
    let PlanNode::SetOp { kind, all, groups, .. } = &plan.node else {
        return Err(Error::internal("not a set operation"));
    };
    let left = node::build_child(execution, plan.left.as_deref())?;
    let right = node::build_child(execution, plan.right.as_deref())?;
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let mut columns = Vec::new();
        let mut types = Vec::new();
        for group in groups {
            let column = usize::try_from(group.column - 1).ok();
            let target = column.and_then(|c| Some((c, plan.target_list.get(c)?)));
            let (column, target) =
                target.ok_or_else(|| Error::internal("a set operation over a missing column"))?;
            columns.push(column);
            types.push(expr_type(&target.expr));
        }
        Ok(Spec {
            encoder: Arc::new(Encoder::of_types(&execution.session, types)?),
            reprs: node::output_reprs(&execution.session, plan)?,
            columns,
            kind: *kind,
            all: *all,
        })
    })?;
    Ok(Box::new(SetOp {
        table: KeyTable::new(spec.encoder.clone()),
        rows: RowBuffer::new(spec.reprs.clone()),
        spec,
        left,
        right,
        counts: Vec::new(),
        output: None,
        at: 0,
        charged: 0,
    }))
}

struct SetOp {
    spec: Arc<Spec>,
    left: Box<dyn Node>,
    right: Box<dyn Node>,
    table: KeyTable,
    /// The first left row of each key.
    rows: RowBuffer,
    /// Rows of each key on the left and on the right.
    counts: Vec<(u64, u64)>,
    /// The distinct rows and which of them to return, as often as they are to be returned.
    output: Option<(Batch, Vec<u32>)>,
    at: usize,
    charged: usize,
}

impl SetOp {
    fn fill(&mut self, execution: &mut Execution) -> Result<()> {
        let spec = self.spec.clone();
        let (mut numbers, mut scratch) = (Vec::new(), Scratch::default());
        while let Some(batch) = self.left.next(execution, MAX_BATCH_ROWS)? {
            execution.check()?;
            let columns: Vec<&Column> = spec.columns.iter().map(|c| &**batch.column(*c)).collect();
            let known = self.table.len();
            match columns.is_empty() {
                true => numbers = vec![0; batch.rows()],
                false => self.table.insert(
                    &columns,
                    &Selection::All(batch.rows()),
                    true,
                    &mut scratch,
                    &mut numbers,
                )?,
            }
            let mut next = self.counts.len().max(known) as u32;
            for (row, number) in numbers.iter().enumerate() {
                if *number == next {
                    self.rows.append(&batch, row, 1);
                    self.counts.push((0, 0));
                    next += 1;
                }
                self.counts[*number as usize].0 += 1;
            }
            let bytes = self.table.memory_bytes() + self.counts.len() * 16 * (1 + spec.reprs.len());
            execution.memory.charge(bytes.saturating_sub(self.charged))?;
            self.charged = self.charged.max(bytes);
        }
        // Without rows on the left the right side cannot matter.
        while !self.counts.is_empty()
            && let Some(batch) = self.right.next(execution, MAX_BATCH_ROWS)?
        {
            execution.check()?;
            let columns: Vec<&Column> = spec.columns.iter().map(|c| &**batch.column(*c)).collect();
            match columns.is_empty() {
                true => numbers = vec![0; batch.rows()],
                false => self.table.find(
                    &columns,
                    &Selection::All(batch.rows()),
                    true,
                    &mut scratch,
                    &mut numbers,
                )?,
            }
            numbers.iter().filter(|n| **n != NONE).for_each(|n| self.counts[*n as usize].1 += 1);
        }
        let mut order = Vec::new();
        for (number, (left, right)) in self.counts.iter().enumerate() {
            let times = match (spec.kind, spec.all) {
                (SetOperationKind::Intersect, true) => *left.min(right),
                (SetOperationKind::Intersect, false) => u64::from(*right > 0),
                (SetOperationKind::Except, true) => left.saturating_sub(*right),
                (SetOperationKind::Except, false) => u64::from(*right == 0),
                (SetOperationKind::Union, _) => {
                    return Err(Error::internal("UNION is no set operation node"));
                }
            };
            order.extend(std::iter::repeat_n(number as u32, times as usize));
        }
        self.output = Some((self.rows.take(), order));
        self.at = 0;
        Ok(())
    }
}

impl Node for SetOp {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if self.output.is_none() {
            self.fill(execution)?;
        }
        let Some((rows, order)) = &self.output else { return Ok(None) };
        let end = order.len().min(self.at + want.min(MAX_BATCH_ROWS));
        if self.at >= end {
            return Ok(None);
        }
        let part = &order[self.at..end];
        self.at = end;
        let columns = rows.columns().iter().map(|c| Arc::new(c.take(part))).collect();
        Ok(Some(Batch::new(columns, part.len())))
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.table.clear();
        self.rows.take();
        self.counts.clear();
        self.output = None;
        execution.memory.release(std::mem::take(&mut self.charged));
        self.left.rescan(execution)?;
        self.right.rescan(execution)
    }
}
