//! boolean input and output.
