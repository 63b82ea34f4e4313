//! Copying a table's rows into new storage: VACUUM FULL, CLUSTER.
//!
//! Versions that someone may still see go along, with the xids they have; their ctids are put right, so that update
//! chains stay whole. A version is held back until the place of the next one is known.

use crate::freeze::{Cutoffs, Oldest, plan_tuple};
use crate::header::{COMBO_CID, HEAP_ONLY, HOT_UPDATED, Header, HeaderMut};
use crate::page;
use crate::place::storage_reserve;
use crate::rows::Tuple;
use crate::visibility::{Judge, VacuumVerdict};
use access_api::{Context, Persistence, Relation};
use base::bytes::max_align;
use base::{BlockNumber, Error, Fork, OffsetNumber, Result, Tid};
use buffer::{Ring, RingKind, Strategy};
use std::collections::HashMap;
use storage::Page;

pub struct Rewriter {
    context: Context,
    new: Relation,
    cutoffs: Cutoffs,
    ring: Ring,
    /// The page under construction, and its number.
    page: Box<Page>,
    block: u32,
    /// Old versions that point to a version not copied yet: by the tid and xmin of that one.
    waiting: HashMap<(Tid, u32), (Tid, Vec<u8>)>,
    /// Where versions went that an older version may point to.
    placed: HashMap<(Tid, u32), Tid>,
    oldest: Oldest,
    pub live: u64,
    pub recently_dead: u64,
    pub removed: u64,
}

impl Rewriter {
    /// `new` is empty and nobody else's yet.
    pub fn new(context: &Context, new: &Relation, cutoffs: &Cutoffs) -> Rewriter {
        let mut page = Page::zeroed();
        page.init(0);
        Rewriter {
            context: context.clone(),
            new: new.clone(),
            cutoffs: *cutoffs,
            ring: Ring::new(RingKind::BulkWrite, &context.pool),
            page,
            block: 0,
            waiting: HashMap::new(),
            placed: HashMap::new(),
            oldest: Oldest { xid: cutoffs.oldest_xmin, multi: cutoffs.oldest_multi },
            live: 0,
            recently_dead: 0,
            removed: 0,
        }
    }

    /// One version of the old table (read with `Visibility::Any`). TOAST pointers are kept: the TOAST table is
    /// swapped or copied by value by the caller.
    pub fn add(&mut self, tuple: &Tuple) -> Result<()> {
        let context = self.context.clone();
        let judge = Judge::new(&context.transaction);
        let header = Header::read(&tuple.bytes);
        match judge.vacuum(&header, &mut 0)? {
            VacuumVerdict::Dead => return self.drop_version(tuple, &header),
            VacuumVerdict::RecentlyDead(xid) if xid < self.cutoffs.oldest_xmin => {
                return self.drop_version(tuple, &header);
            }
            VacuumVerdict::RecentlyDead(_) => self.recently_dead += 1,
            _ => self.live += 1,
        }
        let mut bytes = self.without_old_ids(&judge, &header, &tuple.bytes)?;
        HeaderMut(&mut bytes).set_ctid(Tid::INVALID);
        let updated =
            judge.update_xid(&header)?.filter(|_| header.ctid != tuple.tid && !header.moved_partition());
        if let Some(xmax) = updated {
            let key = (header.ctid, xmax.low());
            match self.placed.remove(&key) {
                Some(next) => HeaderMut(&mut bytes).set_ctid(next),
                None => {
                    self.waiting.insert(key, (tuple.tid, bytes));
                    // Its own place is not known yet; whoever points to it waits in turn.
                    return Ok(());
                }
            }
        }
        self.write(tuple.tid, bytes)
    }

    /// A dead version that a waiting one points to will never come.
    fn drop_version(&mut self, tuple: &Tuple, header: &Header) -> Result<()> {
        self.removed += 1;
        if let Some((tid, mut bytes)) = self.waiting.remove(&(tuple.tid, header.xmin)) {
            HeaderMut(&mut bytes).set_ctid(Tid::INVALID);
            self.write(tid, bytes)?;
        }
        Ok(())
    }

    fn without_old_ids(&mut self, judge: &Judge<'_>, header: &Header, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut left = self.oldest;
        let plan = plan_tuple(&self.context, judge, &self.cutoffs, header, &mut self.oldest, &mut left)?;
        let mut bytes = bytes.to_vec();
        let mut new = HeaderMut(&mut bytes);
        if let Some(plan) = plan.plan {
            new.set_xmax(plan.xmax);
            new.set_mask(plan.mask);
            new.set_mask2(plan.mask2);
        }
        new.set_mask2(new.mask2() & !(HOT_UPDATED | HEAP_ONLY));
        new.set_mask(new.mask() & !COMBO_CID);
        Ok(bytes)
    }

    /// Puts a version on the page under construction, and after it those that waited for its place.
    fn write(&mut self, old: Tid, bytes: Vec<u8>) -> Result<()> {
        let (mut old, mut bytes) = (old, bytes);
        loop {
            let header = Header::read(&bytes);
            let new = self.place(bytes)?;
            let key = (old, header.xmin);
            match self.waiting.remove(&key) {
                Some((waiting, mut before)) => {
                    HeaderMut(&mut before).set_ctid(new);
                    (old, bytes) = (waiting, before);
                }
                None => {
                    if header.mask.has(crate::header::UPDATED) {
                        self.placed.insert(key, new);
                    }
                    return Ok(());
                }
            }
        }
    }

    fn place(&mut self, mut bytes: Vec<u8>) -> Result<Tid> {
        let reserve = storage_reserve(&self.new);
        if self.page.max_offset().0 > 0 && self.page.heap_free_space() < max_align(bytes.len()) + reserve {
            self.flush()?;
        }
        let tid = Tid { block: BlockNumber(self.block), offset: OffsetNumber(self.page.max_offset().0 + 1) };
        let keeps_link = Header::read(&bytes).ctid != Tid::INVALID;
        if !keeps_link {
            HeaderMut(&mut bytes).set_ctid(tid);
        }
        match self.page.add_item(&bytes, Some(tid.offset), true, true) {
            Some(_) => Ok(tid),
            None => Err(Error::corrupted(format!("tuple of {} bytes does not fit a page", bytes.len()))),
        }
    }

    /// Writes the page under construction, as an image: its rows are of many transactions.
    fn flush(&mut self) -> Result<()> {
        if self.page.max_offset().0 == 0 {
            return Ok(());
        }
        let pin = self.context.pool.extend(self.new.locator, Fork::Main, Strategy::Ring(&self.ring))?;
        let mut page = pin.write();
        page.change_unlogged(|page| page.bytes_mut().copy_from_slice(self.page.bytes()));
        if self.new.persistence == Persistence::Permanent {
            self.context.pool.log_new_page(&mut page, true)?;
        }
        self.page.init(0);
        self.block += 1;
        Ok(())
    }

    /// Writes what is left. Returns the new relfrozenxid and relminmxid, and the pages written.
    pub fn finish(mut self) -> Result<(Oldest, u32)> {
        let orphans: Vec<_> = self.waiting.drain().map(|(_, waiting)| waiting).collect();
        for (tid, mut bytes) in orphans {
            HeaderMut(&mut bytes).set_ctid(Tid::INVALID);
            self.write(tid, bytes)?;
        }
        self.flush()?;
        Ok((self.oldest, page::block_count(&self.context, &self.new)?))
    }
}
