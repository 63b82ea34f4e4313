//! CREATE FUNCTION and CREATE PROCEDURE.

use super::options::{self, Options};
use super::parameters::{self, Parameters, Routine};
use super::store::{self, NewRoutine};
use crate::invocation::{Invocation, Outcome};
use crate::notice::notice_of;
use crate::{base_type, name, privilege, sql_function};
use base::{Error, Oid, Result, SqlState, bail, err};
use catalog::acl::privilege as bits;
use catalog::{PgLanguage, Session, index};
use std::sync::Arc;
use syntax::{CreateFunction, RoutineBody, TypeName};

pub(crate) const INTERNAL_LANGUAGE: Oid = Oid(12);
pub(crate) const C_LANGUAGE: Oid = Oid(13);
pub(crate) const SQL_LANGUAGE: Oid = Oid(14);
const VOID: Oid = Oid(2278);

/// # Errors
/// PostgreSQL's: `42P13`, `42723`, `42704`, `42501` and those of the body.
pub(crate) fn create(invocation: &mut Invocation<'_>, statement: &CreateFunction) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let tag = if statement.procedure { "CREATE PROCEDURE" } else { "CREATE FUNCTION" };
    let (namespace, last) = name::creation_namespace(session, &statement.name)?;
    let options = Options::read(&statement.options, statement.procedure)?;
    let language = language(session, &options, statement.body.is_some())?;
    if options.leakproof == Some(true) && !session.is_superuser(session.user())? {
        bail!(INSUFFICIENT_PRIVILEGE, "only superuser can define a leakproof function");
    }
    if options.transform.is_some() {
        return Err(Error::unsupported("TRANSFORM"));
    }
    let what = if statement.procedure { Routine::Procedure } else { Routine::Function };
    let sql_language = language.oid == SQL_LANGUAGE;
    let parameters = parameters::read(session, &statement.args, what, sql_language)?;
    let (result, returns_set) = result_type(session, statement, &parameters, language.oid)?;
    let (source, library, sql_body) = body(invocation, statement, &options, &language, last, &parameters)?;
    let configuration = options::configuration(session, None, &options.set)?;
    let built_in = matches!(language.oid, INTERNAL_LANGUAGE | C_LANGUAGE);
    let cost = options.cost.unwrap_or(if built_in { 1.0 } else { 100.0 });
    let rows = match options.rows {
        None if returns_set => 1000.0,
        None => 0.0,
        Some(_) if !returns_set => {
            bail!(INVALID_PARAMETER_VALUE, "ROWS is not applicable when function does not return a set")
        }
        Some(rows) => rows,
    };
    let kind = match (statement.procedure, options.window) {
        (true, _) => b'p',
        (_, true) => b'w',
        _ => b'f',
    };
    let new = NewRoutine {
        name: last,
        namespace,
        replace: statement.or_replace,
        returns_set,
        result,
        language: language.oid,
        source,
        library,
        sql_body,
        kind,
        security_definer: options.security_definer.unwrap_or(false),
        leakproof: options.leakproof.unwrap_or(false),
        strict: options.strict.unwrap_or(false),
        volatility: options.volatility.map_or(b'v' as i8, options::volatility_letter),
        parallel: options.parallel.unwrap_or(b'u'),
        parameters,
        configuration,
        support: options.support_function(session)?.unwrap_or_default(),
        cost,
        rows,
    };
    let oid = store::store(session, new)?;
    super::validate::validate(session, oid, invocation.sql)?;
    Ok(Outcome::Tag(tag.to_owned()))
}

fn language(session: &Session, options: &Options<'_>, has_body: bool) -> Result<Arc<PgLanguage>> {
    let named = match options.language {
        Some(name) => name,
        None if has_body => "sql",
        None => bail!(INVALID_FUNCTION_DEFINITION, "no language specified"),
    };
    let rows = session.rows::<PgLanguage>(index::PG_LANGUAGE_NAME, &[named.into()])?;
    let Some(row) = rows.first() else {
        bail!(UNDEFINED_OBJECT, "language \"{named}\" does not exist");
    };
    if row.lanpltrusted {
        let held =
            privilege::held(session, session.user(), row.lanacl.as_ref(), row.lanowner, privilege::LANGUAGE)?;
        if held & bits::USAGE == 0 {
            bail!(INSUFFICIENT_PRIVILEGE, "permission denied for language {named}");
        }
    } else if !session.is_superuser(session.user())? {
        bail!(INSUFFICIENT_PRIVILEGE, "permission denied for language {named}");
    }
    Ok(row.clone())
}

fn result_type(
    session: &Arc<Session>,
    statement: &CreateFunction,
    parameters: &Parameters,
    language: Oid,
) -> Result<(Oid, bool)> {
    if statement.procedure {
        return Ok((parameters.required_result.unwrap_or(VOID), false));
    }
    if statement.returns_table {
        return Ok((parameters.required_result.unwrap_or(VOID), true));
    }
    let Some(returns) = &statement.returns else {
        return match parameters.required_result {
            Some(required) => Ok((required, false)),
            None => bail!(INVALID_FUNCTION_DEFINITION, "function result type must be specified"),
        };
    };
    let type_oid = returned_type(session, returns, language)?;
    if let Some(required) = parameters.required_result
        && type_oid != required
    {
        let name = session.format_type(required, None)?;
        bail!(INVALID_FUNCTION_DEFINITION, "function result type must be {name} because of OUT parameters");
    }
    Ok((type_oid, returns.setof))
}

