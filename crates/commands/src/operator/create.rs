//! CREATE OPERATOR, with the operators that it links to.

use super::find::{self, as_object};
use crate::invocation::{Invocation, Outcome};
use crate::notice::warning;
use crate::{expression, name, options, privilege, shared_dependency as shared};
use base::{Oid, Result, SqlState, bail, err};
use catalog::{
    DependencyKind, ObjectAddress, PgNamespace, PgOperator, PgProc, PgType, Session, acl::privilege as bits,
    index,
};
use std::sync::Arc;
use syntax::{Define, ObjectName, OptionItem, OptionValue, TypeName};

const BOOL: Oid = Oid(16);
const INT2: Oid = Oid(21);
const INT4: Oid = Oid(23);
const OID: Oid = Oid(26);
const FLOAT8: Oid = Oid(701);
const INTERNAL: Oid = Oid(2281);
const NAME_LIMIT: usize = 63;

/// The options of CREATE OPERATOR.
#[derive(Default)]
struct Spec {
    left: Option<TypeName>,
    right: Option<TypeName>,
    function: Option<ObjectName>,
    commutator: Option<ObjectName>,
    negator: Option<ObjectName>,
    restrict: Option<ObjectName>,
    join: Option<ObjectName>,
    hashes: bool,
    merges: bool,
}

fn type_of(item: &OptionItem) -> Result<Option<TypeName>> {
    match &item.value {
        Some(OptionValue::Type(name)) if name.setof => {
            bail!(INVALID_FUNCTION_DEFINITION, "SETOF type not allowed for operator argument")
        }
        Some(OptionValue::Type(name)) => Ok(Some(name.clone())),
        Some(OptionValue::String(text)) if text == "none" => Ok(None),
        Some(OptionValue::String(text)) => {
            Ok(Some(TypeName { names: vec![text.clone()], ..TypeName::system(text, item.location) }))
        }
        Some(_) => bail!(SYNTAX_ERROR, "argument of {} must be a type name", item.name),
        None => bail!(SYNTAX_ERROR, "{} requires a parameter", item.name),
    }
}

/// A qualified name as an option's value.
pub(crate) fn name_of(item: &OptionItem) -> Result<ObjectName> {
    let parts = match &item.value {
        Some(OptionValue::Type(name)) => name.names.clone(),
        Some(OptionValue::Name(name)) => name.parts.clone(),
        Some(OptionValue::Operator(operator)) => as_object(operator).parts,
        Some(OptionValue::String(text)) => vec![text.clone()],
        Some(_) => bail!(SYNTAX_ERROR, "argument of {} must be a name", item.name),
        None => bail!(SYNTAX_ERROR, "{} requires a parameter", item.name),
    };
    Ok(ObjectName { parts, location: item.location })
}

fn read(session: &Session, items: &[OptionItem]) -> Result<Spec> {
    let mut spec = Spec::default();
    for item in items {
        match item.name.as_str() {
            "leftarg" => spec.left = type_of(item)?,
            "rightarg" => spec.right = type_of(item)?,
            "function" | "procedure" => spec.function = Some(name_of(item)?),
            "commutator" => spec.commutator = Some(name_of(item)?),
            "negator" => spec.negator = Some(name_of(item)?),
            "restrict" => spec.restrict = Some(name_of(item)?),
            "join" => spec.join = Some(name_of(item)?),
            "hashes" => spec.hashes = options::boolean(item)?,
            "merges" => spec.merges = options::boolean(item)?,
            // What old dumps have instead of MERGES.
            "sort1" | "sort2" | "ltcmp" | "gtcmp" => spec.merges = true,
            other => session.notice(warning(
                SqlState::SYNTAX_ERROR,
                format!("operator attribute \"{other}\" not recognized"),
            )),
        }
    }
    Ok(spec)
}

