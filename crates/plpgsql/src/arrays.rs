//! The elements and slices of an array, for FOREACH.

use adt::array::{ArrayView, Shape};
use base::{Oid, Result, err};
use catalog::Session;
use datum::{Datum, OwnedDatum};
use functions::array::ElementType;

/// The elements in order, or with `slice` the sub-arrays of that many dimensions.
///
/// # Errors
/// `2202E` when there are fewer dimensions.
pub fn parts(
    session: &Session,
    payload: &[u8],
    element: Oid,
    slice: usize,
) -> Result<Vec<Option<OwnedDatum>>> {
    let array = ArrayView::new(payload)?;
    let of = ElementType::of(session, element)?;
    let dimensions = array.dimensions();
    if slice > dimensions {
        return Err(err!(
            ARRAY_SUBSCRIPT_ERROR,
            "slice dimension ({slice}) is out of the valid range 0..{dimensions}"
        ));
    }
    let stored = array.elements(of.stored())?;
    let datum = |bytes: &Option<&[u8]>| -> Result<Option<OwnedDatum>> {
        bytes.map(|bytes| of.datum(bytes).map(Datum::to_owned)).transpose()
    };
    if slice == 0 {
        return stored.iter().map(datum).collect();
    }
    let first = dimensions - slice;
    let whole = array.shape();
    let shape = Shape {
        lengths: whole.lengths[first..].to_vec(),
        lower_bounds: whole.lower_bounds[first..].to_vec(),
    };
    let count = shape.count()?.max(1);
    let pieces = stored.chunks(count).map(|chunk| {
        let values = chunk.iter().map(datum).collect::<Result<Vec<_>>>()?;
        let values = values.iter().map(|v| v.as_ref().map(OwnedDatum::as_datum));
        let payload = of.shaped(values, &shape)?;
        Ok(Some(Datum::Bytes(&payload).to_owned()))
    });
    pieces.collect()
}