fn returned_type(session: &Arc<Session>, returns: &TypeName, language: Oid) -> Result<Oid> {
    let sql_language = language == SQL_LANGUAGE;
    let shown = returns.names.join(".");
    let type_oid = match base_type::resolve_or_shell(session, returns) {
        Ok(oid) => oid,
        Err(error) if error.state() == SqlState::UNDEFINED_OBJECT && sql_language => {
            return Err(err!(UNDEFINED_OBJECT, "type \"{shown}\" does not exist"));
        }
        // A function for input may come before its type, which it makes a shell of.
        Err(error) if error.state() == SqlState::UNDEFINED_OBJECT && matches!(language.0, 12 | 13) => {
            let text = format!("type \"{shown}\" is not yet defined");
            let notice =
                notice_of(SqlState::UNDEFINED_OBJECT, text).detail("Creating a shell type definition.");
            session.notice(notice);
            base_type::make_shell(session, returns)?
        }
        Err(error) => return Err(error),
    };
    let row = session.type_row(type_oid)?;
    if !row.typisdefined {
        if sql_language {
            bail!(INVALID_FUNCTION_DEFINITION, "SQL function cannot return shell type {shown}");
        }
        let text = format!("return type {shown} is only a shell");
        session.notice(notice_of(SqlState::WRONG_OBJECT_TYPE, text));
    }
    privilege::require_type(session, type_oid)?;
    Ok(type_oid)
}

/// prosrc, probin and prosqlbody.
type Body = (String, Option<String>, Option<(String, Vec<ir::Query>)>);

fn body(
    invocation: &Invocation<'_>,
    statement: &CreateFunction,
    options: &Options<'_>,
    language: &PgLanguage,
    name: &str,
    parameters: &Parameters,
) -> Result<Body> {
    let invalid = |text: &str| Err(err!(INVALID_FUNCTION_DEFINITION, "{text}"));
    let texts = match (&statement.body, options.body) {
        (None, None) => return invalid("no function body specified"),
        (Some(_), Some(_)) => return invalid("duplicate function body specified"),
        (Some(_), None) if language.oid != SQL_LANGUAGE => {
            return invalid("inline SQL function body only valid for language SQL");
        }
        (Some(parsed), None) => {
            let queries = sql_body(invocation, parsed, name, parameters)?;
            let text = match parsed {
                RoutineBody::Return(_) => {
                    let list = ir::text::write_rule(&queries);
                    list[1..list.len() - 1].to_owned()
                }
                RoutineBody::Atomic(_) if queries.is_empty() => "(<>)".to_owned(),
                RoutineBody::Atomic(_) => format!("({})", ir::text::write_rule(&queries)),
            };
            return Ok((String::new(), None, Some((text, queries))));
        }
        (None, Some(texts)) => texts,
    };
    let first = texts.first().cloned().unwrap_or_default();
    if language.oid == C_LANGUAGE {
        let symbol = match texts.get(1) {
            Some(symbol) if symbol != "-" => symbol.clone(),
            _ => name.to_owned(),
        };
        return Ok((symbol, Some(first), None));
    }
    if texts.len() > 1 {
        return invalid(&format!("only one AS item needed for language \"{}\"", language.lanname));
    }
    let named_itself = language.oid == INTERNAL_LANGUAGE && (first.is_empty() || first == "-");
    Ok((if named_itself { name.to_owned() } else { first }, None, None))
}

/// Analyses a body that is part of the statement.
fn sql_body(
    invocation: &Invocation<'_>,
    parsed: &RoutineBody,
    name: &str,
    parameters: &Parameters,
) -> Result<Vec<ir::Query>> {
    let session: &Arc<Session> = invocation.session;
    if parameters.inputs.iter().any(|t| super::validate::stands_for_any(*t)) {
        bail!(
            INVALID_FUNCTION_DEFINITION,
            "SQL function with unquoted function body cannot have polymorphic arguments"
        );
    }
    let names = sql_function::Arguments::new(
        session,
        name,
        &parameters.inputs,
        parameters.modes.as_deref(),
        parameters.names.as_deref(),
    )?;
    let statements: Vec<syntax::Statement> = match parsed {
        RoutineBody::Return(expr) => vec![syntax::Statement::Return(Box::new(expr.clone()))],
        RoutineBody::Atomic(statements) => statements.clone(),
    };
    let mut queries = Vec::with_capacity(statements.len());
    for statement in &statements {
        if !sql_function::is_plannable(statement) {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "{} is not yet supported in unquoted SQL function body",
                statement.tag()
            ));
        }
        queries.push(names.analyze(session, statement, invocation.sql)?);
    }
    Ok(queries)
}
