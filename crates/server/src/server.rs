//! The running server: listeners, sessions, configuration, cancel keys, shutdown.

use crate::interrupt::{Interrupt, Reason};
use crate::listener::Listener;
use crate::lockfile::LockFile;
use crate::log::Logger;
use crate::scheduler::{LISTENER_TOKENS, Scheduler, Timers};
use crate::session::engine_api::{Engine, EngineStart, Installation, RoleLogin, ShutdownMode};
use crate::session::transport::Socket;
use crate::session::{Session, Wake};
use crate::tls::Tls;
use arc_swap::{ArcSwap, ArcSwapOption};
use base::{Error, Result, Severity, SqlState};
use parking_lot::{Condvar, Mutex};
use settings::hba::HbaLine;
use settings::ident::IdentLine;
use settings::{Paths, ServerSettings, hba, ident};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use sys::process::{KeepAlive, Signal, Signals, set_keep_alive};

/// The part of a session that others can reach.
pub struct Control {
    pub process_id: u32,
    /// Long keys for protocol 3.2; older clients know the first four bytes.
    pub key: [u8; 32],
    pub key_bytes: AtomicUsize,
    pub interrupt: Arc<Interrupt>,
    pub nudged: Arc<AtomicBool>,
}

/// How a server is to be started.
pub struct ServerOptions {
    pub paths: Paths,
    /// `name=value` of the command line, which win over the files.
    pub command_line: Vec<(String, String)>,
}

/// See the module's text.
pub struct Server {
    pub engine: Arc<dyn Engine>,
    pub logger: Arc<Logger>,
    pub settings: ArcSwap<ServerSettings>,
    pub hba: ArcSwap<Vec<HbaLine>>,
    pub ident: ArcSwap<Vec<IdentLine>>,
    pub tls: ArcSwapOption<Tls>,
    pub scheduler: Arc<Scheduler>,
    pub timers: Arc<Timers>,
    options: ServerOptions,
    listeners: Mutex<Vec<Listener>>,
    sessions: Mutex<HashMap<u32, Arc<Control>>>,
    empty: Condvar,
    next_process_id: AtomicU32,
    slots: AtomicUsize,
    stopping: Mutex<Option<ShutdownMode>>,
    lock_file: Mutex<LockFile>,
}

#[track_caller]
fn fatal(state: SqlState, message: impl Into<String>) -> Error {
    Error::with_severity(Severity::Fatal, state, message)
}

/// The errors of a faulty configuration, all but the last to the log; the last is to be returned.
fn config_error(logger: &Logger, errors: Vec<Error>, file: &std::path::Path) -> Error {
    for error in errors {
        logger.report(&error.severity(Severity::Log));
    }
    fatal(SqlState::CONFIG_FILE_ERROR, format!("configuration file \"{}\" contains errors", file.display()))
}

/// Reads the configuration of a data directory as a starting server does.
///
/// # Errors
/// FATAL `F0000`; the single problems go to `logger`.
pub fn load_settings(options: &ServerOptions, logger: &Logger) -> Result<ServerSettings> {
    ServerSettings::load(&options.paths, &options.command_line)
        .map_err(|errors| config_error(logger, errors, &options.paths.config_file))
}

