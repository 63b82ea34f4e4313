//! The columns of a new table that inherits: those of its parents, merged, then its own, merged with them.

use super::constraint::{InheritedCheck, InheritedNotNull, inherit_checks, inherit_not_nulls};
use crate::create_table::{ColumnDraft, DefaultSource, Draft, renumber};
use crate::expression;
use crate::notice::notice;
use base::{Error, Result, bail, err};
use catalog::{PgCollation, RelationEntry, Session, index};
use datum::{Attribute, Datum};
use std::sync::Arc;

/// What of a new table's constraints comes from its parents.
#[derive(Default)]
pub(crate) struct Merged {
    pub checks: Vec<InheritedCheck>,
    pub not_nulls: Vec<InheritedNotNull>,
}

/// Whose words errors use.
#[derive(Clone, Copy, PartialEq)]
enum Among {
    Parents,
    Child,
}

fn versus(session: &Session, a: &Attribute, b: &Attribute) -> Result<String> {
    Ok(format!(
        "{} versus {}",
        session.format_type(a.type_oid, Some(a.typmod))?,
        session.format_type(b.type_oid, Some(b.typmod))?
    ))
}

fn check_same(session: &Session, known: &mut Attribute, other: &Attribute, among: Among) -> Result<()> {
    let what = match among {
        Among::Parents => format!("inherited column \"{}\"", known.name),
        Among::Child => format!("column \"{}\"", known.name),
    };
    if (known.type_oid, known.typmod) != (other.type_oid, other.typmod) {
        let detail = versus(session, known, other)?;
        return Err(err!(DATATYPE_MISMATCH, "{what} has a type conflict").detail(detail));
    }
    if known.collation != other.collation {
        let name = |oid| -> Result<String> {
            let row = session.row::<PgCollation>(index::PG_COLLATION_OID, &[Datum::from(oid)])?;
            Ok(row.map_or_else(String::new, |row| row.collname.clone()))
        };
        let (a, b) = (name(known.collation)?, name(other.collation)?);
        return Err(err!(COLLATION_MISMATCH, "{what} has a collation conflict")
            .detail(format!("\"{a}\" versus \"{b}\"")));
    }
    let default = session.type_row(known.type_oid)?.typstorage as u8;
    if known.storage == default && among == Among::Child {
        known.storage = other.storage;
    } else if known.storage != other.storage && (among == Among::Parents || other.storage != default) {
        let word = |letter: u8| match letter {
            b'p' => "PLAIN",
            b'e' => "EXTERNAL",
            b'x' => "EXTENDED",
            _ => "MAIN",
        };
        return Err(err!(DATATYPE_MISMATCH, "{what} has a storage parameter conflict").detail(format!(
            "{} versus {}",
            word(known.storage),
            word(other.storage)
        )));
    }
    if known.compression == 0 {
        known.compression = other.compression;
    } else if other.compression != 0 && known.compression != other.compression {
        let word = |letter: u8| if letter == b'l' { "lz4" } else { "pglz" };
        return Err(err!(DATATYPE_MISMATCH, "column \"{}\" has a compression method conflict", known.name)
            .detail(format!("{} versus {}", word(known.compression), word(other.compression))));
    }
    Ok(())
}

/// Puts the parents' columns before a new table's own, which may be the same ones.
///
/// # Errors
/// `42804`, `42P21`, `42611`, `42703`.
pub(crate) fn merge<'a>(
    session: &Arc<Session>,
    parents: &[Arc<RelationEntry>],
    partition: bool,
    draft: &mut Draft<'a>,
) -> Result<Merged> {
    let mut merged = Merged::default();
    if parents.is_empty() {
        return Ok(merged);
    }
    let mut columns: Vec<ColumnDraft<'a>> = Vec::new();
    for parent in parents {
        merge_parent(session, parent, partition, &mut columns, &mut merged)?;
    }
    let count = columns.len();
    let own = std::mem::take(&mut draft.columns);
    for (position, column) in own.into_iter().enumerate() {
        let at = columns[..count].iter().position(|c| c.attribute.name == column.attribute.name);
        match at {
            Some(at) => {
                if !partition {
                    announce(session, position == at, &column.attribute.name);
                }
                merge_own(session, &mut columns[at], column, partition)?;
            }
            None if partition => {
                bail!(UNDEFINED_COLUMN, "column \"{}\" does not exist", column.attribute.name)
            }
            None => columns.push(column),
        }
    }
    for column in &columns {
        if column.conflict {
            let name = &column.attribute.name;
            let (what, hint) = match column.attribute.generated {
                0 => ("default values", "To resolve the conflict, specify a default explicitly."),
                _ => (
                    "generation expressions",
                    "To resolve the conflict, specify a generation expression explicitly.",
                ),
            };
            return Err(
                err!(INVALID_COLUMN_DEFINITION, "column \"{name}\" inherits conflicting {what}").hint(hint)
            );
        }
    }
    draft.columns = columns;
    Ok(merged)
}

