//! Utility statements: those that concern the session's own statements, portals and transaction are carried out here,
//! the others by crate commands.

use super::super::plans::{Kind, Prepared};
use super::cursor;
use super::portal::{self, Portal, State};
use super::{Block, ClientSession, NamedStatement};
use crate::session::engine_api::Output;
use base::{Error, Oid, Result, Severity, SqlState, bail, err};
use commands::output::{Format, RowOutput};
use commands::{Client, Invocation, Outcome, cursors, pipeline};
use datum::{Batch, TupleDesc};
use executor::ParamValue;
use protocol::backend::FieldDescription;
use std::collections::VecDeque;
use std::sync::Arc;
use syntax::{Deallocate, Discard, Execute, Prepare, RawStatement, SetAction, Statement};

/// What a parameter's type is while nothing says it.
const UNKNOWN: Oid = Oid(705);

/// The client as commands see it.
struct OutputClient<'a>(&'a mut dyn Output);

impl Client for OutputClient<'_> {
    fn notice(&mut self, notice: &Error) {
        self.0.notice(notice);
    }
    fn copy_in_begin(&mut self, binary: bool, columns: usize) -> Result<()> {
        self.0.copy_in_begin(binary, &vec![i16::from(binary); columns])
    }
    fn copy_read(&mut self) -> Result<Option<&[u8]>> {
        self.0.copy_read()
    }
    fn copy_out_begin(&mut self, binary: bool, columns: usize) {
        self.0.copy_out_begin(binary, &vec![i16::from(binary); columns]);
    }
    fn copy_data(&mut self, data: &[u8]) -> Result<()> {
        self.0.copy_data(data)
    }
    fn copy_done(&mut self) {
        self.0.copy_done();
    }
}

impl ClientSession {
    /// Carries out a utility statement; its answer waits in the portal.
    pub(super) fn start_utility(
        &mut self,
        portal: &mut Portal,
        prepared: &Arc<Prepared>,
        out: &mut dyn Output,
    ) -> Result<()> {
        let raw = prepared.statement.clone();
        let tag = match &raw.statement {
            Statement::DeclareCursor(declare) => {
                let select = Statement::Select(Box::new(declare.query.clone()));
                let inner = RawStatement { statement: select, ..(*raw).clone() };
                let types: Vec<_> = portal.params.iter().map(|p| p.type_oid).collect();
                let sql = prepared.sql.clone();
                let query = Prepared::new(&self.session, sql, Arc::new(inner), &types, false)?;
                self.declare(declare, Arc::new(query.serial()), portal.params.clone())?;
                "DECLARE CURSOR".to_owned()
            }
            Statement::Fetch(fetch) => return self.start_fetch(portal, fetch),
            Statement::ClosePortal(close) => self.close_cursor(close)?.to_owned(),
            Statement::Prepare(prepare) => {
                self.prepare(prepare, prepared)?;
                "PREPARE".to_owned()
            }
            Statement::Execute(execute) => return self.start_execute(portal, execute, out),
            Statement::Deallocate(deallocate) => self.deallocate(deallocate)?.to_owned(),
            Statement::Discard(discard) => self.discard(*discard)?.to_owned(),
            Statement::Set(set) if matches!(set.action, SetAction::Transaction(_)) => {
                if let SetAction::Transaction(modes) = &set.action {
                    if self.block != Block::Explicit {
                        let text = "SET TRANSACTION can only be used in transaction blocks";
                        let state = SqlState::NO_ACTIVE_SQL_TRANSACTION;
                        self.session.notice(Error::with_severity(Severity::Warning, state, text));
                    }
                    self.set_modes(modes)?;
                }
                "SET".to_owned()
            }
            statement => return self.run_command(portal, statement, prepared, out),
        };
        self.session.command_counter_increment()?;
        self.answer(portal, None, Vec::new(), tag)
    }

