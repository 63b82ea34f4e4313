//! From a row of pg_proc to a function that can be run, kept per session.

use crate::ast::*;
use crate::parser::{Parser, Signature};
use crate::scanner::line_of;
use base::{Error, Oid, Result, err};
use catalog::{PgProc, Session};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

const VOID: Oid = Oid(2278);
const TRIGGER: Oid = Oid(2279);
const RECORD: Oid = Oid(2249);
const BOOL: Oid = Oid(16);

/// More functions than this, and the cache starts over.
const MAX_FUNCTIONS: usize = 1_000;

const COMPILATION: &str = "compilation of PL/pgSQL function";

#[derive(PartialEq, Eq, Hash)]
struct Key {
    oid: Oid,
    arguments: Vec<Oid>,
    result: Oid,
    collation: Oid,
}

#[derive(Default)]
struct Functions(Mutex<HashMap<Key, (Arc<PgProc>, Arc<Function>)>>);

/// Which call a function is compiled for.
pub struct Use<'u> {
    pub arguments: &'u [Oid],
    pub result: Oid,
    pub collation: Oid,
}

/// The function, compiled at its first call.
///
/// # Errors
/// Those of parsing, with the line in CONTEXT.
pub fn function(session: &Arc<Session>, row: &Arc<PgProc>, usage: &Use<'_>) -> Result<Arc<Function>> {
    let functions = session.extension("plpgsql functions", Functions::default);
    let key = Key {
        oid: row.oid,
        arguments: usage.arguments.to_vec(),
        result: usage.result,
        collation: usage.collation,
    };
    if let Some((known, function)) = functions.0.lock().get(&key)
        && (Arc::ptr_eq(known, row) || **known == **row)
    {
        return Ok(function.clone());
    }
    let made = Arc::new(compile(session, row, usage, false).map_err(|error| placed(error, row))?);
    let mut known = functions.0.lock();
    if known.len() >= MAX_FUNCTIONS {
        known.clear();
    }
    known.insert(key, (row.clone(), made.clone()));
    Ok(made)
}

/// An error of compiling at a call, with where in the body it is.
fn placed(mut error: Error, row: &PgProc) -> Error {
    let data = error.data_mut();
    if data.context.last().is_some_and(|c| c.starts_with(COMPILATION)) {
        return error;
    }
    let line = data.position.map_or(1, |at| line_of(&row.prosrc, at));
    if let Some(position) = data.position.take() {
        data.internal_position = Some(position);
        data.internal_query = Some(row.prosrc.clone());
    }
    error.context(format!("{COMPILATION} \"{}\" near line {line}", row.proname))
}

/// Compiles a function to see whether it is right; SQL in it is parsed as well.
///
/// # Errors
/// What is wrong with it, with places in its body.
pub fn validate(session: &Arc<Session>, row: &Arc<PgProc>) -> Result<()> {
    let pseudo = session.type_row(row.prorettype)?.typtype as u8 == b'p';
    let polymorphic =
        |oid: Oid| matches!(oid.0, 2283 | 2277 | 2776 | 3500 | 3831 | 4537 | 5077..=5080 | 4538);
    if pseudo
        && !matches!(row.prorettype, VOID | RECORD | TRIGGER)
        && row.prorettype.0 != 3838
        && !polymorphic(row.prorettype)
    {
        let name = session.format_type(row.prorettype, None)?;
        return Err(err!(FEATURE_NOT_SUPPORTED, "PL/pgSQL functions cannot return type {name}"));
    }
    for oid in &row.proargtypes {
        let pseudo = session.type_row(*oid)?.typtype as u8 == b'p';
        if pseudo && !polymorphic(*oid) && *oid != RECORD {
            let name = session.format_type(*oid, None)?;
            return Err(err!(FEATURE_NOT_SUPPORTED, "PL/pgSQL functions cannot accept type {name}"));
        }
    }
    // Where polymorphic types stand for anything, integers will do.
    let stand_in = |oid: Oid| match oid.0 {
        2283 | 2776 | 5077 | 5079 | 3500 => Oid(23),
        2277 | 5078 => Oid(1007),
        3831 | 5080 => Oid(3904),
        4537 | 4538 => Oid(4451),
        _ => oid,
    };
    let arguments: Vec<Oid> = row.proargtypes.iter().map(|t| stand_in(*t)).collect();
    let usage = Use { arguments: &arguments, result: stand_in(row.prorettype), collation: Oid(0) };
    let compiled = match row.prorettype {
        TRIGGER => compile_trigger(session, row, true),
        _ => compile(session, row, &usage, true),
    };
    compiled.map(|_| ()).map_err(|mut error| {
        let data = error.data_mut();
        if let Some(position) = data.position.take() {
            data.internal_position = Some(position);
            data.internal_query = Some(row.prosrc.clone());
        } else if data.internal_query.is_none()
            && !data.context.last().is_some_and(|c| c.starts_with(COMPILATION))
        {
            return error.context(format!("{COMPILATION} \"{}\" near line 1", row.proname));
        }
        error
    })
}

