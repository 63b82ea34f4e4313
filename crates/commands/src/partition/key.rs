//! PARTITION BY: the partition key of a new table.

use crate::dependency;
use crate::expression::{self, Kind};
use crate::index::{find_class, key_collation};
use base::{Oid, Result, bail, err};
use catalog::{
    DependencyKind, ObjectAddress, PgCollation, PgOpclass, PgPartitionedTable, RelationEntry, Session,
    template::SYSTEM_COLUMNS,
};
use ir::Expr;
use std::sync::Arc;
use syntax::{ColumnOrExpr, PartitionBy, PartitionElement};

const MAX_KEYS: usize = 32;
const BTREE: Oid = Oid(403);
const HASH: Oid = Oid(405);

struct Element {
    attribute: i16,
    expr: Option<Expr>,
    class: Arc<PgOpclass>,
    collation: Oid,
}

/// The letter of a strategy.
///
/// # Errors
/// `22023`, `42P17`.
fn strategy(by: &PartitionBy) -> Result<u8> {
    let letter = match by.strategy.to_ascii_lowercase().as_str() {
        "hash" => b'h',
        "list" => b'l',
        "range" => b'r',
        _ => bail!(INVALID_PARAMETER_VALUE, "unrecognized partitioning strategy \"{}\"", by.strategy),
    };
    if letter == b'l' && by.elements.len() != 1 {
        bail!(INVALID_OBJECT_DEFINITION, "cannot use \"list\" partition strategy with more than one column");
    }
    if by.elements.len() > MAX_KEYS {
        bail!(TOO_MANY_COLUMNS, "cannot partition using more than {MAX_KEYS} columns");
    }
    Ok(letter)
}

/// Makes a table a partitioned one.
///
/// # Errors
/// `42703`, `42P17`, `42704`, `42P22`.
pub(crate) fn store(session: &Arc<Session>, table: &Arc<RelationEntry>, by: &PartitionBy) -> Result<()> {
    let letter = strategy(by)?;
    let mut elements = Vec::with_capacity(by.elements.len());
    for element in &by.elements {
        elements.push(key_element(session, table, element, letter)?);
    }
    let exprs: Vec<Expr> = elements.iter().filter_map(|e| e.expr.clone()).collect();
    session.insert(&PgPartitionedTable {
        partrelid: table.oid(),
        partstrat: letter as i8,
        partnatts: elements.len() as i16,
        partdefid: Oid(0),
        partattrs: elements.iter().map(|e| e.attribute).collect(),
        partclass: elements.iter().map(|e| e.class.oid).collect(),
        partcollation: elements.iter().map(|e| e.collation).collect(),
        partexprs: (!exprs.is_empty()).then(|| expression::store_list(&exprs)),
    })?;
    let object = ObjectAddress::new::<catalog::PgClass>(table.oid());
    let others = elements.iter().flat_map(|e| {
        let class = ObjectAddress::new::<PgOpclass>(e.class.oid);
        let counts = e.collation.is_valid() && e.collation != Oid(100);
        std::iter::once(class).chain(counts.then(|| ObjectAddress::new::<PgCollation>(e.collation)))
    });
    session.record_dependencies(object, others, DependencyKind::Normal)?;
    // The columns of the key are part of the table: they go with it, not without it.
    for element in elements.iter().filter(|e| e.attribute > 0) {
        let column = ObjectAddress::column(table.oid(), element.attribute);
        session.record_dependencies(column, [object], DependencyKind::Internal)?;
    }
    for expr in &exprs {
        let kinds = (DependencyKind::Normal, DependencyKind::Internal);
        let on: Vec<ObjectAddress> = dependency::of_expression(expr, None);
        session.record_dependencies(object, on, kinds.0)?;
        for column in dependency::columns_of(expr) {
            let column = ObjectAddress::column(table.oid(), column);
            session.record_dependencies(column, [object], kinds.1)?;
        }
    }
    session.invalidate_relation(table.oid());
    session.command_counter_increment()
}

