//! Autovacuum: looks at every database in turn and vacuums and analyzes the tables that are due.
//!
//! One loop does all databases one after the other; autovacuum_max_workers is not made use of.

use crate::threshold::{Due, Limits, Size, due};
use crate::{Stop, Surroundings};
use base::{Error, MultiXactId, Oid, Result, Severity, SqlState, Xid};
use catalog::{PgClass, PgDatabase, Session, option};
use commands::statistics;
use commands::vacuum::{self, Target, VacuumParams};
use settings::ServerSettings;
use std::sync::Arc;
use std::time::Duration;

/// Opens a session of the server's own in a database; `None`: in any, for looking at shared catalogs.
pub type Connect<'a> = &'a (dyn Fn(Option<(Oid, &str)>) -> Result<Arc<Session>> + Sync);

/// Runs until stopped. With autovacuum off, only what must be done against wraparound is.
pub fn launcher(connect: Connect<'_>, surroundings: &Surroundings<'_>, stop: &Stop) {
    loop {
        let settings = (surroundings.settings)();
        let naptime = u64::try_from(settings.get(settings::AUTOVACUUM_NAPTIME)).unwrap_or(60).max(1);
        if stop.wait(Duration::from_secs(naptime)) {
            return;
        }
        if let Err(error) = round(connect, surroundings, stop) {
            (surroundings.log)(&error);
        }
    }
}

/// Each database once.
fn round(connect: Connect<'_>, surroundings: &Surroundings<'_>, stop: &Stop) -> Result<()> {
    let session = connect(None)?;
    let databases = in_transaction(&session, || {
        let rows = session.scan_all::<PgDatabase>()?;
        let open = rows.iter().filter(|row| row.datallowconn);
        // Those whose ids are oldest come first.
        let mut found: Vec<_> = open.map(|row| (row.datfrozenxid, row.oid, row.datname.clone())).collect();
        let next = session.instance().transactions.next_xid();
        found.sort_by_key(|(xid, oid, _)| (Xid::widen(*xid, next), *oid));
        Ok(found)
    })?;
    for (_, oid, name) in databases {
        if stop.is_stopped() {
            return Ok(());
        }
        let session = connect(Some((oid, &name)))?;
        if let Err(error) = database(&session, surroundings, stop) {
            (surroundings.log)(&error);
        }
    }
    Ok(())
}

/// Runs `work` in a transaction of its own.
fn in_transaction<T>(session: &Arc<Session>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let transaction = session.transaction_session().begin(txn::Options::default())?;
    session.set_transaction(Some(transaction));
    let done = work();
    // The work may have gone on to transactions of its own; the one that runs now is the one to end.
    let Some(transaction) = session.current_transaction() else { return done };
    let done = done.and_then(|value| transaction.commit().map(|()| value));
    if done.is_err() {
        transaction.abort()?;
    }
    session.set_transaction(None);
    done
}

/// All tables of the session's database that are due.
///
/// # Errors
/// What reading the catalogs fails with; errors of single tables are logged.
pub fn database(session: &Arc<Session>, surroundings: &Surroundings<'_>, stop: &Stop) -> Result<()> {
    let settings = (surroundings.settings)();
    let tables = in_transaction(session, || find_due(session, &settings))?;
    for (target, due) in tables {
        if stop.is_stopped() {
            return Ok(());
        }
        let params = params(&settings, due);
        let mut say = |message: Error| {
            // Warnings and the lines that log_autovacuum_min_duration asks for.
            (surroundings.log)(&message);
        };
        let done = in_transaction(session, || {
            vacuum::process(session, std::slice::from_ref(&target), &params, true, &mut say)
        });
        if let Err(error) = done {
            let what = match (due.vacuum, due.analyze) {
                (true, true) => "automatic vacuum and analyze",
                (true, false) => "automatic vacuum",
                _ => "automatic analyze",
            };
            (surroundings.log)(&error.context(format!(
                "{what} of table \"{}.{}\"",
                session.database_name(),
                target.name
            )));
        }
    }
    Ok(())
}

fn params(settings: &ServerSettings, due: Due) -> VacuumParams {
    VacuumParams {
        vacuum: due.vacuum,
        analyze: due.analyze,
        skip_locked: !due.for_wraparound,
        process_toast: false,
        automatic: true,
        for_wraparound: due.for_wraparound,
        log_min_duration_ms: settings.get(settings::LOG_AUTOVACUUM_MIN_DURATION),
        ..VacuumParams::default()
    }
}

