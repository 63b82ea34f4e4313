//! What comes after the join: grouping, window functions, DISTINCT, set-returning functions, ORDER BY, LIMIT, and the
//! change of a table.

use crate::clause::{contains_window_function, is_set_returning, leaves, returns_set};
use crate::cost::clamp_rows;
use crate::parallel::limit_needed;
use crate::pathkey::contained_in;
use crate::types::{Parallel, Path, PathKind, Root, Target};
use base::{Error, Result};
use datum::OwnedDatum;
use ir::{Expr, Plan, PlanNode, SortGroupClause};
use std::rc::Rc;

/// Nodes that can run backward.
pub(crate) fn supports_backward_scan(plan: &Plan) -> bool {
    match &plan.node {
        PlanNode::Result { .. } | PlanNode::EmptyResult => {
            plan.left.as_ref().is_some_and(|c| supports_backward_scan(c))
        }
        PlanNode::SeqScan { .. }
        | PlanNode::TidScan { .. }
        | PlanNode::TidRangeScan { .. }
        | PlanNode::FunctionScan { .. }
        | PlanNode::ValuesScan { .. }
        | PlanNode::CteScan { .. }
        | PlanNode::IndexScan { .. }
        | PlanNode::IndexOnlyScan { .. }
        | PlanNode::Materialize
        | PlanNode::Sort { .. } => true,
        PlanNode::SubqueryScan { child, .. } => supports_backward_scan(child),
        PlanNode::LockRows { .. } | PlanNode::Limit { .. } => {
            plan.left.as_ref().is_some_and(|c| supports_backward_scan(c))
        }
        PlanNode::Append { children, .. } => children.iter().all(supports_backward_scan),
        _ => false,
    }
}

/// Nodes that keep their rows, so that reading them again is cheap.
pub(crate) fn materializes_output(plan: &Plan) -> bool {
    matches!(
        plan.node,
        PlanNode::Materialize
            | PlanNode::FunctionScan { .. }
            | PlanNode::CteScan { .. }
            | PlanNode::NamedTuplestoreScan { .. }
            | PlanNode::WorkTableScan { .. }
            | PlanNode::Sort { .. }
    )
}

/// Puts a node over a finished plan that keeps its rows.
pub(crate) fn materialize(root: &Root<'_>, mut child: Plan) -> Plan {
    let (startup, total) = crate::cost::material_cost(
        root.costs(),
        child.startup_cost,
        child.total_cost,
        child.rows,
        child.width as i32,
    );
    Plan {
        startup_cost: startup,
        total_cost: total,
        rows: child.rows,
        width: child.width,
        disabled_nodes: child.disabled_nodes,
        parallel_safe: child.parallel_safe,
        target_list: child.target_list.clone(),
        init_plans: std::mem::take(&mut child.init_plans),
        left: Some(Box::new(child)),
        node: PlanNode::Materialize,
        ..Plan::default()
    }
}

/// The paths of a step above the join.
pub(crate) struct Stage {
    pub paths: Vec<Rc<Path>>,
    /// Those of which each participant of a parallel plan yields a part.
    pub partial: Vec<Rc<Path>>,
}

impl Stage {
    fn whole(paths: Vec<Rc<Path>>) -> Stage {
        Stage { paths, partial: Vec::new() }
    }
}

impl<'a> Root<'a> {
    /// The final path that is best for fetching this part of the rows (0: all; above 1: that many rows).
    pub fn cheapest_final(&self, fraction: f64) -> Rc<Path> {
        let by_total =
            |a: &&Rc<Path>, b: &&Rc<Path>| a.disabled.cmp(&b.disabled).then(a.total.total_cmp(&b.total));
        let cheapest = self.final_paths.iter().min_by(by_total).expect("a planned query has a path");
        if fraction <= 0.0 {
            return cheapest.clone();
        }
        let part = if fraction >= 1.0 && cheapest.rows > 0.0 { fraction / cheapest.rows } else { fraction };
        let cost = |p: &Path| if part >= 1.0 { p.total } else { p.startup + part * (p.total - p.startup) };
        let by_part =
            |a: &&Rc<Path>, b: &&Rc<Path>| a.disabled.cmp(&b.disabled).then(cost(a).total_cmp(&cost(b)));
        self.final_paths.iter().min_by(by_part).expect("a planned query has a path").clone()
    }

