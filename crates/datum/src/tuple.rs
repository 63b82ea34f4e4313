//! PostgreSQL's heap tuple: header, null bitmap, attributes with their alignment, varlena headers.
//! Source: storage chapter of PostgreSQL's manual ("Database Page Layout"), access/htup_details.h, varatt.h.

use crate::{ColumnBuilder, Datum, Repr, TupleDesc};
use base::bytes::{align_up, get_u16, get_u32, max_align, put_u16};
use base::{Error, Oid, Result, SqlState, Tid};

/// Bytes of a tuple header without null bitmap.
pub const TUPLE_HEADER_SIZE: usize = 23;
pub const INFOMASK_HAS_NULLS: u16 = 0x0001;
pub const INFOMASK_HAS_VARWIDTH: u16 = 0x0002;
pub const INFOMASK_HAS_EXTERNAL: u16 = 0x0004;

/// The largest value a varlena header can tell of.
pub(crate) const MAX_VARLENA: usize = 0x3fff_ffff;
const VARTAG_ONDISK: u8 = 18;

/// How a varlena is compressed, by its number in the two top bits of the size word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Pglz = 0,
    Lz4 = 1,
}

/// A value kept in a TOAST table (varatt_external).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToastPointer {
    /// Bytes of the value uncompressed, with a four-byte header.
    pub raw_size: u32,
    /// Bytes stored, without header.
    pub stored_size: u32,
    pub compression: Option<Compression>,
    pub value_id: Oid,
    pub toast_relation: Oid,
}

impl ToastPointer {
    pub const SIZE: usize = 18;

    /// The 18 bytes that stand in the tuple.
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[0] = 1;
        bytes[1] = VARTAG_ONDISK;
        let method = self.compression.map_or(0, |method| (method as u32) << 30);
        bytes[2..6].copy_from_slice(&self.raw_size.to_le_bytes());
        bytes[6..10].copy_from_slice(&(self.stored_size | method).to_le_bytes());
        bytes[10..14].copy_from_slice(&self.value_id.0.to_le_bytes());
        bytes[14..18].copy_from_slice(&self.toast_relation.0.to_le_bytes());
        bytes
    }
}

/// A varlena as it is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Varlena<'a> {
    /// The payload, uncompressed.
    Plain(&'a [u8]),
    Compressed {
        method: Compression,
        raw_size: usize,
        data: &'a [u8],
    },
    External(ToastPointer),
}

/// Bytes of an attribute to be stored, already in their stored form: TOAST replaces long values with these.
#[derive(Clone, Debug, PartialEq)]
pub enum StoredBytes {
    Plain(Vec<u8>),
    Compressed { method: Compression, raw_size: u32, data: Vec<u8> },
    External(ToastPointer),
}

/// Reads the varlena at the start of `bytes`: its form and the bytes it takes, header included.
///
/// # Errors
/// `XX001` when the header does not fit the bytes.
pub fn read_varlena(bytes: &[u8]) -> Result<(Varlena<'_>, usize)> {
    let damaged = || Error::corrupted("variable-length value with an invalid header");
    let first = *bytes.first().ok_or_else(damaged)?;
    if first == 1 {
        let pointer = bytes.get(..ToastPointer::SIZE).ok_or_else(damaged)?;
        if pointer[1] != VARTAG_ONDISK {
            return Err(damaged());
        }
        let info = get_u32(pointer, 6);
        let raw_size = get_u32(pointer, 2);
        let stored_size = info & 0x3fff_ffff;
        let compressed = stored_size < raw_size.saturating_sub(4);
        let compression =
            if compressed { Some(compression_method(info >> 30).ok_or_else(damaged)?) } else { None };
        let pointer = ToastPointer {
            raw_size,
            stored_size,
            compression,
            value_id: Oid(get_u32(pointer, 10)),
            toast_relation: Oid(get_u32(pointer, 14)),
        };
        return Ok((Varlena::External(pointer), ToastPointer::SIZE));
    }
    if first & 1 == 1 {
        let size = usize::from(first >> 1);
        return Ok((Varlena::Plain(bytes.get(1..size).ok_or_else(damaged)?), size));
    }
    if bytes.len() < 4 {
        return Err(damaged());
    }
    let word = get_u32(bytes, 0);
    let size = (word >> 2) as usize;
    let body = bytes.get(4..size).ok_or_else(damaged)?;
    if word & 3 == 0 {
        return Ok((Varlena::Plain(body), size));
    }
    if body.len() < 4 {
        return Err(damaged());
    }
    let info = get_u32(body, 0);
    let method = compression_method(info >> 30).ok_or_else(damaged)?;
    Ok((Varlena::Compressed { method, raw_size: (info & 0x3fff_ffff) as usize, data: &body[4..] }, size))
}

