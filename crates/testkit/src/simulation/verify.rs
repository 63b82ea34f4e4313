//! What must hold at any moment at which nobody is in the middle of an operation.
//!
//! - A new snapshot sees exactly the committed rows, by a scan and by each index, TOAST values included.
//! - Each index is sound, and its entries lead to line pointers in use.
//! - Pages marked all-visible hold nothing but visible versions, and the page agrees with the map.
//! - The free space map names pages that exist.
//! - The TOAST table shows chunks of exactly the values that rows refer to.

use super::{Simulation, State};
use crate::table::{Table, Value};
use access_api::{Context, Direction, IndexRelation, Relation};
use base::{BlockNumber, Fork, Result, Tid};
use btree::Matches;
use buffer::{Strategy, fsm, vm};
use heap::{Blocks, Rows, Visibility};
use std::collections::BTreeSet;
use storage::LinePointer;
use txn::{Options, Snapshot};

const PD_ALL_VISIBLE: u16 = 4;
/// Where t_infomask lies in a tuple, and its bit for values in the TOAST table.
const INFOMASK_AT: usize = 20;
const HAS_EXTERNAL: u8 = 4;

impl Simulation {
    pub(super) fn verify(&mut self) {
        let seat = self.seat(80);
        let done = seat.begin(Options::default()).and_then(|context| {
            for (number, table) in self.tables.iter().enumerate() {
                self.verify_table(&context, number as u8, table)?;
            }
            context.transaction.commit()
        });
        if let Err(error) = done {
            self.expect_fault(&error);
        }
    }

    fn verify_table(&self, context: &Context, number: u8, table: &Table) -> Result<()> {
        // Before the scan that prunes.
        verify_maps(context, &table.heap)?;
        let snapshot = context.transaction.snapshot()?;
        let rows = scan(context, table, &snapshot)?;
        let found: State = rows.iter().map(|(_, a, value)| ((number, *a), value.clone())).collect();
        assert_eq!(found.len(), rows.len(), "keys are unique");
        let expected = self.state.range((number, i32::MIN)..=(number, i32::MAX));
        for (key, value) in expected.clone() {
            let there = found.get(key);
            assert!(there == Some(value), "{key:?} should be {value:?} and is {there:?}");
        }
        for (key, value) in &found {
            assert!(self.state.contains_key(key), "{key:?} should not be there: {value:?}");
        }
        let heap_rows: BTreeSet<(i32, i32)> = rows.iter().map(|(_, a, value)| (*a, value.b)).collect();
        for index in [&table.unique, &table.second] {
            verify_index(context, &table.heap, index)?;
            verify_entries(context, table, index, &snapshot, &heap_rows)?;
        }
        let toast = table.toast();
        verify_index(context, &toast.heap, &toast.index)?;
        verify_maps(context, &toast.heap)?;
        verify_toast(context, table, &rows, &snapshot)
    }
}

fn scan(context: &Context, table: &Table, snapshot: &Snapshot) -> Result<Vec<(Tid, i32, Value)>> {
    let needed = [0, 1, 2];
    let visibility = Visibility::Mvcc(snapshot.clone());
    let mut scan = heap::Scan::new(context, &table.heap, visibility, Blocks::All, &needed)?;
    let mut rows = Rows::new(&table.heap.desc, &needed, false);
    while scan.next_page(1000, &mut rows)? > 0 {}
    let columns: Vec<_> = rows.columns.into_iter().map(|column| column.finish()).collect();
    let value = |column: usize, row| columns[column].get(row).expect("is not null");
    let row = |(row, tid): (usize, &Tid)| {
        let c = value(2, row).bytes().into();
        (*tid, value(0, row).int4(), Value { b: value(1, row).int4(), c })
    };
    Ok(rows.tids.iter().enumerate().map(row).collect())
}

fn verify_index(context: &Context, heap: &Relation, index: &IndexRelation) -> Result<()> {
    let mut entries = Vec::new();
    let problems = btree::check(context, index, &mut |tid| entries.push(tid))?;
    assert!(problems.is_empty(), "index {}: {problems:?}", index.relation.name);
    entries.sort_unstable();
    let blocks = heap::block_count(context, heap)?;
    for same_block in entries.chunk_by(|a, b| a.block == b.block) {
        let block = same_block[0].block;
        assert!(block.0 < blocks, "index {} leads behind the heap's end: {block}", index.relation.name);
        let pin = context.pool.pin(heap.locator, Fork::Main, block, Strategy::Normal)?;
        let page = pin.read();
        for tid in same_block {
            let in_use =
                tid.offset <= page.max_offset() && page.item_id(tid.offset).state() != LinePointer::Unused;
            assert!(in_use, "index {} leads to nothing at {tid}", index.relation.name);
        }
    }
    Ok(())
}