/// CREATE OPERATOR.
///
/// # Errors
/// PostgreSQL's: `42P13`, `42P17`, `42723`, `42883`, `42704`, `42602`, `42501`.
pub(crate) fn define(invocation: &mut Invocation<'_>, statement: &Define) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let (namespace, last) = name::creation_namespace(session, &statement.name)?;
    let spec = read(session, &statement.definition)?;
    let Some(function) = &spec.function else {
        bail!(INVALID_FUNCTION_DEFINITION, "operator function must be specified");
    };
    let resolve = |named: &Option<TypeName>| -> Result<Oid> {
        let found = named.as_ref().map(|t| expression::resolve_type(session, t)).transpose()?;
        Ok(found.map(|f| f.0).unwrap_or_default())
    };
    let (left, right) = (resolve(&spec.left)?, resolve(&spec.right)?);
    if !right.is_valid() {
        if !left.is_valid() {
            bail!(INVALID_FUNCTION_DEFINITION, "operator argument types must be specified");
        }
        return Err(err!(INVALID_FUNCTION_DEFINITION, "operator right argument type must be specified")
            .detail("Postfix operators are not supported."));
    }
    let mut args = Vec::new();
    for operand in [left, right].into_iter().filter(|o| o.is_valid()) {
        privilege::require_type(session, operand)?;
        args.push(operand);
    }
    let function = find::function(session, function, &args)?;
    require_execute(session, &function)?;
    privilege::require_type(session, function.prorettype)?;
    let restrict = spec.restrict.as_ref().map(|n| restriction(session, n)).transpose()?.unwrap_or_default();
    let join = spec.join.as_ref().map(|n| join_estimator(session, n)).transpose()?.unwrap_or_default();
    if !is_valid_name(last) {
        bail!(INVALID_NAME, "\"{last}\" is not a valid operator name");
    }
    let existing = in_namespace(session, last, namespace, left, right)?;
    if existing.as_ref().is_some_and(|row| row.oprcode.is_valid()) {
        bail!(DUPLICATE_FUNCTION, "operator {last} already exists");
    }
    check(&spec, left.is_valid(), function.prorettype == BOOL)?;
    let own = Key { name: last, namespace, left, right };
    let mut row = own.shell(session)?;
    if let Some(shell) = &existing {
        (row.oid, row.oprcom, row.oprnegate) = (shell.oid, shell.oprcom, shell.oprnegate);
    }
    row.oprcanmerge = spec.merges;
    row.oprcanhash = spec.hashes;
    row.oprresult = function.prorettype;
    (row.oprcode, row.oprrest, row.oprjoin) = (function.oid, restrict, join);
    let (mut commutator, mut negator) = (None, None);
    if let Some(named) = &spec.commutator {
        let other = other_operator(session, named, right, left, &own)?;
        row.oprcom = other.unwrap_or(row.oid);
        commutator = other;
    }
    if let Some(named) = &spec.negator {
        let Some(other) = other_operator(session, named, left, right, &own)? else {
            bail!(INVALID_FUNCTION_DEFINITION, "operator cannot be its own negator");
        };
        row.oprnegate = other;
        negator = Some(other);
    }
    match existing {
        Some(_) => {
            for (tid, _) in session.find::<PgOperator>(index::PG_OPERATOR_OID, &[row.oid.into()])? {
                session.update(tid, &row)?;
            }
        }
        None => {
            session.insert(&row)?;
        }
    }
    record(session, &row, existing.is_some())?;
    session.command_counter_increment()?;
    link(session, &row, commutator, negator)?;
    Ok(Outcome::Tag("CREATE OPERATOR".to_owned()))
}

/// # Errors
/// `42501` unless the current user may call the function.
pub(crate) fn require_execute(session: &Session, row: &PgProc) -> Result<()> {
    let held =
        privilege::held(session, session.user(), row.proacl.as_ref(), row.proowner, privilege::FUNCTION)?;
    if held & bits::EXECUTE == 0 {
        bail!(INSUFFICIENT_PRIVILEGE, "permission denied for function {}", row.proname);
    }
    Ok(())
}

fn is_valid_name(name: &str) -> bool {
    if name.is_empty() || name.len() > NAME_LIMIT || name.contains("/*") || name.contains("--") {
        return false;
    }
    if !name.bytes().all(|b| b"~!@#^&|`?+-*/%<>=".contains(&b)) {
        return false;
    }
    // A name that ends in + or - needs a character that SQL's own operators do not have.
    let odd = name.bytes().any(|b| b"~!@#^&|`?%".contains(&b));
    (name.len() == 1 || odd || !name.ends_with(['+', '-'])) && name != "!="
}

