//! Trees in PostgreSQL's stored text form (pg_node_tree): what pg_rewrite.ev_action, pg_attrdef.adbin,
//! pg_constraint.conbin and pg_index.indexprs hold. Field for field that of version 18; locations are stored as -1.
//!
//! ```text
//! node    = "{" NAME (":" field value)* "}"
//! list    = "(" node* ")" | "(o" oid* ")" | "(i" int* ")" | "(b" int* ")"     -- b: a bitmap set
//! value   = node | list | token | "<>" | LENGTH "[" byte* "]"                 -- <>: nothing; bytes: a datum
//! ```
//! Tokens escape white space, brackets and the backslash by a backslash.

mod expr_reader;
mod expr_writer;
mod query_reader;
mod query_writer;
mod token;

#[cfg(test)]
mod tests;

use crate::{Expr, Query};
use base::{Oid, Result};
use datum::TypeLayout;
use expr_reader::Reader;
use expr_writer::Writer;
use token::{Node, parse};

/// How types lie in memory: constants are stored as their bytes.
pub type Layouts<'l> = dyn Fn(Oid) -> Result<TypeLayout> + 'l;

/// One stored expression.
///
/// # Errors
/// `XX001` when the text is not one; `0A000` for nodes that are not known.
pub fn read_expr(text: &str, layouts: &Layouts<'_>) -> Result<Expr> {
    Reader { layouts }.expr(&parse(text)?)
}

/// A stored list of expressions, as of an index or of a function's defaults.
///
/// # Errors
/// As [`read_expr`].
pub fn read_expr_list(text: &str, layouts: &Layouts<'_>) -> Result<Vec<Expr>> {
    Reader { layouts }.exprs(&parse(text)?)
}

/// A rule's action: a list of queries.
///
/// # Errors
/// As [`read_expr`].
pub fn read_rule(text: &str, layouts: &Layouts<'_>) -> Result<Vec<Query>> {
    let reader = Reader { layouts };
    match parse(text)? {
        Node::List(items) => items.iter().map(|n| reader.query(n)).collect(),
        Node::Null => Ok(Vec::new()),
        other => Ok(vec![reader.query(&other)?]),
    }
}

pub fn write_expr(expr: &Expr) -> String {
    let mut writer = Writer::default();
    writer.expr(expr);
    writer.text
}

pub fn write_expr_list(exprs: &[Expr]) -> String {
    let mut writer = Writer::default();
    writer.list(exprs, |w, e| w.expr(e));
    writer.text
}

pub fn write_rule(queries: &[Query]) -> String {
    let mut writer = Writer::default();
    writer.list(queries, |w, q| {
        w.query(q);
    });
    writer.text
}
