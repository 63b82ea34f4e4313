//! Pruning: versions that nobody can see any more give their room back, HOT chains get shorter.
//!
//! ```text
//!   1: normal ─▶ 2: heap-only ─▶ 3: heap-only       becomes    1: redirect ─▶ 3: normal
//!      dead         dead            live                       2: unused
//! ```
//! A root without a live member becomes dead and stays until VACUUM has removed the index entries that lead to it.
//! Tuples move within the page, so nobody else may have it pinned.

use crate::fetch::removal_horizon;
use crate::freeze::{Cutoffs, Oldest, plan_tuple};
use crate::header::{Header, MAX_TUPLES_PER_PAGE, PD_ALL_VISIBLE, PD_PAGE_FULL};
use crate::page;
use crate::place::storage_reserve;
use crate::records::{FreezePlan, Prune, PruneReason};
use crate::visibility::{Judge, VacuumVerdict};
use access_api::{Context, Relation};
use base::{OffsetNumber, Result, Xid};
use buffer::{PageWrite, Pin, Registered};
use storage::{LinePointer, Page};

/// Prunes a page that a reader came upon, when it seems worthwhile and nobody else is at it.
pub(crate) fn on_access(context: &Context, relation: &Relation, pin: &Pin) -> Result<()> {
    let wanted = storage_reserve(relation).max(base::PAGE_SIZE / 10);
    let is_candidate = |page: &Page| {
        page.prune_xid() != 0 && (page.flags() & PD_PAGE_FULL != 0 || page.heap_free_space() < wanted)
    };
    let prune_xid = {
        let page = pin.read();
        if !is_candidate(&page) {
            return Ok(());
        }
        page.prune_xid()
    };
    let horizon = page::prune_horizon(context, relation);
    if context.transaction.transactions().widen(prune_xid) >= horizon {
        return Ok(());
    }
    let Some(mut page) = pin.try_cleanup() else { return Ok(()) };
    if is_candidate(&page) {
        let job = PruneJob { context, relation, horizon, reason: PruneReason::OnAccess, no_indexes: false };
        job.run(&mut page, None)?;
    }
    Ok(())
}

/// What to prune with.
pub(crate) struct PruneJob<'a> {
    pub context: &'a Context,
    pub relation: &'a Relation,
    pub horizon: Xid,
    pub reason: PruneReason,
    /// Dead line pointers need not wait for index entries to go.
    pub no_indexes: bool,
}

/// What pruning left on the page, for VACUUM.
#[derive(Default)]
pub(crate) struct Pruned {
    /// Tuples removed.
    pub removed: usize,
    pub live: usize,
    pub recently_dead: usize,
    /// Dead line pointers, old and new.
    pub dead: Vec<OffsetNumber>,
    pub has_tuples: bool,
    pub all_visible: bool,
    pub all_frozen: bool,
    /// The newest xmin on an all-visible page.
    pub visible_horizon: Xid,
    pub froze: bool,
    pub oldest: Option<Oldest>,
}

/// How a tuple is to the whole world.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    NoTuple,
    Dead,
    RecentlyDead(Xid),
    Live,
    InsertInProgress,
    DeleteInProgress,
}

/// What the page becomes, worked out before anything is changed.
struct Plan<'a> {
    judge: Judge<'a>,
    fates: Vec<Fate>,
    done: Vec<bool>,
    prune: Prune,
    removed: usize,
    no_indexes: bool,
    conflict: Xid,
}

