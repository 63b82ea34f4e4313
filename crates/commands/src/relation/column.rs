//! Checks that a relation's columns pass, whatever kind of relation it is.

use base::{Error, Oid, Result, bail, err};
use catalog::{PgType, Session, template::SYSTEM_COLUMNS};
use datum::Attribute;

const MAX_COLUMNS: usize = 1600;

/// # Errors
/// `54011` too many, `42701` twice the same or a system column's name, `42P16` a pseudo-type, `42P22` no collation.
pub(crate) fn check_columns(session: &Session, columns: &[Attribute], kind: u8) -> Result<()> {
    if columns.len() > MAX_COLUMNS {
        bail!(TOO_MANY_COLUMNS, "tables can have at most {MAX_COLUMNS} columns");
    }
    for (position, column) in columns.iter().enumerate() {
        let name = &column.name;
        if !matches!(kind, b'v' | b'c') && SYSTEM_COLUMNS.iter().any(|system| system.0 == name) {
            bail!(DUPLICATE_COLUMN, "column name \"{name}\" conflicts with a system column name");
        }
        if columns[..position].iter().any(|c| c.name == *name) {
            bail!(DUPLICATE_COLUMN, "column \"{name}\" specified more than once");
        }
        check_type(session, column)?;
    }
    Ok(())
}

fn check_type(session: &Session, column: &Attribute) -> Result<()> {
    let row = session.type_row(column.type_oid)?;
    let element = session.element_type(column.type_oid)?;
    let pseudo = |row: &PgType| row.typtype as u8 == b'p';
    let element_pseudo = match element {
        Some(element) => pseudo(&*session.type_row(element)?),
        None => false,
    };
    // The system's own views show pg_statistic's columns of any array type.
    const ANYARRAY: Oid = Oid(2277);
    let allowed = column.type_oid == ANYARRAY && session.settings().get(::settings::ALLOW_SYSTEM_TABLE_MODS);
    if (pseudo(&row) && !allowed) || element_pseudo {
        bail!(
            INVALID_TABLE_DEFINITION,
            "column \"{}\" has pseudo-type {}",
            column.name,
            session.format_type(column.type_oid, None)?
        );
    }
    if row.typcollation.is_valid() && !column.collation.is_valid() {
        return Err(err!(
            INDETERMINATE_COLLATION,
            "no collation was derived for column \"{}\" with collatable type {}",
            column.name,
            session.format_type(column.type_oid, None)?
        )
        .hint("Use the COLLATE clause to set the collation explicitly."));
    }
    Ok(())
}

/// The letter for a STORAGE word, as far as the type allows it.
///
/// # Errors
/// `22023` for other words, `0A000` where the type can only be stored plainly.
pub(crate) fn storage_letter(session: &Session, row: &PgType, word: &str) -> Result<u8> {
    let letter = match word.to_ascii_lowercase().as_str() {
        "plain" => b'p',
        "external" => b'e',
        "extended" => b'x',
        "main" => b'm',
        "default" => row.typstorage as u8,
        _ => bail!(INVALID_PARAMETER_VALUE, "invalid storage type \"{word}\""),
    };
    if letter != b'p' && row.typstorage as u8 == b'p' {
        bail!(
            FEATURE_NOT_SUPPORTED,
            "column data type {} can only have storage PLAIN",
            session.format_type(row.oid, None)?
        );
    }
    Ok(letter)
}

/// The letter for a COMPRESSION word, 0 for the default.
///
/// # Errors
/// `0A000` for types that are not compressed and methods that are not built, `22023` for other words.
pub(crate) fn compression_letter(session: &Session, row: &PgType, word: &str) -> Result<u8> {
    if word == "default" {
        return Ok(0);
    }
    if row.typstorage as u8 == b'p' {
        bail!(
            FEATURE_NOT_SUPPORTED,
            "column data type {} does not support compression",
            session.format_type(row.oid, None)?
        );
    }
    match word {
        "pglz" => Ok(b'p'),
        "lz4" => Err(Error::unsupported("compression method lz4")),
        _ => bail!(INVALID_PARAMETER_VALUE, "invalid compression method \"{word}\""),
    }
}
