//! CREATE TABLE AS, SELECT INTO and CREATE MATERIALIZED VIEW: a relation of a query's columns, filled with its rows.

use crate::invocation::{Executed, Invocation, Outcome};
use crate::name::{self, Place, creation_place};
use crate::notice::notice_of;
use crate::options::{self, Target};
use crate::pipeline::{self, Literals, Purpose};
use crate::relation::{self, NewRelation, persistence_letter};
use crate::{execution, index, materialized_view, session_end, view};
use analyzer::ParamTypes;
use base::{Error, Oid, Result, SqlState, bail, err};
use catalog::{RelationEntry, Session};
use datum::{Attribute, Batch, Datum, MAX_BATCH_ROWS};
use executor::{ParamValue, Prepared};
use ir::{CommandType, Query};
use lock::LockMode;
use std::sync::Arc;
use syntax::{CreateTableAs, IntoClause, OnCommit, Persistence, SelectBody, SelectStatement, Statement};

/// CREATE TABLE AS and CREATE MATERIALIZED VIEW.
///
/// # Errors
/// PostgreSQL's.
pub(crate) fn create(invocation: &mut Invocation<'_>, statement: &CreateTableAs) -> Result<Outcome> {
    let tag = if statement.materialized_view { "CREATE MATERIALIZED VIEW" } else { "CREATE TABLE AS" };
    let Some(created) = Created::new(invocation, statement)? else {
        return Ok(Outcome::Tag(tag.to_owned()));
    };
    if !statement.with_data {
        let executed = matches!(*statement.query, Statement::Execute(_));
        return Ok(Outcome::Tag(if executed { "SELECT 0" } else { tag }.to_owned()));
    }
    let session = invocation.session;
    let entry = session.require_relation(created.table)?;
    let count = fill_from(session, &entry, &created.source.plans(session)?, &created.source.params)?;
    Ok(Outcome::Tag(format!("SELECT {count}")))
}

/// Where the rows come from.
pub(crate) struct Source {
    query: Arc<Query>,
    /// Those of a prepared statement.
    plans: Option<Arc<[Arc<Prepared>]>>,
    pub params: Arc<[ParamValue]>,
}

impl Source {
    /// # Errors
    /// Those of the analysis.
    pub fn new(invocation: &Invocation<'_>, statement: &Statement) -> Result<Source> {
        match (statement, &invocation.executed) {
            (Statement::Execute(_), Some(executed)) => {
                let plans = (executed.plan)()?;
                if executed.query.command != CommandType::Select {
                    bail!(WRONG_OBJECT_TYPE, "prepared statement is not a SELECT");
                }
                let Executed { query, params, .. } = executed.clone();
                Ok(Source { query, plans: Some(plans), params })
            }
            (Statement::Execute(_), None) => Err(Error::unsupported("CREATE TABLE AS EXECUTE here")),
            _ => {
                let types = ParamTypes::fixed(invocation.params.iter().map(|p| p.type_oid).collect());
                let query = analyze(invocation.session, statement, invocation.sql, types)?;
                Ok(Source { query: Arc::new(query), plans: None, params: invocation.params.clone() })
            }
        }
    }

    /// # Errors
    /// Those of planning.
    pub fn plans(&self, session: &Arc<Session>) -> Result<Arc<[Arc<Prepared>]>> {
        match &self.plans {
            Some(plans) => Ok(plans.clone()),
            None => {
                Ok(pipeline::plan(session, (*self.query).clone(), Some(&self.params), Purpose::Once)?.into())
            }
        }
    }
}

/// The new relation, still empty.
pub(crate) struct Created {
    pub table: Oid,
    pub source: Source,
}

impl Created {
    /// `None` with a notice if it exists and may.
    ///
    /// # Errors
    /// PostgreSQL's.
    pub fn new(invocation: &Invocation<'_>, statement: &CreateTableAs) -> Result<Option<Created>> {
        let session = invocation.session;
        let into = &statement.into;
        let Some(place) = place_for(session, statement)? else { return Ok(None) };
        let source = Source::new(invocation, &statement.query)?;
        let query = &source.query;
        if statement.materialized_view {
            materialized_view::check_query(session, query, into.persistence)?;
        }
        let table =
            make(session, into, place.namespace, place.persistence, query, statement.materialized_view)?;
        if statement.materialized_view {
            view::store_rule(session, table, query)?;
            if !statement.with_data {
                relation::update_class(session, table, |class| class.relispopulated = false)?;
                session.invalidate_relation(table);
            }
        }
        session.command_counter_increment()?;
        Ok(Some(Created { table, source }))
    }
}

/// Where the new relation goes; `None` with a notice if there is one of its name, and may be.
///
/// # Errors
/// `42P07`, `3F000`, `42501`.
pub(crate) fn place_for(session: &Arc<Session>, statement: &CreateTableAs) -> Result<Option<Place>> {
    let into = &statement.into;
    let place = creation_place(session, &into.relation, into.persistence)?;
    let name = &into.relation.name;
    if session.relation_in(place.namespace, name)?.is_none() {
        return Ok(Some(place));
    }
    if !statement.if_not_exists {
        bail!(DUPLICATE_TABLE, "relation \"{name}\" already exists");
    }
    let text = format!("relation \"{name}\" already exists, skipping");
    session.notice(notice_of(SqlState::DUPLICATE_TABLE, text));
    Ok(None)
}

/// SELECT INTO: CREATE TABLE AS in older words.
///
/// # Errors
/// As [`create`].
pub(crate) fn select_into(invocation: &mut Invocation<'_>, select: &SelectStatement) -> Result<Outcome> {
    match as_create(select) {
        Some(create) => self::create(invocation, &create),
        None => Err(Error::internal("a query among the utility commands")),
    }
}

