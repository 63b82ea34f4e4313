//! Rows by their tid: one version, or the visible one of a HOT chain.
//!
//! ```text
//!   index entry ──▶ line pointer 1 (redirect) ──▶ 3: old version, HOT_UPDATED ──ctid──▶ 4: HEAP_ONLY, visible
//! ```
//! A chain is followed only as long as each member's xmin is the xmax of the one before it: otherwise the line
//! pointer was used again for something else.

use crate::header::Header;
use crate::page::{self, Hints};
use crate::prune;
use crate::rows::{Reader, Rows, Tuple, needs_toast};
use crate::visibility::{DirtyVerdict, Judge, Visibility};
use access_api::{Context, DirtyView, HeapView, Relation};
use base::{BlockNumber, Fork, OffsetNumber, Result, Tid, Xid};
use buffer::{Pin, vm};
use storage::{LinePointer, Page};
use txn::Snapshot;

/// The version at `tid` if it is visible.
pub fn fetch(
    context: &Context,
    relation: &Relation,
    tid: Tid,
    visibility: &Visibility,
) -> Result<Option<Tuple>> {
    if tid.block.0 >= page::block_count(context, relation)? {
        return Ok(None);
    }
    let pin = page::pin(context, relation, tid.block)?;
    let mut hints = Hints::default();
    let found = {
        let page = pin.read();
        if !page::is_normal(&page, tid.offset) {
            return Ok(None);
        }
        let tuple = page.item(tid.offset);
        let header = Header::read(tuple);
        let mut bits = 0;
        let visible = Judge::new(&context.transaction).visible(&header, visibility, &mut bits)?;
        hints.add(tid.offset, &header, bits);
        visible.then(|| Tuple { tid, bytes: tuple.to_vec() })
    };
    hints.apply(&pin);
    Ok(found)
}

/// The version at `tid`, whoever sees it.
pub fn fetch_any(context: &Context, relation: &Relation, tid: Tid) -> Result<Option<Tuple>> {
    fetch(context, relation, tid, &Visibility::Any)
}

/// The newest version of the row that the snapshot shows, from `tid` on; `tid` itself when there is none.
pub fn latest_version(context: &Context, relation: &Relation, tid: Tid, snapshot: &Snapshot) -> Result<Tid> {
    let visibility = Visibility::Mvcc(snapshot.clone());
    let judge = Judge::new(&context.transaction);
    let (mut latest, mut at, mut prior) = (tid, tid, None);
    while let Some(tuple) = fetch_any(context, relation, at)? {
        let header = Header::read(&tuple.bytes);
        if prior.is_some_and(|prior| prior != judge.widen(header.xmin)) {
            break;
        }
        if judge.visible(&header, &visibility, &mut 0)? {
            latest = at;
        }
        prior = judge.update_xid(&header)?;
        if prior.is_none() || header.ctid == at || header.moved_partition() {
            break;
        }
        at = header.ctid;
    }
    Ok(latest)
}

/// What stands at the end of a HOT chain's walk.
pub(crate) struct ChainEnd {
    pub visible: Option<OffsetNumber>,
    /// Every member is dead to everyone.
    pub all_dead: bool,
}

/// Walks the HOT chain from `root` until `sees` is content with a member.
pub(crate) fn walk_chain(
    judge: &Judge<'_>,
    page: &Page,
    root: OffsetNumber,
    horizon: Option<Xid>,
    mut sees: impl FnMut(OffsetNumber, &Header) -> Result<bool>,
) -> Result<ChainEnd> {
    let mut offset = root;
    let mut prior = None;
    let mut all_dead = horizon.is_some();
    let mut at_start = true;
    // A chain has no more members than the page has line pointers.
    for _ in 0..=page.max_offset().0 {
        if offset.0 < 1 || offset > page.max_offset() {
            break;
        }
        match page.item_id(offset).state() {
            LinePointer::Redirect(to) if at_start => {
                offset = to;
                at_start = false;
                continue;
            }
            LinePointer::Normal => {}
            _ => break,
        }
        let header = Header::read(page.item(offset));
        if at_start && header.is_heap_only() {
            break;
        }
        if prior.is_some_and(|prior: Xid| prior.low() != header.xmin) {
            break;
        }
        at_start = false;
        if sees(offset, &header)? {
            return Ok(ChainEnd { visible: Some(offset), all_dead: false });
        }
        if all_dead && !judge.surely_dead(&header, horizon.unwrap_or_default())? {
            all_dead = false;
        }
        if !header.is_hot_updated() {
            break;
        }
        prior = judge.update_xid(&header)?;
        offset = header.ctid.offset;
    }
    Ok(ChainEnd { visible: None, all_dead })
}

