//! pg_subtrans: the parent of each subtransaction, four bytes for each xid. Needed only while a snapshot may see the
//! subtransaction as running, so it does not survive a restart.

use crate::clog::page_precedes;
use crate::slru::Slru;
use base::{Lsn, PAGE_SIZE, Result, Xid, bytes};

const PER_PAGE: u64 = PAGE_SIZE as u64 / 4;

pub(crate) struct Subtransactions(pub Slru);

fn page_of(xid: Xid) -> u64 {
    u64::from(xid.low()) / PER_PAGE
}

fn place(xid: Xid) -> usize {
    (u64::from(xid.low()) % PER_PAGE) as usize * 4
}

impl Subtransactions {
    /// Makes the page of `xid` when it is the first on it.
    pub fn extend(&self, xid: Xid) -> Result<()> {
        if place(xid) == 0 || xid.low() == Xid::FIRST_NORMAL.low() {
            self.0.zero(page_of(xid))?;
        }
        Ok(())
    }

    /// Makes the pages from `oldest` to `next`.
    pub fn startup(&self, oldest: Xid, next: Xid) -> Result<()> {
        let mut page = page_of(oldest);
        let last = page_of(next);
        loop {
            self.0.zero(page)?;
            if page == last {
                return Ok(());
            }
            page = (page + 1) % ((1 << 32) / PER_PAGE);
        }
    }

    pub fn set_parent(&self, xid: Xid, parent: Xid) -> Result<()> {
        self.0.change(page_of(xid), xid.low(), Lsn::INVALID, |page| {
            bytes::put_u32(&mut page.bytes[..], place(xid), parent.low());
        })
    }

    /// `None` for a top-level transaction.
    pub fn parent(&self, xid: Xid) -> Result<Option<Xid>> {
        let low = self.0.read(page_of(xid), xid.low(), |page| bytes::get_u32(&page.bytes[..], place(xid)))?;
        Ok((low != 0).then(|| Xid::widen(low, xid)))
    }

    pub fn truncate(&self, oldest: Xid) -> Result<()> {
        let cutoff = page_of(oldest.previous());
        self.0.remove(|page| page_precedes(page, cutoff, PER_PAGE))
    }
}