/// A SELECT INTO as CREATE TABLE AS; `None` for other queries.
pub(crate) fn as_create(select: &SelectStatement) -> Option<CreateTableAs> {
    let mut query = select.clone();
    let into = take_into(&mut query)?;
    Some(CreateTableAs {
        into,
        materialized_view: false,
        if_not_exists: false,
        query: Box::new(Statement::Select(Box::new(query))),
        with_data: true,
    })
}

/// INTO stands in the first SELECT of set operations.
fn take_into(select: &mut SelectStatement) -> Option<IntoClause> {
    match &mut select.body {
        SelectBody::Select(simple) => simple.into.take(),
        SelectBody::SetOperation(set) => take_into(&mut set.left),
        SelectBody::Values(_) => None,
    }
}

fn analyze(session: &Session, query: &Statement, sql: &str, mut types: ParamTypes) -> Result<Query> {
    analyzer::analyze_inner(session, &Literals, query, sql, &mut types)
}

/// The columns of the query under the names of the statement.
fn columns(session: &Session, query: &Query, names: &[String]) -> Result<Vec<Attribute>> {
    let mut columns = Vec::new();
    let mut names = names.iter();
    for target in query.target_list.iter().filter(|t| !t.junk) {
        let type_oid = ir::expr_type(&target.expr);
        let name = match names.next().or(target.name.as_ref()) {
            Some(name) => name.clone(),
            None => "?column?".to_owned(),
        };
        let layout = session.type_layout(type_oid)?;
        let collation = ir::expr_collation(&target.expr);
        let mut column = Attribute::result(name, type_oid, ir::expr_typmod(&target.expr), layout, collation);
        column.storage = session.type_row(type_oid)?.typstorage as u8;
        columns.push(column);
    }
    if names.next().is_some() {
        return Err(err!(SYNTAX_ERROR, "too many column names were specified"));
    }
    Ok(columns)
}

fn make(
    session: &Arc<Session>,
    into: &IntoClause,
    namespace: Oid,
    persistence: Persistence,
    query: &Query,
    materialized_view: bool,
) -> Result<Oid> {
    if into.on_commit != OnCommit::Noop && persistence != Persistence::Temporary {
        bail!(INVALID_TABLE_DEFINITION, "ON COMMIT can only be used on temporary tables");
    }
    if let Some(method) = &into.access_method
        && method != "heap"
    {
        return Err(crate::create_table::unknown_method(session, method)?);
    }
    let kind = if materialized_view { b'm' } else { b'r' };
    let columns = columns(session, query, &into.columns)?;
    relation::check_columns(session, &columns, kind)?;
    for column in &columns {
        crate::privilege::require_type(session, column.type_oid)?;
    }
    let new = NewRelation {
        name: &into.relation.name,
        namespace,
        kind,
        persistence: persistence_letter(persistence),
        owner: session.user(),
        tablespace: index::tablespace(session, into.tablespace.as_deref())?,
        columns: &columns,
        options: options::relation_options(None, &into.options, None, Target::Table, false)?,
        toast_options: options::relation_options(None, &into.options, Some("toast"), Target::Toast, false)?,
        of_type: Oid(0),
    };
    let oid = relation::create(session, &new)?;
    name::lock_relation(session, oid, LockMode::AccessExclusive)?;
    session_end::remember_on_commit(session, oid, into.on_commit);
    Ok(oid)
}

/// Inserts the rows of the query into a relation without indexes that nobody else sees. Returns how many.
///
/// # Errors
/// What planning and running the query fails with, and the disk's.
pub(crate) fn fill(
    session: &Arc<Session>,
    entry: &RelationEntry,
    query: Query,
    params: &[ParamValue],
) -> Result<u64> {
    fill_from(session, entry, &pipeline::plan(session, query, Some(params), Purpose::Once)?, params)
}

fn fill_from(
    session: &Arc<Session>,
    entry: &RelationEntry,
    plans: &[Arc<Prepared>],
    params: &[ParamValue],
) -> Result<u64> {
    let mut filler = Filler::new(session, entry)?;
    for prepared in plans {
        crate::nested::lock_relations(session, &prepared.plan)?;
        let snapshot = session.transaction()?.snapshot()?;
        let mut running = executor::start(session, prepared, params, snapshot, &execution::options(session))?;
        while let Some(batch) = running.next(MAX_BATCH_ROWS)? {
            if prepared.plan.can_set_tag {
                filler.add(&batch)?;
            }
        }
        running.finish()?;
    }
    Ok(filler.count)
}

/// Takes rows into a new relation.
pub(crate) struct Filler<'a> {
    context: access_api::Context,
    entry: &'a RelationEntry,
    bulk: heap::BulkInsert,
    pub count: u64,
}

impl<'a> Filler<'a> {
    /// # Errors
    /// `XX000` outside of a transaction.
    pub fn new(session: &Session, entry: &'a RelationEntry) -> Result<Filler<'a>> {
        Ok(Filler { context: session.context()?, entry, bulk: heap::BulkInsert::default(), count: 0 })
    }

    /// # Errors
    /// The disk's.
    pub fn add(&mut self, batch: &Batch) -> Result<()> {
        let options = heap::InsertOptions { skip_fsm: true, ..heap::InsertOptions::default() };
        for row in 0..batch.rows() {
            let values: Vec<Option<Datum<'_>>> =
                (0..self.entry.desc().len()).map(|column| batch.value(column, row)).collect();
            heap::insert(&self.context, &self.entry.relation, &values, &options, Some(&mut self.bulk))?;
        }
        self.count += batch.rows() as u64;
        Ok(())
    }
}
