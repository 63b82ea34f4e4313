//! GROUP BY, aggregates and DISTINCT: in one step, or in halves below and above Gather.

use crate::clause::leaves;
use crate::cost::{AggCosts, AggInput, agg_cost, clamp_rows};
use crate::parallel::add_partial_path;
use crate::pathkey::contained_in;
use crate::preprocess::target_of;
use crate::selectivity::Context;
use crate::types::{AggPath, Path, PathKey, PathKind, QualCost, Root, Target};
use crate::upper::{Stage, cheapest};
use base::{Error, Oid, Result, SqlState};
use ir::{AggSplit, AggStrategy, Aggref, Expr, SortGroupClause};
use std::rc::Rc;

const INTERNAL: Oid = Oid(2281);

/// One way to group rows.
struct Grouping<'g> {
    clauses: &'g [SortGroupClause],
    aggregated: bool,
    split: AggSplit,
    costs: AggCosts,
    /// Groups that come out.
    groups: f64,
    having: &'g [Expr],
    target: &'g Rc<Target>,
}

impl<'a> Root<'a> {
    /// The aggregates of this level, each once.
    pub fn aggregates(&self) -> Vec<Aggref> {
        let mut found: Vec<Aggref> = Vec::new();
        for expr in self.targets.iter().map(|t| &t.expr).chain(&self.having) {
            ir::any(expr, &mut |e| {
                if let Expr::Aggref(a) = e
                    && a.levels_up == 0
                    && !found.contains(a)
                {
                    found.push((**a).clone());
                }
                false
            });
        }
        found
    }

    fn aggregate_costs(&self, aggregates: &[Aggref], split: AggSplit) -> Result<AggCosts> {
        let mut costs = AggCosts { count: aggregates.len(), ..AggCosts::default() };
        let per_call = |function: Oid, cost: &mut QualCost| -> Result<()> {
            if function.is_valid() {
                cost.per_tuple +=
                    f64::from(self.session().function(function)?.procost) * self.costs().cpu_operator;
            }
            Ok(())
        };
        for agg in aggregates {
            let row = self.session().aggregate(agg.function)?;
            if split == AggSplit::Final {
                per_call(row.aggcombinefn, &mut costs.transition)?;
                per_call(row.aggdeserialfn, &mut costs.transition)?;
            } else {
                per_call(row.aggtransfn, &mut costs.transition)?;
                costs.transition += self.exprs_cost(agg.args.iter().map(|t| &t.expr))?;
                costs.transition += self.exprs_cost(agg.filter.as_deref())?;
            }
            if split == AggSplit::Initial {
                per_call(row.aggserialfn, &mut costs.finalize)?;
            } else {
                per_call(row.aggfinalfn, &mut costs.finalize)?;
            }
            costs.finalize += self.exprs_cost(&agg.direct_args)?;
            let transition = self.session().type_row(agg.transition_type)?;
            if !transition.typbyval {
                let width = if row.aggtransspace > 0 {
                    row.aggtransspace
                } else {
                    self.average_width(agg.transition_type, -1)?
                };
                costs.space += crate::cost::max_align(f64::from(width)) + 16.0;
            } else if agg.transition_type == INTERNAL {
                costs.space += if row.aggtransspace > 0 { f64::from(row.aggtransspace) } else { 8192.0 };
            }
        }
        Ok(costs)
    }

    /// Lengthens the order that grouping asks for by what most of the aggregates with ORDER BY or DISTINCT want their
    /// rows sorted by. There is no other way to group then: such aggregates are not hashed.
    pub fn presort_aggregates(&mut self) -> Result<()> {
        if !self.costs().enable_presorted_aggregate {
            return Ok(());
        }
        let mut wanted: Vec<(usize, Vec<PathKey>)> = Vec::new();
        for agg in self.aggregates() {
            let clauses = if agg.distinct.is_empty() { &agg.order_by } else { &agg.distinct };
            // A filter may keep away rows for which a sorted expression fails.
            let is_plain = |target: &ir::TargetEntry| {
                matches!(crate::clause::strip_relabel(&target.expr), Expr::Var(_) | Expr::Const(_))
            };
            if agg.kind != b'n'
                || clauses.is_empty()
                || agg.filter.is_some() && !agg.args.iter().all(is_plain)
            {
                continue;
            }
            let mut volatile = false;
            for target in &agg.args {
                let is_asked = clauses.iter().any(|c| c.target == target.sort_group_ref);
                volatile |= is_asked && crate::clause::contains_volatile(self.session(), &target.expr)?;
            }
            let (keys, sortable) = self.keys_for(clauses, &agg.args)?;
            if volatile || !sortable {
                continue;
            }
            let mut all = self.group_keys.clone();
            for key in keys {
                if !self.key_is_redundant(&key, &all) {
                    all.push(key);
                }
            }
            wanted.push((agg.number, all));
        }
        let mut best: Vec<usize> = Vec::new();
        while wanted.len() > best.len() {
            let mut longest = wanted[0].1.clone();
            let (mut with, mut without) = (Vec::new(), Vec::new());
            for (number, keys) in wanted {
                if contained_in(&longest, &keys) {
                    longest = keys;
                    with.push(number);
                } else if contained_in(&keys, &longest) {
                    with.push(number);
                } else {
                    without.push((number, keys));
                }
            }
            if with.len() > best.len() {
                (best, self.group_keys) = (with, longest);
            }
            wanted = without;
        }
        self.presorted = best;
        Ok(())
    }

