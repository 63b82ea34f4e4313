//! UPDATE: a new version, on the same page and out of the indexes' sight (HOT) when it can be.

use crate::delete::{Claim, Outcome, claim, crosscheck, delete_command};
use crate::header::{HEAP_ONLY, Header, HeaderMut, PD_ALL_VISIBLE, PD_PAGE_FULL, UPDATED, XMAX_INVALID};
use crate::page::{self, MapPin};
use crate::place::Search;
use crate::prune;
use crate::records::{InPlace, Lock, Update, UpdateBody, Xmax};
use crate::rows::{Tuple, deform};
use crate::toast;
use crate::visibility::Judge;
use crate::xmax::{RowLock, add_to_xmax, multi_bits};
use access_api::{Context, Relation};
use base::{CommandId, Error, MultiXactId, OffsetNumber, Result, Tid, Xid};
use buffer::{PageWrite, Pin, Registered, vm};
use datum::{Datum, StoredBytes, TupleView, Varlena, read_varlena};
use std::borrow::Cow;
use txn::{Member, Snapshot};

/// Attributes (from 0, ascending) that indexes depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexedAttributes {
    /// A change of one of these needs new index entries: those of all indexes but summarizing ones.
    pub hot_blocking: Vec<usize>,
    /// Those of summarizing indexes (BRIN), which must hear of the change though it be HOT.
    pub summarized: Vec<usize>,
    /// Those of unique indexes that a foreign key could refer to.
    pub key: Vec<usize>,
}

#[derive(Clone, Copy)]
pub struct UpdateOptions<'a> {
    pub indexed: &'a IndexedAttributes,
    pub crosscheck: Option<&'a Snapshot>,
    pub no_wait: bool,
    /// Attributes that the statement did not assign, ascending: they are what they were.
    pub unchanged: &'a [usize],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexesToUpdate {
    None,
    Summarizing,
    All,
}

/// A successful update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Updated {
    pub tid: Tid,
    pub indexes: IndexesToUpdate,
    /// What it holds on the old version.
    pub row_lock: RowLock,
}

const MAP_BITS: u8 = vm::ALL_VISIBLE | vm::ALL_FROZEN;

/// Which kinds of indexed attributes an update changes.
struct Modified {
    hot_blocking: bool,
    summarized: bool,
    key: bool,
}

