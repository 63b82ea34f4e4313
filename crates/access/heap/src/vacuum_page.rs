//! What VACUUM does to single pages: the work of one of its threads.

use crate::freeze::{Cutoffs, Oldest};
use crate::header::{Header, PD_ALL_VISIBLE};
use crate::page::{self, MapPin};
use crate::prune::{PruneJob, Pruned, is_marked_visible, page_visibility};
use crate::records::{Prune, PruneReason, Visible};
use crate::vacuum::{VacuumOptions, VacuumStats};
use crate::visibility::{Judge, VacuumVerdict};
use access_api::{Context, Relation};
use base::{BlockNumber, Fork, OffsetNumber, Result, Xid};
use buffer::{PageWrite, Pin, Registered, Ring, RingKind, Strategy, fsm, vm};
use std::ops::Range;
use storage::LinePointer;

/// Pages read at once.
const READ_AHEAD: u32 = 32;

/// The frames that VACUUM goes round in.
pub fn vacuum_ring(context: &Context, frames: usize) -> Option<Ring> {
    (frames > 0).then(|| Ring::with_frames(RingKind::Vacuum, &context.pool, frames))
}

/// What all threads go by.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub context: &'a Context,
    pub relation: &'a Relation,
    pub cutoffs: &'a Cutoffs,
    pub options: &'a VacuumOptions,
    pub has_indexes: bool,
}

/// What pages were found to hold.
pub(crate) struct Findings {
    pub oldest: Oldest,
    /// One past the last page that holds anything.
    pub nonempty: u32,
    pub scanned_tuples: f64,
    pub stats: VacuumStats,
}

impl Findings {
    pub fn new(cutoffs: &Cutoffs) -> Findings {
        Findings {
            oldest: Oldest { xid: cutoffs.oldest_xmin, multi: cutoffs.oldest_multi },
            nonempty: 0,
            scanned_tuples: 0.0,
            stats: VacuumStats::default(),
        }
    }

    pub fn merge(&mut self, other: &Findings) {
        self.oldest.merge(other.oldest);
        self.nonempty = self.nonempty.max(other.nonempty);
        self.scanned_tuples += other.scanned_tuples;
        let (stats, more) = (&mut self.stats, &other.stats);
        stats.scanned_pages += more.scanned_pages;
        stats.dead_tuples += more.dead_tuples;
        stats.recently_dead_tuples += more.recently_dead_tuples;
        stats.dead_item_pages += more.dead_item_pages;
        stats.frozen_pages += more.frozen_pages;
    }
}

/// Dead line pointers of a few pages, in order.
pub(crate) type DeadItems = Vec<(BlockNumber, Vec<OffsetNumber>)>;

/// One thread at work.
pub(crate) struct Worker<'a> {
    job: Job<'a>,
    ring: Option<Ring>,
    /// Pages that were asked for.
    read_ahead: Range<u32>,
    /// The visibility map's page that was used last.
    map: Option<Pin>,
    pub found: Findings,
    pub dead: DeadItems,
}

impl<'a> Worker<'a> {
    /// `threads`: how many share the frames that VACUUM may go round in.
    pub fn new(job: Job<'a>, threads: usize) -> Worker<'a> {
        let frames = job.options.ring_frames;
        let share = if frames == 0 { 0 } else { (frames / threads).max(1) };
        Worker {
            job,
            ring: vacuum_ring(job.context, share),
            read_ahead: 0..0,
            map: None,
            found: Findings::new(job.cutoffs),
            dead: DeadItems::new(),
        }
    }

    /// Prunes and freezes the pages of a stretch.
    pub fn scan(&mut self, blocks: Range<u32>, check: &dyn Fn() -> Result<()>) -> Result<()> {
        self.read_ahead = 0..0;
        for block in blocks.clone() {
            check()?;
            self.read_ahead(block, blocks.end)?;
            self.one_page(BlockNumber(block))?;
            self.found.stats.scanned_pages += 1;
        }
        Ok(())
    }

    fn map_bits(&mut self, block: BlockNumber) -> Result<u8> {
        vm::get(&self.job.context.pool, self.job.relation.locator, block, &mut self.map)
    }

    fn strategy(&self) -> Strategy<'_> {
        self.ring.as_ref().map_or(Strategy::Normal, Strategy::Ring)
    }

    /// Reads pages before they are come to, several at once.
    pub fn read_ahead(&mut self, block: u32, end: u32) -> Result<()> {
        if self.read_ahead.contains(&block) {
            return Ok(());
        }
        let room = self.ring.as_ref().map_or(READ_AHEAD, |ring| ring.frames() as u32 / 4);
        let count = READ_AHEAD.min(room).min(end - block);
        self.read_ahead = block..block + count.max(1);
        if count > 1 {
            let locator = self.job.relation.locator;
            let blocks = self.read_ahead.clone();
            self.job.context.pool.prefetch(locator, Fork::Main, blocks, self.strategy())?;
        }
        Ok(())
    }

    fn one_page(&mut self, block: BlockNumber) -> Result<()> {
        let pool = &self.job.context.pool;
        let pin = pool.pin(self.job.relation.locator, Fork::Main, block, self.strategy())?;
        let map = self.map_pin(block);
        let must_freeze = self.job.options.aggressive;
        let page = match pin.try_cleanup() {
            Some(page) => page,
            None if must_freeze || !self.look_only(&pin)? => pin.cleanup(),
            None => return Ok(()),
        };
        self.clean(page, &map)
    }

