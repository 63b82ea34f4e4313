//! The WAL writer and the background writer.

use crate::{Stop, Surroundings};
use buffer::BufferPool;
use std::sync::Arc;
use std::time::Duration;
use wal::Wal;

/// The unit of wal_writer_flush_after.
const WAL_BLOCK: u64 = 8192;

fn milliseconds(value: i64) -> Duration {
    Duration::from_millis(u64::try_from(value).unwrap_or(0).max(1))
}

/// Flushes the log every wal_writer_delay, and when commits that do not wait have left wal_writer_flush_after of it: what
/// bounds the loss with synchronous_commit off.
pub fn wal_writer(wal: &Arc<Wal>, surroundings: &Surroundings<'_>, stop: &Stop) {
    while !stop.is_stopped() {
        let settings = (surroundings.settings)();
        let delay = milliseconds(settings.get(settings::WAL_WRITER_DELAY));
        let flush_after = u64::try_from(settings.get(settings::WAL_WRITER_FLUSH_AFTER)).unwrap_or(0);
        wal.wait_for_request(delay, flush_after * WAL_BLOCK);
        if !wal.is_accepting() {
            stop.wait(delay);
            continue;
        }
        if let Err(error) = wal.background_flush() {
            (surroundings.log)(&error);
            // The log is broken; the server is going down, and says so elsewhere.
            stop.wait(delay);
        }
    }
}

/// Writes dirty pages that will soon be needed for others, so that sessions do not have to.
pub fn background_writer(pool: &Arc<BufferPool>, surroundings: &Surroundings<'_>, stop: &Stop) {
    let mut evictions = 0;
    loop {
        let settings = (surroundings.settings)();
        let delay = milliseconds(settings.get(settings::BGWRITER_DELAY));
        if stop.wait(delay) {
            return;
        }
        // Nobody needs frames that others have: nothing will soon be needed.
        if std::mem::replace(&mut evictions, pool.counters().evictions) == pool.counters().evictions {
            continue;
        }
        let limit = usize::try_from(settings.get(settings::BGWRITER_LRU_MAXPAGES)).unwrap_or(0);
        if limit > 0
            && let Err(error) = pool.background_write(limit)
        {
            (surroundings.log)(&error);
        }
    }
}
