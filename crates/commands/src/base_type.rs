//! CREATE TYPE of base types: shells, and their definition by input and output functions.

use crate::invocation::{Invocation, Outcome};
use crate::notice::warning;
use crate::operator::{function, name_of};
use crate::relation::{self, NewType, insert_array_type, insert_type, make_room};
use crate::{expression, name, options, privilege, shared_dependency as shared};
use base::{Error, Oid, Result, SqlState, bail, err};
use catalog::{DependencyKind, ObjectAddress, PgNamespace, PgProc, PgType, Session, index};
use datum::TypeLayout;
use std::sync::Arc;
use syntax::{Define, ObjectName, OptionItem, OptionValue, TypeName};

const BYTEA: Oid = Oid(17);
const INT4: Oid = Oid(23);
const OID: Oid = Oid(26);
const CSTRING: Oid = Oid(2275);
const CSTRING_ARRAY: Oid = Oid(1263);
const INTERNAL: Oid = Oid(2281);
const INTERNAL_LANGUAGE: Oid = Oid(12);
const SHELL_IN: u32 = 2398;
const SHELL_OUT: u32 = 2399;
const DEFAULT_COLLATION: Oid = Oid(100);

/// CREATE TYPE name, and CREATE TYPE name (...).
///
/// # Errors
/// PostgreSQL's: `42501`, `42710`, `42P17`, `42601`, `22023`, `42883`; `0A000` for functions of types that are handled
/// differently in memory.
pub(crate) fn define(invocation: &mut Invocation<'_>, statement: &Define) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    if !session.is_superuser(session.user())? {
        bail!(INSUFFICIENT_PRIVILEGE, "must be superuser to create a base type");
    }
    let (namespace, last) = name::creation_namespace(session, &statement.name)?;
    relation::refuse_system_namespace(session, namespace, last)?;
    let mut existing = session.type_in(namespace, last)?;
    if let Some(oid) = existing
        && session.type_row(oid)?.typisdefined
    {
        if !make_room(session, oid, last, namespace)? {
            bail!(DUPLICATE_OBJECT, "type \"{last}\" already exists");
        }
        session.command_counter_increment()?;
        existing = None;
    }
    match (statement.definition.is_empty(), existing) {
        (true, Some(_)) => bail!(DUPLICATE_OBJECT, "type \"{last}\" already exists"),
        (true, None) => insert_type(session, &shell(session, namespace, last)?)?,
        (false, None) => {
            let hint =
                "Create the type as a shell type, then create its I/O functions, then do a full CREATE TYPE.";
            return Err(err!(DUPLICATE_OBJECT, "type \"{last}\" does not exist").hint(hint));
        }
        (false, Some(oid)) => complete(session, oid, &statement.definition)?,
    }
    Ok(Outcome::Tag("CREATE TYPE".to_owned()))
}

fn shell(session: &Session, namespace: Oid, name: &str) -> Result<PgType> {
    let new = NewType {
        oid: session.new_oid::<PgType>(index::PG_TYPE_OID)?,
        name,
        namespace,
        owner: session.user(),
        kind: b'p',
        category: b'P',
        len: 4,
        by_value: true,
        align: b'i',
        storage: b'p',
        input: SHELL_IN,
        output: SHELL_OUT,
        receive: 0,
        send: 0,
    };
    Ok(PgType { typisdefined: false, ..new.row() })
}

/// What the options name.
#[derive(Default)]
struct Functions {
    input: Option<ObjectName>,
    output: Option<ObjectName>,
    receive: Option<ObjectName>,
    send: Option<ObjectName>,
    modifier_input: Option<ObjectName>,
    modifier_output: Option<ObjectName>,
}

