//! SELECT ... FOR UPDATE and the like: locking a row, and with it the versions that it was updated to meanwhile.

use crate::delete::{Conflict, Outcome, refusal};
use crate::header::{Header, KEYS_UPDATED, XMAX_EXCL_LOCK, XMAX_INVALID, XMAX_SHR_LOCK};
use crate::page::{self, MapPin};
use crate::records::{Lock, LockUpdated};
use crate::rows::Tuple;
use crate::update::change_clearing_frozen;
use crate::visibility::{Judge, UpdateVerdict};
use crate::xmax::{RowLock, RowQueue, add_to_xmax, holds_lock, multi_conflict, plain_status, wait_for_xmax};
use access_api::{Context, Relation};
use base::{CommandId, Error, MultiXactId, Result, SqlState, Tid, Xid};
use buffer::PageWrite;
use txn::Outcome as Fate;

/// What to do when someone else holds a conflicting lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockWait {
    Block,
    /// SKIP LOCKED.
    Skip,
    /// NOWAIT.
    Error,
}

/// Locks the version at `tid` for the rest of the transaction, and returns it. With `follow_updates`, later
/// versions that a compatible update made are locked too, so that nobody gets at the row by them.
///
/// # Errors
/// `55P03` for [`LockWait::Error`]; what waiting fails with (40P01, 55P03, 57014).
pub fn lock_tuple(
    context: &Context,
    relation: &Relation,
    tid: Tid,
    command: CommandId,
    mode: RowLock,
    wait: LockWait,
    follow_updates: bool,
) -> Result<(Outcome, Option<Tuple>)> {
    let tx = &context.transaction;
    let xid = tx.xid()?;
    let judge = Judge::new(tx);
    let pin = page::pin(context, relation, tid.block)?;
    let map = MapPin::default();
    let mut queue = RowQueue::new(context, relation, tid);
    loop {
        let mut page = pin.write();
        if !page::is_normal(&page, tid.offset) {
            return Err(Error::internal(format!("invalid tuple id {tid}")));
        }
        let header = Header::read(page.item(tid.offset));
        let mut bits = 0;
        let verdict = judge.update(tid, &header, command, &mut bits)?;
        if bits != 0 {
            let mask = header.mask.0 | bits;
            page.hint(|page| crate::header::HeaderMut(page.item_mut(tid.offset)).set_mask(mask));
        }
        let header = Header::read(page.item(tid.offset));
        let tuple = Tuple { tid, bytes: page.item(tid.offset).to_vec() };
        let obstacle = match verdict {
            UpdateVerdict::Invisible => return Ok((Outcome::Invisible, None)),
            UpdateVerdict::SelfModified => {
                return Ok((refusal(&judge, &header, verdict)?, Some(tuple)));
            }
            UpdateVerdict::Ok => Obstacle::None,
            UpdateVerdict::BeingModified | UpdateVerdict::Updated | UpdateVerdict::Deleted => {
                if holds_lock(tx, &judge, &header, mode)? {
                    return Ok((Outcome::Done, Some(tuple)));
                }
                find_obstacle(context, &judge, &header, mode)?
            }
        };
        match obstacle {
            Obstacle::None => {
                lock_on_page(context, relation, &judge, page, &map, tid, xid, mode)?;
                return Ok((Outcome::Done, Some(tuple)));
            }
            Obstacle::CompatibleUpdate => {
                if follow_updates {
                    drop(page);
                    lock_later_versions(context, relation, &judge, &header, tid, xid, mode)?;
                    page = pin.write();
                    let now = Header::read(page.item(tid.offset));
                    if now.xmax != header.xmax || now.mask != header.mask && !only_hints(&now, &header) {
                        continue;
                    }
                }
                lock_on_page(context, relation, &judge, page, &map, tid, xid, mode)?;
                return Ok((Outcome::Done, Some(tuple)));
            }
            Obstacle::Conflict { .. } if verdict != UpdateVerdict::BeingModified => {
                return Ok((refusal(&judge, &header, verdict)?, Some(tuple)));
            }
            Obstacle::Conflict { enter_queue } => {
                drop(page);
                let no_wait = wait != LockWait::Block;
                let waited = (!enter_queue || queue.enter(mode, no_wait)?)
                    && wait_for_xmax(context, &judge, &header, mode, false, no_wait)?;
                match wait {
                    LockWait::Skip if !waited => return Ok((Outcome::WouldBlock, None)),
                    LockWait::Error if !waited => return Err(not_available(relation)),
                    _ => {}
                }
            }
        }
    }
}

