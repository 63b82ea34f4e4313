//! The internal triggers behind foreign keys and deferrable unique constraints.

use crate::relation;
use base::{Oid, Result, Tid};
use catalog::{
    DependencyKind, ObjectAddress, Payload, PgClass, PgConstraint, PgDepend, PgTrigger, RelationEntry,
    Session, index as catalog_index,
};

const ROW: i16 = 1;
const INSERT: i16 = 4;
const DELETE: i16 = 8;
const UPDATE: i16 = 16;

const CHECK_INSERT: Oid = Oid(1644);
const CHECK_UPDATE: Oid = Oid(1645);
const UNIQUE_RECHECK: Oid = Oid(1250);

/// The two triggers of one side of a foreign key: for DELETE and UPDATE on the referenced side, for INSERT and UPDATE
/// on the referencing one; 0 for none.
pub(super) type Triggers = [Oid; 2];

pub(super) const NONE: Triggers = [Oid(0); 2];

struct NewTrigger<'a> {
    on: Oid,
    /// The one that it comes from, on a table one level up; 0 for none.
    parent: Oid,
    prefix: &'a str,
    function: Oid,
    events: i16,
    other: Oid,
    deferrable: bool,
    deferred: bool,
}

fn insert(session: &Session, constraint: &PgConstraint, new: &NewTrigger<'_>) -> Result<Oid> {
    let oid = session.new_oid::<PgTrigger>(catalog_index::PG_TRIGGER_OID)?;
    session.insert(&PgTrigger {
        oid,
        tgrelid: new.on,
        tgparentid: new.parent,
        tgname: format!("{}_{oid}", new.prefix),
        tgfoid: new.function,
        tgtype: ROW | new.events,
        tgenabled: b'O' as i8,
        tgisinternal: true,
        tgconstrrelid: new.other,
        tgconstrindid: constraint.conindid,
        tgconstraint: constraint.oid,
        tgdeferrable: new.deferrable,
        tginitdeferred: new.deferred,
        tgnargs: 0,
        tgattr: Vec::new(),
        tgargs: Payload(Box::new([])),
        tgqual: None,
        tgoldtable: None,
        tgnewtable: None,
    })?;
    session.record_dependencies(
        ObjectAddress::new::<PgTrigger>(oid),
        [ObjectAddress::new::<PgConstraint>(constraint.oid)],
        DependencyKind::Internal,
    )?;
    if new.parent.is_valid() {
        depend_on_parent(session, oid, new.parent, new.on)?;
    }
    relation::update_class(session, new.on, |class| class.relhastriggers = true)?;
    session.invalidate_relation(new.on);
    session.command_counter_increment()?;
    Ok(oid)
}

fn depend_on_parent(session: &Session, trigger: Oid, parent: Oid, table: Oid) -> Result<()> {
    let object = ObjectAddress::new::<PgTrigger>(trigger);
    let (parent, table) = (ObjectAddress::new::<PgTrigger>(parent), ObjectAddress::new::<PgClass>(table));
    session.record_dependencies(object, [parent], DependencyKind::PartitionPrimary)?;
    session.record_dependencies(object, [table], DependencyKind::PartitionSecondary)
}

/// The functions for ON DELETE and ON UPDATE of an action.
fn action_function(action: u8, delete: bool) -> Oid {
    let first = match action {
        b'c' => 1646,
        b'r' => 1648,
        b'n' => 1650,
        b'd' => 1652,
        _ => 1654,
    };
    Oid(if delete { first } else { first + 1 })
}

/// The triggers on the referenced table, which act when its rows go.
///
/// # Errors
/// What writing the catalogs fails with.
pub(super) fn insert_action(
    session: &Session,
    constraint: &PgConstraint,
    parents: Triggers,
) -> Result<Triggers> {
    let mut made = NONE;
    let actions = [(constraint.confdeltype, DELETE, true), (constraint.confupdtype, UPDATE, false)];
    for (at, (action, events, delete)) in actions.into_iter().enumerate() {
        // Only NO ACTION waits for the end of the transaction.
        let waits = action as u8 == b'a';
        let new = NewTrigger {
            on: constraint.confrelid,
            parent: parents[at],
            prefix: "RI_ConstraintTrigger_a",
            function: action_function(action as u8, delete),
            events,
            other: constraint.conrelid,
            deferrable: waits && constraint.condeferrable,
            deferred: waits && constraint.condeferred,
        };
        made[at] = insert(session, constraint, &new)?;
    }
    Ok(made)
}

/// The triggers on the referencing table, which check new rows.
///
/// # Errors
/// What writing the catalogs fails with.
pub(super) fn insert_check(
    session: &Session,
    constraint: &PgConstraint,
    parents: Triggers,
) -> Result<Triggers> {
    let mut made = NONE;
    for (at, (function, events)) in [(CHECK_INSERT, INSERT), (CHECK_UPDATE, UPDATE)].into_iter().enumerate() {
        let new = NewTrigger {
            on: constraint.conrelid,
            parent: parents[at],
            prefix: "RI_ConstraintTrigger_c",
            function,
            events,
            other: constraint.confrelid,
            deferrable: constraint.condeferrable,
            deferred: constraint.condeferred,
        };
        made[at] = insert(session, constraint, &new)?;
    }
    Ok(made)
}

