//! The shared lock table: who holds and who waits for each tag that is not on the fast path.

use crate::hash::{TagMap, hash_of};
use crate::manager::SessionShared;
use crate::mode::ModeSet;
use crate::{LockMode, LockTag};
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;
use std::collections::hash_map;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const SHARDS: usize = 64;
/// A million locked tags in all, some 200 MB: a bound on what one user can make us hold.
const TAGS_PER_SHARD: usize = 1 << 14;

pub(crate) struct Holder {
    pub session: Arc<SessionShared>,
    pub modes: ModeSet,
}

pub(crate) struct Waiting {
    pub session: Arc<SessionShared>,
    pub mode: LockMode,
    /// What the session already held on this tag when it joined the queue.
    pub held: ModeSet,
    /// Microseconds since 2000-01-01.
    pub since: i64,
}

/// One locked tag.
#[derive(Default)]
pub(crate) struct Entry {
    /// Number of holders of each mode, by mode number − 1.
    granted: [u32; 8],
    pub holders: SmallVec<[Holder; 2]>,
    pub queue: Vec<Waiting>,
}

pub(crate) type Shard = TagMap<LockTag, Entry>;

pub(crate) struct Table {
    shards: Box<[Mutex<Shard>]>,
}

/// How a request for a lock went.
pub(crate) enum Request {
    Granted,
    /// In the queue now (or, when only tried, not).
    Conflict,
    /// Waiting would close a cycle of two: the other party.
    Deadlock {
        other: Arc<SessionShared>,
        other_mode: LockMode,
    },
    /// The table takes no more tags.
    Full,
}

impl Table {
    pub fn new() -> Table {
        Table { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    pub fn shard(&self, tag: &LockTag) -> MutexGuard<'_, Shard> {
        self.shards[(hash_of(tag) >> 40) as usize % SHARDS].lock()
    }

    /// All shards, latched in their order.
    pub fn all(&self) -> Vec<MutexGuard<'_, Shard>> {
        self.shards.iter().map(|shard| shard.lock()).collect()
    }

    /// Records a lock that cannot conflict: one moved from the fast path.
    pub fn put(&self, tag: LockTag, session: &Arc<SessionShared>, mode: LockMode) {
        self.shard(&tag).entry(tag).or_default().grant(session, mode);
    }

    /// Takes the lock, or joins the queue if `join`.
    pub fn request(
        &self,
        tag: LockTag,
        session: &Arc<SessionShared>,
        mode: LockMode,
        join: Option<i64>,
    ) -> Request {
        let mut shard = self.shard(&tag);
        if shard.len() >= TAGS_PER_SHARD && !shard.contains_key(&tag) {
            return Request::Full;
        }
        let entry = shard.entry(tag).or_default();
        let must_queue = mode.conflicts() & entry.awaited() != 0;
        if !must_queue && !entry.conflicts(session, mode) {
            entry.grant(session, mode);
            return Request::Granted;
        }
        entry.join(session, mode, join)
    }

    /// Gives back one mode and wakes whoever can go on.
    pub fn release(&self, tag: &LockTag, session: &Arc<SessionShared>, mode: LockMode) {
        if let hash_map::Entry::Occupied(mut occupied) = self.shard(tag).entry(*tag) {
            let entry = occupied.get_mut();
            entry.revoke(session, mode);
            entry.wake();
            if entry.is_unused() {
                occupied.remove();
            }
        }
    }

    /// Takes a waiting session out of the queue; false when the lock was granted meanwhile.
    pub fn leave(&self, tag: &LockTag, session: &Arc<SessionShared>) -> bool {
        let mut shard = self.shard(tag);
        if session.granted.load(Ordering::Acquire) {
            return false;
        }
        if let hash_map::Entry::Occupied(mut occupied) = shard.entry(*tag) {
            let entry = occupied.get_mut();
            entry.queue.retain(|waiting| !Arc::ptr_eq(&waiting.session, session));
            entry.wake();
            if entry.is_unused() {
                occupied.remove();
            }
        }
        true
    }
}