/// Locks the newest version of the row at `tid`: where a committed transaction has updated it, the version it made,
/// and so on. The tuple that comes with `Outcome::Done` tells by its tid whether the row has moved on, in which case
/// the statement's conditions are to be looked at again. `Deleted` means that the row, as the statement knew it, is no more.
///
/// # Errors
/// As [`lock_tuple`].
pub fn lock_latest(
    context: &Context,
    relation: &Relation,
    tid: Tid,
    command: CommandId,
    mode: RowLock,
    wait: LockWait,
) -> Result<(Outcome, Option<Tuple>)> {
    let judge = Judge::new(&context.transaction);
    let mut at = tid;
    loop {
        let (outcome, tuple) = lock_tuple(context, relation, at, command, mode, wait, true)?;
        let conflict = match outcome {
            Outcome::Updated(conflict) if !conflict.moved_partition => conflict,
            // A later version that this very command or a later one made.
            Outcome::Invisible if at != tid => {
                let conflict =
                    Conflict { ctid: at, xmax: Xid::INVALID, cmax: Some(command), moved_partition: false };
                return Ok((Outcome::SelfModified(conflict), None));
            }
            other => return Ok((other, tuple)),
        };
        let deleted = || Ok((Outcome::Deleted(conflict), None));
        if conflict.ctid.block.0 >= page::block_count(context, relation)? {
            return deleted();
        }
        let Some(next) = crate::fetch::fetch_any(context, relation, conflict.ctid)? else { return deleted() };
        if judge.widen(Header::read(&next.bytes).xmin) != conflict.xmax {
            // The place was used again for another row.
            return deleted();
        }
        at = conflict.ctid;
    }
}

fn not_available(relation: &Relation) -> Error {
    Error::new(
        SqlState::LOCK_NOT_AVAILABLE,
        format!("could not obtain lock on row in relation \"{}\"", relation.name),
    )
}

fn only_hints(now: &Header, before: &Header) -> bool {
    let hints = XMAX_INVALID | crate::header::XMAX_COMMITTED | crate::header::XMIN_FROZEN;
    now.mask.0 & !hints == before.mask.0 & !hints
}

enum Obstacle {
    None,
    /// Someone updates or has updated the row in a way that this lock does not mind.
    CompatibleUpdate,
    Conflict {
        enter_queue: bool,
    },
}

/// What xmax means to someone who wants `mode`.
fn find_obstacle(context: &Context, judge: &Judge<'_>, header: &Header, mode: RowLock) -> Result<Obstacle> {
    let mask = header.mask;
    let updates = !mask.locked_only();
    if mask.has(XMAX_INVALID) {
        return Ok(Obstacle::None);
    }
    if mode == RowLock::ForKeyShare && header.mask2 & KEYS_UPDATED == 0 {
        return Ok(if updates { Obstacle::CompatibleUpdate } else { Obstacle::None });
    }
    let share_at_most = mask.0 & XMAX_SHR_LOCK != XMAX_EXCL_LOCK;
    if mode == RowLock::ForShare && !updates && share_at_most {
        return Ok(Obstacle::None);
    }
    if mask.is_multi() {
        let (conflict, mine) = multi_conflict(&context.transaction, header, mode)?;
        if conflict {
            return Ok(Obstacle::Conflict { enter_queue: !mine });
        }
        return Ok(if updates && !updater_aborted(context, judge, header)? {
            Obstacle::CompatibleUpdate
        } else {
            Obstacle::None
        });
    }
    if context.transaction.is_current(judge.widen(header.xmax)) {
        return Ok(Obstacle::None);
    }
    let held = plain_status(header).map(RowLock::of_status);
    Ok(match held {
        Some(held) if held.conflicts_with(mode) => Obstacle::Conflict { enter_queue: true },
        Some(_) if updates => Obstacle::CompatibleUpdate,
        _ => Obstacle::None,
    })
}

fn updater_aborted(context: &Context, judge: &Judge<'_>, header: &Header) -> Result<bool> {
    Ok(match judge.update_xid(header)? {
        Some(xid) => {
            !context.transaction.is_current(xid) && matches!(context.transaction.outcome(xid)?, Fate::Aborted)
        }
        None => true,
    })
}

