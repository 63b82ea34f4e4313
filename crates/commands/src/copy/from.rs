//! COPY FROM: fields to values a batch at a time, then defaults, WHERE, generated columns, constraints, storage.

use super::columns;
use super::context::Place;
use super::convert::{Converter, FieldInput, Skipped, Values};
use super::expressions;
use super::files::{InputFile, InputProgram};
use super::insert::{self, Target};
use super::lines::{Line, Lines, Source};
use super::options::{CopyFormat, CopyOptions};
use super::read::{FileColumn, Reader, named_columns};
use crate::{Client, Invocation, execution, statistics};
use base::{Error, Result, bail, err};
use catalog::acl::privilege;
use catalog::{RelationEntry, Session};
use datum::{Batch, Column, Datum, Selection};
use executor::{Bulk, Eval, Execution, RowEvent};
use lock::LockMode;
use std::sync::Arc;
use syntax::{Copy, CopyTarget, RelationName};

/// The client's COPY data.
struct FromClient<'a>(&'a mut dyn Client);

impl Source for FromClient<'_> {
    fn read(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
        match self.0.copy_read()? {
            Some(piece) => {
                buffer.extend_from_slice(piece);
                Ok(true)
            }
            None => Ok(false),
        }
    }
}

/// Returns the number of rows stored.
///
/// # Errors
/// `42P01`, `42501`, `22P04` and whatever the rows fail with, with their line as CONTEXT.
pub fn run(
    invocation: &mut Invocation<'_>,
    copy: &Copy,
    name: &RelationName,
    names: &[String],
) -> Result<u64> {
    let session = invocation.session.clone();
    let entry = crate::name::open_relation(&session, name, LockMode::RowExclusive)?;
    let listed = columns::listed(&entry, names)?;
    executor::check_permissions(&session, &[columns::permission(&entry, &listed, privilege::INSERT)])?;
    if entry.class.relpersistence as u8 != b't' {
        session.require_writable("COPY FROM")?;
    }
    if columns::row_security_applies(&session, &entry)? {
        return Err(err!(FEATURE_NOT_SUPPORTED, "COPY FROM not supported with row-level security")
            .hint("Use INSERT statements instead."));
    }
    let options = CopyOptions::read(&copy.options, true)?;
    let place = Place { relation: entry.name().to_owned(), binary: options.format == CopyFormat::Binary };
    let mut inflow = Inflow::new(&session, &entry, &listed, &options, &place)?;
    if let Some(condition) = &copy.where_clause {
        let (condition, is_volatile) = columns::condition(&session, &entry, condition)?;
        inflow.condition = Some(condition);
        inflow.row_by_row |= is_volatile;
    }
    let mut bulk = Bulk::begin(execution::bare(&session)?);
    let client = &mut *invocation.client;
    let rows = match &copy.target {
        CopyTarget::Client => {
            client.copy_in_begin(place.binary, listed.len())?;
            inflow.run(bulk.execution(), &mut FromClient(client))
        }
        CopyTarget::File(path) => inflow.run(bulk.execution(), &mut InputFile::open(path)?),
        CopyTarget::Program(command) => inflow.run(bulk.execution(), &mut InputProgram::start(command)?),
    }?;
    bulk.finish()?;
    inflow.finish()?;
    Ok(rows)
}

fn check_kind(entry: &RelationEntry) -> Result<()> {
    let name = entry.name();
    match entry.kind() {
        b'r' | b'p' => Ok(()),
        b'v' if has_instead_trigger(entry) => Err(Error::unsupported("COPY FROM into a view")),
        b'v' => Err(err!(WRONG_OBJECT_TYPE, "cannot copy to view \"{name}\"")
            .hint("To enable copying to a view, provide an INSTEAD OF INSERT trigger.")),
        b'm' => bail!(WRONG_OBJECT_TYPE, "cannot copy to materialized view \"{name}\""),
        b'S' => bail!(WRONG_OBJECT_TYPE, "cannot copy to sequence \"{name}\""),
        b'f' => Err(Error::unsupported("COPY FROM into a foreign table")),
        _ => bail!(WRONG_OBJECT_TYPE, "cannot copy to non-table relation \"{name}\""),
    }
}