    pub fn plan_grouping(&mut self) -> Result<()> {
        let fraction = self.tuple_fraction;
        let (offset, count) = self.limit_estimates(fraction)?;
        let mut stage = if self.query.set_operations.is_some() {
            Stage::whole(self.plan_set_operations()?)
        } else {
            self.plan_plain()?
        };
        if !self.query.sort_clause.is_empty() {
            stage = self.ordered(stage)?;
        }
        let Stage { mut paths, partial } = self.finish_sorted(stage)?;
        if !self.query.row_marks.is_empty() {
            self.upper_parallel = false;
            paths = paths.iter().map(|p| self.lock_rows(p)).collect();
        }
        let limited = limit_needed(&self.query);
        if limited {
            let limits = self.query.limit_offset.iter().chain(&self.query.limit_count).map(|e| &**e);
            self.upper_parallel &= self.parallel_safe(limits)?;
            paths = paths.iter().map(|p| self.limit(p, offset, count)).collect();
        }
        if self.query.command != ir::CommandType::Select {
            self.upper_parallel = false;
            paths = paths.iter().map(|p| self.modify_path(p)).collect::<Result<_>>()?;
        }
        let mut partial =
            if self.level > 0 && self.upper_parallel && !limited { partial } else { Vec::new() };
        self.charge_init_plans(&mut paths, &mut partial);
        self.final_partial_paths = partial;
        let mut kept = Vec::new();
        for path in paths {
            crate::join_search::add_path(&mut kept, path, fraction > 0.0, false);
        }
        self.final_paths = kept;
        if self.final_paths.is_empty() {
            return Err(Error::internal("could not devise a query plan for the given query"));
        }
        Ok(())
    }

    fn charge_init_plans(&mut self, paths: &mut [Rc<Path>], partial: &mut Vec<Rc<Path>>) {
        if self.init_plans.is_empty() {
            return;
        }
        let (mut cost, mut safe) = (0.0, true);
        for plan in &self.init_plans {
            if let Expr::SubPlan(p) = plan {
                cost += p.startup_cost + p.per_call_cost;
                safe &= self.subplan_safe(p.plan);
            }
        }
        self.init_plan_cost = cost;
        if !safe {
            partial.clear();
        }
        for path in paths.iter_mut().chain(partial) {
            let mut copy = clone_path(path);
            copy.startup += cost;
            copy.total += cost;
            copy.parallel.safe &= safe;
            *path = Rc::new(copy);
        }
    }

