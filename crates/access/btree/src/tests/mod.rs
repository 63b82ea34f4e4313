use crate::*;
use access_api::{
    Context, Direction, IndexKey, IndexRelation, IntegerOrder, KeyOrder, Persistence, Relation, ScanKey,
    Strategy, ToastRelation,
};
use base::{Fork, Lsn, Oid, RelFileLocator, Result, Tid, TimelineId};
use datum::{Attribute, Datum, OwnedDatum, TupleDesc, TypeLayout};
use heap::{HeapOracle, IndexedAttributes, InsertOptions, Outcome, Rows, UpdateOptions, Visibility};
use lock::{LockManager, NoInterrupt, ThreadWaiter, WaitPolicy};
use std::cmp::Ordering;
use std::sync::Arc;
use sys::System;
use sys::simulated::simulated;
use txn::{Config, Counters, Options, SessionOptions, Transactions};
use wal::{Wal, WalOptions, WalStart};

mod crash;
mod rows;

const SEGMENT: u32 = 1 << 20;
const START: Lsn = Lsn(SEGMENT as u64 + 40);

struct Int4;
impl KeyOrder for Int4 {
    fn compare(&self, a: Datum<'_>, b: Datum<'_>) -> Ordering {
        a.int4().cmp(&b.int4())
    }
    fn equal_image(&self) -> bool {
        true
    }
    fn prefix(&self, value: Datum<'_>) -> u64 {
        (i64::from(value.int4()) + (1 << 40)) as u64
    }
    fn prefix_decides(&self) -> bool {
        true
    }
    fn integer(&self) -> Option<IntegerOrder> {
        Some(IntegerOrder::Signed)
    }
}

struct Text;
impl KeyOrder for Text {
    fn compare(&self, a: Datum<'_>, b: Datum<'_>) -> Ordering {
        a.bytes().cmp(b.bytes())
    }
    fn equal_image(&self) -> bool {
        true
    }
    fn prefix(&self, value: Datum<'_>) -> u64 {
        value.bytes().iter().take(2).fold(0, |prefix, byte| prefix << 9 | (u64::from(*byte) + 1))
            << (9 * (2 - value.bytes().len().min(2)))
    }
    fn bytewise(&self) -> bool {
        true
    }
}

/// Few enough that pages are written out and read back all the time.
const FRAMES: usize = 80;

fn config(system: &System, wal: &Arc<Wal>) -> Config {
    let files = Arc::new(storage::RelationFiles::new(system.disk.clone(), 100, true));
    let options = buffer::BufferOptions { frames: FRAMES, ..buffer::BufferOptions::default() };
    let pool = buffer::BufferPool::new(files, wal.clone(), options).unwrap();
    let locks = LockManager::new(system.clock.clone());
    Config {
        system: system.clone(),
        wal: wal.clone(),
        pool,
        locks,
        counters: Counters::initial(),
        sync: true,
    }
}

fn open_wal(system: &System) -> Arc<Wal> {
    let options = WalOptions { segment_size: SEGMENT, buffers: 1 << 20, ..WalOptions::default() };
    Wal::new(system, options).unwrap()
}

fn start(wal: &Wal, end: Lsn, previous: Lsn) {
    wal.start(WalStart { timeline: TimelineId(1), system_identifier: 7, end, previous, redo: START })
        .unwrap();
}

fn fresh(seed: u64) -> (System, Arc<sys::simulated::SimulatedDisk>, Arc<Transactions>) {
    let (system, disk) = simulated(seed);
    for dir in ["pg_wal", "base", "base/5"] {
        system.disk.create_dir_all(dir).unwrap();
    }
    let wal = open_wal(&system);
    Transactions::bootstrap(config(&system, &wal)).unwrap();
    for dir in [".", "pg_wal", "base", "base/5", "pg_multixact", "pg_xact", "pg_subtrans"] {
        system.disk.sync_dir(dir).unwrap();
    }
    start(&wal, START, Lsn::INVALID);
    let transactions = Transactions::open(config(&system, &wal)).unwrap();
    transactions.finish_recovery().unwrap();
    for number in [100, 101, 102, 103] {
        transactions.pool().files().create(locator(number), Fork::Main, false).unwrap();
    }
    (system, disk, transactions)
}

