//! Text and binary forms of arrays and vectors.

use super::{Array, ElementType, INT4_ELEMENT, vector};
use crate::call::{Call, Function};
use crate::table::functions;
use crate::typeio::{InputFunction, OutputFunction};
use crate::wire::Message;
use adt::array::{MAX_DIMENSIONS, Shape, TextArray, parse, push_text};
use adt::hash;
use base::{Error, Oid, Result, bail};
use datum::{Datum, OwnedDatum, Repr, TypeLayout};

fn array_in(call: &Call<'_>, text: &str, element: Oid, typmod: i32) -> Result<Vec<u8>> {
    let element = ElementType::of(call.session, element)?;
    let TextArray { shape, elements } = parse(text, element.delimiter)?;
    let input = InputFunction::of(call.session, element.oid)?;
    let mut builder = element.builder();
    for text in &elements {
        let value = input.call(call.session, text.as_ref().map(|t| t.as_bytes()), typmod)?;
        element.push(&mut builder, value.as_ref().map(OwnedDatum::as_datum))?;
    }
    builder.finish_shaped(&shape)
}

fn array_out(call: &Call<'_>, payload: &[u8]) -> Result<String> {
    let array = Array::read(call.session, payload)?;
    let output = OutputFunction::of(call.session, array.element.oid)?;
    let mut texts = Vec::with_capacity(array.view.len());
    for element in array.iter() {
        texts.push(element?.map(|datum| output.call(call.session, datum)).transpose()?);
    }
    let mut out = String::new();
    push_text(&mut out, &array.view.shape(), &texts, array.element.delimiter);
    Ok(out)
}

/// Dimensions, whether there are NULLs, element type, then length and lower bound of each dimension.
fn receive_header(message: &mut Message<'_>) -> Result<(Oid, Shape)> {
    let dimensions = message.i32()?;
    if dimensions < 0 {
        bail!(INVALID_BINARY_REPRESENTATION, "invalid number of dimensions: {dimensions}");
    }
    if dimensions as usize > MAX_DIMENSIONS {
        bail!(
            PROGRAM_LIMIT_EXCEEDED,
            "number of array dimensions ({dimensions}) exceeds the maximum allowed ({MAX_DIMENSIONS})"
        );
    }
    let flags = message.i32()?;
    if !matches!(flags, 0 | 1) {
        bail!(INVALID_BINARY_REPRESENTATION, "invalid array flags");
    }
    let element = Oid(message.u32()?);
    let mut shape = Shape::default();
    for _ in 0..dimensions {
        shape.lengths.push(message.i32()?);
        shape.lower_bounds.push(message.i32()?);
    }
    Ok((element, shape))
}

fn array_recv(call: &Call<'_>, bytes: &[u8], expected: Oid, typmod: i32) -> Result<Vec<u8>> {
    let mut message = Message::new(bytes);
    let (sent, shape) = receive_header(&mut message)?;
    if sent != expected {
        bail!(
            DATATYPE_MISMATCH,
            "binary data has array element type {} ({}) instead of expected {} ({})",
            sent,
            call.session.format_type(sent, None)?,
            expected,
            call.session.format_type(expected, None)?
        );
    }
    let count = shape.count()?;
    shape.check_bounds()?;
    let element = ElementType::of(call.session, expected)?;
    let input = InputFunction::binary(call.session, expected)?;
    let mut builder = element.builder();
    for _ in 0..count {
        let length = message.i32()?;
        let value = match length {
            -1 => input.call(call.session, None, typmod)?,
            0.. => input.call(call.session, Some(message.take(length as usize)?), typmod)?,
            _ => bail!(INVALID_BINARY_REPRESENTATION, "insufficient data left in message"),
        };
        element.push(&mut builder, value.as_ref().map(OwnedDatum::as_datum))?;
    }
    message.end()?;
    builder.finish_shaped(&shape)
}

