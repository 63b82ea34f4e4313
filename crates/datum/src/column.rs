//! A typed vector of values with its nulls.

use crate::{Datum, Repr};

/// Null flags of a column. Most columns have none, and then nothing is stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nulls(Option<Vec<bool>>);

impl Nulls {
    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        self.0.as_ref().is_some_and(|flags| flags.get(row).copied().unwrap_or(false))
    }

    #[inline]
    pub fn any(&self) -> bool {
        self.0.is_some()
    }

    /// Marks `row`; flags shorter than a row read as "not null".
    pub fn set(&mut self, row: usize) {
        let flags = self.0.get_or_insert_default();
        if flags.len() <= row {
            flags.resize(row + 1, false);
        }
        flags[row] = true;
    }

    pub fn clear(&mut self) {
        self.0 = None;
    }
}

/// Byte strings end to end in one buffer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ByteValues {
    data: Vec<u8>,
    /// `ends[i]` is where value i ends; it starts where the one before ends.
    ends: Vec<u32>,
}

impl ByteValues {
    /// Room for this many values.
    pub fn with_capacity(values: usize) -> ByteValues {
        ByteValues { data: Vec::new(), ends: Vec::with_capacity(values) }
    }

    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        &self.data[self.range(row)]
    }

    #[inline]
    fn range(&self, row: usize) -> std::ops::Range<usize> {
        let start = if row == 0 { 0 } else { self.ends[row - 1] as usize };
        start..self.ends[row] as usize
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Values that lie end to end in `data`, of these lengths; `None` when those do not make up the data.
    pub fn from_lengths(data: &[u8], lengths: impl Iterator<Item = u32>) -> Option<ByteValues> {
        let mut end = 0_u32;
        let mut ends = Vec::with_capacity(lengths.size_hint().0);
        for length in lengths {
            end = end.checked_add(length)?;
            ends.push(end);
        }
        (end as usize == data.len()).then(|| ByteValues { data: data.to_vec(), ends })
    }

    /// All values end to end.
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// All values in turn.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let value = &self.data[start as usize..*end as usize];
            start = *end;
            value
        })
    }

    /// Appends the first `len` bytes of `bytes`, 16 or fewer. Copying a fixed number and cutting off the rest is faster
    /// than copying few bytes of a number that is not known beforehand.
    #[inline]
    pub fn push_short(&mut self, bytes: &[u8; 16], len: usize) {
        self.data.extend_from_slice(bytes);
        self.data.truncate(self.data.len() - 16 + len.min(16));
        self.end_value();
    }

    #[inline]
    pub fn push(&mut self, value: &[u8]) {
        self.data.extend_from_slice(value);
        self.end_value();
    }

    /// Appends to the value under construction; [`ByteValues::end_value`] completes it.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.data
    }

    #[inline]
    pub fn end_value(&mut self) {
        self.ends.push(u32::try_from(self.data.len()).expect("a column holds less than 4 GB"));
    }

    pub fn data_len(&self) -> usize {
        self.data.len()
    }

    fn clear(&mut self) {
        self.data.clear();
        self.ends.clear();
    }
}

/// The values of a column; what stands at a null is unspecified.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    Bool(Vec<bool>),
    Char(Vec<i8>),
    Int2(Vec<i16>),
    Int4(Vec<i32>),
    Int8(Vec<i64>),
    Float4(Vec<f32>),
    Float8(Vec<f64>),
    Bytes(ByteValues),
}

