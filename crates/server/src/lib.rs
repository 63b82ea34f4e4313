//! The server: sessions, authentication, TLS, the log and the command line. See README.md.
#![forbid(unsafe_code)]

pub mod auth;
pub mod command;
pub mod engine;
pub mod interrupt;
mod listener;
mod lockfile;
pub mod log;
pub mod scheduler;
pub mod server;
pub mod session;
mod tls;

/// The version of PostgreSQL whose behaviour this is.
pub const VERSION: &str = "18.6";
/// The major version, as in PG_VERSION.
pub const MAJOR_VERSION: &str = "18";
/// What `select version()` and the log say.
pub const VERSION_LONG: &str = concat!("PostgreSQL 18.6 (Ferrodon ", env!("CARGO_PKG_VERSION"), "), 64-bit");