/// Replays the log from its start over what survived.
fn recover(system: &System) -> Arc<Transactions> {
    let wal = open_wal(system);
    let transactions = Transactions::open(config(system, &wal)).unwrap();
    let missing = buffer::MissingPages::new();
    let context = buffer::RedoContext { pool: transactions.pool(), missing: &missing };
    let mut reader = wal::Reader::new(system.disk.clone(), TimelineId(1), SEGMENT, Some(7));
    reader.seek(START);
    let mut managers = vec![resource_manager()];
    managers.extend(heap::resource_managers());
    while let Some(record) = reader.read().unwrap() {
        transactions.note_xid(record.xid);
        match record.rmgr {
            wal::RmgrId::TRANSACTION => transactions.redo_xact(&context, &record).unwrap(),
            wal::RmgrId::CLOG => transactions.redo_clog(&record).unwrap(),
            wal::RmgrId::MULTIXACT => transactions.redo_multixact(&record).unwrap(),
            rmgr => {
                if let Some(manager) = managers.iter().find(|manager| manager.id() == rmgr) {
                    manager.redo(&context, &record).unwrap();
                }
            }
        }
    }
    let (previous, end) = reader.last().unwrap_or((Lsn::INVALID, START));
    start(&wal, end, previous);
    transactions.finish_recovery().unwrap();
    transactions
}

fn locator(number: u32) -> RelFileLocator {
    RelFileLocator { tablespace: Oid(1663), database: Oid(5), number: Oid(number) }
}

fn context(transactions: &Arc<Transactions>, pid: i32) -> Context {
    let session = transactions.session(SessionOptions {
        pid,
        database: Oid(5),
        waiter: Arc::new(ThreadWaiter::new()),
        interrupt: Arc::new(NoInterrupt),
    });
    Context {
        pool: transactions.pool().clone(),
        transaction: session.begin(Options::default()).unwrap(),
        wait: WaitPolicy::default(),
        toast: Arc::new(ToastBtree),
    }
}

fn again(context: &Context) -> Context {
    Context {
        transaction: context.transaction.session().begin(Options::default()).unwrap(),
        ..context.clone()
    }
}

fn attribute(name: &str, oid: u32, len: i16, by_value: bool, storage: u8) -> Attribute {
    let layout = TypeLayout::new(Oid(oid), len, by_value, b'i');
    Attribute { storage, ..Attribute::result(name, Oid(oid), -1, layout, Oid(0)) }
}

fn relation(number: u32, attributes: Vec<Attribute>, fillfactor: u8) -> Relation {
    Relation {
        oid: Oid(number),
        database: Oid(5),
        name: format!("r{number}").into(),
        locator: locator(number),
        persistence: Persistence::Permanent,
        is_catalog: false,
        desc: Arc::new(TupleDesc::new(attributes)),
        fillfactor,
        toast: None,
    }
}

fn key(order: Arc<dyn KeyOrder>) -> IndexKey {
    IndexKey { order, collation: Oid(0), descending: false, nulls_first: false }
}

fn index(relation: Relation, keys: Vec<IndexKey>, unique: bool) -> IndexRelation {
    IndexRelation {
        relation,
        keys: keys.into(),
        unique,
        nulls_not_distinct: false,
        immediate: true,
        deduplicate: true,
    }
}

fn int_index(number: u32, unique: bool) -> IndexRelation {
    index(relation(number, vec![attribute("a", 23, 4, true, b'p')], 90), vec![key(Arc::new(Int4))], unique)
}

/// (a int4, b text) with its TOAST table.
fn table() -> Relation {
    let toast = ToastRelation {
        heap: relation(
            102,
            vec![
                attribute("chunk_id", 26, 4, true, b'p'),
                attribute("chunk_seq", 23, 4, true, b'p'),
                attribute("chunk_data", 17, -1, false, b'p'),
            ],
            100,
        ),
        index: index(
            relation(
                103,
                vec![attribute("chunk_id", 26, 4, true, b'p'), attribute("chunk_seq", 23, 4, true, b'p')],
                90,
            ),
            vec![key(Arc::new(Int4)), key(Arc::new(Int4))],
            true,
        ),
    };
    let attributes = vec![attribute("a", 23, 4, true, b'p'), attribute("b", 25, -1, false, b'x')];
    Relation { toast: Some(Arc::new(toast)), ..relation(100, attributes, 100) }
}

fn rows(context: &Context, heap: &Relation) -> Vec<(i32, Vec<u8>)> {
    let snapshot = Visibility::Mvcc(context.transaction.snapshot().unwrap());
    let mut scan = heap::Scan::new(context, heap, snapshot, heap::Blocks::All, &[0, 1]).unwrap();
    let mut rows = Rows::new(&heap.desc, &[0, 1], false);
    while scan.next_page(1000, &mut rows).unwrap() > 0 {}
    let columns: Vec<_> = rows.columns.into_iter().map(|column| column.finish()).collect();
    let mut found: Vec<_> = (0..rows.tids.len())
        .map(|row| {
            (
                columns[0].get(row).unwrap().int4(),
                columns[1].get(row).map_or(Vec::new(), |v| v.bytes().to_vec()),
            )
        })
        .collect();
    found.sort();
    found
}