impl Server {
    /// Starts everything: lock file, listeners, engine. Returns when clients can connect.
    ///
    /// # Errors
    /// FATAL, with PostgreSQL's words; nothing is left behind.
    pub fn start(options: ServerOptions, installation: &dyn Installation) -> Result<Arc<Server>> {
        let mut logger = Logger::new(&ServerSettings::boot());
        let settings = load_settings(&options, &logger)?;
        logger = Logger::new(&settings);
        let logger = Arc::new(logger);
        if settings.get(settings::LOGGING_COLLECTOR) {
            return Err(Error::unsupported("logging_collector").severity(Severity::Fatal).hint(
                "Set logging_collector to off and redirect standard error, for instance with pg_ctl -l.",
            ));
        }
        let directory = options.paths.data_directory.clone();
        check_slots(&settings)?;
        let mut lock_file = LockFile::create(&directory, settings.get(settings::PORT) as u16)?;
        logger.log(format!("starting {}", crate::VERSION_LONG));
        let listeners = Listener::open_all(&settings, &logger, &mut lock_file)?;
        let tls = Tls::load(&settings, &directory)?;
        let hba_file = PathBuf::from(settings.get(settings::HBA_FILE));
        let hba = hba::read(&hba_file).map_err(|errors| {
            config_error(&logger, errors, &hba_file);
            fatal(SqlState::CONFIG_FILE_ERROR, format!("could not load {}", hba_file.display()))
        })?;
        let ident = read_ident(&settings, &logger);
        let settings = Arc::new(settings);
        let engine = installation.start(EngineStart {
            paths: options.paths.clone(),
            settings: Arc::clone(&settings),
            logger: Arc::clone(&logger),
        })?;
        let failed = |error: std::io::Error| {
            fatal(SqlState::SYSTEM_ERROR, format!("could not create poller: {error}"))
        };
        let scheduler = Arc::new(Scheduler::new().map_err(failed)?);
        let server = Arc::new(Server {
            engine,
            logger: Arc::clone(&logger),
            settings: ArcSwap::new(settings),
            hba: ArcSwap::from_pointee(hba),
            ident: ArcSwap::from_pointee(ident),
            tls: ArcSwapOption::from_pointee(tls),
            timers: Arc::new(Timers::new(Arc::clone(&scheduler))),
            scheduler: Arc::clone(&scheduler),
            options,
            listeners: Mutex::new(listeners),
            sessions: Mutex::default(),
            empty: Condvar::new(),
            next_process_id: AtomicU32::new(std::process::id().wrapping_add(1).max(2)),
            slots: AtomicUsize::new(0),
            stopping: Mutex::new(None),
            lock_file: Mutex::new(lock_file),
        });
        for (index, listener) in server.listeners.lock().iter().enumerate() {
            scheduler.poller().arm(listener, LISTENER_TOKENS + index as u64).map_err(failed)?;
        }
        let watched = Arc::downgrade(&server);
        let watcher =
            std::thread::Builder::new().name("poller".to_string()).spawn(move || scheduler.watch(watched));
        watcher.map_err(failed)?;
        server.lock_file.lock().set_status("ready   ")?;
        logger.log("database system is ready to accept connections");
        Ok(server)
    }

    /// Obeys signals until the server has shut down.
    ///
    /// # Errors
    /// Those of the engine's shutdown.
    pub fn run(self: &Arc<Self>, signals: Signals) -> Result<()> {
        let server = Arc::clone(self);
        let obey = move || {
            while let Ok(signal) = signals.next() {
                match signal {
                    Signal::Hangup => server.reload(),
                    Signal::Terminate => server.request_shutdown(ShutdownMode::Smart),
                    Signal::Interrupt => server.request_shutdown(ShutdownMode::Fast),
                    Signal::Quit => server.request_shutdown(ShutdownMode::Immediate),
                    _ => {}
                }
            }
        };
        let started = std::thread::Builder::new().name("signals".to_string()).spawn(obey);
        started.map_err(|e| fatal(SqlState::SYSTEM_ERROR, format!("could not start thread: {e}")))?;
        self.wait_for_shutdown()
    }

    /// Waits until a shutdown has been asked for and carried out.
    ///
    /// # Errors
    /// Those of the engine's shutdown.
    pub fn wait_for_shutdown(&self) -> Result<()> {
        let mut sessions = self.sessions.lock();
        let mode = loop {
            let mode = *self.stopping.lock();
            match mode {
                Some(ShutdownMode::Immediate) => break ShutdownMode::Immediate,
                Some(mode) if sessions.is_empty() => break mode,
                _ => self.empty.wait_for(&mut sessions, Duration::from_millis(500)),
            };
        };
        drop(sessions);
        self.listeners.lock().clear();
        let result = self.engine.shutdown(mode);
        self.logger.log("database system is shut down");
        self.lock_file.lock().remove();
        result
    }

    /// Begins to shut down; a stronger mode overrides a weaker one.
    pub fn request_shutdown(&self, mode: ShutdownMode) {
        let mut stopping = self.stopping.lock();
        if stopping.is_some_and(|current| current >= mode) {
            return;
        }
        *stopping = Some(mode);
        let _ = self.lock_file.lock().set_status("stopping");
        let word = match mode {
            ShutdownMode::Smart => "smart",
            ShutdownMode::Fast => "fast",
            ShutdownMode::Immediate => "immediate",
        };
        self.logger.log(format!("received {word} shutdown request"));
        // Only now, so that the log tells of the request before it tells of the end.
        drop(stopping);
        match mode {
            ShutdownMode::Smart => {}
            ShutdownMode::Fast => {
                self.logger.log("aborting any active transactions");
                self.interrupt_all(Reason::Terminate);
            }
            ShutdownMode::Immediate => self.interrupt_all(Reason::Quit),
        }
        self.empty.notify_all();
    }

    fn interrupt_all(&self, reason: Reason) {
        let controls: Vec<Arc<Control>> = self.sessions.lock().values().cloned().collect();
        controls.iter().for_each(|control| self.interrupt(control, reason));
    }

