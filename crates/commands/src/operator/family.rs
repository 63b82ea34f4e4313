//! ALTER OPERATOR FAMILY: operators and support functions that a family has beside those of its classes.

use super::find;
use crate::invocation::{Invocation, Outcome};
use crate::{drop, expression, name, routine};
use base::{Error, Oid, Result, bail, err};
use catalog::{
    DependencyKind, ObjectAddress, PgAm, PgAmop, PgAmproc, PgOperator, PgOpfamily, PgProc, Session, index,
};
use datum::Datum;
use std::sync::Arc;
use syntax::{AlterOperatorFamily, ObjectName, ObjectType, OperatorClassItem, OperatorSignature, TypeName};

const BOOL: Oid = Oid(16);
const INT4: Oid = Oid(23);
const VOID: Oid = Oid(2278);
const INTERNAL: Oid = Oid(2281);
const BTREE: Oid = Oid(403);
const HASH: Oid = Oid(405);

struct Member {
    number: i32,
    types: (Oid, Oid),
    /// The operator or function; invalid for what is to go.
    object: Oid,
    sort_family: Oid,
}

/// How many operators and functions a class of a method has at most.
fn limits(method: Oid) -> Result<(i32, i32)> {
    match method {
        BTREE => Ok((5, 6)),
        HASH => Ok((1, 3)),
        _ => Err(Error::unsupported("ALTER OPERATOR FAMILY of other access methods than btree and hash")),
    }
}

/// ALTER OPERATOR FAMILY ... ADD and DROP.
///
/// # Errors
/// PostgreSQL's: `42704`, `42501`, `42P17`, `42601`, `42710`, `42883`.
pub(crate) fn alter(invocation: &mut Invocation<'_>, statement: &AlterOperatorFamily) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let family = family(session, &statement.name, &statement.access_method)?;
    if !session.is_superuser(session.user())? {
        bail!(INSUFFICIENT_PRIVILEGE, "must be superuser to alter an operator family");
    }
    let method = family.opfmethod;
    let (most_operators, most_functions) = limits(method)?;
    let in_range = |what: &str, number: i32, most: i32| -> Result<()> {
        if number < 1 || number > most {
            bail!(INVALID_OBJECT_DEFINITION, "invalid {what} number {number}, must be between 1 and {most}");
        }
        Ok(())
    };
    let (mut operators, mut functions) = (Vec::new(), Vec::new());
    for item in &statement.items {
        match item {
            OperatorClassItem::Operator { number, name: _, signature, order_family } => {
                in_range("operator", *number, most_operators)?;
                let Some(signature) = signature else {
                    bail!(SYNTAX_ERROR, "operator argument types must be specified in ALTER OPERATOR FAMILY");
                };
                let sort = match order_family {
                    None => Oid(0),
                    // Only methods without a limit of their own order by operators.
                    Some(_) => bail!(
                        INVALID_OBJECT_DEFINITION,
                        "access method \"{}\" does not support ordering operators",
                        statement.access_method
                    ),
                };
                add(&mut operators, "operator", operator(session, signature, *number, sort)?, session)?;
            }
            OperatorClassItem::Function { number, types, function } => {
                in_range("function", *number, most_functions)?;
                let oid = routine::find(session, ObjectType::Function, function)?;
                let row = session.function(oid)?;
                let given = if types.is_empty() { None } else { Some(pair(session, types)?) };
                let types = function_types(method, *number, &row, given)?;
                let member = Member { number: *number, types, object: oid, sort_family: Oid(0) };
                add(&mut functions, "function", member, session)?;
            }
            OperatorClassItem::Storage(_) => {
                bail!(SYNTAX_ERROR, "STORAGE cannot be specified in ALTER OPERATOR FAMILY")
            }
            OperatorClassItem::DropOperator { number, types } => {
                in_range("operator", *number, most_operators)?;
                let types = pair(session, types)?;
                let member = Member { number: *number, types, object: Oid(0), sort_family: Oid(0) };
                add(&mut operators, "operator", member, session)?;
            }
            OperatorClassItem::DropFunction { number, types } => {
                in_range("function", *number, most_functions)?;
                let types = pair(session, types)?;
                let member = Member { number: *number, types, object: Oid(0), sort_family: Oid(0) };
                add(&mut functions, "function", member, session)?;
            }
        }
    }
    if statement.drop {
        remove(session, &family, &operators, &functions)?;
    } else {
        store(session, &family, &operators, &functions)?;
    }
    Ok(Outcome::Tag("ALTER OPERATOR FAMILY".to_owned()))
}

