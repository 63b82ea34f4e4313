//! From lines or binary rows to batches of fields.

use super::batch::{FieldBatch, PartialRow};
use super::context::Place;
use super::fields::{Field, Splitter};
use super::lines::{Line, Lines};
use super::options::{Columns, CopyFormat, CopyOptions, Header};
use super::scan::{PlainRows, Stop};
use super::write::BINARY_SIGNATURE;
use base::{Error, Result, bail, err};
use datum::MAX_BATCH_ROWS;

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
    columns: &'a [FileColumn],
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
        columns: &'a [FileColumn],
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
        for (number, (name, column)) in names.iter().zip(self.columns).enumerate() {
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
        let mut batch = FieldBatch::new(self.columns.len(), MAX_BATCH_ROWS);
        self.read_rows(&mut batch);
        if let Some((failed, error)) = self.invalid_text(&batch.lines) {
            self.partial = None;
            batch.truncate(failed);
            self.failure = Some(error);
        }
        batch.partial = self.partial.take();
        if batch.rows() == 0 && batch.partial.is_none() {
            return self.failure.take().map_or(Ok(None), Err);
        }
        batch.failure = self.failure.take();
        Ok(Some(batch))
    }

    fn read_rows(&mut self, batch: &mut FieldBatch) {
        let plain = PlainRows::new(self.options, self.columns);
        let takes = self.options.format != CopyFormat::Binary && !self.columns.is_empty();
        while batch.rows() < MAX_BATCH_ROWS && self.lines.held() < BATCH_BYTES {
            if takes && self.lines.may_take() {
                let (before, start) = (batch.rows(), self.lines.position());
                let (number, limits) = (self.lines.line_number, (MAX_BATCH_ROWS, BATCH_BYTES));
                let (next, stop) =
                    plain.take(self.lines.bytes(), start, limits, number, &mut self.scratch, batch);
                self.lines.taken(next, (batch.rows() - before) as u64);
                // What is here already need not wait for more.
                if stop == Stop::Full || stop == Stop::Short && batch.rows() > 0 && !self.lines.is_ended() {
                    return;
                }
            }
            let read = match self.options.format {
                CopyFormat::Binary => self.binary_row(batch),
                _ => self.text_row(batch),
            };
            match read {
                Ok(Some(line)) => batch.end_row(line),
                Ok(None) => {
                    self.ended = true;
                    return;
                }
                Err(error) => {
                    self.failure = Some(error);
                    return;
                }
            }
        }
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

    /// One row's fields to the batch, all or none of them.
    fn text_row(&mut self, batch: &mut FieldBatch) -> Result<Option<Line>> {
        let line = match self.lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(None),
            Err(error) => {
                let number = self.lines.line_number;
                return Err(self.place.line(error, number));
            }
        };
        let text = &self.lines.bytes()[line.text.clone()];
        let known = self.columns;
        let split = Splitter::new(self.options).split(text, &mut self.scratch, &mut |number, value, kind| {
            let Some(column) = known.get(number) else {
                // A table without columns has rows of nothing at all.
                if known.is_empty() && value.is_empty() {
                    return Ok(());
                }
                bail!(BAD_COPY_FILE_FORMAT, "extra data after last expected column");
            };
            match kind {
                Field::Value if column.force_null && value == self.options.null => batch.push_null(),
                Field::Null if !column.force_not_null => batch.push_null(),
                Field::Value | Field::Null => batch.push_made(value),
                Field::Default if column.has_default => batch.push_default(),
                Field::Default => {
                    return Err(err!(BAD_COPY_FILE_FORMAT, "unexpected default marker in COPY data")
                        .detail(format!("Column \"{}\" has no default value.", column.name)));
                }
            }
            Ok(())
        });
        let split = split.and_then(|count| match known.get(count) {
            Some(column) => {
                self.partial = Some(batch.pending_row(self.lines.bytes(), line.number));
                Err(err!(BAD_COPY_FILE_FORMAT, "missing data for column \"{}\"", column.name))
            }
            None => Ok(()),
        });
        if let Err(error) = split {
            batch.drop_row();
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

    fn binary_row(&mut self, batch: &mut FieldBatch) -> Result<Option<Line>> {
        self.lines.line_number += 1;
        let number = self.lines.line_number;
        match self.binary_fields(batch) {
            Ok(true) => Ok(Some(Line { text: 0..0, number })),
            Ok(false) => Ok(None),
            Err((error, column)) => {
                batch.drop_row();
                Err(match column {
                    Some(column) => self.place.binary_column(error, number, &self.columns[column].name),
                    None => self.place.line(error, number),
                })
            }
        }
    }

    fn binary_fields(&mut self, batch: &mut FieldBatch) -> Result<bool, (Error, Option<usize>)> {
        let Some(range) = self.lines.take(2).map_err(|e| (e, None))? else {
            // Without a trailer, as old programs write it.
            return Ok(false);
        };
        let count =
            i16::from_be_bytes([self.lines.bytes()[range.start], self.lines.bytes()[range.start + 1]]);
        if count == -1 {
            return Ok(false);
        }
        let expected = self.columns.len();
        if usize::try_from(count).ok() != Some(expected) {
            return Err((
                err!(BAD_COPY_FILE_FORMAT, "row field count is {count}, expected {expected}"),
                None,
            ));
        }
        for number in 0..expected {
            let eof = || (err!(BAD_COPY_FILE_FORMAT, "unexpected EOF in COPY data"), Some(number));
            let size = self.word().map_err(|e| (e, Some(number)))?.ok_or_else(eof)?;
            if size == -1 {
                batch.push_null();
                continue;
            }
            let Ok(size) = usize::try_from(size) else {
                return Err((err!(BAD_COPY_FILE_FORMAT, "invalid field size"), Some(number)));
            };
            match self.lines.take(size).map_err(|e| (e, Some(number)))? {
                Some(range) => batch.push(range),
                None if size == 0 => batch.push_made(b""),
                None => return Err(eof()),
            }
        }
        Ok(true)
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
