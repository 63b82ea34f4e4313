//! Replaying changes of pages.
//!
//! For each block of a record: an image replaces the page; otherwise the page's LSN tells whether it has the change already, and if not,
//! `apply` makes it, the same function that made it the first time. A block that is not there belongs to a relation that a later record
//! drops or cuts; it is noted, and what is still noted at the end is an error.

use crate::frame::Tag;
use crate::pin::{PageWrite, Pin};
use crate::pool::{BufferPool, ReadMode};
use base::{BlockNumber, Error, Fork, Oid, RelFileLocator, Result, SqlState};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use storage::Page;
use wal::{Block, Change, Image, Record, RmgrId};

/// What resource managers replay with.
pub struct RedoContext<'a> {
    pub pool: &'a Arc<BufferPool>,
    pub missing: &'a MissingPages,
}

/// A part of the system that has WAL records of its own. What needs more than the pool holds its own `Arc`.
pub trait ResourceManager: Send + Sync {
    fn id(&self) -> RmgrId;

    fn name(&self) -> &'static str;

    /// # Errors
    /// Any error ends recovery.
    fn redo(&self, context: &RedoContext<'_>, record: &Record<'_>) -> Result<()>;

    /// Makes equal what may differ between a page and its replayed twin (hint bits, unused room), for wal_consistency_checking.
    fn mask(&self, _page: &mut Page, _block: BlockNumber, _fork: Fork) {}

    /// Recovery is over.
    ///
    /// # Errors
    /// Any error ends recovery.
    fn finish(&self, _context: &RedoContext<'_>) -> Result<()> {
        Ok(())
    }
}

/// Blocks that records refer to and that are not there. The value tells whether the block was there as a page of zeros.
#[derive(Default)]
pub struct MissingPages {
    pages: Mutex<BTreeMap<Tag, bool>>,
}

impl MissingPages {
    pub fn new() -> MissingPages {
        MissingPages::default()
    }

    pub fn add(&self, locator: RelFileLocator, fork: Fork, block: BlockNumber, present: bool) {
        self.pages.lock().insert(Tag { locator, fork, block }, present);
    }

    /// The fork was cut to `blocks`.
    pub fn forget(&self, locator: RelFileLocator, fork: Fork, blocks: BlockNumber) {
        self.pages.lock().retain(|tag, _| tag.locator != locator || tag.fork != fork || tag.block < blocks);
    }

    pub fn forget_relation(&self, locator: RelFileLocator) {
        self.pages.lock().retain(|tag, _| tag.locator != locator);
    }

    pub fn forget_database(&self, database: Oid) {
        self.pages.lock().retain(|tag, _| tag.locator.database != database);
    }

    /// # Errors
    /// `XX000` PANIC when a block is still missing: the log does not fit the files.
    pub fn check(&self, pool: &BufferPool) -> Result<()> {
        let pages = self.pages.lock();
        let Some((tag, present)) = pages.iter().next() else { return Ok(()) };
        let path = pool.files().path(tag.locator, tag.fork);
        let what = if *present { "is uninitialized" } else { "does not exist" };
        Err(Error::new(SqlState::INTERNAL_ERROR, "WAL contains references to invalid pages")
            .detail(format!("page {} of relation {path} {what}", tag.block))
            .severity(base::Severity::Panic))
    }
}

/// How redo latches the page of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedoLatch {
    Exclusive,
    /// Waits until nobody else has a pin: items move.
    Cleanup,
}

/// What became of a block.
pub enum Replayed {
    /// The change was made now.
    Applied(Pin),
    /// An image was put in place.
    Restored(Pin),
    /// The page had the change already.
    Done(Pin),
    /// The block is not there any more.
    Missing,
}

impl Replayed {
    /// The page, unless it is missing.
    pub fn pin(&self) -> Option<&Pin> {
        match self {
            Replayed::Applied(pin) | Replayed::Restored(pin) | Replayed::Done(pin) => Some(pin),
            Replayed::Missing => None,
        }
    }
}

/// Replays all blocks of a record, in order.
///
/// # Errors
/// `XX001` for invalid pages; the disk's.
pub fn redo<'r, C: Change<'r>>(context: &RedoContext<'_>, record: &Record<'r>, change: &C) -> Result<()> {
    for block in &record.blocks {
        replay(context, record, change, block, RedoLatch::Exclusive)?;
    }
    Ok(())
}

