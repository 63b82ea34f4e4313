//! Functions and procedures: making and changing them, and calling those that are not built in.

mod alter;
mod call;
mod calls;
mod create;
mod extension;
mod find;
mod language;
mod options;
mod parameters;
mod place;
mod stack;
mod store;
mod trigger;
mod validate;

pub(crate) use alter::alter;
pub use call::call_outputs;
pub(crate) use call::{call, call_columns, run_block};
pub(crate) use calls::RoutineCalls;
pub(crate) use create::create;
pub use extension::install_plpgsql;
pub(crate) use find::{find, find_if_any, word_of};
pub use language::{LANGUAGES, Language, Languages};
pub(crate) use place::{rename, set_schema};
pub(crate) use stack::check as check_stack;
pub(crate) use trigger::call_trigger;
