//! Hash join. The inner rows go into a table, outer batches are probed. When the inner side does not fit into
//! hash_mem, both sides are divided by their keys' hashes among temporary files, and the parts are joined one by one.

use super::join::{self, JoinSpec};
use super::join_table::JoinTable;
use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs};
use crate::instrument::Counters;
use crate::keys::{Encoder, NONE, row_hashes};
use crate::node::{self, Node};
use crate::rows::{Leftover, NO_ROW, batch_bytes, concatenate};
use crate::spill::SpillFile;
use base::{Error, Result};
use datum::{Batch, Column, MAX_BATCH_ROWS, Selection};
use hashbrown::DefaultHashBuilder;
use ir::{Expr, Join, JoinKind, Plan};
use std::sync::Arc;

struct Spec {
    join: JoinSpec,
    outer_keys: Vec<Eval>,
    inner_keys: Vec<Eval>,
    encoder: Arc<Encoder>,
}

pub fn build(execution: &mut Execution, plan: &Plan, join: &Join, clauses: &[Expr]) -> Result<Box<dyn Node>> {
    let (left, right) = join::children(plan)?;
    let outer = node::build(execution, left)?;
    let inner = node::build(execution, right)?;
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let session = execution.session.clone();
        let join = JoinSpec::new(&session, plan, join)?;
        let mut outer_keys = Vec::new();
        let mut inner_keys = Vec::new();
        let mut types = Vec::new();
        let mut compiler = Compiler::new(&session, Inputs::Outer);
        for clause in clauses {
            let Expr::Op(op) = clause else {
                return Err(Error::internal("a hash clause that is no operator"));
            };
            let [left, right] = &op.args[..] else {
                return Err(Error::internal("a hash clause with one side"));
            };
            outer_keys.push(compiler.compile(left)?);
            types.push(ir::expr_type(left));
            // The inner side is read on its own: its columns start at 0 there.
            let mut inner = Compiler::new(&session, Inputs::OuterInner { outer: 0 });
            inner_keys.push(inner.compile(right)?);
        }
        let encoder = Arc::new(Encoder::of_types(&session, types)?);
        Ok(Spec { join, outer_keys, inner_keys, encoder })
    })?;
    Ok(Box::new(HashJoin {
        spec,
        outer,
        inner,
        id: plan.id,
        inner_params: prepared.params_of(right).to_vec(),
        state: State::Start,
        table: None,
        built_at: None,
        charged: 0,
        hasher: DefaultHashBuilder::default(),
        parts: Vec::new(),
        part: 0,
        probe: None,
        unmatched: 0,
        leftover: Leftover::default(),
        report: Counters::default(),
    }))
}

#[derive(PartialEq, Clone, Copy)]
enum State {
    Start,
    /// Probing with outer rows.
    Probing,
    /// Returning inner rows that found no partner.
    Unmatched,
    Done,
}

/// A part of both sides that does not take part yet.
struct Part {
    outer: SpillFile,
    inner: SpillFile,
}

/// An outer batch in work.
struct Probe {
    batch: Batch,
    /// The next candidate of each outer row.
    candidates: Vec<u32>,
    matched: Vec<bool>,
    row: usize,
}

impl Probe {
    /// Whether a row has candidates that are still to be tried.
    fn is_open(&self, first_match_suffices: bool) -> bool {
        let open = |row: usize| self.candidates[row] != NONE && !(self.matched[row] && first_match_suffices);
        (0..self.batch.rows()).any(open)
    }
}

struct HashJoin {
    spec: Arc<Spec>,
    outer: Box<dyn Node>,
    inner: Box<dyn Node>,
    id: usize,
    inner_params: Vec<usize>,
    state: State,
    table: Option<JoinTable>,
    /// The version of the inner side's params that the table is of, when it is the whole inner side.
    built_at: Option<u64>,
    charged: usize,
    hasher: DefaultHashBuilder,
    /// Part 0 is in the table from the start; these are the others.
    parts: Vec<Part>,
    part: usize,
    probe: Option<Probe>,
    unmatched: usize,
    leftover: Leftover,
    report: Counters,
}

/// Parts that both sides are divided into at most.
const MAX_PARTS: usize = 1024;

fn evaluate(keys: &[Eval], execution: &mut Execution, batch: &Batch) -> Result<Vec<Arc<Column>>> {
    let rows = Selection::All(batch.rows());
    keys.iter().map(|k| k.evaluate(execution, batch, &rows)).collect()
}

