//! What EXPLAIN ANALYZE shows of each node.

use crate::context::Execution;
use crate::node::{LookedUp, Node};
use base::Result;
use datum::{Batch, Column};
use parking_lot::Mutex;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// One node's counters, summed over its loops.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counters {
    /// Times it was started; 0: never executed.
    pub loops: u64,
    pub rows: u64,
    /// Until its first batch, over all loops.
    pub startup: Duration,
    pub total: Duration,
    pub removed_by_filter: u64,
    pub removed_by_join_filter: u64,
    pub removed_by_recheck: u64,
    pub heap_fetches: u64,
    /// `quicksort`, `top-N heapsort`, `external merge`.
    pub sort_method: Option<&'static str>,
    /// Bytes in memory, or on disk for `external merge`.
    pub sort_space: u64,
    pub hash_buckets: u64,
    pub hash_batches: u64,
    pub hash_memory: u64,
    pub disk_usage: u64,
    pub exact_pages: u64,
    pub lossy_pages: u64,
    pub cache_hits: u64,
    pub cache_misses: u64,
    pub cache_evictions: u64,
    pub cache_memory: u64,
    pub full_groups: u64,
    pub tuples_inserted: u64,
    pub conflicting_tuples: u64,
    pub index_searches: u64,
    pub workers_launched: u64,
}

impl Counters {
    fn absorb(&mut self, worker: &Counters) {
        let sums = [
            (&mut self.loops, worker.loops),
            (&mut self.rows, worker.rows),
            (&mut self.removed_by_filter, worker.removed_by_filter),
            (&mut self.removed_by_join_filter, worker.removed_by_join_filter),
            (&mut self.removed_by_recheck, worker.removed_by_recheck),
            (&mut self.heap_fetches, worker.heap_fetches),
            (&mut self.disk_usage, worker.disk_usage),
            (&mut self.exact_pages, worker.exact_pages),
            (&mut self.lossy_pages, worker.lossy_pages),
            (&mut self.cache_hits, worker.cache_hits),
            (&mut self.cache_misses, worker.cache_misses),
            (&mut self.cache_evictions, worker.cache_evictions),
            (&mut self.full_groups, worker.full_groups),
            (&mut self.index_searches, worker.index_searches),
        ];
        sums.into_iter().for_each(|(mine, theirs)| *mine += theirs);
        let largest = [
            (&mut self.sort_space, worker.sort_space),
            (&mut self.hash_buckets, worker.hash_buckets),
            (&mut self.hash_batches, worker.hash_batches),
            (&mut self.hash_memory, worker.hash_memory),
            (&mut self.cache_memory, worker.cache_memory),
        ];
        largest.into_iter().for_each(|(mine, theirs)| *mine = theirs.max(*mine));
        self.startup += worker.startup;
        self.total += worker.total;
        self.sort_method = self.sort_method.or(worker.sort_method);
    }
}

/// All nodes' counters, by plan number.
#[derive(Clone, Debug, Default)]
pub struct Instruments {
    counters: Vec<Counters>,
    /// What parallel workers that have ended counted.
    workers: Arc<Mutex<Vec<Counters>>>,
    /// Whether time is taken (EXPLAIN's TIMING).
    pub timing: bool,
}

impl Instruments {
    pub fn new(timing: bool) -> Instruments {
        Instruments { counters: Vec::new(), workers: Arc::default(), timing }
    }

    pub fn get(&self, id: usize) -> Option<&Counters> {
        self.counters.get(id)
    }

    pub fn get_mut(&mut self, id: usize) -> &mut Counters {
        if self.counters.len() <= id {
            self.counters.resize_with(id + 1, Counters::default);
        }
        &mut self.counters[id]
    }

    /// The counters of a parallel worker, who hands them over at its end.
    pub(crate) fn of_worker(&self) -> Instruments {
        Instruments { counters: Vec::new(), workers: self.workers.clone(), timing: self.timing }
    }

    /// A worker's end.
    pub(crate) fn hand_over(self) {
        let mut all = self.workers.lock();
        if all.len() < self.counters.len() {
            all.resize_with(self.counters.len(), Counters::default);
        }
        all.iter_mut().zip(&self.counters).for_each(|(sum, own)| sum.absorb(own));
    }

    /// Adds what workers have handed over.
    pub(crate) fn collect(&mut self) {
        let all = std::mem::take(&mut *self.workers.lock());
        for (id, counters) in all.iter().enumerate() {
            self.get_mut(id).absorb(counters);
        }
    }
}

/// A node with its counters.
pub struct Instrumented {
    node: Box<dyn Node>,
    id: usize,
    running: bool,
}

impl Instrumented {
    pub fn new(node: Box<dyn Node>, id: usize) -> Instrumented {
        Instrumented { node, id, running: false }
    }
}

impl Node for Instrumented {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        let timing = execution.instruments.as_ref().is_some_and(|i| i.timing);
        let clock = execution.session.instance().system.clock.clone();
        let start = if timing { clock.monotonic() } else { Duration::ZERO };
        let batch = self.node.next(execution, want)?;
        let elapsed = if timing { clock.monotonic().saturating_sub(start) } else { Duration::ZERO };
        let first = !std::mem::replace(&mut self.running, true);
        if let Some(instruments) = &mut execution.instruments {
            let counters = instruments.get_mut(self.id);
            counters.total += elapsed;
            if first {
                counters.loops += 1;
                counters.startup += elapsed;
            }
            counters.rows += batch.as_ref().map_or(0, |b| b.rows() as u64);
            // Not only at the end, which a node below a LIMIT never comes to.
            self.node.report(counters);
        }
        Ok(batch)
    }

    fn rescan(&mut self, execution: &mut Execution) -> Result<()> {
        if std::mem::replace(&mut self.running, false)
            && let Some(instruments) = &mut execution.instruments
        {
            self.node.report(instruments.get_mut(self.id));
        }
        self.node.rescan(execution)
    }

    fn looks_up(&self) -> bool {
        self.node.looks_up()
    }

    fn look_up(
        &mut self,
        execution: &mut Execution,
        params: &[(usize, Arc<Column>)],
        rows: Range<usize>,
    ) -> Result<LookedUp> {
        let timing = execution.instruments.as_ref().is_some_and(|i| i.timing);
        let clock = execution.session.instance().system.clock.clone();
        let start = if timing { clock.monotonic() } else { Duration::ZERO };
        let first = rows.start;
        let found = self.node.look_up(execution, params, rows)?;
        let elapsed = if timing { clock.monotonic().saturating_sub(start) } else { Duration::ZERO };
        if let Some(instruments) = &mut execution.instruments {
            let counters = instruments.get_mut(self.id);
            counters.total += elapsed;
            counters.startup += elapsed;
            counters.loops += (found.end - first) as u64;
            counters.rows += found.batch.rows() as u64;
            self.node.report(counters);
        }
        Ok(found)
    }

    fn set_bound(&mut self, rows: u64) {
        self.node.set_bound(rows);
    }

    fn report(&self, counters: &mut Counters) {
        self.node.report(counters);
    }
}