/// Replays one block of a record, when the order or the kind of latch matters.
///
/// # Errors
/// `XX001` when the record has no such block or the page is invalid; the disk's.
pub fn redo_block<'r, C: Change<'r>>(
    context: &RedoContext<'_>,
    record: &Record<'r>,
    change: &C,
    id: u8,
    latch: RedoLatch,
) -> Result<Replayed> {
    let block = record.block(id).ok_or_else(|| {
        Error::corrupted(format!(
            "failed to locate backup block with ID {id} in WAL record at {}",
            record.lsn
        ))
    })?;
    replay(context, record, change, block, latch)
}

fn latched<'p>(pin: &'p Pin, latch: RedoLatch) -> PageWrite<'p> {
    match latch {
        RedoLatch::Exclusive => pin.write(),
        RedoLatch::Cleanup => pin.cleanup(),
    }
}

fn restore(
    context: &RedoContext<'_>,
    record: &Record<'_>,
    block: &Block<'_>,
    image: &Image<'_>,
    latch: RedoLatch,
) -> Result<Replayed> {
    let pin = pin_for_redo(context, block, true)?.ok_or_else(|| Error::internal("block was not made"))?;
    let mut page = latched(&pin, latch);
    let mut restored = Ok(());
    page.change_unlogged(|page| {
        restored = image.restore(page);
        if !page.is_new() {
            page.set_lsn(record.end);
        }
    });
    restored?;
    drop(page);
    // The main fork is copied from the file when recovery ends.
    if block.fork == Fork::Init {
        context.pool.flush_block(block.locator, block.fork, block.block)?;
    }
    Ok(Replayed::Restored(pin))
}

/// Replays a record that consists of images alone (XLOG_FPI).
///
/// # Errors
/// `XX001` when a block has none; the disk's.
pub fn redo_images(context: &RedoContext<'_>, record: &Record<'_>) -> Result<()> {
    for block in &record.blocks {
        match block.image.filter(|image| image.apply) {
            Some(image) => drop(restore(context, record, block, &image, RedoLatch::Exclusive)?),
            None => {
                return Err(Error::corrupted(format!(
                    "unexpected missing image in WAL record at {}",
                    record.lsn
                )));
            }
        }
    }
    Ok(())
}

fn replay<'r, C: Change<'r>>(
    context: &RedoContext<'_>,
    record: &Record<'r>,
    change: &C,
    block: &Block<'r>,
    latch: RedoLatch,
) -> Result<Replayed> {
    if let Some(image) = block.image.filter(|image| image.apply) {
        return restore(context, record, block, &image, latch);
    }
    let Some(pin) = pin_for_redo(context, block, block.will_init)? else { return Ok(Replayed::Missing) };
    let mut page = latched(&pin, latch);
    if !block.will_init {
        // Adding a page to the map is not logged.
        if page.is_new() && block.fork == Fork::VisibilityMap {
            page.change_unlogged(|page| page.init(0));
        }
        if page.is_new() {
            context.missing.add(block.locator, block.fork, block.block, true);
            return Ok(Replayed::Missing);
        }
        if page.lsn() >= record.end {
            drop(page);
            return Ok(Replayed::Done(pin));
        }
    }
    page.change_unlogged(|page| {
        change.apply(block.id, page);
        page.set_lsn(record.end);
    });
    drop(page);
    Ok(Replayed::Applied(pin))
}

/// Pins the page of a record's block. With `make`, missing blocks (and the file) are made and the page is not read, as its whole content is about
/// to be replaced; otherwise a missing block is noted and `None`.
///
/// # Errors
/// As [`redo`].
pub fn pin_for_redo(context: &RedoContext<'_>, block: &Block<'_>, make: bool) -> Result<Option<Pin>> {
    let Block { locator, fork, block: number, .. } = *block;
    let pool = context.pool;
    if number == BlockNumber::INVALID {
        return Err(Error::corrupted("WAL record refers to an invalid block number"));
    }
    if !pool.files().exists(locator, fork)? {
        pool.files().create(locator, fork, true)?;
    }
    if number >= pool.block_count(locator, fork)? {
        if !make && fork != Fork::VisibilityMap {
            context.missing.add(locator, fork, number, false);
            return Ok(None);
        }
        pool.extend_to(locator, fork, number.0 + 1, false)?;
    }
    let mode = match fork {
        _ if make => ReadMode::Zero,
        Fork::VisibilityMap => ReadMode::ZeroOnError,
        _ => ReadMode::Normal,
    };
    pool.pin_mode(Tag { locator, fork, block: number }, mode).map(Some)
}
