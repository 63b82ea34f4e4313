//! The server's own layers: boot defaults, configuration files, ALTER SYSTEM, the command line; and reload.

use crate::check;
use crate::conf::{self, Entry};
use crate::registry::{Context, Flags, Registry, Source};
use crate::table::{Parameter, Slot, Table, Typed};
use crate::value::Value;
use base::{Error, Result, Severity, bail, err};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Where in a configuration file a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub file: PathBuf,
    pub line: u32,
}

/// The files of a server.
#[derive(Clone, Debug)]
pub struct Paths {
    pub data_directory: PathBuf,
    pub config_file: PathBuf,
}

impl Paths {
    /// The usual places within a data directory.
    pub fn within(data_directory: &Path) -> Paths {
        Paths {
            data_directory: data_directory.to_path_buf(),
            config_file: data_directory.join("postgresql.conf"),
        }
    }
}

/// The values that new sessions inherit. Immutable once built; a reload makes a new one.
#[derive(Clone)]
pub struct ServerSettings {
    table: Table,
    origins: HashMap<u16, Origin>,
    custom: Vec<(String, String)>,
    pending_restart: Vec<u16>,
}

/// What a reload did.
pub struct Reloaded {
    pub settings: ServerSettings,
    /// Lines for the server log.
    pub log: Vec<Error>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        ServerSettings::boot()
    }
}

impl ServerSettings {
    /// Boot defaults alone.
    pub fn boot() -> ServerSettings {
        ServerSettings {
            table: Table::boot(Registry::get()),
            origins: HashMap::new(),
            custom: Vec::new(),
            pending_restart: Vec::new(),
        }
    }

    /// Everything a starting server reads: the configuration file with its includes, postgresql.auto.conf, and the
    /// command line's `name=value` pairs, which win.
    ///
    /// # Errors
    /// All problems found, each with file and line.
    pub fn load(
        paths: &Paths,
        command_line: &[(String, String)],
    ) -> std::result::Result<ServerSettings, Vec<Error>> {
        let mut settings = ServerSettings::boot();
        let mut errors = Vec::new();
        for entry in read_files(paths)? {
            if let Err(error) = settings.apply_entry(&entry) {
                errors.push(error);
            }
        }
        for (name, value) in command_line {
            if let Err(error) = settings.set(name, value, Source::CommandLine) {
                errors.push(error);
            }
        }
        let directory = paths.data_directory.to_string_lossy();
        settings.derive_file("data_directory", &directory, true);
        settings.derive_file("config_file", &paths.config_file.to_string_lossy(), true);
        settings.derive_file("hba_file", &format!("{directory}/pg_hba.conf"), false);
        settings.derive_file("ident_file", &format!("{directory}/pg_ident.conf"), false);
        if errors.is_empty() { Ok(settings) } else { Err(errors) }
    }

    fn derive_file(&mut self, name: &str, value: &str, always: bool) {
        if let Some(id) = Registry::get().find(name)
            && (always || self.table.slot(id).source == Source::Default)
        {
            *self.table.slot_mut(id) = Slot { value: Value::string(value), source: Source::Override };
        }
    }

    fn apply_entry(&mut self, entry: &Entry) -> Result<()> {
        let place = || format!("in file \"{}\" line {}", entry.file.display(), entry.line);
        let Some(id) = Registry::get().find(&entry.name) else {
            if entry.name.contains('.') {
                self.custom.retain(|(name, _)| !name.eq_ignore_ascii_case(&entry.name));
                self.custom.push((entry.name.clone(), entry.value.clone()));
                return Ok(());
            }
            bail!(UNDEFINED_OBJECT, "unrecognized configuration parameter \"{}\" {}", entry.name, place());
        };
        let definition = Registry::get().definition(id);
        if definition.flags.has(Flags::NOT_IN_FILE) || definition.context == Context::Internal {
            bail!(CANT_CHANGE_RUNTIME_PARAM, "parameter \"{}\" cannot be changed", definition.name);
        }
        let value = definition.parse(&entry.value).and_then(|value| check::builtin(definition, value));
        let value = value.map_err(|error| error.context(place()))?;
        *self.table.slot_mut(id) = Slot { value, source: Source::File };
        self.origins.insert(id, Origin { file: entry.file.clone(), line: entry.line });
        Ok(())
    }

    /// Sets one value of the server itself, from the command line or computed at start.
    ///
    /// # Errors
    /// `42704`, `22023`.
    pub fn set(&mut self, name: &str, value: &str, source: Source) -> Result<()> {
        let Some(id) = Registry::get().find(name) else {
            check::check_custom_name(name)?;
            self.custom.push((name.to_string(), value.to_string()));
            return Ok(());
        };
        let definition = Registry::get().definition(id);
        let value = check::builtin(definition, definition.parse(value)?)?;
        *self.table.slot_mut(id) = Slot { value, source };
        self.origins.remove(&id);
        Ok(())
    }

