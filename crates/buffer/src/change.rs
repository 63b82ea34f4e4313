//! Changing pages: apply, log, mark dirty, as one step.

use crate::frame::Tag;
use crate::pin::PageWrite;
use crate::pool::BufferPool;
use base::{BlockNumber, Error, Fork, Lsn, RelFileLocator, Result, Xid};
use smallvec::SmallVec;
use storage::Page;
use wal::{BlockFlags, Change, RecordBuilder, RmgrId, Wal};

const FPI_FOR_HINT: u8 = 0xa0;
const FPI: u8 = 0xb0;
/// The most pages one XLOG_FPI record carries.
const PAGES_PER_RECORD: usize = 32;

/// Whether a change goes into the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logging {
    /// `xid`: the transaction that the record belongs to, 0 for none.
    Logged { xid: Xid },
    /// Temporary and unlogged relations, and files that are synced before their transaction commits.
    Unlogged,
}

/// A page that takes part in a change.
pub struct Registered<'a, 'p> {
    page: &'a mut PageWrite<'p>,
    id: Option<u8>,
    flags: BlockFlags,
}

impl<'a, 'p> Registered<'a, 'p> {
    /// With its index among the pages as block id.
    pub fn new(page: &'a mut PageWrite<'p>) -> Registered<'a, 'p> {
        Registered { page, id: None, flags: BlockFlags::default() }
    }

    /// With another block id, where PostgreSQL's record leaves gaps. Ids ascend.
    pub fn id(mut self, id: u8) -> Self {
        self.id = Some(id);
        self
    }

    /// The page has the standard layout: its hole is left out of images.
    pub fn standard(mut self) -> Self {
        self.flags.standard = true;
        self
    }

    /// The change begins with an empty page, so no image is needed.
    pub fn will_init(mut self) -> Self {
        self.flags.will_init = true;
        self
    }

    pub fn no_image(mut self) -> Self {
        self.flags.no_image = true;
        self
    }

    pub fn force_image(mut self) -> Self {
        self.flags.force_image = true;
        self
    }

    /// The block's data stays in the record beside an image.
    pub fn keep_data(mut self) -> Self {
        self.flags.keep_data = true;
        self
    }
}

/// Between the first changed page and the logged record: a panic here leaves memory that must not reach the disk.
struct CriticalSection<'w> {
    wal: &'w Wal,
    over: bool,
}

impl Drop for CriticalSection<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.wal.panic(Error::internal("a page change was interrupted before it was logged"));
        }
    }
}

impl BufferPool {
    /// Applies a change to its pages, logs it, and gives the pages its LSN. What can go wrong is checked before the first page changes;
    /// a failure after that stops the log and, on a real server, the process.
    ///
    /// # Errors
    /// `54000` for an oversized record, `XX000` during recovery, PANIC when the log cannot be written.
    pub fn change<'r, C: Change<'r>>(
        &self,
        change: &C,
        logging: Logging,
        pages: &mut [Registered<'_, '_>],
    ) -> Result<Lsn> {
        self.change_with(change, logging, pages, |record| record)
    }

    /// As [`BufferPool::change`], with `finish` adding the top-level xid or an origin to the record.
    ///
    /// # Errors
    /// As [`BufferPool::change`].
    pub fn change_with<'r, C: Change<'r>>(
        &self,
        change: &C,
        logging: Logging,
        pages: &mut [Registered<'_, '_>],
        finish: impl FnOnce(RecordBuilder) -> RecordBuilder,
    ) -> Result<Lsn> {
        let id = |index: usize, page: &Registered<'_, '_>| page.id.unwrap_or(index as u8);
        let Logging::Logged { xid } = logging else {
            self.wal().check()?;
            let mut critical = CriticalSection { wal: self.wal(), over: false };
            for (index, registered) in pages.iter_mut().enumerate() {
                let block = id(index, registered);
                registered.page.mark_dirty();
                change.apply(block, registered.page.page_mut());
            }
            critical.over = true;
            return Ok(Lsn::INVALID);
        };
        let mut record = finish(RecordBuilder::new(C::RMGR, change.info(), xid));
        for (index, registered) in pages.iter().enumerate() {
            let Tag { locator, fork, block } = registered.page.pin().tag();
            record.add_block(id(index, registered), locator, fork, block, registered.flags);
        }
        change.encode(&mut record.writer());
        self.wal().prepare(&record)?;
        let mut critical = CriticalSection { wal: self.wal(), over: false };
        for (index, registered) in pages.iter_mut().enumerate() {
            let block = id(index, registered);
            // Dirty before the record has its place: a checkpoint whose redo point lies behind it must find the page.
            registered.page.mark_dirty();
            change.apply(block, registered.page.page_mut());
        }
        let changed: SmallVec<[&Page; 4]> = pages.iter().map(|registered| &**registered.page).collect();
        let inserted = self.wal().insert_with_pages(&record, &changed);
        drop(changed);
        let placed = inserted?;
        for registered in pages.iter_mut() {
            registered.page.page_mut().set_lsn(placed.end);
        }
        critical.over = true;
        Ok(placed.end)
    }

