//! A single value.

use base::{Oid, Tid};

/// A non-null value of any SQL type, in memory. Which SQL type it is of stands elsewhere (column, expression);
/// the variant is its [`crate::Repr`]. NULL is `Option<Datum>::None`.
///
/// - `Int4` also carries date, oid and its alias types, xid, cid (unsigned ones bit for bit);
/// - `Int8` also carries time, timestamp, timestamptz, money, xid8, pg_lsn;
/// - `Bytes` carries every other type: the payload of a varlena without its header, detoasted;
///   the bytes of a fixed-length by-reference type (uuid, interval, tid, ...);
///   for `name` and `cstring` the characters without padding or terminator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Datum<'a> {
    Bool(bool),
    Char(i8),
    Int2(i16),
    Int4(i32),
    Int8(i64),
    Float4(f32),
    Float8(f64),
    Bytes(&'a [u8]),
}

macro_rules! accessor {
    ($($(#[$doc:meta])* $name:ident $variant:ident $type:ty;)*) => {
        $($(#[$doc])*
        #[inline]
        #[track_caller]
        pub fn $name(self) -> $type {
            match self {
                Datum::$variant(value) => value,
                other => panic!(concat!("expected ", stringify!($variant), ", found {:?}"), other),
            }
        })*
    };
}

impl<'a> Datum<'a> {
    accessor! {
        bool Bool bool;
        char Char i8;
        int2 Int2 i16;
        int4 Int4 i32;
        int8 Int8 i64;
        float4 Float4 f32;
        float8 Float8 f64;
        bytes Bytes &'a [u8];
    }

    #[inline]
    pub fn oid(self) -> Oid {
        Oid(self.int4() as u32)
    }

    /// The characters of a text-like value. Stored text is valid in the database's encoding, UTF-8; should it
    /// not be, as in a damaged page, what is invalid shows as U+FFFD upstream of here and is empty here.
    #[inline]
    pub fn text(self) -> &'a str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    pub fn tid(self) -> Tid {
        Tid::from_bytes(self.bytes().try_into().expect("a tid has six bytes"))
    }

    pub fn to_owned(self) -> OwnedDatum {
        match self {
            Datum::Bool(v) => OwnedDatum::Bool(v),
            Datum::Char(v) => OwnedDatum::Char(v),
            Datum::Int2(v) => OwnedDatum::Int2(v),
            Datum::Int4(v) => OwnedDatum::Int4(v),
            Datum::Int8(v) => OwnedDatum::Int8(v),
            Datum::Float4(v) => OwnedDatum::Float4(v),
            Datum::Float8(v) => OwnedDatum::Float8(v),
            Datum::Bytes(v) => OwnedDatum::Bytes(v.into()),
        }
    }
}

impl From<Oid> for Datum<'_> {
    fn from(oid: Oid) -> Self {
        Datum::Int4(oid.0 as i32)
    }
}

impl<'a> From<&'a str> for Datum<'a> {
    fn from(text: &'a str) -> Self {
        Datum::Bytes(text.as_bytes())
    }
}

/// A [`Datum`] that owns its bytes: constants in plans, parameters, catalog rows.
#[derive(Clone, Debug)]
pub enum OwnedDatum {
    Bool(bool),
    Char(i8),
    Int2(i16),
    Int4(i32),
    Int8(i64),
    Float4(f32),
    Float8(f64),
    Bytes(Box<[u8]>),
}

/// Bit for bit: expressions with the constant NaN are equal, those with 0 and -0 are not.
impl PartialEq for OwnedDatum {
    fn eq(&self, other: &OwnedDatum) -> bool {
        use OwnedDatum::*;
        match (self, other) {
            (Bool(a), Bool(b)) => a == b,
            (Char(a), Char(b)) => a == b,
            (Int2(a), Int2(b)) => a == b,
            (Int4(a), Int4(b)) => a == b,
            (Int8(a), Int8(b)) => a == b,
            (Float4(a), Float4(b)) => a.to_bits() == b.to_bits(),
            (Float8(a), Float8(b)) => a.to_bits() == b.to_bits(),
            (Bytes(a), Bytes(b)) => a == b,
            _ => false,
        }
    }
}

impl OwnedDatum {
    #[inline]
    pub fn as_datum(&self) -> Datum<'_> {
        match self {
            OwnedDatum::Bool(v) => Datum::Bool(*v),
            OwnedDatum::Char(v) => Datum::Char(*v),
            OwnedDatum::Int2(v) => Datum::Int2(*v),
            OwnedDatum::Int4(v) => Datum::Int4(*v),
            OwnedDatum::Int8(v) => Datum::Int8(*v),
            OwnedDatum::Float4(v) => Datum::Float4(*v),
            OwnedDatum::Float8(v) => Datum::Float8(*v),
            OwnedDatum::Bytes(v) => Datum::Bytes(v),
        }
    }
}

impl From<Oid> for OwnedDatum {
    fn from(oid: Oid) -> Self {
        OwnedDatum::Int4(oid.0 as i32)
    }
}

impl From<&str> for OwnedDatum {
    fn from(text: &str) -> Self {
        OwnedDatum::Bytes(text.as_bytes().into())
    }
}

impl From<String> for OwnedDatum {
    fn from(text: String) -> Self {
        OwnedDatum::Bytes(text.into_bytes().into())
    }
}

/// The logical values of one row.
pub type Row = Vec<Option<OwnedDatum>>;
