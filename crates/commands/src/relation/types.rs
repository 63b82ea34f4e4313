//! Row types and array types.

use crate::name::clip;
use crate::shared_dependency as shared;
use base::{Oid, Result};
use catalog::{DependencyKind, ObjectAddress, PgClass, PgNamespace, PgType, Session, index};

/// How pg_type rows of made types differ from one another.
pub(crate) struct NewType<'a> {
    pub oid: Oid,
    pub name: &'a str,
    pub namespace: Oid,
    pub owner: Oid,
    /// c, b, e, d.
    pub kind: u8,
    pub category: u8,
    pub len: i16,
    pub by_value: bool,
    pub align: u8,
    pub storage: u8,
    pub input: u32,
    pub output: u32,
    pub receive: u32,
    pub send: u32,
}

impl NewType<'_> {
    pub(crate) fn row(&self) -> PgType {
        PgType {
            oid: self.oid,
            typname: self.name.to_owned(),
            typnamespace: self.namespace,
            typowner: self.owner,
            typlen: self.len,
            typbyval: self.by_value,
            typtype: self.kind as i8,
            typcategory: self.category as i8,
            typispreferred: false,
            typisdefined: true,
            typdelim: b',' as i8,
            typrelid: Oid(0),
            typsubscript: Oid(0),
            typelem: Oid(0),
            typarray: Oid(0),
            typinput: Oid(self.input),
            typoutput: Oid(self.output),
            typreceive: Oid(self.receive),
            typsend: Oid(self.send),
            typmodin: Oid(0),
            typmodout: Oid(0),
            typanalyze: Oid(0),
            typalign: self.align as i8,
            typstorage: self.storage as i8,
            typnotnull: false,
            typbasetype: Oid(0),
            typtypmod: -1,
            typndims: 0,
            typcollation: Oid(0),
            typdefaultbin: None,
            typdefault: None,
            typacl: None,
        }
    }
}

/// Inserts a type's row with the dependencies that a type of its own has.
///
/// # Errors
/// What writing fails with.
pub(crate) fn insert_type(session: &Session, row: &PgType) -> Result<()> {
    session.insert(row)?;
    let object = ObjectAddress::new::<PgType>(row.oid);
    shared::record_owner(session, object, row.typowner)?;
    session.record_dependencies(
        object,
        [ObjectAddress::new::<PgNamespace>(row.typnamespace)],
        DependencyKind::Normal,
    )
}

/// A free name for the array type over a type of this name: underscores in front.
///
/// # Errors
/// What reading the catalogs fails with.
pub(crate) fn array_name(session: &Session, element: &str, namespace: Oid) -> Result<String> {
    let mut underscores = 1;
    loop {
        let prefix = "_".repeat(underscores);
        let name = format!("{prefix}{}", clip(element, 63 - underscores));
        if session.type_in(namespace, &name)?.is_none() || underscores == 62 {
            return Ok(name);
        }
        underscores += 1;
    }
}

/// Inserts the array type over `element`, whose typarray names it already. No dependencies on schema and owner: it
/// goes with its element.
///
/// # Errors
/// What writing fails with.
pub(crate) fn insert_array_type(session: &Session, element: &PgType) -> Result<()> {
    let name = array_name(session, &element.typname, element.typnamespace)?;
    let align = if element.typalign as u8 == b'd' { b'd' } else { b'i' };
    let new = NewType {
        oid: element.typarray,
        name: &name,
        namespace: element.typnamespace,
        owner: element.typowner,
        kind: b'b',
        category: b'A',
        len: -1,
        by_value: false,
        align,
        storage: b'x',
        input: 750,
        output: 751,
        receive: 2400,
        send: 2401,
    };
    let mut row = new.row();
    row.typelem = element.oid;
    row.typsubscript = Oid(6179);
    row.typanalyze = Oid(3816);
    row.typcollation = element.typcollation;
    row.typmodin = element.typmodin;
    row.typmodout = element.typmodout;
    session.insert(&row)?;
    session.record_dependencies(
        ObjectAddress::new::<PgType>(row.oid),
        [ObjectAddress::new::<PgType>(element.oid)],
        DependencyKind::Internal,
    )
}

/// The row type of a relation, with its array type.
///
/// # Errors
/// What writing fails with.
pub(crate) fn insert_row_type(session: &Session, class: &PgClass) -> Result<()> {
    let new = NewType {
        oid: class.reltype,
        name: &class.relname,
        namespace: class.relnamespace,
        owner: class.relowner,
        kind: b'c',
        category: b'C',
        len: -1,
        by_value: false,
        align: b'd',
        storage: b'x',
        input: 2290,
        output: 2291,
        receive: 2402,
        send: 2403,
    };
    let mut row = new.row();
    row.typrelid = class.oid;
    row.typarray = session.new_oid::<PgType>(index::PG_TYPE_OID)?;
    let (table, own) =
        (ObjectAddress::new::<PgClass>(class.oid), ObjectAddress::new::<PgType>(class.reltype));
    if class.relkind as u8 == b'c' {
        // CREATE TYPE: the relation is part of the type.
        insert_type(session, &row)?;
        session.record_dependencies(table, [own], DependencyKind::Internal)?;
    } else {
        session.insert(&row)?;
        session.record_dependencies(own, [table], DependencyKind::Internal)?;
    }
    insert_array_type(session, &row)
}

/// If the type in the way is an array type that was made along with another, gives that another name. False if not.
///
/// # Errors
/// What writing fails with.
pub(crate) fn make_room(session: &Session, existing: Oid, name: &str, namespace: Oid) -> Result<bool> {
    let row = session.type_row(existing)?;
    let element = row.typelem;
    if !element.is_valid() || session.array_type(element)? != Some(existing) {
        return Ok(false);
    }
    let other = array_name(session, name, namespace)?;
    rename_array(session, existing, &other)?;
    Ok(true)
}

/// # Errors
/// What writing fails with.
pub(crate) fn rename_array(session: &Session, array: Oid, name: &str) -> Result<()> {
    for (tid, mut row) in session.find::<PgType>(index::PG_TYPE_OID, &[array.into()])? {
        row.typname = name.to_owned();
        session.update(tid, &row)?;
    }
    Ok(())
}