/// What an index scan's visit found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub visible: bool,
    /// The index entry leads to nothing that anyone can see.
    pub all_dead: bool,
}

/// Visits rows that index entries point to. Keeps the last page pinned, as the next entry often leads there too.
pub struct Fetcher {
    context: Context,
    relation: Relation,
    visibility: Visibility,
    reader: Reader,
    horizon: Xid,
    pin: Option<Pin>,
    /// Pages of the visibility map, each at its number's remainder.
    maps: [Option<Pin>; MAP_PINS],
}

/// Pages of the visibility map that are kept at hand; one tells of 256 MB of the table.
const MAP_PINS: usize = 16;
/// A pool of fewer frames has none to spare for pages that are pinned ahead.
const LEAST_FRAMES: usize = 4096;
/// So many roots on one page are read together.
const LEAST_RUN: usize = 4;
/// Roots that are looked at before their blocks are asked for together.
const PREFETCH_ROOTS: usize = 64;

impl Fetcher {
    /// `needed`: attributes from 0, ascending.
    pub fn new(context: &Context, relation: &Relation, visibility: Visibility, needed: &[usize]) -> Fetcher {
        Fetcher {
            horizon: page::prune_horizon(context, relation),
            context: context.clone(),
            relation: relation.clone(),
            visibility,
            reader: Reader::new(needed),
            pin: None,
            maps: Default::default(),
        }
    }

    /// Appends the visible version of the chain from `root`, if there is one.
    pub fn fetch_one(&mut self, root: Tid, rows: &mut Rows) -> Result<Found> {
        let pin = match self.pin.take() {
            Some(pin) if pin.block() == root.block => pin,
            _ => {
                let pin = page::pin(&self.context, &self.relation, root.block)?;
                prune::on_access(&self.context, &self.relation, &pin)?;
                pin
            }
        };
        let found = self.fetch_on(&pin, root, rows);
        self.pin = Some(pin);
        found
    }

    fn fetch_on(&self, pin: &Pin, root: Tid, rows: &mut Rows) -> Result<Found> {
        let mut hints = Hints::default();
        let mut toasted = None;
        let found = {
            let page = pin.read();
            let judge = Judge::new(&self.context.transaction);
            let end = walk_chain(&judge, &page, root.offset, Some(self.horizon), |offset, header| {
                let mut bits = 0;
                let visible = judge.visible(header, &self.visibility, &mut bits)?;
                hints.add(offset, header, bits);
                Ok(visible)
            })?;
            if let Some(offset) = end.visible {
                let (tid, tuple) = (Tid { block: root.block, offset }, page.item(offset));
                if needs_toast(&self.relation, tuple, &self.reader.needed) {
                    toasted = Some((tid, tuple.to_vec()));
                } else {
                    rows.push(&self.context, &self.relation, &self.reader.needed, tid, tuple)?;
                }
            }
            Found { visible: end.visible.is_some(), all_dead: end.all_dead }
        };
        if let Some((tid, tuple)) = toasted {
            rows.push(&self.context, &self.relation, &self.reader.needed, tid, &tuple)?;
        }
        hints.apply(pin);
        Ok(found)
    }

    /// Visits all `roots` in their order. `sources[i]` is the root of the i-th row appended; roots that lead to
    /// nothing anyone can see are listed in `dead`.
    pub fn fetch_many(
        &mut self,
        roots: &[Tid],
        rows: &mut Rows,
        sources: &mut Vec<u32>,
        dead: &mut Vec<u32>,
    ) -> Result<usize> {
        let before = rows.len();
        for (chunk_number, chunk) in roots.chunks(PREFETCH_ROOTS).enumerate() {
            self.prefetch(chunk)?;
            let mut ahead = self.fetch_memory(chunk)?.into_iter().peekable();
            let mut at = chunk_number * PREFETCH_ROOTS;
            for run in chunk.chunk_by(|a, b| a.block == b.block) {
                if let Some(pin) = ahead.next_if(|pin| pin.block() == run[0].block) {
                    prune::on_access(&self.context, &self.relation, &pin)?;
                    self.pin = Some(pin);
                }
                if run.len() >= LEAST_RUN {
                    self.fetch_run(run, at as u32, rows, sources, dead)?;
                } else {
                    for (number, root) in run.iter().enumerate() {
                        let found = self.fetch_one(*root, rows)?;
                        if found.visible {
                            sources.push((at + number) as u32);
                        } else if found.all_dead {
                            dead.push((at + number) as u32);
                        }
                    }
                }
                at += run.len();
            }
        }
        Ok(rows.len() - before)
    }

