//! Expressions as catalogs store them: defaults, checks, index expressions and predicates.

use base::Result;
use catalog::Session;
use ir::Expr;

/// The expression of a pg_node_tree.
///
/// # Errors
/// `XX001` when the text is none.
pub fn expression(session: &Session, text: &str) -> Result<Expr> {
    ir::text::read_expr(text, &|oid| session.type_layout(oid))
}

/// The expressions of a pg_node_tree that holds a list.
///
/// # Errors
/// `XX001` when the text is none.
pub fn list(session: &Session, text: &str) -> Result<Vec<Expr>> {
    ir::text::read_expr_list(text, &|oid| session.type_layout(oid))
}
