//! Simple logs: arrays indexed by transaction or multixact id, in 8 kB pages, 32 pages to a segment file,
//! with a page cache of their own. Used for pg_xact, pg_subtrans and pg_multixact.
//!
//! A page remembers up to which LSN the WAL must be durable before it may be written. For the commit log it also remembers
//! that LSN per group of 32 xids, for commits that did not wait for their flush.

use base::{Error, Lsn, PAGE_SIZE, Result, err};
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use sys::disk::{Disk, OpenOptions, error_text, file_error};
use wal::Wal;

const PAGES_PER_SEGMENT: u64 = 32;
const BANKS: u64 = 16;
/// Pages cached per bank; at least the commit log's recent 8 million xids stay in memory.
const PAGES_PER_BANK: usize = 32;

pub(crate) struct SlruPage {
    pub bytes: Box<[u8; PAGE_SIZE]>,
    /// Flush order of groups of entries, where anything is still to be flushed.
    pub groups: Option<Box<[Lsn]>>,
    flush_first: Lsn,
    dirty: bool,
    used: u64,
}

#[derive(Default)]
struct Bank {
    pages: HashMap<u64, SlruPage>,
    clock: u64,
}

pub(crate) struct Slru {
    disk: Arc<dyn Disk>,
    wal: Arc<Wal>,
    dir: &'static str,
    banks: Vec<Mutex<Bank>>,
    /// Segments written since their last sync.
    unsynced: Mutex<BTreeSet<u64>>,
    /// During recovery a page that is not there reads as zeros: a later record removes or rewrites it.
    zero_missing: AtomicBool,
    /// Without sync, durability is left to the operating system.
    sync: bool,
}

impl Slru {
    pub fn new(disk: Arc<dyn Disk>, wal: Arc<Wal>, dir: &'static str, sync: bool) -> Slru {
        Slru {
            disk,
            wal,
            dir,
            banks: (0..BANKS).map(|_| Mutex::default()).collect(),
            unsynced: Mutex::default(),
            zero_missing: AtomicBool::new(true),
            sync,
        }
    }

    /// From now on a missing page is an error.
    pub fn end_recovery(&self) {
        self.zero_missing.store(false, Ordering::Relaxed);
    }

    /// Looks at a page. `about`: the 32-bit id that an error shall name.
    pub fn read<R>(&self, page: u64, about: u32, look: impl FnOnce(&SlruPage) -> R) -> Result<R> {
        let mut bank = self.banks[(page % BANKS) as usize].lock();
        Ok(look(self.cached(&mut bank, page, about)?))
    }

    /// Changes a page, which then must not be written before the WAL is durable up to `flush_first`.
    pub fn change<R>(
        &self,
        page: u64,
        about: u32,
        flush_first: Lsn,
        change: impl FnOnce(&mut SlruPage) -> R,
    ) -> Result<R> {
        let mut bank = self.banks[(page % BANKS) as usize].lock();
        let cached = self.cached(&mut bank, page, about)?;
        cached.dirty = true;
        cached.flush_first = cached.flush_first.max(flush_first);
        Ok(change(cached))
    }

    /// Makes a page of zeros, whatever was there.
    pub fn zero(&self, page: u64) -> Result<()> {
        let mut bank = self.banks[(page % BANKS) as usize].lock();
        self.make_room(&mut bank)?;
        bank.pages.insert(page, SlruPage { dirty: true, ..SlruPage::zeros() });
        Ok(())
    }

