//! ALTER ... RENAME and ALTER ... SET SCHEMA.

use crate::drop::named_type;
use crate::invocation::{Invocation, Outcome};
use crate::name::{self, lock_relation, table_constraint};
use crate::notice::notice;
use crate::relation::{self, array_name, make_room, rename_array};
use crate::{domain, privilege, role, routine};
use base::{Error, Oid, Result, bail, err};
use catalog::acl::privilege as bits;
use catalog::*;
use datum::Datum;
use lock::LockMode;
use std::sync::Arc;
use syntax::{AlterObjectSchema, ObjectRef, ObjectType, Rename, RoleKind, Statement};

/// ALTER ... RENAME.
///
/// # Errors
/// PostgreSQL's; `0A000` for kinds of objects that cannot be made.
pub(crate) fn rename(invocation: &mut Invocation<'_>, statement: &Rename) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let tag = Statement::Rename(Box::new(statement.clone())).tag().to_owned();
    let to = statement.new_name.as_str();
    use ObjectType as O;
    match (statement.object_type, &statement.object) {
        (O::Table | O::Sequence | O::View | O::MaterializedView | O::Index, object) => {
            let Some(entry) = open(session, object, statement.if_exists)? else {
                return Ok(Outcome::Tag(tag));
            };
            privilege::require_relation_owner(session, &entry)?;
            rename_relation(session, &entry, to)?;
        }
        (O::Column, object) => {
            let Some(entry) = open(session, object, statement.if_exists)? else {
                return Ok(Outcome::Tag(tag));
            };
            privilege::require_relation_owner(session, &entry)?;
            let recurse = recurses(object);
            rename_column(
                session,
                &entry,
                statement.sub_name.as_deref().unwrap_or_default(),
                to,
                recurse,
                0,
            )?;
        }
        (O::TableConstraint, object) => {
            let Some(entry) = open(session, object, statement.if_exists)? else {
                return Ok(Outcome::Tag(tag));
            };
            privilege::require_relation_owner(session, &entry)?;
            let recurse = recurses(object);
            rename_constraint(
                session,
                &entry,
                statement.sub_name.as_deref().unwrap_or_default(),
                to,
                recurse,
                0,
            )?;
        }
        (O::Schema, ObjectRef::Name(named)) => rename_schema(session, named.name(), to)?,
        (O::Role, ObjectRef::Role(named)) => match &named.kind {
            RoleKind::Name(name) => rename_role(session, name, to)?,
            _ => bail!(INVALID_PARAMETER_VALUE, "cannot use special role specifier in ALTER ROLE"),
        },
        (O::Database, ObjectRef::Name(named)) => rename_database(session, named.name(), to)?,
        (O::Type | O::Domain, object) => rename_type(session, named_type(session, object)?, to)?,
        (O::DomainConstraint, object) => {
            let from = statement.sub_name.as_deref().unwrap_or_default();
            domain::rename_constraint(session, named_type(session, object)?, from, to)?;
        }
        (O::Function | O::Procedure | O::Routine | O::Aggregate, ObjectRef::Routine(signature)) => {
            routine::rename(session, statement.object_type, signature, to)?;
        }
        (O::Statistics, ObjectRef::Name(named)) => crate::extended_statistics::rename(session, named, to)?,
        (O::Trigger, ObjectRef::Child { name, parent }) => {
            let table = name::as_relation_name(parent)?;
            crate::trigger::rename(session, name, &table, to)?;
        }
        _ => return Err(Error::unsupported(format!("{tag} RENAME"))),
    }
    session.command_counter_increment()?;
    Ok(Outcome::Tag(tag))
}

