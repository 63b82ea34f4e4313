//! Who may come in: pg_hba.conf, and the methods by which a client proves who it is.

pub mod scram;

use crate::server::Server;
use crate::session::engine_api::{Engine, Output, RoleLogin};
use crate::session::wire::Wire;
use base::{Error, Result, Severity, SqlState};
use protocol::{backend, frontend, utf8};
use scram::{Exchange, Secret, is_md5};
use settings::hba::{self, Client, HbaLine, Matcher, Method};
use settings::ident;
use std::net::IpAddr;
use std::time::{Instant, SystemTime};

/// A client that has been let in.
pub struct Authenticated {
    pub role: RoleLogin,
    /// `method:identity`, where the method vouches for a name.
    pub system_user: Option<String>,
}

struct Directory<'a>(&'a dyn Engine);

impl Matcher for Directory<'_> {
    fn captures(&self, pattern: &str, text: &str) -> Result<Option<Vec<Option<String>>>> {
        self.0.regex_captures(pattern, text)
    }

    fn is_member(&self, role: &str, group: &str) -> bool {
        role == group || self.0.is_member(role, group)
    }

    /// Only exact names are looked up: the name's addresses must contain the client's. Names of the form `.domain`
    /// would need reverse lookup, which std does not offer, and never match.
    fn host_matches(&self, host: &str, address: IpAddr) -> bool {
        use std::net::ToSocketAddrs;
        !host.starts_with('.')
            && (host, 0)
                .to_socket_addrs()
                .is_ok_and(|mut found| found.any(|a| a.ip().to_canonical() == address))
    }

    fn interfaces(&self) -> Vec<(IpAddr, IpAddr)> {
        sys::process::interfaces()
    }
}

#[track_caller]
fn fatal(state: SqlState, message: impl Into<String>) -> Error {
    Error::with_severity(Severity::Fatal, state, message)
}

/// Finds the line of pg_hba.conf for the client and carries out its method.
///
/// # Errors
/// FATAL `28000`, `28P01`, `08P01`, `0A000`.
pub fn authenticate(
    server: &Server,
    wire: &mut Wire,
    user: &str,
    database: &str,
    deadline: Instant,
) -> Result<Authenticated> {
    let engine = &*server.engine;
    let role = engine.role(user)?;
    let address = wire.transport.socket().client_address().map(|a| a.ip());
    let tls = wire.transport.is_tls();
    let client =
        Client { address, tls, database, role: user, role_exists: role.is_some(), replication: false };
    let lines = server.hba.load();
    let line = hba::find(&lines, &client, &Directory(engine))?.ok_or_else(|| no_entry(&client))?;
    let mut attempt = Attempt { server, wire, user, role: role.as_ref(), line, deadline };
    let system_user = match line.method {
        Method::Trust => None,
        Method::Reject | Method::ImplicitReject => return Err(rejected(&client)),
        Method::Password => attempt.password()?,
        // A stored SCRAM secret can only be checked by SCRAM; the older method gives way to it.
        Method::Md5 if !role.as_ref().is_some_and(|r| r.password.as_deref().is_some_and(is_md5)) => {
            attempt.scram()?
        }
        Method::Md5 => attempt.md5()?,
        Method::ScramSha256 => attempt.scram()?,
        Method::Peer => attempt.peer()?,
        other => {
            return Err(Error::unsupported(format!("authentication method \"{}\"", other.word()))
                .severity(Severity::Fatal));
        }
    };
    if server.logs_connections("authentication") {
        let place = format!("({}:{})", line.file.display(), line.line);
        let method = line.method.word();
        let message = match &system_user {
            Some(identity) => {
                let identity = identity.split_once(':').map_or(identity.as_str(), |(_, name)| name);
                format!("connection authenticated: identity=\"{identity}\" method={method} {place}")
            }
            None => format!("connection authenticated: user=\"{user}\" method={method} {place}"),
        };
        wire.log_line(message, None);
    }
    let role = role.ok_or_else(|| {
        fatal(SqlState::INVALID_AUTHORIZATION_SPECIFICATION, format!("role \"{user}\" does not exist"))
    })?;
    if !role.can_login {
        return Err(fatal(
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            format!("role \"{user}\" is not permitted to log in"),
        ));
    }
    Ok(Authenticated { role, system_user })
}

fn place(client: &Client) -> (String, &'static str) {
    let host = client.address.map_or("[local]".to_string(), |a| a.to_canonical().to_string());
    (host, if client.tls { "SSL encryption" } else { "no encryption" })
}

fn no_entry(client: &Client) -> Error {
    let (host, encryption) = place(client);
    fatal(
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
        format!(
            "no pg_hba.conf entry for host \"{host}\", user \"{}\", database \"{}\", {encryption}",
            client.role, client.database
        ),
    )
}

fn rejected(client: &Client) -> Error {
    let (host, encryption) = place(client);
    fatal(
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
        format!(
            "pg_hba.conf rejects connection for host \"{host}\", user \"{}\", database \"{}\", {encryption}",
            client.role, client.database
        ),
    )
}

struct Attempt<'a> {
    server: &'a Server,
    wire: &'a mut Wire,
    user: &'a str,
    role: Option<&'a RoleLogin>,
    line: &'a HbaLine,
    deadline: Instant,
}

