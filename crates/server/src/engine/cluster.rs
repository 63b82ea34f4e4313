//! A cluster's storage, opened: files, log, pool, locks, transactions, brought up to date by recovery. The server and
//! tests open clusters the same way.

use base::{Oid, Result, TimelineId};
use buffer::{BufferOptions, BufferPool, ResourceManager};
use catalog::{Instance, Session, SessionStart, bootstrap};
use lock::{LockManager, NoInterrupt, ThreadWaiter};
use recovery::control::{Checkpoint, ClusterState, ControlFile};
use recovery::{
    CheckpointKind, Checkpointer, ControlStore, Recovered, Recovery, Retention, TransactionState, XlogManager,
};
use settings::{ServerSettings, SessionSettings};
use std::sync::Arc;
use storage::RelationFiles;
use sys::System;
use sys::disk::file_error;
use txn::{Counters, Transactions};
use wal::{Wal, WalOptions};

/// What a cluster is opened with.
#[derive(Clone)]
pub struct ClusterOptions {
    pub buffers: BufferOptions,
    pub wal: WalOptions,
    pub fsync: bool,
    pub open_files: usize,
}

/// The parts of an open cluster.
pub struct Cluster {
    pub instance: Arc<Instance>,
    pub wal: Arc<Wal>,
    pub pool: Arc<BufferPool>,
    pub control: Arc<ControlStore>,
    pub checkpointer: Arc<Checkpointer>,
    pub transactions: Arc<Transactions>,
}

/// The directories of a data directory.
const DIRECTORIES: [&str; 24] = [
    "global",
    "pg_wal",
    "pg_wal/archive_status",
    "pg_wal/summaries",
    "pg_commit_ts",
    "pg_dynshmem",
    "pg_notify",
    "pg_serial",
    "pg_snapshots",
    "pg_subtrans",
    "pg_twophase",
    "pg_multixact",
    "pg_multixact/members",
    "pg_multixact/offsets",
    "base",
    "base/1",
    "pg_replslot",
    "pg_tblspc",
    "pg_stat",
    "pg_stat_tmp",
    "pg_xact",
    "pg_logical",
    "pg_logical/mappings",
    "pg_logical/snapshots",
];

/// Every resource manager whose records Ferrodon writes.
fn managers(
    transactions: &Arc<Transactions>,
    state: &Arc<dyn TransactionState>,
    control: &Arc<ControlStore>,
) -> Vec<Arc<dyn ResourceManager>> {
    let mut managers: Vec<Arc<dyn ResourceManager>> = vec![
        Arc::new(XlogManager::new(state.clone(), control.clone())),
        Arc::new(buffer::StorageManager),
        Arc::new(txn::TransactionManager(transactions.clone())),
        Arc::new(txn::ClogManager(transactions.clone())),
        Arc::new(txn::MultiXactManager(transactions.clone())),
        Arc::new(txn::StandbyManager),
        btree::resource_manager(),
        Arc::new(commands::sequence::SequenceManager),
        Arc::new(commands::database::DatabaseManager),
        Arc::new(commands::database::RelationMapManager),
    ];
    managers.extend(heap::resource_managers());
    managers
}

fn storage(
    system: &System,
    options: &ClusterOptions,
) -> Result<(Arc<RelationFiles>, Arc<Wal>, Arc<BufferPool>)> {
    let files = Arc::new(RelationFiles::new(system.disk.clone(), options.open_files, options.fsync));
    let wal = Wal::new(system, options.wal.clone())?;
    let pool = BufferPool::new(files.clone(), wal.clone(), options.buffers)?;
    Ok((files, wal, pool))
}

/// Removes what sorts and index builds of a server that crashed have left behind.
fn remove_temporary_files(system: &System, log: &dyn Fn(&str)) {
    const DIRECTORY: &str = "base/pgsql_tmp";
    // Without the directory there is nothing to remove.
    for name in system.disk.list(DIRECTORY).unwrap_or_default() {
        let path = format!("{DIRECTORY}/{name}");
        if name.starts_with("pgsql_tmp")
            && let Err(error) = system.disk.remove_file(&path)
        {
            log(&format!("could not remove file \"{path}\": {}", sys::disk::error_text(&error)));
        }
    }
}

