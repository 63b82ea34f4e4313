//! `min(x)` and `max(x)` of a table: the first row by an index on x, instead of all of them.

use crate::clause::{ands, contains_volatile, make_and, shift_query_levels};
use crate::pathkey::ordering;
use crate::types::{Path, PathKind, Root, Target};
use base::{Oid, Result};
use datum::OwnedDatum;
use ir::{
    CommandType, Expr, FromExpr, JoinNode, Query, RangeTableKind, SortGroupClause, SubLinkKind, SubPlan,
    TargetEntry,
};
use std::rc::Rc;

const INT8: Oid = Oid(20);

/// An aggregate with the query that finds its value.
pub(crate) struct MinMax<'a> {
    pub aggregate: Expr,
    /// Exec param of the value.
    pub param: usize,
    root: Option<Box<Root<'a>>>,
    path: Rc<Path>,
}

impl<'a> Root<'a> {
    /// Plans the first row for each aggregate, if all are minima and maxima of columns of one table that indexes order.
    pub fn plan_min_max(&mut self) -> Result<()> {
        let q = &self.query;
        if !q.has_aggregates
            || !q.group_clause.is_empty()
            || !q.grouping_sets.is_empty()
            || q.has_window_functions
            || !q.ctes.is_empty()
            || q.command != CommandType::Select
        {
            return Ok(());
        }
        let Some(rti) = only_relation(&q.join_tree) else { return Ok(()) };
        let is_union = self.append_members.iter().any(|m| m.parent == rti);
        if !is_union && !matches!(self.rte(rti).kind, RangeTableKind::Relation { sample: None, .. }) {
            return Ok(());
        }
        let mut found = Vec::new();
        for aggregate in self.aggregates() {
            let order = self.session().aggregate(aggregate.function)?.aggsortop;
            let [argument] = aggregate.args.as_slice() else { return Ok(()) };
            if !order.is_valid()
                || !aggregate.order_by.is_empty()
                || aggregate.filter.is_some()
                || matches!(argument.expr, Expr::Const(_) | Expr::Param(_))
                || contains_volatile(self.session(), &argument.expr)?
                || self.session().type_row(ir::expr_type(&argument.expr))?.typtype as u8 == b'c'
            {
                return Ok(());
            }
            found.push((aggregate.clone(), argument.expr.clone(), order));
        }
        let mut planned = Vec::new();
        for (aggregate, argument, order) in found {
            let Some((root, path)) = self.first_row(&argument, order)? else { return Ok(()) };
            let param = self.g.new_param(aggregate.result_type);
            self.g.init_params.borrow_mut().insert(param);
            let aggregate = Expr::Aggref(Box::new(aggregate));
            planned.push(MinMax { aggregate, param, root: Some(Box::new(root)), path });
        }
        self.min_max = planned;
        Ok(())
    }

    /// `SELECT argument FROM ... WHERE ... AND argument IS NOT NULL ORDER BY argument LIMIT 1`, if that needs no sort.
    fn first_row(&self, argument: &Expr, order: Oid) -> Result<Option<(Root<'a>, Rc<Path>)>> {
        let Some((family, type_oid, descending)) = ordering(self.session(), order)? else { return Ok(None) };
        let Some(equality) = self.session().family_operator(family, type_oid, type_oid, 3)? else {
            return Ok(None);
        };
        let not_null = Expr::NullTest {
            arg: Box::new(argument.clone()),
            is_null: false,
            row_argument: false,
            location: None,
        };
        for nulls_first in [descending, !descending] {
            let mut quals: Vec<Expr> = Vec::new();
            quals.extend(self.query.join_tree.quals.iter().flat_map(|q| ands((**q).clone())));
            if !quals.contains(&not_null) {
                quals.insert(0, not_null.clone());
            }
            let one = ir::Const {
                type_oid: INT8,
                typmod: -1,
                collation: Oid(0),
                layout: self.session().type_layout(INT8)?,
                value: Some(OwnedDatum::Int8(1)),
                location: None,
            };
            let target = TargetEntry {
                sort_group_ref: 1,
                ..TargetEntry::new(argument.clone(), 1, Some("agg_target".into()))
            };
            let sort = SortGroupClause {
                target: 1,
                equality_operator: equality,
                sort_operator: order,
                nulls_first,
                hashable: false,
                reverse_sort: descending,
            };
            let items = self.query.join_tree.items.clone();
            let mut query = Query {
                range_table: self.query.range_table.clone(),
                permissions: self.query.permissions.clone(),
                has_row_security: self.query.has_row_security,
                join_tree: FromExpr { items, quals: Some(Box::new(make_and(quals))) },
                target_list: vec![target],
                sort_clause: vec![sort],
                limit_count: Some(Box::new(Expr::Const(one))),
                ..Query::default()
            };
            // It is planned one level further down.
            shift_query_levels(&mut query, 1, 1)?;
            let mut root = Root::new(&self.g, query, self.ctes.clone());
            root.append_members.clone_from(&self.append_members);
            root.plan_query(1.0)?;
            let presorted = |p: &&Rc<Path>| match &p.kind {
                PathKind::Limit { child, .. } => is_presorted(child),
                _ => false,
            };
            let path = root.final_paths.iter().find(presorted).cloned();
            if let Some(path) = path {
                return Ok(Some((root, path)));
            }
        }
        Ok(None)
    }

