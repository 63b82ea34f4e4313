//! The ways to join two relations: nested loops (with materialised, memoised or parameterised inner sides), merge joins
//! and hash joins.

use crate::clause::{HASH, contains_volatile};
use crate::cost::material_cost;
use crate::cost_join::{Cost, JoinInput};
use crate::pathkey::contained_in;
use crate::types::{ClauseRef, JoinPath, Parallel, ParamInfo, Path, PathKey, PathKind, Root, SpecialJoin};
use base::{Error, Result};
use ir::{Expr, JoinKind, RelSet};
use std::rc::Rc;

/// Two relations that are to be joined, outer first.
struct Pair<'j> {
    all: &'j RelSet,
    outer: &'j RelSet,
    inner: &'j RelSet,
    input: JoinInput<'j>,
    /// The one path that stands for a side that was made unique.
    outer_paths: Vec<Rc<Path>>,
    inner_paths: Vec<Rc<Path>>,
    outer_total: Rc<Path>,
    inner_total: Rc<Path>,
    /// Of the outer side, if the join may be part of a parallel plan.
    outer_partial: Vec<Rc<Path>>,
    parallel: bool,
}

/// What rows of others a join needs, and the conditions with them that it checks.
type JoinParam = (Option<Rc<ParamInfo>>, Vec<ClauseRef>);

fn is_outer(kind: JoinKind) -> bool {
    !matches!(kind, JoinKind::Inner | JoinKind::Semi | JoinKind::RightSemi)
}

/// The other sides of parameterised paths' clauses can be moved into a scan of `inner`.
fn movable_into(clause: &ClauseRef, inner: &RelSet, with_outer: &RelSet) -> bool {
    clause.relids.is_subset(with_outer)
        && clause.relids.overlaps(inner)
        && !clause.outer_relids.overlaps(inner)
        && !clause.nullable.overlaps(inner)
        && !clause.delayed
}

impl<'a> Root<'a> {
    pub fn paths_for_pair(
        &mut self,
        all: &RelSet,
        outer: &RelSet,
        inner: &RelSet,
        kind: JoinKind,
        sj: &SpecialJoin,
        clauses: &[ClauseRef],
    ) -> Result<()> {
        let (o, i) = match (self.find_rel(outer), self.find_rel(inner)) {
            (Some(o), Some(i)) => (o, i),
            _ => return Err(Error::internal("a join's input has not been built")),
        };
        let (Some(outer_total), Some(inner_total)) = (o.cheapest_total.clone(), i.cheapest_total.clone())
        else {
            return Ok(());
        };
        let paths = (o.paths.clone(), i.cheapest_parameterized.clone());
        self.join_paths(all, outer, inner, kind, sj, clauses, paths, outer_total, inner_total)
    }

    /// A semijoin as a plain join with its inner side made unique, either way round.
    pub fn paths_with_unique(
        &mut self,
        all: &RelSet,
        left: &RelSet,
        right: &RelSet,
        sj: &SpecialJoin,
        clauses: &[ClauseRef],
    ) -> Result<()> {
        let (Some(unique), Some(other)) = (
            self.find_rel(right).and_then(|r| r.unique_path.clone()),
            self.find_rel(left).and_then(|r| r.cheapest_total.clone()),
        ) else {
            return Ok(());
        };
        let left_paths = self.find_rel(left).map(|r| r.paths.clone()).unwrap_or_default();
        let left_inner = self.find_rel(left).map(|r| r.cheapest_parameterized.clone()).unwrap_or_default();
        let sides = (left_paths, vec![unique.clone()]);
        self.join_paths(
            all,
            left,
            right,
            JoinKind::Inner,
            sj,
            clauses,
            sides,
            other.clone(),
            unique.clone(),
        )?;
        let sides = (vec![unique.clone()], left_inner);
        self.join_paths(all, right, left, JoinKind::Inner, sj, clauses, sides, unique, other)
    }

