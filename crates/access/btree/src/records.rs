//! The B-tree's WAL records but for splits and page deletion. Each is declared once; forward execution and redo
//! change pages by its `apply`.

use crate::dedup::{Interval, deduplicated};
use crate::page::{self, INCOMPLETE_SPLIT, LEAF, Meta, NONE, Opaque, ROOT};
use crate::tuple::{IndexTuple, shorten_posting, size_at, swap_posting};
use base::bytes::Reader;
use base::{BlockNumber, Error, OffsetNumber, Result};
use std::borrow::Cow;
use storage::Page;
use wal::{Change, Record, RecordWriter, RmgrId};

pub const INSERT_LEAF: u8 = 0x00;
pub const INSERT_UPPER: u8 = 0x10;
pub const INSERT_META: u8 = 0x20;
pub const SPLIT_L: u8 = 0x30;
pub const SPLIT_R: u8 = 0x40;
pub const INSERT_POST: u8 = 0x50;
pub const DEDUP: u8 = 0x60;
pub const DELETE: u8 = 0x70;
pub const UNLINK_PAGE: u8 = 0x80;
pub const UNLINK_PAGE_META: u8 = 0x90;
pub const NEW_ROOT: u8 = 0xA0;
pub const MARK_PAGE_HALF_DEAD: u8 = 0xB0;
pub const VACUUM: u8 = 0xC0;
pub const REUSE_PAGE: u8 = 0xD0;
pub const META_CLEANUP: u8 = 0xE0;

pub(crate) fn missing(what: &str) -> Error {
    Error::corrupted(format!("btree {what} record without its page"))
}

/// Adds an item where it is known to fit.
pub(crate) fn add_item(page: &mut Page, item: &[u8], offset: OffsetNumber) {
    let added = page.add_item(item, Some(offset), false, false);
    assert_eq!(added, Some(offset), "failed to add an item to an index page");
}

/// Puts items back that lie end to end, the last one first: as they are between pd_upper and the special area.
pub(crate) fn restore_items(page: &mut Page, raw: &[u8]) {
    let mut items = Vec::new();
    let mut rest = raw;
    while let Some(size) = size_at(rest) {
        let size = size.clamp(8, rest.len());
        items.push(&rest[..size]);
        rest = &rest[size..];
    }
    for (number, item) in items.iter().rev().enumerate() {
        add_item(page, item, OffsetNumber(number as u16 + 1));
    }
}

pub(crate) fn clear_incomplete_split(page: &mut Page) {
    let mut opaque = Opaque::read(page);
    opaque.flags &= !INCOMPLETE_SPLIT;
    opaque.write(page);
}

/// An item goes onto a page that has room for it.
pub struct Insert<'r> {
    pub offset: OffsetNumber,
    /// As it was to be inserted; in a posting list split, before the swap of tids.
    pub item: Cow<'r, [u8]>,
    /// Where in the posting list before it the new tid goes; 0 for none.
    pub posting_split: u16,
    /// On an inner page: block 1 is the child whose split this completes.
    pub inner: bool,
    /// Block 2: the metapage learns of a new fast root.
    pub meta: Option<Meta>,
}

impl<'r> Change<'r> for Insert<'r> {
    const RMGR: RmgrId = RmgrId::BTREE;

    fn info(&self) -> u8 {
        match (self.inner, self.posting_split > 0, self.meta.is_some()) {
            (false, true, _) => INSERT_POST,
            (false, false, _) => INSERT_LEAF,
            (true, _, true) => INSERT_META,
            (true, _, false) => INSERT_UPPER,
        }
    }

    fn encode(&self, out: &mut RecordWriter) {
        out.main(&self.offset.0.to_le_bytes());
        if self.posting_split > 0 {
            out.block(0, &self.posting_split.to_le_bytes());
        }
        out.block(0, &self.item);
        if let Some(meta) = &self.meta {
            out.block(2, &meta.logged());
        }
    }

    fn decode(record: &Record<'r>) -> Result<Insert<'r>> {
        let offset = OffsetNumber(record.reader().u16()?);
        let block = record.block(0).ok_or_else(|| missing("insert"))?;
        let mut data = Reader::new(record.data(0));
        let posting = record.op() == INSERT_POST && block.has_data;
        let posting_split = if posting { data.u16()? } else { 0 };
        let meta = match record.op() {
            INSERT_META => Some(Meta::from_logged(record.data(2))?),
            _ => None,
        };
        let inner = matches!(record.op(), INSERT_UPPER | INSERT_META);
        Ok(Insert { offset, item: Cow::Borrowed(data.rest()), posting_split, inner, meta })
    }

    fn apply(&self, block: u8, page: &mut Page) {
        match (block, &self.meta) {
            (0, _) if self.posting_split > 0 => {
                let at = OffsetNumber(self.offset.0 - 1);
                let (posting, item) =
                    swap_posting(&self.item, page.item(at), usize::from(self.posting_split));
                page.item_mut(at).copy_from_slice(&posting);
                add_item(page, &item, self.offset);
            }
            (0, _) => add_item(page, &self.item, self.offset),
            (1, _) => clear_incomplete_split(page),
            (_, Some(meta)) => meta.write(page),
            _ => {}
        }
    }
}