fn compile(session: &Arc<Session>, row: &PgProc, usage: &Use<'_>, check_sql: bool) -> Result<Function> {
    let types: Vec<Oid> = match &row.proallargtypes {
        Some(all) => all.clone(),
        None => row.proargtypes.clone(),
    };
    let mode = |at: usize| row.proargmodes.as_ref().and_then(|m| m.get(at)).map_or(b'i', |m| *m as u8);
    let outputs = (0..types.len()).filter(|at| matches!(mode(*at), b'o' | b'b' | b't')).count();
    let signature = Signature {
        is_procedure: row.prokind as u8 == b'p',
        returns_set: row.proretset,
        result_type: usage.result,
        has_result_variable: outputs > 0,
    };
    let mut parser = Parser::new(session, &row.prosrc, signature)?;
    parser.check_sql = check_sql;
    parser.push_label(Some(&row.proname), false);
    let mut arguments = Vec::new();
    let mut results = Vec::new();
    let mut inputs = usage.arguments.iter();
    for (at, declared) in types.iter().enumerate() {
        let input = matches!(mode(at), b'i' | b'b' | b'v');
        let given = if input { inputs.next().copied() } else { None };
        let resolved = session.resolve_polymorphic(&row.proargtypes, usage.arguments, *declared)?;
        let oid = if resolved != *declared { given.unwrap_or(resolved) } else { *declared };
        let mut of = parser.type_of(oid)?;
        if usage.collation.is_valid() && of.collation.is_valid() {
            of.collation = usage.collation;
        }
        let number = format!("${}", at + 1);
        let name = row.proargnames.as_ref().and_then(|n| n.get(at)).filter(|n| !n.is_empty());
        let kind = parser.kind_of(name.unwrap_or(&number), of)?;
        let slot = parser.add_variable(&number, kind, 0);
        if let Some(name) = name {
            let meaning = match parser.variables[slot].kind {
                VariableKind::Scalar(_) => Meaning::Scalar(slot),
                _ => Meaning::Record(slot),
            };
            parser.variables[slot].name.clone_from(name);
            parser.names.push(Name { text: name.clone(), meaning, parent: parser.top });
            parser.top = Some(parser.names.len() - 1);
        }
        if input {
            arguments.push(slot);
        }
        if matches!(mode(at), b'o' | b'b' | b't') {
            results.push(Target::Variable(slot));
        }
    }
    let record = row.prorettype == RECORD || results.len() > 1;
    let result = match results.len() {
        0 => None,
        1 if !record => results.pop(),
        _ => {
            let slot = parser.add_hidden("(unnamed row)", VariableKind::Row(results), 0);
            Some(Target::Variable(slot))
        }
    };
    let signature = session.display_function(row.oid)?;
    finish(parser, signature, row.oid, arguments, result, usage)
}

