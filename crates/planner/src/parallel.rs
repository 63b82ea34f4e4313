//! Parallel plans: which expressions may be computed by workers, how many workers a scan is worth, and the nodes that
//! gather what they find.
//!
//! A *partial* path is one that every participant of a parallel plan runs, each finding a part of the rows; its rows
//! and costs are those of one participant. Whatever is put over it remains partial until Gather or Gather Merge.

use crate::clause::{called, returns_set};
use crate::cost::{Costs, clamp_rows};
use crate::pathkey::{common_prefix, contained_in};
use crate::types::{Global, Parallel, Path, PathKey, PathKind, PlanOptions, Rel, Root};
use base::{Oid, Result};
use catalog::Session;
use ir::{CommandType, Expr, ParamKind, Plan, PlanNode, Query, RangeTableKind, RelSet};
use std::rc::Rc;

/// Where an expression may be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hazard {
    Safe,
    /// By the leader of a parallel plan only.
    Restricted,
    /// Not while a parallel plan runs.
    Unsafe,
}

/// What an expression's own node demands, those below it apart.
fn node_hazard(session: &Session, expr: &Expr) -> Result<Hazard> {
    let mut worst = match expr {
        Expr::NextValue { .. } => Hazard::Unsafe,
        // The order of the rows that a window function reads may differ between participants.
        Expr::CoerceToDomain { .. } | Expr::WindowFunc(_) | Expr::SubLink(_) => Hazard::Restricted,
        Expr::Param(p) if p.kind != ParamKind::External => Hazard::Restricted,
        _ => Hazard::Safe,
    };
    called(session, expr, &mut |function| {
        worst = worst.max(match session.function(function)?.proparallel as u8 {
            b's' => Hazard::Safe,
            b'r' => Hazard::Restricted,
            _ => Hazard::Unsafe,
        });
        Ok(())
    })?;
    Ok(worst)
}

fn expr_hazard(session: &Session, expr: &Expr, worst: &mut Hazard) -> Result<()> {
    *worst = node_hazard(session, expr)?.max(*worst);
    if let Expr::SubLink(link) = expr {
        query_hazard(session, &link.query, worst)?;
    }
    let mut result = Ok(());
    ir::for_each_child(expr, &mut |child| {
        if result.is_ok() && *worst < Hazard::Unsafe {
            result = expr_hazard(session, child, worst);
        }
    });
    result
}

fn query_hazard(session: &Session, query: &Query, worst: &mut Hazard) -> Result<()> {
    if !query.row_marks.is_empty() {
        *worst = Hazard::Unsafe;
        return Ok(());
    }
    ir::query_exprs(query, &mut |expr| match *worst {
        Hazard::Unsafe => Ok(()),
        _ => expr_hazard(session, expr, worst),
    })?;
    let mut result = Ok(());
    ir::subqueries(query, &mut |inner| {
        if result.is_ok() {
            result = query_hazard(session, inner, worst);
        }
    });
    result
}

/// Whether a statement as analysed may have a parallel plan at all, and with which care.
pub(crate) fn statement_hazard(
    session: &Session,
    query: &Query,
    options: &PlanOptions<'_>,
    costs: &Costs,
) -> Result<Hazard> {
    let mut worst = Hazard::Safe;
    if !options.parallel
        || query.command != CommandType::Select
        || query.has_modifying_cte
        || costs.workers_per_gather == 0
    {
        return Ok(Hazard::Unsafe);
    }
    query_hazard(session, query, &mut worst)?;
    Ok(worst)
}

/// LIMIT or OFFSET that takes rows away.
pub(crate) fn limit_needed(query: &Query) -> bool {
    let takes = |e: &Option<Box<Expr>>, nothing: Option<i64>| match e.as_deref() {
        None => false,
        Some(Expr::Const(c)) => match &c.value {
            None => false,
            Some(datum::OwnedDatum::Int8(n)) => nothing != Some(*n),
            Some(_) => true,
        },
        Some(_) => true,
    };
    takes(&query.limit_count, None) || takes(&query.limit_offset, Some(0))
}

