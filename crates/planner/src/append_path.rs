//! Paths of append relations: the cheapest ways of the members one after another, or merged in an order that some of
//! them have.

use crate::cost::sort_cost;
use crate::pathkey::contained_in;
use crate::types::{Parallel, ParamInfo, Path, PathKey, PathKind, Root, Target};
use base::{Error, Result};
use ir::RelSet;
use std::rc::Rc;

/// What handing on a row costs, as a part of a row's cost.
const APPEND_COST: f64 = 0.5;

/// The cheapest path without parameters that has this order.
fn cheapest_sorted(paths: &[Rc<Path>], keys: &[PathKey], cost: &dyn Fn(&Path) -> f64) -> Option<Rc<Path>> {
    paths
        .iter()
        .filter(|p| p.param.is_none() && contained_in(keys, &p.keys))
        .min_by(|a, b| a.disabled.cmp(&b.disabled).then(cost(a).total_cmp(&cost(b))))
        .cloned()
}

impl<'a> Root<'a> {
    /// All paths of an append relation, once its members have theirs.
    pub fn add_append_paths(&mut self, rti: usize) -> Result<()> {
        let members = self.base(rti).members.clone();
        let mut live = Vec::new();
        for child in members {
            if self.base(child).dummy {
                continue;
            }
            self.add_relation_paths(child)?;
            live.push(child);
        }
        let (mut totals, mut startups) = (Vec::new(), Vec::new());
        let mut all_total = true;
        for child in &live {
            let rel = self.base(*child);
            match rel.cheapest_total.clone().filter(|p| p.param.is_none()) {
                Some(path) => totals.push(path),
                None => all_total = false,
            }
            let fraction = self.tuple_fraction;
            let startup = if fraction > 0.0 {
                let part = |p: &Path| part_cost(p, fraction);
                cheapest_sorted(&rel.paths, &[], &part)
            } else {
                rel.cheapest_startup.clone()
            };
            startups.extend(startup);
        }
        let target = Rc::new(self.base(rti).target.clone());
        if all_total {
            let path = self.append_path(rti, &totals, &target, None)?;
            self.base_mut(rti).add_path(path);
        }
        if self.base(rti).consider_startup && startups.len() == live.len() {
            let path = self.append_path(rti, &startups, &target, None)?;
            self.base_mut(rti).add_path(path);
        }
        self.partial_append(rti, &live, &target)?;
        if all_total {
            self.ordered_appends(rti, &live, &target)?;
        }
        self.parameterized_appends(rti, &live, &target)
    }

    /// Every participant reads its share of each member.
    fn partial_append(&mut self, rti: usize, live: &[usize], target: &Rc<Target>) -> Result<()> {
        if !self.base(rti).consider_parallel {
            return Ok(());
        }
        let partial: Option<Vec<Rc<Path>>> =
            live.iter().map(|c| self.base(*c).partial_paths.first().cloned()).collect();
        let Some(partial) = partial.filter(|p| !p.is_empty()) else { return Ok(()) };
        let workers = partial.iter().map(|p| p.parallel.workers).max().unwrap_or(0);
        let rows: f64 = partial
            .iter()
            .map(|p| p.rows * self.parallel_divisor(p.parallel.workers) / self.parallel_divisor(workers))
            .sum();
        let whole = self.append_path(rti, &partial, target, None)?;
        let mut path = crate::upper::clone_path(&whole);
        path.rows = crate::cost::clamp_rows(rows);
        path.parallel = Parallel { aware: false, safe: true, workers };
        self.base_mut(rti).add_partial_path(Rc::new(path));
        Ok(())
    }

