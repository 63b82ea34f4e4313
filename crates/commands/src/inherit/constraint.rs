//! CHECK and NOT NULL constraints that a table inherits, and those of its own that are the same.

use super::Merged;
use crate::constraint::{self, CheckSource, NotNull};
use crate::create_table::{ColumnDraft, renumber};
use crate::expression;
use crate::notice::notice;
use base::{Oid, Result, bail};
use catalog::{PgConstraint, RelationEntry, Session, index as catalog_index};
use ir::Expr;
use std::sync::Arc;

/// A parent's CHECK, over the columns of the child.
pub(crate) struct InheritedCheck {
    pub name: String,
    pub expr: Expr,
    pub enforced: bool,
    pub count: i16,
}

/// A parent's NOT NULL constraint on a column that the child has.
pub(crate) struct InheritedNotNull {
    /// The child's column, from 1.
    pub column: i16,
    pub name: String,
}

/// # Errors
/// `42710` for checks of one name that differ.
pub(super) fn inherit_checks(
    session: &Session,
    parent: &RelationEntry,
    map: &[i16],
    merged: &mut Merged,
) -> Result<()> {
    let mut checks: Vec<&PgConstraint> = parent.checks.iter().filter(|c| !c.connoinherit).collect();
    checks.sort_by(|a, b| a.conname.cmp(&b.conname));
    for check in checks {
        let Some(text) = &check.conbin else { continue };
        let expr = expression::load(session, text)?;
        if ir::any(&expr, &mut |e| matches!(e, Expr::Var(v) if v.attribute == 0)) {
            return Err(base::err!(FEATURE_NOT_SUPPORTED, "cannot convert whole-row table reference")
                .detail(format!(
                    "Constraint \"{}\" contains a whole-row reference to table \"{}\".",
                    check.conname,
                    parent.name()
                )));
        }
        let expr = renumber(&expr, map)?;
        match merged.checks.iter_mut().find(|c| c.name == check.conname) {
            Some(known) if ir::equal(&known.expr, &expr) => {
                known.count += 1;
                known.enforced |= check.conenforced;
            }
            Some(known) => bail!(
                DUPLICATE_OBJECT,
                "check constraint name \"{}\" appears multiple times but with different expressions",
                known.name
            ),
            None => merged.checks.push(InheritedCheck {
                name: check.conname.clone(),
                expr,
                enforced: check.conenforced,
                count: 1,
            }),
        }
    }
    Ok(())
}

