//! The events of a session's transaction.

use super::process;
use crate::context::Execution;
use crate::driver::{Options, bare};
use crate::hooks::{Hooks, QueuedTrigger};
use crate::memory::Budget;
use base::{Error, Oid, Result, Tid};
use catalog::{PgConstraint, RelationEntry, Session};
use datum::Row;
use ir::Plan;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};
use txn::{Transaction, TransactionParticipant};

#[derive(Clone)]
pub enum EventKind {
    /// A row whose key must be found in the referenced table.
    Referencing { key: Row, tid: Tid },
    /// A referenced row that lost its key: deleted, or updated to the new one.
    Referenced { key: Row, new_key: Option<Row> },
    /// An entry of a deferrable unique index.
    Unique { index: Oid, key: Row, tid: Tid },
    /// A trigger that users wrote.
    Trigger(QueuedTrigger),
}

#[derive(Clone)]
pub struct Event {
    /// The relation that was changed.
    pub relation: Oid,
    pub constraint: PgConstraint,
    pub kind: EventKind,
    deferrable: bool,
    sub_id: u32,
    /// Which of the nested statements it belongs to.
    statement: u32,
}

impl Event {
    /// `may_defer`: whether events of this kind wait when the constraint is deferred.
    pub fn new(entry: &RelationEntry, constraint: &PgConstraint, kind: EventKind, may_defer: bool) -> Event {
        let deferrable = may_defer && constraint.condeferrable;
        Event {
            relation: entry.oid(),
            constraint: constraint.clone(),
            kind,
            deferrable,
            sub_id: 0,
            statement: 0,
        }
    }
}

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    /// SET CONSTRAINTS ALL, and by constraint: whether deferred.
    all: Option<bool>,
    single: HashMap<Oid, bool>,
    /// Statements in progress, one within the other.
    statements: u32,
    /// The transaction that all this is of.
    owner: Weak<Transaction>,
    /// What the last statement ran with; actions of deferred events run with the same.
    environment: Option<(Hooks, Arc<Budget>)>,
}

/// A session's queue; kept with the session, emptied when its transaction ends.
#[derive(Default)]
struct DeferredChecks {
    state: Arc<Mutex<State>>,
    registered: Mutex<bool>,
}

struct Participant(Arc<Mutex<State>>);

impl TransactionParticipant for Participant {
    fn at_commit(&self, _: &Transaction) {
        *self.0.lock() = State::default();
    }

    fn at_abort(&self, _: &Transaction) {
        *self.0.lock() = State::default();
    }

    fn at_subcommit(&self, _: &Transaction, sub_id: u32, parent: u32) {
        let mut state = self.0.lock();
        state.events.iter_mut().filter(|e| e.sub_id == sub_id).for_each(|e| e.sub_id = parent);
    }

    fn at_subabort(&self, _: &Transaction, sub_id: u32, _: u32) {
        self.0.lock().events.retain(|e| e.sub_id != sub_id);
    }
}

fn of_session(session: &Session) -> Arc<DeferredChecks> {
    let checks: Arc<DeferredChecks> = session.extension("deferred checks", DeferredChecks::default);
    let mut registered = checks.registered.lock();
    if !*registered {
        session.transaction_session().register(Arc::new(Participant(checks.state.clone())));
        *registered = true;
    }
    drop(registered);
    // A transaction that began before the registration ends without telling.
    if let Some(transaction) = session.current_transaction() {
        let owner = Arc::downgrade(&transaction);
        let mut state = checks.state.lock();
        if !state.owner.ptr_eq(&owner) {
            *state = State { owner, ..State::default() };
        }
    }
    checks
}

impl State {
    fn is_deferred(&self, event: &Event) -> bool {
        if !event.deferrable {
            return false;
        }
        let chosen = self.single.get(&event.constraint.oid).copied().or(self.all);
        chosen.unwrap_or(event.constraint.condeferred)
    }
}

/// A statement that changes tables begins; returns its number.
pub fn enter(session: &Session) -> u32 {
    let checks = of_session(session);
    let mut state = checks.state.lock();
    state.statements += 1;
    state.statements
}

/// It ends.
pub fn leave(session: &Session) {
    let checks = of_session(session);
    let mut state = checks.state.lock();
    state.statements = state.statements.saturating_sub(1);
}

