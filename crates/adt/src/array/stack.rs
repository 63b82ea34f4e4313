//! Arrays of one shape, put together into one with a dimension more.

use super::{ArrayBuilder, ArrayView, ElementLayout, MAX_DIMENSIONS, Shape};
use base::{Oid, Result, bail};

#[derive(Clone, Default)]
pub struct ArrayStack {
    shape: Option<Shape>,
    payloads: Vec<Box<[u8]>>,
}

impl ArrayStack {
    /// Adds an array.
    ///
    /// # Errors
    /// `22004` for NULL, `2202E` for an empty array or one of another shape than those before it.
    pub fn push(&mut self, payload: Option<&[u8]>) -> Result<()> {
        let Some(payload) = payload else {
            bail!(NULL_VALUE_NOT_ALLOWED, "cannot accumulate null arrays");
        };
        let shape = ArrayView::new(payload)?.shape();
        if shape.lengths.is_empty() {
            bail!(ARRAY_SUBSCRIPT_ERROR, "cannot accumulate empty arrays");
        }
        self.require(&shape)?;
        self.payloads.push(payload.into());
        Ok(())
    }

    fn require(&mut self, shape: &Shape) -> Result<()> {
        if self.shape.get_or_insert_with(|| shape.clone()) != shape {
            bail!(ARRAY_SUBSCRIPT_ERROR, "cannot accumulate arrays of different dimensionality");
        }
        Ok(())
    }

    /// Puts the arrays of another stack behind these.
    ///
    /// # Errors
    /// `2202E` when they have another shape.
    pub fn append(&mut self, other: ArrayStack) -> Result<()> {
        if let Some(shape) = &other.shape {
            self.require(shape)?;
        }
        self.payloads.extend(other.payloads);
        Ok(())
    }

    /// The arrays, first one first.
    pub fn payloads(&self) -> &[Box<[u8]>] {
        &self.payloads
    }

    /// The payload of the whole; `None` if there is no array.
    ///
    /// # Errors
    /// `54000` when the whole has too many dimensions or is too large.
    pub fn finish(&self, element_type: Oid, layout: ElementLayout) -> Result<Option<Vec<u8>>> {
        let Some(mut shape) = self.shape.clone() else { return Ok(None) };
        if shape.lengths.len() >= MAX_DIMENSIONS {
            bail!(
                PROGRAM_LIMIT_EXCEEDED,
                "number of array dimensions ({}) exceeds the maximum allowed ({MAX_DIMENSIONS})",
                shape.lengths.len() + 1
            );
        }
        shape.lengths.insert(0, self.payloads.len() as i32);
        shape.lower_bounds.insert(0, 1);
        let mut builder = ArrayBuilder::new(element_type, layout);
        for payload in &self.payloads {
            for element in ArrayView::new(payload)?.iter(layout) {
                builder.push(element?)?;
            }
        }
        builder.finish_shaped(&shape).map(Some)
    }
}
