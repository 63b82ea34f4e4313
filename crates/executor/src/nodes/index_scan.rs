//! Index scan: entries by batches, their heap rows fetched together in the order of the index.

use super::index_keys::{Bound, IndexKeys, btree_of};
use super::scan::{ScanSpec, relation_of};
use crate::context::Execution;
use crate::node::{LookedUp, Node};
use crate::rows::Leftover;
use access_api::{Direction, IndexRelation};
use base::{Error, Oid, Result, Tid};
use btree::{Matches, Prober, SharedScan};
use catalog::{IndexEntry, RelationEntry};
use datum::{Batch, Column, Datum, MAX_BATCH_ROWS, Selection};
use heap::{Fetcher, Rows, Visibility};
use ir::{Plan, PlanNode, ScanDirection};
use std::ops::Range;
use std::sync::Arc;

struct Spec {
    scan: ScanSpec,
    index: IndexRelation,
    keys: IndexKeys,
    direction: Direction,
    /// Whether a condition runs a subplan, which must be given one row's params at a time.
    has_subplans: bool,
}

/// An index of the relation by its OID.
pub fn index_of(entry: &RelationEntry, index: Oid) -> Result<Arc<IndexEntry>> {
    let found = entry.indexes.iter().find(|i| i.oid == index);
    found
        .cloned()
        .ok_or_else(|| Error::internal(format!("index {index} is not on relation {}", entry.name())))
}

pub fn direction_of(direction: ScanDirection) -> Direction {
    match direction {
        ScanDirection::Forward => Direction::Forward,
        ScanDirection::Backward => Direction::Backward,
    }
}

pub fn build(execution: &mut Execution, plan: &Plan) -> Result<Box<dyn Node>> {
    let PlanNode::IndexScan { relation, index, quals, order_by, direction } = &plan.node else {
        return Err(Error::internal("not an index scan"));
    };
    if !order_by.is_empty() {
        return Err(Error::unsupported("ordering by an index's distance operator"));
    }
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let entry = relation_of(execution, *relation)?;
        let index = index_of(&entry, *index)?;
        let session = &execution.session;
        let (keys, mut recheck) = IndexKeys::new(session, &index, quals)?;
        let inexact = recheck.len();
        // After a row was locked its conditions are asked again, so all of them are compiled, the inexact ones first.
        let exact =
            quals.iter().map(|q| &q.original).filter(|o| !recheck.iter().any(|r| std::ptr::eq(*r, *o)));
        let exact: Vec<_> = exact.collect();
        recheck.extend(exact);
        let mut scan = ScanSpec::new(session, entry, plan, *relation, &recheck)?;
        let exact = scan.recheck.split_off(inexact);
        let btree = btree_of(&index)?.clone();
        let is_subplan = |e: &ir::Expr| matches!(e, ir::Expr::SubPlan(_));
        let mut exprs = plan.qual.iter().chain(plan.target_list.iter().map(|t| &t.expr));
        let has_subplans = exprs.any(|e| ir::any(e, &mut |e| is_subplan(e)));
        let spec = Spec { scan, index: btree, keys, direction: direction_of(*direction), has_subplans };
        Ok(Shared { spec, exact })
    })?;
    let rows = spec.spec.scan.rows();
    Ok(Box::new(IndexScan {
        spec,
        id: plan.id,
        rows,
        scan: None,
        fetcher: None,
        matches: None,
        state: State::Start,
        leftover: Leftover::default(),
        sources: Vec::new(),
        dead: Vec::new(),
        substituted: false,
        searches: 0,
        parallel: plan.parallel_aware,
        prober: None,
    }))
}

/// The spec, with the conditions that only EvalPlanQual needs.
struct Shared {
    spec: Spec,
    exact: Vec<crate::expr::Eval>,
}

enum State {
    Start,
    Running,
    Done,
}

struct IndexScan {
    spec: Arc<Shared>,
    id: usize,
    rows: Rows,
    scan: Option<btree::Scan>,
    fetcher: Option<Fetcher>,
    matches: Option<Matches>,
    state: State,
    leftover: Leftover,
    sources: Vec<u32>,
    dead: Vec<u32>,
    substituted: bool,
    searches: u64,
    /// Whether the index's pages are divided among the participants of a parallel plan.
    parallel: bool,
    /// Looks up many keys at once.
    prober: Option<Prober>,
}

