//! What the kinds of join have in common.

use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, filter};
use crate::node;
use crate::rows::{Projection, gather_all};
use base::{Error, Result};
use catalog::Session;
use datum::{Batch, Column, Repr, Selection};
use ir::{Join, JoinKind, Plan};
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
        let mut compiler = Compiler::new(session, Inputs::OuterInner { outer: outer.len() });
        Ok(JoinSpec {
            kind: join.kind,
            inner_unique: join.inner_unique,
            join_quals: compiler.compile_all(&join.quals)?,
            quals: compiler.compile_all(&plan.qual)?,
            projection: Projection::new(compiler.compile_all(plan.target_list.iter().map(|t| &t.expr))?),
            outer,
            inner,
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
        let mut columns: Vec<Arc<Column>> = Vec::with_capacity(self.outer.len() + self.inner.len());
        gather_all(outer, outer_rows, &self.outer, &mut columns);
        gather_all(inner, inner_rows, &self.inner, &mut columns);
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
