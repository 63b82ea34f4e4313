//! ALTER ... OWNER TO.

use crate::acl_object::Owned;
use crate::drop::named_type;
use crate::invocation::{Invocation, Outcome};
use crate::name;
use crate::privilege;
use base::{Error, Oid, Result, bail, err};
use catalog::*;
use lock::LockMode;
use std::sync::Arc;
use syntax::{AlterOwner, ObjectRef, ObjectType, Statement};

/// ALTER ... OWNER TO for everything but relations, which ALTER TABLE sees to.
///
/// # Errors
/// `42704`, `42501`.
pub(crate) fn alter(invocation: &mut Invocation<'_>, statement: &AlterOwner) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let owner = privilege::required_role(session, &statement.owner)?;
    use ObjectType as O;
    match (statement.object_type, &statement.object) {
        (O::Schema, ObjectRef::Name(named)) => {
            let oid = session.require_namespace(named.name())?;
            change(session, ObjectAddress::new::<PgNamespace>(oid), owner)?;
        }
        (O::Database, ObjectRef::Name(named)) => {
            let rows = session.rows::<PgDatabase>(index::PG_DATABASE_DATNAME, &[named.name().into()])?;
            let Some(row) = rows.first() else {
                bail!(UNDEFINED_DATABASE, "database \"{}\" does not exist", named.name());
            };
            change(session, ObjectAddress::new::<PgDatabase>(row.oid), owner)?;
        }
        (O::Statistics, ObjectRef::Name(named)) => {
            let row = crate::extended_statistics::require(session, named)?;
            if row.stxowner != owner && !session.is_superuser(session.user())? {
                privilege::require_owner(session, row.stxowner, "statistics object", &row.stxname)?;
                privilege::require_can_set_role(session, owner)?;
                privilege::require_create_in_as(session, row.stxnamespace, owner)?;
            }
            change(session, ObjectAddress::new::<PgStatisticExt>(row.oid), owner)?;
        }
        (O::Function | O::Procedure | O::Routine | O::Aggregate, ObjectRef::Routine(signature)) => {
            let oid = crate::routine::find(session, statement.object_type, signature)?;
            change_routine(session, oid, owner)?;
        }
        (O::Type | O::Domain, object) => change_type(session, named_type(session, object)?, owner)?,
        (O::Table | O::Sequence | O::View | O::MaterializedView | O::Index, ObjectRef::Name(named)) => {
            let entry =
                name::open_relation(session, &name::as_relation_name(named)?, LockMode::AccessExclusive)?;
            change_relation(session, &entry, owner)?;
        }
        _ => {
            let tag = Statement::AlterOwner(Box::new(statement.clone())).tag();
            return Err(Error::unsupported(format!("{tag} OWNER TO")));
        }
    }
    Ok(Outcome::Tag(Statement::AlterOwner(Box::new(statement.clone())).tag().to_owned()))
}

fn change_routine(session: &Session, oid: Oid, owner: Oid) -> Result<()> {
    let row = session.function(oid)?;
    if row.proowner == owner {
        return Ok(());
    }
    if !session.is_superuser(session.user())? {
        privilege::require_owner(session, row.proowner, crate::routine::word_of(&row), &row.proname)?;
        privilege::require_can_set_role(session, owner)?;
        privilege::require_create_in_as(session, row.pronamespace, owner)?;
    }
    Owned::read(session, ObjectAddress::new::<PgProc>(oid))?.change_owner(session, owner)
}

/// Checks that the current user may give the object away, and does it.
fn change(session: &Session, object: ObjectAddress, owner: Oid) -> Result<()> {
    let mut owned = Owned::read(session, object)?;
    if owned.owner == owner {
        return Ok(());
    }
    privilege::require_owner(session, owned.owner, owned.word, &owned.name)?;
    privilege::require_can_set_role(session, owner)?;
    owned.change_owner(session, owner)
}

fn change_type(session: &Session, oid: Oid, owner: Oid) -> Result<()> {
    let row = session.type_row(oid)?;
    if row.typtype as u8 == b'c' {
        let entry = session.require_relation(row.typrelid)?;
        if entry.kind() != b'c' {
            return Err(err!(WRONG_OBJECT_TYPE, "{} is a table's row type", session.format_type(oid, None)?)
                .hint("Use ALTER TABLE instead."));
        }
    }
    if session.element_type(oid)?.is_some() {
        return Err(err!(WRONG_OBJECT_TYPE, "cannot alter array type {}", session.format_type(oid, None)?));
    }
    if !session.is_superuser(session.user())? {
        privilege::require_type_owner(session, &row)?;
        privilege::require_can_set_role(session, owner)?;
        privilege::require_create_in_as(session, row.typnamespace, owner)?;
    }
    give_type(session, &row, owner)
}

