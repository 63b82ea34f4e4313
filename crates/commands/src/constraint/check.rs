//! CHECK constraints.

use crate::dependency;
use crate::expression::{self, Kind};
use crate::inherit::{self, CheckTwin};
use crate::name::choose_constraint_name;
use crate::relation;
use base::{Oid, Result};
use catalog::{DependencyKind, ObjectAddress, PgConstraint, RelationEntry, Session, index as catalog_index};
use ir::Expr;
use std::sync::Arc;

/// A condition as written, or one that is analysed already.
pub(crate) enum CheckSource<'a> {
    Written(&'a syntax::Expr),
    Ready(Expr),
}

/// Adds a CHECK constraint; gives its OID, or none if it is one that the table has inherited. `taken`: names that constraints of the same command have got already, to
/// which this one's is added. The rows are not looked at.
///
/// # Errors
/// `42710`, and those of analysing the condition.
pub(crate) fn add(
    session: &Arc<Session>,
    table: &RelationEntry,
    constraint: &syntax::Constraint,
    source: CheckSource<'_>,
    validated: bool,
    taken: &mut Vec<String>,
) -> Result<Option<Oid>> {
    let expr = match source {
        CheckSource::Written(ast) => expression::analyze(session, ast, Kind::CheckConstraint, Some(table))?,
        CheckSource::Ready(expr) => expr,
    };
    let columns = dependency::columns_of(&expr);
    let name = match &constraint.name {
        Some(name) => {
            if taken.contains(name) {
                base::bail!(DUPLICATE_OBJECT, "check constraint \"{name}\" already exists");
            }
            if let CheckTwin::Merged = inherit::merge_check(session, table, name, &expr, constraint, false)? {
                return Ok(None);
            }
            super::require_free(session, table, name)?;
            name.clone()
        }
        None => {
            let column = match columns[..] {
                [only] if only > 0 => Some(table.desc().attributes()[only as usize - 1].name.as_str()),
                _ => None,
            };
            choose_constraint_name(session, table.name(), column, "check", table.class.relnamespace, taken)?
        }
    };
    taken.push(name.clone());
    let oid = session.new_oid::<PgConstraint>(catalog_index::PG_CONSTRAINT_OID)?;
    let mut row = PgConstraint::new(oid, &name, table.class.relnamespace, b'c');
    row.conrelid = table.oid();
    row.connoinherit = constraint.no_inherit;
    row.conenforced = !constraint.not_enforced;
    row.convalidated = validated && !constraint.not_enforced;
    let used: Vec<i16> = columns.into_iter().filter(|c| *c > 0).collect();
    row.conkey = (!used.is_empty()).then_some(used);
    row.conbin = Some(expression::store(&expr));
    session.insert(&row)?;
    dependency::record_constraint_columns(session, &row)?;
    let object = ObjectAddress::new::<PgConstraint>(oid);
    let kind = DependencyKind::Normal;
    dependency::record_expression(session, object, &expr, Some(table.oid()), kind, kind)?;
    session.command_counter_increment()?;
    relation::update_class(session, table.oid(), |class| class.relchecks += 1)?;
    session.command_counter_increment()?;
    Ok(Some(oid))
}