impl PruneJob<'_> {
    /// Prunes, and freezes where cutoffs are given.
    pub fn run(&self, page: &mut PageWrite<'_>, cutoffs: Option<&Cutoffs>) -> Result<Pruned> {
        page.touch();
        let judge = Judge::new(&self.context.transaction);
        let mut plan = Plan {
            fates: self.fates(&judge, page)?,
            judge,
            done: vec![false; usize::from(page.max_offset().0) + 1],
            prune: Prune::new(self.reason, self.relation.is_catalog, true),
            removed: 0,
            no_indexes: self.no_indexes,
            conflict: Xid::INVALID,
        };
        plan.chains(page)?;
        let mut pruned =
            Pruned { removed: plan.removed, all_visible: true, all_frozen: true, ..Pruned::default() };
        let (frozen, left) = self.survey(&mut plan, page, cutoffs, &mut pruned)?;
        let changes_items = plan.prune.changes_items();
        let freeze = match &left {
            Some(survey) => !frozen.is_empty() && (survey.required || changes_items && pruned.all_frozen),
            None => false,
        };
        if let Some(survey) = left {
            pruned.oldest = Some(if freeze || frozen.is_empty() { survey.if_frozen } else { survey.if_left });
        }
        if freeze {
            let newest = if pruned.all_visible && pruned.all_frozen {
                pruned.visible_horizon
            } else {
                cutoffs.map_or(Xid::INVALID, |cutoffs| cutoffs.oldest_xmin.previous())
            };
            plan.conflict = plan.conflict.max(newest);
            plan.prune.frozen = frozen;
            pruned.froze = true;
        } else if !frozen.is_empty() {
            pruned.all_frozen = false;
        }
        pruned.all_frozen &= pruned.all_visible;
        self.execute(plan, page)?;
        Ok(pruned)
    }

    fn fates(&self, judge: &Judge<'_>, page: &mut PageWrite<'_>) -> Result<Vec<Fate>> {
        let mut fates = vec![Fate::NoTuple; usize::from(page.max_offset().0) + 1];
        let mut hints = Vec::new();
        for offset in page::offsets(page).filter(|offset| page::is_normal(page, *offset)) {
            let header = Header::read(page.item(offset));
            let mut bits = 0;
            fates[usize::from(offset.0)] = match judge.vacuum(&header, &mut bits)? {
                VacuumVerdict::Dead => Fate::Dead,
                VacuumVerdict::RecentlyDead(xid) if xid < self.horizon => Fate::Dead,
                VacuumVerdict::RecentlyDead(xid) => Fate::RecentlyDead(xid),
                VacuumVerdict::Live => Fate::Live,
                VacuumVerdict::InsertInProgress => Fate::InsertInProgress,
                VacuumVerdict::DeleteInProgress => Fate::DeleteInProgress,
            };
            if bits != 0 {
                hints.push((offset, header.mask.0 | bits));
            }
        }
        if !hints.is_empty() {
            page.hint(|page| {
                for (offset, mask) in &hints {
                    crate::header::HeaderMut(page.item_mut(*offset)).set_mask(*mask);
                }
            });
        }
        Ok(fates)
    }

    /// Looks at what remains: counts, visibility, what could be frozen.
    fn survey(
        &self,
        plan: &mut Plan<'_>,
        page: &PageWrite<'_>,
        cutoffs: Option<&Cutoffs>,
        pruned: &mut Pruned,
    ) -> Result<(Vec<(OffsetNumber, FreezePlan)>, Option<Survey>)> {
        let gone: Vec<bool> = plan.gone(page.max_offset());
        let mut survey = cutoffs.map(|cutoffs| {
            let newest = Oldest { xid: cutoffs.oldest_xmin, multi: cutoffs.oldest_multi };
            Survey { required: false, if_frozen: newest, if_left: newest }
        });
        let mut frozen = Vec::new();
        let mut prunable: Option<Xid> = None;
        let mut keep_prunable = |xid: Xid| prunable = Some(prunable.map_or(xid, |old: Xid| old.min(xid)));
        for offset in page::offsets(page) {
            if gone[usize::from(offset.0)] {
                continue;
            }
            match page.item_id(offset).state() {
                LinePointer::Dead => pruned.dead.push(offset),
                LinePointer::Redirect(_) => pruned.has_tuples = true,
                LinePointer::Unused => {}
                LinePointer::Normal => {}
            }
            let fate = plan.fates[usize::from(offset.0)];
            if fate == Fate::NoTuple {
                continue;
            }
            pruned.has_tuples = true;
            let header = Header::read(page.item(offset));
            match fate {
                Fate::Live => {
                    pruned.live += 1;
                    let xmin = plan.judge.widen(header.xmin);
                    let old =
                        header.mask.xmin_frozen() || xmin < cutoffs.map_or(self.horizon, |c| c.oldest_xmin);
                    if !old || !header.mask.xmin_committed() {
                        pruned.all_visible = false;
                    } else if !header.mask.xmin_frozen() {
                        pruned.visible_horizon = pruned.visible_horizon.max(xmin);
                    }
                }
                Fate::RecentlyDead(xid) => {
                    pruned.recently_dead += 1;
                    pruned.all_visible = false;
                    keep_prunable(xid);
                }
                Fate::DeleteInProgress => {
                    pruned.live += 1;
                    pruned.all_visible = false;
                    if let Some(xid) = plan.judge.update_xid(&header)? {
                        keep_prunable(xid);
                    }
                }
                Fate::InsertInProgress => {
                    pruned.all_visible = false;
                    if self.context.transaction.is_current(plan.judge.widen(header.xmin)) {
                        pruned.live += 1;
                    }
                }
                Fate::Dead | Fate::NoTuple => {
                    // The middle of a chain whose start could not be pruned.
                    pruned.recently_dead += 1;
                    pruned.all_visible = false;
                }
            }
            let (Some(survey), Some(cutoffs)) = (&mut survey, cutoffs) else { continue };
            let tuple = plan_tuple(
                self.context,
                &plan.judge,
                cutoffs,
                &header,
                &mut survey.if_frozen,
                &mut survey.if_left,
            )?;
            survey.required |= tuple.required;
            pruned.all_frozen &= tuple.totally_frozen;
            frozen.extend(tuple.plan.map(|plan| (offset, plan)));
        }
        pruned.dead.extend(plan.prune.dead.iter().copied());
        pruned.dead.sort_unstable();
        if !pruned.dead.is_empty() {
            pruned.all_visible = false;
        }
        plan.prune.new_prune_xid = Some(prunable.map_or(0, Xid::low));
        Ok((frozen, survey))
    }

    fn execute(&self, mut plan: Plan<'_>, page: &mut PageWrite<'_>) -> Result<()> {
        let prune_xid = plan.prune.new_prune_xid.unwrap_or(0);
        if !plan.prune.changes_items() && plan.prune.frozen.is_empty() {
            if page.prune_xid() != prune_xid || page.flags() & PD_PAGE_FULL != 0 {
                page.hint(|page| {
                    page.set_prune_xid(prune_xid);
                    page.set_flags(page.flags() & !PD_PAGE_FULL);
                });
            }
            return Ok(());
        }
        plan.prune.conflict_horizon = plan.conflict.low();
        let needs_cleanup = plan.prune.changes_items();
        plan.prune.cleanup_lock = needs_cleanup;
        let logging = page::logging(self.relation, Xid::INVALID);
        debug_assert!(plan.prune.dead.len() <= MAX_TUPLES_PER_PAGE);
        self.context.pool.change(&plan.prune, logging, &mut [Registered::new(page).standard()])?;
        Ok(())
    }
}

