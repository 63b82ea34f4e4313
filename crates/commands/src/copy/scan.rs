//! Rows in which nothing is unusual, taken apart in one pass: delimiters and line ends are found 64 bytes at a time. A row that holds a
//! carriage return, a quote or an end marker, or whose fields do not fit the columns, is left to [`super::lines`] and [`super::fields`].

use super::batch::FieldBatch;
use super::fields::{Field, Splitter};
use super::lines::{Line, MAX_LINE_BYTES};
use super::options::{CopyFormat, CopyOptions};
use super::read::FileColumn;

/// Why the rows end where they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The batch is full.
    Full,
    /// The next row is none for this module.
    Unusual,
    /// The buffer ends within a row.
    Short,
}

/// Bytes looked at together.
const BLOCK: usize = 64;

/// See the module's text.
pub struct PlainRows<'a> {
    options: &'a CopyOptions,
    splitter: Splitter<'a>,
    columns: &'a [FileColumn],
    /// What starts something unusual: a backslash in text, a quote in CSV.
    special: u8,
    /// The marker for NULL has a backslash in it, as fields without any have not.
    null_is_escaped: bool,
}

/// A row under construction.
struct Row {
    start: usize,
    field: usize,
    fields: usize,
    /// The field has a backslash.
    escaped: bool,
    /// What a backslash takes its meaning from.
    ignored: usize,
}

impl<'a> PlainRows<'a> {
    pub fn new(options: &'a CopyOptions, columns: &'a [FileColumn]) -> PlainRows<'a> {
        let text = options.format == CopyFormat::Text;
        PlainRows {
            options,
            splitter: Splitter::new(options),
            columns,
            special: if text { b'\\' } else { options.quote },
            null_is_escaped: text && options.null.contains(&b'\\'),
        }
    }

    /// Takes rows from `start` on until there are `rows` or they reach `end`. Returns where the first row stands that was not taken.
    pub fn take(
        &self,
        buffer: &[u8],
        start: usize,
        (rows, end): (usize, usize),
        line_number: u64,
        scratch: &mut Vec<u8>,
        batch: &mut FieldBatch,
    ) -> (usize, Stop) {
        let marks = [self.options.delimiter, b'\n', b'\r', self.special];
        let before = batch.rows() as u64;
        let mut row = Row { start, field: start, fields: 0, escaped: false, ignored: usize::MAX };
        let mut base = start;
        let stop = 'rows: loop {
            let mut found = marked(&buffer[base..], marks);
            while found != 0 {
                let at = base + found.trailing_zeros() as usize;
                found &= found - 1;
                if at == row.ignored {
                    continue;
                }
                let byte = buffer[at];
                if byte == self.options.delimiter || byte == b'\n' {
                    if !self.end_field(buffer, at, &mut row, scratch, batch) {
                        break 'rows Stop::Unusual;
                    }
                    if byte != b'\n' {
                        continue;
                    }
                    if row.fields != self.columns.len() || at - row.start > MAX_LINE_BYTES {
                        break 'rows Stop::Unusual;
                    }
                    let number = line_number + batch.rows() as u64 - before + 1;
                    batch.end_row(Line { text: row.start..at, number });
                    (row.start, row.fields) = (at + 1, 0);
                    if batch.rows() >= rows || row.start >= end {
                        break 'rows Stop::Full;
                    }
                } else if byte == b'\\' && self.options.format == CopyFormat::Text {
                    match buffer.get(at + 1) {
                        None => break 'rows Stop::Short,
                        Some(b'.') => break 'rows Stop::Unusual,
                        Some(_) => (row.escaped, row.ignored) = (true, at + 1),
                    }
                } else {
                    break 'rows Stop::Unusual;
                }
            }
            base += BLOCK;
            if base >= buffer.len() {
                break Stop::Short;
            }
        };
        batch.drop_row();
        (row.start, stop)
    }

    /// The field that ends at `at` goes to the batch; false when that is not for this module.
    #[inline]
    fn end_field(
        &self,
        buffer: &[u8],
        at: usize,
        row: &mut Row,
        scratch: &mut Vec<u8>,
        batch: &mut FieldBatch,
    ) -> bool {
        let Some(column) = self.columns.get(row.fields) else { return false };
        let range = row.field..at;
        let escaped = std::mem::take(&mut row.escaped);
        row.field = at + 1;
        row.fields += 1;
        let plain = !escaped && self.null_is_escaped && self.options.default.is_none();
        if plain {
            batch.push(range);
            return true;
        }
        let raw = &buffer[range.clone()];
        match self.splitter.kind(raw) {
            Field::Null if !column.force_not_null => batch.push_null(),
            Field::Default if column.has_default => batch.push_default(),
            Field::Default => return false,
            Field::Value if escaped => {
                if super::fields::unescape(raw, scratch).is_err() {
                    return false;
                }
                batch.push_made(scratch);
            }
            Field::Null | Field::Value => batch.push(range),
        }
        true
    }
}