fn compression_method(number: u32) -> Option<Compression> {
    match number {
        0 => Some(Compression::Pglz),
        1 => Some(Compression::Lz4),
        _ => None,
    }
}

/// Appends a four-byte header for a payload of `len` bytes.
pub fn write_varlena_header(out: &mut Vec<u8>, len: usize) {
    out.extend_from_slice(&(((len + 4) as u32) << 2).to_le_bytes());
}

/// A tuple on a page or in memory, header first.
#[derive(Clone, Copy, Debug)]
pub struct TupleView<'a>(&'a [u8]);

impl<'a> TupleView<'a> {
    /// # Errors
    /// `XX001` when the bytes cannot hold a tuple.
    pub fn new(bytes: &'a [u8]) -> Result<TupleView<'a>> {
        let long_enough = bytes.len() >= TUPLE_HEADER_SIZE && bytes.len() >= usize::from(bytes[22]);
        if !long_enough || usize::from(bytes[22]) < TUPLE_HEADER_SIZE {
            return Err(Error::corrupted(format!("tuple of {} bytes has an invalid header", bytes.len())));
        }
        let view = TupleView(bytes);
        if view.has_nulls() && view.header_size() < TUPLE_HEADER_SIZE + view.attribute_count().div_ceil(8) {
            return Err(Error::corrupted("tuple header too short for its null bitmap"));
        }
        Ok(view)
    }

    pub fn bytes(&self) -> &'a [u8] {
        self.0
    }
    pub fn xmin(&self) -> u32 {
        get_u32(self.0, 0)
    }
    pub fn xmax(&self) -> u32 {
        get_u32(self.0, 4)
    }
    pub fn raw_command_id(&self) -> u32 {
        get_u32(self.0, 8)
    }
    pub fn ctid(&self) -> Tid {
        Tid::from_bytes(self.0[12..18].try_into().expect("six bytes"))
    }
    pub fn infomask2(&self) -> u16 {
        get_u16(self.0, 18)
    }
    pub fn infomask(&self) -> u16 {
        get_u16(self.0, 20)
    }
    pub fn header_size(&self) -> usize {
        usize::from(self.0[22])
    }
    /// Attributes stored; later ones were added to the table afterwards.
    pub fn attribute_count(&self) -> usize {
        usize::from(self.infomask2() & 0x07ff)
    }
    pub fn has_nulls(&self) -> bool {
        self.infomask() & INFOMASK_HAS_NULLS != 0
    }
    /// `attribute` counts from 0.
    #[inline]
    pub fn is_null(&self, attribute: usize) -> bool {
        self.has_nulls() && self.0[TUPLE_HEADER_SIZE + attribute / 8] & (1 << (attribute % 8)) == 0
    }
    /// The attributes' bytes, from the header's end on.
    pub fn data(&self) -> &'a [u8] {
        &self.0[self.header_size()..]
    }

    /// Calls `visit` with the stored bytes of the attributes from 0 on, until one past `last`, `None` for nulls:
    /// for fixed-length types the value's bytes, for varlenas the value with its header.
    pub fn for_each_attribute(
        &self,
        desc: &TupleDesc,
        last: usize,
        mut visit: impl FnMut(usize, Option<&'a [u8]>) -> Result<()>,
    ) -> Result<()> {
        let data = self.data();
        let mut offset = 0;
        let stored = self.attribute_count().min(desc.len()).min(last + 1);
        for (index, attribute) in desc.attributes()[..stored].iter().enumerate() {
            if self.is_null(index) {
                visit(index, None)?;
                continue;
            }
            let (start, size) = locate(data, offset, attribute.layout.len, attribute.layout.align)?;
            visit(index, Some(&data[start..start + size]))?;
            offset = start + size;
        }
        Ok(())
    }
}

#[cold]
pub(crate) fn damaged() -> Error {
    Error::corrupted("tuple shorter than its attributes")
}

/// Whether the null bitmap of a tuple whose header was checked says that `attribute` is null.
#[inline]
pub(crate) fn is_absent(tuple: &[u8], attribute: usize) -> bool {
    get_u16(tuple, 20) & INFOMASK_HAS_NULLS != 0
        && tuple[TUPLE_HEADER_SIZE + attribute / 8] & (1 << (attribute % 8)) == 0
}

