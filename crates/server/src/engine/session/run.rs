//! Running statements: the simple query message, and what all ways to run a statement share.

use super::super::literals;
use super::super::plans::{Kind, Prepared};
use super::portal::{self, Portal, RunningPortal, State};
use super::{Block, ClientSession};
use crate::session::engine_api::Output;
use base::{Oid, Result, bail};
use commands::output::{Converted, Format, RowOutput};
use commands::{nested, statistics};
use datum::{Batch, MAX_BATCH_ROWS, OwnedDatum};
use executor::{ParamValue, Prepared as PreparedPlan};
use ir::{CommandType, RangeTableKind, expr_type};
use protocol::backend;
use std::collections::VecDeque;
use std::sync::Arc;
use syntax::{RawStatement, Statement, TransactionStatement};

const INT4: Oid = Oid(23);

impl ClientSession {
    pub(super) fn run_message(&mut self, sql: &str, out: &mut dyn Output) -> Result<()> {
        self.query = sql.into();
        self.statements.remove("");
        self.portals.remove("");
        if let Some((prepared, params)) = self.cached(sql)? {
            let tag = self.run_prepared(prepared, params, out)?;
            return self.end_message(tag, out);
        }
        let mut notices = Vec::new();
        let statements = syntax::parse_with_notices(sql, &mut notices)?;
        notices.into_iter().for_each(|notice| self.session.notice(notice));
        if statements.is_empty() {
            self.end_implicit()?;
            out.empty_query();
            return Ok(());
        }
        let single = statements.len() == 1;
        let mut tag: Option<String> = None;
        for statement in statements {
            if let Some(tag) = tag.take() {
                out.command_complete(&tag);
            }
            tag = self.run_raw(Arc::new(statement), single, out)?;
            self.send_notices(out);
        }
        self.end_message(tag, out)
    }

    /// The last statement of a message is complete only once its transaction is, unless that goes on.
    fn end_message(&mut self, tag: Option<String>, out: &mut dyn Output) -> Result<()> {
        self.end_implicit()?;
        self.send_notices(out);
        if let Some(tag) = tag {
            out.command_complete(&tag);
        }
        Ok(())
    }

    /// The statement for this text, if it or one that differs from it in literals only is in the cache of plans: then
    /// it need not even be parsed.
    fn cached(&mut self, sql: &str) -> Result<Option<(Arc<Prepared>, Arc<[ParamValue]>)>> {
        if self.block == Block::Failed {
            return Ok(None);
        }
        self.start_statement()?;
        let Some(lifted) = literals::lift(sql) else {
            let found = self.database.plans.find(&self.session, sql, &[], false)?;
            return Ok(found.map(|prepared| (prepared, Vec::new().into())));
        };
        let types = vec![INT4; lifted.values.len()];
        let prepared = match self.database.plans.find(&self.session, &lifted.text, &types, true)? {
            Some(prepared) => prepared,
            None => match self.prepare_lifted(&lifted.text, &types) {
                Some(prepared) => prepared,
                // What is wrong with it is told by the text that the client knows.
                None => return Ok(None),
            },
        };
        let layout = self.session.type_layout(INT4)?;
        let params = lifted.values.into_iter().map(|value| ParamValue {
            type_oid: INT4,
            layout,
            value: Some(OwnedDatum::Int4(value)),
        });
        Ok(Some((prepared, params.collect())))
    }

    fn prepare_lifted(&self, text: &str, types: &[Oid]) -> Option<Arc<Prepared>> {
        let mut statements = syntax::parse(text).ok()?;
        let (Some(statement), true) = (statements.pop(), statements.is_empty()) else { return None };
        let prepared = Prepared::new(&self.session, text.into(), Arc::new(statement), types, false).ok()?;
        let prepared = Arc::new(prepared.lifted());
        self.database.plans.put(&self.session, types, &prepared);
        Some(prepared)
    }

    /// Before anything of a statement is looked at: a transaction, and its time.
    pub(super) fn start_statement(&mut self) -> Result<()> {
        self.begin_activity();
        let running = self.block != Block::Idle;
        self.ensure_transaction()?;
        if running && let Some(transaction) = self.session.current_transaction() {
            transaction.set_statement_at(self.session.instance().system.clock.timestamp());
        }
        Ok(())
    }

