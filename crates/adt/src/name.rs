//! Identifiers of up to 63 bytes.
