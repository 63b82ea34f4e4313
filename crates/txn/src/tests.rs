use crate::*;
use base::{Lsn, MultiXactId, Oid, RelFileLocator, Result, TimelineId, Xid};
use lock::{LockManager, NoInterrupt, ThreadWaiter, WaitPolicy};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use sys::System;
use sys::simulated::{SimulatedDisk, simulated};
use wal::{RecordBuilder, RmgrId, Wal, WalOptions, WalStart};

const DATABASE: Oid = Oid(5);
const SEGMENT: u32 = 1 << 20;
const START: Lsn = Lsn(SEGMENT as u64 + 40);

fn config(system: &System, wal: &Arc<Wal>, counters: Counters) -> Config {
    let files = Arc::new(storage::RelationFiles::new(system.disk.clone(), 100, true));
    let options = buffer::BufferOptions { frames: 16, ..buffer::BufferOptions::default() };
    let pool = buffer::BufferPool::new(files, wal.clone(), options).expect("room for 16 pages");
    let locks = LockManager::new(system.clock.clone());
    Config { system: system.clone(), wal: wal.clone(), pool, locks, counters, sync: true }
}

fn open_wal(system: &System) -> Arc<Wal> {
    let options = WalOptions { segment_size: SEGMENT, buffers: 1 << 18, ..WalOptions::default() };
    Wal::new(system, options).expect("valid options")
}

fn start(wal: &Wal, end: Lsn, previous: Lsn) -> Result<()> {
    wal.start(WalStart { timeline: TimelineId(1), system_identifier: 7, end, previous, redo: START })
}

fn fresh(seed: u64) -> (System, Arc<SimulatedDisk>, Arc<Transactions>) {
    let (system, disk) = simulated(seed);
    system.disk.create_dir_all("pg_wal").unwrap();
    let wal = open_wal(&system);
    Transactions::bootstrap(config(&system, &wal, Counters::initial())).unwrap();
    for dir in [".", "pg_wal", "pg_multixact", "pg_xact", "pg_subtrans"] {
        system.disk.sync_dir(dir).unwrap();
    }
    start(&wal, START, Lsn::INVALID).unwrap();
    let transactions = Transactions::open(config(&system, &wal, Counters::initial())).unwrap();
    transactions.finish_recovery().unwrap();
    (system, disk, transactions)
}

/// Replays the log from its start over what survived.
fn recover(system: &System) -> Arc<Transactions> {
    let wal = open_wal(system);
    let transactions = Transactions::open(config(system, &wal, Counters::initial())).unwrap();
    let missing = buffer::MissingPages::new();
    let context = buffer::RedoContext { pool: transactions.pool(), missing: &missing };
    let mut reader = wal::Reader::new(system.disk.clone(), TimelineId(1), SEGMENT, Some(7));
    reader.seek(START);
    while let Some(record) = reader.read().unwrap() {
        transactions.note_xid(record.xid);
        match record.rmgr {
            RmgrId::TRANSACTION => transactions.redo_xact(&context, &record).unwrap(),
            RmgrId::CLOG => transactions.redo_clog(&record).unwrap(),
            RmgrId::MULTIXACT => transactions.redo_multixact(&record).unwrap(),
            _ => {}
        }
    }
    let (previous, end) = reader.last().unwrap_or((Lsn::INVALID, START));
    start(&wal, end, previous).unwrap();
    transactions.finish_recovery().unwrap();
    transactions
}

fn session(transactions: &Arc<Transactions>, pid: i32) -> Arc<Session> {
    transactions.session(SessionOptions {
        pid,
        database: DATABASE,
        waiter: Arc::new(ThreadWaiter::new()),
        interrupt: Arc::new(NoInterrupt),
    })
}

fn begin(session: &Arc<Session>) -> Arc<Transaction> {
    session.begin(Options::default()).unwrap()
}

fn begin_with(session: &Arc<Session>, change: impl FnOnce(&mut Options)) -> Arc<Transaction> {
    let mut options = Options::default();
    change(&mut options);
    session.begin(options).unwrap()
}

