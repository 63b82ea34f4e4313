//! Records as read back.

use crate::RmgrId;
use crate::assembly::{
    BLOCK_HAS_DATA, BLOCK_HAS_IMAGE, BLOCK_SAME_RELATION, BLOCK_WILL_INIT, ID_MAIN_LONG, ID_MAIN_SHORT,
    ID_ORIGIN, ID_TOP_XID, IMAGE_APPLY, IMAGE_COMPRESSED, IMAGE_HAS_HOLE, MAX_BLOCK_ID,
};
use crate::layout::RECORD_HEADER;
use base::bytes::{Reader, get_u32, get_u64};
use base::{BlockNumber, Error, Fork, Lsn, Oid, PAGE_SIZE, RelFileLocator, Result};
use smallvec::SmallVec;
use storage::Page;

/// A record read back; `'r` is the life of its bytes.
#[derive(Clone, Debug)]
pub struct Record<'r> {
    pub lsn: Lsn,
    /// Where the next record may start: what pages changed by this one carry as LSN.
    pub end: Lsn,
    pub prev: Lsn,
    pub rmgr: RmgrId,
    pub info: u8,
    pub xid: u32,
    pub origin: Option<u16>,
    pub top_xid: Option<u32>,
    pub main: &'r [u8],
    pub blocks: SmallVec<[Block<'r>; 4]>,
}

/// A block that a record refers to.
#[derive(Clone, Debug)]
pub struct Block<'r> {
    pub id: u8,
    pub locator: RelFileLocator,
    pub fork: Fork,
    pub block: BlockNumber,
    pub will_init: bool,
    pub image: Option<Image<'r>>,
    pub has_data: bool,
    pub data: &'r [u8],
}

/// A page's content after the change, without its hole.
#[derive(Clone, Copy, Debug)]
pub struct Image<'r> {
    /// False when it is there only to be compared.
    pub apply: bool,
    pub hole_offset: u16,
    pub hole_length: u16,
    compressed: bool,
    bytes: &'r [u8],
}

impl Image<'_> {
    /// The page, its hole filled with zeros.
    ///
    /// # Errors
    /// `0A000` for compressed images.
    pub fn restore(&self, page: &mut Page) -> Result<()> {
        if self.compressed {
            return Err(Error::unsupported("restoring compressed full-page images"));
        }
        let (at, hole) = (usize::from(self.hole_offset), usize::from(self.hole_length));
        let target = page.bytes_mut();
        target[..at].copy_from_slice(&self.bytes[..at]);
        target[at..at + hole].fill(0);
        target[at + hole..].copy_from_slice(&self.bytes[at..]);
        Ok(())
    }
}

struct BlockHeader {
    id: u8,
    flags: u8,
    fork: Fork,
    data_length: u16,
    image: Option<ImageHeader>,
    locator: RelFileLocator,
    block: BlockNumber,
}

struct ImageHeader {
    length: u16,
    hole_offset: u16,
    hole_length: u16,
    info: u8,
}

impl<'r> Record<'r> {
    /// Takes the bytes of a whole record apart. The error says what is wrong, in PostgreSQL's words.
    pub(crate) fn parse(bytes: &'r [u8], lsn: Lsn, end: Lsn) -> Result<Record<'r>, String> {
        let short = || format!("record with invalid length at {lsn}");
        let mut reader = Reader::new(&bytes[RECORD_HEADER..]);
        let mut headers: SmallVec<[BlockHeader; 4]> = SmallVec::new();
        let (mut origin, mut top_xid) = (None, None);
        let mut main_length = 0;
        let mut payload = 0;
        // Headers end where as many bytes are left as they have announced.
        while reader.rest().len() > payload {
            match reader.u8().map_err(|_| short())? {
                ID_MAIN_SHORT => {
                    main_length = usize::from(reader.u8().map_err(|_| short())?);
                    payload += main_length;
                    break;
                }
                ID_MAIN_LONG => {
                    main_length = reader.u32().map_err(|_| short())? as usize;
                    payload += main_length;
                    break;
                }
                ID_ORIGIN => origin = Some(reader.u16().map_err(|_| short())?),
                ID_TOP_XID => top_xid = Some(reader.u32().map_err(|_| short())?),
                id if id <= MAX_BLOCK_ID => {
                    if headers.last().is_some_and(|last| last.id >= id) {
                        return Err(format!("out-of-order block_id {id} at {lsn}"));
                    }
                    let header = BlockHeader::parse(&mut reader, id, headers.last().map(|h| h.locator), lsn)?;
                    payload += usize::from(header.data_length);
                    payload += header.image.as_ref().map_or(0, |image| usize::from(image.length));
                    headers.push(header);
                }
                id => return Err(format!("invalid block_id {id} at {lsn}")),
            }
        }
        if reader.rest().len() != payload {
            return Err(short());
        }
        let mut blocks = SmallVec::new();
        for header in headers {
            let image = match header.image {
                None => None,
                Some(image) => Some(Image {
                    apply: image.info & IMAGE_APPLY != 0,
                    hole_offset: image.hole_offset,
                    hole_length: image.hole_length,
                    compressed: image.info & IMAGE_COMPRESSED != 0,
                    bytes: reader.take(usize::from(image.length)).map_err(|_| short())?,
                }),
            };
            blocks.push(Block {
                id: header.id,
                locator: header.locator,
                fork: header.fork,
                block: header.block,
                will_init: header.flags & BLOCK_WILL_INIT != 0,
                image,
                has_data: header.flags & BLOCK_HAS_DATA != 0,
                data: reader.take(usize::from(header.data_length)).map_err(|_| short())?,
            });
        }
        Ok(Record {
            lsn,
            end,
            prev: Lsn(get_u64(bytes, 8)),
            rmgr: RmgrId(bytes[17]),
            info: bytes[16],
            xid: get_u32(bytes, 4),
            origin,
            top_xid,
            main: reader.take(main_length).map_err(|_| short())?,
            blocks,
        })
    }

    /// The operation: info without the bits that are the log's own.
    pub fn op(&self) -> u8 {
        self.info & 0xf0
    }

    pub fn block(&self, id: u8) -> Option<&Block<'r>> {
        self.blocks.iter().find(|block| block.id == id)
    }

