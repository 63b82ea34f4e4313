//! Sessions that park, and the threads that run them.
//!
//! A session that waits for its client is a box in `parked` and a socket armed in the poller. When bytes come, the
//! poller's thread takes it out and queues it; a pooled thread runs it until it has nothing to do. The pool grows
//! whenever a session is queued and no thread is free, so sessions that wait for each other's locks never starve.
//! Lock order: `parked`, then `pool`; neither is held while a session runs.

use crate::interrupt::{Interrupt, Reason};
use crate::server::Server;
use crate::session::{After, Session, Wake};
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use sys::poll::Poller;

/// Address space for the stack of a thread; only what is touched becomes memory.
const STACK_BYTES: usize = 8 << 20;
/// A thread without work ends after this time.
const THREAD_LINGER: Duration = Duration::from_secs(10);
/// Tokens of listening sockets start here; sessions count up from 0.
pub const LISTENER_TOKENS: u64 = 1 << 62;

#[derive(Default)]
struct Parked {
    sessions: HashMap<u64, (Box<Session>, Option<Instant>)>,
    deadlines: BTreeSet<(Instant, u64)>,
    timers: BTreeMap<(Instant, u64), (Weak<Interrupt>, Reason)>,
}

#[derive(Default)]
struct Pool {
    queue: VecDeque<(Box<Session>, Wake)>,
    idle: usize,
    threads: usize,
}

/// See the module's text.
pub struct Scheduler {
    poller: Poller,
    parked: Mutex<Parked>,
    pool: Mutex<Pool>,
    work: Condvar,
    timer_ids: AtomicU64,
}

impl Scheduler {
    /// # Errors
    /// When the system has no descriptors left.
    pub fn new() -> io::Result<Scheduler> {
        Ok(Scheduler {
            poller: Poller::new()?,
            parked: Mutex::default(),
            pool: Mutex::default(),
            work: Condvar::new(),
            timer_ids: AtomicU64::new(0),
        })
    }

    pub fn poller(&self) -> &Poller {
        &self.poller
    }

    /// Sets a session aside until its client sends something, or until `deadline`.
    pub fn park(self: &Arc<Self>, session: Box<Session>, deadline: Option<Instant>) {
        let token = session.token();
        let mut parked = self.parked.lock();
        let earliest = parked.deadlines.first().map(|(at, _)| *at);
        if let Some(at) = deadline {
            parked.deadlines.insert((at, token));
        }
        // Armed under the lock, so that the poller's thread cannot look for the session before it is there.
        let armed = self.poller.arm(session.socket(), token);
        let ending = session.interrupt().ending() || session.nudged();
        parked.sessions.insert(token, (session, deadline));
        if armed.is_err() || ending {
            if let Some(session) = take(&mut parked, token) {
                drop(parked);
                self.dispatch(session, Wake::Bytes);
            }
            return;
        }
        drop(parked);
        if deadline.is_some_and(|at| earliest.is_none_or(|earliest| at < earliest)) {
            self.poller.wake();
        }
    }

    /// Runs a parked session for another reason than bytes; does nothing if it runs already.
    pub fn rouse(self: &Arc<Self>, token: u64, wake: Wake) {
        let session = take(&mut self.parked.lock(), token);
        if let Some(session) = session {
            self.dispatch(session, wake);
        }
    }

    /// Queues a session for a thread.
    pub fn dispatch(self: &Arc<Self>, session: Box<Session>, wake: Wake) {
        let mut pool = self.pool.lock();
        pool.queue.push_back((session, wake));
        if pool.idle >= pool.queue.len() {
            self.work.notify_one();
            return;
        }
        pool.threads += 1;
        let name = format!("session-{}", pool.threads);
        drop(pool);
        let scheduler = Arc::clone(self);
        let spawned = std::thread::Builder::new()
            .name(name)
            .stack_size(STACK_BYTES)
            .spawn(move || scheduler.work_off());
        if spawned.is_err() {
            // The threads there are will come to it; without any, the session cannot be served and is dropped.
            let mut pool = self.pool.lock();
            pool.threads -= 1;
            let orphan = if pool.threads == 0 { pool.queue.pop_back() } else { None };
            drop(pool);
            drop(orphan);
        }
    }

