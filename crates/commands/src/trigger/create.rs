//! CREATE TRIGGER.

use super::{bits, partitions};
use crate::invocation::{Invocation, Outcome};
use crate::pipeline::Literals;
use crate::{dependency, expression, name, privilege, relation, routine};
use analyzer::{ExprKind, Names, Wanted};
use base::{Error, Oid, Result, bail, err};
use catalog::acl::privilege as privileges;
use catalog::{
    DependencyKind, ObjectAddress, Payload, PgClass, PgConstraint, PgProc, PgTrigger, RelationEntry, Session,
    index,
};
use datum::Datum;
use ir::{Expr, VarSource};
use lock::LockMode;
use std::sync::Arc;
use syntax::{CreateTrigger, TriggerTiming};

const TRIGGER: Oid = Oid(2279);

/// # Errors
/// PostgreSQL's: `42809` for relations without triggers, `42710`, `42P17`, `42883`, `42501`; `0A000` for transition
/// tables.
pub(crate) fn create(invocation: &mut Invocation<'_>, statement: &CreateTrigger) -> Result<Outcome> {
    let session: &Arc<Session> = invocation.session;
    let entry = name::open_relation(session, &statement.relation, LockMode::ShareRowExclusive)?;
    check_relation(&entry, statement)?;
    privilege::refuse_catalog(&entry.class)?;
    privilege::require_on_relation(session, &entry, privileges::TRIGGER)?;
    if !statement.transitions.is_empty() {
        return Err(Error::unsupported("REFERENCING in CREATE TRIGGER"));
    }
    let referenced = match &statement.constraint_from {
        Some(named) => name::open_relation(session, named, LockMode::AccessShare)?.oid(),
        None => Oid(0),
    };
    let events = events(statement)?;
    let columns = columns(&entry, statement)?;
    let condition = match &statement.when {
        Some(written) => Some(condition(session, &entry, statement, written)?),
        None => None,
    };
    let function = function(session, statement)?;
    let mut arguments = Vec::new();
    for argument in &statement.args {
        arguments.extend_from_slice(argument.as_bytes());
        arguments.push(0);
    }
    let definition = Definition {
        name: statement.name.clone(),
        function: function.oid,
        events,
        columns,
        condition,
        count: statement.args.len() as i16,
        arguments,
        referenced,
        is_constraint: statement.constraint,
        deferrable: statement.deferrable,
        deferred: statement.initially_deferred,
        enabled: b'O',
        parent: Oid(0),
    };
    store(session, &entry, &definition, statement.or_replace)?;
    Ok(Outcome::Tag("CREATE TRIGGER".to_owned()))
}

/// A trigger to be made, told by the columns of its table.
#[derive(Clone)]
pub(super) struct Definition {
    pub name: String,
    pub function: Oid,
    /// pg_trigger.tgtype.
    pub events: i16,
    pub columns: Vec<i16>,
    pub condition: Option<Expr>,
    /// How many arguments, and each with a zero byte after it.
    pub count: i16,
    pub arguments: Vec<u8>,
    pub referenced: Oid,
    pub is_constraint: bool,
    pub deferrable: bool,
    pub deferred: bool,
    /// pg_trigger.tgenabled.
    pub enabled: u8,
    /// The trigger of the partitioned table that it is a copy of; 0 for none.
    pub parent: Oid,
}

/// Makes a trigger; that of the rows of a partitioned table on its partitions, too.
///
/// # Errors
/// `42710`.
pub(super) fn store(
    session: &Arc<Session>,
    entry: &RelationEntry,
    wanted: &Definition,
    replace: bool,
) -> Result<()> {
    let existing = existing(session, entry, wanted, replace)?;
    let oid = match &existing {
        Some((_, row)) => row.oid,
        None => session.new_oid::<PgTrigger>(index::PG_TRIGGER_OID)?,
    };
    let constraint = if wanted.is_constraint { constraint(session, entry, wanted)? } else { Oid(0) };
    let row = PgTrigger {
        oid,
        tgrelid: entry.oid(),
        tgparentid: wanted.parent,
        tgname: wanted.name.clone(),
        tgfoid: wanted.function,
        tgtype: wanted.events,
        tgenabled: wanted.enabled as i8,
        tgisinternal: false,
        tgconstrrelid: wanted.referenced,
        tgconstrindid: Oid(0),
        tgconstraint: constraint,
        tgdeferrable: wanted.deferrable,
        tginitdeferred: wanted.deferred,
        tgnargs: wanted.count,
        tgattr: wanted.columns.clone(),
        tgargs: Payload(wanted.arguments.clone().into_boxed_slice()),
        tgqual: wanted.condition.as_ref().map(expression::store),
        tgoldtable: None,
        tgnewtable: None,
    };
    let object = ObjectAddress::new::<PgTrigger>(oid);
    match existing {
        Some((tid, _)) => {
            session.update(tid, &row)?;
            session.forget_dependencies(object, None)?;
        }
        None => {
            session.insert(&row)?;
        }
    }
    record(session, entry, &row, &wanted.columns, wanted.condition.as_ref())?;
    relation::update_class(session, entry.oid(), |class| class.relhastriggers = true)?;
    session.invalidate_relation(entry.oid());
    session.command_counter_increment()?;
    if entry.kind() == b'p' && wanted.events & bits::ROW != 0 {
        partitions::hand_down(session, entry, wanted, oid, replace)?;
    }
    Ok(())
}

