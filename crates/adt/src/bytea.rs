//! Byte strings.
