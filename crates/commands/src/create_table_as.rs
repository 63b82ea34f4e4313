//! CREATE TABLE AS, SELECT INTO and CREATE MATERIALIZED VIEW: a relation of a query's columns, filled with its rows.

use crate::invocation::{Invocation, Outcome};
use crate::name::{self, creation_place};
use crate::notice::notice_of;
use crate::options::{self, Target};
use crate::pipeline::{self, Literals};
use crate::relation::{self, NewRelation, persistence_letter};
use crate::{execution, index, materialized_view, session_end, view};
use analyzer::ParamTypes;
use base::{Error, Oid, Result, SqlState, bail, err};
use catalog::{RelationEntry, Session};
use datum::{Attribute, Datum, MAX_BATCH_ROWS};
use executor::ParamValue;
use ir::{Query, RangeTableKind};
use lock::LockMode;
use std::sync::Arc;
use syntax::{CreateTableAs, IntoClause, OnCommit, Persistence, SelectBody, SelectStatement, Statement};

/// CREATE TABLE AS and CREATE MATERIALIZED VIEW.
///
/// # Errors
/// PostgreSQL's.
pub(crate) fn create(invocation: &mut Invocation<'_>, statement: &CreateTableAs) -> Result<Outcome> {
    let session = invocation.session;
    let into = &statement.into;
    let place = creation_place(session, &into.relation, into.persistence)?;
    let name = &into.relation.name;
    if session.relation_in(place.namespace, name)?.is_some() {
        if statement.if_not_exists {
            let text = format!("relation \"{name}\" already exists, skipping");
            session.notice(notice_of(SqlState::DUPLICATE_TABLE, text));
            let tag =
                if statement.materialized_view { "CREATE MATERIALIZED VIEW" } else { "CREATE TABLE AS" };
            return Ok(Outcome::Tag(tag.to_owned()));
        }
        bail!(DUPLICATE_TABLE, "relation \"{name}\" already exists");
    }
    if !matches!(*statement.query, Statement::Select(_)) {
        return Err(Error::unsupported("CREATE TABLE AS EXECUTE"));
    }
    let types = ParamTypes::fixed(invocation.params.iter().map(|p| p.type_oid).collect());
    let query = analyze(session, &statement.query, invocation.sql, types)?;
    if statement.materialized_view {
        materialized_view::check_query(session, &query, into.persistence)?;
    }
    let table = make(session, into, place.namespace, place.persistence, &query, statement.materialized_view)?;
    if statement.materialized_view {
        view::store_rule(session, table, &query)?;
    }
    if !statement.with_data {
        if statement.materialized_view {
            relation::update_class(session, table, |class| class.relispopulated = false)?;
            session.invalidate_relation(table);
            return Ok(Outcome::Tag("CREATE MATERIALIZED VIEW".to_owned()));
        }
        return Ok(Outcome::Tag("CREATE TABLE AS".to_owned()));
    }
    session.command_counter_increment()?;
    let entry = session.require_relation(table)?;
    let count = fill(session, &entry, query, &invocation.params)?;
    Ok(Outcome::Tag(format!("SELECT {count}")))
}

/// SELECT INTO: CREATE TABLE AS in older words.
///
/// # Errors
/// As [`create`].
pub(crate) fn select_into(invocation: &mut Invocation<'_>, select: &SelectStatement) -> Result<Outcome> {
    let mut query = select.clone();
    let Some(into) = take_into(&mut query) else {
        return Err(Error::internal("a query among the utility commands"));
    };
    let create = CreateTableAs {
        into,
        materialized_view: false,
        if_not_exists: false,
        query: Box::new(Statement::Select(Box::new(query))),
        with_data: true,
    };
    self::create(invocation, &create)
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
    let context = session.context()?;
    let options = heap::InsertOptions { skip_fsm: true, ..heap::InsertOptions::default() };
    let mut bulk = heap::BulkInsert::default();
    let mut count = 0;
    for prepared in pipeline::plan(session, query, Some(params), true)? {
        for relation in &prepared.plan.range_table {
            if let RangeTableKind::Relation { oid, lock_mode, .. } = &relation.kind
                && let Some(mode) = LockMode::from_number(*lock_mode)
            {
                session.lock_relation(*oid, mode)?;
            }
        }
        let snapshot = session.transaction()?.snapshot()?;
        let mut running =
            executor::start(session, &prepared, params, snapshot, &execution::options(session))?;
        while let Some(batch) = running.next(MAX_BATCH_ROWS)? {
            if !prepared.plan.can_set_tag {
                continue;
            }
            for row in 0..batch.rows() {
                let values: Vec<Option<Datum<'_>>> =
                    (0..entry.desc().len()).map(|column| batch.value(column, row)).collect();
                heap::insert(&context, &entry.relation, &values, &options, Some(&mut bulk))?;
            }
            count += batch.rows() as u64;
        }
        running.finish()?;
    }
    Ok(count)
}
