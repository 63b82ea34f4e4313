//! Reading records in order, through continuation pages and over segments.

use crate::RmgrId;
use crate::layout::{
    FIRST_IS_CONTRECORD, FIRST_IS_OVERWRITE_CONTRECORD, Layout, MAX_RECORD, PageHeader, RECORD_HEADER,
    WAL_DIRECTORY, WAL_PAGE, segment_name,
};
use crate::record::Record;
use base::bytes::{get_u32, get_u64, max_align};
use base::{Error, Lsn, Result, TimelineId};
use std::io;
use std::sync::Arc;
use sys::disk::{Disk, File, OpenOptions, file_error};

/// Why reading stopped: the log's end, in all likelihood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndOfLog {
    /// Where the next record would have started.
    pub lsn: Lsn,
    /// What is there instead, in PostgreSQL's words.
    pub reason: String,
}

enum Stop {
    End(String),
    Failed(Error),
}

type Step<T> = Result<T, Stop>;

const CHUNK_PAGES: u64 = 16;

/// Reads a timeline's log from the segment files.
pub struct Reader {
    disk: Arc<dyn Disk>,
    layout: Layout,
    timeline: TimelineId,
    system: Option<u64>,
    file: Option<(u64, Arc<dyn File>)>,
    chunk: Vec<u8>,
    chunk_start: u64,
    /// The header of the page read last, which has been found good.
    header: Option<(u64, PageHeader)>,
    record: Vec<u8>,
    /// Where the last record read started and ended.
    last: Option<(u64, u64)>,
    next: u64,
    stopped: Option<EndOfLog>,
}

impl Reader {
    /// `system`: the cluster's identifier, which segment headers must carry.
    pub fn new(disk: Arc<dyn Disk>, timeline: TimelineId, segment_size: u32, system: Option<u64>) -> Reader {
        Reader {
            disk,
            layout: Layout { segment_size: u64::from(segment_size) },
            timeline,
            system,
            file: None,
            chunk: Vec::new(),
            chunk_start: 0,
            header: None,
            record: Vec::new(),
            last: None,
            next: 0,
            stopped: None,
        }
    }

    /// Goes to a record's start. The next record's prev-link is taken as it is.
    pub fn seek(&mut self, lsn: Lsn) {
        self.next = lsn.0;
        self.last = None;
        self.header = None;
        self.chunk.clear();
        self.stopped = None;
    }