    /// The map's page, if it is the one that was used last.
    fn map_pin(&self, block: BlockNumber) -> MapPin {
        MapPin::holding(self.map.clone().filter(|pin| vm::covers(pin, block)))
    }

    /// A page that others have pinned: counts what is there. False when it has something that must be frozen.
    fn look_only(&mut self, pin: &Pin) -> Result<bool> {
        let page = pin.read();
        let judge = Judge::new(&self.job.context.transaction);
        let mut oldest = self.found.oldest;
        let mut unused = oldest;
        let (mut live, mut recently_dead) = (0.0, 0.0);
        for offset in page::offsets(&page).filter(|offset| page::is_normal(&page, *offset)) {
            let header = Header::read(page.item(offset));
            let plan = crate::freeze::plan_tuple(
                self.job.context,
                &judge,
                self.job.cutoffs,
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
            self.found.nonempty = self.found.nonempty.max(pin.block().0 + 1);
        }
        drop(page);
        if !dead.is_empty() && self.job.has_indexes && self.job.options.index_cleanup {
            self.found.stats.dead_item_pages += 1;
            self.dead.push((pin.block(), dead));
        }
        self.found.oldest = oldest;
        self.found.scanned_tuples += live;
        self.found.stats.recently_dead_tuples += recently_dead;
        Ok(true)
    }

    fn clean<'p>(&mut self, mut page: PageWrite<'p>, map: &'p MapPin) -> Result<()> {
        let block = page.pin().block();
        let locator = self.job.relation.locator;
        if page.is_new() {
            // Someone extended the relation and failed before using the page.
            drop(page);
            return fsm::record(&self.job.context.pool, locator, block, base::PAGE_SIZE - 32);
        }
        let job = PruneJob {
            context: self.job.context,
            relation: self.job.relation,
            horizon: self.job.cutoffs.oldest_xmin,
            reason: PruneReason::VacuumScan,
            no_indexes: !self.job.has_indexes,
        };
        let pruned = job.run(&mut page, Some(self.job.cutoffs))?;
        if let Some(oldest) = pruned.oldest {
            self.found.oldest.merge(oldest);
        }
        self.found.stats.dead_tuples += pruned.removed as f64;
        self.found.stats.recently_dead_tuples += pruned.recently_dead as f64;
        self.found.stats.frozen_pages += u32::from(pruned.froze);
        self.found.scanned_tuples += pruned.live as f64;
        if pruned.has_tuples || !pruned.dead.is_empty() && !self.job.options.index_cleanup {
            self.found.nonempty = self.found.nonempty.max(block.0 + 1);
        }
        self.mark(&mut page, map, &pruned)?;
        let free = page.heap_free_space();
        drop(page);
        if !pruned.dead.is_empty() {
            self.found.stats.dead_item_pages += 1;
            if self.job.options.index_cleanup {
                self.dead.push((block, pruned.dead));
                // Its room is recorded once the line pointers are gone, too.
                return Ok(());
            }
        }
        fsm::record(&self.job.context.pool, locator, block, free)
    }

    /// Brings the visibility map in line with what was found.
    fn mark<'p>(&mut self, page: &mut PageWrite<'p>, map: &'p MapPin, pruned: &Pruned) -> Result<()> {
        let block = page.pin().block();
        let bits = self.map_bits(block)?;
        if pruned.all_visible {
            let wanted = vm::ALL_VISIBLE | if pruned.all_frozen { vm::ALL_FROZEN } else { 0 };
            if bits & wanted != wanted || !is_marked_visible(page) {
                let horizon = if pruned.all_frozen { Xid::INVALID } else { pruned.visible_horizon };
                return set_visible(self.job.context, self.job.relation, page, map, wanted, horizon);
            }
            return Ok(());
        }
        if is_marked_visible(page) || bits != 0 {
            // The map claimed too much; believing the page, as PostgreSQL does.
            page.hint(|page| page.set_flags(page.flags() & !PD_ALL_VISIBLE));
            map.get(self.job.context, self.job.relation, block)?.write().hint(|map| {
                vm::clear_bits(map, block, vm::ALL_VISIBLE | vm::ALL_FROZEN);
            });
        }
        Ok(())
    }

    /// Makes dead line pointers unused, whose index entries are gone.
    pub fn free_line_pointers(&mut self, block: BlockNumber, dead: &[OffsetNumber]) -> Result<()> {
        let (pool, locator) = (&self.job.context.pool, self.job.relation.locator);
        let pin = pool.pin(locator, Fork::Main, block, self.strategy())?;
        // Brings the map's page along.
        self.map_bits(block)?;
        let map = self.map_pin(block);
        let mut page = pin.write();
        page.touch();
        let judge = Judge::new(&self.job.context.transaction);
        let (visible, frozen, newest) = page_visibility(&judge, &page, self.job.cutoffs.oldest_xmin, dead)?;
        let mut change = Prune::new(PruneReason::VacuumCleanup, self.job.relation.is_catalog, false);
        change.unused = dead.to_vec();
        let logging = page::logging(self.job.relation, Xid::INVALID);
        pool.change(&change, logging, &mut [Registered::new(&mut page).standard()])?;
        if visible {
            let bits = vm::ALL_VISIBLE | if frozen { vm::ALL_FROZEN } else { 0 };
            let horizon = if frozen { Xid::INVALID } else { newest };
            set_visible(self.job.context, self.job.relation, &mut page, &map, bits, horizon)?;
        }
        let free = page.heap_free_space();
        drop(page);
        fsm::record(pool, locator, block, free)
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