/// Replaces the version at `tid` by one with `values`.
///
/// # Errors
/// `54000` when the row is too long; what waiting for other transactions fails with (40P01, 55P03, 57014).
pub fn update(
    context: &Context,
    relation: &Relation,
    tid: Tid,
    values: &[Option<Datum<'_>>],
    options: &UpdateOptions<'_>,
) -> Result<(Outcome, Option<Updated>)> {
    let xid = context.transaction.xid()?;
    let command = context.transaction.command_for_write();
    let pin = page::pin(context, relation, tid.block)?;
    let old_map = MapPin::default();
    prune::on_access(context, relation, &pin)?;
    let Some(old) = read_old(&pin, tid) else {
        let gone =
            crate::delete::Conflict { ctid: tid, xmax: Xid::INVALID, cmax: None, moved_partition: false };
        return Ok((Outcome::Deleted(gone), None));
    };
    let modified = modified_attributes(context, relation, &old, values, options)?;
    let mode = if modified.key { RowLock::ForUpdate } else { RowLock::ForNoKeyUpdate };
    let stored = kept_values(relation, &old, options.unchanged)?;
    let judge = Judge::new(&context.transaction);
    context.transaction.transactions().multixacts().set_oldest_member(&context.transaction);

    let (page, header) = match claim(context, relation, &pin, tid, command, mode, options.no_wait)? {
        Claim::Claimed(page, header) => (page, header),
        Claim::Refused(outcome) => return Ok((outcome, None)),
    };
    if let Some(outcome) = crosscheck(&judge, &header, options.crosscheck)? {
        return Ok((outcome, None));
    }
    let job =
        Job { context, relation, judge, xid, command, tid, pin: &pin, mode, modified, old_map: &old_map };
    let kept: Vec<_> = stored.iter().map(Option::is_some).collect();
    let plain = toast::form_plain(relation, values, &stored)?;
    let updated = if toast::is_too_long(relation, &plain) || !fits_here(&page, &plain) {
        // The row is locked while its values are stored elsewhere and another page is looked for.
        job.lock_meanwhile(page, &header)?;
        let tuple = toast::form(context, relation, values, stored)?;
        job.place_anywhere(tuple)?
    } else {
        job.place_here(page, &header, plain)?
    };
    let keep: Vec<usize> = (0..kept.len()).filter(|index| kept[*index]).collect();
    toast::delete_values(context, relation, &old.bytes, &keep)?;
    Ok((Outcome::Done, Some(updated)))
}

/// Updates a row that nobody else may change at the same time, as catalogs do.
///
/// # Errors
/// `XX000` when someone did.
pub fn simple_update(
    context: &Context,
    relation: &Relation,
    tid: Tid,
    values: &[Option<Datum<'_>>],
    indexed: &IndexedAttributes,
) -> Result<Updated> {
    let options = UpdateOptions { indexed, crosscheck: None, no_wait: false, unchanged: &[] };
    match update(context, relation, tid, values, &options)? {
        (Outcome::Done, Some(updated)) => Ok(updated),
        (Outcome::SelfModified(_), _) => Err(Error::internal("tuple already updated by self")),
        (Outcome::Updated(_), _) => Err(Error::internal("tuple concurrently updated")),
        (Outcome::Deleted(_), _) => Err(Error::internal("tuple concurrently deleted")),
        (other, _) => Err(Error::internal(format!("unrecognized heap_update status: {other:?}"))),
    }
}

/// The version as it is now; its attributes stay as they are while the page is pinned.
fn read_old(pin: &Pin, tid: Tid) -> Option<Tuple> {
    let page = pin.read();
    page::is_normal(&page, tid.offset).then(|| Tuple { tid, bytes: page.item(tid.offset).to_vec() })
}

fn modified_attributes(
    context: &Context,
    relation: &Relation,
    old: &Tuple,
    values: &[Option<Datum<'_>>],
    options: &UpdateOptions<'_>,
) -> Result<Modified> {
    let indexed = options.indexed;
    let mut candidates: Vec<usize> =
        [&indexed.hot_blocking, &indexed.summarized, &indexed.key].into_iter().flatten().copied().collect();
    candidates.sort_unstable();
    candidates.dedup();
    candidates.retain(|index| options.unchanged.binary_search(index).is_err());
    let mut changed = Vec::new();
    if !candidates.is_empty() {
        let before = deform(context, relation, old, &candidates)?;
        for (index, before) in candidates.iter().zip(&before) {
            if before.as_ref().map(|value| value.as_datum()) != values[*index] {
                changed.push(*index);
            }
        }
    }
    let any = |attributes: &[usize]| attributes.iter().any(|index| changed.contains(index));
    Ok(Modified {
        hot_blocking: any(&indexed.hot_blocking),
        summarized: any(&indexed.summarized),
        key: any(&indexed.key),
    })
}

/// The TOAST pointers of attributes that were not assigned.
fn kept_values(relation: &Relation, old: &Tuple, unchanged: &[usize]) -> Result<Vec<Option<StoredBytes>>> {
    let Some(last) = unchanged.last() else { return Ok(Vec::new()) };
    let view = old.view()?;
    if !Header::of(&view).mask.has(crate::header::HAS_EXTERNAL) {
        return Ok(Vec::new());
    }
    let mut stored = vec![None; relation.desc.len()];
    view.for_each_attribute(&relation.desc, *last, |index, bytes| {
        if let Some(bytes) = bytes
            && relation.desc.attributes()[index].layout.is_varlena()
            && unchanged.binary_search(&index).is_ok()
            && let (Varlena::External(pointer), _) = read_varlena(bytes)?
        {
            stored[index] = Some(StoredBytes::External(pointer));
        }
        Ok(())
    })?;
    Ok(stored)
}

/// Room on the old version's page counts to the last byte: the fillfactor's reserve is for updates.
fn fits_here(page: &PageWrite<'_>, tuple: &[u8]) -> bool {
    base::bytes::max_align(tuple.len()) <= page.heap_free_space()
}

/// One update that is under way.
struct Job<'a> {
    context: &'a Context,
    relation: &'a Relation,
    judge: Judge<'a>,
    xid: Xid,
    command: CommandId,
    tid: Tid,
    pin: &'a Pin,
    mode: RowLock,
    modified: Modified,
    /// Of the old version's page.
    old_map: &'a MapPin,
}

impl<'a> Job<'a> {
    fn lock_meanwhile(&self, mut page: PageWrite<'a>, header: &Header) -> Result<()> {
        let tx = &self.context.transaction;
        let xmax = add_to_xmax(&self.judge, tx, header, self.xid, self.mode, false)?;
        let make = |all_frozen_cleared| Lock { tid: self.tid, xmax, all_frozen_cleared };
        change_clearing_frozen(self.context, self.relation, self.xid, &mut page, self.old_map, make)
    }

    fn place_here(&self, mut page: PageWrite<'a>, header: &Header, mut tuple: Vec<u8>) -> Result<Updated> {
        let hot = !self.modified.hot_blocking;
        let block = self.tid.block;
        let new = Tid { block, offset: free_offset(&page) };
        let old_tuple = page.item(self.tid.offset).to_vec();
        let parts = self.stamp(&mut tuple, header, hot)?;
        let (prefix, suffix) = shared_bytes(&old_tuple, &tuple);
        HeaderMut(&mut tuple).set_ctid(new);
        let change = Update {
            old: self.tid,
            new,
            xid: self.xid.low(),
            old_xmax: parts.old_xmax,
            old_command: parts.command,
            old_combo: parts.combo,
            hot,
            init_page: false,
            old_all_visible_cleared: page.flags() & PD_ALL_VISIBLE != 0,
            new_all_visible_cleared: false,
            new_xmax: parts.new_xmax,
            body: UpdateBody::Complete { tuple: &tuple, prefix, suffix },
        };
        let context = self.context;
        let logging = page::logging(self.relation, self.xid);
        let mut map = if change.old_all_visible_cleared {
            self.old_map.latch_if_set(context, self.relation, block, MAP_BITS)?
        } else {
            None
        };
        let heap = Registered::new(&mut page).standard();
        match &mut map {
            Some(map) => context.pool.change(&change, logging, &mut [heap, Registered::new(map).id(3)])?,
            None => context.pool.change(&change, logging, &mut [heap])?,
        };
        Ok(self.done(new, hot))
    }

    /// After [`Job::lock_meanwhile`]: the row is ours, so that its header can only have gained other lockers.
    fn place_anywhere(&self, mut tuple: Vec<u8>) -> Result<Updated> {
        let mut search = Search::new(self.context, self.relation, tuple.len(), false, 1)?;
        loop {
            // Pruning or other updates may have made room meanwhile.
            let page = self.pin.write();
            if search.fits_tightly(&page) {
                let header = Header::read(page.item(self.tid.offset));
                return self.place_here(page, &header, tuple);
            }
            drop(page);
            let candidate = search.candidate(None)?;
            if candidate.block() == self.tid.block {
                let free = self.pin.read().heap_free_space();
                search.reject(candidate.block(), free, None)?;
                continue;
            }
            let new_map = MapPin::default();
            // Latches of two heap pages are taken in the order of their blocks.
            let (mut old_page, mut new_page);
            if candidate.block() < self.tid.block {
                new_page = candidate.write();
                old_page = self.pin.write();
            } else {
                old_page = self.pin.write();
                new_page = candidate.write();
            }
            if search.fits(&new_page) {
                return self.place_there(&mut old_page, &mut new_page, (self.old_map, &new_map), &mut tuple);
            }
            let free = new_page.heap_free_space();
            drop(new_page);
            drop(old_page);
            search.reject(candidate.block(), free, None)?;
        }
    }

    fn place_there<'p>(
        &self,
        old_page: &mut PageWrite<'p>,
        new_page: &mut PageWrite<'p>,
        maps: (&'p MapPin, &'p MapPin),
        tuple: &mut [u8],
    ) -> Result<Updated> {
        let header = Header::read(old_page.item(self.tid.offset));
        let new_block = new_page.pin().block();
        let new = Tid { block: new_block, offset: free_offset(new_page) };
        let parts = self.stamp(tuple, &header, false)?;
        HeaderMut(tuple).set_ctid(new);
        // Readers who come by are told that pruning could make room here.
        if old_page.flags() & PD_PAGE_FULL == 0 {
            old_page.hint(|page| page.set_flags(page.flags() | PD_PAGE_FULL));
        }
        let init = new_page.max_offset().0 == 0;
        let change = Update {
            old: self.tid,
            new,
            xid: self.xid.low(),
            old_xmax: parts.old_xmax,
            old_command: parts.command,
            old_combo: parts.combo,
            hot: false,
            init_page: init,
            old_all_visible_cleared: old_page.flags() & PD_ALL_VISIBLE != 0,
            new_all_visible_cleared: new_page.flags() & PD_ALL_VISIBLE != 0,
            new_xmax: parts.new_xmax,
            body: UpdateBody::Complete { tuple, prefix: 0, suffix: 0 },
        };
        self.change_two_pages(&change, old_page, new_page, maps, init)?;
        Ok(self.done(new, false))
    }

    fn change_two_pages<'p>(
        &self,
        change: &Update<'_>,
        old_page: &mut PageWrite<'p>,
        new_page: &mut PageWrite<'p>,
        maps: (&'p MapPin, &'p MapPin),
        init: bool,
    ) -> Result<()> {
        let (context, relation) = (self.context, self.relation);
        let (old_block, new_block) = (change.old.block, change.new.block);
        let same = change.old_all_visible_cleared
            && change.new_all_visible_cleared
            && maps.0.get(context, relation, old_block)?.block()
                == maps.1.get(context, relation, new_block)?.block();
        let latch_old = || match change.old_all_visible_cleared && !same {
            true => maps.0.latch_if_set(context, relation, old_block, MAP_BITS),
            false => Ok(None),
        };
        let latch_new = || -> Result<Option<PageWrite<'p>>> {
            if !change.new_all_visible_cleared {
                return Ok(None);
            }
            let map = maps.1.get(context, relation, new_block)?.write();
            let set = vm::bits(&map, new_block) != 0 || same && vm::bits(&map, old_block) != 0;
            Ok(Some(map).filter(|_| set))
        };
        // Latches of map pages are taken in the order of their blocks, which is that of the heap's.
        let (mut old_map, mut new_map);
        if old_block < new_block {
            old_map = latch_old()?;
            new_map = latch_new()?;
        } else {
            new_map = latch_new()?;
            old_map = latch_old()?;
        }
        let new = Registered::new(new_page).standard();
        let new = if init { new.will_init() } else { new };
        let mut pages = vec![new, Registered::new(old_page).standard()];
        if let Some(map) = &mut new_map {
            pages.push(Registered::new(map).id(2));
        }
        if let Some(map) = &mut old_map {
            pages.push(Registered::new(map).id(3));
        }
        context.pool.change(change, page::logging(relation, self.xid), &mut pages)?;
        Ok(())
    }

    /// Completes the new version's header but for its ctid, and works out the old one's.
    fn stamp(&self, tuple: &mut [u8], header: &Header, hot: bool) -> Result<Parts> {
        let tx = &self.context.transaction;
        let old_xmax = add_to_xmax(&self.judge, tx, header, self.xid, self.mode, true)?;
        let inherited = self.inherited_lockers(header, &old_xmax)?;
        let (command, combo) = delete_command(self.context, &self.judge, header, self.command)?;
        let mut new = HeaderMut(tuple);
        let hot_mask = if hot { HEAP_ONLY } else { 0 };
        new.set_mask2(new.mask2() & crate::header::ATTRIBUTES_MASK | hot_mask | inherited.mask2);
        new.set_mask(new.mask() | UPDATED | if inherited.xmax == 0 { XMAX_INVALID } else { inherited.mask });
        new.set_xmin(self.xid.low());
        new.set_xmax(inherited.xmax);
        new.set_cmin(self.command);
        Ok(Parts { old_xmax, new_xmax: inherited.xmax, command, combo })
    }

    /// Those who hold a lock on the old version that does not conflict with the update hold it on the new one too.
    fn inherited_lockers(&self, header: &Header, old_xmax: &Xmax) -> Result<Xmax> {
        let nobody = header.mask.has(XMAX_INVALID)
            || header.mask.locked_upgraded()
            || !header.mask.locked_only()
            || old_xmax.mask & crate::header::XMAX_IS_MULTI == 0;
        if nobody {
            return Ok(Xmax::default());
        }
        let tx = &self.context.transaction;
        if !header.mask.is_multi() {
            let (mask, mask2) = match crate::xmax::plain_status(header) {
                Some(status) => {
                    let (bits, bits2) = multi_bits(&[Member { xid: self.judge.widen(header.xmax), status }]);
                    (bits & !crate::header::XMAX_IS_MULTI, bits2)
                }
                None => return Ok(Xmax::default()),
            };
            return Ok(Xmax { xmax: header.xmax, mask, mask2 });
        }
        let members = tx.transactions().multixacts().members(MultiXactId(header.xmax))?;
        let (mask, mask2) = multi_bits(&members);
        Ok(Xmax { xmax: header.xmax, mask, mask2 })
    }

    fn done(&self, tid: Tid, hot: bool) -> Updated {
        let indexes = match (hot, self.modified.summarized) {
            (true, false) => IndexesToUpdate::None,
            (true, true) => IndexesToUpdate::Summarizing,
            (false, _) => IndexesToUpdate::All,
        };
        Updated { tid, indexes, row_lock: self.mode }
    }
}

