//! The layout of commit and abort records: PostgreSQL's xl_xact_commit and xl_xact_abort.
//!
//! ```text
//! i64 time | u32 xinfo | db, tablespace | n, subxids… | n, locators… | n, dropped stats… | n, invalidations… | u32 two-phase xid | gid\0 | origin lsn, time
//!            only with HAS_INFO; each further part only when its bit in xinfo is set. Invalidations and gid: commits only (gid: aborts too).
//! ```

use base::bytes::Reader;
use base::{Lsn, Oid, RelFileLocator, Result};

pub(crate) const COMMIT: u8 = 0x00;
pub(crate) const PREPARE: u8 = 0x10;
pub(crate) const ABORT: u8 = 0x20;
pub(crate) const COMMIT_PREPARED: u8 = 0x30;
pub(crate) const ABORT_PREPARED: u8 = 0x40;
pub(crate) const ASSIGNMENT: u8 = 0x50;
pub(crate) const INVALIDATIONS: u8 = 0x60;
pub(crate) const OPERATION: u8 = 0x70;
const HAS_INFO: u8 = 0x80;
/// The record changes relation files beyond the pages it names.
const SPECIAL_REL_UPDATE: u8 = 0x01;

const HAS_DATABASE: u32 = 1 << 0;
const HAS_SUBXIDS: u32 = 1 << 1;
const HAS_LOCATORS: u32 = 1 << 2;
const HAS_INVALIDATIONS: u32 = 1 << 3;
const HAS_TWO_PHASE: u32 = 1 << 4;
const HAS_ORIGIN: u32 = 1 << 5;
const HAS_EXCLUSIVE_LOCKS: u32 = 1 << 6;
const HAS_GID: u32 = 1 << 7;
const HAS_DROPPED_STATS: u32 = 1 << 8;
const UPDATE_RELCACHE_FILE: u32 = 1 << 30;
const FORCE_SYNC: u32 = 1 << 31;

/// A SharedInvalidationMessage as stored, 16 bytes; what it means is the catalog's affair.
pub type Invalidation = [u8; 16];

/// A statistics entry that is dropped with its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DroppedStats {
    pub kind: i32,
    pub database: Oid,
    pub object: u64,
}

/// What upper layers and the transaction itself put into the commit or abort record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompletionContents {
    /// The session's database and its tablespace; recorded along with invalidations.
    pub database: Option<(Oid, Oid)>,
    pub locators: Vec<RelFileLocator>,
    pub dropped_stats: Vec<DroppedStats>,
    pub invalidations: Vec<Invalidation>,
    /// Relation cache files have to be invalidated.
    pub relcache_file: bool,
    pub force_sync: bool,
    /// An AccessExclusive lock on a relation was taken.
    pub exclusive_locks: bool,
}

/// A commit or abort record, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// Microseconds since 2000-01-01.
    pub time: i64,
    /// 32-bit xids.
    pub subxids: Vec<u32>,
    pub contents: CompletionContents,
    pub two_phase_xid: Option<u32>,
    pub gid: Option<String>,
    pub origin: Option<(Lsn, i64)>,
}