    /// As [`Fetcher::fetch_many`], of roots on one page, the first of which is number `first`.
    fn fetch_run(
        &mut self,
        run: &[Tid],
        first: u32,
        rows: &mut Rows,
        sources: &mut Vec<u32>,
        dead: &mut Vec<u32>,
    ) -> Result<()> {
        let pin = match self.pin.take() {
            Some(pin) if pin.block() == run[0].block => pin,
            _ => page::pin(&self.context, &self.relation, run[0].block)?,
        };
        let (mut hints, mut visible) = (Hints::default(), Vec::with_capacity(run.len()));
        {
            let page = pin.read();
            let judge = Judge::new(&self.context.transaction);
            for (number, root) in (first..).zip(run) {
                let end = walk_chain(&judge, &page, root.offset, Some(self.horizon), |offset, header| {
                    let mut bits = 0;
                    let sees = judge.visible(header, &self.visibility, &mut bits)?;
                    hints.add(offset, header, bits);
                    Ok(sees)
                })?;
                if let Some(offset) = end.visible {
                    visible.push(offset);
                    sources.push(number);
                } else if end.all_dead {
                    dead.push(number);
                }
            }
        }
        self.reader.read_page(&self.context, &self.relation, &pin, &visible, &mut None, rows)?;
        hints.apply(&pin);
        self.pin = Some(pin);
        Ok(())
    }

    /// Appends all visible versions of a block: what a bitmap without exact tids asks for.
    pub fn fetch_block(&mut self, block: BlockNumber, rows: &mut Rows) -> Result<usize> {
        if block.0 >= page::block_count(&self.context, &self.relation)? {
            return Ok(0);
        }
        let pin = page::pin(&self.context, &self.relation, block)?;
        prune::on_access(&self.context, &self.relation, &pin)?;
        let (mut hints, mut visible) = (Hints::default(), Vec::new());
        {
            let page = pin.read();
            let judge = Judge::new(&self.context.transaction);
            crate::scan::visible_offsets(&judge, &page, &self.visibility, &mut visible, &mut hints)?;
        }
        self.reader.read_page(&self.context, &self.relation, &pin, &visible, &mut None, rows)?;
        hints.apply(&pin);
        Ok(visible.len())
    }

    /// Asks for the memory of the versions at `roots`: first for their frames and line pointers, then for what those point
    /// to. Returns a pin for each run of roots on one page.
    fn fetch_memory(&self, roots: &[Tid]) -> Result<Vec<Pin>> {
        const VERSION_BYTES: usize = 128;
        if roots.len() < 4 || self.context.pool.frames() < LEAST_FRAMES {
            return Ok(Vec::new());
        }
        let line_pointer =
            |root: &Tid| storage::PAGE_HEADER + 4 * usize::from(root.offset.0.saturating_sub(1));
        for run in roots.chunk_by(|a, b| a.block == b.block) {
            let places = [0, line_pointer(&run[0])];
            self.context.pool.fetch_memory(self.relation.locator, Fork::Main, run[0].block, &places);
        }
        let mut pins: Vec<Pin> = Vec::with_capacity(roots.len());
        for root in roots {
            if pins.last().is_none_or(|pin| pin.block() != root.block) {
                pins.push(page::pin(&self.context, &self.relation, root.block)?);
            }
        }
        let mut at = 0;
        for root in roots {
            if pins[at].block() != root.block {
                at += 1;
            }
            let place = {
                let page = pins[at].read();
                match root.offset.0 >= 1 && root.offset <= page.max_offset() {
                    true => page.item_id(root.offset).offset(),
                    false => continue,
                }
            };
            pins[at].fetch_memory(place..place + VERSION_BYTES);
        }
        Ok(pins)
    }

