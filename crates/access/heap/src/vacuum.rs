//! Lazy VACUUM of one table.
//!
//! 1. Scan the pages that are not all-visible (not all-frozen, when aggressive): prune, freeze, remember dead line
//!    pointers, set bits of the visibility map.
//! 2. When memory for those is full, and at the end: remove the index entries that lead to them, then make the line
//!    pointers unused.
//! 3. Let indexes clean up, give back empty pages at the end, and tell what the table now looks like.

use crate::dead_tids::DeadTids;
use crate::freeze::Cutoffs;
use crate::page;
pub(crate) use crate::vacuum_page::set_visible;
use crate::vacuum_page::{DeadItems, Findings, Job, Worker};
use access_api::{Context, Relation};
use base::{BlockNumber, MultiXactId, Result, Xid};
use buffer::{Pin, fsm, vm};
use lock::{LockMode, LockTag, WaitPolicy};
use parking_lot::Mutex;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use storage::LinePointer;
use sys::Places;

/// The indexes of the table that is vacuumed.
pub trait IndexVacuum {
    fn count(&self) -> usize;

    /// Removes all entries that lead to `dead`.
    fn bulk_delete(&mut self, dead: &DeadTids) -> Result<()>;

    /// After the last `bulk_delete`, or instead of it.
    fn cleanup(&mut self, heap_tuples: f64, estimated: bool) -> Result<()>;
}

#[derive(Clone)]
pub struct VacuumOptions {
    /// Visit every page that is not all-frozen, so that relfrozenxid can advance for certain.
    pub aggressive: bool,
    /// Trust no bit of the visibility map (DISABLE_PAGE_SKIPPING).
    pub skip_nothing: bool,
    /// Give back empty pages at the end.
    pub truncate: bool,
    /// Off: dead line pointers stay (INDEX_CLEANUP off).
    pub index_cleanup: bool,
    /// For remembering dead line pointers (maintenance_work_mem).
    pub memory_bytes: usize,
    /// Threads that help with pages.
    pub places: Arc<Places>,
    /// Frames of the pool to go round in with pages that are not in it; 0: as many as there are
    /// (vacuum_buffer_usage_limit).
    pub ring_frames: usize,
    pub known: KnownSize,
    /// Called before each page: cost-based delay, interrupts.
    pub delay: Arc<dyn Fn() -> Result<()> + Send + Sync>,
}

/// What the catalog says of the table's size before.
#[derive(Clone, Copy, Debug)]
pub struct KnownSize {
    pub pages: u32,
    /// Negative: never counted.
    pub tuples: f64,
}

