//! Keys of hash tables: values brought into a form in which equality is equality of bytes, so that one table serves all
//! types (1.0 = 1.00, 'a ' = 'a' in char(n), int4 = int8).

use crate::composite::view_composite;
use crate::element::ElementType;
use adt::array::ArrayView;
use base::bytes::{get_i32, get_i64, get_u16};
use base::{Error, Oid, Result};
use catalog::Session;
use datum::{Column, Datum, Repr, TupleDesc};
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

/// Values that fit into a word or two, as which a hash table can keep them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordKind {
    Integer,
    Float,
    Bytes,
    Blanked,
    Numeric,
}

impl WordKind {
    /// Stands for NULL; the number itself does not count as fitting.
    pub const NULL_INTEGER: i64 = i64::MIN;
    /// Stands for NULL in the last word of the other kinds: no float has these bits in its canonical form, no string this
    /// length.
    const NULL: u64 = u64::MAX;
    const LONGEST: usize = 15;

    /// How many words a value takes.
    pub fn words(self) -> usize {
        match self {
            WordKind::Integer | WordKind::Float => 1,
            WordKind::Bytes | WordKind::Blanked | WordKind::Numeric => 2,
        }
    }

    pub fn put_null(self, out: &mut [u64]) {
        out[..self.words()].fill(0);
        out[self.words() - 1] = match self {
            WordKind::Integer => WordKind::NULL_INTEGER as u64,
            _ => WordKind::NULL,
        };
    }

    /// Writes a value's words; false if it does not fit.
    #[inline]
    pub fn put(self, value: Datum<'_>, out: &mut [u64]) -> bool {
        match self {
            WordKind::Integer => {
                let value = integer(value);
                out[0] = value as u64;
                value != WordKind::NULL_INTEGER
            }
            WordKind::Float => {
                out[0] = float_bits(value);
                true
            }
            WordKind::Bytes => put_bytes(value.bytes(), out),
            WordKind::Blanked => put_bytes(without_blanks(value.bytes()), out),
            WordKind::Numeric => {
                let mut encoded = Vec::with_capacity(32);
                numeric(value.bytes(), &mut encoded).is_ok() && put_bytes(&encoded, out)
            }
        }
    }

    /// Appends the key's bytes, as `Canonical::encode_nullable` does.
    pub fn encode(self, words: &[u64], out: &mut Vec<u8>) {
        let last = words[self.words() - 1];
        let is_null = match self {
            WordKind::Integer => last as i64 == WordKind::NULL_INTEGER,
            _ => last == WordKind::NULL,
        };
        out.push(u8::from(!is_null));
        if is_null {
            return;
        }
        match self {
            WordKind::Integer | WordKind::Float => out.extend_from_slice(&last.to_le_bytes()),
            WordKind::Bytes | WordKind::Blanked | WordKind::Numeric => {
                let mut bytes = [0; 16];
                bytes[..8].copy_from_slice(&words[0].to_le_bytes());
                bytes[8..].copy_from_slice(&last.to_le_bytes());
                let value = &bytes[..usize::from(bytes[15]).min(WordKind::LONGEST)];
                match self {
                    // Its encoding tells by itself where it ends.
                    WordKind::Numeric => out.extend_from_slice(value),
                    _ => push_bytes(value, out),
                }
            }
        }
    }
}

#[inline]
fn put_bytes(value: &[u8], out: &mut [u64]) -> bool {
    if value.len() > WordKind::LONGEST {
        return false;
    }
    let mut bytes = [0; 16];
    bytes[..value.len()].copy_from_slice(value);
    bytes[15] = value.len() as u8;
    let whole = u128::from_le_bytes(bytes);
    (out[0], out[1]) = (whole as u64, (whole >> 64) as u64);
    true
}

fn float_bits(value: Datum<'_>) -> u64 {
    let number = match value {
        Datum::Float4(v) => f64::from(v),
        other => other.float8(),
    };
    match number {
        n if n.is_nan() => f64::NAN.to_bits(),
        0.0 => 0,
        n => n.to_bits(),
    }
}