impl HashJoin {
    fn build_table(&mut self, execution: &mut Execution) -> Result<()> {
        let mut batches = Vec::new();
        let mut bytes = 0;
        while let Some(batch) = self.inner.next(execution, MAX_BATCH_ROWS)? {
            execution.check()?;
            let size = batch_bytes(&batch);
            bytes += size;
            execution.memory.charge(size)?;
            self.charged += size;
            batches.push(batch);
            if bytes > execution.memory.hash_mem_bytes && !self.spec.outer_keys.is_empty() {
                return self.build_in_parts(execution, batches, bytes);
            }
        }
        self.fill_table(execution, batches)?;
        self.built_at = Some(execution.params_version(&self.inner_params));
        self.report.hash_batches = 1;
        Ok(())
    }

    fn fill_table(&mut self, execution: &mut Execution, batches: Vec<Batch>) -> Result<()> {
        let rows = concatenate(&batches, &self.spec.join.inner);
        drop(batches);
        let columns = evaluate(&self.spec.inner_keys, execution, &rows)?;
        let track = self.spec.join.keeps_inner() || self.spec.join.kind == JoinKind::RightSemi;
        let table = JoinTable::new(self.spec.encoder.clone(), rows, &columns, track)?;
        let size = table.memory_bytes();
        execution.memory.charge(size)?;
        self.charged += size;
        self.report.hash_buckets = table.buckets().next_power_of_two().max(1024) as u64;
        self.report.hash_memory = self.report.hash_memory.max(self.charged as u64);
        self.table = Some(table);
        Ok(())
    }

    /// Divides the inner side, of which `batches` are the beginning, and later the outer one.
    fn build_in_parts(&mut self, execution: &mut Execution, batches: Vec<Batch>, bytes: usize) -> Result<()> {
        // The whole is unknown; four times what has come is a guess, and a part that is too large still works.
        let count =
            (4 * bytes / execution.memory.hash_mem_bytes.max(1)).next_power_of_two().clamp(4, MAX_PARTS);
        for _ in 1..count {
            let (outer, inner) = (SpillFile::create(execution)?, SpillFile::create(execution)?);
            self.parts.push(Part { outer, inner });
        }
        let mut kept = Vec::new();
        execution.memory.release(std::mem::take(&mut self.charged));
        let mut source = batches.into_iter();
        loop {
            let batch = match source.next() {
                Some(batch) => batch,
                None => match self.inner.next(execution, MAX_BATCH_ROWS)? {
                    Some(batch) => batch,
                    None => break,
                },
            };
            execution.check()?;
            let keys = evaluate(&self.spec.inner_keys, execution, &batch)?;
            let part = self.divide(&batch, &keys, true)?;
            if !part.is_empty() {
                let size = batch_bytes(&part);
                execution.memory.charge(size)?;
                self.charged += size;
                kept.push(part);
            }
        }
        self.fill_table(execution, kept)?;
        let mut kept_outer = SpillFile::create(execution)?;
        while let Some(batch) = self.outer.next(execution, MAX_BATCH_ROWS)? {
            execution.check()?;
            let keys = evaluate(&self.spec.outer_keys, execution, &batch)?;
            let part = self.divide(&batch, &keys, false)?;
            kept_outer.write(&part)?;
        }
        kept_outer.rewind()?;
        let inner = SpillFile::create(execution)?;
        self.parts.insert(0, Part { outer: kept_outer, inner });
        self.report.hash_batches = self.parts.len() as u64;
        Ok(())
    }

    /// Writes the rows that belong to other parts than the first to their files; returns the first part's.
    fn divide(&mut self, batch: &Batch, keys: &[Arc<Column>], inner: bool) -> Result<Batch> {
        let columns: Vec<&Column> = keys.iter().map(|c| &**c).collect();
        let mut hashes = Vec::new();
        row_hashes(&self.spec.encoder, &self.hasher, &columns, batch.rows(), &mut hashes)?;
        let count = self.parts.len() + 1;
        let mut rows: Vec<Vec<u32>> = vec![Vec::new(); count];
        for (row, hash) in hashes.iter().enumerate() {
            // The table uses the low and the top bits.
            rows[(hash >> 32) as usize % count].push(row as u32);
        }
        for (part, rows) in self.parts.iter_mut().zip(&rows[1..]) {
            if !rows.is_empty() {
                let selected = batch.select(&Selection::Rows(rows.clone()));
                let file = if inner { &mut part.inner } else { &mut part.outer };
                file.write(&selected)?;
            }
        }
        let first = rows.swap_remove(0);
        Ok(batch.select(&Selection::Rows(first)))
    }