fn put(context: &Context, heap: &Relation, index: &IndexRelation, a: i32, b: &[u8]) -> (Tid, Inserted) {
    let values = [Some(Datum::Int4(a)), Some(Datum::Bytes(b))];
    let tid = heap::insert(context, heap, &values, &InsertOptions::default(), None).unwrap();
    let check = if index.unique { UniqueCheck::Yes } else { UniqueCheck::No };
    (tid, insert(context, index, heap, &HeapOracle, &values[..1], tid, check, false).unwrap())
}

fn scan_values(context: &Context, index: &IndexRelation, keys: &[ScanKey], direction: Direction) -> Vec<i32> {
    let mut scan = Scan::new(context, index, keys, direction, Some(&[0])).unwrap();
    let mut matches = Matches::new(index, Some(&[0]));
    while scan.next(7, &mut matches).unwrap() > 0 {}
    let column = matches.columns.remove(0).finish();
    (0..matches.tids.len()).map(|row| column.get(row).map_or(i32::MIN, |value| value.int4())).collect()
}

fn int_key(strategy: Strategy, values: &[i32]) -> ScanKey {
    let values = values.iter().map(|value| Some(OwnedDatum::Int4(*value))).collect();
    ScanKey { column: 0, strategy, values, order: Arc::new(Int4) }
}

fn sound(context: &Context, index: &IndexRelation) -> usize {
    let mut entries = 0;
    assert_eq!(check(context, index, &mut |_| entries += 1).unwrap(), Vec::<String>::new());
    entries
}

#[test]
fn insertion_splits_and_scans_in_order() {
    let (_, _, transactions) = fresh(1);
    let context = context(&transactions, 1);
    let (heap, index) = (table(), int_index(101, false));
    create_empty(&context, &index).unwrap();
    // A permutation of 0..6000 with every value of the first hundred eleven times.
    let count = 6000;
    for number in 0..count {
        let a = number * 2377 % count;
        assert_eq!(put(&context, &heap, &index, a, b"x").1, Inserted::Done);
    }
    for number in 0..1000 {
        put(&context, &heap, &index, number % 100, b"y");
    }
    assert_eq!(sound(&context, &index), 7000);
    context.transaction.command_counter_increment().unwrap();
    let all = scan_values(&context, &index, &[], Direction::Forward);
    assert!(all.len() == 7000 && all.is_sorted());
    let mut back = scan_values(&context, &index, &[], Direction::Backward);
    back.reverse();
    assert_eq!(all, back);
    for (keys, expected) in [
        (vec![int_key(Strategy::Equal, &[500])], vec![500]),
        (vec![int_key(Strategy::GreaterEqual, &[5998])], vec![5998, 5999]),
        (vec![int_key(Strategy::Greater, &[200]), int_key(Strategy::LessEqual, &[203])], vec![201, 202, 203]),
        (vec![int_key(Strategy::Equal, &[900, 300, 300, 700])], vec![300, 700, 900]),
        (vec![int_key(Strategy::Less, &[0])], vec![]),
        (vec![int_key(Strategy::IsNull, &[])], vec![]),
    ] {
        assert_eq!(scan_values(&context, &index, &keys, Direction::Forward), expected);
        let mut backward = scan_values(&context, &index, &keys, Direction::Backward);
        backward.reverse();
        assert_eq!(backward, expected);
    }
    let mut tids = Vec::new();
    lookup(&context, &index, &[Datum::Int4(42)], &mut tids).unwrap();
    assert_eq!(tids.len(), 11);
    context.transaction.commit().unwrap();
}

#[test]
fn unique_keys_conflict_and_wait() {
    let (_, _, transactions) = fresh(2);
    let first = context(&transactions, 1);
    let (heap, index) = (table(), int_index(101, true));
    create_empty(&first, &index).unwrap();
    let (tid, _) = put(&first, &heap, &index, 1, b"x");
    assert_eq!(put(&first, &heap, &index, 1, b"y").1, Inserted::Conflict(tid));
    first.transaction.commit().unwrap();
    let loser = again(&first);
    put(&loser, &heap, &index, 2, b"x");
    let second = context(&transactions, 2);
    let waiting = std::thread::scope(|scope| {
        let waiter = scope.spawn(|| put(&second, &heap, &index, 2, b"z").1);
        std::thread::sleep(std::time::Duration::from_millis(50));
        loser.transaction.abort().unwrap();
        waiter.join().unwrap()
    });
    assert_eq!(waiting, Inserted::Done);
    second.transaction.commit().unwrap();
}

