//! From lines or binary rows to batches of fields: one column of outer forms per column of the file.

use super::context::Place;
use super::fields::{self, Field, Splitter};
use super::lines::{Line, Lines};
use super::options::{Columns, CopyFormat, CopyOptions, Header};
use super::write::BINARY_SIGNATURE;
use base::{Error, Result, bail, err};
use datum::{Column, ColumnBuilder, MAX_BATCH_ROWS, Values};
use std::sync::Arc;

/// Rows of the file.
pub struct FieldBatch {
    /// One per column of the file: text, or the binary form.
    pub columns: Vec<Arc<Column>>,
    pub rows: usize,
    /// Fields that ask for their column's default: column, row.
    pub defaults: Vec<(usize, u32)>,
    /// Where each row is in the file. Binary rows have no text.
    pub lines: Vec<Line>,
    /// What stopped the reading after these rows.
    pub failure: Option<Error>,
    /// The row that was too short, if that is what stopped it.
    pub partial: Option<PartialRow>,
}

/// The first fields of a row that lacks the others.
pub struct PartialRow {
    pub line: u64,
    pub fields: Vec<Option<Box<[u8]>>>,
}

/// What the reader has to know of a column.
pub struct FileColumn {
    pub name: String,
    pub has_default: bool,
    pub force_null: bool,
    pub force_not_null: bool,
}

/// A batch ends at this many bytes, so that its columns stay in the cache.
const BATCH_BYTES: usize = 1 << 20;

pub struct Reader<'a> {
    options: &'a CopyOptions,
    pub lines: Lines<'a>,
    columns: Vec<FileColumn>,
    place: &'a Place,
    scratch: Vec<u8>,
    failure: Option<Error>,
    partial: Option<PartialRow>,
    ended: bool,
}

