//! The commit log, pg_xact: two bits for each xid.

use crate::slru::Slru;
use base::{Lsn, PAGE_SIZE, Result, Xid};

const PER_PAGE: u64 = PAGE_SIZE as u64 * 4;
/// Xids that share one flush LSN.
const GROUP: u64 = 32;
const GROUPS_PER_PAGE: usize = (PER_PAGE / GROUP) as usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    InProgress = 0,
    Committed = 1,
    Aborted = 2,
    /// Never set by us; PostgreSQL writes it for the subtransactions of a commit that spans pages.
    SubCommitted = 3,
}

pub(crate) struct CommitLog(pub Slru);

pub(crate) fn page_of(xid: Xid) -> u64 {
    u64::from(xid.low()) / PER_PAGE
}

/// Whether `xid` is the first that its page stores, so that the page has to be made.
pub(crate) fn opens_page(xid: Xid) -> bool {
    u64::from(xid.low()).is_multiple_of(PER_PAGE) || xid.low() == Xid::FIRST_NORMAL.low()
}

/// Byte and bit shift of an xid's status within its page.
fn place(xid: Xid) -> (usize, u32) {
    let index = u64::from(xid.low()) % PER_PAGE;
    ((index / 4) as usize, (index % 4) as u32 * 2)
}

fn group(xid: Xid) -> usize {
    (u64::from(xid.low()) % PER_PAGE / GROUP) as usize
}

impl CommitLog {
    /// The status, and up to where the WAL must be durable before others may rely on it.
    pub fn get(&self, xid: Xid) -> Result<(Status, Lsn)> {
        self.0.read(page_of(xid), xid.low(), |page| {
            let (byte, shift) = place(xid);
            let status = match page.bytes[byte] >> shift & 3 {
                0 => Status::InProgress,
                1 => Status::Committed,
                2 => Status::Aborted,
                _ => Status::SubCommitted,
            };
            let lsn = page.groups.as_ref().map_or(Lsn::INVALID, |groups| groups[group(xid)]);
            (status, lsn)
        })
    }

    /// Sets the status of a transaction and its subtransactions (`children` ascending). `unflushed` is the commit record's LSN when it may not be durable yet.
    pub fn set_tree(&self, top: Xid, children: &[Xid], status: Status, unflushed: Lsn) -> Result<()> {
        // Children on other pages first: whoever sees the parent committed then sees them committed too.
        let mut rest = children;
        while let Some(first) = rest.first() {
            let page = page_of(*first);
            let here = rest.iter().take_while(|xid| page_of(**xid) == page).count();
            let (run, after) = rest.split_at(here);
            self.set_run(page, run, status, unflushed)?;
            rest = after;
        }
        self.set_run(page_of(top), &[top], status, unflushed)
    }

    fn set_run(&self, page: u64, xids: &[Xid], status: Status, unflushed: Lsn) -> Result<()> {
        let about = xids.first().map_or(0, |xid| xid.low());
        self.0.change(page, about, unflushed, |page| {
            for xid in xids {
                let (byte, shift) = place(*xid);
                page.bytes[byte] = page.bytes[byte] & !(3 << shift) | (status as u8) << shift;
                if unflushed.is_valid() {
                    let groups = page
                        .groups
                        .get_or_insert_with(|| vec![Lsn::INVALID; GROUPS_PER_PAGE].into_boxed_slice());
                    let lsn = &mut groups[group(*xid)];
                    *lsn = (*lsn).max(unflushed);
                }
            }
        })
    }

    /// After recovery: zeroes what lies behind the next xid on its page.
    pub fn trim(&self, next: Xid) -> Result<()> {
        if u64::from(next.low()).is_multiple_of(PER_PAGE) {
            return Ok(());
        }
        self.0.change(page_of(next), next.low(), Lsn::INVALID, |page| {
            let (byte, shift) = place(next);
            page.bytes[byte] &= (1u8 << shift) - 1;
            page.bytes[byte + 1..].fill(0);
        })
    }
}

/// For removal: whether all xids of `page` come before the page of `cutoff`, on the ring of 2^32.
pub(crate) fn page_precedes(page: u64, cutoff: u64, per_page: u64) -> bool {
    let first = (page * per_page) as u32;
    let limit = (cutoff * per_page) as u32;
    let last = first.wrapping_add(per_page as u32 - 1);
    (first.wrapping_sub(limit) as i32) < 0 && (last.wrapping_sub(limit) as i32) < 0
}

pub(crate) fn precedes(page: u64, cutoff: u64) -> bool {
    page_precedes(page, cutoff, PER_PAGE)
}
