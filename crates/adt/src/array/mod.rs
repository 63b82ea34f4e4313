//! Arrays: the stored form, text form, subscripts and slices.
//!
//! What follows the varlena header, with offsets counted from the start of that header:
//!
//! ```text
//!  4  i32 number of dimensions
//!  8  i32 offset of the first element, or 0 when there are no nulls
//! 12  oid element type
//! 16  i32 length of each dimension, then i32 lower bound of each
//!     [null bitmap: bit set = present]
//!     padding to 8, elements, each padded to the type's alignment
//! ```
//! Elements are in row-major order. Variable-length elements keep their own header; here they travel without it.

mod build;
mod operate;
mod parse;
mod stack;

pub use build::ArrayBuilder;
pub use operate::{
    append, compare, concatenate, element, fill, position, prepend, set_element, set_slice, slice, trim,
};
pub use parse::{TextArray, parse, push_text};
pub use stack::ArrayStack;

use base::bytes::{align_up, get_i32, get_u32, max_align};
use base::{Error, Oid, Result, bail};

/// The largest number of dimensions.
pub const MAX_DIMENSIONS: usize = 6;
/// The largest number of elements.
pub const MAX_ELEMENTS: i32 = 134_217_727;
/// The varlena header, which offsets and alignments include and payloads do not.
const HEADER: usize = 4;
/// Offset of the dimensions within the payload.
const DIMENSIONS: usize = 12;

/// How elements lie in an array: pg_type's typlen, typbyval and typalign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElementLayout {
    /// Bytes of a fixed-length type; -1 for varlena, -2 for C strings.
    pub len: i16,
    pub by_value: bool,
    /// 1, 2, 4 or 8.
    pub align: u8,
}

/// Length and lower bound of each dimension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    pub lengths: Vec<i32>,
    pub lower_bounds: Vec<i32>,
}

#[track_caller]
fn too_many_elements() -> Error {
    base::err!(PROGRAM_LIMIT_EXCEEDED, "array size exceeds the maximum allowed ({MAX_ELEMENTS})")
}

#[track_caller]
pub(crate) fn too_many_dimensions() -> Error {
    base::err!(
        PROGRAM_LIMIT_EXCEEDED,
        "number of array dimensions exceeds the maximum allowed ({MAX_DIMENSIONS})"
    )
}

impl Shape {
    /// One dimension from 1.
    pub fn list(length: i32) -> Shape {
        Shape { lengths: vec![length], lower_bounds: vec![1] }
    }

    /// Number of elements. Errors: `54000`.
    pub fn count(&self) -> Result<usize> {
        if self.lengths.is_empty() {
            return Ok(0);
        }
        let mut count = 1_i64;
        for &length in &self.lengths {
            if length < 0 {
                return Err(too_many_elements());
            }
            count *= i64::from(length);
            if count > i64::from(MAX_ELEMENTS) {
                return Err(too_many_elements());
            }
        }
        Ok(count as usize)
    }

    /// Refuses bounds whose end cannot be told. Errors: `54000`.
    pub fn check_bounds(&self) -> Result<()> {
        for (&length, &lower) in self.lengths.iter().zip(&self.lower_bounds) {
            if lower.checked_add(length).is_none() {
                bail!(PROGRAM_LIMIT_EXCEEDED, "array lower bound is too large: {lower}");
            }
        }
        Ok(())
    }

    /// Index of an element in storage order; `None` outside of the bounds or with the wrong number of subscripts.
    pub fn index_of(&self, subscripts: &[i32]) -> Option<usize> {
        if self.lengths.is_empty() || subscripts.len() != self.lengths.len() {
            return None;
        }
        let mut index = 0;
        for ((&length, &lower), &subscript) in self.lengths.iter().zip(&self.lower_bounds).zip(subscripts) {
            let place = i64::from(subscript) - i64::from(lower);
            if place < 0 || place >= i64::from(length) {
                return None;
            }
            index = index * length as usize + place as usize;
        }
        Some(index)
    }

    /// The last valid subscript of a dimension (from 0).
    pub fn upper_bound(&self, dimension: usize) -> Option<i32> {
        Some(self.lower_bounds.get(dimension)? + self.lengths.get(dimension)? - 1)
    }
}

/// A stored array, read in place.
#[derive(Clone, Copy, Debug)]
pub struct ArrayView<'a> {
    payload: &'a [u8],
    dimensions: usize,
    count: usize,
    data: usize,
    nulls: Option<&'a [u8]>,
}

