//! Sorting of any number of rows: in memory on normalised keys; beyond work_mem, sorted runs go to temporary files and
//! are merged. With a bound, only the first rows are kept (top-N).

use crate::context::Execution;
use crate::merging::Merger;
use crate::order::Ordering;
use crate::rows::{batch_bytes, concatenate};
use crate::spill::SpillFile;
use base::Result;
use base::quicksort::{first_in_order, quicksort};
use datum::{Batch, MAX_BATCH_ROWS, Repr, Selection};
use std::sync::Arc;

pub struct Sorter {
    ordering: Ordering,
    reprs: Arc<[Repr]>,
    bound: Option<u64>,
    /// With a bound, one row that as many rows as wanted come before or tie with: what is not before it is not needed.
    threshold: Option<Batch>,
    /// Rows not yet sorted.
    pending: Vec<Batch>,
    pending_rows: usize,
    pending_bytes: usize,
    charged: usize,
    runs: Vec<SpillFile>,
    output: Output,
    pub method: &'static str,
    pub space: u64,
}

enum Output {
    NotReady,
    Memory { rows: Batch, order: Vec<u32>, at: usize },
    Merge(Merge),
}

/// Up to so many rows are sorted by PostgreSQL's method, whose order of equals is its: what is this short is shown as it
/// is, and the faster method gains little.
const FEW_ROWS: usize = 4096;
/// Rows from which a bounded sort drops what cannot be among the first.
const BOUND_SLACK: usize = 4096;

impl Sorter {
    pub fn new(ordering: Ordering, reprs: Arc<[Repr]>) -> Sorter {
        Sorter {
            ordering,
            reprs,
            bound: None,
            threshold: None,
            pending: Vec::new(),
            pending_rows: 0,
            pending_bytes: 0,
            charged: 0,
            runs: Vec::new(),
            output: Output::NotReady,
            method: "quicksort",
            space: 0,
        }
    }

    pub fn set_bound(&mut self, bound: Option<u64>) {
        self.bound = bound;
        self.threshold = None;
    }

    /// Forgets all rows.
    pub fn clear(&mut self, execution: &mut Execution) {
        self.pending.clear();
        self.pending_rows = 0;
        self.pending_bytes = 0;
        execution.memory.release(std::mem::take(&mut self.charged));
        self.runs.clear();
        self.threshold = None;
        self.output = Output::NotReady;
    }

    /// # Errors
    /// `53200`, and what writing temporary files fails with.
    pub fn add(&mut self, execution: &mut Execution, mut batch: Batch) -> Result<()> {
        if let Some(threshold) = &self.threshold {
            let rows = self.ordering.before(&batch, threshold);
            if rows.is_empty() {
                return Ok(());
            }
            if rows.len() < batch.rows() {
                batch = batch.select(&Selection::Rows(rows));
            }
        }
        let bytes = batch_bytes(&batch);
        execution.memory.charge(bytes)?;
        self.charged += bytes;
        self.pending_bytes += bytes;
        self.pending_rows += batch.rows();
        self.pending.push(batch);
        if let Some(bound) = self.bound
            && self.pending_rows as u64 > bound.saturating_mul(2).saturating_add(BOUND_SLACK as u64)
        {
            self.trim(execution, bound as usize)?;
        }
        // The permutation and the copy in order take as much again.
        if 2 * self.pending_bytes > execution.memory.work_mem_bytes {
            self.write_run(execution)?;
        }
        Ok(())
    }

    fn trim(&mut self, execution: &mut Execution, bound: usize) -> Result<()> {
        let all = concatenate(&self.pending, &self.reprs);
        let mut order = self.ordering.permutation(&all);
        order.truncate(bound);
        let columns = all.columns().iter().map(|c| Arc::new(c.take(&order))).collect();
        let kept = Batch::new(columns, order.len());
        execution.memory.release(self.charged);
        self.pending_bytes = batch_bytes(&kept);
        self.charged = self.pending_bytes;
        execution.memory.charge(self.charged)?;
        self.pending_rows = kept.rows();
        self.threshold = kept.rows().checked_sub(1).map(|last| kept.slice(last, 1));
        self.pending = vec![kept];
        self.method = "top-N heapsort";
        Ok(())
    }

    fn write_run(&mut self, execution: &mut Execution) -> Result<()> {
        let all = concatenate(&self.pending, &self.reprs);
        let order = self.ordering.permutation(&all);
        let mut file = SpillFile::create(execution)?;
        for rows in order.chunks(MAX_BATCH_ROWS) {
            execution.check()?;
            let columns = all.columns().iter().map(|c| Arc::new(c.take(rows))).collect();
            file.write(&Batch::new(columns, rows.len()))?;
        }
        self.runs.push(file);
        self.pending.clear();
        self.pending_rows = 0;
        self.pending_bytes = 0;
        execution.memory.release(std::mem::take(&mut self.charged));
        self.method = "external merge";
        Ok(())
    }

