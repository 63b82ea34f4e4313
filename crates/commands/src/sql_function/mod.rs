//! Functions in language SQL: their statements analysed and planned once per session, run in order, and what the last
//! one returns.
//!
//! A function is kept with its statements' analysed forms for as long as its row in pg_proc is the same one; a statement
//! is analysed when it is first reached, and again when the catalogs have changed. A function that is not volatile
//! sees what its caller sees; a volatile one takes a snapshot at its first statement and sees its own changes after.

mod arguments;
mod body;
mod cache;
mod inline;
mod result;
mod run;

pub(crate) use arguments::Arguments;
pub(crate) use body::{Validation, is_plannable, validate};
pub(crate) use inline::{expression as inline_expression, query as inline_query};
pub(crate) use run::{call, call_set};