struct Survey {
    required: bool,
    if_frozen: Oldest,
    if_left: Oldest,
}

impl Plan<'_> {
    fn chains(&mut self, page: &Page) -> Result<()> {
        for offset in page::offsets(page) {
            if self.done[usize::from(offset.0)] {
                continue;
            }
            match page.item_id(offset).state() {
                LinePointer::Redirect(_) => self.chain(page, offset)?,
                LinePointer::Normal => {
                    let header = Header::read(page.item(offset));
                    match (header.is_heap_only(), header.is_hot_updated()) {
                        (true, _) => {}
                        (false, true) => self.chain(page, offset)?,
                        (false, false) => self.lone(offset, &header)?,
                    }
                }
                LinePointer::Dead if self.no_indexes => self.prune.unused.push(offset),
                _ => {}
            }
        }
        // Heap-only tuples that no chain leads to were made by updates that were rolled back.
        for offset in page::offsets(page) {
            let index = usize::from(offset.0);
            if !self.done[index] && self.fates[index] == Fate::Dead {
                let header = Header::read(page.item(offset));
                if header.is_heap_only() && !header.is_hot_updated() {
                    self.conflict = self.conflict.max(removal_horizon(&self.judge, &header)?);
                    self.prune.unused.push(offset);
                    self.removed += 1;
                }
            }
        }
        self.prune.unused.sort_unstable();
        Ok(())
    }

    /// A tuple that is a chain of its own.
    fn lone(&mut self, offset: OffsetNumber, header: &Header) -> Result<()> {
        self.done[usize::from(offset.0)] = true;
        if self.fates[usize::from(offset.0)] == Fate::Dead {
            self.conflict = self.conflict.max(removal_horizon(&self.judge, header)?);
            self.removed += 1;
            self.dead_root(offset);
        }
        Ok(())
    }

    fn chain(&mut self, page: &Page, root: OffsetNumber) -> Result<()> {
        let mut members = vec![root];
        let mut dead = 0;
        let mut newest_dead = Xid::INVALID;
        let mut at = root;
        let redirected = match page.item_id(root).state() {
            LinePointer::Redirect(to) => {
                self.done[usize::from(root.0)] = true;
                at = to;
                true
            }
            _ => false,
        };
        let mut prior: Option<Xid> = None;
        let mut horizon = Xid::INVALID;
        while page::is_normal(page, at) && !self.done[usize::from(at.0)] {
            let header = Header::read(page.item(at));
            if prior.is_some_and(|prior| prior.low() != header.xmin) || redirected && !header.is_heap_only() {
                break;
            }
            if at != root {
                members.push(at);
            }
            self.done[usize::from(at.0)] = true;
            horizon = horizon.max(removal_horizon(&self.judge, &header)?);
            match self.fates[usize::from(at.0)] {
                Fate::Dead => {
                    dead = members.len();
                    newest_dead = horizon;
                }
                Fate::RecentlyDead(_) => {}
                _ => break,
            }
            if !header.is_hot_updated() {
                break;
            }
            prior = self.judge.update_xid(&header)?;
            at = header.ctid.offset;
        }
        if redirected && members.len() == 1 {
            // A redirection to nothing, as an interrupted server of old could leave.
            self.dead_root(root);
            return Ok(());
        }
        if dead == 0 {
            return Ok(());
        }
        self.conflict = self.conflict.max(newest_dead);
        // The root's own tuple counts, unless it is a redirection.
        self.removed += dead - usize::from(redirected);
        self.prune.unused.extend_from_slice(&members[1..dead]);
        match members.get(dead) {
            Some(live) => self.prune.redirected.push((root, *live)),
            None => self.dead_root(root),
        }
        Ok(())
    }

    fn dead_root(&mut self, root: OffsetNumber) {
        if self.no_indexes { &mut self.prune.unused } else { &mut self.prune.dead }.push(root);
    }

    /// Which offsets will hold no tuple, and are not dead line pointers from before.
    fn gone(&self, max: OffsetNumber) -> Vec<bool> {
        let mut gone = vec![false; usize::from(max.0) + 1];
        let prune = &self.prune;
        let redirected = prune.redirected.iter().map(|(from, _)| from);
        for offset in prune.dead.iter().chain(&prune.unused).chain(redirected) {
            gone[usize::from(offset.0)] = true;
        }
        gone
    }
}

