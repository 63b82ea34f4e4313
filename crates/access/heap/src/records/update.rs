//! XLOG_HEAP_UPDATE and XLOG_HEAP_HOT_UPDATE.
//!
//! A new version on the same page shares a prefix and a suffix of its attribute bytes with the old one more often
//! than not; the record then leaves those out.

use super::{HEAP_HOT_UPDATE, HEAP_UPDATE, INIT_PAGE, Xmax};
use super::{add_tuple, clear_all_visible, rebuild_tuple, set_hot_updated, set_prunable};
use crate::header::HeaderMut;
use base::bytes::{Reader, put_u32};
use base::{BlockNumber, CommandId, Error, OffsetNumber, Result, Tid};
use buffer::vm;
use datum::TUPLE_HEADER_SIZE;
use std::borrow::Cow;
use storage::Page;
use wal::{Change, Record, RecordWriter, RmgrId};

const OLD_ALL_VISIBLE_CLEARED: u8 = 1 << 0;
const NEW_ALL_VISIBLE_CLEARED: u8 = 1 << 1;
const PREFIX_FROM_OLD: u8 = 1 << 5;
const SUFFIX_FROM_OLD: u8 = 1 << 6;

/// Heap blocks that one page of the visibility map covers: two bits each.
const HEAP_BLOCKS_PER_MAP_PAGE: u32 = (8192 - 24) * 4;

pub struct Update<'r> {
    pub old: Tid,
    pub new: Tid,
    pub xid: u32,
    pub old_xmax: Xmax,
    pub old_command: CommandId,
    pub old_combo: bool,
    pub hot: bool,
    pub init_page: bool,
    pub old_all_visible_cleared: bool,
    pub new_all_visible_cleared: bool,
    /// xmax of the new version: lockers that it inherits.
    pub new_xmax: u32,
    pub body: UpdateBody<'r>,
}

/// The new version.
pub enum UpdateBody<'r> {
    /// Complete, with how many of its attribute bytes equal the old version's.
    Complete { tuple: &'r [u8], prefix: u16, suffix: u16 },
    /// As decoded: to be put together with the old version.
    Partial { mask2: u16, mask: u16, header_size: u8, prefix: u16, suffix: u16, data: &'r [u8] },
}

impl Update<'_> {
    fn same_page(&self) -> bool {
        self.old.block == self.new.block
    }

    fn change_old(&self, page: &mut Page) {
        set_prunable(page, self.xid);
        if self.old_all_visible_cleared {
            clear_all_visible(page);
        }
        let tuple = page.item_mut(self.old.offset);
        self.old_xmax.put(tuple);
        let mut header = HeaderMut(tuple);
        header.set_mask2(set_hot_updated(header.mask2(), self.hot));
        header.set_cmax(self.old_command, self.old_combo);
        header.set_ctid(self.new);
    }

    fn add_new(&self, page: &mut Page) {
        if self.init_page {
            page.init(0);
        }
        let tuple = match &self.body {
            UpdateBody::Complete { tuple, .. } => Cow::Borrowed(*tuple),
            UpdateBody::Partial { mask2, mask, header_size, prefix, suffix, data } => {
                let bitmap = usize::from(*header_size).saturating_sub(TUPLE_HEADER_SIZE).min(data.len());
                let (mut start, mut end): (&[u8], &[u8]) = (&[], &[]);
                if *prefix > 0 || *suffix > 0 {
                    let old = page.item(self.old.offset);
                    let attributes = usize::from(old[22]);
                    start = &old[attributes..attributes + usize::from(*prefix)];
                    end = &old[old.len() - usize::from(*suffix)..];
                }
                let body = [&data[..bitmap], start, &data[bitmap..], end];
                let mut tuple = rebuild_tuple(*mask2, *mask, *header_size, self.xid, self.new, &body);
                put_u32(&mut tuple, 4, self.new_xmax);
                Cow::Owned(tuple)
            }
        };
        add_tuple(page, &tuple, self.new.offset);
        if self.new_all_visible_cleared {
            clear_all_visible(page);
        }
    }

    fn clear_map(&self, id: u8, page: &mut Page) {
        let bits = vm::ALL_VISIBLE | vm::ALL_FROZEN;
        let map_page = |block: BlockNumber| block.0 / HEAP_BLOCKS_PER_MAP_PAGE;
        if id == 3 {
            vm::clear_bits(page, self.old.block, bits);
            return;
        }
        vm::clear_bits(page, self.new.block, bits);
        if self.old_all_visible_cleared && map_page(self.old.block) == map_page(self.new.block) {
            vm::clear_bits(page, self.old.block, bits);
        }
    }
}