    fn interrupt(&self, control: &Control, reason: Reason) {
        control.interrupt.raise(reason);
        if control.interrupt.ending() {
            self.scheduler.rouse(u64::from(control.process_id), Wake::Bytes);
        }
    }

    /// pg_cancel_backend and pg_terminate_backend: `false` when there is no such session.
    pub fn signal_session(&self, process_id: u32, reason: Reason) -> bool {
        let control = self.sessions.lock().get(&process_id).cloned();
        if let Some(control) = &control {
            self.interrupt(control, reason);
        }
        control.is_some()
    }

    /// A client's cancel request; wrong keys are ignored, as the protocol has no answer.
    pub fn cancel(&self, process_id: u32, key: &[u8]) {
        let control = self.sessions.lock().get(&process_id).cloned();
        let Some(control) = control else {
            return self.logger.log(format!("PID {process_id} in cancel request did not match any process"));
        };
        let own = &control.key[..control.key_bytes.load(Ordering::SeqCst).min(32)];
        let same = own.len() == key.len() && own.iter().zip(key).fold(0, |all, (a, b)| all | (a ^ b)) == 0;
        if same && !own.is_empty() {
            control.interrupt.raise(Reason::Cancel);
        } else {
            self.logger.log(format!("wrong key in cancel request for process {process_id}"));
        }
    }

    /// SIGHUP, pg_reload_conf.
    pub fn reload(&self) {
        self.logger.log("received SIGHUP, reloading configuration files");
        let reloaded = self.settings.load().reload(&self.options.paths, &self.options.command_line);
        reloaded.log.iter().for_each(|line| self.logger.report(line));
        let settings = Arc::new(reloaded.settings);
        self.logger.reload(&settings);
        match hba::read(&PathBuf::from(settings.get(settings::HBA_FILE))) {
            Ok(lines) => self.hba.store(Arc::new(lines)),
            Err(errors) => {
                errors.into_iter().for_each(|error| self.logger.report(&error.severity(Severity::Log)));
                self.logger.log("pg_hba.conf was not reloaded");
            }
        }
        self.ident.store(Arc::new(read_ident(&settings, &self.logger)));
        match Tls::load(&settings, &self.options.paths.data_directory) {
            Ok(tls) => self.tls.store(tls.map(Arc::new)),
            Err(error) => {
                self.logger.report(&error.severity(Severity::Log));
                self.logger.log("SSL configuration was not reloaded");
            }
        }
        self.settings.store(Arc::clone(&settings));
        self.engine.reload(&settings);
    }

    /// Takes new connections from the listener of this token.
    pub fn accept(self: &Arc<Self>, token: u64) {
        let listeners = self.listeners.lock();
        let Some(listener) = listeners.get((token - LISTENER_TOKENS) as usize) else { return };
        loop {
            match listener.accept() {
                Ok(Some(socket)) => self.welcome(socket),
                Ok(None) => break,
                Err(error) => {
                    self.logger.log(format!("could not accept new connection: {error}"));
                    // Out of descriptors, most likely: give sessions time to end.
                    std::thread::sleep(Duration::from_millis(100));
                    break;
                }
            }
        }
        if let Err(error) = self.scheduler.poller().arm(listener, token) {
            self.logger.log(format!("could not watch listening socket: {error}"));
        }
    }

    fn welcome(self: &Arc<Self>, socket: Socket) {
        let settings = self.settings.load();
        if let Socket::Tcp(stream) = &socket {
            // Best effort, as in PostgreSQL: a connection without these works, too.
            let _ = stream.set_nodelay(true);
            let times = KeepAlive {
                idle_seconds: settings.get(settings::TCP_KEEPALIVES_IDLE) as u32,
                interval_seconds: settings.get(settings::TCP_KEEPALIVES_INTERVAL) as u32,
                count: settings.get(settings::TCP_KEEPALIVES_COUNT) as u32,
                user_timeout_ms: settings.get(settings::TCP_USER_TIMEOUT) as u32,
            };
            let _ = set_keep_alive(stream, times);
        }
        let mut sessions = self.sessions.lock();
        // Twice as many as can be served may knock; the rest are turned away without a word.
        if sessions.len() >= 2 * settings.get(settings::MAX_CONNECTIONS) as usize + 16 {
            return;
        }
        let mut key = [0u8; 32];
        if getrandom::fill(&mut key).is_err() {
            return self.logger.log("could not generate random cancel key");
        }
        let process_id = loop {
            let id = self.next_process_id.fetch_add(1, Ordering::Relaxed) & 0x7fff_ffff;
            if id != 0 && !sessions.contains_key(&id) {
                break id;
            }
        };
        let control = Arc::new(Control {
            process_id,
            key,
            key_bytes: AtomicUsize::new(0),
            interrupt: Arc::default(),
            nudged: Arc::default(),
        });
        sessions.insert(process_id, Arc::clone(&control));
        drop(sessions);
        if self.logs_connections("receipt") {
            let line = match socket.client_address() {
                Some(address) => format!(
                    "connection received: host={} port={}",
                    address.ip().to_canonical(),
                    address.port()
                ),
                None => "connection received: host=[local]".to_string(),
            };
            self.logger.log(line);
        }
        let timeout = settings.get(settings::AUTHENTICATION_TIMEOUT).max(1) as u64;
        let session = Box::new(Session::new(self, socket, control));
        self.scheduler.park(session, Some(Instant::now() + Duration::from_secs(timeout)));
    }

