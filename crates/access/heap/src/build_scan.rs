//! Reading a table for an index that is being built.
//!
//! Every row version that some snapshot may still see gets an entry, except those whose update stayed on the page
//! (HOT) without being the newest: one chain has one entry, made for its live member and pointing to its root. Old
//! snapshots must not use the index then (indcheckxmin). A unique index takes live rows only, as two versions of one row
//! are no violation.

use crate::header::{HEAP_ONLY, HOT_UPDATED, Header, PD_ALL_VISIBLE, XMAX_INVALID};
use crate::page::{self, Hints};
use crate::rows::{Rows, push_attributes};
use crate::scan::BlockAllocator;
use crate::visibility::{Judge, VacuumVerdict};
use access_api::{Context, Relation};
use base::{BlockNumber, Fork, OffsetNumber, Result, Tid, Xid};
use buffer::{Ring, RingKind, Strategy};
use datum::TupleView;
use std::ops::Range;
use std::sync::Arc;
use storage::{LinePointer, Page};
use txn::Snapshot;

/// What a scan has found of versions that are not simply live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BuildCounts {
    pub live: u64,
    /// A version that old snapshots may see has no entry.
    pub left_out: bool,
}

/// Which versions get entries.
#[derive(Clone)]
pub enum BuildView {
    /// What some snapshot may see; what was deleted before the horizon is seen by nobody. For a table that nobody changes.
    Vacuumable { horizon: Xid, unique: bool },
    /// What this snapshot shows; nobody with an older one will use the index.
    Snapshot(Snapshot),
}

/// One thread's part of the scan.
pub struct BuildScan {
    context: Context,
    relation: Relation,
    view: BuildView,
    blocks: Arc<BlockAllocator>,
    left: Range<u32>,
    read_ahead: u32,
    ring: Option<Ring>,
    counts: BuildCounts,
    /// The last inserter that was found to have committed, and what its rows' hints are.
    committed: Option<(u32, u16)>,
    /// Room for a page.
    copy: Option<Box<Page>>,
    /// Of the page: the versions that get entries, and where these point.
    entries: Vec<(OffsetNumber, OffsetNumber)>,
    /// Of the page, by offset: the roots of heap-only tuples.
    roots: Vec<OffsetNumber>,
}

const READ_AHEAD: u32 = 32;

impl BuildScan {
    /// # Errors
    /// The disk's.
    pub fn new(
        context: &Context,
        relation: &Relation,
        view: BuildView,
        blocks: Arc<BlockAllocator>,
    ) -> Result<BuildScan> {
        let count = page::block_count(context, relation)?;
        // As other scans of large tables.
        let large = count as usize > context.pool.frames() / 4;
        Ok(BuildScan {
            context: context.clone(),
            relation: relation.clone(),
            view,
            blocks,
            left: 0..0,
            read_ahead: 0,
            ring: large.then(|| Ring::new(RingKind::BulkRead, &context.pool)),
            counts: BuildCounts::default(),
            committed: None,
            copy: None,
            entries: Vec::new(),
            roots: Vec::new(),
        })
    }

    pub fn counts(&self) -> BuildCounts {
        self.counts
    }

