//! The simulated world: a disk that loses what was not synced, a clock that moves when it is looked at, and
//! reproducible randomness.
//!
//! # The disk's model
//! Content is kept in 4 kB chunks, twice: as programs see it and as it would be found after a crash. `sync_data` carries the
//! former over to the latter. At a crash each unsynced 512-byte sector survives or not by a coin drawn from the seed, so that a
//! page may be torn and later writes may survive earlier ones. Directory operations (create, rename, remove) are journaled in
//! order, as file systems do: `sync_dir` makes durable everything up to the last operation on that directory, and of the rest
//! a crash keeps a prefix. Failures are ordered in advance, by count: `crash_at_sync(n)`, `fail_at(n, ...)`.

use crate::clock::Clock;
use crate::disk::{Disk, File, Metadata, OpenOptions, parent};
use crate::random::Random;
use crate::{System, Workers};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// SplitMix64: reproducible, not secret.
pub struct SeededRandom {
    state: AtomicU64,
}

impl SeededRandom {
    pub fn new(seed: u64) -> SeededRandom {
        SeededRandom { state: AtomicU64::new(seed) }
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    fn next_u64(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Advances a microsecond at each look, and by the time slept.
pub struct SimulatedClock {
    micros: AtomicU64,
}

impl SimulatedClock {
    pub fn new(start_micros: u64) -> SimulatedClock {
        SimulatedClock { micros: AtomicU64::new(start_micros) }
    }

    pub fn advance(&self, duration: Duration) {
        self.micros.fetch_add(duration.as_micros() as u64, Ordering::Relaxed);
    }
}

impl Clock for SimulatedClock {
    fn now_micros(&self) -> i64 {
        self.micros.fetch_add(1, Ordering::Relaxed) as i64
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.micros.fetch_add(1, Ordering::Relaxed))
    }

    fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }
}

/// A system whose every outcome follows from `seed`. The disk is also returned by its own type, for its faults.
pub fn simulated(seed: u64) -> (System, Arc<SimulatedDisk>) {
    let random: Arc<dyn Random> = Arc::new(SeededRandom::new(seed));
    let disk = Arc::new(SimulatedDisk::new(SeededRandom::new(seed ^ 0xd15c)));
    let clock = Arc::new(SimulatedClock::new(1_760_000_000_000_000));
    (System { disk: disk.clone(), clock, random, workers: Workers::new(false) }, disk)
}

const CHUNK: u64 = 4096;
const SECTOR: usize = 512;
type Chunk = [u8; CHUNK as usize];

#[derive(Clone, Default)]
struct Content {
    chunks: BTreeMap<u64, Arc<Chunk>>,
    len: u64,
}

#[derive(Default)]
struct Inode {
    seen: Content,
    durable: Content,
    /// Chunk number to the mask of its unsynced sectors.
    dirty: BTreeMap<u64, u8>,
}

#[derive(Clone, Debug, PartialEq)]
enum Entry {
    File(u64),
    Dir,
    Link(String),
}

type Names = BTreeMap<String, Entry>;

/// A directory operation: the names it sets or removes.
#[derive(Clone)]
struct NameChange {
    changes: Vec<(String, Option<Entry>)>,
}

/// Which operations a fault counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Read,
    Write,
    Sync,
}

/// A failure ordered in advance.
#[derive(Clone, Copy, Debug)]
struct Fault {
    operation: Operation,
    /// Operations of this kind still to succeed.
    after: u64,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Crash,
    Fail(i32),
}

struct State {
    inodes: HashMap<u64, Inode>,
    next_inode: u64,
    names: Names,
    durable_names: Names,
    journal: Vec<NameChange>,
    random: SeededRandom,
    faults: Vec<Fault>,
    crashed: bool,
    /// Counts restarts; handles of an earlier life are dead.
    life: u64,
    syncs: u64,
    writes: u64,
}

/// An in-memory disk that fails as it is told.
#[derive(Clone)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