impl<'a> ArrayView<'a> {
    /// Reads the header of a varlena payload.
    ///
    /// # Errors
    /// `XX001`
    pub fn new(payload: &'a [u8]) -> Result<ArrayView<'a>> {
        let damaged = || Error::corrupted("invalid stored array");
        if payload.len() < DIMENSIONS {
            return Err(damaged());
        }
        let dimensions = get_i32(payload, 0);
        if !(0..=MAX_DIMENSIONS as i32).contains(&dimensions) {
            return Err(damaged());
        }
        let dimensions = dimensions as usize;
        let shape_end = DIMENSIONS + 8 * dimensions;
        if payload.len() < shape_end {
            return Err(damaged());
        }
        let mut view = ArrayView { payload, dimensions, count: 0, data: 0, nulls: None };
        view.count = view.shape().count().map_err(|_| damaged())?;
        let data_offset = get_i32(payload, 4);
        if data_offset == 0 {
            view.data = max_align(shape_end + HEADER) - HEADER;
        } else {
            view.data =
                usize::try_from(data_offset).ok().and_then(|o| o.checked_sub(HEADER)).ok_or_else(damaged)?;
            let bitmap = payload.get(shape_end..shape_end + view.count.div_ceil(8)).ok_or_else(damaged)?;
            view.nulls = Some(bitmap);
        }
        if view.data > payload.len() && view.count > 0 {
            return Err(damaged());
        }
        Ok(view)
    }

    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub fn element_type(&self) -> Oid {
        Oid(get_u32(self.payload, 8))
    }

    pub fn length(&self, dimension: usize) -> i32 {
        get_i32(self.payload, DIMENSIONS + 4 * dimension)
    }

    pub fn lower_bound(&self, dimension: usize) -> i32 {
        get_i32(self.payload, DIMENSIONS + 4 * (self.dimensions + dimension))
    }

    pub fn shape(&self) -> Shape {
        Shape {
            lengths: (0..self.dimensions).map(|d| self.length(d)).collect(),
            lower_bounds: (0..self.dimensions).map(|d| self.lower_bound(d)).collect(),
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether any element is null.
    pub fn has_nulls(&self) -> bool {
        (0..self.count).any(|i| self.is_null(i))
    }

    /// Whether the element with this index (from 0, in storage order) is null.
    pub fn is_null(&self, index: usize) -> bool {
        self.nulls.is_some_and(|bitmap| bitmap[index / 8] & (1 << (index % 8)) == 0)
    }

    /// Elements in storage order: the bytes of a fixed-length type, or the content of a variable-length one.
    pub fn iter(&self, layout: ElementLayout) -> Elements<'a> {
        Elements { view: *self, layout, index: 0, at: self.data }
    }

    /// The element with this index (from 0, in storage order). Errors: `XX001`.
    pub fn get(&self, layout: ElementLayout, index: usize) -> Result<Option<&'a [u8]>> {
        if layout.len > 0 && self.nulls.is_none() && index < self.count {
            let stride = align_up(layout.len as usize, usize::from(layout.align));
            return Elements { view: *self, layout, index, at: self.data + stride * index }
                .next()
                .unwrap_or(Ok(None));
        }
        self.iter(layout).nth(index).unwrap_or(Ok(None))
    }

    /// All elements. Errors: `XX001`.
    pub fn elements(&self, layout: ElementLayout) -> Result<Vec<Option<&'a [u8]>>> {
        self.iter(layout).collect()
    }
}

/// Iterator over the elements of an array; ends after damaged data.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    view: ArrayView<'a>,
    layout: ElementLayout,
    index: usize,
    at: usize,
}

impl<'a> Elements<'a> {
    /// Content and stored length of the element here.
    fn read(&self) -> Option<(&'a [u8], usize)> {
        let rest = self.view.payload.get(self.at..)?;
        match self.layout.len {
            -1 => {
                let first = *rest.first()?;
                // A set lowest bit marks a header of one byte.
                let (header, total) = if first & 1 == 1 {
                    (1, usize::from(first >> 1))
                } else {
                    (4, (u32::from_le_bytes(*rest.first_chunk()?) >> 2) as usize)
                };
                Some((rest.get(header..total)?, total))
            }
            -2 => {
                let end = memchr::memchr(0, rest)?;
                Some((&rest[..end], end + 1))
            }
            length => {
                let length = usize::try_from(length).ok()?;
                Some((rest.get(..length)?, length))
            }
        }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Option<&'a [u8]>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.index >= self.view.count {
            return None;
        }
        let index = self.index;
        self.index += 1;
        if self.view.is_null(index) {
            return Some(Ok(None));
        }
        match self.read() {
            Some((content, length)) => {
                self.at = align_up(self.at + length + HEADER, usize::from(self.layout.align)) - HEADER;
                Some(Ok(Some(content)))
            }
            None => {
                self.index = self.view.count;
                Some(Err(Error::corrupted("invalid stored array")))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.view.count - self.index;
        (left, Some(left))
    }
}

#[cfg(test)]
mod tests;
