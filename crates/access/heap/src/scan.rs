//! Sequential scans, a page at a time: visibility of the whole page first, then the needed attributes of what is
//! visible.

use crate::header::{Header, PD_ALL_VISIBLE};
use crate::page::{self, Hints};
use crate::prune;
use crate::rows::{Reader, Rows};
use crate::visibility::{Judge, Visibility};
use access_api::{Context, Direction, Relation};
use base::{BlockNumber, Fork, OffsetNumber, Result, Tid};
use buffer::{Pin, Ring, RingKind, Strategy};
use datum::ColumnBuilder;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use storage::Page;

/// Which blocks a scan reads.
#[derive(Clone)]
pub enum Blocks {
    All,
    Range(Range<u32>),
    /// Chunk by chunk, together with other workers.
    Shared(Arc<BlockAllocator>),
}

/// Hands the blocks of a relation to the workers of a parallel scan: chunks that shrink towards the end, so that
/// all finish at about the same time.
pub struct BlockAllocator {
    next: AtomicU32,
    blocks: u32,
    chunk: u32,
    workers: u32,
}

/// About how many chunks a relation is cut into, unless it is very large.
const CHUNKS: u32 = 2048;
const LARGEST_CHUNK: u32 = 8192;

impl BlockAllocator {
    pub fn new(blocks: u32, workers: usize) -> Arc<BlockAllocator> {
        let chunk = (blocks / CHUNKS).next_power_of_two().clamp(1, LARGEST_CHUNK);
        Arc::new(BlockAllocator { next: AtomicU32::new(0), blocks, chunk, workers: workers.max(1) as u32 })
    }

    /// The next chunk, `None` when all blocks are taken.
    pub fn take(&self) -> Option<Range<u32>> {
        let mut start = self.next.load(Ordering::Relaxed);
        loop {
            if start >= self.blocks {
                return None;
            }
            let left = self.blocks - start;
            let size = self.chunk.min((left / (4 * self.workers)).max(1));
            match self.next.compare_exchange_weak(start, start + size, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(start..start + size),
                Err(now) => start = now,
            }
        }
    }
}

/// Blocks that are read ahead of the scan at once.
const READ_AHEAD: u32 = 32;
/// Blocks that are pinned ahead.
const PIN_AHEAD: usize = 8;
/// Bytes at a page's start where most pages have their header and line pointers.
const LINE_POINTERS: usize = 512;

pub struct Scan {
    context: Context,
    relation: Relation,
    visibility: Visibility,
    reader: Reader,
    blocks: Blocks,
    direction: Direction,
    /// The whole range, unless blocks are shared.
    all: Range<u32>,
    /// What is left to read of it, or of the current chunk.
    left: Range<u32>,
    started: bool,
    /// Up to where blocks were asked for ahead of time.
    read_ahead: u32,
    ring: Option<Ring>,
    /// The blocks that come next, pinned so that their memory can be fetched early.
    ahead: VecDeque<Pin>,
    /// Pages read so far.
    pages: usize,
    current: Option<CurrentPage>,
    /// The vector of offsets between pages.
    offsets: Vec<OffsetNumber>,
    /// Reads what is asked for later of the rows returned since then, whose pages stay pinned.
    later: Option<Later>,
}

struct Later {
    reader: Reader,
    pins: Vec<Pin>,
}

/// A pool of fewer frames has none to spare for pages that are pinned longer than needed.
const LEAST_FRAMES: usize = 4096;

struct CurrentPage {
    pin: Pin,
    visible: Vec<OffsetNumber>,
    /// Of `visible`, how many have been returned.
    done: usize,
    /// When TOAST values must be fetched: what the page was, as that is not done under its latch.
    copy: Option<Box<Page>>,
}

impl Scan {
    /// `needed`: attributes from 0, ascending; `next_page` appends one column for each.
    pub fn new(
        context: &Context,
        relation: &Relation,
        visibility: Visibility,
        blocks: Blocks,
        needed: &[usize],
    ) -> Result<Scan> {
        let mut scan = Scan {
            context: context.clone(),
            relation: relation.clone(),
            visibility,
            reader: Reader::new(needed),
            blocks,
            direction: Direction::Forward,
            all: 0..0,
            left: 0..0,
            started: false,
            read_ahead: 0,
            ring: None,
            ahead: VecDeque::new(),
            pages: 0,
            current: None,
            offsets: Vec::new(),
            later: None,
        };
        scan.rescan()?;
        Ok(scan)
    }

