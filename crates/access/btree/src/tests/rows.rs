//! The heap with its indexes: what statements do with rows.

use super::*;
use datum::{Batch, Column, ColumnBuilder, Repr};
use heap::{BulkInsert, LockWait, RowLock};

fn values(a: i32, b: &str) -> [Option<Datum<'_>>; 2] {
    [Some(Datum::Int4(a)), Some(Datum::from(b))]
}

fn batch(from: i32, count: i32, text: &str) -> Batch {
    let (mut a, mut b) = (ColumnBuilder::new(Repr::Int4, 0), ColumnBuilder::new(Repr::Bytes, 0));
    for number in from..from + count {
        a.push(Some(Datum::Int4(number)));
        b.push(Some(Datum::from(text)));
    }
    let columns: Vec<Arc<Column>> = vec![Arc::new(a.finish()), Arc::new(b.finish())];
    Batch::new(columns, count as usize)
}

#[test]
fn bulk_insertion_fills_pages() {
    let (_, _, transactions) = fresh(20);
    let context = context(&transactions, 1);
    let heap = table();
    let (mut bulk, mut tids) = (BulkInsert::default(), Vec::new());
    for number in 0..20 {
        let rows = batch(number * 1000, 1000, "a text of some length");
        heap::multi_insert(&context, &heap, &rows, &InsertOptions::default(), &mut bulk, &mut tids).unwrap();
    }
    assert_eq!(tids.len(), 20_000);
    // 24 bytes of header, 4 of int, 22 of text, padded to 56, and a line pointer: 136 rows a page.
    assert_eq!(heap::block_count(&context, &heap).unwrap(), 20_000u32.div_ceil(136));
    context.transaction.command_counter_increment().unwrap();
    assert_eq!(rows(&context, &heap).len(), 20_000);
    let frozen = Relation { locator: locator(101), ..heap.clone() };
    let options = InsertOptions { frozen: true, ..InsertOptions::default() };
    let mut new = Vec::new();
    let mut other = BulkInsert::default();
    heap::multi_insert(&context, &frozen, &batch(0, 1000, "text"), &options, &mut other, &mut new).unwrap();
    let (visible, all_frozen) = buffer::vm::count(&context.pool, locator(101)).unwrap();
    assert!(visible > 3 && visible == all_frozen);
    for (row, tid) in tids.iter().enumerate().step_by(997) {
        let tuple = heap::fetch_any(&context, &heap, *tid).unwrap().unwrap();
        let a = heap::deform(&context, &heap, &tuple, &[0]).unwrap();
        assert_eq!(a, [Some(OwnedDatum::Int4(row as i32))]);
    }
    let mut sampled = Rows::new(&heap.desc, &[0], false);
    let sample =
        heap::sample_rows(&context, &heap, 300, 42, &[0], buffer::Strategy::Normal, &mut sampled).unwrap();
    assert_eq!((sampled.len(), sample.dead), (300, 0.0));
    assert!((sample.live - 20_000.0).abs() < 200.0, "{sample:?}");
    let workers = heap::BlockAllocator::new(heap::block_count(&context, &heap).unwrap(), 2);
    let snapshot = Visibility::Mvcc(context.transaction.snapshot().unwrap());
    let mut seen = 0;
    for _ in 0..2 {
        let blocks = heap::Blocks::Shared(workers.clone());
        let mut scan = heap::Scan::new(&context, &heap, snapshot.clone(), blocks, &[]).unwrap();
        let mut rows = Rows::new(&heap.desc, &[], true);
        while scan.next_page(100, &mut rows).unwrap() > 0 {}
        assert_eq!(rows.system.as_ref().unwrap().xmin.len(), rows.len());
        seen += rows.len();
    }
    assert_eq!(seen, 20_000);
    drop(snapshot);
    context.transaction.commit().unwrap();
}