fn complete(session: &Arc<Session>, oid: Oid, items: &[OptionItem]) -> Result<()> {
    let mut row = (*session.type_row(oid)?).clone();
    row.typowner = session.user();
    row.typisdefined = true;
    row.typtype = b'b' as i8;
    row.typcategory = b'U' as i8;
    (row.typlen, row.typbyval, row.typalign, row.typstorage) = (-1, false, b'i' as i8, b'p' as i8);
    let functions = read(session, &mut row, items)?;
    let Some(input) = &functions.input else {
        bail!(INVALID_OBJECT_DEFINITION, "type input function must be specified");
    };
    let Some(output) = &functions.output else {
        bail!(INVALID_OBJECT_DEFINITION, "type output function must be specified");
    };
    if functions.modifier_output.is_some() && functions.modifier_input.is_none() {
        bail!(
            INVALID_OBJECT_DEFINITION,
            "type modifier output function is useless without a type modifier input function"
        );
    }
    let ways = [vec![CSTRING], vec![CSTRING, OID, INT4]];
    let input = support(session, input, "input", &ways, oid)?;
    let output = support(session, output, "output", &[vec![oid]], CSTRING)?;
    let ways = [vec![INTERNAL], vec![INTERNAL, OID, INT4]];
    let receive = functions.receive.map(|n| support(session, &n, "receive", &ways, oid)).transpose()?;
    let send = functions.send.map(|n| support(session, &n, "send", &[vec![oid]], BYTEA)).transpose()?;
    let ways = [vec![CSTRING_ARRAY]];
    let word = "modifier input";
    let modifier_input =
        functions.modifier_input.map(|n| support(session, &n, word, &ways, INT4)).transpose()?;
    let word = "modifier output";
    let modifier_output =
        functions.modifier_output.map(|n| support(session, &n, word, &[vec![INT4]], CSTRING)).transpose()?;
    check_storage(&row)?;
    for function in [Some(&input), receive.as_ref()].into_iter().flatten() {
        check_handling(session, function, &row, true)?;
    }
    for function in [Some(&output), send.as_ref()].into_iter().flatten() {
        check_handling(session, function, &row, false)?;
    }
    let oid_of = |function: &Option<Arc<PgProc>>| function.as_ref().map(|f| f.oid).unwrap_or_default();
    (row.typinput, row.typoutput) = (input.oid, output.oid);
    (row.typreceive, row.typsend) = (oid_of(&receive), oid_of(&send));
    (row.typmodin, row.typmodout) = (oid_of(&modifier_input), oid_of(&modifier_output));
    row.typarray = session.new_oid::<PgType>(index::PG_TYPE_OID)?;
    for (tid, _) in session.find::<PgType>(index::PG_TYPE_OID, &[oid.into()])? {
        session.update(tid, &row)?;
    }
    let object = ObjectAddress::new::<PgType>(oid);
    session.forget_dependencies(object, None)?;
    shared::forget(session, object)?;
    shared::record_owner(session, object, row.typowner)?;
    let used = [Some(input), Some(output), receive, send, modifier_input, modifier_output];
    let used = used.iter().flatten().map(|f| ObjectAddress::new::<PgProc>(f.oid));
    let namespace = ObjectAddress::new::<PgNamespace>(row.typnamespace);
    session.record_dependencies(object, [namespace].into_iter().chain(used), DependencyKind::Normal)?;
    session.command_counter_increment()?;
    insert_array_type(session, &row)
}