struct Parts {
    old_xmax: Xmax,
    new_xmax: u32,
    command: CommandId,
    combo: bool,
}

/// The line pointer that a new tuple will get.
fn free_offset(page: &PageWrite<'_>) -> OffsetNumber {
    if page.flags() & crate::header::PD_HAS_FREE_LINES != 0 {
        let unused =
            page::offsets(page).find(|offset| page.item_id(*offset).state() == storage::LinePointer::Unused);
        if let Some(offset) = unused {
            return offset;
        }
    }
    OffsetNumber(page.max_offset().0 + 1)
}

/// How many attribute bytes at the start and at the end are the same in both; too few are not worth the lengths.
fn shared_bytes(old: &[u8], new: &[u8]) -> (u16, u16) {
    const WORTH: usize = 4;
    let (old, new) = (&old[usize::from(old[22])..], &new[usize::from(new[22])..]);
    let least = old.len().min(new.len());
    let mut prefix = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    if prefix < WORTH {
        prefix = 0;
    }
    let mut suffix =
        old.iter().rev().zip(new.iter().rev()).take(least - prefix).take_while(|(a, b)| a == b).count();
    if suffix < WORTH {
        suffix = 0;
    }
    (prefix as u16, suffix as u16)
}

/// Applies a change that sets xmax on a page: should the page be marked all-frozen, it is so no longer. `make` gets
/// whether that is the case.
pub(crate) fn change_clearing_frozen<'p, 'r, C: wal::Change<'r>>(
    context: &Context,
    relation: &Relation,
    xid: Xid,
    page: &mut PageWrite<'p>,
    map: &'p MapPin,
    make: impl FnOnce(bool) -> C,
) -> Result<()> {
    let logging = page::logging(relation, xid);
    let block = page.pin().block();
    let mut map = if page.flags() & PD_ALL_VISIBLE == 0 {
        None
    } else {
        map.latch_if_set(context, relation, block, vm::ALL_FROZEN)?
    };
    let change = make(map.is_some());
    let heap = Registered::new(page).standard();
    match &mut map {
        Some(map) => context.pool.change(&change, logging, &mut [heap, Registered::new(map)])?,
        None => context.pool.change(&change, logging, &mut [heap])?,
    };
    Ok(())
}

