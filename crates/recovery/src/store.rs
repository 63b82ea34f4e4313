//! The control file on disk.

use crate::control::ControlFile;
use base::{Error, Result, Severity};
use parking_lot::Mutex;
use std::io;
use sys::System;
use sys::disk::{OpenOptions, file_error};

const PATH: &str = "global/pg_control";

/// pg_control: read once, kept in memory, written through. It fits one sector and is overwritten in place, so a crash leaves the old or the new one.
pub struct ControlStore {
    system: System,
    control: Mutex<ControlFile>,
}

impl ControlStore {
    /// Reads the file.
    ///
    /// # Errors
    /// PANIC `58P01` without one, FATAL `XX001` when its checksum is wrong or its version another.
    pub fn open(system: &System) -> Result<ControlStore> {
        let bytes = system.disk.read(PATH).map_err(|error| {
            file_error(&error, format_args!("could not open file \"{PATH}\"")).severity(Severity::Panic)
        })?;
        let (control, sound) = ControlFile::decode(&bytes)?;
        if !sound {
            return Err(Error::corrupted("incorrect checksum in control file").severity(Severity::Fatal));
        }
        Ok(ControlStore { system: system.clone(), control: Mutex::new(control) })
    }

    /// Makes the file of a new cluster.
    ///
    /// # Errors
    /// PANIC with the disk's SQLSTATE.
    pub fn create(system: &System, control: ControlFile) -> Result<ControlStore> {
        let store = ControlStore { system: system.clone(), control: Mutex::new(control) };
        store.update(|_| ())?;
        system.disk.sync_dir("global").map_err(|error| failed(&error))?;
        Ok(store)
    }

    pub fn get(&self) -> ControlFile {
        self.control.lock().clone()
    }

    /// Changes the file and makes that durable.
    ///
    /// # Errors
    /// PANIC with the disk's SQLSTATE.
    pub fn update(&self, change: impl FnOnce(&mut ControlFile)) -> Result<()> {
        let mut control = self.control.lock();
        change(&mut control);
        control.time = self.system.clock.now_micros() / 1_000_000;
        let write = || -> io::Result<()> {
            let file = self.system.disk.open(PATH, OpenOptions::CREATE)?;
            file.write_all_at(&control.encode(), 0)?;
            file.sync_all()
        };
        write().map_err(|error| failed(&error))
    }
}

fn failed(error: &io::Error) -> Error {
    file_error(error, format_args!("could not write to file \"{PATH}\"")).severity(Severity::Panic)
}