impl<'a> Reader<'a> {
    pub fn new(
        options: &'a CopyOptions,
        lines: Lines<'a>,
        columns: Vec<FileColumn>,
        place: &'a Place,
    ) -> Reader<'a> {
        Reader {
            options,
            lines,
            columns,
            place,
            scratch: Vec::new(),
            failure: None,
            partial: None,
            ended: false,
        }
    }

    /// Reads what comes before the first row.
    ///
    /// # Errors
    /// `22P04` for a header that is not as it should be.
    pub fn begin(&mut self) -> Result<()> {
        let begun = match (self.options.format, self.options.header) {
            (CopyFormat::Binary, _) => self.binary_header(),
            (_, Header::No) => Ok(()),
            (_, header) => self.header_line(header),
        };
        begun.map_err(|error| self.place.whole(error))
    }

    fn header_line(&mut self, header: Header) -> Result<()> {
        let number = self.lines.line_number + 1;
        let line = match self.lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => {
                self.ended = true;
                return Ok(());
            }
            Err(error) => return Err(self.place.line(error, number)),
        };
        if header == Header::Yes {
            return Ok(());
        }
        let mut names = Vec::new();
        let text = &self.lines.bytes()[line.text.clone()];
        let null = self.options.null.as_slice();
        let split = Splitter::new(self.options).split(text, &mut self.scratch, &mut |_, value, kind| {
            names.push(
                (kind != Field::Null && value != null).then(|| String::from_utf8_lossy(value).into_owned()),
            );
            Ok(())
        });
        let matched = split.and_then(|_| self.match_header(&names));
        matched.map_err(|error| self.place.text_line(error, line.number, text))
    }

    fn match_header(&self, names: &[Option<String>]) -> Result<()> {
        if names.len() != self.columns.len() {
            bail!(
                BAD_COPY_FILE_FORMAT,
                "wrong number of fields in header line: got {}, expected {}",
                names.len(),
                self.columns.len()
            );
        }
        for (number, (name, column)) in names.iter().zip(&self.columns).enumerate() {
            let (number, expected) = (number + 1, &column.name);
            match name {
                Some(name) if name == expected => {}
                Some(name) => bail!(
                    BAD_COPY_FILE_FORMAT,
                    "column name mismatch in header line field {number}: got \"{name}\", expected \"{expected}\""
                ),
                None => bail!(
                    BAD_COPY_FILE_FORMAT,
                    "column name mismatch in header line field {number}: got null value (\"{}\"), expected \"{expected}\"",
                    String::from_utf8_lossy(&self.options.null)
                ),
            }
        }
        Ok(())
    }

    /// The next rows; `None` at the end.
    ///
    /// # Errors
    /// What stopped the reading, once the rows before it were given.
    pub fn next(&mut self) -> Result<Option<FieldBatch>> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if self.ended {
            return Ok(None);
        }
        self.lines.release();
        let mut batch = FieldBatch {
            columns: Vec::new(),
            rows: 0,
            defaults: Vec::new(),
            lines: Vec::with_capacity(MAX_BATCH_ROWS),
            failure: None,
            partial: None,
        };
        let mut columns = fields::builders(self.columns.len());
        while batch.lines.len() < MAX_BATCH_ROWS && self.lines.held() < BATCH_BYTES {
            let read = match self.options.format {
                CopyFormat::Binary => self.binary_row(&mut columns),
                _ => self.text_row(&mut columns, &mut batch.defaults),
            };
            match read {
                Ok(Some(line)) => batch.lines.push(line),
                Ok(None) => {
                    self.ended = true;
                    break;
                }
                Err(error) => {
                    self.failure = Some(error);
                    break;
                }
            }
        }
        let rows = batch.lines.len();
        if let Some((failed, error)) = self.invalid_text(&batch.lines) {
            self.partial = None;
            batch.lines.truncate(failed);
            batch.defaults.retain(|(_, row)| (*row as usize) < failed);
            self.failure = Some(error);
        }
        batch.rows = batch.lines.len();
        let keep: Option<Vec<u32>> = (batch.rows < rows).then(|| (0..batch.rows as u32).collect());
        batch.columns = columns.into_iter().map(|column| finish(column, rows, keep.as_deref())).collect();
        batch.partial = self.partial.take();
        if batch.rows == 0 && batch.partial.is_none() {
            return self.failure.take().map_or(Ok(None), Err);
        }
        batch.failure = self.failure.take();
        Ok(Some(batch))
    }

    /// The first line that is no UTF-8, and what to say about it.
    fn invalid_text(&self, lines: &[Line]) -> Option<(usize, Error)> {
        let (first, last) = (lines.first()?, lines.last()?);
        if self.options.format == CopyFormat::Binary {
            return None;
        }
        let bytes = self.lines.bytes();
        let all = &bytes[first.text.start..last.text.end];
        if memchr::memchr(0, all).is_none() && std::str::from_utf8(all).is_ok() {
            return None;
        }
        lines.iter().enumerate().find_map(|(row, line)| {
            let error = adt::encoding::validate_utf8(&bytes[line.text.clone()]).err()?;
            Some((row, self.place.line(error, line.number)))
        })
    }

    /// One row's fields to the columns, all or none of them.
    fn text_row(
        &mut self,
        columns: &mut [ColumnBuilder],
        defaults: &mut Vec<(usize, u32)>,
    ) -> Result<Option<Line>> {
        let line = match self.lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(None),
            Err(error) => {
                let number = self.lines.line_number;
                return Err(self.place.line(error, number));
            }
        };
        let row = columns.first().map_or(0, ColumnBuilder::len);
        let text = &self.lines.bytes()[line.text.clone()];
        let known = &self.columns;
        let split = Splitter::new(self.options).split(text, &mut self.scratch, &mut |number, value, kind| {
            let Some(column) = known.get(number) else {
                // A table without columns has rows of nothing at all.
                if known.is_empty() && value.is_empty() {
                    return Ok(());
                }
                bail!(BAD_COPY_FILE_FORMAT, "extra data after last expected column");
            };
            let builder = &mut columns[number];
            match kind {
                Field::Value if column.force_null && value == self.options.null => builder.push_null(),
                Field::Null if !column.force_not_null => builder.push_null(),
                Field::Value | Field::Null => push_bytes(builder, value),
                Field::Default => {
                    if !column.has_default {
                        return Err(err!(BAD_COPY_FILE_FORMAT, "unexpected default marker in COPY data")
                            .detail(format!("Column \"{}\" has no default value.", column.name)));
                    }
                    defaults.push((number, row as u32));
                    builder.push_null();
                }
            }
            Ok(())
        });
        let missing = split.as_ref().ok().and_then(|count| Some((*count, known.get(*count)?)));
        if let Some((count, _)) = missing {
            self.partial = Some(partial_row(columns, count, row, line.number));
        }
        let split = match missing {
            Some((_, column)) => {
                Err(err!(BAD_COPY_FILE_FORMAT, "missing data for column \"{}\"", column.name))
            }
            None => split.map(|_| ()),
        };
        if let Err(error) = split {
            defaults.retain(|(_, at)| (*at as usize) < row);
            columns.iter_mut().for_each(|column| column.pad_to(row + 1));
            return Err(self.place.text_line(error, line.number, text));
        }
        Ok(Some(line))
    }

    fn binary_header(&mut self) -> Result<()> {
        let signature = match self.lines.take(BINARY_SIGNATURE.len()) {
            Ok(Some(range)) => self.lines.bytes()[range] == *BINARY_SIGNATURE,
            _ => false,
        };
        if !signature {
            bail!(BAD_COPY_FILE_FORMAT, "COPY file signature not recognized");
        }
        let Some(flags) = self.word()? else {
            bail!(BAD_COPY_FILE_FORMAT, "invalid COPY file header (missing flags)");
        };
        if flags & (1 << 16) != 0 {
            bail!(BAD_COPY_FILE_FORMAT, "invalid COPY file header (WITH OIDS)");
        }
        if flags >> 16 & !1 != 0 {
            bail!(BAD_COPY_FILE_FORMAT, "unrecognized critical flags in COPY file header");
        }
        let Some(length) = self.word()?.filter(|length| *length >= 0) else {
            bail!(BAD_COPY_FILE_FORMAT, "invalid COPY file header (missing length)");
        };
        for _ in 0..length {
            if !matches!(self.lines.take(1), Ok(Some(_))) {
                bail!(BAD_COPY_FILE_FORMAT, "invalid COPY file header (wrong length)");
            }
            self.lines.release();
        }
        Ok(())
    }

    /// A number of four bytes.
    fn word(&mut self) -> Result<Option<i32>> {
        let range = self.lines.take(4)?;
        Ok(range.map(|range| {
            let bytes = &self.lines.bytes()[range];
            i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
        }))
    }

    fn binary_row(&mut self, columns: &mut [ColumnBuilder]) -> Result<Option<Line>> {
        self.lines.line_number += 1;
        let number = self.lines.line_number;
        let row = columns.first().map_or(0, ColumnBuilder::len);
        match self.binary_fields(columns) {
            Ok(true) => Ok(Some(Line { text: 0..0, number })),
            Ok(false) => Ok(None),
            Err((error, column)) => {
                columns.iter_mut().for_each(|column| column.pad_to(row + 1));
                Err(match column {
                    Some(column) => self.place.binary_column(error, number, &self.columns[column].name),
                    None => self.place.line(error, number),
                })
            }
        }
    }

    fn binary_fields(&mut self, columns: &mut [ColumnBuilder]) -> Result<bool, (Error, Option<usize>)> {
        let Some(range) = self.lines.take(2).map_err(|e| (e, None))? else {
            // Without a trailer, as old programs write it.
            return Ok(false);
        };
        let count =
            i16::from_be_bytes([self.lines.bytes()[range.start], self.lines.bytes()[range.start + 1]]);
        if count == -1 {
            return Ok(false);
        }
        if usize::try_from(count).ok() != Some(columns.len()) {
            let expected = columns.len();
            return Err((
                err!(BAD_COPY_FILE_FORMAT, "row field count is {count}, expected {expected}"),
                None,
            ));
        }
        for (number, column) in columns.iter_mut().enumerate() {
            let eof = || (err!(BAD_COPY_FILE_FORMAT, "unexpected EOF in COPY data"), Some(number));
            let size = self.word().map_err(|e| (e, Some(number)))?.ok_or_else(eof)?;
            if size == -1 {
                column.push_null();
                continue;
            }
            let Ok(size) = usize::try_from(size) else {
                return Err((err!(BAD_COPY_FILE_FORMAT, "invalid field size"), Some(number)));
            };
            let range = self.lines.take(size).map_err(|e| (e, Some(number)))?;
            match range {
                Some(range) => push_bytes(column, &self.lines.bytes()[range]),
                None if size == 0 => push_bytes(column, b""),
                None => return Err(eof()),
            }
        }
        Ok(true)
    }
}

