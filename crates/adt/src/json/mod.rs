//! JSON as text ([`parse`], [`text`]) and in PostgreSQL's binary form ([`jsonb`]).
//!
//! Nothing here recurses over the input without a bound: the parser keeps its own stack and refuses documents that
//! nest deeper than [`MAX_DEPTH`] with `54001`.

mod edit;
pub mod jsonb;
mod lex;
mod parse;
mod render;
pub mod text;

#[cfg(test)]
mod tests;

pub use edit::{concat, delete_at, delete_keys, delete_path, insert, set, strip_nulls};
pub use jsonb::{Container, Item, Jsonb, Node};
pub use parse::{Event, Parser, validate};
pub use render::{pretty, to_text};
pub use text::{children, escape_json, get_path, number_is_json, type_of};

use base::{Error, err};

/// Deepest nesting of arrays and objects.
pub const MAX_DEPTH: usize = 6400;
/// Deepest nesting for containment and edits, which recurse: a frame of the machine's stack for each level.
pub const MAX_RECURSION: usize = 500;

pub(crate) fn too_deep() -> Error {
    err!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded").hint(
        "Increase the configuration parameter \"max_stack_depth\" (currently 2048kB), after ensuring the platform's stack depth limit is adequate.",
    )
}
