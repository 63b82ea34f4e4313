//! GROUPING SETS, ROLLUP and CUBE: which sets there are, and how few passes over sorted input compute them.
//!
//! A *rollup* here is a list of sets each of which is a prefix of the one before: one sorted pass computes them all. The
//! sets are covered by as few rollups as possible, which is a matching in the graph of inclusion. Sets may be hashed
//! instead, each in a table of its own.

use crate::cost::{AggCosts, AggInput, agg_cost, hash_group_bytes, sort_cost};
use crate::pathkey::contained_in;
use crate::preprocess::target_of;
use crate::types::{Path, PathKind, Root, Target};
use base::{Error, Result, SqlState, bail};
use ir::{AggStrategy, Aggref, Expr, GroupingSet, SortGroupClause};
use std::rc::Rc;

/// As in PostgreSQL.
const MAX_SETS: usize = 4096;

/// A grouping set, as the target references it groups by, and the groups it is expected to have.
#[derive(Clone, Debug)]
pub(crate) struct SetData {
    pub refs: Vec<usize>,
    groups: f64,
}

/// Sets that one pass computes.
#[derive(Clone, Debug)]
pub(crate) struct Rollup {
    /// Columns in the order of the largest set.
    pub clauses: Vec<SortGroupClause>,
    /// Largest first.
    pub sets: Vec<SetData>,
    pub groups: f64,
    hashable: bool,
    pub hashed: bool,
}

/// What the query's grouping sets come to.
pub(crate) struct Sets {
    rollups: Vec<Rollup>,
    /// Sets with columns that cannot be sorted.
    unsortable: Vec<SetData>,
    any_hashable: bool,
}

fn append_new(list: &mut Vec<usize>, more: &[usize]) {
    for r in more {
        if !list.contains(r) {
            list.push(*r);
        }
    }
}

/// The sets that one item of GROUP BY stands for.
fn expand_item(item: &GroupingSet) -> Result<Vec<Vec<usize>>> {
    let simple = |sets: &[GroupingSet]| -> Vec<Vec<usize>> {
        sets.iter()
            .map(|s| if let GroupingSet::Simple(refs) = s { refs.clone() } else { Vec::new() })
            .collect()
    };
    Ok(match item {
        GroupingSet::Empty => vec![Vec::new()],
        GroupingSet::Simple(refs) => vec![refs.clone()],
        GroupingSet::Rollup(sets) => {
            let parts = simple(sets);
            (0..=parts.len()).rev().map(|n| parts[..n].concat()).collect()
        }
        GroupingSet::Cube(sets) => {
            let parts = simple(sets);
            if parts.len() > 12 {
                bail!(TOO_MANY_COLUMNS, "CUBE is limited to 12 elements");
            }
            let chosen = |mask: usize| {
                parts
                    .iter()
                    .enumerate()
                    .filter(move |(i, _)| mask & (1 << i) != 0)
                    .flat_map(|(_, p)| p.clone())
            };
            (0..1usize << parts.len()).map(|mask| chosen(mask).collect()).collect()
        }
        GroupingSet::Sets(sets) => {
            let mut all = Vec::new();
            for set in sets {
                all.extend(expand_item(set)?);
            }
            all
        }
    })
}

/// All sets of GROUP BY, the smallest first.
fn expand(items: &[GroupingSet], distinct: bool) -> Result<Vec<Vec<usize>>> {
    let mut all: Vec<Vec<usize>> = vec![Vec::new()];
    for item in items {
        let part = expand_item(item)?;
        if all.len() * part.len() > MAX_SETS {
            bail!(STATEMENT_TOO_COMPLEX, "too many grouping sets present (maximum {MAX_SETS})");
        }
        let mut product = Vec::with_capacity(all.len() * part.len());
        for set in &all {
            for more in &part {
                let mut both = set.clone();
                append_new(&mut both, more);
                product.push(both);
            }
        }
        all = product;
    }
    all.sort_by_key(Vec::len);
    if distinct {
        for set in &mut all {
            set.sort_unstable();
        }
        all.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        all.dedup();
    }
    Ok(all)
}

