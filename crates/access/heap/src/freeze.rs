//! Freezing: headers lose their xids before these get so old that they could be mistaken for new ones.

use crate::header::{
    HOT_UPDATED, Header, KEYS_UPDATED, MOVED, XMAX_BITS, XMAX_COMMITTED, XMAX_INVALID, XMIN_FROZEN,
};
use crate::records::FreezePlan;
use crate::visibility::Judge;
use crate::xmax::multi_bits;
use access_api::Context;
use base::{Error, MultiXactId, Result, Xid};
use txn::{Member, MemberStatus, Outcome};

/// What VACUUM goes by.
#[derive(Clone, Copy, Debug)]
pub struct Cutoffs {
    /// No xid older than this is in the table now.
    pub relfrozenxid: Xid,
    pub relminmxid: MultiXactId,
    /// Everything older is in nobody's doubt.
    pub oldest_xmin: Xid,
    pub oldest_multi: MultiXactId,
    /// Tuples with older xids must be frozen.
    pub freeze_limit: Xid,
    pub multi_cutoff: MultiXactId,
}

/// The oldest ids that remain in the table as VACUUM leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oldest {
    pub xid: Xid,
    pub multi: MultiXactId,
}

impl Oldest {
    fn keep_xid(&mut self, xid: Xid) {
        if xid.is_normal() {
            self.xid = self.xid.min(xid);
        }
    }

    fn keep_multi(&mut self, multi: MultiXactId) {
        if multi.precedes(self.multi) {
            self.multi = multi;
        }
    }

    pub fn merge(&mut self, other: Oldest) {
        self.keep_xid(other.xid);
        self.keep_multi(other.multi);
    }
}

/// What freezing could do to a tuple.
pub struct TuplePlan {
    /// `None` when the header has nothing to freeze.
    pub plan: Option<FreezePlan>,
    /// Freezing cannot be put off: an id is older than the limit.
    pub required: bool,
    /// With the plan carried out, nothing is left that ages.
    pub totally_frozen: bool,
}

/// The plan for one tuple that is not dead. `if_frozen` and `if_left` learn which ids remain in either case.
///
/// # Errors
/// `XX001` when an id is older than the table says is possible.
pub fn plan_tuple(
    context: &Context,
    judge: &Judge<'_>,
    cutoffs: &Cutoffs,
    header: &Header,
    if_frozen: &mut Oldest,
    if_left: &mut Oldest,
) -> Result<TuplePlan> {
    let mut mask = header.mask.0;
    let mut mask2 = header.mask2;
    let mut xmax = header.xmax;
    let mut changes = false;
    let mut required = false;
    let mut totally_frozen = true;

    let xmin = judge.widen(header.xmin);
    if xmin.is_normal() && !header.mask.xmin_frozen() {
        check_age(xmin, cutoffs, "xmin")?;
        if_left.keep_xid(xmin);
        if xmin < cutoffs.oldest_xmin {
            mask |= XMIN_FROZEN;
            changes = true;
            required |= xmin < cutoffs.freeze_limit;
        } else {
            if_frozen.keep_xid(xmin);
            totally_frozen = false;
        }
    }
    if header.mask.has(XMAX_INVALID) && !header.mask.is_multi() || header.xmax == 0 {
        if header.xmax != 0 {
            // The id of someone who is long gone still stands there.
            changes = true;
            clear_xmax(&mut mask, &mut mask2, &mut xmax);
            let old = judge.widen(header.xmax);
            if_left.keep_xid(old);
            required |= old.is_normal() && old < cutoffs.freeze_limit;
        }
    } else if header.mask.is_multi() {
        let multi = MultiXactId(header.xmax);
        if_left.keep_multi(multi);
        let must = multi.precedes(cutoffs.multi_cutoff);
        match freeze_multi(context, judge, cutoffs, header, must)? {
            MultiPlan::Remove => {
                changes = true;
                required |= must;
                clear_xmax(&mut mask, &mut mask2, &mut xmax);
            }
            MultiPlan::Keep => {
                if_frozen.keep_multi(multi);
                totally_frozen = false;
            }
            MultiPlan::Updater(xid, committed) => {
                changes = true;
                required = true;
                mask &= !XMAX_BITS;
                if committed {
                    mask |= XMAX_COMMITTED;
                }
                xmax = xid.low();
                if_frozen.keep_xid(xid);
                totally_frozen = false;
            }
            MultiPlan::New(multi, bits, bits2) => {
                changes = true;
                required = true;
                mask = mask & !XMAX_BITS | bits;
                mask2 = mask2 & !KEYS_UPDATED | bits2;
                xmax = multi.0;
                if_frozen.keep_multi(multi);
                totally_frozen = false;
            }
        }
    } else {
        let old = judge.widen(header.xmax);
        check_age(old, cutoffs, "xmax")?;
        if_left.keep_xid(old);
        if old.is_normal() && old < cutoffs.oldest_xmin {
            // A committed deleter this old would have made the tuple dead: it was a lock, or was rolled back.
            changes = true;
            required |= old < cutoffs.freeze_limit;
            clear_xmax(&mut mask, &mut mask2, &mut xmax);
        } else {
            if_frozen.keep_xid(old);
            totally_frozen = false;
        }
    }
    let plan = changes.then_some(FreezePlan { xmax, mask2, mask: mask & !MOVED, flags: 0 });
    Ok(TuplePlan { plan, required, totally_frozen })
}

