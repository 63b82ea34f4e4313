//! Bitmap scans: which bitmaps to make of which indexes, and how to combine them.

use crate::cost::clamp_rows;
use crate::index_path::pages_fetched;
use crate::types::{ClauseRef, IndexClause, Parallel, ParamInfo, Path, PathKind, Root};
use base::{Error, Result};
use ir::{BoolOp, Expr, RelSet, ScanDirection};
use std::rc::Rc;

/// The conditions that a bitmap checks, and predicates of its partial indexes.
fn conditions(path: &Path, out: &mut Vec<Expr>) {
    let mut add = |e: &Expr| {
        if !out.contains(e) {
            out.push(e.clone());
        }
    };
    match &path.kind {
        PathKind::Index { clauses, info, .. } => {
            clauses.iter().for_each(|c| add(&c.clause.expr));
            info.predicate.iter().for_each(add);
        }
        PathKind::BitmapOr { clause, .. } => add(&clause.expr),
        PathKind::BitmapAnd { children, .. } => children.iter().for_each(|c| conditions(c, out)),
        _ => {}
    }
}

impl<'a> Root<'a> {
    /// What making a bitmap costs, and the part of the table's rows in it.
    fn bitmap_cost(&self, path: &Path) -> (f64, f64) {
        match &path.kind {
            PathKind::Index { index_total, selectivity, .. } => {
                (index_total + 0.1 * self.costs().cpu_operator * path.rows, *selectivity)
            }
            PathKind::BitmapAnd { selectivity, .. } | PathKind::BitmapOr { selectivity, .. } => {
                (path.total, *selectivity)
            }
            _ => (path.total, 1.0),
        }
    }

    fn combined(&self, kind: PathKind, children: &[Rc<Path>], total: f64) -> Rc<Path> {
        let first = &children[0];
        Rc::new(Path {
            kind,
            relids: first.relids.clone(),
            rti: first.rti,
            target: first.target.clone(),
            rows: 0.0,
            startup: total,
            total,
            disabled: 0,
            keys: Vec::new(),
            param: first.param.clone(),
            parallel: Parallel::safe(children.iter().all(|c| c.parallel.safe)),
        })
    }

    fn bitmap_and(&self, children: Vec<Rc<Path>>) -> Rc<Path> {
        let (mut total, mut selectivity) = (0.0, 1.0);
        for (i, child) in children.iter().enumerate() {
            let (cost, part) = self.bitmap_cost(child);
            total += cost + if i > 0 { 100.0 * self.costs().cpu_operator } else { 0.0 };
            selectivity *= part;
        }
        self.combined(PathKind::BitmapAnd { children: children.clone(), selectivity }, &children, total)
    }

    fn bitmap_or(&self, children: Vec<Rc<Path>>, clause: &ClauseRef) -> Rc<Path> {
        let (mut total, mut selectivity) = (0.0, 0.0f64);
        for (i, child) in children.iter().enumerate() {
            let (cost, part) = self.bitmap_cost(child);
            let merges = i > 0 && !matches!(child.kind, PathKind::Index { .. });
            total += cost + if merges { 100.0 * self.costs().cpu_operator } else { 0.0 };
            selectivity += part;
        }
        let selectivity = selectivity.min(1.0);
        let (clause, arms) = (clause.clone(), children.clone());
        self.combined(PathKind::BitmapOr { children: arms, selectivity, clause }, &children, total)
    }

