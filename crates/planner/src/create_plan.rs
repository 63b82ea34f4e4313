//! From the chosen path to plan nodes. Columns still name relations; `setrefs` turns them into positions.

use crate::clause::{commute, deep, relids, var_rti};
use crate::cost::order_clauses;
use crate::grouping_sets::Rollup;
use crate::types::{ClauseRef, IndexClause, JoinPath, Path, PathKey, PathKind, Root, Target};
use base::{Error, Oid, Result};
use ir::{
    Aggregate, Expr, GroupColumn, IndexQual, Join, JoinKind, MergeClause, ModifyTable, NestParam, Param,
    ParamKind, Plan, PlanNode, SortColumn, SortGroupClause, TargetEntry, VarSource, WindowAgg,
};
use std::rc::Rc;

fn target_list(target: &Target) -> Vec<TargetEntry> {
    let entry = |(i, expr): (usize, &Expr)| TargetEntry {
        sort_group_ref: target.refs.get(i).copied().unwrap_or(0),
        ..TargetEntry::new(expr.clone(), i as i16 + 1, None)
    };
    target.exprs.iter().enumerate().map(entry).collect()
}

fn new_plan(path: &Path, node: PlanNode) -> Plan {
    Plan {
        startup_cost: path.startup,
        total_cost: path.total,
        rows: path.rows,
        width: path.target.width.max(0) as u32,
        disabled_nodes: path.disabled,
        parallel_aware: path.parallel.aware,
        parallel_safe: path.parallel.safe,
        target_list: target_list(&path.target),
        node,
        ..Plan::default()
    }
}

/// A node that passes its child's columns on.
fn over(path: &Path, child: Plan, node: PlanNode) -> Plan {
    let target_list = child.target_list.clone();
    Plan { target_list, left: Some(Box::new(child)), ..new_plan(path, node) }
}

impl<'a> Root<'a> {
    /// The whole plan of this level, its columns named as the query names them.
    pub fn create_top_plan(&mut self, path: &Rc<Path>) -> Result<Plan> {
        self.outer_params = ir::RelSet::new();
        let mut plan = self.create_plan(path)?;
        let count = self.targets.len();
        if self.query.command == ir::CommandType::Select {
            for (i, entry) in plan.target_list.iter_mut().enumerate() {
                match self.targets.get(i) {
                    Some(t) => {
                        entry.name.clone_from(&t.name);
                        (entry.origin, entry.junk) = (t.origin, t.junk);
                    }
                    None => entry.junk = i >= count,
                }
            }
        }
        plan.init_plans = std::mem::take(&mut self.init_plans);
        Ok(plan)
    }

    fn create_plan(&mut self, path: &Rc<Path>) -> Result<Plan> {
        match &path.kind {
            PathKind::NestLoop(join) => self.nestloop_plan(path, join),
            PathKind::MergeJoin { join, clauses, skip_mark_restore, materialize, .. } => {
                self.mergejoin_plan(path, join, clauses, *skip_mark_restore, *materialize)
            }
            PathKind::HashJoin { join, clauses, .. } => self.hashjoin_plan(path, join, clauses),
            PathKind::Material { child } => Ok(over(path, self.create_plan(child)?, PlanNode::Materialize)),
            PathKind::Memoize { child, keys, operators, single_row, binary_mode, entries, .. } => {
                let plan = self.create_plan(child)?;
                let mut keys = keys.clone();
                for key in &mut keys {
                    self.replace_outer_vars(key)?;
                }
                let node = PlanNode::Memoize {
                    collations: keys.iter().map(ir::expr_collation).collect(),
                    keys,
                    operators: operators.clone(),
                    single_row: *single_row,
                    binary_mode: *binary_mode,
                    estimated_entries: *entries,
                };
                Ok(over(path, plan, node))
            }
            PathKind::Sort { child } => {
                let mut plan = self.create_plan(child)?;
                let keys = self.sort_columns(&path.keys, &mut plan)?;
                Ok(over(path, plan, PlanNode::Sort { keys }))
            }
            PathKind::IncrementalSort { child, presorted } => {
                let mut plan = self.create_plan(child)?;
                let keys = self.sort_columns(&path.keys, &mut plan)?;
                Ok(over(path, plan, PlanNode::IncrementalSort { keys, presorted: *presorted }))
            }
            PathKind::MinMax { quals } => {
                self.min_max_init_plans()?;
                Ok(new_plan(path, PlanNode::Result { constant_qual: quals.clone() }))
            }
            PathKind::Gather { child } => {
                let plan = self.create_plan(child)?;
                self.g.parallel_needed.set(true);
                let workers = child.parallel.workers;
                let node = PlanNode::Gather { workers, single_copy: false, invisible: false };
                Ok(self.over_gathered(path, child, plan, node))
            }
            PathKind::GatherMerge { child } => {
                let mut plan = self.create_plan(child)?;
                self.g.parallel_needed.set(true);
                let keys = self.sort_columns(&path.keys, &mut plan)?;
                let node = PlanNode::GatherMerge { workers: child.parallel.workers, keys };
                Ok(self.over_gathered(path, child, plan, node))
            }
            PathKind::Projection { child, dummy } => {
                let mut plan = self.create_plan(child)?;
                if *dummy {
                    let width = plan.target_list.len();
                    for (i, entry) in plan.target_list.iter_mut().enumerate().take(width) {
                        entry.sort_group_ref = path.target.refs.get(i).copied().unwrap_or(0);
                    }
                    return Ok(plan);
                }
                // Sorting may have added just the columns that are asked for.
                let same = plan.target_list.len() == path.target.exprs.len()
                    && plan.target_list.iter().zip(&path.target.exprs).all(|(t, e)| t.expr == *e);
                if same && !crate::upper::can_project(&child.kind) {
                    for (entry, reference) in plan.target_list.iter_mut().zip(&path.target.refs) {
                        entry.sort_group_ref = *reference;
                        entry.junk = false;
                    }
                    return Ok(plan);
                }
                Ok(Plan {
                    left: Some(Box::new(plan)),
                    ..new_plan(path, PlanNode::Result { constant_qual: Vec::new() })
                })
            }
            PathKind::ProjectSet { child } => {
                let plan = self.create_plan(child)?;
                Ok(Plan { left: Some(Box::new(plan)), ..new_plan(path, PlanNode::ProjectSet) })
            }
            PathKind::Result { quals, child } if path.rti == 0 || !quals.is_empty() || child.is_some() => {
                let left = child.as_ref().map(|c| self.create_plan(c)).transpose()?.map(Box::new);
                Ok(Plan { left, ..new_plan(path, PlanNode::Result { constant_qual: quals.clone() }) })
            }
            PathKind::UniqueInner { child, hashed, exprs, operators } => {
                self.unique_inner_plan(path, child, *hashed, exprs, operators)
            }
            PathKind::Group { .. }
            | PathKind::Aggregate { .. }
            | PathKind::GroupingSets { .. }
            | PathKind::Window { .. }
            | PathKind::Unique { .. }
            | PathKind::SetOp { .. }
            | PathKind::Append { .. }
            | PathKind::MergeAppend { .. }
            | PathKind::RecursiveUnion { .. }
            | PathKind::LockRows { .. }
            | PathKind::Limit { .. }
            | PathKind::Modify { .. } => self.upper_plan(path),
            _ => self.scan_plan(path),
        }
    }

