//! From fields to values: whole columns at a time, and row by row once something is wrong, to tell what and where.

use super::batch::{FieldBatch, PartialRow};
use super::context::{Place, shown};
use super::options::{CopyOptions, Verbosity};
use super::plain::Plain;
use crate::input::ValueInput;
use base::{Error, Oid, Result, Severity, SqlState, err};
use catalog::Session;
use datum::{Attribute, Batch, Column, ColumnBuilder, Datum, Repr, Selection};
use executor::{Compiler, Eval, Execution, Inputs};
use ir::{CoercionForm, Expr, RelSet, Returning, Var, VarSource};
use std::sync::Arc;

/// How one column of the file becomes values of a table column.
pub struct FieldInput {
    pub name: String,
    /// In the table, from 0.
    pub attribute: usize,
    plain: Option<Plain>,
    reader: ValueInput,
    repr: Repr,
    /// Of a domain, over the base type's value as the only column.
    domain: Option<Eval>,
    /// Over no row.
    pub default: Option<Eval>,
}

impl FieldInput {
    /// # Errors
    /// `0A000` when the type's input function has no body yet.
    pub fn new(
        session: &Session,
        attribute: usize,
        description: &Attribute,
        binary: bool,
        default: Option<Eval>,
    ) -> Result<FieldInput> {
        let (base, base_typmod) = session.base_type(description.type_oid)?;
        let is_domain = base != description.type_oid;
        let typmod = if is_domain { base_typmod } else { description.typmod };
        let reader = if binary {
            ValueInput::binary(session, base, typmod)?
        } else {
            ValueInput::text(session, base, typmod)?
        };
        let domain = if is_domain { Some(domain_check(session, base, typmod, description)?) } else { None };
        Ok(FieldInput {
            name: description.name.clone(),
            attribute,
            plain: if binary { None } else { Plain::of(session, base, typmod) },
            reader,
            repr: description.layout.repr,
            domain,
            default,
        })
    }

    /// The values of column `number` of the file.
    fn read(
        &self,
        session: &Session,
        execution: &mut Execution,
        fields: &FieldBatch,
        number: usize,
        buffer: &[u8],
    ) -> Result<Arc<Column>> {
        if let Some(values) = self.plain.as_ref().and_then(|plain| plain.read(fields, number, buffer)) {
            return self.checked(execution, values, fields.rows());
        }
        let mut texts = ColumnBuilder::new(Repr::Bytes, fields.rows());
        for field in fields.column(number, buffer) {
            texts.push(field.map(|(bytes, range)| Datum::Bytes(&bytes[range])));
        }
        let values = self.reader.read_column(session, &texts.finish(), fields.rows())?;
        self.checked(execution, values, fields.rows())
    }

    /// A single field's value.
    fn read_one(
        &self,
        session: &Session,
        execution: &mut Execution,
        field: Option<&[u8]>,
    ) -> Result<Arc<Column>> {
        let text = Column::constant(Repr::Bytes, field.map(Datum::Bytes));
        let value = self.reader.read_column(session, &text, 1)?;
        self.checked(execution, value, 1)
    }

    /// Through the constraints of a domain.
    fn checked(&self, execution: &mut Execution, values: Column, rows: usize) -> Result<Arc<Column>> {
        let values = Arc::new(values);
        match &self.domain {
            None => Ok(values),
            Some(check) => check.evaluate(execution, &Batch::new(vec![values], rows), &Selection::All(rows)),
        }
    }
}

fn domain_check(session: &Session, base: Oid, typmod: i32, description: &Attribute) -> Result<Eval> {
    let value = Expr::Var(Var {
        source: VarSource::Outer,
        attribute: 1,
        type_oid: base,
        typmod,
        collation: description.collation,
        nulling: RelSet::new(),
        levels_up: 0,
        returning: Returning::Default,
        syntactic: (0, 0),
        location: None,
    });
    let check = Expr::CoerceToDomain {
        arg: Box::new(value),
        result_type: description.type_oid,
        typmod: description.typmod,
        collation: description.collation,
        form: CoercionForm::ImplicitCast,
        location: None,
    };
    Compiler::new(session, Inputs::Outer).compile(&check)
}

