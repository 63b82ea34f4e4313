//! The pool: finding, loading, evicting and adding pages.
//!
//! A page that is being read has its frame in the table with VALID off and its latch held exclusively by the reading thread: who finds it waits for the
//! latch. If the read has failed, the next one tries again.

use crate::frame::{DIRTY, Frame, PERMANENT, State, TAGGED, Tag, VALID, WAITER};
use crate::pin::Pin;
use crate::ring::{NO_FRAME, Ring, RingKind, Strategy};
use crate::table::{Entry, Table};
use base::{BlockNumber, Error, Fork, PAGE_SIZE, RelFileLocator, Result, SqlState};
use parking_lot::lock_api::RawRwLock as _;
use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard};
use std::io::IoSliceMut;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use storage::{Page, Persistence, RelationFiles};
use sys::memory::Mapping;
use wal::Wal;

#[derive(Clone, Copy, Debug)]
pub struct BufferOptions {
    /// Pages the pool holds; at least 16.
    pub frames: usize,
    pub checksums: bool,
    pub ignore_checksum_failure: bool,
    pub zero_damaged_pages: bool,
}

impl Default for BufferOptions {
    fn default() -> BufferOptions {
        BufferOptions {
            frames: 16_384,
            checksums: true,
            ignore_checksum_failure: false,
            zero_damaged_pages: false,
        }
    }
}

/// What the pool has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub hits: u64,
    pub reads: u64,
    pub writes: u64,
    pub extends: u64,
    pub evictions: u64,
}

#[derive(Default)]
pub(crate) struct Tallies {
    pub reads: AtomicU64,
    pub writes: AtomicU64,
    pub extends: AtomicU64,
    pub evictions: AtomicU64,
}

/// What a page is to be when it is not in the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadMode {
    Normal,
    /// An invalid page becomes zeros: maps that can be built again.
    ZeroOnError,
    /// The caller fills the page; it is not read.
    Zero,
}

const EXTENSION_LOCKS: usize = 64;
const WAIT_QUEUES: usize = 16;
/// The most pages read at once.
const READ_RUN: usize = 32;

/// The page cache of a cluster.
pub struct BufferPool {
    frames: Vec<Frame>,
    memory: Mapping,
    pub(crate) table: Table,
    hand: AtomicUsize,
    free: FreeFrames,
    files: Arc<RelationFiles>,
    wal: Arc<Wal>,
    pub(crate) options: BufferOptions,
    extension: Vec<Mutex<()>>,
    waits: Vec<(Mutex<()>, Condvar)>,
    pub(crate) tallies: Tallies,
    checkpoint_gate: RwLock<()>,
}

impl BufferPool {
    /// # Errors
    /// `53200` when there is no memory for it.
    pub fn new(files: Arc<RelationFiles>, wal: Arc<Wal>, options: BufferOptions) -> Result<Arc<BufferPool>> {
        let count = options.frames.max(16);
        let memory = Mapping::new(count * PAGE_SIZE).map_err(|error| {
            Error::new(
                SqlState::OUT_OF_MEMORY,
                format!("could not map anonymous shared memory: {}", sys::disk::error_text(&error)),
            )
        })?;
        Ok(Arc::new(BufferPool {
            frames: (0..count).map(|_| Frame::new()).collect(),
            memory,
            table: Table::new(count),
            hand: AtomicUsize::new(0),
            free: FreeFrames::all(count),
            files,
            wal,
            options,
            extension: (0..EXTENSION_LOCKS).map(|_| Mutex::new(())).collect(),
            waits: (0..WAIT_QUEUES).map(|_| (Mutex::new(()), Condvar::new())).collect(),
            tallies: Tallies::default(),
            checkpoint_gate: RwLock::new(()),
        }))
    }

    pub fn wal(&self) -> &Arc<Wal> {
        &self.wal
    }

    pub fn files(&self) -> &Arc<RelationFiles> {
        &self.files
    }

    /// How many pages the pool holds.
    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    pub fn checksums(&self) -> bool {
        self.options.checksums
    }

