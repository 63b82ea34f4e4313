//! One client's session: its statements, portals and transaction.

mod cursor;
mod extended;
mod portal;
mod run;
mod transaction;
mod utility;

pub use portal::Portal;
pub use transaction::Block;

use super::database::Database;
use super::info::Activity;
use super::plans::Prepared;
use crate::interrupt::{Interrupt, Reason};
use crate::scheduler::{Timer, Timers};
use crate::session::engine_api::{EngineSession, Output};
use base::{Oid, Result, Severity};
use catalog::Session;
use datum::{OwnedDatum, Row};
use parking_lot::{Mutex, MutexGuard};
use protocol::backend::TransactionStatus;
use settings::SessionSettings;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The engine's side of a session.
pub struct ClientSession {
    pub(super) database: Arc<Database>,
    pub(super) session: Arc<Session>,
    pub(super) process_id: u32,
    block: Block,
    /// By name; "" is the unnamed one.
    statements: HashMap<String, NamedStatement>,
    portals: HashMap<String, Portal>,
    query: Arc<str>,
    /// Statements of one simple message run in one implicit transaction.
    in_message: bool,
    activity: Arc<Mutex<Activity>>,
    deadlines: Deadlines,
    listing: Arc<Listing>,
}

/// What raises transaction_timeout.
pub struct Deadlines {
    timers: Arc<Timers>,
    interrupt: Arc<Interrupt>,
    transaction: Option<Timer>,
}

impl Deadlines {
    pub fn new(timers: Arc<Timers>, interrupt: Arc<Interrupt>) -> Deadlines {
        Deadlines { timers, interrupt, transaction: None }
    }

    /// Follows the setting, from a transaction's first statement on; a running deadline stays where it is.
    fn follow(&mut self, transaction_timeout_ms: i64) {
        let Ok(milliseconds @ 1..) = u64::try_from(transaction_timeout_ms) else {
            self.transaction = None;
            return;
        };
        self.transaction.get_or_insert_with(|| {
            self.timers.set(Duration::from_millis(milliseconds), &self.interrupt, Reason::TransactionTimeout)
        });
    }

    fn end_transaction(&mut self) {
        self.transaction = None;
    }
}

/// A prepared statement: `None` for an empty text.
#[derive(Clone)]
pub struct NamedStatement {
    prepared: Option<Arc<Prepared>>,
    /// The types the client gave, 0 where it left them open.
    given_types: Vec<Oid>,
    /// Made by SQL's PREPARE.
    from_sql: bool,
    prepared_at: i64,
}

impl ClientSession {
    pub fn new(
        database: Arc<Database>,
        session: Arc<Session>,
        process_id: u32,
        activity: Arc<Mutex<Activity>>,
        deadlines: Deadlines,
    ) -> ClientSession {
        let listing = session.extension(LISTING, Listing::default);
        ClientSession {
            activity,
            deadlines,
            listing,
            database,
            session,
            process_id,
            block: Block::Idle,
            statements: HashMap::new(),
            portals: HashMap::new(),
            query: "".into(),
            in_message: false,
        }
    }

    /// Hands on what the statement had to say.
    pub(super) fn send_notices(&self, out: &mut dyn Output) {
        let notices = self.session.take_notices();
        if notices.is_empty() {
            return;
        }
        let least = least_severity(&self.session.settings());
        for notice in notices {
            let severity = notice.data().severity;
            if severity == Severity::Info || severity >= least {
                out.notice(&notice);
            }
        }
    }
}

/// What pg_prepared_statements and pg_cursors show of a session: its rows, as of its last statement.
#[derive(Default)]
struct Listing {
    statements: Mutex<Vec<Row>>,
    cursors: Mutex<Vec<Row>>,
}

const REGTYPE: Oid = Oid(2206);

const LISTING: &str = "prepared statements and cursors";

/// The rows of pg_cursors, or of pg_prepared_statements.
pub fn listing(session: &Session, cursors: bool) -> Vec<Row> {
    let listing = session.extension(LISTING, Listing::default);
    let rows = if cursors { &listing.cursors } else { &listing.statements };
    rows.lock().clone()
}

impl ClientSession {
    /// Brings the listing up to date before a statement may look at it.
    fn list(&self) {
        let text = |text: &str| Some(OwnedDatum::from(text));
        let time = |time: i64| Some(OwnedDatum::Int8(time));
        // Of regtype, so that they show as names.
        let element = functions::array::ElementType::of(&self.session, REGTYPE).ok();
        let type_names = |types: &[Oid]| {
            let values = types.iter().map(|oid| Some(datum::Datum::from(*oid)));
            Some(OwnedDatum::Bytes(element.as_ref()?.array(values).ok()?.into()))
        };
        let mut statements = Vec::new();
        for (name, statement) in self.statements.iter().filter(|(name, _)| !name.is_empty()) {
            let Some(prepared) = &statement.prepared else { continue };
            let (generic, custom) = prepared.uses();
            statements.push(vec![
                text(name),
                text(&prepared.sql),
                time(statement.prepared_at),
                type_names(&prepared.param_types),
                prepared.result_types().and_then(|types| type_names(&types)),
                Some(OwnedDatum::Bool(statement.from_sql)),
                Some(OwnedDatum::Int8(generic as i64)),
                Some(OwnedDatum::Int8(custom as i64)),
            ]);
        }
        let mut cursors = Vec::new();
        for (name, portal) in &self.portals {
            let (Some(cursor), Some(prepared)) = (&portal.cursor, &portal.prepared) else { continue };
            let flags = [cursor.hold, cursor.binary, cursor.scroll].map(|flag| Some(OwnedDatum::Bool(flag)));
            let [hold, binary, scroll] = flags;
            cursors.push(vec![
                text(name),
                text(&prepared.sql),
                hold,
                binary,
                scroll,
                time(cursor.declared_at),
            ]);
        }
        *self.listing.statements.lock() = statements;
        *self.listing.cursors.lock() = cursors;
    }