impl KnownSize {
    /// How many live tuples a table of `pages` has, after some pages were scanned. The pages that were skipped are
    /// thought to be as full as the table was on average before; a page or two say nothing new of a large table.
    fn live_tuples(self, pages: u32, scanned_pages: u32, scanned_tuples: f64) -> f64 {
        if scanned_pages >= pages {
            return scanned_tuples;
        }
        let few = self.pages == pages && f64::from(scanned_pages) < f64::from(pages) * 0.02;
        if few || scanned_pages <= 1 {
            return self.tuples.max(0.0);
        }
        let skipped = f64::from(pages - scanned_pages);
        let density = if self.tuples < 0.0 || self.pages == 0 {
            scanned_tuples / f64::from(scanned_pages)
        } else {
            self.tuples / f64::from(self.pages)
        };
        (density * skipped + scanned_tuples + 0.5).floor()
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct VacuumStats {
    /// Pages the table has now.
    pub pages: u32,
    pub removed_pages: u32,
    pub scanned_pages: u32,
    /// Estimated for the whole table, as pg_class.reltuples wants it.
    pub live_tuples: f64,
    pub recently_dead_tuples: f64,
    /// Tuples removed.
    pub dead_tuples: f64,
    pub dead_item_pages: u32,
    pub index_scans: u32,
    pub frozen_pages: u32,
    pub new_relfrozenxid: Option<Xid>,
    pub new_relminmxid: Option<MultiXactId>,
    pub all_visible_pages: u32,
    pub all_frozen_pages: u32,
}

/// Runs of skippable pages shorter than this are read nevertheless: that is cheaper than to break read-ahead.
const SKIP_THRESHOLD: u32 = 32;
const TRUNCATE_PAGES: u32 = 1000;
const TRUNCATE_FRACTION: u32 = 16;
/// Pages that a thread takes at once.
const STRETCH: u32 = 64;
/// Pages after which dead line pointers are brought together and the free space map's upper levels up to date: 8 GB, as
/// PostgreSQL.
const LONGEST_ROUND: u32 = 1 << 20;
/// With room for fewer pages' dead line pointers, those that there are go first.
const SHORTEST_ROUND: u32 = 512;

/// Vacuums `relation`, which the caller holds ShareUpdateExclusive locked.
///
/// # Errors
/// `XX001` for damaged pages; what `options.delay` and the indexes fail with.
pub fn vacuum(
    context: &Context,
    relation: &Relation,
    indexes: &mut dyn IndexVacuum,
    cutoffs: &Cutoffs,
    options: &VacuumOptions,
) -> Result<VacuumStats> {
    let has_indexes = indexes.count() > 0;
    let mut run = Run {
        job: Job { context, relation, cutoffs, options, has_indexes },
        indexes,
        dead: DeadTids::default(),
        map: None,
        found: Findings::new(cutoffs),
        skipped_all_visible: false,
    };
    run.all()?;
    Ok(run.found.stats)
}

struct Run<'a> {
    job: Job<'a>,
    indexes: &'a mut dyn IndexVacuum,
    dead: DeadTids,
    map: Option<Pin>,
    found: Findings,
    skipped_all_visible: bool,
}

impl Run<'_> {
    fn all(&mut self) -> Result<()> {
        let pages = page::block_count(self.job.context, self.job.relation)?;
        self.found.stats.pages = pages;
        self.scan(pages)?;
        self.remove_dead()?;
        let locator = self.job.relation.locator;
        fsm::vacuum(&self.job.context.pool, locator)?;
        let scanned_all = self.found.stats.scanned_pages == pages;
        self.found.stats.live_tuples = self.job.options.known.live_tuples(
            pages,
            self.found.stats.scanned_pages,
            self.found.scanned_tuples,
        );
        if self.indexes.count() > 0 && self.job.options.index_cleanup {
            self.indexes.cleanup(self.found.stats.live_tuples, !scanned_all)?;
        }
        if self.job.options.truncate {
            self.truncate()?;
        }
        if !self.skipped_all_visible {
            self.found.stats.new_relfrozenxid = Some(self.found.oldest.xid);
            self.found.stats.new_relminmxid = Some(self.found.oldest.multi);
        }
        let (visible, frozen) = vm::count(&self.job.context.pool, locator)?;
        self.found.stats.all_visible_pages = visible.min(u64::from(self.found.stats.pages)) as u32;
        self.found.stats.all_frozen_pages = frozen.min(visible) as u32;
        Ok(())
    }

    fn map_bits(&mut self, block: BlockNumber) -> Result<u8> {
        vm::get(&self.job.context.pool, self.job.relation.locator, block, &mut self.map)
    }

    /// Goes through the table in rounds, each of which can be remembered.
    fn scan(&mut self, pages: u32) -> Result<()> {
        let mut block = 0;
        while block < pages {
            let mut limit = self.dead.room(self.job.options.memory_bytes.max(1 << 16)).min(LONGEST_ROUND);
            if limit < SHORTEST_ROUND.min(pages - block) {
                self.remove_dead()?;
                limit = self.dead.room(self.job.options.memory_bytes.max(1 << 16)).clamp(1, LONGEST_ROUND);
            }
            let start = block;
            let mut stretches = Vec::new();
            while block < pages && limit > 0 {
                let run_end = self.skippable(block, pages)?;
                if run_end - block >= SKIP_THRESHOLD {
                    block = run_end;
                    continue;
                }
                let end = (run_end + 1).min(pages).min(block + limit.min(STRETCH));
                limit -= end - block;
                match stretches.last_mut() {
                    Some(Range { start, end: last }) if *last == block && end - *start <= STRETCH => {
                        *last = end
                    }
                    _ => stretches.push(block..end),
                }
                block = end;
            }
            self.scan_stretches(&stretches)?;
            let (pool, locator) = (&self.job.context.pool, self.job.relation.locator);
            fsm::vacuum_range(pool, locator, BlockNumber(start), BlockNumber(block))?;
        }
        Ok(())
    }

