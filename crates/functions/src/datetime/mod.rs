//! date, time, timetz, timestamp, timestamptz and interval.

mod arithmetic;
mod compare;
mod convert;
mod io;
mod parts;
mod series;

use crate::call::Function;
use crate::set::SetFunction;
pub use arithmetic::timestamptz_age;

pub const FUNCTIONS: &[&[Function]] = &[
    io::FUNCTIONS,
    compare::FUNCTIONS,
    compare::ORDERS[0],
    compare::ORDERS[1],
    compare::ORDERS[2],
    compare::ORDERS[3],
    compare::ORDERS[4],
    compare::ORDERS[5],
    compare::ORDERS[6],
    compare::ORDERS[7],
    compare::ORDERS[8],
    compare::ORDERS[9],
    compare::ORDERS[10],
    arithmetic::FUNCTIONS,
    convert::FUNCTIONS,
    parts::FUNCTIONS,
];

pub const SETS: &[SetFunction] = &[series::TIMESTAMP, series::TIMESTAMPTZ, series::TIMESTAMPTZ_AT_ZONE];
