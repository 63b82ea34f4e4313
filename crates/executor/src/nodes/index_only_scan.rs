//! Index-only scan: columns come from the index; the heap is visited only on pages that are not visible to everyone.

use super::index_keys::{Bound, IndexKeys, btree_of};
use super::index_scan::{direction_of, index_of};
use super::scan::relation_of;
use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs, filter};
use crate::instrument::Counters;
use crate::node::{LookedUp, Node};
use crate::rows::{Leftover, Projection, builders};
use access_api::{Direction, IndexRelation};
use base::{Error, Result, Tid};
use btree::{Matches, Prober, SharedScan};
use catalog::RelationEntry;
use datum::{Batch, Column, ColumnBuilder, Datum, MAX_BATCH_ROWS, OwnedDatum, Repr, Selection};
use heap::{Fetcher, Rows, Visibility};
use ir::{Expr, Plan, PlanNode};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

struct Spec {
    entry: Arc<RelationEntry>,
    relation: usize,
    index: IndexRelation,
    /// Attribute of the table (from 0) behind each index column; `None` for expressions.
    sources: Vec<Option<usize>>,
    keys: IndexKeys,
    recheck: Vec<Eval>,
    /// All of the index conditions over all of the index's columns, for rows that stand for the relation.
    conditions: Vec<Eval>,
    /// The index's columns (from 0) that anything else reads.
    columns: Vec<usize>,
    direction: Direction,
    quals: Vec<Eval>,
    projection: Projection,
    /// Whether what is read of an entry is what it was looked up by, so that many keys can be looked up at once.
    returns_keys: bool,
}

pub fn build(execution: &mut Execution, plan: &Plan) -> Result<Box<dyn Node>> {
    let PlanNode::IndexOnlyScan { relation, index, quals, direction, .. } = &plan.node else {
        return Err(Error::internal("not an index-only scan"));
    };
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let entry = relation_of(execution, *relation)?;
        let index = index_of(&entry, *index)?;
        let session = &execution.session;
        let (keys, inexact) = IndexKeys::new(session, &index, quals)?;
        let btree = btree_of(&index)?.clone();
        let all: Vec<i16> = (1..=btree.attributes().len() as i16).collect();
        let inputs = Inputs::Scan { relation: *relation, attributes: &all };
        let conditions = Compiler::new(session, inputs).compile_all(quals.iter().map(|q| &q.condition))?;
        let is_inexact = |q: &&ir::IndexQual| inexact.iter().any(|i| std::ptr::eq(*i, &q.original));
        let recheck: Vec<&Expr> = quals.iter().filter(is_inexact).map(|q| &q.condition).collect();
        let outputs = plan.target_list.iter().map(|t| &t.expr).chain(&plan.qual);
        let mut used = BTreeSet::new();
        outputs.chain(recheck.iter().copied()).for_each(|e| index_columns(e, &mut used));
        let columns: Vec<usize> = used.into_iter().filter(|c| *c < all.len()).collect();
        let attributes: Vec<i16> = columns.iter().map(|c| *c as i16 + 1).collect();
        let inputs = Inputs::Scan { relation: *relation, attributes: &attributes };
        let mut compiler = Compiler::new(session, inputs);
        let is_subplan = |e: &Expr| matches!(e, Expr::SubPlan(_));
        let mut exprs = plan.qual.iter().chain(plan.target_list.iter().map(|t| &t.expr));
        let has_subplans = exprs.any(|e| ir::any(e, &mut |e| is_subplan(e)));
        // Equal integers are the same; other types have equal values that are not.
        let is_key = |column: &usize| {
            let repr = btree.attributes()[*column].layout.repr;
            *column < keys.count() && matches!(repr, Repr::Int2 | Repr::Int4 | Repr::Int8)
        };
        Ok(Spec {
            returns_keys: keys.leading_equalities
                && direction_of(*direction) == Direction::Forward
                && recheck.is_empty()
                && !has_subplans
                && columns.iter().all(is_key),
            recheck: compiler.compile_all(recheck)?,
            conditions,
            quals: compiler.compile_all(&plan.qual)?,
            projection: Projection::new(compiler.compile_all(plan.target_list.iter().map(|t| &t.expr))?),
            sources: index.index.indkey.iter().map(|n| usize::try_from(*n - 1).ok()).collect(),
            direction: direction_of(*direction),
            columns,
            relation: *relation,
            index: btree,
            keys,
            entry,
        })
    })?;
    Ok(Box::new(IndexOnlyScan {
        matches: Matches::new(&spec.index, Some(&spec.columns)),
        rows: Rows { columns: Vec::new(), tids: Vec::new(), system: None },
        spec,
        id: plan.id,
        scan: None,
        fetcher: None,
        state: State::Start,
        leftover: Leftover::default(),
        substituted: false,
        heap_fetches: 0,
        searches: 0,
        parallel: plan.parallel_aware,
        all_visible: Vec::new(),
        prober: None,
    }))
}

