//! The memory account of a query. What nodes hold beyond a batch (hash tables, sorts, stores) is charged here; at
//! work_mem they spill, and what cannot be spilled fails with `53200` before the process is in danger.

use base::{Result, err};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A limit shared by all queries of a process.
#[derive(Debug)]
pub struct Budget {
    limit_bytes: usize,
    used: AtomicUsize,
}

impl Budget {
    pub fn new(limit_bytes: usize) -> Arc<Budget> {
        Arc::new(Budget { limit_bytes, used: AtomicUsize::new(0) })
    }

    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

/// One query's account.
pub struct Memory {
    budget: Arc<Budget>,
    charged: usize,
    /// Bytes that one operation may hold before it spills.
    pub work_mem_bytes: usize,
    /// work_mem times hash_mem_multiplier.
    pub hash_mem_bytes: usize,
}

impl Memory {
    pub fn new(budget: Arc<Budget>, work_mem_bytes: usize, hash_mem_bytes: usize) -> Memory {
        Memory { budget, charged: 0, work_mem_bytes, hash_mem_bytes }
    }

    /// Accounts for `bytes` more.
    ///
    /// # Errors
    /// `53200` when the process budget is spent.
    pub fn charge(&mut self, bytes: usize) -> Result<()> {
        let before = self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > self.budget.limit_bytes {
            self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
            return Err(err!(OUT_OF_MEMORY, "out of memory")
                .detail(format!("Failed on request of size {bytes}: the server's memory budget is spent.")));
        }
        self.charged += bytes;
        Ok(())
    }

    /// Gives back what was charged.
    pub fn release(&mut self, bytes: usize) {
        let bytes = bytes.min(self.charged);
        self.charged -= bytes;
        self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub fn charged(&self) -> usize {
        self.charged
    }

    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.charged, Ordering::Relaxed);
    }
}
