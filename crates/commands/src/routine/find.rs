//! Finding functions and procedures by their signature.

use crate::expression;
use crate::name;
use base::{Error, Oid, Result, bail, err};
use catalog::{PgProc, Session};
use std::sync::Arc;
use syntax::{ArgMode, ObjectType, RoutineSignature};

enum Found {
    None,
    Ambiguous,
    One(Oid),
}

fn word(kind: ObjectType) -> &'static str {
    match kind {
        ObjectType::Procedure => "procedure",
        ObjectType::Aggregate => "aggregate",
        ObjectType::Routine => "routine",
        _ => "function",
    }
}

/// The function with this name and these input arguments.
///
/// # Errors
/// `42883` if there is none, `42725` if the name alone does not tell, `42809` if it is of another kind.
pub(crate) fn find(session: &Session, kind: ObjectType, signature: &RoutineSignature) -> Result<Oid> {
    find_if_any(session, kind, signature, false)?
        .ok_or_else(|| Error::internal("a function that was not found"))
}

/// As [`find`]; with `missing_ok` nothing for what is not there, its types included.
///
/// # Errors
/// As [`find`].
pub(crate) fn find_if_any(
    session: &Session,
    kind: ObjectType,
    signature: &RoutineSignature,
    missing_ok: bool,
) -> Result<Option<Oid>> {
    let (schema, last) = name::split(session, &signature.name)?;
    let namespaces = match schema {
        Some(schema) => match session.namespace_by_name(schema)? {
            Some(oid) => vec![oid],
            None if missing_ok => return Ok(None),
            None => bail!(INVALID_SCHEMA_NAME, "schema \"{schema}\" does not exist"),
        },
        None => session.search_path()?.to_vec(),
    };
    let functions = session.functions_by_name(last)?;
    let shown = signature.name.parts.join(".");
    let Some(args) = &signature.args else {
        let fits = |f: &&Arc<PgProc>| {
            let procedure = f.prokind as u8 == b'p';
            namespaces.contains(&f.pronamespace)
                && match kind {
                    ObjectType::Procedure => procedure,
                    ObjectType::Routine => true,
                    _ => !procedure,
                }
        };
        let mut found: Vec<&Arc<PgProc>> = functions.iter().filter(fits).collect();
        // Of functions with the same arguments only the first schema's is visible.
        hide_shadowed(&mut found, &namespaces);
        return match found[..] {
            [only] => {
                check_kind(session, kind, only, &shown, &[])?;
                Ok(Some(only.oid))
            }
            [] if missing_ok => Ok(None),
            [] => {
                let what = match kind {
                    ObjectType::Procedure => "a procedure",
                    ObjectType::Aggregate => "an aggregate",
                    _ => "a function",
                };
                bail!(UNDEFINED_FUNCTION, "could not find {what} named \"{shown}\"")
            }
            _ => Err(ambiguous(kind, &shown)
                .hint(format!("Specify the argument list to select the {} unambiguously.", word(kind)))),
        };
    };
    let mut types = Vec::new();
    for arg in args.iter().filter(|a| !matches!(a.mode, ArgMode::Out | ArgMode::Table)) {
        match expression::resolve_type(session, &arg.type_name) {
            Ok((oid, _)) => types.push(oid),
            Err(error) if missing_ok && is_undefined(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let mut found = first(&namespaces, &functions, |f| f.proargtypes == types);
    let plain = !args.is_empty() && args.iter().all(|a| a.mode == ArgMode::Default);
    if plain && matches!(kind, ObjectType::Procedure | ObjectType::Routine) {
        // The standard counts parameters for results among a procedure's arguments.
        let by_all = first(&namespaces, &functions, |f| {
            f.proallargtypes.as_ref() == Some(&types)
                && (f.prokind as u8 == b'p' || kind == ObjectType::Routine)
        });
        found = match (found, by_all) {
            (Found::One(a), Found::One(b)) if a != b => Found::Ambiguous,
            (Found::None, other) => other,
            (found, _) => found,
        };
    }
    match found {
        Found::One(oid) => {
            check_kind(session, kind, &*session.function(oid)?, &shown, &types)?;
            Ok(Some(oid))
        }
        Found::Ambiguous => Err(ambiguous(kind, &shown)),
        Found::None if missing_ok => Ok(None),
        Found::None => {
            let text = signature_text(session, &shown, &types)?;
            match kind {
                ObjectType::Procedure => bail!(UNDEFINED_FUNCTION, "procedure {text} does not exist"),
                ObjectType::Aggregate if types.is_empty() => {
                    bail!(UNDEFINED_FUNCTION, "aggregate {shown}(*) does not exist")
                }
                ObjectType::Aggregate => bail!(UNDEFINED_FUNCTION, "aggregate {text} does not exist"),
                _ => bail!(UNDEFINED_FUNCTION, "function {text} does not exist"),
            }
        }
    }
}

/// Whether an error says that a type or schema is not there.
fn is_undefined(error: &Error) -> bool {
    use base::SqlState;
    matches!(error.state(), SqlState::UNDEFINED_OBJECT | SqlState::INVALID_SCHEMA_NAME)
}

/// `name(type, type)`.
///
/// # Errors
/// What reading the catalogs fails with.
pub(super) fn signature_text(session: &Session, name: &str, types: &[Oid]) -> Result<String> {
    let words: Result<Vec<String>> = types.iter().map(|t| session.format_type(*t, None)).collect();
    Ok(format!("{name}({})", words?.join(", ")))
}

fn ambiguous(kind: ObjectType, shown: &str) -> Error {
    err!(AMBIGUOUS_FUNCTION, "{} name \"{shown}\" is not unique", word(kind))
}

fn hide_shadowed(found: &mut Vec<&Arc<PgProc>>, namespaces: &[Oid]) {
    let place = |f: &PgProc| namespaces.iter().position(|n| *n == f.pronamespace);
    let all = found.clone();
    found.retain(|f| !all.iter().any(|o| o.proargtypes == f.proargtypes && place(o) < place(f)));
}

fn first(namespaces: &[Oid], functions: &[Arc<PgProc>], fits: impl Fn(&PgProc) -> bool) -> Found {
    for namespace in namespaces {
        let mut found = functions.iter().filter(|f| f.pronamespace == *namespace && fits(f));
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => return Found::Ambiguous,
            (Some(only), None) => return Found::One(only.oid),
            _ => {}
        }
    }
    Found::None
}

fn check_kind(session: &Session, kind: ObjectType, row: &PgProc, shown: &str, types: &[Oid]) -> Result<()> {
    let text = signature_text(session, shown, types)?;
    let procedure = row.prokind as u8 == b'p';
    match kind {
        ObjectType::Function if procedure => bail!(WRONG_OBJECT_TYPE, "{text} is not a function"),
        ObjectType::Procedure if !procedure => bail!(WRONG_OBJECT_TYPE, "{text} is not a procedure"),
        ObjectType::Aggregate if row.prokind as u8 != b'a' => {
            bail!(WRONG_OBJECT_TYPE, "function {text} is not an aggregate")
        }
        _ => Ok(()),
    }
}

/// What messages call a routine.
pub(crate) fn word_of(row: &PgProc) -> &'static str {
    match row.prokind as u8 {
        b'p' => "procedure",
        b'a' => "aggregate",
        _ => "function",
    }
}
