//! Making the data directory durable before redo.
//!
//! When only the process has died, the operating system may still hold writes of its last life that were never synced, and nobody remembers which.
//! Redo finds such pages up to date and leaves them alone, and the checkpoint after it would move the redo point past their records: a later
//! power failure would lose them for good. So everything is synced before the first checkpoint ends; redo need not wait for it, as it reads what
//! the operating system has.

use base::{Result, Severity};
use parking_lot::Mutex;
use std::io;
use std::thread::JoinHandle;
use sys::System;
use sys::disk::{Disk, OpenOptions, file_error};

/// Deeper than any path that we make: pg_tblspc/OID/PG_18_…/DB.
const DEEPEST: usize = 8;

/// Begins to sync every file and directory below the data directory, following the symbolic links of pg_wal and pg_tblspc only.
///
/// # Errors
/// PANIC when a sync fails. Files that are gone or cannot be opened are passed over.
pub(crate) fn sync_data_directory(system: &System) -> Result<Pending> {
    let place = system.workers.reserve(1, usize::MAX);
    let disk = system.disk.clone();
    if place.count() > 0 {
        let sync = move || {
            let _place = place;
            sync_below(&*disk, ".", 0)
        };
        if let Ok(thread) = std::thread::Builder::new().name("startup sync".to_owned()).spawn(sync) {
            return Ok(Pending { thread: Mutex::new(Some(thread)) });
        }
    }
    sync_below(&*system.disk, ".", 0)?;
    Ok(Pending::default())
}

/// A sync of the data directory that may still be going on.
#[derive(Default)]
pub(crate) struct Pending {
    thread: Mutex<Option<JoinHandle<Result<()>>>>,
}

impl Pending {
    /// Returns once everything is synced.
    ///
    /// # Errors
    /// PANIC when a sync has failed.
    pub fn wait(&self) -> Result<()> {
        let Some(thread) = self.thread.lock().take() else { return Ok(()) };
        match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn sync_below(disk: &dyn Disk, dir: &str, depth: usize) -> Result<()> {
    let failed = |error: &io::Error, path: &str| {
        file_error(error, format_args!("could not fsync file \"{path}\"")).severity(Severity::Panic)
    };
    let mut names = disk
        .list(dir)
        .map_err(|error| file_error(&error, format_args!("could not open directory \"{dir}\"")))?;
    names.sort();
    for name in names {
        let path = if dir == "." { name } else { format!("{dir}/{name}") };
        let Ok(found) = disk.metadata(&path) else { continue };
        if found.is_symlink && path != "pg_wal" && dir != "pg_tblspc" {
            continue;
        }
        if found.is_dir {
            if depth < DEEPEST {
                sync_below(disk, &path, depth + 1)?;
            }
            continue;
        }
        match disk.open(&path, OpenOptions::READ) {
            Ok(file) => file.sync_all().map_err(|error| failed(&error, &path))?,
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {}
            Err(error) => return Err(failed(&error, &path)),
        }
    }
    disk.sync_dir(dir).map_err(|error| failed(&error, dir))
}
