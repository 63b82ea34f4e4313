use crate::*;
use base::{Error, Oid, Result, SqlState, Xid, err};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use sys::clock::RealClock;

use LockMode::*;

fn manager() -> Arc<LockManager> {
    LockManager::new(Arc::new(RealClock::new()))
}

fn session(manager: &Arc<LockManager>, pid: i32) -> LockSession {
    manager.session(pid, Arc::new(ThreadWaiter::new()), Arc::new(NoInterrupt))
}

fn table(number: u32) -> LockTag {
    LockTag::relation(Oid(5), Oid(number))
}

fn patient() -> WaitPolicy {
    WaitPolicy { deadlock_timeout: Duration::from_millis(30), ..WaitPolicy::default() }
}

fn lock(session: &LockSession, tag: LockTag, mode: LockMode) -> Result<Acquired> {
    session.lock(tag, mode, Level::Transaction, &patient())
}

fn try_lock(session: &LockSession, tag: LockTag, mode: LockMode) -> bool {
    session.try_lock(tag, mode, Level::Transaction).expect("no wait, no error")
}

/// Until `count` requests are queued.
fn await_queue(manager: &LockManager, count: usize) {
    let start = Instant::now();
    while manager.list().iter().filter(|row| !row.granted).count() != count {
        assert!(start.elapsed() < Duration::from_secs(5), "queue never reached {count}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn conflict_table_is_postgresqls() {
    // Rows and columns in the order of LockMode::ALL, from the manual's table of table-level lock conflicts.
    let expected =
        ["       x", "      xx", "    xxxx", "   xxxxx", "  xx xxx", "  xxxxxx", " xxxxxxx", "xxxxxxxx"];
    for (a, row) in LockMode::ALL.into_iter().zip(expected) {
        let actual: String =
            LockMode::ALL.into_iter().map(|b| if a.conflicts_with(b) { 'x' } else { ' ' }).collect();
        assert_eq!(actual, row, "{a:?}");
        for b in LockMode::ALL {
            assert_eq!(a.conflicts_with(b), b.conflicts_with(a));
        }
    }
}

#[test]
fn counts_levels_and_marks() {
    let manager = manager();
    let (a, b) = (session(&manager, 1), session(&manager, 2));
    let (t, u) = (table(1), table(2));
    assert_eq!(lock(&a, t, AccessExclusive).unwrap(), Acquired::Granted);
    assert_eq!(lock(&a, t, AccessExclusive).unwrap(), Acquired::AlreadyHeld);
    assert!(a.unlock(&t, AccessExclusive, Level::Transaction));
    assert!(!try_lock(&b, t, AccessShare));
    assert!(a.unlock(&t, AccessExclusive, Level::Transaction));
    assert!(!a.unlock(&t, AccessExclusive, Level::Transaction));
    assert!(try_lock(&b, t, AccessShare));
    b.release_all_transaction();

    lock(&a, t, Share).unwrap();
    let outer = a.mark();
    lock(&a, t, Share).unwrap();
    lock(&a, u, Exclusive).unwrap();
    let inner = a.mark();
    lock(&a, table(3), Share).unwrap();
    a.keep(inner);
    a.release_to(outer);
    assert!(a.holds(&t, Share) && !a.holds(&u, Exclusive) && !a.holds(&table(3), Share));
    let outer = a.mark();
    lock(&a, u, Exclusive).unwrap();
    a.keep(outer);
    assert!(a.holds(&u, Exclusive));

    let advisory = LockTag::advisory_key(Oid(5), -1);
    a.lock(advisory, Exclusive, Level::Session, &patient()).unwrap();
    lock(&a, advisory, Exclusive).unwrap();
    a.release_all_transaction();
    assert!(!a.holds(&u, Exclusive) && !a.holds(&t, Share));
    assert!(!try_lock(&b, advisory, Exclusive));
    a.release_session_advisory();
    assert!(try_lock(&b, advisory, Exclusive));
    drop((a, b));
    assert!(manager.list().is_empty());
}

#[test]
fn fast_path_gives_way_to_strong_locks() {
    let manager = manager();
    let (a, b) = (session(&manager, 1), session(&manager, 2));
    lock(&a, table(1), RowExclusive).unwrap();
    let row = manager.list()[0];
    assert!(row.fast_path && row.granted && row.pid == 1 && row.mode == RowExclusive);
    assert!(!try_lock(&b, table(1), Share));
    assert!(!manager.list()[0].fast_path, "moved to the shared table");
    assert!(try_lock(&b, table(1), RowShare));
    assert!(manager.list().iter().any(|row| row.fast_path && row.pid == 2), "open again");
    a.release_all_transaction();
    assert!(try_lock(&b, table(1), AccessExclusive), "own weak locks do not stand in the way");
    assert!(!try_lock(&a, table(1), AccessShare));
    b.release_all_transaction();
    assert!(try_lock(&a, table(1), AccessShare));
}

#[test]
fn early_release_keeps_strong_locks() {
    let manager = manager();
    let (a, b) = (session(&manager, 1), session(&manager, 2));
    let xid = LockTag::Transaction(Xid(900));
    for (tag, mode) in [(xid, Exclusive), (table(1), RowExclusive), (table(2), AccessExclusive)] {
        lock(&a, tag, mode).unwrap();
    }
    a.release_early();
    assert!(try_lock(&b, xid, Share) && try_lock(&b, table(1), AccessExclusive));
    assert!(!try_lock(&b, table(2), AccessShare));
    a.release_all_transaction();
    assert!(try_lock(&b, table(2), AccessShare));
}

#[test]
fn queue_is_fair_and_lists_blockers() {
    let manager = manager();
    let a = session(&manager, 1);
    lock(&a, table(1), Share).unwrap();
    thread::scope(|scope| {
        let manager = &manager;
        let writer = scope.spawn(move || {
            let b = session(manager, 2);
            lock(&b, table(1), AccessExclusive).unwrap();
            await_queue(manager, 1);
        });
        await_queue(manager, 1);
        let reader = scope.spawn(move || {
            let c = session(manager, 3);
            lock(&c, table(1), Share).unwrap();
        });
        await_queue(manager, 2);
        assert_eq!(manager.blocking_pids(2), [1]);
        assert_eq!(manager.blocking_pids(3), [2]);
        assert_eq!(manager.blocking_pids(1), []);
        // Whoever holds a lock already passes those that wait for its release.
        assert_eq!(lock(&a, table(1), AccessShare).unwrap(), Acquired::Granted);
        a.release_all_transaction();
        writer.join().unwrap();
        reader.join().unwrap();
    });
}

/// `parties` sessions each hold one table and ask for the next one's: one fails, the others get through.
fn ring(parties: u32) -> Error {
    let manager = manager();
    let ready = std::sync::Barrier::new(parties as usize);
    let mut failures: Vec<Error> = thread::scope(|scope| {
        let threads: Vec<_> = (0..parties)
            .map(|n| {
                let (manager, ready) = (&manager, &ready);
                scope.spawn(move || {
                    let me = session(manager, 100 + n as i32);
                    lock(&me, table(n), RowExclusive).unwrap();
                    ready.wait();
                    thread::sleep(Duration::from_millis(40) * n);
                    lock(&me, table((n + 1) % parties), ShareRowExclusive).err()
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(failures.len(), 1, "{failures:?}");
    failures.remove(0)
}

#[test]
fn deadlock_of_two() {
    let error = ring(2);
    assert_eq!(error.state(), SqlState::T_R_DEADLOCK_DETECTED);
    assert_eq!(error.message(), "deadlock detected");
    assert_eq!(error.data().hint.as_deref(), Some("See server log for query details."));
    let detail = error.data().detail.clone().unwrap();
    let mut lines: Vec<&str> = detail.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "Process 100 waits for ShareRowExclusiveLock on relation 1 of database 5; blocked by process 101.",
            "Process 101 waits for ShareRowExclusiveLock on relation 0 of database 5; blocked by process 100.",
        ]
    );
}

#[test]
fn sessions_that_check_at_once_do_not_all_end() {
    for _ in 0..30 {
        ring(2);
    }
}

#[test]
fn deadlock_of_three() {
    let error = ring(3);
    assert_eq!(error.data().detail.as_deref().unwrap().lines().count(), 3);
}

#[test]
fn upgrade_deadlock_fails_at_once() {
    let manager = manager();
    let (a, b) = (session(&manager, 1), session(&manager, 2));
    lock(&a, table(1), Share).unwrap();
    lock(&b, table(1), Share).unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| lock(&a, table(1), Exclusive));
        await_queue(&manager, 1);
        let policy = WaitPolicy { deadlock_timeout: Duration::from_secs(60), ..WaitPolicy::default() };
        let error = b.lock(table(1), Exclusive, Level::Transaction, &policy).unwrap_err();
        assert_eq!(error.state(), SqlState::T_R_DEADLOCK_DETECTED);
        b.release_all_transaction();
        assert_eq!(waiter.join().unwrap().unwrap(), Acquired::Granted);
    });
}

#[test]
fn soft_cycle_is_undone_by_reordering() {
    // 1 holds table 1 in Share and waits for 2's advisory lock; 3 waits for table 1 exclusively; 2 wants table 1 in Share
    // and stands behind 3. Letting 2 pass 3 resolves it.
    let manager = manager();
    let (a, b, c) = (session(&manager, 1), session(&manager, 2), session(&manager, 3));
    let key = LockTag::advisory_pair(Oid(5), 1, 2);
    lock(&a, table(1), Share).unwrap();
    lock(&b, key, Exclusive).unwrap();
    thread::scope(|scope| {
        let third = scope.spawn(|| lock(&c, table(1), Exclusive));
        await_queue(&manager, 1);
        let first = scope.spawn(|| {
            let result = lock(&a, key, Exclusive);
            a.release_all_transaction();
            result
        });
        await_queue(&manager, 2);
        lock(&b, table(1), Share).unwrap();
        b.release_all_transaction();
        first.join().unwrap().unwrap();
        third.join().unwrap().unwrap();
    });
}

struct Flag(AtomicBool);

impl Interrupt for Flag {
    fn check(&self) -> Result<()> {
        match self.0.load(Ordering::SeqCst) {
            true => Err(err!(QUERY_CANCELED, "canceling statement due to user request")),
            false => Ok(()),
        }
    }
}

#[test]
fn cancel_and_timeout_leave_the_queue() {
    let manager = manager();
    let a = session(&manager, 1);
    let flag = Arc::new(Flag(AtomicBool::new(false)));
    let b = manager.session(2, Arc::new(ThreadWaiter::new()), flag.clone());
    lock(&a, table(1), AccessExclusive).unwrap();
    let policy = WaitPolicy { lock_timeout: Some(Duration::from_millis(10)), ..WaitPolicy::default() };
    let error = b.lock(table(1), AccessShare, Level::Transaction, &policy).unwrap_err();
    assert_eq!(
        (error.state(), error.message()),
        (SqlState::LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout")
    );
    let waker = b.waker();
    thread::scope(|scope| {
        let b = &b;
        // Nothing else would wake it.
        let policy = WaitPolicy { deadlock_timeout: Duration::from_secs(3600), ..WaitPolicy::default() };
        let waiter = scope.spawn(move || b.lock(table(1), Share, Level::Transaction, &policy));
        await_queue(&manager, 1);
        flag.0.store(true, Ordering::SeqCst);
        waker.wake();
        assert_eq!(waiter.join().unwrap().unwrap_err().state(), SqlState::QUERY_CANCELED);
    });
    assert_eq!(manager.list().len(), 1);
    a.release_all_transaction();
    assert!(try_lock(&a, table(1), AccessShare) && manager.list()[0].fast_path);
}

#[test]
fn virtual_transactions_can_be_waited_for() {
    let manager = manager();
    let (a, b) = (session(&manager, 1), session(&manager, 2));
    let vxid = a.begin_virtual();
    assert_eq!(manager.list().len(), 1);
    assert_eq!(b.wait_for_virtual(vxid, &WaitPolicy::no_wait()).unwrap(), Acquired::NotAvailable);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| b.wait_for_virtual(vxid, &patient()));
        await_queue(&manager, 1);
        a.end_virtual();
        assert_eq!(waiter.join().unwrap().unwrap(), Acquired::Granted);
    });
    assert_ne!(a.begin_virtual(), vxid);
    assert_eq!(b.wait_for_virtual(vxid, &patient()).unwrap(), Acquired::Granted);
}

#[test]
fn exclusive_lock_excludes_under_contention() {
    let manager = manager();
    let counter = parking_lot::Mutex::new((0u32, 0u32));
    thread::scope(|scope| {
        for pid in 0..8 {
            let (manager, counter) = (&manager, &counter);
            scope.spawn(move || {
                let me = session(manager, pid);
                for round in 0..200u32 {
                    let exclusive = (round + pid as u32).is_multiple_of(4);
                    let mode = if exclusive { AccessExclusive } else { RowExclusive };
                    lock(&me, table(1), mode).unwrap();
                    let mut inside = counter.lock();
                    if exclusive {
                        inside.1 += 1
                    } else {
                        inside.0 += 1
                    }
                    assert!(inside.1 == 0 || (inside.1 == 1 && inside.0 == 0), "{inside:?}");
                    drop(inside);
                    thread::yield_now();
                    let mut inside = counter.lock();
                    if exclusive {
                        inside.1 -= 1
                    } else {
                        inside.0 -= 1
                    }
                    drop(inside);
                    me.release_all_transaction();
                }
            });
        }
    });
    assert!(manager.list().is_empty());
}

#[test]
fn table_is_bounded() {
    let manager = manager();
    let a = session(&manager, 1);
    let error = (0..)
        .find_map(|key| a.try_lock(LockTag::advisory_key(Oid(5), key), Share, Level::Session).err())
        .expect("some key is one too many");
    assert_eq!((error.state(), error.message()), (SqlState::OUT_OF_MEMORY, "out of shared memory"));
    a.release_session_advisory();
    assert!(manager.list().is_empty());
}