fn lock_on_page<'p>(
    context: &Context,
    relation: &Relation,
    judge: &Judge<'_>,
    mut page: PageWrite<'p>,
    map: &'p MapPin,
    tid: Tid,
    xid: Xid,
    mode: RowLock,
) -> Result<()> {
    let tx = &context.transaction;
    tx.transactions().multixacts().set_oldest_member(tx);
    let header = Header::read(page.item(tid.offset));
    let xmax = add_to_xmax(judge, tx, &header, xid, mode, false)?;
    let make = |all_frozen_cleared| Lock { tid, xmax, all_frozen_cleared };
    change_clearing_frozen(context, relation, xid, &mut page, map, make)
}

/// Locks the versions after `tid`, as long as the chain goes on with updates that `mode` does not conflict with.
fn lock_later_versions(
    context: &Context,
    relation: &Relation,
    judge: &Judge<'_>,
    first: &Header,
    first_tid: Tid,
    xid: Xid,
    mode: RowLock,
) -> Result<()> {
    let mut at = first.ctid;
    let mut prior = judge.update_xid(first)?;
    if at == first_tid || first.moved_partition() {
        return Ok(());
    }
    loop {
        if at.block.0 >= page::block_count(context, relation)? {
            return Ok(());
        }
        let pin = page::pin(context, relation, at.block)?;
        let map = MapPin::default();
        let page = pin.write();
        if !page::is_normal(&page, at.offset) {
            return Ok(());
        }
        let header = Header::read(page.item(at.offset));
        if prior.is_some_and(|prior| prior.low() != header.xmin) {
            return Ok(());
        }
        let xmin = judge.widen(header.xmin);
        if !context.transaction.is_current(xmin)
            && matches!(context.transaction.outcome(xmin)?, Fate::Aborted)
        {
            return Ok(());
        }
        match later_obstacle(context, judge, &header, mode)? {
            LaterVersion::Wait(status_header) => {
                drop(page);
                wait_for_xmax(context, judge, &status_header, mode, false, false)?;
                continue;
            }
            LaterVersion::Gone => return Ok(()),
            LaterVersion::AlreadyLocked => {}
            LaterVersion::Lock => {
                lock_later(context, relation, judge, page, &map, &header, at, xid, mode)?;
            }
        }
        if header.mask.has(XMAX_INVALID) || header.mask.locked_only() || header.ctid == at {
            return Ok(());
        }
        prior = judge.update_xid(&header)?;
        if prior.is_none() || header.moved_partition() {
            return Ok(());
        }
        at = header.ctid;
    }
}

enum LaterVersion {
    Lock,
    AlreadyLocked,
    Wait(Header),
    /// Deleted or updated by a committed transaction in a way that conflicts: the caller will find out.
    Gone,
}

fn later_obstacle(
    context: &Context,
    judge: &Judge<'_>,
    header: &Header,
    mode: RowLock,
) -> Result<LaterVersion> {
    if header.mask.has(XMAX_INVALID) {
        return Ok(LaterVersion::Lock);
    }
    let tx = &context.transaction;
    if holds_lock(tx, judge, header, mode)? {
        return Ok(LaterVersion::AlreadyLocked);
    }
    let members: Vec<_> = if header.mask.is_multi() {
        if header.mask.locked_upgraded() {
            return Ok(LaterVersion::Lock);
        }
        tx.transactions().multixacts().members(MultiXactId(header.xmax))?.to_vec()
    } else {
        plain_status(header)
            .map(|status| txn::Member { xid: judge.widen(header.xmax), status })
            .into_iter()
            .collect()
    };
    for member in members {
        if tx.is_current(member.xid) || !RowLock::of_status(member.status).conflicts_with(mode) {
            continue;
        }
        let updates = matches!(member.status, txn::MemberStatus::NoKeyUpdate | txn::MemberStatus::Update);
        match tx.outcome(member.xid)? {
            Fate::InProgress => return Ok(LaterVersion::Wait(*header)),
            Fate::Committed { .. } if updates => return Ok(LaterVersion::Gone),
            _ => {}
        }
    }
    Ok(LaterVersion::Lock)
}

fn lock_later<'p>(
    context: &Context,
    relation: &Relation,
    judge: &Judge<'_>,
    mut page: PageWrite<'p>,
    map: &'p MapPin,
    header: &Header,
    tid: Tid,
    xid: Xid,
    mode: RowLock,
) -> Result<()> {
    let tx = &context.transaction;
    tx.transactions().multixacts().set_oldest_member(tx);
    let xmax = add_to_xmax(judge, tx, header, xid, mode, false)?;
    let make = |all_frozen_cleared| LockUpdated { tid, xmax, all_frozen_cleared };
    change_clearing_frozen(context, relation, xid, &mut page, map, make)
}
