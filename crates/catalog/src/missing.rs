//! attmissingval: the value of a column for rows that were stored before it was added, kept as an array of one element.

use base::bytes::Reader;
use base::{Error, Result};
use datum::{Datum, OwnedDatum, Repr, TypeLayout, Varlena};

/// The one element of the array with this payload.
///
/// # Errors
/// `XX001` when there is none.
pub fn first_element(payload: &[u8], layout: TypeLayout) -> Result<Option<OwnedDatum>> {
    let damaged = || Error::corrupted("attmissingval is not an array of one element");
    let mut reader = Reader::new(payload);
    if reader.i32()? != 1 {
        return Err(damaged());
    }
    let data_offset = reader.i32()?;
    if data_offset != 0 {
        return Ok(None);
    }
    reader.take(12)?;
    // 4 bytes of header and 20 read so far: the element starts at 24, aligned for every type.
    let bytes = reader.rest();
    if layout.is_varlena() {
        return match datum::read_varlena(bytes)?.0 {
            Varlena::Plain(payload) => Ok(Some(OwnedDatum::Bytes(payload.into()))),
            _ => Err(damaged()),
        };
    }
    let bytes = bytes.get(..layout.len.max(0) as usize).ok_or_else(damaged)?;
    let mut reader = Reader::new(bytes);
    Ok(Some(match layout.repr {
        Repr::Bool => OwnedDatum::Bool(reader.u8()? != 0),
        Repr::Char => OwnedDatum::Char(reader.i8()?),
        Repr::Int2 => OwnedDatum::Int2(reader.i16()?),
        Repr::Int4 => OwnedDatum::Int4(reader.i32()?),
        Repr::Int8 => OwnedDatum::Int8(reader.i64()?),
        Repr::Float4 => OwnedDatum::Float4(reader.f32()?),
        Repr::Float8 => OwnedDatum::Float8(reader.f64()?),
        Repr::Name => OwnedDatum::Bytes(bytes.split(|b| *b == 0).next().unwrap_or_default().into()),
        Repr::Bytes => OwnedDatum::Bytes(bytes.into()),
    }))
}

/// The array that keeps `value`.
///
/// # Errors
/// What forming a tuple of one column fails with.
pub fn to_array(value: Datum<'_>, attribute: &datum::Attribute) -> Result<Vec<u8>> {
    let mut plain = attribute.clone();
    plain.storage = b'p'; // elements of arrays have four-byte headers
    let mut payload = Vec::new();
    for word in [1, 0, attribute.type_oid.0 as i32, 1, 1] {
        payload.extend_from_slice(&i32::to_le_bytes(word));
    }
    datum::form_data(&datum::TupleDesc::new(vec![plain]), &[Some(value)], &[], &mut payload)?;
    Ok(payload)
}