    /// pg_stat_activity: a statement begins.
    fn begin_activity(&self) {
        let now = self.session.instance().system.clock.timestamp();
        let mut activity = self.activity.lock();
        activity.state = "active";
        activity.query = self.query.clone();
        activity.query_start = Some(now);
        activity.state_change = now;
    }

    /// pg_stat_activity: the session waits for its client.
    fn end_activity(&self) {
        let mut activity = self.activity.lock();
        activity.state = match self.block {
            Block::Idle | Block::Implicit => "idle",
            Block::Explicit => "idle in transaction",
            Block::Failed => "idle in transaction (aborted)",
        };
        activity.state_change = self.session.instance().system.clock.timestamp();
        activity.transaction_start = self.session.current_transaction().map(|t| t.started_at());
    }
}

/// client_min_messages as a severity.
fn least_severity(settings: &SessionSettings) -> Severity {
    match settings.get(settings::CLIENT_MIN_MESSAGES) {
        settings::ClientMessageLevel::Log => Severity::Log,
        settings::ClientMessageLevel::Notice => Severity::Notice,
        settings::ClientMessageLevel::Warning => Severity::Warning,
        settings::ClientMessageLevel::Error => Severity::Error,
        _ => Severity::Debug,
    }
}

impl EngineSession for ClientSession {
    fn simple_query(&mut self, sql: &str, out: &mut dyn Output) -> Result<()> {
        self.in_message = true;
        let result = self.run_message(sql, out);
        self.in_message = false;
        self.send_notices(out);
        result?;
        self.session.transaction_session().answer_barrier()
    }

    fn parse(&mut self, name: &str, sql: &str, parameter_types: &[Oid]) -> Result<()> {
        self.parse_message(name, sql, parameter_types)
    }

    fn bind(
        &mut self,
        portal: &str,
        statement: &str,
        formats: &[i16],
        parameters: &[Option<&[u8]>],
        result_formats: &[i16],
    ) -> Result<()> {
        self.bind_message(portal, statement, formats, parameters, result_formats)
    }

    fn describe_statement(&mut self, name: &str, out: &mut dyn Output) -> Result<()> {
        self.describe_statement_message(name, out)
    }

    fn describe_portal(&mut self, name: &str, out: &mut dyn Output) -> Result<()> {
        self.describe_portal_message(name, out)
    }

    fn execute(&mut self, portal: &str, max_rows: u32, out: &mut dyn Output) -> Result<()> {
        let result = self.execute_message(portal, max_rows, out);
        self.send_notices(out);
        result
    }

    fn close_statement(&mut self, name: &str) -> Result<()> {
        self.statements.remove(name);
        Ok(())
    }

    fn close_portal(&mut self, name: &str) -> Result<()> {
        self.portals.remove(name);
        Ok(())
    }

    fn sync(&mut self, out: &mut dyn Output) -> Result<()> {
        let ended = self.end_implicit();
        self.send_notices(out);
        ended?;
        self.session.transaction_session().answer_barrier()
    }

    fn abort_on_error(&mut self) {
        self.in_message = false;
        self.fail();
        if let Err(error) = self.session.transaction_session().answer_barrier() {
            self.session.notice(error.severity(Severity::Warning));
        }
    }

    fn transaction_status(&self) -> TransactionStatus {
        match self.block {
            Block::Idle | Block::Implicit => TransactionStatus::Idle,
            Block::Explicit => TransactionStatus::InTransaction,
            Block::Failed => TransactionStatus::Failed,
        }
    }

    fn settings(&self) -> MutexGuard<'_, SessionSettings> {
        self.session.settings()
    }

    fn current_query(&self) -> &str {
        &self.query
    }

    fn idle_events(&mut self, _: &mut dyn Output) -> Result<()> {
        Ok(()) // LISTEN, which would have some, answers 0A000
    }

    fn going_idle(&mut self) {
        self.end_activity();
        if self.portals.is_empty() {
            self.portals.shrink_to_fit();
        }
    }

    fn terminate(&mut self) {
        self.rollback();
        commands::end_session(&self.session);
    }
}

impl Drop for ClientSession {
    fn drop(&mut self) {
        self.rollback();
        self.database.disconnected(self.process_id);
    }
}
