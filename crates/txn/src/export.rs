//! Exported snapshots: one transaction sees exactly what another sees (parallel dumps).
//!
//! PostgreSQL keeps them in files under pg_snapshots; all sessions being in one process, a table in memory does. An entry holds a
//! clone of the snapshot, so its xmin stays back, and goes with the exporting transaction.

use crate::{Snapshot, Transaction};
use base::{Oid, Result, bail, err};
use parking_lot::Mutex;
use std::collections::HashMap;

struct Exported {
    snapshot: Snapshot,
    database: Oid,
    read_only: bool,
    serializable: bool,
}

/// By identifier.
#[derive(Default)]
pub(crate) struct ExportedSnapshots(Mutex<HashMap<String, Exported>>);

impl ExportedSnapshots {
    pub fn forget(&self, names: &[String]) {
        // The snapshots are dropped after the latch.
        let mut gone = Vec::new();
        let mut table = self.0.lock();
        gone.extend(names.iter().filter_map(|name| table.remove(name)));
        drop(table);
    }
}

impl Transaction {
    /// `pg_export_snapshot()`: makes the transaction's current snapshot available to others until it ends, and tells its identifier.
    ///
    /// # Errors
    /// `25001` inside a subtransaction; as [`Transaction::snapshot`].
    pub fn export_snapshot(&self) -> Result<String> {
        if self.nesting() > 1 {
            bail!(ACTIVE_SQL_TRANSACTION, "cannot export a snapshot from a subtransaction");
        }
        let snapshot = self.snapshot()?;
        let options = self.options();
        let virtual_xid = self.session.locks().virtual_xid();
        let mut state = self.state.lock();
        let number = state.exported.len() + 1;
        let name = format!("{:08X}-{:08X}-{number}", virtual_xid.backend, virtual_xid.local);
        let exported = Exported {
            snapshot,
            database: self.session.database(),
            read_only: options.read_only,
            serializable: options.isolation == crate::Isolation::Serializable,
        };
        self.transactions().exported.0.lock().insert(name.clone(), exported);
        state.exported.push(name.clone());
        Ok(name)
    }

    /// SET TRANSACTION SNAPSHOT: the transaction sees what the exporter's snapshot sees.
    ///
    /// # Errors
    /// `25001` after the transaction's own snapshot was taken, `0A000` below repeatable read or in another database,
    /// `22023` or `42704` for an identifier that is none.
    pub fn import_snapshot(&self, name: &str) -> Result<()> {
        if self.has_snapshot() || self.own.top().is_some() || self.nesting() > 1 {
            bail!(ACTIVE_SQL_TRANSACTION, "SET TRANSACTION SNAPSHOT must be called before any query");
        }
        let options = self.options();
        if !options.isolation.keeps_snapshot() {
            bail!(
                FEATURE_NOT_SUPPORTED,
                "a snapshot-importing transaction must have isolation level SERIALIZABLE or REPEATABLE READ"
            );
        }
        if !name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F' | b'-')) {
            bail!(INVALID_PARAMETER_VALUE, "invalid snapshot identifier: \"{name}\"");
        }
        let table = self.transactions().exported.0.lock();
        let exported =
            table.get(name).ok_or_else(|| err!(UNDEFINED_OBJECT, "snapshot \"{name}\" does not exist"))?;
        if options.isolation == crate::Isolation::Serializable {
            if !exported.serializable {
                bail!(
                    FEATURE_NOT_SUPPORTED,
                    "a serializable transaction cannot import a snapshot from a non-serializable transaction"
                );
            }
            if exported.read_only && !options.read_only {
                bail!(
                    FEATURE_NOT_SUPPORTED,
                    "a non-read-only serializable transaction cannot import a snapshot from a read-only transaction"
                );
            }
        }
        if exported.database != self.session.database() {
            bail!(FEATURE_NOT_SUPPORTED, "cannot import a snapshot from a different database");
        }
        let imported = exported.snapshot.adopt(&self.session, &self.own, self.command());
        drop(table);
        self.state.lock().kept_snapshot = Some(imported);
        Ok(())
    }
}
