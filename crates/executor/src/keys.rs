//! Keys of hash tables: values brought into a form in which equality is equality of bytes, so that one table serves all
//! types (1.0 = 1.00, 'a ' = 'a' in char(n), int4 = int8).

use crate::composite::view_composite;
use crate::element::ElementType;
use adt::array::ArrayView;
use base::bytes::{get_i32, get_i64, get_u16};
use base::{Error, Oid, Result};
use catalog::Session;
use datum::{Column, Datum, Repr, Selection, TupleDesc, Values};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;
use std::sync::Arc;

enum Canonical {
    Integer,
    Float,
    Bytes,
    /// `character`: trailing blanks do not count.
    Blanked,
    Numeric,
    Interval,
    Array {
        element: ElementType,
        inner: Box<Canonical>,
    },
    Record {
        desc: Arc<TupleDesc>,
        fields: Vec<Canonical>,
    },
}

/// How one key column's values are brought into that form.
pub struct KeyColumn(Canonical);

/// Nesting of arrays and rows within rows that is followed.
const MAX_DEPTH: u32 = 32;

impl KeyColumn {
    /// # Errors
    /// `42883` for a type without an equality that can be hashed.
    pub fn of_type(session: &Session, type_oid: Oid) -> Result<KeyColumn> {
        Ok(KeyColumn(canonical(session, type_oid, 0)?))
    }
}

fn canonical(session: &Session, type_oid: Oid, depth: u32) -> Result<Canonical> {
    let base = session.base_type(type_oid)?.0;
    let layout = session.type_layout(base)?;
    if depth > MAX_DEPTH {
        base::bail!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    }
    Ok(match (base.0, layout.repr) {
        (1042, _) => Canonical::Blanked,
        (1700, _) => Canonical::Numeric,
        (1186, _) => Canonical::Interval,
        // json, xml and most geometric types have no equality; jsonb's and ranges' bytes are close to theirs.
        (114 | 142 | 600 | 602 | 604, _) => {
            let name = session.format_type(base, None)?;
            return Err(base::err!(
                UNDEFINED_FUNCTION,
                "could not identify an equality operator for type {name}"
            ));
        }
        (_, Repr::Float4 | Repr::Float8) => Canonical::Float,
        (_, Repr::Bytes | Repr::Name) => {
            if let Some(element) = session.element_type(base)? {
                let element = ElementType::new(session, element)?;
                let inner = Box::new(canonical(session, element.oid, depth + 1)?);
                return Ok(Canonical::Array { element, inner });
            }
            match session.row_type(base)? {
                Some(desc) => {
                    let live = desc.attributes().iter().map(|a| match a.dropped {
                        true => Ok(Canonical::Bytes),
                        false => canonical(session, a.type_oid, depth + 1),
                    });
                    let fields = live.collect::<Result<_>>()?;
                    Canonical::Record { desc: desc.clone(), fields }
                }
                None => Canonical::Bytes,
            }
        }
        _ => Canonical::Integer,
    })
}

impl Canonical {
    fn encode(&self, value: Datum<'_>, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Canonical::Integer => out.extend_from_slice(&integer(value).to_le_bytes()),
            Canonical::Float => {
                let number = match value {
                    Datum::Float4(v) => f64::from(v),
                    other => other.float8(),
                };
                let bits = match number {
                    n if n.is_nan() => f64::NAN.to_bits(),
                    0.0 => 0,
                    n => n.to_bits(),
                };
                out.extend_from_slice(&bits.to_le_bytes());
            }
            Canonical::Bytes => push_bytes(value.bytes(), out),
            Canonical::Blanked => {
                let bytes = value.bytes();
                let end = bytes.iter().rposition(|b| *b != b' ').map_or(0, |last| last + 1);
                push_bytes(&bytes[..end], out);
            }
            Canonical::Numeric => numeric(value.bytes(), out)?,
            Canonical::Interval => {
                let bytes = value.bytes();
                if bytes.len() < 16 {
                    return Err(Error::corrupted("interval is too short"));
                }
                let days = i128::from(get_i32(bytes, 8)) + 30 * i128::from(get_i32(bytes, 12));
                let span = i128::from(get_i64(bytes, 0)) + days * 86_400_000_000;
                out.extend_from_slice(&span.to_le_bytes());
            }
            Canonical::Array { element, inner } => {
                let view = ArrayView::new(value.bytes())?;
                let shape = view.shape();
                out.push(shape.lengths.len() as u8);
                for number in shape.lengths.iter().chain(&shape.lower_bounds) {
                    out.extend_from_slice(&number.to_le_bytes());
                }
                for bytes in view.iter(element.array_layout()) {
                    inner.encode_nullable(bytes?.map(|b| element.datum(b)), out)?;
                }
            }
            Canonical::Record { desc, fields } => {
                let row = view_composite(value.bytes())?.fields(desc)?;
                for (field, value) in fields.iter().zip(&row) {
                    field.encode_nullable(value.as_ref().map(|v| v.as_datum()), out)?;
                }
            }
        }
        Ok(())
    }

    fn encode_nullable(&self, value: Option<Datum<'_>>, out: &mut Vec<u8>) -> Result<()> {
        match value {
            None => out.push(0),
            Some(value) => {
                out.push(1);
                self.encode(value, out)?;
            }
        }
        Ok(())
    }
}

