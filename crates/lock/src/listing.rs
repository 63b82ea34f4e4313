//! What pg_locks and pg_blocking_pids show.

use crate::manager::LockManager;
use crate::table::Entry;
use crate::{LockMode, LockTag, VirtualXid};

/// One row of pg_locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockRow {
    pub tag: LockTag,
    pub mode: LockMode,
    pub granted: bool,
    pub fast_path: bool,
    pub pid: i32,
    /// Of the transaction that holds or awaits the lock.
    pub virtual_xid: VirtualXid,
    /// Microseconds since 2000-01-01; while waiting only.
    pub wait_start: Option<i64>,
}

impl LockManager {
    /// All locks held and awaited. Not one instant's picture: sessions are visited one after the other,
    /// then the shared table as a whole.
    pub fn list(&self) -> Vec<LockRow> {
        let mut rows = Vec::new();
        let mut virtual_xids = Vec::new();
        for (backend, slot) in self.sessions.read().iter().enumerate() {
            let mut virtual_xid = VirtualXid { backend: backend as u32, local: 0 };
            if let Some(session) = &slot.session {
                let state = session.state.lock();
                virtual_xid.local = state.virtual_xid.unwrap_or(0);
                let row = |tag, mode| LockRow {
                    tag,
                    mode,
                    granted: true,
                    fast_path: true,
                    pid: session.pid,
                    virtual_xid,
                    wait_start: None,
                };
                rows.extend(
                    state.holds.iter().filter(|(_, hold)| hold.fast).map(|(key, _)| row(key.0, key.1)),
                );
                if virtual_xid.local != 0 && !state.virtual_shared {
                    rows.push(row(LockTag::VirtualTransaction(virtual_xid), LockMode::Exclusive));
                }
            }
            virtual_xids.push(virtual_xid);
        }
        let virtual_xid = |backend: u32| {
            virtual_xids.get(backend as usize).copied().unwrap_or(VirtualXid { backend, local: 0 })
        };
        for shard in self.table.all() {
            for (&tag, entry) in shard.iter() {
                for holder in &entry.holders {
                    for mode in LockMode::ALL.into_iter().filter(|mode| holder.modes & mode.bit() != 0) {
                        rows.push(LockRow {
                            tag,
                            mode,
                            granted: true,
                            fast_path: false,
                            pid: holder.session.pid,
                            virtual_xid: virtual_xid(holder.session.backend),
                            wait_start: None,
                        });
                    }
                }
                rows.extend(entry.queue.iter().map(|waiting| LockRow {
                    tag,
                    mode: waiting.mode,
                    granted: false,
                    fast_path: false,
                    pid: waiting.session.pid,
                    virtual_xid: virtual_xid(waiting.session.backend),
                    wait_start: Some(waiting.since),
                }));
            }
        }
        rows
    }

    /// The sessions that keep `pid` from the lock it awaits: holders of conflicting modes, and those
    /// that wait before it for a conflicting mode.
    pub fn blocking_pids(&self, pid: i32) -> Vec<i32> {
        let shards = self.table.all();
        shards
            .iter()
            .flat_map(|shard| shard.values())
            .find_map(|entry| blockers(entry, pid))
            .unwrap_or_default()
    }

    /// The transactions that hold `tag` in a mode which excludes `mode`.
    pub fn conflicting_holders(&self, tag: &LockTag, mode: LockMode) -> Vec<VirtualXid> {
        let mut rows = self.list();
        rows.retain(|row| row.granted && row.tag == *tag && row.mode.conflicts_with(mode));
        let mut holders: Vec<VirtualXid> =
            rows.iter().map(|row| row.virtual_xid).filter(|vxid| vxid.local != 0).collect();
        holders.sort_unstable();
        holders.dedup();
        holders
    }
}

fn blockers(entry: &Entry, pid: i32) -> Option<Vec<i32>> {
    let place = entry.queue.iter().position(|waiting| waiting.session.pid == pid)?;
    let against = entry.queue[place].mode.conflicts();
    let holders = entry
        .holders
        .iter()
        .filter(|holder| holder.session.pid != pid && holder.modes & against != 0)
        .map(|holder| holder.session.pid);
    let ahead = entry.queue[..place]
        .iter()
        .filter(|waiting| waiting.mode.bit() & against != 0)
        .map(|waiting| waiting.session.pid);
    Some(holders.chain(ahead).collect())
}
