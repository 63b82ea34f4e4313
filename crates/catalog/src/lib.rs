//! The system catalogs: rows, bootstrap, caches, names. See README.md.
#![forbid(unsafe_code)]

mod access;
pub mod acl;
pub mod bootstrap;
mod cache;
pub mod composite;
mod depend;
mod describe;
pub mod element;
mod entry;
mod enum_order;
pub mod facts;
mod field;
mod format_type;
mod identity;
pub mod index;
mod inheritance;
pub mod missing;
mod names;
mod oids;
pub mod order;
mod record_types;
pub mod relmap;
mod result_columns;
mod roles;
mod rows;
mod session;
mod structured_order;
pub mod template;
mod types;
mod uncommitted;

pub use access::{DEFAULT_TABLESPACE, GLOBAL_TABLESPACE, as_datums};
pub use cache::{CatalogCache, Changes, Epoch};
pub use depend::DependencyKind;
pub use describe::{ObjectAddress, relation_kind};
pub use entry::{IndexEntry, RelationEntry, option};
pub use enum_order::{EnumOrder, EnumOrders};
pub use field::{Field, Payload};
pub use lock::LockMode;
pub use names::PG_CATALOG;
pub use record_types::RecordTypes;
pub use rows::*;
pub use session::{CatalogVersion, Instance, Session, SessionStart, Users};
pub use syntax::quote_identifier;
