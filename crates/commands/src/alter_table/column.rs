//! ADD COLUMN, DROP COLUMN, defaults, NOT NULL.

use super::{Alteration, rewrite, validate};
use crate::constraint::{self, KeyConstraint, NotNull};
use crate::create_table::{self, draft_column};
use crate::drop::remove_all;
use crate::expression::{self, Kind};
use crate::inherit;
use crate::name::choose_relation_name;
use crate::notice::notice_of;
use crate::relation;
use crate::sequence;
use base::{Result, SqlState, bail, err};
use catalog::{ObjectAddress, Payload, PgAttribute, RelationEntry, missing};
use datum::Attribute;
use ir::Expr;
use std::sync::Arc;
use syntax::{ColumnDefinition, ConstraintKind, DropBehavior};

/// ADD COLUMN.
///
/// # Errors
/// `42701`, those of column definitions, `23502` when rows would have no value, and those of rewriting.
pub(super) fn add(
    alteration: &Alteration<'_>,
    definition: &ColumnDefinition,
    if_not_exists: bool,
) -> Result<()> {
    let session = alteration.session;
    let old = alteration.entry()?;
    let system = catalog::template::SYSTEM_COLUMNS.iter().any(|s| s.0 == definition.name);
    if system {
        bail!(DUPLICATE_COLUMN, "column name \"{}\" conflicts with a system column name", definition.name);
    }
    if old.desc().position(&definition.name).is_some() {
        let text = format!("column \"{}\" of relation \"{}\" already exists", definition.name, old.name());
        if if_not_exists {
            session.notice(notice_of(SqlState::DUPLICATE_COLUMN, format!("{text}, skipping")));
            return Ok(());
        }
        bail!(DUPLICATE_COLUMN, "{text}");
    }
    if old.desc().len() >= 1600 {
        bail!(TOO_MANY_COLUMNS, "tables can have at most 1600 columns");
    }
    if old.class.relispartition && !alteration.recursing {
        bail!(WRONG_OBJECT_TYPE, "cannot add column to a partition");
    }
    let draft = draft_column(session, old.name(), definition, None)?;
    if alteration.has_children()? {
        if draft.attribute.identity != 0 && alteration.recurse && old.kind() != b'p' {
            bail!(
                INVALID_TABLE_DEFINITION,
                "cannot recursively add identity column to table that has child tables"
            );
        }
        if !alteration.recurse {
            bail!(INVALID_TABLE_DEFINITION, "column must be added to child tables too");
        }
    }
    relation::check_columns(session, std::slice::from_ref(&draft.attribute), b'r')?;
    let position = old.desc().len();
    let number = position as i16 + 1;
    let mut sequences = Vec::new();
    // A partition's identity column has its parent's sequence.
    let shares = |identity: bool| identity && old.class.relispartition;
    if let Some(wanted) = draft.sequence.as_ref().filter(|wanted| !shares(wanted.identity)) {
        let namespace = old.class.relnamespace;
        let name =
            choose_relation_name(session, old.name(), Some(&definition.name), "seq", namespace, false)?;
        let place = (namespace, old.class.relpersistence as u8, old.class.relowner);
        let type_oid = draft.attribute.type_oid;
        let oid = sequence::create_owned(session, &name, place, type_oid, &wanted.options, wanted.identity)?;
        sequences.push((position, oid, wanted.identity));
    }
    let plain = Attribute { not_null: false, ..draft.attribute.clone() };
    session.insert(&PgAttribute::new(old.oid(), number, &plain))?;
    relation::record_column(session, old.oid(), number, &plain)?;
    relation::update_class(session, old.oid(), |class| class.relnatts += 1)?;
    session.invalidate_relation(old.oid());
    session.command_counter_increment()?;
    for (_, oid, identity) in &sequences {
        create_table::own_sequence(session, *oid, old.oid(), number, *identity)?;
    }
    add_toast(alteration)?;
    let table = alteration.entry()?;
    create_table::store_default(session, &table, position, &draft, &sequences)?;
    let table = alteration.entry()?;
    let sequence = match sequences.first() {
        Some((_, sequence, _)) => Some(*sequence),
        None if draft.attribute.identity != 0 => Some(session.identity_sequence(old.oid(), number)?),
        None => None,
    };
    fill(alteration, &table, position, &draft, sequence)?;
    if let Some(not_null) = &draft.not_null {
        let wanted = NotNull { column: number, ..not_null.clone() };
        validate::not_null(session, &*alteration.entry()?, number)?;
        constraint::add_not_null(session, &*alteration.entry()?, &wanted, &mut Vec::new())?;
    }
    hand_down(alteration, definition, &draft, &old, number)?;
    for written in &definition.constraints {
        match &written.kind {
            ConstraintKind::Check(_) => super::constraint::add(alteration, written)?,
            ConstraintKind::Foreign(key) => {
                super::constraint::add_foreign(alteration, written, key, Some(&definition.name))?;
            }
            ConstraintKind::Unique(key) | ConstraintKind::Primary(key) => {
                let primary = matches!(written.kind, ConstraintKind::Primary(_));
                let name = Some(definition.name.as_str());
                let wanted = KeyConstraint {
                    constraint: written,
                    key,
                    primary,
                    column: name,
                    only: !alteration.recurse,
                };
                if primary {
                    validate::not_null(session, &*alteration.entry()?, number)?;
                }
                constraint::add_key(session, &alteration.entry()?, &wanted)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The new column of an inheriting table is its parent's; its children get it too.
fn hand_down(
    alteration: &Alteration<'_>,
    definition: &ColumnDefinition,
    draft: &create_table::ColumnDraft<'_>,
    old: &RelationEntry,
    number: i16,
) -> Result<()> {
    let session = alteration.session;
    if alteration.recursing {
        relation::update_attribute(session, old.oid(), number, |row| {
            (row.attislocal, row.attinhcount) = (false, 1);
        })?;
        session.invalidate_relation(old.oid());
        session.command_counter_increment()?;
        if let Some(row) = inherit::not_null_of(session, old.oid(), number)? {
            inherit::set_inherited(session, row.oid, false, 1)?;
        }
    }
    // Children get the column, but not the keys that were written with it; checks are handed down as such.
    let below = ColumnDefinition {
        constraints: definition
            .constraints
            .iter()
            .filter(|c| {
                !matches!(
                    c.kind,
                    ConstraintKind::Check(_)
                        | ConstraintKind::Foreign(_)
                        | ConstraintKind::Unique(_)
                        | ConstraintKind::Primary(_)
                )
            })
            .cloned()
            .collect(),
        ..definition.clone()
    };
    for child in alteration.children()? {
        // It may have got the column by way of another child.
        let child = session.require_relation(child.oid())?;
        if !super::inherit::merge_added(alteration, &child, draft)? {
            add(&alteration.of_child(child.oid()), &below, false)?;
        }
    }
    Ok(())
}

/// A table that had no need of a TOAST table may have now.
fn add_toast(alteration: &Alteration<'_>) -> Result<()> {
    let session = alteration.session;
    let table = alteration.entry()?;
    if table.class.reltoastrelid.is_valid() || !relation::toast_is_needed(table.desc().attributes()) {
        return Ok(());
    }
    let toast = relation::create_toast(session, &table.class, None)?;
    relation::update_class(session, table.oid(), |class| class.reltoastrelid = toast)?;
    session.invalidate_relation(table.oid());
    session.command_counter_increment()
}

/// The new column's values in the rows that are there: one that is the same for all is kept in the catalog, others
/// take a rewrite.
fn fill(
    alteration: &Alteration<'_>,
    table: &Arc<RelationEntry>,
    position: usize,
    draft: &create_table::ColumnDraft<'_>,
    sequence: Option<base::Oid>,
) -> Result<()> {
    let session = alteration.session;
    let attribute = &draft.attribute;
    if attribute.generated == b'v' || table.kind() == b'p' {
        return Ok(());
    }
    let expr: Expr = match (sequence, table.defaults.get(position)) {
        (Some(sequence), _) => constraint::sequence_default(sequence, attribute.type_oid),
        (None, Some(Some(text))) => expression::load(session, text)?,
        (None, _) => return domain_without_default(alteration, attribute),
    };
    let domain = session.type_row(attribute.type_oid)?.typtype as u8 == b'd';
    if attribute.generated != 0 || domain || expression::is_volatile(session, &expr)? {
        return rewrite::rewrite(session, table, &[(position, expr)]);
    }
    let Some(value) = crate::pipeline::evaluate(session, &expr)? else { return Ok(()) };
    let array = missing::to_array(value.as_datum(), attribute)?;
    relation::update_attribute(session, table.oid(), position as i16 + 1, |row| {
        row.atthasmissing = true;
        row.attmissingval = Some(Payload(array.into()));
    })?;
    session.invalidate_relation(table.oid());
    session.command_counter_increment()
}

/// NULL must be a value of a domain if rows are to have it.
fn domain_without_default(alteration: &Alteration<'_>, attribute: &Attribute) -> Result<()> {
    let session = alteration.session;
    let row = session.type_row(attribute.type_oid)?;
    if row.typtype as u8 != b'd' || !row.typnotnull {
        return Ok(());
    }
    let entry = alteration.entry()?;
    validate::scan(session, &entry, &[], &mut |_| {
        Err(err!(NOT_NULL_VIOLATION, "domain {} does not allow null values", row.typname))
    })
}

/// DROP COLUMN.
///
/// # Errors
/// `42703`, `2BP01`.
pub(super) fn drop(
    alteration: &Alteration<'_>,
    name: &str,
    if_exists: bool,
    behavior: DropBehavior,
) -> Result<()> {
    let session = alteration.session;
    let entry = alteration.entry()?;
    if catalog::template::SYSTEM_COLUMNS.iter().any(|s| s.0 == name) {
        bail!(FEATURE_NOT_SUPPORTED, "cannot drop system column \"{name}\"");
    }
    let Some(position) = entry.desc().position(name) else {
        let text = format!("column \"{name}\" of relation \"{}\" does not exist", entry.name());
        if if_exists {
            session.notice(crate::notice::notice(format!("{text}, skipping")));
            return Ok(());
        }
        bail!(UNDEFINED_COLUMN, "{text}");
    };
    super::inherit::refuse_inherited_column(alteration, position as i16 + 1, "drop", name)?;
    crate::partition::refuse_key_column(session, &entry, position as i16 + 1, name, "drop")?;
    super::inherit::drop_column(alteration, name, behavior)?;
    let object = ObjectAddress::column(entry.oid(), position as i16 + 1);
    remove_all(session, &[object], behavior == DropBehavior::Cascade)
}

/// SET DEFAULT and DROP DEFAULT.
///
/// # Errors
/// `42703`, `42601` for identity and generated columns, `42804`.
pub(super) fn set_default(
    alteration: &Alteration<'_>,
    column: &str,
    default: Option<&syntax::Expr>,
) -> Result<()> {
    let session = alteration.session;
    let entry = alteration.entry()?;
    let number = alteration.column(&entry, column)?;
    let attribute = &entry.desc().attributes()[number as usize - 1];
    if attribute.identity != 0 {
        let error =
            err!(SYNTAX_ERROR, "column \"{column}\" of relation \"{}\" is an identity column", entry.name());
        return Err(match default {
            Some(_) => error,
            None => error.hint("Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead."),
        });
    }
    if attribute.generated != 0 {
        let error =
            err!(SYNTAX_ERROR, "column \"{column}\" of relation \"{}\" is a generated column", entry.name());
        return Err(match default {
            Some(_) => error.hint("Use ALTER TABLE ... ALTER COLUMN ... SET EXPRESSION instead."),
            None => error.hint("Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead."),
        });
    }
    let expr = match default {
        None => None,
        Some(ast) => {
            let kind = Kind::ColumnDefault;
            let (type_oid, typmod) = (attribute.type_oid, attribute.typmod);
            Some(expression::analyze_for_column(session, ast, kind, None, column, type_oid, typmod)?)
        }
    };
    constraint::remove_default(session, entry.oid(), number)?;
    match expr {
        Some(expr) => constraint::store_default(session, entry.oid(), number, &expr, false),
        None => Ok(()),
    }
}

/// SET NOT NULL.
///
/// # Errors
/// `42703`, `23502`.
pub(super) fn set_not_null(alteration: &Alteration<'_>, column: &str) -> Result<()> {
    let entry = alteration.entry()?;
    let number = alteration.column(&entry, column)?;
    let wanted = NotNull { column: number, name: None, no_inherit: false, validated: true };
    add_not_null(alteration, column, wanted)
}

/// Adds a NOT NULL constraint to a column of the table and of its children, or makes the one that is there its own.
///
/// # Errors
/// `23502`, `42P16`, `42710`.
pub(super) fn add_not_null(alteration: &Alteration<'_>, column: &str, wanted: NotNull) -> Result<()> {
    let session = alteration.session;
    let entry = alteration.entry()?;
    let number = wanted.column;
    if let Some(row) = inherit::not_null_of(session, entry.oid(), number)? {
        if row.connoinherit && !wanted.no_inherit && (alteration.recursing || wanted.name.is_some()) {
            return Err(err!(
                OBJECT_NOT_IN_PREREQUISITE_STATE,
                "cannot change NO INHERIT status of NOT NULL constraint \"{}\" on relation \"{}\"",
                row.conname,
                entry.name()
            )
            .hint("You might need to make the existing constraint inheritable using ALTER TABLE ... ALTER CONSTRAINT ... INHERIT."));
        }
        if alteration.recursing {
            return inherit::change(session, row.oid, |row| row.coninhcount += 1);
        }
        if let Some(name) = wanted.name.as_ref().filter(|n| **n != row.conname) {
            return Err(err!(
                OBJECT_NOT_IN_PREREQUISITE_STATE,
                "cannot create not-null constraint \"{name}\" on column \"{column}\" of table \"{}\"",
                entry.name()
            )
            .detail(format!(
                "A not-null constraint named \"{}\" already exists for this column.",
                row.conname
            )));
        }
        if !row.conislocal {
            return inherit::change(session, row.oid, |row| row.conislocal = true);
        }
        return Ok(());
    }
    let mut wanted = wanted;
    if !alteration.recurse && alteration.has_children()? {
        if entry.kind() == b'p' {
            return Err(err!(INVALID_TABLE_DEFINITION, "constraint must be added to child tables too")
                .hint("Do not specify the ONLY keyword."));
        }
        wanted.no_inherit = true;
    }
    validate::not_null(session, &entry, number)?;
    let made = constraint::add_not_null(session, &entry, &wanted, &mut Vec::new())?;
    let Some(made) = made else { return Ok(()) };
    if alteration.recursing {
        inherit::set_inherited(session, made, false, 1)?;
    }
    if wanted.no_inherit {
        return Ok(());
    }
    let name = inherit::not_null_of(session, entry.oid(), number)?.map(|row| row.conname.clone());
    for child in alteration.children()? {
        let below = alteration.of_child(child.oid());
        let number = below.column(&child, column)?;
        let taken = constraint::constraints(session, child.oid())?
            .iter()
            .any(|c| Some(&c.conname) == name.as_ref() && c.contype as u8 != b'n');
        let name = if taken { None } else { name.clone() };
        add_not_null(&below, column, NotNull { column: number, name, ..wanted.clone() })?;
    }
    Ok(())
}

/// ALTER CONSTRAINT ... INHERIT and NO INHERIT of a NOT NULL constraint.
///
/// # Errors
/// `23502` for rows of children.
pub(super) fn set_not_null_inheritance(
    alteration: &Alteration<'_>,
    row: &catalog::PgConstraint,
    no_inherit: bool,
) -> Result<()> {
    let session = alteration.session;
    inherit::change(session, row.oid, |row| row.connoinherit = no_inherit)?;
    let entry = alteration.entry()?;
    let Some([number]) = row.conkey.as_deref() else { return Ok(()) };
    let column = &entry.desc().attributes()[*number as usize - 1].name;
    for child in alteration.children()? {
        let below = alteration.of_child(child.oid());
        let number = below.column(&child, column)?;
        if !no_inherit {
            let name = Some(row.conname.clone());
            let wanted = NotNull { column: number, name, no_inherit: false, validated: true };
            add_not_null(&below, column, wanted)?;
        } else if let Some(own) = inherit::not_null_of(session, child.oid(), number)? {
            inherit::change(session, own.oid, |own| {
                own.coninhcount -= 1;
                own.conislocal = true;
            })?;
        }
    }
    Ok(())
}

/// DROP NOT NULL.
///
/// # Errors
/// `42703`, `42P16` for columns of the primary key, `42601` for identity columns.
pub(super) fn drop_not_null(alteration: &Alteration<'_>, column: &str) -> Result<()> {
    let session = alteration.session;
    let entry = alteration.entry()?;
    let number = alteration.column(&entry, column)?;
    if !entry.desc().attributes()[number as usize - 1].not_null {
        return Ok(());
    }
    require_nullable(&entry, number)?;
    let constraints = constraint::constraints(session, entry.oid())?;
    let found =
        constraints.iter().find(|c| c.contype as u8 == b'n' && c.conkey.as_deref() == Some(&[number]));
    match found {
        Some(row) => {
            if row.coninhcount > 0 {
                bail!(
                    INVALID_TABLE_DEFINITION,
                    "cannot drop inherited constraint \"{}\" of relation \"{}\"",
                    row.conname,
                    entry.name()
                );
            }
            super::inherit::drop_constraint(alteration, row, Some(column), DropBehavior::Restrict)?;
            remove_all(session, &[ObjectAddress::new::<catalog::PgConstraint>(row.oid)], false)
        }
        None => relation::update_attribute(session, entry.oid(), number, |row| row.attnotnull = false),
    }
}

/// # Errors
/// `42P16`, `42601` where a column may not lose its NOT NULL.
pub(super) fn require_nullable(entry: &RelationEntry, number: i16) -> Result<()> {
    let attribute = &entry.desc().attributes()[number as usize - 1];
    if attribute.identity != 0 {
        bail!(
            SYNTAX_ERROR,
            "column \"{}\" of relation \"{}\" is an identity column",
            attribute.name,
            entry.name()
        );
    }
    let in_key = |i: &Arc<catalog::IndexEntry>| {
        i.index.indisprimary && i.index.indkey[..i.index.indnkeyatts as usize].contains(&number)
    };
    if entry.indexes.iter().any(in_key) {
        bail!(INVALID_TABLE_DEFINITION, "column \"{}\" is in a primary key", attribute.name);
    }
    Ok(())
}
