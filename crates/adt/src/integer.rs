//! smallint, integer and bigint.
