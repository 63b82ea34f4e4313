//! Filling an index from its table: threads read the table's pages in turns and hand entries to `btree::Build`.

use super::create;
use super::source::Source;
use crate::expression::{self, RowEvaluator};
use crate::relation;
use access_api::{Context, IndexRelation};
use base::{BlockNumber, Error, Oid, Result, err};
use catalog::{IndexEntry, PgIndex, RelationEntry, Session};
use datum::Row;
use heap::{BlockAllocator, BuildCounts, BuildScan, BuildView};
use parking_lot::Mutex;
use std::sync::Arc;
use sys::{Halt, Places};
use txn::Snapshot;

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
    build_with(session, table, index, None)
}

/// As [`build`], with the rows that a snapshot shows, where others may change the table.
///
/// # Errors
/// As [`build`].
pub(super) fn build_with(
    session: &Arc<Session>,
    table: Oid,
    index: Oid,
    snapshot: Option<Snapshot>,
) -> Result<()> {
    let table = session.require_relation(table)?;
    let Some(entry) = table.indexes.iter().find(|i| i.oid == index) else {
        return Err(Error::internal(format!("index {index} is not among those of its table")));
    };
    let Some(access) = &entry.access else {
        return Err(Error::unsupported(format!("the operator class of index \"{}\"", entry.class.relname)));
    };
    let context = session.context()?;
    create::create_init_fork(session, &context, access)?;
    let filled = fill(session, &context, &table, entry, access, snapshot)?;
    relation::update_class(session, index, |class| {
        class.reltuples = filled.index_tuples as f32;
        class.relpages = filled.pages as i32;
    })?;
    let pages = heap::block_count(&context, &table.relation)?;
    relation::update_class(session, table.oid(), |class| {
        class.relhasindex = true;
        // A table without rows stays one that was never analyzed.
        if filled.heap_tuples as f32 > 0.0 || class.reltuples >= 0.0 {
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

/// Pages from which on a sample tells where to cut the key space.
const SAMPLE_FROM: u32 = 64;
/// Pages of the sample.
const SAMPLE_PAGES: u32 = 256;
/// Memory that each of several threads must have, in kB.
const MEMORY_FOR_EACH: i64 = 32 << 10;

fn fill(
    session: &Arc<Session>,
    context: &Context,
    table: &RelationEntry,
    entry: &IndexEntry,
    access: &IndexRelation,
    snapshot: Option<Snapshot>,
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
    let new_source = || -> Result<Source<'_>> {
        let evaluator = match all.is_empty() {
            true => None,
            false => Some(RowEvaluator::new(session, &exprs, &predicate, &numbers)?),
        };
        Ok(Source { context, relation: &table.relation, index: &entry.index, needed: &needed, evaluator })
    };
    let memory_kb = session.settings().get(settings::MAINTENANCE_WORK_MEM);
    let memory_bytes = (memory_kb as usize).saturating_mul(1024);
    let temp = Some(temporary_file(session));
    let mut build = btree::Build::new(context, access, btree::BuildOptions { memory_bytes, temp });
    let pages = heap::block_count(context, &table.relation)?;
    let places = reserve_workers(session, table, pages, memory_kb);
    let view = snapshot.map_or_else(
        || {
            let horizon = context.transaction.transactions().horizon(scope(table));
            BuildView::Vacuumable { horizon, unique: entry.index.indisunique }
        },
        BuildView::Snapshot,
    );
    let new_scan =
        |blocks: Arc<BlockAllocator>| BuildScan::new(context, &table.relation, view.clone(), blocks);
    if pages >= SAMPLE_FROM {
        let (mut source, mut sample) = (new_source()?, build.input());
        let mut scan = new_scan(BlockAllocator::new(0, 1))?;
        let sampled = SAMPLE_PAGES.min(pages);
        for number in 0..sampled {
            let block = u64::from(number) * u64::from(pages) / u64::from(sampled);
            source.add_page(&mut scan, Some(BlockNumber(block as u32)), &build, &mut sample)?;
        }
        let share = f64::from(pages) / f64::from(sampled);
        build.cut(sample, share, places.count() + 1)?;
    }
    let blocks = BlockAllocator::new(pages, places.count() + 1);
    let totals = Mutex::new(BuildCounts::default());
    let read = |_: usize, halt: &Halt| -> Result<()> {
        let (mut source, mut input) = (new_source()?, build.input());
        let mut scan = new_scan(blocks.clone())?;
        while source.add_page(&mut scan, None, &build, &mut input)? {
            halt.check()?;
        }
        build.close(input)?;
        let mut totals = totals.lock();
        totals.live += scan.counts().live;
        totals.left_out |= scan.counts().left_out;
        Ok(())
    };
    // Expressions are evaluated by the session's own thread.
    if all.is_empty() {
        places.run(&read)?
    } else {
        read(0, &Halt::default())?
    }
    let built = build.finish(&places)?;
    if let Some(found) = built.duplicate {
        return Err(duplicate(session, table, entry, access, &found.key)?);
    }
    let BuildCounts { live, left_out } = totals.into_inner();
    Ok(Filled { index_tuples: built.tuples, heap_tuples: live, pages: built.pages, broken_chains: left_out })
}

fn temporary_file(session: &Session) -> btree::TempFiles {
    let system = &session.instance().system;
    let pid = session.transaction_session().locks().pid();
    let prefix = format!("base/pgsql_tmp/pgsql_tmp{pid}.{}", system.random.next_u64());
    btree::TempFiles { disk: system.disk.clone(), prefix }
}

/// Threads that help, as many as PostgreSQL would start workers: by the table's size or its parallel_workers, but each
/// must have its share of memory.
fn reserve_workers(session: &Session, table: &RelationEntry, pages: u32, memory_kb: i64) -> Places {
    let settings = session.settings();
    let limit = settings.get(settings::MAX_PARALLEL_MAINTENANCE_WORKERS);
    let everybody = settings.get(settings::MAX_PARALLEL_WORKERS).max(0) as usize;
    let smallest = settings.get(settings::MIN_PARALLEL_TABLE_SCAN_SIZE);
    drop(settings);
    let chosen = catalog::option(&table.class, "parallel_workers").and_then(|text| text.parse().ok());
    let by_size = || sys::workers::worth(f64::from(pages), smallest as f64) as i64;
    let mut workers = chosen.unwrap_or_else(by_size).min(limit).max(0);
    while workers > 0 && memory_kb / (workers + 1) < MEMORY_FOR_EACH {
        workers -= 1;
    }
    if table.relation.persistence == access_api::Persistence::Temporary {
        workers = 0;
    }
    session.instance().system.workers.reserve(workers as usize, everybody)
}

fn scope(table: &RelationEntry) -> txn::Scope {
    match table.relation.persistence {
        access_api::Persistence::Temporary => txn::Scope::Temporary(None),
        _ if table.class.relisshared => txn::Scope::Shared,
        _ if table.relation.is_catalog => txn::Scope::Catalog(table.relation.database),
        _ => txn::Scope::Data(table.relation.database),
    }
}

/// The error for two rows with one key.
fn duplicate(
    session: &Session,
    table: &RelationEntry,
    entry: &IndexEntry,
    access: &IndexRelation,
    key: &Row,
) -> Result<Error> {
    let error = err!(UNIQUE_VIOLATION, "could not create unique index \"{}\"", entry.class.relname)
        .table(session.namespace_name(table.class.relnamespace)?, table.name())
        .constraint(entry.class.relname.as_str());
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (number, (value, attribute)) in key.iter().zip(access.attributes()).enumerate() {
        let Some(name) = crate::definition::index_column(session, entry.oid, number)? else {
            return Ok(error.detail("Duplicate keys exist."));
        };
        names.push(name);
        values.push(match value {
            Some(value) => crate::output::to_text(session, attribute.type_oid, value.as_datum())?,
            None => "null".to_owned(),
        });
    }
    Ok(error.detail(format!("Key ({})=({}) is duplicated.", names.join(", "), values.join(", "))))
}
