//! Groups found by hashing. When memory is full, rows of groups that are not there yet go to a temporary file, divided
//! by their keys' hashes; each part is then aggregated like the input was. The first half of an aggregation in halves
//! writes nothing: it hands its groups on when memory is full, and begins anew.

use super::{Spec, States};
use crate::context::Execution;
use crate::instrument::Counters;
use crate::key_table::{KeyTable, NONE, Scratch, row_hashes};
use crate::node::Node;
use crate::rows::Leftover;
use crate::spill::{Division, PartReader};
use base::Result;
use datum::{Batch, Column, MAX_BATCH_ROWS, Selection};
use hashbrown::DefaultHashBuilder;
use ir::Plan;
use std::sync::Arc;

pub fn build(
    execution: &Execution,
    plan: &Plan,
    spec: Arc<Spec>,
    child: Box<dyn Node>,
) -> Result<Box<dyn Node>> {
    Ok(Box::new(HashedAggregate {
        states: States::new(execution, &spec)?,
        table: KeyTable::new(spec.encoder.clone()),
        params: execution.prepared.params_of(plan).to_vec(),
        spec,
        child,
        state: State::Start,
        kept: None,
        at: 0,
        charged: 0,
        unaccounted: 0,
        hasher: DefaultHashBuilder::default(),
        scratch: Scratch::default(),
        expected_groups: plan.rows,
        spilled: None,
        is_full: false,
        waiting: Vec::new(),
        leftover: Leftover::default(),
        filled_at: None,
        ever_spilled: false,
        report: Counters::default(),
    }))
}

#[derive(PartialEq)]
enum State {
    Start,
    Returning,
    Done,
}

/// Rows not yet aggregated: `level` counts how often they have been divided.
struct Waiting {
    part: PartReader,
    level: u32,
}

/// Parts that rows are divided into at once.
const LEAST_PARTS: usize = 16;
const MOST_PARTS: usize = 256;

struct HashedAggregate {
    spec: Arc<Spec>,
    states: States,
    table: KeyTable,
    params: Vec<usize>,
    child: Box<dyn Node>,
    state: State,
    /// The groups' kept columns, once all input is in.
    kept: Option<Batch>,
    at: usize,
    charged: usize,
    /// Rows taken in since memory was last accounted for.
    unaccounted: usize,
    hasher: DefaultHashBuilder,
    scratch: Scratch,
    /// As the planner estimated them.
    expected_groups: f64,
    /// What does not fit of the input in work.
    spilled: Option<Division>,
    /// The groups are handed on before the next input is taken in.
    is_full: bool,
    waiting: Vec<Waiting>,
    leftover: Leftover,
    filled_at: Option<u64>,
    ever_spilled: bool,
    report: Counters,
}

