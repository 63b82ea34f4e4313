//! Which row versions who sees.
//!
//! A version is seen by those who see its inserter (xmin) as committed and do not see its deleter (xmax) so. What
//! is found out about a transaction that is over is left in the header as a hint; the caller applies hints once it
//! no longer holds the page's shared latch.
//!
//! xids widen to 64 bits relative to the next xid to be handed out.

use crate::header::{
    COMBO_CID, Header, XMAX_COMMITTED, XMAX_INVALID, XMAX_IS_MULTI, XMIN_COMMITTED, XMIN_INVALID,
};
use base::{CommandId, MultiXactId, Result, Tid, Xid};
use std::cell::Cell;
use txn::{Outcome, Snapshot, Transaction, Transactions};

/// How a reader looks at rows.
#[derive(Clone)]
pub enum Visibility {
    /// What the snapshot shows.
    Mvcc(Snapshot),
    /// What is committed now or done by this transaction, earlier commands and this one alike.
    Own,
    /// Every version.
    Any,
    /// What is not dead to everyone with this horizon.
    NonVacuumable(Xid),
}

/// Looks at headers for one transaction.
pub struct Judge<'a> {
    tx: &'a Transaction,
    txns: &'a Transactions,
    /// The last transaction found to have committed for good: the next row is often of the same.
    committed: Cell<Xid>,
}

/// What someone who wants to change a row finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateVerdict {
    Ok,
    Invisible,
    SelfModified,
    Updated,
    Deleted,
    BeingModified,
}

/// What VACUUM finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VacuumVerdict {
    Dead,
    /// Deleted and committed by this xid; dead once it is out of everyone's sight.
    RecentlyDead(Xid),
    Live,
    InsertInProgress,
    DeleteInProgress,
}

/// How a row that is not committed through and through looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirtyVerdict {
    Visible,
    Invisible,
    InsertInDoubt { xid: Xid },
    DeleteInDoubt { xid: Xid },
}

