//! Filling an index from its table.
//!
//! Every row version that some snapshot may still see gets an entry, except those whose update stayed on the page
//! (HOT) without being the newest: one chain has one entry, made for its live member and pointing to its root. Old
//! snapshots must not use the index then (indcheckxmin). A unique index takes live rows only, as two versions of one
//! row are no violation.

use super::create;
use crate::expression::{self, RowEvaluator};
use crate::relation;
use access_api::{Context, IndexRelation};
use base::{BlockNumber, Error, Fork, OffsetNumber, Oid, Result, Tid, err};
use buffer::Strategy;
use catalog::{IndexEntry, PgIndex, RelationEntry, Session};
use datum::{Batch, ColumnBuilder, Datum, TupleView};
use heap::{Blocks, Rows, Visibility};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use storage::LinePointer;

const HEAP_ONLY: u16 = 0x8000;
const HOT_UPDATED: u16 = 0x4000;

/// What became of an index.
struct Filled {
    index_tuples: u64,
    heap_tuples: u64,
    pages: u32,
    broken_chains: bool,
}

/// Fills a new index, whose file is empty.
///
/// # Errors
/// `23505` when rows violate a unique index; `0A000` for operator classes without bodies.
pub(crate) fn build(session: &Arc<Session>, table: Oid, index: Oid) -> Result<()> {
    let table = session.require_relation(table)?;
    let Some(entry) = table.indexes.iter().find(|i| i.oid == index) else {
        return Err(Error::internal(format!("index {index} is not among those of its table")));
    };
    let Some(access) = &entry.access else {
        return Err(Error::unsupported(format!("the operator class of index \"{}\"", entry.class.relname)));
    };
    let context = session.context()?;
    create::create_init_fork(session, &context, access)?;
    let filled = fill(session, &context, &table, entry, access)?;
    relation::update_class(session, index, |class| {
        class.reltuples = filled.index_tuples as f32;
        class.relpages = filled.pages as i32;
    })?;
    let pages = heap::block_count(&context, &table.relation)?;
    relation::update_class(session, table.oid(), |class| {
        class.relhasindex = true;
        // An empty table stays one that was never analyzed.
        if pages > 0 {
            class.relpages = pages as i32;
            class.reltuples = filled.heap_tuples as f32;
        }
    })?;
    if filled.broken_chains {
        for (tid, mut row) in session.find::<PgIndex>(catalog::index::PG_INDEX_INDEXRELID, &[index.into()])? {
            row.indcheckxmin = true;
            session.update(tid, &row)?;
        }
    }
    session.invalidate_relation(table.oid());
    session.command_counter_increment()
}

/// Fills an index anew in a new file; the old one goes at commit.
///
/// # Errors
/// As [`build`].
pub(crate) fn rebuild(session: &Arc<Session>, table: Oid, index: Oid) -> Result<()> {
    let (tid, class) = relation::class_row(session, index)?;
    let mut class = relation::new_storage(session, &class)?;
    class.reltuples = 0.0;
    session.update(tid, &class)?;
    session.command_counter_increment()?;
    build(session, table, index)?;
    for (tid, mut row) in session.find::<PgIndex>(catalog::index::PG_INDEX_INDEXRELID, &[index.into()])? {
        if !row.indisvalid || !row.indisready || !row.indislive {
            (row.indisvalid, row.indisready, row.indislive) = (true, true, true);
            session.update(tid, &row)?;
            session.command_counter_increment()?;
        }
    }
    Ok(())
}

/// The attributes (from 0) that keys, included columns, expressions and predicate read.
fn needed_attributes(table: &RelationEntry, index: &PgIndex, exprs: &[ir::Expr]) -> Vec<usize> {
    let mut numbers: Vec<i16> = index.indkey.iter().copied().filter(|n| *n > 0).collect();
    for expr in exprs {
        let columns = crate::dependency::columns_of(expr);
        if columns.contains(&0) {
            numbers.extend(1..=table.desc().len() as i16);
        }
        numbers.extend(columns.into_iter().filter(|n| *n > 0));
    }
    let mut needed: Vec<usize> = numbers.into_iter().map(|n| n as usize - 1).collect();
    needed.sort_unstable();
    needed.dedup();
    needed
}

