//! The disk fails at some write: what was acknowledged is there afterwards, the transaction under way is whole or
//! absent, and the index agrees with the heap.

use super::*;
use std::collections::BTreeMap;

type Contents = BTreeMap<i32, Vec<u8>>;

/// One transaction's changes to the table and to what it should hold.
fn transaction(
    context: &Context,
    heap: &Relation,
    index: &IndexRelation,
    round: i32,
    contents: &mut Contents,
) -> Result<()> {
    let indexed = IndexedAttributes { hot_blocking: vec![0], key: vec![0], ..IndexedAttributes::default() };
    let options = UpdateOptions { indexed: &indexed, crosscheck: None, no_wait: true, unchanged: &[] };
    let (view, check) = (HeapOracle, UniqueCheck::Yes);
    let mut tids = Vec::new();
    for number in 0..60 {
        let a = round * 60 + number * 37 % 60;
        let text = vec![b'b'; 20 + (a % 50) as usize];
        let values = [Some(Datum::Int4(a)), Some(Datum::Bytes(&text))];
        let tid = heap::insert(context, heap, &values, &InsertOptions::default(), None)?;
        insert(context, index, heap, &view, &values[..1], tid, check, false)?;
        tids.push((a, tid));
        contents.insert(a, text.clone());
    }
    context.transaction.command_counter_increment()?;
    for (a, tid) in tids.iter().step_by(3) {
        let values = [Some(Datum::Int4(*a)), Some(Datum::from("after"))];
        let (_, updated) = heap::update(context, heap, *tid, &values, &options)?;
        if let Some(updated) = updated.filter(|updated| updated.indexes == heap::IndexesToUpdate::All) {
            insert(context, index, heap, &view, &values[..1], updated.tid, check, true)?;
        }
        contents.insert(*a, b"after".to_vec());
    }
    for (a, tid) in tids.iter().skip(1).step_by(3) {
        heap::delete(context, heap, *tid, &heap::DeleteOptions::default())?;
        contents.remove(a);
    }
    Ok(())
}

/// Works until the disk fails. Returns what was acknowledged, and that with the transaction under way.
fn work(transactions: &Arc<Transactions>, heap: &Relation, index: &IndexRelation) -> (Contents, Contents) {
    let mut committed = Contents::new();
    let mut context = context(transactions, 1);
    for round in 0..40 {
        let mut contents = committed.clone();
        let done = transaction(&context, heap, index, round, &mut contents)
            .and_then(|()| context.transaction.commit());
        if done.is_err() {
            return (committed, contents);
        }
        committed = contents;
        context = again(&context);
        if round % 5 == 4 && try_vacuum(&context, heap, index).is_err() {
            return (committed.clone(), committed);
        }
    }
    // The disk held: the rest is lost with the memory.
    (committed.clone(), committed)
}

fn try_vacuum(context: &Context, heap: &Relation, index: &IndexRelation) -> Result<()> {
    let (cutoffs, options) = vacuum_settings(context);
    let mut indexes = OneIndex(context, index, IndexStats::default());
    heap::vacuum(context, heap, &mut indexes, &cutoffs, &options).map(|_| ())
}

fn agree(context: &Context, heap: &Relation, index: &IndexRelation, contents: &Contents) {
    sound(context, index);
    for (a, text) in contents {
        let mut tids = Vec::new();
        lookup(context, index, &[Datum::Int4(*a)], &mut tids).unwrap();
        let snapshot = Visibility::Mvcc(context.transaction.snapshot().unwrap());
        let mut fetcher = heap::Fetcher::new(context, heap, snapshot, &[1]);
        let mut found = Rows::new(&heap.desc, &[1], false);
        fetcher.fetch_many(&tids, &mut found, &mut Vec::new(), &mut Vec::new()).unwrap();
        assert_eq!(found.len(), 1, "key {a}");
        assert_eq!(found.columns[0].clone().finish().get(0), Some(Datum::Bytes(text)));
    }
}

#[test]
fn a_crash_at_any_write_loses_nothing_acknowledged() {
    for seed in 0..24u64 {
        let (system, disk, transactions) = fresh(100 + seed);
        let (heap, index) = (table(), int_index(101, true));
        create_empty(&context(&transactions, 9), &index).unwrap();
        disk.crash_at_write(20 + seed * 37);
        let (committed, maybe) = work(&transactions, &heap, &index);
        if !disk.crashed() {
            disk.crash();
        }
        drop(transactions);
        disk.restart();
        let transactions = recover(&system);
        let context = context(&transactions, 1);
        let found: Contents = rows(&context, &heap).into_iter().collect();
        assert!(found == committed || found == maybe, "seed {seed}: {} rows", found.len());
        agree(&context, &heap, &index, &found);
        // Life goes on.
        let mut contents = found;
        transaction(&context, &heap, &index, 1000, &mut contents).unwrap();
        context.transaction.commit().unwrap();
        let context = again(&context);
        assert_eq!(rows(&context, &heap).into_iter().collect::<Contents>(), contents);
        agree(&context, &heap, &index, &contents);
    }
}
