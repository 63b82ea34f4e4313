//! From pieces of input to lines.
//!
//! Pieces gather in one buffer; lines are ranges of it, valid until [`Lines::release`]. Where a line ends depends on
//! the style of the first line end, as PostgreSQL has it, and in CSV on quotes.

use super::options::{CopyFormat, CopyOptions};
use base::{Result, bail, err};
use memchr::memchr3;
use std::ops::Range;

/// Where COPY data comes from.
pub trait Source {
    /// Appends the next piece; false at the end.
    ///
    /// # Errors
    /// What reading fails with.
    fn read(&mut self, buffer: &mut Vec<u8>) -> Result<bool>;

    /// All is read.
    ///
    /// # Errors
    /// `38000` when a program failed.
    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnd {
    Unknown,
    Newline,
    CarriageReturn,
    Both,
}

/// A line without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub text: Range<usize>,
    /// Counted from 1; line ends within quotes count, too.
    pub number: u64,
}

/// How far the search for a line's end has come, so that a long line in many pieces is looked at once.
#[derive(Clone, Copy, Default)]
struct Scan {
    at: usize,
    in_quote: bool,
    last_was_escape: bool,
}

enum Found {
    /// The line ends here; the next begins there.
    End {
        end: usize,
        next: usize,
    },
    /// Alone on its line: `\.`.
    Marker {
        next: usize,
    },
    More,
}

pub struct Lines<'a> {
    source: &'a mut dyn Source,
    buffer: Vec<u8>,
    /// What stands before is done with.
    start: usize,
    ended: bool,
    /// `\.` was there.
    marked: bool,
    style: LineEnd,
    csv: bool,
    quote: u8,
    escape: u8,
    scan: Scan,
    pub line_number: u64,
}

/// Pieces are gathered until there is that much to work on.
const FILL_BYTES: usize = 1 << 16;
/// No line may be longer: what one value can hold.
pub const MAX_LINE_BYTES: usize = 0x3fff_ffff;

fn check_length(bytes: usize) -> Result<()> {
    if bytes > MAX_LINE_BYTES {
        bail!(
            PROGRAM_LIMIT_EXCEEDED,
            "string buffer exceeds maximum allowed length ({} bytes)",
            MAX_LINE_BYTES
        );
    }
    Ok(())
}

