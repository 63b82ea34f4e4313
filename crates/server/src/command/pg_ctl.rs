//! pg_ctl: starts, stops and signals a server through its postmaster.pid.

use super::arguments::{Argument, Flag, parse, refuse, shell_words};
use super::initdb;
use super::postgres::DETACH;
use crate::lockfile::process_id;
use crate::session::engine_api::Installation;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use sys::process::{Signal, is_running, send_signal};

const PROGRAM: &str = "pg_ctl";
/// Time between two looks at the server's state.
const LOOK: Duration = Duration::from_millis(100);

const HELP: &str = "\
pg_ctl makes, starts, stops and controls a server.

Usage:
  pg_ctl init[db]   [-D DATADIR] [-s] [-o OPTIONS]
  pg_ctl start      [-D DATADIR] [-l FILENAME] [-W] [-t SECS] [-s] [-o OPTIONS]
  pg_ctl stop       [-D DATADIR] [-m SHUTDOWN-MODE] [-W] [-t SECS] [-s]
  pg_ctl restart    [-D DATADIR] [-m SHUTDOWN-MODE] [-W] [-t SECS] [-s] [-o OPTIONS]
  pg_ctl reload     [-D DATADIR] [-s]
  pg_ctl status     [-D DATADIR]
  pg_ctl kill       SIGNALNAME PID

  -D, --pgdata=DATADIR   data directory (default: the environment variable PGDATA)
  -l, --log=FILENAME     append the server's log to this file
  -m, --mode=MODE        smart, fast (default) or immediate
  -o, --options=OPTIONS  options for postgres or initdb
  -p PATH                ignored: the server is in this program
  -s, --silent           only errors
  -t, --timeout=SECS     seconds to wait (default: 60, or PGCTLTIMEOUT)
  -w, --wait             wait for the end of the operation (default); -W, --no-wait
  -V, --version          show the version
  -?, --help             show this text
";

struct Request {
    directory: Option<String>,
    log: Option<String>,
    mode: Signal,
    options: Option<String>,
    silent: bool,
    wait: bool,
    timeout: Duration,
}

impl Request {
    fn say(&self, text: &str) {
        if !self.silent {
            print!("{text}");
            let _ = std::io::Write::flush(&mut std::io::stdout());
        }
    }

    fn directory(&self) -> PathBuf {
        PathBuf::from(self.directory.as_deref().unwrap_or_default())
    }

    fn pid_file(&self) -> PathBuf {
        self.directory().join("postmaster.pid")
    }

    /// The server's process id, if there is a lock file.
    fn server(&self) -> Option<u32> {
        std::fs::read_to_string(self.pid_file()).ok().and_then(|text| process_id(&text))
    }
}

fn flags() -> [Flag; 13] {
    [
        Flag(Some('D'), "pgdata", true),
        Flag(Some('l'), "log", true),
        Flag(Some('m'), "mode", true),
        Flag(Some('o'), "options", true),
        Flag(Some('p'), "", true),
        Flag(Some('s'), "silent", false),
        Flag(Some('t'), "timeout", true),
        Flag(Some('w'), "wait", false),
        Flag(Some('W'), "no-wait", false),
        Flag(Some('c'), "core-files", false),
        Flag(None, "core-file", false),
        Flag(Some('N'), "no-service", false),
        Flag(Some('?'), "help", false),
    ]
}

pub fn run(arguments: &[String], installation: &dyn Installation) -> u8 {
    let arguments = match parse(arguments, &flags()) {
        Ok(arguments) => arguments,
        Err(message) => return refuse(PROGRAM, &message),
    };
    let seconds = std::env::var("PGCTLTIMEOUT").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let mut request = Request {
        directory: std::env::var("PGDATA").ok().filter(|dir| !dir.is_empty()),
        log: None,
        mode: Signal::Interrupt,
        options: None,
        silent: false,
        wait: true,
        timeout: Duration::from_secs(seconds),
    };
    let mut operands = Vec::new();
    for argument in arguments {
        match argument {
            Argument::Operand(operand) => operands.push(operand),
            Argument::Flag(name, _) if name == "help" => {
                print!("{HELP}");
                return 0;
            }
            Argument::Flag(name, value) => {
                if let Err(message) = take(&mut request, &name, value.unwrap_or_default()) {
                    return refuse(PROGRAM, &message);
                }
            }
        }
    }
    let Some((command, rest)) = operands.split_first() else {
        return refuse(PROGRAM, "no operation specified");
    };
    if command == "kill" {
        return kill(rest);
    }
    if let [extra, ..] = rest {
        return refuse(PROGRAM, &format!("too many command-line arguments (first is \"{extra}\")"));
    }
    if matches!(command.as_str(), "init" | "initdb") {
        let options = request.options.clone().unwrap_or_default();
        return initdb::run_with_options(request.directory.as_deref(), &options, installation);
    }
    if request.directory.is_none() {
        return refuse(PROGRAM, "no database directory specified and environment variable PGDATA unset");
    }
    if let Err(status) = check_directory(&request, command == "status") {
        return status;
    }
    match command.as_str() {
        "start" => start(&request),
        "stop" => stop(&request, true),
        "restart" => restart(&mut request),
        "reload" => reload(&request),
        "status" => status(&request),
        "promote" | "logrotate" => {
            eprintln!("{PROGRAM}: {command} is not supported yet");
            1
        }
        other => refuse(PROGRAM, &format!("unrecognized operation mode \"{other}\"")),
    }
}