impl<'a> Judge<'a> {
    pub fn new(tx: &'a Transaction) -> Judge<'a> {
        Judge { tx, txns: tx.transactions(), committed: Cell::new(Xid::INVALID) }
    }

    pub fn widen(&self, low: u32) -> Xid {
        self.txns.widen(low)
    }

    /// The command that inserted a row of this transaction.
    pub fn cmin(&self, header: &Header) -> Result<CommandId> {
        let raw = CommandId(header.command);
        Ok(if header.mask.has(COMBO_CID) { self.tx.combo(raw)?.0 } else { raw })
    }

    /// The command that deleted or updated a row of this transaction.
    pub fn cmax(&self, header: &Header) -> Result<CommandId> {
        let raw = CommandId(header.command);
        Ok(if header.mask.has(COMBO_CID) { self.tx.combo(raw)?.1 } else { raw })
    }

    /// Who deleted or updated the row, or means to; `None` when xmax only locks it.
    pub fn update_xid(&self, header: &Header) -> Result<Option<Xid>> {
        if header.mask.has(XMAX_INVALID) || header.mask.locked_only() {
            return Ok(None);
        }
        if header.mask.has(XMAX_IS_MULTI) {
            return self.txns.multixacts().updater(MultiXactId(header.xmax));
        }
        let xid = self.widen(header.xmax);
        Ok(xid.is_valid().then_some(xid))
    }

    fn outcome(&self, xid: Xid, committed: u16, invalid: u16, hints: &mut u16) -> Result<Outcome> {
        if xid == self.committed.get() && xid.is_valid() {
            *hints |= committed;
            return Ok(Outcome::DURABLE);
        }
        let outcome = self.txns.outcome(xid)?;
        match outcome {
            Outcome::Committed { hint_ok: true, pending } => {
                *hints |= committed;
                if !pending.is_valid() {
                    self.committed.set(xid);
                }
            }
            Outcome::Aborted => *hints |= invalid,
            _ => {}
        }
        Ok(outcome)
    }

    fn is_committed(&self, xid: Xid, committed: u16, invalid: u16, hints: &mut u16) -> Result<bool> {
        Ok(matches!(self.outcome(xid, committed, invalid, hints)?, Outcome::Committed { .. }))
    }

    /// Whether `snapshot` shows the version.
    #[inline]
    pub fn mvcc(&self, header: &Header, snapshot: &Snapshot, hints: &mut u16) -> Result<bool> {
        let mask = header.mask;
        if mask.xmin_committed() {
            if !mask.xmin_frozen() {
                let xmin = self.widen(header.xmin);
                if xmin >= snapshot.xmin() && snapshot.is_running(xmin)? {
                    return Ok(false);
                }
            }
            if mask.has(XMAX_INVALID) {
                return Ok(true);
            }
        } else {
            if mask.xmin_invalid() {
                return Ok(false);
            }
            let xmin = self.widen(header.xmin);
            if snapshot.is_mine(xmin) {
                if self.cmin(header)? >= snapshot.command {
                    return Ok(false);
                }
                return match self.update_xid(header)? {
                    Some(xmax) if snapshot.is_mine(xmax) => Ok(self.cmax(header)? >= snapshot.command),
                    Some(_) => {
                        if !mask.is_multi() {
                            // A subtransaction of ours deleted it and was rolled back.
                            *hints |= XMAX_INVALID;
                        }
                        Ok(true)
                    }
                    None => Ok(true),
                };
            }
            if snapshot.is_running(xmin)? || !self.is_committed(xmin, XMIN_COMMITTED, XMIN_INVALID, hints)? {
                return Ok(false);
            }
        }
        self.mvcc_xmax(header, snapshot, hints)
    }

    /// The inserter is seen: is the deleter not?
    fn mvcc_xmax(&self, header: &Header, snapshot: &Snapshot, hints: &mut u16) -> Result<bool> {
        let Some(xmax) = self.update_xid(header)? else { return Ok(true) };
        if snapshot.is_mine(xmax) {
            return Ok(self.cmax(header)? >= snapshot.command);
        }
        if snapshot.is_running(xmax)? {
            return Ok(true);
        }
        if header.mask.has(XMAX_COMMITTED) {
            return Ok(false);
        }
        let (committed, invalid) =
            if header.mask.is_multi() { (0, 0) } else { (XMAX_COMMITTED, XMAX_INVALID) };
        Ok(!self.is_committed(xmax, committed, invalid, hints)?)
    }

    /// Committed at this moment, or still in doubt and by whom. What this transaction did counts as done.
    pub fn dirty(&self, header: &Header, hints: &mut u16) -> Result<DirtyVerdict> {
        let mask = header.mask;
        if !mask.xmin_committed() {
            if mask.xmin_invalid() {
                return Ok(DirtyVerdict::Invisible);
            }
            let xmin = self.widen(header.xmin);
            if self.tx.is_current(xmin) {
                return Ok(match self.update_xid(header)? {
                    Some(xmax) if self.tx.is_current(xmax) => DirtyVerdict::Invisible,
                    _ => DirtyVerdict::Visible,
                });
            }
            match self.outcome(xmin, XMIN_COMMITTED, XMIN_INVALID, hints)? {
                Outcome::InProgress => return Ok(DirtyVerdict::InsertInDoubt { xid: xmin }),
                Outcome::Aborted => return Ok(DirtyVerdict::Invisible),
                Outcome::Committed { pending, .. } => self.depend_on(pending),
            }
        }
        let Some(xmax) = self.update_xid(header)? else { return Ok(DirtyVerdict::Visible) };
        if header.mask.has(XMAX_COMMITTED) || self.tx.is_current(xmax) {
            return Ok(DirtyVerdict::Invisible);
        }
        let (committed, invalid) = if mask.is_multi() { (0, 0) } else { (XMAX_COMMITTED, XMAX_INVALID) };
        Ok(match self.outcome(xmax, committed, invalid, hints)? {
            Outcome::InProgress => DirtyVerdict::DeleteInDoubt { xid: xmax },
            Outcome::Aborted => DirtyVerdict::Visible,
            Outcome::Committed { pending, .. } => {
                self.depend_on(pending);
                DirtyVerdict::Invisible
            }
        })
    }

    /// We go on because of a commit that is placed in the log, yet not flushed: neither may we answer before it is.
    fn depend_on(&self, pending: base::Lsn) {
        if pending.is_valid() {
            self.tx.require_flush(pending);
        }
    }

    /// Whether a transaction that is at command `command` may change the version at `tid`.
    pub fn update(
        &self,
        tid: Tid,
        header: &Header,
        command: CommandId,
        hints: &mut u16,
    ) -> Result<UpdateVerdict> {
        let mask = header.mask;
        if !mask.xmin_committed() {
            if mask.xmin_invalid() {
                return Ok(UpdateVerdict::Invisible);
            }
            let xmin = self.widen(header.xmin);
            if self.tx.is_current(xmin) {
                return self.update_own(header, command, hints);
            }
            match self.outcome(xmin, XMIN_COMMITTED, XMIN_INVALID, hints)? {
                Outcome::InProgress | Outcome::Aborted => return Ok(UpdateVerdict::Invisible),
                Outcome::Committed { pending, .. } => self.depend_on(pending),
            }
        }
        if mask.has(XMAX_INVALID) {
            return Ok(UpdateVerdict::Ok);
        }
        let gone = || if header.ctid == tid { UpdateVerdict::Deleted } else { UpdateVerdict::Updated };
        if mask.has(XMAX_COMMITTED) {
            return Ok(if mask.locked_only() { UpdateVerdict::Ok } else { gone() });
        }
        if mask.is_multi() {
            return self.update_multi(header, command, hints, gone());
        }
        let xmax = self.widen(header.xmax);
        if self.tx.is_current(xmax) {
            if mask.locked_only() {
                return Ok(UpdateVerdict::BeingModified);
            }
            return Ok(if self.cmax(header)? >= command {
                UpdateVerdict::SelfModified
            } else {
                UpdateVerdict::Invisible
            });
        }
        Ok(match self.txns.outcome(xmax)? {
            Outcome::InProgress => UpdateVerdict::BeingModified,
            Outcome::Aborted => {
                *hints |= XMAX_INVALID;
                UpdateVerdict::Ok
            }
            Outcome::Committed { hint_ok, pending } => {
                if mask.locked_only() {
                    *hints |= XMAX_INVALID;
                    UpdateVerdict::Ok
                } else {
                    if hint_ok {
                        *hints |= XMAX_COMMITTED;
                    }
                    self.depend_on(pending);
                    gone()
                }
            }
        })
    }

    /// The version was inserted by this transaction.
    fn update_own(&self, header: &Header, command: CommandId, hints: &mut u16) -> Result<UpdateVerdict> {
        let mask = header.mask;
        if self.cmin(header)? >= command {
            return Ok(UpdateVerdict::Invisible);
        }
        if mask.has(XMAX_INVALID) {
            return Ok(UpdateVerdict::Ok);
        }
        if mask.locked_only() {
            if mask.is_multi() {
                let running = self.txns.multixacts().is_running(self.txns, MultiXactId(header.xmax))?;
                return Ok(if running { UpdateVerdict::BeingModified } else { UpdateVerdict::Ok });
            }
            let xmax = self.widen(header.xmax);
            let running = self.tx.is_current(xmax) || matches!(self.txns.outcome(xmax)?, Outcome::InProgress);
            return Ok(if running { UpdateVerdict::BeingModified } else { UpdateVerdict::Ok });
        }
        match self.update_xid(header)? {
            Some(xmax) if self.tx.is_current(xmax) => Ok(if self.cmax(header)? >= command {
                UpdateVerdict::SelfModified
            } else {
                UpdateVerdict::Invisible
            }),
            _ if mask.is_multi() => {
                let running = self.txns.multixacts().is_running(self.txns, MultiXactId(header.xmax))?;
                Ok(if running { UpdateVerdict::BeingModified } else { UpdateVerdict::Ok })
            }
            _ => {
                *hints |= XMAX_INVALID;
                Ok(UpdateVerdict::Ok)
            }
        }
    }

    fn update_multi(
        &self,
        header: &Header,
        command: CommandId,
        hints: &mut u16,
        gone: UpdateVerdict,
    ) -> Result<UpdateVerdict> {
        let multi = MultiXactId(header.xmax);
        let mask = header.mask;
        if mask.locked_upgraded() {
            return Ok(UpdateVerdict::Ok);
        }
        let multixacts = self.txns.multixacts();
        if mask.locked_only() {
            if multixacts.is_running(self.txns, multi)? {
                return Ok(UpdateVerdict::BeingModified);
            }
            *hints |= XMAX_INVALID;
            return Ok(UpdateVerdict::Ok);
        }
        let running = multixacts.is_running(self.txns, multi)?;
        let Some(xmax) = self.update_xid(header)? else {
            return Ok(if running { UpdateVerdict::BeingModified } else { UpdateVerdict::Ok });
        };
        if self.tx.is_current(xmax) {
            return Ok(if self.cmax(header)? >= command {
                UpdateVerdict::SelfModified
            } else {
                UpdateVerdict::Invisible
            });
        }
        Ok(match self.txns.outcome(xmax)? {
            Outcome::InProgress => UpdateVerdict::BeingModified,
            Outcome::Committed { pending, .. } => {
                self.depend_on(pending);
                gone
            }
            Outcome::Aborted if running => UpdateVerdict::BeingModified,
            Outcome::Aborted => {
                *hints |= XMAX_INVALID;
                UpdateVerdict::Ok
            }
        })
    }

    /// What the version is to those who clean up.
    pub fn vacuum(&self, header: &Header, hints: &mut u16) -> Result<VacuumVerdict> {
        let mask = header.mask;
        if !mask.xmin_committed() {
            if mask.xmin_invalid() || header.xmin == 0 {
                return Ok(VacuumVerdict::Dead);
            }
            let xmin = self.widen(header.xmin);
            if self.tx.is_current(xmin) {
                return Ok(match self.update_xid(header)? {
                    Some(xmax) if self.tx.is_current(xmax) => VacuumVerdict::DeleteInProgress,
                    _ => VacuumVerdict::InsertInProgress,
                });
            }
            match self.outcome(xmin, XMIN_COMMITTED, XMIN_INVALID, hints)? {
                Outcome::InProgress => return Ok(VacuumVerdict::InsertInProgress),
                Outcome::Aborted => return Ok(VacuumVerdict::Dead),
                Outcome::Committed { .. } => {}
            }
        }
        if mask.has(XMAX_INVALID) {
            return Ok(VacuumVerdict::Live);
        }
        if mask.locked_only() {
            if !mask.has(XMAX_COMMITTED) {
                let running = if mask.is_multi() {
                    !mask.locked_upgraded()
                        && self.txns.multixacts().is_running(self.txns, MultiXactId(header.xmax))?
                } else {
                    matches!(self.txns.outcome(self.widen(header.xmax))?, Outcome::InProgress)
                };
                if !running {
                    *hints |= XMAX_INVALID;
                }
            }
            return Ok(VacuumVerdict::Live);
        }
        let Some(xmax) = self.update_xid(header)? else { return Ok(VacuumVerdict::Live) };
        if mask.has(XMAX_COMMITTED) {
            return Ok(VacuumVerdict::RecentlyDead(xmax));
        }
        let (committed, invalid) = if mask.is_multi() { (0, 0) } else { (XMAX_COMMITTED, XMAX_INVALID) };
        Ok(match self.outcome(xmax, committed, invalid, hints)? {
            Outcome::InProgress => VacuumVerdict::DeleteInProgress,
            Outcome::Aborted => VacuumVerdict::Live,
            Outcome::Committed { .. } => VacuumVerdict::RecentlyDead(xmax),
        })
    }

    /// Whether a reader of this kind sees the version.
    #[inline]
    pub fn visible(&self, header: &Header, visibility: &Visibility, hints: &mut u16) -> Result<bool> {
        match visibility {
            Visibility::Mvcc(snapshot) => self.mvcc(header, snapshot, hints),
            Visibility::Any => Ok(true),
            // A row that someone else is about to delete is still there.
            Visibility::Own => Ok(matches!(
                self.dirty(header, hints)?,
                DirtyVerdict::Visible | DirtyVerdict::DeleteInDoubt { .. }
            )),
            Visibility::NonVacuumable(horizon) => Ok(match self.vacuum(header, hints)? {
                VacuumVerdict::Dead => false,
                VacuumVerdict::RecentlyDead(xid) => xid >= *horizon,
                _ => true,
            }),
        }
    }

    /// The version is dead to everyone with this horizon.
    pub fn surely_dead(&self, header: &Header, horizon: Xid) -> Result<bool> {
        let mut hints = 0;
        Ok(match self.vacuum(header, &mut hints)? {
            VacuumVerdict::Dead => true,
            VacuumVerdict::RecentlyDead(xid) => xid < horizon,
            _ => false,
        })
    }
}