/// The index's columns (from 0) that an expression reads.
fn index_columns(expr: &Expr, found: &mut BTreeSet<usize>) {
    if let Expr::Var(var) = expr {
        found.extend(usize::try_from(i32::from(var.attribute) - 1));
    }
    ir::for_each_child(expr, &mut |child| index_columns(child, found));
}

#[derive(PartialEq)]
enum State {
    Start,
    Running,
    Done,
}

struct IndexOnlyScan {
    spec: Arc<Spec>,
    id: usize,
    matches: Matches,
    rows: Rows,
    scan: Option<btree::Scan>,
    fetcher: Option<Fetcher>,
    state: State,
    leftover: Leftover,
    substituted: bool,
    heap_fetches: u64,
    searches: u64,
    /// Whether the index's pages are divided among the participants of a parallel plan.
    parallel: bool,
    /// Of the entries read, which lie on pages that everyone sees all of.
    all_visible: Vec<bool>,
    /// Looks up many keys at once.
    prober: Option<Prober>,
}

/// Entries that are looked up at once, after which the rows go on to the next node.
const MOST_ENTRIES: usize = 4096;

impl IndexOnlyScan {
    fn start(&mut self, execution: &mut Execution) -> Result<()> {
        let spec = self.spec.clone();
        self.searches += 1;
        let Bound::Keys(keys) = spec.keys.bind(execution)? else {
            self.state = State::Done;
            return Ok(());
        };
        match &mut self.scan {
            Some(scan) => scan.rescan(&keys)?,
            None => {
                let (context, columns) = (&execution.context, Some(&spec.columns[..]));
                let scan = btree::Scan::new(context, &spec.index, &keys, spec.direction, columns)?;
                self.scan = Some(match &execution.team {
                    Some(team) if self.parallel => {
                        scan.sharing(team.share(self.id, || Ok(SharedScan::default()))?)
                    }
                    _ => scan,
                });
            }
        }
        if self.fetcher.is_none() {
            let visibility = Visibility::Mvcc(execution.snapshot.clone());
            self.fetcher = Some(Fetcher::new(&execution.context, &spec.entry.relation, visibility, &[]));
        }
        self.state = State::Running;
        Ok(())
    }

    /// The next entries whose rows are visible, as a batch of index columns; `None` at the end.
    fn read(&mut self, limit: usize) -> Result<Option<Batch>> {
        let (Some(scan), Some(fetcher)) = (&mut self.scan, &mut self.fetcher) else { return Ok(None) };
        self.matches.clear();
        if scan.next(limit, &mut self.matches)? == 0 {
            return Ok(None);
        }
        fetcher.all_visible(&self.matches.tids, &mut self.all_visible)?;
        let mut visible = Vec::with_capacity(self.matches.tids.len());
        let mut dead: Vec<Tid> = Vec::new();
        for (entry, tid) in self.matches.tids.iter().enumerate() {
            if self.all_visible[entry] {
                visible.push(entry as u32);
                continue;
            }
            self.heap_fetches += 1;
            let found = fetcher.fetch_one(*tid, &mut self.rows)?;
            if found.visible {
                visible.push(entry as u32);
            } else if found.all_dead {
                dead.push(*tid);
            }
        }
        self.rows.tids.clear();
        if !dead.is_empty() {
            scan.kill(&dead);
        }
        let count = self.matches.tids.len();
        let fresh = self.matches.columns.iter().map(ColumnBuilder::like).collect();
        let columns = std::mem::replace(&mut self.matches.columns, fresh);
        let batch = Batch::new(columns.into_iter().map(|b| Arc::new(b.finish())).collect(), count);
        Ok(Some(if visible.len() == count { batch } else { batch.select(&Selection::Rows(visible)) }))
    }

    /// In EvalPlanQual: the row that stands for the relation, as the index would have it.
    fn substitute(&mut self, execution: &mut Execution) -> Result<Option<Option<Batch>>> {
        let Some(recheck) = execution.recheck.clone() else { return Ok(None) };
        let Some(tuple) = recheck.get(self.spec.relation) else { return Ok(None) };
        if std::mem::replace(&mut self.substituted, true) {
            return Ok(Some(None));
        }
        let Some(tuple) = tuple else { return Ok(Some(None)) };
        let spec = self.spec.clone();
        let needed: Vec<usize> = (0..spec.entry.desc().len()).collect();
        let row = heap::deform(&execution.context, &spec.entry.relation, tuple, &needed)?;
        let reprs: Vec<Repr> = spec.index.attributes().iter().map(|a| a.layout.repr).collect();
        let mut columns = builders(&reprs);
        for (builder, source) in columns.iter_mut().zip(&spec.sources) {
            let Some(source) = source else {
                return Err(Error::unsupported("rechecking a row through an index on expressions"));
            };
            let value: Option<Datum<'_>> = row[*source].as_ref().map(OwnedDatum::as_datum);
            builder.push(value);
        }
        let batch = Batch::new(columns.into_iter().map(|b| Arc::new(b.finish())).collect(), 1);
        let rows = filter(&spec.conditions, execution, &batch, Selection::All(1))?;
        if rows.is_empty() {
            return Ok(Some(None));
        }
        let batch = Batch::new(spec.columns.iter().map(|c| batch.column(*c).clone()).collect(), 1);
        if filter(&spec.quals, execution, &batch, rows)?.is_empty() {
            return Ok(Some(None));
        }
        Ok(Some(Some(spec.projection.apply(execution, &batch)?)))
    }
}