    pub fn having_cost(&self, path: &mut Path, having: &[Expr]) -> Result<()> {
        if having.is_empty() {
            return Ok(());
        }
        let cost = self.exprs_cost(having)?;
        path.startup += cost.startup;
        path.total += cost.startup + path.rows * cost.per_tuple;
        path.rows =
            clamp_rows(path.rows * self.exprs_selectivity(having, Context::filter(0).without_extended())?);
        Ok(())
    }

    /// One grouping node over a path.
    fn group_path(&self, how: &Grouping<'_>, strategy: AggStrategy, child: &Rc<Path>) -> Result<Rc<Path>> {
        let input = AggInput {
            startup: child.startup,
            total: child.total,
            tuples: child.rows,
            width: child.target.width,
        };
        let groups = how.clauses.to_vec();
        let (kind, cost) = if how.aggregated || strategy == AggStrategy::Hashed {
            let agg = AggPath {
                strategy,
                split: how.split,
                groups,
                estimated_groups: how.groups,
                presorted: self.presorted.clone(),
                having: how.having.to_vec(),
            };
            let cost = agg_cost(self.costs(), strategy, &how.costs, how.clauses.len(), how.groups, &input);
            (PathKind::Aggregate { child: child.clone(), agg }, cost)
        } else {
            let comparisons = self.costs().cpu_operator * child.rows * how.clauses.len() as f64;
            let kind = PathKind::Group { child: child.clone(), groups, having: how.having.to_vec() };
            (kind, (child.startup, child.total + comparisons))
        };
        let mut path = self.step(kind, child, how.target, how.groups, cost);
        if strategy != AggStrategy::Sorted {
            path.keys.clear();
        } else if path.keys.len() > self.group_by_keys && !self.presorted.is_empty() {
            path.keys.truncate(self.group_by_keys);
        }
        if strategy == AggStrategy::Hashed {
            path.disabled += u32::from(!self.costs().enable_hashagg);
        }
        self.having_cost(&mut path, how.having)?;
        path.startup += how.target.cost.startup;
        path.total += how.target.cost.startup + how.target.cost.per_tuple * path.rows;
        Ok(Rc::new(path))
    }

    fn grouped_exprs(&self, clauses: &[SortGroupClause]) -> Result<Vec<Expr>> {
        clauses.iter().map(|c| Ok(target_of(c, &self.targets)?.expr.clone())).collect()
    }

