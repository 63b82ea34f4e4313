//! From a line to its fields, in text and CSV.

use super::options::{CopyFormat, CopyOptions};
use base::{Result, bail};
use memchr::{memchr, memchr2};

/// What one field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Value,
    Null,
    Default,
}

/// Takes lines apart. Markers for NULL and DEFAULT are compared before escapes are resolved, so that an escaped one is data.
pub struct Splitter<'a> {
    options: &'a CopyOptions,
}

impl<'a> Splitter<'a> {
    pub fn new(options: &'a CopyOptions) -> Splitter<'a> {
        Splitter { options }
    }

    /// Calls `field` with each field's number, its value and what it is. For NULL and DEFAULT the value is the marker itself.
    ///
    /// # Errors
    /// `22P04` for a quote without end, `22021` for escapes that give no UTF-8, and what `field` fails with.
    pub fn split(
        &self,
        line: &[u8],
        scratch: &mut Vec<u8>,
        field: &mut dyn FnMut(usize, &[u8], Field) -> Result<()>,
    ) -> Result<usize> {
        match self.options.format {
            CopyFormat::Csv => self.split_csv(line, scratch, field),
            _ => self.split_text(line, scratch, field),
        }
    }

    pub fn kind(&self, raw: &[u8]) -> Field {
        if raw == self.options.null {
            Field::Null
        } else if self.options.default.as_deref() == Some(raw) {
            Field::Default
        } else {
            Field::Value
        }
    }

    fn split_text(
        &self,
        line: &[u8],
        scratch: &mut Vec<u8>,
        field: &mut dyn FnMut(usize, &[u8], Field) -> Result<()>,
    ) -> Result<usize> {
        let delimiter = self.options.delimiter;
        let (mut start, mut number) = (0, 0);
        loop {
            let rest = &line[start..];
            let (len, escaped) = match memchr2(delimiter, b'\\', rest) {
                None => (rest.len(), false),
                Some(at) if rest[at] == delimiter => (at, false),
                Some(at) => (end_of_escaped(rest, at, delimiter), true),
            };
            let raw = &rest[..len];
            let kind = self.kind(raw);
            if escaped && kind == Field::Value {
                unescape(raw, scratch)?;
                field(number, scratch, kind)?;
            } else {
                field(number, raw, kind)?;
            }
            number += 1;
            start += len + 1;
            if start > line.len() {
                return Ok(number);
            }
        }
    }

    fn split_csv(
        &self,
        line: &[u8],
        scratch: &mut Vec<u8>,
        field: &mut dyn FnMut(usize, &[u8], Field) -> Result<()>,
    ) -> Result<usize> {
        let CopyOptions { delimiter, quote, .. } = *self.options;
        let (mut start, mut number) = (0, 0);
        loop {
            let rest = &line[start..];
            let len = match memchr2(delimiter, quote, rest) {
                None => rest.len(),
                Some(at) if rest[at] == delimiter => at,
                Some(at) => {
                    let len = self.unquote(rest, at, scratch)?;
                    // A quoted marker is data.
                    field(number, scratch, Field::Value)?;
                    number += 1;
                    start += len + 1;
                    if start > line.len() {
                        return Ok(number);
                    }
                    continue;
                }
            };
            let raw = &rest[..len];
            field(number, raw, self.kind(raw))?;
            number += 1;
            start += len + 1;
            if start > line.len() {
                return Ok(number);
            }
        }
    }

    /// A field whose first quote is at `at`: its value to `value`; the length of its raw form.
    fn unquote(&self, rest: &[u8], mut at: usize, value: &mut Vec<u8>) -> Result<usize> {
        let CopyOptions { delimiter, quote, escape, .. } = *self.options;
        value.clear();
        value.extend_from_slice(&rest[..at]);
        loop {
            // Within quotes, from after the opening one.
            at += 1;
            loop {
                let Some(found) = memchr2(quote, escape, &rest[at..]) else {
                    bail!(BAD_COPY_FILE_FORMAT, "unterminated CSV quoted field");
                };
                value.extend_from_slice(&rest[at..at + found]);
                at += found;
                let next = rest.get(at + 1).copied();
                if rest[at] == escape && next.is_some_and(|next| next == quote || next == escape) {
                    value.push(rest[at + 1]);
                    at += 2;
                } else if rest[at] == quote {
                    break;
                } else {
                    value.push(rest[at]);
                    at += 1;
                }
            }
            at += 1;
            // Outside again, until a delimiter or another quote.
            let Some(found) = memchr2(delimiter, quote, &rest[at..]) else {
                value.extend_from_slice(&rest[at..]);
                return Ok(rest.len());
            };
            value.extend_from_slice(&rest[at..at + found]);
            at += found;
            if rest[at] == delimiter {
                return Ok(at);
            }
        }
    }
}

/// Where a field ends that has its first backslash at `at`.
fn end_of_escaped(rest: &[u8], mut at: usize, delimiter: u8) -> usize {
    loop {
        // The byte after a backslash is never a delimiter.
        at += 2;
        if at >= rest.len() {
            return rest.len();
        }
        match memchr2(delimiter, b'\\', &rest[at..]) {
            None => return rest.len(),
            Some(found) if rest[at + found] == delimiter => return at + found,
            Some(found) => at += found,
        }
    }
}

/// Resolves the text format's backslash sequences.
pub fn unescape(raw: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.clear();
    let mut rest = raw;
    let mut made_bytes = false;
    while let Some(at) = memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let Some((&byte, after)) = rest.split_first() else {
            // A backslash at the very end stands for itself.
            out.push(b'\\');
            break;
        };
        rest = after;
        match byte {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'0'..=b'7' => {
                let digits = rest.iter().take(2).take_while(|b| (b'0'..=b'7').contains(b)).count();
                let value =
                    rest[..digits].iter().fold(u32::from(byte - b'0'), |v, d| v * 8 + u32::from(d - b'0'));
                rest = &rest[digits..];
                out.push(value as u8);
                made_bytes |= value == 0 || value > 127;
            }
            b'x' => {
                let digits = rest.iter().take(2).take_while(|b| b.is_ascii_hexdigit()).count();
                if digits == 0 {
                    out.push(b'x');
                    continue;
                }
                let digit = |b: &u8| char::from(*b).to_digit(16).unwrap_or(0);
                let value = rest[..digits].iter().fold(0, |v, d| v * 16 + digit(d));
                rest = &rest[digits..];
                out.push(value as u8);
                made_bytes |= value == 0 || value > 127;
            }
            other => out.push(other),
        }
    }
    out.extend_from_slice(rest);
    if made_bytes {
        adt::encoding::validate_utf8(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str, options: &CopyOptions) -> Result<Vec<Option<String>>> {
        let mut found = Vec::new();
        Splitter::new(options).split(line.as_bytes(), &mut Vec::new(), &mut |number, value, kind| {
            assert_eq!(number, found.len());
            let value = String::from_utf8_lossy(value).into_owned();
            found.push((kind == Field::Value).then_some(value));
            Ok(())
        })?;
        Ok(found)
    }

    fn text() -> CopyOptions {
        CopyOptions { delimiter: b'\t', null: b"\\N".to_vec(), ..CopyOptions::default() }
    }

    fn csv(escape: u8) -> CopyOptions {
        let format = CopyFormat::Csv;
        CopyOptions {
            format,
            delimiter: b',',
            quote: b'"',
            escape,
            null: Vec::new(),
            ..CopyOptions::default()
        }
    }

    #[test]
    fn text_fields() {
        let cases: &[(&str, &[Option<&str>])] = &[
            ("", &[Some("")]),
            ("a\tb", &[Some("a"), Some("b")]),
            ("a\t", &[Some("a"), Some("")]),
            ("\\N\t\\\\N", &[None, Some("\\N")]),
            ("a\\\tb\tc", &[Some("a\tb"), Some("c")]),
            ("\\b\\f\\n\\r\\t\\v", &[Some("\u{8}\u{c}\n\r\t\u{b}")]),
            ("\\101\\x42\\q\\xz", &[Some("ABqxz")]),
            ("\\303\\244", &[Some("ä")]),
            ("a\\", &[Some("a\\")]),
        ];
        for (line, expected) in cases {
            let expected: Vec<_> = expected.iter().map(|f| f.map(str::to_owned)).collect();
            assert_eq!(fields(line, &text()).unwrap(), expected, "{line:?}");
        }
        assert_eq!(
            fields("\\377", &text()).unwrap_err().state(),
            base::SqlState::CHARACTER_NOT_IN_REPERTOIRE
        );
    }

    #[test]
    fn csv_fields() {
        let cases: &[(u8, &str, &[Option<&str>])] = &[
            (b'"', "", &[None]),
            (b'"', "a,b", &[Some("a"), Some("b")]),
            (b'"', "a,,\"\"", &[Some("a"), None, Some("")]),
            (b'"', "\"a,b\",\"c\"\"d\"", &[Some("a,b"), Some("c\"d")]),
            (b'"', "x\"y,z\"w", &[Some("xy,zw")]),
            (b'"', "\"a\nb\",c", &[Some("a\nb"), Some("c")]),
            (b'\\', "\"a\\\"b\",\"c\\d\\\\\"", &[Some("a\"b"), Some("c\\d\\")]),
        ];
        for (escape, line, expected) in cases {
            let expected: Vec<_> = expected.iter().map(|f| f.map(str::to_owned)).collect();
            assert_eq!(fields(line, &csv(*escape)).unwrap(), expected, "{line:?}");
        }
        assert_eq!(fields("\"a", &csv(b'"')).unwrap_err().message(), "unterminated CSV quoted field");
    }

    #[test]
    fn any_bytes_are_taken_apart() {
        // Small alphabets reach all the corners within few bytes.
        let mut state = 7u64;
        for _ in 0..20_000 {
            let mut line = Vec::new();
            for _ in 0..8 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                line.push(b"a,\"\\0x\t7N"[(state >> 40) as usize % 9]);
            }
            for options in [text(), csv(b'"'), csv(b'\\')] {
                let mut count = 0;
                let split = Splitter::new(&options).split(&line, &mut Vec::new(), &mut |_, _, _| {
                    count += 1;
                    Ok(())
                });
                assert!(split.is_err() || split.is_ok_and(|fields| fields == count && fields <= 9));
            }
        }
    }
}