#[test]
fn versions_follow_their_snapshots() {
    let (_, _, transactions) = fresh(3);
    let writer = context(&transactions, 1);
    let heap = table();
    let values = |a, b: &'static str| [Some(Datum::Int4(a)), Some(Datum::from(b))];
    let tid = heap::insert(&writer, &heap, &values(1, "one"), &InsertOptions::default(), None).unwrap();
    assert_eq!(rows(&writer, &heap), []);
    writer.transaction.command_counter_increment().unwrap();
    assert_eq!(rows(&writer, &heap), [(1, b"one".to_vec())]);
    let reader = context(&transactions, 2);
    assert_eq!(rows(&reader, &heap), []);
    writer.transaction.commit().unwrap();
    let old = Visibility::Mvcc(reader.transaction.snapshot().unwrap());
    let writer = again(&writer);
    let indexed = IndexedAttributes { hot_blocking: vec![0], key: vec![0], ..IndexedAttributes::default() };
    let options = UpdateOptions { indexed: &indexed, crosscheck: None, no_wait: true, unchanged: &[] };
    let (outcome, updated) = heap::update(&writer, &heap, tid, &values(1, "uno"), &options).unwrap();
    let updated = updated.unwrap();
    assert_eq!((outcome, updated.indexes), (Outcome::Done, heap::IndexesToUpdate::None));
    let (outcome, _) = heap::update(&reader, &heap, tid, &values(1, "eins"), &options).unwrap();
    assert!(matches!(outcome, Outcome::BeingModified(_)));
    writer.transaction.command_counter_increment().unwrap();
    let mut fetcher = heap::Fetcher::new(&reader, &heap, old, &[1]);
    let mut found = Rows::new(&heap.desc, &[1], false);
    assert!(fetcher.fetch_one(tid, &mut found).unwrap().visible);
    assert_eq!(found.columns[0].clone().finish().get(0), Some(Datum::from("one")));
    writer.transaction.commit().unwrap();
    let (outcome, _) = heap::update(&reader, &heap, tid, &values(1, "eins"), &options).unwrap();
    assert!(matches!(outcome, Outcome::Updated(conflict) if conflict.ctid == updated.tid));
    let deleted = heap::delete(&reader, &heap, updated.tid, &heap::DeleteOptions::default()).unwrap();
    assert_eq!(deleted, Outcome::Done);
    reader.transaction.commit().unwrap();
    assert_eq!(rows(&again(&writer), &heap), []);
}

#[test]
fn row_locks_share_and_exclude() {
    use heap::{LockWait, RowLock};
    let (_, _, transactions) = fresh(4);
    let setup = context(&transactions, 1);
    let heap = table();
    let values = [Some(Datum::Int4(1)), Some(Datum::from("x"))];
    let tid = heap::insert(&setup, &heap, &values, &InsertOptions::default(), None).unwrap();
    setup.transaction.commit().unwrap();
    let (a, b) = (again(&setup), context(&transactions, 2));
    let lock = |context: &Context, mode| -> Result<Outcome> {
        let command = context.transaction.command();
        Ok(heap::lock_tuple(context, &heap, tid, command, mode, LockWait::Skip, true)?.0)
    };
    assert_eq!(lock(&a, RowLock::ForShare).unwrap(), Outcome::Done);
    assert_eq!(lock(&b, RowLock::ForKeyShare).unwrap(), Outcome::Done);
    assert_eq!(lock(&b, RowLock::ForShare).unwrap(), Outcome::Done);
    assert_eq!(lock(&b, RowLock::ForUpdate).unwrap(), Outcome::WouldBlock);
    let command = b.transaction.command();
    let error =
        heap::lock_tuple(&b, &heap, tid, command, RowLock::ForUpdate, LockWait::Error, true).unwrap_err();
    assert_eq!(error.message(), "could not obtain lock on row in relation \"r100\"");
    a.transaction.commit().unwrap();
    assert_eq!(lock(&b, RowLock::ForUpdate).unwrap(), Outcome::Done);
    b.transaction.abort().unwrap();
    let c = again(&b);
    assert_eq!(lock(&c, RowLock::ForNoKeyUpdate).unwrap(), Outcome::Done);
    assert_eq!(lock(&again(&a), RowLock::ForKeyShare).unwrap(), Outcome::Done);
    assert_eq!(rows(&c, &heap).len(), 1);
}

#[test]
fn long_values_move_out_and_come_back() {
    let (_, _, transactions) = fresh(5);
    let context = context(&transactions, 1);
    let heap = table();
    create_empty(&context, &heap.toast.as_ref().unwrap().index).unwrap();
    let mut noise = 1u32;
    let mut random = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    };
    let long: Vec<u8> = (0..20_000).map(|_| random()).collect();
    let soft = vec![b'a'; 50_000];
    for (a, b) in [(1, &long), (2, &soft)] {
        let values = [Some(Datum::Int4(a)), Some(Datum::Bytes(b))];
        heap::insert(&context, &heap, &values, &InsertOptions::default(), None).unwrap();
    }
    context.transaction.command_counter_increment().unwrap();
    assert_eq!(rows(&context, &heap), [(1, long.clone()), (2, soft)]);
    let snapshot = Visibility::Mvcc(context.transaction.snapshot().unwrap());
    let tuple = heap::fetch(&context, &heap, Tid::new(0, 1), &snapshot).unwrap().unwrap();
    let indexed = IndexedAttributes::default();
    let options = UpdateOptions { indexed: &indexed, crosscheck: None, no_wait: true, unchanged: &[1] };
    let values = [Some(Datum::Int4(3)), Some(Datum::Bytes(&long))];
    heap::update(&context, &heap, tuple.tid, &values, &options).unwrap();
    context.transaction.command_counter_increment().unwrap();
    assert_eq!(rows(&context, &heap)[1], (3, long));
    context.transaction.commit().unwrap();
}

