//! The checkpointer: by time, by amount of log, and on demand.

use crate::{Stop, Surroundings};
use base::{Error, Result, Severity, SqlState, bail};
use parking_lot::{Condvar, Mutex};
use recovery::{CheckpointKind, CheckpointReport, Checkpointer, Retention, spread};
use settings::ServerSettings;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use sys::Clock;

#[derive(Default)]
struct Requested {
    /// Numbers of the checkpoint begun last, ended last, and failed last.
    begun: u64,
    ended: u64,
    failed: u64,
    wanted: bool,
    force: bool,
    awaited: bool,
}

/// What pg_stat_checkpointer shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckpointCounts {
    pub timed: u64,
    pub requested: u64,
    pub done: u64,
    pub write_ms: u64,
    pub sync_ms: u64,
    pub buffers_written: u64,
}

/// Where sessions ask for checkpoints.
#[derive(Default)]
pub struct CheckpointRequests {
    requested: Mutex<Requested>,
    changed: Condvar,
    /// Somebody waits: writes are not spread.
    hurry: AtomicBool,
    counts: Mutex<CheckpointCounts>,
}

impl CheckpointRequests {
    pub fn new() -> Arc<CheckpointRequests> {
        Arc::new(CheckpointRequests::default())
    }

    pub fn counts(&self) -> CheckpointCounts {
        *self.counts.lock()
    }

    /// Asks for a checkpoint that begins from now on; `fast`: as fast as the disk allows; `wait`: until it is done.
    ///
    /// # Errors
    /// `XX000` when the checkpoint failed; the log says why.
    pub fn request(&self, fast: bool, force: bool, wait: bool, stop: &Stop) -> Result<()> {
        let mut requested = self.requested.lock();
        requested.wanted = true;
        requested.force |= force;
        requested.awaited |= wait;
        if fast {
            self.hurry.store(true, Ordering::Relaxed);
        }
        let begun = requested.begun;
        stop.wake();
        if !wait {
            return Ok(());
        }
        while requested.ended <= begun {
            if stop.is_stopped() {
                bail!(ADMIN_SHUTDOWN, "terminating connection due to administrator command");
            }
            self.changed.wait_for(&mut requested, Duration::from_millis(100));
        }
        if requested.failed > begun {
            return Err(Error::internal("checkpoint request failed")
                .hint("Consult recent messages in the server log for details."));
        }
        Ok(())
    }
}

/// What the checkpointer works on.
pub struct Checkpoints<'a> {
    pub checkpointer: &'a Checkpointer,
    pub requests: &'a CheckpointRequests,
    pub clock: &'a dyn Clock,
    /// Buffers of the pool, for the log's percentage.
    pub buffers: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Time,
    Wal,
    Request { force: bool, awaited: bool },
}

fn seconds(value: i64) -> Duration {
    Duration::from_secs(u64::try_from(value).unwrap_or(0))
}

fn megabytes(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0) << 20
}

/// The log between two checkpoints that max_wal_size allows: it must hold one and the unfinished part of the next.
fn wal_limit(settings: &ServerSettings) -> u64 {
    let target = settings.get(settings::CHECKPOINT_COMPLETION_TARGET);
    (megabytes(settings.get(settings::MAX_WAL_SIZE)) as f64 / (1.0 + target)) as u64
}

/// Makes checkpoints until it is stopped. The last one, at shutdown, is the server's own.
pub fn checkpointer(checkpoints: &Checkpoints<'_>, surroundings: &Surroundings<'_>, stop: &Stop) {
    let mut last = checkpoints.clock.monotonic();
    let mut distance = 0.0;
    loop {
        let settings = (surroundings.settings)();
        let timeout = seconds(settings.get(settings::CHECKPOINT_TIMEOUT));
        let due = (last + timeout).saturating_sub(checkpoints.clock.monotonic());
        if stop.wait(due.min(Duration::from_secs(1))) {
            return;
        }
        let Some(cause) = cause(checkpoints, &settings, last + timeout) else { continue };
        let since = checkpoints.clock.monotonic().saturating_sub(last);
        let warning = seconds(settings.get(settings::CHECKPOINT_WARNING));
        if cause == Cause::Wal && since < warning {
            (surroundings.log)(&too_frequent(since));
        }
        last = checkpoints.clock.monotonic();
        run(checkpoints, surroundings, &settings, cause, stop, &mut distance);
    }
}

fn cause(checkpoints: &Checkpoints<'_>, settings: &ServerSettings, due: Duration) -> Option<Cause> {
    {
        let requested = checkpoints.requests.requested.lock();
        if requested.wanted {
            return Some(Cause::Request { force: requested.force, awaited: requested.awaited });
        }
    }
    if checkpoints.checkpointer.bytes_since_redo() >= wal_limit(settings) {
        return Some(Cause::Wal);
    }
    (checkpoints.clock.monotonic() >= due).then_some(Cause::Time)
}

