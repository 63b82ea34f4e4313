//! XLOG_HEAP_INSERT, XLOG_HEAP2_MULTI_INSERT, XLOG_HEAP_CONFIRM, XLOG_HEAP_INPLACE.

use super::{HEAP_CONFIRM, HEAP_INPLACE, HEAP_INSERT, HEAP2_MULTI_INSERT, INIT_PAGE};
use super::{add_tuple, clear_all_visible, rebuild_tuple};
use crate::header::PD_ALL_VISIBLE;
use base::bytes::Reader;
use base::{Error, OffsetNumber, Result, Tid};
use buffer::vm;
use datum::TUPLE_HEADER_SIZE;
use std::borrow::Cow;
use storage::Page;
use wal::{Change, Record, RecordWriter, RmgrId};

const ALL_VISIBLE_CLEARED: u8 = 1 << 0;
const LAST_IN_MULTI: u8 = 1 << 1;
const IS_SPECULATIVE: u8 = 1 << 2;
const ALL_FROZEN_SET: u8 = 1 << 5;

/// A tuple and the line pointer it gets.
#[derive(Clone, Debug)]
pub struct NewTuple<'r> {
    pub offset: OffsetNumber,
    /// Complete, header first. Its ctid already points to itself, or holds a speculative token.
    pub tuple: Cow<'r, [u8]>,
}

pub struct Insert<'r> {
    pub block: u32,
    pub row: NewTuple<'r>,
    pub init_page: bool,
    pub speculative: bool,
    /// The page was all-visible; block 1, when registered, is the map's page.
    pub all_visible_cleared: bool,
}

impl<'r> Change<'r> for Insert<'r> {
    const RMGR: RmgrId = RmgrId::HEAP;

    fn info(&self) -> u8 {
        HEAP_INSERT | if self.init_page { INIT_PAGE } else { 0 }
    }

    fn encode(&self, out: &mut RecordWriter) {
        let mut flags = 0;
        if self.all_visible_cleared {
            flags |= ALL_VISIBLE_CLEARED;
        }
        if self.speculative {
            flags |= IS_SPECULATIVE;
        }
        out.main(&self.row.offset.0.to_le_bytes());
        out.main(&[flags]);
        out.block(0, &self.row.tuple[18..]);
    }

    fn decode(record: &Record<'r>) -> Result<Insert<'r>> {
        let mut main = record.reader();
        let offset = OffsetNumber(main.u16()?);
        let flags = main.u8()?;
        let block = record.block(0).ok_or_else(|| Error::corrupted("heap insert record without a page"))?;
        let mut tuple = Cow::Borrowed(&[][..]);
        if block.has_data {
            let mut data = Reader::new(record.data(0));
            let (mask2, mask, header_size) = (data.u16()?, data.u16()?, data.u8()?);
            let ctid = Tid { block: block.block, offset };
            tuple = Cow::Owned(rebuild_tuple(mask2, mask, header_size, record.xid, ctid, &[data.rest()]));
        }
        Ok(Insert {
            block: block.block.0,
            row: NewTuple { offset, tuple },
            init_page: record.info & INIT_PAGE != 0,
            speculative: flags & IS_SPECULATIVE != 0,
            all_visible_cleared: flags & ALL_VISIBLE_CLEARED != 0,
        })
    }

    fn apply(&self, block: u8, page: &mut Page) {
        if block != 0 {
            vm::clear_bits(page, base::BlockNumber(self.block), vm::ALL_VISIBLE | vm::ALL_FROZEN);
            return;
        }
        if self.init_page {
            page.init(0);
        }
        add_tuple(page, &self.row.tuple, self.row.offset);
        if self.all_visible_cleared {
            clear_all_visible(page);
        }
    }
}

pub struct MultiInsert<'r> {
    pub block: u32,
    pub rows: Vec<NewTuple<'r>>,
    pub init_page: bool,
    pub all_visible_cleared: bool,
    /// COPY FREEZE into an empty page: every tuple is frozen.
    pub all_frozen_set: bool,
    /// The last record of one multi_insert call, for logical decoding.
    pub last: bool,
}