/// Overwrites the attributes of a catalog row, for everyone and whatever becomes of this transaction: only facts
/// that are hints (statistics) or that hold anyway are written so. The new values take exactly the old ones' room.
///
/// # Errors
/// `XX000` when the length differs or the row is gone.
pub fn update_in_place(
    context: &Context,
    relation: &Relation,
    tid: Tid,
    values: &[Option<Datum<'_>>],
) -> Result<()> {
    let tuple = toast::form_plain(relation, values, &[])?;
    let view = TupleView::new(&tuple)?;
    let pin = page::pin(context, relation, tid.block)?;
    let mut page = pin.write();
    if !page::is_normal(&page, tid.offset) {
        return Err(Error::internal("invalid lp"));
    }
    let old = TupleView::new(page.item(tid.offset))?;
    if old.data().len() != view.data().len() || old.header_size() != view.header_size() {
        return Err(Error::internal("wrong tuple length"));
    }
    let change = InPlace {
        offset: tid.offset,
        database: relation.locator.database.0,
        tablespace: relation.locator.tablespace.0,
        data: Cow::Owned(view.data().to_vec()),
        messages: Vec::new(),
    };
    let logging = page::logging(relation, Xid::INVALID);
    context.pool.change(&change, logging, &mut [Registered::new(&mut page).standard()])?;
    Ok(())
}