/// A new root: the first page of an index, or one above two pages that were the root before.
pub struct NewRoot<'r> {
    pub root: BlockNumber,
    pub level: u32,
    /// The root's items, end to end, the last one first.
    pub items: Cow<'r, [u8]>,
    pub meta: Meta,
}

impl<'r> Change<'r> for NewRoot<'r> {
    const RMGR: RmgrId = RmgrId::BTREE;

    fn info(&self) -> u8 {
        NEW_ROOT
    }

    fn encode(&self, out: &mut RecordWriter) {
        out.main(&self.root.0.to_le_bytes());
        out.main(&self.level.to_le_bytes());
        if self.level > 0 {
            out.block(0, &self.items);
        }
        out.block(2, &self.meta.logged());
    }

    fn decode(record: &Record<'r>) -> Result<NewRoot<'r>> {
        let mut main = record.reader();
        let (root, level) = (BlockNumber(main.u32()?), main.u32()?);
        let meta = Meta::from_logged(record.data(2))?;
        Ok(NewRoot { root, level, items: Cow::Borrowed(record.data(0)), meta })
    }

    fn apply(&self, block: u8, page: &mut Page) {
        match block {
            0 => {
                let flags = if self.level == 0 { ROOT | LEAF } else { ROOT };
                page::init(page, Opaque { previous: NONE, next: NONE, level: self.level, flags, cycle: 0 });
                restore_items(page, &self.items);
            }
            1 => clear_incomplete_split(page),
            _ => self.meta.write(page),
        }
    }
}

/// Equal items become posting lists.
pub struct Dedup {
    pub intervals: Vec<Interval>,
}

impl Change<'_> for Dedup {
    const RMGR: RmgrId = RmgrId::BTREE;

    fn info(&self) -> u8 {
        DEDUP
    }

    fn encode(&self, out: &mut RecordWriter) {
        out.main(&(self.intervals.len() as u16).to_le_bytes());
        for interval in &self.intervals {
            out.block(0, &interval.start.0.to_le_bytes());
            out.block(0, &interval.items.to_le_bytes());
        }
    }

    fn decode(record: &Record<'_>) -> Result<Dedup> {
        let count = record.reader().u16()?;
        let mut intervals = Vec::new();
        if record.block(0).is_some_and(|block| block.has_data) {
            let mut data = Reader::new(record.data(0));
            for _ in 0..count {
                intervals.push(Interval { start: OffsetNumber(data.u16()?), items: data.u16()? });
            }
        }
        Ok(Dedup { intervals })
    }

    fn apply(&self, _: u8, page: &mut Page) {
        let new = deduplicated(page, &self.intervals);
        page.bytes_mut().copy_from_slice(new.bytes());
    }
}

/// Which tids go from which item of a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemChanges {
    /// Items that go altogether, ascending.
    pub deleted: Vec<OffsetNumber>,
    /// Posting lists that lose tids, and how many.
    updated: Vec<(OffsetNumber, u16)>,
    /// The numbers of these tids, ascending for each list, one list after the other.
    gone: Vec<u16>,
}

impl ItemChanges {
    pub fn is_empty(&self) -> bool {
        self.deleted.is_empty() && self.updated.is_empty()
    }

    /// The posting list at `offset` loses the tids with these numbers. Lists come in ascending order.
    pub fn shorten(&mut self, offset: OffsetNumber, numbers: impl ExactSizeIterator<Item = u16>) {
        self.updated.push((offset, numbers.len() as u16));
        self.gone.extend(numbers);
    }

    /// The posting lists, each with the numbers of the tids that go.
    fn shortened(&self) -> impl Iterator<Item = (OffsetNumber, &[u16])> {
        let mut rest = &self.gone[..];
        self.updated.iter().map(move |(offset, count)| {
            let (numbers, later) = rest.split_at(usize::from(*count));
            rest = later;
            (*offset, numbers)
        })
    }

    fn encode(&self, out: &mut RecordWriter) {
        let mut data =
            Vec::with_capacity(2 * (self.deleted.len() + 2 * self.updated.len() + self.gone.len()));
        let mut put = |number: u16| data.extend_from_slice(&number.to_le_bytes());
        self.deleted.iter().for_each(|offset| put(offset.0));
        self.updated.iter().for_each(|(offset, _)| put(offset.0));
        for (_, numbers) in self.shortened() {
            put(numbers.len() as u16);
            numbers.iter().for_each(|number| put(*number));
        }
        out.block(0, &data);
    }

