//! Concatenation, elements, slices, search.

use super::{ArrayBuilder, ArrayView, ElementLayout, MAX_DIMENSIONS, Shape, too_many_dimensions};
use crate::integer::out_of_range;
use base::{Error, Oid, Result, bail, err};
use std::cmp::Ordering;

fn build(
    element_type: Oid,
    layout: ElementLayout,
    shape: &Shape,
    elements: impl IntoIterator<Item = Result<Option<impl AsRef<[u8]>>>>,
) -> Result<Vec<u8>> {
    let mut builder = ArrayBuilder::new(element_type, layout);
    for element in elements {
        builder.push(element?.as_ref().map(AsRef::as_ref))?;
    }
    builder.finish_shaped(shape)
}

/// `array[subscripts]`: null outside of the bounds. Errors: `XX001`.
pub fn element<'a>(
    array: &ArrayView<'a>,
    layout: ElementLayout,
    subscripts: &[i32],
) -> Result<Option<&'a [u8]>> {
    match array.shape().index_of(subscripts) {
        Some(index) => array.get(layout, index),
        None => Ok(None),
    }
}

/// `array[l1:u1]...`; `None` bounds are the array's own, missing dimensions are taken whole. The result counts from 1.
pub fn slice(
    array: &ArrayView<'_>,
    layout: ElementLayout,
    bounds: &[(Option<i32>, Option<i32>)],
) -> Result<Vec<u8>> {
    let shape = array.shape();
    let dimensions = shape.lengths.len();
    let empty = || ArrayBuilder::new(array.element_type(), layout).finish();
    if dimensions == 0 || bounds.len() > dimensions {
        return empty();
    }
    // First index (from 0) and length per dimension.
    let mut windows = Vec::with_capacity(dimensions);
    for dimension in 0..dimensions {
        let first = i64::from(shape.lower_bounds[dimension]);
        let last = first + i64::from(shape.lengths[dimension]) - 1;
        let (lower, upper) = bounds.get(dimension).copied().unwrap_or((None, None));
        let lower = lower.map_or(first, i64::from).max(first);
        let upper = upper.map_or(last, i64::from).min(last);
        if lower > upper {
            return empty();
        }
        windows.push(((lower - first) as usize, (upper - lower + 1) as usize));
    }
    let inside = |mut index: usize| {
        (0..dimensions).rev().all(|dimension| {
            let length = shape.lengths[dimension] as usize;
            let place = index % length;
            index /= length;
            let (start, count) = windows[dimension];
            (start..start + count).contains(&place)
        })
    };
    let result = Shape {
        lengths: windows.iter().map(|&(_, count)| count as i32).collect(),
        lower_bounds: vec![1; dimensions],
    };
    let chosen = array.iter(layout).enumerate().filter(|(index, _)| inside(*index)).map(|(_, e)| e);
    build(array.element_type(), layout, &result, chosen)
}

#[track_caller]
fn incompatible(detail: impl Into<String>) -> Error {
    err!(ARRAY_SUBSCRIPT_ERROR, "cannot concatenate incompatible arrays").detail(detail)
}

/// `array || array`. Errors: `2202E`, `54000`.
pub fn concatenate(a: &ArrayView<'_>, b: &ArrayView<'_>, layout: ElementLayout) -> Result<Vec<u8>> {
    let (first, second) = (a.shape(), b.shape());
    let (m, n) = (first.lengths.len(), second.lengths.len());
    let shape = if m == 0 {
        second
    } else if n == 0 {
        first
    } else if m == n {
        let inner = |shape: &Shape| (shape.lengths[1..].to_vec(), shape.lower_bounds[1..].to_vec());
        if inner(&first) != inner(&second) {
            return Err(incompatible(
                "Arrays with differing element dimensions are not compatible for concatenation.",
            ));
        }
        with_longer_outer(first, second.lengths[0])?
    } else if m + 1 == n || n + 1 == m {
        // The one with fewer dimensions becomes an element of the other.
        let (outer, inner) = if m < n { (second, first) } else { (first, second) };
        if outer.lengths[1..] != inner.lengths[..] || outer.lower_bounds[1..] != inner.lower_bounds[..] {
            return Err(incompatible(
                "Arrays with differing dimensions are not compatible for concatenation.",
            ));
        }
        with_longer_outer(outer, 1)?
    } else {
        return Err(incompatible(format!(
            "Arrays of {m} and {n} dimensions are not compatible for concatenation."
        )));
    };
    build(a.element_type(), layout, &shape, a.iter(layout).chain(b.iter(layout)))
}

fn with_longer_outer(mut shape: Shape, more: i32) -> Result<Shape> {
    shape.lengths[0] = shape.lengths[0].checked_add(more).ok_or_else(super::too_many_elements)?;
    Ok(shape)
}

