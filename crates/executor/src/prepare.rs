//! What of a plan is worked out once and shared by all its executions: compiled expressions, sort orders, descriptors.
//!
//! Each node keeps its share in a cell under its plan number; the first execution to need it makes it.

use base::{Error, Result};
use ir::{Expr, ParamKind, Plan, PlanNode, PlannedStmt};
use std::any::Any;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

#[derive(Default)]
struct Cell {
    spec: OnceLock<Arc<dyn Any + Send + Sync>>,
    /// Exec params that the subtree reads and does not set itself, ascending.
    params: Vec<usize>,
}

/// A planned statement with its compiled parts. Valid as long as the plan is.
pub struct Prepared {
    pub plan: Arc<PlannedStmt>,
    cells: Vec<Cell>,
    /// Exec params are numbered below this.
    pub(crate) exec_params: usize,
}

impl Prepared {
    /// Nodes whose numbers are not unique are numbered anew.
    pub fn new(plan: Arc<PlannedStmt>) -> Arc<Prepared> {
        let mut seen = BTreeSet::new();
        let mut unique = true;
        for root in std::iter::once(&plan.plan).chain(&plan.subplans) {
            for_each_node(root, &mut |node| unique &= seen.insert(node.id));
        }
        let count = seen.last().map_or(0, |last| last + 1);
        let plan = if unique && count <= 4 * seen.len() + 16 { plan } else { Arc::new(renumbered(&plan)) };
        let mut cells = Vec::new();
        for root in std::iter::once(&plan.plan).chain(&plan.subplans) {
            for_each_node(root, &mut |node| {
                if cells.len() <= node.id {
                    cells.resize_with(node.id + 1, Cell::default);
                }
            });
        }
        let mut prepared = Prepared { exec_params: plan.exec_params.len(), plan: plan.clone(), cells };
        for root in std::iter::once(&plan.plan).chain(&plan.subplans) {
            prepared.find_params(&plan, root);
        }
        Arc::new(prepared)
    }

    /// The node's shared part; `make` builds it at first use.
    ///
    /// # Errors
    /// What `make` fails with.
    pub(crate) fn spec<T: Send + Sync + 'static>(
        &self,
        plan: &Plan,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        let cell = self.cells.get(plan.id);
        if let Some(found) = cell.and_then(|c| c.spec.get())
            && let Ok(spec) = found.clone().downcast::<T>()
        {
            return Ok(spec);
        }
        let spec = Arc::new(make()?);
        if let Some(cell) = cell {
            // Another session may have been faster; its spec is as good.
            let _ = cell.spec.set(spec.clone());
        }
        Ok(spec)
    }

    /// The only or outer child of node `id`.
    ///
    /// # Errors
    /// `XX000` when there is none.
    pub(crate) fn child_of(&self, id: usize) -> Result<&Plan> {
        fn find(plan: &Plan, id: usize) -> Option<&Plan> {
            if plan.id == id {
                return Some(plan);
            }
            children(plan).into_iter().find_map(|child| find(child, id))
        }
        let mut roots = std::iter::once(&self.plan.plan).chain(&self.plan.subplans);
        let found = roots.find_map(|root| find(root, id)).and_then(|plan| plan.left.as_deref());
        found.ok_or_else(|| Error::internal("a plan node without its child"))
    }

    /// Exec params that the subtree depends on.
    pub(crate) fn params_of(&self, plan: &Plan) -> &[usize] {
        self.cells.get(plan.id).map_or(&[], |c| &c.params)
    }

    fn find_params(&mut self, stmt: &PlannedStmt, plan: &Plan) -> BTreeSet<usize> {
        let mut used = BTreeSet::new();
        let mut set = BTreeSet::new();
        for_each_expr(plan, &mut |expr| params_in(stmt, expr, &mut used, &mut set, 0));
        match &plan.node {
            PlanNode::NestLoop { params, .. } => set.extend(params.iter().map(|p| p.id)),
            PlanNode::RecursiveUnion { work_table_param, .. } => {
                set.insert(*work_table_param);
            }
            PlanNode::FunctionScan { relation } | PlanNode::ValuesScan { relation } => {
                let entry = relation.checked_sub(1).and_then(|r| stmt.range_table.get(r));
                for expr in entry.map(entry_exprs).unwrap_or_default() {
                    params_in(stmt, expr, &mut used, &mut set, 0);
                }
            }
            PlanNode::WorkTableScan { param, .. } => {
                used.insert(*param);
            }
            PlanNode::Gather { .. } | PlanNode::GatherMerge { .. } => {
                set.insert(rescan_param(stmt));
            }
            PlanNode::CteScan { plan: subplan, .. } => {
                if let Some(subplan) = stmt.subplans.get(*subplan) {
                    params_in_plan(stmt, subplan, &mut used, &mut set, 0);
                }
            }
            _ => {}
        }
        if plan.parallel_aware {
            used.insert(rescan_param(stmt));
        }
        for child in children(plan) {
            let below = self.find_params(stmt, child);
            used.extend(below);
        }
        self.exec_params = self.exec_params.max(used.iter().chain(&set).max().map_or(0, |m| m + 1));
        used.retain(|id| !set.contains(id));
        self.cells[plan.id].params = used.iter().copied().collect();
        used
    }
}

