//! Lazy VACUUM of one table.
//!
//! 1. Scan the pages that are not all-visible (not all-frozen, when aggressive): prune, freeze, remember dead line
//!    pointers, set bits of the visibility map.
//! 2. When memory for those is full, and at the end: remove the index entries that lead to them, then make the line
//!    pointers unused.
//! 3. Let indexes clean up, give back empty pages at the end, and tell what the table now looks like.

use crate::freeze::{Cutoffs, Oldest};
use crate::header::{Header, PD_ALL_VISIBLE};
use crate::page::{self, MapPin};
use crate::prune::{PruneJob, Pruned, is_marked_visible, page_visibility};
use crate::records::{Prune, PruneReason, Visible};
use crate::visibility::{Judge, VacuumVerdict};
use access_api::{Context, Relation};
use base::{BlockNumber, Fork, MultiXactId, OffsetNumber, Result, Tid, Xid};
use buffer::{PageWrite, Pin, Registered, Ring, RingKind, Strategy, fsm, vm};
use lock::{LockMode, LockTag, WaitPolicy};
use std::sync::Arc;
use storage::LinePointer;

/// The indexes of the table that is vacuumed.
pub trait IndexVacuum {
    fn count(&self) -> usize;

    /// Removes all entries that lead to `dead`.
    fn bulk_delete(&mut self, dead: &DeadTids) -> Result<()>;

    /// After the last `bulk_delete`, or instead of it.
    fn cleanup(&mut self, heap_tuples: f64, estimated: bool) -> Result<()>;
}

/// Dead line pointers, in order.
#[derive(Default)]
pub struct DeadTids {
    blocks: Vec<(u32, u32)>,
    offsets: Vec<OffsetNumber>,
}

impl DeadTids {
    fn push(&mut self, block: BlockNumber, offsets: &[OffsetNumber]) {
        self.blocks.push((block.0, self.offsets.len() as u32));
        self.offsets.extend_from_slice(offsets);
    }

    fn of(&self, index: usize) -> &[OffsetNumber] {
        let start = self.blocks[index].1 as usize;
        let end = self.blocks.get(index + 1).map_or(self.offsets.len(), |(_, start)| *start as usize);
        &self.offsets[start..end]
    }

    pub fn contains(&self, tid: Tid) -> bool {
        match self.blocks.binary_search_by_key(&tid.block.0, |(block, _)| *block) {
            Ok(index) => self.of(index).binary_search(&tid.offset).is_ok(),
            Err(_) => false,
        }
    }

    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    fn memory_bytes(&self) -> usize {
        self.blocks.len() * 8 + self.offsets.len() * 2
    }

    fn clear(&mut self) {
        self.blocks.clear();
        self.offsets.clear();
    }
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
    /// Called before each page: cost-based delay, interrupts.
    pub delay: Arc<dyn Fn() -> Result<()> + Send + Sync>,
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
/// Free space map pages are brought up to date after this many heap pages.
const MAP_EVERY: u32 = 1024;

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
    let mut run = Run {
        context,
        relation,
        cutoffs,
        options,
        indexes,
        ring: Ring::new(RingKind::Vacuum, &context.pool),
        dead: DeadTids::default(),
        map: None,
        oldest: Oldest { xid: cutoffs.oldest_xmin, multi: cutoffs.oldest_multi },
        skipped_all_visible: false,
        nonempty: 0,
        scanned_tuples: 0.0,
        stats: VacuumStats::default(),
    };
    run.all()?;
    Ok(run.stats)
}

struct Run<'a> {
    context: &'a Context,
    relation: &'a Relation,
    cutoffs: &'a Cutoffs,
    options: &'a VacuumOptions,
    indexes: &'a mut dyn IndexVacuum,
    ring: Ring,
    dead: DeadTids,
    map: Option<Pin>,
    oldest: Oldest,
    skipped_all_visible: bool,
    /// One past the last page that holds anything.
    nonempty: u32,
    scanned_tuples: f64,
    stats: VacuumStats,
}

