//! Rows and values of any type out of JSON: populate_record, to_record and their sets.

use super::super::array::ElementType;
use crate::call::{Call, Function};
use crate::kernel::MaybeText;
use crate::record::{self, Record};
use crate::set::{ReadyRows, SetFunction, SetRows};
use crate::table::functions;
use crate::typeio::InputFunction;
use adt::array::{MAX_DIMENSIONS, Shape};
use adt::json::text::{Child, Kind};
use adt::json::{Container, Item, children};
use base::{Oid, Result, bail, err};
use catalog::Session;
use datum::{Datum, OwnedDatum, TupleDesc};
use std::sync::Arc;

/// How deep row types and arrays nest inside each other: each level is a frame of the machine's stack.
const MAX_NESTING: usize = 200;

/// A JSON value of either form.
#[derive(Clone)]
enum Value<'a> {
    Text(Child<'a>),
    Binary(Item<'a>),
}

impl<'a> Value<'a> {
    fn text(text: &'a str) -> Result<Value<'a>> {
        Ok(Value::Text(children(text)?.0))
    }

    fn binary(payload: &'a [u8]) -> Result<Value<'a>> {
        Ok(Value::Binary(Container::new(payload)?.item()?))
    }

    /// As json_typeof names it.
    fn kind(&self) -> &'static str {
        match self {
            Value::Text(child) => child.kind.name(),
            Value::Binary(item) => item.type_name(),
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Value::Text(Child { kind: Kind::Null, .. }) | Value::Binary(Item::Null))
    }

    fn json(&self) -> Result<String> {
        match self {
            Value::Text(child) => Ok(child.text.to_owned()),
            Value::Binary(item) => item.to_json_text(),
        }
    }

    /// The content of a string, JSON text of everything else but null.
    fn content(&self) -> Result<Option<String>> {
        match self {
            Value::Text(child) => child.as_text(),
            Value::Binary(item) => item.as_text(),
        }
    }

    /// The members of an object or the elements of an array, with their keys.
    fn parts(&self) -> Result<Vec<(String, Value<'a>)>> {
        match self {
            Value::Text(child) => {
                let parts = children(child.text)?.1.into_iter();
                Ok(parts.map(|mut part| (part.key.take().unwrap_or_default(), Value::Text(part))).collect())
            }
            Value::Binary(Item::Container(container)) => container
                .iter()
                .map(|part| part.map(|(key, item)| (key.to_owned(), Value::Binary(item))))
                .collect(),
            Value::Binary(_) => Ok(Vec::new()),
        }
    }
}

/// Turns JSON into values of one call.
struct Populate<'s> {
    session: &'s Session,
    depth: usize,
}

impl Populate<'_> {
    /// A value of the type; `key` is that of the field it is for.
    fn value(
        &mut self,
        type_oid: Oid,
        typmod: i32,
        value: &Value<'_>,
        key: &str,
    ) -> Result<Option<OwnedDatum>> {
        const JSON: Oid = Oid(114);
        const JSONB: Oid = Oid(3802);
        let input = |text: Option<&str>| {
            InputFunction::of(self.session, type_oid)?.call(self.session, text.map(str::as_bytes), typmod)
        };
        if value.is_null() {
            return input(None);
        }
        if matches!(type_oid, JSON | JSONB) {
            return input(Some(&value.json()?));
        }
        if value.kind() == "string" {
            return input(value.content()?.as_deref());
        }
        if let Some(element) = self.session.element_type(type_oid)? {
            return self
                .array(element, typmod, value, key)
                .map(|array| Some(OwnedDatum::Bytes(array.into())));
        }
        let (base, _) = self.session.base_type(type_oid)?;
        if let Some(desc) = self.session.row_type(base)? {
            let row = self.nested(|this| this.record(&desc, None, value, "populate_composite"))?;
            return Ok(Some(OwnedDatum::Bytes(row.into())));
        }
        input(Some(&value.json()?))
    }

    fn nested<R>(&mut self, f: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        self.depth += 1;
        if self.depth > MAX_NESTING {
            bail!(STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
        }
        let result = f(self);
        self.depth -= 1;
        result
    }

    /// The payload of an array. The first element at each level says how many dimensions there are.
    fn array(&mut self, element: Oid, typmod: i32, value: &Value<'_>, key: &str) -> Result<Vec<u8>> {
        if value.kind() != "array" {
            return Err(expected_array(key, &[]));
        }
        let mut elements =
            Elements { element, typmod, key, lengths: Vec::new(), depth: None, values: Vec::new() };
        self.nested(|this| this.elements(&mut elements, value, &mut Vec::new()))?;
        let described = ElementType::of(self.session, element)?;
        let shape = match elements.values.is_empty() {
            true => Shape::default(),
            false => Shape { lower_bounds: vec![1; elements.lengths.len()], lengths: elements.lengths },
        };
        described.shaped(elements.values.iter().map(|v| v.as_ref().map(OwnedDatum::as_datum)), &shape)
    }

    fn elements(&mut self, to: &mut Elements<'_>, array: &Value<'_>, at: &mut Vec<usize>) -> Result<()> {
        let level = at.len();
        if level >= MAX_DIMENSIONS {
            bail!(
                PROGRAM_LIMIT_EXCEEDED,
                "number of array dimensions ({}) exceeds the maximum allowed ({MAX_DIMENSIONS})",
                level + 1
            );
        }
        let parts = array.parts()?;
        let innermost = match to.depth {
            Some(depth) => level + 1 == depth,
            None => parts.first().is_none_or(|(_, first)| first.kind() != "array"),
        };
        if innermost {
            to.depth = Some(level + 1);
        }
        for (index, (_, part)) in parts.iter().enumerate() {
            at.push(index);
            if innermost {
                let value = self.value(to.element, to.typmod, part, to.key)?;
                to.values.push(value);
            } else if part.kind() == "array" {
                self.elements(to, part, at)?;
            } else {
                return Err(expected_array(to.key, at));
            }
            at.pop();
        }
        if to.lengths.len() <= level {
            to.lengths.resize(level + 1, -1);
        }
        let length = parts.len() as i32;
        match to.lengths[level] {
            -1 => to.lengths[level] = length,
            known if known != length => {
                return Err(err!(INVALID_TEXT_REPRESENTATION, "malformed JSON array")
                    .detail("Multidimensional arrays must have sub-arrays with matching dimensions."));
            }
            _ => {}
        }
        Ok(())
    }

    /// The payload of a row; `base` gives the fields that the object lacks.
    fn record(
        &mut self,
        desc: &TupleDesc,
        base: Option<&Record>,
        object: &Value<'_>,
        function: &str,
    ) -> Result<Vec<u8>> {
        let values = self.fields(desc, base, object, function)?;
        record::form(self.session, desc, &catalog::as_datums(&values))
    }

    fn fields(
        &mut self,
        desc: &TupleDesc,
        base: Option<&Record>,
        object: &Value<'_>,
        function: &str,
    ) -> Result<Vec<Option<OwnedDatum>>> {
        match object.kind() {
            "object" => {}
            "array" => bail!(INVALID_PARAMETER_VALUE, "cannot call {function} on an array"),
            _ => bail!(INVALID_PARAMETER_VALUE, "cannot call {function} on a scalar"),
        }
        let members = object.parts()?;
        let mut values = Vec::with_capacity(desc.len());
        for (index, attribute) in desc.attributes().iter().enumerate() {
            let default = || base.and_then(|base| base.values.get(index).cloned().flatten());
            // Of equal keys the last counts.
            let member = members.iter().rev().find(|(key, _)| key == attribute.name.as_str());
            values.push(match member {
                _ if attribute.dropped => None,
                None => default(),
                Some((key, value)) => self.value(attribute.type_oid, attribute.typmod, value, key)?,
            });
        }
        Ok(values)
    }
}

/// The elements of an array as they are found.
struct Elements<'a> {
    element: Oid,
    typmod: i32,
    key: &'a str,
    /// Of the levels, -1 where no array of it is complete.
    lengths: Vec<i32>,
    /// The number of levels, once known.
    depth: Option<usize>,
    values: Vec<Option<OwnedDatum>>,
}

