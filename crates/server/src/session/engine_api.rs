//! What the session layer asks of the engine, and what it gives it.
//!
//! ```text
//! Installation ── initialize ──▶ a data directory
//!      │ start
//!      ▼
//!   Engine ── role, is_member … (authentication) ── connect(Startup) ──▶ EngineSession
//!                                                                           │ simple_query, parse, bind, execute …
//!                                                                           ▼
//!                                                                    Output (rows, tags, COPY)
//! ```
//! The session layer owns sockets, messages and their order, and the state machine of the extended protocol
//! (after an error, messages are skipped to Sync). The engine owns statements, portals, transactions and settings.

use crate::interrupt::Interrupt;
use crate::log::Logger;
use crate::scheduler::{Nudge, Timers};
use base::{Error, Oid, Result};
use parking_lot::MutexGuard;
use protocol::backend::{self, CopyDirection, FieldDescription, TransactionStatus};
use settings::{Checks, Paths, ServerSettings, SessionSettings};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// Makes data directories and engines; the one thing `main` is given.
pub trait Installation: Send + Sync {
    /// initdb: fills an empty directory.
    ///
    /// # Errors
    /// Whatever keeps the cluster from being made.
    fn initialize(&self, options: &InitOptions) -> Result<()>;

    /// Opens a data directory, recovering it if need be. The lock file is held already.
    ///
    /// # Errors
    /// Whatever keeps the server from starting; FATAL in the log.
    fn start(&self, start: EngineStart) -> Result<Arc<dyn Engine>>;
}

/// What initdb was asked for. The session layer writes the configuration files afterwards.
#[derive(Clone, Debug)]
pub struct InitOptions {
    pub data_directory: PathBuf,
    pub superuser: String,
    /// Already in its stored form (SCRAM secret or md5 hash).
    pub superuser_password: Option<String>,
    pub encoding: String,
    /// `builtin`, `libc` or `icu`.
    pub locale_provider: String,
    pub lc_collate: String,
    pub lc_ctype: String,
    /// The locale of the builtin or icu provider.
    pub locale: Option<String>,
    pub icu_rules: Option<String>,
    pub data_checksums: bool,
    pub wal_directory: Option<PathBuf>,
    pub wal_segment_bytes: u32,
    pub allow_group_access: bool,
    pub sync: bool,
}

/// What a starting engine gets.
pub struct EngineStart {
    pub paths: Paths,
    pub settings: Arc<ServerSettings>,
    pub logger: Arc<Logger>,
}

/// How a server stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShutdownMode {
    /// When the last client has gone.
    Smart,
    /// Sessions are ended, then a checkpoint.
    Fast,
    /// At once; recovery follows at the next start.
    Immediate,
}

/// What authentication needs to know of a role.
#[derive(Clone, Debug, Default)]
pub struct RoleLogin {
    pub oid: Oid,
    /// `rolpassword` as stored.
    pub password: Option<String>,
    pub can_login: bool,
    pub superuser: bool,
    pub replication: bool,
    /// Negative: no limit.
    pub connection_limit: i32,
    pub valid_until: Option<SystemTime>,
}

/// What a new session starts with.
pub struct Startup {
    pub database: String,
    pub user: String,
    pub role: RoleLogin,
    /// The server's settings, with the client's own (source "client") on top. Database and role settings are the
    /// engine's to add: lower sources do not override higher ones.
    pub settings: SessionSettings,
    /// Unique while the session lives; pg_backend_pid, pg_stat_activity.pid and the cancel key's process id.
    pub process_id: u32,
    pub interrupt: Arc<Interrupt>,
    /// `None` on a Unix socket.
    pub client: Option<SocketAddr>,
    pub server: Option<SocketAddr>,
    pub tls: bool,
    /// The name that the authentication method vouches for, as in SYSTEM_USER (`method:identity`).
    pub system_user: Option<String>,
    /// Deadlines that raise reasons against the interrupt (lock_timeout, transaction_timeout).
    pub timers: Arc<Timers>,
    /// Wakes the session while it is parked, to have [`EngineSession::idle_events`] called.
    pub nudge: Nudge,
    /// When the session began. (The limits of role and database on connections are the engine's to check.)
    pub started: SystemTime,
}

