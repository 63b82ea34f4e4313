//! Values, rows and batches, and the heap tuple codec. See README.md.
#![forbid(unsafe_code)]

mod batch;
mod column;
mod decimal;
mod deform;
mod form;
mod layout;
mod tuple;
mod value;

pub use batch::{Batch, MAX_BATCH_ROWS, Selection};
pub use column::{ByteValues, Column, ColumnBuilder, Nulls, Values};
pub use decimal::Decimals;
pub use deform::Deformer;
pub use form::Tuples;
pub use layout::{Attribute, Repr, TupleDesc, TypeLayout};
pub use tuple::{
    Compression, INFOMASK_HAS_EXTERNAL, INFOMASK_HAS_NULLS, INFOMASK_HAS_VARWIDTH, MissingValues,
    StoredBytes, TUPLE_HEADER_SIZE, ToastPointer, TupleView, Varlena, deform_into, fixed_datum, form_data,
    form_tuple, read_varlena, write_varlena_header,
};
pub use value::{Datum, OwnedDatum, Row};