impl<'r> Change<'r> for Update<'r> {
    const RMGR: RmgrId = RmgrId::HEAP;

    fn info(&self) -> u8 {
        let op = if self.hot { HEAP_HOT_UPDATE } else { HEAP_UPDATE };
        op | if self.init_page { INIT_PAGE } else { 0 }
    }

    fn encode(&self, out: &mut RecordWriter) {
        let UpdateBody::Complete { tuple, prefix, suffix } = self.body else {
            unreachable!("only decoded updates are partial, and those are not written again");
        };
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        let flags = flag(self.old_all_visible_cleared, OLD_ALL_VISIBLE_CLEARED)
            | flag(self.new_all_visible_cleared, NEW_ALL_VISIBLE_CLEARED)
            | flag(prefix > 0, PREFIX_FROM_OLD)
            | flag(suffix > 0, SUFFIX_FROM_OLD);
        out.main(&self.old_xmax.xmax.to_le_bytes());
        out.main(&self.old.offset.0.to_le_bytes());
        out.main(&[self.old_xmax.infobits(), flags]);
        out.main(&self.new_xmax.to_le_bytes());
        out.main(&self.new.offset.0.to_le_bytes());
        if prefix > 0 {
            out.block(0, &prefix.to_le_bytes());
        }
        if suffix > 0 {
            out.block(0, &suffix.to_le_bytes());
        }
        let header_size = usize::from(tuple[22]);
        out.block(0, &tuple[18..header_size]);
        out.block(0, &tuple[header_size + usize::from(prefix)..tuple.len() - usize::from(suffix)]);
    }

    fn decode(record: &Record<'r>) -> Result<Update<'r>> {
        let mut main = record.reader();
        let old_xmax = main.u32()?;
        let old_offset = OffsetNumber(main.u16()?);
        let (infobits, flags) = (main.u8()?, main.u8()?);
        let new_xmax = main.u32()?;
        let new_offset = OffsetNumber(main.u16()?);
        let new = record.block(0).ok_or_else(|| Error::corrupted("heap update record without a page"))?;
        let old_block = record.block(1).map_or(new.block, |block| block.block);
        let mut body =
            UpdateBody::Partial { mask2: 0, mask: 0, header_size: 0, prefix: 0, suffix: 0, data: &[] };
        if new.has_data {
            let mut data = Reader::new(record.data(0));
            let prefix = if flags & PREFIX_FROM_OLD != 0 { data.u16()? } else { 0 };
            let suffix = if flags & SUFFIX_FROM_OLD != 0 { data.u16()? } else { 0 };
            let (mask2, mask, header_size) = (data.u16()?, data.u16()?, data.u8()?);
            body = UpdateBody::Partial { mask2, mask, header_size, prefix, suffix, data: data.rest() };
        }
        Ok(Update {
            old: Tid { block: old_block, offset: old_offset },
            new: Tid { block: new.block, offset: new_offset },
            xid: record.xid,
            old_xmax: Xmax::from_infobits(old_xmax, infobits),
            old_command: CommandId(0),
            old_combo: false,
            hot: record.info & super::OP_MASK == HEAP_HOT_UPDATE,
            init_page: record.info & INIT_PAGE != 0,
            old_all_visible_cleared: flags & OLD_ALL_VISIBLE_CLEARED != 0,
            new_all_visible_cleared: flags & NEW_ALL_VISIBLE_CLEARED != 0,
            new_xmax,
            body,
        })
    }

    fn apply(&self, block: u8, page: &mut Page) {
        match block {
            0 => {
                if self.same_page() {
                    self.change_old(page);
                }
                self.add_new(page);
            }
            1 => self.change_old(page),
            map => self.clear_map(map, page),
        }
    }
}