/// A running database system.
pub trait Engine: Send + Sync {
    /// # Errors
    /// Those of reading the catalog.
    fn role(&self, name: &str) -> Result<Option<RoleLogin>>;

    /// Whether `role` is a member of `group`, for `+group` in pg_hba.conf.
    fn is_member(&self, role: &str, group: &str) -> bool;

    /// The groups of the first match of an advanced regular expression, for `/regex` in pg_hba.conf.
    ///
    /// # Errors
    /// `2201B` for a faulty expression.
    fn regex_captures(&self, pattern: &str, text: &str) -> Result<Option<Vec<Option<String>>>>;

    /// Checks of single parameters that need the catalog or time zones.
    fn checks(&self) -> &dyn Checks;

    /// The nonce of pg_control that makes answers about unknown roles look like those about known ones.
    fn mock_authentication_nonce(&self) -> [u8; 32];

    /// Starts a session in a database.
    ///
    /// # Errors
    /// FATAL for the client: `3D000` no such database, `55000` not accepting connections, `53300` over a limit,
    /// `42501` no CONNECT privilege, ...
    fn connect(&self, startup: Startup) -> Result<Box<dyn EngineSession>>;

    /// The configuration was read again; sessions follow by themselves at their next message.
    fn reload(&self, settings: &Arc<ServerSettings>);

    /// Called once, when no session is left (or, immediate, at once).
    ///
    /// # Errors
    /// Logged; the process then exits with status 1.
    fn shutdown(&self, mode: ShutdownMode) -> Result<()>;
}

/// One client's session inside the engine. Used by one thread at a time, not always the same.
///
/// After an error the session layer calls [`EngineSession::abort_on_error`], then reports the error, then asks for
/// [`EngineSession::transaction_status`] when it becomes ready.
pub trait EngineSession: Send {
    /// Runs all statements of a simple query: RowDescription, rows and tag of each go to `out`; an empty string gets
    /// `empty_query`. Implicit transactions end with the message.
    ///
    /// # Errors
    /// The statement's; positions are bytes into `sql`.
    fn simple_query(&mut self, sql: &str, out: &mut dyn Output) -> Result<()>;

    /// # Errors
    /// Positions are bytes into `sql`.
    fn parse(&mut self, name: &str, sql: &str, parameter_types: &[Oid]) -> Result<()>;

    /// `formats`: none, one for all, or one each (checked already to be so for parameters).
    ///
    /// # Errors
    /// `26000` unknown statement, `08P01` wrong number of parameters, `22P02`/`22P03` bad values, ...
    fn bind(
        &mut self,
        portal: &str,
        statement: &str,
        formats: &[i16],
        parameters: &[Option<&[u8]>],
        result_formats: &[i16],
    ) -> Result<()>;

    /// ParameterDescription, then RowDescription or NoData.
    ///
    /// # Errors
    /// `26000`; `25P02` in a failed transaction.
    fn describe_statement(&mut self, name: &str, out: &mut dyn Output) -> Result<()>;

    /// RowDescription or NoData.
    ///
    /// # Errors
    /// `34000`; `25P02` in a failed transaction.
    fn describe_portal(&mut self, name: &str, out: &mut dyn Output) -> Result<()>;

    /// Rows, then CommandComplete, PortalSuspended or EmptyQueryResponse. `max_rows` 0: all.
    ///
    /// # Errors
    /// The statement's; positions are bytes into [`EngineSession::current_query`].
    fn execute(&mut self, portal: &str, max_rows: u32, out: &mut dyn Output) -> Result<()>;

    /// Closing what does not exist is no error.
    ///
    /// # Errors
    /// Those of ending the statement's portals.
    fn close_statement(&mut self, name: &str) -> Result<()>;

