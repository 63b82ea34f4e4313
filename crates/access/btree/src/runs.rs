//! The temporary files of a build, and the merge of sorted runs in them.

use crate::key::compare_keys;
use crate::tuple::{IndexTuple, size_at};
use access_api::IndexRelation;
use base::{Error, Result, SqlState};
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering as Atomic};
use sys::{Disk, File, OpenOptions};

/// Where temporary files go: names are `prefix` with a number.
#[derive(Clone)]
pub struct TempFiles {
    pub disk: Arc<dyn Disk>,
    pub prefix: String,
}

/// Bytes written and read at once.
const CHUNK: usize = 256 * 1024;

/// Writers of one file wait for one another, so there are several.
const STRIPES: usize = 4;

/// Files that are made when they are first written to, and go with this. Several threads may append.
pub struct TempFile {
    temp: TempFiles,
    stripes: [Stripe; STRIPES],
}

#[derive(Default)]
struct Stripe {
    file: OnceLock<Result<Arc<dyn File>>>,
    len: AtomicU64,
}

/// Where something was written.
#[derive(Clone, Debug)]
pub struct Extent {
    stripe: usize,
    pub range: Range<u64>,
}

impl Drop for TempFile {
    fn drop(&mut self) {
        for (number, stripe) in self.stripes.iter().enumerate() {
            if let Some(Ok(_)) = stripe.file.get() {
                // Nothing can be done about one that stays.
                let _ = self.temp.disk.remove_file(&self.path(number));
            }
        }
    }
}

impl TempFile {
    pub fn new(temp: TempFiles) -> TempFile {
        TempFile { temp, stripes: Default::default() }
    }

    fn path(&self, stripe: usize) -> String {
        format!("{}.{stripe}", self.temp.prefix)
    }

    fn failed(&self, what: &str, stripe: usize, error: &std::io::Error) -> Error {
        let state = match error.kind() {
            std::io::ErrorKind::StorageFull => SqlState::DISK_FULL,
            _ => SqlState::IO_ERROR,
        };
        let text = sys::disk::error_text(error);
        Error::new(state, format!("could not {what} temporary file \"{}\": {text}", self.path(stripe)))
    }

    fn create(&self, stripe: usize) -> Result<Arc<dyn File>> {
        let path = self.path(stripe);
        let open = || self.temp.disk.open(&path, OpenOptions::TRUNCATE);
        open()
            .or_else(|_| {
                self.temp.disk.create_dir_all(sys::disk::parent(&path))?;
                open()
            })
            .map_err(|error| self.failed("create", stripe, &error))
    }

    fn file(&self, stripe: usize) -> Result<&Arc<dyn File>> {
        let file = &self.stripes[stripe].file;
        file.get_or_init(|| self.create(stripe)).as_ref().map_err(Error::clone)
    }

    /// Appends bytes. Threads do best with numbers of their own.
    ///
    /// # Errors
    /// `53100` when the disk is full, and the disk's.
    pub fn append(&self, number: usize, bytes: &[u8]) -> Result<Extent> {
        let stripe = number % STRIPES;
        let file = self.file(stripe)?;
        let start = self.stripes[stripe].len.fetch_add(bytes.len() as u64, Atomic::Relaxed);
        file.write_all_at(bytes, start).map_err(|error| self.failed("write to", stripe, &error))?;
        Ok(Extent { stripe, range: start..start + bytes.len() as u64 })
    }

    /// Appends what was written to `out`.
    ///
    /// # Errors
    /// The disk's.
    pub fn read(&self, extent: &Extent, out: &mut Vec<u8>) -> Result<()> {
        let Extent { stripe, range } = extent;
        let file = self.file(*stripe)?;
        let start = out.len();
        let want = (range.end - range.start) as usize;
        out.resize(start + want, 0);
        let mut done = 0;
        while done < want {
            let got = file
                .read_at(&mut out[start + done..], range.start + done as u64)
                .map_err(|error| self.failed("read from", *stripe, &error))?;
            if got == 0 {
                let path = self.path(*stripe);
                return Err(Error::corrupted(format!("temporary file \"{path}\" is too short")));
            }
            done += got;
        }
        Ok(())
    }
}

