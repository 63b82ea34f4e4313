//! Composite values: their stored form, text and binary forms, order.
//!
//! A composite value is a heap tuple whose transaction fields hold its size, row type and typmod. As a payload it
//! comes without the varlena header, which takes the place of xmin:
//!
//! ```text
//! 0 typmod   4 type   8 ctid   14 infomask2   16 infomask   18 header size   19 null bitmap, data
//! ```
//! Anonymous row types (record) are known by a number that the server gave them, the typmod.

use crate::call::{Call, Function};
use crate::order::{TypeEquality, TypeHash, TypeOrder};
use crate::table::functions;
use crate::typeio::{InputFunction, OutputFunction};
use crate::wire::Message;
use base::{Error, Oid, Result, bail, err};
use catalog::Session;
use datum::{ColumnBuilder, Compression, Datum, MissingValues, OwnedDatum, TupleDesc, TupleView, Varlena};
use std::cmp::Ordering;
use std::sync::Arc;

/// Length of the varlena header.
const HEADER: usize = 4;

/// The typmod by which an anonymous row type is known.
pub fn register(session: &Session, desc: &TupleDesc) -> i32 {
    let mut desc = desc.clone();
    desc.type_oid = TupleDesc::RECORD_TYPE;
    desc.typmod = -1;
    session.instance().records.typmod_of(&Arc::new(desc))
}

/// The attributes of a row type.
///
/// # Errors
/// `42809` for an anonymous one that is not registered, or a type that is not composite.
pub fn descriptor(session: &Session, type_oid: Oid, typmod: i32) -> Result<Arc<TupleDesc>> {
    if type_oid == TupleDesc::RECORD_TYPE {
        return match session.instance().records.get(typmod) {
            Some(desc) => Ok(desc),
            None => bail!(WRONG_OBJECT_TYPE, "record type has not been registered"),
        };
    }
    match session.row_type(type_oid)? {
        Some(desc) => Ok(desc),
        None => bail!(WRONG_OBJECT_TYPE, "type {} is not composite", session.format_type(type_oid, None)?),
    }
}

/// The payload of a composite value. Without a named type in `desc`, `desc` is registered.
///
/// # Errors
/// What forming the tuple fails with.
pub fn form(session: &Session, desc: &TupleDesc, values: &[Option<Datum<'_>>]) -> Result<Vec<u8>> {
    let typmod = match desc.type_oid == TupleDesc::RECORD_TYPE && desc.typmod < 0 {
        true => register(session, desc),
        false => desc.typmod,
    };
    let mut tuple = datum::form_tuple(desc, values, &[])?;
    tuple[4..8].copy_from_slice(&typmod.to_le_bytes());
    tuple[8..12].copy_from_slice(&desc.type_oid.0.to_le_bytes());
    tuple.drain(..HEADER);
    Ok(tuple)
}

/// Row type and typmod of a composite payload.
///
/// # Errors
/// `XX001` when it is too short.
pub fn type_of(payload: &[u8]) -> Result<(Oid, i32)> {
    let mut reader = base::bytes::Reader::new(payload);
    let typmod = reader.i32()?;
    Ok((Oid(reader.u32()?), typmod))
}

/// A composite value taken apart.
pub struct Record {
    pub desc: Arc<TupleDesc>,
    /// One for each attribute, dropped ones included.
    pub values: Vec<Option<OwnedDatum>>,
}

impl Record {
    /// # Errors
    /// `XX001` for a damaged value.
    pub fn read(session: &Session, payload: &[u8]) -> Result<Record> {
        let (type_oid, typmod) = type_of(payload)?;
        let desc = descriptor(session, type_oid, typmod)?;
        let values = values(payload, &desc)?;
        Ok(Record { desc, values })
    }

    /// The attributes that are not dropped, with their values.
    pub fn live(&self) -> impl Iterator<Item = (&datum::Attribute, Option<Datum<'_>>)> {
        let values = self.values.iter().map(|v| v.as_ref().map(OwnedDatum::as_datum));
        self.desc.attributes().iter().zip(values).filter(|(attribute, _)| !attribute.dropped)
    }
}

/// The attributes' values of a composite payload whose type is known.
///
/// # Errors
/// `XX001` for a damaged value.
pub fn values(payload: &[u8], desc: &TupleDesc) -> Result<Vec<Option<OwnedDatum>>> {
    let mut tuple = vec![0; HEADER];
    tuple.extend_from_slice(payload);
    let needed: Vec<usize> = (0..desc.len()).collect();
    let mut builders: Vec<_> =
        desc.attributes().iter().map(|a| ColumnBuilder::new(a.layout.repr, 1)).collect();
    let mut detoast = |stored: Varlena<'_>| match stored {
        Varlena::Plain(bytes) => Ok(bytes.to_vec()),
        Varlena::Compressed { method: Compression::Pglz, raw_size, data } => {
            adt::pglz::decompress(data, raw_size)
        }
        Varlena::Compressed { .. } => Err(Error::unsupported("lz4 compression inside of a composite value")),
        Varlena::External(_) => Err(Error::corrupted("composite value with an external attribute")),
    };
    let view = TupleView::new(&tuple)?;
    datum::deform_into(view, desc, &needed, MissingValues::Null, &mut builders, &mut detoast)?;
    Ok(builders.into_iter().map(|b| b.finish().get(0).map(Datum::to_owned)).collect())
}

