//! From a [`RecordBuilder`] to the bytes of a record.
//!
//! ```text
//! | header 24 | block headers … | origin, top xid | main header | images and data of blocks … | main data |
//! ```

use crate::CHECK_CONSISTENCY;
use crate::builder::{BuiltBlock, RecordBuilder};
use crate::layout::{MAX_RECORD, RECORD_HEADER};
use base::bytes::put_u32;
use base::{Error, Lsn, PAGE_SIZE, RelFileLocator, Result, SqlState};
use storage::{PAGE_HEADER, Page};

pub(crate) const BLOCK_HAS_IMAGE: u8 = 0x10;
pub(crate) const BLOCK_HAS_DATA: u8 = 0x20;
pub(crate) const BLOCK_WILL_INIT: u8 = 0x40;
pub(crate) const BLOCK_SAME_RELATION: u8 = 0x80;
pub(crate) const IMAGE_HAS_HOLE: u8 = 0x01;
pub(crate) const IMAGE_APPLY: u8 = 0x02;
pub(crate) const IMAGE_COMPRESSED: u8 = 0x1c;
pub(crate) const ID_MAIN_SHORT: u8 = 255;
pub(crate) const ID_MAIN_LONG: u8 = 254;
pub(crate) const ID_ORIGIN: u8 = 253;
pub(crate) const ID_TOP_XID: u8 = 252;
/// The highest id of a block.
pub(crate) const MAX_BLOCK_ID: u8 = 32;

/// What decides whether blocks get images.
#[derive(Clone, Copy)]
pub(crate) struct ImagePolicy {
    pub redo: u64,
    pub full_page_writes: bool,
    pub check_consistency: bool,
}

pub(crate) struct Assembled {
    /// The whole record; its prev-link and checksum are filled in at insertion.
    pub bytes: Vec<u8>,
    /// The oldest LSN among pages left without an image: if the redo point passes it before insertion, assemble again.
    pub oldest_without_image: Option<u64>,
}

fn hole(page: &Page, standard: bool) -> (usize, usize) {
    let (lower, upper) = (page.lower(), page.upper());
    if standard && lower >= PAGE_HEADER && upper > lower && upper <= PAGE_SIZE {
        (lower, upper - lower)
    } else {
        (0, 0)
    }
}

fn too_long(detail: String) -> Error {
    Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "oversized WAL record").detail(detail)
}

/// Checks what can go wrong in an assembly, before any page changes: every block may get a whole image.
pub(crate) fn check(record: &RecordBuilder) -> Result<()> {
    let mut total = RECORD_HEADER + 16 + record.main.len();
    for block in &record.blocks {
        if block.data.len() > usize::from(u16::MAX) {
            return Err(too_long(format!(
                "WAL record block data would be {} bytes (of maximum {} bytes).",
                block.data.len(),
                u16::MAX
            )));
        }
        total += 40 + PAGE_SIZE + block.data.len();
    }
    if total > MAX_RECORD {
        return Err(too_long(format!("WAL record would be {total} bytes (of maximum {MAX_RECORD} bytes).")));
    }
    Ok(())
}

