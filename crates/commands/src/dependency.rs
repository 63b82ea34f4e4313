//! What an expression or query refers to: the objects that must stay as long as it is stored.

use base::{Oid, Result};
use catalog::{
    CatalogRow, DependencyKind, ObjectAddress, PgClass, PgCollation, PgConstraint, PgOperator, PgProc,
    PgType, Session,
};
use ir::{Expr, VarSource};

const DEFAULT_COLLATION: Oid = Oid(100);

fn add_type(found: &mut Vec<ObjectAddress>, oid: Oid) {
    if oid.is_valid() {
        found.push(ObjectAddress::new::<PgType>(oid));
    }
}

fn add_collation(found: &mut Vec<ObjectAddress>, oid: Oid) {
    if oid.is_valid() && oid != DEFAULT_COLLATION {
        found.push(ObjectAddress::new::<PgCollation>(oid));
    }
}

/// A constant of an OID alias type names an object.
fn constant_object(type_oid: Oid, value: Oid) -> Option<ObjectAddress> {
    Some(match type_oid.0 {
        24 | 2202 => ObjectAddress::new::<PgProc>(value),
        2203 | 2204 => ObjectAddress::new::<PgOperator>(value),
        2205 => ObjectAddress::new::<PgClass>(value),
        2206 => ObjectAddress::new::<PgType>(value),
        4191 => ObjectAddress::new::<PgCollation>(value),
        4089 => ObjectAddress::new::<catalog::PgNamespace>(value),
        _ => return None,
    })
}

/// The objects that one expression refers to. `relation` is what its Vars are columns of, where it stands for the
/// range table's only entry.
pub(crate) fn of_expression(expr: &Expr, relation: Option<Oid>) -> Vec<ObjectAddress> {
    let mut found = Vec::new();
    visit(expr, relation, &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

fn visit(expr: &Expr, relation: Option<Oid>, found: &mut Vec<ObjectAddress>) {
    if let Expr::Var(var) = expr
        && let (VarSource::Relation(_), Some(relation)) = (var.source, relation)
        && var.levels_up == 0
    {
        found.push(ObjectAddress::column(relation, var.attribute.max(0)));
    }
    add_node(expr, found);
    ir::for_each_child(expr, &mut |child| visit(child, relation, found));
}

/// What one node refers to by itself, its children and variables aside.
pub(crate) fn add_node(expr: &Expr, found: &mut Vec<ObjectAddress>) {
    match expr {
        Expr::Const(constant) => {
            add_type(found, constant.type_oid);
            add_collation(found, constant.collation);
            if let Some(datum::OwnedDatum::Int4(value)) = &constant.value
                && let Some(object) = constant_object(constant.type_oid, Oid(*value as u32))
            {
                found.push(object);
            }
        }
        Expr::Func(call) => found.push(ObjectAddress::new::<PgProc>(call.function)),
        Expr::Op(op) | Expr::Distinct(op) | Expr::NullIf(op) => {
            found.push(ObjectAddress::new::<PgOperator>(op.operator));
        }
        Expr::ScalarArrayOp(op) => found.push(ObjectAddress::new::<PgOperator>(op.operator)),
        Expr::Aggref(aggregate) => found.push(ObjectAddress::new::<PgProc>(aggregate.function)),
        Expr::WindowFunc(window) => found.push(ObjectAddress::new::<PgProc>(window.function)),
        Expr::NextValue { sequence, .. } => found.push(ObjectAddress::new::<PgClass>(*sequence)),
        Expr::Collate { collation, .. } => add_collation(found, *collation),
        Expr::Relabel { result_type, .. }
        | Expr::CoerceViaIo { result_type, .. }
        | Expr::ArrayCoerce { result_type, .. }
        | Expr::ConvertRowtype { result_type, .. }
        | Expr::CoerceToDomain { result_type, .. } => add_type(found, *result_type),
        Expr::Row { row_type, .. } => add_type(found, *row_type),
        _ => {}
    }
}

/// Records what an expression over one relation's columns needs: its own relation's columns with `own`, the rest
/// with `others`.
///
/// # Errors
/// What writing pg_depend fails with.
pub(crate) fn record_expression(
    session: &Session,
    dependent: ObjectAddress,
    expr: &Expr,
    relation: Option<Oid>,
    own: DependencyKind,
    others: DependencyKind,
) -> Result<()> {
    let (mine, rest): (Vec<_>, Vec<_>) = of_expression(expr, relation)
        .into_iter()
        .partition(|object| object.class == PgClass::OID && Some(object.object) == relation);
    session.record_dependencies(dependent, mine, own)?;
    session.record_dependencies(dependent, rest, others)
}

/// Where an expression over one table mentions a column first.
pub(crate) fn location_of(expr: &Expr, column: i16) -> Option<usize> {
    let mut found = None;
    ir::any(expr, &mut |e| {
        if let Expr::Var(var) = e
            && var.attribute == column
        {
            found = var.location;
            return true;
        }
        false
    });
    found
}

/// The attribute numbers of the relation's columns that an expression reads, ascending.
pub(crate) fn columns_of(expr: &Expr) -> Vec<i16> {
    let mut columns = Vec::new();
    collect_columns(expr, &mut columns);
    columns.sort_unstable();
    columns.dedup();
    columns
}

fn collect_columns(expr: &Expr, columns: &mut Vec<i16>) {
    if let Expr::Var(var) = expr
        && var.levels_up == 0
    {
        columns.push(var.attribute);
    }
    ir::for_each_child(expr, &mut |child| collect_columns(child, columns));
}

/// A constraint depends on the columns it is about.
///
/// # Errors
/// What writing pg_depend fails with.
pub(crate) fn record_constraint_columns(session: &Session, row: &PgConstraint) -> Result<()> {
    let dependent = ObjectAddress::new::<PgConstraint>(row.oid);
    let columns = row.conkey.as_deref().unwrap_or_default();
    let on: Vec<_> = match columns {
        [] => vec![ObjectAddress::new::<PgClass>(row.conrelid)],
        columns => columns.iter().map(|c| ObjectAddress::column(row.conrelid, *c)).collect(),
    };
    session.record_dependencies(dependent, on, DependencyKind::Auto)
}
