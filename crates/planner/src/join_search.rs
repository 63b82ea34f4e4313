//! The search for the best order of joins: dynamic programming over sets of relations, greedy beyond a dozen.

use crate::deconstruct::JoinItem;
use crate::types::{ClauseRef, Parallel, Path, PathKind, Rel, Root, SpecialJoin, Target};
use base::{Error, Result};
use ir::{JoinKind, RelSet};
use std::rc::Rc;

/// From this many items on the search is greedy.
const EXHAUSTIVE_LIMIT: usize = 11;

/// Which join of which sides.
#[derive(Clone)]
struct Legal {
    join: Option<SpecialJoin>,
    reversed: bool,
}

/// How one path compares with another.
#[derive(Clone, Copy, PartialEq)]
enum Compared {
    Equal,
    Better,
    Worse,
    Different,
}

const FUZZ: f64 = 1.01;

fn compare_costs(a: &Path, b: &Path, startup_matters: bool) -> Compared {
    if a.disabled != b.disabled {
        return if a.disabled < b.disabled { Compared::Better } else { Compared::Worse };
    }
    if a.total > b.total * FUZZ {
        return if startup_matters && b.startup > a.startup * FUZZ {
            Compared::Different
        } else {
            Compared::Worse
        };
    }
    if b.total > a.total * FUZZ {
        return if startup_matters && a.startup > b.startup * FUZZ {
            Compared::Different
        } else {
            Compared::Better
        };
    }
    if a.startup > b.startup * FUZZ {
        return Compared::Worse;
    }
    if b.startup > a.startup * FUZZ {
        return Compared::Better;
    }
    Compared::Equal
}

/// Adds a path to a list unless another is as good in every respect; drops those it beats.
pub(crate) fn add_path(paths: &mut Vec<Rc<Path>>, new: Rc<Path>, startup: bool, param_startup: bool) {
    use crate::pathkey::contained_in;
    let new_keys: &[_] = if new.param.is_some() { &[] } else { &new.keys };
    let mut accept = true;
    let mut kept = Vec::with_capacity(paths.len() + 1);
    for old in paths.drain(..) {
        let mut remove = false;
        if accept {
            let matters = if new.param.is_some() { param_startup } else { startup };
            let cost = compare_costs(&new, &old, matters);
            let old_keys: &[_] = if old.param.is_some() { &[] } else { &old.keys };
            let (new_covers, old_covers) =
                (contained_in(old_keys, new_keys), contained_in(new_keys, old_keys));
            if cost != Compared::Different && (new_covers || old_covers) {
                let (no, oo) = (new.required_outer(), old.required_outer());
                let (new_less, old_less) = (no.is_subset(&oo), oo.is_subset(&no));
                let (new_safe, old_safe) = (new.parallel.safe, old.parallel.safe);
                let new_serves = new_covers && new_less && new.rows <= old.rows && new_safe >= old_safe;
                let old_serves = old_covers && old_less && new.rows >= old.rows && new_safe <= old_safe;
                match cost {
                    Compared::Better if new_serves => remove = true,
                    Compared::Worse if old_serves => accept = false,
                    Compared::Equal => {
                        if new_covers && old_covers && new_less && old_less {
                            if new_safe != old_safe {
                                if new_safe { remove = true } else { accept = false }
                            } else if new.rows < old.rows {
                                remove = true;
                            } else if new.rows > old.rows {
                                accept = false;
                            } else {
                                let exact = |a: &Path, b: &Path| {
                                    (a.total, a.startup) < (b.total * 0.999_999_999_9, b.startup)
                                };
                                if exact(&new, &old) { remove = true } else { accept = false }
                            }
                        } else if new_serves {
                            remove = true;
                        } else if old_serves {
                            accept = false;
                        }
                    }
                    _ => {}
                }
            }
        }
        if !remove {
            kept.push(old);
        }
    }
    if accept {
        let at = kept.partition_point(|p| (p.disabled, p.total) <= (new.disabled, new.total));
        kept.insert(at, new);
    }
    *paths = kept;
}

impl<'a> Rel<'a> {
    pub fn add_path(&mut self, path: Rc<Path>) {
        add_path(&mut self.paths, path, self.consider_startup, self.consider_param_startup);
    }

