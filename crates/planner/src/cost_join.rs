//! What joins cost, and how many rows they yield.

use crate::cost::{PAGE_SIZE, clamp_rows, material_rescan, max_align, relation_bytes};
use crate::selectivity::Context;
use crate::types::{ClauseRef, Path, PathKind, QualCost, Rel, Root, SpecialJoin, Target};
use base::Result;
use ir::{Expr, JoinKind, RelSet};
use std::rc::Rc;

/// How many outer rows find a partner, and how many partners on average.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MatchFactors {
    pub fraction: f64,
    pub count: f64,
}

/// What the joins of one pair of relations have in common.
#[derive(Clone, Copy)]
pub(crate) struct JoinInput<'j> {
    pub kind: JoinKind,
    pub join: &'j SpecialJoin,
    pub clauses: &'j [ClauseRef],
    pub inner_unique: bool,
    pub factors: MatchFactors,
    pub rows: f64,
    pub target: &'j Rc<Target>,
}

impl JoinInput<'_> {
    /// The inner side's scan stops at the first match.
    pub fn stops_at_match(&self) -> bool {
        matches!(self.kind, JoinKind::Semi | JoinKind::Anti) || self.inner_unique
    }
}

pub(crate) struct Cost {
    pub startup: f64,
    pub total: f64,
    pub disabled: u32,
}

/// Buckets and batches of a hash table.
pub(crate) fn hash_table_size(rows: f64, width: i32, memory: f64) -> (f64, f64) {
    let tuple = 32.0 + max_align(f64::from(width));
    let bytes = rows.max(1.0) * tuple;
    let room = memory * 0.98;
    let most = 2f64.powf((room / 8.0).log2().floor()).min(2f64.powi(30));
    let buckets = 2f64.powf(rows.max(1.0).min(most).log2().ceil()).max(1024.0);
    if bytes + buckets * 8.0 <= room {
        return (buckets, 1.0);
    }
    let buckets = 2f64.powf((room / (tuple + 8.0)).log2().ceil()).min(most);
    let batches = (bytes / (room - buckets * 8.0).max(room / 2.0)).ceil();
    (buckets, 2f64.powf(batches.log2().ceil()).max(2.0))
}

fn pages(rows: f64, width: i32) -> f64 {
    (relation_bytes(rows, width) / PAGE_SIZE).ceil()
}

impl<'a> Root<'a> {
    /// Rows of a join of two relations under these conditions.
    pub fn join_rows(
        &self,
        outer: f64,
        inner: f64,
        join: &SpecialJoin,
        clauses: &[ClauseRef],
    ) -> Result<f64> {
        let context = Context::of_join(join.kind, join);
        let (mut own, mut pushed) = (Vec::new(), Vec::new());
        for clause in clauses {
            if matches!(join.kind, JoinKind::Left | JoinKind::Full | JoinKind::Anti) && clause.pushed_down {
                pushed.push(clause.clone());
            } else {
                own.push(clause.clone());
            }
        }
        let selectivity = self.list_selectivity(&own, context)?;
        let after = if pushed.is_empty() { 1.0 } else { self.list_selectivity(&pushed, context)? };
        let rows = match join.kind {
            JoinKind::Left => (outer * inner * selectivity).max(outer) * after,
            JoinKind::Full => (outer * inner * selectivity).max(outer).max(inner) * after,
            JoinKind::Semi => outer * selectivity,
            JoinKind::Anti => outer * (1.0 - selectivity) * after,
            _ => outer * inner * selectivity,
        };
        Ok(clamp_rows(rows))
    }

