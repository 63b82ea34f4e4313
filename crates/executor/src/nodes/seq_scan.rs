//! Sequential scan: a page at a time, filtered as columns.

use super::scan::{ScanSpec, relation_of};
use crate::context::Execution;
use crate::node::Node;
use crate::rows::Leftover;
use base::Result;
use datum::{Batch, MAX_BATCH_ROWS};
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
}

impl Node for SeqScan {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        if let Some(result) = self.spec.substitute(execution, &mut self.substituted, self.id)? {
            return Ok(result);
        }
        if let Some(batch) = self.leftover.next(want) {
            return self.spec.projection.apply(execution, &batch).map(Some);
        }
        let scan = match &mut self.scan {
            Some(scan) => scan,
            None => {
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
                self.scan.insert(Scan::new(
                    &execution.context,
                    relation,
                    visibility,
                    blocks,
                    &self.spec.needed,
                )?)
            }
        };
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
                if scan.next_page(limit - self.rows.len(), &mut self.rows)? == 0 {
                    end = true;
                    break;
                }
            }
            if self.rows.is_empty() {
                return Ok(None);
            }
            let mut batch = self.spec.batch(&mut self.rows)?;
            if filtered {
                batch = self.spec.filter(execution, batch, false, self.id)?;
            }
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
        }
        match &mut self.scan {
            Some(scan) => scan.rescan(),
            None => Ok(()),
        }
    }
}