fn read(session: &Arc<Session>, row: &mut PgType, items: &[OptionItem]) -> Result<Functions> {
    let mut functions = Functions::default();
    let mut seen: Vec<&str> = Vec::new();
    if let Some(item) = items.iter().find(|i| i.name == "like") {
        let Some(OptionValue::Type(named)) = &item.value else {
            bail!(SYNTAX_ERROR, "argument of like must be a type name");
        };
        let like = session.type_row(expression::resolve_type(session, named)?.0)?;
        (row.typlen, row.typbyval) = (like.typlen, like.typbyval);
        (row.typalign, row.typstorage) = (like.typalign, like.typstorage);
    }
    for item in items {
        let key = if item.name == "analyse" { "analyze" } else { item.name.as_str() };
        if seen.contains(&key) {
            return Err(options::conflicting(item));
        }
        seen.push(key);
        match key {
            "like" => {}
            "internallength" => {
                row.typlen = match &item.value {
                    Some(OptionValue::Integer(length)) => i16::try_from(*length).unwrap_or(i16::MIN),
                    _ if options::text(item)?.eq_ignore_ascii_case("variable") => -1,
                    _ => bail!(
                        SYNTAX_ERROR,
                        "invalid argument for internallength: \"{}\"",
                        options::text(item)?
                    ),
                }
            }
            "input" => functions.input = Some(name_of(item)?),
            "output" => functions.output = Some(name_of(item)?),
            "receive" => functions.receive = Some(name_of(item)?),
            "send" => functions.send = Some(name_of(item)?),
            "typmod_in" => functions.modifier_input = Some(name_of(item)?),
            "typmod_out" => functions.modifier_output = Some(name_of(item)?),
            "analyze" | "subscript" | "element" => {
                return Err(Error::unsupported(format!("CREATE TYPE with {key}")));
            }
            "category" => {
                let text = options::text(item)?;
                let first = text.bytes().next().unwrap_or(0);
                if !(32..=126).contains(&first) {
                    let text = format!("invalid type category \"{text}\": must be simple ASCII");
                    bail!(INVALID_PARAMETER_VALUE, "{text}");
                }
                row.typcategory = first as i8;
            }
            "preferred" => row.typispreferred = options::boolean(item)?,
            "delimiter" => row.typdelim = options::text(item)?.bytes().next().unwrap_or(0) as i8,
            "default" => row.typdefault = Some(options::text(item)?),
            "passedbyvalue" => row.typbyval = options::boolean(item)?,
            "alignment" => {
                let text = options::text(item)?;
                row.typalign = match text.to_ascii_lowercase().as_str() {
                    "double" | "float8" | "pg_catalog.float8" => b'd',
                    "int4" | "pg_catalog.int4" => b'i',
                    "int2" | "pg_catalog.int2" => b's',
                    "char" | "bpchar" | "pg_catalog.bpchar" => b'c',
                    _ => bail!(INVALID_PARAMETER_VALUE, "alignment \"{text}\" not recognized"),
                } as i8;
            }
            "storage" => {
                let text = options::text(item)?;
                row.typstorage = match text.to_ascii_lowercase().as_str() {
                    "plain" => b'p',
                    "external" => b'e',
                    "extended" => b'x',
                    "main" => b'm',
                    _ => bail!(INVALID_PARAMETER_VALUE, "storage \"{text}\" not recognized"),
                } as i8;
            }
            "collatable" => {
                row.typcollation = if options::boolean(item)? { DEFAULT_COLLATION } else { Oid(0) };
            }
            other => session.notice(
                warning(SqlState::SYNTAX_ERROR, format!("type attribute \"{other}\" not recognized"))
                    .at(item.location),
            ),
        }
    }
    Ok(functions)
}

/// A support function of one of these signatures.
fn support(
    session: &Session,
    named: &ObjectName,
    word: &str,
    ways: &[Vec<Oid>],
    result: Oid,
) -> Result<Arc<PgProc>> {
    let mut found: Vec<Arc<PgProc>> = Vec::new();
    for way in ways {
        match function(session, named, way) {
            Ok(row) => found.push(row),
            Err(error) if error.state() == SqlState::UNDEFINED_FUNCTION => {}
            Err(error) => return Err(error),
        }
    }
    let shown = named.parts.join(".");
    if found.len() > 1 {
        bail!(AMBIGUOUS_FUNCTION, "type {word} function {shown} has multiple matches");
    }
    let row = match found.pop() {
        Some(row) => row,
        None => function(session, named, &ways[0])?,
    };
    if row.prorettype != result {
        let wanted = session.format_type(result, None)?;
        bail!(INVALID_OBJECT_DEFINITION, "type {word} function {shown} must return type {wanted}");
    }
    if row.provolatile as u8 == b'v' {
        let text = format!("type {word} function {shown} should not be volatile");
        session.notice(warning(SqlState::INVALID_OBJECT_DEFINITION, text));
    }
    Ok(row)
}

