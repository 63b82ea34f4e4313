//! CREATE and DROP INDEX CONCURRENTLY: in several transactions, while others change the table.
//!
//! ```text
//!   create   1. rows of the catalogs: not ready, not valid             commit; wait for all who may not know of the index
//!            2. fill it with what a snapshot shows; ready              commit; wait for all who may not enter rows
//!            3. enter what another snapshot shows and is missing       commit; wait for all snapshots older than that
//!            4. valid
//!   drop     1. not valid                                              commit; wait for all who may still read it
//!            2. not ready, not live                                    commit; wait for all who may still enter rows
//!            3. remove it
//! ```
//! From step 1 on no HOT chain begins that the index would break. A lock of the session's, held throughout, keeps others
//! from changing the table's indexes. When a step fails, an invalid index is left behind, which the user drops.

use super::build::build_with;
use super::create::{IndexSpec, describe};
use crate::drop;
use crate::expression;
use crate::name::lock_relation;
use crate::vacuum::next_transaction;
use base::{Oid, Result, Tid, Xid};
use btree::{BulkDelete, Manner};
use buffer::{Ring, RingKind, Strategy};
use catalog::{CatalogRow, ObjectAddress, PgClass, PgIndex, RelationEntry, Session, index as catalog_index};
use executor::{IndexWriter, Uniqueness};
use heap::{BlockAllocator, BuildScan, BuildView, Tuple};
use lock::{Level, LockMode, LockTag};
use std::cell::RefCell;
use std::sync::Arc;

/// A lock of the session's, which outlives transactions.
pub(super) struct SessionLock<'s> {
    session: &'s Session,
    tag: LockTag,
    mode: LockMode,
}

impl<'s> SessionLock<'s> {
    pub(super) fn take(session: &'s Session, relation: Oid, mode: LockMode) -> Result<SessionLock<'s>> {
        let tag = session.relation_lock_tag(relation)?;
        session.transaction_session().locks().lock(tag, mode, Level::Session, &session.wait_policy())?;
        Ok(SessionLock { session, tag, mode })
    }
}

impl Drop for SessionLock<'_> {
    fn drop(&mut self) {
        self.session.transaction_session().locks().unlock(&self.tag, self.mode, Level::Session);
    }
}

/// CREATE INDEX CONCURRENTLY on a table that is locked.
///
/// # Errors
/// As building and inserting: `23505` when rows violate it.
pub(super) fn create(session: &Arc<Session>, table: &RelationEntry, spec: &IndexSpec) -> Result<()> {
    let table = table.oid();
    let (index, _) = describe(session, &*session.require_relation(table)?, spec, false)?;
    let held = SessionLock::take(session, table, LockMode::ShareUpdateExclusive)?;
    next_transaction(session)?;
    wait_for_lockers(session, &held.tag, LockMode::Share)?;
    fill(session, table, index)?;
    next_transaction(session)?;
    wait_for_lockers(session, &held.tag, LockMode::Share)?;
    let limit = complete(session, table, index)?;
    next_transaction(session)?;
    session.transaction()?.wait_for_older_snapshots(limit, &session.wait_policy())?;
    change_row(session, table, index, |row| row.indisvalid = true)
}

pub(super) fn wait_for_lockers(session: &Session, tag: &LockTag, mode: LockMode) -> Result<()> {
    session.transaction()?.wait_for_lockers(tag, mode, &session.wait_policy())
}

pub(super) fn change_row(
    session: &Session,
    table: Oid,
    index: Oid,
    change: impl Fn(&mut PgIndex),
) -> Result<()> {
    for (tid, mut row) in session.find::<PgIndex>(catalog_index::PG_INDEX_INDEXRELID, &[index.into()])? {
        change(&mut row);
        session.update(tid, &row)?;
    }
    session.invalidate_relation(table);
    session.command_counter_increment()
}

pub(super) fn fill(session: &Arc<Session>, table: Oid, index: Oid) -> Result<()> {
    lock_relation(session, table, LockMode::ShareUpdateExclusive)?;
    lock_relation(session, index, LockMode::RowExclusive)?;
    let snapshot = session.transaction()?.latest_snapshot()?;
    build_with(session, table, index, Some(snapshot))?;
    change_row(session, table, index, |row| row.indisready = true)
}

/// The tids that an index has for a stretch of blocks: a bit for each.
struct Entered {
    first: u32,
    words: Vec<u64>,
}

/// A block's tids: more than any page has.
const WORDS: usize = 5;

impl Entered {
    fn new(first: u32, blocks: u32) -> Entered {
        Entered { first, words: vec![0; blocks as usize * WORDS] }
    }

    fn place(&self, tid: Tid) -> Option<(usize, u64)> {
        let block = tid.block.0.checked_sub(self.first)? as usize;
        let offset = usize::from(tid.offset.0);
        let at = block * WORDS + offset / 64;
        (offset < WORDS * 64 && at < self.words.len()).then_some((at, 1 << (offset % 64)))
    }