    fn run_command(
        &mut self,
        portal: &mut Portal,
        statement: &Statement,
        prepared: &Arc<Prepared>,
        out: &mut dyn Output,
    ) -> Result<()> {
        let session = self.session.clone();
        let executed = match statement.inner_execute() {
            Some(execute) => Some(self.executed(execute)?),
            None => None,
        };
        let mut client = OutputClient(out);
        let mut invocation = Invocation {
            session: &session,
            sql: &prepared.sql,
            client: &mut client,
            top_level: true,
            in_block: self.block == Block::Explicit,
            params: portal.params.clone(),
            names: None,
            executed,
        };
        let outcome = commands::execute(&mut invocation, statement)?;
        // Commands that run their own transactions leave none, or a new one, behind.
        if self.session.current_transaction().is_some() {
            self.session.command_counter_increment()?;
        } else {
            self.block = Block::Idle;
            self.ensure_transaction()?;
        }
        match outcome {
            Outcome::Tag(tag) => self.answer(portal, None, Vec::new(), tag),
            Outcome::Rows { desc, rows, tag } => {
                let batches = portal::to_batches(&desc, &rows);
                self.answer(portal, Some(&desc), batches, tag)
            }
        }
    }

    fn answer(
        &self,
        portal: &mut Portal,
        desc: Option<&TupleDesc>,
        batches: Vec<Batch>,
        tag: String,
    ) -> Result<()> {
        let types: Vec<_> = desc.map_or(&[][..], |d| d.attributes()).iter().map(|a| a.type_oid).collect();
        let output = RowOutput::new(&self.session, &types, &portal.formats)?;
        portal.state = State::Ready { batches: VecDeque::from(batches), output, tag };
        Ok(())
    }

    fn start_fetch(&mut self, portal: &mut Portal, fetch: &syntax::Fetch) -> Result<()> {
        let batches = self.fetch(fetch)?;
        let count: usize = batches.iter().map(Batch::rows).sum();
        if fetch.move_only {
            return self.answer(portal, None, Vec::new(), format!("MOVE {count}"));
        }
        if let Some(columns) = cursors::columns(&self.session, &fetch.cursor) {
            let desc = Some(&*columns);
            return self.answer(portal, desc, batches, format!("FETCH {count}"));
        }
        let source =
            self.portals.get(&fetch.cursor).ok_or_else(|| super::extended::missing_portal(&fetch.cursor))?;
        let types: Vec<_> = match source.prepared.as_deref().map(|p| &p.kind) {
            Some(Kind::Query(query)) => {
                query.target_list.iter().filter(|t| !t.junk).map(|t| ir::expr_type(&t.expr)).collect()
            }
            _ => Vec::new(),
        };
        if source.cursor.as_ref().is_some_and(|c| c.binary) {
            portal.formats = vec![Format::Binary];
        }
        let output = RowOutput::new(&self.session, &types, &portal.formats)?;
        portal.state = State::Ready { batches: batches.into(), output, tag: format!("FETCH {count}") };
        Ok(())
    }

    fn prepare(&mut self, prepare: &Prepare, outer: &Arc<Prepared>) -> Result<()> {
        let mut types = Vec::new();
        for name in &prepare.types {
            types.push(analyzer::resolve_type(&self.session, &pipeline::Literals, name)?.0);
        }
        let inner = RawStatement { statement: (*prepare.query).clone(), ..(*outer.statement).clone() };
        let prepared = Prepared::new(&self.session, outer.sql.clone(), Arc::new(inner), &types, true)?;
        if matches!(prepared.kind, Kind::Utility) {
            bail!(INVALID_PSTATEMENT_DEFINITION, "utility statements cannot be prepared");
        }
        if let Some(open) = prepared.param_types.iter().position(|t| !t.is_valid() || *t == UNKNOWN) {
            bail!(INDETERMINATE_DATATYPE, "could not determine data type of parameter ${}", open + 1);
        }
        if self.statements.contains_key(&prepare.name) {
            bail!(DUPLICATE_PSTATEMENT, "prepared statement \"{}\" already exists", prepare.name);
        }
        let statement = NamedStatement {
            prepared: Some(Arc::new(prepared)),
            given_types: types,
            from_sql: true,
            prepared_at: self.session.instance().system.clock.timestamp(),
        };
        self.statements.insert(prepare.name.clone(), statement);
        Ok(())
    }

    fn start_execute(&mut self, portal: &mut Portal, execute: &Execute, out: &mut dyn Output) -> Result<()> {
        let Some(prepared) = self.current_statement(&execute.name)? else {
            return self.answer(portal, None, Vec::new(), String::new());
        };
        let params = self.execute_parameters(execute, &prepared)?;
        let mut inner = Portal::new(Some(prepared.clone()), params, portal.formats.clone());
        match prepared.kind {
            Kind::Query(_) => self.start_query(&mut inner, &prepared)?,
            Kind::Utility => self.start_utility(&mut inner, &prepared, out)?,
        }
        portal.state = inner.state;
        Ok(())
    }

