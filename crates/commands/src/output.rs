//! Values on their way out: columns turned into the text or binary form that clients, COPY and EXPLAIN show.

use adt::datetime::{push_date, push_timestamp, push_timestamptz};
use adt::numeric::NumericView;
use base::{Oid, Result};
use catalog::Session;
use datum::{Batch, ByteValues, Column, ColumnBuilder, Datum, Nulls, Repr, Selection, Values};
use functions::formats::Formats;
use functions::{Call, Function, Registry};
use std::sync::Arc;

/// The form values are sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Binary,
}

impl Format {
    /// From the protocol's number.
    ///
    /// # Errors
    /// `22023` for others than 0 and 1.
    pub fn from_code(code: i16) -> Result<Format> {
        match code {
            0 => Ok(Format::Text),
            1 => Ok(Format::Binary),
            other => Err(base::err!(INVALID_PARAMETER_VALUE, "unsupported format code: {other}")),
        }
    }
}

/// How the values of one column are written.
pub struct ColumnOutput {
    type_oid: Oid,
    way: Way,
}

enum Way {
    /// The bytes as they are: text in both forms, bytea in binary.
    Bytes,
    IntText,
    OidText,
    BoolText,
    NumericText,
    DateText,
    TimestampText,
    TimestampTzText,
    IntBinary,
    /// The type's output or send function.
    Function {
        oid: Oid,
        function: Function,
    },
}

const BOOL: u32 = 16;
const BYTEA: u32 = 17;
const NAME: u32 = 19;
const INT8: u32 = 20;
const INT2: u32 = 21;
const INT4: u32 = 23;
const TEXT: u32 = 25;
const OID: u32 = 26;
const BPCHAR: u32 = 1042;
const VARCHAR: u32 = 1043;
const DATE: u32 = 1082;
const TIMESTAMP: u32 = 1114;
const TIMESTAMPTZ: u32 = 1184;
const NUMERIC: u32 = 1700;
const UNKNOWN: u32 = 705;

impl ColumnOutput {
    /// # Errors
    /// `42883` when the type has no such form, `0A000` when its function has no body yet.
    pub fn new(session: &Session, type_oid: Oid, format: Format) -> Result<ColumnOutput> {
        let way = match (type_oid.0, format) {
            (TEXT | VARCHAR | BPCHAR | NAME | UNKNOWN, _) | (BYTEA, Format::Binary) => Way::Bytes,
            (INT2 | INT4 | INT8, Format::Text) => Way::IntText,
            (OID, Format::Text) => Way::OidText,
            (BOOL, Format::Text) => Way::BoolText,
            (NUMERIC, Format::Text) => Way::NumericText,
            (DATE, Format::Text) => Way::DateText,
            (TIMESTAMP, Format::Text) => Way::TimestampText,
            (TIMESTAMPTZ, Format::Text) => Way::TimestampTzText,
            (INT2 | INT4 | INT8 | OID, Format::Binary) => Way::IntBinary,
            (_, format) => {
                let row = session.type_row(type_oid)?;
                let oid = if format == Format::Text { row.typoutput } else { row.typsend };
                if !oid.is_valid() {
                    let name = session.format_type(type_oid, None)?;
                    return Err(base::err!(
                        UNDEFINED_FUNCTION,
                        "no binary output function available for type {name}"
                    ));
                }
                Way::Function { oid, function: Registry::get().function(&*session.function(oid)?)? }
            }
        };
        Ok(ColumnOutput { type_oid, way })
    }

    /// The column's values in their outer form, where that takes a function; `None` when [`ColumnOutput::push`] can
    /// write from the column itself.
    ///
    /// # Errors
    /// What the function fails with.
    pub fn convert(&self, session: &Session, column: &Column, rows: usize) -> Result<Option<Column>> {
        let (oid, function) = match &self.way {
            Way::Function { oid, function } => (oid, function),
            Way::NumericText => {
                return texts(column, rows, |value, out| NumericView::new(value.bytes())?.push_text(out));
            }
            Way::DateText | Way::TimestampText | Way::TimestampTzText => {
                return self.moments(&Formats::of(session), column, rows);
            }
            _ => return Ok(None),
        };
        let call = Call {
            session,
            function: *oid,
            collation: Oid(0),
            argument_types: &[self.type_oid],
            result_type: Oid(2275),
            variadic: false,
            columns: None,
        };
        let mut out = ColumnBuilder::new(Repr::Bytes, rows);
        (function.kernel)(&call, &[column], &Selection::All(rows), &mut out)?;
        Ok(Some(out.finish()))
    }

    /// The texts of dates and timestamps.
    fn moments(&self, formats: &Formats, column: &Column, rows: usize) -> Result<Option<Column>> {
        let (style, order, zone) = (formats.date_style, formats.date_order, &formats.zone);
        texts(column, rows, |value, out| match self.way {
            Way::DateText => {
                push_date(out, value.int4(), style, order);
                Ok(())
            }
            Way::TimestampText => push_timestamp(out, value.int8(), style, order),
            _ => push_timestamptz(out, value.int8(), zone, style, order),
        })
    }

