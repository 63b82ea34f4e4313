//! CREATE and ALTER SEQUENCE; the sequences of serial and identity columns.

use super::page::{self, State};
use super::parameters::Parameters;
use crate::expression;
use crate::invocation::{Invocation, Outcome};
use crate::name::{self, creation_place};
use crate::notice::notice_of;
use crate::privilege;
use crate::relation::{self, NewRelation, persistence_letter};
use base::{Error, Fork, Oid, Result, SqlState, Xid, bail, err};
use buffer::Logging;
use catalog::{DependencyKind, ObjectAddress, PgClass, PgDepend, PgSequence, RelationEntry, Session, index};
use datum::{Attribute, TypeLayout};
use lock::LockMode;
use std::sync::Arc;
use syntax::{AlterSequence, CreateSequence, ObjectName, OptionItem, TypeName};

fn columns() -> Vec<Attribute> {
    let column = |name: &str, type_oid: u32, len: i16, align: u8| {
        let layout = TypeLayout::new(Oid(type_oid), len, true, align);
        Attribute { not_null: true, ..Attribute::result(name, Oid(type_oid), -1, layout, Oid(0)) }
    };
    vec![column("last_value", 20, 8, b'd'), column("log_cnt", 20, 8, b'd'), column("is_called", 16, 1, b'c')]
}

fn resolver<'a>(session: &'a Arc<Session>) -> impl Fn(&TypeName) -> Result<Oid> + 'a {
    move |name| Ok(expression::resolve_type(session, name)?.0)
}

/// CREATE SEQUENCE.
///
/// # Errors
/// PostgreSQL's.
pub(crate) fn create(invocation: &mut Invocation<'_>, statement: &CreateSequence) -> Result<Outcome> {
    let session = invocation.session;
    let place = creation_place(session, &statement.relation, statement.persistence)?;
    if statement.if_not_exists && session.relation_in(place.namespace, &statement.relation.name)?.is_some() {
        let text = format!("relation \"{}\" already exists, skipping", statement.relation.name);
        session.notice(notice_of(SqlState::DUPLICATE_TABLE, text));
        return Ok(Outcome::Tag("CREATE SEQUENCE".to_owned()));
    }
    let parameters = Parameters::parse(&statement.options, None, false, &resolver(session))?;
    let persistence = persistence_letter(place.persistence);
    let owner = session.user();
    let oid = insert(session, &statement.relation.name, place.namespace, persistence, owner, &parameters)?;
    if let Some(owned_by) = &parameters.owned_by {
        set_owner_column(session, oid, owned_by, false)?;
    }
    session.command_counter_increment()?;
    Ok(Outcome::Tag("CREATE SEQUENCE".to_owned()))
}

fn insert(
    session: &Session,
    name: &str,
    namespace: Oid,
    persistence: u8,
    owner: Oid,
    parameters: &Parameters,
) -> Result<Oid> {
    let new = NewRelation {
        name,
        namespace,
        kind: b'S',
        persistence,
        owner,
        tablespace: Oid(0),
        columns: &columns(),
        options: None,
        toast_options: None,
        of_type: Oid(0),
    };
    let oid = relation::create(session, &new)?;
    name::lock_relation(session, oid, LockMode::AccessExclusive)?;
    let (_, class) = relation::class_row(session, oid)?;
    let (last_value, is_called) = parameters.position.unwrap_or((parameters.row.seqstart, false));
    write_file(session, &class, State { last_value, log_count: 0, is_called })?;
    session.insert(&PgSequence { seqrelid: oid, ..parameters.row.clone() })?;
    session.command_counter_increment()?;
    Ok(oid)
}