    /// From now on, `next_page` reads only the attributes `first`; what `later` names can be asked for afterwards, for
    /// those rows that are still of interest ([`Scan::read_later`]). False, and nothing changed, if the pool is too
    /// small for that.
    pub fn split(&mut self, first: &[usize], later: &[usize]) -> bool {
        if self.context.pool.frames() < LEAST_FRAMES {
            return false;
        }
        self.reader = Reader::new(first);
        self.later = Some(Later { reader: Reader::new(later), pins: Vec::new() });
        true
    }

    /// Ends what [`Scan::split`] began: `next_page` reads all the attributes `needed`.
    pub fn join(&mut self, needed: &[usize]) {
        self.reader = Reader::new(needed);
        self.later = None;
    }

    pub fn backward(mut self) -> Scan {
        self.direction = Direction::Backward;
        self
    }

    /// From the start again; with shared blocks, whatever is left of them.
    pub fn rescan(&mut self) -> Result<()> {
        let count = page::block_count(&self.context, &self.relation)?;
        self.left = match &self.blocks {
            Blocks::All => 0..count,
            Blocks::Range(range) => range.start.min(count)..range.end.min(count),
            Blocks::Shared(_) => 0..0,
        };
        // A table larger than a quarter of the pool passes through a small ring, so as not to push others out.
        if count as usize > self.context.pool.frames() / 4 && self.ring.is_none() {
            self.ring = Some(Ring::new(RingKind::BulkRead, &self.context.pool));
        }
        self.all = self.left.clone();
        self.current = None;
        self.forget();
        self.ahead.clear();
        self.started = false;
        self.read_ahead = 0;
        Ok(())
    }

    /// Reads on in `direction`, from the row returned last (cursors ask for one at a time). Not with shared blocks.
    pub fn set_direction(&mut self, direction: Direction) {
        if direction == self.direction {
            return;
        }
        self.direction = direction;
        if !self.started {
            return;
        }
        self.ahead.clear();
        let all = self.all.clone();
        self.left = match &mut self.current {
            Some(page) => {
                // The row returned last is the one to turn on: it is not returned again.
                page.visible.reverse();
                page.done = (page.visible.len() + 1).saturating_sub(page.done).min(page.visible.len());
                let block = page.pin.block().0;
                if direction == Direction::Forward { block + 1..all.end } else { all.start..block }
            }
            None => all,
        };
        self.read_ahead = self.left.start;
    }

    /// Appends 1 to `limit` rows, all of one page. 0 at the end.
    pub fn next_page(&mut self, limit: usize, rows: &mut Rows) -> Result<usize> {
        loop {
            if let Some(current) = &mut self.current
                && current.done < current.visible.len()
            {
                let count = limit.min(current.visible.len() - current.done);
                let offsets = &current.visible[current.done..current.done + count];
                current.done += count;
                let (context, relation) = (&self.context, &self.relation);
                self.reader.read_page(context, relation, &current.pin, offsets, &mut current.copy, rows)?;
                return Ok(count);
            }
            if let Some(page) = self.current.take() {
                self.offsets = page.visible;
                if let Some(later) = &mut self.later {
                    later.pins.push(page.pin);
                }
            }
            let Some(pin) = self.next_pin()? else { return Ok(0) };
            self.context.transaction.session().locks().check_interrupts()?;
            self.load(pin)?;
        }
    }

    /// The next block, pinned. A few blocks beyond it are pinned as well and their memory is asked for, as a scan
    /// would otherwise wait for it page by page.
    fn next_pin(&mut self) -> Result<Option<Pin>> {
        // A scan that ends after a few rows pins no more than it needs.
        let eager = self.direction == Direction::Forward;
        let wanted = if eager { self.pages.clamp(1, PIN_AHEAD) } else { 1 };
        self.pages += 1;
        if self.ahead.len() < wanted.div_ceil(2) {
            while self.ahead.len() < wanted {
                let Some(block) = self.next_block()? else { break };
                let pool = self.context.pool.clone();
                let locator = self.relation.locator;
                let pin = match pool.pin_if_cached(locator, Fork::Main, block, strategy(&self.ring)) {
                    Some(pin) => pin,
                    None => {
                        self.read_ahead(block)?;
                        pool.pin(locator, Fork::Main, block, strategy(&self.ring))?
                    }
                };
                pin.fetch_memory(0..LINE_POINTERS);
                self.ahead.push_back(pin);
            }
        }
        let pin = self.ahead.pop_front();
        if let Some(next) = self.ahead.front()
            && !self.reader.needed.is_empty()
        {
            // Tuples are read from the page's end towards its start, which processors are slow to foresee.
            next.fetch_memory(LINE_POINTERS..base::PAGE_SIZE);
        }
        Ok(pin)
    }

