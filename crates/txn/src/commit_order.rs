//! The order of commits.
//!
//! ```text
//!   insert commit record ──► placed ──► flushed ──► published
//!                             │                      │
//!     xid, tuple and weak     ┘                      └ in the commit log, in new snapshots,
//!     relation locks go;                               strong locks go, the client is answered
//!     row-lock waiters take it
//!     for committed, and depend on its flush
//! ```
//!
//! Inserting a commit record and queueing it are one step under one latch, so the queue is in LSN order. Whoever finds the WAL
//! flushed publishes from the head of the queue, for itself and for others. A commit that does not wait for its flush
//! (synchronous_commit = off) is published as soon as those before it are.

use crate::Transactions;
use crate::clog::Status;
use base::{Lsn, Result, Xid};
use parking_lot::{Mutex, RwLock};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use wal::RecordBuilder;

struct Placed {
    lsn: Lsn,
    top: Xid,
    /// Ascending.
    children: Vec<Xid>,
    waits_for_flush: bool,
}

#[derive(Default)]
pub(crate) struct CommitOrder {
    queue: Mutex<VecDeque<Placed>>,
    /// The commit LSNs of what is in the queue, subtransactions included.
    placed: RwLock<HashMap<Xid, Lsn>>,
    published: AtomicU64,
}

impl CommitOrder {
    pub fn placed_at(&self, xid: Xid) -> Option<Lsn> {
        self.placed.read().get(&xid).copied()
    }

    /// How many commits are on their way.
    pub fn placed(&self) -> usize {
        self.queue.lock().len()
    }

    pub fn is_published(&self, lsn: Lsn) -> bool {
        lsn.0 <= self.published.load(Ordering::Acquire)
    }
}

impl Transactions {
    /// Gives a commit its place in the log.
    pub(crate) fn place(
        &self,
        record: &RecordBuilder,
        top: Xid,
        children: &[Xid],
        waits_for_flush: bool,
    ) -> Result<Lsn> {
        let mut queue = self.order.queue.lock();
        let lsn = self.wal().insert(record)?;
        {
            let mut placed = self.order.placed.write();
            placed.extend(children.iter().map(|xid| (*xid, lsn)));
            placed.insert(top, lsn);
        }
        queue.push_back(Placed { lsn, top, children: children.to_vec(), waits_for_flush });
        Ok(lsn)
    }

    /// Publishes, in order, whatever is durable or need not be.
    ///
    /// # Errors
    /// PANIC when the commit log cannot be read or written.
    pub(crate) fn publish(&self) -> Result<()> {
        let mut queue = self.order.queue.lock();
        if queue.is_empty() {
            return Ok(());
        }
        let flushed = self.wal().flushed();
        let ready =
            queue.iter().take_while(|commit| !commit.waits_for_flush || commit.lsn <= flushed).count();
        let mut done = 0;
        let mut result = Ok(());
        for commit in queue.iter().take(ready) {
            let unflushed = if commit.lsn <= flushed { Lsn::INVALID } else { commit.lsn };
            result = self.clog.set_tree(commit.top, &commit.children, Status::Committed, unflushed);
            if result.is_err() {
                break;
            }
            done += 1;
        }
        let finished: Vec<Placed> = queue.drain(..done).collect();
        self.finish_running(finished.iter().map(|commit| {
            (commit.top, commit.children.last().copied().unwrap_or(commit.top).max(commit.top))
        }));
        {
            let mut placed = self.order.placed.write();
            for commit in &finished {
                placed.remove(&commit.top);
                for child in &commit.children {
                    placed.remove(child);
                }
            }
        }
        if let Some(last) = finished.last() {
            self.order.published.store(last.lsn.0, Ordering::Release);
        }
        result.map_err(|error| self.wal().panic(error))
    }

    /// Returns once every commit placed up to `lsn` is visible to new snapshots.
    ///
    /// # Errors
    /// PANIC when the WAL cannot be flushed.
    pub(crate) fn ensure_published(&self, lsn: Lsn) -> Result<()> {
        if self.order.is_published(lsn) {
            return Ok(());
        }
        self.publish()?;
        if self.order.is_published(lsn) {
            return Ok(());
        }
        self.wal().flush(lsn).map_err(|error| self.wal().panic(error))?;
        self.publish()
    }

    /// Publishes every commit whose record lies before `redo`.
    pub(crate) fn publish_placed_before(&self, redo: Lsn) -> Result<()> {
        let queue = self.order.queue.lock();
        let last = queue.iter().map(|commit| commit.lsn).take_while(|lsn| *lsn <= redo).last();
        drop(queue);
        last.map_or(Ok(()), |lsn| self.ensure_published(lsn))
    }

    /// Publishes every commit that has been placed by now.
    pub(crate) fn publish_all_placed(&self) -> Result<()> {
        let last = self.order.queue.lock().back().map(|commit| commit.lsn);
        last.map_or(Ok(()), |lsn| self.ensure_published(lsn))
    }
}