    /// Orders that some member has, or that the query asks for.
    fn ordered_appends(&mut self, rti: usize, live: &[usize], target: &Rc<Target>) -> Result<()> {
        let mut orders: Vec<Vec<PathKey>> = Vec::new();
        for child in live {
            for path in self.base(*child).paths.iter().filter(|p| p.param.is_none() && !p.keys.is_empty()) {
                if !orders.contains(&path.keys) {
                    orders.push(path.keys.clone());
                }
            }
        }
        let fraction = self.tuple_fraction;
        let (forward, backward) = self.partition_order(rti)?;
        for keys in orders {
            let by_startup = |p: &Path| p.startup;
            let by_total = |p: &Path| p.total;
            let by_part = |p: &Path| part_cost(p, fraction);
            let choose = |cost: &dyn Fn(&Path) -> f64| -> Option<Vec<Rc<Path>>> {
                live.iter()
                    .map(|c| {
                        let rel = self.base(*c);
                        cheapest_sorted(&rel.paths, &keys, cost).or_else(|| rel.cheapest_total.clone())
                    })
                    .collect()
            };
            let mut choices = vec![choose(&by_startup), choose(&by_total)];
            if fraction > 0.0 {
                choices.push(choose(&by_part));
            }
            // Ranges that follow one another need no merging.
            let in_order = if partitions_follow(&keys, &forward) {
                Some(false)
            } else if partitions_follow(&keys, &backward) {
                Some(true)
            } else {
                None
            };
            let mut made: Vec<Vec<Rc<Path>>> = Vec::new();
            for mut paths in choices.into_iter().flatten() {
                let same = |other: &Vec<Rc<Path>>| other.iter().zip(&paths).all(|(a, b)| Rc::ptr_eq(a, b));
                if made.iter().any(same) {
                    continue;
                }
                made.push(paths.clone());
                let path = match in_order {
                    Some(reversed) => {
                        if reversed {
                            paths.reverse();
                        }
                        let sorted: Vec<Rc<Path>> = paths
                            .iter()
                            .map(|p| match contained_in(&keys, &p.keys) {
                                true => p.clone(),
                                false => self.sort_path(p, keys.clone(), self.bound()),
                            })
                            .collect();
                        let flat = self.append_path(rti, &sorted, target, None)?;
                        let mut path = crate::upper::clone_path(&flat);
                        path.keys.clone_from(&keys);
                        Rc::new(path)
                    }
                    None => self.merge_append_path(rti, paths, keys.clone(), target)?,
                };
                self.base_mut(rti).add_path(path);
            }
        }
        Ok(())
    }

    /// Rows that are wanted of the query's only relation, -1 for all.
    fn bound(&self) -> f64 {
        if self.all_base.len() == 1 { self.limit_tuples } else { -1.0 }
    }

    /// For each set of relations that some member can be given rows of.
    fn parameterized_appends(&mut self, rti: usize, live: &[usize], target: &Rc<Target>) -> Result<()> {
        let mut sets: Vec<RelSet> = Vec::new();
        for child in live {
            for path in self.base(*child).paths.iter().filter(|p| p.param.is_some()) {
                let outer = path.required_outer();
                if !sets.contains(&outer) {
                    sets.push(outer);
                }
            }
        }
        for outer in sets {
            let mut paths = Vec::with_capacity(live.len());
            for child in live {
                match self.parameterized_child(*child, &outer)? {
                    Some(path) => paths.push(path),
                    None => break,
                }
            }
            if paths.len() == live.len() {
                let param = self.base_param(rti, &outer)?;
                let path = self.append_path(rti, &paths, target, param)?;
                self.base_mut(rti).add_path(path);
            }
        }
        Ok(())
    }

    /// The cheapest path of a member that needs rows of no others than these, made to check all that they allow.
    fn parameterized_child(&mut self, child: usize, outer: &RelSet) -> Result<Option<Rc<Path>>> {
        let mut best: Option<Rc<Path>> = None;
        for path in self.base(child).paths.clone() {
            let needs = path.required_outer();
            if !needs.is_subset(outer) {
                continue;
            }
            let made = if needs == *outer { Some(path) } else { self.reparameterized(&path, child, outer)? };
            let Some(made) = made else { continue };
            if best.as_ref().is_none_or(|b| (made.disabled, made.total) < (b.disabled, b.total)) {
                best = Some(made);
            }
        }
        Ok(best)
    }

    fn reparameterized(&mut self, path: &Rc<Path>, rti: usize, outer: &RelSet) -> Result<Option<Rc<Path>>> {
        let known = path.param.as_ref().map_or(0, |p| p.clauses.len());
        let Some(param) = self.base_param(rti, outer)? else { return Ok(None) };
        let mut copy = crate::upper::clone_path(path);
        match &path.kind {
            PathKind::SeqScan
            | PathKind::SampleScan
            | PathKind::Index { .. }
            | PathKind::BitmapHeap { .. }
            | PathKind::Tid { .. }
            | PathKind::TidRange { .. }
            | PathKind::SubqueryScan { .. } => {
                let cost = self.clauses_cost(param.clauses.iter().skip(known))?;
                copy.startup += cost.startup;
                copy.total += cost.startup + cost.per_tuple * path.rows;
            }
            PathKind::Append { children } => {
                let members = self.base(rti).members.clone();
                let mut own = Vec::with_capacity(children.len());
                for child in children {
                    if !members.contains(&child.rti) {
                        return Ok(None);
                    }
                    match self.reparameterized(child, child.rti, outer)? {
                        Some(made) => own.push(made),
                        None => return Ok(None),
                    }
                }
                let target = path.target.clone();
                return self.append_path(rti, &own, &target, Some(param)).map(Some);
            }
            _ => return Ok(None),
        }
        copy.rows = param.rows;
        copy.keys.clear();
        copy.param = Some(param);
        Ok(Some(Rc::new(copy)))
    }