    /// Whether log_connections names `what`, or all.
    pub fn logs_connections(&self, what: &str) -> bool {
        let settings = self.settings.load();
        let text = settings.get(settings::LOG_CONNECTIONS);
        settings::list::split_words(text).unwrap_or_default().iter().any(|word| {
            let word = word.to_ascii_lowercase();
            word == what || word == "all" || settings::parse_bool(&word) == Some(true)
        })
    }

    /// # Errors
    /// FATAL `57P03` while shutting down.
    pub fn check_accepting(&self) -> Result<()> {
        match *self.stopping.lock() {
            None => Ok(()),
            Some(_) => Err(fatal(SqlState::CANNOT_CONNECT_NOW, "the database system is shutting down")),
        }
    }

    /// Counts a session against max_connections; `false` when none is left.
    pub fn take_slot(&self) -> bool {
        let limit = self.settings.load().get(settings::MAX_CONNECTIONS) as usize;
        self.slots
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |taken| (taken < limit).then_some(taken + 1))
            .is_ok()
    }

    pub fn release_slot(&self) {
        self.slots.fetch_sub(1, Ordering::SeqCst);
    }

    /// # Errors
    /// FATAL `53300` when only reserved slots are left, and the role may not have them.
    pub fn check_reserved_slots(&self, role: &RoleLogin) -> Result<()> {
        let settings = self.settings.load();
        let free = (settings.get(settings::MAX_CONNECTIONS) as usize)
            .saturating_sub(self.slots.load(Ordering::SeqCst));
        let for_superusers = settings.get(settings::SUPERUSER_RESERVED_CONNECTIONS) as usize;
        let reserved = settings.get(settings::RESERVED_CONNECTIONS) as usize;
        if role.superuser || free >= for_superusers + reserved {
            return Ok(());
        }
        if free < for_superusers {
            return Err(fatal(
                SqlState::TOO_MANY_CONNECTIONS,
                "remaining connection slots are reserved for roles with the SUPERUSER attribute",
            ));
        }
        Err(fatal(
            SqlState::TOO_MANY_CONNECTIONS,
            "remaining connection slots are reserved for roles with privileges of the \"pg_use_reserved_connections\" role",
        ))
    }

    /// A session is gone.
    pub fn forget(&self, control: &Control) {
        let mut sessions = self.sessions.lock();
        sessions.remove(&control.process_id);
        if sessions.is_empty() {
            self.empty.notify_all();
        }
    }

    /// Sessions there are, those that have not logged in yet included.
    pub fn session_count(&self) -> usize {
        self.sessions.lock().len()
    }
}

fn check_slots(settings: &ServerSettings) -> Result<()> {
    let superuser = settings.get(settings::SUPERUSER_RESERVED_CONNECTIONS);
    let reserved = settings.get(settings::RESERVED_CONNECTIONS);
    let limit = settings.get(settings::MAX_CONNECTIONS);
    if superuser + reserved < limit {
        return Ok(());
    }
    Err(fatal(
        SqlState::INVALID_PARAMETER_VALUE,
        format!(
            "\"superuser_reserved_connections\" ({superuser}) plus \"reserved_connections\" ({reserved}) must be less than \"max_connections\" ({limit})"
        ),
    ))
}

/// A faulty or absent pg_ident.conf only means that no map works.
fn read_ident(settings: &ServerSettings, logger: &Logger) -> Vec<IdentLine> {
    let file = PathBuf::from(settings.get(settings::IDENT_FILE));
    ident::read(&file).unwrap_or_else(|errors| {
        errors.into_iter().for_each(|error| logger.report(&error.severity(Severity::Log)));
        Vec::new()
    })
}
