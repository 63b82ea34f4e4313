//! What VACUUM (VERBOSE) and autovacuum's log lines tell.

use super::options::VacuumParams;
use super::table::Kept;
use base::{Error, Result, Severity, SqlState};
use btree::IndexStats;
use buffer::Counters;
use catalog::{IndexEntry, PgClass, Session};
use heap::{Cutoffs, VacuumStats};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

pub fn info(message: impl Into<String>) -> Error {
    Error::with_severity(Severity::Info, SqlState::SUCCESSFUL_COMPLETION, message)
}

/// The schema of a relation.
///
/// # Errors
/// What reading the catalogs fails with.
pub fn qualified(session: &Session, class: &PgClass) -> Result<String> {
    session.namespace_name(class.relnamespace)
}

/// What the server had used when the work began.
pub struct Usage {
    start: Duration,
    pool: Counters,
    wal: u64,
}

impl Usage {
    pub fn start(session: &Session) -> Usage {
        let instance = session.instance();
        Usage {
            start: instance.system.clock.monotonic(),
            pool: instance.pool.counters(),
            wal: instance.pool.wal().inserted().0,
        }
    }

    pub fn elapsed(&self, session: &Session) -> Duration {
        session.instance().system.clock.monotonic().saturating_sub(self.start)
    }
}

pub struct Summary<'a> {
    /// With its schema.
    pub name: &'a str,
    pub params: &'a VacuumParams,
    pub aggressive: bool,
    pub cutoffs: &'a Cutoffs,
    pub stats: &'a VacuumStats,
    pub kept: Kept,
    pub indexes: &'a [(&'a Arc<IndexEntry>, &'a Option<IndexStats>)],
}

fn percent(part: u32, whole: u32) -> f64 {
    if whole == 0 { 100.0 } else { 100.0 * f64::from(part) / f64::from(whole) }
}

impl Summary<'_> {
    /// One message of several lines. Figures of the buffer pool and the WAL are the whole server's during the work.
    pub fn text(&self, session: &Session, usage: &Usage, verbose: bool) -> Error {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = self.write(session, usage, verbose, &mut text);
        text.truncate(text.trim_end().len());
        if verbose {
            info(text)
        } else {
            Error::with_severity(Severity::Log, SqlState::SUCCESSFUL_COMPLETION, text)
        }
    }

    fn headline(&self, verbose: bool) -> &'static str {
        match (verbose, self.params.for_wraparound, self.aggressive) {
            (true, _, true) => "finished aggressive vacuuming",
            (true, _, false) => "finished vacuuming",
            (false, true, true) => "automatic aggressive vacuum to prevent wraparound of table",
            (false, true, false) => "automatic vacuum to prevent wraparound of table",
            (false, false, true) => "automatic aggressive vacuum of table",
            (false, false, false) => "automatic vacuum of table",
        }
    }

    fn write(&self, session: &Session, usage: &Usage, verbose: bool, out: &mut String) -> std::fmt::Result {
        let stats = self.stats;
        let instance = session.instance();
        let original = stats.pages + stats.removed_pages;
        let database = session.database_name();
        let headline = self.headline(verbose);
        writeln!(out, "{headline} \"{database}.{}\": index scans: {}", self.name, stats.index_scans)?;
        writeln!(
            out,
            "pages: {} removed, {} remain, {} scanned ({:.2}% of total), 0 eagerly scanned",
            stats.removed_pages,
            stats.pages,
            stats.scanned_pages,
            percent(stats.scanned_pages, original)
        )?;
        writeln!(
            out,
            "tuples: {} removed, {} remain, {} are dead but not yet removable",
            stats.dead_tuples as i64, stats.live_tuples as i64, stats.recently_dead_tuples as i64
        )?;
        let age = instance.transactions.next_xid().0.saturating_sub(self.cutoffs.oldest_xmin.0);
        writeln!(
            out,
            "removable cutoff: {}, which was {age} XIDs old when operation ended",
            self.cutoffs.oldest_xmin.low()
        )?;
        if let Some((old, new)) = self.kept.frozen_from {
            let ahead = new.0 as i64 - old.0 as i64;
            writeln!(out, "new relfrozenxid: {}, which is {ahead} XIDs ahead of previous value", new.low())?;
        }
        if let Some((old, new)) = self.kept.multi_from {
            let ahead = new.0.wrapping_sub(old.0) as i32;
            writeln!(out, "new relminmxid: {new}, which is {ahead} MXIDs ahead of previous value")?;
        }
        writeln!(
            out,
            "frozen: {} pages from table ({:.2}% of total)",
            stats.frozen_pages,
            percent(stats.frozen_pages, original)
        )?;
        writeln!(
            out,
            "visibility map: {} pages all-visible, {} pages all-frozen",
            stats.all_visible_pages, stats.all_frozen_pages
        )?;
        self.write_indexes(original, out)?;
        let pool = instance.pool.counters();
        let elapsed = usage.elapsed(session);
        let rate = |pages: u64| {
            let mb = pages as f64 * base::PAGE_SIZE as f64 / f64::from(1 << 20);
            if elapsed.is_zero() { 0.0 } else { mb / elapsed.as_secs_f64() }
        };
        let (reads, writes) = (pool.reads - usage.pool.reads, pool.writes - usage.pool.writes);
        writeln!(out, "avg read rate: {:.3} MB/s, avg write rate: {:.3} MB/s", rate(reads), rate(writes))?;
        let hits = pool.hits.saturating_sub(usage.pool.hits);
        writeln!(out, "buffer usage: {hits} hits, {reads} reads, {writes} written")?;
        writeln!(out, "WAL usage: {} bytes", instance.pool.wal().inserted().0.saturating_sub(usage.wal))?;
        writeln!(out, "system usage: elapsed: {:.2} s", elapsed.as_secs_f64())
    }

    fn write_indexes(&self, original: u32, out: &mut String) -> std::fmt::Result {
        let stats = self.stats;
        let share = percent(stats.dead_item_pages, original);
        let removed: f64 = stats.dead_tuples;
        if stats.index_scans > 0 {
            writeln!(
                out,
                "index scan needed: {} pages from table ({share:.2}% of total) had {} dead item identifiers removed",
                stats.dead_item_pages, removed as i64
            )?;
        } else if stats.dead_item_pages > 0 {
            writeln!(
                out,
                "index scan bypassed: {} pages from table ({share:.2}% of total) have dead item identifiers",
                stats.dead_item_pages
            )?;
        } else {
            writeln!(
                out,
                "index scan not needed: 0 pages from table (0.00% of total) had 0 dead item identifiers removed"
            )?;
        }
        for (index, stats) in self.indexes {
            if let Some(stats) = stats {
                writeln!(
                    out,
                    "index \"{}\": pages: {} in total, {} newly deleted, {} currently deleted, {} reusable",
                    index.class.relname,
                    stats.pages,
                    stats.newly_deleted_pages,
                    stats.deleted_pages,
                    stats.free_pages
                )?;
            }
        }
        Ok(())
    }
}
