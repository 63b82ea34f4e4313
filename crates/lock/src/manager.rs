//! The lock manager of a server: the shared table, the sessions, and the counters that guard the fast path.

use crate::hash::hash_of;
use crate::hold::Holds;
use crate::table::Table;
use crate::{Interrupt, LockMode, LockSession, LockTag, VirtualXid, Waiter};
use parking_lot::{Mutex, RwLock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use sys::clock::Clock;

const STRONG_BUCKETS: usize = 1024;

/// All locks of one server.
pub struct LockManager {
    pub(crate) table: Table,
    /// For each bucket of relation tags, how many strong locks are held or asked for: while there are any,
    /// weak locks go to the shared table.
    strong: Box<[AtomicU32]>,
    pub(crate) sessions: RwLock<Vec<Slot>>,
    pub(crate) clock: Arc<dyn Clock>,
}

#[derive(Default)]
pub(crate) struct Slot {
    pub session: Option<Arc<SessionShared>>,
    /// The last local number handed out here, so that virtual xids stay unique when slots are used again.
    last_local: u32,
}

/// The part of a session that others reach.
pub(crate) struct SessionShared {
    pub backend: u32,
    pub pid: i32,
    pub waiter: Arc<dyn Waiter>,
    pub interrupt: Arc<dyn Interrupt>,
    /// Set, under the latch of the tag's shard, when the awaited lock is granted.
    pub granted: AtomicBool,
    pub state: Mutex<State>,
}

pub(crate) struct State {
    pub holds: Holds,
    pub last_local: u32,
    pub virtual_xid: Option<u32>,
    /// Somebody waited for the virtual xid, so its lock stands in the shared table.
    pub virtual_shared: bool,
}

impl LockManager {
    pub fn new(clock: Arc<dyn Clock>) -> Arc<LockManager> {
        Arc::new(LockManager {
            table: Table::new(),
            strong: (0..STRONG_BUCKETS).map(|_| AtomicU32::new(0)).collect(),
            sessions: RwLock::default(),
            clock,
        })
    }

    /// Registers a session. `pid` is what reports call it.
    pub fn session(
        self: &Arc<Self>,
        pid: i32,
        waiter: Arc<dyn Waiter>,
        interrupt: Arc<dyn Interrupt>,
    ) -> LockSession {
        let mut sessions = self.sessions.write();
        let place = match sessions.iter().position(|slot| slot.session.is_none()) {
            Some(place) => place,
            None => {
                sessions.push(Slot::default());
                sessions.len() - 1
            }
        };
        let slot = &mut sessions[place];
        let shared = Arc::new(SessionShared {
            backend: place as u32,
            pid,
            waiter,
            interrupt,
            granted: AtomicBool::new(false),
            state: Mutex::new(State {
                holds: Holds::default(),
                last_local: slot.last_local,
                virtual_xid: None,
                virtual_shared: false,
            }),
        });
        slot.session = Some(shared.clone());
        LockSession::new(self.clone(), shared)
    }

    pub(crate) fn unregister(&self, shared: &SessionShared) {
        let last_local = shared.state.lock().last_local;
        if let Some(slot) = self.sessions.write().get_mut(shared.backend as usize) {
            *slot = Slot { session: None, last_local };
        }
    }

    fn bucket(&self, tag: &LockTag) -> &AtomicU32 {
        &self.strong[(hash_of(tag) >> 20) as usize % STRONG_BUCKETS]
    }

    /// Whether weak locks on `tag` may stay with their session. Ask under the latch of the session's state:
    /// whoever takes a strong lock raises the counter first and visits every session afterwards.
    pub(crate) fn fast_path_open(&self, tag: &LockTag) -> bool {
        self.bucket(tag).load(Ordering::SeqCst) == 0
    }

    /// Before asking for a strong lock on a relation: closes the fast path and moves weak locks to the shared table.
    pub(crate) fn close_fast_path(&self, tag: LockTag) {
        self.bucket(&tag).fetch_add(1, Ordering::SeqCst);
        for slot in self.sessions.read().iter() {
            let Some(session) = &slot.session else { continue };
            let mut state = session.state.lock();
            for mode in LockMode::WEAK {
                if let Some(hold) = state.holds.get_mut(&(tag, mode))
                    && hold.fast
                {
                    hold.fast = false;
                    self.table.put(tag, session, mode);
                }
            }
        }
    }

    /// After the strong lock is gone, or was not got.
    pub(crate) fn reopen_fast_path(&self, tag: &LockTag) {
        self.bucket(tag).fetch_sub(1, Ordering::SeqCst);
    }

    /// Gives back the last count of a lock.
    pub(crate) fn give_back(&self, session: &Arc<SessionShared>, tag: &LockTag, mode: LockMode, fast: bool) {
        if fast {
            return;
        }
        self.table.release(tag, session, mode);
        if mode.is_strong() && matches!(tag, LockTag::Relation { .. }) {
            self.reopen_fast_path(tag);
        }
    }

    /// The transaction under way in a session; with local number 0 when there is none.
    pub fn virtual_xid_of(&self, backend: u32) -> VirtualXid {
        let sessions = self.sessions.read();
        let session = sessions.get(backend as usize).and_then(|slot| slot.session.as_ref());
        session.map_or(VirtualXid { backend, local: 0 }, |session| session.virtual_xid())
    }

    /// Puts the lock of a virtual transaction into the shared table so that it can be waited for; false when it is over.
    pub(crate) fn share_virtual(&self, vxid: VirtualXid) -> bool {
        let sessions = self.sessions.read();
        let Some(session) = sessions.get(vxid.backend as usize).and_then(|slot| slot.session.as_ref()) else {
            return false;
        };
        let mut state = session.state.lock();
        if state.virtual_xid != Some(vxid.local) {
            return false;
        }
        if !state.virtual_shared {
            state.virtual_shared = true;
            self.table.put(LockTag::VirtualTransaction(vxid), session, LockMode::Exclusive);
        }
        true
    }
}

impl SessionShared {
    /// With local number 0 when no transaction is under way.
    pub fn virtual_xid(&self) -> VirtualXid {
        VirtualXid { backend: self.backend, local: self.state.lock().virtual_xid.unwrap_or(0) }
    }
}
