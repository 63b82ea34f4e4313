//! Character strings.
