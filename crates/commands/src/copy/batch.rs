//! Rows of the file on their way to values: where each field stands.

use super::lines::Line;
use base::Error;
use std::ops::Range;

/// Where a field's value is: in the reader's buffer, or among what was made of escapes.
#[derive(Clone, Copy)]
struct Span {
    /// Of a value out of place, with [`MADE`].
    start: u32,
    /// [`NULL`] for none.
    len: u32,
}

const NULL: u32 = u32::MAX;
const MADE: u32 = 1 << 31;

/// Rows of the file.
pub struct FieldBatch {
    /// Row by row; what stands after the last whole row belongs to one under construction.
    spans: Vec<Span>,
    width: usize,
    /// Values that are not in the file as they are.
    made: Vec<u8>,
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

impl FieldBatch {
    /// `width`: columns of the file.
    pub fn new(width: usize, rows: usize) -> FieldBatch {
        FieldBatch {
            spans: Vec::with_capacity(rows * width.min(16)),
            width,
            made: Vec::new(),
            defaults: Vec::new(),
            lines: Vec::with_capacity(rows),
            failure: None,
            partial: None,
        }
    }

    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The next field is this range of the buffer.
    #[inline]
    pub fn push(&mut self, range: Range<usize>) {
        self.spans.push(Span { start: range.start as u32, len: range.len() as u32 });
    }

    /// The next field is a value that stands nowhere in the buffer.
    pub fn push_made(&mut self, value: &[u8]) {
        let span = Span { start: self.made.len() as u32 | MADE, len: value.len() as u32 };
        self.made.extend_from_slice(value);
        self.spans.push(span);
    }

    #[inline]
    pub fn push_null(&mut self) {
        self.spans.push(Span { start: 0, len: NULL });
    }

    /// The next field is its column's default.
    pub fn push_default(&mut self) {
        self.defaults.push((self.pending(), self.rows() as u32));
        self.push_null();
    }

    /// Fields of the row under construction.
    #[inline]
    pub fn pending(&self) -> usize {
        self.spans.len() - self.rows() * self.width
    }

    /// The row under construction is whole.
    #[inline]
    pub fn end_row(&mut self, line: Line) {
        debug_assert_eq!(self.pending(), self.width);
        self.lines.push(line);
    }

    /// Forgets the row under construction.
    pub fn drop_row(&mut self) {
        self.truncate(self.rows());
    }

    /// Keeps the first rows only.
    pub fn truncate(&mut self, rows: usize) {
        self.lines.truncate(rows);
        self.spans.truncate(rows * self.width);
        self.defaults.retain(|(_, row)| (*row as usize) < rows);
    }

    /// The fields of the row under construction, as they would be read.
    pub fn pending_row(&self, buffer: &[u8], line: u64) -> PartialRow {
        let spans = &self.spans[self.rows() * self.width..];
        let field = |span: &Span| self.resolve(*span, buffer).map(|(bytes, range)| bytes[range].into());
        PartialRow { line, fields: spans.iter().map(field).collect() }
    }

    #[inline]
    fn resolve<'b>(&'b self, span: Span, buffer: &'b [u8]) -> Option<(&'b [u8], Range<usize>)> {
        if span.len == NULL {
            return None;
        }
        let start = (span.start & !MADE) as usize;
        let base = if span.start & MADE != 0 { &self.made[..] } else { buffer };
        Some((base, start..start + span.len as usize))
    }

    /// A column's fields: each is a range of the bytes beside it; `None` is NULL.
    #[inline]
    pub fn column<'b>(
        &'b self,
        column: usize,
        buffer: &'b [u8],
    ) -> impl Iterator<Item = Option<(&'b [u8], Range<usize>)>> {
        let whole = &self.spans[..self.rows() * self.width];
        whole.iter().skip(column).step_by(self.width.max(1)).map(|span| self.resolve(*span, buffer))
    }

    /// One field; `None` for NULL.
    pub fn field<'b>(&'b self, row: usize, column: usize, buffer: &'b [u8]) -> Option<&'b [u8]> {
        self.resolve(self.spans[row * self.width + column], buffer).map(|(bytes, range)| &bytes[range])
    }
}