    pub fn match_factors(
        &self,
        kind: JoinKind,
        join: &SpecialJoin,
        clauses: &[ClauseRef],
        inner_rows: f64,
    ) -> Result<MatchFactors> {
        let is_outer = matches!(
            kind,
            JoinKind::Left | JoinKind::Full | JoinKind::Right | JoinKind::Anti | JoinKind::RightAnti
        );
        let own: Vec<ClauseRef> = clauses.iter().filter(|c| !(is_outer && c.pushed_down)).cloned().collect();
        let as_kind = if kind == JoinKind::Anti { JoinKind::Anti } else { JoinKind::Semi };
        // The estimator looks at the true kind of the join, as PostgreSQL's does: a join that is merely known to have
        // a unique inner side is estimated as the inner join that it is.
        let plain_join = SpecialJoin { kind: JoinKind::Inner, ..join.clone() };
        let exprs: Vec<Expr> = own.iter().map(|c| c.expr.clone()).collect();
        let semi = self.exprs_selectivity(&exprs, Context::of_join(as_kind, join))?;
        let plain = self.exprs_selectivity(&exprs, Context::of_join(JoinKind::Inner, &plain_join))?;
        let count = if semi > 0.0 { (plain * inner_rows / semi).max(1.0) } else { 1.0 };
        Ok(MatchFactors { fraction: semi, count })
    }

    /// Startup and total cost of running a path again.
    fn rescan(&self, path: &Path) -> (f64, f64) {
        let costs = self.costs();
        match &path.kind {
            PathKind::FunctionScan => (0.0, path.total - path.startup),
            PathKind::HashJoin { batches: 1, .. } => (0.0, path.total - path.startup),
            PathKind::CteScan { .. } | PathKind::WorkTableScan { .. } => {
                let spill =
                    material_rescan(costs, path.rows, path.target.width) - costs.cpu_operator * path.rows;
                (0.0, costs.cpu_tuple * path.rows + spill)
            }
            PathKind::Material { .. } | PathKind::Sort { .. } => {
                (0.0, material_rescan(costs, path.rows, path.target.width))
            }
            PathKind::Memoize { calls, entries, child, .. } => {
                self.memoize_rescan(path, *calls, f64::from(*entries), child)
            }
            _ => (path.startup, path.total),
        }
    }

    fn memoize_rescan(&self, path: &Path, calls: f64, entries: f64, child: &Path) -> (f64, f64) {
        let costs = self.costs();
        let distinct = if let PathKind::Memoize { keys, .. } = &path.kind {
            self.distinct_of(keys, calls)
        } else {
            calls
        };
        let evict = 1.0 - entries.min(distinct) / distinct.max(1.0);
        let hit = ((calls - distinct) / calls) * (entries / distinct.max(entries));
        let hit = hit.clamp(0.0, 1.0);
        let mut total = child.total * (1.0 - hit) + costs.cpu_operator;
        total += costs.cpu_tuple * evict + costs.cpu_operator * evict * child.rows;
        total += costs.cpu_tuple + costs.cpu_operator * child.rows;
        let startup = child.startup * (1.0 - hit) + costs.cpu_tuple;
        (startup, total.max(startup))
    }

    /// Distinct values of some expressions among this many rows.
    pub fn distinct_of(&self, exprs: &[Expr], rows: f64) -> f64 {
        let mut total = 1.0;
        for expr in exprs {
            let one = self.examine(expr).map_or(200.0, |s| self.distinct_values(&s).0);
            total *= one;
        }
        total.min(rows).max(1.0)
    }

