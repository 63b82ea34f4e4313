//! Nested loop: the inner side is run for each outer row, with values of that row as exec params. Where the inner side
//! looks up keys of an index, it is given many outer rows at a time.

use super::join::{self, JoinSpec};
use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs};
use crate::node::{self, Node};
use crate::rows::{Leftover, NO_ROW, RowBuffer, gather_all};
use base::{Error, Result};
use datum::{Batch, Column, MAX_BATCH_ROWS, Repr, Selection};
use ir::{Join, JoinKind, NestParam, Plan};
use std::sync::Arc;

struct Spec {
    join: JoinSpec,
    params: Vec<(usize, Eval, Repr)>,
    pair_reprs: Arc<[Repr]>,
}

pub fn build(
    execution: &mut Execution,
    plan: &Plan,
    join: &Join,
    params: &[NestParam],
) -> Result<Box<dyn Node>> {
    let (left, right) = join::children(plan)?;
    let outer = node::build(execution, left)?;
    let inner = node::build(execution, right)?;
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let session = execution.session.clone();
        let spec = JoinSpec::new(&session, plan, join)?;
        if !matches!(spec.kind, JoinKind::Inner | JoinKind::Left | JoinKind::Semi | JoinKind::Anti) {
            return Err(Error::internal(format!("a nested loop cannot do a {:?} join", spec.kind)));
        }
        let mut compiler = Compiler::new(&session, Inputs::Outer);
        let mut compiled = Vec::new();
        for param in params {
            let repr = compiler.repr(ir::expr_type(&param.value))?;
            compiled.push((param.id, compiler.compile(&param.value)?, repr));
        }
        let pair_reprs = spec.outer.iter().chain(spec.inner.iter()).copied().collect();
        Ok(Spec { join: spec, params: compiled, pair_reprs })
    })?;
    let looks_up = inner.looks_up();
    let pairs = RowBuffer::new(spec.pair_reprs.clone());
    Ok(Box::new(NestLoop {
        spec,
        outer,
        inner,
        id: plan.id,
        batch: None,
        row: 0,
        params: Vec::new(),
        inner_open: false,
        matched: false,
        looks_up,
        alone: None,
        pairs,
        leftover: Leftover::default(),
    }))
}

/// For fewer outer rows, looking up their keys together does not pay.
const LEAST_TOGETHER: usize = 4;

struct NestLoop {
    spec: Arc<Spec>,
    outer: Box<dyn Node>,
    inner: Box<dyn Node>,
    id: usize,
    batch: Option<Batch>,
    row: usize,
    /// Values of the params for the outer batch.
    params: Vec<Arc<Column>>,
    /// Whether the inner side stands for the current outer row.
    inner_open: bool,
    matched: bool,
    /// Whether the inner side can be asked for the rows of many outer rows at once.
    looks_up: bool,
    /// The outer row that has too many partners for that.
    alone: Option<usize>,
    /// Pairs that stand and have not been returned.
    pairs: RowBuffer,
    leftover: Leftover,
}

impl NestLoop {
    /// Moves to an outer row that has not been looked at; `false` at the end.
    fn advance(&mut self, execution: &mut Execution, want: usize) -> Result<bool> {
        loop {
            if let Some(batch) = &self.batch
                && self.row < batch.rows()
            {
                return Ok(true);
            }
            execution.check()?;
            let Some(batch) = self.outer.next(execution, want)? else { return Ok(false) };
            self.params.clear();
            for (_, value, _) in &self.spec.params {
                self.params.push(value.evaluate(execution, &batch, &Selection::All(batch.rows()))?);
            }
            self.batch = Some(batch);
            self.row = 0;
            self.alone = None;
        }
    }

    /// Whether the outer rows that are left of the batch are joined together: if they are enough to pay for that.
    fn is_together(&self, execution: &Execution) -> bool {
        let left = self.batch.as_ref().map_or(0, |batch| batch.rows() - self.row);
        self.looks_up
            && !self.inner_open
            && left >= LEAST_TOGETHER
            && self.alone != Some(self.row)
            && execution.recheck.is_none()
    }

    /// Joins many outer rows, as many as the inner side likes.
    fn join_together(&mut self, execution: &mut Execution) -> Result<Option<Batch>> {
        let spec = self.spec.clone();
        let Some(outer) = self.batch.clone() else { return Ok(None) };
        let start = self.row;
        let params: Vec<(usize, Arc<Column>)> =
            spec.params.iter().zip(&self.params).map(|((id, ..), column)| (*id, column.clone())).collect();
        let found = self.inner.look_up(execution, &params, start..outer.rows())?;
        if found.end == start {
            self.alone = Some(start);
            return Ok(None);
        }
        self.row = found.end;
        let (mut outer_rows, inner) = (found.sources, found.batch);
        let mut inner_rows: Vec<u32> = (0..inner.rows() as u32).collect();
        if !spec.join.join_quals.is_empty() && !inner_rows.is_empty() {
            let pairs = spec.join.pair_to_match(&outer, &outer_rows, &inner, &inner_rows);
            if let Selection::Rows(rows) = spec.join.matching(execution, &pairs, self.id)? {
                outer_rows = rows.iter().map(|row| outer_rows[*row as usize]).collect();
                inner_rows = rows;
            }
        }
        if spec.join.first_match_suffices() {
            let firsts: Vec<u32> = (0..outer_rows.len() as u32)
                .filter(|at| *at == 0 || outer_rows[*at as usize] != outer_rows[*at as usize - 1])
                .collect();
            outer_rows = firsts.iter().map(|at| outer_rows[*at as usize]).collect();
            inner_rows = firsts.iter().map(|at| inner_rows[*at as usize]).collect();
        }
        if spec.join.keeps_outer() {
            let only_unmatched = spec.join.kind == JoinKind::Anti;
            (outer_rows, inner_rows) =
                with_unmatched(start as u32..found.end as u32, &outer_rows, &inner_rows, only_unmatched);
        }
        if outer_rows.is_empty() {
            return Ok(None);
        }
        let pairs = spec.join.pair_matched(&outer, &outer_rows, &inner, &inner_rows);
        spec.join.output(execution, &pairs, self.id)
    }

