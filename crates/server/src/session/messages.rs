//! The state machine of an established session: one message at a time.

use super::Session;
use super::engine_api::{EngineSession, Output};
use super::wire::is_lost;
use crate::interrupt::Reason;
use base::{Error, Oid, Result, Severity, bail};
use protocol::backend;
use protocol::frontend::{self, Bind, Message, Target};
use protocol::utf8;
use settings::LogStatement;
use std::time::{Duration, Instant};

/// What a message leads to besides its answers.
enum Step {
    Continue,
    /// ReadyForQuery is due.
    Ready,
    Terminate,
}

impl Session {
    /// Handles one message; `false` when the client has said goodbye.
    ///
    /// # Errors
    /// FATAL ones only: the session ends.
    pub(super) fn handle(&mut self, kind: u8) -> Result<bool> {
        self.follow_settings();
        let body = std::mem::take(&mut self.body);
        let step = self.step(kind, &body);
        self.body = body;
        let step = match step {
            Ok(step) => step,
            Err(error) => self.fail(kind, error)?,
        };
        match step {
            Step::Terminate => return Ok(false),
            Step::Ready => self.become_ready()?,
            Step::Continue => {}
        }
        self.wire.drain()?;
        Ok(true)
    }

    /// Reports an error of the message at hand and puts the protocol into the state that follows.
    fn fail(&mut self, kind: u8, error: Error) -> Result<Step> {
        if error.data().severity >= Severity::Fatal || is_lost(&error) {
            return Err(error);
        }
        self.statement_timer = None;
        self.wire.end_copy();
        let engine = self.engine.as_deref_mut().expect("an established session has an engine");
        let statement = match kind {
            b'Q' | b'P' => query_text(kind, &self.body),
            _ => Some(engine.current_query().to_string()),
        };
        engine.abort_on_error();
        self.wire.report(&error, Some(&engine.settings()), statement.as_deref());
        if matches!(kind, b'P' | b'B' | b'D' | b'E' | b'C' | b'H') {
            self.skip_to_sync = true;
            // A Flush that follows is skipped, and its sender waits for this error before it sends Sync.
            self.wire.flush()?;
            return Ok(Step::Continue);
        }
        self.skip_to_sync = false;
        Ok(Step::Ready)
    }

    /// Statement deadlines and leftover cancel requests concern one statement at a time.
    fn become_ready(&mut self) -> Result<()> {
        self.statement_timer = None;
        self.control.interrupt.clear_statement();
        let engine = self.engine.as_deref_mut().expect("an established session has an engine");
        let mut settings = engine.settings();
        if settings.has_reports() {
            for (name, value) in settings.take_reports() {
                if &*name == "application_name" {
                    self.wire.log.application.clone_from(&value);
                }
                backend::parameter_status(self.wire.buffer(), &name, &value);
            }
        }
        drop(settings);
        let status = engine.transaction_status();
        backend::ready_for_query(self.wire.buffer(), status);
        self.ready = true;
        self.wire.flush()
    }

    fn follow_settings(&mut self) {
        let server = self.server.settings.load();
        if let Some(engine) = &mut self.engine {
            engine.settings().follow(&server);
        }
    }

    fn start_statement_timer(&mut self) {
        if self.statement_timer.is_some() {
            return;
        }
        let timeout_ms = self.engine_ref().settings().get(settings::STATEMENT_TIMEOUT);
        if timeout_ms > 0 {
            let delay = Duration::from_millis(timeout_ms as u64);
            let timer = self.server.timers.set(delay, &self.control.interrupt, Reason::StatementTimeout);
            self.statement_timer = Some(timer);
        }
    }

    fn step(&mut self, kind: u8, body: &[u8]) -> Result<Step> {
        // Sync and Terminate are heeded in every state.
        if self.skip_to_sync && !matches!(kind, b'S' | b'X') {
            return Ok(Step::Continue);
        }
        match frontend::decode(kind, body)? {
            Message::Query(sql) => {
                self.start_statement_timer();
                self.simple_query(utf8(sql)?)?;
                Ok(Step::Ready)
            }
            Message::Parse { name, query, types } => {
                self.start_statement_timer();
                self.parse(utf8(name)?, utf8(query)?, &types)
            }
            Message::Bind(bind) => {
                self.start_statement_timer();
                self.bind(&bind)
            }
            Message::Describe(target) => {
                let (engine, wire) = self.parts();
                match target {
                    Target::Statement(name) => engine.describe_statement(utf8(name)?, wire)?,
                    Target::Portal(name) => engine.describe_portal(utf8(name)?, wire)?,
                }
                Ok(Step::Continue)
            }
            Message::Execute { portal, max_rows } => {
                self.start_statement_timer();
                self.execute(utf8(portal)?, u32::try_from(max_rows).unwrap_or(0))
            }
            Message::Close(target) => {
                let (engine, wire) = self.parts();
                match target {
                    Target::Statement(name) => engine.close_statement(utf8(name)?)?,
                    Target::Portal(name) => engine.close_portal(utf8(name)?)?,
                }
                backend::close_complete(wire.buffer());
                Ok(Step::Continue)
            }
            Message::Flush => {
                self.wire.flush()?;
                Ok(Step::Continue)
            }
            Message::Sync => {
                self.skip_to_sync = false;
                let (engine, wire) = self.parts();
                engine.sync(wire)?;
                Ok(Step::Ready)
            }
            Message::FunctionCall => {
                bail!(FEATURE_NOT_SUPPORTED, "fastpath function calls are not supported yet")
            }
            // Left over from a COPY that failed: to be ignored.
            Message::CopyData(_) | Message::CopyDone | Message::CopyFail(_) => Ok(Step::Continue),
            Message::Terminate => Ok(Step::Terminate),
            Message::Authentication(_) => {
                Err(base::err!(PROTOCOL_VIOLATION, "invalid frontend message type {kind}")
                    .severity(Severity::Fatal))
            }
        }
    }