impl Values {
    fn new(repr: Repr, capacity: usize) -> Values {
        match repr {
            Repr::Bool => Values::Bool(Vec::with_capacity(capacity)),
            Repr::Char => Values::Char(Vec::with_capacity(capacity)),
            Repr::Int2 => Values::Int2(Vec::with_capacity(capacity)),
            Repr::Int4 => Values::Int4(Vec::with_capacity(capacity)),
            Repr::Int8 => Values::Int8(Vec::with_capacity(capacity)),
            Repr::Float4 => Values::Float4(Vec::with_capacity(capacity)),
            Repr::Float8 => Values::Float8(Vec::with_capacity(capacity)),
            Repr::Name | Repr::Bytes => Values::Bytes(ByteValues::with_capacity(capacity)),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Values::Bool(v) => v.len(),
            Values::Char(v) => v.len(),
            Values::Int2(v) => v.len(),
            Values::Int4(v) => v.len(),
            Values::Int8(v) => v.len(),
            Values::Float4(v) => v.len(),
            Values::Float8(v) => v.len(),
            Values::Bytes(v) => v.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn repr(&self) -> Repr {
        match self {
            Values::Bool(_) => Repr::Bool,
            Values::Char(_) => Repr::Char,
            Values::Int2(_) => Repr::Int2,
            Values::Int4(_) => Repr::Int4,
            Values::Int8(_) => Repr::Int8,
            Values::Float4(_) => Repr::Float4,
            Values::Float8(_) => Repr::Float8,
            Values::Bytes(_) => Repr::Bytes,
        }
    }

    #[inline]
    fn get(&self, row: usize) -> Datum<'_> {
        match self {
            Values::Bool(v) => Datum::Bool(v[row]),
            Values::Char(v) => Datum::Char(v[row]),
            Values::Int2(v) => Datum::Int2(v[row]),
            Values::Int4(v) => Datum::Int4(v[row]),
            Values::Int8(v) => Datum::Int8(v[row]),
            Values::Float4(v) => Datum::Float4(v[row]),
            Values::Float8(v) => Datum::Float8(v[row]),
            Values::Bytes(v) => Datum::Bytes(v.get(row)),
        }
    }

    fn push_default(&mut self) {
        match self {
            Values::Bool(v) => v.push(false),
            Values::Char(v) => v.push(0),
            Values::Int2(v) => v.push(0),
            Values::Int4(v) => v.push(0),
            Values::Int8(v) => v.push(0),
            Values::Float4(v) => v.push(0.0),
            Values::Float8(v) => v.push(0.0),
            Values::Bytes(v) => v.push(b""),
        }
    }

    #[track_caller]
    #[inline]
    fn push(&mut self, datum: Datum<'_>) {
        match (self, datum) {
            (Values::Bool(v), Datum::Bool(d)) => v.push(d),
            (Values::Char(v), Datum::Char(d)) => v.push(d),
            (Values::Int2(v), Datum::Int2(d)) => v.push(d),
            (Values::Int4(v), Datum::Int4(d)) => v.push(d),
            (Values::Int8(v), Datum::Int8(d)) => v.push(d),
            (Values::Float4(v), Datum::Float4(d)) => v.push(d),
            (Values::Float8(v), Datum::Float8(d)) => v.push(d),
            (Values::Bytes(v), Datum::Bytes(d)) => v.push(d),
            (values, datum) => panic!("{datum:?} does not fit a column of {values:?}"),
        }
    }
}

/// A vector of values of one type. A constant column holds one value that stands for every row.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    values: Values,
    nulls: Nulls,
    constant: bool,
}

impl Column {
    pub fn new(values: Values, nulls: Nulls) -> Column {
        Column { values, nulls, constant: false }
    }

    /// The same value for however many rows.
    pub fn constant(repr: Repr, value: Option<Datum<'_>>) -> Column {
        let mut builder = ColumnBuilder::new(repr, 1);
        builder.push(value);
        Column { constant: true, ..builder.finish() }
    }

    /// Whether one stored value stands for every row.
    #[inline]
    pub fn is_constant(&self) -> bool {
        self.constant
    }

    /// Rows stored: 1 for a constant column.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Where row `row` is stored.
    #[inline]
    pub fn slot(&self, row: usize) -> usize {
        if self.constant { 0 } else { row }
    }