#[test]
fn commits_become_visible_to_new_snapshots() {
    let (_, _, transactions) = fresh(1);
    let (a, b) = (session(&transactions, 1), session(&transactions, 2));
    let writer = begin(&a);
    let xid = writer.xid().unwrap();
    assert_eq!(xid, Xid(3));
    let reader = begin(&b);
    let old = reader.snapshot().unwrap();
    assert!(old.is_running(xid).unwrap() && !old.is_mine(xid) && writer.is_current(xid));
    assert!(writer.snapshot().unwrap().is_mine(xid));
    assert_eq!(transactions.outcome(xid).unwrap(), Outcome::InProgress);
    assert_eq!(transactions.horizon(Scope::Data(DATABASE)), xid);
    writer.commit().unwrap();
    assert!(old.is_running(xid).unwrap());
    let new = reader.snapshot().unwrap();
    assert!(!new.is_running(xid).unwrap());
    assert_eq!(new.outcome(xid).unwrap(), Outcome::DURABLE);
    assert_eq!(transactions.horizon(Scope::Data(DATABASE)), xid, "the old snapshot holds it back");
    assert_eq!(transactions.horizon(Scope::Data(Oid(6))), Xid(4));
    drop(old);
    assert_eq!(transactions.horizon(Scope::Shared), Xid(4));
    reader.commit().unwrap();
    drop(new);

    let loser = begin(&a);
    let lost = loser.xid().unwrap();
    loser.abort().unwrap();
    assert_eq!(transactions.outcome(lost).unwrap(), Outcome::Aborted);
    let dropped = begin(&a);
    let lost = dropped.xid().unwrap();
    drop(dropped);
    assert_eq!(transactions.outcome(lost).unwrap(), Outcome::Aborted);
    assert!(transactions.locks().list().is_empty());
    assert!(transactions.outcome(Xid(999)).is_err());
}

#[test]
fn repeatable_read_keeps_its_snapshot() {
    let (_, _, transactions) = fresh(1);
    let (a, b) = (session(&transactions, 1), session(&transactions, 2));
    let reader = begin_with(&b, |options| options.isolation = Isolation::RepeatableRead);
    let first = reader.snapshot().unwrap();
    let writer = begin(&a);
    let xid = writer.xid().unwrap();
    writer.commit().unwrap();
    reader.command_for_write();
    reader.command_counter_increment().unwrap();
    let second = reader.snapshot().unwrap();
    assert!(second.is_running(xid).unwrap());
    assert_eq!((first.command.0, second.command.0), (0, 1));
    assert!(!reader.latest_snapshot().unwrap().is_running(xid).unwrap());
}

#[test]
fn savepoints() {
    let (_, _, transactions) = fresh(1);
    let a = session(&transactions, 1);
    let tx = begin(&a);
    tx.savepoint("a").unwrap();
    let in_a = tx.xid().unwrap();
    let top = tx.top_xid().unwrap();
    assert!(top < in_a);
    tx.savepoint("b").unwrap();
    let in_b = tx.xid().unwrap();
    assert_eq!(transactions.top_parent(in_b).unwrap(), top);
    tx.fail().unwrap();
    assert!(tx.is_failed() && tx.savepoint("c").is_err() && tx.commit().is_err());
    assert_eq!(transactions.outcome(in_b).unwrap(), Outcome::Aborted);
    tx.rollback_to_savepoint("b").unwrap();
    let again = tx.xid().unwrap();
    assert!(again > in_b && tx.is_current(again) && !tx.is_current(in_b));
    tx.release_savepoint("a").unwrap();
    let error = tx.release_savepoint("a").unwrap_err();
    assert_eq!((error.state().code(), error.message()), ("3B001", "savepoint \"a\" does not exist"));
    tx.savepoint("d").unwrap();
    let in_d = tx.xid().unwrap();
    tx.rollback_to_savepoint("d").unwrap();
    tx.commit().unwrap();
    for (xid, committed) in [(top, true), (in_a, true), (in_b, false), (again, true), (in_d, false)] {
        assert_eq!(transactions.outcome(xid).unwrap().is_committed(), committed, "{xid}");
    }
    assert!(transactions.locks().list().is_empty());
}

#[test]
fn parents_xid_lock_outlives_the_child_that_assigned_it() {
    let (_, _, transactions) = fresh(1);
    let (a, b) = (session(&transactions, 1), session(&transactions, 2));
    let tx = begin(&a);
    tx.begin_sub().unwrap();
    tx.xid().unwrap();
    let top = tx.top_xid().unwrap();
    tx.rollback_sub().unwrap();
    let waiter = begin(&b);
    assert!(!waiter.wait_for_xid(top, &WaitPolicy::no_wait()).unwrap());
    tx.commit().unwrap();
    assert!(waiter.wait_for_xid(top, &WaitPolicy::no_wait()).unwrap());
}