/// What counts of a `character` value.
#[inline]
pub fn without_blanks(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.iter().rposition(|b| *b != b' ').map_or(0, |last| last + 1)]
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
            Canonical::Float => out.extend_from_slice(&float_bits(value).to_le_bytes()),
            Canonical::Bytes => push_bytes(value.bytes(), out),
            Canonical::Blanked => push_bytes(without_blanks(value.bytes()), out),
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
    /// What the columns are to a table of words; empty if one of them can be none.
    kinds: Vec<WordKind>,
    words: usize,
}

impl Encoder {
    pub fn new(columns: Vec<KeyColumn>) -> Encoder {
        let kind = |column: &KeyColumn| {
            Some(match column.0 {
                Canonical::Integer => WordKind::Integer,
                Canonical::Float => WordKind::Float,
                Canonical::Bytes => WordKind::Bytes,
                Canonical::Blanked => WordKind::Blanked,
                Canonical::Numeric => WordKind::Numeric,
                Canonical::Interval | Canonical::Array { .. } | Canonical::Record { .. } => return None,
            })
        };
        let kinds: Vec<WordKind> = columns.iter().map(kind).collect::<Option<_>>().unwrap_or_default();
        let words = kinds.iter().map(|k| k.words()).sum();
        Encoder { columns, kinds, words }
    }

    /// For columns of these types.
    pub fn of_types(session: &Session, types: impl IntoIterator<Item = Oid>) -> Result<Encoder> {
        let columns = types.into_iter().map(|t| KeyColumn::of_type(session, t)).collect::<Result<_>>()?;
        Ok(Encoder::new(columns))
    }

    #[cfg(test)]
    pub fn of_kinds(kinds: Vec<WordKind>) -> Encoder {
        let column = |kind: WordKind| {
            KeyColumn(match kind {
                WordKind::Integer => Canonical::Integer,
                WordKind::Float => Canonical::Float,
                WordKind::Bytes => Canonical::Bytes,
                WordKind::Blanked => Canonical::Blanked,
                WordKind::Numeric => Canonical::Numeric,
            })
        };
        Encoder::new(kinds.into_iter().map(column).collect())
    }

    pub fn word_kinds(&self) -> &[WordKind] {
        &self.kinds
    }

    /// How many words a key takes; 0 if keys are no words.
    pub fn words(&self) -> usize {
        self.words
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

    /// As [`GroupWatch::is_new`], for who knows that `previous` is the row looked at last, if it is of this batch: stored
    /// alike, the two need not be encoded.
    pub fn is_new_after(&mut self, columns: &[&Column], previous: Option<usize>, row: usize) -> Result<bool> {
        if let Some(previous) = previous
            && self.last.is_some()
            && columns.iter().all(|column| column.get(previous) == column.get(row))
        {
            return Ok(false);
        }
        self.is_new(columns, row)
    }

    pub fn reset(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_what_bytes_say() {
        let number = |text: &str| adt::numeric::Numeric::parse(text).unwrap().to_payload();
        let (a, b) = (number("-17954.550"), number("0"));
        let values = [
            (WordKind::Integer, Canonical::Integer, Datum::Int4(-7)),
            (WordKind::Float, Canonical::Float, Datum::Float8(-0.0)),
            (WordKind::Bytes, Canonical::Bytes, Datum::from("fifteen letters")),
            (WordKind::Blanked, Canonical::Blanked, Datum::from("a               ")),
            (WordKind::Numeric, Canonical::Numeric, Datum::Bytes(&a)),
            (WordKind::Numeric, Canonical::Numeric, Datum::Bytes(&b)),
        ];
        for (kind, canonical, value) in values {
            let (mut words, mut from_words, mut direct) = ([0; 2], Vec::new(), Vec::new());
            for value in [Some(value), None] {
                match value {
                    Some(value) => assert!(kind.put(value, &mut words)),
                    None => kind.put_null(&mut words),
                }
                kind.encode(&words[..kind.words()], &mut from_words);
                canonical.encode_nullable(value, &mut direct).unwrap();
                assert_eq!(from_words, direct, "{kind:?}");
            }
        }
        assert!(!WordKind::Bytes.put(Datum::from("sixteen letters!"), &mut [0; 2]));
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