impl Entry {
    fn is_unused(&self) -> bool {
        self.holders.is_empty() && self.queue.is_empty()
    }

    fn awaited(&self) -> ModeSet {
        self.queue.iter().fold(0, |set, waiting| set | waiting.mode.bit())
    }

    pub fn held_by(&self, session: &SessionShared) -> ModeSet {
        self.holders
            .iter()
            .find(|holder| std::ptr::eq(&*holder.session, session))
            .map_or(0, |holder| holder.modes)
    }

    /// Whether somebody else holds what excludes `mode`.
    fn conflicts(&self, session: &SessionShared, mode: LockMode) -> bool {
        let against = mode.conflicts();
        let mut contested = LockMode::ALL
            .iter()
            .filter(|other| against & other.bit() != 0 && self.granted[**other as usize - 1] > 0)
            .peekable();
        if contested.peek().is_none() {
            return false;
        }
        let own = self.held_by(session);
        contested.any(|other| self.granted[*other as usize - 1] > u32::from(own & other.bit() != 0))
    }

    pub fn grant(&mut self, session: &Arc<SessionShared>, mode: LockMode) {
        match self.holders.iter_mut().find(|holder| Arc::ptr_eq(&holder.session, session)) {
            Some(holder) if holder.modes & mode.bit() != 0 => return,
            Some(holder) => holder.modes |= mode.bit(),
            None => self.holders.push(Holder { session: session.clone(), modes: mode.bit() }),
        }
        self.granted[mode as usize - 1] += 1;
    }

    fn revoke(&mut self, session: &Arc<SessionShared>, mode: LockMode) {
        let Some(at) = self.holders.iter().position(|holder| Arc::ptr_eq(&holder.session, session)) else {
            return;
        };
        if self.holders[at].modes & mode.bit() != 0 {
            self.holders[at].modes &= !mode.bit();
            self.granted[mode as usize - 1] -= 1;
        }
        if self.holders[at].modes == 0 {
            self.holders.swap_remove(at);
        }
    }

    /// The conflicting request goes to the end of the queue, except that a session which already holds something
    /// here goes before the first waiter that its locks block: behind it, it could never be served.
    fn join(&mut self, session: &Arc<SessionShared>, mode: LockMode, since: Option<i64>) -> Request {
        let held = self.held_by(session);
        let mut place = self.queue.len();
        if held != 0 {
            let mut ahead: ModeSet = 0;
            for (at, waiting) in self.queue.iter().enumerate() {
                if waiting.mode.conflicts() & held != 0 {
                    if mode.conflicts() & waiting.held != 0 {
                        return Request::Deadlock {
                            other: waiting.session.clone(),
                            other_mode: waiting.mode,
                        };
                    }
                    if mode.conflicts() & ahead == 0 && !self.conflicts(session, mode) {
                        self.grant(session, mode);
                        return Request::Granted;
                    }
                    place = at;
                    break;
                }
                ahead |= waiting.mode.bit();
            }
        }
        if let Some(since) = since {
            session.granted.store(false, Ordering::Release);
            self.queue.insert(place, Waiting { session: session.clone(), mode, held, since });
        }
        Request::Conflict
    }

    /// Grants, in the order of the queue, every request that nothing held or awaited before it excludes.
    pub fn wake(&mut self) {
        let mut ahead: ModeSet = 0;
        let mut at = 0;
        while at < self.queue.len() {
            let mode = self.queue[at].mode;
            if mode.conflicts() & ahead != 0 || self.conflicts(&self.queue[at].session, mode) {
                ahead |= mode.bit();
                at += 1;
                continue;
            }
            let waiting = self.queue.remove(at);
            self.grant(&waiting.session, mode);
            waiting.session.granted.store(true, Ordering::Release);
            waiting.session.waiter.wake();
        }
    }
}