/// The relation that a statement names, locked exclusively; `None` after a notice that it is not there.
fn open(session: &Arc<Session>, object: &ObjectRef, if_exists: bool) -> Result<Option<Arc<RelationEntry>>> {
    let named = match object {
        ObjectRef::Relation(named) => named.clone(),
        ObjectRef::Name(named) => name::as_relation_name(named)?,
        _ => return Err(Error::internal("a relation named by something else")),
    };
    if let Some(entry) = name::find_relation(session, &named, LockMode::AccessExclusive)? {
        return Ok(Some(entry));
    }
    if if_exists {
        session.notice(notice(format!("relation \"{}\" does not exist, skipping", named.name)));
        return Ok(None);
    }
    name::open_relation(session, &named, LockMode::AccessExclusive).map(Some)
}

fn update_type(session: &Session, oid: Oid, change: impl Fn(&mut PgType)) -> Result<()> {
    for (tid, mut row) in session.find::<PgType>(index::PG_TYPE_OID, &[oid.into()])? {
        change(&mut row);
        session.update(tid, &row)?;
    }
    session.command_counter_increment()
}

fn rename_relation(session: &Session, entry: &RelationEntry, to: &str) -> Result<()> {
    let namespace = entry.class.relnamespace;
    if session.relation_in(namespace, to)?.is_some() {
        bail!(DUPLICATE_TABLE, "relation \"{to}\" already exists");
    }
    relation::update_class(session, entry.oid(), |class| class.relname = to.to_owned())?;
    session.invalidate_relation(entry.oid());
    session.command_counter_increment()?;
    if let Some(row_type) = entry.class.reltype.some() {
        rename_row_type(session, row_type, namespace, to)?;
    }
    if entry.kind() == b'i' {
        let rows = session.find::<PgIndex>(index::PG_INDEX_INDEXRELID, &[entry.oid().into()])?;
        for (_, row) in rows {
            session.invalidate_relation(row.indrelid);
            for constraint in crate::constraint::constraints(session, row.indrelid)?.iter() {
                if constraint.conindid == entry.oid()
                    && matches!(constraint.contype as u8, b'p' | b'u' | b'x')
                {
                    set_constraint_name(session, constraint.oid, to)?;
                }
            }
        }
    }
    Ok(())
}

fn rename_row_type(session: &Session, row_type: Oid, namespace: Oid, to: &str) -> Result<()> {
    if let Some(existing) = session.type_in(namespace, to)?
        && existing != row_type
    {
        if !make_room(session, existing, to, namespace)? {
            bail!(DUPLICATE_OBJECT, "type \"{to}\" already exists");
        }
        session.command_counter_increment()?;
    }
    update_type(session, row_type, |row| row.typname = to.to_owned())?;
    if let Some(array) = session.array_type(row_type)? {
        let name = array_name(session, to, namespace)?;
        rename_array(session, array, &name)?;
        session.command_counter_increment()?;
    }
    Ok(())
}

/// ONLY was not given.
fn recurses(object: &ObjectRef) -> bool {
    !matches!(object, ObjectRef::Relation(named) if !named.inherit)
}