fn key_element(
    session: &Arc<Session>,
    table: &Arc<RelationEntry>,
    element: &PartitionElement,
    letter: u8,
) -> Result<Element> {
    let (attribute, expr, type_oid, own_collation) = match &element.key {
        ColumnOrExpr::Column(name) => {
            if SYSTEM_COLUMNS.iter().any(|s| s.0 == name) {
                return Err(err!(
                    INVALID_OBJECT_DEFINITION,
                    "cannot use system column \"{name}\" in partition key"
                )
                .at(element.location));
            }
            let Some(at) = table.desc().position(name) else {
                return Err(err!(
                    UNDEFINED_COLUMN,
                    "column \"{name}\" named in partition key does not exist"
                )
                .at(element.location));
            };
            let a = &table.desc().attributes()[at];
            if a.generated != 0 {
                return Err(err!(INVALID_OBJECT_DEFINITION, "cannot use generated column in partition key")
                    .detail(format!("Column \"{name}\" is a generated column."))
                    .at(element.location));
            }
            (at as i16 + 1, None, a.type_oid, a.collation)
        }
        ColumnOrExpr::Expr(ast) => key_expression(session, table, ast, element.location)?,
    };
    let collation = key_collation(session, element.collation.as_ref(), type_oid, own_collation, "partition")?;
    let method = if letter == b'h' { HASH } else { BTREE };
    let class = match &element.operator_class {
        Some(named) => find_class(session, named, type_oid, method)?,
        None => match session.default_opclass(type_oid, method)? {
            Some(class) => class,
            None => {
                let name = if letter == b'h' { "hash" } else { "btree" };
                return Err(err!(
                    UNDEFINED_OBJECT,
                    "data type {} has no default operator class for access method \"{name}\"",
                    session.format_type(type_oid, None)?
                )
                .hint(format!(
                    "You must specify a {name} operator class or define a default {name} operator class for the data type."
                )));
            }
        },
    };
    Ok(Element { attribute, expr, class, collation })
}

type KeyParts = (i16, Option<Expr>, Oid, Oid);

fn key_expression(
    session: &Arc<Session>,
    table: &Arc<RelationEntry>,
    ast: &syntax::Expr,
    location: usize,
) -> Result<KeyParts> {
    let expr = expression::analyze(session, ast, Kind::PartitionKey, Some(table))?;
    let (type_oid, collation) = (ir::expr_type(&expr), ir::expr_collation(&expr));
    if session.type_row(type_oid)?.typtype as u8 == b'p' {
        bail!(
            INVALID_TABLE_DEFINITION,
            "partition key column 1 has pseudo-type {}",
            session.format_type(type_oid, None)?
        );
    }
    let mut plain = &expr;
    while let Expr::Collate { arg, .. } = plain {
        plain = arg;
    }
    if let Expr::Var(v) = plain
        && v.attribute > 0
    {
        let a = &table.desc().attributes()[v.attribute as usize - 1];
        if a.generated != 0 {
            return Err(err!(INVALID_OBJECT_DEFINITION, "cannot use generated column in partition key")
                .detail(format!("Column \"{}\" is a generated column.", a.name))
                .at(location));
        }
        return Ok((v.attribute, None, type_oid, collation));
    }
    let columns = dependency::columns_of(&expr);
    if let (true, Some(a)) =
        (columns.contains(&0), table.desc().attributes().iter().find(|a| a.generated != 0))
    {
        return Err(err!(INVALID_OBJECT_DEFINITION, "cannot use generated column in partition key")
            .detail(format!("Column \"{}\" is a generated column.", a.name))
            .at(location));
    }
    for number in columns {
        if number == 0 {
            bail!(INVALID_OBJECT_DEFINITION, "partition key expressions cannot contain whole-row references");
        }
        if number < 0 {
            bail!(
                INVALID_OBJECT_DEFINITION,
                "partition key expressions cannot contain system column references"
            );
        }
        let a = &table.desc().attributes()[number as usize - 1];
        if a.generated != 0 {
            return Err(err!(INVALID_OBJECT_DEFINITION, "cannot use generated column in partition key")
                .detail(format!("Column \"{}\" is a generated column.", a.name))
                .at(location));
        }
    }
    if expression::is_mutable(session, &expr)? {
        bail!(INVALID_OBJECT_DEFINITION, "functions in partition key expression must be marked IMMUTABLE");
    }
    if dependency::columns_of(&expr).is_empty() {
        bail!(INVALID_OBJECT_DEFINITION, "cannot use constant expression as partition key");
    }
    Ok((0, Some(expr), type_oid, collation))
}
