//! SET CONSTRAINTS: when deferrable constraints of this transaction are checked.

use crate::invocation::{Invocation, Outcome};
use crate::name;
use crate::notice::warning;
use base::{Oid, Result, SqlState, bail};
use catalog::{PgConstraint, Session, index};
use datum::Datum;
use syntax::SetConstraints;

/// # Errors
/// `42704` for unknown names, `42809` for constraints that cannot be deferred, and what the checks that become due fail
/// with.
pub(crate) fn run(invocation: &mut Invocation<'_>, statement: &SetConstraints) -> Result<Outcome> {
    let session = invocation.session;
    if !invocation.in_block && invocation.top_level {
        let text = "SET CONSTRAINTS can only be used in transaction blocks";
        session.notice(warning(SqlState::NO_ACTIVE_SQL_TRANSACTION, text));
    }
    let mut constraints = Vec::new();
    for name in &statement.constraints {
        let namespaces = match &name.schema {
            Some(schema) => vec![session.require_namespace(schema)?],
            None => session.search_path()?.to_vec(),
        };
        find(session, &name.name, &name::display(name), &namespaces, statement.deferred, &mut constraints)?;
    }
    // No constraints would mean all of them.
    if statement.constraints.is_empty() || !constraints.is_empty() {
        executor::set_constraints(session, &constraints, statement.deferred)?;
    }
    Ok(Outcome::Tag("SET CONSTRAINTS".to_owned()))
}

/// All constraints of the name in the first schema that has one.
fn find(
    session: &Session,
    name: &str,
    shown: &str,
    namespaces: &[Oid],
    deferred: bool,
    found: &mut Vec<Oid>,
) -> Result<()> {
    for namespace in namespaces {
        let keys = [Datum::from(name), (*namespace).into()];
        let rows = session.rows::<PgConstraint>(index::PG_CONSTRAINT_CONNAME_NSP, &keys)?;
        if rows.is_empty() {
            continue;
        }
        for row in rows.iter() {
            if row.condeferrable {
                add_with_copies(session, row.oid, found)?;
            } else if deferred {
                bail!(WRONG_OBJECT_TYPE, "constraint \"{name}\" is not deferrable");
            }
        }
        return Ok(());
    }
    bail!(UNDEFINED_OBJECT, "constraint \"{shown}\" does not exist")
}

/// A constraint and those that partitions have of it.
fn add_with_copies(session: &Session, constraint: Oid, found: &mut Vec<Oid>) -> Result<()> {
    found.push(constraint);
    for copy in crate::constraint::foreign_key_copies(session, constraint)? {
        add_with_copies(session, copy.oid, found)?;
    }
    Ok(())
}
