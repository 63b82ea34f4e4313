//! Every configuration parameter: one table, typed values, layers, transactions, and the configuration files.
//! See README.md.
#![forbid(unsafe_code)]

mod check;
pub mod conf;
pub mod hba;
pub mod ident;
pub mod list;
mod registry;
mod sample;
mod server;
mod session;
mod table;
mod units;
mod value;

pub use check::{Checks, NoChecks, date_style};
pub use registry::{Context, Definition, EnumType, Flags, Registry, Source};
pub use sample::{hba_sample, ident_sample, postgresql_sample};
pub use server::{Origin, Paths, Reloaded, ServerSettings, edit_auto_conf};
pub use session::{Assigner, Scope, SessionSettings};
pub use table::{Parameter, Typed};
pub use units::Unit;
pub use value::{Choice, Kind, Value, format_g, parse_bool};

include!(concat!(env!("OUT_DIR"), "/parameters.rs"));

#[cfg(test)]
mod tests;
