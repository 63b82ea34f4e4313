//! INSERT, COPY, speculative insertion for ON CONFLICT.

use crate::header::{HeaderMut, PD_ALL_VISIBLE, SPECULATIVE_OFFSET, XMAX_INVALID, XMIN_FROZEN};
use crate::page::{self, MapPin};
use crate::place::{BulkInsert, Search};
use crate::records::{Confirm, Delete, Insert, MultiInsert, NewTuple, Xmax};
use crate::toast;
use crate::vacuum::set_visible;
use access_api::{Context, Relation};
use base::bytes::max_align;
use base::{BlockNumber, CommandId, Error, OffsetNumber, Result, Tid, Xid};
use buffer::{PageWrite, Registered, vm};
use datum::{Batch, Datum, TUPLE_HEADER_SIZE, Tuples};
use std::borrow::Cow;
use std::ops::Range;
use wal::Change;

#[derive(Clone, Copy, Debug, Default)]
pub struct InsertOptions {
    /// COPY FREEZE and rewrites: the rows are visible to everyone from the start.
    pub frozen: bool,
    /// Do not look for room in the middle of the table.
    pub skip_fsm: bool,
    /// The token of a speculative insertion, to be confirmed or aborted.
    pub speculative: Option<u32>,
}

/// The row of `values` (one per attribute, `None` for null and for dropped ones). Returns where it is.
///
/// # Errors
/// `54000` when the row is too long.
pub fn insert(
    context: &Context,
    relation: &Relation,
    values: &[Option<Datum<'_>>],
    options: &InsertOptions,
    bulk: Option<&mut BulkInsert>,
) -> Result<Tid> {
    let xid = context.transaction.xid()?;
    let mut tuple = toast::form(context, relation, values, Vec::new())?;
    stamp(&mut tuple, xid, context.transaction.command_for_write(), options);
    insert_tuple(context, relation, tuple, xid, options, bulk)
}

/// A header with the fields that say who inserts.
fn stamped(xid: Xid, command: CommandId, options: &InsertOptions) -> [u8; TUPLE_HEADER_SIZE] {
    let mut header = [0; TUPLE_HEADER_SIZE];
    stamp(&mut header, xid, command, options);
    header
}

/// The fields that say who inserts.
fn stamp(tuple: &mut [u8], xid: Xid, command: CommandId, options: &InsertOptions) {
    let mut header = HeaderMut(tuple);
    header.set_xmin(xid.low());
    header.set_xmax(0);
    header.set_mask(header.mask() | XMAX_INVALID | if options.frozen { XMIN_FROZEN } else { 0 });
    header.set_cmin(command);
}

/// A tuple whose header is complete but for its ctid.
pub(crate) fn insert_tuple(
    context: &Context,
    relation: &Relation,
    mut tuple: Vec<u8>,
    xid: Xid,
    options: &InsertOptions,
    mut bulk: Option<&mut BulkInsert>,
) -> Result<Tid> {
    let mut search = Search::new(context, relation, tuple.len(), options.skip_fsm, 1)?;
    loop {
        let pin = search.candidate(bulk.as_deref_mut())?;
        let map = MapPin::default();
        let mut page = pin.write();
        if !search.fits(&page) {
            let free = page.heap_free_space();
            drop(page);
            search.reject(pin.block(), free, bulk.as_deref_mut())?;
            continue;
        }
        let offset = next_offset(&page, 0);
        let tid = Tid { block: pin.block(), offset };
        HeaderMut(&mut tuple).set_ctid(match options.speculative {
            Some(token) => Tid { block: BlockNumber(token), offset: OffsetNumber(SPECULATIVE_OFFSET) },
            None => tid,
        });
        let change = Insert {
            block: tid.block.0,
            init_page: page.max_offset().0 == 0,
            speculative: options.speculative.is_some(),
            all_visible_cleared: page.flags() & PD_ALL_VISIBLE != 0,
            row: NewTuple { offset, tuple: Cow::Borrowed(&tuple) },
        };
        let map = change.all_visible_cleared.then_some(&map);
        change_with_map(context, relation, xid, &change, &mut page, map, change.init_page)?;
        return Ok(tid);
    }
}

/// The offset that the next tuple gets. `added`: tuples that go onto the page before it.
fn next_offset(page: &PageWrite<'_>, added: u16) -> OffsetNumber {
    if page.flags() & crate::header::PD_HAS_FREE_LINES != 0 && !page.is_new() {
        let unused = page::offsets(page)
            .filter(|offset| page.item_id(*offset).state() == storage::LinePointer::Unused)
            .nth(usize::from(added));
        if let Some(offset) = unused {
            return offset;
        }
        let unused_count = page::offsets(page)
            .filter(|offset| page.item_id(*offset).state() == storage::LinePointer::Unused)
            .count() as u16;
        return OffsetNumber(page.max_offset().0 + 1 + added - unused_count);
    }
    OffsetNumber(page.max_offset().0 + 1 + added)
}

/// Applies a change of one heap page. With `map` given, the page's bits in the visibility map are cleared.
pub(crate) fn change_with_map<'p, 'r, C: Change<'r>>(
    context: &Context,
    relation: &Relation,
    xid: Xid,
    change: &C,
    page: &mut PageWrite<'p>,
    map: Option<&'p MapPin>,
    init: bool,
) -> Result<()> {
    let logging = page::logging(relation, xid);
    let block = page.pin().block();
    let mut map = match map {
        Some(map) => map.latch_if_set(context, relation, block, vm::ALL_VISIBLE | vm::ALL_FROZEN)?,
        None => None,
    };
    let heap = Registered::new(page).standard();
    let heap = if init { heap.will_init() } else { heap };
    match &mut map {
        Some(map) => context.pool.change(change, logging, &mut [heap, Registered::new(map)])?,
        None => context.pool.change(change, logging, &mut [heap])?,
    };
    Ok(())
}