    pub fn add_partial_path(&mut self, path: Rc<Path>) {
        crate::parallel::add_partial_path(&mut self.partial_paths, path);
    }

    /// Chooses the cheapest paths once all are known.
    pub fn set_cheapest(&mut self) -> Result<()> {
        let free: Vec<&Rc<Path>> = self.paths.iter().filter(|p| p.param.is_none()).collect();
        let by = |key: fn(&Path) -> f64| -> Option<Rc<Path>> {
            free.iter()
                .min_by(|a, b| (a.disabled).cmp(&b.disabled).then(key(a).total_cmp(&key(b))))
                .map(|p| (*p).clone())
        };
        let (startup, total) = (by(|p| p.startup), by(|p| p.total));
        let parameterized: Vec<Rc<Path>> = self.paths.iter().filter(|p| p.param.is_some()).cloned().collect();
        self.cheapest_startup = startup;
        self.cheapest_total = total.clone().or_else(|| parameterized.first().cloned());
        self.cheapest_parameterized = total.into_iter().chain(parameterized).collect();
        if self.cheapest_total.is_none() {
            return Err(Error::internal("could not devise a query plan for the given query"));
        }
        Ok(())
    }
}

impl<'a> Root<'a> {
    /// Joins everything; returns the set of all relations.
    pub fn search_joins(&mut self, items: &[JoinItem]) -> Result<RelSet> {
        let mut sets = Vec::with_capacity(items.len());
        for item in items {
            sets.push(match item {
                JoinItem::Relation(rti) => RelSet::single(*rti),
                JoinItem::List(list) => self.search_joins(list)?,
            });
        }
        if sets.len() == 1 {
            return Ok(sets.remove(0));
        }
        if sets.len() > EXHAUSTIVE_LIMIT { self.greedy(sets) } else { self.exhaustive(sets) }
    }

    fn exhaustive(&mut self, initial: Vec<RelSet>) -> Result<RelSet> {
        let count = initial.len();
        let mut levels: Vec<Vec<RelSet>> = vec![Vec::new(), initial];
        for level in 2..=count {
            self.session().interrupt_check()?;
            let mut made: Vec<RelSet> = Vec::new();
            let mut pairs: Vec<(RelSet, RelSet)> = Vec::new();
            for (i, old) in levels[level - 1].iter().enumerate() {
                let joinable = self.has_join_clause(old);
                for (j, other) in levels[1].iter().enumerate() {
                    if level == 2 && j <= i || other.overlaps(old) {
                        continue;
                    }
                    if !joinable || self.relevant(old, other) {
                        pairs.push((old.clone(), other.clone()));
                    }
                }
            }
            for k in 2..=level / 2 {
                let other_level = level - k;
                for (i, old) in levels[k].iter().enumerate() {
                    if !self.has_join_clause(old) {
                        continue;
                    }
                    let skip = if k == other_level { i + 1 } else { 0 };
                    for new in levels[other_level].iter().skip(skip) {
                        if !new.overlaps(old) && self.relevant(old, new) {
                            pairs.push((old.clone(), new.clone()));
                        }
                    }
                }
            }
            self.join_pairs(&pairs, &mut made)?;
            if made.is_empty() {
                let mut pairs = Vec::new();
                for old in &levels[level - 1] {
                    for other in &levels[1] {
                        if !other.overlaps(old) {
                            pairs.push((old.clone(), other.clone()));
                        }
                    }
                }
                self.join_pairs(&pairs, &mut made)?;
            }
            if made.is_empty() && self.special_joins.is_empty() {
                return Err(Error::internal(format!("failed to build any {level}-way joins")));
            }
            for set in &made {
                self.finish_join_rel(set)?;
            }
            levels.push(made);
        }
        levels[count].first().cloned().ok_or_else(|| Error::internal("failed to build the final join"))
    }

    fn join_pairs(&mut self, pairs: &[(RelSet, RelSet)], made: &mut Vec<RelSet>) -> Result<()> {
        for (a, b) in pairs {
            if let Some(set) = self.make_join(a, b)?
                && !made.contains(&set)
            {
                made.push(set);
            }
        }
        Ok(())
    }