    /// Runs of neighbouring blocks are read together.
    fn prefetch(&self, roots: &[Tid]) -> Result<()> {
        if roots.len() < 8 {
            return Ok(());
        }
        let mut blocks: Vec<u32> = roots.iter().map(|tid| tid.block.0).collect();
        blocks.sort_unstable();
        blocks.dedup();
        for run in blocks.chunk_by(|a, b| a + 1 == *b).filter(|run| run.len() > 1) {
            let range = run[0]..run[run.len() - 1] + 1;
            let strategy = buffer::Strategy::Normal;
            self.context.pool.prefetch(self.relation.locator, Fork::Main, range, strategy)?;
        }
        Ok(())
    }

    /// For each tid, whether everyone sees all rows of its block, so that an index-only scan need not visit it.
    pub fn all_visible(&mut self, tids: &[Tid], found: &mut Vec<bool>) -> Result<()> {
        let slot_of = |tid: &Tid| vm::map_block(tid.block).0 as usize % MAP_PINS;
        found.clear();
        found.resize(tids.len(), false);
        let slots = tids.iter().fold(0_u32, |slots, tid| slots | 1 << slot_of(tid));
        for slot in (0..MAP_PINS).filter(|slot| slots & 1 << slot != 0) {
            let rows =
                tids.iter().enumerate().filter(|(_, tid)| slots.count_ones() == 1 || slot_of(tid) == slot);
            let blocks = rows.map(|(row, tid)| (row, tid.block));
            let (pool, locator) = (&self.context.pool, self.relation.locator);
            vm::get_all(pool, locator, blocks, &mut self.maps[slot], |row, bits| {
                found[row] = bits & vm::ALL_VISIBLE != 0;
            })?;
        }
        Ok(())
    }
}

/// The heap as B-trees ask it.
pub struct HeapOracle;

impl HeapView for HeapOracle {
    fn dirty(&self, context: &Context, heap: &Relation, root: Tid) -> Result<DirtyView> {
        let pin = page::pin(context, heap, root.block)?;
        let horizon = page::prune_horizon(context, heap);
        let mut hints = Hints::default();
        let mut view = DirtyView::Dead { all_dead: false };
        {
            let page = pin.read();
            let judge = Judge::new(&context.transaction);
            let end = walk_chain(&judge, &page, root.offset, Some(horizon), |offset, header| {
                let mut bits = 0;
                let verdict = judge.dirty(header, &mut bits)?;
                hints.add(offset, header, bits);
                let tid = Tid { block: root.block, offset };
                let token = header.is_speculative().then_some(header.ctid.block.0);
                view = match verdict {
                    DirtyVerdict::Invisible => return Ok(false),
                    DirtyVerdict::Visible => DirtyView::Live { tid },
                    DirtyVerdict::InsertInDoubt { xid } => {
                        DirtyView::InDoubt { tid, xid, speculative_token: token }
                    }
                    DirtyVerdict::DeleteInDoubt { xid } => {
                        DirtyView::InDoubt { tid, xid, speculative_token: None }
                    }
                };
                Ok(true)
            })?;
            if end.visible.is_none() {
                view = DirtyView::Dead { all_dead: end.all_dead };
            }
        }
        hints.apply(&pin);
        Ok(view)
    }

    fn dead_to_all(&self, context: &Context, heap: &Relation, roots: &[Tid]) -> Result<(Vec<bool>, Xid)> {
        let horizon = page::prune_horizon(context, heap);
        let judge = Judge::new(&context.transaction);
        let mut dead = Vec::with_capacity(roots.len());
        let mut conflict = Xid::INVALID;
        let mut pin: Option<Pin> = None;
        for root in roots {
            if pin.as_ref().is_none_or(|pin| pin.block() != root.block) {
                pin = Some(page::pin(context, heap, root.block)?);
            }
            let Some(pin) = &pin else { return Err(page::no_block(heap, BlockNumber::INVALID)) };
            let page = pin.read();
            let mut newest = Xid::INVALID;
            let end = walk_chain(&judge, &page, root.offset, Some(horizon), |_, header| {
                newest = newest.max(removal_horizon(&judge, header)?);
                Ok(false)
            })?;
            if end.all_dead {
                conflict = conflict.max(newest);
            }
            dead.push(end.all_dead);
        }
        Ok((dead, conflict))
    }
}

/// The newest xid that must be out of sight before the version may vanish on a standby: its deleter's, unless the
/// version never was visible.
pub(crate) fn removal_horizon(judge: &Judge<'_>, header: &Header) -> Result<Xid> {
    if header.mask.xmin_invalid() {
        return Ok(Xid::INVALID);
    }
    Ok(judge.update_xid(header)?.unwrap_or(Xid::INVALID))
}