    /// The plan of a node's input, for nodes that choose what they read of it. A subquery then yields all its columns,
    /// so that scanning it is no work.
    fn create_input(&mut self, path: &Rc<Path>) -> Result<Plan> {
        let mut plan = self.create_plan(path)?;
        let PlanNode::SubqueryScan { relation, .. } = &plan.node else { return Ok(plan) };
        let rti = *relation;
        let plain =
            |t: &TargetEntry| matches!(&t.expr, Expr::Var(v) if var_rti(v) == Some(rti) && v.attribute > 0);
        let (Some(subroot), true) =
            (&self.base(rti).subroot, plan.qual.is_empty() && plan.target_list.iter().all(plain))
        else {
            return Ok(plan);
        };
        let mut all = Vec::new();
        for (i, t) in subroot.targets.iter().enumerate() {
            let number = i as i16 + 1;
            let is_this = |t: &&TargetEntry| matches!(&t.expr, Expr::Var(v) if v.attribute == number);
            let (type_oid, typmod) = (ir::expr_type(&t.expr), ir::expr_typmod(&t.expr));
            let column = crate::clause::var(rti, number, type_oid, typmod, ir::expr_collation(&t.expr));
            let known = plan.target_list.iter().find(is_this).cloned();
            let entry = known.unwrap_or_else(|| TargetEntry::new(Expr::Var(column), number, None));
            all.push(TargetEntry { number, junk: t.junk, ..entry });
        }
        plan.target_list = all;
        Ok(plan)
    }

    /// A Gather passes its child's columns on, unless it has to compute some that workers must not.
    fn over_gathered(&self, path: &Path, child: &Path, plan: Plan, node: PlanNode) -> Plan {
        if path.target.exprs == child.target.exprs {
            return over(path, plan, node);
        }
        Plan { left: Some(Box::new(plan)), ..new_plan(path, node) }
    }

    /// Replaces columns of the relations on the outer sides of nested loops above by params.
    fn replace_outer_vars(&mut self, expr: &mut Expr) -> Result<()> {
        if self.outer_params.is_empty() {
            return Ok(());
        }
        let outer = self.outer_params.clone();
        let mut known = std::mem::take(&mut self.current_params);
        let g = self.g.clone();
        let replaced = deep(expr, 0, &mut |e, _| {
            let Expr::Var(v) = &*e else { return Ok(false) };
            if !var_rti(v).is_some_and(|rti| outer.contains(rti)) {
                return Ok(false);
            }
            let (type_oid, typmod, collation) = (v.type_oid, v.typmod, v.collation);
            let id = match known.iter().find(|(k, _)| k == e) {
                Some((_, id)) => *id,
                None => {
                    let id = g.new_param(type_oid);
                    known.push((e.clone(), id));
                    id
                }
            };
            *e =
                Expr::Param(Param { kind: ParamKind::Exec, id, type_oid, typmod, collation, location: None });
            Ok(true)
        });
        self.current_params = known;
        replaced
    }

    fn actual(&mut self, clauses: &[ClauseRef]) -> Result<Vec<Expr>> {
        let mut out = Vec::new();
        for clause in clauses.iter().filter(|c| !c.pseudoconstant) {
            let mut expr = clause.expr.clone();
            self.replace_outer_vars(&mut expr)?;
            out.push(expr);
        }
        Ok(out)
    }

    /// One-time conditions are checked by a node of their own on top.
    fn gate(&mut self, plan: Plan, clauses: &[ClauseRef]) -> Result<Plan> {
        let mut quals = Vec::new();
        for clause in clauses.iter().filter(|c| c.pseudoconstant) {
            let mut expr = clause.expr.clone();
            self.replace_outer_vars(&mut expr)?;
            quals.push(expr);
        }
        if quals.is_empty() {
            return Ok(plan);
        }
        Ok(Plan {
            startup_cost: plan.startup_cost,
            total_cost: plan.total_cost,
            rows: plan.rows,
            width: plan.width,
            disabled_nodes: plan.disabled_nodes,
            parallel_safe: plan.parallel_safe,
            target_list: plan.target_list.clone(),
            node: PlanNode::Result { constant_qual: quals },
            left: Some(Box::new(plan)),
            ..Plan::default()
        })
    }

