//! RM_HEAP and RM_HEAP2 as recovery calls them.
//!
//! The bits of the visibility map are part of the records whose heap page says they are cleared. A record without
//! the map's page came from a server before 18.2, or the bits were clear already; the bits are cleared all the same.

use crate::header::{
    Header, HeaderMut, PD_ALL_VISIBLE, PD_HAS_FREE_LINES, PD_PAGE_FULL, XMAX_COMMITTED, XMAX_INVALID,
    XMIN_COMMITTED, XMIN_INVALID,
};
use crate::page;
use crate::records::{
    self, Confirm, Delete, InPlace, Insert, Lock, LockUpdated, MultiInsert, Prune, Update, Visible,
};
use base::bytes::max_align;
use base::{BlockNumber, Error, Fork, Result, Tid};
use buffer::{RedoContext, ResourceManager, fsm, redo, vm};
use std::sync::Arc;
use storage::Page;
use wal::{Change, Record, RmgrId};

/// RM_HEAP and RM_HEAP2.
pub fn resource_managers() -> [Arc<dyn ResourceManager>; 2] {
    [Arc::new(HeapManager), Arc::new(Heap2Manager)]
}

struct HeapManager;
struct Heap2Manager;

impl ResourceManager for HeapManager {
    fn id(&self) -> RmgrId {
        RmgrId::HEAP
    }

    fn name(&self) -> &'static str {
        "Heap"
    }

    fn redo(&self, context: &RedoContext<'_>, record: &Record<'_>) -> Result<()> {
        match record.op() & records::OP_MASK {
            records::HEAP_INSERT => {
                let change = Insert::decode(record)?;
                redo(context, record, &change)?;
                if change.all_visible_cleared {
                    clear_map(context, record, 0, 1, vm::ALL_VISIBLE | vm::ALL_FROZEN)?;
                }
                note_free_space(context, record, base::PAGE_SIZE / 5)
            }
            records::HEAP_DELETE => {
                let change = Delete::decode(record)?;
                redo(context, record, &change)?;
                if change.all_visible_cleared {
                    clear_map(context, record, 0, 1, vm::ALL_VISIBLE | vm::ALL_FROZEN)?;
                }
                Ok(())
            }
            records::HEAP_UPDATE | records::HEAP_HOT_UPDATE => redo_update(context, record),
            records::HEAP_TRUNCATE => Ok(()),
            records::HEAP_CONFIRM => redo(context, record, &Confirm::decode(record)?),
            records::HEAP_LOCK => {
                let change = Lock::decode(record)?;
                redo(context, record, &change)?;
                if change.all_frozen_cleared {
                    clear_map(context, record, 0, 1, vm::ALL_FROZEN)?;
                }
                Ok(())
            }
            records::HEAP_INPLACE => redo(context, record, &InPlace::decode(record)?),
            op => Err(Error::corrupted(format!("heap_redo: unknown op code {op}"))),
        }
    }

    fn mask(&self, page: &mut Page, block: BlockNumber, fork: Fork) {
        mask(page, block, fork);
    }
}

impl ResourceManager for Heap2Manager {
    fn id(&self) -> RmgrId {
        RmgrId::HEAP2
    }

    fn name(&self) -> &'static str {
        "Heap2"
    }

    fn redo(&self, context: &RedoContext<'_>, record: &Record<'_>) -> Result<()> {
        match record.op() & records::OP_MASK {
            records::HEAP2_PRUNE_ON_ACCESS
            | records::HEAP2_PRUNE_VACUUM_SCAN
            | records::HEAP2_PRUNE_VACUUM_CLEANUP => {
                let change = Prune::decode(record)?;
                redo(context, record, &change)?;
                if change.changes_items() {
                    note_free_space(context, record, base::PAGE_SIZE)
                } else {
                    Ok(())
                }
            }
            records::HEAP2_VISIBLE => redo(context, record, &Visible::decode(record)?),
            records::HEAP2_MULTI_INSERT => {
                let change = MultiInsert::decode(record)?;
                redo(context, record, &change)?;
                if change.all_visible_cleared {
                    clear_map(context, record, 0, 1, vm::ALL_VISIBLE | vm::ALL_FROZEN)?;
                }
                note_free_space(context, record, base::PAGE_SIZE / 5)
            }
            records::HEAP2_LOCK_UPDATED => {
                let change = LockUpdated::decode(record)?;
                redo(context, record, &change)?;
                if change.all_frozen_cleared {
                    clear_map(context, record, 0, 1, vm::ALL_FROZEN)?;
                }
                Ok(())
            }
            // For logical decoding only.
            records::HEAP2_NEW_CID => Ok(()),
            op => Err(Error::corrupted(format!("heap2_redo: unknown op code {op}"))),
        }
    }

    fn mask(&self, page: &mut Page, block: BlockNumber, fork: Fork) {
        mask(page, block, fork);
    }
}

