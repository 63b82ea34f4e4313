//! What the planner may put in place of a call.

use super::body::{Body, Ready};
use super::cache;
use base::{Error, Result};
use catalog::Session;
use functions::Call;
use ir::{CommandType, Expr, FuncExpr, Query, RangeTableFunction, expr_type};
use std::sync::Arc;

fn call_of<'c>(
    session: &'c Session,
    call: &FuncExpr,
    types: &'c [base::Oid],
    columns: Option<&'c Arc<datum::TupleDesc>>,
) -> Call<'c> {
    Call {
        session,
        function: call.function,
        collation: call.input_collation,
        argument_types: types,
        result_type: call.result_type,
        variadic: call.variadic,
        columns,
    }
}

/// The only query of a body, with whether its columns make up the row that is returned.
fn only_query(session: &Session, body: &Body) -> Result<Option<(Query, bool)>> {
    let inside = |e: Error| e.context(format!("SQL function \"{}\" during inlining", body.row.proname));
    if body.statements.len() != 1 {
        return Ok(None);
    }
    Ok(match &*body.ready(session, 0).map_err(inside)? {
        Ready::Query { query, as_row } if query.query.command == CommandType::Select => {
            Some((query.query.clone(), *as_row))
        }
        _ => None,
    })
}

/// The body of a function that is a single expression over its arguments.
///
/// # Errors
/// Those of parsing and analysis.
pub(crate) fn expression(session: &Session, call: &FuncExpr) -> Result<Option<Expr>> {
    let types: Vec<_> = call.args.iter().map(expr_type).collect();
    let row = session.function(call.function)?;
    let body = cache::body(session, &call_of(session, call, &types, None), &row)?;
    let Some((mut query, as_row)) = only_query(session, &body)? else { return Ok(None) };
    let simple = !as_row && query.is_one_expression();
    let Some(target) = query.target_list.pop().filter(|_| simple) else { return Ok(None) };
    Ok((expr_type(&target.expr) == call.result_type).then_some(target.expr))
}

/// The query that yields what a function in FROM does.
///
/// # Errors
/// Those of parsing and analysis.
pub(crate) fn query(
    session: &Session,
    call: &FuncExpr,
    function: &RangeTableFunction,
) -> Result<Option<Query>> {
    let types: Vec<_> = call.args.iter().map(expr_type).collect();
    let row = session.function(call.function)?;
    let columns = match function.column_types.is_empty() {
        true => None,
        false => {
            let listed = function.column_types.iter().enumerate().map(|(at, type_oid)| {
                let name = function.column_names.get(at).cloned().unwrap_or_default();
                let typmod = function.column_typmods.get(at).copied().unwrap_or(-1);
                let collation = function.column_collations.get(at).copied().unwrap_or_default();
                let layout = session.type_layout(*type_oid)?;
                Ok(datum::Attribute::result(name, *type_oid, typmod, layout, collation))
            });
            Some(Arc::new(datum::TupleDesc::new(listed.collect::<Result<_>>()?)))
        }
    };
    let body = cache::body(session, &call_of(session, call, &types, columns.as_ref()), &row)?;
    let Some((query, as_row)) = only_query(session, &body)? else { return Ok(None) };
    if as_row != body.shape.desc.is_some() {
        return Ok(None);
    }
    let mut queries = analyzer::rewrite(session, query)?;
    match (queries.pop(), queries.is_empty()) {
        (Some(query), true) => Ok(Some(query)),
        _ => Ok(None),
    }
}
