//! The to_char and to_date family.
