//! Hash join. The inner rows go into a table, outer batches are probed. When the inner side does not fit into
//! hash_mem, both sides are divided by their keys' hashes: the first part is joined at once, the others go to temporary
//! files and are joined one by one afterwards. In a parallel hash join the participants share one table, or the parts
//! (`shared_hash.rs`).

use super::join::{self, JoinSpec};
use super::join_table::JoinTable;
use super::shared_hash::{Builder, Built, Part, SharedHash, part_count};
use crate::context::Execution;
use crate::expr::{Compiler, Eval, Inputs};
use crate::instrument::Counters;
use crate::key_table::{NONE, Scratch, row_hashes};
use crate::keys::Encoder;
use crate::node::{self, Node};
use crate::rows::{Leftover, NO_ROW, batch_bytes, concatenate};
use crate::spill::Division;
use base::{Error, Result};
use datum::{Batch, Column, MAX_BATCH_ROWS, Selection};
use hashbrown::DefaultHashBuilder;
use ir::{Expr, Join, JoinKind, Plan};
use parking_lot::Mutex;
use std::sync::Arc;

struct Spec {
    join: JoinSpec,
    outer_keys: Vec<Eval>,
    inner_keys: Vec<Eval>,
    encoder: Arc<Encoder>,
    /// Outer keys are more than columns: they are written with the rows that wait, and not evaluated twice.
    carries_keys: bool,
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
        let mut carries_keys = false;
        let mut compiler = Compiler::new(&session, Inputs::Outer);
        for clause in clauses {
            let Expr::Op(op) = clause else {
                return Err(Error::internal("a hash clause that is no operator"));
            };
            let [left, right] = &op.args[..] else {
                return Err(Error::internal("a hash clause with one side"));
            };
            carries_keys |= !matches!(left, Expr::Var(_));
            outer_keys.push(compiler.compile(left)?);
            types.push(ir::expr_type(left));
            // The inner side is read on its own: its columns start at 0 there.
            let mut inner = Compiler::new(&session, Inputs::OuterInner { outer: 0 });
            inner_keys.push(inner.compile(right)?);
        }
        let encoder = Arc::new(Encoder::of_types(&session, types)?);
        Ok(Spec { join, outer_keys, inner_keys, encoder, carries_keys })
    })?;
    Ok(Box::new(HashJoin {
        spec,
        outer,
        inner,
        id: plan.id,
        inner_params: prepared.params_of(right).to_vec(),
        parallel: plan.parallel_aware,
        shared: None,
        takes_parts: false,
        state: State::Start,
        table: None,
        built_at: None,
        charged: 0,
        hasher: DefaultHashBuilder::default(),
        scratch: Scratch::default(),
        dividing: None,
        parts: Vec::new(),
        part: None,
        probe: None,
        unmatched: 0,
        returns_unmatched: false,
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

/// While the outer side is divided: what the inner side was divided into, and what the outer side is.
struct Dividing {
    inner: Division,
    outer: Division,
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

impl Probe {
    /// All pairs, where no row can be in two; `None` if there are none left.
    fn only_pairs(&mut self, table: &JoinTable) -> Option<(Vec<u32>, Vec<u32>)> {
        let (mut outer_rows, mut inner_rows) = (Vec::new(), Vec::new());
        for (row, candidate) in self.candidates.iter_mut().enumerate().filter(|(_, c)| **c != NONE) {
            outer_rows.push(row as u32);
            inner_rows.push(*candidate);
            self.matched[row] = true;
            *candidate = NONE;
        }
        if table.tracked() > 0 {
            inner_rows.iter().for_each(|row| {
                table.mark(*row);
            });
        }
        (!outer_rows.is_empty()).then_some((outer_rows, inner_rows))
    }
}

struct HashJoin {
    spec: Arc<Spec>,
    outer: Box<dyn Node>,
    inner: Box<dyn Node>,
    id: usize,
    inner_params: Vec<usize>,
    /// Whether the participants of a parallel plan share the table.
    parallel: bool,
    shared: Option<Arc<SharedHash>>,
    /// Whether the participants have divided both sides.
    takes_parts: bool,
    state: State,
    table: Option<Arc<JoinTable>>,
    /// The version of the inner side's params that the table is of, when it is the whole inner side.
    built_at: Option<u64>,
    charged: usize,
    hasher: DefaultHashBuilder,
    scratch: Scratch,
    /// Set while the first part of an inner side that does not fit is in the table.
    dividing: Option<Dividing>,
    /// The other parts, which wait, and the one in work.
    parts: Vec<Part>,
    part: Option<Part>,
    probe: Option<Probe>,
    unmatched: usize,
    /// Whether it falls to this participant to return the inner rows without partners.
    returns_unmatched: bool,
    leftover: Leftover,
    report: Counters,
}

/// Rows of one batch by the part they belong to.
fn rows_of_parts(
    spec: &Spec,
    hasher: &DefaultHashBuilder,
    scratch: &mut Scratch,
    batch: &Batch,
    keys: &[Arc<Column>],
    count: usize,
) -> Result<Vec<Vec<u32>>> {
    let columns: Vec<&Column> = keys.iter().map(|c| &**c).collect();
    let mut hashes = Vec::new();
    row_hashes(&spec.encoder, hasher, &columns, batch.rows(), scratch, &mut hashes)?;
    let mut rows: Vec<Vec<u32>> = vec![Vec::new(); count];
    for (row, hash) in hashes.iter().enumerate() {
        rows[*hash as usize % count].push(row as u32);
    }
    Ok(rows)
}

/// How a participant divides the rows of a side that all share.
struct Sharing<'a> {
    spec: &'a Spec,
    hasher: &'a DefaultHashBuilder,
    scratch: &'a mut Scratch,
}

impl Sharing<'_> {
    fn write(
        &mut self,
        rows: &Batch,
        keys: &[Arc<Column>],
        into: &Mutex<Division>,
        count: usize,
    ) -> Result<()> {
        let parts = rows_of_parts(self.spec, self.hasher, self.scratch, rows, keys, count)?;
        let mut division = into.lock();
        let mut parts = parts.into_iter().enumerate().filter(|(_, picked)| !picked.is_empty());
        parts.try_for_each(|(part, picked)| division.write(part, rows, &Selection::Rows(picked)))
    }
}

impl Builder for Sharing<'_> {
    fn can_divide(&self) -> bool {
        !self.spec.outer_keys.is_empty()
    }

    fn table(&mut self, execution: &mut Execution, rows: Vec<Batch>) -> Result<JoinTable> {
        self.spec.table(execution, rows)
    }

    fn divide(&mut self, execution: &mut Execution, rows: &Batch, into: &Mutex<Division>) -> Result<()> {
        let keys = evaluate(&self.spec.inner_keys, execution, rows)?;
        let count = into.lock().parts();
        self.write(rows, &keys, into, count)
    }
}

fn evaluate(keys: &[Eval], execution: &mut Execution, batch: &Batch) -> Result<Vec<Arc<Column>>> {
    let rows = Selection::All(batch.rows());
    keys.iter().map(|k| k.evaluate(execution, batch, &rows)).collect()
}

impl Spec {
    /// A table of all of these rows.
    pub fn table(&self, execution: &mut Execution, batches: Vec<Batch>) -> Result<JoinTable> {
        let rows = concatenate(&batches, &self.join.inner);
        drop(batches);
        let columns = evaluate(&self.inner_keys, execution, &rows)?;
        let track = self.join.keeps_inner() || self.join.kind == JoinKind::RightSemi;
        JoinTable::new(self.encoder.clone(), rows, &columns, track)
    }

    /// Outer rows as they are written, their keys behind their columns if those are carried.
    fn with_keys(&self, batch: Batch, keys: &[Arc<Column>]) -> Batch {
        if !self.carries_keys {
            return batch;
        }
        Batch::new(batch.columns().iter().chain(keys).cloned().collect(), batch.rows())
    }

    /// The reverse: the rows and their keys.
    fn without_keys(&self, execution: &mut Execution, batch: Batch) -> Result<(Batch, Vec<Arc<Column>>)> {
        if !self.carries_keys {
            let keys = evaluate(&self.outer_keys, execution, &batch)?;
            return Ok((batch, keys));
        }
        let (columns, keys) = batch.columns().split_at(batch.columns().len() - self.outer_keys.len());
        Ok((Batch::new(columns.to_vec(), batch.rows()), keys.to_vec()))
    }
}

impl HashJoin {
    fn build_table(&mut self, execution: &mut Execution) -> Result<()> {
        if let Some(team) = execution.team.clone()
            && self.parallel
        {
            let shared = team.share(self.id, || Ok(SharedHash::default()))?;
            let spec = self.spec.clone();
            let mut sharing = Sharing { spec: &spec, hasher: &shared.hasher, scratch: &mut self.scratch };
            match shared.build(execution, &mut self.inner, &mut sharing)? {
                Built::Table(table) => {
                    self.report.hash_batches = 1;
                    self.note(&table);
                    self.table = Some(table);
                }
                Built::Parts { outer, count } => {
                    self.divide_outer(execution, &shared, &outer, count)?;
                    self.report.hash_batches = count as u64;
                    // Each part has a table of its own, whose rows without partners are this participant's to return.
                    self.returns_unmatched = true;
                    self.takes_parts = true;
                }
            }
            self.shared = Some(shared);
            return Ok(());
        }
        self.returns_unmatched = true;
        let mut batches = Vec::new();
        let mut bytes = 0;
        while let Some(batch) = self.inner.next(execution, MAX_BATCH_ROWS)? {
            execution.check()?;
            let size = batch_bytes(&batch);
            bytes += size;
            batches.push(batch);
            let can_divide = !self.spec.outer_keys.is_empty();
            match execution.memory.charge(size) {
                Ok(()) => self.charged += size,
                Err(_) if can_divide => return self.build_in_parts(execution, batches, bytes),
                Err(error) => return Err(error),
            }
            if bytes > execution.memory.hash_mem_bytes && can_divide {
                return self.build_in_parts(execution, batches, bytes);
            }
        }
        self.fill_table(execution, batches)?;
        self.built_at = Some(execution.params_version(&self.inner_params));
        self.report.hash_batches = 1;
        Ok(())
    }

    fn fill_table(&mut self, execution: &mut Execution, batches: Vec<Batch>) -> Result<()> {
        let table = self.spec.table(execution, batches)?;
        let size = table.memory_bytes();
        execution.memory.charge(size)?;
        self.charged += size;
        self.note(&table);
        self.table = Some(Arc::new(table));
        Ok(())
    }

    fn note(&mut self, table: &JoinTable) {
        self.report.hash_buckets = table.buckets().next_power_of_two().max(1024) as u64;
        self.report.hash_memory = self.report.hash_memory.max(self.charged as u64);
    }

    /// Divides the inner side, of which `batches` are the beginning; the outer one is divided as it comes.
    fn build_in_parts(&mut self, execution: &mut Execution, batches: Vec<Batch>, bytes: usize) -> Result<()> {
        let count = part_count(bytes, execution.memory.hash_mem_bytes);
        let mut inner = Division::create(execution, count)?;
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
            let part = self.divide(&batch, &keys, &mut inner)?;
            if !part.is_empty() {
                let size = batch_bytes(&part);
                execution.memory.charge(size)?;
                self.charged += size;
                kept.push(part);
            }
        }
        self.fill_table(execution, kept)?;
        self.report.hash_batches = count as u64;
        self.dividing = Some(Dividing { inner, outer: Division::create(execution, count)? });
        Ok(())
    }

    /// Divides this participant's outer rows among the parts that all share.
    fn divide_outer(
        &mut self,
        execution: &mut Execution,
        shared: &SharedHash,
        outer: &Mutex<Division>,
        count: usize,
    ) -> Result<()> {
        let spec = self.spec.clone();
        while let Some(batch) = self.outer.next(execution, MAX_BATCH_ROWS)? {
            execution.check()?;
            let keys = evaluate(&spec.outer_keys, execution, &batch)?;
            let mut sharing = Sharing { spec: &spec, hasher: &shared.hasher, scratch: &mut self.scratch };
            sharing.write(&spec.with_keys(batch, &keys), &keys, outer, count)?;
        }
        shared.end_outer(execution)
    }

    /// Writes the rows that belong to other parts than the first to the division; returns the first part's.
    fn divide(&mut self, batch: &Batch, keys: &[Arc<Column>], into: &mut Division) -> Result<Batch> {
        let spec = self.spec.clone();
        let mut rows = rows_of_parts(&spec, &self.hasher, &mut self.scratch, batch, keys, into.parts())?;
        let first = std::mem::take(&mut rows[0]);
        for (part, rows) in rows.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            into.write(part, batch, &Selection::Rows(rows))?;
        }
        Ok(batch.select(&Selection::Rows(first)))
    }

    /// The next outer rows and their keys.
    fn next_outer(
        &mut self,
        execution: &mut Execution,
        want: usize,
    ) -> Result<Option<(Batch, Vec<Arc<Column>>)>> {
        let spec = self.spec.clone();
        if let Some(part) = &mut self.part {
            return match part.outer.next()? {
                Some(batch) => spec.without_keys(execution, batch).map(Some),
                None => Ok(None),
            };
        }
        let Some(mut dividing) = self.dividing.take() else {
            let Some(batch) = self.outer.next(execution, want)? else { return Ok(None) };
            let keys = evaluate(&spec.outer_keys, execution, &batch)?;
            return Ok(Some((batch, keys)));
        };
        while let Some(batch) = self.outer.next(execution, MAX_BATCH_ROWS)? {
            execution.check()?;
            let keys = evaluate(&spec.outer_keys, execution, &batch)?;
            let first = self.divide(&spec.with_keys(batch, &keys), &keys, &mut dividing.outer)?;
            if !first.is_empty() {
                self.dividing = Some(dividing);
                return spec.without_keys(execution, first).map(Some);
            }
        }
        let readers = dividing.outer.finish()?.into_iter().zip(dividing.inner.finish()?);
        self.parts = readers.map(|(outer, inner)| Part { outer, inner }).collect();
        // The first has been joined.
        self.parts.swap_remove(0);
        Ok(None)
    }

    /// Goes on with the next part; `false` when there is none.
    fn next_part(&mut self, execution: &mut Execution) -> Result<bool> {
        let shared = self.shared.as_ref().filter(|_| self.takes_parts);
        let Some(mut part) = shared.map_or_else(|| self.parts.pop(), |shared| shared.next_part()) else {
            return Ok(false);
        };
        self.table = None;
        execution.memory.release(std::mem::take(&mut self.charged));
        let mut batches = Vec::new();
        while let Some(batch) = part.inner.next()? {
            let size = batch_bytes(&batch);
            execution.memory.charge(size)?;
            self.charged += size;
            batches.push(batch);
        }
        self.fill_table(execution, batches)?;
        self.part = Some(part);
        Ok(true)
    }

    /// Takes pairs of the outer batch in work, up to about `want`; `None` when it is used up.
    fn pairs(&mut self, execution: &mut Execution, want: usize) -> Result<Option<(Vec<u32>, Vec<u32>)>> {
        let (Some(probe), Some(table)) = (&mut self.probe, &self.table) else { return Ok(None) };
        let spec = &self.spec.join;
        let plain = spec.join_quals.is_empty();
        if plain && table.is_unique() && spec.kind != JoinKind::RightSemi {
            return Ok(probe.only_pairs(table));
        }
        let (mut outer_rows, mut inner_rows) = (Vec::new(), Vec::new());
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
            if spec.kind == JoinKind::RightSemi && table.is_marked(candidate) {
                continue;
            }
            outer_rows.push(row as u32);
            inner_rows.push(candidate);
            if plain {
                probe.matched[row] = true;
                table.mark(candidate);
            } else if spec.first_match_suffices() || spec.kind == JoinKind::RightSemi {
                // Whether this pair stands decides what is tried next; the others of the batch are tried meanwhile.
                probe.row += 1;
            }
        }
        if outer_rows.is_empty() {
            return Ok(None);
        }
        if !plain {
            let pairs = spec.pair_to_match(&probe.batch, &outer_rows, &table.rows, &inner_rows);
            let stands = spec.matching(execution, &pairs, self.id)?;
            if let Selection::Rows(rows) = &stands {
                outer_rows = rows.iter().map(|r| outer_rows[*r as usize]).collect();
                inner_rows = rows.iter().map(|r| inner_rows[*r as usize]).collect();
            }
            let mut fresh = Vec::with_capacity(outer_rows.len());
            for (outer, inner) in outer_rows.iter().zip(&inner_rows) {
                probe.matched[*outer as usize] = true;
                let seen = table.mark(*inner);
                fresh.push(spec.kind != JoinKind::RightSemi || !seen);
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
        let pairs = self.spec.join.pair_matched(&probe.batch, &rows, &table.rows, &vec![NO_ROW; rows.len()]);
        self.spec.join.output(execution, &pairs, self.id)
    }

    fn unmatched_inner(&mut self, execution: &mut Execution) -> Result<Option<Batch>> {
        let Some(table) = &self.table else { return Ok(None) };
        let outer =
            Batch::new(self.spec.join.outer.iter().map(|r| crate::rows::null_column(*r)).collect(), 1);
        while self.unmatched < table.tracked() {
            let mut rows = Vec::new();
            while self.unmatched < table.tracked() && rows.len() < MAX_BATCH_ROWS {
                if !table.is_marked(self.unmatched as u32) {
                    rows.push(self.unmatched as u32);
                }
                self.unmatched += 1;
            }
            if rows.is_empty() {
                break;
            }
            let pairs = self.spec.join.pair_matched(&outer, &vec![NO_ROW; rows.len()], &table.rows, &rows);
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
            let Some((batch, columns)) = self.next_outer(execution, want)? else {
                self.state = State::Unmatched;
                self.unmatched = 0;
                return Ok(None);
            };
            let mut candidates = Vec::new();
            if let Some(table) = &self.table {
                table.probe(&columns, &Selection::All(batch.rows()), &mut self.scratch, &mut candidates)?;
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
        let pairs = self.spec.join.pair_matched(&probe.batch, &outer_rows, &table.rows, &inner_rows);
        self.spec.join.output(execution, &pairs, self.id)
    }

    /// Whether this participant returns the inner rows without partners: the one that ends last.
    fn is_last(&mut self) -> bool {
        if !self.takes_parts
            && let Some(shared) = self.shared.take()
        {
            self.returns_unmatched = shared.leave();
        }
        self.returns_unmatched
    }

    fn is_pointless(&self) -> bool {
        let empty = self.table.as_ref().is_some_and(|t| t.rows.is_empty());
        empty && !self.spec.join.keeps_outer() && self.dividing.is_none()
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
                    self.state = match self.is_pointless() {
                        true => State::Done,
                        // There is nothing but parts.
                        false if self.takes_parts => State::Unmatched,
                        false => State::Probing,
                    };
                    None
                }
                State::Probing => self.probe_step(execution, want)?,
                State::Unmatched => {
                    let batch = match self.spec.join.keeps_inner() && self.is_last() {
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
            if let Some(table) = &self.table {
                table.forget_marks();
            }
        } else {
            self.table = None;
            self.built_at = None;
            self.shared = None;
            self.takes_parts = false;
            self.dividing = None;
            self.parts.clear();
            self.part = None;
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