fn clear_xmax(mask: &mut u16, mask2: &mut u16, xmax: &mut u32) {
    *xmax = 0;
    *mask = *mask & !XMAX_BITS | XMAX_INVALID;
    *mask2 &= !(HOT_UPDATED | KEYS_UPDATED);
}

fn check_age(xid: Xid, cutoffs: &Cutoffs, what: &str) -> Result<()> {
    if xid.is_normal() && xid < cutoffs.relfrozenxid {
        return Err(Error::corrupted(format!(
            "found {what} {} from before relfrozenxid {}",
            xid.low(),
            cutoffs.relfrozenxid.low()
        )));
    }
    Ok(())
}

enum MultiPlan {
    Remove,
    Keep,
    /// Only the updater is left; whether it is known to have committed.
    Updater(Xid, bool),
    New(MultiXactId, u16, u16),
}

fn freeze_multi(
    context: &Context,
    judge: &Judge<'_>,
    cutoffs: &Cutoffs,
    header: &Header,
    must: bool,
) -> Result<MultiPlan> {
    let tx = &context.transaction;
    let multixacts = tx.transactions().multixacts();
    let multi = MultiXactId(header.xmax);
    if header.mask.locked_upgraded() || header.mask.has(XMAX_INVALID) {
        return Ok(MultiPlan::Remove);
    }
    if multi.precedes(cutoffs.oldest_multi) {
        // No member runs any more: at most an updater counts.
        if header.mask.locked_only() {
            return Ok(MultiPlan::Remove);
        }
        let Some(updater) = judge.update_xid(header)? else { return Ok(MultiPlan::Remove) };
        return Ok(match tx.transactions().outcome(updater)? {
            Outcome::Committed { .. } => MultiPlan::Updater(updater, true),
            _ => MultiPlan::Remove,
        });
    }
    let members = multixacts.members(multi)?;
    let old_member = members.iter().any(|member| member.xid < cutoffs.freeze_limit);
    if !must && !old_member {
        return Ok(MultiPlan::Keep);
    }
    let mut left: Vec<Member> = Vec::new();
    for member in members.iter() {
        let update = matches!(member.status, MemberStatus::NoKeyUpdate | MemberStatus::Update);
        let stays = match tx.transactions().outcome(member.xid)? {
            Outcome::InProgress => true,
            Outcome::Committed { .. } => update,
            Outcome::Aborted => false,
        };
        if stays {
            left.push(Member { xid: member.xid, status: member.status });
        }
    }
    match left.as_slice() {
        [] => Ok(MultiPlan::Remove),
        [only] if matches!(only.status, MemberStatus::NoKeyUpdate | MemberStatus::Update) => {
            let committed = matches!(tx.transactions().outcome(only.xid)?, Outcome::Committed { .. });
            Ok(MultiPlan::Updater(only.xid, committed))
        }
        left => {
            let (bits, bits2) = multi_bits(left);
            Ok(MultiPlan::New(multixacts.create(tx, left)?, bits, bits2))
        }
    }
}
