//! Waiting for other transactions as such, not for a lock: what commands do that change a table's indexes while it is in
//! use.

use crate::manager::Transactions;
use crate::transaction::Transaction;
use base::{Oid, Result, Xid};
use lock::{LockMode, LockTag, VirtualXid, WaitPolicy};
use std::sync::atomic::Ordering;

impl Transactions {
    /// The transactions in a database that have a snapshot which may not show what was committed after `limit`, those of
    /// lazy vacuums apart.
    fn with_older_snapshots(&self, database: Oid, limit: Xid) -> Vec<VirtualXid> {
        let slots = self.slots();
        let old = slots.iter().flatten().filter(|slot| {
            let xmin = Xid(slot.xmin.load(Ordering::SeqCst));
            !slot.in_vacuum.load(Ordering::SeqCst)
                && slot.database.load(Ordering::SeqCst) == database.0
                && xmin.is_valid()
                && xmin <= limit
        });
        old.map(|slot| self.locks().virtual_xid_of(slot.backend)).filter(|vxid| vxid.local != 0).collect()
    }
}

impl Transaction {
    /// Waits until all who hold the lock in a mode that excludes `mode` have ended; whoever takes it meanwhile is not waited
    /// for. What they have committed is visible to the next snapshot.
    ///
    /// # Errors
    /// As [`Transaction::lock`].
    pub fn wait_for_lockers(&self, tag: &LockTag, mode: LockMode, policy: &WaitPolicy) -> Result<()> {
        let locks = self.session().locks();
        let own = locks.virtual_xid().backend;
        for vxid in locks.manager().conflicting_holders(tag, mode) {
            if vxid.backend != own {
                locks.wait_for_virtual(vxid, policy)?;
            }
        }
        self.transactions().publish_all_placed()
    }

    /// Waits until no snapshot in this database is left that may not show what was committed after `limit`. This transaction
    /// must have none itself.
    ///
    /// # Errors
    /// As [`Transaction::lock`].
    pub fn wait_for_older_snapshots(&self, limit: Xid, policy: &WaitPolicy) -> Result<()> {
        let locks = self.session().locks();
        let own = locks.virtual_xid().backend;
        let holders = || self.transactions().with_older_snapshots(self.session().database(), limit);
        for vxid in holders().into_iter().filter(|vxid| vxid.backend != own) {
            // It may have let its snapshot go while others were waited for.
            if holders().contains(&vxid) {
                locks.wait_for_virtual(vxid, policy)?;
            }
        }
        Ok(())
    }
}
