//! The slotted page.
//!
//! ```text
//! 0        24          lower          upper            special     8192
//! | header | line pointers → |   hole   | ← items       | special   |
//! ```
//! The header: LSN (high half first) 0, checksum 8, flags 10, lower 12, upper 14, special 16, size and version 18, prune xid 20.
//! A line pointer is 32 bits: offset (15), state (2), length (15).

use crate::checksum::page_checksum;
use base::bytes::{get_u16, get_u32, max_align, put_u16, put_u32};
use base::{BlockNumber, Lsn, OffsetNumber, PAGE_SIZE};

/// Bytes of the page header.
pub const PAGE_HEADER: usize = 24;
/// There may be unused line pointers.
pub const HAS_FREE_LINES: u16 = 1;
/// An update did not find room here.
pub const PAGE_FULL: u16 = 2;
/// Every tuple is visible to everyone.
pub const PAGE_ALL_VISIBLE: u16 = 4;
const VALID_FLAGS: u16 = 7;
const SIZE_AND_VERSION: u16 = PAGE_SIZE as u16 | 4;
const LINE_POINTER: usize = 4;

/// The most tuples a heap page can hold: header, then line pointer and aligned tuple header each.
pub const MAX_HEAP_TUPLES_PER_PAGE: usize = (PAGE_SIZE - PAGE_HEADER) / (24 + LINE_POINTER);

/// One block of a relation.
#[derive(Clone)]
#[repr(C, align(8))]
pub struct Page {
    bytes: [u8; PAGE_SIZE],
}

/// A line pointer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemId(pub u32);

/// What a line pointer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinePointer {
    Unused,
    Normal,
    /// A HOT chain continues at another line pointer of this page.
    Redirect(OffsetNumber),
    /// Dead; may still have storage.
    Dead,
}

impl ItemId {
    pub const fn unused() -> ItemId {
        ItemId(0)
    }

    pub fn normal(offset: usize, length: usize) -> ItemId {
        ItemId::new(offset, 1, length)
    }

    pub fn redirect(to: OffsetNumber) -> ItemId {
        ItemId::new(usize::from(to.0), 2, 0)
    }

    pub const fn dead() -> ItemId {
        ItemId(3 << 15)
    }

    fn new(offset: usize, flags: u32, length: usize) -> ItemId {
        ItemId((offset as u32 & 0x7fff) | (flags << 15) | ((length as u32) << 17))
    }

    pub fn state(self) -> LinePointer {
        match (self.0 >> 15) & 3 {
            0 => LinePointer::Unused,
            1 => LinePointer::Normal,
            2 => LinePointer::Redirect(OffsetNumber(self.offset() as u16)),
            _ => LinePointer::Dead,
        }
    }

    pub fn is_used(self) -> bool {
        (self.0 >> 15) & 3 != 0
    }

    pub fn is_normal(self) -> bool {
        (self.0 >> 15) & 3 == 1
    }

    pub fn is_redirect(self) -> bool {
        (self.0 >> 15) & 3 == 2
    }

    pub fn is_dead(self) -> bool {
        (self.0 >> 15) & 3 == 3
    }

    /// Index tuples are marked dead and keep their storage.
    pub fn marked_dead(self) -> ItemId {
        ItemId(self.0 | (3 << 15))
    }

    pub fn has_storage(self) -> bool {
        self.length() != 0
    }

    pub fn offset(self) -> usize {
        (self.0 & 0x7fff) as usize
    }

    pub fn length(self) -> usize {
        (self.0 >> 17) as usize
    }

    /// The same state, for other bytes.
    pub(crate) fn moved(self, offset: usize, length: usize) -> ItemId {
        ItemId((self.0 & (3 << 15)) | offset as u32 | ((length as u32) << 17))
    }

    pub(crate) fn at(self, offset: usize) -> ItemId {
        ItemId((self.0 & !0x7fff) | offset as u32)
    }
}

/// Why a page read from disk is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFault {
    Checksum { stored: u16, computed: u16 },
    Header,
}

impl Page {
    pub fn zeroed() -> Box<Page> {
        Box::new(Page { bytes: [0; PAGE_SIZE] })
    }

    pub fn from_bytes(bytes: &[u8; PAGE_SIZE]) -> Box<Page> {
        Box::new(Page { bytes: *bytes })
    }

