//! The elements of an index definition: columns, expressions, operator classes, order.

use super::{BTREE, DESCENDING, KeyColumn, MAX_COLUMNS, NULLS_FIRST};
use crate::expression::{self, Kind};
use crate::name;
use base::{Oid, Result, bail, err};
use catalog::{PgOpclass, RelationEntry, Session, template::SYSTEM_COLUMNS};
use ir::Expr;
use std::sync::Arc;
use syntax::{ColumnOrExpr, Expr as Ast, FunctionCall, IndexElement, Indirection, ObjectName};

/// The default B-tree operator class of a type.
///
/// # Errors
/// `42704` if it has none.
pub(crate) fn default_class(session: &Session, type_oid: Oid) -> Result<Arc<PgOpclass>> {
    let Some(class) = session.default_opclass(type_oid, BTREE)? else {
        return Err(err!(
            UNDEFINED_OBJECT,
            "data type {} has no default operator class for access method \"btree\"",
            session.format_type(type_oid, None)?
        )
        .hint(
            "You must specify an operator class for the index or define a default operator class for the data type.",
        ));
    };
    Ok(class)
}

/// The operator class named, if it takes the type.
///
/// # Errors
/// `42704`, `42804`.
pub(crate) fn find_class(
    session: &Session,
    named: &ObjectName,
    type_oid: Oid,
    method: Oid,
) -> Result<Arc<PgOpclass>> {
    let (schema, last) = name::split(session, named)?;
    if let Some(class) = session.named_opclass(schema, last, method)? {
        if !session.binary_coercible(type_oid, class.opcintype)? {
            bail!(
                DATATYPE_MISMATCH,
                "operator class \"{}\" does not accept data type {}",
                named.parts.join("."),
                session.format_type(type_oid, None)?
            );
        }
        return Ok(class);
    }
    bail!(
        UNDEFINED_OBJECT,
        "operator class \"{}\" does not exist for access method \"{}\"",
        named.parts.join("."),
        if method == BTREE { "btree" } else { "hash" }
    )
}

/// A column of the table by name; system columns are refused.
///
/// # Errors
/// `42703`, `0A000`.
pub(super) fn column_number(table: &RelationEntry, column: &str) -> Result<i16> {
    if SYSTEM_COLUMNS.iter().any(|system| system.0 == column) {
        bail!(FEATURE_NOT_SUPPORTED, "index creation on system columns is not supported");
    }
    let Some(position) = table.desc().position(column) else {
        bail!(UNDEFINED_COLUMN, "column \"{column}\" does not exist");
    };
    if table.desc().attributes()[position].generated == b'v' {
        bail!(FEATURE_NOT_SUPPORTED, "indexes on virtual generated columns are not supported");
    }
    Ok(position as i16 + 1)
}

/// Refuses what an index expression or predicate may not read.
///
/// # Errors
/// `0A000` for system columns and virtual generated ones.
pub(super) fn check_columns_read(table: &RelationEntry, expr: &Expr) -> Result<()> {
    let (mut of_system, mut virtual_one) = (false, false);
    ir::any(expr, &mut |e| {
        if let Expr::Var(var) = e {
            of_system |= var.attribute < 0;
            let column = usize::try_from(var.attribute - 1).ok();
            virtual_one |= column.is_some_and(|at| table.desc().attributes()[at].generated == b'v');
        }
        false
    });
    if of_system {
        bail!(FEATURE_NOT_SUPPORTED, "index creation on system columns is not supported");
    }
    if virtual_one {
        bail!(FEATURE_NOT_SUPPORTED, "indexes on virtual generated columns are not supported");
    }
    Ok(())
}

/// One key of CREATE INDEX.
///
/// # Errors
/// `42703`, `42704`, `42804`, `42P17`, `42P22`, `42601`.
pub(super) fn key_column(
    session: &Arc<Session>,
    table: &Arc<RelationEntry>,
    element: &IndexElement,
) -> Result<KeyColumn> {
    if !element.operator_class_options.is_empty() {
        let class = element.operator_class.as_ref().map_or("default", |c| c.name());
        bail!(INVALID_PARAMETER_VALUE, "operator class {class} has no options");
    }
    let (attribute, expr, type_oid, own_collation) = match &element.key {
        ColumnOrExpr::Column(column) => {
            let number = column_number(table, column)?;
            let attribute = &table.desc().attributes()[number as usize - 1];
            (number, None, attribute.type_oid, attribute.collation)
        }
        ColumnOrExpr::Expr(ast) => {
            let expr = expression::analyze(session, ast, Kind::IndexExpression, Some(table))?;
            match strip_collation(&expr) {
                Expr::Var(var) if var.attribute > 0 => {
                    column_number(table, &table.desc().attributes()[var.attribute as usize - 1].name)?;
                    (var.attribute, None, var.type_oid, ir::expr_collation(&expr))
                }
                _ => {
                    if expression::is_mutable(session, &expr)? {
                        bail!(
                            INVALID_OBJECT_DEFINITION,
                            "functions in index expression must be marked IMMUTABLE"
                        );
                    }
                    check_columns_read(table, &expr)?;
                    let (type_oid, collation) = (ir::expr_type(&expr), ir::expr_collation(&expr));
                    check_expression_type(session, type_oid)?;
                    (0, Some(expr), type_oid, collation)
                }
            }
        }
    };
    let collation = key_collation(session, element.collation.as_ref(), type_oid, own_collation, "index")?;
    let class = match &element.operator_class {
        Some(named) => find_class(session, named, type_oid, BTREE)?,
        None => default_class(session, type_oid)?,
    };
    let mut options = 0;
    if element.descending == Some(true) {
        options |= DESCENDING;
    }
    // Descending order has nulls first unless said otherwise.
    if element.nulls_first.unwrap_or(element.descending == Some(true)) {
        options |= NULLS_FIRST;
    }
    Ok(KeyColumn { attribute, expr, class, collation, options })
}