/// Where the attribute that follows `offset` starts, and its size.
#[inline]
pub(crate) fn locate(data: &[u8], offset: usize, len: i16, align: u8) -> Result<(usize, usize)> {
    if len > 0 {
        let start = align_up(offset, usize::from(align));
        let size = len as usize;
        return if start + size <= data.len() { Ok((start, size)) } else { Err(damaged()) };
    }
    if len == -1 {
        // A first byte that is not zero is a short header, which is never aligned; padding is zero.
        let start = match data.get(offset) {
            Some(0) => align_up(offset, usize::from(align)),
            Some(_) => offset,
            None => return Err(damaged()),
        };
        let (_, size) = read_varlena(data.get(start..).ok_or_else(damaged)?)?;
        return Ok((start, size));
    }
    let rest = data.get(offset..).ok_or_else(damaged)?;
    let end = rest.iter().position(|b| *b == 0).ok_or_else(damaged)?;
    Ok((offset, end + 1))
}

/// The in-memory value of an attribute's stored bytes; varlenas must be [`Varlena::Plain`] to come here.
#[inline]
pub fn fixed_datum(bytes: &[u8], repr: Repr) -> Datum<'_> {
    macro_rules! number {
        ($type:ty) => {
            <$type>::from_le_bytes(bytes.try_into().expect("located by the type's length"))
        };
    }
    match repr {
        Repr::Bool => Datum::Bool(bytes[0] != 0),
        Repr::Char => Datum::Char(bytes[0] as i8),
        Repr::Int2 => Datum::Int2(number!(i16)),
        Repr::Int4 => Datum::Int4(number!(i32)),
        Repr::Int8 => Datum::Int8(number!(i64)),
        Repr::Float4 => Datum::Float4(number!(f32)),
        Repr::Float8 => Datum::Float8(number!(f64)),
        Repr::Name => Datum::Bytes(trim_zeros(bytes)),
        Repr::Bytes => Datum::Bytes(bytes),
    }
}

pub(crate) fn trim_zeros(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len())]
}

/// How attributes that a tuple lacks are filled in, when it is older than the column.
pub enum MissingValues {
    /// With pg_attribute's attmissingval, else null.
    Fill,
    /// With null.
    Null,
}