struct SimulatedFile {
    state: Arc<Mutex<State>>,
    inode: u64,
    life: u64,
    read_only: bool,
}

fn errno(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

fn crash_error() -> io::Error {
    io::Error::other("the simulated machine has crashed")
}

fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

impl Content {
    fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        let n = buffer.len().min(self.len.saturating_sub(offset) as usize);
        let mut done = 0;
        while done < n {
            let at = offset + done as u64;
            let (chunk, within) = (at / CHUNK, (at % CHUNK) as usize);
            let take = (CHUNK as usize - within).min(n - done);
            match self.chunks.get(&chunk) {
                Some(bytes) => buffer[done..done + take].copy_from_slice(&bytes[within..within + take]),
                None => buffer[done..done + take].fill(0),
            }
            done += take;
        }
        n
    }

    fn set_len(&mut self, len: u64) {
        if len < self.len {
            let first_gone = len.div_ceil(CHUNK);
            self.chunks.split_off(&first_gone);
            if !len.is_multiple_of(CHUNK)
                && let Some(last) = self.chunks.get_mut(&(len / CHUNK))
            {
                Arc::make_mut(last)[(len % CHUNK) as usize..].fill(0);
            }
        }
        self.len = len;
    }
}

impl Inode {
    fn write(&mut self, bytes: &[u8], offset: u64) {
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let (number, within) = (at / CHUNK, (at % CHUNK) as usize);
            let take = (CHUNK as usize - within).min(bytes.len() - done);
            let part = &bytes[done..done + take];
            // Zeros over a hole stay a hole: WAL segments are filled with them.
            if self.seen.chunks.contains_key(&number) || part.iter().any(|byte| *byte != 0) {
                let chunk = self.seen.chunks.entry(number).or_insert_with(|| Arc::new([0; CHUNK as usize]));
                Arc::make_mut(chunk)[within..within + take].copy_from_slice(part);
                let (first, last) = (within / SECTOR, (within + take - 1) / SECTOR);
                let mask = self.dirty.entry(number).or_insert(0);
                for sector in first..=last {
                    *mask |= 1 << sector;
                }
            }
            done += take;
        }
        self.seen.len = self.seen.len.max(offset + bytes.len() as u64);
    }

    fn set_len(&mut self, len: u64) {
        if len < self.seen.len {
            // What is cut off reads as zeros from now on, but only a sync makes that durable.
            let first = len / CHUNK;
            for number in self.seen.chunks.range(first..).map(|(number, _)| *number).collect::<Vec<_>>() {
                *self.dirty.entry(number).or_insert(0) = 0xff;
            }
        }
        self.seen.set_len(len);
    }

    fn sync(&mut self) {
        for number in std::mem::take(&mut self.dirty).into_keys() {
            match self.seen.chunks.get(&number) {
                Some(chunk) => self.durable.chunks.insert(number, chunk.clone()),
                None => self.durable.chunks.remove(&number),
            };
        }
        self.durable.set_len(self.seen.len);
    }

    /// What a crash leaves: each dirty sector by a coin, and some length between the durable and the seen one.
    fn crash(&mut self, random: &SeededRandom) {
        let keep_len = random.below(2) == 0;
        let shrunk = self.seen.len < self.durable.len;
        if keep_len || (!shrunk && self.seen.len > self.durable.len) {
            let len = if shrunk || keep_len {
                self.seen.len
            } else {
                self.durable.len + random.below(self.seen.len - self.durable.len + 1)
            };
            self.durable.set_len(len);
        }
        for (number, mask) in std::mem::take(&mut self.dirty) {
            for sector in 0..8 {
                if mask & (1 << sector) == 0 || random.below(2) == 0 {
                    continue;
                }
                let range = sector * SECTOR..(sector + 1) * SECTOR;
                if number * CHUNK + range.start as u64 >= self.durable.len {
                    continue;
                }
                let Some(source) = self.seen.chunks.get(&number) else { continue };
                let chunk =
                    self.durable.chunks.entry(number).or_insert_with(|| Arc::new([0; CHUNK as usize]));
                Arc::make_mut(chunk)[range.clone()].copy_from_slice(&source[range]);
            }
        }
        let len = self.durable.len;
        self.durable.len = u64::MAX;
        self.durable.set_len(len);
        self.seen = self.durable.clone();
    }
}