struct OneIndex<'a>(&'a Context, &'a IndexRelation, IndexStats);
impl heap::IndexVacuum for OneIndex<'_> {
    fn count(&self) -> usize {
        1
    }
    fn bulk_delete(&mut self, dead: &heap::DeadTids) -> Result<()> {
        bulk_delete(self.0, self.1, &|tid| dead.contains(tid), &mut self.2)
    }
    fn cleanup(&mut self, heap_tuples: f64, estimated: bool) -> Result<()> {
        vacuum_cleanup(self.0, self.1, &mut self.2, heap_tuples, estimated)
    }
}

#[test]
fn vacuum_removes_what_is_dead() {
    let (_, _, transactions) = fresh(6);
    let loader = context(&transactions, 1);
    let (heap, index) = (table(), int_index(101, true));
    create_empty(&loader, &index).unwrap();
    let tids: Vec<Tid> = (0..3000).map(|a| put(&loader, &heap, &index, a, b"some text").0).collect();
    loader.transaction.commit().unwrap();
    let deleter = again(&loader);
    for tid in &tids[500..] {
        heap::delete(&deleter, &heap, *tid, &heap::DeleteOptions::default()).unwrap();
    }
    deleter.transaction.commit().unwrap();
    let vacuumer = again(&loader);
    let horizon = transactions.horizon(txn::Scope::Data(Oid(5)));
    let (stats, index_stats) = vacuum_all(&vacuumer, &heap, &index);
    assert_eq!((stats.dead_tuples, stats.live_tuples), (2500.0, 500.0));
    assert_eq!(index_stats.removed, 2500.0);
    assert!(index_stats.newly_deleted_pages > 3, "{index_stats:?}");
    assert!(stats.removed_pages > 5 && stats.all_frozen_pages == stats.pages, "{stats:?}");
    assert_eq!(stats.new_relfrozenxid, Some(horizon));
    vacuumer.transaction.commit().unwrap();
    let after = again(&loader);
    assert_eq!(sound(&after, &index), 500);
    assert_eq!(rows(&after, &heap).len(), 500);
    for a in 500..1500 {
        assert_eq!(put(&after, &heap, &index, a, b"again").1, Inserted::Done);
    }
    assert_eq!(sound(&after, &index), 1500);
    after.transaction.commit().unwrap();
}

#[test]
fn a_built_index_is_as_good_as_an_inserted_one() {
    let (system, _, transactions) = fresh(7);
    let context = context(&transactions, 1);
    for (memory_bytes, number) in [(64 << 20, 101), (1, 100)] {
        let temp = Some(TempFiles { disk: system.disk.clone(), prefix: format!("run{number}") });
        let index = int_index(number, false);
        let mut builder = Builder::new(&context, &index, BuildOptions { memory_bytes, temp });
        for number in 0..100_000u32 {
            let a = (number.wrapping_mul(2_654_435_761) % 50_000) as i32;
            let value = (number % 1000 != 0).then_some(Datum::Int4(a));
            builder.add(&[value], Tid::new(number / 100, (number % 100) as u16 + 1)).unwrap();
        }
        let built = builder.finish().unwrap();
        assert_eq!((built.tuples, built.duplicate), (100_000, None));
        assert_eq!(sound(&context, &index), 100_000);
        let nulls = scan_values(&context, &index, &[int_key(Strategy::IsNull, &[])], Direction::Forward);
        assert_eq!(nulls.len(), 100);
        let some = scan_values(&context, &index, &[int_key(Strategy::IsNotNull, &[])], Direction::Backward);
        assert_eq!(some.len(), 99_900);
    }
    let index = int_index(102, true);
    let mut builder = Builder::new(&context, &index, BuildOptions { memory_bytes: 1 << 20, temp: None });
    for tid in [Tid::new(0, 1), Tid::new(0, 2)] {
        builder.add(&[Some(Datum::Int4(7))], tid).unwrap();
    }
    let found = builder.finish().unwrap().duplicate.unwrap();
    assert_eq!(found.rows, (Tid::new(0, 1), Tid::new(0, 2)));
    assert_eq!(found.key, [Some(OwnedDatum::Int4(7))]);
}