    /// Joins the pair with the fewest rows, again and again.
    fn greedy(&mut self, mut sets: Vec<RelSet>) -> Result<RelSet> {
        while sets.len() > 1 {
            self.session().interrupt_check()?;
            let mut best: Option<(bool, f64, usize, usize, RelSet)> = None;
            for i in 0..sets.len() {
                for j in i + 1..sets.len() {
                    let related = self.relevant(&sets[i], &sets[j]);
                    if !related && best.as_ref().is_some_and(|b| !b.0) {
                        continue;
                    }
                    let (a, b) = (sets[i].clone(), sets[j].clone());
                    let Some(set) = self.make_join(&a, &b)? else { continue };
                    let rows = self.find_rel(&set).map_or(f64::MAX, |r| r.rows);
                    if best.as_ref().is_none_or(|b| (!related, rows) < (b.0, b.1)) {
                        best = Some((!related, rows, i, j, set));
                    }
                }
            }
            let Some((_, _, i, j, set)) = best else {
                return Err(Error::internal("failed to find a valid join order"));
            };
            self.finish_join_rel(&set)?;
            sets.remove(j);
            sets[i] = set;
        }
        Ok(sets.remove(0))
    }

    fn finish_join_rel(&mut self, set: &RelSet) -> Result<()> {
        if *set != self.all_base {
            self.gather_rel(set)?;
        }
        match self.find_rel_mut(set) {
            Some(rel) => rel.set_cheapest(),
            None => Ok(()),
        }
    }

    fn has_join_clause(&self, set: &RelSet) -> bool {
        set.iter().any(|rti| {
            let rel = self.base(rti);
            rel.has_ec_joins || rel.join_clauses.iter().any(|c| !c.required.is_subset(set))
        }) || self.special_joins.iter().any(|sj| {
            (sj.min_left.is_subset(set) && !sj.min_right.overlaps(set))
                || (sj.min_right.overlaps(set) && !sj.min_left.overlaps(set))
        }) || self.lateral_refs.iter().any(|_| true)
    }

    /// A condition, a lateral reference or a rule of order connects the two.
    fn relevant(&self, a: &RelSet, b: &RelSet) -> bool {
        let (from, to) = if a.len() <= b.len() { (a, b) } else { (b, a) };
        from.iter().any(|rti| self.base(rti).join_clauses.iter().any(|c| c.required.overlaps(to)))
            || self.have_ec_join(a, b)
            || self.restricted_order(a, b)
    }

    fn restricted_order(&self, a: &RelSet, b: &RelSet) -> bool {
        let lateral = |x: &RelSet, y: &RelSet| x.iter().any(|r| self.base(r).direct_lateral.overlaps(y));
        if lateral(a, b) || lateral(b, a) {
            return true;
        }
        self.special_joins.iter().any(|sj| {
            let sides = |x: &RelSet, y: &RelSet| sj.min_left.is_subset(x) && sj.min_right.is_subset(y);
            sides(a, b)
                || sides(b, a)
                || (sj.min_right.overlaps(a) && sj.min_right.overlaps(b))
                || (sj.min_left.overlaps(a) && sj.min_left.overlaps(b))
        })
    }

    fn unique_inner_possible(&self, sj: &SpecialJoin, rel: &RelSet) -> bool {
        // Rows that depend on others' are not made unique.
        let whole = |rel: &Rel<'_>| rel.cheapest_total.as_ref().is_some_and(|p| p.param.is_none());
        sj.kind == JoinKind::Semi
            && sj.syn_right == *rel
            && (sj.semi_can_btree || sj.semi_can_hash)
            && self.find_rel(rel).is_some_and(whole)
    }

