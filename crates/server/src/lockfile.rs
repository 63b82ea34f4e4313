//! postmaster.pid and the lock files of Unix sockets: one server for one data directory and for one socket.
//!
//! postmaster.pid has eight lines: process id, data directory, start time, port, first socket directory, first listen
//! address, shared memory key (PostgreSQL's; kept empty here), status.

use crate::listener::os_words;
use base::{Error, Result, Severity, SqlState};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

#[track_caller]
fn fatal(state: SqlState, message: impl Into<String>) -> Error {
    Error::with_severity(Severity::Fatal, state, message)
}

/// What is taken, for the hint.
enum Guarded<'a> {
    Directory(&'a Path),
    Socket(&'a Path),
}

/// Creates `path` with `contents` unless a running process holds it; leftovers are removed.
fn create(path: &Path, contents: &str, shown: &str, guarded: &Guarded) -> Result<()> {
    for _ in 0..100 {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(mut file) => {
                let written = file.write_all(contents.as_bytes()).and_then(|()| file.sync_all());
                return written.map_err(|error| {
                    let _ = std::fs::remove_file(path);
                    fatal(
                        SqlState::IO_ERROR,
                        format!("could not write lock file \"{shown}\": {}", os_words(&error)),
                    )
                });
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(fatal(
                    SqlState::IO_ERROR,
                    format!("could not create lock file \"{shown}\": {}", os_words(&error)),
                ));
            }
        }
        let old = match std::fs::read_to_string(path) {
            Ok(old) => old,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(fatal(
                    SqlState::IO_ERROR,
                    format!("could not read lock file \"{shown}\": {}", os_words(&error)),
                ));
            }
        };
        if old.trim().is_empty() {
            return Err(fatal(SqlState::LOCK_FILE_EXISTS, format!("lock file \"{shown}\" is empty")).hint(
                "Either another server is starting, or the lock file is the remnant of a previous server startup crash.",
            ));
        }
        let Some(holder) = process_id(&old) else {
            return Err(fatal(
                SqlState::LOCK_FILE_EXISTS,
                format!("bogus data in lock file \"{shown}\": \"{}\"", old.trim()),
            ));
        };
        // After a reboot, the id of the old server may be ours or our parent's.
        let own = [std::process::id(), sys::process::parent_id()].contains(&holder);
        if !own && sys::process::is_running(holder) {
            let hint = match guarded {
                Guarded::Directory(directory) => {
                    format!(
                        "Is another postmaster (PID {holder}) running in data directory \"{}\"?",
                        directory.display()
                    )
                }
                Guarded::Socket(socket) => {
                    format!(
                        "Is another postmaster (PID {holder}) using socket file \"{}\"?",
                        socket.display()
                    )
                }
            };
            return Err(
                fatal(SqlState::LOCK_FILE_EXISTS, format!("lock file \"{shown}\" already exists")).hint(hint)
            );
        }
        std::fs::remove_file(path).map_err(|error| {
            fatal(SqlState::IO_ERROR, format!("could not remove old lock file \"{shown}\": {}", os_words(&error))).hint(
                "The file seems accidentally left over, but it could not be removed. Please remove the file by hand and try again.",
            )
        })?;
    }
    Err(fatal(SqlState::LOCK_FILE_EXISTS, format!("could not create lock file \"{shown}\": File exists")))
}

/// The id in the first line of a lock file; a minus sign marks a standalone backend.
pub fn process_id(contents: &str) -> Option<u32> {
    contents.lines().next()?.trim().trim_start_matches('-').parse().ok().filter(|id| *id > 0)
}

/// The lock file of a data directory.
pub struct LockFile {
    path: PathBuf,
    lines: [String; 8],
}

impl LockFile {
    /// # Errors
    /// FATAL `F0001` when another server holds the directory.
    pub fn create(directory: &Path, port: u16) -> Result<LockFile> {
        let path = directory.join("postmaster.pid");
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs());
        let lines = [
            std::process::id().to_string(),
            directory.display().to_string(),
            started.to_string(),
            port.to_string(),
            String::new(),
            String::new(),
            String::new(),
            "starting".to_string(),
        ];
        let lock = LockFile { path, lines };
        create(&lock.path, &lock.contents(), "postmaster.pid", &Guarded::Directory(directory))?;
        Ok(lock)
    }

    fn contents(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Written over the old contents in one piece: whoever reads meanwhile (pg_ctl does) must find the process id,
    /// or it takes the server for gone.
    fn set(&mut self, line: usize, text: &str) -> Result<()> {
        self.lines[line] = text.to_string();
        let contents = self.contents();
        let write = || {
            let file = OpenOptions::new().write(true).open(&self.path)?;
            file.write_all_at(contents.as_bytes(), 0)?;
            file.set_len(contents.len() as u64)
        };
        write().map_err(|error| {
            fatal(
                SqlState::IO_ERROR,
                format!("could not write lock file \"postmaster.pid\": {}", os_words(&error)),
            )
        })
    }

    pub(crate) fn set_socket_directory(&mut self, directory: &str) -> Result<()> {
        self.set(4, directory)
    }

    pub(crate) fn set_listen_address(&mut self, address: &str) -> Result<()> {
        self.set(5, address)
    }

    /// `starting`, `stopping`, `ready   ` or `standby `, in eight characters as pg_ctl expects.
    ///
    /// # Errors
    /// FATAL when the file cannot be written.
    pub fn set_status(&mut self, status: &str) -> Result<()> {
        self.set(7, status)
    }

    /// Gives the directory free.
    pub fn remove(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // Only if it is still ours: someone may have removed it and started another server.
        if std::fs::read_to_string(&self.path).ok().and_then(|text| process_id(&text))
            == Some(std::process::id())
        {
            self.remove();
        }
    }
}

/// The lock file beside a Unix socket.
pub struct SocketLock {
    path: PathBuf,
}

impl SocketLock {
    /// # Errors
    /// FATAL `F0001` when another server holds the socket.
    pub fn create(socket: &Path) -> Result<SocketLock> {
        let mut path = socket.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let shown = path.display().to_string();
        create(&path, &format!("{}\n", std::process::id()), &shown, &Guarded::Socket(socket))?;
        Ok(SocketLock { path })
    }
}

impl Drop for SocketLock {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_always_find_the_process_id() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("postmaster.pid");
        let mut lock = LockFile::create(dir.path(), 5432).unwrap();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let own = Some(std::process::id());
                (0..5000).all(|_| process_id(&std::fs::read_to_string(&path).unwrap()) == own)
            });
            while !reader.is_finished() {
                lock.set_status("stopping").unwrap();
            }
            assert!(reader.join().unwrap());
        });
    }

    #[test]
    fn a_directory_has_one_server() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("postmaster.pid");
        let mut lock = LockFile::create(dir.path(), 5432).unwrap();
        lock.set_status("ready   ").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            (text.lines().count(), text.lines().nth(3), text.lines().nth(7)),
            (8, Some("5432"), Some("ready   "))
        );
        drop(lock);
        assert!(!path.exists());
        // Process 1 runs always.
        std::fs::write(&path, "1\n").unwrap();
        let error = LockFile::create(dir.path(), 5432).err().unwrap();
        assert_eq!(error.message(), "lock file \"postmaster.pid\" already exists");
        std::fs::write(&path, "2147483646\n").unwrap();
        assert!(LockFile::create(dir.path(), 5432).is_ok());
    }
}