/// Entries that are looked up at once, after which the rows go on to the next node.
const MOST_ENTRIES: usize = 4096;

impl IndexScan {
    /// Whether one row is looked up. Not where participants divide the entries: each would find the row.
    fn looks_up(&self) -> bool {
        self.spec.spec.keys.unique_lookup && !self.parallel
    }

    /// Positions the scan; answers a unique lookup at once. `false`: nothing matches.
    fn start(&mut self, execution: &mut Execution) -> Result<bool> {
        let spec = &self.spec.spec;
        self.searches += 1;
        let Bound::Keys(keys) = spec.keys.bind(execution)? else { return Ok(false) };
        if self.fetcher.is_none() {
            let visibility = Visibility::Mvcc(execution.snapshot.clone());
            let relation = &spec.scan.entry.relation;
            self.fetcher = Some(Fetcher::new(&execution.context, relation, visibility, &spec.scan.needed));
        }
        if self.looks_up() {
            let values: smallvec::SmallVec<[Datum<'_>; 4]> =
                keys.iter().filter_map(|k| k.values.first()?.as_ref().map(|v| v.as_datum())).collect();
            let mut tids: Vec<Tid> = Vec::new();
            btree::lookup(&execution.context, &spec.index, &values, &mut tids)?;
            let Some(fetcher) = &mut self.fetcher else { return Ok(false) };
            for tid in tids {
                fetcher.fetch_one(tid, &mut self.rows)?;
            }
            return Ok(true);
        }
        match &mut self.scan {
            Some(scan) => scan.rescan(&keys)?,
            None => {
                let (context, index) = (&execution.context, &spec.index);
                let scan = btree::Scan::new(context, index, &keys, spec.direction, None)?;
                self.scan = Some(match &execution.team {
                    Some(team) if self.parallel => {
                        scan.sharing(team.share(self.id, || Ok(SharedScan::default()))?)
                    }
                    _ => scan,
                });
                self.matches = Some(Matches::new(index, None));
            }
        }
        Ok(true)
    }

    /// Reads up to `limit` entries and their rows; `false` at the end.
    fn read(&mut self, limit: usize) -> Result<bool> {
        let (Some(scan), Some(matches), Some(fetcher)) =
            (&mut self.scan, &mut self.matches, &mut self.fetcher)
        else {
            return Ok(false);
        };
        matches.clear();
        if scan.next(limit, matches)? == 0 {
            return Ok(false);
        }
        self.sources.clear();
        self.dead.clear();
        fetcher.fetch_many(&matches.tids, &mut self.rows, &mut self.sources, &mut self.dead)?;
        if !self.dead.is_empty() {
            let dead: Vec<Tid> = self.dead.iter().map(|i| matches.tids[*i as usize]).collect();
            scan.kill(&dead);
        }
        Ok(true)
    }
}

impl Node for IndexScan {
    fn looks_up(&self) -> bool {
        let spec = &self.spec.spec;
        spec.keys.leading_equalities
            && spec.direction == Direction::Forward
            && !self.parallel
            && spec.scan.recheck.is_empty()
            && !spec.has_subplans
    }

