//! Time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A wall clock and a monotonic one.
pub trait Clock: Send + Sync {
    /// Microseconds since 1970-01-01 00:00 UTC.
    fn now_micros(&self) -> i64;

    /// Time since some fixed moment; never runs backwards.
    fn monotonic(&self) -> Duration;

    fn sleep(&self, duration: Duration);

    /// Microseconds since 2000-01-01 00:00 UTC, as PostgreSQL's timestamps count.
    fn timestamp(&self) -> i64 {
        self.now_micros() - POSTGRES_EPOCH_MICROS
    }
}

/// 2000-01-01 in microseconds since 1970: 10,957 days.
pub const POSTGRES_EPOCH_MICROS: i64 = 10_957 * 86_400 * 1_000_000;

pub struct RealClock {
    start: Instant,
}

impl RealClock {
    pub fn new() -> RealClock {
        RealClock { start: Instant::now() }
    }
}

impl Default for RealClock {
    fn default() -> RealClock {
        RealClock::new()
    }
}

impl Clock for RealClock {
    fn now_micros(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_micros() as i64,
            Err(before) => -(before.duration().as_micros() as i64),
        }
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}