    fn join_paths(
        &mut self,
        all: &RelSet,
        outer: &RelSet,
        inner: &RelSet,
        kind: JoinKind,
        sj: &SpecialJoin,
        clauses: &[ClauseRef],
        paths: (Vec<Rc<Path>>, Vec<Rc<Path>>),
        outer_total: Rc<Path>,
        inner_total: Rc<Path>,
    ) -> Result<()> {
        let joined = self.find_rel(all).ok_or_else(|| Error::internal("a join has not been built"))?;
        let target = Rc::new(joined.target.clone());
        let rows = joined.rows;
        let parallel = joined.consider_parallel;
        let unlinked = joined.lateral.is_empty();
        let own: Vec<ClauseRef> =
            clauses.iter().filter(|c| !(is_outer(kind) && c.pushed_down)).cloned().collect();
        let is_unique_path = matches!(inner_total.kind, PathKind::UniqueInner { .. });
        let inner_unique =
            !matches!(kind, JoinKind::Semi | JoinKind::Anti | JoinKind::RightSemi | JoinKind::RightAnti)
                && (is_unique_path && sj.semi_operators.len() == own.len()
                    || self.find_rel(inner).is_some_and(|r| self.is_unique_for(r, &own, outer)));
        let factors = if matches!(kind, JoinKind::Semi | JoinKind::Anti) || inner_unique {
            self.match_factors(kind, sj, clauses, inner_total.rows)?
        } else {
            Default::default()
        };
        let input = JoinInput { kind, join: sj, clauses, inner_unique, factors, rows, target: &target };
        for clause in clauses {
            if clause.can_join && !clause.merge_families.is_empty() {
                self.init_merge_classes(clause)?;
            }
        }
        // A side made unique is so as a whole only.
        let outer_whole = matches!(outer_total.kind, PathKind::UniqueInner { .. });
        let outer_partial = match self.find_rel(outer) {
            // Nor can participants mark the inner rows of a right semijoin for one another.
            Some(rel) if parallel && unlinked && !outer_whole && kind != JoinKind::RightSemi => {
                rel.partial_paths.clone()
            }
            _ => Vec::new(),
        };
        let pair = Pair {
            all,
            outer,
            inner,
            input,
            outer_paths: paths.0,
            inner_paths: paths.1,
            outer_total,
            inner_total,
            outer_partial,
            parallel,
        };
        let mut made = Vec::new();
        let (merge, merge_allowed) = self.merge_clauses(&pair);
        if merge_allowed && !matches!(kind, JoinKind::RightSemi) {
            self.sorted_merges(&pair, &merge, &mut made)?;
        }
        if !matches!(kind, JoinKind::Right | JoinKind::RightAnti | JoinKind::RightSemi | JoinKind::Full) {
            self.nestloops(&pair, &mut made)?;
        }
        if merge_allowed && !matches!(kind, JoinKind::RightSemi) {
            self.presorted_merges(&pair, &pair.outer_paths, &pair.inner_total, &merge, &mut made)?;
            self.partial_merges(&pair, &merge, &mut made)?;
        }
        self.hash_joins(&pair, &mut made)?;
        if let Some(rel) = self.find_rel_mut(all) {
            for path in made {
                if path.parallel.workers > 0 { rel.add_partial_path(path) } else { rel.add_path(path) }
            }
        }
        Ok(())
    }

