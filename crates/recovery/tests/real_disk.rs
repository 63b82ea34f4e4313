//! On the operating system's disk. With `FERRODON_KEEP=dir` the data directory is left there, for PostgreSQL's own tools to look at.

use base::{Fork, Oid, RelFileLocator, Result, TimelineId, Xid};
use buffer::{
    BufferOptions, BufferPool, ResourceManager, Ring, RingKind, StorageManager, Strategy, fsm, relation, vm,
};
use recovery::{
    Checkpoint, CheckpointKind, Checkpointer, ControlFile, ControlStore, Recovery, Retention,
    TransactionState, XlogManager, bootstrap,
};
use std::path::PathBuf;
use std::sync::Arc;
use storage::{DEFAULT_TABLESPACE, RelationFiles};
use sys::System;
use wal::{Wal, WalOptions};

struct NoTransactions;

impl TransactionState for NoTransactions {
    fn fill_checkpoint(&self, checkpoint: &mut Checkpoint, _online: bool) {
        checkpoint.next_xid = Xid(1000);
    }
    fn flush(&self, _redo: base::Lsn) -> Result<()> {
        Ok(())
    }
    fn log_running(&self) -> Result<()> {
        Ok(())
    }
    fn redo_xid_seen(&self, _xid: u32) {}
    fn redo_next_oid(&self, _next: Oid) {}
    fn redo_checkpoint(&self, _checkpoint: &Checkpoint, _shutdown: bool) {}
    fn finish_recovery(&self) -> Result<()> {
        Ok(())
    }
}

fn make_cluster(system: &System) {
    for dir in ["global", "base", "base/5", "pg_wal", "pg_tblspc"] {
        system.disk.create_dir(dir).expect("makes");
    }
    let wal = Wal::new(system, WalOptions::default()).expect("makes");
    let control = ControlFile { system_identifier: 4242, ..ControlFile::default() };
    let checkpoint = Checkpoint {
        timeline: TimelineId(1),
        previous_timeline: TimelineId(1),
        full_page_writes: true,
        wal_level: 1,
        next_xid: Xid(1000),
        ..Checkpoint::default()
    };
    bootstrap(system, &wal, control, checkpoint).expect("bootstraps");
}

fn open(system: &System) -> (Arc<BufferPool>, Checkpointer, bool) {
    let control = Arc::new(ControlStore::open(system).expect("reads"));
    let wal = Wal::new(system, WalOptions::default()).expect("makes");
    let files = Arc::new(RelationFiles::new(system.disk.clone(), 100, true));
    let options = BufferOptions { frames: 4096, ..BufferOptions::default() };
    let pool = BufferPool::new(files, wal, options).expect("maps");
    let transactions: Arc<dyn TransactionState> = Arc::new(NoTransactions);
    let managers: Vec<Arc<dyn ResourceManager>> =
        vec![Arc::new(XlogManager::new(transactions.clone(), control.clone())), Arc::new(StorageManager)];
    let (pool_ref, control_ref, transactions_ref) = (&pool, &control, &transactions);
    let recovery = Recovery {
        system,
        pool: pool_ref,
        control: control_ref,
        transactions: transactions_ref,
        managers: &managers,
        log: &|_| (),
    };
    let (recovered, checkpointer) = recovery.run().expect("recovers");
    (pool, checkpointer, recovered.redone)
}

const RELATION: RelFileLocator =
    RelFileLocator { tablespace: DEFAULT_TABLESPACE, database: Oid(5), number: Oid(16384) };

#[test]
fn pages_maps_and_log_survive_a_killed_process() {
    let kept = std::env::var_os("FERRODON_KEEP").map(PathBuf::from);
    let temporary = tempfile::tempdir().expect("makes");
    let root = kept.as_deref().unwrap_or(temporary.path());
    let system = System::real(root);
    make_cluster(&system);
    {
        let (pool, _, redone) = open(&system);
        assert!(!redone);
        relation::create_file(&pool, RELATION, Fork::Main, Xid(900)).expect("creates");
        for _ in 0..300 {
            let pin = pool.extend(RELATION, Fork::Main, Strategy::Normal).expect("extends");
            let mut page = pin.write();
            page.change_unlogged(|page| {
                page.init(16);
                page.add_item(&[7; 700], None, false, true).expect("room");
            });
            pool.log_new_page(&mut page, true).expect("logs");
            let free = page.heap_free_space();
            drop(page);
            fsm::record(&pool, RELATION, pin.block(), free).expect("records");
        }
        fsm::vacuum(&pool, RELATION).expect("vacuums");
        let found = fsm::page_with_free_space(&pool, RELATION, 7000).expect("searches").expect("finds");
        assert_eq!(fsm::get(&pool, RELATION, found).expect("reads"), 7424);
        assert_eq!(fsm::page_with_free_space(&pool, RELATION, 8000).expect("searches"), None);
        vm::pin(&pool, RELATION, base::BlockNumber(40_000)).expect("makes");
        relation::truncate(&pool, RELATION, base::BlockNumber(200), Xid(900)).expect("truncates");
        pool.wal().switch_segment().expect("switches");
        let end = pool.wal().inserted();
        pool.wal().flush(end).expect("flushes");
    }
    let (pool, checkpointer, redone) = open(&system);
    assert!(redone);
    assert_eq!(pool.block_count(RELATION, Fork::Main).expect("counts").0, 200);
    let ring = Ring::new(RingKind::BulkRead, &pool);
    pool.prefetch(RELATION, Fork::Main, 0..200, Strategy::Ring(&ring)).expect("reads");
    for block in 0..200 {
        let pin =
            pool.pin(RELATION, Fork::Main, base::BlockNumber(block), Strategy::Ring(&ring)).expect("pins");
        assert_eq!(pin.read().item(base::OffsetNumber(1)), [7; 700]);
    }
    let retention = Retention { keep_bytes: 1 << 30, ..Retention::default() };
    checkpointer.run(CheckpointKind::Shutdown, &retention, &mut |_| ()).expect("shuts down");
}