/// Covers sets, given from the smallest to the largest, by as few chains of inclusion as possible.
fn chains(sets: Vec<Vec<usize>>) -> Vec<Vec<Vec<usize>>> {
    let empty = sets.iter().take_while(|s| s.is_empty()).count();
    if empty == sets.len() {
        return vec![sets];
    }
    let mut originals: Vec<Vec<Vec<usize>>> = Vec::new();
    for set in sets.into_iter().skip(empty) {
        let same = |o: &&mut Vec<Vec<usize>>| o[0].len() == set.len() && set.iter().all(|r| o[0].contains(r));
        match originals.iter_mut().find(same) {
            Some(known) => known.push(set),
            None => originals.push(vec![set]),
        }
    }
    let count = originals.len();
    // The smaller sets that each includes.
    let smaller: Vec<Vec<usize>> = (0..count)
        .map(|i| {
            let within = |k: &usize| {
                let (a, b) = (&originals[*k][0], &originals[i][0]);
                a.len() < b.len() && a.iter().all(|r| b.contains(r))
            };
            (0..i).filter(within).collect()
        })
        .collect();
    let (mut below, mut above) = (vec![None; count], vec![None; count]);
    for set in 0..count {
        let mut seen = vec![false; count];
        matched(set, &smaller, &mut below, &mut above, &mut seen);
    }
    let mut chain_of: Vec<usize> = Vec::with_capacity(count);
    let mut result: Vec<Vec<Vec<usize>>> = Vec::new();
    for i in 0..count {
        let known = [above[i], below[i]].into_iter().flatten().find(|k| *k < i).map(|k| chain_of[k]);
        let chain = known.unwrap_or(result.len());
        if chain == result.len() {
            result.push(Vec::new());
        }
        chain_of.push(chain);
        result[chain].append(&mut originals[i]);
    }
    result[0].splice(0..0, std::iter::repeat_n(Vec::new(), empty));
    result
}

/// Finds a smaller set to follow `set` in its chain, moving others if need be.
fn matched(
    set: usize,
    smaller: &[Vec<usize>],
    below: &mut [Option<usize>],
    above: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    for candidate in &smaller[set] {
        if std::mem::replace(&mut seen[*candidate], true) {
            continue;
        }
        let free = match above[*candidate] {
            None => true,
            Some(other) => matched(other, smaller, below, above, seen),
        };
        if free {
            below[set] = Some(*candidate);
            above[*candidate] = Some(set);
            return true;
        }
    }
    false
}

/// Puts the columns of a chain's sets into an order in which each is a prefix of the next, that of ORDER BY as far as it
/// goes; the largest set comes first.
fn reorder(chain: Vec<Vec<usize>>, mut sort: &[SortGroupClause]) -> Vec<SetData> {
    let mut previous: Vec<usize> = Vec::new();
    let mut result = Vec::new();
    for candidate in chain {
        let mut new: Vec<usize> = candidate.into_iter().filter(|r| !previous.contains(r)).collect();
        while sort.len() > previous.len() && !new.is_empty() {
            let wanted = sort[previous.len()].target;
            match new.iter().position(|r| *r == wanted) {
                Some(at) => previous.push(new.remove(at)),
                None => sort = &[],
            }
        }
        previous.extend(new);
        result.insert(0, SetData { refs: previous.clone(), groups: 0.0 });
    }
    result
}