impl State {
    fn check(&self) -> io::Result<()> {
        if self.crashed { Err(crash_error()) } else { Ok(()) }
    }

    /// Counts an operation, and fails it when a fault is due.
    fn count(&mut self, operation: Operation) -> io::Result<()> {
        self.check()?;
        match operation {
            Operation::Sync => self.syncs += 1,
            Operation::Write => self.writes += 1,
            Operation::Read => {}
        }
        let mut due = None;
        for (index, fault) in self.faults.iter_mut().enumerate() {
            if fault.operation == operation {
                match fault.after.checked_sub(1) {
                    Some(rest) => fault.after = rest,
                    None => due = Some(index),
                }
            }
        }
        match due.map(|index| self.faults.swap_remove(index).outcome) {
            None => Ok(()),
            Some(Outcome::Fail(code)) => Err(errno(code)),
            Some(Outcome::Crash) => {
                self.crashed = true;
                Err(crash_error())
            }
        }
    }

    /// Follows symbolic links in every component but, when `keep_last`, the last.
    fn resolve(&self, path: &str, keep_last: bool) -> io::Result<String> {
        let mut path = normal(path);
        for _ in 0..16 {
            let mut found = None;
            let ends: Vec<usize> =
                path.match_indices('/').map(|(at, _)| at).chain(std::iter::once(path.len())).collect();
            for end in ends {
                if keep_last && end == path.len() {
                    break;
                }
                if let Some(Entry::Link(target)) = self.names.get(&path[..end]) {
                    found = Some(format!("{target}{}", &path[end..]));
                    break;
                }
            }
            match found {
                Some(next) => path = normal(&next),
                None => return Ok(path),
            }
        }
        Err(errno(libc::ELOOP))
    }

    fn is_dir(&self, path: &str) -> bool {
        path.is_empty() || self.names.get(path) == Some(&Entry::Dir)
    }

    fn change_names(&mut self, changes: Vec<(String, Option<Entry>)>) {
        apply_names(&mut self.names, &changes);
        self.journal.push(NameChange { changes });
    }

    fn children(&self, path: &str) -> Vec<String> {
        let prefix = format!("{path}/");
        self.names
            .range(prefix.clone()..)
            .map(|(name, _)| name)
            .take_while(|name| name.starts_with(&prefix))
            .cloned()
            .collect()
    }
}

fn apply_names(names: &mut Names, changes: &[(String, Option<Entry>)]) {
    for (name, entry) in changes {
        match entry {
            Some(entry) => names.insert(name.clone(), entry.clone()),
            None => names.remove(name),
        };
    }
}

impl SimulatedDisk {
    pub fn new(random: SeededRandom) -> SimulatedDisk {
        SimulatedDisk {
            state: Arc::new(Mutex::new(State {
                inodes: HashMap::new(),
                next_inode: 1,
                names: Names::new(),
                durable_names: Names::new(),
                journal: Vec::new(),
                random,
                faults: Vec::new(),
                crashed: false,
                life: 0,
                syncs: 0,
                writes: 0,
            })),
        }
    }

    /// The machine stops instead of carrying out the sync that comes after `n` further ones.
    pub fn crash_at_sync(&self, n: u64) {
        self.order(Operation::Sync, n, Outcome::Crash);
    }

    /// The machine stops instead of carrying out the write that comes after `n` further ones.
    pub fn crash_at_write(&self, n: u64) {
        self.order(Operation::Write, n, Outcome::Crash);
    }

