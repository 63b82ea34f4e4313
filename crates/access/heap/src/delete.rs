//! DELETE, and what deletes and updates have in common: whom to wait for.

use crate::header::{Header, PD_ALL_VISIBLE, XMAX_INVALID};
use crate::insert::change_with_map;
use crate::page::{self, MapPin};
use crate::records::Delete;
use crate::toast;
use crate::visibility::{Judge, UpdateVerdict, Visibility};
use crate::xmax::{RowLock, RowQueue, add_to_xmax, multi_conflict, wait_for_xmax};
use access_api::{Context, Relation};
use base::{CommandId, Error, Result, Tid, Xid};
use buffer::{PageWrite, Pin};
use txn::Snapshot;

/// How an attempt to change or lock a row ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// A committed transaction updated it.
    Updated(Conflict),
    /// A committed transaction deleted it.
    Deleted(Conflict),
    /// This command, or a later one of this transaction, changed it.
    SelfModified(Conflict),
    /// Someone is changing it, and waiting was not asked for.
    BeingModified(Conflict),
    /// The version is not visible to this command at all.
    Invisible,
    /// SKIP LOCKED: it is locked.
    WouldBlock,
}

/// Who was in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The next version; the row's own tid when it was deleted.
    pub ctid: Tid,
    pub xmax: Xid,
    /// The command, when it was this transaction.
    pub cmax: Option<CommandId>,
    /// The next version is in another partition.
    pub moved_partition: bool,
}

#[derive(Clone, Copy, Default)]
pub struct DeleteOptions<'a> {
    /// For repeatable read under referential actions: the row must be visible to this snapshot too.
    pub crosscheck: Option<&'a Snapshot>,
    pub no_wait: bool,
    /// The row goes on in another partition.
    pub moving_partition: bool,
}

/// Deletes the version at `tid`.
///
/// # Errors
/// What waiting for other transactions fails with (40P01, 55P03, 57014).
pub fn delete(
    context: &Context,
    relation: &Relation,
    tid: Tid,
    options: &DeleteOptions<'_>,
) -> Result<Outcome> {
    let xid = context.transaction.xid()?;
    let command = context.transaction.command_for_write();
    let pin = page::pin(context, relation, tid.block)?;
    let judge = Judge::new(&context.transaction);
    let map = MapPin::default();
    let deleted = {
        let (mut page, header) =
            match claim(context, relation, &pin, tid, command, RowLock::ForUpdate, options.no_wait)? {
                Claim::Claimed(page, header) => (page, header),
                Claim::Refused(outcome) => return Ok(outcome),
            };
        if let Some(outcome) = crosscheck(&judge, &header, options.crosscheck)? {
            return Ok(outcome);
        }
        context.transaction.transactions().multixacts().set_oldest_member(&context.transaction);
        let xmax = add_to_xmax(&judge, &context.transaction, &header, xid, RowLock::ForUpdate, true)?;
        let (command, combo) = delete_command(context, &judge, &header, command)?;
        let change = Delete {
            tid,
            xid: xid.low(),
            xmax,
            command,
            combo,
            is_super: false,
            partition_move: options.moving_partition,
            all_visible_cleared: page.flags() & PD_ALL_VISIBLE != 0,
        };
        let map = change.all_visible_cleared.then_some(&map);
        let tuple = page.item(tid.offset).to_vec();
        change_with_map(context, relation, xid, &change, &mut page, map, false)?;
        tuple
    };
    toast::delete_values(context, relation, &deleted, &[])?;
    Ok(Outcome::Done)
}

/// Deletes a row that nobody else may change at the same time, as catalogs do.
///
/// # Errors
/// `XX000` when someone did.
pub fn simple_delete(context: &Context, relation: &Relation, tid: Tid) -> Result<()> {
    match delete(context, relation, tid, &DeleteOptions::default())? {
        Outcome::Done => Ok(()),
        Outcome::SelfModified(_) => Err(Error::internal("tuple already updated by self")),
        Outcome::Updated(_) => Err(Error::internal("tuple concurrently updated")),
        Outcome::Deleted(_) => Err(Error::internal("tuple concurrently deleted")),
        other => Err(Error::internal(format!("unrecognized heap_delete status: {other:?}"))),
    }
}

/// The command id to store in a version that is being deleted: combined with the inserting command's, when that
/// was ours as well and no room is left for both.
pub(crate) fn delete_command(
    context: &Context,
    judge: &Judge<'_>,
    header: &Header,
    command: CommandId,
) -> Result<(CommandId, bool)> {
    let mine = !header.mask.xmin_committed() && context.transaction.is_current(judge.widen(header.xmin));
    if !mine {
        return Ok((command, false));
    }
    let cmin = judge.cmin(header)?;
    Ok((context.transaction.combo_command(cmin, command)?, true))
}

