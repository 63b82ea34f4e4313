//! Universally unique identifiers.
