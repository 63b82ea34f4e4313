//! Commands that are not planned: DDL, COPY, VACUUM, ANALYZE, EXPLAIN, settings. See README.md.
#![forbid(unsafe_code)]

mod acl_object;
pub mod analyze;
mod comment;
mod constraint;
pub mod copy;
mod create_table;
pub mod database;
mod dependency;
mod dispatch;
mod drop;
mod execution;
pub mod explain;
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
pub mod statistics;
mod temporary;
mod truncate;
pub mod vacuum;
mod view;

pub use dispatch::execute;
pub use execution::OPTIONS as EXECUTION_OPTIONS;
pub use invocation::{Client, Invocation, Outcome};
pub use session_end::{
    discard_sequences, discard_temporary, end_session, on_commit_actions, result_columns,
};
pub use settings::SettingChecks;
