//! A column definition: its type, storage, and what its constraints say.

use super::Draft;
use crate::constraint::NotNull;
use crate::expression;
use crate::privilege;
use crate::relation::{compression_letter, storage_letter};
use base::{Error, Oid, Result, bail, err};
use catalog::Session;
use datum::Attribute;
use ir::Expr;
use std::sync::Arc;
use syntax::{ColumnDefinition, Constraint, ConstraintKind, OptionItem, TypeName};

/// Where a default or generation expression comes from.
pub(crate) enum DefaultSource<'a> {
    Written(&'a syntax::Expr),
    Ready(Expr),
}

/// The sequence that a serial or identity column wants.
#[derive(Clone)]
pub(crate) struct WantedSequence {
    pub options: Vec<OptionItem>,
    pub identity: bool,
}

/// A column about to be made.
pub(crate) struct ColumnDraft<'a> {
    pub attribute: Attribute,
    pub default: Option<DefaultSource<'a>>,
    pub sequence: Option<WantedSequence>,
    /// Its column number is not filled in.
    pub not_null: Option<NotNull>,
    /// How many parents have it.
    pub inherit_count: i16,
    /// It was written with the table itself.
    pub local: bool,
    /// Parents have different defaults.
    pub conflict: bool,
}

impl<'a> ColumnDraft<'a> {
    pub(crate) fn new(
        attribute: Attribute,
        default: Option<DefaultSource<'a>>,
        sequence: Option<WantedSequence>,
        not_null: Option<NotNull>,
    ) -> ColumnDraft<'a> {
        ColumnDraft { attribute, default, sequence, not_null, inherit_count: 0, local: true, conflict: false }
    }
}

/// The integer type behind serial, smallserial and bigserial.
///
/// # Errors
/// `0A000` for arrays of them.
fn serial_type(name: &TypeName) -> Result<Option<&'static str>> {
    let [word] = &name.names[..] else { return Ok(None) };
    let integer = match word.as_str() {
        "smallserial" | "serial2" => "int2",
        "serial" | "serial4" => "int4",
        "bigserial" | "serial8" => "int8",
        _ => return Ok(None),
    };
    if name.percent_type {
        return Ok(None);
    }
    if !name.array_bounds.is_empty() {
        return Err(err!(FEATURE_NOT_SUPPORTED, "array of serial is not implemented").at(name.location));
    }
    Ok(Some(integer))
}

/// The attribute of a column definition, constraints left aside, and whether it is a serial.
///
/// # Errors
/// `42704`, `42P16`, `42804`, `42501`.
fn attribute(session: &Arc<Session>, definition: &ColumnDefinition) -> Result<(Attribute, bool)> {
    let Some(type_name) = &definition.type_name else {
        return Err(Error::internal("a column without a type"));
    };
    if type_name.setof {
        bail!(INVALID_TABLE_DEFINITION, "column \"{}\" cannot be declared SETOF", definition.name);
    }
    let serial = serial_type(type_name)?;
    let (type_oid, typmod) = match serial {
        Some(integer) => expression::resolve_type(session, &TypeName::system(integer, type_name.location))?,
        None => expression::resolve_type(session, type_name)?,
    };
    privilege::require_type(session, type_oid)?;
    let row = session.type_row(type_oid)?;
    let mut collation = row.typcollation;
    if let Some((named, at)) = &definition.collation {
        let given = expression::collation_by_name(session, named)?;
        if !collation.is_valid() {
            return Err(err!(
                DATATYPE_MISMATCH,
                "collations are not supported by type {}",
                session.format_type(type_oid, None)?
            )
            .at(*at));
        }
        collation = given;
    }
    let layout = session.type_layout(type_oid)?;
    let mut attribute = Attribute::result(&definition.name, type_oid, typmod, layout, collation);
    attribute.ndims = type_name.array_bounds.len() as i16;
    attribute.storage = row.typstorage as u8;
    if let Some(word) = &definition.storage {
        attribute.storage = storage_letter(session, &row, word)?;
    }
    if let Some(word) = &definition.compression {
        attribute.compression = compression_letter(session, &row, word)?;
    }
    Ok((attribute, serial.is_some()))
}

/// A column definition, with those of its constraints that are its own. `of`: the column of the parent, which a
/// partition's column has its type from.
///
/// # Errors
/// `42601` for constraints that exclude each other, and those of its type.
pub(crate) fn draft<'a>(
    session: &Arc<Session>,
    table: &str,
    definition: &'a ColumnDefinition,
    of: Option<&Attribute>,
) -> Result<ColumnDraft<'a>> {
    if !definition.foreign_options.is_empty() {
        return Err(Error::unsupported("column options of foreign tables"));
    }
    let (attribute, serial) = match (&definition.type_name, of) {
        // What generates the parent's column is merged in later.
        (None, Some(known)) => (Attribute { generated: 0, identity: 0, ..known.clone() }, false),
        _ => attribute(session, definition)?,
    };
    let mut draft = ColumnDraft::new(attribute, None, None, None);
    if serial {
        draft.sequence = Some(WantedSequence { options: Vec::new(), identity: false });
    }
    let mut seen = Seen { default: serial, ..Seen::default() };
    for constraint in &definition.constraints {
        apply(table, definition, constraint, &mut draft, &mut seen)?;
    }
    if serial || draft.attribute.identity != 0 {
        if seen.null {
            return Err(conflicting_null(definition, table, definition.location));
        }
        draft.not_null.get_or_insert_with(unnamed);
    }
    draft.attribute.not_null = draft.not_null.is_some();
    check_combination(session, definition, table, &draft, &seen)?;
    if seen.identity && of.is_some() {
        bail!(FEATURE_NOT_SUPPORTED, "identity columns are not supported on partitions");
    }
    Ok(draft)
}