    /// Calls `each` for the entries of the next page: where the entry points, and the version it is made of. `each` must
    /// not touch pages of the table. False at the end.
    ///
    /// # Errors
    /// `57014` when cancelled; the disk's, and what `each` fails with.
    pub fn next_page(&mut self, each: &mut dyn FnMut(Tid, TupleView<'_>) -> Result<()>) -> Result<bool> {
        if self.left.is_empty() {
            let Some(chunk) = self.blocks.take() else { return Ok(false) };
            self.left = chunk;
            self.read_ahead = self.left.start;
        }
        let block = self.left.start;
        self.left.start += 1;
        if block >= self.read_ahead && !self.left.is_empty() {
            self.read_ahead = self.left.end.min(block + READ_AHEAD);
            let strategy = self.ring.as_ref().map_or(Strategy::Normal, Strategy::Ring);
            let range = block..self.read_ahead;
            self.context.pool.prefetch(self.relation.locator, Fork::Main, range, strategy)?;
        }
        self.page(BlockNumber(block), each)?;
        Ok(true)
    }

    /// The entries of one page, outside of the scan.
    ///
    /// # Errors
    /// As [`BuildScan::next_page`].
    pub fn page(
        &mut self,
        block: BlockNumber,
        each: &mut dyn FnMut(Tid, TupleView<'_>) -> Result<()>,
    ) -> Result<()> {
        self.context.transaction.session().locks().check_interrupts()?;
        let context = self.context.clone();
        let strategy = self.ring.as_ref().map_or(Strategy::Normal, Strategy::Ring);
        let pin = context.pool.pin(self.relation.locator, Fork::Main, block, strategy)?;
        // Reading the whole page in order is far cheaper than waiting for one tuple after the other, and what `each` does
        // need not be done under the latch.
        let mut page = self.copy.take().unwrap_or_else(Page::zeroed);
        page.bytes_mut().copy_from_slice(pin.read().bytes());
        let mut hints = Hints::default();
        let judged = self.judge_page(&page, &mut hints);
        hints.apply(&pin);
        let visited = judged.and_then(|()| {
            self.entries.iter().try_for_each(|(offset, root)| {
                each(Tid { block, offset: *root }, TupleView::new(page.item(*offset))?)
            })
        });
        self.copy = Some(page);
        visited
    }

    /// The attributes `needed` of a page's versions, with the entries' tids: of the next page, or of `block`. False at
    /// the end.
    ///
    /// # Errors
    /// As [`BuildScan::next_page`].
    pub fn rows(&mut self, block: Option<BlockNumber>, needed: &[usize], rows: &mut Rows) -> Result<bool> {
        let (context, relation) = (self.context.clone(), self.relation.clone());
        let mut each = |tid: Tid, view: TupleView<'_>| {
            push_attributes(&context, &relation, view, needed, &mut rows.columns)?;
            rows.tids.push(tid);
            Ok(())
        };
        match block {
            Some(block) => self.page(block, &mut each).map(|()| true),
            None => self.next_page(&mut each),
        }
    }

    fn judge_page(&mut self, page: &Page, hints: &mut Hints) -> Result<()> {
        let context = self.context.clone();
        let judge = Judge::new(&context.transaction);
        let view = self.view.clone();
        let all_visible = page.flags() & PD_ALL_VISIBLE != 0;
        let mut heap_only = false;
        self.entries.clear();
        for offset in page::offsets(page) {
            if !page::is_normal(page, offset) {
                continue;
            }
            let header = Header::read(page.item(offset));
            let mut bits = 0;
            let wanted = match &view {
                _ if all_visible => {
                    self.counts.live += 1;
                    true
                }
                BuildView::Snapshot(snapshot) => {
                    let visible = judge.mvcc(&header, snapshot, &mut bits)?;
                    self.counts.live += u64::from(visible);
                    visible
                }
                BuildView::Vacuumable { horizon, unique } => {
                    self.wants(&judge, &header, *horizon, *unique, &mut bits)?
                }
            };
            hints.add(offset, &header, bits);
            if !wanted {
                continue;
            }
            heap_only |= header.mask2 & HEAP_ONLY != 0;
            self.entries.push((offset, offset));
        }
        if heap_only {
            find_roots(page, &mut self.roots);
            for (offset, root) in &mut self.entries {
                *root = self.roots[usize::from(offset.0)];
            }
        }
        Ok(())
    }

    /// Whether a version gets an entry where nobody changes the table.
    fn wants(
        &mut self,
        judge: &Judge<'_>,
        header: &Header,
        horizon: Xid,
        unique: bool,
        bits: &mut u16,
    ) -> Result<bool> {
        let tx = &self.context.transaction.clone();
        let alive = match self.verdict(judge, header, bits)? {
            VacuumVerdict::Dead => return Ok(false),
            VacuumVerdict::RecentlyDead(xid) if xid < horizon => return Ok(false),
            VacuumVerdict::RecentlyDead(_) => false,
            VacuumVerdict::Live => true,
            VacuumVerdict::InsertInProgress => tx.is_current(judge.widen(header.xmin)),
            // A row that someone else is about to delete is still there.
            VacuumVerdict::DeleteInProgress => {
                !judge.update_xid(header)?.is_some_and(|xid| tx.is_current(xid))
            }
        };
        self.counts.live += u64::from(alive);
        if !alive && (unique || header.mask2 & HOT_UPDATED != 0) {
            self.counts.left_out = true;
            return Ok(false);
        }
        Ok(true)
    }

    /// As [`Judge::vacuum`], which need not ask again about rows of one transaction that loaded many.
    fn verdict(&mut self, judge: &Judge<'_>, header: &Header, bits: &mut u16) -> Result<VacuumVerdict> {
        let known = self.committed.filter(|(xmin, _)| *xmin == header.xmin);
        if header.mask.has(XMAX_INVALID) && !header.mask.xmin_invalid() {
            if header.mask.xmin_committed() {
                return Ok(VacuumVerdict::Live);
            }
            if let Some((_, hint)) = known {
                *bits = hint;
                return Ok(VacuumVerdict::Live);
            }
            let verdict = judge.vacuum(header, bits)?;
            if verdict == VacuumVerdict::Live {
                self.committed = Some((header.xmin, *bits));
            }
            return Ok(verdict);
        }
        judge.vacuum(header, bits)
    }
}

/// For each offset of a page the root of the HOT chain it belongs to; itself if it belongs to none.
fn find_roots(page: &Page, roots: &mut Vec<OffsetNumber>) {
    roots.clear();
    roots.extend((0..=page.max_offset().0).map(OffsetNumber));
    let header =
        |offset: OffsetNumber| page::is_normal(page, offset).then(|| Header::read(page.item(offset)));
    for start in page::offsets(page) {
        let mut at = match page.item_id(start).state() {
            LinePointer::Redirect(to) => to,
            LinePointer::Normal => start,
            _ => continue,
        };
        let heap_only = header(at).is_some_and(|header| header.mask2 & HEAP_ONLY != 0);
        if at == start && heap_only {
            continue; // reached from its root
        }
        let mut before: Option<u32> = None;
        for _ in 0..page.max_offset().0 {
            let Some(member) = header(at) else { break };
            if before.is_some_and(|xmax| xmax != member.xmin) {
                break; // the chain's end was pruned and its place used again
            }
            roots[usize::from(at.0)] = start;
            let next = member.ctid.offset;
            if member.mask2 & HOT_UPDATED == 0 || next == at || next > page.max_offset() {
                break;
            }
            // A multixact's updater is not compared: its members would have to be read.
            before = (!member.mask.is_multi()).then_some(member.xmax);
            at = next;
        }
    }
}
