//! Row locks as xmax holds them: one xid, or a multixact of several lockers and at most one updater.
//!
//! | held \ wanted   | ForKeyShare | ForShare | ForNoKeyUpdate | ForUpdate |
//! |-----------------|-------------|----------|----------------|-----------|
//! | ForKeyShare     |             |          |                | conflict  |
//! | ForShare        |             |          | conflict       | conflict  |
//! | ForNoKeyUpdate  |             | conflict | conflict       | conflict  |
//! | ForUpdate       | conflict    | conflict | conflict       | conflict  |

use crate::header::{
    Header, KEYS_UPDATED, XMAX_COMMITTED, XMAX_EXCL_LOCK, XMAX_INVALID, XMAX_IS_MULTI, XMAX_KEYSHR_LOCK,
    XMAX_LOCK_ONLY, XMAX_SHR_LOCK,
};
use crate::records::Xmax;
use crate::visibility::Judge;
use access_api::{Context, Relation};
use base::{MultiXactId, Result, Tid, Xid};
use lock::{Acquired, LockMode, LockTag, WaitPolicy};
use txn::{Member, MemberStatus, Outcome, Transaction};

/// SELECT ... FOR KEY SHARE, SHARE, NO KEY UPDATE, UPDATE. An update takes the third, or the last when it changes
/// a key; a delete takes the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowLock {
    ForKeyShare,
    ForShare,
    ForNoKeyUpdate,
    ForUpdate,
}

impl RowLock {
    pub fn conflicts_with(self, other: RowLock) -> bool {
        use RowLock::*;
        let (weak, strong) = if self < other { (self, other) } else { (other, self) };
        match strong {
            ForUpdate => true,
            ForNoKeyUpdate => weak != ForKeyShare,
            ForKeyShare | ForShare => false,
        }
    }

    /// The heavyweight lock that stands for a place in the queue for the row.
    fn queue_mode(self) -> LockMode {
        match self {
            RowLock::ForKeyShare => LockMode::AccessShare,
            RowLock::ForShare => LockMode::RowShare,
            RowLock::ForNoKeyUpdate => LockMode::Exclusive,
            RowLock::ForUpdate => LockMode::AccessExclusive,
        }
    }

    pub(crate) fn status(self, is_update: bool) -> MemberStatus {
        match (self, is_update) {
            (RowLock::ForKeyShare, _) => MemberStatus::ForKeyShare,
            (RowLock::ForShare, _) => MemberStatus::ForShare,
            (RowLock::ForNoKeyUpdate, false) => MemberStatus::ForNoKeyUpdate,
            (RowLock::ForUpdate, false) => MemberStatus::ForUpdate,
            (RowLock::ForNoKeyUpdate, true) => MemberStatus::NoKeyUpdate,
            (RowLock::ForUpdate, true) => MemberStatus::Update,
        }
    }

    pub(crate) fn of_status(status: MemberStatus) -> RowLock {
        match status {
            MemberStatus::ForKeyShare => RowLock::ForKeyShare,
            MemberStatus::ForShare => RowLock::ForShare,
            MemberStatus::ForNoKeyUpdate | MemberStatus::NoKeyUpdate => RowLock::ForNoKeyUpdate,
            MemberStatus::ForUpdate | MemberStatus::Update => RowLock::ForUpdate,
        }
    }
}

fn is_update(status: MemberStatus) -> bool {
    matches!(status, MemberStatus::NoKeyUpdate | MemberStatus::Update)
}

/// What a plain xid in xmax does to the row.
pub(crate) fn plain_status(header: &Header) -> Option<MemberStatus> {
    let key = header.mask2 & KEYS_UPDATED != 0;
    if !header.mask.locked_only() {
        return Some(if key { MemberStatus::Update } else { MemberStatus::NoKeyUpdate });
    }
    match header.mask.0 & XMAX_SHR_LOCK {
        XMAX_KEYSHR_LOCK => Some(MemberStatus::ForKeyShare),
        XMAX_SHR_LOCK => Some(MemberStatus::ForShare),
        XMAX_EXCL_LOCK if key => Some(MemberStatus::ForUpdate),
        XMAX_EXCL_LOCK => Some(MemberStatus::ForNoKeyUpdate),
        _ => None,
    }
}