    fn decode(record: &Record<'_>, deleted: u16, updated: u16) -> Result<ItemChanges> {
        let mut changes = ItemChanges::default();
        if record.block(0).is_none_or(|block| !block.has_data) {
            return Ok(changes);
        }
        let mut data = Reader::new(record.data(0));
        for _ in 0..deleted {
            changes.deleted.push(OffsetNumber(data.u16()?));
        }
        for _ in 0..updated {
            changes.updated.push((OffsetNumber(data.u16()?), 0));
        }
        for (_, count) in &mut changes.updated {
            *count = data.u16()?;
            for _ in 0..*count {
                changes.gone.push(data.u16()?);
            }
        }
        Ok(changes)
    }

    fn apply(&self, page: &mut Page) {
        if self.updated.is_empty() {
            page.index_multi_delete(&self.deleted);
        } else {
            let mut tuples = Vec::new();
            let mut ends = Vec::with_capacity(self.updated.len());
            for (offset, gone) in self.shortened() {
                shorten_posting(IndexTuple(page.item(offset)), gone, &mut tuples);
                ends.push((offset, tuples.len()));
            }
            let mut start = 0;
            let changed: Vec<(OffsetNumber, &[u8])> = ends
                .into_iter()
                .map(|(offset, end)| (offset, &tuples[std::mem::replace(&mut start, end)..end]))
                .collect();
            page.index_multi_change(&self.deleted, &changed);
        }
        let mut opaque = Opaque::read(page);
        opaque.flags &= !page::HAS_GARBAGE;
        opaque.write(page);
    }
}

/// Items that lead to nothing any more go before their page would be split.
pub struct Delete {
    pub changes: ItemChanges,
    pub conflict_horizon: u32,
    pub is_catalog: bool,
}

impl Change<'_> for Delete {
    const RMGR: RmgrId = RmgrId::BTREE;

    fn info(&self) -> u8 {
        DELETE
    }

    fn encode(&self, out: &mut RecordWriter) {
        out.main(&self.conflict_horizon.to_le_bytes());
        out.main(&(self.changes.deleted.len() as u16).to_le_bytes());
        out.main(&(self.changes.updated.len() as u16).to_le_bytes());
        out.main(&[u8::from(self.is_catalog)]);
        self.changes.encode(out);
    }

    fn decode(record: &Record<'_>) -> Result<Delete> {
        let mut main = record.reader();
        let (conflict_horizon, deleted, updated) = (main.u32()?, main.u16()?, main.u16()?);
        let is_catalog = main.u8()? != 0;
        Ok(Delete { changes: ItemChanges::decode(record, deleted, updated)?, conflict_horizon, is_catalog })
    }

    fn apply(&self, _: u8, page: &mut Page) {
        self.changes.apply(page);
    }
}

/// VACUUM removes the items of dead rows.
pub struct Vacuum {
    pub changes: ItemChanges,
}

impl Change<'_> for Vacuum {
    const RMGR: RmgrId = RmgrId::BTREE;

    fn info(&self) -> u8 {
        VACUUM
    }

    fn encode(&self, out: &mut RecordWriter) {
        out.main(&(self.changes.deleted.len() as u16).to_le_bytes());
        out.main(&(self.changes.updated.len() as u16).to_le_bytes());
        self.changes.encode(out);
    }

    fn decode(record: &Record<'_>) -> Result<Vacuum> {
        let mut main = record.reader();
        let (deleted, updated) = (main.u16()?, main.u16()?);
        Ok(Vacuum { changes: ItemChanges::decode(record, deleted, updated)? })
    }

    fn apply(&self, _: u8, page: &mut Page) {
        self.changes.apply(page);
        let mut opaque = Opaque::read(page);
        opaque.cycle = 0;
        opaque.write(page);
    }
}

/// What VACUUM tells the metapage.
pub struct MetaCleanup {
    pub meta: Meta,
}

impl Change<'_> for MetaCleanup {
    const RMGR: RmgrId = RmgrId::BTREE;

    fn info(&self) -> u8 {
        META_CLEANUP
    }

    fn encode(&self, out: &mut RecordWriter) {
        out.block(0, &self.meta.logged());
    }

    fn decode(record: &Record<'_>) -> Result<MetaCleanup> {
        Ok(MetaCleanup { meta: Meta::from_logged(record.data(0))? })
    }

    fn apply(&self, _: u8, page: &mut Page) {
        self.meta.write(page);
    }
}