/// The last row of the first `count` columns.
fn partial_row(columns: &mut [ColumnBuilder], count: usize, row: usize, line: u64) -> PartialRow {
    let field = |column: &mut ColumnBuilder| {
        let (values, nulls) = column.parts();
        match values {
            Values::Bytes(values) if !nulls.is_null(row) => Some(values.get(row).into()),
            _ => None,
        }
    };
    PartialRow { line, fields: columns.iter_mut().take(count).map(field).collect() }
}

#[inline]
fn push_bytes(builder: &mut ColumnBuilder, value: &[u8]) {
    if let Values::Bytes(values) = builder.parts().0 {
        values.push(value);
    }
}

fn finish(builder: ColumnBuilder, rows: usize, keep: Option<&[u32]>) -> Arc<Column> {
    let column = builder.finish();
    match keep {
        Some(keep) => Arc::new(column.take(keep)),
        // A row that failed has left its first fields behind.
        None if column.len() > rows => Arc::new(column.take(&(0..rows as u32).collect::<Vec<_>>())),
        None => Arc::new(column),
    }
}

/// Which of the file's columns an option names.
///
/// # Errors
/// `42703` and `42P10` for names of no column of this COPY.
pub fn named_columns(
    option: &str,
    columns: &Columns,
    names: &[String],
    relation_has: &dyn Fn(&str) -> Result<()>,
) -> Result<Vec<bool>> {
    match columns {
        Columns::None => Ok(vec![false; names.len()]),
        Columns::All => Ok(vec![true; names.len()]),
        Columns::Named(wanted) => {
            let mut flags = vec![false; names.len()];
            let mut seen: Vec<&str> = Vec::new();
            for name in wanted {
                if seen.contains(&name.as_str()) {
                    bail!(DUPLICATE_COLUMN, "column \"{name}\" specified more than once");
                }
                seen.push(name);
                match names.iter().position(|n| n == name) {
                    Some(at) => flags[at] = true,
                    None => {
                        relation_has(name)?;
                        bail!(INVALID_COLUMN_REFERENCE, "{option} column \"{name}\" not referenced by COPY");
                    }
                }
            }
            Ok(flags)
        }
    }
}
