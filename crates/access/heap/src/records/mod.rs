//! The heap's WAL records. Each is declared once; forward execution and redo change pages by its `apply`.
//!
//! Redo knows less than forward execution: command ids are not logged (a crash ends every transaction), so a
//! decoded record carries command 0. Block 0 is the heap page, or the new one of an update; the visibility map's
//! pages, where their bits are cleared, are registered behind the heap pages.

mod delete;
mod insert;
mod lock;
mod prune;
mod update;
mod visible;

pub use delete::Delete;
pub use insert::{Confirm, InPlace, Insert, MultiInsert, NewTuple};
pub use lock::{Lock, LockUpdated};
pub use prune::{FreezePlan, Prune, PruneReason};
pub use update::{Update, UpdateBody};
pub use visible::Visible;

use crate::header::{
    HOT_UPDATED, KEYS_UPDATED, LOCK_MASK, MOVED, PD_ALL_VISIBLE, XMAX_BITS, XMAX_EXCL_LOCK, XMAX_IS_MULTI,
    XMAX_KEYSHR_LOCK, XMAX_LOCK_ONLY,
};
use base::bytes::{put_u16, put_u32};
use base::{OffsetNumber, Tid};
use datum::TUPLE_HEADER_SIZE;
use storage::Page;

pub const HEAP_INSERT: u8 = 0x00;
pub const HEAP_DELETE: u8 = 0x10;
pub const HEAP_UPDATE: u8 = 0x20;
pub const HEAP_TRUNCATE: u8 = 0x30;
pub const HEAP_HOT_UPDATE: u8 = 0x40;
pub const HEAP_CONFIRM: u8 = 0x50;
pub const HEAP_LOCK: u8 = 0x60;
pub const HEAP_INPLACE: u8 = 0x70;
pub const OP_MASK: u8 = 0x70;
pub const INIT_PAGE: u8 = 0x80;

pub const HEAP2_PRUNE_ON_ACCESS: u8 = 0x10;
pub const HEAP2_PRUNE_VACUUM_SCAN: u8 = 0x20;
pub const HEAP2_PRUNE_VACUUM_CLEANUP: u8 = 0x30;
pub const HEAP2_VISIBLE: u8 = 0x40;
pub const HEAP2_MULTI_INSERT: u8 = 0x50;
pub const HEAP2_LOCK_UPDATED: u8 = 0x60;
pub const HEAP2_NEW_CID: u8 = 0x70;

const XLHL_XMAX_IS_MULTI: u8 = 0x01;
const XLHL_XMAX_LOCK_ONLY: u8 = 0x02;
const XLHL_XMAX_EXCL_LOCK: u8 = 0x04;
const XLHL_XMAX_KEYSHR_LOCK: u8 = 0x08;
const XLHL_KEYS_UPDATED: u8 = 0x10;

/// xmax with the bits that say what it does to the row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Xmax {
    pub xmax: u32,
    /// Of XMAX_IS_MULTI, XMAX_LOCK_ONLY and the lock bits.
    pub mask: u16,
    /// KEYS_UPDATED or nothing.
    pub mask2: u16,
}

impl Xmax {
    /// One byte as records carry it.
    fn infobits(self) -> u8 {
        let pick = |bits: u16, flag: u8| if self.mask & bits != 0 { flag } else { 0 };
        pick(XMAX_IS_MULTI, XLHL_XMAX_IS_MULTI)
            | pick(XMAX_LOCK_ONLY, XLHL_XMAX_LOCK_ONLY)
            | pick(XMAX_EXCL_LOCK, XLHL_XMAX_EXCL_LOCK)
            | pick(XMAX_KEYSHR_LOCK, XLHL_XMAX_KEYSHR_LOCK)
            | if self.mask2 & KEYS_UPDATED != 0 { XLHL_KEYS_UPDATED } else { 0 }
    }

    fn from_infobits(xmax: u32, infobits: u8) -> Xmax {
        let pick = |flag: u8, bits: u16| if infobits & flag != 0 { bits } else { 0 };
        Xmax {
            xmax,
            mask: pick(XLHL_XMAX_IS_MULTI, XMAX_IS_MULTI)
                | pick(XLHL_XMAX_LOCK_ONLY, XMAX_LOCK_ONLY)
                | pick(XLHL_XMAX_EXCL_LOCK, XMAX_EXCL_LOCK)
                | pick(XLHL_XMAX_KEYSHR_LOCK, XMAX_KEYSHR_LOCK),
            mask2: pick(XLHL_KEYS_UPDATED, KEYS_UPDATED),
        }
    }

    /// Puts itself in place of what a tuple's xmax said before.
    fn put(self, tuple: &mut [u8]) {
        let mut header = crate::header::HeaderMut(tuple);
        header.set_mask(
            header.mask() & !(XMAX_BITS | MOVED) | self.mask & (XMAX_IS_MULTI | XMAX_LOCK_ONLY | LOCK_MASK),
        );
        header.set_mask2(header.mask2() & !KEYS_UPDATED | self.mask2 & KEYS_UPDATED);
        header.set_xmax(self.xmax);
    }
}

/// The page may gain space once `xid` is out of everyone's sight.
fn set_prunable(page: &mut Page, xid: u32) {
    let old = page.prune_xid();
    if old == 0 || (xid.wrapping_sub(old) as i32) < 0 {
        page.set_prune_xid(xid);
    }
}

fn clear_all_visible(page: &mut Page) {
    page.set_flags(page.flags() & !PD_ALL_VISIBLE);
}

fn set_hot_updated(mask2: u16, on: bool) -> u16 {
    if on { mask2 | HOT_UPDATED } else { mask2 & !HOT_UPDATED }
}

/// A tuple as records carry it, put together with what the record knows otherwise.
fn rebuild_tuple(mask2: u16, mask: u16, header_size: u8, xmin: u32, ctid: Tid, body: &[&[u8]]) -> Vec<u8> {
    let mut tuple = vec![0; TUPLE_HEADER_SIZE];
    put_u32(&mut tuple, 0, xmin);
    tuple[12..18].copy_from_slice(&ctid.to_bytes());
    put_u16(&mut tuple, 18, mask2);
    put_u16(&mut tuple, 20, mask);
    tuple[22] = header_size;
    body.iter().for_each(|part| tuple.extend_from_slice(part));
    tuple
}

/// Adds a tuple where forward execution found room for it.
fn add_tuple(page: &mut Page, tuple: &[u8], offset: OffsetNumber) {
    let added = page.add_item(tuple, Some(offset), true, true);
    assert_eq!(added, Some(offset), "failed to add a tuple to a heap page");
}
