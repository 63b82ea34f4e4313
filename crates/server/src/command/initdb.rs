//! initdb: a new data directory. The engine fills it; the configuration files are written here.

use super::arguments::{Argument, Flag, parse, refuse, shell_words};
use crate::auth::scram::encrypt_password;
use crate::session::engine_api::{InitOptions, Installation};
use settings::{ServerSettings, Source, hba_sample, ident_sample, postgresql_sample};
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const PROGRAM: &str = "initdb";

const HELP: &str = "\
initdb makes a new data directory.

Usage:
  initdb [OPTION]... [DATADIR]

  -A, --auth=METHOD           authentication method for local connections (default: trust)
      --auth-host=METHOD      the same for TCP/IP, --auth-local=METHOD for Unix sockets
  -D, --pgdata=DATADIR        data directory (default: the environment variable PGDATA)
  -E, --encoding=ENCODING     encoding of new databases (UTF8)
  -g, --allow-group-access    let the group read the data directory
  -k, --data-checksums        checksums of data pages (default); --no-data-checksums
      --locale=LOCALE, --lc-collate=, --lc-ctype=, --lc-messages=, --lc-monetary=, --lc-numeric=, --lc-time=
      --no-locale             locale C
      --locale-provider=builtin|libc|icu, --builtin-locale=, --icu-locale=, --icu-rules=
      --pwfile=FILE           file with the password of the superuser
  -T, --text-search-config=CFG
  -U, --username=NAME         name of the superuser
  -W, --pwprompt              ask for the password of the superuser
  -X, --waldir=WALDIR         directory of the write-ahead log
      --wal-segsize=SIZE      size of its segments in MB
  -c, --set NAME=VALUE        set a parameter in postgresql.conf
  -n, --no-clean              leave a failed directory as it is
  -N, --no-sync               do not wait for the disk
      --no-instructions       do not tell what to do next
  -V, --version               show the version
  -?, --help                  show this text
";

fn flags() -> Vec<Flag> {
    let with_value = |short, long| Flag(short, long, true);
    let plain = |short, long| Flag(short, long, false);
    vec![
        with_value(Some('A'), "auth"),
        with_value(None, "auth-host"),
        with_value(None, "auth-local"),
        with_value(Some('D'), "pgdata"),
        with_value(Some('E'), "encoding"),
        plain(Some('g'), "allow-group-access"),
        plain(Some('k'), "data-checksums"),
        plain(None, "no-data-checksums"),
        with_value(None, "locale"),
        with_value(None, "lc-collate"),
        with_value(None, "lc-ctype"),
        with_value(None, "lc-messages"),
        with_value(None, "lc-monetary"),
        with_value(None, "lc-numeric"),
        with_value(None, "lc-time"),
        plain(None, "no-locale"),
        with_value(None, "locale-provider"),
        with_value(None, "builtin-locale"),
        with_value(None, "icu-locale"),
        with_value(None, "icu-rules"),
        with_value(None, "pwfile"),
        with_value(Some('T'), "text-search-config"),
        with_value(Some('U'), "username"),
        plain(Some('W'), "pwprompt"),
        with_value(Some('X'), "waldir"),
        with_value(None, "wal-segsize"),
        with_value(Some('c'), "set"),
        plain(Some('d'), "debug"),
        with_value(Some('L'), "share"),
        plain(Some('n'), "no-clean"),
        plain(Some('N'), "no-sync"),
        plain(None, "no-sync-data-files"),
        plain(None, "no-instructions"),
        with_value(None, "sync-method"),
        plain(Some('s'), "show"),
        plain(Some('S'), "sync-only"),
        plain(None, "discard-caches"),
        plain(Some('?'), "help"),
    ]
}

/// What was asked for beyond [`InitOptions`].
struct Request {
    options: InitOptions,
    auth_local: String,
    auth_host: String,
    settings: Vec<(String, String)>,
    lc: Vec<(String, String)>,
    clean: bool,
    instructions: bool,
    password_file: Option<String>,
    password_prompt: bool,
}