/// The number of a param that no expression reads and that changes with each rescan of a Gather: what participants have
/// kept of their share of the rows is worth nothing then, as the rows are shared out anew.
pub(crate) fn rescan_param(stmt: &PlannedStmt) -> usize {
    stmt.exec_params.len()
}

/// How deep subplans within subplans are followed; parsers nest no deeper.
const MAX_SUBPLAN_DEPTH: u32 = 64;

/// The exec params read in `expr`, and those that subplans in it receive.
fn params_in(
    stmt: &PlannedStmt,
    expr: &Expr,
    used: &mut BTreeSet<usize>,
    set: &mut BTreeSet<usize>,
    depth: u32,
) {
    match expr {
        Expr::Param(param) if param.kind == ParamKind::Exec => {
            used.insert(param.id);
        }
        Expr::SubPlan(subplan) => {
            set.extend(subplan.parameter_params.iter().chain(&subplan.set_params).chain(&subplan.param_ids));
            if let Some(plan) = stmt.subplans.get(subplan.plan) {
                params_in_plan(stmt, plan, used, set, depth + 1);
            }
        }
        _ => {}
    }
    ir::for_each_child(expr, &mut |child| params_in(stmt, child, used, set, depth));
}

/// The expressions that a scan of functions or VALUES finds in its range table entry.
fn entry_exprs(entry: &ir::RangeTableEntry) -> Vec<&Expr> {
    match &entry.kind {
        ir::RangeTableKind::Function { functions, .. } => functions.iter().map(|f| &f.expr).collect(),
        ir::RangeTableKind::Values { lists, .. } => lists.iter().flatten().collect(),
        _ => Vec::new(),
    }
}

fn params_in_plan(
    stmt: &PlannedStmt,
    plan: &Plan,
    used: &mut BTreeSet<usize>,
    set: &mut BTreeSet<usize>,
    depth: u32,
) {
    if depth > MAX_SUBPLAN_DEPTH {
        return;
    }
    for_each_node(plan, &mut |node| {
        for_each_expr(node, &mut |expr| params_in(stmt, expr, used, set, depth));
        if let PlanNode::FunctionScan { relation } | PlanNode::ValuesScan { relation } = &node.node {
            let entry = relation.checked_sub(1).and_then(|r| stmt.range_table.get(r));
            for expr in entry.map(entry_exprs).unwrap_or_default() {
                params_in(stmt, expr, used, set, depth);
            }
        }
        if let PlanNode::NestLoop { params, .. } = &node.node {
            set.extend(params.iter().map(|p| p.id));
        }
    });
}

fn renumbered(stmt: &PlannedStmt) -> PlannedStmt {
    let mut stmt = stmt.clone();
    let mut next = 0;
    let mut number = |node: &mut Plan| {
        node.id = next;
        next += 1;
    };
    for_each_node_mut(&mut stmt.plan, &mut number);
    stmt.subplans.iter_mut().for_each(|p| for_each_node_mut(p, &mut number));
    stmt
}