    fn look_up(
        &mut self,
        execution: &mut Execution,
        params: &[(usize, Arc<Column>)],
        rows: Range<usize>,
    ) -> Result<LookedUp> {
        let shared = self.spec.clone();
        let (scan, index) = (&shared.spec.scan, &shared.spec.index);
        params.iter().for_each(|(id, column)| execution.set_param_column(*id, column.clone()));
        let keys = shared.spec.keys.columns(execution, rows.end)?;
        let keys: Vec<&Column> = keys.iter().map(|c| &**c).collect();
        let (mut tids, mut roots) = (Vec::new(), Vec::new());
        let prober = self.prober.get_or_insert_with(|| Prober::new(&execution.context, index));
        let start = rows.start;
        let end = prober.probe(&keys, rows, MOST_ENTRIES, &mut tids, &mut roots)?;
        self.searches += (end - start) as u64;
        let fetcher = self.fetcher.get_or_insert_with(|| {
            let visibility = Visibility::Mvcc(execution.snapshot.clone());
            Fetcher::new(&execution.context, &scan.entry.relation, visibility, &scan.needed)
        });
        self.rows.clear();
        self.sources.clear();
        self.dead.clear();
        fetcher.fetch_many(&tids, &mut self.rows, &mut self.sources, &mut self.dead)?;
        let mut sources: Vec<u32> = self.sources.iter().map(|root| roots[*root as usize]).collect();
        let mut batch = scan.batch(&mut self.rows)?;
        let align = |execution: &mut Execution, sources: &[u32]| {
            for (id, column) in params {
                execution.set_param_column(*id, Arc::new(column.take(sources)));
            }
        };
        align(execution, &sources);
        if !scan.quals.is_empty() && !batch.is_empty() {
            let passing = scan.passing(execution, &batch, self.id)?;
            if let Selection::Rows(rows) = &passing {
                sources = rows.iter().map(|row| sources[*row as usize]).collect();
                align(execution, &sources);
            }
            batch = batch.select(&passing);
        }
        if !batch.is_empty() {
            batch = scan.projection.apply(execution, &batch)?;
        }
        Ok(LookedUp { batch, sources, end })
    }

    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        let shared = self.spec.clone();
        let spec = &shared.spec;
        if let Some(result) = substitute(&shared, execution, &mut self.substituted, self.id)? {
            return Ok(result);
        }
        if let Some(batch) = self.leftover.next(want) {
            return spec.scan.projection.apply(execution, &batch).map(Some);
        }
        if let State::Start = self.state {
            self.state = match self.start(execution)? {
                true if !self.looks_up() => State::Running,
                _ => State::Done,
            };
        }
        let filtered = !spec.scan.quals.is_empty() || !spec.scan.recheck.is_empty();
        loop {
            if let State::Running = self.state {
                let limit = if filtered { (2 * want).clamp(16, MAX_BATCH_ROWS) } else { want };
                while self.rows.len() < limit {
                    if !self.read(limit - self.rows.len())? {
                        self.state = State::Done;
                        break;
                    }
                    if filtered && want < 64 && !self.rows.is_empty() {
                        break;
                    }
                }
            }
            if !self.rows.is_empty() {
                let batch = spec.scan.batch(&mut self.rows)?;
                let batch = spec.scan.filter(execution, batch, true, self.id)?;
                if !batch.is_empty() {
                    let batch = self.leftover.put(batch, want);
                    return spec.scan.projection.apply(execution, &batch).map(Some);
                }
            }
            if let State::Done = self.state {
                return Ok(None);
            }
            execution.check()?;
        }
    }

    fn rescan(&mut self, _: &mut Execution) -> Result<()> {
        self.state = State::Start;
        if self.parallel {
            self.scan = None;
        }
        self.rows.clear();
        self.leftover.clear();
        self.substituted = false;
        Ok(())
    }

    fn report(&self, counters: &mut crate::instrument::Counters) {
        counters.index_searches = self.searches;
    }
}

/// As [`ScanSpec::substitute`], with the index conditions asked again too.
fn substitute(
    shared: &Shared,
    execution: &mut Execution,
    done: &mut bool,
    id: usize,
) -> Result<Option<Option<Batch>>> {
    let Some(recheck) = execution.recheck.clone() else { return Ok(None) };
    let scan = &shared.spec.scan;
    let Some(Some(tuple)) = recheck.get(scan.relation) else {
        return scan.substitute(execution, done, id);
    };
    if *done {
        return Ok(Some(None));
    }
    let mut rows = scan.rows();
    scan.push_tuple(execution, tuple, &mut rows)?;
    let batch = scan.batch(&mut rows)?;
    let all = datum::Selection::All(batch.rows());
    if crate::expr::filter(&shared.exact, execution, &batch, all)?.is_empty() {
        *done = true;
        return Ok(Some(None));
    }
    scan.substitute(execution, done, id)
}
