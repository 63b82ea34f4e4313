//! Comparing arrays and looking for elements in them.

use super::{Array, INT4_ELEMENT};
use crate::call::{Call, Function};
use crate::kernel::MaybeBytes;
use crate::order::{TypeEquality, TypeHash, TypeOrder};
use crate::table::functions;
use adt::{array, hash};
use base::{Result, bail, err};
use datum::Datum;
use std::cmp::Ordering;

fn compare(call: &Call<'_>, a: &[u8], b: &[u8]) -> Result<Ordering> {
    let (a, b) = same_types(call, a, b)?;
    let order = TypeOrder::of(call.session, a.element.oid)?;
    array::compare(&a.view, &b.view, a.element.stored(), |x, y| {
        order.compare(call.session, a.element.datum(x)?, b.element.datum(y)?)
    })
}

fn same_types<'a>(call: &Call<'_>, a: &'a [u8], b: &'a [u8]) -> Result<(Array<'a>, Array<'a>)> {
    let (a, b) = (Array::read(call.session, a)?, Array::read(call.session, b)?);
    if a.element.oid != b.element.oid {
        bail!(DATATYPE_MISMATCH, "cannot compare arrays of different element types");
    }
    Ok((a, b))
}

fn equal(call: &Call<'_>, a: &[u8], b: &[u8]) -> Result<bool> {
    let (a, b) = same_types(call, a, b)?;
    if a.view.shape() != b.view.shape() {
        return Ok(false);
    }
    let equality = TypeEquality::of(call.session, a.element.oid)?;
    for (x, y) in a.iter().zip(b.iter()) {
        let same = match (x?, y?) {
            (None, None) => true,
            (Some(x), Some(y)) => equality.equal(call.session, x, y)?,
            _ => false,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether `a` holds all elements of `b` (`all`), or any. NULLs are equal to nothing.
fn contains(call: &Call<'_>, a: &[u8], b: &[u8], all: bool) -> Result<bool> {
    let (a, b) = same_types(call, a, b)?;
    let equality = TypeEquality::of(call.session, a.element.oid)?;
    let present: Vec<_> = a.elements()?.into_iter().flatten().collect();
    for wanted in b.iter() {
        let found = match wanted? {
            Some(wanted) => find(call, &equality, &present, wanted)?,
            None => false,
        };
        if found != all {
            return Ok(!all);
        }
        call.session.interrupt_check()?;
    }
    Ok(all)
}

fn find(call: &Call<'_>, equality: &TypeEquality, among: &[Datum<'_>], wanted: Datum<'_>) -> Result<bool> {
    for element in among {
        if equality.equal(call.session, *element, wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Equality in which NULL is equal to NULL.
fn same(
    call: &Call<'_>,
    equality: &TypeEquality,
    a: Option<Datum<'_>>,
    b: Option<Datum<'_>>,
) -> Result<bool> {
    match (a, b) {
        (None, None) => Ok(true),
        (Some(a), Some(b)) => equality.equal(call.session, a, b),
        _ => Ok(false),
    }
}

fn position(
    call: &Call<'_>,
    array: Option<&[u8]>,
    wanted: Option<Datum<'_>>,
    start: Option<Option<i32>>,
) -> Result<Option<i32>> {
    let Some(array) = array else { return Ok(None) };
    let array = Array::read(call.session, array)?;
    if array.view.dimensions() > 1 {
        bail!(FEATURE_NOT_SUPPORTED, "searching for elements in multidimensional arrays is not supported");
    }
    let start = match start {
        Some(None) => bail!(NULL_VALUE_NOT_ALLOWED, "initial position must not be null"),
        Some(start) => start,
        None => None,
    };
    let equality = TypeEquality::of(call.session, array.element.oid)?;
    array::position(&array.view, array.element.stored(), start, |element| {
        let element = element.map(|bytes| array.element.datum(bytes)).transpose()?;
        same(call, &equality, element, wanted)
    })
}

fn positions(call: &Call<'_>, array: Option<&[u8]>, wanted: Option<Datum<'_>>) -> Result<Option<Vec<u8>>> {
    let Some(array) = array else { return Ok(None) };
    let array = Array::read(call.session, array)?;
    if array.view.dimensions() > 1 {
        bail!(FEATURE_NOT_SUPPORTED, "searching for elements in multidimensional arrays is not supported");
    }
    let equality = TypeEquality::of(call.session, array.element.oid)?;
    let mut found = Vec::new();
    for (i, element) in array.iter().enumerate() {
        if same(call, &equality, element?, wanted)? {
            found.push(Some(Datum::Int4(array.view.lower_bound(0) + i as i32)));
        }
    }
    INT4_ELEMENT.array(found).map(Some)
}

/// Leaves out (`with` is `None`) or replaces the elements equal to `wanted`.
fn replace(
    call: &Call<'_>,
    array: Option<&[u8]>,
    wanted: Option<Datum<'_>>,
    with: Option<Option<Datum<'_>>>,
) -> Result<Option<Vec<u8>>> {
    let Some(payload) = array else { return Ok(None) };
    let array = Array::read(call.session, payload)?;
    if with.is_none() && array.view.dimensions() > 1 {
        bail!(FEATURE_NOT_SUPPORTED, "removing elements from multidimensional arrays is not supported");
    }
    let equality = TypeEquality::of(call.session, array.element.oid)?;
    let mut kept = Vec::with_capacity(array.view.len());
    let mut changed = false;
    for element in array.iter() {
        let element = element?;
        if same(call, &equality, element, wanted)? {
            changed = true;
            kept.extend(with);
        } else {
            kept.push(element);
        }
    }
    if !changed {
        return Ok(Some(payload.to_vec()));
    }
    let mut shape = array.view.shape();
    if with.is_none() {
        shape.lengths[0] = kept.len() as i32;
        if kept.is_empty() {
            return array.element.array([]).map(Some);
        }
    }
    array.element.shaped(kept, &shape).map(Some)
}

fn hash_array(call: &Call<'_>, payload: &[u8]) -> Result<u32> {
    let array = Array::read(call.session, payload)?;
    let hasher = TypeHash::of(call.session, array.element.oid)?;
    let mut hashes = Vec::with_capacity(array.view.len());
    for element in array.iter() {
        hashes.push(element?.map(|datum| hasher.hash(call.session, datum)).transpose()?);
    }
    Ok(hash::hash_array(hashes))
}

fn hash_elements_extended(call: &Call<'_>, payload: &[u8], seed: i64) -> Result<u64> {
    let array = Array::read(call.session, payload)?;
    let hasher = TypeHash::of(call.session, array.element.oid)?;
    let mut hashes = Vec::with_capacity(array.view.len());
    for element in array.iter() {
        hashes.push(element?.map(|datum| hasher.hash_extended(call.session, datum, seed)).transpose()?);
    }
    Ok(hash::hash_array_extended(hashes))
}

/// The number of thresholds at or below the operand.
fn width_bucket(call: &Call<'_>, operand: Datum<'_>, thresholds: &[u8]) -> Result<i32> {
    let array = Array::read(call.session, thresholds)?;
    if array.view.dimensions() > 1 {
        bail!(ARRAY_SUBSCRIPT_ERROR, "thresholds must be one-dimensional array");
    }
    if array.view.has_nulls() {
        return Err(err!(NULL_VALUE_NOT_ALLOWED, "thresholds array must not contain NULLs"));
    }
    let order = TypeOrder::of(call.session, array.element.oid)?;
    let elements: Vec<_> = array.elements()?.into_iter().flatten().collect();
    let (mut low, mut high) = (0, elements.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        if order.compare(call.session, operand, elements[middle])?.is_lt() {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low as i32)
}

/// The comparisons; equality needs no order.
pub const COMPARISONS: &[Function] = functions! {
    "array_eq" [call] (a: [u8], b: [u8]) -> bool = equal(call, a, b);
    "array_ne" [call] (a: [u8], b: [u8]) -> bool = Ok(!equal(call, a, b)?);
    "array_lt" [call] (a: [u8], b: [u8]) -> bool = Ok(compare(call, a, b)?.is_lt());
    "array_le" [call] (a: [u8], b: [u8]) -> bool = Ok(compare(call, a, b)?.is_le());
    "array_gt" [call] (a: [u8], b: [u8]) -> bool = Ok(compare(call, a, b)?.is_gt());
    "array_ge" [call] (a: [u8], b: [u8]) -> bool = Ok(compare(call, a, b)?.is_ge());
    "btarraycmp" [call] (a: [u8], b: [u8]) -> i32 = Ok(compare(call, a, b)? as i32);
    "array_larger" [call] (a: [u8], b: [u8]) -> [u8] = Ok(if compare(call, a, b)?.is_gt() { a } else { b });
    "array_smaller" [call] (a: [u8], b: [u8]) -> [u8] = Ok(if compare(call, a, b)?.is_lt() { a } else { b });
    "hash_array" [call] (a: [u8]) -> i32 = Ok(hash_array(call, a)? as i32);
    "hash_array_extended" [call] (a: [u8], seed: i64) -> i64 = Ok(hash_elements_extended(call, a, seed)? as i64);
};

pub const FUNCTIONS: &[Function] = functions! {
    "arraycontains" [call] (a: [u8], b: [u8]) -> bool = contains(call, a, b, true);
    "arraycontained" [call] (a: [u8], b: [u8]) -> bool = contains(call, b, a, true);
    "arrayoverlap" [call] (a: [u8], b: [u8]) -> bool = contains(call, a, b, false);
    "array_position" [call] (array: MaybeBytes, wanted: Option<Datum<'static>>) -> Option<i32> =
        position(call, array, wanted, None);
    "array_position_start" [call] (array: MaybeBytes, wanted: Option<Datum<'static>>, start: Option<i32>) -> Option<i32> =
        position(call, array, wanted, Some(start));
    "array_positions" [call] (array: MaybeBytes, wanted: Option<Datum<'static>>) -> Option<Vec<u8>> =
        positions(call, array, wanted);
    "array_remove" [call] (array: MaybeBytes, wanted: Option<Datum<'static>>) -> Option<Vec<u8>> =
        replace(call, array, wanted, None);
    "array_replace" [call]
        (array: MaybeBytes, wanted: Option<Datum<'static>>, with: Option<Datum<'static>>) -> Option<Vec<u8>> =
        replace(call, array, wanted, Some(with));
    "width_bucket_array" [call] (operand: Datum<'static>, thresholds: [u8]) -> i32 =
        width_bucket(call, operand, thresholds);
};