/// Whether everyone sees everything on a page whose dead line pointers are about to go: (all visible, all frozen,
/// newest xmin). `ignore` ascends.
pub(crate) fn page_visibility(
    judge: &Judge<'_>,
    page: &Page,
    oldest_xmin: Xid,
    ignore: &[OffsetNumber],
) -> Result<(bool, bool, Xid)> {
    let mut all_frozen = true;
    let mut newest = Xid::INVALID;
    for offset in page::offsets(page) {
        match page.item_id(offset).state() {
            LinePointer::Dead if ignore.binary_search(&offset).is_err() => {
                return Ok((false, false, newest));
            }
            LinePointer::Normal => {}
            _ => continue,
        }
        let header = Header::read(page.item(offset));
        let mut bits = 0;
        if judge.vacuum(&header, &mut bits)? != VacuumVerdict::Live {
            return Ok((false, false, newest));
        }
        let frozen_xmin = header.mask.xmin_frozen();
        let xmin = judge.widen(header.xmin);
        if !frozen_xmin
            && (xmin >= oldest_xmin
                || !(header.mask.xmin_committed() || bits & crate::header::XMIN_COMMITTED != 0))
        {
            return Ok((false, false, newest));
        }
        if !frozen_xmin {
            newest = newest.max(xmin);
        }
        all_frozen &= frozen_xmin && header.xmax == 0;
    }
    Ok((true, all_frozen, newest))
}

/// The heap page says so itself, too.
pub(crate) fn is_marked_visible(page: &Page) -> bool {
    page.flags() & PD_ALL_VISIBLE != 0
}
