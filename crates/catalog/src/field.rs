//! Between the columns of a catalog row and Rust types.

use base::bytes::Reader;
use base::{Error, Oid, Result};
use datum::{Datum, OwnedDatum, write_varlena_header};

/// A value of a type that the catalogs only pass along (aclitem[], anyarray, bytea, ...): its payload.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload(pub Box<[u8]>);

/// A Rust type that a catalog column is held in.
pub trait Field: Sized {
    /// # Errors
    /// `XX001` when the datum is not one of the column's type.
    fn decode(value: Option<Datum<'_>>) -> Result<Self>;
    fn encode(&self, type_oid: Oid) -> Option<OwnedDatum>;
}

fn unexpected(value: Option<Datum<'_>>) -> Error {
    Error::corrupted(format!("unexpected value in a system catalog: {value:?}"))
}

macro_rules! scalar_field {
    ($($type:ty: $variant:ident, $decode:expr, $encode:expr;)*) => {
        $(impl Field for $type {
            fn decode(value: Option<Datum<'_>>) -> Result<Self> {
                match value {
                    Some(Datum::$variant(v)) => Ok($decode(v)),
                    other => Err(unexpected(other)),
                }
            }
            fn encode(&self, _: Oid) -> Option<OwnedDatum> {
                Some(OwnedDatum::$variant($encode(self)))
            }
        })*
    };
}

scalar_field! {
    bool: Bool, |v| v, |v: &bool| *v;
    i8: Char, |v| v, |v: &i8| *v;
    i16: Int2, |v| v, |v: &i16| *v;
    i32: Int4, |v| v, |v: &i32| *v;
    u32: Int4, |v| v as u32, |v: &u32| *v as i32;
    i64: Int8, |v| v, |v: &i64| *v;
    f32: Float4, |v| v, |v: &f32| *v;
    f64: Float8, |v| v, |v: &f64| *v;
    Oid: Int4, |v| Oid(v as u32), |v: &Oid| v.0 as i32;
    String: Bytes, |v| String::from_utf8_lossy(v).into_owned(), |v: &String| v.as_bytes().into();
    Payload: Bytes, |v: &[u8]| Payload(v.into()), |v: &Payload| v.0.clone();
}

impl<T: Field> Field for Option<T> {
    fn decode(value: Option<Datum<'_>>) -> Result<Self> {
        value.map(|v| T::decode(Some(v))).transpose()
    }
    fn encode(&self, type_oid: Oid) -> Option<OwnedDatum> {
        self.as_ref().and_then(|v| v.encode(type_oid))
    }
}

/// Elements of the one-dimensional arrays in catalogs.
trait Element: Sized {
    fn read(reader: &mut Reader<'_>, start: usize) -> Result<Self>;
    fn write(&self, out: &mut Vec<u8>);
    const TYPE: Oid;
}

macro_rules! fixed_element {
    ($($type:ty: $oid:literal, $read:ident, $from:expr, $to:expr;)*) => {
        $(impl Element for $type {
            const TYPE: Oid = Oid($oid);
            fn read(reader: &mut Reader<'_>, _: usize) -> Result<Self> {
                Ok($from(reader.$read()?))
            }
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&$to(self).to_le_bytes());
            }
        })*
    };
}

fixed_element! {
    Oid: 26, u32, Oid, |v: &Oid| v.0;
    i16: 21, i16, |v| v, |v: &i16| *v;
    i8: 18, i8, |v| v, |v: &i8| *v;
    f32: 700, f32, |v| v, |v: &f32| *v;
}

impl Element for String {
    const TYPE: Oid = Oid(25);
    fn read(reader: &mut Reader<'_>, start: usize) -> Result<Self> {
        // Elements are aligned to four bytes from the array's start.
        let consumed = start - reader.rest().len();
        reader.take((4 - consumed % 4) % 4)?;
        let (value, size) = datum::read_varlena(reader.rest())?;
        let datum::Varlena::Plain(bytes) = value else {
            return Err(Error::corrupted("compressed element in a catalog array"));
        };
        let text = String::from_utf8_lossy(bytes).into_owned();
        reader.take(size)?;
        Ok(text)
    }
    fn write(&self, out: &mut Vec<u8>) {
        while !out.len().is_multiple_of(4) {
            out.push(0);
        }
        write_varlena_header(out, self.len());
        out.extend_from_slice(self.as_bytes());
    }
}

impl<T: Element> Field for Vec<T> {
    fn decode(value: Option<Datum<'_>>) -> Result<Self> {
        let Some(Datum::Bytes(payload)) = value else { return Err(unexpected(value)) };
        let mut reader = Reader::new(payload);
        let dimensions = reader.i32()?;
        let has_nulls = reader.i32()? != 0;
        reader.u32()?;
        if dimensions == 0 {
            return Ok(Vec::new());
        }
        if dimensions != 1 || has_nulls {
            return Err(Error::corrupted("array in a system catalog is not one-dimensional or has nulls"));
        }
        let count = reader.i32()?;
        reader.i32()?;
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(T::read(&mut reader, payload.len())?);
        }
        Ok(elements)
    }

    fn encode(&self, type_oid: Oid) -> Option<OwnedDatum> {
        // int2vector and oidvector count from 0 and always have a dimension.
        let vector = matches!(type_oid.0, 22 | 30);
        let element = if type_oid == Oid(1003) { Oid(19) } else { T::TYPE };
        let mut out = Vec::new();
        let dimensions = i32::from(vector || !self.is_empty());
        out.extend_from_slice(&dimensions.to_le_bytes());
        out.extend_from_slice(&0i32.to_le_bytes());
        out.extend_from_slice(&element.0.to_le_bytes());
        if dimensions == 1 {
            out.extend_from_slice(&(self.len() as i32).to_le_bytes());
            out.extend_from_slice(&i32::from(!vector).to_le_bytes());
            self.iter().for_each(|e| e.write(&mut out));
        }
        Some(OwnedDatum::Bytes(out.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_round_trip() {
        let names = vec!["a".to_string(), "longer name".to_string(), String::new()];
        let stored = names.encode(Oid(1009)).unwrap();
        assert_eq!(Vec::<String>::decode(Some(stored.as_datum())).unwrap(), names);
        let oids = vec![Oid(1), Oid(70000)];
        let stored = oids.encode(Oid(30)).unwrap();
        assert_eq!(Vec::<Oid>::decode(Some(stored.as_datum())).unwrap(), oids);
        let none: Vec<i16> = Vec::new();
        assert_eq!(Vec::<i16>::decode(Some(none.encode(Oid(22)).unwrap().as_datum())).unwrap(), none);
    }
}
