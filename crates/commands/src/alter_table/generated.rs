//! ALTER COLUMN ... SET EXPRESSION and DROP EXPRESSION.

use super::dependents::{self, Change};
use super::{Alteration, rewrite, validate};
use crate::notice::notice;
use crate::{constraint, create_table, extended_statistics, relation};
use base::{Result, bail, err};
use catalog::RelationEntry;
use datum::Attribute;

fn not_generated(entry: &RelationEntry, column: &str) -> String {
    format!("column \"{column}\" of relation \"{}\" is not a generated column", entry.name())
}

/// Gives a generated column another expression, and if it is stored, the values of that.
///
/// # Errors
/// `55000` for other columns, `0A000` for virtual ones that a check may use, those of the expression.
pub(super) fn set_expression(alteration: &Alteration<'_>, column: &str, ast: &syntax::Expr) -> Result<()> {
    let session = alteration.session;
    let entry = alteration.entry()?;
    let number = alteration.column(&entry, column)?;
    let attribute: Attribute = entry.desc().attributes()[number as usize - 1].clone();
    match attribute.generated {
        0 => bail!(OBJECT_NOT_IN_PREREQUISITE_STATE, "{}", not_generated(&entry, column)),
        b'v' if constraint::constraints(session, entry.oid())?.iter().any(|c| c.contype as u8 == b'c') => {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "ALTER TABLE / SET EXPRESSION is not supported for virtual generated columns in tables with check \
                 constraints"
            )
            .detail(format!(
                "Column \"{column}\" of relation \"{}\" is a virtual generated column.",
                entry.name()
            )));
        }
        _ => {}
    }
    let expr = create_table::generation_expression(session, &entry, ast, &attribute)?;
    // What was known of the column's values is known no more.
    let kept = extended_statistics::take_away(session, &entry, number)?;
    dependents::take_away(alteration, &entry, number, Change::Values)?;
    let entry = alteration.entry()?;
    constraint::remove_default(session, entry.oid(), number)?;
    constraint::store_default(session, entry.oid(), number, &expr, true)?;
    extended_statistics::put_back(session, kept)?;
    if entry.kind() == b'p' {
        return Ok(());
    }
    if attribute.generated == b'v' {
        let entry = alteration.entry()?;
        return if attribute.not_null { validate::not_null(session, &entry, number) } else { Ok(()) };
    }
    rewrite::rewrite(session, &entry, &[(number as usize - 1, expr)])
}

/// Makes a stored generated column a plain one, which keeps its values.
///
/// # Errors
/// `55000` for other columns, `0A000` for virtual ones.
pub(super) fn drop_expression(alteration: &Alteration<'_>, column: &str, if_exists: bool) -> Result<()> {
    let session = alteration.session;
    let entry = alteration.entry()?;
    let number = alteration.column(&entry, column)?;
    if !alteration.recursing {
        if !alteration.recurse && alteration.has_children()? {
            bail!(FEATURE_NOT_SUPPORTED, "ALTER TABLE / DROP EXPRESSION must be applied to child tables too");
        }
        if super::inherit::attribute_row(session, entry.oid(), number)?.attinhcount > 0 {
            bail!(INVALID_TABLE_DEFINITION, "cannot drop generation expression from inherited column");
        }
    }
    match entry.desc().attributes()[number as usize - 1].generated {
        b's' => {}
        0 if if_exists => {
            session.notice(notice(format!("{}, skipping", not_generated(&entry, column))));
            return Ok(());
        }
        0 => bail!(OBJECT_NOT_IN_PREREQUISITE_STATE, "{}", not_generated(&entry, column)),
        _ => {
            return Err(err!(
                FEATURE_NOT_SUPPORTED,
                "ALTER TABLE / DROP EXPRESSION is not supported for virtual generated columns"
            )
            .detail(format!(
                "Column \"{column}\" of relation \"{}\" is a virtual generated column.",
                entry.name()
            )));
        }
    }
    constraint::remove_default(session, entry.oid(), number)?;
    relation::update_attribute(session, entry.oid(), number, |row| row.attgenerated = 0)?;
    session.invalidate_relation(entry.oid());
    Ok(())
}
