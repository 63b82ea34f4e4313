//! The internal triggers behind foreign keys and deferrable unique constraints.

use crate::relation;
use base::{Oid, Result};
use catalog::{
    DependencyKind, ObjectAddress, Payload, PgConstraint, PgTrigger, RelationEntry, Session,
    index as catalog_index,
};

const ROW: i16 = 1;
const INSERT: i16 = 4;
const DELETE: i16 = 8;
const UPDATE: i16 = 16;

const CHECK_INSERT: Oid = Oid(1644);
const CHECK_UPDATE: Oid = Oid(1645);
const UNIQUE_RECHECK: Oid = Oid(1250);

struct NewTrigger<'a> {
    on: Oid,
    prefix: &'a str,
    function: Oid,
    events: i16,
    other: Oid,
    deferrable: bool,
    deferred: bool,
}

fn insert(session: &Session, constraint: &PgConstraint, new: &NewTrigger<'_>) -> Result<()> {
    let oid = session.new_oid::<PgTrigger>(catalog_index::PG_TRIGGER_OID)?;
    session.insert(&PgTrigger {
        oid,
        tgrelid: new.on,
        tgparentid: Oid(0),
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
    relation::update_class(session, new.on, |class| class.relhastriggers = true)?;
    session.invalidate_relation(new.on);
    session.command_counter_increment()
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

/// The four triggers of a foreign key: two on the referenced table, two on the referencing one.
///
/// # Errors
/// What writing the catalogs fails with.
pub(crate) fn insert_foreign_key_triggers(session: &Session, constraint: &PgConstraint) -> Result<()> {
    let (table, referenced) = (constraint.conrelid, constraint.confrelid);
    for (action, events, delete) in
        [(constraint.confdeltype, DELETE, true), (constraint.confupdtype, UPDATE, false)]
    {
        // Only NO ACTION waits for the end of the transaction.
        let waits = action as u8 == b'a';
        let new = NewTrigger {
            on: referenced,
            prefix: "RI_ConstraintTrigger_a",
            function: action_function(action as u8, delete),
            events,
            other: table,
            deferrable: waits && constraint.condeferrable,
            deferred: waits && constraint.condeferred,
        };
        insert(session, constraint, &new)?;
    }
    for (function, events) in [(CHECK_INSERT, INSERT), (CHECK_UPDATE, UPDATE)] {
        let new = NewTrigger {
            on: table,
            prefix: "RI_ConstraintTrigger_c",
            function,
            events,
            other: referenced,
            deferrable: constraint.condeferrable,
            deferred: constraint.condeferred,
        };
        insert(session, constraint, &new)?;
    }
    Ok(())
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
        prefix: if primary { "PK_ConstraintTrigger" } else { "Unique_ConstraintTrigger" },
        function: UNIQUE_RECHECK,
        events: INSERT | UPDATE,
        other: Oid(0),
        deferrable: constraint.condeferrable,
        deferred: constraint.condeferred,
    };
    insert(session, constraint, &new)
}