impl<'a> Lines<'a> {
    pub fn new(source: &'a mut dyn Source, options: &CopyOptions) -> Lines<'a> {
        let csv = options.format == CopyFormat::Csv;
        Lines {
            source,
            buffer: Vec::new(),
            start: 0,
            ended: false,
            marked: false,
            style: LineEnd::Unknown,
            csv,
            quote: options.quote,
            // With the same character for both, a quote toggles and that is all.
            escape: if options.escape == options.quote { 0 } else { options.escape },
            scan: Scan::default(),
            line_number: 0,
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Forgets all lines given so far.
    pub fn release(&mut self) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.scan.at = self.scan.at.saturating_sub(self.start);
            self.start = 0;
        }
    }

    /// The bytes of the lines given since the last release.
    pub fn held(&self) -> usize {
        self.start
    }

    /// Whether the next line may be taken out of the buffer by [`super::scan`], which knows newlines only; then [`Lines::taken`] follows.
    pub fn may_take(&self) -> bool {
        !self.marked
            && matches!(self.style, LineEnd::Unknown | LineEnd::Newline)
            && self.start < self.buffer.len()
    }

    /// Where the next line starts in the buffer.
    pub fn position(&self) -> usize {
        self.start
    }

    /// Lines up to `start` were taken out of the buffer, so many.
    pub fn taken(&mut self, start: usize, lines: u64) {
        if lines > 0 {
            self.style = LineEnd::Newline;
            self.line_number += lines;
            self.begin_line(start);
        }
    }

    /// Whether the source has given everything.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// The next line; `None` at the end of data.
    ///
    /// # Errors
    /// `22P04` for line ends that do not fit the first one's, `54000` for endless lines, and the source's.
    pub fn next(&mut self) -> Result<Option<Line>> {
        if self.marked {
            return Ok(None);
        }
        self.line_number += 1;
        loop {
            match self.find()? {
                Found::End { end, next } => {
                    let text = self.start..end;
                    check_length(text.len())?;
                    self.begin_line(next);
                    return Ok(Some(Line { text, number: self.line_number }));
                }
                Found::Marker { next } => {
                    self.begin_line(next);
                    self.marked = true;
                    return Ok(None);
                }
                Found::More if self.ended => {
                    let text = self.start..self.buffer.len();
                    self.begin_line(self.buffer.len());
                    return Ok((!text.is_empty()).then_some(Line { text, number: self.line_number }));
                }
                Found::More => self.fill()?,
            }
        }
    }

    fn begin_line(&mut self, at: usize) {
        self.start = at;
        self.scan = Scan { at, ..Scan::default() };
    }

    fn fill(&mut self) -> Result<()> {
        let before = self.buffer.len();
        check_length(before - self.start)?;
        while !self.ended && self.buffer.len() - before < FILL_BYTES {
            self.ended = !self.source.read(&mut self.buffer)?;
        }
        Ok(())
    }

    /// Reads what is left, so that the client is heard out.
    ///
    /// # Errors
    /// `08P01` for data after `\.`, from a client.
    pub fn drain(&mut self, strict: bool) -> Result<()> {
        let mut left = !self.buffer[self.start..].is_empty();
        while !self.ended {
            self.buffer.clear();
            self.ended = !self.source.read(&mut self.buffer)?;
            left |= !self.buffer.is_empty();
        }
        if left && strict {
            bail!(PROTOCOL_VIOLATION, "received copy data after EOF marker");
        }
        Ok(())
    }

    fn find(&mut self) -> Result<Found> {
        if self.csv { self.find_csv() } else { self.find_text() }
    }

    fn find_text(&mut self) -> Result<Found> {
        loop {
            let from = self.scan.at;
            let Some(found) = memchr3(b'\n', b'\r', b'\\', &self.buffer[from..]) else {
                self.scan.at = self.buffer.len();
                return Ok(Found::More);
            };
            let at = from + found;
            self.scan.at = at;
            if self.buffer[at] != b'\\' {
                return self.line_end(at);
            }
            match self.buffer.get(at + 1) {
                None => return Ok(Found::More),
                Some(b'.') => return self.marker(at),
                Some(_) => self.scan.at = at + 2,
            }
        }
    }

    fn find_csv(&mut self) -> Result<Found> {
        let line_end_in_quotes = if self.style == LineEnd::Newline { b'\n' } else { b'\r' };
        let mut scan = self.scan;
        let found = loop {
            if !scan.in_quote {
                // Outside of quotes only quotes and line ends matter.
                match memchr3(b'\n', b'\r', self.quote, &self.buffer[scan.at..]) {
                    None => {
                        scan.at = self.buffer.len();
                        break None;
                    }
                    Some(found) => scan.at += found,
                }
            }
            let Some(&byte) = self.buffer.get(scan.at) else { break None };
            if byte == b'\r' && scan.at + 1 == self.buffer.len() && !self.ended {
                break None;
            }
            if scan.in_quote && byte == self.escape && self.escape != 0 {
                scan.last_was_escape = !scan.last_was_escape;
            }
            if byte == self.quote && !scan.last_was_escape {
                scan.in_quote = !scan.in_quote;
            }
            if byte != self.escape {
                scan.last_was_escape = false;
            }
            if scan.in_quote && byte == line_end_in_quotes {
                self.line_number += 1;
            }
            if !scan.in_quote && matches!(byte, b'\n' | b'\r') {
                break Some(scan.at);
            }
            scan.at += 1;
        };
        self.scan = scan;
        found.map_or(Ok(Found::More), |at| self.line_end(at))
    }

    /// A line end at `at` that is no data.
    fn line_end(&mut self, at: usize) -> Result<Found> {
        if self.buffer[at] == b'\n' {
            if matches!(self.style, LineEnd::CarriageReturn | LineEnd::Both) {
                return Err(self.stray("newline", "\\n"));
            }
            self.style = LineEnd::Newline;
            return Ok(Found::End { end: at, next: at + 1 });
        }
        match self.style {
            LineEnd::Newline => Err(self.stray("carriage return", "\\r")),
            LineEnd::CarriageReturn => Ok(Found::End { end: at, next: at + 1 }),
            LineEnd::Unknown | LineEnd::Both => match self.buffer.get(at + 1) {
                None if !self.ended => Ok(Found::More),
                Some(b'\n') => {
                    self.style = LineEnd::Both;
                    Ok(Found::End { end: at, next: at + 2 })
                }
                _ if self.style == LineEnd::Both => Err(self.stray("carriage return", "\\r")),
                _ => {
                    self.style = LineEnd::CarriageReturn;
                    Ok(Found::End { end: at, next: at + 1 })
                }
            },
        }
    }

    fn stray(&self, what: &str, escape: &str) -> base::Error {
        if self.csv {
            err!(BAD_COPY_FILE_FORMAT, "unquoted {what} found in data")
                .hint(format!("Use quoted CSV field to represent {what}."))
        } else {
            err!(BAD_COPY_FILE_FORMAT, "literal {what} found in data")
                .hint(format!("Use \"{escape}\" to represent {what}."))
        }
    }

    /// `\.` at `at`.
    fn marker(&mut self, at: usize) -> Result<Found> {
        const ALONE: &str = "end-of-copy marker is not alone on its line";
        const STYLE: &str = "end-of-copy marker does not match previous newline style";
        let mut next = at + 2;
        let mut byte = self.buffer.get(next).copied();
        if byte.is_none() && !self.ended {
            return Ok(Found::More);
        }
        if self.style == LineEnd::Both {
            match byte {
                Some(b'\r') => {}
                Some(b'\n') => bail!(BAD_COPY_FILE_FORMAT, "{STYLE}"),
                _ => bail!(BAD_COPY_FILE_FORMAT, "{ALONE}"),
            }
            next += 1;
            byte = self.buffer.get(next).copied();
            if byte.is_none() && !self.ended {
                return Ok(Found::More);
            }
        }
        let wanted = if self.style == LineEnd::CarriageReturn { b'\r' } else { b'\n' };
        match byte {
            Some(b'\r' | b'\n') if self.style == LineEnd::Unknown => {}
            Some(byte) if byte == wanted => {}
            Some(b'\r' | b'\n') => bail!(BAD_COPY_FILE_FORMAT, "{STYLE}"),
            _ => bail!(BAD_COPY_FILE_FORMAT, "{ALONE}"),
        }
        if at > self.start {
            bail!(BAD_COPY_FILE_FORMAT, "{ALONE}");
        }
        Ok(Found::Marker { next: next + 1 })
    }

    /// Exactly `count` bytes, for the binary format; `None` when the data ends before the first of them.
    ///
    /// # Errors
    /// `22P04` when the data ends within them.
    pub fn take(&mut self, count: usize) -> Result<Option<Range<usize>>> {
        while self.buffer.len() - self.start < count {
            if self.ended {
                if self.start == self.buffer.len() {
                    return Ok(None);
                }
                bail!(BAD_COPY_FILE_FORMAT, "unexpected EOF in COPY data");
            }
            self.fill()?;
        }
        let range = self.start..self.start + count;
        // Ranges of a batch are told of in 31 bits.
        check_length(range.end / 2)?;
        self.start = range.end;
        Ok(Some(range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub struct Pieces(pub Vec<Vec<u8>>);

    impl Source for Pieces {
        fn read(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
            if self.0.is_empty() {
                return Ok(false);
            }
            buffer.extend(self.0.remove(0));
            Ok(true)
        }
    }

    fn split(text: &str, piece: usize, csv: bool) -> Result<Vec<(String, u64)>> {
        let mut source = Pieces(text.as_bytes().chunks(piece).map(<[u8]>::to_vec).collect());
        let options = CopyOptions {
            format: if csv { CopyFormat::Csv } else { CopyFormat::Text },
            quote: b'"',
            escape: b'"',
            ..CopyOptions::default()
        };
        let mut lines = Lines::new(&mut source, &options);
        let mut found = Vec::new();
        while let Some(line) = lines.next()? {
            found.push((String::from_utf8_lossy(&lines.bytes()[line.text]).into_owned(), line.number));
            lines.release();
        }
        Ok(found)
    }

    #[test]
    fn lines_do_not_depend_on_the_pieces() {
        let cases: &[(&str, bool, &[(&str, u64)])] = &[
            ("a\nb\n", false, &[("a", 1), ("b", 2)]),
            ("a\r\nb\r\n\r\n", false, &[("a", 1), ("b", 2), ("", 3)]),
            ("a\rb", false, &[("a", 1), ("b", 2)]),
            ("a\\\nb\nc\n", false, &[("a\\\nb", 1), ("c", 2)]),
            ("a\n\\.\nb\n", false, &[("a", 1)]),
            ("a\\\\.\n", false, &[("a\\\\.", 1)]),
            ("\"a\nb\",1\nc\n", true, &[("\"a\nb\",1", 1), ("c", 2)]),
            ("x\n\"a\nb\",1\nc\n", true, &[("x", 1), ("\"a\nb\",1", 3), ("c", 4)]),
            ("\\.\nb", true, &[("\\.", 1), ("b", 2)]),
        ];
        for (text, csv, expected) in cases {
            let expected: Vec<_> = expected.iter().map(|(t, n)| ((*t).to_owned(), *n)).collect();
            for piece in [1, 2, 3, 1000] {
                assert_eq!(split(text, piece, *csv).unwrap(), expected, "{text:?} by {piece}");
            }
        }
    }

    #[test]
    fn mixed_line_ends_are_refused() {
        let cases = [
            ("a\nb\r\n", false, "literal carriage return found in data"),
            ("a\rb\nc", false, "literal newline found in data"),
            ("a\r\nb\nc", true, "unquoted newline found in data"),
            ("a\nb\\.\n", false, "end-of-copy marker is not alone on its line"),
            ("a\n\\.b\n", false, "end-of-copy marker is not alone on its line"),
            ("a\r\n\\.\n", false, "end-of-copy marker does not match previous newline style"),
        ];
        for (text, csv, message) in cases {
            for piece in [1, 2, 1000] {
                assert_eq!(split(text, piece, csv).unwrap_err().message(), message, "{text:?}");
            }
        }
    }
}
