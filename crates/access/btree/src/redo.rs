//! RM_BTREE as recovery calls it.

use crate::page::{self, HAS_GARBAGE, META, Opaque};
use crate::page_delete::{MarkHalfDead, Unlink};
use crate::records::{self, Dedup, Delete, Insert, MetaCleanup, NewRoot, Vacuum};
use crate::split::Split;
use base::{BlockNumber, Error, Fork, OffsetNumber, Result};
use buffer::{RedoContext, ResourceManager, redo};
use std::sync::Arc;
use storage::Page;
use wal::{Change, Record, RmgrId};

/// RM_BTREE.
pub fn resource_manager() -> Arc<dyn ResourceManager> {
    Arc::new(BtreeManager)
}

struct BtreeManager;

impl ResourceManager for BtreeManager {
    fn id(&self) -> RmgrId {
        RmgrId::BTREE
    }

    fn name(&self) -> &'static str {
        "Btree"
    }

    fn redo(&self, context: &RedoContext<'_>, record: &Record<'_>) -> Result<()> {
        match record.op() {
            records::INSERT_LEAF | records::INSERT_UPPER | records::INSERT_META | records::INSERT_POST => {
                redo(context, record, &Insert::decode(record)?)
            }
            records::SPLIT_L | records::SPLIT_R => redo(context, record, &Split::decode(record)?),
            records::DEDUP => redo(context, record, &Dedup::decode(record)?),
            records::DELETE => redo(context, record, &Delete::decode(record)?),
            records::UNLINK_PAGE | records::UNLINK_PAGE_META => {
                redo(context, record, &Unlink::decode(record)?)
            }
            records::NEW_ROOT => redo(context, record, &NewRoot::decode(record)?),
            records::MARK_PAGE_HALF_DEAD => redo(context, record, &MarkHalfDead::decode(record)?),
            records::VACUUM => redo(context, record, &Vacuum::decode(record)?),
            records::META_CLEANUP => redo(context, record, &MetaCleanup::decode(record)?),
            // Queries on a standby may have to be ended because of it; pages do not change.
            records::REUSE_PAGE => Ok(()),
            op => Err(Error::corrupted(format!("btree_redo: unknown op code {op}"))),
        }
    }

    /// Blanks what replay does not reproduce: hints, the hole, vacuum cycles.
    fn mask(&self, page: &mut Page, _: BlockNumber, fork: Fork) {
        page.set_lsn(base::Lsn(0));
        page.set_checksum(0);
        page.set_prune_xid(0);
        page.set_flags(0);
        if fork != Fork::Main || page.is_new() || page.special().len() != page::SPECIAL_SIZE {
            return;
        }
        let mut opaque = Opaque::read(page);
        let (lower, upper) = (page.lower(), page.upper());
        if lower <= upper {
            page.bytes_mut()[lower..upper].fill(0);
        }
        if opaque.is(META) {
            return;
        }
        if opaque.is(page::DELETED) {
            page.bytes_mut()[storage::PAGE_HEADER..base::PAGE_SIZE - page::SPECIAL_SIZE].fill(0);
        } else if opaque.is_leaf() {
            for number in 1..=page.max_offset().0 {
                let offset = OffsetNumber(number);
                let item = page.item_id(offset);
                if item.is_dead() {
                    page.set_item_id(offset, storage::ItemId::normal(item.offset(), item.length()));
                }
            }
        }
        opaque.flags &= !(HAS_GARBAGE | page::SPLIT_END);
        opaque.cycle = 0;
        opaque.write(page);
    }
}
