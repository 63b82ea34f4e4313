//! Forming the tuples of whole batches: one buffer for all of them, filled straight from the columns.

use crate::tuple::{MAX_VARLENA, value_too_long};
use crate::{
    Batch, ByteValues, Column, INFOMASK_HAS_NULLS, INFOMASK_HAS_VARWIDTH, TUPLE_HEADER_SIZE, TupleDesc,
    Values,
};
use base::bytes::{align_up, get_u16, max_align, put_u16};
use base::{Result, Tid};
use std::ops::Range;

/// Tuples one after the other, each at a multiple of eight bytes.
#[derive(Clone, Debug, Default)]
pub struct Tuples {
    bytes: Vec<u8>,
    ranges: Vec<Range<usize>>,
}

impl Tuples {
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    #[inline]
    pub fn get(&self, number: usize) -> &[u8] {
        &self.bytes[self.ranges[number].clone()]
    }

    #[inline]
    pub fn get_mut(&mut self, number: usize) -> &mut [u8] {
        &mut self.bytes[self.ranges[number].clone()]
    }

    /// The length of a tuple.
    #[inline]
    pub fn length(&self, number: usize) -> usize {
        self.ranges[number].len()
    }

    /// Puts another tuple in the place of one.
    pub fn replace(&mut self, number: usize, tuple: &[u8]) {
        let start = max_align(self.bytes.len());
        self.bytes.resize(start, 0);
        self.bytes.extend_from_slice(tuple);
        self.ranges[number] = start..self.bytes.len();
    }

    /// Forms all rows of a batch. The transaction fields of their headers are those of `header`, their ctids invalid.
    ///
    /// # Errors
    /// `54000` when a value is longer than a varlena can be.
    pub fn form(desc: &TupleDesc, batch: &Batch, header: &[u8; TUPLE_HEADER_SIZE]) -> Result<Tuples> {
        let rows = batch.rows();
        let fields: Vec<Field<'_>> = desc
            .attributes()
            .iter()
            .zip(batch.columns())
            .map(|(attribute, column)| Field {
                column,
                len: attribute.layout.len,
                align: usize::from(attribute.layout.align),
                short: attribute.storage != b'p',
            })
            .collect();
        let bitmap = desc.len().div_ceil(8);
        let room = fields.iter().map(|field| field.room(rows)).sum::<usize>()
            + rows * max_align(TUPLE_HEADER_SIZE + bitmap + 8);
        // Zeros: what no value covers is padding.
        let mut tuples = Tuples { bytes: vec![0; room], ranges: Vec::with_capacity(rows) };
        let mut header = *header;
        header[12..18].copy_from_slice(&Tid::INVALID.to_bytes());
        put_u16(&mut header, 18, desc.len() as u16);
        let varwidth = fields.iter().any(|field| field.len < 0);
        let mask = get_u16(&header, 20) | if varwidth { INFOMASK_HAS_VARWIDTH } else { 0 };
        let nulls = fields.iter().any(|field| field.column.has_nulls());
        let mut start = 0;
        for row in 0..rows {
            let nulls = nulls && fields.iter().any(|field| field.column.is_null(row));
            let data = max_align(TUPLE_HEADER_SIZE + if nulls { bitmap } else { 0 });
            let tuple = &mut tuples.bytes[start..];
            tuple[..TUPLE_HEADER_SIZE].copy_from_slice(&header);
            tuple[22] = data as u8;
            put_u16(tuple, 20, mask);
            let end = if nulls {
                fill_with_nulls(&fields, row, tuple, data, mask)?
            } else {
                let mut at = data;
                for field in &fields {
                    at = field.put(row, tuple, at)?;
                }
                at
            };
            tuples.ranges.push(start..start + end);
            start = max_align(start + end);
        }
        tuples.bytes.truncate(start);
        Ok(tuples)
    }
}

fn fill_with_nulls(
    fields: &[Field<'_>],
    row: usize,
    tuple: &mut [u8],
    data: usize,
    mask: u16,
) -> Result<usize> {
    let mut at = data;
    let mut varwidth = 0;
    for (number, field) in fields.iter().enumerate() {
        if !field.column.is_null(row) {
            tuple[TUPLE_HEADER_SIZE + number / 8] |= 1 << (number % 8);
            at = field.put(row, tuple, at)?;
            varwidth |= if field.len < 0 { INFOMASK_HAS_VARWIDTH } else { 0 };
        }
    }
    put_u16(tuple, 20, mask & !INFOMASK_HAS_VARWIDTH | varwidth | INFOMASK_HAS_NULLS);
    Ok(at)
}

/// A column with what its type says about tuples.
struct Field<'a> {
    column: &'a Column,
    len: i16,
    align: usize,
    /// Short values may have a header of one byte, which is not aligned.
    short: bool,
}

