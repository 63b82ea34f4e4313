//! The values of PostgreSQL's built-in types: text, binary and stored forms, comparison, arithmetic, hashing.
//! Pure code: no catalogs, no sessions. See README.md.
#![forbid(unsafe_code)]

pub mod array;
pub mod boolean;
pub mod bytea;
pub mod datetime;
pub mod encoding;
pub mod float;
pub mod format;
pub mod hash;
pub mod integer;
pub mod json;
pub mod like;
pub mod multivariate;
pub mod name;
pub mod numeric;
pub mod pglz;
pub mod plain;
pub mod regex;
pub mod scram;
pub mod text;
pub mod uuid;
