//! Statements.

mod cte;
mod insert;
mod locking;
mod merge;
mod modify;
mod select;
mod setop;
pub(crate) mod view;