    fn next_block(&mut self) -> Result<Option<BlockNumber>> {
        self.started = true;
        if self.left.is_empty() {
            let Blocks::Shared(allocator) = &self.blocks else { return Ok(None) };
            let Some(chunk) = allocator.take() else { return Ok(None) };
            let count = page::block_count(&self.context, &self.relation)?;
            self.left = chunk.start.min(count)..chunk.end.min(count);
            if self.left.is_empty() {
                return Ok(None);
            }
            self.read_ahead = self.left.start;
        }
        if self.direction == Direction::Backward {
            self.left.end -= 1;
            return Ok(Some(BlockNumber(self.left.end)));
        }
        let block = self.left.start;
        self.left.start += 1;
        Ok(Some(BlockNumber(block)))
    }

    /// Reads a block that is missing together with those that follow it.
    fn read_ahead(&mut self, block: BlockNumber) -> Result<()> {
        let end = self.left.end.min(block.0 + READ_AHEAD);
        let forward = self.direction == Direction::Forward;
        if forward && block.0 >= self.read_ahead && end > block.0 + 1 {
            let strategy = strategy(&self.ring);
            self.context.pool.prefetch(self.relation.locator, Fork::Main, block.0..end, strategy)?;
            self.read_ahead = end;
        }
        Ok(())
    }

    /// Finds out what is visible on a block.
    fn load(&mut self, pin: Pin) -> Result<()> {
        prune::on_access(&self.context, &self.relation, &pin)?;
        let mut hints = Hints::default();
        let mut visible = std::mem::take(&mut self.offsets);
        visible.clear();
        {
            let page = pin.read();
            let judge = Judge::new(&self.context.transaction);
            visible_offsets(&judge, &page, &self.visibility, &mut visible, &mut hints)?;
        }
        hints.apply(&pin);
        if self.direction == Direction::Backward {
            visible.reverse();
        }
        self.current = Some(CurrentPage { pin, visible, done: 0, copy: None });
        Ok(())
    }

    /// The attributes left for later of rows that `next_page` has returned since the last call of this, by `tids` in the
    /// order they came; appends one column for each.
    pub fn read_later(&mut self, tids: &[Tid], columns: &mut [ColumnBuilder]) -> Result<()> {
        let Some(later) = &mut self.later else { return Ok(()) };
        let (context, relation) = (&self.context, &self.relation);
        let current = self.current.as_ref().map(|current| &current.pin);
        let mut pins = later.pins.iter().chain(current);
        for group in tids.chunk_by(|a, b| a.block == b.block) {
            let Some(pin) = pins.find(|pin| pin.block() == group[0].block) else {
                return Err(page::no_block(relation, group[0].block));
            };
            later.reader.read_more(context, relation, pin, group, columns)?;
        }
        later.pins.clear();
        Ok(())
    }

    /// Nothing more is wanted of the rows returned so far.
    pub fn forget(&mut self) {
        if let Some(later) = &mut self.later {
            later.pins.clear();
        }
    }
}

fn strategy(ring: &Option<Ring>) -> Strategy<'_> {
    ring.as_ref().map_or(Strategy::Normal, Strategy::Ring)
}

pub(crate) fn visible_offsets(
    judge: &Judge<'_>,
    page: &Page,
    visibility: &Visibility,
    visible: &mut Vec<OffsetNumber>,
    hints: &mut Hints,
) -> Result<()> {
    let all_visible =
        page.flags() & PD_ALL_VISIBLE != 0 && matches!(visibility, Visibility::Mvcc(_) | Visibility::Own);
    if all_visible {
        visible.extend(page::offsets(page).filter(|offset| page::is_normal(page, *offset)));
        return Ok(());
    }
    for offset in page::offsets(page) {
        if !page::is_normal(page, offset) {
            continue;
        }
        let header = Header::read(page.item(offset));
        let mut bits = 0;
        if judge.visible(&header, visibility, &mut bits)? {
            visible.push(offset);
        }
        hints.add(offset, &header, bits);
    }
    Ok(())
}