    /// What a join of these paths needs from elsewhere; `None` if such a join is not wanted.
    /// The second part: conditions with those rows that neither side can check by itself, so that the join does.
    fn join_param(&self, pair: &Pair<'_>, outer: &Path, inner: &Path) -> Result<Option<JoinParam>> {
        let (from_outer, from_inner) = (outer.required_outer(), inner.required_outer());
        if from_outer.overlaps(pair.inner) {
            return Ok(None);
        }
        let needs = from_outer.union(&from_inner).difference(pair.outer).difference(pair.inner);
        if needs.is_empty() {
            return Ok(Some((None, Vec::new())));
        }
        let lateral = self.find_rel(pair.all).map(|r| r.lateral.clone()).unwrap_or_default();
        let star = from_inner.overlaps(pair.outer) && !from_inner.is_subset(pair.outer);
        if !needs.is_subset(&lateral) && !star {
            return Ok(None);
        }
        let with_needs = pair.all.union(&needs);
        let checked_by = |side: &RelSet, given: &RelSet, clause: &ClauseRef| {
            !given.is_empty() && movable_into(clause, side, &side.union(given))
        };
        let mut own: Vec<ClauseRef> = Vec::new();
        let classes = self.join_equalities(&with_needs, &needs, pair.all)?;
        let plain = pair.all.iter().flat_map(|rti| &self.base(rti).join_clauses);
        for clause in plain.chain(&classes) {
            if !clause.relids.is_subset(pair.all)
                && movable_into(clause, pair.all, &with_needs)
                && !checked_by(pair.outer, &from_outer, clause)
                && !checked_by(pair.inner, &from_inner, clause)
                && !own.iter().any(|known| Rc::ptr_eq(known, clause))
            {
                own.push(clause.clone());
            }
        }
        let param = ParamInfo { outer: needs, rows: pair.input.rows, clauses: Vec::new() };
        Ok(Some((Some(Rc::new(param)), own)))
    }

    /// The join as a path; one of a partial outer side is partial itself.
    fn finish(
        &self,
        pair: &Pair<'_>,
        kind: PathKind,
        cost: Cost,
        keys: Vec<PathKey>,
        param: Option<Rc<ParamInfo>>,
    ) -> Rc<Path> {
        let (PathKind::NestLoop(join) | PathKind::MergeJoin { join, .. } | PathKind::HashJoin { join, .. }) =
            &kind
        else {
            unreachable!("joins are made of these")
        };
        let safe = pair.parallel && join.outer.parallel.safe && join.inner.parallel.safe;
        let aware = matches!(kind, PathKind::HashJoin { shared: true, .. });
        let parallel = Parallel { aware, safe, workers: join.outer.parallel.workers };
        Rc::new(Path {
            kind,
            relids: pair.all.clone(),
            rti: 0,
            target: pair.input.target.clone(),
            rows: self.participant_rows(parallel.workers, pair.input.rows),
            startup: cost.startup,
            total: cost.total,
            disabled: cost.disabled,
            keys,
            param,
            parallel,
        })
    }

    /// Of these rows, those that one of the participants finds.
    fn participant_rows(&self, workers: usize, rows: f64) -> f64 {
        match workers {
            0 => rows,
            _ => crate::cost::clamp_rows(rows / self.parallel_divisor(workers)),
        }
    }