    fn legal(&self, a: &RelSet, b: &RelSet) -> Option<Legal> {
        let all = a.union(b);
        let mut found: Option<(SpecialJoin, bool, bool)> = None;
        let mut must_be_left = false;
        for sj in &self.special_joins {
            if !sj.min_right.overlaps(&all) || all.is_subset(&sj.min_right) {
                continue;
            }
            let inside = |x: &RelSet| sj.min_left.is_subset(x) && sj.min_right.is_subset(x);
            if inside(a) || inside(b) {
                continue;
            }
            if sj.kind == JoinKind::Semi {
                let unique_in = |x: &RelSet| sj.syn_right.is_subset(x) && sj.syn_right != *x;
                if unique_in(a) || unique_in(b) {
                    continue;
                }
            }
            let (reversed, unique) = if sj.min_left.is_subset(a) && sj.min_right.is_subset(b) {
                (false, false)
            } else if sj.min_left.is_subset(b) && sj.min_right.is_subset(a) {
                (true, false)
            } else if self.unique_inner_possible(sj, b) {
                (false, true)
            } else if self.unique_inner_possible(sj, a) {
                (true, true)
            } else {
                if a.overlaps(&sj.min_right) && b.overlaps(&sj.min_right) {
                    continue;
                }
                if sj.kind != JoinKind::Left || all.overlaps(&sj.min_left) {
                    return None;
                }
                must_be_left = true;
                continue;
            };
            if found.is_some() {
                return None;
            }
            found = Some((sj.clone(), reversed, unique));
        }
        if must_be_left && found.as_ref().is_none_or(|f| f.0.kind != JoinKind::Left || !f.0.lhs_strict) {
            return None;
        }
        let lateral = |x: &RelSet, y: &RelSet| x.iter().any(|r| self.base(r).lateral.overlaps(y));
        let (a_needs, b_needs) = (lateral(a, b), lateral(b, a));
        if a_needs && b_needs {
            return None;
        }
        if let Some((sj, reversed, _)) = &found {
            let (outer_needs_inner, full) =
                (if *reversed { b_needs } else { a_needs }, sj.kind == JoinKind::Full);
            if outer_needs_inner || (full && (a_needs || b_needs)) {
                return None;
            }
        }
        Some(match found {
            Some((sj, reversed, _)) => Legal { join: Some(sj), reversed },
            None => Legal { join: None, reversed: false },
        })
    }

    fn make_join(&mut self, a: &RelSet, b: &RelSet) -> Result<Option<RelSet>> {
        let Some(legal) = self.legal(a, b) else { return Ok(None) };
        let (left, right) = if legal.reversed { (b.clone(), a.clone()) } else { (a.clone(), b.clone()) };
        let all = left.union(&right);
        let sj = legal.join.clone().unwrap_or_else(|| plain_join(&left, &right));
        let clauses = self.join_clauses(&all, &left, &right)?;
        if !self.join_rels.contains_key(&all) {
            self.build_join_rel(&all, &left, &right, &sj, &clauses)?;
        }
        self.add_join_paths(&all, &left, &right, &sj, &clauses)?;
        Ok(Some(all))
    }

    /// The conditions that a join of these two checks.
    pub fn join_clauses(&self, all: &RelSet, left: &RelSet, right: &RelSet) -> Result<Vec<ClauseRef>> {
        let mut found: Vec<ClauseRef> = Vec::new();
        for rti in all.iter() {
            for clause in &self.base(rti).join_clauses {
                let here = clause.required.is_subset(all)
                    && !clause.required.is_subset(left)
                    && !clause.required.is_subset(right);
                if here && !found.iter().any(|c| Rc::ptr_eq(c, clause)) {
                    found.push(clause.clone());
                }
            }
        }
        found.extend(self.join_equalities(all, left, right)?);
        Ok(found)
    }