impl Attempt<'_> {
    /// The failure of the line's method; `why` goes to the log alone.
    #[track_caller]
    fn failed(&mut self, why: &str) -> Error {
        let place = format!(
            "Connection matched file \"{}\" line {}: \"{}\"",
            self.line.file.display(),
            self.line.line,
            self.line.raw
        );
        let detail = if why.is_empty() { place } else { format!("{why}\n{place}") };
        self.wire.set_log_detail(detail);
        let (state, message) = match self.line.method {
            Method::Password | Method::Md5 | Method::ScramSha256 => {
                (SqlState::INVALID_PASSWORD, "password authentication failed for user")
            }
            Method::Peer => {
                (SqlState::INVALID_AUTHORIZATION_SPECIFICATION, "Peer authentication failed for user")
            }
            _ => (SqlState::INVALID_AUTHORIZATION_SPECIFICATION, "authentication failed for user"),
        };
        fatal(state, format!("{message} \"{}\"", self.user))
    }

    /// The stored password, or why there is none to compare with.
    fn stored(&self) -> std::result::Result<&str, String> {
        let user = self.user;
        let role = self.role.ok_or_else(|| format!("Role \"{user}\" does not exist."))?;
        let stored =
            role.password.as_deref().ok_or_else(|| format!("User \"{user}\" has no password assigned."))?;
        if role.valid_until.is_some_and(|until| until < SystemTime::now()) {
            return Err(format!("User \"{user}\" has an expired password."));
        }
        Ok(stored)
    }

    /// The next message, which must be an answer.
    fn answer(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        self.wire.flush()?;
        match self.wire.await_frame(&mut body, Some(self.deadline))? {
            b'p' => Ok(body),
            other => Err(fatal(
                SqlState::PROTOCOL_VIOLATION,
                format!("expected password response, got message type {other}"),
            )),
        }
    }

    fn given_password(&mut self) -> Result<String> {
        let body = self.answer()?;
        let password = utf8(frontend::password(&body)?)?;
        if password.is_empty() {
            return Err(fatal(SqlState::INVALID_PASSWORD, "empty password returned by client"));
        }
        Ok(password.to_string())
    }

    fn password(&mut self) -> Result<Option<String>> {
        backend::authentication_cleartext_password(self.wire.buffer());
        let password = self.given_password()?;
        match self.stored() {
            Ok(stored) if scram::verify_plain(stored, self.user, &password) => Ok(self.identity("password")),
            Ok(_) => Err(self.failed(&format!("Password does not match for user \"{}\".", self.user))),
            Err(why) => Err(self.failed(&why)),
        }
    }

    fn md5(&mut self) -> Result<Option<String>> {
        let salt = scram::random::<4>()?;
        backend::authentication_md5_password(self.wire.buffer(), salt);
        let given = self.given_password()?;
        match self.stored() {
            Ok(stored) if is_md5(stored) && scram::md5_answer(stored, salt) == given => {
                Ok(self.identity("md5"))
            }
            Ok(_) => Err(self.failed(&format!("Password does not match for user \"{}\".", self.user))),
            Err(why) => Err(self.failed(&why)),
        }
    }

    fn identity(&self, method: &str) -> Option<String> {
        Some(format!("{method}:{}", self.user))
    }

    fn scram(&mut self) -> Result<Option<String>> {
        let end_point = self
            .wire
            .transport
            .is_tls()
            .then(|| self.server.tls.load().as_ref().map(|tls| tls.end_point.clone()))
            .flatten();
        let iterations = self.server.settings.load().get(settings::SCRAM_ITERATIONS) as u32;
        let (secret, why) = match self.stored() {
            Ok(stored) => match Secret::parse(stored) {
                Some(secret) => (Some(secret), String::new()),
                None => (None, format!("User \"{}\" does not have a valid SCRAM secret.", self.user)),
            },
            Err(why) => (None, why),
        };
        let doomed = secret.is_none();
        let nonce = self.server.engine.mock_authentication_nonce();
        let secret = secret.unwrap_or_else(|| Secret::mock(self.user, &nonce, iterations));
        let offered: &[&str] =
            if end_point.is_some() { &["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"] } else { &["SCRAM-SHA-256"] };
        backend::authentication_sasl(self.wire.buffer(), offered);
        let body = self.answer()?;
        let (mechanism, first) = frontend::sasl_initial_response(&body)?;
        let mechanism = utf8(mechanism)?.to_string();
        if !offered.contains(&mechanism.as_str()) {
            return Err(fatal(
                SqlState::PROTOCOL_VIOLATION,
                "client selected an invalid SASL authentication mechanism",
            ));
        }
        let mut exchange = Exchange::new(secret, doomed, &mechanism, end_point);
        let first = match first {
            Some(first) => first.to_vec(),
            None => {
                backend::authentication_sasl_continue(self.wire.buffer(), b"");
                self.answer()?
            }
        };
        let challenge = exchange.first(&first)?;
        backend::authentication_sasl_continue(self.wire.buffer(), challenge.as_bytes());
        let last = self.answer()?;
        match exchange.finish(&last)? {
            Some(proof) => {
                backend::authentication_sasl_final(self.wire.buffer(), proof.as_bytes());
                Ok(self.identity("scram-sha-256"))
            }
            None => Err(self.failed(&why)),
        }
    }

    fn peer(&mut self) -> Result<Option<String>> {
        let uid = sys::process::peer_user(self.wire.transport.socket()).map_err(|error| {
            fatal(SqlState::CONNECTION_FAILURE, format!("could not get peer credentials: {error}"))
        })?;
        let Some(name) = sys::process::user_name(uid) else {
            return Err(self.failed(&format!("local user with ID {uid} does not exist")));
        };
        let lines = self.server.ident.load();
        let permitted = ident::permits(
            &lines,
            self.line.option("map"),
            &name,
            self.user,
            &Directory(&*self.server.engine),
        )?;
        if permitted {
            return Ok(Some(format!("peer:{name}")));
        }
        Err(self.failed(&format!(
            "provided user name ({}) and authenticated user name ({name}) do not match",
            self.user
        )))
    }
}
