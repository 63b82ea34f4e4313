//! ADD, DROP and VALIDATE CONSTRAINT.

use super::{Alteration, column, validate};
use crate::constraint::{self, CheckSource, KeyConstraint, NotNull};
use crate::drop::remove_all;
use crate::expression;
use crate::name::table_constraint;
use crate::notice::notice;
use base::{Error, Result, bail, err};
use catalog::{ObjectAddress, PgConstraint, index as catalog_index};
use std::sync::Arc;
use syntax::{Constraint, ConstraintKind, DropBehavior, ForeignKey};

/// ADD CONSTRAINT.
///
/// # Errors
/// Those of the kinds of constraints; `23502`, `23503`, `23505`, `23514` when rows violate it.
pub(super) fn add(alteration: &Alteration<'_>, written: &Constraint) -> Result<()> {
    let session = alteration.session;
    let entry = alteration.entry()?;
    match &written.kind {
        ConstraintKind::Check(ast) => {
            let source = CheckSource::Written(ast);
            let validated = !written.not_valid;
            let made = constraint::add_check(session, &entry, written, source, validated, &mut Vec::new())?;
            let Some(oid) = made else { return Ok(()) };
            if validated && !written.not_enforced {
                validate_check(alteration, oid)?;
            }
            super::inherit::hand_down_check(alteration, oid, written)
        }
        ConstraintKind::NotNull { column: Some(name) } => {
            let number = alteration.column(&entry, name)?;
            if written.not_valid {
                return Err(Error::unsupported("NOT NULL constraints that are NOT VALID"));
            }
            let wanted = NotNull {
                column: number,
                name: written.name.clone(),
                no_inherit: written.no_inherit,
                validated: true,
            };
            column::add_not_null(alteration, name, wanted)
        }
        ConstraintKind::Unique(key) | ConstraintKind::Primary(key) => {
            let primary = matches!(written.kind, ConstraintKind::Primary(_));
            if primary {
                for name in &key.columns {
                    if let Some(position) = entry.desc().position(name)
                        && !entry.desc().attributes()[position].not_null
                    {
                        validate::not_null(session, &entry, position as i16 + 1)?;
                    }
                }
            }
            let wanted =
                KeyConstraint { constraint: written, key, primary, column: None, only: !alteration.recurse };
            constraint::add_key(session, &entry, &wanted)?;
            Ok(())
        }
        ConstraintKind::Foreign(key) => add_foreign(alteration, written, key, None),
        ConstraintKind::Exclude(_) => Err(Error::unsupported("exclusion constraints")),
        _ => Err(Error::internal("not a table constraint")),
    }
}

/// A foreign key, with the rows that are there checked unless NOT VALID.
///
/// # Errors
/// As [`add`].
pub(super) fn add_foreign(
    alteration: &Alteration<'_>,
    written: &Constraint,
    key: &ForeignKey,
    column: Option<&str>,
) -> Result<()> {
    let session = alteration.session;
    let entry = alteration.entry()?;
    let validated = !written.not_valid;
    let row = constraint::add_foreign_key(session, &entry, written, key, column, validated)?;
    if validated && row.conenforced { check_foreign(alteration, &row) } else { Ok(()) }
}

fn check_foreign(alteration: &Alteration<'_>, row: &PgConstraint) -> Result<()> {
    let session = alteration.session;
    let entry = alteration.entry()?;
    if heap::block_count(&session.context()?, &entry.relation)? == 0 {
        return Ok(());
    }
    executor::validate_foreign_key(&mut expression::execution(session)?, &entry, row)
}

pub(super) fn validate_check(alteration: &Alteration<'_>, oid: base::Oid) -> Result<()> {
    let session = alteration.session;
    let entry = alteration.entry()?;
    let Some(row) = session.row::<PgConstraint>(catalog_index::PG_CONSTRAINT_OID, &[oid.into()])? else {
        return Err(Error::internal(format!("cache lookup failed for constraint {oid}")));
    };
    let Some(text) = &row.conbin else { return Ok(()) };
    validate::check(session, &entry, &row.conname, &expression::load(session, text)?)
}

