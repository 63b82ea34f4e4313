//! Read-ahead for scans: on a miss, the blocks that come next are read with it in one request, more of them the longer the scan runs.

use crate::frame::{Tag, VALID};
use crate::pin::Pin;
use crate::pool::BufferPool;
use crate::ring::Strategy;
use base::{BlockNumber, Fork, RelFileLocator, Result};
use std::sync::Arc;

/// 128 kB, PostgreSQL's io_combine_limit: half of a bulk read's ring, so that no page is driven out before its turn.
const LONGEST: u32 = 16;

/// Where a scan is, as far as reading ahead is concerned.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadAhead {
    /// The block behind the last one read ahead.
    next: u32,
    distance: u32,
}

impl ReadAhead {
    pub fn new() -> ReadAhead {
        ReadAhead::default()
    }

    /// Pins a block of a scan that will go on up to `end`.
    ///
    /// # Errors
    /// As [`BufferPool::pin`].
    pub fn pin(
        &mut self,
        pool: &Arc<BufferPool>,
        rel: RelFileLocator,
        fork: Fork,
        block: BlockNumber,
        end: BlockNumber,
        strategy: Strategy<'_>,
    ) -> Result<Pin> {
        let count_use = matches!(strategy, Strategy::Normal);
        if let Some((frame, state)) = pool.look_up(Tag { locator: rel, fork, block }, count_use) {
            let pin = Pin::from_taken(pool.clone(), frame);
            if state.has(VALID) {
                return Ok(pin);
            }
        } else {
            let sequential = block.0 == self.next;
            self.distance = if sequential { (self.distance * 2).clamp(1, LONGEST) } else { 1 };
            self.next = end.0.min(block.0.saturating_add(self.distance)).max(block.0 + 1);
            if self.next > block.0 + 1 {
                pool.prefetch(rel, fork, block.0..self.next, strategy)?;
            }
        }
        pool.pin(rel, fork, block, strategy)
    }
}

impl BufferPool {
    /// Asks the operating system to read a block that is not in the pool, without waiting: for scans that jump, a few blocks ahead.
    pub fn will_need(&self, rel: RelFileLocator, fork: Fork, block: BlockNumber) {
        let tag = Tag { locator: rel, fork, block };
        if !self.is_cached(tag) {
            self.files().will_need(rel, fork, block, 1);
        }
    }
}