impl Field<'_> {
    /// Bytes that the values of so many rows take at most.
    fn room(&self, rows: usize) -> usize {
        let values = match self.column.values() {
            Values::Bytes(values) if self.column.is_constant() => rows * values.data_len(),
            Values::Bytes(values) => values.data_len(),
            _ => 0,
        };
        // A header and padding in front, a zero behind, or the padding of a type of fixed length.
        values + rows * (usize::from(self.len.max(0).unsigned_abs()) + 12)
    }

    /// Puts a row's value, which is not null, at `at` or the next place where it may stand. Returns where it ends. Offsets within a
    /// tuple are aligned as those within its data, which start at a multiple of eight.
    #[inline]
    fn put(&self, row: usize, tuple: &mut [u8], at: usize) -> Result<usize> {
        let slot = self.column.slot(row);
        macro_rules! number {
            ($value:expr) => {{
                let bytes = $value.to_le_bytes();
                let start = align_up(at, self.align);
                tuple[start..start + bytes.len()].copy_from_slice(&bytes);
                Ok(start + bytes.len())
            }};
        }
        match self.column.values() {
            Values::Bool(values) => number!(u8::from(values[slot])),
            Values::Char(values) => number!(values[slot]),
            Values::Int2(values) => number!(values[slot]),
            Values::Int4(values) => number!(values[slot]),
            Values::Int8(values) => number!(values[slot]),
            Values::Float4(values) => number!(values[slot]),
            Values::Float8(values) => number!(values[slot]),
            Values::Bytes(values) => self.put_bytes(values, slot, tuple, at),
        }
    }

    #[inline]
    fn put_bytes(&self, values: &ByteValues, slot: usize, tuple: &mut [u8], at: usize) -> Result<usize> {
        let value = values.get(slot);
        let start = match self.len {
            -1 if value.len() < 127 && self.short => {
                tuple[at] = ((value.len() as u8 + 1) << 1) | 1;
                at + 1
            }
            -1 => {
                if value.len() > MAX_VARLENA - 4 {
                    return Err(value_too_long(value.len()));
                }
                let start = align_up(at, self.align);
                tuple[start..start + 4].copy_from_slice(&(((value.len() + 4) as u32) << 2).to_le_bytes());
                start + 4
            }
            _ => align_up(at, self.align),
        };
        match usize::try_from(self.len) {
            // A name is padded; other types come at their full length.
            Ok(len) => {
                let value = &value[..value.len().min(len)];
                tuple[start..start + value.len()].copy_from_slice(value);
                Ok(start + len)
            }
            Err(_) => {
                tuple[start..start + value.len()].copy_from_slice(value);
                // A zero ends a string without header.
                Ok(start + value.len() + usize::from(self.len == -2))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attribute, ColumnBuilder, Datum, TypeLayout, form_tuple};
    use base::Oid;
    use std::sync::Arc;

    #[test]
    fn batches_are_formed_as_rows_are() {
        let types = [(16, 1, true, b'c'), (20, 8, true, b'd'), (25, -1, false, b'i'), (21, 2, true, b's')];
        let others =
            [(19, 64, false, b'c'), (2275, -2, false, b'c'), (2950, 16, false, b'c'), (23, 4, true, b'i')];
        let attributes: Vec<Attribute> = types
            .iter()
            .chain(&others)
            .chain(&[(25, -1, false, b'i'), (701, 8, true, b'd')])
            .map(|(oid, len, by_value, align)| {
                let layout = TypeLayout::new(Oid(*oid), *len, *by_value, *align);
                Attribute::result("a", Oid(*oid), -1, layout, Oid(0))
            })
            .collect();
        let desc = TupleDesc::new(attributes);
        let long = vec![b'l'; 200];
        let uuid = [7; 16];
        let full = [
            Some(Datum::Bool(true)),
            Some(Datum::Int8(-5)),
            Some(Datum::from("text")),
            Some(Datum::Int2(9)),
            Some(Datum::from("name")),
            Some(Datum::from("cstring")),
            Some(Datum::Bytes(&uuid)),
            Some(Datum::Int4(11)),
            Some(Datum::Bytes(&long)),
            Some(Datum::Float8(0.5)),
        ];
        let mut rows = vec![full, [None; 10]];
        for hidden in 0..10 {
            let mut row = full;
            row[hidden] = None;
            rows.push(row);
        }
        let mut builders: Vec<_> =
            desc.attributes().iter().map(|a| ColumnBuilder::new(a.layout.repr, 1)).collect();
        for row in &rows {
            builders.iter_mut().zip(row).for_each(|(builder, value)| builder.push(*value));
        }
        let columns = builders.into_iter().map(|builder| Arc::new(builder.finish())).collect();
        let tuples = Tuples::form(&desc, &Batch::new(columns, rows.len()), &[0; 23]).unwrap();
        assert_eq!(tuples.len(), rows.len());
        for (number, row) in rows.iter().enumerate() {
            assert_eq!(tuples.get(number), form_tuple(&desc, row, &[]).unwrap(), "{row:?}");
        }
    }
}