/// `pages`: those of the record's blocks, in their order.
pub(crate) fn assemble(record: &RecordBuilder, pages: &[&Page], policy: ImagePolicy) -> Assembled {
    let mut oldest_without_image: Option<u64> = None;
    let data: usize = record.blocks.iter().map(|block| block.data.len()).sum();
    let mut bytes = Vec::with_capacity(256 + record.main.len() + data);
    bytes.resize(RECORD_HEADER, 0);
    let mut payload: Vec<(Option<(&Page, usize, usize)>, &[u8])> = Vec::with_capacity(record.blocks.len());
    let mut previous: Option<RelFileLocator> = None;
    for (index, block) in record.blocks.iter().enumerate() {
        let page = pages.get(index).copied();
        let due = page.is_some_and(|page| {
            if block.flags.force_image {
                return true;
            }
            if block.flags.no_image || block.flags.will_init || !policy.full_page_writes {
                return false;
            }
            let lsn = page.lsn().0;
            if lsn > policy.redo {
                oldest_without_image = Some(oldest_without_image.map_or(lsn, |oldest| oldest.min(lsn)));
            }
            lsn <= policy.redo
        });
        let image = page.filter(|_| due || policy.check_consistency).map(|page| {
            let (hole_offset, hole_length) = hole(page, block.flags.standard);
            (page, hole_offset, hole_length)
        });
        let data = if due && !block.flags.keep_data { &[][..] } else { &block.data[..] };
        let same_relation = previous == Some(block.locator);
        previous = Some(block.locator);
        encode_block_header(
            &mut bytes,
            block,
            image.map(|(_, at, len)| (at, len)),
            due,
            data.len(),
            same_relation,
        );
        payload.push((image, data));
    }
    if let Some(origin) = record.origin {
        bytes.push(ID_ORIGIN);
        bytes.extend_from_slice(&origin.to_le_bytes());
    }
    if let Some(top_xid) = record.top_xid {
        bytes.push(ID_TOP_XID);
        bytes.extend_from_slice(&top_xid.to_le_bytes());
    }
    match record.main.len() {
        0 => {}
        short @ 1..=255 => bytes.extend_from_slice(&[ID_MAIN_SHORT, short as u8]),
        long => {
            bytes.push(ID_MAIN_LONG);
            bytes.extend_from_slice(&(long as u32).to_le_bytes());
        }
    }
    for (image, data) in payload {
        if let Some((page, hole_offset, hole_length)) = image {
            bytes.extend_from_slice(&page.bytes()[..hole_offset]);
            bytes.extend_from_slice(&page.bytes()[hole_offset + hole_length..]);
        }
        bytes.extend_from_slice(data);
    }
    bytes.extend_from_slice(&record.main);
    let length = bytes.len() as u32;
    put_u32(&mut bytes, 0, length);
    put_u32(&mut bytes, 4, record.xid);
    bytes[16] = record.info | if policy.check_consistency { CHECK_CONSISTENCY } else { 0 };
    bytes[17] = record.rmgr.0;
    Assembled { bytes, oldest_without_image }
}

fn encode_block_header(
    out: &mut Vec<u8>,
    block: &BuiltBlock,
    image: Option<(usize, usize)>,
    apply: bool,
    data_length: usize,
    same_relation: bool,
) {
    let mut flags = block.fork as u8;
    for (set, flag) in [
        (image.is_some(), BLOCK_HAS_IMAGE),
        (data_length > 0, BLOCK_HAS_DATA),
        (block.flags.will_init, BLOCK_WILL_INIT),
        (same_relation, BLOCK_SAME_RELATION),
    ] {
        if set {
            flags |= flag;
        }
    }
    out.extend_from_slice(&[block.id, flags]);
    out.extend_from_slice(&(data_length as u16).to_le_bytes());
    if let Some((hole_offset, hole_length)) = image {
        let info = if hole_length > 0 { IMAGE_HAS_HOLE } else { 0 } | if apply { IMAGE_APPLY } else { 0 };
        out.extend_from_slice(&((PAGE_SIZE - hole_length) as u16).to_le_bytes());
        out.extend_from_slice(&(hole_offset as u16).to_le_bytes());
        out.push(info);
    }
    if !same_relation {
        for id in [block.locator.tablespace, block.locator.database, block.locator.number] {
            out.extend_from_slice(&id.0.to_le_bytes());
        }
    }
    out.extend_from_slice(&block.block.0.to_le_bytes());
}

/// Fills in the prev-link and the checksum, which covers everything but itself.
pub(crate) fn seal(bytes: &mut [u8], body_checksum: u32, previous: Lsn) {
    bytes[8..16].copy_from_slice(&previous.0.to_le_bytes());
    let checksum = crc32c::crc32c_append(body_checksum, &bytes[..20]);
    put_u32(bytes, 20, checksum);
}