fn fill(
    session: &Arc<Session>,
    context: &Context,
    table: &RelationEntry,
    entry: &IndexEntry,
    access: &IndexRelation,
) -> Result<Filled> {
    let exprs = match &entry.index.indexprs {
        Some(text) => expression::load_list(session, text)?,
        None => Vec::new(),
    };
    let predicate = match &entry.index.indpred {
        Some(text) => vec![expression::load(session, text)?],
        None => Vec::new(),
    };
    let all: Vec<ir::Expr> = exprs.iter().chain(&predicate).cloned().collect();
    let needed = needed_attributes(table, &entry.index, &all);
    let numbers: Vec<i16> = needed.iter().map(|n| *n as i16 + 1).collect();
    let mut evaluator = match all.is_empty() {
        true => None,
        false => Some(RowEvaluator::new(session, &exprs, &predicate, &numbers)?),
    };
    let memory_bytes = (session.settings().get(settings::MAINTENANCE_WORK_MEM) as usize).saturating_mul(1024);
    let mut builder = btree::Builder::new(context, access, btree::BuildOptions { memory_bytes, temp: None });
    let horizon = context.transaction.transactions().horizon(scope(table));
    let visibility =
        if entry.index.indisunique { Visibility::Own } else { Visibility::NonVacuumable(horizon) };
    let mut scan = heap::Scan::new(context, &table.relation, visibility, Blocks::All, &needed)?;
    let mut rows = Rows::new(table.desc(), &needed, false);
    let mut broken_chains = false;
    let mut heap_tuples = 0;
    let mut chains = Chains::new(context, table);
    while scan.next_page(datum::MAX_BATCH_ROWS, &mut rows)? > 0 {
        session.interrupt_check()?;
        let fresh = Rows::new(table.desc(), &needed, false);
        let Rows { columns, tids, .. } = std::mem::replace(&mut rows, fresh);
        let count = tids.len();
        heap_tuples += count as u64;
        let columns = columns.into_iter().map(|c| Arc::new(ColumnBuilder::finish(c))).collect();
        let batch = Batch::new(columns, count);
        let outputs = match &mut evaluator {
            Some(evaluator) => Some(evaluator.evaluate(&batch)?),
            None => None,
        };
        for (row, tid) in tids.iter().enumerate() {
            if outputs.as_ref().is_some_and(|o| !o.kept.contains(&row)) {
                continue;
            }
            let Some(root) = chains.root(*tid)? else {
                broken_chains = true;
                continue;
            };
            let mut expr = 0;
            let mut values: Vec<Option<Datum<'_>>> = Vec::with_capacity(entry.index.indkey.len());
            for number in &entry.index.indkey {
                if *number > 0 {
                    let at = needed.binary_search(&(*number as usize - 1)).unwrap_or_default();
                    values.push(batch.value(at, row));
                } else {
                    values.push(outputs.as_ref().and_then(|o| o.columns[expr].get(row)));
                    expr += 1;
                }
            }
            builder.add(&values, root)?;
        }
    }
    let built = builder.finish()?;
    if let Some((one, _)) = built.duplicate {
        return Err(duplicate(session, context, table, entry, one)?);
    }
    Ok(Filled {
        index_tuples: built.tuples,
        heap_tuples,
        pages: built.pages,
        broken_chains: broken_chains || chains.skipped_dead(entry.index.indisunique)?,
    })
}

fn scope(table: &RelationEntry) -> txn::Scope {
    match table.relation.persistence {
        access_api::Persistence::Temporary => txn::Scope::Temporary(None),
        _ if table.class.relisshared => txn::Scope::Shared,
        _ if table.relation.is_catalog => txn::Scope::Catalog(table.relation.database),
        _ => txn::Scope::Data(table.relation.database),
    }
}

/// The HOT chains of the page that is being read.
struct Chains<'a> {
    context: &'a Context,
    table: &'a RelationEntry,
    block: Option<BlockNumber>,
    /// Heap-only tuples and their chains' roots.
    roots: HashMap<OffsetNumber, OffsetNumber>,
    hot_updated: HashSet<OffsetNumber>,
    live: Option<HashSet<OffsetNumber>>,
    any_hot: bool,
}