impl HashedAggregate {
    fn take_in(&mut self, execution: &mut Execution, batch: &Batch, level: u32) -> Result<()> {
        let spec = self.spec.clone();
        let columns: Vec<&Column> = spec.group_columns.iter().map(|c| &**batch.column(*c)).collect();
        let all = Selection::All(batch.rows());
        let mut numbers = Vec::new();
        let Some(division) = &mut self.spilled else {
            let known = self.table.len();
            self.table.insert(&columns, &all, true, &mut self.scratch, &mut numbers)?;
            if self.table.len() > known {
                let mut next = known as u32;
                let mut fresh = Vec::with_capacity(self.table.len() - known);
                for (row, number) in numbers.iter().enumerate() {
                    if *number == next {
                        fresh.push(row as u32);
                        next += 1;
                    }
                }
                self.states.kept.append_rows(&spec.kept_columns(batch), &fresh);
                self.states.resize(self.table.len());
            }
            self.states.update(execution, &spec, batch, &numbers, &all)?;
            // States are asked one by one what they hold, so not more often than there are rows to pay for it.
            self.unaccounted += batch.rows();
            return match self.unaccounted >= self.table.len() / 4 {
                true => self.account(execution, level),
                false => Ok(()),
            };
        };
        self.table.find(&columns, &all, true, &mut self.scratch, &mut numbers)?;
        let known = all.filter(|row| numbers[row] != NONE);
        self.states.update(execution, &spec, batch, &numbers, &known)?;
        let mut hashes = Vec::new();
        row_hashes(&spec.encoder, &self.hasher, &columns, batch.rows(), &mut self.scratch, &mut hashes)?;
        let mut parts: Vec<Vec<u32>> = vec![Vec::new(); division.parts()];
        for row in (0..batch.rows()).filter(|row| numbers[*row] == NONE) {
            // Each level of division uses bits of its own.
            let part = (hashes[row].rotate_right(8 * level)) as usize % division.parts();
            parts[part].push(row as u32);
        }
        for (part, rows) in parts.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            division.write(part, batch, &Selection::Rows(rows))?;
        }
        Ok(())
    }

    fn account(&mut self, execution: &mut Execution, level: u32) -> Result<()> {
        self.unaccounted = 0;
        let kept = self.table.len() * 16 * (1 + self.spec.kept.len());
        let bytes = self.table.memory_bytes() + self.states.memory_bytes() + kept;
        if bytes > self.charged {
            execution.memory.charge(bytes - self.charged)?;
            self.charged = bytes;
        }
        self.report.hash_memory = self.report.hash_memory.max(bytes as u64);
        // What was divided often enough does not get smaller by dividing: then only the process's budget bounds it.
        if self.spec.is_first_half {
            self.is_full = bytes > execution.memory.hash_mem_bytes;
        } else if bytes > execution.memory.hash_mem_bytes && level < 8 && self.table.len() > 1 {
            let per_group = bytes / self.table.len();
            let expected = match level {
                0 => self.expected_groups.max(self.table.len() as f64) * per_group as f64,
                _ => 0.0,
            };
            // Half of the memory each, so that the parts fit although they are not all of one size.
            let parts = (2.0 * expected / execution.memory.hash_mem_bytes.max(1) as f64) as usize;
            let parts = parts.next_power_of_two().clamp(LEAST_PARTS, MOST_PARTS);
            self.spilled = Some(Division::create(execution, parts)?);
            self.ever_spilled = true;
        }
        Ok(())
    }

    /// All input of this pass is in.
    fn close(&mut self, execution: &mut Execution, level: u32) -> Result<()> {
        if let Some(mut division) = self.spilled.take() {
            for part in division.finish()?.into_iter().filter(|part| part.rows() > 0) {
                self.report.disk_usage += part.bytes();
                self.waiting.push(Waiting { part, level: level + 1 });
            }
        }
        self.report.hash_batches += 1;
        let spec = self.spec.clone();
        self.states.complete(execution, &spec)?;
        self.kept = Some(self.states.kept.take());
        self.at = 0;
        Ok(())
    }

    /// Takes in all input, or as much as there is room for.
    fn fill(&mut self, execution: &mut Execution) -> Result<()> {
        self.is_full = false;
        while !self.is_full
            && let Some(batch) = self.child.next(execution, MAX_BATCH_ROWS)?
        {
            execution.check()?;
            self.take_in(execution, &batch, 0)?;
        }
        self.ever_spilled |= self.is_full;
        self.close(execution, 0)
    }

    /// Aggregates the rest of the input, or the next part; `false` when there is none.
    fn next_part(&mut self, execution: &mut Execution) -> Result<bool> {
        if self.is_full {
            self.clear(execution);
            self.fill(execution)?;
            return Ok(true);
        }
        let Some(mut waiting) = self.waiting.pop() else { return Ok(false) };
        self.clear(execution);
        while let Some(batch) = waiting.part.next()? {
            execution.check()?;
            self.take_in(execution, &batch, waiting.level)?;
        }
        self.close(execution, waiting.level)?;
        Ok(true)
    }

    fn clear(&mut self, execution: &mut Execution) {
        self.table.clear();
        self.unaccounted = 0;
        self.states.reset(execution);
        self.kept = None;
        execution.memory.release(std::mem::take(&mut self.charged));
    }
}

impl Node for HashedAggregate {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if let Some(batch) = self.leftover.next(want) {
            return Ok(Some(batch));
        }
        if self.state == State::Start {
            if self.filled_at.is_none() {
                self.fill(execution)?;
                self.filled_at = Some(execution.params_version(&self.params));
            }
            self.state = State::Returning;
        }
        while self.state == State::Returning {
            let groups = self.kept.as_ref().map_or(0, Batch::rows);
            if self.at >= groups {
                if !self.next_part(execution)? {
                    self.state = State::Done;
                }
                continue;
            }
            let end = groups.min(self.at + want.min(MAX_BATCH_ROWS));
            let Some(kept) = self.kept.as_ref().map(|k| k.slice(self.at, end - self.at)) else { continue };
            let spec = self.spec.clone();
            let groupings = spec.grouping_values(&spec.group_columns);
            let batch = spec.output(execution, &mut self.states, kept, self.at, end, &groupings)?;
            self.at = end;
            if let Some(batch) = batch {
                return Ok(Some(self.leftover.put(batch, want)));
            }
        }
        Ok(None)
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        self.leftover.clear();
        self.state = State::Start;
        self.at = 0;
        if self.filled_at == Some(execution.params_version(&self.params)) && !self.ever_spilled {
            return Ok(());
        }
        self.filled_at = None;
        self.ever_spilled = false;
        self.is_full = false;
        self.spilled = None;
        self.waiting.clear();
        self.clear(execution);
        self.child.rescan(execution)
    }

    fn report(&self, counters: &mut Counters) {
        counters.hash_batches = self.report.hash_batches;
        counters.hash_memory = self.report.hash_memory;
        counters.disk_usage = self.report.disk_usage;
    }
}
