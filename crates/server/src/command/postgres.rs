//! postgres: serving a data directory; and what `ferrodon` without arguments does.

use super::initdb;
use crate::log::Logger;
use crate::server::{Server, ServerOptions, load_settings};
use crate::session::engine_api::Installation;
use base::{Error, Result, Severity, SqlState};
use settings::{Paths, Registry, ServerSettings};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use sys::process::Signals;

/// Set by pg_ctl: leave the terminal's session.
pub(super) const DETACH: &str = "FERRODON_DETACH";

const HELP: &str = "\
postgres serves a data directory.

Usage:
  postgres [OPTION]...

  -B NBUFFERS        shared_buffers
  -c NAME=VALUE      set a parameter; also --NAME=VALUE
  -C NAME            print the value of a parameter, then exit
  -d 1-5             debugging level
  -D DATADIR         data directory (default: the environment variable PGDATA)
  -e                 European dates (DMY)
  -F                 fsync = off
  -h HOSTNAME        listen_addresses
  -i                 listen on all addresses
  -k DIRECTORY       unix_socket_directories
  -l                 ssl = on
  -N MAX-CONNECT     max_connections
  -O                 allow_system_table_mods
  -p PORT            port
  -P                 ignore_system_indexes
  -s                 log_statement_stats
  -S WORK-MEM        work_mem, in kB
  -V, --version      show the version
  -?, --help         show this text
";

/// What the arguments ask for.
#[derive(Default)]
struct Request {
    directory: Option<String>,
    config_file: Option<String>,
    settings: Vec<(String, String)>,
    print: Option<String>,
    help: bool,
}

fn parse(arguments: &[String]) -> std::result::Result<Request, String> {
    let mut request = Request::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if let Some(long) = argument.strip_prefix("--") {
            match long.split_once('=') {
                Some((name, value)) => request.set(&name.replace('-', "_"), value),
                None if long == "help" => request.help = true,
                None if ["single", "boot", "check", "describe-config"].contains(&long) => {
                    return Err(format!("--{long} is not supported yet"));
                }
                None => return Err(format!("--{long} requires a value")),
            }
            continue;
        }
        let Some(short) = argument.strip_prefix('-').filter(|short| !short.is_empty()) else {
            return Err(format!("invalid argument: \"{argument}\""));
        };
        let (flag, attached) = short.split_at(short.chars().next().map_or(0, char::len_utf8));
        let simple = match flag {
            "F" => Some(("fsync", "off")),
            "e" => Some(("datestyle", "euro")),
            "i" => Some(("listen_addresses", "*")),
            "l" => Some(("ssl", "on")),
            "O" => Some(("allow_system_table_mods", "on")),
            "P" => Some(("ignore_system_indexes", "on")),
            "s" => Some(("log_statement_stats", "on")),
            "T" => Some(("send_abort_for_crash", "on")),
            "?" => {
                request.help = true;
                continue;
            }
            _ => None,
        };
        if let Some((name, value)) = simple {
            request.set(name, value);
            continue;
        }
        if !"BcCdDfhkNpStW".contains(flag) {
            return Err(format!("invalid option -- '{flag}'"));
        }
        let value = match attached.is_empty() {
            false => attached.to_string(),
            true => {
                arguments.next().cloned().ok_or_else(|| format!("option requires an argument -- '{flag}'"))?
            }
        };
        request.take(flag, value)?;
    }
    Ok(request)
}

impl Request {
    fn set(&mut self, name: &str, value: &str) {
        match name {
            "config_file" => self.config_file = Some(value.to_string()),
            "data_directory" => self.directory = Some(value.to_string()),
            _ => self.settings.push((name.to_string(), value.to_string())),
        }
    }

