//! Calls of SQL functions.

use super::body::{Body, Ready, in_body};
use super::cache;
use super::result::Rows;
use crate::kept_rows::KeptRows;
use crate::nested;
use crate::pipeline::Purpose;
use base::{Error, Result};
use catalog::{PgProc, Session};
use datum::{Batch, ColumnBuilder, Datum, MAX_BATCH_ROWS, OwnedDatum};
use executor::{Execution, ParamValue, Prepared, Running};
use functions::{Call, SetRows};
use ir::CommandType;
use std::sync::Arc;
use txn::Snapshot;

const VOID: base::Oid = base::Oid(2278);

/// What a function sees: its caller's snapshot, or one of its own that moves on with its changes.
struct View {
    session: Arc<Session>,
    fixed: Option<Snapshot>,
    own: Option<Snapshot>,
}

impl View {
    fn next(&mut self) -> Result<Snapshot> {
        if let Some(fixed) = &self.fixed {
            return Ok(fixed.clone());
        }
        self.session.command_counter_increment()?;
        let transaction = self.session.transaction()?;
        let snapshot = match &self.own {
            Some(own) => own.with_command(transaction.command()),
            None => transaction.snapshot()?,
        };
        self.own = Some(snapshot.clone());
        Ok(snapshot)
    }
}

/// The last statement of a body, started.
struct Last {
    plan: Arc<Prepared>,
    running: Running,
    rows: Rows,
    /// It only reads, so that it may be left before its end.
    reads: bool,
}

struct Started {
    body: Arc<Body>,
    session: Arc<Session>,
    /// `None` for a function without statements, or whose last one is carried out by a command.
    last: Option<Last>,
    number: usize,
}

fn named(error: Error, body: &Body, number: usize) -> Error {
    let name = &body.row.proname;
    in_body(error, &body.row.prosrc).context(format!("SQL function \"{name}\" statement {}", number + 1))
}