pub fn run(arguments: &[String], installation: &dyn Installation) -> u8 {
    let arguments = match parse(arguments, &flags()) {
        Ok(arguments) => arguments,
        Err(message) => return refuse(PROGRAM, &message),
    };
    if arguments.contains(&Argument::Flag("help".to_string(), None)) {
        print!("{HELP}");
        return 0;
    }
    let made = request(arguments).and_then(|mut request| {
        request.options.superuser_password = password(&request)?;
        make(&request, installation).map(|()| request)
    });
    match made {
        Ok(request) => {
            if request.instructions {
                println!(
                    "\nSuccess. You can now start the database server using:\n\n    pg_ctl -D {} -l logfile start\n",
                    request.options.data_directory.display()
                );
            }
            0
        }
        Err(message) => {
            eprintln!("{PROGRAM}: error: {message}");
            1
        }
    }
}

fn request(arguments: Vec<Argument>) -> Result<Request, String> {
    let mut request = Request {
        options: InitOptions {
            data_directory: PathBuf::new(),
            superuser: sys::process::user_name(sys::process::effective_user()).unwrap_or_default(),
            superuser_password: None,
            encoding: "UTF8".to_string(),
            locale_provider: "builtin".to_string(),
            lc_collate: "C.UTF-8".to_string(),
            lc_ctype: "C.UTF-8".to_string(),
            locale: Some("C.UTF-8".to_string()),
            icu_rules: None,
            data_checksums: true,
            wal_directory: None,
            wal_segment_bytes: 16 << 20,
            allow_group_access: false,
            sync: true,
        },
        auth_local: "trust".to_string(),
        auth_host: "trust".to_string(),
        settings: Vec::new(),
        lc: Vec::new(),
        clean: true,
        instructions: true,
        password_file: None,
        password_prompt: false,
    };
    let mut directory = None;
    for argument in arguments {
        match argument {
            Argument::Operand(operand) if directory.is_none() => directory = Some(operand),
            Argument::Operand(operand) => {
                return Err(format!("too many command-line arguments (first is \"{operand}\")"));
            }
            Argument::Flag(name, Some(value)) if name == "pgdata" => directory = Some(value),
            Argument::Flag(name, value) => request.take(&name, value.unwrap_or_default())?,
        }
    }
    let directory = directory.or_else(|| std::env::var("PGDATA").ok()).filter(|dir| !dir.is_empty()).ok_or(
        "no data directory specified\ninitdb: hint: You must identify the directory where the data for this database system will reside.  Do this with either the invocation option -D or the environment variable PGDATA.",
    )?;
    if request.options.superuser.starts_with("pg_") {
        return Err(format!(
            "superuser name \"{}\" is disallowed; role names cannot begin with \"pg_\"",
            request.options.superuser
        ));
    }
    request.options.data_directory = std::path::absolute(&directory)
        .map_err(|error| format!("invalid directory name \"{directory}\": {error}"))?;
    Ok(request)
}