/// Index tuples end to end: first those in the file, then those in memory.
#[derive(Default)]
pub struct Tuples {
    written: Vec<Extent>,
    bytes: Vec<u8>,
}

impl Tuples {
    /// Adds one behind the others; beyond `limit` bytes they go to the file.
    ///
    /// # Errors
    /// As [`TempFile::append`].
    pub fn push(&mut self, tuple: &[u8], file: Option<&TempFile>, limit: usize) -> Result<()> {
        self.bytes.extend_from_slice(tuple);
        if let Some(file) = file
            && self.bytes.len() >= limit
        {
            self.flush(file)?;
        }
        Ok(())
    }

    /// # Errors
    /// As [`TempFile::append`].
    pub fn flush(&mut self, file: &TempFile) -> Result<()> {
        if !self.bytes.is_empty() {
            self.written.push(file.append(0, &self.bytes)?);
            self.bytes.clear();
        }
        Ok(())
    }

    /// Hands all tuples on in their order.
    ///
    /// # Errors
    /// The disk's, and what `each` fails with.
    pub fn each(self, file: Option<&TempFile>, work: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut reader = TupleReader::new(self, file)?;
        while let Some(tuple) = reader.tuple() {
            work(tuple)?;
            reader.advance()?;
        }
        Ok(())
    }
}

/// Goes through [`Tuples`].
pub struct TupleReader<'f> {
    tuples: Tuples,
    file: Option<&'f TempFile>,
    next: usize,
    buffer: Vec<u8>,
    at: usize,
}

impl<'f> TupleReader<'f> {
    pub fn new(tuples: Tuples, file: Option<&'f TempFile>) -> Result<TupleReader<'f>> {
        let mut reader = TupleReader { tuples, file, next: 0, buffer: Vec::new(), at: 0 };
        reader.fill()?;
        Ok(reader)
    }

    pub fn tuple(&self) -> Option<&[u8]> {
        let rest = &self.buffer[self.at..];
        rest.get(..size_at(rest)?)
    }

    pub fn advance(&mut self) -> Result<()> {
        self.at += self.tuple().map_or(0, <[u8]>::len);
        if self.tuple().is_none() { self.fill() } else { Ok(()) }
    }

    /// Brings in the next chunk behind what is left of the last one.
    fn fill(&mut self) -> Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        if let (Some(file), Some(extent)) = (self.file, self.tuples.written.get_mut(self.next)) {
            let Range { start, end } = extent.range;
            let now = start..end.min(start + CHUNK as u64);
            extent.range.start = now.end;
            self.next += usize::from(now.end == end);
            file.read(&Extent { stripe: extent.stripe, range: now }, &mut self.buffer)?;
        } else {
            self.buffer.append(&mut self.tuples.bytes);
        }
        Ok(())
    }
}

/// Hands the tuples of sorted runs on in order.
///
/// # Errors
/// The disk's, and what `each` fails with.
pub fn merge(
    index: &IndexRelation,
    mut runs: Vec<TupleReader<'_>>,
    each: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    // The run with the least tuple comes last.
    let mut order: Vec<usize> = Vec::new();
    for run in 0..runs.len() {
        if runs[run].tuple().is_some() {
            order.insert(place(index, &runs, &order, run)?, run);
        }
    }
    while let Some(least) = order.pop() {
        let Some(tuple) = runs[least].tuple() else { break };
        each(tuple)?;
        runs[least].advance()?;
        if runs[least].tuple().is_some() {
            order.insert(place(index, &runs, &order, least)?, least);
        }
    }
    Ok(())
}

/// Where a run belongs among those in `order`, which descends.
fn place(index: &IndexRelation, runs: &[TupleReader<'_>], order: &[usize], run: usize) -> Result<usize> {
    let (mut low, mut high) = (0, order.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let (Some(a), Some(b)) = (runs[order[middle]].tuple(), runs[run].tuple()) else { break };
        let (a, b) = (IndexTuple(a), IndexTuple(b));
        match compare_keys(index, a, b)?.0.then_with(|| a.tid(0).cmp(&b.tid(0))) {
            Ordering::Greater => low = middle + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}