fn check_expression_type(session: &Session, type_oid: Oid) -> Result<()> {
    if session.type_row(type_oid)?.typtype as u8 == b'p' {
        bail!(
            INVALID_TABLE_DEFINITION,
            "column \"expr\" has pseudo-type {}",
            session.format_type(type_oid, None)?
        );
    }
    Ok(())
}

fn strip_collation(expr: &Expr) -> &Expr {
    match expr {
        Expr::Collate { arg, .. } => strip_collation(arg),
        other => other,
    }
}

/// The collation of a key: the one written, else `own`, the expression's. `what` is the key's, for messages.
///
/// # Errors
/// `42P22`, `42804`, `42704`.
pub(crate) fn key_collation(
    session: &Session,
    written: Option<&syntax::ObjectName>,
    type_oid: Oid,
    own: Oid,
    what: &str,
) -> Result<Oid> {
    let collatable = session.type_collation(session.base_type(type_oid)?.0)?.is_valid();
    let collation = match written {
        Some(named) => expression::collation_by_name(session, named)?,
        None => own,
    };
    match (collatable, collation.is_valid()) {
        (true, false) => Err(err!(
            INDETERMINATE_COLLATION,
            "could not determine which collation to use for {what} expression"
        )
        .hint("Use the COLLATE clause to set the collation explicitly.")),
        (false, true) => Err(err!(
            DATATYPE_MISMATCH,
            "collations are not supported by type {}",
            session.format_type(type_oid, None)?
        )),
        _ => Ok(collation),
    }
}

/// A column of INCLUDE.
///
/// # Errors
/// `42P17`, `0A000`, `42703`.
pub(super) fn included_column(table: &RelationEntry, element: &IndexElement) -> Result<i16> {
    let refuse =
        |what: &str| Err(err!(INVALID_OBJECT_DEFINITION, "including column does not support {what}"));
    if element.collation.is_some() {
        return refuse("a collation");
    }
    if element.operator_class.is_some() {
        return refuse("an operator class");
    }
    if element.descending.is_some() {
        return refuse("ASC/DESC options");
    }
    if element.nulls_first.is_some() {
        return refuse("NULLS FIRST/LAST options");
    }
    match &element.key {
        ColumnOrExpr::Column(column) => column_number(table, column),
        ColumnOrExpr::Expr(_) => {
            bail!(FEATURE_NOT_SUPPORTED, "expressions are not supported in included columns")
        }
    }
}

/// # Errors
/// `54011`.
pub(super) fn check_count(count: usize) -> Result<()> {
    if count > MAX_COLUMNS {
        bail!(TOO_MANY_COLUMNS, "cannot use more than {MAX_COLUMNS} columns in an index");
    }
    Ok(())
}

/// The names of the index's columns, made different where two are alike.
pub(super) fn column_names<'a>(elements: impl IntoIterator<Item = &'a IndexElement>) -> Vec<String> {
    distinct_names(elements.into_iter().map(|element| match &element.key {
        ColumnOrExpr::Column(column) => column.as_str(),
        ColumnOrExpr::Expr(expr) => expression_name(expr).unwrap_or("expr"),
    }))
}

/// Names with numbers behind those that others have before them.
pub(super) fn distinct_names<'a>(wanted: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for base in wanted {
        let mut name = base.to_owned();
        let mut number = 0;
        while names.contains(&name) {
            number += 1;
            let digits = number.to_string();
            name = format!("{}{digits}", name::clip(base, name::NAME_LIMIT - digits.len()));
        }
        names.push(name);
    }
    names
}

/// What an expression's result column would be called.
fn expression_name(expr: &Ast) -> Option<&str> {
    match expr {
        Ast::Column(column) => column.names.last().map(String::as_str),
        Ast::Function(call) => Some(function_name(call)),
        Ast::Collate(collate) => expression_name(&collate.arg),
        Ast::TypeCast(cast) => {
            expression_name(&cast.arg).or_else(|| cast.type_name.names.last().map(String::as_str))
        }
        Ast::Indirection { arg, steps } => {
            let field = steps.iter().rev().find_map(|step| match step {
                Indirection::Field { name, .. } => Some(name.as_str()),
                _ => None,
            });
            field.or_else(|| expression_name(arg))
        }
        Ast::NullIf(_) => Some("nullif"),
        Ast::Case(case) => case.default.as_ref().and_then(expression_name).or(Some("case")),
        Ast::Array { .. } => Some("array"),
        Ast::Row { .. } => Some("row"),
        Ast::Coalesce { .. } => Some("coalesce"),
        Ast::Greatest { .. } => Some("greatest"),
        Ast::Least { .. } => Some("least"),
        _ => None,
    }
}

fn function_name(call: &FunctionCall) -> &str {
    call.name.name()
}
