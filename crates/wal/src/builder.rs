//! Collecting what goes into a record.

use crate::RmgrId;
use base::{BlockNumber, Fork, RelFileLocator, Xid};
use smallvec::SmallVec;

/// How a block takes part in a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockFlags {
    /// Redo starts from an empty page: no image is needed.
    pub will_init: bool,
    /// The page has PostgreSQL's standard layout, so its hole may be left out of an image.
    pub standard: bool,
    pub no_image: bool,
    pub force_image: bool,
    /// Data stays in the record although an image restores the page.
    pub keep_data: bool,
}

pub(crate) struct BuiltBlock {
    pub id: u8,
    pub locator: RelFileLocator,
    pub fork: Fork,
    pub block: BlockNumber,
    pub flags: BlockFlags,
    pub data: SmallVec<[u8; 96]>,
}

/// A record to be. Records without pages are inserted as they are; for those with pages the buffer pool does it.
pub struct RecordBuilder {
    pub(crate) rmgr: RmgrId,
    pub(crate) info: u8,
    pub(crate) xid: u32,
    pub(crate) top_xid: Option<u32>,
    pub(crate) origin: Option<u16>,
    pub(crate) unimportant: bool,
    pub(crate) main: SmallVec<[u8; 96]>,
    pub(crate) blocks: SmallVec<[BuiltBlock; 2]>,
}

impl RecordBuilder {
    pub fn new(rmgr: RmgrId, info: u8, xid: Xid) -> RecordBuilder {
        RecordBuilder {
            rmgr,
            info,
            xid: xid.low(),
            top_xid: None,
            origin: None,
            unimportant: false,
            main: SmallVec::new(),
            blocks: SmallVec::new(),
        }
    }

    /// Appends main data.
    pub fn main(mut self, bytes: &[u8]) -> RecordBuilder {
        self.main.extend_from_slice(bytes);
        self
    }

    /// The top-level transaction of `xid`; logical decoding wants it once for each subtransaction.
    pub fn top_xid(mut self, xid: Xid) -> RecordBuilder {
        self.top_xid = Some(xid.low());
        self
    }

    /// The replication origin that the change comes from.
    pub fn origin(mut self, origin: u16) -> RecordBuilder {
        self.origin = Some(origin);
        self
    }

    /// The record alone is no reason for another checkpoint.
    pub fn unimportant(mut self) -> RecordBuilder {
        self.unimportant = true;
        self
    }

    /// Adds a block; ids ascend.
    pub fn add_block(
        &mut self,
        id: u8,
        locator: RelFileLocator,
        fork: Fork,
        block: BlockNumber,
        flags: BlockFlags,
    ) {
        debug_assert!(self.blocks.last().is_none_or(|last| last.id < id), "block ids ascend");
        self.blocks.push(BuiltBlock { id, locator, fork, block, flags, data: SmallVec::new() });
    }

    pub fn writer(&mut self) -> RecordWriter<'_> {
        RecordWriter { record: self }
    }
}

/// Where a change writes its data.
pub struct RecordWriter<'b> {
    record: &'b mut RecordBuilder,
}

impl RecordWriter<'_> {
    /// Appends main data.
    pub fn main(&mut self, bytes: &[u8]) {
        self.record.main.extend_from_slice(bytes);
    }

    /// Appends data of a block, which is left out when an image is taken.
    ///
    /// # Panics
    /// When the block was not registered.
    pub fn block(&mut self, id: u8, bytes: &[u8]) {
        self.registered(id).data.extend_from_slice(bytes);
    }

    /// All data of a block, handed over without a copy.
    ///
    /// # Panics
    /// When the block was not registered, or has data already.
    pub fn block_data(&mut self, id: u8, bytes: Vec<u8>) {
        let block = self.registered(id);
        assert!(block.data.is_empty(), "a block's data handed over twice");
        block.data = SmallVec::from_vec(bytes);
    }

    fn registered(&mut self, id: u8) -> &mut BuiltBlock {
        let block = self.record.blocks.iter_mut().find(|block| block.id == id);
        block.expect("data for a registered block")
    }

    /// True when the block takes part in the record.
    pub fn has_block(&self, id: u8) -> bool {
        self.record.blocks.iter().any(|block| block.id == id)
    }
}