fn give_type(session: &Session, row: &PgType, owner: Oid) -> Result<()> {
    let oid = row.oid;
    set_type_owner(session, oid, owner)?;
    Owned::read(session, ObjectAddress::new::<PgType>(oid))?.change_owner(session, owner)?;
    if let Some(relation) = row.typrelid.some() {
        crate::relation::update_class(session, relation, |class| class.relowner = owner)?;
    }
    if let Some(array) = row.typarray.some() {
        set_type_owner(session, array, owner)?;
    }
    session.command_counter_increment()
}

fn set_type_owner(session: &Session, oid: Oid, owner: Oid) -> Result<()> {
    for (tid, mut row) in session.find::<PgType>(index::PG_TYPE_OID, &[oid.into()])? {
        row.typowner = owner;
        session.update(tid, &row)?;
    }
    session.command_counter_increment()
}

/// Gives a locked relation to another owner, with its indexes, row type, TOAST table and owned sequences.
///
/// # Errors
/// `42501`, `0A000` for sequences that belong to a table.
pub(crate) fn change_relation(session: &Arc<Session>, entry: &RelationEntry, owner: Oid) -> Result<()> {
    if matches!(entry.kind(), b'i' | b'I') {
        return Err(err!(WRONG_OBJECT_TYPE, "cannot change owner of index \"{}\"", entry.name())
            .hint("Change the ownership of the index's table instead."));
    }
    if entry.class.relowner == owner {
        return Ok(());
    }
    let object = ObjectAddress::new::<PgClass>(entry.oid());
    if entry.kind() == b'S' {
        for (_, row) in session.dependencies_of(object)? {
            if row.refclassid == PgClass::OID && matches!(row.deptype as u8, b'a' | b'i') {
                let table = session.require_relation(row.refobjid)?;
                return Err(err!(
                    FEATURE_NOT_SUPPORTED,
                    "cannot change owner of sequence \"{}\"",
                    entry.name()
                )
                .detail(format!(
                    "Sequence \"{}\" is linked to table \"{}\".",
                    entry.name(),
                    table.name()
                )));
            }
        }
    }
    privilege::refuse_catalog(&entry.class)?;
    // Superusers may give anything to anyone.
    if !session.is_superuser(session.user())? {
        privilege::require_relation_owner(session, entry)?;
        privilege::require_can_set_role(session, owner)?;
        privilege::require_create_in_as(session, entry.class.relnamespace, owner)?;
    }
    give_relation(session, entry, owner)
}

fn give_relation(session: &Arc<Session>, entry: &RelationEntry, owner: Oid) -> Result<()> {
    Owned::read(session, ObjectAddress::new::<PgClass>(entry.oid()))?.change_owner(session, owner)?;
    if let Some(row_type) = entry.class.reltype.some() {
        set_type_owner(session, row_type, owner)?;
        if let Some(array) = session.array_type(row_type)? {
            set_type_owner(session, array, owner)?;
        }
    }
    let toast = entry.class.reltoastrelid.some();
    let toast_indexes = match toast {
        Some(toast) => session.require_relation(toast)?.indexes.iter().map(|i| i.oid).collect(),
        None => Vec::new(),
    };
    for oid in entry.indexes.iter().map(|i| i.oid).chain(toast).chain(toast_indexes) {
        crate::relation::update_class(session, oid, |class| class.relowner = owner)?;
    }
    for number in 1..=entry.desc().len() as i16 {
        for kind in [b'a', b'i'] {
            for sequence in crate::constraint::owned_sequences(session, entry.oid(), number, kind)? {
                name::lock_relation(session, sequence, LockMode::AccessExclusive)?;
                Owned::read(session, ObjectAddress::new::<PgClass>(sequence))?
                    .change_owner(session, owner)?;
            }
        }
    }
    session.invalidate_relation(entry.oid());
    session.command_counter_increment()
}

/// Gives an object to another owner without asking who may: REASSIGN OWNED has asked.
///
/// # Errors
/// `0A000` for objects of catalogs whose owners cannot be changed.
pub(crate) fn give(session: &Arc<Session>, object: ObjectAddress, owner: Oid) -> Result<()> {
    match object.class {
        PgClass::OID => {
            let entry = session.open_relation(object.object, LockMode::AccessExclusive)?;
            if entry.class.relowner == owner {
                return Ok(());
            }
            give_relation(session, &entry, owner)
        }
        PgType::OID => give_type(session, &*session.type_row(object.object)?, owner),
        _ => Owned::read(session, object)?.change_owner(session, owner),
    }
}
