//! CALL.

use super::calls;
use crate::invocation::{Invocation, Outcome};
use crate::nested;
use crate::pipeline::Literals;
use analyzer::ParamTypes;
use base::{Oid, Result, bail};
use catalog::{PgProc, Session};
use datum::{Column, OwnedDatum, TupleDesc};
use executor::{Compiler, Inputs, evaluate_once, view_composite};
use functions::Call;
use ir::{Expr, expr_type};
use std::sync::Arc;
use syntax::{Do, Expr as Ast, FunctionCall};

/// # Errors
/// `42883`, `42809`, `42501`, and what the procedure raises.
pub(crate) fn call(invocation: &mut Invocation<'_>, statement: &FunctionCall) -> Result<Outcome> {
    let session = invocation.session.clone();
    let types = invocation.params.iter().map(|p| p.type_oid).collect();
    let mut params = ParamTypes::fixed(types);
    let (function, args) = analyzer::analyze_call(
        &session,
        &Literals,
        statement,
        invocation.sql,
        &mut params,
        invocation.names,
    )?;
    let row = session.function(function)?;
    calls::require_execute(&session, &row)?;
    let (inputs, outputs) = split(&row, args);
    let mut execution = crate::execution::bare(&session)?;
    execution.params = invocation
        .params
        .iter()
        .map(|p| {
            let value = p.value.as_ref().map(OwnedDatum::as_datum);
            Arc::new(Column::constant(p.layout.repr, value))
        })
        .collect();
    let mut values = Vec::with_capacity(inputs.len());
    for input in &inputs {
        let eval = Compiler::new(&session, Inputs::None).compile(input)?;
        values.push(evaluate_once(&mut execution, &eval)?);
    }
    let argument_types: Vec<Oid> = inputs.iter().map(expr_type).collect();
    let call = Call {
        session: &session,
        function,
        collation: Oid(0),
        argument_types: &argument_types,
        result_type: row.prorettype,
        variadic: row.provariadic.is_valid(),
        columns: None,
    };
    let values: Vec<_> = values.iter().map(|v| v.get(0)).collect();
    let hooks = crate::hooks::hooks();
    // A procedure called by the client, or by one that may do so, may end the transaction.
    let may_end = invocation.top_level && !invocation.in_block || nested::may_end_transaction(&session);
    let before = nested::allow_transaction_end(&session, may_end);
    let value = hooks.calls.call(&execution, &call, &values);
    nested::allow_transaction_end(&session, before);
    let value = value?;
    drop(outputs);
    let Some(desc) = session.result_columns(&row, &argument_types)? else {
        return Ok(Outcome::Tag("CALL".to_owned()));
    };
    let fields = match value {
        Some(value) => {
            let composite = view_composite(value.as_datum().bytes())?;
            let actual = composite.desc(&session)?;
            composite.fields(&actual)?
        }
        None => vec![None; desc.len()],
    };
    Ok(Outcome::Rows { desc, rows: vec![fields], tag: "CALL".to_owned() })
}

/// Arguments of parameters that are inputs, and of those that are only outputs.
fn split(row: &PgProc, args: Vec<Expr>) -> (Vec<Expr>, Vec<Expr>) {
    let Some(modes) = &row.proargmodes else { return (args, Vec::new()) };
    let mut modes = modes.iter();
    args.into_iter().partition(|_| modes.next().is_none_or(|m| *m as u8 != b'o'))
}

/// The columns that a CALL returns: the procedure's parameters for results.
///
/// # Errors
/// As [`call`] of analysis.
pub(crate) fn call_columns(session: &Session, statement: &FunctionCall) -> Result<Option<TupleDesc>> {
    let mut params = ParamTypes::variable(Vec::new());
    let (function, args) = analyzer::analyze_call(session, &Literals, statement, "", &mut params, None)?;
    let row = session.function(function)?;
    let (inputs, _) = split(&row, args);
    let types: Vec<Oid> = inputs.iter().map(expr_type).collect();
    session.result_columns(&row, &types)
}

/// For each column that a CALL returns, the name that stands as its argument, if it is a plain name.
///
/// # Errors
/// As [`call`] of analysis.
pub fn call_outputs(
    session: &Session,
    statement: &FunctionCall,
    sql: &str,
    names: &dyn analyzer::ParameterNames,
) -> Result<Vec<Option<Vec<String>>>> {
    let mut params = ParamTypes::none();
    let (function, _) = analyzer::analyze_call(session, &Literals, statement, sql, &mut params, Some(names))?;
    let row = session.function(function)?;
    let modes = row.proargmodes.clone().unwrap_or_default();
    let mut outputs = Vec::new();
    for (at, mode) in modes.iter().enumerate() {
        if !matches!(*mode as u8, b'o' | b'b') {
            continue;
        }
        let name = row.proargnames.as_ref().and_then(|n| n.get(at));
        let by_name = statement.args.iter().find(|a| a.name.is_some() && a.name.as_ref() == name);
        let by_place = statement.args.get(at).filter(|a| a.name.is_none());
        outputs.push(match by_name.or(by_place).map(|a| &a.value) {
            Some(Ast::Column(column)) if !column.star => Some(column.names.clone()),
            _ => None,
        });
    }
    Ok(outputs)
}

/// DO.
///
/// # Errors
/// `42704` for an unknown language, and what the block raises.
pub(crate) fn run_block(invocation: &mut Invocation<'_>, statement: &Do) -> Result<Outcome> {
    let (mut source, mut language) = (None, None);
    for option in &statement.options {
        let slot = if option.name == "as" { &mut source } else { &mut language };
        if slot.replace(crate::options::text(option)?).is_some() {
            return Err(crate::options::conflicting(option));
        }
    }
    let Some(source) = source else { bail!(SYNTAX_ERROR, "no inline code specified") };
    let language = language.unwrap_or_else(|| "plpgsql".to_owned());
    let session = invocation.session.clone();
    let rows =
        session.rows::<catalog::PgLanguage>(catalog::index::PG_LANGUAGE_NAME, &[language.as_str().into()])?;
    if rows.is_empty() {
        bail!(UNDEFINED_OBJECT, "language \"{language}\" does not exist");
    }
    let Some(found) = super::language::named(&session, &language) else {
        bail!(FEATURE_NOT_SUPPORTED, "language \"{language}\" does not support inline code execution");
    };
    let sql = invocation.sql;
    let done = found.run_block(invocation, &source);
    done.map_err(|error| super::validate::point_into_statement(error, &source, sql))?;
    Ok(Outcome::Tag("DO".to_owned()))
}
