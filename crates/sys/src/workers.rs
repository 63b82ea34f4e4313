//! Threads beside a session's own: how many the process may have at work at once, and who has them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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

impl Places {
    /// How many threads may be started.
    pub fn count(&self) -> usize {
        self.count
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
}