impl Run<'_> {
    fn all(&mut self) -> Result<()> {
        let pages = page::block_count(self.context, self.relation)?;
        self.stats.pages = pages;
        self.scan(pages)?;
        self.remove_dead()?;
        let locator = self.relation.locator;
        fsm::vacuum(&self.context.pool, locator)?;
        let scanned_all = self.stats.scanned_pages == pages;
        self.stats.live_tuples = if scanned_all || self.stats.scanned_pages == 0 {
            self.scanned_tuples
        } else {
            self.scanned_tuples / f64::from(self.stats.scanned_pages) * f64::from(pages)
        };
        if self.indexes.count() > 0 && self.options.index_cleanup {
            self.indexes.cleanup(self.stats.live_tuples, !scanned_all)?;
        }
        if self.options.truncate {
            self.truncate()?;
        }
        if !self.skipped_all_visible {
            self.stats.new_relfrozenxid = Some(self.oldest.xid);
            self.stats.new_relminmxid = Some(self.oldest.multi);
        }
        let (visible, frozen) = vm::count(&self.context.pool, locator)?;
        self.stats.all_visible_pages = visible.min(u64::from(self.stats.pages)) as u32;
        self.stats.all_frozen_pages = frozen.min(visible) as u32;
        Ok(())
    }

    fn map_bits(&mut self, block: BlockNumber) -> Result<u8> {
        vm::get(&self.context.pool, self.relation.locator, block, &mut self.map)
    }

    fn scan(&mut self, pages: u32) -> Result<()> {
        let mut block = 0;
        let mut map_done = 0;
        while block < pages {
            let run_end = self.skippable(block, pages)?;
            if run_end - block >= SKIP_THRESHOLD {
                block = run_end;
                continue;
            }
            for number in block..(run_end + 1).min(pages) {
                (self.options.delay)()?;
                self.one_page(BlockNumber(number))?;
                self.stats.scanned_pages += 1;
                if self.dead.memory_bytes() > self.options.memory_bytes.max(1 << 16) {
                    self.remove_dead()?;
                }
                if number - map_done >= MAP_EVERY {
                    let locator = self.relation.locator;
                    fsm::vacuum_range(
                        &self.context.pool,
                        locator,
                        BlockNumber(map_done),
                        BlockNumber(number),
                    )?;
                    map_done = number;
                }
            }
            block = run_end + 1;
        }
        Ok(())
    }

    /// The end of the run of pages from `block` on that need no visit. The last page is always looked at, so that
    /// truncation knows whether it is empty.
    fn skippable(&mut self, block: u32, pages: u32) -> Result<u32> {
        let mut end = block;
        let mut only_visible = false;
        while end + 1 < pages && !self.options.skip_nothing {
            let bits = self.map_bits(BlockNumber(end))?;
            let frozen = bits & vm::ALL_FROZEN != 0;
            if bits & vm::ALL_VISIBLE == 0 || !frozen && self.options.aggressive {
                break;
            }
            only_visible |= !frozen;
            end += 1;
        }
        if end - block >= SKIP_THRESHOLD {
            self.skipped_all_visible |= only_visible;
            self.nonempty = self.nonempty.max(end);
        }
        Ok(end)
    }

    fn one_page(&mut self, block: BlockNumber) -> Result<()> {
        let pool = &self.context.pool;
        let pin = pool.pin(self.relation.locator, Fork::Main, block, Strategy::Ring(&self.ring))?;
        let map = MapPin::default();
        let must_freeze = self.options.aggressive;
        let page = match pin.try_cleanup() {
            Some(page) => page,
            None if must_freeze || !self.look_only(&pin)? => pin.cleanup(),
            None => return Ok(()),
        };
        self.clean(page, &map)
    }

    /// A page that others have pinned: counts what is there. False when it has something that must be frozen.
    fn look_only(&mut self, pin: &Pin) -> Result<bool> {
        let page = pin.read();
        let judge = Judge::new(&self.context.transaction);
        let mut oldest = self.oldest;
        let mut unused = oldest;
        let (mut live, mut recently_dead) = (0.0, 0.0);
        for offset in page::offsets(&page).filter(|offset| page::is_normal(&page, *offset)) {
            let header = Header::read(page.item(offset));
            let plan = crate::freeze::plan_tuple(
                self.context,
                &judge,
                self.cutoffs,
                &header,
                &mut unused,
                &mut oldest,
            )?;
            if plan.required {
                return Ok(false);
            }
            match judge.vacuum(&header, &mut 0)? {
                VacuumVerdict::Live | VacuumVerdict::DeleteInProgress => live += 1.0,
                VacuumVerdict::RecentlyDead(_) | VacuumVerdict::Dead => recently_dead += 1.0,
                VacuumVerdict::InsertInProgress => {}
            }
        }
        let dead: Vec<_> = page::offsets(&page)
            .filter(|offset| page.item_id(*offset).state() == LinePointer::Dead)
            .collect();
        if page.max_offset().0 > 0 {
            self.nonempty = self.nonempty.max(pin.block().0 + 1);
        }
        drop(page);
        if !dead.is_empty() && self.indexes.count() > 0 {
            self.stats.dead_item_pages += 1;
            self.dead.push(pin.block(), &dead);
        }
        self.oldest = oldest;
        self.scanned_tuples += live;
        self.stats.recently_dead_tuples += recently_dead;
        Ok(true)
    }

    fn clean<'p>(&mut self, mut page: PageWrite<'p>, map: &'p MapPin) -> Result<()> {
        let block = page.pin().block();
        let locator = self.relation.locator;
        if page.is_new() {
            // Someone extended the relation and failed before using the page.
            drop(page);
            return fsm::record(&self.context.pool, locator, block, base::PAGE_SIZE - 32);
        }
        let job = PruneJob {
            context: self.context,
            relation: self.relation,
            horizon: self.cutoffs.oldest_xmin,
            reason: PruneReason::VacuumScan,
            no_indexes: self.indexes.count() == 0,
        };
        let pruned = job.run(&mut page, Some(self.cutoffs))?;
        if let Some(oldest) = pruned.oldest {
            self.oldest.merge(oldest);
        }
        self.stats.dead_tuples += pruned.removed as f64;
        self.stats.recently_dead_tuples += pruned.recently_dead as f64;
        self.stats.frozen_pages += u32::from(pruned.froze);
        self.scanned_tuples += pruned.live as f64;
        if pruned.has_tuples || !pruned.dead.is_empty() && !self.options.index_cleanup {
            self.nonempty = self.nonempty.max(block.0 + 1);
        }
        self.mark(&mut page, map, &pruned)?;
        let free = page.heap_free_space();
        drop(page);
        if !pruned.dead.is_empty() {
            self.stats.dead_item_pages += 1;
            if self.options.index_cleanup {
                self.dead.push(block, &pruned.dead);
                // Its room is recorded once the line pointers are gone, too.
                return Ok(());
            }
        }
        fsm::record(&self.context.pool, locator, block, free)
    }

    /// Brings the visibility map in line with what was found.
    fn mark<'p>(&mut self, page: &mut PageWrite<'p>, map: &'p MapPin, pruned: &Pruned) -> Result<()> {
        let block = page.pin().block();
        let bits = self.map_bits(block)?;
        if pruned.all_visible {
            let wanted = vm::ALL_VISIBLE | if pruned.all_frozen { vm::ALL_FROZEN } else { 0 };
            if bits & wanted != wanted || !is_marked_visible(page) {
                let horizon = if pruned.all_frozen { Xid::INVALID } else { pruned.visible_horizon };
                return set_visible(self.context, self.relation, page, map, wanted, horizon);
            }
            return Ok(());
        }
        if is_marked_visible(page) || bits != 0 {
            // The map claimed too much; believing the page, as PostgreSQL does.
            page.hint(|page| page.set_flags(page.flags() & !PD_ALL_VISIBLE));
            map.get(self.context, self.relation, block)?.write().hint(|map| {
                vm::clear_bits(map, block, vm::ALL_VISIBLE | vm::ALL_FROZEN);
            });
        }
        Ok(())
    }

    /// Index entries, then line pointers.
    fn remove_dead(&mut self) -> Result<()> {
        if self.dead.is_empty() {
            return Ok(());
        }
        self.indexes.bulk_delete(&self.dead)?;
        self.stats.index_scans += 1;
        let dead = std::mem::take(&mut self.dead);
        for (index, (block, _)) in dead.blocks.iter().enumerate() {
            (self.options.delay)()?;
            self.free_line_pointers(BlockNumber(*block), dead.of(index))?;
        }
        self.dead = dead;
        self.dead.clear();
        Ok(())
    }

    fn free_line_pointers(&mut self, block: BlockNumber, dead: &[OffsetNumber]) -> Result<()> {
        let (pool, locator) = (&self.context.pool, self.relation.locator);
        let pin = pool.pin(locator, Fork::Main, block, Strategy::Ring(&self.ring))?;
        let map = MapPin::default();
        let mut page = pin.write();
        let judge = Judge::new(&self.context.transaction);
        let (visible, frozen, newest) = page_visibility(&judge, &page, self.cutoffs.oldest_xmin, dead)?;
        let mut change = Prune::new(PruneReason::VacuumCleanup, self.relation.is_catalog, false);
        change.unused = dead.to_vec();
        let logging = page::logging(self.relation, Xid::INVALID);
        pool.change(&change, logging, &mut [Registered::new(&mut page).standard()])?;
        if visible {
            let bits = vm::ALL_VISIBLE | if frozen { vm::ALL_FROZEN } else { 0 };
            let horizon = if frozen { Xid::INVALID } else { newest };
            set_visible(self.context, self.relation, &mut page, &map, bits, horizon)?;
        }
        let free = page.heap_free_space();
        drop(page);
        fsm::record(pool, locator, block, free)
    }

    /// Gives back empty pages at the end, when there are many and nobody else is at the table.
    fn truncate(&mut self) -> Result<()> {
        let pages = page::block_count(self.context, self.relation)?;
        let empty = pages.saturating_sub(self.nonempty);
        if empty == 0 || empty < TRUNCATE_PAGES && empty < pages / TRUNCATE_FRACTION {
            return Ok(());
        }
        let tag = LockTag::Relation { database: self.relation.database, relation: self.relation.oid };
        let policy = WaitPolicy { no_wait: true, ..self.context.wait };
        let tx = &self.context.transaction;
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
        if page::block_count(self.context, self.relation)? != pages {
            return Ok(());
        }
        let mut keep = pages;
        while keep > self.nonempty {
            let pin = page::pin(self.context, self.relation, BlockNumber(keep - 1))?;
            let page = pin.read();
            let used = page::offsets(&page).any(|offset| page.item_id(offset).state() != LinePointer::Unused);
            if !page.is_new() && used {
                break;
            }
            keep -= 1;
        }
        if keep < pages {
            truncate_relation(self.context, self.relation, keep)?;
            self.stats.removed_pages = pages - keep;
            self.stats.pages = keep;
        }
        Ok(())
    }
}

/// Sets bits of the map, and the heap page's own mark.
pub(crate) fn set_visible<'p>(
    context: &Context,
    relation: &Relation,
    page: &mut PageWrite<'p>,
    map: &'p MapPin,
    bits: u8,
    conflict_horizon: Xid,
) -> Result<()> {
    let block = page.pin().block();
    let mut map = map.get(context, relation, block)?.write();
    let change = Visible {
        heap_block: block,
        conflict_horizon: conflict_horizon.low(),
        bits,
        is_catalog: relation.is_catalog,
    };
    let logging = page::logging(relation, Xid::INVALID);
    let pages = &mut [Registered::new(&mut map), Registered::new(page).standard()];
    context.pool.change(&change, logging, pages)?;
    Ok(())
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