    fn take(&mut self, flag: &str, value: String) -> std::result::Result<(), String> {
        match flag {
            "D" => self.directory = Some(value),
            "C" => self.print = Some(value),
            "c" => match value.split_once('=') {
                Some((name, value)) => self.set(&name.replace('-', "_"), value),
                None => return Err(format!("-c {value} requires a value")),
            },
            "d" => {
                let level = format!("debug{}", value.parse::<u8>().map_or(5, |n| n.clamp(1, 5)));
                self.set("log_min_messages", &level);
            }
            "f" => {
                let plan = match value.as_str() {
                    "s" => "enable_seqscan",
                    "i" => "enable_indexscan",
                    "o" => "enable_indexonlyscan",
                    "b" => "enable_bitmapscan",
                    "t" => "enable_tidscan",
                    "n" => "enable_nestloop",
                    "m" => "enable_mergejoin",
                    "h" => "enable_hashjoin",
                    _ => return Err(format!("invalid argument for option -f: \"{value}\"")),
                };
                self.set(plan, "off");
            }
            "t" => {
                let stats = match value.as_str() {
                    "pa" | "parser" => "log_parser_stats",
                    "pl" | "planner" => "log_planner_stats",
                    "ex" | "executor" | "e" => "log_executor_stats",
                    _ => return Err(format!("invalid argument for option -t: \"{value}\"")),
                };
                self.set(stats, "on");
            }
            _ => {
                let name = match flag {
                    "B" => "shared_buffers",
                    "h" => "listen_addresses",
                    "k" => "unix_socket_directories",
                    "N" => "max_connections",
                    "p" => "port",
                    "S" => "work_mem",
                    _ => "post_auth_delay",
                };
                self.set(name, &value);
            }
        }
        Ok(())
    }
}

pub fn run(arguments: &[String], installation: &dyn Installation) -> u8 {
    if std::env::var_os(DETACH).is_some() {
        // Fails only for the leader of a group, which pg_ctl's child is not.
        let _ = sys::process::new_session();
    }
    let request = match parse(arguments) {
        Ok(request) => request,
        Err(message) => {
            eprintln!("postgres: {message}\nTry \"postgres --help\" for more information.");
            return 1;
        }
    };
    if request.help {
        print!("{HELP}");
        return 0;
    }
    let directory = request.directory.or_else(|| std::env::var("PGDATA").ok().filter(|dir| !dir.is_empty()));
    let Some(directory) = directory else {
        eprintln!(
            "postgres does not know where to find the server configuration file.\n\
             You must specify the --config-file or -D invocation option or set the PGDATA environment variable."
        );
        return 2;
    };
    let directory = std::path::absolute(&directory).unwrap_or_else(|_| PathBuf::from(directory));
    let mut paths = Paths::within(&directory);
    if let Some(file) = request.config_file {
        paths.config_file = PathBuf::from(file);
    }
    if let Err(error) = std::fs::metadata(&paths.config_file) {
        let why = crate::listener::os_words(&error);
        eprintln!(
            "postgres: could not access the server configuration file \"{}\": {why}",
            paths.config_file.display()
        );
        return 2;
    }
    let options = ServerOptions { paths, command_line: request.settings };
    if let Some(name) = request.print {
        return print_setting(&options, &name);
    }
    serve(options, arguments, installation, || {})
}

fn print_setting(options: &ServerOptions, name: &str) -> u8 {
    let logger = Logger::new(&ServerSettings::boot());
    let shown = load_settings(options, &logger).and_then(|settings| {
        Registry::get().require(name)?;
        settings.show(name)
    });
    match shown {
        Ok(value) => {
            println!("{value}");
            0
        }
        Err(error) => {
            logger.report(&error.severity(Severity::Fatal));
            1
        }
    }
}

/// Serves until a signal ends it. Exit status 0 after an orderly shutdown.
fn serve(
    options: ServerOptions,
    arguments: &[String],
    installation: &dyn Installation,
    ready: impl FnOnce(),
) -> u8 {
    let logger = Logger::new(&ServerSettings::boot());
    let directory = options.paths.data_directory.clone();
    let result = Signals::take()
        .map_err(|error| {
            Error::with_severity(
                Severity::Fatal,
                SqlState::SYSTEM_ERROR,
                format!("could not take signals: {error}"),
            )
        })
        .and_then(|signals| {
            check_directory(&directory)?;
            sys::process::set_file_mask(0o077);
            sys::process::raise_file_limit();
            if sys::process::effective_user() == 0 {
                logger.report(&Error::with_severity(
                    Severity::Warning,
                    SqlState::SUCCESSFUL_COMPLETION,
                    "running as root: whoever breaks the server has the machine; use an ordinary user",
                ));
            }
            let server = Server::start(options, installation)?;
            write_opts(&directory, arguments);
            ready();
            server.run(signals)
        });
    match result {
        Ok(()) => 0,
        Err(error) => {
            logger.report(&error);
            logger.log("database system is shut down");
            1
        }
    }
}