fn expected_array(key: &str, at: &[usize]) -> base::Error {
    let error = err!(INVALID_TEXT_REPRESENTATION, "expected JSON array");
    let place: String = at.iter().map(|index| format!("[{index}]")).collect();
    match (at.is_empty(), key.is_empty()) {
        (true, true) => error,
        (true, false) => error.hint(format!("See the value of key \"{key}\".")),
        (false, true) => error.hint(format!("See the array element {place}.")),
        (false, false) => error.hint(format!("See the array element {place} of key \"{key}\".")),
    }
}

/// What the rows of a call look like, and the given row.
struct Form {
    desc: Arc<TupleDesc>,
    base: Option<Record>,
}

impl Form {
    /// Of the populate functions, whose first argument is of the row type.
    fn of_argument(call: &Call<'_>, base: Option<&[u8]>, function: &str) -> Result<Form> {
        let base = base.map(|payload| Record::read(call.session, payload)).transpose()?;
        let argument = call.argument_type(0);
        if argument == TupleDesc::RECORD_TYPE {
            return match (&base, call.columns) {
                (Some(record), Some(columns)) => {
                    same_columns(call.session, &record.desc, columns)?;
                    Ok(Form { desc: columns.clone(), base })
                }
                (None, Some(columns)) => Ok(Form { desc: columns.clone(), base }),
                (Some(record), None) => Ok(Form { desc: record.desc.clone(), base }),
                (None, None) => Err(undetermined(function)),
            };
        }
        match call.session.row_type(argument)? {
            Some(desc) => Ok(Form { desc, base }),
            None => bail!(DATATYPE_MISMATCH, "first argument of {function} must be a row type"),
        }
    }