    /// Gives the tag, if it is still to be sent.
    fn run_raw(
        &mut self,
        statement: Arc<RawStatement>,
        single: bool,
        out: &mut dyn Output,
    ) -> Result<Option<String>> {
        if let Statement::Transaction(command) = &statement.statement {
            return self.run_transaction(command, out).map(|()| None);
        }
        self.require_sound()?;
        self.start_statement()?;
        let sql = self.query.clone();
        let prepared = Arc::new(Prepared::new(&self.session, sql, statement, &[], false)?);
        if single {
            self.database.plans.put(&self.session, &[], &prepared);
        }
        self.run_prepared(prepared, Arc::new([]), out)
    }

    pub(super) fn run_transaction(
        &mut self,
        command: &TransactionStatement,
        out: &mut dyn Output,
    ) -> Result<()> {
        if self.block != Block::Failed {
            self.start_statement()?;
        }
        let tag = self.transaction_statement(command)?;
        self.send_notices(out);
        // What a commit promises must be on disk before it is said.
        self.session.transaction_session().answer_barrier()?;
        out.command_complete(tag);
        Ok(())
    }

    /// Runs a statement and sends everything but the tag.
    fn run_prepared(
        &mut self,
        prepared: Arc<Prepared>,
        params: Arc<[ParamValue]>,
        out: &mut dyn Output,
    ) -> Result<Option<String>> {
        let mut portal = Portal::new(Some(prepared), params, vec![Format::Text]);
        self.run_portal(&mut portal, 0, true, out)
    }

    /// Runs a portal, for at most `max_rows` rows (0: all). With `describe`, RowDescription goes first.
    /// Gives the tag to be sent, if there is one.
    pub(super) fn run_portal(
        &mut self,
        portal: &mut Portal,
        max_rows: u64,
        describe: bool,
        out: &mut dyn Output,
    ) -> Result<Option<String>> {
        let Some(prepared) = portal.prepared.clone() else {
            out.empty_query();
            return Ok(None);
        };
        if matches!(portal.state, State::New) {
            match &prepared.kind {
                Kind::Query(_) => self.start_query(portal, &prepared)?,
                Kind::Utility => self.start_utility(portal, &prepared, out)?,
            }
            if describe {
                self.describe_started(portal, out)?;
            }
        }
        self.send_rows(portal, max_rows, out)
    }

    fn describe_started(&self, portal: &Portal, out: &mut dyn Output) -> Result<()> {
        let fields = match &portal.state {
            State::Running(running) => {
                let targets = portal::result_targets(&running.plan.plan);
                if targets.is_empty() && running.plan.plan.command != CommandType::Select {
                    return Ok(());
                }
                portal::describe(&self.session, targets, &portal.formats)?
            }
            State::Ready { .. } => match self.portal_fields(portal)? {
                Some(fields) => fields,
                None => return Ok(()),
            },
            State::New | State::Done => return Ok(()),
        };
        out.row_description(&fields);
        Ok(())
    }

    /// Plans and starts a query. Commands that change data run to their end now, whatever is asked for of their rows.
    pub(super) fn start_query(&mut self, portal: &mut Portal, prepared: &Arc<Prepared>) -> Result<()> {
        let plans = self.locked_plans(prepared, &portal.params)?;
        if plans
            .iter()
            .any(|p| p.plan.range_table.iter().any(|e| matches!(e.kind, RangeTableKind::Function { .. })))
        {
            self.list();
        }
        let mut state = State::Done;
        for prepared in plans.iter() {
            let plan = &prepared.plan;
            let mut running = self.start_plan(prepared, &portal.params)?;
            if !plan.can_set_tag {
                while running.next(MAX_BATCH_ROWS)?.is_some() {}
                running.finish()?;
                self.session.command_counter_increment()?;
                continue;
            }
            let types: Vec<_> = portal::result_targets(plan).iter().map(|t| expr_type(&t.expr)).collect();
            let output = RowOutput::new(&self.session, &types, &portal.formats)?;
            if plan.command == CommandType::Select && !plan.has_modifying_cte {
                state = State::Running(Box::new(RunningPortal {
                    running,
                    output,
                    plan: prepared.clone(),
                    sent: 0,
                }));
                continue;
            }
            let mut batches = VecDeque::new();
            while let Some(batch) = running.next(MAX_BATCH_ROWS)? {
                batches.push_back(batch);
            }
            let returned: usize = batches.iter().map(Batch::rows).sum();
            let processed = running.finish()?;
            statistics::count_changes(&self.session, plan, processed)?;
            let processed = match (processed, plan.command) {
                (_, CommandType::Select) => returned as u64,
                (processed, _) => processed,
            };
            self.session.command_counter_increment()?;
            let tag = portal::command_tag(plan.command, processed);
            state = State::Ready { batches, output, tag };
        }
        portal.state = state;
        Ok(())
    }