#[test]
fn many_subtransactions_overflow_the_snapshot() {
    let (_, _, transactions) = fresh(1);
    let (a, b) = (session(&transactions, 1), session(&transactions, 2));
    let tx = begin(&a);
    let subs: Vec<Xid> = (0..100)
        .map(|_| {
            tx.begin_sub().unwrap();
            let xid = tx.xid().unwrap();
            tx.commit_sub().unwrap();
            xid
        })
        .collect();
    let other = begin(&b);
    let bump = session(&transactions, 3);
    let later = begin(&bump);
    later.xid().unwrap();
    later.commit().unwrap();
    let snapshot = other.snapshot().unwrap();
    assert!(snapshot.is_overflowed());
    assert!(subs.iter().all(|xid| snapshot.is_running(*xid).unwrap() && tx.is_current(*xid)));
    tx.commit().unwrap();
    assert!(subs.iter().all(|xid| snapshot.is_running(*xid).unwrap()), "also after it has ended");
    let snapshot = other.snapshot().unwrap();
    for xid in subs {
        assert!(!snapshot.is_running(xid).unwrap());
        assert_eq!(snapshot.outcome(xid).unwrap(), Outcome::DURABLE);
    }
}

#[test]
fn commands_and_combos() {
    let (_, _, transactions) = fresh(1);
    let tx = begin(&session(&transactions, 1));
    tx.command_counter_increment().unwrap();
    assert_eq!(tx.command().0, 0, "an unused command is used again");
    let first = tx.command_for_write();
    tx.command_counter_increment().unwrap();
    let second = tx.command_for_write();
    let combo = tx.combo_command(first, second).unwrap();
    assert_eq!(tx.combo_command(first, second).unwrap(), combo);
    assert_eq!(tx.combo(combo).unwrap(), (first, second));
    assert!(tx.combo(second).is_err());
}

#[test]
fn placed_commit_is_a_dependency_until_it_is_flushed() {
    let (_, disk, transactions) = fresh(1);
    let (a, b) = (session(&transactions, 1), session(&transactions, 2));
    let writer = begin(&a);
    let xid = writer.xid().unwrap();
    let record = RecordBuilder::new(RmgrId::TRANSACTION, 0, xid).main(&0i64.to_le_bytes());
    let lsn = transactions.place(&record, xid, &[], true).unwrap();
    a.locks().release_early();

    let waiter = begin(&b);
    assert!(waiter.latest_snapshot().unwrap().is_running(xid).unwrap());
    assert!(waiter.wait_for_xid(xid, &WaitPolicy::no_wait()).unwrap());
    let expected = Outcome::Committed { hint_ok: false, pending: lsn };
    assert_eq!(waiter.outcome(xid).unwrap(), expected);
    let syncs = disk.syncs();
    assert!(!waiter.latest_snapshot().unwrap().is_running(xid).unwrap(), "it depends on that commit now");
    assert!(disk.syncs() > syncs && transactions.wal().flushed() >= lsn);
    assert_eq!(transactions.outcome(xid).unwrap(), Outcome::DURABLE);
    let syncs = disk.syncs();
    b.answer_barrier().unwrap();
    assert_eq!(disk.syncs(), syncs);
    std::mem::forget(writer);
}

#[test]
fn asynchronous_commit_waits_for_no_flush() {
    let (_, disk, transactions) = fresh(1);
    let a = session(&transactions, 1);
    let syncs = disk.syncs();
    let tx = begin_with(&a, |options| options.synchronous_commit = SynchronousCommit::Off);
    let xid = tx.xid().unwrap();
    tx.commit().unwrap();
    assert!(!begin(&a).snapshot().unwrap().is_running(xid).unwrap());
    assert_eq!(disk.syncs(), syncs);
    let expected = Outcome::Committed { hint_ok: false, pending: Lsn::INVALID };
    assert_eq!(transactions.outcome(xid).unwrap(), expected);
    transactions.wal().flush(transactions.wal().inserted()).unwrap();
    assert_eq!(transactions.outcome(xid).unwrap(), Outcome::DURABLE);
}

struct Watcher(AtomicU32);

impl TransactionParticipant for Watcher {
    fn contribute(&self, _: &Transaction, contents: &mut CompletionContents) {
        contents.invalidations.push([1; 16]);
        contents.database = Some((DATABASE, Oid(1663)));
    }