impl Request {
    fn take(&mut self, name: &str, value: String) -> Result<(), String> {
        let options = &mut self.options;
        match name {
            "auth" => (self.auth_local, self.auth_host) = (value.clone(), value),
            "auth-host" => self.auth_host = value,
            "auth-local" => self.auth_local = value,
            "encoding" => {
                if !value.eq_ignore_ascii_case("utf8") && !value.eq_ignore_ascii_case("utf-8") {
                    return Err(format!("encoding \"{value}\" is not supported yet"));
                }
            }
            "allow-group-access" => options.allow_group_access = true,
            "data-checksums" => options.data_checksums = true,
            "no-data-checksums" => options.data_checksums = false,
            "locale" => {
                options.lc_collate.clone_from(&value);
                options.lc_ctype.clone_from(&value);
                if matches!(value.as_str(), "C" | "POSIX" | "C.UTF-8" | "C.utf8") {
                    options.locale = Some(if value == "POSIX" { "C".to_string() } else { value.clone() });
                }
                for category in ["lc_messages", "lc_monetary", "lc_numeric", "lc_time"] {
                    self.lc.push((category.to_string(), value.clone()));
                }
            }
            "no-locale" => self.take("locale", "C".to_string())?,
            "lc-collate" => options.lc_collate = value,
            "lc-ctype" => options.lc_ctype = value,
            "lc-messages" | "lc-monetary" | "lc-numeric" | "lc-time" => {
                self.lc.push((name.replace('-', "_"), value));
            }
            "locale-provider" => match value.as_str() {
                "builtin" | "libc" | "icu" => options.locale_provider = value,
                _ => return Err(format!("unrecognized locale provider: {value}")),
            },
            "builtin-locale" => {
                options.locale_provider = "builtin".to_string();
                options.locale = Some(value);
            }
            "icu-locale" => {
                options.locale_provider = "icu".to_string();
                options.locale = Some(value);
            }
            "icu-rules" => options.icu_rules = Some(value),
            "pwfile" => self.password_file = Some(value),
            "pwprompt" => self.password_prompt = true,
            "text-search-config" => self.settings.push(("default_text_search_config".to_string(), value)),
            "username" => options.superuser = value,
            "waldir" => {
                let path = PathBuf::from(&value);
                if !path.is_absolute() {
                    return Err("WAL directory location must be an absolute path".to_string());
                }
                options.wal_directory = Some(path);
            }
            "wal-segsize" => match value.parse::<u32>() {
                Ok(megabytes) if (1..=1024).contains(&megabytes) && megabytes.is_power_of_two() => {
                    options.wal_segment_bytes = megabytes << 20;
                }
                _ => {
                    return Err(
                        "argument of --wal-segsize must be a power of two between 1 and 1024".to_string()
                    );
                }
            },
            "set" => match value.split_once('=') {
                Some((name, value)) => self.settings.push((name.to_string(), value.to_string())),
                None => return Err(format!("-c {value} requires a value")),
            },
            "no-clean" => self.clean = false,
            "no-sync" => options.sync = false,
            "no-instructions" => self.instructions = false,
            "debug" | "no-sync-data-files" | "discard-caches" => {}
            other => return Err(format!("option --{other} is not supported yet")),
        }
        Ok(())
    }
}

/// The superuser's password in its stored form.
fn password(request: &Request) -> Result<Option<String>, String> {
    let text = if let Some(file) = &request.password_file {
        let text = std::fs::read_to_string(file).map_err(|error| {
            format!("could not open file \"{file}\" for reading: {}", crate::listener::os_words(&error))
        })?;
        let line = text.lines().next().unwrap_or_default().to_string();
        if line.is_empty() {
            return Err(format!("password file \"{file}\" is empty"));
        }
        line
    } else if request.password_prompt {
        print!("Enter new superuser password: ");
        let _ = std::io::stdout().flush();
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map_err(|error| format!("could not read password: {error}"))?;
        line.trim_end_matches(['\r', '\n']).to_string()
    } else {
        let needs = |method: &str| matches!(method, "password" | "md5" | "scram-sha-256");
        if needs(&request.auth_local) && needs(&request.auth_host) {
            return Err(
                "must specify a password for the superuser to enable password authentication".to_string()
            );
        }
        return Ok(None);
    };
    encrypt_password(&text, 4096).map(Some).map_err(|error| error.message().to_string())
}

fn make(request: &Request, installation: &dyn Installation) -> Result<(), String> {
    let options = &request.options;
    println!(
        "The files belonging to this database system will be owned by user \"{}\".\nThis user must also own the server process.\n",
        sys::process::user_name(sys::process::effective_user()).unwrap_or_default()
    );
    println!("The database cluster will be initialized with locale \"{}\".", options.lc_collate);
    println!("The default database encoding has accordingly been set to \"{}\".\n", options.encoding);
    println!("Data page checksums are {}.\n", if options.data_checksums { "enabled" } else { "disabled" });
    let existed = prepare_directory(&options.data_directory, options.allow_group_access)?;
    let done = fill(request, installation);
    if done.is_err() && request.clean {
        let shown = options.data_directory.display();
        let what = if existed { "contents of data directory" } else { "data directory" };
        eprintln!("initdb: removing {what} \"{shown}\"");
        // What cannot be removed is left for the operator, who is told of the failure anyway.
        let _ = if existed {
            empty_directory(&options.data_directory)
        } else {
            std::fs::remove_dir_all(&options.data_directory)
        };
    }
    done
}

