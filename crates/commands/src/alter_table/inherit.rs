//! What ALTER TABLE does to the children of a table: the same again, with what they have by themselves left to them.

use super::{Alteration, run};
use crate::constraint;
use crate::create_table::ColumnDraft;
use crate::drop::remove_all;
use crate::inherit::{self, change};
use crate::notice::notice;
use crate::relation;
use base::{Oid, Result, bail, err};
use catalog::{ObjectAddress, PgAttribute, PgConstraint, RelationEntry, Session, index};
use datum::Datum;
use lock::LockMode;
use std::sync::Arc;
use syntax::{AlterTableCommand, DropBehavior};

impl<'a> Alteration<'a> {
    /// The same for a child.
    pub fn of_child(&self, table: Oid) -> Alteration<'a> {
        Alteration { table, recurse: true, recursing: true, ..*self }
    }

    /// The table's direct children, locked.
    pub fn children(&self) -> Result<Vec<Arc<RelationEntry>>> {
        inherit::children(self.session, self.table, LockMode::AccessExclusive)
    }

    pub fn has_children(&self) -> Result<bool> {
        Ok(!self.session.children(self.table)?.is_empty())
    }
}

/// Runs a command that takes no care of inheritance on everything below the table too.
pub(super) fn simply(alteration: &Alteration<'_>, command: &AlterTableCommand) -> Result<()> {
    if !alteration.recurse {
        return Ok(());
    }
    for child in inherit::descendants(alteration.session, alteration.table, LockMode::AccessExclusive)? {
        if child != alteration.table {
            let own = Alteration { recurse: false, ..alteration.of_child(child) };
            run(&own, command)?;
            alteration.session.command_counter_increment()?;
        }
    }
    Ok(())
}

pub(super) fn attribute_row(session: &Session, table: Oid, number: i16) -> Result<PgAttribute> {
    let keys = [table.into(), Datum::Int2(number)];
    let found = session.find::<PgAttribute>(index::PG_ATTRIBUTE_RELID_ATTNUM, &keys)?;
    let row = found.into_iter().next().map(|f| f.1);
    row.ok_or_else(|| base::Error::internal("cache lookup failed for an attribute"))
}

/// A child that has a column to be added by itself gets it from its parent from now on; whether it has it.
pub(super) fn merge_added(
    alteration: &Alteration<'_>,
    child: &RelationEntry,
    draft: &ColumnDraft<'_>,
) -> Result<bool> {
    let name = &draft.attribute.name;
    let Some(at) = child.desc().position(name) else { return Ok(false) };
    let own = &child.desc().attributes()[at];
    if (own.type_oid, own.typmod) != (draft.attribute.type_oid, draft.attribute.typmod) {
        bail!(DATATYPE_MISMATCH, "child table \"{}\" has different type for column \"{name}\"", child.name());
    }
    if own.collation != draft.attribute.collation {
        bail!(
            COLLATION_MISMATCH,
            "child table \"{}\" has different collation for column \"{name}\"",
            child.name()
        );
    }
    relation::update_attribute(alteration.session, child.oid(), at as i16 + 1, |row| row.attinhcount += 1)?;
    let text = format!("merging definition of column \"{name}\" for child \"{}\"", child.name());
    alteration.session.notice(notice(text));
    alteration.session.invalidate_relation(child.oid());
    alteration.session.command_counter_increment()?;
    Ok(true)
}

/// DROP COLUMN below the table: what a child has from elsewhere too, it keeps.
pub(super) fn drop_column(alteration: &Alteration<'_>, name: &str, behavior: DropBehavior) -> Result<()> {
    let session = alteration.session;
    let parent = alteration.entry()?;
    let children = alteration.children()?;
    if children.is_empty() {
        return Ok(());
    }
    if parent.kind() == b'p' && !alteration.recurse {
        return Err(err!(
            INVALID_TABLE_DEFINITION,
            "cannot drop column from only the partitioned table when partitions exist"
        )
        .hint("Do not specify the ONLY keyword."));
    }
    for child in children {
        let Some(at) = child.desc().position(name) else {
            return Err(base::Error::internal("cache lookup failed for an inherited column"));
        };
        let number = at as i16 + 1;
        let row = attribute_row(session, child.oid(), number)?;
        if row.attinhcount <= 0 {
            bail!(
                INVALID_TABLE_DEFINITION,
                "relation {} has non-inherited attribute \"{name}\"",
                child.oid()
            );
        }
        if alteration.recurse && row.attinhcount == 1 && !row.attislocal {
            super::column::drop(&alteration.of_child(child.oid()), name, false, behavior)?;
            continue;
        }
        relation::update_attribute(session, child.oid(), number, |row| {
            row.attinhcount -= 1;
            row.attislocal |= !alteration.recurse;
        })?;
        session.invalidate_relation(child.oid());
        session.command_counter_increment()?;
    }
    Ok(())
}