/// An index scan with its values finds the same rows as the scan of the heap.
fn verify_entries(
    context: &Context,
    table: &Table,
    index: &IndexRelation,
    snapshot: &Snapshot,
    heap_rows: &BTreeSet<(i32, i32)>,
) -> Result<()> {
    let all: Vec<usize> = (0..index.attributes().len()).collect();
    let mut scan = btree::Scan::new(context, index, &[], Direction::Forward, Some(&all))?;
    let mut matches = Matches::new(index, Some(&all));
    while scan.next(500, &mut matches)? > 0 {}
    drop(scan);
    let columns: Vec<_> = matches.columns.into_iter().map(|column| column.finish()).collect();
    let mut rows = Rows::new(&table.heap.desc, &[0, 1], false);
    let mut sources = Vec::new();
    let visibility = Visibility::Mvcc(snapshot.clone());
    let mut fetcher = heap::Fetcher::new(context, &table.heap, visibility, &[0, 1]);
    fetcher.fetch_many(&matches.tids, &mut rows, &mut sources, &mut Vec::new())?;
    let row_columns: Vec<_> = rows.columns.into_iter().map(|column| column.finish()).collect();
    let mut found = BTreeSet::new();
    for (row, source) in sources.iter().enumerate() {
        let value = |column: usize| row_columns[column].get(row).expect("is not null").int4();
        let (a, b) = (value(0), value(1));
        let entry: Vec<i32> =
            columns.iter().map(|column| column.get(*source as usize).expect("is not null").int4()).collect();
        let name = &index.relation.name;
        assert_eq!(entry, table.keys_of(index, a, b), "index {name}: the entry of row {a} differs");
        assert!(found.insert((a, b)), "index {name} leads to row {a} twice");
    }
    assert!(&found == heap_rows, "index {} misses rows: {found:?} {heap_rows:?}", index.relation.name);
    Ok(())
}

fn count_on(context: &Context, heap: &Relation, block: u32, visibility: Visibility) -> Result<usize> {
    let mut scan = heap::Scan::new(context, heap, visibility, Blocks::Range(block..block + 1), &[])?;
    let mut rows = Rows::new(&heap.desc, &[], false);
    while scan.next_page(1000, &mut rows)? > 0 {}
    Ok(rows.len())
}

fn verify_maps(context: &Context, heap: &Relation) -> Result<()> {
    let pool = &context.pool;
    let blocks = heap::block_count(context, heap)?;
    let mut map = None;
    for block in 0..blocks {
        let bits = vm::get(pool, heap.locator, BlockNumber(block), &mut map)?;
        let (marked, dead) = {
            let pin = pool.pin(heap.locator, Fork::Main, BlockNumber(block), Strategy::Normal)?;
            let page = pin.read();
            let dead = (1..=page.max_offset().0)
                .any(|offset| page.item_id(base::OffsetNumber(offset)).state() == LinePointer::Dead);
            (!page.is_new() && page.flags() & PD_ALL_VISIBLE != 0, dead)
        };
        let name = &heap.name;
        assert!(bits & vm::ALL_FROZEN == 0 || bits & vm::ALL_VISIBLE != 0, "{name} {block}: frozen alone");
        assert!(
            bits & vm::ALL_VISIBLE == 0 || marked,
            "{name} {block}: the map says all-visible, the page not"
        );
        if marked {
            assert!(!dead, "{name} {block}: a dead line pointer on an all-visible page");
            let all = count_on(context, heap, block, Visibility::Any)?;
            let visible = count_on(context, heap, block, Visibility::Own)?;
            assert_eq!(all, visible, "{name} {block}: an all-visible page has versions that are not");
        }
    }
    for need in [50, 500, 2000, 7000] {
        let block = fsm::page_with_free_space(pool, heap.locator, need)?;
        let blocks = heap::block_count(context, heap)?;
        assert!(block.is_none_or(|block| block.0 < blocks), "{}: no such block {block:?}", heap.name);
    }
    Ok(())
}

fn verify_toast(
    context: &Context,
    table: &Table,
    rows: &[(Tid, i32, Value)],
    snapshot: &Snapshot,
) -> Result<()> {
    let visibility = Visibility::Mvcc(snapshot.clone());
    let mut external = 0;
    for (tid, ..) in rows {
        let tuple = heap::fetch(context, &table.heap, *tid, &visibility)?.expect("was just seen");
        external += usize::from(tuple.bytes[INFOMASK_AT] & HAS_EXTERNAL != 0);
    }
    let chunks = &table.toast().heap;
    let mut scan = heap::Scan::new(context, chunks, visibility, Blocks::All, &[0])?;
    let mut found = Rows::new(&chunks.desc, &[0], false);
    while scan.next_page(1000, &mut found)? > 0 {}
    let ids = found.columns.remove(0).finish();
    let ids: BTreeSet<u32> =
        (0..found.tids.len()).map(|row| ids.get(row).expect("is not null").oid().0).collect();
    assert_eq!(ids.len(), external, "table {}: values in the TOAST table", table.heap.name);
    Ok(())
}
