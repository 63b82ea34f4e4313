//! Where records lie in segment files.
//!
//! A *byte position* counts usable bytes only; an LSN counts all bytes, page headers included. Reservation works on byte positions,
//! where the end of one record is the start of the next.
//!
//! ```text
//! segment  | long header 40 | records … | short header 24 | rest of a record … | short header 24 | …
//!          ^ page 0                     ^ page 1                               ^ page 2
//! ```

use base::bytes::{get_u16, get_u32, get_u64, put_u16, put_u32, put_u64};
use base::{Lsn, TimelineId};

pub const WAL_DIRECTORY: &str = "pg_wal";
/// Bytes of a WAL page.
pub const WAL_PAGE: u64 = 8192;
pub const SHORT_PAGE_HEADER: u64 = 24;
/// The header of a segment's first page.
pub const LONG_PAGE_HEADER: u64 = 40;
/// Bytes of a record's header.
pub const RECORD_HEADER: usize = 24;
/// The longest record: 1,020 MB, so that a reader can allocate for it.
pub const MAX_RECORD: usize = 1020 << 20;

const PAGE_MAGIC: u16 = 0xD118;
pub(crate) const FIRST_IS_CONTRECORD: u16 = 1;
pub(crate) const LONG_HEADER: u16 = 2;
pub(crate) const BACKUP_REMOVABLE: u16 = 4;
pub(crate) const FIRST_IS_OVERWRITE_CONTRECORD: u16 = 8;
const ALL_FLAGS: u16 = 15;

/// Bytes for records in a page that is not a segment's first.
const USABLE_IN_PAGE: u64 = WAL_PAGE - SHORT_PAGE_HEADER;
const USABLE_IN_FIRST_PAGE: u64 = WAL_PAGE - LONG_PAGE_HEADER;

/// Translates between byte positions and LSNs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub segment_size: u64,
}

impl Layout {
    fn usable_in_segment(self) -> u64 {
        self.segment_size / WAL_PAGE * USABLE_IN_PAGE - (LONG_PAGE_HEADER - SHORT_PAGE_HEADER)
    }

    /// Where a record that starts at `position` starts: past the header when that is at the start of a page.
    pub fn start_lsn(self, position: u64) -> u64 {
        self.lsn(position, true)
    }

    /// Where a record that ends at `position` ends: the page's end, when it fills the page.
    pub fn end_lsn(self, position: u64) -> u64 {
        self.lsn(position, false)
    }

    fn lsn(self, position: u64, past_header: bool) -> u64 {
        let segment = position / self.usable_in_segment();
        let rest = position % self.usable_in_segment();
        let offset = if rest < USABLE_IN_FIRST_PAGE {
            if rest == 0 && !past_header { 0 } else { rest + LONG_PAGE_HEADER }
        } else {
            let rest = rest - USABLE_IN_FIRST_PAGE;
            let within = rest % USABLE_IN_PAGE;
            let header = if within == 0 && !past_header { 0 } else { SHORT_PAGE_HEADER };
            WAL_PAGE + rest / USABLE_IN_PAGE * WAL_PAGE + within + header
        };
        segment * self.segment_size + offset
    }

    /// The byte position of an LSN that a record starts or ends at.
    pub fn position(self, lsn: u64) -> u64 {
        let segment = lsn / self.segment_size;
        let offset = lsn % self.segment_size;
        let (page, within) = (offset / WAL_PAGE, offset % WAL_PAGE);
        let in_segment = match page {
            0 => within.saturating_sub(LONG_PAGE_HEADER),
            page => {
                USABLE_IN_FIRST_PAGE + (page - 1) * USABLE_IN_PAGE + within.saturating_sub(SHORT_PAGE_HEADER)
            }
        };
        segment * self.usable_in_segment() + in_segment
    }

    /// Bytes of the header of the page that starts at `page`.
    pub fn header_size(self, page: u64) -> u64 {
        if page.is_multiple_of(self.segment_size) { LONG_PAGE_HEADER } else { SHORT_PAGE_HEADER }
    }
}

/// A page's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageHeader {
    pub info: u16,
    pub timeline: u32,
    pub address: u64,
    /// Bytes of the record that goes on here from the page before.
    pub remaining: u32,
    /// System identifier, segment size, page size: in long headers.
    pub long: Option<(u64, u32, u32)>,
}

impl PageHeader {
    pub fn new(layout: Layout, address: u64, timeline: TimelineId, system: u64) -> PageHeader {
        let long = address.is_multiple_of(layout.segment_size).then_some((
            system,
            layout.segment_size as u32,
            WAL_PAGE as u32,
        ));
        let info = BACKUP_REMOVABLE | if long.is_some() { LONG_HEADER } else { 0 };
        PageHeader { info, timeline: timeline.0, address, remaining: 0, long }
    }

