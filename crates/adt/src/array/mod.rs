//! Arrays: the stored form, text form, subscripts and slices.