fn take(request: &mut Request, name: &str, value: String) -> Result<(), String> {
    match name {
        "pgdata" => request.directory = Some(value),
        "log" => request.log = Some(value),
        "options" => {
            // Given more than once, they add up.
            let options = request.options.get_or_insert_default();
            options.push(' ');
            options.push_str(&value);
        }
        "mode" => {
            request.mode = match value.as_str() {
                "s" | "smart" => Signal::Terminate,
                "f" | "fast" => Signal::Interrupt,
                "i" | "immediate" => Signal::Quit,
                _ => return Err(format!("unrecognized shutdown mode \"{value}\"")),
            };
        }
        "silent" => request.silent = true,
        "timeout" => {
            let seconds =
                value.parse().map_err(|_| format!("invalid argument for option -t: \"{value}\""))?;
            request.timeout = Duration::from_secs(seconds);
        }
        "wait" => request.wait = true,
        "no-wait" => request.wait = false,
        _ => {}
    }
    Ok(())
}

fn check_directory(request: &Request, status: bool) -> Result<(), u8> {
    let directory = request.directory();
    let shown = directory.display();
    let failure = if status { 4 } else { 1 };
    if !directory.exists() {
        eprintln!("{PROGRAM}: directory \"{shown}\" does not exist");
        return Err(failure);
    }
    if !directory.join("PG_VERSION").exists() {
        eprintln!("{PROGRAM}: directory \"{shown}\" is not a database cluster directory");
        return Err(failure);
    }
    Ok(())
}

fn launch(request: &Request) -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("postgres").arg("-D").arg(request.directory());
    command.args(shell_words(request.options.as_deref().unwrap_or_default()));
    command.env(DETACH, "1").stdin(Stdio::null());
    if let Some(log) = &request.log {
        let file = OpenOptions::new().create(true).append(true).open(log)?;
        command.stdout(file.try_clone()?).stderr(file);
    }
    command.spawn()
}

fn start(request: &Request) -> u8 {
    if request.server().is_some_and(is_running) {
        eprintln!("{PROGRAM}: another server might be running; trying to start server anyway");
    }
    let mut child = match launch(request) {
        Ok(child) => child,
        Err(error) => {
            eprintln!("{PROGRAM}: could not start server: {}", crate::listener::os_words(&error));
            return 1;
        }
    };
    if !request.wait {
        request.say("server starting\n");
        return 0;
    }
    request.say("waiting for server to start...");
    let deadline = Instant::now() + request.timeout;
    let mut looks = 0;
    loop {
        if let Ok(Some(_)) = child.try_wait() {
            request.say(" stopped waiting\n");
            eprintln!("{PROGRAM}: could not start server\nExamine the log output.");
            return 1;
        }
        if is_ready(&request.pid_file(), child.id()) {
            request.say(" done\nserver started\n");
            return 0;
        }
        if Instant::now() >= deadline {
            request.say(" stopped waiting\n");
            eprintln!("{PROGRAM}: server did not start in time");
            return 1;
        }
        looks += 1;
        if looks % 10 == 0 {
            request.say(".");
        }
        std::thread::sleep(LOOK);
    }
}

fn is_ready(pid_file: &Path, child: u32) -> bool {
    let Ok(text) = std::fs::read_to_string(pid_file) else { return false };
    let status = text.lines().nth(7).unwrap_or_default().trim();
    process_id(&text) == Some(child) && (status == "ready" || status == "standby")
}