    /// Cost of a nested loop; `indexed`: the inner side checks all conditions through an index.
    pub fn nestloop_cost(
        &self,
        input: &JoinInput<'_>,
        outer: &Path,
        inner: &Path,
        clauses: &[ClauseRef],
        indexed: bool,
        rows: f64,
    ) -> Result<Cost> {
        let costs = self.costs();
        let (rescan_startup, rescan_total) = self.rescan(inner);
        let mut startup = outer.startup + inner.startup;
        let mut run = outer.total - outer.startup;
        let (outer_rows, inner_rows) = (outer.rows.max(1.0), inner.rows.max(1.0));
        if outer_rows > 1.0 {
            run += (outer_rows - 1.0) * rescan_startup;
        }
        let (inner_run, rescan_run) = (inner.total - inner.startup, rescan_total - rescan_startup);
        let mut tuples = outer_rows * inner_rows;
        if input.stops_at_match() {
            let matched = (outer_rows * input.factors.fraction).round_ties_even();
            let unmatched = outer_rows - matched;
            let part = 2.0 / (input.factors.count + 1.0);
            tuples = matched * inner_rows * part;
            if indexed {
                run += inner_run * part;
                if matched > 1.0 {
                    run += (matched - 1.0) * rescan_run * part;
                }
                run += unmatched * rescan_run / inner_rows;
            } else {
                run += inner_run;
                tuples += unmatched * inner_rows;
                let (matched, unmatched) =
                    if unmatched >= 1.0 { (matched, unmatched - 1.0) } else { (matched - 1.0, unmatched) };
                if matched > 0.0 {
                    run += matched * rescan_run * part;
                }
                if unmatched > 0.0 {
                    run += unmatched * rescan_run;
                }
            }
        } else {
            run += inner_run;
            if outer_rows > 1.0 {
                run += (outer_rows - 1.0) * rescan_run;
            }
        }
        let qual = self.clauses_cost(clauses)?;
        startup += qual.startup + input.target.cost.startup;
        run += (costs.cpu_tuple + qual.per_tuple) * tuples + input.target.cost.per_tuple * rows;
        let disabled = outer.disabled + inner.disabled + u32::from(!costs.enable_nestloop);
        Ok(Cost { startup, total: startup + run, disabled })
    }

    /// Rows that some of a join's conditions let through.
    pub fn approximate_rows(
        &self,
        outer: f64,
        inner: f64,
        input: &JoinInput<'_>,
        clauses: &[ClauseRef],
    ) -> Result<f64> {
        let plain = SpecialJoin { kind: JoinKind::Inner, ..input.join.clone() };
        let mut selectivity = 1.0;
        for clause in clauses {
            selectivity *= self.selectivity(clause, Context::of_join(JoinKind::Inner, &plain))?;
        }
        Ok(clamp_rows(selectivity * outer * inner))
    }

    /// Cost of a hash join, and its number of batches. `shared`: participants put their parts of the inner rows into one
    /// table.
    pub fn hashjoin_cost(
        &self,
        input: &JoinInput<'_>,
        outer: &Path,
        inner: &Path,
        hash: &[ClauseRef],
        shared: bool,
    ) -> Result<(Cost, u32)> {
        let costs = self.costs();
        let (outer_rows, inner_rows) = (outer.rows.max(1.0), inner.rows.max(1.0));
        let count = hash.len() as f64;
        let mut startup =
            outer.startup + inner.total + (costs.cpu_operator * count + costs.cpu_tuple) * inner_rows;
        let mut run = outer.total - outer.startup + costs.cpu_operator * count * outer_rows;
        let (buckets, batches) = if shared {
            // One table of all participants' rows, in the memory of all of them.
            let rows = inner_rows * self.parallel_divisor(inner.parallel.workers);
            let participants = outer.parallel.workers as f64 + 1.0;
            hash_table_size(rows, inner.target.width, participants * costs.hash_memory())
        } else {
            hash_table_size(inner_rows, inner.target.width, costs.hash_memory())
        };
        if batches > 1.0 {
            let (outer_pages, inner_pages) =
                (pages(outer_rows, outer.target.width), pages(inner_rows, inner.target.width));
            startup += costs.seq_page * inner_pages;
            run += costs.seq_page * (inner_pages + 2.0 * outer_pages);
        }
        let virtual_buckets = buckets * batches;
        let (mut bucket_fraction, others) = self.bucket_fraction(&inner.relids, hash)?;
        let mut most_common = 1.0f64;
        for clause in &others {
            let Expr::Op(op) = &clause.expr else { continue };
            let side = if clause.right.is_subset(&inner.relids) { &op.args[1] } else { &op.args[0] };
            let (frequency, fraction) = self.bucket_stats(side, virtual_buckets)?;
            bucket_fraction = bucket_fraction.min(fraction);
            most_common = most_common.min(frequency);
        }
        let mut disabled = outer.disabled + inner.disabled + u32::from(!costs.enable_hashjoin);
        let crowded =
            relation_bytes(clamp_rows(inner_rows * most_common), inner.target.width) > costs.hash_memory();
        disabled += u32::from(crowded);
        let hash_qual = self.clauses_cost(hash)?;
        let all_qual = self.clauses_cost(input.clauses)?;
        let rest = QualCost {
            startup: all_qual.startup - hash_qual.startup,
            per_tuple: (all_qual.per_tuple - hash_qual.per_tuple).max(0.0),
        };
        startup += hash_qual.startup;
        let tuples = if input.stops_at_match() {
            let matched = (outer_rows * input.factors.fraction).round_ties_even();
            let part = 2.0 / (input.factors.count + 1.0);
            run += hash_qual.per_tuple * matched * clamp_rows(inner_rows * bucket_fraction * part) * 0.5;
            run += hash_qual.per_tuple
                * (outer_rows - matched)
                * clamp_rows(inner_rows / virtual_buckets)
                * 0.05;
            if input.kind == JoinKind::Anti { outer_rows - matched } else { matched }
        } else {
            run += hash_qual.per_tuple * outer_rows * clamp_rows(inner_rows * bucket_fraction) * 0.5;
            self.approximate_rows(outer_rows, inner_rows, input, hash)?
        };
        startup += rest.startup + input.target.cost.startup;
        run += (costs.cpu_tuple + rest.per_tuple) * tuples + input.target.cost.per_tuple * input.rows;
        Ok((Cost { startup, total: startup + run, disabled }, batches as u32))
    }