/// All rows of a batch, a page of them with one record. `tids` gets one for each, in order.
///
/// # Errors
/// `54000` when a row is too long.
pub fn multi_insert(
    context: &Context,
    relation: &Relation,
    batch: &Batch,
    options: &InsertOptions,
    bulk: &mut BulkInsert,
    tids: &mut Vec<Tid>,
) -> Result<()> {
    let xid = context.transaction.xid()?;
    let command = context.transaction.command_for_write();
    let mut tuples = Tuples::form(&relation.desc, batch, &stamped(xid, command, options))?;
    for row in 0..batch.rows() {
        if toast::is_too_long(relation, tuples.get(row)) {
            let values: Vec<_> = batch.columns().iter().map(|column| column.get(row)).collect();
            let mut tuple = toast::form(context, relation, &values, Vec::new())?;
            stamp(&mut tuple, xid, command, options);
            tuples.replace(row, &tuple);
        }
    }
    insert_tuples(context, relation, &mut tuples, xid, options, bulk, tids)
}

/// Pages that a bulk insertion adds at once at most.
const MAX_EXTEND: u32 = 64;

fn insert_tuples(
    context: &Context,
    relation: &Relation,
    tuples: &mut Tuples,
    xid: Xid,
    options: &InsertOptions,
    bulk: &mut BulkInsert,
    tids: &mut Vec<Tid>,
) -> Result<()> {
    let reserve = crate::place::storage_reserve(relation);
    let room = base::PAGE_SIZE - 24 - reserve.min(base::PAGE_SIZE - 1024);
    let size_of = |tuples: &Tuples, numbers: Range<usize>| -> usize {
        numbers.map(|number| max_align(tuples.length(number)) + 4).sum()
    };
    let mut bytes_left = size_of(tuples, 0..tuples.len());
    let mut start = 0;
    while start < tuples.len() {
        // One page more than is needed would stay empty; the last partial one is left to the next call.
        let extend_by = ((bytes_left / room) as u32).clamp(1, MAX_EXTEND);
        let mut search = Search::new(context, relation, tuples.length(start), options.skip_fsm, extend_by)?;
        let pin = loop {
            let pin = search.candidate(Some(bulk))?;
            let page = pin.read();
            if search.fits(&page) {
                drop(page);
                break pin;
            }
            let free = page.heap_free_space();
            drop(page);
            search.reject(pin.block(), free, Some(bulk))?;
        };
        let map = MapPin::default();
        let mut page = pin.write();
        if !search.fits(&page) {
            continue;
        }
        let count = fill_page(&page, tuples, start, reserve, tids);
        let end = start + count;
        let empty = page.max_offset().0 == 0;
        let all_frozen_set = empty && options.frozen;
        let rows = (start..end)
            .zip(&tids[tids.len() - count..])
            .map(|(number, tid)| NewTuple { offset: tid.offset, tuple: Cow::Borrowed(tuples.get(number)) })
            .collect();
        let change = MultiInsert {
            block: pin.block().0,
            rows,
            init_page: empty,
            all_visible_cleared: page.flags() & PD_ALL_VISIBLE != 0 && !options.frozen,
            all_frozen_set,
            last: end == tuples.len(),
        };
        let clears = change.all_visible_cleared.then_some(&map);
        change_with_map(context, relation, xid, &change, &mut page, clears, empty)?;
        if all_frozen_set {
            let bits = vm::ALL_VISIBLE | vm::ALL_FROZEN;
            set_visible(context, relation, &mut page, &map, bits, Xid::INVALID)?;
        }
        bytes_left -= size_of(tuples, start..end);
        start = end;
    }
    Ok(())
}