fn check_storage(row: &PgType) -> Result<()> {
    let align = row.typalign as u8 as char;
    let size = row.typlen;
    if row.typbyval {
        let fit = match size {
            1 => 'c',
            2 => 's',
            4 => 'i',
            8 => 'd',
            _ => bail!(INVALID_OBJECT_DEFINITION, "internal size {size} is invalid for passed-by-value type"),
        };
        if align != fit {
            bail!(
                INVALID_OBJECT_DEFINITION,
                "alignment \"{align}\" is invalid for passed-by-value type of size {size}"
            );
        }
    } else if size == -1 && !matches!(align, 'i' | 'd') || size == -2 && align != 'c' {
        bail!(INVALID_OBJECT_DEFINITION, "alignment \"{align}\" is invalid for variable-length type");
    } else if size < -2 || size == 0 {
        bail!(INVALID_OBJECT_DEFINITION, "invalid type internal size {size}");
    }
    if row.typstorage as u8 != b'p' && size != -1 {
        bail!(INVALID_OBJECT_DEFINITION, "fixed-size types must have storage PLAIN");
    }
    Ok(())
}

/// Built-in functions handle values in the form that their own types have: a new type over them must have it, too.
fn check_handling(session: &Session, function: &PgProc, row: &PgType, result: bool) -> Result<()> {
    if function.prolang != INTERNAL_LANGUAGE {
        return Ok(());
    }
    let own = TypeLayout::new(row.oid, row.typlen, row.typbyval, row.typalign as u8);
    let builtin = session
        .functions_by_name(&function.prosrc)?
        .iter()
        .find(|f| f.oid.0 < 16384 && f.prolang == INTERNAL_LANGUAGE)
        .cloned();
    let Some(builtin) = builtin else {
        return Err(Error::unsupported(format!("a type over the function {}", function.prosrc)));
    };
    let meant = if result { Some(builtin.prorettype) } else { builtin.proargtypes.first().copied() };
    let Some(meant) = meant else { return Ok(()) };
    let layout = session.type_layout(meant)?;
    if (layout.len, layout.by_value, layout.repr) != (own.len, own.by_value, own.repr) {
        return Err(Error::unsupported(format!(
            "a type of another form over the function {}",
            function.prosrc
        )));
    }
    Ok(())
}

/// The type of a name that may be a shell's, which only functions for its values may name.
///
/// # Errors
/// As for other types.
pub(crate) fn resolve_or_shell(session: &Session, named: &TypeName) -> Result<Oid> {
    if named.array_bounds.is_empty() && !named.percent_type && named.modifiers.is_empty() {
        let object = ObjectName { parts: named.names.clone(), location: named.location };
        if let Ok((schema, last)) = name::split(session, &object)
            && let Ok(Some(oid)) = session.type_by_name(schema, last)
            && !session.type_row(oid)?.typisdefined
        {
            return Ok(oid);
        }
    }
    Ok(expression::resolve_type(session, named)?.0)
}

/// The shell that a function's result makes where there is no type of this name yet.
///
/// # Errors
/// As for CREATE TYPE.
pub(crate) fn make_shell(session: &Arc<Session>, named: &TypeName) -> Result<Oid> {
    let object = ObjectName { parts: named.names.clone(), location: named.location };
    let (namespace, last) = name::creation_namespace(session, &object)?;
    privilege::require_create_in(session, namespace)?;
    let row = shell(session, namespace, last)?;
    insert_type(session, &row)?;
    session.command_counter_increment()?;
    Ok(row.oid)
}
