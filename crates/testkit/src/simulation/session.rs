//! A session and what it does in its turn.

use super::{Change, Commit, Key, Simulation, State};
use crate::cluster::DATABASE;
use crate::table::{Table, Value};
use access_api::{Context, DirtyView};
use base::{Error, Result, SqlState, Tid, Xid};
use btree::{Inserted, ToastBtree};
use datum::Datum;
use heap::{DeleteOptions, HeapOracle, LockWait, Outcome, RowLock, Rows, Visibility};
use lock::{Interrupt, LockMode, LockTag, WaitPolicy, Waiter};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use txn::{Isolation, Options, Session, SessionOptions, Snapshot, SynchronousCommit};

/// On one thread nobody would ever end a wait: it fails.
#[derive(Default)]
pub(super) struct NeverWait {
    waited: AtomicBool,
}

impl Waiter for NeverWait {
    fn wait(&self, _timeout: Option<Duration>) {
        self.waited.store(true, Ordering::Relaxed);
    }

    fn wake(&self) {}
}

impl Interrupt for NeverWait {
    fn check(&self) -> Result<()> {
        if self.waited.swap(false, Ordering::Relaxed) {
            return Err(Error::new(SqlState::QUERY_CANCELED, "would wait"));
        }
        Ok(())
    }
}

/// A session, between or within transactions.
pub(super) struct Seat {
    session: Arc<Session>,
    pool: Arc<buffer::BufferPool>,
    pub open: Option<Open>,
}

/// An open transaction and what it did.
pub(super) struct Open {
    pub context: Context,
    asynchronous: bool,
    changes: Vec<Change>,
    /// Name, and how many changes were made before it.
    savepoints: Vec<(String, usize)>,
    /// What its one snapshot shows, under repeatable read.
    kept: Option<State>,
}

/// How an operation went.
enum Turn {
    Done,
    /// Somebody else is in the way.
    Refused,
    /// Serialization failure.
    Doomed,
}

impl Seat {
    pub fn begin(&self, options: Options) -> Result<Context> {
        Ok(Context {
            pool: self.pool.clone(),
            transaction: self.session.begin(options)?,
            wait: WaitPolicy::default(),
            toast: Arc::new(ToastBtree),
        })
    }

    pub fn session(&self) -> &Session {
        &self.session
    }
}

impl Open {
    /// What the transaction sees of `key`, given what is committed.
    fn sees<'a>(&'a self, committed: &'a State, key: Key) -> Option<&'a Value> {
        let own = self.changes.iter().rev().find(|(changed, _)| *changed == key);
        match own {
            Some((_, value)) => value.as_ref(),
            None => self.kept.as_ref().unwrap_or(committed).get(&key),
        }
    }

    /// Whether a unique index must refuse `key`.
    fn is_taken(&self, committed: &State, key: Key) -> bool {
        let own = self.changes.iter().rev().find(|(changed, _)| *changed == key);
        own.map_or_else(|| committed.contains_key(&key), |(_, value)| value.is_some())
    }

    fn roll_back_to(&mut self, number: usize) -> Result<()> {
        let (name, changes) = self.savepoints[number].clone();
        self.savepoints.truncate(number + 1);
        self.changes.truncate(changes);
        self.context.transaction.rollback_to_savepoint(&name)
    }
}

/// The row with key `a` that the snapshot shows.
pub(super) fn locate(
    context: &Context,
    table: &Table,
    a: i32,
    snapshot: &Snapshot,
) -> Result<Option<(Tid, Value)>> {
    let mut tids = Vec::new();
    btree::lookup(context, &table.unique, &[Datum::Int4(a)], &mut tids)?;
    let needed = [0, 1, 2];
    let mut rows = Rows::new(&table.heap.desc, &needed, false);
    let mut fetcher = heap::Fetcher::new(context, &table.heap, Visibility::Mvcc(snapshot.clone()), &needed);
    fetcher.fetch_many(&tids, &mut rows, &mut Vec::new(), &mut Vec::new())?;
    assert!(rows.len() <= 1, "{} rows have key {a}", rows.len());
    let Some(tid) = rows.tids.first().copied() else { return Ok(None) };
    let columns: Vec<_> = rows.columns.into_iter().map(|column| column.finish()).collect();
    let value = |column: usize| columns[column].get(0).expect("is not null");
    assert_eq!(value(0).int4(), a, "the index leads to another row");
    Ok(Some((tid, Value { b: value(1).int4(), c: value(2).bytes().into() })))
}

impl Simulation {
    pub(super) fn seat(&self, pid: i32) -> Seat {
        let never = Arc::new(NeverWait::default());
        let session = self.cluster.transactions.session(SessionOptions {
            pid,
            database: DATABASE,
            waiter: never.clone(),
            interrupt: never,
        });
        Seat { session, pool: self.cluster.pool.clone(), open: None }
    }

