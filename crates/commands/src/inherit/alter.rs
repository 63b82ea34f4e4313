//! ALTER TABLE ... INHERIT and NO INHERIT, and what attaching and detaching partitions share with them.

use super::constraint::change;
use crate::constraint;
use crate::expression;
use crate::name;
use crate::relation;
use base::{Oid, Result, bail, err};
use catalog::{PgConstraint, PgInherits, RelationEntry, Session, index as catalog_index};
use lock::LockMode;
use std::sync::Arc;
use syntax::RelationName;

/// INHERIT.
///
/// # Errors
/// `42809`, `42P07`, `42804`, `42501`.
pub(crate) fn add_parent(
    session: &Arc<Session>,
    child: &Arc<RelationEntry>,
    parent: &RelationName,
) -> Result<()> {
    if child.class.reloftype.is_valid() {
        bail!(WRONG_OBJECT_TYPE, "cannot change inheritance of typed table");
    }
    if child.class.relispartition {
        bail!(WRONG_OBJECT_TYPE, "cannot change inheritance of a partition");
    }
    if child.kind() == b'p' {
        bail!(WRONG_OBJECT_TYPE, "cannot change inheritance of partitioned table");
    }
    let parent = name::open_relation(session, parent, LockMode::ShareUpdateExclusive)?;
    crate::privilege::require_relation_owner(session, &parent)?;
    let (temporary, child_temporary) =
        (parent.class.relpersistence as u8 == b't', child.class.relpersistence as u8 == b't');
    if temporary && !child_temporary {
        bail!(WRONG_OBJECT_TYPE, "cannot inherit from temporary relation \"{}\"", parent.name());
    }
    if parent.kind() == b'p' {
        bail!(WRONG_OBJECT_TYPE, "cannot inherit from partitioned table \"{}\"", parent.name());
    }
    if parent.class.relispartition {
        bail!(WRONG_OBJECT_TYPE, "cannot inherit from a partition");
    }
    if !matches!(parent.kind(), b'r' | b'f') {
        bail!(WRONG_OBJECT_TYPE, "\"{}\" is not a table or foreign table", parent.name());
    }
    // A circle would have no beginning.
    if session.descends_from(parent.oid(), child.oid())? {
        return Err(err!(DUPLICATE_TABLE, "circular inheritance not allowed").detail(format!(
            "\"{}\" is already a child of \"{}\".",
            parent.name(),
            child.name()
        )));
    }
    attach(session, child, &parent, false)
}

/// Makes a table the child of another: its columns and constraints must be there already.
///
/// # Errors
/// `42P07`, `42804`.
pub(crate) fn attach(
    session: &Arc<Session>,
    child: &Arc<RelationEntry>,
    parent: &Arc<RelationEntry>,
    partition: bool,
) -> Result<()> {
    let known = session.find::<PgInherits>(catalog_index::PG_INHERITS_RELID_SEQNO, &[child.oid().into()])?;
    if known.iter().any(|(_, row)| row.inhparent == parent.oid()) {
        bail!(DUPLICATE_TABLE, "relation \"{}\" would be inherited from more than once", parent.name());
    }
    let mut seqno = 1;
    while known.iter().any(|(_, row)| row.inhseqno == seqno) {
        seqno += 1;
    }
    merge_columns(session, child, parent, partition)?;
    merge_constraints(session, child, parent)?;
    super::store(session, child.oid(), parent.oid(), seqno, partition)
}

fn merge_columns(
    session: &Arc<Session>,
    child: &RelationEntry,
    parent: &RelationEntry,
    partition: bool,
) -> Result<()> {
    for (position, attribute) in parent.desc().attributes().iter().enumerate() {
        if attribute.dropped {
            continue;
        }
        let name = &attribute.name;
        let Some(at) = child.desc().position(name) else {
            bail!(DATATYPE_MISMATCH, "child table is missing column \"{name}\"");
        };
        let own = &child.desc().attributes()[at];
        if (own.type_oid, own.typmod) != (attribute.type_oid, attribute.typmod) {
            bail!(
                DATATYPE_MISMATCH,
                "child table \"{}\" has different type for column \"{name}\"",
                child.name()
            );
        }
        if own.collation != attribute.collation {
            bail!(
                COLLATION_MISMATCH,
                "child table \"{}\" has different collation for column \"{name}\"",
                child.name()
            );
        }
        if attribute.not_null
            && !own.not_null
            && let Some(row) = super::not_null_of(session, parent.oid(), position as i16 + 1)?
            && !row.connoinherit
        {
            bail!(
                DATATYPE_MISMATCH,
                "column \"{name}\" in child table \"{}\" must be marked NOT NULL",
                child.name()
            );
        }
        match (attribute.generated, own.generated) {
            (0, 0) => {}
            (0, _) => {
                bail!(DATATYPE_MISMATCH, "column \"{name}\" in child table must not be a generated column")
            }
            (_, 0) => bail!(DATATYPE_MISMATCH, "column \"{name}\" in child table must be a generated column"),
            (a, b) if a != b => {
                let word = |letter: u8| if letter == b's' { "STORED" } else { "VIRTUAL" };
                return Err(err!(
                    DATATYPE_MISMATCH,
                    "column \"{name}\" inherits from generated column of different kind"
                )
                .detail(format!(
                    "Parent column is {}, child column is {}.",
                    word(a),
                    word(b)
                )));
            }
            _ => {}
        }
        relation::update_attribute(session, child.oid(), at as i16 + 1, |row| {
            row.attinhcount += 1;
            if partition {
                row.attislocal = false;
                row.attidentity = attribute.identity as i8;
            }
        })?;
    }
    session.invalidate_relation(child.oid());
    session.command_counter_increment()
}

