//! json and jsonb.

mod access;
mod aggregate;
mod build;
mod change;
mod encode;
mod io;
mod populate;
mod rows;

use crate::call::Function;
use crate::set::SetFunction;

pub use aggregate::AGGREGATES;

pub const FUNCTIONS: &[&[Function]] = &[
    access::FIELDS,
    access::FUNCTIONS,
    build::FUNCTIONS,
    build::VARIADIC,
    change::FUNCTIONS,
    io::FUNCTIONS,
    io::COMPARISONS,
    populate::FUNCTIONS,
];

pub const SETS: &[&[SetFunction]] = &[populate::SETS, rows::SETS];
