//! Making relations of any kind: file, pg_class, pg_attribute, row type, dependencies.

mod class;
mod column;
mod storage;
mod toast;
mod types;

pub(crate) use class::{class_row, delete_attributes, update_attribute, update_class};
pub(crate) use column::{check_columns, compression_letter, storage_letter};
pub(crate) use storage::{create_init_fork, create_storage, delete_storage, new_storage, relation_number};
pub(crate) use toast::{create_for as create_toast, is_needed as toast_is_needed};
pub(crate) use types::{NewType, array_name, insert_array_type, insert_type, make_room, rename_array};

use crate::shared_dependency as shared;
use base::{Oid, Result, bail};
use catalog::template::system_columns;
use catalog::{
    DependencyKind, ObjectAddress, PgAttribute, PgClass, PgCollation, PgNamespace, PgType, Session,
};
use datum::Attribute;

/// What makes a relation. Columns are checked already.
pub(crate) struct NewRelation<'a> {
    pub name: &'a str,
    pub namespace: Oid,
    /// pg_class.relkind.
    pub kind: u8,
    /// pg_class.relpersistence.
    pub persistence: u8,
    pub owner: Oid,
    /// 0: the database's.
    pub tablespace: Oid,
    pub columns: &'a [Attribute],
    pub options: Option<Vec<String>>,
    /// Options of the TOAST table.
    pub toast_options: Option<Vec<String>>,
    /// The composite type it is of.
    pub of_type: Oid,
}

/// The letter of pg_class.relpersistence.
pub(crate) fn persistence_letter(persistence: syntax::Persistence) -> u8 {
    match persistence {
        syntax::Persistence::Permanent => b'p',
        syntax::Persistence::Unlogged => b'u',
        syntax::Persistence::Temporary => b't',
    }
}

/// # Errors
/// `42501` for pg_catalog and pg_toast, where only the system makes things.
pub(crate) fn refuse_system_namespace(session: &Session, namespace: Oid, name: &str) -> Result<()> {
    let allowed = session.settings().get(::settings::ALLOW_SYSTEM_TABLE_MODS);
    if matches!(namespace.0, 11 | 99) && !allowed {
        return Err(base::err!(
            INSUFFICIENT_PRIVILEGE,
            "permission denied to create \"{}.{name}\"",
            session.namespace_name(namespace)?
        )
        .detail("System catalog modifications are currently disallowed."));
    }
    Ok(())
}

/// Makes a table, view, sequence, materialized view, composite type or TOAST-less relation of another kind, with its
/// TOAST table where one is needed. Indexes are made by [`crate::index`].
///
/// # Errors
/// `42P07` when the name is taken, `42710` when its row type's name is.
pub(crate) fn create(session: &Session, new: &NewRelation<'_>) -> Result<Oid> {
    refuse_system_namespace(session, new.namespace, new.name)?;
    if session.relation_in(new.namespace, new.name)?.is_some() {
        bail!(DUPLICATE_TABLE, "relation \"{}\" already exists", new.name);
    }
    let has_row_type = !matches!(new.kind, b'S');
    if has_row_type && let Some(existing) = session.type_in(new.namespace, new.name)? {
        if !make_room(session, existing, new.name, new.namespace)? {
            return Err(base::err!(DUPLICATE_OBJECT, "type \"{}\" already exists", new.name).hint(
                "A relation has an associated type of the same name, so you must use a name that doesn't conflict \
                 with any existing type.",
            ));
        }
        session.command_counter_increment()?;
    }
    let oid = relation_number(session, new.tablespace)?;
    let mut class = PgClass::new(oid, new.name, new.namespace, new.kind, new.owner);
    class.relpersistence = new.persistence as i8;
    class.reltablespace = new.tablespace;
    class.relnatts = new.columns.len() as i16;
    class.reloptions = new.options.clone();
    class.reloftype = new.of_type;
    if matches!(new.kind, b'r' | b'm') {
        let transaction = session.transaction()?;
        class.relfrozenxid = transaction.latest_snapshot()?.xmin().low();
        class.relminmxid = session.instance().transactions.oldest_multi_needed().0;
    }
    if matches!(new.kind, b'r' | b'm' | b'S') {
        class.relfilenode = oid;
        create_storage(session, &class)?;
    }
    if has_row_type {
        class.reltype = session.new_oid::<PgType>(catalog::index::PG_TYPE_OID)?;
    }
    if matches!(new.kind, b'r' | b'm') && toast_is_needed(new.columns) {
        class.reltoastrelid = create_toast(session, &class, new.toast_options.clone())?;
    }
    session.insert(&class)?;
    insert_attributes(session, oid, new.kind, new.columns)?;
    if has_row_type {
        types::insert_row_type(session, &class)?;
    }
    record(session, &class, new)?;
    session.command_counter_increment()?;
    Ok(oid)
}

/// The pg_attribute rows of a relation, and what its columns depend on.
pub(crate) fn insert_attributes(
    session: &Session,
    relation: Oid,
    kind: u8,
    columns: &[Attribute],
) -> Result<()> {
    for (position, column) in columns.iter().enumerate() {
        let number = position as i16 + 1;
        session.insert(&PgAttribute::new(relation, number, column))?;
        if !column.dropped {
            record_column(session, relation, number, column)?;
        }
    }
    if !matches!(kind, b'v' | b'c' | b'i' | b'I') {
        for row in system_columns(relation) {
            session.insert(&row)?;
        }
    }
    Ok(())
}

/// A column depends on its type and collation.
pub(crate) fn record_column(session: &Session, relation: Oid, number: i16, column: &Attribute) -> Result<()> {
    let dependent = ObjectAddress::column(relation, number);
    let mut referenced = vec![ObjectAddress::new::<PgType>(column.type_oid)];
    if column.collation.is_valid() {
        referenced.push(ObjectAddress::new::<PgCollation>(column.collation));
    }
    session.record_dependencies(dependent, referenced, DependencyKind::Normal)
}

fn record(session: &Session, class: &PgClass, new: &NewRelation<'_>) -> Result<()> {
    if matches!(new.kind, b't' | b'c') {
        return Ok(()); // a composite type's relation hangs on the type
    }
    let object = ObjectAddress::new::<PgClass>(class.oid);
    shared::record_owner(session, object, new.owner)?;
    let mut referenced = vec![ObjectAddress::new::<PgNamespace>(new.namespace)];
    if new.of_type.is_valid() {
        referenced.push(ObjectAddress::new::<PgType>(new.of_type));
    }
    session.record_dependencies(object, referenced, DependencyKind::Normal)
}
