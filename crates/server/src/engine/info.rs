//! What SQL functions ask about the server: its sessions, its counters, its signals.

use super::database::{Connected, Database};
use crate::interrupt::Reason;
use base::{Error, Oid, Result, SqlState, err};
use catalog::Session;
use commands::statistics;
use commands::statistics::{DatabaseStatistics, RelationStatistics};
use datum::{Datum, OwnedDatum, Row};
use functions::hooks::ServerInfo;
use settings::{Assigner, Scope, Source};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// The server as functions see it. Sessions hold it, so it does not hold the server.
pub struct Info(pub Weak<Database>);

/// What a session is doing, for pg_stat_activity.
#[derive(Clone, Default)]
pub struct Activity {
    pub state: &'static str,
    pub query: Arc<str>,
    pub query_start: Option<i64>,
    pub transaction_start: Option<i64>,
    pub state_change: i64,
}

impl Info {
    fn database(&self) -> Result<Arc<Database>> {
        self.0.upgrade().ok_or_else(|| Error::internal("the server is gone"))
    }

    /// Whether the session may see and stop what another one of `role` does.
    fn signal(&self, session: &Session, pid: i32, reason: Reason, action: &str) -> Result<bool> {
        const PG_SIGNAL_BACKEND: Oid = Oid(4200);
        let database = self.database()?;
        let connected = database.connected.lock();
        let Some(target) = u32::try_from(pid).ok().and_then(|pid| connected.get(&pid)) else {
            let text = format!("PID {pid} is not a PostgreSQL backend process");
            session.notice(Error::with_severity(base::Severity::Warning, SqlState::WARNING, text));
            return Ok(false);
        };
        let user = session.user();
        let word = if action == "terminate" { "terminate process" } else { "cancel query" };
        if session.is_superuser(target.role)? && !session.is_superuser(user)? {
            return Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied to {word}").detail(format!(
                "Only roles with the SUPERUSER attribute may {action} {} of roles with the SUPERUSER attribute.",
                if action == "terminate" { "processes" } else { "queries" }
            )));
        }
        if !session.has_role(user, target.role)? && !session.has_role(user, PG_SIGNAL_BACKEND)? {
            return Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied to {word}").detail(format!(
                "Only roles with privileges of the role whose {} is being {action}{} or with privileges of the \"pg_signal_backend\" role may {action} this {}.",
                if action == "terminate" { "process" } else { "query" },
                if action == "terminate" { "d" } else { "ed" },
                if action == "terminate" { "process" } else { "query" },
            )));
        }
        target.interrupt.raise(reason);
        Ok(true)
    }
}

/// One row of pg_stat_get_activity. Addresses are left out: the type inet has no body yet.
fn activity_row(pid: u32, connected: &Connected, visible: bool) -> Row {
    let activity = connected.activity.lock().clone();
    let text = |text: &str| Some(OwnedDatum::from(text));
    let time = |time: i64| Some(OwnedDatum::Int8(time));
    let mut row: Row = vec![None; 31];
    row[0] = Some(connected.database.into());
    row[1] = Some(OwnedDatum::Int4(pid as i32));
    row[2] = Some(connected.role.into());
    row[3] = text(connected.session.settings().get(settings::APPLICATION_NAME));
    if visible {
        row[4] = text(activity.state);
        row[5] = text(&activity.query);
        if activity.state != "active" {
            row[6] = text("Client");
            row[7] = text("ClientRead");
        }
        row[8] = activity.transaction_start.and_then(time);
        row[9] = activity.query_start.and_then(time);
        row[10] = time(connected.started);
        row[11] = time(activity.state_change);
        row[15] = connected
            .session
            .current_transaction()
            .and_then(|t| t.top_xid_if_assigned().map(|xid| OwnedDatum::Int4(xid.low() as i32)));
        row[16] =
            connected.session.transaction_session().xmin().map(|xid| OwnedDatum::Int4(xid.low() as i32));
    } else {
        row[5] = text("<insufficient privilege>");
    }
    // PostgreSQL shows -1 for Unix sockets.
    row[14] =
        visible.then(|| OwnedDatum::Int4(connected.client.map_or(-1, |client| i32::from(client.port()))));
    row[17] = text("client backend");
    row[18] = Some(OwnedDatum::Bool(connected.tls));
    row[25] = Some(OwnedDatum::Bool(false));
    row[27] = Some(OwnedDatum::Bool(false));
    row[28] = Some(OwnedDatum::Bool(false));
    row
}