fn announce(session: &Session, in_place: bool, name: &str) {
    session.notice(match in_place {
        true => notice(format!("merging column \"{name}\" with inherited definition")),
        false => notice(format!("moving and merging column \"{name}\" with inherited definition"))
            .detail("User-specified column moved to the position of the inherited column."),
    });
}

/// The column of a parent, as a child gets it.
fn inherited_column(attribute: &Attribute, partition: bool) -> Attribute {
    Attribute {
        identity: if partition { attribute.identity } else { 0 },
        missing: None,
        has_default: false,
        not_null: false,
        ..attribute.clone()
    }
}

fn merge_parent<'a>(
    session: &Arc<Session>,
    parent: &RelationEntry,
    partition: bool,
    columns: &mut Vec<ColumnDraft<'a>>,
    merged: &mut Merged,
) -> Result<()> {
    let mut map = vec![0i16; parent.desc().len()];
    for (position, attribute) in parent.desc().attributes().iter().enumerate() {
        if attribute.dropped {
            continue;
        }
        let mut own = inherited_column(attribute, partition);
        own.not_null = attribute.not_null && not_null_inherits(parent, position as i16 + 1);
        match columns.iter().position(|c| c.attribute.name == attribute.name) {
            Some(at) => {
                let text = format!("merging multiple inherited definitions of column \"{}\"", attribute.name);
                session.notice(notice(text));
                let known = &mut columns[at];
                check_same(session, &mut known.attribute, &own, Among::Parents)?;
                if known.attribute.generated != own.generated {
                    bail!(
                        DATATYPE_MISMATCH,
                        "inherited column \"{}\" has a generation conflict",
                        attribute.name
                    );
                }
                known.inherit_count += 1;
                known.attribute.not_null |= own.not_null;
                map[position] = at as i16 + 1;
            }
            None => {
                let made = ColumnDraft::new(own, None, None, None);
                columns.push(ColumnDraft { inherit_count: 1, local: false, ..made });
                map[position] = columns.len() as i16;
            }
        }
    }
    for (position, text) in parent.defaults.iter().enumerate() {
        let (Some(text), at) = (text, map[position]) else { continue };
        if at == 0 {
            continue;
        }
        let expr = renumber(&expression::load(session, text)?, &map)?;
        let column = &mut columns[at as usize - 1];
        match &column.default {
            None => column.default = Some(DefaultSource::Ready(expr)),
            Some(DefaultSource::Ready(known)) if ir::equal(known, &expr) => {}
            Some(_) => column.conflict = true,
        }
    }
    inherit_checks(session, parent, &map, merged)?;
    inherit_not_nulls(session, parent, &map, columns, merged)
}

fn not_null_inherits(parent: &RelationEntry, number: i16) -> bool {
    !parent.not_nulls.iter().any(|c| c.connoinherit && c.conkey.as_deref() == Some(&[number]))
}

fn merge_own<'a>(
    session: &Session,
    known: &mut ColumnDraft<'a>,
    own: ColumnDraft<'a>,
    partition: bool,
) -> Result<()> {
    let name = known.attribute.name.clone();
    if !partition {
        check_same(session, &mut known.attribute, &own.attribute, Among::Child)?;
        known.local = true;
    }
    known.attribute.not_null |= own.attribute.not_null;
    known.not_null = own.not_null.or(known.not_null.take());
    let (parent_generated, generated) = (known.attribute.generated, own.attribute.generated);
    let defined = |text: String| -> Error { Error::new(base::SqlState::INVALID_COLUMN_DEFINITION, text) };
    if parent_generated != 0 {
        if own.default.is_some() && generated == 0 {
            return Err(defined(format!(
                "column \"{name}\" inherits from generated column but specifies default"
            )));
        }
        if own.attribute.identity != 0 {
            return Err(defined(format!(
                "column \"{name}\" inherits from generated column but specifies identity"
            )));
        }
        if generated != 0 && generated != parent_generated {
            let word = |letter: u8| if letter == b's' { "STORED" } else { "VIRTUAL" };
            return Err(defined(format!(
                "column \"{name}\" inherits from generated column of different kind"
            ))
            .detail(format!(
                "Parent column is {}, child column is {}.",
                word(parent_generated),
                word(generated)
            )));
        }
    } else if generated != 0 {
        return Err(defined(format!("child column \"{name}\" specifies generation expression"))
            .hint("A child table column cannot be generated unless its parent column is."));
    }
    if !partition {
        known.attribute.identity = own.attribute.identity;
        known.sequence = own.sequence;
    }
    if own.default.is_some() {
        known.default = own.default;
        known.conflict = false;
    }
    Ok(())
}