    /// The operation after `n` further ones of its kind fails once with the given errno (`libc::EIO`, `libc::ENOSPC`).
    pub fn fail_at(&self, operation: Operation, n: u64, errno: i32) {
        self.order(operation, n, Outcome::Fail(errno));
    }

    fn order(&self, operation: Operation, after: u64, outcome: Outcome) {
        self.state.lock().faults.push(Fault { operation, after, outcome });
    }

    pub fn clear_faults(&self) {
        self.state.lock().faults.clear();
    }

    /// Stops the machine now.
    pub fn crash(&self) {
        self.state.lock().crashed = true;
    }

    pub fn crashed(&self) -> bool {
        self.state.lock().crashed
    }

    /// Syncs carried out or attempted so far.
    pub fn syncs(&self) -> u64 {
        self.state.lock().syncs
    }

    pub fn writes(&self) -> u64 {
        self.state.lock().writes
    }

    /// The process ends and the machine goes on: nothing is lost yet, and nothing becomes durable by it. Faults are forgotten.
    pub fn kill_process(&self) {
        let mut state = self.state.lock();
        state.faults.clear();
        state.life += 1;
    }

    /// Power is back: what survived is there, faults are forgotten, and handles from before are dead.
    pub fn restart(&self) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let kept = state.random.below(state.journal.len() as u64 + 1) as usize;
        for change in state.journal.drain(..).take(kept) {
            apply_names(&mut state.durable_names, &change.changes);
        }
        state.names = state.durable_names.clone();
        let live: BTreeSet<u64> = state
            .names
            .values()
            .filter_map(|entry| match entry {
                Entry::File(inode) => Some(*inode),
                _ => None,
            })
            .collect();
        state.inodes.retain(|number, _| live.contains(number));
        // In the order of their numbers, so that the coins fall alike in every run of a seed.
        for number in live {
            if let Some(inode) = state.inodes.get_mut(&number) {
                inode.crash(&state.random);
            }
        }
        state.faults.clear();
        state.crashed = false;
        state.life += 1;
    }
}

