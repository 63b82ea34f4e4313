//! Sequences: CREATE, ALTER, their page and WAL record, nextval and its relatives.

mod define;
mod page;
mod parameters;
mod value;

pub use page::SequenceManager;
pub use value::{current_value, discard, last_value, next_value, set_value, stored_state, stored_value};

pub(crate) use define::{alter, change, create, create_owned, require_identity_type, restart};