/// Runs all statements but the last, and starts that.
fn start(
    execution: &Execution,
    call: &Call<'_>,
    row: &Arc<PgProc>,
    args: &[Option<Datum<'_>>],
) -> Result<Started> {
    let session = &execution.session;
    let startup = |e: Error| e.context(format!("SQL function \"{}\" during startup", row.proname));
    let body = cache::body(session, call, row).map_err(startup)?;
    let params: Vec<ParamValue> = body
        .arguments
        .types
        .iter()
        .zip(args)
        .map(|(type_oid, value)| {
            let layout = session.type_layout(*type_oid)?;
            Ok(ParamValue { type_oid: *type_oid, layout, value: value.map(Datum::to_owned) })
        })
        .collect::<Result<_>>()?;
    let params: Arc<[ParamValue]> = params.into();
    let fixed = (!body.is_volatile()).then(|| execution.snapshot.clone());
    let mut view = View { session: session.clone(), fixed, own: None };
    let count = body.statements.len();
    let mut last = None;
    for number in 0..count {
        let outcome = run_statement(session, &body, number, &params, &mut view);
        last = outcome.map_err(|e| named(e, &body, number))?;
    }
    Ok(Started { body, session: session.clone(), last, number: count.saturating_sub(1) })
}

fn run_statement(
    session: &Arc<Session>,
    body: &Body,
    number: usize,
    params: &Arc<[ParamValue]>,
    view: &mut View,
) -> Result<Option<Last>> {
    session.interrupt_check()?;
    let is_last = number + 1 == body.statements.len();
    let (ready, plans) = nested::retry(|| {
        let ready = body.ready(session, number)?;
        Ok(match &*ready {
            Ready::Utility(_) => Some((ready, None)),
            Ready::Query { query, .. } => query
                .locked_plans(session, params, Purpose::Pieces)?
                .map(|plans| (ready.clone(), Some(plans))),
        })
    })?;
    match (&*ready, plans) {
        (Ready::Utility(statement), _) => {
            view.next()?;
            nested::run_utility(session, statement, &body.row.prosrc, params, &body.arguments)?;
            session.command_counter_increment()?;
            Ok(None)
        }
        (Ready::Query { query, as_row }, Some(plans)) => {
            let mut last = None;
            for plan in plans.iter() {
                let mut running = nested::start(session, plan, params, view.next()?)?;
                if is_last && plan.plan.can_set_tag && returns_rows(plan) {
                    let rows = Rows::new(session, &body.shape, &query.query, *as_row)?;
                    let reads = plan.plan.command == CommandType::Select && !plan.plan.has_modifying_cte;
                    last = Some(Last { plan: plan.clone(), running, rows, reads });
                } else {
                    nested::run_to_end(session, plan, &mut running)?;
                }
            }
            Ok(last)
        }
        (Ready::Query { .. }, None) => Err(Error::internal("a query without plans")),
    }
}

fn returns_rows(plan: &Prepared) -> bool {
    plan.plan.command == CommandType::Select || plan.plan.has_returning
}

/// Calls a function that returns one value: that of the last statement's first row.
///
/// # Errors
/// What its statements fail with.
pub(crate) fn call(
    execution: &Execution,
    call: &Call<'_>,
    row: &Arc<PgProc>,
    args: &[Option<Datum<'_>>],
) -> Result<Option<OwnedDatum>> {
    let mut started = start(execution, call, row, args)?;
    let Some(last) = &mut started.last else { return Ok(None) };
    let value = first_value(&started.session, last).map_err(|e| named(e, &started.body, started.number))?;
    if row.provolatile as u8 == b'v' {
        started.session.command_counter_increment()?;
    }
    Ok(value.filter(|_| call.result_type != VOID))
}

fn first_value(session: &Arc<Session>, last: &mut Last) -> Result<Option<OwnedDatum>> {
    let first = last.running.next(if last.reads { 1 } else { MAX_BATCH_ROWS })?;
    let value = match &first {
        Some(batch) => last.rows.value(batch, 0)?,
        None => None,
    };
    if last.reads {
        last.running.finish()?;
    } else {
        nested::run_to_end(session, &last.plan, &mut last.running)?;
    }
    Ok(value)
}

/// Begins a function that returns a set. `eager`: all its rows are computed at once.
///
/// # Errors
/// What its statements fail with.
pub(crate) fn call_set(
    execution: &Execution,
    call: &Call<'_>,
    row: &Arc<PgProc>,
    args: &[Option<Datum<'_>>],
    eager: bool,
) -> Result<Box<dyn SetRows>> {
    let mut started = start(execution, call, row, args)?;
    let Some(last) = &mut started.last else { return Ok(functions::ReadyRows::new(Vec::new())) };
    if call.result_type == VOID {
        // It is run, and yields nothing.
        call_void(&mut started)?;
        return Ok(functions::ReadyRows::new(Vec::new()));
    }
    if last.reads && !eager {
        return Ok(Box::new(LazyRows { started, batch: None, at: 0 }));
    }
    let mut kept = KeptRows::new(&started.session)?;
    let filled = fill(&started.session, last, &mut kept);
    filled.map_err(|e| named(e, &started.body, started.number))?;
    if row.provolatile as u8 == b'v' {
        started.session.command_counter_increment()?;
    }
    let Some(last) = started.last else { return Ok(functions::ReadyRows::new(Vec::new())) };
    kept.rewind()?;
    Ok(Box::new(EagerRows { session: started.session, rows: last.rows, kept, batch: None, at: 0 }))
}

fn call_void(started: &mut Started) -> Result<()> {
    let Some(last) = &mut started.last else { return Ok(()) };
    let ended = nested::run_to_end(&started.session, &last.plan, &mut last.running);
    ended.map(|_| ()).map_err(|e| named(e, &started.body, started.number))
}

fn fill(session: &Arc<Session>, last: &mut Last, kept: &mut KeptRows) -> Result<()> {
    while let Some(batch) = last.running.next(MAX_BATCH_ROWS)? {
        kept.add(batch)?;
    }
    nested::finish(session, &last.plan, &mut last.running)?;
    Ok(())
}

struct EagerRows {
    session: Arc<Session>,
    rows: Rows,
    kept: KeptRows,
    batch: Option<Batch>,
    at: usize,
}

impl SetRows for EagerRows {
    fn rewind(&mut self) -> Result<bool> {
        self.batch = None;
        self.kept.rewind()?;
        Ok(true)
    }

    fn next(&mut self, _: &Call<'_>, limit: usize, out: &mut [ColumnBuilder]) -> Result<usize> {
        let mut produced = 0;
        while produced < limit {
            match &self.batch {
                Some(batch) if self.at < batch.rows() => {
                    self.rows.push(&self.session, batch, self.at, out)?;
                    self.at += 1;
                    produced += 1;
                }
                _ => {
                    self.batch = self.kept.next_batch()?;
                    self.at = 0;
                    if self.batch.is_none() {
                        break;
                    }
                }
            }
        }
        Ok(produced)
    }
}

/// The rows of a last statement that is run as far as they are asked for.
struct LazyRows {
    started: Started,
    batch: Option<Batch>,
    at: usize,
}

impl LazyRows {
    fn fill(&mut self, limit: usize, out: &mut [ColumnBuilder]) -> Result<usize> {
        let Some(last) = &mut self.started.last else { return Ok(0) };
        let mut produced = 0;
        while produced < limit {
            match &self.batch {
                Some(batch) if self.at < batch.rows() => {
                    last.rows.push(&self.started.session, batch, self.at, out)?;
                    self.at += 1;
                    produced += 1;
                }
                _ => {
                    self.batch = last.running.next((limit - produced).min(MAX_BATCH_ROWS))?;
                    self.at = 0;
                    if self.batch.is_none() {
                        last.running.finish()?;
                        break;
                    }
                }
            }
        }
        Ok(produced)
    }
}

impl SetRows for LazyRows {
    fn next(&mut self, _: &Call<'_>, limit: usize, out: &mut [ColumnBuilder]) -> Result<usize> {
        crate::routine::check_stack(&self.started.session)?;
        let filled = self.fill(limit, out);
        filled.map_err(|e| named(e, &self.started.body, self.started.number))
    }
}
