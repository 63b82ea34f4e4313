//! Exact decimal numbers of up to 131072 digits before the decimal point.
