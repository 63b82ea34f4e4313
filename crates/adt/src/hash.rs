//! PostgreSQL's hash functions.
