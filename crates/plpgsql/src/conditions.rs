//! Names of error conditions.

use base::SqlState;

/// The states that a condition's name stands for: some names stand for two.
pub fn named(name: &str) -> Vec<SqlState> {
    base::SQLSTATES.iter().filter(|(_, n)| !n.is_empty() && *n == name).map(|(state, _)| *state).collect()
}