/// `parents`: as many parents of the relation have been renamed their column already.
fn rename_column(
    session: &Session,
    entry: &RelationEntry,
    from: &str,
    to: &str,
    recurse: bool,
    parents: usize,
) -> Result<()> {
    if !matches!(entry.kind(), b'r' | b'v' | b'm' | b'c' | b'p') {
        bail!(WRONG_OBJECT_TYPE, "cannot rename columns of relation \"{}\"", entry.name());
    }
    let is_system = |name: &str| catalog::template::SYSTEM_COLUMNS.iter().any(|s| s.0 == name);
    if is_system(from) {
        bail!(FEATURE_NOT_SUPPORTED, "cannot rename system column \"{from}\"");
    }
    let Some(position) = entry.desc().position(from) else {
        bail!(UNDEFINED_COLUMN, "column \"{from}\" does not exist");
    };
    if recurse && parents == 0 {
        for (child, ways) in session.descendants(entry.oid())?.into_iter().skip(1) {
            lock_relation(session, child, LockMode::AccessExclusive)?;
            rename_column(session, &*session.require_relation(child)?, from, to, false, ways)?;
        }
    } else if parents == 0 && !session.children(entry.oid())?.is_empty() {
        bail!(INVALID_TABLE_DEFINITION, "inherited column \"{from}\" must be renamed in child tables too");
    }
    let keys = [entry.oid().into(), Datum::Int2(position as i16 + 1)];
    let row = session.find::<PgAttribute>(index::PG_ATTRIBUTE_RELID_ATTNUM, &keys)?;
    if row.first().is_some_and(|(_, row)| row.attinhcount as usize > parents) {
        bail!(INVALID_TABLE_DEFINITION, "cannot rename inherited column \"{from}\"");
    }
    if is_system(to) {
        bail!(DUPLICATE_COLUMN, "column name \"{to}\" conflicts with a system column name");
    }
    if entry.desc().position(to).is_some() {
        bail!(DUPLICATE_COLUMN, "column \"{to}\" of relation \"{}\" already exists", entry.name());
    }
    let number = position as i16 + 1;
    relation::update_attribute(session, entry.oid(), number, |row| row.attname = to.to_owned())?;
    for index in &entry.indexes {
        for (at, key) in index.index.indkey.iter().enumerate() {
            if *key == number {
                relation::update_attribute(session, index.oid, at as i16 + 1, |row| {
                    row.attname = to.to_owned()
                })?;
                session.invalidate_relation(index.oid);
            }
        }
    }
    session.invalidate_relation(entry.oid());
    Ok(())
}

fn set_constraint_name(session: &Session, oid: Oid, to: &str) -> Result<()> {
    for (tid, mut row) in session.find::<PgConstraint>(index::PG_CONSTRAINT_OID, &[oid.into()])? {
        row.conname = to.to_owned();
        session.update(tid, &row)?;
    }
    session.command_counter_increment()
}

fn rename_constraint(
    session: &Session,
    entry: &RelationEntry,
    from: &str,
    to: &str,
    recurse: bool,
    parents: usize,
) -> Result<()> {
    let Some(row) = table_constraint(session, entry.oid(), from)? else {
        bail!(UNDEFINED_OBJECT, "constraint \"{from}\" for table \"{}\" does not exist", entry.name());
    };
    if matches!(row.contype as u8, b'c' | b'n') && !row.connoinherit {
        if recurse && parents == 0 {
            for (child, ways) in session.descendants(entry.oid())?.into_iter().skip(1) {
                lock_relation(session, child, LockMode::AccessExclusive)?;
                let child = session.require_relation(child)?;
                rename_constraint(session, &child, from, to, false, ways)?;
            }
        } else if parents == 0 && !session.children(entry.oid())?.is_empty() {
            bail!(
                INVALID_TABLE_DEFINITION,
                "inherited constraint \"{from}\" must be renamed in child tables too"
            );
        }
        if row.coninhcount as usize > parents {
            bail!(INVALID_TABLE_DEFINITION, "cannot rename inherited constraint \"{from}\"");
        }
    }
    crate::constraint::require_free(session, entry, to)?;
    if matches!(row.contype as u8, b'p' | b'u' | b'x') && row.conindid.is_valid() {
        lock_relation(session, row.conindid, LockMode::AccessExclusive)?;
        return rename_relation(session, &*session.require_relation(row.conindid)?, to);
    }
    set_constraint_name(session, row.oid, to)
}