fn family(session: &Session, named: &ObjectName, method: &str) -> Result<Arc<PgOpfamily>> {
    let methods = session.rows::<PgAm>(index::PG_AM_NAME, &[method.into()])?;
    let Some(am) = methods.first() else {
        bail!(UNDEFINED_OBJECT, "access method \"{method}\" does not exist");
    };
    let (schema, last) = name::split(session, named)?;
    let places = match schema {
        Some(schema) => vec![session.require_namespace(schema)?],
        None => session.search_path()?.to_vec(),
    };
    let keys = [am.oid.into(), Datum::from(last)];
    let rows = session.rows::<PgOpfamily>(index::PG_OPFAMILY_AM_NAME_NSP, &keys)?;
    for place in places {
        if let Some(row) = rows.iter().find(|r| r.opfnamespace == place) {
            return Ok(row.clone());
        }
    }
    let shown = named.parts.join(".");
    bail!(UNDEFINED_OBJECT, "operator family \"{shown}\" does not exist for access method \"{method}\"")
}

fn pair(session: &Session, types: &[TypeName]) -> Result<(Oid, Oid)> {
    let resolve = |name: &TypeName| Ok::<Oid, Error>(expression::resolve_type(session, name)?.0);
    match types {
        [one] => {
            let one = resolve(one)?;
            Ok((one, one))
        }
        [left, right] => Ok((resolve(left)?, resolve(right)?)),
        _ => bail!(SYNTAX_ERROR, "one or two argument types must be specified"),
    }
}

fn operator(
    session: &Session,
    signature: &OperatorSignature,
    number: i32,
    sort_family: Oid,
) -> Result<Member> {
    let row = find::by_signature(session, signature)?;
    if row.oprkind as u8 != b'b' {
        bail!(INVALID_OBJECT_DEFINITION, "index operators must be binary");
    }
    if row.oprresult != BOOL {
        bail!(INVALID_OBJECT_DEFINITION, "index search operators must return boolean");
    }
    Ok(Member { number, types: (row.oprleft, row.oprright), object: row.oid, sort_family })
}

/// The types that a support function is for, with its signature checked.
fn function_types(method: Oid, number: i32, row: &PgProc, given: Option<(Oid, Oid)>) -> Result<(Oid, Oid)> {
    let invalid = |text: &str| Err(err!(INVALID_OBJECT_DEFINITION, "{text}"));
    let args = &row.proargtypes;
    let mut own = None;
    match (method, number) {
        (BTREE, 1) => {
            let [left, right] = args[..] else {
                return invalid("ordering comparison functions must have two arguments");
            };
            if row.prorettype != INT4 {
                return invalid("ordering comparison functions must return integer");
            }
            own = Some((left, right));
        }
        (BTREE, 2) => {
            if args[..] != [INTERNAL] {
                return invalid("ordering sort support functions must accept type \"internal\"");
            }
            if row.prorettype != VOID {
                return invalid("ordering sort support functions must return void");
            }
        }
        (BTREE, 3) => {
            if args.len() != 5 {
                return invalid("ordering in_range functions must have five arguments");
            }
            if row.prorettype != BOOL {
                return invalid("ordering in_range functions must return boolean");
            }
            own = Some((args[0], args[2]));
        }
        (BTREE, 4) if args[..] != [Oid(26)] || row.prorettype != BOOL => {
            return invalid("ordering equal image functions must return boolean");
        }
        (HASH, 1) => {
            if args.len() != 1 {
                return invalid("hash function 1 must have one argument");
            }
            if row.prorettype != INT4 {
                return invalid("hash function 1 must return integer");
            }
            own = Some((args[0], args[0]));
        }
        (HASH, 2) => {
            if args.len() != 2 {
                return invalid("hash function 2 must have two arguments");
            }
            if row.prorettype != Oid(20) {
                return invalid("hash function 2 must return bigint");
            }
            own = Some((args[0], args[0]));
        }
        _ => {}
    }
    match given.or(own) {
        Some(types) => Ok(types),
        None => invalid("associated data types must be specified for index support function"),
    }
}