    /// The statement's plans with their relations locked and still true.
    fn locked_plans(
        &self,
        prepared: &Arc<Prepared>,
        params: &[ParamValue],
    ) -> Result<Arc<[Arc<PreparedPlan>]>> {
        let mut current = prepared.clone();
        for _ in 0..100 {
            if !current.is_current(&self.session)? {
                current = Arc::new(Prepared::new(
                    &self.session,
                    prepared.sql.clone(),
                    prepared.statement.clone(),
                    &prepared.param_types,
                    false,
                )?);
            }
            let plans = current.plans(&self.session, params)?;
            for plan in plans.iter() {
                nested::lock_relations(&self.session, &plan.plan)?;
            }
            // A change may have committed while the locks were waited for.
            if current.is_current(&self.session)? || self.session.has_catalog_changes() {
                return Ok(plans);
            }
        }
        bail!(
            LOCK_NOT_AVAILABLE,
            "the catalogs changed again and again while the statement was being planned"
        )
    }

    pub(super) fn start_plan(
        &self,
        plan: &Arc<PreparedPlan>,
        params: &Arc<[ParamValue]>,
    ) -> Result<executor::Running> {
        let snapshot = self.session.transaction()?.snapshot()?;
        executor::start(&self.session, plan, params, snapshot, &self.database.execution_options())
    }

    /// Sends up to `max_rows` rows, then PortalSuspended; or gives the tag that is to follow.
    fn send_rows(
        &mut self,
        portal: &mut Portal,
        max_rows: u64,
        out: &mut dyn Output,
    ) -> Result<Option<String>> {
        let session = self.session.clone();
        let is_query = portal.is_query();
        let limit = if max_rows == 0 { u64::MAX } else { max_rows };
        match &mut portal.state {
            State::Running(running) => {
                let mut sent = 0;
                while sent < limit {
                    let want = (limit - sent).min(MAX_BATCH_ROWS as u64) as usize;
                    let Some(batch) = running.running.next(want)? else {
                        running.running.finish()?;
                        let tag = portal::command_tag(CommandType::Select, running.sent + sent);
                        portal.state = State::Done;
                        self.session.command_counter_increment()?;
                        return Ok(Some(tag));
                    };
                    sent += batch.rows() as u64;
                    write_batch(&session, &running.output, &batch, out)?;
                }
                running.sent += sent;
                out.portal_suspended();
            }
            State::Ready { batches, output, tag } => {
                let mut sent = 0;
                while let Some(batch) = batches.pop_front() {
                    let room = usize::try_from(limit - sent).unwrap_or(usize::MAX);
                    if batch.rows() > room {
                        write_batch(&session, output, &batch.slice(0, room), out)?;
                        batches.push_front(batch.slice(room, batch.rows() - room));
                        out.portal_suspended();
                        return Ok(None);
                    }
                    sent += batch.rows() as u64;
                    write_batch(&session, output, &batch, out)?;
                }
                let tag = std::mem::take(tag);
                portal.state = State::Done;
                return Ok((!tag.is_empty()).then_some(tag));
            }
            State::Done if is_query => return Ok(Some("SELECT 0".to_string())),
            State::Done => {}
            State::New => debug_assert!(false, "a portal is started before rows are asked of it"),
        }
        Ok(None)
    }
}

/// One DataRow for each row.
pub(super) fn write_batch(
    session: &catalog::Session,
    output: &RowOutput,
    batch: &Batch,
    out: &mut dyn Output,
) -> Result<()> {
    output.write(session, batch, &mut |row: &Converted<'_>, i| {
        let buffer = out.buffer();
        let start = backend::begin_data_row(buffer, row.width());
        for column in 0..row.width() {
            if row.is_null(column, i) {
                backend::put_value(buffer, None);
            } else {
                backend::put_value_with(buffer, |buffer| row.push(column, i, buffer));
            }
        }
        backend::end(buffer, start);
        out.drain()
    })
}
