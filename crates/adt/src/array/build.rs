//! Writing arrays.

use super::{DIMENSIONS, ElementLayout, HEADER, Shape, too_many_elements};
use crate::text::MAX_SIZE;
use base::bytes::{align_up, max_align};
use base::{Error, Oid, Result, err};

/// Collects elements in storage order and lays them out.
#[derive(Clone, Debug)]
pub struct ArrayBuilder {
    element_type: Oid,
    layout: ElementLayout,
    data: Vec<u8>,
    present: Vec<bool>,
    has_nulls: bool,
}

impl ArrayBuilder {
    pub fn new(element_type: Oid, layout: ElementLayout) -> ArrayBuilder {
        ArrayBuilder { element_type, layout, data: Vec::new(), present: Vec::new(), has_nulls: false }
    }

    /// Elements so far.
    pub fn len(&self) -> usize {
        self.present.len()
    }

    pub fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    /// Adds an element: its bytes for a fixed-length type, its content without header for another.
    ///
    /// # Errors
    /// `54000` when the array would be too large
    pub fn push(&mut self, element: Option<&[u8]>) -> Result<()> {
        self.present.push(element.is_some());
        let Some(bytes) = element else {
            self.has_nulls = true;
            return Ok(());
        };
        match self.layout.len {
            -1 => {
                let total = bytes.len() + HEADER;
                if total > MAX_SIZE {
                    return Err(self.too_large());
                }
                self.data.extend(((total as u32) << 2).to_le_bytes());
                self.data.extend_from_slice(bytes);
            }
            -2 => {
                self.data.extend_from_slice(bytes);
                self.data.push(0);
            }
            length => {
                if usize::try_from(length) != Ok(bytes.len()) {
                    return Err(Error::internal("array element has the wrong length"));
                }
                self.data.extend_from_slice(bytes);
            }
        }
        // The first element is aligned to 8, so alignment within the data is alignment within the array.
        self.data.resize(align_up(self.data.len(), usize::from(self.layout.align)), 0);
        if self.data.len() > MAX_SIZE {
            return Err(self.too_large());
        }
        Ok(())
    }

    #[track_caller]
    fn too_large(&self) -> Error {
        err!(PROGRAM_LIMIT_EXCEEDED, "array size exceeds the maximum allowed ({MAX_SIZE})")
    }

    /// The payload of a one-dimensional array from 1, or of an empty one.
    pub fn finish(self) -> Result<Vec<u8>> {
        let length = i32::try_from(self.present.len()).map_err(|_| too_many_elements())?;
        self.finish_shaped(&Shape::list(length))
    }

    /// The payload with the given shape; an array without elements has no dimensions.
    ///
    /// # Errors
    /// `54000`, `XX000` when the shape does not have as many elements
    pub fn finish_shaped(self, shape: &Shape) -> Result<Vec<u8>> {
        let count = shape.count()?;
        shape.check_bounds()?;
        if count != self.present.len() {
            return Err(Error::internal("array shape does not match its elements"));
        }
        let dimensions = if count == 0 { 0 } else { shape.lengths.len() };
        let shape_end = HEADER + DIMENSIONS + 8 * dimensions;
        let bitmap = if self.has_nulls { count.div_ceil(8) } else { 0 };
        let data_offset = max_align(shape_end + bitmap);
        let mut payload = Vec::with_capacity(data_offset + self.data.len());
        payload.extend((dimensions as i32).to_le_bytes());
        payload.extend((if self.has_nulls { data_offset as i32 } else { 0 }).to_le_bytes());
        payload.extend(self.element_type.0.to_le_bytes());
        if dimensions > 0 {
            for value in shape.lengths.iter().chain(&shape.lower_bounds) {
                payload.extend(value.to_le_bytes());
            }
        }
        if self.has_nulls {
            payload.extend(self.present.chunks(8).map(|bits| {
                bits.iter().enumerate().fold(0_u8, |byte, (i, &present)| byte | (u8::from(present) << i))
            }));
        }
        payload.resize(data_offset - HEADER, 0);
        payload.extend_from_slice(&self.data);
        Ok(payload)
    }
}
