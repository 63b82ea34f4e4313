//! Bitmap heap scan: the pages of a bitmap in the order they lie in the table.

use super::bitmap::BitmapPage;
use super::bitmap_index::Source;
use super::scan::{ScanSpec, relation_of};
use crate::context::Execution;
use crate::instrument::Counters;
use crate::node::Node;
use crate::rows::Leftover;
use base::{Error, Result};
use datum::{Batch, MAX_BATCH_ROWS};
use heap::{Blocks, Fetcher, Rows, Visibility};
use ir::{Expr, Plan};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Spec {
    scan: ScanSpec,
    source: Source,
    exact: bool,
}

pub fn build(
    execution: &mut Execution,
    plan: &Plan,
    relation: usize,
    recheck: &[Expr],
) -> Result<Box<dyn Node>> {
    let prepared = execution.prepared.clone();
    let spec = prepared.spec(plan, || {
        let entry = relation_of(execution, relation)?;
        let child =
            plan.left.as_deref().ok_or_else(|| Error::internal("a bitmap heap scan without its bitmap"))?;
        let source = Source::new(execution, &entry, child)?;
        let recheck: Vec<&Expr> = recheck.iter().collect();
        let scan = ScanSpec::new(&execution.session, entry, plan, relation, &recheck)?;
        Ok(Spec { scan, exact: source.is_exact(), source })
    })?;
    let rows = spec.scan.rows();
    Ok(Box::new(BitmapHeapScan {
        spec,
        id: plan.id,
        rows,
        pages: None,
        parallel: plan.parallel_aware,
        fetcher: None,
        leftover: Leftover::default(),
        substituted: false,
        exact_pages: 0,
        lossy_pages: 0,
    }))
}

/// A bitmap's pages, and how many of them are taken.
struct SharedPages {
    pages: Vec<BitmapPage>,
    taken: AtomicUsize,
}

impl SharedPages {
    fn new(source: &Source, execution: &mut Execution) -> Result<SharedPages> {
        Ok(SharedPages { pages: source.collect(execution)?.pages(), taken: AtomicUsize::new(0) })
    }

    fn take(&self) -> Option<&BitmapPage> {
        self.pages.get(self.taken.fetch_add(1, Ordering::Relaxed))
    }
}

struct BitmapHeapScan {
    spec: Arc<Spec>,
    id: usize,
    rows: Rows,
    pages: Option<Arc<SharedPages>>,
    /// Whether the pages are divided among the participants of a parallel plan.
    parallel: bool,
    fetcher: Option<Fetcher>,
    leftover: Leftover,
    substituted: bool,
    exact_pages: u64,
    lossy_pages: u64,
}

impl BitmapHeapScan {
    /// Reads some pages; `None` at the end, else whether their rows must be asked again.
    fn read(&mut self, execution: &mut Execution) -> Result<Option<bool>> {
        let spec = self.spec.clone();
        let pages = match &self.pages {
            Some(pages) => pages.clone(),
            None => {
                let pages = match execution.team.clone() {
                    // Whoever comes first makes the bitmap for all.
                    Some(team) if self.parallel => {
                        team.share(self.id, || SharedPages::new(&spec.source, execution))?
                    }
                    _ => Arc::new(SharedPages::new(&spec.source, execution)?),
                };
                self.pages.insert(pages).clone()
            }
        };
        let visibility = Visibility::Mvcc(execution.snapshot.clone());
        let relation = &spec.scan.entry.relation;
        let (mut sources, mut dead) = (Vec::new(), Vec::new());
        let mut tids = Vec::new();
        while let Some(page) = pages.take() {
            match page {
                BitmapPage::Exact(more) => {
                    self.exact_pages += 1;
                    tids.extend_from_slice(more);
                }
                BitmapPage::Lossy(block) => {
                    self.lossy_pages += 1;
                    let blocks = Blocks::Range(block.0..block.0 + 1);
                    let mut scan =
                        heap::Scan::new(&execution.context, relation, visibility, blocks, &spec.scan.needed)?;
                    while scan.next_page(MAX_BATCH_ROWS, &mut self.rows)? > 0 {}
                    if !tids.is_empty() {
                        // Exact rows of pages before are in the same batch: all of them are asked again.
                        self.fetch(execution, &tids, &mut sources, &mut dead)?;
                    }
                    return Ok(Some(true));
                }
            }
            if tids.len() >= MAX_BATCH_ROWS / 2 {
                break;
            }
        }
        if tids.is_empty() {
            return Ok(None);
        }
        self.fetch(execution, &tids, &mut sources, &mut dead)?;
        Ok(Some(!spec.exact))
    }

    fn fetch(
        &mut self,
        execution: &Execution,
        tids: &[base::Tid],
        sources: &mut Vec<u32>,
        dead: &mut Vec<u32>,
    ) -> Result<()> {
        let scan = &self.spec.scan;
        let fetcher = self.fetcher.get_or_insert_with(|| {
            let visibility = Visibility::Mvcc(execution.snapshot.clone());
            Fetcher::new(&execution.context, &scan.entry.relation, visibility, &scan.needed)
        });
        fetcher.fetch_many(tids, &mut self.rows, sources, dead)?;
        Ok(())
    }
}

impl Node for BitmapHeapScan {
    fn next(&mut self, execution: &mut Execution, want: usize) -> Result<Option<Batch>> {
        let spec = self.spec.clone();
        if let Some(result) = spec.scan.substitute(execution, &mut self.substituted, self.id)? {
            return Ok(result);
        }
        if let Some(batch) = self.leftover.next(want) {
            return spec.scan.projection.apply(execution, &batch).map(Some);
        }
        while let Some(recheck) = self.read(execution)? {
            execution.check()?;
            let batch = spec.scan.batch(&mut self.rows)?;
            let batch = spec.scan.filter(execution, batch, recheck, self.id)?;
            if !batch.is_empty() {
                let batch = self.leftover.put(batch, want);
                return spec.scan.projection.apply(execution, &batch).map(Some);
            }
        }
        Ok(None)
    }

    fn rescan(&mut self, _: &mut Execution) -> Result<()> {
        self.pages = None;
        self.rows.clear();
        self.leftover.clear();
        self.substituted = false;
        Ok(())
    }

    fn report(&self, counters: &mut Counters) {
        counters.exact_pages = self.exact_pages;
        counters.lossy_pages = self.lossy_pages;
    }
}