    /// Whether the texts of all values are made of letters, digits, blanks and `+-.:/` alone.
    pub fn is_plain(&self) -> bool {
        !matches!(self.way, Way::Bytes | Way::IntBinary | Way::Function { .. })
    }

    /// Appends the outer form of a value that is not null, of the column that [`ColumnOutput::convert`] gave, or else
    /// of the original.
    #[inline]
    pub fn push(&self, column: &Column, row: usize, out: &mut Vec<u8>) {
        let slot = column.slot(row);
        match (&self.way, column.values()) {
            (Way::IntText, Values::Int4(v)) => adt::integer::push_int8_bytes(out, i64::from(v[slot])),
            (Way::IntText, Values::Int8(v)) => adt::integer::push_int8_bytes(out, v[slot]),
            (Way::IntText, Values::Int2(v)) => adt::integer::push_int8_bytes(out, i64::from(v[slot])),
            (Way::OidText, Values::Int4(v)) => adt::integer::push_int8_bytes(out, i64::from(v[slot] as u32)),
            (Way::BoolText, Values::Bool(v)) => out.push(if v[slot] { b't' } else { b'f' }),
            (Way::IntBinary, Values::Int2(v)) => out.extend_from_slice(&v[slot].to_be_bytes()),
            (Way::IntBinary, Values::Int4(v)) => out.extend_from_slice(&v[slot].to_be_bytes()),
            (Way::IntBinary, Values::Int8(v)) => out.extend_from_slice(&v[slot].to_be_bytes()),
            (_, Values::Bytes(v)) => out.extend_from_slice(v.get(slot)),
            (_, values) => debug_assert!(false, "{values:?} has no outer form here"),
        }
    }
}

/// A column of the texts that `push` makes of the values.
fn texts(
    column: &Column,
    rows: usize,
    mut push: impl FnMut(Datum<'_>, &mut String) -> Result<()>,
) -> Result<Option<Column>> {
    let mut values = ByteValues::with_capacity(rows);
    let mut nulls = Nulls::default();
    let mut text = String::new();
    for row in 0..rows {
        text.clear();
        match column.get(row) {
            Some(value) => push(value, &mut text)?,
            None => nulls.set(row),
        }
        values.push(text.as_bytes());
    }
    Ok(Some(Column::new(Values::Bytes(values), nulls)))
}

/// How rows are written.
pub struct RowOutput {
    columns: Vec<ColumnOutput>,
}

impl RowOutput {
    /// `formats`: none (text), one for all, or one each.
    ///
    /// # Errors
    /// As [`ColumnOutput::new`].
    pub fn new(session: &Session, types: &[Oid], formats: &[Format]) -> Result<RowOutput> {
        let format = |i: usize| match formats {
            [] => Format::Text,
            [all] => *all,
            each => each.get(i).copied().unwrap_or(Format::Text),
        };
        let columns = types.iter().enumerate().map(|(i, t)| ColumnOutput::new(session, *t, format(i)));
        Ok(RowOutput { columns: columns.collect::<Result<_>>()? })
    }

    /// Calls `row` for each row of a batch with a function that appends value i to a buffer, unless it is null.
    ///
    /// # Errors
    /// What output functions and `row` fail with.
    pub fn write(
        &self,
        session: &Session,
        batch: &Batch,
        row: &mut dyn FnMut(&Converted<'_>, usize) -> Result<()>,
    ) -> Result<()> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (output, column) in self.columns.iter().zip(batch.columns()) {
            let converted = output.convert(session, column, batch.rows())?;
            columns.push(converted.map_or_else(|| column.clone(), Arc::new));
        }
        let converted = Converted { outputs: &self.columns, columns: &columns };
        (0..batch.rows()).try_for_each(|i| row(&converted, i))
    }
}

/// A batch whose columns are ready to be written.
pub struct Converted<'a> {
    outputs: &'a [ColumnOutput],
    columns: &'a [Arc<Column>],
}

impl Converted<'_> {
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    #[inline]
    pub fn is_null(&self, column: usize, row: usize) -> bool {
        self.columns[column].is_null(row)
    }

    /// As [`ColumnOutput::is_plain`].
    pub fn is_plain(&self, column: usize) -> bool {
        self.outputs[column].is_plain()
    }

    /// Appends a value that is not null.
    #[inline]
    pub fn push(&self, column: usize, row: usize, out: &mut Vec<u8>) {
        self.outputs[column].push(&self.columns[column], row, out);
    }
}

/// One value in its text form.
///
/// # Errors
/// As [`ColumnOutput::new`] and the output function.
pub fn to_text(session: &Session, type_oid: Oid, value: Datum<'_>) -> Result<String> {
    let output = ColumnOutput::new(session, type_oid, Format::Text)?;
    let column = Column::constant(session.type_layout(type_oid)?.repr, Some(value));
    let converted = output.convert(session, &column, 1)?;
    let mut text = Vec::new();
    output.push(converted.as_ref().unwrap_or(&column), 0, &mut text);
    Ok(String::from_utf8_lossy(&text).into_owned())
}