    /// OFFSET and LIMIT as far as they are known, -1 if not, and what they say of the part of the rows wanted.
    fn limit_estimates(&mut self, fraction: f64) -> Result<(f64, f64)> {
        let guess = |root: &Root<'a>, e: &Option<Box<Expr>>, offset: bool| -> f64 {
            let Some(e) = e else { return 0.0 };
            match root.estimate(e) {
                Expr::Const(c) => match c.value {
                    Some(OwnedDatum::Int8(n)) if offset => n.max(0) as f64,
                    Some(OwnedDatum::Int8(n)) => n.max(1) as f64,
                    _ => 0.0,
                },
                _ => -1.0,
            }
        };
        let count = guess(self, &self.query.limit_count, false);
        let offset = guess(self, &self.query.limit_offset, true);
        let mut wanted = fraction;
        if count != 0.0 {
            let limit = if count < 0.0 || offset < 0.0 { 0.1 } else { count + offset };
            wanted = match (fraction, limit) {
                (f, l) if f >= 1.0 && l >= 1.0 => f.min(l),
                (f, l) if f > 0.0 && l < 1.0 && f < 1.0 => f.min(l),
                (f, l) if f > 0.0 && f < 1.0 && l >= 1.0 => l,
                (f, _) if f >= 1.0 => f,
                (_, l) => l,
            };
        }
        self.limit_tuples = if count > 0.0 && offset >= 0.0 { count + offset } else { -1.0 };
        self.tuple_fraction = wanted;
        Ok((offset, count))
    }

    /// Orders that later steps ask for, now that the equivalence classes stand.
    pub fn prepare_query_keys(&mut self) -> Result<()> {
        let targets = self.targets.clone();
        let (group, distinct, sort) = (
            self.query.group_clause.clone(),
            self.query.distinct_clause.clone(),
            self.query.sort_clause.clone(),
        );
        self.group_keys = match self.grouping_sets.is_some() {
            true => {
                let mut below = targets.clone();
                below.iter_mut().for_each(|t| crate::grouping_sets::without_placeholder(&mut t.expr));
                self.keys_for(&self.first_rollup_clauses(), &below)?.0
            }
            false => self.keys_for(&group, &targets)?.0,
        };
        self.group_by_keys = self.group_keys.len();
        if self.grouping_sets.is_none() && self.query.has_aggregates {
            self.presort_aggregates()?;
        }
        self.sort_keys = self.keys_for(&sort, &targets)?.0;
        let mut distinct = distinct;
        if !self.query.has_distinct_on && distinct.iter().all(|d| d.sort_operator.is_valid()) {
            // In the order of ORDER BY as far as it goes.
            let position =
                |d: &SortGroupClause| sort.iter().position(|s| s.target == d.target).unwrap_or(usize::MAX);
            distinct.sort_by_key(position);
        }
        self.distinct_keys = self.keys_for(&distinct, &targets)?.0;
        self.window_keys = match self.first_window() {
            Some(w) => {
                let clauses: Vec<_> = w.partition.iter().chain(&w.order).cloned().collect();
                self.keys_for(&clauses, &targets)?.0
            }
            _ => Vec::new(),
        };
        self.set_keys = self.keys_for_set_operation()?;
        self.query_keys = if !self.group_keys.is_empty() {
            self.group_keys.clone()
        } else if !self.window_keys.is_empty() {
            self.window_keys.clone()
        } else if self.distinct_keys.len() > self.sort_keys.len() {
            self.distinct_keys.clone()
        } else if !self.sort_keys.is_empty() {
            self.sort_keys.clone()
        } else {
            self.set_keys.clone()
        };
        Ok(())
    }

    fn plan_plain(&mut self) -> Result<Stage> {
        self.prepare_targets()?;
        self.simplify_windows()?;
        self.number_aggregates()?;
        self.prepare_grouping_sets()?;
        self.plan_min_max()?;
        let grouped = !self.query.group_clause.is_empty()
            || self.query.has_aggregates
            || self.has_having_qual
            || !self.query.grouping_sets.is_empty();
        // Window functions that nobody asks for have been taken away.
        let windows = self.first_window().is_some();
        let final_list: Vec<(Expr, usize)> =
            self.targets.iter().map(|t| (t.expr.clone(), t.sort_group_ref)).collect();
        let final_list = self.sort_input(final_list)?;
        // Sets that rows are grouped by are expanded before, and are columns like others then.
        let is_group = |r: usize| r > 0 && self.query.group_clause.iter().any(|g| g.target == r);
        let grouped_sets: Vec<Expr> =
            final_list.iter().filter(|(e, r)| is_group(*r) && returns_set(e)).map(|e| e.0.clone()).collect();
        let expands = |e: &Expr| returns_set(e) && !grouped_sets.contains(e);
        let has_srf = final_list.iter().any(|(e, _)| expands(e));
        // Before set-returning functions are expanded, and before windows: what they are computed from.
        // What is grouped by stays whole, the others are computed anew for each row that comes out.
        let in_window = |r: usize| {
            r > 0
                && windows
                && self
                    .query
                    .windows
                    .iter()
                    .any(|w| w.partition.iter().chain(&w.order).any(|c| c.target == r))
        };
        let loose = |list: &[(Expr, usize)], e: &Expr| {
            !list.iter().any(|(l, r)| l == e && (is_group(*r) || in_window(*r)))
        };
        let before_srf = match has_srf {
            true => self.inputs(&final_list, &|e| expands(e) || loose(&final_list, e), true, false),
            false => final_list.clone(),
        };
        let before_window = if windows {
            self.inputs(&before_srf, &|e| contains_window_function(e), true, true)
        } else {
            before_srf.clone()
        };
        let having: Vec<(Expr, usize)> = self.having.iter().map(|e| (e.clone(), 0)).collect();
        let scan_list = if grouped {
            let all: Vec<(Expr, usize)> = before_window.iter().chain(&having).cloned().collect();
            self.group_inputs(&all)
        } else {
            before_window.clone()
        };
        let needed: Vec<Expr> = scan_list.iter().map(|e| e.0.clone()).collect();
        let all = self.plan_joins(&needed)?;
        let scan_sets = match grouped_sets.is_empty() {
            true => None,
            false => Some(self.target_of_exprs(scan_list.clone())?),
        };
        let scan_list = match &scan_sets {
            Some(_) => self.inputs(&scan_list, &|_| true, true, false),
            None => scan_list,
        };
        let target = Rc::new(self.target_of_exprs(scan_list)?);
        let rel = self.find_rel(&all).ok_or_else(|| Error::internal("the join has not been built"))?;
        let mut joined: Vec<Rc<Path>> = rel.paths.iter().filter(|p| p.param.is_none()).cloned().collect();
        let (mut partial, rows) = (rel.partial_paths.clone(), rel.rows);
        self.upper_parallel = rel.consider_parallel && self.parallel_safe(&target.exprs)?;
        if !self.upper_parallel {
            // The last occasion to gather what workers can do.
            for path in self.gather_paths(&partial, Some(rows))? {
                self.keep(&mut joined, path);
            }
            partial.clear();
        }
        let srf_target = has_srf.then(|| self.target_of_exprs(final_list)).transpose()?;
        let finish = |root: &Root<'a>, path: &Rc<Path>| -> Result<Rc<Path>> {
            let path = root.project(path, &target);
            match (&scan_sets, &srf_target) {
                (Some(target), _) => root.expand_sets(&path, target),
                (None, Some(target)) if !grouped && !windows => root.expand_sets(&path, target),
                _ => Ok(path),
            }
        };
        let mut stage = Stage {
            paths: joined.iter().map(|p| finish(self, p)).collect::<Result<_>>()?,
            partial: partial.iter().map(|p| finish(self, p)).collect::<Result<_>>()?,
        };
        for path in self.gather_paths(&stage.partial, Some(rows))? {
            self.keep(&mut stage.paths, path);
        }
        if grouped {
            let target = Rc::new(self.target_of_exprs(before_window)?);
            stage = Stage::whole(self.group(stage, &target)?);
        }
        if windows {
            let target = Rc::new(self.target_of_exprs(before_srf)?);
            self.upper_parallel &= self.parallel_safe(&target.exprs)?;
            stage = Stage::whole(self.windows(stage.paths, &target)?);
        }
        if let Some(target) = &srf_target
            && (grouped || windows)
        {
            stage.paths = stage.paths.iter().map(|p| self.expand_sets(p, target)).collect::<Result<_>>()?;
        }
        if !self.query.distinct_clause.is_empty() {
            stage = Stage::whole(self.distinct(stage)?);
        }
        Ok(stage)
    }

    /// What is sorted, where some output columns are better computed afterwards: sets, which multiply the rows; volatile
    /// functions, which LIMIT would otherwise have called for rows that it drops; with LIMIT, expensive ones.
    fn sort_input(&mut self, list: Vec<(Expr, usize)>) -> Result<Vec<(Expr, usize)>> {
        if self.query.sort_clause.is_empty() {
            return Ok(list);
        }
        let mut sets_wait = list.iter().any(|(e, r)| *r == 0 && returns_set(e));
        sets_wait &= !list.iter().any(|(e, r)| *r > 0 && returns_set(e));
        let limited = self.query.limit_count.is_some() || self.tuple_fraction > 0.0;
        let most = 10.0 * self.costs().cpu_operator;
        let mut waiting: Vec<Expr> = Vec::new();
        let mut reason = false;
        for (expr, sort_ref) in list.iter().filter(|(_, r)| *r == 0) {
            debug_assert_eq!(*sort_ref, 0);
            if returns_set(expr) {
                if sets_wait {
                    waiting.push(expr.clone());
                    reason = true;
                }
            } else if crate::clause::contains_volatile(self.session(), expr)? {
                waiting.push(expr.clone());
                reason = true;
            } else if self.exprs_cost([expr])?.per_tuple > most {
                waiting.push(expr.clone());
                reason |= limited;
            }
        }
        if !reason {
            return Ok(list);
        }
        let input = self.inputs(&list, &|e| waiting.contains(e), true, false);
        self.after_sort = Some(list);
        Ok(input)
    }

    /// Computes the columns that have waited until the rows were sorted.
    fn finish_sorted(&mut self, stage: Stage) -> Result<Stage> {
        let Some(list) = self.after_sort.take() else { return Ok(stage) };
        let sets = list.iter().any(|(e, _)| returns_set(e));
        let target = Rc::new(self.target_of_exprs(list)?);
        self.upper_parallel &= self.parallel_safe(&target.exprs)?;
        let finish = |path: &Rc<Path>| -> Result<Rc<Path>> {
            let already = path.target.exprs.iter().filter(|e| returns_set(e)).count();
            match sets && already < target.exprs.iter().filter(|e| returns_set(e)).count() {
                true => self.expand_sets(path, &target),
                false => Ok(self.project(path, &target)),
            }
        };
        Ok(Stage {
            paths: stage.paths.iter().map(finish).collect::<Result<_>>()?,
            partial: stage.partial.iter().map(finish).collect::<Result<_>>()?,
        })
    }

    /// Columns to compute below a step: expressions that the step does not change stay whole if they are sorted or
    /// grouped by; of the others (`changed`) only what they are computed from.
    fn inputs(
        &self,
        list: &[(Expr, usize)],
        changed: &dyn Fn(&Expr) -> bool,
        keep_plain: bool,
        into_windows: bool,
    ) -> Vec<(Expr, usize)> {
        let mut out: Vec<(Expr, usize)> = Vec::new();
        for (expr, sort_ref) in list {
            if !changed(expr)
                && (keep_plain || *sort_ref > 0)
                && !out.iter().any(|(e, r)| e == expr && r == sort_ref)
            {
                out.push((expr.clone(), *sort_ref));
            }
        }
        for (expr, _) in list.iter().filter(|(e, _)| changed(e)) {
            let mut parts = Vec::new();
            leaves(expr, false, into_windows, &mut parts);
            for part in parts {
                if !out.iter().any(|(e, _)| *e == part) {
                    out.push((part, 0));
                }
            }
        }
        out
    }

    /// Columns that grouping reads: what is grouped by, and the columns in everything else.
    fn group_inputs(&self, list: &[(Expr, usize)]) -> Vec<(Expr, usize)> {
        let is_group = |r: usize| r > 0 && self.query.group_clause.iter().any(|g| g.target == r);
        let mut out: Vec<(Expr, usize)> = Vec::new();
        for (expr, sort_ref) in list {
            if is_group(*sort_ref) && !out.iter().any(|(e, r)| e == expr && r == sort_ref) {
                let mut own = expr.clone();
                crate::grouping_sets::without_placeholder(&mut own);
                out.push((own, *sort_ref));
            }
        }
        for (expr, sort_ref) in list {
            if is_group(*sort_ref) {
                continue;
            }
            let mut parts = Vec::new();
            leaves(expr, true, true, &mut parts);
            for part in parts {
                if !out.iter().any(|(e, _)| *e == part) {
                    out.push((part, 0));
                }
            }
        }
        out
    }

    /// The path with these output columns, computed by the node itself or by a projection on top.
    pub fn project(&self, path: &Rc<Path>, target: &Rc<Target>) -> Rc<Path> {
        let costs = self.costs();
        let old = path.target.cost;
        let new = target.cost;
        let safe = path.parallel.safe && self.upper_parallel;
        let parallel = Parallel { aware: false, safe, ..path.parallel };
        if let Some(pushed) = self.project_members(path, target) {
            return pushed;
        }
        if can_project(&path.kind) {
            let mut copy = clone_path(path);
            copy.target = target.clone();
            copy.parallel.safe = parallel.safe;
            copy.startup += new.startup - old.startup;
            copy.total += new.startup - old.startup + (new.per_tuple - old.per_tuple) * path.rows;
            return Rc::new(copy);
        }
        let dummy = target.exprs == path.target.exprs;
        let per_row = if dummy { 0.0 } else { costs.cpu_tuple + new.per_tuple };
        Rc::new(Path {
            kind: PathKind::Projection { child: path.clone(), dummy },
            relids: path.relids.clone(),
            rti: 0,
            target: target.clone(),
            rows: path.rows,
            startup: path.startup + new.startup,
            total: path.total + new.startup + per_row * path.rows,
            disabled: path.disabled,
            keys: path.keys.clone(),
            param: path.param.clone(),
            parallel,
        })
    }

    /// Partitions compute the columns themselves.
    fn project_members(&self, path: &Rc<Path>, target: &Rc<Target>) -> Option<Rc<Path>> {
        let (PathKind::Append { children } | PathKind::MergeAppend { children }) = &path.kind else {
            return None;
        };
        let partitioned = path.rti > 0
            && path.target.exprs != target.exprs
            && matches!(self.rte(path.rti).kind, ir::RangeTableKind::Relation { relkind: b'p', .. });
        if !partitioned || target.exprs.iter().any(returns_set) {
            return None;
        }
        let mut own = Vec::with_capacity(children.len());
        for child in children {
            if child.rti == 0 || !can_project(&child.kind) {
                return None;
            }
            let mut list = (**target).clone();
            for expr in &mut list.exprs {
                self.for_member(child.rti, path.rti, expr).ok()?;
            }
            own.push(self.project(child, &Rc::new(list)));
        }
        let mut copy = clone_path(path);
        let added: f64 = own.iter().zip(children).map(|(new, old)| new.total - old.total).sum();
        copy.total += added;
        copy.startup += own.first().zip(children.first()).map_or(0.0, |(n, o)| n.startup - o.startup);
        copy.kind = match &path.kind {
            PathKind::Append { .. } => PathKind::Append { children: own },
            _ => PathKind::MergeAppend { children: own },
        };
        copy.target = target.clone();
        copy.parallel.safe &= self.upper_parallel;
        Some(Rc::new(copy))
    }

    /// A step over a path.
    pub fn step(
        &self,
        kind: PathKind,
        child: &Path,
        target: &Rc<Target>,
        rows: f64,
        cost: (f64, f64),
    ) -> Path {
        Path {
            kind,
            relids: child.relids.clone(),
            rti: 0,
            target: target.clone(),
            rows,
            startup: cost.0,
            total: cost.1,
            disabled: child.disabled,
            keys: child.keys.clone(),
            param: None,
            parallel: Parallel {
                aware: false,
                safe: child.parallel.safe && self.upper_parallel,
                workers: child.parallel.workers,
            },
        }
    }

    /// Adds a path of a step above the join.
    pub fn keep(&self, paths: &mut Vec<Rc<Path>>, path: Rc<Path>) {
        crate::join_search::add_path(paths, path, self.tuple_fraction > 0.0, false);
    }

    /// Resolves the transition types of aggregates; equal ones share a number.
    fn number_aggregates(&mut self) -> Result<()> {
        if !self.query.has_aggregates {
            return Ok(());
        }
        let mut known: Vec<Expr> = Vec::new();
        let session = self.session();
        let mut number = |e: &mut Expr, _: u32| -> Result<bool> {
            let Expr::Aggref(agg) = e else { return Ok(false) };
            if agg.levels_up > 0 {
                return Ok(true);
            }
            let transition = session.aggregate(agg.function)?.aggtranstype;
            agg.transition_type = match transition.0 {
                // Polymorphic states are of the first argument's type, or arrays of it.
                2283 | 2277 | 2276 | 5077 => agg.argument_types.first().copied().unwrap_or(transition),
                _ => transition,
            };
            let mut plain = agg.clone();
            (plain.number, plain.transition_number) = (0, 0);
            let plain = Expr::Aggref(plain);
            let at = match known.iter().position(|k| *k == plain) {
                Some(at) => at,
                None => {
                    known.push(plain);
                    known.len() - 1
                }
            };
            (agg.number, agg.transition_number) = (at, at);
            Ok(true)
        };
        for target in &mut self.targets {
            crate::clause::deep(&mut target.expr, 0, &mut number)?;
        }
        for clause in &mut self.having {
            crate::clause::deep(clause, 0, &mut number)?;
        }
        Ok(())
    }

    /// Set-returning functions in the target list: a node that expands them, then one that computes what uses them.
    fn expand_sets(&self, path: &Rc<Path>, target: &Target) -> Result<Rc<Path>> {
        let depth = target.exprs.iter().map(set_depth).max().unwrap_or(0);
        let path = &match depth > 1 {
            true => self.expand_inner_sets(path, target, depth)?,
            false => path.clone(),
        };
        let known = &path.target.exprs;
        let opens = |e: &Expr| is_set_returning(e) && (depth < 2 || !known.contains(e));
        let is_open = |e: &Expr| (depth < 2 || !known.contains(e)) && set_depth(e) == depth;
        let direct = target.exprs.iter().all(|e| !is_open(e) || is_set_returning(e));
        let mut rows = 1.0f64;
        let mut list: Vec<(Expr, usize)> = Vec::new();
        for (expr, sort_ref) in target.exprs.iter().zip(&target.refs) {
            let mut sets = Vec::new();
            ir::any(expr, &mut |e| {
                if opens(e) {
                    sets.push(e.clone());
                }
                false
            });
            for set in &sets {
                rows = rows.max(self.set_rows(set)?);
            }
            if direct || sets.is_empty() {
                list.push((expr.clone(), *sort_ref));
                continue;
            }
            list.extend(sets.into_iter().map(|s| (s, 0)));
            let mut parts = Vec::new();
            leaves(expr, false, false, &mut parts);
            list.extend(parts.into_iter().map(|p| (p, 0)));
        }
        let own = Rc::new(self.target_of_exprs(list)?);
        let costs = self.costs();
        let out = path.rows * rows;
        let startup = path.startup + own.cost.startup;
        let total = path.total
            + own.cost.startup
            + (costs.cpu_tuple + own.cost.per_tuple) * path.rows
            + (out - path.rows) * costs.cpu_tuple / 2.0;
        let expanded = Rc::new(self.step(
            PathKind::ProjectSet { child: path.clone() },
            path,
            &own,
            out,
            (startup, total),
        ));
        if direct { Ok(expanded) } else { Ok(self.project(&expanded, &Rc::new(target.clone()))) }
    }

    /// Expands the sets that others take as arguments, and what else goes less deep than the deepest.
    fn expand_inner_sets(&self, path: &Rc<Path>, target: &Target, depth: usize) -> Result<Rc<Path>> {
        let mut list: Vec<(Expr, usize)> = Vec::new();
        let mut add = |e: &Expr| {
            if !list.iter().any(|(l, _)| l == e) {
                list.push((e.clone(), 0));
            }
        };
        for expr in &target.exprs {
            inner_sets(expr, depth, &mut add);
        }
        let inner = self.target_of_exprs(list)?;
        self.expand_sets(path, &inner)
    }

    fn ordered(&mut self, stage: Stage) -> Result<Stage> {
        let keys = &self.sort_keys;
        // Sets that are expanded later make more rows of one.
        let waiting = self.after_sort.iter().flatten().any(|(e, _)| returns_set(e))
            && !stage.paths.iter().any(|p| p.target.exprs.iter().any(returns_set));
        let limit = if waiting { -1.0 } else { self.limit_tuples };
        let cheapest = cheapest(&stage.paths)?;
        let mut paths = Vec::new();
        for path in &stage.paths {
            if let Some(sorted) = self.sort_for(path, &cheapest, keys, limit)? {
                self.keep(&mut paths, sorted);
            }
        }
        // Sorting below Gather Merge, by no more keys than are asked for and as few rows as are wanted.
        if let Some(cheapest) = stage.partial.first()
            && !keys.is_empty()
        {
            for path in stage.partial.iter().filter(|p| !contained_in(keys, &p.keys)) {
                if let Some(sorted) = self.sort_for(path, cheapest, keys, limit)? {
                    let rows = self.gathered_rows(&sorted);
                    let merged = self.gather_merge_path(&sorted, rows);
                    self.keep(&mut paths, merged);
                }
            }
        }
        Ok(Stage::whole(paths))
    }

    fn lock_rows(&self, path: &Rc<Path>) -> Rc<Path> {
        let kind = PathKind::LockRows { child: path.clone() };
        let total = path.total + self.costs().cpu_tuple * path.rows;
        let mut step = self.step(kind, path, &path.target.clone(), path.rows, (path.startup, total));
        // Locking may wait, and find that rows have changed: the order cannot be relied on.
        step.keys.clear();
        Rc::new(step)
    }

    fn limit(&self, path: &Rc<Path>, offset: f64, count: f64) -> Rc<Path> {
        let (mut startup, mut total, mut rows) = (path.startup, path.total, path.rows);
        let (input_rows, run) = (path.rows, path.total - path.startup);
        if offset != 0.0 {
            let skipped = if offset > 0.0 { offset.min(input_rows) } else { clamp_rows(input_rows * 0.1) };
            if input_rows > 0.0 {
                startup += run * skipped / input_rows;
            }
            rows = (rows - skipped).max(1.0);
        }
        if count != 0.0 {
            let wanted = if count > 0.0 { count } else { clamp_rows(input_rows * 0.1) };
            let wanted = wanted.min(rows);
            if input_rows > 0.0 {
                total = startup + run * wanted / input_rows;
            }
            rows = wanted.max(1.0);
        }
        let kind = PathKind::Limit {
            child: path.clone(),
            offset: self.query.limit_offset.as_deref().cloned(),
            count: self.query.limit_count.as_deref().cloned(),
            with_ties: self.query.limit_with_ties,
        };
        Rc::new(self.step(kind, path, &path.target.clone(), rows, (startup, total)))
    }
}

