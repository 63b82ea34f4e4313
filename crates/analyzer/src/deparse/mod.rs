//! Expressions and queries as PostgreSQL prints them: pg_get_expr, pg_get_indexdef, pg_get_viewdef, EXPLAIN.

mod call;
mod constant;
mod expr;
mod query;

use base::{Oid, Result};
use catalog::Session;
use datum::OwnedDatum;
use ir::{Expr, Query, RangeTableEntry, Var};

/// The output functions of types; implemented above, where functions are.
pub trait ConstantOutput {
    /// # Errors
    /// What the output function fails with.
    fn output(&self, session: &Session, type_oid: Oid, value: &OwnedDatum) -> Result<String>;
}

/// What variables are called where the expression stands: columns of a table, of a plan's child.
pub trait VarNames {
    /// The variable's text, quoted and qualified as needed.
    ///
    /// # Errors
    /// When there is no such variable.
    fn var(&self, var: &Var) -> Result<String>;
}

/// Columns of one relation, unqualified: for defaults, constraints, indexes.
pub struct RelationColumns<'r>(pub &'r datum::TupleDesc);

impl VarNames for RelationColumns<'_> {
    fn var(&self, var: &Var) -> Result<String> {
        Ok(match var.attribute {
            0 => "*".to_owned(),
            n if n > 0 => quote_identifier(
                self.0.attributes().get(n as usize - 1).map(|a| a.name.as_str()).unwrap_or("???"),
            ),
            n => system_name(n).to_owned(),
        })
    }
}

pub(crate) fn system_name(attribute: i16) -> &'static str {
    match attribute {
        -1 => "ctid",
        -2 => "xmin",
        -3 => "cmin",
        -4 => "xmax",
        -5 => "cmax",
        _ => "tableoid",
    }
}

/// One query level's names.
struct Level {
    table: Vec<RangeTableEntry>,
    /// Name of each range table entry; empty where it cannot be named.
    names: Vec<String>,
    /// Whether columns are shown with their table.
    qualified: bool,
}

/// Printing in progress.
pub(crate) struct Printer<'p> {
    session: &'p Session,
    output: &'p dyn ConstantOutput,
    names: Option<&'p dyn VarNames>,
    levels: Vec<Level>,
    /// The target list and windows of the query whose expressions are printed, for OVER.
    windows: Vec<Vec<(ir::WindowClause, Vec<ir::TargetEntry>)>>,
    text: String,
    indent: usize,
    depth: usize,
    /// Implicit casts at the top of the next expression are left out.
    hide_implicit: bool,
}

/// An expression as text, fully parenthesised.
///
/// # Errors
/// `XX000` for trees that refer to what is not there; `54001` for trees too deep.
pub fn deparse_expr(
    session: &Session,
    output: &dyn ConstantOutput,
    expr: &Expr,
    names: &dyn VarNames,
) -> Result<String> {
    let mut printer = Printer::new(session, output, Some(names));
    printer.plain(expr)?;
    Ok(printer.text)
}

/// A query as pg_get_viewdef shows it, without the semicolon.
///
/// # Errors
/// As [`deparse_expr`]; `0A000` for statements that are not printed yet.
pub fn deparse_query(session: &Session, output: &dyn ConstantOutput, query: &Query) -> Result<String> {
    let mut printer = Printer::new(session, output, None);
    printer.query(query, None)?;
    Ok(printer.text)
}

impl<'p> Printer<'p> {
    fn new(
        session: &'p Session,
        output: &'p dyn ConstantOutput,
        names: Option<&'p dyn VarNames>,
    ) -> Printer<'p> {
        Printer {
            session,
            output,
            names,
            levels: Vec::new(),
            windows: Vec::new(),
            text: String::new(),
            indent: 0,
            depth: 0,
            hide_implicit: false,
        }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// A relation's name, with its schema where the search path does not show it.
    fn relation_name(&self, oid: Oid) -> Result<String> {
        let Some(entry) = self.session.relation(oid)? else { return Ok(oid.to_string()) };
        let name = quote_identifier(&entry.class.relname);
        if self.session.is_visible_relation(oid)? {
            return Ok(name);
        }
        let schema = self.session.namespace_name(entry.class.relnamespace)?;
        Ok(format!("{}.{name}", quote_identifier(&schema)))
    }

    fn type_text(&self, type_oid: Oid, typmod: i32) -> Result<String> {
        self.session.format_type(type_oid, Some(typmod))
    }

    fn collation_text(&self, collation: Oid) -> Result<String> {
        let row = self
            .session
            .row::<catalog::PgCollation>(catalog::index::PG_COLLATION_OID, &[collation.into()])?;
        let Some(row) = row else { return Ok(collation.to_string()) };
        let name = quote_identifier(&row.collname);
        if row.collnamespace == crate::types::PG_CATALOG
            || self.session.collation_by_name(None, &row.collname)? == Some(collation)
        {
            return Ok(name);
        }
        Ok(format!("{}.{name}", quote_identifier(&self.session.namespace_name(row.collnamespace)?)))
    }
}

/// A name as it must be written.
fn quote_identifier(name: &str) -> String {
    syntax::quote_identifier(name).into_owned()
}

/// A string literal, with E'' where it holds backslashes.
pub fn quote_literal(text: &str) -> String {
    let escaped = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", escaped.replace('\\', "\\\\")) } else { format!("'{escaped}'") }
}