#[test]
fn a_scan_turns_where_it_is() {
    let (_, _, transactions) = fresh(21);
    let context = context(&transactions, 1);
    let (heap, index) = (table(), int_index(101, false));
    create_empty(&context, &index).unwrap();
    for a in 0..1000 {
        put(&context, &heap, &index, a, b"text");
    }
    context.transaction.command_counter_increment().unwrap();
    let snapshot = Visibility::Mvcc(context.transaction.snapshot().unwrap());
    let mut scan = heap::Scan::new(&context, &heap, snapshot, heap::Blocks::All, &[0]).unwrap();
    let mut entries = Scan::new(&context, &index, &[], Direction::Forward, Some(&[0])).unwrap();
    let mut step = |direction, count: usize| -> Vec<i32> {
        scan.set_direction(direction);
        entries.set_direction(direction);
        let mut rows = Rows::new(&heap.desc, &[0], false);
        let mut matches = Matches::new(&index, Some(&[0]));
        for _ in 0..count {
            scan.next_page(1, &mut rows).unwrap();
            entries.next(1, &mut matches).unwrap();
        }
        let found: Vec<i32> = {
            let column = rows.columns[0].clone().finish();
            (0..rows.len()).map(|row| column.get(row).unwrap().int4()).collect()
        };
        let column = matches.columns[0].clone().finish();
        let listed: Vec<i32> = (0..matches.tids.len()).map(|row| column.get(row).unwrap().int4()).collect();
        assert_eq!(found, listed);
        found
    };
    assert_eq!(step(Direction::Forward, 500), (0..500).collect::<Vec<_>>());
    assert_eq!(step(Direction::Backward, 3), [498, 497, 496]);
    assert_eq!(step(Direction::Forward, 2), [497, 498]);
    assert_eq!(step(Direction::Forward, 2000).last(), Some(&999));
    assert_eq!(step(Direction::Backward, 2), [999, 998]);
}

#[test]
fn speculative_rows_are_confirmed_or_vanish() {
    let (_, _, transactions) = fresh(22);
    let context = context(&transactions, 1);
    let heap = table();
    let options = InsertOptions { speculative: Some(77), ..InsertOptions::default() };
    let stays = heap::insert(&context, &heap, &values(1, "stays"), &options, None).unwrap();
    let goes = heap::insert(&context, &heap, &values(2, "goes"), &options, None).unwrap();
    heap::confirm_speculative(&context, &heap, stays).unwrap();
    heap::abort_speculative(&context, &heap, goes).unwrap();
    context.transaction.command_counter_increment().unwrap();
    assert_eq!(rows(&context, &heap), [(1, b"stays".to_vec())]);
    context.transaction.commit().unwrap();
}

#[test]
fn key_share_locks_survive_updates_of_other_columns() {
    let (_, _, transactions) = fresh(23);
    let setup = context(&transactions, 1);
    let heap = table();
    let tid = heap::insert(&setup, &heap, &values(1, "x"), &InsertOptions::default(), None).unwrap();
    setup.transaction.commit().unwrap();
    let (child, parent) = (again(&setup), context(&transactions, 2));
    let lock = |context: &Context, tid, mode| {
        let command = context.transaction.command();
        heap::lock_tuple(context, &heap, tid, command, mode, LockWait::Skip, true).unwrap().0
    };
    assert_eq!(lock(&child, tid, RowLock::ForKeyShare), Outcome::Done);
    let indexed = IndexedAttributes { hot_blocking: vec![0], key: vec![0], ..IndexedAttributes::default() };
    let options = UpdateOptions { indexed: &indexed, crosscheck: None, no_wait: true, unchanged: &[0] };
    let (outcome, updated) = heap::update(&parent, &heap, tid, &values(1, "y"), &options).unwrap();
    assert_eq!(outcome, Outcome::Done);
    let new = updated.unwrap().tid;
    let third = context(&transactions, 3);
    assert_eq!(lock(&third, tid, RowLock::ForKeyShare), Outcome::Done);
    parent.transaction.commit().unwrap();
    // Whoever wants the key of the new version meets both lockers.
    let deleter = context(&transactions, 4);
    let options = heap::DeleteOptions { no_wait: true, ..heap::DeleteOptions::default() };
    assert!(matches!(heap::delete(&deleter, &heap, new, &options).unwrap(), Outcome::BeingModified(_)));
    child.transaction.commit().unwrap();
    assert!(matches!(heap::delete(&deleter, &heap, new, &options).unwrap(), Outcome::BeingModified(_)));
    third.transaction.commit().unwrap();
    assert_eq!(heap::delete(&deleter, &heap, new, &options).unwrap(), Outcome::Done);
    deleter.transaction.commit().unwrap();
}

