//! Rows as COPY TO writes them.

use super::options::{CopyFormat, CopyOptions};
use crate::output::Converted;

/// Writes rows of one COPY in its format.
pub struct Writer<'a> {
    options: &'a CopyOptions,
    /// Columns that are quoted whatever they hold (FORCE_QUOTE).
    force_quote: Vec<bool>,
    /// Bytes that the text form has to escape.
    special: [bool; 256],
    /// Texts of letters, digits, blanks and `+-.:/` never need anything.
    trusts_plain: bool,
    scratch: Vec<u8>,
}

pub const BINARY_SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

impl<'a> Writer<'a> {
    pub fn new(options: &'a CopyOptions, force_quote: Vec<bool>) -> Writer<'a> {
        let mut special = [false; 256];
        match options.format {
            CopyFormat::Csv => {
                for byte in [options.delimiter, options.quote, b'\n', b'\r'] {
                    special[usize::from(byte)] = true;
                }
            }
            _ => {
                for byte in [options.delimiter, b'\\', 8, 9, 10, 11, 12, 13] {
                    special[usize::from(byte)] = true;
                }
            }
        }
        let trusts_plain = b"\t,;|".contains(&options.delimiter)
            && (options.format != CopyFormat::Csv
                || b"\"'".contains(&options.quote) && options.null.is_empty());
        Writer { options, force_quote, special, trusts_plain, scratch: Vec::new() }
    }

    /// What comes before all rows.
    pub fn begin(&mut self, names: &[&str], out: &mut Vec<u8>) {
        match self.options.format {
            CopyFormat::Binary => {
                out.extend_from_slice(BINARY_SIGNATURE);
                out.extend_from_slice(&[0; 8]);
            }
            _ if self.options.header == super::options::Header::No => {}
            format => {
                for (number, name) in names.iter().enumerate() {
                    if number > 0 {
                        out.push(self.options.delimiter);
                    }
                    match format {
                        CopyFormat::Csv => self.quoted(name.as_bytes(), false, names.len() == 1, out),
                        _ => self.escaped(name.as_bytes(), out),
                    }
                }
                out.push(b'\n');
            }
        }
    }

    /// What comes after all rows.
    pub fn end(&self, out: &mut Vec<u8>) {
        if self.options.format == CopyFormat::Binary {
            out.extend_from_slice(&(-1i16).to_be_bytes());
        }
    }

    pub fn row(&mut self, rows: &Converted<'_>, row: usize, out: &mut Vec<u8>) {
        if self.options.format == CopyFormat::Binary {
            return binary(rows, row, out);
        }
        for column in 0..rows.width() {
            if column > 0 {
                out.push(self.options.delimiter);
            }
            if rows.is_null(column, row) {
                out.extend_from_slice(&self.options.null);
                continue;
            }
            let start = out.len();
            rows.push(column, row, out);
            let force = self.force_quote.get(column).copied().unwrap_or(false);
            if self.trusts_plain && !force && rows.is_plain(column) {
                continue;
            }
            let alone = rows.width() == 1;
            if self.options.format == CopyFormat::Text {
                if self.has_special(&out[start..]) {
                    let value = self.take_back(start, out);
                    self.escaped(&value, out);
                    self.scratch = value;
                }
            } else if self.needs_quotes(&out[start..], force, alone) {
                let value = self.take_back(start, out);
                self.quoted(&value, force, alone, out);
                self.scratch = value;
            }
        }
        out.push(b'\n');
    }

    fn has_special(&self, value: &[u8]) -> bool {
        // Few texts have a control character, and looking for one needs no table.
        let CopyOptions { delimiter, quote, format, .. } = *self.options;
        let other = if format == CopyFormat::Csv { quote } else { b'\\' };
        let mark = |byte: u8| (byte < 14) | (byte == delimiter) | (byte == other);
        value.iter().fold(false, |found, byte| found | mark(*byte))
            && value.iter().any(|byte| self.special[usize::from(*byte)])
    }

    /// Moves what was written from `start` on into the scratch buffer.
    fn take_back(&mut self, start: usize, out: &mut Vec<u8>) -> Vec<u8> {
        let mut value = std::mem::take(&mut self.scratch);
        value.clear();
        value.extend_from_slice(&out[start..]);
        out.truncate(start);
        value
    }

    fn escaped(&self, value: &[u8], out: &mut Vec<u8>) {
        for byte in value {
            if !self.special[usize::from(*byte)] {
                out.push(*byte);
                continue;
            }
            out.push(b'\\');
            out.push(match byte {
                8 => b'b',
                9 => b't',
                10 => b'n',
                11 => b'v',
                12 => b'f',
                13 => b'r',
                other => *other,
            });
        }
    }

    fn needs_quotes(&self, value: &[u8], force: bool, alone: bool) -> bool {
        force || value == self.options.null.as_slice() || alone && value == b"\\." || self.has_special(value)
    }

    fn quoted(&self, value: &[u8], force: bool, alone: bool, out: &mut Vec<u8>) {
        let CopyOptions { quote, escape, .. } = self.options;
        if !self.needs_quotes(value, force, alone) {
            out.extend_from_slice(value);
            return;
        }
        out.push(*quote);
        for byte in value {
            if byte == quote || byte == escape {
                out.push(*escape);
            }
            out.push(*byte);
        }
        out.push(*quote);
    }
}

fn binary(rows: &Converted<'_>, row: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(rows.width() as i16).to_be_bytes());
    for column in 0..rows.width() {
        let at = out.len();
        out.extend_from_slice(&(-1i32).to_be_bytes());
        if !rows.is_null(column, row) {
            rows.push(column, row, out);
            let len = (out.len() - at - 4) as i32;
            out[at..at + 4].copy_from_slice(&len.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(options: &CopyOptions, value: &str, csv: bool) -> String {
        let writer = Writer::new(options, Vec::new());
        let mut out = Vec::new();
        match csv {
            true => writer.quoted(value.as_bytes(), false, true, &mut out),
            false => writer.escaped(value.as_bytes(), &mut out),
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_that_need_it_are_escaped_or_quoted() {
        let text = CopyOptions { delimiter: b'|', null: b"\\N".to_vec(), ..CopyOptions::default() };
        for (value, expected) in
            [("a", "a"), ("a|b\\c", "a\\|b\\\\c"), ("\t\n\r\u{8}\u{c}\u{b}", "\\t\\n\\r\\b\\f\\v")]
        {
            assert_eq!(written(&text, value, false), expected);
        }
        let tab = CopyOptions { delimiter: b'\t', ..text.clone() };
        assert_eq!(written(&tab, "a\tb|", false), "a\\tb|");
        let csv = CopyOptions {
            format: CopyFormat::Csv,
            delimiter: b',',
            quote: b'"',
            escape: b'"',
            ..CopyOptions::default()
        };
        for (value, expected) in [
            ("a", "a"),
            ("", "\"\""),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\nb", "\"a\nb\""),
            ("\\.", "\"\\.\""),
        ] {
            assert_eq!(written(&csv, value, true), expected);
        }
    }
}
