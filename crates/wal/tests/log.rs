//! What was flushed is read back, whatever happens to the rest.

use base::{BlockNumber, Fork, Lsn, Oid, RelFileLocator, TimelineId, Xid};
use std::sync::Arc;
use sys::simulated::simulated;
use wal::{BlockFlags, Reader, RecordBuilder, RmgrId, Wal, WalOptions, WalStart};

const SEGMENT: u32 = 1 << 20;
const SYSTEM: u64 = 77;

fn options() -> WalOptions {
    WalOptions { segment_size: SEGMENT, buffers: 16 * 8192, init_zero: false, ..WalOptions::default() }
}

fn start(wal: &Wal) {
    let end = wal.first_lsn_of_segment(1);
    wal.start(WalStart {
        timeline: TimelineId(1),
        system_identifier: SYSTEM,
        end,
        previous: Lsn::INVALID,
        redo: end,
    })
    .expect("starts");
}

fn read_all(system: &sys::System, from: Lsn) -> Vec<(Lsn, Vec<u8>)> {
    let mut reader = Reader::new(system.disk.clone(), TimelineId(1), SEGMENT, Some(SYSTEM));
    reader.seek(from);
    let mut found = Vec::new();
    while let Some(record) = reader.read().expect("reads") {
        found.push((record.end, record.main.to_vec()));
    }
    found
}

#[test]
fn flushed_records_survive_a_crash() {
    for seed in 0..60 {
        let (system, disk) = simulated(seed);
        system.disk.create_dir("pg_wal").expect("makes");
        system.disk.sync_dir(".").expect("syncs");
        let wal = Wal::new(&system, options()).expect("makes");
        start(&wal);
        disk.crash_at_sync(4 + system.random.below(40));
        let (mut written, mut flushed) = (Vec::new(), Lsn(0));
        loop {
            let length = match system.random.below(10) {
                0 => system.random.below(40_000),
                1 => system.random.below(400_000),
                _ => system.random.below(300),
            };
            let body: Vec<u8> = (0..length).map(|n| (n as u8) ^ (written.len() as u8)).collect();
            let record = RecordBuilder::new(RmgrId::XLOG, 0x20, Xid::INVALID).main(&body);
            let Ok(end) = wal.insert(&record) else { break };
            written.push((end, body));
            if system.random.below(4) == 0 {
                if wal.flush(end).is_err() {
                    break;
                }
                flushed = end;
            }
            if system.random.below(50) == 0 && wal.switch_segment().is_err() {
                break;
            }
            if system.random.below(8) == 0 && wal.background_flush().is_err() {
                break;
            }
        }
        disk.restart();
        let found: Vec<_> = read_all(&system, wal.first_lsn_of_segment(1))
            .into_iter()
            .filter(|(_, body)| !body.is_empty())
            .collect();
        written.retain(|(_, body)| !body.is_empty());
        let must = written.iter().filter(|(end, _)| *end <= flushed).count();
        assert!(found.len() >= must, "seed {seed}: {} of {must} flushed records found", found.len());
        // What survived of the last, failed insertion may be one record more than the test knows of.
        let known = found.len().min(written.len());
        assert!(found[..known] == written[..known], "seed {seed}: records differ");
    }
}

#[test]
fn threads_insert_side_by_side() {
    let (system, _) = simulated(3);
    system.disk.create_dir("pg_wal").expect("makes");
    let wal = Wal::new(&system, options()).expect("makes");
    start(&wal);
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let wal: &Arc<Wal> = &wal;
            scope.spawn(move || {
                for n in 0..2000_usize {
                    let body = vec![thread; n % 500 + 1];
                    let end = wal
                        .insert(&RecordBuilder::new(RmgrId::XLOG, 0x20, Xid(9)).main(&body))
                        .expect("inserts");
                    if n % 10 == 0 {
                        wal.flush(end).expect("flushes");
                        assert!(wal.flushed() >= end);
                    }
                }
            });
        }
    });
    wal.flush(wal.inserted()).expect("flushes");
    let found = read_all(&system, wal.first_lsn_of_segment(1));
    assert_eq!(found.len(), 8000);
    for thread in 0..4 {
        let of_thread: Vec<_> = found.iter().filter(|(_, body)| body[0] == thread).collect();
        assert!(of_thread.iter().enumerate().all(|(n, (_, body))| body.len() == n % 500 + 1));
    }
}

#[test]
fn images_leave_out_the_hole_and_come_once_after_a_checkpoint() {
    let (system, _) = simulated(4);
    system.disk.create_dir("pg_wal").expect("makes");
    let wal = Wal::new(&system, options()).expect("makes");
    start(&wal);
    let locator = RelFileLocator { tablespace: Oid(1663), database: Oid(5), number: Oid(16384) };
    let mut page = storage::Page::zeroed();
    page.init(0);
    page.add_item(&[5; 100], None, false, true).expect("room");
    for expect_image in [true, false] {
        let mut record = RecordBuilder::new(RmgrId::HEAP, 0, Xid(700)).main(b"main");
        let flags = BlockFlags { standard: true, ..BlockFlags::default() };
        record.add_block(0, locator, Fork::Main, BlockNumber(3), flags);
        record.writer().block(0, b"data");
        let placed = wal.insert_with_pages(&record, &[&page]).expect("inserts");
        page.set_lsn(placed.end);
        wal.flush(placed.end).expect("flushes");
        let mut reader = Reader::new(system.disk.clone(), TimelineId(1), SEGMENT, Some(SYSTEM));
        reader.seek(placed.start);
        let read = reader.read().expect("reads").expect("is there");
        assert_eq!((read.xid, read.main, read.rmgr), (700, &b"main"[..], RmgrId::HEAP));
        assert_eq!(read.has_image(0), expect_image);
        assert_eq!(read.data(0), if expect_image { &b""[..] } else { b"data" });
        if let Some(image) = read.block(0).expect("block").image {
            let mut restored = storage::Page::zeroed();
            image.restore(&mut restored).expect("restores");
            restored.set_lsn(page.lsn());
            assert!(restored.bytes() == page.bytes());
        }
    }
}