/// The plans directly below a node.
pub(crate) fn children(plan: &Plan) -> Vec<&Plan> {
    let mut children: Vec<&Plan> = plan.left.iter().chain(&plan.right).map(|c| &**c).collect();
    match &plan.node {
        PlanNode::Append { children: more, .. }
        | PlanNode::MergeAppend { children: more, .. }
        | PlanNode::BitmapAnd { children: more }
        | PlanNode::BitmapOr { children: more } => children.extend(more),
        PlanNode::SubqueryScan { child, .. } => children.push(child),
        PlanNode::Aggregate(aggregate) => children.extend(&aggregate.chain),
        _ => {}
    }
    children
}

fn for_each_node<'a>(plan: &'a Plan, visit: &mut dyn FnMut(&'a Plan)) {
    visit(plan);
    children(plan).into_iter().for_each(|child| for_each_node(child, visit));
}

fn for_each_node_mut(plan: &mut Plan, visit: &mut dyn FnMut(&mut Plan)) {
    visit(plan);
    plan.left.iter_mut().chain(&mut plan.right).for_each(|child| for_each_node_mut(child, visit));
    match &mut plan.node {
        PlanNode::Append { children, .. }
        | PlanNode::MergeAppend { children, .. }
        | PlanNode::BitmapAnd { children }
        | PlanNode::BitmapOr { children } => children.iter_mut().for_each(|c| for_each_node_mut(c, visit)),
        PlanNode::SubqueryScan { child, .. } => for_each_node_mut(child, visit),
        PlanNode::Aggregate(aggregate) => {
            aggregate.chain.iter_mut().for_each(|c| for_each_node_mut(c, visit));
        }
        _ => {}
    }
}

/// The expressions of one node, its children's aside.
fn for_each_expr<'a>(plan: &'a Plan, visit: &mut dyn FnMut(&'a Expr)) {
    plan.target_list.iter().for_each(|t| visit(&t.expr));
    plan.qual.iter().for_each(&mut *visit);
    plan.init_plans.iter().for_each(&mut *visit);
    match &plan.node {
        PlanNode::Result { constant_qual: list }
        | PlanNode::BitmapHeapScan { recheck: list, .. }
        | PlanNode::TidScan { quals: list, .. }
        | PlanNode::TidRangeScan { quals: list, .. }
        | PlanNode::Memoize { keys: list, .. }
        | PlanNode::Hash { keys: list } => list.iter().for_each(visit),
        PlanNode::SampleScan { sample, .. } => sample.args.iter().chain(&sample.repeatable).for_each(visit),
        PlanNode::IndexScan { quals, order_by, .. } => {
            quals.iter().for_each(|q| {
                visit(&q.condition);
                visit(&q.original);
            });
            order_by.iter().for_each(visit);
        }
        PlanNode::IndexOnlyScan { quals, .. } | PlanNode::BitmapIndexScan { quals, .. } => {
            quals.iter().for_each(|q| {
                visit(&q.condition);
                visit(&q.original);
            });
        }
        PlanNode::NestLoop { join, params } => {
            join.quals.iter().for_each(&mut *visit);
            params.iter().for_each(|p| visit(&p.value));
        }
        PlanNode::MergeJoin { join, clauses, .. } => {
            join.quals.iter().for_each(&mut *visit);
            clauses.iter().for_each(|c| visit(&c.condition));
        }
        PlanNode::HashJoin { join, clauses } => join.quals.iter().chain(clauses).for_each(visit),
        PlanNode::WindowAgg(window) => {
            window.start_offset.iter().chain(&window.end_offset).chain(&window.run_condition).for_each(visit);
        }
        PlanNode::Limit { offset, count, .. } => offset.iter().chain(count).for_each(visit),
        PlanNode::ModifyTable(modify) => {
            modify.returning.iter().flatten().for_each(|t| visit(&t.expr));
            if let Some(conflict) = &modify.on_conflict {
                conflict.set.iter().for_each(|t| visit(&t.expr));
                conflict.set_where.iter().for_each(&mut *visit);
            }
            let options = modify.check_options.iter().flatten();
            options.flat_map(|option| &option.condition).for_each(&mut *visit);
            for action in modify.merge_actions.iter().flatten() {
                action.condition.iter().for_each(&mut *visit);
                action.targets.iter().for_each(|t| visit(&t.expr));
            }
            modify.merge_join_conditions.iter().flatten().for_each(visit);
        }
        _ => {}
    }
}