/// Adds a path to the partial ones of a relation, of which only total cost and order matter.
pub(crate) fn add_partial_path(paths: &mut Vec<Rc<Path>>, new: Rc<Path>) {
    const FUZZ: f64 = 1.01;
    let mut accept = true;
    let mut kept = Vec::with_capacity(paths.len() + 1);
    for old in std::mem::take(paths) {
        let (covers, covered) = (contained_in(&old.keys, &new.keys), contained_in(&new.keys, &old.keys));
        let mut remove = false;
        if accept && (covers || covered) {
            let (better, worse) = (covers && !covered, covered && !covers);
            if new.disabled != old.disabled {
                if new.disabled > old.disabled { accept = false } else { remove = true }
            } else if new.total > old.total * FUZZ {
                accept &= better;
            } else if old.total > new.total * FUZZ {
                remove = !worse;
            } else if better || (!worse && old.total > new.total * 1.000_000_000_1) {
                remove = true;
            } else {
                accept = false;
            }
        }
        if !remove {
            kept.push(old);
        }
    }
    if accept {
        let at = kept.iter().rposition(|p| new.total >= p.total).map_or(0, |i| i + 1);
        kept.insert(at, new);
    }
    *paths = kept;
}

/// Puts Gather over a finished plan that may run in a worker, for tests (debug_parallel_query).
pub(crate) fn gather_for_tests(g: &Global<'_>, mut plan: Plan) -> Plan {
    use settings::DebugParallelQuery::{Off, Regress};
    let wanted = g.session.settings().get(settings::DEBUG_PARALLEL_QUERY);
    if wanted == Off || !plan.parallel_safe || (wanted == Regress && !plan.init_plans.is_empty()) {
        return plan;
    }
    g.parallel_needed.set(true);
    let run = plan.total_cost - plan.startup_cost;
    let startup_cost = plan.startup_cost + g.costs.parallel_setup;
    Plan {
        startup_cost,
        total_cost: startup_cost + run + g.costs.parallel_tuple * plan.rows,
        rows: plan.rows,
        width: plan.width,
        disabled_nodes: plan.disabled_nodes,
        target_list: plan.target_list.clone(),
        init_plans: std::mem::take(&mut plan.init_plans),
        left: Some(Box::new(plan)),
        node: PlanNode::Gather { workers: 1, single_copy: true, invisible: wanted == Regress },
        ..Plan::default()
    }
}

