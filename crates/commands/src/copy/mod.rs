//! COPY. See README.md.

mod batch;
mod columns;
mod context;
mod convert;
pub(crate) mod expressions;
mod fields;
mod files;
mod from;
mod insert;
mod lines;
mod options;
mod plain;
mod read;
mod scan;
mod to;
mod write;

use crate::{Invocation, Outcome};
use base::Result;
use syntax::{Copy, CopySource};

/// COPY, in all its directions.
///
/// # Errors
/// PostgreSQL's; errors of rows carry their line as CONTEXT.
pub fn run(invocation: &mut Invocation<'_>, copy: &Copy) -> Result<Outcome> {
    files::check_role(invocation.session, &copy.target, copy.from)?;
    let sql = invocation.sql;
    let rows = match (&copy.source, copy.from) {
        (CopySource::Relation { relation, columns }, true) => from::run(invocation, copy, relation, columns)?,
        (CopySource::Relation { relation, columns }, false) => {
            to::relation(invocation, copy, relation, columns)?
        }
        (CopySource::Query { query, .. }, _) => to::query(invocation, copy, query, sql)?,
    };
    Ok(Outcome::Tag(format!("COPY {rows}")))
}