    #[inline]
    pub fn bytes(&self) -> &[u8; PAGE_SIZE] {
        &self.bytes
    }

    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8; PAGE_SIZE] {
        &mut self.bytes
    }

    /// Brings the page into the processor's cache: reading it in order costs far less than waiting for its tuples one by one.
    #[inline]
    pub fn touch(&self) {
        std::hint::black_box(self.bytes.iter().step_by(64).fold(0, |all, byte| all | byte));
    }

    /// Zero `upper` marks a page that was never initialised.
    #[inline]
    pub fn is_new(&self) -> bool {
        self.upper() == 0
    }

    /// Makes an empty page with room for `special_size` bytes at its end. Clears everything, the LSN included.
    pub fn init(&mut self, special_size: usize) {
        let special = PAGE_SIZE - max_align(special_size);
        self.bytes.fill(0);
        self.set_lower(PAGE_HEADER);
        self.set_upper(special);
        put_u16(&mut self.bytes, 16, special as u16);
        put_u16(&mut self.bytes, 18, SIZE_AND_VERSION);
    }

    #[inline]
    pub fn lsn(&self) -> Lsn {
        Lsn((u64::from(get_u32(&self.bytes, 0)) << 32) | u64::from(get_u32(&self.bytes, 4)))
    }

    #[inline]
    pub fn set_lsn(&mut self, lsn: Lsn) {
        put_u32(&mut self.bytes, 0, (lsn.0 >> 32) as u32);
        put_u32(&mut self.bytes, 4, lsn.0 as u32);
    }

    pub fn checksum(&self) -> u16 {
        get_u16(&self.bytes, 8)
    }

    pub fn set_checksum(&mut self, checksum: u16) {
        put_u16(&mut self.bytes, 8, checksum);
    }

    #[inline]
    pub fn flags(&self) -> u16 {
        get_u16(&self.bytes, 10)
    }

    pub fn set_flags(&mut self, flags: u16) {
        put_u16(&mut self.bytes, 10, flags);
    }

    #[inline]
    pub fn has_flag(&self, flag: u16) -> bool {
        self.flags() & flag != 0
    }

    pub fn set_flag(&mut self, flag: u16, on: bool) {
        let flags = self.flags();
        self.set_flags(if on { flags | flag } else { flags & !flag });
    }

    #[inline]
    pub fn lower(&self) -> usize {
        usize::from(get_u16(&self.bytes, 12))
    }

    pub fn set_lower(&mut self, lower: usize) {
        put_u16(&mut self.bytes, 12, lower as u16);
    }

    #[inline]
    pub fn upper(&self) -> usize {
        usize::from(get_u16(&self.bytes, 14))
    }

    pub fn set_upper(&mut self, upper: usize) {
        put_u16(&mut self.bytes, 14, upper as u16);
    }

    #[inline]
    pub fn special_offset(&self) -> usize {
        usize::from(get_u16(&self.bytes, 16))
    }

    /// The low half of the oldest xid that pruning could remove, 0 when there is none.
    pub fn prune_xid(&self) -> u32 {
        get_u32(&self.bytes, 20)
    }

    pub fn set_prune_xid(&mut self, xid: u32) {
        put_u32(&mut self.bytes, 20, xid);
    }

    /// The access method's own room at the page's end; empty on a new page.
    #[inline]
    pub fn special(&self) -> &[u8] {
        match self.special_offset() {
            0 => &[],
            offset => &self.bytes[offset.min(PAGE_SIZE)..],
        }
    }

    pub fn special_mut(&mut self) -> &mut [u8] {
        match self.special_offset() {
            0 => &mut [],
            offset => &mut self.bytes[offset.min(PAGE_SIZE)..],
        }
    }

    /// The number of line pointers.
    #[inline]
    pub fn max_offset(&self) -> OffsetNumber {
        OffsetNumber((self.lower().saturating_sub(PAGE_HEADER) / LINE_POINTER) as u16)
    }

    /// Every offset number of the page, used or not.
    pub fn offsets(&self) -> impl DoubleEndedIterator<Item = OffsetNumber> + ExactSizeIterator + use<> {
        (1..=self.max_offset().0).map(OffsetNumber)
    }

    #[inline]
    fn line_pointer_at(offset: OffsetNumber) -> usize {
        PAGE_HEADER + (usize::from(offset.0) - 1) * LINE_POINTER
    }

    /// # Panics
    /// When `offset` is 0 or beyond what a page can hold.
    #[inline]
    pub fn item_id(&self, offset: OffsetNumber) -> ItemId {
        ItemId(get_u32(&self.bytes, Self::line_pointer_at(offset)))
    }

    pub fn set_item_id(&mut self, offset: OffsetNumber, item: ItemId) {
        put_u32(&mut self.bytes, Self::line_pointer_at(offset), item.0);
    }

    /// The bytes that a line pointer names.
    ///
    /// # Panics
    /// When they lie outside the page; see [`Page::item_checked`].
    #[inline]
    pub fn item(&self, offset: OffsetNumber) -> &[u8] {
        let id = self.item_id(offset);
        &self.bytes[id.offset()..id.offset() + id.length()]
    }

    pub fn item_mut(&mut self, offset: OffsetNumber) -> &mut [u8] {
        let id = self.item_id(offset);
        &mut self.bytes[id.offset()..id.offset() + id.length()]
    }

    /// The item at `offset`, or `None` when there is no such line pointer or it leads outside the page.
    pub fn item_checked(&self, offset: OffsetNumber) -> Option<&[u8]> {
        if offset.0 == 0 || offset > self.max_offset() {
            return None;
        }
        let id = self.item_id(offset);
        self.bytes.get(id.offset()..id.offset() + id.length())
    }

    pub(crate) fn pointers_sane(&self) -> bool {
        let (lower, upper, special) = (self.lower(), self.upper(), self.special_offset());
        lower >= PAGE_HEADER && lower <= upper && upper <= special && special <= PAGE_SIZE
    }

    /// Adds an item at `at` (moving later line pointers up unless `overwrite`), or at the first free line pointer.
    /// `heap` limits the number of line pointers to what a heap page may have. `None` when there is no room, or `at` is not possible.
    ///
    /// # Panics
    /// On a page whose pointers are corrupted.
    pub fn add_item(
        &mut self,
        item: &[u8],
        at: Option<OffsetNumber>,
        overwrite: bool,
        heap: bool,
    ) -> Option<OffsetNumber> {
        assert!(self.pointers_sane(), "corrupted page pointers");
        let limit = self.max_offset().0 + 1;
        let mut shift = false;
        let offset = match at {
            Some(at) => {
                if at.0 < limit {
                    if !overwrite {
                        shift = true;
                    } else if self.item_id(at).is_used() || self.item_id(at).has_storage() {
                        return None;
                    }
                }
                at.0
            }
            None if self.has_flag(HAS_FREE_LINES) => {
                let free = (1..limit).find(|offset| {
                    let id = self.item_id(OffsetNumber(*offset));
                    !id.is_used() && !id.has_storage()
                });
                if free.is_none() {
                    self.set_flag(HAS_FREE_LINES, false);
                }
                free.unwrap_or(limit)
            }
            None => limit,
        };
        if offset == 0 || offset > limit || (heap && usize::from(offset) > MAX_HEAP_TUPLES_PER_PAGE) {
            return None;
        }
        let lower = self.lower() + if offset == limit || shift { LINE_POINTER } else { 0 };
        let upper = self.upper().checked_sub(max_align(item.len())).filter(|upper| lower <= *upper)?;
        let start = Self::line_pointer_at(OffsetNumber(offset));
        if shift {
            let end = Self::line_pointer_at(OffsetNumber(limit));
            self.bytes.copy_within(start..end, start + LINE_POINTER);
        }
        self.set_item_id(OffsetNumber(offset), ItemId::normal(upper, item.len()));
        self.bytes[upper..upper + item.len()].copy_from_slice(item);
        self.set_lower(lower);
        self.set_upper(upper);
        Some(OffsetNumber(offset))
    }

    /// Bytes between line pointers and items.
    pub fn exact_free_space(&self) -> usize {
        self.upper().saturating_sub(self.lower())
    }

    /// Room for one more item together with its line pointer.
    pub fn free_space(&self) -> usize {
        self.exact_free_space().saturating_sub(LINE_POINTER)
    }

    /// Room for `items` more items together with their line pointers.
    pub fn free_space_for(&self, items: usize) -> usize {
        self.exact_free_space().saturating_sub(items * LINE_POINTER)
    }

    /// As [`Page::free_space`], but 0 when the page already has as many line pointers as a heap page may.
    pub fn heap_free_space(&self) -> usize {
        let space = self.free_space();
        if space > 0 && usize::from(self.max_offset().0) >= MAX_HEAP_TUPLES_PER_PAGE {
            let reusable =
                self.has_flag(HAS_FREE_LINES) && self.offsets().any(|offset| !self.item_id(offset).is_used());
            return if reusable { space } else { 0 };
        }
        space
    }

    /// The checksum that belongs to this content at this block.
    pub fn compute_checksum(&self, block: BlockNumber) -> u16 {
        page_checksum(self, block)
    }

    /// Checks a page read from disk. A page of zeros is right: it was added to the relation and never written.
    pub fn verify(&self, block: BlockNumber, checksums: bool) -> Result<(), PageFault> {
        let mut fault = None;
        if !self.is_new() {
            if checksums {
                let computed = self.compute_checksum(block);
                if computed != self.checksum() {
                    fault = Some(PageFault::Checksum { stored: self.checksum(), computed });
                }
            }
            let sane = self.flags() & !VALID_FLAGS == 0
                && self.lower() <= self.upper()
                && self.upper() <= self.special_offset()
                && self.special_offset() <= PAGE_SIZE
                && self.special_offset().is_multiple_of(8);
            if sane && fault.is_none() {
                return Ok(());
            }
        }
        if self.bytes.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        Err(fault.unwrap_or(PageFault::Header))
    }
}