/// Assigns offsets on the page to as many tuples from `start` on as fit; at least one does. Returns how many.
fn fill_page(
    page: &PageWrite<'_>,
    tuples: &mut Tuples,
    start: usize,
    reserve: usize,
    tids: &mut Vec<Tid>,
) -> usize {
    let block = page.pin().block();
    let mut free = if page.is_new() {
        base::PAGE_SIZE - storage::PAGE_HEADER
    } else {
        page.upper().saturating_sub(page.lower())
    };
    let mut used = usize::from(page.max_offset().0);
    let last = page.max_offset();
    for number in start..tuples.len() {
        let count = number - start;
        let offset = next_offset(page, count as u16);
        let line_pointer = if offset > last { 4 } else { 0 };
        let size = max_align(tuples.length(number)) + line_pointer;
        let limit = if count == 0 { size } else { size + reserve };
        let too_many = line_pointer > 0 && used >= crate::header::MAX_TUPLES_PER_PAGE;
        if free < limit || (too_many && count > 0) {
            return count;
        }
        if line_pointer > 0 {
            used += 1;
        }
        free -= size.min(free);
        let tid = Tid { block, offset };
        HeaderMut(tuples.get_mut(number)).set_ctid(tid);
        tids.push(tid);
    }
    tuples.len() - start
}

/// The row of a speculative insertion stays.
pub fn confirm_speculative(context: &Context, relation: &Relation, tid: Tid) -> Result<()> {
    let pin = page::pin(context, relation, tid.block)?;
    let mut page = pin.write();
    if !page::is_normal(&page, tid.offset) {
        return Err(Error::internal("invalid lp"));
    }
    let logging = page::logging(relation, context.transaction.xid()?);
    context.pool.change(&Confirm { tid }, logging, &mut [Registered::new(&mut page).standard()])?;
    Ok(())
}

/// The row of a speculative insertion goes, at once: nobody may wait for this transaction because of it.
pub fn abort_speculative(context: &Context, relation: &Relation, tid: Tid) -> Result<()> {
    let withdrawn = withdraw(context, relation, tid)?;
    let Some(toast) = &relation.toast else { return Ok(()) };
    // Its chunks are of the same command, to which a deletion proper could not see them.
    for chunk in toast::external_chunks(context, relation, &withdrawn, &[])? {
        withdraw(context, &toast.heap, chunk)?;
    }
    Ok(())
}

/// Makes a version of this transaction's as if it had never been inserted; returns it as it was.
fn withdraw(context: &Context, relation: &Relation, tid: Tid) -> Result<Vec<u8>> {
    let xid = context.transaction.xid()?;
    let pin = page::pin(context, relation, tid.block)?;
    let map = MapPin::default();
    let mut page = pin.write();
    if !page::is_normal(&page, tid.offset) {
        return Err(Error::internal("invalid lp"));
    }
    let tuple = page.item(tid.offset).to_vec();
    let change = Delete {
        tid,
        xid: xid.low(),
        xmax: Xmax { xmax: xid.low(), mask: 0, mask2: 0 },
        command: CommandId(0),
        combo: false,
        is_super: true,
        partition_move: false,
        all_visible_cleared: page.flags() & PD_ALL_VISIBLE != 0,
    };
    let map = change.all_visible_cleared.then_some(&map);
    change_with_map(context, relation, xid, &change, &mut page, map, false)?;
    Ok(tuple)
}