    /// Of the to_record functions, whose caller lists the columns.
    fn of_columns(call: &Call<'_>, function: &str) -> Result<Form> {
        let columns = call.columns.ok_or_else(|| undetermined(function))?;
        Ok(Form { desc: columns.clone(), base: None })
    }
}

/// # Errors
/// `42804` when the given row has other columns than the query lists.
fn same_columns(session: &Session, given: &TupleDesc, listed: &TupleDesc) -> Result<()> {
    let mismatch = |detail: String| {
        let message = "function return row and query-specified return row do not match";
        Err(err!(DATATYPE_MISMATCH, "{message}").detail(detail))
    };
    if given.len() != listed.len() {
        let (count, s) = (given.len(), if given.len() == 1 { "" } else { "s" });
        return mismatch(format!(
            "Returned row contains {count} attribute{s}, but query expects {}.",
            listed.len()
        ));
    }
    for (index, (given, listed)) in given.attributes().iter().zip(listed.attributes()).enumerate() {
        if given.type_oid != listed.type_oid {
            return mismatch(format!(
                "Returned type {} at ordinal position {}, but query expects {}.",
                session.format_type(given.type_oid, None)?,
                index + 1,
                session.format_type(listed.type_oid, None)?
            ));
        }
    }
    Ok(())
}

fn undetermined(function: &str) -> base::Error {
    err!(FEATURE_NOT_SUPPORTED, "could not determine row type for result of {function}").hint(
        "Provide a non-null record argument, or call the function in the FROM clause using a column definition list.",
    )
}

fn populate(
    call: &Call<'_>,
    base: Option<&[u8]>,
    value: Option<Value<'_>>,
    function: &str,
) -> Result<Option<Vec<u8>>> {
    let form = Form::of_argument(call, base, function)?;
    let Some(value) = value else { return Ok(base.map(<[u8]>::to_vec)) };
    if value.kind() == "object" && base.is_some() && value.parts()?.is_empty() {
        return Ok(base.map(<[u8]>::to_vec));
    }
    let mut populate = Populate { session: call.session, depth: 0 };
    populate.record(&form.desc, form.base.as_ref(), &value, function).map(Some)
}

