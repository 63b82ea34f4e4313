//! VACUUM of one table, in a transaction of its own.

use super::cutoffs;
use super::indexes::Indexes;
use super::options::{Choice, VacuumParams};
use super::report::{self, Usage};
use super::targets::{self, Target};
use crate::statistics;
use base::{Error, MultiXactId, Oid, Result, Xid};
use btree::IndexStats;
use catalog::{IndexEntry, PgClass, RelationEntry, Session, index, option};
use heap::{VacuumOptions, VacuumStats};
use lock::LockMode;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// What came of a table.
pub enum Vacuumed {
    /// Done; its TOAST table is to follow.
    Done { toast: Option<Oid> },
    /// Gone, locked, or none of the user's.
    Skipped,
}

/// Vacuums one table in the running transaction. What is to be said goes to `say`.
///
/// # Errors
/// `XX001` for damaged pages, `57014` when cancelled.
pub fn vacuum(
    session: &Arc<Session>,
    target: &Target,
    params: &VacuumParams,
    say: &mut dyn FnMut(Error),
) -> Result<Vacuumed> {
    if !targets::lock_or_skip(session, target, LockMode::ShareUpdateExclusive, params, say)? {
        return Ok(Vacuumed::Skipped);
    }
    let Some(entry) = session.relation(target.relation)? else { return Ok(Vacuumed::Skipped) };
    let mut notices = Vec::new();
    let is_toast = entry.kind() == b't';
    let may = is_toast || targets::may_process(session, &entry.class, params, &mut notices)?;
    notices.into_iter().for_each(&mut *say);
    if !may || entry.kind() == b'p' || targets::is_other_temporary(session, &entry.class)? {
        return Ok(Vacuumed::Skipped);
    }
    if !matches!(entry.kind(), b'r' | b'm' | b't') {
        say(targets::warning(
            base::SqlState::WARNING,
            format!("skipping \"{}\" --- cannot vacuum non-tables or special system tables", entry.name()),
        ));
        return Ok(Vacuumed::Skipped);
    }
    if params.process_main || is_toast {
        run(session, &entry, params, say)?;
    }
    Ok(Vacuumed::Done { toast: entry.class.reltoastrelid.some().filter(|_| params.process_toast) })
}

/// Whether a storage parameter is on, off, or not set.
fn storage_switch(class: &PgClass, name: &str) -> Option<bool> {
    option(class, name).and_then(settings::parse_bool)
}

fn choices(entry: &RelationEntry, params: &VacuumParams, default_truncate: bool) -> (bool, bool) {
    let index_cleanup = match params.index_cleanup {
        Choice::Unspecified => storage_switch(&entry.class, "vacuum_index_cleanup").unwrap_or(true),
        choice => choice != Choice::Off,
    };
    let truncate = match params.truncate {
        Choice::Unspecified => storage_switch(&entry.class, "vacuum_truncate").unwrap_or(default_truncate),
        choice => choice == Choice::On,
    };
    (index_cleanup, truncate)
}

fn run(
    session: &Arc<Session>,
    entry: &RelationEntry,
    params: &VacuumParams,
    say: &mut dyn FnMut(Error),
) -> Result<()> {
    let context = session.context()?;
    let chosen = cutoffs::choose(session, &entry.class, &entry.relation, params)?;
    chosen.warnings.into_iter().for_each(&mut *say);
    let (default_truncate, memory_kb) = {
        let settings = session.settings();
        let automatic = settings.server().get(settings::AUTOVACUUM_WORK_MEM);
        let memory = settings.get(settings::MAINTENANCE_WORK_MEM);
        let memory = if params.automatic && automatic >= 0 { automatic } else { memory };
        (settings.get(settings::VACUUM_TRUNCATE), memory)
    };
    let (index_cleanup, truncate) = choices(entry, params, default_truncate);
    let name = format!("{}.{}", report::qualified(session, &entry.class)?, entry.name());
    if params.verbose {
        let kind = if chosen.aggressive { "aggressively vacuuming" } else { "vacuuming" };
        say(report::info(format!("{kind} \"{}.{name}\"", session.database_name())));
    }
    let usage = Usage::start(session);
    let delay = delay(session, params);
    let mut indexes = Indexes::new(session, &context, entry, params, delay.clone());
    indexes.check_parallel();
    let options = VacuumOptions {
        aggressive: chosen.aggressive,
        skip_nothing: params.skip_nothing,
        truncate,
        index_cleanup,
        memory_bytes: (memory_kb.max(64) as usize) << 10,
        places: indexes.reserve()?,
        ring_frames: params.ring_frames(session),
        known: heap::KnownSize {
            pages: entry.class.relpages.max(0) as u32,
            tuples: f64::from(entry.class.reltuples),
        },
        delay,
    };
    let vacuumed = heap::vacuum(&context, &entry.relation, &mut indexes, &chosen.cutoffs, &options);
    indexes.notes.drain(..).for_each(&mut *say);
    let stats = vacuumed?;
    let index_stats = indexes.stats;
    let kept = store(session, entry, &stats)?;
    for (index, stats) in entry.indexes.iter().filter(|i| i.index.indisready).zip(&index_stats) {
        if let Some(stats) = stats {
            store_index(session, index, stats)?;
        }
    }
    let elapsed = usage.elapsed(session);
    statistics::of(session).note_vacuum(
        if entry.class.relisshared { Oid::INVALID } else { session.database() },
        entry.oid(),
        stats.live_tuples as i64,
        stats.recently_dead_tuples as i64,
        params.automatic,
        elapsed,
    );
    let log = params.automatic
        && (params.log_min_duration_ms == 0
            || params.log_min_duration_ms > 0
                && elapsed >= Duration::from_millis(params.log_min_duration_ms as u64));
    if params.verbose || log {
        let summary = report::Summary {
            name: &name,
            params,
            aggressive: chosen.aggressive,
            cutoffs: &chosen.cutoffs,
            stats: &stats,
            kept,
            indexes: &entry.indexes.iter().zip(&index_stats).collect::<Vec<_>>(),
        };
        say(summary.text(session, &usage, params.verbose));
    }
    Ok(())
}

