//! The log: insertion and flushing.
//!
//! **Insertion.** A thread assembles its record, takes a slot, reserves the place under a short mutex, and copies the record into the ring
//! while others copy theirs. **Flushing.** Whoever needs the log durable up to an LSN waits for insertions below it, then gets a turn to sync or waits
//! (`syncs.rs`). Who syncs first writes all that is complete by then, so that one sync serves every waiter.
//!
//! A thread never waits for insertions while it writes or syncs, and before it waits for room in the ring it publishes how far it has
//! copied: the oldest insertion always finds the pages it needs complete, so nobody waits in a circle.

use crate::RmgrId;
use crate::assembly::{self, Assembled, ImagePolicy};
use crate::builder::RecordBuilder;
use crate::insertion::{NeedWritten, Position, Ring, SlotGuard, Slots};
use crate::layout::{Layout, RECORD_HEADER, SHORT_PAGE_HEADER, WAL_PAGE};
use crate::options::{Compression, SyncMethod, WalOptions};
use crate::segments::{Fill, SegmentFiles};
use crate::syncs::Syncs;
use base::bytes::max_align;
use base::{Error, Lsn, Result, Severity, SqlState, TimelineId, Xid};
use parking_lot::{Condvar, Mutex, RwLock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use storage::Page;
use sys::disk::{File, file_error};

/// Where a record was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inserted {
    pub start: Lsn,
    /// Where the record ends: what its pages carry, and what to flush up to.
    pub end: Lsn,
}

/// Where the log goes on.
#[derive(Clone, Copy, Debug)]
pub struct WalStart {
    pub timeline: TimelineId,
    pub system_identifier: u64,
    /// The end of the last record, where the next one goes.
    pub end: Lsn,
    /// The start of the last record; invalid before the first.
    pub previous: Lsn,
    /// The redo point of the last checkpoint.
    pub redo: Lsn,
}

struct OpenSegment {
    number: u64,
    file: Arc<dyn File>,
}

/// What belongs to the thread that writes.
struct Writer {
    open: Option<OpenSegment>,
    buffer: Vec<u8>,
}

/// How far the log is to get.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goal {
    /// To the operating system.
    Written,
    /// As `Written`, and asked to be on its way to the disk, so that the sync that will follow has less to do.
    UnderWay,
}

/// The bytes written at once.
const WRITE_CHUNK: u64 = 1 << 20;
const CHECKPOINT_REDO: u8 = 0xe0;
const SWITCH: u8 = 0x40;

/// The write-ahead log of a cluster.
pub struct Wal {
    options: WalOptions,
    layout: Layout,
    segments: SegmentFiles,
    slots: Slots,
    ring: Ring,
    position: Mutex<Position>,
    identity: RwLock<(TimelineId, u64)>,
    accepting: AtomicBool,
    poisoned: Mutex<Option<Error>>,
    is_poisoned: AtomicBool,
    redo: AtomicU64,
    full_page_writes: AtomicBool,
    running_backups: AtomicU32,
    consistency_checking: AtomicU32,
    written: AtomicU64,
    last_important: AtomicU64,
    /// `None` while somebody writes.
    writer: Mutex<Option<Writer>>,
    writer_back: Condvar,
    /// Those who may sync, each with a file of its own: the system tells every open file once that a write has failed.
    syncs: Syncs<Option<OpenSegment>>,
    clock: Arc<dyn sys::Clock>,
    requested: AtomicU64,
    /// wal_writer_flush_after, in bytes.
    flush_after: AtomicU64,
    /// How much of the log the WAL writer was last told of, so that it is told once for each chunk.
    announced: AtomicU64,
    request: Mutex<()>,
    request_made: Condvar,
    /// The newest segment made before it was needed.
    made_ahead: AtomicU64,
}