/// The command line of the running server, for `pg_ctl restart` and `status`.
fn write_opts(directory: &Path, arguments: &[String]) {
    let program = std::env::current_exe().map_or("postgres".to_string(), |path| path.display().to_string());
    let mut line = program;
    for argument in arguments {
        line.push_str(&format!(" \"{argument}\""));
    }
    // Only a convenience: the server runs without it.
    let _ = std::fs::write(directory.join("postmaster.opts"), line + "\n");
}

/// # Errors
/// FATAL: the directory is absent, has loose permissions, or is of another version.
fn check_directory(directory: &Path) -> Result<()> {
    let fatal = |message: String| {
        Error::with_severity(Severity::Fatal, SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
    };
    let shown = directory.display();
    let metadata = std::fs::metadata(directory).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => fatal(format!("data directory \"{shown}\" does not exist")),
        _ => fatal(format!(
            "could not read permissions of directory \"{shown}\": {}",
            crate::listener::os_words(&error)
        )),
    })?;
    if !metadata.is_dir() {
        return Err(fatal(format!("specified data directory \"{shown}\" is not a directory")));
    }
    if metadata.permissions().mode() & 0o027 != 0 {
        return Err(fatal(format!("data directory \"{shown}\" has invalid permissions"))
            .detail("Permissions should be u=rwx (0700) or u=rwx,g=rx (0750)."));
    }
    let file = directory.join("PG_VERSION");
    let invalid = || fatal(format!("\"{shown}\" is not a valid data directory"));
    let version = match std::fs::read_to_string(&file) {
        Ok(version) => version.trim().to_string(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(invalid().detail(format!("File \"{}\" is missing.", file.display())));
        }
        Err(error) => {
            return Err(fatal(format!(
                "could not open file \"{}\": {}",
                file.display(),
                crate::listener::os_words(&error)
            )));
        }
    };
    if version.parse::<f32>().is_err() {
        return Err(invalid()
            .detail(format!("File \"{}\" does not contain valid data.", file.display()))
            .hint("You might need to initdb."));
    }
    if version != crate::MAJOR_VERSION {
        return Err(fatal("database files are incompatible with server".to_string()).detail(format!(
            "The data directory was initialized by PostgreSQL version {version}, which is not compatible with this version {}.",
            crate::VERSION
        )));
    }
    Ok(())
}

/// `ferrodon` alone: makes ./pgdata if it is not there, serves it, and says how to connect.
pub fn serve_here(installation: &dyn Installation) -> u8 {
    let directory = std::path::absolute("pgdata").unwrap_or_else(|_| PathBuf::from("pgdata"));
    if !directory.join("PG_VERSION").exists() {
        let shown = directory.display().to_string();
        let arguments = ["-D", &shown, "-U", "postgres", "-A", "trust", "--no-instructions"];
        let arguments: Vec<String> = arguments.iter().map(|a| a.to_string()).collect();
        let status = initdb::run(&arguments, installation);
        if status != 0 {
            return status;
        }
    }
    let command_line = vec![("listen_addresses".to_string(), "127.0.0.1".to_string())];
    let options = ServerOptions { paths: Paths::within(&directory), command_line };
    let shown = directory.display().to_string();
    let arguments = vec!["-D".to_string(), shown.clone(), "-h".to_string(), "127.0.0.1".to_string()];
    let port = load_settings(&options, &Logger::new(&ServerSettings::boot()))
        .map_or(5432, |settings| settings.get(settings::PORT));
    serve(options, &arguments, installation, move || {
        println!(
            "\nFerrodon serves {shown}\n\n    psql -h 127.0.0.1 -p {port} -U postgres postgres\n\nPress Ctrl-C to stop.\n"
        );
    })
}