    /// Prunes and freezes stretches of pages, several at once.
    fn scan_stretches(&mut self, stretches: &[Range<u32>]) -> Result<()> {
        let (job, places) = (self.job, &self.job.options.places);
        let next = AtomicUsize::new(0);
        let dead: Vec<Mutex<DeadItems>> = stretches.iter().map(|_| Mutex::default()).collect();
        let found = Mutex::new(&mut self.found);
        places.run(&|_, halt| {
            let mut worker = Worker::new(job, places.count() + 1);
            let check = || {
                halt.check()?;
                (job.options.delay)()
            };
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(blocks) = stretches.get(number) else { break };
                worker.scan(blocks.clone(), &check)?;
                *dead[number].lock() = std::mem::take(&mut worker.dead);
            }
            found.lock().merge(&worker.found);
            Ok(())
        })?;
        for (block, offsets) in dead.into_iter().flat_map(Mutex::into_inner) {
            self.dead.push(block, &offsets);
        }
        Ok(())
    }

    /// The end of the run of pages from `block` on that need no visit. The last page is always looked at, so that
    /// truncation knows whether it is empty.
    fn skippable(&mut self, block: u32, pages: u32) -> Result<u32> {
        let mut end = block;
        let mut only_visible = false;
        while end + 1 < pages && !self.job.options.skip_nothing {
            let bits = self.map_bits(BlockNumber(end))?;
            let frozen = bits & vm::ALL_FROZEN != 0;
            if bits & vm::ALL_VISIBLE == 0 || !frozen && self.job.options.aggressive {
                break;
            }
            only_visible |= !frozen;
            end += 1;
        }
        if end - block >= SKIP_THRESHOLD {
            self.skipped_all_visible |= only_visible;
            self.found.nonempty = self.found.nonempty.max(end);
        }
        Ok(end)
    }

    /// Index entries, then line pointers.
    fn remove_dead(&mut self) -> Result<()> {
        if self.dead.is_empty() {
            return Ok(());
        }
        self.indexes.bulk_delete(&self.dead)?;
        self.found.stats.index_scans += 1;
        let (job, places) = (self.job, &self.job.options.places);
        let dead = std::mem::take(&mut self.dead);
        let stretches: Vec<&[u32]> = dead.blocks().chunks(STRETCH as usize).collect();
        let next = AtomicUsize::new(0);
        places.run(&|_, halt| {
            let mut worker = Worker::new(job, places.count() + 1);
            let mut offsets = Vec::new();
            while let Some(blocks) = stretches.get(next.fetch_add(1, Ordering::Relaxed)) {
                for (number, block) in blocks.iter().enumerate() {
                    halt.check()?;
                    (job.options.delay)()?;
                    // As far as the blocks lie side by side.
                    let run =
                        blocks[number..].iter().zip(*block..).take_while(|(next, wanted)| *next == wanted);
                    worker.read_ahead(*block, *block + run.count() as u32)?;
                    dead.of(BlockNumber(*block), &mut offsets);
                    worker.free_line_pointers(BlockNumber(*block), &offsets)?;
                }
            }
            Ok(())
        })
    }

    /// Gives back empty pages at the end, when there are many and nobody else is at the table.
    fn truncate(&mut self) -> Result<()> {
        let pages = page::block_count(self.job.context, self.job.relation)?;
        let empty = pages.saturating_sub(self.found.nonempty);
        if empty == 0 || empty < TRUNCATE_PAGES && empty < pages / TRUNCATE_FRACTION {
            return Ok(());
        }
        let tag = LockTag::Relation { database: self.job.relation.database, relation: self.job.relation.oid };
        let policy = WaitPolicy { no_wait: true, ..self.job.context.wait };
        let tx = &self.job.context.transaction;
        if let lock::Acquired::NotAvailable = tx.lock(tag, LockMode::AccessExclusive, &policy)? {
            return Ok(());
        }
        // The map is cut too.
        self.map = None;
        let result = self.truncate_locked(pages);
        tx.unlock(&tag, LockMode::AccessExclusive);
        result
    }

    fn truncate_locked(&mut self, pages: u32) -> Result<()> {
        if page::block_count(self.job.context, self.job.relation)? != pages {
            return Ok(());
        }
        let mut keep = pages;
        while keep > self.found.nonempty {
            let pin = page::pin(self.job.context, self.job.relation, BlockNumber(keep - 1))?;
            let page = pin.read();
            let used = page::offsets(&page).any(|offset| page.item_id(offset).state() != LinePointer::Unused);
            if !page.is_new() && used {
                break;
            }
            keep -= 1;
        }
        if keep < pages {
            truncate_relation(self.job.context, self.job.relation, keep)?;
            self.found.stats.removed_pages = pages - keep;
            self.found.stats.pages = keep;
        }
        Ok(())
    }
}

/// Cuts the relation short to `pages`, with its maps, at once and for good: for VACUUM, and for tables whose rows no
/// transaction but this one can see (TRUNCATE of a table made in the same transaction, ON COMMIT DELETE ROWS). An
/// index that is cut to nothing needs `create_empty` again.
///
/// # Errors
/// As [`buffer::relation::truncate`].
pub fn truncate_relation(context: &Context, relation: &Relation, pages: u32) -> Result<()> {
    buffer::relation::truncate(&context.pool, relation.locator, BlockNumber(pages), Xid::INVALID)
}
