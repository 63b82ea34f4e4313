//! Databases: CREATE, ALTER, DROP; their records in the log.

mod create;
mod drop;
mod record;

pub use record::{DatabaseManager, RelationMapManager};

pub(crate) use create::{alter, create};
pub(crate) use drop::drop;

use base::{Result, bail};
use catalog::{PgDatabase, Session, index};

/// A database's row by name.
///
/// # Errors
/// `3D000`.
pub(crate) fn find(session: &Session, name: &str) -> Result<(base::Tid, PgDatabase)> {
    let rows = session.find::<PgDatabase>(index::PG_DATABASE_DATNAME, &[name.into()])?;
    match rows.into_iter().next() {
        Some(found) => Ok(found),
        None => bail!(UNDEFINED_DATABASE, "database \"{name}\" does not exist"),
    }
}
