//! What a plan node is at run time, and how the tree of nodes is made from a plan.

use crate::context::Execution;
use crate::expr::InitPlan;
use crate::instrument::Instrumented;
use crate::nodes;
use base::{Error, Result, bail};
use catalog::Session;
use datum::{Batch, Column, Repr};
use ir::{Expr, Plan, PlanNode, SubLinkKind};
use std::ops::Range;
use std::sync::Arc;

/// What [`Node::look_up`] found.
pub struct LookedUp {
    /// Any number of rows.
    pub batch: Batch,
    /// The set of params that each row belongs to.
    pub sources: Vec<u32>,
    /// The first set that was not done.
    pub end: usize,
}

/// A running plan node: a pull-based iterator over batches.
pub trait Node: Send {
    /// The next rows, at least one and at most `want` (1 to [`datum::MAX_BATCH_ROWS`]); `None` at the end, and from then on.
    ///
    /// # Errors
    /// What evaluating, reading or writing fails with.
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>>;

    /// Starts over, with the exec params as they are now.
    ///
    /// # Errors
    /// What re-opening fails with.
    fn rescan(&mut self, execution: &mut Execution) -> Result<()>;

    /// Whether [`Node::look_up`] can be asked.
    fn looks_up(&self) -> bool {
        false
    }

    /// The rows for each of several sets of exec params, in their order: what rescans with one after the other would
    /// yield. `params` holds the params' values by row, of which those at `rows` are wanted. Not every row need be done:
    /// none is when the first alone would yield too much, which then is to be asked for with a rescan.
    ///
    /// # Errors
    /// As [`Node::next`].
    fn look_up(
        &mut self,
        execution: &mut Execution,
        params: &[(usize, Arc<Column>)],
        rows: Range<usize>,
    ) -> Result<LookedUp> {
        let _ = (execution, params, rows);
        Err(Error::internal("a plan node that looks up no rows"))
    }

    /// No more than `rows` will be asked for before the next rescan.
    fn set_bound(&mut self, rows: u64) {
        let _ = rows;
    }

    /// Adds what only this node knows to its counters, for EXPLAIN ANALYZE.
    fn report(&self, counters: &mut crate::instrument::Counters) {
        let _ = counters;
    }
}

/// Plans nest no deeper than this, as each level takes stack.
const MAX_DEPTH: u32 = 500;

/// Makes the nodes of a plan.
///
/// # Errors
/// `0A000` for nodes and expressions that are not built yet, `54001` for too deep a plan.
pub fn build(execution: &mut Execution, plan: &Plan) -> Result<Box<dyn Node>> {
    if execution.depth >= MAX_DEPTH {
        bail!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    }
    execution.depth += 1;
    let built = build_with_init_plans(execution, plan);
    execution.depth -= 1;
    let node = built?;
    if execution.instruments.is_some() {
        return Ok(Box::new(Instrumented::new(node, plan.id)));
    }
    Ok(node)
}

fn build_with_init_plans(execution: &mut Execution, plan: &Plan) -> Result<Box<dyn Node>> {
    for init in &plan.init_plans {
        let Expr::SubPlan(subplan) = init else {
            return Err(Error::internal("an init plan that is no subplan"));
        };
        if subplan.kind == SubLinkKind::Cte {
            continue;
        }
        for param in &subplan.set_params {
            let init = InitPlan::new(execution, subplan)?;
            execution.reserve_param(*param);
            execution.init_plans[*param] = Some(init);
        }
    }
    build_node(execution, plan)
}

