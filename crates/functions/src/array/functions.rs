//! Dimensions of arrays, and arrays made of arrays.

use super::{Array, ElementType, integers};
use crate::call::{Call, Function};
use crate::kernel::MaybeBytes;
use crate::table::functions;
use adt::array::{self, ArrayView, MAX_DIMENSIONS, Shape};
use base::{Result, bail, err};
use datum::{Datum, OwnedDatum};

fn dimension(view: &ArrayView<'_>, number: i32) -> Option<usize> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    (index < view.dimensions()).then_some(index)
}

fn dims(view: &ArrayView<'_>) -> Option<String> {
    let shape = view.shape();
    if shape.lengths.is_empty() {
        return None;
    }
    let ranges = shape.lengths.iter().zip(&shape.lower_bounds);
    Some(ranges.map(|(length, lower)| format!("[{lower}:{}]", lower + length - 1)).collect())
}

/// The element type of an array argument whose value may be NULL.
fn element_of(call: &Call<'_>, argument: usize) -> Result<ElementType> {
    let array = call.session.base_type(call.argument_type(argument))?.0;
    match call.session.element_type(array)? {
        Some(element) => ElementType::of(call.session, element),
        None => bail!(DATATYPE_MISMATCH, "could not determine input data type"),
    }
}

/// Adds an element at the end or the start of an array that is empty when NULL.
fn extend(
    call: &Call<'_>,
    array: Option<&[u8]>,
    argument: usize,
    value: Option<Datum<'_>>,
    at_end: bool,
) -> Result<Vec<u8>> {
    let empty;
    let (view, element) = match array {
        Some(payload) => {
            let array = Array::read(call.session, payload)?;
            (array.view, array.element)
        }
        None => {
            let element = element_of(call, argument)?;
            empty = element.array([])?;
            (ArrayView::new(&empty)?, element)
        }
    };
    let add = |bytes: Option<&[u8]>| match at_end {
        true => array::append(&view, element.stored(), bytes),
        false => array::prepend(&view, element.stored(), bytes),
    };
    match value {
        Some(datum) => element.with_bytes(datum, |bytes| add(Some(bytes))),
        None => add(None),
    }
}

fn concatenate(call: &Call<'_>, a: Option<&[u8]>, b: Option<&[u8]>) -> Result<Option<Vec<u8>>> {
    let (a, b) = match (a, b) {
        (None, None) => return Ok(None),
        (Some(only), None) | (None, Some(only)) => return Ok(Some(only.to_vec())),
        (Some(a), Some(b)) => (a, b),
    };
    let (a, b) = (Array::read(call.session, a)?, Array::read(call.session, b)?);
    if a.element.oid != b.element.oid {
        let (one, other) =
            (call.session.format_type(a.element.oid, None)?, call.session.format_type(b.element.oid, None)?);
        return Err(err!(DATATYPE_MISMATCH, "cannot concatenate incompatible arrays").detail(format!(
            "Arrays with element types {one} and {other} are not compatible for concatenation."
        )));
    }
    array::concatenate(&a.view, &b.view, a.element.stored()).map(Some)
}