/// A column that is inherited is changed with its parent's.
pub(super) fn refuse_inherited_column(
    alteration: &Alteration<'_>,
    number: i16,
    verb: &str,
    name: &str,
) -> Result<()> {
    if alteration.recursing {
        return Ok(());
    }
    let row = attribute_row(alteration.session, alteration.table, number)?;
    if row.attinhcount > 0 {
        bail!(INVALID_TABLE_DEFINITION, "cannot {verb} inherited column \"{name}\"");
    }
    Ok(())
}

/// Hands a CHECK constraint that the table has got down to its children.
pub(super) fn hand_down_check(
    alteration: &Alteration<'_>,
    oid: Oid,
    written: &syntax::Constraint,
) -> Result<()> {
    let session = alteration.session;
    if written.no_inherit || !alteration.has_children()? {
        return Ok(());
    }
    if !alteration.recurse {
        bail!(INVALID_TABLE_DEFINITION, "constraint must be added to child tables too");
    }
    let parent = alteration.entry()?;
    let Some(row) = session.row::<PgConstraint>(index::PG_CONSTRAINT_OID, &[oid.into()])? else {
        return Err(base::Error::internal("cache lookup failed for a constraint"));
    };
    let Some(text) = &row.conbin else { return Ok(()) };
    let expr = crate::expression::load(session, text)?;
    for child in alteration.children()? {
        let map = inherit::attribute_map(session, &parent, &child)?;
        let expr = crate::create_table::renumber(&expr, &map)?;
        let own = syntax::Constraint { name: Some(row.conname.clone()), ..written.clone() };
        let below = alteration.of_child(child.oid());
        let twin = inherit::merge_check(session, &child, &row.conname, &expr, &own, true)?;
        if matches!(twin, inherit::CheckTwin::Merged) {
            continue;
        }
        let source = constraint::CheckSource::Ready(expr);
        let validated = !written.not_valid;
        let made = constraint::add_check(session, &child, &own, source, validated, &mut Vec::new())?;
        if let Some(made) = made {
            inherit::set_inherited(session, made, false, 1)?;
            if validated && !written.not_enforced {
                super::constraint::validate_check(&below, made)?;
            }
            hand_down_check(&below, made, &own)?;
        }
    }
    Ok(())
}

/// DROP CONSTRAINT below the table.
pub(super) fn drop_constraint(
    alteration: &Alteration<'_>,
    row: &PgConstraint,
    column: Option<&str>,
    behavior: DropBehavior,
) -> Result<()> {
    let session = alteration.session;
    if row.connoinherit {
        return Ok(());
    }
    let children = alteration.children()?;
    let parent = alteration.entry()?;
    if !alteration.recurse && !children.is_empty() && parent.kind() == b'p' {
        return Err(err!(
            INVALID_TABLE_DEFINITION,
            "cannot remove constraint from only the partitioned table when partitions exist"
        )
        .hint("Do not specify the ONLY keyword."));
    }
    for child in children {
        let all = constraint::constraints(session, child.oid())?;
        let number = column.and_then(|c| child.desc().position(c)).map(|at| at as i16 + 1);
        let found = all.iter().find(|c| match number {
            Some(number) => c.contype as u8 == b'n' && c.conkey.as_deref() == Some(&[number]),
            None => c.conname == row.conname && c.contype == row.contype,
        });
        let Some(found) = found else {
            bail!(
                UNDEFINED_OBJECT,
                "constraint \"{}\" of relation \"{}\" does not exist",
                row.conname,
                child.name()
            );
        };
        if alteration.recurse && found.coninhcount == 1 && !found.conislocal {
            drop_constraint(&alteration.of_child(child.oid()), found, column, behavior)?;
            let object = ObjectAddress::new::<PgConstraint>(found.oid);
            remove_all(session, &[object], behavior == DropBehavior::Cascade)?;
            continue;
        }
        change(session, found.oid, |row| {
            row.coninhcount = (row.coninhcount - 1).max(0);
            row.conislocal |= !alteration.recurse;
        })?;
    }
    Ok(())
}
