//! One client's session: from the first byte to the last.
//!
//! `run` is called by a pooled thread when there is something to do, and returns when the session is to park or end.

pub mod engine_api;
mod messages;
mod startup;
pub mod transport;
pub mod wire;

use crate::interrupt::Interrupt;
use crate::log::LogContext;
use crate::scheduler::{Nudge, Timer};
use crate::server::{Control, Server};
use base::{Error, Result, Severity, SqlState};
use engine_api::{EngineSession, Output};
use protocol::backend::TransactionStatus;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use transport::Socket;
use wire::{Frame, Wire, is_lost};

/// Why a session runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    Bytes,
    Deadline,
    /// Something inside the server wants the session to look.
    Nudge,
}

/// What becomes of a session that has run.
pub enum After {
    Park(Option<Instant>),
    End,
}

/// See the module's text.
pub struct Session {
    server: Arc<Server>,
    control: Arc<Control>,
    wire: Wire,
    engine: Option<Box<dyn EngineSession>>,
    /// The body of the message at hand.
    body: Vec<u8>,
    /// An error in the extended protocol: messages are ignored up to the next Sync.
    skip_to_sync: bool,
    /// The client has been told that the session is ready and nothing has come since.
    ready: bool,
    statement_timer: Option<Timer>,
    accepted: Instant,
    /// Counted against max_connections.
    holds_slot: bool,
}