/// The fields of a record literal, `None` for an empty one.
fn fields(text: &str) -> Result<Vec<Option<String>>> {
    let malformed = |detail: &str| {
        err!(INVALID_TEXT_REPRESENTATION, "malformed record literal: \"{text}\"").detail(detail)
    };
    let space = |c: char| c.is_ascii_whitespace() || c == '\x0b';
    let mut chars = text.trim_start_matches(space).chars().peekable();
    if chars.next() != Some('(') {
        return Err(malformed("Missing left parenthesis."));
    }
    let mut fields = Vec::new();
    loop {
        let mut field = String::new();
        let mut quoted = false;
        let mut any = false;
        let end = loop {
            match chars.next() {
                None => return Err(malformed("Unexpected end of input.")),
                Some(c @ (',' | ')')) if !quoted => break c,
                Some('\\') => {
                    field.push(chars.next().ok_or_else(|| malformed("Unexpected end of input."))?);
                }
                Some('"') if quoted && chars.peek() == Some(&'"') => {
                    field.push('"');
                    chars.next();
                }
                Some('"') => quoted = !quoted,
                Some(c) => field.push(c),
            }
            any = true;
        };
        fields.push(any.then_some(field));
        if end == ')' {
            break;
        }
    }
    if chars.any(|c| !space(c)) {
        return Err(malformed("Junk after right parenthesis."));
    }
    Ok(fields)
}

/// The type that a record's input is for; anonymous types cannot be read without a typmod.
fn input_type(session: &Session, type_oid: Oid, typmod: i32) -> Result<Arc<TupleDesc>> {
    if type_oid == TupleDesc::RECORD_TYPE && typmod < 0 {
        bail!(FEATURE_NOT_SUPPORTED, "input of anonymous composite types is not implemented");
    }
    descriptor(session, type_oid, typmod)
}

