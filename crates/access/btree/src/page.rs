//! B-tree pages: the special area, the metapage, which items are what.
//!
//! ```text
//!   not rightmost:  1: high key   2: first item   3: ...        rightmost:  1: first item   2: ...
//! ```
//! The high key is an upper bound of what may be on the page. On inner pages the first item counts as minus
//! infinity, whatever it holds.

use base::bytes::{get_u16, get_u32, get_u64, put_u16, put_u32, put_u64};
use base::{BlockNumber, Error, OffsetNumber, Result};
use storage::{PAGE_HEADER, Page};

pub const LEAF: u16 = 1 << 0;
pub const ROOT: u16 = 1 << 1;
pub const DELETED: u16 = 1 << 2;
pub const META: u16 = 1 << 3;
pub const HALF_DEAD: u16 = 1 << 4;
pub const SPLIT_END: u16 = 1 << 5;
pub const HAS_GARBAGE: u16 = 1 << 6;
pub const INCOMPLETE_SPLIT: u16 = 1 << 7;
pub const HAS_FULL_XID: u16 = 1 << 8;

pub const META_BLOCK: BlockNumber = BlockNumber(0);
pub const NONE: BlockNumber = BlockNumber(0);
pub const HIGH_KEY: OffsetNumber = OffsetNumber(1);
pub const SPECIAL_SIZE: usize = 16;
pub const MAGIC: u32 = 0x0005_3162;
pub const VERSION: u32 = 4;

/// Three items must fit a page: (8192 - 24 - 3 * 4 aligned - 16) / 3, aligned down, less a tie-breaking tid.
pub const MAX_ITEM_SIZE: usize = 2704;

/// The special area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opaque {
    pub previous: BlockNumber,
    pub next: BlockNumber,
    pub level: u32,
    pub flags: u16,
    pub cycle: u16,
}

impl Opaque {
    #[inline]
    pub fn read(page: &Page) -> Opaque {
        let special = page.special();
        Opaque {
            previous: BlockNumber(get_u32(special, 0)),
            next: BlockNumber(get_u32(special, 4)),
            level: get_u32(special, 8),
            flags: get_u16(special, 12),
            cycle: get_u16(special, 14),
        }
    }

    pub fn write(self, page: &mut Page) {
        let special = page.special_mut();
        put_u32(special, 0, self.previous.0);
        put_u32(special, 4, self.next.0);
        put_u32(special, 8, self.level);
        put_u16(special, 12, self.flags);
        put_u16(special, 14, self.cycle);
    }

    #[inline]
    pub fn is(self, flags: u16) -> bool {
        self.flags & flags != 0
    }

    #[inline]
    pub fn is_leaf(self) -> bool {
        self.is(LEAF)
    }

    pub fn is_rightmost(self) -> bool {
        self.next == NONE
    }

    pub fn is_leftmost(self) -> bool {
        self.previous == NONE
    }

    /// Deleted or about to be: its key space belongs to the right sibling.
    pub fn is_ignored(self) -> bool {
        self.is(DELETED | HALF_DEAD)
    }

    /// The first item that is not the high key.
    #[inline]
    pub fn first_item(self) -> OffsetNumber {
        if self.is_rightmost() { OffsetNumber(1) } else { OffsetNumber(2) }
    }
}

/// Checks what every B-tree page has.
///
/// # Errors
/// `XX002` when the page is none.
pub fn check(page: &Page, name: &str, block: BlockNumber) -> Result<()> {
    if page.is_new() {
        return Err(Error::new(
            base::SqlState::INDEX_CORRUPTED,
            format!("index \"{name}\" contains unexpected zero page at block {block}"),
        )
        .hint("Please REINDEX it."));
    }
    if page.special().len() != SPECIAL_SIZE {
        return Err(Error::new(
            base::SqlState::INDEX_CORRUPTED,
            format!("index \"{name}\" contains corrupted page at block {block}"),
        )
        .hint("Please REINDEX it."));
    }
    Ok(())
}

/// An empty page.
pub fn init(page: &mut Page, opaque: Opaque) {
    page.init(SPECIAL_SIZE);
    opaque.write(page);
}

/// What the metapage holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Meta {
    pub version: u32,
    pub root: BlockNumber,
    pub level: u32,
    /// The lowest level with one page only: searches start there.
    pub fast_root: BlockNumber,
    pub fast_level: u32,
    pub deleted_pages: u32,
    pub all_equal_image: bool,
}