impl Wal {
    /// A log that does not accept records yet: recovery comes first, then [`Wal::start`].
    ///
    /// # Errors
    /// `22023` for a segment size that is none, `0A000` for wal_compression.
    pub fn new(system: &sys::System, options: WalOptions) -> Result<Arc<Wal>> {
        let size = options.segment_size;
        if !size.is_power_of_two() || !(1 << 20..=1 << 30).contains(&size) {
            return Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("invalid WAL segment size ({size} bytes)"),
            )
            .detail("The WAL segment size must be a power of two between 1 MB and 1 GB."));
        }
        if options.compression != Compression::Off {
            return Err(Error::unsupported("wal_compression"));
        }
        let layout = Layout { segment_size: u64::from(size) };
        Ok(Arc::new(Wal {
            layout,
            segments: SegmentFiles::new(system.disk.clone(), &options),
            slots: Slots::new(),
            ring: Ring::new(options.buffers, layout),
            position: Mutex::new(Position { next: 0, previous: 0 }),
            identity: RwLock::new((TimelineId(1), 0)),
            accepting: AtomicBool::new(false),
            poisoned: Mutex::new(None),
            is_poisoned: AtomicBool::new(false),
            redo: AtomicU64::new(0),
            full_page_writes: AtomicBool::new(options.full_page_writes),
            running_backups: AtomicU32::new(0),
            consistency_checking: AtomicU32::new(options.consistency_checking),
            written: AtomicU64::new(0),
            last_important: AtomicU64::new(0),
            writer: Mutex::new(Some(Writer { open: None, buffer: Vec::new() })),
            writer_back: Condvar::new(),
            syncs: Syncs::new(|| None),
            clock: system.clock.clone(),
            requested: AtomicU64::new(0),
            flush_after: AtomicU64::new(0),
            announced: AtomicU64::new(0),
            request: Mutex::new(()),
            request_made: Condvar::new(),
            made_ahead: AtomicU64::new(0),
            options,
        }))
    }

    /// Begins to accept records, after recovery or on a new cluster.
    ///
    /// # Errors
    /// The disk's, when the log's last page cannot be read.
    pub fn start(&self, start: WalStart) -> Result<()> {
        let end = start.end.0;
        let page = end / WAL_PAGE * WAL_PAGE;
        let mut last_page = vec![0; WAL_PAGE as usize];
        if end > page {
            let header = self.layout.header_size(page);
            if end == page + header && !start.previous.is_valid() {
                // The very first record of a new cluster: its page has no header on disk yet.
                let (bytes, length) = crate::layout::PageHeader::new(
                    self.layout,
                    page,
                    start.timeline,
                    start.system_identifier,
                )
                .encode();
                last_page[..length].copy_from_slice(&bytes[..length]);
            } else {
                let file = self.segments.open_or_make(
                    start.timeline,
                    end / self.layout.segment_size,
                    Fill::Zeros,
                )?;
                let offset = page % self.layout.segment_size;
                file.read_at(&mut last_page, offset).map_err(|error| {
                    let path = self.segments.path(start.timeline, end / self.layout.segment_size);
                    file_error(&error, format_args!("could not read file \"{path}\""))
                })?;
            }
        }
        self.ring.start(end, &last_page);
        *self.position.lock() = Position { next: self.layout.position(end), previous: start.previous.0 };
        *self.identity.write() = (start.timeline, start.system_identifier);
        self.redo.store(start.redo.0, Ordering::Release);
        self.written.store(end, Ordering::Release);
        self.syncs.set_flushed(end);
        self.announced.store(end, Ordering::Release);
        self.last_important.store(start.previous.0, Ordering::Release);
        self.accepting.store(true, Ordering::Release);
        Ok(())
    }

    /// Stops accepting records, after the shutdown checkpoint.
    pub fn stop(&self) {
        self.accepting.store(false, Ordering::Release);
    }

    /// False during recovery.
    pub fn is_accepting(&self) -> bool {
        self.accepting.load(Ordering::Acquire)
    }

    pub fn options(&self) -> &WalOptions {
        &self.options
    }

    pub fn segments(&self) -> &SegmentFiles {
        &self.segments
    }

    pub fn timeline(&self) -> TimelineId {
        self.identity.read().0
    }

    pub fn system_identifier(&self) -> u64 {
        self.identity.read().1
    }

    /// Writing has failed, or a thread has panicked between changing pages and logging that: nothing of memory may reach the disk any
    /// more. Calls the hook that ends the process; in a simulation every later call fails with what is returned here.
    pub fn panic(&self, error: Error) -> Error {
        let error = error.severity(Severity::Panic);
        let mut poisoned = self.poisoned.lock();
        let first = poisoned.is_none();
        let kept = poisoned.get_or_insert(error).clone();
        drop(poisoned);
        self.is_poisoned.store(true, Ordering::Release);
        if first {
            (self.options.on_panic)(&kept);
        }
        self.writer_back.notify_all();
        self.syncs.call_all();
        kept
    }

    /// # Errors
    /// The PANIC that has stopped the log.
    pub fn check(&self) -> Result<()> {
        if !self.is_poisoned.load(Ordering::Acquire) {
            return Ok(());
        }
        match &*self.poisoned.lock() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    fn check_accepting(&self) -> Result<()> {
        self.check()?;
        if !self.is_accepting() {
            return Err(Error::internal("cannot make new WAL entries during recovery"));
        }
        Ok(())
    }

    /// Puts a record without pages into the log.
    ///
    /// # Errors
    /// `54000` for an oversized record, `XX000` during recovery, PANIC when the log cannot be written.
    pub fn insert(&self, record: &RecordBuilder) -> Result<Lsn> {
        Ok(self.insert_with_pages(record, &[])?.end)
    }

    /// As [`Wal::insert`], telling the record's start too.
    ///
    /// # Errors
    /// As [`Wal::insert`].
    pub fn insert_at(&self, record: &RecordBuilder) -> Result<Inserted> {
        self.insert_with_pages(record, &[])
    }

    /// Checks everything that can be wrong with a record, before its pages change.
    ///
    /// # Errors
    /// `54000` for an oversized record, `XX000` during recovery, PANIC when the log has failed.
    pub fn prepare(&self, record: &RecordBuilder) -> Result<()> {
        self.check_accepting()?;
        assembly::check(record)
    }

    fn policy(&self, rmgr: RmgrId) -> ImagePolicy {
        let checked = self.consistency_checking.load(Ordering::Relaxed);
        ImagePolicy {
            redo: self.redo.load(Ordering::Acquire),
            full_page_writes: self.full_page_writes(),
            check_consistency: rmgr.0 < 32 && checked & (1 << rmgr.0) != 0,
        }
    }

    /// Puts a record into the log whose blocks have these pages, as they are after the change.
    ///
    /// # Errors
    /// As [`Wal::insert`].
    pub fn insert_with_pages(&self, record: &RecordBuilder, pages: &[&Page]) -> Result<Inserted> {
        self.check_accepting()?;
        loop {
            let policy = self.policy(record.rmgr);
            let Assembled { mut bytes, oldest_without_image } = assembly::assemble(record, pages, policy);
            let checksum = crc32c::crc32c(&bytes[RECORD_HEADER..]);
            let slot = self.slots.acquire();
            // Redo point and full_page_writes change only under all slots.
            let images_on = self.full_page_writes();
            let redo = self.redo.load(Ordering::Acquire);
            if images_on
                && !record.blocks.is_empty()
                && (!policy.full_page_writes || oldest_without_image.is_some_and(|lsn| lsn <= redo))
            {
                continue;
            }
            return self.place(slot, &mut bytes, checksum, record.unimportant);
        }
    }

    fn place(
        &self,
        slot: SlotGuard<'_>,
        bytes: &mut [u8],
        checksum: u32,
        unimportant: bool,
    ) -> Result<Inserted> {
        let size = max_align(bytes.len()) as u64;
        let (start, end, previous) = self.reserve(&slot, size);
        assembly::seal(bytes, checksum, Lsn(previous));
        self.copy(&slot, start, bytes)?;
        if !unimportant {
            self.last_important.fetch_max(start, Ordering::AcqRel);
        }
        drop(slot);
        self.announce(end);
        Ok(Inserted { start: Lsn(start), end: Lsn(end) })
    }

    /// Wakes the WAL writer for each chunk that the log has grown by, so that a bulk load finds room in the ring.
    fn announce(&self, end: u64) {
        let announced = self.announced.load(Ordering::Relaxed);
        if end >= announced + WRITE_CHUNK
            && self.announced.compare_exchange(announced, end, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            let _request = self.request.lock();
            self.request_made.notify_one();
        }
    }

    /// Start, end, and the start of the record before.
    fn reserve(&self, slot: &SlotGuard<'_>, size: u64) -> (u64, u64, u64) {
        let mut position = self.position.lock();
        let start = self.layout.start_lsn(position.next);
        let previous = std::mem::replace(&mut position.previous, start);
        position.next += size;
        slot.begin(start);
        (start, self.layout.end_lsn(position.next), previous)
    }

    /// Sees to it that the page that holds `lsn` can be written into. All that this thread has reserved below is copied.
    fn page_ready(&self, slot: &SlotGuard<'_>, lsn: u64) -> Result<()> {
        while !self.ring.is_ready(lsn) {
            let (timeline, system) = *self.identity.read();
            let written = self.written.load(Ordering::Acquire);
            if let Err(NeedWritten(upto)) = self.ring.make_ready(lsn, written, timeline, system) {
                slot.progress(lsn / WAL_PAGE * WAL_PAGE);
                self.write_out(upto, Goal::Written)?;
            }
        }
        Ok(())
    }

    fn copy(&self, slot: &SlotGuard<'_>, start: u64, bytes: &[u8]) -> Result<()> {
        let mut at = start;
        let mut rest = bytes;
        self.page_ready(slot, at)?;
        loop {
            let room = (WAL_PAGE - at % WAL_PAGE) as usize;
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.ring.store(at, now);
            rest = later;
            if rest.is_empty() {
                return Ok(());
            }
            at += room as u64;
            self.page_ready(slot, at)?;
            self.ring.mark_continued(at, rest.len() as u32);
            at += self.layout.header_size(at);
        }
    }

    /// The LSN below which everything is durable.
    pub fn flushed(&self) -> Lsn {
        Lsn(self.syncs.flushed())
    }

    /// The LSN below which everything is handed to the operating system.
    pub fn written(&self) -> Lsn {
        Lsn(self.written.load(Ordering::Acquire))
    }

    /// The end of the last record that has its place.
    pub fn inserted(&self) -> Lsn {
        Lsn(self.layout.end_lsn(self.position.lock().next))
    }

    /// The redo point of the running or last checkpoint: pages with an LSN up to it get an image at their next change.
    pub fn redo_lsn(&self) -> Lsn {
        Lsn(self.redo.load(Ordering::Acquire))
    }

    /// The start of the last record that is a reason for another checkpoint.
    pub fn last_important(&self) -> Lsn {
        Lsn(self.last_important.load(Ordering::Acquire))
    }

    pub fn set_last_important(&self, lsn: Lsn) {
        self.last_important.store(lsn.0, Ordering::Release);
    }

    /// Images are due: full_page_writes is on, or a backup is running.
    pub fn full_page_writes(&self) -> bool {
        self.full_page_writes.load(Ordering::Acquire) || self.running_backups.load(Ordering::Acquire) > 0
    }

    /// Changes full_page_writes; the caller logs XLOG_FPW_CHANGE (before turning it off, after turning it on).
    pub fn set_full_page_writes(&self, on: bool) {
        let _all = self.slots.acquire_all();
        self.full_page_writes.store(on, Ordering::Release);
    }

    pub fn set_consistency_checking(&self, rmgrs: u32) {
        self.consistency_checking.store(rmgrs, Ordering::Relaxed);
    }

    /// A base backup starts (`true`) or ends: while one runs, images are taken whatever full_page_writes says.
    pub fn backup_running(&self, starts: bool) {
        let _all = self.slots.acquire_all();
        if starts {
            self.running_backups.fetch_add(1, Ordering::AcqRel);
        } else {
            self.running_backups.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// The redo point of a shutdown checkpoint: where its own record will start, as nothing else is inserted any more.
    pub fn begin_shutdown_checkpoint(&self) -> Lsn {
        let _all = self.slots.acquire_all();
        let redo = self.layout.start_lsn(self.position.lock().next);
        self.redo.store(redo, Ordering::Release);
        Lsn(redo)
    }

    /// Logs XLOG_CHECKPOINT_REDO, whose start is the redo point of an online checkpoint, with nothing inserted in between.
    ///
    /// # Errors
    /// As [`Wal::insert`].
    pub fn begin_online_checkpoint(&self) -> Result<Lsn> {
        self.check_accepting()?;
        let level = (self.options.level as u32).to_le_bytes();
        let record =
            RecordBuilder::new(RmgrId::XLOG, CHECKPOINT_REDO, Xid::INVALID).main(&level).unimportant();
        let Assembled { mut bytes, .. } = assembly::assemble(&record, &[], self.policy(RmgrId::XLOG));
        let checksum = crc32c::crc32c(&bytes[RECORD_HEADER..]);
        let mut all = self.slots.acquire_all();
        let slot = all.swap_remove(0);
        let size = max_align(bytes.len()) as u64;
        let (start, _, previous) = self.reserve(&slot, size);
        self.redo.store(start, Ordering::Release);
        drop(all);
        assembly::seal(&mut bytes, checksum, Lsn(previous));
        self.copy(&slot, start, &bytes)?;
        Ok(Lsn(start))
    }

    /// Ends the current segment, unless it is empty. Returns the end of the record, or where the log stands when there is nothing to do.
    ///
    /// # Errors
    /// As [`Wal::insert`].
    pub fn switch_segment(&self) -> Result<Lsn> {
        self.check_accepting()?;
        let record = RecordBuilder::new(RmgrId::XLOG, SWITCH, Xid::INVALID).unimportant();
        let Assembled { mut bytes, .. } = assembly::assemble(&record, &[], self.policy(RmgrId::XLOG));
        let checksum = crc32c::crc32c(&bytes[RECORD_HEADER..]);
        let mut all = self.slots.acquire_all();
        let slot = all.swap_remove(0);
        let segment_size = self.layout.segment_size;
        let (start, record_end, segment_end, previous);
        {
            let mut position = self.position.lock();
            let here = self.layout.end_lsn(position.next);
            if here.is_multiple_of(segment_size) {
                return Ok(Lsn(here));
            }
            start = self.layout.start_lsn(position.next);
            record_end = self.layout.end_lsn(position.next + max_align(bytes.len()) as u64);
            segment_end = record_end.next_multiple_of(segment_size);
            previous = std::mem::replace(&mut position.previous, start);
            position.next = self.layout.position(segment_end);
            slot.begin(start);
        }
        drop(all);
        assembly::seal(&mut bytes, checksum, Lsn(previous));
        self.copy(&slot, start, &bytes)?;
        let mut page = record_end.next_multiple_of(WAL_PAGE);
        while page < segment_end {
            self.page_ready(&slot, page)?;
            self.ring.clear(page);
            page += WAL_PAGE;
        }
        drop(slot);
        self.flush(Lsn(segment_end))?;
        Ok(Lsn(record_end))
    }

    /// Returns once everything before `upto` is durable. During recovery there is nothing to do: what is replayed is durable.
    ///
    /// # Errors
    /// PANIC when the log cannot be written; `XX000` when `upto` lies beyond its end (a page with a corrupted LSN).
    pub fn flush(&self, upto: Lsn) -> Result<()> {
        self.flush_gathering(upto, || ())
    }

    /// As [`Wal::flush`]; if it comes to a sync, `gather` is called before: a moment in which others may commit, too.
    ///
    /// # Errors
    /// Those of [`Wal::flush`].
    pub fn flush_gathering(&self, upto: Lsn, gather: impl FnOnce()) -> Result<()> {
        if upto.0 <= self.syncs.flushed() {
            return Ok(());
        }
        if !self.is_accepting() {
            return self.check();
        }
        self.make_durable(upto.0, gather)
    }

    /// Writes and syncs, or waits for somebody else who does. Whoever syncs calls `gather` first.
    fn make_durable(&self, upto: u64, gather: impl FnOnce()) -> Result<()> {
        self.await_insertions(upto)?;
        let Some(mut open) = self.syncs.take(upto, || self.check())? else { return Ok(()) };
        gather();
        let start = self.clock.monotonic();
        let result = self.write_and_sync(upto, &mut open);
        let took = self.clock.monotonic().saturating_sub(start);
        self.syncs.give_back(open, result.as_ref().ok().copied(), took);
        result.map(drop).map_err(|error| self.panic(error))
    }

    /// Returns up to where the log is on disk now.
    fn write_and_sync(&self, upto: u64, open: &mut Option<OpenSegment>) -> Result<u64> {
        // Insertions that have ended meanwhile come along, even if nothing else has to be written.
        self.write_with(upto, Goal::Written, || false)?;
        // Earlier segments were synced before the first write to this one.
        let target = self.written.load(Ordering::Acquire);
        let number = (target - 1) / self.layout.segment_size;
        let segment = match open.take() {
            Some(segment) if segment.number == number => segment,
            _ => {
                let file = self.segments.open_or_make(self.timeline(), number, Fill::Nothing)?;
                OpenSegment { number, file }
            }
        };
        let synced = self.sync_segment(&segment);
        *open = Some(segment);
        synced?;
        Ok(target)
    }

    /// Hands what lies before `upto` to the operating system.
    fn write_out(&self, upto: u64, goal: Goal) -> Result<()> {
        let done = || self.written.load(Ordering::Acquire) >= upto;
        if done() {
            return Ok(());
        }
        self.await_insertions(upto)?;
        self.write_with(upto, goal, done).map_err(|error| self.panic(error))
    }

    /// Writes what is complete, at least up to `upto`, when its turn comes; nothing if it is `done` before.
    fn write_with(&self, upto: u64, goal: Goal, done: impl Fn() -> bool) -> Result<()> {
        let mut guard = self.writer.lock();
        let mut writer = loop {
            if done() {
                return Ok(());
            }
            self.check()?;
            match guard.take() {
                Some(writer) => break writer,
                None => self.writer_back.wait(&mut guard),
            }
        };
        drop(guard);
        let target = self.slots.complete_upto(self.inserted().0).max(upto);
        let result = self.write_pages(&mut writer, target, goal);
        *self.writer.lock() = Some(writer);
        self.writer_back.notify_all();
        result
    }

    /// Waits until nothing before `upto` is still being copied into the ring.
    fn await_insertions(&self, upto: u64) -> Result<()> {
        self.check()?;
        let reserved = self.inserted().0;
        if upto > reserved {
            return Err(Error::internal(format!(
                "xlog flush request {} is not satisfied --- flushed only to {}",
                Lsn(upto),
                Lsn(reserved)
            )));
        }
        self.slots.wait(upto);
        Ok(())
    }

    fn write_pages(&self, writer: &mut Writer, target: u64, goal: Goal) -> Result<()> {
        let segment_size = self.layout.segment_size;
        let written = self.written.load(Ordering::Acquire);
        if written >= target {
            return Ok(());
        }
        let mut from = written / WAL_PAGE * WAL_PAGE;
        let end = target.next_multiple_of(WAL_PAGE);
        while from < end {
            let upto = end.min(from + WRITE_CHUNK).min((from / segment_size + 1) * segment_size);
            writer.buffer.clear();
            self.ring.load(from, upto, &mut writer.buffer);
            self.write_chunk(writer, from)?;
            if let (Goal::UnderWay, Some(open)) = (goal, &writer.open) {
                open.file.start_write_back(from % segment_size, upto - from);
            }
            self.written.fetch_max(upto.min(target), Ordering::AcqRel);
            if upto < end {
                // Whoever waits for room in the ring need not wait for the rest.
                drop(self.writer.lock());
                self.writer_back.notify_all();
            }
            from = upto;
        }
        Ok(())
    }

    fn write_chunk(&self, writer: &mut Writer, from: u64) -> Result<()> {
        let segment_size = self.layout.segment_size;
        let number = from / segment_size;
        if writer.open.as_ref().is_none_or(|open| open.number != number) {
            if let Some(open) = &writer.open {
                self.sync_segment(open)?;
            }
            let file = self.segments.open_or_make(self.timeline(), number, Fill::Nothing)?;
            writer.open = Some(OpenSegment { number, file });
        }
        let open = writer.open.as_mut().expect("just opened");
        open.file.write_all_at(&writer.buffer, from % segment_size).map_err(|error| {
            let name = crate::layout::segment_name(self.timeline(), number, self.options.segment_size);
            file_error(
                &error,
                format_args!(
                    "could not write to log file \"{name}\" at offset {}, length {}",
                    from % segment_size,
                    writer.buffer.len()
                ),
            )
        })
    }

    fn sync_segment(&self, open: &OpenSegment) -> Result<()> {
        if !self.options.fsync {
            return Ok(());
        }
        let synced = match self.options.sync_method {
            SyncMethod::Fdatasync => open.file.sync_data(),
            SyncMethod::Fsync => open.file.sync_all(),
        };
        synced.map_err(|error| {
            let name = crate::layout::segment_name(self.timeline(), open.number, self.options.segment_size);
            let call = match self.options.sync_method {
                SyncMethod::Fdatasync => "fdatasync",
                SyncMethod::Fsync => "fsync",
            };
            file_error(&error, format_args!("could not {call} file \"{name}\""))
        })
    }

    /// Leaves making `upto` durable to the WAL writer: asynchronous commit.
    pub fn request_flush(&self, upto: Lsn) {
        if self.requested.fetch_max(upto.0, Ordering::AcqRel) < upto.0 && self.is_flush_due() {
            let _request = self.request.lock();
            self.request_made.notify_one();
        }
    }

    /// The WAL writer's pause: waits until asynchronous commits make `flush_after` bytes, or there is a chunk of the log
    /// to write, at most as long as given.
    pub fn wait_for_request(&self, timeout: Duration, flush_after: u64) {
        self.flush_after.store(flush_after, Ordering::Relaxed);
        let mut request = self.request.lock();
        if !self.is_flush_due() && !self.has_chunk() {
            self.request_made.wait_for(&mut request, timeout);
        }
    }

    /// Whether asynchronous commits wait for more of the log than wal_writer_flush_after.
    fn is_flush_due(&self) -> bool {
        let waiting = self.requested.load(Ordering::Acquire).saturating_sub(self.flushed().0);
        waiting > 0 && waiting >= self.flush_after.load(Ordering::Relaxed)
    }

    /// Whether a whole chunk waits to be written.
    fn has_chunk(&self) -> bool {
        self.announced.load(Ordering::Relaxed) >= self.written.load(Ordering::Acquire) + WRITE_CHUNK
    }

    /// Ends the WAL writer's pause.
    pub fn wake_writer(&self) {
        let _request = self.request.lock();
        self.request_made.notify_all();
    }

    /// One round of the WAL writer: makes durable what asynchronous commits asked for, and all full pages. While the log grows fast it
    /// only writes, and leaves the syncing to commits and the ends of segments. True when there was something.
    ///
    /// # Errors
    /// PANIC when the log cannot be written.
    pub fn background_flush(&self) -> Result<bool> {
        if !self.is_accepting() {
            return Ok(false);
        }
        let inserted = self.inserted().0;
        let full_pages = inserted / WAL_PAGE * WAL_PAGE;
        let requested = self.requested.load(Ordering::Acquire).min(inserted);
        if requested <= self.flushed().0 && self.has_chunk() {
            self.write_out(full_pages, Goal::UnderWay)?;
            return Ok(true);
        }
        let upto = requested.max(full_pages);
        self.make_next_segment(inserted);
        if upto <= self.flushed().0 {
            return Ok(false);
        }
        self.flush(Lsn(upto))?;
        Ok(true)
    }

    /// Makes the next segment's file when three quarters of the current one are used, so that no commit waits for it to be filled with zeros.
    /// A failure is met again by whoever needs it.
    fn make_next_segment(&self, inserted: u64) {
        let size = self.layout.segment_size;
        let next = inserted / size + 1;
        if inserted % size < size / 4 * 3 || self.made_ahead.load(Ordering::Relaxed) >= next {
            return;
        }
        if self.segments.open_or_make(self.timeline(), next, Fill::Zeros).is_ok() {
            self.made_ahead.store(next, Ordering::Relaxed);
        }
    }

    /// The LSN at which a page's records begin, for callers that place the first record of a segment.
    pub fn first_lsn_of_segment(&self, number: u64) -> Lsn {
        Lsn(number * self.layout.segment_size + crate::layout::LONG_PAGE_HEADER)
    }

    /// The number of the segment that holds `lsn`.
    pub fn segment_of(&self, lsn: Lsn) -> u64 {
        lsn.0 / self.layout.segment_size
    }
}

const _: () = assert!(
    SHORT_PAGE_HEADER as usize >= RECORD_HEADER,
    "a record's first 24 bytes may be split by pages only"
);