impl<'a> Chains<'a> {
    fn new(context: &'a Context, table: &'a RelationEntry) -> Chains<'a> {
        Chains {
            context,
            table,
            block: None,
            roots: HashMap::new(),
            hot_updated: HashSet::new(),
            live: None,
            any_hot: false,
        }
    }

    /// Where the index entry of a row version points: its chain's root. `None` for a version that only old snapshots
    /// see and that has a successor in its chain.
    fn root(&mut self, tid: Tid) -> Result<Option<Tid>> {
        if self.block != Some(tid.block) {
            self.enter(tid.block)?;
        }
        if self.hot_updated.contains(&tid.offset) {
            self.any_hot = true;
            if !self.live()?.contains(&tid.offset) {
                return Ok(None);
            }
        }
        let offset = self.roots.get(&tid.offset).copied().unwrap_or(tid.offset);
        Ok(Some(Tid { block: tid.block, offset }))
    }

    fn enter(&mut self, block: BlockNumber) -> Result<()> {
        self.block = Some(block);
        self.live = None;
        self.roots.clear();
        self.hot_updated.clear();
        let pin = self.context.pool.pin(self.table.relation.locator, Fork::Main, block, Strategy::Normal)?;
        let page = pin.read();
        let flags = |offset: OffsetNumber| -> Option<(u16, Tid, u32, u32)> {
            let view = TupleView::new(page.item_checked(offset)?).ok()?;
            Some((view.infomask2(), view.ctid(), view.xmin(), view.xmax()))
        };
        for start in page.offsets() {
            let first = match page.item_id(start).state() {
                LinePointer::Redirect(to) => to,
                LinePointer::Normal => start,
                _ => continue,
            };
            let Some((mask, ..)) = flags(first) else { continue };
            if mask & HOT_UPDATED != 0 {
                self.hot_updated.insert(first);
            }
            if first == start && mask & HEAP_ONLY != 0 {
                continue; // reached from its root
            }
            let (mut at, mut before) = (first, None);
            for _ in 0..page.max_offset().0 {
                let Some((mask, next, xmin, xmax)) = flags(at) else { break };
                if before.is_some_and(|xmax| xmax != xmin) {
                    break; // the chain's end was pruned and its place used again
                }
                if at != start {
                    self.roots.insert(at, start);
                }
                if mask & HOT_UPDATED == 0 || next.block != block || next.offset == at {
                    break;
                }
                // A multixact's updater is not compared: its members would have to be read.
                before = (mask_of(&page, at) & 0x1000 == 0).then_some(xmax);
                at = next.offset;
            }
        }
        Ok(())
    }

    /// The row versions of the block that are live to this transaction now.
    fn live(&mut self) -> Result<&HashSet<OffsetNumber>> {
        if self.live.is_none() {
            let block = self.block.unwrap_or(BlockNumber(0)).0;
            let blocks = Blocks::Range(block..block + 1);
            let mut scan = heap::Scan::new(self.context, &self.table.relation, Visibility::Own, blocks, &[])?;
            let mut rows = Rows::new(self.table.desc(), &[], false);
            while scan.next_page(datum::MAX_BATCH_ROWS, &mut rows)? > 0 {}
            self.live = Some(rows.tids.iter().map(|tid| tid.offset).collect());
        }
        Ok(self.live.get_or_insert_default())
    }

    /// Whether a unique index left out versions that old snapshots may see.
    fn skipped_dead(&self, unique: bool) -> Result<bool> {
        if !unique || heap::block_count(self.context, &self.table.relation)? == 0 {
            return Ok(false);
        }
        let horizon = self.context.transaction.transactions().horizon(scope(self.table));
        let count = |visibility: Visibility| -> Result<usize> {
            let mut scan = heap::Scan::new(self.context, &self.table.relation, visibility, Blocks::All, &[])?;
            let mut rows = Rows::new(self.table.desc(), &[], false);
            let mut count = 0;
            while scan.next_page(datum::MAX_BATCH_ROWS, &mut rows)? > 0 {
                count += rows.tids.len();
                rows.clear();
            }
            Ok(count)
        };
        Ok(count(Visibility::NonVacuumable(horizon))? != count(Visibility::Own)?)
    }
}

fn mask_of(page: &storage::Page, offset: OffsetNumber) -> u16 {
    page.item_checked(offset).and_then(|item| TupleView::new(item).ok()).map_or(0, |view| view.infomask())
}

/// The error for two rows with one key.
fn duplicate(
    session: &Arc<Session>,
    context: &Context,
    table: &RelationEntry,
    entry: &IndexEntry,
    tid: Tid,
) -> Result<Error> {
    let error = err!(UNIQUE_VIOLATION, "could not create unique index \"{}\"", entry.class.relname)
        .table(session.namespace_name(table.class.relnamespace)?, table.name())
        .constraint(entry.class.relname.as_str());
    let keys = &entry.index.indkey[..entry.index.indnkeyatts as usize];
    let (Some(tuple), false) = (heap::fetch_any(context, &table.relation, tid)?, keys.contains(&0)) else {
        return Ok(error.detail("Duplicate keys exist."));
    };
    let needed: Vec<usize> = keys.iter().map(|n| *n as usize - 1).collect();
    let row = heap::deform(context, &table.relation, &tuple, &needed)?;
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (at, value) in needed.iter().zip(&row) {
        let attribute = &table.desc().attributes()[*at];
        names.push(attribute.name.clone());
        values.push(match value {
            Some(value) => crate::output::to_text(session, attribute.type_oid, value.as_datum())?,
            None => "null".to_owned(),
        });
    }
    Ok(error.detail(format!("Key ({})=({}) is duplicated.", names.join(", "), values.join(", "))))
}