/// The page of a sequence's new file.
fn write_file(session: &Session, class: &PgClass, state: State) -> Result<()> {
    let pool = &session.instance().pool;
    let locator = session.locate(class)?;
    let xid: Xid = session.transaction()?.xid()?;
    let logged = Logging::Logged { xid };
    match class.relpersistence as u8 {
        b'p' => page::write_first(pool, locator, Fork::Main, state, logged),
        b'u' => {
            page::write_first(pool, locator, Fork::Main, state, Logging::Unlogged)?;
            relation::create_init_fork(session, locator)?;
            page::write_first(pool, locator, Fork::Init, state, logged)
        }
        _ => page::write_first(pool, locator, Fork::Main, state, Logging::Unlogged),
    }
}

/// Whether a column of this type can be an identity column.
///
/// # Errors
/// `22023` if not.
pub(crate) fn require_identity_type(type_oid: Oid) -> Result<()> {
    match type_oid.0 {
        20 | 21 | 23 => Ok(()),
        _ => {
            bail!(INVALID_PARAMETER_VALUE, "identity column type must be smallint, integer, or bigint")
        }
    }
}

/// The sequence of a serial or identity column: made before the column's table, which it belongs to afterwards.
///
/// # Errors
/// As CREATE SEQUENCE.
pub(crate) fn create_owned(
    session: &Arc<Session>,
    name: &str,
    table: (Oid, u8, Oid),
    type_oid: Oid,
    options: &[OptionItem],
    identity: bool,
) -> Result<Oid> {
    let (namespace, persistence, owner) = table;
    let mut parameters = {
        let resolve = resolver(session);
        // The column's type unless AS says otherwise.
        let mut items = options.to_vec();
        if !items.iter().any(|item| item.name == "as") {
            let word = match type_oid.0 {
                21 => "int2",
                23 => "int4",
                20 => "int8",
                _ => bail!(
                    INVALID_PARAMETER_VALUE,
                    "identity column type must be smallint, integer, or bigint"
                ),
            };
            items.push(OptionItem {
                namespace: None,
                name: "as".to_owned(),
                value: Some(syntax::OptionValue::Type(TypeName::system(word, 0))),
                action: Default::default(),
                location: 0,
            });
        }
        Parameters::parse(&items, None, identity, &resolve)?
    };
    parameters.owned_by = None;
    insert(session, name, namespace, persistence, owner, &parameters)
}

fn sequence_row(session: &Session, oid: Oid) -> Result<(base::Tid, PgSequence)> {
    let rows = session.find::<PgSequence>(index::PG_SEQUENCE_SEQRELID, &[oid.into()])?;
    rows.into_iter().next().ok_or_else(|| Error::internal(format!("cache lookup failed for sequence {oid}")))
}

/// ALTER SEQUENCE.
///
/// # Errors
/// PostgreSQL's.
pub(crate) fn alter(invocation: &mut Invocation<'_>, statement: &AlterSequence) -> Result<Outcome> {
    let session = invocation.session;
    let tag = || Outcome::Tag("ALTER SEQUENCE".to_owned());
    let found = name::find_relation(session, &statement.relation, LockMode::ShareRowExclusive)?;
    let entry = match found {
        None if statement.if_exists => {
            let text = format!("relation \"{}\" does not exist, skipping", statement.relation.name);
            session.notice(notice_of(SqlState::SUCCESSFUL_COMPLETION, text));
            return Ok(tag());
        }
        None => name::open_relation(session, &statement.relation, LockMode::ShareRowExclusive)?,
        Some(entry) => entry,
    };
    if entry.kind() != b'S' {
        bail!(WRONG_OBJECT_TYPE, "\"{}\" is not a sequence", entry.name());
    }
    privilege::require_relation_owner(session, &entry)?;
    change(session, &entry, &statement.options, false)?;
    Ok(tag())
}