    fn scan_plan(&mut self, path: &Rc<Path>) -> Result<Plan> {
        let rti = path.rti;
        let mut clauses = self.base(rti).restrictions.clone();
        if let Some(param) = &path.param {
            clauses.extend(param.clauses.iter().cloned());
        }
        let clauses = order_clauses(self, clauses)?;
        let mut targets = target_list(&path.target);
        for entry in &mut targets {
            self.replace_outer_vars(&mut entry.expr)?;
        }
        let relation = rti;
        let mut plan = match &path.kind {
            PathKind::Index { info, clauses: by_index, direction, index_only, .. } => {
                let quals = self.index_quals(by_index, info)?;
                let qual = self.rest_quals(&clauses, by_index, info)?;
                let index = info.entry.oid;
                let node = if *index_only {
                    let index_targets = info
                        .columns
                        .iter()
                        .enumerate()
                        .map(|(i, e)| TargetEntry::new(e.clone(), i as i16 + 1, None))
                        .collect();
                    PlanNode::IndexOnlyScan { relation, index, quals, direction: *direction, index_targets }
                } else {
                    PlanNode::IndexScan {
                        relation,
                        index,
                        quals,
                        order_by: Vec::new(),
                        direction: *direction,
                    }
                };
                Plan { qual, ..new_plan(path, node) }
            }
            PathKind::BitmapHeap { index } => self.bitmap_plan(path, index, &clauses)?,
            PathKind::SubqueryScan { child } => {
                for (expr, id) in self.base(rti).subplan_params.clone() {
                    if !self.current_params.iter().any(|(_, known)| *known == id) {
                        self.current_params.push((expr, id));
                    }
                }
                let mut subroot = self
                    .base_mut(rti)
                    .subroot
                    .take()
                    .ok_or_else(|| Error::internal("a subquery has not been planned"))?;
                let below = subroot.create_top_plan(child);
                self.base_mut(rti).subroot = Some(subroot);
                let node = PlanNode::SubqueryScan { relation, child: Box::new(below?) };
                Plan { qual: self.actual(&clauses)?, ..new_plan(path, node) }
            }
            other => {
                let (node, checked): (PlanNode, &[ClauseRef]) = match other {
                    PathKind::SeqScan => (PlanNode::SeqScan { relation }, &[]),
                    PathKind::SampleScan => {
                        let ir::RangeTableKind::Relation { sample: Some(sample), .. } = &self.rte(rti).kind
                        else {
                            return Err(Error::internal("a sample scan without TABLESAMPLE"));
                        };
                        let mut sample = sample.clone();
                        for expr in sample.args.iter_mut().chain(&mut sample.repeatable) {
                            self.replace_outer_vars(expr)?;
                        }
                        (PlanNode::SampleScan { relation, sample }, &[])
                    }
                    PathKind::Tid { quals } => {
                        (PlanNode::TidScan { relation, quals: self.actual(quals)? }, quals)
                    }
                    PathKind::TidRange { quals } => {
                        (PlanNode::TidRangeScan { relation, quals: self.actual(quals)? }, quals)
                    }
                    PathKind::FunctionScan => (PlanNode::FunctionScan { relation }, &[]),
                    PathKind::ValuesScan => (PlanNode::ValuesScan { relation }, &[]),
                    PathKind::CteScan { plan, param } => {
                        (PlanNode::CteScan { relation, plan: *plan, param: *param }, &[])
                    }
                    PathKind::WorkTableScan { param } => {
                        (PlanNode::WorkTableScan { relation, param: *param }, &[])
                    }
                    PathKind::NamedTuplestoreScan => (PlanNode::NamedTuplestoreScan { relation }, &[]),
                    PathKind::Result { .. } => (PlanNode::Result { constant_qual: Vec::new() }, &[]),
                    _ => return Err(Error::internal("unrecognized scan path")),
                };
                let rest: Vec<ClauseRef> =
                    clauses.iter().filter(|c| !checked.iter().any(|k| Rc::ptr_eq(k, c))).cloned().collect();
                Plan { qual: self.actual(&rest)?, ..new_plan(path, node) }
            }
        };
        plan.target_list = targets;
        if matches!(path.kind, PathKind::FunctionScan | PathKind::ValuesScan)
            && !self.base(rti).lateral.is_empty()
        {
            let mut kind = self.rte(rti).kind.clone();
            let mut failed = Ok(());
            crate::clause::deep_rte(&mut kind, 0, &mut |e, _| {
                if failed.is_ok() {
                    failed = self.replace_outer_vars(e);
                }
                Ok(true)
            })?;
            failed?;
            self.query.range_table[rti - 1].kind = kind;
        }
        self.gate(plan, &clauses)
    }

    fn index_quals(
        &mut self,
        clauses: &[IndexClause],
        info: &crate::types::IndexInfo,
    ) -> Result<Vec<IndexQual>> {
        let mut quals = Vec::new();
        for clause in clauses {
            for original in &clause.quals {
                let mut original = original.clone();
                self.replace_outer_vars(&mut original)?;
                let mut condition = original.clone();
                let key = &info.columns[clause.column];
                let column = Expr::Var(ir::Var {
                    source: VarSource::Index,
                    ..crate::clause::var(
                        0,
                        clause.column as i16 + 1,
                        ir::expr_type(key),
                        ir::expr_typmod(key),
                        ir::expr_collation(key),
                    )
                });
                let slot = match &mut condition {
                    Expr::Op(op) => &mut op.args[0],
                    Expr::ScalarArrayOp(op) => &mut op.args[0],
                    Expr::NullTest { arg, .. } => &mut **arg,
                    Expr::RowCompare { left, .. } => &mut left[0],
                    _ => return Err(Error::internal("unsupported indexqual type")),
                };
                *slot = column;
                quals.push(IndexQual { condition, original, column: clause.column });
            }
        }
        Ok(quals)
    }

