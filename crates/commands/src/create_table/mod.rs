//! CREATE TABLE.
//!
//! The columns are worked out first (`column`, `like`), then the table is made, and then everything else is added to
//! it in PostgreSQL's order: defaults, checks, NOT NULL, keys, foreign keys.

mod column;
mod like;
mod partition;

pub(crate) use column::{ColumnDraft, DefaultSource, draft as draft_column};
pub(crate) use like::renumber;

use crate::constraint::{self, CheckSource, KeyConstraint, NotNull};
use crate::expression::{self, Kind};
use crate::invocation::{Invocation, Outcome};
use crate::name::{self, creation_place};
use crate::notice::notice_of;
use crate::options::{self, Target};
use crate::relation::{self, NewRelation, persistence_letter};
use crate::{index, inherit, privilege, sequence};
use base::{Error, Oid, Result, SqlState, bail, err};
use catalog::{DependencyKind, ObjectAddress, PgClass, RelationEntry, Session};
use datum::Attribute;
use lock::LockMode;
use std::sync::Arc;
use syntax::{Constraint, ConstraintKind, CreateTable, OnCommit, TableElement};

/// A table about to be made.
#[derive(Default)]
pub(crate) struct Draft<'a> {
    pub columns: Vec<ColumnDraft<'a>>,
    /// Checks with whether they were written with a column.
    pub checks: Vec<&'a Constraint>,
    /// NOT NULL as table constraints, by column name.
    pub not_nulls: Vec<(&'a Constraint, String)>,
    /// Keys and foreign keys, with the column they were written with.
    pub keys: Vec<(&'a Constraint, Option<String>)>,
    pub foreign_keys: Vec<(&'a Constraint, Option<String>)>,
    pub copies: Vec<like::Copied>,
}

fn refuse_unbuilt(statement: &CreateTable) -> Result<()> {
    let unbuilt = [
        (statement.foreign.is_some(), "CREATE FOREIGN TABLE"),
        (statement.of_type.is_some(), "typed tables"),
    ];
    match unbuilt.into_iter().find(|(wanted, _)| *wanted) {
        Some((_, what)) => Err(Error::unsupported(what)),
        None => Ok(()),
    }
}

/// CREATE TABLE.
///
/// # Errors
/// PostgreSQL's.
pub(crate) fn create(invocation: &mut Invocation<'_>, statement: &CreateTable) -> Result<Outcome> {
    refuse_unbuilt(statement)?;
    let session = invocation.session;
    let tag = || Outcome::Tag("CREATE TABLE".to_owned());
    let place = creation_place(session, &statement.relation, statement.persistence)
        .map_err(|e| e.or_at(Some(statement.relation.location)))?;
    let table_name = &statement.relation.name;
    if statement.on_commit != OnCommit::Noop && place.persistence != syntax::Persistence::Temporary {
        bail!(INVALID_TABLE_DEFINITION, "ON COMMIT can only be used on temporary tables");
    }
    if statement.partition_by.is_some() && place.persistence == syntax::Persistence::Unlogged {
        bail!(FEATURE_NOT_SUPPORTED, "partitioned tables cannot be unlogged");
    }
    if session.relation_in(place.namespace, table_name)?.is_some() {
        if statement.if_not_exists {
            let text = format!("relation \"{table_name}\" already exists, skipping");
            session.notice(notice_of(SqlState::DUPLICATE_TABLE, text));
            return Ok(tag());
        }
        bail!(DUPLICATE_TABLE, "relation \"{table_name}\" already exists");
    }
    if let Some(method) = &statement.access_method
        && method != "heap"
    {
        return Err(unknown_method(session, method)?);
    }
    let (parents, of) = match &statement.partition_of {
        Some((parent, _)) => {
            (inherit::open_parents(session, std::slice::from_ref(parent), true, place.persistence)?, true)
        }
        None => (inherit::open_parents(session, &statement.inherits, false, place.persistence)?, false),
    };
    let mut draft = collect(session, statement, of.then(|| &*parents[0]))?;
    let merged = inherit::merge(session, &parents, of, &mut draft)?;
    let kind = if statement.partition_by.is_some() { b'p' } else { b'r' };
    let columns: Vec<Attribute> = draft.columns.iter().map(|c| c.attribute.clone()).collect();
    relation::check_columns(session, &columns, kind)?;
    partition::check_options(statement)?;
    let new = NewRelation {
        name: table_name,
        namespace: place.namespace,
        kind,
        persistence: persistence_letter(place.persistence),
        owner: session.user(),
        tablespace: index::tablespace(session, statement.tablespace.as_deref())?,
        columns: &columns,
        options: options::relation_options(None, &statement.options, None, Target::Table, false)?,
        toast_options: options::relation_options(
            None,
            &statement.options,
            Some("toast"),
            Target::Toast,
            false,
        )?,
        of_type: Oid(0),
    };
    let sequences = make_sequences(session, &draft.columns, &new)?;
    let oid = relation::create(session, &new)?;
    name::lock_relation(session, oid, LockMode::AccessExclusive)?;
    store_inheritance(session, oid, &draft, &parents, of)?;
    let parent = parents.first().filter(|_| of);
    complete(session, oid, &draft, &sequences, &merged, || {
        partition::complete(session, oid, statement, parent)
    })?;
    if let Some(parent) = parent {
        crate::partition::clone_to_partition(session, parent.oid(), oid)?;
        crate::trigger::clone_to_partition(session, parent.oid(), oid)?;
        // It has no rows yet that could violate them.
        let unchecked = &mut Vec::new();
        constraint::foreign_key_partitions::clone_to_partition(session, parent.oid(), oid, unchecked)?;
    }
    crate::session_end::remember_on_commit(session, oid, statement.on_commit);
    Ok(tag())
}

/// What of the table is its parents'.
fn store_inheritance(
    session: &Session,
    oid: Oid,
    draft: &Draft<'_>,
    parents: &[Arc<RelationEntry>],
    partition: bool,
) -> Result<()> {
    for (position, column) in draft.columns.iter().enumerate() {
        if column.inherit_count > 0 {
            relation::update_attribute(session, oid, position as i16 + 1, |row| {
                row.attinhcount = column.inherit_count;
                row.attislocal = column.local;
            })?;
        }
    }
    for (position, parent) in parents.iter().enumerate() {
        inherit::store(session, oid, parent.oid(), position as i32 + 1, partition)?;
    }
    session.command_counter_increment()
}

/// Why a table cannot have this access method.
///
/// # Errors
/// What reading the catalogs fails with.
pub(crate) fn unknown_method(session: &Session, method: &str) -> Result<Error> {
    let rows = session.rows::<catalog::PgAm>(catalog::index::PG_AM_NAME, &[method.into()])?;
    Ok(match rows.first() {
        None => err!(UNDEFINED_OBJECT, "access method \"{method}\" does not exist"),
        Some(row) if row.amtype as u8 != b't' => {
            err!(WRONG_OBJECT_TYPE, "access method \"{method}\" is not of type TABLE")
        }
        Some(_) => Error::unsupported(format!("access method {method}")),
    })
}

/// Sorts the elements of the statement.
fn collect<'a>(
    session: &Arc<Session>,
    statement: &'a CreateTable,
    of: Option<&RelationEntry>,
) -> Result<Draft<'a>> {
    let mut draft = Draft::default();
    for element in &statement.elements {
        match element {
            TableElement::Column(definition) => {
                if draft.columns.iter().any(|c| c.attribute.name == definition.name) {
                    bail!(DUPLICATE_COLUMN, "column \"{}\" specified more than once", definition.name);
                }
                let known = match of {
                    Some(parent) => Some(partition::column_of(parent, definition)?),
                    None => None,
                };
                column::add(session, &statement.relation.name, definition, known, &mut draft)?;
            }
            TableElement::Like(clause) => like::expand(session, clause, &mut draft)?,
            TableElement::Constraint(constraint) => table_constraint(constraint, &mut draft)?,
        }
    }
    for position in 1..draft.columns.len() {
        let name = &draft.columns[position].attribute.name;
        if draft.columns[..position].iter().any(|c| c.attribute.name == *name) {
            bail!(DUPLICATE_COLUMN, "column \"{name}\" specified more than once");
        }
    }
    Ok(draft)
}