    fn build_join_rel(
        &mut self,
        all: &RelSet,
        left: &RelSet,
        right: &RelSet,
        sj: &SpecialJoin,
        clauses: &[ClauseRef],
    ) -> Result<()> {
        let mut rel = Rel::empty(all.clone(), 0);
        rel.consider_startup = self.tuple_fraction > 0.0;
        rel.consider_param_startup = false;
        let mut target = Target::default();
        for side in [left, right] {
            let below =
                self.find_rel(side).ok_or_else(|| Error::internal("a join's input has not been built"))?;
            for (i, expr) in below.target.exprs.iter().enumerate() {
                let needed = match expr {
                    ir::Expr::Var(v) => crate::clause::var_rti(v)
                        .and_then(|rti| self.base(rti).needed.get(&v.attribute))
                        .is_some_and(|n| !n.is_subset(all)),
                    _ => true,
                };
                if needed {
                    target.exprs.push(expr.clone());
                    target.refs.push(below.target.refs.get(i).copied().unwrap_or(0));
                }
            }
        }
        self.set_target_cost(&mut target)?;
        rel.target = target;
        let (outer_rows, inner_rows) =
            (self.find_rel(left).map_or(1.0, |r| r.rows), self.find_rel(right).map_or(1.0, |r| r.rows));
        rel.rows = self.join_rows(outer_rows, inner_rows, sj, clauses)?;
        let mut remaining: Vec<ClauseRef> = Vec::new();
        let mut lateral = RelSet::new();
        for rti in all.iter() {
            let base = self.base(rti);
            lateral.extend(&base.lateral);
            for clause in &base.join_clauses {
                if !clause.required.is_subset(all) && !remaining.iter().any(|c| Rc::ptr_eq(c, clause)) {
                    remaining.push(clause.clone());
                }
            }
        }
        rel.join_clauses = remaining;
        rel.lateral = lateral.difference(all);
        rel.has_ec_joins = self.has_ec_joins(all);
        let sides_parallel =
            [left, right].iter().all(|side| self.find_rel(side).is_some_and(|r| r.consider_parallel));
        rel.consider_parallel = sides_parallel
            && self.parallel_safe(clauses.iter().map(|c| &c.expr))?
            && self.parallel_safe(&rel.target.exprs)?;
        self.joins.push(rel);
        self.join_rels.insert(all.clone(), self.joins.len() - 1);
        Ok(())
    }

    fn is_dummy(&self, set: &RelSet) -> bool {
        self.find_rel(set).is_some_and(|r| r.dummy)
    }

    fn add_join_paths(
        &mut self,
        all: &RelSet,
        left: &RelSet,
        right: &RelSet,
        sj: &SpecialJoin,
        clauses: &[ClauseRef],
    ) -> Result<()> {
        let (left_dummy, right_dummy) = (self.is_dummy(left), self.is_dummy(right));
        let never = |pushed_only: bool| {
            clauses.iter().any(|c| crate::clause::is_never(&c.expr) && (!pushed_only || c.pushed_down))
        };
        let empty = match sj.kind {
            JoinKind::Inner | JoinKind::Semi => left_dummy || right_dummy || never(false),
            JoinKind::Left | JoinKind::Anti => left_dummy || never(true),
            JoinKind::Full => (left_dummy && right_dummy) || never(true),
            _ => false,
        };
        if empty {
            return self.mark_dummy(all);
        }
        // An outer join that nothing can match has no use for the other side's rows.
        if matches!(sj.kind, JoinKind::Left | JoinKind::Anti)
            && never(false)
            && right.is_subset(&sj.syn_right)
            && !right_dummy
        {
            self.mark_dummy(right)?;
        }
        match sj.kind {
            JoinKind::Inner => {
                self.paths_for_pair(all, left, right, JoinKind::Inner, sj, clauses)?;
                self.paths_for_pair(all, right, left, JoinKind::Inner, sj, clauses)
            }
            JoinKind::Left => {
                self.paths_for_pair(all, left, right, JoinKind::Left, sj, clauses)?;
                self.paths_for_pair(all, right, left, JoinKind::Right, sj, clauses)
            }
            JoinKind::Full => {
                self.paths_for_pair(all, left, right, JoinKind::Full, sj, clauses)?;
                self.paths_for_pair(all, right, left, JoinKind::Full, sj, clauses)?;
                if self.find_rel(all).is_some_and(|r| r.paths.is_empty()) {
                    return Err(Error::new(
                        base::SqlState::FEATURE_NOT_SUPPORTED,
                        "FULL JOIN is only supported with merge-joinable or hash-joinable join conditions",
                    ));
                }
                Ok(())
            }
            JoinKind::Semi => {
                if sj.min_left.is_subset(left) && sj.min_right.is_subset(right) {
                    self.paths_for_pair(all, left, right, JoinKind::Semi, sj, clauses)?;
                    self.paths_for_pair(all, right, left, JoinKind::RightSemi, sj, clauses)?;
                }
                if self.unique_inner_possible(sj, right) && self.make_unique_inner(right, sj)? {
                    self.paths_with_unique(all, left, right, sj, clauses)?;
                }
                Ok(())
            }
            JoinKind::Anti => {
                self.paths_for_pair(all, left, right, JoinKind::Anti, sj, clauses)?;
                self.paths_for_pair(all, right, left, JoinKind::RightAnti, sj, clauses)
            }
            other => Err(Error::internal(format!("unrecognized join type: {other:?}"))),
        }
    }