pub(crate) enum Claim<'p> {
    /// The page is latched and the version may be changed.
    Claimed(PageWrite<'p>, Header),
    Refused(Outcome),
}

/// Latches the page once nobody conflicts with changing the version at `tid` in `mode`.
pub(crate) fn claim<'p>(
    context: &Context,
    relation: &Relation,
    pin: &'p Pin,
    tid: Tid,
    command: CommandId,
    mode: RowLock,
    no_wait: bool,
) -> Result<Claim<'p>> {
    let judge = Judge::new(&context.transaction);
    let mut queue = RowQueue::new(context, relation, tid);
    loop {
        let mut page = pin.write();
        if !page::is_normal(&page, tid.offset) {
            // A catalog row that a cache still knew, vacuumed away since.
            let gone = Conflict { ctid: tid, xmax: Xid::INVALID, cmax: None, moved_partition: false };
            return Ok(Claim::Refused(Outcome::Deleted(gone)));
        }
        let header = Header::read(page.item(tid.offset));
        let mut bits = 0;
        let verdict = judge.update(tid, &header, command, &mut bits)?;
        if bits != 0 {
            page.hint(|page| {
                let mask = header.mask.0 | bits;
                crate::header::HeaderMut(page.item_mut(tid.offset)).set_mask(mask);
            });
        }
        let header = Header::read(page.item(tid.offset));
        let wait = match verdict {
            UpdateVerdict::Ok => return Ok(Claim::Claimed(page, header)),
            UpdateVerdict::BeingModified => whom_to_wait_for(context, &judge, &header, mode)?,
            other => return Ok(Claim::Refused(refusal(&judge, &header, other)?)),
        };
        let Some(enter_queue) = wait else { return Ok(Claim::Claimed(page, header)) };
        if no_wait {
            return Ok(Claim::Refused(refusal(&judge, &header, UpdateVerdict::BeingModified)?));
        }
        drop(page);
        if enter_queue {
            queue.enter(mode, false)?;
        }
        wait_for_xmax(context, &judge, &header, mode, true, false)?;
    }
}

/// `None` when xmax is no obstacle; else whether to take a place in the row's queue while waiting. Someone who
/// already is a member of the multixact does not: that could be a deadlock with whoever is ahead in the queue.
fn whom_to_wait_for(
    context: &Context,
    judge: &Judge<'_>,
    header: &Header,
    mode: RowLock,
) -> Result<Option<bool>> {
    if header.mask.is_multi() {
        let (conflict, mine) = multi_conflict(&context.transaction, header, mode)?;
        return Ok(conflict.then_some(!mine));
    }
    if context.transaction.is_current(judge.widen(header.xmax)) {
        return Ok(None);
    }
    // A key-share locker does not mind an update that leaves the key alone.
    let held = crate::xmax::plain_status(header).map(RowLock::of_status);
    let harmless = header.mask.locked_only() && held.is_some_and(|held| !held.conflicts_with(mode));
    Ok(if harmless { None } else { Some(true) })
}

pub(crate) fn refusal(judge: &Judge<'_>, header: &Header, verdict: UpdateVerdict) -> Result<Outcome> {
    let conflict = Conflict {
        ctid: header.ctid,
        xmax: if header.mask.has(XMAX_INVALID) {
            Xid::INVALID
        } else {
            judge.update_xid(header)?.unwrap_or(Xid::INVALID)
        },
        cmax: if verdict == UpdateVerdict::SelfModified { Some(judge.cmax(header)?) } else { None },
        moved_partition: header.moved_partition(),
    };
    Ok(match verdict {
        UpdateVerdict::Ok => Outcome::Done,
        UpdateVerdict::Invisible => Outcome::Invisible,
        UpdateVerdict::SelfModified => Outcome::SelfModified(conflict),
        UpdateVerdict::Updated => Outcome::Updated(conflict),
        UpdateVerdict::Deleted => Outcome::Deleted(conflict),
        UpdateVerdict::BeingModified => Outcome::BeingModified(conflict),
    })
}

/// The version must also be visible to the crosscheck snapshot.
pub(crate) fn crosscheck(
    judge: &Judge<'_>,
    header: &Header,
    snapshot: Option<&Snapshot>,
) -> Result<Option<Outcome>> {
    let Some(snapshot) = snapshot else { return Ok(None) };
    let visibility = Visibility::Mvcc(snapshot.clone());
    if judge.visible(header, &visibility, &mut 0)? {
        return Ok(None);
    }
    refusal(judge, header, UpdateVerdict::Updated).map(Some)
}