/// The shape of a list that grows by one, for an array of at most one dimension.
fn longer_list(array: &ArrayView<'_>) -> Result<Shape> {
    match array.dimensions() {
        0 => Ok(Shape::list(1)),
        1 => {
            let shape = array.shape();
            shape.lower_bounds[0].checked_add(shape.lengths[0]).ok_or_else(|| out_of_range("integer"))?;
            with_longer_outer(shape, 1)
        }
        _ => bail!(DATA_EXCEPTION, "argument must be empty or one-dimensional array"),
    }
}

/// `array_append`. Errors: `22000`, `22003`.
pub fn append(array: &ArrayView<'_>, layout: ElementLayout, value: Option<&[u8]>) -> Result<Vec<u8>> {
    let shape = longer_list(array)?;
    build(array.element_type(), layout, &shape, array.iter(layout).chain([Ok(value)]))
}

/// `array_prepend`: the lower bound stays. Errors: `22000`, `22003`.
pub fn prepend(array: &ArrayView<'_>, layout: ElementLayout, value: Option<&[u8]>) -> Result<Vec<u8>> {
    let shape = longer_list(array)?;
    build(array.element_type(), layout, &shape, std::iter::once(Ok(value)).chain(array.iter(layout)))
}

/// `array[subscripts] = value`: a list grows to reach a subscript outside, with nulls between.
///
/// # Errors
/// `2202E`, `54000`
pub fn set_element(
    array: &ArrayView<'_>,
    layout: ElementLayout,
    subscripts: &[i32],
    value: Option<&[u8]>,
) -> Result<Vec<u8>> {
    if subscripts.is_empty() || subscripts.len() > MAX_DIMENSIONS {
        bail!(ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts");
    }
    let shape = array.shape();
    let element_type = array.element_type();
    if array.dimensions() == 0 {
        let shape = Shape { lengths: vec![1; subscripts.len()], lower_bounds: subscripts.to_vec() };
        return build(element_type, layout, &shape, [Ok(value)]);
    }
    if subscripts.len() != array.dimensions() {
        bail!(ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts");
    }
    if let Some(target) = shape.index_of(subscripts) {
        let changed =
            array.iter(layout).enumerate().map(|(i, old)| if i == target { Ok(value) } else { old });
        return build(element_type, layout, &shape, changed);
    }
    if subscripts.len() > 1 {
        bail!(ARRAY_SUBSCRIPT_ERROR, "array subscript out of range");
    }
    let (subscript, lower) = (i64::from(subscripts[0]), i64::from(shape.lower_bounds[0]));
    let length = i64::from(shape.lengths[0]);
    let gap = if subscript < lower { lower - subscript - 1 } else { subscript - lower - length };
    let total = length + gap + 1;
    if total > i64::from(super::MAX_ELEMENTS) {
        return Err(super::too_many_elements());
    }
    let nulls = std::iter::repeat_n(None, gap as usize).map(Ok);
    let lower_bounds = vec![subscripts[0].min(shape.lower_bounds[0])];
    let grown = Shape { lengths: vec![total as i32], lower_bounds };
    if subscript < lower {
        build(element_type, layout, &grown, std::iter::once(Ok(value)).chain(nulls).chain(array.iter(layout)))
    } else {
        build(element_type, layout, &grown, array.iter(layout).chain(nulls).chain([Ok(value)]))
    }
}

/// `array[l1:u1]... = source`: elements of `source` in storage order replace those of the slice; a list grows.
///
/// # Errors
/// `2202E`, `54000`
pub fn set_slice(
    array: &ArrayView<'_>,
    layout: ElementLayout,
    bounds: &[(Option<i32>, Option<i32>)],
    source: &ArrayView<'_>,
) -> Result<Vec<u8>> {
    let shape = array.shape();
    let dimensions = shape.lengths.len();
    if bounds.is_empty() || bounds.len() > MAX_DIMENSIONS || (dimensions > 0 && bounds.len() > dimensions) {
        bail!(ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts");
    }
    // First and last subscript per dimension.
    let mut window = Vec::with_capacity(dimensions.max(bounds.len()));
    for dimension in 0..dimensions.max(bounds.len()) {
        let (lower, upper) = bounds.get(dimension).copied().unwrap_or((None, None));
        let own = |bound: Option<i32>| {
            bound.ok_or_else(|| {
                err!(ARRAY_SUBSCRIPT_ERROR, "array slice subscript must provide both boundaries").detail(
                    "When assigning to a slice of an empty array value, slice boundaries must be fully specified.",
                )
            })
        };
        let lower = lower.map_or_else(|| own(shape.lower_bounds.get(dimension).copied()), Ok)?;
        let upper = upper.map_or_else(|| own(shape.upper_bound(dimension)), Ok)?;
        if lower > upper {
            bail!(ARRAY_SUBSCRIPT_ERROR, "upper bound cannot be less than lower bound");
        }
        window.push((lower, upper));
    }
    let wanted = Shape {
        lengths: window
            .iter()
            .map(|&(lower, upper)| upper.checked_sub(lower).and_then(|n| n.checked_add(1)))
            .collect::<Option<_>>()
            .ok_or_else(super::too_many_elements)?,
        lower_bounds: window.iter().map(|&(lower, _)| lower).collect(),
    };
    if source.len() < wanted.count()? {
        bail!(ARRAY_SUBSCRIPT_ERROR, "source array too small");
    }
    let element_type = array.element_type();
    if dimensions == 0 {
        return build(element_type, layout, &wanted, source.iter(layout).take(wanted.count()?));
    }
    let mut grown = shape.clone();
    for (dimension, &(lower, upper)) in window.iter().enumerate() {
        let (first, last) = (shape.lower_bounds[dimension], shape.upper_bound(dimension).unwrap_or(0));
        if dimensions > 1 && (lower < first || upper > last) {
            bail!(ARRAY_SUBSCRIPT_ERROR, "array subscript out of range");
        }
        let length = i64::from(upper.max(last)) - i64::from(lower.min(first)) + 1;
        grown.lower_bounds[dimension] = lower.min(first);
        grown.lengths[dimension] = i32::try_from(length).map_err(|_| super::too_many_elements())?;
    }
    let count = grown.count()?;
    let old = array.elements(layout)?;
    let mut replacements = source.iter(layout);
    let mut subscripts = grown.lower_bounds.clone();
    let mut builder = ArrayBuilder::new(element_type, layout);
    for _ in 0..count {
        if wanted.index_of(&subscripts).is_some() {
            builder.push(replacements.next().transpose()?.flatten())?;
        } else {
            builder.push(shape.index_of(&subscripts).and_then(|index| old[index]))?;
        }
        for dimension in (0..dimensions).rev() {
            if subscripts[dimension] < grown.upper_bound(dimension).unwrap_or(0) {
                subscripts[dimension] += 1;
                break;
            }
            subscripts[dimension] = grown.lower_bounds[dimension];
        }
    }
    builder.finish_shaped(&grown)
}

/// `array_fill`. Errors: `54000`, `2202E`.
pub fn fill(
    element_type: Oid,
    layout: ElementLayout,
    value: Option<&[u8]>,
    shape: &Shape,
) -> Result<Vec<u8>> {
    if shape.lengths.len() > MAX_DIMENSIONS {
        return Err(too_many_dimensions());
    }
    let count = shape.count()?;
    build(element_type, layout, shape, std::iter::repeat_n(value, count).map(Ok))
}

/// `trim_array`: without its last `count` elements of the first dimension. Errors: `2202E`.
pub fn trim(array: &ArrayView<'_>, layout: ElementLayout, count: i32) -> Result<Vec<u8>> {
    let length = if array.dimensions() == 0 { 0 } else { array.length(0) };
    if !(0..=length).contains(&count) {
        bail!(ARRAY_SUBSCRIPT_ERROR, "number of elements to trim must be between 0 and {length}");
    }
    if length == 0 {
        return ArrayBuilder::new(array.element_type(), layout).finish();
    }
    let upper = i64::from(array.lower_bound(0)) + i64::from(length) - 1 - i64::from(count);
    match i32::try_from(upper) {
        Ok(upper) => slice(array, layout, &[(None, Some(upper))]),
        Err(_) => ArrayBuilder::new(array.element_type(), layout).finish(),
    }
}

/// The subscript of the first element at or behind `start` for which `is_wanted` holds, as `array_position` finds it.
///
/// # Errors
/// `0A000` for more than one dimension
pub fn position(
    array: &ArrayView<'_>,
    layout: ElementLayout,
    start: Option<i32>,
    mut is_wanted: impl FnMut(Option<&[u8]>) -> Result<bool>,
) -> Result<Option<i32>> {
    if array.dimensions() > 1 {
        bail!(FEATURE_NOT_SUPPORTED, "searching for elements in multidimensional arrays is not supported");
    }
    if array.is_empty() {
        return Ok(None);
    }
    let lower = array.lower_bound(0);
    for (i, element) in array.iter(layout).enumerate() {
        let subscript = lower + i as i32;
        if start.is_some_and(|start| subscript < start) {
            continue;
        }
        if is_wanted(element?)? {
            return Ok(Some(subscript));
        }
    }
    Ok(None)
}

/// `btarraycmp`: element by element, then the number of elements, of dimensions, lengths and lower bounds. Nulls are
/// equal to each other and above everything else.
pub fn compare(
    a: &ArrayView<'_>,
    b: &ArrayView<'_>,
    layout: ElementLayout,
    mut compare_elements: impl FnMut(&[u8], &[u8]) -> Result<Ordering>,
) -> Result<Ordering> {
    for (x, y) in a.iter(layout).zip(b.iter(layout)) {
        let order = match (x?, y?) {
            (Some(x), Some(y)) => compare_elements(x, y)?,
            (x, y) => x.is_none().cmp(&y.is_none()),
        };
        if order != Ordering::Equal {
            return Ok(order);
        }
    }
    let (first, second) = (a.shape(), b.shape());
    Ok(a.len()
        .cmp(&b.len())
        .then_with(|| first.lengths.len().cmp(&second.lengths.len()))
        .then_with(|| first.lengths.cmp(&second.lengths))
        .then_with(|| first.lower_bounds.cmp(&second.lower_bounds)))
}
