//! Segment files: making, finding, recycling, removing.

use crate::layout::{WAL_DIRECTORY, parse_segment_name, segment_name};
use crate::options::WalOptions;
use base::{Result, Severity, TimelineId};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use sys::disk::{Disk, File, OpenOptions, file_error};

/// The segment files of one timeline.
pub struct SegmentFiles {
    disk: Arc<dyn Disk>,
    segment_size: u32,
    init_zero: bool,
    recycle: bool,
    /// One maker at a time: new segments are filled under one temporary name.
    making: Mutex<()>,
    /// A name has changed and the directory is not synced since (a sync may have failed): before a segment is written into, it must be,
    /// or a crash could lose the name and with it records that were flushed.
    names_unsynced: AtomicBool,
}

/// What a new segment holds before the log gets to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Zeros, written out, so that later syncs change no metadata.
    Zeros,
    /// Room reserved on the disk only: for a log that grows so fast that it comes upon a missing segment, which it will fill at once.
    Nothing,
}

const TEMPORARY: &str = "pg_wal/xlogtemp.new";
const ZEROS: usize = 1 << 20;

impl SegmentFiles {
    pub fn new(disk: Arc<dyn Disk>, options: &WalOptions) -> SegmentFiles {
        SegmentFiles {
            disk,
            segment_size: options.segment_size,
            init_zero: options.init_zero,
            recycle: options.recycle,
            making: Mutex::new(()),
            names_unsynced: AtomicBool::new(false),
        }
    }

    pub fn path(&self, timeline: TimelineId, number: u64) -> String {
        format!("{WAL_DIRECTORY}/{}", segment_name(timeline, number, self.segment_size))
    }

    /// Opens a segment, making it when it is not there.
    ///
    /// # Errors
    /// PANIC, with the disk's SQLSTATE.
    pub fn open_or_make(&self, timeline: TimelineId, number: u64, fill: Fill) -> Result<Arc<dyn File>> {
        let path = self.path(timeline, number);
        let failed = |error: io::Error, what: &str, path: &str| {
            file_error(&error, format_args!("could not {what} file \"{path}\"")).severity(Severity::Panic)
        };
        if self.names_unsynced.load(Ordering::Acquire) {
            let _making = self.making.lock();
            self.sync_names().map_err(|error| failed(error, "fsync", WAL_DIRECTORY))?;
        }
        match self.disk.open(&path, OpenOptions::WRITE) {
            Ok(file) => return Ok(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error, "open", &path)),
        }
        let making = self.making.lock();
        if !self.disk.exists(&path).map_err(|error| failed(error, "stat", &path))? {
            self.make(&path, fill).map_err(|error| {
                let _ = self.disk.remove_file(TEMPORARY);
                failed(error, "write to", TEMPORARY)
            })?;
        }
        drop(making);
        self.disk.open(&path, OpenOptions::WRITE).map_err(|error| failed(error, "open", &path))
    }

    fn make(&self, path: &str, fill: Fill) -> io::Result<()> {
        let file = self.disk.open(TEMPORARY, OpenOptions::TRUNCATE)?;
        let size = u64::from(self.segment_size);
        if self.init_zero && fill == Fill::Nothing {
            file.allocate(0, size)?;
        } else if self.init_zero {
            let zeros = vec![0; ZEROS.min(self.segment_size as usize)];
            for offset in (0..size).step_by(zeros.len()) {
                file.write_all_at(&zeros, offset)?;
            }
        } else {
            file.set_len(size)?;
        }
        file.sync_all()?;
        drop(file);
        self.names_unsynced.store(true, Ordering::Release);
        self.disk.rename(TEMPORARY, path)?;
        self.sync_names()
    }

    fn sync_names(&self) -> io::Result<()> {
        self.disk.sync_dir(WAL_DIRECTORY)?;
        self.names_unsynced.store(false, Ordering::Release);
        Ok(())
    }

    /// All segments of a timeline, ascending.
    ///
    /// # Errors
    /// The disk's.
    pub fn list(&self, timeline: TimelineId) -> Result<Vec<u64>> {
        let names = self.disk.list(WAL_DIRECTORY).map_err(|error| {
            file_error(&error, format_args!("could not open directory \"{WAL_DIRECTORY}\""))
        })?;
        let mut numbers: Vec<u64> = names
            .iter()
            .filter_map(|name| parse_segment_name(name, self.segment_size))
            .filter(|(found, _)| *found == timeline)
            .map(|(_, number)| number)
            .collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Removes the segments before `keep_from`, or renames them to be used again as long as there are none up to `recycle_upto`.
    /// Returns how many were removed and how many recycled.
    ///
    /// # Errors
    /// The disk's.
    pub fn remove_before(
        &self,
        timeline: TimelineId,
        keep_from: u64,
        recycle_upto: u64,
    ) -> Result<(usize, usize)> {
        let existing = self.list(timeline)?;
        let mut next_free = existing.last().map_or(keep_from, |last| last + 1);
        let (mut removed, mut recycled) = (0, 0);
        let _making = self.making.lock();
        self.names_unsynced.store(true, Ordering::Release);
        for number in existing.into_iter().filter(|number| *number < keep_from) {
            let old = self.path(timeline, number);
            if self.recycle && next_free <= recycle_upto {
                let new = self.path(timeline, next_free);
                if self.disk.rename(&old, &new).is_ok() {
                    next_free += 1;
                    recycled += 1;
                    continue;
                }
            }
            self.disk
                .remove_file(&old)
                .map_err(|error| file_error(&error, format_args!("could not remove file \"{old}\"")))?;
            removed += 1;
        }
        self.sync_names()
            .map_err(|error| file_error(&error, format_args!("could not fsync file \"{WAL_DIRECTORY}\"")))?;
        Ok((removed, recycled))
    }

    /// Removes what the log held beyond its end when it was found after a crash: bytes that never belonged together, which a later
    /// reader must not take for the continuation of what will be written in front of them.
    ///
    /// # Errors
    /// The disk's.
    pub fn erase_from(&self, timeline: TimelineId, end: u64) -> Result<()> {
        let size = u64::from(self.segment_size);
        let segment = end / size;
        let failed = |error: io::Error, path: &str| {
            file_error(&error, format_args!("could not write to file \"{path}\""))
        };
        for number in self.list(timeline)?.into_iter().filter(|number| *number > segment) {
            let path = self.path(timeline, number);
            self.disk.remove_file(&path).map_err(|error| failed(error, &path))?;
        }
        let path = self.path(timeline, segment);
        let file = match self.disk.open(&path, OpenOptions::WRITE) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error, &path)),
        };
        let mut offset = end % size;
        let mut buffer = vec![0; 64 << 10];
        let zeros = vec![0; 64 << 10];
        let mut dirty = false;
        while offset < size {
            let wanted = buffer.len().min((size - offset) as usize);
            let n = file.read_at(&mut buffer[..wanted], offset).map_err(|error| failed(error, &path))?;
            if n < wanted || buffer[..n].iter().any(|byte| *byte != 0) {
                file.write_all_at(&zeros[..wanted], offset).map_err(|error| failed(error, &path))?;
                dirty = true;
            }
            offset += wanted as u64;
        }
        if dirty {
            file.sync_data().map_err(|error| failed(error, &path))?;
        }
        self.disk.sync_dir(WAL_DIRECTORY).map_err(|error| failed(error, WAL_DIRECTORY))
    }
}