    /// Conditions that the index does not check for certain.
    fn rest_quals(
        &mut self,
        clauses: &[ClauseRef],
        by_index: &[IndexClause],
        info: &crate::types::IndexInfo,
    ) -> Result<Vec<Expr>> {
        let checked = |c: &ClauseRef| {
            by_index
                .iter()
                .any(|i| !i.lossy && (Rc::ptr_eq(&i.clause, c) || crate::join_path::same_class(&i.clause, c)))
                || info.predicate.contains(&c.expr)
        };
        let rest: Vec<ClauseRef> = clauses.iter().filter(|c| !checked(c)).cloned().collect();
        self.actual(&rest)
    }

    fn bitmap_plan(&mut self, path: &Rc<Path>, bitmap: &Rc<Path>, clauses: &[ClauseRef]) -> Result<Plan> {
        let mut recheck = Vec::new();
        let scan = self.bitmap_tree(bitmap, &mut recheck)?;
        let rest = match &bitmap.kind {
            PathKind::Index { info, clauses: by_index, .. } => self.rest_quals(clauses, by_index, info)?,
            _ => {
                // What the bitmaps make sure of, be it in other words, is checked again where they are lossy only.
                let mut rest = Vec::new();
                for clause in clauses {
                    let implied = crate::predicate::implied_by(
                        self.session(),
                        std::slice::from_ref(&clause.expr),
                        &recheck,
                    )?;
                    if !implied {
                        rest.push(clause.clone());
                    }
                }
                self.actual(&rest)?
            }
        };
        let node = PlanNode::BitmapHeapScan { relation: path.rti, recheck };
        Ok(Plan { qual: rest, left: Some(Box::new(scan)), ..new_plan(path, node) })
    }

    /// The nodes that fill a bitmap; `conditions` gets what they check.
    fn bitmap_tree(&mut self, path: &Rc<Path>, conditions: &mut Vec<Expr>) -> Result<Plan> {
        let tuples = self.base(path.rti).tuples;
        let combined = |selectivity: f64, node: PlanNode| Plan {
            startup_cost: path.startup,
            total_cost: path.total,
            rows: crate::cost::clamp_rows(selectivity * tuples),
            parallel_safe: path.parallel.safe,
            node,
            ..Plan::default()
        };
        match &path.kind {
            PathKind::Index { info, clauses, index_total, selectivity, .. } => {
                let quals = self.index_quals(clauses, info)?;
                // What the index does not check for certain stays a filter.
                let exact: Vec<ClauseRef> =
                    clauses.iter().filter(|c| !c.lossy).map(|c| c.clause.clone()).collect();
                for e in self.actual(&exact)?.into_iter().chain(info.predicate.iter().cloned()) {
                    if !conditions.contains(&e) {
                        conditions.push(e);
                    }
                }
                let node = PlanNode::BitmapIndexScan { relation: path.rti, index: info.entry.oid, quals };
                Ok(Plan { startup_cost: 0.0, total_cost: *index_total, ..combined(*selectivity, node) })
            }
            PathKind::BitmapAnd { children, selectivity } => {
                let children =
                    children.iter().map(|c| self.bitmap_tree(c, conditions)).collect::<Result<_>>()?;
                Ok(combined(*selectivity, PlanNode::BitmapAnd { children }))
            }
            PathKind::BitmapOr { children, selectivity, .. } => {
                let (mut plans, mut arms) = (Vec::new(), Vec::new());
                for child in children {
                    let mut own = Vec::new();
                    plans.push(self.bitmap_tree(child, &mut own)?);
                    arms.push(crate::clause::make_and(own));
                }
                conditions.push(crate::clause::make_or(arms));
                Ok(combined(*selectivity, PlanNode::BitmapOr { children: plans }))
            }
            _ => Err(Error::internal("unrecognized bitmap path")),
        }
    }

