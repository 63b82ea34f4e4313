//! Defaults and generation expressions: pg_attrdef.

use crate::dependency;
use crate::expression;
use crate::relation;
use base::{Oid, Result};
use catalog::{
    CatalogRow, DependencyKind, ObjectAddress, PgAttrdef, PgClass, Session, index as catalog_index,
};
use datum::{Datum, OwnedDatum, TypeLayout};
use ir::{CoercionForm, Const, Expr, FuncExpr};

/// Stores a column's default or generation expression.
///
/// # Errors
/// What writing the catalogs fails with.
pub(crate) fn store(session: &Session, table: Oid, column: i16, expr: &Expr, generated: bool) -> Result<()> {
    let oid = session.new_oid::<PgAttrdef>(catalog_index::PG_ATTRDEF_OID)?;
    session.insert(&PgAttrdef { oid, adrelid: table, adnum: column, adbin: expression::store(expr) })?;
    relation::update_attribute(session, table, column, |row| row.atthasdef = true)?;
    let object = ObjectAddress::new::<PgAttrdef>(oid);
    let kind = if generated { DependencyKind::Internal } else { DependencyKind::Auto };
    session.record_dependencies(object, [ObjectAddress::column(table, column)], kind)?;
    let normal = DependencyKind::Normal;
    dependency::record_expression(session, object, expr, Some(table), normal, normal)?;
    session.invalidate_relation(table);
    session.command_counter_increment()
}

/// Takes a column's default away, if it has one.
///
/// # Errors
/// What writing the catalogs fails with.
pub(crate) fn remove(session: &Session, table: Oid, column: i16) -> Result<bool> {
    let keys = [table.into(), Datum::Int2(column)];
    let mut found = false;
    for (tid, row) in session.find::<PgAttrdef>(catalog_index::PG_ATTRDEF_ADRELID_ADNUM, &keys)? {
        session.forget_dependencies(ObjectAddress::new::<PgAttrdef>(row.oid), None)?;
        session.delete::<PgAttrdef>(tid)?;
        relation::update_attribute(session, table, column, |row| row.atthasdef = false)?;
        found = true;
    }
    if found {
        session.invalidate_relation(table);
        session.command_counter_increment()?;
    }
    Ok(found)
}

/// `nextval('sequence'::regclass)`, cast to the type of a serial column.
pub(crate) fn sequence_default(sequence: Oid, column_type: Oid) -> Expr {
    const REGCLASS: Oid = Oid(2205);
    const INT8: Oid = Oid(20);
    const NEXTVAL: Oid = Oid(1574);
    let constant = Expr::Const(Const {
        type_oid: REGCLASS,
        typmod: -1,
        collation: Oid(0),
        layout: TypeLayout::new(REGCLASS, 4, true, b'i'),
        value: Some(OwnedDatum::Int4(sequence.0 as i32)),
        location: None,
    });
    let call = |function: Oid, result_type: Oid, form: CoercionForm, arg: Expr| {
        Expr::Func(FuncExpr {
            function,
            result_type,
            returns_set: false,
            variadic: false,
            form,
            collation: Oid(0),
            input_collation: Oid(0),
            args: vec![arg],
            location: None,
        })
    };
    let next = call(NEXTVAL, INT8, CoercionForm::ExplicitCall, constant);
    match column_type.0 {
        21 => call(Oid(714), column_type, CoercionForm::ImplicitCast, next),
        23 => call(Oid(480), column_type, CoercionForm::ImplicitCast, next),
        _ => next,
    }
}

/// The sequences that a column owns: of a serial column (`a`) or an identity column (`i`).
///
/// # Errors
/// What reading pg_depend fails with.
pub(crate) fn owned_sequences(session: &Session, table: Oid, column: i16, kind: u8) -> Result<Vec<Oid>> {
    let rows = session.dependents_of(ObjectAddress::column(table, column))?;
    let class = <PgClass as CatalogRow>::OID;
    let mut sequences = Vec::new();
    for (_, row) in rows.into_iter().filter(|(_, row)| row.classid == class && row.deptype as u8 == kind) {
        let found = session.row::<PgClass>(catalog_index::PG_CLASS_OID, &[row.objid.into()])?;
        if found.is_some_and(|class| class.relkind as u8 == b'S') {
            sequences.push(row.objid);
        }
    }
    Ok(sequences)
}
