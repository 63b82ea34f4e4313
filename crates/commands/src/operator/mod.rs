//! Operators, the operator families that index methods know them by, and casts.

mod cast;
mod create;
mod family;
mod find;

pub(crate) use cast::{create as create_cast, drop_target as cast_target};
pub(crate) use create::{define, name_of, remove};
pub(crate) use family::alter as alter_family;
pub(crate) use find::{drop_target, function};