impl Completion {
    /// The info byte and the main data of the record; `operation` is `COMMIT` or `ABORT`.
    pub(crate) fn encode(&self, operation: u8) -> (u8, Vec<u8>) {
        let contents = &self.contents;
        let commit = operation == COMMIT;
        let mut info = operation;
        let mut xinfo = 0;
        let bits = [
            (commit && (!contents.invalidations.is_empty()) && contents.database.is_some(), HAS_DATABASE),
            (!self.subxids.is_empty(), HAS_SUBXIDS),
            (!contents.locators.is_empty(), HAS_LOCATORS),
            (!contents.dropped_stats.is_empty(), HAS_DROPPED_STATS),
            (commit && !contents.invalidations.is_empty(), HAS_INVALIDATIONS),
            (commit && contents.relcache_file, UPDATE_RELCACHE_FILE),
            (commit && contents.force_sync, FORCE_SYNC),
            (contents.exclusive_locks, HAS_EXCLUSIVE_LOCKS),
        ];
        for (_, bit) in bits.iter().filter(|(present, _)| *present) {
            xinfo |= bit;
        }
        if !contents.locators.is_empty() {
            info |= SPECIAL_REL_UPDATE;
        }
        let mut out = Vec::with_capacity(64);
        out.extend(self.time.to_le_bytes());
        if xinfo == 0 {
            return (info, out);
        }
        info |= HAS_INFO;
        out.extend(xinfo.to_le_bytes());
        if let (true, Some((database, tablespace))) = (xinfo & HAS_DATABASE != 0, contents.database) {
            out.extend(database.0.to_le_bytes());
            out.extend(tablespace.0.to_le_bytes());
        }
        if xinfo & HAS_SUBXIDS != 0 {
            put_list(&mut out, &self.subxids, |out, xid| out.extend(xid.to_le_bytes()));
        }
        if xinfo & HAS_LOCATORS != 0 {
            put_list(&mut out, &contents.locators, |out, locator| {
                for oid in [locator.tablespace, locator.database, locator.number] {
                    out.extend(oid.0.to_le_bytes());
                }
            });
        }
        if xinfo & HAS_DROPPED_STATS != 0 {
            put_list(&mut out, &contents.dropped_stats, |out, item| {
                out.extend(item.kind.to_le_bytes());
                out.extend(item.database.0.to_le_bytes());
                out.extend(item.object.to_le_bytes());
            });
        }
        if xinfo & HAS_INVALIDATIONS != 0 {
            put_list(&mut out, &contents.invalidations, |out, message| out.extend(message));
        }
        (info, out)
    }

    /// # Errors
    /// `XX001` when the record is cut short.
    pub fn decode(info: u8, main: &[u8]) -> Result<Completion> {
        let mut reader = Reader::new(main);
        let mut read = Completion { time: reader.i64()?, ..Completion::default() };
        if info & HAS_INFO == 0 {
            return Ok(read);
        }
        let xinfo = reader.u32()?;
        let contents = &mut read.contents;
        contents.relcache_file = xinfo & UPDATE_RELCACHE_FILE != 0;
        contents.force_sync = xinfo & FORCE_SYNC != 0;
        contents.exclusive_locks = xinfo & HAS_EXCLUSIVE_LOCKS != 0;
        if xinfo & HAS_DATABASE != 0 {
            contents.database = Some((Oid(reader.u32()?), Oid(reader.u32()?)));
        }
        if xinfo & HAS_SUBXIDS != 0 {
            read.subxids = get_list(&mut reader, |reader| reader.u32())?;
        }
        if xinfo & HAS_LOCATORS != 0 {
            contents.locators = get_list(&mut reader, |reader| {
                Ok(RelFileLocator {
                    tablespace: Oid(reader.u32()?),
                    database: Oid(reader.u32()?),
                    number: Oid(reader.u32()?),
                })
            })?;
        }
        if xinfo & HAS_DROPPED_STATS != 0 {
            contents.dropped_stats = get_list(&mut reader, |reader| {
                Ok(DroppedStats { kind: reader.i32()?, database: Oid(reader.u32()?), object: reader.u64()? })
            })?;
        }
        if xinfo & HAS_INVALIDATIONS != 0 {
            contents.invalidations = get_list(&mut reader, |reader| {
                let mut message = [0; 16];
                message.copy_from_slice(reader.take(16)?);
                Ok(message)
            })?;
        }
        if xinfo & HAS_TWO_PHASE != 0 {
            read.two_phase_xid = Some(reader.u32()?);
            if xinfo & HAS_GID != 0 {
                let rest = reader.rest();
                let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
                read.gid = Some(String::from_utf8_lossy(&rest[..end]).into_owned());
                reader.take((end + 1).min(rest.len()))?;
            }
        }
        if xinfo & HAS_ORIGIN != 0 {
            read.origin = Some((Lsn(reader.u64()?), reader.i64()?));
        }
        Ok(read)
    }
}

fn put_list<T>(out: &mut Vec<u8>, items: &[T], mut put: impl FnMut(&mut Vec<u8>, &T)) {
    out.extend((items.len() as u32).to_le_bytes());
    for item in items {
        put(out, item);
    }
}

/// The count is not trusted: the list grows only with what is really there.
fn get_list<'a, T>(
    reader: &mut Reader<'a>,
    mut get: impl FnMut(&mut Reader<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    let count = reader.u32()?;
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(get(reader)?);
    }
    Ok(items)
}
