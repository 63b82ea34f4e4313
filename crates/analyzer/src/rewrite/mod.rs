//! Rewriting: views become subqueries, INSERT and UPDATE get their defaults.

mod target;
mod updatable;
mod view;

pub use updatable::{Updatable, updatable, why_not_updatable};
pub use view::view_query;

use base::{Result, bail};
use catalog::Session;
use ir::{CommandType, Query};

/// How deep views may nest.
const MAX_VIEW_DEPTH: usize = 200;

/// The query as it is planned: one, as rules other than views' are refused.
///
/// # Errors
/// `0A000` for rules, row security and views that cannot be changed; `428C9` for values of generated columns.
pub fn rewrite(session: &Session, mut query: Query) -> Result<Vec<Query>> {
    rewrite_query(session, &mut query, 0)?;
    Ok(vec![query])
}

fn rewrite_query(session: &Session, query: &mut Query, depth: usize) -> Result<()> {
    if depth > MAX_VIEW_DEPTH {
        bail!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    }
    if query.command != CommandType::Select && query.command != CommandType::Utility {
        target::rewrite_target(session, query, 0)?;
    }
    view::expand(session, query, depth)
}