fn check(spec: &Spec, binary: bool, boolean: bool) -> Result<()> {
    let given = [
        (!binary, spec.commutator.is_some(), "only binary operators can have commutators"),
        (!binary, spec.join.is_some(), "only binary operators can have join selectivity"),
        (!binary, spec.merges, "only binary operators can merge join"),
        (!binary, spec.hashes, "only binary operators can hash"),
        (!boolean, spec.negator.is_some(), "only boolean operators can have negators"),
        (!boolean, spec.restrict.is_some(), "only boolean operators can have restriction selectivity"),
        (!boolean, spec.join.is_some(), "only boolean operators can have join selectivity"),
        (!boolean, spec.merges, "only boolean operators can merge join"),
        (!boolean, spec.hashes, "only boolean operators can hash"),
    ];
    match given.iter().find(|(unfit, has, _)| *unfit && *has) {
        Some((_, _, text)) => bail!(INVALID_FUNCTION_DEFINITION, "{text}"),
        None => Ok(()),
    }
}

fn restriction(session: &Session, named: &ObjectName) -> Result<Oid> {
    let row = find::function(session, named, &[INTERNAL, OID, INTERNAL, INT4])?;
    estimator(session, &row, named, "restriction")
}

fn join_estimator(session: &Session, named: &ObjectName) -> Result<Oid> {
    let args = [INTERNAL, OID, INTERNAL, INT2, INTERNAL];
    let long = find::function_if_any(session, named, &args)?;
    let short = find::function_if_any(session, named, &args[..4])?;
    let row = match (long, short) {
        (Some(_), Some(_)) => {
            bail!(
                AMBIGUOUS_FUNCTION,
                "join estimator function {} has multiple matches",
                named.parts.join(".")
            )
        }
        (Some(row), None) | (None, Some(row)) => row,
        (None, None) => find::function(session, named, &args)?,
    };
    estimator(session, &row, named, "join")
}

fn estimator(session: &Session, row: &PgProc, named: &ObjectName, word: &str) -> Result<Oid> {
    let shown = named.parts.join(".");
    if row.prorettype != FLOAT8 {
        bail!(
            INVALID_OBJECT_DEFINITION,
            "{word} estimator function {shown} must return type double precision"
        );
    }
    // What estimates is planned by, it is trusted with statistics of tables.
    if row.oid.0 >= 16384 && !session.is_superuser(session.user())? {
        bail!(
            INSUFFICIENT_PRIVILEGE,
            "must be superuser to specify a non-built-in {word} estimator function"
        );
    }
    require_execute(session, row)?;
    Ok(row.oid)
}

/// What tells operators apart.
struct Key<'a> {
    name: &'a str,
    namespace: Oid,
    left: Oid,
    right: Oid,
}

impl Key<'_> {
    /// An operator of which nothing else is known yet.
    fn shell(&self, session: &Session) -> Result<PgOperator> {
        Ok(PgOperator {
            oid: session.new_oid::<PgOperator>(index::PG_OPERATOR_OID)?,
            oprname: self.name.to_owned(),
            oprnamespace: self.namespace,
            oprowner: session.user(),
            oprkind: if self.left.is_valid() { b'b' } else { b'l' } as i8,
            oprcanmerge: false,
            oprcanhash: false,
            oprleft: self.left,
            oprright: self.right,
            oprresult: Oid(0),
            oprcom: Oid(0),
            oprnegate: Oid(0),
            oprcode: Oid(0),
            oprrest: Oid(0),
            oprjoin: Oid(0),
        })
    }
}

fn in_namespace(
    session: &Session,
    name: &str,
    namespace: Oid,
    left: Oid,
    right: Oid,
) -> Result<Option<Arc<PgOperator>>> {
    let rows = session.operators_by_name(name)?;
    let fits = |o: &&Arc<PgOperator>| o.oprnamespace == namespace && o.oprleft == left && o.oprright == right;
    Ok(rows.iter().find(fits).cloned())
}