    /// Adds the pairs of the current outer row with the next inner rows.
    fn step(&mut self, execution: &mut Execution, want: usize) -> Result<()> {
        let spec = self.spec.clone();
        let Some(outer) = self.batch.clone() else { return Ok(()) };
        if !self.inner_open {
            for ((id, _, repr), column) in spec.params.iter().zip(&self.params) {
                execution.set_param(*id, *repr, column.get(self.row));
            }
            self.inner.rescan(execution)?;
            self.inner_open = true;
            self.matched = false;
        }
        let ask = if spec.join.first_match_suffices() && spec.join.join_quals.is_empty() { 1 } else { want };
        let inner = self.inner.next(execution, ask)?;
        let Some(inner) = inner else {
            if !self.matched && spec.join.keeps_outer() {
                self.keep(&outer, None, &[NO_ROW]);
            }
            self.inner_open = false;
            self.row += 1;
            return Ok(());
        };
        let rows: Vec<u32> = if spec.join.join_quals.is_empty() {
            (0..inner.rows() as u32).collect()
        } else {
            let all: Vec<u32> = (0..inner.rows() as u32).collect();
            let outer_rows = vec![self.row as u32; inner.rows()];
            let pairs = spec.join.pair(&outer, &outer_rows, &inner, &all);
            match spec.join.matching(execution, &pairs, self.id)? {
                Selection::All(n) => (0..n as u32).collect(),
                Selection::Rows(rows) => rows,
            }
        };
        if rows.is_empty() {
            return Ok(());
        }
        self.matched = true;
        match spec.join.kind {
            JoinKind::Anti => {}
            _ if spec.join.first_match_suffices() => self.keep(&outer, Some(&inner), &rows[..1]),
            _ => self.keep(&outer, Some(&inner), &rows),
        }
        if spec.join.first_match_suffices() {
            self.inner_open = false;
            self.row += 1;
        }
        Ok(())
    }

    fn keep(&mut self, outer: &Batch, inner: Option<&Batch>, rows: &[u32]) {
        let mut columns = Vec::with_capacity(self.spec.pair_reprs.len());
        for column in outer.columns() {
            let repr = column.repr();
            columns.push(Arc::new(Column::constant(repr, column.get(self.row))));
        }
        match inner {
            Some(inner) => gather_all(inner, rows, &self.spec.join.inner, &mut columns),
            None => columns.extend(self.spec.join.inner.iter().map(|r| crate::rows::null_column(*r))),
        }
        self.pairs.append(&Batch::new(columns, rows.len()), 0, rows.len());
    }
}

/// Pairs in the order of the outer rows, with those that have no partner among them; or only these.
fn with_unmatched(
    rows: std::ops::Range<u32>,
    outer: &[u32],
    inner: &[u32],
    only_unmatched: bool,
) -> (Vec<u32>, Vec<u32>) {
    let (mut all_outer, mut all_inner) = (Vec::new(), Vec::new());
    let mut at = 0;
    for row in rows {
        let first = at;
        while at < outer.len() && outer[at] == row {
            at += 1;
        }
        if first == at {
            all_outer.push(row);
            all_inner.push(NO_ROW);
        } else if !only_unmatched {
            all_outer.extend_from_slice(&outer[first..at]);
            all_inner.extend_from_slice(&inner[first..at]);
        }
    }
    (all_outer, all_inner)
}

impl Node for NestLoop {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if let Some(batch) = self.leftover.next(want) {
            return Ok(Some(batch));
        }
        loop {
            let mut end = false;
            while self.pairs.rows() < want {
                if !self.inner_open && !self.advance(execution, want)? {
                    end = true;
                    break;
                }
                if self.is_together(execution) {
                    if self.pairs.rows() > 0 {
                        break;
                    }
                    if let Some(batch) = self.join_together(execution)? {
                        return Ok(Some(self.leftover.put(batch, want)));
                    }
                    execution.check()?;
                    continue;
                }
                self.step(execution, want.min(MAX_BATCH_ROWS))?;
            }
            if self.pairs.rows() > 0 {
                let pairs = self.pairs.take();
                if let Some(batch) = self.spec.join.output(execution, &pairs, self.id)? {
                    return Ok(Some(self.leftover.put(batch, want)));
                }
            }
            if end {
                return Ok(None);
            }
            execution.check()?;
        }
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.batch = None;
        self.row = 0;
        self.alone = None;
        self.inner_open = false;
        self.pairs.take();
        self.leftover.clear();
        self.outer.rescan(execution)
    }
}
