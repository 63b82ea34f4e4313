//! ADD, DROP and VALIDATE CONSTRAINT.

use super::{Alteration, column, validate};
use crate::constraint::{self, CheckSource, KeyConstraint, NotNull};
use crate::drop::remove_all;
use crate::expression;
use crate::name::table_constraint;
use crate::notice::notice;
use base::{Error, Result, bail, err};
use catalog::{ObjectAddress, PgConstraint, RelationEntry, index as catalog_index};
use std::sync::Arc;
use syntax::{AlterConstraint, Constraint, ConstraintKind, DropBehavior, ForeignKey};

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
    if !alteration.recurse && entry.kind() == b'p' {
        bail!(
            WRONG_OBJECT_TYPE,
            "cannot use ONLY for foreign key on partitioned table \"{}\" referencing relation \"{}\"",
            entry.name(),
            key.relation.name
        );
    }
    let validated = !written.not_valid;
    let unchecked = constraint::add_foreign_key(session, &entry, written, key, column, validated)?;
    constraint::check_foreign_keys(session, &unchecked)
}

/// ALTER CONSTRAINT.
///
/// # Errors
/// `42704`, `42809`, `42P16`, `55000`, `0A000`; `23503` for rows that violate a foreign key.
pub(super) fn alter(alteration: &Alteration<'_>, wanted: &AlterConstraint) -> Result<()> {
    let session = alteration.session;
    let entry = alteration.entry()?;
    let (name, relation) = (&wanted.name, entry.name());
    if entry.kind() == b'p' && !alteration.recurse {
        return Err(err!(INVALID_TABLE_DEFINITION, "constraint must be altered in child tables too")
            .hint("Do not specify the ONLY keyword."));
    }
    let Some(row) = table_constraint(session, alteration.table, name)? else {
        return Err(missing(alteration, name)?);
    };
    let is_foreign = row.contype as u8 == b'f';
    if wanted.deferrability.is_some() && !is_foreign {
        bail!(
            WRONG_OBJECT_TYPE,
            "constraint \"{name}\" of relation \"{relation}\" is not a foreign key constraint"
        );
    }
    if wanted.enforced.is_some() && !is_foreign {
        bail!(
            WRONG_OBJECT_TYPE,
            "cannot alter enforceability of constraint \"{name}\" of relation \"{relation}\""
        );
    }
    if let Some(no_inherit) = wanted.no_inherit {
        check_inheritability(&entry, &row, no_inherit)?;
    }
    if row.conparentid.is_valid() {
        return Err(derived(session, &row, relation)?);
    }
    if is_foreign {
        let unchecked = constraint::alter_foreign_key(session, &row, wanted)?;
        constraint::check_foreign_keys(session, &unchecked)?;
    }
    match wanted.no_inherit {
        Some(no_inherit) if no_inherit != row.connoinherit => {
            column::set_not_null_inheritance(alteration, &row, no_inherit)
        }
        _ => Ok(()),
    }
}

fn check_inheritability(entry: &RelationEntry, row: &PgConstraint, no_inherit: bool) -> Result<()> {
    let (name, relation) = (&row.conname, entry.name());
    if row.contype as u8 != b'n' {
        bail!(
            WRONG_OBJECT_TYPE,
            "constraint \"{name}\" of relation \"{relation}\" is not a not-null constraint"
        );
    }
    if no_inherit && entry.kind() == b'p' {
        bail!(
            FEATURE_NOT_SUPPORTED,
            "not-null constraint \"{name}\" on partitioned table \"{relation}\" cannot be NO INHERIT"
        );
    }
    if no_inherit && row.coninhcount > 0 {
        bail!(
            OBJECT_NOT_IN_PREREQUISITE_STATE,
            "cannot alter inherited constraint \"{name}\" on relation \"{relation}\""
        );
    }
    Ok(())
}

/// The refusal to alter a copy instead of what it is a copy of.
fn derived(session: &catalog::Session, row: &PgConstraint, relation: &str) -> Result<Error> {
    let name = &row.conname;
    let error = err!(
        OBJECT_NOT_IN_PREREQUISITE_STATE,
        "cannot alter constraint \"{name}\" on relation \"{relation}\""
    )
    .hint("You may alter the constraint it derives from instead.");
    let mut parent = row.conparentid;
    while let Some(above) = session.row::<PgConstraint>(catalog_index::PG_CONSTRAINT_OID, &[parent.into()])? {
        if !above.conparentid.is_valid() {
            let table = session.require_relation(above.conrelid)?;
            return Ok(error.detail(format!(
                "Constraint \"{name}\" is derived from constraint \"{}\" of relation \"{}\".",
                above.conname,
                table.name()
            )));
        }
        parent = above.conparentid;
    }
    Ok(error)
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
        b'f' => return validate_foreign(session, &row),
        b'c' => validate_check(alteration, row.oid)?,
        _ => {
            for number in row.conkey.iter().flatten() {
                validate::not_null(session, &entry, *number)?;
            }
        }
    }
    crate::inherit::change(session, row.oid, |row| row.convalidated = true)
}

/// Holds a foreign key's rows against it, those of partitions too.
fn validate_foreign(session: &Arc<catalog::Session>, row: &PgConstraint) -> Result<()> {
    for copy in constraint::foreign_key_copies(session, row.oid)? {
        if copy.convalidated {
            continue;
        }
        crate::name::lock_relation(session, copy.conrelid, lock::LockMode::ShareUpdateExclusive)?;
        validate_foreign(session, &copy)?;
    }
    // A copy for a partition of the referenced table checks nothing by itself.
    let parent = match row.conparentid.some() {
        Some(parent) => session.row::<PgConstraint>(catalog_index::PG_CONSTRAINT_OID, &[parent.into()])?,
        None => None,
    };
    if parent.is_none_or(|parent| parent.conrelid != row.conrelid) {
        constraint::check_foreign_keys(session, std::slice::from_ref(row))?;
    }
    crate::inherit::change(session, row.oid, |row| row.convalidated = true)
}
