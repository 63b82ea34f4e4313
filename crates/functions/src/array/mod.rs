//! Arrays: reading and building them with their elements as datums, and their functions.

mod functions;
mod io;
mod search;
mod sort;
mod unnest;

use crate::call::{Call, Function};
use crate::set::SetFunction;
use adt::array::{ArrayBuilder, ArrayView, ElementLayout, Elements, Shape};
use base::{Error, Oid, Result, bail};
use catalog::Session;
use datum::{Datum, Repr, TypeLayout};

pub const FUNCTIONS: &[&[Function]] =
    &[io::FUNCTIONS, functions::FUNCTIONS, search::FUNCTIONS, search::COMPARISONS, sort::FUNCTIONS];
pub const SETS: &[SetFunction] = &[unnest::UNNEST, unnest::SUBSCRIPTS, unnest::SUBSCRIPTS_NO_DIRECTION];

/// What arrays need to know of their element type.
#[derive(Clone, Copy, Debug)]
pub struct ElementType {
    pub oid: Oid,
    pub layout: TypeLayout,
    pub delimiter: char,
}

impl ElementType {
    /// # Errors
    /// `XX000` if there is no such type.
    pub fn of(session: &Session, oid: Oid) -> Result<ElementType> {
        if oid == TEXT {
            return Ok(TEXT_ELEMENT);
        }
        let row = session.type_row(oid)?;
        let layout = session.type_layout(oid)?;
        Ok(ElementType { oid, layout, delimiter: char::from(row.typdelim as u8) })
    }

    pub fn stored(&self) -> ElementLayout {
        ElementLayout { len: self.layout.len, by_value: self.layout.by_value, align: self.layout.align }
    }

    /// The value of an element as an array stores it.
    ///
    /// # Errors
    /// `XX001` when it is too short.
    pub fn datum<'a>(&self, bytes: &'a [u8]) -> Result<Datum<'a>> {
        let mut reader = base::bytes::Reader::new(bytes);
        Ok(match self.layout.repr {
            Repr::Bool => Datum::Bool(reader.u8()? != 0),
            Repr::Char => Datum::Char(reader.i8()?),
            Repr::Int2 => Datum::Int2(reader.i16()?),
            Repr::Int4 => Datum::Int4(reader.i32()?),
            Repr::Int8 => Datum::Int8(reader.i64()?),
            Repr::Float4 => Datum::Float4(reader.f32()?),
            Repr::Float8 => Datum::Float8(reader.f64()?),
            Repr::Name => Datum::from(adt::name::from_bytes(bytes)?),
            Repr::Bytes => Datum::Bytes(bytes),
        })
    }

    /// Calls `f` with the bytes that stand for a value in an array.
    pub fn with_bytes<R>(&self, datum: Datum<'_>, f: impl FnOnce(&[u8]) -> R) -> R {
        match datum {
            Datum::Bool(v) => f(&[u8::from(v)]),
            Datum::Char(v) => f(&v.to_le_bytes()),
            Datum::Int2(v) => f(&v.to_le_bytes()),
            Datum::Int4(v) => f(&v.to_le_bytes()),
            Datum::Int8(v) => f(&v.to_le_bytes()),
            Datum::Float4(v) => f(&v.to_le_bytes()),
            Datum::Float8(v) => f(&v.to_le_bytes()),
            Datum::Bytes(v) if self.layout.repr == Repr::Name => {
                f(&adt::name::to_bytes(std::str::from_utf8(v).unwrap_or_default()))
            }
            Datum::Bytes(v) => f(v),
        }
    }

    pub fn push(&self, builder: &mut ArrayBuilder, value: Option<Datum<'_>>) -> Result<()> {
        match value {
            Some(datum) => self.with_bytes(datum, |bytes| builder.push(Some(bytes))),
            None => builder.push(None),
        }
    }

    pub fn builder(&self) -> ArrayBuilder {
        ArrayBuilder::new(self.oid, self.stored())
    }

    /// An array of one dimension.
    ///
    /// # Errors
    /// `54000` when it would be too large.
    pub fn array<'a>(&self, values: impl IntoIterator<Item = Option<Datum<'a>>>) -> Result<Vec<u8>> {
        let mut builder = self.builder();
        values.into_iter().try_for_each(|value| self.push(&mut builder, value))?;
        builder.finish()
    }

    /// An array of the given shape.
    ///
    /// # Errors
    /// `54000` when it would be too large.
    pub fn shaped<'a>(
        &self,
        values: impl IntoIterator<Item = Option<Datum<'a>>>,
        shape: &Shape,
    ) -> Result<Vec<u8>> {
        let mut builder = self.builder();
        values.into_iter().try_for_each(|value| self.push(&mut builder, value))?;
        builder.finish_shaped(shape)
    }
}

