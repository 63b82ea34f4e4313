//! Group and Unique: the first row of each run of equal ones.

use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, filter};
use crate::keys::{Encoder, GroupWatch};
use crate::node::{self, Node};
use crate::rows::Projection;
use base::{Error, Result};
use catalog::Session;
use datum::{Batch, Column, Selection};
use ir::{GroupColumn, Plan, PlanNode, expr_type};
use std::sync::Arc;

struct Spec {
    encoder: Arc<Encoder>,
    columns: Vec<usize>,
    quals: Vec<Eval>,
    /// Unique hands its child's rows on as they are.
    projection: Option<Projection>,
}

/// The key of grouping columns, which are columns of the (left) child's output, and their places from 0.
pub fn group_encoder(
    session: &Session,
    plan: &Plan,
    groups: &[GroupColumn],
) -> Result<(Arc<Encoder>, Vec<usize>)> {
    let child = plan.left.as_deref().ok_or_else(|| Error::internal("a plan node without its child"))?;
    let mut columns = Vec::with_capacity(groups.len());
    let mut types = Vec::with_capacity(groups.len());
    for group in groups {
        let column = usize::try_from(group.column - 1).ok().filter(|c| *c < child.target_list.len());
        let column =
            column.ok_or_else(|| Error::internal("a grouping column that the child does not have"))?;
        columns.push(column);
        types.push(expr_type(&child.target_list[column].expr));
    }
    Ok((Arc::new(Encoder::of_types(session, types)?), columns))
}

pub fn build(execution: &mut Execution, plan: &Plan, groups: &[GroupColumn]) -> Result<Box<dyn Node>> {
    let child = node::build_child(execution, plan.left.as_deref())?;
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let session = execution.session.clone();
        let (encoder, columns) = group_encoder(&session, plan, groups)?;
        let mut compiler = Compiler::new(&session, Inputs::Outer);
        let projection = match plan.node {
            PlanNode::Unique { .. } => None,
            _ => Some(Projection::new(compiler.compile_all(plan.target_list.iter().map(|t| &t.expr))?)),
        };
        Ok(Spec { encoder, columns, quals: compiler.compile_all(&plan.qual)?, projection })
    })?;
    let watch = GroupWatch::new(spec.encoder.clone());
    Ok(Box::new(Group { spec, child, watch, id: plan.id }))
}

struct Group {
    spec: Arc<Spec>,
    child: Box<dyn Node>,
    watch: GroupWatch,
    id: usize,
}

impl Node for Group {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        while let Some(batch) = self.child.next(execution, want)? {
            execution.check()?;
            let columns: Vec<&Column> = self.spec.columns.iter().map(|c| &**batch.column(*c)).collect();
            let mut firsts = Vec::new();
            for row in 0..batch.rows() {
                if self.watch.is_new_after(&columns, row.checked_sub(1), row)? {
                    firsts.push(row as u32);
                }
            }
            let before = firsts.len();
            let rows = filter(&self.spec.quals, execution, &batch, Selection::Rows(firsts))?;
            if let Some(instruments) = &mut execution.instruments {
                instruments.get_mut(self.id).removed_by_filter += (before - rows.len()) as u64;
            }
            if rows.is_empty() {
                continue;
            }
            let kept = batch.select(&rows);
            return match &self.spec.projection {
                Some(projection) => projection.apply(execution, &kept).map(Some),
                None => Ok(Some(kept)),
            };
        }
        Ok(None)
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.watch.reset();
        self.child.rescan(execution)
    }
}