    /// # Errors
    /// Those of ending the portal.
    fn close_portal(&mut self, name: &str) -> Result<()>;

    /// Ends the implicit transaction of a pipeline: commits it, or rolls it back after an error.
    ///
    /// # Errors
    /// Those of a commit.
    fn sync(&mut self, out: &mut dyn Output) -> Result<()>;

    /// A message failed: rolls back the implicit transaction or marks the explicit one as failed.
    fn abort_on_error(&mut self);

    fn transaction_status(&self) -> TransactionStatus;

    /// Held for a moment only: the engine reads them too.
    fn settings(&self) -> MutexGuard<'_, SessionSettings>;

    /// The text of the statement that runs or ran last, for error positions and STATEMENT lines.
    fn current_query(&self) -> &str;

    /// After a nudge, while idle outside a transaction: pending notifications.
    ///
    /// # Errors
    /// FATAL ones end the session.
    fn idle_events(&mut self, out: &mut dyn Output) -> Result<()>;

    /// The session is about to wait for its client: memory that can be made again should be given back.
    fn going_idle(&mut self);

    /// The client has gone: rolls back and frees what the session holds. Dropping without it must do as well.
    fn terminate(&mut self);
}

/// Where a statement's answers go: the send buffer, written to the socket whenever it is large.
pub trait Output {
    /// The send buffer. Whole messages may be appended with the functions of [`protocol::backend`]; call
    /// [`Output::drain`] after each row or so.
    fn buffer(&mut self) -> &mut Vec<u8>;

    /// Writes the buffer to the socket if it has grown beyond its limit; waits for a slow client.
    ///
    /// # Errors
    /// FATAL when the client is gone or the session is to end.
    fn drain(&mut self) -> Result<()>;

    /// A NOTICE, WARNING, INFO ... for the client (the engine has compared client_min_messages) and the log.
    fn notice(&mut self, notice: &Error);

    /// The next piece of COPY data, or `None` when the client has ended it properly.
    ///
    /// # Errors
    /// `57014` when the client gives up, `08P01` for other messages, FATAL when it is gone.
    fn copy_read(&mut self) -> Result<Option<&[u8]>>;

    fn row_description(&mut self, fields: &[FieldDescription]) {
        backend::row_description(self.buffer(), fields);
    }

    fn command_complete(&mut self, tag: &str) {
        backend::command_complete(self.buffer(), tag);
    }

    fn empty_query(&mut self) {
        backend::empty_query_response(self.buffer());
    }

    fn no_data(&mut self) {
        backend::no_data(self.buffer());
    }

    fn portal_suspended(&mut self) {
        backend::portal_suspended(self.buffer());
    }

    fn parameter_description(&mut self, types: &[Oid]) {
        backend::parameter_description(self.buffer(), types);
    }

    fn notification(&mut self, process_id: u32, channel: &str, payload: &str) {
        backend::notification_response(self.buffer(), process_id, channel, payload);
    }

    /// Tells the client to send COPY data; then call [`Output::copy_read`] until it gives `None`.
    ///
    /// # Errors
    /// As [`Output::drain`].
    fn copy_in_begin(&mut self, binary: bool, formats: &[i16]) -> Result<()> {
        backend::copy_response(self.buffer(), CopyDirection::In, binary, formats);
        self.flush()
    }

    fn copy_out_begin(&mut self, binary: bool, formats: &[i16]) {
        backend::copy_response(self.buffer(), CopyDirection::Out, binary, formats);
    }

    /// # Errors
    /// As [`Output::drain`].
    fn copy_data(&mut self, data: &[u8]) -> Result<()> {
        backend::copy_data(self.buffer(), data);
        self.drain()
    }

    fn copy_done(&mut self) {
        backend::copy_done(self.buffer());
    }

    /// Writes everything to the socket now.
    ///
    /// # Errors
    /// As [`Output::drain`].
    fn flush(&mut self) -> Result<()>;
}
