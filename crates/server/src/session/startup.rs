//! From the first byte to the first ReadyForQuery: encryption, startup packet, authentication, settings.

use super::Session;
use super::engine_api::{Output, Startup};
use crate::auth;
use base::{Error, Result, Severity, SqlState};
use protocol::startup::{self, Startup as Packet};
use protocol::{ProtocolVersion, backend, utf8};
use settings::{Assigner, Scope, SessionSettings, Source};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

/// The first byte of a TLS handshake record; no startup packet is long enough to begin with it.
const TLS_HANDSHAKE: u8 = 0x16;

#[track_caller]
pub(crate) fn fatal(state: SqlState, message: impl Into<String>) -> Error {
    Error::with_severity(Severity::Fatal, state, message)
}

/// The startup packet's contents, in order and as text.
struct Request {
    version: ProtocolVersion,
    parameters: Vec<(String, String)>,
}

impl Request {
    fn get(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
            .filter(|v| !v.is_empty())
    }
}

impl Session {
    /// Brings the session up; `false` when there is none to bring up (a cancel request, or the client left).
    ///
    /// # Errors
    /// FATAL, for the client.
    pub(super) fn establish(&mut self) -> Result<bool> {
        let timeout = self.server.settings.load().get(settings::AUTHENTICATION_TIMEOUT);
        let deadline = self.accepted + Duration::from_secs(timeout.max(1) as u64);
        let Some(request) = self.negotiate(deadline)? else { return Ok(false) };
        let result = self.establish_requested(&request, deadline);
        if let Err(error) = result {
            // Whatever goes wrong before the session stands, ends it.
            let severity = error.data().severity.max(Severity::Fatal);
            return Err(error.severity(severity));
        }
        Ok(true)
    }

    fn establish_requested(&mut self, request: &Request, deadline: Instant) -> Result<()> {
        let user = request
            .get("user")
            .ok_or_else(|| {
                fatal(
                    SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
                    "no PostgreSQL user name specified in startup packet",
                )
            })?
            .to_string();
        let database = request.get("database").unwrap_or(&user).to_string();
        // Names are cut as the type `name` cuts them.
        let (user, database) = (cut_name(&user), cut_name(&database));
        self.wire.log.user = Some(user.clone());
        self.wire.log.database = Some(database.clone());
        if let Some(name) = request.get("application_name") {
            self.wire.log.application = name.to_string();
        }
        if request.get("replication").is_some_and(|value| settings::parse_bool(value) != Some(false)) {
            return Err(Error::unsupported("replication connections").severity(Severity::Fatal));
        }
        self.server.check_accepting()?;
        self.holds_slot = self.server.take_slot();
        if !self.holds_slot {
            return Err(fatal(SqlState::TOO_MANY_CONNECTIONS, "sorry, too many clients already"));
        }
        let authenticated = auth::authenticate(&self.server, &mut self.wire, &user, &database, deadline)?;
        self.server.check_reserved_slots(&authenticated.role)?;
        backend::authentication_ok(self.wire.buffer());
        let mut settings = SessionSettings::new(self.server.settings.load_full());
        self.apply_parameters(request, &mut settings, authenticated.role.superuser)?;
        let superuser = authenticated.role.superuser;
        for (name, value) in
            [("session_authorization", user.as_str()), ("is_superuser", if superuser { "on" } else { "off" })]
        {
            let own = Assigner {
                source: Source::Override,
                superuser: true,
                granted: &|_| true,
                checks: &settings::NoChecks,
                restricted: false,
            };
            settings.set(name, Some(value), Scope::Session, &own)?;
        }
        let socket = self.wire.transport.socket();
        let startup = Startup {
            database: database.clone(),
            user: user.clone(),
            settings,
            process_id: self.control.process_id,
            interrupt: std::sync::Arc::clone(&self.control.interrupt),
            client: socket.client_address(),
            server: socket.server_address(),
            tls: self.wire.transport.is_tls(),
            system_user: authenticated.system_user,
            role: authenticated.role,
            timers: std::sync::Arc::clone(&self.server.timers),
            nudge: self.nudge(),
            started: SystemTime::now(),
        };
        let engine = self.server.engine.connect(startup)?;
        self.engine = Some(engine);
        self.greet(request.version, &user, &database)
    }