fn build_node(execution: &mut Execution, plan: &Plan) -> Result<Box<dyn Node>> {
    match &plan.node {
        PlanNode::EmptyResult | PlanNode::Result { .. } => nodes::result::build(execution, plan),
        PlanNode::ProjectSet => nodes::project_set::build(execution, plan),
        PlanNode::ModifyTable(modify) => nodes::modify::build(execution, plan, modify),
        PlanNode::Append { children, .. } => nodes::append::build(execution, plan, children),
        PlanNode::MergeAppend { children, keys, .. } => {
            nodes::merge_append::build(execution, plan, children, keys)
        }
        PlanNode::RecursiveUnion { work_table_param, groups } => {
            nodes::recursive_union::build(execution, plan, *work_table_param, groups)
        }
        PlanNode::BitmapAnd { .. } | PlanNode::BitmapOr { .. } | PlanNode::BitmapIndexScan { .. } => {
            Err(Error::internal("a bitmap node outside of a bitmap heap scan"))
        }
        PlanNode::SeqScan { relation } => nodes::seq_scan::build(execution, plan, *relation),
        PlanNode::SampleScan { relation, sample } => {
            nodes::sample_scan::build(execution, plan, *relation, sample)
        }
        PlanNode::IndexScan { .. } => nodes::index_scan::build(execution, plan),
        PlanNode::IndexOnlyScan { .. } => nodes::index_only_scan::build(execution, plan),
        PlanNode::BitmapHeapScan { relation, recheck } => {
            nodes::bitmap_heap_scan::build(execution, plan, *relation, recheck)
        }
        PlanNode::TidScan { relation, quals } => nodes::tid_scan::build(execution, plan, *relation, quals),
        PlanNode::TidRangeScan { relation, quals } => {
            nodes::tid_range_scan::build(execution, plan, *relation, quals)
        }
        PlanNode::SubqueryScan { relation, child } => {
            nodes::subquery_scan::build(execution, plan, *relation, child)
        }
        PlanNode::FunctionScan { relation } => nodes::function_scan::build(execution, plan, *relation),
        PlanNode::ValuesScan { relation } => nodes::values_scan::build(execution, plan, *relation),
        PlanNode::CteScan { relation, plan: subplan, .. } => {
            nodes::cte_scan::build(execution, plan, *relation, *subplan)
        }
        PlanNode::WorkTableScan { relation, param } => {
            nodes::work_table_scan::build(execution, plan, *relation, *param)
        }
        PlanNode::NamedTuplestoreScan { .. } => Err(Error::unsupported("a transition table")),
        PlanNode::NestLoop { join, params } => nodes::nest_loop::build(execution, plan, join, params),
        PlanNode::MergeJoin { join, clauses, .. } => nodes::merge_join::build(execution, plan, join, clauses),
        PlanNode::HashJoin { join, clauses } => nodes::hash_join::build(execution, plan, join, clauses),
        PlanNode::Hash { .. } => build_child(execution, plan.left.as_deref()),
        PlanNode::Materialize => nodes::material::build(execution, plan),
        PlanNode::Memoize { .. } => nodes::memoize::build(execution, plan),
        PlanNode::Sort { keys } => nodes::sort::build(execution, plan, keys),
        PlanNode::IncrementalSort { keys, presorted } => {
            nodes::incremental_sort::build(execution, plan, keys, *presorted)
        }
        PlanNode::Group { groups } | PlanNode::Unique { groups } => {
            nodes::group::build(execution, plan, groups)
        }
        PlanNode::Aggregate(aggregate) => nodes::aggregate::build(execution, plan, aggregate),
        PlanNode::WindowAgg(window) => nodes::window::build(execution, plan, window),
        PlanNode::SetOp { .. } => nodes::set_op::build(execution, plan),
        PlanNode::LockRows { marks } => nodes::lock_rows::build(execution, plan, marks),
        PlanNode::Limit { .. } => nodes::limit::build(execution, plan),
        PlanNode::Gather { .. } => nodes::gather::build(execution, plan),
        PlanNode::GatherMerge { .. } => nodes::gather::build(execution, plan),
    }
}

/// A node's only or outer child.
pub fn build_child(execution: &mut Execution, child: Option<&Plan>) -> Result<Box<dyn Node>> {
    match child {
        Some(child) => build(execution, child),
        None => Err(Error::internal("a plan node without its child")),
    }
}

/// How a plan's output columns are held.
pub fn output_reprs(session: &Session, plan: &Plan) -> Result<Arc<[Repr]>> {
    let reprs = plan.target_list.iter().map(|t| Ok(session.type_layout(ir::expr_type(&t.expr))?.repr));
    reprs.collect::<Result<Vec<_>>>().map(Into::into)
}
