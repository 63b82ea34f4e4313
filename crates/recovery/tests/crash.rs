//! Random work on a toy access method, a crash at a random place, and recovery: what was flushed is there, and every page is what its records say.

use base::{BlockNumber, Fork, Lsn, Oid, RelFileLocator, Result, TimelineId, Xid};
use buffer::{
    BufferOptions, BufferPool, Logging, RedoContext, Registered, ResourceManager, StorageManager, Strategy,
    redo, relation,
};
use recovery::{
    Checkpoint, CheckpointKind, Checkpointer, ControlFile, ControlStore, Recovered, Recovery, Retention,
    TransactionState, XlogManager, bootstrap,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use storage::{DEFAULT_TABLESPACE, Page, RelationFiles};
use sys::System;
use sys::simulated::{Operation, SimulatedDisk, simulated};
use wal::{Change, Record, RecordWriter, RmgrId, Wal, WalOptions};

const CELLS: usize = 64;
const CELLS_AT: usize = 24;
const PUT: u8 = 0x10;
const INIT: u8 = 0x20;

/// Sets one cell in each block.
struct Put {
    cells: Vec<(u16, u64)>,
}

impl Change<'_> for Put {
    const RMGR: RmgrId = RmgrId::GENERIC;

    fn info(&self) -> u8 {
        PUT
    }

    fn encode(&self, out: &mut RecordWriter<'_>) {
        for (block, (cell, value)) in self.cells.iter().enumerate() {
            out.block(block as u8, &cell.to_le_bytes());
            out.block(block as u8, &value.to_le_bytes());
        }
    }

    fn decode(record: &Record<'_>) -> Result<Put> {
        let mut cells = Vec::new();
        for block in &record.blocks {
            let mut reader = base::bytes::Reader::new(block.data);
            cells.push(if record.has_image(block.id) { (0, 0) } else { (reader.u16()?, reader.u64()?) });
        }
        Ok(Put { cells })
    }

    fn apply(&self, block: u8, page: &mut Page) {
        let (cell, value) = self.cells[usize::from(block)];
        base::bytes::put_u64(page.bytes_mut(), CELLS_AT + usize::from(cell) * 8, value);
    }
}

struct Init;

impl Change<'_> for Init {
    const RMGR: RmgrId = RmgrId::GENERIC;

    fn info(&self) -> u8 {
        INIT
    }

    fn encode(&self, _out: &mut RecordWriter<'_>) {}

    fn decode(_record: &Record<'_>) -> Result<Init> {
        Ok(Init)
    }

    fn apply(&self, _block: u8, page: &mut Page) {
        page.init(0);
        page.set_lower(CELLS_AT + CELLS * 8);
    }
}

struct ToyManager;

impl ResourceManager for ToyManager {
    fn id(&self) -> RmgrId {
        RmgrId::GENERIC
    }

    fn name(&self) -> &'static str {
        "Generic"
    }

    fn redo(&self, context: &RedoContext<'_>, record: &Record<'_>) -> Result<()> {
        match record.op() {
            PUT => redo(context, record, &Put::decode(record)?),
            _ => redo(context, record, &Init),
        }
    }

    fn mask(&self, page: &mut Page, _block: BlockNumber, _fork: Fork) {
        page.set_prune_xid(0);
    }
}

struct NoTransactions;