#[derive(Default)]
struct Seen {
    default: bool,
    null: bool,
    identity: bool,
    generated: bool,
}

fn unnamed() -> NotNull {
    NotNull { column: 0, name: None, no_inherit: false, validated: true }
}

fn conflicting_null(definition: &ColumnDefinition, table: &str, at: usize) -> Error {
    err!(
        SYNTAX_ERROR,
        "conflicting NULL/NOT NULL declarations for column \"{}\" of table \"{table}\"",
        definition.name
    )
    .at(at)
}

fn apply<'a>(
    table: &str,
    definition: &'a ColumnDefinition,
    constraint: &'a Constraint,
    draft: &mut ColumnDraft<'a>,
    seen: &mut Seen,
) -> Result<()> {
    let twice = |what: &str| {
        err!(
            SYNTAX_ERROR,
            "multiple {what} specified for column \"{}\" of table \"{table}\"",
            definition.name
        )
        .at(constraint.location)
    };
    match &constraint.kind {
        ConstraintKind::Null => {
            if draft.not_null.is_some() {
                return Err(conflicting_null(definition, table, constraint.location));
            }
            seen.null = true;
        }
        ConstraintKind::NotNull { .. } => {
            if seen.null {
                return Err(conflicting_null(definition, table, constraint.location));
            }
            let known = draft.not_null.get_or_insert_with(unnamed);
            if known.name.is_none() {
                known.name.clone_from(&constraint.name);
            }
            known.no_inherit |= constraint.no_inherit;
            known.validated = !constraint.not_valid;
        }
        ConstraintKind::Default(expr) => {
            if seen.default {
                return Err(twice("default values"));
            }
            seen.default = true;
            draft.default = Some(DefaultSource::Written(expr));
        }
        ConstraintKind::Identity { always, options } => {
            if seen.identity {
                return Err(err!(
                    SYNTAX_ERROR,
                    "multiple identity specifications for column \"{}\" of table \"{table}\"",
                    definition.name
                )
                .at(constraint.location));
            }
            seen.identity = true;
            draft.attribute.identity = if *always { b'a' } else { b'd' };
            draft.sequence = Some(WantedSequence { options: options.clone(), identity: true });
        }
        ConstraintKind::Generated { expr, stored } => {
            if seen.generated {
                return Err(twice("generation clauses"));
            }
            seen.generated = true;
            draft.attribute.generated = if *stored { b's' } else { b'v' };
            draft.default = Some(DefaultSource::Written(expr));
        }
        ConstraintKind::Exclude(_) => return Err(Error::unsupported("exclusion constraints")),
        ConstraintKind::Check(_)
        | ConstraintKind::Unique(_)
        | ConstraintKind::Primary(_)
        | ConstraintKind::Foreign(_) => {}
    }
    Ok(())
}

fn check_combination(
    session: &Session,
    definition: &ColumnDefinition,
    table: &str,
    draft: &ColumnDraft<'_>,
    seen: &Seen,
) -> Result<()> {
    // Where the second of them stands.
    let second = definition
        .constraints
        .iter()
        .filter(|c| {
            matches!(
                c.kind,
                ConstraintKind::Default(_)
                    | ConstraintKind::Identity { .. }
                    | ConstraintKind::Generated { .. }
            )
        })
        .nth(1)
        .map_or(definition.location, |c| c.location);
    let both = |one: &str, other: &str| {
        Err(err!(
            SYNTAX_ERROR,
            "both {one} and {other} specified for column \"{}\" of table \"{table}\"",
            definition.name
        )
        .at(second))
    };
    let (identity, generated) = (seen.identity, seen.generated);
    match (seen.default, identity, generated) {
        (true, true, _) => both("default", "identity"),
        (true, _, true) => both("default", "generation expression"),
        (_, true, true) => both("identity", "generation expression"),
        _ => {
            if draft.attribute.generated == b'v' && draft.attribute.type_oid >= Oid(16384) {
                let is_domain = session.type_row(draft.attribute.type_oid)?.typtype as u8 == b'd';
                let name = &definition.name;
                if is_domain {
                    bail!(
                        FEATURE_NOT_SUPPORTED,
                        "virtual generated column \"{name}\" cannot have a domain type"
                    );
                }
                return Err(err!(
                    FEATURE_NOT_SUPPORTED,
                    "virtual generated column \"{name}\" cannot have a user-defined type"
                )
                .detail(
                    "Virtual generated columns that make use of user-defined types are not yet supported.",
                ));
            }
            Ok(())
        }
    }
}

/// Adds a column of CREATE TABLE with its constraints.
///
/// # Errors
/// As [`draft`].
pub(super) fn add<'a>(
    session: &Arc<Session>,
    table: &str,
    definition: &'a ColumnDefinition,
    of: Option<&Attribute>,
    draft: &mut Draft<'a>,
) -> Result<()> {
    draft.columns.push(self::draft(session, table, definition, of)?);
    for constraint in &definition.constraints {
        let column = Some(definition.name.clone());
        match &constraint.kind {
            ConstraintKind::Check(_) => draft.checks.push(constraint),
            ConstraintKind::Unique(_) | ConstraintKind::Primary(_) => draft.keys.push((constraint, column)),
            ConstraintKind::Foreign(_) => draft.foreign_keys.push((constraint, column)),
            _ => {}
        }
    }
    Ok(())
}