pub const TEXT: Oid = Oid(25);
const TEXT_ELEMENT: ElementType = ElementType {
    oid: TEXT,
    layout: TypeLayout { len: -1, by_value: false, align: 4, repr: Repr::Bytes },
    delimiter: ',',
};
const OID_ELEMENT: ElementType = ElementType {
    oid: Oid(26),
    layout: TypeLayout { len: 4, by_value: true, align: 4, repr: Repr::Int4 },
    delimiter: ',',
};
pub const INT4_ELEMENT: ElementType = ElementType { oid: Oid(23), ..OID_ELEMENT };

/// A stored array with its element type.
#[derive(Clone, Copy)]
pub struct Array<'a> {
    pub view: ArrayView<'a>,
    pub element: ElementType,
}

impl<'a> Array<'a> {
    /// # Errors
    /// `XX001` for bytes that are no array.
    pub fn read(session: &Session, payload: &'a [u8]) -> Result<Array<'a>> {
        let view = ArrayView::new(payload)?;
        Ok(Array { view, element: ElementType::of(session, view.element_type())? })
    }

    pub fn iter(&self) -> DatumElements<'a> {
        DatumElements { elements: self.view.iter(self.element.stored()), element: self.element }
    }

    /// All elements, in storage order.
    ///
    /// # Errors
    /// `XX001` for bytes that are no array.
    pub fn elements(&self) -> Result<Vec<Option<Datum<'a>>>> {
        self.iter().collect()
    }
}

/// The elements of an array, in storage order.
pub struct DatumElements<'a> {
    elements: Elements<'a>,
    element: ElementType,
}

impl<'a> Iterator for DatumElements<'a> {
    type Item = Result<Option<Datum<'a>>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.elements.next()? {
            Ok(Some(bytes)) => self.element.datum(bytes).map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        })
    }
}

/// A text[] of one dimension.
///
/// # Errors
/// `54000` when it would be too large.
pub fn text_array<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> Result<Vec<u8>> {
    TEXT_ELEMENT.array(values.into_iter().map(|value| value.map(Datum::from)))
}

/// The elements of a text[]; of any number of dimensions, in storage order.
///
/// # Errors
/// `XX001` for bytes that are no array.
pub fn texts(payload: &[u8]) -> Result<Vec<Option<&str>>> {
    let view = ArrayView::new(payload)?;
    let array = Array { view, element: TEXT_ELEMENT };
    array.iter().map(|element| Ok(element?.map(Datum::text))).collect()
}

/// The elements of an int4[] without NULLs.
///
/// # Errors
/// `22004` for a NULL.
pub fn integers(payload: &[u8]) -> Result<Vec<i32>> {
    let array = Array { view: ArrayView::new(payload)?, element: INT4_ELEMENT };
    array
        .iter()
        .map(|element| match element? {
            Some(datum) => Ok(datum.int4()),
            None => bail!(NULL_VALUE_NOT_ALLOWED, "array must not contain nulls"),
        })
        .collect()
}

/// The type modifiers that a typmodin function gets: a cstring[] of integers.
///
/// # Errors
/// `22023`, `22P02` for what is no list of integers.
pub fn modifiers(payload: &[u8]) -> Result<Vec<i32>> {
    let view = ArrayView::new(payload)?;
    if view.dimensions() != 1 {
        bail!(ARRAY_SUBSCRIPT_ERROR, "typmod array must be one-dimensional");
    }
    if view.has_nulls() {
        bail!(NULL_VALUE_NOT_ALLOWED, "typmod array must not contain nulls");
    }
    let layout = ElementLayout { len: -2, by_value: false, align: 1 };
    view.iter(layout)
        .map(|element| {
            let bytes = element?.unwrap_or_default();
            adt::integer::parse_int4(std::str::from_utf8(bytes).unwrap_or_default())
        })
        .collect()
}

/// The payload of an oidvector, int2vector or other array that counts from 0.
pub fn vector(element: ElementType, values: &[Datum<'_>]) -> Result<Vec<u8>> {
    let length = i32::try_from(values.len()).map_err(|_| Error::internal("vector too long"))?;
    let mut builder = element.builder();
    values.iter().try_for_each(|value| element.push(&mut builder, Some(*value)))?;
    if values.is_empty() {
        // Vectors keep their one dimension even when empty.
        let mut payload = Vec::with_capacity(20);
        for word in [1, 0, element.oid.0 as i32, 0, 0] {
            payload.extend_from_slice(&i32::to_le_bytes(word));
        }
        return Ok(payload);
    }
    builder.finish_shaped(&Shape { lengths: vec![length], lower_bounds: vec![0] })
}

impl Call<'_> {
    /// The type of an argument.
    pub fn argument_type(&self, index: usize) -> Oid {
        self.argument_types.get(index).copied().unwrap_or(Oid::INVALID)
    }
}
