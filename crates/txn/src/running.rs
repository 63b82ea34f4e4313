//! Which xids are running, and the snapshot of that.

use base::{Oid, Xid};
use std::collections::BTreeMap;
use std::sync::Arc;

/// So many subxids of one transaction are listed in snapshots; beyond that its subxids are looked up in pg_subtrans.
const LISTED_SUBXIDS: usize = 64;

struct Entry {
    database: Oid,
    subxids: Vec<Xid>,
    overflowed: bool,
}

/// The transactions with an xid that have not been published or aborted.
pub(crate) struct Running {
    /// By top-level xid.
    entries: BTreeMap<Xid, Entry>,
    latest_completed: Xid,
    /// Counts completions. As long as it stands still, an earlier snapshot is as good as a new one: xids handed out since are
    /// beyond its xmax.
    pub version: u64,
}

/// The set of running xids at one moment.
#[derive(Debug)]
pub(crate) struct RunningSet {
    pub version: u64,
    /// Everything before has finished.
    pub xmin: Xid,
    /// This and everything after had not finished.
    pub xmax: Xid,
    /// Ascending; all before `xmax`.
    pub running: Vec<Xid>,
    /// Some transaction has more subxids than are listed.
    pub overflowed: bool,
}

impl Running {
    pub fn new(next: Xid) -> Running {
        Running { entries: BTreeMap::new(), latest_completed: next.previous(), version: 1 }
    }

    /// After recovery, when the counter has reached its final value.
    pub fn restart(&mut self, next: Xid) {
        self.latest_completed = next.previous();
        self.version += 1;
    }

    pub fn count(&self) -> usize {
        self.entries.len()
    }

    pub fn start(&mut self, top: Xid, database: Oid) {
        self.entries.insert(top, Entry { database, subxids: Vec::new(), overflowed: false });
    }

    pub fn start_sub(&mut self, top: Xid, xid: Xid) {
        if let Some(entry) = self.entries.get_mut(&top) {
            if entry.subxids.len() < LISTED_SUBXIDS {
                entry.subxids.push(xid)
            } else {
                entry.overflowed = true
            }
        }
    }

    /// `latest`: the highest xid among the transaction and its subtransactions.
    pub fn finish(&mut self, top: Xid, latest: Xid) {
        self.entries.remove(&top);
        self.latest_completed = self.latest_completed.max(latest);
        self.version += 1;
    }

    /// Aborted subtransactions; ascending.
    pub fn finish_subs(&mut self, top: Xid, xids: &[Xid]) {
        let Some(latest) = xids.last() else { return };
        if let Some(entry) = self.entries.get_mut(&top) {
            entry.subxids.retain(|xid| xids.binary_search(xid).is_err());
        }
        self.latest_completed = self.latest_completed.max(*latest);
        self.version += 1;
    }

    /// Everything before has finished.
    pub fn oldest(&self) -> Xid {
        let limit = self.latest_completed.next();
        self.entries.first_key_value().map_or(limit, |(top, _)| limit.min(*top))
    }

    /// As [`Running::oldest`], looking at the transactions of one database only.
    pub fn oldest_in(&self, database: Oid) -> Xid {
        let limit = self.latest_completed.next();
        let found = self.entries.iter().find(|(_, entry)| entry.database == database);
        found.map_or(limit, |(top, _)| limit.min(*top))
    }

    pub fn latest_completed(&self) -> Xid {
        self.latest_completed
    }

    pub fn set(&self) -> Arc<RunningSet> {
        let xmax = self.latest_completed.next();
        let mut running = Vec::with_capacity(self.entries.len());
        let mut overflowed = false;
        for (top, entry) in self.entries.range(..xmax) {
            running.push(*top);
            running.extend(entry.subxids.iter().filter(|xid| **xid < xmax));
            overflowed |= entry.overflowed;
        }
        running.sort_unstable();
        let xmin = running.first().copied().unwrap_or(xmax);
        Arc::new(RunningSet { version: self.version, xmin, xmax, running, overflowed })
    }
}