/// The bits that go with a multixact: those of its strongest member.
pub(crate) fn multi_bits(members: &[Member]) -> (u16, u16) {
    let mut bits = XMAX_IS_MULTI;
    let mut bits2 = 0;
    let mut strongest = RowLock::ForKeyShare;
    let mut has_update = false;
    for member in members {
        strongest = strongest.max(RowLock::of_status(member.status));
        match member.status {
            MemberStatus::ForUpdate => bits2 |= KEYS_UPDATED,
            MemberStatus::NoKeyUpdate => has_update = true,
            MemberStatus::Update => {
                bits2 |= KEYS_UPDATED;
                has_update = true;
            }
            MemberStatus::ForKeyShare | MemberStatus::ForShare | MemberStatus::ForNoKeyUpdate => {}
        }
    }
    bits |= match strongest {
        RowLock::ForKeyShare => XMAX_KEYSHR_LOCK,
        RowLock::ForShare => XMAX_SHR_LOCK,
        RowLock::ForNoKeyUpdate | RowLock::ForUpdate => XMAX_EXCL_LOCK,
    };
    if !has_update {
        bits |= XMAX_LOCK_ONLY;
    }
    (bits, bits2)
}

fn multi_xmax(tx: &Transaction, multi: MultiXactId) -> Result<Xmax> {
    let members = tx.transactions().multixacts().members(multi)?;
    let (mask, mask2) = multi_bits(&members);
    Ok(Xmax { xmax: multi.0, mask, mask2 })
}

/// xmax with only this transaction's lock or update in it.
fn sole_xmax(xid: Xid, mode: RowLock, update: bool) -> Xmax {
    let mask = if update {
        0
    } else {
        XMAX_LOCK_ONLY
            | match mode {
                RowLock::ForKeyShare => XMAX_KEYSHR_LOCK,
                RowLock::ForShare => XMAX_SHR_LOCK,
                RowLock::ForNoKeyUpdate | RowLock::ForUpdate => XMAX_EXCL_LOCK,
            }
    };
    let mask2 = if mode == RowLock::ForUpdate { KEYS_UPDATED } else { 0 };
    Xmax { xmax: xid.low(), mask, mask2 }
}

/// The xmax that results when `xid` locks (or updates) a row with this header in `mode`: whoever else still holds a
/// lock, or has updated the row before in a way that does not conflict, stays in it.
pub(crate) fn add_to_xmax(
    judge: &Judge<'_>,
    tx: &Transaction,
    header: &Header,
    xid: Xid,
    mode: RowLock,
    update: bool,
) -> Result<Xmax> {
    let mask = header.mask;
    let status = mode.status(update);
    let multixacts = tx.transactions().multixacts();
    if mask.has(XMAX_INVALID) {
        return Ok(sole_xmax(xid, mode, update));
    }
    if mask.is_multi() {
        if mask.locked_upgraded() {
            return Ok(sole_xmax(xid, mode, update));
        }
        let multi = MultiXactId(header.xmax);
        if !multixacts.is_running(tx.transactions(), multi)? {
            let updater_committed = match judge.update_xid(header)? {
                Some(updater) => matches!(tx.outcome(updater)?, Outcome::Committed { .. }),
                None => false,
            };
            if !updater_committed {
                return Ok(sole_xmax(xid, mode, update));
            }
        }
        return multi_xmax(tx, multixacts.expand(tx, multi, xid, status)?);
    }
    let old = judge.widen(header.xmax);
    let Some(old_status) = plain_status(header) else { return Ok(sole_xmax(xid, mode, update)) };
    let running =
        !mask.has(XMAX_COMMITTED) && (tx.is_current(old) || matches!(tx.outcome(old)?, Outcome::InProgress));
    if running && old == xid {
        // Our own lock from before: the stronger of both is what counts.
        return Ok(sole_xmax(xid, mode.max(RowLock::of_status(old_status)), update));
    }
    if !running {
        let committed = mask.has(XMAX_COMMITTED) || matches!(tx.outcome(old)?, Outcome::Committed { .. });
        if mask.locked_only() || !committed {
            return Ok(sole_xmax(xid, mode, update));
        }
    }
    let members = [Member { xid: old, status: old_status }, Member { xid, status }];
    multi_xmax(tx, multixacts.create(tx, &members)?)
}

