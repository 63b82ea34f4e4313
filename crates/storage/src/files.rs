//! Relation files: reading, writing, extending, cutting and removing the segments of forks, and what a checkpoint has to sync.

use crate::Page;
use crate::path::{BLOCKS_PER_SEGMENT, relation_path, segment_path};
use base::{BlockNumber, Error, Fork, Oid, PAGE_SIZE, RelFileLocator, Result, bail};
use hashbrown::{HashMap, HashSet};
use parking_lot::{Mutex, RwLock};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io::{self, IoSliceMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use sys::disk::{Disk, File, OpenOptions, file_error};

const PAGE: u64 = PAGE_SIZE as u64;
/// Blocks up to which an extension writes zeros instead of asking the file system for room, which is slower but keeps small files whole.
const WRITE_ZEROS_UP_TO: u32 = 8;
const SHARDS: usize = 16;
/// Forks remembered as absent, in each shard.
const ABSENT_LIMIT: usize = 16_384;

/// How long a relation's content lives. What is not declared is permanent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    Permanent,
    Unlogged,
    /// Belongs to one session, whose number is part of its file names.
    Temporary {
        backend: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Segment {
    locator: RelFileLocator,
    fork: Fork,
    number: u32,
}

struct OpenSegment {
    file: Arc<dyn File>,
    last_use: AtomicU64,
}

#[derive(Default)]
struct Shard {
    open: HashMap<Segment, OpenSegment>,
    sizes: HashMap<(RelFileLocator, Fork), u32>,
    /// Forks known not to exist: most relations have no maps, and every insertion asks for them.
    absent: HashSet<(RelFileLocator, Fork)>,
}

/// Every relation file of a data directory. All access goes through it, so its notion of file sizes is exact.
pub struct RelationFiles {
    disk: Arc<dyn Disk>,
    shards: Vec<RwLock<Shard>>,
    ticks: AtomicU64,
    open_limit: usize,
    persistence: RwLock<HashMap<RelFileLocator, Persistence>>,
    to_sync: Mutex<HashSet<Segment>>,
    to_unlink: Mutex<Vec<(u64, String)>>,
    /// Counts checkpoints: files removed before a checkpoint starts are unlinked after it.
    cycle: AtomicU64,
    sync: bool,
}

impl RelationFiles {
    /// Keeps up to about `open_limit` files open. Without `sync`, durability is left to the operating system (fsync = off).
    pub fn new(disk: Arc<dyn Disk>, open_limit: usize, sync: bool) -> RelationFiles {
        RelationFiles {
            disk,
            shards: (0..SHARDS).map(|_| RwLock::new(Shard::default())).collect(),
            ticks: AtomicU64::new(0),
            open_limit: (open_limit / SHARDS).max(8),
            persistence: RwLock::new(HashMap::new()),
            to_sync: Mutex::new(HashSet::new()),
            to_unlink: Mutex::new(Vec::new()),
            cycle: AtomicU64::new(0),
            sync,
        }
    }

    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Declares what a relation is, before its first use.
    pub fn declare(&self, locator: RelFileLocator, persistence: Persistence) {
        if persistence == Persistence::Permanent {
            self.persistence.write().remove(&locator);
        } else {
            self.persistence.write().insert(locator, persistence);
        }
    }

    pub fn persistence(&self, locator: RelFileLocator) -> Persistence {
        let declared = self.persistence.read();
        if declared.is_empty() {
            return Persistence::Permanent;
        }
        declared.get(&locator).copied().unwrap_or(Persistence::Permanent)
    }

    /// The path of a fork's first segment.
    pub fn path(&self, locator: RelFileLocator, fork: Fork) -> String {
        let backend = match self.persistence(locator) {
            Persistence::Temporary { backend } => Some(backend),
            Persistence::Permanent | Persistence::Unlogged => None,
        };
        relation_path(locator, fork, backend)
    }

    fn shard(&self, locator: RelFileLocator) -> &RwLock<Shard> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(locator);
        &self.shards[hash as usize % SHARDS]
    }

    fn segment_file(&self, segment: Segment, create: bool) -> io::Result<Arc<dyn File>> {
        let shard = self.shard(segment.locator);
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        if let Some(open) = shard.read().open.get(&segment) {
            open.last_use.store(tick, Ordering::Relaxed);
            return Ok(open.file.clone());
        }
        let path = segment_path(&self.path(segment.locator, segment.fork), segment.number);
        let options = if create { OpenOptions::CREATE } else { OpenOptions::WRITE };
        let file = self.disk.open(&path, options)?;
        let mut shard = shard.write();
        if shard.open.len() >= self.open_limit {
            let mut uses: Vec<u64> =
                shard.open.values().map(|open| open.last_use.load(Ordering::Relaxed)).collect();
            let (_, oldest, _) = uses.select_nth_unstable(self.open_limit / 4);
            let oldest = *oldest;
            shard.open.retain(|_, open| open.last_use.load(Ordering::Relaxed) > oldest);
        }
        shard.open.insert(segment, OpenSegment { file: file.clone(), last_use: AtomicU64::new(tick) });
        Ok(file)
    }

    fn open_error(&self, error: &io::Error, segment: Segment) -> Error {
        let path = segment_path(&self.path(segment.locator, segment.fork), segment.number);
        file_error(error, format_args!("could not open file \"{path}\""))
    }

    fn segment_of(locator: RelFileLocator, fork: Fork, block: BlockNumber) -> (Segment, u64) {
        let number = block.0 / BLOCKS_PER_SEGMENT;
        (Segment { locator, fork, number }, u64::from(block.0 % BLOCKS_PER_SEGMENT) * PAGE)
    }

    /// True when the fork's first segment is there.
    ///
    /// # Errors
    /// The disk's.
    pub fn exists(&self, locator: RelFileLocator, fork: Fork) -> Result<bool> {
        {
            let shard = self.shard(locator).read();
            if shard.open.contains_key(&Segment { locator, fork, number: 0 }) {
                return Ok(true);
            }
            if shard.absent.contains(&(locator, fork)) {
                return Ok(false);
            }
        }
        let path = self.path(locator, fork);
        // Looked up under the lock, so that a file made meanwhile is not taken for absent.
        let mut shard = self.shard(locator).write();
        let exists = self
            .disk
            .exists(&path)
            .map_err(|error| file_error(&error, format_args!("could not stat file \"{path}\"")))?;
        if !exists {
            if shard.absent.len() >= ABSENT_LIMIT {
                shard.absent.clear();
            }
            shard.absent.insert((locator, fork));
        }
        Ok(exists)
    }

    /// Makes an empty fork. With `may_exist` (in redo), one that is there already stays.
    ///
    /// # Errors
    /// `58P02` when it exists, and the disk's.
    pub fn create(&self, locator: RelFileLocator, fork: Fork, may_exist: bool) -> Result<()> {
        let path = self.path(locator, fork);
        let failed = |error: io::Error| file_error(&error, format_args!("could not create file \"{path}\""));
        let options = if may_exist { OpenOptions::CREATE } else { OpenOptions::CREATE_NEW };
        if may_exist {
            self.disk.create_dir_all(sys::disk::parent(&path)).map_err(failed)?;
        }
        let file = self.disk.open(&path, options).map_err(failed)?;
        let size = self.count_blocks(locator, fork, &*file)?;
        let segment = Segment { locator, fork, number: 0 };
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        let mut shard = self.shard(locator).write();
        shard.open.insert(segment, OpenSegment { file, last_use: AtomicU64::new(tick) });
        shard.sizes.insert((locator, fork), size);
        shard.absent.remove(&(locator, fork));
        drop(shard);
        self.need_sync(segment);
        Ok(())
    }

    fn count_blocks(&self, locator: RelFileLocator, fork: Fork, first: &dyn File) -> Result<u32> {
        let failed = |error: io::Error, number: u32| {
            let path = segment_path(&self.path(locator, fork), number);
            file_error(&error, format_args!("could not seek to end of file \"{path}\""))
        };
        let mut number = 0;
        let mut blocks = first.len().map_err(|error| failed(error, 0))? / PAGE;
        while blocks == u64::from(BLOCKS_PER_SEGMENT) {
            number += 1;
            match self.segment_file(Segment { locator, fork, number }, false) {
                Ok(file) => blocks = file.len().map_err(|error| failed(error, number))? / PAGE,
                Err(error) if error.kind() == io::ErrorKind::NotFound => blocks = 0,
                Err(error) => return Err(self.open_error(&error, Segment { locator, fork, number })),
            }
        }
        Ok(number * BLOCKS_PER_SEGMENT + blocks as u32)
    }

    /// The fork's length in blocks.
    ///
    /// # Errors
    /// `58P01` when there is no such file, and the disk's.
    pub fn block_count(&self, locator: RelFileLocator, fork: Fork) -> Result<BlockNumber> {
        if let Some(size) = self.shard(locator).read().sizes.get(&(locator, fork)) {
            return Ok(BlockNumber(*size));
        }
        let segment = Segment { locator, fork, number: 0 };
        let file = self.segment_file(segment, false).map_err(|error| self.open_error(&error, segment))?;
        let size = self.count_blocks(locator, fork, &*file)?;
        // Somebody may have extended it meanwhile: the first to enter a size wins.
        let entered = *self.shard(locator).write().sizes.entry((locator, fork)).or_insert(size);
        Ok(BlockNumber(entered))
    }

    /// Reads consecutive blocks, one into each buffer of [`PAGE_SIZE`] bytes.
    ///
    /// # Errors
    /// `XX001` when the file ends before; the disk's (`58030` and others).
    pub fn read(
        &self,
        locator: RelFileLocator,
        fork: Fork,
        first: BlockNumber,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Result<()> {
        let mut block = first;
        let mut rest = buffers;
        while !rest.is_empty() {
            let in_segment = BLOCKS_PER_SEGMENT - block.0 % BLOCKS_PER_SEGMENT;
            let count = rest.len().min(in_segment as usize);
            let (now, later) = rest.split_at_mut(count);
            self.read_in_segment(locator, fork, block, now)?;
            block = BlockNumber(block.0 + count as u32);
            rest = later;
        }
        Ok(())
    }

    fn read_in_segment(
        &self,
        locator: RelFileLocator,
        fork: Fork,
        first: BlockNumber,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Result<()> {
        let (segment, offset) = Self::segment_of(locator, fork, first);
        let file = self.segment_file(segment, false).map_err(|error| self.open_error(&error, segment))?;
        let expected = buffers.len() * PAGE_SIZE;
        let last = first.0 + buffers.len() as u32 - 1;
        let path = || segment_path(&self.path(locator, fork), segment.number);
        let read = match buffers {
            [only] => file.read_at(only, offset),
            many => file.read_vectored_at(many, offset),
        };
        match read {
            Ok(n) if n == expected => Ok(()),
            Ok(n) => {
                bail!(
                    DATA_CORRUPTED,
                    "could not read blocks {first}..{last} in file \"{}\": read only {n} of {expected} bytes",
                    path()
                )
            }
            Err(error) => Err(file_error(
                &error,
                format_args!("could not read blocks {first}..{last} in file \"{}\"", path()),
            )),
        }
    }

    /// Writes a block that exists.
    ///
    /// # Errors
    /// The disk's.
    pub fn write(&self, locator: RelFileLocator, fork: Fork, block: BlockNumber, page: &Page) -> Result<()> {
        let (segment, offset) = Self::segment_of(locator, fork, block);
        let file = self.segment_file(segment, false).map_err(|error| self.open_error(&error, segment))?;
        file.write_all_at(page.bytes(), offset).map_err(|error| {
            let path = segment_path(&self.path(locator, fork), segment.number);
            file_error(&error, format_args!("could not write blocks {block}..{block} in file \"{path}\""))
        })?;
        self.need_sync(segment);
        Ok(())
    }

    /// Writes consecutive blocks of a fork that is being built, `bytes` being whole pages; the fork grows as far as needed.
    /// What lies between its old end and the first block reads as zeros.
    ///
    /// # Errors
    /// As [`RelationFiles::extend`].
    pub fn write_new(
        &self,
        locator: RelFileLocator,
        fork: Fork,
        first: BlockNumber,
        bytes: &[u8],
    ) -> Result<()> {
        self.block_count(locator, fork)?;
        let mut block = first;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (segment, offset) = Self::segment_of(locator, fork, block);
            let room = (u64::from(BLOCKS_PER_SEGMENT) * PAGE - offset).min(rest.len() as u64) as usize;
            let (now, later) = rest.split_at(room);
            let file = self
                .segment_file(segment, segment.number > 0)
                .map_err(|error| self.open_error(&error, segment))?;
            file.write_all_at(now, offset).map_err(|error| self.extend_error(&error, segment))?;
            self.need_sync(segment);
            block = BlockNumber(block.0 + (now.len() / PAGE_SIZE) as u32);
            rest = later;
        }
        let mut shard = self.shard(locator).write();
        let size = shard.sizes.entry((locator, fork)).or_insert(0);
        *size = block.0.max(*size);
        Ok(())
    }

    fn extend_error(&self, error: &io::Error, segment: Segment) -> Error {
        let path = segment_path(&self.path(segment.locator, segment.fork), segment.number);
        let converted = file_error(error, format_args!("could not extend file \"{path}\""));
        // A partial block may be left behind; block counts are rounded down, and the next extension overwrites it.
        if error.raw_os_error().is_some() { converted.hint("Check free disk space.") } else { converted }
    }

    /// Starts writing out what was written to a range of blocks, ahead of the sync.
    pub fn start_write_back(&self, locator: RelFileLocator, fork: Fork, first: BlockNumber, count: u32) {
        let (segment, offset) = Self::segment_of(locator, fork, first);
        if let Ok(file) = self.segment_file(segment, false) {
            file.start_write_back(offset, u64::from(count) * PAGE);
        }
    }

    /// Asks the operating system to read blocks ahead.
    pub fn will_need(&self, locator: RelFileLocator, fork: Fork, first: BlockNumber, count: u32) {
        let (segment, offset) = Self::segment_of(locator, fork, first);
        if let Ok(file) = self.segment_file(segment, false) {
            file.will_need(offset, u64::from(count) * PAGE);
        }
    }

    /// Adds `count` blocks of zeros at the end; returns the first. The caller sees to it that one thread extends a fork at a time.
    ///
    /// # Errors
    /// `53100` when the disk is full, `54000` when a relation cannot be longer, and the disk's.
    pub fn extend(&self, locator: RelFileLocator, fork: Fork, count: u32) -> Result<BlockNumber> {
        let first = self.block_count(locator, fork)?;
        let Some(end) = first.0.checked_add(count).filter(|end| *end < u32::MAX) else {
            bail!(
                PROGRAM_LIMIT_EXCEEDED,
                "cannot extend file \"{}\" beyond {} blocks",
                self.path(locator, fork),
                u32::MAX
            )
        };
        let mut block = first;
        while block.0 < end {
            let in_segment = BLOCKS_PER_SEGMENT - block.0 % BLOCKS_PER_SEGMENT;
            let now = in_segment.min(end - block.0);
            self.extend_in_segment(locator, fork, block, now)?;
            block = BlockNumber(block.0 + now);
            // Blocks that are there count even when a later segment fails.
            self.shard(locator).write().sizes.insert((locator, fork), block.0);
        }
        Ok(first)
    }

    fn extend_in_segment(
        &self,
        locator: RelFileLocator,
        fork: Fork,
        first: BlockNumber,
        count: u32,
    ) -> Result<()> {
        let (segment, offset) = Self::segment_of(locator, fork, first);
        let file = self
            .segment_file(segment, segment.number > 0)
            .map_err(|error| self.open_error(&error, segment))?;
        let extended = if count > WRITE_ZEROS_UP_TO {
            file.allocate(offset, u64::from(count) * PAGE)
        } else {
            file.write_all_at(
                &[0; WRITE_ZEROS_UP_TO as usize * PAGE_SIZE][..count as usize * PAGE_SIZE],
                offset,
            )
        };
        extended.map_err(|error| self.extend_error(&error, segment))?;
        self.need_sync(segment);
        Ok(())
    }

    /// Cuts the fork to `blocks`; segments after the first that become empty stay as empty files, as others may have them open.
    ///
    /// # Errors
    /// `XX000` when it is shorter already, and the disk's.
    pub fn truncate(&self, locator: RelFileLocator, fork: Fork, blocks: BlockNumber) -> Result<()> {
        let current = self.block_count(locator, fork)?;
        if blocks > current {
            return Err(Error::internal(format!(
                "could not truncate file \"{}\" to {blocks} blocks: it's only {current} blocks now",
                self.path(locator, fork)
            )));
        }
        if blocks == current {
            return Ok(());
        }
        let last = current.0.saturating_sub(1) / BLOCKS_PER_SEGMENT;
        // From the end, so that a crash in between leaves no hole.
        for number in (blocks.0 / BLOCKS_PER_SEGMENT..=last).rev() {
            let segment = Segment { locator, fork, number };
            let keep = blocks.0.saturating_sub(number * BLOCKS_PER_SEGMENT);
            let file = match self.segment_file(segment, false) {
                Ok(file) => file,
                Err(error) => return Err(self.open_error(&error, segment)),
            };
            file.set_len(u64::from(keep) * PAGE).map_err(|error| {
                let path = segment_path(&self.path(locator, fork), number);
                file_error(&error, format_args!("could not truncate file \"{path}\" to {keep} blocks"))
            })?;
            self.need_sync(segment);
        }
        self.shard(locator).write().sizes.insert((locator, fork), blocks.0);
        Ok(())
    }

    /// Removes a fork. The first segment of a permanent main fork is only emptied, and goes away after the next checkpoint:
    /// until then its number must not be used again, or replay of older records would write into a new relation.
    /// With `now` (in redo) it goes at once.
    ///
    /// # Errors
    /// The disk's; a missing file is none.
    pub fn unlink(&self, locator: RelFileLocator, fork: Fork, now: bool) -> Result<()> {
        let path = self.path(locator, fork);
        self.forget(locator, fork);
        let failed = |error: io::Error, path: &str| {
            file_error(&error, format_args!("could not remove file \"{path}\""))
        };
        let temporary = matches!(self.persistence(locator), Persistence::Temporary { .. });
        if now || fork != Fork::Main || temporary {
            match self.disk.remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error, &path)),
                _ => {}
            }
        } else {
            match self.disk.open(&path, OpenOptions::WRITE).and_then(|file| file.set_len(0)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(file_error(&error, format_args!("could not truncate file \"{path}\"")));
                }
                Ok(()) => self.to_unlink.lock().push((self.cycle.load(Ordering::Acquire), path.clone())),
            }
        }
        for number in 1.. {
            let path = segment_path(&path, number);
            match self.disk.remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) => return Err(failed(error, &path)),
            }
        }
        Ok(())
    }

    /// Removes all forks of a relation, and what was declared of it.
    ///
    /// # Errors
    /// The disk's.
    pub fn unlink_relation(&self, locator: RelFileLocator, now: bool) -> Result<()> {
        for fork in Fork::ALL {
            self.unlink(locator, fork, now)?;
        }
        self.declare(locator, Persistence::Permanent);
        Ok(())
    }

    fn forget(&self, locator: RelFileLocator, fork: Fork) {
        let mut shard = self.shard(locator).write();
        shard.open.retain(|segment, _| segment.locator != locator || segment.fork != fork);
        shard.sizes.remove(&(locator, fork));
        drop(shard);
        self.to_sync.lock().retain(|segment| segment.locator != locator || segment.fork != fork);
    }

    /// Closes and forgets everything of a database, whose directories are about to be removed.
    pub fn forget_database(&self, database: Oid) {
        for shard in &self.shards {
            let mut shard = shard.write();
            shard.open.retain(|segment, _| segment.locator.database != database);
            shard.sizes.retain(|(locator, _), _| locator.database != database);
            shard.absent.retain(|(locator, _)| locator.database != database);
        }
        self.to_sync.lock().retain(|segment| segment.locator.database != database);
        self.persistence.write().retain(|locator, _| locator.database != database);
        let part = format!("/{database}/");
        self.to_unlink.lock().retain(|(_, path)| !path.contains(&part));
    }

    /// Closes all files and forgets what is known of them: before directories are renamed, and after files were made past this type
    /// (a database copied, unlogged relations started anew).
    pub fn close_all(&self) {
        for shard in &self.shards {
            let mut shard = shard.write();
            shard.open.clear();
            shard.sizes.clear();
            shard.absent.clear();
        }
    }

    fn need_sync(&self, segment: Segment) {
        if !matches!(self.persistence(segment.locator), Persistence::Temporary { .. }) {
            self.to_sync.lock().insert(segment);
        }
    }

    /// Syncs all segments of a fork now.
    ///
    /// # Errors
    /// The disk's.
    pub fn sync_relation(&self, locator: RelFileLocator, fork: Fork) -> Result<()> {
        let blocks = self.block_count(locator, fork)?;
        for number in 0..=blocks.0.saturating_sub(1) / BLOCKS_PER_SEGMENT {
            self.sync_segment(Segment { locator, fork, number })?;
        }
        Ok(())
    }

    fn sync_segment(&self, segment: Segment) -> Result<()> {
        if !self.sync {
            return Ok(());
        }
        let synced = match self.segment_file(segment, false) {
            Ok(file) => file.sync_data(),
            // Dropped meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        synced.map_err(|error| {
            let path = segment_path(&self.path(segment.locator, segment.fork), segment.number);
            file_error(&error, format_args!("could not fsync file \"{path}\""))
                .severity(base::Severity::Panic)
        })
    }

    /// A checkpoint starts: files removed from now on stay until the next one. Returns its number for [`Self::after_checkpoint`].
    pub fn before_checkpoint(&self) -> u64 {
        self.cycle.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Syncs all files written since the last time; returns how many. What fails stays in the queue.
    ///
    /// # Errors
    /// PANIC: after a failed sync the operating system may have dropped the data.
    pub fn sync_all(&self) -> Result<usize> {
        let mut segments: Vec<Segment> = std::mem::take(&mut *self.to_sync.lock()).into_iter().collect();
        segments.sort_by_key(|segment| (segment.locator, segment.fork, segment.number));
        let mut dirs = HashSet::new();
        for (done, segment) in segments.iter().enumerate() {
            if let Err(error) = self.sync_segment(*segment) {
                self.to_sync.lock().extend(&segments[done..]);
                return Err(error);
            }
            let path = self.path(segment.locator, segment.fork);
            dirs.insert(sys::disk::parent(&path).to_owned());
        }
        if self.sync {
            let mut dirs: Vec<String> = dirs.into_iter().collect();
            dirs.sort();
            for dir in dirs {
                match self.disk.sync_dir(&dir) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        self.to_sync.lock().extend(&segments);
                        return Err(file_error(&error, format_args!("could not fsync file \"{dir}\""))
                            .severity(base::Severity::Panic));
                    }
                    _ => {}
                }
            }
        }
        Ok(segments.len())
    }

    /// The checkpoint that got `cycle` is durable: removes the files dropped before it. Returns those that could not be removed.
    pub fn after_checkpoint(&self, cycle: u64) -> Vec<Error> {
        let mut due = Vec::new();
        self.to_unlink.lock().retain(|(dropped, path)| {
            let is_due = *dropped < cycle;
            if is_due {
                due.push(path.clone());
            }
            !is_due
        });
        due.into_iter()
            .filter_map(|path| match self.disk.remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Some(file_error(&error, format_args!("could not remove file \"{path}\"")))
                }
                _ => None,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::SqlState;
    use sys::simulated::{Operation, simulated};

    const RELATION: RelFileLocator =
        RelFileLocator { tablespace: crate::DEFAULT_TABLESPACE, database: Oid(5), number: Oid(16384) };

    fn files(seed: u64) -> (RelationFiles, Arc<sys::simulated::SimulatedDisk>) {
        let (system, disk) = simulated(seed);
        system.disk.create_dir_all("base/5").expect("makes");
        (RelationFiles::new(system.disk, 100, true), disk)
    }

    #[test]
    fn extends_reads_writes_truncates_and_unlinks() {
        let (files, _) = files(1);
        files.create(RELATION, Fork::Main, false).expect("creates");
        assert_eq!(files.create(RELATION, Fork::Main, false).unwrap_err().state(), SqlState::DUPLICATE_FILE);
        assert_eq!(files.extend(RELATION, Fork::Main, 20).expect("extends"), BlockNumber(0));
        assert_eq!(files.extend(RELATION, Fork::Main, 1).expect("extends"), BlockNumber(20));
        let mut page = Page::zeroed();
        page.init(8);
        files.write(RELATION, Fork::Main, BlockNumber(20), &page).expect("writes");
        let mut read = Page::zeroed();
        let buffers = &mut [IoSliceMut::new(read.bytes_mut())];
        files.read(RELATION, Fork::Main, BlockNumber(20), buffers).expect("reads");
        assert_eq!(read.bytes(), page.bytes());
        files.truncate(RELATION, Fork::Main, BlockNumber(3)).expect("truncates");
        let buffers = &mut [IoSliceMut::new(read.bytes_mut())];
        assert_eq!(
            files.read(RELATION, Fork::Main, BlockNumber(3), buffers).unwrap_err().message(),
            "could not read blocks 3..3 in file \"base/5/16384\": read only 0 of 8192 bytes"
        );
        files.unlink_relation(RELATION, false).expect("unlinks");
        assert!(files.exists(RELATION, Fork::Main).expect("looks"));
        let cycle = files.before_checkpoint();
        assert!(files.after_checkpoint(cycle).is_empty());
        assert!(!files.exists(RELATION, Fork::Main).expect("looks"));
        assert_eq!(files.block_count(RELATION, Fork::Main).unwrap_err().state(), SqlState::UNDEFINED_FILE);
    }

    #[test]
    fn full_disk_is_an_error_with_a_hint() {
        let (files, disk) = files(2);
        files.create(RELATION, Fork::Main, false).expect("creates");
        disk.fail_at(Operation::Write, 0, 28);
        let error = files.extend(RELATION, Fork::Main, 1).unwrap_err();
        assert_eq!(error.state(), SqlState::DISK_FULL);
        assert_eq!(error.message(), "could not extend file \"base/5/16384\": No space left on device");
        assert_eq!(error.data().hint.as_deref(), Some("Check free disk space."));
        assert_eq!(files.block_count(RELATION, Fork::Main).expect("counts"), BlockNumber(0));
    }
}