fn record_in(call: &Call<'_>, text: &str, type_oid: Oid, typmod: i32) -> Result<Vec<u8>> {
    let desc = input_type(call.session, type_oid, typmod)?;
    let malformed = |detail: &str| {
        err!(INVALID_TEXT_REPRESENTATION, "malformed record literal: \"{text}\"").detail(detail)
    };
    let live = desc.attributes().iter().filter(|a| !a.dropped).count();
    let mut fields = fields(text)?;
    // A row without columns is written (), which is also one empty field.
    if live == 0 && fields == [None] {
        fields.clear();
    }
    if fields.len() < live {
        return Err(malformed("Too few columns."));
    }
    if fields.len() > live {
        return Err(malformed("Too many columns."));
    }
    let mut fields = fields.into_iter();
    let mut values = Vec::with_capacity(desc.len());
    for attribute in desc.attributes() {
        values.push(match attribute.dropped {
            true => None,
            false => {
                let input = InputFunction::of(call.session, attribute.type_oid)?;
                let text = fields.next().flatten();
                input.call(call.session, text.as_ref().map(|t| t.as_bytes()), attribute.typmod)?
            }
        });
    }
    form(call.session, &desc, &catalog::as_datums(&values))
}

fn record_out(call: &Call<'_>, payload: &[u8]) -> Result<String> {
    let record = Record::read(call.session, payload)?;
    let mut out = String::from("(");
    for (i, (attribute, value)) in record.live().enumerate() {
        if i > 0 {
            out.push(',');
        }
        let Some(value) = value else { continue };
        let text = OutputFunction::of(call.session, attribute.type_oid)?.call(call.session, value)?;
        let special =
            |c: char| matches!(c, '"' | '\\' | '(' | ')' | ',') || c.is_ascii_whitespace() || c == '\x0b';
        if text.is_empty() || text.contains(special) {
            out.push('"');
            for c in text.chars() {
                if matches!(c, '"' | '\\') {
                    out.push(c);
                }
                out.push(c);
            }
            out.push('"');
        } else {
            out.push_str(&text);
        }
    }
    out.push(')');
    Ok(out)
}

fn record_recv(call: &Call<'_>, bytes: &[u8], type_oid: Oid, typmod: i32) -> Result<Vec<u8>> {
    let desc = input_type(call.session, type_oid, typmod)?;
    let live = desc.attributes().iter().filter(|a| !a.dropped).count();
    let mut message = Message::new(bytes);
    let count = message.i32()?;
    if usize::try_from(count) != Ok(live) {
        bail!(DATATYPE_MISMATCH, "wrong number of columns: {count}, expected {live}");
    }
    let mut values = Vec::with_capacity(desc.len());
    for (i, attribute) in desc.attributes().iter().enumerate() {
        if attribute.dropped {
            values.push(None);
            continue;
        }
        let sent = Oid(message.u32()?);
        if sent != attribute.type_oid {
            bail!(
                DATATYPE_MISMATCH,
                "binary data has type {} ({}) instead of expected {} ({}) in record column {}",
                sent,
                call.session.format_type(sent, None)?,
                attribute.type_oid,
                call.session.format_type(attribute.type_oid, None)?,
                i + 1
            );
        }
        let input = InputFunction::binary(call.session, attribute.type_oid)?;
        values.push(match message.i32()? {
            -1 => input.call(call.session, None, attribute.typmod)?,
            length @ 0.. => {
                input.call(call.session, Some(message.take(length as usize)?), attribute.typmod)?
            }
            _ => bail!(INVALID_BINARY_REPRESENTATION, "insufficient data left in message"),
        });
    }
    message.end()?;
    form(call.session, &desc, &catalog::as_datums(&values))
}

fn record_send(call: &Call<'_>, payload: &[u8]) -> Result<Vec<u8>> {
    let record = Record::read(call.session, payload)?;
    let mut out = (record.live().count() as i32).to_be_bytes().to_vec();
    for (attribute, value) in record.live() {
        out.extend(attribute.type_oid.0.to_be_bytes());
        match value {
            None => out.extend((-1_i32).to_be_bytes()),
            Some(value) => {
                let output = OutputFunction::binary(call.session, attribute.type_oid)?;
                let bytes = output.bytes(call.session, value)?;
                out.extend((bytes.len() as i32).to_be_bytes());
                out.extend_from_slice(&bytes);
            }
        }
    }
    Ok(out)
}

