//! pg_ident.conf: maps from the names of an operating system or certificate to database roles.

use crate::hba::{Matcher, Token, tokenize};
use base::{Error, Result, bail};
use std::path::Path;

/// One line: in map `map`, the system's user `system_user` may be `role`.
#[derive(Clone, Debug)]
pub struct IdentLine {
    pub map: String,
    pub system_user: Token,
    pub role: Token,
    pub line: u32,
}

/// Reads pg_ident.conf.
///
/// # Errors
/// All faulty lines.
pub fn read(path: &Path) -> std::result::Result<Vec<IdentLine>, Vec<Error>> {
    let mut errors = Vec::new();
    let mut lines = Vec::new();
    for line in tokenize(path, &mut errors) {
        let mut fields = line.fields.iter().map(|field| &field[..]);
        match (fields.next(), fields.next(), fields.next()) {
            (Some([map]), Some([system_user]), Some([role])) => lines.push(IdentLine {
                map: map.text.clone(),
                system_user: system_user.clone(),
                role: role.clone(),
                line: line.number,
            }),
            (Some(_), Some(_), Some(_)) => errors.push(line.error("multiple values in ident field")),
            _ => errors.push(line.error("missing entry at end of line")),
        }
    }
    if errors.is_empty() { Ok(lines) } else { Err(errors) }
}

/// Whether `system_user` may log in as `role` under `map` (`None` or empty: the names must be equal).
///
/// # Errors
/// Those of the regular expression, and a `\1` without a group.
pub fn permits(
    lines: &[IdentLine],
    map: Option<&str>,
    system_user: &str,
    role: &str,
    matcher: &dyn Matcher,
) -> Result<bool> {
    let Some(map) = map.filter(|map| !map.is_empty()) else { return Ok(system_user == role) };
    for line in lines.iter().filter(|line| line.map == map) {
        let wanted = match line.system_user.regex() {
            None if line.system_user.text == system_user => line.role.text.clone(),
            None => continue,
            Some(pattern) => match matcher.captures(pattern, system_user)? {
                None => continue,
                Some(groups) if line.role.text.contains("\\1") => {
                    match groups.first().and_then(|g| g.as_ref()) {
                        Some(group) => line.role.text.replacen("\\1", group, 1),
                        None => bail!(
                            INVALID_REGULAR_EXPRESSION,
                            "regular expression \"{pattern}\" has no subexpressions as requested by backreference in \"{}\"",
                            line.role.text
                        ),
                    }
                }
                Some(_) => line.role.text.clone(),
            },
        };
        let permitted = match line.role.regex() {
            Some(pattern) if line.system_user.regex().is_none() => matcher.captures(pattern, role)?.is_some(),
            _ if line.role.is_keyword("all") => true,
            _ => match wanted.strip_prefix('+').filter(|_| !line.role.quoted) {
                Some(group) => matcher.is_member(role, group),
                None => wanted == role,
            },
        };
        if permitted {
            return Ok(true);
        }
    }
    Ok(false)
}
