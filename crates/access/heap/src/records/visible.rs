//! XLOG_HEAP2_VISIBLE: bits of the visibility map are set. Block 0 is the map's page, block 1 the heap's.

use super::HEAP2_VISIBLE;
use crate::header::PD_ALL_VISIBLE;
use base::{BlockNumber, Error, Result};
use buffer::vm;
use storage::Page;
use wal::{Change, Record, RecordWriter, RmgrId};

const CATALOG_RELATION: u8 = 0x04;

pub struct Visible {
    pub heap_block: BlockNumber,
    pub conflict_horizon: u32,
    /// Of vm::ALL_VISIBLE and vm::ALL_FROZEN.
    pub bits: u8,
    pub is_catalog: bool,
}

impl Change<'_> for Visible {
    const RMGR: RmgrId = RmgrId::HEAP2;

    fn info(&self) -> u8 {
        HEAP2_VISIBLE
    }

    fn encode(&self, out: &mut RecordWriter) {
        out.main(&self.conflict_horizon.to_le_bytes());
        out.main(&[self.bits | if self.is_catalog { CATALOG_RELATION } else { 0 }]);
    }

    fn decode(record: &Record<'_>) -> Result<Visible> {
        let mut main = record.reader();
        let (conflict_horizon, flags) = (main.u32()?, main.u8()?);
        let heap =
            record.block(1).ok_or_else(|| Error::corrupted("visibility record without a heap page"))?;
        Ok(Visible {
            heap_block: heap.block,
            conflict_horizon,
            bits: flags & (vm::ALL_VISIBLE | vm::ALL_FROZEN),
            is_catalog: flags & CATALOG_RELATION != 0,
        })
    }

    fn apply(&self, block: u8, page: &mut Page) {
        if block == 0 {
            if page.is_new() {
                page.init(0);
            }
            vm::set_bits(page, self.heap_block, self.bits);
        } else {
            page.set_flags(page.flags() | PD_ALL_VISIBLE);
        }
    }
}