    fn parts(&mut self) -> (&mut dyn EngineSession, &mut super::wire::Wire) {
        let engine = self.engine.as_deref_mut().expect("an established session has an engine");
        (engine, &mut self.wire)
    }

    fn simple_query(&mut self, sql: &str) -> Result<()> {
        let started = Instant::now();
        let logged = self.log_statement(|| format!("statement: {sql}"));
        let (engine, wire) = self.parts();
        engine.simple_query(sql, wire)?;
        self.log_duration(started, logged, || format!("statement: {sql}"));
        Ok(())
    }

    fn parse(&mut self, name: &str, sql: &str, types: &[Oid]) -> Result<Step> {
        let started = Instant::now();
        let (engine, wire) = self.parts();
        engine.parse(name, sql, types)?;
        backend::parse_complete(wire.buffer());
        self.log_duration(started, false, || format!("parse {}: {sql}", unnamed(name)));
        Ok(Step::Continue)
    }

    fn bind(&mut self, bind: &Bind) -> Result<Step> {
        let started = Instant::now();
        let (portal, statement) = (utf8(bind.portal)?, utf8(bind.statement)?);
        if let Some(code) =
            bind.formats.iter().chain(&bind.result_formats).find(|code| !(0..=1).contains(*code))
        {
            bail!(INVALID_PARAMETER_VALUE, "unsupported format code: {code}");
        }
        let (engine, wire) = self.parts();
        engine.bind(portal, statement, &bind.formats, &bind.parameters, &bind.result_formats)?;
        backend::bind_complete(wire.buffer());
        self.log_duration(started, false, || format!("bind {}", unnamed(statement)));
        Ok(Step::Continue)
    }

    fn execute(&mut self, portal: &str, max_rows: u32) -> Result<Step> {
        let started = Instant::now();
        let (engine, wire) = self.parts();
        engine.execute(portal, max_rows, wire)?;
        let text = |session: &Session| {
            format!("execute {}: {}", unnamed(portal), session.engine_ref().current_query())
        };
        if self.engine_ref().settings().get(settings::LOG_STATEMENT) == LogStatement::All {
            let line = text(self);
            self.log(line);
        }
        if self.durations_logged() {
            let line = text(self);
            self.log_duration(started, false, || line);
        }
        Ok(Step::Continue)
    }

    /// log_statement = all. The narrower settings need to know what a statement is; the engine logs by them.
    fn log_statement(&mut self, text: impl Fn() -> String) -> bool {
        let all = self.engine_ref().settings().get(settings::LOG_STATEMENT) == LogStatement::All;
        if all {
            self.log(text());
        }
        all
    }

    fn durations_logged(&self) -> bool {
        let settings = self.engine_ref().settings();
        settings.get(settings::LOG_DURATION) || settings.get(settings::LOG_MIN_DURATION_STATEMENT) >= 0
    }

    fn log_duration(&mut self, started: Instant, statement_logged: bool, text: impl FnOnce() -> String) {
        if !self.durations_logged() {
            return;
        }
        let (threshold, always) = {
            let settings = self.engine_ref().settings();
            (settings.get(settings::LOG_MIN_DURATION_STATEMENT), settings.get(settings::LOG_DURATION))
        };
        let elapsed = started.elapsed();
        let exceeded = threshold >= 0 && elapsed.as_millis() >= threshold as u128;
        let duration = format!("duration: {:.3} ms", elapsed.as_secs_f64() * 1000.0);
        if exceeded && !statement_logged {
            self.log(format!("{duration}  {}", text()));
        } else if exceeded || always {
            self.log(duration);
        }
    }
}

fn unnamed(name: &str) -> &str {
    if name.is_empty() { "<unnamed>" } else { name }
}

/// The statement in a Query or Parse message, for error positions.
fn query_text(kind: u8, body: &[u8]) -> Option<String> {
    let text = match frontend::decode(kind, body).ok()? {
        Message::Query(sql) => sql,
        Message::Parse { query, .. } => query,
        _ => return None,
    };
    utf8(text).ok().map(str::to_string)
}
