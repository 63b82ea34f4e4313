//! XLOG_HEAP_LOCK and XLOG_HEAP2_LOCK_UPDATED.

use super::{HEAP_LOCK, HEAP2_LOCK_UPDATED, Xmax, set_hot_updated};
use crate::header::{HeaderMut, Mask};
use base::{Error, OffsetNumber, Result, Tid};
use buffer::vm;
use storage::Page;
use wal::{Change, Record, RecordWriter, RmgrId};

const ALL_FROZEN_CLEARED: u8 = 0x01;

fn encode(xmax: Xmax, tid: Tid, all_frozen_cleared: bool, out: &mut RecordWriter) {
    out.main(&xmax.xmax.to_le_bytes());
    out.main(&tid.offset.0.to_le_bytes());
    out.main(&[xmax.infobits(), if all_frozen_cleared { ALL_FROZEN_CLEARED } else { 0 }]);
}

fn decode(record: &Record<'_>) -> Result<(Tid, Xmax, bool)> {
    let mut main = record.reader();
    let (xmax, offset, infobits, flags) = (main.u32()?, OffsetNumber(main.u16()?), main.u8()?, main.u8()?);
    let block = record.block(0).ok_or_else(|| Error::corrupted("heap lock record without a page"))?;
    let tid = Tid { block: block.block, offset };
    Ok((tid, Xmax::from_infobits(xmax, infobits), flags & ALL_FROZEN_CLEARED != 0))
}

/// A row is locked, or about to be updated.
pub struct Lock {
    pub tid: Tid,
    pub xmax: Xmax,
    /// Block 1, when registered, is the map's page.
    pub all_frozen_cleared: bool,
}

impl Change<'_> for Lock {
    const RMGR: RmgrId = RmgrId::HEAP;

    fn info(&self) -> u8 {
        HEAP_LOCK
    }

    fn encode(&self, out: &mut RecordWriter) {
        encode(self.xmax, self.tid, self.all_frozen_cleared, out);
    }

    fn decode(record: &Record<'_>) -> Result<Lock> {
        let (tid, xmax, all_frozen_cleared) = decode(record)?;
        Ok(Lock { tid, xmax, all_frozen_cleared })
    }

    fn apply(&self, block: u8, page: &mut Page) {
        if block != 0 {
            vm::clear_bits(page, self.tid.block, vm::ALL_FROZEN);
            return;
        }
        let tuple = page.item_mut(self.tid.offset);
        self.xmax.put(tuple);
        let mut header = HeaderMut(tuple);
        if Mask(header.mask()).locked_only() {
            // What an aborted update left behind goes, but for the command id, which may be the inserter's.
            header.set_mask2(set_hot_updated(header.mask2(), false));
            header.set_ctid(self.tid);
        }
    }
}

/// A later version of a locked row is locked too.
pub struct LockUpdated {
    pub tid: Tid,
    pub xmax: Xmax,
    pub all_frozen_cleared: bool,
}

impl Change<'_> for LockUpdated {
    const RMGR: RmgrId = RmgrId::HEAP2;

    fn info(&self) -> u8 {
        HEAP2_LOCK_UPDATED
    }

    fn encode(&self, out: &mut RecordWriter) {
        encode(self.xmax, self.tid, self.all_frozen_cleared, out);
    }

    fn decode(record: &Record<'_>) -> Result<LockUpdated> {
        let (tid, xmax, all_frozen_cleared) = decode(record)?;
        Ok(LockUpdated { tid, xmax, all_frozen_cleared })
    }

    fn apply(&self, block: u8, page: &mut Page) {
        if block != 0 {
            vm::clear_bits(page, self.tid.block, vm::ALL_FROZEN);
            return;
        }
        self.xmax.put(page.item_mut(self.tid.offset));
    }
}