fn record(
    session: &Session,
    entry: &RelationEntry,
    row: &PgTrigger,
    columns: &[i16],
    condition: Option<&Expr>,
) -> Result<()> {
    let object = ObjectAddress::new::<PgTrigger>(row.oid);
    let function = ObjectAddress::new::<PgProc>(row.tgfoid);
    session.record_dependencies(object, [function], DependencyKind::Normal)?;
    let table = ObjectAddress::new::<PgClass>(row.tgrelid);
    if row.tgparentid.is_valid() {
        let parent = ObjectAddress::new::<PgTrigger>(row.tgparentid);
        session.record_dependencies(object, [parent], DependencyKind::PartitionPrimary)?;
        session.record_dependencies(object, [table], DependencyKind::PartitionSecondary)?;
    } else {
        session.record_dependencies(object, [table], DependencyKind::Auto)?;
    }
    if row.tgconstrrelid.is_valid() {
        let other = ObjectAddress::new::<PgClass>(row.tgconstrrelid);
        session.record_dependencies(object, [other], DependencyKind::Auto)?;
    }
    if row.tgconstraint.is_valid() {
        let constraint = ObjectAddress::new::<PgConstraint>(row.tgconstraint);
        session.record_dependencies(constraint, [object], DependencyKind::Internal)?;
    }
    let on = columns.iter().map(|c| ObjectAddress::column(entry.oid(), *c));
    session.record_dependencies(object, on, DependencyKind::Normal)?;
    if let Some(condition) = condition {
        let normal = DependencyKind::Normal;
        dependency::record_expression(session, object, condition, Some(entry.oid()), normal, normal)?;
    }
    Ok(())
}

fn check_relation(entry: &RelationEntry, statement: &CreateTrigger) -> Result<()> {
    let instead = statement.timing == TriggerTiming::InsteadOf;
    let refuse = |what: &str, detail: &str| {
        Err(err!(WRONG_OBJECT_TYPE, "\"{}\" is a {what}", entry.name()).detail(detail))
    };
    match entry.kind() {
        b'r' if instead => refuse("table", "Tables cannot have INSTEAD OF triggers."),
        b'r' => Ok(()),
        b'p' if instead => refuse("table", "Tables cannot have INSTEAD OF triggers."),
        b'p' if statement.for_each_row && !statement.transitions.is_empty() => {
            Err(err!(WRONG_OBJECT_TYPE, "\"{}\" is a partitioned table", entry.name())
                .detail("ROW triggers with transition tables are not supported on partitioned tables."))
        }
        b'p' => Ok(()),
        b'v' if !instead && statement.for_each_row => {
            refuse("view", "Views cannot have row-level BEFORE or AFTER triggers.")
        }
        b'v' if statement.events.truncate => refuse("view", "Views cannot have TRUNCATE triggers."),
        b'v' => Ok(()),
        kind => {
            let what = match kind {
                b'S' => "sequences",
                b'm' => "materialized views",
                b'i' | b'I' => "indexes",
                b'c' => "composite types",
                _ => "TOAST tables",
            };
            Err(err!(WRONG_OBJECT_TYPE, "relation \"{}\" cannot have triggers", entry.name())
                .detail(format!("This operation is not supported for {what}.")))
        }
    }
}

fn events(statement: &CreateTrigger) -> Result<i16> {
    let instead = statement.timing == TriggerTiming::InsteadOf;
    if statement.for_each_row && statement.events.truncate {
        return Err(err!(FEATURE_NOT_SUPPORTED, "TRUNCATE FOR EACH ROW triggers are not supported"));
    }
    if instead {
        let problem = if !statement.for_each_row {
            Some("must be FOR EACH ROW")
        } else if statement.when.is_some() {
            Some("cannot have WHEN conditions")
        } else if !statement.columns.is_empty() {
            Some("cannot have column lists")
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(err!(FEATURE_NOT_SUPPORTED, "INSTEAD OF triggers {problem}"));
        }
    }
    let mut events = match statement.timing {
        TriggerTiming::Before => bits::BEFORE,
        TriggerTiming::After => 0,
        TriggerTiming::InsteadOf => bits::INSTEAD,
    };
    for (holds, bit) in [
        (statement.for_each_row, bits::ROW),
        (statement.events.insert, bits::INSERT),
        (statement.events.update, bits::UPDATE),
        (statement.events.delete, bits::DELETE),
        (statement.events.truncate, bits::TRUNCATE),
    ] {
        events |= if holds { bit } else { 0 };
    }
    Ok(events)
}

