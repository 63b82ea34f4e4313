//! What functions need from layers above: given to the session when it is made.

use base::{Error, Oid, Result};
use catalog::Session;
use datum::Row;
use std::sync::{Arc, OnceLock};

/// Turns stored definitions back into SQL. `None` is NULL: there is no such object.
pub trait Deparser: Send + Sync {
    /// pg_get_expr: a stored expression over the columns of `relation` (0: none).
    fn expression(
        &self,
        session: &Session,
        tree: &str,
        relation: Oid,
        pretty: bool,
    ) -> Result<Option<String>>;
    /// pg_get_viewdef. `wrap`: the column at which target lists are broken, if they are.
    fn view(&self, session: &Session, view: Oid, pretty: bool, wrap: Option<i32>) -> Result<Option<String>>;
    fn rule(&self, session: &Session, rule: Oid, pretty: bool) -> Result<Option<String>>;
    /// pg_get_indexdef; `column` 0 is the whole statement.
    fn index(&self, session: &Session, index: Oid, column: i32, pretty: bool) -> Result<Option<String>>;
    fn constraint(&self, session: &Session, constraint: Oid, pretty: bool) -> Result<Option<String>>;
    fn trigger(&self, session: &Session, trigger: Oid, pretty: bool) -> Result<Option<String>>;
    /// pg_get_functiondef: the whole CREATE statement.
    fn function(&self, session: &Session, function: Oid) -> Result<Option<String>>;
    /// pg_get_function_arguments, or with `identity` pg_get_function_identity_arguments.
    fn function_arguments(&self, session: &Session, function: Oid, identity: bool) -> Result<Option<String>>;
    fn function_result(&self, session: &Session, function: Oid) -> Result<Option<String>>;
    fn function_body(&self, session: &Session, function: Oid) -> Result<Option<String>>;
    fn function_default(&self, session: &Session, function: Oid, argument: i32) -> Result<Option<String>>;
    fn partition_key(&self, session: &Session, relation: Oid) -> Result<Option<String>>;
    fn partition_constraint(&self, session: &Session, relation: Oid) -> Result<Option<String>>;
    /// pg_relation_is_updatable: bits of the events. With `attribute`, those that write this one.
    fn updatable(
        &self,
        session: &Session,
        relation: Oid,
        triggers: bool,
        attribute: Option<i16>,
    ) -> Result<i32>;
    /// pg_get_statisticsobjdef, or with `columns` only what stands between ON and FROM.
    fn statistics(&self, session: &Session, statistics: Oid, columns: bool) -> Result<Option<String>>;
    /// pg_get_statisticsobjdef_expressions: each of its expressions.
    fn statistics_expressions(&self, session: &Session, statistics: Oid) -> Result<Option<Vec<String>>>;
}

/// What only the server knows: its sessions and its counters.
pub trait ServerInfo: Send + Sync {
    /// Microseconds since 2000-01-01.
    fn started_at(&self) -> i64;
    fn configuration_loaded_at(&self) -> i64;
    fn is_in_recovery(&self) -> bool;
    /// Rows of pg_stat_get_activity, of all sessions or that of one process.
    fn activity(&self, session: &Session, pid: Option<i32>) -> Result<Vec<Row>>;
    /// # Errors
    /// `42501` when the session may not.
    fn cancel(&self, session: &Session, pid: i32) -> Result<bool>;
    /// # Errors
    /// `42501` when the session may not.
    fn terminate(&self, session: &Session, pid: i32, timeout_ms: i64) -> Result<bool>;
    fn reload_configuration(&self, session: &Session) -> Result<bool>;
    /// A counter or time of pg_stat_get_*, by the function's name without that prefix, for an object (0: none).
    fn statistic(&self, session: &Session, name: &str, object: Oid) -> Result<Option<datum::OwnedDatum>>;
    /// The rows of a set-returning pg_stat_get_* or other server view, by its source name.
    fn rows(&self, session: &Session, source: &str, args: &[Option<datum::Datum<'_>>]) -> Result<Vec<Row>>;
    /// pg_stat_reset and its kin, by source name.
    fn reset(&self, session: &Session, source: &str, object: Oid) -> Result<()>;
    /// The client's address and port, and the server's, as text; `None` over a Unix socket.
    fn addresses(&self, session: &Session) -> Option<((String, u16), (String, u16))>;
    /// NOTIFY.
    fn notify(&self, session: &Session, channel: &str, payload: &str) -> Result<()>;
    fn listening_channels(&self, session: &Session) -> Vec<String>;
    /// The statement that the client sent.
    fn current_query(&self, session: &Session) -> Option<String>;
    /// Assigns a parameter, as SET does; gives its new value.
    fn set_parameter(
        &self,
        session: &Session,
        name: &str,
        value: Option<&str>,
        local: bool,
    ) -> Result<String>;
}

/// Sequences, which are relations of their own kind.
pub trait Sequences: Send + Sync {
    fn next(&self, session: &Session, sequence: Oid) -> Result<i64>;
    fn current(&self, session: &Session, sequence: Oid) -> Result<i64>;
    fn set(&self, session: &Session, sequence: Oid, value: i64, called: bool) -> Result<i64>;
    fn last(&self, session: &Session) -> Result<i64>;
    /// The last value of pg_sequences; `None` before the first.
    fn last_value(&self, session: &Session, sequence: Oid) -> Result<Option<i64>>;
    /// The stored value, and whether it has been handed out; `None` where the user may not read it.
    fn state(&self, session: &Session, sequence: Oid) -> Result<Option<(i64, bool)>>;
}

/// Checks values of domains.
pub trait Domains: Send + Sync {
    /// # Errors
    /// `23502` and `23514` for a value that the domain's constraints refuse.
    fn check(&self, session: &Session, domain: Oid, value: Option<datum::Datum<'_>>) -> Result<()>;
}

/// How many triggers are running in a session, one fired by what another does.
#[derive(Default)]
pub struct TriggerDepth(pub std::sync::atomic::AtomicI32);

impl TriggerDepth {
    /// The session's.
    pub fn of(session: &Session) -> Arc<TriggerDepth> {
        session.extension("trigger depth", TriggerDepth::default)
    }
}

/// What was given to a session.
#[derive(Default)]
pub struct Hooks {
    pub deparser: OnceLock<Arc<dyn Deparser>>,
    pub server: OnceLock<Arc<dyn ServerInfo>>,
    pub sequences: OnceLock<Arc<dyn Sequences>>,
    pub domains: OnceLock<Arc<dyn Domains>>,
}

impl Hooks {
    /// The session's.
    pub fn of(session: &Session) -> Arc<Hooks> {
        session.extension("functions.hooks", Hooks::default)
    }
}

macro_rules! accessors {
    ($($name:ident: $type:ty, $what:literal;)*) => {
        $(
            /// # Errors
            /// `0A000` where none was given.
            pub fn $name(session: &Session) -> Result<Arc<$type>> {
                Hooks::of(session).$name.get().cloned().ok_or_else(|| Error::unsupported($what))
            }
        )*
    };
}

accessors! {
    deparser: dyn Deparser, "showing stored definitions";
    server: dyn ServerInfo, "server information";
    sequences: dyn Sequences, "sequence functions";
    domains: dyn Domains, "domain constraints";
}