impl Node for IndexOnlyScan {
    fn looks_up(&self) -> bool {
        self.spec.returns_keys && !self.parallel
    }

    fn look_up(
        &mut self,
        execution: &mut Execution,
        params: &[(usize, Arc<Column>)],
        rows: Range<usize>,
    ) -> Result<LookedUp> {
        let spec = self.spec.clone();
        params.iter().for_each(|(id, column)| execution.set_param_column(*id, column.clone()));
        let keys = spec.keys.columns(execution, rows.end)?;
        let references: Vec<&Column> = keys.iter().map(|c| &**c).collect();
        let (mut tids, mut roots) = (Vec::new(), Vec::new());
        let prober = self.prober.get_or_insert_with(|| Prober::new(&execution.context, &spec.index));
        let start = rows.start;
        let end = prober.probe(&references, rows, MOST_ENTRIES, &mut tids, &mut roots)?;
        self.searches += (end - start) as u64;
        let fetcher = self.fetcher.get_or_insert_with(|| {
            let visibility = Visibility::Mvcc(execution.snapshot.clone());
            Fetcher::new(&execution.context, &spec.entry.relation, visibility, &[])
        });
        fetcher.all_visible(&tids, &mut self.all_visible)?;
        let mut sources = Vec::with_capacity(tids.len());
        for (entry, tid) in tids.iter().enumerate() {
            if !self.all_visible[entry] {
                self.heap_fetches += 1;
                if !fetcher.fetch_one(*tid, &mut self.rows)?.visible {
                    continue;
                }
            }
            sources.push(roots[entry]);
        }
        self.rows.tids.clear();
        let align = |execution: &mut Execution, sources: &[u32]| {
            for (id, column) in params {
                execution.set_param_column(*id, Arc::new(column.take(sources)));
            }
        };
        align(execution, &sources);
        let columns = spec.columns.iter().map(|column| Arc::new(keys[*column].take(&sources)));
        let mut batch = Batch::new(columns.collect(), sources.len());
        if !spec.quals.is_empty() && !batch.is_empty() {
            let passing = filter(&spec.quals, execution, &batch, Selection::All(batch.rows()))?;
            if let Some(instruments) = &mut execution.instruments {
                instruments.get_mut(self.id).removed_by_filter += (batch.rows() - passing.len()) as u64;
            }
            if let Selection::Rows(rows) = &passing {
                sources = rows.iter().map(|row| sources[*row as usize]).collect();
                align(execution, &sources);
            }
            batch = batch.select(&passing);
        }
        if !batch.is_empty() {
            batch = spec.projection.apply(execution, &batch)?;
        }
        Ok(LookedUp { batch, sources, end })
    }

    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if let Some(result) = self.substitute(execution)? {
            return Ok(result);
        }
        let spec = self.spec.clone();
        if let Some(batch) = self.leftover.next(want) {
            return spec.projection.apply(execution, &batch).map(Some);
        }
        if self.state == State::Start {
            self.start(execution)?;
        }
        let filtered = !spec.quals.is_empty() || !spec.recheck.is_empty();
        let limit = if filtered { (2 * want).clamp(16, MAX_BATCH_ROWS) } else { want };
        while self.state == State::Running {
            execution.check()?;
            let Some(batch) = self.read(limit)? else {
                self.state = State::Done;
                break;
            };
            let rows = filter(&spec.recheck, execution, &batch, Selection::All(batch.rows()))?;
            let before = rows.len();
            let rows = filter(&spec.quals, execution, &batch, rows)?;
            if let Some(instruments) = &mut execution.instruments {
                instruments.get_mut(self.id).removed_by_filter += (before - rows.len()) as u64;
            }
            if !rows.is_empty() {
                let batch = self.leftover.put(batch.select(&rows), want);
                return spec.projection.apply(execution, &batch).map(Some);
            }
        }
        Ok(None)
    }

    fn rescan(&mut self, _: &mut Execution) -> Result<()> {
        self.state = State::Start;
        if self.parallel {
            // Pages are handed out anew among whoever takes part next time.
            self.scan = None;
        }
        self.leftover.clear();
        self.substituted = false;
        Ok(())
    }

    fn report(&self, counters: &mut Counters) {
        counters.heap_fetches = self.heap_fetches;
        counters.index_searches = self.searches;
    }
}