impl<'a> Root<'a> {
    /// Finds the sets and the order of the passes.
    pub fn prepare_grouping_sets(&mut self) -> Result<()> {
        if self.query.grouping_sets.is_empty() {
            return Ok(());
        }
        let clauses = &self.query.group_clause;
        let is = |r: &usize, test: &dyn Fn(&SortGroupClause) -> bool| {
            clauses.iter().any(|c| c.target == *r && test(c))
        };
        let unsortable = |r: &usize| is(r, &|c| !c.sort_operator.is_valid());
        let unhashable = |r: &usize| is(r, &|c| !c.hashable);
        let sets = expand(&self.query.grouping_sets, self.query.group_distinct)?;
        let (hash_only, sortable): (Vec<_>, Vec<_>) =
            sets.into_iter().partition(|s| s.iter().any(unsortable));
        if hash_only.iter().any(|s| s.iter().any(unhashable)) {
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "could not implement GROUP BY")
                .detail("Some of the datatypes only support hashing, while others only support sorting."));
        }
        if sortable.len() == 1 && sortable[0].is_empty() && hash_only.is_empty() {
            // GROUP BY (): what aggregates do without GROUP BY.
            self.query.grouping_sets.clear();
            self.query.has_aggregates |= self.having.is_empty();
            return Ok(());
        }
        let mut any_hashable = !hash_only.is_empty();
        let chains = if sortable.is_empty() { Vec::new() } else { chains(sortable) };
        let sort = if chains.len() == 1 { self.query.sort_clause.as_slice() } else { &[] };
        let mut rollups = Vec::new();
        for chain in chains {
            let sets = reorder(chain, sort);
            let largest = &sets[0].refs;
            let hashable = !largest.is_empty() && !largest.iter().any(unhashable);
            any_hashable |= hashable;
            let clauses = self.clauses_of(largest);
            rollups.push(Rollup { clauses, sets, groups: 0.0, hashable, hashed: false });
        }
        let unsortable = hash_only.into_iter().map(|refs| SetData { refs, groups: 0.0 }).collect();
        self.grouping_sets = Some(Sets { rollups, unsortable, any_hashable });
        Ok(())
    }

    fn clauses_of(&self, refs: &[usize]) -> Vec<SortGroupClause> {
        let find = |r: &usize| self.query.group_clause.iter().find(|c| c.target == *r).cloned();
        refs.iter().filter_map(find).collect()
    }

    /// The columns that the input of the first pass is sorted by.
    pub fn first_rollup_clauses(&self) -> Vec<SortGroupClause> {
        let first = self.grouping_sets.as_ref().and_then(|s| s.rollups.first());
        first.map(|r| r.clauses.clone()).unwrap_or_default()
    }

    /// The ways to compute all sets.
    pub fn group_by_sets(
        &mut self,
        paths: &[Rc<Path>],
        target: &Rc<Target>,
        aggregates: &[Aggref],
        costs: &AggCosts,
    ) -> Result<Vec<Rc<Path>>> {
        let Some(mut sets) = self.grouping_sets.take() else {
            return Err(Error::internal("no grouping sets"));
        };
        let cheapest = crate::upper::cheapest(paths)?;
        let count = |root: &Root<'a>, set: &SetData| -> Result<f64> {
            let mut exprs = Vec::new();
            for clause in root.clauses_of(&set.refs) {
                exprs.push(target_of(&clause, &root.targets)?.expr.clone());
            }
            exprs.iter_mut().for_each(without_placeholder);
            if exprs.is_empty() { Ok(1.0) } else { root.group_count(&exprs, cheapest.rows) }
        };
        for rollup in &mut sets.rollups {
            for set in &mut rollup.sets {
                set.groups = count(self, set)?;
            }
            rollup.groups = rollup.sets.iter().map(|s| s.groups).sum();
        }
        for set in &mut sets.unsortable {
            set.groups = count(self, set)?;
        }
        let unordered =
            aggregates.iter().all(|a| a.order_by.is_empty() && a.distinct.is_empty() && a.kind == b'n');
        let can_hash = unordered && sets.any_hashable;
        let mut made = Vec::new();
        let keys = self.group_keys.clone();
        if !sets.rollups.is_empty() {
            for path in paths {
                if let Some(sorted) = self.sort_for(path, &cheapest, &keys, -1.0)? {
                    self.sorted_sets(&sorted, &sets, can_hash, target, costs, &mut made)?;
                }
            }
        }
        if can_hash {
            self.hashed_sets(&cheapest, &sets, target, costs, &mut made)?;
        }
        if made.is_empty() {
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "could not implement GROUP BY")
                .detail("Some of the datatypes only support hashing, while others only support sorting."));
        }
        Ok(made)
    }

    fn table_bytes(&self, path: &Path, costs: &AggCosts, groups: f64) -> f64 {
        hash_group_bytes(costs.count, path.target.width, costs.space) * groups
    }

    fn hashed_rollup(&self, set: &SetData) -> Rollup {
        Rollup {
            clauses: self.clauses_of(&set.refs),
            sets: vec![set.clone()],
            groups: set.groups,
            hashable: true,
            hashed: true,
        }
    }

    /// Everything hashed, except for what the input's order makes cheap.
    fn hashed_sets(
        &self,
        path: &Rc<Path>,
        sets: &Sets,
        target: &Rc<Target>,
        costs: &AggCosts,
        made: &mut Vec<Rc<Path>>,
    ) -> Result<()> {
        let presorted = !sets.rollups.is_empty() && contained_in(&self.group_keys, &path.keys);
        let rest = &sets.rollups[usize::from(presorted)..];
        let all: f64 = rest.iter().map(|r| r.groups).chain(sets.unsortable.iter().map(|s| s.groups)).sum();
        if self.table_bytes(path, costs, all) > self.costs().hash_memory() && !sets.rollups.is_empty() {
            return Ok(());
        }
        if rest.iter().any(|r| !r.hashable) {
            return Ok(());
        }
        let every: Vec<&SetData> = sets.unsortable.iter().chain(rest.iter().flat_map(|r| &r.sets)).collect();
        let (empty, filled): (Vec<&SetData>, Vec<&SetData>) =
            every.into_iter().partition(|s| s.refs.is_empty());
        if filled.is_empty() {
            return Ok(());
        }
        let mut rollups: Vec<Rollup> = filled.into_iter().map(|s| self.hashed_rollup(s)).collect();
        let mut strategy = AggStrategy::Hashed;
        if presorted {
            rollups.push(sets.rollups[0].clone());
            strategy = AggStrategy::Mixed;
        } else if !empty.is_empty() {
            let groups = empty.len() as f64;
            let sets = empty.into_iter().cloned().collect();
            rollups.push(Rollup { clauses: Vec::new(), sets, groups, hashable: false, hashed: false });
            strategy = AggStrategy::Mixed;
        }
        let made_path = self.sets_path(path, strategy, rollups, target, costs)?;
        self.keep(made, made_path);
        Ok(())
    }

    /// Passes over sorted input, with hash tables for what fits into memory besides.
    fn sorted_sets(
        &self,
        path: &Rc<Path>,
        sets: &Sets,
        can_hash: bool,
        target: &Rc<Target>,
        costs: &AggCosts,
        made: &mut Vec<Rc<Path>>,
    ) -> Result<()> {
        if can_hash {
            let unsortable: f64 = sets.unsortable.iter().map(|s| s.groups).sum();
            let mut room = self.costs().hash_memory() - self.table_bytes(path, costs, unsortable);
            let mut hash: Vec<&SetData> = sets.unsortable.iter().collect();
            let mut sorted: Vec<&Rollup> = sets.rollups.iter().take(1).collect();
            let mut rest: Vec<(f64, &Rollup)> = sets
                .rollups
                .iter()
                .skip(1)
                .map(|r| (if r.hashable { self.table_bytes(path, costs, r.groups) } else { f64::MAX }, r))
                .collect();
            // Each rollup that is hashed saves one sort: as many as fit, so the smallest first.
            rest.sort_by(|a, b| a.0.total_cmp(&b.0));
            let chosen: Vec<*const Rollup> = rest
                .iter()
                .take_while(|(bytes, _)| {
                    room -= bytes;
                    room >= 0.0
                })
                .map(|(_, r)| std::ptr::from_ref(*r))
                .collect();
            for rollup in sets.rollups.iter().skip(1) {
                if chosen.contains(&std::ptr::from_ref(rollup)) {
                    hash.extend(&rollup.sets);
                } else {
                    sorted.push(rollup);
                }
            }
            if !hash.is_empty() {
                let mut rollups: Vec<Rollup> =
                    hash.into_iter().rev().map(|s| self.hashed_rollup(s)).collect();
                rollups.extend(sorted.into_iter().cloned());
                let mixed = self.sets_path(path, AggStrategy::Mixed, rollups, target, costs)?;
                self.keep(made, mixed);
            }
        }
        if sets.unsortable.is_empty() {
            let rollups = sets.rollups.clone();
            let sorted = self.sets_path(path, AggStrategy::Sorted, rollups, target, costs)?;
            self.keep(made, sorted);
        }
        Ok(())
    }

    fn sets_path(
        &self,
        child: &Rc<Path>,
        strategy: AggStrategy,
        rollups: Vec<Rollup>,
        target: &Rc<Target>,
        costs: &AggCosts,
    ) -> Result<Rc<Path>> {
        let strategy = match strategy {
            AggStrategy::Sorted if rollups.len() == 1 && rollups[0].clauses.is_empty() => AggStrategy::Plain,
            AggStrategy::Mixed if rollups.len() == 1 => AggStrategy::Hashed,
            other => other,
        };
        let input = |startup: f64, total: f64| AggInput {
            startup,
            total,
            tuples: child.rows,
            width: child.target.width,
        };
        let own = self.costs();
        let (mut startup, mut total, mut rows) = (0.0, 0.0, 0.0);
        let mut disabled = child.disabled;
        let mut to_sort = !rollups[0].hashed;
        for (i, rollup) in rollups.iter().enumerate() {
            let columns = rollup.sets[0].refs.len();
            if i == 0 {
                let input = input(child.startup, child.total);
                (startup, total) = agg_cost(own, strategy, costs, columns, rollup.groups, &input);
                rows = rollup.groups;
                let hashes = matches!(strategy, AggStrategy::Hashed | AggStrategy::Mixed);
                disabled += u32::from(hashes && !own.enable_hashagg);
                continue;
            }
            let (kind, before) = if rollup.hashed {
                (AggStrategy::Hashed, (0.0, 0.0))
            } else if to_sort {
                let (s, run) = sort_cost(own, child.rows, child.target.width, 0.0, own.work_memory, -1.0);
                disabled += u32::from(!own.enable_sort);
                (AggStrategy::Sorted, (s, s + run))
            } else {
                // The first that is not hashed takes the input as it comes.
                to_sort = true;
                (AggStrategy::Sorted, (0.0, 0.0))
            };
            let part = agg_cost(own, kind, costs, columns, rollup.groups, &input(before.0, before.1));
            disabled += u32::from(kind == AggStrategy::Hashed && !own.enable_hashagg);
            total += part.1;
            rows += rollup.groups;
        }
        let kind = PathKind::GroupingSets {
            child: child.clone(),
            strategy,
            rollups: Rc::new(rollups),
            having: self.having.clone(),
        };
        let mut path = self.step(kind, child, target, rows, (startup, total));
        path.disabled = disabled;
        path.keys.clear();
        self.having_cost(&mut path, &self.having)?;
        path.startup += target.cost.startup;
        path.total += target.cost.startup + target.cost.per_tuple * path.rows;
        Ok(Rc::new(path))
    }
}

/// The expression that a column of the grouping step stands for below that step.
pub(crate) fn without_placeholder(expr: &mut Expr) {
    if let Expr::PlaceHolder(placeholder) = expr {
        *expr = placeholder.expr.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::{chains, expand};
    use ir::GroupingSet::{Cube, Rollup, Simple};

    #[test]
    fn a_rollup_is_one_chain_and_a_cube_needs_several() {
        let items = || (1..=3).map(|i| Simple(vec![i])).collect::<Vec<_>>();
        let rollup = expand(&[Rollup(items())], false).unwrap();
        assert_eq!(rollup, [vec![], vec![1], vec![1, 2], vec![1, 2, 3]]);
        assert_eq!(chains(rollup).len(), 1);
        let cube = expand(&[Cube(items())], false).unwrap();
        assert_eq!((cube.len(), chains(cube).len()), (8, 3));
    }
}
