//! array_sort.

use super::Array;
use super::functions::{outer_elements, rebuild};
use crate::call::{Call, Function};
use crate::order::TypeOrder;
use crate::table::functions;
use base::{Error, Result};
use datum::OwnedDatum;
use std::cmp::Ordering;

/// Sorts the slices of the first dimension, each by its elements in order.
fn sort(call: &Call<'_>, payload: &[u8], descending: bool, nulls_first: bool) -> Result<Vec<u8>> {
    let array = Array::read(call.session, payload)?;
    if array.view.len() < 2 {
        return Ok(payload.to_vec());
    }
    let order = TypeOrder::of(call.session, array.element.oid)?;
    let (mut slices, shape) = outer_elements(&array)?;
    let mut failure: Option<Error> = None;
    slices.sort_by(|a, b| {
        compare(call, &order, a, b, descending, nulls_first).unwrap_or_else(|error| {
            failure.get_or_insert(error);
            Ordering::Equal
        })
    });
    match failure {
        Some(error) => Err(error),
        None => rebuild(&array, &slices, shape),
    }
}

fn compare(
    call: &Call<'_>,
    order: &TypeOrder,
    a: &[Option<OwnedDatum>],
    b: &[Option<OwnedDatum>],
    descending: bool,
    nulls_first: bool,
) -> Result<Ordering> {
    for (x, y) in a.iter().zip(b) {
        let ordering = match (x, y) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => {
                if nulls_first {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (Some(_), None) => {
                if nulls_first {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            (Some(x), Some(y)) => {
                let ordering = order.compare(call.session, x.as_datum(), y.as_datum())?;
                if descending { ordering.reverse() } else { ordering }
            }
        };
        if ordering.is_ne() {
            return Ok(ordering);
        }
    }
    Ok(Ordering::Equal)
}

pub const FUNCTIONS: &[Function] = functions! {
    "array_sort" [call] (array: [u8]) -> Vec<u8> = sort(call, array, false, false);
    "array_sort_order" [call] (array: [u8], descending: bool) -> Vec<u8> = sort(call, array, descending, descending);
    "array_sort_order_nulls_first" [call] (array: [u8], descending: bool, nulls_first: bool) -> Vec<u8> =
        sort(call, array, descending, nulls_first);
};