    /// The next record, or `None` at the log's end; [`Reader::end`] then says why.
    ///
    /// # Errors
    /// The disk's. A missing segment is the end.
    pub fn read(&mut self) -> Result<Option<Record<'_>>> {
        match self.read_record() {
            Ok((start, end)) => match Record::parse(&self.record, Lsn(start), Lsn(end)) {
                Ok(record) => {
                    self.last = Some((start, end));
                    self.next = end;
                    Ok(Some(record))
                }
                Err(reason) => {
                    self.stopped = Some(EndOfLog { lsn: Lsn(start), reason });
                    Ok(None)
                }
            },
            Err(Stop::End(reason)) => {
                self.stopped = Some(EndOfLog { lsn: Lsn(self.next), reason });
                Ok(None)
            }
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Why the last [`Reader::read`] gave nothing.
    pub fn end(&self) -> Option<&EndOfLog> {
        self.stopped.as_ref()
    }

    /// Start and end of the last record read.
    pub fn last(&self) -> Option<(Lsn, Lsn)> {
        self.last.map(|(start, end)| (Lsn(start), Lsn(end)))
    }

    fn segment(&self, lsn: u64) -> String {
        segment_name(self.timeline, lsn / self.layout.segment_size, self.layout.segment_size as u32)
    }

    /// Sees to it that the page at `page` is in the chunk, and returns its offset there.
    fn load(&mut self, page: u64) -> Step<usize> {
        let end = self.chunk_start + self.chunk.len() as u64;
        if page >= self.chunk_start && page + WAL_PAGE <= end {
            return Ok((page - self.chunk_start) as usize);
        }
        let number = page / self.layout.segment_size;
        let path = format!("{WAL_DIRECTORY}/{}", self.segment(page));
        if self.file.as_ref().is_none_or(|(open, _)| *open != number) {
            self.file = None;
            let file = self.disk.open(&path, OpenOptions::READ).map_err(|error| {
                if error.kind() == io::ErrorKind::NotFound {
                    Stop::End(format!("could not open file \"{path}\": No such file or directory"))
                } else {
                    Stop::Failed(file_error(&error, format_args!("could not open file \"{path}\"")))
                }
            })?;
            self.file = Some((number, file));
        }
        let (_, file) = self.file.as_ref().expect("just opened");
        let offset = page % self.layout.segment_size;
        let wanted = (CHUNK_PAGES * WAL_PAGE).min(self.layout.segment_size - offset);
        self.header = None;
        self.chunk.resize(wanted as usize, 0);
        let n = file.read_at(&mut self.chunk, offset).map_err(|error| {
            Stop::Failed(file_error(
                &error,
                format_args!("could not read from WAL segment {path}, LSN {}, offset {offset}", Lsn(page)),
            ))
        })?;
        self.chunk.truncate(n / WAL_PAGE as usize * WAL_PAGE as usize);
        self.chunk_start = page;
        if self.chunk.is_empty() {
            return Err(Stop::End(format!(
                "could not read from WAL segment {path}, offset {offset}: read {n} of {WAL_PAGE}"
            )));
        }
        Ok(0)
    }

    fn page_header(&mut self, page: u64) -> Step<PageHeader> {
        let at = self.load(page)?;
        if let Some((known, header)) = self.header
            && known == page
        {
            return Ok(header);
        }
        let segment = self.segment(page);
        let bytes = &self.chunk[at..at + WAL_PAGE as usize];
        let header =
            PageHeader::decode(bytes, self.layout, page, &segment, self.system).map_err(Stop::End)?;
        self.header = Some((page, header));
        Ok(header)
    }

    /// Puts the bytes of the record at `next` into `self.record`; returns its start and end.
    fn read_record(&mut self) -> Step<(u64, u64)> {
        let mut start = self.next;
        'record: loop {
            let page = start / WAL_PAGE * WAL_PAGE;
            let header = self.page_header(page)?;
            if start == page {
                start += header.len();
                if header.info & FIRST_IS_CONTRECORD != 0 {
                    return Err(Stop::End(format!("contrecord is requested by {}", Lsn(start))));
                }
            } else if start - page < header.len() {
                return Err(Stop::End(format!(
                    "invalid record offset at {}: expected at least {}, got {}",
                    Lsn(start),
                    header.len(),
                    start - page
                )));
            }
            let at = self.load(page)? + (start - page) as usize;
            // Records start at multiples of eight, so the length is never split.
            let length = get_u32(&self.chunk, at) as usize;
            if length < RECORD_HEADER {
                return Err(Stop::End(format!(
                    "invalid record length at {}: expected at least {RECORD_HEADER}, got {length}",
                    Lsn(start)
                )));
            }
            if length > MAX_RECORD {
                return Err(Stop::End(format!("record length {length} at {} too long", Lsn(start))));
            }
            let first = ((WAL_PAGE - start % WAL_PAGE) as usize).min(length);
            self.record.clear();
            self.record.extend_from_slice(&self.chunk[at..at + first]);
            if first >= RECORD_HEADER {
                self.check_header(start)?;
            }
            let mut end = start + first as u64;
            let mut page = page;
            while self.record.len() < length {
                page += WAL_PAGE;
                let header = self.page_header(page)?;
                if header.info & FIRST_IS_OVERWRITE_CONTRECORD != 0 {
                    // The rest was lost in a crash, and the log was taken up here.
                    start = page;
                    self.last = None;
                    continue 'record;
                }
                if header.info & FIRST_IS_CONTRECORD == 0 {
                    return Err(Stop::End(format!("there is no contrecord flag at {}", Lsn(page))));
                }
                let missing = length - self.record.len();
                if header.remaining as usize != missing {
                    return Err(Stop::End(format!(
                        "invalid contrecord length {} (expected {missing}) at {}",
                        header.remaining,
                        Lsn(page)
                    )));
                }
                let at = self.load(page)? + header.len() as usize;
                let now = missing.min((WAL_PAGE - header.len()) as usize);
                self.record.extend_from_slice(&self.chunk[at..at + now]);
                end = page + header.len() + now as u64;
                if self.record.len() >= RECORD_HEADER && self.record.len() - now < RECORD_HEADER {
                    self.check_header(start)?;
                }
            }
            self.check_checksum(start)?;
            let mut end = max_align(end as usize) as u64;
            // The rest of the segment after a switch is empty.
            if RmgrId(self.record[17]) == RmgrId::XLOG && self.record[16] & 0xf0 == 0x40 {
                end = end.next_multiple_of(self.layout.segment_size);
            }
            return Ok((start, end));
        }
    }

    fn check_header(&self, start: u64) -> Step<()> {
        let rmgr = RmgrId(self.record[17]);
        if !rmgr.is_valid() {
            return Err(Stop::End(format!("invalid resource manager ID {} at {}", rmgr.0, Lsn(start))));
        }
        let previous = get_u64(&self.record, 8);
        let linked = match self.last {
            Some((last, _)) => previous == last,
            None => previous < start,
        };
        if !linked {
            return Err(Stop::End(format!(
                "record with incorrect prev-link {} at {}",
                Lsn(previous),
                Lsn(start)
            )));
        }
        Ok(())
    }

    fn check_checksum(&self, start: u64) -> Step<()> {
        let body = crc32c::crc32c(&self.record[RECORD_HEADER..]);
        if crc32c::crc32c_append(body, &self.record[..20]) != get_u32(&self.record, 20) {
            return Err(Stop::End(format!(
                "incorrect resource manager data checksum in record at {}",
                Lsn(start)
            )));
        }
        Ok(())
    }
}