/// One bit for each of the first 64 bytes that is one of `marks`.
#[inline]
fn marked(bytes: &[u8], marks: [u8; 4]) -> u64 {
    match bytes.first_chunk::<BLOCK>() {
        Some(block) => marked_in_block(block, marks),
        None => {
            let mut block = [0; BLOCK];
            block[..bytes.len()].copy_from_slice(bytes);
            marked_in_block(&block, marks) & ((1 << bytes.len()) - 1)
        }
    }
}

#[inline]
fn marked_in_block(block: &[u8; BLOCK], [a, b, c, d]: [u8; 4]) -> u64 {
    // The compiler compares 16 or more bytes at once.
    let is_mark = block.map(|byte| u8::from((byte == a) | (byte == b) | (byte == c) | (byte == d)));
    // The product gathers the lowest bits of eight bytes in its highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (words, _) = is_mark.as_chunks::<8>();
    words
        .iter()
        .rev()
        .fold(0, |found, word| found << 8 | u64::from_le_bytes(*word).wrapping_mul(GATHER) >> 56)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_wherever_they_stand() {
        for length in 0..=70 {
            for at in 0..length {
                let mut bytes = vec![b'x'; length];
                bytes[at] = b'\n';
                let expected = if at < BLOCK { 1 << at } else { 0 };
                assert_eq!(marked(&bytes, [b',', b'\n', b'\r', b'"']), expected, "{length} {at}");
            }
        }
    }

    /// Whatever is taken here must be what lines and fields make of it.
    #[test]
    fn plain_rows_are_what_the_splitter_finds() {
        let mut state = 11_u64;
        for round in 0..30_000 {
            let mut text = Vec::new();
            for _ in 0..40 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.push(b"ab,,\n\n\\N.\"\rx7"[(state >> 40) as usize % 13]);
            }
            let csv = round % 2 == 0;
            let options = CopyOptions {
                format: if csv { CopyFormat::Csv } else { CopyFormat::Text },
                delimiter: b',',
                quote: b'"',
                escape: b'"',
                null: if csv { Vec::new() } else { b"\\N".to_vec() },
                ..CopyOptions::default()
            };
            let column = || FileColumn {
                name: "c".to_owned(),
                has_default: false,
                force_null: false,
                force_not_null: false,
            };
            let columns = [column(), column()];
            let mut batch = FieldBatch::new(2, 10);
            let plain = PlainRows::new(&options, &columns);
            let (end, _) = plain.take(&text, 0, (100, 100), 0, &mut Vec::new(), &mut batch);
            let mut start = 0;
            for (row, line) in batch.lines.iter().enumerate() {
                assert_eq!((line.text.start, line.number), (start, row as u64 + 1));
                start = line.text.end + 1;
                let mut fields = Vec::new();
                let split = Splitter::new(&options).split(
                    &text[line.text.clone()],
                    &mut Vec::new(),
                    &mut |_, value, kind| {
                        fields.push((kind == Field::Value).then(|| value.to_vec()));
                        Ok(())
                    },
                );
                assert_eq!(split.unwrap(), 2);
                let taken: Vec<_> = (0..2).map(|c| batch.field(row, c, &text).map(<[u8]>::to_vec)).collect();
                assert_eq!(taken, fields, "{:?}", String::from_utf8_lossy(&text));
            }
            assert_eq!(start, end);
        }
    }
}