    /// One session takes its turn.
    pub(super) fn session_step(&mut self) {
        let number = self.below(self.seats.len() as u64) as usize;
        let open = match self.seats[number].open.take() {
            Some(open) => Ok(open),
            None => self.begin(number),
        };
        let mut open = match open {
            Ok(open) => open,
            Err(error) => return self.expect_fault(&error),
        };
        let what = self.below(100);
        if what < 8 {
            return self.commit(open);
        }
        if what < 11 {
            return self.abort(open);
        }
        match self.operate(&mut open, what) {
            Ok(Turn::Done) => {}
            Ok(Turn::Refused) => {
                self.summary.refused += 1;
                if self.one_in(8) {
                    return self.abort(open);
                }
            }
            Ok(Turn::Doomed) => return self.abort(open),
            Err(error) => {
                if error.state() != SqlState::QUERY_CANCELED {
                    self.expect_fault(&error);
                }
                match self.recover_statement(open) {
                    Some(recovered) => open = recovered,
                    None => return,
                }
            }
        }
        self.seats[number].open = Some(open);
    }

    fn begin(&mut self, number: usize) -> Result<Open> {
        let keeps = self.one_in(3);
        let asynchronous = self.one_in(4);
        let options = Options {
            isolation: if keeps { Isolation::RepeatableRead } else { Isolation::ReadCommitted },
            synchronous_commit: if asynchronous { SynchronousCommit::Off } else { SynchronousCommit::On },
            ..Options::default()
        };
        let context = self.seats[number].begin(options)?;
        let kept = keeps.then(|| self.state.clone());
        if keeps {
            context.transaction.snapshot()?;
        }
        Ok(Open { context, asynchronous, changes: Vec::new(), savepoints: Vec::new(), kept })
    }

    fn commit(&mut self, open: Open) {
        let transaction = &open.context.transaction;
        let result = transaction.commit();
        if let Err(error) = &result {
            self.expect_fault(error);
            if !self.is_over() {
                return self.abort(open);
            }
        }
        if let Some(xid) = transaction.top_xid_if_assigned() {
            super::apply(&mut self.state, &open.changes);
            let end = self.cluster.wal.inserted();
            let acknowledged = result.is_ok() && !open.asynchronous;
            self.commits.push(Commit { xid, changes: open.changes, acknowledged, end });
            self.summary.commits += 1;
        }
    }

    fn abort(&mut self, open: Open) {
        let transaction = &open.context.transaction;
        let failed = if self.one_in(3) { transaction.fail() } else { Ok(()) };
        if let Err(error) = failed.and_then(|()| transaction.abort()) {
            self.expect_fault(&error);
        }
        self.aborted.extend(transaction.top_xid_if_assigned());
        self.summary.aborts += 1;
    }

    /// A statement failed: back to a savepoint, or the end of the transaction.
    fn recover_statement(&mut self, mut open: Open) -> Option<Open> {
        if open.savepoints.is_empty() || self.is_over() || self.one_in(2) {
            self.abort(open);
            return None;
        }
        let last = open.savepoints.len() - 1;
        match open.context.transaction.fail().and_then(|()| open.roll_back_to(last)) {
            Ok(()) => Some(open),
            Err(error) => {
                self.expect_fault(&error);
                self.abort(open);
                None
            }
        }
    }

    fn operate(&mut self, open: &mut Open, what: u64) -> Result<Turn> {
        if what < 20 {
            return self.savepoints(open);
        }
        let tables = self.tables.clone();
        let number = self.below(tables.len() as u64) as u8;
        let table = &tables[usize::from(number)];
        let key = (number, self.below(self.keys) as i32);
        let context = open.context.clone();
        let tag = LockTag::Relation { database: DATABASE, relation: table.heap.oid };
        context.transaction.lock(tag, LockMode::RowExclusive, &WaitPolicy::default())?;
        let snapshot = context.transaction.snapshot()?;
        let found = locate(&context, table, key.1, &snapshot)?;
        let seen = open.sees(&self.state, key);
        assert!(found.as_ref().map(|(_, value)| value) == seen, "{key:?}: {found:?} instead of {seen:?}");
        let turn = match found {
            None => self.insert(open, table, key)?,
            Some((tid, old)) => match what {
                20..=69 => self.update(open, table, tid, key, old)?,
                70..=84 => self.delete(open, table, tid, key)?,
                _ => self.lock(open, table, tid)?,
            },
        };
        context.transaction.command_counter_increment()?;
        Ok(turn)
    }

    fn savepoints(&mut self, open: &mut Open) -> Result<Turn> {
        let count = open.savepoints.len();
        let pick = self.below(count.max(1) as u64) as usize;
        match self.below(5) {
            0 if count > 0 => open.roll_back_to(pick)?,
            1 if count > 0 => {
                open.context.transaction.release_savepoint(&open.savepoints[pick].0)?;
                open.savepoints.truncate(pick);
            }
            _ if count < 6 => {
                let name = format!("s{count}");
                open.context.transaction.savepoint(&name)?;
                open.savepoints.push((name, open.changes.len()));
            }
            _ => {}
        }
        Ok(Turn::Done)
    }