impl<'r> Change<'r> for MultiInsert<'r> {
    const RMGR: RmgrId = RmgrId::HEAP2;

    fn info(&self) -> u8 {
        HEAP2_MULTI_INSERT | if self.init_page { INIT_PAGE } else { 0 }
    }

    fn encode(&self, out: &mut RecordWriter) {
        let mut flags = 0;
        if self.all_visible_cleared {
            flags |= ALL_VISIBLE_CLEARED;
        }
        if self.all_frozen_set {
            flags |= ALL_FROZEN_SET;
        }
        if self.last {
            flags |= LAST_IN_MULTI;
        }
        // One byte of padding before the count.
        out.main(&[flags, 0]);
        out.main(&(self.rows.len() as u16).to_le_bytes());
        if !self.init_page {
            self.rows.iter().for_each(|row| out.main(&row.offset.0.to_le_bytes()));
        }
        // Three bytes at most come in place of each tuple's first eighteen.
        let mut data = Vec::with_capacity(self.rows.iter().map(|row| row.tuple.len()).sum());
        for row in &self.rows {
            if data.len() % 2 == 1 {
                data.push(0);
            }
            data.extend_from_slice(&((row.tuple.len() - TUPLE_HEADER_SIZE) as u16).to_le_bytes());
            data.extend_from_slice(&row.tuple[18..]);
        }
        out.block_data(0, data);
    }

    fn decode(record: &Record<'r>) -> Result<MultiInsert<'r>> {
        let mut main = record.reader();
        let flags = main.u8()?;
        main.u8()?;
        let count = main.u16()?;
        let init_page = record.info & INIT_PAGE != 0;
        let block = record.block(0).ok_or_else(|| Error::corrupted("heap insert record without a page"))?;
        let mut rows = Vec::new();
        if block.has_data {
            let bytes = record.data(0);
            let mut data = Reader::new(bytes);
            for number in 1..=count {
                let offset = OffsetNumber(if init_page { number } else { main.u16()? });
                if (bytes.len() - data.rest().len()) % 2 == 1 {
                    data.u8()?;
                }
                let len = usize::from(data.u16()?);
                let (mask2, mask, header_size) = (data.u16()?, data.u16()?, data.u8()?);
                let ctid = Tid { block: block.block, offset };
                let body = data.take(len)?;
                let tuple = rebuild_tuple(mask2, mask, header_size, record.xid, ctid, &[body]);
                rows.push(NewTuple { offset, tuple: Cow::Owned(tuple) });
            }
        }
        Ok(MultiInsert {
            block: block.block.0,
            rows,
            init_page,
            all_visible_cleared: flags & ALL_VISIBLE_CLEARED != 0,
            all_frozen_set: flags & ALL_FROZEN_SET != 0,
            last: flags & LAST_IN_MULTI != 0,
        })
    }

    fn apply(&self, block: u8, page: &mut Page) {
        if block != 0 {
            vm::clear_bits(page, base::BlockNumber(self.block), vm::ALL_VISIBLE | vm::ALL_FROZEN);
            return;
        }
        if self.init_page {
            page.init(0);
        }
        self.rows.iter().for_each(|row| add_tuple(page, &row.tuple, row.offset));
        if self.all_visible_cleared {
            clear_all_visible(page);
        }
        if self.all_frozen_set {
            page.set_flags(page.flags() | PD_ALL_VISIBLE);
        }
    }
}

/// A speculative insertion is here to stay.
pub struct Confirm {
    pub tid: Tid,
}

impl Change<'_> for Confirm {
    const RMGR: RmgrId = RmgrId::HEAP;

    fn info(&self) -> u8 {
        HEAP_CONFIRM
    }

    fn encode(&self, out: &mut RecordWriter) {
        out.main(&self.tid.offset.0.to_le_bytes());
    }

    fn decode(record: &Record<'_>) -> Result<Confirm> {
        let offset = OffsetNumber(record.reader().u16()?);
        let block = record.block(0).ok_or_else(|| Error::corrupted("heap confirm record without a page"))?;
        Ok(Confirm { tid: Tid { block: block.block, offset } })
    }

    fn apply(&self, _: u8, page: &mut Page) {
        crate::header::HeaderMut(page.item_mut(self.tid.offset)).set_ctid(self.tid);
    }
}

/// New attribute bytes of the same length, outside of transactions.
pub struct InPlace<'r> {
    pub offset: OffsetNumber,
    pub database: u32,
    pub tablespace: u32,
    /// Everything behind the tuple's header.
    pub data: Cow<'r, [u8]>,
    /// Shared invalidation messages, 16 bytes each, for standbys.
    pub messages: Vec<u8>,
}

impl<'r> Change<'r> for InPlace<'r> {
    const RMGR: RmgrId = RmgrId::HEAP;

    fn info(&self) -> u8 {
        HEAP_INPLACE
    }

    fn encode(&self, out: &mut RecordWriter) {
        out.main(&self.offset.0.to_le_bytes());
        out.main(&[0, 0]);
        out.main(&self.database.to_le_bytes());
        out.main(&self.tablespace.to_le_bytes());
        // relcacheInitFileInval, three bytes of padding, number of messages
        out.main(&[0, 0, 0, 0]);
        out.main(&((self.messages.len() / 16) as i32).to_le_bytes());
        out.main(&self.messages);
        out.block(0, &self.data);
    }

    fn decode(record: &Record<'r>) -> Result<InPlace<'r>> {
        let mut main = record.reader();
        let offset = OffsetNumber(main.u16()?);
        main.u16()?;
        let (database, tablespace) = (main.u32()?, main.u32()?);
        main.u32()?;
        main.u32()?;
        let messages = main.rest().to_vec();
        Ok(InPlace { offset, database, tablespace, data: Cow::Borrowed(record.data(0)), messages })
    }

    fn apply(&self, _: u8, page: &mut Page) {
        let tuple = page.item_mut(self.offset);
        let header = usize::from(tuple[22]);
        tuple[header..].copy_from_slice(&self.data);
    }
}