fn push_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

#[inline]
fn integer(value: Datum<'_>) -> i64 {
    match value {
        Datum::Bool(v) => i64::from(v),
        Datum::Char(v) => i64::from(v),
        Datum::Int2(v) => i64::from(v),
        Datum::Int4(v) => i64::from(v),
        other => other.int8(),
    }
}

/// Sign, weight and digits without the display scale. Digits are stored without leading and trailing zeros.
fn numeric(payload: &[u8], out: &mut Vec<u8>) -> Result<()> {
    if payload.len() < 2 {
        return Err(Error::corrupted("numeric value is too short"));
    }
    let header = get_u16(payload, 0);
    let (negative, weight, digits) = match header & 0xc000 {
        0xc000 => {
            out.extend_from_slice(&(header & 0xf000).to_le_bytes());
            return Ok(());
        }
        0x8000 => {
            let magnitude = (header & 0x3f) as i16;
            let weight = if header & 0x40 != 0 { magnitude | !0x3f } else { magnitude };
            (header & 0x2000 != 0, weight, &payload[2..])
        }
        _ if payload.len() < 4 => return Err(Error::corrupted("numeric value is too short")),
        _ => (header & 0x4000 != 0, get_u16(payload, 2) as i16, &payload[4..]),
    };
    if digits.is_empty() {
        out.push(0);
        return Ok(());
    }
    out.push(if negative { 2 } else { 1 });
    out.extend_from_slice(&weight.to_le_bytes());
    push_bytes(digits, out);
    Ok(())
}

/// Encodes rows of key columns.
pub struct Encoder {
    columns: Vec<KeyColumn>,
}

impl Encoder {
    pub fn new(columns: Vec<KeyColumn>) -> Encoder {
        Encoder { columns }
    }

    /// For columns of these types.
    pub fn of_types(session: &Session, types: impl IntoIterator<Item = Oid>) -> Result<Encoder> {
        let columns = types.into_iter().map(|t| KeyColumn::of_type(session, t)).collect::<Result<_>>()?;
        Ok(Encoder { columns })
    }

    fn is_integer(&self) -> bool {
        matches!(self.columns[..], [KeyColumn(Canonical::Integer)])
    }

    pub fn encode_value(&self, column: usize, value: Datum<'_>, out: &mut Vec<u8>) -> Result<()> {
        self.columns[column].0.encode(value, out)
    }

    /// Appends the key of one row; returns whether a column is NULL.
    pub fn encode_row(&self, columns: &[&Column], row: usize, out: &mut Vec<u8>) -> Result<bool> {
        let mut has_null = false;
        for (key, column) in self.columns.iter().zip(columns) {
            let value = column.get(row);
            has_null |= value.is_none();
            key.0.encode_nullable(value, out)?;
        }
        Ok(has_null)
    }
}

/// No key.
pub const NONE: u32 = u32::MAX;

enum Keys {
    Integers { values: Vec<i64>, null: u32 },
    Bytes { data: Vec<u8>, ends: Vec<usize>, hashes: Vec<u64>, buffer: Vec<u8> },
}

/// Distinct keys, numbered in the order of their first appearance.
pub struct KeyTable {
    encoder: Arc<Encoder>,
    hasher: DefaultHashBuilder,
    table: HashTable<u32>,
    keys: Keys,
    integers: Vec<i64>,
}

impl KeyTable {
    pub fn new(encoder: Arc<Encoder>) -> KeyTable {
        let keys = Self::empty(&encoder);
        KeyTable {
            encoder,
            hasher: DefaultHashBuilder::default(),
            table: HashTable::new(),
            keys,
            integers: Vec::new(),
        }
    }

    fn empty(encoder: &Encoder) -> Keys {
        if encoder.is_integer() {
            return Keys::Integers { values: Vec::new(), null: NONE };
        }
        Keys::Bytes { data: Vec::new(), ends: Vec::new(), hashes: Vec::new(), buffer: Vec::new() }
    }