impl Cluster {
    /// Opens a data directory, after recovery if it needs any.
    ///
    /// # Errors
    /// FATAL or PANIC with PostgreSQL's SQLSTATEs and words.
    pub fn open(
        system: &System,
        options: &ClusterOptions,
        log: &dyn Fn(&str),
    ) -> Result<(Cluster, Recovered)> {
        remove_temporary_files(system, log);
        let control = Arc::new(ControlStore::open(system)?);
        let stored = control.get();
        let mut options = options.clone();
        options.wal.segment_size = stored.wal_segment_bytes;
        options.buffers.checksums = stored.checksum_version != 0;
        options.wal.log_hints = options.buffers.checksums || stored.wal_log_hints;
        let (_, wal, pool) = storage(system, &options)?;
        let locks = LockManager::new(system.clock.clone());
        let transactions = Transactions::open(txn::Config {
            system: system.clone(),
            wal: wal.clone(),
            pool: pool.clone(),
            locks: locks.clone(),
            counters: recovery::counters(&stored.checkpoint_copy),
            sync: options.fsync,
        })?;
        let state: Arc<dyn TransactionState> = transactions.clone();
        let managers = managers(&transactions, &state, &control);
        let recovery = Recovery {
            system,
            pool: &pool,
            control: &control,
            transactions: &state,
            managers: &managers,
            log,
        };
        let (recovered, checkpointer) = recovery.run()?;
        let checkpointer = Arc::new(checkpointer);
        let toast = Arc::new(btree::ToastBtree);
        let instance = Instance::new(system.clone(), pool.clone(), transactions.clone(), locks, toast);
        Ok((Cluster { instance, wal, pool, control, checkpointer, transactions }, recovered))
    }

    /// Writes the last checkpoint: nothing is left for recovery.
    ///
    /// # Errors
    /// The disk's.
    pub fn shut_down(&self) -> Result<()> {
        self.checkpointer.run(CheckpointKind::Shutdown, &Retention::default(), &mut |_| ())?;
        Ok(())
    }

    /// Fills an empty data directory: control file, log, catalogs, the three databases. `finish` runs with a session in
    /// template1, to make what is written in SQL.
    ///
    /// # Errors
    /// The disk's.
    pub fn create(
        system: &System,
        options: &ClusterOptions,
        choices: &bootstrap::Choices,
        finish: &mut dyn FnMut(&Cluster) -> Result<()>,
    ) -> Result<()> {
        for directory in DIRECTORIES {
            system
                .disk
                .create_dir_all(directory)
                .map_err(|e| file_error(&e, format!("could not create directory \"{directory}\"")))?;
        }
        for directory in ["", "base/1/"] {
            write_version(system, directory)?;
        }
        let (_, wal, pool) = storage(system, options)?;
        let control = Arc::new(write_first_checkpoint(system, &wal, options)?);
        let locks = LockManager::new(system.clock.clone());
        let config = || txn::Config {
            system: system.clone(),
            wal: wal.clone(),
            pool: pool.clone(),
            locks: locks.clone(),
            counters: initial_counters(),
            sync: options.fsync,
        };
        Transactions::bootstrap(config())?;
        let transactions = Transactions::open(config())?;
        transactions.finish_recovery()?;
        let state: Arc<dyn TransactionState> = transactions.clone();
        let checkpointer = Arc::new(Checkpointer::new(system, pool.clone(), control.clone(), state));
        let toast = Arc::new(btree::ToastBtree);
        let instance = Instance::new(system.clone(), pool.clone(), transactions.clone(), locks, toast);
        let cluster = Cluster { instance, wal, pool, control, checkpointer, transactions };
        cluster.fill_catalogs(choices)?;
        finish(&cluster)?;
        cluster.transactions.end_of_bootstrap_oids();
        cluster.shut_down()?;
        for database in [bootstrap::TEMPLATE0, bootstrap::POSTGRES] {
            copy_database(system, bootstrap::TEMPLATE1, database)?;
        }
        Ok(())
    }

    fn fill_catalogs(&self, choices: &bootstrap::Choices) -> Result<()> {
        let session =
            self.maintenance_session(bootstrap::TEMPLATE1, "template1", &Arc::new(ServerSettings::boot()));
        let transaction = session.transaction_session().begin(txn::Options::default())?;
        session.set_transaction(Some(transaction.clone()));
        let filled = bootstrap::run(&session, choices);
        session.set_transaction(None);
        match filled {
            Ok(()) => transaction.commit(),
            Err(error) => {
                transaction.abort()?;
                Err(error)
            }
        }
    }

