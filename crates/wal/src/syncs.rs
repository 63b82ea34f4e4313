//! Whose turn it is to sync the log.
//!
//! Whoever needs the log on disk either gets a place and syncs for everybody whose records are complete by then, or
//! waits. At a sync's end those whom it served are woken, and one more to sync next; nobody is woken in vain. A second
//! sync may begin while one is under way where syncs take long, so that a commit that just missed one need not wait for
//! its end. Where they are quick, waiting for the next one costs less than serving fewer commits with each.

use base::Result;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::Duration;

/// Syncs that may be under way at a time.
const PLACES: usize = 2;
/// Syncs that usually take longer than this are worth two at a time.
const SLOW: Duration = Duration::from_micros(300);

/// Someone who waits for the log to be on disk up to `upto`.
struct Waiting {
    upto: u64,
    thread: Thread,
    called: Arc<AtomicBool>,
}

impl Waiting {
    fn call(&self) {
        self.called.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

struct State<P> {
    free: Vec<P>,
    under_way: usize,
    waiting: VecDeque<Waiting>,
    /// How long syncs have taken lately.
    usual: Duration,
}

/// Places for syncing, each with a `P` of its own.
pub(crate) struct Syncs<P> {
    /// The log's bytes below this are on disk.
    flushed: AtomicU64,
    state: Mutex<State<P>>,
}

impl<P> Syncs<P> {
    pub fn new(make: impl FnMut() -> P) -> Syncs<P> {
        let free = std::iter::repeat_with(make).take(PLACES).collect();
        let state = State { free, under_way: 0, waiting: VecDeque::new(), usual: Duration::ZERO };
        Syncs { flushed: AtomicU64::new(0), state: Mutex::new(state) }
    }

    pub fn flushed(&self) -> u64 {
        self.flushed.load(Ordering::Acquire)
    }

    pub fn set_flushed(&self, upto: u64) {
        self.flushed.store(upto, Ordering::Release);
    }

    /// Waits for a place, or until the log is on disk up to `upto` (`None`). `check` says whether there is any hope.
    pub fn take(&self, upto: u64, check: impl Fn() -> Result<()>) -> Result<Option<P>> {
        while self.flushed() < upto {
            check()?;
            let mut state = self.state.lock();
            // A sync that has ended since gave its place back before the lock was free.
            if self.flushed() >= upto {
                break;
            }
            let allowed = if state.usual > SLOW { PLACES } else { 1 };
            if state.under_way < allowed
                && let Some(place) = state.free.pop()
            {
                state.under_way += 1;
                return Ok(Some(place));
            }
            let called = Arc::new(AtomicBool::new(false));
            state.waiting.push_back(Waiting { upto, thread: std::thread::current(), called: called.clone() });
            drop(state);
            while !called.load(Ordering::Acquire) {
                std::thread::park();
            }
        }
        Ok(None)
    }

    /// Ends a sync: what lies below `upto` is on disk now, unless the sync failed (`None`).
    pub fn give_back(&self, place: P, upto: Option<u64>, took: Duration) {
        if let Some(upto) = upto {
            self.flushed.fetch_max(upto, Ordering::AcqRel);
        }
        let mut state = self.state.lock();
        state.free.push(place);
        state.under_way -= 1;
        state.usual = (7 * state.usual + took) / 8;
        let flushed = self.flushed();
        let (mut called, mut next) = (Vec::new(), None);
        for waiting in std::mem::take(&mut state.waiting) {
            match waiting.upto <= flushed {
                true => called.push(waiting),
                false if next.is_none() => next = Some(waiting),
                false => state.waiting.push_back(waiting),
            }
        }
        // Waking takes its time, and whoever wakes may want the lock at once.
        drop(state);
        next.iter().chain(&called).for_each(Waiting::call);
    }

    /// Wakes everybody: the log has failed.
    pub fn call_all(&self) {
        let waiting = std::mem::take(&mut self.state.lock().waiting);
        waiting.iter().for_each(Waiting::call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn every_waiter_is_served_and_syncs_are_shared() {
        let syncs = Syncs::new(|| 'p');
        let (inserted, count) = (AtomicU64::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let upto = inserted.fetch_add(1, Ordering::SeqCst) + 1;
                        if let Some(place) = syncs.take(upto, || Ok(())).unwrap() {
                            let target = inserted.load(Ordering::SeqCst);
                            std::thread::sleep(Duration::from_micros(50));
                            count.fetch_add(1, Ordering::SeqCst);
                            syncs.give_back(place, Some(target), Duration::from_micros(50));
                        }
                        assert!(syncs.flushed() >= upto);
                    }
                });
            }
        });
        assert!(count.load(Ordering::SeqCst) < 1600);
    }

    #[test]
    fn a_failed_log_keeps_nobody_waiting() {
        let syncs = Syncs::new(|| 'p');
        let failed = AtomicBool::new(false);
        let check = || match failed.load(Ordering::SeqCst) {
            true => Err(base::Error::internal("failed")),
            false => Ok(()),
        };
        let place = syncs.take(1, check).unwrap().unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| syncs.take(2, check).is_err());
            std::thread::sleep(Duration::from_millis(10));
            failed.store(true, Ordering::SeqCst);
            syncs.give_back(place, None, Duration::ZERO);
            syncs.call_all();
            assert!(waiter.join().unwrap());
        });
    }
}