/// # Errors
/// What reading the catalogs fails with.
pub(super) fn inherit_not_nulls(
    session: &Session,
    parent: &RelationEntry,
    map: &[i16],
    columns: &mut [ColumnDraft<'_>],
    merged: &mut Merged,
) -> Result<()> {
    for row in constraint::constraints(session, parent.oid())?.iter() {
        if row.contype as u8 != b'n' || row.connoinherit {
            continue;
        }
        let Some([number]) = row.conkey.as_deref() else { continue };
        let column = map.get(*number as usize - 1).copied().unwrap_or(0);
        if column > 0 {
            columns[column as usize - 1].attribute.not_null = true;
            merged.not_nulls.push(InheritedNotNull { column, name: row.conname.clone() });
        }
    }
    Ok(())
}

/// Says of a constraint where it comes from.
///
/// # Errors
/// What writing fails with.
pub(crate) fn set_inherited(session: &Session, oid: Oid, local: bool, count: i16) -> Result<()> {
    change(session, oid, |row| {
        row.conislocal = local;
        row.coninhcount = count;
    })
}

/// Changes a constraint's row.
///
/// # Errors
/// What writing fails with.
pub(crate) fn change(session: &Session, oid: Oid, change: impl FnOnce(&mut PgConstraint)) -> Result<()> {
    let found = session.find::<PgConstraint>(catalog_index::PG_CONSTRAINT_OID, &[oid.into()])?;
    if let Some((tid, mut row)) = found.into_iter().next() {
        change(&mut row);
        session.update(tid, &row)?;
        session.invalidate_relation(row.conrelid);
    }
    session.command_counter_increment()
}

fn written(name: &str, enforced: bool) -> syntax::Constraint {
    syntax::Constraint {
        name: Some(name.to_owned()),
        kind: syntax::ConstraintKind::Null,
        deferrable: false,
        initially_deferred: false,
        no_inherit: false,
        not_valid: false,
        not_enforced: !enforced,
        location: 0,
    }
}

/// Adds the parents' checks to a new table.
///
/// # Errors
/// What writing fails with.
pub(crate) fn add_checks(
    session: &Arc<Session>,
    table: &RelationEntry,
    merged: &Merged,
    taken: &mut Vec<String>,
) -> Result<()> {
    for check in &merged.checks {
        let source = CheckSource::Ready(check.expr.clone());
        let constraint = written(&check.name, check.enforced);
        if let Some(oid) = constraint::add_check(session, table, &constraint, source, true, taken)? {
            set_inherited(session, oid, false, check.count)?;
        }
    }
    // Their names may be given again by the table's own, which are the same then.
    taken.clear();
    Ok(())
}

/// Whether a check is one that the table has already.
pub(crate) enum CheckTwin {
    None,
    Merged,
}

/// Merges a table's own check, or one handed down to it (`inherited`), with one of the same name that it has.
///
/// # Errors
/// `42710` when they differ, `42P17` where one may not be inherited.
pub(crate) fn merge_check(
    session: &Session,
    table: &RelationEntry,
    name: &str,
    expr: &Expr,
    constraint: &syntax::Constraint,
    inherited: bool,
) -> Result<CheckTwin> {
    let known = constraint::constraints(session, table.oid())?;
    let Some(row) = known.iter().find(|c| c.conname == name) else { return Ok(CheckTwin::None) };
    let relation = table.name();
    let same = match (&row.conbin, row.contype as u8) {
        (Some(text), b'c') => ir::equal(&expression::load(session, text)?, expr),
        _ => false,
    };
    let own_again = row.conislocal && !inherited;
    if !same || own_again {
        bail!(DUPLICATE_OBJECT, "constraint \"{name}\" for relation \"{relation}\" already exists");
    }
    if row.connoinherit {
        bail!(
            INVALID_OBJECT_DEFINITION,
            "constraint \"{name}\" conflicts with non-inherited constraint on relation \"{relation}\""
        );
    }
    if row.coninhcount > 0 && constraint.no_inherit {
        bail!(
            INVALID_OBJECT_DEFINITION,
            "constraint \"{name}\" conflicts with inherited constraint on relation \"{relation}\""
        );
    }
    if !constraint.not_valid && inherited && !row.convalidated && row.conenforced {
        bail!(
            INVALID_OBJECT_DEFINITION,
            "constraint \"{name}\" conflicts with NOT VALID constraint on relation \"{relation}\""
        );
    }
    if inherited && !constraint.not_enforced && !row.conenforced
        || !inherited && constraint.not_enforced && row.conenforced
    {
        bail!(
            INVALID_OBJECT_DEFINITION,
            "constraint \"{name}\" conflicts with NOT ENFORCED constraint on relation \"{relation}\""
        );
    }
    session.notice(notice(format!("merging constraint \"{name}\" with inherited definition")));
    change(session, row.oid, |row| {
        if inherited {
            row.coninhcount += 1;
        } else {
            row.conislocal = true;
            if !constraint.not_enforced && !row.conenforced {
                (row.conenforced, row.convalidated) = (true, true);
            }
        }
    })?;
    Ok(CheckTwin::Merged)
}

/// The NOT NULL constraint on a column.
///
/// # Errors
/// What reading the catalogs fails with.
pub(crate) fn not_null_of(session: &Session, table: Oid, column: i16) -> Result<Option<Arc<PgConstraint>>> {
    let all = constraint::constraints(session, table)?;
    let found = all.iter().find(|c| c.contype as u8 == b'n' && c.conkey.as_deref() == Some(&[column]));
    Ok(found.cloned())
}

/// Adds a new table's NOT NULL constraints: its own, which may be its parents' too, then the parents' others.
///
/// # Errors
/// `42P17` for NO INHERIT where parents demand it; `42710`.
pub(crate) fn add_not_nulls(
    session: &Session,
    table: &RelationEntry,
    own: &[NotNull],
    inherited: &[InheritedNotNull],
) -> Result<()> {
    let mut taken = Vec::new();
    for wanted in own {
        let from: Vec<&InheritedNotNull> = inherited.iter().filter(|i| i.column == wanted.column).collect();
        let column = &table.desc().attributes()[wanted.column as usize - 1].name;
        if wanted.no_inherit && !from.is_empty() {
            return Err(base::err!(
                DATATYPE_MISMATCH,
                "cannot define not-null constraint with NO INHERIT on column \"{column}\""
            )
            .detail("The column has an inherited not-null constraint."));
        }
        let oid = constraint::add_not_null(session, table, wanted, &mut taken)?;
        if let (Some(oid), false) = (oid, from.is_empty()) {
            set_inherited(session, oid, true, from.len() as i16)?;
        }
    }
    let mut done: Vec<i16> = own.iter().map(|w| w.column).collect();
    for from in inherited {
        if done.contains(&from.column) {
            continue;
        }
        done.push(from.column);
        let count = inherited.iter().filter(|i| i.column == from.column).count();
        let free = !taken.contains(&from.name)
            && !constraint::constraints(session, table.oid())?.iter().any(|c| c.conname == from.name);
        let wanted = NotNull {
            column: from.column,
            name: free.then(|| from.name.clone()),
            no_inherit: false,
            validated: true,
        };
        if let Some(oid) = constraint::add_not_null(session, table, &wanted, &mut taken)? {
            set_inherited(session, oid, false, count as i16)?;
        }
    }
    Ok(())
}
