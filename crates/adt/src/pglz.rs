//! PostgreSQL's LZ compression of stored values.
