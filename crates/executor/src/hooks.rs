//! What the executor asks of the layers above it: row and statement triggers, functions in other languages,
//! sequences. `commands` implements these; [`NoHooks`] answers that nothing of the kind is there.

use crate::context::Execution;
use base::{Error, Oid, Result};
use catalog::{PgProc, RelationEntry, Session};
use datum::{Datum, OwnedDatum, Row};
use functions::{Call, SetRows};
use std::sync::Arc;

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowEvent {
    Insert,
    Update,
    Delete,
}

/// A row version: where it is and its attributes (dropped ones NULL).
#[derive(Clone, Debug)]
pub struct RowImage {
    pub tid: base::Tid,
    pub values: Row,
}

/// An AFTER ... FOR EACH ROW trigger that waits, with the rows that it is told of.
#[derive(Clone, Debug)]
pub struct QueuedTrigger {
    /// pg_trigger.oid.
    pub trigger: Oid,
    pub event: RowEvent,
    pub old: Option<Row>,
    pub new: Option<Row>,
}

/// Triggers. Called only for relations that have some, foreign keys' own apart.
pub trait RowHooks: Send + Sync {
    /// BEFORE ... FOR EACH STATEMENT.
    ///
    /// # Errors
    /// What the triggers raise.
    fn before_statement(
        &self,
        session: &Arc<Session>,
        relation: &RelationEntry,
        event: RowEvent,
    ) -> Result<()>;

    /// BEFORE ... FOR EACH ROW: the row to store instead, or `None` to leave the operation out.
    /// `old` is absent for INSERT, `new` for DELETE, where any row returned means "go on".
    ///
    /// # Errors
    /// What the triggers raise.
    fn before_row(
        &self,
        session: &Arc<Session>,
        relation: &RelationEntry,
        event: RowEvent,
        old: Option<&RowImage>,
        new: Option<Row>,
        updated: &[i16],
    ) -> Result<Option<Row>>;

    /// AFTER ... FOR EACH ROW: to be queued with [`crate::queue_trigger`] until the statement's end, or the
    /// transaction's for deferred ones.
    ///
    /// # Errors
    /// What queueing fails with.
    fn after_row(
        &self,
        session: &Arc<Session>,
        relation: &RelationEntry,
        event: RowEvent,
        old: Option<&RowImage>,
        new: Option<&RowImage>,
        updated: &[i16],
    ) -> Result<()>;

    /// Fires a trigger that was queued.
    ///
    /// # Errors
    /// What the trigger raises.
    fn fire(&self, session: &Arc<Session>, relation: Oid, queued: &QueuedTrigger) -> Result<()>;

    /// AFTER ... FOR EACH STATEMENT, after what was queued for the statement's end.
    ///
    /// # Errors
    /// What the triggers raise.
    fn after_statement(
        &self,
        session: &Arc<Session>,
        relation: &RelationEntry,
        event: RowEvent,
    ) -> Result<()>;
}

/// Calls that leave the executor.
pub trait Calls: Send + Sync {
    /// Whether the user may call a function that has an access list.
    ///
    /// # Errors
    /// `42501`.
    fn require_execute(&self, session: &Session, function: &PgProc) -> Result<()>;

    /// Calls a function in a language other than internal.
    ///
    /// # Errors
    /// What the function raises.
    fn call(
        &self,
        execution: &Execution,
        call: &Call<'_>,
        args: &[Option<Datum<'_>>],
    ) -> Result<Option<OwnedDatum>>;

    /// Begins a set-returning function in a language other than internal. `eager`: the caller wants all rows, and
    /// the function's effects, at once.
    ///
    /// # Errors
    /// What the function raises.
    fn call_set(
        &self,
        execution: &Execution,
        call: &Call<'_>,
        args: &[Option<Datum<'_>>],
        eager: bool,
    ) -> Result<Box<dyn SetRows>>;

    /// nextval without permission checks, for identity columns.
    ///
    /// # Errors
    /// `2200H` when the sequence is exhausted.
    fn next_value(&self, session: &Arc<Session>, sequence: Oid) -> Result<i64>;
}

#[derive(Clone)]
pub struct Hooks {
    pub rows: Arc<dyn RowHooks>,
    pub calls: Arc<dyn Calls>,
}

impl Default for Hooks {
    fn default() -> Hooks {
        Hooks { rows: Arc::new(NoHooks), calls: Arc::new(NoHooks) }
    }
}

/// Nothing above the executor.
pub struct NoHooks;

impl RowHooks for NoHooks {
    fn before_statement(&self, _: &Arc<Session>, _: &RelationEntry, _: RowEvent) -> Result<()> {
        Err(Error::unsupported("a table with triggers"))
    }

    fn before_row(
        &self,
        _: &Arc<Session>,
        _: &RelationEntry,
        _: RowEvent,
        _: Option<&RowImage>,
        _: Option<Row>,
        _: &[i16],
    ) -> Result<Option<Row>> {
        Err(Error::unsupported("a table with triggers"))
    }

    fn after_row(
        &self,
        _: &Arc<Session>,
        _: &RelationEntry,
        _: RowEvent,
        _: Option<&RowImage>,
        _: Option<&RowImage>,
        _: &[i16],
    ) -> Result<()> {
        Err(Error::unsupported("a table with triggers"))
    }

    fn fire(&self, _: &Arc<Session>, _: Oid, _: &QueuedTrigger) -> Result<()> {
        Err(Error::unsupported("a table with triggers"))
    }

    fn after_statement(&self, _: &Arc<Session>, _: &RelationEntry, _: RowEvent) -> Result<()> {
        Err(Error::unsupported("a table with triggers"))
    }
}

impl Calls for NoHooks {
    fn require_execute(&self, _: &Session, function: &PgProc) -> Result<()> {
        Err(Error::unsupported(format!("function {}, which is not for everybody", function.proname)))
    }

    fn call(
        &self,
        execution: &Execution,
        call: &Call<'_>,
        _: &[Option<Datum<'_>>],
    ) -> Result<Option<OwnedDatum>> {
        let row = execution.session.function(call.function)?;
        Err(Error::unsupported(format!("function {} in its language", row.proname)))
    }

    fn call_set(
        &self,
        execution: &Execution,
        call: &Call<'_>,
        _: &[Option<Datum<'_>>],
        _: bool,
    ) -> Result<Box<dyn SetRows>> {
        let row = execution.session.function(call.function)?;
        Err(Error::unsupported(format!("function {} in its language", row.proname)))
    }

    fn next_value(&self, _: &Arc<Session>, _: Oid) -> Result<i64> {
        Err(Error::unsupported("identity columns"))
    }
}
