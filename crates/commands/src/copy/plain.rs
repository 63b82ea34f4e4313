//! Columns of the commonest types, read field by field out of the reader's buffer. A field that is not spelled in the plainest way
//! leaves the column to the type's input function.

use super::batch::FieldBatch;
use adt::datetime::TimeZone;
use adt::numeric::Typmod;
use adt::plain;
use base::Oid;
use catalog::Session;
use datum::{ByteValues, Column, Nulls, Values};
use functions::formats::Formats;
use std::ops::Range;

/// How a column's fields become values.
pub enum Plain {
    /// As they are, up to this many bytes.
    Text(usize),
    /// Filled with blanks to this many characters.
    Character(usize),
    Int2,
    Int4,
    Int8,
    Numeric(Option<Typmod>),
    Date,
    Timestamp,
    TimestampTz(TimeZone),
}

/// Bytes that a typmod counts beyond the value's: those of a varlena header.
const HEADER: i32 = 4;

impl Plain {
    /// `None` for types that are left to their input functions.
    pub fn of(session: &Session, type_oid: Oid, typmod: i32) -> Option<Plain> {
        let limit = usize::try_from(typmod - HEADER).ok();
        Some(match type_oid.0 {
            25 => Plain::Text(usize::MAX),
            1043 => Plain::Text(limit.unwrap_or(usize::MAX)),
            1042 => Plain::Character(limit?),
            21 => Plain::Int2,
            23 => Plain::Int4,
            20 => Plain::Int8,
            1700 => Plain::Numeric(Typmod::from_stored(typmod)),
            1082 => Plain::Date,
            1114 if typmod < 0 => Plain::Timestamp,
            1184 if typmod < 0 => Plain::TimestampTz(Formats::of(session).zone.clone()),
            _ => return None,
        })
    }

    /// `None` when a field has another spelling.
    pub fn read(&self, fields: &FieldBatch, column: usize, buffer: &[u8]) -> Option<Column> {
        match self {
            Plain::Text(limit) => bytes(fields, column, buffer, |buffer, field, out| {
                out.extend_from_slice(buffer.get(field).filter(|text| text.len() <= *limit)?);
                Some(())
            }),
            Plain::Character(count) => bytes(fields, column, buffer, |buffer, field, out| {
                let text = &buffer[field];
                let characters = text.iter().filter(|byte| **byte as i8 >= -0x40).count();
                out.extend_from_slice(text);
                out.resize(out.len() + count.checked_sub(characters)?, b' ');
                Some(())
            }),
            Plain::Int2 => words(fields, column, buffer, Values::Int2, |buffer, field| {
                i16::try_from(plain::integer(buffer, field)?).ok()
            }),
            Plain::Int4 => words(fields, column, buffer, Values::Int4, |buffer, field| {
                i32::try_from(plain::integer(buffer, field)?).ok()
            }),
            Plain::Int8 => words(fields, column, buffer, Values::Int8, plain::integer),
            Plain::Numeric(typmod) => bytes(fields, column, buffer, |buffer, field, out| {
                plain::numeric(buffer, field, *typmod, out)
            }),
            Plain::Date => words(fields, column, buffer, Values::Int4, plain::date),
            Plain::Timestamp => words(fields, column, buffer, Values::Int8, plain::timestamp),
            Plain::TimestampTz(zone) => words(fields, column, buffer, Values::Int8, |buffer, field| {
                plain::timestamptz(buffer, field, zone)
            }),
        }
    }
}

/// Values of a fixed size.
#[inline]
fn words<T: Default>(
    fields: &FieldBatch,
    column: usize,
    buffer: &[u8],
    values: impl FnOnce(Vec<T>) -> Values,
    read: impl Fn(&[u8], Range<usize>) -> Option<T>,
) -> Option<Column> {
    let mut read_values = Vec::with_capacity(fields.rows());
    let mut nulls = Nulls::default();
    for (row, field) in fields.column(column, buffer).enumerate() {
        match field {
            Some((bytes, range)) => read_values.push(read(bytes, range)?),
            None => {
                nulls.set(row);
                read_values.push(T::default());
            }
        }
    }
    Some(Column::new(values(read_values), nulls))
}

/// Values of any length.
#[inline]
fn bytes(
    fields: &FieldBatch,
    column: usize,
    buffer: &[u8],
    mut read: impl FnMut(&[u8], Range<usize>, &mut Vec<u8>) -> Option<()>,
) -> Option<Column> {
    let mut values = ByteValues::with_capacity(fields.rows());
    let mut nulls = Nulls::default();
    for (row, field) in fields.column(column, buffer).enumerate() {
        match field {
            Some((bytes, range)) => read(bytes, range, values.buffer())?,
            None => nulls.set(row),
        }
        values.end_value();
    }
    Some(Column::new(Values::Bytes(values), nulls))
}
