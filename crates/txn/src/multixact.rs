//! Multixacts: sets of transactions that hold or update one tuple.
//!
//! ```text
//! pg_multixact/offsets: u32 per multixact: where its members begin.   pg_multixact/members: groups of four members:
//!   page = id / 2048                                                     4 flag bytes (status), 4 × u32 xid; 409 groups to a page, 12 bytes unused
//! ```
//!
//! The members of a multixact end where the next one's begin, so creating one also writes the next offset. Offset 0 means
//! "not set"; when the member counter wraps to 0, one place is left unused. Creation, log record included, is one step under one latch: a
//! checkpoint that passes the latch after its redo point has everything that was logged before.

use crate::slru::Slru;
use crate::{Counters, Outcome, Transaction, Transactions};
use base::bytes::{get_u32, put_u32};
use base::{Lsn, MultiXactId, Oid, PAGE_SIZE, Result, Xid, bail, err};
use lock::LockMode;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wal::{RecordBuilder, RmgrId, Wal};

pub(crate) const ZERO_OFFSETS_PAGE: u8 = 0x00;
pub(crate) const ZERO_MEMBERS_PAGE: u8 = 0x10;
pub(crate) const CREATE: u8 = 0x20;
pub(crate) const TRUNCATE: u8 = 0x30;

const OFFSETS_PER_PAGE: u32 = PAGE_SIZE as u32 / 4;
const GROUP_BYTES: usize = 20;
const MEMBERS_PER_PAGE: u32 = PAGE_SIZE as u32 / GROUP_BYTES as u32 * 4;
const MEMBER_SEGMENTS: u64 = (u32::MAX as u64 / MEMBERS_PER_PAGE as u64) / 32 + 1;
const WRAPAROUND_RESERVE: u32 = 3_000_000;
const CACHED: usize = 4096;

/// What a member does to the tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum MemberStatus {
    ForKeyShare = 0,
    ForShare,
    ForNoKeyUpdate,
    ForUpdate,
    /// An update that leaves the key alone.
    NoKeyUpdate,
    /// Another update, or a delete.
    Update,
}

impl MemberStatus {
    pub const ALL: [MemberStatus; 6] = [
        MemberStatus::ForKeyShare,
        MemberStatus::ForShare,
        MemberStatus::ForNoKeyUpdate,
        MemberStatus::ForUpdate,
        MemberStatus::NoKeyUpdate,
        MemberStatus::Update,
    ];

    pub fn from_number(number: u32) -> Option<MemberStatus> {
        MemberStatus::ALL.get(number as usize).copied()
    }

    pub fn is_update(self) -> bool {
        self >= MemberStatus::NoKeyUpdate
    }

