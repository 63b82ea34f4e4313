//! Sequential scans, a page at a time: visibility of the whole page first, then the needed attributes of what is
//! visible.

use crate::header::{Header, PD_ALL_VISIBLE};
use crate::page::{self, Hints};
use crate::prune;
use crate::rows::{Rows, needs_toast, push_attributes};
use crate::visibility::{Judge, Visibility};
use access_api::{Context, Direction, Relation};
use base::{BlockNumber, Fork, OffsetNumber, Result, Tid};
use buffer::{Pin, Ring, RingKind, Strategy};
use datum::{ColumnBuilder, TupleView};
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

pub struct Scan {
    context: Context,
    relation: Relation,
    visibility: Visibility,
    needed: Vec<usize>,
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
    current: Option<CurrentPage>,
}

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
            needed: needed.to_vec(),
            blocks,
            direction: Direction::Forward,
            all: 0..0,
            left: 0..0,
            started: false,
            read_ahead: 0,
            ring: None,
            current: None,
        };
        scan.rescan()?;
        Ok(scan)
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
                let (context, relation, needed) = (&self.context, &self.relation, &self.needed);
                let block = current.pin.block();
                match &current.copy {
                    Some(page) => push_rows(context, relation, needed, block, page, offsets, rows)?,
                    None => {
                        let page = current.pin.read();
                        push_rows(context, relation, needed, block, &page, offsets, rows)?;
                    }
                }
                return Ok(count);
            }
            self.current = None;
            let Some(block) = self.next_block()? else { return Ok(0) };
            self.context.transaction.session().locks().check_interrupts()?;
            self.load(block)?;
        }
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
        if block >= self.read_ahead && self.left.end - block > 1 {
            let end = self.left.end.min(block + READ_AHEAD);
            let strategy = strategy(&self.ring);
            self.context.pool.prefetch(self.relation.locator, Fork::Main, block..end, strategy)?;
            self.read_ahead = end;
        }
        Ok(Some(BlockNumber(block)))
    }

    /// Pins a block and finds out what is visible on it.
    fn load(&mut self, block: BlockNumber) -> Result<()> {
        let pin = self.context.pool.pin(self.relation.locator, Fork::Main, block, strategy(&self.ring))?;
        prune::on_access(&self.context, &self.relation, &pin)?;
        let mut hints = Hints::default();
        let mut visible = Vec::new();
        let mut copy = None;
        {
            let page = pin.read();
            let judge = Judge::new(&self.context.transaction);
            visible_offsets(&judge, &page, &self.visibility, &mut visible, &mut hints)?;
            let toasted =
                visible.iter().any(|offset| needs_toast(&self.relation, page.item(*offset), &self.needed));
            if toasted {
                copy = Some(page::copy_page(&page));
            }
        }
        hints.apply(&pin);
        if self.direction == Direction::Backward {
            visible.reverse();
        }
        self.current = Some(CurrentPage { pin, visible, done: 0, copy });
        Ok(())
    }

    /// More attributes of rows that `next_page` returned last, in the order of `tids`.
    pub fn deform(&self, tids: &[Tid], attributes: &[usize], columns: &mut [ColumnBuilder]) -> Result<()> {
        let mut pin: Option<Pin> = self.current.as_ref().map(|current| current.pin.clone());
        for tid in tids {
            if pin.as_ref().is_none_or(|pin| pin.block() != tid.block) {
                pin = Some(page::pin(&self.context, &self.relation, tid.block)?);
            }
            let tuple = match &pin {
                Some(pin) => pin.read().item(tid.offset).to_vec(),
                None => return Err(page::no_block(&self.relation, tid.block)),
            };
            let view = TupleView::new(&tuple)?;
            push_attributes(&self.context, &self.relation, view, attributes, columns)?;
        }
        Ok(())
    }
}

fn strategy(ring: &Option<Ring>) -> Strategy<'_> {
    ring.as_ref().map_or(Strategy::Normal, Strategy::Ring)
}

fn push_rows(
    context: &Context,
    relation: &Relation,
    needed: &[usize],
    block: BlockNumber,
    page: &Page,
    offsets: &[OffsetNumber],
    rows: &mut Rows,
) -> Result<()> {
    for offset in offsets {
        rows.push(context, relation, needed, Tid { block, offset: *offset }, page.item(*offset))?;
    }
    Ok(())
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
    for offset in page::offsets(page) {
        if !page::is_normal(page, offset) {
            continue;
        }
        if all_visible {
            visible.push(offset);
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
