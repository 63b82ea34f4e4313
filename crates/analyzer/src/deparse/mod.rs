//! Expressions and queries as PostgreSQL prints them: pg_get_expr, pg_get_indexdef, pg_get_viewdef, EXPLAIN.

mod call;
mod constant;
mod expr;
mod from;
mod query;
mod simple;

pub(crate) use from::looks_like_function;

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

/// How much is written out, and where lines end.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Leaves out parentheses that precedence makes superfluous.
    pub pretty: bool,
    /// Clauses and CASE go over several lines.
    pub indent: bool,
    /// Where lists of a query's items are broken: 0 puts each on its own line; `None` never breaks.
    pub wrap: Option<usize>,
}

impl Style {
    /// On one line with all parentheses, as in EXPLAIN.
    pub const LINE: Style = Style { pretty: false, indent: false, wrap: Some(0) };
    /// What pg_get_*def functions answer.
    pub const DEFINITION: Style = Style { pretty: false, indent: true, wrap: Some(0) };
    /// What they answer when asked to be pretty.
    pub const PRETTY: Style = Style { pretty: true, indent: true, wrap: Some(0) };

    pub fn definition(pretty: bool) -> Style {
        if pretty { Style::PRETTY } else { Style::DEFINITION }
    }
}

/// One query level's names.
#[derive(Default)]
pub(crate) struct Level {
    table: Vec<RangeTableEntry>,
    /// Name of each range table entry; empty where it cannot be named.
    names: Vec<String>,
    /// Column names of each entry, as they are now.
    columns: Vec<Columns>,
    /// Whether columns are shown with their table.
    qualified: bool,
    /// Names and expressions of the output columns, which names in ORDER BY could be taken for.
    outputs: Vec<(String, Expr)>,
    ctes: Vec<String>,
}

/// What a range table entry's columns are called.
#[derive(Default)]
struct Columns {
    /// By attribute; empty for dropped ones.
    names: Vec<String>,
    /// Whether FROM must list them.
    listed: bool,
}

impl Level {
    /// A level with one relation's columns, for expressions stored with it.
    pub(crate) fn of_relations(relations: &[(&str, &catalog::RelationEntry)], qualified: bool) -> Level {
        let mut level = Level { qualified, ..Level::default() };
        for (name, relation) in relations {
            let names: Vec<String> = relation
                .desc()
                .attributes()
                .iter()
                .map(|a| if a.dropped { String::new() } else { a.name.clone() })
                .collect();
            level.table.push(RangeTableEntry {
                kind: ir::RangeTableKind::Relation {
                    oid: relation.oid(),
                    relkind: relation.kind(),
                    lock_mode: 1,
                    inherit: true,
                    permission: 0,
                    sample: None,
                },
                alias: None,
                eref: ir::Alias { name: (*name).to_owned(), columns: names.clone() },
                lateral: false,
                in_from: true,
                security_quals: Vec::new(),
            });
            level.names.push((*name).to_owned());
            level.columns.push(Columns { names, listed: false });
        }
        level
    }
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
    style: Style,
    indent: isize,
    depth: usize,
    /// Implicit casts at the top of the next expression are left out.
    hide_implicit: bool,
    /// Columns named like an output column are qualified.
    in_order_by: bool,
    /// In a function's body: what parameters are called.
    parameters: Option<&'p ParameterTexts>,
}

/// What the parameters of a function are called in its body.
pub(crate) struct ParameterTexts {
    pub function: String,
    /// Of inputs, in order; "" where they have none.
    pub names: Vec<String>,
}

/// An expression as text on one line, fully parenthesised.
///
/// # Errors
/// `XX000` for trees that refer to what is not there; `54001` for trees too deep.
pub fn deparse_expr(
    session: &Session,
    output: &dyn ConstantOutput,
    expr: &Expr,
    names: &dyn VarNames,
) -> Result<String> {
    let mut printer = Printer::new(session, output, Style::LINE);
    printer.names = Some(names);
    printer.plain(expr)?;
    Ok(printer.text)
}