impl TransactionState for NoTransactions {
    fn fill_checkpoint(&self, checkpoint: &mut Checkpoint, _online: bool) {
        checkpoint.next_xid = Xid(1000);
    }
    fn flush(&self, _redo: Lsn) -> Result<()> {
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

struct Engine {
    pool: Arc<BufferPool>,
    wal: Arc<Wal>,
    control: Arc<ControlStore>,
    checkpointer: Checkpointer,
}

fn options() -> WalOptions {
    WalOptions {
        segment_size: 1 << 20,
        buffers: 16 * 8192,
        init_zero: false,
        consistency_checking: 1 << RmgrId::GENERIC.0,
        ..WalOptions::default()
    }
}

fn make_cluster(system: &System, options: WalOptions) {
    for dir in ["global", "base", "base/5", "pg_wal", "pg_tblspc"] {
        system.disk.create_dir(dir).expect("makes");
    }
    for dir in [".", "base"] {
        system.disk.sync_dir(dir).expect("syncs");
    }
    let wal = Wal::new(system, options).expect("makes");
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

fn open(system: &System, options: WalOptions, frames: usize) -> Result<(Engine, Recovered)> {
    let control = Arc::new(ControlStore::open(system)?);
    let wal = Wal::new(system, options)?;
    let files = Arc::new(RelationFiles::new(system.disk.clone(), 100, true));
    let pool = BufferPool::new(files, wal.clone(), BufferOptions { frames, ..BufferOptions::default() })?;
    let transactions: Arc<dyn TransactionState> = Arc::new(NoTransactions);
    let managers: Vec<Arc<dyn ResourceManager>> = vec![
        Arc::new(XlogManager::new(transactions.clone(), control.clone())),
        Arc::new(StorageManager),
        Arc::new(ToyManager),
    ];
    let recovery = Recovery {
        system,
        pool: &pool,
        control: &control,
        transactions: &transactions,
        managers: &managers,
        log: &|_| (),
    };
    let (recovered, checkpointer) = recovery.run()?;
    Ok((Engine { pool, wal, control, checkpointer }, recovered))
}

#[derive(Clone, Debug)]
enum Effect {
    Create(RelFileLocator),
    Init(RelFileLocator, u32),
    Put(Vec<(RelFileLocator, u32, u16, u64)>),
    Truncate(RelFileLocator, u32),
}

type Relations = BTreeMap<RelFileLocator, Vec<Option<[u64; CELLS]>>>;

fn replay(effects: &[(Lsn, Effect)]) -> Relations {
    let mut relations = Relations::new();
    for (_, effect) in effects {
        match effect {
            Effect::Create(rel) => {
                relations.insert(*rel, Vec::new());
            }
            Effect::Init(rel, block) => {
                let blocks = relations.get_mut(rel).expect("made");
                blocks.resize(blocks.len().max(*block as usize + 1), None);
                blocks[*block as usize] = Some([0; CELLS]);
            }
            Effect::Put(cells) => {
                for (rel, block, cell, value) in cells {
                    let page = relations.get_mut(rel).expect("made")[*block as usize].as_mut();
                    page.expect("initialised")[usize::from(*cell)] = *value;
                }
            }
            Effect::Truncate(rel, blocks) => {
                relations.get_mut(rel).expect("made").truncate(*blocks as usize);
            }
        }
    }
    relations
}

struct Model {
    effects: Vec<(Lsn, Effect)>,
    now: Relations,
    acknowledged: Lsn,
    next_number: u32,
}

impl Model {
    fn add(&mut self, lsn: Lsn, effect: Effect) {
        self.effects.push((lsn, effect));
        self.now = replay_onto(std::mem::take(&mut self.now), &self.effects[self.effects.len() - 1]);
    }

    /// An initialised block.
    fn pick(&self, random: &dyn sys::Random) -> Option<(RelFileLocator, u32)> {
        let all: Vec<(RelFileLocator, u32)> = self
            .now
            .iter()
            .flat_map(|(rel, blocks)| {
                blocks
                    .iter()
                    .enumerate()
                    .filter(|(_, page)| page.is_some())
                    .map(|(block, _)| (*rel, block as u32))
            })
            .collect();
        (!all.is_empty()).then(|| all[random.below(all.len() as u64) as usize])
    }
}

fn replay_onto(mut relations: Relations, effect: &(Lsn, Effect)) -> Relations {
    if let (_, Effect::Put(cells)) = effect {
        for (rel, block, cell, value) in cells {
            if let Some(page) = relations.get_mut(rel).and_then(|blocks| blocks[*block as usize].as_mut()) {
                page[usize::from(*cell)] = *value;
            }
        }
        return relations;
    }
    match &effect.1 {
        Effect::Create(rel) => {
            relations.insert(*rel, Vec::new());
        }
        Effect::Init(rel, block) => {
            let blocks = relations.get_mut(rel).expect("made");
            blocks.resize(blocks.len().max(*block as usize + 1), None);
            blocks[*block as usize] = Some([0; CELLS]);
        }
        Effect::Truncate(rel, blocks) => {
            relations.get_mut(rel).expect("made").truncate(*blocks as usize);
        }
        Effect::Put(_) => {}
    }
    relations
}

fn put(engine: &Engine, model: &mut Model, random: &dyn sys::Random, both: bool) -> Result<()> {
    let Some(first) = model.pick(random) else { return Ok(()) };
    let mut targets = vec![first];
    if both && let Some(second) = model.pick(random).filter(|second| *second != first) {
        targets.push(second);
        // Latches are taken in one order.
        targets.sort();
    }
    let cells: Vec<(u16, u64)> =
        targets.iter().map(|_| (random.below(CELLS as u64) as u16, random.next_u64())).collect();
    let pins = targets
        .iter()
        .map(|(rel, block)| engine.pool.pin(*rel, Fork::Main, BlockNumber(*block), Strategy::Normal))
        .collect::<Result<Vec<_>>>()?;
    let mut pages: Vec<_> = pins.iter().map(|pin| pin.write()).collect();
    let mut registered: Vec<_> = pages.iter_mut().map(|page| Registered::new(page).standard()).collect();
    let change = Put { cells: cells.clone() };
    let lsn = engine.pool.change(&change, Logging::Logged { xid: Xid(900) }, &mut registered)?;
    let cells =
        targets.iter().zip(cells).map(|((rel, block), (cell, value))| (*rel, *block, cell, value)).collect();
    model.add(lsn, Effect::Put(cells));
    Ok(())
}

fn step(engine: &Engine, model: &mut Model, random: &dyn sys::Random) -> Result<()> {
    match random.below(100) {
        0..=2 => {
            let number = Oid(model.next_number);
            model.next_number += 1;
            let rel = RelFileLocator { tablespace: DEFAULT_TABLESPACE, database: Oid(5), number };
            engine.pool.files().create(rel, Fork::Main, false)?;
            let lsn = relation::log_create(&engine.pool, rel, Fork::Main, Xid(900))?;
            model.add(lsn, Effect::Create(rel));
        }
        3..=17 => {
            let rels: Vec<RelFileLocator> = model.now.keys().copied().collect();
            if rels.is_empty() {
                return Ok(());
            }
            let rel = rels[random.below(rels.len() as u64) as usize];
            let pin = engine.pool.extend(rel, Fork::Main, Strategy::Normal)?;
            let mut page = pin.write();
            let mut registered = [Registered::new(&mut page).standard().will_init()];
            let lsn = engine.pool.change(&Init, Logging::Logged { xid: Xid(900) }, &mut registered)?;
            model.add(lsn, Effect::Init(rel, pin.block().0));
        }
        18..=55 => put(engine, model, random, false)?,
        56..=75 => put(engine, model, random, true)?,
        76..=80 => {
            if let Some((rel, block)) = model.pick(random) {
                let pin = engine.pool.pin(rel, Fork::Main, BlockNumber(block), Strategy::Normal)?;
                pin.write().hint(|page| page.set_prune_xid(random.next_u64() as u32));
            }
        }
        81..=87 => {
            let lsn = engine.wal.inserted();
            engine.wal.flush(lsn)?;
            model.acknowledged = model.effects.last().map_or(Lsn(0), |(lsn, _)| *lsn);
        }
        88..=91 => {
            engine.pool.background_write(5)?;
        }
        92..=94 => {
            if let Some((rel, block)) = model.pick(random) {
                engine.pool.flush_block(rel, Fork::Main, BlockNumber(block))?;
            }
        }
        95 => {
            engine.wal.switch_segment()?;
        }
        96 => {
            if let Some((rel, block)) = model.pick(random) {
                let before = engine.wal.inserted();
                let result = relation::truncate(&engine.pool, rel, BlockNumber(block), Xid(900));
                // A failure after the record has its place leaves it to recovery to carry it out.
                if engine.wal.inserted() > before {
                    model.add(engine.wal.inserted(), Effect::Truncate(rel, block));
                }
                result?;
                model.acknowledged = model.effects.last().expect("just added").0;
            }
        }
        _ => {
            let retention = Retention { min_wal_bytes: 2 << 20, ..Retention::default() };
            engine.checkpointer.run(CheckpointKind::Online { force: true }, &retention, &mut |_| ())?;
        }
    }
    Ok(())
}

fn verify(engine: &Engine, expected: &Relations, seed: u64) {
    for (rel, blocks) in expected {
        let count = engine.pool.block_count(*rel, Fork::Main).expect("relation is there");
        assert!(
            count.0 as usize >= blocks.len(),
            "seed {seed}: {rel} has {count} of {} blocks",
            blocks.len()
        );
        for block in 0..count.0 {
            let pin = engine
                .pool
                .pin(*rel, Fork::Main, BlockNumber(block), Strategy::Normal)
                .unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
            let page = pin.read();
            match blocks.get(block as usize).copied().flatten() {
                None => assert!(page.is_new(), "seed {seed}: block {block} of {rel} should be empty"),
                Some(cells) => {
                    let found: Vec<u64> = (0..CELLS)
                        .map(|cell| base::bytes::get_u64(page.bytes(), CELLS_AT + cell * 8))
                        .collect();
                    assert!(found == cells, "seed {seed}: block {block} of {rel} differs");
                }
            }
        }
    }
}

fn order_fault(disk: &SimulatedDisk, random: &dyn sys::Random) {
    match random.below(10) {
        0..=3 => disk.crash_at_sync(random.below(60)),
        4..=7 => disk.crash_at_write(random.below(300)),
        8 => disk.fail_at(Operation::Write, random.below(200), libc::ENOSPC),
        _ => disk.fail_at(Operation::Sync, random.below(50), libc::EIO),
    }
}

fn log_end(system: &System) -> Lsn {
    let control = ControlStore::open(system).expect("reads").get();
    let mut reader = wal::Reader::new(system.disk.clone(), TimelineId(1), options().segment_size, Some(4242));
    reader.seek(control.checkpoint_copy.redo);
    while reader.read().expect("reads").is_some() {}
    reader.last().expect("has records").1
}

fn run_seed(seed: u64, lives: usize) {
    let (system, disk) = simulated(seed);
    let random = system.random.clone();
    make_cluster(&system, options());
    let mut model =
        Model { effects: Vec::new(), now: Relations::new(), acknowledged: Lsn(0), next_number: 20_000 };
    for life in 0..lives {
        let frames = 16 + random.below(48) as usize;
        let mut attempts = 0;
        let (engine, recovered) = loop {
            // Before each attempt: one that gets far adds a checkpoint record, and one that is cut short may lose what was not synced.
            let end = log_end(&system);
            assert!(
                end >= model.acknowledged,
                "seed {seed}: the log ends at {end} before {}",
                model.acknowledged
            );
            model.effects.retain(|(lsn, _)| *lsn <= end);
            // A crash during recovery, sometimes.
            if random.below(4) == 0 && attempts < 3 {
                disk.crash_at_sync(random.below(12));
            }
            attempts += 1;
            match open(&system, options(), frames) {
                Ok(opened) => break opened,
                Err(error) => {
                    assert!(disk.crashed(), "seed {seed}, life {life}: {error:?}");
                    disk.restart();
                }
            }
        };
        disk.clear_faults();
        assert!(recovered.redone == (life > 0) || attempts > 1, "seed {seed}: redo after a crash only");
        model.now = replay(&model.effects);
        verify(&engine, &model.now, seed);
        order_fault(&disk, &*random);
        let steps = 50 + random.below(300);
        for _ in 0..steps {
            let _ = step(&engine, &mut model, &*random);
            if disk.crashed() || engine.wal.check().is_err() {
                break;
            }
        }
        if disk.crashed() || random.below(2) == 0 {
            disk.crash();
            disk.restart();
        } else {
            disk.kill_process();
        }
    }
}

#[test]
fn flushed_changes_survive_crashes() {
    let seeds = std::env::var("CRASH_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(100);
    let first = std::env::var("CRASH_FIRST").ok().and_then(|first| first.parse().ok()).unwrap_or(0);
    for seed in first..first + seeds {
        run_seed(seed, 4);
    }
}

#[test]
fn clean_shutdown_needs_no_redo() {
    let (system, disk) = simulated(7);
    make_cluster(&system, options());
    let mut model =
        Model { effects: Vec::new(), now: Relations::new(), acknowledged: Lsn(0), next_number: 20_000 };
    for _ in 0..3 {
        let (engine, recovered) = open(&system, options(), 32).expect("opens");
        assert!(!recovered.redone);
        verify(&engine, &model.now, 7);
        for _ in 0..200 {
            step(&engine, &mut model, &*system.random).expect("works");
        }
        engine
            .checkpointer
            .run(CheckpointKind::Shutdown, &Retention::default(), &mut |_| ())
            .expect("shuts down");
        assert_eq!(engine.control.get().state, recovery::ClusterState::ShutDown);
        drop(engine);
        disk.crash();
        disk.restart();
    }
}