fn rename_schema(session: &Session, from: &str, to: &str) -> Result<()> {
    let oid = session.require_namespace(from)?;
    if !session.rows::<PgNamespace>(index::PG_NAMESPACE_NSPNAME, &[to.into()])?.is_empty() {
        bail!(DUPLICATE_SCHEMA, "schema \"{to}\" already exists");
    }
    for (tid, mut row) in session.find::<PgNamespace>(index::PG_NAMESPACE_OID, &[oid.into()])? {
        privilege::require_owner(session, row.nspowner, "schema", from)?;
        if !privilege::database_allows(session, bits::CREATE)? {
            bail!(INSUFFICIENT_PRIVILEGE, "permission denied for database {}", session.database_name());
        }
        if to.starts_with("pg_") {
            return Err(err!(RESERVED_NAME, "unacceptable schema name \"{to}\"")
                .detail("The prefix \"pg_\" is reserved for system schemas."));
        }
        row.nspname = to.to_owned();
        session.update(tid, &row)?;
    }
    Ok(())
}

fn rename_role(session: &Session, from: &str, to: &str) -> Result<()> {
    let role = session.require_role(from)?;
    let users = session.users();
    if role.oid == users.session {
        bail!(FEATURE_NOT_SUPPORTED, "session user cannot be renamed");
    }
    if role.oid == users.current {
        bail!(FEATURE_NOT_SUPPORTED, "current user cannot be renamed");
    }
    role::check_name(from)?;
    role::check_name(to)?;
    if session.role_by_name(to)?.is_some() {
        bail!(DUPLICATE_OBJECT, "role \"{to}\" already exists");
    }
    let me = role::current(session)?;
    let denied = || err!(INSUFFICIENT_PRIVILEGE, "permission denied to rename role");
    if role.rolsuper && !me.rolsuper {
        return Err(denied().detail(
            "Only roles with the SUPERUSER attribute may rename roles with the SUPERUSER attribute.",
        ));
    }
    let may_rename = me.rolsuper || me.rolcreaterole && role::is_admin(session, role.oid)?;
    if !may_rename {
        return Err(denied().detail(format!(
            "Only roles with the CREATEROLE attribute and the ADMIN option on role \"{from}\" may rename this role."
        )));
    }
    for (tid, mut row) in session.find::<PgAuthid>(index::PG_AUTHID_OID, &[role.oid.into()])? {
        row.rolname = to.to_owned();
        // The old name is part of an md5 hash.
        if row.rolpassword.as_deref().is_some_and(adt::scram::is_md5) {
            row.rolpassword = None;
            session.notice(notice("MD5 password cleared because of role rename"));
        }
        session.update(tid, &row)?;
    }
    Ok(())
}

fn rename_database(session: &Session, from: &str, to: &str) -> Result<()> {
    let (tid, mut row) = crate::database::find(session, from)?;
    privilege::require_owner(session, row.datdba, "database", from)?;
    if !role::current(session)?.rolcreatedb && !session.is_superuser(session.user())? {
        bail!(INSUFFICIENT_PRIVILEGE, "permission denied to rename database");
    }
    if !session.rows::<PgDatabase>(index::PG_DATABASE_DATNAME, &[to.into()])?.is_empty() {
        bail!(DUPLICATE_DATABASE, "database \"{to}\" already exists");
    }
    if row.oid == session.database() {
        bail!(FEATURE_NOT_SUPPORTED, "current database cannot be renamed");
    }
    if session.instance().transactions.sessions_in(row.oid) > 0 {
        bail!(OBJECT_IN_USE, "database \"{from}\" is being accessed by other users");
    }
    row.datname = to.to_owned();
    session.update(tid, &row)
}

fn rename_type(session: &Session, oid: Oid, to: &str) -> Result<()> {
    let row = session.type_row(oid)?;
    privilege::require_type_owner(session, &row)?;
    if row.typtype as u8 == b'c' {
        let entry = session.require_relation(row.typrelid)?;
        if entry.kind() != b'c' {
            return Err(err!(WRONG_OBJECT_TYPE, "{} is a table's row type", session.format_type(oid, None)?)
                .hint("Use ALTER TABLE instead."));
        }
        return rename_relation(session, &entry, to);
    }
    if session.element_type(oid)?.is_some() {
        bail!(WRONG_OBJECT_TYPE, "cannot alter array type {}", session.format_type(oid, None)?);
    }
    rename_row_type(session, oid, row.typnamespace, to)
}

