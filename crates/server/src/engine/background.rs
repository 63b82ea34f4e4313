//! The server's own threads: checkpoints, writing in the background, autovacuum.

use super::database::Database;
use base::{Error, Oid, Result};
use catalog::Session;
use commands::statistics;
use std::sync::Arc;
use workers::{Checkpoints, Surroundings};

/// Starts them all. They end when the database's stop flag is raised.
///
/// # Errors
/// When no thread can be had.
pub fn start(database: &Arc<Database>) -> Result<()> {
    let loops: [(&str, fn(&Arc<Database>)); 4] = [
        ("checkpointer", run_checkpointer),
        ("walwriter", |database| {
            with_surroundings(database, |around| {
                workers::wal_writer(&database.cluster.wal, around, &database.stop)
            });
        }),
        ("bgwriter", |database| {
            with_surroundings(database, |around| {
                workers::background_writer(&database.cluster.pool, around, &database.stop);
            });
        }),
        ("autovacuum", run_autovacuum),
    ];
    for (name, run) in loops {
        let own = database.clone();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .stack_size(8 << 20)
            .spawn(move || run(&own))
            .map_err(|e| Error::internal(format!("could not start thread {name}: {e}")))?;
        database.workers.lock().push(thread);
    }
    Ok(())
}

fn with_surroundings(database: &Arc<Database>, run: impl FnOnce(&Surroundings<'_>)) {
    let settings = || database.settings.load_full();
    let log = |error: &Error| database.logger.report(error);
    run(&Surroundings { settings: &settings, log: &log });
}

fn run_checkpointer(database: &Arc<Database>) {
    let buffers = database.settings.load().get(settings::SHARED_BUFFERS) as usize;
    let checkpoints = Checkpoints {
        checkpointer: &database.cluster.checkpointer,
        requests: &database.checkpoint_requests,
        clock: &*database.cluster.instance.system.clock,
        buffers,
    };
    with_surroundings(database, |around| workers::checkpointer(&checkpoints, around, &database.stop));
}

fn run_autovacuum(database: &Arc<Database>) {
    let connect = |target: Option<(Oid, &str)>| -> Result<Arc<Session>> {
        let (oid, name) = target.unwrap_or((Oid::INVALID, ""));
        let session = database.cluster.maintenance_session(oid, name, &database.settings.load_full());
        statistics::attach(&session, &database.statistics);
        Ok(session)
    };
    with_surroundings(database, |around| workers::autovacuum::launcher(&connect, around, &database.stop));
}
