//! What one session holds. This table is at once the re-entrancy count, the record of what to release when,
//! and (for weak relation locks) the only place where the lock stands: the fast path.

use crate::hash::TagMap;
use crate::{Level, LockMode, LockTag};
use smallvec::SmallVec;

/// A place in the order of a transaction's locks: the start of a subtransaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(usize);

pub(crate) type Key = (LockTag, LockMode);

#[derive(Debug, Default)]
pub(crate) struct Hold {
    /// Acquisitions at session level.
    session: u32,
    /// Acquisitions at transaction level: (nesting, count), nesting ascending.
    nested: SmallVec<[(u32, u32); 1]>,
    /// Not in the shared table.
    pub fast: bool,
}

impl Hold {
    fn is_gone(&self) -> bool {
        self.session == 0 && self.nested.is_empty()
    }
}

/// The locks of one session.
#[derive(Default)]
pub(crate) struct Holds {
    map: TagMap<Key, Hold>,
    /// First acquisitions at each nesting, in order.
    log: Vec<Key>,
    /// Where each open nesting begins in `log`.
    marks: Vec<usize>,
}

/// What became of a hold.
pub(crate) enum Let {
    /// Not held at that level.
    Unheld,
    Still,
    /// The last count is gone: the caller must give the lock back (nothing to do when `fast`).
    Gone {
        fast: bool,
    },
}

impl Holds {
    pub fn contains(&self, key: &Key) -> bool {
        self.map.contains_key(key)
    }

    pub fn get_mut(&mut self, key: &Key) -> Option<&mut Hold> {
        self.map.get_mut(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Hold)> {
        self.map.iter()
    }

    /// Counts one more acquisition of a lock that is held already; false when it is not.
    pub fn again(&mut self, key: &Key, level: Level) -> bool {
        let nesting = self.marks.len() as u32;
        match self.map.get_mut(key) {
            Some(hold) => {
                count(hold, nesting, &mut self.log, key, level);
                true
            }
            None => false,
        }
    }

    pub fn insert(&mut self, key: Key, level: Level, fast: bool) {
        let nesting = self.marks.len() as u32;
        let hold = self.map.entry(key).or_insert_with(|| Hold { fast, ..Hold::default() });
        count(hold, nesting, &mut self.log, &key, level);
    }

    /// Records a new lock as acquired at an outer nesting.
    pub fn insert_at(&mut self, key: Key, nesting: u32) {
        let hold = self.map.entry(key).or_default();
        hold.nested.push((nesting, 1));
        let position = self.marks.get(nesting as usize).copied().unwrap_or(self.log.len());
        self.log.insert(position, key);
        for mark in self.marks.iter_mut().skip(nesting as usize) {
            *mark += 1;
        }
    }

    pub fn release(&mut self, key: &Key, level: Level) -> Let {
        let Some(hold) = self.map.get_mut(key) else { return Let::Unheld };
        match level {
            Level::Session => match hold.session.checked_sub(1) {
                Some(rest) => hold.session = rest,
                None => return Let::Unheld,
            },
            Level::Transaction => {
                let Some(last) = hold.nested.last_mut() else { return Let::Unheld };
                last.1 -= 1;
                if last.1 == 0 {
                    hold.nested.pop();
                    self.forget(key);
                }
            }
        }
        self.sweep(key)
    }

    /// Takes the newest entry of `key` out of the log.
    fn forget(&mut self, key: &Key) {
        if let Some(position) = self.log.iter().rposition(|logged| logged == key) {
            self.log.remove(position);
            for mark in self.marks.iter_mut().rev().take_while(|mark| **mark > position) {
                *mark -= 1;
            }
        }
    }

    fn sweep(&mut self, key: &Key) -> Let {
        match self.map.get(key) {
            Some(hold) if hold.is_gone() => {
                let fast = hold.fast;
                self.map.remove(key);
                Let::Gone { fast }
            }
            Some(_) => Let::Still,
            None => Let::Unheld,
        }
    }

    pub fn mark(&mut self) -> Mark {
        self.marks.push(self.log.len());
        Mark(self.marks.len())
    }

    /// Gives up what was acquired since `mark`; `give_back(key, fast)` is called for each lock whose last count went.
    pub fn release_to(&mut self, mark: Mark, mut give_back: impl FnMut(&Key, bool)) {
        let Some(&start) = self.marks.get(mark.0 - 1) else { return };
        for key in self.log.split_off(start).iter().rev() {
            if let Some(hold) = self.map.get_mut(key) {
                hold.nested.pop();
            }
            if let Let::Gone { fast } = self.sweep(key) {
                give_back(key, fast);
            }
        }
        self.marks.truncate(mark.0 - 1);
    }

    /// Hands what was acquired since `mark` to the nesting around it.
    pub fn keep(&mut self, mark: Mark) {
        let Some(&start) = self.marks.get(mark.0 - 1) else { return };
        let parent = mark.0 as u32 - 1;
        for key in self.log.split_off(start) {
            let Some(hold) = self.map.get_mut(&key) else { continue };
            let Some((_, moved)) = hold.nested.pop() else { continue };
            match hold.nested.last_mut() {
                Some((nesting, held)) if *nesting >= parent => *held += moved,
                _ => {
                    hold.nested.push((parent, moved));
                    self.log.push(key);
                }
            }
        }
        self.marks.truncate(mark.0 - 1);
    }

    /// Gives up all transaction-level acquisitions of the locks that `which` picks.
    pub fn release_transaction(
        &mut self,
        which: impl Fn(&Key) -> bool,
        mut give_back: impl FnMut(&Key, bool),
    ) {
        self.marks.clear();
        let log = std::mem::take(&mut self.log);
        for key in &log {
            if !which(key) {
                self.log.push(*key);
                continue;
            }
            if let Some(hold) = self.map.get_mut(key) {
                hold.nested.clear();
            }
            if let Let::Gone { fast } = self.sweep(key) {
                give_back(key, fast);
            }
        }
        if self.log.is_empty() {
            // The allocation is worth keeping for the next transaction unless this one was unusual.
            self.log = log;
            self.log.clear();
            self.log.shrink_to(256);
        }
    }

    /// Gives up the session-level acquisitions of the locks that `which` picks.
    pub fn release_session(&mut self, which: impl Fn(&Key) -> bool, mut give_back: impl FnMut(&Key, bool)) {
        let keys: Vec<Key> = self
            .map
            .iter()
            .filter(|(key, hold)| hold.session > 0 && which(key))
            .map(|(key, _)| *key)
            .collect();
        for key in keys {
            if let Some(hold) = self.map.get_mut(&key) {
                hold.session = 0;
            }
            if let Let::Gone { fast } = self.sweep(&key) {
                give_back(&key, fast);
            }
        }
    }
}

fn count(hold: &mut Hold, nesting: u32, log: &mut Vec<Key>, key: &Key, level: Level) {
    match level {
        Level::Session => hold.session += 1,
        Level::Transaction => match hold.nested.last_mut() {
            Some((at, held)) if *at == nesting => *held += 1,
            _ => {
                hold.nested.push((nesting, 1));
                log.push(*key);
            }
        },
    }
}