/// Builds with a sample and several threads; `value` makes the key of a row.
fn build_together(
    context: &Context,
    index: &IndexRelation,
    temp: Option<TempFiles>,
    value: &(dyn Fn(u32) -> Option<OwnedDatum> + Sync),
) -> Built {
    const ROWS: u32 = 60_000;
    let mut build = Build::new(context, index, BuildOptions { memory_bytes: 1 << 20, temp });
    let add = |build: &Build, input: &mut Input, number: u32| {
        let value = value(number);
        let values = [value.as_ref().map(OwnedDatum::as_datum)];
        build.add(input, &values, Tid::new(number / 100, (number % 100) as u16 + 1)).unwrap();
    };
    let mut sample = build.input();
    (0..ROWS).step_by(50).for_each(|number| add(&build, &mut sample, number));
    build.cut(sample, 50.0, 3).unwrap();
    let places = sys::Workers::new(true).reserve(2, 8);
    places
        .run(&|thread, _| {
            let mut input = build.input();
            for number in (0..ROWS).filter(|number| *number as usize / 300 % 3 == thread) {
                add(&build, &mut input, number);
            }
            build.close(input)
        })
        .unwrap();
    build.finish(&places).unwrap()
}

#[test]
fn threads_build_one_sound_index() {
    let (system, _, transactions) = fresh(10);
    let context = context(&transactions, 1);
    let temp = |number: u32| Some(TempFiles { disk: system.disk.clone(), prefix: format!("run{number}") });
    let scattered = |number: u32| number.wrapping_mul(2_654_435_761) % 30_000;
    let integer = |number: u32| {
        (!number.is_multiple_of(1000)).then(|| OwnedDatum::Int4(scattered(number) as i32 - 15_000))
    };
    let index = int_index(101, false);
    let built = build_together(&context, &index, temp(101), &integer);
    assert_eq!((built.tuples, built.duplicate), (60_000, None));
    assert_eq!(sound(&context, &index), 60_000);
    let some = scan_values(&context, &index, &[int_key(Strategy::IsNotNull, &[])], Direction::Forward);
    let mut expected: Vec<i32> =
        (0..60_000).filter(|n| n % 1000 != 0).map(|n| scattered(n) as i32 - 15_000).collect();
    expected.sort_unstable();
    assert_eq!(some, expected);
    let text = |number: u32| Some(OwnedDatum::from(format!("a long beginning {:05}", scattered(number))));
    let mut keys = vec![key(Arc::new(Text))];
    keys[0].descending = true;
    let texts = self::index(relation(102, vec![attribute("t", 25, -1, false, b'x')], 90), keys, false);
    assert_eq!(build_together(&context, &texts, temp(102), &text).tuples, 60_000);
    assert_eq!(sound(&context, &texts), 60_000);
    // Two rows with one key, in different threads.
    let unique = |number: u32| Some(OwnedDatum::Int4(if number == 59_999 { 7 } else { number as i32 }));
    let built = build_together(&context, &int_index(103, true), temp(103), &unique);
    assert_eq!(built.duplicate.unwrap().rows, (Tid::new(0, 8), Tid::new(599, 100)));
}

#[test]
fn texts_with_a_common_beginning_are_sorted_by_what_follows() {
    let (system, _, transactions) = fresh(9);
    let context = context(&transactions, 1);
    for (number, memory_bytes, descending) in [(101, 64 << 20, false), (102, 1, true), (103, 1, false)] {
        let temp = Some(TempFiles { disk: system.disk.clone(), prefix: format!("run{number}") });
        let mut keys = vec![key(Arc::new(Text))];
        keys[0].descending = descending;
        let index = index(relation(number, vec![attribute("t", 25, -1, false, b'x')], 90), keys, false);
        let mut builder = Builder::new(&context, &index, BuildOptions { memory_bytes, temp });
        for number in 0..100_000u32 {
            let text = format!("user-{:05}", number.wrapping_mul(2_654_435_761) % 50_000);
            let cut = if number % 7 == 0 { 8 } else { text.len() };
            let value = (number % 1000 != 0).then_some(Datum::from(&text[..cut]));
            builder.add(&[value], Tid::new(number / 100, (number % 100) as u16 + 1)).unwrap();
        }
        assert_eq!(builder.finish().unwrap().tuples, 100_000);
        assert_eq!(sound(&context, &index), 100_000);
    }
}

