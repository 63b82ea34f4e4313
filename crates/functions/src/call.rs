//! What a function call is.

use base::{Oid, Result};
use catalog::Session;
use datum::{Column, ColumnBuilder, Selection, TupleDesc};
use std::sync::Arc;

/// The circumstances of a call.
pub struct Call<'a> {
    pub session: &'a Session,
    /// pg_proc.oid.
    pub function: Oid,
    /// Input collation; 0 for none.
    pub collation: Oid,
    pub argument_types: &'a [Oid],
    pub result_type: Oid,
    /// The last argument is an array that VARIADIC or the parser put together.
    pub variadic: bool,
    /// The columns that the query lists for a function that returns record.
    pub columns: Option<&'a Arc<TupleDesc>>,
}

/// Evaluates a function for the selected rows. `out` receives one value for every row up to the selection's bound;
/// those at rows not selected are unspecified.
pub type Kernel = fn(&Call<'_>, &[&Column], &Selection, &mut ColumnBuilder) -> Result<()>;

/// The body of an SQL function.
#[derive(Clone, Copy)]
pub struct Function {
    /// pg_proc.prosrc.
    pub source: &'static str,
    pub arity: usize,
    /// Not called for NULL arguments: the result is NULL.
    pub strict: bool,
    pub kernel: Kernel,
}