    #[inline]
    pub fn get(&self, row: usize) -> Option<Datum<'_>> {
        let slot = self.slot(row);
        if self.nulls.is_null(slot) { None } else { Some(self.values.get(slot)) }
    }

    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        self.nulls.is_null(self.slot(row))
    }

    #[inline]
    pub fn has_nulls(&self) -> bool {
        self.nulls.any()
    }

    pub fn values(&self) -> &Values {
        &self.values
    }

    pub fn nulls(&self) -> &Nulls {
        &self.nulls
    }

    pub fn repr(&self) -> Repr {
        self.values.repr()
    }

    /// The given rows, in the order given.
    pub fn take(&self, rows: &[u32]) -> Column {
        if self.constant {
            return self.clone();
        }
        macro_rules! gather {
            ($variant:ident, $v:expr) => {
                Values::$variant(rows.iter().map(|row| $v[*row as usize]).collect())
            };
        }
        let values = match &self.values {
            Values::Bool(v) => gather!(Bool, v),
            Values::Char(v) => gather!(Char, v),
            Values::Int2(v) => gather!(Int2, v),
            Values::Int4(v) => gather!(Int4, v),
            Values::Int8(v) => gather!(Int8, v),
            Values::Float4(v) => gather!(Float4, v),
            Values::Float8(v) => gather!(Float8, v),
            Values::Bytes(v) => {
                let mut taken = ByteValues::with_capacity(rows.len());
                let bytes: usize = rows.iter().map(|row| v.get(*row as usize).len()).sum();
                // Short values are copied 16 bytes at a time.
                taken.data.reserve(bytes + 16);
                for row in rows {
                    let range = v.range(*row as usize);
                    match v.data[range.start..].first_chunk() {
                        Some(chunk) if range.len() <= 16 => taken.push_short(chunk, range.len()),
                        _ => taken.push(&v.data[range]),
                    }
                }
                Values::Bytes(taken)
            }
        };
        let mut nulls = Nulls::default();
        if self.nulls.any() {
            for (to, from) in rows.iter().enumerate() {
                if self.nulls.is_null(*from as usize) {
                    nulls.set(to);
                }
            }
        }
        Column { values, nulls, constant: false }
    }

    /// Bytes of memory held, for the query's account.
    pub fn memory_bytes(&self) -> usize {
        let width = match &self.values {
            Values::Bool(_) | Values::Char(_) => 1,
            Values::Int2(_) => 2,
            Values::Int4(_) | Values::Float4(_) => 4,
            Values::Int8(_) | Values::Float8(_) => 8,
            Values::Bytes(v) => return v.data.capacity() + 4 * v.ends.capacity(),
        };
        width * self.values.len()
    }
}

/// Builds a column row by row.
#[derive(Clone, Debug)]
pub struct ColumnBuilder {
    values: Values,
    nulls: Nulls,
}

impl ColumnBuilder {
    pub fn new(repr: Repr, capacity: usize) -> ColumnBuilder {
        ColumnBuilder { values: Values::new(repr, capacity), nulls: Nulls::default() }
    }

    /// Of the same representation as `other`, with room for as much as that holds.
    pub fn like(other: &ColumnBuilder) -> ColumnBuilder {
        let mut values = Values::new(other.values.repr(), other.len());
        if let (Values::Bytes(room), Values::Bytes(held)) = (&mut values, &other.values) {
            room.data.reserve(held.data.len() + held.data.len() / 8);
        }
        ColumnBuilder { values, nulls: Nulls::default() }
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// # Panics
    /// When the datum's variant is not the column's.
    #[track_caller]
    #[inline]
    pub fn push(&mut self, value: Option<Datum<'_>>) {
        match value {
            Some(datum) => self.values.push(datum),
            None => self.push_null(),
        }
    }

    #[inline]
    pub fn push_null(&mut self) {
        self.nulls.set(self.values.len());
        self.values.push_default();
    }

    /// Fills with unspecified values up to `rows`.
    pub fn pad_to(&mut self, rows: usize) {
        while self.values.len() < rows {
            self.values.push_default();
        }
    }

    /// Direct access for typed kernels; a null pushed here must be marked in the nulls too.
    pub fn parts(&mut self) -> (&mut Values, &mut Nulls) {
        (&mut self.values, &mut self.nulls)
    }

    pub fn clear(&mut self) {
        match &mut self.values {
            Values::Bool(v) => v.clear(),
            Values::Char(v) => v.clear(),
            Values::Int2(v) => v.clear(),
            Values::Int4(v) => v.clear(),
            Values::Int8(v) => v.clear(),
            Values::Float4(v) => v.clear(),
            Values::Float8(v) => v.clear(),
            Values::Bytes(v) => v.clear(),
        }
        self.nulls.clear();
    }

    pub fn finish(self) -> Column {
        Column { values: self.values, nulls: self.nulls, constant: false }
    }
}
