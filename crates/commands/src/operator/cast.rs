//! CREATE CAST and the casts that DROP names.

use crate::invocation::{Invocation, Outcome};
use crate::notice::warning;
use crate::{expression, privilege, routine};
use base::{Error, Oid, Result, SqlState, bail, err};
use catalog::{DependencyKind, ObjectAddress, PgCast, PgProc, PgType, Session, index};
use lock::LockMode;
use std::sync::Arc;
use syntax::{CastContext, CastMethod, CreateCast, ObjectType, TypeName};

const INT4: Oid = Oid(23);
const BOOL: Oid = Oid(16);

/// CREATE CAST.
///
/// # Errors
/// PostgreSQL's: `42809`, `42P17`, `42710`, `42704`, `42883`, `42501`; `0A000` for WITHOUT FUNCTION between types that
/// are handled differently in memory.
pub(crate) fn create(invocation: &mut Invocation<'_>, statement: &CreateCast) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let source = session.type_row(expression::resolve_type(session, &statement.source)?.0)?;
    let target = session.type_row(expression::resolve_type(session, &statement.target)?.0)?;
    for (word, row) in [("source", &source), ("target", &target)] {
        if row.typtype as u8 == b'p' {
            let shown = session.format_type(row.oid, None)?;
            bail!(WRONG_OBJECT_TYPE, "{word} data type {shown} is a pseudo-type");
        }
    }
    require_owner(session, &source, &target)?;
    for row in [&source, &target] {
        privilege::require_type(session, row.oid)?;
    }
    for (word, row) in [("source", &source), ("target", &target)] {
        if row.typtype as u8 == b'd' {
            let text = format!("cast will be ignored because the {word} data type is a domain");
            session.notice(warning(SqlState::WRONG_OBJECT_TYPE, text));
        }
    }
    let (method, function) = match &statement.method {
        CastMethod::Function(signature) => {
            let oid = routine::find(session, ObjectType::Function, signature)?;
            let row = session.function(oid)?;
            super::create::require_execute(session, &row)?;
            check_function(session, &row, &source, &target)?;
            (b'f', Some(row))
        }
        CastMethod::InOut => (b'i', None),
        CastMethod::WithoutFunction => {
            check_binary(session, &source, &target)?;
            (b'b', None)
        }
    };
    let args = function.as_ref().map_or(0, |f| f.proargtypes.len());
    if source.oid == target.oid && args < 2 {
        bail!(INVALID_OBJECT_DEFINITION, "source data type and target data type are the same");
    }
    if session.cast(source.oid, target.oid)?.is_some() {
        let text = shown(session, source.oid, target.oid)?;
        bail!(DUPLICATE_OBJECT, "{text} already exists");
    }
    let context = match statement.context {
        CastContext::Explicit => b'e',
        CastContext::Assignment => b'a',
        CastContext::Implicit => b'i',
    };
    let row = PgCast {
        oid: session.new_oid::<PgCast>(index::PG_CAST_OID)?,
        castsource: source.oid,
        casttarget: target.oid,
        castfunc: function.as_ref().map(|f| f.oid).unwrap_or_default(),
        castcontext: context as i8,
        castmethod: method as i8,
    };
    session.insert(&row)?;
    let types = [source.oid, target.oid].map(ObjectAddress::new::<PgType>);
    let functions = function.iter().map(|f| ObjectAddress::new::<PgProc>(f.oid));
    let object = ObjectAddress::new::<PgCast>(row.oid);
    session.record_dependencies(object, types.into_iter().chain(functions), DependencyKind::Normal)?;
    Ok(Outcome::Tag("CREATE CAST".to_owned()))
}

fn shown(session: &Session, source: Oid, target: Oid) -> Result<String> {
    let (source, target) = (session.format_type(source, None)?, session.format_type(target, None)?);
    Ok(format!("cast from type {source} to type {target}"))
}