/// The columns of two records side by side, once their types are found to agree.
fn paired<R>(
    session: &Session,
    a: &[u8],
    b: &[u8],
    mut visit: impl FnMut(Oid, Option<Datum<'_>>, Option<Datum<'_>>) -> Result<Option<R>>,
) -> Result<Option<R>> {
    let (a, b) = (Record::read(session, a)?, Record::read(session, b)?);
    let (mut left, mut right) = (a.live(), b.live());
    let mut column = 0;
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ok(None),
            (Some((x, p)), Some((y, q))) => {
                column += 1;
                if x.type_oid != y.type_oid {
                    bail!(
                        DATATYPE_MISMATCH,
                        "cannot compare dissimilar column types {} and {} at record column {column}",
                        session.format_type(x.type_oid, None)?,
                        session.format_type(y.type_oid, None)?
                    );
                }
                if let Some(result) = visit(x.type_oid, p, q)? {
                    return Ok(Some(result));
                }
            }
            _ => bail!(DATATYPE_MISMATCH, "cannot compare record types with different numbers of columns"),
        }
    }
}

/// Order of two records: by the first columns that differ, NULLs last.
///
/// # Errors
/// `42804` for rows of different types; `42883` for a column without order.
pub fn compare(session: &Session, a: &[u8], b: &[u8]) -> Result<Ordering> {
    let found = paired(session, a, b, |type_oid, x, y| {
        let ordering = match (x, y) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(x), Some(y)) => TypeOrder::of(session, type_oid)?.compare(session, x, y)?,
        };
        Ok(ordering.is_ne().then_some(ordering))
    })?;
    Ok(found.unwrap_or(Ordering::Equal))
}

fn equal(session: &Session, a: &[u8], b: &[u8]) -> Result<bool> {
    let differs = paired(session, a, b, |type_oid, x, y| {
        let same = match (x, y) {
            (None, None) => true,
            (Some(x), Some(y)) => TypeEquality::of(session, type_oid)?.equal(session, x, y)?,
            _ => false,
        };
        Ok((!same).then_some(()))
    })?;
    Ok(differs.is_none())
}

/// Order by the stored bytes, in which equal values may differ: for detecting changes.
fn image_order(session: &Session, a: &[u8], b: &[u8]) -> Result<Ordering> {
    let found = paired(session, a, b, |_, x, y| {
        let ordering = match (x, y) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(x), Some(y)) => image(x).cmp(&image(y)),
        };
        Ok(ordering.is_ne().then_some(ordering))
    })?;
    Ok(found.unwrap_or(Ordering::Equal))
}

/// A key whose order is that of values compared as unsigned numbers or as bytes.
fn image(value: Datum<'_>) -> (u64, Vec<u8>) {
    match value {
        Datum::Bool(v) => (u64::from(v), Vec::new()),
        Datum::Char(v) => (v as u64, Vec::new()),
        Datum::Int2(v) => (v as u64, Vec::new()),
        Datum::Int4(v) => (v as u64, Vec::new()),
        Datum::Int8(v) => (v as u64, Vec::new()),
        Datum::Float4(v) => (u64::from(v.to_bits()), Vec::new()),
        Datum::Float8(v) => (v.to_bits(), Vec::new()),
        Datum::Bytes(v) => (0, v.to_vec()),
    }
}

/// A row's hash: 31 times that of the columns before, plus the column's; NULL counts 0.
fn hash(session: &Session, payload: &[u8]) -> Result<u32> {
    let record = Record::read(session, payload)?;
    let mut result = 0_u32;
    for (attribute, value) in record.live() {
        let element = match value {
            Some(value) => TypeHash::of(session, attribute.type_oid)?.hash(session, value)?,
            None => 0,
        };
        result = result.wrapping_mul(31).wrapping_add(element);
    }
    Ok(result)
}