/// A query as pg_get_viewdef shows it, without the semicolon. `columns`: what its output columns are called from outside.
///
/// # Errors
/// As [`deparse_expr`]; `0A000` for statements that are not printed yet.
pub fn deparse_query(
    session: &Session,
    output: &dyn ConstantOutput,
    query: &Query,
    columns: Option<&[String]>,
    style: Style,
) -> Result<String> {
    let mut printer = Printer::new(session, output, style);
    printer.query(query, columns, true)?;
    Ok(printer.text)
}

/// A statement of a function's body, from an indentation of one on.
///
/// # Errors
/// As [`deparse_query`].
pub(crate) fn deparse_body(
    session: &Session,
    output: &dyn ConstantOutput,
    query: &Query,
    parameters: &ParameterTexts,
    style: Style,
    indent: isize,
) -> Result<String> {
    let mut printer = Printer::new(session, output, style);
    printer.parameters = Some(parameters);
    printer.indent = indent;
    if query.is_return
        && let Some(target) = query.target_list.first()
    {
        printer.push("RETURN ");
        printer.plain(&target.expr)?;
    } else {
        printer.query(query, None, false)?;
    }
    Ok(printer.text)
}

/// An expression over the relations of `level`, or over none.
pub(crate) fn deparse_at(
    session: &Session,
    output: &dyn ConstantOutput,
    expr: &Expr,
    level: Option<Level>,
    style: Style,
) -> Result<String> {
    let mut printer = Printer::new(session, output, style);
    printer.levels.extend(level);
    printer.plain(expr)?;
    Ok(printer.text)
}

/// A rule's condition, whose variables are those of its action.
pub(crate) fn deparse_query_in(
    session: &Session,
    output: &dyn ConstantOutput,
    expr: &Expr,
    query: &Query,
    style: Style,
) -> Result<String> {
    let mut printer = Printer::new(session, output, style);
    let level = printer.level_of(query, None)?;
    printer.levels.push(level);
    printer.plain(expr)?;
    Ok(printer.text)
}

impl<'p> Printer<'p> {
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    pub(crate) fn new(session: &'p Session, output: &'p dyn ConstantOutput, style: Style) -> Printer<'p> {
        Printer {
            session,
            output,
            names: None,
            levels: Vec::new(),
            windows: Vec::new(),
            text: String::new(),
            style,
            indent: 0,
            depth: 0,
            hide_implicit: false,
            in_order_by: false,
            parameters: None,
        }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// A parenthesis that pretty printing leaves out.
    fn paren(&mut self, paren: &str) {
        if !self.style.pretty {
            self.push(paren);
        }
    }

    /// A key word that begins a line: the indentation changes by `before` for it and by `after` for what follows.
    fn keyword(&mut self, word: &str, before: isize, after: isize, plus: isize) {
        const LIMIT: isize = 40;
        if self.style.indent {
            self.indent += before;
            while self.text.ends_with(' ') {
                self.text.pop();
            }
            let amount = if self.indent < LIMIT {
                self.indent.max(0)
            } else {
                (LIMIT + (self.indent - LIMIT) / 4) % LIMIT
            };
            self.text.push('\n');
            self.text.push_str(&" ".repeat((amount + plus) as usize));
            self.indent = (self.indent + after).max(0);
        }
        self.push(word);
    }

    /// A relation's name, with its schema where the search path does not show it.
    pub(crate) fn relation_name(&self, oid: Oid) -> Result<String> {
        let Some(entry) = self.session.relation(oid)? else { return Ok(oid.to_string()) };
        let name = quote_identifier(&entry.class.relname);
        let hidden = self.levels.iter().any(|l| l.ctes.contains(&entry.class.relname));
        if !hidden && self.session.is_visible_relation(oid)? {
            return Ok(name);
        }
        let schema = self.session.namespace_name(entry.class.relnamespace)?;
        Ok(format!("{}.{name}", quote_identifier(&schema)))
    }

    pub(crate) fn type_text(&self, type_oid: Oid, typmod: i32) -> Result<String> {
        self.session.format_type(type_oid, Some(typmod))
    }

    pub(crate) fn collation_text(&self, collation: Oid) -> Result<String> {
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
pub(crate) fn quote_identifier(name: &str) -> String {
    syntax::quote_identifier(name).into_owned()
}

/// A string literal, for standard_conforming_strings.
pub fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
