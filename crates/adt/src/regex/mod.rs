//! Advanced regular expressions with PostgreSQL's meaning.