    /// What EXECUTE inside of another command runs.
    fn executed(&mut self, execute: &Execute) -> Result<commands::Executed> {
        let empty = || err!(INVALID_SQL_STATEMENT_NAME, "prepared statement \"{}\" is empty", execute.name);
        let prepared = self.current_statement(&execute.name)?.ok_or_else(empty)?;
        let Kind::Query(query) = &prepared.kind else { return Err(empty()) };
        let query = Arc::new((**query).clone());
        let params = self.execute_parameters(execute, &prepared)?;
        let (session, values) = (Arc::downgrade(&self.session), params.clone());
        let plan = move || {
            let session = session.upgrade().ok_or_else(|| Error::internal("the session has ended"))?;
            prepared.plans(&session, &values)
        };
        Ok(commands::Executed { query, plan: Arc::new(plan), params })
    }

    fn execute_parameters(&self, execute: &Execute, prepared: &Prepared) -> Result<Arc<[ParamValue]>> {
        let (given, expected) = (execute.params.len(), prepared.param_types.len());
        if given != expected {
            return Err(err!(
                SYNTAX_ERROR,
                "wrong number of parameters for prepared statement \"{}\"",
                execute.name
            )
            .detail(format!("Expected {expected} parameters but got {given}.")));
        }
        let mut values = Vec::with_capacity(given);
        for (i, (expr, type_oid)) in execute.params.iter().zip(&prepared.param_types).enumerate() {
            let value = pipeline::evaluate_parameter(&self.session, expr, i + 1, *type_oid)?;
            values.push(ParamValue {
                type_oid: *type_oid,
                layout: self.session.type_layout(*type_oid)?,
                value,
            });
        }
        Ok(values.into())
    }

    fn deallocate(&mut self, deallocate: &Deallocate) -> Result<&'static str> {
        match deallocate {
            Deallocate::All => {
                self.statements.clear();
                Ok("DEALLOCATE ALL")
            }
            Deallocate::Name { name, .. } => match self.statements.remove(name) {
                Some(_) => Ok("DEALLOCATE"),
                None => bail!(UNDEFINED_PSTATEMENT, "prepared statement \"{name}\" does not exist"),
            },
        }
    }

    fn discard(&mut self, discard: Discard) -> Result<&'static str> {
        match discard {
            Discard::Plans => Ok("DISCARD PLANS"),
            Discard::Sequences => {
                commands::discard_sequences(&self.session);
                Ok("DISCARD SEQUENCES")
            }
            Discard::Temp => {
                commands::discard_temporary(&self.session)?;
                Ok("DISCARD TEMP")
            }
            Discard::All => {
                if self.block == Block::Explicit {
                    bail!(ACTIVE_SQL_TRANSACTION, "DISCARD ALL cannot run inside a transaction block");
                }
                self.portals.clear();
                self.statements.clear();
                self.session.settings().reset_all();
                self.session.transaction_session().locks().release_session_advisory();
                commands::discard_sequences(&self.session);
                commands::discard_temporary(&self.session)?;
                Ok("DISCARD ALL")
            }
        }
    }

    /// The columns of what a utility statement returns.
    pub(super) fn utility_fields(
        &self,
        prepared: &Prepared,
        formats: &[Format],
    ) -> Result<Option<Vec<FieldDescription>>> {
        match &prepared.statement.statement {
            Statement::Execute(execute) => {
                let statement = self.statements.get(&execute.name).and_then(|s| s.prepared.clone());
                let missing =
                    || err!(UNDEFINED_PSTATEMENT, "prepared statement \"{}\" does not exist", execute.name);
                self.statement_fields(&*statement.ok_or_else(missing)?, formats)
            }
            Statement::Fetch(fetch) if !fetch.move_only => match self.portals.get(&fetch.cursor) {
                Some(source) => {
                    let binary = source.cursor.as_ref().is_some_and(|c: &cursor::CursorOptions| c.binary);
                    let formats = if binary { &[Format::Binary][..] } else { formats };
                    match &source.prepared {
                        Some(prepared) => self.statement_fields(prepared, formats),
                        None => Ok(None),
                    }
                }
                None => {
                    let columns = cursors::columns(&self.session, &fetch.cursor);
                    Ok(columns.map(|columns| portal::describe_desc(&columns, formats)))
                }
            },
            statement => {
                let columns = commands::result_columns(&self.session, statement)?;
                Ok(columns.map(|columns| portal::describe_desc(&columns, formats)))
            }
        }
    }
}
