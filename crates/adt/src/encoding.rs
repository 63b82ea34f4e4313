//! Server and client encodings.
