//! Queries inside utility statements: views, CREATE TABLE AS, cursors, and expressions of DDL.

use crate::coerce::CoercionContext;
use crate::coerce::returns_set;
use crate::context::ExprKind;
use crate::params::ParamTypes;
use crate::state::{Analyzer, Variable};
use crate::{ConstantInput, finish_params};
use base::{Oid, Result, err};
use catalog::{LockMode, RelationEntry, Session};
use ir::{CoercionForm, CommandType, Expr, Query, expr_location, expr_type};
use syntax::{CreateView, Expr as Ast, Statement, TypeName};

/// What names an expression of DDL may use.
pub enum Names<'n> {
    None,
    /// The columns of a relation, as range table entry 1.
    Relation(&'n RelationEntry),
    /// A trigger's rows: `old` is range table entry 1, `new` entry 2.
    Trigger(&'n RelationEntry),
    /// `VALUE` of a domain: its type, typmod and collation.
    Domain {
        type_oid: Oid,
        typmod: i32,
        collation: Oid,
    },
    /// Ready-made meanings.
    Variables(Vec<Variable>),
}

/// What the expression's value must fit.
#[derive(Clone, Copy)]
pub enum Wanted<'w> {
    Any,
    /// The condition of a construct, named for messages.
    Boolean(&'w str),
    /// A column's type and typmod.
    Column {
        name: &'w str,
        type_oid: Oid,
        typmod: i32,
    },
    /// A type, for a construct named in messages.
    Specific {
        type_oid: Oid,
        construct: &'w str,
    },
    /// EXECUTE's parameter of this number, from 1.
    Parameter {
        number: usize,
        type_oid: Oid,
    },
}

/// Analyses an expression of DDL, with PostgreSQL's message for what its context forbids.
///
/// # Errors
/// Those of expression analysis; `42804` `column "x" is of type integer but default expression is of type text`.
pub fn analyze_expression(
    session: &Session,
    input: &dyn ConstantInput,
    expr: &Ast,
    names: Names<'_>,
    kind: ExprKind,
    wanted: Wanted<'_>,
) -> Result<Expr> {
    let mut params = ParamTypes::none();
    let mut analyzer = Analyzer::new(session, input, "", &mut params);
    match names {
        Names::None => {}
        Names::Relation(relation) => {
            let item = analyzer.add_relation(relation, LockMode::AccessShare, None, false, true)?;
            analyzer.level().namespace.push(item);
        }
        Names::Trigger(relation) => {
            for name in ["old", "new"] {
                let alias = Some(ir::Alias { name: name.to_owned(), columns: Vec::new() });
                let mut item = analyzer.add_relation(relation, LockMode::AccessShare, alias, false, false)?;
                // Columns are named with their row.
                item.columns_visible = false;
                analyzer.level().namespace.push(item);
            }
        }
        Names::Domain { type_oid, typmod, collation } => {
            let expr = Expr::CoerceToDomainValue { type_oid, typmod, collation, location: None };
            analyzer.level().variables.push(Variable { name: "value".to_owned(), expr });
        }
        Names::Variables(variables) => analyzer.level().variables = variables,
    }
    let mut result = analyzer.expr_in(expr, kind)?;
    match wanted {
        Wanted::Any => {}
        Wanted::Boolean(construct) => result = analyzer.coerce_to_boolean(result, construct)?,
        Wanted::Specific { type_oid, construct } => {
            result = analyzer.coerce_to_specific(result, type_oid, -1, construct)?;
        }
        Wanted::Column { name, type_oid, typmod } => {
            let source = expr_type(&result);
            let at = expr_location(&result);
            let form = CoercionForm::ImplicitCast;
            let context = CoercionContext::Assignment;
            let coerced = analyzer.coerce_to_target(result, source, type_oid, typmod, context, form, None)?;
            result = coerced.map_or_else(
                || {
                    let what = if kind == ExprKind::Generated { "generation" } else { "default" };
                    Err(err!(
                        DATATYPE_MISMATCH,
                        "column \"{name}\" is of type {} but {what} expression is of type {}",
                        session.format_type(type_oid, None)?,
                        session.format_type(source, None)?
                    )
                    .hint("You will need to rewrite or cast the expression.")
                    .or_at(at))
                },
                Ok,
            )?;
        }
        Wanted::Parameter { number, type_oid } => {
            let source = expr_type(&result);
            let at = expr_location(&result);
            let form = CoercionForm::ImplicitCast;
            let context = CoercionContext::Assignment;
            let coerced = analyzer.coerce_to_target(result, source, type_oid, -1, context, form, None)?;
            let Some(coerced) = coerced else {
                return Err(err!(
                    DATATYPE_MISMATCH,
                    "parameter ${number} of type {} cannot be coerced to the expected type {}",
                    session.format_type(source, None)?,
                    session.format_type(type_oid, None)?
                )
                .hint("You will need to rewrite or cast the expression.")
                .or_at(at));
            };
            result = coerced;
        }
    }
    if returns_set(&result) {
        return Err(err!(
            FEATURE_NOT_SUPPORTED,
            "set-returning functions are not allowed in {}",
            kind.name()
        )
        .or_at(expr_location(&result)));
    }
    analyzer.assign_collations(&mut result)?;
    Ok(result)
}

/// # Errors
/// `42704` for an unknown type; those of the type's typmod input function.
pub fn resolve_type(session: &Session, input: &dyn ConstantInput, name: &TypeName) -> Result<(Oid, i32)> {
    let mut params = ParamTypes::none();
    Analyzer::new(session, input, "", &mut params).resolve_type_name(name)
}

/// A collation by name.
///
/// # Errors
/// `42704` when there is none.
pub fn resolve_collation(
    session: &Session,
    input: &dyn ConstantInput,
    name: &syntax::ObjectName,
) -> Result<Oid> {
    let mut params = ParamTypes::none();
    Analyzer::new(session, input, "", &mut params).resolve_collation(name)
}

/// The query inside EXPLAIN, DECLARE, PREPARE, CREATE TABLE AS and COPY.
///
/// # Errors
/// Those of analysis; `0A000` for a statement that is no query.
pub fn analyze_inner(
    session: &Session,
    input: &dyn ConstantInput,
    statement: &Statement,
    sql: &str,
    params: &mut ParamTypes,
) -> Result<Query> {
    let mut analyzer = Analyzer::new(session, input, sql, params);
    let query = analyzer.plannable(statement)?;
    finish_params(&analyzer, &query)?;
    Ok(query)
}

/// A view's query, its columns named as the statement says.
///
/// # Errors
/// `42601` for more names than columns; `0A000` for what views cannot hold.
pub fn analyze_view(
    session: &Session,
    input: &dyn ConstantInput,
    view: &CreateView,
    sql: &str,
) -> Result<Query> {
    let mut params = ParamTypes::none();
    let select = &view.query;
    if let syntax::SelectBody::Select(simple) = &select.body
        && simple.into.is_some()
    {
        return Err(err!(FEATURE_NOT_SUPPORTED, "views must not contain SELECT INTO"));
    }
    let mut analyzer = Analyzer::new(session, input, sql, &mut params);
    let mut query = analyzer.select(select)?;
    if query.has_modifying_cte {
        return Err(err!(FEATURE_NOT_SUPPORTED, "views must not contain data-modifying statements in WITH"));
    }
    let mut names = view.columns.iter();
    for target in query.target_list.iter_mut().filter(|t| !t.junk) {
        match names.next() {
            Some(name) => target.name = Some(name.clone()),
            None => break,
        }
    }
    if names.next().is_some() {
        return Err(err!(SYNTAX_ERROR, "CREATE VIEW specifies more column names than columns"));
    }
    Ok(query)
}

/// Cursors cannot change data.
///
/// # Errors
/// `0A000`, `42P11` as PostgreSQL refuses them.
pub fn check_cursor_query(query: &Query) -> Result<()> {
    if query.command != CommandType::Select {
        return Err(err!(INVALID_CURSOR_DEFINITION, "cannot open non-SELECT query as cursor"));
    }
    if query.has_modifying_cte {
        return Err(err!(
            FEATURE_NOT_SUPPORTED,
            "DECLARE CURSOR must not contain data-modifying statements in WITH"
        ));
    }
    Ok(())
}
