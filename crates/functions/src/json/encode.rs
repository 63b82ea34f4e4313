//! Values of SQL types as JSON.

use crate::array::{Array, DatumElements};
use crate::call::Call;
use crate::record::Record;
use crate::typeio::OutputFunction;
use adt::datetime::{DateOrder, DateStyle, date_out, timestamp_out, timestamptz_out};
use adt::json::{self, Container, Node, escape_json, number_is_json};
use adt::numeric::Numeric;
use base::{Oid, Result, bail, err};
use catalog::Session;
use datum::Datum;

/// How deep arrays and rows may nest in each other.
const MAX_DEPTH: usize = 200;

/// What a type's values become.
pub enum Category {
    Bool,
    /// A number if its text is one in JSON, else a string.
    Number,
    Date,
    Timestamp,
    TimestampTz,
    Json,
    Jsonb,
    Array,
    Composite,
    /// The text that a cast to json gives.
    Cast(Oid),
    Other,
}

impl Category {
    pub fn of(session: &Session, type_oid: Oid) -> Result<Category> {
        const JSON: Oid = Oid(114);
        const FIRST_USER_OID: u32 = 16384;
        let base = session.base_type(type_oid)?.0;
        Ok(match base.0 {
            16 => Category::Bool,
            20 | 21 | 23 | 700 | 701 | 1700 => Category::Number,
            1082 => Category::Date,
            1114 => Category::Timestamp,
            1184 => Category::TimestampTz,
            114 => Category::Json,
            3802 => Category::Jsonb,
            2249 => Category::Composite,
            2277 | 5078 => Category::Array,
            _ => {
                if session.element_type(base)?.is_some() {
                    return Ok(Category::Array);
                }
                if session.type_row(base)?.typtype as u8 == b'c' {
                    return Ok(Category::Composite);
                }
                if base.0 >= FIRST_USER_OID
                    && let Some(cast) = session.cast(base, JSON)?
                    && cast.castmethod as u8 == b'f'
                {
                    return Ok(Category::Cast(cast.castfunc));
                }
                Category::Other
            }
        })
    }

    fn is_scalar(&self) -> bool {
        !matches!(
            self,
            Category::Array | Category::Composite | Category::Json | Category::Jsonb | Category::Cast(_)
        )
    }

    pub fn is_structured(&self) -> bool {
        matches!(self, Category::Array | Category::Composite)
    }
}

fn too_deep() -> base::Error {
    err!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded")
}

/// The text of a value of no structure, without quotes.
fn scalar_text(session: &Session, category: &Category, type_oid: Oid, value: Datum<'_>) -> Result<String> {
    Ok(match (category, value) {
        (Category::Bool, Datum::Bool(v)) => if v { "true" } else { "false" }.to_owned(),
        (Category::Date, Datum::Int4(v)) => date_out(v, DateStyle::Xsd, DateOrder::Ymd),
        (Category::Timestamp, Datum::Int8(v)) => timestamp_out(v, DateStyle::Xsd, DateOrder::Ymd)?,
        (Category::TimestampTz, Datum::Int8(v)) => {
            let formats = crate::formats::Formats::of(session);
            timestamptz_out(v, &formats.zone, DateStyle::Xsd, DateOrder::Ymd)?
        }
        _ => OutputFunction::of(session, type_oid)?.call(session, value)?,
    })
}

fn cast_text(call: &Call<'_>, function: Oid, type_oid: Oid, value: Datum<'_>) -> Result<String> {
    let session = call.session;
    let body = crate::Registry::get().function(&*session.function(function)?)?;
    let types = [type_oid];
    let inner = Call {
        session,
        function,
        collation: Oid::INVALID,
        argument_types: &types,
        result_type: Oid(114),
        variadic: false,
        columns: None,
    };
    let repr = session.type_layout(type_oid)?.repr;
    let result = crate::invoke(&inner, &body, &[Some(value)], &[repr], datum::Repr::Bytes)?;
    Ok(result.map_or_else(|| "null".to_owned(), |r| r.as_datum().text().to_owned()))
}

/// Appends a value as JSON text. `lines`: one member or element of the outermost level a line.
pub fn push_json(
    call: &Call<'_>,
    out: &mut String,
    type_oid: Oid,
    value: Option<Datum<'_>>,
    lines: bool,
) -> Result<()> {
    push_at(call, out, type_oid, value, lines, 0)
}

