//! Expressions as catalogs store them: defaults, checks, index expressions and predicates.

use base::Result;
use catalog::Session;
use ir::Expr;

/// The expression of a pg_node_tree.
///
/// # Errors
/// `XX000` when the text is none.
pub fn expression(_session: &Session, text: &str) -> Result<Expr> {
    ir::text::read_expr(text)
}

/// The expressions of a pg_node_tree that holds a list.
///
/// # Errors
/// `XX000` when the text is none.
pub fn list(_session: &Session, text: &str) -> Result<Vec<Expr>> {
    ir::text::read_exprs(text)
}
