//! Threads beside a session's own: how many the process may have at work at once, and who has them.

use base::{Error, Result};
use parking_lot::Mutex;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The places of parallel workers in one process. Whoever wants helping threads reserves places first, takes what it
/// gets, and does the work alone where it gets none.
#[derive(Debug)]
pub struct Workers {
    busy: AtomicUsize,
    /// False in the simulated twin, which runs one thread at a time.
    available: bool,
}

/// Places that are held until this is dropped.
#[derive(Debug)]
pub struct Places {
    workers: Arc<Workers>,
    count: usize,
}

impl Workers {
    pub fn new(available: bool) -> Arc<Workers> {
        Arc::new(Workers { busy: AtomicUsize::new(0), available })
    }

    /// Up to `want` places, of `limit` (max_parallel_workers) that may be taken in the whole process.
    pub fn reserve(self: &Arc<Self>, want: usize, limit: usize) -> Places {
        let limit = if self.available { limit } else { 0 };
        let mut count = 0;
        let _ = self.busy.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |busy| {
            count = want.min(limit.saturating_sub(busy));
            Some(busy + count)
        });
        Places { workers: self.clone(), count }
    }

    /// Places that are taken now.
    pub fn busy(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }
}

/// How many workers so many pages are worth: one from `smallest` (min_parallel_table_scan_size and its kin) on, and one
/// more for each threefold size.
pub fn worth(pages: f64, smallest: f64) -> usize {
    let mut workers = 0;
    let mut threshold = smallest.max(1.0);
    while pages >= threshold {
        workers += 1;
        threshold *= 3.0;
    }
    workers
}

/// Tells those who work together that one of them has failed.
#[derive(Debug, Default)]
pub struct Halt(AtomicBool);

impl Halt {
    /// # Errors
    /// `XX000` once another thread has failed, whose error is the one that counts.
    pub fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(Error::internal("parallel work was stopped"));
        }
        Ok(())
    }
}

/// Work for several threads; it is told its thread's number, 0 for the calling one.
pub type SharedWork<'w> = dyn Fn(usize, &Halt) -> Result<()> + Sync + 'w;

impl Places {
    /// For whoever works alone.
    pub fn none() -> Places {
        Workers::new(false).reserve(0, 0)
    }

    /// How many threads may be started.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Runs `work` in the calling thread and in one more for each place, and waits for all of them.
    ///
    /// # Errors
    /// The first that a thread fails with.
    ///
    /// # Panics
    /// When a thread does.
    pub fn run(&self, work: &SharedWork<'_>) -> Result<()> {
        let halt = Halt::default();
        let failed: Mutex<Option<Error>> = Mutex::new(None);
        let one = |number: usize| {
            // A panic stops the others, too.
            let ending = StopUnlessDone { halt: &halt, done: AtomicBool::new(false) };
            match work(number, &halt) {
                Ok(()) => ending.done.store(true, Ordering::Relaxed),
                Err(error) => drop(failed.lock().get_or_insert(error)),
            }
        };
        let one = &one;
        std::thread::scope(|scope| {
            let spawn = |number| {
                let thread = std::thread::Builder::new().name("parallel worker".to_owned());
                // With fewer threads the work takes longer.
                thread.spawn_scoped(scope, move || one(number)).ok()
            };
            let threads: Vec<_> = (1..=self.count).filter_map(spawn).collect();
            one(0);
            for thread in threads {
                if let Err(panic) = thread.join() {
                    resume_unwind(panic);
                }
            }
        });
        failed.into_inner().map_or(Ok(()), Err)
    }
}

struct StopUnlessDone<'h> {
    halt: &'h Halt,
    done: AtomicBool,
}

impl Drop for StopUnlessDone<'_> {
    fn drop(&mut self) {
        if !self.done.load(Ordering::Relaxed) {
            self.halt.0.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        self.workers.busy.fetch_sub(self.count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_by_size() {
        let found = [0.0, 99.0, 100.0, 299.0, 300.0, 900.0].map(|pages| worth(pages, 100.0));
        assert_eq!(found, [0, 0, 1, 1, 2, 3]);
        assert_eq!(worth(1.0, 0.0), 1);
    }

    #[test]
    fn places_are_limited_and_given_back() {
        let workers = Workers::new(true);
        let two = workers.reserve(2, 3);
        assert_eq!((two.count(), workers.busy()), (2, 2));
        let rest = workers.reserve(5, 3);
        assert_eq!(rest.count(), 1);
        assert_eq!(workers.reserve(1, 3).count(), 0);
        drop(two);
        assert_eq!(workers.reserve(5, 3).count(), 2);
        assert_eq!(Workers::new(false).reserve(4, 8).count(), 0);
    }

    #[test]
    fn the_first_error_ends_the_work_of_all() {
        let places = Workers::new(true).reserve(2, 8);
        let sum = AtomicUsize::new(0);
        places
            .run(&|number, _| {
                sum.fetch_add(number + 1, Ordering::Relaxed);
                Ok(())
            })
            .unwrap();
        assert_eq!(sum.into_inner(), 6);
        let failed = places.run(&|number, halt| {
            if number == 1 {
                return Err(Error::internal("first"));
            }
            loop {
                halt.check()?;
                std::thread::yield_now();
            }
        });
        assert_eq!(failed.unwrap_err().message(), "first");
    }
}
