//! Grouping sets: every set has a hash table of its own, and one pass over the input fills them all. The sorts that a
//! plan has for further phases are not needed for that and are not run.

use super::{Spec, States};
use crate::context::Execution;
use crate::key_table::{KeyTable, Scratch};
use crate::keys::Encoder;
use crate::node::Node;
use crate::rows::{Leftover, null_column};
use base::{Error, Result};
use datum::{Batch, Column, MAX_BATCH_ROWS, Selection};
use ir::{Aggregate, Plan, PlanNode, expr_type};
use std::sync::Arc;

struct Set {
    /// The child's columns grouped by.
    columns: Vec<usize>,
    table: KeyTable,
    states: States,
    groupings: Vec<i32>,
    kept: Option<Batch>,
}

pub fn build(
    execution: &mut Execution,
    plan: &Plan,
    aggregate: &Aggregate,
    spec: Arc<Spec>,
    child: Box<dyn Node>,
) -> Result<Box<dyn Node>> {
    let Some(input) = plan.left.as_deref() else {
        return Err(Error::internal("an aggregate without its child"));
    };
    let mut all: Vec<Vec<i16>> = aggregate.grouping_sets.clone();
    if aggregate.grouping_sets.is_empty() {
        all.push(aggregate.groups.iter().map(|g| g.column).collect());
    }
    for phase in &aggregate.chain {
        if let PlanNode::Aggregate(phase) = &phase.node {
            match phase.grouping_sets.is_empty() {
                true => all.push(phase.groups.iter().map(|g| g.column).collect()),
                false => all.extend(phase.grouping_sets.iter().cloned()),
            }
        }
    }
    let mut sets = Vec::with_capacity(all.len());
    for set in all {
        let columns: Vec<usize> = set.iter().filter_map(|c| usize::try_from(*c - 1).ok()).collect();
        let mut types = Vec::new();
        for column in &columns {
            let target = input.target_list.get(*column);
            let target =
                target.ok_or_else(|| Error::internal("a grouping column that the child does not have"))?;
            types.push(expr_type(&target.expr));
        }
        let encoder = Arc::new(Encoder::of_types(&execution.session, types)?);
        sets.push(Set {
            table: KeyTable::new(encoder),
            states: States::new(execution, &spec)?,
            groupings: spec.grouping_values(&columns),
            columns,
            kept: None,
        });
    }
    let grouped = sets.iter().flat_map(|s| s.columns.iter().copied()).collect();
    Ok(Box::new(SetsAggregate {
        spec,
        sets,
        grouped,
        child,
        filled: false,
        set: 0,
        at: 0,
        charged: 0,
        leftover: Leftover::default(),
    }))
}

struct SetsAggregate {
    spec: Arc<Spec>,
    sets: Vec<Set>,
    /// The columns of all sets.
    grouped: Vec<usize>,
    child: Box<dyn Node>,
    filled: bool,
    set: usize,
    at: usize,
    charged: usize,
    leftover: Leftover,
}

impl Set {
    fn take_in(&mut self, execution: &mut Execution, spec: &Spec, batch: &Batch, kept: &Batch) -> Result<()> {
        let all = Selection::All(batch.rows());
        let mut numbers = vec![0; batch.rows()];
        let mut known = self.states.kept.rows();
        if !self.columns.is_empty() {
            let columns: Vec<&Column> = self.columns.iter().map(|c| &**batch.column(*c)).collect();
            self.table.insert(&columns, &all, true, &mut Scratch::default(), &mut numbers)?;
        }
        for (row, number) in numbers.iter().enumerate() {
            if *number as usize == known {
                self.states.kept.append(kept, row, 1);
                known += 1;
            }
        }
        self.states.resize(known);
        self.states.update(execution, spec, batch, &numbers, &all)
    }
}

impl SetsAggregate {
    fn fill(&mut self, execution: &mut Execution) -> Result<()> {
        let spec = self.spec.clone();
        while let Some(batch) = self.child.next(execution, MAX_BATCH_ROWS)? {
            execution.check()?;
            let kept = spec.kept_columns(&batch);
            for set in &mut self.sets {
                set.take_in(execution, &spec, &batch, &kept)?;
            }
            let bytes: usize =
                self.sets.iter().map(|s| s.table.memory_bytes() + s.states.memory_bytes()).sum();
            execution.memory.charge(bytes.saturating_sub(self.charged))?;
            self.charged = self.charged.max(bytes);
        }
        for set in &mut self.sets {
            set.states.complete(execution, &spec)?;
            let mut kept = set.states.kept.take();
            if kept.is_empty() && set.columns.is_empty() {
                // The empty set has its one group even without input.
                set.states.resize(1);
                kept = Batch::new(spec.kept_reprs.iter().map(|r| null_column(*r)).collect(), 1);
            }
            // Grouping columns that are not of this set are NULL in its rows.
            let columns = kept.columns().iter().zip(&spec.kept).zip(spec.kept_reprs.iter());
            let columns = columns.map(|((column, place), repr)| {
                match self.grouped.contains(place) && !set.columns.contains(place) {
                    true => null_column(*repr),
                    false => column.clone(),
                }
            });
            set.kept = Some(Batch::new(columns.collect(), kept.rows()));
        }
        self.filled = true;
        Ok(())
    }
}

impl Node for SetsAggregate {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if let Some(batch) = self.leftover.next(want) {
            return Ok(Some(batch));
        }
        if !self.filled {
            self.fill(execution)?;
        }
        let spec = self.spec.clone();
        while let Some(set) = self.sets.get_mut(self.set) {
            let groups = set.kept.as_ref().map_or(0, Batch::rows);
            let end = groups.min(self.at + want.min(MAX_BATCH_ROWS));
            if self.at >= end {
                self.set += 1;
                self.at = 0;
                continue;
            }
            let Some(kept) = set.kept.as_ref().map(|k| k.slice(self.at, end - self.at)) else { continue };
            let groupings = set.groupings.clone();
            let batch = spec.output(execution, &mut set.states, kept, self.at, end, &groupings)?;
            self.at = end;
            if let Some(batch) = batch {
                return Ok(Some(self.leftover.put(batch, want)));
            }
        }
        Ok(None)
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        for set in &mut self.sets {
            set.table.clear();
            set.states.reset(execution);
            set.kept = None;
        }
        execution.memory.release(std::mem::take(&mut self.charged));
        self.filled = false;
        self.set = 0;
        self.at = 0;
        self.leftover.clear();
        self.child.rescan(execution)
    }
}
