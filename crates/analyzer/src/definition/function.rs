//! pg_get_functiondef and its parts.

use super::Definitions;
use crate::deparse::{ParameterTexts, Style, deparse_body, quote_identifier, quote_literal};
use base::{Oid, Result, err};
use catalog::{PgAggregate, PgLanguage, PgProc};
use ir::Expr;
use std::sync::Arc;

const INTERNAL_LANGUAGE: Oid = Oid(12);
const C_LANGUAGE: Oid = Oid(13);
const SQL_LANGUAGE: Oid = Oid(14);

/// Which arguments are listed.
#[derive(Clone, Copy, PartialEq)]
enum Listed {
    Arguments,
    /// The columns of RETURNS TABLE.
    TableColumns,
}

/// One argument in the order of declaration.
struct Argument<'p> {
    name: &'p str,
    type_oid: Oid,
    /// proargmodes: i, o, b, v or t.
    mode: u8,
}

impl Argument<'_> {
    fn is_input(&self) -> bool {
        matches!(self.mode, b'i' | b'b' | b'v')
    }
}

fn arguments(row: &PgProc) -> Vec<Argument<'_>> {
    let types = row.proallargtypes.as_ref().unwrap_or(&row.proargtypes);
    let name = |i: usize| row.proargnames.as_ref().and_then(|n| n.get(i)).map_or("", String::as_str);
    let mode = |i: usize| row.proargmodes.as_ref().and_then(|m| m.get(i)).map_or(b'i', |m| *m as u8);
    types
        .iter()
        .enumerate()
        .map(|(i, type_oid)| Argument { name: name(i), type_oid: *type_oid, mode: mode(i) })
        .collect()
}