impl Session {
    /// A session for a socket that has just been accepted; nothing has been read.
    pub fn new(server: &Arc<Server>, socket: Socket, control: Arc<Control>) -> Session {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs() as i64);
        let remote = socket.client_address();
        let log = LogContext {
            process_id: control.process_id,
            remote_host: Some(remote.map_or("[local]".to_string(), |a| a.ip().to_canonical().to_string())),
            remote_port: remote.map(|a| a.port()),
            local_address: socket.server_address().map(|a| a.ip().to_canonical().to_string()),
            backend_type: "client backend",
            started,
            ..LogContext::default()
        };
        let wire = Wire::new(socket, Arc::clone(&control.interrupt), log, Arc::clone(&server.logger));
        Session {
            server: Arc::clone(server),
            control,
            wire,
            engine: None,
            body: Vec::new(),
            skip_to_sync: false,
            ready: false,
            statement_timer: None,
            accepted: Instant::now(),
            holds_slot: false,
        }
    }

    pub fn token(&self) -> u64 {
        u64::from(self.control.process_id)
    }

    pub fn socket(&self) -> &Socket {
        self.wire.transport.socket()
    }

    pub fn interrupt(&self) -> &Interrupt {
        &self.control.interrupt
    }

    /// Whether a nudge waits to be looked at.
    pub fn nudged(&self) -> bool {
        self.control.nudged.load(Ordering::SeqCst) && self.is_idle()
    }

    /// Waiting for a client that has nothing open: only then may unasked messages be sent.
    fn is_idle(&self) -> bool {
        self.ready && self.engine.as_ref().is_some_and(|e| e.transaction_status() == TransactionStatus::Idle)
    }

    /// The wake-up handle that the engine gets.
    fn nudge(&self) -> Nudge {
        Nudge::new(&self.server.scheduler, self.token(), Arc::clone(&self.control.nudged))
    }

    /// Runs until there is nothing to do. A panic ends this session and no other.
    pub fn run(&mut self, wake: Wake) -> After {
        let result = catch_unwind(AssertUnwindSafe(|| self.run_to_idle(wake)));
        let error = match result {
            Ok(Ok(Some(after))) => return after,
            Ok(Ok(None)) => {
                self.finish(None);
                return After::End;
            }
            Ok(Err(error)) => error,
            Err(panic) => {
                let message = panic
                    .downcast_ref::<&str>()
                    .map(|text| text.to_string())
                    .or_else(|| panic.downcast_ref::<String>().cloned())
                    .unwrap_or_else(|| "panic".to_string());
                Error::with_severity(
                    Severity::Fatal,
                    SqlState::INTERNAL_ERROR,
                    format!("internal error: {message}"),
                )
            }
        };
        self.finish(Some(error));
        After::End
    }

    /// `None`: the client has taken its leave.
    fn run_to_idle(&mut self, wake: Wake) -> Result<Option<After>> {
        if self.engine.is_none() {
            if wake == Wake::Deadline {
                return Ok(None);
            }
            if !self.establish()? {
                return Ok(None);
            }
        }
        self.interrupt_if_ending()?;
        match wake {
            Wake::Deadline => return Err(self.timeout_error()),
            Wake::Nudge | Wake::Bytes => self.handle_nudge()?,
        }
        loop {
            // A client that has just been answered has most likely nothing under way: waiting first saves a read in vain.
            if self.ready && !self.wire.may_have_unread() && !self.linger()? {
                return Ok(Some(After::Park(self.prepare_to_park())));
            }
            let mut body = std::mem::take(&mut self.body);
            let frame = self.wire.next_frame(&mut body);
            self.body = body;
            match frame? {
                Frame::Message(kind) => {
                    self.ready = false;
                    if !self.handle(kind)? {
                        return Ok(None);
                    }
                }
                Frame::Nothing => {
                    if self.wire.has_unsent() && self.ready {
                        self.wire.flush()?;
                    }
                    if !self.linger()? {
                        return Ok(Some(After::Park(self.prepare_to_park())));
                    }
                }
                Frame::Closed => {
                    let open = self.engine_ref().transaction_status() != TransactionStatus::Idle;
                    if open {
                        self.log("unexpected EOF on client connection with an open transaction");
                    }
                    return Ok(None);
                }
            }
        }
    }

    /// Waits a little for the client; `false` when the session is to park.
    fn linger(&mut self) -> Result<bool> {
        self.interrupt_if_ending()?;
        if self.wire.linger()? {
            return Ok(true);
        }
        self.handle_nudge()?;
        Ok(false)
    }

    fn engine_ref(&self) -> &dyn EngineSession {
        self.engine.as_deref().expect("an established session has an engine")
    }

    fn log(&mut self, message: impl Into<String>) {
        let settings = self.engine.as_deref().map(EngineSession::settings);
        self.wire.log_line(message, settings.as_deref());
    }

    fn interrupt_if_ending(&self) -> Result<()> {
        if self.control.interrupt.ending() { self.control.interrupt.check() } else { Ok(()) }
    }

    /// Otherwise the nudge stays until the session is idle.
    fn handle_nudge(&mut self) -> Result<()> {
        if !self.nudged() {
            return Ok(());
        }
        self.control.nudged.store(false, Ordering::SeqCst);
        if let Some(engine) = &mut self.engine {
            engine.idle_events(&mut self.wire)?;
        }
        self.wire.flush()
    }

    fn timeout_error(&self) -> Error {
        match self.engine_ref().transaction_status() {
            TransactionStatus::Idle => Error::with_severity(
                Severity::Fatal,
                SqlState::IDLE_SESSION_TIMEOUT,
                "terminating connection due to idle-session timeout",
            ),
            _ => Error::with_severity(
                Severity::Fatal,
                SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                "terminating connection due to idle-in-transaction timeout",
            ),
        }
    }

    /// Gives memory back and tells how long the client may stay silent.
    fn prepare_to_park(&mut self) -> Option<Instant> {
        self.body = Vec::new();
        self.wire.shrink();
        let engine = self.engine.as_deref_mut()?;
        engine.going_idle();
        if !self.ready {
            return None;
        }
        let settings = engine.settings();
        let timeout_ms = match engine.transaction_status() {
            TransactionStatus::Idle => settings.get(settings::IDLE_SESSION_TIMEOUT),
            _ => settings.get(settings::IDLE_IN_TRANSACTION_SESSION_TIMEOUT),
        };
        (timeout_ms > 0).then(|| Instant::now() + Duration::from_millis(timeout_ms as u64))
    }

    /// Ends the session: tells the client why, frees what the engine holds.
    fn finish(&mut self, error: Option<Error>) {
        self.statement_timer = None;
        if let Some(error) = &error {
            let told = !is_lost(error);
            let settings = self.engine.as_deref().map(EngineSession::settings);
            if told {
                self.wire.report(error, settings.as_deref(), None);
                // The client may be gone or stuck by now; that changes nothing.
                let _ = self.wire.flush();
            } else {
                let line = error.clone().severity(Severity::Log);
                self.wire.report(&line, settings.as_deref(), None);
            }
        }
        if let Some(mut engine) = self.engine.take() {
            let log_end = engine.settings().get(settings::LOG_DISCONNECTIONS);
            // A panic in here must not keep the session's slot from being given back.
            let _ = catch_unwind(AssertUnwindSafe(|| {
                engine.terminate();
                drop(engine);
            }));
            if log_end {
                let line = self.disconnection_line();
                self.wire.log_line(line, None);
            }
        }
        self.wire.transport.close();
    }

    fn disconnection_line(&self) -> String {
        let elapsed = self.accepted.elapsed();
        let seconds = elapsed.as_secs();
        let log = &self.wire.log;
        let unknown = "[unknown]".to_string();
        let port = log.remote_port.map_or(String::new(), |port| format!(" port={port}"));
        format!(
            "disconnection: session time: {}:{:02}:{:02}.{:03} user={} database={} host={}{port}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
            elapsed.subsec_millis(),
            log.user.as_ref().unwrap_or(&unknown),
            log.database.as_ref().unwrap_or(&unknown),
            log.remote_host.as_deref().unwrap_or(""),
        )
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.holds_slot {
            self.server.release_slot();
        }
        self.server.forget(&self.control);
    }
}