pub(crate) fn cheapest(paths: &[Rc<Path>]) -> Result<Rc<Path>> {
    paths
        .iter()
        .min_by(|a, b| a.disabled.cmp(&b.disabled).then(a.total.total_cmp(&b.total)))
        .cloned()
        .ok_or_else(|| Error::internal("could not devise a query plan for the given query"))
}

/// Nodes that compute their output columns themselves.
pub(crate) fn can_project(kind: &PathKind) -> bool {
    !matches!(
        kind,
        PathKind::Sort { .. }
            | PathKind::IncrementalSort { .. }
            | PathKind::Material { .. }
            | PathKind::Memoize { .. }
            | PathKind::Unique { .. }
            | PathKind::SetOp { .. }
            | PathKind::LockRows { .. }
            | PathKind::Limit { .. }
            | PathKind::Modify { .. }
            | PathKind::Append { .. }
            | PathKind::MergeAppend { .. }
            | PathKind::RecursiveUnion { .. }
            | PathKind::ProjectSet { .. }
            | PathKind::UniqueInner { .. }
    )
}

/// A copy of a path's node; what it stands on is shared.
pub(crate) fn clone_path(path: &Path) -> Path {
    Path {
        kind: path.kind.clone(),
        relids: path.relids.clone(),
        rti: path.rti,
        target: path.target.clone(),
        rows: path.rows,
        startup: path.startup,
        total: path.total,
        disabled: path.disabled,
        keys: path.keys.clone(),
        param: path.param.clone(),
        parallel: path.parallel,
    }
}

/// How many set-returning functions of the expression are arguments of one another, at most.
fn set_depth(expr: &Expr) -> usize {
    let mut deepest = 0;
    ir::for_each_child(expr, &mut |child| deepest = deepest.max(set_depth(child)));
    deepest + usize::from(is_set_returning(expr))
}

/// The outermost set-returning functions of less than this depth, and the columns read outside them.
fn inner_sets(expr: &Expr, depth: usize, add: &mut dyn FnMut(&Expr)) {
    if is_set_returning(expr) && set_depth(expr) < depth {
        return add(expr);
    }
    match expr {
        Expr::Var(v) if v.levels_up == 0 => add(expr),
        Expr::Aggref(_) | Expr::Grouping { .. } | Expr::PlaceHolder(_) | Expr::WindowFunc(_) => add(expr),
        _ => ir::for_each_child(expr, &mut |child| inner_sets(child, depth, add)),
    }
}