    /// The aggregates' values by index, as a path of the grouping step.
    pub fn min_max_path(&self, target: &Rc<Target>) -> Result<Option<Rc<Path>>> {
        let Some(first) = self.min_max.first() else { return Ok(None) };
        let cost: f64 = self.min_max.iter().map(|m| m.path.total).sum();
        let having = self.exprs_cost(&self.having)?;
        let startup = cost + target.cost.startup + having.startup + having.per_tuple;
        let total = startup + target.cost.per_tuple + self.costs().cpu_tuple;
        let kind = PathKind::MinMax { quals: self.having.clone() };
        let mut path = self.step(kind, &first.path, target, 1.0, (startup, total));
        path.disabled = self.min_max.iter().map(|m| m.path.disabled).sum();
        path.parallel.safe &= self.min_max.iter().all(|m| m.path.parallel.safe);
        path.parallel.workers = 0;
        path.keys.clear();
        path.relids = self.all_base.clone();
        Ok(Some(Rc::new(path)))
    }

    /// Makes init plans of the queries for the first rows.
    pub fn min_max_init_plans(&mut self) -> Result<()> {
        for i in 0..self.min_max.len() {
            let Some(mut root) = self.min_max[i].root.take() else { continue };
            let plan = root.create_top_plan(&self.min_max[i].path.clone())?;
            let number = self.g.subplans.borrow().len();
            let result_type = ir::expr_type(&self.min_max[i].aggregate);
            self.init_plans.push(Expr::SubPlan(Box::new(SubPlan {
                kind: SubLinkKind::Expr,
                test: None,
                param_ids: Vec::new(),
                plan: number,
                name: format!("InitPlan {}", number + 1),
                result_type,
                typmod: -1,
                collation: ir::expr_collation(&self.min_max[i].aggregate),
                use_hash_table: false,
                unknown_equals_false: false,
                set_params: vec![self.min_max[i].param],
                parameter_params: Vec::new(),
                args: Vec::new(),
                startup_cost: plan.total_cost,
                per_call_cost: 0.0,
            })));
            let entry = crate::types::SubPlanEntry { plan: Some(plan), root: *root };
            self.g.subplans.borrow_mut().push(entry);
        }
        Ok(())
    }
}

fn only_relation(from: &FromExpr) -> Option<usize> {
    match from.items.as_slice() {
        [JoinNode::Relation(rti)] => Some(*rti),
        [JoinNode::From(inner)] if inner.quals.is_none() => only_relation(inner),
        _ => None,
    }
}

fn is_presorted(path: &Path) -> bool {
    match &path.kind {
        PathKind::Index { .. } => true,
        PathKind::Projection { child, .. } => is_presorted(child),
        PathKind::MergeAppend { children } => children.iter().any(|c| is_presorted(c)),
        PathKind::Append { children } => !path.keys.is_empty() && children.iter().all(|c| is_presorted(c)),
        _ => false,
    }
}