/// Values of the rows that could be read.
pub struct Values {
    /// One per column of the file.
    pub columns: Vec<Arc<Column>>,
    pub rows: usize,
    /// The rows' places among the fields' rows.
    pub sources: Vec<u32>,
    /// What stopped the reading after these rows.
    pub failure: Option<Error>,
}

/// Rows left out so far (ON_ERROR ignore).
#[derive(Default)]
pub struct Skipped {
    pub rows: i64,
    /// What is to be said of them once the rows before them have stood their tests: with the line.
    notices: Vec<(u64, Error)>,
}

pub struct Converter<'a> {
    pub session: &'a Arc<Session>,
    pub inputs: Vec<FieldInput>,
    pub place: &'a Place,
    pub options: &'a CopyOptions,
    pub skipped: Skipped,
}

impl Converter<'_> {
    /// # Errors
    /// What evaluating defaults fails with, `22P02` and so on come in [`Values::failure`].
    pub fn convert(
        &mut self,
        execution: &mut Execution,
        fields: &mut FieldBatch,
        buffer: &[u8],
    ) -> Result<Values> {
        let failure = fields.failure.take();
        let mut columns = Vec::with_capacity(self.inputs.len());
        let mut whole = true;
        for (number, input) in self.inputs.iter().enumerate() {
            match input.read(self.session, execution, fields, number, buffer) {
                Ok(column) => columns.push(column),
                Err(_) => {
                    whole = false;
                    break;
                }
            }
        }
        let mut values = if whole {
            let sources = (0..fields.rows() as u32).collect();
            Values { columns, rows: fields.rows(), sources, failure: None }
        } else {
            self.by_rows(execution, fields, buffer)
        };
        if values.failure.is_none() {
            values.failure = match fields.partial.take() {
                // What is wrong with the fields that are there comes before what is missing.
                Some(partial) => self.partial(execution, &partial, failure),
                None => failure,
            };
        }
        self.fill_defaults(execution, fields, &mut values)?;
        Ok(values)
    }

    /// What a row that ends too early fails with: its first bad field, if that does not merely leave the row out, or else `failure`.
    fn partial(
        &mut self,
        execution: &mut Execution,
        partial: &PartialRow,
        failure: Option<Error>,
    ) -> Option<Error> {
        for (number, field) in partial.fields.iter().enumerate() {
            let field = field.as_deref();
            if let Err(error) = self.inputs[number].read_one(self.session, execution, field) {
                return self.skip((number, error), partial.line, field).err();
            }
        }
        failure
    }

    /// Again, row by row, up to the first row that cannot be read, or leaving those out.
    fn by_rows(&mut self, execution: &mut Execution, fields: &FieldBatch, buffer: &[u8]) -> Values {
        let mut builders: Vec<_> =
            self.inputs.iter().map(|input| ColumnBuilder::new(input.repr, fields.rows())).collect();
        let mut values = Values { columns: Vec::new(), rows: 0, sources: Vec::new(), failure: None };
        for row in 0..fields.rows() {
            match self.one_row(execution, fields, buffer, row) {
                Ok(read) => {
                    builders.iter_mut().zip(&read).for_each(|(builder, column)| builder.push(column.get(0)));
                    values.sources.push(row as u32);
                }
                Err(failed) => {
                    let value = fields.field(row, failed.0, buffer);
                    if let Err(error) = self.skip(failed, fields.lines[row].number, value) {
                        values.failure = Some(error);
                        break;
                    }
                }
            }
        }
        values.rows = values.sources.len();
        values.columns = builders.into_iter().map(|b| Arc::new(b.finish())).collect();
        values
    }

    /// One row's values, or the column that has none and why.
    fn one_row(
        &self,
        execution: &mut Execution,
        fields: &FieldBatch,
        buffer: &[u8],
        row: usize,
    ) -> Result<Vec<Arc<Column>>, (usize, Error)> {
        let mut read = Vec::with_capacity(self.inputs.len());
        for (number, input) in self.inputs.iter().enumerate() {
            if fields.defaults.contains(&(number, row as u32)) {
                let mut null = ColumnBuilder::new(input.repr, 1);
                null.push_null();
                read.push(Arc::new(null.finish()));
                continue;
            }
            match input.read_one(self.session, execution, fields.field(row, number, buffer)) {
                Ok(column) => read.push(column),
                Err(error) => return Err((number, error)),
            }
        }
        Ok(read)
    }

    /// Leaves a row out, if that is allowed (ON_ERROR ignore) for errors like this.
    fn skip(&mut self, (number, error): (usize, Error), line: u64, value: Option<&[u8]>) -> Result<()> {
        let name = &self.inputs[number].name;
        // What input functions and domains say of a value: data exceptions and integrity violations.
        let soft = matches!(error.state().class(), "22" | "23");
        if !self.options.ignore_errors || !soft {
            return Err(self.place.column(error, line, name, value));
        }
        self.skipped.rows += 1;
        if self.options.verbosity == Verbosity::Verbose {
            let shown = match value {
                Some(value) => format!("\"{}\"", shown(value)),
                None => "null input".to_owned(),
            };
            let notice = Error::with_severity(
                Severity::Notice,
                SqlState::SUCCESSFUL_COMPLETION,
                format!(
                    "skipping row due to data type incompatibility at line {line} for column \"{name}\": {shown}"
                ),
            );
            self.skipped.notices.push((line, notice));
        }
        match self.options.reject_limit {
            Some(limit) if self.skipped.rows > limit => Err(self.place.column(
                err!(
                    INVALID_TEXT_REPRESENTATION,
                    "skipped more than REJECT_LIMIT ({limit}) rows due to data type incompatibility"
                ),
                line,
                name,
                value,
            )),
            _ => Ok(()),
        }
    }

    /// Evaluates the defaults that fields asked for.
    fn fill_defaults(
        &self,
        execution: &mut Execution,
        fields: &FieldBatch,
        values: &mut Values,
    ) -> Result<()> {
        if fields.defaults.is_empty() {
            return Ok(());
        }
        for (number, input) in self.inputs.iter().enumerate() {
            let wanted = |source: u32| fields.defaults.contains(&(number, source));
            let rows: Vec<u32> =
                (0..values.rows as u32).filter(|row| wanted(values.sources[*row as usize])).collect();
            let (Some(default), false) = (&input.default, rows.is_empty()) else { continue };
            let made = default.evaluate(
                execution,
                &Batch::new(Vec::new(), values.rows),
                &Selection::Rows(rows.clone()),
            )?;
            let mut merged = ColumnBuilder::new(input.repr, values.rows);
            for row in 0..values.rows {
                let from =
                    if rows.binary_search(&(row as u32)).is_ok() { &made } else { &values.columns[number] };
                merged.push(from.get(row));
            }
            values.columns[number] = Arc::new(merged.finish());
        }
        Ok(())
    }

    /// Tells of the rows left out before `line`.
    pub fn notify(&mut self, line: u64) {
        let after = self.skipped.notices.partition_point(|(at, _)| *at < line);
        self.skipped.notices.drain(..after).for_each(|(_, notice)| self.session.notice(notice));
    }

    /// The notice at the end, for rows left out.
    pub fn summary(&self) -> Option<Error> {
        let rows = self.skipped.rows;
        if rows == 0 || self.options.verbosity == Verbosity::Silent {
            return None;
        }
        let what = if rows == 1 { "row was" } else { "rows were" };
        Some(Error::with_severity(
            Severity::Notice,
            SqlState::SUCCESSFUL_COMPLETION,
            format!("{rows} {what} skipped due to data type incompatibility"),
        ))
    }
}