    /// True when changes of hints, too, must be covered by an image in the log.
    pub(crate) fn logs_hints(&self, rel: RelFileLocator) -> bool {
        self.wal.is_accepting()
            && self.wal.options().log_hints
            && self.files.persistence(rel) == Persistence::Permanent
    }

    pub fn counters(&self) -> Counters {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            hits: self.table.partitions().map(|partition| load(&partition.hits)).sum(),
            reads: load(&self.tallies.reads),
            writes: load(&self.tallies.writes),
            extends: load(&self.tallies.extends),
            evictions: load(&self.tallies.evictions),
        }
    }

    #[inline]
    pub(crate) fn frame(&self, frame: u32) -> &Frame {
        &self.frames[frame as usize]
    }

    /// The frame's memory. Whoever turns this into a reference holds the frame's latch accordingly.
    #[inline]
    pub(crate) fn page(&self, frame: u32) -> *mut Page {
        self.memory.at(frame as usize * PAGE_SIZE).cast()
    }

    /// Pins a block, reading and checking it when it is not in the pool.
    ///
    /// # Errors
    /// `XX001` for an invalid page or one beyond the relation's end; the disk's.
    pub fn pin(
        self: &Arc<Self>,
        rel: RelFileLocator,
        fork: Fork,
        block: BlockNumber,
        strategy: Strategy<'_>,
    ) -> Result<Pin> {
        let frame = self.fetch(Tag { locator: rel, fork, block }, strategy, ReadMode::Normal)?;
        Ok(Pin::from_taken(self.clone(), frame))
    }

    pub(crate) fn pin_mode(self: &Arc<Self>, tag: Tag, mode: ReadMode) -> Result<Pin> {
        let frame = self.fetch(tag, Strategy::Normal, mode)?;
        Ok(Pin::from_taken(self.clone(), frame))
    }

    /// Pins a block that is in the pool.
    pub fn pin_if_cached(
        self: &Arc<Self>,
        rel: RelFileLocator,
        fork: Fork,
        block: BlockNumber,
        strategy: Strategy<'_>,
    ) -> Option<Pin> {
        let count_use = matches!(strategy, Strategy::Normal);
        let (frame, state) = self.look_up(Tag { locator: rel, fork, block }, count_use)?;
        let pin = Pin::from_taken(self.clone(), frame);
        state.has(VALID).then_some(pin)
    }

    /// The frame of a block with a pin taken on it, and its state.
    #[inline]
    pub(crate) fn look_up(&self, tag: Tag, count_use: bool) -> Option<(u32, State)> {
        let hash = tag.hash();
        let partition = self.table.partition(hash);
        let entries = partition.entries.read();
        let frame = entries.find(hash, &tag)?;
        let state = self.frame(frame).pin(count_use);
        drop(entries);
        if count_use {
            partition.hits.fetch_add(1, Ordering::Relaxed);
        }
        Some((frame, state))
    }

    pub(crate) fn is_cached(&self, tag: Tag) -> bool {
        let hash = tag.hash();
        self.table.partition(hash).entries.read().find(hash, &tag).is_some()
    }

    /// Asks for the memory of a block that is about to be pinned: of its frame's state, and of the lines of the page with
    /// the bytes at `places`. Passes over a block that is not in the pool.
    #[inline]
    pub fn fetch_memory(&self, rel: RelFileLocator, fork: Fork, block: BlockNumber, places: &[usize]) {
        let tag = Tag { locator: rel, fork, block };
        let hash = tag.hash();
        let Some(frame) = self.table.partition(hash).entries.read().find(hash, &tag) else { return };
        sys::memory::fetch(std::ptr::from_ref(self.frame(frame)).cast());
        let page = self.page(frame).cast::<u8>();
        places.iter().for_each(|place| sys::memory::fetch(page.wrapping_add((*place).min(PAGE_SIZE - 1))));
    }

    fn fetch(&self, tag: Tag, strategy: Strategy<'_>, mode: ReadMode) -> Result<u32> {
        let count_use = matches!(strategy, Strategy::Normal);
        if let Some((frame, state)) = self.look_up(tag, count_use) {
            return if state.has(VALID) { Ok(frame) } else { self.load_found(frame, tag, mode) };
        }
        match self.add(tag, strategy)? {
            Added::New(frame) => {
                self.load_latched(frame, tag, mode)?;
                Ok(frame)
            }
            Added::Found(frame, state) if state.has(VALID) => Ok(frame),
            Added::Found(frame, _) => self.load_found(frame, tag, mode),
        }
    }

    /// Loads a pinned frame that was found invalid; gives the pin back when that fails.
    fn load_found(&self, frame: u32, tag: Tag, mode: ReadMode) -> Result<u32> {
        self.frame(frame).latch.lock_exclusive();
        if self.frame(frame).state().has(VALID) {
            // SAFETY: locked two lines above.
            unsafe { self.frame(frame).latch.unlock_exclusive() };
            return Ok(frame);
        }
        self.load_latched(frame, tag, mode)?;
        Ok(frame)
    }

    /// Fills a pinned, exclusively latched frame and unlatches it; gives the pin back when that fails.
    fn load_latched(&self, frame: u32, tag: Tag, mode: ReadMode) -> Result<()> {
        let result = if mode == ReadMode::Zero {
            self.zero(frame);
            Ok(())
        } else {
            self.read_run(&[frame], tag, mode)
        };
        if result.is_ok() {
            self.frame(frame).set(VALID);
        }
        // SAFETY: the caller has locked it.
        unsafe { self.frame(frame).latch.unlock_exclusive() };
        if result.is_err() {
            self.frame(frame).unpin();
        }
        result
    }

    /// Fills an exclusively latched frame with zeros.
    fn zero(&self, frame: u32) {
        // SAFETY: the exclusive latch keeps everybody else out.
        unsafe { std::ptr::write_bytes(self.page(frame).cast::<u8>(), 0, PAGE_SIZE) };
    }

    /// Reads consecutive blocks into exclusively latched frames and checks them.
    fn read_run(&self, frames: &[u32], first: Tag, mode: ReadMode) -> Result<()> {
        let mut buffers: Vec<IoSliceMut<'_>> = frames
            .iter()
            .map(|frame| {
                // SAFETY: the exclusive latches on these distinct frames keep everybody else out.
                IoSliceMut::new(unsafe {
                    std::slice::from_raw_parts_mut(self.page(*frame).cast::<u8>(), PAGE_SIZE)
                })
            })
            .collect();
        self.files.read(first.locator, first.fork, first.block, &mut buffers)?;
        drop(buffers);
        self.tallies.reads.fetch_add(frames.len() as u64, Ordering::Relaxed);
        for (offset, frame) in frames.iter().enumerate() {
            let block = BlockNumber(first.block.0 + offset as u32);
            // SAFETY: the exclusive latch keeps everybody else out.
            let page = unsafe { &*self.page(*frame) };
            let checksums = self.options.checksums && !self.options.ignore_checksum_failure;
            if page.verify(block, checksums).is_err() {
                if mode == ReadMode::ZeroOnError || self.options.zero_damaged_pages {
                    self.zero(*frame);
                } else {
                    let path = self.files.path(first.locator, first.fork);
                    return Err(Error::corrupted(format!(
                        "invalid page in block {block} of relation \"{path}\""
                    )));
                }
            }
        }
        Ok(())
    }

    /// Gives a block a frame: tagged, pinned, exclusively latched and not valid. Or finds the frame that it has by now, pinned.
    fn add(&self, tag: Tag, strategy: Strategy<'_>) -> Result<Added> {
        let frame = self.claim(strategy)?;
        Ok(self.add_claimed(tag, frame))
    }

    fn add_claimed(&self, tag: Tag, frame: u32) -> Added {
        let hash = tag.hash();
        let permanent = match self.files.persistence(tag.locator) {
            Persistence::Permanent => PERMANENT,
            _ if tag.fork == Fork::Init => PERMANENT,
            Persistence::Unlogged | Persistence::Temporary { .. } => 0,
        };
        let mut entries = self.table.partition(hash).entries.write();
        if let Some(found) = entries.find(hash, &tag) {
            let state = self.frame(found).pin(true);
            drop(entries);
            self.frame(frame).unpin();
            return Added::Found(found, state);
        }
        // Only threads with a pin latch, and this frame has no other pin.
        let latched = self.frame(frame).latch.try_lock_exclusive();
        assert!(latched, "the latch of a free frame is free");
        self.frame(frame).set_tag(tag, permanent);
        entries.insert(hash, Entry { tag, frame });
        Added::New(frame)
    }

    /// Finds a frame to use: pinned once, untagged, clean.
    fn claim(&self, strategy: Strategy<'_>) -> Result<u32> {
        let Strategy::Ring(ring) = strategy else { return self.claim_any() };
        // While frames lie idle, a bulk load need not write its own pages back, and a scan that leaves its pages in the pool
        // drives out nobody's; others find some left.
        if matches!(ring.kind(), RingKind::BulkWrite | RingKind::BulkRead)
            && let Some(frame) = self.claim_free(self.frames.len() / 8)
        {
            return Ok(frame);
        }
        if let Some(frame) = self.claim_from_ring(ring)? {
            return Ok(frame);
        }
        let frame = self.claim_any()?;
        let mut slots = ring.slots.lock();
        let current = slots.current;
        slots.frames[current] = frame;
        Ok(frame)
    }

    fn claim_from_ring(&self, ring: &Ring) -> Result<Option<u32>> {
        let mut slots = ring.slots.lock();
        slots.current = (slots.current + 1) % slots.frames.len();
        let frame = slots.frames[slots.current];
        drop(slots);
        if frame == NO_FRAME {
            return Ok(None);
        }
        let state = self.frame(frame).state();
        // Used by others meanwhile: theirs now.
        if state.pins() != 0 || state.usage() > 1 || !self.frame(frame).try_claim(state) {
            return Ok(None);
        }
        Ok(self.evict(frame, ring.kind() == RingKind::BulkRead)?.then_some(frame))
    }

    fn claim_any(&self) -> Result<u32> {
        self.claim_free(0).map_or_else(|| self.sweep(), Ok)
    }

    /// A frame that holds nothing, as long as there are more than `reserve`.
    fn claim_free(&self, reserve: usize) -> Option<u32> {
        while let Some(number) = self.free.pop(reserve) {
            let state = self.frame(number).state();
            // The sweep may have come upon it.
            if !state.has(TAGGED) && state.pins() == 0 && self.frame(number).try_claim(state) {
                return Some(number);
            }
        }
        None
    }

    /// A frame holds nothing any more, and nobody has it pinned.
    pub(crate) fn set_free(&self, frame: u32) {
        self.free.push(frame, self.frames.len());
    }

    /// The clock sweep.
    fn sweep(&self) -> Result<u32> {
        let count = self.frames.len();
        // Every frame is looked at often enough for its usage count to fall to 0.
        for _ in 0..count * 7 {
            let number = self.hand.fetch_add(1, Ordering::Relaxed) % count;
            let frame = &self.frames[number];
            let state = frame.state();
            if state.pins() != 0 {
                continue;
            }
            if state.usage() != 0 {
                frame.age(state);
                continue;
            }
            if frame.try_claim(state) && self.evict(number as u32, false)? {
                return Ok(number as u32);
            }
        }
        Err(Error::internal("no unpinned buffers available"))
    }

    /// Empties a frame on which the caller has the only pin. When that is not possible now, gives the pin back.
    /// `spare_log`: rather leaves a page that the log would have to be flushed for.
    fn evict(&self, number: u32, spare_log: bool) -> Result<bool> {
        let frame = self.frame(number);
        let state = frame.state();
        if !state.has(TAGGED) {
            return Ok(true);
        }
        let tag = frame.tag();
        if state.has(DIRTY) {
            if !frame.latch.try_lock_shared() {
                frame.unpin();
                return Ok(false);
            }
            // SAFETY: the shared latch keeps writers out.
            let lsn = unsafe { &*self.page(number) }.lsn();
            let written = if spare_log && state.has(PERMANENT) && lsn > self.wal.flushed() {
                Ok(false)
            } else {
                self.write_frame(number).map(|()| true)
            };
            // SAFETY: locked above.
            unsafe { frame.latch.unlock_shared() };
            match written {
                Ok(true) => {}
                Ok(false) => {
                    frame.unpin();
                    return Ok(false);
                }
                Err(error) => {
                    frame.unpin();
                    return Err(error);
                }
            }
        }
        let hash = tag.hash();
        let mut entries = self.table.partition(hash).entries.write();
        if !frame.try_untag() {
            drop(entries);
            frame.unpin();
            return Ok(false);
        }
        entries.remove(hash, &tag);
        self.tallies.evictions.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }

    /// Reads the blocks of a range that are missing, several at once where they lie side by side. Blocks beyond the end are ignored.
    ///
    /// # Errors
    /// As [`BufferPool::pin`].
    pub fn prefetch(
        self: &Arc<Self>,
        rel: RelFileLocator,
        fork: Fork,
        blocks: Range<u32>,
        strategy: Strategy<'_>,
    ) -> Result<()> {
        let end = blocks.end.min(self.block_count(rel, fork)?.0);
        let longest = READ_RUN.min(self.frames.len() / 16).max(1);
        let tag_of = |block| Tag { locator: rel, fork, block: BlockNumber(block) };
        let mut run: Vec<u32> = Vec::with_capacity(longest);
        let mut block = blocks.start;
        while block < end {
            run.clear();
            let first = block;
            let mut failed = None;
            while block < end && run.len() < longest {
                let tag = tag_of(block);
                if self.is_cached(tag) {
                    break;
                }
                match self.add(tag, strategy) {
                    Ok(Added::New(frame)) => run.push(frame),
                    Ok(Added::Found(frame, _)) => {
                        self.frame(frame).unpin();
                        break;
                    }
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
                block += 1;
            }
            let result =
                if run.is_empty() { Ok(()) } else { self.read_run(&run, tag_of(first), ReadMode::Normal) };
            for frame in &run {
                if result.is_ok() {
                    self.frame(*frame).set(VALID);
                }
                // SAFETY: `add` has latched it for this thread.
                unsafe { self.frame(*frame).latch.unlock_exclusive() };
                self.frame(*frame).unpin();
            }
            result?;
            if let Some(error) = failed {
                return Err(error);
            }
            // Past the block that was there already.
            block += u32::from(run.len() < longest);
        }
        Ok(())
    }

    /// The fork's length in blocks.
    ///
    /// # Errors
    /// `58P01` when there is no such file, and the disk's.
    pub fn block_count(&self, rel: RelFileLocator, fork: Fork) -> Result<BlockNumber> {
        self.files.block_count(rel, fork)
    }

    /// While this is held, no checkpoint sets its redo point or completes: for what must not be split by one, such as a commit record and the commit log.
    pub fn delay_checkpoint(&self) -> RwLockReadGuard<'_, ()> {
        self.checkpoint_gate.read_recursive()
    }

    /// Runs `work` while nobody delays checkpoints.
    pub fn without_delays<T>(&self, work: impl FnOnce() -> T) -> T {
        let _gate = self.checkpoint_gate.write();
        work()
    }

    /// Keeps others from extending or cutting the fork.
    pub(crate) fn extension_lock(&self, rel: RelFileLocator) -> MutexGuard<'_, ()> {
        let hash = Tag { locator: rel, fork: Fork::Main, block: BlockNumber(0) }.hash();
        self.extension[(hash >> 32) as usize % EXTENSION_LOCKS].lock()
    }

    /// Adds a block of zeros at the end of a fork.
    ///
    /// # Errors
    /// `53100` when the disk is full, and the disk's.
    pub fn extend(self: &Arc<Self>, rel: RelFileLocator, fork: Fork, strategy: Strategy<'_>) -> Result<Pin> {
        let mut pins = self.extend_by(rel, fork, 1, strategy)?;
        Ok(pins.swap_remove(0))
    }

    /// Adds up to `count` blocks of zeros, at least one; consecutive.
    ///
    /// # Errors
    /// `53100` when the disk is full, and the disk's.
    pub fn extend_by(
        self: &Arc<Self>,
        rel: RelFileLocator,
        fork: Fork,
        count: u32,
        strategy: Strategy<'_>,
    ) -> Result<Vec<Pin>> {
        let _extension = self.extension_lock(rel);
        self.extend_locked(rel, fork, count, strategy)
    }

    fn extend_locked(
        self: &Arc<Self>,
        rel: RelFileLocator,
        fork: Fork,
        count: u32,
        strategy: Strategy<'_>,
    ) -> Result<Vec<Pin>> {
        self.wal.check()?;
        let count = (count as usize).min(self.frames.len() / 8).max(1);
        let mut claimed = Vec::with_capacity(count);
        let mut failed = None;
        while claimed.len() < count {
            match self.claim(strategy) {
                Ok(frame) => claimed.push(frame),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let first = match failed {
            Some(error) if claimed.is_empty() => Err(error),
            _ => self.files.extend(rel, fork, claimed.len() as u32),
        };
        let first = first.inspect_err(|_| {
            for frame in &claimed {
                self.frame(*frame).unpin();
            }
        })?;
        self.tallies.extends.fetch_add(claimed.len() as u64, Ordering::Relaxed);
        let pins = claimed.into_iter().enumerate().map(|(offset, frame)| {
            let block = BlockNumber(first.0 + offset as u32);
            let frame = match self.add_claimed(Tag { locator: rel, fork, block }, frame) {
                Added::New(frame) => frame,
                // Left behind by a read beyond the end.
                Added::Found(frame, _) => {
                    self.frame(frame).latch.lock_exclusive();
                    frame
                }
            };
            self.zero(frame);
            self.frame(frame).set(VALID);
            // SAFETY: latched by `add_claimed` or above.
            unsafe { self.frame(frame).latch.unlock_exclusive() };
            Pin::from_taken(self.clone(), frame)
        });
        Ok(pins.collect())
    }

    /// Makes the fork at least `blocks` long; makes the fork itself when `create`.
    ///
    /// # Errors
    /// As [`BufferPool::extend`].
    pub fn extend_to(
        self: &Arc<Self>,
        rel: RelFileLocator,
        fork: Fork,
        blocks: u32,
        create: bool,
    ) -> Result<()> {
        let _extension = self.extension_lock(rel);
        if create && !self.files.exists(rel, fork)? {
            self.files.create(rel, fork, true)?;
        }
        loop {
            let current = self.block_count(rel, fork)?.0;
            if current >= blocks {
                return Ok(());
            }
            self.extend_locked(rel, fork, (blocks - current).min(64), Strategy::Normal)?;
        }
    }

    /// A pin on the frame was given back while somebody waits for that.
    pub(crate) fn unpinned(&self, frame: u32) {
        self.frame(frame).clear(WAITER);
        let (mutex, condvar) = &self.waits[frame as usize % WAIT_QUEUES];
        let _guard = mutex.lock();
        condvar.notify_all();
    }

    pub(crate) fn wait_for_unpin(&self, frame: u32, timeout: Duration) {
        let (mutex, condvar) = &self.waits[frame as usize % WAIT_QUEUES];
        let mut guard = mutex.lock();
        if self.frame(frame).state().has(WAITER) {
            condvar.wait_for(&mut guard, timeout);
        }
    }
}

/// Frames that hold nothing: all of them at first, and those of dropped relations. Taking them first spares the sweep, and keeps pages
/// that are in use. An entry may be stale; who takes it looks.
struct FreeFrames {
    count: AtomicUsize,
    numbers: Mutex<Vec<u32>>,
}

impl FreeFrames {
    fn all(count: usize) -> FreeFrames {
        // The last is taken first.
        FreeFrames { count: AtomicUsize::new(count), numbers: Mutex::new((0..count as u32).rev().collect()) }
    }

    fn pop(&self, reserve: usize) -> Option<u32> {
        if self.count.load(Ordering::Relaxed) <= reserve {
            return None;
        }
        let mut numbers = self.numbers.lock();
        let number = numbers.pop();
        self.count.store(numbers.len(), Ordering::Relaxed);
        number
    }

    fn push(&self, number: u32, limit: usize) {
        let mut numbers = self.numbers.lock();
        if numbers.len() < limit {
            numbers.push(number);
            self.count.store(numbers.len(), Ordering::Relaxed);
        }
    }
}

enum Added {
    New(u32),
    Found(u32, State),
}