fn redo_update(context: &RedoContext<'_>, record: &Record<'_>) -> Result<()> {
    let change = Update::decode(record)?;
    redo(context, record, &change)?;
    let bits = vm::ALL_VISIBLE | vm::ALL_FROZEN;
    let has_map = record.block(2).is_some() || record.block(3).is_some();
    if !has_map {
        let old = if record.block(1).is_some() { 1 } else { 0 };
        if change.old_all_visible_cleared {
            clear_map(context, record, old, u8::MAX, bits)?;
        }
        if change.new_all_visible_cleared {
            clear_map(context, record, 0, u8::MAX, bits)?;
        }
    }
    if change.hot { Ok(()) } else { note_free_space(context, record, base::PAGE_SIZE / 5) }
}

/// Clears a heap block's bits where the record does not bring the map's page along as `map_id`.
fn clear_map(
    context: &RedoContext<'_>,
    record: &Record<'_>,
    heap_id: u8,
    map_id: u8,
    bits: u8,
) -> Result<()> {
    if record.block(map_id).is_some() {
        return Ok(());
    }
    let Some(heap) = record.block(heap_id) else { return Ok(()) };
    let pin = vm::pin(context.pool, heap.locator, heap.block)?;
    let mut page = pin.write();
    if vm::bits(&page, heap.block) & bits != 0 {
        page.hint(|page| {
            vm::clear_bits(page, heap.block, bits);
        });
    }
    Ok(())
}

/// The free space map is not logged; pages with less than `limit` bytes left are put right on the way.
fn note_free_space(context: &RedoContext<'_>, record: &Record<'_>, limit: usize) -> Result<()> {
    let Some(heap) = record.block(0) else { return Ok(()) };
    if heap.image.is_some() || heap.block.0 >= context.pool.block_count(heap.locator, Fork::Main)?.0 {
        return Ok(());
    }
    let pin = context.pool.pin(heap.locator, Fork::Main, heap.block, buffer::Strategy::Normal)?;
    let free = pin.read().heap_free_space();
    if free < limit { fsm::record(context.pool, heap.locator, heap.block, free) } else { Ok(()) }
}

/// Blanks what replay does not reproduce: hint bits, command ids, speculative tokens, the hole.
fn mask(page: &mut Page, block: BlockNumber, fork: Fork) {
    page.set_lsn(base::Lsn(0));
    page.set_checksum(0);
    page.set_prune_xid(0);
    let flags = page.flags();
    page.set_flags(flags & !(PD_PAGE_FULL | PD_HAS_FREE_LINES | PD_ALL_VISIBLE));
    if fork != Fork::Main || page.is_new() {
        return;
    }
    let (lower, upper) = (page.lower(), page.upper());
    if lower <= upper {
        page.bytes_mut()[lower..upper].fill(0);
    }
    let all: Vec<_> = page::offsets(page).filter(|offset| page::is_normal(page, *offset)).collect();
    for offset in all {
        let tuple = page.item_mut(offset);
        let header = Header::read(tuple);
        let mut change = HeaderMut(tuple);
        let bits = if header.mask.xmin_frozen() {
            XMAX_INVALID | XMAX_COMMITTED
        } else {
            XMIN_COMMITTED | XMIN_INVALID | XMAX_INVALID | XMAX_COMMITTED
        };
        change.set_mask(header.mask.0 & !(bits | crate::header::COMBO_CID));
        change.set_command(0);
        if header.is_speculative() {
            change.set_ctid(Tid { block, offset });
        }
        // Up to the next aligned byte anything may stand.
        let item = page.item_id(offset);
        let end = item.offset() + item.length();
        page.bytes_mut()[end..max_align(end).min(base::PAGE_SIZE)].fill(0);
    }
}