/// ALTER ... SET SCHEMA.
///
/// # Errors
/// PostgreSQL's; `0A000` for kinds of objects that cannot be made.
pub(crate) fn set_schema(invocation: &mut Invocation<'_>, statement: &AlterObjectSchema) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let tag = Statement::AlterObjectSchema(Box::new(statement.clone())).tag().to_owned();
    use ObjectType as O;
    match statement.object_type {
        O::Table | O::Sequence | O::View | O::MaterializedView => {
            let Some(entry) = open(session, &statement.object, statement.if_exists)? else {
                return Ok(Outcome::Tag(tag));
            };
            privilege::require_relation_owner(session, &entry)?;
            let to = session.require_namespace(&statement.schema)?;
            check_move(session, &entry, to)?;
            if to != entry.class.relnamespace {
                move_relation(session, &entry, to)?;
            }
        }
        O::Function | O::Procedure | O::Routine | O::Aggregate => match &statement.object {
            ObjectRef::Routine(signature) => {
                routine::set_schema(session, statement.object_type, signature, &statement.schema)?;
            }
            _ => return Err(Error::internal("a routine named by something else")),
        },
        O::Type | O::Domain => {
            let oid = named_type(session, &statement.object)?;
            move_type(session, oid, session.require_namespace(&statement.schema)?)?;
        }
        O::Statistics => match &statement.object {
            ObjectRef::Name(named) => {
                let to = session.require_namespace(&statement.schema)?;
                if let Some((object, from)) = crate::extended_statistics::set_schema(session, named, to)? {
                    move_dependency(session, object, from, to)?;
                    session.command_counter_increment()?;
                }
            }
            _ => return Err(Error::internal("a statistics object named by something else")),
        },
        _ => return Err(Error::unsupported(format!("{tag} SET SCHEMA"))),
    }
    Ok(Outcome::Tag(tag))
}

fn move_type(session: &Arc<Session>, oid: Oid, to: Oid) -> Result<()> {
    let row = session.type_row(oid)?;
    privilege::require_type_owner(session, &row)?;
    if session.element_type(oid)?.is_some() {
        return Err(err!(WRONG_OBJECT_TYPE, "cannot alter array type {}", session.format_type(oid, None)?)
            .hint(format!(
                "You can alter type {}, which will alter the array type as well.",
                session.format_type(row.typelem, None)?
            )));
    }
    let own_class = match row.typtype as u8 {
        b'c' => Some(session.require_relation(row.typrelid)?),
        _ => None,
    };
    if own_class.as_ref().is_some_and(|entry| entry.kind() != b'c') {
        return Err(err!(WRONG_OBJECT_TYPE, "{} is a table's row type", session.format_type(oid, None)?)
            .hint("Use ALTER TABLE instead."));
    }
    privilege::require_create_in(session, to)?;
    let from = row.typnamespace;
    if from == to {
        return Ok(());
    }
    if session.type_in(to, &row.typname)?.is_some() {
        let schema = session.namespace_name(to)?;
        bail!(DUPLICATE_OBJECT, "type \"{}\" already exists in schema \"{schema}\"", row.typname);
    }
    if let Some(entry) = own_class {
        return move_relation(session, &entry, to);
    }
    update_type(session, oid, |row| row.typnamespace = to)?;
    move_dependency(session, ObjectAddress::new::<PgType>(oid), from, to)?;
    if let Some(array) = session.array_type(oid)? {
        update_type(session, array, |row| row.typnamespace = to)?;
    }
    for (tid, mut constraint) in session.find::<PgConstraint>(index::PG_CONSTRAINT_CONTYPID, &[oid.into()])? {
        constraint.connamespace = to;
        session.update(tid, &constraint)?;
    }
    session.command_counter_increment()
}

