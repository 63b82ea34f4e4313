//! real and double precision.