    fn work_off(self: Arc<Self>) {
        loop {
            let mut pool = self.pool.lock();
            while pool.queue.is_empty() {
                pool.idle += 1;
                let late = self.work.wait_for(&mut pool, THREAD_LINGER).timed_out();
                pool.idle -= 1;
                if late && pool.queue.is_empty() {
                    pool.threads -= 1;
                    return;
                }
            }
            let next = pool.queue.pop_front();
            drop(pool);
            if let Some((mut session, wake)) = next {
                match session.run(wake) {
                    After::Park(deadline) => self.park(session, deadline),
                    // Dropping runs code of the engine; a panic there must not take the thread with it.
                    After::End => drop(catch_unwind(AssertUnwindSafe(move || drop(session)))),
                }
            }
        }
    }

    /// The poller's thread: takes bytes, deadlines and new connections to where they belong, until `server` goes.
    pub fn watch(self: Arc<Self>, server: Weak<Server>) {
        let mut ready = Vec::new();
        loop {
            ready.clear();
            let pause = self.fire_due();
            if self.poller.wait(&mut ready, pause).is_err() {
                // Out of memory in the kernel: try again, not at full speed.
                std::thread::sleep(Duration::from_millis(10));
            }
            for token in &ready {
                if *token >= LISTENER_TOKENS {
                    let Some(server) = server.upgrade() else { return };
                    server.accept(*token);
                } else {
                    self.rouse(*token, Wake::Bytes);
                }
            }
            if server.strong_count() == 0 {
                return;
            }
        }
    }

    /// Handles what is due; returns the time to the next deadline, a second at most.
    fn fire_due(self: &Arc<Self>) -> Option<Duration> {
        let now = Instant::now();
        let mut due = Vec::new();
        let mut raise = Vec::new();
        let mut parked = self.parked.lock();
        while let Some((_, token)) = parked.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            due.extend(take(&mut parked, token));
        }
        while let Some(entry) = parked.timers.first_entry().filter(|entry| entry.key().0 <= now) {
            raise.push(entry.remove());
        }
        let sessions = parked.deadlines.first().map(|(at, _)| *at);
        let timers = parked.timers.keys().next().map(|(at, _)| *at);
        drop(parked);
        due.into_iter().for_each(|session| self.dispatch(session, Wake::Deadline));
        for (interrupt, reason) in raise {
            if let Some(interrupt) = interrupt.upgrade() {
                interrupt.raise(reason);
            }
        }
        let next = sessions.into_iter().chain(timers).min();
        let pause = next.map_or(Duration::from_secs(1), |at| at.saturating_duration_since(now));
        Some(pause.min(Duration::from_secs(1)))
    }
}

fn take(parked: &mut Parked, token: u64) -> Option<Box<Session>> {
    let (session, deadline) = parked.sessions.remove(&token)?;
    if let Some(at) = deadline {
        parked.deadlines.remove(&(at, token));
    }
    Some(session)
}

/// Deadlines that raise a reason against a session.
pub struct Timers {
    scheduler: Arc<Scheduler>,
}

/// A deadline that has been set; dropping it takes it back.
pub struct Timer {
    scheduler: Arc<Scheduler>,
    key: (Instant, u64),
}

impl Timers {
    pub fn new(scheduler: Arc<Scheduler>) -> Timers {
        Timers { scheduler }
    }

    /// Raises `reason` after `delay` unless the timer is dropped before.
    pub fn set(&self, delay: Duration, interrupt: &Arc<Interrupt>, reason: Reason) -> Timer {
        let key = (Instant::now() + delay, self.scheduler.timer_ids.fetch_add(1, Ordering::Relaxed));
        let mut parked = self.scheduler.parked.lock();
        let first = parked.timers.keys().next().is_none_or(|first| key < *first);
        parked.timers.insert(key, (Arc::downgrade(interrupt), reason));
        drop(parked);
        if first {
            self.scheduler.poller.wake();
        }
        Timer { scheduler: Arc::clone(&self.scheduler), key }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.scheduler.parked.lock().timers.remove(&self.key);
    }
}

/// Wakes one session while it is parked.
#[derive(Clone)]
pub struct Nudge {
    scheduler: Weak<Scheduler>,
    token: u64,
    /// Set first, so that a session on its way to park sees it.
    pending: Arc<AtomicBool>,
}

impl Nudge {
    pub fn new(scheduler: &Arc<Scheduler>, token: u64, pending: Arc<AtomicBool>) -> Nudge {
        Nudge { scheduler: Arc::downgrade(scheduler), token, pending }
    }

    /// Has the session's `idle_events` called soon. A session that runs looks by itself before it parks.
    pub fn nudge(&self) {
        self.pending.store(true, Ordering::SeqCst);
        if let Some(scheduler) = self.scheduler.upgrade() {
            scheduler.rouse(self.token, Wake::Nudge);
        }
    }
}
