//! Finding functions and procedures by their signature.

use crate::expression;
use crate::name;
use base::{Oid, Result, bail};
use catalog::Session;
use syntax::{ArgMode, RoutineSignature};

/// The function with this name and these input arguments.
///
/// # Errors
/// `42883` if there is none, `42725` if the name alone does not tell.
pub(crate) fn find(session: &Session, signature: &RoutineSignature) -> Result<Oid> {
    let (schema, last) = name::split(session, &signature.name)?;
    let namespaces = match schema {
        Some(schema) => vec![session.require_namespace(schema)?],
        None => session.search_path()?.to_vec(),
    };
    let functions = session.functions_by_name(last)?;
    let shown = signature.name.parts.join(".");
    let Some(args) = &signature.args else {
        let found: Vec<Oid> =
            functions.iter().filter(|f| namespaces.contains(&f.pronamespace)).map(|f| f.oid).collect();
        return match found[..] {
            [only] => Ok(only),
            [] => bail!(UNDEFINED_FUNCTION, "could not find a function named \"{shown}\""),
            _ => Err(base::err!(AMBIGUOUS_FUNCTION, "function name \"{shown}\" is not unique")
                .hint("Specify the argument list to select the function unambiguously.")),
        };
    };
    let mut types = Vec::new();
    for arg in args.iter().filter(|a| !matches!(a.mode, ArgMode::Out | ArgMode::Table)) {
        types.push(expression::resolve_type(session, &arg.type_name)?.0);
    }
    for namespace in namespaces {
        if let Some(found) = functions.iter().find(|f| f.pronamespace == namespace && f.proargtypes == types)
        {
            return Ok(found.oid);
        }
    }
    let words: Result<Vec<String>> = types.iter().map(|t| session.format_type(*t, None)).collect();
    bail!(UNDEFINED_FUNCTION, "function {shown}({}) does not exist", words?.join(", "))
}