    /// The rows of one path after another; members of members are members.
    pub fn append_path(
        &self,
        rti: usize,
        paths: &[Rc<Path>],
        target: &Rc<Target>,
        param: Option<Rc<ParamInfo>>,
    ) -> Result<Rc<Path>> {
        let mut children: Vec<Rc<Path>> = Vec::with_capacity(paths.len());
        for path in paths {
            match &path.kind {
                PathKind::Append { children: own } if path.rti > 0 && !path.parallel.aware => {
                    children.extend(own.iter().cloned());
                }
                _ => children.push(path.clone()),
            }
        }
        let rows: f64 = children.iter().map(|c| c.rows).sum();
        let cost: (f64, f64) = match children.as_slice() {
            [only] => (only.startup, only.total),
            _ => {
                let total: f64 = children.iter().map(|c| c.total).sum();
                let startup = children.first().map_or(0.0, |c| c.startup);
                (startup, total + APPEND_COST * self.costs().cpu_tuple * rows)
            }
        };
        let safe = self.base(rti).consider_parallel && children.iter().all(|c| c.parallel.safe);
        let keys = if children.len() == 1 { children[0].keys.clone() } else { Vec::new() };
        Ok(Rc::new(Path {
            relids: RelSet::single(rti),
            rti,
            target: target.clone(),
            rows,
            startup: cost.0,
            total: cost.1,
            disabled: children.iter().map(|c| c.disabled).sum(),
            keys,
            param,
            parallel: Parallel::safe(safe),
            kind: PathKind::Append { children },
        }))
    }

    fn merge_append_path(
        &self,
        rti: usize,
        paths: Vec<Rc<Path>>,
        keys: Vec<PathKey>,
        target: &Rc<Target>,
    ) -> Result<Rc<Path>> {
        let mut children: Vec<Rc<Path>> = Vec::with_capacity(paths.len());
        for path in paths {
            match &path.kind {
                PathKind::MergeAppend { children: own }
                    if path.rti > 0 && contained_in(&keys, &path.keys) =>
                {
                    children.extend(own.iter().cloned());
                }
                PathKind::Append { children: own }
                    if path.rti > 0 && !contained_in(&keys, &path.keys) && !path.parallel.aware =>
                {
                    children.extend(own.iter().cloned());
                }
                _ => children.push(path),
            }
        }
        let safe = self.base(rti).consider_parallel && children.iter().all(|c| c.parallel.safe);
        let mut path = self.merged(children, keys, target, self.bound())?;
        (path.rti, path.relids) = (rti, RelSet::single(rti));
        path.parallel = Parallel::safe(safe);
        Ok(Rc::new(path))
    }

    /// Paths merged in an order; those that do not have it are sorted.
    pub fn merged(
        &self,
        children: Vec<Rc<Path>>,
        keys: Vec<PathKey>,
        target: &Rc<Target>,
        bound: f64,
    ) -> Result<Path> {
        if children.is_empty() {
            return Err(Error::internal("nothing to merge"));
        }
        let costs = self.costs();
        let (mut startup, mut total, mut rows, mut disabled) = (0.0, 0.0, 0.0, 0);
        for child in &children {
            rows += child.rows;
            disabled += child.disabled;
            if contained_in(&keys, &child.keys) {
                startup += child.startup;
                total += child.total;
                continue;
            }
            let (s, r) = sort_cost(costs, child.rows, child.target.width, 0.0, costs.work_memory, bound);
            startup += child.total + s;
            total += child.total + s + r;
            disabled += u32::from(!costs.enable_sort);
        }
        if children.len() > 1 {
            let streams = children.len() as f64;
            let log = streams.ln() / std::f64::consts::LN_2;
            let comparison = 2.0 * costs.cpu_operator;
            startup += comparison * streams * log;
            total += comparison * streams * log + rows * comparison * log;
            total += APPEND_COST * costs.cpu_tuple * rows;
        }
        let relids = children.iter().fold(RelSet::new(), |s, c| s.union(&c.relids));
        let safe = children.iter().all(|c| c.parallel.safe);
        Ok(Path {
            kind: PathKind::MergeAppend { children },
            relids,
            rti: 0,
            target: target.clone(),
            rows,
            startup,
            total,
            disabled,
            keys,
            param: None,
            parallel: Parallel::safe(safe),
        })
    }
}

/// The order of the partitions begins with this order, or is the beginning of it.
fn partitions_follow(keys: &[PathKey], order: &Option<(Vec<PathKey>, bool)>) -> bool {
    let Some((order, partial)) = order else { return false };
    contained_in(keys, order) || (!*partial && !order.is_empty() && contained_in(order, keys))
}

fn part_cost(path: &Path, fraction: f64) -> f64 {
    let part = if fraction >= 1.0 && path.rows > 0.0 { fraction / path.rows } else { fraction };
    if part >= 1.0 { path.total } else { path.startup + part * (path.total - path.startup) }
}