    fn at_commit(&self, tx: &Transaction) {
        let xid = tx.top_xid_if_assigned().expect("a commit with invalidations has an xid");
        assert!(tx.transactions().outcome(xid).unwrap().is_committed());
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn at_abort(&self, _: &Transaction) {
        self.0.fetch_add(100, Ordering::Relaxed);
    }

    fn at_subabort(&self, _: &Transaction, sub: u32, parent: u32) {
        assert_eq!((sub, parent), (2, 1));
        self.0.fetch_add(10_000, Ordering::Relaxed);
    }
}

#[test]
fn participants_are_told() {
    let (_, _, transactions) = fresh(1);
    let a = session(&transactions, 1);
    let watcher = Arc::new(Watcher(AtomicU32::new(0)));
    a.register(watcher.clone());
    begin(&a).commit().unwrap();
    let tx = begin(&a);
    tx.begin_sub().unwrap();
    tx.abort().unwrap();
    assert_eq!(watcher.0.load(Ordering::Relaxed), 10_101);
}

#[test]
fn completion_record_round_trip() {
    let full = Completion {
        time: 42,
        subxids: vec![7, 9],
        contents: CompletionContents {
            database: Some((Oid(5), Oid(1663))),
            locators: vec![RelFileLocator { tablespace: Oid(1663), database: Oid(5), number: Oid(16384) }],
            dropped_stats: vec![DroppedStats { kind: 2, database: Oid(5), object: 1 << 40 }],
            invalidations: vec![[3; 16]],
            relcache_file: true,
            force_sync: true,
            exclusive_locks: true,
        },
        ..Completion::default()
    };
    for completion in [full, Completion { time: -1, ..Completion::default() }] {
        let (info, main) = completion.encode(0);
        assert_eq!(Completion::decode(info, &main).unwrap(), completion);
        for cut in 0..main.len() {
            assert!(Completion::decode(info, &main[..cut]).is_err());
        }
    }
}

#[test]
fn multixacts_survive_and_expand() {
    let (system, disk, transactions) = fresh(1);
    let multixacts = transactions.multixacts();
    let (a, b, c) = (session(&transactions, 1), session(&transactions, 2), session(&transactions, 3));
    let (ta, tb, tc) = (begin(&a), begin(&b), begin(&c));
    let share = |tx: &Transaction| Member { xid: tx.xid().unwrap(), status: MemberStatus::ForShare };
    let (ma, mb, mc) = (share(&ta), share(&tb), share(&tc));
    let multi = multixacts.create(&ta, &[mb, ma]).unwrap();
    assert_eq!(multi, MultiXactId::FIRST);
    assert_eq!(multixacts.create(&ta, &[ma, mb]).unwrap(), multi, "an equal one is used again");
    assert_eq!(multixacts.members(multi).unwrap()[..], [ma, mb]);
    assert_eq!(transactions.oldest_multi_needed(), multi);
    ta.commit().unwrap();
    let update = MemberStatus::NoKeyUpdate;
    let expanded = multixacts.expand(&tc, multi, mc.xid, update).unwrap();
    assert_eq!(multixacts.members(expanded).unwrap()[..], [mb, Member { xid: mc.xid, status: update }]);
    assert_eq!(multixacts.updater(expanded).unwrap(), Some(mc.xid));
    assert!(!tb.wait_for_multi(expanded, MemberStatus::ForShare, &WaitPolicy::no_wait()).unwrap());
    assert!(tb.wait_for_multi(expanded, MemberStatus::ForKeyShare, &WaitPolicy::no_wait()).unwrap());
    // More than fit on a page of offsets, and pages of members.
    for n in 0..2100 {
        let members = [ma, mb, Member { xid: Xid(2_000_000 + n), status: MemberStatus::ForKeyShare }];
        multixacts.create_for_test(&members);
    }
    let last = MultiXactId(multixacts.next().0 - 1);
    tc.commit().unwrap();
    tb.commit().unwrap();
    disk.crash();
    disk.restart();
    let transactions = recover(&system);
    let multixacts = transactions.multixacts();
    assert_eq!(multixacts.next().0, last.0 + 1);
    assert_eq!(multixacts.members(multi).unwrap()[..], [ma, mb]);
    assert_eq!(multixacts.members(last).unwrap().len(), 3);
    assert!(!multixacts.is_running(&transactions, multi).unwrap());
    assert!(multixacts.members(MultiXactId(last.0 + 1)).is_err());
    transactions.checkpoint(transactions.wal().inserted()).unwrap();
    multixacts.truncate(last, DATABASE).unwrap();
    assert!(multixacts.members(multi).is_err());
    assert_eq!(multixacts.members(last).unwrap().len(), 3);
}

struct Attempt {
    top: Xid,
    sub: Xid,
    acknowledged: bool,
}

/// Transactions of one session, with a checkpoint now and then, until the machine stops.
fn run_until_crash(transactions: &Arc<Transactions>, pid: i32) -> Vec<Attempt> {
    let a = session(transactions, pid);
    let mut attempts = Vec::new();
    for round in 0..60 {
        let tx = begin(&a);
        let assign = || -> Result<Attempt> {
            tx.begin_sub()?;
            let sub = tx.xid()?;
            tx.commit_sub()?;
            Ok(Attempt { top: tx.top_xid()?, sub, acknowledged: false })
        };
        let Ok(mut attempt) = assign() else { break };
        let commit = || -> Result<()> {
            if round % 7 == pid {
                transactions.checkpoint(transactions.wal().inserted())?;
            }
            tx.commit()?;
            a.answer_barrier()
        };
        attempt.acknowledged = commit().is_ok();
        let stopped = !attempt.acknowledged;
        attempts.push(attempt);
        if stopped {
            break;
        }
    }
    attempts
}

fn check_after_crash(system: &System, attempts: &[Attempt], case: &str) {
    let transactions = recover(system);
    let next_xid = transactions.next_xid();
    for Attempt { top, sub, acknowledged } in attempts {
        if *sub >= next_xid {
            assert!(!acknowledged, "{case}: {top} is forgotten");
            continue;
        }
        let outcome = transactions.outcome(*top).unwrap();
        assert_eq!(transactions.outcome(*sub).unwrap(), outcome, "{case}: {top} is whole");
        assert!(!acknowledged || outcome == Outcome::DURABLE, "{case}: {top} {outcome:?}");
    }
    for low in 3..transactions.next_xid().0 {
        assert_ne!(transactions.outcome(Xid(low)).unwrap(), Outcome::InProgress);
    }
    let next = begin(&session(&transactions, 9));
    assert_eq!(next.xid().unwrap(), next_xid);
    next.commit().unwrap();
}

#[test]
fn crash_between_any_two_syncs_keeps_acknowledged_commits() {
    for seed in 0..80 {
        let (system, disk, transactions) = fresh(seed);
        disk.crash_at_sync(seed);
        let attempts = run_until_crash(&transactions, 1);
        drop(transactions);
        disk.crash();
        disk.restart();
        check_after_crash(&system, &attempts, &format!("seed {seed}"));
    }
}

#[test]
fn crash_under_concurrency_keeps_acknowledged_commits() {
    for seed in 0..40 {
        let (system, disk, transactions) = fresh(seed);
        if seed % 2 == 0 {
            disk.crash_at_sync(seed * 2)
        } else {
            disk.crash_at_write(seed * 3)
        }
        let attempts: Vec<Attempt> = std::thread::scope(|scope| {
            let threads: Vec<_> = (1..5)
                .map(|pid| {
                    let transactions = &transactions;
                    scope.spawn(move || run_until_crash(transactions, pid))
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        drop(transactions);
        disk.crash();
        disk.restart();
        check_after_crash(&system, &attempts, &format!("seed {seed}"));
    }
}

#[test]
fn exported_snapshot_is_seen_by_another() {
    let (_, _, transactions) = fresh(1);
    let (a, b, c) = (session(&transactions, 1), session(&transactions, 2), session(&transactions, 3));
    let keep = |options: &mut Options| options.isolation = Isolation::RepeatableRead;
    let exporter = begin_with(&a, keep);
    let own = exporter.xid().unwrap();
    let writer = begin(&b);
    let xid = writer.xid().unwrap();
    let name = exporter.export_snapshot().unwrap();
    writer.commit().unwrap();
    assert_eq!(begin(&b).import_snapshot(&name).unwrap_err().state().code(), "0A000");
    let importer = begin_with(&c, keep);
    assert_eq!(importer.import_snapshot("x").unwrap_err().state().code(), "22023");
    importer.import_snapshot(&name).unwrap();
    exporter.commit().unwrap();
    let snapshot = importer.snapshot().unwrap();
    assert!(snapshot.is_running(xid).unwrap() && snapshot.is_running(own).unwrap() && !snapshot.is_mine(own));
    assert_eq!(transactions.horizon(Scope::Shared), own);
    let late = begin_with(&b, keep).import_snapshot(&name).unwrap_err();
    assert_eq!(late.message(), format!("snapshot \"{name}\" does not exist"));
}

#[test]
fn oids_are_logged_ahead() {
    let (_, _, transactions) = fresh(1);
    assert_eq!(transactions.new_oid().unwrap(), Oid(10_000));
    transactions.end_of_bootstrap_oids();
    assert_eq!(transactions.new_oid().unwrap(), Oid(16_384));
    assert_eq!(transactions.counters().next_oid, Oid(16_384 + 8192));
    let old = Counters { next_oid: Oid(11_000), ..transactions.counters() };
    transactions.redo_checkpoint(&old);
    assert_eq!(transactions.new_oid().unwrap(), Oid(16_385));
    transactions.redo_next_oid(Oid(0));
    assert_eq!(transactions.new_oid().unwrap(), Oid(16_384));
}

#[test]
fn writers_in_turn_see_each_other() {
    let (_, _, transactions) = fresh(1);
    // What a row would carry: the xid that last changed it, under a latch.
    let row = parking_lot::Mutex::new(Xid::FROZEN);
    let changes = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for pid in 0..6 {
            let (transactions, row, changes) = (&transactions, &row, &changes);
            scope.spawn(move || {
                let me = session(transactions, pid);
                for round in 0..40 {
                    let tx = begin(&me);
                    let xid = tx.xid().unwrap();
                    loop {
                        let holder = *row.lock();
                        let policy =
                            WaitPolicy { deadlock_timeout: Duration::from_secs(5), ..WaitPolicy::default() };
                        tx.wait_for_xid(holder, &policy).unwrap();
                        let mut row = row.lock();
                        if *row == holder {
                            *row = xid;
                            // Whoever was before me is visible to what I do next. One that failed may count as running for
                            // a moment longer: it is invisible either way.
                            let committed = tx.outcome(holder).unwrap().is_committed();
                            let before = tx.latest_snapshot().unwrap();
                            assert!(!committed || !before.is_running(holder).unwrap());
                            break;
                        }
                    }
                    changes.fetch_add(1, Ordering::Relaxed);
                    if round % 5 == 4 {
                        tx.abort().unwrap()
                    } else {
                        tx.commit().unwrap()
                    }
                    me.answer_barrier().unwrap();
                }
            });
        }
    });
    assert_eq!(changes.load(Ordering::Relaxed), 240);
    assert!(transactions.locks().list().is_empty());
    assert_eq!(transactions.horizon(Scope::Shared), transactions.next_xid());
}

#[test]
fn files_follow_their_transaction() {
    let (system, _, transactions) = fresh(1);
    let files = transactions.pool().files().clone();
    let a = session(&transactions, 1);
    system.disk.create_dir_all("base/5").unwrap();
    let file = |number| RelFileLocator { tablespace: Oid(1663), database: DATABASE, number: Oid(number) };
    let create = |tx: &Transaction, number| {
        files.create(file(number), base::Fork::Main, false).unwrap();
        tx.file_created(file(number));
    };
    let exists = |number| {
        // The first segment of a dropped relation stays behind, empty, until the next checkpoint.
        files.after_checkpoint(files.before_checkpoint() + 1);
        files.exists(file(number), base::Fork::Main).unwrap()
    };
    let tx = begin(&a);
    create(&tx, 1);
    tx.begin_sub().unwrap();
    create(&tx, 2);
    tx.delete_at_commit(file(1));
    tx.rollback_sub().unwrap();
    assert!(exists(1) && !exists(2));
    tx.begin_sub().unwrap();
    create(&tx, 3);
    tx.commit_sub().unwrap();
    tx.commit().unwrap();
    assert!(exists(1) && exists(3));
    let tx = begin(&a);
    tx.delete_at_commit(file(1));
    create(&tx, 4);
    tx.abort().unwrap();
    assert!(exists(1) && !exists(4));
    let tx = begin(&a);
    tx.delete_at_commit(file(1));
    tx.commit().unwrap();
    assert!(!exists(1) && exists(3));
    assert_eq!(tx.take_warnings(), []);
}
