//! Aggregation: over everything, over sorted groups, by hashing, and for grouping sets.
//!
//! A node's states live in `States`: one accumulator per call, each with the states of all groups side by side. The
//! output is made from rows that hold, per group, the input columns that the output reads (of the group's first row)
//! and after them the calls' results.

mod call;
mod hashed;
mod plain;
mod sets;
mod sorted;

use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, filter};
use crate::keys::Encoder;
use crate::node::{self, Node};
use crate::rows::{Projection, RowBuffer};
use base::{Error, Result};
use call::{AggregateCall, CallState};
use datum::{Batch, ColumnBuilder, Datum, Repr, Selection};
use ir::{AggStrategy, Aggregate, Expr, Plan, VarSource};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is compiled once.
pub struct Spec {
    calls: Vec<AggregateCall>,
    /// Whether the output is states, which another node combines: it may have a group several times.
    is_first_half: bool,
    /// GROUPING(): the child's columns it asks about.
    groupings: Vec<Vec<usize>>,
    /// The child's columns that are kept for each group, and their representations.
    kept: Vec<usize>,
    kept_reprs: Arc<[Repr]>,
    encoder: Arc<Encoder>,
    /// The grouping columns among the child's.
    group_columns: Vec<usize>,
    quals: Vec<Eval>,
    projection: Projection,
    id: usize,
}

pub fn build(execution: &mut Execution, plan: &Plan, aggregate: &Aggregate) -> Result<Box<dyn Node>> {
    let child = node::build_child(execution, plan.left.as_deref())?;
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || Spec::new(execution, plan, aggregate))?;
    if !aggregate.grouping_sets.is_empty() || !aggregate.chain.is_empty() {
        return sets::build(execution, plan, aggregate, spec, child);
    }
    match aggregate.strategy {
        _ if aggregate.groups.is_empty() => plain::build(execution, spec, child),
        AggStrategy::Plain => plain::build(execution, spec, child),
        AggStrategy::Sorted => sorted::build(execution, spec, child),
        AggStrategy::Hashed | AggStrategy::Mixed => hashed::build(execution, plan, spec, child),
    }
}

/// The aggregates and GROUPING()s of an expression; and the child's columns read outside of aggregates.
fn collect(expr: &Expr, found: &mut Vec<Expr>, columns: &mut BTreeSet<usize>) {
    match expr {
        Expr::Aggref(_) | Expr::Grouping { .. } => {
            if !found.contains(expr) {
                found.push(expr.clone());
            }
        }
        Expr::Var(var) if var.source == VarSource::Outer => {
            columns.extend(usize::try_from(i32::from(var.attribute) - 1));
        }
        _ => ir::for_each_child(expr, &mut |child| collect(child, found, columns)),
    }
}

impl Spec {
    fn new(execution: &Execution, plan: &Plan, aggregate: &Aggregate) -> Result<Spec> {
        let session = &execution.session;
        let child = plan.left.as_deref().ok_or_else(|| Error::internal("an aggregate without its child"))?;
        let mut found = Vec::new();
        let mut columns = BTreeSet::new();
        let outputs = plan.target_list.iter().map(|t| &t.expr).chain(&plan.qual);
        outputs.for_each(|e| collect(e, &mut found, &mut columns));
        let (encoder, group_columns) = super::group::group_encoder(session, plan, &aggregate.groups)?;
        columns.extend(&group_columns);
        let (aggregates, groupings): (Vec<Expr>, Vec<Expr>) =
            found.into_iter().partition(|e| matches!(e, Expr::Aggref(_)));
        let mut compiler = Compiler::new(session, Inputs::Outer);
        let mut calls = Vec::with_capacity(aggregates.len());
        for call in &aggregates {
            if let Expr::Aggref(aggref) = call {
                let presorted = aggregate.presorted.contains(&aggref.number);
                calls.push(AggregateCall::compile(&mut compiler, aggref, presorted)?);
            }
        }
        let asked = groupings.iter().map(|g| match g {
            Expr::Grouping { columns, .. } => columns.iter().map(|c| c.saturating_sub(1)).collect(),
            _ => Vec::new(),
        });
        let asked = asked.collect();
        let kept: Vec<usize> = columns.into_iter().collect();
        let child_reprs = node::output_reprs(session, child)?;
        let kept_reprs = kept.iter().map(|c| child_reprs.get(*c).copied().unwrap_or(Repr::Bytes)).collect();
        let place = |var: &ir::Var| {
            let column = usize::try_from(i32::from(var.attribute) - 1).ok()?;
            kept.iter().position(|k| *k == column)
        };
        let resolved = aggregates.into_iter().chain(groupings).collect();
        let mut compiler = Compiler::new(session, Inputs::Resolve(&place)).resolving(resolved, kept.len());
        Ok(Spec {
            is_first_half: !calls.is_empty() && calls.iter().all(AggregateCall::is_first_half),
            calls,
            groupings: asked,
            quals: compiler.compile_all(&plan.qual)?,
            projection: Projection::new(compiler.compile_all(plan.target_list.iter().map(|t| &t.expr))?),
            kept: kept.clone(),
            kept_reprs,
            encoder,
            group_columns,
            id: plan.id,
        })
    }