#[test]
fn text_keys_are_cut_to_what_tells_them_apart() {
    let (_, _, transactions) = fresh(8);
    let context = context(&transactions, 1);
    let attributes = vec![attribute("t", 25, -1, false, b'x'), attribute("a", 23, 4, true, b'p')];
    let mut keys = vec![key(Arc::new(Text)), key(Arc::new(Int4))];
    keys[0].descending = true;
    let index = index(relation(101, attributes, 90), keys, false);
    create_empty(&context, &index).unwrap();
    let heap = table();
    for number in 0..3000i32 {
        let text = format!("{:0>40}", number * 37 % 1000);
        let values = [Some(Datum::from(text.as_str())), (number % 5 != 0).then_some(Datum::Int4(number))];
        let tid = Tid::new(number as u32 / 50, (number % 50) as u16 + 1);
        insert(&context, &index, &heap, &HeapOracle, &values, tid, UniqueCheck::No, false).unwrap();
    }
    assert_eq!(sound(&context, &index), 3000);
    let order: Arc<dyn KeyOrder> = Arc::new(Text);
    let keys = [
        ScanKey {
            column: 0,
            strategy: Strategy::GreaterEqual,
            values: vec![Some(OwnedDatum::from(format!("{:0>40}", 990)))],
            order,
        },
        ScanKey { column: 1, strategy: Strategy::IsNotNull, values: vec![], order: Arc::new(Int4) },
    ];
    let mut scan = Scan::new(&context, &index, &keys, Direction::Forward, Some(&[0, 1])).unwrap();
    let mut matches = Matches::new(&index, Some(&[0, 1]));
    while scan.next(100, &mut matches).unwrap() > 0 {}
    let texts = matches.columns[0].clone().finish();
    let found: Vec<_> =
        (0..matches.tids.len()).map(|row| texts.get(row).unwrap().text().to_owned()).collect();
    assert!(found.is_sorted_by(|a, b| a >= b));
    assert_eq!(found.len(), (0..3000).filter(|n| n * 37 % 1000 >= 990 && n % 5 != 0).count());
}

/// Random keys come and go from several sessions at once, while VACUUM runs.
#[test]
fn sessions_get_along() {
    let (system, _, transactions) = fresh(9);
    let (heap, index) = (table(), int_index(101, true));
    let setup = context(&transactions, 99);
    create_empty(&setup, &index).unwrap();
    setup.transaction.commit().unwrap();
    std::thread::scope(|scope| {
        for worker in 0..4u64 {
            let (heap, index, transactions) = (&heap, &index, &transactions);
            scope.spawn(move || {
                let mut context = context(transactions, worker as i32 + 1);
                let mut noise = worker * 7919 + 1;
                for _ in 0..150 {
                    for _ in 0..10 {
                        noise = noise
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1_442_695_040_888_963_407);
                        // Keys of a worker's own: no two wait for one another.
                        let a = ((noise >> 33) % 500) as i32 * 4 + worker as i32;
                        change_one(&context, heap, index, a, noise >> 20 & 3);
                        context.transaction.command_counter_increment().unwrap();
                    }
                    if noise >> 40 & 7 == 0 {
                        context.transaction.abort().unwrap();
                    } else {
                        context.transaction.commit().unwrap();
                    }
                    context = again(&context);
                }
            });
        }
        let (heap, index, transactions) = (&heap, &index, &transactions);
        scope.spawn(move || {
            for round in 0..6 {
                let vacuumer = context(transactions, 50 + round);
                vacuum_all(&vacuumer, heap, index);
                vacuumer.transaction.commit().unwrap();
            }
        });
    });
    let after = again(&setup);
    sound(&after, &index);
    let found = rows(&after, &heap);
    assert!(found.len() > 300);
    assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0), "keys are unique");
    for (a, _) in &found {
        assert_eq!(visible_at(&after, &heap, &index, *a).len(), 1, "key {a}");
    }
    after.transaction.commit().unwrap();
    let vacuumer = again(&setup);
    assert!(vacuum_all(&vacuumer, &heap, &index).0.all_visible_pages > 0);
    vacuumer.transaction.commit().unwrap();
    let last = again(&setup);
    for a in (0..300).step_by(7) {
        change_one(&last, &heap, &index, a, (a % 4) as u64);
    }
    last.transaction.commit().unwrap();
    replay_gives_the_same_pages(&system, &transactions);
}

fn visible_at(context: &Context, heap: &Relation, index: &IndexRelation, a: i32) -> Vec<Tid> {
    // The snapshot comes first: a row that takes the place of one that VACUUM removes meanwhile is too new for it.
    let snapshot = Visibility::Mvcc(context.transaction.snapshot().unwrap());
    let mut tids = Vec::new();
    lookup(context, index, &[Datum::Int4(a)], &mut tids).unwrap();
    let mut found = Rows::new(&heap.desc, &[0], false);
    let mut fetcher = heap::Fetcher::new(context, heap, snapshot, &[0]);
    fetcher.fetch_many(&tids, &mut found, &mut Vec::new(), &mut Vec::new()).unwrap();
    found.tids
}