    /// The data of a block; empty when it has none.
    pub fn data(&self, id: u8) -> &'r [u8] {
        self.block(id).map_or(&[], |block| block.data)
    }

    /// True when redo takes the block from an image.
    pub fn has_image(&self, id: u8) -> bool {
        self.block(id).is_some_and(|block| block.image.is_some_and(|image| image.apply))
    }

    /// A reader over the main data.
    pub fn reader(&self) -> Reader<'r> {
        Reader::new(self.main)
    }
}

impl BlockHeader {
    fn parse(
        reader: &mut Reader<'_>,
        id: u8,
        previous: Option<RelFileLocator>,
        lsn: Lsn,
    ) -> Result<BlockHeader, String> {
        let short = |_| format!("record with invalid length at {lsn}");
        let flags = reader.u8().map_err(short)?;
        let fork =
            Fork::from_number(flags & 0x0f).ok_or_else(|| format!("record with invalid fork at {lsn}"))?;
        let data_length = reader.u16().map_err(short)?;
        if (flags & BLOCK_HAS_DATA != 0) != (data_length > 0) {
            return Err(if data_length == 0 {
                format!("BKPBLOCK_HAS_DATA set, but no data included at {lsn}")
            } else {
                format!("BKPBLOCK_HAS_DATA not set, but data length is {data_length} at {lsn}")
            });
        }
        let image = match flags & BLOCK_HAS_IMAGE {
            0 => None,
            _ => Some(ImageHeader::parse(reader, lsn)?),
        };
        let locator = if flags & BLOCK_SAME_RELATION != 0 {
            previous.ok_or_else(|| format!("BKPBLOCK_SAME_REL set but no previous rel at {lsn}"))?
        } else {
            RelFileLocator {
                tablespace: Oid(reader.u32().map_err(short)?),
                database: Oid(reader.u32().map_err(short)?),
                number: Oid(reader.u32().map_err(short)?),
            }
        };
        let block = BlockNumber(reader.u32().map_err(short)?);
        Ok(BlockHeader { id, flags, fork, data_length, image, locator, block })
    }
}

impl ImageHeader {
    fn parse(reader: &mut Reader<'_>, lsn: Lsn) -> Result<ImageHeader, String> {
        let short = |_| format!("record with invalid length at {lsn}");
        let length = reader.u16().map_err(short)?;
        let hole_offset = reader.u16().map_err(short)?;
        let info = reader.u8().map_err(short)?;
        let has_hole = info & IMAGE_HAS_HOLE != 0;
        let compressed = info & IMAGE_COMPRESSED != 0;
        let page = PAGE_SIZE as u16;
        let hole_length = match (has_hole, compressed) {
            (true, true) => reader.u16().map_err(short)?,
            (true, false) => page.wrapping_sub(length),
            (false, _) => 0,
        };
        if has_hole && (hole_offset == 0 || hole_length == 0 || length == page) {
            return Err(format!(
                "BKPIMAGE_HAS_HOLE set, but hole offset {hole_offset} length {hole_length} \
                 block image length {length} at {lsn}"
            ));
        }
        if !has_hole && hole_offset != 0 {
            return Err(format!(
                "BKPIMAGE_HAS_HOLE not set, but hole offset {hole_offset} length {hole_length} at {lsn}"
            ));
        }
        if compressed && length == page {
            return Err(format!("BKPIMAGE_COMPRESSED set, but block image length {length} at {lsn}"));
        }
        if !has_hole && !compressed && length != page {
            return Err(format!(
                "neither BKPIMAGE_HAS_HOLE nor BKPIMAGE_COMPRESSED set, but block image length is {length} at {lsn}"
            ));
        }
        if length > page || u32::from(hole_offset) + u32::from(hole_length) > u32::from(page) {
            return Err(format!("record with invalid image at {lsn}"));
        }
        Ok(ImageHeader { length, hole_offset, hole_length, info })
    }
}