    /// What the costs of a join with this outer side depend on.
    fn input_of<'j>(&self, pair: &Pair<'j>, outer: &Path) -> JoinInput<'j> {
        JoinInput { rows: self.participant_rows(outer.parallel.workers, pair.input.rows), ..pair.input }
    }

    /// The cheapest path of the inner side that every worker may run by itself.
    fn cheapest_safe_inner(&self, pair: &Pair<'_>) -> Option<Rc<Path>> {
        if pair.inner_total.parallel.safe {
            return Some(pair.inner_total.clone());
        }
        if matches!(pair.inner_total.kind, PathKind::UniqueInner { .. }) {
            return None;
        }
        let rel = self.find_rel(pair.inner)?;
        rel.paths.iter().find(|p| p.parallel.safe && p.param.is_none()).cloned()
    }

    fn nestloops(&self, pair: &Pair<'_>, made: &mut Vec<Rc<Path>>) -> Result<()> {
        let material = (self.costs().enable_material
            && pair.inner_total.param.is_none()
            && !path_materializes(&pair.inner_total))
        .then(|| material_path(self, &pair.inner_total));
        for outer in &pair.outer_paths {
            if outer.required_outer().overlaps(pair.inner) {
                continue;
            }
            for inner in &pair.inner_paths {
                self.nestloop(pair, outer, inner, made)?;
                if let Some(memoize) = self.memoize(pair, outer, inner)? {
                    self.nestloop(pair, outer, &memoize, made)?;
                }
            }
            if let Some(material) = &material {
                self.nestloop(pair, outer, material, made)?;
            }
        }
        for outer in &pair.outer_partial {
            let safe = |p: &&Rc<Path>| p.parallel.safe && p.required_outer().is_subset(pair.outer);
            for inner in pair.inner_paths.iter().filter(safe) {
                self.nestloop(pair, outer, inner, made)?;
                if let Some(memoize) = self.memoize(pair, outer, inner)? {
                    self.nestloop(pair, outer, &memoize, made)?;
                }
            }
            let unique = matches!(pair.inner_total.kind, PathKind::UniqueInner { .. });
            if let Some(material) = material.as_ref().filter(|m| m.parallel.safe && !unique) {
                self.nestloop(pair, outer, material, made)?;
            }
        }
        Ok(())
    }

    fn nestloop(
        &self,
        pair: &Pair<'_>,
        outer: &Rc<Path>,
        inner: &Rc<Path>,
        made: &mut Vec<Rc<Path>>,
    ) -> Result<()> {
        let Some((param, own)) = self.join_param(pair, outer, inner)? else { return Ok(()) };
        let needs = inner.required_outer();
        let with_outer = pair.inner.union(&needs);
        let moved = needs.overlaps(pair.outer);
        let clauses: Vec<ClauseRef> = pair
            .input
            .clauses
            .iter()
            .filter(|c| !(moved && movable_into(c, pair.inner, &with_outer)))
            .cloned()
            .chain(own)
            .collect();
        let indexed = moved && clauses.is_empty() && checks_by_index(inner);
        let input = self.input_of(pair, outer);
        let cost = self.nestloop_cost(&input, outer, inner, &clauses, indexed, input.rows)?;
        let keys = self.join_keys(pair.all, pair.input.kind, &outer.keys);
        let kind = PathKind::NestLoop(JoinPath {
            kind: pair.input.kind,
            outer: outer.clone(),
            inner: inner.clone(),
            clauses,
            inner_unique: pair.input.inner_unique,
        });
        made.push(self.finish(pair, kind, cost, keys, param));
        Ok(())
    }

    /// A cache of the inner side's rows by the values it depends on.
    fn memoize(&self, pair: &Pair<'_>, outer: &Path, inner: &Rc<Path>) -> Result<Option<Rc<Path>>> {
        let Some(param) = &inner.param else { return Ok(None) };
        if !self.costs().enable_memoize
            || outer.rows < 2.0
            || param.clauses.is_empty()
            || !param.outer.is_subset(&outer.relids)
        {
            return Ok(None);
        }
        let stops = matches!(pair.input.kind, JoinKind::Semi | JoinKind::Anti);
        if (stops && !pair.input.inner_unique)
            || (pair.input.inner_unique && param.clauses.len() < pair.input.clauses.len())
        {
            return Ok(None);
        }
        let rel = match self.find_rel(pair.inner) {
            Some(rel) if rel.relids.len() == 1 && rel.lateral.is_empty() => rel,
            _ => return Ok(None),
        };
        for clause in &rel.restrictions {
            if contains_volatile(self.session(), &clause.expr)? {
                return Ok(None);
            }
        }
        let (mut keys, mut operators, mut binary_mode) = (Vec::new(), Vec::new(), false);
        for clause in &param.clauses {
            let Expr::Op(op) = &clause.expr else { return Ok(None) };
            if op.args.len() != 2 {
                return Ok(None);
            }
            let across = |outside: &RelSet, inside: &RelSet| {
                outside.is_subset(&outer.relids) && inside.is_subset(pair.inner)
            };
            let side = match (across(&clause.right, &clause.left), across(&clause.left, &clause.right)) {
                (true, _) => &op.args[1],
                (_, true) => &op.args[0],
                // What it compares is known within the inner side only.
                _ => return Ok(None),
            };
            let type_oid = ir::expr_type(side);
            let Some(class) = self.session().default_opclass(type_oid, HASH)? else { return Ok(None) };
            let Some(equality) =
                self.session().family_operator(class.opcfamily, class.opcintype, class.opcintype, 1)?
            else {
                return Ok(None);
            };
            binary_mode |= clause.hash_operator.0 == 0;
            if !keys.contains(side) {
                keys.push(side.clone());
                operators.push(equality);
            }
        }
        let costs = self.costs();
        let calls = outer.rows;
        let mut entry =
            crate::cost::relation_bytes(inner.rows, inner.target.width) + 64.0 + 24.0 * inner.rows;
        for key in &keys {
            entry += f64::from(self.expr_width(key)?);
        }
        let distinct = self.distinct_of(&keys, calls);
        let entries = (costs.hash_memory() / entry).floor().min(distinct).min(f64::from(u32::MAX));
        Ok(Some(Rc::new(Path {
            kind: PathKind::Memoize {
                child: inner.clone(),
                keys,
                operators,
                single_row: pair.input.inner_unique,
                binary_mode,
                calls,
                entries: entries as u32,
            },
            relids: inner.relids.clone(),
            rti: inner.rti,
            target: inner.target.clone(),
            rows: inner.rows,
            startup: inner.startup + costs.cpu_tuple,
            total: inner.total + costs.cpu_tuple,
            disabled: inner.disabled,
            keys: inner.keys.clone(),
            param: inner.param.clone(),
            parallel: inner.parallel,
        })))
    }

    /// The conditions that a merge join could use, and whether it may be used at all.
    fn merge_clauses(&self, pair: &Pair<'_>) -> (Vec<ClauseRef>, bool) {
        let kind = pair.input.kind;
        let whole = matches!(kind, JoinKind::Right | JoinKind::RightAnti | JoinKind::Full);
        let mut found = Vec::new();
        let mut allowed = true;
        for clause in pair.input.clauses {
            if is_outer(kind) && clause.pushed_down {
                continue;
            }
            if clause.can_join && !clause.merge_families.is_empty() && self.sides_match(clause, pair) {
                found.push(clause.clone());
            } else if whole && crate::clause::const_bool(&clause.expr).is_none() {
                allowed = false;
            }
        }
        (found, allowed)
    }

    fn sides_match(&self, clause: &ClauseRef, pair: &Pair<'_>) -> bool {
        (clause.left.is_subset(pair.outer) && clause.right.is_subset(pair.inner))
            || (clause.left.is_subset(pair.inner) && clause.right.is_subset(pair.outer))
    }

    fn sorted_merges(
        &mut self,
        pair: &Pair<'_>,
        clauses: &[ClauseRef],
        made: &mut Vec<Rc<Path>>,
    ) -> Result<()> {
        if clauses.is_empty() || pair.outer_total.param.is_some() || pair.inner_total.param.is_some() {
            return Ok(());
        }
        let all_keys = self.outer_keys_for_merge(clauses, pair.outer, pair.all);
        for front in 0..all_keys.len() {
            let mut keys = all_keys.clone();
            let first = keys.remove(front);
            keys.insert(0, first);
            let used = self.merge_clauses_for(&keys, clauses, pair.outer);
            let inner_keys = self.inner_keys_for_merge(&used, &keys, pair.outer);
            if let Some(outer) = pair.outer_partial.first()
                && !matches!(pair.input.kind, JoinKind::Full | JoinKind::Right | JoinKind::RightAnti)
                && let Some(inner) = self.cheapest_safe_inner(pair)
            {
                self.merge(pair, outer, &inner, &used, keys.clone(), inner_keys.clone(), made)?;
            }
            self.merge(pair, &pair.outer_total, &pair.inner_total, &used, keys, inner_keys, made)?;
        }
        Ok(())
    }

    /// Merge joins of an outer side that participants share out; each reads the whole inner side.
    fn partial_merges(
        &mut self,
        pair: &Pair<'_>,
        clauses: &[ClauseRef],
        made: &mut Vec<Rc<Path>>,
    ) -> Result<()> {
        // Participants do not know which inner rows found no partner with any of them.
        if matches!(pair.input.kind, JoinKind::Full | JoinKind::Right | JoinKind::RightAnti) {
            return Ok(());
        }
        match self.cheapest_safe_inner(pair) {
            Some(inner) if !pair.outer_partial.is_empty() => {
                self.presorted_merges(pair, &pair.outer_partial, &inner, clauses, made)
            }
            _ => Ok(()),
        }
    }

    fn presorted_merges(
        &mut self,
        pair: &Pair<'_>,
        outers: &[Rc<Path>],
        inner_total: &Rc<Path>,
        clauses: &[ClauseRef],
        made: &mut Vec<Rc<Path>>,
    ) -> Result<()> {
        // A full join without conditions has no other way than a merge by no keys.
        let keyless = pair.input.kind == JoinKind::Full && clauses.is_empty();
        for outer in outers {
            if (outer.keys.is_empty() && !keyless) || outer.param.is_some() {
                continue;
            }
            let used = self.merge_clauses_for(&outer.keys, clauses, pair.outer);
            if (used.is_empty() && !keyless)
                || (pair.input.kind == JoinKind::Full && used.len() != clauses.len())
            {
                continue;
            }
            let inner_keys = self.inner_keys_for_merge(&used, &outer.keys, pair.outer);
            if inner_total.param.is_none() {
                self.merge(pair, outer, inner_total, &used, outer.keys.clone(), inner_keys.clone(), made)?;
            }
            let none = RelSet::new();
            let mut known: Option<Rc<Path>> = None;
            let inner_all = self.find_rel(pair.inner).map(|r| r.paths.clone()).unwrap_or_default();
            if matches!(inner_total.kind, PathKind::UniqueInner { .. }) {
                continue;
            }
            let inner_all: Vec<Rc<Path>> =
                inner_all.into_iter().filter(|p| outer.parallel.workers == 0 || p.parallel.safe).collect();
            for length in (1..=inner_keys.len()).rev() {
                let keys = &inner_keys[..length];
                let Some(inner) = self.cheapest_ordered(&inner_all, keys, &none, false) else { continue };
                if known.as_ref().is_some_and(|k| Rc::ptr_eq(k, &inner)) {
                    continue;
                }
                let trimmed = if length < inner_keys.len() {
                    self.trim_merge_clauses(&used, keys, pair.outer)
                } else {
                    used.clone()
                };
                let partial = trimmed.len() != clauses.len();
                if !trimmed.is_empty() && (pair.input.kind != JoinKind::Full || !partial) {
                    self.merge(pair, outer, &inner, &trimmed, outer.keys.clone(), keys.to_vec(), made)?;
                }
                known = Some(inner);
            }
        }
        Ok(())
    }

    fn merge(
        &self,
        pair: &Pair<'_>,
        outer: &Rc<Path>,
        inner: &Rc<Path>,
        clauses: &[ClauseRef],
        outer_keys: Vec<PathKey>,
        inner_keys: Vec<PathKey>,
        made: &mut Vec<Rc<Path>>,
    ) -> Result<()> {
        let keyless = clauses.is_empty() && pair.input.kind != JoinKind::Full;
        if keyless || !matches!(self.join_param(pair, outer, inner)?, Some((None, _))) {
            return Ok(());
        }
        let sort_outer = !contained_in(&outer_keys, &outer.keys);
        let sort_inner = !contained_in(&inner_keys, &inner.keys);
        let sorted_outer = match sort_outer {
            true => self.sort_for(outer, outer, &outer_keys, -1.0)?.unwrap_or_else(|| outer.clone()),
            false => outer.clone(),
        };
        let sorted_inner =
            if sort_inner { self.sort_path(inner, inner_keys.clone(), -1.0) } else { inner.clone() };
        let input = self.input_of(pair, outer);
        let (cost, materialize, skip_mark_restore) =
            self.mergejoin_cost(&input, &sorted_outer, &sorted_inner, clauses, sort_inner)?;
        let keys = self.join_keys(pair.all, pair.input.kind, &sorted_outer.keys);
        let kind = PathKind::MergeJoin {
            join: JoinPath {
                kind: pair.input.kind,
                outer: sorted_outer,
                inner: sorted_inner,
                clauses: pair.input.clauses.to_vec(),
                inner_unique: pair.input.inner_unique,
            },
            clauses: clauses.to_vec(),
            skip_mark_restore,
            materialize,
        };
        made.push(self.finish(pair, kind, cost, keys, None));
        Ok(())
    }

    fn hash_joins(&self, pair: &Pair<'_>, made: &mut Vec<Rc<Path>>) -> Result<()> {
        let kind = pair.input.kind;
        let clauses: Vec<ClauseRef> = pair
            .input
            .clauses
            .iter()
            .filter(|c| !(is_outer(kind) && c.pushed_down))
            .filter(|c| c.can_join && c.hash_operator.is_valid() && self.sides_match(c, pair))
            .cloned()
            .collect();
        let whole =
            matches!(kind, JoinKind::Right | JoinKind::RightAnti | JoinKind::Full | JoinKind::RightSemi);
        if clauses.is_empty()
            || (kind == JoinKind::Full && pair.input.clauses.iter().any(|c| c.pushed_down)) && !whole
        {
            return Ok(());
        }
        if pair.inner_total.required_outer().overlaps(pair.outer)
            || pair.outer_total.required_outer().overlaps(pair.inner)
        {
            return Ok(());
        }
        let startup = self.find_rel(pair.outer).and_then(|r| r.cheapest_startup.clone());
        let mut outers = vec![pair.outer_total.clone()];
        if let Some(startup) = startup
            && pair.outer_paths.len() > 1
            && !Rc::ptr_eq(&startup, &pair.outer_total)
        {
            outers.push(startup);
        }
        for outer in outers {
            self.hash_join(pair, &outer, &pair.inner_total, &clauses, false, made)?;
        }
        let Some(outer) = pair.outer_partial.first() else { return Ok(()) };
        let unique = matches!(pair.inner_total.kind, PathKind::UniqueInner { .. });
        if self.costs().enable_parallel_hash
            && !unique
            && let Some(inner) = self.find_rel(pair.inner).and_then(|rel| rel.partial_paths.first().cloned())
        {
            self.hash_join(pair, outer, &inner, &clauses, true, made)?;
        }
        // Without a hash table in common, nobody knows which inner rows found no partner at all.
        if !whole && let Some(inner) = self.cheapest_safe_inner(pair) {
            self.hash_join(pair, outer, &inner, &clauses, false, made)?;
        }
        Ok(())
    }

    fn hash_join(
        &self,
        pair: &Pair<'_>,
        outer: &Rc<Path>,
        inner: &Rc<Path>,
        clauses: &[ClauseRef],
        shared: bool,
        made: &mut Vec<Rc<Path>>,
    ) -> Result<()> {
        let Some((param, own)) = self.join_param(pair, outer, inner)? else { return Ok(()) };
        let input = self.input_of(pair, outer);
        let (cost, batches) = self.hashjoin_cost(&input, outer, inner, clauses, shared)?;
        let path = PathKind::HashJoin {
            join: JoinPath {
                kind: pair.input.kind,
                outer: outer.clone(),
                inner: inner.clone(),
                clauses: pair.input.clauses.iter().cloned().chain(own).collect(),
                inner_unique: pair.input.inner_unique,
            },
            clauses: clauses.to_vec(),
            batches,
            shared,
        };
        made.push(self.finish(pair, path, cost, Vec::new(), param));
        Ok(())
    }

    /// Equalities between a relation and others that the classes imply.
    fn equalities_with(&self, rti: usize, outer: &RelSet) -> Result<Vec<ClauseRef>> {
        match self.append_parent(rti) {
            None => {
                let own = RelSet::single(rti);
                self.join_equalities(&own.union(outer), outer, &own)
            }
            Some(member) => {
                let of_parent = self.equalities_with(member.parent, outer)?;
                of_parent.iter().map(|clause| self.translated(clause, member)).collect()
            }
        }
    }

    /// What a scan of a base relation enforces when these relations' rows are given; always the same for the same ones.
    pub fn base_param(&self, rti: usize, outer: &RelSet) -> Result<Option<Rc<ParamInfo>>> {
        if outer.is_empty() {
            return Ok(None);
        }
        let rel = self.base(rti);
        if let Some(known) = rel.param_paths.borrow().iter().find(|p| p.outer == *outer) {
            return Ok(Some(known.clone()));
        }
        let with_outer = rel.relids.union(outer);
        let mut clauses: Vec<ClauseRef> = rel
            .join_clauses
            .iter()
            .filter(|c| movable_into(c, &rel.relids, &with_outer) && !c.relids.is_subset(&rel.relids))
            .cloned()
            .collect();
        clauses.extend(self.equalities_with(rti, outer)?);
        let mut exprs: Vec<Expr> = clauses.iter().map(|c| c.expr.clone()).collect();
        exprs.extend(rel.restrictions.iter().map(|c| c.expr.clone()));
        let selectivity = self.exprs_selectivity(&exprs, crate::selectivity::Context::filter(rti))?;
        let rows = crate::cost::clamp_rows(rel.tuples * selectivity).min(rel.rows);
        let info = Rc::new(ParamInfo { outer: outer.clone(), rows, clauses });
        rel.param_paths.borrow_mut().push(info.clone());
        Ok(Some(info))
    }
}