fn log_line(message: String) -> Error {
    Error::with_severity(Severity::Log, SqlState::SUCCESSFUL_COMPLETION, message)
}

fn too_frequent(since: Duration) -> Error {
    let seconds = since.as_secs();
    let plural = if seconds == 1 { "second" } else { "seconds" };
    log_line(format!("checkpoints are occurring too frequently ({seconds} {plural} apart)"))
        .hint("Consider increasing the configuration parameter \"max_wal_size\".")
}

fn run(
    checkpoints: &Checkpoints<'_>,
    surroundings: &Surroundings<'_>,
    settings: &ServerSettings,
    cause: Cause,
    stop: &Stop,
    distance: &mut f64,
) {
    let requests = checkpoints.requests;
    {
        let mut requested = requests.requested.lock();
        requested.begun += 1;
        requested.wanted = false;
        requested.force = false;
        requested.awaited = false;
    }
    let hurry = || requests.hurry.load(Ordering::Relaxed) || stop.is_stopped();
    let log = settings.get(settings::LOG_CHECKPOINTS);
    if log {
        let fast = if hurry() { " immediate" } else { "" };
        let why = match cause {
            Cause::Time => " time".to_owned(),
            Cause::Wal => " wal".to_owned(),
            Cause::Request { force, awaited } => {
                let word = |on: bool, word: &'static str| if on { word } else { "" };
                format!("{}{}", word(force, " force"), word(awaited, " wait"))
            }
        };
        (surroundings.log)(&log_line(format!("checkpoint starting:{fast}{why}")));
    }
    let retention = Retention {
        min_wal_bytes: megabytes(settings.get(settings::MIN_WAL_SIZE)),
        max_wal_bytes: megabytes(settings.get(settings::MAX_WAL_SIZE)),
        keep_bytes: megabytes(settings.get(settings::WAL_KEEP_SIZE)),
        needed_from: None,
    };
    let target = settings.get(settings::CHECKPOINT_COMPLETION_TARGET);
    let duration = seconds(settings.get(settings::CHECKPOINT_TIMEOUT)).mul_f64(target.clamp(0.0, 1.0));
    let force = matches!(cause, Cause::Request { force: true, .. });
    let before = checkpoints.checkpointer.bytes_since_redo() as f64;
    let mut pace = spread(checkpoints.clock, duration, &hurry);
    let made = checkpoints.checkpointer.run(CheckpointKind::Online { force }, &retention, &mut pace);
    let failed = made.is_err();
    match made {
        Ok(report) => {
            *distance = if before > *distance { before } else { 0.9 * *distance + 0.1 * before };
            count(requests, cause, report.as_ref());
            if let Some(report) = report.filter(|_| log) {
                (surroundings.log)(&log_line(complete(&report, checkpoints.buffers, before, *distance)));
            }
        }
        Err(error) => (surroundings.log)(&error),
    }
    requests.hurry.store(false, Ordering::Relaxed);
    let mut requested = requests.requested.lock();
    requested.ended = requested.begun;
    if failed {
        requested.failed = requested.begun;
    }
    requests.changed.notify_all();
}

fn count(requests: &CheckpointRequests, cause: Cause, report: Option<&CheckpointReport>) {
    let mut counts = requests.counts.lock();
    match cause {
        Cause::Time => counts.timed += 1,
        Cause::Wal | Cause::Request { .. } => counts.requested += 1,
    }
    if let Some(report) = report {
        counts.done += 1;
        counts.write_ms += report.write_time.as_millis() as u64;
        counts.sync_ms += report.sync_time.as_millis() as u64;
        counts.buffers_written += report.buffers_written as u64;
    }
}

/// In PostgreSQL's words. What is not measured here (single files' sync times, SLRU pages) reads as zero.
fn complete(report: &CheckpointReport, buffers: usize, distance: f64, estimate: f64) -> String {
    let time = |time: Duration| format!("{}.{:03} s", time.as_secs(), time.subsec_millis());
    format!(
        "checkpoint complete: wrote {} buffers ({:.1}%), wrote 0 SLRU buffers; 0 WAL file(s) added, {} removed, {} recycled; write={}, sync={}, total={}; sync files={}, longest=0.000 s, average=0.000 s; distance={} kB, estimate={} kB; lsn={}, redo lsn={}",
        report.buffers_written,
        100.0 * report.buffers_written as f64 / buffers.max(1) as f64,
        report.segments_removed,
        report.segments_recycled,
        time(report.write_time),
        time(report.sync_time),
        time(report.total_time),
        report.files_synced,
        (distance / 1024.0) as u64,
        (estimate / 1024.0) as u64,
        report.record,
        report.redo,
    )
}
