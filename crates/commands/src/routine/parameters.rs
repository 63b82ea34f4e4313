//! The parameters of a routine as CREATE writes them, and what pg_proc says of them.

use crate::base_type;
use crate::privilege;
use analyzer::{ExprKind, Names, Wanted};
use base::{Oid, Result, err};
use catalog::Session;
use ir::Expr;
use std::sync::Arc;
use syntax::{ArgMode, RoutineArg};

const ANY: Oid = Oid(2276);
const ANYARRAY: Oid = Oid(2277);
const ANYCOMPATIBLE_ARRAY: Oid = Oid(5078);
const RECORD: Oid = Oid(2249);

/// What is being made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Routine {
    Function,
    Procedure,
    Aggregate,
}

/// pg_proc's columns about parameters.
#[derive(Default)]
pub(crate) struct Parameters {
    pub inputs: Vec<Oid>,
    /// All types, modes and names, where there are others than plain inputs.
    pub all: Option<Vec<Oid>>,
    pub modes: Option<Vec<i8>>,
    pub names: Option<Vec<String>>,
    pub defaults: Vec<Expr>,
    pub variadic: Oid,
    /// The type that OUT parameters make the result.
    pub required_result: Option<Oid>,
    /// Whether the result has columns of RETURNS TABLE.
    pub table: bool,
}

/// Reads a parameter list.
///
/// # Errors
/// `42P13` and those of the types and defaults.
pub(crate) fn read(
    session: &Arc<Session>,
    args: &[RoutineArg],
    what: Routine,
    sql_language: bool,
) -> Result<Parameters> {
    let mut list = Parameters::default();
    let mut types = Vec::with_capacity(args.len());
    let (mut outputs, mut plain) = (0, true);
    for arg in args {
        let fail = |text: String| err!(INVALID_FUNCTION_DEFINITION, "{text}").at(arg.location);
        let type_oid = resolve(session, arg, what, sql_language)?;
        if arg.type_name.setof {
            let what = match what {
                Routine::Aggregate => "aggregates",
                Routine::Procedure => "procedures",
                Routine::Function => "functions",
            };
            return Err(fail(format!("{what} cannot accept set arguments")));
        }
        let output = matches!(arg.mode, ArgMode::Out | ArgMode::InOut | ArgMode::Table);
        let input = !matches!(arg.mode, ArgMode::Out | ArgMode::Table);
        if input {
            if list.variadic.is_valid() {
                return Err(fail("VARIADIC parameter must be the last input parameter".to_owned()));
            }
            list.inputs.push(type_oid);
        }
        if output {
            if what == Routine::Procedure {
                if list.variadic.is_valid() {
                    return Err(fail("VARIADIC parameter must be the last parameter".to_owned()));
                }
                list.required_result = Some(RECORD);
            } else if outputs == 0 {
                list.required_result = Some(type_oid);
            }
            outputs += 1;
        }
        if arg.mode == ArgMode::Variadic {
            list.variadic = match type_oid {
                ANY => ANY,
                ANYARRAY => Oid(2283),
                ANYCOMPATIBLE_ARRAY => Oid(5077),
                other => session
                    .element_type(other)?
                    .ok_or_else(|| fail("VARIADIC parameter must be an array".to_owned()))?,
            };
        }
        plain &= matches!(arg.mode, ArgMode::Default | ArgMode::In);
        list.table |= arg.mode == ArgMode::Table;
        types.push(type_oid);
        check_name(args, arg)?;
        read_default(session, &mut list, arg, type_oid, what, input)?;
    }
    if outputs > 1 && what != Routine::Procedure {
        list.required_result = Some(RECORD);
    }
    if !plain {
        list.modes = Some(args.iter().map(mode_letter).collect());
    }
    if outputs > 0 || !plain {
        list.all = Some(types);
    }
    if args.iter().any(|a| a.name.as_ref().is_some_and(|n| !n.is_empty())) {
        list.names = Some(args.iter().map(|a| a.name.clone().unwrap_or_default()).collect());
    }
    Ok(list)
}

fn mode_letter(arg: &RoutineArg) -> i8 {
    (match arg.mode {
        ArgMode::Default | ArgMode::In => b'i',
        ArgMode::Out => b'o',
        ArgMode::InOut => b'b',
        ArgMode::Variadic => b'v',
        ArgMode::Table => b't',
    }) as i8
}

fn resolve(session: &Arc<Session>, arg: &RoutineArg, what: Routine, sql_language: bool) -> Result<Oid> {
    let type_oid =
        base_type::resolve_or_shell(session, &arg.type_name).map_err(|error| match error.state() {
            base::SqlState::UNDEFINED_OBJECT if !arg.type_name.percent_type => {
                let name = arg.type_name.names.join(".");
                err!(UNDEFINED_OBJECT, "type {name} does not exist").at(arg.location)
            }
            _ => error,
        })?;
    let row = session.type_row(type_oid)?;
    if !row.typisdefined {
        let name = arg.type_name.names.join(".");
        if what == Routine::Aggregate {
            return Err(err!(INVALID_FUNCTION_DEFINITION, "aggregate cannot accept shell type {name}"));
        }
        if sql_language {
            return Err(err!(INVALID_FUNCTION_DEFINITION, "SQL function cannot accept shell type {name}"));
        }
        let state = base::SqlState::WRONG_OBJECT_TYPE;
        let text = format!("argument type {name} is only a shell");
        session.notice(crate::notice::notice_of(state, text).at(arg.location));
    }
    privilege::require_type(session, type_oid)?;
    Ok(type_oid)
}

/// Two inputs, or two outputs, cannot share a name; an input and an output can be told apart.
fn check_name(args: &[RoutineArg], arg: &RoutineArg) -> Result<()> {
    let Some(name) = arg.name.as_deref().filter(|n| !n.is_empty()) else { return Ok(()) };
    let only_in = |mode: ArgMode| matches!(mode, ArgMode::Default | ArgMode::In | ArgMode::Variadic);
    let only_out = |mode: ArgMode| matches!(mode, ArgMode::Out | ArgMode::Table);
    for other in args {
        if std::ptr::eq(other, arg) {
            break;
        }
        let apart = only_in(arg.mode) && only_out(other.mode) || only_out(arg.mode) && only_in(other.mode);
        if !apart && other.name.as_deref() == Some(name) {
            return Err(err!(INVALID_FUNCTION_DEFINITION, "parameter name \"{name}\" used more than once")
                .at(arg.location));
        }
    }
    Ok(())
}

fn read_default(
    session: &Arc<Session>,
    list: &mut Parameters,
    arg: &RoutineArg,
    type_oid: Oid,
    what: Routine,
    input: bool,
) -> Result<()> {
    let fail = |text: &str| Err(err!(INVALID_FUNCTION_DEFINITION, "{text}").at(arg.location));
    match &arg.default {
        Some(_) if !input => fail("only input parameters can have default values"),
        Some(written) => {
            let wanted = Wanted::Specific { type_oid, construct: "DEFAULT" };
            let kind = ExprKind::FunctionDefault;
            let input = &crate::pipeline::Literals;
            let expr = analyzer::analyze_expression(session, input, written, Names::None, kind, wanted)?;
            list.defaults.push(expr);
            Ok(())
        }
        None if input && !list.defaults.is_empty() => {
            fail("input parameters after one with a default value must also have defaults")
        }
        None if what == Routine::Procedure && !list.defaults.is_empty() => {
            fail("procedure OUT parameters cannot appear after one with a default value")
        }
        None => Ok(()),
    }
}