impl Disk for SimulatedDisk {
    fn open(&self, path: &str, options: OpenOptions) -> io::Result<Arc<dyn File>> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.check()?;
        let path = state.resolve(path, false)?;
        let inode = match state.names.get(&path) {
            Some(Entry::File(_)) if options.exclusive => return Err(errno(libc::EEXIST)),
            Some(Entry::File(inode)) => *inode,
            Some(_) => return Err(errno(libc::EISDIR)),
            None if !options.create && !options.exclusive => return Err(errno(libc::ENOENT)),
            None => {
                let above = parent(&path);
                if above != "." && !state.is_dir(above) {
                    return Err(errno(libc::ENOENT));
                }
                let inode = state.next_inode;
                state.next_inode += 1;
                state.inodes.insert(inode, Inode::default());
                state.change_names(vec![(path, Some(Entry::File(inode)))]);
                inode
            }
        };
        if options.truncate {
            state.inodes.get_mut(&inode).expect("named inodes exist").set_len(0);
        }
        Ok(Arc::new(SimulatedFile {
            state: self.state.clone(),
            inode,
            life: state.life,
            read_only: options.read_only,
        }))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        let state = self.state.lock();
        state.check()?;
        let path = state.resolve(path, false)?;
        Ok(path.is_empty() || state.names.contains_key(&path))
    }

    fn metadata(&self, path: &str) -> io::Result<Metadata> {
        let state = self.state.lock();
        state.check()?;
        let is_symlink = matches!(state.names.get(&normal(path)), Some(Entry::Link(_)));
        let path = state.resolve(path, false)?;
        let (len, is_dir) = match state.names.get(&path) {
            Some(Entry::File(inode)) => (state.inodes[inode].seen.len, false),
            Some(Entry::Dir) => (0, true),
            _ if path.is_empty() => (0, true),
            _ => return Err(errno(libc::ENOENT)),
        };
        let mode = if is_dir { 0o700 } else { 0o600 };
        Ok(Metadata { len, is_dir, is_symlink, modified_micros: 0, mode })
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let state = self.state.lock();
        state.check()?;
        let dir = state.resolve(dir, false)?;
        if !state.is_dir(&dir) {
            return Err(errno(libc::ENOENT));
        }
        let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        Ok(state
            .names
            .range(prefix.clone()..)
            .take_while(|(name, _)| name.starts_with(&prefix))
            .filter_map(|(name, _)| {
                let rest = &name[prefix.len()..];
                (!rest.is_empty() && !rest.contains('/')).then(|| rest.to_owned())
            })
            .collect())
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check()?;
        let path = state.resolve(path, false)?;
        if path.is_empty() || state.names.contains_key(&path) {
            return Err(errno(libc::EEXIST));
        }
        let above = parent(&path);
        if above != "." && !state.is_dir(above) {
            return Err(errno(libc::ENOENT));
        }
        state.change_names(vec![(path, Some(Entry::Dir))]);
        Ok(())
    }

    fn create_dir_all(&self, path: &str) -> io::Result<()> {
        let path = normal(path);
        for end in path.match_indices('/').map(|(at, _)| at).chain(std::iter::once(path.len())) {
            match self.create_dir(&path[..end]) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                result => result?,
            }
        }
        Ok(())
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check()?;
        let path = state.resolve(path, true)?;
        match state.names.get(&path) {
            None => Err(errno(libc::ENOENT)),
            Some(Entry::Dir) => Err(errno(libc::EISDIR)),
            Some(_) => {
                state.change_names(vec![(path, None)]);
                Ok(())
            }
        }
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check()?;
        let path = state.resolve(path, true)?;
        match state.names.get(&path) {
            Some(Entry::Dir) if !state.children(&path).is_empty() => Err(errno(libc::ENOTEMPTY)),
            Some(Entry::Dir) => {
                state.change_names(vec![(path, None)]);
                Ok(())
            }
            Some(_) => Err(errno(libc::ENOTDIR)),
            None => Err(errno(libc::ENOENT)),
        }
    }

    fn remove_dir_all(&self, path: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check()?;
        let path = state.resolve(path, true)?;
        if !state.is_dir(&path) {
            return Err(errno(libc::ENOENT));
        }
        let mut gone = state.children(&path);
        gone.push(path);
        // Child by child, as a real removal may be cut short.
        for name in gone {
            state.change_names(vec![(name, None)]);
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check()?;
        let (from, to) = (state.resolve(from, true)?, state.resolve(to, true)?);
        let Some(entry) = state.names.get(&from).cloned() else { return Err(errno(libc::ENOENT)) };
        let above = parent(&to);
        if above != "." && !state.is_dir(above) {
            return Err(errno(libc::ENOENT));
        }
        let mut changes = Vec::new();
        for child in state.children(&from) {
            let moved = format!("{to}{}", &child[from.len()..]);
            changes.push((moved, state.names.get(&child).cloned()));
            changes.push((child, None));
        }
        changes.push((from, None));
        changes.push((to, Some(entry)));
        state.change_names(changes);
        Ok(())
    }

    fn symlink(&self, target: &str, link: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check()?;
        let link = normal(link);
        if state.names.contains_key(&link) {
            return Err(errno(libc::EEXIST));
        }
        state.change_names(vec![(link, Some(Entry::Link(target.to_owned())))]);
        Ok(())
    }

    fn read_link(&self, link: &str) -> io::Result<String> {
        let state = self.state.lock();
        state.check()?;
        match state.names.get(&normal(link)) {
            Some(Entry::Link(target)) => Ok(target.clone()),
            Some(_) => Err(errno(libc::EINVAL)),
            None => Err(errno(libc::ENOENT)),
        }
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        let mut guard = self.state.lock();
        guard.count(Operation::Sync)?;
        let state = &mut *guard;
        let path = state.resolve(path, false)?;
        if !state.is_dir(&path) {
            return Err(errno(libc::ENOENT));
        }
        let above = |name: &str| match parent(name) {
            "." => String::new(),
            above => above.to_owned(),
        };
        let last = state
            .journal
            .iter()
            .rposition(|change| change.changes.iter().any(|(name, _)| above(name) == path));
        if let Some(last) = last {
            for change in state.journal.drain(..=last) {
                apply_names(&mut state.durable_names, &change.changes);
            }
        }
        Ok(())
    }
}

