//! The columns that a COPY is about, and who may touch them.

use super::expressions;
use crate::pipeline::Literals;
use analyzer::{ExprKind, Names, Wanted};
use base::{Result, bail, err};
use catalog::acl::privilege;
use catalog::{RelationEntry, Session};
use executor::Eval;
use ir::{Permission, RelSet};
use syntax::Expr;

/// Attribute numbers in a permission's column sets are offset by this much.
const FIRST_ATTRIBUTE: usize = 7;

/// The attribute of this name, from 0.
///
/// # Errors
/// `42703`
pub fn require(entry: &RelationEntry, name: &str) -> Result<usize> {
    match entry.desc().position(name) {
        Some(number) => Ok(number),
        None => bail!(UNDEFINED_COLUMN, "column \"{name}\" of relation \"{}\" does not exist", entry.name()),
    }
}

/// The columns named, or all that are not generated; attribute indexes from 0.
///
/// # Errors
/// `42703`, `42701`, `42P10`.
pub fn listed(entry: &RelationEntry, names: &[String]) -> Result<Vec<usize>> {
    let attributes = entry.desc().attributes();
    if names.is_empty() {
        let all = attributes.iter().enumerate().filter(|(_, a)| !a.dropped && a.generated == 0);
        return Ok(all.map(|(number, _)| number).collect());
    }
    let mut listed = Vec::with_capacity(names.len());
    for name in names {
        let number = require(entry, name)?;
        if attributes[number].generated != 0 {
            return Err(err!(INVALID_COLUMN_REFERENCE, "column \"{name}\" is a generated column")
                .detail("Generated columns cannot be used in COPY."));
        }
        if listed.contains(&number) {
            bail!(DUPLICATE_COLUMN, "column \"{name}\" specified more than once");
        }
        listed.push(number);
    }
    Ok(listed)
}

/// What the user must hold on the listed columns.
pub fn permission(entry: &RelationEntry, listed: &[usize], required: u64) -> Permission {
    let columns: RelSet = listed.iter().map(|number| number + 1 + FIRST_ATTRIBUTE).collect();
    let mut permission = Permission { relation: entry.oid(), required, ..Permission::default() };
    if required == privilege::INSERT {
        permission.inserted = columns;
    } else {
        permission.selected = columns;
    }
    permission
}

/// Whether policies limit what this user sees of the table.
///
/// # Errors
/// `42501` when row_security is off and they would.
pub fn row_security_applies(session: &Session, entry: &RelationEntry) -> Result<bool> {
    if !entry.class.relrowsecurity {
        return Ok(false);
    }
    let user = session.user();
    if session.role(user)?.is_some_and(|role| role.rolsuper || role.rolbypassrls) {
        return Ok(false);
    }
    if session.has_role(user, entry.class.relowner)? && !entry.class.relforcerowsecurity {
        return Ok(false);
    }
    if !session.settings().get(settings::ROW_SECURITY) {
        bail!(
            INSUFFICIENT_PRIVILEGE,
            "query would be affected by row-level security policy for table \"{}\"",
            entry.name()
        );
    }
    Ok(true)
}

/// COPY FROM's WHERE, over rows of the table, and whether it is volatile.
///
/// # Errors
/// What binding it fails with.
pub fn condition(session: &Session, entry: &RelationEntry, condition: &Expr) -> Result<(Eval, bool)> {
    let quals = analyzer::analyze_expression(
        session,
        &Literals,
        condition,
        Names::Relation(entry),
        ExprKind::CopyWhere,
        Wanted::Boolean("WHERE"),
    )?;
    let columns = crate::dependency::columns_of(&quals);
    for (at, attribute) in entry.desc().attributes().iter().enumerate() {
        let is_used = columns.contains(&0) || columns.contains(&(at as i16 + 1));
        if is_used && attribute.generated != 0 {
            return Err(err!(
                INVALID_COLUMN_REFERENCE,
                "generated columns are not supported in COPY FROM WHERE conditions"
            )
            .detail(format!("Column \"{}\" is a generated column.", attribute.name)));
        }
    }
    let quals = executor::stored_over_table(session, entry, quals)?;
    let is_volatile = crate::expression::is_volatile(session, &quals)?;
    Ok((expressions::over_row(session, entry, &quals)?, is_volatile))
}