    pub fn len(&self) -> usize {
        match &self.keys {
            Keys::Integers { values, .. } => values.len(),
            Keys::Bytes { ends, .. } => ends.len(),
        }
    }

    pub fn clear(&mut self) {
        // Not cleared in place: a table that spilled must not begin its next input as full as it ended.
        self.table = HashTable::new();
        self.keys = Self::empty(&self.encoder);
    }

    pub fn memory_bytes(&self) -> usize {
        let keys = match &self.keys {
            Keys::Integers { values, .. } => 8 * values.capacity(),
            Keys::Bytes { data, ends, hashes, .. } => {
                data.capacity() + 8 * (ends.capacity() + hashes.capacity())
            }
        };
        keys + 5 * self.table.capacity()
    }

    /// The number of each selected row's key, in `numbers` by row. Unknown keys are added. With `null_is_key`
    /// false, rows with a NULL among their key columns get [`NONE`].
    pub fn insert(
        &mut self,
        columns: &[&Column],
        rows: &Selection,
        null_is_key: bool,
        numbers: &mut Vec<u32>,
    ) -> Result<()> {
        numbers.clear();
        numbers.resize(rows.bound(), NONE);
        match &mut self.keys {
            Keys::Integers { values, null } => {
                read_integers(columns[0], rows.bound(), &mut self.integers);
                rows.for_each(|row| {
                    if columns[0].is_null(row) {
                        if null_is_key {
                            if *null == NONE {
                                *null = values.len() as u32;
                                values.push(0);
                            }
                            numbers[row] = *null;
                        }
                        return;
                    }
                    let value = self.integers[row];
                    let hash = self.hasher.hash_one(value);
                    let same = |n: &u32| values[*n as usize] == value && *n != *null;
                    numbers[row] = match self.table.find(hash, same) {
                        Some(found) => *found,
                        None => {
                            let number = values.len() as u32;
                            values.push(value);
                            let hasher = &self.hasher;
                            self.table.insert_unique(hash, number, |n| hasher.hash_one(values[*n as usize]));
                            number
                        }
                    };
                });
            }
            Keys::Bytes { data, ends, hashes, buffer } => rows.try_for_each(|row| -> Result<()> {
                buffer.clear();
                if self.encoder.encode_row(columns, row, buffer)? && !null_is_key {
                    return Ok(());
                }
                let hash = self.hasher.hash_one(buffer.as_slice());
                let same =
                    |n: &u32| hashes[*n as usize] == hash && key_bytes(data, ends, *n) == buffer.as_slice();
                numbers[row] = match self.table.find(hash, same) {
                    Some(found) => *found,
                    None => {
                        let number = ends.len() as u32;
                        data.extend_from_slice(buffer);
                        ends.push(data.len());
                        hashes.push(hash);
                        self.table.insert_unique(hash, number, |n| hashes[*n as usize]);
                        number
                    }
                };
                Ok(())
            })?,
        }
        Ok(())
    }

    /// The number of each selected row's key, [`NONE`] for unknown ones and, unless `null_is_key`, for NULLs.
    pub fn find(
        &mut self,
        columns: &[&Column],
        rows: &Selection,
        null_is_key: bool,
        numbers: &mut Vec<u32>,
    ) -> Result<()> {
        numbers.clear();
        numbers.resize(rows.bound(), NONE);
        match &mut self.keys {
            Keys::Integers { values, null } => {
                read_integers(columns[0], rows.bound(), &mut self.integers);
                rows.for_each(|row| {
                    if columns[0].is_null(row) {
                        if null_is_key {
                            numbers[row] = *null;
                        }
                        return;
                    }
                    let value = self.integers[row];
                    let same = |n: &u32| values[*n as usize] == value && *n != *null;
                    if let Some(found) = self.table.find(self.hasher.hash_one(value), same) {
                        numbers[row] = *found;
                    }
                });
            }
            Keys::Bytes { data, ends, hashes, buffer } => rows.try_for_each(|row| -> Result<()> {
                buffer.clear();
                if self.encoder.encode_row(columns, row, buffer)? && !null_is_key {
                    return Ok(());
                }
                let hash = self.hasher.hash_one(buffer.as_slice());
                let same =
                    |n: &u32| hashes[*n as usize] == hash && key_bytes(data, ends, *n) == buffer.as_slice();
                if let Some(found) = self.table.find(hash, same) {
                    numbers[row] = *found;
                }
                Ok(())
            })?,
        }
        Ok(())
    }
}