/// Called before each page: cancellation, and the cost-based delay.
fn delay(session: &Arc<Session>, params: &VacuumParams) -> Arc<dyn Fn() -> Result<()> + Send + Sync> {
    let settings = session.settings();
    let server = settings.server();
    let mut delay_ms = settings.get(settings::VACUUM_COST_DELAY);
    let mut limit = settings.get(settings::VACUUM_COST_LIMIT);
    if params.automatic && !params.for_wraparound {
        let automatic = server.get(settings::AUTOVACUUM_VACUUM_COST_DELAY);
        delay_ms = if automatic >= 0.0 { automatic } else { delay_ms };
        let automatic = server.get(settings::AUTOVACUUM_VACUUM_COST_LIMIT);
        limit = if automatic > 0 { automatic } else { limit };
    }
    let (hit, miss) =
        (settings.get(settings::VACUUM_COST_PAGE_HIT), settings.get(settings::VACUUM_COST_PAGE_MISS));
    drop(settings);
    let session = session.clone();
    let balance = Mutex::new((0i64, session.instance().pool.counters().reads));
    Arc::new(move || {
        session.interrupt_check()?;
        if delay_ms <= 0.0 {
            return Ok(());
        }
        let instance = session.instance();
        let reads = instance.pool.counters().reads;
        let mut balance = balance.lock();
        let missed = i64::try_from(reads.saturating_sub(balance.1)).unwrap_or(i64::MAX).min(limit);
        balance.1 = reads;
        balance.0 += hit + missed * miss;
        if balance.0 >= limit {
            let times = (balance.0 as f64 / limit as f64).min(4.0);
            balance.0 = 0;
            drop(balance);
            instance.system.clock.sleep(Duration::from_secs_f64(delay_ms * times / 1000.0));
        }
        Ok(())
    })
}

/// The old and new oldest ids, for the report.
#[derive(Clone, Copy)]
pub struct Kept {
    pub frozen_from: Option<(Xid, Xid)>,
    pub multi_from: Option<(MultiXactId, MultiXactId)>,
}

/// What VACUUM found, to pg_class, where the row stands: other transactions' snapshots do not matter to it.
fn store(session: &Session, entry: &RelationEntry, stats: &VacuumStats) -> Result<Kept> {
    let mut kept = Kept { frozen_from: None, multi_from: None };
    let rows = session.find::<PgClass>(index::PG_CLASS_OID, &[entry.oid().into()])?;
    let Some((tid, mut class)) = rows.into_iter().next() else { return Ok(kept) };
    let before = class.clone();
    class.relpages = stats.pages as i32;
    class.reltuples = stats.live_tuples as f32;
    class.relallvisible = stats.all_visible_pages as i32;
    class.relallfrozen = stats.all_frozen_pages as i32;
    if entry.indexes.is_empty() {
        class.relhasindex = false;
    }
    let next = session.instance().transactions.next_xid();
    if let Some(new) = stats.new_relfrozenxid {
        let old = Xid::widen(class.relfrozenxid, next);
        if old < new || old > next {
            class.relfrozenxid = new.low();
            kept.frozen_from = Some((old, new));
        }
    }
    if let Some(new) = stats.new_relminmxid {
        let old = MultiXactId(class.relminmxid);
        if old.precedes(new) {
            class.relminmxid = new.0;
            kept.multi_from = Some((old, new));
        }
    }
    if class != before {
        session.update_in_place(tid, &class)?;
    }
    Ok(kept)
}

fn store_index(session: &Session, index: &IndexEntry, stats: &IndexStats) -> Result<()> {
    let rows = session.find::<PgClass>(index::PG_CLASS_OID, &[index.oid.into()])?;
    let Some((tid, mut class)) = rows.into_iter().next() else { return Ok(()) };
    let (pages, tuples) = (stats.pages as i32, stats.tuples as f32);
    if class.relpages != pages || class.reltuples != tuples {
        class.relpages = pages;
        class.reltuples = tuples;
        session.update_in_place(tid, &class)?;
    }
    Ok(())
}