fn merge_constraints(session: &Arc<Session>, child: &RelationEntry, parent: &RelationEntry) -> Result<()> {
    let map = super::attribute_map(session, parent, child)?;
    let partition = parent.kind() == b'p';
    let own = constraint::constraints(session, child.oid())?;
    for row in constraint::constraints(session, parent.oid())?.iter() {
        let kind = row.contype as u8;
        if !matches!(kind, b'c' | b'n') || row.connoinherit {
            continue;
        }
        let twin = match kind {
            b'n' => {
                let number = row.conkey.as_ref().and_then(|k| k.first()).copied().unwrap_or(0);
                let at = map.get(number as usize - 1).copied().unwrap_or(0);
                own.iter().find(|c| c.contype as u8 == b'n' && c.conkey.as_deref() == Some(&[at]))
            }
            _ => own.iter().find(|c| c.contype as u8 == b'c' && c.conname == row.conname),
        };
        let Some(twin) = twin else {
            if kind == b'n' {
                bail!(
                    DATATYPE_MISMATCH,
                    "column \"{}\" in child table \"{}\" must be marked NOT NULL",
                    row.conname,
                    child.name()
                );
            }
            bail!(DATATYPE_MISMATCH, "child table is missing constraint \"{}\"", row.conname);
        };
        check_twin(session, child, row, twin, &map)?;
        change(session, twin.oid, |row| {
            row.coninhcount += 1;
            if partition {
                row.conislocal = false;
            }
        })?;
    }
    Ok(())
}

fn check_twin(
    session: &Session,
    child: &RelationEntry,
    row: &PgConstraint,
    twin: &PgConstraint,
    map: &[i16],
) -> Result<()> {
    let name = child.name();
    if let (Some(mine), Some(theirs)) = (&row.conbin, &twin.conbin) {
        let expr = crate::create_table::renumber(&expression::load(session, mine)?, map)?;
        if !ir::equal(&expr, &expression::load(session, theirs)?) {
            bail!(
                DATATYPE_MISMATCH,
                "child table \"{name}\" has different definition for check constraint \"{}\"",
                row.conname
            );
        }
    }
    if twin.connoinherit {
        bail!(
            INVALID_OBJECT_DEFINITION,
            "constraint \"{}\" conflicts with non-inherited constraint on child table \"{name}\"",
            twin.conname
        );
    }
    if row.convalidated && twin.conenforced && !twin.convalidated {
        bail!(
            INVALID_OBJECT_DEFINITION,
            "constraint \"{}\" conflicts with NOT VALID constraint on child table \"{name}\"",
            twin.conname
        );
    }
    if row.conenforced && !twin.conenforced {
        bail!(
            INVALID_OBJECT_DEFINITION,
            "constraint \"{}\" conflicts with NOT ENFORCED constraint on child table \"{name}\"",
            twin.conname
        );
    }
    Ok(())
}

/// NO INHERIT.
///
/// # Errors
/// `42809`, `42P01`.
pub(crate) fn drop_parent(
    session: &Arc<Session>,
    child: &Arc<RelationEntry>,
    parent: &RelationName,
) -> Result<()> {
    if child.class.relispartition {
        bail!(WRONG_OBJECT_TYPE, "cannot change inheritance of a partition");
    }
    let parent = name::open_relation(session, parent, LockMode::AccessShare)?;
    detach(session, child.oid(), &parent)
}

/// Makes a table no child of another any more; what it had from it, it has by itself.
///
/// # Errors
/// `42P01` if it is none.
pub(crate) fn detach(session: &Arc<Session>, child: Oid, parent: &RelationEntry) -> Result<()> {
    let entry = session.require_relation(child)?;
    if !super::forget(session, child, parent.oid())? {
        let text = format!("relation \"{}\" is not a parent of relation \"{}\"", parent.name(), entry.name());
        if parent.kind() == b'p' {
            bail!(
                UNDEFINED_TABLE,
                "relation \"{}\" is not a partition of relation \"{}\"",
                entry.name(),
                parent.name()
            );
        }
        bail!(UNDEFINED_TABLE, "{text}");
    }
    let own = session.require_relation(child)?;
    for attribute in parent.desc().attributes().iter().filter(|a| !a.dropped) {
        if let Some(at) = own.desc().position(&attribute.name) {
            relation::update_attribute(session, child, at as i16 + 1, |row| {
                if row.attinhcount > 0 {
                    row.attinhcount -= 1;
                    row.attislocal |= row.attinhcount == 0;
                }
            })?;
        }
    }
    let inherited = constraint::constraints(session, parent.oid())?;
    for row in constraint::constraints(session, child)?.iter() {
        let from = inherited.iter().any(|c| match row.contype as u8 {
            b'c' => c.contype as u8 == b'c' && c.conname == row.conname && !c.connoinherit,
            b'n' => {
                let name = |entry: &RelationEntry, keys: &Option<Vec<i16>>| {
                    keys.as_ref()
                        .and_then(|k| k.first())
                        .map(|n| entry.desc().attributes()[*n as usize - 1].name.clone())
                };
                c.contype as u8 == b'n'
                    && !c.connoinherit
                    && name(parent, &c.conkey) == name(&own, &row.conkey)
            }
            _ => false,
        });
        if from {
            change(session, row.oid, |row| {
                if row.coninhcount > 0 {
                    row.coninhcount -= 1;
                    row.conislocal |= row.coninhcount == 0;
                }
            })?;
        }
    }
    session.invalidate_relation(child);
    session.command_counter_increment()
}