fn require_owner(session: &Session, source: &PgType, target: &PgType) -> Result<()> {
    if privilege::is_owner(session, source.typowner)? || privilege::is_owner(session, target.typowner)? {
        return Ok(());
    }
    let (source, target) = (session.format_type(source.oid, None)?, session.format_type(target.oid, None)?);
    bail!(INSUFFICIENT_PRIVILEGE, "must be owner of type {source} or type {target}")
}

fn check_function(session: &Session, row: &PgProc, source: &PgType, target: &PgType) -> Result<()> {
    let invalid = |text: &str| Err(err!(INVALID_OBJECT_DEFINITION, "{text}"));
    let args = &row.proargtypes;
    if args.is_empty() || args.len() > 3 {
        return invalid("cast function must take one to three arguments");
    }
    if !session.binary_coercible(source.oid, args[0])? {
        return invalid("argument of cast function must match or be binary-coercible from source data type");
    }
    if args.len() > 1 && args[1] != INT4 {
        return invalid("second argument of cast function must be type integer");
    }
    if args.len() > 2 && args[2] != BOOL {
        return invalid("third argument of cast function must be type boolean");
    }
    if !session.binary_coercible(row.prorettype, target.oid)? {
        return invalid(
            "return data type of cast function must match or be binary-coercible to target data type",
        );
    }
    if row.prokind as u8 != b'f' {
        return invalid("cast function must be a normal function");
    }
    if row.proretset {
        return invalid("cast function must not return a set");
    }
    Ok(())
}

fn check_binary(session: &Session, source: &PgType, target: &PgType) -> Result<()> {
    if !session.is_superuser(session.user())? {
        bail!(INSUFFICIENT_PRIVILEGE, "must be superuser to create a cast WITHOUT FUNCTION");
    }
    let invalid = |text: &str| Err(err!(INVALID_OBJECT_DEFINITION, "{text}"));
    if (source.typlen, source.typbyval, source.typalign) != (target.typlen, target.typbyval, target.typalign)
    {
        return invalid("source and target data types are not physically compatible");
    }
    for row in [source, target] {
        let array = session.element_type(row.oid)?.is_some();
        let kind = match row.typtype as u8 {
            b'c' => "composite data types",
            b'e' => "enum data types",
            b'r' | b'm' => "range data types",
            b'd' => return invalid("domain data types must not be marked binary-compatible"),
            _ if array => "array data types",
            _ => continue,
        };
        return invalid(&format!("{kind} are not binary-compatible"));
    }
    if session.type_layout(source.oid)?.repr != session.type_layout(target.oid)?.repr {
        return Err(Error::unsupported("a cast WITHOUT FUNCTION between these types"));
    }
    Ok(())
}

/// The cast that a DROP names, locked; the message to give instead if it is not there and need not be.
///
/// # Errors
/// `42704`, `42501`.
pub(crate) fn drop_target(
    session: &Arc<Session>,
    source: &TypeName,
    target: &TypeName,
    missing_ok: bool,
) -> Result<std::result::Result<ObjectAddress, Error>> {
    let find = |name: &TypeName| expression::resolve_type(session, name);
    let (source, target) = match (find(source), find(target)) {
        (Ok(source), Ok(target)) => (source.0, target.0),
        (Err(error), _) | (_, Err(error)) if missing_ok && error.state() == SqlState::UNDEFINED_OBJECT => {
            return Ok(Err(error));
        }
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    let Some(row) = session.cast(source, target)? else {
        let text = shown(session, source, target)?;
        let error = err!(UNDEFINED_OBJECT, "{text} does not exist");
        return if missing_ok { Ok(Err(error)) } else { Err(error) };
    };
    require_owner(session, &*session.type_row(source)?, &*session.type_row(target)?)?;
    let object = ObjectAddress::new::<PgCast>(row.oid);
    privilege::lock_object(session, object, false, LockMode::AccessExclusive)?;
    Ok(Ok(object))
}