    /// The bitmap, or the intersection of some, that makes the cheapest scan.
    fn best_bitmap(&self, rti: usize, bitmaps: Vec<Rc<Path>>) -> Result<Option<Rc<Path>>> {
        let mut candidates: Vec<(Rc<Path>, Vec<Expr>)> = Vec::new();
        for bitmap in bitmaps {
            let mut own = Vec::new();
            conditions(&bitmap, &mut own);
            let same = |c: &&mut (Rc<Path>, Vec<Expr>)| {
                c.1.len() == own.len() && own.iter().all(|e| c.1.contains(e))
            };
            match candidates.iter_mut().find(same) {
                Some(known) if self.bitmap_cost(&bitmap).0 < self.bitmap_cost(&known.0).0 => known.0 = bitmap,
                Some(_) => {}
                None => candidates.push((bitmap, own)),
            }
        }
        if candidates.len() <= 1 {
            return Ok(candidates.pop().map(|c| c.0));
        }
        candidates.sort_by(|a, b| {
            let (a, b) = (self.bitmap_cost(&a.0), self.bitmap_cost(&b.0));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        let scan_cost = |path: &Rc<Path>| -> Result<f64> {
            Ok(self.bitmap_heap_path(rti, path.clone(), path.param.clone(), 0)?.total)
        };
        let mut best: Option<(f64, Rc<Path>)> = None;
        for i in 0..candidates.len() {
            let mut chosen = vec![candidates[i].0.clone()];
            let mut checked = candidates[i].1.clone();
            let mut cost = scan_cost(&candidates[i].0)?;
            let mut whole = candidates[i].0.clone();
            for (other, conditions) in &candidates[i + 1..] {
                // One that checks again what others check makes estimates too good to be true.
                if conditions.iter().any(|e| checked.contains(e)) {
                    continue;
                }
                let both: Vec<Rc<Path>> = chosen.iter().chain([other]).cloned().collect();
                let path = self.bitmap_and(both.clone());
                let new = scan_cost(&path)?;
                if new < cost {
                    (cost, whole, chosen) = (new, path, both);
                    checked.extend(conditions.iter().cloned());
                }
            }
            if best.as_ref().is_none_or(|b| cost < b.0) {
                best = Some((cost, whole));
            }
        }
        Ok(best.map(|b| b.1))
    }

    pub fn choose_bitmap(&self, rti: usize, bitmaps: Vec<Rc<Path>>) -> Result<Option<Rc<Path>>> {
        match self.best_bitmap(rti, bitmaps)? {
            Some(bitmap) => self.bitmap_heap_path(rti, bitmap, None, 0).map(Some),
            None => Ok(None),
        }
    }

    /// For each OR among the conditions of which some index can check every arm: the union of the arms' bitmaps.
    pub fn or_bitmaps(&mut self, rti: usize, clauses: &[ClauseRef]) -> Result<Vec<Rc<Path>>> {
        if !self.base(rti).lateral.is_empty() || self.base(rti).indexes.is_empty() {
            return Ok(Vec::new());
        }
        let mut made = Vec::new();
        for clause in clauses {
            let Expr::Bool { op: BoolOp::Or, args, .. } = &clause.expr else { continue };
            let mut unions = Vec::new();
            for arm in args {
                let own: Vec<ClauseRef> = crate::clause::ands(arm.clone())
                    .into_iter()
                    .map(|e| {
                        let reads = RelSet::single(rti);
                        self.clause(e, reads, true, false, false, clause.security_level, RelSet::new())
                    })
                    .collect::<Result<_>>()?;
                let mut bitmaps = self.arm_bitmaps(rti, &own, clauses)?;
                if own.len() > 1 {
                    bitmaps.extend(self.or_bitmaps(rti, &own)?);
                }
                match self.best_bitmap(rti, bitmaps)? {
                    Some(best) => unions.push(best),
                    None => break,
                }
            }
            if unions.len() == args.len() {
                made.push(self.bitmap_or(unions, clause));
            }
        }
        Ok(made)
    }

    /// Scans of indexes that check something of one arm, with what else of the query's conditions they can check.
    fn arm_bitmaps(&self, rti: usize, own: &[ClauseRef], all: &[ClauseRef]) -> Result<Vec<Rc<Path>>> {
        let mut made = Vec::new();
        for info in &self.base(rti).indexes {
            if !info.is_btree || (!info.predicate.is_empty() && !info.predicate_ok) {
                continue;
            }
            let mut matched: Vec<IndexClause> = Vec::new();
            for clause in own {
                matched.extend(self.match_clause(info, clause)?);
            }
            if matched.is_empty() {
                continue;
            }
            for clause in all.iter().filter(|c| !matches!(c.expr, Expr::Bool { op: BoolOp::Or, .. })) {
                matched.extend(self.match_clause(info, clause)?);
            }
            matched.sort_by_key(|c| c.column);
            let forward = ScanDirection::Forward;
            let (path, _) = self.index_path(rti, info, &matched, Vec::new(), forward, false, None)?;
            made.push(path);
        }
        Ok(made)
    }

    /// Pages of the table that a bitmap leads to, and tuples on them.
    pub fn bitmap_pages(&self, rti: usize, bitmap: &Path, param: Option<&ParamInfo>) -> Result<(f64, f64)> {
        fn index_pages(path: &Path) -> f64 {
            match &path.kind {
                PathKind::Index { info, .. } => info.pages,
                PathKind::BitmapAnd { children, .. } | PathKind::BitmapOr { children, .. } => {
                    children.iter().map(|c| index_pages(c)).sum()
                }
                _ => 0.0,
            }
        }
        let costs = self.costs();
        let rel = self.base(rti);
        let (_, selectivity) = self.bitmap_cost(bitmap);
        let loops = self.loop_count(rti, param);
        let pages = rel.pages.max(1.0);
        let tuples = clamp_rows(selectivity * rel.tuples);
        let mut fetched = 2.0 * pages * tuples / (2.0 * pages + tuples);
        if loops > 1.0 {
            let all = pages_fetched(
                tuples * loops,
                rel.pages,
                index_pages(bitmap),
                self.total_table_pages,
                costs.effective_cache_pages,
            );
            fetched = all / loops;
        }
        fetched = if fetched >= pages { pages } else { fetched.ceil() };
        Ok((fetched, tuples))
    }

    /// `workers`: among which the pages are shared out; 0 for the path of one process.
    pub fn bitmap_heap_path(
        &self,
        rti: usize,
        index: Rc<Path>,
        param: Option<Rc<ParamInfo>>,
        workers: usize,
    ) -> Result<Rc<Path>> {
        let costs = self.costs();
        let rel = self.base(rti);
        let rows = param.as_ref().map_or(rel.rows, |p| p.rows);
        if !matches!(
            index.kind,
            PathKind::Index { .. } | PathKind::BitmapAnd { .. } | PathKind::BitmapOr { .. }
        ) {
            return Err(Error::internal("unrecognized bitmap path"));
        }
        let (index_total, _) = self.bitmap_cost(&index);
        let (fetched, tuples) = self.bitmap_pages(rti, &index, param.as_deref())?;
        let pages = rel.pages.max(1.0);
        let page_cost = if fetched >= 2.0 {
            costs.random_page - (costs.random_page - costs.seq_page) * (fetched / pages).sqrt()
        } else {
            costs.random_page
        };
        let mut quals = rel.restriction_cost;
        if let Some(param) = &param {
            quals += self.clauses_cost(&param.clauses)?;
        }
        let startup = index_total + quals.startup + rel.target.cost.startup;
        let divisor = if workers > 0 { self.parallel_divisor(workers) } else { 1.0 };
        let run = fetched * page_cost
            + (costs.cpu_tuple + quals.per_tuple) * tuples / divisor
            + rel.target.cost.per_tuple * rows / divisor;
        Ok(Rc::new(Path {
            kind: PathKind::BitmapHeap { index },
            relids: RelSet::single(rti),
            rti,
            target: Rc::new(rel.target.clone()),
            rows: if workers > 0 { clamp_rows(rows / divisor) } else { rows },
            startup,
            total: startup + run,
            disabled: u32::from(!costs.enable_bitmapscan),
            keys: Vec::new(),
            param,
            parallel: Parallel { aware: workers > 0, safe: rel.consider_parallel, workers },
        }))
    }
}