fn send_header(out: &mut Vec<u8>, shape: &Shape, has_nulls: bool, element: Oid) {
    out.extend((shape.lengths.len() as i32).to_be_bytes());
    out.extend(i32::from(has_nulls).to_be_bytes());
    out.extend(element.0.to_be_bytes());
    for (length, lower) in shape.lengths.iter().zip(&shape.lower_bounds) {
        out.extend(length.to_be_bytes());
        out.extend(lower.to_be_bytes());
    }
}

fn array_send(call: &Call<'_>, payload: &[u8]) -> Result<Vec<u8>> {
    let array = Array::read(call.session, payload)?;
    let output = OutputFunction::binary(call.session, array.element.oid)?;
    let mut out = Vec::new();
    send_header(&mut out, &array.view.shape(), array.view.has_nulls(), array.element.oid);
    for element in array.iter() {
        match element? {
            Some(datum) => {
                let bytes = output.bytes(call.session, datum)?;
                out.extend((bytes.len() as i32).to_be_bytes());
                out.extend_from_slice(&bytes);
            }
            None => out.extend((-1_i32).to_be_bytes()),
        }
    }
    Ok(out)
}

const INT2_ELEMENT: ElementType = ElementType {
    oid: Oid(21),
    layout: TypeLayout { len: 2, by_value: true, align: 2, repr: Repr::Int2 },
    delimiter: ',',
};
const OID_ELEMENT: ElementType = ElementType { oid: Oid(26), ..INT4_ELEMENT };

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_ascii_whitespace()).filter(|word| !word.is_empty())
}

fn oidvector_in(text: &str) -> Result<Vec<u8>> {
    let parse = |word| Ok(Datum::from(Oid(adt::integer::parse_oid(word, "oid")?)));
    vector(OID_ELEMENT, &words(text).map(parse).collect::<Result<Vec<_>>>()?)
}

fn int2vector_in(text: &str) -> Result<Vec<u8>> {
    let parse = |word| Ok(Datum::Int2(adt::integer::parse_int2(word)?));
    vector(INT2_ELEMENT, &words(text).map(parse).collect::<Result<Vec<_>>>()?)
}

/// The numbers of an oidvector.
///
/// # Errors
/// `XX001`, `22P02` for bytes that are none.
pub fn oids(payload: &[u8]) -> Result<Vec<u32>> {
    let view = adt::array::ArrayView::new(payload)?;
    if view.dimensions() > 1 || view.has_nulls() {
        return Err(Error::new(base::SqlState::DATATYPE_MISMATCH, "array is not a valid oidvector"));
    }
    Array { view, element: OID_ELEMENT }.iter().map(|e| Ok(e?.map_or(0, |d| d.oid().0))).collect()
}

fn vector_out(element: ElementType, payload: &[u8]) -> Result<String> {
    let view = adt::array::ArrayView::new(payload)?;
    let mut out = String::new();
    for value in (Array { view, element }).iter() {
        if !out.is_empty() {
            out.push(' ');
        }
        match value? {
            Some(Datum::Int2(v)) => out.push_str(&v.to_string()),
            Some(datum) => out.push_str(&datum.oid().to_string()),
            None => {}
        }
    }
    Ok(out)
}

fn vector_recv(element: ElementType, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut message = Message::new(bytes);
    let (sent, shape) = receive_header(&mut message)?;
    let invalid = || base::err!(INVALID_BINARY_REPRESENTATION, "invalid vector data");
    if sent != element.oid || shape.lengths.len() > 1 || shape.lower_bounds.first().is_some_and(|l| *l != 0) {
        return Err(invalid());
    }
    let count = shape.count()?;
    let mut values = Vec::new();
    for _ in 0..count {
        if message.i32()? != i32::from(element.layout.len) {
            return Err(invalid());
        }
        values.push(match element.layout.repr {
            Repr::Int2 => Datum::Int2(message.i16()?),
            _ => Datum::Int4(message.i32()?),
        });
    }
    message.end()?;
    vector(element, &values)
}