fn find_due(session: &Arc<Session>, settings: &ServerSettings) -> Result<Vec<(Target, Due)>> {
    let transactions = &session.instance().transactions;
    let (next_xid, next_multi) = (transactions.next_xid(), transactions.multixacts().next());
    let counts = statistics::of(session);
    let switched_on = settings.get(settings::AUTOVACUUM) && settings.get(settings::TRACK_COUNTS);
    let classes = session.scan_all::<PgClass>()?;
    let mut found = Vec::new();
    for class in &classes {
        if !matches!(class.relkind as u8, b'r' | b'm' | b't') || class.relpersistence as u8 == b't' {
            continue;
        }
        // A TOAST table without parameters of its own follows its table.
        let owner = classes.iter().find(|c| class.relkind as u8 == b't' && c.reltoastrelid == class.oid);
        let described = if class.reloptions.is_none() { owner.unwrap_or(class) } else { class };
        let mut limits = limits(described, settings);
        limits.enabled &= switched_on;
        let size = Size {
            rows: f64::from(class.reltuples),
            pages: class.relpages,
            all_frozen: class.relallfrozen,
            frozen_xid: Xid::widen(class.relfrozenxid, next_xid),
            min_multi: MultiXactId(class.relminmxid),
        };
        let database = if class.relisshared { Oid::INVALID } else { session.database() };
        let counted = counts.relation(database, class.oid);
        let mut due = due(&limits, &size, counted.as_ref(), next_xid, next_multi);
        due.analyze &= class.relkind as u8 != b't' && class.oid != Oid(2619);
        if due.vacuum || due.analyze {
            let name = format!("{}.{}", session.namespace_name(class.relnamespace)?, class.relname);
            found.push((Target { relation: class.oid, name, columns: Vec::new() }, due));
        }
    }
    Ok(found)
}

fn limits(class: &PgClass, settings: &ServerSettings) -> Limits {
    let number = |name: &str, otherwise: f64| -> f64 {
        option(class, name).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let freeze_max = settings.get(settings::AUTOVACUUM_FREEZE_MAX_AGE) as f64;
    let multi_max = settings.get(settings::AUTOVACUUM_MULTIXACT_FREEZE_MAX_AGE) as f64;
    Limits {
        enabled: option(class, "autovacuum_enabled").and_then(settings::parse_bool).unwrap_or(true),
        vacuum_threshold: number(
            "autovacuum_vacuum_threshold",
            settings.get(settings::AUTOVACUUM_VACUUM_THRESHOLD) as f64,
        ),
        vacuum_scale: number(
            "autovacuum_vacuum_scale_factor",
            settings.get(settings::AUTOVACUUM_VACUUM_SCALE_FACTOR),
        ),
        vacuum_max_threshold: number(
            "autovacuum_vacuum_max_threshold",
            settings.get(settings::AUTOVACUUM_VACUUM_MAX_THRESHOLD) as f64,
        ),
        insert_threshold: number(
            "autovacuum_vacuum_insert_threshold",
            settings.get(settings::AUTOVACUUM_VACUUM_INSERT_THRESHOLD) as f64,
        ),
        insert_scale: number(
            "autovacuum_vacuum_insert_scale_factor",
            settings.get(settings::AUTOVACUUM_VACUUM_INSERT_SCALE_FACTOR),
        ),
        analyze_threshold: number(
            "autovacuum_analyze_threshold",
            settings.get(settings::AUTOVACUUM_ANALYZE_THRESHOLD) as f64,
        ),
        analyze_scale: number(
            "autovacuum_analyze_scale_factor",
            settings.get(settings::AUTOVACUUM_ANALYZE_SCALE_FACTOR),
        ),
        // A table may ask to be frozen earlier, never later.
        freeze_max_age: number("autovacuum_freeze_max_age", freeze_max).clamp(0.0, freeze_max) as u64,
        multi_freeze_max_age: number("autovacuum_multixact_freeze_max_age", multi_max).clamp(0.0, multi_max)
            as u32,
    }
}

/// What the log says when autovacuum starts.
pub fn started() -> Error {
    Error::with_severity(Severity::Log, SqlState::SUCCESSFUL_COMPLETION, "autovacuum launcher started")
}