    fn next_outer(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if self.parts.is_empty() {
            return self.outer.next(execution, want);
        }
        match self.parts.get_mut(self.part) {
            Some(part) => part.outer.next(),
            None => Ok(None),
        }
    }

    /// Goes on with the next part; `false` when there is none.
    fn next_part(&mut self, execution: &mut Execution) -> Result<bool> {
        if self.part + 1 >= self.parts.len() {
            return Ok(false);
        }
        self.part += 1;
        self.table = None;
        execution.memory.release(std::mem::take(&mut self.charged));
        let mut batches = Vec::new();
        let part = &mut self.parts[self.part];
        part.inner.rewind()?;
        part.outer.rewind()?;
        while let Some(batch) = part.inner.next()? {
            let size = batch_bytes(&batch);
            execution.memory.charge(size)?;
            self.charged += size;
            batches.push(batch);
        }
        self.fill_table(execution, batches)?;
        Ok(true)
    }

    /// Takes pairs of the outer batch in work, up to about `want`; `None` when it is used up.
    fn pairs(&mut self, execution: &mut Execution, want: usize) -> Result<Option<(Vec<u32>, Vec<u32>)>> {
        let (Some(probe), Some(table)) = (&mut self.probe, &mut self.table) else { return Ok(None) };
        let spec = &self.spec.join;
        let (mut outer_rows, mut inner_rows) = (Vec::new(), Vec::new());
        let plain = spec.join_quals.is_empty();
        // Rows that wait for another candidate are gone through again, until none does.
        while outer_rows.len() < want {
            if probe.row >= probe.batch.rows() {
                if plain || !outer_rows.is_empty() || !probe.is_open(spec.first_match_suffices()) {
                    break;
                }
                probe.row = 0;
            }
            let row = probe.row;
            let candidate = probe.candidates[row];
            if candidate == NONE || (probe.matched[row] && spec.first_match_suffices()) {
                probe.row += 1;
                continue;
            }
            probe.candidates[row] = table.after(candidate);
            if spec.kind == JoinKind::RightSemi && table.matched[candidate as usize] {
                continue;
            }
            outer_rows.push(row as u32);
            inner_rows.push(candidate);
            if plain {
                probe.matched[row] = true;
                if let Some(matched) = table.matched.get_mut(candidate as usize) {
                    *matched = true;
                }
            } else if spec.first_match_suffices() || spec.kind == JoinKind::RightSemi {
                // Whether this pair stands decides what is tried next; the others of the batch are tried meanwhile.
                probe.row += 1;
            }
        }
        if outer_rows.is_empty() {
            return Ok(None);
        }
        if !plain {
            let pairs = spec.pair(&probe.batch, &outer_rows, &table.rows, &inner_rows);
            let stands = spec.matching(execution, &pairs, self.id)?;
            if let Selection::Rows(rows) = &stands {
                outer_rows = rows.iter().map(|r| outer_rows[*r as usize]).collect();
                inner_rows = rows.iter().map(|r| inner_rows[*r as usize]).collect();
            }
            let mut fresh = Vec::with_capacity(outer_rows.len());
            for (outer, inner) in outer_rows.iter().zip(&inner_rows) {
                probe.matched[*outer as usize] = true;
                let seen = table.matched.get_mut(*inner as usize).map(|m| std::mem::replace(m, true));
                fresh.push(spec.kind != JoinKind::RightSemi || seen != Some(true));
            }
            let mut keep = fresh.iter();
            outer_rows.retain(|_| *keep.next().unwrap_or(&true));
            let mut keep = fresh.iter();
            inner_rows.retain(|_| *keep.next().unwrap_or(&true));
        }
        Ok(Some((outer_rows, inner_rows)))
    }