fn change_one(context: &Context, heap: &Relation, index: &IndexRelation, a: i32, what: u64) {
    // As every user of a table does: VACUUM cuts it only when nobody holds it.
    let tag = lock::LockTag::Relation { database: heap.database, relation: heap.oid };
    context.transaction.lock(tag, lock::LockMode::RowExclusive, &context.wait).unwrap();
    let there = visible_at(context, heap, index, a);
    let text = vec![b'x'; (what as usize + 1) * 30];
    match (there.first(), what) {
        (None, _) => assert_eq!(put(context, heap, index, a, &text).1, Inserted::Done),
        (Some(tid), 0) => {
            let outcome = heap::delete(context, heap, *tid, &heap::DeleteOptions::default()).unwrap();
            assert_eq!(outcome, Outcome::Done);
        }
        (Some(tid), _) => {
            let indexed =
                IndexedAttributes { hot_blocking: vec![0], key: vec![0], ..IndexedAttributes::default() };
            let options =
                UpdateOptions { indexed: &indexed, crosscheck: None, no_wait: false, unchanged: &[] };
            let values = [Some(Datum::Int4(a)), Some(Datum::Bytes(&text))];
            let (outcome, updated) = heap::update(context, heap, *tid, &values, &options).unwrap();
            assert_eq!(outcome, Outcome::Done);
            let updated = updated.unwrap();
            if updated.indexes == heap::IndexesToUpdate::All {
                let (view, check) = (HeapOracle, UniqueCheck::Yes);
                let done =
                    insert(context, index, heap, &view, &values[..1], updated.tid, check, true).unwrap();
                assert_eq!(done, Inserted::Done);
            }
        }
    }
}

fn vacuum_settings(context: &Context) -> (heap::Cutoffs, heap::VacuumOptions) {
    let horizon = context.transaction.transactions().horizon(txn::Scope::Data(Oid(5)));
    let cutoffs = heap::Cutoffs {
        relfrozenxid: base::Xid(3),
        relminmxid: base::MultiXactId(1),
        oldest_xmin: horizon,
        oldest_multi: base::MultiXactId(1),
        freeze_limit: horizon,
        multi_cutoff: base::MultiXactId(1),
    };
    let options = heap::VacuumOptions {
        aggressive: true,
        skip_nothing: false,
        truncate: true,
        index_cleanup: true,
        memory_bytes: 1 << 20,
        places: Arc::new(sys::Places::none()),
        ring_frames: 256,
        known: heap::KnownSize { pages: 0, tuples: -1.0 },
        delay: Arc::new(|| Ok(())),
    };
    (cutoffs, options)
}

fn vacuum_all(context: &Context, heap: &Relation, index: &IndexRelation) -> (heap::VacuumStats, IndexStats) {
    let (cutoffs, options) = vacuum_settings(context);
    let mut indexes = OneIndex(context, index, IndexStats::default());
    let stats = heap::vacuum(context, heap, &mut indexes, &cutoffs, &options).unwrap();
    (stats, indexes.2)
}

/// Replays the whole log into an empty directory and compares all pages, hints apart.
fn replay_gives_the_same_pages(system: &System, transactions: &Arc<Transactions>) {
    let wal = transactions.pool().wal();
    wal.flush(wal.inserted()).unwrap();
    let (copy, _) = simulated(77);
    for dir in ["pg_wal", "base", "base/5", "pg_multixact", "pg_xact", "pg_subtrans"] {
        copy.disk.create_dir_all(dir).unwrap();
    }
    let bootstrap = open_wal(&copy);
    Transactions::bootstrap(config(&copy, &bootstrap)).unwrap();
    for name in system.disk.list("pg_wal").unwrap() {
        let path = format!("pg_wal/{}", name);
        let Ok(from) = system.disk.open(&path, sys::OpenOptions::default()) else { continue };
        let mut bytes = vec![0; from.len().unwrap() as usize];
        from.read_at(&mut bytes, 0).unwrap();
        let options = sys::OpenOptions { create: true, ..sys::OpenOptions::default() };
        copy.disk.open(&path, options).unwrap().write_all_at(&bytes, 0).unwrap();
    }
    let replayed = recover(&copy);
    let [heap_manager, _] = heap::resource_managers();
    for (number, fork, manager) in [
        (100, Fork::Main, heap_manager.clone()),
        (100, Fork::VisibilityMap, heap_manager),
        (101, Fork::Main, resource_manager()),
    ] {
        let page = |pool: &Arc<buffer::BufferPool>, block: u32| {
            let block = base::BlockNumber(block);
            let pin = pool.pin(locator(number), fork, block, buffer::Strategy::Normal).unwrap();
            let mut page = storage::Page::from_bytes(pin.read().bytes());
            manager.mask(&mut page, block, fork);
            page
        };
        let blocks = transactions.pool().block_count(locator(number), fork).unwrap();
        assert!(blocks.0 > 0);
        for block in 0..blocks.0 {
            let (forward, redone) = (page(transactions.pool(), block), page(replayed.pool(), block));
            let differs = forward.bytes().iter().zip(redone.bytes()).position(|(a, b)| a != b);
            assert_eq!(differs, None, "relation {number} {fork:?} block {block}");
        }
    }
}