/// Nodes that keep their rows anyway.
pub(crate) fn path_materializes(path: &Path) -> bool {
    matches!(
        path.kind,
        PathKind::Material { .. }
            | PathKind::FunctionScan
            | PathKind::CteScan { .. }
            | PathKind::WorkTableScan { .. }
            | PathKind::NamedTuplestoreScan
            | PathKind::Sort { .. }
    )
}

pub(crate) fn material_path(root: &Root<'_>, child: &Rc<Path>) -> Rc<Path> {
    let (startup, total) =
        material_cost(root.costs(), child.startup, child.total, child.rows, child.target.width);
    Rc::new(Path {
        kind: PathKind::Material { child: child.clone() },
        relids: child.relids.clone(),
        rti: 0,
        target: child.target.clone(),
        rows: child.rows,
        startup,
        total,
        disabled: child.disabled,
        keys: child.keys.clone(),
        param: child.param.clone(),
        parallel: Parallel { aware: false, ..child.parallel },
    })
}

/// All conditions that come with the parameters are index conditions.
fn checks_by_index(path: &Path) -> bool {
    let Some(param) = &path.param else { return false };
    match &path.kind {
        PathKind::Index { clauses, .. } => {
            !param.clauses.is_empty()
                && param
                    .clauses
                    .iter()
                    .all(|c| clauses.iter().any(|i| Rc::ptr_eq(&i.clause, c) || same_class(&i.clause, c)))
        }
        PathKind::BitmapHeap { index } => match &index.kind {
            PathKind::Index { clauses, .. } => param
                .clauses
                .iter()
                .all(|c| clauses.iter().any(|i| Rc::ptr_eq(&i.clause, c) || same_class(&i.clause, c))),
            _ => false,
        },
        PathKind::Memoize { child, .. } => checks_by_index(child),
        _ => false,
    }
}

/// Both were made of one equivalence class to join with other relations, so that one of them is enough. Comparisons of
/// its members with constants are not such: each member needs its own.
pub(crate) fn same_class(a: &ClauseRef, b: &ClauseRef) -> bool {
    a.parent_ec.is_some() && a.parent_ec == b.parent_ec
}
