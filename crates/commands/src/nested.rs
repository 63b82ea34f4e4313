//! Statements that functions run: analysed once, planned through a `PlanChoice`, their relations locked.

use crate::invocation::{Client, Invocation, Outcome};
use crate::pipeline::Purpose;
use crate::plan_choice::PlanChoice;
use crate::statistics;
use crate::{dispatch, execution};
use base::{Error, Oid, Result, bail};
use catalog::{CatalogVersion, Session};
use datum::MAX_BATCH_ROWS;
use executor::{Execution, ParamValue, Prepared, Running};
use ir::{PlannedStmt, Query, RangeTableKind};
use lock::LockMode;
use parking_lot::Mutex;
use std::sync::Arc;
use syntax::Statement;
use txn::Snapshot;

/// A query with the plans made for it, true while catalogs and search path are what they were.
pub struct AnalysedQuery {
    pub query: Query,
    version: CatalogVersion,
    path: Arc<[Oid]>,
    plans: PlanChoice,
}

impl AnalysedQuery {
    /// # Errors
    /// Those of reading the search path.
    pub fn new(session: &Session, query: Query) -> Result<AnalysedQuery> {
        Ok(AnalysedQuery {
            query,
            version: session.catalog_version(),
            path: session.search_path()?,
            plans: PlanChoice::default(),
        })
    }

    /// # Errors
    /// Those of reading the search path.
    pub fn is_current(&self, session: &Session) -> Result<bool> {
        Ok(self.version == session.catalog_version() && *self.path == *session.search_path()?)
    }

    /// The plans to run, their relations locked; `None` if the catalogs changed meanwhile.
    ///
    /// # Errors
    /// Those of planning and of waiting for locks.
    pub fn locked_plans(
        &self,
        session: &Arc<Session>,
        params: &[ParamValue],
        purpose: Purpose,
    ) -> Result<Option<Arc<[Arc<Prepared>]>>> {
        let plans = self.plans.plans(session, &self.query, params, purpose)?;
        for plan in plans.iter() {
            lock_relations(session, &plan.plan)?;
        }
        Ok(self.is_current(session)?.then_some(plans))
    }
}

/// Takes the locks that a plan needs.
///
/// # Errors
/// Those of waiting for them.
pub fn lock_relations(session: &Session, plan: &PlannedStmt) -> Result<()> {
    for entry in &plan.range_table {
        if let RangeTableKind::Relation { oid, lock_mode, .. } = &entry.kind
            && let Some(mode) = LockMode::from_number(*lock_mode)
        {
            session.lock_relation(*oid, mode)?;
        }
    }
    Ok(())
}

/// Tries `attempt` until it finds the catalogs unchanged.
///
/// # Errors
/// `55P03` when they change again and again.
pub(crate) fn retry<T>(mut attempt: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    for _ in 0..100 {
        if let Some(done) = attempt()? {
            return Ok(done);
        }
    }
    bail!(LOCK_NOT_AVAILABLE, "the catalogs changed again and again while the statement was being planned")
}

/// Starts a plan in the current user's name.
///
/// # Errors
/// As `executor::start`.
pub fn start(
    session: &Arc<Session>,
    plan: &Arc<Prepared>,
    params: &[ParamValue],
    snapshot: Snapshot,
) -> Result<Running> {
    executor::start(session, plan, params, snapshot, &execution::options(session))
}

/// Runs a plan whose rows nobody wants to its end. Returns how many rows it has processed.
///
/// # Errors
/// What the plan fails with.
pub fn run_to_end(session: &Arc<Session>, plan: &Arc<Prepared>, running: &mut Running) -> Result<u64> {
    let mut rows = 0;
    while let Some(batch) = running.next(MAX_BATCH_ROWS)? {
        rows += batch.rows() as u64;
    }
    let processed = finish(session, plan, running)?;
    Ok(if plan.plan.command == ir::CommandType::Select { rows } else { processed })
}

/// Ends a plan that has given all its rows.
///
/// # Errors
/// What its last checks fail with.
pub fn finish(session: &Arc<Session>, plan: &Arc<Prepared>, running: &mut Running) -> Result<u64> {
    let processed = running.finish()?;
    statistics::count_changes(session, &plan.plan, processed)?;
    Ok(processed)
}

/// An execution without a plan, to evaluate expressions in.
///
/// # Errors
/// `XX000` outside of a transaction.
pub fn bare_execution(session: &Arc<Session>) -> Result<Execution> {
    execution::bare(session)
}

/// Whether the procedure called next may end the transaction.
#[derive(Default)]
struct TransactionEnd(Mutex<bool>);

/// Lets the procedure called next end the transaction, or not. Returns what was so before.
pub fn allow_transaction_end(session: &Session, allowed: bool) -> bool {
    let state = session.extension("transaction end", TransactionEnd::default);
    std::mem::replace(&mut *state.0.lock(), allowed)
}

/// Whether the procedure called next may end the transaction.
pub fn may_end_transaction(session: &Session) -> bool {
    *session.extension("transaction end", TransactionEnd::default).0.lock()
}

/// COMMIT or ROLLBACK inside a procedure: the transaction ends and another begins, with the same characteristics if
/// they are chained.
///
/// # Errors
/// What deferred constraints and the commit fail with.
pub fn end_transaction(session: &Arc<Session>, commit: bool, chain: bool) -> Result<()> {
    let transaction = session.transaction()?;
    let options = transaction.options();
    if commit {
        executor::fire_deferred_constraints(session)?;
        crate::session_end::on_commit_actions(session)?;
        transaction.commit()?;
    } else {
        transaction.abort()?;
    }
    session.set_transaction(None);
    session.settings().end_level(1, commit);
    let fresh =
        if chain { options } else { txn::Options { statement_time: options.statement_time, ..options } };
    let next = session.transaction_session().begin(fresh)?;
    session.settings().begin_level();
    session.set_transaction(Some(next));
    Ok(())
}

/// The client of statements inside functions: it gets nothing but notices.
struct NoClient<'a>(&'a Session);

impl Client for NoClient<'_> {
    fn notice(&mut self, notice: &Error) {
        self.0.notice(notice.clone());
    }
    fn copy_in_begin(&mut self, _: bool, _: usize) -> Result<()> {
        bail!(FEATURE_NOT_SUPPORTED, "cannot COPY to/from client in an SQL function")
    }
    fn copy_read(&mut self) -> Result<Option<&[u8]>> {
        Ok(None)
    }
    fn copy_out_begin(&mut self, _: bool, _: usize) {}
    fn copy_data(&mut self, _: &[u8]) -> Result<()> {
        bail!(FEATURE_NOT_SUPPORTED, "cannot COPY to/from client in an SQL function")
    }
    fn copy_done(&mut self) {}
}

/// Carries out a utility statement inside a function.
///
/// # Errors
/// PostgreSQL's.
pub fn run_utility(
    session: &Arc<Session>,
    statement: &Statement,
    sql: &str,
    params: &Arc<[ParamValue]>,
    names: &dyn analyzer::ParameterNames,
) -> Result<Outcome> {
    let mut client = NoClient(session);
    let mut invocation = Invocation {
        session,
        sql,
        client: &mut client,
        top_level: false,
        in_block: true,
        params: params.clone(),
        names: Some(names),
        executed: None,
    };
    dispatch::execute(&mut invocation, statement)
}

/// Statements that know no variables.
pub struct NoNames;

impl analyzer::ParameterNames for NoNames {
    fn resolve(&self, _: &[String], _: bool, _: bool) -> Result<Option<analyzer::NamedValue>> {
        Ok(None)
    }
}