fn missing(alteration: &Alteration<'_>, name: &str) -> Result<Error> {
    let entry = alteration.entry()?;
    Ok(err!(UNDEFINED_OBJECT, "constraint \"{name}\" of relation \"{}\" does not exist", entry.name()))
}

/// DROP CONSTRAINT.
///
/// # Errors
/// `42704`, `2BP01`, `42P16`.
pub(super) fn drop(
    alteration: &Alteration<'_>,
    name: &str,
    if_exists: bool,
    behavior: DropBehavior,
) -> Result<()> {
    let session = alteration.session;
    let Some(row) = table_constraint(session, alteration.table, name)? else {
        let error = missing(alteration, name)?;
        if if_exists {
            session.notice(notice(format!("{}, skipping", error.message())));
            return Ok(());
        }
        return Err(error);
    };
    if row.coninhcount > 0 && !alteration.recursing {
        bail!(
            INVALID_TABLE_DEFINITION,
            "cannot drop inherited constraint \"{name}\" of relation \"{}\"",
            alteration.entry()?.name()
        );
    }
    if row.contype as u8 == b'n' {
        let entry = alteration.entry()?;
        for number in row.conkey.iter().flatten() {
            column::require_nullable(&entry, *number)?;
        }
    }
    if row.contype as u8 == b'f' && row.confrelid != alteration.table {
        crate::name::lock_relation(session, row.confrelid, lock::LockMode::AccessExclusive)?;
    }
    if matches!(row.contype as u8, b'c' | b'n') {
        let entry = alteration.entry()?;
        let number = row.conkey.as_ref().and_then(|k| k.first()).copied().unwrap_or(0);
        let column = (row.contype as u8 == b'n' && number > 0)
            .then(|| entry.desc().attributes()[number as usize - 1].name.clone());
        super::inherit::drop_constraint(alteration, &row, column.as_deref(), behavior)?;
    }
    let object = ObjectAddress::new::<PgConstraint>(row.oid);
    remove_all(session, &[object], behavior == DropBehavior::Cascade)
}

/// VALIDATE CONSTRAINT.
///
/// # Errors
/// `42704`, `42809`, `23503`, `23514`.
pub(super) fn validate(alteration: &Alteration<'_>, name: &str) -> Result<()> {
    let session = alteration.session;
    let row: Arc<PgConstraint> = match table_constraint(session, alteration.table, name)? {
        Some(row) => row,
        None => return Err(missing(alteration, name)?),
    };
    let entry = alteration.entry()?;
    if !matches!(row.contype as u8, b'f' | b'c' | b'n') {
        bail!(WRONG_OBJECT_TYPE, "cannot validate constraint \"{name}\" of relation \"{}\"", entry.name());
    }
    if !row.conenforced {
        bail!(WRONG_OBJECT_TYPE, "cannot validate NOT ENFORCED constraint");
    }
    if row.convalidated {
        return Ok(());
    }
    if row.contype as u8 != b'f' && !row.connoinherit {
        for child in alteration.children()? {
            if !alteration.recurse {
                bail!(INVALID_TABLE_DEFINITION, "constraint must be validated on child tables too");
            }
            let named = constraint::constraints(session, child.oid())?;
            if named.iter().any(|c| c.conname == *name && c.contype == row.contype) {
                validate(&alteration.of_child(child.oid()), name)?;
            }
        }
    }
    match row.contype as u8 {
        b'f' => check_foreign(alteration, &row)?,
        b'c' => validate_check(alteration, row.oid)?,
        _ => {
            for number in row.conkey.iter().flatten() {
                validate::not_null(session, &entry, *number)?;
            }
        }
    }
    for (tid, mut row) in session.find::<PgConstraint>(catalog_index::PG_CONSTRAINT_OID, &[row.oid.into()])? {
        row.convalidated = true;
        session.update(tid, &row)?;
    }
    session.command_counter_increment()
}