/// An array of one value, of the given lengths and lower bounds (1 if not given).
fn fill(
    call: &Call<'_>,
    value: Option<Datum<'_>>,
    lengths: Option<&[u8]>,
    lower_bounds: Option<Option<&[u8]>>,
) -> Result<Vec<u8>> {
    let (Some(lengths), None | Some(Some(_))) = (lengths, lower_bounds) else {
        bail!(NULL_VALUE_NOT_ALLOWED, "dimension array or low bound array cannot be null");
    };
    let lower_bounds = lower_bounds.flatten();
    let numbers = |payload: &[u8]| -> Result<Vec<i32>> {
        let view = ArrayView::new(payload)?;
        if view.dimensions() > 1 {
            return Err(err!(ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts")
                .detail("Dimension array must be one dimensional."));
        }
        if view.has_nulls() {
            bail!(NULL_VALUE_NOT_ALLOWED, "dimension values cannot be null");
        }
        integers(payload)
    };
    let lengths = numbers(lengths)?;
    if lengths.len() > MAX_DIMENSIONS {
        bail!(
            PROGRAM_LIMIT_EXCEEDED,
            "number of array dimensions ({}) exceeds the maximum allowed ({MAX_DIMENSIONS})",
            lengths.len()
        );
    }
    let lower_bounds = match lower_bounds {
        Some(payload) => numbers(payload)?,
        None => vec![1; lengths.len()],
    };
    if lower_bounds.len() != lengths.len() {
        return Err(err!(ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts")
            .detail("Low bound array has different size than dimensions array."));
    }
    let type_oid = call.argument_type(0);
    let element = ElementType::of(call.session, type_oid)?;
    let shape = Shape { lengths, lower_bounds };
    match value {
        Some(datum) => {
            element.with_bytes(datum, |bytes| array::fill(element.oid, element.stored(), Some(bytes), &shape))
        }
        None => array::fill(element.oid, element.stored(), None, &shape),
    }
}

/// The elements of the first dimension, each a slice: the bytes of a plain element or an array of the rest.
pub(super) fn outer_elements(array: &Array<'_>) -> Result<(Vec<Vec<Option<OwnedDatum>>>, Shape)> {
    let shape = array.view.shape();
    let length = shape.lengths.first().map_or(0, |l| *l as usize);
    let elements: Vec<_> = array.iter().map(|e| Ok(e?.map(Datum::to_owned))).collect::<Result<Vec<_>>>()?;
    let width = elements.len().checked_div(length).unwrap_or(1).max(1);
    Ok((elements.chunks(width).map(<[_]>::to_vec).collect(), shape))
}

/// An array with the slices of its first dimension chosen and ordered by `pick`.
pub(super) fn rebuild(
    array: &Array<'_>,
    slices: &[Vec<Option<OwnedDatum>>],
    mut shape: Shape,
) -> Result<Vec<u8>> {
    if slices.is_empty() {
        return array.element.array([]);
    }
    shape.lengths[0] = slices.len() as i32;
    let values = slices.iter().flatten().map(|v| v.as_ref().map(OwnedDatum::as_datum));
    array.element.shaped(values, &shape)
}

fn reverse(call: &Call<'_>, payload: &[u8]) -> Result<Vec<u8>> {
    let array = Array::read(call.session, payload)?;
    if array.view.len() < 2 {
        return Ok(payload.to_vec());
    }
    let (mut slices, shape) = outer_elements(&array)?;
    slices.reverse();
    rebuild(&array, &slices, shape)
}

/// `count` slices of the first dimension at random, in random order; the lower bound becomes 1 for a sample.
fn shuffle(call: &Call<'_>, payload: &[u8], count: Option<i32>) -> Result<Vec<u8>> {
    let array = Array::read(call.session, payload)?;
    let length = if array.view.dimensions() == 0 { 0 } else { array.view.length(0) };
    if let Some(count) = count
        && !(0..=length).contains(&count)
    {
        bail!(INVALID_PARAMETER_VALUE, "sample size must be between 0 and {length}");
    }
    if array.view.is_empty() || (count.is_none() && length < 2) {
        return Ok(payload.to_vec());
    }
    let (mut slices, mut shape) = outer_elements(&array)?;
    let count = count.map_or(slices.len(), |count| count as usize);
    for i in 0..count {
        let rest = (slices.len() - i) as u64;
        let other = i + crate::random::below(call, rest) as usize;
        slices.swap(i, other);
    }
    if count < slices.len() || shape.lengths[0] as usize == count {
        slices.truncate(count);
    }
    if call_is_sample(call) {
        shape.lower_bounds[0] = 1;
    }
    rebuild(&array, &slices, shape)
}

fn call_is_sample(call: &Call<'_>) -> bool {
    call.argument_types.len() == 2
}

fn trim(call: &Call<'_>, payload: &[u8], count: i32) -> Result<Vec<u8>> {
    let array = Array::read(call.session, payload)?;
    array::trim(&array.view, array.element.stored(), count)
}

pub const FUNCTIONS: &[Function] = functions! {
    "array_ndims" (array: [u8]) -> Option<i32> = {
        let dimensions = ArrayView::new(array)?.dimensions();
        Ok((dimensions > 0).then_some(dimensions as i32))
    };
    "array_dims" (array: [u8]) -> Option<String> = Ok(dims(&ArrayView::new(array)?));
    "array_lower" (array: [u8], number: i32) -> Option<i32> = {
        let view = ArrayView::new(array)?;
        Ok(dimension(&view, number).map(|d| view.lower_bound(d)))
    };
    "array_upper" (array: [u8], number: i32) -> Option<i32> = {
        let view = ArrayView::new(array)?;
        Ok(dimension(&view, number).map(|d| view.lower_bound(d) + view.length(d) - 1))
    };
    "array_length" (array: [u8], number: i32) -> Option<i32> = {
        let view = ArrayView::new(array)?;
        Ok(dimension(&view, number).map(|d| view.length(d)))
    };
    "array_cardinality" (array: [u8]) -> i32 = Ok(ArrayView::new(array)?.len() as i32);
    "array_append" [call] (array: MaybeBytes, value: Option<Datum<'static>>) -> Vec<u8> =
        extend(call, array, 0, value, true);
    "array_prepend" [call] (value: Option<Datum<'static>>, array: MaybeBytes) -> Vec<u8> =
        extend(call, array, 1, value, false);
    "array_cat" [call] (a: MaybeBytes, b: MaybeBytes) -> Option<Vec<u8>> = concatenate(call, a, b);
    "array_fill" [call] (value: Option<Datum<'static>>, lengths: MaybeBytes) -> Vec<u8> =
        fill(call, value, lengths, None);
    "array_fill_with_lower_bounds" [call]
        (value: Option<Datum<'static>>, lengths: MaybeBytes, lower_bounds: MaybeBytes) -> Vec<u8> =
        fill(call, value, lengths, Some(lower_bounds));
    "array_reverse" [call] (array: [u8]) -> Vec<u8> = reverse(call, array);
    "array_shuffle" [call] (array: [u8]) -> Vec<u8> = shuffle(call, array, None);
    "array_sample" [call] (array: [u8], count: i32) -> Vec<u8> = shuffle(call, array, Some(count));
    "trim_array" [call] (array: [u8], count: i32) -> Vec<u8> = trim(call, array, count);
};
