//! XLOG_HEAP_DELETE, also that of a speculative insertion that is taken back.

use super::{HEAP_DELETE, Xmax, clear_all_visible, set_hot_updated, set_prunable};
use crate::header::{HeaderMut, MOVED_PARTITIONS_OFFSET};
use base::{BlockNumber, CommandId, Error, OffsetNumber, Result, Tid};
use buffer::vm;
use storage::Page;
use wal::{Change, Record, RecordWriter, RmgrId};

const ALL_VISIBLE_CLEARED: u8 = 1 << 0;
const IS_SUPER: u8 = 1 << 3;
const IS_PARTITION_MOVE: u8 = 1 << 4;

pub struct Delete {
    pub tid: Tid,
    /// The deleter's xid, which the record header carries.
    pub xid: u32,
    pub xmax: Xmax,
    pub command: CommandId,
    pub combo: bool,
    /// Takes back a speculative insertion: the tuple is dead from now on.
    pub is_super: bool,
    pub partition_move: bool,
    pub all_visible_cleared: bool,
}

impl Change<'_> for Delete {
    const RMGR: RmgrId = RmgrId::HEAP;

    fn info(&self) -> u8 {
        HEAP_DELETE
    }

    fn encode(&self, out: &mut RecordWriter) {
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        out.main(&self.xmax.xmax.to_le_bytes());
        out.main(&self.tid.offset.0.to_le_bytes());
        out.main(&[
            self.xmax.infobits(),
            flag(self.all_visible_cleared, ALL_VISIBLE_CLEARED)
                | flag(self.is_super, IS_SUPER)
                | flag(self.partition_move, IS_PARTITION_MOVE),
        ]);
    }

    fn decode(record: &Record<'_>) -> Result<Delete> {
        let mut main = record.reader();
        let (xmax, offset, infobits, flags) =
            (main.u32()?, OffsetNumber(main.u16()?), main.u8()?, main.u8()?);
        let block = record.block(0).ok_or_else(|| Error::corrupted("heap delete record without a page"))?;
        Ok(Delete {
            tid: Tid { block: block.block, offset },
            xid: record.xid,
            xmax: Xmax::from_infobits(xmax, infobits),
            command: CommandId(0),
            combo: false,
            is_super: flags & IS_SUPER != 0,
            partition_move: flags & IS_PARTITION_MOVE != 0,
            all_visible_cleared: flags & ALL_VISIBLE_CLEARED != 0,
        })
    }

    fn apply(&self, block: u8, page: &mut Page) {
        if block != 0 {
            vm::clear_bits(page, self.tid.block, vm::ALL_VISIBLE | vm::ALL_FROZEN);
            return;
        }
        set_prunable(page, self.xid);
        if self.all_visible_cleared {
            clear_all_visible(page);
        }
        let tuple = page.item_mut(self.tid.offset);
        let old_xmax = base::bytes::get_u32(tuple, 4);
        self.xmax.put(tuple);
        let mut header = HeaderMut(tuple);
        header.set_mask2(set_hot_updated(header.mask2(), false));
        if self.is_super {
            header.set_xmin(0);
            header.set_xmax(old_xmax);
        }
        header.set_cmax(self.command, self.combo);
        header.set_ctid(if self.partition_move {
            Tid { block: BlockNumber::INVALID, offset: OffsetNumber(MOVED_PARTITIONS_OFFSET) }
        } else {
            self.tid
        });
    }
}