    fn insert(&mut self, tid: Tid) {
        if let Some((at, bit)) = self.place(tid) {
            self.words[at] |= bit;
        }
    }

    fn contains(&self, tid: Tid) -> bool {
        self.place(tid).is_some_and(|(at, bit)| self.words[at] & bit != 0)
    }
}

/// Enters the rows that a new snapshot shows and the index lacks: those that were committed while it was filled. Gives the
/// snapshot's xmin.
pub(super) fn complete(session: &Arc<Session>, table: Oid, index: Oid) -> Result<Xid> {
    lock_relation(session, table, LockMode::ShareUpdateExclusive)?;
    lock_relation(session, index, LockMode::RowExclusive)?;
    let snapshot = session.transaction()?.latest_snapshot()?;
    let limit = snapshot.xmin();
    let entry = session.require_relation(table)?;
    let context = session.context()?;
    let memory_kb = session.settings().get(settings::MAINTENANCE_WORK_MEM);
    let stretch = (memory_kb as usize * 1024 / (WORDS * 8)).clamp(1 << 10, 1 << 30) as u32;
    let pages = heap::block_count(&context, &entry.relation)?;
    for start in (0..pages).step_by(stretch as usize) {
        let blocks = start..pages.min(start.saturating_add(stretch));
        let entered = entered(&context, &entry, index, blocks.start, blocks.len() as u32)?;
        let view = BuildView::Snapshot(snapshot.clone());
        let mut scan = BuildScan::new(&context, &entry.relation, view, BlockAllocator::new(0, 1))?;
        let writer = IndexWriter::of(session, &entry, |one| one.oid == index)?;
        let mut execution = expression::execution(session)?;
        let all: Vec<usize> = (0..entry.desc().len()).collect();
        for block in blocks {
            let mut missing = Vec::new();
            scan.page(base::BlockNumber(block), &mut |root, view| {
                if !entered.contains(root) {
                    missing.push(Tuple { tid: root, bytes: view.bytes().to_vec() });
                }
                Ok(())
            })?;
            for tuple in missing {
                let row = heap::deform(&context, &entry.relation, &tuple, &all)?;
                let values: Vec<_> = row.iter().map(|v| v.as_ref().map(|v| v.as_datum())).collect();
                writer.insert(&mut execution, &values, tuple.tid, None, Uniqueness::Enforce)?;
            }
        }
    }
    Ok(limit)
}

fn entered(
    context: &access_api::Context,
    entry: &RelationEntry,
    index: Oid,
    first: u32,
    blocks: u32,
) -> Result<Entered> {
    let entered = RefCell::new(Entered::new(first, blocks));
    let access = entry.indexes.iter().find(|one| one.oid == index).and_then(|one| one.access.as_ref());
    if let Some(access) = access {
        let ring = Ring::new(RingKind::Vacuum, &context.pool);
        let locks = context.transaction.session().locks();
        let manner = Manner { strategy: Strategy::Ring(&ring), delay: &|| locks.check_interrupts() };
        let walk = BulkDelete::new(context, access, 1)?;
        let note = |tid: Tid| {
            entered.borrow_mut().insert(tid);
            false
        };
        for part in 0..walk.parts() {
            walk.run(part, &note, &manner)?;
        }
    }
    Ok(entered.into_inner())
}

/// DROP INDEX CONCURRENTLY.
///
/// # Errors
/// `2BP01` when something depends on it.
pub(crate) fn drop(session: &Arc<Session>, target: ObjectAddress) -> Result<()> {
    let index = target.object;
    let entry = session.require_relation(index)?;
    let rows = session.find::<PgIndex>(catalog_index::PG_INDEX_INDEXRELID, &[index.into()])?;
    let Some((_, row)) = rows.into_iter().next() else { return drop::remove_all(session, &[target], false) };
    if entry.relation.persistence == access_api::Persistence::Temporary {
        return drop::remove_all(session, &[target], false);
    }
    let table = row.indrelid;
    lock_relation(session, table, LockMode::ShareUpdateExclusive)?;
    lock_relation(session, index, LockMode::ShareUpdateExclusive)?;
    session.plan_drop(&[target], false)?;
    change_row(session, table, index, |row| {
        (row.indisvalid, row.indisclustered, row.indisreplident) = (false, false, false);
    })?;
    let held = SessionLock::take(session, table, LockMode::ShareUpdateExclusive)?;
    let _index = SessionLock::take(session, index, LockMode::ShareUpdateExclusive)?;
    next_transaction(session)?;
    wait_for_lockers(session, &held.tag, LockMode::AccessExclusive)?;
    change_row(session, table, index, |row| (row.indisready, row.indislive) = (false, false))?;
    next_transaction(session)?;
    wait_for_lockers(session, &held.tag, LockMode::AccessExclusive)?;
    debug_assert_eq!(target.class, PgClass::OID);
    drop::remove_all(session, &[target], false)
}