impl ServerInfo for Info {
    fn started_at(&self) -> i64 {
        self.0.upgrade().map_or(0, |database| database.started)
    }

    fn configuration_loaded_at(&self) -> i64 {
        self.0.upgrade().map_or(0, |database| *database.configured.lock())
    }

    fn is_in_recovery(&self) -> bool {
        false
    }

    fn activity(&self, session: &Session, pid: Option<i32>) -> Result<Vec<Row>> {
        const PG_READ_ALL_STATS: Oid = Oid(3375);
        let database = self.database()?;
        let user = session.user();
        let sees_all = session.has_role(user, PG_READ_ALL_STATS)?;
        let connected = database.connected.lock();
        let mut rows = Vec::new();
        for (process, other) in connected.iter() {
            if pid.is_none_or(|pid| pid == *process as i32) {
                let visible = sees_all || session.has_role(user, other.role)?;
                rows.push(activity_row(*process, other, visible));
            }
        }
        Ok(rows)
    }

    fn cancel(&self, session: &Session, pid: i32) -> Result<bool> {
        self.signal(session, pid, Reason::Cancel, "cancel")
    }

    fn terminate(&self, session: &Session, pid: i32, timeout_ms: i64) -> Result<bool> {
        let sent = self.signal(session, pid, Reason::Terminate, "terminate")?;
        let deadline = Instant::now() + Duration::from_millis(timeout_ms.max(0) as u64);
        while sent && Instant::now() < deadline {
            session.interrupt_check()?;
            if !self.database()?.connected.lock().contains_key(&(pid as u32)) {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(sent)
    }

    fn reload_configuration(&self, _: &Session) -> Result<bool> {
        Ok(sys::process::send_signal(std::process::id(), sys::process::Signal::Hangup).is_ok())
    }

    fn statistic(&self, session: &Session, name: &str, object: Oid) -> Result<Option<OwnedDatum>> {
        let shared = statistics::of(session);
        if let Some(counter) = name.strip_prefix("db_") {
            if counter == "numbackends" {
                let database = self.database()?;
                let count = database.connected.lock().values().filter(|c| c.database == object).count();
                return Ok(Some(OwnedDatum::Int4(count as i32)));
            }
            return Ok(database_counter(&shared.database(object), counter));
        }
        let relation = shared.relation(session.database(), object).unwrap_or_default();
        Ok(relation_counter(&relation, name))
    }

    fn rows(&self, session: &Session, source: &str, _: &[Option<Datum<'_>>]) -> Result<Vec<Row>> {
        match source {
            "pg_available_extensions"
            | "pg_available_extension_versions"
            | "pg_prepared_xact"
            | "pg_stat_get_wal_senders"
            | "pg_get_replication_slots"
            | "pg_stat_get_subscription"
            | "pg_stat_get_progress_info" => Ok(Vec::new()),
            "pg_stat_get_backend_idset" => {
                let database = self.database()?;
                let numbers: Vec<u32> = database.connected.lock().values().map(|c| c.number).collect();
                Ok(numbers.into_iter().map(|n| vec![Some(OwnedDatum::Int4(n as i32))]).collect())
            }
            "pg_prepared_statement" | "pg_cursor" => {
                Ok(super::session::listing(session, source == "pg_cursor"))
            }
            other => Err(Error::unsupported(format!("function {other}"))),
        }
    }

    fn reset(&self, session: &Session, source: &str, object: Oid) -> Result<()> {
        let shared = statistics::of(session);
        match source {
            "pg_stat_reset" => shared.reset_database(session.database()),
            "pg_stat_reset_single_table_counters" => shared.reset_relation(session.database(), object),
            other => return Err(Error::unsupported(format!("function {other}"))),
        }
        Ok(())
    }

    fn addresses(&self, session: &Session) -> Option<((String, u16), (String, u16))> {
        let database = self.0.upgrade()?;
        let connected = database.connected.lock();
        let own = connected.values().find(|c| std::ptr::eq(&*c.session, session))?;
        let (client, server) = (own.client?, own.server?);
        Some(((client.ip().to_string(), client.port()), (server.ip().to_string(), server.port())))
    }

    fn notify(&self, _: &Session, _: &str, _: &str) -> Result<()> {
        Err(Error::unsupported("NOTIFY"))
    }

    fn listening_channels(&self, _: &Session) -> Vec<String> {
        Vec::new()
    }

    fn current_query(&self, session: &Session) -> Option<String> {
        let database = self.0.upgrade()?;
        let connected = database.connected.lock();
        let own = connected.values().find(|c| std::ptr::eq(&*c.session, session))?;
        let query = own.activity.lock().query.to_string();
        Some(query)
    }

    fn set_parameter(
        &self,
        session: &Session,
        name: &str,
        value: Option<&str>,
        local: bool,
    ) -> Result<String> {
        let superuser = session.is_superuser(session.user())?;
        let who = Assigner {
            source: Source::Session,
            superuser,
            granted: &|_| false,
            checks: &commands::SettingChecks,
            restricted: false,
        };
        let scope = if local { Scope::Local } else { Scope::Session };
        let mut settings = session.settings();
        settings.set(name, value, scope, &who)?;
        settings.show(name)
    }
}

/// pg_stat_get_NAME of a relation; `None` for times that never were and for what is not counted.
fn relation_counter(counts: &RelationStatistics, name: &str) -> Option<OwnedDatum> {
    let time = |time: i64| (time != 0).then_some(OwnedDatum::Int8(time));
    let milliseconds = |ms: i64| Some(OwnedDatum::Float8(ms as f64));
    let count = match name {
        "numscans" => counts.seq_scans + counts.index_scans,
        "tuples_returned" => counts.seq_rows_read + counts.index_entries_read,
        "tuples_fetched" => counts.index_rows_fetched,
        "tuples_inserted" => counts.inserted,
        "tuples_updated" => counts.updated,
        "tuples_deleted" => counts.deleted,
        "tuples_hot_updated" => counts.hot_updated,
        "tuples_newpage_updated" => counts.new_page_updated,
        "live_tuples" => counts.live,
        "dead_tuples" => counts.dead,
        "mod_since_analyze" => counts.changed_since_analyze,
        "ins_since_vacuum" => counts.inserted_since_vacuum,
        "blocks_fetched" => counts.blocks_read + counts.blocks_hit,
        "blocks_hit" => counts.blocks_hit,
        "vacuum_count" => counts.vacuums,
        "autovacuum_count" => counts.autovacuums,
        "analyze_count" => counts.analyzes,
        "autoanalyze_count" => counts.autoanalyzes,
        "last_vacuum_time" => return time(counts.last_vacuum),
        "last_autovacuum_time" => return time(counts.last_autovacuum),
        "last_analyze_time" => return time(counts.last_analyze),
        "last_autoanalyze_time" => return time(counts.last_autoanalyze),
        "lastscan" => return time(counts.last_seq_scan.max(counts.last_index_scan)),
        "total_vacuum_time" => return milliseconds(counts.vacuum_ms),
        "total_autovacuum_time" => return milliseconds(counts.autovacuum_ms),
        "total_analyze_time" => return milliseconds(counts.analyze_ms),
        "total_autoanalyze_time" => return milliseconds(counts.autoanalyze_ms),
        _ => return None,
    };
    Some(OwnedDatum::Int8(count))
}

/// pg_stat_get_db_NAME; `None` for what is not counted.
fn database_counter(counts: &DatabaseStatistics, name: &str) -> Option<OwnedDatum> {
    let count = match name {
        "xact_commit" => counts.commits,
        "xact_rollback" => counts.rollbacks,
        "blocks_fetched" => counts.blocks_read + counts.blocks_hit,
        "blocks_hit" => counts.blocks_hit,
        "tuples_returned" => counts.rows_returned,
        "tuples_fetched" => counts.rows_fetched,
        "tuples_inserted" => counts.rows_inserted,
        "tuples_updated" => counts.rows_updated,
        "tuples_deleted" => counts.rows_deleted,
        "temp_files" => counts.temp_files,
        "temp_bytes" => counts.temp_bytes,
        "deadlocks" => counts.deadlocks,
        "sessions" => counts.sessions,
        "stat_reset_time" => return (counts.reset_at != 0).then_some(OwnedDatum::Int8(counts.reset_at)),
        _ => return None,
    };
    Some(OwnedDatum::Int8(count))
}