/// Changes a locked sequence.
///
/// # Errors
/// As ALTER SEQUENCE.
pub(crate) fn change(
    session: &Arc<Session>,
    entry: &RelationEntry,
    options: &[OptionItem],
    identity: bool,
) -> Result<()> {
    let (tid, old) = sequence_row(session, entry.oid())?;
    let pool = &session.instance().pool;
    let state = {
        let pin = page::pin(pool, entry.relation.locator)?;
        let page = pin.read();
        page::read(&page, entry.name())?
    };
    let parameters =
        Parameters::parse(options, Some((&old, state.last_value)), identity, &resolver(session))?;
    if parameters.reset_log {
        let (last_value, is_called) = parameters.position.unwrap_or((state.last_value, state.is_called));
        // A new file, so that an abort brings the old state back.
        rewrite(session, entry.oid(), State { last_value, log_count: 0, is_called })?;
    }
    if let Some(owned_by) = &parameters.owned_by {
        set_owner_column(session, entry.oid(), owned_by, identity)?;
    }
    session.update(tid, &parameters.row)?;
    session.command_counter_increment()
}

fn rewrite(session: &Session, sequence: Oid, state: State) -> Result<()> {
    let (tid, class) = relation::class_row(session, sequence)?;
    let mut class = relation::new_storage(session, &class)?;
    (class.relpages, class.reltuples) = (1, 1.0);
    write_file(session, &class, state)?;
    session.update(tid, &class)?;
    session.invalidate_relation(sequence);
    session.command_counter_increment()
}

/// TRUNCATE ... RESTART IDENTITY: back to the start value, undone by an abort.
///
/// # Errors
/// The disk's.
pub(crate) fn restart(session: &Session, sequence: Oid) -> Result<()> {
    name::lock_relation(session, sequence, LockMode::AccessExclusive)?;
    let (_, row) = sequence_row(session, sequence)?;
    rewrite(session, sequence, State { last_value: row.seqstart, log_count: 0, is_called: false })
}

/// OWNED BY: the sequence goes with the column.
fn set_owner_column(
    session: &Session,
    sequence: Oid,
    owned_by: &ObjectName,
    for_identity: bool,
) -> Result<()> {
    let object = ObjectAddress::new::<PgClass>(sequence);
    let kind = if for_identity { DependencyKind::Internal } else { DependencyKind::Auto };
    let target = match &owned_by.parts[..] {
        [none] if none == "none" => None,
        [_] => {
            return Err(err!(SYNTAX_ERROR, "invalid OWNED BY option")
                .hint("Specify OWNED BY table.column or OWNED BY NONE."));
        }
        [table @ .., column] => {
            let table = ObjectName { parts: table.to_vec(), location: owned_by.location };
            let table =
                name::open_relation(session, &name::as_relation_name(&table)?, LockMode::AccessShare)?;
            if !matches!(table.kind(), b'r' | b'f' | b'v' | b'p') {
                return Err(err!(
                    WRONG_OBJECT_TYPE,
                    "sequence cannot be owned by relation \"{}\"",
                    table.name()
                ));
            }
            let (_, class) = relation::class_row(session, sequence)?;
            if table.class.relowner != class.relowner {
                bail!(
                    OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "sequence must have same owner as table it is linked to"
                );
            }
            if table.class.relnamespace != class.relnamespace {
                bail!(
                    OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "sequence must be in same schema as table it is linked to"
                );
            }
            let Some(position) = table.desc().position(column) else {
                bail!(
                    UNDEFINED_COLUMN,
                    "column \"{column}\" of relation \"{}\" does not exist",
                    table.name()
                );
            };
            Some(ObjectAddress::column(table.oid(), position as i16 + 1))
        }
        [] => None,
    };
    for (tid, row) in session.dependencies_of(object)? {
        if row.deptype as u8 == b'i' && row.refclassid == object.class && row.refobjsubid != 0 {
            return Err(err!(FEATURE_NOT_SUPPORTED, "cannot change ownership of identity sequence"));
        }
        if row.deptype as u8 == b'a' && row.refclassid == object.class {
            session.delete::<PgDepend>(tid)?;
        }
    }
    session.record_dependencies(object, target, kind)
}