    fn greet(&mut self, version: ProtocolVersion, user: &str, database: &str) -> Result<()> {
        if self.server.logs_connections("authorization") {
            let mut line = format!("connection authorized: user={user} database={database}");
            if !self.wire.log.application.is_empty() {
                line.push_str(&format!(" application_name={}", self.wire.log.application));
            }
            if let Some(tls) = self.wire.transport.tls_description() {
                line.push_str(&format!(" SSL enabled ({tls})"));
            }
            self.log(line);
        }
        let key_bytes = version.cancel_key_bytes();
        self.control.key_bytes.store(key_bytes, Ordering::SeqCst);
        let engine = self.engine.as_deref_mut().expect("just connected");
        let reports = engine.settings().take_reports();
        for (name, value) in reports {
            backend::parameter_status(self.wire.buffer(), &name, &value);
        }
        backend::backend_key_data(
            self.wire.buffer(),
            self.control.process_id,
            &self.control.key[..key_bytes],
        );
        backend::ready_for_query(self.wire.buffer(), backend::TransactionStatus::Idle);
        self.ready = true;
        self.wire.flush()
    }

    /// Reads packets until a startup packet has come: SSL and GSS requests are answered on the way.
    fn negotiate(&mut self, deadline: Instant) -> Result<Option<Request>> {
        let (mut asked_tls, mut asked_gss) = (false, false);
        let mut first_packet = true;
        loop {
            let Some(mut head) = self.wire.read_exact(1, deadline)? else { return Ok(None) };
            if head[0] == TLS_HANDSHAKE && first_packet && !self.wire.transport.is_tls() {
                head.extend(self.wire.take_unread());
                self.start_tls(head, true, deadline)?;
                continue;
            }
            let rest = self.wire.read_exact(3, deadline)?;
            head.extend(
                rest.ok_or_else(|| fatal(SqlState::PROTOCOL_VIOLATION, "incomplete startup packet"))?,
            );
            let length = startup::body_length([head[0], head[1], head[2], head[3]])?;
            let body = self.wire.read_exact(length, deadline)?;
            let body =
                body.ok_or_else(|| fatal(SqlState::PROTOCOL_VIOLATION, "incomplete startup packet"))?;
            first_packet = false;
            match startup::decode(&body)? {
                Packet::SslRequest if !asked_tls && !self.wire.transport.is_tls() => {
                    asked_tls = true;
                    let possible =
                        self.server.tls.load().is_some() && self.socket().client_address().is_some();
                    self.wire.send_raw(if possible { b"S" } else { b"N" })?;
                    if possible {
                        self.refuse_early_bytes("SSL")?;
                        self.start_tls(Vec::new(), false, deadline)?;
                    }
                }
                Packet::GssEncRequest if !asked_gss => {
                    asked_gss = true;
                    self.wire.send_raw(b"N")?;
                }
                Packet::SslRequest | Packet::GssEncRequest => {
                    return Err(fatal(
                        SqlState::FEATURE_NOT_SUPPORTED,
                        "unsupported frontend protocol 1234.5679: server supports 3.0 to 3.2",
                    ));
                }
                Packet::Cancel { process_id, key } => {
                    self.server.cancel(process_id, key);
                    return Ok(None);
                }
                Packet::Start { version, parameters } => return self.request(version, &parameters).map(Some),
            }
        }
    }

    fn refuse_early_bytes(&self, what: &str) -> Result<()> {
        if !self.wire.has_unread() {
            return Ok(());
        }
        Err(fatal(SqlState::PROTOCOL_VIOLATION, format!("received unencrypted data after {what} request")).detail(
            "This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.",
        ))
    }