/// `alone`: as the command `stop`, which does not accept that there is no server.
fn stop(request: &Request, alone: bool) -> u8 {
    let Some(server) = request.server() else {
        eprintln!(
            "{PROGRAM}: PID file \"{}\" does not exist\nIs server running?",
            request.pid_file().display()
        );
        return 1;
    };
    if let Err(error) = send_signal(server, request.mode) {
        let why = crate::listener::os_words(&error);
        eprintln!("{PROGRAM}: could not send stop signal (PID: {server}): {why}");
        return 1;
    }
    if !request.wait && alone {
        request.say("server shutting down\n");
        return 0;
    }
    request.say("waiting for server to shut down...");
    let deadline = Instant::now() + request.timeout;
    let mut looks = 0;
    while request.server() == Some(server) && is_running(server) {
        if Instant::now() >= deadline {
            request.say(" failed\n");
            eprintln!("{PROGRAM}: server does not shut down");
            if request.mode == Signal::Terminate {
                eprintln!(
                    "HINT: The \"-m fast\" option immediately disconnects sessions rather than\nwaiting for session-initiated disconnection."
                );
            }
            return 1;
        }
        looks += 1;
        if looks % 10 == 0 {
            request.say(".");
        }
        std::thread::sleep(LOOK);
    }
    request.say(" done\nserver stopped\n");
    0
}

fn restart(request: &mut Request) -> u8 {
    match request.server() {
        None => {
            eprintln!(
                "{PROGRAM}: PID file \"{}\" does not exist\nIs server running?",
                request.pid_file().display()
            );
            eprintln!("trying to start server anyway");
        }
        Some(server) if is_running(server) => {
            if request.options.is_none() {
                request.options = previous_options(&request.directory());
            }
            let status = stop(request, false);
            if status != 0 {
                return status;
            }
        }
        Some(server) => {
            eprintln!(
                "{PROGRAM}: old server process (PID: {server}) seems to be gone\nstarting server anyway"
            );
        }
    }
    start(request)
}

/// The options that the running server was started with, without its data directory.
fn previous_options(directory: &Path) -> Option<String> {
    let text = std::fs::read_to_string(directory.join("postmaster.opts")).ok()?;
    let words = shell_words(text.lines().next()?);
    let mut options = Vec::new();
    let mut words = words.into_iter().skip(1);
    while let Some(word) = words.next() {
        if word == "-D" {
            words.next();
        } else {
            options.push(format!("'{}'", word.replace('\'', "'\\''")));
        }
    }
    Some(options.join(" "))
}

fn reload(request: &Request) -> u8 {
    let Some(server) = request.server() else {
        eprintln!(
            "{PROGRAM}: PID file \"{}\" does not exist\nIs server running?",
            request.pid_file().display()
        );
        return 1;
    };
    match send_signal(server, Signal::Hangup) {
        Ok(()) => {
            request.say("server signaled\n");
            0
        }
        Err(error) => {
            let why = crate::listener::os_words(&error);
            eprintln!("{PROGRAM}: could not send reload signal (PID: {server}): {why}");
            1
        }
    }
}

fn status(request: &Request) -> u8 {
    match request.server().filter(|server| is_running(*server)) {
        Some(server) => {
            println!("{PROGRAM}: server is running (PID: {server})");
            if let Ok(line) = std::fs::read_to_string(request.directory().join("postmaster.opts")) {
                print!("{line}");
            }
            0
        }
        None => {
            println!("{PROGRAM}: no server running");
            3
        }
    }
}

fn kill(operands: &[String]) -> u8 {
    let [name, process] = operands else { return refuse(PROGRAM, "missing arguments for kill mode") };
    let signal = match name.trim_start_matches("SIG") {
        "HUP" => Signal::Hangup,
        "INT" => Signal::Interrupt,
        "QUIT" => Signal::Quit,
        "ABRT" => Signal::Abort,
        "KILL" => Signal::Kill,
        "TERM" => Signal::Terminate,
        "USR1" => Signal::User1,
        "USR2" => Signal::User2,
        _ => return refuse(PROGRAM, &format!("unrecognized signal name \"{name}\"")),
    };
    let Ok(process) = process.parse() else {
        return refuse(PROGRAM, &format!("invalid process id \"{process}\""));
    };
    match send_signal(process, signal) {
        Ok(()) => 0,
        Err(error) => {
            let why = crate::listener::os_words(&error);
            eprintln!("{PROGRAM}: could not send signal {name} (PID: {process}): {why}");
            1
        }
    }
}