/// Whether a foreign key's trigger checks new rows.
pub(super) fn is_check(trigger: &PgTrigger) -> bool {
    matches!(trigger.tgfoid, CHECK_INSERT | CHECK_UPDATE)
}

/// Whether it does nothing but check, so that it may wait for the end of the transaction.
pub(super) fn may_wait(trigger: &PgTrigger) -> bool {
    is_check(trigger) || [true, false].map(|delete| action_function(b'a', delete)).contains(&trigger.tgfoid)
}

fn of_constraint(session: &Session, constraint: Oid) -> Result<Vec<(Tid, PgTrigger)>> {
    session.find::<PgTrigger>(catalog_index::PG_TRIGGER_TGCONSTRAINT, &[constraint.into()])
}

/// The triggers on the referenced table.
///
/// # Errors
/// What reading the catalogs fails with.
pub(super) fn of_action(session: &Session, constraint: &PgConstraint) -> Result<Triggers> {
    let mut found = NONE;
    for (_, trigger) in of_constraint(session, constraint.oid)? {
        if trigger.tgrelid == constraint.confrelid && !is_check(&trigger) {
            found[usize::from(trigger.tgtype & DELETE == 0)] = trigger.oid;
        }
    }
    Ok(found)
}

/// The triggers on the referencing table.
///
/// # Errors
/// What reading the catalogs fails with.
pub(super) fn of_check(session: &Session, constraint: &PgConstraint) -> Result<Triggers> {
    let mut found = NONE;
    for (_, trigger) in of_constraint(session, constraint.oid)? {
        if is_check(&trigger) {
            found[usize::from(trigger.tgfoid == CHECK_UPDATE)] = trigger.oid;
        }
    }
    Ok(found)
}

/// Makes the triggers that check a constraint's rows come from those of another table; from none for 0.
///
/// # Errors
/// What writing the catalogs fails with.
pub(super) fn set_parents(session: &Session, constraint: &PgConstraint, parents: Triggers) -> Result<()> {
    for (tid, mut trigger) in of_constraint(session, constraint.oid)? {
        if !is_check(&trigger) {
            continue;
        }
        let parent = parents[usize::from(trigger.tgfoid == CHECK_UPDATE)];
        trigger.tgparentid = parent;
        session.update(tid, &trigger)?;
        forget_partition_dependencies(session, ObjectAddress::new::<PgTrigger>(trigger.oid))?;
        if parent.is_valid() {
            depend_on_parent(session, trigger.oid, parent, trigger.tgrelid)?;
        }
        session.invalidate_relation(trigger.tgrelid);
    }
    session.command_counter_increment()
}

/// An object of a partition goes its own way.
///
/// # Errors
/// What writing the catalogs fails with.
pub(crate) fn forget_partition_dependencies(session: &Session, object: ObjectAddress) -> Result<()> {
    for (tid, row) in session.dependencies_of(object)? {
        if matches!(row.deptype as u8, b'P' | b'S') {
            session.delete::<PgDepend>(tid)?;
        }
    }
    Ok(())
}

/// Changes the triggers of a constraint.
///
/// # Errors
/// What writing the catalogs fails with.
pub(super) fn change(session: &Session, constraint: Oid, change: &dyn Fn(&mut PgTrigger)) -> Result<()> {
    for (tid, mut trigger) in of_constraint(session, constraint)? {
        change(&mut trigger);
        session.update(tid, &trigger)?;
        session.invalidate_relation(trigger.tgrelid);
    }
    session.command_counter_increment()
}

/// Removes triggers of a constraint.
///
/// # Errors
/// What writing the catalogs fails with.
pub(super) fn remove(session: &Session, constraint: Oid, goes: &dyn Fn(&PgTrigger) -> bool) -> Result<()> {
    for (tid, trigger) in of_constraint(session, constraint)? {
        if goes(&trigger) {
            session.forget_dependencies(ObjectAddress::new::<PgTrigger>(trigger.oid), None)?;
            session.delete::<PgTrigger>(tid)?;
            session.invalidate_relation(trigger.tgrelid);
        }
    }
    session.command_counter_increment()
}

/// The trigger that checks a deferrable unique constraint again.
///
/// # Errors
/// What writing the catalogs fails with.
pub(crate) fn insert_unique_trigger(
    session: &Session,
    table: &RelationEntry,
    constraint: &PgConstraint,
) -> Result<()> {
    let primary = constraint.contype as u8 == b'p';
    let new = NewTrigger {
        on: table.oid(),
        parent: Oid(0),
        prefix: if primary { "PK_ConstraintTrigger" } else { "Unique_ConstraintTrigger" },
        function: UNIQUE_RECHECK,
        events: INSERT | UPDATE,
        other: Oid(0),
        deferrable: constraint.condeferrable,
        deferred: constraint.condeferred,
    };
    insert(session, constraint, &new).map(drop)
}
