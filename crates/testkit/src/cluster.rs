//! A server without SQL: log, pool, transactions, recovery and checkpoints over a simulated or real system.

use base::{MultiXactId, Oid, Result, TimelineId, Xid};
use buffer::{BufferOptions, BufferPool, ResourceManager, StorageManager};
use lock::LockManager;
use recovery::{
    Checkpoint, Checkpointer, ControlFile, ControlStore, Recovered, Recovery, Retention, TransactionState,
    XlogManager,
};
use std::sync::Arc;
use storage::RelationFiles;
use sys::System;
use txn::{
    ClogManager, Config, Counters, MultiXactManager, StandbyManager, TransactionManager, Transactions,
};
use wal::{RmgrId, Wal, WalOptions};

/// The database that all relations are in.
pub const DATABASE: Oid = Oid(5);

const IDENTIFIER: u64 = 4242;

/// A running server.
pub struct Cluster {
    pub system: System,
    pub wal: Arc<Wal>,
    pub pool: Arc<BufferPool>,
    pub transactions: Arc<Transactions>,
    pub control: Arc<ControlStore>,
    pub checkpointer: Arc<Checkpointer>,
}

/// What a new cluster's counters begin with.
#[derive(Clone, Copy, Debug)]
pub struct FirstIds {
    pub xid: Xid,
    pub multi: MultiXactId,
    pub multi_offset: u32,
}

impl Default for FirstIds {
    fn default() -> FirstIds {
        FirstIds { xid: Xid(1000), multi: MultiXactId(1), multi_offset: 1 }
    }
}

/// A log whose records are checked against what redo makes of them, in segments small enough to be left behind.
pub fn wal_options() -> WalOptions {
    let checked = [RmgrId::HEAP, RmgrId::HEAP2, RmgrId::BTREE];
    WalOptions {
        segment_size: 1 << 20,
        buffers: 32 * 8192,
        init_zero: false,
        consistency_checking: checked.iter().map(|rmgr| 1 << rmgr.0).sum(),
        ..WalOptions::default()
    }
}

/// Keeps little of the log.
pub fn retention() -> Retention {
    Retention { min_wal_bytes: 2 << 20, ..Retention::default() }
}

fn counters(first: FirstIds) -> Counters {
    Counters {
        next_xid: first.xid,
        next_multi: first.multi,
        next_multi_offset: first.multi_offset,
        ..Counters::initial()
    }
}

fn configure(
    system: &System,
    wal: &Arc<Wal>,
    frames: usize,
    counters: Counters,
) -> Result<(Arc<BufferPool>, Config)> {
    let files = Arc::new(RelationFiles::new(system.disk.clone(), 100, true));
    let pool = BufferPool::new(files, wal.clone(), BufferOptions { frames, ..BufferOptions::default() })?;
    let locks = LockManager::new(system.clock.clone());
    let config =
        Config { system: system.clone(), wal: wal.clone(), pool: pool.clone(), locks, counters, sync: true };
    Ok((pool, config))
}

/// Makes the data directory.
///
/// # Errors
/// The disk's.
pub fn initialise(system: &System, options: WalOptions, first: FirstIds) -> Result<()> {
    let directories = ["global", "base", "base/5", "pg_wal", "pg_tblspc"];
    let made = directories.iter().try_for_each(|dir| system.disk.create_dir_all(dir));
    made.map_err(|error| base::Error::internal(error.to_string()))?;
    let wal = Wal::new(system, options)?;
    let (_, config) = configure(system, &wal, 64, counters(first))?;
    Transactions::bootstrap(config)?;
    let synced = [".", "base", "pg_multixact", "pg_multixact/offsets", "pg_multixact/members"]
        .into_iter()
        .chain(["pg_xact", "pg_subtrans", "global", "pg_wal"])
        .try_for_each(|dir| system.disk.sync_dir(dir));
    synced.map_err(|error| base::Error::internal(error.to_string()))?;
    let control =
        ControlFile { system_identifier: IDENTIFIER, checksum_version: 1, ..ControlFile::default() };
    let counters = counters(first);
    let checkpoint = Checkpoint {
        timeline: TimelineId(1),
        previous_timeline: TimelineId(1),
        full_page_writes: true,
        wal_level: 1,
        next_xid: counters.next_xid,
        next_oid: counters.next_oid,
        next_multi: counters.next_multi,
        next_multi_offset: counters.next_multi_offset,
        oldest_xid: counters.oldest_xid.low(),
        oldest_xid_database: counters.oldest_xid_database,
        oldest_multi: counters.next_multi,
        oldest_multi_database: counters.oldest_multi_database,
        ..Checkpoint::default()
    };
    recovery::bootstrap(system, &wal, control, checkpoint)?;
    Ok(())
}

impl Cluster {
    /// Starts the server: recovers if it was not shut down.
    ///
    /// # Errors
    /// The disk's, and what recovery finds wrong.
    pub fn open(system: &System, options: WalOptions, frames: usize) -> Result<(Cluster, Recovered)> {
        let control = Arc::new(ControlStore::open(system)?);
        let wal = Wal::new(system, options)?;
        let counters = recovery::counters(&control.get().checkpoint_copy);
        let (pool, config) = configure(system, &wal, frames, counters)?;
        let transactions = Transactions::open(config)?;
        let state: Arc<dyn TransactionState> = transactions.clone();
        let mut managers: Vec<Arc<dyn ResourceManager>> = vec![
            Arc::new(XlogManager::new(state.clone(), control.clone())),
            Arc::new(StorageManager),
            Arc::new(TransactionManager(transactions.clone())),
            Arc::new(ClogManager(transactions.clone())),
            Arc::new(MultiXactManager(transactions.clone())),
            Arc::new(StandbyManager),
            btree::resource_manager(),
        ];
        managers.extend(heap::resource_managers());
        let recovery = Recovery {
            system,
            pool: &pool,
            control: &control,
            transactions: &state,
            managers: &managers,
            log: &|_| (),
        };
        let (recovered, checkpointer) = recovery.run()?;
        let checkpointer = Arc::new(checkpointer);
        let cluster = Cluster { system: system.clone(), wal, pool, transactions, control, checkpointer };
        Ok((cluster, recovered))
    }
}