    /// All rows have been added.
    ///
    /// # Errors
    /// As [`Sorter::add`].
    pub fn finish(&mut self, execution: &mut Execution) -> Result<()> {
        if !self.runs.is_empty() {
            if self.pending_rows > 0 {
                self.write_run(execution)?;
            }
            self.space = self.runs.iter().map(SpillFile::bytes).sum();
            return self.rewind(execution);
        }
        self.space = self.charged as u64;
        let rows = concatenate(&self.pending, &self.reprs);
        self.pending.clear();
        let bound = self.bound.map(|bound| bound as usize).filter(|bound| *bound < rows.rows());
        if bound.is_some() {
            self.method = "top-N heapsort";
        }
        let order = if rows.rows() <= FEW_ROWS && self.threshold.is_none() {
            self.postgres_order(&rows, bound)
        } else {
            let mut order = self.ordering.permutation(&rows);
            order.truncate(bound.unwrap_or(usize::MAX));
            order
        };
        self.output = Output::Memory { rows, order, at: 0 };
        Ok(())
    }

    /// The order in which PostgreSQL leaves rows that are equal by the keys, too.
    fn postgres_order(&self, rows: &Batch, bound: Option<usize>) -> Vec<u32> {
        let mut order: Vec<u32> = (0..rows.rows() as u32).collect();
        let mut compare = |a: u32, b: u32| self.ordering.compare(rows, a as usize, rows, b as usize);
        match bound {
            // A heap is used once it is clear that most rows are not wanted.
            Some(bound) if order.len() > bound.saturating_mul(2) => {
                first_in_order(&order, bound, &mut compare)
            }
            bound => {
                quicksort(&mut order, &mut compare);
                order.truncate(bound.unwrap_or(usize::MAX));
                order
            }
        }
    }

    /// From the first row again.
    ///
    /// # Errors
    /// What reading temporary files fails with.
    pub fn rewind(&mut self, execution: &mut Execution) -> Result<()> {
        match &mut self.output {
            Output::Memory { at, .. } => *at = 0,
            _ => {
                let runs = match std::mem::replace(&mut self.output, Output::NotReady) {
                    Output::Merge(merge) => merge.files,
                    _ => std::mem::take(&mut self.runs),
                };
                let merge = Merge::new(execution, runs, &self.ordering, &self.reprs)?;
                self.output = Output::Merge(merge);
            }
        }
        Ok(())
    }

    /// The next rows in order.
    ///
    /// # Errors
    /// What reading temporary files fails with.
    pub fn next(&mut self, want: usize) -> Result<Option<Batch>> {
        match &mut self.output {
            Output::NotReady => Ok(None),
            Output::Memory { rows, order, at } => {
                let end = order.len().min(*at + want);
                if *at >= end {
                    return Ok(None);
                }
                let part = &order[*at..end];
                *at = end;
                let columns = rows.columns().iter().map(|c| Arc::new(c.take(part))).collect();
                Ok(Some(Batch::new(columns, part.len())))
            }
            Output::Merge(merge) => merge.next(want),
        }
    }
}

/// Runs merged at once; more are first merged to fewer.
const MERGE_WIDTH: usize = 128;

/// Several sorted files read as one.
struct Merge {
    files: Vec<SpillFile>,
    merger: Merger,
}

impl Merge {
    fn new(
        execution: &mut Execution,
        mut files: Vec<SpillFile>,
        ordering: &Ordering,
        reprs: &Arc<[Repr]>,
    ) -> Result<Merge> {
        while files.len() > MERGE_WIDTH {
            let rest = files.split_off(MERGE_WIDTH);
            let mut merge = Merge::open(files, ordering, reprs)?;
            let mut merged = SpillFile::create(execution)?;
            while let Some(batch) = merge.next(MAX_BATCH_ROWS)? {
                execution.check()?;
                merged.write(&batch)?;
            }
            // In front, so that rows that are equal stay in the order they came.
            files = vec![merged];
            files.extend(rest);
        }
        Merge::open(files, ordering, reprs)
    }

    fn open(mut files: Vec<SpillFile>, ordering: &Ordering, reprs: &Arc<[Repr]>) -> Result<Merge> {
        files.iter_mut().try_for_each(SpillFile::rewind)?;
        let merger = Merger::new(ordering.clone(), reprs.clone(), files.len());
        Ok(Merge { files, merger })
    }

    fn next(&mut self, want: usize) -> Result<Option<Batch>> {
        let files = &mut self.files;
        self.merger.next(want, |file| files[file].next())
    }
}