    /// Frequency of the most common value, and the part of the rows in an average bucket.
    fn bucket_stats(&self, expr: &Expr, buckets: f64) -> Result<(f64, f64)> {
        let stats = self.examine(expr)?;
        let common = stats.most_common(self)?.and_then(|s| s.numbers.first().copied());
        let frequency = common.map_or(0.0, f64::from);
        let (mut distinct, default) = self.distinct_values(&stats);
        if default {
            return Ok((frequency, frequency.max(0.1)));
        }
        let average = (1.0 - stats.null_fraction()) / distinct;
        if stats.rti.is_some() && stats.rel_tuples > 0.0 {
            distinct = clamp_rows(distinct * stats.rel_rows / stats.rel_tuples);
        }
        let mut fraction = if distinct > buckets { 1.0 / buckets } else { 1.0 / distinct };
        if average > 0.0 && frequency > average {
            fraction *= frequency / average;
        }
        Ok((frequency, fraction.clamp(1.0e-6, 1.0)))
    }

    /// Whether no more than one row of a relation can match any one row of others.
    pub fn is_unique_for(&self, rel: &Rel<'a>, clauses: &[ClauseRef], outer: &RelSet) -> bool {
        if rel.relids.len() != 1 {
            return false;
        }
        let mut columns = Vec::new();
        for clause in clauses.iter().chain(&rel.restrictions) {
            let Expr::Op(op) = &clause.expr else { continue };
            if clause.merge_families.is_empty() || op.args.len() != 2 {
                continue;
            }
            let (mine, theirs) = if clause.left == rel.relids {
                (&op.args[0], &clause.right)
            } else if clause.right == rel.relids {
                (&op.args[1], &clause.left)
            } else {
                continue;
            };
            if theirs.is_subset(outer) {
                columns.push((mine, clause));
            }
        }
        rel.indexes.iter().any(|index| {
            index.unique
                && index.immediate
                && (index.predicate.is_empty() || index.predicate_ok)
                && (0..index.key_columns).all(|c| {
                    let family = index.entry.families[c];
                    columns.iter().any(|(e, clause)| {
                        clause.merge_families.contains(&family)
                            && crate::selectivity::same_expr(e, &index.columns[c])
                    })
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::hash_table_size;

    #[test]
    fn tables_have_at_least_1024_buckets() {
        let memory = 8.0 * 1024.0 * 1024.0;
        assert_eq!(hash_table_size(10.0, 4, memory), (1024.0, 1.0));
        assert_eq!(hash_table_size(100_000.0, 4, memory).1, 1.0);
        assert!(hash_table_size(10_000_000.0, 4, memory).1 >= 64.0);
    }
}
