//! What the kinds of join have in common.

use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, filter};
use crate::node;
use crate::rows::{Projection, gather, null_column};
use base::{Error, Result};
use catalog::Session;
use datum::{Batch, Column, Repr, Selection};
use ir::{Expr, Join, JoinKind, Plan, VarSource};
use std::sync::Arc;

pub struct JoinSpec {
    pub kind: JoinKind,
    /// At most one inner row matches an outer one.
    pub inner_unique: bool,
    /// Conditions of the join itself.
    pub join_quals: Vec<Eval>,
    /// Conditions on its result.
    pub quals: Vec<Eval>,
    pub projection: Projection,
    pub outer: Arc<[Repr]>,
    pub inner: Arc<[Repr]>,
    /// Which of both sides' columns, one after the other, the join's conditions read, and which the rest reads.
    asked: Vec<bool>,
    wanted: Vec<bool>,
    /// Either of them.
    read: Vec<bool>,
    /// NULL for each column, in place of what nobody reads.
    absent: Vec<Arc<Column>>,
}

/// Which of two children's columns, one after the other, the expressions read.
fn columns_read<'e>(exprs: impl Iterator<Item = &'e Expr>, outer: usize, inner: usize) -> Vec<bool> {
    let mut read = vec![false; outer + inner];
    for expr in exprs {
        ir::any(expr, &mut |e| {
            if let Expr::Var(var) = e
                && let Ok(column) = usize::try_from(i32::from(var.attribute) - 1)
            {
                let place = match var.source {
                    VarSource::Outer => Some(column),
                    VarSource::Inner => Some(outer + column),
                    _ => None,
                };
                if let Some(flag) = place.and_then(|place| read.get_mut(place)) {
                    *flag = true;
                }
            }
            false
        });
    }
    read
}

/// The two children of a join.
pub fn children(plan: &Plan) -> Result<(&Plan, &Plan)> {
    match (plan.left.as_deref(), plan.right.as_deref()) {
        (Some(left), Some(right)) => Ok((left, right)),
        _ => Err(Error::internal("a join without its children")),
    }
}

impl JoinSpec {
    pub fn new(session: &Session, plan: &Plan, join: &Join) -> Result<JoinSpec> {
        let (left, right) = children(plan)?;
        let outer = node::output_reprs(session, left)?;
        let inner = node::output_reprs(session, right)?;
        let asked = columns_read(join.quals.iter(), outer.len(), inner.len());
        let results = plan.target_list.iter().map(|t| &t.expr).chain(&plan.qual);
        let wanted = columns_read(results, outer.len(), inner.len());
        let read = asked.iter().zip(&wanted).map(|(a, b)| *a || *b).collect();
        let absent = outer.iter().chain(inner.iter()).map(|repr| null_column(*repr)).collect();
        let mut compiler = Compiler::new(session, Inputs::OuterInner { outer: outer.len() });
        Ok(JoinSpec {
            kind: join.kind,
            inner_unique: join.inner_unique,
            join_quals: compiler.compile_all(&join.quals)?,
            quals: compiler.compile_all(&plan.qual)?,
            projection: Projection::new(compiler.compile_all(plan.target_list.iter().map(|t| &t.expr))?),
            outer,
            inner,
            asked,
            wanted,
            read,
            absent,
        })
    }

    /// Whether a pair that matches settles its outer row.
    pub fn first_match_suffices(&self) -> bool {
        self.inner_unique || matches!(self.kind, JoinKind::Semi | JoinKind::Anti)
    }

    /// Whether outer rows without a match are returned with NULLs.
    pub fn keeps_outer(&self) -> bool {
        matches!(self.kind, JoinKind::Left | JoinKind::Full | JoinKind::Anti)
    }

    /// Whether inner rows without a match are returned with NULLs.
    pub fn keeps_inner(&self) -> bool {
        matches!(self.kind, JoinKind::Right | JoinKind::Full | JoinKind::RightAnti)
    }

    /// Pairs side by side; NO_ROW stands for NULLs.
    pub fn pair(&self, outer: &Batch, outer_rows: &[u32], inner: &Batch, inner_rows: &[u32]) -> Batch {
        self.pair_columns(&self.read, outer, outer_rows, inner, inner_rows)
    }

    /// As [`JoinSpec::pair`], with what the result needs of pairs that have been matched.
    pub fn pair_matched(
        &self,
        outer: &Batch,
        outer_rows: &[u32],
        inner: &Batch,
        inner_rows: &[u32],
    ) -> Batch {
        self.pair_columns(&self.wanted, outer, outer_rows, inner, inner_rows)
    }

    /// As [`JoinSpec::pair`], with what the join's conditions read.
    pub fn pair_to_match(
        &self,
        outer: &Batch,
        outer_rows: &[u32],
        inner: &Batch,
        inner_rows: &[u32],
    ) -> Batch {
        self.pair_columns(&self.asked, outer, outer_rows, inner, inner_rows)
    }

    fn pair_columns(
        &self,
        read: &[bool],
        outer: &Batch,
        outer_rows: &[u32],
        inner: &Batch,
        inner_rows: &[u32],
    ) -> Batch {
        let mut columns: Vec<Arc<Column>> = Vec::with_capacity(read.len());
        let sides = [(outer, outer_rows, &self.outer), (inner, inner_rows, &self.inner)];
        for (batch, rows, reprs) in sides {
            // Every outer row once, in order: nothing is to be copied.
            let whole = rows.len() == batch.rows()
                && rows.iter().enumerate().all(|(place, row)| *row as usize == place);
            for (index, repr) in reprs.iter().enumerate() {
                let place = columns.len();
                columns.push(match batch.columns().get(index) {
                    Some(column) if read[place] && whole => column.clone(),
                    Some(column) if read[place] => Arc::new(gather(column, rows, *repr)),
                    _ => self.absent[place].clone(),
                });
            }
        }
        Batch::new(columns, outer_rows.len())
    }

    /// The pairs for which the join's conditions hold.
    pub fn matching(&self, execution: &mut Execution, pairs: &Batch, id: usize) -> Result<Selection> {
        let all = Selection::All(pairs.rows());
        let rows = filter(&self.join_quals, execution, pairs, all)?;
        if let Some(instruments) = &mut execution.instruments {
            instruments.get_mut(id).removed_by_join_filter += (pairs.rows() - rows.len()) as u64;
        }
        Ok(rows)
    }

    /// The result rows of pairs that stand: filtered and projected. `None` if nothing is left.
    pub fn output(&self, execution: &mut Execution, pairs: &Batch, id: usize) -> Result<Option<Batch>> {
        let rows = filter(&self.quals, execution, pairs, Selection::All(pairs.rows()))?;
        if let Some(instruments) = &mut execution.instruments {
            instruments.get_mut(id).removed_by_filter += (pairs.rows() - rows.len()) as u64;
        }
        if rows.is_empty() {
            return Ok(None);
        }
        self.projection.apply(execution, &pairs.select(&rows)).map(Some)
    }
}
