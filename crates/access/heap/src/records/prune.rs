//! XLOG_HEAP2_PRUNE_*: line pointers redirected, dead and unused, and tuples frozen.

use super::{HEAP2_PRUNE_ON_ACCESS, HEAP2_PRUNE_VACUUM_CLEANUP, HEAP2_PRUNE_VACUUM_SCAN};
use crate::header::{HeaderMut, MOVED, PD_PAGE_FULL};
use base::bytes::Reader;
use base::{OffsetNumber, Result};
use std::collections::BTreeMap;
use storage::{ItemId, Page};
use wal::{Change, Record, RecordWriter, RmgrId};

const IS_CATALOG: u8 = 1 << 1;
const CLEANUP_LOCK: u8 = 1 << 2;
const HAS_CONFLICT_HORIZON: u8 = 1 << 3;
const HAS_FREEZE_PLANS: u8 = 1 << 4;
const HAS_REDIRECTIONS: u8 = 1 << 5;
const HAS_DEAD_ITEMS: u8 = 1 << 6;
const HAS_NOW_UNUSED_ITEMS: u8 = 1 << 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PruneReason {
    OnAccess,
    VacuumScan,
    VacuumCleanup,
}

/// What a frozen tuple's header becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FreezePlan {
    pub xmax: u32,
    pub mask2: u16,
    pub mask: u16,
    /// For tuples that VACUUM FULL of old moved; always 0 here.
    pub flags: u8,
}

pub struct Prune {
    pub reason: PruneReason,
    pub is_catalog: bool,
    /// Tuples are removed or moved, so nobody may have the page pinned.
    pub cleanup_lock: bool,
    /// The newest xid that a standby's queries must have out of sight; 0 for none.
    pub conflict_horizon: u32,
    pub redirected: Vec<(OffsetNumber, OffsetNumber)>,
    pub dead: Vec<OffsetNumber>,
    pub unused: Vec<OffsetNumber>,
    pub frozen: Vec<(OffsetNumber, FreezePlan)>,
    /// The oldest xid whose end would make pruning worthwhile again, 0 for none. A hint, and so not logged.
    pub new_prune_xid: Option<u32>,
}

impl Prune {
    pub fn new(reason: PruneReason, is_catalog: bool, cleanup_lock: bool) -> Prune {
        Prune {
            reason,
            is_catalog,
            cleanup_lock,
            conflict_horizon: 0,
            redirected: Vec::new(),
            dead: Vec::new(),
            unused: Vec::new(),
            frozen: Vec::new(),
            new_prune_xid: None,
        }
    }

    pub fn changes_items(&self) -> bool {
        !(self.redirected.is_empty() && self.dead.is_empty() && self.unused.is_empty())
    }
}

fn push_offsets(out: &mut RecordWriter, offsets: &[OffsetNumber]) {
    let numbers = std::iter::once(offsets.len() as u16).chain(offsets.iter().map(|offset| offset.0));
    let bytes: Vec<u8> = numbers.flat_map(u16::to_le_bytes).collect();
    out.block(0, &bytes);
}

fn read_offsets(data: &mut Reader<'_>) -> Result<Vec<OffsetNumber>> {
    let count = data.u16()?;
    (0..count).map(|_| Ok(OffsetNumber(data.u16()?))).collect()
}

