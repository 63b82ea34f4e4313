//! text, varchar, bpchar, name, cstring and unknown.

pub mod length;
mod regexp;
mod search;
mod string;
mod types;

use crate::call::Function;
use crate::set::SetFunction;

pub const FUNCTIONS: &[&[Function]] = &[
    types::TYPES[0],
    types::TYPES[1],
    types::TYPES[2],
    types::TYPES[3],
    types::TYPES[4],
    types::TYPES[5],
    types::TYPES[6],
    types::TYPES[7],
    types::TYPES[8],
    length::FUNCTIONS,
    string::FUNCTIONS,
    search::FUNCTIONS,
    search::MATCHERS,
    regexp::FUNCTIONS,
];

pub const SETS: &[SetFunction] = &[
    string::STRING_TO_TABLE,
    string::STRING_TO_TABLE_NULL,
    regexp::MATCHES,
    regexp::MATCHES_NO_FLAGS,
    regexp::SPLIT_TO_TABLE,
    regexp::SPLIT_TO_TABLE_NO_FLAGS,
];