    pub fn group(&mut self, stage: Stage, target: &Rc<Target>) -> Result<Vec<Rc<Path>>> {
        let Stage { paths, partial } = stage;
        let (clauses, having) = (self.query.group_clause.clone(), self.having.clone());
        let cheapest = cheapest(&paths)?;
        self.upper_parallel &= self.parallel_safe(target.exprs.iter().chain(&having))?;
        if clauses.is_empty() && !self.query.has_aggregates && self.grouping_sets.is_none() {
            // HAVING alone: one row or none.
            let cpu = self.costs().cpu_tuple;
            let mut path = self.step(
                PathKind::Result { quals: having, child: None },
                &cheapest,
                target,
                1.0,
                (target.cost.startup, target.cost.startup + cpu + target.cost.per_tuple),
            );
            path.keys.clear();
            return Ok(vec![Rc::new(path)]);
        }
        let aggregates = self.aggregates();
        if self.grouping_sets.is_some() {
            let costs = self.aggregate_costs(&aggregates, AggSplit::Simple)?;
            return self.group_by_sets(&paths, target, &aggregates, &costs);
        }
        let exprs = self.grouped_exprs(&clauses)?;
        let mut how = Grouping {
            clauses: &clauses,
            aggregated: self.query.has_aggregates,
            split: AggSplit::Simple,
            costs: self.aggregate_costs(&aggregates, AggSplit::Simple)?,
            groups: self.number_of_groups(&exprs, cheapest.rows)?,
            having: &having,
            target,
        };
        let sortable = clauses.iter().all(|c| c.sort_operator.is_valid());
        let unordered =
            aggregates.iter().all(|a| a.order_by.is_empty() && a.distinct.is_empty() && a.kind == b'n');
        let hashable = !clauses.is_empty() && unordered && clauses.iter().all(|c| c.hashable);
        let mut splittable = self.upper_parallel && !partial.is_empty();
        for agg in &aggregates {
            splittable = splittable && self.can_split(agg)?;
        }
        let halves = if splittable {
            self.partial_groups(&partial, &how, &aggregates, &exprs, sortable, hashable)?
        } else {
            Vec::new()
        };
        let strategy = if clauses.is_empty() { AggStrategy::Plain } else { AggStrategy::Sorted };
        let mut made = Vec::new();
        made.extend(self.min_max_path(target)?);
        if sortable {
            for path in &paths {
                if let Some(sorted) = self.sort_for(path, &cheapest, &self.group_keys, -1.0)? {
                    self.keep(&mut made, self.group_path(&how, strategy, &sorted)?);
                }
            }
        }
        let simple = AggCosts { ..how.costs };
        let best_half = halves.first().map(|_| crate::upper::cheapest(&halves)).transpose()?;
        if let Some(best) = &best_half {
            how.split = AggSplit::Final;
            how.costs = self.aggregate_costs(&aggregates, AggSplit::Final)?;
            if sortable {
                for path in &halves {
                    if let Some(sorted) = self.sort_for(path, best, &self.group_keys, -1.0)? {
                        self.keep(&mut made, self.group_path(&how, strategy, &sorted)?);
                    }
                }
            }
        }
        if hashable {
            let whole = Grouping { split: AggSplit::Simple, costs: simple, ..how };
            self.keep(&mut made, self.group_path(&whole, AggStrategy::Hashed, &cheapest)?);
            if let Some(best) = &best_half {
                self.keep(&mut made, self.group_path(&how, AggStrategy::Hashed, best)?);
            }
        }
        if made.is_empty() {
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "could not implement GROUP BY")
                .detail("Some of the datatypes only support hashing, while others only support sorting."));
        }
        Ok(made)
    }

    fn number_of_groups(&self, exprs: &[Expr], rows: f64) -> Result<f64> {
        if exprs.is_empty() { Ok(1.0) } else { self.group_count(exprs, rows) }
    }

    /// Grouping by each participant of the rows that it finds, and what they find gathered.
    fn partial_groups(
        &mut self,
        partial: &[Rc<Path>],
        whole: &Grouping<'_>,
        aggregates: &[Aggref],
        exprs: &[Expr],
        sortable: bool,
        hashable: bool,
    ) -> Result<Vec<Rc<Path>>> {
        let cheapest = &partial[0];
        let target = self.partial_target(whole)?;
        let how = Grouping {
            split: AggSplit::Initial,
            costs: self.aggregate_costs(aggregates, AggSplit::Initial)?,
            groups: self.number_of_groups(exprs, cheapest.rows)?,
            having: &[],
            target: &target,
            ..*whole
        };
        let strategy = if whole.clauses.is_empty() { AggStrategy::Plain } else { AggStrategy::Sorted };
        let mut made = Vec::new();
        if sortable {
            for path in partial {
                if let Some(sorted) = self.sort_for(path, cheapest, &self.group_keys, -1.0)? {
                    add_partial_path(&mut made, self.group_path(&how, strategy, &sorted)?);
                }
            }
        }
        if hashable {
            add_partial_path(&mut made, self.group_path(&how, AggStrategy::Hashed, cheapest)?);
        }
        let mut gathered = Vec::new();
        for path in self.gather_paths(&made, None)? {
            self.keep(&mut gathered, path);
        }
        let keys: &[PathKey] = &self.group_keys;
        if let Some(cheapest) = made.first() {
            for path in made.iter().filter(|p| !contained_in(keys, &p.keys)) {
                if let Some(sorted) = self.sort_for(path, cheapest, keys, -1.0)? {
                    let merged = self.gather_merge_path(&sorted, self.gathered_rows(&sorted));
                    self.keep(&mut gathered, merged);
                }
            }
        }
        Ok(gathered)
    }

    /// The columns of the first half of grouping: what is grouped by, and aggregates' states.
    fn partial_target(&self, whole: &Grouping<'_>) -> Result<Rc<Target>> {
        let mut list: Vec<(Expr, usize)> = Vec::new();
        let mut rest: Vec<&Expr> = Vec::new();
        for (expr, sort_ref) in whole.target.exprs.iter().zip(&whole.target.refs) {
            if *sort_ref > 0 && whole.clauses.iter().any(|c| c.target == *sort_ref) {
                list.push((expr.clone(), *sort_ref));
            } else {
                rest.push(expr);
            }
        }
        for expr in rest.into_iter().chain(whole.having) {
            let mut parts = Vec::new();
            leaves(expr, false, true, &mut parts);
            for mut part in parts {
                if let Expr::Aggref(agg) = &mut part {
                    agg.split = AggSplit::Initial;
                }
                if !list.iter().any(|(e, _)| *e == part) {
                    list.push((part, 0));
                }
            }
        }
        Ok(Rc::new(self.target_of_exprs(list)?))
    }

    pub fn distinct(&mut self, stage: Stage) -> Result<Vec<Rc<Path>>> {
        let mut made = Vec::new();
        self.final_distinct(&stage.paths, &mut made)?;
        let Some(cheapest) = stage.partial.first().filter(|_| !self.query.has_distinct_on) else {
            return Ok(made);
        };
        let clauses = self.query.distinct_clause.clone();
        let rows = self.number_of_groups(&self.grouped_exprs(&clauses)?, cheapest.rows)?;
        let mut partial = Vec::new();
        if clauses.iter().all(|c| c.sort_operator.is_valid()) {
            for path in &stage.partial {
                if let Some(sorted) = self.sort_for(path, cheapest, &self.distinct_keys, -1.0)? {
                    add_partial_path(&mut partial, self.unique_path(&sorted, rows));
                }
            }
        }
        if clauses.iter().all(|c| c.hashable) {
            add_partial_path(&mut partial, self.hashed_distinct(cheapest, &clauses, rows));
        }
        let mut gathered = Vec::new();
        for path in self.gather_paths(&partial, None)? {
            self.keep(&mut gathered, path);
        }
        if !gathered.is_empty() {
            self.final_distinct(&gathered, &mut made)?;
        }
        Ok(made)
    }

    /// The rows of sorted input without repetitions.
    fn unique_path(&self, sorted: &Rc<Path>, rows: f64) -> Rc<Path> {
        let columns = self.distinct_keys.len();
        let total = sorted.total + self.costs().cpu_operator * sorted.rows * columns as f64;
        let kind = PathKind::Unique { child: sorted.clone(), columns };
        Rc::new(self.step(kind, sorted, &sorted.target.clone(), rows, (sorted.startup, total)))
    }

    fn hashed_distinct(&self, child: &Rc<Path>, clauses: &[SortGroupClause], rows: f64) -> Rc<Path> {
        let input = AggInput {
            startup: child.startup,
            total: child.total,
            tuples: child.rows,
            width: child.target.width,
        };
        let costs = AggCosts::default();
        let cost = agg_cost(self.costs(), AggStrategy::Hashed, &costs, clauses.len(), rows, &input);
        let agg = AggPath {
            strategy: AggStrategy::Hashed,
            split: AggSplit::Simple,
            groups: clauses.to_vec(),
            estimated_groups: rows,
            presorted: Vec::new(),
            having: Vec::new(),
        };
        let kind = PathKind::Aggregate { child: child.clone(), agg };
        let mut path = self.step(kind, child, &child.target.clone(), rows, cost);
        path.keys.clear();
        path.disabled += u32::from(!self.costs().enable_hashagg);
        Rc::new(path)
    }

    fn final_distinct(&mut self, paths: &[Rc<Path>], made: &mut Vec<Rc<Path>>) -> Result<()> {
        let clauses = self.query.distinct_clause.clone();
        let cheapest = cheapest(paths)?;
        let grouped =
            !self.query.group_clause.is_empty() || self.query.has_aggregates || self.has_having_qual;
        let rows = if grouped {
            cheapest.rows
        } else {
            self.number_of_groups(&self.grouped_exprs(&clauses)?, cheapest.rows)?
        };
        if clauses.iter().all(|c| c.sort_operator.is_valid()) {
            let keys = if self.query.has_distinct_on && self.sort_keys.len() > self.distinct_keys.len() {
                &self.sort_keys
            } else {
                &self.distinct_keys
            };
            for path in paths {
                if let Some(sorted) = self.sort_for(path, &cheapest, keys, -1.0)? {
                    self.keep(made, self.unique_path(&sorted, rows));
                }
            }
        }
        if !self.query.has_distinct_on && clauses.iter().all(|c| c.hashable) {
            self.keep(made, self.hashed_distinct(&cheapest, &clauses, rows));
        }
        if made.is_empty() {
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "could not implement DISTINCT")
                .detail("Some of the datatypes only support hashing, while others only support sorting."));
        }
        Ok(())
    }
}