fn push_at(
    call: &Call<'_>,
    out: &mut String,
    type_oid: Oid,
    value: Option<Datum<'_>>,
    lines: bool,
    depth: usize,
) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    let Some(value) = value else {
        out.push_str("null");
        return Ok(());
    };
    let session = call.session;
    let category = Category::of(session, type_oid)?;
    match &category {
        Category::Array => {
            let array = Array::read(session, value.bytes())?;
            let shape = array.view.shape();
            if shape.lengths.is_empty() {
                out.push_str("[]");
                return Ok(());
            }
            push_dimension(call, out, &mut array.iter(), array.element.oid, &shape.lengths, lines, depth)?;
        }
        Category::Composite => {
            let record = Record::read(session, value.bytes())?;
            out.push('{');
            for (i, (attribute, value)) in record.live().enumerate() {
                if i > 0 {
                    out.push_str(if lines { ",\n " } else { "," });
                }
                escape_json(out, &attribute.name);
                out.push(':');
                push_at(call, out, attribute.type_oid, value, false, depth + 1)?;
            }
            out.push('}');
        }
        Category::Json => out.push_str(value.text()),
        Category::Jsonb => out.push_str(&json::to_text(value.bytes())?),
        Category::Cast(function) => out.push_str(&cast_text(call, *function, type_oid, value)?),
        Category::Bool => out.push_str(&scalar_text(session, &category, type_oid, value)?),
        Category::Number => {
            let text = scalar_text(session, &category, type_oid, value)?;
            if number_is_json(&text) { out.push_str(&text) } else { escape_json(out, &text) }
        }
        _ => escape_json(out, &scalar_text(session, &category, type_oid, value)?),
    }
    Ok(())
}

fn push_dimension(
    call: &Call<'_>,
    out: &mut String,
    elements: &mut DatumElements<'_>,
    element_type: Oid,
    lengths: &[i32],
    lines: bool,
    depth: usize,
) -> Result<()> {
    let [length, inner @ ..] = lengths else { return Ok(()) };
    out.push('[');
    for i in 0..*length {
        if i > 0 {
            out.push_str(if lines { ",\n " } else { "," });
        }
        if inner.is_empty() {
            let element = elements.next().transpose()?.flatten();
            push_at(call, out, element_type, element, false, depth + 1)?;
        } else {
            push_dimension(call, out, elements, element_type, inner, false, depth + 1)?;
        }
    }
    out.push(']');
    Ok(())
}

/// The text of an object key.
pub fn key_text(session: &Session, type_oid: Oid, value: Datum<'_>) -> Result<String> {
    let category = Category::of(session, type_oid)?;
    if !category.is_scalar() {
        bail!(INVALID_PARAMETER_VALUE, "key value must be scalar, not array, composite, or json");
    }
    scalar_text(session, &category, type_oid, value)
}

/// A value as a jsonb node.
pub fn node(call: &Call<'_>, type_oid: Oid, value: Option<Datum<'_>>) -> Result<Node> {
    node_at(call, type_oid, value, 0)
}

fn node_at(call: &Call<'_>, type_oid: Oid, value: Option<Datum<'_>>, depth: usize) -> Result<Node> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    let Some(value) = value else { return Ok(Node::null()) };
    let session = call.session;
    let category = Category::of(session, type_oid)?;
    Ok(match &category {
        Category::Bool => Node::bool(value.bool()),
        Category::Number if type_oid.0 == 1700 => numeric_node(&Numeric::from_payload(value.bytes())?)?,
        Category::Number => {
            let text = scalar_text(session, &category, type_oid, value)?;
            if number_is_json(&text) { numeric_node(&Numeric::parse(&text)?)? } else { Node::string(&text)? }
        }
        Category::Json => parsed(value.text())?,
        Category::Jsonb => Container::new(value.bytes())?.item()?.to_node()?,
        Category::Cast(function) => parsed(&cast_text(call, *function, type_oid, value)?)?,
        Category::Array => {
            let array = Array::read(session, value.bytes())?;
            let lengths = array.view.shape().lengths;
            if lengths.is_empty() {
                return Node::array(&[]);
            }
            dimension_node(call, &mut array.iter(), array.element.oid, &lengths, depth)?
        }
        Category::Composite => {
            let record = Record::read(session, value.bytes())?;
            let mut members = Vec::new();
            for (attribute, value) in record.live() {
                members.push((attribute.name.clone(), node_at(call, attribute.type_oid, value, depth + 1)?));
            }
            Node::object(members)?
        }
        _ => Node::string(&scalar_text(session, &category, type_oid, value)?)?,
    })
}

fn parsed(text: &str) -> Result<Node> {
    let jsonb = json::jsonb::parse(text)?;
    Container::new(&jsonb)?.item()?.to_node()
}

/// NaN and the infinities are strings in JSON.
fn numeric_node(value: &Numeric) -> Result<Node> {
    if value.is_finite() { Ok(Node::numeric(&value.to_payload())) } else { Node::string(&value.to_string()) }
}

fn dimension_node(
    call: &Call<'_>,
    elements: &mut DatumElements<'_>,
    element_type: Oid,
    lengths: &[i32],
    depth: usize,
) -> Result<Node> {
    let [length, inner @ ..] = lengths else { return Node::array(&[]) };
    let mut nodes = Vec::new();
    for _ in 0..*length {
        nodes.push(if inner.is_empty() {
            let element = elements.next().transpose()?.flatten();
            node_at(call, element_type, element, depth + 1)?
        } else {
            dimension_node(call, elements, element_type, inner, depth + 1)?
        });
    }
    Node::array(&nodes)
}