#[test]
fn rewriting_keeps_what_someone_may_see() {
    let (_, _, transactions) = fresh(24);
    let setup = context(&transactions, 1);
    let heap = table();
    let text = "x".repeat(3000 / 2);
    let tids: Vec<Tid> = (0..40)
        .map(|a| heap::insert(&setup, &heap, &values(a, &text), &InsertOptions::default(), None).unwrap())
        .collect();
    setup.transaction.commit().unwrap();
    let reader = context(&transactions, 2);
    let snapshot = reader.transaction.snapshot().unwrap();
    let writer = again(&setup);
    let indexed = IndexedAttributes::default();
    let options = UpdateOptions { indexed: &indexed, crosscheck: None, no_wait: true, unchanged: &[] };
    for (a, tid) in tids.iter().enumerate() {
        if a % 2 == 0 {
            heap::update(&writer, &heap, *tid, &values(a as i32 + 1000, &text), &options).unwrap();
        }
    }
    writer.transaction.commit().unwrap();
    let rewriter = again(&setup);
    let cutoffs = heap::Cutoffs {
        relfrozenxid: base::Xid(3),
        relminmxid: base::MultiXactId(1),
        oldest_xmin: transactions.horizon(txn::Scope::Data(Oid(5))),
        oldest_multi: base::MultiXactId(1),
        freeze_limit: base::Xid(3),
        multi_cutoff: base::MultiXactId(1),
    };
    let new = Relation { locator: locator(101), ..heap.clone() };
    let mut copy = heap::Rewriter::new(&rewriter, &new, &cutoffs);
    for block in 0..heap::block_count(&rewriter, &heap).unwrap() {
        for offset in 1..20 {
            if let Some(tuple) = heap::fetch_any(&rewriter, &heap, Tid::new(block, offset)).unwrap() {
                copy.add(&tuple).unwrap();
            }
        }
    }
    assert_eq!((copy.live, copy.recently_dead), (40, 20));
    copy.finish().unwrap();
    rewriter.transaction.commit().unwrap();
    let seen = |context: &Context, snapshot: txn::Snapshot| {
        let mut scan =
            heap::Scan::new(context, &new, Visibility::Mvcc(snapshot), heap::Blocks::All, &[0]).unwrap();
        let mut rows = Rows::new(&new.desc, &[0], false);
        while scan.next_page(1000, &mut rows).unwrap() > 0 {}
        let column = rows.columns[0].clone().finish();
        let mut found: Vec<i32> = (0..rows.len()).map(|row| column.get(row).unwrap().int4()).collect();
        found.sort_unstable();
        found
    };
    assert_eq!(seen(&reader, snapshot), (0..40).collect::<Vec<_>>());
    let after = again(&setup);
    let now = seen(&after, after.transaction.snapshot().unwrap());
    assert_eq!(now.iter().filter(|a| **a >= 1000).count(), 20);
    assert_eq!(now.len(), 40);
    // The chains lead from the old versions to the new ones.
    let old = transactions.pool().block_count(locator(101), Fork::Main).unwrap();
    let mut linked = 0;
    for block in 0..old.0 {
        for offset in 1..20 {
            let Some(tuple) = heap::fetch_any(&after, &new, Tid::new(block, offset)).unwrap() else {
                continue;
            };
            let next = tuple.view().unwrap().ctid();
            if next != tuple.tid {
                linked += 1;
                let target = heap::fetch_any(&after, &new, next).unwrap().unwrap();
                assert_eq!(target.view().unwrap().xmin(), tuple.view().unwrap().xmax());
            }
        }
    }
    assert_eq!(linked, 20);
}

