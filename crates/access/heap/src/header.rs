//! Transaction fields of tuple headers: bits, and changes to a header in place.
//! Source of the bits: access/htup_details.h.

use base::bytes::{get_u16, get_u32, put_u16, put_u32};
use base::{CommandId, Tid};
use datum::TupleView;

pub const HAS_EXTERNAL: u16 = 0x0004;
pub const XMAX_KEYSHR_LOCK: u16 = 0x0010;
pub const COMBO_CID: u16 = 0x0020;
pub const XMAX_EXCL_LOCK: u16 = 0x0040;
pub const XMAX_LOCK_ONLY: u16 = 0x0080;
pub const XMAX_SHR_LOCK: u16 = XMAX_EXCL_LOCK | XMAX_KEYSHR_LOCK;
pub const LOCK_MASK: u16 = XMAX_SHR_LOCK | XMAX_EXCL_LOCK | XMAX_KEYSHR_LOCK;
pub const XMIN_COMMITTED: u16 = 0x0100;
pub const XMIN_INVALID: u16 = 0x0200;
pub const XMIN_FROZEN: u16 = XMIN_COMMITTED | XMIN_INVALID;
pub const XMAX_COMMITTED: u16 = 0x0400;
pub const XMAX_INVALID: u16 = 0x0800;
pub const XMAX_IS_MULTI: u16 = 0x1000;
pub const UPDATED: u16 = 0x2000;
pub const MOVED: u16 = 0xC000;
pub const XMAX_BITS: u16 = XMAX_COMMITTED | XMAX_INVALID | XMAX_IS_MULTI | LOCK_MASK | XMAX_LOCK_ONLY;

pub const ATTRIBUTES_MASK: u16 = 0x07FF;
pub const KEYS_UPDATED: u16 = 0x2000;
pub const HOT_UPDATED: u16 = 0x4000;
pub const HEAP_ONLY: u16 = 0x8000;

/// In place of an offset in ctid: the block half is a speculative insertion's token.
pub const SPECULATIVE_OFFSET: u16 = 0xfffe;
/// ctid of a row that moved to another partition: this offset in the invalid block.
pub const MOVED_PARTITIONS_OFFSET: u16 = 0xfffd;

pub const PD_HAS_FREE_LINES: u16 = 1;
pub const PD_PAGE_FULL: u16 = 2;
pub const PD_ALL_VISIBLE: u16 = 4;

/// Line pointers a heap page can have at most: (8192 - 24) / (24 + 4).
pub const MAX_TUPLES_PER_PAGE: usize = 291;
/// The longest tuple that fits a page: 8192 - MAXALIGN(24 + 4).
pub const MAX_TUPLE_SIZE: usize = 8160;

/// The bits of a header that decide on visibility, questions about them answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask(pub u16);

impl Mask {
    pub fn has(self, bits: u16) -> bool {
        self.0 & bits != 0
    }

    pub fn xmin_frozen(self) -> bool {
        self.0 & XMIN_FROZEN == XMIN_FROZEN
    }

    pub fn xmin_committed(self) -> bool {
        self.has(XMIN_COMMITTED)
    }

    pub fn xmin_invalid(self) -> bool {
        self.0 & XMIN_FROZEN == XMIN_INVALID
    }

    /// xmax locks the row only: it neither deletes nor updates it.
    pub fn locked_only(self) -> bool {
        self.has(XMAX_LOCK_ONLY) || self.0 & (XMAX_IS_MULTI | LOCK_MASK) == XMAX_EXCL_LOCK
    }

    /// A multixact from before 9.3, which cannot be running any more.
    pub fn locked_upgraded(self) -> bool {
        self.has(XMAX_IS_MULTI) && self.has(XMAX_LOCK_ONLY) && !self.has(XMAX_EXCL_LOCK | XMAX_KEYSHR_LOCK)
    }

    pub fn is_multi(self) -> bool {
        self.has(XMAX_IS_MULTI)
    }
}

/// What visibility looks at, copied out of a header.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    pub xmin: u32,
    pub xmax: u32,
    pub command: u32,
    pub ctid: Tid,
    pub mask: Mask,
    pub mask2: u16,
}

impl Header {
    /// # Panics
    /// When `tuple` is shorter than a header; line pointers are checked when a page is read.
    #[inline]
    pub fn read(tuple: &[u8]) -> Header {
        Header {
            xmin: get_u32(tuple, 0),
            xmax: get_u32(tuple, 4),
            command: get_u32(tuple, 8),
            ctid: Tid::from_bytes(tuple[12..18].try_into().expect("six bytes")),
            mask2: get_u16(tuple, 18),
            mask: Mask(get_u16(tuple, 20)),
        }
    }

    pub fn of(view: &TupleView<'_>) -> Header {
        Header::read(view.bytes())
    }

    pub fn is_hot_updated(&self) -> bool {
        self.mask2 & HOT_UPDATED != 0 && !self.mask.has(XMAX_INVALID) && !self.mask.xmin_invalid()
    }

    pub fn is_heap_only(&self) -> bool {
        self.mask2 & HEAP_ONLY != 0
    }

    pub fn is_speculative(&self) -> bool {
        self.ctid.offset.0 == SPECULATIVE_OFFSET
    }

    pub fn moved_partition(&self) -> bool {
        self.ctid.offset.0 == MOVED_PARTITIONS_OFFSET
    }
}

/// Changes to a header in place.
pub struct HeaderMut<'a>(pub &'a mut [u8]);

impl HeaderMut<'_> {
    pub fn mask(&self) -> u16 {
        get_u16(self.0, 20)
    }
    pub fn set_mask(&mut self, mask: u16) {
        put_u16(self.0, 20, mask);
    }
    pub fn mask2(&self) -> u16 {
        get_u16(self.0, 18)
    }
    pub fn set_mask2(&mut self, mask: u16) {
        put_u16(self.0, 18, mask);
    }
    pub fn set_xmin(&mut self, xmin: u32) {
        put_u32(self.0, 0, xmin);
    }
    pub fn set_xmax(&mut self, xmax: u32) {
        put_u32(self.0, 4, xmax);
    }
    pub fn set_command(&mut self, command: u32) {
        put_u32(self.0, 8, command);
    }
    pub fn set_ctid(&mut self, tid: Tid) {
        self.0[12..18].copy_from_slice(&tid.to_bytes());
    }

    /// The command that inserts. Clears the mark of a combined command id.
    pub fn set_cmin(&mut self, command: CommandId) {
        self.set_command(command.0);
        self.set_mask(self.mask() & !COMBO_CID);
    }

    /// The command that deletes or updates, or a combined id of both.
    pub fn set_cmax(&mut self, command: CommandId, combo: bool) {
        self.set_command(command.0);
        let mask = self.mask();
        self.set_mask(if combo { mask | COMBO_CID } else { mask & !COMBO_CID });
    }
}