/// Parses the body and puts the function together.
fn finish(
    mut parser: Parser<'_>,
    signature: String,
    oid: Oid,
    arguments: Vec<Slot>,
    result: Option<Target>,
    usage: &Use<'_>,
) -> Result<Function> {
    let boolean = parser.type_of(BOOL)?;
    let found = parser.add_variable("found", VariableKind::Scalar(boolean), 0);
    let body = match parser.function() {
        Ok(body) => body,
        Err(error) if error.data().position.is_none() => {
            let (name, line) = (signature.split('(').next().unwrap_or_default(), parser.last_line());
            return Err(error.context(format!("{COMPILATION} \"{name}\" near line {line}")));
        }
        Err(error) => return Err(error),
    };
    let result_type = parser.type_of(usage.result)?;
    Ok(Function {
        signature,
        oid,
        body,
        arguments,
        result,
        found,
        result_type,
        cursors: std::mem::take(&mut parser.cursors),
        returns_set: parser.signature.returns_set,
        is_procedure: parser.signature.is_procedure,
        conflict: parser.conflict,
        print_strict: parser.print_strict,
        variables: parser.variables,
        names: parser.names,
    })
}

/// A trigger function, compiled for the relation that it is called for.
///
/// # Errors
/// Those of parsing, with the line in CONTEXT.
pub fn trigger(session: &Arc<Session>, row: &Arc<PgProc>, relation: Oid) -> Result<Arc<Function>> {
    let functions = session.extension("plpgsql functions", Functions::default);
    let key = Key { oid: row.oid, arguments: vec![relation], result: TRIGGER, collation: Oid(0) };
    if let Some((known, function)) = functions.0.lock().get(&key)
        && (Arc::ptr_eq(known, row) || **known == **row)
    {
        return Ok(function.clone());
    }
    let made = Arc::new(compile_trigger(session, row, false).map_err(|error| placed(error, row))?);
    functions.0.lock().insert(key, (row.clone(), made.clone()));
    Ok(made)
}

fn compile_trigger(session: &Arc<Session>, row: &PgProc, check_sql: bool) -> Result<Function> {
    if !row.proargtypes.is_empty() {
        return Err(err!(INVALID_FUNCTION_DEFINITION, "trigger functions cannot have declared arguments")
            .hint("The arguments of the trigger can be accessed through TG_NARGS and TG_ARGV instead."));
    }
    let signature = Signature {
        is_procedure: false,
        returns_set: false,
        result_type: TRIGGER,
        has_result_variable: false,
    };
    let mut parser = Parser::new(session, &row.prosrc, signature)?;
    parser.check_sql = check_sql;
    parser.push_label(Some(&row.proname), false);
    let mut slots = Vec::new();
    for (name, oid) in crate::trigger::VARIABLES {
        let of = parser.type_of(Oid(oid))?;
        let kind = parser.kind_of(name, of)?;
        slots.push(parser.add_variable(name, kind, 0));
    }
    let signature = session.display_function(row.oid)?;
    let usage = Use { arguments: &[], result: TRIGGER, collation: Oid(0) };
    finish(parser, signature, row.oid, slots, None, &usage)
}

/// The block of a DO.
///
/// # Errors
/// Those of parsing, with places in its text.
pub fn block(session: &Arc<Session>, source: &str) -> Result<Function> {
    let signature =
        Signature { is_procedure: false, returns_set: false, result_type: VOID, has_result_variable: false };
    let made = (|| {
        let mut parser = Parser::new(session, source, signature)?;
        parser.check_sql = true;
        parser.push_label(Some("inline_code_block"), false);
        let usage = Use { arguments: &[], result: VOID, collation: Oid(0) };
        finish(parser, "inline_code_block".to_owned(), Oid(0), Vec::new(), None, &usage)
    })();
    made.map_err(|mut error| {
        let data = error.data_mut();
        if let Some(position) = data.position.take() {
            data.internal_position = Some(position);
            data.internal_query = Some(source.to_owned());
        }
        error
    })
}