    /// Reads the files again. Values that only a restart can change stay; a faulty file changes nothing.
    pub fn reload(&self, paths: &Paths, command_line: &[(String, String)]) -> Reloaded {
        let log_line =
            |message: String| Error::with_severity(Severity::Log, base::SqlState::CONFIG_FILE_ERROR, message);
        let mut new = match ServerSettings::load(paths, command_line) {
            Ok(settings) => settings,
            Err(errors) => {
                let mut log: Vec<Error> = errors.into_iter().map(|e| e.severity(Severity::Log)).collect();
                log.push(log_line(format!(
                    "configuration file \"{}\" contains errors; no changes were applied",
                    paths.config_file.display()
                )));
                return Reloaded { settings: self.clone(), log };
            }
        };
        let mut log = Vec::new();
        for id in self.table.differing(&new.table) {
            let definition = Registry::get().definition(id);
            let (old_slot, slot) = (self.table.slot(id).clone(), new.table.slot(id).clone());
            if matches!(definition.context, Context::Postmaster | Context::Internal) {
                let differs = old_slot.value != slot.value && slot.source != Source::Default
                    || old_slot.source == Source::File && slot.source == Source::Default;
                *new.table.slot_mut(id) = old_slot.clone();
                if differs && definition.context == Context::Postmaster {
                    new.pending_restart.push(id);
                    log.push(log_line(format!(
                        "parameter \"{}\" cannot be changed without restarting the server",
                        definition.name
                    )));
                }
            } else if slot.source == Source::Default && old_slot.source == Source::File {
                log.push(log_line(format!(
                    "parameter \"{}\" removed from configuration file, reset to default",
                    definition.name
                )));
            } else if old_slot.value != slot.value {
                log.push(log_line(format!(
                    "parameter \"{}\" changed to \"{}\"",
                    definition.name,
                    definition.setting(&slot.value)
                )));
            }
        }
        Reloaded { settings: new, log }
    }

    #[inline]
    pub fn get<T: Typed>(&self, parameter: Parameter<T>) -> T::Out<'_> {
        self.table.get(parameter)
    }

    /// SHOW, as the server itself sees it.
    ///
    /// # Errors
    /// `42704` for an unknown name.
    pub fn show(&self, name: &str) -> Result<String> {
        let id = Registry::get().require(name)?;
        Ok(Registry::get().definition(id).show(&self.table.slot(id).value))
    }

    pub fn origin(&self, id: u16) -> Option<&Origin> {
        self.origins.get(&id)
    }

    /// Whether a changed file waits for a restart to take effect.
    pub fn pending_restart(&self, id: u16) -> bool {
        self.pending_restart.contains(&id)
    }

    /// Placeholders `prefix.name` of the files and the command line, which each session sets for itself at start.
    pub fn custom(&self) -> &[(String, String)] {
        &self.custom
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }
}

fn read_files(paths: &Paths) -> std::result::Result<Vec<Entry>, Vec<Error>> {
    let mut entries = conf::read(&paths.config_file)?;
    let auto = paths.data_directory.join("postgresql.auto.conf");
    if auto.exists() {
        entries.extend(conf::read(&auto)?);
    }
    Ok(entries)
}

/// The text of postgresql.auto.conf after ALTER SYSTEM SET (`Some`), RESET (`None`), or RESET ALL (`name` is `None`).
///
/// # Errors
/// `42704` unknown, `22023` bad value, `55P02` not changeable in a file.
pub fn edit_auto_conf(current: &[Entry], name: Option<&str>, value: Option<&str>) -> Result<String> {
    let mut entries: Vec<(String, String)> =
        current.iter().map(|entry| (entry.name.clone(), entry.value.clone())).collect();
    match name {
        None => entries.clear(),
        Some(name) => {
            match Registry::get().find(name) {
                Some(id) => {
                    let definition = Registry::get().definition(id);
                    let fixed = definition.context == Context::Internal
                        || definition.flags.has(Flags::NOT_IN_FILE)
                        || definition.flags.has(Flags::NOT_IN_AUTO_FILE);
                    if fixed {
                        bail!(
                            CANT_CHANGE_RUNTIME_PARAM,
                            "parameter \"{}\" cannot be changed",
                            definition.name
                        );
                    }
                    if let Some(value) = value {
                        check::builtin(definition, definition.parse(value)?)?;
                    }
                }
                None => check::check_custom_name(name)?,
            }
            if value.is_some_and(|v| v.contains('\n')) {
                return Err(err!(
                    INVALID_PARAMETER_VALUE,
                    "parameter value for ALTER SYSTEM must not contain a newline"
                ));
            }
            entries.retain(|(old, _)| !old.eq_ignore_ascii_case(name));
            if let Some(value) = value {
                entries.push((name.to_string(), value.to_string()));
            }
        }
    }
    let mut text = String::from(
        "# Do not edit this file manually!\n# It will be overwritten by the ALTER SYSTEM command.\n",
    );
    for (name, value) in entries {
        text.push_str(&format!("{name} = {}\n", conf::quote(&value)));
    }
    Ok(text)
}
