//! Sequential scan: a page at a time, filtered as columns.

use super::scan::{ScanSpec, relation_of};
use crate::context::Execution;
use crate::node::Node;
use crate::rows::Leftover;
use base::Result;
use datum::{Batch, MAX_BATCH_ROWS, Selection};
use heap::{BlockAllocator, Blocks, Rows, Scan, Visibility};
use ir::Plan;
use std::sync::Arc;

pub fn build(execution: &mut Execution, plan: &Plan, relation: usize) -> Result<Box<dyn Node>> {
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let entry = relation_of(execution, relation)?;
        ScanSpec::new(&execution.session, entry, plan, relation, &[])
    })?;
    let rows = spec.rows();
    Ok(Box::new(SeqScan {
        spec,
        id: plan.id,
        rows,
        scan: None,
        leftover: Leftover::default(),
        substituted: false,
        parallel: plan.parallel_aware,
        divided: false,
        read: 0,
        passed: 0,
    }))
}

struct SeqScan {
    spec: Arc<ScanSpec>,
    id: usize,
    rows: Rows,
    scan: Option<Scan>,
    /// Rows that passed the filter, before projection.
    leftover: Leftover,
    substituted: bool,
    /// Whether the blocks are divided among the participants of a parallel plan.
    parallel: bool,
    /// Whether what the quals do not need is read only of rows that pass them.
    divided: bool,
    /// Rows read and passed while that is so.
    read: usize,
    passed: usize,
}

/// Rows after which it is known whether reading in two steps pays.
const TRIAL_ROWS: usize = 4096;

impl SeqScan {
    fn open(&mut self, execution: &Execution) -> Result<()> {
        let visibility = Visibility::Mvcc(execution.snapshot.clone());
        let relation = &self.spec.entry.relation;
        let blocks = match &execution.team {
            Some(team) if self.parallel => {
                let shared = team.share(self.id, || {
                    let blocks = heap::block_count(&execution.context, relation)?;
                    Ok(BlockAllocator::new(blocks, team.participants()))
                })?;
                Blocks::Shared((*shared).clone())
            }
            _ => Blocks::All,
        };
        let needed = &self.spec.needed;
        let mut scan = Scan::new(&execution.context, relation, visibility, blocks, needed)?;
        if self.spec.is_divisible() {
            let (asked, other) = (&self.spec.asked, &self.spec.other);
            self.divided = scan.split(&self.spec.attributes(asked), &self.spec.attributes(other));
            if self.divided {
                self.rows.columns = self.spec.builders_of(asked);
            }
        }
        self.scan = Some(scan);
        Ok(())
    }

    /// The rows that pass among those read, which may be none.
    fn filtered(&mut self, execution: &mut Execution) -> Result<Batch> {
        let Some(scan) = self.scan.as_mut().filter(|_| self.divided) else {
            let batch = self.spec.batch(&mut self.rows)?;
            return self.spec.filter(execution, batch, false, self.id);
        };
        let batch = self.spec.asked_batch(&mut self.rows);
        let passing = self.spec.passing(execution, &batch, self.id)?;
        self.read += batch.rows();
        self.passed += passing.len();
        let mut later = self.spec.builders_of(&self.spec.other);
        let mut tids = std::mem::take(&mut self.rows.tids);
        if let Selection::Rows(rows) = &passing {
            let selected: Vec<_> = rows.iter().map(|row| tids[*row as usize]).collect();
            scan.read_later(&selected, &mut later)?;
        } else {
            scan.read_later(&tids, &mut later)?;
        }
        tids.clear();
        self.rows.tids = tids;
        let batch = self.spec.completed(&batch.select(&passing), later);
        if self.read >= TRIAL_ROWS && 2 * self.passed > self.read {
            scan.join(&self.spec.needed);
            self.divided = false;
            self.rows = self.spec.rows();
        }
        Ok(batch)
    }
}

impl Node for SeqScan {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if let Some(result) = self.spec.substitute(execution, &mut self.substituted, self.id)? {
            return Ok(result);
        }
        if let Some(batch) = self.leftover.next(want) {
            return self.spec.projection.apply(execution, &batch).map(Some);
        }
        if self.scan.is_none() {
            self.open(execution)?;
        }
        // A filter is applied to whole pages; without one no row is read that was not asked for.
        let filtered = !self.spec.quals.is_empty();
        let (fill, limit) = match filtered {
            true if want < 64 => (1, MAX_BATCH_ROWS),
            true => (MAX_BATCH_ROWS, MAX_BATCH_ROWS),
            false => (want, want),
        };
        loop {
            let mut end = false;
            while self.rows.len() < fill {
                let Some(scan) = &mut self.scan else { break };
                if scan.next_page(limit - self.rows.len(), &mut self.rows)? == 0 {
                    end = true;
                    break;
                }
            }
            if self.rows.is_empty() {
                return Ok(None);
            }
            let batch = match filtered {
                true => self.filtered(execution)?,
                false => self.spec.batch(&mut self.rows)?,
            };
            if !batch.is_empty() {
                let batch = self.leftover.put(batch, want);
                return self.spec.projection.apply(execution, &batch).map(Some);
            }
            if end {
                return Ok(None);
            }
            execution.check()?;
        }
    }

    fn rescan(&mut self, _: &mut Execution) -> Result<()> {
        self.rows.clear();
        self.leftover.clear();
        self.substituted = false;
        if self.parallel {
            // Blocks are handed out anew among whoever takes part next time.
            self.scan = None;
            self.divided = false;
            self.rows = self.spec.rows();
        }
        match &mut self.scan {
            Some(scan) => scan.rescan(),
            None => Ok(()),
        }
    }
}
