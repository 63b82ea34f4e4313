//! Threads that move amounts between rows of one table: what is there in all never changes.

use access_api::Context;
use base::{Error, Result, SqlState, Tid};
use btree::{IndexStats, ToastBtree};
use datum::Datum;
use heap::{LockWait, Outcome, RowLock, Rows, Visibility};
use lock::{LockMode, LockTag, NoInterrupt, ThreadWaiter, WaitPolicy};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use sys::{Clock, Random, System};
use testkit::cluster::{Cluster, DATABASE, FirstIds, initialise, retention, wal_options};
use testkit::table::{Table, VacuumIndexes, Value};
use txn::{Isolation, Options, Session, SessionOptions, Snapshot, SynchronousCommit};

const ACCOUNTS: u64 = 24;
const AMOUNT: i32 = 1_000;
const THREADS: u64 = 8;

/// The simulated disk and randomness, but time that passes: deadlocks are found by it.
struct WallClock(Instant);

impl Clock for WallClock {
    fn now_micros(&self) -> i64 {
        1_760_000_000_000_000 + self.0.elapsed().as_micros() as i64
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

struct Bank {
    cluster: Cluster,
    table: Table,
}

impl Bank {
    fn open(seed: u64) -> Bank {
        let (system, _) = sys::simulated::simulated(seed);
        let system = System { clock: Arc::new(WallClock(Instant::now())), ..system };
        initialise(&system, wal_options(), FirstIds::default()).expect("initialises");
        let (cluster, _) = Cluster::open(&system, wal_options(), 128).expect("opens");
        let bank = Bank { cluster, table: Table::describe(0, 80) };
        let session = bank.session(1);
        let context = bank.begin(&session, Options::default());
        bank.table.create(&bank.cluster, &context).expect("creates");
        for account in 0..ACCOUNTS as i32 {
            let value = Value { b: AMOUNT, c: Arc::from(&b"opened"[..]) };
            bank.table.insert(&context, account, &value).expect("inserts");
        }
        context.transaction.commit().expect("commits");
        bank
    }

    fn session(&self, pid: i32) -> Arc<Session> {
        self.cluster.transactions.session(SessionOptions {
            pid,
            database: DATABASE,
            waiter: Arc::new(ThreadWaiter::new()),
            interrupt: Arc::new(NoInterrupt),
        })
    }

    fn begin(&self, session: &Arc<Session>, options: Options) -> Context {
        Context {
            pool: self.cluster.pool.clone(),
            transaction: session.begin(options).expect("begins"),
            wait: WaitPolicy { deadlock_timeout: Duration::from_millis(20), ..WaitPolicy::default() },
            toast: Arc::new(ToastBtree),
        }
    }

    /// Keeps VACUUM from cutting the table.
    fn lock(&self, context: &Context, mode: LockMode) -> Result<()> {
        let tag = LockTag::Relation { database: DATABASE, relation: self.table.heap.oid };
        context.transaction.lock(tag, mode, &context.wait).map(|_| ())
    }

    fn total(&self, context: &Context) -> Result<i64> {
        self.lock(context, LockMode::AccessShare)?;
        let visibility = Visibility::Mvcc(context.transaction.snapshot()?);
        let mut scan = heap::Scan::new(context, &self.table.heap, visibility, heap::Blocks::All, &[1])?;
        let mut rows = Rows::new(&self.table.heap.desc, &[1], false);
        while scan.next_page(1000, &mut rows)? > 0 {}
        assert_eq!(rows.len() as u64, ACCOUNTS, "every account is seen once");
        let amounts = rows.columns.remove(0).finish();
        Ok((0..rows.tids.len()).map(|row| i64::from(amounts.get(row).expect("is not null").int4())).sum())
    }

    /// The row of an account as the snapshot shows it.
    fn find(&self, context: &Context, account: i32, snapshot: &Snapshot) -> Result<(Tid, Value)> {
        let mut tids = Vec::new();
        btree::lookup(context, &self.table.unique, &[Datum::Int4(account)], &mut tids)?;
        let visibility = Visibility::Mvcc(snapshot.clone());
        let mut fetcher = heap::Fetcher::new(context, &self.table.heap, visibility, &[1, 2]);
        let mut rows = Rows::new(&self.table.heap.desc, &[1, 2], false);
        fetcher.fetch_many(&tids, &mut rows, &mut Vec::new(), &mut Vec::new())?;
        assert_eq!(rows.len(), 1, "account {account} is there once");
        let tid = rows.tids[0];
        let columns: Vec<_> = rows.columns.into_iter().map(|column| column.finish()).collect();
        let b = columns[0].get(0).expect("is not null").int4();
        Ok((tid, Value { b, c: columns[1].get(0).expect("is not null").bytes().into() }))
    }

    /// UPDATE ... SET b = b + amount under READ COMMITTED: waits for whoever is at the row, and goes on with its latest version.
    fn add(&self, context: &Context, account: i32, amount: i32, note: &[u8]) -> Result<()> {
        // Held to the end: what it shows is not removed meanwhile.
        let snapshot = context.transaction.snapshot()?;
        let (mut tid, mut old) = self.find(context, account, &snapshot)?;
        loop {
            let new = Value { b: old.b + amount, c: note.into() };
            let outcome = self.table.update(context, tid, (account, &old), (account, &new), false)?;
            let Outcome::Updated(_) = outcome else {
                assert_eq!(outcome, Outcome::Done, "accounts are never closed");
                return context.transaction.command_counter_increment();
            };
            let command = context.transaction.command();
            let (mode, wait) = (RowLock::ForNoKeyUpdate, LockWait::Block);
            let (locked, tuple) = heap::lock_latest(context, &self.table.heap, tid, command, mode, wait)?;
            assert_eq!(locked, Outcome::Done);
            let tuple = tuple.expect("is locked");
            let row = heap::deform(context, &self.table.heap, &tuple, &[0, 1, 2])?;
            let value = |column: usize| row[column].as_ref().expect("is not null").as_datum();
            assert_eq!(value(0).int4(), account, "the chain leads to the same row");
            old = Value { b: value(1).int4(), c: value(2).bytes().into() };
            tid = tuple.tid;
        }
    }

    /// Moves an amount; with a savepoint around something that is undone again.
    fn transfer(&self, context: &Context, random: &dyn Random) -> Result<()> {
        self.lock(context, LockMode::RowExclusive)?;
        let pick = || random.below(ACCOUNTS) as i32;
        let (from, to, amount) = (pick(), pick(), random.below(50) as i32);
        let note = vec![b'n'; if random.below(30) == 0 { 6_000 } else { 10 + random.below(100) as usize }];
        self.add(context, from, -amount, &note)?;
        if random.below(3) == 0 {
            context.transaction.savepoint("s")?;
            self.add(context, pick(), 7, b"undone")?;
            context.transaction.rollback_to_savepoint("s")?;
            if random.below(2) == 0 {
                context.transaction.release_savepoint("s")?;
            }
        }
        self.add(context, to, amount, &note)
    }

    fn vacuum(&self, session: &Arc<Session>) -> Result<()> {
        let toast = self.table.toast();
        let relations = [
            (&self.table.heap, vec![&self.table.unique, &self.table.second]),
            (&toast.heap, vec![&toast.index]),
        ];
        for (heap, indexes) in relations {
            let context = self.begin(session, Options::default());
            let tag = LockTag::Relation { database: DATABASE, relation: heap.oid };
            context.transaction.lock(tag, LockMode::ShareUpdateExclusive, &context.wait)?;
            let transactions = &self.cluster.transactions;
            let horizon = transactions.horizon(txn::Scope::Data(DATABASE));
            let multi = transactions.oldest_multi_needed();
            let cutoffs = heap::Cutoffs {
                relfrozenxid: base::Xid(3),
                relminmxid: base::MultiXactId(1),
                oldest_xmin: horizon,
                oldest_multi: multi,
                freeze_limit: horizon,
                multi_cutoff: multi,
            };
            let options = heap::VacuumOptions {
                aggressive: true,
                skip_nothing: false,
                truncate: true,
                index_cleanup: true,
                memory_bytes: 1 << 20,
                places: Arc::new(sys::Places::none()),
                ring_frames: 256,
                known: heap::KnownSize { pages: 0, tuples: -1.0 },
                delay: Arc::new(|| Ok(())),
            };
            let stats = indexes.iter().map(|_| IndexStats::default()).collect();
            let mut vacuum =
                VacuumIndexes { context: &context, indexes: &indexes, stats, between: &mut || () };
            heap::vacuum(&context, heap, &mut vacuum, &cutoffs, &options)?;
            context.transaction.commit()?;
        }
        Ok(())
    }
}

fn is_deadlock(error: &Error) -> bool {
    error.state() == SqlState::T_R_DEADLOCK_DETECTED
}

#[test]
fn transfers_keep_the_total() {
    let bank = Bank::open(1);
    let end = Instant::now() + Duration::from_secs(5);
    let (committed, deadlocks) = (AtomicU64::new(0), AtomicU64::new(0));
    let failed = AtomicBool::new(false);
    let running = || Instant::now() < end && !failed.load(Ordering::Relaxed);
    std::thread::scope(|scope| {
        for worker in 0..THREADS {
            let (bank, committed, deadlocks, failed, running) =
                (&bank, &committed, &deadlocks, &failed, &running);
            scope.spawn(move || {
                let stop = StopOthers(failed);
                let random = sys::simulated::SeededRandom::new(worker);
                let session = bank.session(worker as i32 + 10);
                while running() {
                    let asynchronous = random.below(4) == 0;
                    let synchronous_commit =
                        if asynchronous { SynchronousCommit::Off } else { SynchronousCommit::On };
                    let context = bank.begin(&session, Options { synchronous_commit, ..Options::default() });
                    match bank.transfer(&context, &random) {
                        Ok(()) if random.below(10) > 0 => {
                            context.transaction.commit().expect("commits");
                            committed.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(()) => context.transaction.abort().expect("aborts"),
                        Err(error) => {
                            assert!(is_deadlock(&error), "{error:?}");
                            deadlocks.fetch_add(1, Ordering::Relaxed);
                            context.transaction.abort().expect("aborts");
                        }
                    }
                    session.answer_barrier().expect("flushes");
                }
                std::mem::forget(stop);
            });
        }
        let (bank, failed, running) = (&bank, &failed, &running);
        scope.spawn(move || {
            let stop = StopOthers(failed);
            let session = bank.session(2);
            while running() {
                for isolation in [Isolation::ReadCommitted, Isolation::RepeatableRead] {
                    let context = bank.begin(&session, Options { isolation, ..Options::default() });
                    for _ in 0..3 {
                        let total = bank.total(&context).expect("reads");
                        assert_eq!(total, i64::from(AMOUNT) * ACCOUNTS as i64);
                    }
                    context.transaction.commit().expect("commits");
                }
            }
            std::mem::forget(stop);
        });
        scope.spawn(move || {
            let stop = StopOthers(failed);
            let session = bank.session(3);
            while running() {
                bank.vacuum(&session).expect("vacuums");
                let kind = recovery::CheckpointKind::Online { force: false };
                bank.cluster.checkpointer.run(kind, &retention(), &mut |_| ()).expect("checkpoints");
                bank.cluster.wal.background_flush().expect("flushes");
                std::thread::sleep(Duration::from_millis(5));
            }
            std::mem::forget(stop);
        });
    });
    println!(
        "{} transfers, {} deadlocks",
        committed.load(Ordering::Relaxed),
        deadlocks.load(Ordering::Relaxed)
    );
    let session = bank.session(1);
    let context = bank.begin(&session, Options::default());
    assert_eq!(bank.total(&context).expect("reads"), i64::from(AMOUNT) * ACCOUNTS as i64);
    for index in [&bank.table.unique, &bank.table.second, &bank.table.toast().index] {
        assert_eq!(btree::check(&context, index, &mut |_| ()).expect("checks"), Vec::<String>::new());
    }
    context.transaction.commit().expect("commits");
    assert!(committed.load(Ordering::Relaxed) > 0);
    assert!(bank.cluster.transactions.locks().list().is_empty());
}

/// Ends the test for all when one thread panics.
struct StopOthers<'a>(&'a AtomicBool);

impl Drop for StopOthers<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