fn hash_extended(session: &Session, payload: &[u8], seed: i64) -> Result<u64> {
    let record = Record::read(session, payload)?;
    let mut result = 0_u64;
    for (attribute, value) in record.live() {
        let element = match value {
            Some(value) => TypeHash::of(session, attribute.type_oid)?.hash_extended(session, value, seed)?,
            None => 0,
        };
        result = result.wrapping_mul(31).wrapping_add(element);
    }
    Ok(result)
}

pub const FUNCTIONS: &[Function] = functions! {
    "record_in" [call] (text: str, type_oid: Oid, typmod: i32) -> Vec<u8> = record_in(call, text, type_oid, typmod);
    "record_out" [call] (value: [u8]) -> String = record_out(call, value);
    "record_recv" [call] (bytes: [u8], type_oid: Oid, typmod: i32) -> Vec<u8> =
        record_recv(call, bytes, type_oid, typmod);
    "record_send" [call] (value: [u8]) -> Vec<u8> = record_send(call, value);
    "record_eq" [call] (a: [u8], b: [u8]) -> bool = equal(call.session, a, b);
    "record_ne" [call] (a: [u8], b: [u8]) -> bool = Ok(!equal(call.session, a, b)?);
    "record_lt" [call] (a: [u8], b: [u8]) -> bool = Ok(compare(call.session, a, b)?.is_lt());
    "record_le" [call] (a: [u8], b: [u8]) -> bool = Ok(compare(call.session, a, b)?.is_le());
    "record_gt" [call] (a: [u8], b: [u8]) -> bool = Ok(compare(call.session, a, b)?.is_gt());
    "record_ge" [call] (a: [u8], b: [u8]) -> bool = Ok(compare(call.session, a, b)?.is_ge());
    "btrecordcmp" [call] (a: [u8], b: [u8]) -> i32 = Ok(compare(call.session, a, b)? as i32);
    "record_larger" [call] (a: [u8], b: [u8]) -> [u8] =
        Ok(if compare(call.session, a, b)?.is_gt() { a } else { b });
    "record_smaller" [call] (a: [u8], b: [u8]) -> [u8] =
        Ok(if compare(call.session, a, b)?.is_lt() { a } else { b });
    "record_image_eq" [call] (a: [u8], b: [u8]) -> bool = Ok(image_order(call.session, a, b)?.is_eq());
    "record_image_ne" [call] (a: [u8], b: [u8]) -> bool = Ok(image_order(call.session, a, b)?.is_ne());
    "record_image_lt" [call] (a: [u8], b: [u8]) -> bool = Ok(image_order(call.session, a, b)?.is_lt());
    "record_image_le" [call] (a: [u8], b: [u8]) -> bool = Ok(image_order(call.session, a, b)?.is_le());
    "record_image_gt" [call] (a: [u8], b: [u8]) -> bool = Ok(image_order(call.session, a, b)?.is_gt());
    "record_image_ge" [call] (a: [u8], b: [u8]) -> bool = Ok(image_order(call.session, a, b)?.is_ge());
    "btrecordimagecmp" [call] (a: [u8], b: [u8]) -> i32 = Ok(image_order(call.session, a, b)? as i32);
    "hash_record" [call] (a: [u8]) -> i32 = Ok(hash(call.session, a)? as i32);
    "hash_record_extended" [call] (a: [u8], seed: i64) -> i64 = Ok(hash_extended(call.session, a, seed)? as i64);
};

#[cfg(test)]
mod tests {
    #[test]
    fn literals() {
        let some = |s: &str| Some(s.to_owned());
        for (text, expected) in [
            ("(1,2)", vec![some("1"), some("2")]),
            (" (,\"\") ", vec![None, some("")]),
            ("(\"a\"\"b\",c\\,d)", vec![some("a\"b"), some("c,d")]),
            ("( x \"y\" )", vec![some(" x y ")]),
        ] {
            assert_eq!(super::fields(text).unwrap(), expected, "{text}");
        }
        for bad in ["", "1", "(1", "(\"1)", "(1) x", "(\\"] {
            assert!(super::fields(bad).is_err(), "{bad}");
        }
    }
}