    /// Whether nobody has the key, or may come to have it.
    fn is_free(&self, open: &Open, table: &Table, key: Key) -> Result<bool> {
        let values = [Some(Datum::Int4(key.1))];
        let view =
            btree::find_conflict(&open.context, &table.unique, &table.heap, &HeapOracle, &values, None)?;
        let taken = open.is_taken(&self.state, key);
        match view {
            DirtyView::InDoubt { .. } => Ok(false),
            DirtyView::Live { .. } => {
                assert!(taken, "{key:?} is there");
                Ok(false)
            }
            DirtyView::Dead { .. } => {
                assert!(!taken, "{key:?} is not there");
                Ok(true)
            }
        }
    }

    fn insert(&mut self, open: &mut Open, table: &Table, key: Key) -> Result<Turn> {
        // One in a few goes on to wait, and fails by that.
        if !self.is_free(open, table, key)? && !self.one_in(10) {
            return Ok(Turn::Refused);
        }
        let value = self.value();
        let keep = !self.one_in(3);
        let inserted = if self.one_in(6) {
            table.insert_speculatively(&open.context, key.1, &value, keep)?
        } else {
            table.insert(&open.context, key.1, &value)?
        };
        let taken = open.is_taken(&self.state, key);
        match inserted {
            Inserted::Done => assert!(!taken, "{key:?} was inserted twice"),
            Inserted::Conflict(_) => return Ok(Turn::Doomed),
            Inserted::MaybeConflict => return Ok(Turn::Refused),
        }
        let snapshot = open.context.transaction.latest_snapshot()?;
        open.context.transaction.command_counter_increment()?;
        let snapshot = snapshot.with_command(open.context.transaction.command());
        if locate(&open.context, table, key.1, &snapshot)?.is_some() {
            open.changes.push((key, Some(value)));
        } else {
            assert!(!keep, "{key:?} was inserted");
        }
        Ok(Turn::Done)
    }

    fn update(&mut self, open: &mut Open, table: &Table, tid: Tid, key: Key, old: Value) -> Result<Turn> {
        let mut value = self.value();
        if self.one_in(2) {
            value.b = old.b;
        }
        if self.one_in(4) {
            value.c = old.c.clone();
        }
        let mut new = key;
        if self.one_in(8) {
            let other = (key.0, self.below(self.keys) as i32);
            // A key whose row was deleted since the snapshot is free, and yet seen.
            let unseen = other != key && open.sees(&self.state, other).is_none();
            if unseen && self.is_free(open, table, other)? {
                new = other;
            }
        }
        let outcome = table.update(&open.context, tid, (key.1, &old), (new.1, &value), true)?;
        if outcome == Outcome::Done {
            if new != key {
                open.changes.push((key, None));
            }
            open.changes.push((new, Some(value)));
        }
        Ok(self.refusal(open, outcome))
    }

    fn delete(&mut self, open: &mut Open, table: &Table, tid: Tid, key: Key) -> Result<Turn> {
        let options = DeleteOptions { no_wait: true, ..DeleteOptions::default() };
        let outcome = heap::delete(&open.context, &table.heap, tid, &options)?;
        if outcome == Outcome::Done {
            open.changes.push((key, None));
        }
        Ok(self.refusal(open, outcome))
    }

    fn lock(&mut self, open: &mut Open, table: &Table, tid: Tid) -> Result<Turn> {
        let modes = [RowLock::ForKeyShare, RowLock::ForShare, RowLock::ForNoKeyUpdate, RowLock::ForUpdate];
        let mode = modes[self.below(4) as usize];
        let command = open.context.transaction.command();
        let (outcome, _) =
            heap::lock_tuple(&open.context, &table.heap, tid, command, mode, LockWait::Skip, true)?;
        Ok(self.refusal(open, outcome))
    }

    fn refusal(&self, open: &Open, outcome: Outcome) -> Turn {
        match outcome {
            Outcome::Done => Turn::Done,
            Outcome::WouldBlock | Outcome::BeingModified(_) => Turn::Refused,
            Outcome::Updated(_) | Outcome::Deleted(_) => {
                assert!(open.kept.is_some(), "a new snapshot shows the latest version: {outcome:?}");
                Turn::Doomed
            }
            Outcome::SelfModified(_) | Outcome::Invisible => panic!("a visible row is {outcome:?}"),
        }
    }

    /// The xids of transactions under way, for tests of horizons.
    pub(super) fn running(&self) -> Vec<Xid> {
        let open = self.seats.iter().filter_map(|seat| seat.open.as_ref());
        open.filter_map(|open| open.context.transaction.top_xid_if_assigned()).collect()
    }
}
