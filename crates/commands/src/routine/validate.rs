//! What is checked of a routine when it is made: that a body is behind its name, that its text makes sense.

use super::calls;
use super::create::{C_LANGUAGE, INTERNAL_LANGUAGE, SQL_LANGUAGE};
use super::language;
use crate::sql_function::{self, Validation};
use base::{Error, Oid, Result, bail, err};
use catalog::{PgProc, Session};
use functions::Registry;
use std::sync::Arc;

/// # Errors
/// `42883` for built-in functions that there are not, `58P01` for files; for others what is wrong with the body, with
/// positions in `sql`, the CREATE statement's text.
pub(super) fn validate(session: &Arc<Session>, oid: Oid, sql: &str) -> Result<()> {
    let row = session.function(oid)?;
    match row.prolang {
        INTERNAL_LANGUAGE => {
            if !is_built_in(session, &row)? {
                bail!(UNDEFINED_FUNCTION, "there is no built-in function named \"{}\"", row.prosrc);
            }
            Ok(())
        }
        C_LANGUAGE => check_library(&row),
        SQL_LANGUAGE => {
            let polymorphic = check_types(session, &row)?;
            if !checks_bodies(session) || row.prosqlbody.is_some() {
                return Ok(());
            }
            let how = if polymorphic { Validation::Parse } else { Validation::Full };
            calls::within_settings(session, &row, || {
                sql_function::validate(session, &row, how).map_err(|error| {
                    let error = error.context(format!("SQL function \"{}\"", row.proname));
                    point_into_statement(error, &row.prosrc, sql)
                })
            })
        }
        other => {
            let language = language::of(session, other)?;
            if !checks_bodies(session) {
                return Ok(());
            }
            calls::within_settings(session, &row, || {
                language.validate(session, &row).map_err(|e| point_into_statement(e, &row.prosrc, sql))
            })
        }
    }
}

fn checks_bodies(session: &Session) -> bool {
    session.settings().get(settings::CHECK_FUNCTION_BODIES)
}

/// Whether pg_catalog has a function with this source name.
fn is_built_in(session: &Session, row: &PgProc) -> Result<bool> {
    if Registry::get().has_body(&row.prosrc) {
        return Ok(true);
    }
    let same_name = session.functions_by_name(&row.prosrc)?;
    let known = |f: &PgProc| f.prolang == INTERNAL_LANGUAGE && f.oid != row.oid && f.prosrc == row.prosrc;
    if same_name.iter().any(|f| known(f)) {
        return Ok(true);
    }
    Ok(session.scan_all::<PgProc>()?.iter().any(|f| known(f)))
}

/// There are no libraries to load: only what PostgreSQL itself would find missing is told in its words.
fn check_library(row: &PgProc) -> Result<()> {
    let file = row.probin.as_deref().unwrap_or_default();
    Err(err!(UNDEFINED_FILE, "could not access file \"{file}\": No such file or directory"))
}

/// Refuses pseudo-types that SQL functions cannot have. True if some of them are polymorphic.
fn check_types(session: &Session, row: &PgProc) -> Result<bool> {
    const RECORD: Oid = Oid(2249);
    const VOID: Oid = Oid(2278);
    let is_pseudo = |oid: Oid| Ok::<_, Error>(session.type_row(oid)?.typtype as u8 == b'p');
    if is_pseudo(row.prorettype)?
        && !matches!(row.prorettype, RECORD | VOID)
        && !stands_for_any(row.prorettype)
    {
        let name = session.format_type(row.prorettype, None)?;
        return Err(err!(INVALID_FUNCTION_DEFINITION, "SQL functions cannot return type {name}"));
    }
    let mut polymorphic = false;
    for oid in &row.proargtypes {
        if !is_pseudo(*oid)? {
            continue;
        }
        if !stands_for_any(*oid) {
            let name = session.format_type(*oid, None)?;
            return Err(err!(
                INVALID_FUNCTION_DEFINITION,
                "SQL functions cannot have arguments of type {name}"
            ));
        }
        polymorphic = true;
    }
    Ok(polymorphic)
}

/// Whether a type is polymorphic.
pub(super) fn stands_for_any(oid: Oid) -> bool {
    matches!(oid.0, 2283 | 2277 | 2776 | 3500 | 3831 | 4537 | 5077..=5080 | 4538)
}

/// Where the body stands in the statement, if it can be told: in dollar quotes, or in quotes without escapes.
fn body_in(source: &str, sql: &str) -> Option<usize> {
    let mut found = None;
    for (at, _) in sql.match_indices(source) {
        let before = sql.as_bytes()[..at].last().copied();
        let after = sql.as_bytes().get(at + source.len()).copied();
        if matches!((before, after), (Some(b'$'), Some(b'$')) | (Some(b'\''), Some(b'\''))) {
            if found.is_some() {
                return None;
            }
            found = Some(at);
        }
    }
    found
}

/// An error in the body, told as one in the statement that the client sent.
pub(super) fn point_into_statement(mut error: Error, source: &str, sql: &str) -> Error {
    let data = error.data_mut();
    if data.internal_query.as_deref() != Some(source) {
        return error;
    }
    let found = match body_in(source, sql) {
        Some(start) => Some((start, 0)),
        // In plain quotes, those within are doubled.
        None => body_in(&source.replace('\'', "''"), sql).map(|start| {
            let before = &source[..data.internal_position.unwrap_or(0).min(source.len())];
            (start, before.matches('\'').count())
        }),
    };
    if let (Some(position), Some((start, quotes))) = (data.internal_position, found) {
        data.position = Some(start + position + quotes);
        data.internal_position = None;
        data.internal_query = None;
    }
    error
}