    pub fn encode(&self) -> ([u8; LONG_PAGE_HEADER as usize], usize) {
        let mut bytes = [0; LONG_PAGE_HEADER as usize];
        put_u16(&mut bytes, 0, PAGE_MAGIC);
        put_u16(&mut bytes, 2, self.info);
        put_u32(&mut bytes, 4, self.timeline);
        put_u64(&mut bytes, 8, self.address);
        put_u32(&mut bytes, 16, self.remaining);
        let Some((system, segment_size, page_size)) = self.long else {
            return (bytes, SHORT_PAGE_HEADER as usize);
        };
        put_u64(&mut bytes, 24, system);
        put_u32(&mut bytes, 32, segment_size);
        put_u32(&mut bytes, 36, page_size);
        (bytes, LONG_PAGE_HEADER as usize)
    }

    /// Reads and checks the header of the page at `address`; the error says what is wrong with it, in PostgreSQL's words.
    pub fn decode(
        bytes: &[u8],
        layout: Layout,
        address: u64,
        segment: &str,
        system: Option<u64>,
    ) -> Result<PageHeader, String> {
        let lsn = Lsn(address);
        let offset = address % layout.segment_size;
        let place = format!("in WAL segment {segment}, LSN {lsn}, offset {offset}");
        let magic = get_u16(bytes, 0);
        if magic != PAGE_MAGIC {
            return Err(format!("invalid magic number {magic:04X} {place}"));
        }
        let info = get_u16(bytes, 2);
        if info & !ALL_FLAGS != 0 || (offset == 0) != (info & LONG_HEADER != 0) {
            return Err(format!("invalid info bits {info:04X} {place}"));
        }
        let long =
            (info & LONG_HEADER != 0).then(|| (get_u64(bytes, 24), get_u32(bytes, 32), get_u32(bytes, 36)));
        if let Some((found, segment_size, page_size)) = long {
            if let Some(expected) = system.filter(|expected| *expected != found) {
                return Err(format!(
                    "WAL file is from different database system: WAL file database system identifier is {found}, \
                     pg_control database system identifier is {expected}"
                ));
            }
            if u64::from(segment_size) != layout.segment_size {
                return Err(
                    "WAL file is from different database system: incorrect segment size in page header"
                        .to_owned(),
                );
            }
            if u64::from(page_size) != WAL_PAGE {
                return Err(
                    "WAL file is from different database system: incorrect XLOG_BLCKSZ in page header"
                        .to_owned(),
                );
            }
        }
        let found = get_u64(bytes, 8);
        if found != address {
            return Err(format!("unexpected pageaddr {} {place}", Lsn(found)));
        }
        Ok(PageHeader { info, timeline: get_u32(bytes, 4), address, remaining: get_u32(bytes, 16), long })
    }

    pub fn len(&self) -> u64 {
        if self.long.is_some() { LONG_PAGE_HEADER } else { SHORT_PAGE_HEADER }
    }
}

/// The name of a segment file: timeline, then the number split so that it reads like an LSN.
pub fn segment_name(timeline: TimelineId, number: u64, segment_size: u32) -> String {
    let in_id = 0x1_0000_0000 / u64::from(segment_size);
    format!("{:08X}{:08X}{:08X}", timeline.0, number / in_id, number % in_id)
}

/// Timeline and number of a segment file, or `None` for any other name.
pub fn parse_segment_name(name: &str, segment_size: u32) -> Option<(TimelineId, u64)> {
    if name.len() != 24 || !name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')) {
        return None;
    }
    let part = |at: usize| u32::from_str_radix(&name[at..at + 8], 16).ok();
    let in_id = 0x1_0000_0000 / u64::from(segment_size);
    let (timeline, high, low) = (part(0)?, part(8)?, part(16)?);
    (u64::from(low) < in_id).then(|| (TimelineId(timeline), u64::from(high) * in_id + u64::from(low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_lsns_agree() {
        let layout = Layout { segment_size: 1 << 20 };
        for position in (0..3 << 20).step_by(8) {
            let (start, end) = (layout.start_lsn(position), layout.end_lsn(position));
            assert_eq!(layout.position(start), position);
            assert_eq!(layout.position(end), position);
            assert!(start == end || (end % WAL_PAGE == 0 && start - end == layout.header_size(end)));
        }
        assert_eq!(Layout { segment_size: 16 << 20 }.start_lsn(layout_first()), 0x0100_0028);
    }

    fn layout_first() -> u64 {
        Layout { segment_size: 16 << 20 }.position(0x0100_0028)
    }

    #[test]
    fn names() {
        assert_eq!(segment_name(TimelineId(1), 1, 16 << 20), "000000010000000000000001");
        assert_eq!(segment_name(TimelineId(2), 0x1ff, 16 << 20), "0000000200000001000000FF");
        assert_eq!(parse_segment_name("0000000200000001000000FF", 16 << 20), Some((TimelineId(2), 0x1ff)));
        assert_eq!(parse_segment_name("000000020000000100000100", 16 << 20), None);
        assert_eq!(parse_segment_name("00000002.history", 16 << 20), None);
    }
}