/// Bits of pg_trigger.tgtype.
const TRIGGER_INSERT: i16 = 4;
const TRIGGER_INSTEAD: i16 = 64;

fn has_instead_trigger(entry: &RelationEntry) -> bool {
    entry.triggers.iter().any(|t| t.tgtype & TRIGGER_INSTEAD != 0 && t.tgtype & TRIGGER_INSERT != 0)
}

/// Everything between the reader and the table.
struct Inflow<'a> {
    session: &'a Arc<Session>,
    entry: &'a Arc<RelationEntry>,
    options: &'a CopyOptions,
    place: &'a Place,
    converter: Converter<'a>,
    file_columns: Vec<FileColumn>,
    /// Columns that the file does not have, with their defaults.
    missing: Vec<(usize, Option<Eval>)>,
    condition: Option<Eval>,
    target: Target,
    triggers: bool,
    /// Expressions may look at the rows before, so that each is stored before the next is read.
    row_by_row: bool,
    rows: u64,
}

impl<'a> Inflow<'a> {
    fn new(
        session: &'a Arc<Session>,
        entry: &'a Arc<RelationEntry>,
        listed: &[usize],
        options: &'a CopyOptions,
        place: &'a Place,
    ) -> Result<Inflow<'a>> {
        let attributes = entry.desc().attributes();
        let names: Vec<String> = listed.iter().map(|i| attributes[*i].name.clone()).collect();
        let exists = |name: &str| columns::require(entry, name).map(|_| ());
        let force_not_null = named_columns("FORCE_NOT_NULL", &options.force_not_null, &names, &exists)?;
        let force_null = named_columns("FORCE_NULL", &options.force_null, &names, &exists)?;
        let (mut inputs, mut file_columns) = (Vec::new(), Vec::new());
        for (number, attribute) in listed.iter().enumerate() {
            let default = match options.default {
                Some(_) => expressions::default(session, entry, *attribute)?,
                None => None,
            };
            file_columns.push(FileColumn {
                name: names[number].clone(),
                has_default: default.is_some(),
                force_null: force_null[number],
                force_not_null: force_not_null[number],
            });
            inputs.push(FieldInput::new(
                session,
                *attribute,
                &attributes[*attribute],
                place.binary,
                default,
            )?);
        }
        let mut missing = Vec::new();
        for (number, attribute) in attributes.iter().enumerate() {
            if attribute.dropped || listed.contains(&number) {
                continue;
            }
            missing.push((number, expressions::default(session, entry, number)?));
        }
        let insert_triggers =
            || entry.triggers.iter().filter(|t| t.tgtype & TRIGGER_INSERT != 0 && t.tgenabled as u8 != b'D');
        let triggers = insert_triggers().next().is_some();
        let target = Target::new(session, entry, options.freeze)?;
        Ok(Inflow {
            converter: Converter { session, inputs, place, options, skipped: Skipped::default() },
            row_by_row: target.has_before_triggers()?,
            target,
            session,
            entry,
            options,
            place,
            file_columns,
            missing,
            condition: None,
            triggers,
            rows: 0,
        })
    }

    fn run(&mut self, execution: &mut Execution, source: &mut dyn Source) -> Result<u64> {
        let hooks = execution.hooks.rows.clone();
        check_kind(self.entry)?;
        if self.options.freeze {
            insert::check_freeze(self.session, self.entry)?;
        }
        if self.triggers {
            hooks.before_statement(self.session, self.entry, RowEvent::Insert)?;
        }
        let file_columns = std::mem::take(&mut self.file_columns);
        let lines = Lines::new(source, self.options);
        let mut reader = Reader::new(self.options, lines, &file_columns, self.place);
        reader.begin()?;
        while let Some(mut fields) = reader.next()? {
            self.session.interrupt_check()?;
            let buffer = reader.lines.bytes();
            let values =
                self.converter.convert(execution, &mut fields, buffer).map_err(|e| self.place.whole(e))?;
            self.store(execution, values, &fields.lines, buffer)?;
        }
        reader.lines.drain(self.place.binary).map_err(|e| self.place.whole(e))?;
        source.close()?;
        if let Some(summary) = self.converter.summary() {
            self.session.notice(summary);
        }
        let (relation, shared, rows) = (self.entry.oid(), self.entry.class.relisshared, self.rows as i64);
        let transaction = self.session.transaction()?;
        statistics::counter(self.session).count(&transaction, shared, relation, |c| c.inserted += rows);
        Ok(self.rows)
    }

    /// AFTER STATEMENT triggers, once the rows are there and their keys are checked.
    fn finish(&self) -> Result<()> {
        if self.triggers {
            let hooks = execution::options(self.session).hooks.rows;
            hooks.after_statement(self.session, self.entry, RowEvent::Insert)?;
        }
        Ok(())
    }

    /// The rows as the table has them, through WHERE and constraints, to the table.
    fn store(
        &mut self,
        execution: &mut Execution,
        values: Values,
        lines: &[Line],
        bytes: &[u8],
    ) -> Result<()> {
        let Values { rows, sources, failure, columns } = values;
        let (mut batch, mut sources) = (self.table_rows(execution, columns, rows, lines, &sources)?, sources);
        if let Some(condition) = &self.condition
            && batch.rows() > 0
        {
            let holds = condition.evaluate(execution, &batch, &Selection::All(batch.rows()))?;
            let kept = Selection::All(batch.rows()).filter(|row| holds.get(row).is_some_and(Datum::bool));
            if let Selection::Rows(rows) = &kept {
                sources = rows.iter().map(|row| sources[*row as usize]).collect();
            }
            batch = batch.select(&kept);
        }
        (batch, sources) = self.target.fire_before_row(execution, batch, sources)?;
        if batch.rows() > 0 {
            batch = self.target.generate(execution, batch)?;
            let line_of = |row: usize| &lines[sources.get(row).copied().unwrap_or(0) as usize];
            let text_line =
                |error, line: &Line| self.place.text_line(error, line.number, &bytes[line.text.clone()]);
            let violation = self.target.check(execution, &batch).err();
            let good = violation.as_ref().map_or(batch.rows(), |(row, _)| *row);
            if self.row_by_row && good > 0 {
                match self.target.insert(execution, &batch.slice(0, good)) {
                    Ok(stored) => self.rows += stored,
                    Err((row, error)) => {
                        self.converter.notify(line_of(row).number);
                        return Err(text_line(error, line_of(row)));
                    }
                }
            }
            if let Some((row, error)) = violation {
                self.converter.notify(line_of(row).number);
                return Err(text_line(error, line_of(row)));
            }
            self.converter.notify(u64::MAX);
            if failure.is_none() && !self.row_by_row {
                let routed = self.target.is_routed();
                let stored = self.target.insert(execution, &batch).map_err(|(row, error)| match routed {
                    true => text_line(error, line_of(row)),
                    false => self.place.line(error, line_of(row).number),
                })?;
                self.rows += stored;
            }
        }
        self.converter.notify(u64::MAX);
        failure.map_or(Ok(()), Err)
    }

    /// All columns of the table: from the file, by default, or NULL.
    fn table_rows(
        &self,
        execution: &mut Execution,
        columns: Vec<Arc<Column>>,
        rows: usize,
        lines: &[Line],
        sources: &[u32],
    ) -> Result<Batch> {
        let attributes = self.entry.desc().attributes();
        let null = |number: usize| Arc::new(Column::constant(attributes[number].layout.repr, None));
        let mut table: Vec<Arc<Column>> = (0..attributes.len()).map(null).collect();
        for (input, column) in self.converter.inputs.iter().zip(columns) {
            table[input.attribute] = column;
        }
        let no_columns = Batch::new(Vec::new(), rows);
        for (number, default) in &self.missing {
            if let (Some(default), true) = (default, rows > 0) {
                table[*number] =
                    default.evaluate(execution, &no_columns, &Selection::All(rows)).map_err(|error| {
                        let line = sources.first().map_or(0, |source| lines[*source as usize].number);
                        self.place.line(error, line)
                    })?;
            }
        }
        Ok(Batch::new(table, rows))
    }
}