fn to_record(call: &Call<'_>, value: &Value<'_>, function: &str) -> Result<Option<Vec<u8>>> {
    let form = Form::of_columns(call, function)?;
    let mut populate = Populate { session: call.session, depth: 0 };
    populate.record(&form.desc, None, value, function).map(Some)
}

fn record_set(call: &Call<'_>, form: &Form, value: &Value<'_>, function: &str) -> Result<Box<dyn SetRows>> {
    match value.kind() {
        "array" => {}
        "object" => bail!(INVALID_PARAMETER_VALUE, "cannot call {function} on an object"),
        _ => bail!(INVALID_PARAMETER_VALUE, "cannot call {function} on a scalar"),
    }
    let mut populate = Populate { session: call.session, depth: 0 };
    let mut rows = Vec::new();
    for (_, object) in value.parts()? {
        if object.kind() != "object" {
            bail!(INVALID_PARAMETER_VALUE, "argument of {function} must be an array of objects");
        }
        rows.push(populate.fields(&form.desc, form.base.as_ref(), &object, function)?);
    }
    Ok(ReadyRows::new(rows))
}

fn read<'a>(value: Datum<'a>, binary: bool) -> Result<Value<'a>> {
    if binary { Value::binary(value.bytes()) } else { Value::text(value.text()) }
}

fn populate_set(
    call: &Call<'_>,
    args: &[Option<Datum<'_>>],
    binary: bool,
    function: &str,
) -> Result<Box<dyn SetRows>> {
    let base = args.first().copied().flatten().map(|base| base.bytes());
    let form = Form::of_argument(call, base, function)?;
    let Some(Some(value)) = args.get(1) else { return Ok(ReadyRows::new(Vec::new())) };
    record_set(call, &form, &read(*value, binary)?, function)
}

fn to_record_set(
    call: &Call<'_>,
    args: &[Option<Datum<'_>>],
    binary: bool,
    function: &str,
) -> Result<Box<dyn SetRows>> {
    let form = Form::of_columns(call, function)?;
    let Some(Some(value)) = args.first() else { return Ok(ReadyRows::new(Vec::new())) };
    record_set(call, &form, &read(*value, binary)?, function)
}

pub const FUNCTIONS: &[Function] = functions! {
    "json_populate_record" [call] (base: crate::kernel::MaybeBytes, json: MaybeText, _as_text: Option<bool>)
        -> Option<Vec<u8>> =
        populate(call, base, json.map(Value::text).transpose()?, "json_populate_record");
    "jsonb_populate_record" [call] (base: crate::kernel::MaybeBytes, json: crate::kernel::MaybeBytes)
        -> Option<Vec<u8>> =
        populate(call, base, json.map(Value::binary).transpose()?, "jsonb_populate_record");
    "json_to_record" [call] (json: str) -> Option<Vec<u8>> = to_record(call, &Value::text(json)?, "json_to_record");
    "jsonb_to_record" [call] (json: [u8]) -> Option<Vec<u8>> =
        to_record(call, &Value::binary(json)?, "jsonb_to_record");
};

pub const SETS: &[SetFunction] = &[
    SetFunction {
        source: "json_populate_recordset",
        start: |call, args| populate_set(call, args, false, "json_populate_recordset"),
    },
    SetFunction {
        source: "jsonb_populate_recordset",
        start: |call, args| populate_set(call, args, true, "jsonb_populate_recordset"),
    },
    SetFunction {
        source: "json_to_recordset",
        start: |call, args| to_record_set(call, args, false, "json_to_recordset"),
    },
    SetFunction {
        source: "jsonb_to_recordset",
        start: |call, args| to_record_set(call, args, true, "jsonb_to_recordset"),
    },
];
