//! json and jsonb.

mod access;
mod aggregate;
mod build;
mod change;
mod encode;
mod io;
mod rows;

use crate::call::Function;

pub use aggregate::AGGREGATES;
pub use rows::SETS;

pub const FUNCTIONS: &[&[Function]] = &[
    access::FUNCTIONS,
    build::FUNCTIONS,
    build::VARIADIC,
    change::FUNCTIONS,
    io::FUNCTIONS,
    io::COMPARISONS,
];
