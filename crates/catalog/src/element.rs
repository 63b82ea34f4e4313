//! Array elements as values and values as array elements.

use crate::Session;
use adt::array::ElementLayout;
use base::bytes::{get_i32, get_i64, get_u16};
use base::{Oid, Result};
use datum::{Datum, Repr, TypeLayout};

/// How the elements of one type lie in arrays and in columns.
#[derive(Clone, Copy, Debug)]
pub struct ElementType {
    pub oid: Oid,
    pub layout: TypeLayout,
}

impl ElementType {
    pub fn new(session: &Session, oid: Oid) -> Result<ElementType> {
        Ok(ElementType { oid, layout: session.type_layout(oid)? })
    }

    pub fn array_layout(&self) -> ElementLayout {
        ElementLayout { len: self.layout.len, by_value: self.layout.by_value, align: self.layout.align }
    }

    pub fn repr(&self) -> Repr {
        self.layout.repr
    }

    /// The value of an element's bytes, which have the type's length.
    pub fn datum<'a>(&self, bytes: &'a [u8]) -> Datum<'a> {
        match self.layout.repr {
            Repr::Bool => Datum::Bool(bytes.first().is_some_and(|b| *b != 0)),
            Repr::Char => Datum::Char(bytes.first().map_or(0, |b| *b as i8)),
            Repr::Int2 => Datum::Int2(get_u16(bytes, 0) as i16),
            Repr::Int4 => Datum::Int4(get_i32(bytes, 0)),
            Repr::Int8 => Datum::Int8(get_i64(bytes, 0)),
            Repr::Float4 => Datum::Float4(f32::from_bits(get_i32(bytes, 0) as u32)),
            Repr::Float8 => Datum::Float8(f64::from_bits(get_i64(bytes, 0) as u64)),
            Repr::Name => {
                let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
                Datum::Bytes(&bytes[..end])
            }
            Repr::Bytes => Datum::Bytes(bytes),
        }
    }

    /// The bytes of a value as an element, in `buffer` unless the value has them.
    pub fn bytes<'a>(&self, value: Datum<'a>, buffer: &'a mut Vec<u8>) -> &'a [u8] {
        buffer.clear();
        match value {
            Datum::Bool(v) => buffer.push(u8::from(v)),
            Datum::Char(v) => buffer.push(v as u8),
            Datum::Int2(v) => buffer.extend_from_slice(&v.to_le_bytes()),
            Datum::Int4(v) => buffer.extend_from_slice(&v.to_le_bytes()),
            Datum::Int8(v) => buffer.extend_from_slice(&v.to_le_bytes()),
            Datum::Float4(v) => buffer.extend_from_slice(&v.to_le_bytes()),
            Datum::Float8(v) => buffer.extend_from_slice(&v.to_le_bytes()),
            Datum::Bytes(bytes) => {
                let len = usize::try_from(self.layout.len).unwrap_or(0);
                if bytes.len() >= len {
                    return bytes;
                }
                buffer.extend_from_slice(bytes);
                buffer.resize(len, 0);
            }
        }
        buffer
    }
}