    /// A relation proved empty: its one path yields nothing.
    pub fn mark_dummy(&mut self, set: &RelSet) -> Result<()> {
        let Some(rel) = self.find_rel_mut(set) else { return Ok(()) };
        rel.dummy = true;
        rel.rows = 0.0;
        rel.target.cost = crate::types::QualCost::default();
        let path = Path {
            kind: PathKind::Result { quals: vec![crate::clause::bool_const(Some(false))], child: None },
            relids: set.clone(),
            rti: rel.rti,
            target: Rc::new(rel.target.clone()),
            rows: 0.0,
            startup: 0.0,
            total: 0.0,
            disabled: 0,
            keys: Vec::new(),
            param: None,
            parallel: Parallel::safe(rel.consider_parallel),
        };
        rel.partial_paths.clear();
        rel.paths = vec![Rc::new(path)];
        rel.set_cheapest()
    }

    /// The inner side of a semijoin, made unique; remembered with the relation.
    fn make_unique_inner(&mut self, right: &RelSet, sj: &SpecialJoin) -> Result<bool> {
        if self.find_rel(right).is_some_and(|r| r.unique_path.is_some()) {
            return Ok(true);
        }
        let Some(child) = self.find_rel(right).and_then(|r| r.cheapest_total.clone()) else {
            return Ok(false);
        };
        if child.param.is_some() {
            return Ok(false);
        }
        let costs = self.costs();
        let columns = sj.semi_rhs.len();
        let rows = self.group_count(&sj.semi_rhs, child.rows)?;
        let mut best: Option<(u32, f64, f64, bool)> = None;
        if sj.semi_can_btree {
            let (startup, run) =
                crate::cost::sort_cost(costs, child.rows, child.target.width, 0.0, costs.work_memory, -1.0);
            let startup = child.total + startup;
            let total = startup + run + costs.cpu_operator * child.rows * columns as f64;
            best = Some((child.disabled + u32::from(!costs.enable_sort), startup, total, false));
        }
        if sj.semi_can_hash {
            let input = crate::cost::AggInput {
                startup: child.startup,
                total: child.total,
                tuples: child.rows,
                width: child.target.width,
            };
            let fits =
                crate::cost::hash_group_bytes(0, child.target.width, 0.0) * rows <= costs.hash_memory();
            let (startup, total) = crate::cost::agg_cost(
                costs,
                ir::AggStrategy::Hashed,
                &Default::default(),
                columns,
                rows,
                &input,
            );
            let disabled = child.disabled + u32::from(!costs.enable_hashagg);
            if fits && best.is_none_or(|b| (disabled, total) < (b.0, b.2)) {
                best = Some((disabled, startup, total, true));
            }
        }
        let Some((disabled, startup, total, hashed)) = best else { return Ok(false) };
        let path = Path {
            kind: PathKind::UniqueInner {
                child: child.clone(),
                hashed,
                exprs: sj.semi_rhs.clone(),
                operators: sj.semi_operators.clone(),
            },
            relids: right.clone(),
            rti: 0,
            target: child.target.clone(),
            rows,
            startup,
            total,
            disabled,
            keys: Vec::new(),
            param: None,
            parallel: Parallel::safe(child.parallel.safe),
        };
        if let Some(rel) = self.find_rel_mut(right) {
            rel.unique_path = Some(Rc::new(path));
        }
        Ok(true)
    }
}

/// An inner join, in the form that estimates expect.
pub(crate) fn plain_join(left: &RelSet, right: &RelSet) -> SpecialJoin {
    SpecialJoin {
        kind: JoinKind::Inner,
        min_left: left.clone(),
        min_right: right.clone(),
        syn_left: left.clone(),
        syn_right: right.clone(),
        lhs_strict: false,
        delay_upper_joins: false,
        semi_can_btree: false,
        semi_can_hash: false,
        semi_operators: Vec::new(),
        semi_rhs: Vec::new(),
    }
}