    /// Logs a page as it is (XLOG_FPI), for pages built without records of their own.
    ///
    /// # Errors
    /// As [`BufferPool::change`].
    pub fn log_new_page(&self, page: &mut PageWrite<'_>, standard: bool) -> Result<Lsn> {
        page.mark_dirty();
        log_image(page, ImageKind::New, standard)
    }

    /// Logs several pages of bulk-built relations, 32 a record.
    ///
    /// # Errors
    /// As [`BufferPool::change`].
    pub fn log_new_pages(&self, pages: &mut [PageWrite<'_>], standard: bool) -> Result<Lsn> {
        let mut last = Lsn::INVALID;
        for batch in pages.chunks_mut(PAGES_PER_RECORD) {
            let mut record = RecordBuilder::new(RmgrId::XLOG, FPI, Xid::INVALID);
            for (index, page) in batch.iter().enumerate() {
                page.mark_dirty();
                let Tag { locator, fork, block } = page.pin().tag();
                let flags = BlockFlags { standard, force_image: true, ..BlockFlags::default() };
                record.add_block(index as u8, locator, fork, block, flags);
            }
            let images: Vec<&Page> = batch.iter().map(|page| &**page).collect();
            last = self.wal().insert_with_pages(&record, &images)?.end;
            for page in batch {
                if !page.is_new() {
                    page.page_mut().set_lsn(last);
                }
            }
        }
        Ok(last)
    }
}

/// Logs pages that are in no pool, 32 a record, and gives them their LSNs.
pub(crate) fn log_images(
    wal: &Wal,
    locator: RelFileLocator,
    fork: Fork,
    blocks: &[BlockNumber],
    pages: &mut [Page],
) -> Result<()> {
    for (blocks, batch) in blocks.chunks(PAGES_PER_RECORD).zip(pages.chunks_mut(PAGES_PER_RECORD)) {
        let mut record = RecordBuilder::new(RmgrId::XLOG, FPI, Xid::INVALID);
        for (index, block) in blocks.iter().enumerate() {
            let flags = BlockFlags { standard: true, force_image: true, ..BlockFlags::default() };
            record.add_block(index as u8, locator, fork, *block, flags);
        }
        let images: Vec<&Page> = batch.iter().collect();
        let end = wal.insert_with_pages(&record, &images)?.end;
        batch.iter_mut().filter(|page| !page.is_new()).for_each(|page| page.set_lsn(end));
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImageKind {
    New,
    ForHint,
}

/// Logs an image of the page as it is. One for a hint is taken only if it is due.
pub(crate) fn log_image(page: &mut PageWrite<'_>, kind: ImageKind, standard: bool) -> Result<Lsn> {
    let info = match kind {
        ImageKind::New => FPI,
        ImageKind::ForHint => FPI_FOR_HINT,
    };
    let mut record = RecordBuilder::new(RmgrId::XLOG, info, Xid::INVALID);
    let Tag { locator, fork, block } = page.pin().tag();
    let flags = BlockFlags { standard, force_image: true, ..BlockFlags::default() };
    record.add_block(0, locator, fork, block, flags);
    let end = page.pin().pool().wal().insert_with_pages(&record, &[&**page])?.end;
    if !page.is_new() {
        page.page_mut().set_lsn(end);
    }
    Ok(end)
}
