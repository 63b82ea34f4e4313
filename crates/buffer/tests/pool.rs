//! The pool under threads, with failing disks, and with rings.

use base::{BlockNumber, Fork, Lsn, Oid, RelFileLocator, Result, SqlState, TimelineId, Xid};
use buffer::{
    BufferOptions, BufferPool, BulkWrite, Logging, ReadAhead, Registered, Ring, RingKind, Strategy,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use storage::{DEFAULT_TABLESPACE, Page, RelationFiles};
use sys::disk::Disk;
use sys::simulated::{Operation, SimulatedDisk, simulated};
use wal::{Change, Record, RecordWriter, RmgrId, Wal, WalOptions, WalStart};

const RELATION: RelFileLocator =
    RelFileLocator { tablespace: DEFAULT_TABLESPACE, database: Oid(5), number: Oid(16384) };
const CELL: usize = 64;

fn pool(seed: u64, frames: usize) -> (Arc<BufferPool>, Arc<SimulatedDisk>) {
    let (system, disk) = simulated(seed);
    for dir in ["base/5", "pg_wal"] {
        disk.create_dir_all(dir).expect("makes");
    }
    let options =
        WalOptions { segment_size: 1 << 20, buffers: 1 << 18, init_zero: false, ..WalOptions::default() };
    let wal = Wal::new(&system, options).expect("makes");
    let end = wal.first_lsn_of_segment(1);
    let start =
        WalStart { timeline: TimelineId(1), system_identifier: 1, end, previous: Lsn::INVALID, redo: end };
    wal.start(start).expect("starts");
    let files = Arc::new(RelationFiles::new(system.disk.clone(), 100, true));
    let pool =
        BufferPool::new(files, wal, BufferOptions { frames, ..BufferOptions::default() }).expect("maps");
    pool.files().create(RELATION, Fork::Main, false).expect("creates");
    (pool, disk)
}

/// Adds to the number that each page holds.
struct Add {
    amounts: [i64; 2],
}

impl Change<'_> for Add {
    const RMGR: RmgrId = RmgrId::GENERIC;
    fn info(&self) -> u8 {
        0
    }
    fn encode(&self, out: &mut RecordWriter<'_>) {
        for amount in self.amounts {
            out.main(&amount.to_le_bytes());
        }
    }
    fn decode(record: &Record<'_>) -> Result<Add> {
        let mut reader = record.reader();
        Ok(Add { amounts: [reader.i64()?, reader.i64()?] })
    }
    fn apply(&self, block: u8, page: &mut Page) {
        if page.is_new() {
            page.init(0);
            page.set_lower(CELL + 8);
        }
        let value = read_cell(page) + self.amounts[usize::from(block)];
        base::bytes::put_u64(page.bytes_mut(), CELL, value as u64);
    }
}

fn read_cell(page: &Page) -> i64 {
    base::bytes::get_u64(page.bytes(), CELL) as i64
}

fn fill(pool: &Arc<BufferPool>, blocks: u32) {
    for _ in 0..blocks {
        let pin = pool.extend(RELATION, Fork::Main, Strategy::Normal).expect("extends");
        let mut page = pin.write();
        let logging = Logging::Logged { xid: Xid(9) };
        pool.change(&Add { amounts: [100, 0] }, logging, &mut [Registered::new(&mut page).standard()])
            .expect("changes");
    }
}

#[test]
fn threads_move_amounts_without_losing_any() {
    let (pool, _) = pool(1, 24);
    fill(&pool, 100);
    let seeds = AtomicU64::new(1);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut state = seeds.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let mut random = |bound: u64| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    state % bound
                };
                for turn in 0..1500 {
                    let (a, b) = (random(100) as u32, random(100) as u32);
                    if a == b {
                        continue;
                    }
                    let (low, high) = (a.min(b), a.max(b));
                    let pins = [low, high].map(|block| {
                        pool.pin(RELATION, Fork::Main, BlockNumber(block), Strategy::Normal).expect("pins")
                    });
                    let (mut first, mut second) = (pins[0].write(), pins[1].write());
                    let amount = random(20) as i64 - 10;
                    let mut pages =
                        [Registered::new(&mut first).standard(), Registered::new(&mut second).standard()];
                    let change = Add { amounts: [amount, -amount] };
                    pool.change(&change, Logging::Logged { xid: Xid(9) }, &mut pages).expect("changes");
                    if turn % 100 == 0 {
                        drop((first, second));
                        pool.background_write(4).expect("writes");
                        pool.checkpoint(false, &mut |_| ()).expect("writes");
                    }
                }
            });
        }
    });
    let total: i64 = (0..100)
        .map(|block| {
            read_cell(
                &pool.pin(RELATION, Fork::Main, BlockNumber(block), Strategy::Normal).expect("pins").read(),
            )
        })
        .sum();
    assert_eq!(total, 100 * 100);
    assert!(pool.counters().evictions > 1000);
}