/// Whether a member of the multixact stands in the way of `mode`, and whether this transaction is one.
pub(crate) fn multi_conflict(tx: &Transaction, header: &Header, mode: RowLock) -> Result<(bool, bool)> {
    if header.mask.locked_upgraded() {
        return Ok((false, false));
    }
    let members = tx.transactions().multixacts().members(MultiXactId(header.xmax))?;
    let (mut conflict, mut member_is_mine) = (false, false);
    for member in members.iter() {
        if tx.is_current(member.xid) {
            member_is_mine = true;
            continue;
        }
        if conflict || !RowLock::of_status(member.status).conflicts_with(mode) {
            continue;
        }
        conflict = match tx.transactions().outcome(member.xid)? {
            Outcome::InProgress => true,
            Outcome::Aborted => false,
            Outcome::Committed { .. } => is_update(member.status),
        };
    }
    Ok((conflict, member_is_mine))
}

/// This transaction holds a lock on the row at least as strong as `mode`.
pub(crate) fn holds_lock(
    tx: &Transaction,
    judge: &Judge<'_>,
    header: &Header,
    mode: RowLock,
) -> Result<bool> {
    if header.mask.has(XMAX_INVALID) {
        return Ok(false);
    }
    if header.mask.is_multi() {
        if header.mask.locked_upgraded() {
            return Ok(false);
        }
        let members = tx.transactions().multixacts().members(MultiXactId(header.xmax))?;
        return Ok(members
            .iter()
            .any(|member| tx.is_current(member.xid) && RowLock::of_status(member.status) >= mode));
    }
    Ok(tx.is_current(judge.widen(header.xmax))
        && plain_status(header).is_some_and(|status| RowLock::of_status(status) >= mode))
}

/// A place in the queue of those who want a row: given up when dropped.
pub(crate) struct RowQueue<'a> {
    context: &'a Context,
    tag: LockTag,
    held: Option<LockMode>,
}

impl<'a> RowQueue<'a> {
    pub fn new(context: &'a Context, relation: &Relation, tid: Tid) -> RowQueue<'a> {
        let tag = LockTag::Tuple { database: relation.database, relation: relation.oid, tid };
        RowQueue { context, tag, held: None }
    }

    /// Waits for the place; false when `no_wait` and it is taken.
    pub fn enter(&mut self, mode: RowLock, no_wait: bool) -> Result<bool> {
        if self.held.is_some() {
            return Ok(true);
        }
        let policy = WaitPolicy { no_wait, ..self.context.wait };
        let mode = mode.queue_mode();
        if let Acquired::NotAvailable = self.context.transaction.lock(self.tag, mode, &policy)? {
            return Ok(false);
        }
        self.held = Some(mode);
        Ok(true)
    }
}

impl Drop for RowQueue<'_> {
    fn drop(&mut self) {
        if let Some(mode) = self.held {
            self.context.transaction.unlock(&self.tag, mode);
        }
    }
}

/// Waits until whoever xmax names and conflicts with `mode` is over. False when `no_wait` and someone is not.
pub(crate) fn wait_for_xmax(
    context: &Context,
    judge: &Judge<'_>,
    header: &Header,
    mode: RowLock,
    update: bool,
    no_wait: bool,
) -> Result<bool> {
    let policy = WaitPolicy { no_wait, ..context.wait };
    if header.mask.is_multi() {
        let multi = MultiXactId(header.xmax);
        return context.transaction.wait_for_multi(multi, mode.status(update), &policy);
    }
    context.transaction.wait_for_xid(judge.widen(header.xmax), &policy)
}