    /// The kept columns of an input batch.
    fn kept_columns(&self, batch: &Batch) -> Batch {
        Batch::new(self.kept.iter().map(|c| batch.column(*c).clone()).collect(), batch.rows())
    }

    /// What GROUPING() yields when these columns of the child are grouped by: a bit for each that is not.
    fn grouping_values(&self, grouped: &[usize]) -> Vec<i32> {
        let value = |asked: &Vec<usize>| {
            asked.iter().fold(0, |bits, column| bits << 1 | i32::from(!grouped.contains(column)))
        };
        self.groupings.iter().map(value).collect()
    }

    /// The node's rows for groups `from..to`, whose kept columns are the rows of `kept`. `None` if all are filtered.
    fn output(
        &self,
        execution: &mut Execution,
        states: &mut States,
        kept: Batch,
        from: usize,
        to: usize,
        groupings: &[i32],
    ) -> Result<Option<Batch>> {
        let mut columns = kept.columns().to_vec();
        for (call, state) in self.calls.iter().zip(&mut states.calls) {
            let mut out = ColumnBuilder::new(call.repr, to - from);
            for group in from..to {
                state.finish(execution, call, group, &mut out)?;
            }
            columns.push(Arc::new(out.finish()));
        }
        for value in groupings {
            columns.push(Arc::new(datum::Column::constant(Repr::Int4, Some(Datum::Int4(*value)))));
        }
        let batch = Batch::new(columns, to - from);
        let rows = filter(&self.quals, execution, &batch, Selection::All(batch.rows()))?;
        if let Some(instruments) = &mut execution.instruments {
            instruments.get_mut(self.id).removed_by_filter += (batch.rows() - rows.len()) as u64;
        }
        if rows.is_empty() {
            return Ok(None);
        }
        self.projection.apply(execution, &batch.select(&rows)).map(Some)
    }
}

/// The states of all calls, for groups numbered from 0, and the groups' kept columns.
pub struct States {
    calls: Vec<CallState>,
    kept: RowBuffer,
}

impl States {
    fn new(execution: &Execution, spec: &Spec) -> Result<States> {
        let calls = spec.calls.iter().map(|c| CallState::new(execution, c)).collect::<Result<_>>()?;
        Ok(States { calls, kept: RowBuffer::new(spec.kept_reprs.clone()) })
    }

    fn resize(&mut self, groups: usize) {
        self.calls.iter_mut().for_each(|c| c.resize(groups));
    }

    fn update(
        &mut self,
        execution: &mut Execution,
        spec: &Spec,
        batch: &Batch,
        groups: &[u32],
        rows: &Selection,
    ) -> Result<()> {
        let several = spec.calls.len() > 1;
        if several {
            execution.decoded = Some(Vec::new());
        }
        let mut calls = spec.calls.iter().zip(&mut self.calls);
        let updated = calls.try_for_each(|(call, state)| state.update(execution, call, batch, groups, rows));
        if several {
            execution.decoded = None;
        }
        updated
    }

    fn complete(&mut self, execution: &mut Execution, spec: &Spec) -> Result<()> {
        for (call, state) in spec.calls.iter().zip(&mut self.calls) {
            state.complete(execution, call)?;
        }
        Ok(())
    }

    fn memory_bytes(&self) -> usize {
        self.calls.iter().map(CallState::memory_bytes).sum()
    }

    fn reset(&mut self, execution: &mut Execution) {
        self.calls.iter_mut().for_each(|c| c.reset(execution));
        self.kept.take();
    }
}