fn check_move(session: &Session, entry: &RelationEntry, to: Oid) -> Result<()> {
    privilege::require_create_in(session, to)?;
    for oid in [entry.class.relnamespace, to] {
        let schema = session.namespace_name(oid)?;
        if schema.starts_with("pg_temp_") || schema.starts_with("pg_toast_temp_") {
            bail!(FEATURE_NOT_SUPPORTED, "cannot move objects into or out of temporary schemas");
        }
        if schema == "pg_toast" {
            bail!(FEATURE_NOT_SUPPORTED, "cannot move objects into or out of TOAST schema");
        }
    }
    relation::refuse_system_namespace(session, to, entry.name())?;
    if entry.kind() == b'S' {
        for (_, row) in session.dependencies_of(ObjectAddress::new::<PgClass>(entry.oid()))? {
            if row.refclassid == PgClass::OID && matches!(row.deptype as u8, b'a' | b'i') {
                let table = session.require_relation(row.refobjid)?;
                return Err(err!(FEATURE_NOT_SUPPORTED, "cannot move an owned sequence into another schema")
                    .detail(format!(
                        "Sequence \"{}\" is linked to table \"{}\".",
                        entry.name(),
                        table.name()
                    )));
            }
        }
    }
    Ok(())
}

fn move_relation(session: &Arc<Session>, entry: &RelationEntry, to: Oid) -> Result<()> {
    let from = entry.class.relnamespace;
    if session.relation_in(to, entry.name())?.is_some() {
        bail!(
            DUPLICATE_TABLE,
            "relation \"{}\" already exists in schema \"{}\"",
            entry.name(),
            session.namespace_name(to)?
        );
    }
    relation::update_class(session, entry.oid(), |class| class.relnamespace = to)?;
    move_dependency(session, ObjectAddress::new::<PgClass>(entry.oid()), from, to)?;
    if let Some(row_type) = entry.class.reltype.some() {
        update_type(session, row_type, |row| row.typnamespace = to)?;
        if let Some(array) = session.array_type(row_type)? {
            update_type(session, array, |row| row.typnamespace = to)?;
        }
    }
    for constraint in crate::constraint::constraints(session, entry.oid())?.iter() {
        for (tid, mut row) in
            session.find::<PgConstraint>(index::PG_CONSTRAINT_OID, &[constraint.oid.into()])?
        {
            row.connamespace = to;
            session.update(tid, &row)?;
        }
    }
    for index in &entry.indexes {
        relation::update_class(session, index.oid, |class| class.relnamespace = to)?;
        session.invalidate_relation(index.oid);
    }
    for number in 1..=entry.desc().len() as i16 {
        for kind in [b'a', b'i'] {
            for sequence in crate::constraint::owned_sequences(session, entry.oid(), number, kind)? {
                lock_relation(session, sequence, LockMode::AccessExclusive)?;
                relation::update_class(session, sequence, |class| class.relnamespace = to)?;
                move_dependency(session, ObjectAddress::new::<PgClass>(sequence), from, to)?;
            }
        }
    }
    session.invalidate_relation(entry.oid());
    session.command_counter_increment()
}

fn move_dependency(session: &Session, object: ObjectAddress, from: Oid, to: Oid) -> Result<()> {
    let keys = [object.class.into(), object.object.into(), Datum::Int4(0)];
    let mut found = false;
    for (tid, mut row) in session.find::<PgDepend>(index::PG_DEPEND_DEPENDER, &keys)? {
        if row.refclassid == PgNamespace::OID && row.refobjid == from {
            row.refobjid = to;
            session.update(tid, &row)?;
            found = true;
        }
    }
    if !found {
        // The old schema was one that is not recorded.
        let on = [ObjectAddress::new::<PgNamespace>(to)];
        session.record_dependencies(object, on, DependencyKind::Normal)?;
    }
    Ok(())
}