    fn cached<'b>(&self, bank: &'b mut Bank, page: u64, about: u32) -> Result<&'b mut SlruPage> {
        if !bank.pages.contains_key(&page) {
            let read = self.load(page, about)?;
            self.make_room(bank)?;
            bank.pages.insert(page, read);
        }
        bank.clock += 1;
        let used = bank.clock;
        let cached = bank.pages.get_mut(&page).ok_or_else(|| Error::internal("page left its cache"))?;
        cached.used = used;
        Ok(cached)
    }

    fn make_room(&self, bank: &mut Bank) -> Result<()> {
        while bank.pages.len() >= PAGES_PER_BANK {
            let Some(oldest) = bank.pages.iter().min_by_key(|(_, page)| page.used).map(|(number, _)| *number)
            else {
                break;
            };
            if let Some(page) = bank.pages.get_mut(&oldest) {
                self.store(oldest, page)?;
            }
            bank.pages.remove(&oldest);
        }
        Ok(())
    }

    fn path(&self, segment: u64) -> String {
        format!("{}/{segment:04X}", self.dir)
    }

    fn load(&self, page: u64, about: u32) -> Result<SlruPage> {
        let path = self.path(page / PAGES_PER_SEGMENT);
        let offset = page % PAGES_PER_SEGMENT * PAGE_SIZE as u64;
        let lenient = self.zero_missing.load(Ordering::Relaxed);
        let file = match self.disk.open(&path, OpenOptions::READ) {
            Ok(file) => file,
            Err(error) if lenient && error.kind() == io::ErrorKind::NotFound => return Ok(SlruPage::zeros()),
            Err(error) => {
                return Err(access_error(about, &error, format!("Could not open file \"{path}\": ")));
            }
        };
        let mut read = SlruPage::zeros();
        let mut filled = 0;
        while filled < PAGE_SIZE {
            match file.read_at(&mut read.bytes[filled..], offset + filled as u64) {
                Ok(0) if lenient => return Ok(SlruPage::zeros()),
                Ok(0) => {
                    return Err(err!(DATA_CORRUPTED, "could not access status of transaction {about}")
                        .detail(format!(
                            "Could not read from file \"{path}\" at offset {offset}: read too few bytes."
                        )));
                }
                Ok(n) => filled += n,
                Err(error) => {
                    let what = format!("Could not read from file \"{path}\" at offset {offset}: ");
                    return Err(access_error(about, &error, what));
                }
            }
        }
        Ok(read)
    }

    fn store(&self, number: u64, page: &mut SlruPage) -> Result<()> {
        if !page.dirty {
            return Ok(());
        }
        if page.flush_first > self.wal.flushed() {
            self.wal.flush(page.flush_first)?;
        }
        let segment = number / PAGES_PER_SEGMENT;
        let path = self.path(segment);
        let offset = number % PAGES_PER_SEGMENT * PAGE_SIZE as u64;
        let written = self
            .disk
            .open(&path, OpenOptions::CREATE)
            .and_then(|file| file.write_all_at(&page.bytes[..], offset));
        written.map_err(|error| {
            access_error(0, &error, format!("Could not write to file \"{path}\" at offset {offset}: "))
        })?;
        self.unsynced.lock().insert(segment);
        page.dirty = false;
        page.flush_first = Lsn::INVALID;
        page.groups = None;
        Ok(())
    }

    /// Writes everything out and makes it durable.
    pub fn flush(&self) -> Result<()> {
        for bank in &self.banks {
            for (number, page) in &mut bank.lock().pages {
                self.store(*number, page)?;
            }
        }
        let segments = std::mem::take(&mut *self.unsynced.lock());
        if !self.sync || segments.is_empty() {
            return Ok(());
        }
        for segment in segments {
            let path = self.path(segment);
            let synced = self.disk.open(&path, OpenOptions::WRITE).and_then(|file| file.sync_data());
            match synced {
                // Truncated meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(self.wal.panic(access_error(
                        0,
                        &error,
                        format!("Could not fsync file \"{path}\": "),
                    )));
                }
                Ok(()) => {}
            }
        }
        self.disk.sync_dir(self.dir).map_err(|error| {
            self.wal.panic(access_error(0, &error, format!("Could not fsync file \"{}\": ", self.dir)))
        })
    }

    /// Removes the segments all of whose pages `is_old`. Nothing asks for their pages any more.
    pub fn remove(&self, is_old: impl Fn(u64) -> bool) -> Result<()> {
        for bank in &self.banks {
            bank.lock().pages.retain(|page, _| !is_old(*page));
        }
        let names = self.disk.list(self.dir).map_err(|error| {
            access_error(0, &error, format!("Could not open directory \"{}\": ", self.dir))
        })?;
        for name in names {
            let Some(segment) = segment_number(&name) else { continue };
            let first = segment * PAGES_PER_SEGMENT;
            if is_old(first) && is_old(first + PAGES_PER_SEGMENT - 1) {
                self.unsynced.lock().remove(&segment);
                let path = self.path(segment);
                self.disk.remove_file(&path).map_err(|error| {
                    access_error(0, &error, format!("Could not remove file \"{path}\": "))
                })?;
            }
        }
        Ok(())
    }

    /// Whether the page is in the cache or on disk.
    pub fn has(&self, page: u64) -> Result<bool> {
        if self.banks[(page % BANKS) as usize].lock().pages.contains_key(&page) {
            return Ok(true);
        }
        let path = self.path(page / PAGES_PER_SEGMENT);
        match self.disk.metadata(&path) {
            Ok(found) => Ok(found.len >= (page % PAGES_PER_SEGMENT + 1) * PAGE_SIZE as u64),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(access_error(0, &error, format!("Could not open file \"{path}\": "))),
        }
    }
}

impl SlruPage {
    fn zeros() -> SlruPage {
        SlruPage {
            bytes: Box::new([0; PAGE_SIZE]),
            groups: None,
            flush_first: Lsn::INVALID,
            dirty: false,
            used: 0,
        }
    }
}

/// Segment files have names of four to six upper-case hexadecimal digits.
fn segment_number(name: &str) -> Option<u64> {
    let digits = (4..=6).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
    digits.then(|| u64::from_str_radix(name, 16).ok())?
}

fn access_error(about: u32, error: &io::Error, what: String) -> Error {
    let state = file_error(error, format_args!("")).state();
    Error::new(state, format!("could not access status of transaction {about}"))
        .detail(format!("{what}{}.", error_text(error)))
}