fn vector_send(element: ElementType, payload: &[u8]) -> Result<Vec<u8>> {
    let view = adt::array::ArrayView::new(payload)?;
    let mut out = Vec::new();
    let shape = Shape { lengths: vec![view.len() as i32], lower_bounds: vec![0] };
    send_header(&mut out, &shape, false, element.oid);
    for value in (Array { view, element }).iter() {
        out.extend(i32::from(element.layout.len).to_be_bytes());
        match value? {
            Some(Datum::Int2(v)) => out.extend(v.to_be_bytes()),
            Some(datum) => out.extend(datum.int4().to_be_bytes()),
            None => {}
        }
    }
    Ok(out)
}

fn vector_order(a: &[u8], b: &[u8]) -> Result<std::cmp::Ordering> {
    let (a, b) = (oids(a)?, oids(b)?);
    Ok(a.len().cmp(&b.len()).then_with(|| a.cmp(&b)))
}

fn vector_bytes(payload: &[u8]) -> Result<Vec<u8>> {
    Ok(oids(payload)?.iter().flat_map(|oid| oid.to_le_bytes()).collect())
}

/// The names of the types whose OIDs an oidvector holds.
fn vector_types(call: &Call<'_>, payload: &[u8]) -> Result<String> {
    let names: Result<Vec<_>> =
        oids(payload)?.into_iter().map(|oid| call.session.format_type(Oid(oid), None)).collect();
    Ok(names?.join(", "))
}

pub const FUNCTIONS: &[Function] = functions! {
    "array_in" [call] (text: str, element: Oid, typmod: i32) -> Vec<u8> = array_in(call, text, element, typmod);
    "array_out" [call] (array: [u8]) -> String = array_out(call, array);
    "array_recv" [call] (bytes: [u8], element: Oid, typmod: i32) -> Vec<u8> =
        array_recv(call, bytes, element, typmod);
    "array_send" [call] (array: [u8]) -> Vec<u8> = array_send(call, array);
    "anyarray_out" [call] (array: [u8]) -> String = array_out(call, array);
    "anyarray_send" [call] (array: [u8]) -> Vec<u8> = array_send(call, array);
    "oidvectorin" (text: str) -> Vec<u8> = oidvector_in(text);
    "oidvectorout" (value: [u8]) -> String = vector_out(OID_ELEMENT, value);
    "oidvectorrecv" (bytes: [u8]) -> Vec<u8> = vector_recv(OID_ELEMENT, bytes);
    "oidvectorsend" (value: [u8]) -> Vec<u8> = vector_send(OID_ELEMENT, value);
    "oidvectortypes" [call] (value: [u8]) -> String = vector_types(call, value);
    "int2vectorin" (text: str) -> Vec<u8> = int2vector_in(text);
    "int2vectorout" (value: [u8]) -> String = vector_out(INT2_ELEMENT, value);
    "int2vectorrecv" (bytes: [u8]) -> Vec<u8> = vector_recv(INT2_ELEMENT, bytes);
    "int2vectorsend" (value: [u8]) -> Vec<u8> = vector_send(INT2_ELEMENT, value);
    "oidvectoreq" (a: [u8], b: [u8]) -> bool = Ok(vector_order(a, b)?.is_eq());
    "oidvectorne" (a: [u8], b: [u8]) -> bool = Ok(vector_order(a, b)?.is_ne());
    "oidvectorlt" (a: [u8], b: [u8]) -> bool = Ok(vector_order(a, b)?.is_lt());
    "oidvectorle" (a: [u8], b: [u8]) -> bool = Ok(vector_order(a, b)?.is_le());
    "oidvectorgt" (a: [u8], b: [u8]) -> bool = Ok(vector_order(a, b)?.is_gt());
    "oidvectorge" (a: [u8], b: [u8]) -> bool = Ok(vector_order(a, b)?.is_ge());
    "btoidvectorcmp" (a: [u8], b: [u8]) -> i32 = Ok(vector_order(a, b)? as i32);
    "hashoidvector" (value: [u8]) -> i32 = Ok(hash::hash_bytes(&vector_bytes(value)?) as i32);
    "hashoidvectorextended" (value: [u8], seed: i64) -> i64 =
        Ok(hash::hash_bytes_extended(&vector_bytes(value)?, seed as u64) as i64);
};