fn key_bytes<'a>(data: &'a [u8], ends: &[usize], number: u32) -> &'a [u8] {
    let number = number as usize;
    let start = if number == 0 { 0 } else { ends[number - 1] };
    &data[start..ends[number]]
}

/// The column's first `bound` values, widened.
fn read_integers(column: &Column, bound: usize, out: &mut Vec<i64>) {
    out.clear();
    if column.is_constant() {
        let value = column.get(0).map_or(0, integer);
        out.resize(bound, value);
        return;
    }
    match column.values() {
        Values::Int4(v) => out.extend(v[..bound.min(v.len())].iter().map(|v| i64::from(*v))),
        Values::Int8(v) => out.extend_from_slice(&v[..bound.min(v.len())]),
        Values::Int2(v) => out.extend(v[..bound.min(v.len())].iter().map(|v| i64::from(*v))),
        _ => out.extend((0..bound).map(|row| column.get(row).map_or(0, integer))),
    }
    out.resize(bound, 0);
}

/// Hashes of rows, for dividing them among spill files; equal keys have equal hashes. NULLs hash too.
pub fn row_hashes(
    encoder: &Encoder,
    hasher: &DefaultHashBuilder,
    columns: &[&Column],
    rows: usize,
    out: &mut Vec<u64>,
) -> Result<()> {
    out.clear();
    let mut buffer = Vec::new();
    for row in 0..rows {
        buffer.clear();
        encoder.encode_row(columns, row, &mut buffer)?;
        out.push(hasher.hash_one(buffer.as_slice()));
    }
    Ok(())
}

/// Tells where one group of equal neighbours ends and the next begins.
pub struct GroupWatch {
    encoder: Arc<Encoder>,
    last: Option<Vec<u8>>,
    buffer: Vec<u8>,
}

impl GroupWatch {
    pub fn new(encoder: Arc<Encoder>) -> GroupWatch {
        GroupWatch { encoder, last: None, buffer: Vec::new() }
    }

    /// Whether the row's key differs from that of the row before.
    pub fn is_new(&mut self, columns: &[&Column], row: usize) -> Result<bool> {
        self.buffer.clear();
        self.encoder.encode_row(columns, row, &mut self.buffer)?;
        match &mut self.last {
            Some(last) if *last == self.buffer => Ok(false),
            Some(last) => {
                std::mem::swap(last, &mut self.buffer);
                Ok(true)
            }
            None => {
                self.last = Some(std::mem::take(&mut self.buffer));
                Ok(true)
            }
        }
    }

    pub fn reset(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datum::ColumnBuilder;

    fn column(values: &[Option<i32>]) -> Column {
        let mut builder = ColumnBuilder::new(Repr::Int4, values.len());
        values.iter().for_each(|v| builder.push(v.map(Datum::Int4)));
        builder.finish()
    }

    #[test]
    fn numbers_keys_by_first_appearance() {
        for kinds in [vec![Canonical::Integer], vec![Canonical::Integer, Canonical::Integer]] {
            let width = kinds.len();
            let encoder = Arc::new(Encoder::new(kinds.into_iter().map(KeyColumn).collect()));
            let mut table = KeyTable::new(encoder);
            let values = column(&[Some(5), None, Some(0), Some(5), None]);
            let columns = vec![&values; width];
            let mut numbers = Vec::new();
            table.insert(&columns, &Selection::All(5), true, &mut numbers).unwrap();
            assert_eq!(numbers, [0, 1, 2, 0, 1]);
            let probe = column(&[Some(0), Some(9), None]);
            table.find(&vec![&probe; width], &Selection::All(3), false, &mut numbers).unwrap();
            assert_eq!(numbers, [2, NONE, NONE]);
        }
    }

    #[test]
    fn equal_values_have_equal_keys() {
        let encode = |kind: &Canonical, value| {
            let mut out = Vec::new();
            kind.encode(value, &mut out).unwrap();
            out
        };
        assert_eq!(
            encode(&Canonical::Float, Datum::Float8(-0.0)),
            encode(&Canonical::Float, Datum::Float4(0.0))
        );
        assert_eq!(encode(&Canonical::Integer, Datum::Int2(7)), encode(&Canonical::Integer, Datum::Int8(7)));
        assert_eq!(
            encode(&Canonical::Blanked, Datum::from("a ")),
            encode(&Canonical::Blanked, Datum::from("a"))
        );
        let number = |text: &str| adt::numeric::Numeric::parse(text).unwrap().to_payload();
        let (a, b) = (number("1.50"), number("1.5000"));
        assert_eq!(
            encode(&Canonical::Numeric, Datum::Bytes(&a)),
            encode(&Canonical::Numeric, Datum::Bytes(&b))
        );
    }
}