#[test]
fn damage_and_failures_are_errors_and_never_pages() {
    let (pool, disk) = pool(2, 16);
    fill(&pool, 40);
    pool.flush_relation(RELATION).expect("flushes");
    let file = disk.open("base/5/16384", sys::OpenOptions::WRITE).expect("opens");
    file.write_all_at(&[0xee; 100], 3 * 8192 + 4000).expect("writes");
    let pin = |block| pool.pin(RELATION, Fork::Main, BlockNumber(block), Strategy::Normal);
    for _ in 0..2 {
        let error = pin(3).map(|_| ()).unwrap_err();
        assert_eq!(error.state(), SqlState::DATA_CORRUPTED);
        assert_eq!(error.message(), "invalid page in block 3 of relation \"base/5/16384\"");
    }
    disk.fail_at(Operation::Read, 0, 5);
    let error = pin(5).map(|_| ()).unwrap_err();
    assert_eq!(error.state(), SqlState::IO_ERROR);
    assert_eq!(error.message(), "could not read blocks 5..5 in file \"base/5/16384\": Input/output error");
    assert_eq!(read_cell(&pin(5).expect("the next attempt succeeds").read()), 100);
    disk.fail_at(Operation::Write, 0, 28);
    let error = pool.extend(RELATION, Fork::Main, Strategy::Normal).map(|_| ()).unwrap_err();
    assert_eq!(error.state(), SqlState::DISK_FULL);
    assert_eq!(pool.block_count(RELATION, Fork::Main).expect("counts"), BlockNumber(40));
    assert!(pin(40).is_err());
    // The frame left behind by the read beyond the end becomes the new block's.
    let added = pool.extend(RELATION, Fork::Main, Strategy::Normal).expect("extends");
    assert!(added.read().is_new());
    let all: Vec<_> = (4..19).map(|block| pin(block).expect("pins")).collect();
    assert_eq!(pin(30).map(|_| ()).unwrap_err().message(), "no unpinned buffers available");
    drop(all);
    pin(30).expect("pins");
}

#[test]
fn a_ring_leaves_other_pages_alone() {
    let (pool, _) = pool(3, 128);
    fill(&pool, 600);
    pool.flush_relation(RELATION).expect("flushes");
    let hot = RelFileLocator { number: Oid(16385), ..RELATION };
    pool.files().create(hot, Fork::Main, false).expect("creates");
    pool.extend_by(hot, Fork::Main, 16, Strategy::Normal).expect("extends");
    for block in 0..16 {
        pool.pin(hot, Fork::Main, BlockNumber(block), Strategy::Normal).expect("pins");
    }
    let ring = Ring::new(RingKind::BulkRead, &pool);
    let mut ahead = ReadAhead::new();
    for block in 0..600 {
        let pin = ahead
            .pin(&pool, RELATION, Fork::Main, BlockNumber(block), BlockNumber(600), Strategy::Ring(&ring))
            .expect("pins");
        assert_eq!(read_cell(&pin.read()), 100);
    }
    // Every block was read at most once.
    assert!(pool.counters().reads <= 600, "{:?}", pool.counters());
    assert_eq!(pool.cached_pages(hot), 16);
}

#[test]
fn copies_are_equal_and_logged() {
    let (pool, _) = pool(7, 64);
    fill(&pool, 100);
    let copy = RelFileLocator { number: Oid(16385), ..RELATION };
    let before = pool.wal().inserted();
    buffer::relation::copy(&pool, RELATION, copy, Xid(9)).expect("copies");
    assert_eq!(pool.block_count(copy, Fork::Main).expect("counts"), BlockNumber(100));
    for block in 0..100 {
        let pin = pool.pin(copy, Fork::Main, BlockNumber(block), Strategy::Normal).expect("pins");
        let page = pin.read();
        assert!(read_cell(&page) == 100 && page.lsn() > before);
    }
}

#[test]
fn what_is_written_past_the_pool_is_durable_though_a_checkpoint_came_between() {
    let (pool, disk) = pool(9, 64);
    let pages = |numbers: [i64; 3]| {
        numbers.map(|number| {
            let mut page = Page::zeroed();
            page.init(0);
            page.set_lower(CELL + 8);
            base::bytes::put_u64(page.bytes_mut(), CELL, number as u64);
            (*page).clone()
        })
    };
    let bulk = BulkWrite::new(&pool, RELATION, Fork::Main, true);
    bulk.write(&[0, 1, 5].map(BlockNumber), &mut pages([0, 1, 5])).expect("writes");
    pool.wal().begin_online_checkpoint().expect("begins");
    pool.files().sync_all().expect("syncs");
    bulk.write(&[2, 3, 4].map(BlockNumber), &mut pages([2, 3, 4])).expect("writes");
    bulk.finish().expect("syncs");
    disk.restart();
    assert_eq!(pool.block_count(RELATION, Fork::Main).expect("counts"), BlockNumber(6));
    let survived = disk.read(&pool.files().path(RELATION, Fork::Main)).expect("reads");
    assert_eq!(survived.len(), 6 * base::PAGE_SIZE);
    for (number, bytes) in survived.chunks(base::PAGE_SIZE).enumerate() {
        let page = Page::from_bytes(bytes.try_into().expect("a page"));
        page.verify(BlockNumber(number as u32), true).expect("is whole");
        assert_eq!((read_cell(&page), page.lsn().is_valid()), (number as i64, true));
    }
}

#[test]
fn cleanup_waits_for_other_pins() {
    let (pool, _) = pool(4, 16);
    fill(&pool, 1);
    let pin = pool.pin(RELATION, Fork::Main, BlockNumber(0), Strategy::Normal).expect("pins");
    let other = pin.clone();
    assert!(pin.try_cleanup().is_none());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| drop(pin.cleanup()));
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert!(!waiting.is_finished());
        drop(other);
        waiting.join().expect("gets the page");
    });
}

#[test]
fn dropped_and_cut_blocks_are_gone() {
    let (pool, _) = pool(5, 64);
    fill(&pool, 50);
    pool.truncate(RELATION, Fork::Main, BlockNumber(10)).expect("truncates");
    assert_eq!(pool.cached_pages(RELATION), 10);
    assert!(pool.pin(RELATION, Fork::Main, BlockNumber(10), Strategy::Normal).is_err());
    buffer::relation::drop_files(&pool, &[RELATION], true).expect("drops");
    assert_eq!(pool.cached_pages(RELATION), 0);
    assert!(!pool.files().exists(RELATION, Fork::Main).expect("looks"));
}