pub fn push(execution: &mut Execution, mut event: Event) {
    execution.has_queued = true;
    event.sub_id = execution.context.transaction.sub_id();
    event.statement = execution.statement;
    let checks = of_session(&execution.session);
    let mut state = checks.state.lock();
    if state.environment.is_none() {
        state.environment = Some((execution.hooks.clone(), execution.memory.budget().clone()));
    }
    state.events.push_back(event);
}

/// Queues a trigger for the end of the session's innermost statement; for the transaction's if its constraint is
/// deferred.
///
/// # Errors
/// `XX000` outside of a transaction.
pub fn queue_trigger(
    session: &Session,
    entry: &RelationEntry,
    constraint: Option<&PgConstraint>,
    trigger: QueuedTrigger,
    environment: &Options,
) -> Result<()> {
    let constraint = constraint.cloned().unwrap_or_else(|| PgConstraint::new(Oid(0), "", Oid(0), b't'));
    let mut event = Event::new(entry, &constraint, EventKind::Trigger(trigger), true);
    event.sub_id = session.transaction()?.sub_id();
    let checks = of_session(session);
    let mut state = checks.state.lock();
    event.statement = state.statements;
    state.environment.get_or_insert_with(|| (environment.hooks.clone(), environment.budget.clone()));
    state.events.push_back(event);
    Ok(())
}

/// Takes the next event that is due: of this statement, or with `deferred` any.
pub fn next(execution: &Execution, deferred: bool) -> Option<Event> {
    let checks = of_session(&execution.session);
    let mut state = checks.state.lock();
    let due = |e: &Event| deferred || (e.statement == execution.statement && !state.is_deferred(e));
    let place = state.events.iter().position(due)?;
    state.events.remove(place)
}

pub fn forget(execution: &Execution) {
    let checks = of_session(&execution.session);
    let mut state = checks.state.lock();
    let keep: Vec<bool> =
        state.events.iter().map(|e| e.statement != execution.statement || state.is_deferred(e)).collect();
    let mut keep = keep.into_iter();
    state.events.retain(|_| keep.next().unwrap_or(true));
}

/// Whether a check of this version's key has not been made yet.
pub fn is_waiting(execution: &Execution, constraint: Oid, version: Tid) -> bool {
    let checks = of_session(&execution.session);
    let state = checks.state.lock();
    state.events.iter().any(|e| {
        e.constraint.oid == constraint
            && matches!(e.kind, EventKind::Referencing { tid, .. } if tid == version)
    })
}

/// Whether checks or triggers for rows of a table wait.
pub fn has_pending_events(session: &Session, table: Oid) -> bool {
    of_session(session).state.lock().events.iter().any(|event| event.relation == table)
}

/// Works off what was deferred: to be called before a commit.
///
/// # Errors
/// `23503`, `23505`, and whatever referential actions fail with.
pub fn fire_deferred_constraints(session: &Arc<Session>) -> Result<()> {
    let checks = of_session(session);
    let environment = {
        let state = checks.state.lock();
        if state.events.is_empty() {
            return Ok(());
        }
        state.environment.clone()
    };
    let Some((hooks, budget)) = environment else {
        return Err(Error::internal("deferred checks without their environment"));
    };
    session.command_counter_increment()?;
    let snapshot = session.transaction()?.latest_snapshot()?;
    let options = Options { budget, hooks, instrument: None, trusted: true };
    let mut execution = Execution::new(session, bare(Plan::default())?, &[], snapshot, &options)?;
    while let Some(event) = next(&execution, true) {
        execution.check()?;
        process(&mut execution, &event)?;
    }
    Ok(())
}

/// SET CONSTRAINTS: `constraints` empty means ALL. Those made immediate are checked now.
///
/// # Errors
/// As [`fire_deferred_constraints`].
pub fn set_constraints(session: &Arc<Session>, constraints: &[Oid], deferred: bool) -> Result<()> {
    let checks = of_session(session);
    let waiting = {
        let mut state = checks.state.lock();
        if constraints.is_empty() {
            state.all = Some(deferred);
            state.single.clear();
        } else {
            constraints.iter().for_each(|c| {
                state.single.insert(*c, deferred);
            });
        }
        if deferred {
            return Ok(());
        }
        // What stays deferred waits aside while the rest is worked off.
        let (stay, due): (VecDeque<Event>, VecDeque<Event>) =
            std::mem::take(&mut state.events).into_iter().partition(|e| state.is_deferred(e));
        state.events = due;
        stay
    };
    let result = fire_deferred_constraints(session);
    checks.state.lock().events.extend(waiting);
    result
}