impl Change<'_> for Prune {
    const RMGR: RmgrId = RmgrId::HEAP2;

    fn info(&self) -> u8 {
        match self.reason {
            PruneReason::OnAccess => HEAP2_PRUNE_ON_ACCESS,
            PruneReason::VacuumScan => HEAP2_PRUNE_VACUUM_SCAN,
            PruneReason::VacuumCleanup => HEAP2_PRUNE_VACUUM_CLEANUP,
        }
    }

    fn encode(&self, out: &mut RecordWriter) {
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        let flags = flag(self.is_catalog, IS_CATALOG)
            | flag(self.cleanup_lock, CLEANUP_LOCK)
            | flag(self.conflict_horizon != 0, HAS_CONFLICT_HORIZON)
            | flag(!self.frozen.is_empty(), HAS_FREEZE_PLANS)
            | flag(!self.redirected.is_empty(), HAS_REDIRECTIONS)
            | flag(!self.dead.is_empty(), HAS_DEAD_ITEMS)
            | flag(!self.unused.is_empty(), HAS_NOW_UNUSED_ITEMS);
        // The first byte, the reason, is a copy of what the record's info says.
        out.main(&[self.reason as u8, flags]);
        if self.conflict_horizon != 0 {
            out.main(&self.conflict_horizon.to_le_bytes());
        }
        let mut plans: BTreeMap<FreezePlan, Vec<OffsetNumber>> = BTreeMap::new();
        for (offset, plan) in &self.frozen {
            plans.entry(*plan).or_default().push(*offset);
        }
        if !plans.is_empty() {
            out.block(0, &(plans.len() as u16).to_le_bytes());
            // The array of plans is aligned to their first field.
            out.block(0, &[0, 0]);
            for (plan, offsets) in &plans {
                out.block(0, &plan.xmax.to_le_bytes());
                out.block(0, &plan.mask2.to_le_bytes());
                out.block(0, &plan.mask.to_le_bytes());
                out.block(0, &[plan.flags, 0]);
                out.block(0, &(offsets.len() as u16).to_le_bytes());
            }
        }
        if !self.redirected.is_empty() {
            out.block(0, &(self.redirected.len() as u16).to_le_bytes());
            for (from, to) in &self.redirected {
                out.block(0, &from.0.to_le_bytes());
                out.block(0, &to.0.to_le_bytes());
            }
        }
        if !self.dead.is_empty() {
            push_offsets(out, &self.dead);
        }
        if !self.unused.is_empty() {
            push_offsets(out, &self.unused);
        }
        let frozen: Vec<u8> = plans.values().flatten().flat_map(|offset| offset.0.to_le_bytes()).collect();
        out.block(0, &frozen);
    }

    fn decode(record: &Record<'_>) -> Result<Prune> {
        let mut main = record.reader();
        main.u8()?;
        let flags = main.u8()?;
        let reason = match record.op() {
            HEAP2_PRUNE_ON_ACCESS => PruneReason::OnAccess,
            HEAP2_PRUNE_VACUUM_SCAN => PruneReason::VacuumScan,
            _ => PruneReason::VacuumCleanup,
        };
        let mut prune = Prune::new(reason, flags & IS_CATALOG != 0, flags & CLEANUP_LOCK != 0);
        if flags & HAS_CONFLICT_HORIZON != 0 {
            prune.conflict_horizon = main.u32()?;
        }
        if record.block(0).is_none_or(|block| !block.has_data) {
            return Ok(prune);
        }
        let mut data = Reader::new(record.data(0));
        let mut plans = Vec::new();
        if flags & HAS_FREEZE_PLANS != 0 {
            let count = data.u16()?;
            data.u16()?;
            for _ in 0..count {
                let (xmax, mask2, mask, flags) = (data.u32()?, data.u16()?, data.u16()?, data.u8()?);
                data.u8()?;
                plans.push((FreezePlan { xmax, mask2, mask, flags }, data.u16()?));
            }
        }
        if flags & HAS_REDIRECTIONS != 0 {
            for _ in 0..data.u16()? {
                prune.redirected.push((OffsetNumber(data.u16()?), OffsetNumber(data.u16()?)));
            }
        }
        if flags & HAS_DEAD_ITEMS != 0 {
            prune.dead = read_offsets(&mut data)?;
        }
        if flags & HAS_NOW_UNUSED_ITEMS != 0 {
            prune.unused = read_offsets(&mut data)?;
        }
        for (plan, count) in plans {
            for _ in 0..count {
                prune.frozen.push((OffsetNumber(data.u16()?), plan));
            }
        }
        Ok(prune)
    }

    fn apply(&self, _: u8, page: &mut Page) {
        if let Some(xid) = self.new_prune_xid {
            page.set_prune_xid(xid);
            page.set_flags(page.flags() & !PD_PAGE_FULL);
        }
        if self.changes_items() {
            for (from, to) in &self.redirected {
                page.set_item_id(*from, ItemId::redirect(*to));
            }
            for offset in &self.dead {
                page.set_item_id(*offset, ItemId::dead());
            }
            for offset in &self.unused {
                page.set_item_id(*offset, ItemId::unused());
            }
            if self.cleanup_lock {
                page.repair_fragmentation();
            } else {
                page.truncate_line_pointers();
            }
        }
        for (offset, plan) in &self.frozen {
            let mut header = HeaderMut(page.item_mut(*offset));
            header.set_xmax(plan.xmax);
            header.set_mask(plan.mask & !MOVED);
            header.set_mask2(plan.mask2);
        }
    }
}