fn fill(request: &Request, installation: &dyn Installation) -> Result<(), String> {
    let options = &request.options;
    installation.initialize(options).map_err(|error| error.message().to_string())?;
    print!("creating configuration files ... ");
    write_configuration(request)?;
    println!("ok");
    Ok(())
}

fn write_configuration(request: &Request) -> Result<(), String> {
    let mut active: Vec<(&str, &str)> = vec![
        ("max_connections", "100"),
        ("shared_buffers", "128MB"),
        ("dynamic_shared_memory_type", "posix"),
        ("max_wal_size", "1GB"),
        ("min_wal_size", "80MB"),
        ("log_timezone", "Etc/UTC"),
        ("datestyle", "iso, mdy"),
        ("timezone", "Etc/UTC"),
        ("lc_messages", "C.UTF-8"),
        ("lc_monetary", "C.UTF-8"),
        ("lc_numeric", "C.UTF-8"),
        ("lc_time", "C.UTF-8"),
        ("default_text_search_config", "pg_catalog.english"),
    ];
    // Checked now, so that the server is not the first to find a mistake.
    let mut trial = ServerSettings::boot();
    for (name, value) in request.lc.iter().chain(&request.settings) {
        trial.set(name, value, Source::File).map_err(|error| error.message().to_string())?;
        active.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        active.push((name, value));
    }
    let auto = "# Do not edit this file manually!\n# It will be overwritten by the ALTER SYSTEM command.\n";
    let mode = if request.options.allow_group_access { 0o640 } else { 0o600 };
    let mut main = postgresql_sample(&active);
    for (name, value) in &request.settings {
        // Parameters that the sample leaves out.
        if !main
            .lines()
            .any(|line| line.to_ascii_lowercase().starts_with(&format!("{} =", name.to_ascii_lowercase())))
        {
            main.push_str(&format!("{name} = {}\n", settings::conf::quote(value)));
        }
    }
    for (name, text) in [
        ("postgresql.conf", main),
        ("postgresql.auto.conf", auto.to_string()),
        ("pg_hba.conf", hba_sample(&request.auth_local, &request.auth_host)),
        ("pg_ident.conf", ident_sample()),
    ] {
        let path = request.options.data_directory.join(name);
        std::fs::write(&path, text)
            .and_then(|()| std::fs::set_permissions(&path, Permissions::from_mode(mode)))
            .map_err(|error| {
                format!("could not write file \"{}\": {}", path.display(), crate::listener::os_words(&error))
            })?;
    }
    Ok(())
}

/// Makes the directory, or takes an empty one; `true` when it was there.
fn prepare_directory(directory: &Path, group: bool) -> Result<bool, String> {
    let shown = directory.display();
    let mode = Permissions::from_mode(if group { 0o750 } else { 0o700 });
    let existed = match std::fs::read_dir(directory) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(format!(
                    "directory \"{shown}\" exists but is not empty\ninitdb: hint: If you want to create a new database system, either remove or empty the directory \"{shown}\" or run initdb with an argument other than \"{shown}\"."
                ));
            }
            print!("fixing permissions on existing directory {shown} ... ");
            true
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            print!("creating directory {shown} ... ");
            std::fs::create_dir_all(directory).map_err(|error| {
                format!("could not create directory \"{shown}\": {}", crate::listener::os_words(&error))
            })?;
            false
        }
        Err(error) => {
            return Err(format!(
                "could not access directory \"{shown}\": {}",
                crate::listener::os_words(&error)
            ));
        }
    };
    std::fs::set_permissions(directory, mode).map_err(|error| {
        format!(
            "could not change permissions of directory \"{shown}\": {}",
            crate::listener::os_words(&error)
        )
    })?;
    println!("ok");
    Ok(existed)
}

fn empty_directory(directory: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            std::fs::remove_dir_all(&path)?
        } else {
            std::fs::remove_file(&path)?
        }
    }
    Ok(())
}

/// initdb with the options of `pg_ctl initdb -o`.
pub(super) fn run_with_options(
    directory: Option<&str>,
    options: &str,
    installation: &dyn Installation,
) -> u8 {
    let mut arguments = shell_words(options);
    if let Some(directory) = directory {
        arguments.extend(["-D".to_string(), directory.to_string()]);
    }
    run(&arguments, installation)
}