impl Definitions<'_> {
    fn function_row(&self, oid: Oid) -> Result<Option<Arc<PgProc>>> {
        self.session.row::<PgProc>(catalog::index::PG_PROC_OID, &[oid.into()])
    }

    /// pg_get_function_arguments: with names, modes and defaults.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn function_arguments(&self, oid: Oid) -> Result<Option<String>> {
        let Some(row) = self.function_row(oid)? else { return Ok(None) };
        self.argument_list(&row, Listed::Arguments, true).map(Some)
    }

    /// pg_get_function_identity_arguments: what ALTER FUNCTION takes.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn function_identity_arguments(&self, oid: Oid) -> Result<Option<String>> {
        let Some(row) = self.function_row(oid)? else { return Ok(None) };
        self.argument_list(&row, Listed::Arguments, false).map(Some)
    }

    /// pg_get_function_result; `None` for procedures.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn function_result(&self, oid: Oid) -> Result<Option<String>> {
        let Some(row) = self.function_row(oid)? else { return Ok(None) };
        if row.prokind as u8 == b'p' {
            return Ok(None);
        }
        self.result_text(&row).map(Some)
    }

    /// pg_get_function_arg_default: of argument `number`, from 1.
    ///
    /// # Errors
    /// What reading the catalogs fails with.
    pub fn function_argument_default(&self, oid: Oid, number: i32) -> Result<Option<String>> {
        let Some(row) = self.function_row(oid)? else { return Ok(None) };
        let arguments = arguments(&row);
        let Some(at) = usize::try_from(number).ok().and_then(|n| n.checked_sub(1)) else { return Ok(None) };
        if !arguments.get(at).is_some_and(Argument::is_input) {
            return Ok(None);
        }
        let inputs_before = arguments[..at].iter().filter(|a| a.is_input()).count();
        let first = (row.pronargs - row.pronargdefaults).max(0) as usize;
        let Some(default) = inputs_before.checked_sub(first) else { return Ok(None) };
        match self.defaults(&row)?.get(default) {
            Some(expr) => self.print(expr, None, Style::LINE).map(Some),
            None => Ok(None),
        }
    }

    fn defaults(&self, row: &PgProc) -> Result<Vec<Expr>> {
        row.proargdefaults.as_deref().map_or(Ok(Vec::new()), |text| self.read_list(text))
    }

    fn argument_list(&self, row: &PgProc, listed: Listed, with_defaults: bool) -> Result<String> {
        let arguments = arguments(row);
        let defaults = if with_defaults { self.defaults(row)? } else { Vec::new() };
        let inputs = arguments.iter().filter(|a| a.is_input()).count();
        let without = inputs.saturating_sub(defaults.len());
        let order_by = self.ordered_arguments(row)?;
        let mut text = String::new();
        let mut printed = 0;
        let mut input = 0;
        for (i, argument) in arguments.iter().enumerate() {
            let default = argument.is_input().then(|| {
                input += 1;
                (input > without).then(|| defaults.get(input - without - 1)).flatten()
            });
            if (listed == Listed::TableColumns) != (argument.mode == b't') {
                continue;
            }
            // The arguments of an ordered-set aggregate are direct ones and those that are ordered; a variadic one at
            // the end is both.
            let last_twice = order_by == Some(printed + 1) && i + 1 == arguments.len();
            if order_by == Some(printed) {
                text.push_str(if printed > 0 { " ORDER BY " } else { "ORDER BY " });
            } else if printed > 0 {
                text.push_str(", ");
            }
            let one = self.argument(row, argument)?;
            text.push_str(&one);
            if let Some(Some(default)) = default {
                text.push_str(&format!(" DEFAULT {}", self.print(default, None, Style::LINE)?));
            }
            printed += 1;
            if last_twice {
                text.push_str(&format!(" ORDER BY {one}"));
            }
        }
        Ok(text)
    }

    fn argument(&self, row: &PgProc, argument: &Argument<'_>) -> Result<String> {
        let mode = match argument.mode {
            b'i' if row.prokind as u8 == b'p' => "IN ",
            b'b' => "INOUT ",
            b'o' => "OUT ",
            b'v' => "VARIADIC ",
            _ => "",
        };
        let name = match argument.name {
            "" => String::new(),
            name => quote_identifier(name) + " ",
        };
        Ok(format!("{mode}{name}{}", self.session.format_type(argument.type_oid, None)?))
    }

    /// How many direct arguments an ordered-set aggregate has.
    fn ordered_arguments(&self, row: &PgProc) -> Result<Option<usize>> {
        if row.prokind as u8 != b'a' {
            return Ok(None);
        }
        let aggregate =
            self.session.row::<PgAggregate>(catalog::index::PG_AGGREGATE_FNOID, &[row.oid.into()])?;
        Ok(aggregate.filter(|a| a.aggkind as u8 != b'n').map(|a| a.aggnumdirectargs.max(0) as usize))
    }

    fn result_text(&self, row: &PgProc) -> Result<String> {
        if row.proretset {
            let columns = self.argument_list(row, Listed::TableColumns, false)?;
            if !columns.is_empty() {
                return Ok(format!("TABLE({columns})"));
            }
        }
        let name = self.session.format_type(row.prorettype, None)?;
        Ok(if row.proretset { format!("SETOF {name}") } else { name })
    }

    /// pg_get_functiondef: the CREATE OR REPLACE command.
    ///
    /// # Errors
    /// `42809` for aggregates; `0A000` for functions with a parsed SQL body.
    pub fn function(&self, oid: Oid) -> Result<Option<String>> {
        let Some(row) = self.function_row(oid)? else { return Ok(None) };
        let name = &row.proname;
        if row.prokind as u8 == b'a' {
            return Err(err!(WRONG_OBJECT_TYPE, "\"{name}\" is an aggregate function"));
        }
        let procedure = row.prokind as u8 == b'p';
        let mut text = format!(
            "CREATE OR REPLACE {} {}({})\n",
            if procedure { "PROCEDURE" } else { "FUNCTION" },
            self.qualified(row.pronamespace, name)?,
            self.argument_list(&row, Listed::Arguments, true)?
        );
        if !procedure {
            text.push_str(&format!(" RETURNS {}\n", self.result_text(&row)?));
        }
        if let Some(types) = &row.protrftypes {
            let names: Result<Vec<String>> = types
                .iter()
                .map(|t| Ok(format!("FOR TYPE {}", self.session.format_type(*t, None)?)))
                .collect();
            text.push_str(&format!(" TRANSFORM {}\n", names?.join(", ")));
        }
        let language = self
            .session
            .row::<PgLanguage>(catalog::index::PG_LANGUAGE_OID, &[row.prolang.into()])?
            .ok_or_else(|| err!(INTERNAL_ERROR, "cache lookup failed for language {}", row.prolang))?;
        text.push_str(&format!(" LANGUAGE {}\n", quote_identifier(&language.lanname)));
        let properties = self.properties(&row)?;
        if !properties.is_empty() {
            text.push_str(&(properties + "\n"));
        }
        for setting in row.proconfig.iter().flatten() {
            let Some((name, value)) = setting.split_once('=') else { continue };
            // Lists are kept quoted, item by item.
            let list = matches!(
                name.to_ascii_lowercase().as_str(),
                "search_path"
                    | "temp_tablespaces"
                    | "session_preload_libraries"
                    | "shared_preload_libraries"
                    | "local_preload_libraries"
                    | "unix_socket_directories"
            );
            let value = match list {
                true => list_items(value).iter().map(|v| quote_literal(v)).collect::<Vec<_>>().join(", "),
                false => quote_literal(value),
            };
            text.push_str(&format!(" SET {} TO {value}\n", quote_identifier(name)));
        }
        text.push_str(&self.body(&row, procedure)?);
        text.push('\n');
        Ok(Some(text))
    }

    /// pg_get_function_sqlbody: of functions that keep their body parsed.
    ///
    /// # Errors
    /// `0A000` for statements that are not printed yet.
    pub fn function_body(&self, oid: Oid) -> Result<Option<String>> {
        let Some(row) = self.function_row(oid)? else { return Ok(None) };
        match &row.prosqlbody {
            Some(text) => self.sql_body(&row, text).map(Some),
            None => Ok(None),
        }
    }

    /// A parsed body: `RETURN expression` or `BEGIN ATOMIC ... END`.
    fn sql_body(&self, row: &PgProc, stored: &str) -> Result<String> {
        let inputs = arguments(row).into_iter().filter(Argument::is_input);
        let names = inputs.map(|a| a.name.to_owned()).collect();
        let parameters = ParameterTexts { function: row.proname.clone(), names };
        let layouts = |oid| self.session.type_layout(oid);
        let print = |query: &ir::Query, style: Style, indent: isize| {
            deparse_body(self.session, self.output, query, &parameters, style, indent)
        };
        let Some(list) = stored.strip_prefix('(').and_then(|t| t.strip_suffix(')')) else {
            let queries = ir::text::read_rule(&format!("({stored})"), &layouts)?;
            let Some(query) = queries.first() else { return Ok(String::new()) };
            return print(query, Style { wrap: Some(0), ..Style::DEFINITION }, 0);
        };
        let mut text = "BEGIN ATOMIC\n".to_owned();
        if list != "<>" {
            for query in ir::text::read_rule(list, &layouts)? {
                text.push_str(&print(&query, Style::DEFINITION, 1)?);
                text.push_str(";\n");
            }
        }
        text.push_str("END");
        Ok(text)
    }

    fn body(&self, row: &PgProc, procedure: bool) -> Result<String> {
        if row.prolang == SQL_LANGUAGE && row.prosqlbody.is_some() {
            return self.sql_body(row, row.prosqlbody.as_deref().unwrap_or_default());
        }
        let file = row.probin.as_ref().map_or_else(String::new, |file| quote_literal(file) + ", ");
        let mut quote = format!("${}", if procedure { "procedure" } else { "function" });
        while row.prosrc.contains(&quote) {
            quote.push('x');
        }
        Ok(format!("AS {file}{quote}${}{quote}$", row.prosrc))
    }

    /// Volatility, parallel safety, cost and so on where they are not the defaults.
    fn properties(&self, row: &PgProc) -> Result<String> {
        let mut text = String::new();
        if row.prokind as u8 == b'w' {
            text.push_str(" WINDOW");
        }
        text.push_str(match row.provolatile as u8 {
            b'i' => " IMMUTABLE",
            b's' => " STABLE",
            _ => "",
        });
        text.push_str(match row.proparallel as u8 {
            b's' => " PARALLEL SAFE",
            b'r' => " PARALLEL RESTRICTED",
            _ => "",
        });
        for (holds, word) in [
            (row.proisstrict, " STRICT"),
            (row.prosecdef, " SECURITY DEFINER"),
            (row.proleakproof, " LEAKPROOF"),
        ] {
            text.push_str(if holds { word } else { "" });
        }
        let usual = if matches!(row.prolang, INTERNAL_LANGUAGE | C_LANGUAGE) { 1.0 } else { 100.0 };
        if row.procost != usual {
            text.push_str(&format!(" COST {}", general(row.procost)));
        }
        if row.prorows > 0.0 && row.prorows != 1000.0 {
            text.push_str(&format!(" ROWS {}", general(row.prorows)));
        }
        if row.prosupport.is_valid() {
            text.push_str(&format!(" SUPPORT {}", self.printer().function_name(row.prosupport)?));
        }
        Ok(text)
    }
}

/// The items of a list setting, without their quotes.
fn list_items(value: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut item = String::new();
    let mut quoted = false;
    let mut characters = value.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                item.push('"');
                characters.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => items.push(std::mem::take(&mut item).trim().to_owned()),
            c => item.push(c),
        }
    }
    items.push(item.trim().to_owned());
    items
}

/// A number with six significant digits, as C's `%g` writes it.
fn general(value: f32) -> String {
    let value = f64::from(value);
    let scientific = format!("{value:.5e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    if (-4..6).contains(&exponent) {
        return trim(&format!("{value:.*}", (5 - exponent) as usize));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim(mantissa), exponent.abs())
}