    /// The heavyweight mode whose conflicts are those of this hold on a tuple.
    pub fn lock_mode(self) -> LockMode {
        match self {
            MemberStatus::ForKeyShare => LockMode::AccessShare,
            MemberStatus::ForShare => LockMode::RowShare,
            MemberStatus::ForNoKeyUpdate | MemberStatus::NoKeyUpdate => LockMode::Exclusive,
            MemberStatus::ForUpdate | MemberStatus::Update => LockMode::AccessExclusive,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    pub xid: Xid,
    pub status: MemberStatus,
}

struct Generation {
    next: MultiXactId,
    next_offset: u32,
    oldest: MultiXactId,
    oldest_database: Oid,
    /// Where the members of `oldest` begin; not known before the first truncation or the end of recovery.
    oldest_offset: Option<u32>,
}

#[derive(Default)]
struct Cache {
    members: HashMap<MultiXactId, Arc<[Member]>>,
    ids: HashMap<Arc<[Member]>, MultiXactId>,
}

/// All multixacts of a server.
pub struct MultiXacts {
    offsets: Slru,
    members: Slru,
    wal: Arc<Wal>,
    next_xid: Arc<AtomicU64>,
    generation: Mutex<Generation>,
    cache: Mutex<Cache>,
}

/// Page and byte of a multixact's offset.
fn offset_place(multi: MultiXactId) -> (u64, usize) {
    (u64::from(multi.0 / OFFSETS_PER_PAGE), (multi.0 % OFFSETS_PER_PAGE) as usize * 4)
}

/// Page, byte of the status, byte of the xid of a member.
fn member_place(offset: u32) -> (u64, usize, usize) {
    let group = (offset % MEMBERS_PER_PAGE / 4) as usize * GROUP_BYTES;
    let within = (offset % 4) as usize;
    (u64::from(offset / MEMBERS_PER_PAGE), group + within, group + 4 + within * 4)
}

fn following(multi: MultiXactId) -> MultiXactId {
    MultiXactId(multi.0.wrapping_add(1).max(MultiXactId::FIRST.0))
}

impl MultiXacts {
    pub(crate) fn new(
        offsets: Slru,
        members: Slru,
        wal: Arc<Wal>,
        next_xid: Arc<AtomicU64>,
        counters: &Counters,
    ) -> MultiXacts {
        MultiXacts {
            offsets,
            members,
            wal,
            next_xid,
            generation: Mutex::new(Generation {
                next: counters.next_multi,
                next_offset: counters.next_multi_offset,
                oldest: counters.oldest_multi,
                oldest_database: counters.oldest_multi_database,
                oldest_offset: None,
            }),
            cache: Mutex::default(),
        }
    }

    pub(crate) fn bootstrap(&self) -> Result<()> {
        self.offsets.zero(0)?;
        self.members.zero(0)
    }

    pub(crate) fn end_recovery(&self) {
        self.offsets.end_recovery();
        self.members.end_recovery();
    }

    pub(crate) fn flush(&self) -> Result<()> {
        self.offsets.flush()?;
        self.members.flush()
    }

    /// Returns once no creation is half done.
    pub(crate) fn settle(&self) {
        drop(self.generation.lock());
    }

    /// The multixact that is created next.
    pub fn next(&self) -> MultiXactId {
        self.generation.lock().next
    }

    pub(crate) fn next_pair(&self) -> (MultiXactId, u32) {
        let generation = self.generation.lock();
        (generation.next, generation.next_offset)
    }

    /// The oldest multixact that any relation may still carry, and a database that has it.
    pub fn oldest_pair(&self) -> (MultiXactId, Oid) {
        let generation = self.generation.lock();
        (generation.oldest, generation.oldest_database)
    }

    /// Only forward.
    pub fn set_oldest(&self, oldest: MultiXactId, database: Oid) {
        let mut generation = self.generation.lock();
        if !oldest.precedes(generation.oldest) {
            generation.oldest = oldest;
            generation.oldest_database = database;
        }
    }

    /// Redo: the counters are at least here.
    pub(crate) fn advance(&self, next: MultiXactId, next_offset: u32) {
        let mut generation = self.generation.lock();
        if generation.next.precedes(next) {
            generation.next = next;
        }
        if (generation.next_offset.wrapping_sub(next_offset) as i32) < 0 {
            generation.next_offset = next_offset;
        }
    }

    /// After recovery: cleans the pages behind the counters, which may carry what was never logged.
    pub(crate) fn trim(&self) -> Result<()> {
        let mut generation = self.generation.lock();
        let (page, at) = offset_place(generation.next);
        if at == 0 {
            self.offsets.zero(page)?;
        }
        let next_offset = generation.next_offset;
        self.offsets.change(page, generation.next.0, Lsn::INVALID, |page| {
            put_u32(&mut page.bytes[..], at, next_offset);
            page.bytes[at + 4..].fill(0);
        })?;
        let (page, flags, xid) = member_place(next_offset);
        if flags != 0 {
            self.members.change(page, next_offset, Lsn::INVALID, |page| page.bytes[xid..].fill(0))?;
        }
        if generation.oldest == generation.next {
            generation.oldest_offset = Some(next_offset);
        } else {
            let oldest = generation.oldest;
            generation.oldest_offset = Some(self.offset(oldest)?).filter(|offset| *offset != 0);
        }
        Ok(())
    }

    fn offset(&self, multi: MultiXactId) -> Result<u32> {
        let (page, at) = offset_place(multi);
        self.offsets.read(page, multi.0, |page| get_u32(&page.bytes[..], at))
    }

    /// Makes sure that the session's horizon covers whatever multixact its transaction becomes a member of from now on. To be
    /// called before the transaction's xid is put on a tuple as a locker, and before a multixact is created.
    pub fn set_oldest_member(&self, tx: &Transaction) {
        let slot = tx.session().slot();
        if slot.oldest_member.load(Ordering::SeqCst) == 0 {
            let generation = self.generation.lock();
            slot.oldest_member.store(generation.next.0, Ordering::SeqCst);
        }
    }

    /// A multixact of these members: an equal one that this transaction could have made, or a new one.
    ///
    /// # Errors
    /// `54000` when ids or room for members are used up; the WAL's and the disk's.
    pub fn create(&self, tx: &Transaction, members: &[Member]) -> Result<MultiXactId> {
        self.set_oldest_member(tx);
        let mut sorted = members.to_vec();
        sorted.sort_unstable_by_key(|member| (member.xid.low(), member.status));
        if sorted.iter().filter(|member| member.status.is_update()).count() > 1 {
            bail!(INTERNAL_ERROR, "new multixact has more than one updating member");
        }
        let sorted: Arc<[Member]> = sorted.into();
        let oldest_member = MultiXactId(tx.session().slot().oldest_member.load(Ordering::SeqCst));
        if let Some(multi) = self.cache.lock().ids.get(&sorted)
            && !multi.precedes(oldest_member)
        {
            return Ok(*multi);
        }
        let multi = self.create_new(tx.xid_if_assigned().unwrap_or(Xid::INVALID), &sorted)?;
        self.remember(multi, sorted);
        Ok(multi)
    }

    fn create_new(&self, xid: Xid, members: &[Member]) -> Result<MultiXactId> {
        let mut generation = self.generation.lock();
        let multi = generation.next;
        let count = members.len() as u32;
        self.check_room(&generation, count)?;
        let next = following(multi);
        let (page, at) = offset_place(next);
        if at == 0 {
            self.zero_page(&self.offsets, ZERO_OFFSETS_PAGE, page)?;
        }
        // Offset 0 stands for "not set", so the place is left out.
        let first = generation.next_offset.max(1);
        let end = first.wrapping_add(count);
        self.extend_members(generation.next_offset, end)?;
        let mut main = Vec::with_capacity(12 + members.len() * 8);
        for field in [multi.0, first, count] {
            main.extend(field.to_le_bytes());
        }
        for member in members {
            main.extend(member.xid.low().to_le_bytes());
            main.extend((member.status as u32).to_le_bytes());
        }
        self.wal.insert(&RecordBuilder::new(RmgrId::MULTIXACT, CREATE, xid).main(&main))?;
        let entries = members.iter().map(|member| (member.xid.low(), member.status));
        self.write(multi, first, entries, end).map_err(|error| self.wal.panic(error))?;
        generation.next = next;
        generation.next_offset = end;
        Ok(multi)
    }

    #[cfg(test)]
    pub(crate) fn create_for_test(&self, members: &[Member]) {
        self.create_new(Xid::INVALID, members).expect("room for a multixact");
    }

    fn check_room(&self, generation: &Generation, count: u32) -> Result<()> {
        if generation.next.0.wrapping_sub(generation.oldest.0) > (1 << 31) - WRAPAROUND_RESERVE {
            let database = generation.oldest_database;
            return Err(err!(
                PROGRAM_LIMIT_EXCEEDED,
                "database is not accepting commands that assign new MultiXactIds to avoid wraparound data loss in database with OID {database}"
            )
            .hint("Execute a database-wide VACUUM in that database.\nYou might also need to commit or roll back old prepared transactions, or drop stale replication slots."));
        }
        let Some(oldest) = generation.oldest_offset else { return Ok(()) };
        let used = generation.next_offset.wrapping_sub(oldest);
        let left = u32::MAX - used;
        // A segment's worth stays free, since whole segments are removed.
        let usable = left.saturating_sub(MEMBERS_PER_PAGE * 32);
        if count > usable {
            return Err(err!(PROGRAM_LIMIT_EXCEEDED, "multixact \"members\" limit exceeded").detail(format!(
                "This command would create a multixact with {count} members, but the remaining space is only enough for {usable} members."
            )).hint(format!(
                "Execute a database-wide VACUUM in database with OID {} with reduced \"vacuum_multixact_freeze_min_age\" and \"vacuum_multixact_freeze_table_age\" settings.",
                generation.oldest_database
            )));
        }
        Ok(())
    }

    fn zero_page(&self, slru: &Slru, operation: u8, page: u64) -> Result<()> {
        slru.zero(page)?;
        let number = (page as i64).to_le_bytes();
        self.wal.insert(&RecordBuilder::new(RmgrId::MULTIXACT, operation, Xid::INVALID).main(&number))?;
        Ok(())
    }

    /// Makes the pages whose first place is in `from..end` (which may wrap).
    fn extend_members(&self, from: u32, end: u32) -> Result<()> {
        let mut at = from;
        let mut left = end.wrapping_sub(from);
        while left > 0 {
            if at.is_multiple_of(MEMBERS_PER_PAGE) {
                let page = u64::from(at / MEMBERS_PER_PAGE);
                // Page 0 exists from the start; it is made anew when the counter has wrapped, as PostgreSQL does.
                self.zero_page(&self.members, ZERO_MEMBERS_PAGE, page)?;
            }
            let to_page_end = MEMBERS_PER_PAGE - at % MEMBERS_PER_PAGE;
            // The last page of all is cut short by the end of the numbers.
            let to_wrap = u64::from(u32::MAX) + 1 - u64::from(at);
            let step = u64::from(to_page_end).min(to_wrap).min(u64::from(left)) as u32;
            at = at.wrapping_add(step);
            left -= step;
        }
        Ok(())
    }

    fn write(
        &self,
        multi: MultiXactId,
        first: u32,
        members: impl Iterator<Item = (u32, MemberStatus)>,
        end: u32,
    ) -> Result<()> {
        for (at, offset) in [(multi, first), (following(multi), end.max(1))] {
            let (page, at) = offset_place(at);
            self.offsets
                .change(page, multi.0, Lsn::INVALID, |page| put_u32(&mut page.bytes[..], at, offset))?;
        }
        for (n, (xid, status)) in members.enumerate() {
            let (page, flags, at) = member_place(first.wrapping_add(n as u32));
            self.members.change(page, multi.0, Lsn::INVALID, |page| {
                page.bytes[flags] = status as u8;
                put_u32(&mut page.bytes[..], at, xid);
            })?;
        }
        Ok(())
    }

    /// `multi` and, if it is not one already, a member more. Members that have ended are left out, except for an update that committed.
    ///
    /// # Errors
    /// As [`MultiXacts::create`].
    pub fn expand(
        &self,
        tx: &Transaction,
        multi: MultiXactId,
        xid: Xid,
        status: MemberStatus,
    ) -> Result<MultiXactId> {
        self.set_oldest_member(tx);
        let members = self.members(multi)?;
        if members.contains(&Member { xid, status }) {
            return Ok(multi);
        }
        let mut kept = Vec::with_capacity(members.len() + 1);
        for member in members.iter() {
            let stays = match tx.outcome(member.xid)? {
                Outcome::InProgress => true,
                Outcome::Committed { .. } => member.status.is_update(),
                Outcome::Aborted => false,
            };
            if stays {
                kept.push(*member);
            }
        }
        kept.push(Member { xid, status });
        self.create(tx, &kept)
    }

    /// The members of a multixact, in the order of their (32-bit) xids.
    ///
    /// # Errors
    /// `XX000` when it has been truncated away or not been created; the disk's.
    pub fn members(&self, multi: MultiXactId) -> Result<Arc<[Member]>> {
        if let Some(members) = self.cache.lock().members.get(&multi) {
            return Ok(members.clone());
        }
        let end = {
            let generation = self.generation.lock();
            if multi.precedes(generation.oldest) || multi == MultiXactId::INVALID {
                bail!(INTERNAL_ERROR, "MultiXactId {multi} does no longer exist -- apparent wraparound");
            }
            if !multi.precedes(generation.next) {
                bail!(INTERNAL_ERROR, "MultiXactId {multi} has not been created yet -- apparent wraparound");
            }
            (following(multi) == generation.next).then_some(generation.next_offset)
        };
        let first = self.offset(multi)?;
        if first == 0 {
            bail!(DATA_CORRUPTED, "MultiXact {multi} has invalid offset");
        }
        let end = match end {
            Some(end) => end,
            None => match self.offset(following(multi))? {
                0 => bail!(DATA_CORRUPTED, "MultiXact {multi} has invalid next offset"),
                end => end,
            },
        };
        let count = end.wrapping_sub(first);
        // No tuple has more lockers than there can be sessions.
        if count > 1 << 24 {
            bail!(DATA_CORRUPTED, "MultiXact {multi} has an invalid number of members ({count})");
        }
        let near = Xid(self.next_xid.load(Ordering::Acquire));
        let mut members = Vec::new();
        for n in 0..count {
            let (page, flags, at) = member_place(first.wrapping_add(n));
            let (xid, status) = self
                .members
                .read(page, multi.0, |page| (get_u32(&page.bytes[..], at), u32::from(page.bytes[flags])))?;
            if xid == 0 {
                // The place that stands for offset 0.
                continue;
            }
            let Some(status) = MemberStatus::from_number(status) else {
                bail!(DATA_CORRUPTED, "MultiXact {multi} has a member of unknown status {status}");
            };
            members.push(Member { xid: Xid::widen(xid, near), status });
        }
        let members: Arc<[Member]> = members.into();
        self.remember(multi, members.clone());
        Ok(members)
    }

    fn remember(&self, multi: MultiXactId, members: Arc<[Member]>) {
        let mut cache = self.cache.lock();
        if cache.members.len() >= CACHED {
            *cache = Cache::default();
        }
        cache.ids.insert(members.clone(), multi);
        cache.members.insert(multi, members);
    }

    /// Whether any member is in progress.
    ///
    /// # Errors
    /// As [`MultiXacts::members`].
    pub fn is_running(&self, transactions: &Transactions, multi: MultiXactId) -> Result<bool> {
        for member in self.members(multi)?.iter() {
            if transactions.outcome(member.xid)? == Outcome::InProgress {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The member that updated or deleted the tuple.
    ///
    /// # Errors
    /// As [`MultiXacts::members`].
    pub fn updater(&self, multi: MultiXactId) -> Result<Option<Xid>> {
        let members = self.members(multi)?;
        Ok(members.iter().find(|member| member.status.is_update()).map(|member| member.xid))
    }

    /// Removes everything before `oldest`, which no relation carries any more.
    ///
    /// # Errors
    /// The WAL's and the disk's.
    pub fn truncate(&self, oldest: MultiXactId, database: Oid) -> Result<()> {
        let (start, next, next_offset) = {
            let generation = self.generation.lock();
            (generation.oldest, generation.next, generation.next_offset)
        };
        if !start.precedes(oldest) {
            return Ok(());
        }
        let start_offset = self.offset(start)?;
        let end_offset = if oldest == next { next_offset } else { self.offset(oldest)? };
        if start_offset == 0 || end_offset == 0 {
            // An id whose members' place is not known: the files stay.
            self.set_oldest(oldest, database);
            return Ok(());
        }
        let mut main = Vec::with_capacity(20);
        for field in [database.0, start.0, oldest.0, start_offset, end_offset] {
            main.extend(field.to_le_bytes());
        }
        let record = RecordBuilder::new(RmgrId::MULTIXACT, TRUNCATE, Xid::INVALID).main(&main);
        let lsn = self.wal.insert(&record)?;
        self.wal.flush(lsn)?;
        self.apply_truncate(oldest, database, start_offset, end_offset)
    }

    pub(crate) fn apply_truncate(
        &self,
        oldest: MultiXactId,
        database: Oid,
        start_offset: u32,
        end_offset: u32,
    ) -> Result<()> {
        self.set_oldest(oldest, database);
        self.generation.lock().oldest_offset = Some(end_offset);
        *self.cache.lock() = Cache::default();
        let segment = |offset: u32| u64::from(offset / MEMBERS_PER_PAGE) / 32;
        let start = segment(start_offset);
        let gone = (segment(end_offset) + MEMBER_SEGMENTS - start) % MEMBER_SEGMENTS;
        self.members.remove(|page| (page / 32 + MEMBER_SEGMENTS - start) % MEMBER_SEGMENTS < gone)?;
        let cutoff = offset_place(MultiXactId(oldest.0.wrapping_sub(1).max(1))).0;
        self.offsets.remove(|page| crate::clog::page_precedes(page, cutoff, u64::from(OFFSETS_PER_PAGE)))
    }

    pub(crate) fn redo_zero(&self, operation: u8, page: u64) -> Result<()> {
        if operation == ZERO_OFFSETS_PAGE { self.offsets.zero(page) } else { self.members.zero(page) }
    }

    pub(crate) fn redo_create(
        &self,
        multi: MultiXactId,
        first: u32,
        members: &[(u32, MemberStatus)],
    ) -> Result<()> {
        let next = following(multi);
        let (page, at) = offset_place(next);
        // Older minor versions of PostgreSQL log the page only with the next multixact.
        if at == 0 && !self.offsets.has(page)? {
            self.offsets.zero(page)?;
        }
        let end = first.wrapping_add(members.len() as u32);
        self.write(multi, first, members.iter().copied(), end)?;
        self.advance(next, end);
        Ok(())
    }
}