/// Appends the attributes `needed` (ascending, from 0) of one tuple to the builders, one builder each.
/// `detoast` turns a compressed or external value into its payload.
///
/// # Errors
/// `XX001` for a damaged tuple; what `detoast` fails with.
pub fn deform_into(
    tuple: TupleView<'_>,
    desc: &TupleDesc,
    needed: &[usize],
    missing: MissingValues,
    builders: &mut [ColumnBuilder],
    detoast: &mut dyn FnMut(Varlena<'_>) -> Result<Vec<u8>>,
) -> Result<()> {
    let Some(&last) = needed.last() else { return Ok(()) };
    let stored = tuple.attribute_count().min(desc.len());
    let data = tuple.data();
    let has_nulls = tuple.has_nulls();
    let mut offset = 0;
    let mut next = 0;
    let mut index = 0;
    if !has_nulls {
        // Leading attributes of fixed length are found without walking.
        let fixed = desc.fixed_offsets();
        while next < needed.len() && needed[next] < fixed.len().min(stored) {
            index = needed[next];
            let layout = desc.attributes()[index].layout;
            let start = fixed[index] as usize;
            let bytes = data.get(start..start + layout.len as usize).ok_or_else(damaged)?;
            builders[next].push(Some(fixed_datum(bytes, layout.repr)));
            offset = start + layout.len as usize;
            next += 1;
            index += 1;
        }
        if next < needed.len() && !fixed.is_empty() && index < fixed.len().min(stored) {
            index = fixed.len().min(stored) - 1;
            offset = fixed[index] as usize;
        }
    }
    while next < needed.len() && index < stored && index <= last {
        if has_nulls && tuple.is_null(index) {
            if needed[next] == index {
                builders[next].push_null();
                next += 1;
            }
            index += 1;
            continue;
        }
        let layout = desc.attributes()[index].layout;
        let (start, size) = locate(data, offset, layout.len, layout.align)?;
        if needed[next] == index {
            let bytes = &data[start..start + size];
            match layout.len {
                -1 => match read_varlena(bytes)?.0 {
                    Varlena::Plain(payload) => builders[next].push(Some(Datum::Bytes(payload))),
                    toasted => builders[next].push(Some(Datum::Bytes(&detoast(toasted)?))),
                },
                -2 => builders[next].push(Some(Datum::Bytes(trim_zeros(bytes)))),
                _ => builders[next].push(Some(fixed_datum(bytes, layout.repr))),
            }
            next += 1;
        }
        offset = start + size;
        index += 1;
    }
    for (position, attribute) in needed.iter().enumerate().skip(next) {
        let value = match missing {
            MissingValues::Fill => desc.attributes()[*attribute].missing.as_ref(),
            MissingValues::Null => None,
        };
        builders[position].push(value.map(|v| v.as_datum()));
    }
    Ok(())
}

/// The attributes' bytes of a row: null flags and data area, as in heap tuples and (with other headers) in index tuples.
/// `stored[i]`, where given, replaces value i by an already stored form. Returns the infomask bits that follow.
///
/// # Errors
/// `54000` when a value is longer than a varlena can be.
pub fn form_data(
    desc: &TupleDesc,
    values: &[Option<Datum<'_>>],
    stored: &[Option<StoredBytes>],
    out: &mut Vec<u8>,
) -> Result<u16> {
    let start = out.len();
    let mut mask = 0;
    for (index, attribute) in desc.attributes().iter().enumerate() {
        let Some(value) = values[index] else {
            mask |= INFOMASK_HAS_NULLS;
            continue;
        };
        let layout = attribute.layout;
        let align = |out: &mut Vec<u8>| {
            let padded = start + align_up(out.len() - start, usize::from(layout.align));
            out.resize(padded, 0);
        };
        if layout.len != -1 {
            align(out);
            if layout.len == -2 {
                mask |= INFOMASK_HAS_VARWIDTH;
            }
            push_fixed(out, value, layout.len);
            continue;
        }
        mask |= INFOMASK_HAS_VARWIDTH;
        match stored.get(index).and_then(Option::as_ref) {
            Some(StoredBytes::External(pointer)) => {
                mask |= INFOMASK_HAS_EXTERNAL;
                out.extend_from_slice(&pointer.to_bytes());
            }
            Some(StoredBytes::Compressed { method, raw_size, data }) => {
                align(out);
                out.extend_from_slice(&(((data.len() as u32 + 8) << 2) | 2).to_le_bytes());
                out.extend_from_slice(&(raw_size | (*method as u32) << 30).to_le_bytes());
                out.extend_from_slice(data);
            }
            plain => {
                let payload = match plain {
                    Some(StoredBytes::Plain(payload)) => payload,
                    _ => value.bytes(),
                };
                if payload.len() > MAX_VARLENA - 4 {
                    return Err(value_too_long(payload.len()));
                }
                if payload.len() < 127 && attribute.storage != b'p' {
                    out.push(((payload.len() as u8 + 1) << 1) | 1);
                } else {
                    align(out);
                    write_varlena_header(out, payload.len());
                }
                out.extend_from_slice(payload);
            }
        }
    }
    Ok(mask)
}

pub(crate) fn value_too_long(bytes: usize) -> Error {
    Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, format!("value of {bytes} bytes is too long to store"))
}

fn push_fixed(out: &mut Vec<u8>, value: Datum<'_>, len: i16) {
    match value {
        Datum::Bool(v) => out.push(u8::from(v)),
        Datum::Char(v) => out.extend_from_slice(&v.to_le_bytes()),
        Datum::Int2(v) => out.extend_from_slice(&v.to_le_bytes()),
        Datum::Int4(v) => out.extend_from_slice(&v.to_le_bytes()),
        Datum::Int8(v) => out.extend_from_slice(&v.to_le_bytes()),
        Datum::Float4(v) => out.extend_from_slice(&v.to_le_bytes()),
        Datum::Float8(v) => out.extend_from_slice(&v.to_le_bytes()),
        Datum::Bytes(bytes) if len == -2 => {
            out.extend_from_slice(bytes);
            out.push(0);
        }
        Datum::Bytes(bytes) => {
            // name is padded; other types come at their full length
            let end = out.len() + len as usize;
            out.extend_from_slice(&bytes[..bytes.len().min(len as usize)]);
            out.resize(end, 0);
        }
    }
}

/// A heap tuple with its transaction fields zero and its ctid invalid; the heap fills those in.
///
/// # Errors
/// As [`form_data`].
pub fn form_tuple(
    desc: &TupleDesc,
    values: &[Option<Datum<'_>>],
    stored: &[Option<StoredBytes>],
) -> Result<Vec<u8>> {
    let has_nulls = values.iter().any(Option::is_none);
    let bitmap = if has_nulls { desc.len().div_ceil(8) } else { 0 };
    let header = max_align(TUPLE_HEADER_SIZE + bitmap);
    let mut tuple = vec![0; header];
    // Alignment is relative to the start of the data area, which is itself maximally aligned.
    let mask = form_data(desc, values, stored, &mut tuple)?;
    put_u16(&mut tuple, 18, desc.len() as u16);
    put_u16(&mut tuple, 20, mask);
    tuple[22] = header as u8;
    tuple[12..18].copy_from_slice(&Tid::INVALID.to_bytes());
    if has_nulls {
        for (index, value) in values.iter().enumerate() {
            if value.is_some() {
                tuple[TUPLE_HEADER_SIZE + index / 8] |= 1 << (index % 8);
            }
        }
    }
    Ok(tuple)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attribute, TypeLayout};

    fn desc() -> TupleDesc {
        let attribute = |name: &str, oid: u32, len, by_value, align: u8| {
            Attribute::result(name, Oid(oid), -1, TypeLayout::new(Oid(oid), len, by_value, align), Oid(0))
        };
        TupleDesc::new(vec![
            attribute("a", 23, 4, true, b'i'),
            attribute("b", 20, 8, true, b'd'),
            attribute("c", 25, -1, false, b'i'),
            attribute("d", 21, 2, true, b's'),
            attribute("n", 19, 64, false, b'c'),
        ])
    }

    fn round_trip(values: &[Option<Datum<'_>>], needed: &[usize]) -> Vec<Option<crate::OwnedDatum>> {
        let desc = desc();
        let tuple = form_tuple(&desc, values, &[]).unwrap();
        let mut builders: Vec<_> =
            needed.iter().map(|i| ColumnBuilder::new(desc.attributes()[*i].layout.repr, 1)).collect();
        let view = TupleView::new(&tuple).unwrap();
        let mut detoast = |_: Varlena<'_>| -> Result<Vec<u8>> { unreachable!("nothing is toasted here") };
        deform_into(view, &desc, needed, MissingValues::Null, &mut builders, &mut detoast).unwrap();
        builders.into_iter().map(|b| b.finish().get(0).map(Datum::to_owned)).collect()
    }

    #[test]
    fn forms_and_deforms() {
        let long = vec![b'x'; 300];
        for text in [&b"hello"[..], b"", &long] {
            let values = [
                Some(Datum::Int4(7)),
                Some(Datum::Int8(-1)),
                Some(Datum::Bytes(text)),
                Some(Datum::Int2(3)),
                Some(Datum::from("nm")),
            ];
            let expected: Vec<_> = values.iter().map(|v| v.map(Datum::to_owned)).collect();
            assert_eq!(round_trip(&values, &[0, 1, 2, 3, 4]), expected);
            assert_eq!(round_trip(&values, &[1, 3]), [expected[1].clone(), expected[3].clone()]);
            assert_eq!(round_trip(&values, &[2]), [expected[2].clone()]);
            assert_eq!(round_trip(&values, &[4]), [expected[4].clone()]);
        }
    }

    #[test]
    fn nulls_take_no_room() {
        let values = [None, Some(Datum::Int8(5)), None, Some(Datum::Int2(3)), None];
        let expected: Vec<_> = values.iter().map(|v| v.map(Datum::to_owned)).collect();
        assert_eq!(round_trip(&values, &[0, 1, 2, 3, 4]), expected);
        assert_eq!(form_tuple(&desc(), &values, &[]).unwrap().len(), 24 + 8 + 2);
    }

    #[test]
    fn damaged_bytes_are_errors() {
        for len in 0..40 {
            let bytes = vec![0xff; len];
            if let Ok(view) = TupleView::new(&bytes) {
                let walked = view.for_each_attribute(&desc(), 4, |_, _| Ok(()));
                assert!(walked.is_err());
            }
        }
        assert!(read_varlena(&[0x03]).is_ok());
        assert!(read_varlena(&[0xff, 1, 2]).is_err());
        assert!(read_varlena(&[]).is_err());
        assert!(read_varlena(&[1, 18, 0]).is_err());
    }
}