    /// A session of the server's own, as the bootstrap superuser.
    pub fn maintenance_session(
        &self,
        database: Oid,
        name: &str,
        settings: &Arc<ServerSettings>,
    ) -> Arc<Session> {
        let interrupt = Arc::new(NoInterrupt);
        let transactions = self.transactions.session(txn::SessionOptions {
            pid: std::process::id() as i32,
            database,
            waiter: Arc::new(ThreadWaiter::default()),
            interrupt: interrupt.clone(),
        });
        Session::new(
            self.instance.clone(),
            SessionStart {
                database,
                database_name: name.to_owned(),
                tablespace: catalog::DEFAULT_TABLESPACE,
                user: bootstrap::BOOTSTRAP_SUPERUSER,
                settings: SessionSettings::new(settings.clone()),
                transactions,
                interrupt,
                number: 0,
            },
        )
    }
}

fn write_version(system: &System, directory: &str) -> Result<()> {
    let path = format!("{directory}PG_VERSION");
    system
        .disk
        .replace(&path, b"18\n")
        .map_err(|e| file_error(&e, format!("could not write file \"{path}\"")))
}

fn write_first_checkpoint(system: &System, wal: &Arc<Wal>, options: &ClusterOptions) -> Result<ControlStore> {
    let now = system.clock.now_micros();
    let mut nonce = [0; 32];
    system.random.fill(&mut nonce);
    let control = ControlFile {
        // As PostgreSQL makes it: seconds, microseconds, and some bits to tell two of the same moment apart.
        system_identifier: ((now / 1_000_000) as u64) << 32
            | ((now % 1_000_000) as u64) << 12
            | u64::from(std::process::id()) & 0xfff,
        state: ClusterState::ShutDown,
        checksum_version: u32::from(options.buffers.checksums),
        mock_authentication_nonce: nonce,
        ..ControlFile::default()
    };
    let mut checkpoint = Checkpoint {
        timeline: TimelineId(1),
        previous_timeline: TimelineId(1),
        full_page_writes: true,
        wal_level: 1,
        time: now / 1_000_000,
        ..Checkpoint::default()
    };
    let counters = initial_counters();
    checkpoint.next_xid = counters.next_xid;
    checkpoint.next_oid = counters.next_oid;
    checkpoint.next_multi = counters.next_multi;
    checkpoint.next_multi_offset = counters.next_multi_offset;
    checkpoint.oldest_xid = counters.oldest_xid.low();
    checkpoint.oldest_xid_database = counters.oldest_xid_database;
    checkpoint.oldest_multi = counters.oldest_multi;
    checkpoint.oldest_multi_database = counters.oldest_multi_database;
    recovery::bootstrap(system, wal, control, checkpoint)
}

/// Copies a database's folder, file by file, with the server's other work at rest.
fn copy_database(system: &System, from: Oid, to: Oid) -> Result<()> {
    let (source, target) = (format!("base/{from}"), format!("base/{to}"));
    let failed = |what: &str| {
        let what = what.to_owned();
        move |e: std::io::Error| file_error(&e, format!("could not copy file \"{what}\""))
    };
    system.disk.create_dir_all(&target).map_err(failed(&target))?;
    for name in system.disk.list(&source).map_err(failed(&source))? {
        let path = format!("{source}/{name}");
        let bytes = system.disk.read(&path).map_err(failed(&path))?;
        let copy = format!("{target}/{name}");
        let file = system.disk.open(&copy, sys::disk::OpenOptions::TRUNCATE).map_err(failed(&copy))?;
        file.write_all_at(&bytes, 0).map_err(failed(&copy))?;
        file.sync_data().map_err(failed(&copy))?;
    }
    system.disk.sync_dir(&target).map_err(failed(&target))
}

/// Where numbering starts: behind the OIDs that the catalogs' first rows have.
fn initial_counters() -> Counters {
    const FIRST_VIEW: Oid = Oid(13_000);
    Counters { next_oid: FIRST_VIEW, ..Counters::initial() }
}
