//! Cumulative statistics: what pg_stat_* shows and autovacuum goes by.
//!
//! Sessions count for themselves and add their counts to the shared registry when a transaction ends; until then the
//! effect of an abort on them is open: rows inserted by it are dead, and rows deleted by it are not.
//! The registry lives in memory. A clean shutdown saves it to pg_stat/, a start reads it and removes the file, so that
//! after a crash the counts begin anew, as in PostgreSQL.

use base::{Error, Oid, Result};
use catalog::Session;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use sys::System;
use txn::{Transaction, TransactionParticipant};

macro_rules! counters {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name { $($(#[$field_doc])* pub $field: i64,)* }

        impl $name {
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn values(&self) -> Vec<i64> {
                vec![$(self.$field),*]
            }

            fn set(&mut self, name: &str, value: i64) {
                match name {
                    $(stringify!($field) => self.$field = value,)*
                    _ => {}
                }
            }
        }
    };
}

counters! {
    /// One table or index. Times are microseconds since 2000, 0 for never.
    RelationStatistics {
        seq_scans,
        last_seq_scan,
        seq_rows_read,
        index_scans,
        last_index_scan,
        index_rows_fetched,
        /// Of an index: entries returned.
        index_entries_read,
        inserted,
        updated,
        deleted,
        hot_updated,
        new_page_updated,
        live,
        dead,
        changed_since_analyze,
        inserted_since_vacuum,
        blocks_read,
        blocks_hit,
        last_vacuum,
        last_autovacuum,
        last_analyze,
        last_autoanalyze,
        vacuums,
        autovacuums,
        analyzes,
        autoanalyzes,
        vacuum_ms,
        autovacuum_ms,
        analyze_ms,
        autoanalyze_ms,
    }
}

counters! {
    /// One database; OID 0 stands for shared relations.
    DatabaseStatistics {
        commits,
        rollbacks,
        blocks_read,
        blocks_hit,
        rows_returned,
        rows_fetched,
        rows_inserted,
        rows_updated,
        rows_deleted,
        conflicts,
        temp_files,
        temp_bytes,
        deadlocks,
        sessions,
        session_ms,
        active_ms,
        idle_in_transaction_ms,
        reset_at,
    }
}

/// What a session has done to one relation since it last reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelationCounts {
    pub seq_scans: i64,
    pub seq_rows_read: i64,
    pub index_scans: i64,
    pub index_rows_fetched: i64,
    pub index_entries_read: i64,
    pub inserted: i64,
    pub updated: i64,
    pub deleted: i64,
    pub hot_updated: i64,
    pub new_page_updated: i64,
    pub blocks_read: i64,
    pub blocks_hit: i64,
    /// Emptied by TRUNCATE: what was live and dead before is gone.
    pub truncated: bool,
}

impl RelationCounts {
    fn add(&mut self, other: &RelationCounts) {
        let RelationCounts { truncated, .. } = *other;
        self.seq_scans += other.seq_scans;
        self.seq_rows_read += other.seq_rows_read;
        self.index_scans += other.index_scans;
        self.index_rows_fetched += other.index_rows_fetched;
        self.index_entries_read += other.index_entries_read;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.deleted += other.deleted;
        self.hot_updated += other.hot_updated;
        self.new_page_updated += other.new_page_updated;
        self.blocks_read += other.blocks_read;
        self.blocks_hit += other.blocks_hit;
        self.truncated |= truncated;
    }
}

type Relations = HashMap<(Oid, Oid), RelationCounts>;

/// What of a relation's changes is settled: an aborted subtransaction's rows are dead whatever the rest does.
#[derive(Default)]
struct Pending {
    /// By subtransaction; 1 is the transaction itself.
    levels: BTreeMap<u32, Relations>,
    aborted: Relations,
}

/// The counts of all sessions.
pub struct Statistics {
    system: System,
    relations: Mutex<HashMap<(Oid, Oid), RelationStatistics>>,
    databases: Mutex<HashMap<Oid, DatabaseStatistics>>,
}

const FILE: &str = "pg_stat/ferrodon.stat";
const MAGIC: &str = "ferrodon statistics 1";
/// Microseconds between 1970 and 2000, where timestamps count from.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

impl Statistics {
    /// Empty counts.
    pub fn new(system: &System) -> Arc<Statistics> {
        Arc::new(Statistics {
            system: system.clone(),
            relations: Mutex::default(),
            databases: Mutex::default(),
        })
    }

    fn now(&self) -> i64 {
        self.system.clock.now_micros() - EPOCH_MICROS
    }

    pub fn relation(&self, database: Oid, relation: Oid) -> Option<RelationStatistics> {
        self.relations.lock().get(&(database, relation)).copied()
    }

    /// All relations of a database.
    pub fn relations(&self, database: Oid) -> Vec<(Oid, RelationStatistics)> {
        let relations = self.relations.lock();
        relations.iter().filter(|((d, _), _)| *d == database).map(|((_, r), s)| (*r, *s)).collect()
    }

    pub fn database(&self, database: Oid) -> DatabaseStatistics {
        self.databases.lock().get(&database).copied().unwrap_or_default()
    }

    /// Adds to a database's counts.
    pub fn count_in_database(&self, database: Oid, add: impl FnOnce(&mut DatabaseStatistics)) {
        add(self.databases.lock().entry(database).or_default());
    }

    /// pg_stat_reset: the database's counts begin anew.
    pub fn reset_database(&self, database: Oid) {
        self.relations.lock().retain(|(d, _), _| *d != database);
        let fresh = DatabaseStatistics { reset_at: self.now(), ..DatabaseStatistics::default() };
        self.databases.lock().insert(database, fresh);
    }

    /// pg_stat_reset_single_table_counters.
    pub fn reset_relation(&self, database: Oid, relation: Oid) {
        self.relations.lock().remove(&(database, relation));
    }

    /// A relation was dropped.
    pub fn forget_relation(&self, database: Oid, relation: Oid) {
        self.reset_relation(database, relation);
    }

    pub fn forget_database(&self, database: Oid) {
        self.relations.lock().retain(|(d, _), _| *d != database);
        self.databases.lock().remove(&database);
    }

    /// VACUUM has counted the rows.
    pub fn note_vacuum(
        &self,
        database: Oid,
        relation: Oid,
        live: i64,
        dead: i64,
        automatic: bool,
        took: Duration,
    ) {
        let now = self.now();
        let ms = took.as_millis() as i64;
        let mut relations = self.relations.lock();
        let entry = relations.entry((database, relation)).or_default();
        entry.live = live;
        entry.dead = dead;
        entry.inserted_since_vacuum = 0;
        if automatic {
            entry.last_autovacuum = now;
            entry.autovacuums += 1;
            entry.autovacuum_ms += ms;
        } else {
            entry.last_vacuum = now;
            entry.vacuums += 1;
            entry.vacuum_ms += ms;
        }
    }

    /// ANALYZE has estimated the rows. `reset`: all columns were looked at.
    pub fn note_analyze(
        &self,
        database: Oid,
        relation: Oid,
        live: i64,
        dead: i64,
        reset: bool,
        automatic: bool,
        took: Duration,
    ) {
        let now = self.now();
        let ms = took.as_millis() as i64;
        let mut relations = self.relations.lock();
        let entry = relations.entry((database, relation)).or_default();
        entry.live = live;
        entry.dead = dead;
        if reset {
            entry.changed_since_analyze = 0;
        }
        if automatic {
            entry.last_autoanalyze = now;
            entry.autoanalyzes += 1;
            entry.autoanalyze_ms += ms;
        } else {
            entry.last_analyze = now;
            entry.analyzes += 1;
            entry.analyze_ms += ms;
        }
    }

    fn merge(&self, database: Oid, pending: Pending, committed: bool) {
        let now = self.now();
        let mut totals: HashMap<Oid, DatabaseStatistics> = HashMap::new();
        {
            let mut relations = self.relations.lock();
            for (key, counts) in pending.levels.into_values().flatten() {
                let entry = relations.entry(key).or_default();
                apply(entry, &counts, committed, now);
                total(totals.entry(key.0).or_default(), &counts);
            }
            for (key, counts) in pending.aborted {
                apply(relations.entry(key).or_default(), &counts, false, now);
                total(totals.entry(key.0).or_default(), &counts);
            }
        }
        let own = totals.entry(database).or_default();
        if committed {
            own.commits += 1;
        } else {
            own.rollbacks += 1;
        }
        let mut databases = self.databases.lock();
        for (database, total) in totals {
            let entry = databases.entry(database).or_default();
            entry.commits += total.commits;
            entry.rollbacks += total.rollbacks;
            entry.blocks_read += total.blocks_read;
            entry.blocks_hit += total.blocks_hit;
            entry.rows_returned += total.rows_returned;
            entry.rows_fetched += total.rows_fetched;
            entry.rows_inserted += total.rows_inserted;
            entry.rows_updated += total.rows_updated;
            entry.rows_deleted += total.rows_deleted;
        }
    }

    /// Writes the counts where [`Statistics::load`] finds them, at shutdown.
    ///
    /// # Errors
    /// The disk's.
    pub fn save(&self) -> Result<()> {
        let mut text = format!("{MAGIC}\n");
        let mut line = |kind: &str, database: Oid, relation: Oid, names: &[&str], values: Vec<i64>| {
            text.push_str(&format!("{kind} {database} {relation}"));
            for (name, value) in names.iter().zip(values).filter(|(_, value)| *value != 0) {
                text.push_str(&format!(" {name}={value}"));
            }
            text.push('\n');
        };
        for ((database, relation), entry) in &*self.relations.lock() {
            line("relation", *database, *relation, RelationStatistics::FIELDS, entry.values());
        }
        for (database, entry) in &*self.databases.lock() {
            line("database", *database, Oid::INVALID, DatabaseStatistics::FIELDS, entry.values());
        }
        let checksum = crc32c::crc32c(text.as_bytes());
        text.push_str(&format!("end {checksum:08x}\n"));
        self.system.disk.replace(FILE, text.as_bytes()).map_err(|e| {
            Error::new(base::SqlState::IO_ERROR, format!("could not write statistics file \"{FILE}\": {e}"))
        })
    }

    /// Takes up what a clean shutdown saved; the file is removed, so that a crash does not bring old counts back.
    /// False when there was none that can be read.
    pub fn load(&self) -> bool {
        let Ok(bytes) = self.system.disk.read(FILE) else { return false };
        // What stays behind is overwritten at the next shutdown; a crash before that would only revive old counts.
        let _ = self.system.disk.remove_file(FILE);
        String::from_utf8(bytes).is_ok_and(|text| self.parse(&text).is_some())
    }

    fn parse(&self, text: &str) -> Option<()> {
        let end = text.rfind("end ")?;
        let checksum = u32::from_str_radix(text[end + 4..].trim(), 16).ok()?;
        if checksum != crc32c::crc32c(&text.as_bytes()[..end]) {
            return None;
        }
        let mut lines = text[..end].lines();
        if lines.next()? != MAGIC {
            return None;
        }
        for line in lines {
            let mut words = line.split(' ');
            let kind = words.next()?;
            let database = Oid(words.next()?.parse().ok()?);
            let relation = Oid(words.next()?.parse().ok()?);
            let pairs =
                words.filter_map(|w| w.split_once('=')).filter_map(|(n, v)| Some((n, v.parse().ok()?)));
            if kind == "relation" {
                let mut entry = RelationStatistics::default();
                pairs.for_each(|(name, value)| entry.set(name, value));
                self.relations.lock().insert((database, relation), entry);
            } else {
                let mut entry = DatabaseStatistics::default();
                pairs.for_each(|(name, value)| entry.set(name, value));
                self.databases.lock().insert(database, entry);
            }
        }
        Some(())
    }
}

fn apply(entry: &mut RelationStatistics, counts: &RelationCounts, committed: bool, now: i64) {
    entry.seq_scans += counts.seq_scans;
    entry.seq_rows_read += counts.seq_rows_read;
    entry.index_scans += counts.index_scans;
    entry.index_rows_fetched += counts.index_rows_fetched;
    entry.index_entries_read += counts.index_entries_read;
    entry.blocks_read += counts.blocks_read;
    entry.blocks_hit += counts.blocks_hit;
    if counts.seq_scans > 0 {
        entry.last_seq_scan = now;
    }
    if counts.index_scans > 0 {
        entry.last_index_scan = now;
    }
    // Totals count what was done, whether or not it lasted.
    entry.inserted += counts.inserted;
    entry.updated += counts.updated;
    entry.deleted += counts.deleted;
    entry.hot_updated += counts.hot_updated;
    entry.new_page_updated += counts.new_page_updated;
    if committed {
        if counts.truncated {
            entry.live = 0;
            entry.dead = 0;
            entry.inserted_since_vacuum = 0;
        }
        entry.live += counts.inserted - counts.deleted;
        entry.dead += counts.updated + counts.deleted;
        entry.changed_since_analyze += counts.inserted + counts.updated + counts.deleted;
        entry.inserted_since_vacuum += counts.inserted;
    } else {
        entry.dead += counts.inserted + counts.updated;
    }
    entry.live = entry.live.max(0);
    entry.dead = entry.dead.max(0);
}

fn total(database: &mut DatabaseStatistics, counts: &RelationCounts) {
    database.blocks_read += counts.blocks_read;
    database.blocks_hit += counts.blocks_hit;
    database.rows_returned += counts.seq_rows_read + counts.index_entries_read;
    database.rows_fetched += counts.index_rows_fetched;
    database.rows_inserted += counts.inserted;
    database.rows_updated += counts.updated;
    database.rows_deleted += counts.deleted;
}

/// One session's counts on their way to the shared ones.
pub struct SessionStatistics {
    shared: Arc<Statistics>,
    database: Oid,
    pending: Mutex<Pending>,
}

/// The transaction itself among its levels.
const TOP: u32 = 1;

impl SessionStatistics {
    /// Adds to a relation's counts. `shared_relation`: a catalog of all databases.
    pub fn count(
        &self,
        transaction: &Transaction,
        shared_relation: bool,
        relation: Oid,
        add: impl FnOnce(&mut RelationCounts),
    ) {
        let database = if shared_relation { Oid::INVALID } else { self.database };
        let mut pending = self.pending.lock();
        let level = pending.levels.entry(transaction.sub_id().max(TOP)).or_default();
        add(level.entry((database, relation)).or_default());
    }
}

impl TransactionParticipant for SessionStatistics {
    fn at_commit(&self, _: &Transaction) {
        let pending = std::mem::take(&mut *self.pending.lock());
        self.shared.merge(self.database, pending, true);
    }

    fn at_abort(&self, _: &Transaction) {
        let pending = std::mem::take(&mut *self.pending.lock());
        self.shared.merge(self.database, pending, false);
    }

    fn at_subcommit(&self, _: &Transaction, sub: u32, parent: u32) {
        let mut pending = self.pending.lock();
        let Some(counts) = pending.levels.remove(&sub) else { return };
        let level = pending.levels.entry(parent).or_default();
        for (key, counts) in counts {
            level.entry(key).or_default().add(&counts);
        }
    }

    fn at_subabort(&self, _: &Transaction, sub: u32, _: u32) {
        let mut pending = self.pending.lock();
        let Some(counts) = pending.levels.remove(&sub) else { return };
        for (key, counts) in counts {
            let counts = RelationCounts { truncated: false, ..counts };
            pending.aborted.entry(key).or_default().add(&counts);
        }
    }
}

const EXTENSION: &str = "statistics";

/// Makes the session count for `shared`; to be called once, before its first statement.
pub fn attach(session: &Session, shared: &Arc<Statistics>) {
    session.extension(EXTENSION, || {
        let own = Arc::new(SessionStatistics {
            shared: shared.clone(),
            database: session.database(),
            pending: Mutex::default(),
        });
        session.transaction_session().register(own.clone());
        Attached(own)
    });
}

/// What the session keeps: the counter is also a participant of its transactions.
struct Attached(Arc<SessionStatistics>);

fn attached(session: &Session) -> Arc<Attached> {
    session.extension(EXTENSION, || {
        // A session that nobody attached (bootstrap, tests) counts for itself alone.
        Attached(Arc::new(SessionStatistics {
            shared: Statistics::new(&session.instance().system),
            database: session.database(),
            pending: Mutex::default(),
        }))
    })
}

/// The session's own counter.
pub fn counter(session: &Session) -> Arc<SessionStatistics> {
    attached(session).0.clone()
}

/// The shared counts that the session counts for.
pub fn of(session: &Session) -> Arc<Statistics> {
    attached(session).0.shared.clone()
}

/// Counts what a plan has done to the table that it changes.
///
/// # Errors
/// `XX000` outside of a transaction.
pub fn count_changes(session: &Session, plan: &ir::PlannedStmt, processed: u64) -> Result<()> {
    use ir::{CommandType, RangeTableKind};
    let (Some(target), true) = (plan.result_relations.first(), processed > 0) else { return Ok(()) };
    let Some(RangeTableKind::Relation { oid, .. }) = plan.range_table.get(target - 1).map(|e| &e.kind) else {
        return Ok(());
    };
    let transaction = session.transaction()?;
    counter(session).count(&transaction, false, *oid, |counts| {
        let rows = processed as i64;
        match plan.command {
            CommandType::Insert => counts.inserted += rows,
            CommandType::Update => counts.updated += rows,
            CommandType::Delete => counts.deleted += rows,
            _ => {}
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics() -> Arc<Statistics> {
        Statistics::new(&sys::simulated::simulated(1).0)
    }

    fn pending(counts: RelationCounts) -> Pending {
        let mut pending = Pending::default();
        pending.levels.entry(TOP).or_default().insert((Oid(5), Oid(100)), counts);
        pending
    }

    #[test]
    fn an_abort_leaves_dead_rows() {
        let statistics = statistics();
        let counts = RelationCounts { inserted: 10, updated: 2, deleted: 1, ..RelationCounts::default() };
        statistics.merge(Oid(5), pending(counts), true);
        let after = statistics.relation(Oid(5), Oid(100)).unwrap();
        assert_eq!((after.live, after.dead, after.changed_since_analyze), (9, 3, 13));
        statistics.merge(Oid(5), pending(counts), false);
        let after = statistics.relation(Oid(5), Oid(100)).unwrap();
        assert_eq!((after.live, after.dead, after.changed_since_analyze, after.inserted), (9, 15, 13, 20));
        let database = statistics.database(Oid(5));
        assert_eq!((database.commits, database.rollbacks, database.rows_inserted), (1, 1, 20));
    }

    #[test]
    fn counts_survive_a_clean_shutdown_once() {
        let first = statistics();
        let system = first.system.clone();
        system.disk.create_dir_all("pg_stat").unwrap();
        first.merge(Oid(5), pending(RelationCounts { inserted: 7, ..RelationCounts::default() }), true);
        first.note_vacuum(Oid(5), Oid(100), 7, 0, true, Duration::from_millis(3));
        first.save().unwrap();
        let second = Statistics::new(&system);
        assert!(second.load());
        assert_eq!(second.relations(Oid(5)), first.relations(Oid(5)));
        assert_eq!(second.database(Oid(5)), first.database(Oid(5)));
        assert!(!Statistics::new(&system).load());
    }
}