impl Meta {
    pub const LOGGED_SIZE: usize = 28;

    pub fn empty(all_equal_image: bool) -> Meta {
        Meta {
            version: VERSION,
            root: NONE,
            level: 0,
            fast_root: NONE,
            fast_level: 0,
            deleted_pages: 0,
            all_equal_image,
        }
    }

    /// # Errors
    /// `XX002` when the page is no metapage.
    pub fn read(page: &Page, name: &str) -> Result<Meta> {
        let bytes = &page.bytes()[PAGE_HEADER..];
        if page.special().len() != SPECIAL_SIZE || get_u32(bytes, 0) != MAGIC {
            return Err(Error::new(
                base::SqlState::INDEX_CORRUPTED,
                format!("index \"{name}\" is not a btree"),
            ));
        }
        let version = get_u32(bytes, 4);
        if version != VERSION {
            return Err(Error::new(
                base::SqlState::INDEX_CORRUPTED,
                format!(
                    "version mismatch in index \"{name}\": file version {version}, current version {VERSION}, minimal supported version {VERSION}"
                ),
            ));
        }
        Ok(Meta {
            version,
            root: BlockNumber(get_u32(bytes, 8)),
            level: get_u32(bytes, 12),
            fast_root: BlockNumber(get_u32(bytes, 16)),
            fast_level: get_u32(bytes, 20),
            deleted_pages: get_u32(bytes, 24),
            all_equal_image: bytes[40] != 0,
        })
    }

    /// Makes `page` a metapage.
    pub fn write(&self, page: &mut Page) {
        init(page, Opaque { previous: NONE, next: NONE, level: 0, flags: META, cycle: 0 });
        let bytes = &mut page.bytes_mut()[PAGE_HEADER..];
        put_u32(bytes, 0, MAGIC);
        put_u32(bytes, 4, self.version);
        put_u32(bytes, 8, self.root.0);
        put_u32(bytes, 12, self.level);
        put_u32(bytes, 16, self.fast_root.0);
        put_u32(bytes, 20, self.fast_level);
        put_u32(bytes, 24, self.deleted_pages);
        // The number of heap tuples at the last cleanup, out of use: -1.
        put_u64(bytes, 32, (-1.0f64).to_bits());
        bytes[40] = u8::from(self.all_equal_image);
        page.set_lower(PAGE_HEADER + 48);
    }

    pub fn logged(&self) -> [u8; Self::LOGGED_SIZE] {
        let mut bytes = [0; Self::LOGGED_SIZE];
        let numbers =
            [self.version, self.root.0, self.level, self.fast_root.0, self.fast_level, self.deleted_pages];
        for (index, number) in numbers.into_iter().enumerate() {
            put_u32(&mut bytes, index * 4, number);
        }
        bytes[24] = u8::from(self.all_equal_image);
        bytes
    }

    pub fn from_logged(bytes: &[u8]) -> Result<Meta> {
        if bytes.len() < 25 {
            return Err(Error::corrupted("btree record with too little metapage data"));
        }
        Ok(Meta {
            version: get_u32(bytes, 0),
            root: BlockNumber(get_u32(bytes, 4)),
            level: get_u32(bytes, 8),
            fast_root: BlockNumber(get_u32(bytes, 12)),
            fast_level: get_u32(bytes, 16),
            deleted_pages: get_u32(bytes, 20),
            all_equal_image: bytes[24] != 0,
        })
    }
}

/// Turns a page into a deleted one that may be used again once `safe_xid` is out of everyone's sight.
pub fn set_deleted(page: &mut Page, safe_xid: u64) {
    let mut opaque = Opaque::read(page);
    opaque.flags = opaque.flags & !HALF_DEAD | DELETED | HAS_FULL_XID;
    opaque.write(page);
    page.set_lower(PAGE_HEADER + 8);
    let special = page.special_offset();
    page.set_upper(special);
    put_u64(&mut page.bytes_mut()[..], PAGE_HEADER, safe_xid);
}

/// When a deleted page may be used again.
pub fn safe_xid(page: &Page) -> u64 {
    if Opaque::read(page).is(HAS_FULL_XID) { get_u64(&page.bytes()[..], PAGE_HEADER) } else { 0 }
}