impl<'a> Root<'a> {
    /// Whether workers may compute these expressions.
    pub fn parallel_safe<'e>(&self, exprs: impl IntoIterator<Item = &'e Expr>) -> Result<bool> {
        match self.g.hazard.get() {
            Hazard::Unsafe => return Ok(false),
            Hazard::Safe if self.g.exec_params.borrow().is_empty() => return Ok(true),
            _ => {}
        }
        let params = self.g.init_params.borrow();
        for expr in exprs {
            if !self.safe_expr(expr, &params)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// `params`: exec params whose values the workers are given.
    fn safe_expr(&self, expr: &Expr, params: &RelSet) -> Result<bool> {
        match expr {
            Expr::Param(p) if p.kind == ParamKind::Exec => return Ok(params.contains(p.id)),
            Expr::SubPlan(sub) => {
                if !self.subplan_safe(sub.plan) {
                    return Ok(false);
                }
                if let Some(test) = &sub.test {
                    let mut own = params.clone();
                    sub.param_ids.iter().for_each(|p| own.insert(*p));
                    if !self.safe_expr(test, &own)? {
                        return Ok(false);
                    }
                }
                for arg in &sub.args {
                    if !self.safe_expr(arg, params)? {
                        return Ok(false);
                    }
                }
                return Ok(true);
            }
            _ => {}
        }
        if node_hazard(self.session(), expr)? > Hazard::Safe {
            return Ok(false);
        }
        let mut result = Ok(true);
        ir::for_each_child(expr, &mut |child| {
            if let Ok(true) = result {
                result = self.safe_expr(child, params);
            }
        });
        result
    }

    pub fn subplan_safe(&self, number: usize) -> bool {
        let subplans = self.g.subplans.borrow();
        subplans.get(number).and_then(|s| s.plan.as_ref()).is_some_and(|p| p.parallel_safe)
    }

    /// Decides whether a member of FROM may be read by workers.
    pub fn set_consider_parallel(&mut self, rti: usize) -> Result<()> {
        if self.g.hazard.get() == Hazard::Unsafe {
            return Ok(());
        }
        let rel = self.base(rti);
        let possible = match &self.rte(rti).kind {
            RangeTableKind::Relation { sample, .. } => {
                // Temporary tables are seen by their session alone.
                rel.entry.as_ref().is_some_and(|e| e.class.relpersistence as u8 != b't')
                    && match sample {
                        Some(sample) => self.parallel_safe(sample.args.iter().chain(&sample.repeatable))?,
                        None => true,
                    }
            }
            // Participants would find different rows for LIMIT to take.
            RangeTableKind::Subquery { query, .. } => !limit_needed(query),
            RangeTableKind::Function { functions, .. } => {
                self.parallel_safe(functions.iter().map(|f| &f.expr))?
            }
            RangeTableKind::Values { lists, .. } => self.parallel_safe(lists.iter().flatten())?,
            RangeTableKind::Result => true,
            _ => false,
        };
        let safe = possible
            && self.parallel_safe(rel.restrictions.iter().map(|c| &c.expr))?
            && self.parallel_safe(&rel.target.exprs)?;
        self.base_mut(rti).consider_parallel = safe;
        Ok(())
    }

    /// How many workers are worth their while for reading this many pages of a table and of an index.
    pub fn scan_workers(&self, rel: &Rel<'a>, heap_pages: Option<f64>, index_pages: Option<f64>) -> usize {
        let costs = self.costs();
        let wished = rel
            .entry
            .as_ref()
            .and_then(|e| catalog::option(&e.class, "parallel_workers"))
            .and_then(|v| v.parse::<usize>().ok());
        let workers = match wished {
            Some(workers) => workers,
            None => {
                let sources = [
                    (heap_pages, costs.min_parallel_table_pages),
                    (index_pages, costs.min_parallel_index_pages),
                ];
                if sources.iter().any(|(pages, least)| pages.is_some_and(|p| p < *least)) {
                    return 0;
                }
                let worth =
                    |(pages, least): &(Option<f64>, f64)| Some(sys::workers::worth((*pages)?, *least).max(1));
                sources.iter().filter_map(worth).min().unwrap_or(0)
            }
        };
        workers.min(costs.workers_per_gather)
    }

    /// By how much each participant's share of the rows is less than all of them.
    pub fn parallel_divisor(&self, workers: usize) -> f64 {
        let workers = workers as f64;
        let leader = 1.0 - 0.3 * workers;
        if self.costs().leader_participates && leader > 0.0 { workers + leader } else { workers }
    }

    /// All participants' rows together.
    pub fn gathered_rows(&self, path: &Path) -> f64 {
        clamp_rows(path.rows * self.parallel_divisor(path.parallel.workers))
    }

    fn gather_path(&self, child: &Rc<Path>, rows: f64) -> Rc<Path> {
        let costs = self.costs();
        let startup = child.startup + costs.parallel_setup;
        let total = startup + (child.total - child.startup) + costs.parallel_tuple * rows;
        let kind = PathKind::Gather { child: child.clone() };
        self.gathered(kind, child, rows, (startup, total, child.disabled), Vec::new())
    }

    pub fn gather_merge_path(&self, child: &Rc<Path>, rows: f64) -> Rc<Path> {
        let costs = self.costs();
        let streams = child.parallel.workers as f64 + 1.0;
        let log = streams.ln() / std::f64::consts::LN_2;
        let comparison = 2.0 * costs.cpu_operator;
        // A heap of one row of each stream, then a row taken out and another put in for each.
        let startup = comparison * streams * log + costs.parallel_setup;
        let run = rows * comparison * log + costs.cpu_operator * rows + costs.parallel_tuple * rows * 1.05;
        let kind = PathKind::GatherMerge { child: child.clone() };
        let disabled = child.disabled + u32::from(!costs.enable_gathermerge);
        let cost = (startup + child.startup, startup + run + child.total, disabled);
        self.gathered(kind, child, rows, cost, child.keys.clone())
    }

    fn gathered(
        &self,
        kind: PathKind,
        child: &Path,
        rows: f64,
        (startup, total, disabled): (f64, f64, u32),
        keys: Vec<PathKey>,
    ) -> Rc<Path> {
        Rc::new(Path {
            kind,
            relids: child.relids.clone(),
            rti: child.rti,
            target: child.target.clone(),
            rows,
            startup,
            total,
            disabled,
            keys,
            param: None,
            parallel: Parallel::default(),
        })
    }

    /// The ways to gather the rows of partial paths, the cheapest first; in the order that the query asks for if the
    /// paths below can be sorted so. `rows`: of the relation, if known better than from the paths.
    pub fn gather_paths(&self, partial: &[Rc<Path>], rows: Option<f64>) -> Result<Vec<Rc<Path>>> {
        let Some(cheapest) = partial.first() else { return Ok(Vec::new()) };
        let rows_of = |path: &Path| rows.unwrap_or_else(|| self.gathered_rows(path));
        let mut made = vec![self.gather_path(cheapest, rows_of(cheapest))];
        for path in partial.iter().filter(|p| !p.keys.is_empty()) {
            made.push(self.gather_merge_path(path, rows_of(path)));
        }
        let mut useful = 0;
        for key in &self.query_keys {
            if !self.sortable_early(key, cheapest)? {
                break;
            }
            useful += 1;
        }
        let keys = &self.query_keys[..useful];
        if !keys.is_empty() {
            for path in partial.iter().filter(|p| !contained_in(keys, &p.keys)) {
                if let Some(sorted) = self.sort_for(path, cheapest, keys, -1.0)? {
                    made.push(self.gather_merge_path(&sorted, rows_of(&sorted)));
                }
            }
        }
        Ok(made)
    }

    /// The path in this order: as it is, or sorted; `None` if sorting it is not worth considering, because another is
    /// cheaper and nearly as well sorted.
    pub fn sort_for(
        &self,
        path: &Rc<Path>,
        cheapest: &Rc<Path>,
        keys: &[PathKey],
        limit: f64,
    ) -> Result<Option<Rc<Path>>> {
        if contained_in(keys, &path.keys) {
            return Ok(Some(path.clone()));
        }
        let presorted = common_prefix(keys, &path.keys);
        if presorted > 0 && self.costs().enable_incremental_sort {
            return self.incremental_sort_path(path, keys.to_vec(), presorted, limit).map(Some);
        }
        Ok(Rc::ptr_eq(path, cheapest).then(|| self.sort_path(path, keys.to_vec(), limit)))
    }

    /// Whether workers can sort a path by this key.
    fn sortable_early(&self, key: &PathKey, path: &Path) -> Result<bool> {
        let ec = &self.ecs[self.ec_root(key.ec)];
        if ec.has_volatile {
            return Ok(false);
        }
        for member in ec.members.iter().filter(|m| !m.is_const) {
            let mut vars = Vec::new();
            crate::clause::vars(&member.expr, &mut vars);
            let has = |e: &Expr| path.target.exprs.iter().any(|t| crate::selectivity::same_expr(t, e));
            let computable = has(&member.expr) || vars.into_iter().all(|v| has(&Expr::Var(v)));
            if computable && !returns_set(&member.expr) && self.parallel_safe([&member.expr])? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gathers the rows of a relation that is joined to others.
    pub fn gather_rel(&mut self, set: &RelSet) -> Result<()> {
        let Some(rel) = self.find_rel(set) else { return Ok(()) };
        if rel.partial_paths.is_empty() {
            return Ok(());
        }
        let made = self.gather_paths(&rel.partial_paths, Some(rel.rows))?;
        if let Some(rel) = self.find_rel_mut(set) {
            made.into_iter().for_each(|path| rel.add_path(path));
        }
        Ok(())
    }

    /// Whether an aggregate can be computed in two halves.
    pub fn can_split(&self, agg: &ir::Aggref) -> Result<bool> {
        const INTERNAL: Oid = Oid(2281);
        let row = self.session().aggregate(agg.function)?;
        Ok(agg.kind == b'n'
            && agg.order_by.is_empty()
            && agg.distinct.is_empty()
            && row.aggcombinefn.is_valid()
            && (agg.transition_type != INTERNAL
                || row.aggserialfn.is_valid() && row.aggdeserialfn.is_valid()))
    }
}