/// A commutator or negator, made as a shell if it is not there; `None` if it is the operator that is being made.
fn other_operator(
    session: &Arc<Session>,
    named: &ObjectName,
    left: Oid,
    right: Oid,
    own: &Key<'_>,
) -> Result<Option<Oid>> {
    let same = |namespace: Oid, name: &str| {
        name == own.name && namespace == own.namespace && (left, right) == (own.left, own.right)
    };
    if let Some(row) = find::operator(session, named, left, right)? {
        if same(row.oprnamespace, &row.oprname) {
            return Ok(None);
        }
        let shown = named.parts.join(".");
        privilege::require_owner(session, row.oprowner, "operator", &shown)?;
        return Ok(Some(row.oid));
    }
    let (namespace, last) = name::creation_namespace(session, named)?;
    if same(namespace, last) {
        return Ok(None);
    }
    if !is_valid_name(last) {
        bail!(INVALID_NAME, "\"{last}\" is not a valid operator name");
    }
    let row = Key { name: last, namespace, left, right }.shell(session)?;
    session.insert(&row)?;
    record(session, &row, false)?;
    session.command_counter_increment()?;
    Ok(Some(row.oid))
}

fn record(session: &Session, row: &PgOperator, again: bool) -> Result<()> {
    let object = ObjectAddress::new::<PgOperator>(row.oid);
    if again {
        session.forget_dependencies(object, None)?;
        shared::forget(session, object)?;
    }
    let types = [row.oprleft, row.oprright, row.oprresult].map(ObjectAddress::new::<PgType>);
    let functions = [row.oprcode, row.oprrest, row.oprjoin].map(ObjectAddress::new::<PgProc>);
    let namespace = ObjectAddress::new::<PgNamespace>(row.oprnamespace);
    let all = [namespace].into_iter().chain(types).chain(functions).filter(|o| o.object.is_valid());
    session.record_dependencies(object, all, DependencyKind::Normal)?;
    shared::record_owner(session, object, row.oprowner)
}

/// Has the linked operators link back, where they link to none yet.
fn link(session: &Session, row: &PgOperator, commutator: Option<Oid>, negator: Option<Oid>) -> Result<()> {
    let taken = |word: &str, other: &PgOperator, linked: Oid| -> Result<()> {
        let linked = session.operator(linked)?;
        bail!(
            INVALID_FUNCTION_DEFINITION,
            "{word} operator {} is already the {word} of operator {}",
            other.oprname,
            linked.oprname
        )
    };
    for oid in [commutator, negator].into_iter().flatten() {
        for (tid, mut other) in session.find::<PgOperator>(index::PG_OPERATOR_OID, &[oid.into()])? {
            let before = other.clone();
            if commutator == Some(oid) {
                if other.oprcom.is_valid() && other.oprcom != row.oid {
                    taken("commutator", &other, other.oprcom)?;
                }
                other.oprcom = row.oid;
            }
            if negator == Some(oid) {
                if other.oprnegate.is_valid() && other.oprnegate != row.oid {
                    taken("negator", &other, other.oprnegate)?;
                }
                other.oprnegate = row.oid;
            }
            if other != before {
                session.update(tid, &other)?;
                session.command_counter_increment()?;
            }
        }
    }
    Ok(())
}

/// Deletes an operator and what links to it has.
///
/// # Errors
/// What writing fails with.
pub(crate) fn remove(session: &Session, oid: Oid) -> Result<()> {
    for (_, row) in session.find::<PgOperator>(index::PG_OPERATOR_OID, &[oid.into()])? {
        for linked in [row.oprcom, row.oprnegate].into_iter().filter(|l| l.is_valid() && *l != oid) {
            for (tid, mut other) in session.find::<PgOperator>(index::PG_OPERATOR_OID, &[linked.into()])? {
                let before = other.clone();
                if other.oprcom == oid {
                    other.oprcom = Oid(0);
                }
                if other.oprnegate == oid {
                    other.oprnegate = Oid(0);
                }
                if other != before {
                    session.update(tid, &other)?;
                    session.command_counter_increment()?;
                }
            }
        }
    }
    for (tid, _) in session.find::<PgOperator>(index::PG_OPERATOR_OID, &[oid.into()])? {
        session.delete::<PgOperator>(tid)?;
    }
    Ok(())
}
