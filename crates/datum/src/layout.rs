//! How types lie in memory and in tuples, and the descriptor of a row.

use crate::OwnedDatum;
use base::Oid;

/// How a value of a type is held in a [`crate::Datum`] and in a [`crate::Column`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repr {
    Bool,
    Char,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    /// `name`: bytes, padded with zeros to 64 in tuples.
    Name,
    Bytes,
}

/// pg_type's typlen, typbyval and typalign, and the representation that follows from them and the base type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeLayout {
    /// Bytes; -1 for a varlena, -2 for a zero-terminated string.
    pub len: i16,
    pub by_value: bool,
    /// 1, 2, 4 or 8 bytes.
    pub align: u8,
    pub repr: Repr,
}

impl TypeLayout {
    /// The layout of a type whose innermost base type is `base_type` (itself, unless it is a domain).
    /// `align` is pg_type's letter: c, s, i or d.
    pub fn new(base_type: Oid, len: i16, by_value: bool, align: u8) -> TypeLayout {
        let align = match align {
            b'c' => 1,
            b's' => 2,
            b'd' => 8,
            _ => 4,
        };
        let repr = match (base_type.0, by_value, len) {
            (16, ..) => Repr::Bool,
            (700, ..) => Repr::Float4,
            (701, ..) => Repr::Float8,
            (19, ..) => Repr::Name,
            (_, true, 1) => Repr::Char,
            (_, true, 2) => Repr::Int2,
            (_, true, 4) => Repr::Int4,
            (_, true, 8) => Repr::Int8,
            _ => Repr::Bytes,
        };
        TypeLayout { len, by_value, align, repr }
    }

    pub fn is_varlena(&self) -> bool {
        self.len == -1
    }
}

/// One attribute of a row type: pg_attribute's facts.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    pub name: String,
    pub type_oid: Oid,
    pub typmod: i32,
    pub layout: TypeLayout,
    pub collation: Oid,
    pub ndims: i16,
    /// attstorage: p, e, m or x.
    pub storage: u8,
    /// attcompression: 0 (default), p or l.
    pub compression: u8,
    pub not_null: bool,
    pub has_default: bool,
    pub dropped: bool,
    /// attidentity: 0, a or d.
    pub identity: u8,
    /// attgenerated: 0, s or v.
    pub generated: u8,
    /// The value of rows stored before the column was added; `None` when there is none.
    pub missing: Option<OwnedDatum>,
}

impl Attribute {
    /// An attribute of a query result: only name and type matter.
    pub fn result(
        name: impl Into<String>,
        type_oid: Oid,
        typmod: i32,
        layout: TypeLayout,
        collation: Oid,
    ) -> Attribute {
        Attribute {
            name: name.into(),
            type_oid,
            typmod,
            layout,
            collation,
            ndims: 0,
            storage: if layout.is_varlena() { b'x' } else { b'p' },
            compression: 0,
            not_null: false,
            has_default: false,
            dropped: false,
            identity: 0,
            generated: 0,
            missing: None,
        }
    }
}

/// The attributes of a stored or computed row, in order; attribute number n is `attributes[n - 1]`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct TupleDesc {
    attributes: Vec<Attribute>,
    /// Offsets of the leading attributes whose place does not depend on the values (no nulls assumed).
    fixed_offsets: Vec<u32>,
    /// The row type: a composite type's oid, or 2249 (record).
    pub type_oid: Oid,
    pub typmod: i32,
}

impl TupleDesc {
    pub const RECORD_TYPE: Oid = Oid(2249);

    pub fn new(attributes: Vec<Attribute>) -> TupleDesc {
        Self::of_type(attributes, Self::RECORD_TYPE)
    }

    pub fn of_type(attributes: Vec<Attribute>, type_oid: Oid) -> TupleDesc {
        let mut fixed_offsets = Vec::new();
        let mut offset = 0usize;
        for attribute in &attributes {
            let layout = attribute.layout;
            if layout.len <= 0 {
                break;
            }
            offset = base::bytes::align_up(offset, usize::from(layout.align));
            fixed_offsets.push(offset as u32);
            offset += layout.len as usize;
        }
        TupleDesc { attributes, fixed_offsets, type_oid, typmod: -1 }
    }

    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    pub fn len(&self) -> usize {
        self.attributes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// How many leading attributes are of fixed length, with their offsets in a tuple without nulls.
    pub fn fixed_offsets(&self) -> &[u32] {
        &self.fixed_offsets
    }

    /// The index (from 0) of the live attribute called `name`.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.attributes.iter().position(|a| !a.dropped && a.name == name)
    }
}