fn columns(entry: &RelationEntry, statement: &CreateTrigger) -> Result<Vec<i16>> {
    let mut columns = Vec::new();
    for column in &statement.columns {
        let Some(at) = entry.desc().position(column) else {
            bail!(UNDEFINED_COLUMN, "column \"{column}\" of relation \"{}\" does not exist", entry.name());
        };
        let number = at as i16 + 1;
        if columns.contains(&number) {
            bail!(DUPLICATE_COLUMN, "column \"{column}\" specified more than once");
        }
        columns.push(number);
    }
    Ok(columns)
}

fn condition(
    session: &Arc<Session>,
    entry: &RelationEntry,
    statement: &CreateTrigger,
    written: &syntax::Expr,
) -> Result<Expr> {
    let expr = analyzer::analyze_expression(
        session,
        &Literals,
        written,
        Names::Trigger(entry),
        ExprKind::TriggerWhen,
        Wanted::Boolean("WHEN"),
    )?;
    let mut problem = None;
    ir::any(&expr, &mut |e| {
        if let Expr::Var(var) = e {
            let at = var.location;
            let fail = |text: &str| Some(err!(INVALID_OBJECT_DEFINITION, "{text}").or_at(at));
            let old = var.source == VarSource::Relation(1);
            problem = if !statement.for_each_row {
                fail("statement trigger's WHEN condition cannot reference column values")
            } else if old && statement.events.insert {
                fail("INSERT trigger's WHEN condition cannot reference OLD values")
            } else if !old && statement.events.delete {
                fail("DELETE trigger's WHEN condition cannot reference NEW values")
            } else if !old && var.attribute < 0 && statement.timing == TriggerTiming::Before {
                fail("BEFORE trigger's WHEN condition cannot reference NEW system columns")
            } else {
                None
            };
        }
        problem.is_some()
    });
    problem.map_or(Ok(expr), Err)
}

fn function(session: &Session, statement: &CreateTrigger) -> Result<Arc<PgProc>> {
    let signature = syntax::RoutineSignature {
        name: statement.function.clone(),
        args: Some(Vec::new()),
        direct_args: None,
        star: false,
    };
    let row = session.function(routine::find(session, syntax::ObjectType::Function, &signature)?)?;
    let shown = statement.function.parts.join(".");
    let held =
        privilege::held(session, session.user(), row.proacl.as_ref(), row.proowner, privilege::FUNCTION)?;
    if held & privileges::EXECUTE == 0 {
        bail!(INSUFFICIENT_PRIVILEGE, "permission denied for function {shown}");
    }
    if row.prorettype != TRIGGER {
        bail!(INVALID_OBJECT_DEFINITION, "function {shown} must return type trigger");
    }
    Ok(row)
}

fn existing(
    session: &Session,
    entry: &RelationEntry,
    wanted: &Definition,
    replace: bool,
) -> Result<Option<(base::Tid, PgTrigger)>> {
    let keys = [entry.oid().into(), Datum::from(wanted.name.as_str())];
    let found = session.find::<PgTrigger>(index::PG_TRIGGER_TGRELID_TGNAME, &keys)?.into_iter().next();
    let Some((tid, row)) = found else { return Ok(None) };
    let (name, table) = (&wanted.name, entry.name());
    if !replace {
        bail!(DUPLICATE_OBJECT, "trigger \"{name}\" for relation \"{table}\" already exists");
    }
    if (row.tgisinternal || row.tgparentid.is_valid()) && !wanted.parent.is_valid() {
        bail!(
            DUPLICATE_OBJECT,
            "trigger \"{name}\" for relation \"{table}\" is an internal or a child trigger"
        );
    }
    if row.tgconstraint.is_valid() {
        bail!(DUPLICATE_OBJECT, "trigger \"{name}\" for relation \"{table}\" is a constraint trigger");
    }
    Ok(Some((tid, row)))
}

/// The row of pg_constraint behind a constraint trigger.
fn constraint(session: &Session, entry: &RelationEntry, wanted: &Definition) -> Result<Oid> {
    let oid = session.new_oid::<PgConstraint>(index::PG_CONSTRAINT_OID)?;
    let mut row = PgConstraint::new(oid, &wanted.name, entry.class.relnamespace, b't');
    row.conrelid = entry.oid();
    row.condeferrable = wanted.deferrable;
    row.condeferred = wanted.deferred;
    row.connoinherit = true;
    session.insert(&row)?;
    Ok(oid)
}
