//! Commands that are not planned: DDL, COPY, VACUUM, ANALYZE, EXPLAIN, settings. See README.md.
#![forbid(unsafe_code)]

mod acl_object;
mod comment;
mod constraint;
mod create_table;
pub mod database;
mod dependency;
mod dispatch;
mod drop;
mod expression;
mod grant;
mod index;
pub mod input;
mod invocation;
mod lock_table;
mod name;
mod notice;
mod options;
pub mod output;
mod owner;
pub mod pipeline;
mod privilege;
mod query_dependency;
mod relation;
mod role;
mod routine;
mod schema;
pub mod sequence;
mod session_end;
mod settings;
mod shared_dependency;
mod temporary;
mod truncate;
mod view;

pub use dispatch::execute;
pub use invocation::{Client, Invocation, Outcome};
pub use session_end::{
    discard_sequences, discard_temporary, end_session, on_commit_actions, result_columns,
};
pub use settings::SettingChecks;