    fn start_tls(&mut self, early: Vec<u8>, direct: bool, deadline: Instant) -> Result<()> {
        let tls = self.server.tls.load_full();
        let lost = |message: String| fatal(SqlState::CONNECTION_FAILURE, message);
        let Some(tls) = tls else { return Err(lost("direct SSL connection rejected".to_string())) };
        self.wire
            .transport
            .start_tls(&tls, early, direct, deadline)
            .map_err(|error| lost(format!("could not accept SSL connection: {error}")))
    }

    /// Turns the packet's parameters into text and settles the protocol's version with the client.
    fn request(&mut self, version: ProtocolVersion, raw: &[(&[u8], &[u8])]) -> Result<Request> {
        let mut parameters = Vec::with_capacity(raw.len());
        let mut unknown = Vec::new();
        for (name, value) in raw {
            let (name, value) = (utf8(name)?, utf8(value)?);
            if name.starts_with("_pq_.") {
                unknown.push(name);
            } else {
                parameters.push((name.to_string(), value.to_string()));
            }
        }
        let spoken = version.min(ProtocolVersion::V3_2);
        if spoken != version || !unknown.is_empty() {
            backend::negotiate_protocol_version(self.wire.buffer(), spoken, &unknown);
        }
        Ok(Request { version: spoken, parameters })
    }

    /// Parameters of the startup packet: `options` first, then the others, as sources "client".
    fn apply_parameters(
        &self,
        request: &Request,
        settings: &mut SessionSettings,
        superuser: bool,
    ) -> Result<()> {
        let client = Assigner {
            source: Source::Client,
            superuser,
            granted: &|_| false,
            checks: self.server.engine.checks(),
            restricted: false,
        };
        let custom: Vec<(String, String)> = settings.server().custom().to_vec();
        for (name, value) in &custom {
            let file = Assigner { source: Source::File, ..client };
            settings.set(name, Some(value), Scope::Session, &file)?;
        }
        for (name, value) in command_line_options(request.get("options").unwrap_or(""))? {
            settings.set(&name, Some(&value), Scope::Session, &client)?;
        }
        for (name, value) in &request.parameters {
            if !matches!(name.as_str(), "user" | "database" | "options" | "replication") {
                settings.set(name, Some(value), Scope::Session, &client)?;
            }
        }
        Ok(())
    }
}

/// A name as the type `name` keeps it: at most 63 bytes, whole characters.
fn cut_name(name: &str) -> String {
    let end = (0..=name.len().min(63)).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    name[..end].to_string()
}

/// The settings in PGOPTIONS: `-c name=value` and `--name=value`, words separated by spaces, `\` escapes.
fn command_line_options(text: &str) -> Result<Vec<(String, String)>> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut chars = text.chars();
    let mut in_word = false;
    while let Some(c) = chars.next() {
        match c {
            c if c.is_ascii_whitespace() => {
                if in_word {
                    words.push(std::mem::take(&mut word));
                }
                in_word = false;
                continue;
            }
            '\\' => word.extend(chars.next()),
            _ => word.push(c),
        }
        in_word = true;
    }
    if in_word {
        words.push(word);
    }
    let mut settings = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let assignment =
            match word.strip_prefix("--").or_else(|| word.strip_prefix("-c").filter(|rest| !rest.is_empty()))
            {
                Some(rest) => rest.to_string(),
                None if word == "-c" => words.next().unwrap_or_default(),
                None => {
                    return Err(fatal(
                        SqlState::SYNTAX_ERROR,
                        format!("invalid command-line argument for server process: {word}"),
                    ));
                }
            };
        let Some((name, value)) = assignment.split_once('=') else {
            return Err(fatal(SqlState::SYNTAX_ERROR, format!("-c {assignment} requires a value")));
        };
        settings.push((name.replace('-', "_"), value.to_string()));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_split_into_settings() {
        let options = command_line_options("-c work_mem=1MB  -cgeqo=off --search-path=a\\ b").unwrap();
        let pairs: Vec<(&str, &str)> = options.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("work_mem", "1MB"), ("geqo", "off"), ("search_path", "a b")]);
        assert!(command_line_options("x").is_err() && command_line_options("-c a").is_err());
    }
}
