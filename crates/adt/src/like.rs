//! LIKE and ILIKE matching, and the translation of SIMILAR TO into a regular expression.

use crate::text::case;
use base::{Error, Result, bail, err};

#[track_caller]
fn invalid_escape_string() -> Error {
    err!(INVALID_ESCAPE_SEQUENCE, "invalid escape string")
        .hint("Escape string must be empty or one character.")
}

/// Bytes of the UTF-8 character that starts here.
fn char_width(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

/// A LIKE pattern with what can be told from it beforehand, for matching many strings.
#[derive(Clone, Debug)]
pub struct Pattern {
    pattern: Vec<u8>,
    shape: Shape,
}

/// Literal texts that need no general matching.
#[derive(Clone, Debug)]
enum Shape {
    /// `abc`
    Exact(Vec<u8>),
    /// `abc%`
    Prefix(Vec<u8>),
    /// `%abc`
    Suffix(Vec<u8>),
    /// `%abc%`
    Inside(Box<memchr::memmem::Finder<'static>>),
    /// `abc%def%ghi`, of which any may be empty: texts at both ends and others in between, in this order.
    Pieces {
        start: Vec<u8>,
        between: Vec<memchr::memmem::Finder<'static>>,
        end: Vec<u8>,
    },
    General,
}

impl Pattern {
    pub fn new(pattern: &str) -> Pattern {
        Pattern { shape: shape_of(pattern.as_bytes()), pattern: pattern.as_bytes().to_vec() }
    }

    /// Whether the whole string, which is UTF-8, matches. Errors: `22025`.
    pub fn matches(&self, bytes: &[u8]) -> Result<bool> {
        Ok(match &self.shape {
            Shape::Exact(literal) => bytes == literal,
            Shape::Prefix(literal) => bytes.starts_with(literal),
            Shape::Suffix(literal) => bytes.ends_with(literal),
            Shape::Inside(finder) => finder.find(bytes).is_some(),
            Shape::Pieces { start, between, end } => matches_pieces(bytes, start, between, end),
            Shape::General => return matches_bytes(bytes, &self.pattern),
        })
    }
}

/// What is between is looked for as far to the left as possible: another place could not do better.
fn matches_pieces(
    text: &[u8],
    start: &[u8],
    between: &[memchr::memmem::Finder<'static>],
    end: &[u8],
) -> bool {
    // Comparing nothing is a call, too.
    let stripped = if start.is_empty() { Some(text) } else { text.strip_prefix(start) };
    let Some(mut rest) = stripped else { return false };
    for finder in between {
        let Some(at) = finder.find(rest) else { return false };
        rest = &rest[at + finder.needle().len()..];
    }
    end.is_empty() || rest.ends_with(end)
}

fn shape_of(pattern: &[u8]) -> Shape {
    let open_start = pattern.first() == Some(&b'%');
    let rest = if open_start { &pattern[1..] } else { pattern };
    // A percent sign at the end is a wildcard unless escaped; literals with escapes take the general way.
    let open_end = rest.last() == Some(&b'%');
    let literal = if open_end { &rest[..rest.len() - 1] } else { rest };
    if literal.iter().any(|c| matches!(c, b'_' | b'\\')) {
        return Shape::General;
    }
    if literal.contains(&b'%') {
        let mut pieces: Vec<&[u8]> = pattern.split(|c| *c == b'%').collect();
        let end = pieces.pop().unwrap_or_default().to_vec();
        let start = pieces[0].to_vec();
        let between = pieces[1..].iter().filter(|piece| !piece.is_empty());
        let finder = |piece: &&[u8]| memchr::memmem::Finder::new(*piece).into_owned();
        return Shape::Pieces { start, between: between.map(finder).collect(), end };
    }
    match (open_start, open_end) {
        (false, false) => Shape::Exact(literal.to_vec()),
        (false, true) => Shape::Prefix(literal.to_vec()),
        (true, false) => Shape::Suffix(literal.to_vec()),
        (true, true) => Shape::Inside(Box::new(memchr::memmem::Finder::new(literal).into_owned())),
    }
}

/// Only the latest `%` needs to be tried again: an earlier one that took more could not do better.
fn matches_bytes(text: &[u8], pattern: &[u8]) -> Result<bool> {
    let (mut t, mut p) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        let matched = match pattern.get(p) {
            Some(b'%') => {
                p += 1;
                if p == pattern.len() {
                    return Ok(true);
                }
                retry = Some((t, p));
                continue;
            }
            Some(b'_') => Some((char_width(text[t]), 1)),
            Some(b'\\') => match pattern.get(p + 1) {
                None => {
                    bail!(INVALID_ESCAPE_SEQUENCE, "LIKE pattern must not end with escape character")
                }
                Some(c) => (*c == text[t]).then_some((1, 2)),
            },
            Some(c) => (*c == text[t]).then_some((1, 1)),
            None => None,
        };
        match (matched, &mut retry) {
            (Some((text_step, pattern_step)), _) => {
                t += text_step;
                p += pattern_step;
            }
            (None, Some((from, resume))) => {
                *from += char_width(text[*from]);
                (t, p) = (*from, *resume);
            }
            (None, None) => return Ok(false),
        }
    }
    Ok(pattern[p..].iter().all(|&c| c == b'%'))
}

/// `text LIKE pattern`. Errors: `22025`.
pub fn like(text: &str, pattern: &str) -> Result<bool> {
    matches_bytes(text.as_bytes(), pattern.as_bytes())
}

/// `text ILIKE pattern`. Errors: `22025`.
pub fn ilike(text: &str, pattern: &str) -> Result<bool> {
    like(&case::lower(text), &case::lower(pattern))
}

/// `LIKE` over bytea: `_` is one byte. Errors: `22025`.
pub fn like_bytes(text: &[u8], pattern: &[u8]) -> Result<bool> {
    // Bytes become characters of the same number, so that one matcher serves both.
    let widen = |bytes: &[u8]| bytes.iter().map(|&byte| char::from(byte)).collect::<String>();
    like(&widen(text), &widen(pattern))
}

/// The one escape character, or none. Errors: `22025`.
fn escape_char(escape: &str) -> Result<Option<char>> {
    let mut chars = escape.chars();
    match (chars.next(), chars.next()) {
        (first, None) => Ok(first),
        _ => Err(invalid_escape_string()),
    }
}

/// `like_escape`: a pattern with its own escape character becomes one with backslashes. Errors: `22025`.
pub fn like_escape(pattern: &str, escape: &str) -> Result<String> {
    let escape = escape_char(escape)?;
    if escape == Some('\\') {
        return Ok(pattern.to_owned());
    }
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut escaped = false;
    for c in pattern.chars() {
        if Some(c) == escape && !escaped {
            out.push('\\');
            escaped = true;
        } else {
            if c == '\\' && !escaped {
                out.push('\\');
            }
            out.push(c);
            escaped = false;
        }
    }
    Ok(out)
}

/// The literal text that every match of a LIKE pattern starts with, and whether the pattern is nothing but that text.
/// For ILIKE it ends at the first letter that has two cases.
pub fn fixed_prefix(pattern: &str, ignore_case: bool) -> (String, bool) {
    let mut prefix = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let literal = match c {
            '%' | '_' => return (prefix, false),
            '\\' => match chars.next() {
                Some(escaped) => escaped,
                None => return (prefix, false),
            },
            c => c,
        };
        if ignore_case && (case::lower_char(literal) != literal || case::upper_char(literal) != literal) {
            return (prefix, false);
        }
        prefix.push(literal);
    }
    (prefix, true)
}

/// `similar_to_escape`: the regular expression for a SIMILAR TO pattern; `None` is the default escape, an empty
/// string no escape at all.
///
/// Escape-double-quote separators mark the part that `substring` returns:
/// `a#"b#"c` becomes `^(?:a){1,1}?(b){1,1}(?:c)$`, in which the first part matches as little as it can.
///
/// # Errors
/// `22025`, `2200C`
pub fn similar_to_regex(pattern: &str, escape: Option<&str>) -> Result<String> {
    let escape = escape_char(escape.unwrap_or("\\"))?;
    let mut out = String::with_capacity(pattern.len() + 16);
    out.push_str("^(?:");
    let mut escaped = false;
    let mut separators = 0;
    let mut bracket_depth = 0;
    // Place inside of a bracket expression: 1 behind the bracket, 2 behind a caret, 3 where `]` ends it.
    let mut bracket_place = 0;
    for c in pattern.chars() {
        if escaped {
            escaped = false;
            if c == '"' && bracket_depth < 1 {
                out.push_str(match separators {
                    0 => "){1,1}?(",
                    1 => "){1,1}(?:",
                    _ => bail!(
                        INVALID_USE_OF_ESCAPE_CHARACTER,
                        "SQL regular expression may not contain more than two escape-double-quote separators"
                    ),
                });
                separators += 1;
            } else {
                out.push('\\');
                out.push(c);
                bracket_place = 3;
            }
        } else if Some(c) == escape {
            escaped = true;
        } else if bracket_depth > 0 {
            if c == '\\' {
                out.push('\\');
            }
            out.push(c);
            match c {
                ']' if bracket_place > 2 => bracket_depth -= 1,
                '[' => {
                    bracket_depth += 1;
                    bracket_place = 3;
                }
                '^' => bracket_place += 1,
                _ => bracket_place = 3,
            }
        } else {
            match c {
                '[' => {
                    out.push(c);
                    bracket_depth = 1;
                    bracket_place = 1;
                }
                '%' => out.push_str(".*"),
                '_' => out.push('.'),
                '(' => out.push_str("(?:"),
                '\\' | '.' | '^' | '$' => {
                    out.push('\\');
                    out.push(c);
                }
                c => out.push(c),
            }
        }
    }
    out.push_str(")$");
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching() {
        for (text, pattern, expected) in [
            ("hello", "h%o", true),
            ("hello", "h_llo", true),
            ("héllo", "h_llo", true),
            ("hello", "%l%", true),
            ("hello", "%x%", false),
            ("a%b", "a\\%b", true),
            ("aab", "%ab", true),
            ("mississippi", "%iss%ip%", true),
            ("mississippi", "m%iss%iss%pi", true),
            ("mississippi", "%iss%iss%iss%", false),
            ("abcab", "ab%%ab", true),
            ("abab", "aba%bab", false),
            ("ab", "ab%b", false),
            ("", "%", true),
            ("", "_", false),
            ("a", "", false),
            ("a", "a\\", false),
        ] {
            assert_eq!(like(text, pattern).unwrap(), expected, "{text} {pattern}");
            assert_eq!(Pattern::new(pattern).matches(text.as_bytes()).unwrap(), expected, "{text} {pattern}");
        }
        assert!(ilike("HÉLLO", "hé%").unwrap());
        assert_eq!(like("b", "\\").unwrap_err().message(), "LIKE pattern must not end with escape character");
        assert_eq!(like_escape("a#%\\", "#").unwrap(), "a\\%\\\\");
        assert_eq!(fixed_prefix("ab\\%c%", false), ("ab%c".to_owned(), false));
    }

    #[test]
    fn similar() {
        assert_eq!(similar_to_regex("%(b|d)_", None).unwrap(), "^(?:.*(?:b|d).)$");
        assert_eq!(similar_to_regex("a#\"b#\"c", Some("#")).unwrap(), "^(?:a){1,1}?(b){1,1}(?:c)$");
        assert_eq!(similar_to_regex("x", Some("ab")).unwrap_err().message(), "invalid escape string");
    }
}
