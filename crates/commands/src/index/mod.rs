//! Indexes: CREATE INDEX, the indexes behind constraints, filling them, REINDEX.

mod build;
mod concurrent;
mod copy;
mod create;
mod define;
mod element;
mod reindex;
mod replace;
mod source;

pub(crate) use build::{build, rebuild};
pub(crate) use concurrent::drop as drop_concurrently;
pub(crate) use copy::spec_of;
pub(crate) use create::{IndexConstraintSpec, IndexSpec, KeyColumn, create, create_empty_toast_index};
pub(crate) use define::{define, tablespace};
pub(crate) use element::{default_class, find_class, key_collation};
pub(crate) use reindex::{reindex, reindex_table};

use base::Oid;

/// The B-tree access method.
pub(crate) const BTREE: Oid = Oid(403);
/// Bits of pg_index.indoption.
pub(crate) const DESCENDING: i16 = 1;
pub(crate) const NULLS_FIRST: i16 = 2;
/// The most key and included columns of one index.
pub(crate) const MAX_COLUMNS: usize = 32;