#[test]
fn deleting_a_row_deletes_its_chunks() {
    let (_, _, transactions) = fresh(25);
    let context = context(&transactions, 1);
    let heap = table();
    let toast = heap.toast.clone().unwrap();
    create_empty(&context, &toast.index).unwrap();
    let mut noise = 1u32;
    let mut random = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(33 + (noise >> 24) as u8 % 90)
    };
    let long: String = (0..20_000).map(|_| random()).collect();
    let tid = heap::insert(&context, &heap, &values(1, &long), &InsertOptions::default(), None).unwrap();
    context.transaction.command_counter_increment().unwrap();
    assert!(chunks(&context, &toast.heap) > 5);
    heap::delete(&context, &heap, tid, &heap::DeleteOptions::default()).unwrap();
    context.transaction.command_counter_increment().unwrap();
    assert_eq!(chunks(&context, &toast.heap), 0);
    // A speculative row takes its chunks with it within the same command.
    let options = InsertOptions { speculative: Some(1), ..InsertOptions::default() };
    let tid = heap::insert(&context, &heap, &values(2, &long), &options, None).unwrap();
    heap::abort_speculative(&context, &heap, tid).unwrap();
    context.transaction.command_counter_increment().unwrap();
    assert_eq!(chunks(&context, &toast.heap), 0);
    // The TOAST table is locked by whoever writes to it, so that VACUUM does not cut it meanwhile.
    let locks = transactions.locks().list();
    assert!(
        locks
            .iter()
            .any(|row| row.tag == lock::LockTag::Relation { database: Oid(5), relation: toast.heap.oid })
    );
}

fn chunks(context: &Context, toast: &Relation) -> usize {
    let snapshot = Visibility::Mvcc(context.transaction.snapshot().unwrap());
    let mut scan = heap::Scan::new(context, toast, snapshot, heap::Blocks::All, &[]).unwrap();
    let mut rows = Rows::new(&toast.desc, &[], false);
    while scan.next_page(1000, &mut rows).unwrap() > 0 {}
    rows.len()
}

#[test]
fn vacuum_gives_back_a_table_that_was_emptied() {
    let (_, _, transactions) = fresh(27);
    let setup = context(&transactions, 1);
    let (heap, index) = (table(), int_index(101, true));
    create_empty(&setup, &index).unwrap();
    let tids: Vec<Tid> = (0..500).map(|a| put(&setup, &heap, &index, a, b"some text").0).collect();
    setup.transaction.commit().unwrap();
    let vacuumer = again(&setup);
    assert!(vacuum_all(&vacuumer, &heap, &index).0.all_visible_pages > 0);
    vacuumer.transaction.commit().unwrap();
    let deleter = again(&setup);
    for tid in tids {
        heap::delete(&deleter, &heap, tid, &heap::DeleteOptions::default()).unwrap();
    }
    deleter.transaction.commit().unwrap();
    let vacuumer = again(&setup);
    let stats = vacuum_all(&vacuumer, &heap, &index).0;
    vacuumer.transaction.commit().unwrap();
    assert!(stats.removed_pages > 0);
    assert_eq!((stats.pages, heap::block_count(&setup, &heap).unwrap()), (0, 0));
}

#[test]
fn the_latest_version_is_locked() {
    let (_, _, transactions) = fresh(26);
    let setup = context(&transactions, 1);
    let heap = table();
    let tid = heap::insert(&setup, &heap, &values(1, "x"), &InsertOptions::default(), None).unwrap();
    let other = heap::insert(&setup, &heap, &values(2, "x"), &InsertOptions::default(), None).unwrap();
    setup.transaction.commit().unwrap();
    let late = context(&transactions, 2);
    let indexed = IndexedAttributes::default();
    let options = UpdateOptions { indexed: &indexed, crosscheck: None, no_wait: true, unchanged: &[] };
    let mut at = tid;
    for text in ["y", "z"] {
        let writer = again(&setup);
        at = heap::update(&writer, &heap, at, &values(1, text), &options).unwrap().1.unwrap().tid;
        heap::delete(&writer, &heap, other, &heap::DeleteOptions::default()).unwrap();
        writer.transaction.commit().unwrap();
    }
    let lock = |tid| {
        let command = late.transaction.command();
        heap::lock_latest(&late, &heap, tid, command, RowLock::ForUpdate, LockWait::Block).unwrap()
    };
    let (outcome, tuple) = lock(tid);
    assert_eq!((outcome, tuple.unwrap().tid), (Outcome::Done, at));
    assert!(matches!(lock(other).0, Outcome::Deleted(_)));
    let snapshot = Visibility::Mvcc(late.transaction.snapshot().unwrap());
    let mut block = Rows::new(&heap.desc, &[1], false);
    let mut fetcher = heap::Fetcher::new(&late, &heap, snapshot, &[1]);
    assert_eq!(fetcher.fetch_block(tid.block, &mut block).unwrap(), 1);
    heap::truncate_relation(&late, &heap, 0).unwrap();
    assert_eq!(heap::block_count(&late, &heap).unwrap(), 0);
    late.transaction.commit().unwrap();
}