    /// The outer batch is used up: its rows that found no partner, as far as the join returns them.
    fn outer_remainder(&mut self, execution: &mut Execution) -> Result<Option<Batch>> {
        let Some(probe) = self.probe.take() else { return Ok(None) };
        if !self.spec.join.keeps_outer() {
            return Ok(None);
        }
        let rows: Vec<u32> =
            (0..probe.batch.rows() as u32).filter(|row| !probe.matched[*row as usize]).collect();
        if rows.is_empty() {
            return Ok(None);
        }
        let Some(table) = &self.table else { return Ok(None) };
        let pairs = self.spec.join.pair(&probe.batch, &rows, &table.rows, &vec![NO_ROW; rows.len()]);
        self.spec.join.output(execution, &pairs, self.id)
    }

    fn unmatched_inner(&mut self, execution: &mut Execution) -> Result<Option<Batch>> {
        let Some(table) = &self.table else { return Ok(None) };
        let outer =
            Batch::new(self.spec.join.outer.iter().map(|r| crate::rows::null_column(*r)).collect(), 1);
        while self.unmatched < table.matched.len() {
            let mut rows = Vec::new();
            while self.unmatched < table.matched.len() && rows.len() < MAX_BATCH_ROWS {
                if !table.matched[self.unmatched] {
                    rows.push(self.unmatched as u32);
                }
                self.unmatched += 1;
            }
            if rows.is_empty() {
                break;
            }
            let pairs = self.spec.join.pair(&outer, &vec![NO_ROW; rows.len()], &table.rows, &rows);
            if let Some(batch) = self.spec.join.output(execution, &pairs, self.id)? {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// One step of probing: rows to return, or `None` with the state moved on.
    fn probe_step(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if self.probe.is_none() {
            execution.check()?;
            let Some(batch) = self.next_outer(execution, want)? else {
                self.state = State::Unmatched;
                self.unmatched = 0;
                return Ok(None);
            };
            let columns = evaluate(&self.spec.outer_keys, execution, &batch)?;
            let mut candidates = Vec::new();
            if let Some(table) = &mut self.table {
                table.probe(&columns, &Selection::All(batch.rows()), &mut candidates)?;
            }
            candidates.resize(batch.rows(), NONE);
            let matched = vec![false; batch.rows()];
            self.probe = Some(Probe { batch, candidates, matched, row: 0 });
        }
        let Some((outer_rows, inner_rows)) = self.pairs(execution, want)? else {
            return self.outer_remainder(execution);
        };
        if outer_rows.is_empty() || matches!(self.spec.join.kind, JoinKind::Anti | JoinKind::RightAnti) {
            return Ok(None);
        }
        let (Some(probe), Some(table)) = (&self.probe, &self.table) else { return Ok(None) };
        let pairs = self.spec.join.pair(&probe.batch, &outer_rows, &table.rows, &inner_rows);
        self.spec.join.output(execution, &pairs, self.id)
    }

    fn is_pointless(&self) -> bool {
        let empty = self.table.as_ref().is_some_and(|t| t.rows.is_empty());
        empty && !self.spec.join.keeps_outer() && self.parts.is_empty()
    }
}

impl Node for HashJoin {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if let Some(batch) = self.leftover.next(want) {
            return Ok(Some(batch));
        }
        loop {
            let batch = match self.state {
                State::Start => {
                    if self.table.is_none() {
                        self.build_table(execution)?;
                    }
                    self.state = if self.is_pointless() { State::Done } else { State::Probing };
                    None
                }
                State::Probing => self.probe_step(execution, want)?,
                State::Unmatched => {
                    let batch = match self.spec.join.keeps_inner() {
                        true => self.unmatched_inner(execution)?,
                        false => None,
                    };
                    if batch.is_none() {
                        self.state = if self.next_part(execution)? { State::Probing } else { State::Done };
                    }
                    batch
                }
                State::Done => return Ok(None),
            };
            if let Some(batch) = batch {
                return Ok(Some(self.leftover.put(batch, want)));
            }
        }
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.leftover.clear();
        self.probe = None;
        self.state = State::Start;
        self.unmatched = 0;
        if self.built_at == Some(execution.params_version(&self.inner_params)) {
            if let Some(table) = &mut self.table {
                table.matched.fill(false);
            }
        } else {
            self.table = None;
            self.built_at = None;
            self.parts.clear();
            self.part = 0;
            execution.memory.release(std::mem::take(&mut self.charged));
            self.inner.rescan(execution)?;
        }
        self.outer.rescan(execution)
    }

    fn report(&self, counters: &mut Counters) {
        counters.hash_buckets = self.report.hash_buckets;
        counters.hash_batches = self.report.hash_batches;
        counters.hash_memory = self.report.hash_memory;
    }
}