/// `number(left,right)`.
fn shown(session: &Session, member: &Member) -> Result<String> {
    let (left, right) = member.types;
    Ok(format!("({},{})", session.format_type(left, None)?, session.format_type(right, None)?))
}

fn add(list: &mut Vec<Member>, word: &str, member: Member, session: &Session) -> Result<()> {
    if list.iter().any(|m| m.number == member.number && m.types == member.types) {
        let text = shown(session, &member)?;
        bail!(INVALID_OBJECT_DEFINITION, "{word} number {} for {text} appears more than once", member.number);
    }
    list.push(member);
    Ok(())
}

fn keys(family: &PgOpfamily, member: &Member) -> [Datum<'static>; 4] {
    let (left, right) = member.types;
    [family.oid.into(), left.into(), right.into(), Datum::Int2(member.number as i16)]
}

fn store(session: &Session, family: &PgOpfamily, operators: &[Member], functions: &[Member]) -> Result<()> {
    let taken = |word: &str, member: &Member| -> Result<()> {
        let text = shown(session, member)?;
        bail!(
            DUPLICATE_OBJECT,
            "{word} {}{text} already exists in operator family \"{}\"",
            member.number,
            family.opfname
        )
    };
    let owner = ObjectAddress::new::<PgOpfamily>(family.oid);
    for member in operators {
        if session.row::<PgAmop>(index::PG_AMOP_FAM_STRAT, &keys(family, member))?.is_some() {
            taken("operator", member)?;
        }
        let row = PgAmop {
            oid: session.new_oid::<PgAmop>(index::PG_AMOP_OID)?,
            amopfamily: family.oid,
            amoplefttype: member.types.0,
            amoprighttype: member.types.1,
            amopstrategy: member.number as i16,
            amoppurpose: b's' as i8,
            amopopr: member.object,
            amopmethod: family.opfmethod,
            amopsortfamily: member.sort_family,
        };
        session.insert(&row)?;
        let on = [ObjectAddress::new::<PgOperator>(member.object), owner];
        session.record_dependencies(ObjectAddress::new::<PgAmop>(row.oid), on, DependencyKind::Auto)?;
    }
    for member in functions {
        if session.row::<PgAmproc>(index::PG_AMPROC_FAM_PROC, &keys(family, member))?.is_some() {
            taken("function", member)?;
        }
        let row = PgAmproc {
            oid: session.new_oid::<PgAmproc>(index::PG_AMPROC_OID)?,
            amprocfamily: family.oid,
            amproclefttype: member.types.0,
            amprocrighttype: member.types.1,
            amprocnum: member.number as i16,
            amproc: member.object,
        };
        session.insert(&row)?;
        let on = [ObjectAddress::new::<PgProc>(member.object), owner];
        session.record_dependencies(ObjectAddress::new::<PgAmproc>(row.oid), on, DependencyKind::Auto)?;
    }
    Ok(())
}

fn remove(
    session: &Arc<Session>,
    family: &PgOpfamily,
    operators: &[Member],
    functions: &[Member],
) -> Result<()> {
    let missing = |word: &str, member: &Member| -> Result<Error> {
        let text = shown(session, member)?;
        Ok(err!(
            UNDEFINED_OBJECT,
            "{word} {}{text} does not exist in operator family \"{}\"",
            member.number,
            family.opfname
        ))
    };
    for member in operators {
        match session.row::<PgAmop>(index::PG_AMOP_FAM_STRAT, &keys(family, member))? {
            Some(row) => drop::remove_all(session, &[ObjectAddress::new::<PgAmop>(row.oid)], false)?,
            None => return Err(missing("operator", member)?),
        }
    }
    for member in functions {
        match session.row::<PgAmproc>(index::PG_AMPROC_FAM_PROC, &keys(family, member))? {
            Some(row) => drop::remove_all(session, &[ObjectAddress::new::<PgAmproc>(row.oid)], false)?,
            None => return Err(missing("function", member)?),
        }
    }
    Ok(())
}