fn table_constraint<'a>(constraint: &'a Constraint, draft: &mut Draft<'a>) -> Result<()> {
    match &constraint.kind {
        ConstraintKind::Check(_) => draft.checks.push(constraint),
        ConstraintKind::NotNull { column: Some(column) } => {
            draft.not_nulls.push((constraint, column.clone()))
        }
        ConstraintKind::Unique(_) | ConstraintKind::Primary(_) => draft.keys.push((constraint, None)),
        ConstraintKind::Foreign(_) => draft.foreign_keys.push((constraint, None)),
        ConstraintKind::Exclude(_) => return Err(Error::unsupported("exclusion constraints")),
        _ => return Err(Error::internal("a column's constraint among the table's")),
    }
    Ok(())
}

/// The sequence of each serial or identity column, with whether it is one of identity.
pub(crate) type Sequences = Vec<(usize, Oid, bool)>;

fn make_sequences(
    session: &Arc<Session>,
    columns: &[ColumnDraft<'_>],
    table: &NewRelation<'_>,
) -> Result<Sequences> {
    let mut made = Vec::new();
    for (position, column) in columns.iter().enumerate() {
        let Some(wanted) = &column.sequence else { continue };
        let place = (table.namespace, table.persistence, table.owner);
        let oid =
            make_sequence(session, table.name, place, &column.attribute, &wanted.options, wanted.identity)?;
        made.push((position, oid, wanted.identity));
    }
    Ok(made)
}

/// The sequence of one column. `place`: schema, persistence and owner of the table.
///
/// # Errors
/// As CREATE SEQUENCE.
pub(crate) fn make_sequence(
    session: &Arc<Session>,
    table: &str,
    place: (Oid, u8, Oid),
    column: &datum::Attribute,
    options: &[syntax::OptionItem],
    identity: bool,
) -> Result<Oid> {
    let named = options.iter().find(|o| o.name == "sequence_name");
    let sequence_name = match named.and_then(|o| o.value.as_ref()) {
        Some(syntax::OptionValue::Name(given)) => given.name().to_owned(),
        _ => name::choose_relation_name(session, table, Some(&column.name), "seq", place.0, false)?,
    };
    sequence::create_owned(session, &sequence_name, place, column.type_oid, options, identity)
}

/// A sequence goes with the column it was made for.
///
/// # Errors
/// What writing pg_depend fails with.
pub(crate) fn own_sequence(
    session: &Session,
    sequence: Oid,
    table: Oid,
    column: i16,
    identity: bool,
) -> Result<()> {
    let kind = if identity { DependencyKind::Internal } else { DependencyKind::Auto };
    let object = ObjectAddress::new::<PgClass>(sequence);
    session.record_dependencies(object, [ObjectAddress::column(table, column)], kind)
}

/// Adds to the new table what is not in its rows of pg_class and pg_attribute.
fn complete(
    session: &Arc<Session>,
    oid: Oid,
    draft: &Draft<'_>,
    sequences: &Sequences,
    merged: &inherit::Merged,
    between: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let table = session.require_relation(oid)?;
    for (position, column) in draft.columns.iter().enumerate() {
        store_default(session, &table, position, column, sequences)?;
    }
    for (position, sequence, identity) in sequences {
        own_sequence(session, *sequence, oid, *position as i16 + 1, *identity)?;
    }
    session.command_counter_increment()?;
    between()?;
    let table = session.require_relation(oid)?;
    let mut taken = Vec::new();
    inherit::add_checks(session, &table, merged, &mut taken)?;
    for constraint in &draft.checks {
        if let ConstraintKind::Check(ast) = &constraint.kind {
            let source = CheckSource::Written(ast);
            constraint::add_check(session, &table, constraint, source, true, &mut taken)?;
        }
    }
    like::add_checks(session, &table, &draft.copies, &mut taken)?;
    add_not_nulls(session, &table, draft, &merged.not_nulls)?;
    add_keys(session, oid, draft)?;
    like::add_indexes(session, oid, &draft.copies)?;
    for (constraint, column) in &draft.foreign_keys {
        if let ConstraintKind::Foreign(key) = &constraint.kind {
            let table = session.require_relation(oid)?;
            constraint::add_foreign_key(session, &table, constraint, key, column.as_deref(), true)?;
        }
    }
    like::add_statistics(session, oid, &draft.copies)?;
    like::add_comments(session, oid, &draft.copies)
}

/// Stores one column's default.
///
/// # Errors
/// Those of analysing it.
pub(crate) fn store_default(
    session: &Arc<Session>,
    table: &RelationEntry,
    position: usize,
    column: &ColumnDraft<'_>,
    sequences: &Sequences,
) -> Result<()> {
    let attribute = &column.attribute;
    let number = position as i16 + 1;
    let owned = sequences.iter().find(|(at, _, identity)| *at == position && !identity);
    let expr = match (&column.default, owned) {
        (_, Some((_, sequence, _))) => constraint::sequence_default(*sequence, attribute.type_oid),
        (Some(DefaultSource::Ready(expr)), None) => expr.clone(),
        (Some(DefaultSource::Written(ast)), None) => {
            let (name, type_oid, typmod) = (&attribute.name, attribute.type_oid, attribute.typmod);
            if attribute.generated == 0 {
                let kind = Kind::ColumnDefault;
                expression::analyze_for_column(session, ast, kind, None, name, type_oid, typmod)?
            } else {
                generation_expression(session, table, ast, attribute)?
            }
        }
        (None, None) => return Ok(()),
    };
    // DEFAULT NULL is no default.
    if attribute.generated == 0 && matches!(&expr, ir::Expr::Const(constant) if constant.value.is_none()) {
        return Ok(());
    }
    constraint::store_default(session, table.oid(), number, &expr, attribute.generated != 0)
}

/// A generation expression: immutable, over columns that are not generated themselves.
///
/// # Errors
/// `42P17`, `0A000`, `42601`, and those of analysing it.
pub(crate) fn generation_expression(
    session: &Arc<Session>,
    table: &RelationEntry,
    ast: &syntax::Expr,
    attribute: &Attribute,
) -> Result<ir::Expr> {
    let (name, type_oid, typmod) = (&attribute.name, attribute.type_oid, attribute.typmod);
    let expr =
        expression::analyze_for_column(session, ast, Kind::Generated, Some(table), name, type_oid, typmod)?;
    let at = |number: i16| crate::dependency::location_of(&expr, number);
    for number in crate::dependency::columns_of(&expr) {
        if number > 0 && table.desc().attributes()[number as usize - 1].generated != 0 {
            let used = &table.desc().attributes()[number as usize - 1].name;
            return Err(err!(
                INVALID_OBJECT_DEFINITION,
                "cannot use generated column \"{used}\" in column generation expression"
            )
            .detail("A generated column cannot reference another generated column.")
            .or_at(at(number)));
        }
        if number == 0 {
            return Err(err!(
                INVALID_OBJECT_DEFINITION,
                "cannot use whole-row variable in column generation expression"
            )
            .detail("This would cause the generated column to depend on its own value.")
            .or_at(at(number)));
        }
        if number < 0 && number != -6 {
            bail!(INVALID_COLUMN_REFERENCE, "cannot use system column in column generation expression");
        }
    }
    if expression::is_mutable(session, &expr)? {
        bail!(INVALID_OBJECT_DEFINITION, "generation expression is not immutable");
    }
    if attribute.generated == b'v' {
        refuse_user_defined(session, &expr)?;
    }
    Ok(expr)
}

/// What a virtual column shows is worked out by whoever reads it, in that user's name.
fn refuse_user_defined(session: &Session, expr: &ir::Expr) -> Result<()> {
    const FIRST_USER_OID: Oid = Oid(16384);
    let mut found = None;
    ir::any(expr, &mut |e| {
        let location = ir::expr_location(e);
        let operator = match e {
            ir::Expr::Op(op) | ir::Expr::Distinct(op) | ir::Expr::NullIf(op) => Some(op.operator),
            ir::Expr::ScalarArrayOp(op) => Some(op.operator),
            _ => None,
        };
        let function = match (e, operator) {
            (ir::Expr::Func(call), _) => Some(call.function),
            (_, Some(operator)) => session.operator(operator).ok().map(|row| row.oprcode),
            _ => None,
        };
        if function.is_some_and(|function| function >= FIRST_USER_OID) {
            found = Some(("function", location));
        } else if ir::expr_type(e) >= FIRST_USER_OID {
            found = Some(("type", location));
        }
        found.is_some()
    });
    let Some((what, location)) = found else { return Ok(()) };
    Err(err!(FEATURE_NOT_SUPPORTED, "generation expression uses user-defined {what}")
        .detail(format!(
            "Virtual generated columns that make use of user-defined {what}s are not yet supported."
        ))
        .or_at(location))
}

fn add_not_nulls(
    session: &Arc<Session>,
    table: &RelationEntry,
    draft: &Draft<'_>,
    inherited: &[inherit::InheritedNotNull],
) -> Result<()> {
    let mut wanted: Vec<NotNull> = Vec::new();
    for (constraint, name) in &draft.not_nulls {
        let Some(position) = table.desc().position(name) else {
            bail!(UNDEFINED_COLUMN, "column \"{name}\" of relation \"{}\" does not exist", table.name());
        };
        let column = position as i16 + 1;
        let no_inherit = constraint.no_inherit;
        wanted.push(NotNull { column, name: constraint.name.clone(), no_inherit, validated: true });
    }
    for (position, column) in draft.columns.iter().enumerate() {
        if let Some(not_null) = &column.not_null {
            let number = position as i16 + 1;
            let stated = wanted.iter_mut().find(|w| w.column == number);
            match stated {
                Some(stated) if stated.name.is_none() => stated.name.clone_from(&not_null.name),
                Some(_) => {}
                None => wanted.push(NotNull { column: number, ..not_null.clone() }),
            }
        }
    }
    // Named ones first, so that made-up names keep out of their way.
    wanted.sort_by_key(|w| (w.name.is_none(), w.column));
    inherit::add_not_nulls(session, table, &wanted, inherited)
}

fn add_keys(session: &Arc<Session>, oid: Oid, draft: &Draft<'_>) -> Result<()> {
    let is_primary = |c: &Constraint| matches!(c.kind, ConstraintKind::Primary(_));
    let primaries: Vec<_> = draft.keys.iter().filter(|(c, _)| is_primary(c)).collect();
    if let [_, second, ..] = &primaries[..] {
        let table = session.require_relation(oid)?;
        return Err(err!(
            INVALID_TABLE_DEFINITION,
            "multiple primary keys for table \"{}\" are not allowed",
            table.name()
        )
        .at(second.0.location));
    }
    let mut done: Vec<(Vec<String>, &Constraint)> = Vec::new();
    let ordered = primaries.into_iter().chain(draft.keys.iter().filter(|(c, _)| !is_primary(c)));
    for (constraint, column) in ordered {
        let (ConstraintKind::Unique(key) | ConstraintKind::Primary(key)) = &constraint.kind else { continue };
        if key.existing_index.is_some() {
            return Err(err!(FEATURE_NOT_SUPPORTED, "cannot use an existing index in CREATE TABLE")
                .at(constraint.location));
        }
        // UNIQUE over the columns of a key that is there already adds nothing.
        let mut columns: Vec<String> = match column {
            Some(column) => vec![column.clone()],
            None => key.columns.clone(),
        };
        columns.extend(key.include.iter().map(|c| format!("({c})")));
        let same = |(known, other): &&(Vec<String>, &Constraint)| {
            *known == columns
                && (other.deferrable, other.initially_deferred)
                    == (constraint.deferrable, constraint.initially_deferred)
                && (constraint.name.is_none() || other.name == constraint.name)
        };
        if !is_primary(constraint) && constraint.name.is_none() && done.iter().any(|d| same(&d)) {
            continue;
        }
        let table = session.require_relation(oid)?;
        let written = KeyConstraint {
            constraint,
            key,
            primary: is_primary(constraint),
            column: column.as_deref(),
            only: false,
        };
        constraint::add_key(session, &table, &written)?;
        done.push((columns, constraint));
    }
    Ok(())
}

/// # Errors
/// `42501` unless the current user may read the table.
pub(crate) fn require_select(session: &Session, table: &RelationEntry) -> Result<()> {
    privilege::require_on_relation(session, table, catalog::acl::privilege::SELECT)
}
