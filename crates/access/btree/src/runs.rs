//! Sorted runs in temporary files, and their merge.

use crate::key::compare_keys;
use crate::tuple::IndexTuple;
use access_api::IndexRelation;
use base::{Error, Result, SqlState, Tid};
use std::cmp::Ordering;
use std::sync::Arc;
use sys::{Disk, File, OpenOptions};

/// Where temporary files go: names are `prefix` with a number.
#[derive(Clone)]
pub struct TempFiles {
    pub disk: Arc<dyn Disk>,
    pub prefix: String,
}

/// Bytes written and read at once.
const CHUNK: usize = 256 * 1024;

/// Runs written so far. Their files go with it.
#[derive(Default)]
pub struct Runs {
    files: Vec<RunFile>,
}

struct RunFile {
    temp: TempFiles,
    name: String,
    file: Arc<dyn File>,
    len: u64,
}

impl Drop for RunFile {
    fn drop(&mut self) {
        // A file left behind is removed at the next start, as all temporary files are.
        let _ = self.temp.disk.remove_file(&self.name);
    }
}

fn io_error(what: &str, name: &str, error: &std::io::Error) -> Error {
    let state = if error.kind() == std::io::ErrorKind::StorageFull {
        SqlState::DISK_FULL
    } else {
        SqlState::IO_ERROR
    };
    Error::new(state, format!("could not {what} temporary file \"{name}\": {error}"))
}

impl Runs {
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Writes one run; `tuples` comes sorted.
    pub fn write<'t>(&mut self, temp: &TempFiles, tuples: impl Iterator<Item = &'t [u8]>) -> Result<()> {
        let name = format!("{}.{}", temp.prefix, self.files.len());
        let options = OpenOptions { create: true, truncate: true, ..OpenOptions::default() };
        let file = temp.disk.open(&name, options).map_err(|error| io_error("create", &name, &error))?;
        let mut run = RunFile { temp: temp.clone(), name, file, len: 0 };
        let mut buffer = Vec::with_capacity(CHUNK + 8192);
        for tuple in tuples {
            buffer.extend_from_slice(tuple);
            if buffer.len() >= CHUNK {
                run.append(&mut buffer)?;
            }
        }
        run.append(&mut buffer)?;
        self.files.push(run);
        Ok(())
    }

    /// Hands all tuples on in order. `duplicate` learns of two with the same key, in a unique index.
    pub fn merge(
        &self,
        index: &IndexRelation,
        duplicate: &mut Option<(Tid, Tid)>,
        each: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut readers: Vec<RunReader<'_>> = self.files.iter().map(RunReader::new).collect::<Result<_>>()?;
        // The run with the least tuple comes last.
        let mut order: Vec<usize> = Vec::new();
        for run in 0..readers.len() {
            if readers[run].tuple().is_some() {
                order.insert(place(index, &readers, &order, run)?, run);
            }
        }
        let mut last: Option<Vec<u8>> = None;
        while let Some(least) = order.pop() {
            let Some(tuple) = readers[least].tuple() else { break };
            if index.unique {
                if let Some(last) = &last {
                    let (order, has_null) = compare_keys(index, IndexTuple(last), IndexTuple(tuple))?;
                    if order == Ordering::Equal && (!has_null || index.nulls_not_distinct) {
                        *duplicate = Some((IndexTuple(last).tid(0), IndexTuple(tuple).tid(0)));
                    }
                }
                last = Some(tuple.to_vec());
            }
            each(tuple)?;
            if readers[least].advance()? {
                order.insert(place(index, &readers, &order, least)?, least);
            }
        }
        Ok(())
    }
}

/// Where a run belongs among those in `order`, which descends.
fn place(index: &IndexRelation, readers: &[RunReader<'_>], order: &[usize], run: usize) -> Result<usize> {
    let (mut low, mut high) = (0, order.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match compare(index, &readers[order[middle]], &readers[run])? {
            Ordering::Greater => low = middle + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

fn compare(index: &IndexRelation, a: &RunReader<'_>, b: &RunReader<'_>) -> Result<Ordering> {
    let (Some(a), Some(b)) = (a.tuple(), b.tuple()) else { return Ok(Ordering::Equal) };
    let (a, b) = (IndexTuple(a), IndexTuple(b));
    Ok(compare_keys(index, a, b)?.0.then_with(|| a.tid(0).cmp(&b.tid(0))))
}

impl RunFile {
    fn append(&mut self, buffer: &mut Vec<u8>) -> Result<()> {
        self.file.write_all_at(buffer, self.len).map_err(|error| io_error("write to", &self.name, &error))?;
        self.len += buffer.len() as u64;
        buffer.clear();
        Ok(())
    }
}

struct RunReader<'r> {
    run: &'r RunFile,
    buffer: Vec<u8>,
    at: usize,
    read: u64,
}

impl<'r> RunReader<'r> {
    fn new(run: &'r RunFile) -> Result<RunReader<'r>> {
        let mut reader = RunReader { run, buffer: Vec::new(), at: 0, read: 0 };
        reader.fill()?;
        Ok(reader)
    }

    fn tuple(&self) -> Option<&[u8]> {
        let rest = &self.buffer[self.at..];
        let size = crate::tuple::size_at(rest)?;
        rest.get(..size)
    }

    /// False at the end of the run.
    fn advance(&mut self) -> Result<bool> {
        self.at += self.tuple().map_or(0, <[u8]>::len);
        if self.tuple().is_none() {
            self.fill()?;
        }
        Ok(self.tuple().is_some())
    }

    fn fill(&mut self) -> Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let want = (self.run.len - self.read).min(CHUNK as u64) as usize;
        let start = self.buffer.len();
        self.buffer.resize(start + want, 0);
        let mut done = 0;
        while done < want {
            let target = &mut self.buffer[start + done..];
            let got = self
                .run
                .file
                .read_at(target, self.read + done as u64)
                .map_err(|error| io_error("read from", &self.run.name, &error))?;
            if got == 0 {
                return Err(Error::corrupted(format!("temporary file \"{}\" is too short", self.run.name)));
            }
            done += got;
        }
        self.read += want as u64;
        Ok(())
    }
}
