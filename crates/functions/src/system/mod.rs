//! What the system tells of itself: catalogs, settings, sessions, definitions.

mod catalogs;
mod definitions;
mod locks;
mod partition;
mod sequence;
mod server;
mod session;
mod sets;
mod settings;
mod size;
mod transactions;

use crate::call::Function;
use crate::set::SetFunction;

pub const FUNCTIONS: &[&[Function]] = &[
    catalogs::FUNCTIONS,
    catalogs::VARIADIC,
    catalogs::ANY,
    definitions::FUNCTIONS,
    locks::FUNCTIONS,
    partition::FUNCTIONS,
    server::FUNCTIONS,
    server::COUNTERS,
    sequence::FUNCTIONS,
    session::FUNCTIONS,
    settings::FUNCTIONS,
    size::FUNCTIONS,
    transactions::FUNCTIONS,
];

pub const SETS: &[&[SetFunction]] = &[sets::SETS, partition::SETS, server::SETS];

pub use catalogs::description;
pub use locks::sleep;
pub use partition::satisfies_hash;
pub use size::relation_size;