impl SimulatedFile {
    fn with<T>(
        &self,
        operation: Option<Operation>,
        work: impl FnOnce(&mut Inode) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state.lock();
        if self.life != state.life {
            return Err(crash_error());
        }
        match operation {
            Some(operation) => state.count(operation)?,
            None => state.check()?,
        }
        if operation == Some(Operation::Write) && self.read_only {
            return Err(errno(libc::EBADF));
        }
        work(state.inodes.get_mut(&self.inode).ok_or_else(crash_error)?)
    }
}

impl File for SimulatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(Some(Operation::Read), |inode| Ok(inode.seen.read(buffer, offset)))
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.with(Some(Operation::Write), |inode| {
            inode.write(bytes, offset);
            Ok(())
        })
    }

    fn len(&self) -> io::Result<u64> {
        self.with(None, |inode| Ok(inode.seen.len))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(Some(Operation::Write), |inode| {
            inode.set_len(len);
            Ok(())
        })
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.with(Some(Operation::Write), |inode| {
            let end = offset + len;
            if end > inode.seen.len {
                inode.set_len(end);
            }
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with(Some(Operation::Sync), |inode| {
            inode.sync();
            Ok(())
        })
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn synced_content_survives_and_the_rest_is_torn_by_sectors() {
        let mut torn = 0;
        for seed in 0..50 {
            let (system, disk) = simulated(seed);
            let file = system.disk.open("a", OpenOptions::CREATE).expect("opens");
            file.write_all_at(&[1; 8192], 0).expect("writes");
            file.sync_data().expect("syncs");
            system.disk.sync_dir(".").expect("syncs");
            file.write_all_at(&[2; 8192], 0).expect("writes");
            disk.crash();
            assert!(file.len().is_err());
            disk.restart();
            let bytes = system.disk.read("a").expect("survives");
            assert_eq!(bytes.len(), 8192);
            for sector in bytes.chunks(SECTOR) {
                assert!(sector.iter().all(|byte| *byte == sector[0]));
            }
            torn += usize::from(bytes.contains(&1) && bytes.contains(&2));
        }
        assert!(torn > 40);
    }

    #[test]
    fn names_survive_in_order() {
        for seed in 0..50 {
            let (system, disk) = simulated(seed);
            let disk_ref = &system.disk;
            disk_ref.create_dir("d").expect("makes");
            disk_ref.sync_dir(".").expect("syncs");
            disk_ref.open("d/a", OpenOptions::CREATE).expect("opens");
            disk_ref.rename("d/a", "d/b").expect("renames");
            disk.restart();
            let mut names = disk_ref.list("d").expect("lists");
            names.sort();
            assert!(names.len() <= 1, "{names:?}");
        }
    }

    #[test]
    fn faults_come_at_their_count() {
        let (system, disk) = simulated(1);
        let file = system.disk.open("a", OpenOptions::CREATE).expect("opens");
        disk.fail_at(Operation::Write, 1, libc::ENOSPC);
        file.write_all_at(&[1], 0).expect("the first succeeds");
        assert_eq!(file.write_all_at(&[1], 0).unwrap_err().raw_os_error(), Some(libc::ENOSPC));
        file.write_all_at(&[1], 0).expect("only once");
        disk.crash_at_sync(0);
        assert!(file.sync_data().is_err());
        assert!(disk.crashed());
    }
}