    /// A join's own conditions, and those that filter its output.
    fn split_quals(&mut self, join: &JoinPath, used: &[ClauseRef]) -> Result<(Vec<Expr>, Vec<Expr>)> {
        let ordered = order_clauses(self, join.clauses.clone())?;
        let outer_join = !matches!(join.kind, JoinKind::Inner | JoinKind::Semi | JoinKind::RightSemi);
        let left: Vec<ClauseRef> =
            ordered.into_iter().filter(|c| !used.iter().any(|u| Rc::ptr_eq(u, c))).collect();
        // A condition with rows from outside of the join, moved into it, is none of the join's own.
        let all = join.outer.relids.union(&join.inner.relids);
        let (after, own): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|c| outer_join && (c.pushed_down || !c.required.is_subset(&all)));
        Ok((self.actual(&own)?, self.actual(&after)?))
    }

    fn nestloop_plan(&mut self, path: &Rc<Path>, join: &JoinPath) -> Result<Plan> {
        let outer = self.create_input(&join.outer)?;
        let saved = self.outer_params.clone();
        self.outer_params.extend(&join.outer.relids);
        let inner = self.create_input(&join.inner)?;
        self.outer_params = saved;
        let own = join.outer.relids.clone();
        let (mine, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.current_params)
            .into_iter()
            .partition(|(e, _)| relids(e).is_subset(&own));
        self.current_params = rest;
        let params = mine.into_iter().map(|(value, id)| NestParam { id, value }).collect();
        let (quals, qual) = self.split_quals(join, &[])?;
        let node = PlanNode::NestLoop {
            join: Join { kind: join.kind, inner_unique: join.inner_unique, quals },
            params,
        };
        let plan =
            Plan { qual, left: Some(Box::new(outer)), right: Some(Box::new(inner)), ..new_plan(path, node) };
        let clauses = join.clauses.clone();
        self.gate(plan, &clauses)
    }

    /// `outer = inner`, whichever way it was written.
    fn oriented(&mut self, clause: &ClauseRef, outer: &ir::RelSet) -> Result<Expr> {
        let mut expr = match &clause.expr {
            Expr::Op(op) if !clause.left.is_subset(outer) => Expr::Op(
                commute(self.session(), op)?
                    .ok_or_else(|| Error::internal("could not find commutator for operator"))?,
            ),
            e => e.clone(),
        };
        self.replace_outer_vars(&mut expr)?;
        Ok(expr)
    }

    fn mergejoin_plan(
        &mut self,
        path: &Rc<Path>,
        join: &JoinPath,
        merge: &[ClauseRef],
        skip_mark_restore: bool,
        materialize: bool,
    ) -> Result<Plan> {
        let outer = self.create_input(&join.outer)?;
        let mut inner = self.create_input(&join.inner)?;
        if materialize {
            inner = crate::upper::materialize(self, inner);
        }
        let mut clauses = Vec::new();
        for clause in merge {
            let condition = self.oriented(clause, &join.outer.relids)?;
            let key = self
                .clause_classes(clause, &join.outer.relids)
                .and_then(|(ec, _)| join.outer.keys.iter().find(|k| k.ec == ec).copied());
            let key = key.unwrap_or(PathKey {
                ec: 0,
                family: clause.merge_families[0],
                descending: false,
                nulls_first: false,
            });
            let collation = if let Expr::Op(op) = &condition { op.input_collation } else { Oid(0) };
            clauses.push(MergeClause {
                condition,
                family: key.family,
                collation,
                reversed: key.descending,
                nulls_first: key.nulls_first,
            });
        }
        let (quals, qual) = self.split_quals(join, merge)?;
        let node = PlanNode::MergeJoin {
            join: Join { kind: join.kind, inner_unique: join.inner_unique, quals },
            clauses,
            skip_mark_restore,
        };
        let plan =
            Plan { qual, left: Some(Box::new(outer)), right: Some(Box::new(inner)), ..new_plan(path, node) };
        let all = join.clauses.clone();
        self.gate(plan, &all)
    }

    fn hashjoin_plan(&mut self, path: &Rc<Path>, join: &JoinPath, hash: &[ClauseRef]) -> Result<Plan> {
        let outer = self.create_input(&join.outer)?;
        let inner = self.create_input(&join.inner)?;
        let mut clauses = Vec::new();
        let mut keys = Vec::new();
        for clause in hash {
            let condition = self.oriented(clause, &join.outer.relids)?;
            if let Expr::Op(op) = &condition {
                keys.push(op.args[1].clone());
            }
            clauses.push(condition);
        }
        let table = Plan {
            startup_cost: inner.total_cost,
            total_cost: inner.total_cost,
            rows: inner.rows,
            width: inner.width,
            disabled_nodes: inner.disabled_nodes,
            parallel_aware: path.parallel.aware,
            parallel_safe: inner.parallel_safe,
            target_list: inner.target_list.clone(),
            node: PlanNode::Hash { keys },
            left: Some(Box::new(inner)),
            ..Plan::default()
        };
        let (quals, qual) = self.split_quals(join, hash)?;
        let node = PlanNode::HashJoin {
            join: Join { kind: join.kind, inner_unique: join.inner_unique, quals },
            clauses,
        };
        let plan =
            Plan { qual, left: Some(Box::new(outer)), right: Some(Box::new(table)), ..new_plan(path, node) };
        let all = join.clauses.clone();
        self.gate(plan, &all)
    }

    /// Where the columns of an order stand in a plan's output; those missing are added to it.
    fn sort_columns(&self, keys: &[PathKey], plan: &mut Plan) -> Result<Vec<SortColumn>> {
        let mut columns = Vec::new();
        for key in keys {
            let ec = &self.ecs[self.ec_root(key.ec)];
            let by_ref = plan
                .target_list
                .iter()
                .find(|t| ec.has_volatile && ec.sort_ref > 0 && t.sort_group_ref == ec.sort_ref);
            let mut found = by_ref.map(|t| (t.number, ec.members[0].type_oid));
            for m in ec.members.iter().chain(ec.child_members.values().flatten()) {
                if found.is_some() {
                    break;
                }
                let stripped = crate::clause::strip_relabel(&m.expr);
                let at = plan
                    .target_list
                    .iter()
                    .find(|t| t.expr == m.expr || crate::clause::strip_relabel(&t.expr) == stripped);
                found = at.map(|t| (t.number, m.type_oid));
            }
            if found.is_none() {
                let available: ir::RelSet =
                    plan.target_list.iter().fold(ir::RelSet::new(), |s, t| s.union(&relids(&t.expr)));
                let mut members = ec.members.iter().chain(ec.child_members.values().flatten());
                let member = members.find(|m| !m.is_const && m.relids.is_subset(&available));
                let Some(m) = member else {
                    return Err(Error::internal("could not find pathkey item to sort"));
                };
                let number = plan.target_list.len() as i16 + 1;
                let entry = TargetEntry { junk: true, ..TargetEntry::new(m.expr.clone(), number, None) };
                add_column(plan, entry);
                found = Some((number, m.type_oid));
            }
            let Some((column, type_oid)) = found else { continue };
            let strategy = if key.descending { 5 } else { 1 };
            let operator = self.session().family_operator(key.family, type_oid, type_oid, strategy)?;
            let operator = operator.ok_or_else(|| Error::internal("missing sort operator"))?;
            columns.push(SortColumn {
                column,
                operator,
                collation: ec.collation,
                nulls_first: key.nulls_first,
            });
        }
        Ok(columns)
    }

    fn unique_inner_plan(
        &mut self,
        path: &Rc<Path>,
        child: &Rc<Path>,
        hashed: bool,
        exprs: &[Expr],
        operators: &[Oid],
    ) -> Result<Plan> {
        let mut plan = self.create_plan(child)?;
        let mut groups = Vec::new();
        let mut sorts = Vec::new();
        for (expr, operator) in exprs.iter().zip(operators) {
            let column = match plan.target_list.iter().find(|t| t.expr == *expr) {
                Some(t) => t.number,
                None => {
                    let number = plan.target_list.len() as i16 + 1;
                    add_column(&mut plan, TargetEntry::new(expr.clone(), number, None));
                    number
                }
            };
            let row = self.session().operator(*operator)?;
            let mut equality = *operator;
            let mut less = Oid(0);
            for entry in self.session().operator_families(*operator)?.iter() {
                let strategy = if entry.amopmethod == crate::clause::HASH { 1 } else { 3 };
                let same =
                    self.session().family_operator(entry.amopfamily, row.oprright, row.oprright, strategy)?;
                equality = same.unwrap_or(equality);
                if entry.amopmethod == crate::clause::BTREE {
                    less = self
                        .session()
                        .family_operator(entry.amopfamily, row.oprright, row.oprright, 1)?
                        .unwrap_or(less);
                }
            }
            let collation = ir::expr_collation(expr);
            groups.push(GroupColumn { column, equality_operator: equality, collation });
            sorts.push(SortColumn { column, operator: less, collation, nulls_first: false });
        }
        if hashed {
            let list = plan.target_list.clone();
            let node = PlanNode::Aggregate(Box::new(Aggregate {
                strategy: ir::AggStrategy::Hashed,
                split: ir::AggSplit::Simple,
                groups,
                estimated_groups: path.rows,
                presorted: Vec::new(),
                grouping_sets: Vec::new(),
                chain: Vec::new(),
            }));
            return Ok(Plan { target_list: list, left: Some(Box::new(plan)), ..new_plan(path, node) });
        }
        let costs = self.costs();
        let (startup, run) =
            crate::cost::sort_cost(costs, child.rows, child.target.width, 0.0, costs.work_memory, -1.0);
        let mut sorted = over(child, plan, PlanNode::Sort { keys: sorts });
        (sorted.startup_cost, sorted.total_cost) = (child.total + startup, child.total + startup + run);
        Ok(over(path, sorted, PlanNode::Unique { groups }))
    }

    fn group_columns(&self, clauses: &[SortGroupClause], child: &Plan) -> Result<Vec<GroupColumn>> {
        let expr_of = |clause: &SortGroupClause| {
            self.targets.iter().find(|t| t.sort_group_ref == clause.target).map(|t| &t.expr)
        };
        let mut columns = Vec::with_capacity(clauses.len());
        for (at, clause) in clauses.iter().enumerate() {
            let found =
                child.target_list.iter().find(|t| t.sort_group_ref == clause.target && clause.target > 0);
            let Some(t) = found else {
                // One value in two columns is computed once and grouped by once.
                let expr = expr_of(clause);
                if expr.is_some() && clauses[..at].iter().any(|known| expr_of(known) == expr) {
                    continue;
                }
                return Err(Error::internal("grouping column is missing in the plan's output"));
            };
            columns.push(GroupColumn {
                column: t.number,
                equality_operator: clause.equality_operator,
                collation: ir::expr_collation(&t.expr),
            });
        }
        Ok(columns)
    }

    fn upper_plan(&mut self, path: &Rc<Path>) -> Result<Plan> {
        match &path.kind {
            PathKind::Group { child, groups, having } => {
                let plan = self.create_input(child)?;
                let groups = self.group_columns(groups, &plan)?;
                Ok(Plan {
                    qual: having.clone(),
                    left: Some(Box::new(plan)),
                    ..new_plan(path, PlanNode::Group { groups })
                })
            }
            PathKind::Aggregate { child, agg } => {
                let plan = self.create_input(child)?;
                let node = PlanNode::Aggregate(Box::new(Aggregate {
                    strategy: agg.strategy,
                    split: agg.split,
                    groups: self.group_columns(&agg.groups, &plan)?,
                    estimated_groups: agg.estimated_groups,
                    presorted: agg.presorted.clone(),
                    grouping_sets: Vec::new(),
                    chain: Vec::new(),
                }));
                Ok(Plan { qual: agg.having.clone(), left: Some(Box::new(plan)), ..new_plan(path, node) })
            }
            PathKind::GroupingSets { child, strategy, rollups, having } => {
                let plan = self.create_input(child)?;
                let node = self.grouping_sets_node(&plan, *strategy, rollups)?;
                Ok(Plan { qual: having.clone(), left: Some(Box::new(plan)), ..new_plan(path, node) })
            }
            PathKind::Window { child, clause, top, run, filter } => {
                let plan = self.create_input(child)?;
                let node = PlanNode::WindowAgg(Box::new(WindowAgg {
                    name: clause.name.clone().unwrap_or_else(|| format!("w{}", clause.number)),
                    window: clause.number,
                    partition: self.group_columns(&clause.partition, &plan)?,
                    order: self.group_columns(&clause.order, &plan)?,
                    frame_options: clause.frame_options,
                    start_offset: clause.start_offset.as_deref().cloned(),
                    end_offset: clause.end_offset.as_deref().cloned(),
                    start_in_range: clause.start_in_range,
                    end_in_range: clause.end_in_range,
                    in_range_collation: clause.in_range_collation,
                    in_range_ascending: clause.in_range_ascending,
                    in_range_nulls_first: clause.in_range_nulls_first,
                    run_condition: run.clone(),
                    top: *top,
                }));
                Ok(Plan { qual: filter.clone(), left: Some(Box::new(plan)), ..new_plan(path, node) })
            }
            PathKind::Unique { child, columns } => self.unique_plan(path, child, *columns),
            PathKind::SetOp { left, right, kind, all, hashed, groups } => {
                let (l, r) = (self.create_plan(left)?, self.create_plan(right)?);
                let node = PlanNode::SetOp {
                    kind: *kind,
                    all: *all,
                    hashed: *hashed,
                    groups: self.group_columns(groups, &l)?,
                    sort_operators: groups.iter().map(|g| g.sort_operator).collect(),
                    nulls_first: groups.iter().map(|g| g.nulls_first).collect(),
                };
                Ok(Plan { left: Some(Box::new(l)), right: Some(Box::new(r)), ..new_plan(path, node) })
            }
            PathKind::Append { children } => {
                let children = children.iter().map(|c| self.create_plan(c)).collect::<Result<Vec<_>>>()?;
                let first_partial = children.len();
                let apprelids = self.append_relids(path);
                Ok(new_plan(path, PlanNode::Append { children, apprelids, first_partial }))
            }
            PathKind::MergeAppend { children } => self.merge_append_plan(path, children),
            PathKind::RecursiveUnion { left, right, groups, param } => {
                let (l, r) = (self.create_plan(left)?, self.create_plan(right)?);
                let mut columns = Vec::new();
                for (i, g) in groups.iter().enumerate() {
                    let collation = l.target_list.get(i).map_or(Oid(0), |t| ir::expr_collation(&t.expr));
                    columns.push(GroupColumn {
                        column: i as i16 + 1,
                        equality_operator: g.equality_operator,
                        collation,
                    });
                }
                let node = PlanNode::RecursiveUnion { work_table_param: *param, groups: columns };
                Ok(Plan { left: Some(Box::new(l)), right: Some(Box::new(r)), ..new_plan(path, node) })
            }
            PathKind::LockRows { child } => {
                let plan = self.create_plan(child)?;
                Ok(over(path, plan, PlanNode::LockRows { marks: self.marks_of_members() }))
            }
            PathKind::Limit { child, offset, count, with_ties } => {
                let plan = self.create_plan(child)?;
                let tie_columns = if *with_ties {
                    self.group_columns(&self.query.sort_clause.clone(), &plan)?
                } else {
                    Vec::new()
                };
                let node = PlanNode::Limit {
                    offset: offset.clone(),
                    count: count.clone(),
                    with_ties: *with_ties,
                    tie_columns,
                };
                Ok(over(path, plan, node))
            }
            PathKind::Modify { child, modify } => self.modify_plan(path, child, modify),
            _ => Err(Error::unsupported("this kind of grouping")),
        }
    }

    /// An append relation without members that have rows.
    fn base_is_empty(&self, rti: usize) -> bool {
        self.has_base(rti) && self.base(rti).is_append && self.changed_relations(rti).is_empty()
    }

    /// The relations that an append path stands for, as EXPLAIN names their columns.
    fn append_relids(&self, path: &Path) -> ir::RelSet {
        if path.rti > 0 { path.relids.clone() } else { ir::RelSet::new() }
    }

    /// Members have their columns in the same places, so the same places are sorted by in all of them.
    fn merge_append_plan(&mut self, path: &Rc<Path>, paths: &[Rc<Path>]) -> Result<Plan> {
        let mut plan = new_plan(path, PlanNode::EmptyResult);
        let known = plan.target_list.len();
        let keys = self.sort_columns(&path.keys, &mut plan)?;
        let added = plan.target_list[known..].to_vec();
        let mut children = Vec::with_capacity(paths.len());
        for child in paths {
            let mut below = self.create_plan(child)?;
            for entry in &added {
                let mut own = entry.clone();
                if path.rti > 0 && child.rti > 0 {
                    self.for_member(child.rti, path.rti, &mut own.expr)?;
                }
                own.number = below.target_list.len() as i16 + 1;
                add_column(&mut below, own);
            }
            if !crate::pathkey::contained_in(&path.keys, &child.keys) {
                let costs = self.costs();
                let (startup, run) = crate::cost::sort_cost(
                    costs,
                    child.rows,
                    child.target.width,
                    0.0,
                    costs.work_memory,
                    -1.0,
                );
                let mut sorted = over(child, below, PlanNode::Sort { keys: keys.clone() });
                (sorted.startup_cost, sorted.total_cost) =
                    (child.total + startup, child.total + startup + run);
                sorted.disabled_nodes += u32::from(!costs.enable_sort);
                sorted.parallel_aware = false;
                below = sorted;
            }
            children.push(below);
        }
        let apprelids = self.append_relids(path);
        plan.node = PlanNode::MergeAppend { children, keys, apprelids };
        Ok(plan)
    }

    /// The first pass, with those that follow chained to it.
    fn grouping_sets_node(
        &self,
        child: &Plan,
        strategy: ir::AggStrategy,
        rollups: &[Rollup],
    ) -> Result<PlanNode> {
        let mut passes = Vec::with_capacity(rollups.len());
        let mut sorted_before = !rollups[0].hashed;
        for (i, rollup) in rollups.iter().enumerate() {
            let groups = self.group_columns(&rollup.clauses, child)?;
            let mut grouping_sets = Vec::new();
            for set in &rollup.sets {
                grouping_sets.push(groups[..set.refs.len()].iter().map(|g| g.column).collect());
            }
            let strategy = match i {
                0 => strategy,
                _ if rollup.hashed => ir::AggStrategy::Hashed,
                _ if rollup.sets[0].refs.is_empty() => ir::AggStrategy::Plain,
                _ => ir::AggStrategy::Sorted,
            };
            let mut sort = None;
            if i > 0 && !rollup.hashed && std::mem::replace(&mut sorted_before, true) {
                let keys = rollup.clauses.iter().zip(&groups).map(|(clause, group)| SortColumn {
                    column: group.column,
                    operator: clause.sort_operator,
                    collation: group.collation,
                    nulls_first: clause.nulls_first,
                });
                let node = PlanNode::Sort { keys: keys.collect() };
                sort = Some(Box::new(Plan { node, ..Plan::default() }));
            }
            let aggregate = Aggregate {
                strategy,
                split: ir::AggSplit::Simple,
                groups: groups[..rollup.sets[0].refs.len()].to_vec(),
                estimated_groups: rollup.groups,
                presorted: Vec::new(),
                grouping_sets,
                chain: Vec::new(),
            };
            passes.push((aggregate, sort));
        }
        let mut passes = passes.into_iter();
        let Some((mut first, _)) = passes.next() else {
            return Err(Error::internal("no grouping sets"));
        };
        let chained = |(aggregate, left)| {
            let node = PlanNode::Aggregate(Box::new(aggregate));
            Plan { node, left, ..Plan::default() }
        };
        first.chain = passes.map(chained).collect();
        Ok(PlanNode::Aggregate(Box::new(first)))
    }

    fn unique_plan(&mut self, path: &Path, child: &Rc<Path>, columns: usize) -> Result<Plan> {
        let mut plan = self.create_plan(child)?;
        let keys = child.keys.iter().take(columns).copied().collect::<Vec<_>>();
        let mut groups = Vec::new();
        for (key, sorted) in keys.iter().zip(self.sort_columns(&keys, &mut plan)?) {
            let type_oid = self.ecs[key.ec].members[0].type_oid;
            let equality = self.session().family_operator(key.family, type_oid, type_oid, 3)?;
            let equality_operator = equality.ok_or_else(|| Error::internal("missing equality operator"))?;
            groups.push(GroupColumn {
                column: sorted.column,
                equality_operator,
                collation: sorted.collation,
            });
        }
        Ok(over(path, plan, PlanNode::Unique { groups }))
    }

    fn modify_plan(
        &mut self,
        path: &Path,
        child: &Rc<Path>,
        modify: &crate::types::ModifyPath,
    ) -> Result<Plan> {
        let mut plan = self.create_plan(child)?;
        for (entry, t) in plan.target_list.iter_mut().zip(&self.targets) {
            entry.name.clone_from(&t.name);
            entry.junk = t.junk;
        }
        // Without relations to change there is nothing that could say which row is meant.
        if self.base_is_empty(modify.relation) {
            for entry in plan.target_list.iter_mut().filter(|t| t.junk) {
                if let Expr::Var(v) = &entry.expr
                    && var_rti(v) == Some(modify.relation)
                {
                    entry.expr = crate::clause::null_const(self.session(), v.type_oid, -1, Oid(0))?;
                }
            }
        }
        let relation = modify.relation;
        let is_tid = |t: &&TargetEntry| matches!(&t.expr, Expr::Var(v) if v.attribute == -1 && var_rti(v) == Some(relation));
        let tid_column = self.targets.iter().find(|t| t.junk && is_tid(t)).map_or(0, |t| t.number);
        let is_tableoid = |t: &&TargetEntry| matches!(&t.expr, Expr::Var(v) if v.attribute == -6 && var_rti(v) == Some(relation));
        let tableoid_column = self.targets.iter().find(|t| t.junk && is_tableoid(t)).map_or(0, |t| t.number);
        let returning = modify.returning.clone();
        let target_list = returning.first().cloned().unwrap_or_default();
        let node = PlanNode::ModifyTable(Box::new(ModifyTable {
            operation: modify.operation,
            can_set_tag: modify.can_set_tag,
            nominal_relation: relation,
            result_relations: modify.relations.clone(),
            update_columns: modify.update_columns.clone(),
            tid_column,
            tableoid_column,
            returning,
            check_options: modify.check_options.clone(),
            on_conflict: modify.on_conflict.clone(),
            arbiter_indexes: modify.arbiters.clone(),
            row_marks: modify.row_marks.clone(),
            merge_actions: modify.merge_actions.clone(),
            merge_join_conditions: modify.merge_join_conditions.clone(),
            recheck_param: modify.recheck_param,
        }));
        Ok(Plan { target_list, left: Some(Box::new(plan)), ..new_plan(path, node) })
    }
}

/// Adds an output column: to the node itself, or to a projection put over it.
fn add_column(plan: &mut Plan, entry: TargetEntry) {
    let passes_on = matches!(
        plan.node,
        PlanNode::Sort { .. }
            | PlanNode::Materialize
            | PlanNode::Memoize { .. }
            | PlanNode::Unique { .. }
            | PlanNode::Limit { .. }
            | PlanNode::LockRows { .. }
            | PlanNode::Append { .. }
            | PlanNode::MergeAppend { .. }
            | PlanNode::SetOp { .. }
            | PlanNode::RecursiveUnion { .. }
            | PlanNode::ProjectSet
            | PlanNode::IncrementalSort { .. }
    );
    if passes_on {
        let child = std::mem::take(plan);
        *plan = Plan {
            startup_cost: child.startup_cost,
            total_cost: child.total_cost,
            rows: child.rows,
            width: child.width,
            disabled_nodes: child.disabled_nodes,
            parallel_safe: child.parallel_safe,
            target_list: child.target_list.clone(),
            node: PlanNode::Result { constant_qual: Vec::new() },
            left: Some(Box::new(child)),
            ..Plan::default()
        };
    }
    plan.target_list.push(entry);
}
